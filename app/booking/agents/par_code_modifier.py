"""Correct a RDV reached by its exact code and name: how to join the usager, and the demand [A1, summary table].

Both words are sent and proved with the form, and once more under the lock. The page shows nothing of what is recorded
(``app.booking.retouche``): a refusal shows what was typed.
"""

from __future__ import annotations

from typing import Any, Final

from litestar import post
from litestar.di import NamedDependency
from litestar.response import Response

from app import clock
from app.booking.agents.par_code import (
    Demande,
    Requete,
    answer_refus,
    build_cadre,
    is_modifiable,
    prove_demande,
    read_contexte,
    read_demande,
    render_rdv,
)
from app.booking.agents.par_code_actes import PERDU, read_revision, show_again
from app.booking.contexte import ServiceContexte
from app.booking.modifier import RdvModifie, modify
from app.booking.outils import Outils
from app.booking.par_code import Prouve
from app.booking.retouche import CHAMPS, INDIFFERENT, parse_retouche
from app.booking.usager.confirmation import present_rdv
from app.errors import AppError, Conflit, TransitionImpossible
from app.identite.acteur import Acteur
from app.web.dependances import auteur_agent
from app.web.erreurs import wants_json
from app.web.pages import page

_CHAMPS: Final = frozenset({"faire", "revision", *CHAMPS})
_PLUS: Final = "Ce rendez-vous ne peut plus être modifié d’ici : seul son service peut encore le faire."
_CHANGE: Final = "Ce rendez-vous a changé depuis l’affichage de cette page : rien n’est encore enregistré."
_REVOIR: Final = "Votre saisie est conservée ci-dessous : vérifiez-la avec l’usager, puis enregistrez."
_PREFERENCES: Final = (
    ("", "Ne pas changer"),
    ("matin", "Matin"),
    ("apres-midi", "Après-midi"),
    (INDIFFERENT, "Indifférent"),
)


@post("/agent/rendez-vous/par-code/modifier", status_code=200, include_in_schema=False)
async def correct(request: Requete, outils: NamedDependency[Outils], acteur: NamedDependency[Acteur]) -> Response[Any]:
    """The form, empty; then, confirmed, what was typed is written."""
    demande = await read_demande(request, outils, acteur, _CHAMPS)
    try:
        prouve = await prove_demande(request, outils, acteur, demande, "modifier")
    except PERDU as refus:
        return answer_refus(request, acteur, demande, refus)
    contexte, maintenant = await read_contexte(outils, prouve), clock.now()
    if not is_modifiable(prouve.rdv):
        return render_rdv(request, acteur, demande, prouve, contexte, refus=Conflit(_PLUS))
    if demande.champs.get("faire") != "confirmer":
        return _render(request, acteur, demande, prouve, contexte)
    try:
        revision = read_revision(demande)
        retouche = parse_retouche(demande.champs, prouve.rdv["nature"], contexte, maintenant)
        voulu = await retouche.complete(outils, prouve)
        auteur = auteur_agent(acteur, request)
        rdv_id, titre = prouve.rdv["id"], prouve.titre
        fait = await modify(outils, rdv_id, voulu, auteur, maintenant, revision=revision, titre=titre)
    except TransitionImpossible as refus:
        return await show_again(request, outils, acteur, demande, "modifier", refus=refus)
    except AppError as refus:
        if wants_json(request) or refus.statut not in (409, 422):
            raise
        return await _show_refus(request, outils, acteur, demande, refus)
    return await show_again(request, outils, acteur, demande, "modifier", fait=_tell(fait))


def _tell(fait: RdvModifie) -> tuple[str, str]:
    """What became of it: (title, sentence)."""
    if not fait.change:
        return "Rien n’a changé", "Ce que vous avez saisi était déjà enregistré."
    if fait.envoye:
        return "Rendez-vous modifié", (
            "La confirmation part à la nouvelle adresse ; un lien envoyé à une autre n’ouvre plus rien."
        )
    if fait.retenue is not None:
        return "Rendez-vous modifié", f"La confirmation n’est pas partie. {fait.retenue.value}"
    return "Rendez-vous modifié", "Aucun message ne part : confirmez-le à l’usager."


async def _show_refus(
    request: Requete, outils: Outils, acteur: Acteur, demande: Demande, refus: AppError
) -> Response[Any]:
    """The form again, about the RDV as it is now, with what was typed."""
    try:
        prouve = await prove_demande(request, outils, acteur, demande, "modifier")
    except PERDU as perdu:
        return answer_refus(request, acteur, demande, perdu)
    contexte = await read_contexte(outils, prouve)
    if isinstance(refus, Conflit):
        refus = Conflit(_CHANGE, remede=_REVOIR)
    return _render(request, acteur, demande, prouve, contexte, refus)


def _render(
    request: Requete,
    acteur: Acteur,
    demande: Demande,
    prouve: Prouve,
    contexte: ServiceContexte,
    refus: AppError | None = None,
) -> Response[Any]:
    rdv = prouve.rdv
    # Once a conflict has been told, the form is about what is recorded now; any other refusal keeps what it was about.
    vue = demande.champs.get("revision") if refus and not isinstance(refus, Conflit) else None
    fautes = dict(refus.champs) if refus else {}
    ctx = {
        **build_cadre(acteur, ("Erreur – " if fautes else "") + "Modifier le rendez-vous"),
        **present_rdv(rdv, contexte, clock.now()),
        "dit": {"code": rdv["code"], "nom": demande.nom, "revision": vue or rdv["revision"]},
        "dit_nom": demande.nom,
        "saisi": {champ: demande.champs.get(champ, "") for champ in CHAMPS},
        "entreprise": rdv["nature"] == "professionnel",
        "numeros": rdv["numeros"],
        "preferences": _PREFERENCES,
        "refus": refus,
        "fautes": fautes,
    }
    return page(request, "booking/agents/par_code_modifier.html", ctx, statut=refus.statut if refus else 200)


ROUTES = [correct]
