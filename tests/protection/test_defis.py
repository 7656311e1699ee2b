"""Challenges: signed, tied to a visit, answered once; nothing of them can be guessed from the database."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import clock
from app.booking.outils import Outils
from app.config import Settings
from app.protection.defis import (
    ALPHABET,
    DUREE,
    LONGUEUR,
    derive_reponse,
    has_passe,
    is_juste,
    new_jeton,
    purge_defis,
    read_jeton,
    record_reponse,
    return_passe,
    take_passe,
)

REGLAGES = Settings("", "", "", "http://127.0.0.1", "secret-des-tests-seulement-0123456789abcdef")
VISITE = "v" * 43


class TestJeton:
    """A challenge is a signed token: showing one writes nothing."""

    def test_what_was_given_is_read_by_its_visit_alone(self) -> None:
        a = clock.now()
        texte = new_jeton(REGLAGES, VISITE, a)
        assert read_jeton(REGLAGES, VISITE, texte, a) is not None
        assert read_jeton(REGLAGES, "w" * 43, texte, a) is None
        assert read_jeton(REGLAGES, "", texte, a) is None

    def test_it_is_worth_nothing_after_ten_minutes(self) -> None:
        a = clock.now()
        texte = new_jeton(REGLAGES, VISITE, a)
        assert read_jeton(REGLAGES, VISITE, texte, a + DUREE - timedelta(seconds=2)) is not None
        assert read_jeton(REGLAGES, VISITE, texte, a + DUREE) is None

    def test_no_bit_of_it_can_be_changed(self) -> None:
        a = clock.now()
        texte = new_jeton(REGLAGES, VISITE, a)
        for place in range(len(texte)):
            autre = texte[:place] + ("A" if texte[place] != "A" else "B") + texte[place + 1 :]
            lu = read_jeton(REGLAGES, VISITE, autre, a)
            assert lu is None or lu == read_jeton(REGLAGES, VISITE, texte, a)  # the last bits of base64 mean nothing

    @given(st.text())
    def test_nonsense_is_no_challenge(self, texte: str) -> None:
        assert read_jeton(REGLAGES, VISITE, texte, clock.now()) is None

    def test_the_answer_of_one_is_not_that_of_another(self) -> None:
        a = clock.now()
        lus = [read_jeton(REGLAGES, VISITE, new_jeton(REGLAGES, VISITE, a), a) for _ in range(200)]
        reponses = {derive_reponse(REGLAGES, lu) for lu in lus if lu is not None}
        assert len(reponses) > 190
        assert all(len(r) == LONGUEUR and set(r) <= set(ALPHABET) for r in reponses)

    def test_letters_that_are_mistaken_for_others_are_never_asked(self) -> None:
        assert not set(ALPHABET) & set("0O1IQ5S8BD2ZVWMNG")

    def test_case_and_spaces_do_not_count(self) -> None:
        a = clock.now()
        lu = read_jeton(REGLAGES, VISITE, new_jeton(REGLAGES, VISITE, a), a)
        assert lu is not None
        juste = derive_reponse(REGLAGES, lu)
        for ecrit in (juste, juste.lower(), " ".join(juste), f"  {juste}\t"):
            assert is_juste(REGLAGES, lu, ecrit)

    @pytest.mark.parametrize(
        "texte", ["", " ", "\x00", "A" * 10_000, "\ud800", "🙂" * 5, "AAAAA' OR 1=1", "\u202eABCDE"]
    )
    def test_hostile_answers_are_wrong_answers(self, texte: str) -> None:
        a = clock.now()
        lu = read_jeton(REGLAGES, VISITE, new_jeton(REGLAGES, VISITE, a), a)
        assert lu is not None
        assert not is_juste(REGLAGES, lu, texte)


class TestUneSeuleFois:
    """An answer is worth nothing twice, whatever process receives it."""

    async def test_a_right_answer_sent_fifty_times_at_once_gives_one_pass(self, outils: Outils) -> None:
        a, settings = clock.now(), outils.settings
        lu = read_jeton(settings, VISITE, new_jeton(settings, VISITE, a), a)
        assert lu is not None

        async def answer() -> bool:
            async with outils.db.read() as conn:
                return await record_reponse(conn, settings, VISITE, lu, juste=True, a=a)

        assert all(await asyncio.gather(*(answer() for _ in range(50))))

        async def take(rang: int) -> bytes | None:
            async with outils.db.read() as conn:
                return await take_passe(conn, settings, VISITE, b"formulaire %d" % (rang % 10), a)

        prises = await asyncio.gather(*(take(rang) for rang in range(40)))
        gagnants = {rang % 10 for rang, prise in enumerate(prises) if prise is not None}
        assert len(gagnants) == 1, "one form, as many times as it is sent"
        assert sum(prise is not None for prise in prises) == 4
        gardees = [p for p in prises if p is not None]
        async with outils.db.read() as conn:
            assert not await has_passe(conn, settings, VISITE, a)
            await return_passe(conn, gardees[0])
            assert await has_passe(conn, settings, VISITE, a)
            assert not await has_passe(conn, settings, "w" * 43, a)
            assert not await has_passe(conn, settings, VISITE, a + timedelta(hours=1))

    async def test_after_a_wrong_answer_the_right_one_comes_too_late(self, outils: Outils) -> None:
        a, settings = clock.now(), outils.settings
        lu = read_jeton(settings, VISITE, new_jeton(settings, VISITE, a), a)
        assert lu is not None
        async with outils.db.read() as conn:
            assert not await record_reponse(conn, settings, VISITE, lu, juste=False, a=a)
            assert not await record_reponse(conn, settings, VISITE, lu, juste=True, a=a)
            assert not await has_passe(conn, settings, VISITE, a)
            await purge_defis(conn, a + timedelta(hours=1))
            assert (await conn.exec_driver_sql("SELECT count(*) FROM defi")).scalar_one() == 0
