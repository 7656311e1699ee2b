"""Who takes short messages: a neutral port, and an adapter for each way out that ``SMS_URL`` may name.

========================= =============================================================================================
``fichier:/path``         one JSON line each at the end of that file: trials and the demo
``https://host/path``     any gateway: POST ``{"to", "text", "from", "id"}``; ``id`` is also the Idempotency-Key
``smsfactor:``            SMS Factor: POST ``/send`` of https://api.smsfactor.com (``smsfactor+https://host`` elsewhere)
========================= =============================================================================================

The same ``id`` comes back with each attempt at one message: a gateway that knows it sends it once. SMS Factor keeps it
for its delivery reports only, so that a message sent again after a crash may be received twice.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import unquote, urlsplit

import httpx

from app import clock
from app.config import ConfigurationInvalide
from app.courrier.echecs import Echec, Genre

#: Seconds for a whole exchange.
DELAI_S: Final = 15.0
_CORPS_MAX: Final = 64 * 1024
_SMSFACTOR: Final = "https://api.smsfactor.com"
#: What a phone can show as the sender: letters and digits, not digits alone [3GPP TS 23.040 §9.1.2.5].
_EXPEDITEUR: Final = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9]{3,11}")
#: Refusals that blame us or the account, not the number: somebody may mend that within the day.
_COMPTE: Final = frozenset({401, 402, 403, 407})
_PLUS_TARD: Final = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class Sms:
    """One message to one number (E.164), in the GSM alphabet. ``id`` never changes from one attempt to the next."""

    id: str
    numero: str
    texte: str


class EchecSms(Exception):
    """It was not taken. ``echec`` says who is to blame; neither the number nor the answer's text is in it."""

    def __init__(self, echec: Echec) -> None:
        super().__init__(str(echec))
        self.echec = echec


class Operateur(Protocol):
    """Takes short messages, one at a time."""

    async def send(self, sms: Sms) -> None:
        """Return once it is accepted. Raises EchecSms."""

    async def aclose(self) -> None:
        """Close what is open."""


class Fichier:
    """Appends to a file. Several processes may: a line is written at once."""

    def __init__(self, chemin: Path, expediteur: str) -> None:
        self._chemin = chemin
        self._expediteur = expediteur

    async def send(self, sms: Sms) -> None:
        faits = {**asdict(sms), "expediteur": self._expediteur, "a": clock.now().isoformat(timespec="seconds")}
        ligne = json.dumps(faits, ensure_ascii=False)
        try:
            await asyncio.to_thread(self._append, f"{ligne}\n".encode())
        except OSError as erreur:
            raise EchecSms(Echec(Genre.SERVEUR, type(erreur).__name__)) from None

    def _append(self, octets: bytes) -> None:
        self._chemin.parent.mkdir(parents=True, exist_ok=True)
        descripteur = os.open(self._chemin, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descripteur, octets)
        finally:
            os.close(descripteur)

    async def aclose(self) -> None:
        """Nothing is kept open."""


class Http:
    """Any gateway that takes a JSON object."""

    def __init__(self, url: str, cle: str, expediteur: str, *, delai_s: float = DELAI_S) -> None:
        self._url = url
        self._expediteur = expediteur
        self._delai_s = delai_s
        entetes = {"Accept": "application/json"}
        if cle:
            entetes["Authorization"] = f"Bearer {cle}"
        # No proxy, no netrc: what the environment of a server happens to hold decides nothing here.
        self._client = httpx.AsyncClient(timeout=delai_s, headers=entetes, trust_env=False, follow_redirects=False)

    async def send(self, sms: Sms) -> None:
        corps = {"to": sms.numero, "text": sms.texte, "from": self._expediteur, "id": sms.id}
        await self._post(self._url, corps, {"Idempotency-Key": sms.id})

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _post(self, url: str, corps: dict[str, Any], entetes: dict[str, str] | None = None) -> bytes:
        """The body of a 2xx answer. Raises EchecSms."""
        try:
            async with asyncio.timeout(self._delai_s):
                async with self._client.stream("POST", url, json=corps, headers=entetes) as reponse:
                    _judge(reponse.status_code)
                    return await _read(reponse)
        except httpx.ConnectError as erreur:
            raise EchecSms(Echec(Genre.SERVEUR, type(erreur).__name__)) from None
        except (httpx.HTTPError, TimeoutError) as erreur:  # it may have been taken: the same id will tell
            raise EchecSms(Echec(Genre.TEMPORAIRE, type(erreur).__name__)) from None


class SmsFactor(Http):
    """SMS Factor's REST API: https://dev.smsfactor.com/en/api/sms/send/."""

    async def send(self, sms: Sms) -> None:
        message = {"text": sms.texte, "pushtype": "alert"}
        if self._expediteur:
            message["sender"] = self._expediteur
        gsm = [{"gsmsmsid": sms.id, "value": sms.numero.removeprefix("+")}]
        brut = await self._post(f"{self._url}/send", {"sms": {"message": message, "recipients": {"gsm": gsm}}})
        try:
            lu = json.loads(brut)
            statut, envoyes = int(lu["status"]), int(lu.get("sent", 1))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise EchecSms(Echec(Genre.REFUS, "unreadable answer")) from None
        # -8: held for a human eye; it will leave, and must not be given twice.
        if statut not in (1, -8):
            raise EchecSms(Echec(Genre.REFUS, f"status {statut}"))
        if statut == 1 and envoyes < 1:  # filtered: invalid number, blacklisted, not allowed country
            raise EchecSms(Echec(Genre.ADRESSE, "filtered"))


def _judge(code: int) -> None:
    """Raise EchecSms unless the status says that the message is taken."""
    if 200 <= code < 300:
        return
    if code in _PLUS_TARD or code >= 500:
        raise EchecSms(Echec(Genre.TEMPORAIRE, str(code)))
    refus = code in _COMPTE or code < 400
    raise EchecSms(Echec(Genre.REFUS if refus else Genre.ADRESSE, str(code)))


async def _read(reponse: httpx.Response) -> bytes:
    """The first bytes of the answer, whatever its size."""
    corps = b""
    async for morceau in reponse.aiter_bytes():
        corps += morceau
        if len(corps) > _CORPS_MAX:
            break
    return corps


def create_operateur(url: str, cle: str = "", expediteur: str = "", *, delai_s: float = DELAI_S) -> Operateur | None:
    """The one that ``SMS_URL`` names, or None when it is empty. Raises ConfigurationInvalide."""
    if expediteur and not _EXPEDITEUR.fullmatch(expediteur):
        raise ConfigurationInvalide("SMS_EXPEDITEUR must be 3 to 11 letters and digits, with one letter at least")
    if not url:
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as erreur:
        raise ConfigurationInvalide("SMS_URL is not a URL") from erreur
    if parts.scheme == "fichier" and parts.path.startswith("/") and not parts.netloc:
        return Fichier(Path(unquote(parts.path)), expediteur)
    if parts.scheme in {"http", "https"} and parts.hostname:
        return Http(url, cle, expediteur, delai_s=delai_s)
    if parts.scheme == "smsfactor" and not parts.netloc and cle:
        return SmsFactor(_SMSFACTOR, cle, expediteur, delai_s=delai_s)
    if parts.scheme in {"smsfactor+http", "smsfactor+https"} and parts.hostname and cle:
        return SmsFactor(url.removeprefix("smsfactor+").rstrip("/"), cle, expediteur, delai_s=delai_s)
    raise ConfigurationInvalide("SMS_URL must be fichier:/path, https://…, or smsfactor: with SMS_CLE")
