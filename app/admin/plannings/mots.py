"""Plannings and exceptions in words: for the journal, the lists and the comparison of two versions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final

from app.domain.composition import (
    LETTRES,
    Composition,
    Journee,
    LotException,
    LotPlanning,
    Statut,
    format_plages,
    lundi_de,
)
from app.domain.guichets import GuichetRegle
from app.domain.plannings import RANG_DERNIER

JOURS: Final = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
RANGS_MOIS: Final = {1: "1er", 2: "2e", 3: "3e", 4: "4e", 5: "5e", RANG_DERNIER: "dernier"}
STATUTS: Final = {Statut.EN_COURS: "en cours", Statut.A_VENIR: "à venir", Statut.PASSE: "passé"}
NATURES: Final = {"fermeture": "Fermeture", "ouverture": "Ouverture supplémentaire", "remplacement": "Horaires du jour"}
TOUS: Final = "tout le service"


def nommer_guichets(ids: Iterable[int | None], guichets: Mapping[int, GuichetRegle]) -> str:
    """« tout le service », or the names in the order of the service."""
    voulus = set(ids)
    if None in voulus:
        return TOUS
    return ", ".join(guichet.nom for guichet in guichets.values() if guichet.id in voulus)


def dire_validite(du: date, au: date | None) -> str:
    """« du 01/12/2026 au 31/12/2026 », « depuis le 01/12/2026 »."""
    if au is None:
        return f"à partir du {du:%d/%m/%Y}, sans fin"
    return f"du {du:%d/%m/%Y} au {au:%d/%m/%Y}" if au != du else f"le {du:%d/%m/%Y}"


def nommer_rang(nature: str, cycle: int, rang: int) -> str:
    """« Semaine A », « 3e lundi, mardi… du mois »; nothing for a week that never alternates."""
    if nature == "mois":
        return f"{RANGS_MOIS[rang].capitalize()} lundi, mardi… du mois"
    return f"Semaine {LETTRES[rang]}" if cycle > 1 else ""


def decrire_jours(comp: Composition, lot: LotPlanning) -> list[str]:
    """One line per day written: « Semaine A, lundi : Journée pleine (08:00–12:00) »."""
    par_jour: dict[tuple[int, int], list[int]] = {}
    for rang, iso, journee in lot.jours:
        par_jour.setdefault((rang, iso), []).append(journee)
    lignes: list[str] = []
    for (rang, iso), journees in sorted(par_jour.items(), key=lambda paire: (paire[0][0] % 8, paire[0][1])):
        quand = f"{RANGS_MOIS[rang]} {JOURS[iso - 1]}" if lot.nature == "mois" else JOURS[iso - 1]
        if lot.nature == "semaine" and lot.cycle > 1:
            quand = f"{nommer_rang(lot.nature, lot.cycle, rang)}, {quand}"
        lignes.append(f"{quand} : {' + '.join(nommer_journee(comp.journees[j]) for j in sorted(journees))}")
    return lignes


def nommer_journee(journee: Journee) -> str:
    """Its name, and its hours unless it is named after them."""
    heures = format_plages(journee.plages)
    return journee.nom if journee.nom == heures else f"{journee.nom} ({heures})"


def decrire_planning(comp: Composition, lot: LotPlanning, guichets: Mapping[int, GuichetRegle]) -> dict[str, Any]:
    """The facts of a planning, by the names of its form's fields."""
    return {
        "nom": lot.nom,
        "guichets": nommer_guichets(lot.guichets, guichets),
        "validite": dire_validite(lot.du, lot.au),
        "cycle": lot.cycle if lot.nature == "semaine" else "mois type",
        "semaine": " ;\n".join(decrire_jours(comp, lot)) or "aucune plage",
    }


def decrire_journee(journee: Journee) -> dict[str, Any]:
    """The facts of a journée type."""
    return {"nom": journee.nom, "plages": format_plages(journee.plages)}


def decrire_exception(lot: LotException, guichets: Mapping[int, GuichetRegle]) -> dict[str, Any]:
    """The facts of an exception."""
    sans_heures = "aucune plage" if lot.nature == "remplacement" else "toute la journée"
    return {
        "nature": NATURES[lot.nature],
        "libelle": lot.libelle,
        "validite": dire_validite(lot.du, lot.au),
        "heures": format_plages(lot.plages) or sans_heures,
        "guichets": nommer_guichets(lot.guichets, guichets),
    }


def dire_alternance(lot: LotPlanning, aujourdhui: date) -> str:
    """Which week is A today, in a sentence; nothing when the weeks do not alternate."""
    if lot.nature != "semaine" or lot.cycle < 2 or (lot.au is not None and lot.au < aujourdhui):
        return ""
    if lot.du > aujourdhui:
        return f"La première semaine, celle du {lundi_de(lot.du):%d/%m/%Y}, sera la semaine A."
    return (
        f"Cette semaine, celle du {lundi_de(aujourdhui):%d/%m/%Y}, est la semaine {LETTRES[lot.find_rang(aujourdhui)]}."
    )
