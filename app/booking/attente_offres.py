"""Offer what is free to who waits, in order: one créneau to one person at a time, held for him [P1].

The hold, the offer, the message and their announcements are one transaction: a worker killed anywhere leaves either
nothing or an offer whose message will leave. What is free is the one computation of the public grid, by the rules of
the internet; the cancelled places that a service keeps from the public for a while are offered here first, since
nobody can watch for them, and every other person waits in a line. Who has the choice on the public grid is told so,
once, and nothing is held for him (``app.domain.attente``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from app.booking import attente_regard as regard
from app.booking import attente_store as file
from app.booking import store
from app.booking.attente import journal
from app.booking.attente_libres import Etal, read_etal
from app.booking.attente_messages import tell
from app.booking.attente_suivi import read_contexte
from app.booking.liberation import carve, release
from app.booking.outils import SYSTEME, Outils
from app.courrier.attente import list_muets
from app.db import UnitOfWork, describe
from app.domain.attente import REPOS, SURSIS, Libre, Voeu, is_ouvert
from app.domain.creneaux import order_guichets
from app.domain.horaires import from_minute
from app.domain.rendez_vous import NatureOption
from app.domain.vocabulaire import Canal
from app.errors import Indisponible
from app.outbox import PlanningChange

log = structlog.get_logger("accueil.attente")

#: People behind one network to whom créneaux of one service are offered at one time.
_PAR_ORIGINE: Final = 2
#: A service where nothing changed is looked at again that often: days enter the window by themselves.
_RELIRE_S: Final = 300
#: Two services are not looked at again at the same instant.
_DECALAGE_S: Final = 37
#: People told in one look that plenty is free; the others at the next one.
_AVIS_MAX: Final = 50
_ESSAIS: Final = 4
#: Services that cannot be read, in one look, before the base is taken to be away.
_ECHECS_MAX: Final = 3


class _Perdue(Exception):
    """Somebody was faster, or the person waits no more: nothing of this offer is kept."""


@dataclass(slots=True)
class Bilan:
    """Of one look at a service. ``reste``: somebody is still to be told."""

    offres: int = 0
    avis: int = 0
    reste: bool = False


@dataclass(slots=True)
class Guetteur:
    """What one process remembers of the services where somebody waits: it looks again when something changed."""

    outils: Outils
    _vus: dict[int, tuple[regard.Guet, frozenset[str], int]] = field(default_factory=dict)

    async def run_once(self, maintenant: datetime) -> int:
        """Offer what is free; the number of offers made. Raises Indisponible when PostgreSQL is away."""
        async with self.outils.db.read() as conn:
            guets = await regard.list_guets(conn, maintenant.date() - timedelta(days=1))
            muets = await list_muets(conn, maintenant) if guets else frozenset[str]()
        seconde = int(maintenant.timestamp())
        faites, echecs, vus = 0, 0, dict[int, tuple[regard.Guet, frozenset[str], int]]()
        for guet in guets:
            cle = (guet, muets, (seconde + guet.service_id * _DECALAGE_S) // _RELIRE_S)
            if self._vus.get(guet.service_id) == cle:
                vus[guet.service_id] = cle
                continue
            try:
                bilan = await serve(self.outils, guet.service_id, maintenant, muets)
                faites += bilan.offres
                if not bilan.reste:
                    vus[guet.service_id] = cle
            except Exception as erreur:  # one that is too slow, or broken, keeps nobody else waiting
                log.error("attente.defaut", service=guet.service_id, **describe(erreur))
                echecs += isinstance(erreur, Indisponible)
                if echecs >= _ECHECS_MAX:
                    raise
        self._vus = vus
        return faites


@dataclass(slots=True)
class _Tour:
    """One look at a service: what it has for each motif and type that somebody waits for, and what it already holds."""

    outils: Outils
    service_id: int
    maintenant: datetime
    etals: dict[tuple[int, str], Etal] = field(default_factory=dict)
    origines: Counter[bytes | None] = field(default_factory=Counter)
    vaines: Sequence[tuple[int, int]] = ()

    async def read(self) -> None:
        """As it is now: nothing by night."""
        a = self.maintenant
        async with self.outils.db.read() as conn:
            genres = await regard.list_genres(conn, self.service_id, a.date() - timedelta(days=1))
            self.origines = Counter(await regard.list_origines_vivantes(conn, self.service_id))
            self.vaines = await regard.list_vaines(conn, self.service_id, a - REPOS)
            gels = await regard.list_gels(conn, self.service_id)
            self.etals = {}
            for genre in genres:
                etal = await read_etal(self.outils, conn, self.service_id, genre, gels, a)
                if etal is not None and is_ouvert(a, etal.dispo.contexte.zone):
                    self.etals[genre] = etal

    def list_jours(self) -> regard.Jours:
        """(motif, type, day, half-day) of what is free: whom to look for in the line."""
        return sorted(
            {
                (motif_id, type_rdv, libre.jour, libre.demi_journee)
                for (motif_id, type_rdv), etal in self.etals.items()
                for libres in etal.jours.values()
                for libre in libres
            }
        )

    def choose(self, voeu: Voeu) -> tuple[Etal, Libre] | None:
        """What may be offered to him now, or None."""
        etal = self.etals.get((voeu.motif_id, voeu.type_rdv))
        if etal is None or (voeu.origine is not None and self.origines[voeu.origine] >= _PAR_ORIGINE):
            return None
        libre = etal.choose(voeu, self.vaines, self.origines.total())
        return None if libre is None else (etal, libre)


async def serve(outils: Outils, service_id: int, maintenant: datetime, muets: frozenset[str] = frozenset()) -> Bilan:
    """Offer what is rare in one service, the first of the line first; tell the others, once, when plenty is free.

    ``muets``: channels whose messages do not leave now; nothing is held for who would not know it.
    """
    tour, bilan, apres = _Tour(outils, service_id, maintenant), Bilan(), None
    await tour.read()
    while jours := tour.list_jours():
        async with outils.db.read() as conn:
            page = await regard.list_voeux(conn, service_id, jours, apres, muets=muets)
        if not page:
            break
        apres, pourvus = page[-1], None
        for voeu in page:
            etal = tour.etals.get((voeu.motif_id, voeu.type_rdv))
            choix = etal is not None and etal.has_choix(voeu)
            if (choix and voeu.prevenu) or (not choix and tour.choose(voeu) is None):
                continue
            if pourvus is None:
                async with outils.db.read() as conn:
                    pourvus = await regard.list_pourvus(conn, service_id, [v.id for v in page], maintenant)
            if voeu.id in pourvus:
                continue
            if not choix:
                bilan.offres += await _offer(tour, voeu)
            elif bilan.avis < _AVIS_MAX:
                bilan.avis += await _tell_libres(outils, voeu, maintenant)
            else:
                bilan.reste = True
    return bilan


async def _offer(tour: _Tour, voeu: Voeu) -> bool:
    """The earliest créneau that suits him; False when there is none, or he waits no more."""
    for _ in range(_ESSAIS):
        trouvee = tour.choose(voeu)
        if trouvee is None:
            return False
        try:
            return await _make(tour, voeu, *trouvee)
        except (_Perdue, PlanningChange):
            pass  # taken, or reorganised, since it was read: look again
        finally:
            await tour.read()
    return False


async def _tell_libres(outils: Outils, voeu: Voeu, maintenant: datetime) -> bool:
    """« Des créneaux sont libres », once for a request; False when he waits no more."""

    async def travail(uow: UnitOfWork) -> bool:
        ligne = await file.lock_active(uow.conn, voeu.id)
        if ligne is None or ligne["prevenu_a"] is not None:
            return False
        await file.update_attente(uow.conn, voeu.id, prevenu_a=maintenant)
        contexte = await read_contexte(outils, uow, ligne["service_id"])
        await tell(uow.conn, outils.settings, contexte, ligne, "libres", maintenant)
        await journal(uow, ligne, SYSTEME, maintenant, "attente.prevenue")
        return True

    return await outils.db.transaction(travail)


async def _make(tour: _Tour, voeu: Voeu, etal: Etal, libre: Libre) -> bool:
    """Hold it and tell him, in one transaction. Raises _Perdue, PlanningChange; False when he waits no more."""
    outils, service_id, maintenant, dispo = tour.outils, tour.service_id, tour.maintenant, etal.dispo
    contexte, limite = dispo.contexte, etal.limite
    debut, fin = from_minute(libre.debut), from_minute(libre.debut + dispo.demande.duree)
    charge = {guichet: len(liste) for guichet, liste in dispo.occupations.items()}
    ordre = order_guichets(libre.guichets, list(contexte.guichets.values()), charge, dispo.demande, voeu.id)
    if limite is None:
        return False
    tenue: dict[str, Any] = {
        "service_id": service_id,
        "service_origine_id": None,
        "delegation_id": None,
        "motif_id": voeu.motif_id,
        "type_rdv": voeu.type_rdv,
        "debut": debut,
        "fin": fin,
        "jour": libre.jour,
        "etat": "option",
        "occupe": True,
        "canal": Canal.INTERNET.value,
        "origine": "internet",
        "nature_option": NatureOption.OFFRE.value,
        "expire_a": limite + SURSIS,
        "cree_a": maintenant,
        "modifie_a": maintenant,
    }

    async def travail(uow: UnitOfWork) -> bool:
        ligne = await file.lock_active(uow.conn, voeu.id)
        if ligne is None:
            return False
        avant = await file.read_avant(uow.conn, ligne["rdv_id"])
        if avant is not None and avant <= debut:  # moved since the line was read
            return False
        uow.annonces.expect_planning(service_id, contexte.version_planning)
        rdv_id, guichet_id = await _hold(uow, tenue, ordre, maintenant)
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
                "expire_a": limite,
            },
        )
        await file.update_attente(uow.conn, voeu.id, etat="offre")
        await journal(uow, ligne, SYSTEME, maintenant, "attente.offre", offre=offre_id, debut=debut.isoformat())
        faits = {"offre_id": offre_id, "debut": debut, "fin": fin, "limite": limite}
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


async def _hold(uow: UnitOfWork, tenue: dict[str, Any], ordre: Sequence[int], maintenant: datetime) -> tuple[int, int]:
    """The hold's id and guichet. Raises _Perdue when nothing is left of the place."""
    await store.lock_echange(uow.conn, tenue["service_id"])
    release(uow, await store.delete_options_mortes(uow.conn, maintenant, guichets=ordre), maintenant)
    for guichet_id in ordre:
        gelee = await carve(uow, guichet_id, tenue["debut"], tenue["fin"], maintenant)
        rdv_id = await store.insert_rendez_vous(uow.conn, {**tenue, "guichet_id": guichet_id})
        if rdv_id is not None:
            return rdv_id, guichet_id
        if gelee:  # what was kept there stays kept
            break
    raise _Perdue
