"""Become somebody else if asked, tie one's life to one's parent's, then exec. Standard library only.

Run as a script, never imported for its effects::

    python -I -S launcher.py --as self|user:UID:GID|namespace --signal 2 --parent PID --cwd DIR -- program args…

The identity must change *before* the parent-death signal is asked for: Linux forgets it on every change of
credentials. Doing both in a small program of its own, rather than between fork and exec of a threaded
process, is what makes it safe to start a server from anywhere.

Exit codes: 126 when the identity cannot be taken, 127 when the program cannot be executed.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from pathlib import Path

#: Identity inside the user namespace: ``nobody``, which PostgreSQL accepts where it refuses root.
NOBODY = 65534
_CLONE_NEWUSER = 0x10000000
_PR_SET_PDEATHSIG = 1


def _become_user(uid: int, gid: int) -> None:
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def _enter_namespace() -> None:
    """Enter a user namespace where our own uid is called 65534: not root any more, yet owner of its files."""
    uid, gid = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "unshare(CLONE_NEWUSER)")
    with contextlib.suppress(FileNotFoundError):
        Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{NOBODY} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{NOBODY} {gid} 1")


def _die_with_parent(signum: int, parent: int) -> None:
    """Ask the kernel for ``signum`` when the parent dies (Linux); elsewhere the next start cleans up."""
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signum, 0, 0, 0)
    if os.getppid() != parent:  # it died before we asked: nobody is left to be told
        sys.exit(0)


def main(argv: list[str]) -> None:
    """Parse, change identity, exec. Never returns."""
    separator = argv.index("--")
    options = dict(zip(argv[0:separator:2], argv[1:separator:2], strict=True))
    command = argv[separator + 1 :]
    identity = options.get("--as", "self")
    try:
        if identity.startswith("user:"):
            _, uid, gid = identity.split(":")
            _become_user(int(uid), int(gid))
        elif identity == "namespace":
            _enter_namespace()
        if "--cwd" in options:
            os.chdir(options["--cwd"])
    except OSError as error:
        print(f"launcher: cannot run as {identity}: {error}", file=sys.stderr)  # noqa: T201 - a script's only voice
        sys.exit(126)
    if "--signal" in options:
        _die_with_parent(int(options["--signal"]), int(options["--parent"]))
    try:
        os.execv(command[0], command)
    except OSError as error:
        print(f"launcher: cannot execute {command[0]}: {error}", file=sys.stderr)  # noqa: T201 - as above
        sys.exit(127)


if __name__ == "__main__":
    main(sys.argv[1:])
