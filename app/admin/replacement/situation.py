"""Which rendez-vous are outside, computed anew each time: nothing is marked, so nothing can be missed.

Those that the service has entrusted to another are judged by the organisation of the one that receives them: when it
can hold them no more, their home sees it too, and may bring them back [G 2.3.5].
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.admin.pages import Organisation
from app.admin.replacement.lecture import RdvLu, read_a_venir
from app.booking.contexte import ServiceContexte, Versions
from app.booking.outils import Outils
from app.domain.horaires import jour_local
from app.domain.hors_organisation import CauseHors, find_hors_organisation
from app.domain.rendez_vous import Etat
from app.tables import Agenda


@dataclass(frozen=True, slots=True)
class Hors:
    """One of them, and why. ``chez``: the other service that receives it, None when it is here."""

    rdv: RdvLu
    cause: CauseHors
    chez: ServiceContexte | None = None

    @property
    def garde(self) -> bool:
        """True when the chef decided to keep it so: this very RDV, unmoved since, for this very cause."""
        return self.rdv.garde == (self.rdv.revision, self.cause.value)


@dataclass(frozen=True, slots=True)
class Situation:
    """``a_replacer`` are to be handled; ``gardes`` were decided to stay. Both by date.

    ``receveurs``: the other services that receive some for this one, with the versions of what was judged.
    """

    a_replacer: tuple[Hors, ...]
    gardes: tuple[Hors, ...]
    receveurs: Mapping[int, Versions] = field(default_factory=dict)

    @property
    def suivis(self) -> dict[str, int]:
        """Subjects to follow besides the service's own: the organisation of who receives changes what is listed."""
        return list_suivis(self.receveurs)


def list_suivis(receveurs: Mapping[int, Versions]) -> dict[str, int]:
    """Their public subjects, with the version of each."""
    return {f"creneaux:{ident}": versions.creneaux for ident, versions in receveurs.items()}


def find_situation(
    rdvs: Sequence[RdvLu], contexte: ServiceContexte, aujourdhui: date, chez: ServiceContexte | None = None
) -> Situation:
    """Sort ``rdvs``, by date and none before ``aujourdhui``, against the organisation as it is.

    ``contexte`` is that of the service that receives them.
    """
    if not rdvs:
        return Situation((), ())
    dernier = jour_local(rdvs[-1].place.debut, contexte.zone)
    ouvertures = contexte.ouvertures(aujourdhui, dernier)
    par_id = {rdv.id: rdv for rdv in rdvs}
    trouves = [
        Hors(par_id[hors.rdv_id], hors.cause, chez)
        for hors in find_hors_organisation([rdv.place for rdv in rdvs], contexte.guichets, ouvertures, contexte.zone)
    ]
    return Situation(tuple(h for h in trouves if not h.garde), tuple(h for h in trouves if h.garde))


async def read_situation(
    outils: Outils, conn: AsyncConnection, agent_id: int, contexte: ServiceContexte, maintenant: datetime
) -> Situation:
    """The same, read: one statement, and two when other services receive for this one, whatever their number.

    Those are listed as long as who receives them has not decided to keep them; somebody who is there already is theirs.
    """
    aujourdhui = maintenant.astimezone(contexte.zone).date()
    lus = await read_a_venir(conn, agent_id, contexte.id, aujourdhui, confies=True)
    ici = find_situation([rdv for rdv in lus if rdv.service_id == contexte.id], contexte, aujourdhui)
    ailleurs: dict[int, list[RdvLu]] = {}
    for rdv in lus:
        if rdv.service_id != contexte.id and rdv.etat == Etat.PREVU:
            ailleurs.setdefault(rdv.service_id, []).append(rdv)
    if not ailleurs:
        return ici
    receveurs = await read_versions_de(conn, ailleurs)
    contextes = await outils.dispo.contextes.get_many(conn, {i: v.planning for i, v in receveurs.items()})
    a_replacer = list(ici.a_replacer)
    for ident, rdvs in ailleurs.items():
        chez = contextes[ident]
        a_replacer += find_situation(rdvs, chez, aujourdhui, chez).a_replacer
    a_replacer.sort(key=lambda hors: (hors.rdv.place.debut, hors.rdv.id))
    return Situation(tuple(a_replacer), ici.gardes, receveurs)


async def read_versions_de(conn: AsyncConnection, services: Iterable[int]) -> dict[int, Versions]:
    """Service → its versions now, in one statement."""
    colonnes = (Agenda.version, Agenda.version_creneaux, Agenda.version_affichage, Agenda.version_planning)
    requete = select(Agenda.service_id, *colonnes).where(Agenda.service_id.in_(services)).order_by(Agenda.service_id)
    return {ident: Versions(*versions) for ident, *versions in await conn.execute(requete)}


@dataclass(frozen=True, slots=True)
class Compte:
    """How many are to be handled, and what else than the service to follow for it (subject → version)."""

    nombre: int
    suivis: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Connu:
    """A count and what it was made from: the service's versions and its day, the planning of who receives for it."""

    cle: tuple[str, int, int, date]
    plannings: Mapping[int, int]
    nombre: int


#: Bounded by the number of services a process organises.
_comptes: dict[int, _Connu] = {}
_TAILLE = 1024


async def count_a_replacer(
    outils: Outils, conn: AsyncConnection, agent_id: int, organisation: Organisation, maintenant: datetime
) -> Compte:
    """How many are to be handled, for the first page; made once for each state of the organisation and each day."""
    contexte, versions = organisation.contexte, organisation.versions
    jour = maintenant.astimezone(contexte.zone).date()
    cle = (organisation.epoque, versions.service, versions.planning, jour)
    connu = _comptes.get(contexte.id)
    if connu is not None and connu.cle == cle:
        receveurs = await read_versions_de(conn, connu.plannings) if connu.plannings else {}
        if _plannings(receveurs) == connu.plannings:
            return Compte(connu.nombre, list_suivis(receveurs))
    situation = await read_situation(outils, conn, agent_id, contexte, maintenant)
    nombre = len(situation.a_replacer)
    if len(_comptes) >= _TAILLE:
        _comptes.pop(next(iter(_comptes)))
    _comptes[contexte.id] = _Connu(cle, _plannings(situation.receveurs), nombre)
    return Compte(nombre, situation.suivis)


def _plannings(receveurs: Mapping[int, Versions]) -> dict[int, int]:
    return {ident: versions.planning for ident, versions in receveurs.items()}
