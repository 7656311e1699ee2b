"""The blocks of a grid's column, drawn: free places and RDV, by the row where they start (macros/agenda.html).

Strings, not template macros: a day of twenty guichets has eight hundred blocks, and this is where the time of a page
would go. Every text that somebody typed is escaped here. Nothing depends on the present moment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

_INSTANTS = (("arrive_a", "arrive"), ("appele_a", "appele"), ("recu_a", "recu"), ("termine_a", "termine"))
_DUREE_FINE, _DUREE_MAX = 240, 720


def draw_colonne(
    colonne: Mapping[str, Any], vue: Mapping[str, Any], etats: Mapping[str, Any], types: Mapping[str, str]
) -> dict[int, Markup]:
    """Row → what starts in it. ``etats`` and ``types`` give the words, as templates have them (macros/etat.html)."""
    m0, pas = colonne.get("m0", vue.get("m0")), vue["pas"]
    cases: dict[int, list[str]] = {}
    if vue["url_nouveau"]:
        occupees = sorted((r["m"], r["m"] + r["d"]) for r in colonne["rdv"])
        lien = _lien(colonne, vue)
        nom = escape(colonne["nom"])
        for place in colonne["places"]:
            rang, reste = divmod(place["m"] - m0, pas)
            couverte = _meets(occupees, place["m"], place["m"] + place["d"])
            cases.setdefault(rang, []).append(_draw_place(place, colonne, lien, nom, reste, couverte))
    for rdv in colonne["rdv"]:
        rang, reste = divmod(rdv["m"] - m0, pas)
        cases.setdefault(rang, []).append(_draw_rdv(rdv, colonne, vue, etats, types, reste))
    return {rang: Markup("".join(blocs)) for rang, blocs in cases.items()}  # noqa: S704 - escaped piece by piece below


def _meets(occupees: Sequence[tuple[int, int]], debut: int, fin: int) -> bool:
    return any(a < fin and debut < b for a, b in occupees)


def _duree(minutes: int) -> int:
    """A duration that has its class in static/css/minutes.css."""
    return minutes if minutes <= _DUREE_FINE else min((minutes + 4) // 5 * 5, _DUREE_MAX)


def _lien(colonne: Mapping[str, Any], vue: Mapping[str, Any]) -> tuple[str, str]:
    """The address of the form before and after the hour."""
    jour = f"&amp;jour={colonne['date']}" if colonne.get("date") else ""
    return f"{escape(vue['url_nouveau'])}&amp;guichet={colonne.get('guichet', colonne['id'])}&amp;heure=", jour


def _draw_place(
    place: Mapping[str, Any],
    colonne: Mapping[str, Any],
    lien: tuple[str, str],
    nom: str,
    reste: int,
    couverte: bool,
) -> str:
    hors = place["hors"]
    return (
        f'<a class="place case t{reste} d{_duree(place["d"])}{" place--hors" if hors else ""}" data-m="{place["m"]}"'
        f' data-d="{place["d"]}" data-g="{colonne["id"]}" href="{lien[0]}{place["heure"]}{lien[1]}"'
        f"{' hidden' if couverte else ''}><span>{place['heure']} <i>{'hors plage' if hors else 'libre'}, {nom}</i>"
        "</span></a>"
    )


def _draw_rdv(
    rdv: Mapping[str, Any],
    colonne: Mapping[str, Any],
    vue: Mapping[str, Any],
    etats: Mapping[str, Any],
    types: Mapping[str, str],
    reste: int,
) -> str:
    etat, heure = rdv["etat"], rdv["heure"]
    tete = (
        f'<div id="a-{rdv["id"]}" class="rdv t{reste} d{_duree(rdv["d"])}" data-rdv="{rdv["id"]}" data-etat="{etat}"'
        f' data-m="{rdv["m"]}" data-d="{rdv["d"]}" data-g="{colonne["id"]}"{_draw_instants(rdv)}>'
    )
    mot = f'<span class="etat" data-mot>{escape(etats[etat]["mot"])}</span>'
    if etat != "option":
        return f"{tete}{_draw_corps(rdv, colonne, vue, types, mot)}{_draw_actions(rdv, vue)}</div>"
    if rdv.get("gel") and vue["url_nouveau"] and colonne["ouvert"]:
        avant, apres = _lien(colonne, vue)
        return (
            f'{tete}<a class="rdv__lien case" href="{avant}{heure}{apres}"><b>{heure}</b> Annulé,'
            f' en ligne à {rdv["gel"]}<span class="fr-sr-only">. Réserver cette place</span></a></div>'
        )
    return f'{tete}<span class="rdv__lien case" tabindex="-1"><b>{heure}</b> {mot}</span></div>'


def _draw_instants(rdv: Mapping[str, Any]) -> str:
    return "".join(f' data-{nom}-a="{rdv[champ]}"' for champ, nom in _INSTANTS if rdv[champ])


def _draw_corps(
    rdv: Mapping[str, Any], colonne: Mapping[str, Any], vue: Mapping[str, Any], types: Mapping[str, str], mot: str
) -> str:
    genre = types[rdv["type"]]
    pour = f'<span class="rdv__pour">pour {escape(rdv["pour"])}</span> ' if rdv.get("pour") else ""
    return (
        f'<a class="rdv__lien case" href="{vue["url_rdv"]}{rdv["id"]}"><span class="rdv__tete"><b>{rdv["heure"]}</b> '
        f'<span class="type type--{rdv["type"]}" title="{genre}"><span class="fr-sr-only">{genre}</span></span> '
        f'<span class="rdv__nom" data-nom>{escape(rdv["nom"])}</span></span> '
        f'<span class="rdv__corps">{mot} <span data-venue></span> <span data-attente></span> {pour}'
        f'<span class="rdv__motif">{escape(rdv["motif"])}</span></span>'
        f'<span class="rdv__ou" data-lieu>{escape(colonne["nom"])}</span></a>'
    )


def _draw_actions(rdv: Mapping[str, Any], vue: Mapping[str, Any]) -> str:
    """Arrival and its undoing, on the day itself [A1 §3.2]."""
    if not vue["arrivees"] or rdv["type"] != "guichet":
        return ""
    base, nom = f"{vue['url_rdv']}{rdv['id']}/arrivee", escape(rdv["nom"])
    return (
        f'<button class="rdv__action" form="actions" formaction="{base}" data-si="prevu non_honore"'
        f' data-evenement="rdv.arrive" title="Arrivé">Arrivé<i> : {nom}</i></button>'
        f'<button class="rdv__action rdv__action--defaire" form="actions" formaction="{base}/annulation"'
        ' data-si="arrive" data-evenement="rdv.arrivee_annulee" title="Annuler l’arrivée">Annuler l’arrivée'
        f"<i> : {nom}</i></button>"
    )
