"""What may be done with a RDV now, in the order in which it is: presence first, then what the agenda allows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from app.booking.agents.acces import Acces
from app.booking.contexte import ServiceContexte
from app.booking.messages import Destination
from app.booking.renvoyer import find_refus
from app.domain.horaires import floor_minute
from app.domain.rendez_vous import FINAUX, Action, CauseRefus, Etat, Transition, TransitionRefusee, transition
from app.domain.suite_donnee import refuse_suite

#: Presence, in the order of a visit: action → (path, label, event of the wire, icon, key).
PRESENCES: Final[Mapping[Action, tuple[str, str, str, str, str]]] = {
    Action.MARQUER_ARRIVEE: ("arrivee", "Arrivé", "rdv.arrive", "map-pin-user-line", "a"),
    Action.APPELER: ("appel", "Appeler", "rdv.appele", "notification-3-line", ""),
    Action.RECEVOIR: ("reception", "Recevoir", "rdv.recu", "user-line", ""),
    Action.TERMINER: ("fin", "Terminer", "rdv.termine", "check-line", ""),
    Action.MARQUER_NON_VENU: ("absence", "Pas venu", "rdv.non_honore", "close-line", ""),
    Action.ANNULER_ARRIVEE: (
        "arrivee/annulation", "Annuler l’arrivée", "rdv.arrivee_annulee", "arrow-go-back-line", "a",
    ),
}  # fmt: skip
FIGEE: Final = "La présence est figée depuis le lendemain du rendez-vous : elle ne se corrige plus."


def _issue(rdv: Mapping[str, Any], action: Action, contexte: ServiceContexte, maintenant: datetime) -> Any:
    return transition(
        rdv["etat"],
        action,
        jour_rdv=rdv["jour"],
        jour_local_courant=maintenant.astimezone(contexte.zone).date(),
        heure_a_venir=None,  # the page's clock shows « Pas venu » at that hour
        a_distance=rdv["type_rdv"] != "guichet",
        jour_cible=rdv["jour"],  # somebody who has arrived is moved within the day
    )


def possible(rdv: Mapping[str, Any], action: Action, contexte: ServiceContexte, maintenant: datetime) -> bool:
    """True when the rules let that action change the RDV now."""
    return isinstance(_issue(rdv, action, contexte, maintenant), Transition)


def list_presences(
    rdv: Mapping[str, Any], acces: Acces, contexte: ServiceContexte, maintenant: datetime, url: str
) -> list[dict[str, Any]]:
    """The one-click changes of presence, for who receives; the first one is the one to press."""
    actions = [a for a in PRESENCES if acces.recoit and possible(rdv, a, contexte, maintenant)]
    return [
        {
            "url": f"{url}/{PRESENCES[action][0]}?retour={url}",
            "libelle": PRESENCES[action][1],
            "evenement": PRESENCES[action][2],
            "icone": PRESENCES[action][3],
            "touche": PRESENCES[action][4],
            "principal": rang == 0,
            "des": _find_des(rdv, action),
        }
        for rang, action in enumerate(actions)
    ]


def _find_des(rdv: Mapping[str, Any], action: Action) -> str:
    """The epoch minute from which the button shows, "" when it always does: nobody is absent before his hour."""
    attendu = action is Action.MARQUER_NON_VENU and rdv["etat"] == "prevu"
    return str(floor_minute(rdv["debut"])) if attendu else ""


def find_figee(rdv: Mapping[str, Any], acces: Acces, contexte: ServiceContexte, maintenant: datetime) -> str:
    """The sentence said from the next day on to who would correct the presence, "" otherwise."""
    if not acces.recoit or rdv["etat"] == Etat.ANNULE:
        return ""
    issue = _issue(rdv, Action.ANNULER_ARRIVEE, contexte, maintenant)
    return FIGEE if isinstance(issue, TransitionRefusee) and issue.cause is CauseRefus.FIGE else ""


def list_gestes(
    rdv: Mapping[str, Any], acces: Acces, contexte: ServiceContexte, maintenant: datetime, url: str
) -> list[dict[str, str]]:
    """The pages of what the agenda allows, the most used first. ``touche``: the key that opens it."""
    etat = Etat(rdv["etat"])
    vif = not acces.confie and rdv["anonymise_a"] is None

    def may(action: Action) -> bool:
        return possible(rdv, action, contexte, maintenant)

    gestes = (
        (vif and may(Action.REPLANIFIER), "deplacer", "Déplacer", "calendar-event-line", "d"),
        (vif and may(Action.REPLANIFIER), "echanger", "Échanger", "arrow-left-right-line", "x"),
        (vif and may(Action.MODIFIER), "modifier", "Modifier", "edit-line", "e"),
        (may(Action.ANNULER) and etat is Etat.PREVU, "contre-appel", "Contre-appel", "phone-line", "c"),
        (vif and refuse_suite(etat) is None, "suite", "Suite donnée", "draft-line", "s"),
        (refuse_suite(etat) is None, "fiche-visite", "Fiche de visite", "printer-line", "f"),
        (vif and etat not in FINAUX, "affectation", "Affecter des agents", "user-add-line", "g"),
        (may(Action.ANNULER), "annuler", "Annuler le rendez-vous", "close-circle-line", ""),
    )
    return [
        {"url": f"{url}/{chemin}", "libelle": libelle, "icone": icone, "touche": touche, "chemin": chemin}
        for montre, chemin, libelle, icone, touche in gestes
        if montre
    ]


def find_renvoi(rdv: Mapping[str, Any], acces: Acces, ou: Destination | None, maintenant: datetime, url: str) -> str:
    """Where to post to send the confirmation again, "" when there is nothing to send or nowhere to."""
    if acces.confie or ou is None or find_refus(rdv["etat"], rdv["fin"], maintenant):
        return ""
    return f"{url}/confirmation?retour={url}"


def find_lettre(rdv: Mapping[str, Any], maintenant: datetime, url: str) -> str:
    """The letter of confirmation, "" when there is nothing to confirm any more."""
    return "" if find_refus(rdv["etat"], rdv["fin"], maintenant) else f"{url}/lettre"
