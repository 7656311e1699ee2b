"""A worker of short messages in a process of its own, to be killed. Arguments: database, gateway, seconds of lease."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta

from sqlalchemy.ext.asyncio import create_async_engine

from app.courrier.envoi_sms import FacteurSms
from app.courrier.operateurs import create_operateur
from app.db import Database, async_url


async def main(url: str, sms_url: str, bail_s: float) -> None:
    """Send until killed."""
    db = Database(create_async_engine(async_url(url), pool_size=3))
    operateur = create_operateur(sms_url)
    assert operateur is not None
    await FacteurSms(db, operateur, attente_s=0.05, bail=timedelta(seconds=bail_s), lot=3).run(asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3])))
