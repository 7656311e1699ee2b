"""Availability of a month for a service of 20 guichets, 60 % booked: milliseconds and SQL queries.

    python -m loadtests.disponibilite

Cold is a process that has seen nothing (context, occupations, grid); warm is the context known and a new version of the
agenda, the common case of a busy service; same is a version already computed.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from dataclasses import dataclass

from sqlalchemy import event, text

from app import clock
from app.booking.disponibilites import Disponibilite, Disponibilites
from app.booking.outils import Outils
from app.config import Settings
from app.db import Database, create_engine
from loadtests.banc import SECRET, open_banc
from tests.fixtures.donnees import MondeService, build_service

_REPETITIONS = 30
_INSERTION = text(
    """
    INSERT INTO rendez_vous (code, service_id, guichet_id, motif_id, type_rdv, debut, fin, jour, etat, occupe, canal,
                             origine, cree_a, modifie_a)
    VALUES (:code, :service, :guichet, :motif, 'guichet', to_timestamp(:debut * 60), to_timestamp(:fin * 60), :jour,
            'prevu', TRUE, 'internet', 'internet', :a, :a)
    """
)


@dataclass(frozen=True, slots=True)
class Mesure:
    """Median milliseconds and SQL queries of one situation."""

    nom: str
    ms: float
    requetes: int


async def fill(db: Database, service: MondeService, dispo: Disponibilite, part: float) -> int:
    """Book that share of the places, at random; the number booked."""
    hasard = random.Random(58)
    lignes: list[dict[str, object]] = []
    for jour, journee in dispo.grille.jours.items():
        for creneau in journee.creneaux:
            for guichet in creneau.guichets:
                if hasard.random() < part:
                    lignes.append(
                        {
                            "code": f"{len(lignes):06d}",
                            "service": service.id,
                            "guichet": guichet,
                            "motif": service.motifs[0],
                            "debut": creneau.debut,
                            "fin": creneau.fin,
                            "jour": jour,
                            "a": clock.now(),
                        }
                    )
    async with db.engine.begin() as conn:
        await conn.execute(_INSERTION, lignes)
    async with db.read() as conn:
        await conn.execute(text("VACUUM ANALYZE rendez_vous"))
    return len(lignes)


async def measure() -> tuple[int, list[Mesure]]:
    """RDV in the month, and the three measures."""
    with open_banc(web=0, worker=False) as banc:
        settings = Settings(banc.dsn, banc.redis.url, banc.smtp.url, "http://127.0.0.1:1", SECRET, demo=True)
        db = Database(create_engine(settings, nom="bench"))
        async with db.engine.begin() as conn:
            service = await build_service(conn, guichets=20, plages=((480, 720), (780, 1020)))
        requetes: list[str] = []
        event.listen(db.engine.sync_engine, "before_cursor_execute", lambda *a: requetes.append(str(a[2])))

        async def read(outils: Outils) -> Disponibilite:
            async with db.read() as conn:
                return await outils.dispo.read(
                    conn,
                    service.id,
                    motif_id=service.motifs[0],
                    type_rdv="guichet",
                    canal="internet",
                    maintenant=clock.now(),
                )

        async def timed(outils: Outils) -> tuple[float, int]:
            requetes.clear()
            depart = time.perf_counter()
            await read(outils)
            return (time.perf_counter() - depart) * 1000, len(requetes)

        pris = await fill(db, service, await read(Outils(db, settings)), 0.6)
        series: dict[str, list[tuple[float, int]]] = {"cold process": [], "new version": [], "same version": []}
        for _ in range(_REPETITIONS):
            outils = Outils(db, settings, Disponibilites())
            series["cold process"].append(await timed(outils))
            async with db.engine.begin() as conn:
                await conn.execute(text("UPDATE agenda SET version_creneaux = version_creneaux + 1"))
            series["new version"].append(await timed(outils))
            series["same version"].append(await timed(outils))
        await db.close()
        return pris, [
            Mesure(nom, statistics.median(ms for ms, _ in serie), max(n for _, n in serie))
            for nom, serie in series.items()
        ]


if __name__ == "__main__":
    _nombre, _mesures = asyncio.run(measure())
    print(f"{_nombre} RDV in the month, 20 guichets")
    for _mesure in _mesures:
        print(f"{_mesure.nom:<14}{_mesure.ms:>8.2f} ms{_mesure.requetes:>4} queries")
