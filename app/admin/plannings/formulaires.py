"""The forms of plannings and journées types: what they are opened with, and how they are read.

A form is drawn from one mapping of texts, field by field: what was typed if anything was, else what is recorded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any, Final, cast

from app.admin.plannings.plages import EXEMPLE, PlagesInvalides, parse_plages, write_plages
from app.admin.saisie import Saisie
from app.domain.changements import ChangementRefuse, FichePlanning, JourEcrit, check_plages
from app.domain.composition import (
    CYCLE_MAX,
    Composition,
    LotPlanning,
    NaturePlanning,
    lundi_de,
)
from app.domain.guichets import GuichetRegle
from app.domain.plannings import RANG_DERNIER, PlageType

#: Fields of the page that are not of the draft: they ask to see it otherwise, or to publish it.
COMMANDES: Final = frozenset({"_csrf", "geste", "vu", "voir_semaine", "voir_motif", "voir_canal", "voir_type"})
RANGS_MOIS: Final = (1, 2, 3, 4, 5, RANG_DERNIER)
_COMMUNS: Final = frozenset({"nom", "nature", "cycle", "du", "au", "portee", "guichets", "revision", "suite"})
HEURES: Final = "heures"


def check_champs(saisie: Saisie, permis: Iterable[str]) -> None:
    """Refuse fields that the form does not have."""
    for inconnu in sorted(set(saisie.donnees) - COMMANDES - set(permis)):
        saisie.refuse(inconnu[:40], "Ce champ n’existe pas dans ce formulaire.")


def rangs(nature: str, cycle: int) -> tuple[int, ...]:
    """The weeks of a cycle, or the ranks of a month."""
    return RANGS_MOIS if nature == "mois" else tuple(range(cycle))


def open_planning(
    comp: Composition, lot: LotPlanning | None, nature: NaturePlanning, aujourdhui: date
) -> dict[str, Any]:
    """The fields of a planning as recorded, or those of a new one beginning next Monday."""
    if lot is None:
        du = lundi_de(aujourdhui) + timedelta(days=7)
        return {"nom": "", "nature": nature, "cycle": "1", "du": du.isoformat(), "au": "", **_portee((None,))}
    champs: dict[str, Any] = {
        "nom": lot.nom,
        "nature": lot.nature,
        "cycle": str(lot.cycle),
        "du": lot.du.isoformat(),
        "au": lot.au.isoformat() if lot.au else "",
        "revision": str(lot.revision),
        **_portee(lot.guichets),
    }
    par_jour: dict[tuple[int, int], list[int]] = {}
    for rang, iso, journee in lot.jours:
        par_jour.setdefault((rang, iso), []).append(journee)
    for (rang, iso), journees in par_jour.items():
        champs[f"j_{rang}_{iso}"] = "+".join(str(j) for j in sorted(journees))
        champs[f"h_{rang}_{iso}"] = write_plages(tuple(p for j in journees for p in comp.journees[j].plages))
    return champs


def _portee(guichets: Iterable[int | None]) -> dict[str, Any]:
    ids = [str(guichet) for guichet in guichets if guichet is not None]
    return {"portee": "guichets" if ids else "service", "guichets": ids}


def echo(saisie: Saisie) -> dict[str, Any]:
    """The fields as they were typed, to draw the form again."""
    typed: dict[str, Any] = {cle: valeurs[0] for cle, valeurs in saisie.donnees.items() if cle not in COMMANDES}
    typed["guichets"] = list(saisie.donnees.get("guichets", ()))
    return typed


def hidden(saisie: Saisie) -> list[tuple[str, str]]:
    """The same, as hidden fields of the page of consequences."""
    return [(cle, v) for cle, valeurs in saisie.donnees.items() if cle not in COMMANDES for v in valeurs]


def read_guichets(saisie: Saisie, guichets: Mapping[int, GuichetRegle]) -> tuple[int | None, ...]:
    """Which guichets, or ``(None,)`` for the whole service."""
    portee = saisie.choix("portee", ("service", "guichets"), requis="Choisissez le service ou des guichets.")
    choisis = saisie.cases("guichets", [str(ident) for ident in guichets])
    if portee == "service":
        return (None,)
    if not choisis:
        saisie.refuse("guichets", "Choisissez au moins un guichet.")
    return tuple(int(ident) for ident in choisis)


def read_planning(saisie: Saisie, comp: Composition, guichets: Mapping[int, GuichetRegle]) -> FichePlanning:
    """The planning typed. Raises SaisieInvalide with every sentence at once."""
    nature = cast(NaturePlanning, saisie.choix("nature", ("semaine", "mois"), requis="Choisissez semaine ou mois."))
    cycle = 1 if nature == "mois" else (saisie.entier("cycle", minimum=1, maximum=CYCLE_MAX, requis="Indiquez 1.") or 1)
    cles = [(rang, iso) for rang in rangs(nature, cycle) for iso in range(1, 8)]
    # Weeks beyond the cycle may still be sent by a page that has not been drawn again: they are left out.
    toutes = [(rang, iso) for rang in rangs(nature, CYCLE_MAX) for iso in range(1, 8)]
    check_champs(saisie, {*_COMMUNS, *(f"{c}_{rang}_{iso}" for rang, iso in toutes for c in "jh")})
    nom = saisie.texte("nom", maximum=80, requis="Donnez un nom à ce planning, par exemple « Semaine d’hiver ».")
    du = saisie.jour("du", requis="Indiquez à partir de quel jour il est valable.")
    au = saisie.jour("au")
    choisis = read_guichets(saisie, guichets)
    jours = {(rang, iso): _read_jour(saisie, comp, rang, iso) for rang, iso in cles}
    saisie.check()
    assert du is not None
    return FichePlanning(nom, nature, cycle, du, au, choisis, {cle: jour for cle, jour in jours.items() if jour})


def _read_jour(saisie: Saisie, comp: Composition, rang: int, iso: int) -> JourEcrit:
    choix, heures = saisie.brut(f"j_{rang}_{iso}"), saisie.brut(f"h_{rang}_{iso}")
    champ = f"h_{rang}_{iso}"
    if choix in ("", HEURES):
        plages = read_plages(saisie, champ, heures)
        if choix == HEURES and not plages:
            saisie.refuse(champ, f"Indiquez les heures, par exemple {EXEMPLE}, ou choisissez « Fermé ».")
        return JourEcrit(plages=plages)
    ids = [int(mot) for mot in choix.split("+") if mot.isascii() and mot.isdigit() and len(mot) < 19]
    if "+".join(str(i) for i in ids) != choix or any(i not in comp.journees for i in ids):
        saisie.refuse(f"j_{rang}_{iso}", "Cette journée type n’existe plus : choisissez-en une autre.")
        return JourEcrit()
    return JourEcrit(journees=tuple(dict.fromkeys(ids)))


def read_plages(saisie: Saisie, champ: str, texte: str) -> tuple[PlageType, ...]:
    """The plages of a field, or a sentence against it."""
    try:
        return check_plages(parse_plages(texte), champ)
    except (PlagesInvalides, ChangementRefuse) as erreur:
        saisie.refuse(champ, str(erreur))
        return ()


def read_journee(saisie: Saisie) -> tuple[str, tuple[PlageType, ...]]:
    """The journée type typed. Raises SaisieInvalide."""
    check_champs(saisie, ("nom", "plages", "revision"))
    nom = saisie.texte("nom", maximum=80, requis="Donnez un nom à cette journée, par exemple « Matin seul ».")
    if not saisie.brut("plages").strip():
        saisie.refuse("plages", f"Indiquez au moins une plage, par exemple {EXEMPLE}.")
    plages = read_plages(saisie, "plages", saisie.brut("plages"))
    saisie.check()
    return nom, plages
