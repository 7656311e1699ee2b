"""The suite donnée of a visit: the démarche opened in the case system, a fiche de visite, or nothing needed [A1 §4]."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response

from app import clock
from app.booking.agents.acces import Acces, note_lecture, open_rdv, write_lecture
from app.booking.agents.actes import check_champs, safe_retour
from app.booking.agents.appels import tell_suites
from app.booking.agents.contre_appel import read_revision
from app.booking.agents.fiche import nom_motif
from app.booking.agents.lectures import nom_agenda
from app.booking.agents.visite import Visite, load_visite
from app.booking.outils import Outils
from app.booking.suite_donnee import NOTE_MAX, REFERENCE_MAX, record_suite
from app.booking.traces import Trace
from app.domain.suite_donnee import LIBELLES, NatureSuite, refuse_suite
from app.errors import AppError
from app.identite.acteur import Acteur
from app.web.dates import heure, jour_long
from app.web.dependances import auteur_agent
from app.web.erreurs import wants_json
from app.web.pages import page
from app.web.securite import CHAMP_CSRF

_TEXTES: Final = ("nature", "reference", "note", "retour")
_CHAMPS: Final = frozenset({CHAMP_CSRF, "revision", *_TEXTES})
_CONFIE: Final = "Ce rendez-vous est reçu par un autre service : c’est lui qui note la suite donnée."


@get("/rendez-vous/{rdv_id:int}/suite", include_in_schema=False)
async def show_suite(
    request: Request[Any, Any, Any],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    rdv_id: FromPath[int],
) -> Response[Any]:
    """The form, and what was noted already; the reason alone while nobody has come."""
    acces = await open_rdv(outils, acteur, request, rdv_id)
    visite = await load_visite(request, outils, acteur, acces, rdv_id)
    await write_lecture(outils, acteur, request, Trace("rdv.lu", visite.contexte.id, rdv_id))
    vierge = {**dict.fromkeys(_TEXTES, ""), "retour": request.query_params.get("retour", "")}
    return _render(request, acteur, acces, visite, vierge, clock.now())


@post("/rendez-vous/{rdv_id:int}/suite", status_code=200, include_in_schema=False)
async def do_suite(
    request: Request[Any, Any, Any],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    rdv_id: FromPath[int],
) -> Response[Any]:
    """Note it; the fiche de visite comes next when that is what was chosen."""
    formulaire = dict(await request.form())
    check_champs(formulaire, _CHAMPS)
    valeurs = {nom: str(formulaire.get(nom, "")).encode("utf-8", "replace").decode() for nom in _TEXTES}
    textes = (valeurs["nature"], valeurs["reference"], valeurs["note"])
    try:
        revision = read_revision(str(formulaire.get("revision", "")))
        auteur = auteur_agent(acteur, request)
        notee = await record_suite(outils, rdv_id, *textes, auteur, clock.now(), revision=revision)
    except AppError as refus:
        if wants_json(request) or refus.statut not in (409, 422):
            raise
        acces = await open_rdv(outils, acteur, request, rdv_id)
        visite = await load_visite(request, outils, acteur, acces, rdv_id)
        await note_lecture(outils, acteur, request, Trace("rdv.lu", acces.receveur_id, rdv_id))
        return _render(request, acteur, acces, visite, valeurs, clock.now(), refus)
    if wants_json(request):
        return Response({"message": "Suite enregistrée", "suite_donnee": notee.id, "revision": notee.revision})
    fiche = f"/rendez-vous/{rdv_id}"
    imprime = valeurs["nature"] == NatureSuite.FICHE_VISITE
    suite = f"{fiche}/fiche-visite" if imprime else safe_retour(valeurs["retour"]) or fiche
    return Redirect(suite, status_code=303)


def _render(
    request: Request[Any, Any, Any],
    acteur: Acteur,
    acces: Acces,
    visite: Visite,
    valeurs: Mapping[str, str],
    maintenant: datetime,
    refus: AppError | None = None,
) -> Response[Any]:
    contexte, rdv = visite.contexte, visite.rdv
    fiche = f"/rendez-vous/{rdv['id']}"
    ctx = {
        **visite.entete(acteur, maintenant),
        "titre": ("Erreur – " if refus else "") + "Suite donnée",
        "fil": visite.fil("Suite donnée"),
        "refus": refus,
        "refus_definitif": _CONFIE if acces.confie else refuse_suite(rdv["etat"]) or "",
        "erreurs": refus.champs if refus else {},
        "saisie": valeurs,
        "retour": safe_retour(valeurs["retour"]),
        "rdv": rdv,
        "nom": nom_agenda(rdv) or "Usager anonymisé",
        "quand": f"{jour_long(rdv['jour'])} à {heure(rdv['debut'], contexte.zone)}",
        "motif": nom_motif(rdv, contexte),
        "natures": [(cle.value, *LIBELLES[cle][:2]) for cle in NatureSuite],
        "reference_max": REFERENCE_MAX,
        "note_max": NOTE_MAX,
        "suites": tell_suites(visite.suites, contexte.zone),
        "fiche": fiche,
        "adresse": f"{fiche}/suite",
    }
    return page(request, "booking/agents/suite.html", ctx, statut=refus.statut if refus else 200)


ROUTES = [show_suite, do_suite]
