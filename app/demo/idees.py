"""What imaginary usagers and their agents think of doing: one idea at a time, through the public use cases.

Only rendez-vous that carry the simulation's own note are ever changed. Agendas are never filled to the brim: where too
little is left free, somebody cancels instead of somebody booking.
"""

from __future__ import annotations

import secrets
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Final

from sqlalchemy import func, select

from app import clock
from app.booking.contexte import MotifOffert, read_versions
from app.booking.disponibilites import Disponibilite
from app.booking.jugement import Reservation
from app.booking.options import place_option, release_option
from app.booking.outils import Auteur, Outils
from app.booking.reserver import book
from app.booking.vie import act
from app.demo.boite_locale import find_boite
from app.demo.monde import NEVERS, PARIS_SIE, PARIS_SIP, SERVICES
from app.demo.personnages import NOTE, PRECISIONS, RAISONS_ANNULATION, imagine_usager
from app.demo.places import find_feuilles
from app.demo.remplissage import Acteurs
from app.domain.creneaux import Creneau
from app.domain.horaires import floor_minute
from app.domain.rendez_vous import Action
from app.errors import AppError, Indisponible
from app.tables import RendezVous

#: Share of a day's grid that stays free whatever happens.
LIBRE_MIN: Final = 0.35
USAGER: Final = Auteur("usager", origine="simulation")
_POIDS: Final = {NEVERS: 10, PARIS_SIP: 5, PARIS_SIE: 2}


@dataclass(slots=True)
class Inspiration:
    """The source of ideas of one process. ``pause`` waits some seconds; ``comptes``: what was done, by word."""

    outils: Outils
    acteurs: Acteurs
    pause: Callable[[float], Awaitable[None]]
    hasard: Random = field(default_factory=Random)
    comptes: Counter[str] = field(default_factory=Counter)

    async def have_one(self, hesitation_s: float) -> None:
        """Think of something and do it. A refusal is part of life; Indisponible (the database is away) is raised."""
        idee = self.hasard.choices(
            (self.book_online, self.book_desk, self.book_phone, self.cancel), weights=(50, 22, 16, 12)
        )[0]
        try:
            await idee(hesitation_s)
        except Indisponible:
            raise
        except AppError as refus:
            self.comptes[f"refus {refus.code}"] += 1

    async def book_online(self, hesitation_s: float) -> None:
        """A usager looks, chooses, fills in the form; one in eight gives up and the créneau comes back."""
        sages = self._choose_service(en_ligne=True)
        dispo, motif, type_rdv = await self._look_online(sages)
        creneau = self._choose_creneau(dispo)
        if creneau is None:
            return await self.cancel(hesitation_s, sages)
        visite = secrets.token_urlsafe(32)
        await place_option(
            self.outils,
            service_id=dispo.contexte.id,
            motif_id=motif.id,
            type_rdv=type_rdv,
            debut=creneau.debut,
            visite=visite,
            maintenant=clock.now(),
            delegation_id=dispo.delegation.id if dispo.delegation else None,
        )
        await self.pause(hesitation_s * self.hasard.uniform(0.3, 1))
        if self.hasard.random() < 1 / 8:
            await release_option(self.outils, visite, clock.now())
            self.comptes["renoncements"] += 1
            return None
        demande = self._write(dispo, motif, type_rdv, creneau, "internet", "internet", visite)
        await book(self.outils, demande, USAGER, clock.now())
        self.comptes["réservations en ligne"] += 1
        return None

    async def book_phone(self, hesitation_s: float) -> None:
        """An agent books from the agenda for somebody on the phone."""
        sages = self._choose_service(en_ligne=False)
        dispo, motif, type_rdv = await self._look(sages, "rattache")
        creneau = self._choose_creneau(dispo)
        if creneau is None:
            return await self.cancel(hesitation_s, sages)
        demande = self._write(dispo, motif, type_rdv, creneau, "rattache", "telephone", None)
        await book(self.outils, demande, self.agent(sages), clock.now())
        self.comptes["réservations par téléphone"] += 1
        return None

    async def book_desk(self, hesitation_s: float) -> None:
        """Somebody came without rendez-vous: the desk finds a place in the next hours."""
        sages = self.hasard.choice(list(_POIDS))
        dispo, motif, _ = await self._look(sages, "rattache", type_rdv="guichet")
        maintenant = clock.now()
        journee = dispo.grille.jours.get(maintenant.astimezone(dispo.contexte.zone).date())
        limite = floor_minute(maintenant) + 180
        if journee is None:
            return
        proches = [creneau for creneau in journee.creneaux if creneau.debut < limite]
        offerts = [depart for depart, _ in journee.candidats if depart < limite]
        # One place in two stays for the visitors of the demo, who book from the agenda too.
        if len(proches) * 2 < len(offerts) or not proches:
            return
        creneau = self.hasard.choice(proches[: max(1, len(proches) // 2)])
        demande = self._write(dispo, motif, "guichet", creneau, "rattache", "guichet", None)
        await book(self.outils, demande, self.agent(sages), maintenant)
        self.comptes["réservations au guichet"] += 1

    async def cancel(self, hesitation_s: float, sages: str | None = None) -> None:
        """An agent cancels a rendez-vous of the simulation, after a call."""
        sages = sages or self.hasard.choice(list(_POIDS))
        maintenant = clock.now()
        jour = (maintenant + timedelta(days=self.hasard.randrange(1, 30))).date()
        async with self.outils.db.read() as conn:
            rdv_id = (
                await conn.execute(
                    select(RendezVous.id)
                    .where(
                        RendezVous.service_id == self.acteurs.services[sages],
                        RendezVous.jour == jour,
                        RendezVous.etat == "prevu",
                        RendezVous.note_interne == NOTE,
                    )
                    .order_by(func.random())
                    .limit(1)
                )
            ).scalar_one_or_none()
        if rdv_id is None:
            return
        raison = self.hasard.choice(RAISONS_ANNULATION)
        await act(self.outils, rdv_id, Action.ANNULER, self.agent(sages), maintenant, raison=raison)
        self.comptes["annulations"] += 1

    def agent(self, sages: str) -> Auteur:
        """The colleague of that service."""
        return Auteur("agent", agent_id=self.acteurs.collegues[sages], origine="simulation")

    def _choose_service(self, *, en_ligne: bool) -> str:
        if self.hasard.random() < 0.85:
            return self.hasard.choices(list(_POIDS), list(_POIDS.values()))[0]
        return self.hasard.choice([s.sages for s in SERVICES if s.en_ligne or not en_ligne])

    async def _look(
        self, sages: str, canal: str, *, type_rdv: str | None = None
    ) -> tuple[Disponibilite, MotifOffert, str]:
        """What is free in that service, for a motif and a type that it offers."""
        service_id = self.acteurs.services[sages]
        async with self.outils.db.read() as conn:
            versions = await read_versions(conn, service_id)
            contexte = await self.outils.dispo.contextes.get(conn, service_id, versions.planning)
            motif = self.hasard.choice(find_feuilles(contexte))
            if type_rdv is None:
                type_rdv = self.hasard.choices(("guichet", "telephone"), (80, 20))[0]
            dispo = await self.outils.dispo.read(
                conn, service_id, motif_id=motif.id, type_rdv=type_rdv, canal=canal, maintenant=clock.now()
            )
        return dispo, motif, type_rdv

    async def _look_online(self, sages: str) -> tuple[Disponibilite, MotifOffert, str]:
        """The same by internet; where a motif is entrusted elsewhere, one in four goes there [G 2.3.5]."""
        dispo, motif, type_rdv = await self._look(sages, "internet")
        jour = clock.now().astimezone(dispo.contexte.zone).date()
        confiees = [d for d in dispo.contexte.confiees if d.is_vivante(jour)]
        if not confiees or self.hasard.random() >= 1 / 4:
            return dispo, motif, type_rdv
        delegation = self.hasard.choice(confiees)
        motif = dispo.contexte.motif(self.hasard.choice(sorted(delegation.motifs)))
        async with self.outils.db.read() as conn:
            ailleurs = await self.outils.dispo.read(
                conn,
                delegation.service_delegue_id,
                motif_id=motif.id,
                type_rdv="guichet",
                canal="internet",
                maintenant=clock.now(),
                delegation=delegation,
            )
        return ailleurs, motif, "guichet"

    def _choose_creneau(self, dispo: Disponibilite) -> Creneau | None:
        """A créneau of a day that has enough of them left, or None."""
        jours = [
            journee.creneaux
            for journee in dispo.grille.jours.values()
            if journee.creneaux and len(journee.creneaux) >= LIBRE_MIN * len(journee.candidats)
        ]
        return self.hasard.choice(self.hasard.choice(jours)) if jours else None

    def _write(
        self,
        dispo: Disponibilite,
        motif: MotifOffert,
        type_rdv: str,
        creneau: Creneau,
        canal: str,
        origine: str,
        visite: str | None,
    ) -> Reservation:
        courriel = find_boite(self.outils.settings) is not None
        return Reservation(
            service_id=dispo.contexte.id,
            motif_id=motif.id,
            type_rdv=type_rdv,
            debut=creneau.debut,
            canal=canal,
            origine=origine,
            usager=imagine_usager(self.hasard, motif.public, courriel=courriel),
            precision=self.hasard.choice(PRECISIONS),
            cle=str(uuid.uuid4()),
            visite=visite,
            note_interne=NOTE,
            delegation_id=dispo.delegation.id if dispo.delegation else None,
        )
