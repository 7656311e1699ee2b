"""Which rendez-vous are outside, computed anew each time: nothing is marked, so nothing can be missed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from app.admin.pages import Organisation
from app.admin.replacement.lecture import RdvLu, read_a_venir
from app.booking.contexte import ServiceContexte
from app.domain.horaires import jour_local
from app.domain.hors_organisation import CauseHors, find_hors_organisation


@dataclass(frozen=True, slots=True)
class Hors:
    """One of them, and why."""

    rdv: RdvLu
    cause: CauseHors

    @property
    def garde(self) -> bool:
        """True when the chef decided to keep it so: this very RDV, unmoved since, for this very cause."""
        return self.rdv.garde == (self.rdv.revision, self.cause.value)


@dataclass(frozen=True, slots=True)
class Situation:
    """``a_replacer`` are to be handled; ``gardes`` were decided to stay. Both by date."""

    a_replacer: tuple[Hors, ...]
    gardes: tuple[Hors, ...]


def find_situation(rdvs: Sequence[RdvLu], contexte: ServiceContexte, aujourdhui: date) -> Situation:
    """Sort ``rdvs``, by date and none before ``aujourdhui``, against the organisation as it is."""
    if not rdvs:
        return Situation((), ())
    dernier = jour_local(rdvs[-1].place.debut, contexte.zone)
    ouvertures = contexte.ouvertures(aujourdhui, dernier)
    par_id = {rdv.id: rdv for rdv in rdvs}
    trouves = [
        Hors(par_id[hors.rdv_id], hors.cause)
        for hors in find_hors_organisation([rdv.place for rdv in rdvs], contexte.guichets, ouvertures, contexte.zone)
    ]
    return Situation(tuple(h for h in trouves if not h.garde), tuple(h for h in trouves if h.garde))


async def read_situation(
    conn: AsyncConnection, agent_id: int, contexte: ServiceContexte, maintenant: datetime
) -> Situation:
    """The same, read: one statement."""
    aujourdhui = maintenant.astimezone(contexte.zone).date()
    return find_situation(await read_a_venir(conn, agent_id, contexte.id, aujourdhui), contexte, aujourdhui)


#: Service → (what the count was made from, the count). Bounded by the number of services a process organises.
_comptes: dict[int, tuple[tuple[str, int, int, date], int]] = {}
_TAILLE = 1024


async def count_a_replacer(
    conn: AsyncConnection, agent_id: int, organisation: Organisation, maintenant: datetime
) -> int:
    """How many are to be handled, for the first page; made once for each version of the service and each day."""
    contexte, versions = organisation.contexte, organisation.versions
    jour = maintenant.astimezone(contexte.zone).date()
    cle = (organisation.epoque, versions.service, versions.planning, jour)
    connu = _comptes.get(contexte.id)
    if connu is not None and connu[0] == cle:
        return connu[1]
    nombre = len((await read_situation(conn, agent_id, contexte, maintenant)).a_replacer)
    if len(_comptes) >= _TAILLE:
        _comptes.pop(next(iter(_comptes)))
    _comptes[contexte.id] = (cle, nombre)
    return nombre
