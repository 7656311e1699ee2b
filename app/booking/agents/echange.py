"""Exchange the places of two RDV: choose the other one in a day of the agenda, see both, confirm [A1 §3.2].

What is shown is one live region: when either of the two changes, the page shows it, with the revisions and the warnings
that its button will then confirm.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final
from urllib.parse import urlencode

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Response

from app import clock
from app.booking.agents.acces import Acces, note_lecture, write_acte, write_lecture
from app.booking.agents.actes import check_champs
from app.booking.agents.affichage import read_jour
from app.booking.agents.boutons import possible
from app.booking.agents.changements import open_ici
from app.booking.agents.fiche import Dossier, nom_motif
from app.booking.agents.lectures import nom_agenda, read_fiche, read_jours
from app.booking.agents.mots import TYPES
from app.booking.agents.saisie import ALERTES
from app.booking.contexte import ServiceContexte
from app.booking.echanger import exchange, preview_exchange
from app.booking.messages import find_canal
from app.booking.outils import Outils
from app.booking.traces import Trace
from app.domain.rendez_vous import Action
from app.errors import AccesRefuse, AppError, SaisieInvalide
from app.identite.acteur import Acteur
from app.web.adresses import is_nombre
from app.web.dates import heure, jour_long, jour_moyen
from app.web.dependances import auteur_agent
from app.web.erreurs import wants_json
from app.web.pages import page
from app.web.securite import CHAMP_CSRF

_CHAMPS: Final = frozenset({CHAMP_CSRF, "avec", "revision", "revision_avec", "acquittees"})
_INCONNU: Final = "Ce rendez-vous n’existe pas dans ce service."
_INCOMPLET: Final = "Cette page est incomplète : rien n’a été échangé."


@get("/rendez-vous/{rdv_id:int}/echanger", include_in_schema=False)
async def show_echange(
    request: Request[Any, Any, Any],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    rdv_id: FromPath[int],
    avec: FromQuery[int] = 0,
    jour: FromQuery[str] = "",
) -> Response[Any]:
    """The other RDV to choose, else both; back to the fiche when this one can be moved no more."""
    acces, dossier = await open_ici(request, outils, acteur, rdv_id)
    if not possible(dossier.rdv, Action.REPLANIFIER, dossier.contexte, clock.now()):
        return Redirect(f"/rendez-vous/{rdv_id}", status_code=303)
    region = await _render_region(request, outils, acteur, acces, dossier, avec, jour, ouvre=True)
    return _page(request, acteur, dossier, region, avec)


@get("/rendez-vous/{rdv_id:int}/echanger/fragment", include_in_schema=False)
async def show_echange_fragment(
    request: Request[Any, Any, Any],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    rdv_id: FromPath[int],
    avec: FromQuery[int] = 0,
    jour: FromQuery[str] = "",
    vues: FromQuery[str] = "",
) -> Response[bytes]:
    """Exactly the live region of that page. ``vues``: the revisions that it was opened with, « 3-1 »."""
    acces, dossier = await open_ici(request, outils, acteur, rdv_id)
    region = await _render_region(request, outils, acteur, acces, dossier, avec, jour, vues=_read_vues(vues))
    return Response(region.encode(), media_type="text/html")


@post("/rendez-vous/{rdv_id:int}/echange", status_code=200, include_in_schema=False)
async def do_echanger(
    request: Request[Any, Any, Any],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    rdv_id: FromPath[int],
) -> Response[Any]:
    """Exchange them, or show both again as they are now with what stands in the way."""
    maintenant, auteur = clock.now(), auteur_agent(acteur, request)
    formulaire = await request.form()
    check_champs({nom: formulaire[nom] for nom in formulaire}, _CHAMPS)
    acquittees = ALERTES.intersection(map(str, formulaire.getall("acquittees", [])))
    avec, *revisions = (_read_nombre(formulaire.get(nom)) for nom in ("avec", "revision", "revision_avec"))
    try:
        await exchange(
            outils, rdv_id, avec, auteur, maintenant, revisions=(revisions[0], revisions[1]), acquittees=acquittees
        )
    except AppError as refus:
        if wants_json(request) or refus.statut not in (409, 422):
            raise
        acces, dossier = await open_ici(request, outils, acteur, rdv_id)
        region = await _render_region(request, outils, acteur, acces, dossier, avec, "")  # both as they are now
        return _page(request, acteur, dossier, region, avec, refus)
    if wants_json(request):
        return Response({"message": "Rendez-vous échangés", "suite": f"/rendez-vous/{rdv_id}"})
    return Redirect(f"/rendez-vous/{rdv_id}?fait=echange", status_code=303)


def _read_nombre(texte: Any) -> int:
    """Raises SaisieInvalide: these fields are the page's own."""
    if not isinstance(texte, str) or not is_nombre(texte):
        raise SaisieInvalide(_INCOMPLET, remede="Rouvrez la fiche.")
    return int(texte)


def _read_vues(texte: str) -> tuple[int, int] | None:
    """Raises SaisieInvalide on what the page never writes."""
    if not texte:
        return None
    un, _, autre = texte.partition("-")
    return _read_nombre(un), _read_nombre(autre)


def _page(
    request: Request[Any, Any, Any],
    acteur: Acteur,
    dossier: Dossier,
    region: str,
    avec: int,
    refus: AppError | None = None,
) -> Response[bytes]:
    rdv = dossier.rdv
    url = f"/rendez-vous/{rdv['id']}"
    ctx = {
        **dossier.entete(acteur, clock.now()),
        "direct": True,
        "titre": ("Erreur – " if refus else "") + "Échanger deux rendez-vous",
        "fil": [
            {"libelle": "Tableau de bord", "url": "/agent"},
            {"libelle": "Agenda du service", "url": dossier.agenda},
            {"libelle": f"Rendez-vous {rdv['code']}", "url": url},
            {"libelle": "Échanger", "url": ""},
        ],
        "region": region,
        "refus": refus,
        "url": url,
        "avec": avec,
        "adresse": f"{url}/echanger?avec={avec}" if avec else f"{url}/echanger",
    }
    return page(request, "booking/agents/echanger.html", ctx, statut=refus.statut if refus else 200)


async def _render_region(
    request: Request[Any, Any, Any],
    outils: Outils,
    acteur: Acteur,
    acces: Acces,
    dossier: Dossier,
    avec: int,
    jour: str,
    *,
    ouvre: bool = False,
    vues: tuple[int, int] | None = None,
) -> str:
    """The other ones of a day, or both. ``ouvre``: a page is opened, which is always journaled.

    ``vues``: the revisions that the page shows; once either has changed, its button is gone and it says so, for nobody
    confirms what came in the place of what he read.
    """
    contexte, rdv, maintenant = dossier.contexte, dossier.rdv, clock.now()
    choisi: date = read_jour(jour, rdv["jour"])
    demande = {"avec": avec} if avec else {"jour": choisi.isoformat()}
    faits: dict[str, Any] = {
        "sujet": f"service:{acces.service_id}",
        "version": acces.versions.service,
        "epoque": acces.epoque,
        "fragment": f"/rendez-vous/{rdv['id']}/echanger/fragment?{urlencode(demande)}",
        "zone": contexte.zone.key,
        "rdv": rdv,
        "soi": _tell(rdv, contexte),
    }
    if avec:
        autre = await _read_autre(request, outils, acteur, dossier, avec)
        lus = (rdv["id"], avec)
        traces = [Trace("rdv.lu", contexte.id, ident) for ident in lus]
        faits |= await _build_paire(outils, acteur, request, dossier, autre, maintenant)
        montrees = vues or (rdv["revision"], autre["revision"])
        faits["change"] = montrees != (rdv["revision"], autre["revision"])
        faits["revisions"] = montrees
        faits["fragment"] += f"&vues={montrees[0]}-{montrees[1]}"
    else:
        async with outils.db.read() as conn:
            lignes = await read_jours(conn, acteur.agent_id, contexte.id, choisi, choisi)
        voulus = [ligne for ligne in lignes if ligne["id"] != rdv["id"] and ligne["etat"] in ("prevu", "arrive")]
        traces = [Trace("agenda.lu", contexte.id, apres={"du": choisi.isoformat(), "au": choisi.isoformat()})]
        faits |= {
            "jour": choisi.isoformat(),
            "jour_long": jour_long(choisi),
            "choix": [{"id": ligne["id"], **_tell(ligne, contexte)} for ligne in voulus],
        }
    await (write_lecture if ouvre else note_lecture)(outils, acteur, request, *traces)
    gabarit = request.app.state.gabarits.get_template("booking/agents/_echange_region.html")
    return str(gabarit.render({"autre": None, **faits}))


async def _read_autre(
    request: Request[Any, Any, Any], outils: Outils, acteur: Acteur, dossier: Dossier, avec: int
) -> Mapping[str, Any]:
    """The other RDV, of the same service. Raises AccesRefuse, journaled."""
    async with outils.db.read() as conn:
        autre = await read_fiche(conn, acteur.agent_id, avec)
    if autre is None or autre["service_id"] != dossier.rdv["service_id"] or avec == dossier.rdv["id"]:
        await write_acte(outils, acteur, request, Trace("rdv.acces_refuse", dossier.contexte.id, avec))
        raise AccesRefuse(_INCONNU)
    return autre


async def _build_paire(
    outils: Outils,
    acteur: Acteur,
    request: Request[Any, Any, Any],
    dossier: Dossier,
    autre: Mapping[str, Any],
    maintenant: datetime,
) -> dict[str, Any]:
    """Both before and after, and the warnings of the exchange, or why it cannot be."""
    alertes: list[dict[str, str]] = []
    impossible = ""
    try:
        alertes = await preview_exchange(
            outils, dossier.rdv["id"], autre["id"], auteur_agent(acteur, request), maintenant
        )
    except AppError as refus:
        if refus.statut not in (409, 422):
            raise
        impossible = refus.phrase
    paire = (dossier.rdv, autre)
    canaux = [find_canal(outils.settings, ligne["courriel"], ligne["telephones"]) for ligne in paire]
    return {
        "autre": {**_tell(autre, dossier.contexte), "id": autre["id"], "revision": autre["revision"]},
        "alertes": alertes,
        "codes": sorted({alerte["code"] for alerte in alertes}),
        "impossible": impossible,
        "meme_heure": autre["debut"] == dossier.rdv["debut"],
        "a_prevenir": [ligne["code"] for ligne, canal in zip(paire, canaux, strict=True) if canal is None],
        "canaux": sorted({canal for canal in canaux if canal is not None}),
    }


def _tell(ligne: Mapping[str, Any], contexte: ServiceContexte) -> dict[str, Any]:
    """Who, when, where, for what."""
    guichet = contexte.guichets.get(ligne["guichet_id"])
    duree = (ligne["fin"] - ligne["debut"]).total_seconds() // 60
    return {
        "nom": nom_agenda(ligne),
        "quand": f"{jour_moyen(ligne['jour'])} à {heure(ligne['debut'], contexte.zone)}",
        "heure": heure(ligne["debut"], contexte.zone),
        "duree": f"{duree:.0f} min",
        "guichet": guichet.nom if guichet else "",
        "quoi": ", ".join(mot for mot in (nom_motif(ligne, contexte), TYPES[ligne["type_rdv"]]) if mot),
        "etat": ligne["etat"],
    }


ROUTES = [show_echange, show_echange_fragment, do_echanger]
