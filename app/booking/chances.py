"""How often a call settles the matter, by motif: what the contre-appels of twelve months show [A1 §3.2].

The figures of a day stop before it begins anywhere, and count each call for the motif and the service that it was about
when it was recorded: they never change during that day. A list ordered by them is a function of the services' versions
and of their day, whatever the process; each process asks for them once a day and motif.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.contre_appel import Chance, Compte, Resultat, estimate
from app.tables import ContreAppel

PERIODE: Final = timedelta(days=365)
#: The earliest a day begins on Earth, before its midnight UTC.
_AVANCE: Final = timedelta(hours=14)
#: Days kept: yesterday in the west, today, tomorrow in the east.
_GARDES: Final = 3
_REGLES: Final = func.count().filter(ContreAppel.resultat == Resultat.REGLE.value)


@dataclass(slots=True)
class _Jour:
    tous: Compte
    motifs: dict[int, Mapping[int, Compte]] = field(default_factory=dict)


@dataclass(slots=True)
class Chances:
    """What a process knows of the last days' figures."""

    _jours: dict[date, _Jour] = field(default_factory=dict)

    async def read(
        self, conn: AsyncConnection, couples: Collection[tuple[int, int]], jour: date
    ) -> dict[tuple[int, int], Chance]:
        """(service, motif) → its chance on that local day; two statements at most, none when they are known."""
        motifs = {motif for _, motif in couples}
        if not motifs:
            return {}
        connu = self._jours.get(jour)
        if connu is None:
            connu = self._jours[jour] = _Jour(await _read_tous(conn, jour))
            for ancien in sorted(self._jours)[:-_GARDES]:
                del self._jours[ancien]
        inconnus = sorted(motifs - connu.motifs.keys())
        if inconnus:
            connu.motifs |= await _read_motifs(conn, inconnus, jour)
        nations = {motif: sum(connu.motifs[motif].values(), Compte()) for motif in motifs}
        return {
            (service, motif): estimate(connu.motifs[motif].get(service, Compte()), nations[motif], connu.tous)
            for service, motif in couples
        }


def _periode(jour: date) -> Any:
    fin = datetime(jour.year, jour.month, jour.day, tzinfo=UTC) - _AVANCE
    return (ContreAppel.cree_a >= fin - PERIODE) & (ContreAppel.cree_a < fin)


async def _read_motifs(conn: AsyncConnection, motifs: list[int], jour: date) -> dict[int, dict[int, Compte]]:
    requete = (
        select(ContreAppel.motif_id, ContreAppel.service_id, _REGLES, func.count())
        .where(_periode(jour), ContreAppel.motif_id.in_(motifs))
        .group_by(ContreAppel.motif_id, ContreAppel.service_id)
    )
    comptes: dict[int, dict[int, Compte]] = {motif: {} for motif in motifs}
    for motif, service, regles, total in await conn.execute(requete):
        comptes[motif][service] = Compte(regles, total)
    return comptes


async def _read_tous(conn: AsyncConnection, jour: date) -> Compte:
    regles, total = (await conn.execute(select(_REGLES, func.count()).where(_periode(jour)))).one()
    return Compte(regles, total)
