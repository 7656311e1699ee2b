"""Who may give, withdraw and suspend what: profile × perimeter of the giver against those of the right [G 2.3.2].

An administrator gives what his own perimeter and profile contain; national profiles are given by national
administrators alone; nobody gives anything to himself; the nation and a service never lose their last administrator in
silence. Facts come as arguments, answers are values that a screen can print.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app.domain.habilitations import Profil


class Genre(StrEnum):
    """How wide a perimeter is."""

    SERVICE = "service"
    DEPARTEMENT = "departement"
    INTERREGION = "interregion"
    NATION = "nation"


@dataclass(frozen=True, slots=True)
class Lieu:
    """A perimeter: its kind, its key (service id, département code, interregion id, "") and what contains it.

    ``departement`` is told of a service, ``interregion`` of a service or a département ("" when it has none).
    """

    genre: Genre
    cle: str = ""
    departement: str = ""
    interregion: str = ""

    def contains(self, autre: Lieu) -> bool:
        """True when every service of ``autre`` is also one of this perimeter, today and tomorrow."""
        match self.genre:
            case Genre.NATION:
                return True
            case Genre.INTERREGION:
                siennes = autre.cle if autre.genre is Genre.INTERREGION else autre.interregion
                return autre.genre is not Genre.NATION and siennes == self.cle
            case Genre.DEPARTEMENT:
                if autre.genre is Genre.DEPARTEMENT:
                    return autre.cle == self.cle
                return autre.genre is Genre.SERVICE and autre.departement == self.cle
            case Genre.SERVICE:
                return autre.genre is Genre.SERVICE and autre.cle == self.cle


NATION: Final = Lieu(Genre.NATION)


@dataclass(frozen=True, slots=True)
class Droit:
    """A habilitation: a profile over a perimeter."""

    profil: Profil
    lieu: Lieu


class RaisonAttribution(StrEnum):
    """Why a right may not be given or taken back, or only once confirmed (``PERTE``: an access is lost)."""

    SOI_MEME = "soi_meme"
    PROFIL_NATIONAL = "profil_national"
    ADMIN_NATIONAL_PARTOUT = "admin_national_partout"
    HORS_PERIMETRE = "hors_perimetre"
    COMPTE_HORS_PERIMETRE = "compte_hors_perimetre"
    DERNIER_NATIONAL = "dernier_national"
    DERNIER_ADMINISTRATEUR = "dernier_administrateur"
    PERTE = "perte"


_PHRASES: Final = {
    RaisonAttribution.SOI_MEME: "Personne ne change ses propres droits : demandez à un autre administrateur.",
    RaisonAttribution.PROFIL_NATIONAL: "Les profils nationaux sont donnés et retirés par un administrateur national.",
    RaisonAttribution.ADMIN_NATIONAL_PARTOUT: "Un administrateur national l’est sur toute la nation.",
    RaisonAttribution.HORS_PERIMETRE: "Ce périmètre dépasse celui que vous administrez.",
    RaisonAttribution.COMPTE_HORS_PERIMETRE: (
        "Cet agent a des habilitations qui dépassent votre périmètre : seul un administrateur qui les couvre toutes "
        "peut agir sur son compte."
    ),
    RaisonAttribution.DERNIER_NATIONAL: (
        "C’est le dernier administrateur national : plus personne ne pourrait en nommer un autre. "
        "Nommez d’abord son successeur."
    ),
    RaisonAttribution.DERNIER_ADMINISTRATEUR: "Plus aucun administrateur local n’organiserait",
    RaisonAttribution.PERTE: (
        "Vous retirez votre propre habilitation : ce qu’elle vous ouvre se ferme aussitôt, et vous ne pourrez pas vous "
        "la rendre vous-même."
    ),
}


@dataclass(frozen=True, slots=True)
class Accorde:
    """Go on."""


@dataclass(frozen=True, slots=True)
class AConfirmer:
    """Allowed once ``phrase`` has been read and confirmed."""

    raison: RaisonAttribution
    phrase: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """No; ``phrase`` is a French sentence."""

    raison: RaisonAttribution
    phrase: str


Reponse = Accorde | AConfirmer | Refuse

_ADMINISTRATEURS: Final = frozenset({Profil.ADMIN_LOCAL, Profil.ADMIN_NATIONAL})
_NATIONAUX: Final = frozenset({Profil.AGENT_NATIONAL, Profil.ADMIN_NATIONAL})


def _refuse(raison: RaisonAttribution) -> Refuse:
    return Refuse(raison, _PHRASES[raison])


def is_national_admin(droits: Collection[Droit]) -> bool:
    """True when one of them is « administrateur national » over the nation [C §4]."""
    return any(d.profil is Profil.ADMIN_NATIONAL and d.lieu.genre is Genre.NATION for d in droits)


def administers(donneur: Collection[Droit], lieu: Lieu) -> bool:
    """True when the giver administers the whole of ``lieu``."""
    return any(d.profil in _ADMINISTRATEURS and d.lieu.contains(lieu) for d in donneur)


def _covers(donneur: Collection[Droit], droit: Droit) -> Refuse | None:
    if droit.profil in _NATIONAUX and not is_national_admin(donneur):
        return _refuse(RaisonAttribution.PROFIL_NATIONAL)
    return None if administers(donneur, droit.lieu) else _refuse(RaisonAttribution.HORS_PERIMETRE)


def decide_don(donneur: Collection[Droit], droit: Droit, *, soi: bool) -> Accorde | Refuse:
    """May the giver give ``droit``? ``soi``: to himself."""
    if soi:
        return _refuse(RaisonAttribution.SOI_MEME)
    if droit.profil is Profil.ADMIN_NATIONAL and droit.lieu.genre is not Genre.NATION:
        return _refuse(RaisonAttribution.ADMIN_NATIONAL_PARTOUT)
    return _covers(donneur, droit) or Accorde()


def decide_rattachement(donneur: Collection[Droit], lieu: Lieu, *, soi: bool) -> Accorde | Refuse:
    """May the giver attach an agent to a service (its agenda, forcing)? To himself: no, it would raise him."""
    if soi:
        return _refuse(RaisonAttribution.SOI_MEME)
    return Accorde() if administers(donneur, lieu) else _refuse(RaisonAttribution.HORS_PERIMETRE)


def decide_detachement(donneur: Collection[Droit], lieu: Lieu) -> Accorde | Refuse:
    """May the giver detach an agent, himself included, from a service?"""
    return Accorde() if administers(donneur, lieu) else _refuse(RaisonAttribution.HORS_PERIMETRE)


def decide_retrait(
    donneur: Collection[Droit], droit: Droit, *, soi: bool, dernier_national: bool, orphelins: Sequence[str]
) -> Reponse:
    """May the giver take ``droit`` back?

    ``dernier_national``: no active national administrator would be left. ``orphelins``: the names of the services that
    would have no active administrator below the nation. To take back one's own asks a confirmation: nobody gives
    himself anything.
    """
    return _covers(donneur, droit) or _decide_vide(soi=soi, dernier_national=dernier_national, orphelins=orphelins)


def decide_compte(donneur: Collection[Droit], detenus: Collection[Droit]) -> Accorde | Refuse:
    """May the giver act on the account itself (identity, invitation, sessions, keys)?

    He must cover all that the account holds: whoever changes an address and sends a new link becomes that agent.
    """
    if any(_covers(donneur, droit) for droit in detenus):
        return _refuse(RaisonAttribution.COMPTE_HORS_PERIMETRE)
    return Accorde()


def decide_suspension(
    donneur: Collection[Droit],
    detenus: Collection[Droit],
    *,
    soi: bool,
    dernier_national: bool,
    orphelins: Sequence[str],
) -> Reponse:
    """May the giver suspend an account? Never his own."""
    if soi:
        return _refuse(RaisonAttribution.SOI_MEME)
    refus = decide_compte(donneur, detenus)
    if isinstance(refus, Refuse):
        return refus
    return _decide_vide(soi=False, dernier_national=dernier_national, orphelins=orphelins)


def _decide_vide(*, soi: bool, dernier_national: bool, orphelins: Sequence[str]) -> Reponse:
    """What a removal leaves behind."""
    if dernier_national:
        return _refuse(RaisonAttribution.DERNIER_NATIONAL)
    if not orphelins:
        return AConfirmer(RaisonAttribution.PERTE, _PHRASES[RaisonAttribution.PERTE]) if soi else Accorde()
    raison = RaisonAttribution.DERNIER_ADMINISTRATEUR
    lieux = f"{_PHRASES[raison]} {_enumerate(orphelins)}."
    if soi:
        return Refuse(raison, f"{lieux} Nommez d’abord votre successeur.")
    return AConfirmer(raison, f"{lieux} Un administrateur national devra en nommer un.")


def _enumerate(noms: Sequence[str]) -> str:
    """« SIP de Nevers, SIP de Decize et 12 autres services »."""
    if len(noms) <= 3:
        return noms[0] if len(noms) == 1 else f"{', '.join(noms[:-1])} et {noms[-1]}"
    return f"{', '.join(noms[:2])} et {len(noms) - 2} autres services"
