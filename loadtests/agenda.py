"""The agenda of a day of 20 guichets and 300 RDV: milliseconds of server, SQL queries, compressed HTML.

    python -m loadtests.agenda

The application runs in this process on a real PostgreSQL, rights, journal and template included; what is timed is a
whole request. A new version of the agenda is read and drawn again; the same one is already drawn. The fragment is what
a screen asks for after a change.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

import httpx
from litestar import Litestar
from sqlalchemy import event, text

from app import clock
from app.config import Settings
from app.db import Database, create_engine
from app.identite.sessions import open_session
from app.main import create_web
from app.web.securite import SecuriteMiddleware
from loadtests.banc import SECRET, open_banc
from loadtests.pages import Mesure, time_page
from tests.fixtures.donnees import build_equipe, build_service
from tests.fixtures.jour_plein import GUICHETS, PLAGES, fill_jour


async def measure() -> tuple[int, list[Mesure]]:
    """RDV of the day, and the measures."""
    with open_banc(web=0, worker=False) as banc:
        settings = Settings(banc.dsn, banc.redis.url, banc.smtp.url, "http://127.0.0.1:1", SECRET, demo=True)
        db = Database(create_engine(settings, nom="bench"))
        jour = clock.now().astimezone(ZoneInfo("Europe/Paris")).date()
        jour += timedelta(days=(7 - jour.weekday()) % 7 or 7)  # a Monday to come: every place is drawn
        async with db.engine.begin() as conn:
            service = await build_equipe(conn, await build_service(conn, guichets=GUICHETS, plages=PLAGES))
            pris = await fill_jour(conn, service, jour)
        async with db.read() as conn:
            await conn.execute(text("VACUUM ANALYZE rendez_vous"))
        jeton = await open_session(db, service.agents["agent"], ancien_jeton=None, adresse=None, a=clock.now())
        web = cast(SecuriteMiddleware, create_web(settings))
        litestar = cast(Litestar, web.app)
        async with litestar.lifespan():
            requetes: list[str] = []
            moteur = litestar.state.outils.db.engine.sync_engine
            event.listen(moteur, "before_cursor_execute", lambda *a: requetes.append(str(a[2])))
            transport = httpx.ASGITransport(cast(Any, web))
            async with httpx.AsyncClient(
                transport=transport, base_url=settings.base_url, cookies={"accueil_session": jeton}
            ) as client:
                base = f"/services/{service.id}/agenda"
                adresses = {
                    "day, page": f"{base}?jour={jour}",
                    "day, fragment": f"{base}/fragment?jour={jour}",
                    "week of all guichets, page": f"{base}?jour={jour}&vue=semaine",
                    "month, page": f"{base}?jour={jour}&vue=mois",
                }
                mesures = []
                for nom, adresse in adresses.items():
                    for genre in ("new version", "same version"):
                        renouvelle = "version" if genre == "new version" else ""
                        intitule = f"{nom}, {genre}"
                        mesures.append(await time_page(client, db, requetes, intitule, adresse, renouvelle=renouvelle))
        await db.close()
        return pris, mesures


if __name__ == "__main__":
    _pris, _mesures = asyncio.run(measure())
    print(f"{_pris} RDV in the day, {GUICHETS} guichets")
    for _mesure in _mesures:
        print(f"{_mesure.nom:<42}{_mesure.ms:>8.2f} ms{_mesure.requetes:>4} queries{_mesure.octets / 1000:>8.1f} kB gz")
