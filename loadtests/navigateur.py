"""A browser without scripts, on one connection: cookies, forms, redirects followed on demand, every answer timed.

It costs about as much as the socket it writes to, so that what it times is the site.
"""

from __future__ import annotations

import http.client
import time
from dataclasses import dataclass
from http.cookies import SimpleCookie
from types import TracebackType
from typing import Self
from urllib.parse import urlencode, urlsplit

from loadtests.formulaires import Page, read_page


@dataclass(frozen=True, slots=True)
class Vue:
    """An answer: ``suite`` is where it redirects ("" when it does not), seconds from the first byte sent to the last
    received."""

    statut: int
    texte: str
    suite: str
    duree_s: float

    def page(self) -> Page:
        """Its links and forms."""
        return read_page(self.texte)


class Navigateur:
    """One visitor of a site on this machine."""

    def __init__(self, port: int) -> None:
        self._origine = f"http://127.0.0.1:{port}"
        self._liaison = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._biscuits: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, genre: type[BaseException] | None, e: BaseException | None, t: TracebackType | None) -> None:
        self._liaison.close()

    def forget(self) -> None:
        """Become somebody else: no cookie left."""
        self._biscuits.clear()

    def get(self, chemin: str, champs: dict[str, str] | None = None) -> Vue:
        """A page, or the answer to a form sent by GET."""
        return self._send("GET", chemin + (f"?{urlencode(champs)}" if champs else ""))

    def post(self, chemin: str, champs: dict[str, str]) -> Vue:
        """The answer to a form; a redirect is not followed."""
        return self._send("POST", chemin, urlencode(champs).encode())

    def _send(self, methode: str, chemin: str, corps: bytes | None = None) -> Vue:
        entetes = {"Accept": "text/html"}
        if self._biscuits:
            entetes["Cookie"] = "; ".join(f"{nom}={valeur}" for nom, valeur in self._biscuits.items())
        if corps is not None:
            entetes |= {"Origin": self._origine, "Content-Type": "application/x-www-form-urlencoded"}
        depart = time.perf_counter()
        self._liaison.request(methode, chemin, corps, entetes)
        reponse = self._liaison.getresponse()
        lu = reponse.read()
        duree = time.perf_counter() - depart
        for ligne in reponse.headers.get_all("Set-Cookie") or ():
            for nom, morceau in SimpleCookie(ligne).items():
                self._biscuits[nom] = morceau.value
        suite = urlsplit(reponse.headers.get("Location") or "")
        adresse = suite.path + (f"?{suite.query}" if suite.query else "")
        return Vue(reponse.status, lu.decode(errors="replace"), adresse, duree)
