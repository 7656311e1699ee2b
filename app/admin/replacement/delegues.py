"""The services to which this one delegates, as the assistant needs them: their free créneaux, their quota, their name.

What they are offered follows the rules that an usager would meet there: guichets open to the internet, their own delay
and horizon. Nothing is forced on them from here.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking.contexte import ServiceContexte, Versions, read_versions
from app.booking.disponibilites import OccupationsLues
from app.booking.jugement import compute_fenetre
from app.booking.outils import Outils
from app.domain.calendrier import Fenetre
from app.domain.creneaux import Creneau, compute_grille
from app.domain.delegation import Delegation
from app.domain.guichets import Demande, order_guichets
from app.domain.replacement import Offre
from app.domain.vocabulaire import Canal


def describe_lieu(contexte: ServiceContexte) -> str:
    """« SIP DE COSNE, COSNE-SUR-LOIRE »."""
    return ", ".join(mot for mot in (contexte.libelle, contexte.ville) if mot)


@dataclass(frozen=True, slots=True)
class Delegue:
    """A delegation under way and the service that receives by it, read at ``versions``."""

    delegation: Delegation
    contexte: ServiceContexte
    versions: Versions
    fenetre: Fenetre
    occupees: OccupationsLues

    @property
    def lieu(self) -> str:
        """« SIP DE COSNE, COSNE-SUR-LOIRE »."""
        return describe_lieu(self.contexte)

    def offer(self, motif_id: int, type_rdv: str) -> Offre:
        """What it may still receive by that delegation for that motif and that type."""
        contexte, delegation = self.contexte, self.delegation
        duree = contexte.duree_pour(motif_id, delegation)
        demande = Demande(motif_id, type_rdv, Canal.INTERNET, duree, contexte.pas)
        if type_rdv == "visio" and not contexte.visio_base:
            return Offre((), delegation.id)
        guichets = list(contexte.guichets.values())
        grille = compute_grille(
            demande,
            guichets,
            contexte.ouvertures(self.fenetre.du, self.fenetre.au),
            self.occupees.par_guichet,
            self.fenetre,
            contexte.zone,
        )
        libres: list[Creneau] = []
        restants: dict[date, int] = {}
        for jour, journee in grille.jours.items():
            pris = self.occupees.par_delegation.get((delegation.id, jour), 0)
            if not journee.creneaux or delegation.refuse_jour(motif_id, jour, pris) is not None:
                continue
            libres += [
                creneau._replace(guichets=order_guichets(creneau.guichets, guichets, {}, demande, 0))
                for creneau in journee.creneaux
            ]
            if delegation.quota_jour is not None:
                restants[jour] = delegation.quota_jour - pris
        return Offre(libres, delegation.id, restants, contexte.zone)


async def read_delegues(
    outils: Outils, conn: AsyncConnection, contexte: ServiceContexte, motifs: Collection[int], maintenant: datetime
) -> list[Delegue]:
    """Those to which one of ``motifs`` may go, at the same local time, in the order of the delegations.

    Two statements for each service that receives, whatever the number of rendez-vous.
    """
    aujourdhui = maintenant.astimezone(contexte.zone).date()
    delegues: list[Delegue] = []
    lus: dict[int, tuple[ServiceContexte, Versions, Fenetre, OccupationsLues]] = {}
    for delegation in contexte.confiees:
        if not delegation.is_vivante(aujourdhui) or delegation.motifs.keys().isdisjoint(motifs):
            continue
        ident = delegation.service_delegue_id
        if ident not in lus:
            versions = await read_versions(conn, ident)
            receveur = await outils.dispo.contextes.get(conn, ident, versions.planning)
            fenetre = compute_fenetre(receveur, Canal.INTERNET, maintenant)
            occupees = await outils.dispo.occupations(conn, receveur, versions, fenetre.du, fenetre.au, maintenant)
            lus[ident] = receveur, versions, fenetre, occupees
        if not lus[ident][0].ferme and lus[ident][0].zone.key == contexte.zone.key:
            delegues.append(Delegue(delegation, *lus[ident]))
    return delegues
