"""``/administration/donnees-personnelles``: what is held of a person, handed to him, erased at his request.

Reserved to who answers people about their data, over the nation. Nothing personal is in an address: each form sends
the criterion again, and each act finds again what it names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from zoneinfo import ZoneInfo

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.response import Redirect, Response
from sqlalchemy import select

from app import clock
from app.admin.chantier import journal_refus
from app.admin.donnees.saisie import Demande, read_demande
from app.admin.donnees.vue import build_resultat, list_autres_criteres, list_choisis
from app.admin.pages import national_page
from app.booking.donnees_critere import LIBELLES
from app.booking.donnees_document import build_document
from app.booking.donnees_effacement import PHRASES, RAISONS, erase, parse_raison
from app.booking.donnees_notice import read_notice
from app.booking.donnees_personne import INTERDIT, Dossier, read_dossier
from app.booking.droits import answers_personnes
from app.booking.outils import Auteur, Outils
from app.booking.usager.mon_rdv_donnees import answer_document
from app.errors import AppError, Introuvable, SaisieInvalide
from app.identite.acteur import Acteur, services_permis
from app.web.dates import heure, jour_long
from app.web.dependances import auteur_agent
from app.web.pages import page

Requete = Request[Any, Any, Any]
ADRESSE: Final = "/administration/donnees-personnelles"
_PARTIE: Final = "donnees-personnelles"
_RIEN: Final = "Cochez ce qui concerne la personne."
_PARIS: Final = ZoneInfo("Europe/Paris")


async def check_donnees(request: Requete, outils: Outils, acteur: Acteur) -> Auteur:
    """Who acts. Raises Introuvable, journaled, unless the agent answers people about their data."""
    auteur = auteur_agent(acteur, request)
    async with outils.db.read() as conn:
        permis = (await conn.execute(select(answers_personnes(acteur.agent_id)))).scalar_one()
    if not permis:
        await journal_refus(outils, auteur, clock.now(), "donnees.lues")
        raise Introuvable(INTERDIT)
    return auteur


def _show(
    request: Requete,
    acteur: Acteur,
    gabarit: str,
    plus: Mapping[str, Any],
    *,
    titre: str = "",
    refus: AppError | None = None,
) -> Response[bytes]:
    contexte = {
        **national_page(acteur, _PARTIE, titre),
        "url": ADRESSE,
        "adresse": ADRESSE,
        "genres": [(genre.value, mot) for genre, mot in LIBELLES.items()],
        "dits": dict.fromkeys(("genre", "valeur", "nom", "raison", "reference"), ""),
        "refus": refus,
        "erreurs": refus.champs if refus else {},
        **plus,
    }
    entetes = {"Cache-Control": "no-store"}
    return page(
        request, f"admin/donnees/{gabarit}.html", contexte, statut=refus.statut if refus else 200, entetes=entetes
    )


@get(ADRESSE, include_in_schema=False)
async def show_recherche(
    request: Requete, outils: NamedDependency[Outils], acteur: NamedDependency[Acteur]
) -> Response[bytes]:
    """The criterion to type."""
    await check_donnees(request, outils, acteur)
    return _show(request, acteur, "recherche", {})


@post(ADRESSE, status_code=200, include_in_schema=False)
async def search(request: Requete, outils: NamedDependency[Outils], acteur: NamedDependency[Acteur]) -> Response[bytes]:
    """What is held of whom the criterion names."""
    auteur = await check_donnees(request, outils, acteur)
    try:
        demande = read_demande(await request.form())
        dossier = await read_dossier(outils, demande.critere, auteur, clock.now())
    except SaisieInvalide as refus:
        return _show(request, acteur, "recherche", {"dits": _dits(await request.form())}, refus=refus)
    return await _answer_resultat(request, outils, acteur, demande, dossier)


def _dits(formulaire: Any) -> dict[str, str]:
    champs = ("genre", "valeur", "nom", "raison", "reference")
    return {nom: str(formulaire.get(nom, "")).encode("utf-8", "replace").decode()[:300] for nom in champs}


async def _answer_resultat(
    request: Requete,
    outils: Outils,
    acteur: Acteur,
    demande: Demande,
    dossier: Dossier,
    refus: AppError | None = None,
) -> Response[bytes]:
    critere, maintenant = demande.critere, clock.now()
    services = {rdv["service_id"] for rdv in dossier.rdvs}
    async with outils.db.read() as conn:
        siens = await services_permis(conn, acteur.agent_id, "agenda", services)
    contexte = {
        "dits": demande.dits,
        "mot": LIBELLES[critere.genre],
        "partage": critere.partage,
        "coches": None if refus is None else demande.choix,
        "autres": list_autres_criteres(dossier, critere),
        "trop": dossier.trop,
        **build_resultat(dossier, siens, maintenant),
    }
    return _show(request, acteur, "resultat", contexte, titre="Ce qui est détenu", refus=refus)


@post(f"{ADRESSE}/export", status_code=200, include_in_schema=False)
async def export(request: Requete, outils: NamedDependency[Outils], acteur: NamedDependency[Acteur]) -> Response[Any]:
    """The document to hand to the person: a page to print, or JSON (``forme``). Of what was ticked alone."""
    auteur, maintenant = await check_donnees(request, outils, acteur), clock.now()
    demande = read_demande(await request.form())
    if not demande.choix:
        return await _ask_again(request, outils, acteur, auteur, demande)
    dossier = await read_dossier(
        outils, demande.critere, auteur, maintenant, action="donnees.exportees", choix=demande.choix
    )
    async with outils.db.read() as conn:
        document = build_document(dossier, await read_notice(conn), maintenant)
    if demande.dits["forme"] == "json":
        return answer_document(document.to_json(), "donnees-personnelles")
    contexte = {"document": document, "le": _tell(maintenant), "choix": dossier.trouves, "dits": demande.dits}
    return _show(request, acteur, "document", contexte, titre="Document à remettre")


async def _ask_again(
    request: Requete, outils: Outils, acteur: Acteur, auteur: Auteur, demande: Demande
) -> Response[bytes]:
    """Nothing was ticked: the result again, which says so."""
    refus = SaisieInvalide(_RIEN, remede="", champs={"choix": _RIEN})
    dossier = await read_dossier(outils, demande.critere, auteur, clock.now())
    return await _answer_resultat(request, outils, acteur, demande, dossier, refus)


def _tell(a: Any) -> str:
    return f"{jour_long(a.astimezone(_PARIS).date())} à {heure(a, _PARIS)}"


@post(f"{ADRESSE}/effacement", status_code=200, include_in_schema=False)
async def remove(request: Requete, outils: NamedDependency[Outils], acteur: NamedDependency[Acteur]) -> Response[bytes]:
    """What would be erased and what would stay; once confirmed, with a reason, what was."""
    auteur, maintenant = await check_donnees(request, outils, acteur), clock.now()
    demande = read_demande(await request.form())
    if not demande.choix:
        return await _ask_again(request, outils, acteur, auteur, demande)
    refus = None
    if demande.dits["confirme"]:
        try:
            raison = parse_raison(demande.dits["raison"], demande.dits["reference"])
        except SaisieInvalide as erreur:
            refus = erreur
        else:
            bilan = await erase(outils, demande.critere, demande.choix, raison, auteur, maintenant)
            gardes = [(quoi, ident, PHRASES[garde]) for quoi, ident, garde in bilan.gardes]
            contexte = {"bilan": bilan, "gardes": gardes, "dits": demande.dits}
            return _show(request, acteur, "efface", contexte, titre="Données effacées")
    dossier = await read_dossier(outils, demande.critere, auteur, maintenant, choix=demande.choix)
    contexte = {
        "dits": demande.dits,
        "choix": dossier.trouves,
        "raisons": [(raison.value, mot) for raison, mot in RAISONS.items()],
        **list_choisis(dossier, maintenant),
    }
    return _show(request, acteur, "effacer", contexte, titre="Effacer", refus=refus)


@get([f"{ADRESSE}/export", f"{ADRESSE}/effacement"], include_in_schema=False)
async def reopen() -> Response[Any]:
    """Somebody reloads the address of an answer: the criterion is asked again."""
    return Redirect(ADRESSE, status_code=303)


ROUTES = [show_recherche, search, export, remove, reopen]
