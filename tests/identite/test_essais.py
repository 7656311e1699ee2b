"""Guessing a password is stopped where it comes from, against a real PostgreSQL."""

from __future__ import annotations

import asyncio
import secrets
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from app.booking.outils import Outils
from app.errors import AppError, NonAuthentifie, TropDeDemandes
from app.identite.essais import FENETRE, PAR_ADRESSE, PAR_COMPTE, purge_essais
from app.identite.sessions import hash_mot_de_passe, sign_in
from tests.fixtures.donnees import build_agent

HACHE = hash_mot_de_passe("demo")
A = datetime(2026, 11, 23, 9, 1, tzinfo=UTC)


class TestEssais:
    """Deviner un mot de passe est arrêté là d'où cela vient, et n'enferme personne d'autre dehors."""

    @pytest.fixture
    async def compte(self, outils: Outils) -> str:
        """An account whose password is « demo »."""
        async with outils.db.engine.begin() as conn:
            nom = f"c{secrets.token_hex(4)}"
            await build_agent(conn, nom, profil="agent_national", perimetre="nation", mot_de_passe_hache=HACHE)
        return nom

    @staticmethod
    async def essaie(outils: Outils, compte: str, mot: str, adresse: str, a: datetime = A) -> type[Exception] | None:
        """Try; the refusal, or None once signed in."""
        try:
            await sign_in(outils.db, outils.settings, compte, mot, ancien_jeton=None, adresse=adresse, a=a)
        except AppError as refus:
            return type(refus)
        return None

    async def test_an_address_that_guesses_is_stopped_and_the_agent_at_another_one_signs_in(
        self, outils: Outils, compte: str
    ) -> None:
        for _ in range(PAR_ADRESSE):
            assert await self.essaie(outils, compte, "faux", "203.0.113.9") is NonAuthentifie
        assert await self.essaie(outils, compte, "demo", "203.0.113.9") is TropDeDemandes
        assert await self.essaie(outils, compte, "demo", "198.51.100.1") is None
        assert await self.essaie(outils, compte, "demo", "203.0.113.9", A + FENETRE) is None

    async def test_guesses_sent_all_at_once_are_all_counted(self, outils: Outils, compte: str) -> None:
        refus = await asyncio.gather(*(self.essaie(outils, compte, "faux", "203.0.113.9") for _ in range(30)))
        assert refus.count(NonAuthentifie) == PAR_ADRESSE
        assert refus.count(TropDeDemandes) == 30 - PAR_ADRESSE

    async def test_what_is_refused_to_one_address_does_not_close_the_account_to_others(
        self, outils: Outils, compte: str
    ) -> None:
        for _ in range(PAR_COMPTE + 10):
            await self.essaie(outils, compte, "faux", "203.0.113.9")
        assert await self.essaie(outils, compte, "demo", "198.51.100.1") is None

    async def test_guesses_from_everywhere_leave_the_agent_his_usual_places(self, outils: Outils, compte: str) -> None:
        assert await self.essaie(outils, compte, "demo", "198.51.100.1", A - timedelta(days=1)) is None
        for rang in range(PAR_COMPTE):
            assert await self.essaie(outils, compte, "faux", f"203.0.113.{rang}") is NonAuthentifie
        assert await self.essaie(outils, compte, "demo", "192.0.2.1") is TropDeDemandes
        assert await self.essaie(outils, compte, "demo", "pas une adresse") is TropDeDemandes
        assert await self.essaie(outils, compte, "demo", "198.51.100.1") is None

    async def test_an_account_that_does_not_exist_is_refused_like_one_that_does(self, outils: Outils) -> None:
        for _ in range(PAR_ADRESSE):
            assert await self.essaie(outils, "personne", "faux", "203.0.113.9") is NonAuthentifie
        assert await self.essaie(outils, "personne", "faux", "203.0.113.9") is TropDeDemandes

    async def test_the_right_password_forgets_the_wrong_ones(self, outils: Outils, compte: str) -> None:
        for _ in range(3):
            for _ in range(PAR_ADRESSE - 1):
                assert await self.essaie(outils, compte, "faux", "203.0.113.9") is NonAuthentifie
            assert await self.essaie(outils, compte, "demo", "203.0.113.9") is None

    async def test_what_is_kept_names_nobody_and_is_forgotten_with_its_window(
        self, outils: Outils, compte: str
    ) -> None:
        await self.essaie(outils, compte, "faux", "203.0.113.9")
        async with outils.db.engine.begin() as conn:
            gardees = (await conn.execute(text("SELECT string_agg(t::text, ' ') FROM tentative t"))).scalar_one()
            assert compte not in gardees
            assert compte.encode().hex() not in gardees
            await purge_essais(conn, A)
            assert (await conn.execute(text("SELECT count(*) FROM tentative"))).scalar_one() > 0
            await purge_essais(conn, A + FENETRE)
            assert (await conn.execute(text("SELECT count(*) FROM tentative"))).scalar_one() == 0
