"""The embedded Redis, and the ways in which the storm tests mistreat it."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest
import redis

from app.embedded.redis import start_redis
from app.embedded.spawn import DemarrageImpossible
from tests.embedded.conftest import Parent, gone

STARTER = """
import time; from pathlib import Path; from app.embedded.redis import start_redis
print(start_redis(Path({dossier!r})).pid); time.sleep(600)
"""


def ping(url: str) -> bool:
    client = redis.from_url(url, socket_timeout=0.3, retry=None)
    try:
        return bool(client.ping())
    finally:
        client.close()


class TestEmbeddedRedis:
    def test_frozen_it_answers_nothing_and_thawed_it_goes_on(self, dossier: Path) -> None:
        server = start_redis(dossier / "redis")
        try:
            client = redis.from_url(server.url)
            client.set("n", 1)
            server.freeze()
            with pytest.raises(redis.TimeoutError):
                ping(server.url)
            server.thaw()
            assert client.get("n") == b"1"
            client.close()
        finally:
            server.stop()

    def test_killed_and_restarted_it_is_empty_at_the_same_address(self, dossier: Path) -> None:
        server = start_redis(dossier / "redis")
        try:
            client = redis.from_url(server.url)
            client.set("n", 1)
            server.kill()
            assert not server.alive()
            with pytest.raises(redis.ConnectionError):
                ping(server.url)
            server.restart()
            assert client.get("n") is None
            client.close()
        finally:
            server.stop()

    def test_a_frozen_one_still_stops(self, dossier: Path) -> None:
        server = start_redis(dossier / "redis")
        server.freeze()
        server.stop()
        assert gone(server.pid)

    def test_nothing_is_kept_on_disk_and_nobody_else_may_connect(self, dossier: Path) -> None:
        server = start_redis(dossier / "redis")
        client = redis.from_url(server.url)
        client.set("n", 1)
        client.close()
        assert (dossier / "redis" / "socket").stat().st_mode & 0o077 == 0
        server.stop()
        assert {f.name for f in (dossier / "redis").iterdir() if f.is_file()} == {"verrou", "redis.log", "redis.pid"}

    def test_two_live_side_by_side_and_one_folder_has_one_server(self, dossier: Path) -> None:
        un, deux = start_redis(dossier / "un"), start_redis(dossier / "deux")
        try:
            assert ping(un.url)
            assert ping(deux.url)
            with pytest.raises(DemarrageImpossible, match="already running"):
                start_redis(dossier / "un")
        finally:
            un.stop()
            deux.stop()

    @pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells children of a parent's death")
    def test_a_parent_killed_by_kill_9_takes_even_a_frozen_server_along(self, dossier: Path, parent: Parent) -> None:
        processus, pid = parent(STARTER.format(dossier=str(dossier / "redis")))
        os.kill(int(pid), signal.SIGSTOP)
        processus.kill()
        assert gone(int(pid))
        start_redis(dossier / "redis").stop()

    def test_a_path_too_long_for_a_socket_gets_a_short_one(self, dossier: Path) -> None:
        server = start_redis(dossier / ("y" * 90))
        try:
            assert server.url.startswith("unix:///tmp/accueil-")
            assert ping(server.url)
        finally:
            server.stop()
