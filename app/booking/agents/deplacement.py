"""Move a RDV from its fiche: the nearest free créneaux as buttons, or any hour; and what a drag in the agenda posts.

The rules are those of ``app.booking.deplacer``: what leaves the frame set by the service is listed, then forced only
once acknowledged. Left empty, motif, type and end are unchanged. A script gets JSON: the warnings with their codes, the
alternatives of a place that is taken, the present state of a stale revision.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response

from app import clock
from app.booking.agents.acces import Acces, note_lecture, write_lecture
from app.booking.agents.actes import safe_retour
from app.booking.agents.boutons import possible
from app.booking.agents.changements import Vu, list_changements, open_ici, render_changements
from app.booking.agents.fiche import Dossier, nom_motif
from app.booking.agents.formulaire import Retour, explain, group_motifs
from app.booking.agents.lectures import nom_agenda
from app.booking.agents.mots import TYPES, nom_guichet
from app.booking.agents.saisie import ALERTES, Saisie, apply_choix, offered_types, read_horaire, read_id, read_saisie
from app.booking.contexte import ServiceContexte
from app.booking.deplacer import Cible, RdvDeplace, move
from app.booking.destination import Place
from app.booking.duree import keep_duree, read_duree
from app.booking.messages import find_canal, tell_prevenu
from app.booking.occupation import explain_occupation
from app.booking.outils import Auteur, Outils
from app.booking.traces import Trace
from app.courrier.intentions import Canal
from app.domain.creneaux import Creneau
from app.domain.delegation import find_delegation
from app.domain.horaires import floor_minute, from_minute
from app.domain.raisons import Raison
from app.domain.rendez_vous import Action
from app.errors import (
    AppError,
    Conflit,
    CreneauPris,
    Interdit,
    Introuvable,
    RegleRefusee,
    SaisieInvalide,
    TransitionImpossible,
)
from app.identite.acteur import Acteur
from app.web.dates import heure, jour_long, jour_moyen
from app.web.dependances import auteur_agent
from app.web.erreurs import wants_json
from app.web.pages import page

_CHAMPS: Final = frozenset(
    {"guichet", "jour", "du", "au", "motif", "type", "revision", "vu", "faire", "choix", "retour"}
)
_PROPOSITIONS: Final = 6
#: Refusals that the page shows, with what was asked.
_MONTRES: Final = (409, 422)
#: What an attached agent may force, on a guichet of his choosing.
_FORCABLES: Final = frozenset(
    raison.value
    for raison in (
        Raison.HORS_GRILLE,
        Raison.HORS_PLAGE,
        Raison.DUREE_TROP_LONGUE,
        Raison.DUREE_NON_MODIFIABLE,
        Raison.MOTIF_NON_PROPOSE,
        Raison.TYPE_NON_PROPOSE,
    )
)
_SANS_GUICHET: Final = "Choisissez le guichet : hors de la grille du service, aucun n’est pris d’office."


@dataclass(frozen=True, slots=True)
class Lu:
    """The form understood: where to, or a sentence for each field in fault."""

    cible: Cible | None
    erreurs: dict[str, str]


@get("/rendez-vous/{rdv_id:int}/deplacer", include_in_schema=False)
async def show_deplacement(
    request: Request[Any, Any, Any],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    rdv_id: FromPath[int],
) -> Response[Any]:
    """The form at the RDV's own place; back to the fiche when it can be moved no more."""
    acces, dossier = await open_ici(request, outils, acteur, rdv_id)
    if not possible(dossier.rdv, Action.REPLANIFIER, dossier.contexte, clock.now()):
        return Redirect(f"/rendez-vous/{rdv_id}", status_code=303)
    await write_lecture(outils, acteur, request, Trace("rdv.lu", dossier.contexte.id, rdv_id))
    return await _render(request, outils, acteur, acces, dossier, fill(dossier), Vu.of(dossier), Retour())


@post("/rendez-vous/{rdv_id:int}/deplacer", status_code=200, include_in_schema=False)
async def do_deplacer(
    request: Request[Any, Any, Any],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    rdv_id: FromPath[int],
) -> Response[Any]:
    """Move it, or show again what was asked with what stands in the way."""
    maintenant, auteur = clock.now(), auteur_agent(acteur, request)
    acces, dossier = await open_ici(request, outils, acteur, rdv_id)
    saisie = apply_choix(await read_saisie(request, _CHAMPS, ("acquittees",)), dossier.contexte)
    vu = Vu.read(saisie["revision"], saisie["vu"])
    if saisie["faire"] == "proposer":
        await note_lecture(outils, acteur, request, Trace("rdv.lu", dossier.contexte.id, rdv_id))
        return await _render(request, outils, acteur, acces, dossier, saisie, vu, Retour())
    lu = parse(saisie, dossier, maintenant)
    try:
        if lu.cible is None:
            raise SaisieInvalide(champs=lu.erreurs)
        fait = await _move(outils, dossier, lu.cible, auteur, maintenant, vu.revision)
    except AppError as refus:
        if wants_json(request) or refus.statut not in _MONTRES:
            raise
        acces, dossier = await open_ici(request, outils, acteur, rdv_id)
        await note_lecture(outils, acteur, request, Trace("rdv.lu", dossier.contexte.id, rdv_id))
        return await _render(request, outils, acteur, acces, dossier, saisie, vu, explain(refus), refus)
    suite = safe_retour(saisie["retour"])
    if wants_json(request):
        canal = find_canal(outils.settings, dossier.rdv["courriel"], dossier.rdv["telephones"])
        message = _tell(fait, dossier.contexte, canal)
        return Response({"message": message, "revision": fait.revision, "suite": suite or f"/rendez-vous/{rdv_id}"})
    mot = "deplace" if fait.change else "inchange"
    return Redirect(suite or f"/rendez-vous/{rdv_id}?fait={mot}", status_code=303)


async def _move(
    outils: Outils, dossier: Dossier, cible: Cible, auteur: Auteur, maintenant: datetime, revision: int
) -> RdvDeplace:
    """``move``; an attached agent is told what occupies the guichet that he asked for, or that he has to name one."""
    rdv = dossier.rdv
    try:
        return await move(outils, rdv["id"], cible, auteur, maintenant, revision=revision)
    except CreneauPris as refus:
        place = Place(
            service_id=rdv["service_id"],
            motif_id=cible.motif_id or rdv["motif_id"],
            type_rdv=cible.type_rdv or rdv["type_rdv"],
            debut=cible.debut,
            canal="rattache",
            cle="",
            duree=cible.duree or read_duree(dossier.rdv),
            guichet_id=cible.guichet_id,
            acquittees=cible.acquittees,
        )
        async with outils.db.read() as conn:
            dit = await explain_occupation(conn, dossier.contexte, place, auteur, refus, maintenant, sauf=rdv["id"])
        raise dit from None
    except (RegleRefusee, Interdit) as refus:
        if cible.guichet_id is None and refus.details.get("raison") in _FORCABLES:
            raise SaisieInvalide(champs={"guichet": _SANS_GUICHET}) from None
        raise


def _tell(fait: RdvDeplace, contexte: ServiceContexte, canal: Canal | None) -> str:
    """Where it is now, and who has still to be told."""
    if not fait.change:
        return "Ce rendez-vous est déjà à cette place"
    guichet = contexte.guichets.get(fait.guichet_id)
    quand = f"{jour_moyen(fait.debut.astimezone(contexte.zone).date())} à {heure(fait.debut, contexte.zone)}"
    ou = f", {nom_guichet(guichet.nom)}" if guichet else ""
    return f"Rendez-vous déplacé au {quand}{ou} ; {tell_prevenu(canal)}"


def fill(dossier: Dossier) -> Saisie:
    """The form at the place that the RDV has."""
    rdv, zone = dossier.rdv, dossier.contexte.zone
    return Saisie(
        {
            "guichet": str(rdv["guichet_id"]),
            "jour": rdv["jour"].isoformat(),
            "du": heure(rdv["debut"], zone),
            "type": rdv["type_rdv"],
        }
    )


def parse(saisie: Saisie, dossier: Dossier, maintenant: datetime) -> Lu:
    """Where the RDV is asked to go; the rules are decided by ``move`` alone."""
    rdv, contexte, erreurs = dossier.rdv, dossier.contexte, dict[str, str]()
    guichet_id = motif_id = None
    if saisie["guichet"]:
        guichet_id = read_id(saisie, "guichet", contexte.guichets, erreurs, "Choisissez un guichet.")
    if saisie["motif"]:
        motif_id = read_id(saisie, "motif", contexte.motifs, erreurs, "Choisissez le motif du rendez-vous.")
    if saisie["type"] and saisie["type"] != rdv["type_rdv"] and saisie["type"] not in offered_types(contexte):
        erreurs["type"] = "Choisissez le type de rendez-vous."
    aujourdhui = maintenant.astimezone(contexte.zone).date()
    debut, fin = read_horaire(saisie, contexte, aujourdhui, erreurs)
    if erreurs or debut is None:
        return Lu(None, erreurs)
    cible = Cible(
        debut,
        guichet_id=guichet_id,
        motif_id=None if motif_id == rdv["motif_id"] else motif_id,
        type_rdv=saisie["type"] or None,
        duree=None if fin is None else fin - debut,
        acquittees=saisie.acquittees & ALERTES,
    )
    return Lu(keep_duree(cible, rdv, contexte), erreurs)


async def _propose(outils: Outils, dossier: Dossier, saisie: Saisie, maintenant: datetime) -> Sequence[Creneau]:
    """The free créneaux nearest to what is asked, for its motif and type; none of a motif that the service ignores."""
    rdv, contexte = dossier.rdv, dossier.contexte
    lu = parse(saisie, dossier, maintenant)
    debut = lu.cible.debut if lu.cible else floor_minute(rdv["debut"])
    motif_id = (lu.cible.motif_id if lu.cible else None) or rdv["motif_id"]
    delegation = find_delegation(contexte.recues, rdv["delegation_id"])
    if delegation is not None and motif_id not in delegation.motifs:
        motif = contexte.motifs.get(motif_id)
        delegation = replace(delegation, motifs={**delegation.motifs, motif_id: motif.duree if motif else 0})
    try:
        async with outils.db.read() as conn:
            dispo = await outils.dispo.read(
                conn,
                contexte.id,
                motif_id=motif_id,
                type_rdv=saisie["type"] or rdv["type_rdv"],
                canal="rattache",
                maintenant=maintenant,
                delegation=delegation,
            )
    except Introuvable:
        return ()
    return dispo.reopen(rdv["jour"]).alternatives(debut, _PROPOSITIONS)


async def _render(
    request: Request[Any, Any, Any],
    outils: Outils,
    acteur: Acteur,
    acces: Acces,
    dossier: Dossier,
    saisie: Saisie,
    vu: Vu,
    retour: Retour,
    refus: AppError | None = None,
) -> Response[Any]:
    maintenant = clock.now()
    contexte, rdv = dossier.contexte, dossier.rdv
    fini = isinstance(refus, TransitionImpossible)
    stale = type(refus) is Conflit
    proposes = retour.alternatives if isinstance(refus, CreneauPris) else ()
    if not proposes and not fini:
        proposes = await _propose(outils, dossier, saisie, maintenant)
    guichet = contexte.guichets.get(rdv["guichet_id"])
    present = Vu.of(dossier) if stale else vu
    ctx = {
        **dossier.entete(acteur, maintenant),
        "direct": True,
        "titre": ("Erreur – " if retour.erreurs else "") + "Déplacer le rendez-vous",
        "fil": [
            {"libelle": "Tableau de bord", "url": "/agent"},
            {"libelle": "Agenda du service", "url": dossier.agenda},
            {"libelle": f"Rendez-vous {rdv['code']}", "url": f"/rendez-vous/{rdv['id']}"},
            {"libelle": "Déplacer", "url": ""},
        ],
        "rdv": rdv,
        "nom": nom_agenda(rdv),
        "quand": f"{jour_long(rdv['jour'])} à {heure(rdv['debut'], contexte.zone)}",
        "quoi": ", ".join(
            mot for mot in (guichet.nom if guichet else "", TYPES[rdv["type_rdv"]], nom_motif(rdv, contexte)) if mot
        ),
        "duree": read_duree(dossier.rdv),
        "motif_actuel": nom_motif(rdv, contexte),
        "prevenu": tell_prevenu(find_canal(outils.settings, rdv["courriel"], rdv["telephones"])),
        "saisi": {**dict.fromkeys(_CHAMPS, ""), **saisie.champs},
        "acquittees": sorted((saisie.acquittees | {a["code"] for a in retour.alertes}) & ALERTES),
        "r": retour,
        "pris": isinstance(refus, CreneauPris),
        "fini": fini,
        "changements": list_changements(dossier, vu) if stale else [],
        "vu": present,
        "region": render_changements(request, acces, dossier, present),
        "guichets": [(g.id, g.nom if g.ouvert else f"{g.nom} (fermé)") for g in contexte.guichets.values()],
        "motifs": group_motifs(contexte),
        "types": [(code, TYPES[code], "") for code in dict.fromkeys((*offered_types(contexte), rdv["type_rdv"]))],
        "propositions": [_describe(creneau, saisie, contexte) for creneau in proposes],
        "min": maintenant.astimezone(contexte.zone).date().isoformat(),
        "url": f"/rendez-vous/{rdv['id']}",
        "adresse": f"/rendez-vous/{rdv['id']}/deplacer",
    }
    return page(request, "booking/agents/deplacer.html", ctx, statut=retour.statut)


def _describe(creneau: Creneau, saisie: Saisie, contexte: ServiceContexte) -> dict[str, str]:
    """A free place, on the guichet asked for when it can be."""
    guichet = next((g for g in creneau.guichets if str(g) == saisie["guichet"]), creneau.guichets[0])
    debut, fin = from_minute(creneau.debut), from_minute(creneau.fin)
    return {
        "valeur": f"{guichet}-{creneau.debut}",
        "quand": f"{jour_moyen(debut.astimezone(contexte.zone).date())}, "
        f"{heure(debut, contexte.zone)} – {heure(fin, contexte.zone)}",
        "ou": contexte.guichets[guichet].nom,
    }


ROUTES = [show_deplacement, do_deplacer]
