"""State + events == fresh state: after any event, every live view equals the same page opened afresh [design].

One site, one browser. The live pages are opened once and stay open through all the events, so that what one event
leaves behind cannot hide until the next; each pair (event, view) is a test of its own. Events and views are told in
``tests/e2e/evenements.py``; what the comparison leaves out, in ``tests/e2e/normaliser.js``.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from playwright.async_api import Browser, WebSocketRoute

from app import envelope
from app.config import RACINE
from app.embedded.postgres import Postgres
from app.embedded.redis import RedisServer
from app.embedded.smtp import Smtp
from tests.accueil.monde import JOUR, run_journee
from tests.e2e.evenements import EVENEMENTS, VUES, Monde, Survenu, create_monde, happen, open_live
from tests.e2e.outillage import diff, find_difference, open_fresh, read_regions, read_versions, wait_for_versions
from tests.e2e.usages import act_by_agent, book_by_agent

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
async def monde(
    postgres_server: Postgres,
    modele: str,
    redis_server: RedisServer,
    smtp_server: Smtp,
    browser: Browser,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Monde]:
    """The site where it is Monday 10:05, and every view open."""
    var = tmp_path_factory.mktemp("coherence")
    async with (
        run_journee(postgres_server, modele, redis_server, smtp_server, var) as journee,
        AsyncExitStack() as pile,
    ):
        m = await create_monde(journee, pile)
        try:
            for nom in VUES:
                await open_live(m, browser, nom, m.rdv["temoin"])
            yield m
        finally:
            for contexte in m.contextes.values():
                await contexte.close()


@pytest.fixture(scope="module", params=EVENEMENTS)
async def survenu(request: pytest.FixtureRequest, monde: Monde, browser: Browser) -> tuple[str, Survenu]:
    """One event, just happened."""
    return request.param, await happen(monde, browser, request.param)


_VERSION = re.compile(r' data-version="[^"]*"')


def seen(regions: dict[str, str]) -> dict[str, str]:
    """What can be seen of regions: all but their version."""
    return {ident: _VERSION.sub("", html) for ident, html in regions.items()}


# --- The promise -----------------------------------------------------------------------------------------------------


class TestEtatPlusEvenementsEgaleEtatFrais:
    """design « State + events == fresh state », for every event and every view."""

    @pytest.mark.parametrize("vue", VUES)
    async def test_the_live_page_equals_the_page_opened_afresh(
        self, survenu: tuple[str, Survenu], vue: str, monde: Monde
    ) -> None:
        nom, fait = survenu
        page, temoin = monde.pages[vue], monde.temoins[vue]
        try:
            await wait_for_versions(page, fait.versions)
            assert await page.get_attribute("#direct", "data-direct") == "direct", f"« {vue} » is not live"
            ecart = await find_difference(page, temoin)
            assert not ecart, f"after « {nom} », « {vue} » differs from a fresh page:\n{ecart}"
            if vue in EVENEMENTS[nom].visible:
                assert seen(await read_regions(page)) != seen(fait.avant[vue]), f"« {nom} » shows nothing on « {vue} »"
        except AssertionError:
            await page.reload()  # the next event must speak for itself
            raise

    async def test_the_event_announced_what_it_should(self, survenu: tuple[str, Survenu]) -> None:
        nom, fait = survenu
        assert fait.types == EVENEMENTS[nom].types


class TestToutEstCouvert:
    """A new type on the wire, or a new emitter of an old one, must come with its event here."""

    #: In the vocabulary, announced by nothing yet.
    SANS_EMETTEUR = frozenset({"ticket.tire", "ticket.appele"})

    def test_every_type_of_the_wire_has_an_event(self) -> None:
        couverts = {genre for evt in EVENEMENTS.values() for genre in evt.types} | {"compteurs"}
        assert couverts | self.SANS_EMETTEUR == envelope.EVENEMENT_TYPES
        assert not couverts & self.SANS_EMETTEUR

    def test_what_has_no_event_has_no_emitter(self) -> None:
        sources = [p for p in (RACINE / "app").rglob("*.py") if p.name != "envelope.py"]
        ecrits = {g for g in self.SANS_EMETTEUR for p in sources if f'"{g}"' in p.read_text(encoding="utf-8")}
        assert not ecrits

    async def test_no_page_complained(self, monde: Monde) -> None:
        assert {vue: t.erreurs for vue, t in monde.temoins.items() if t.erreurs} == {}


class TestLaComparaisonPeutEchouer:
    """Negative controls: the comparison sees lost frames, false ones, and each thing that it promises not to hide."""

    @pytest.mark.parametrize("faute", ["perdue", "falsifiee"])
    async def test_a_frame_lost_or_misapplied_is_seen(self, monde: Monde, browser: Browser, faute: str) -> None:
        rdv = await book_by_agent(monde.journee, monde.service, JOUR, "11:00" if faute == "perdue" else "11:40", 1)
        contexte = await monde.journee.context(browser, monde.service.agents["orientation"])

        def intercept(route: WebSocketRoute) -> None:
            serveur = route.connect_to_server()

            def on_message(message: str | bytes) -> None:
                trame = json.loads(message)
                if trame["type"] != "rdv.arrive":
                    route.send(message)
                elif faute == "falsifiee":
                    route.send(json.dumps({**trame, "etat": "recu"}))

            serveur.on_message(on_message)

        try:
            page = await contexte.new_page()
            await page.route_web_socket(re.compile("/temps-reel"), intercept)
            await page.goto(f"{monde.journee.site.url}/sites/{monde.service.site_id}/accueil")
            await page.wait_for_selector('#direct[data-direct="direct"]', timeout=8000)
            assert await find_difference(page) == ""
            await act_by_agent(monde.journee, monde.service, rdv, "arrivee")
            if faute == "falsifiee":
                await wait_for_versions(page, await read_versions(monde.outils))
            else:
                with pytest.raises(AssertionError, match="stays behind"):
                    await wait_for_versions(page, await read_versions(monde.outils), delai_s=1.5)
            assert f'l-{rdv}"' in diff(await open_fresh(contexte, page.url), await read_regions(page))
        finally:
            await contexte.close()

    @pytest.mark.parametrize(
        "alteration",
        [
            "r => { r.querySelector('[data-rdv]').dataset.etat = 'recu' }",
            "r => { r.querySelector('[data-nom]').textContent = 'AUTRE' }",
            "r => { r.querySelector('a[href]').href = '/ailleurs' }",
            "r => { r.querySelector('[data-rdv] button').remove() }",
            "r => { const l = r.querySelector('[data-rdv] + [data-rdv]').parentElement; l.append(l.children[0]) }",
            "r => { r.querySelector('[data-compte]').textContent = '99' }",
            "r => { r.querySelector('[data-rdv]').dataset.arriveA = '2026-11-23T00:00:00Z' }",
        ],
        ids=["etat", "texte", "lien", "bouton", "ordre", "compte", "instant"],
    )
    async def test_nothing_that_matters_is_normalised_away(self, monde: Monde, alteration: str) -> None:
        page = await monde.pages["accueil"].context.new_page()
        try:
            await page.goto(monde.pages["accueil"].url)
            avant = await read_regions(page)
            await page.evaluate(f"() => {{ ({alteration})(document.getElementById('tableau')) }}")
            assert diff(avant, await read_regions(page))
        finally:
            await page.close()
