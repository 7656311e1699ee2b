"""« Plannings », the page: what is valid when, the plannings, the journées types and where each is used."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final

from app.admin.pages import Organisation
from app.admin.plannings.mots import STATUTS, TOUS, decrire_jours, dire_alternance, dire_validite, nommer_guichets
from app.booking.contexte import ServiceContexte
from app.domain.composition import Composition, LotPlanning, Statut, format_plages
from app.domain.guichets import GuichetRegle
from app.domain.periodes import Periode, find_periodes
from app.domain.plannings import Planning

#: What the frieze shows, in days from the first of this month; its drawing is 1,000 units wide.
_FRISE: Final = 365
_LARGEUR: Final = 1000
_COULEURS: Final = 6


def build_liste(organisation: Organisation, comp: Composition, aujourdhui: date) -> dict[str, Any]:
    """The context of ``admin/plannings/_liste.html``: a function of what is written and of the day."""
    contexte = organisation.contexte
    lots = comp.lots_plannings()
    couleurs = {lot.nom: rang % _COULEURS for rang, lot in enumerate(lots)}
    cartes = [_build_carte(comp, lot, contexte, aujourdhui) for lot in lots]
    return {
        "frise": _build_frise(comp, contexte, couleurs, aujourdhui),
        "plannings": [c for c in cartes if c["statut"] != "passe"],
        "passes": [c for c in cartes if c["statut"] == "passe"],
        "journees": [
            {
                "id": journee.id,
                "nom": journee.nom,
                "plages": format_plages(journee.plages) or "aucune plage",
                "usages": [lot.nom for lot in comp.find_usages(journee.id)],
            }
            for journee in comp.journees.values()
        ],
    }


def _build_carte(comp: Composition, lot: LotPlanning, contexte: ServiceContexte, aujourdhui: date) -> dict[str, Any]:
    statut = lot.find_statut(aujourdhui)
    return {
        "id": lot.id,
        "nom": lot.nom,
        "statut": statut.value,
        "mot": STATUTS[statut],
        "guichets": nommer_guichets(lot.guichets, contexte.guichets),
        "validite": dire_validite(lot.du, lot.au),
        "alternance": dire_alternance(lot, aujourdhui),
        "nature": "Mois type" if lot.nature == "mois" else "Semaine type",
        "jours": decrire_jours(comp, lot),
        "suivable": statut is not Statut.PASSE,
    }


def _build_frise(
    comp: Composition, contexte: ServiceContexte, couleurs: dict[str, int], aujourdhui: date
) -> dict[str, Any]:
    """One line per guichet: today, next, and a drawing of a year; guichets that follow the service share one line."""
    plannings = comp.to_plannings()
    debut = aujourdhui.replace(day=1)
    fin = debut + timedelta(days=_FRISE - 1)
    propres = {planning.guichet_id for planning in plannings} - {None}
    suiveurs = [guichet for guichet in contexte.guichets.values() if guichet.id not in propres]
    lignes: list[dict[str, Any]] = []
    if suiveurs:
        nom = TOUS.capitalize() if len(suiveurs) == len(contexte.guichets) else _names(suiveurs)
        lignes.append(_build_ligne(nom, plannings, None, debut, fin, aujourdhui, couleurs))
    for guichet in contexte.guichets.values():
        if guichet.id in propres:
            lignes.append(_build_ligne(guichet.nom, plannings, guichet.id, debut, fin, aujourdhui, couleurs))
    return {
        "lignes": lignes,
        "mois": [_x(jour, debut) for jour in _firsts(debut, fin)],
        "aujourdhui": _x(aujourdhui, debut),
        "du": debut,
        "au": fin,
    }


def _names(guichets: list[GuichetRegle]) -> str:
    return ", ".join(guichet.nom for guichet in guichets)


def _firsts(debut: date, fin: date) -> list[date]:
    jours = (debut + timedelta(days=n) for n in range((fin - debut).days + 1))
    return [jour for jour in jours if jour.day == 1]


def _x(jour: date, debut: date) -> int:
    return (jour - debut).days * _LARGEUR // _FRISE


def _build_ligne(
    nom: str,
    plannings: tuple[Planning, ...],
    guichet_id: int | None,
    debut: date,
    fin: date,
    aujourdhui: date,
    couleurs: dict[str, int],
) -> dict[str, Any]:
    periodes = find_periodes(plannings, guichet_id, debut, fin)
    rang = next(i for i, p in enumerate(periodes) if p.du <= aujourdhui <= p.au)
    suivante = periodes[rang + 1] if rang + 1 < len(periodes) else None
    return {
        "nom": nom,
        "aujourdhui": _say(periodes[rang], guichet_id),
        "ensuite": f"{_say(suivante, guichet_id)} à partir du {suivante.du:%d/%m/%Y}"
        if suivante
        else "sans changement",
        "barres": [
            {
                "x": _x(p.du, debut),
                "largeur": max(_x(p.au + timedelta(days=1), debut) - _x(p.du, debut) - 2, 1),
                "couleur": couleurs.get(p.plannings[0].nom, 0),
                "nom": p.nom,
            }
            for p in periodes
            if p.plannings
        ],
    }


def _say(periode: Periode, guichet_id: int | None) -> str:
    if not periode.plannings:
        return "aucun planning : fermé"
    return periode.nom if periode.propre or guichet_id is None else f"{periode.nom} (celui du service)"
