"""The facts about one booking on one guichet, and the warnings they may call for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from app.domain.calendrier import Fenetre
from app.domain.creneaux import compute_departs
from app.domain.guichets import Demande, GuichetRegle
from app.domain.horaires import get_cadran, jour_local
from app.domain.plages import OuverturesParJour
from app.domain.raisons import Raison


class Alerte(StrEnum):
    """A warning that an attached agent reads and acknowledges before « Enregistrer quand même »."""

    HORS_PLAGE = "hors_plage"
    DUREE_MODIFIEE = "duree_modifiee"
    MOTIF_NON_PROPOSE = "motif_non_propose"
    TYPE_NON_PROPOSE = "type_non_propose"


PHRASES_ALERTES: Final[Mapping[Alerte, str]] = {
    Alerte.HORS_PLAGE: "Ce rendez-vous est en dehors des plages d’ouverture du guichet.",
    Alerte.DUREE_MODIFIEE: "La durée choisie diffère de celle que le service a fixée pour ce motif.",
    Alerte.MOTIF_NON_PROPOSE: "Ce guichet ne propose pas ce motif.",
    Alerte.TYPE_NON_PROPOSE: "Ce guichet ne propose pas ce type de rendez-vous.",
}


@dataclass(frozen=True, slots=True)
class ContexteReservation:
    """The facts about one booking on one guichet. The defaults describe one that nothing opposes.

    ``dehors``: PASSE, DELAI or HORIZON when the window excludes the start; ``interdit``: FERIE or FERMETURE when it
    meets one; ``sur_grille``: the start is one that is proposed; ``motif_initial``: a move that keeps its motif,
    which is always allowed; ``service_ouvert``: for the internet, national opening and the service's own
    activation; ``acquittees``: warnings displayed and accepted. ``dehors_phrase`` completes the sentence.
    """

    guichet_ouvert: bool = True
    canal_accepte: bool = True
    service_ouvert: bool = True
    dehors: Raison | None = None
    dehors_phrase: str = ""
    interdit: Raison | None = None
    duree_valide: bool = True
    duree_conforme: bool = True
    motif_propose: bool = True
    motif_initial: bool = False
    type_propose: bool = True
    dans_plage: bool = True
    sur_grille: bool = True
    chevauchement: bool = False
    acquittees: frozenset[Alerte] = frozenset()


def build_contexte(
    demande: Demande,
    debut: int,
    fin: int,
    guichet: GuichetRegle,
    ouvertures: OuverturesParJour,
    occupations: Sequence[tuple[int, int]],
    fenetre: Fenetre,
    zone: ZoneInfo,
    *,
    service_ouvert: bool = True,
    motif_initial: bool = False,
    acquittees: Collection[str] = (),
) -> ContexteReservation:
    """Look at the facts for ``[debut, fin)`` (minutes-époque) on ``guichet``.

    ``demande.duree`` is the duration that the service has set. ``occupations`` are those of that guichet, **less
    the rendez-vous being moved** (10:00 → 10:10 may overlap itself). Raises KeyError when the day is allowed by
    ``fenetre`` but absent from ``ouvertures``, ValueError on an unknown warning.
    """
    jour = jour_local(debut, zone)
    dehors = fenetre.refuse(jour, debut)
    valide = debut < fin <= get_cadran(jour, zone).fin
    interdit, dans_plage, sur_grille = None, True, True
    if dehors is None and valide:
        interdit = ouvertures.find_interdit(guichet.id, jour, debut, fin)
        dans_plage = ouvertures.is_couvert(guichet.id, jour, debut, fin)
        sur_grille = any(
            debut in compute_departs(plage, fin - debut, demande.pas, zone)
            for plage in ouvertures.get(guichet.id, jour)
        )
    return ContexteReservation(
        guichet_ouvert=guichet.ouvert,
        canal_accepte=guichet.accepts_canal(demande.canal),
        service_ouvert=service_ouvert,
        dehors=dehors,
        dehors_phrase="" if dehors is None else fenetre.phrase(dehors),
        interdit=None if interdit is None else Raison(interdit.value),
        duree_valide=valide,
        duree_conforme=fin - debut == demande.duree,
        motif_propose=guichet.accepts_motif(demande.motif_id),
        motif_initial=motif_initial,
        type_propose=guichet.accepts_type(demande.type_rdv),
        dans_plage=dans_plage,
        sur_grille=sur_grille,
        chevauchement=any(autre < fin and debut < sa_fin for autre, sa_fin in occupations),
        acquittees=frozenset(Alerte(alerte) for alerte in acquittees),
    )
