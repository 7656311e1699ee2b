"""CaptchEtat, the State's own challenges (PISTE), behind the same door as ours.

OAuth2 client credentials at CAPTCHETAT_OAUTH; ``GET <url>/simple-captcha-endpoint?get=image&c=captchaFR`` gives
``{"uuid", "imageb64"}``, ``get=sound&t=<uuid>`` a sound, ``POST <url>/valider-captcha {"uuid", "code"}`` the word
``true`` or ``false``. Two seconds for anything; whoever does not get an answer falls back on our own challenge.

It is left alone after several failures in a row that are its own: silence, a broken connection, an image refused. What
it answers about one challenge (a sound, an answer) says nothing of the others: anybody can name one that is over.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import re
import time
from dataclasses import dataclass
from typing import Any, Final

import httpx
import structlog

from app.config import Settings

log = structlog.get_logger("accueil.captchetat")

DELAI_S: Final = 2.0
#: After so many failures in a row it is asked again after so long only: its two seconds are not everybody's.
_PATIENCE: Final = 3
_REPOS_S: Final = 15.0
_CORPS_MAX: Final = 512 * 1024
_UUID: Final = re.compile(r"[0-9a-zA-Z-]{8,64}")
_SORTES: Final = {"fr": "captchaFR", "en": "captchaEN"}
_PNG, _SONS = b"\x89PNG\r\n\x1a\n", (b"RIFF", b"ID3", b"\xff\xfb", b"OggS")


class CaptchetatIndisponible(Exception):
    """It did not answer in time, or not as agreed."""


class DefiInconnu(CaptchetatIndisponible):
    """It answered, and no longer knows that challenge: over, already answered."""


@dataclass(frozen=True, slots=True)
class Image:
    """A challenge of theirs: its name, and its image as a ``data:`` address."""

    uuid: str
    adresse: str


class Captchetat:
    """One process's access. ``aclose`` when the process ends."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.captchetat_url.rstrip("/")
        self._oauth = settings.captchetat_oauth
        self._identite = {"client_id": settings.captchetat_id, "client_secret": settings.captchetat_secret}
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(DELAI_S, pool=DELAI_S / 2),
            limits=httpx.Limits(max_connections=20),
            trust_env=False,
            follow_redirects=False,
        )
        self._jeton, self._jusqua, self._repos, self._echecs = "", 0.0, 0.0, 0

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def fetch_image(self, langue: str) -> Image:
        """A new challenge. Raises CaptchetatIndisponible."""
        demande = {"get": "image", "c": _SORTES.get(langue, _SORTES["fr"])}
        corps = await self._ask("GET", "/simple-captcha-endpoint", params=demande)
        try:
            lu = json.loads(corps)
            uuid, image = lu["uuid"], lu["imageb64"]
            octets = base64.b64decode(image.rpartition(",")[2], validate=True)
        except (ValueError, KeyError, TypeError, AttributeError, binascii.Error) as erreur:
            raise self._fail("image", erreur) from erreur
        if not (isinstance(uuid, str) and _UUID.fullmatch(uuid)) or not octets.startswith(_PNG):
            raise self._fail("image", None)
        self._echecs = 0
        return Image(uuid, "data:image/png;base64," + base64.b64encode(octets).decode())

    async def fetch_son(self, uuid: str, langue: str) -> bytes:
        """The sound of a challenge. Raises CaptchetatIndisponible."""
        demande = {"get": "sound", "c": _SORTES.get(langue, _SORTES["fr"]), "t": uuid}
        corps = await self._ask("GET", "/simple-captcha-endpoint", un=True, params=demande)
        if not corps.startswith(_SONS):
            raise self._refuse("sound")
        return corps

    async def validate(self, uuid: str, code: str) -> bool:
        """True when it is the answer. Raises CaptchetatIndisponible; DefiInconnu when it no longer knows it."""
        corps = await self._ask("POST", "/valider-captcha", un=True, json={"uuid": uuid, "code": code})
        corps = corps.strip().strip(b'"')
        if corps not in (b"true", b"false"):
            raise self._refuse("answer")
        return corps == b"true"

    def _fail(self, quoi: str, erreur: Exception | None) -> CaptchetatIndisponible:
        """A failure of its own: several in a row, and it is left alone for a while."""
        self._echecs += 1
        if self._echecs >= _PATIENCE:  # not forgotten by the rest: the next failure begins another one
            self._repos = time.monotonic() + _REPOS_S
        return self._refuse(quoi, erreur)

    def _refuse(self, quoi: str, erreur: Exception | None = None) -> CaptchetatIndisponible:
        cause = type(erreur).__name__ if erreur else ""
        log.warning("captchetat.indisponible", quoi=quoi, cause=cause, repos=time.monotonic() < self._repos)
        return CaptchetatIndisponible(quoi)

    async def _ask(self, methode: str, chemin: str, *, un: bool = False, **plus: Any) -> bytes:
        """``un``: about one challenge, which any visitor may have chosen."""
        if time.monotonic() < self._repos:
            raise CaptchetatIndisponible("resting")
        try:
            async with asyncio.timeout(DELAI_S):
                statut, corps = await self._send(methode, chemin, **plus)
                if statut == 401:  # the token was revoked before its end
                    self._jeton = ""
                    statut, corps = await self._send(methode, chemin, **plus)
        except httpx.PoolTimeout as erreur:  # our own crowd, no sign of its health
            raise self._refuse(chemin, erreur) from erreur
        except (TimeoutError, httpx.HTTPError, ValueError, KeyError, TypeError) as erreur:
            raise self._fail(chemin, erreur) from erreur
        if statut == 200:
            return corps
        if un and 400 <= statut < 500 and statut not in (401, 403, 429):
            raise DefiInconnu(chemin)
        raise self._refuse(f"{chemin} {statut}") if un else self._fail(f"{chemin} {statut}", None)

    async def _send(self, methode: str, chemin: str, **plus: Any) -> tuple[int, bytes]:
        entetes = {"Authorization": f"Bearer {await self._read_jeton()}"}
        async with self._client.stream(methode, self._url + chemin, headers=entetes, **plus) as reponse:
            corps = b""
            async for morceau in reponse.aiter_bytes():
                corps += morceau
                if len(corps) > _CORPS_MAX:
                    raise ValueError("too long an answer")
            return reponse.status_code, corps

    async def _read_jeton(self) -> str:
        if not self._jeton or time.monotonic() >= self._jusqua:
            demande = {"grant_type": "client_credentials", "scope": "piste.captchetat", **self._identite}
            reponse = await self._client.post(self._oauth, data=demande)
            reponse.raise_for_status()
            lu = reponse.json()
            self._jeton = str(lu["access_token"])
            self._jusqua = time.monotonic() + max(10.0, float(lu.get("expires_in", 60)) * 0.8)
        return self._jeton


def create_captchetat(settings: Settings) -> Captchetat | None:
    """CaptchEtat when it is configured."""
    return Captchetat(settings) if settings.captchetat_url else None
