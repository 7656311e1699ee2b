"""Nobody floods a telephone that he typed: so many short messages to one number in a day, in all services [P15]."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from app import clock
from app.courrier.debit_sms import PAR_JOUR, TROP, give_back, print_jour, take
from tests.courrier.conftest import File
from tests.courrier.passerelle import Passerelle, accept, refuse
from tests.courrier.test_envoi_sms import MOBILE, ecrire, facteur

CLE = b"cle-des-tests"


async def send_all(file: File, passerelle: Passerelle, **reglages: Any) -> int:
    """Until nothing is due."""
    envoi, partis = facteur(file, passerelle, cle=CLE, lot=50, **reglages), 0
    while partie := await envoi.run_once():
        partis += partie
    return partis


class TestParJour:
    """A number is a person's, whatever the service."""

    async def test_a_number_gets_five_and_the_others_say_why_they_did_not_leave(
        self, file: File, passerelle: Passerelle
    ) -> None:
        for service in range(PAR_JOUR + 4):
            m = await file.rendez_vous()
            await file.change(m, service_id=service + 1)
            await ecrire(file, "confirmation", m)
        await ecrire(file, "confirmation", await file.rendez_vous(), "+33698765432")
        assert await send_all(file, passerelle) == PAR_JOUR + 1
        assert [r.corps["to"] for r in passerelle.recus].count(MOBILE) == PAR_JOUR
        erreurs = [ligne.erreur for ligne in await file.lignes()]
        assert erreurs.count(TROP) == 4
        assert all(ligne.abandonne_a is not None for ligne in await file.lignes() if ligne.erreur == TROP)

    async def test_without_the_bound_all_of_them_leave(self, file: File, passerelle: Passerelle) -> None:
        """Negative control."""
        for _ in range(PAR_JOUR + 4):
            await ecrire(file, "confirmation", await file.rendez_vous())
        envoi = facteur(file, passerelle, lot=50)
        assert await envoi.run_once() == PAR_JOUR + 4

    async def test_a_stranger_s_bookings_do_not_hide_a_cancellation_from_its_holder(
        self, file: File, passerelle: Passerelle
    ) -> None:
        sien = await file.rendez_vous()
        for _ in range(PAR_JOUR + 2):
            await ecrire(file, "confirmation", await file.rendez_vous())
        assert await send_all(file, passerelle) == PAR_JOUR
        await ecrire(file, "annulation", await file.cancel(sien))
        assert await send_all(file, passerelle) == 1
        assert passerelle.recus[-1].corps["text"].startswith("RDV annulé")
        for _ in range(2 * PAR_JOUR):
            await ecrire(file, "annulation", await file.cancel(await file.rendez_vous()))
        assert await send_all(file, passerelle) == PAR_JOUR - 1, "they have a bound too"

    async def test_what_did_not_leave_is_not_counted(self, file: File, passerelle: Passerelle) -> None:
        passerelle.answer = refuse(503)
        for _ in range(PAR_JOUR):
            await ecrire(file, "confirmation", await file.rendez_vous())
        for _ in range(3):
            assert await facteur(file, passerelle, cle=CLE).run_once() == 0
            await file.due_now()
        passerelle.answer = accept
        assert await send_all(file, passerelle) == PAR_JOUR

    async def test_nothing_kept_is_a_number_and_tomorrow_is_another_day(self, file: File) -> None:
        a = clock.now()
        async with file.db.read() as conn:
            prises = [await take(conn, print_jour(CLE, MOBILE, a), "confirmation", a) for _ in range(PAR_JOUR + 1)]
            assert prises == [True] * PAR_JOUR + [False]
            assert not await take(conn, print_jour(CLE, MOBILE, a), "attente", a)
            demain = a + timedelta(days=1)
            assert await take(conn, print_jour(CLE, MOBILE, demain), "confirmation", demain)
            lignes = (await conn.execute(text("SELECT comptage::text FROM comptage"))).scalars().all()
            assert len(lignes) == 2
            assert not any(MOBILE[1:] in ligne or MOBILE.encode().hex() in ligne for ligne in lignes)
            await give_back(conn, print_jour(CLE, MOBILE, a))
            assert await take(conn, print_jour(CLE, MOBILE, a), "confirmation", a)

    async def test_senders_at_once_count_as_many(self, file: File) -> None:
        a = clock.now()

        async def one() -> bool:
            async with file.db.read() as conn:
                return await take(conn, print_jour(CLE, MOBILE, a), "confirmation", a)

        assert sum(await asyncio.gather(*(one() for _ in range(40)))) == PAR_JOUR
