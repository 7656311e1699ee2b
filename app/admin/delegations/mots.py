"""Delegations in words: states, facts of the history and of two versions, sentences told once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final

from app.domain.vie_delegation import Etape, Obstacle, Reception
from app.web.dates import jour_long

#: Badge (DSFR class, words) of each state.
BADGES: Final[Mapping[Etape, tuple[str, str]]] = {
    Etape.PROPOSEE: ("new", "Proposée"),
    Etape.SANS_REPONSE: ("", "Restée sans réponse"),
    Etape.A_VENIR: ("info", "Acceptée, à venir"),
    Etape.EN_COURS: ("success", "En cours"),
    Etape.TERMINEE: ("", "Terminée"),
    Etape.REFUSEE: ("error", "Refusée"),
    Etape.RETIREE: ("", "Proposition retirée"),
    Etape.ARRETEE: ("", "Arrêtée avant son terme"),
}
#: Fields compared when somebody else decided meanwhile.
LIBELLES: Final[Mapping[str, str]] = {
    "motifs": "Motifs",
    "du": "Du",
    "au": "Au",
    "quota_jour": "Rendez-vous par jour",
    "message": "Message",
    "etat": "État",
}
ETATS: Final[Mapping[str, str]] = {
    "proposee": "proposée",
    "acceptee": "acceptée",
    "refusee": "refusée",
    "retiree": "retirée",
}
#: Sentences told once after a redirection, by key.
FAITS: Final[Mapping[str, str]] = {
    "proposee": "La délégation est proposée : les responsables de l’autre service sont prévenus et y répondent.",
    "corrigee": "La proposition est corrigée : les responsables de l’autre service sont prévenus.",
    "inchangee": "Rien n’avait changé : la proposition est restée telle quelle.",
    "acceptee": "La délégation est acceptée : à ses dates, les usagers pourront choisir votre service.",
    "refusee": "La délégation est refusée : l’autre service est prévenu.",
    "retiree": "La proposition est retirée.",
    "arretee": "La délégation est arrêtée : plus aucun rendez-vous ne peut être pris par elle.",
    "arretee_rdv": "La délégation est arrêtée : plus aucun rendez-vous ne peut être pris par elle. Ceux qui l’étaient "
    "déjà restent prévus au service qui les reçoit.",
}
_OBSTACLES: Final[Mapping[Obstacle, str]] = {
    Obstacle.AUCUN_GUICHET: "Aucun : ce service n’a pas de guichet.",
    Obstacle.GUICHETS_FERMES: "Aucun : tous les guichets sont fermés.",
    Obstacle.INTERNET: "Aucun : pas de guichet ouvert aux usagers par internet.",
    Obstacle.MOTIF: "Aucun : les guichets ouverts aux usagers sont réservés à d’autres motifs.",
    Obstacle.TYPE: "Aucun : les guichets qui prennent ce motif n’acceptent aucun type de rendez-vous possible ici.",
}
SANS_QUOTA: Final = "Sans limite"


def jour_chiffres(jour: date) -> str:
    """« 23/11/2026 »."""
    return f"{jour:%d/%m/%Y}"


def dire_periode(du: date, au: date) -> str:
    """« le lundi 23 novembre 2026 » or « du lundi 23 novembre 2026 au … », both included."""
    if du == au:
        return f"le {jour_long(du)}"
    return f"du {jour_long(du)} au {jour_long(au)}"


def dire_quota(quota: int | None) -> str:
    """« 6 par jour » or « Sans limite »."""
    return SANS_QUOTA if quota is None else f"{quota} par jour au plus"


def dire_reception(reception: Reception) -> str:
    """« Guichet 1, Guichet 2 », or why none."""
    if reception.obstacle is not None:
        return _OBSTACLES[reception.obstacle]
    return ", ".join(reception.guichets)


def build_faits(
    nom: str, motifs: Iterable[str], du: date, au: date, quota: int | None, message: str, etat: str
) -> dict[str, Any]:
    """A delegation in words, for its history and for two versions side by side."""
    return {
        "nom": nom,
        "motifs": ", ".join(motifs),
        "du": jour_chiffres(du),
        "au": jour_chiffres(au),
        "quota_jour": dire_quota(quota),
        "message": message,
        "etat": ETATS[etat],
    }
