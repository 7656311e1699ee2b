"""Hostile numbers in addresses: every GET route, every id of its path and query, one page of refusal."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import quote

import pytest
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler

from app.embedded.postgres import Postgres
from app.embedded.redis import RedisServer
from app.embedded.smtp import Smtp
from app.main import create_web
from app.web.adresses import _find_entiers, is_nombre
from tests.accueil.monde import Journee, run_journee
from tests.fixtures.base import make_settings
from tests.fixtures.donnees import MondeService

#: What Python or the framework would read as a number, and what nobody would.
MAL_ECRITS: Final = (
    "+1",
    "-1",
    "١",  # ARABIC-INDIC DIGIT ONE
    "１",  # FULLWIDTH DIGIT ONE
    "1_0",
    " 1",
    "1 ",
    "01",
    "1.0",
    "1e1",
    "0x1",
    "abc",
    "9" * 30,
    "9" * 5000,
)
_ENTIER: Final = re.compile(r"\{(\w+):int\}")
#: Values of the text parameters of paths, so that only the number is wrong.
_TEXTES: Final = {"perimetre": "nation", "jeton": "faux", "cle": "faux", "acte": "suspendre"}


def list_routes() -> list[tuple[str, frozenset[str]]]:
    """Every GET route that is a page or a part of one, with the whole numbers of its query."""
    reglages = make_settings("postgresql://x/y", "redis://127.0.0.1:1", "smtp://127.0.0.1:1", Path("/nulle-part"))
    web = cast(Any, create_web(reglages)).app
    assert isinstance(web, Litestar)
    trouvees: dict[str, frozenset[str]] = {}
    for route in web.routes:
        for handler in getattr(route, "route_handlers", []):
            if isinstance(handler, HTTPRouteHandler) and "GET" in handler.http_methods:
                chemin = set(route.path_parameters)
                trouvees[route.path] = frozenset(_find_entiers(handler) - chemin)
    return sorted((r, q) for r, q in trouvees.items() if not r.startswith(("/static", "/api/")))


ROUTES: Final = list_routes()
PAR_CHEMIN: Final = [route for route, _ in ROUTES if _ENTIER.search(route)]
PAR_REQUETE: Final = [(route, nom) for route, noms in ROUTES for nom in sorted(noms)]


@pytest.fixture(scope="module")
async def journee(
    postgres_server: Postgres,
    modele: str,
    redis_server: RedisServer,
    smtp_server: Smtp,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Journee]:
    """A real site."""
    var = tmp_path_factory.mktemp("adresses")
    async with run_journee(postgres_server, modele, redis_server, smtp_server, var) as ouverte:
        yield ouverte


@pytest.fixture(scope="module")
async def service(journee: Journee) -> MondeService:
    return await journee.service()


def fill(route: str, service: MondeService, **mauvais: str) -> str:
    """The address of a route: real places, but for what is given."""
    vrais = {"service_id": service.id, "site_id": service.site_id, "guichet_id": service.guichets[0]}

    def write(trouve: re.Match[str]) -> str:
        nom = trouve[1]
        return mauvais.get(nom) or str(vrais.get(nom) or _TEXTES.get(nom, 1))

    return re.sub(r"\{(\w+):\w+\}", write, route)


async def read(journee: Journee, agent: int, url: str) -> tuple[int, str]:
    """The answer's status and text; its other promises are checked here."""
    async with journee.client(agent) as client:
        reponse = await client.get(url)
    assert reponse.headers["content-type"].startswith("text/html"), url
    assert "incident" not in reponse.text.lower(), url
    return reponse.status_code, reponse.text


class TestChemin:
    """An id of the path that is no plain number is the 404 of an address that does not exist."""

    @pytest.mark.parametrize("route", PAR_CHEMIN)
    async def test_every_route_refuses_every_hostile_id(
        self, journee: Journee, service: MondeService, route: str
    ) -> None:
        for nom in _ENTIER.findall(route):
            for mauvais in MAL_ECRITS:
                url = fill(route, service, **{nom: quote(mauvais, safe="")})
                for qui in ("chef", "national"):
                    statut, texte = await read(journee, service.agents[qui], url)
                    assert statut == 404, (url[:200], qui)
                    assert "Tableau de bord" in texte or "/rdv/" in url or "/mon-rendez-vous/" in url

    async def test_a_post_is_refused_before_anything_is_read(self, journee: Journee, service: MondeService) -> None:
        rdv = await journee.book(service, "11:00")
        async with journee.client(service.agents["agent"]) as client:
            for ecrit in (f"%2B{rdv}", f"0{rdv}", quote(str(rdv).translate({48 + n: 0x660 + n for n in range(10)}))):
                assert (await client.post(f"/rendez-vous/{ecrit}/arrivee")).status_code == 404
            assert (await client.post(f"/rendez-vous/{rdv}/arrivee")).status_code == 303

    async def test_the_api_too(self, journee: Journee, service: MondeService) -> None:
        async with journee.client() as client:
            for ecrit in ("%2B1", quote("١"), "01"):
                reponse = await client.get(f"/api/v1/services/{ecrit}", headers={"Authorization": "Bearer x"})
                assert reponse.status_code in (401, 404)
                assert reponse.headers["content-type"] == "application/problem+json"

    async def test_a_plain_one_is_read(self, journee: Journee, service: MondeService) -> None:
        """Negative control."""
        statut, _ = await read(journee, service.agents["chef"], f"/services/{service.id}/agenda")
        assert statut == 200


class TestRequete:
    """A number of the query that is none is a 422 with a sentence, never a 400, never another page."""

    @pytest.mark.parametrize(("route", "nom"), PAR_REQUETE)
    async def test_every_route_refuses_every_hostile_number(
        self, journee: Journee, service: MondeService, route: str, nom: str
    ) -> None:
        for mauvais in (*MAL_ECRITS, ""):
            url = f"{fill(route, service)}?{nom}={quote(mauvais, safe='')}"
            statut, texte = await read(journee, service.agents["national"], url)
            assert statut == 422, url[:200]
            assert "L’adresse de cette page contient une valeur mal formée." in texte

    async def test_a_missing_one_is_a_422_too(self, journee: Journee, service: MondeService) -> None:
        statut, texte = await read(journee, service.agents["box"], f"/services/{service.id}/box/fragment")
        assert statut == 422
        assert "incomplète ou mal formée" in texte

    async def test_a_script_reads_which_one(self, journee: Journee, service: MondeService) -> None:
        async with journee.client(service.agents["box"]) as client:
            url = f"/services/{service.id}/box?guichet=abc"
            reponse = await client.get(url, headers={"Accept": "application/json"})
        assert reponse.status_code == 422
        assert list(reponse.json()["champs"]) == ["guichet"]

    async def test_a_plain_one_is_read(self, journee: Journee, service: MondeService) -> None:
        """Negative control: the box of a guichet, and the 404 of one that is not there."""
        agent, url = service.agents["box"], f"/services/{service.id}/box?guichet="
        assert (await read(journee, agent, f"{url}{service.guichets[0]}"))[0] == 200
        assert (await read(journee, agent, f"{url}999999"))[0] == 404

    @pytest.mark.parametrize("mauvais", [m for m in MAL_ECRITS if m != "01" and len(m) < 100])
    async def test_ids_that_pages_read_themselves_are_no_other_page(
        self, journee: Journee, service: MondeService, mauvais: str
    ) -> None:
        ecrit = quote(mauvais, safe="")
        statut, _ = await read(journee, service.agents["agent"], f"/services/{service.id}/agenda?guichet={ecrit}")
        assert statut == 404
        async with journee.client() as client:
            url = f"/rdv/{service.id}/creneau?motif={ecrit}&type=guichet&nature=particulier"
            reponse = await client.get(url)
        assert reponse.status_code == 303, "no motif is chosen: back to the first step"
        assert reponse.headers["location"].startswith(f"/rdv/{service.id}/motif?")


class TestNombre:
    """What our links write, and nothing else."""

    def test_they_are_ascii_digits_within_64_bits(self) -> None:
        assert all(is_nombre(t) for t in ("0", "1", "42", str(2**63 - 1)))
        assert not any(is_nombre(t) for t in (*MAL_ECRITS, "", str(2**63)))

    def test_the_walk_meets_the_routes(self) -> None:
        assert {"/services/{service_id:int}/agenda", "/rendez-vous/{rdv_id:int}"} <= set(PAR_CHEMIN)
        assert ("/services/{service_id:int}/box", "guichet") in PAR_REQUETE
        assert len(PAR_CHEMIN) > 40
