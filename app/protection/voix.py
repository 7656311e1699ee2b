"""The voices of challenges: each character said in French and in English, made once by eSpeak NG.

``python -m app.protection.voix <folder>`` writes ``<folder>/<language>/<character>/voix.wav`` (8 kHz, 8 bits, mono, as
the captcha library wants them). It is a process of its own: the synthesiser is a C library under the GPL that has no
business in a web process. Where it cannot run, there is no sound, and pages do not pretend otherwise.
"""

from __future__ import annotations

import asyncio
import ctypes
import importlib.util
import os
import shutil
import sys
import tempfile
import wave
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import structlog

from app.protection.defis import ALPHABET

log = structlog.get_logger("accueil.protection")

LANGUES: Final[Mapping[str, str]] = {"fr": "fr-fr", "en": "en"}
#: How a character is named where its bare letter is not said well alone.
_NOMS: Final[Mapping[str, Mapping[str, str]]] = {
    "fr": {
        "A": "a",
        "C": "cé",
        "E": "e",
        "F": "effe",
        "H": "ache",
        "J": "ji",
        "K": "ka",
        "L": "elle",
        "P": "pé",
        "R": "erre",
        "T": "té",
        "U": "u",
        "X": "ixe",
        "Y": "i grec",
        "3": "trois",
        "4": "quatre",
        "6": "six",
        "7": "sept",
        "9": "neuf",
    },
    "en": {"3": "three", "4": "four", "6": "six", "7": "seven", "9": "nine"},
}
_TAUX: Final = 8000
_DELAI_S: Final = 30.0
#: What is no silence, and the samples kept around it: soft consonants begin below.
_SEUIL: Final = 100
_MARGE: Final = 1200
_verrou = asyncio.Lock()


def can_speak(dossier: Path) -> bool:
    """True when the voices are there, or can be made."""
    return is_complete(dossier) or importlib.util.find_spec("espeakng_loader") is not None


def is_complete(dossier: Path) -> bool:
    """True when every character has its sound in every language."""
    return all((dossier / langue / c / "voix.wav").is_file() for langue in LANGUES for c in ALPHABET)


async def ensure_voix(dossier: Path) -> bool:
    """Make the voices if they are not there. False when they cannot be made."""
    if is_complete(dossier):
        return True
    async with _verrou:
        if is_complete(dossier):
            return True
        try:
            processus = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "app.protection.voix", str(dossier), stderr=asyncio.subprocess.DEVNULL
            )
            async with asyncio.timeout(_DELAI_S):
                await processus.wait()
        except (OSError, TimeoutError) as erreur:
            log.warning("voix.impossibles", erreur=type(erreur).__name__)
    if not is_complete(dossier):
        log.warning("voix.absentes", dossier=str(dossier))
        return False
    return True


def install_voix(dossier: Path) -> int:
    """Write every voice, in one rename. Returns their number. Raises OSError or ImportError when it cannot."""
    dossier.parent.mkdir(parents=True, exist_ok=True)
    atelier = Path(tempfile.mkdtemp(prefix="voix-", dir=dossier.parent))
    try:
        synthese = _Synthese()
        for langue, voix in LANGUES.items():
            for caractere in ALPHABET:
                place = atelier / langue / caractere
                place.mkdir(parents=True)
                nom = _NOMS[langue].get(caractere, caractere)
                _write(place / "voix.wav", synthese.say(nom, voix))
        atelier.chmod(0o755)
        shutil.rmtree(dossier, ignore_errors=True)
        try:
            atelier.rename(dossier)
        except OSError:
            if not is_complete(dossier):  # else another process was faster
                raise
    finally:
        shutil.rmtree(atelier, ignore_errors=True)
    return len(LANGUES) * len(ALPHABET)


def _write(fichier: Path, octets: bytes) -> None:
    with wave.open(str(fichier), "wb") as son:
        son.setnchannels(1)
        son.setsampwidth(1)
        son.setframerate(_TAUX)
        son.writeframes(octets)


class _Synthese:
    """libespeak-ng, speaking into memory."""

    _RETRIEVAL: Final = 1
    _SYNCHRONOUS: Final = 2
    _UTF8: Final = 1

    def __init__(self) -> None:
        import espeakng_loader  # here: a web process never loads it

        self._bib = ctypes.CDLL(str(espeakng_loader.get_library_path()))
        donnees = os.fsencode(str(espeakng_loader.get_data_path()))
        self._taux = int(self._bib.espeak_Initialize(self._SYNCHRONOUS, 0, donnees, 0))
        if self._taux <= 0:
            raise OSError("espeak-ng does not start")
        self._recu = bytearray()
        forme = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
        self._rappel = forme(self._receive)  # kept: the library calls it
        self._bib.espeak_SetSynthCallback(self._rappel)

    def _receive(self, ondes: int | None, nombre: int, _: int | None) -> int:
        if ondes and nombre > 0:
            self._recu += ctypes.string_at(ondes, nombre * 2)
        return 0

    def say(self, mot: str, voix: str) -> bytes:
        """8 kHz, unsigned 8 bits."""
        self._recu.clear()
        if self._bib.espeak_SetVoiceByName(voix.encode()) and self._bib.espeak_SetVoiceByName(b"fr"):
            raise OSError(f"no voice {voix}")
        texte = mot.encode() + b"\0"
        self._bib.espeak_Synth(texte, ctypes.c_size_t(len(texte)), 0, 0, 0, self._UTF8, None, None)
        self._bib.espeak_Synchronize()
        ondes = memoryview(bytes(self._recu)).cast("h")
        return _resample(_trim(list(ondes)), self._taux)


def _trim(ondes: list[int]) -> list[int]:
    """Without the silence before and after."""
    fort = [rang for rang, onde in enumerate(ondes) if abs(onde) > _SEUIL]
    return ondes[max(0, fort[0] - _MARGE) : fort[-1] + _MARGE] if fort else ondes


def _resample(ondes: list[int], taux: int) -> bytes:
    """Averages over each of the new samples' time: no filter is needed for a voice on noise."""
    pas, sortie = taux / _TAUX, bytearray()
    sommet = max(map(abs, ondes), default=1) or 1
    for rang in range(int(len(ondes) / pas)):
        morceau = ondes[int(rang * pas) : max(int((rang + 1) * pas), int(rang * pas) + 1)]
        sortie.append(128 + int(sum(morceau) / len(morceau) * 110 / sommet))
    return bytes(sortie)


if __name__ == "__main__":
    print(install_voix(Path(sys.argv[1])), "sounds")  # noqa: T201 - a command's only voice
