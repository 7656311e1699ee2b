"""Usagers who book through the real pages, agents at work, all on one site of this machine.

    locust -f loadtests/locustfile.py --headless -u 50 -r 10 -t 1m --host http://127.0.0.1:8000

``--host`` is the site's own ``BASE_URL`` (changes are accepted from that very Origin). Agents sign in as ``AGENT``
with ``MOT_DE_PASSE`` and use the API key ``CLE_API``; the defaults are the demo's. Services, motifs, days and hours are
those that the pages and the API offer.

A taken créneau (409) is a legitimate answer, counted apart; a 5xx, a broken connection or an answer that nobody
expected is a failure. With ``DATABASE_URL`` the invariants are asked at the end. Exits non-zero on a failure, a broken
invariant, a confirmation that the database does not know, or when nobody could book at all.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any
from urllib.parse import urlencode, urlsplit

from locust import FastHttpUser, between, events, task
from locust.env import Environment

from loadtests.formulaires import Formulaire, read_code, read_page
from loadtests.parcours import answer_questions, check_hote, choose_debut, choose_jour, fill_coordonnees
from loadtests.personnes import Personne

AGENT = os.environ.get("AGENT", "agent")
MOT_DE_PASSE = os.environ.get("MOT_DE_PASSE", "demo")
CLE_API = os.environ.get("CLE_API", f"demo-{AGENT}")

_hasard = random.Random()
_rangs = count(_hasard.randrange(10**6))
#: Codes that the site acknowledged: the database must know every one of them.
acquittes: list[str] = []
bilan: Counter[str] = Counter()


class Inattendu(Exception):
    """An answer that ends this journey; locust has already counted it as a failure."""


def today() -> date:
    """Today in UTC: near enough for who looks at days around now."""
    return datetime.now(UTC).date()


class Visiteur(FastHttpUser):
    """Somebody on the site: one connection, cookies, forms sent as a browser sends them."""

    abstract = True
    network_timeout = 30.0
    connection_timeout = 10.0

    def fetch(
        self,
        methode: str,
        chemin: str,
        nom: str,
        *,
        champs: Mapping[str, str] | None = None,
        json: object = None,
        entetes: Mapping[str, str] | None = None,
        attendus: Collection[int] = (200,),
    ) -> Any:
        """One request, no redirect followed. Raises Inattendu for a status that is not among ``attendus``."""
        donnees = urlencode(champs) if champs is not None and methode == "POST" else None
        if champs is not None and methode == "GET":
            chemin += f"?{urlencode(champs)}"
        tete = dict(entetes or {"Accept": "text/html"})
        if donnees is not None:
            tete |= {"Origin": check_hote(self.host or ""), "Content-Type": "application/x-www-form-urlencoded"}
        with self.client.request(
            methode, chemin, name=nom, data=donnees, json=json, headers=tete, catch_response=True, allow_redirects=False
        ) as reponse:
            if reponse.status_code in attendus:
                reponse.success()
                return reponse
            reponse.failure(f"{reponse.status_code}: {(reponse.text or '')[:200]!r}")
            raise Inattendu(f"{methode} {nom}: {reponse.status_code}")

    def forget(self) -> None:
        """Become somebody else: no cookie left."""
        self.client.cookiejar.clear()


def read_suite(reponse: Any) -> str:
    """Where a redirect leads, as a path."""
    adresse = urlsplit(reponse.headers.get("Location") or "")
    return adresse.path + (f"?{adresse.query}" if adresse.query else "")


class Usager(Visiteur):
    """Books alone, in four steps: motif, créneau (held), coordonnées, confirmation."""

    weight = 7
    wait_time = between(0.5, 2.0)

    @task(9)
    def book(self) -> None:
        """The whole journey, as somebody new."""
        try:
            coordonnees = self._hold()
            if coordonnees is not None:
                self._confirm(coordonnees, Personne(next(_rangs)))
        except Inattendu:
            bilan["broken off"] += 1

    @task(1)
    def give_up(self) -> None:
        """Hold a créneau, then give it back: somebody else may have it."""
        try:
            coordonnees = self._hold()
            if coordonnees is not None:
                rendre = next(b.action for b in coordonnees.boutons if b.action.endswith("/rendre"))
                self.fetch("POST", rendre, "POST option/rendre", champs=coordonnees.champs, attendus=(303,))
                bilan["given back"] += 1
        except Inattendu:
            bilan["broken off"] += 1

    def _hold(self) -> Formulaire | None:
        """From the home page to the form of step 3; None when nothing is free."""
        self.forget()
        accueil = read_page(self.fetch("GET", "/", "GET /").text)
        portes = accueil.find_hrefs(r"^/rdv/\d+/motif$")
        if not portes:
            raise Inattendu("the home page offers no service that takes bookings")
        page = read_page(self.fetch("GET", _hasard.choice(portes), "GET motif").text)
        while "choix-motif" in page.formulaires:
            action, champs = answer_questions(page.formulaires["choix-motif"], _hasard)
            nom = "GET creneau" if action.endswith("/creneau") else "GET motif"
            page = read_page(self.fetch("GET", action, nom, champs=champs).text)
        jour = choose_jour(page, _hasard)
        if not jour:
            bilan["nothing free"] += 1
            return None
        page = read_page(self.fetch("GET", jour, "GET creneau").text)
        for essai in range(4):
            choix = page.formulaires["choix-creneau"]
            debut = choose_debut(choix, _hasard, refuse=essai > 0)
            if not debut:
                break
            reponse = self.fetch(
                "POST", choix.action, "POST option", champs=choix.champs | {"debut": debut}, attendus=(303, 409)
            )
            if reponse.status_code == 303:
                return read_page(self.fetch("GET", read_suite(reponse), "GET coordonnees").text).formulaires[
                    "coordonnees"
                ]
            bilan["taken meanwhile (409)"] += 1
            page = read_page(reponse.text)
        bilan["nothing free"] += 1
        return None

    def _confirm(self, coordonnees: Formulaire, personne: Personne) -> None:
        """Send the form, sometimes twice as nervous people do: one rendez-vous all the same."""
        champs = fill_coordonnees(coordonnees, personne)
        reponse = self.fetch("POST", coordonnees.action, "POST coordonnees", champs=champs, attendus=(303, 409))
        if reponse.status_code == 409:
            bilan["lost in the form (409)"] += 1
            return
        suite = read_suite(reponse)
        if personne.rang % 20 == 0:
            encore = self.fetch("POST", coordonnees.action, "POST coordonnees (again)", champs=champs, attendus=(303,))
            bilan["sent twice"] += 1
            if read_suite(encore).partition("?")[0] != suite.partition("?")[0]:
                bilan["SENT TWICE, BOOKED TWICE"] += 1
        code = read_code(self.fetch("GET", suite, "GET confirmation").text)
        if not code:
            bilan["CONFIRMED WITHOUT A CODE"] += 1
            return
        acquittes.append(code)
        bilan["booked online"] += 1


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
        return self._api("GET", f"/services/{_hasard.choice(self.services)}/agenda{suite}", "API agenda")

    def _choose(self, agenda: Mapping[str, Any], *etats: str) -> dict[str, Any] | None:
        choix = [rdv for rdv in agenda["elements"] if rdv["etat"] in etats]
        return _hasard.choice(choix) if choix else None

    @task(10)
    def look_at_agenda(self) -> None:
        """The fragment that an open screen fetches, of a day around now."""
        service = _hasard.choice(self.services)
        jour = today() + timedelta(days=_hasard.randrange(8))
        vue = _hasard.choice(("jour", "jour", "semaine"))
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
        service = _hasard.choice(self.services)
        motifs = [m for m in self._api("GET", f"/services/{service}/motifs", "API motifs")["elements"] if m["types"]]
        if not motifs:
            return
        motif = _hasard.choice(motifs)
        genre = _hasard.choice([t for t in motif["types"] if t != "visio"] or motif["types"])
        libres = self._api(
            "GET", f"/services/{service}/creneaux?motif={motif['id']}&type={genre}", "API creneaux"
        )["elements"]  # fmt: skip
        if not libres:
            bilan["nothing free"] += 1
            return
        # Who phones wants to come soon: today gets its arrivals.
        debut = _hasard.choice(libres[:40] if _hasard.random() < 0.6 else libres)
        personne = Personne(next(_rangs))
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
                if _hasard.random() < 0.1:
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
            agenda = self._read_agenda(today() + timedelta(days=_hasard.randrange(14)))
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


def refuse_others(environment: Environment, **_: object) -> None:
    """Load is for this machine only, from the first second."""
    if environment.host:
        _check_or_exit(environment.host)


def refuse_others_again(environment: Environment, **_: object) -> None:
    """The page of locust lets a host be typed: the same rule."""
    _check_or_exit(environment.host or "")


def _check_or_exit(hote: str) -> None:
    try:
        check_hote(hote)
    except ValueError as refus:
        sys.stderr.write(f"REFUSED  {refus}\n")
        sys.stderr.flush()
        os._exit(2)  # SystemExit would end one greenlet only


def judge(environment: Environment, **_: object) -> None:
    """What was done, then the invariants; sets the exit code when something is wrong."""
    print(f"\n{datetime.now().astimezone():%Y-%m-%d %H:%M}  what people did")
    for nom, nombre in sorted(bilan.items()):
        print(f"  {nom:<34}{nombre:>7}")
    fautes = [f"{nom}: {nombre}" for nom, nombre in bilan.items() if nom.isupper()]
    total = environment.stats.total
    if total.num_failures:
        fautes.append(f"{total.num_failures} failed requests")
    if not bilan["booked online"]:
        fautes.append("nobody could book online: this run proves nothing")
    if os.environ.get("DATABASE_URL") and not _ask_invariants():
        fautes.append("an invariant is broken")
    for faute in fautes:
        print(f"FAILED  {faute}", file=sys.stderr)
    if fautes:
        environment.process_exit_code = 1


def _ask_invariants() -> bool:
    """In a process of its own: asyncio and locust's patched sockets do not mix."""
    time.sleep(3.0)  # what was cut at the last second may still be committing
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as fichier:
        fichier.write("\n".join(acquittes))
        fichier.flush()
        sys.stdout.flush()
        return subprocess.run([sys.executable, "-m", "loadtests.bilan", fichier.name], check=False).returncode == 0


_ECOUTES: tuple[tuple[Any, Callable[..., None]], ...] = (
    (events.init, refuse_others),
    (events.test_start, refuse_others_again),
    (events.quitting, judge),
)
for _evenement, _suite in _ECOUTES:
    _evenement.add_listener(_suite)
