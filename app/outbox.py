"""A change and its announcement are one transaction.

A use case says what happened (``Annonces.rdv``, ``creneau_pris``…); at the end of the transaction ``write`` updates
the day's counters, then the service's row of ``agenda`` — last, so that its lock is held for the shortest time and
versions have no gap — and inserts the frames in ``outbox`` with the version each subject has just received.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import insert, select, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app import clock, envelope
from app.tables import Agenda, CompteurJour, Outbox

#: Kinds of subject that carry a counter in ``agenda``, in the order of its columns.
GENRES: Final = ("service", "creneaux", "affichage")


@dataclass(frozen=True, slots=True)
class Publication:
    """A committed frame: its outbox id, its subject, its version, its text."""

    id: int
    sujet: str
    version: int
    trame: str


class PlanningChange(Exception):
    """The service's planning, guichets or motifs have changed since the rules were applied: judge again."""


@dataclass(slots=True)
class Annonces:
    """What one transaction announces, by service, in order."""

    _evenements: list[tuple[int, str, dict[str, Any]]] = field(default_factory=list)
    _compteurs: dict[tuple[int, date, str], int] = field(default_factory=dict)
    _plannings: set[int] = field(default_factory=set)
    _notes: dict[int, dict[str, Any]] = field(default_factory=dict)
    _attendus: dict[int, int] = field(default_factory=dict)
    _plannings_partout: frozenset[int] | None = None

    def add(self, service_id: int, genre: str, evenement: Mapping[str, Any]) -> None:
        """Announce on ``<genre>:<service_id>``; ``evenement`` holds ``type`` and facts, no personal data."""
        if genre not in GENRES:
            raise ValueError(f"unknown kind of subject {genre!r}")
        if evenement.get("type") not in envelope.EVENEMENT_TYPES:
            raise ValueError(f"unknown frame type {evenement.get('type')!r}")
        self._evenements.append((service_id, genre, dict(evenement)))

    def rdv(
        self,
        genre: str,
        services: Sequence[int],
        *,
        rdv: int,
        guichet: int,
        etat: str,
        debut: datetime,
        fin: datetime,
        a: datetime | None,
        **plus: Any,
    ) -> None:
        """An event of the life of a RDV or hold, told to every service that shows it (receiver, delegating one).

        ``a`` is when it happened; without it screens ask for their fragment instead of applying the frame.
        """
        for service_id in services:
            self.add(
                service_id,
                "service",
                {
                    "type": genre,
                    "rdv": rdv,
                    "guichet": guichet,
                    "etat": etat,
                    "debut": debut.isoformat(),
                    "fin": fin.isoformat(),
                    **({} if a is None else {"a": a.isoformat()}),
                    **plus,
                },
            )

    def annotate(self, rdv: int, **faits: Any) -> None:
        """What the frames of that RDV say besides: ``avis`` (some agent has a notice: pages count again), ``par``."""
        self._notes.setdefault(rdv, {}).update(faits)

    def creneau(self, genre: str, services: Sequence[int], *, guichet: int, debut: datetime, fin: datetime) -> None:
        """``creneau.pris`` or ``creneau.libre`` for the public grid: an interval and a guichet, nothing else."""
        for service_id in services:
            self.add(
                service_id,
                "creneaux",
                {"type": genre, "guichet": guichet, "debut": debut.isoformat(), "fin": fin.isoformat()},
            )

    def count(self, service_id: int, jour: date, *, avant: str | None = None, apres: str | None = None) -> None:
        """Move one RDV of that day from one state's counter to another's. Holds (``option``) are not counted."""
        for etat, delta in ((avant, -1), (apres, 1)):
            if etat is not None and etat != "option":
                cle = (service_id, jour, etat)
                self._compteurs[cle] = self._compteurs.get(cle, 0) + delta

    def planning(self, service_id: int, genre: str = "planning.modifie", **plus: Any) -> None:
        """Something that shapes the ouvertures has changed: agents' and public screens reload."""
        self._plannings.add(service_id)
        self.add(service_id, "service", {"type": genre, **plus})
        self.add(service_id, "creneaux", {"type": genre, **plus})

    def planning_partout(self, services: frozenset[int] = frozenset()) -> None:
        """``planning`` for all services at once, or those of ``services``: a national parameter, a national motif.

        A constant number of statements, and nothing else may be announced by the same transaction (ValueError).
        """
        if self._evenements or self._plannings:
            raise ValueError("a national change is announced alone")
        self._plannings_partout = services

    def expect_planning(self, service_id: int, version: int) -> None:
        """``write`` raises PlanningChange unless the service is still at that planning version, under its lock."""
        self._attendus[service_id] = version

    def __bool__(self) -> bool:
        return bool(self._evenements or self._compteurs or self._plannings_partout is not None)

    async def write(self, conn: AsyncConnection) -> list[Publication]:
        """Counters, versions, outbox rows. Services in id order, so that two transactions cannot deadlock.

        Raises PlanningChange when ``expect_planning`` was told another version.
        """
        await self._write_compteurs(conn)
        publications: list[Publication] = []
        for service_id in sorted({service for service, _, _ in self._evenements} | self._plannings):
            publications += await self._write_service(conn, service_id)
        if self._plannings_partout is not None:
            publications += await self._write_partout(conn, self._plannings_partout)
        return publications

    async def _write_compteurs(self, conn: AsyncConnection) -> None:
        lignes: list[dict[str, Any]] = [
            {"service_id": service, "jour": jour, "etat": etat, "nombre": delta}
            for (service, jour, etat), delta in sorted(self._compteurs.items())
            if delta
        ]
        if lignes:  # one statement, rows in key order: two transitions cannot deadlock on their counters
            ordre = pg_insert(CompteurJour).values(lignes)
            await conn.execute(
                ordre.on_conflict_do_update(
                    index_elements=["service_id", "jour", "etat"],
                    set_={"nombre": CompteurJour.nombre + ordre.excluded.nombre},
                )
            )

    async def _write_partout(self, conn: AsyncConnection, services: frozenset[int]) -> list[Publication]:
        """Rows locked in id order, then one update and one insert, whatever the number of services."""
        choisis = select(Agenda.service_id)
        if services:
            choisis = choisis.where(Agenda.service_id.in_(sorted(services)))
        await conn.execute(choisis.order_by(Agenda.service_id).with_for_update())
        lignes = (
            await conn.execute(
                update(Agenda)
                .where(Agenda.service_id.in_(choisis))
                .values(
                    version=Agenda.version + 1,
                    version_creneaux=Agenda.version_creneaux + 1,
                    version_planning=Agenda.version_planning + 1,
                )
                .returning(Agenda.service_id, Agenda.version, Agenda.version_creneaux)
            )
        ).all()
        maintenant = clock.now()
        rangs: list[dict[str, Any]] = []
        for service_id, version, creneaux in sorted(tuple(ligne) for ligne in lignes):
            for sujet, numero in ((f"service:{service_id}", version), (f"creneaux:{service_id}", creneaux)):
                trame = envelope.encode({"type": "planning.modifie", "sujet": sujet, "version": numero})
                rangs.append({"sujet": sujet, "version": numero, "trame": trame, "cree_a": maintenant})
        return await self._insert(conn, rangs)

    @staticmethod
    async def _insert(conn: AsyncConnection, rangs: list[dict[str, Any]]) -> list[Publication]:
        if not rangs:
            return []
        ordre = insert(Outbox).returning(Outbox.id, Outbox.sujet, Outbox.version)
        par_cle = {(sujet, version): ident for ident, sujet, version in (await conn.execute(ordre, rangs)).all()}
        return [Publication(par_cle[(r["sujet"], r["version"])], r["sujet"], r["version"], r["trame"]) for r in rangs]

    async def _write_service(self, conn: AsyncConnection, service_id: int) -> list[Publication]:
        siens = [(genre, evt) for service, genre, evt in self._evenements if service == service_id]
        nombres = {genre: sum(1 for g, _ in siens if g == genre) for genre in GENRES}
        ligne = (
            await conn.execute(
                update(Agenda)
                .where(Agenda.service_id == service_id)
                .values(
                    version=Agenda.version + nombres["service"],
                    version_creneaux=Agenda.version_creneaux + nombres["creneaux"],
                    version_affichage=Agenda.version_affichage + nombres["affichage"],
                    version_planning=Agenda.version_planning + (1 if service_id in self._plannings else 0),
                )
                .returning(Agenda.version, Agenda.version_creneaux, Agenda.version_affichage, Agenda.version_planning)
            )
        ).one()
        if self._attendus.get(service_id, ligne.version_planning) != ligne.version_planning:
            raise PlanningChange
        if not siens:
            return []
        suivante = {genre: derniere - nombres[genre] + 1 for genre, derniere in zip(GENRES, ligne[:3], strict=True)}
        maintenant = clock.now()
        rangs: list[dict[str, Any]] = []
        for genre, evenement in siens:
            sujet, version = f"{genre}:{service_id}", suivante[genre]
            suivante[genre] += 1
            plus = self._notes.get(evenement.get("rdv", 0), {})
            faits = {"type": evenement["type"], "sujet": sujet, "version": version, **evenement, **plus}
            trame = envelope.encode(faits)
            rangs.append({"sujet": sujet, "version": version, "trame": trame, "cree_a": maintenant})
        return await self._insert(conn, rangs)


async def claim(conn: AsyncConnection, *, avant: datetime, limite: int = 500) -> list[Publication]:
    """Unpublished frames older than ``avant``, locked for this transaction, oldest first (another relay skips them)."""
    lignes = await conn.execute(
        select(Outbox.id, Outbox.sujet, Outbox.version, Outbox.trame)
        .where(Outbox.publie_a.is_(None), Outbox.cree_a < avant)
        .order_by(Outbox.id)
        .limit(limite)
        .with_for_update(skip_locked=True)
    )
    return [Publication(*ligne) for ligne in lignes]


async def acknowledge(conn: AsyncConnection, ids: Sequence[int], a: datetime) -> None:
    """Say that these frames were handed to Redis."""
    if ids:
        await conn.execute(update(Outbox).where(Outbox.id.in_(ids), Outbox.publie_a.is_(None)).values(publie_a=a))
