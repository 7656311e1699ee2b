"""« Organiser », first page: the steps of a configuration, the one to take next; and the history of every change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Response

from app import clock
from app.admin.delegations.lecture import Comptes, count_delegations
from app.admin.histoire import MOTS_OBJETS, PAR_PAGE, Ligne, read_histoire
from app.admin.ouverture.lecture import read_faits
from app.admin.pages import (
    PARTIES,
    Organisation,
    check_national,
    national_page,
    open_organisation,
    organiser_page,
)
from app.admin.replacement.situation import count_a_replacer
from app.booking.contexte import ServiceContexte
from app.booking.outils import Outils
from app.domain.activation import Point, explain_activation, list_avertissements, list_manques
from app.domain.horaires import get_cadran
from app.identite.acteur import Acteur
from app.web.dates import jour_long
from app.web.pages import page, render

ORGANISER: Final = "/services/{service_id:int}/organiser"
#: The parts of a first configuration, in the order of the menu: a planning shows what the usager will see, once there
#: are guichets and motifs to see it for.
ETAPES: Final = ("fiche", "guichets", "motifs", "plannings", "agents", "ouverture")
#: What each part of the national administration is for.
EXPLICATIONS: Final = {
    "services": "Créer, compléter, fermer les services, et retrouver chacun par son nom, sa ville ou son code.",
    "motifs": "Les motifs par type de service, leurs documents, les questions fréquentes et démarches en ligne.",
    "contact": "Ce que la page « Contact » demande aux usagers, et où chaque réponse les mène.",
    "parametres": "Délais, horizons, rappels, conservation, date d’ouverture nationale, pour tous les services.",
    "comptes": "Les comptes des agents, leurs profils et leurs périmètres ; qui a accès à quoi.",
    "donnees-personnelles": "Ce qui est détenu d’une personne : le lui remettre, l’effacer à sa demande.",
}


@get(ORGANISER, include_in_schema=False)
async def show_ensemble(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[bytes]:
    """The steps, with what is configured, what is missing and what comes next."""
    organisation = await open_organisation(outils, acteur, request, service_id)
    contexte = {
        **organiser_page(acteur, organisation, ""),
        "direct": True,
        **await _cartes(outils, organisation, acteur.agent_id),
    }
    return page(request, "admin/ensemble.html", contexte)


@get(f"{ORGANISER}/fragment", include_in_schema=False)
async def show_ensemble_fragment(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[bytes]:
    """The live part alone."""
    organisation = await open_organisation(outils, acteur, request, service_id)
    contexte = {**organiser_page(acteur, organisation, ""), **await _cartes(outils, organisation, acteur.agent_id)}
    return Response(render(request, "admin/_ensemble.html", contexte).encode(), media_type="text/html")


async def _cartes(outils: Outils, organisation: Organisation, agent_id: int) -> dict[str, Any]:
    """The steps of a configuration, the one to take next, and what comes besides; of the state and of its day."""
    contexte, maintenant = organisation.contexte, clock.now()
    async with outils.db.read() as conn:
        faits = await read_faits(outils, conn, contexte.id, maintenant)
        a_replacer = (await count_a_replacer(outils, conn, agent_id, organisation, maintenant)).nombre
        delegations = await count_delegations(conn, contexte.id, maintenant.astimezone(contexte.zone).date())
    points = explain_activation(faits)
    aujourdhui = maintenant.astimezone(contexte.zone).date()
    etapes = [_etape(cle, organisation, faits.agents, points) for cle in ETAPES]
    return {
        "etapes": etapes,
        "suite": {"etape": None, "public": "", **_next(organisation, etapes, points, aujourdhui)},
        "cartes": _besoins(organisation, a_replacer, delegations),
        "expire": get_cadran(aujourdhui + timedelta(days=1), contexte.zone).debut,
    }


def _etape(cle: str, organisation: Organisation, agents: int, points: Sequence[Point]) -> dict[str, Any]:
    """One step. ``etat``: ``fait``, ``manque`` (it blocks) or ``verifier`` (to be read)."""
    siens = [point for point in points if point.partie == cle]
    manques, avertis = list_manques(siens), list_avertissements(siens)
    fait = organisation.contexte.en_ligne if cle == "ouverture" else not manques
    return {
        **_carte(cle, organisation.url, _say(cle, organisation.contexte, agents)),
        "etat": ("verifier" if avertis else "fait") if fait else "manque",
        "manques": [point.phrase for point in (*manques, *avertis)],
    }


def _say(cle: str, contexte: ServiceContexte, agents: int) -> str:
    """Where a step stands, in a few words."""
    if cle == "fiche":
        return contexte.libelle
    if cle == "guichets":
        return _sur(sum(g.ouvert for g in contexte.guichets.values()), len(contexte.guichets))
    if cle == "motifs":
        actifs = [m for m in contexte.motifs.values() if m.actif]
        return _sur(sum(m.ouvert for m in actifs), len(actifs))
    if cle == "plannings":
        return _nombre(len(contexte.plannings), "planning")
    if cle == "agents":
        return _nombre(agents, "agent peut recevoir", "agents peuvent recevoir")
    return "Ouvert aux usagers" if contexte.en_ligne else "Pas encore ouvert aux usagers"


def _next(
    organisation: Organisation, etapes: Sequence[Mapping[str, Any]], points: Sequence[Point], aujourdhui: date
) -> dict[str, Any]:
    """What to do now. ``etape``: the step to take, absent when nothing is asked of the chef."""
    contexte = organisation.contexte
    nombre = sum(e["etat"] != "manque" for e in etapes)
    faites = f"{nombre or 'Aucune'} étape{'s faites' if nombre > 1 else ' faite'} sur {len(etapes)}"
    if contexte.ferme:
        return {"etat": "ferme", "titre": "Le service est fermé définitivement", "texte": "Il ne reçoit plus personne."}
    manque = next((e for e in etapes if e["etat"] == "manque" and e["cle"] != "ouverture"), None)
    if manque is not None:
        titre = "Ouvert, mais quelque chose manque" if contexte.en_ligne else faites
        return {"etat": "manque", "titre": titre, "texte": manque["manques"][0], "etape": manque}
    if not contexte.en_ligne:
        lus = "Lisez les avertissements, puis ouvrez" if list_avertissements(points) else "Ouvrez"
        texte = f"Rien ne manque. {lus} la prise de rendez-vous en ligne quand le service est prêt à recevoir."
        return {"etat": "pret", "titre": faites, "texte": texte, "etape": etapes[-1]}
    nationale = contexte.ouverture_nationale
    if nationale is not None and nationale > aujourdhui:
        texte = "Les usagers prendront rendez-vous à la date nationale, sans autre geste."
        return {"etat": "attente", "titre": f"Prêt, s’ouvrira le {jour_long(nationale)}", "texte": texte}
    texte = "Les usagers prennent rendez-vous en ligne."
    return {"etat": "ouvert", "titre": "Ouvert aux usagers", "texte": texte, "public": f"/services/{contexte.id}"}


def _besoins(organisation: Organisation, a_replacer: int, delegations: Comptes) -> list[dict[str, str]]:
    """The parts that no configuration waits for."""
    contexte, base = organisation.contexte, organisation.url
    reste = f"{a_replacer} hors de l’organisation : déplacez-les ou gardez-les." if a_replacer else ""
    return [
        _carte("exceptions", base, _nombre(len(contexte.exceptions), "exception")),
        _carte("delegations", base, *_say_delegations(delegations)),
        _carte("parametres", base, f"Grille de {contexte.pas}\u00a0minutes"),
        _carte("a-replacer", base, "" if a_replacer else "Aucun", reste),
        _carte("expliquer", base, "Pour un jour, un motif et une origine"),
    ]


def _say_delegations(comptes: Comptes) -> tuple[str, str]:
    """Those alive, and the proposals that wait for this service's answer."""
    mots = [f"{n} {mot}{'s' if n > 1 else ''}" for n, mot in ((comptes.confiees, "confiée"), (comptes.recues, "reçue"))]
    vivantes = " et ".join(mot for mot in mots if not mot.startswith("0"))
    attente = f"{comptes.en_attente} sans réponse encore" if comptes.en_attente else ""
    reponse = ""
    if comptes.a_repondre:
        pluriel = comptes.a_repondre > 1
        reponse = f"{comptes.a_repondre} proposition{'s attendent' if pluriel else ' attend'} votre réponse."
    return ", ".join(filter(None, (vivantes, attente))) or ("" if reponse else "Aucune"), reponse


def _nombre(nombre: int, singulier: str, pluriel: str = "") -> str:
    return f"{nombre or 'Aucun'} {(pluriel or singulier + 's') if nombre > 1 else singulier}"


def _sur(ouverts: int, tous: int) -> str:
    return f"{_nombre(ouverts, 'ouvert')} sur {tous}"


def _carte(cle: str, base: str, etat: str, manque: str = "") -> dict[str, str]:
    return {"cle": cle, "titre": dict(PARTIES)[cle], "url": f"{base}/{cle}", "mots": etat, "manque": manque}


@get(f"{ORGANISER}/historique", include_in_schema=False)
async def show_historique(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    avant: FromQuery[int] = 0,
    objet: FromQuery[str] = "",
) -> Response[bytes]:
    """Who changed what in this service's organisation, newest first, with before and after."""
    organisation = await open_organisation(outils, acteur, request, service_id)
    choisi = objet if objet in MOTS_OBJETS else ""
    async with outils.db.read() as conn:
        lignes = await read_histoire(
            conn, acteur.agent_id, service_id, organisation.contexte.zone, objet=choisi, avant=avant
        )
    contexte = {
        **organiser_page(acteur, organisation, "historique"),
        "lignes": lignes[:PAR_PAGE],
        "suite": _suite(organisation, lignes, choisi),
        "objets": MOTS_OBJETS,
        "objet": choisi,
    }
    return page(request, "admin/historique.html", contexte)


def _suite(organisation: Organisation, lignes: list[Ligne], objet: str) -> str:
    if len(lignes) <= PAR_PAGE:
        return ""
    filtre = f"&objet={objet}" if objet else ""
    return f"{organisation.url}/historique?avant={lignes[PAR_PAGE - 1].id}{filtre}"


@get("/administration", include_in_schema=False)
async def show_administration(
    request: Request[Any, Any, Any], outils: NamedDependency[Outils], acteur: NamedDependency[Acteur]
) -> Response[bytes]:
    """The parts of the national administration, one card a part."""
    await check_national(outils, acteur, request)
    return page(request, "admin/administration.html", {**national_page(acteur, ""), "explications": EXPLICATIONS})


ROUTES = [show_administration, show_ensemble, show_ensemble_fragment, show_historique]
