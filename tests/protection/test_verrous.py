"""Counts lock their rows in the order of their keys: those who count and those who take back never deadlock [P15]."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final

import pytest
from sqlalchemy import TextClause, bindparam, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import ARRAY, LargeBinary

from app.booking.outils import Outils
from app.db import sqlstate
from app.protection import limites
from app.protection.limites import Compte, Sujets, count, give_back, list_cases

MIDI: Final = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
FOYER: Final = Sujets("203.0.113.60", "v", ("p", "q"), 60, 1)
#: As it was: the rows are taken as they lie in the table, or as the plan finds them.
SANS_ORDRE: Final = text("UPDATE comptage SET nombre = greatest(nombre - 1, 0) WHERE cle = ANY(:cles)").bindparams(
    bindparam("cles", type_=ARRAY(LargeBinary))
)
PLANS: Final = {
    "as they lie": ("enable_indexscan", "enable_bitmapscan", "enable_indexonlyscan"),
    "by the index": ("enable_seqscan", "enable_bitmapscan"),
    "by a bitmap": ("enable_seqscan", "enable_indexscan", "enable_indexonlyscan"),
}

Ordre = Callable[[AsyncConnection], Awaitable[object]]


def list_cles(outils: Outils) -> list[bytes]:
    return [case.cle for case in list_cases(outils.settings, "reserver", FOYER, MIDI)]


async def lay_backwards(outils: Outils) -> list[bytes]:
    """The rows of FOYER, lying in the table against the order of their keys; their keys, in order."""
    cases = list_cases(outils.settings, "reserver", FOYER, MIDI)
    async with outils.db.engine.begin() as conn:
        for case in reversed(cases):
            await conn.execute(text("INSERT INTO comptage VALUES (:c, :f, 5)"), {"c": case.cle, "f": case.fin})
    return [case.cle for case in cases]


async def wait_blocked(outils: Outils) -> None:
    """Until somebody waits for a lock."""
    attendent = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    for _ in range(200):
        async with outils.db.read() as conn:
            if (await conn.execute(attendent)).scalar_one():
                return
        await asyncio.sleep(0.02)
    raise AssertionError("nobody waits")


@asynccontextmanager
async def holding(outils: Outils, cle: bytes) -> AsyncIterator[AsyncConnection]:
    """A transaction under way that has locked that row."""
    async with outils.db.engine.connect() as conn, conn.begin():
        await conn.execute(text("SELECT 1 FROM comptage WHERE cle = :c FOR UPDATE"), {"c": cle})
        yield conn


async def find_taken(outils: Outils, premiere: bytes, ordre: Ordre, sans: tuple[str, ...]) -> int:
    """How many rows ``ordre`` has locked while it waits for the first by key: none, if it begins there."""

    async def run() -> None:
        async with outils.db.read() as conn:
            for reglage in sans:
                await conn.execute(text(f"SET {reglage} = off"))
            try:
                await ordre(conn)
            finally:
                await conn.execute(text("RESET ALL"))

    async with holding(outils, premiere):
        tache = asyncio.create_task(run())
        await wait_blocked(outils)
        async with outils.db.engine.connect() as conn, conn.begin():
            libres = await conn.execute(text("SELECT cle FROM comptage WHERE nombre > 0 FOR UPDATE SKIP LOCKED"))
            nombre = len(libres.all())
            tous = (await conn.execute(text("SELECT count(*) FROM comptage"))).scalar_one()
    await tache
    return int(tous) - 1 - nombre


@pytest.mark.parametrize("plan", PLANS)
class TestOrdre:
    """Whatever the plan: while the first row by key is somebody else's, none of the others is held."""

    async def test_a_count_begins_by_its_first_key(self, outils: Outils, plan: str) -> None:
        cles = await lay_backwards(outils)
        assert not await find_taken(
            outils, cles[0], lambda conn: count(conn, outils.settings, "reserver", FOYER, MIDI), PLANS[plan]
        )

    async def test_so_does_what_is_given_back(self, outils: Outils, plan: str) -> None:
        cles = await lay_backwards(outils)
        compte = Compte(cles=tuple(reversed(cles)))
        assert not await find_taken(outils, cles[0], lambda conn: give_back(conn, compte), PLANS[plan])
        async with outils.db.read() as conn:
            assert set((await conn.execute(text("SELECT nombre FROM comptage"))).scalars()) == {4}


async def catch(travail: Awaitable[object]) -> str | None:
    """The SQLSTATE with which it fails, or None."""
    try:
        await travail
    except DBAPIError as erreur:
        return sqlstate(erreur)
    return None


async def cross(outils: Outils, cles: list[bytes], rendre: TextClause) -> str | None:
    """One who counts has the first row and goes on to the last; one who gives back came between. The error, if any."""
    derniere = text("UPDATE comptage SET nombre = nombre + 1 WHERE cle = :c")

    async def give() -> None:
        async with outils.db.read() as conn:
            await conn.execute(text("SET enable_indexscan = off"))
            await conn.execute(text("SET enable_bitmapscan = off"))
            try:
                await conn.execute(rendre, {"cles": cles})
            finally:
                await conn.execute(text("RESET ALL"))

    async with asyncio.TaskGroup() as groupe, outils.db.engine.connect() as conn:
        transaction = await conn.begin()
        await conn.execute(text("SELECT 1 FROM comptage WHERE cle = :c FOR UPDATE"), {"c": cles[0]})
        tache = groupe.create_task(catch(give()))
        await wait_blocked(outils)
        erreur = await catch(conn.execute(derniere, {"c": cles[-1]}))
        await transaction.rollback()
    return erreur or tache.result()


class TestCroisement:
    async def test_who_counts_and_who_gives_back_do_not_wait_for_each_other(self, outils: Outils) -> None:
        assert await cross(outils, await lay_backwards(outils), limites._RENDRE) is None

    async def test_an_update_alone_deadlocks(self, outils: Outils) -> None:
        """Negative control: the rows as they lie."""
        assert await cross(outils, await lay_backwards(outils), SANS_ORDRE) == "40P01"

    async def test_a_crowd_that_counts_and_gives_back_leaves_nothing(self, outils: Outils) -> None:
        async def one(rang: int) -> None:
            sujets = Sujets("203.0.113.61", "commune", (f"p{rang % 3}", f"q{rang % 5}"), 61, 1)
            async with outils.db.read() as conn:
                await give_back(conn, await count(conn, outils.settings, "reserver", sujets, MIDI))

        await asyncio.gather(*(one(rang) for rang in range(300)))
        async with outils.db.read() as conn:
            assert set((await conn.execute(text("SELECT nombre FROM comptage"))).scalars()) == {0}


class TestCercleMalgreTout:
    """Counting is not the act: a deadlock in a counter refuses nobody."""

    async def test_a_count_that_loses_a_deadlock_is_made_again(self, outils: Outils) -> None:
        cles = await lay_backwards(outils)

        async def compte() -> Compte:
            async with outils.db.read() as conn:
                return await count(conn, outils.settings, "reserver", FOYER, MIDI)

        async with holding(outils, cles[-1]) as conn:
            await conn.execute(text("SET LOCAL deadlock_timeout = '20s'"))  # the other one loses
            tache = asyncio.create_task(compte())
            await wait_blocked(outils)
            await conn.execute(text("UPDATE comptage SET nombre = nombre + 1 WHERE cle = :c"), {"c": cles[0]})
        assert set((await tache).cles) == set(cles)
        async with outils.db.read() as conn:
            lignes = {li.cle: li.nombre for li in await conn.execute(text("SELECT cle, nombre FROM comptage"))}
        assert [lignes[cle] for cle in cles] == [7, *[6] * (len(cles) - 1)], "once"

    @pytest.mark.parametrize("etat", ["40P01", "40001"])
    async def test_one_that_always_loses_lets_the_act_go_on(self, outils: Outils, etat: str) -> None:
        async with failing(outils, etat), outils.db.read() as conn:
            assert await count(conn, outils.settings, "reserver", FOYER, MIDI) == Compte()
            await lay_backwards(outils)
            await give_back(conn, Compte(cles=tuple(list_cles(outils))))

    async def test_another_error_is_not_hidden(self, outils: Outils) -> None:
        async with failing(outils, "22000"), outils.db.read() as conn:
            with pytest.raises(DBAPIError):
                await count(conn, outils.settings, "reserver", FOYER, MIDI)

    async def test_inside_a_transaction_the_deadlock_is_the_transaction_s(self, outils: Outils) -> None:
        async with failing(outils, "40P01"):
            with pytest.raises(DBAPIError):
                async with outils.db.engine.begin() as conn:
                    await count(conn, outils.settings, "reserver", FOYER, MIDI)


@asynccontextmanager
async def failing(outils: Outils, etat: str) -> AsyncIterator[None]:
    """Every count and every return fails with that SQLSTATE, meanwhile; rows laid by hand do not."""
    fonction = (
        "CREATE FUNCTION echoue() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN RAISE EXCEPTION 'non' USING ERRCODE = '{etat}'; END $$"
    )
    declencheur = (
        "CREATE TRIGGER echoue BEFORE INSERT OR UPDATE ON comptage FOR EACH ROW"
        " WHEN (NEW.nombre <> 5) EXECUTE FUNCTION echoue()"
    )
    async with outils.db.engine.begin() as conn:
        await conn.execute(text(fonction))
        await conn.execute(text(declencheur))
    try:
        yield
    finally:
        async with outils.db.engine.begin() as conn:
            await conn.execute(text("DROP TRIGGER echoue ON comptage"))
            await conn.execute(text("DROP FUNCTION echoue"))
