"""People who wait in Nevers, for a half-day that is full: an agent who cancels there sees an offer leave.

Only where mails stay on this machine: an offer is a mail. Written through the public use cases, once, and again when
their dates are over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import Final

from sqlalchemy import exists, select

from app.booking.attente import Inscription, confirm, register
from app.booking.attente_liens import jeton_attente
from app.booking.contexte import read_versions
from app.booking.disponibilites import Disponibilite
from app.booking.jugement import Reservation
from app.booking.outils import Auteur, Outils
from app.booking.reserver import book
from app.demo.boite_locale import find_boite
from app.demo.monde import NEVERS
from app.demo.personnages import NOTE, imagine_usager
from app.domain.horaires import from_minute
from app.errors import AppError
from app.tables import Attente, ServiceFiscal

#: Places booked at most to make a half-day full.
_A_REMPLIR: Final = 12
#: RDV that it has at least: there must be something to cancel.
_A_ANNULER: Final = 2
_AUTEUR: Final = Auteur("usager", origine="simulation")
_NOMS: Final = ("Vauquelin", "Bellanger", "Ostrowski")


@dataclass(frozen=True, slots=True)
class _DemiJournee:
    jour: date
    moment: str
    libres: tuple[int, ...]
    places: int
    pris: int


async def seed_attente(outils: Outils, maintenant: datetime) -> int:
    """Three people on the waiting list, unless somebody waits there already; how many were added."""
    if find_boite(outils.settings) is None:
        return 0
    async with outils.db.read() as conn:
        service_id = (await conn.execute(select(ServiceFiscal.id).where(ServiceFiscal.sages == NEVERS))).scalar_one()
        deja = exists().where(
            Attente.service_id == service_id, Attente.au >= maintenant.date(), Attente.etat == "active"
        )
        if (await conn.execute(select(deja))).scalar_one():
            return 0
        versions = await read_versions(conn, service_id)
        contexte = await outils.dispo.contextes.get(conn, service_id, versions.planning)
        motif = next((m for m in contexte.motifs.values() if m.ouvert and m.duree == contexte.duree), None)
        if motif is None:
            return 0
        dispo = await outils.dispo.read(
            conn, service_id, motif_id=motif.id, type_rdv="guichet", canal="internet", maintenant=maintenant
        )
    candidates = [d for d in _list_demi_journees(dispo) if d.pris >= _A_ANNULER and d.places <= _A_REMPLIR]
    if not candidates:
        return 0
    choisie = min(candidates, key=lambda d: (d.places, d.jour))
    hasard = Random(f"attente {choisie.jour}")
    await _fill(outils, service_id, motif.id, choisie, hasard, maintenant)
    for rang, nom in enumerate(_NOMS):
        contact = f"{nom.lower()}.attente@usagers.test"
        demande = Inscription(
            service_id=service_id,
            motif_id=motif.id,
            type_rdv="guichet",
            nature="particulier",
            du=choisie.jour,
            au=choisie.jour,
            demi_journee=choisie.moment,
            nom=nom,
            canal="mail",
            contact=contact,
            langue="en" if rang == 2 else "fr",
        )
        a = maintenant + rang * timedelta(milliseconds=1)
        await register(outils, demande, _AUTEUR, a)
        await confirm(outils, await _read_jeton(outils, contact), _AUTEUR, a)
    return len(_NOMS)


def _list_demi_journees(dispo: Disponibilite) -> Iterator[_DemiJournee]:
    """Every half-day that usagers may book, with its free starts, how many places those are, and how many are taken."""
    zone = dispo.contexte.zone
    for jour, journee in dispo.grille.jours.items():
        for moment in ("matin", "apres-midi"):
            siens = {
                depart: guichets
                for depart, guichets in journee.candidats
                if (from_minute(depart).astimezone(zone).hour < 12) == (moment == "matin")
            }
            libres = [creneau for creneau in journee.creneaux if creneau.debut in siens]
            places = sum(len(creneau.guichets) for creneau in libres)
            pris = sum(map(len, siens.values())) - places
            yield _DemiJournee(jour, moment, tuple(creneau.debut for creneau in libres), places, pris)


async def _fill(
    outils: Outils, service_id: int, motif_id: int, choisie: _DemiJournee, hasard: Random, maintenant: datetime
) -> None:
    """Book what is left of that half-day, for imaginary people to whom nothing is sent."""
    for depart in choisie.libres:
        for essai in range(_A_REMPLIR):
            demande = Reservation(
                service_id=service_id,
                motif_id=motif_id,
                type_rdv="guichet",
                debut=depart,
                canal="internet",
                origine="internet",
                usager=imagine_usager(hasard, "particulier", courriel=False),
                precision="Question sur ma déclaration",
                cle=f"demo-attente-{depart}-{essai}-{hasard.random()}",
                note_interne=NOTE,
            )
            try:
                await book(outils, demande, _AUTEUR, maintenant)
            except AppError:  # no guichet is left at that hour
                break


async def _read_jeton(outils: Outils, contact: str) -> str:
    async with outils.db.read() as conn:
        requete = select(Attente.lien_sel).where(Attente.contact == contact).order_by(Attente.id.desc()).limit(1)
        return jeton_attente(outils.settings, (await conn.execute(requete)).scalar_one())
