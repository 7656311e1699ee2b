"""Intents are committed with what they tell, once, and forgotten in time [P16]."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from app import clock
from app.courrier.intentions import purge_envoyes, write_intention
from tests.courrier.conftest import DOMAINE, File


class TestIntention:
    async def test_it_lives_and_dies_with_the_transaction(self, file: File) -> None:
        m = await file.rendez_vous()
        with pytest.raises(RuntimeError):
            async with file.engine.begin() as conn:
                await write_intention(conn, "confirmation", m, "n@example.org", clock.now(), domaine=DOMAINE)
                raise RuntimeError("the booking failed")
        assert await file.lignes() == []

    async def test_written_twice_it_is_one(self, file: File) -> None:
        m = await file.rendez_vous()
        for _ in range(3):
            await file.ecrire("confirmation", m)
        lignes = await file.lignes()
        assert len(lignes) == 1
        assert lignes[0].message_id.startswith(f"<rdv-{m.rdv_id}.confirmation.0.")
        assert lignes[0].message_id.endswith("@rdv.example.fr>")

    async def test_two_moves_are_two(self, file: File) -> None:
        m = await file.rendez_vous()
        un = await file.move(m)
        await file.ecrire("deplacement", un)
        await file.ecrire("deplacement", await file.move(un))
        assert len(await file.lignes()) == 2

    @pytest.mark.parametrize("adresse", [None, "", "  "])
    async def test_without_an_address_nothing_is_written(self, file: File, adresse: str | None) -> None:
        m = await file.rendez_vous()
        async with file.engine.begin() as conn:
            await write_intention(conn, "confirmation", m, adresse, clock.now(), domaine=DOMAINE)
        assert await file.lignes() == []

    async def test_a_wrong_address_never_undoes_the_booking(self, file: File) -> None:
        await file.ecrire("confirmation", await file.rendez_vous(), "a@example.org,b@example.org")
        assert len(await file.lignes()) == 1

    async def test_it_may_be_due_later(self, file: File) -> None:
        quand = clock.now() + timedelta(days=1)
        await file.ecrire("rappel", await file.rendez_vous(), du_a=quand)
        assert (await file.lignes())[0].du_a == quand


class TestP16Oubli:
    async def test_what_was_sent_or_given_up_long_ago_is_blank_and_the_rest_untouched(self, file: File) -> None:
        messages = await file.remplir(4)
        async with file.engine.begin() as conn:
            for rdv, colonne, jours in ((0, "envoye_a", 40), (1, "abandonne_a", 40), (2, "envoye_a", 1)):
                await conn.execute(
                    text(f"UPDATE courrier SET {colonne} = :a WHERE rdv_id = :rdv"),
                    {"a": clock.now() - timedelta(days=jours), "rdv": messages[rdv].rdv_id},
                )
            assert await purge_envoyes(conn, clock.now() - timedelta(days=30)) == 2
            assert await purge_envoyes(conn, clock.now() - timedelta(days=30)) == 0
        lignes = await file.lignes()
        assert [bool(ligne.destinataire) for ligne in lignes] == [False, False, True, True]
        assert [bool(ligne.donnees) for ligne in lignes] == [False, False, True, True]
        assert (await file.brut()).count("VALENTON") == 2

    async def test_several_recipients_of_one_event_may_be_forgotten(self, file: File) -> None:
        m = await file.rendez_vous()
        await file.ecrire("annulation", m, "a@example.org")
        await file.ecrire("annulation", m, "b@example.org")
        async with file.engine.begin() as conn:
            await conn.execute(text("UPDATE courrier SET envoye_a = :a"), {"a": clock.now() - timedelta(days=40)})
            assert await purge_envoyes(conn, clock.now()) == 2
