"""Exceptions and holidays: closures, extra openings, one day's own hours, as changes of a ``Composition`` [G 2.3.4]."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date

from app.domain.changements import ChangementRefuse, check_plages, free_id
from app.domain.composition import (
    Composition,
    LigneException,
    LotException,
    LotPlanning,
    NatureException,
    Statut,
)
from app.domain.plannings import PlageType


@dataclass(frozen=True, slots=True)
class FicheException:
    """An exception as written; ``plages`` as in ``LotException``."""

    nature: NatureException
    du: date
    au: date
    plages: tuple[PlageType, ...]
    guichets: tuple[int | None, ...]
    libelle: str


def write_exception(
    comp: Composition,
    fiche: FicheException,
    aujourdhui: date,
    feries: Collection[date],
    *,
    lot: LotException | None = None,
) -> tuple[Composition, LotException]:
    """Create an exception or change ``lot``. Raises ChangementRefuse. ``feries``: the holidays of its days."""
    _check_exception(comp, fiche, aujourdhui, feries, lot)
    revision = lot.revision + 1 if lot else 1
    anciennes = sorted(lot.ids) if lot else []
    libre = free_id(e.id for e in comp.exceptions)
    lignes: list[LigneException] = []
    for guichet_id in fiche.guichets:
        for heures in fiche.plages or (None,):
            if anciennes:
                identifiant = anciennes.pop(0)
            else:
                identifiant, libre = libre, libre - 1
            debut, fin = (heures.debut, heures.fin) if heures else (None, None)
            lignes.append(
                LigneException(
                    identifiant, fiche.nature, guichet_id, fiche.du, fiche.au, debut, fin, fiche.libelle, revision
                )
            )
    retires = set(lot.ids) if lot else set[int]()
    apres = replace(comp, exceptions=(*(e for e in comp.exceptions if e.id not in retires), *lignes))
    ecrit = apres.find_exception(lignes[0].id)
    assert ecrit is not None
    return apres, ecrit


def _check_exception(
    comp: Composition, fiche: FicheException, aujourdhui: date, feries: Collection[date], lot: LotException | None
) -> None:
    if not fiche.guichets:
        raise ChangementRefuse("guichets", "Choisissez au moins un guichet, ou tous.")
    if fiche.au < fiche.du:
        raise ChangementRefuse("au", "La fin est avant le début.")
    if fiche.au < aujourdhui:
        raise ChangementRefuse("au", "Ces jours sont déjà passés.")
    check_plages(fiche.plages, "plages")
    retires = set(lot.ids) if lot else set[int]()
    autres = [e for e in comp.exceptions if e.id not in retires]
    if fiche.nature != "remplacement":
        if len(fiche.plages) > 1:
            raise ChangementRefuse("plages", "Une fermeture ou une ouverture n’a qu’un horaire : écrivez-en deux.")
        if fiche.nature == "ouverture" and not fiche.plages and not any(fiche.du <= j <= fiche.au for j in feries):
            phrase = "Indiquez les heures : sans heures, une ouverture ne rouvre que les jours fériés."
            raise ChangementRefuse("debut", phrase)
        _check_neuve(autres, fiche)
        return
    for autre in autres:
        if (
            autre.nature == "remplacement"
            and autre.guichet_id in fiche.guichets
            and autre.du <= fiche.au
            and fiche.du <= autre.au
        ):
            phrase = f"Le {max(autre.du, fiche.du):%d/%m/%Y} a déjà ses propres horaires : modifiez-les."
            raise ChangementRefuse("du", phrase, autre.guichet_id)


def _check_neuve(autres: Collection[LigneException], fiche: FicheException) -> None:
    """Refuse what is already written, whatever its reason says: a form sent twice is written once."""
    heures = (fiche.plages[0].debut, fiche.plages[0].fin) if fiche.plages else (None, None)
    voulue = (fiche.nature, fiche.du, fiche.au, *heures)
    ecrits = {e.guichet_id for e in autres if (e.nature, e.du, e.au, e.debut, e.fin) == voulue}
    if ecrits.issuperset(fiche.guichets):
        raise ChangementRefuse("du", f"Cette {fiche.nature} existe déjà.")


def remove_exception(comp: Composition, lot: LotException) -> Composition:
    """Remove an exception: its days are planned as the others."""
    return replace(comp, exceptions=tuple(e for e in comp.exceptions if e.id not in lot.ids))


def set_ferie(comp: Composition, jour: date, *, ouvert: bool) -> Composition:
    """Reopen a holiday (the plannings apply as on any day), or let it close again."""
    return replace(comp, rouverts=comp.rouverts | {jour} if ouvert else comp.rouverts - {jour})


def is_figee(lot: LotPlanning | LotException, aujourdhui: date) -> bool:
    """True when it is over: changing it would only rewrite the past."""
    return lot.find_statut(aujourdhui) is Statut.PASSE
