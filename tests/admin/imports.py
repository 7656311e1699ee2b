"""What the tests of the imports share: a database with its reference data, files written on the spot, the real data."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import text

from app.admin.annuaire import import_communes as communes
from app.admin.annuaire import import_competences as competences
from app.admin.annuaire import lignes as services
from app.admin.annuaire.bilan import Bilan
from app.admin.annuaire.import_services import import_services
from app.admin.annuaire.lecture import read_table
from app.admin.annuaire.reference import install_reference
from app.booking.outils import Outils
from app.config import RACINE
from app.db import UnitOfWork

DONNEES: Final = RACINE / "tests" / "donnees"
#: The public directories of the State, where somebody has put them: 3,826 services, 35,014 communes.
VRAIES: Final = Path(os.environ.get("ACCUEIL_DONNEES") or RACINE.parent / "shared" / "data")
MAINTENANT: Final = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


async def install(outils: Outils) -> None:
    """The reference data, as ``accueil migrate`` installs it."""

    async def travail(uow: UnitOfWork) -> None:
        await install_reference(uow.conn)

    await outils.db.transaction(travail)


async def load_services(outils: Outils, fichier: Path, domaine: str = "") -> Bilan:
    """Import a file of services."""
    table = read_table(fichier, services.COLONNES, services.REQUISES, une_de=services.CLES)
    return await import_services(outils.db, table, MAINTENANT, domaine=domaine, fichier=fichier.name)


async def load_communes(outils: Outils, fichier: Path) -> Bilan:
    """Import a file of communes."""
    table = read_table(fichier, communes.COLONNES, communes.REQUISES)
    return await communes.import_communes(outils.db, table, MAINTENANT, fichier=fichier.name)


async def load_competences(outils: Outils, fichier: Path) -> Bilan:
    """Import a file of competences."""
    table = read_table(fichier, competences.COLONNES, competences.REQUISES, une_de=competences.UNE_DE)
    return await competences.import_competences(outils.db, table, MAINTENANT, fichier=fichier.name)


async def rows(outils: Outils, requete: str, **parametres: Any) -> list[dict[str, Any]]:
    """Rows read by plain SQL."""
    async with outils.db.read() as conn:
        return [dict(ligne) for ligne in (await conn.execute(text(requete), parametres)).mappings()]


async def service(outils: Outils, reference: str) -> dict[str, Any]:
    """One imported service, by its reference."""
    (ligne,) = await rows(outils, "SELECT * FROM service_fiscal WHERE reference_externe = :r", r=reference)
    return ligne
