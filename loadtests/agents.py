"""Agents under locust: the agenda's fragments on the pages; bookings, presence and cancellations by the API."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from locust import between, task

from loadtests.formulaires import read_page
from loadtests.personnes import Personne
from loadtests.visiteur import Inattendu, Visiteur, acquittes, bilan, hasard, rangs

AGENT = os.environ.get("AGENT", "agent")
MOT_DE_PASSE = os.environ.get("MOT_DE_PASSE", "demo")
CLE_API = os.environ.get("CLE_API", f"demo-{AGENT}")


def today() -> date:
    """Today in UTC: near enough for who looks at days around now."""
    return datetime.now(UTC).date()


class Agent(Visiteur):
    """An attached agent: looks at agendas, books by phone for today, marks arrivals, leads visits, cancels."""

    weight = 3
    wait_time = between(0.3, 1.5)

    def on_start(self) -> None:
        """Sign in by the page, and find what this account may do."""
        page = read_page(self.fetch("GET", "/connexion", "GET connexion").text)
        formulaire = next(f for f in page.formulaires.values() if "mot_de_passe" in f.champs)
        champs = formulaire.champs | {"identifiant": AGENT, "mot_de_passe": MOT_DE_PASSE}
        self.fetch("POST", formulaire.action, "POST connexion", champs=champs, attendus=(303,))
        services = self._api("GET", "/services", "API services")["elements"]
        self.services = [s["id"] for s in services if s["canal"] == "rattache" and not s["ferme"]]
        if not self.services:
            raise Inattendu(f"{AGENT} is attached to no service")

    def _api(
        self,
        methode: str,
        chemin: str,
        nom: str,
        json: object = None,
        attendus: Collection[int] = (200,),
        cle: str = "",
    ) -> dict[str, Any]:
        entetes = {"Authorization": f"Bearer {CLE_API}", "Accept": "application/json"}
        if cle:
            entetes["Idempotency-Key"] = cle
        reponse = self.fetch(methode, f"/api/v1{chemin}", nom, json=json, entetes=entetes, attendus=attendus)
        lu: dict[str, Any] = reponse.json()
        if reponse.status_code == 409:
            bilan["overtaken by a colleague (409)"] += 1
        return lu

    def _read_agenda(self, jour: date | None = None) -> dict[str, Any]:
        """One day of one of the services; today, in the service's own time, by default."""
        suite = f"?jour={jour}" if jour else ""
        return self._api("GET", f"/services/{hasard.choice(self.services)}/agenda{suite}", "API agenda")

    def _choose(self, agenda: Mapping[str, Any], *etats: str) -> dict[str, Any] | None:
        choix = [rdv for rdv in agenda["elements"] if rdv["etat"] in etats]
        return hasard.choice(choix) if choix else None

    @task(10)
    def look_at_agenda(self) -> None:
        """The fragment that an open screen fetches, of a day around now."""
        service = hasard.choice(self.services)
        jour = today() + timedelta(days=hasard.randrange(8))
        vue = hasard.choice(("jour", "jour", "semaine"))
        self._quietly(
            lambda: self.fetch(
                "GET", f"/services/{service}/agenda/fragment?jour={jour}&vue={vue}", f"GET agenda/fragment ({vue})"
            )
        )

    @task(4)
    def book_by_phone(self) -> None:
        """A rendez-vous of today or of the next days, for somebody on the line."""
        self._quietly(self._book_by_phone)

    def _book_by_phone(self) -> None:
        service = hasard.choice(self.services)
        motifs = [m for m in self._api("GET", f"/services/{service}/motifs", "API motifs")["elements"] if m["types"]]
        if not motifs:
            return
        motif = hasard.choice(motifs)
        genre = hasard.choice([t for t in motif["types"] if t != "visio"] or motif["types"])
        libres = self._api(
            "GET", f"/services/{service}/creneaux?motif={motif['id']}&type={genre}", "API creneaux"
        )["elements"]  # fmt: skip
        if not libres:
            bilan["nothing free"] += 1
            return
        # Who phones wants to come soon: today gets its arrivals.
        debut = hasard.choice(libres[:40] if hasard.random() < 0.6 else libres)
        personne = Personne(next(rangs))
        corps = {
            "service": service,
            "motif": motif["id"],
            "type": genre,
            "debut": debut["debut"],
            "precision": personne.precision,
            "usager": personne.as_json(),
        }
        lu = self._api("POST", "/rendez-vous", "API book", corps, attendus=(201, 409), cle=str(uuid.uuid4()))
        if "code" in lu:
            acquittes.append(lu["code"])
            bilan["booked by an agent"] += 1

    @task(5)
    def mark_arrival(self) -> None:
        """« Arrivé », for somebody expected today; now and then taken back."""

        def work() -> None:
            rdv = self._choose(self._read_agenda(), "prevu")
            if rdv is None:
                return
            chemin = f"/rendez-vous/{rdv['id']}/arrivee"
            fait = self._api("PUT", chemin, "API arrivee", attendus=(200, 409))
            if fait.get("etat") == "arrive":
                bilan["arrivals"] += 1
                if hasard.random() < 0.1:
                    self._api("DELETE", chemin, "API arrivee (undone)", attendus=(200, 409))

        self._quietly(work)

    @task(3)
    def receive(self) -> None:
        """Lead a visit one step further: call, receive, end."""

        def work() -> None:
            rdv = self._choose(self._read_agenda(), "arrive", "appele", "recu")
            if rdv is not None:
                acte = {"arrive": "appel", "appele": "reception", "recu": "fin"}[rdv["etat"]]
                self._api("POST", f"/rendez-vous/{rdv['id']}/{acte}", f"API {acte}", attendus=(200, 409))
                bilan["steps of a visit"] += 1

        self._quietly(work)

    @task(2)
    def cancel(self) -> None:
        """Cancel somebody's rendez-vous of the coming days."""

        def work() -> None:
            agenda = self._read_agenda(today() + timedelta(days=hasard.randrange(14)))
            rdv = self._choose(agenda, "prevu")
            if rdv is None:
                return
            corps = {"raison": "L'usager a téléphoné : affaire réglée", "revision": rdv["revision"]}
            fait = self._api(
                "POST", f"/rendez-vous/{rdv['id']}/annulation", "API annulation", corps, attendus=(200, 409)
            )
            bilan["cancellations"] += fait.get("etat") == "annule"

        self._quietly(work)

    def _quietly(self, travail: Callable[[], object]) -> None:
        """A failure is already counted: the agent goes on with something else."""
        try:
            travail()
        except Inattendu:
            bilan["broken off"] += 1
