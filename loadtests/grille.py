"""Step 2 of the journey: a month of 20 guichets, 60 % booked. Milliseconds of server, SQL queries, compressed HTML.

    python -m loadtests.grille

The application runs in this process on a real PostgreSQL; what is timed is a whole request. A new version is drawn
again, the same one is already drawn; the visitor who holds a créneau has a page of his own.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any, cast

import httpx
from litestar import Litestar
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection

from app import clock
from app.booking.disponibilites import Disponibilite
from app.booking.options import place_option
from app.booking.outils import Outils
from app.config import Settings
from app.db import Database, create_engine
from app.main import create_web
from app.web.securite import SecuriteMiddleware
from loadtests.banc import SECRET, open_banc
from loadtests.disponibilite import fill
from loadtests.pages import Mesure, time_page
from tests.fixtures.donnees import MondeService, build_service

_VISITE = "a" * 43


async def measure() -> tuple[int, list[Mesure]]:
    """RDV of the month, and the measures."""
    with open_banc(web=0, worker=False) as banc:
        settings = Settings(banc.dsn, banc.redis.url, banc.smtp.url, "http://127.0.0.1:1", SECRET, demo=True)
        db = Database(create_engine(settings, nom="bench"))
        async with db.engine.begin() as conn:
            service = await build_service(conn, guichets=20, plages=((480, 720), (780, 1020)))
        outils = Outils(db, settings)
        motif, maintenant = service.motifs[0], clock.now()
        async with db.read() as conn:
            dispo = await _read(outils, conn, service, maintenant)
        pris = await fill(db, service, dispo, 0.6)
        async with db.read() as conn:
            dispo = await _read(outils, conn, service, maintenant)
        libre = next(c for journee in dispo.grille.jours.values() for c in journee.creneaux)
        await place_option(
            outils,
            service_id=service.id,
            motif_id=motif,
            type_rdv="guichet",
            debut=libre.debut,
            visite=_VISITE,
            maintenant=maintenant,
        )
        web = cast(SecuriteMiddleware, create_web(settings))
        litestar = cast(Litestar, web.app)
        mesures: list[Mesure] = []
        async with litestar.lifespan():
            requetes: list[str] = []
            moteur = litestar.state.outils.db.engine.sync_engine
            event.listen(moteur, "before_cursor_execute", lambda *a: requetes.append(str(a[2])))
            base = f"/rdv/{service.id}/creneau"
            suite = f"?motif={service.motifs[0]}&type=guichet&nature=particulier"
            for qui, cookies in (("nobody's hold", {}), ("own hold", {"accueil_visite": _VISITE})):
                transport = httpx.ASGITransport(cast(Any, web))
                async with httpx.AsyncClient(
                    transport=transport, base_url=settings.base_url, cookies=cookies
                ) as client:
                    for nom, adresse in (("page", base + suite), ("fragment", f"{base}/fragment{suite}")):
                        for genre in ("new version", "same version"):
                            intitule = f"{nom}, {qui}, {genre}"
                            renouvelle = "version_creneaux" if genre == "new version" else ""
                            mesures.append(
                                await time_page(client, db, requetes, intitule, adresse, renouvelle=renouvelle)
                            )
        await db.close()
        return pris, mesures


async def _read(outils: Outils, conn: AsyncConnection, service: MondeService, maintenant: datetime) -> Disponibilite:
    return await outils.dispo.read(
        conn,
        service.id,
        motif_id=service.motifs[0],
        type_rdv="guichet",
        canal="internet",
        maintenant=maintenant,
    )


if __name__ == "__main__":
    _pris, _mesures = asyncio.run(measure())
    print(f"{_pris} RDV in the month, 20 guichets")
    for _mesure in _mesures:
        print(f"{_mesure.nom:<42}{_mesure.ms:>8.2f} ms{_mesure.requetes:>4} queries{_mesure.octets / 1000:>8.1f} kB gz")
