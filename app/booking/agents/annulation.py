"""Cancelling a RDV: a page that says it is irreversible, a required reason, the revision that the agent saw."""

from __future__ import annotations

from typing import Any, Final

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy import select

from app import clock
from app.booking.agents.acces import Acces, note_lecture, open_rdv, write_lecture
from app.booking.agents.actes import answer, check_champs
from app.booking.agents.boutons import possible
from app.booking.agents.changements import Vu, render_changements
from app.booking.agents.fiche import load, nom_motif
from app.booking.agents.lectures import nom_agenda
from app.booking.agents.mots import TYPES
from app.booking.droits import scoped
from app.booking.messages import find_canal, tell_prevenu
from app.booking.outils import Outils
from app.booking.traces import Trace
from app.booking.vie import act
from app.domain.rendez_vous import Action
from app.errors import AppError, SaisieInvalide
from app.identite.acteur import Acteur
from app.tables import RendezVous
from app.web.dates import heure, jour_long
from app.web.dependances import auteur_agent
from app.web.erreurs import wants_json
from app.web.pages import page
from app.web.securite import CHAMP_CSRF

_CHAMPS: Final = frozenset({CHAMP_CSRF, "raison", "revision", "retour"})


@get("/rendez-vous/{rdv_id:int}/annuler", include_in_schema=False)
async def show_annulation(
    request: Request[Any, Any, Any],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    rdv_id: FromPath[int],
) -> Response[Any]:
    """The confirmation page; back to the fiche when nothing can be cancelled any more."""
    acces = await open_rdv(outils, acteur, request, rdv_id)
    dossier = await load(request, outils, acteur, acces, rdv_id)
    if not possible(dossier.rdv, Action.ANNULER, dossier.contexte, clock.now()):
        return Redirect(f"/rendez-vous/{rdv_id}", status_code=303)
    await write_lecture(outils, acteur, request, Trace("rdv.lu", dossier.contexte.id, rdv_id))
    return await _render(request, outils, acteur, acces, rdv_id)


@post("/rendez-vous/{rdv_id:int}/annulation", status_code=200, include_in_schema=False)
async def do_annuler(
    request: Request[Any, Any, Any],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    rdv_id: FromPath[int],
) -> Response[Any]:
    """Cancel, once; a stale revision shows the current state instead (409)."""
    formulaire = dict(await request.form())
    check_champs(formulaire, _CHAMPS)
    raison = str(formulaire.get("raison") or "").encode("utf-8", "replace").decode()
    retour = str(formulaire.get("retour") or "")
    try:
        revision = _read_revision(str(formulaire.get("revision") or ""))
        acte = await act(
            outils,
            rdv_id,
            Action.ANNULER,
            auteur_agent(acteur, request),
            clock.now(),
            revision=revision,
            raison=raison,
        )
    except AppError as refus:
        if wants_json(request) or refus.statut not in (409, 422):
            raise
        acces = await open_rdv(outils, acteur, request, rdv_id)
        await note_lecture(outils, acteur, request, Trace("rdv.lu", acces.receveur_id, rdv_id))
        return await _render(request, outils, acteur, acces, rdv_id, raison=raison, refus=refus)
    deja = not acte.change and not await _is_sienne(outils, acteur, rdv_id)
    suite = retour or f"/rendez-vous/{rdv_id}?fait={'deja-annule' if deja else 'annule'}"
    message = (
        "Ce rendez-vous était déjà annulé : votre raison n’a pas été enregistrée" if deja else "Rendez-vous annulé"
    )
    return await answer(request, outils, acteur, acte, message, suite)


async def _is_sienne(outils: Outils, acteur: Acteur, rdv_id: int) -> bool:
    """True when the RDV was cancelled by this agent: the second click of a double click says what the first one did."""
    requete = select(RendezVous.annule_par_agent).where(RendezVous.id == rdv_id)
    async with outils.db.read() as conn:
        par = await conn.execute(scoped(requete, acteur.agent_id, "agenda", origine=True))
    return par.scalar_one_or_none() == acteur.agent_id


def _read_revision(texte: str) -> int:
    if not (texte.isascii() and texte.isdecimal() and len(texte) < 10):
        raise SaisieInvalide("Cette page est incomplète : rien n’a été annulé.", remede="Rouvrez la fiche.")
    return int(texte)


async def _render(
    request: Request[Any, Any, Any],
    outils: Outils,
    acteur: Acteur,
    acces: Acces,
    rdv_id: int,
    *,
    raison: str = "",
    refus: AppError | None = None,
) -> Response[Any]:
    """The page, with the state as it is now."""
    maintenant = clock.now()
    dossier = await load(request, outils, acteur, acces, rdv_id)
    contexte, rdv = dossier.contexte, dossier.rdv
    guichet = contexte.guichets.get(rdv["guichet_id"])
    lieu = contexte.libelle if acces.confie else guichet.nom if guichet else ""
    ctx = {
        **dossier.entete(acteur, maintenant),
        "titre": ("Erreur – " if refus else "") + "Annuler le rendez-vous",
        "fil": [
            {"libelle": "Tableau de bord", "url": "/agent"},
            {"libelle": "Agenda du service", "url": dossier.agenda},
            {"libelle": f"Rendez-vous {rdv['code']}", "url": f"/rendez-vous/{rdv_id}"},
            {"libelle": "Annuler", "url": ""},
        ],
        "rdv": rdv,
        "nom": nom_agenda(rdv),
        "quand": f"{jour_long(rdv['jour'])} à {heure(rdv['debut'], contexte.zone)}",
        "quoi": ", ".join(mot for mot in (nom_motif(rdv, contexte), TYPES[rdv["type_rdv"]], lieu) if mot),
        "prevenu": tell_prevenu(find_canal(outils.settings, rdv["courriel"], rdv["telephones"])),
        "direct": True,
        "region": render_changements(request, acces, dossier, Vu.of(dossier)),
        "possible": possible(rdv, Action.ANNULER, contexte, maintenant),
        "raison": raison,
        "refus": refus,
        "url": f"/rendez-vous/{rdv_id}",
        "adresse": f"/rendez-vous/{rdv_id}/annuler",
    }
    return page(request, "booking/agents/annuler.html", ctx, statut=refus.statut if refus else 200)


ROUTES = [show_annulation, do_annuler]
