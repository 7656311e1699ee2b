"""The page that corrects a RDV: its person, its precision, what agents note, what the usager is told [A1 §3.2]."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
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
from app.booking.agents.fiche import Dossier
from app.booking.agents.formulaire import Retour, explain
from app.booking.agents.lectures import nom_agenda
from app.booking.agents.mots import CHAMPS as MOTS
from app.booking.agents.saisie import Saisie, national, read_note, read_saisie
from app.booking.contexte import ServiceContexte
from app.booking.forms import CHAMPS_PARTICULIER, CHAMPS_PROFESSIONNEL, check, parse_precision, parse_usager
from app.booking.modifier import Modification, RdvModifie, find_changements, modify
from app.booking.outils import Outils
from app.booking.traces import Trace
from app.domain.rendez_vous import Action
from app.errors import AppError, Conflit, TransitionImpossible
from app.identite.acteur import Acteur
from app.web.dates import heure, jour_long
from app.web.dependances import auteur_agent
from app.web.erreurs import wants_json
from app.web.pages import page

#: What the form shows, from top to bottom.
AFFICHES: Final = (
    "precision", "note_interne", "message_usager", "nature", *CHAMPS_PROFESSIONNEL, *CHAMPS_PARTICULIER,
    "telephone1", "telephone2", "preference_appel", "courriel",
)  # fmt: skip
_CHAMPS: Final = frozenset({*AFFICHES, "revision", "vu", "faire", "retour"})
_TEXTES: Final = ("precision", "note_interne", "message_usager")


@dataclass(frozen=True, slots=True)
class Reponse:
    """What the form has to say: a refusal, and the values written meanwhile that differ from what was typed."""

    retour: Retour = field(default_factory=Retour)
    differences: tuple[tuple[str, str], ...] = ()
    fini: bool = False


@get("/rendez-vous/{rdv_id:int}/modifier", include_in_schema=False)
async def show_modification(
    request: Request[Any, Any, Any],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    rdv_id: FromPath[int],
) -> Response[Any]:
    """The form, filled with what is known; back to the fiche when nothing can be corrected any more."""
    acces, dossier = await open_ici(request, outils, acteur, rdv_id)
    if not _is_modifiable(dossier):
        return Redirect(f"/rendez-vous/{rdv_id}", status_code=303)
    await write_lecture(outils, acteur, request, Trace("rdv.lu", dossier.contexte.id, rdv_id))
    return _render(request, acteur, acces, dossier, fill(dossier.rdv), Vu.of(dossier), Reponse())


@post("/rendez-vous/{rdv_id:int}/modifier", status_code=200, include_in_schema=False)
async def do_modifier(
    request: Request[Any, Any, Any],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    rdv_id: FromPath[int],
) -> Response[Any]:
    """Save what differs; a refusal shows the form again with everything that was typed."""
    maintenant = clock.now()
    acces, dossier = await open_ici(request, outils, acteur, rdv_id)
    saisie = await read_saisie(request, _CHAMPS, ())
    vu = Vu.read(saisie["revision"], saisie["vu"])
    if saisie["faire"] in ("particulier", "professionnel"):
        await note_lecture(outils, acteur, request, Trace("rdv.lu", dossier.contexte.id, rdv_id))
        return _render(request, acteur, acces, dossier, saisie.avec(nature=saisie["faire"]), vu, Reponse())
    try:
        voulu = parse(saisie, dossier.contexte, maintenant)
        fait = await modify(outils, rdv_id, voulu, auteur_agent(acteur, request), maintenant, revision=vu.revision)
    except AppError as refus:
        if wants_json(request) or refus.statut not in (409, 422):
            raise
        acces, dossier = await open_ici(request, outils, acteur, rdv_id)
        await note_lecture(outils, acteur, request, Trace("rdv.lu", dossier.contexte.id, rdv_id))
        reponse = _explain(refus, saisie, dossier)
        return _render(request, acteur, acces, dossier, saisie, vu, reponse)
    if wants_json(request):
        message = "Modifications enregistrées" if fait.change else "Rien n’a changé"
        if fait.retenue is not None:
            message += f". {fait.retenue.value}"
        return Response({"message": message, "revision": fait.revision, "suite": f"/rendez-vous/{rdv_id}"})
    return Redirect(_find_suite(saisie, fait), status_code=303)


def _find_suite(saisie: Saisie, fait: RdvModifie) -> str:
    if safe_retour(saisie["retour"]):
        return safe_retour(saisie["retour"])
    mot = "inchange"
    if fait.change:
        mot = "modifie-envoye" if fait.envoye else "message" if "message_usager" in fait.champs else "modifie"
        if mot == "message" and not (saisie["message_usager"].strip() and saisie["courriel"].strip()):
            mot = "modifie"
        if fait.retenue is not None:
            mot = f"modifie-retenue-{fait.retenue.name.lower()}"
    return f"/rendez-vous/{fait.id}?fait={mot}"


def _is_modifiable(dossier: Dossier) -> bool:
    rdv = dossier.rdv
    anonyme = rdv["nature"] is None or rdv["anonymise_a"] is not None
    return not anonyme and possible(rdv, Action.MODIFIER, dossier.contexte, clock.now())


def fill(rdv: Mapping[str, Any]) -> Saisie:
    """The form as the RDV is."""
    naissance, telephones = rdv["date_naissance"], [*(rdv["telephones"] or ()), "", ""]
    simples = [champ for champ in AFFICHES if champ not in ("date_naissance", "telephone1", "telephone2")]
    return Saisie(
        {
            **{champ: rdv[champ] or "" for champ in simples},
            "date_naissance": f"{naissance:%d/%m/%Y}" if naissance else "",
            "telephone1": national(telephones[0]),
            "telephone2": national(telephones[1]),
        }
    )


def parse(saisie: Saisie, contexte: ServiceContexte, maintenant: Any) -> Modification:
    """What is asked: the checks of the booking form. Raises SaisieInvalide with every wrong field."""
    aujourdhui = maintenant.astimezone(contexte.zone).date()
    usager, erreurs = parse_usager(
        saisie.champs, departement=contexte.departement, aujourdhui=aujourdhui, par_agent=True
    )
    precision = parse_precision(saisie.champs, erreurs, par_agent=True)
    note = read_note(saisie, erreurs)
    message = read_note(saisie, erreurs, "message_usager")
    check(erreurs)
    return Modification(usager, precision, note, message)


def _explain(refus: AppError, saisie: Saisie, dossier: Dossier) -> Reponse:
    retour = explain(refus)
    fini = isinstance(refus, TransitionImpossible)
    stale = isinstance(refus, Conflit) and not fini
    return Reponse(retour, tuple(_list_differences(saisie, dossier)) if stale else (), fini)


def _list_differences(saisie: Saisie, dossier: Dossier) -> list[tuple[str, str]]:
    """What is now recorded where something else was typed: (field, value) in words."""
    rdv = dossier.rdv
    voulu = parse(saisie, dossier.contexte, clock.now())  # it was read already: no error is left
    champs = [*find_changements(rdv, voulu.usager), *(c for c in _TEXTES if getattr(voulu, c) != rdv[c])]
    actuel = {**fill(rdv).champs, "telephones": ", ".join(national(t) for t in rdv["telephones"] or ())}
    return [(MOTS[champ], actuel[champ] or "(vide)") for champ in champs]


def _render(
    request: Request[Any, Any, Any],
    acteur: Acteur,
    acces: Acces,
    dossier: Dossier,
    saisie: Saisie,
    vu: Vu,
    reponse: Reponse,
) -> Response[Any]:
    maintenant = clock.now()
    contexte, rdv, retour = dossier.contexte, dossier.rdv, reponse.retour
    stale = retour.statut == 409 and not reponse.fini
    ctx = {
        **dossier.entete(acteur, maintenant),
        "direct": True,
        "titre": ("Erreur – " if retour.erreurs else "") + "Modifier le rendez-vous",
        "fil": [
            {"libelle": "Tableau de bord", "url": "/agent"},
            {"libelle": "Agenda du service", "url": dossier.agenda},
            {"libelle": f"Rendez-vous {rdv['code']}", "url": f"/rendez-vous/{rdv['id']}"},
            {"libelle": "Modifier", "url": ""},
        ],
        "rdv": rdv,
        "nom": nom_agenda(rdv),
        "quand": f"{jour_long(rdv['jour'])} à {heure(rdv['debut'], contexte.zone)}",
        "saisi": {**dict.fromkeys((*AFFICHES, "retour"), ""), **saisie.champs},
        "r": retour,
        "fini": reponse.fini,
        "changements": list_changements(dossier, vu) if stale else [],
        "differences": reponse.differences,
        # Once the refusal has told what changed, the form is about what is recorded now.
        "vu": Vu.of(dossier) if stale else vu,
        "region": render_changements(request, acces, dossier, Vu.of(dossier) if stale else vu),
        "url": f"/rendez-vous/{rdv['id']}",
        "adresse": f"/rendez-vous/{rdv['id']}/modifier",
    }
    return page(request, "booking/agents/modifier.html", ctx, statut=retour.statut)


ROUTES = [show_modification, do_modifier]
