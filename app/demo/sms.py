"""The short messages of the demo: what the file adapter wrote, as a phone would show it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo

from app.config import Settings
from app.courrier.gsm7 import count_segments
from app.courrier.texte import lien_sur, telephone_lisible
from app.web.dates import heure, jour_moyen

_ZONE: Final = ZoneInfo("Europe/Paris")
#: Read from the end of the file: more than a page of them.
_OCTETS: Final = 128 * 1024
_LIEN: Final = re.compile(r"(https?://\S+?)(?=[.,]?(?:\s|$))")


def list_sms(settings: Settings, limite: int) -> list[dict[str, Any]]:
    """The newest, newest first; none when they leave by another way. A line that is not one is passed over."""
    parts = urlsplit(settings.sms_url)
    if parts.scheme != "fichier":
        return []
    trouves = [sms for ligne in _tail(Path(unquote(parts.path))) if (sms := _read(ligne)) is not None]
    return trouves[: -limite - 1 : -1]


def _tail(fichier: Path) -> list[bytes]:
    try:
        with fichier.open("rb") as flux:
            flux.seek(max(0, fichier.stat().st_size - _OCTETS))
            return flux.read().splitlines()
    except OSError:
        return []


def _read(ligne: bytes) -> dict[str, Any] | None:
    try:
        lu = json.loads(ligne)
        a = datetime.fromisoformat(lu["a"])
        return {
            "id": lu["id"],
            "numero": telephone_lisible(lu["numero"]),
            "expediteur": lu["expediteur"],
            "segments": count_segments(lu["texte"]),
            "morceaux": list(_split(lu["texte"])),
            "a": lu["a"],
            "quand": f"{jour_moyen(a.astimezone(_ZONE).date())} à {heure(a, _ZONE)}",
        }
    except (ValueError, KeyError, TypeError):
        return None


def _split(texte: str) -> Iterator[dict[str, str]]:
    """Words and links, in order: a phone makes links of addresses."""
    for rang, morceau in enumerate(_LIEN.split(texte)):
        if morceau:
            yield {"texte": morceau, "url": lien_sur(morceau) if rang % 2 else ""}
