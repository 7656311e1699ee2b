"""Who is responsible for the data, on which ground, for how long, to whom one writes: parameters of the nation."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.parametres import resolve
from app.tables import Parametre

CLES: Final = ("responsable_traitement", "delegue_donnees", "base_legale", "conservation_jours")


@dataclass(frozen=True, slots=True)
class Notice:
    """As the nation has written it; days after the RDV for the retention."""

    responsable: str
    delegue: str
    base_legale: str
    conservation_jours: int

    def to_json(self) -> dict[str, Any]:
        """As an object."""
        return asdict(self)


async def read_notice(conn: AsyncConnection) -> Notice:
    """The values that apply."""
    brut = await conn.execute(
        select(Parametre.cle, Parametre.valeur).where(Parametre.cle.in_(CLES), Parametre.service_id.is_(None))
    )
    resolues = resolve({ligne.cle: ligne.valeur for ligne in brut})
    responsable, delegue, base_legale, jours = (resolues[cle].nationale for cle in CLES)
    assert isinstance(jours, int)
    return Notice(str(responsable), str(delegue), str(base_legale), jours)
