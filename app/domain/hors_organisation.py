"""Which rendez-vous no longer fit the organisation of their service, and why.

Nothing here cancels: a rendez-vous that falls outside stays as it is until an agent moves it, keeps it or cancels it.
The same function lists them before a change is saved and afterwards, in « Rendez-vous à replacer ».
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.contexte import Alerte
from app.domain.guichets import GuichetRegle
from app.domain.horaires import jour_local
from app.domain.plages import OuverturesParJour, RaisonFermeture


class CauseHors(StrEnum):
    """Why a rendez-vous is outside, the strongest cause first."""

    GUICHET_FERME = "guichet_ferme"
    FERIE = "ferie"
    FERMETURE = "fermeture"
    HORS_PLAGE = "hors_plage"
    MOTIF = "motif"
    TYPE = "type"

    @property
    def phrase(self) -> str:
        """A few words for a column."""
        return _PHRASES[self]


_PHRASES: Final[Mapping[CauseHors, str]] = {
    CauseHors.GUICHET_FERME: "guichet fermé",
    CauseHors.FERIE: "jour férié",
    CauseHors.FERMETURE: "fermeture exceptionnelle",
    CauseHors.HORS_PLAGE: "hors des plages",
    CauseHors.MOTIF: "motif que le guichet ne prend plus",
    CauseHors.TYPE: "type que le guichet ne prend plus",
}


class RdvPlace(NamedTuple):
    """Where a rendez-vous is, ``[debut, fin)`` in minutes-époque, and what it is for.

    ``type_rdv``: a value of ``TypeRdv``; ``forcages``: the warnings (``Alerte``) accepted when it was put there;
    ``delegue``: it was taken under a delegation, whose motif this service has accepted to receive.
    """

    rdv_id: int
    guichet_id: int
    debut: int
    fin: int
    motif_id: int
    type_rdv: str
    forcages: frozenset[str] = frozenset()
    delegue: bool = False


class RdvHors(NamedTuple):
    """A rendez-vous that the organisation does not cover any more."""

    rdv_id: int
    guichet_id: int
    debut: int
    fin: int
    cause: CauseHors


def find_refus(rdv: RdvPlace, guichet: GuichetRegle) -> CauseHors | None:
    """Why ``guichet``, whatever its hours, does not take ``rdv``: its own restrictions, unless decided [G 2.3.3].

    Its channels do not count: they say who may book, not who may come. Nor does the motif of a rendez-vous taken
    under a delegation, ended or not: it stays where it was accepted [G 2.3.5].
    """
    motif_decide = rdv.delegue or Alerte.MOTIF_NON_PROPOSE.value in rdv.forcages
    if not motif_decide and not guichet.accepts_motif(rdv.motif_id):
        return CauseHors.MOTIF
    if not guichet.accepts_type(rdv.type_rdv) and Alerte.TYPE_NON_PROPOSE.value not in rdv.forcages:
        return CauseHors.TYPE
    return None


def find_cause(
    rdv: RdvPlace, guichets: Mapping[int, GuichetRegle], ouvertures: OuverturesParJour, zone: ZoneInfo
) -> CauseHors | None:
    """Why ``rdv`` is outside, or None when it fits. Raises KeyError when its day is not in ``ouvertures``.

    A rendez-vous that was put outside the plages, or at a guichet that does not propose its motif or its type, by
    decision (``forcages``) is not outside for that; a closed guichet, a closure or a holiday can never be decided away
    [A1, summary table].
    """
    guichet = guichets.get(rdv.guichet_id)
    if guichet is None or not guichet.ouvert:
        return CauseHors.GUICHET_FERME
    jour = jour_local(rdv.debut, zone)
    interdit = ouvertures.find_interdit(rdv.guichet_id, jour, rdv.debut, rdv.fin)
    if interdit is not None:
        return CauseHors.FERIE if interdit is RaisonFermeture.FERIE else CauseHors.FERMETURE
    force = Alerte.HORS_PLAGE.value in rdv.forcages
    if not (force or ouvertures.is_couvert(rdv.guichet_id, jour, rdv.debut, rdv.fin)):
        return CauseHors.HORS_PLAGE
    return find_refus(rdv, guichet)


def find_hors_organisation(
    rdvs: Iterable[RdvPlace], guichets: Mapping[int, GuichetRegle], ouvertures: OuverturesParJour, zone: ZoneInfo
) -> list[RdvHors]:
    """Those of ``rdvs`` that are outside, in their order, each with its cause.

    ``guichets``: id → its rules as they are, or as they would be; one that is missing counts as closed. ``ouvertures``
    must cover the local day of every rendez-vous (KeyError).
    """
    trouves: list[RdvHors] = []
    for rdv in rdvs:
        cause = find_cause(rdv, guichets, ouvertures, zone)
        if cause is not None:
            trouves.append(RdvHors(rdv.rdv_id, rdv.guichet_id, rdv.debut, rdv.fin, cause))
    return trouves
