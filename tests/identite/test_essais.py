"""Guessing a password is stopped where it comes from, against a real PostgreSQL."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from app.booking.outils import Outils
from app.config import Settings
from app.errors import AppError, Indisponible, NonAuthentifie, TropDeDemandes
from app.identite.appareils import add_appareil, find_appareil
from app.identite.connexion import sign_in
from app.identite.essais import FENETRE, PAR_ADRESSE, PAR_COMPTE, PAR_LIEU, purge_essais
from app.identite.sessions import hash_mot_de_passe
from tests.fixtures.donnees import build_agent

HACHE = hash_mot_de_passe("demo")
A = datetime(2026, 11, 23, 9, 1, tzinfo=UTC)


class TestEssais:
    """Deviner un mot de passe est arrêté là d'où cela vient, et n'enferme pas dehors l'agent à son poste."""

    @pytest.fixture
    async def compte(self, outils: Outils) -> str:
        """An account whose password is « demo »."""
        async with outils.db.engine.begin() as conn:
            nom = f"c{secrets.token_hex(4)}"
            await build_agent(conn, nom, profil="agent_national", perimetre="nation", mot_de_passe_hache=HACHE)
        return nom

    @staticmethod
    async def essaie(
        outils: Outils, compte: str, mot: str, adresse: str, a: datetime = A, appareils: str = ""
    ) -> type[Exception] | None:
        """Try; the refusal, or None once signed in."""
        try:
            await sign_in(
                outils.db,
                outils.settings,
                compte,
                mot,
                ancien_jeton=None,
                adresse=adresse,
                a=a,
                appareils=appareils,
            )
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

    async def test_behind_the_same_address_the_agent_s_own_browser_goes_on(self, outils: Outils, compte: str) -> None:
        sien = add_appareil(outils.settings, "", compte)
        for _ in range(PAR_ADRESSE + 1):
            await self.essaie(outils, compte, "faux", "203.0.113.9")
        assert await self.essaie(outils, compte, "demo", "203.0.113.9") is TropDeDemandes
        assert await self.essaie(outils, compte, "demo", "203.0.113.9", appareils=sien) is None
        forge = sien[:-1] + ("0" if sien[-1] != "0" else "1")
        assert await self.essaie(outils, compte, "demo", "203.0.113.9", appareils=forge) is TropDeDemandes
        for _ in range(PAR_ADRESSE):
            assert await self.essaie(outils, compte, "faux", "198.51.100.1", appareils=sien) is NonAuthentifie
        assert await self.essaie(outils, compte, "faux", "198.51.100.2", appareils=sien) is TropDeDemandes

    async def test_guesses_sent_all_at_once_are_all_counted(self, outils: Outils, compte: str) -> None:
        refus = await asyncio.gather(*(self.essaie(outils, compte, "faux", "203.0.113.19") for _ in range(30)))
        assert refus.count(NonAuthentifie) == PAR_ADRESSE
        assert refus.count(TropDeDemandes) == 30 - PAR_ADRESSE

    async def test_what_is_refused_to_one_address_does_not_close_the_account_to_others(
        self, outils: Outils, compte: str
    ) -> None:
        for _ in range(PAR_COMPTE + 10):
            await self.essaie(outils, compte, "faux", "203.0.113.29")
        assert await self.essaie(outils, compte, "demo", "198.51.100.1") is None

    async def test_guesses_from_everywhere_close_the_account_to_strangers_alone(
        self, outils: Outils, compte: str
    ) -> None:
        sien = add_appareil(outils.settings, "", compte)
        for rang in range(PAR_COMPTE):
            assert await self.essaie(outils, compte, "faux", f"203.0.113.{rang + 40}") is NonAuthentifie
        assert await self.essaie(outils, compte, "demo", "192.0.2.1") is TropDeDemandes
        assert await self.essaie(outils, compte, "demo", "pas une adresse") is TropDeDemandes
        assert await self.essaie(outils, compte, "demo", "192.0.2.1", appareils=sien) is None

    async def test_one_address_does_not_try_all_accounts(self, outils: Outils, compte: str) -> None:
        refus = [await self.essaie(outils, f"compte{rang}", "faux", "192.0.2.77") for rang in range(PAR_LIEU + 5)]
        assert refus == [NonAuthentifie] * PAR_LIEU + [TropDeDemandes] * 5
        assert await self.essaie(outils, compte, "demo", "192.0.2.78") is None

    async def test_the_addresses_of_one_ipv6_network_count_as_one(self, outils: Outils, compte: str) -> None:
        for rang in range(PAR_ADRESSE):
            assert await self.essaie(outils, compte, "faux", f"2001:db8:1:2::{rang:x}") is NonAuthentifie
        assert await self.essaie(outils, compte, "faux", "2001:db8:1:2:ffff::1") is TropDeDemandes
        assert await self.essaie(outils, compte, "demo", "2001:db8:1:3::1") is None

    async def test_a_flood_of_sign_ins_is_told_to_come_back_and_nobody_waits_behind_it(self, outils: Outils) -> None:
        essais = (self.essaie(outils, f"foule{rang}", "faux", f"198.18.{rang}.1") for rang in range(60))
        refus = await asyncio.gather(*essais)
        assert set(refus) == {NonAuthentifie, Indisponible}

    async def test_a_try_that_was_told_to_come_back_is_no_wrong_password(self, outils: Outils, compte: str) -> None:
        foule = [self.essaie(outils, f"foule{rang}", "faux", f"198.19.{rang}.1") for rang in range(60)]
        siens = [self.essaie(outils, compte, "demo", "203.0.113.9") for _ in range(PAR_ADRESSE)]
        refus = (await asyncio.gather(*foule, *siens))[60:]
        assert Indisponible in refus
        requete = text("SELECT count(*) FROM tentative WHERE nombre < 0")
        async with outils.db.read() as conn:
            assert (await conn.execute(requete)).scalar_one() == 0
        assert await self.essaie(outils, compte, "demo", "203.0.113.9") is None

    async def test_an_account_that_does_not_exist_is_refused_like_one_that_does(self, outils: Outils) -> None:
        for _ in range(PAR_ADRESSE):
            assert await self.essaie(outils, "personne", "faux", "203.0.113.9") is NonAuthentifie
        assert await self.essaie(outils, "personne", "faux", "203.0.113.9") is TropDeDemandes

    async def test_the_right_password_forgets_the_wrong_ones(self, outils: Outils, compte: str) -> None:
        for _ in range(3):
            for _ in range(PAR_ADRESSE - 1):
                assert await self.essaie(outils, compte, "faux", "203.0.113.9") is NonAuthentifie
            assert await self.essaie(outils, compte, "demo", "203.0.113.9") is None

    async def test_guessing_that_is_stopped_leaves_one_line_for_each_bound(self, outils: Outils, compte: str) -> None:
        for _ in range(PAR_ADRESSE + 6):
            await self.essaie(outils, compte, "faux", "203.0.113.9")
        requete = text(
            "SELECT j.apres->>'regle' FROM journal j JOIN agent g ON g.id = j.agent_id"
            " WHERE j.action = 'connexion.bloquee' AND g.identifiant = :compte"
        )
        async with outils.db.read() as conn:
            assert (await conn.execute(requete, {"compte": compte})).scalars().all() == ["adresse"]

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
            assert (
                await conn.execute(text("SELECT count(*) FROM tentative WHERE fenetre <= :a"), {"a": A})
            ).scalar_one() == 0


class TestAppareils:
    """Le poste où l'agent s'est déjà connecté est reconnu ; ce qu'on y lit n'ouvre rien."""

    def test_a_computer_shared_by_many_knows_the_last_ones(self, settings: Settings) -> None:
        cookie = ""
        for rang in range(20):
            cookie = add_appareil(settings, cookie, f"agent{rang}")
        assert find_appareil(settings, cookie, "agent19")
        assert find_appareil(settings, cookie, "agent8")
        assert find_appareil(settings, cookie, "agent7") is None
        assert add_appareil(settings, cookie, "agent12").split(".")[0] in cookie, "the same token, put first"

    @pytest.mark.parametrize("cookie", ["", "-", ".", "a-b", "é", "x" * 10_000, "." * 5000, "\x00-\x00"])
    def test_anything_else_is_nobody_s(self, settings: Settings, cookie: str) -> None:
        assert find_appareil(settings, cookie, "agent") is None
        assert find_appareil(settings, add_appareil(settings, cookie, "agent"), "agent")

    def test_another_site_s_token_is_worth_nothing(self, settings: Settings) -> None:
        autre = replace(settings, secret_key="une-autre-cle-de-quarante-caracteres-au-moins")
        assert find_appareil(settings, add_appareil(autre, "", "agent"), "agent") is None
