"""Every refusal and every accident, as a sentence: a page for a browser, problem+json for the API and for fetch."""

from __future__ import annotations

import re
import secrets
from datetime import datetime
from typing import Any
from urllib.parse import quote

import structlog
from litestar import Request
from litestar.exceptions import HTTPException
from litestar.params import ParameterKwarg
from litestar.response import Response
from msgspec import json as msgjson

from app.db import describe
from app.domain.creneaux import Creneau
from app.domain.horaires import from_minute
from app.errors import AppError, Indisponible, Introuvable, NonAuthentifie, SaisieInvalide
from app.web.page_erreur import PageErreur

log = structlog.get_logger("accueil.web")

_HTTP: dict[int, tuple[str, str, str]] = {
    400: ("demande-invalide", "Cette demande est incomplète ou mal formée.", "Rouvrez la page puis recommencez."),
    404: ("introuvable", Introuvable.phrase, Introuvable.remede),
    405: ("methode", "Cette adresse ne permet pas cette action.", "Revenez à la page précédente."),
    413: ("trop-volumineux", "L’envoi est trop volumineux.", "Raccourcissez votre texte puis recommencez."),
    415: ("format", "Ce format d’envoi n’est pas accepté.", "Rouvrez la page puis recommencez."),
    422: ("saisie-invalide", "Certaines informations sont à corriger.", "Corrigez les champs signalés."),
}


#: The same for programs.
_REMEDES_API: dict[int, str] = {
    400: "Corrigez la demande selon GET schema/openapi.json avant de la renvoyer.",
    404: "Vérifiez l’adresse selon GET schema/openapi.json.",
    405: "Employez l’une des méthodes de l’en-tête Allow.",
    413: "Envoyez un corps de 256 Kio au plus.",
    415: "Envoyez un corps JSON avec l’en-tête « Content-Type: application/json ».",
    422: SaisieInvalide.remede_api,
}


def _is_api(request: Request[Any, Any, Any]) -> bool:
    return request.url.path.startswith("/api/")


def wants_json(request: Request[Any, Any, Any]) -> bool:
    """True for the API, and for scripts of our pages that ask for JSON."""
    return _is_api(request) or "json" in request.headers.get("accept", "")


def problem(
    statut: int,
    code: str,
    phrase: str,
    remede: str,
    *,
    champs: dict[str, str] | None = None,
    plus: dict[str, Any] | None = None,
    entetes: dict[str, str] | None = None,
) -> Response[bytes]:
    """An RFC 9457 answer. ``champs`` ties sentences to fields."""
    corps: dict[str, Any] = {
        "type": f"/problemes/{code}",
        "title": phrase,
        "status": statut,
        "detail": phrase,
        "remede": remede,
    }
    if champs:
        corps["champs"] = champs
    corps.update(plus or {})
    return Response(
        msgjson.encode(corps), status_code=statut, media_type="application/problem+json", headers=entetes or {}
    )


def _jsonable(details: dict[str, Any]) -> dict[str, Any]:
    """Details of an error as JSON: créneaux become {debut, fin} in the service's time, unknown objects are left out."""
    zone = details.get("zone")
    sortie: dict[str, Any] = {}
    for cle, valeur in details.items():
        if cle == "alternatives":
            sortie[cle] = [_creneau(c, zone) for c in valeur]
        elif isinstance(valeur, str | int | list | dict):
            sortie[cle] = valeur
        elif isinstance(valeur, datetime):
            sortie[cle] = valeur.isoformat()
    return sortie


def _creneau(creneau: Creneau, zone: Any) -> dict[str, Any]:
    debut, fin = from_minute(creneau.debut), from_minute(creneau.fin)
    if zone is not None:
        debut, fin = debut.astimezone(zone), fin.astimezone(zone)
    return {"debut": debut.isoformat(), "fin": fin.isoformat(), "libres": len(creneau.guichets)}


def handle_app_error(request: Request[Any, Any, Any], erreur: AppError) -> Response[Any]:
    """A refusal: its own status, sentence and remedy."""
    entetes = {"Retry-After": "2"} if isinstance(erreur, Indisponible) else {}
    if erreur.statut == 429:
        entetes["Retry-After"] = str(erreur.details.get("attendre_s", 60))
    if wants_json(request):
        if isinstance(erreur, NonAuthentifie):
            entetes["WWW-Authenticate"] = "Bearer"
        return problem(
            erreur.statut,
            erreur.code,
            erreur.phrase,
            erreur.remede_api if _is_api(request) else erreur.remede,
            champs=erreur.champs,
            plus=_jsonable(erreur.details),
            entetes=entetes,
        )
    if isinstance(erreur, NonAuthentifie) and request.method == "GET":
        suite = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return Response(b"", status_code=303, headers={"Location": f"/connexion?suite={quote(suite, safe='')}"})
    return _error_page(request, erreur.statut, erreur.phrase, erreur.remede, entetes=entetes)


def handle_http_exception(request: Request[Any, Any, Any], erreur: HTTPException) -> Response[Any]:
    """What the framework itself refuses, in our words."""
    code, phrase, remede = _HTTP.get(erreur.status_code, _HTTP[400])
    statut = erreur.status_code
    if statut == 400:  # a value missing or malformed is the same 422 everywhere; a page has no field to point at
        statut, code = 422, _HTTP[422][0]
        phrase, remede = (_HTTP[422] if _is_api(request) else _HTTP[400])[1:]
    if statut >= 500:
        return handle_accident(request, erreur)
    entetes = {"Allow": erreur.headers["allow"]} if erreur.headers and "allow" in erreur.headers else {}
    if wants_json(request):
        remede = _REMEDES_API.get(statut, remede) if _is_api(request) else remede
        return problem(statut, code, phrase, remede, champs=_champs(request, erreur), entetes=entetes)
    return _error_page(request, statut, phrase, remede, entetes=entetes)


_MANQUANT = re.compile(r"Missing required \w+ parameter '([^']+)'")


def _champs(request: Request[Any, Any, Any], erreur: HTTPException) -> dict[str, str]:
    """The parameters that the framework found missing or malformed, each with a sentence."""
    manquant = _MANQUANT.match(erreur.detail)
    if manquant:
        return {manquant[1]: "Cette valeur est obligatoire."}
    lus = erreur.extra if isinstance(erreur.extra, list) else []
    noms = [str(lu["key"]) for lu in lus if isinstance(lu, dict) and lu.get("key")]
    phrase = "Cette valeur est absente, mal formée ou hors des limites."
    return {_public_name(request, nom): phrase for nom in noms}


def _public_name(request: Request[Any, Any, Any], nom: str) -> str:
    """The name of a handler's argument as clients write it."""
    if nom == "data":
        return "corps"
    argument = request.route_handler.parsed_fn_signature.parameters.get(nom)
    defini = argument.kwarg_definition if argument is not None else None
    return (defini.name or nom) if isinstance(defini, ParameterKwarg) else nom


def handle_accident(request: Request[Any, Any, Any], erreur: Exception) -> Response[Any]:
    """A defect: a number for the person, the traceback for us, never the other way round."""
    incident = secrets.token_hex(4).upper()
    route = request.scope.get("path_template") or ""
    log.error("incident", incident=incident, route=route, methode=request.method, **describe(erreur))
    phrase = "Une erreur inattendue s’est produite de notre côté."
    remede = "Rien n’est perdu de ce qui avait été confirmé. Recommencez dans un instant."
    if _is_api(request):
        remede = "Renvoyez la même demande, même clé d’idempotence, puis signalez le numéro de « incident »."
    if wants_json(request):
        return problem(500, "incident", phrase, remede, plus={"incident": incident})
    return _error_page(request, 500, phrase, remede, incident=incident)


def _error_page(
    request: Request[Any, Any, Any],
    statut: int,
    phrase: str,
    remede: str,
    *,
    incident: str = "",
    entetes: dict[str, str] | None = None,
) -> PageErreur:
    contexte = {"statut": statut, "phrase": phrase, "remede": remede, "incident": incident, "titre": phrase}
    return PageErreur(contexte, status_code=statut, headers=entetes or {})
