"""[C §4; A1 §3.1] Rights are in every query: screens × outsiders, then each read with its door left open."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pytest
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app import clock
from app.accueil.journee import read_journee
from app.accueil.lieux import read_box, read_site
from app.accueil.recherche import search_rdv
from app.booking.agents.lectures import find_futurs, find_identite, read_fiche, read_histoire, read_jours, read_tableau
from app.booking.api import lecture
from app.errors import AccesRefuse
from app.pilotage import jour as pilotage
from app.pilotage.perimetres import list_perimetres, read_perimetre
from app.tables import Usager
from tests.accueil.monde import JOUR, Journee, personne
from tests.booking.agents.outillage import NUMERO_FISCAL, SIREN
from tests.booking.agents.test_agenda import en_process
from tests.fixtures.donnees import MondeService

NOM: Final = "Secretissime"


@dataclass(frozen=True, slots=True)
class Monde:
    """A service with one named rendez-vous today, and another service whose people must see nothing of it."""

    ici: MondeService
    ailleurs: MondeService
    rdv: int

    @property
    def dehors(self) -> dict[str, int]:
        """Who holds no agenda here."""
        return {
            "an agent of another service": self.ailleurs.agents["agent"],
            "the chef of another service": self.ailleurs.agents["chef"],
            "an external agent": self.ici.agents["exterieur"],
            "a steering agent": self.ici.agents["pilote"],
            "a national administrator": self.ici.agents["national"],
        }


@pytest.fixture(scope="module")
async def monde(journee: Journee) -> Monde:
    ici, ailleurs = await journee.service(), await journee.service(departement="89")
    usager = personne(NOM, numero_fiscal=NUMERO_FISCAL)
    rdv = await journee.book(ici, "11:00", usager=usager)
    async with journee.outils.db.engine.begin() as conn:
        await conn.execute(
            insert(Usager).values(nature="professionnel", siren=SIREN, raison_sociale=NOM, modifie_a=clock.now())
        )
    return Monde(ici, ailleurs, rdv)


#: Every address of an agent's screen that shows something of a service; True when steering is a right of its own.
ECRANS: Final[Sequence[tuple[str, str, bool]]] = (
    ("GET", "/services/{s}/agenda", False),
    ("GET", "/services/{s}/agenda?vue=semaine", False),
    ("GET", "/services/{s}/agenda/fragment", False),
    ("GET", "/services/{s}/rendez-vous/nouveau", False),
    ("POST", "/services/{s}/rendez-vous", False),
    ("GET", "/rendez-vous/{r}", False),
    ("GET", "/rendez-vous/{r}/fragment", False),
    ("GET", "/rendez-vous/{r}/annuler", False),
    ("POST", "/rendez-vous/{r}/arrivee", False),
    ("POST", "/rendez-vous/{r}/fin", False),
    ("GET", "/sites/{l}/accueil", False),
    ("GET", "/sites/{l}/accueil/fragment", False),
    ("POST", "/sites/{l}/accueil/recherche", False),
    ("GET", "/services/{s}/box", False),
    ("GET", "/services/{s}/box?guichet={g}", False),
    ("GET", "/services/{s}/box/fragment?guichet={g}", False),
    ("GET", "/pilotage/service-{s}", True),
    ("GET", "/pilotage/service-{s}/fragment", True),
    ("GET", "/pilotage/service-{s}/export.csv", True),
    ("GET", "/api/v1/services/{s}/agenda", False),
    ("GET", "/api/v1/rendez-vous/{r}", False),
)


def fill(chemin: str, monde: Monde) -> str:
    ici = monde.ici
    return chemin.format(s=ici.id, r=monde.rdv, l=ici.site_id, g=ici.guichets[0])


class TestEcrans:
    """promises, « Agents »: an id of another service → 404, journaled."""

    @pytest.mark.parametrize(("methode", "chemin", "pilotage"), ECRANS, ids=lambda valeur: str(valeur))
    async def test_who_has_no_right_gets_a_404_that_tells_nothing_and_leaves_a_line(
        self, journee: Journee, monde: Monde, methode: str, chemin: str, pilotage: bool
    ) -> None:
        url = fill(chemin, monde)
        for qui, agent in monde.dehors.items():
            if pilotage and qui in ("a steering agent", "a national administrator"):
                continue
            avant = await count_refus(journee, agent)
            async with journee.client(agent) as client:
                cle = await journee.scalar("SELECT 'cle-' || identifiant FROM agent WHERE id = :a", a=agent)
                entetes = {"Authorization": f"Bearer {cle}"} if url.startswith("/api/") else {}
                donnees = {"q": NOM} if url.endswith("recherche") else None
                reponse = await client.request(methode, url, headers=entetes, data=donnees)
            assert reponse.status_code == 404, qui
            assert NOM.lower() not in reponse.text.lower(), qui
            assert await count_refus(journee, agent) == avant + 1, qui
        assert await journee.scalar("SELECT etat FROM rendez_vous WHERE id = :r", r=monde.rdv) == "prevu"

    async def test_the_list_of_perimeters_is_refused_and_journaled_too(self, journee: Journee, monde: Monde) -> None:
        agent = monde.ici.agents["agent"]
        avant = await count_refus(journee, agent)
        async with journee.client(agent) as client:
            assert (await client.get("/pilotage")).status_code == 404
            assert (await client.get("/pilotage/'; DROP TABLE journal; --")).status_code == 404
        assert await count_refus(journee, agent) == avant + 2
        dernier = "SELECT apres FROM journal WHERE action = 'pilotage.acces_refuse' ORDER BY id DESC LIMIT 1"
        assert await journee.scalar(dernier) == {"perimetre": "illisible"}


async def count_refus(journee: Journee, agent: int) -> int:
    return int(
        await journee.scalar(
            "SELECT count(*) FROM journal WHERE agent_id = :a AND action IN ('service.acces_refuse',"
            " 'rdv.acces_refuse', 'site.acces_refuse', 'pilotage.acces_refuse')",
            a=agent,
        )
    )


Lecture = Callable[[AsyncConnection, int, Monde], Awaitable[Any]]


async def _journee(conn: AsyncConnection, agent: int, monde: Monde) -> Any:
    """The desk's list, asked with the site that an agent of the service was given."""
    site = await read_site(conn, monde.ici.agents["agent"], monde.ici.site_id, clock.now())
    return await read_journee(conn, agent, site.services)


async def _recherche(conn: AsyncConnection, agent: int, monde: Monde) -> Any:
    site = await read_site(conn, monde.ici.agents["agent"], monde.ici.site_id, clock.now())
    return await search_rdv(conn, agent, site.services, NOM)


async def _identite(conn: AsyncConnection, agent: int, monde: Monde) -> Any:
    return await find_identite(conn, agent, monde.ici.id, numero_fiscal=NUMERO_FISCAL, siren=None)


async def _registre(conn: AsyncConnection, agent: int, monde: Monde) -> Any:
    return await find_identite(conn, agent, monde.ici.id, numero_fiscal=None, siren=SIREN)


async def _futurs(conn: AsyncConnection, agent: int, monde: Monde) -> Any:
    return await find_futurs(conn, agent, monde.ici.id, clock.now(), numero_fiscal=NUMERO_FISCAL, siren=None)


async def _services(conn: AsyncConnection, agent: int, monde: Monde) -> Any:
    lignes = [ligne for ligne in await read_tableau(conn, agent, clock.now()) if ligne["id"] == monde.ici.id]
    return [ligne["id"] for ligne in lignes if {"agenda", "accueil"} & set(ligne["modules"])]  # or he only organises it


#: Each read that a screen of agents makes of a rendez-vous, of a person or of a place, without the door before it.
LECTURES: Final[dict[str, Lecture]] = {
    "the days of the agenda": lambda c, a, m: read_jours(c, a, m.ici.id, JOUR, JOUR),
    "the fiche": lambda c, a, m: read_fiche(c, a, m.rdv),
    "the story of a RDV": lambda c, a, m: read_histoire(c, a, m.rdv),
    "the RDV to come of a person": _futurs,
    "the last entry of a person": _identite,
    "the register": _registre,
    "the dashboard": _services,
    "the fiche of the API": lambda c, a, m: lecture.read_fiche(c, a, m.rdv),
    "the day of the API": lambda c, a, m: lecture.read_jour(c, a, m.ici.id, JOUR, clock.now()),
    "the versions of the API": lambda c, a, m: lecture.read_vue(c, a, m.ici.id),
    "the site": lambda c, a, m: read_site(c, a, m.ici.site_id, clock.now()),
    "the box": lambda c, a, m: read_box(c, a, m.ici.id, clock.now()),
    "the desk's list": _journee,
    "the desk's search": _recherche,
}
PILOTAGE: Final[dict[str, Lecture]] = {
    "a perimeter": lambda c, a, m: read_perimetre(c, a, f"service-{m.ici.id}"),
    "the day of a perimeter": lambda c, a, m: pilotage.read_jour(c, a, f"service-{m.ici.id}", clock.now()),
}


async def read(lire: Lecture, journee: Journee, agent: int, monde: Monde) -> Any:
    """What the read gives, or None when it refuses."""
    async with journee.outils.db.read() as conn:
        try:
            return await lire(conn, agent, monde)
        except AccesRefuse:
            return None


class TestPorteOuverte:
    """Whatever was checked before, the statement that reads asks the right itself."""

    @pytest.mark.parametrize("quoi", LECTURES)
    async def test_a_foreign_agent_reads_nothing_even_past_the_door(
        self, journee: Journee, monde: Monde, quoi: str
    ) -> None:
        for qui, agent in monde.dehors.items():
            assert not await read(LECTURES[quoi], journee, agent, monde), qui

    @pytest.mark.parametrize("quoi", LECTURES)
    async def test_an_agent_of_the_service_reads_it(self, journee: Journee, monde: Monde, quoi: str) -> None:
        """Negative control: there is something to read."""
        assert await read(LECTURES[quoi], journee, monde.ici.agents["agent"], monde)

    async def test_a_suspended_agent_reads_nothing(self, journee: Journee) -> None:
        service = await journee.service(departement="21")
        rdv = await journee.book(service, "11:00", usager=personne(NOM, numero_fiscal=NUMERO_FISCAL))
        agent, seul = service.agents["box"], Monde(service, service, rdv)
        async with journee.outils.db.engine.begin() as conn:
            await conn.exec_driver_sql(f"UPDATE agent SET suspendu_a = now() WHERE id = {agent}")
        for quoi, lire in LECTURES.items():
            assert not await read(lire, journee, agent, seul), quoi

    @pytest.mark.parametrize("quoi", PILOTAGE)
    async def test_a_perimeter_is_read_by_who_steers_it_alone(self, journee: Journee, monde: Monde, quoi: str) -> None:
        for agent in (monde.ici.agents["agent"], monde.ailleurs.agents["pilote"], monde.ici.agents["exterieur"]):
            assert not await read(PILOTAGE[quoi], journee, agent, monde)
        for nom in ("pilote", "chef", "national"):
            assert await read(PILOTAGE[quoi], journee, monde.ici.agents[nom], monde)

    async def test_a_steering_list_holds_no_service_of_another(self, journee: Journee, monde: Monde) -> None:
        async with journee.outils.db.read() as conn:
            cles = [p.cle for p in await list_perimetres(conn, monde.ailleurs.agents["chef"])]
        assert cles == [f"service-{monde.ailleurs.id}"]


_NOMINATIF: Final = re.compile(r"\b(?:FROM|JOIN)\s+(?:rdv_usager|passage|usager)\b|\bjournal\.avant\b", re.IGNORECASE)
_DROIT: Final = re.compile(r"\b(?:FROM|JOIN)\s+acces\b", re.IGNORECASE)


def find_unscoped(requetes: Sequence[str]) -> list[str]:
    """The statements that read people, presence or a story, and do not ask the right."""
    return [requete for requete in requetes if _NOMINATIF.search(requete) and not _DROIT.search(requete)]


class TestRequetes:
    """Every statement that a screen sends: those that read people carry the right."""

    async def test_no_screen_reads_people_without_asking_the_right_in_the_same_statement(
        self, journee: Journee, monde: Monde
    ) -> None:
        service = monde.ici
        cle = await journee.scalar("SELECT 'cle-' || identifiant FROM agent WHERE id = :a", a=service.agents["agent"])
        async with en_process(journee, service) as (client, requetes):
            for methode, chemin, de_pilotage in ECRANS:
                url = fill(chemin, monde)
                if methode == "POST" or de_pilotage:
                    continue
                reponse = await client.get(url, headers={"Authorization": f"Bearer {cle}"})
                assert reponse.status_code == 200, url
                assert url.startswith(("/api/", "/services")) or NOM.upper() in reponse.text, url
        assert sum(bool(_NOMINATIF.search(requete)) for requete in requetes) >= 8
        assert find_unscoped(requetes) == []

    def test_a_statement_without_the_right_would_be_found(self) -> None:
        """Negative control."""
        nue = "SELECT rdv_usager.nom_usage FROM rendez_vous JOIN rdv_usager ON rdv_usager.rdv_id = rendez_vous.id"
        portee = nue + " WHERE rendez_vous.service_id IN (SELECT acces.service_id FROM acces WHERE agent_id = 1)"
        assert find_unscoped([nue, portee, "SELECT 1 FROM rendez_vous"]) == [nue]
