"""Every place of the directory at once, for an import: by SAGES, by code, by name."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.admin.comptes.droits import TOUTE_LA_NATION, Endroit, endroit_service, select_services
from app.domain.attribution import Genre, Lieu
from app.tables import Departement, Interregion


@dataclass(frozen=True, slots=True)
class Lieux:
    """Places as operators write them."""

    services: dict[str, Endroit]
    departements: dict[str, Endroit]
    interregions: dict[str, Endroit]

    def find(self, perimetre: str) -> Endroit | None:
        """``nation``, ``departement:58``, ``interregion:Centre-Est`` or ``service:5800450`` (SAGES), or None."""
        genre, _, cle = perimetre.partition(":")
        match genre.strip().lower():
            case "nation" if not cle:
                return TOUTE_LA_NATION
            case "service":
                return self.services.get(cle.strip())
            case "departement":
                return self.departements.get(cle.strip().upper())
            case "interregion":
                return self.interregions.get(cle.strip())
            case _:
                return None


async def read_all_lieux(conn: AsyncConnection) -> Lieux:
    """Three statements, whatever the number of places."""
    services = {ligne.sages: endroit_service(ligne) for ligne in await conn.execute(select_services()) if ligne.sages}
    departements = {
        code: Endroit(Lieu(Genre.DEPARTEMENT, code, "", str(interregion or "")), f"{nom} ({code})")
        for code, nom, interregion in await conn.execute(
            select(Departement.code, Departement.nom, Departement.interregion_id)
        )
    }
    interregions = {
        nom: Endroit(Lieu(Genre.INTERREGION, str(ident)), nom)
        for ident, nom in await conn.execute(select(Interregion.id, Interregion.nom))
    }
    return Lieux(services, departements, interregions)
