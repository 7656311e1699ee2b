"""A créneau for each rendez-vous outside: the rules of an attached agent, one read of what is occupied, no lock.

Beside its own guichets, a service proposes those of the services to which it delegates the motif, and for what it
receives by delegation the way home, first when as near [G 2.3.5]. What is proposed is free when it is shown; what is
moved is judged again, like any booking.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from app.admin.replacement.delegues import Delegue, read_delegues
from app.admin.replacement.lecture import RdvLu
from app.admin.replacement.retours import Accueillant, may_return, read_accueillant, read_maisons
from app.booking.contexte import ServiceContexte, Versions
from app.booking.outils import Outils
from app.domain.calendrier import earliest_jour
from app.domain.contexte import Alerte
from app.domain.creneaux import compute_grille
from app.domain.guichets import Demande, GuichetRegle, find_eligibles, order_guichets
from app.domain.horaires import floor_minute, get_cadran
from app.domain.rendez_vous import Etat
from app.domain.replacement import RETOUR, Besoin, Offre, Place, list_autres, propose
from app.domain.vocabulaire import Canal, TypeRdv

#: Other créneaux offered beside the one proposed.
AUTRES: Final = 8


@dataclass(frozen=True, slots=True)
class Proposition:
    """``place`` is None when no créneau is left. ``autres``: others, proposed to nobody, in order of time."""

    place: Place | None
    autres: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class Propositions:
    """RDV → proposition, no two of them the same place, and the services other than its own where some may go.

    ``delegues``: delegation → who receives by it; ``maisons``: service → the home of some that are received here.
    """

    par_rdv: Mapping[int, Proposition]
    delegues: Mapping[int, Delegue] = field(default_factory=dict)
    maisons: Mapping[int, Accueillant] = field(default_factory=dict)

    @property
    def suivis(self) -> dict[str, int]:
        """Subjects to follow, with the version of each shown here: the public créneaux of those services."""
        lus = [(d.contexte.id, d.versions) for d in self.delegues.values()]
        lus += [(maison.contexte.id, maison.versions) for maison in self.maisons.values()]
        return {f"creneaux:{ident}": versions.creneaux for ident, versions in lus}


async def build_propositions(
    outils: Outils,
    conn: AsyncConnection,
    contexte: ServiceContexte,
    versions: Versions,
    rdvs: Sequence[RdvLu],
    maintenant: datetime,
    *,
    montres: Collection[int] | None = None,
) -> Propositions:
    """A place for each of ``rdvs``, whoever comes first being served first; others only for ``montres`` (all: None).

    One statement, two for each service that receives by delegation, and those of ``read_maisons``; none grows with the
    rendez-vous. Those that another service receives for this one are offered the way home alone.
    """
    if not rdvs:
        return Propositions({})
    ici = await read_accueillant(outils, conn, contexte, versions, maintenant)
    propres = {rdv.motif_id for rdv in rdvs if not rdv.recu}
    delegues = await read_delegues(outils, conn, contexte, propres, maintenant) if propres else []
    maisons = await read_maisons(outils, conn, contexte, rdvs, maintenant)
    formes: dict[tuple[object, ...], int] = {}
    siennes: dict[tuple[object, ...], Offre] = {}
    confiees: dict[tuple[int, int, str], Offre] = {}
    libres: dict[int, list[Offre]] = {}
    besoins: list[Besoin] = []
    bornes = _Bornes.of(contexte, maintenant)
    for rdv in rdvs:
        sienne = _offer(rdv, ici, siennes)
        retour = _offer_retour(rdv, contexte, maisons, siennes)
        possibles = [d for d in delegues if _may_go(rdv, d, contexte)]
        forme = formes.setdefault(
            (id(sienne), id(retour), rdv.motif_id, rdv.type_rdv, *(d.delegation.id for d in possibles)), len(formes)
        )
        if forme not in libres:
            for d in possibles:
                if (voulue := (d.delegation.id, rdv.motif_id, rdv.type_rdv)) not in confiees:
                    confiees[voulue] = d.offer(rdv.motif_id, rdv.type_rdv)
            autres = [confiees[d.delegation.id, rdv.motif_id, rdv.type_rdv] for d in possibles]
            libres[forme] = [*([] if retour is None else [retour]), sienne, *autres]
        besoins.append(bornes.build_besoin(rdv, forme))
    proposees, prises = propose(besoins, libres)
    trouvees = {
        besoin.rdv_id: Proposition(
            proposees.get(besoin.rdv_id),
            tuple(list_autres(besoin, libres[besoin.forme], prises, AUTRES))
            if montres is None or besoin.rdv_id in montres
            else (),
        )
        for besoin in besoins
    }
    return Propositions(trouvees, {d.delegation.id: d for d in delegues}, maisons)


def _offer(
    rdv: RdvLu, chez: Accueillant, connues: dict[tuple[object, ...], Offre], delegation_id: int | None = None
) -> Offre:
    """What is free for it at ``chez``; computed once for all those that ask for the same (``connues``)."""
    demande, guichets = _build_demande(rdv, chez.contexte)
    if rdv.service_id != chez.contexte.id and rdv.type_rdv == TypeRdv.VISIO and not chez.contexte.visio_base:
        guichets = []
    cle = (chez.contexte.id, tuple(guichet.id for guichet in guichets), demande.duree, delegation_id)
    if cle not in connues:
        contexte, fenetre = chez.contexte, chez.fenetre
        ouvertures = contexte.ouvertures(fenetre.du, fenetre.au)
        grille = compute_grille(demande, guichets, ouvertures, chez.occupees.par_guichet, fenetre, contexte.zone)
        connues[cle] = Offre([c for journee in grille.jours.values() for c in journee.creneaux], delegation_id)
    return connues[cle]


def _offer_retour(
    rdv: RdvLu,
    contexte: ServiceContexte,
    maisons: Mapping[int, Accueillant],
    connues: dict[tuple[object, ...], Offre],
) -> Offre | None:
    """What its home may take back; None when it is at home, or is not the agent's to bring back."""
    maison = maisons.get(rdv.maison_id) if rdv.maison_id is not None else None
    if maison is None or not may_return(rdv, contexte, maison.contexte, maison.versions):
        return None
    return _offer(rdv, maison, connues, RETOUR)


def _may_go(rdv: RdvLu, delegue: Delegue, contexte: ServiceContexte) -> bool:
    """True when it may go there: no chain of delegations, no length of its own, nobody sent out of the door."""
    if rdv.recu or Alerte.DUREE_MODIFIEE.value in rdv.place.forcages:
        return False
    if rdv.etat == Etat.ARRIVE and delegue.contexte.site_id != contexte.site_id:
        return False
    return rdv.motif_id in delegue.delegation.motifs


def _build_demande(rdv: RdvLu, contexte: ServiceContexte) -> tuple[Demande, list[GuichetRegle]]:
    """What it asks for, and the guichets that suit it, best first, their restrictions already judged.

    A motif that no open guichet takes any more may go to any of them: it is kept, not chosen [A1, summary table]. What
    is received for another service keeps its length, unless it goes home.
    """
    motif = contexte.motifs.get(rdv.motif_id)
    gardee = (rdv.recu and rdv.maison_id != contexte.id) or Alerte.DUREE_MODIFIEE.value in rdv.place.forcages
    duree = rdv.place.fin - rdv.place.debut if motif is None or gardee else motif.duree
    demande = Demande(rdv.motif_id, rdv.type_rdv, Canal.RATTACHE, duree, contexte.pas)
    guichets = [] if contexte.ferme or motif is None else list(contexte.guichets.values())
    if not any(g.ouvert and g.accepts_motif(rdv.motif_id) for g in guichets):
        guichets = [replace(guichet, motifs=None) for guichet in guichets]
    eligibles, _ = find_eligibles(demande, guichets)
    par_id = {guichet.id: guichet for guichet in eligibles}
    ordre = order_guichets(par_id, guichets, {}, demande, rdv.id)
    return demande, [replace(par_id[ident], motifs=None, canaux=None, types=None) for ident in ordre]


@dataclass(frozen=True, slots=True)
class _Bornes:
    """Instants that bound what may be proposed, in minutes-époque."""

    maintenant: int
    fin_du_jour: int
    #: From here on anybody may be asked to come: the delay that usagers themselves have.
    delai: int

    @classmethod
    def of(cls, contexte: ServiceContexte, maintenant: datetime) -> _Bornes:
        aujourdhui = maintenant.astimezone(contexte.zone).date()
        delai = contexte.parametres.delai_ouvre
        feries = contexte.feries(aujourdhui, aujourdhui + timedelta(days=delai + 62))
        return cls(
            floor_minute(maintenant),
            get_cadran(aujourdhui, contexte.zone).fin,
            get_cadran(earliest_jour(aujourdhui, delai, feries), contexte.zone).debut,
        )

    def build_besoin(self, rdv: RdvLu, forme: int) -> Besoin:
        """Earlier than it was only with the usual notice; within the day for somebody who is here already."""
        place = rdv.place
        if rdv.etat == Etat.ARRIVE:
            return Besoin(rdv.id, place.guichet_id, place.debut, place.fin, forme, self.maintenant, self.fin_du_jour)
        pas_avant = max(self.maintenant, min(place.debut, self.delai))
        return Besoin(rdv.id, place.guichet_id, place.debut, place.fin, forme, pas_avant)
