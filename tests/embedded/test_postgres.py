"""The embedded PostgreSQL: whoever starts it, however it ended the last time."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from app.embedded.pg_binaries import find_programmes
from app.embedded.pg_identity import WAYS_OF_ROOT
from app.embedded.postgres import start_postgres
from app.embedded.spawn import DemarrageImpossible, command_line, launcher_command, socket_folder
from tests.embedded.conftest import Parent, gone

ROOT = os.geteuid() == 0
WAYS = WAYS_OF_ROOT if ROOT else ("self",)
#: Starts a server, says its pid, then waits to be killed.
STARTER = """
import time; from pathlib import Path; from app.embedded.postgres import start_postgres
print(start_postgres(Path({dossier!r}), durable=False).pid); time.sleep(600)
"""


async def query(url: str, ordre: str) -> object:
    connexion = await asyncpg.connect(url)
    try:
        return await connexion.fetchval(ordre)
    finally:
        await connexion.close()


def modes_to_root(chemin: Path) -> dict[str, tuple[int, int]]:
    """(permissions, owner) of a folder and all its parents."""
    return {str(p): (p.stat().st_mode, p.stat().st_uid) for p in (chemin, *chemin.parents) if p.exists()}


def open_to_all(chemin: Path) -> bool:
    return all(p.stat().st_mode & 0o001 for p in (chemin, *chemin.parents))


class TestWhoRunsIt:
    """PostgreSQL refuses root; the demo must not."""

    @pytest.mark.parametrize("way", WAYS)
    async def test_the_server_starts_each_way_and_keeps_its_data(self, dossier: Path, way: str) -> None:
        if way == "user" and not open_to_all(find_programmes().bin):  # a project installed in root's home
            with pytest.raises(DemarrageImpossible, match="Permission denied"):
                start_postgres(dossier / "pg", ways=(way,))
            return
        repli = Path("/var/lib/accueil")
        deja_la = repli.exists()
        server = start_postgres(dossier / "pg", ways=(way,))
        try:
            await query(server.url, "CREATE TABLE t AS SELECT 'gardé' AS mot")
            server.stop()
            server = start_postgres(dossier / "pg", ways=(way,))
            assert await query(server.url, "SELECT mot FROM t") == "gardé"
            assert await query(server.url, "SHOW fsync") == "on"
        finally:
            server.destroy()
            if way == "copie":
                shutil.rmtree(repli if not deja_la else server._base.parent)

    async def test_data_follow_when_the_folder_becomes_unreadable_to_the_system_user(self, dossier: Path) -> None:
        server = start_postgres(dossier / "pg")
        await query(server.url, "CREATE TABLE t AS SELECT 1 AS n")
        server.stop()
        dossier.chmod(0o700)
        server = start_postgres(dossier / "pg")
        try:
            assert await query(server.url, "SELECT n FROM t") == 1
        finally:
            server.destroy()

    async def test_an_ordinary_user_starts_it(self, dossier: Path, parent: Parent) -> None:
        source = STARTER.format(dossier=str(dossier / "pg"))
        processus, pid = parent(source, identity="namespace" if ROOT else "self")
        assert pid.isdigit()
        assert "postgres" in command_line(int(pid))
        processus.kill()
        assert gone(int(pid))

    def test_the_permissions_of_the_home_and_of_the_parents_are_untouched(self, dossier: Path) -> None:
        maison = Path(pwd.getpwuid(os.geteuid()).pw_dir)
        avant = modes_to_root(maison), modes_to_root(dossier), modes_to_root(find_programmes().bin)
        server = start_postgres(dossier / "pg", durable=False)
        server.destroy()
        assert (modes_to_root(maison), modes_to_root(dossier), modes_to_root(find_programmes().bin)) == avant

    def test_the_socket_and_the_data_are_closed_to_others(self, dossier: Path) -> None:
        server = start_postgres(dossier / "pg", durable=False)
        try:
            for chemin in (server._socket, server._base):
                assert chemin.stat().st_mode & 0o077 == 0
            assert server.journal.stat().st_mode & 0o077 == 0
        finally:
            server.destroy()


class TestHowItEnds:
    async def test_a_stop_does_not_wait_for_clients(self, dossier: Path) -> None:
        server = start_postgres(dossier / "pg", durable=False)
        client = await asyncpg.connect(server.url)
        await asyncio.wait_for(asyncio.to_thread(server.stop), 5)
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await client.execute("SELECT 1")
        client.terminate()

    async def test_what_was_committed_survives_kill_9_of_the_server(self, dossier: Path) -> None:
        server = start_postgres(dossier / "pg")
        try:
            await query(server.url, "CREATE TABLE t AS SELECT 7 AS n")
            client = await asyncpg.connect(server.url)
            url, premier = server.url, server.pid
            server.kill()
            assert not server.alive()
            server.restart()
            client.terminate()
            assert (server.url == url, server.pid != premier) == (True, True)
            assert await query(server.url, "SELECT n FROM t") == 7
        finally:
            server.destroy()

    def test_a_server_stopped_comes_back_at_the_same_address(self, dossier: Path) -> None:
        server = start_postgres(dossier / "pg", durable=False)
        url = server.url
        server.stop()
        server.restart()
        try:
            assert asyncio.run(query(url, "SELECT 1")) == 1
        finally:
            server.destroy()

    @pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells children of a parent's death")
    def test_a_parent_killed_by_kill_9_takes_its_server_along(self, dossier: Path, parent: Parent) -> None:
        processus, pid = parent(STARTER.format(dossier=str(dossier / "pg")))
        processus.kill()
        assert gone(int(pid))
        start_postgres(dossier / "pg", durable=False).destroy()


class TestWhatAKilledParentLeft:
    def test_a_server_still_running_on_this_folder_is_replaced(self, dossier: Path) -> None:
        server = start_postgres(dossier / "pg", durable=False)
        commande: list[str | Path] = [find_programmes().postgres, "-D", server._base]
        commande += ["-c", f"unix_socket_directories={server._socket}", "-c", "listen_addresses="]
        identity, base = server._place.identity, server._base
        server.stop()
        journal = server.journal.open("ab")
        orphelin = subprocess.Popen(
            launcher_command(commande, identity=identity, cwd=base),
            stdout=journal,
            stderr=journal,
            start_new_session=True,
        )
        pidfile = base / "postmaster.pid"
        while not pidfile.exists() or "ready" not in pidfile.read_text():
            assert orphelin.poll() is None
        server = start_postgres(dossier / "pg", durable=False)
        try:
            assert orphelin.wait(5) is not None
            assert server.pid != orphelin.pid
            assert asyncio.run(query(server.url, "SELECT 1")) == 1
        finally:
            server.destroy()
            journal.close()

    def test_a_recorded_pid_that_now_belongs_to_an_innocent_is_left_alone(self, dossier: Path) -> None:
        server = start_postgres(dossier / "pg", durable=False)
        pidfile = server._base / "postmaster.pid"
        lignes = pidfile.read_text().splitlines()
        server.stop()
        innocent = subprocess.Popen(["/bin/sleep", "60"])
        pidfile.write_text("\n".join([str(innocent.pid), *lignes[1:]]) + "\n")
        pidfile.chmod(0o600)
        server = start_postgres(dossier / "pg", durable=False)
        try:
            assert innocent.poll() is None
        finally:
            server.destroy()
            innocent.kill()
            innocent.wait()

    def test_a_folder_half_created_is_created_again(self, dossier: Path) -> None:
        (dossier / "pg" / "base.nouvelle").mkdir(parents=True)
        (dossier / "pg" / "base.nouvelle" / "PG_VERSION").write_text("18\n")
        start_postgres(dossier / "pg", durable=False).destroy()


class TestSideBySide:
    async def test_two_servers_know_nothing_of_each_other(self, dossier: Path) -> None:
        un = start_postgres(dossier / "un", durable=False)
        deux = start_postgres(dossier / "deux", durable=False)
        try:
            await query(un.url, "CREATE TABLE seulement_ici()")
            assert await query(deux.url, "SELECT to_regclass('seulement_ici')") is None
        finally:
            un.destroy()
            deux.destroy()

    def test_the_same_folder_twice_is_refused_in_a_sentence_that_helps(self, dossier: Path) -> None:
        server = start_postgres(dossier / "pg", durable=False)
        try:
            with pytest.raises(DemarrageImpossible, match=r"already running on .*ACCUEIL_VAR"):
                start_postgres(dossier / "pg", durable=False)
            assert server.alive()
        finally:
            server.destroy()


class TestUnusualFolders:
    async def test_a_path_with_spaces_accents_and_signs_works(self, dossier: Path) -> None:
        server = start_postgres(dossier / "démo à 100 % & co", durable=False)
        try:
            assert await query(server.url, "SELECT 1") == 1
        finally:
            server.destroy()

    async def test_a_path_too_long_for_a_socket_gets_a_short_private_one(self, dossier: Path) -> None:
        server = start_postgres(dossier / ("x" * 90), durable=False)
        try:
            assert server._socket.parent == Path("/tmp")
            assert server._socket.stat().st_mode & 0o777 == 0o700
            assert await query(server.url, "SELECT 1") == 1
        finally:
            server.destroy()
        assert not server._socket.exists()

    @pytest.mark.skipif(not ROOT, reason="only root can lay the trap of another user")
    def test_a_short_folder_laid_by_somebody_else_is_refused(self, dossier: Path) -> None:
        piege = socket_folder(dossier / ("x" * 90) / "socket", ".s.PGSQL.5432")
        piege.mkdir()
        os.chown(piege, 12345, 12345)
        try:
            with pytest.raises(DemarrageImpossible, match="belongs to somebody else"):
                start_postgres(dossier / ("x" * 90), durable=False)
        finally:
            piege.rmdir()

    def test_data_of_another_major_version_are_refused_and_kept(self, dossier: Path) -> None:
        server = start_postgres(dossier / "pg", durable=False)
        server.stop()
        version = server._base / "PG_VERSION"
        version.write_text("14\n")
        with pytest.raises(DemarrageImpossible, match="written by PostgreSQL 14"):
            start_postgres(dossier / "pg", durable=False)
        assert version.read_text() == "14\n"

    def test_a_server_that_refuses_to_start_says_why(self, dossier: Path) -> None:
        server = start_postgres(dossier / "pg", durable=False)
        server.stop()
        (server._base / "postgresql.conf").write_text("nonsense = 1\n")
        with pytest.raises(DemarrageImpossible, match="nonsense"):
            start_postgres(dossier / "pg", durable=False)

    def test_children_started_from_a_short_lived_thread_survive_it(self, dossier: Path) -> None:
        server = asyncio.run(asyncio.to_thread(start_postgres, dossier / "pg", durable=False))
        try:
            assert asyncio.run(query(server.url, "SELECT 1")) == 1
            os.kill(server.pid, signal.SIGCONT)
        finally:
            server.destroy()
