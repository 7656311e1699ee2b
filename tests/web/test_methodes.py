"""HEAD is what GET would say, without its body; an address meant for sockets says a sentence to who reads it."""

from __future__ import annotations

import httpx
import pytest

from tests.fixtures.base import Site


@pytest.fixture
async def client(site_du_module: Site) -> httpx.AsyncClient:
    """A monitor, a link checker, a mail scanner."""
    return httpx.AsyncClient(base_url=site_du_module.url, headers={"Accept": "text/html"})


class TestHead:
    @pytest.mark.parametrize("chemin", ["/", "/connexion", "/sante", "/accessibilite", "/rien", "/api/v1/services/1"])
    async def test_head_has_the_status_and_the_headers_of_get(self, client: httpx.AsyncClient, chemin: str) -> None:
        lue, tete = await client.get(chemin), await client.head(chemin)
        assert (tete.status_code, tete.content) == (lue.status_code, b"")
        assert tete.headers["content-type"] == lue.headers["content-type"]
        assert lue.content

    async def test_a_head_changes_no_more_than_a_get(self, client: httpx.AsyncClient) -> None:
        assert (await client.head("/deconnexion")).status_code == (await client.get("/deconnexion")).status_code


class TestAdresseDesPrises:
    async def test_a_browser_that_opens_it_reads_a_page(self, client: httpx.AsyncClient) -> None:
        reponse = await client.get("/temps-reel")
        assert reponse.status_code == 404
        assert '<html lang="fr"' in reponse.text
