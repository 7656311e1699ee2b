"""Cancelled créneaux come back after a random wait when the service chooses so (P15), and never hinder an agent."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, select, text

from app.booking.agents.grille import build_rdv
from app.booking.agents.lectures import read_jours
from app.booking.contexte import read_versions
from app.booking.deplacer import Cible, move
from app.booking.liberation import draw_attente
from app.booking.options import expire_options
from app.booking.outils import Auteur, Outils
from app.booking.reserver import RdvReserve, book
from app.booking.vie import act
from app.domain.calendrier import Parametres
from app.domain.horaires import to_minute
from app.domain.rendez_vous import Action
from app.errors import CreneauPris
from app.tables import Outbox, Parametre, RendezVous
from tests.booking.outillage import USAGER, demande
from tests.fixtures.donnees import MondeService, build_equipe, build_service

PARIS = ZoneInfo("Europe/Paris")
LUNDI_9H = datetime(2027, 2, 1, 9, 0, tzinfo=PARIS)
#: A week later: what usagers may book.
LOIN = datetime(2027, 2, 8, 10, 20, tzinfo=PARIS)


@pytest.fixture
async def service(outils: Outils) -> MondeService:
    async with outils.db.engine.begin() as conn:
        monde = await build_equipe(conn, await build_service(conn, guichets=1))
        await conn.execute(
            insert(Parametre).values(cle="liberation_differee", service_id=monde.id, valeur=True, modifie_a=LUNDI_9H)
        )
    return monde


def agent(service: MondeService) -> Auteur:
    return Auteur("agent", agent_id=service.agents["agent"])


async def reserve(
    outils: Outils, service: MondeService, quand: datetime, rang: int = 1, *, a: datetime = LUNDI_9H, **plus: Any
) -> RdvReserve:
    """An attached agent books that very place."""
    voulu = demande(
        service,
        to_minute(quand),
        rang,
        **{"canal": "rattache", "origine": "guichet", "guichet_id": service.guichets[0], **plus},
    )
    return await book(outils, voulu, agent(service), a)


async def gels(outils: Outils) -> list[Any]:
    async with outils.db.read() as conn:
        requete = select(RendezVous.debut, RendezVous.fin, RendezVous.expire_a, RendezVous.code)
        return list((await conn.execute(requete.where(RendezVous.nature_option == "gel"))).all())


async def libres(outils: Outils, service: MondeService, canal: str, a: datetime) -> set[datetime]:
    async with outils.db.read() as conn:
        dispo = await outils.dispo.read(
            conn, service.id, motif_id=service.motifs[0], type_rdv="guichet", canal=canal, maintenant=a
        )
    return {datetime.fromtimestamp(c.debut * 60, PARIS) for j in dispo.grille.jours.values() for c in j.creneaux}


async def annule(outils: Outils, service: MondeService, rdv_id: int, a: datetime = LUNDI_9H) -> None:
    await act(outils, rdv_id, Action.ANNULER, agent(service), a, raison="empêchement")


async def trames(outils: Outils, sujet: str) -> list[str]:
    async with outils.db.read() as conn:
        requete = text("SELECT trame::json->>'type' FROM outbox WHERE sujet = :s ORDER BY id")
        return list((await conn.execute(requete, {"s": sujet})).scalars())


class TestLAttente:
    def test_it_is_drawn_between_the_two_bounds_both_included(self) -> None:
        assert draw_attente(Parametres(), lambda n: 0) == timedelta(minutes=5)
        assert draw_attente(Parametres(), lambda n: n - 1) == timedelta(minutes=60)

    def test_two_draws_differ(self) -> None:
        assert len({draw_attente(Parametres()) for _ in range(50)}) > 10


class TestUneAnnulation:
    async def test_the_place_stays_taken_for_the_internet_until_its_instant(
        self, outils: Outils, service: MondeService
    ) -> None:
        rdv = await reserve(outils, service, LOIN)
        await annule(outils, service, rdv.id)
        (gel,) = await gels(outils)
        assert (gel.debut, gel.fin, gel.code) == (rdv.debut, rdv.fin, None)
        assert timedelta(minutes=5) <= gel.expire_a - LUNDI_9H <= timedelta(minutes=60)
        assert LOIN not in await libres(outils, service, "internet", gel.expire_a - timedelta(seconds=1))
        assert "creneau.libre" not in await trames(outils, f"creneaux:{service.id}")
        assert (await trames(outils, f"service:{service.id}"))[-2:] == ["rdv.annule", "option.posee"]

        assert await expire_options(outils, gel.expire_a) == 1
        assert LOIN in await libres(outils, service, "internet", gel.expire_a)
        assert (await trames(outils, f"creneaux:{service.id}"))[-1] == "creneau.libre"

    async def test_without_the_parameter_it_is_free_at_once(self, outils: Outils, service: MondeService) -> None:
        async with outils.db.engine.begin() as conn:
            await conn.execute(text("DELETE FROM parametre"))
            await conn.execute(text("UPDATE agenda SET version_planning = version_planning + 1"))
        rdv = await reserve(outils, service, LOIN)
        await annule(outils, service, rdv.id)
        assert await gels(outils) == []
        assert LOIN in await libres(outils, service, "internet", LUNDI_9H)

    async def test_a_place_that_nobody_outside_could_book_is_free_at_once(
        self, outils: Outils, service: MondeService
    ) -> None:
        """Within the delay only the service's own agents book: there is nothing to resell."""
        rdv = await reserve(outils, service, LUNDI_9H.replace(hour=14))
        await annule(outils, service, rdv.id)
        assert await gels(outils) == []

    async def test_an_usager_who_forges_the_place_is_refused(self, outils: Outils, service: MondeService) -> None:
        rdv = await reserve(outils, service, LOIN)
        await annule(outils, service, rdv.id)
        with pytest.raises(CreneauPris):
            await book(outils, demande(service, to_minute(LOIN), 7), USAGER, LUNDI_9H)


class TestLAgentRattache:
    """He holds the agenda: a place that the service itself keeps from the internet is his to take."""

    async def test_he_books_over_a_gel_which_goes(self, outils: Outils, service: MondeService) -> None:
        rdv = await reserve(outils, service, LOIN)
        await annule(outils, service, rdv.id)
        second = await reserve(outils, service, LOIN, 2)
        assert (second.debut, second.guichet_id) == (rdv.debut, rdv.guichet_id)
        assert await gels(outils) == []
        assert "option.levee" in await trames(outils, f"service:{service.id}")

    async def test_he_cannot_book_over_a_rendez_vous_beside_a_gel(self, outils: Outils, service: MondeService) -> None:
        rdv = await reserve(outils, service, LOIN)
        await reserve(outils, service, LOIN + timedelta(minutes=20), 2)
        await annule(outils, service, rdv.id)
        with pytest.raises(CreneauPris):
            await reserve(outils, service, LOIN, 3, duree=40, acquittees=frozenset({"duree_modifiee"}))
        assert len(await gels(outils)) == 1

    async def test_he_moves_a_rendez_vous_onto_a_gel_and_leaves_one_behind(
        self, outils: Outils, service: MondeService
    ) -> None:
        annulable = await reserve(outils, service, LOIN)
        autre = await reserve(outils, service, LOIN + timedelta(hours=1), 2)
        await annule(outils, service, annulable.id)
        cible = Cible(to_minute(LOIN), guichet_id=service.guichets[0])
        await move(outils, autre.id, cible, agent(service), LUNDI_9H)
        (gel,) = await gels(outils)
        assert gel.debut == LOIN + timedelta(hours=1)

    async def test_a_move_over_a_part_of_its_own_place_keeps_nothing_frozen(
        self, outils: Outils, service: MondeService
    ) -> None:
        rdv = await reserve(outils, service, LOIN)
        cible = Cible(
            to_minute(LOIN + timedelta(minutes=10)),
            guichet_id=service.guichets[0],
            acquittees=frozenset({"hors_plage"}),
        )
        await move(outils, rdv.id, cible, agent(service), LUNDI_9H)
        assert await gels(outils) == []
        async with outils.db.read() as conn:
            derniere = (await conn.execute(select(Outbox.trame).order_by(Outbox.id.desc()).limit(1))).scalar_one()
        assert "creneau" in derniere


class TestLAgenda:
    async def test_the_agenda_says_until_when_a_cancelled_place_waits_and_leads_to_its_form(
        self, outils: Outils, service: MondeService
    ) -> None:
        rdv = await reserve(outils, service, LOIN)
        await annule(outils, service, rdv.id)
        (gel,) = await gels(outils)
        async with outils.db.read() as conn:
            (ligne,) = [
                ligne
                for ligne in await read_jours(conn, service.agents["agent"], service.id, LOIN.date(), LOIN.date())
                if ligne["etat"] == "option"
            ]
            planning = (await read_versions(conn, service.id)).planning
            contexte = await outils.dispo.contextes.get(conn, service.id, planning)
        assert build_rdv(ligne, contexte)["gel"] == f"{gel.expire_a.astimezone(PARIS):%H:%M}"
