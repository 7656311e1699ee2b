"""The sheet of an account: who he is, what he holds and why, his sessions and keys, and every act upon it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Response

from app import clock
from app.admin.chantier import journal_refus
from app.admin.comptes import actes
from app.admin.comptes.acces import MODULES, MOTS, read_acces_agent
from app.admin.comptes.cadre import FAITS, NATIONAL, Cadre, open_cadre, read_perimetres
from app.admin.comptes.dossier import PHRASE, Dossier, change_compte
from app.admin.comptes.lectures import ETATS, Fiche, read_fiche
from app.admin.comptes.pages_service import AGENTS
from app.admin.comptes.saisies import hidden_fields
from app.admin.comptes.saisies_lieux import read_lieux
from app.admin.pages import refused_page
from app.admin.saisie import Saisie
from app.booking.outils import Outils
from app.domain.attribution import Refuse, decide_compte
from app.errors import AppError, AvertissementRequis, Indisponible, Introuvable
from app.identite.acteur import Acteur
from app.web.dependances import auteur_agent
from app.web.pages import page

_GABARIT: Final = "admin/comptes/fiche.html"
Acte = Callable[[Dossier, Saisie], Awaitable[None]]
#: Last segment of the address → what it does, and the sentence told afterwards (a key of FAITS).
ACTES: Final[dict[str, tuple[Acte, str]]] = {
    "identite": (actes.change_identite, "identite"),
    "habilitations": (actes.give_habilitation, "donnee"),
    "retrait": (actes.withdraw_habilitation, "retiree"),
    "rattachement": (actes.attach, "rattache"),
    "detachement": (actes.detach, "detache"),
    "suspension": (actes.suspend, "suspendu"),
    "reactivation": (actes.reactivate, "reactive"),
    "invitation": (actes.send_invitation, "lien"),
    "sessions": (actes.end_sessions, "sessions"),
    "cle": (actes.revoke_key, "cle"),
}
_FICHES: Final = [f"{AGENTS}/{{agent_id:int}}", f"{NATIONAL}/{{agent_id:int}}"]


@get(_FICHES, include_in_schema=False)
async def show_fiche(
    request: Request[Any, Any, Any],
    agent_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    service_id: FromPath[int | None] = None,
    fait: FromQuery[str] = "",
) -> Response[bytes]:
    """The sheet."""
    cadre, fiche = await _open(request, outils, acteur, service_id, agent_id)
    contexte = {**await _contexte(outils, acteur, cadre, fiche), "fait": FAITS.get(fait, "")}
    return page(request, _GABARIT, contexte)


@post([f"{chemin}/{{acte:str}}" for chemin in _FICHES], status_code=200, include_in_schema=False)
async def do_acte(
    request: Request[Any, Any, Any],
    agent_id: FromPath[int],
    acte: FromPath[str],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    service_id: FromPath[int | None] = None,
) -> Response[Any]:
    """One act upon the account, named by the address."""
    if acte not in ACTES:
        raise Introuvable
    cadre, fiche = await _open(request, outils, acteur, service_id, agent_id)
    saisie = Saisie.of(await request.form())
    faire, fait = ACTES[acte]

    async def travail(dossier: Dossier) -> None:
        await faire(dossier, saisie)

    try:
        vue = saisie.revision()
        saisie.check()
        await change_compte(
            outils,
            auteur_agent(acteur, request),
            agent_id,
            travail,
            clock.now(),
            revision=vue,
            service_id=service_id,
            confirme=saisie.case("confirme"),
            action=f"compte.{acte}",
        )
    except Indisponible:
        raise
    except AppError as refus:
        _, fiche = await _open(request, outils, acteur, service_id, agent_id)
        contexte = {**await _contexte(outils, acteur, cadre, fiche), "saisie": saisie, "acte": acte}
        if isinstance(refus, AvertissementRequis):
            contexte["confirmer"] = hidden_fields(saisie)
        return refused_page(request, _GABARIT, contexte, refus)
    return Redirect(f"{await _suite(outils, acteur, cadre, agent_id)}?fait={fait}", status_code=303)


async def _suite(outils: Outils, acteur: Acteur, cadre: Cadre, agent_id: int) -> str:
    """The sheet, or the list when the act has taken the account out of the administrator's sight."""
    async with outils.db.read() as conn:
        fiche = await read_fiche(conn, acteur.agent_id, agent_id, clock.now(), cadre.zone)
    return f"{cadre.base}/{agent_id}" if fiche is not None else cadre.base


async def _open(
    request: Request[Any, Any, Any], outils: Outils, acteur: Acteur, service_id: int | None, agent_id: int
) -> tuple[Cadre, Fiche]:
    cadre = await open_cadre(outils, acteur, request, service_id, "Compte")
    async with outils.db.read() as conn:
        fiche = await read_fiche(conn, acteur.agent_id, agent_id, clock.now(), cadre.zone)
    if fiche is None:
        await journal_refus(outils, auteur_agent(acteur, request), clock.now(), "compte.lu", service_id=service_id)
        raise Introuvable(PHRASE)
    return cadre, fiche


async def _contexte(outils: Outils, acteur: Acteur, cadre: Cadre, fiche: Fiche) -> dict[str, Any]:
    async with outils.db.read() as conn:
        perimetres = await read_perimetres(conn, cadre)
        lieux = await read_lieux(conn) if cadre.service_id is None else []
        acces = await read_acces_agent(conn, fiche)
    soi = acteur.agent_id == fiche.agent["id"]
    portee = decide_compte(cadre.donneur, [t.droit for t in fiche.tenus])
    rattaches = {service for service, *_ in fiche.rattachements}
    return {
        **cadre.contexte,
        "titre": fiche.nom,
        "fil": [*cadre.contexte["fil"][:-1], {"libelle": fiche.nom, "url": ""}],
        "adresse": f"{cadre.base}/{fiche.agent['id']}",
        "url": f"{cadre.base}/{fiche.agent['id']}",
        "fiche": fiche,
        "etat": ETATS[fiche.etat],
        "soi": soi,
        "limite": portee.phrase if isinstance(portee, Refuse) else "",
        "national": cadre.service_id is None,
        "service_id": cadre.service_id,
        "endroit": cadre.endroit.libelle if cadre.endroit else "",
        "rattache_ici": cadre.service_id in rattaches,
        "profils": cadre.profils,
        "perimetres": perimetres,
        "lieux": lieux,
        "acces": acces,
        "modules": [(module, MOTS[module]) for module in MODULES],
        "saisie": Saisie({}),
        "acte": "",
        "confirmer": None,
        "fait": "",
    }


ROUTES = [show_fiche, do_acte]
