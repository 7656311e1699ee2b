"""Forms as a browser without JavaScript sends them: every field of the page, with what the test changes."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import httpx


class _Champs(HTMLParser):
    """The successful controls of the form whose action is given."""

    def __init__(self, action: str) -> None:
        super().__init__()
        self.action, self.dedans = action, False
        self.champs: list[tuple[str, str]] = []
        self._liste = ""
        self._premiere: str | None = None
        self._choisie: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        a = dict(attrs)
        if tag == "form":
            self.dedans = a.get("action") == self.action and "hidden" not in a
        if not self.dedans:
            return
        if tag == "input" and a.get("name"):
            coche = a.get("type") not in ("radio", "checkbox") or "checked" in a
            if coche:
                self.champs.append((str(a["name"]), a.get("value") or ""))
        elif tag == "select":
            self._liste, self._premiere, self._choisie = str(a.get("name")), None, None
        elif tag == "option" and self._liste:
            valeur = a.get("value") or ""
            self._premiere = valeur if self._premiere is None else self._premiere
            if "selected" in a:
                self._choisie = valeur

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.dedans = False
        elif tag == "select" and self._liste:
            choisie = self._choisie if self._choisie is not None else self._premiere
            if self.dedans:
                self.champs.append((self._liste, choisie or ""))
            self._liste = ""


def read_form(html: str, action: str) -> dict[str, list[str]]:
    """Field → values of the form that posts to ``action``. Fails when there is none."""
    lecteur = _Champs(action)
    lecteur.feed(html)
    assert lecteur.champs, f"no form posts to {action}"
    champs: dict[str, list[str]] = {}
    for nom, valeur in lecteur.champs:
        champs.setdefault(nom, []).append(valeur)
    return champs


async def submit(client: httpx.AsyncClient, html: str, action: str, **change: Any) -> httpx.Response:
    """Send the form of the page with some fields changed (None: not sent)."""
    champs: dict[str, Any] = {**read_form(html, action), **change}
    return await client.post(action, data={cle: valeur for cle, valeur in champs.items() if valeur is not None})


async def publish(client: httpx.AsyncClient, page: str, action: str, **change: Any) -> httpx.Response:
    """The two steps of a planning: see what it would change, then publish it."""
    apercu = await submit(client, page, action, geste="apercu", **change)
    if apercu.status_code != 200:
        return apercu
    return await submit(client, apercu.text, action, geste="publier")
