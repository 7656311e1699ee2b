"""Where an attached agent's forced booking goes when he names no guichet: the one that bends the fewest rules.

On the grid the booking itself allocates. Off the grid, outside the plages, for another duration, motif or type, a
guichet has to be judged: each free one is, and the best is tried first; what it bends is still to be acknowledged.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final

from app.booking.contexte import read_versions
from app.booking.jugement import Reservation, compute_fenetre
from app.booking.outils import Auteur, Outils
from app.booking.reserver import RdvReserve, book
from app.domain.contexte import build_contexte
from app.domain.creneaux import Demande
from app.domain.droits import AConfirmer, Refuse, decide_reservation
from app.domain.horaires import from_minute
from app.domain.raisons import Raison
from app.errors import AppError, CreneauPris, Interdit, RegleRefusee

#: What an attached agent may force [A1, summary table].
_FORCABLES: Final = frozenset(
    raison.value
    for raison in (
        Raison.HORS_GRILLE,
        Raison.HORS_PLAGE,
        Raison.DUREE_TROP_LONGUE,
        Raison.DUREE_NON_MODIFIABLE,
        Raison.MOTIF_NON_PROPOSE,
        Raison.TYPE_NON_PROPOSE,
    )
)


async def book_somewhere(outils: Outils, demande: Reservation, auteur: Auteur, maintenant: datetime) -> RdvReserve:
    """``book``, and for an attached agent who names no guichet, on the best one when the grid does not do.

    Raises what ``book`` raises.
    """
    libre = demande.canal == "rattache" and demande.guichet_id is None
    try:
        rdv = await book(outils, demande, auteur, maintenant)
    except (RegleRefusee, Interdit) as refus:
        if not libre or refus.details.get("raison") not in _FORCABLES:
            raise
        rdv = await _force(outils, demande, auteur, maintenant, refus)
    if libre and not rdv.identique:  # a replay: the print kept with the RDV names the guichet found the first time
        rdv = await book(outils, replace(demande, guichet_id=rdv.guichet_id), auteur, maintenant)
    return rdv


async def _force(
    outils: Outils, demande: Reservation, auteur: Auteur, maintenant: datetime, refus: RegleRefusee | Interdit
) -> RdvReserve:
    dernier: AppError = refus
    for guichet_id in await _order(outils, demande, maintenant):
        try:
            return await book(outils, replace(demande, guichet_id=guichet_id), auteur, maintenant)
        except CreneauPris as pris:
            dernier = pris
    raise dernier


async def _order(outils: Outils, demande: Reservation, maintenant: datetime) -> list[int]:
    """The guichets that could take it, those that call for the fewest warnings first.

    When none could, the one whose refusal says most: occupied rather than closed.
    """
    async with outils.db.read() as conn:
        versions = await read_versions(conn, demande.service_id)
        contexte = await outils.dispo.contextes.get(conn, demande.service_id, versions.planning)
        jour = from_minute(demande.debut).astimezone(contexte.zone).date()
        occupees = await outils.dispo.occupations(conn, contexte, versions, jour, jour, maintenant)
    motif = contexte.motif(demande.motif_id)
    demandee = Demande(demande.motif_id, demande.type_rdv, demande.canal, motif.duree, contexte.pas)
    fin = demande.debut + (demande.duree or motif.duree)
    notes: list[tuple[int, int, int]] = []
    refuses: list[tuple[bool, int, int]] = []
    for rang, guichet in enumerate(contexte.guichets.values()):
        faits = build_contexte(
            demandee,
            demande.debut,
            fin,
            guichet,
            contexte.ouvertures(jour, jour),
            occupees.par_guichet.get(guichet.id, ()),
            compute_fenetre(contexte, demande.canal, maintenant),
            contexte.zone,
        )
        decision = decide_reservation(demande.canal, faits)
        if isinstance(decision, Refuse):
            refuses.append((decision.raison is not Raison.CHEVAUCHEMENT, rang, guichet.id))
        else:
            notes.append((len(decision.alertes) if isinstance(decision, AConfirmer) else 0, rang, guichet.id))
    return [guichet_id for _, _, guichet_id in sorted(notes) or sorted(refuses)[:1]]
