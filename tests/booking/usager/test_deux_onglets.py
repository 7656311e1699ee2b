"""A visitor holds one créneau: the tab that shows another one is told, and never extends what it does not show."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from app import clock
from app.booking.options import extend_option, find_option, place_option
from app.errors import Introuvable
from tests.booking.outillage import creneaux_libres
from tests.booking.usager.conftest import Monde

VISITE = "v" * 43


class TestDeuxOnglets:
    """« two tabs … end in one RDV »; « never loses a créneau to somebody else while typing »."""

    async def test_the_hold_of_another_tab_is_not_extended_in_its_place(self, monde: Monde) -> None:
        libres = await creneaux_libres(monde.outils, monde.service)
        tenues = [
            await place_option(
                monde.outils,
                service_id=monde.service.id,
                motif_id=monde.service.motifs[0],
                type_rdv="guichet",
                debut=libres[rang].debut,
                visite=VISITE,
                maintenant=clock.now(),
            )
            for rang in (3, 9)
        ]
        with pytest.raises(Introuvable):
            await extend_option(monde.outils, monde.service.id, VISITE, clock.now(), option_id=tenues[0].id)
        seconde = await find_option(monde.outils, monde.service.id, VISITE, clock.now())
        assert seconde is not None
        assert seconde.expire_a == tenues[1].expire_a
        plus = await extend_option(monde.outils, monde.service.id, VISITE, clock.now(), option_id=tenues[1].id)
        assert plus.expire_a > tenues[1].expire_a
        async with monde.outils.db.engine.begin() as conn:
            await conn.execute(text("DELETE FROM rendez_vous WHERE etat = 'option'"))
