"""Numbers of an address are read strictly: what a link of ours never writes is refused before any page looks at it.

Python reads « +1 », « 1_0 » or Arabic digits as numbers, and the framework « 1.0 » or « 1e1 »: many addresses would
then be one page, and each page would have to beware of them.
"""

from __future__ import annotations

import re
from typing import Any, Final

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.params import ParameterKwarg
from litestar.typing import FieldDefinition

from app.errors import Introuvable, SaisieInvalide

#: ASCII digits, no sign, no leading zero.
_NOMBRE: Final = re.compile(r"0|[1-9][0-9]*")
_MAX: Final = 2**63
_API: Final = "/api/"
_entiers: dict[BaseRouteHandler, frozenset[str]] = {}


def is_nombre(texte: str) -> bool:
    """True for a number as our links write it, within what the database can hold."""
    return len(texte) <= 19 and _NOMBRE.fullmatch(texte) is not None and int(texte) < _MAX


async def guard_adresse(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Guard of the whole application. The API asks for a key first, then checks the address itself (``check_cle``)."""
    if not connection.scope["path"].startswith(_API):
        check_adresse(connection)


def check_adresse(connection: ASGIConnection[Any, Any, Any, Any]) -> None:
    """Raises Introuvable on an id of the path that is no plain number, SaisieInvalide on one of the query.

    A page that does not exist and an address badly written are the same 404; a known page badly asked is a 422.
    """
    if connection.path_params:
        _check_chemin(connection)
    if connection.scope["query_string"]:
        _check_requete(connection)


def _check_chemin(connection: ASGIConnection[Any, Any, Any, Any]) -> None:
    lus, ecrits = connection.path_params, connection.scope["path"].split("/")
    for modele, ecrit in zip(str(connection.scope.get("path_template", "")).split("/"), ecrits, strict=False):
        if modele.startswith("{") and isinstance(lus.get(modele[1:-1]), int) and not is_nombre(ecrit):
            raise Introuvable


def _check_requete(connection: ASGIConnection[Any, Any, Any, Any]) -> None:
    demandes = connection.query_params
    mal_ecrits = sorted(
        nom
        for nom in _find_entiers(connection.route_handler)
        if any(not is_nombre(t) for t in demandes.getall(nom, []))
    )
    if not mal_ecrits:
        return
    champs = dict.fromkeys(mal_ecrits, "Cette valeur est absente, mal formée ou hors des limites.")
    if connection.scope["path"].startswith(_API):
        raise SaisieInvalide(champs=champs)
    raise SaisieInvalide(
        "L’adresse de cette page contient une valeur mal formée.",
        remede="Revenez à la page précédente, puis suivez ses liens.",
        champs=champs,
    )


def _find_entiers(route: BaseRouteHandler) -> frozenset[str]:
    """The parameters of a route that are whole numbers, as addresses name them; found once."""
    if route not in _entiers:
        parametres = route.parsed_fn_signature.parameters.items()
        _entiers[route] = frozenset(_public_name(nom, p) for nom, p in parametres if _is_entier(p))
    return _entiers[route]


def _is_entier(parametre: FieldDefinition) -> bool:
    return any(sorte.annotation is int for sorte in (parametre, *parametre.inner_types))


def _public_name(nom: str, parametre: FieldDefinition) -> str:
    defini = parametre.kwarg_definition
    return (defini.query or defini.name or nom) if isinstance(defini, ParameterKwarg) else nom
