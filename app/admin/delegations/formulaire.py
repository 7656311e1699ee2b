"""The form of a proposal: motifs of the service, two dates, perhaps a number a day, a message."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from app.admin.delegations.lecture import DelegationLue
from app.admin.guichets.formulaire import check_champs, list_cochables
from app.admin.saisie import Saisie
from app.booking.contexte import MotifOffert
from app.domain.vie_delegation import QUOTA_MAX, explain_dates
from app.web.securite import CHAMP_CSRF

MESSAGE_MAX: Final = 1000
#: No date was read: the form is refused, whatever else it holds.
_JAMAIS: Final = date.min
_CHAMPS: Final = frozenset({CHAMP_CSRF, "vers", "motif", "du", "au", "quota_jour", "message", "revision"})


@dataclass(frozen=True, slots=True)
class Valeurs:
    """What a proposal asks for. Both dates are included; ``quota_jour`` None: no limit."""

    motifs: tuple[int, ...]
    du: date
    au: date
    quota_jour: int | None
    message: str


def parse(saisie: Saisie, motifs: Mapping[int, MotifOffert], aujourdhui: date, deja: tuple[int, ...] = ()) -> Valeurs:
    """Read the form; refusals are kept in ``saisie``. ``motifs``: the service's own; ``deja``: those proposed."""
    check_champs(saisie, _CHAMPS)
    choisis = saisie.cases("motif", [str(m) for m in list_cochables(motifs, deja)])
    if not choisis:
        saisie.refuse("motif", "Cochez au moins un motif à confier.")
    du = saisie.jour("du", requis="Indiquez le premier jour.")
    au = saisie.jour("au", requis="Indiquez le dernier jour : les motifs reviennent ensuite d’eux-mêmes.")
    quota = saisie.entier("quota_jour", minimum=1, maximum=QUOTA_MAX, unite="rendez-vous")
    if du is not None and au is not None:
        for champ, phrase in explain_dates(du, au, aujourdhui).items():
            saisie.refuse(champ, phrase)
    message = saisie.texte("message", maximum=MESSAGE_MAX, lignes=True)
    return Valeurs(tuple(map(int, choisis)), du or _JAMAIS, au or _JAMAIS, quota, message)


def fill(delegation: DelegationLue | None) -> dict[str, Any]:
    """What the form shows of a proposal as recorded; of a new one when None."""
    if delegation is None:
        return {"motif": frozenset[str](), "du": "", "au": "", "quota_jour": "", "message": ""}
    return {
        "motif": frozenset(map(str, delegation.motifs)),
        "du": delegation.du.isoformat(),
        "au": delegation.au.isoformat(),
        "quota_jour": "" if delegation.quota_jour is None else str(delegation.quota_jour),
        "message": delegation.message,
    }


def refill(saisie: Saisie) -> dict[str, Any]:
    """What was typed, as it was."""
    return {
        "motif": frozenset(saisie.donnees.get("motif", ())),
        **{champ: saisie.brut(champ) for champ in ("du", "au", "quota_jour", "message")},
    }
