"""Today's imaginary usagers come, are called, are received, leave: each at the minute that was drawn for them.

Some arrivals are left to whoever plays the desk, and everything at the guichet of « box » waits a while: a visitor who
does nothing sees the day go on all the same.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import select

from app import clock
from app.booking.outils import Auteur, Outils
from app.booking.vie import act
from app.demo.monde import GUICHET_DU_BOX, NEVERS, SERVICES, SITES
from app.demo.personnages import NOTE
from app.demo.remplissage import Acteurs
from app.demo.visites import RETARD_VISITEUR, Pas, imagine_visite
from app.domain.rendez_vous import Action
from app.errors import AppError, Indisponible
from app.tables import Guichet, RendezVous

#: Arrivals left to the visitor who plays the desk: one in three, for six minutes.
_POUR_LE_VISITEUR: Final = 3
_PATIENCE: Final = timedelta(minutes=6)
_MOTS: Final = {
    Action.MARQUER_ARRIVEE: "arrivées",
    Action.APPELER: "appels",
    Action.RECEVOIR: "réceptions",
    Action.TERMINER: "fins",
    Action.MARQUER_NON_VENU: "absences",
}


@dataclass(slots=True)
class Salle:
    """The waiting rooms of the living services."""

    outils: Outils
    acteurs: Acteurs
    comptes: Counter[str] = field(default_factory=Counter)
    _refuses: set[tuple[int, Action]] = field(default_factory=set)

    async def advance(self, limite: int) -> int:
        """Do at most ``limite`` of the steps that are due, the oldest first; the number done. Raises Indisponible."""
        maintenant = clock.now()
        dus: list[tuple[datetime, int, str, Pas]] = []
        for decrit in SERVICES:
            if decrit.vivant:
                jour = maintenant.astimezone(ZoneInfo(SITES[decrit.site].fuseau)).date()
                for rdv in await self._read(self.acteurs.services[decrit.sages], jour, maintenant):
                    pas = self._find_pas(rdv, decrit.sages, maintenant)
                    if pas is not None:
                        dus.append((pas.a, rdv["id"], decrit.sages, pas))
        dus.sort()
        return sum([await self._do(rdv_id, sages, pas.action) for _, rdv_id, sages, pas in dus[:limite]])

    async def _read(self, service_id: int, jour: Any, maintenant: datetime) -> list[dict[str, Any]]:
        async with self.outils.db.read() as conn:
            lignes = await conn.execute(
                select(
                    RendezVous.id,
                    RendezVous.etat,
                    RendezVous.debut,
                    RendezVous.fin,
                    RendezVous.type_rdv,
                    Guichet.nom.label("guichet"),
                )
                .join(Guichet, Guichet.id == RendezVous.guichet_id)
                .where(
                    RendezVous.service_id == service_id,
                    RendezVous.jour == jour,
                    RendezVous.etat.in_(["prevu", "arrive", "appele", "recu"]),
                    RendezVous.debut < maintenant + timedelta(minutes=30),
                    RendezVous.note_interne == NOTE,
                )
            )
            return [dict(ligne) for ligne in lignes.mappings()]

    def _find_pas(self, rdv: dict[str, Any], sages: str, maintenant: datetime) -> Pas | None:
        """The next step of this visit, if it is due and was not refused already."""
        visiteur = sages == NEVERS and rdv["guichet"] == GUICHET_DU_BOX
        retard = RETARD_VISITEUR if visiteur else 0
        visite = imagine_visite(rdv["id"], rdv["debut"], rdv["fin"], rdv["type_rdv"], retard=retard)
        pas = next(iter(visite.remaining(rdv["etat"])), None)
        if pas is None or (rdv["id"], pas.action) in self._refuses:
            return None
        laisse = pas.action is Action.MARQUER_ARRIVEE and sages == NEVERS and not rdv["id"] % _POUR_LE_VISITEUR
        return pas if pas.a + (_PATIENCE if laisse else timedelta()) <= maintenant else None

    async def _do(self, rdv_id: int, sages: str, action: Action) -> int:
        agent = Auteur("agent", agent_id=self.acteurs.collegues[sages], origine="simulation")
        try:
            acte = await act(self.outils, rdv_id, action, agent, clock.now())
        except Indisponible:
            raise
        except AppError:
            # A visitor was faster, or the day ended meanwhile: what the screens show is the truth.
            self._refuses.add((rdv_id, action))
            return 0
        self.comptes[_MOTS[action]] += acte.change
        return int(acte.change)
