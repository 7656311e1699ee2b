"""What a change of a guichet takes away, told before: rendez-vous, motifs, its own plannings and exceptions."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from app.admin.guichets.mots import describe_pertes
from app.admin.guichets.rdv import list_ids, read_places
from app.admin.plannings.lecture import read_composition
from app.booking.contexte import ServiceContexte
from app.domain.composition import Composition, LotException, LotPlanning
from app.domain.couverture import find_couverture, find_pertes
from app.domain.guichets import GuichetRegle
from app.domain.hors_organisation import find_refus
from app.errors import Conflit


class EffetsAConfirmer(Conflit):
    """409: told before it is done. ``details``: ``rdv`` (ids), ``phrases``, ``vus`` (to send back to confirm)."""

    code = "effets-a-confirmer"
    remede = "Rien n’a été enregistré : lisez ce que cela change, puis confirmez."


@dataclass(frozen=True, slots=True)
class Siens:
    """The plannings and exceptions that are of one guichet alone: they end with it. ``comp`` tells their journées."""

    comp: Composition = field(default_factory=Composition)
    plannings: tuple[LotPlanning, ...] = ()
    exceptions: tuple[LotException, ...] = ()

    @property
    def empreinte(self) -> tuple[tuple[str, tuple[int, ...], int], ...]:
        """Which ones, as they are now."""
        return tuple(("planning", p.ids, p.revision) for p in self.plannings) + tuple(
            ("exception", e.ids, e.revision) for e in self.exceptions
        )


@dataclass(frozen=True, slots=True)
class Effets:
    """What a change takes away.

    ``rdv``: ids of those left at a guichet that closes or that does not take them any more; ``phrases``: motifs that
    lose a way to be booked; ``siens``: what is deleted with the guichet; ``ferme``: it closes.
    """

    rdv: tuple[int, ...] = ()
    phrases: tuple[str, ...] = ()
    siens: Siens = field(default_factory=Siens)
    ferme: bool = True

    @property
    def vus(self) -> str:
        """A print of all of it; "" when there is nothing to tell."""
        if not (self.rdv or self.phrases or self.siens.empreinte):
            return ""
        tout = (sorted(self.rdv), self.phrases, self.siens.empreinte)
        return hashlib.sha256(repr(tout).encode()).hexdigest()[:16]

    def check(self, vus: str) -> None:
        """Raise EffetsAConfirmer unless all of it, and nothing else, was seen."""
        if self.vus != vus and self.vus:
            phrase = "Ce changement a des conséquences."
            if self.rdv:
                suite = "sont à venir à ce guichet" if self.ferme else "à venir ne conviendraient plus à ce guichet"
                phrase = f"Des rendez-vous {suite}."
            raise EffetsAConfirmer(phrase, rdv=list(self.rdv), phrases=list(self.phrases), vus=self.vus)


async def compute_effets(
    conn: AsyncConnection,
    contexte: ServiceContexte,
    guichet_id: int,
    apres: GuichetRegle | None,
    maintenant: datetime,
) -> Effets:
    """What it would take away to make of this guichet ``apres`` (None: to remove it)."""
    actuels = dict(contexte.guichets)
    futurs = {ident: regle for ident, regle in actuels.items() if ident != guichet_id}
    if apres is not None:
        futurs[guichet_id] = apres
    aujourdhui = maintenant.astimezone(contexte.zone).date()
    recus = {motif for d in contexte.recues if d.is_vivante(aujourdhui) for motif in d.motifs}
    motifs = [motif.id for motif in contexte.motifs.values() if motif.ouvert or motif.id in recus]
    pertes = find_pertes(find_couverture(motifs, actuels.values()), find_couverture(motifs, futurs.values()))
    avant = actuels.get(guichet_id)
    ferme = avant is not None and avant.ouvert and (apres is None or not apres.ouvert)
    rdv: Sequence[int] = ()
    if ferme:
        rdv = await list_ids(conn, guichet_id, maintenant)
    elif avant is not None and apres is not None and (avant.motifs, avant.types) != (apres.motifs, apres.types):
        places = await read_places(conn, guichet_id, maintenant) if apres.ouvert else []
        rdv = [p.rdv_id for p in places if find_refus(p, apres) is not None and find_refus(p, avant) is None]
    siens = await read_siens(conn, contexte.id, guichet_id) if apres is None else Siens()
    return Effets(tuple(rdv), tuple(describe_pertes(pertes, contexte)), siens, ferme)


async def read_siens(conn: AsyncConnection, service_id: int, guichet_id: int) -> Siens:
    """What is written for that guichet, whatever its dates: four statements."""
    tout = await read_composition(conn, service_id)
    comp = replace(
        tout,
        plannings=tuple(p for p in tout.plannings if p.guichet_id == guichet_id),
        exceptions=tuple(e for e in tout.exceptions if e.guichet_id == guichet_id),
    )
    return Siens(comp, comp.lots_plannings(), comp.lots_exceptions())
