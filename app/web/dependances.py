"""What handlers ask for: the tools of the process, and who is acting."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, Final

from litestar import Request

from app import clock
from app.booking.outils import Auteur, Outils
from app.errors import NonAuthentifie
from app.identite.acteur import Acteur, read_by_session
from app.identite.sessions import empreinte, touch
from app.web.securite import cookie_name

_PROLONGATION: Final = timedelta(minutes=1)
_taches: set[asyncio.Task[None]] = set()


def provide_outils(request: Request[Any, Any, Any]) -> Outils:
    """The process's tools."""
    outils: Outils = request.app.state.outils
    return outils


def adresse(request: Request[Any, Any, Any]) -> str | None:
    """The client's IP address, as given by the server (and by the trusted proxy, if one is declared)."""
    return request.client.host if request.client else None


async def find_acteur(request: Request[Any, Any, Any]) -> Acteur | None:
    """The signed-in agent of this browser, or None."""
    outils = provide_outils(request)
    jeton = request.cookies.get(cookie_name(outils.settings, "session"))
    if not jeton:
        return None
    maintenant = clock.now()
    async with outils.db.read() as conn:
        acteur = await read_by_session(conn, empreinte(jeton), maintenant)
    if acteur is None:
        return None
    if acteur.vue_a is not None and acteur.session_id is not None and acteur.vue_a < maintenant - _PROLONGATION:
        tache = asyncio.create_task(touch(outils.db, acteur.session_id, maintenant))
        _taches.add(tache)
        tache.add_done_callback(_taches.discard)
    return acteur


async def provide_acteur(request: Request[Any, Any, Any]) -> Acteur:
    """The signed-in agent. Raises NonAuthentifie (401, or a redirect to the sign-in page)."""
    acteur = await find_acteur(request)
    if acteur is None:
        raise NonAuthentifie
    return acteur


def auteur_agent(acteur: Acteur, request: Request[Any, Any, Any]) -> Auteur:
    """The agent as author of an act, for the journal."""
    return Auteur(
        "agent", agent_id=acteur.agent_id, origine="api" if acteur.cle_id else "web", adresse=adresse(request)
    )


def auteur_usager(request: Request[Any, Any, Any]) -> Auteur:
    """The visitor as author of an act."""
    return Auteur("usager", adresse=adresse(request))
