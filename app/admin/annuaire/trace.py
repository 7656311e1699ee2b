"""What an import tells while it works, and the journal row that it leaves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from app.admin.annuaire.bilan import Bilan
from app.db import Database, UnitOfWork
from app.journal import write_journal

#: Called with the number of lines just done.
Avance = Callable[[int], None]


async def journal_import(db: Database, quoi: str, fichier: str, bilan: Bilan, maintenant: datetime) -> None:
    """One row says that a file was imported, with its counts."""

    async def travail(uow: UnitOfWork) -> None:
        await write_journal(
            uow.conn,
            a=maintenant,
            acteur="systeme",
            action=f"annuaire.{quoi}_importe",
            origine="import",
            objet="annuaire",
            apres={"fichier": fichier, **bilan.count()},
        )

    await db.transaction(travail)
