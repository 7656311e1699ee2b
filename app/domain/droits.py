"""Who may book, change and see what [A1, summary table; C §4].

Each question is answered by a value that a screen can print: ``Autorise``, ``AConfirmer(alertes)`` or
``Refuse(raison, phrase, champ)``. The facts are gathered in a ``ContexteReservation``; nothing is looked up here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from app.domain.calendrier import Parametres
from app.domain.contexte import PHRASES_ALERTES, Alerte, ContexteReservation, build_contexte
from app.domain.guichets import GuichetRegle
from app.domain.habilitations import MODULES_PAR_PROFIL, Module, Profil, has_module
from app.domain.raisons import Raison
from app.domain.vocabulaire import Canal

__all__ = [
    "MODULES_PAR_PROFIL",
    "PHRASES_ALERTES",
    "AConfirmer",
    "Acces",
    "Alerte",
    "Autorise",
    "ContexteReservation",
    "Decision",
    "Module",
    "Profil",
    "Refuse",
    "build_contexte",
    "decide_acces_service",
    "decide_modification",
    "decide_reservation",
    "has_module",
    "sees_agenda",
]


#: Which family of answers a refusal belongs to: 422, 403, 409 or 404.
Statut = Literal["regle", "interdit", "conflit", "introuvable"]


@dataclass(frozen=True, slots=True)
class Autorise:
    """Go on. ``alertes`` are those that were acknowledged, to be journaled."""

    alertes: tuple[Alerte, ...] = ()


@dataclass(frozen=True, slots=True)
class AConfirmer:
    """Allowed once **all** of ``alertes`` are acknowledged; includes those that already were."""

    alertes: tuple[Alerte, ...]

    @property
    def phrases(self) -> tuple[str, ...]:
        """One French sentence per warning."""
        return tuple(PHRASES_ALERTES[alerte] for alerte in self.alertes)


@dataclass(frozen=True, slots=True)
class Refuse:
    """No. ``phrase`` is a French sentence; ``champ`` the form field it belongs to, if any."""

    raison: Raison
    phrase: str
    champ: str | None = None
    statut: Statut = "regle"


Decision = Autorise | AConfirmer | Refuse


_REFUS: Final[Mapping[Raison, tuple[str, str | None, Statut]]] = {
    Raison.SERVICE_FERME: ("Ce service ne propose pas de prise de rendez-vous pour le moment.", None, "regle"),
    Raison.CANAL_FERME: ("Ce guichet n’est pas ouvert à ce mode de prise de rendez-vous.", "guichet", "regle"),
    Raison.GUICHET_FERME: ("Ce guichet est fermé : choisissez-en un autre.", "guichet", "regle"),
    Raison.FERMETURE: ("Le guichet est fermé à cette date ou à cette heure.", "debut", "regle"),
    Raison.FERIE: ("Ce jour est férié : choisissez une autre date.", "debut", "regle"),
    Raison.PASSE: ("Cette date ou cette heure est passée.", "debut", "regle"),
    Raison.DELAI: ("Cette date est trop proche", "debut", "regle"),
    Raison.HORIZON: ("Cette date est trop lointaine", "debut", "regle"),
    Raison.DUREE_INVALIDE: ("La fin doit suivre le début, dans la même journée.", "fin", "regle"),
    Raison.DUREE_NON_MODIFIABLE: (
        "La durée est fixée par le service : elle ne peut pas être modifiée.",
        "fin",
        "interdit",
    ),
    Raison.MOTIF_NON_PROPOSE: ("Ce motif n’est pas proposé par ce guichet.", "motif", "regle"),
    Raison.TYPE_NON_PROPOSE: ("Ce type de rendez-vous n’est pas proposé par ce guichet.", "type", "regle"),
    Raison.HORS_PLAGE: ("Cet horaire est en dehors des plages de rendez-vous.", "debut", "regle"),
    Raison.HORS_GRILLE: ("Cet horaire n’est pas proposé : choisissez un créneau de la liste.", "debut", "regle"),
    Raison.CHEVAUCHEMENT: ("Un autre rendez-vous occupe déjà ce guichet à cette heure.", "debut", "conflit"),
    Raison.MODIFICATION_DESACTIVEE: (
        "La modification en ligne n’est pas proposée : contactez le service pour changer votre rendez-vous.",
        None,
        "interdit",
    ),
    Raison.ACCES_REFUSE: ("Aucun rendez-vous ne correspond à ces informations.", None, "introuvable"),
}


def _refuse(raison: Raison, precision: str = "") -> Refuse:
    phrase, champ, statut = _REFUS[raison]
    if raison in (Raison.DELAI, Raison.HORIZON):
        phrase += f" ({precision})." if precision else "."
    return Refuse(raison, phrase, champ, statut)


def _find_refus(qui: Canal, contexte: ContexteReservation) -> Raison | None:
    """What nobody can force, whoever asks; the overlap comes last, it is the only one that waiting may lift."""
    if not contexte.service_ouvert:
        return Raison.SERVICE_FERME
    if contexte.dehors is not None:
        return contexte.dehors
    if not contexte.guichet_ouvert:
        return Raison.GUICHET_FERME
    if not contexte.canal_accepte:
        return Raison.CANAL_FERME
    if contexte.interdit is not None:
        return contexte.interdit
    if not contexte.duree_valide:
        return Raison.DUREE_INVALIDE
    if qui is not Canal.RATTACHE:
        imposes = (
            (contexte.duree_conforme, Raison.DUREE_NON_MODIFIABLE),
            (contexte.motif_propose or contexte.motif_initial, Raison.MOTIF_NON_PROPOSE),
            (contexte.type_propose, Raison.TYPE_NON_PROPOSE),
            (contexte.dans_plage, Raison.HORS_PLAGE),
            (contexte.sur_grille, Raison.HORS_GRILLE),
        )
        for respecte, raison in imposes:
            if not respecte:
                return raison
    return Raison.CHEVAUCHEMENT if contexte.chevauchement else None


def decide_reservation(qui: str, contexte: ContexteReservation) -> Decision:
    """May ``qui`` (a ``Canal``) book, or move to, that place? [A1, summary table]

    Closed guichet, closure, holiday, window and overlap are refused to everybody. Plage, duration, motif and type
    are refused to the internet and to agents extérieurs (a duration of their own is « interdit »: 403), and
    warned about to attached agents, who choose their hour freely inside the plages. Raises ValueError on an
    unknown channel.
    """
    canal = Canal(qui)
    raison = _find_refus(canal, contexte)
    if raison is not None:
        return _refuse(raison, contexte.dehors_phrase)
    if canal is not Canal.RATTACHE:
        return Autorise()
    faits = (
        (contexte.dans_plage, Alerte.HORS_PLAGE),
        (contexte.duree_conforme, Alerte.DUREE_MODIFIEE),
        (contexte.motif_propose or contexte.motif_initial, Alerte.MOTIF_NON_PROPOSE),
        (contexte.type_propose, Alerte.TYPE_NON_PROPOSE),
    )
    alertes = tuple(alerte for respecte, alerte in faits if not respecte)
    return Autorise(alertes) if contexte.acquittees.issuperset(alertes) else AConfirmer(alertes)


def decide_acces_service(
    qui: str, guichets: Sequence[GuichetRegle], *, ouverture_nationale: bool, ouverture_service: bool
) -> Autorise | Refuse:
    """May ``qui`` book in a service at all? At least one open guichet takes that channel [A1, summary table].

    The internet also needs the national opening and the service's own activation, both [C §5].
    """
    canal = Canal(qui)
    if canal is Canal.INTERNET and not (ouverture_nationale and ouverture_service):
        return _refuse(Raison.SERVICE_FERME)
    if any(guichet.ouvert and guichet.accepts_canal(canal) for guichet in guichets):
        return Autorise()
    return _refuse(Raison.SERVICE_FERME)


class Acces(StrEnum):
    """How somebody reached an existing rendez-vous."""

    LIEN = "lien"
    CODE_ET_NOM = "code_et_nom"
    COMPTE = "compte"
    AGENDA = "agenda"


def decide_modification(qui: str, acces: str, parametres: Parametres) -> Autorise | Refuse:
    """May ``qui`` modify, move or cancel a rendez-vous reached by ``acces``? [A1, summary table; G 2.3.1]

    An usager: his own, by link, by code + name or signed in, unless the national parameter says no. An agent extérieur:
    by exact code + name. Anything else does not exist for them (« introuvable »: 404).
    """
    canal, voie = Canal(qui), Acces(acces)
    permis: Mapping[Canal, frozenset[Acces]] = {
        Canal.INTERNET: frozenset({Acces.LIEN, Acces.CODE_ET_NOM, Acces.COMPTE}),
        Canal.EXTERIEUR: frozenset({Acces.CODE_ET_NOM}),
        Canal.RATTACHE: frozenset(Acces),
    }
    if voie not in permis[canal]:
        return _refuse(Raison.ACCES_REFUSE)
    if canal is Canal.INTERNET and not parametres.modification_usager:
        return _refuse(Raison.MODIFICATION_DESACTIVEE)
    return Autorise()


def sees_agenda(qui: str) -> bool:
    """Only agents attached to the service see its agenda [A1, summary table]."""
    return Canal(qui) is Canal.RATTACHE
