"""The sheet of an account: who he is, what he holds and why, his sessions and keys, and every act upon it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
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
from app.admin.comptes.droits import read_droits
from app.admin.comptes.lectures import ETATS, Fiche, read_fiche
from app.admin.comptes.pages_service import AGENTS
from app.admin.comptes.portee import find_limite, find_retirables, limit_fiche
from app.admin.comptes.saisies import hidden_fields, read_acte
from app.admin.comptes.saisies_lieux import read_lieux
from app.admin.pages import refused_page
from app.admin.saisie import Saisie
from app.booking.outils import Outils
from app.errors import AppError, AvertissementRequis, Indisponible, Introuvable
from app.identite.acteur import Acteur
from app.web.dependances import auteur_agent
from app.web.pages import page

_GABARIT: Final = "admin/comptes/fiche.html"
Acte = Callable[[Dossier, Saisie], Awaitable[None]]
#: Last segment of the address → what it does, the sentence told afterwards (a key of FAITS), the fields of its form.
ACTES: Final[dict[str, tuple[Acte, str, frozenset[str]]]] = {
    "identite": (actes.change_identite, "identite", frozenset({"nom", "prenom", "courriel"})),
    "habilitations": (
        actes.give_habilitation,
        "donnee",
        frozenset({"profil", "perimetre", "lieu", "rattacher"}),
    ),
    "retrait": (actes.withdraw_habilitation, "retiree", frozenset({"habilitation"})),
    "rattachement": (actes.attach, "rattache", frozenset({"service", "sages"})),
    "detachement": (actes.detach, "detache", frozenset({"service"})),
    "suspension": (actes.suspend, "suspendu", frozenset()),
    "reactivation": (actes.reactivate, "reactive", frozenset()),
    "invitation": (actes.send_invitation, "lien", frozenset()),
    "sessions": (actes.end_sessions, "sessions", frozenset()),
    "cle": (actes.revoke_key, "cle", frozenset({"cle"})),
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
    vue = await _open(request, outils, acteur, service_id, agent_id)
    contexte = {**await _contexte(outils, vue), "fait": FAITS.get(fait, "")}
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
    cadre = (await _open(request, outils, acteur, service_id, agent_id)).cadre
    saisie = Saisie.of(await request.form())
    faire, fait, champs = ACTES[acte]

    async def travail(dossier: Dossier) -> None:
        await faire(dossier, saisie)

    try:
        revision = read_acte(saisie, champs)
        await change_compte(
            outils,
            auteur_agent(acteur, request),
            agent_id,
            travail,
            clock.now(),
            revision=revision,
            service_id=service_id,
            confirme=saisie.brut("confirme"),
            action=f"compte.{acte}",
        )
    except Indisponible:
        raise
    except AppError as refus:
        vue = await _open(request, outils, acteur, service_id, agent_id)
        contexte = {**await _contexte(outils, vue), "saisie": saisie, "acte": acte}
        if isinstance(refus, AvertissementRequis):
            contexte["confirmer"] = hidden_fields(saisie)
        return refused_page(request, _GABARIT, contexte, refus)
    return Redirect(await _suite(outils, acteur, cadre, agent_id, fait), status_code=303)


async def _suite(outils: Outils, acteur: Acteur, cadre: Cadre, agent_id: int, fait: str) -> str:
    """The sheet; the list when the act has taken the account out of the administrator's sight.

    And the agent's home when he has just given up what opened these pages to him.
    """
    async with outils.db.read() as conn:
        if not cadre.is_open_to(await read_droits(conn, acteur.agent_id)):
            return "/agent"
        fiche = await read_fiche(conn, acteur.agent_id, agent_id, clock.now(), cadre.zone)
    return f"{cadre.base}/{agent_id}?fait={fait}" if fiche is not None else f"{cadre.base}?fait={fait}"


@dataclass(frozen=True, slots=True)
class Vue:
    """The sheet as its reader may see it. ``limite``: why he sees no more; ``retirables``: what he may take back."""

    cadre: Cadre
    fiche: Fiche
    soi: bool
    limite: str
    retirables: frozenset[int]


async def _open(
    request: Request[Any, Any, Any], outils: Outils, acteur: Acteur, service_id: int | None, agent_id: int
) -> Vue:
    cadre = await open_cadre(outils, acteur, request, service_id, "Compte")
    async with outils.db.read() as conn:
        fiche = await read_fiche(conn, acteur.agent_id, agent_id, clock.now(), cadre.zone)
        if fiche is not None:
            soi = acteur.agent_id == agent_id
            limite = find_limite(cadre.donneur, fiche.tenus)
            retirables = find_retirables(cadre.donneur, fiche.tenus, soi=soi)
            if limite and not soi and cadre.endroit is not None:
                fiche = await limit_fiche(conn, fiche, cadre.donneur, cadre.endroit, cadre.zone)
            return Vue(cadre, fiche, soi, limite, retirables)
    await journal_refus(outils, auteur_agent(acteur, request), clock.now(), "compte.lu", service_id=service_id)
    raise Introuvable(PHRASE)


async def _contexte(outils: Outils, vue: Vue) -> dict[str, Any]:
    cadre, fiche = vue.cadre, vue.fiche
    async with outils.db.read() as conn:
        perimetres = await read_perimetres(conn, cadre)
        lieux = await read_lieux(conn) if cadre.service_id is None else []
        acces = await read_acces_agent(conn, fiche)
    rattaches = {service for service, *_ in fiche.rattachements}
    return {
        **cadre.contexte,
        "titre": fiche.nom,
        "fil": [*cadre.contexte["fil"][:-1], {"libelle": fiche.nom, "url": ""}],
        "adresse": f"{cadre.base}/{fiche.agent['id']}",
        "url": f"{cadre.base}/{fiche.agent['id']}",
        "fiche": fiche,
        "etat": ETATS.get(fiche.etat),
        "soi": vue.soi,
        "limite": vue.limite,
        "retirables": vue.retirables,
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
