"""P4, P5: every kind of screen open in Chromium, while Redis or the gateway dies, freezes, or is cut.

The harness is the one of the suite's short storms (``tests/storms``): here the storms last as long as promised. Each
ends with every page compared with the same page opened afresh.
"""

from __future__ import annotations

import asyncio
import io
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import redirect_stdout
from pathlib import Path

from playwright.async_api import async_playwright
from redis.asyncio import Redis

from app.embedded.smtp import start_smtp
from loadtests.storm.scene import BUDGET_ECRANS_S
from loadtests.tableau import Chiffre
from outils.chromium import ARGUMENTS, find_chromium
from tests.storms.monde import AVEU_S, Tempete, open_tempete


async def storm_screens(*, part: float) -> list[Chiffre]:
    """All the storms of P4, one after the other, on one site; ``part`` of their length."""
    dossier = Path(tempfile.mkdtemp(prefix="accueil-tempete-"))
    dossier.chmod(0o711)
    smtp = start_smtp(dossier / "boite")
    chiffres: list[Chiffre] = []
    try:
        async with async_playwright() as playwright:
            navigateur = await playwright.chromium.launch(executable_path=find_chromium(), args=list(ARGUMENTS))
            async with open_tempete(dossier, smtp, navigateur, dossier, guichets=8) as tempete:
                ciel = _Ciel(tempete)
                for souffle in (
                    lambda: ciel.redis_killed(30 * part),
                    lambda: ciel.redis_frozen(60 * part),
                    lambda: ciel.subscriptions_cut(max(1, round(10 * part))),
                    lambda: ciel.gateway_killed(max(1, round(5 * part))),
                    lambda: ciel.site_silent(90 * part),
                ):
                    chiffres += await _blow(souffle)
                chiffres += await _blow(ciel.judge)
            await navigateur.close()
    finally:
        smtp.stop()
        shutil.rmtree(dossier, ignore_errors=True)
    return chiffres


async def _blow(souffle: Callable[[], Awaitable[list[Chiffre]]]) -> list[Chiffre]:
    """The figures of one storm; what it breaks is a figure too."""
    try:
        with redirect_stdout(io.StringIO()):  # the harness tells its measures to who reads the suite
            return await souffle()
    except AssertionError as faute:
        return [Chiffre(f"broken: {str(faute).splitlines()[0]}", 1, "", 0)]


class _Ciel:
    """The storms, and what each leaves."""

    def __init__(self, tempete: Tempete) -> None:
        self._tempete = tempete

    async def redis_killed(self, duree_s: float) -> list[Chiffre]:
        """Dead, then started anew, empty."""
        depart = time.monotonic()
        self._tempete.redis.kill()
        try:
            avoue = await self._work_through(depart, duree_s)
        finally:
            await asyncio.to_thread(self._tempete.redis.restart)
        return await self._heal(f"Redis killed, {duree_s:.0f} s", avoue)

    async def redis_frozen(self, duree_s: float) -> list[Chiffre]:
        """SIGSTOP: nothing is cut, nothing answers."""
        depart = time.monotonic()
        self._tempete.redis.freeze()
        try:
            avoue = await self._work_through(depart, duree_s)
        finally:
            self._tempete.redis.thaw()
        return await self._heal(f"Redis frozen, {duree_s:.0f} s", avoue)

    async def subscriptions_cut(self, fois: int) -> list[Chiffre]:
        """CLIENT KILL TYPE pubsub, while people work."""
        client = Redis.from_url(self._tempete.redis.url)
        coupees = 0
        try:
            for tour in range(fois):
                coupees += await client.client_kill_filter(_type="pubsub")
                if tour % 3 == 0:
                    await self._tempete.work()
                await asyncio.sleep(1)
        finally:
            await client.aclose()
        return await self._heal(f"subscriptions cut, {coupees} times", None)

    async def gateway_killed(self, fois: int) -> list[Chiffre]:
        """kill -9 of web and gateway, one process here; each time people go on in another one."""
        chiffres: list[Chiffre] = []
        for tour in range(fois):
            serveur = self._serveur()
            serveur.send_signal(signal.SIGKILL)
            serveur.wait()
            avoue = await self._tempete.wait_for_admission(time.monotonic())
            await self._tempete.restart("serve")
            chiffres += await self._heal(f"web and gateway killed, {tour + 1}", avoue)
        return chiffres

    async def site_silent(self, duree_s: float) -> list[Chiffre]:
        """The process that serves frozen: to a screen, the network is cut and nothing says so."""
        serveur, depart = self._serveur(), time.monotonic()
        serveur.send_signal(signal.SIGSTOP)
        try:
            avoue = await self._tempete.wait_for_admission(depart)
            await asyncio.sleep(max(0.0, duree_s - (time.monotonic() - depart)))
        finally:
            serveur.send_signal(signal.SIGCONT)
        return await self._heal(f"nothing comes any more, {duree_s:.0f} s", avoue)

    async def judge(self) -> list[Chiffre]:
        """The invariants, by SQL and by what was acknowledged. Raises AssertionError."""
        await self._tempete.check_invariants()
        return [Chiffre("invariants broken", 0, "", 0)]

    def _serveur(self) -> subprocess.Popen[bytes]:
        for processus in self._tempete.journee.site.processus:
            arguments = processus.args
            if isinstance(arguments, list) and "serve" in arguments and processus.poll() is None:
                return processus
        raise AssertionError("no process serves any more")

    async def _work_through(self, depart: float, duree_s: float) -> float:
        """People work; every screen says that it is late; then wait for the end."""
        avoue = await self._tempete.wait_for_admission(depart)
        await self._tempete.work()
        await asyncio.sleep(max(0.0, duree_s - (time.monotonic() - depart)))
        return avoue

    async def _heal(self, nom: str, avoue: float | None) -> list[Chiffre]:
        gueri = await self._tempete.wait_for_heal(time.monotonic())
        aveu = [] if avoue is None else [Chiffre(f"{nom}: all screens say so after", avoue, "s", AVEU_S)]
        return [*aveu, Chiffre(f"{nom}: all equal the database after", gueri, "s", BUDGET_ECRANS_S)]
