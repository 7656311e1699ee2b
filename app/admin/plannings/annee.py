"""The year strip: each day, its holiday, its exceptions; and the bridge days that a holiday makes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final

from app.admin.plannings.mots import NATURES, STATUTS, dire_validite, nommer_guichets
from app.booking.contexte import ServiceContexte
from app.domain.composition import Composition, LotException, format_plages
from app.domain.horaires import iter_jours
from app.feries import nom_ferie
from app.web.dates import jour_long, jour_moyen

_MOIS: Final = ("janv.", "févr.", "mars", "avril", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc.")
_SAMEDI: Final = 5


def build_annee(
    contexte: ServiceContexte, comp: Composition, annee: int, aujourdhui: date, base: str
) -> dict[str, Any]:
    """The context of ``admin/plannings/_exceptions.html``: a function of what is written, of the year and the day."""
    du, au = date(annee, 1, 1), date(annee, 12, 31)
    lots = [lot for lot in comp.lots_exceptions() if lot.du <= au and du <= lot.au]
    feries = {jour: nom_ferie(contexte.departement, jour) or "" for jour in sorted(contexte.feries(du, au))}
    cartes = [_build_carte(lot, contexte, aujourdhui) for lot in lots]
    return {
        "annee": annee,
        "mois": [_build_mois(annee, m, lots, feries, comp.rouverts, aujourdhui, base) for m in range(1, 13)],
        "feries": [_build_ferie(jour, nom, comp, aujourdhui) for jour, nom in feries.items()],
        "ponts": _find_ponts(feries, lots, aujourdhui, comp.rouverts),
        "exceptions": [c for c in cartes if c["statut"] != "passe"],
        "passees": [c for c in cartes if c["statut"] == "passe"],
    }


def _build_mois(
    annee: int,
    mois: int,
    lots: list[LotException],
    feries: Mapping[date, str],
    rouverts: frozenset[date],
    aujourdhui: date,
    base: str,
) -> dict[str, Any]:
    premier = date(annee, mois, 1)
    dernier = (premier + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    jours = [
        _build_jour(jour, lots, feries.get(jour, ""), jour in rouverts, aujourdhui, base)
        for jour in iter_jours(premier, dernier)
    ]
    return {"nom": _MOIS[mois - 1], "jours": jours}


def _build_jour(
    jour: date, lots: list[LotException], ferie: str, rouvert: bool, aujourdhui: date, base: str
) -> dict[str, Any]:
    siens = [lot for lot in lots if lot.du <= jour <= lot.au]
    genres = {lot.nature for lot in siens}
    classe = next((g for g in ("fermeture", "remplacement", "ouverture") if g in genres), "")
    mots = [f"{ferie} (rouvert)" if rouvert else ferie] if ferie else []
    mots += [f"{NATURES[lot.nature]} : {lot.libelle}" if lot.libelle else NATURES[lot.nature] for lot in siens]
    url = f"{base}/{siens[0].id}" if siens else f"#ferie-{jour:%Y-%m-%d}" if ferie and jour >= aujourdhui else ""
    return {
        "jour": jour,
        "classe": classe or ("rouvert" if rouvert and ferie else "ferie" if ferie else ""),
        "repos": jour.weekday() >= _SAMEDI,
        "aujourdhui": jour == aujourdhui,
        "passe": jour < aujourdhui,
        "mots": ", ".join(mots),
        "titre": f"{jour_moyen(jour)} : {', '.join(mots)}",
        "url": url,
    }


def _build_ferie(jour: date, nom: str, comp: Composition, aujourdhui: date) -> dict[str, Any]:
    return {
        "jour": jour,
        "nom": nom,
        "quand": jour_long(jour),
        "rouvert": jour in comp.rouverts,
        "passe": jour < aujourdhui,
    }


def _find_ponts(
    feries: Mapping[date, str], lots: list[LotException], aujourdhui: date, rouverts: frozenset[date]
) -> list[dict[str, Any]]:
    """Working days alone between a holiday and a week-end, to come and not closed yet."""
    ponts: list[dict[str, Any]] = []
    for jour, nom in feries.items():
        decalage = {1: -1, 3: 1}.get(jour.weekday())
        if decalage is None or jour in rouverts:
            continue
        pont = jour + timedelta(days=decalage)
        ferme = any(lot.nature == "fermeture" and lot.du <= pont <= lot.au and not lot.plages for lot in lots)
        if pont > aujourdhui and pont not in feries and not ferme:
            ponts.append({"jour": pont, "quand": jour_moyen(pont), "nom": nom})
    return ponts


def _build_carte(lot: LotException, contexte: ServiceContexte, aujourdhui: date) -> dict[str, Any]:
    statut = lot.find_statut(aujourdhui)
    sans_heures = "aucune plage" if lot.nature == "remplacement" else "toute la journée"
    return {
        "id": lot.id,
        "revision": lot.revision,
        "nature": lot.nature,
        "titre": NATURES[lot.nature],
        "libelle": lot.libelle,
        "quand": dire_validite(lot.du, lot.au),
        "heures": format_plages(lot.plages) or sans_heures,
        "guichets": nommer_guichets(lot.guichets, contexte.guichets),
        "statut": statut.value,
        "mot": STATUTS[statut],
    }
