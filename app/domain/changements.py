"""What a chef de service may do to a ``Composition``: each change is a function from one to the next [G 2.3.4].

Nothing is saved here and nothing is known of rendez-vous: a draft is rendered, compared and refused with the very
functions that will save it. A refusal is a sentence tied to a field of the form.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import combinations, pairwise
from math import lcm

from app.domain.composition import (
    Composition,
    Journee,
    LignePlanning,
    LotPlanning,
    NaturePlanning,
    format_plages,
)
from app.domain.plannings import Chevauchement, PlageType, Planning, find_chevauchements

_ANNEE = 366


class ChangementRefuse(ValueError):
    """A change that means nothing, or contradicts another. ``champ``: the field at fault; ``guichet_id``: where."""

    def __init__(self, champ: str, phrase: str, guichet_id: int | None = None) -> None:
        super().__init__(phrase)
        self.champ = champ
        self.phrase = phrase
        self.guichet_id = guichet_id


@dataclass(frozen=True, slots=True)
class JourEcrit:
    """One day of a planning as written: journées types, or hours of its own."""

    journees: tuple[int, ...] = ()
    plages: tuple[PlageType, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.journees or self.plages)


@dataclass(frozen=True, slots=True)
class FichePlanning:
    """A planning as written. ``guichets``: ``(None,)`` for the whole service."""

    nom: str
    nature: NaturePlanning
    cycle: int
    du: date
    au: date | None
    guichets: tuple[int | None, ...]
    jours: Mapping[tuple[int, int], JourEcrit]


def check_plages(plages: Iterable[PlageType], champ: str) -> tuple[PlageType, ...]:
    """The same plages in order. Raises ChangementRefuse, naming both, when two overlap."""
    ordre = tuple(sorted(plages))
    for un, autre in pairwise(ordre):
        if autre.debut < un.fin:
            raise ChangementRefuse(champ, f"La plage {un} et la plage {autre} se chevauchent.")
    return ordre


def free_id(pris: Iterable[int]) -> int:
    """The next id below zero: of a row that is not saved yet."""
    return min(0, *pris, 0) - 1


# Journées types


def write_journee(
    comp: Composition, journee_id: int | None, nom: str, plages: Collection[PlageType], aujourdhui: date
) -> tuple[Composition, int]:
    """Create or change a journée type; every planning that uses it follows. The composition, and its id."""
    ordre = check_plages(plages, "plages")
    if not ordre:
        raise ChangementRefuse("plages", "Indiquez au moins une plage, par exemple 08:30-12:00.")
    if any(j.nom.casefold() == nom.casefold() and j.id != journee_id for j in comp.journees.values()):
        raise ChangementRefuse("nom", f"Une journée type s’appelle déjà «\u00a0{nom}\u00a0».")
    ancienne = comp.journees.get(journee_id) if journee_id is not None else None
    identifiant = ancienne.id if ancienne else free_id(comp.journees)
    revision = ancienne.revision + 1 if ancienne else 1
    journees = {**comp.journees, identifiant: Journee(identifiant, nom, ordre, revision)}
    apres = replace(comp, journees=journees)
    niveaux = {guichet for lot in comp.find_usages(identifiant) for guichet in lot.guichets}
    _check_niveaux(apres, niveaux, aujourdhui, "plages")
    return apres, identifiant


def remove_journee(comp: Composition, journee_id: int) -> Composition:
    """Remove a journée type that no planning uses; else raises ChangementRefuse, saying which do."""
    usages = comp.find_usages(journee_id)
    if usages:
        noms = ", ".join(f"«\u00a0{lot.nom}\u00a0»" for lot in usages)
        raise ChangementRefuse("journee", f"Cette journée type sert au planning {noms} : retirez-la d’abord.")
    return replace(comp, journees={cle: j for cle, j in comp.journees.items() if cle != journee_id})


# Plannings


def write_planning(
    comp: Composition,
    fiche: FichePlanning,
    aujourdhui: date,
    *,
    lot: LotPlanning | None = None,
    suite_de: LotPlanning | None = None,
) -> tuple[Composition, LotPlanning]:
    """Create a planning, change ``lot``, or let the new one follow ``suite_de``, which then ends the day before.

    A guichet no longer named leaves the lot; one that is new enters it. Raises ChangementRefuse.
    """
    _check_fiche(fiche, aujourdhui, lot)
    if suite_de is not None:
        comp = _end_before(comp, suite_de, fiche.du)
    comp, jours = _write_jours(comp, fiche)
    gardees = {} if lot is None else dict(zip(lot.guichets, lot.ids, strict=True))
    revision = lot.revision + 1 if lot else 1
    libre = free_id(ligne.id for ligne in comp.plannings)
    lignes: list[LignePlanning] = []
    for guichet_id in fiche.guichets:
        identifiant = gardees.get(guichet_id)
        if identifiant is None:
            identifiant, libre = libre, libre - 1
        lignes.append(
            LignePlanning(
                identifiant, guichet_id, fiche.nom, fiche.nature, fiche.cycle, fiche.du, fiche.au, jours, revision
            )
        )
    retires = set(lot.ids) if lot else set[int]()
    autres = tuple(ligne for ligne in comp.plannings if ligne.id not in retires)
    apres = _drop_unused(replace(comp, plannings=(*autres, *lignes)), lot)
    niveaux = set(fiche.guichets)
    _check_noms(apres, fiche)
    _check_niveaux(apres, niveaux, aujourdhui, "semaine")
    ecrit = apres.find_planning(lignes[0].id)
    assert ecrit is not None
    return apres, ecrit


def remove_planning(comp: Composition, lot: LotPlanning) -> Composition:
    """Remove a planning, and the journées written by their hours that only it used."""
    restent = tuple(ligne for ligne in comp.plannings if ligne.id not in lot.ids)
    return _drop_unused(replace(comp, plannings=restent), lot)


def _check_fiche(fiche: FichePlanning, aujourdhui: date, lot: LotPlanning | None) -> None:
    if not fiche.guichets:
        raise ChangementRefuse("guichets", "Choisissez au moins un guichet, ou tout le service.")
    if fiche.au is not None and fiche.au < fiche.du:
        raise ChangementRefuse("au", "La fin de validité est avant son début.")
    if fiche.au is not None and fiche.au < aujourdhui and lot is None:
        raise ChangementRefuse("au", "Cette période est déjà passée.")


def _end_before(comp: Composition, lot: LotPlanning, du: date) -> Composition:
    if du <= lot.du:
        quand = f"{lot.du:%d/%m/%Y}"
        raise ChangementRefuse("du", f"La suite doit commencer après le début de ce planning ({quand}).")
    if lot.au is not None and lot.au < du:
        return comp
    veille = du - timedelta(days=1)
    return replace(
        comp,
        plannings=tuple(
            replace(ligne, au=veille, revision=lot.revision + 1) if ligne.id in lot.ids else ligne
            for ligne in comp.plannings
        ),
    )


def _write_jours(comp: Composition, fiche: FichePlanning) -> tuple[Composition, frozenset[tuple[int, int, int]]]:
    """Hours written for a day become a journée type: the one that has them, else a new one named after them."""
    journees = dict(comp.journees)
    jours: set[tuple[int, int, int]] = set()
    for (rang, iso), ecrit in fiche.jours.items():
        ids = ecrit.journees
        if ecrit.plages:
            ordre = check_plages(ecrit.plages, f"h_{rang}_{iso}")
            ids = (_find_or_create(journees, ordre),)
        jours |= {(rang, iso, journee_id) for journee_id in ids}
    return replace(comp, journees=journees), frozenset(jours)


def _find_or_create(journees: dict[int, Journee], plages: tuple[PlageType, ...]) -> int:
    for journee in journees.values():
        if journee.plages == plages:
            return journee.id
    noms = {journee.nom for journee in journees.values()}
    base = format_plages(plages)
    nom = next(n for n in (base, *(f"{base} ({i})" for i in range(2, len(noms) + 3))) if n not in noms)
    identifiant = free_id(journees)
    journees[identifiant] = Journee(identifiant, nom, plages)
    return identifiant


def _drop_unused(comp: Composition, ancien: LotPlanning | None) -> Composition:
    """Without the journées named after their hours that only ``ancien`` used."""
    if ancien is None:
        return comp
    servies = {journee for ligne in comp.plannings for _, _, journee in ligne.jours}
    mortes = {
        journee
        for _, _, journee in ancien.jours
        if journee not in servies and comp.journees[journee].nom == format_plages(comp.journees[journee].plages)
    }
    return replace(comp, journees={cle: j for cle, j in comp.journees.items() if cle not in mortes})


def _check_noms(comp: Composition, fiche: FichePlanning) -> None:
    memes = [p for p in comp.to_plannings() if p.nom.casefold() == fiche.nom.casefold()]
    for un, autre in combinations(memes, 2):
        if un.guichet_id == autre.guichet_id and un.guichet_id in fiche.guichets and _clip(un, autre, date.min):
            phrase = f"Un planning «\u00a0{autre.nom}\u00a0» est déjà valable à ces dates : donnez-lui un autre nom."
            raise ChangementRefuse("nom", phrase, un.guichet_id)


def find_conflits(
    plannings: Collection[Planning], niveaux: Collection[int | None], du: date
) -> tuple[Chevauchement, ...]:
    """The overlaps of the levels ``niveaux`` from ``du`` on, each pair of plages once.

    Looks as far as a whole alternation of any two of them, a year when one is a mois type: beyond, days repeat.
    """
    trouves: dict[object, Chevauchement] = {}
    for niveau in niveaux:
        siens = [p for p in plannings if p.guichet_id == niveau]
        for groupe in [(p,) for p in siens] + list(combinations(siens, 2)):
            horizon = _clip(groupe[0], groupe[-1], du)
            if horizon is None:
                continue
            semaines = all(p.nature == "semaine" for p in groupe)
            portee = lcm(*(p.cycle for p in groupe)) * 7 if semaines else 2 * _ANNEE
            fin = min(horizon[1], horizon[0] + timedelta(days=portee))
            for c in find_chevauchements(groupe, (horizon[0], fin)):
                trouves.setdefault((c.planning_a.id, c.plage_a, c.planning_b.id, c.plage_b), c)
    return tuple(trouves.values())


def _clip(un: Planning, autre: Planning, du: date) -> tuple[date, date] | None:
    """The days from ``du`` on when both are valid, or None."""
    debut = max(un.du, autre.du, du)
    fin = min(un.au or date.max - timedelta(days=8), autre.au or date.max - timedelta(days=8))
    return (debut, fin) if debut <= fin else None


def _check_niveaux(comp: Composition, niveaux: Collection[int | None], du: date, champ: str) -> None:
    for conflit in find_conflits(comp.to_plannings(), niveaux, du):
        raise ChangementRefuse(champ, conflit.phrase, conflit.guichet_id)
