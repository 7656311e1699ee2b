"""Cheap reads, bounded in the process: a token bucket per address, no input nor output.

Only what scripts ask for many times (fragments, suggestions) and what costs processor time (images and sounds of
challenges). Each process counts for itself: a bound that is n times as wide with n processes still stops a flood.
"""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from litestar.types import ASGIApp, Receive, Scope, Send

from app.identite.essais import find_lieu
from app.protection.limites import Sujets

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


class SeauxMiddleware:
    """429 with Retry-After to who reads too fast, before anything else is done for him."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._regles = [(motif, Seaux(contenance, debit)) for motif, contenance, debit in _REGLES]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if str(scope["type"]) != "http" or scope.get("method") not in ("GET", "HEAD"):
            await self.app(scope, receive, send)
            return
        client = scope.get("client")
        adresse = client[0] if client else None
        seaux = next((seaux for motif, seaux in self._regles if motif.match(scope["path"])), None)
        attente = 0.0
        if seaux is not None and not Sujets(adresse).local:
            attente = seaux.take(find_lieu(adresse), time.monotonic())
        if not attente:
            await self.app(scope, receive, send)
            return
        corps = b"Trop de demandes : patientez un instant. / Too many requests: please wait a moment."
        entetes = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(corps)).encode()),
            (b"retry-after", str(int(attente) + 1).encode()),
        ]
        await send({"type": "http.response.start", "status": 429, "headers": entetes})
        await send({"type": "http.response.body", "body": corps, "more_body": False})
