"""What a killed parent left behind: a server still running, or the pid file of a dead one."""

from __future__ import annotations

import signal
from pathlib import Path

from app.embedded.spawn import command_line, end_orphan


def read_pid_file(base: Path) -> list[str]:
    """The lines of ``postmaster.pid`` (pid, data folder, start, port, socket folder, …), or none."""
    try:
        return (base / "postmaster.pid").read_text().splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return []


def is_ready(base: Path, pid: int) -> bool:
    """True once the server ``pid`` says that it accepts connections (eighth line of its pid file)."""
    lignes = read_pid_file(base)
    return len(lignes) >= 8 and lignes[0].strip() == str(pid) and lignes[7].strip() == "ready"


def clear_leftovers(base: Path) -> str | None:
    """Make ``base`` startable again; the caller holds the folder's lock, so no living parent owns it.

    A server that still runs *on this very folder* is stopped; any other process that now bears the recorded
    pid is left alone and only the pid file goes. Returns what was done, or None.
    """
    lignes = read_pid_file(base)
    if not lignes or not lignes[0].strip().isdigit():
        return None
    pid = int(lignes[0])
    commande = command_line(pid)
    ours = "postgres" in commande and f" -D {base} " in f"{commande} "
    if ours:
        end_orphan(pid, signum=signal.SIGINT, seconds=15.0)
    (base / "postmaster.pid").unlink(missing_ok=True)
    return f"stopped the server {pid} of a killed parent" if ours else f"removed the pid file of {pid}, which is gone"
