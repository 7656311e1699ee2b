"""The door of the API: a key, what it opens, and nothing unknown in the address."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.handlers import BaseRouteHandler
from msgspec import Struct

from app import clock
from app.booking.api.json_strict import check_json, read_strict
from app.booking.outils import Auteur, Outils
from app.domain.habilitations import Module, has_module
from app.errors import Interdit, NonAuthentifie, SaisieInvalide
from app.identite.cles import AccesCle, MemoireCles
from app.web.adresses import check_adresse
from app.web.dependances import auteur_agent
from app.web.securite import METHODES_SURES

#: Option of a handler: the query parameters that it knows.
PARAMETRES: Final = "parametres"


async def check_cle(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Guard of every route: a live key, before anything of the request is read; then its address, read strictly.

    Raises NonAuthentifie (401), SaisieInvalide (422) or Introuvable (404).
    """
    genre, _, cle = connection.headers.get("authorization", "").partition(" ")
    cle = cle.strip()
    if genre.lower() != "bearer" or not cle:
        raise NonAuthentifie("Une clé d’API est nécessaire.", remede="Envoyez « Authorization: Bearer <clé> ».")
    outils: Outils = connection.app.state.outils
    acces = await _memoire(connection).get(outils.db, cle, clock.now())
    if acces is None:
        raise NonAuthentifie("Cette clé d’API est inconnue, expirée ou révoquée.", remede="Demandez-en une nouvelle.")
    connection.state.acces = acces
    check_parametres(connection, handler.opt.get(PARAMETRES, frozenset()))
    check_adresse(connection)


def _memoire(connection: ASGIConnection[Any, Any, Any, Any]) -> MemoireCles:
    memoire: MemoireCles | None = connection.app.state.get("memoire_cles")
    if memoire is None:
        memoire = connection.app.state.memoire_cles = MemoireCles()
    return memoire


def check_parametres(connection: ASGIConnection[Any, Any, Any, Any], connus: frozenset[str]) -> None:
    """Refuse a query parameter that does not exist (a typo silently ignored is a wrong answer) or comes twice."""
    if not connection.scope["query_string"]:
        return
    erreurs: dict[str, str] = {}
    for nom in connection.query_params:
        if nom not in connus:
            erreurs[nom.encode("utf-8", "replace").decode()[:80]] = "Ce paramètre n’existe pas ici."
        elif len(connection.query_params.getall(nom)) > 1:
            erreurs[nom] = "Ce paramètre est répété."
    if erreurs:
        raise SaisieInvalide(champs=erreurs)


async def provide_acces(request: Request[Any, Any, Any]) -> AccesCle:
    """The caller, as the guard found him."""
    acces: AccesCle = request.state.acces
    return acces


async def provide_auteur(request: Request[Any, Any, Any], acces: NamedDependency[AccesCle]) -> Auteur:
    """The caller as author of an act, for the journal."""
    return auteur_agent(acces.acteur, request)


class _SansCorps(Struct, forbid_unknown_fields=True):
    """What a request without parameters may carry: nothing, or an empty object."""


async def check_sans_corps(request: Request[Any, Any, Any]) -> None:
    """Before a handler that reads no body: whatever one says would be ignored, so it is refused.

    Raises SaisieInvalide (422) naming the unknown fields, HTTPException (415) when it is not JSON.
    """
    if request.method in METHODES_SURES or "data" in request.route_handler.parsed_fn_signature.parameters:
        return
    corps = await request.body()
    if corps.strip():
        check_json(request)
        read_strict(corps, _SansCorps)


def require_rendez_vous(acces: AccesCle) -> None:
    """Raise Interdit (403) for a profile that manages no RDV (pilotage alone) [G 2.3.2]."""
    if not any(has_module(profil, Module.RENDEZ_VOUS) for profil in acces.acteur.profils):
        raise Interdit("L’habilitation de cette clé ne permet pas de gérer des rendez-vous.")


def check_jour(champ: str, jour: date) -> None:
    """Raise SaisieInvalide on a year that no agenda has: the calendar's arithmetic stops at its bounds."""
    if not 2000 <= jour.year <= 2100:
        raise SaisieInvalide(champs={champ: "Cette date est hors du calendrier."})
