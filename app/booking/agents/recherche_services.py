"""« Rechercher les services » [A1 §3.3]: by address, the DGE, the DRESG, by code; then what may be done there.

The form is sent by POST, so that an usager's street is in no address; the results can be reopened by one without it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.response import Response

from app import clock
from app.booking.agents.externes import check_champs_externes, check_habilitation
from app.booking.agents.recherche_services_criteres import ADRESSE, CHAMPS, ONGLETS, TYPES, Criteres, read_criteres
from app.booking.agents.recherche_services_lectures import LIMITE, find_communes, find_services
from app.booking.outils import Outils
from app.booking.textes import to_recherche
from app.booking.usager.recherche import Recherche
from app.identite.acteur import Acteur
from app.web.pages import agent_page, page

Requete = Request[Any, Any, Any]
_CHAMPS: Final = frozenset({"mode", "faire", *CHAMPS})


@dataclass(frozen=True, slots=True)
class Trouve:
    """What a search found. ``communes``: those to choose among; ``large``: the services of the whole département."""

    criteres: Criteres
    communes: Sequence[Mapping[str, Any]] = ()
    services: Sequence[Mapping[str, Any]] = ()
    large: bool = False


@get("/agent/services", include_in_schema=False)
async def show_recherche(
    request: Requete, outils: NamedDependency[Outils], acteur: NamedDependency[Acteur]
) -> Response[bytes]:
    """The form; the results, when the address asks for some."""
    await check_habilitation(outils, acteur, request, "rechercher_services")
    criteres, demande = read_criteres(request.query_params)
    return await _answer(request, outils, acteur, replace(criteres, voie=""), demande=demande)


@post("/agent/services", status_code=200, include_in_schema=False)
async def do_rechercher(
    request: Requete, outils: NamedDependency[Outils], acteur: NamedDependency[Acteur]
) -> Response[bytes]:
    """The results, or the form again: to be changed, or corrected (422)."""
    await check_habilitation(outils, acteur, request, "rechercher_services")
    formulaire = dict(await request.form())
    await check_champs_externes(outils, acteur, request, formulaire, _CHAMPS)
    criteres, _ = read_criteres(formulaire)
    return await _answer(request, outils, acteur, criteres, demande=formulaire.get("faire") != "modifier")


async def _answer(
    request: Requete, outils: Outils, acteur: Acteur, criteres: Criteres, *, demande: bool
) -> Response[bytes]:
    erreurs = criteres.check() if demande else {}
    trouve = await search(outils, acteur, criteres, clock.now()) if demande and not erreurs else None
    ctx = {
        **agent_page(acteur, actif="/agent/services"),
        "titre": ("Erreur – " if erreurs else "") + ("Résultat de la recherche" if trouve else "Recherche de services"),
        "fil": [
            {"libelle": "Tableau de bord", "url": "/agent"},
            {"libelle": "Rechercher un service", "url": "/agent/services"},
        ],
        "onglets": [(f"/agent/services?mode={mode}", mot, mode == criteres.mode) for mode, mot in ONGLETS.items()],
        "c": criteres,
        "types": [(cle, mot, "") for cle, (mot, *_) in TYPES.items()],
        "erreurs": erreurs,
        "resultat": _present(trouve) if trouve else None,
        "adresse": criteres.url() if trouve else f"/agent/services?mode={criteres.mode}",
    }
    return page(request, "booking/agents/recherche_services.html", ctx, statut=422 if erreurs else 200)


async def search(outils: Outils, acteur: Acteur, criteres: Criteres, maintenant: datetime) -> Trouve:
    """The services competent for the commune; where the directory does not say, those there, then the département's."""
    aujourdhui = maintenant.date()
    async with outils.db.read() as conn:
        communes = list(await find_communes(conn, criteres))
        exactes = [c for c in communes if c["rang"] == 0 and criteres.commune] or communes
        insee = [c["code_insee"] for c in exactes]
        services = await find_services(conn, criteres, insee, acteur.agent_id, aujourdhui)
        large = False
        if not services and criteres.mode == ADRESSE:
            services = await find_services(conn, criteres, insee, acteur.agent_id, aujourdhui, sur_place=True)
        if not services and criteres.mode == ADRESSE:
            voisin = Recherche(postal=criteres.code_postal).widen()
            departements = {c["departement"] for c in exactes} or set(voisin.departements if voisin else ())
            services = await find_services(
                conn, criteres, insee, acteur.agent_id, aujourdhui, sur_place=True, departements=sorted(departements)
            )
            large = bool(services)
    return Trouve(criteres, exactes if len(exactes) > 1 else (), _rank(services, criteres), large)


def _rank(services: Sequence[Mapping[str, Any]], criteres: Criteres) -> Sequence[Mapping[str, Any]]:
    """Where a commune is shared by its streets, who answers for the street that was typed comes first."""
    voie = set(to_recherche(criteres.voie).split())
    return sorted(services, key=lambda s: not (voie and voie & set(to_recherche(s["voies"] or "").split()) - _COURANTS))


#: Words that many streets share say nothing of one.
_COURANTS: Final = {
    "RUE",
    "AVENUE",
    "AV",
    "BOULEVARD",
    "BD",
    "PLACE",
    "CHEMIN",
    "ROUTE",
    "ALLEE",
    "IMPASSE",
    "QUAI",
} | {*("DE", "DU", "DES", "LA", "LE", "LES", "L", "D")}


def _present(trouve: Trouve) -> dict[str, Any]:
    criteres = trouve.criteres
    return {
        "criteres": criteres.describe(),
        "caches": {nom: getattr(criteres, nom) for nom in ("mode", "voie", "localite", "code_postal", "type", "code")},
        "communes": [(criteres.url(insee=c["code_insee"], localite=c["nom"]), c["nom"]) for c in trouve.communes],
        "large": trouve.large,
        "trop": len(trouve.services) > LIMITE,
        "services": [_service(ligne) for ligne in trouve.services[:LIMITE]],
    }


def _service(ligne: Mapping[str, Any]) -> dict[str, Any]:
    """A line of the table: its codes, its name, its town, what the agent may do there."""
    modules, base = set(ligne["modules"]), f"/services/{ligne['id']}"
    actions = (
        (True, "Détail", f"{base}/detail"),
        ("agenda" in modules, "Agenda", f"{base}/agenda"),
        ("organiser" in modules, "Organiser", f"{base}/organiser"),
        ("pilotage" in modules, "Statistiques", f"/pilotage/service-{ligne['id']}"),
        ("organiser" in modules, "Configurer", f"{base}/organiser/parametres"),
    )
    return {
        "principal": ligne["sages"] or ligne["codique"] or "",
        "associe": ligne["codique"] or "" if ligne["sages"] else "",
        "libelle": ligne["libelle"],
        "type": ligne["type_libelle"],
        "lieu": f"{ligne['code_postal']} {ligne['ville']}",
        "voies": ligne["voies"] or "",
        "prendre": f"{base}/prendre" if ligne["recoit"] or ligne["confie"] else "",
        "actions": [(mot, url) for permis, mot, url in actions if permis],
    }


ROUTES = [show_recherche, do_rechercher]
