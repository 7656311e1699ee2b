"""Where who sees no agenda may move a RDV: the motifs, types and créneaux that he is offered [A1, summary table].

The same rules as those that the move is judged by: the RDV stands in nobody's way, its own motif is kept whatever is
open now, and a duration that was decided for it is kept with its motif.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking.contexte import MotifOffert, ServiceContexte, Versions, read_versions
from app.booking.disponibilites import Disponibilite, Occupations
from app.booking.jugement import compute_fenetre
from app.booking.outils import Outils
from app.domain.calendrier import Fenetre
from app.domain.contexte import Alerte
from app.domain.creneaux import Demande, Grille, compute_grille, remove_depart
from app.domain.guichets import GuichetRegle, find_eligibles
from app.domain.horaires import floor_minute
from app.domain.vocabulaire import Canal, TypeRdv

_NIVEAUX = 3


@dataclass(frozen=True, slots=True)
class Offre:
    """What a RDV may become, as its service is now. ``rdv``: columns of ``app.booking.par_code``.

    ``canal``: by whose rules, those of agents extérieurs or of usagers on the internet.
    """

    contexte: ServiceContexte
    versions: Versions
    rdv: Mapping[str, Any]
    maintenant: datetime
    canal: str = Canal.EXTERIEUR.value

    def list_motifs(self) -> list[MotifOffert]:
        """Its own motif and those of the open guichets that take that channel, in the order of the national tree."""
        offerts = [
            motif
            for motif in self.contexte.motifs.values()
            if motif.id == self.rdv["motif_id"] or (motif.ouvert and self.list_types(motif.id))
        ]
        rangs = {ident: rang for rang, ident in enumerate(self.contexte.motifs)}
        return sorted(offerts, key=lambda motif: [rangs[m.id] for m in (*self._find_parents(motif), motif)])

    def group_motifs(self) -> list[tuple[str, list[MotifOffert]]]:
        """The same under the branch of each: « Particulier – Impôt sur le revenu », "" when it has none."""
        branches: dict[str, list[MotifOffert]] = {}
        for motif in self.list_motifs():
            branche = " – ".join(parent.libelle for parent in self._find_parents(motif))
            branches.setdefault(branche, []).append(motif)
        return list(branches.items())

    def _find_parents(self, motif: MotifOffert) -> list[MotifOffert]:
        """From the root down; at most three levels [G 2.3.1]."""
        parents: list[MotifOffert] = []
        parent = self.contexte.motifs.get(motif.parent_id or 0)
        while parent is not None and len(parents) < _NIVEAUX:
            parents.insert(0, parent)
            parent = self.contexte.motifs.get(parent.parent_id or 0)
        return parents

    def list_types(self, motif_id: int) -> tuple[str, ...]:
        """The types that a guichet open to that channel takes for that motif."""
        guichets = self._guichets(motif_id)
        return tuple(
            str(type_rdv)
            for type_rdv in TypeRdv
            if (type_rdv is not TypeRdv.VISIO or self.contexte.visio_base or self.rdv["type_rdv"] == type_rdv)
            and find_eligibles(self._demande(motif_id, type_rdv), guichets)[0]
        )

    def _guichets(self, motif_id: int) -> Sequence[GuichetRegle]:
        guichets = list(self.contexte.guichets.values())
        if motif_id != self.rdv["motif_id"] or self.canal == Canal.INTERNET:
            return guichets  # an usager moves within the internet rules: « initial motif » is for agents
        return [g if g.motifs is None else replace(g, motifs=g.motifs | {motif_id}) for g in guichets]

    def _demande(self, motif_id: int, type_rdv: str) -> Demande:
        sien = motif_id == self.rdv["motif_id"]
        decidee = Alerte.DUREE_MODIFIEE.value in self.rdv["forcages"] or self.rdv["service_origine_id"] is not None
        duree = self.contexte.motif(motif_id).duree
        if sien and decidee:
            duree = floor_minute(self.rdv["fin"]) - floor_minute(self.rdv["debut"])
        return Demande(motif_id, type_rdv, self.canal, duree, self.contexte.pas)

    async def read_grille(
        self, outils: Outils, conn: AsyncConnection, motif_id: int, type_rdv: str
    ) -> tuple[Grille, Fenetre, int]:
        """What is free for it day by day, in which window, for how many minutes."""
        dispo = await self.read_dispo(outils, conn, motif_id, type_rdv)
        return dispo.grille, dispo.fenetre, dispo.demande.duree

    async def read_dispo(self, outils: Outils, conn: AsyncConnection, motif_id: int, type_rdv: str) -> Disponibilite:
        """What is free for it, and all that it was computed from: what occupies the guichets but the RDV itself.

        The hour where it is already is no créneau, whatever the guichet, unless its motif or its type changes.
        """
        fenetre, demande = self._fenetre(), self._demande(motif_id, type_rdv)
        lues = await outils.dispo.occupations(
            conn, self.contexte, self.versions, fenetre.du, fenetre.au, self.maintenant
        )
        occupations = self._without_sienne(lues.par_guichet)
        grille = compute_grille(
            demande,
            self._guichets(motif_id),
            self.contexte.ouvertures(fenetre.du, fenetre.au),
            occupations,
            fenetre,
            self.contexte.zone,
        )
        if (motif_id, type_rdv) == (self.rdv["motif_id"], self.rdv["type_rdv"]):
            grille = remove_depart(grille, self.rdv["jour"], floor_minute(self.rdv["debut"]))
        return Disponibilite(self.versions, self.contexte, demande, fenetre, grille, occupations, lues.valable_jusqu_a)

    def _fenetre(self) -> Fenetre:
        return compute_fenetre(self.contexte, self.canal, self.maintenant)

    def _without_sienne(self, occupations: Occupations) -> Occupations:
        sienne = floor_minute(self.rdv["debut"]), floor_minute(self.rdv["fin"])
        return {
            guichet: [o for o in liste if guichet != self.rdv["guichet_id"] or tuple(o) != sienne]
            for guichet, liste in occupations.items()
        }


async def read_offre(
    outils: Outils,
    conn: AsyncConnection,
    rdv: Mapping[str, Any],
    maintenant: datetime,
    *,
    canal: str = Canal.EXTERIEUR.value,
) -> Offre:
    """What that RDV may become, its service read at one version."""
    versions = await read_versions(conn, rdv["service_id"])
    contexte = await outils.dispo.contextes.get(conn, rdv["service_id"], versions.planning)
    return Offre(contexte, versions, rdv, maintenant, canal)


def list_jours(grille: Grille) -> list[tuple[date, int]]:
    """The days that have a free créneau, and how many."""
    return [(jour, len(journee.creneaux)) for jour, journee in grille.jours.items() if journee.creneaux]
