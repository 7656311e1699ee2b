"""What is free, for a motif, a type and a channel: one computation for the screens and for the booking itself.

Everything is keyed by the service's versions: a context lives as long as ``version_planning``, occupations and
grids as long as ``version_creneaux`` (each booking, hold, move or release raises it). Between two versions nothing
is computed twice in a process, whatever the number of people looking (or losing a race for the last créneau).
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Generic, TypeVar

from sqlalchemy import ARRAY, BigInteger, Date, DateTime, Interval, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking.contexte import Contextes, ServiceContexte, Versions, read_versions
from app.domain.attente import SURSIS
from app.domain.calendrier import Fenetre, fenetre
from app.domain.creneaux import Creneau, Demande, Grille, Journee, compute_grille, nearest
from app.domain.delegation import Delegation
from app.domain.horaires import floor_minute
from app.domain.raisons import Raison
from app.errors import Introuvable

V = TypeVar("V")

#: guichet → (debut, fin) in minutes-époque.
Occupations = Mapping[int, Sequence[tuple[int, int]]]
#: (delegation, local day) → RDV and live holds taken under it.
PrisParDelegation = Mapping[tuple[int, date], int]


@dataclass(frozen=True, slots=True)
class OccupationsLues:
    """What occupies guichets over some days, true until ``valable_jusqu_a`` (the first hold to expire)."""

    par_guichet: Occupations
    valable_jusqu_a: datetime | None
    par_delegation: PrisParDelegation = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Disponibilite:
    """A grid and all that it was computed from. Shared between requests: never mutated."""

    versions: Versions
    contexte: ServiceContexte
    demande: Demande
    fenetre: Fenetre
    grille: Grille
    occupations: Occupations
    valable_jusqu_a: datetime | None
    #: The delegation under which it is offered; the days that its quota alone closes, as they would be without it.
    delegation: Delegation | None = None
    pleins: Mapping[date, Journee] = field(default_factory=dict)
    #: Its days that have a quota → how many more may be taken; less than none when it was lowered since.
    restants: Mapping[date, int] = field(default_factory=dict)
    _proches: dict[tuple[int, int], tuple[Creneau, ...]] = field(default_factory=dict, compare=False, repr=False)

    def is_valable(self, maintenant: datetime) -> bool:
        """False once a hold that it counts as taken has expired."""
        return self.valable_jusqu_a is None or maintenant < self.valable_jusqu_a

    def count_libres(self, jour: date, libres: int) -> int:
        """How many of the ``libres`` créneaux of that day may still be taken: no figure promises more."""
        return max(0, min(libres, self.restants.get(jour, libres)))

    def reopen(self, jour: date) -> Disponibilite:
        """The same for who already has one of the places that the quota of that day counts."""
        if jour not in self.restants:
            return self
        restants, grille = {**self.restants, jour: self.restants[jour] + 1}, self.grille
        if jour in self.pleins and restants[jour] > 0:
            grille = Grille({**grille.jours, jour: self.pleins[jour]}, grille.fenetre, grille.raison)
        return replace(self, grille=grille, restants=restants, _proches={})

    def alternatives(self, debut: int, nombre: int = 5) -> tuple[Creneau, ...]:
        """The free créneaux nearest to ``debut`` (minute-époque), the closest first; found once for all the losers."""
        cle = (debut, nombre)
        if cle not in self._proches:
            if len(self._proches) >= 64:
                self._proches.clear()
            self._proches[cle] = nearest(self.grille, debut, nombre)
        return self._proches[cle]


# A hold that an offer still counts on is nobody else's for a while after its end (``store.delete_options_mortes``).
_OCCUPATIONS = text(
    """
    SELECT guichet_id,
           array_agg(extract(epoch FROM debut)::bigint / 60) AS debuts,
           array_agg(extract(epoch FROM fin)::bigint / 60) AS fins,
           min(CASE WHEN expire_a > :maintenant THEN expire_a ELSE expire_a + :sursis END) AS expire_a,
           array_agg(delegation_id) FILTER (WHERE delegation_id IS NOT NULL) AS delegations,
           array_agg(jour) FILTER (WHERE delegation_id IS NOT NULL) AS jours
      FROM rendez_vous
     WHERE guichet_id = ANY(:guichets) AND jour BETWEEN :du AND :au AND occupe
       AND (etat <> 'option' OR expire_a > :maintenant
            OR (expire_a + :sursis > :maintenant
                AND EXISTS (SELECT FROM offre_attente o
                             WHERE o.rdv_id = rendez_vous.id AND o.etat IN ('ouverte', 'prise'))))
     GROUP BY guichet_id
    """
).bindparams(
    bindparam("guichets", type_=ARRAY(BigInteger)),
    bindparam("du", type_=Date),
    bindparam("au", type_=Date),
    bindparam("maintenant", type_=DateTime(timezone=True)),
    bindparam("sursis", SURSIS, type_=Interval),
)


async def read_occupations(
    conn: AsyncConnection, guichets: Sequence[int], du: date, au: date, maintenant: datetime
) -> OccupationsLues:
    """RDV and live holds of these guichets on the local days ``du``..``au``, one grouped query."""
    lignes = await conn.execute(
        _OCCUPATIONS, {"guichets": list(guichets), "du": du, "au": au, "maintenant": maintenant}
    )
    par_guichet: dict[int, list[tuple[int, int]]] = {}
    par_delegation: Counter[tuple[int, date]] = Counter()
    valable: datetime | None = None
    for guichet_id, debuts, fins, expire_a, delegations, jours in lignes:
        par_guichet[guichet_id] = list(zip(debuts, fins, strict=True))
        par_delegation.update(zip(delegations or (), jours or (), strict=True))
        if expire_a is not None and (valable is None or expire_a < valable):
            valable = expire_a
    return OccupationsLues(par_guichet, valable, par_delegation)


class _Memoire(Generic[V]):
    """A bounded memory of computations, each made once even when many ask at the same time."""

    def __init__(self, taille: int) -> None:
        self._valeurs: OrderedDict[Hashable, V] = OrderedDict()
        self._en_cours: dict[Hashable, asyncio.Future[V]] = {}
        self._taille = taille

    async def get(self, cle: Hashable, valable: Callable[[V], bool], compute: Callable[[], Awaitable[V]]) -> V:
        while True:
            connue = self._valeurs.get(cle)
            if connue is not None and valable(connue):
                self._valeurs.move_to_end(cle)
                return connue
            attendue = self._en_cours.get(cle)
            if attendue is None:
                return await self._compute(cle, compute)
            try:
                return await asyncio.shield(attendue)
            except asyncio.CancelledError:
                if not attendue.cancelled():  # it is this request that is cancelled, not the one that computes
                    raise

    def peek(self, cle: Hashable) -> V | None:
        """What is known of it."""
        return self._valeurs.get(cle)

    def put(self, cle: Hashable, valeur: V) -> None:
        """Keep what was computed elsewhere."""
        self._valeurs[cle] = valeur
        self._valeurs.move_to_end(cle)
        if len(self._valeurs) > self._taille:
            self._valeurs.popitem(last=False)

    async def _compute(self, cle: Hashable, compute: Callable[[], Awaitable[V]]) -> V:
        promesse: asyncio.Future[V] = asyncio.get_running_loop().create_future()
        promesse.add_done_callback(lambda f: f.cancelled() or f.exception())
        self._en_cours[cle] = promesse
        try:
            valeur = await compute()
        except BaseException as erreur:
            if isinstance(erreur, asyncio.CancelledError):
                promesse.cancel()
            else:
                promesse.set_exception(erreur)
            raise
        else:
            promesse.set_result(valeur)
        finally:
            del self._en_cours[cle]
        self.put(cle, valeur)
        return valeur


class Disponibilites:
    """The memory of one process. Built in the entry point, shared by its requests."""

    def __init__(self) -> None:
        self.contextes = Contextes()
        self._occupations: _Memoire[OccupationsLues] = _Memoire(512)
        self._grilles: _Memoire[Disponibilite] = _Memoire(256)

    async def occupations(
        self,
        conn: AsyncConnection,
        contexte: ServiceContexte,
        versions: Versions,
        du: date,
        au: date,
        maintenant: datetime,
    ) -> OccupationsLues:
        """What occupies the guichets of the service on those days, at that version or a later one."""
        return await self._occupations.get(
            (contexte.id, versions.planning, versions.creneaux, du, au),
            lambda o: o.valable_jusqu_a is None or maintenant < o.valable_jusqu_a,
            lambda: read_occupations(conn, list(contexte.guichets), du, au, maintenant),
        )

    async def warm(
        self,
        conn: AsyncConnection,
        services: Sequence[tuple[ServiceContexte, Versions]],
        *,
        canal: str,
        maintenant: datetime,
    ) -> None:
        """Before ``read`` of several services: what occupies all those whose agenda has changed, in one query."""
        manquants: dict[Hashable, tuple[ServiceContexte, date, date]] = {}
        for contexte, versions in services:
            _, du, au = _frame(contexte, canal, maintenant)
            cle = (contexte.id, versions.planning, versions.creneaux, du, au)
            connues = self._occupations.peek(cle)
            if connues is None or (connues.valable_jusqu_a is not None and connues.valable_jusqu_a <= maintenant):
                manquants[cle] = contexte, du, au
        if len(manquants) < 2:  # ``read`` asks for it, once for all those who want it
            return
        guichets = [guichet for contexte, _, _ in manquants.values() for guichet in contexte.guichets]
        bas, haut = min(du for _, du, _ in manquants.values()), max(au for _, _, au in manquants.values())
        lues = await read_occupations(conn, guichets, bas, haut, maintenant)
        for sienne, (contexte, _, _) in manquants.items():
            siennes = {guichet: o for guichet, o in lues.par_guichet.items() if guichet in contexte.guichets}
            self._occupations.put(sienne, replace(lues, par_guichet=siennes))

    async def read(
        self,
        conn: AsyncConnection,
        service_id: int,
        *,
        motif_id: int,
        type_rdv: str,
        canal: str,
        maintenant: datetime,
        du: date | None = None,
        au: date | None = None,
        versions: Versions | None = None,
        delegation: Delegation | None = None,
    ) -> Disponibilite:
        """The grid from ``du`` to ``au``, by default the whole window of the channel. At most three queries.

        ``delegation``: what the service receives for another one: its motif, whatever is open here, on its days, as
        many a day as its quota. Raises Introuvable for an unknown service or a motif outside its catalogue.
        """
        if versions is None:
            versions = await read_versions(conn, service_id)
        contexte = await self.contextes.get(conn, service_id, versions.planning)
        fen, debut, fin = _frame(contexte, canal, maintenant, du, au)
        motif = contexte.motif(motif_id)
        if delegation is not None and delegation.service_delegue_id != service_id:
            raise Introuvable("Ce service ne reçoit pas pour le compte d’un autre.")
        demande = Demande(motif_id, type_rdv, canal, contexte.duree_pour(motif_id, delegation), contexte.pas)
        cle = (service_id, versions.planning, versions.creneaux, demande, debut, fin, fen, delegation)

        async def compute() -> Disponibilite:
            occupees = await self.occupations(conn, contexte, versions, debut, fin, maintenant)
            guichets = [] if contexte.ferme else list(contexte.guichets.values())
            if not motif.ouvert and delegation is None:
                guichets = [replace(guichet, motifs=frozenset[int]()) for guichet in guichets]
            grille = compute_grille(
                demande, guichets, contexte.ouvertures(debut, fin), occupees.par_guichet, fen, contexte.zone
            )
            pleins: dict[date, Journee] = {}
            restants: dict[date, int] = {}
            if delegation is not None:
                grille, pleins, restants = _restrict(grille, delegation, motif_id, occupees.par_delegation)
            return Disponibilite(
                versions,
                contexte,
                demande,
                fen,
                grille,
                occupees.par_guichet,
                occupees.valable_jusqu_a,
                delegation,
                pleins,
                restants,
            )

        return await self._grilles.get(cle, lambda connue: connue.is_valable(maintenant), compute)


def _frame(
    contexte: ServiceContexte, canal: str, maintenant: datetime, du: date | None = None, au: date | None = None
) -> tuple[Fenetre, date, date]:
    """The window of the channel now, and the days to compute: those asked for, else the whole window from today."""
    aujourdhui = maintenant.astimezone(contexte.zone).date()
    horizon = contexte.parametres.horizon(canal)
    jours_feries = contexte.feries(aujourdhui, aujourdhui + timedelta(days=horizon + 31))
    fen = fenetre(canal, floor_minute(maintenant), contexte.zone, contexte.parametres, jours_feries)
    return fen, du or min(fen.du, aujourdhui), au or fen.au


def _restrict(
    grille: Grille, delegation: Delegation, motif_id: int, pris: PrisParDelegation
) -> tuple[Grille, dict[date, Journee], dict[date, int]]:
    """The same days less those of no delegation, and less those whose quota is reached; these apart; what is left."""
    jours: dict[date, Journee] = {}
    pleins: dict[date, Journee] = {}
    restants: dict[date, int] = {}
    for jour, journee in grille.jours.items():
        pris_ce_jour = pris.get((delegation.id, jour), 0)
        if delegation.quota_jour is not None:
            restants[jour] = delegation.quota_jour - pris_ce_jour
        raison = delegation.refuse_jour(motif_id, jour, pris_ce_jour)
        if raison is None or not journee.candidats:
            jours[jour] = journee
            continue
        jours[jour] = Journee((), raison)
        if raison is Raison.COMPLET:
            pleins[jour] = journee
    return Grille(jours, grille.fenetre, grille.raison), pleins, restants
