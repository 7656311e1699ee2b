"""A database and a mail server for each test that asks for them."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from app import clock
from app.courrier.intentions import write_intention
from app.courrier.message import Evenement, MessageRdv
from app.db import Database, async_url
from app.embedded.postgres import Postgres
from app.tables import Courrier, RendezVous
from tests.courrier.exemples import CAEN_NORD
from tests.courrier.passerelle import Passerelle
from tests.courrier.poste import Poste

DOMAINE = "rdv.example.fr"
_numeros = itertools.count(1)


class File:
    """The queue of one database, and the RDV its mails are about."""

    def __init__(self, url: str, engine: AsyncEngine) -> None:
        self.url = url
        self.engine = engine
        self.db = Database(engine)

    async def rendez_vous(self, *, dans: timedelta = timedelta(days=5), **champs: Any) -> MessageRdv:
        """A RDV in the database and the message that tells it. Services and guichets are no matter here."""
        debut = (clock.now() + dans).replace(microsecond=0)
        fin = debut + timedelta(minutes=20)
        n = next(_numeros)
        async with self.engine.begin() as conn:
            await conn.execute(text("SET LOCAL session_replication_role = replica"))
            rdv_id = (
                await conn.execute(
                    insert(RendezVous)
                    .values(
                        code=f"C{n:05d}",
                        service_id=1,
                        guichet_id=n,
                        motif_id=1,
                        type_rdv="guichet",
                        debut=debut,
                        fin=fin,
                        jour=debut.date(),
                        etat="prevu",
                        occupe=True,
                        canal="internet",
                        origine="internet",
                        cree_a=clock.now(),
                        modifie_a=clock.now(),
                    )
                    .returning(RendezVous.id)
                )
            ).scalar_one()
        return replace(CAEN_NORD, rdv_id=rdv_id, code=f"C{n:05d}", debut=debut, fin=fin, **champs)

    async def change(self, m: MessageRdv, **champs: Any) -> None:
        """Change the RDV of a message."""
        async with self.engine.begin() as conn:
            await conn.execute(text("SET LOCAL session_replication_role = replica"))
            await conn.execute(update(RendezVous).where(RendezVous.id == m.rdv_id).values(**champs))

    async def cancel(self, m: MessageRdv) -> MessageRdv:
        """Cancel the RDV; returns its next message."""
        await self.change(m, etat="annule", occupe=False)
        return replace(m, sequence=m.sequence + 1, annule_par="usager")

    async def move(self, m: MessageRdv, de: timedelta = timedelta(days=1)) -> MessageRdv:
        """Move the RDV; returns its next message."""
        await self.change(m, debut=m.debut + de, fin=m.fin + de)
        return replace(m, sequence=m.sequence + 1, ancien_debut=m.debut, debut=m.debut + de, fin=m.fin + de)

    async def ecrire(self, evenement: Evenement, m: MessageRdv, a: str | None = None, **plus: Any) -> None:
        """An intent, in its own transaction."""
        adresse = a or f"usager{m.rdv_id}@example.org"
        async with self.engine.begin() as conn:
            await write_intention(conn, evenement, m, adresse, clock.now(), domaine=DOMAINE, **plus)

    async def remplir(self, combien: int) -> list[MessageRdv]:
        """That many RDV, each with its confirmation to send."""
        messages = [await self.rendez_vous() for _ in range(combien)]
        for m in messages:
            await self.ecrire("confirmation", m)
        return messages

    async def lignes(self) -> list[Any]:
        """Every row of the queue, in order."""
        async with self.db.read() as conn:
            return list(await conn.execute(select(Courrier.__table__).order_by(Courrier.id)))

    async def brut(self) -> str:
        """All that the queue's rows hold, whole (the representation of a row cuts long values)."""
        return json.dumps([dict(ligne._mapping) for ligne in await self.lignes()], default=str, ensure_ascii=False)

    async def due_now(self) -> None:
        """As if every delay had passed."""
        async with self.engine.begin() as conn:
            await conn.execute(update(Courrier).values(du_a=clock.now() - timedelta(seconds=1)))

    async def wait_for(self, envoyes: int, secondes: float = 20.0) -> None:
        """Until that many are marked as sent. Raises TimeoutError."""
        async with asyncio.timeout(secondes):
            while sum(ligne.envoye_a is not None for ligne in await self.lignes()) < envoyes:
                await asyncio.sleep(0.05)


@pytest_asyncio.fixture
async def file(postgres_server: Postgres, modele: str) -> AsyncIterator[File]:
    """An empty queue in a database of its own."""
    nom = f"courrier_{next(_numeros)}"
    url = postgres_server.create_database(nom, modele)
    engine = create_async_engine(async_url(url), pool_size=8, max_overflow=0, pool_pre_ping=True)
    yield File(url, engine)
    await engine.dispose()
    postgres_server.drop_database(nom)


@pytest_asyncio.fixture
async def poste() -> AsyncIterator[Poste]:
    """A mail server that listens."""
    server = Poste()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def passerelle() -> Iterator[Passerelle]:
    """A gateway of short messages that listens."""
    server = Passerelle()
    server.start()
    yield server
    server.stop()
