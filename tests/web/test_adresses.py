"""Hostile numbers in addresses: every route, every id of its path and query, one refusal."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import quote

import pytest
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler

from app.main import create_web
from app.web.adresses import _find_entiers, is_nombre
from tests.accueil.monde import Journee
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


def list_handlers() -> list[tuple[str, HTTPRouteHandler]]:
    """Every route of ours with its handler, whatever its method."""
    reglages = make_settings("postgresql://x/y", "redis://127.0.0.1:1", "smtp://127.0.0.1:1", Path("/nulle-part"))
    web = cast(Any, create_web(reglages)).app
    assert isinstance(web, Litestar)
    return [
        (route.path, handler)
        for route in web.routes
        for handler in getattr(route, "route_handlers", [])
        if isinstance(handler, HTTPRouteHandler) and not route.path.startswith("/static")
    ]


def is_api(route: str) -> bool:
    return route.startswith("/api/")


HANDLERS: Final = list_handlers()
#: The pages, or parts of one, with the whole numbers of their query.
ROUTES: Final = sorted(
    (route, frozenset(_find_entiers(handler)))
    for route, handler in HANDLERS
    if "GET" in handler.http_methods and not is_api(route)
)
PAR_CHEMIN: Final = [route for route, _ in ROUTES if _ENTIER.search(route)]
PAR_REQUETE: Final = [(route, nom) for route, noms in ROUTES for nom in sorted(noms - set(_ENTIER.findall(route)))]
#: What has no page to read: changes of every kind, and the API.
AUTRES: Final = sorted(
    (route, methode)
    for route, handler in HANDLERS
    for methode in handler.http_methods
    if methode not in ("HEAD", "OPTIONS") and (methode != "GET" or is_api(route)) and _ENTIER.search(route)
)
API_REQUETE: Final = sorted(
    (route, nom)
    for route, handler in HANDLERS
    if is_api(route)
    for nom in _find_entiers(handler) - set(_ENTIER.findall(route))
)


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


async def key_of(journee: Journee, service: MondeService) -> dict[str, str]:
    """The header of the API key of the service's chef."""
    identifiant = await journee.scalar("SELECT identifiant FROM agent WHERE id = :a", a=service.agents["chef"])
    return {"Authorization": f"Bearer cle-{identifiant}"}


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

    @pytest.mark.parametrize(("route", "methode"), AUTRES)
    async def test_no_change_and_no_call_of_the_api_reads_it(
        self, journee: Journee, service: MondeService, route: str, methode: str
    ) -> None:
        """With a live key and the token of a session: neither 401 nor 403 hides what would have been read."""
        entetes = await key_of(journee, service) if is_api(route) else {}
        async with journee.client(service.agents["chef"]) as client:
            for nom in _ENTIER.findall(route):
                for mauvais in MAL_ECRITS:
                    url = fill(route, service, **{nom: quote(mauvais, safe="")})
                    reponse = await client.request(methode, url, headers=entetes)
                    assert reponse.status_code == 404, (methode, url[:200], reponse.text[:300])
                    if is_api(route):
                        assert reponse.headers["content-type"] == "application/problem+json"

    async def test_the_walk_of_changes_meets_those_that_check_them_otherwise(self) -> None:
        assert ("/rdv/{service_id:int}/coordonnees", "POST") in AUTRES
        assert ("/rdv/{service_id:int}/option", "POST") in AUTRES
        assert ("/api/v1/services/{service_id:int}", "GET") in AUTRES
        assert len(AUTRES) > 60

    async def test_a_plain_id_is_read_by_the_api(self, journee: Journee, service: MondeService) -> None:
        """Negative control: the key opens."""
        async with journee.client() as client:
            entetes = await key_of(journee, service)
            assert (await client.get(f"/api/v1/services/{service.id}", headers=entetes)).status_code == 200
            reponse = await client.get(f"/api/v1/services/0{service.id}", headers={"Authorization": "Bearer x"})
            assert reponse.status_code == 401, "the key comes before the address"

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

    @pytest.mark.parametrize(("route", "nom"), API_REQUETE)
    async def test_the_api_says_which_number_it_cannot_take(
        self, journee: Journee, service: MondeService, route: str, nom: str
    ) -> None:
        async with journee.client() as client:
            entetes = await key_of(journee, service)
            for mauvais in (*MAL_ECRITS, "23.0", "+23", "2_3", ""):
                url = f"{fill(route, service)}?{nom}={quote(mauvais, safe='')}"
                reponse = await client.get(url, headers=entetes)
                assert reponse.status_code == 422, url[:200]
                assert reponse.headers["content-type"] == "application/problem+json"
                assert nom in reponse.json()["champs"]
                assert "page" not in reponse.json()["remede"]

    async def test_the_walk_of_the_api_meets_its_numbers(self) -> None:
        assert {("/api/v1/services", "limit"), ("/api/v1/services/{service_id:int}/creneaux", "motif")} <= set(
            API_REQUETE
        )

    @pytest.mark.parametrize("suite", ["01", "+1", "١", "1_0"])
    async def test_the_mark_of_a_next_page_is_taken_as_it_was_given(
        self, journee: Journee, service: MondeService, suite: str
    ) -> None:
        async with journee.client() as client:
            url = f"/api/v1/services?suite={quote(suite, safe='')}"
            reponse = await client.get(url, headers=await key_of(journee, service))
        assert (reponse.status_code, list(reponse.json()["champs"])) == (422, ["suite"])

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
