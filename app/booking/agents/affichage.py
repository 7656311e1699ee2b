"""What the agenda's address asks to see: day, view, guichets, zoom. Parsed once, written back canonical.

Two addresses that mean the same view have the same parameters, so that a page and its fragment are one entry of the
cache and one URL. The zoom is the page's alone: the grid is the same at every step.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final, Literal
from urllib.parse import urlencode

from litestar import Request

from app.booking.contexte import ServiceContexte
from app.errors import Introuvable, SaisieInvalide
from app.web.adresses import is_nombre

Vue = Literal["jour", "semaine", "mois"]
_VUES: Final[dict[str, Vue]] = {"": "jour", "jour": "jour", "semaine": "semaine", "mois": "mois"}
#: Steps of the zoom, from the smallest rows to the highest (static/css/agenda.css).
ZOOMS: Final = range(1, 8)
ZOOM: Final = 4
#: Dates of another century are typing errors, and some of them are beyond what dates can add up to.
_ANNEES: Final = range(2000, 2100)


@dataclass(frozen=True, slots=True)
class Affichage:
    """One view. ``guichets`` empty means all of them. Hashable: a key of the cache."""

    service_id: int
    jour: date
    vue: Vue = "jour"
    guichets: tuple[int, ...] = ()

    @property
    def lundi(self) -> date:
        """The Monday of its week."""
        return self.jour - timedelta(days=self.jour.weekday())

    @property
    def bornes(self) -> tuple[date, date]:
        """First and last local day shown."""
        if self.vue == "jour":
            return self.jour, self.jour
        if self.vue == "mois":
            dernier = calendar.monthrange(self.jour.year, self.jour.month)[1]
            return self.jour.replace(day=1), self.jour.replace(day=dernier)
        return self.lundi, self.lundi + timedelta(days=6)

    @property
    def chemin(self) -> str:
        """The page's path."""
        return f"/services/{self.service_id}/agenda"

    def _requete(self) -> str:
        paires: list[tuple[str, str]] = [("jour", self.jour.isoformat())]
        if self.vue != "jour":
            paires.append(("vue", self.vue))
        paires += [("guichet", str(guichet)) for guichet in self.guichets]
        return urlencode(paires)

    @property
    def url(self) -> str:
        """The page."""
        return f"{self.chemin}?{self._requete()}"

    @property
    def url_pdf(self) -> str:
        """The day on paper."""
        return f"{self.chemin}/pdf?{replace(self, vue='jour')._requete()}"

    @property
    def url_fragment(self) -> str:
        """Its live region alone."""
        return f"{self.chemin}/fragment?{self._requete()}"

    def decale(self, sens: int) -> Affichage:
        """The same view one day, week or month later (``sens`` 1) or earlier (−1)."""
        if self.vue == "mois":
            rang = self.jour.year * 12 + self.jour.month - 1 + sens
            annee, mois = rang // 12, rang % 12 + 1
            jour = min(self.jour.day, calendar.monthrange(annee, mois)[1])
            return replace(self, jour=self.jour.replace(annee, mois, jour))
        return replace(self, jour=self.jour + timedelta(days=sens * (1 if self.vue == "jour" else 7)))

    def au(self, jour: date, vue: Vue | None = None) -> Affichage:
        """The same view on another day, or the other view of that day."""
        return replace(self, jour=jour, vue=vue or self.vue)


def url_jour(service_id: int, jour: date) -> str:
    """The agenda of one day, all guichets."""
    return Affichage(service_id, jour).url


def read_affichage(request: Request[Any, Any, Any], contexte: ServiceContexte, aujourdhui: date) -> Affichage:
    """The view asked for; today's when nothing is.

    Raises SaisieInvalide (422) on a date or view that does not exist, Introuvable on the guichet of another service.
    """
    parametres = request.query_params
    vue = _VUES.get(parametres.get("vue") or "")
    if vue is None:
        raise _refuse_affichage()
    guichets = _read_guichets(parametres.getall("guichet", []), contexte)
    return Affichage(contexte.id, read_jour(parametres.get("jour") or "", aujourdhui), vue, guichets)


def read_zoom(request: Request[Any, Any, Any]) -> int:
    """The step asked for, or the ordinary one. Raises SaisieInvalide (422) on one that does not exist."""
    texte = request.query_params.get("zoom") or str(ZOOM)
    if not (is_nombre(texte) and int(texte) in ZOOMS):
        raise _refuse_affichage()
    return int(texte)


def _refuse_affichage() -> SaisieInvalide:
    return SaisieInvalide(
        "Cet affichage de l’agenda n’existe pas.", remede="Choisissez la vue avec les boutons de l’agenda."
    )


def read_jour(texte: str, defaut: date) -> date:
    """An ISO date, ``defaut`` when empty. Raises SaisieInvalide."""
    if not texte:
        return defaut
    try:
        jour = date.fromisoformat(texte)
    except ValueError:
        phrase = "Cette date n’existe pas."
    else:
        if jour.year in _ANNEES:
            return jour
        phrase = f"Cette date est trop {'ancienne' if jour.year < _ANNEES.start else 'lointaine'}."
    raise SaisieInvalide(phrase, remede="Choisissez une date dans le calendrier.", champs={"jour": phrase})


def _read_guichets(textes: Iterable[str], contexte: ServiceContexte) -> tuple[int, ...]:
    """The guichets asked for, in the service's order; empty when they are all there."""
    voulus: set[int] = set()
    for texte in textes:
        if not texte:
            continue
        if not (is_nombre(texte) and int(texte) in contexte.guichets):
            raise Introuvable("Ce guichet n’existe pas dans ce service.")
        voulus.add(int(texte))
    return () if len(voulus) == len(contexte.guichets) else tuple(g for g in contexte.guichets if g in voulus)
