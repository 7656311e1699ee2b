"""Where one's own rendez-vous may go: what is free by the rules of the internet, as step 2 of the journey shows it.

The RDV stands in nobody's way, its own least of all: its place is like the visitor's own hold, so that the live grid is
the one of step 2, frames included. The hour where it is already is not offered; once it is elsewhere, the grid is asked
for again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from markupsafe import Markup
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking.contexte import MotifOffert
from app.booking.disponibilites import Disponibilite
from app.booking.offre import Offre, read_offre
from app.booking.outils import Outils
from app.booking.usager.calendrier import Calendrier, Tenue
from app.booking.usager.demande import Parcours, read_id, read_jour, read_mois
from app.booking.usager.etape_creneau import build_region, close_grille, find_tenue, url_jour
from app.booking.usager.lecture import Option, Vue
from app.booking.usager.lieux import Choix, Lieu
from app.booking.usager.mon_rdv import Mien
from app.booking.usager.mots import USAGER
from app.domain.horaires import floor_minute
from app.domain.libre_service import PHRASES
from app.domain.vocabulaire import Canal
from app.langue import tr
from app.tables import Epoque
from app.web.pages import render

#: Where the steps of the journey are, for who moves a RDV.
_ETAPES: Final = {"creneau": "deplacer", "creneau/fragment": "deplacer/fragment"}
MOTS: Final = replace(USAGER, impossible="Ce rendez-vous ne peut pas être déplacé en ligne")
#: Anchor of the choice of another motif or type.
AUTREMENT: Final = "#autrement"


@dataclass(frozen=True, slots=True)
class ParcoursMien(Parcours):
    """The choices of a move; ``base``: the address of the RDV's page."""

    base: str = ""

    def action(self, etape: str) -> str:
        """The address of a step, without the choices."""
        suite = _ETAPES.get(etape)
        return Parcours.action(self, etape) if suite is None else f"{self.base}/{suite}"


@dataclass(frozen=True, slots=True)
class Grille:
    """What is offered for a motif and a type, to this RDV."""

    mien: Mien
    offre: Offre
    parcours: ParcoursMien
    types: tuple[str, ...]
    motifs: tuple[MotifOffert, ...]
    dispo: Disponibilite
    epoque: str

    @property
    def calendrier(self) -> Calendrier:
        """Day by day, its own place free."""
        tenue = Tenue(*(self._tenue()))
        return Calendrier(self.dispo, tenue, url_jour(self.parcours))

    def _tenue(self) -> tuple[int, int, int]:
        rdv = self.mien.rdv
        return rdv["guichet_id"], floor_minute(rdv["debut"]), floor_minute(rdv["fin"])

    def _vue(self) -> Vue:
        rdv, maintenant = self.mien.rdv, self.mien.maintenant
        sienne = Option(
            rdv["id"],
            rdv["motif_id"],
            rdv["type_rdv"],
            rdv["guichet_id"],
            rdv["debut"],
            rdv["fin"],
            maintenant,
            maintenant,
            rdv["service_id"],
        )
        return Vue(self.offre.versions, self.epoque, self.offre.contexte, sienne, maintenant)

    def render(self, voulu: date | None = None) -> Markup:
        """The live region."""
        request, obstacle = self.mien.request, self.mien.obstacle
        vue, lieu = self._vue(), Lieu(self.offre.contexte, self.offre.versions)
        dispo = self.dispo if self.mien.en_ligne and obstacle is None else close_grille(self.dispo)
        choix = Choix((lieu,), {lieu.id: dispo}, lieu, False, (lieu,))
        assert find_tenue(vue, lieu) is not None
        mois, jour = read_mois(request.query_params.get("mois")), read_jour(request.query_params.get("jour"))
        contexte = build_region(vue, choix, self.parcours, mois, jour, voulu)
        contexte |= {"en_ligne": self.mien.en_ligne, "changer": AUTREMENT, "mots": MOTS}
        contexte["donnees_json"]["rdv"] = True
        if obstacle is not None:
            contexte |= {"impossible": tr(PHRASES[obstacle]), "premier": None, "en_ligne": True}
        html = render(request, "booking/usager/_creneaux.html", contexte)
        return Markup(html)  # noqa: S704 (a template's own output, escaped there)


async def read_grille(mien: Mien, outils: Outils, conn: AsyncConnection, donnees: Any) -> Grille:
    """What is offered for the motif and the type that a query or a form carries, its own by default.

    What cannot be a choice is no choice: a motif that is not offered online, or not to this public, is its own.
    """
    offre = await read_offre(outils, conn, mien.rdv, mien.maintenant, canal=Canal.INTERNET.value)
    motifs = list_motifs(offre, mien.rdv["nature"])
    voulu = read_id(donnees.get("motif"))
    motif_id = next((motif.id for motif in motifs if motif.id == voulu), mien.rdv["motif_id"])
    types = offre.list_types(motif_id)
    sien = mien.rdv["type_rdv"]
    type_rdv = next((t for t in (donnees.get("type"), sien, *types) if t in types), sien)
    dispo = await offre.read_dispo(outils, conn, motif_id, type_rdv)
    epoque = (await conn.execute(select(Epoque.valeur))).scalar_one()
    parcours = ParcoursMien(mien.rdv["service_id"], motif_id, type_rdv, "", base=mien.base)
    return Grille(mien, offre, parcours, types, motifs, dispo, epoque)


def list_motifs(offre: Offre, nature: str | None) -> tuple[MotifOffert, ...]:
    """Its own motif and those that the service offers online to that public, branches of the tree left out."""
    branches = {motif.parent_id for motif in offre.contexte.motifs.values() if motif.ouvert}
    return tuple(
        motif
        for motif in offre.list_motifs()
        if motif.id == offre.rdv["motif_id"] or (motif.id not in branches and motif.public in ("tous", nature))
    )
