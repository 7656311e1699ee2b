"""Who chooses his own address: a proxy is named, and what it passes on never makes anybody this very machine [P15]."""

from __future__ import annotations

import pytest

from app.config import ConfigurationInvalide, load
from tests.booking.usager.conftest import Monde
from tests.protection.conftest import Venue

ENV = {
    "DATABASE_URL": "postgresql://h/b",
    "REDIS_URL": "redis://h",
    "BASE_URL": "https://rdv.example.test",
    "SECRET_KEY": "x" * 40,
}


class TestDeclarer:
    """FORWARDED_ALLOW_IPS names proxies: « * » would let anybody choose the address under which he is counted."""

    @pytest.mark.parametrize("proxys", ["", "10.0.0.1", "10.0.0.1, 10.0.1.0/24,", "::1,2001:db8::/64"])
    def test_proxies_are_addresses_and_networks(self, proxys: str) -> None:
        assert load({**ENV, "FORWARDED_ALLOW_IPS": proxys}).proxys_de_confiance == proxys

    @pytest.mark.parametrize("proxys", ["*", "10.0.0.1, *", "0.0.0.0/0", "::/0"])
    def test_everybody_is_refused_at_the_start_with_the_reason(self, proxys: str) -> None:
        with pytest.raises(ConfigurationInvalide, match="FORWARDED_ALLOW_IPS must name the proxies"):
            load({**ENV, "FORWARDED_ALLOW_IPS": proxys})
        assert load({**ENV, "FORWARDED_ALLOW_IPS": proxys, "ACCUEIL_DEMO": "1"})

    @pytest.mark.parametrize("proxys", ["10.0.0.1 10.0.0.2", "10.0.0.1/8", "proxy.interne"])
    def test_what_would_never_be_believed_is_refused_too(self, proxys: str) -> None:
        """uvicorn takes it for a name that no client has: the whole nation would be one address."""
        with pytest.raises(ConfigurationInvalide, match="is neither"):
            load({**ENV, "FORWARDED_ALLOW_IPS": proxys})


class TestCetteMachine:
    """Bounds are lifted for the connection's own address, never for one that a header writes."""

    @pytest.mark.parametrize("ecrite", ["127.0.0.1", "127.0.0.1:4711", "::1", "[::1]:4711", "::ffff:127.0.0.1"])
    async def test_a_header_makes_nobody_this_very_machine(self, garde: Monde, vient: Venue, ecrite: str) -> None:
        """The proxy here believes 127.0.0.1 itself, as a range too wide would."""
        assert (await vient(ecrite).choose()).status_code == 303
        await garde.sql_write("UPDATE comptage SET nombre = 10000")
        assert (await vient(ecrite).choose()).status_code == 429

    async def test_what_comes_without_a_header_has_no_bound(self, garde: Monde, vient: Venue) -> None:
        for _ in range(2):
            usager = vient()
            del usager.client.headers["X-Forwarded-For"]
            assert (await usager.choose()).status_code == 303
        assert not await garde.sql("SELECT 1 FROM comptage")
