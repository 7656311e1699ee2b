"""Read the site's own pages as a browser without scripts does: links, forms, what each button sends.

Regular expressions and not a parser of HTML: pages are ours, escaped by their templates, and the load generator shares
two cores with what it loads.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape

_BALISE = re.compile(
    r"<(/?)(form|input|button|textarea|select|option|a|span)\b((?:[^>\"']|\"[^\"]*\"|'[^']*')*)>", re.IGNORECASE
)
_ATTRIBUT = re.compile(r"([a-zA-Z_][\w:.-]*)(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+)))?")
_CODE = re.compile(r'class="code-rdv"[^>]*>\s*<span[^>]*>\s*([A-Z]{6})\s*<')


@dataclass(frozen=True, slots=True)
class Bouton:
    """A submit button: what it adds to the form, where it sends it ("" = the form's action)."""

    nom: str
    valeur: str
    action: str
    actif: bool


@dataclass(slots=True)
class Formulaire:
    """A form as it would be sent now. ``choix``: values of each group of radio buttons or list, ticked or not."""

    id: str
    action: str
    methode: str
    champs: dict[str, str] = field(default_factory=dict)
    choix: dict[str, list[str]] = field(default_factory=dict)
    boutons: list[Bouton] = field(default_factory=list)

    def find_unanswered(self) -> list[str]:
        """Groups of radio buttons in which nothing is ticked."""
        return [nom for nom in self.choix if nom not in self.champs]

    def find_buttons(self, nom: str) -> list[Bouton]:
        """The buttons of that name that can be pressed, in the order of the page."""
        return [b for b in self.boutons if b.nom == nom and b.actif]


@dataclass(slots=True)
class Page:
    """Links (their attributes) and forms of a page."""

    liens: list[dict[str, str]] = field(default_factory=list)
    formulaires: dict[str, Formulaire] = field(default_factory=dict)

    def find_hrefs(self, motif: str) -> list[str]:
        """Addresses that match the expression, each once, in order."""
        hrefs = (lien.get("href", "") for lien in self.liens)
        return list(dict.fromkeys(href for href in hrefs if re.search(motif, href)))


def read_attributes(texte: str) -> dict[str, str]:
    """Attributes of a tag, unescaped; one without a value is ""."""
    return {nom.lower(): unescape(a or b or c or "") for nom, a, b, c in _ATTRIBUT.findall(texte)}


def read_page(html: str) -> Page:
    """Every link and form of the page. A form without id is named by its action."""
    page = Page()
    courant: Formulaire | None = None
    orphelins: list[tuple[str, Bouton]] = []
    liste = ""
    for balise in _BALISE.finditer(html):
        ferme, nom, brut = balise[1] == "/", balise[2].lower(), balise[3]
        if nom == "form":
            courant = None if ferme else _open_form(page, read_attributes(brut))
        elif nom == "select":
            liste = "" if ferme else read_attributes(brut).get("name", "")
        elif ferme:
            continue
        elif nom == "a":
            page.liens.append(read_attributes(brut))
        elif nom == "button":
            attributs = read_attributes(brut)
            ailleurs = attributs.get("form", "")
            if attributs.get("type", "submit").lower() != "submit":
                continue
            bouton = Bouton(
                attributs.get("name", ""),
                attributs.get("value", ""),
                attributs.get("formaction", ""),
                "disabled" not in attributs,
            )
            if ailleurs:
                orphelins.append((ailleurs, bouton))
            elif courant is not None:
                courant.boutons.append(bouton)
        elif courant is not None:
            _read_field(courant, nom, read_attributes(brut), liste, html, balise.end())
    for cible, bouton in orphelins:
        if cible in page.formulaires:
            page.formulaires[cible].boutons.append(bouton)
    return page


def _open_form(page: Page, attributs: dict[str, str]) -> Formulaire:
    action = attributs.get("action", "")
    formulaire = Formulaire(attributs.get("id") or action, action, attributs.get("method", "get").lower())
    page.formulaires.setdefault(formulaire.id, formulaire)
    return formulaire


def _read_field(
    formulaire: Formulaire, balise: str, attributs: dict[str, str], liste: str, html: str, fin: int
) -> None:
    nom, valeur = attributs.get("name", ""), attributs.get("value", "")
    if balise == "textarea" and nom:
        formulaire.champs[nom] = unescape(html[fin : html.find("</textarea", fin)])
    elif balise == "option" and liste:
        formulaire.choix.setdefault(liste, []).append(valeur)
        if "selected" in attributs:
            formulaire.champs[liste] = valeur
    elif balise == "input" and nom:
        genre = attributs.get("type", "text").lower()
        if genre == "radio":
            formulaire.choix.setdefault(nom, []).append(valeur)
        if genre not in ("radio", "checkbox") or "checked" in attributs:
            formulaire.champs[nom] = valeur


def read_code(html: str) -> str:
    """The six letters of a confirmation page, or ""."""
    trouve = _CODE.search(html)
    return trouve[1] if trouve else ""
