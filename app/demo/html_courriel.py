"""The HTML of a mail, shown safely: a few known tags, no script, styles moved to a sheet of their own.

Our pages allow no inline style; mails have nothing else. What is kept is rebuilt from a short list, and every ``style``
attribute becomes a class of a stylesheet served beside it. The result is shown in a sandboxed frame that runs nothing.
"""

from __future__ import annotations

from html import escape
from html.parser import HTMLParser
from typing import Final
from urllib.parse import urlsplit

_BALISES: Final = frozenset(
    (
        *("table", "tbody", "td", "th", "thead", "tr"),
        *("div", "p", "h1", "h2", "h3", "h4", "ol", "ul", "li", "br", "hr", "center"),
        *("a", "b", "em", "i", "img", "small", "span", "strong", "sub", "sup"),
    )
)
_VIDES: Final = frozenset({"br", "hr", "img"})
_MUETTES: Final = frozenset({"script", "style", "title", "template", "noscript", "iframe", "object", "svg", "math"})
_ATTRIBUTS: Final = frozenset(
    (
        *("align", "border", "cellpadding", "cellspacing", "colspan", "height", "rowspan", "valign", "width"),
        *("alt", "dir", "lang", "role"),
    )
)
_SCHEMAS: Final = frozenset({"http", "https", "mailto", "tel"})


class _Lecteur(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.corps: list[str] = []
        self.feuille: list[str] = []
        self._styles: dict[str, str] = {}
        self._muette = ""
        self._ouvertes: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._muette:
            return
        if tag in _MUETTES:
            self._muette = tag
        elif tag == "body":
            self.corps.append(f"<div{self._attributs('div', attrs)}>")
            self._ouvertes.append("div")
        elif tag in _BALISES:
            self.corps.append(f"<{tag}{self._attributs(tag, attrs)}>")
            if tag not in _VIDES:
                self._ouvertes.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if not self._muette and tag in _VIDES:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if self._muette:
            self._muette = "" if tag == self._muette else self._muette
            return
        tag = "div" if tag == "body" else tag
        while tag in self._ouvertes:
            derniere = self._ouvertes.pop()
            self.corps.append(f"</{derniere}>")
            if derniere == tag:
                break

    def handle_data(self, data: str) -> None:
        if self._muette == "style":
            self.feuille.append(data)
        elif not self._muette:
            self.corps.append(escape(data))

    def close(self) -> None:
        super().close()
        self.corps += [f"</{tag}>" for tag in reversed(self._ouvertes)]
        self._ouvertes.clear()

    def _attributs(self, tag: str, attrs: list[tuple[str, str | None]]) -> str:
        gardes: dict[str, str] = {}
        for nom, brut in attrs:
            valeur = brut or ""
            if nom == "class":
                gardes["class"] = " ".join(filter(None, (gardes.get("class"), valeur)))
            elif nom == "style":
                gardes["class"] = " ".join(filter(None, (gardes.get("class"), self._name(valeur))))
            elif nom in _ATTRIBUTS or (tag == "a" and nom == "href" and _is_lien(valeur)):
                gardes[nom] = valeur
            elif tag == "img" and nom == "src" and valeur.startswith("data:image/"):
                gardes["src"] = valeur
        if "href" in gardes:
            gardes |= {"target": "_blank", "rel": "noopener noreferrer"}
        return "".join(f' {nom}="{escape(valeur)}"' for nom, valeur in gardes.items())

    def _name(self, style: str) -> str:
        """The class that stands for a style attribute; the same text, the same class."""
        net = style.translate({ord(c): None for c in "{}<>\\"})
        return self._styles.setdefault(net, f"style-{len(self._styles) + 1}")

    def write_feuille(self) -> str:
        """The sheet: the mail's own rules, then one per style attribute."""
        return "\n".join([*self.feuille, *(f".{nom} {{ {style} }}" for style, nom in self._styles.items())])


def _is_lien(valeur: str) -> bool:
    try:
        return urlsplit(valeur.strip()).scheme.lower() in _SCHEMAS
    except ValueError:
        return False


def clean_html(html: str, url_feuille: str) -> tuple[str, str]:
    """The document to show in the frame, and its stylesheet, which will be served at ``url_feuille``."""
    lecteur = _Lecteur()
    lecteur.feed(html)
    lecteur.close()
    document = (
        '<!DOCTYPE html><html lang="fr"><head><meta charset="utf-8"><title>Message</title>'
        f'<link rel="stylesheet" href="{escape(url_feuille)}"></head><body>{"".join(lecteur.corps)}</body></html>'
    )
    return document, lecteur.write_feuille()
