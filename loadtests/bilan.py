"""Ask the invariants to a database, after a load that another program made.

    DATABASE_URL=… python -m loadtests.bilan [codes.txt]

``codes.txt`` holds the codes that clients were told, one a line: each must be in the database. Exits non-zero when
something is broken.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import asyncpg

from loadtests import invariants


async def find_lost(dsn: str, codes: Sequence[str]) -> list[str]:
    """Codes acknowledged to a client of which the database has no rendez-vous."""
    conn = await asyncpg.connect(dsn)
    try:
        lignes = await conn.fetch("SELECT code FROM rendez_vous WHERE code = ANY($1::text[])", list(codes))
    finally:
        await conn.close()
    connus = {ligne["code"] for ligne in lignes}
    return [code for code in codes if code not in connus]


async def main(dsn: str, codes: Sequence[str]) -> int:
    """Print one line per invariant; 1 when one is broken."""
    bilan = await invariants.check(dsn)
    print("\n".join(bilan.lines()))
    perdus = await find_lost(dsn, codes)
    print(f"{'ok ' if not perdus else 'BAD'}  acknowledged and absent: {len(perdus)} of {len(codes)}")
    return 0 if bilan.ok and not perdus else 1


if __name__ == "__main__":
    if not os.environ.get("DATABASE_URL"):
        sys.exit("DATABASE_URL says which database to ask")
    _fichier = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    _codes = _fichier.read_text().split() if _fichier else []
    sys.exit(asyncio.run(main(os.environ["DATABASE_URL"], _codes)))
