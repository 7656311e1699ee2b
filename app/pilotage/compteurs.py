"""The day's live counters, and the version they belong to [domain « Pilotage »].

A perimeter's version is the sum of its services' agenda versions: it rises with every event, never falls, and is read
in the same statement as the counters, so that a screen can tell an older frame from its own state.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

#: States shown, in the order of a visit.
ETATS: Final = ("prevu", "arrive", "appele", "recu", "termine", "non_honore", "annule")


@dataclass(frozen=True, slots=True)
class Compteurs:
    """RDV of the day by state over a perimeter, each service in its own local day, at ``version``."""

    perimetre: str
    version: int
    par_etat: dict[str, int]

    def to_frame(self, a: datetime) -> dict[str, object]:
        """The ``compteurs`` frame: counts by state, the version, the instant."""
        return {
            "type": "compteurs",
            "sujet": f"pilotage:{self.perimetre}",
            "version": self.version,
            "a": a.isoformat(),
            **{etat: self.par_etat.get(etat, 0) for etat in ETATS},
        }


_FILTRES: Final = {
    "service": "s.id = CAST(CAST(:valeur AS text) AS bigint)",
    "departement": "s.departement = :valeur",
    "interregion": "d.interregion_id = CAST(CAST(:valeur AS text) AS bigint)",
    "nation": "TRUE",
}


def split_perimetre(perimetre: str) -> tuple[str, str]:
    """(kind, value) of ``service-12``, ``departement-58``, ``interregion-3`` or ``nation``. Raises ValueError."""
    genre, _, valeur = perimetre.partition("-")
    if genre not in _FILTRES or (genre == "nation") != (valeur == ""):
        raise ValueError(f"unknown perimeter {perimetre!r}")
    if genre in ("service", "interregion") and not valeur.isdecimal():
        raise ValueError(f"unknown perimeter {perimetre!r}")
    return genre, valeur


async def read_compteurs(conn: AsyncConnection, perimetre: str, maintenant: datetime) -> Compteurs:
    """Version and counters of one perimeter, in one statement (one snapshot)."""
    genre, valeur = split_perimetre(perimetre)
    lignes = await conn.execute(
        text(
            f"""
            WITH visee AS (
                SELECT s.id, (CAST(:maintenant AS timestamptz) AT TIME ZONE s.fuseau)::date AS jour
                  FROM service_fiscal s JOIN departement d ON d.code = s.departement
                 WHERE {_FILTRES[genre]}
            )
            SELECT NULL AS etat, coalesce(sum(a.version), 0)::bigint AS nombre
              FROM agenda a JOIN visee v ON v.id = a.service_id
            UNION ALL
            SELECT c.etat, sum(c.nombre)::bigint
              FROM compteur_jour c JOIN visee v ON v.id = c.service_id AND v.jour = c.jour
             GROUP BY c.etat
            """  # noqa: S608 - the filter is one of four constants above
        ),
        {"maintenant": maintenant, **({} if genre == "nation" else {"valeur": valeur})},
    )
    version, par_etat = 0, {}
    for etat, nombre in lignes:
        if etat is None:
            version = nombre
        else:
            par_etat[etat] = nombre
    return Compteurs(perimetre, version, par_etat)


async def perimetres_of(conn: AsyncConnection, services: Iterable[int]) -> set[str]:
    """Every perimeter that contains one of these services."""
    lignes = await conn.execute(
        text(
            "SELECT s.id, s.departement, d.interregion_id FROM service_fiscal s"
            " JOIN departement d ON d.code = s.departement WHERE s.id = ANY(CAST(:ids AS bigint[]))"
        ),
        {"ids": list(services)},
    )
    trouves: set[str] = set()
    for service_id, departement, interregion_id in lignes:
        trouves |= {f"service-{service_id}", f"departement-{departement}", "nation"}
        if interregion_id is not None:
            trouves.add(f"interregion-{interregion_id}")
    return trouves
