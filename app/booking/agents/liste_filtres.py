"""What the list of RDV is asked to show: period, service, guichet, state, type, motif, order, page [A1 §3.2].

Parsed once, written back canonical. An address holds dates and ids, never a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from app.errors import SaisieInvalide
from app.web.adresses import is_nombre

CHEMIN: Final = "/agent/rendez-vous"
#: Days shown by default after today: a week.
PERIODE_DEFAUT: Final = timedelta(days=7)
#: Most days of a period: a year.
PERIODE_MAX: Final = 366
LIGNES: Final = (10, 20, 50, 100)
_LIGNES_DEFAUT: Final = 20
#: Code of the address → what the filter says. "" is everything that still counts.
ETATS: Final[Mapping[str, str]] = {
    "": "Sauf annulés",
    "tous": "Tous, même annulés",
    "prevu": "Prévu",
    "arrive": "Arrivé",
    "appele": "Appelé",
    "recu": "En entretien",
    "termine": "Terminé",
    "non_honore": "Pas venu",
    "annule": "Annulé",
}
TYPES: Final = ("guichet", "telephone", "visio")
TRIS: Final = ("date", "service", "usager", "type", "guichet", "contre-appel", "etat")
_ANNEES: Final = range(2000, 2100)
#: Fields of the filter's form, which the export takes too.
CHAMPS: Final = ("du", "au", "service", "guichet", "etat", "type", "motif")


@dataclass(frozen=True, slots=True)
class Filtre:
    """One list. Hashable. 0 and "" mean « all »."""

    du: date
    au: date
    service: int = 0
    guichet: int = 0
    etat: str = ""
    type: str = ""
    motif: int = 0
    tri: str = "date"
    descendant: bool = False
    lignes: int = _LIGNES_DEFAUT
    page: int = 1

    def pairs(self) -> list[tuple[str, str]]:
        """Its criteria, as an address or a form gives them; the order and the page are not among them."""
        choisis = [
            ("service", str(self.service or "")),
            ("guichet", str(self.guichet or "")),
            ("etat", self.etat),
            ("type", self.type),
            ("motif", str(self.motif or "")),
        ]
        periode = [("du", self.du.isoformat()), ("au", self.au.isoformat())]
        return [*periode, *((nom, valeur) for nom, valeur in choisis if valeur)]

    def _requete(self) -> str:
        paires = self.pairs()
        if self.tri != "date" or self.descendant:
            paires += [("tri", self.tri), ("sens", "desc" if self.descendant else "asc")]
        if self.lignes != _LIGNES_DEFAUT:
            paires.append(("lignes", str(self.lignes)))
        if self.page > 1:
            paires.append(("page", str(self.page)))
        return urlencode(paires)

    @property
    def url(self) -> str:
        """The page."""
        return f"{CHEMIN}?{self._requete()}"

    @property
    def url_fragment(self) -> str:
        """Its live region alone."""
        return f"{CHEMIN}/fragment?{self._requete()}"

    def at_page(self, page: int) -> Filtre:
        """Another page of the same list."""
        return replace(self, page=page)

    def sorted_by(self, tri: str) -> Filtre:
        """The same list in the order of that column, reversed when it is already so; from its first page."""
        return replace(self, tri=tri, descendant=tri == self.tri and not self.descendant, page=1)

    def describe(self) -> dict[str, Any]:
        """Which RDV were looked at, for the journal."""
        return dict(self.pairs())


def parse_filtre(valeurs: Mapping[str, str], aujourdhui: date) -> Filtre:
    """The list asked for; the week from today when nothing is.

    Raises SaisieInvalide with the sentence of each field in fault. Ids are numbers here, nothing more: whether they are
    the agent's own is for the query.
    """
    erreurs: dict[str, str] = {}
    du = _read_jour(valeurs.get("du", ""), "du", erreurs) or aujourdhui
    au = _read_jour(valeurs.get("au", ""), "au", erreurs) or du + PERIODE_DEFAUT
    if not erreurs and au < du:
        erreurs["au"] = "La fin de la période précède son début."
    elif not erreurs and (au - du).days >= PERIODE_MAX:
        erreurs["au"] = "La période dépasse un an : choisissez des dates plus proches."
    filtre = Filtre(
        du,
        au,
        service=_read_id(valeurs, "service", erreurs),
        guichet=_read_id(valeurs, "guichet", erreurs),
        etat=_read_mot(valeurs, "etat", tuple(ETATS), erreurs),
        type=_read_mot(valeurs, "type", ("", *TYPES), erreurs),
        motif=_read_id(valeurs, "motif", erreurs),
        tri=_read_mot(valeurs, "tri", TRIS, erreurs),
        descendant=_read_mot(valeurs, "sens", ("asc", "desc"), erreurs) == "desc",
        lignes=int(_read_mot(valeurs, "lignes", (str(_LIGNES_DEFAUT), *map(str, LIGNES)), erreurs)),
        page=max(1, _read_id(valeurs, "page", erreurs)),
    )
    if erreurs:
        raise SaisieInvalide(
            "Cette liste ne peut pas être affichée.", remede="Corrigez les critères puis validez.", champs=erreurs
        )
    return filtre


def _read_jour(texte: str, champ: str, erreurs: dict[str, str]) -> date | None:
    if not texte:
        return None
    try:
        jour = date.fromisoformat(texte)
    except ValueError:
        erreurs[champ] = "Cette date n’existe pas : choisissez-la dans le calendrier."
        return None
    if jour.year not in _ANNEES:
        ecart = "ancienne" if jour.year < _ANNEES.start else "lointaine"
        erreurs[champ] = f"Cette date est trop {ecart} : choisissez-la dans le calendrier."
        return None
    return jour


def _read_id(valeurs: Mapping[str, str], champ: str, erreurs: dict[str, str]) -> int:
    texte = valeurs.get(champ, "")
    if not texte:
        return 0
    if not is_nombre(texte):
        erreurs[champ] = "Cette valeur est mal formée : choisissez-la dans la liste."
        return 0
    return int(texte)


def _read_mot(valeurs: Mapping[str, str], champ: str, connus: tuple[str, ...], erreurs: dict[str, str]) -> str:
    """One of ``connus``, the first of them by default."""
    texte = valeurs.get(champ) or connus[0]
    if texte not in connus:
        erreurs[champ] = "Ce choix n’existe pas : prenez-en un dans la liste."
        return connus[0]
    return texte
