"""From the domain's refusals, which are values, to the errors that routes answer with."""

from __future__ import annotations

from typing import NoReturn

from app.domain.calendrier import Fenetre
from app.domain.creneaux import PHRASES
from app.domain.droits import Refuse
from app.domain.raisons import Raison
from app.errors import AppError, CreneauPris, Interdit, Introuvable, RegleRefusee

_STATUTS: dict[str, type[AppError]] = {
    "regle": RegleRefusee,
    "interdit": Interdit,
    "conflit": CreneauPris,
    "introuvable": Introuvable,
}
_PHRASES: dict[Raison, str] = {
    Raison.SERVICE_FERME: "Ce service ne propose pas de prise de rendez-vous pour le moment.",
    Raison.DUREE_NON_MODIFIABLE: "La durée est fixée par le service : elle ne peut pas être modifiée.",
    Raison.HORS_GRILLE: "Cet horaire n’est pas proposé : choisissez un créneau de la liste.",
}


def raise_refus(refus: Refuse) -> NoReturn:
    """Raise the AppError of a decision, tied to its form field when it has one."""
    champs = {refus.champ: refus.phrase} if refus.champ else None
    if refus.statut == "conflit":
        raise CreneauPris(champs=champs, raison=refus.raison.value)
    raise _STATUTS[refus.statut](refus.phrase, champs=champs, raison=refus.raison.value)


def raise_raison(raison: Raison, fenetre: Fenetre | None = None) -> NoReturn:
    """Raise the AppError of a reason why there is no créneau: 409 when taken, 403 for a duration, else 422."""
    if raison in (Raison.COMPLET, Raison.CHEVAUCHEMENT):
        raise CreneauPris(raison=raison.value)
    courte = fenetre.phrase(raison) if fenetre is not None else PHRASES[raison]
    phrase = _PHRASES.get(raison, f"Ce rendez-vous n’est pas possible : {courte}.")
    if raison is Raison.DUREE_NON_MODIFIABLE:
        raise Interdit(phrase, raison=raison.value)
    raise RegleRefusee(phrase, champs={"debut": phrase}, raison=raison.value)
