"""Sending the confirmation again: what is true now, once however often it is pressed, and not to nobody [A1 §3.2]."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.booking.confirmations import MAXIMUM
from app.booking.modifier import modify
from app.booking.outils import Outils
from app.booking.renvoyer import ANNULE, COMMENCE, PASSE, SANS_COURRIEL, resend
from app.booking.reserver import RdvReserve
from app.booking.vie import act
from app.courrier.message import MessageRdv
from app.courrier.rendu import Entete, render
from app.domain.rendez_vous import Action
from app.errors import Introuvable, RegleRefusee, TransitionImpossible
from app.tables import Courrier, Journal, Outbox, RendezVous
from tests.booking.outillage import personne
from tests.booking.test_modifier import LUNDI_9H, VENDREDI_10H, agent, reserver, scalar, voulu
from tests.fixtures.donnees import MondeService, build_equipe, build_service

PLUS_TARD = LUNDI_9H + timedelta(minutes=10)


@pytest.fixture
async def service(outils: Outils) -> MondeService:
    async with outils.db.engine.begin() as conn:
        return await build_equipe(conn, await build_service(conn))


@pytest.fixture
async def rdv(outils: Outils, service: MondeService) -> RdvReserve:
    """Friday at 10:20, with an address."""
    return await reserver(outils, service)


async def confirmations(outils: Outils, rdv_id: int) -> list[dict[str, Any]]:
    """What each confirmation tells, in order."""
    async with outils.db.read() as conn:
        lus = await conn.execute(
            select(Courrier.donnees)
            .where(Courrier.rdv_id == rdv_id, Courrier.evenement == "confirmation")
            .order_by(Courrier.id)
        )
        return list(lus.scalars())


class TestRenvoyer:
    """One press, one mail."""

    async def test_the_same_event_with_a_higher_sequence(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        fait = await resend(outils, rdv.id, agent(service), PLUS_TARD)
        assert fait.change
        premiere, seconde = await confirmations(outils, rdv.id)
        assert (premiere["sequence"], seconde["sequence"]) == (0, 1)
        entete = Entete("Service", "rdv@service.test", "usager1@usagers.test", "<x@service.test>")
        uids = set()
        for donnees in (premiere, seconde):
            mail = render("confirmation", MessageRdv.from_donnees(donnees), entete, PLUS_TARD)
            calendrier = next(p for p in mail.walk() if p.get_content_type() == "text/calendar").get_content()
            uids |= {ligne for ligne in calendrier.splitlines() if ligne.startswith("UID")}
            assert f"SEQUENCE:{donnees['sequence']}" in calendrier
        assert len(uids) == 1
        assert (await scalar(outils, select(RendezVous.revision).where(RendezVous.id == rdv.id))) == 1

    async def test_it_carries_what_was_written_to_the_usager(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        await modify(outils, rdv.id, voulu(message_usager="Venez par l’entrée B"), agent(service), LUNDI_9H, revision=1)
        await resend(outils, rdv.id, agent(service), PLUS_TARD)
        donnees = (await confirmations(outils, rdv.id))[-1]
        entete = Entete("Service", "rdv@service.test", "usager1@usagers.test", "<x@service.test>")
        mail = render("confirmation", MessageRdv.from_donnees(donnees), entete, PLUS_TARD)
        for genre in ("plain", "html"):
            corps = mail.get_body((genre,))
            assert corps is not None
            assert "Venez par l’entrée B" in corps.get_content()

    async def test_it_is_journaled_without_the_address_and_announced(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        await resend(outils, rdv.id, agent(service), PLUS_TARD)
        lue = select(Journal.apres).where(Journal.rdv_id == rdv.id, Journal.action == "rdv.confirmation_renvoyee")
        assert await scalar(outils, lue) == {"sequence": 1}
        async with outils.db.read() as conn:
            trames = list((await conn.execute(select(Outbox.trame))).scalars())
        assert any('"rdv.modifie"' in trame for trame in trames)

    async def test_pressed_ten_times_together_it_leaves_once(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        faits = await asyncio.gather(
            *(resend(outils, rdv.id, agent(service, ("agent", "chef")[n % 2]), PLUS_TARD) for n in range(10))
        )
        assert sorted(fait.change for fait in faits) == [False] * 9 + [True]
        assert len(await confirmations(outils, rdv.id)) == 2

    async def test_within_a_minute_of_the_booking_itself_nothing_more_leaves(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        assert not (await resend(outils, rdv.id, agent(service), LUNDI_9H + timedelta(seconds=59))).change
        assert (await resend(outils, rdv.id, agent(service), LUNDI_9H + timedelta(seconds=61))).change

    async def test_no_more_than_a_few_a_day(self, outils: Outils, service: MondeService, rdv: RdvReserve) -> None:
        for rang in range(1, MAXIMUM):
            assert (await resend(outils, rdv.id, agent(service), LUNDI_9H + timedelta(minutes=2 * rang))).change
        with pytest.raises(RegleRefusee, match="déjà été envoyées"):
            await resend(outils, rdv.id, agent(service), LUNDI_9H + timedelta(hours=1))
        assert (await resend(outils, rdv.id, agent(service), LUNDI_9H + timedelta(hours=25))).change


class TestRefus:
    """A sentence each."""

    async def test_without_an_address(self, outils: Outils, service: MondeService) -> None:
        sans = await reserver(outils, service, usager=personne(1, courriel=None))
        with pytest.raises(RegleRefusee) as refus:
            await resend(outils, sans.id, agent(service), PLUS_TARD)
        assert refus.value.phrase == SANS_COURRIEL

    async def test_cancelled(self, outils: Outils, service: MondeService, rdv: RdvReserve) -> None:
        await act(outils, rdv.id, Action.ANNULER, agent(service), LUNDI_9H, raison="Empêché")
        with pytest.raises(TransitionImpossible) as refus:
            await resend(outils, rdv.id, agent(service), PLUS_TARD)
        assert refus.value.phrase == ANNULE

    @pytest.mark.parametrize(
        ("a", "phrase"), [(VENDREDI_10H + timedelta(hours=2), PASSE), (VENDREDI_10H + timedelta(days=2), PASSE)]
    )
    async def test_past(self, outils: Outils, service: MondeService, rdv: RdvReserve, a: datetime, phrase: str) -> None:
        with pytest.raises(TransitionImpossible) as refus:
            await resend(outils, rdv.id, agent(service), a)
        assert refus.value.phrase == phrase

    async def test_once_the_usager_has_come(self, outils: Outils, service: MondeService, rdv: RdvReserve) -> None:
        await act(outils, rdv.id, Action.MARQUER_ARRIVEE, agent(service), VENDREDI_10H)
        with pytest.raises(TransitionImpossible) as refus:
            await resend(outils, rdv.id, agent(service), VENDREDI_10H)
        assert refus.value.phrase == COMMENCE

    @pytest.mark.parametrize("qui", ["exterieur", "pilote", "national"])
    async def test_who_holds_no_agenda_here_is_refused_and_journaled(
        self, outils: Outils, service: MondeService, rdv: RdvReserve, qui: str
    ) -> None:
        with pytest.raises(Introuvable):
            await resend(outils, rdv.id, agent(service, qui), PLUS_TARD)
        assert len(await confirmations(outils, rdv.id)) == 1
        refus = select(Journal.apres).where(
            Journal.action == "rdv.acces_refuse", Journal.agent_id == service.agents[qui]
        )
        assert await scalar(outils, refus) == {"action": "confirmation"}
