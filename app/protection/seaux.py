"""Cheap reads, bounded in the process: a token bucket per address, no input nor output.

Only what scripts ask for many times (fragments, suggestions), what costs processor time (images and sounds of
challenges), and addresses that lead nowhere, tried one after the other [P14]: their answer, and theirs alone, becomes a
429. Whoever holds a true link opens it, whatever his neighbours try. Each process counts for itself: a bound that is n
times as wide with n processes still stops a flood.
"""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

import structlog
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from app.identite.essais import find_lieu
from app.protection.limites import Sujets

log = structlog.get_logger("accueil.protection")

#: Addresses remembered at most; the one seen longest ago goes first.
_CONNUES: Final = 20_000


@dataclass(slots=True)
class Seaux:
    """``debit`` tokens a second into each bucket, ``contenance`` at most."""

    contenance: float
    debit: float
    _niveaux: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)

    def take(self, qui: str, maintenant: float) -> float:
        """0 when allowed, else seconds to wait. ``maintenant``: a monotonic clock, in seconds."""
        niveau, vu = self._niveaux.pop(qui, (self.contenance, maintenant))
        niveau = min(self.contenance, niveau + (maintenant - vu) * self.debit)
        permis = niveau >= 1
        self._niveaux[qui] = (niveau - 1 if permis else niveau, maintenant)
        if len(self._niveaux) > _CONNUES:
            self._niveaux.popitem(last=False)
        return 0.0 if permis else (1 - niveau) / self.debit


#: An office of 300 people whose pages all reload a fragment at once is served.
_REGLES: Final[tuple[tuple[re.Pattern[str], float, float], ...]] = (
    (re.compile(r"/captcha/"), 40, 1.0),
    (re.compile(r".*/(fragment|suggestions|communes)\b"), 300, 30.0),
)
#: Where an unknown address may be a guess: links, codes, ids. A person mistypes, a mail keeps a link that is over.
_DEVINABLES: Final = re.compile(r"/(mon-rendez-vous|mes-rendez-vous|attente|rdv|services|retrouver|captcha)\b")
_CORPS: Final = b"Trop de demandes : patientez un instant. / Too many requests: please wait a moment."


class SeauxMiddleware:
    """429 with Retry-After to who reads too fast, before anything else is done for him, or guesses addresses."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._regles = [(motif, Seaux(contenance, debit)) for motif, contenance, debit in _REGLES]
        self._inconnues = Seaux(60, 0.5)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client")
        adresse = client[0] if client else None
        if str(scope["type"]) != "http" or Sujets(adresse).local:
            await self.app(scope, receive, send)
            return
        lieu, attente = find_lieu(adresse), 0.0
        if scope.get("method") in ("GET", "HEAD"):
            seaux = next((seaux for motif, seaux in self._regles if motif.match(scope["path"])), None)
            attente = seaux.take(lieu, time.monotonic()) if seaux is not None else 0.0
        if attente:
            await _refuse(send, attente)
        elif _DEVINABLES.match(scope["path"]):
            await self.app(scope, receive, self._watch(send, lieu))
        else:
            await self.app(scope, receive, send)

    def _watch(self, send: Send, lieu: str) -> Send:
        """``send``, which counts what was not found, and says no more of it past the bound."""
        remplace = False

        async def send_watched(message: Message) -> None:
            nonlocal remplace
            if message["type"] == "http.response.start" and message["status"] == 404:
                attente = self._inconnues.take(lieu, time.monotonic())
                if attente:
                    remplace = True
                    log.warning("adresses.devinees")
                    await _refuse(send, attente)
            if not remplace:
                await send(message)

        return send_watched


async def _refuse(send: Send, attente: float) -> None:
    entetes = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(_CORPS)).encode()),
        (b"retry-after", str(int(attente) + 1).encode()),
    ]
    await send({"type": "http.response.start", "status": 429, "headers": entetes})
    await send({"type": "http.response.body", "body": _CORPS, "more_body": False})
