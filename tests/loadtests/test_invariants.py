"""What is asked after a storm about confirmations: true of an ordinary life, and able to say no."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from app.booking.modifier import modify
from app.booking.outils import Outils
from app.booking.renvoyer import resend
from app.booking.reserver import RdvReserve
from loadtests.invariants import check
from tests.booking.outillage import personne
from tests.booking.test_modifier import LUNDI_9H, VENDREDI_10H, agent, reserver, voulu
from tests.fixtures.donnees import MondeService, build_equipe, build_service

AUCUNE, DOUBLE = "bookings with an e-mail and no confirmation", "confirmations written twice"


@pytest.fixture
async def service(outils: Outils) -> MondeService:
    async with outils.db.engine.begin() as conn:
        return await build_equipe(conn, await build_service(conn))


@pytest.fixture
async def rdv(outils: Outils, service: MondeService) -> RdvReserve:
    return await reserver(outils, service)


async def run(outils: Outils, *ordres: str, **valeurs: Any) -> None:
    async with outils.db.engine.begin() as conn:
        for ordre in ordres:
            await conn.execute(text(ordre), valeurs)


async def find_fautes(outils: Outils) -> tuple[int, int]:
    """Bookings without, confirmations written twice."""
    bilan = await check(outils.settings.database_url)
    autres = {nom: nombre for nom, nombre in bilan.fautes.items() if nom not in (AUCUNE, DOUBLE)}
    assert not any(autres.values()), autres
    return bilan.fautes[AUCUNE], bilan.fautes[DOUBLE]


class TestConfirmations:
    """One intent a booking, sequence and address; at least one for who gave his address when he booked."""

    async def test_sent_again_and_to_another_address_it_holds(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        await resend(outils, rdv.id, agent(service), LUNDI_9H + timedelta(minutes=5))
        for revision, adresse in enumerate(("autre@usagers.test", "usager1@usagers.test", None), start=1):
            usager, a = personne(1, courriel=adresse), LUNDI_9H + timedelta(minutes=5 + 2 * revision)
            await modify(outils, rdv.id, voulu(usager), agent(service), a, revision=revision)
        await reserver(outils, service, 2, usager=personne(2, courriel=None))
        assert await find_fautes(outils) == (0, 0)

    async def test_an_address_that_came_when_it_was_over_needs_none(
        self, outils: Outils, service: MondeService
    ) -> None:
        sans = await reserver(outils, service, usager=personne(1, courriel=None))
        await modify(outils, sans.id, voulu(), agent(service), VENDREDI_10H + timedelta(hours=3), revision=1)
        assert await find_fautes(outils) == (0, 0)

    async def test_one_that_was_never_written_is_seen(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        await reserver(outils, service, 2)
        await run(outils, "DELETE FROM courrier WHERE rdv_id = :r AND evenement = 'confirmation'", r=rdv.id)
        assert await find_fautes(outils) == (1, 0)

    async def test_one_that_was_written_twice_is_seen(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        await run(
            outils,
            "DROP INDEX uq_courrier_evenement",
            "INSERT INTO courrier (rdv_id, evenement, canal, destinataire, message_id, donnees, cree_a, du_a)"
            " SELECT rdv_id, evenement, canal, destinataire, message_id || '-bis', donnees, cree_a, du_a"
            " FROM courrier WHERE rdv_id = :r AND evenement = 'confirmation'",
            r=rdv.id,
        )
        assert await find_fautes(outils) == (0, 1)

    async def test_what_was_forgotten_after_its_delay_is_not_taken_for_a_double(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        await resend(outils, rdv.id, agent(service), LUNDI_9H + timedelta(minutes=5))
        await run(outils, "UPDATE courrier SET donnees = '{}', destinataire = '' WHERE rdv_id = :r", r=rdv.id)
        assert await find_fautes(outils) == (0, 0)
