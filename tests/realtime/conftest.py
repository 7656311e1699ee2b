"""One database, one Redis and one gateway for the module's tests; each test has services of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from app.embedded.postgres import Postgres
from app.embedded.redis import RedisServer
from tests.realtime.banc import Bench, GatewayProcess


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def bench(postgres_server: Postgres, redis_server: RedisServer) -> AsyncIterator[Bench]:
    bench = await Bench.open(postgres_server.create_database("passerelle"), redis_server.url)
    yield bench
    await bench.close()


@pytest.fixture(scope="session")
def gateway(bench: Bench) -> Iterator[GatewayProcess]:
    gateway = GatewayProcess(bench.settings)
    yield gateway
    gateway.stop()
