"""Offer what is free to who waits, in order: one créneau to one person at a time, held for him [P1].

The hold, the offer, the message and their announcements are one transaction: a worker killed anywhere leaves either
nothing or an offer whose message will leave. What is free is the one computation of the public grid, by the rules of
the internet; the cancelled places that a service keeps from the public for a while are offered here first, since
nobody can watch for them, and every other person waits in a line.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking import attente_store as file
from app.booking import store
from app.booking.attente import journal, takes_attente
from app.booking.attente_messages import tell
from app.booking.attente_suivi import SURSIS, settle_offres
from app.booking.disponibilites import Disponibilite
from app.booking.jugement import compute_fenetre
from app.booking.liberation import release
from app.booking.outils import SYSTEME, Outils
from app.db import UnitOfWork, describe
from app.domain.attente import OFFRES_MAX, Voeu, add_gels, list_limites
from app.domain.creneaux import order_guichets
from app.domain.horaires import from_minute
from app.domain.rendez_vous import NatureOption
from app.domain.vocabulaire import Canal
from app.errors import Indisponible, Introuvable
from app.outbox import PlanningChange

log = structlog.get_logger("accueil.attente")

#: People behind one network to whom créneaux of one service are offered at one time.
_PAR_ORIGINE: Final = 2
#: A service where nothing changed is looked at again that often: days enter the window by themselves.
_RELIRE_S: Final = 300
_ESSAIS: Final = 4


class _Perdue(Exception):
    """Somebody was faster, or the person waits no more: nothing of this offer is kept."""


@dataclass(frozen=True, slots=True)
class Trouvaille:
    """A créneau that suits somebody, his until ``limite``. ``guichets``: where it is free, perhaps under a gel."""

    debut: int
    fin: int
    guichets: tuple[int, ...]
    limite: datetime
    dispo: Disponibilite


@dataclass(slots=True)
class Guetteur:
    """What one process remembers of the services where somebody waits: it looks again when something changed."""

    outils: Outils
    _vus: dict[int, tuple[file.Guet, int]] = field(default_factory=dict)

    async def run_once(self, maintenant: datetime) -> int:
        """End what is over, then offer what is free; the number of offers made."""
        await settle_offres(self.outils, maintenant)
        async with self.outils.db.read() as conn:
            guets = await file.list_guets(conn, maintenant.date() - timedelta(days=1))
        tour = int(maintenant.timestamp()) // _RELIRE_S
        faites, vus = 0, dict[int, tuple[file.Guet, int]]()
        for guet in guets:
            cle = (guet, tour)
            if self._vus.get(guet.service_id) == cle:
                vus[guet.service_id] = cle
                continue
            try:
                faites += await serve(self.outils, guet.service_id, maintenant)
                vus[guet.service_id] = cle
            except Indisponible:
                raise
            except Exception as erreur:
                log.error("attente.defaut", service=guet.service_id, **describe(erreur))
        self._vus = vus
        return faites


async def serve(outils: Outils, service_id: int, maintenant: datetime) -> int:
    """Offer what is free in one service, the first of the line first; the number of offers made."""
    async with outils.db.read() as conn:
        voeux = await file.list_voeux(conn, service_id, maintenant.date() - timedelta(days=1))
        origines = Counter(await file.list_origines_vivantes(conn, service_id))
    faites = 0
    for voeu in voeux:
        if origines.total() >= OFFRES_MAX:
            break
        if voeu.origine is not None and origines[voeu.origine] >= _PAR_ORIGINE:
            continue
        if await _offer(outils, service_id, voeu, maintenant):
            origines[voeu.origine] += 1
            faites += 1
    return faites


async def _offer(outils: Outils, service_id: int, voeu: Voeu, maintenant: datetime) -> bool:
    """The earliest créneau that suits him; False when there is none, or he waits no more."""
    for _ in range(_ESSAIS):
        async with outils.db.read() as conn:
            trouvee = await find_trouvaille(outils, conn, service_id, voeu, maintenant)
        if trouvee is None:
            return False
        try:
            return await _make(outils, service_id, voeu, trouvee, maintenant)
        except (_Perdue, PlanningChange):
            continue  # taken, or reorganised, since it was read: look again
    return False


async def find_trouvaille(
    outils: Outils, conn: AsyncConnection, service_id: int, voeu: Voeu, maintenant: datetime
) -> Trouvaille | None:
    """The earliest free créneau that suits, still bookable when the offer ends; None without any."""
    try:
        dispo = await outils.dispo.read(
            conn,
            service_id,
            motif_id=voeu.motif_id,
            type_rdv=voeu.type_rdv,
            canal=Canal.INTERNET.value,
            maintenant=maintenant,
        )
    except Introuvable:
        return None
    contexte = dispo.contexte
    if not takes_attente(contexte, voeu.motif_id, voeu.type_rdv, maintenant.astimezone(contexte.zone).date()):
        return None
    gels = await file.list_gels(conn, service_id)
    limites = list_limites(maintenant, contexte.parametres.attente_minutes, contexte.zone)
    fenetres = [(limite, compute_fenetre(contexte, Canal.INTERNET, limite)) for limite in limites]
    for depart, jour, guichets in _list_libres(dispo, gels):
        if voeu.suits(depart, contexte.zone):
            limite = next((limite for limite, fenetre in fenetres if fenetre.refuse(jour, depart) is None), None)
            if limite is not None:
                return Trouvaille(depart, depart + dispo.demande.duree, guichets, limite, dispo)
    return None


def _list_libres(
    dispo: Disponibilite, gels: Mapping[int, frozenset[tuple[int, int]]]
) -> list[tuple[int, date, tuple[int, ...]]]:
    """(start, day, guichets) of what is free, those that only a gel keeps included, in order; free ones first."""
    libres: dict[int, tuple[date, tuple[int, ...]]] = {}
    for jour, journee in dispo.grille.jours.items():
        for creneau in journee.creneaux:
            libres[creneau.debut] = jour, creneau.guichets
        if gels:
            for depart, guichets in add_gels(journee.candidats, dispo.demande.duree, dispo.occupations, gels).items():
                libres.setdefault(depart, (jour, guichets))
    return [(depart, *libres[depart]) for depart in sorted(libres)]


async def _make(outils: Outils, service_id: int, voeu: Voeu, trouvee: Trouvaille, maintenant: datetime) -> bool:
    """Hold it and tell him, in one transaction. Raises _Perdue, PlanningChange; False when he waits no more."""
    contexte = trouvee.dispo.contexte
    debut, fin = from_minute(trouvee.debut), from_minute(trouvee.fin)
    charge = {guichet: len(liste) for guichet, liste in trouvee.dispo.occupations.items()}
    ordre = order_guichets(trouvee.guichets, list(contexte.guichets.values()), charge, trouvee.dispo.demande, voeu.id)

    async def travail(uow: UnitOfWork) -> bool:
        ligne = await file.lock_active(uow.conn, voeu.id)
        if ligne is None:
            return False
        uow.annonces.expect_planning(service_id, contexte.version_planning)
        rdv_id, guichet_id = await _hold(uow, service_id, voeu, trouvee, ordre, maintenant)
        offre_id = await file.insert_offre(
            uow.conn,
            {
                "attente_id": voeu.id,
                "service_id": service_id,
                "rdv_id": rdv_id,
                "debut": debut,
                "fin": fin,
                "etat": "ouverte",
                "cree_a": maintenant,
                "expire_a": trouvee.limite,
            },
        )
        await file.update_attente(uow.conn, voeu.id, etat="offre")
        await journal(uow, ligne, SYSTEME, maintenant, "attente.offre", offre=offre_id, debut=debut.isoformat())
        faits = {"offre_id": offre_id, "debut": debut, "fin": fin, "limite": trouvee.limite}
        await tell(uow.conn, outils.settings, contexte, ligne, "offre", maintenant, **faits)
        uow.annonces.rdv(
            "option.posee",
            (service_id,),
            rdv=rdv_id,
            guichet=guichet_id,
            etat="option",
            debut=debut,
            fin=fin,
            a=maintenant,
        )
        uow.annonces.creneau("creneau.pris", (service_id,), guichet=guichet_id, debut=debut, fin=fin)
        return True

    return await outils.db.transaction(travail)


async def _hold(
    uow: UnitOfWork, service_id: int, voeu: Voeu, trouvee: Trouvaille, ordre: Sequence[int], maintenant: datetime
) -> tuple[int, int]:
    """The hold's id and guichet. Raises _Perdue when nothing is left of the place."""
    debut, fin = from_minute(trouvee.debut), from_minute(trouvee.fin)
    valeurs: dict[str, Any] = {
        "service_id": service_id,
        "service_origine_id": None,
        "delegation_id": None,
        "motif_id": voeu.motif_id,
        "type_rdv": voeu.type_rdv,
        "debut": debut,
        "fin": fin,
        "jour": debut.astimezone(trouvee.dispo.contexte.zone).date(),
        "etat": "option",
        "occupe": True,
        "canal": Canal.INTERNET.value,
        "origine": "internet",
        "nature_option": NatureOption.OFFRE.value,
        "expire_a": trouvee.limite + SURSIS,
        "cree_a": maintenant,
        "modifie_a": maintenant,
    }
    await store.lock_echange(uow.conn, service_id)
    release(uow, await store.delete_options_mortes(uow.conn, maintenant, guichets=ordre), maintenant)
    for guichet_id in ordre:
        gels = await store.delete_gels(uow.conn, guichet_id, debut, fin)
        rdv_id = await store.insert_rendez_vous(uow.conn, {**valeurs, "guichet_id": guichet_id})
        if rdv_id is not None:
            release(uow, gels, maintenant)
            return rdv_id, guichet_id
        if gels:  # what was kept there stays kept
            break
    raise _Perdue
