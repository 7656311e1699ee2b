"""What a service entrusts to another: chosen motifs, between two dates, perhaps so many a day [G 2.3.5].

Pure: an accepted delegation is a value, what it allows on a day is a function of it and of that day's count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from app.domain.raisons import Raison


@dataclass(frozen=True, slots=True)
class Delegation:
    """An accepted delegation. ``motifs``: motif id → minutes at the delegating service. Both dates are included."""

    id: int
    service_id: int
    libelle: str
    service_delegue_id: int
    libelle_delegue: str
    motifs: Mapping[int, int] = field(hash=False)
    du: date
    au: date
    quota_jour: int | None
    #: The other service is open, and one of its guichets takes the internet.
    recoit: bool = True

    def is_vivante(self, aujourdhui: date) -> bool:
        """True until the end of its last day: afterwards the motifs return by themselves."""
        return aujourdhui <= self.au

    def is_utile(self, aujourdhui: date) -> bool:
        """True while somebody may be received by it: alive, a motif left in the catalogue, a guichet over there."""
        return self.is_vivante(aujourdhui) and bool(self.motifs) and self.recoit

    def accepts(self, motif_id: int, jour: date) -> bool:
        """True when the other service may receive that motif on that day."""
        return motif_id in self.motifs and self.du <= jour <= self.au

    def refuse_jour(self, motif_id: int, jour: date, pris: int) -> Raison | None:
        """Why nothing more may be taken that day, ``pris`` being already (RDV and live holds); None when it may."""
        if not self.accepts(motif_id, jour):
            return Raison.MOTIF_NON_PROPOSE
        return Raison.COMPLET if self.quota_jour is not None and pris >= self.quota_jour else None


def find_delegation(delegations: Iterable[Delegation], delegation_id: int | None) -> Delegation | None:
    """That one among these, or None."""
    return next((d for d in delegations if d.id == delegation_id), None)


def list_vivantes(delegations: Iterable[Delegation], motif_id: int, aujourdhui: date) -> tuple[Delegation, ...]:
    """Those by which a RDV of that motif may be taken today or later, in the order of their ids."""
    return tuple(
        sorted((d for d in delegations if motif_id in d.motifs and d.is_vivante(aujourdhui)), key=lambda d: d.id)
    )
