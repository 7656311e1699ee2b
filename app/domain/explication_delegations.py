"""What a delegation has to do with a day without créneau: over, not yet, full, closed elsewhere, or free elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from app.domain.delegation import Delegation
from app.domain.raisons import Raison


@dataclass(frozen=True, slots=True)
class OffreAilleurs:
    """What the other service offers that day under a delegation: distinct créneaux, or why none (``raison``)."""

    libres: int = 0
    raison: str = ""
    #: The day's quota is reached: nothing else closes it.
    complet: bool = False


@dataclass(frozen=True, slots=True)
class ExplicationDelegation:
    """One delegation of the motif, in a sentence. ``libres``: créneaux offered that day at ``libelle``."""

    delegation_id: int
    libelle: str
    phrase: str
    libres: int = 0
    raison: Raison | None = None


def is_offerte(delegation: Delegation, motif_id: int, jour: date, aujourdhui: date) -> bool:
    """True when the other service may have créneaux that day: its grid is then to be read."""
    return delegation.is_vivante(aujourdhui) and delegation.accepts(motif_id, jour)


def explain_confiee(
    delegation: Delegation, jour: date, aujourdhui: date, offre: OffreAilleurs, *, service_ouvert: bool
) -> ExplicationDelegation:
    """A delegation given by the service asked about. ``offre`` is read only on its days.

    ``service_ouvert``: usagers may enter the service's journey, where the other place is a choice.
    """
    autre, ident = delegation.libelle_delegue, delegation.id
    if not delegation.is_vivante(aujourdhui):
        phrase = f"La délégation à {autre} est terminée depuis le {_jour(delegation.au)} : le motif est revenu ici."
        return ExplicationDelegation(ident, autre, phrase, raison=Raison.PASSE)
    if not delegation.du <= jour <= delegation.au:
        phrase = f"La délégation à {autre} ne couvre pas ce jour : {_periode(delegation)}."
        return ExplicationDelegation(ident, autre, phrase, raison=Raison.MOTIF_NON_PROPOSE)
    if not service_ouvert:
        phrase = f"Ce motif est confié à {autre}, mais ce service, par lequel on y arrive, n’est pas ouvert en ligne."
        return ExplicationDelegation(ident, autre, phrase, raison=Raison.SERVICE_FERME)
    if offre.complet:
        quota = delegation.quota_jour or 0
        pris = f"les {quota} rendez-vous" if quota > 1 else "le seul rendez-vous"
        verbe = "sont pris" if quota > 1 else "est pris"
        phrase = f"La délégation à {autre} est complète ce jour-là : {pris} qu’elle permet {verbe}."
        return ExplicationDelegation(ident, autre, phrase, raison=Raison.COMPLET)
    if offre.libres:
        return ExplicationDelegation(
            ident, autre, f"{_creneaux(offre.libres)} à {autre}, par délégation.", offre.libres
        )
    phrase = f"Ce motif est confié à {autre}, qui n’a rien à proposer ce jour-là : {offre.raison or 'complet'}."
    return ExplicationDelegation(ident, autre, phrase, raison=Raison.COMPLET)


def explain_recue(delegation: Delegation, jour: date, aujourdhui: date, pris: int) -> ExplicationDelegation:
    """A delegation received by the service asked about: whose usagers come, and what is left of the day's quota."""
    autre, ident = delegation.libelle, delegation.id
    if not delegation.is_vivante(aujourdhui):
        phrase = f"La délégation reçue de {autre} est terminée depuis le {_jour(delegation.au)}."
        return ExplicationDelegation(ident, autre, phrase, raison=Raison.PASSE)
    if not delegation.du <= jour <= delegation.au:
        phrase = f"La délégation reçue de {autre} ne couvre pas ce jour : {_periode(delegation)}."
        return ExplicationDelegation(ident, autre, phrase, raison=Raison.MOTIF_NON_PROPOSE)
    if delegation.quota_jour is not None and pris >= delegation.quota_jour:
        phrase = (
            f"Les usagers de {autre} ont pris tout ce que sa délégation permet ce jour-là ({delegation.quota_jour})."
        )
        return ExplicationDelegation(ident, autre, phrase, raison=Raison.COMPLET)
    reste = "" if delegation.quota_jour is None else f" ({pris} pris sur {delegation.quota_jour} ce jour-là)"
    phrase = f"Les usagers de {autre} peuvent prendre ce motif ici, par délégation{reste}."
    return ExplicationDelegation(ident, autre, phrase)


def _jour(jour: date) -> str:
    return f"{jour:%d/%m/%Y}"


def _periode(delegation: Delegation) -> str:
    return f"elle vaut du {_jour(delegation.du)} au {_jour(delegation.au)} inclus"


def _creneaux(nombre: int) -> str:
    return f"{nombre} créneaux proposés" if nombre > 1 else "1 créneau proposé"
