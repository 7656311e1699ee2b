"""The web application: routes, dependencies, lifespan, errors.

``create_web`` is the only place that builds the engine and the Redis client of a web process.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

from litestar import Litestar, get
from litestar._parsers import parse_url_encoded_form_data
from litestar.connection import request as litestar_request
from litestar.datastructures import CacheControlHeader
from litestar.di import NamedDependency, Provide
from litestar.exceptions import HTTPException
from litestar.middleware import DefineMiddleware
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.response import Response
from litestar.static_files import create_static_files_router
from litestar.types import ASGIApp
from sqlalchemy import text
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware

from app.accueil.routes import ROUTES as ACCUEIL
from app.admin.routes import ROUTES as ADMIN
from app.aide.routes import ROUTES as AIDE
from app.booking.agents.routes import ROUTES as AGENTS
from app.booking.api.routes import ROUTES as API
from app.booking.geocodeur import create_geocodeur
from app.booking.outils import Outils
from app.booking.referentiel import create_referentiel
from app.booking.usager.routes import ROUTES as USAGER
from app.config import RACINE, Settings
from app.db import Database, create_engine
from app.demo.routes import ROUTES as DEMO
from app.errors import AppError
from app.identite.franceconnect_pages import ROUTES as FRANCECONNECT
from app.identite.proconnect_pages import ROUTES as PROCONNECT
from app.identite.routes import ROUTES as IDENTITE
from app.journaux import configure_logs
from app.pilotage.routes import ROUTES as PILOTAGE
from app.protection.captchetat import create_captchetat
from app.protection.seaux import SeauxMiddleware
from app.publication import Diffuseur, create_redis
from app.web.adresses import guard_adresse
from app.web.changer_langue import ROUTES as LANGUE
from app.web.compte import recognise_usager
from app.web.dependances import provide_acteur, provide_outils
from app.web.erreurs import handle_accident, handle_app_error, handle_http_exception
from app.web.fichiers import FichiersCompresses
from app.web.pages import create_gabarits, static_version
from app.web.securite import SecuriteMiddleware, check_change

#: A form or an API body is small; anything larger is a mistake or an attack (413).
CORPS_MAX = 256 * 1024
#: Not compressed: what is already, and exports, whose flow an abandoned download must stop at once.
_TELS_QUELS = (*DEFAULT_EXCLUDED_CONTENT_TYPES, "text/csv", "application/pdf")
_COMPRESSION: dict[str, Any] = {"minimum_size": 1024, "compresslevel": 5, "exclude_content_types": _TELS_QUELS}


@get("/sante", include_in_schema=False)
async def sante(outils: NamedDependency[Outils]) -> Response[dict[str, str]]:
    """200 when the database answers; the gateway has its own."""
    async with outils.db.read() as conn:
        await conn.execute(text("SELECT 1"))
    return Response({"etat": "ok"}, headers={"Cache-Control": "no-store"})


def forget_forms() -> None:
    """Litestar remembers the last 1,024 form bodies it has parsed: they are personal data, which must not stay."""
    sans_memoire = parse_url_encoded_form_data.__wrapped__
    setattr(litestar_request, parse_url_encoded_form_data.__name__, sans_memoire)


def create_web(settings: Settings) -> ASGIApp:
    """The web application of one process, headers and all."""
    configure_logs()
    forget_forms()
    statique = f"/static/{static_version(RACINE / 'static')}"
    gabarits = create_gabarits(settings, statique)

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        redis = create_redis(settings.redis_url)
        diffuseur = Diffuseur(redis, settings.derive_key("trames"))
        db = Database(create_engine(settings, nom="web"), diffuseur.publish)
        referentiel = create_referentiel(settings)
        geocodeur = create_geocodeur(settings)
        app.state.outils = Outils(db, settings, referentiel=referentiel, geocodeur=geocodeur)
        app.state.gabarits = gabarits
        captchetat = create_captchetat(settings)
        app.state.captchetat = captchetat
        app.state.diffuseur = diffuseur
        diffusion = asyncio.create_task(diffuseur.run(db))
        try:
            yield
        finally:
            await asyncio.sleep(0)  # let the last frames be taken from the queue
            await diffuseur.stop(diffusion)
            with contextlib.suppress(Exception):
                async with asyncio.timeout(2):
                    await diffuseur.flush(db)
            if referentiel is not None:
                await referentiel.aclose()
            if geocodeur is not None:
                await geocodeur.aclose()
            if captchetat is not None:
                await captchetat.aclose()
            await redis.aclose()
            await db.close()

    dossier = RACINE / "static"
    fichiers = [
        create_static_files_router(
            path=statique,
            directories=[dossier],
            cache_control=CacheControlHeader(max_age=31_536_000, public=True, immutable=True),
            include_in_schema=False,
            middleware=[FichiersCompresses],
        ),
        create_static_files_router(path="/static", directories=[dossier], include_in_schema=False, name="statique-nu"),
    ]
    application = Litestar(
        route_handlers=[
            sante,
            *IDENTITE,
            *PROCONNECT,
            *FRANCECONNECT,
            *USAGER,
            *LANGUE,
            *AGENTS,
            *API,
            *ACCUEIL,
            *PILOTAGE,
            *ADMIN,
            *AIDE,
            *(DEMO if settings.demo else []),
            *fichiers,
        ],
        dependencies={
            "outils": Provide(provide_outils, sync_to_thread=False),
            "acteur": Provide(provide_acteur),
        },
        # A guard adds to those of each router; a ``before_request`` would be replaced by theirs.
        guards=[guard_adresse, recognise_usager],
        before_request=check_change,
        # ASGI is one protocol: only the two frameworks' names for its types differ.
        middleware=[DefineMiddleware(SeauxMiddleware), DefineMiddleware(cast(Any, GZipMiddleware), **_COMPRESSION)],
        exception_handlers={
            AppError: handle_app_error,
            HTTPException: handle_http_exception,
            Exception: handle_accident,
        },
        lifespan=[lifespan],
        request_max_body_size=CORPS_MAX,
        openapi_config=OpenAPIConfig(
            title="Accueil personnalisé sur rendez-vous",
            version="1",
            description="Services, créneaux, rendez-vous, arrivées, agenda. Errors are RFC 9457 problems.",
            path="/api/v1/schema",
            render_plugins=[JsonRenderPlugin()],
            components=Components(
                security_schemes={"cle": SecurityScheme(type="http", scheme="bearer", description="API key")}
            ),
            security=[{"cle": []}],
        ),
        logging_config=None,
        debug=False,
    )
    return SecuriteMiddleware(application, settings)
