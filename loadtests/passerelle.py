"""The gateway's figures, from the program that measures them: ``loadtests.ws_fanout``, run apart and read."""

from __future__ import annotations

import asyncio
import re
import sys

from app.config import RACINE
from loadtests.tableau import Chiffre

_NOMBRE = r"(?P<v>\d+(?:\.\d+)?)"
#: What is read of its table: name here, how its line begins, unit, budget.
_LIGNES: tuple[tuple[str, str, str, float | None], ...] = (
    ("CPU for 100,000 frames delivered, all included", r"CPU s per 100,000 frames, all included[^)]*\)", "s", 2.0),
    ("memory of a socket", r"memory per socket[^)]*\)", "KB", 30.0),
    ("publish → a client, p50", r"publish → a client, p50 / p99", "ms", None),
    ("publish → the last client, p50", r"publish → last client, p50 / p99", "ms", None),
    ("frames lost, repeated, out of order; other faults", r"lost, repeated or out of order", "", 0.0),
)


def read_table(sortie: str) -> list[Chiffre]:
    """The figures in what ``ws_fanout`` printed; one that is not there is NaN, which holds no budget."""
    chiffres: list[Chiffre] = []
    for nom, motif, unite, budget in _LIGNES:
        trouve = re.search(rf"^{motif}\s+{_NOMBRE}", sortie, re.MULTILINE)
        chiffres.append(Chiffre(nom, float(trouve["v"]) if trouve else float("nan"), unite, budget))
    return chiffres


async def measure(*, sockets: int, events: int, rate: float) -> list[Chiffre]:
    """Run it on servers of its own. Its faults are shown as it printed them."""
    commande = [
        *(sys.executable, "-m", "loadtests.ws_fanout"),
        *("--sockets", str(sockets), "--events", str(events), "--rate", f"{rate:g}"),
    ]
    processus = await asyncio.create_subprocess_exec(
        *commande, cwd=RACINE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        sortie, erreurs = await processus.communicate()
    finally:
        if processus.returncode is None:
            processus.terminate()
            await processus.wait()
    texte = sortie.decode(errors="replace")
    chiffres = read_table(texte)
    for ligne in texte.splitlines():
        if ligne.startswith("FAULT"):
            print(f"  {ligne}", flush=True)
    if processus.returncode:
        chiffres.append(Chiffre("the fan-out says that something broke", 1, "", 0))
        print(erreurs.decode(errors="replace")[-2000:], file=sys.stderr)
    return chiffres
