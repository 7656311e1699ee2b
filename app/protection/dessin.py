"""A challenge as an image and as a sound. Drawn in threads, a few at a time: neither blocks the pages."""

from __future__ import annotations

import asyncio
import io
import secrets
import wave
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Final

from captcha.audio import BEEP, END_BEEP, SILENCE, change_sound, change_speed, mix_wave, patch_wave_header
from captcha.image import ImageCaptcha
from PIL import Image, ImageDraw

from app.protection.defis import ALPHABET

#: Pixels: drawn at twice the size at which the page shows it.
LARGEUR, HAUTEUR = 520, 160
_FOND: Final = (255, 255, 255)
#: Dark enough on white for a contrast of 7:1, whatever the hue.
_SOMBRE: Final = 85
#: Samples a second of the voices.
_TAUX: Final = 8000
_dessinateurs = ThreadPoolExecutor(2, thread_name_prefix="defi")


class _Lettres(ImageCaptcha):
    """The library's letters, less twisted: people of every age read them."""

    character_rotate = (-20, 20)
    character_warp_dx = (0.05, 0.2)
    character_warp_dy = (0.05, 0.2)

    def draw(self, caractere: str, encre: tuple[int, int, int]) -> Image.Image:
        """One of them, on nothing."""
        plume = ImageDraw.Draw(Image.new("RGB", (1, 1)))
        return self._draw_character(caractere, plume, (*encre, 255))


@lru_cache(maxsize=1)
def _lettres() -> _Lettres:
    return _Lettres(font_sizes=(100, 110, 120))


def draw_image(caracteres: str) -> bytes:
    """A PNG: dark letters that touch one another, crossed by lines of their own colour."""
    encre = (secrets.randbelow(_SOMBRE), secrets.randbelow(_SOMBRE), secrets.randbelow(_SOMBRE))
    lettres = [_lettres().draw(caractere, encre) for caractere in caracteres]
    image = Image.new("RGB", (LARGEUR, HAUTEUR), _FOND)
    x = 12 + secrets.randbelow(max(1, LARGEUR - 60 - sum(lettre.width for lettre in lettres)))
    for lettre in lettres:
        y = (HAUTEUR - lettre.height) // 2 + secrets.randbelow(25) - 12
        image.paste(lettre, (x, y), lettre.getchannel("A"))
        x += lettre.width + secrets.randbelow(18) - 8
    plume = ImageDraw.Draw(image)
    for _ in range(3):
        pas = LARGEUR // 6
        points = [(rang * pas, secrets.randbelow(HAUTEUR)) for rang in range(7)]
        plume.line(points, fill=encre, width=4, joint="curve")
    for _ in range(120):
        x, y = secrets.randbelow(LARGEUR), secrets.randbelow(HAUTEUR)
        plume.ellipse((x, y, x + 4, y + 4), fill=encre)
    tampon = io.BytesIO()
    image.convert("P", palette=Image.Palette.ADAPTIVE, colors=32).save(tampon, format="png")
    return tampon.getvalue()


@lru_cache(maxsize=4)
def _read_voix(dossier: Path) -> Mapping[str, bytearray]:
    """Character → its samples."""
    voix = {}
    for fichier in sorted(dossier.glob("*/voix.wav")):
        with wave.open(str(fichier)) as son:
            voix[fichier.parent.name] = bytearray(son.readframes(son.getnframes()))
    return voix


def speak(caracteres: str, dossier: Path, graine: bytes) -> bytes:
    """A WAV: each character said by the voices of ``dossier``, over other voices, backwards and lower.

    The same challenge always sounds the same: a player asks for its parts one by one, perhaps of several processes, and
    who asks a hundred times learns nothing more.
    """
    hasard, voix = Random(graine), _read_voix(dossier)  # noqa: S311 - noise; what is said comes from elsewhere
    dits = [
        change_sound(change_speed(voix[c], hasard.uniform(0.85, 1.1)), hasard.uniform(0.8, 1.1)) for c in caracteres
    ]
    pauses = [hasard.randint(_TAUX // 2, _TAUX) for _ in range(len(dits) + 1)]
    fond = bytearray(hasard.choices(range(125, 132), k=sum(map(len, dits)) + sum(pauses)))
    place = 0
    while place < len(fond):
        bruit = bytearray(reversed(voix[hasard.choice(ALPHABET)]))
        bruit = change_sound(change_speed(bruit, hasard.uniform(0.8, 1.6)), hasard.uniform(0.15, 0.3))
        _lay(fond, bruit, place)
        place += len(bruit) + hasard.randint(0, _TAUX // 4)
    place = 0
    for pause, dit in zip(pauses, dits, strict=False):
        place += pause
        _lay(fond, dit, place)
        place += len(dit)
    return bytes(patch_wave_header(BEEP + SILENCE + fond + END_BEEP))


def _lay(fond: bytearray, son: bytearray, place: int) -> None:
    """Add a sound to the others, where it begins."""
    fin = min(len(fond), place + len(son))
    fond[place:fin] = mix_wave(son[: fin - place], fond[place:fin])


async def draw_image_aside(caracteres: str) -> bytes:
    """The same without blocking the event loop."""
    return await asyncio.get_running_loop().run_in_executor(_dessinateurs, draw_image, caracteres)


async def speak_aside(caracteres: str, dossier: Path, graine: bytes) -> bytes:
    """The same without blocking the event loop."""
    return await asyncio.get_running_loop().run_in_executor(_dessinateurs, speak, caracteres, dossier, graine)
