"""Usagers who book through the real pages, agents at work, all on one site of this machine.

    locust -f loadtests/locustfile.py --headless -u 50 -r 10 -t 1m --host http://127.0.0.1:8000

``--host`` is the site's own ``BASE_URL`` (changes are accepted from that very Origin). Agents sign in as ``AGENT``
with ``MOT_DE_PASSE`` and use the API key ``CLE_API``; the defaults are the demo's. Services, motifs, days and hours are
those that the pages and the API offer.

A taken créneau (409) is a legitimate answer, counted apart; a 5xx, a broken connection or an answer that nobody
expected is a failure. With ``DATABASE_URL`` the invariants are asked at the end. Exits non-zero on a failure, a broken
invariant, a confirmation that the database does not know, or when nobody could book at all.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from locust import events
from locust.env import Environment

from loadtests.agents import Agent
from loadtests.parcours import check_hote
from loadtests.usagers import Usager
from loadtests.visiteur import acquittes, bilan

__all__ = ["Agent", "Usager"]


def refuse_others(environment: Environment, **_: object) -> None:
    """Load is for this machine only, from the first second."""
    if environment.host:
        _check_or_exit(environment.host)


def refuse_others_again(environment: Environment, **_: object) -> None:
    """The page of locust lets a host be typed: the same rule."""
    _check_or_exit(environment.host or "")


def _check_or_exit(hote: str) -> None:
    try:
        check_hote(hote)
    except ValueError as refus:
        sys.stderr.write(f"REFUSED  {refus}\n")
        sys.stderr.flush()
        os._exit(2)  # SystemExit would end one greenlet only


def judge(environment: Environment, **_: object) -> None:
    """What was done, then the invariants; sets the exit code when something is wrong."""
    print(f"\n{datetime.now().astimezone():%Y-%m-%d %H:%M}  what people did")
    for nom, nombre in sorted(bilan.items()):
        print(f"  {nom:<34}{nombre:>7}")
    fautes = [f"{nom}: {nombre}" for nom, nombre in bilan.items() if nom.isupper()]
    total = environment.stats.total
    if total.num_failures:
        fautes.append(f"{total.num_failures} failed requests")
    if not bilan["booked online"]:
        fautes.append("nobody could book online: this run proves nothing")
    if os.environ.get("DATABASE_URL") and not _ask_invariants():
        fautes.append("an invariant is broken")
    for faute in fautes:
        print(f"FAILED  {faute}", file=sys.stderr)
    if fautes:
        environment.process_exit_code = 1


def _ask_invariants() -> bool:
    """In a process of its own: asyncio and locust's patched sockets do not mix."""
    time.sleep(3.0)  # what was cut at the last second may still be committing
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as fichier:
        fichier.write("\n".join(acquittes))
        fichier.flush()
        sys.stdout.flush()
        return subprocess.run([sys.executable, "-m", "loadtests.bilan", fichier.name], check=False).returncode == 0


_ECOUTES: tuple[tuple[Any, Callable[..., None]], ...] = (
    (events.init, refuse_others),
    (events.test_start, refuse_others_again),
    (events.quitting, judge),
)
for _evenement, _suite in _ECOUTES:
    _evenement.add_listener(_suite)
