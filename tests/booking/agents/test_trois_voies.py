"""« Tableau récapitulatif des fonctionnalités proposées », cell by cell, by the three ways in [A1, summary table].

The agenda is for attached agents; the parcours simplifié applies the rules of agents extérieurs whoever uses it; the
API applies those of the agent who holds the key. Each case says what each way must answer, and nothing else is booked.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from tests.accueil.monde import JOUR, Journee
from tests.booking.agents.externe import Parcours
from tests.booking.agents.outillage import change, close_guichet, formulaire, service_ordinaire
from tests.fixtures.donnees import MondeService

PARIS = ZoneInfo("Europe/Paris")
#: « nous sommes » Monday: Thursday at the earliest, day of booking excluded.
JEUDI = JOUR + timedelta(days=3)
MERCREDI = JOUR + timedelta(days=2)

VOIES = ("agenda", "simplifie rattache", "simplifie exterieur", "api rattache", "api exterieur")
#: What « yes » is by each way.
OUI = {"agenda": 303, "simplifie rattache": 303, "simplifie exterieur": 303, "api rattache": 201, "api exterieur": 201}


@dataclass(frozen=True)
class Cas:
    """One row of the table in one situation. ``refus``: way → status; the ways left out say yes.

    ``force``: what an attached agent gets once every warning is acknowledged (None: it was not asked).
    """

    refus: Mapping[str, int] = field(default_factory=dict)
    force: int | None = None
    jour: date = JEUDI
    heure: str = "10:00"
    type_rdv: str = "guichet"
    motif: int = 0
    minutes: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)
    avant: str = ""
    ferme: bool = False
    occupe: bool = False


def sauf(*voies: str, statut: int = 422) -> dict[str, int]:
    return dict.fromkeys(voies, statut)


ENCADRES = ("simplifie rattache", "simplifie exterieur", "api exterieur")
LIBRES = ("agenda", "api rattache")
AVERTI = sauf(*LIBRES, statut=409)

CAS: dict[str, Cas] = {
    "dans les regles, au plus tot a J+3": Cas(),
    "delai : la veille de J+3": Cas(sauf(*ENCADRES), jour=MERCREDI),
    "delai : immediat": Cas(sauf(*ENCADRES), jour=JOUR, heure="11:00"),
    "calendrier : jour 30": Cas(jour=JOUR + timedelta(days=30)),
    "calendrier : jour 31": Cas(sauf(*ENCADRES), jour=JOUR + timedelta(days=31)),
    "calendrier : jour 60": Cas(sauf(*ENCADRES), jour=JOUR + timedelta(days=60)),
    "calendrier : jour 61": Cas(sauf(*VOIES), force=422, jour=JOUR + timedelta(days=61)),
    "plages : en dehors": Cas({**AVERTI, **sauf(*ENCADRES)}, force=1, heure="12:40"),
    "duree : modifiee": Cas({**AVERTI, **sauf(*ENCADRES, statut=403)}, force=1, minutes=40),
    "type : non propose": Cas(
        {**AVERTI, **sauf(*ENCADRES)}, force=1, type_rdv="telephone", options={"types": ["guichet"]}
    ),
    "motif : non propose": Cas({**AVERTI, **sauf(*ENCADRES)}, force=1, motif=2),
    "chevauchement": Cas(sauf(*VOIES, statut=409), force=409, occupe=True),
    "guichet ferme": Cas(sauf(*VOIES), force=422, ferme=True),
    "service sans guichet ouvert aux exterieurs": Cas(
        sauf(*ENCADRES), avant="UPDATE guichet SET canaux = '{internet,rattache}' WHERE service_id = :s"
    ),
    "guichets fermes aux agents du service": Cas(
        sauf(*LIBRES), force=422, avant="UPDATE guichet SET canaux = '{internet,exterieur}' WHERE service_id = :s"
    ),
}
ALERTES = ("hors_plage", "duree_modifiee", "motif_non_propose", "type_non_propose")


async def prepare(journee: Journee, cas: Cas) -> MondeService:
    service = await service_ordinaire(journee, guichets=1, **cas.options)
    if cas.occupe:
        await journee.book(service, cas.heure, "Occupant", jour=cas.jour)
    if cas.avant:
        await change(journee, service, cas.avant, s=service.id)
    if cas.ferme:
        await close_guichet(journee, service)
    return service


async def try_to_book(
    journee: Journee, service: MondeService, voie: str, cas: Cas, *, force: bool = False
) -> httpx.Response:
    """Ask for the place of the case by that way. ``force``: every warning acknowledged."""
    moyen, _, qui = voie.partition(" ")
    agent = service.agents["exterieur" if qui == "exterieur" else "agent"]
    debut = datetime.combine(cas.jour, time.fromisoformat(cas.heure), PARIS)
    fin = debut + timedelta(minutes=cas.minutes)
    if moyen == "api":
        return await _by_api(journee, service, agent, cas, debut, force=force)
    async with journee.client(agent) as client:
        if moyen == "agenda":
            heures = {"jour": cas.jour.isoformat(), "du": cas.heure, "au": f"{fin:%H:%M}" if cas.minutes else ""}
            donnees = formulaire(
                service,
                **heures,
                motif=str(service.motifs[cas.motif]),
                type=cas.type_rdv,
                acquittees=ALERTES if force else (),
            )
            return await client.post(f"/services/{service.id}/rendez-vous", data=donnees)
        parcours = Parcours(client, service, {"motif": service.motifs[cas.motif], "type": cas.type_rdv})
        forcee = {"duree": str(cas.minutes)} if cas.minutes else {}
        return await parcours.choose(debut.isoformat(), **forcee)


async def _by_api(
    journee: Journee, service: MondeService, agent: int, cas: Cas, debut: datetime, *, force: bool
) -> httpx.Response:
    identifiant = await journee.scalar("SELECT identifiant FROM agent WHERE id = :a", a=agent)
    corps: dict[str, Any] = {
        "service": service.id,
        "motif": service.motifs[cas.motif],
        "type": cas.type_rdv,
        "debut": debut.isoformat(),
        "precision": "Question sur mon avis",
        "usager": {
            "nature": "particulier",
            "civilite": "madame",
            "nom_usage": "Rey",
            "prenoms": "Ana",
            "telephones": ["06 12 34 56 78"],
        },
    }
    if cas.minutes:
        corps["duree"] = cas.minutes
    if agent == service.agents["agent"]:  # who holds the agenda names the guichet
        corps |= {"guichet": service.guichets[0], "acquittees": list(ALERTES) if force else []}
    entetes = {"Authorization": f"Bearer cle-{identifiant}", "Idempotency-Key": uuid.uuid4().hex}
    async with httpx.AsyncClient(base_url=journee.site.url, timeout=20) as client:
        return await client.post("/api/v1/rendez-vous", json=corps, headers=entetes)


async def count_pris(journee: Journee, service: MondeService) -> int:
    """Rendez-vous and holds of the service, the occupant's apart."""
    requete = """
        SELECT count(*) FROM rendez_vous r LEFT JOIN rdv_usager u ON u.rdv_id = r.id
         WHERE r.service_id = :s AND coalesce(u.nom_usage, '') <> 'Occupant'
    """
    return int(await journee.scalar(requete, s=service.id))


class TestReserver:
    """Rows « modalités », « motifs », « type », « plages », « durée », « calendrier »."""

    @pytest.mark.parametrize("voie", VOIES, ids=lambda v: v.replace(" ", "-"))
    @pytest.mark.parametrize("nom", CAS, ids=lambda n: n.replace(" ", "-"))
    async def test_each_cell(self, journee: Journee, nom: str, voie: str) -> None:
        cas = CAS[nom]
        service = await prepare(journee, cas)
        attendu = cas.refus.get(voie, OUI[voie])
        reponse = await try_to_book(journee, service, voie, cas)
        assert reponse.status_code == attendu, reponse.text[-2000:]
        assert await count_pris(journee, service) == (1 if attendu == OUI[voie] else 0)
        if voie in LIBRES and cas.force is not None:
            forcee = await try_to_book(journee, service, voie, cas, force=True)
            assert forcee.status_code == (OUI[voie] if cas.force == 1 else cas.force), forcee.text[-2000:]
            assert await count_pris(journee, service) == (1 if cas.force == 1 else 0)

    def test_every_way_says_yes_and_no_somewhere(self) -> None:
        for voie in VOIES:
            dits = {cas.refus.get(voie, OUI[voie]) for cas in CAS.values()}
            assert OUI[voie] in dits
            assert dits & {403, 409, 422}


class TestVoirModifierAnnuler:
    """Rows « voir l'agenda », « modification », « replanification », « annulation »: by id, attached agents only."""

    @pytest.mark.parametrize(
        ("methode", "chemin", "corps"),
        [
            ("GET", "/services/{s}/agenda", None),
            ("GET", "/services/{s}/agenda?vue=mois", None),
            ("GET", "/rendez-vous/{r}", None),
            ("GET", "/rendez-vous/{r}/modifier", None),
            ("GET", "/rendez-vous/{r}/deplacer", None),
            ("GET", "/rendez-vous/{r}/annuler", None),
            ("GET", "/rendez-vous/{r}/contre-appel", None),
            ("GET", "/rendez-vous/{r}/affectation", None),
            ("GET", "/rendez-vous/{r}/suite", None),
            ("GET", "/rendez-vous/{r}/fiche-visite", None),
            ("GET", "/rendez-vous/{r}/lettre", None),
            ("GET", "/rendez-vous/{r}/echanger", None),
            ("POST", "/rendez-vous/{r}/deplacer", {"revision": "1", "jour": JEUDI.isoformat(), "du": "11:00"}),
            ("POST", "/rendez-vous/{r}/annulation", {"revision": "1", "raison": "empêchement"}),
        ],
        ids=lambda v: v.replace("/", "-") if isinstance(v, str) else None,
    )
    async def test_an_id_is_for_the_agents_of_the_service(
        self, journee: Journee, methode: str, chemin: str, corps: dict[str, str] | None
    ) -> None:
        service, voisin = await service_ordinaire(journee), await service_ordinaire(journee)
        rdv = await journee.book(service, "10:00", jour=JEUDI)
        url = chemin.format(s=service.id, r=rdv)
        for agent in (service.agents["exterieur"], voisin.agents["agent"], service.agents["pilote"]):
            async with journee.client(agent) as client:
                refus = await client.request(methode, url, data=corps)
            assert refus.status_code == 404
        async with journee.client(service.agents["agent"]) as client:
            fait = await client.request(methode, url, data=corps)
        assert fait.status_code in (200, 303), fait.text[-2000:]
        assert await journee.scalar(
            "SELECT count(*) FROM journal WHERE action LIKE '%acces_refuse' AND agent_id = :a",
            a=voisin.agents["agent"],
        )
