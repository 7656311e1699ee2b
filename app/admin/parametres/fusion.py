"""One form for many values, two administrators at once: each value is judged apart, none is lost in silence.

The form carries what it showed (hidden field ``vu``, JSON). A value left as it was shown is not a choice: whatever it
became meanwhile stays. One that was changed here and elsewhere is a conflict, told with both versions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.admin.chantier import ConflitEdition, to_json
from app.errors import SaisieInvalide
from app.tables import Agent, Journal

#: A form of a thousand values stays far below it.
_TAILLE_MAX: Final = 200_000


@dataclass(slots=True)
class Fusion:
    """``changes``: key → value to write. ``conflits``: key → what somebody else recorded meanwhile."""

    changes: dict[str, Any] = field(default_factory=dict)
    conflits: dict[str, Any] = field(default_factory=dict)


def merge(vu: Mapping[str, Any], saisi: Mapping[str, Any], actuel: Mapping[str, Any]) -> Fusion:
    """What to write of ``saisi``, given what the form showed and what is recorded now. All JSON values."""
    fusion = Fusion()
    for cle, valeur in saisi.items():
        vue, enregistree = vu.get(cle), actuel.get(cle)
        if valeur in (vue, enregistree) and _same_kind(valeur, vue, enregistree):
            continue
        if enregistree != vue:
            fusion.conflits[cle] = enregistree
        else:
            fusion.changes[cle] = valeur
    return fusion


def _same_kind(valeur: Any, vue: Any, enregistree: Any) -> bool:
    """Python says that 1 == True; a form does not."""
    return any(type(valeur) is type(autre) and valeur == autre for autre in (vue, enregistree))


def write_vu(valeurs: Mapping[str, Any]) -> str:
    """What the form shows, for its hidden field."""
    return json.dumps(dict(valeurs), ensure_ascii=False, separators=(",", ":"))


def read_vu(brut: str) -> dict[str, Any]:
    """The same, come back. Raises SaisieInvalide when it is not what the page wrote."""
    try:
        lu = json.loads(brut) if len(brut) <= _TAILLE_MAX else None
    except (ValueError, RecursionError):
        lu = None
    if not isinstance(lu, dict):
        raise SaisieInvalide("Ce formulaire est incomplet.", remede="Rouvrez la page, puis recommencez.")
    return lu


async def build_conflit(
    conn: AsyncConnection, objet: str, service_id: int | None, actuel: Mapping[str, Any]
) -> ConflitEdition:
    """The refusal of a stale form: what is recorded now, by whom and since when."""
    derniere = (
        await conn.execute(
            select(Journal.a, Agent.prenom, Agent.nom)
            .outerjoin(Agent, Agent.id == Journal.agent_id)
            .where(Journal.objet == objet, Journal.service_id.is_not_distinct_from(service_id))
            .order_by(Journal.id.desc())
            .limit(1)
        )
    ).one_or_none()
    par, a = ("", None) if derniere is None else (f"{derniere.prenom or ''} {derniere.nom or ''}".strip(), derniere.a)
    return ConflitEdition(actuel=to_json(actuel), par=par, a=a.isoformat() if a else "")
