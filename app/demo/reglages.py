"""What the demo remembers between two starts: rows of ``parametre`` under names of its own.

The rules of booking ignore parameters they do not know, so nothing of this reaches a real service.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app import clock
from app.tables import Parametre

Rythme = Literal["lent", "normal", "vif"]
RYTHMES: Final[tuple[Rythme, ...]] = get_args(Rythme)
CLE_SIMULATION: Final = "demo.simulation"
CLE_REMPLISSAGE: Final = "demo.remplissage"


@dataclass(frozen=True, slots=True)
class ReglageSimulation:
    """Whether imaginary usagers live their day, and how fast."""

    active: bool = True
    rythme: Rythme = "normal"


async def read_parametre(conn: AsyncConnection, cle: str) -> Any:
    """The value kept under ``cle``, or None."""
    return (
        await conn.execute(select(Parametre.valeur).where(Parametre.cle == cle, Parametre.service_id.is_(None)))
    ).scalar_one_or_none()


async def write_parametre(conn: AsyncConnection, cle: str, valeur: Mapping[str, Any]) -> None:
    """Keep ``valeur`` under ``cle``."""
    ordre = pg_insert(Parametre).values(cle=cle, service_id=None, valeur=dict(valeur), modifie_a=clock.now())
    await conn.execute(
        ordre.on_conflict_do_update(
            index_elements=["cle", "service_id"],
            set_={
                "valeur": ordre.excluded.valeur,
                "modifie_a": ordre.excluded.modifie_a,
                "revision": Parametre.revision + 1,
            },
        )
    )


async def read_simulation(conn: AsyncConnection) -> ReglageSimulation:
    """How the simulation is set; on and at its normal pace until somebody says otherwise."""
    lu = await read_parametre(conn, CLE_SIMULATION)
    if not isinstance(lu, dict):
        return ReglageSimulation()
    rythme = lu.get("rythme")
    return ReglageSimulation(lu.get("active") is not False, rythme if rythme in RYTHMES else "normal")


async def write_simulation(conn: AsyncConnection, reglage: ReglageSimulation) -> None:
    """Set the simulation; its process reads it every second, and after a restart."""
    await write_parametre(conn, CLE_SIMULATION, {"active": reglage.active, "rythme": reglage.rythme})
