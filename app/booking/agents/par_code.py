"""A RDV reached by its exact code and name, for agents who are not of its service [A1, summary table].

Nothing is kept from one page to the next, and nothing is in an address: each form sends the code and the name again,
and each act proves them again (``app.booking.par_code``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.response import Redirect, Response

from app import clock
from app.booking.agents.boutons import possible
from app.booking.agents.epeler import epeler
from app.booking.agents.externes import check_champs_externes, check_habilitation
from app.booking.contexte import ServiceContexte, read_versions
from app.booking.outils import Outils
from app.booking.par_code import Prouve, prove
from app.booking.usager.confirmation import present_rdv
from app.domain.rendez_vous import Action
from app.errors import AccesRefuse, AppError, SaisieInvalide, TropDeDemandes
from app.identite.acteur import Acteur
from app.web.dependances import auteur_agent
from app.web.erreurs import wants_json
from app.web.pages import agent_page, page

Requete = Request[Any, Any, Any]
URL: Final = "/agent/rendez-vous/par-code"
_CHAMPS: Final = frozenset({"code", "nom"})
#: What is shown again of a field: beyond the longest that any of them takes, so that nothing is cut and then accepted.
_LONGUEUR: Final = 2200
_MANQUES: Final = {"code": "Saisissez le code du rendez-vous.", "nom": "Saisissez le nom de l’usager."}


@dataclass(frozen=True, slots=True)
class Demande:
    """What was typed, as text. ``champs``: the other fields of the form."""

    code: str
    nom: str
    champs: Mapping[str, str]


async def read_demande(request: Requete, outils: Outils, acteur: Acteur, plus: frozenset[str] = frozenset()) -> Demande:
    """The form as sent. Raises Interdit (403, journaled) or SaisieInvalide (422): see ``check_champs_externes``."""
    await check_habilitation(outils, acteur, request, "par_code")
    formulaire = dict(await request.form())
    await check_champs_externes(outils, acteur, request, formulaire, _CHAMPS | plus)
    lus = {nom: str(valeur).encode("utf-8", "replace").decode()[:_LONGUEUR] for nom, valeur in formulaire.items()}
    return Demande(lus.get("code", "")[:40], lus.get("nom", "")[:120], lus)


async def prove_demande(request: Requete, outils: Outils, acteur: Acteur, demande: Demande, action: str) -> Prouve:
    """The RDV meant. Raises SaisieInvalide when a word is missing, AccesRefuse (404), TropDeDemandes (429)."""
    vides = {champ: phrase for champ, phrase in _MANQUES.items() if not getattr(demande, champ).strip()}
    if vides:
        raise SaisieInvalide(champs=vides)
    auteur = auteur_agent(acteur, request)
    return await prove(outils, demande.code, demande.nom, auteur, clock.now(), action=action)


async def read_contexte(outils: Outils, prouve: Prouve) -> ServiceContexte:
    """The service that receives it."""
    async with outils.db.read() as conn:
        versions = await read_versions(conn, prouve.rdv["service_id"])
        return await outils.dispo.contextes.get(conn, prouve.rdv["service_id"], versions.planning)


def build_cadre(acteur: Acteur, titre: str) -> dict[str, Any]:
    """What the pages of this part share."""
    return {
        **agent_page(acteur),
        "titre": titre,
        "fil": [
            {"libelle": "Tableau de bord", "url": "/agent"},
            {"libelle": "Rendez-vous par code et nom", "url": URL},
        ],
        "url": URL,
        "adresse": URL,
    }


def render_formulaire(
    request: Requete, acteur: Acteur, demande: Demande | None = None, refus: AppError | None = None
) -> Response[bytes]:
    """The two words to type; what was typed with the refusal, when there is one."""
    entetes = {}
    if isinstance(refus, TropDeDemandes):
        entetes["Retry-After"] = str(refus.details.get("attendre_s", 60))
    ctx = {
        **build_cadre(acteur, "Rendez-vous par code et nom"),
        "code": demande.code if demande else "",
        "nom": demande.nom if demande else "",
        "refus": refus,
        "erreurs": refus.champs if refus else {},
    }
    statut = refus.statut if refus else 200
    return page(request, "booking/agents/par_code.html", ctx, statut=statut, entetes=entetes)


def render_rdv(
    request: Requete,
    acteur: Acteur,
    demande: Demande,
    prouve: Prouve,
    contexte: ServiceContexte,
    *,
    fait: tuple[str, str] | None = None,
    refus: AppError | None = None,
) -> Response[bytes]:
    """The RDV and what may be done; ``fait``: what has just been done, ``refus``: why it was not."""
    maintenant, rdv = clock.now(), prouve.rdv
    ctx = {
        **build_cadre(acteur, f"Rendez-vous {rdv['code']}"),
        **present_rdv(rdv, contexte, maintenant),
        "epele": epeler(rdv["code"]),
        "dit": {"code": rdv["code"], "nom": demande.nom},
        "etat": rdv["etat"],
        "rdv_id": rdv["id"],
        "rattache": prouve.rattache,
        "deplacable": is_deplacable(rdv, contexte),
        "modifiable": is_modifiable(rdv),
        "annulable": possible(rdv, Action.ANNULER, contexte, maintenant),
        "fait": fait,
        "refus": refus,
    }
    return page(request, "booking/agents/par_code_rdv.html", ctx, statut=refus.statut if refus else 200)


def is_deplacable(rdv: Mapping[str, Any], contexte: ServiceContexte) -> bool:
    """True when it is still to come: one whose person is here, or whose hour is past, is for its own service."""
    return rdv["etat"] == "prevu" and rdv["debut"] > clock.now() and not contexte.ferme


def is_modifiable(rdv: Mapping[str, Any]) -> bool:
    """True until it is over, while nobody has come: what is said of it afterwards is for its own service."""
    return bool(rdv["etat"] == "prevu" and rdv["fin"] > clock.now())


def answer_refus(request: Requete, acteur: Acteur, demande: Demande, refus: AppError) -> Response[Any]:
    """What proves nothing goes back to the two words, with what was typed. Raises it to a program."""
    if wants_json(request) or not isinstance(refus, SaisieInvalide | AccesRefuse | TropDeDemandes):
        raise refus
    return render_formulaire(request, acteur, demande, refus)


@get(URL, include_in_schema=False)
async def show_formulaire(
    request: Requete, outils: NamedDependency[Outils], acteur: NamedDependency[Acteur]
) -> Response[bytes]:
    """The two words to type."""
    await check_habilitation(outils, acteur, request, "par_code")
    return render_formulaire(request, acteur)


@post(URL, status_code=200, include_in_schema=False)
async def show_par_code(
    request: Requete, outils: NamedDependency[Outils], acteur: NamedDependency[Acteur]
) -> Response[Any]:
    """The RDV that they name; else one 404, always the same."""
    demande = await read_demande(request, outils, acteur)
    try:
        prouve = await prove_demande(request, outils, acteur, demande, "lire")
    except (SaisieInvalide, AccesRefuse, TropDeDemandes) as refus:
        return answer_refus(request, acteur, demande, refus)
    return render_rdv(request, acteur, demande, prouve, await read_contexte(outils, prouve))


@get([f"{URL}/annuler", f"{URL}/deplacer", f"{URL}/modifier"], include_in_schema=False)
async def reopen() -> Response[Any]:
    """Somebody reloads the address of an answer: the two words are asked again."""
    return Redirect(URL, status_code=303)


ROUTES = [show_formulaire, show_par_code, reopen]
