"""The door over HTTP: nine roles in one click, never without our own page, never in production."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from app.demo.monde import COMPTES, MOT_DE_PASSE
from app.demo.roles import ROLES, SCENES, Scene
from app.embedded.postgres import Postgres
from app.embedded.redis import RedisServer
from app.embedded.smtp import Smtp
from tests.fixtures.base import Site, run_site

IDENTIFIANTS = [compte.identifiant for compte in COMPTES]


@pytest.fixture
async def navigateur(site_demo: Site) -> AsyncIterator[httpx.AsyncClient]:
    """A browser without JavaScript."""
    async with httpx.AsyncClient(base_url=site_demo.url, headers={"Origin": site_demo.url}, timeout=30) as client:
        yield client


async def jeton(client: httpx.AsyncClient, page: str = "/demo") -> str:
    trouve = re.search(r'name="csrf" content="([0-9a-f]+)"', (await client.get(page)).text)
    assert trouve
    return trouve[1]


async def enter(client: httpx.AsyncClient, role: str, **plus: str) -> httpx.Response:
    return await client.post("/demo/entrer", data={"role": role, "_csrf": await jeton(client), **plus})


class TestEntrer:
    """screens « Demo door »."""

    def test_there_is_a_card_for_every_account(self) -> None:
        assert [role.compte for role in ROLES] == IDENTIFIANTS

    @pytest.mark.parametrize("identifiant", IDENTIFIANTS)
    async def test_one_click_opens_the_best_screen_of_the_role(
        self, navigateur: httpx.AsyncClient, identifiant: str
    ) -> None:
        reponse = await enter(navigateur, identifiant)
        assert reponse.status_code == 303
        page = await navigateur.get(reponse.headers["location"])
        assert page.status_code == 200
        assert next(c.nom for c in COMPTES if c.identifiant == identifiant).upper() in page.text

    @pytest.mark.parametrize("identifiant", IDENTIFIANTS)
    async def test_every_account_signs_in_with_its_password(
        self, navigateur: httpx.AsyncClient, identifiant: str
    ) -> None:
        csrf = await jeton(navigateur, "/connexion")
        donnees = {"identifiant": identifiant, "mot_de_passe": MOT_DE_PASSE, "_csrf": csrf}
        reponse = await navigateur.post("/connexion", data=donnees)
        assert reponse.status_code == 303
        assert (await navigateur.get("/agent")).status_code == 200

    @pytest.mark.parametrize("identifiant", IDENTIFIANTS)
    async def test_every_key_opens_the_api(self, site_demo: Site, identifiant: str) -> None:
        async with httpx.AsyncClient(base_url=site_demo.url, timeout=30) as client:
            entetes = {"Authorization": f"Bearer demo-{identifiant}"}
            reponse = await client.get("/api/v1/services?sages=5800450", headers=entetes)
            assert reponse.status_code == 200
            assert "NEVERS" in reponse.text
            assert (await client.get("/api/v1/services?sages=5800450")).status_code == 401

    @pytest.mark.parametrize("scene", SCENES, ids=lambda s: s.cle)
    async def test_a_scene_leads_to_two_windows_that_its_account_may_open(
        self, navigateur: httpx.AsyncClient, scene: Scene
    ) -> None:
        reponse = await enter(navigateur, scene.compte, scene=scene.cle)
        page = await navigateur.get(reponse.headers["location"])
        fenetres = re.findall(r'href="([^"]+)" target="_blank"', page.text)
        assert len(fenetres) == 2
        for url in fenetres:
            assert (await navigateur.get(url.replace("&amp;", "&"))).status_code == 200

    async def test_entering_again_changes_the_session_and_closes_the_first(self, navigateur: httpx.AsyncClient) -> None:
        await enter(navigateur, "agent")
        premiere = dict(navigateur.cookies)
        await enter(navigateur, "box")
        assert navigateur.cookies["accueil_session"] != premiere["accueil_session"]
        ancien = httpx.AsyncClient(base_url=str(navigateur.base_url), cookies=premiere)
        async with ancien:
            assert (await ancien.get("/agent")).status_code == 303

    @pytest.mark.parametrize("role", ["", "root", "collegue-5800450", "agent' OR 1=1", "\x00"])
    async def test_nobody_else_can_be_entered(self, navigateur: httpx.AsyncClient, role: str) -> None:
        reponse = await enter(navigateur, role)
        assert reponse.status_code == 422
        assert "accueil_session" not in navigateur.cookies

    async def test_without_our_page_nothing_opens(self, navigateur: httpx.AsyncClient) -> None:
        assert (await navigateur.post("/demo/entrer", data={"role": "agent"})).status_code == 403
        ailleurs = {"role": "agent", "_csrf": await jeton(navigateur)}
        refus = await navigateur.post("/demo/entrer", data=ailleurs, headers={"Origin": "https://ailleurs.test"})
        assert refus.status_code == 403
        assert (await navigateur.get("/demo/entrer")).status_code == 405


class TestCoulisses:
    """Simulation and servers, from the door."""

    async def test_the_pace_is_kept(self, navigateur: httpx.AsyncClient) -> None:
        for choix in ("vif", "pause", "lent"):
            donnees = {"rythme": choix, "_csrf": await jeton(navigateur)}
            assert (await navigateur.post("/demo/simulation", data=donnees)).status_code == 303
            assert re.search(rf'value="{choix}" checked', (await navigateur.get("/demo")).text)

    async def test_an_unknown_pace_is_refused(self, navigateur: httpx.AsyncClient) -> None:
        donnees = {"rythme": "éclair", "_csrf": await jeton(navigateur)}
        assert (await navigateur.post("/demo/simulation", data=donnees)).status_code == 422

    async def test_the_state_of_each_server_is_asked_to_it(self, navigateur: httpx.AsyncClient) -> None:
        page = (await navigateur.get("/demo")).text
        voyants = dict(
            re.findall(r'porte-etat__nom">([^<]+)</span>\s*<span class="fr-badge [^"]+">([^<]+)</span>', page)
        )
        assert voyants == {
            "PostgreSQL": "En marche",
            "Redis": "En marche",
            "Passerelle temps réel": "En marche",
            "Courrier sortant (SMTP)": "En marche",
            "Tâches de fond (worker)": "En marche",
            "Simulation": "En veille",
        }


def test_in_production_there_is_no_door(
    postgres_server: Postgres, modele_demo: str, redis_server: RedisServer, smtp_server: Smtp, tmp_path: Path
) -> None:
    url = postgres_server.create_database("demo_production", modele=modele_demo)
    try:
        with run_site(url, redis_server.url, smtp_server.url, tmp_path, ACCUEIL_DEMO="0", ALLOW_HTTP="1") as site:
            for chemin in ("/demo", "/demo/boite", "/demo/scenes/pilotage", "/demo/entrer"):
                assert httpx.get(f"{site.url}{chemin}").status_code == 404
            assert "/demo" not in httpx.get(f"{site.url}/connexion").text
    finally:
        postgres_server.drop_database("demo_production")


def test_before_the_data_the_door_says_what_to_do(
    base_url: str, redis_server: RedisServer, smtp_server: Smtp, tmp_path: Path
) -> None:
    with run_site(base_url, redis_server.url, smtp_server.url, tmp_path) as site:
        page = httpx.get(f"{site.url}/demo", timeout=30)
        assert page.status_code == 200
        assert "accueil seed-demo" in page.text
