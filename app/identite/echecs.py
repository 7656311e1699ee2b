"""Failed sign-ins of accounts that do not exist: a trace of each attack, never a flood.

What is typed as an account is sometimes a password: the journal keeps its keyed print alone. A process writes at most
``PAR_ADRESSE`` lines a minute for one address and ``EN_TOUT`` in all; the next line says how many were left out.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Final

from app.config import Settings
from app.db import Database, UnitOfWork
from app.identite.empreintes import print_critere
from app.journal import write_journal

PAR_ADRESSE: Final = 10
EN_TOUT: Final = 60
_PERIODE: Final = timedelta(minutes=1)


class Debit:
    """How many lines may still be written in the present minute, and how many were not."""

    def __init__(self, par_adresse: int = PAR_ADRESSE, en_tout: int = EN_TOUT) -> None:
        self._par_adresse, self._en_tout = par_adresse, en_tout
        self._debut: datetime | None = None
        self._ecrites: Counter[str] = Counter()
        self._omises = 0

    def take(self, adresse: str, a: datetime) -> int | None:
        """The number left out since the last line when one may be written now, None when it may not."""
        if self._debut is None or not self._debut <= a < self._debut + _PERIODE:
            self._debut = a
            self._ecrites.clear()
        if self._ecrites[adresse] >= self._par_adresse or self._ecrites.total() >= self._en_tout:
            self._omises += 1
            return None
        self._ecrites[adresse] += 1
        omises, self._omises = self._omises, 0
        return omises


_debit = Debit()


async def record_inconnu(db: Database, settings: Settings, compte: str, adresse: str | None, a: datetime) -> None:
    """Journal a failed sign-in of an account that does not exist, within the bounds above."""
    omises = _debit.take(adresse or "", a)
    if omises is None:
        return
    faits = {"compte": print_critere(settings, "compte", compte)} | ({"omises": omises} if omises else {})

    async def travail(uow: UnitOfWork) -> None:
        await write_journal(uow.conn, a=a, acteur="inconnu", action="connexion.echec", adresse=adresse, apres=faits)

    await db.transaction(travail)
