"""« Pourquoi n'y a-t-il pas de créneau ? »: every rule that closes a day, for the service and guichet by guichet.

The grid says the first reason, which is enough for who wants to book; who organises needs them all: lifting one only
to meet the next is a lost morning. Same rules, same functions as the grid: the two can never disagree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

from app.domain.calendrier import Fenetre
from app.domain.creneaux import Occupations, compute_departs, compute_grille
from app.domain.explication_delegations import ExplicationDelegation
from app.domain.guichets import Demande, GuichetRegle
from app.domain.plages import OuverturesParJour, RaisonFermeture
from app.domain.raisons import Raison
from app.domain.vocabulaire import Canal

_CANAUX: Final = {
    Canal.INTERNET: "aux usagers par internet",
    Canal.EXTERIEUR: "aux agents extérieurs",
    Canal.RATTACHE: "aux agents rattachés",
}
_FERMETURES: Final = {
    RaisonFermeture.FERIE: (Raison.FERIE, "Ce jour est férié et n’a pas été rouvert."),
    RaisonFermeture.FERMETURE: (Raison.FERMETURE, "Une fermeture est inscrite ce jour-là."),
    RaisonFermeture.HORS_PLAGE: (Raison.HORS_PLAGE, "Aucun planning n’ouvre de plage ce jour-là."),
}


@dataclass(frozen=True, slots=True)
class FaitsService:
    """What the service, and the nation, have opened. The defaults describe one that nothing opposes."""

    ferme: bool = False
    en_ligne: bool = True
    ouverture_nationale: date | None = None
    aujourdhui: date | None = None
    motif_actif: bool = True
    motif_ouvert: bool = True


@dataclass(frozen=True, slots=True)
class Regle:
    """One rule that closes. ``partie``: the part of « Organiser » where it is changed, or "" (nobody can)."""

    raison: Raison
    phrase: str
    partie: str = ""


@dataclass(frozen=True, slots=True)
class ExplicationGuichet:
    """One guichet: the rules that close it, or how many starts it has left (``libres``) of those it had."""

    guichet_id: int
    nom: str
    regles: tuple[Regle, ...]
    libres: int = 0
    departs: int = 0


@dataclass(frozen=True, slots=True)
class Explication:
    """One day. ``libres``: distinct créneaux offered in the end; if none, ``regles`` or every guichet say why."""

    jour: date
    regles: tuple[Regle, ...]
    guichets: tuple[ExplicationGuichet, ...]
    libres: int
    #: Delegations of the motif, given or received: what they give, or why they give nothing.
    delegations: tuple[ExplicationDelegation, ...] = ()

    @property
    def ailleurs(self) -> int:
        """Créneaux offered that day by other services, for this one."""
        return sum(delegation.libres for delegation in self.delegations)

    @property
    def phrase(self) -> str:
        """The answer in one sentence."""
        ailleurs = [delegation.phrase for delegation in self.delegations if delegation.libres]
        if ailleurs and not self.libres:
            return f"Aucun créneau dans ce service ; {' '.join(ailleurs)}"
        return self.phrase_ici

    @property
    def phrase_ici(self) -> str:
        """The same, of the service alone."""
        if self.libres:
            pluriel = "x" if self.libres > 1 else ""
            return f"{self.libres} créneau{pluriel} proposé{'s' if pluriel else ''} ce jour-là."
        if self.regles:
            return self.regles[0].phrase
        if not self.guichets:
            return "Le service n’a aucun guichet."
        communes = set.intersection(*({regle.raison for regle in guichet.regles} for guichet in self.guichets))
        partagee = next((regle for regle in self.guichets[0].regles if regle.raison in communes), None)
        if partagee is not None:
            return partagee.phrase
        return "Aucun guichet ne peut recevoir cette demande ce jour-là, chacun pour sa raison."


def explain(
    demande: Demande,
    jour: date,
    faits: FaitsService,
    guichets: Sequence[GuichetRegle],
    ouvertures: OuverturesParJour,
    occupations: Occupations,
    fenetre: Fenetre,
    zone: ZoneInfo,
) -> Explication:
    """Every rule that closes ``jour`` to ``demande``. ``jour`` must be within ``ouvertures`` (KeyError)."""
    regles = _explain_service(demande, jour, faits, fenetre)
    lignes = tuple(
        _explain_guichet(demande, jour, guichet, ouvertures, occupations, fenetre, zone) for guichet in guichets
    )
    libres = 0
    if not regles:
        grille = compute_grille(demande, guichets, ouvertures, occupations, fenetre, zone, jours=(jour,))
        libres = len(grille.jours[jour].creneaux)
    return Explication(jour, regles, lignes, libres)


def _explain_service(demande: Demande, jour: date, faits: FaitsService, fenetre: Fenetre) -> tuple[Regle, ...]:
    regles: list[Regle] = []
    if faits.ferme:
        regles.append(Regle(Raison.SERVICE_FERME, "Le service est fermé : il ne reçoit plus de rendez-vous.", "fiche"))
    if Canal(demande.canal) is Canal.INTERNET:
        nationale = faits.ouverture_nationale
        if nationale is not None and (faits.aujourdhui is None or nationale > faits.aujourdhui):
            quand = f"{nationale.day:02d}/{nationale.month:02d}/{nationale.year}"
            regles.append(Regle(Raison.SERVICE_FERME, f"L’ouverture nationale aux usagers est fixée au {quand}."))
        if not faits.en_ligne:
            phrase = "Le service n’a pas ouvert la prise de rendez-vous en ligne."
            regles.append(Regle(Raison.SERVICE_FERME, phrase, "ouverture"))
    if not faits.motif_actif:
        regles.append(Regle(Raison.MOTIF_NON_PROPOSE, "Ce motif n’est plus au catalogue national."))
    elif not faits.motif_ouvert:
        regles.append(Regle(Raison.MOTIF_NON_PROPOSE, "Le service n’a pas ouvert ce motif.", "motifs"))
    dehors = fenetre.refuse_jour(jour)
    if dehors is not None:
        mots = {
            Raison.PASSE: "Cette date est passée.",
            Raison.DELAI: f"Cette date est trop proche : {fenetre.phrase(Raison.DELAI)}.",
            Raison.HORIZON: f"Cette date est trop lointaine : {fenetre.phrase(Raison.HORIZON)}.",
        }
        regles.append(Regle(dehors, mots[dehors], "" if dehors is Raison.PASSE else "parametres"))
    return tuple(regles)


def _explain_guichet(
    demande: Demande,
    jour: date,
    guichet: GuichetRegle,
    ouvertures: OuverturesParJour,
    occupations: Occupations,
    fenetre: Fenetre,
    zone: ZoneInfo,
) -> ExplicationGuichet:
    regles: list[Regle] = []
    if not guichet.ouvert:
        regles.append(Regle(Raison.GUICHET_FERME, "Ce guichet est fermé.", "guichets"))
    if not guichet.accepts_canal(demande.canal):
        phrase = f"Ce guichet n’est pas ouvert {_CANAUX[Canal(demande.canal)]}."
        regles.append(Regle(Raison.CANAL_FERME, phrase, "guichets"))
    if not guichet.accepts_motif(demande.motif_id):
        regles.append(Regle(Raison.MOTIF_NON_PROPOSE, "Ce guichet ne propose pas ce motif.", "guichets"))
    if not guichet.accepts_type(demande.type_rdv):
        phrase = "Ce guichet ne propose pas ce type de rendez-vous."
        regles.append(Regle(Raison.TYPE_NON_PROPOSE, phrase, "guichets"))
    ferme = ouvertures.find_raison(guichet.id, jour)
    if ferme is not None:
        raison, phrase = _FERMETURES[ferme]
        partie = "plannings" if raison is Raison.HORS_PLAGE else "exceptions"
        return ExplicationGuichet(guichet.id, guichet.nom, (*regles, Regle(raison, phrase, partie)))
    departs = [
        depart
        for plage in ouvertures.get(guichet.id, jour)
        for depart in compute_departs(plage, demande.duree, demande.pas, zone)
    ]
    if not departs:
        phrase = f"Aucune plage de ce jour ne peut contenir {demande.duree} minutes."
        return ExplicationGuichet(
            guichet.id, guichet.nom, (*regles, Regle(Raison.DUREE_TROP_LONGUE, phrase, "plannings"))
        )
    a_venir = [depart for depart in departs if fenetre.pas_avant is None or depart >= fenetre.pas_avant]
    if not a_venir:
        regles.append(Regle(Raison.PASSE, "Les heures de ce guichet sont passées."))
    occupees = occupations.get(guichet.id, ())
    libres = [
        depart
        for depart in a_venir
        if not any(debut < depart + demande.duree and depart < fin for debut, fin in occupees)
    ]
    if a_venir and not libres:
        nombre = f"Complet : ses {len(a_venir)} heures de début sont prises." if len(a_venir) > 1 else "Complet."
        regles.append(Regle(Raison.COMPLET, nombre))
    return ExplicationGuichet(
        guichet.id, guichet.nom, tuple(regles), 0 if regles else len(libres), 0 if regles else len(a_venir)
    )
