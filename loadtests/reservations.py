"""One booking at a time over HTTP: by the API, and by the public form with its cookies and its CSRF token.

    python -m loadtests.reservations [--mesures 100]

Each booking takes another créneau. The web process, its worker (which sends the confirmations meanwhile) and a durable
PostgreSQL are real. What is timed is the POST alone, to its 201 or to its redirect.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import uuid

import psutil

from loadtests.banc import Banc, open_banc
from loadtests.formulaires import read_code
from loadtests.http_brut import Client, percentile
from loadtests.monde import build_monde
from loadtests.navigateur import Navigateur
from loadtests.parcours import answer_questions, choose_debut, choose_jour, fill_coordonnees
from loadtests.personnes import Personne
from loadtests.tableau import Chiffre, find_over, render
from tests.fixtures.donnees import MondeService

BUDGET_MS = 25.0
#: First bookings of a process, which fill its memories: done, not counted.
ECHAUFFEMENT = 15


class Ecart(Exception):
    """The site did not answer as it should: a bench that measured that would measure nothing."""


async def time_api(port: int, service: MondeService, mesures: int, cle: str = "cle-exterieur-0") -> list[float]:
    """Seconds of each ``POST /api/v1/rendez-vous`` by an external agent. Raises Ecart."""
    client = Client(port)
    entetes = {"Authorization": f"Bearer {cle}", "Content-Type": "application/json"}
    lu = await client.send(
        "GET", f"/api/v1/services/{service.id}/creneaux?motif={service.motifs[0]}&type=guichet", entetes=entetes
    )
    if lu.statut != 200:
        raise Ecart(f"créneaux: {lu.statut} {lu.corps[:300]!r}")
    debuts = [creneau["debut"] for creneau in lu.json()["elements"]]
    random.Random(58).shuffle(debuts)
    durees: list[float] = []
    for rang, debut in enumerate(debuts[: mesures + ECHAUFFEMENT]):
        personne = Personne(rang)
        corps = json.dumps(
            {
                "service": service.id,
                "motif": service.motifs[0],
                "type": "guichet",
                "debut": debut,
                "precision": personne.precision,
                "usager": personne.as_json(),
            }
        ).encode()
        reponse = await client.send(
            "POST", "/api/v1/rendez-vous", corps, entetes | {"Idempotency-Key": str(uuid.uuid4())}
        )
        if reponse.statut != 201:
            raise Ecart(f"booking by the API: {reponse.statut} {reponse.corps[:300]!r}")
        durees.append(reponse.duree_s)
    await client.close()
    return durees[ECHAUFFEMENT:]


def book_by_form(navigateur: Navigateur, service_id: int, personne: Personne, hasard: random.Random) -> float:
    """The four pages, as somebody new; seconds of the POST that books. Raises Ecart."""
    navigateur.forget()
    vue = navigateur.get(f"/rdv/{service_id}/motif")
    for _ in range(8):
        formulaire = vue.page().formulaires.get("choix-motif")
        if formulaire is None:
            break
        vue = navigateur.get(*answer_questions(formulaire, hasard))
    vue = navigateur.get(choose_jour(vue.page(), hasard))
    choix = vue.page().formulaires["choix-creneau"]
    debut = choose_debut(choix, hasard, refuse=False)
    vue = navigateur.post(choix.action, choix.champs | {"debut": debut})
    if vue.statut != 303:
        raise Ecart(f"hold: {vue.statut} {vue.texte[:300]}")
    vue = navigateur.get(vue.suite)
    coordonnees = vue.page().formulaires["coordonnees"]
    reserve = navigateur.post(coordonnees.action, fill_coordonnees(coordonnees, personne))
    if reserve.statut != 303 or not reserve.suite.startswith("/mon-rendez-vous/"):
        raise Ecart(f"booking by the form: {reserve.statut} {reserve.suite or reserve.texte[:3000]}")
    if not read_code(navigateur.get(reserve.suite).texte):
        raise Ecart("the confirmation shows no code")
    return reserve.duree_s


def time_form(port: int, service: MondeService, mesures: int) -> list[float]:
    """Seconds of each ``POST /rdv/{id}/coordonnees``. Raises Ecart."""
    hasard = random.Random(2016)
    with Navigateur(port) as navigateur:
        durees = [
            book_by_form(navigateur, service.id, Personne(10_000 + rang), hasard)
            for rang in range(mesures + ECHAUFFEMENT)
        ]
    return durees[ECHAUFFEMENT:]


def _cpu_s(pid: int) -> float:
    temps = psutil.Process(pid).cpu_times()
    return float(temps.user + temps.system)


async def measure(banc: Banc, service: MondeService, mesures: int) -> list[Chiffre]:
    """Both ways to book, on the first web process; its CPU does not depend on who else uses the machine."""
    port, web, total = banc.ports[0], banc.processus[0].pid, mesures + ECHAUFFEMENT
    avant = _cpu_s(web)
    api = await time_api(port, service, mesures)
    milieu = _cpu_s(web)
    formulaire = await asyncio.to_thread(time_form, port, service, mesures)
    apres = _cpu_s(web)
    return [
        Chiffre("booking by the API, p50", percentile(api, 0.5) * 1000, "ms", BUDGET_MS),
        Chiffre("booking by the API, p95", percentile(api, 0.95) * 1000, "ms"),
        Chiffre("booking by the public form, p50", percentile(formulaire, 0.5) * 1000, "ms", BUDGET_MS),
        Chiffre("booking by the public form, p95", percentile(formulaire, 0.95) * 1000, "ms"),
        Chiffre("CPU of the web process for a booking by the API", (milieu - avant) / total * 1000, "ms"),
        Chiffre("CPU of the web process for the whole journey, 8 requests", (apres - milieu) / total * 1000, "ms"),
    ]


async def main() -> int:
    """Run alone; the exit code."""
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--mesures", type=int, default=100, help="bookings timed, each way")
    choix = args.parse_args()
    with open_banc() as banc:
        monde = await build_monde(banc, services=1, guichets=20)
        try:
            chiffres = await measure(banc, monde.services[0], choix.mesures)
        finally:
            await monde.db.close()
    print(render("one booking at a time, over HTTP", chiffres))
    return 1 if find_over(chiffres) else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
