"""A mail worker in a process of its own, to be killed. Arguments: database, mail server, seconds of lease."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta

from sqlalchemy.ext.asyncio import create_async_engine

from app.courrier.envoi import Facteur
from app.db import Database, async_url


async def main(url: str, smtp_url: str, bail_s: float) -> None:
    """Send until killed."""
    db = Database(create_async_engine(async_url(url), pool_size=5))
    facteur = Facteur(
        db,
        smtp_url,
        "ne-pas-repondre@rdv.example.fr",
        attente_s=0.05,
        bail=timedelta(seconds=bail_s),
        delai_message_s=bail_s / 2,
        lot=5,
    )
    await facteur.run(asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3])))
