"""The perimeters that an agent steers, widest first, and one of them with its name [G 2.3.2]."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import AccesRefuse

HORS_PERIMETRE: Final = "Ce périmètre n’existe pas parmi ceux que vous pilotez."
#: Kinds of perimeter, widest first, and what a list of them is called.
GENRES: Final = {
    "nation": "Nation",
    "interregion": "Interrégions",
    "departement": "Départements",
    "service": "Services",
}


@dataclass(frozen=True, slots=True)
class Perimetre:
    """A steering perimeter as written in addresses and subjects (``departement-58``), and its name."""

    cle: str
    genre: str
    libelle: str


@dataclass(frozen=True, slots=True)
class PerimetreSuivi:
    """A perimeter being looked at, and the identity of the database that its versions belong to."""

    perimetre: Perimetre
    epoque: str


#: Services of a département that is steered whole are reached through its table.
_LISTE: Final = text(
    """
    SELECT a.perimetre, split_part(a.perimetre, '-', 1) AS genre,
           coalesce(s.libelle, d.nom || ' (' || d.code || ')', i.nom, 'France entière') AS libelle
      FROM acces_pilotage a
      LEFT JOIN service_fiscal s ON a.perimetre = 'service-' || s.id
      LEFT JOIN departement d ON a.perimetre = 'departement-' || d.code
      LEFT JOIN interregion i ON a.perimetre = 'interregion-' || i.id
     WHERE a.agent_id = :agent
       AND NOT EXISTS (SELECT 1 FROM acces_pilotage b
                        WHERE b.agent_id = a.agent_id AND b.perimetre = 'departement-' || s.departement)
     ORDER BY array_position(ARRAY['nation', 'interregion', 'departement', 'service'],
                             split_part(a.perimetre, '-', 1)),
           d.code, libelle, a.perimetre
    """
)
_UN: Final = text(
    """
    SELECT a.perimetre, split_part(a.perimetre, '-', 1) AS genre,
           coalesce(s.libelle, d.nom || ' (' || d.code || ')', i.nom, 'France entière') AS libelle, e.valeur AS epoque
      FROM acces_pilotage a CROSS JOIN epoque e
      LEFT JOIN service_fiscal s ON a.perimetre = 'service-' || s.id
      LEFT JOIN departement d ON a.perimetre = 'departement-' || d.code
      LEFT JOIN interregion i ON a.perimetre = 'interregion-' || i.id
     WHERE a.agent_id = :agent AND a.perimetre = :perimetre
    """
)


async def list_perimetres(conn: AsyncConnection, agent_id: int) -> list[Perimetre]:
    """Every perimeter of the agent, widest first; a service only when no steered département holds it."""
    lignes = await conn.execute(_LISTE, {"agent": agent_id})
    return [Perimetre(ligne.perimetre, ligne.genre, ligne.libelle) for ligne in lignes]


async def read_perimetre(conn: AsyncConnection, agent_id: int, cle: str) -> PerimetreSuivi:
    """The perimeter, when the agent may read it. Raises AccesRefuse: unknown and not his are the same answer."""
    ligne = None
    if len(cle) <= 80 and cle.isascii() and cle.isprintable():
        ligne = (await conn.execute(_UN, {"agent": agent_id, "perimetre": cle})).one_or_none()
    if ligne is None:
        raise AccesRefuse(HORS_PERIMETRE)
    return PerimetreSuivi(Perimetre(ligne.perimetre, ligne.genre, ligne.libelle), ligne.epoque)
