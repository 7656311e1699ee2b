"""State + events == fresh state: after any event, every live view equals the same page opened afresh [design].

One site, one browser. The live pages are opened once and stay open through all the events, so that what one event
leaves behind cannot hide until the next; each pair (event, view) is a test of its own.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Page, WebSocketRoute
from playwright.async_api import Error as PlaywrightError
from sqlalchemy import delete, text, update

from app import clock, envelope
from app.booking.options import expire_options
from app.booking.outils import Outils
from app.config import RACINE
from app.db import Database, UnitOfWork
from app.embedded.postgres import Postgres
from app.embedded.redis import RedisServer
from app.embedded.smtp import Smtp
from app.publication import Diffuseur, create_redis
from app.tables import Guichet, Plage
from tests.accueil.monde import JOUR, Journee, run_journee
from tests.e2e.outillage import (
    Temoin,
    diff,
    find_difference,
    open_fresh,
    read_regions,
    read_versions,
    wait_for_versions,
)
from tests.e2e.usages import Visiteur, act_by_agent, book_by_agent, cancel_by_agent, visiteur
from tests.fixtures.donnees import MondeService

pytestmark = pytest.mark.e2e

#: Monday's usagers get Thursday at the earliest.
JEUDI = JOUR + timedelta(days=3)


@dataclass(frozen=True)
class Survenu:
    """An event that has happened: what it announced, where the subjects stand, what the views showed before."""

    types: frozenset[str]
    versions: dict[str, int]
    avant: dict[str, dict[str, str]]


@dataclass
class Monde:
    """The site, its service, a second service of the same reception, and who lives there."""

    journee: Journee
    outils: Outils
    service: MondeService
    voisin: MondeService
    pile: AsyncExitStack
    contextes: dict[str, BrowserContext] = field(default_factory=dict)
    pages: dict[str, Page] = field(default_factory=dict)
    temoins: dict[str, Temoin] = field(default_factory=dict)
    rdv: dict[str, int] = field(default_factory=dict)
    visiteurs: dict[str, Visiteur] = field(default_factory=dict)
    survenus: dict[str, Survenu] = field(default_factory=dict)

    async def visiteur(self, nom: str) -> Visiteur:
        if nom not in self.visiteurs:
            self.visiteurs[nom] = await self.pile.enter_async_context(visiteur(self.journee, self.service))
        return self.visiteurs[nom]

    async def agir(self, rdv: str, acte: str) -> None:
        await act_by_agent(self.journee, self.service, self.rdv[rdv], acte)


# --- The views -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Vue:
    """A live page: who opens it and where. ``chemin`` may follow the rendez-vous of the event (the fiche)."""

    qui: str
    chemin: Callable[[Monde, int], str]


VUES: dict[str, Vue] = {
    "agenda du jour": Vue("agent", lambda m, _: f"/services/{m.service.id}/agenda?jour={JOUR}&vue=jour"),
    "agenda de jeudi": Vue("agent", lambda m, _: f"/services/{m.service.id}/agenda?jour={JEUDI}&vue=jour"),
    "semaine d'un guichet": Vue(
        "agent",
        lambda m, _: f"/services/{m.service.id}/agenda?jour={JOUR}&vue=semaine&guichet={m.service.guichets[0]}",
    ),
    "semaine du service": Vue("agent", lambda m, _: f"/services/{m.service.id}/agenda?jour={JOUR}&vue=semaine"),
    "accueil": Vue("orientation", lambda m, _: f"/sites/{m.service.site_id}/accueil"),
    "accueil de deux services": Vue("partage", lambda m, _: f"/sites/{m.service.site_id}/accueil"),
    "box": Vue("box", lambda m, _: f"/services/{m.service.id}/box?guichet={m.service.guichets[0]}"),
    "fiche": Vue("agent", lambda m, rdv: f"/rendez-vous/{rdv}"),
    "creneaux publics": Vue(
        "",
        lambda m, _: (
            f"/rdv/{m.service.id}/creneau?motif={m.service.motifs[0]}&type=guichet&nature=particulier&jour={JEUDI}"
        ),
    ),
    "pilotage du service": Vue("chef", lambda m, _: f"/pilotage/service-{m.service.id}"),
    "pilotage du departement": Vue("pilote", lambda m, _: f"/pilotage/departement-{m.service.departement}"),
}
AGENDAS_DU_JOUR = {"agenda du jour", "semaine d'un guichet", "semaine du service"}
TABLEAUX = {"accueil", "accueil de deux services", "box"}
PILOTAGES = {"pilotage du service", "pilotage du departement"}


# --- The events ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Evenement:
    """Something that happens through its real path. ``types``: what it announces; ``visible``: views it must change."""

    faire: Callable[[Monde], Awaitable[None]]
    types: frozenset[str]
    visible: frozenset[str]
    fiche: str = "temoin"


EVENEMENTS: dict[str, Evenement] = {}


def evenement(
    nom: str, *types: str, visible: set[str], fiche: str = "temoin"
) -> Callable[[Callable[[Monde], Awaitable[None]]], None]:
    """Register the next function under that name."""

    def inscrire(faire: Callable[[Monde], Awaitable[None]]) -> None:
        EVENEMENTS[nom] = Evenement(faire, frozenset(types), frozenset(visible), fiche)

    return inscrire


@evenement("option.posee", "option.posee", "creneau.pris", visible={"agenda de jeudi", "creneaux publics"})
async def _hold(m: Monde) -> None:
    await (await m.visiteur("a")).choose(JEUDI, "08:00")


@evenement("rdv.cree par internet, place gardee", "rdv.cree", visible={"agenda de jeudi", "semaine d'un guichet"})
async def _book_held(m: Monde) -> None:
    lien = await (await m.visiteur("a")).book("a@usagers.test")
    assert lien.startswith("/mon-rendez-vous/")
    m.rdv["internet"] = int(
        await m.journee.scalar("SELECT max(id) FROM rendez_vous WHERE canal = 'internet' AND etat = 'prevu'")
    )


@evenement(
    "option changee de place",
    "option.levee",
    "option.posee",
    "creneau.pris",
    "creneau.libre",
    visible={"agenda de jeudi", "creneaux publics"},
)
async def _hold_another(m: Monde) -> None:
    b = await m.visiteur("b")
    await b.choose(JEUDI, "08:40")
    await wait_for_all(m)
    await b.choose(JEUDI, "09:20")


@evenement(
    "option.levee, place rendue", "option.levee", "creneau.libre", visible={"agenda de jeudi", "creneaux publics"}
)
async def _give_back(m: Monde) -> None:
    await (await m.visiteur("b")).give_back()


@evenement(
    "option.levee, temps ecoule",
    "option.posee",
    "creneau.pris",
    "option.levee",
    "creneau.libre",
    visible=set(),
)
async def _expire(m: Monde) -> None:
    await (await m.visiteur("b")).choose(JEUDI, "10:00")
    await wait_for_all(m)
    assert await expire_options(m.outils, clock.now() + timedelta(hours=1)) == 1


@evenement(
    "rdv.cree par internet, sans place gardee",
    "option.posee",
    "option.levee",
    "rdv.cree",
    "creneau.pris",
    "creneau.libre",
    visible={"agenda de jeudi", "semaine du service", "creneaux publics"},
)
async def _book_unheld(m: Monde) -> None:
    c = await m.visiteur("c")
    await c.choose(JEUDI, "11:00")
    await expire_options(m.outils, clock.now() + timedelta(hours=1))
    await c.book("c@usagers.test")


@evenement("rdv.cree par un agent", "rdv.cree", "creneau.pris", visible=AGENDAS_DU_JOUR | TABLEAUX | PILOTAGES)
async def _book_by_agent(m: Monde) -> None:
    m.rdv["jour"] = await book_by_agent(m.journee, m.service, JOUR, "11:00", nom_usage="Merville")


def acte(nom: str, genre: str, chemin: str, rdv: str = "jour") -> None:
    """One-click change of presence, posted as the board and the box do."""

    @evenement(nom, genre, visible={"agenda du jour", *TABLEAUX, *PILOTAGES, "fiche"}, fiche=rdv)
    async def _(m: Monde) -> None:
        await m.agir(rdv, chemin)


acte("rdv.arrive", "rdv.arrive", "arrivee")
acte("rdv.arrivee_annulee", "rdv.arrivee_annulee", "arrivee/annulation")
acte("rdv.arrive de nouveau", "rdv.arrive", "arrivee")
acte("rdv.appele", "rdv.appele", "appel")
acte("rdv.recu", "rdv.recu", "reception")
acte("rdv.termine", "rdv.termine", "fin")
acte("rdv.non_honore", "rdv.non_honore", "absence", "absent")


@evenement(
    "rdv.annule du jour",
    "rdv.annule",
    "creneau.libre",
    visible=AGENDAS_DU_JOUR | TABLEAUX | PILOTAGES | {"fiche"},
    fiche="annule",
)
async def _cancel_today(m: Monde) -> None:
    await cancel_by_agent(m.journee, m.service, m.rdv["annule"])


@evenement(
    "rdv.annule de jeudi",
    "rdv.annule",
    "creneau.libre",
    visible={"agenda de jeudi", "semaine du service", "creneaux publics", "fiche"},
    fiche="internet",
)
async def _cancel_thursday(m: Monde) -> None:
    await cancel_by_agent(m.journee, m.service, m.rdv["internet"])


@evenement(
    "une matinee d'un coup",
    "rdv.cree",
    "rdv.arrive",
    "rdv.appele",
    "rdv.recu",
    "rdv.annule",
    "creneau.pris",
    "creneau.libre",
    visible=AGENDAS_DU_JOUR | TABLEAUX | PILOTAGES,
)
async def _morning(m: Monde) -> None:
    async def visite(heure: str, guichet: int) -> None:
        rdv = await book_by_agent(m.journee, m.service, JOUR, heure, guichet)
        for chemin in ("arrivee", "appel", "reception"):
            await act_by_agent(m.journee, m.service, rdv, chemin)

    async def depart() -> None:
        await cancel_by_agent(m.journee, m.service, await book_by_agent(m.journee, m.service, JOUR, "15:00", 1))

    await asyncio.gather(visite("14:00", 0), visite("14:00", 1), visite("14:40", 0), depart())


@evenement(
    "guichet.modifie",
    "guichet.modifie",
    visible=AGENDAS_DU_JOUR | {"agenda de jeudi", "creneaux publics"},
)
async def _close_guichet(m: Monde) -> None:
    async def travail(uow: UnitOfWork) -> None:
        await uow.conn.execute(update(Guichet).where(Guichet.id == m.service.guichets[0]).values(ouvert=False))
        uow.annonces.planning(m.service.id, "guichet.modifie", guichet=m.service.guichets[0])

    await m.outils.db.transaction(travail)


@evenement(
    "planning.modifie",
    "planning.modifie",
    visible=AGENDAS_DU_JOUR | {"agenda de jeudi", "creneaux publics"},
)
async def _change_planning(m: Monde) -> None:
    async def travail(uow: UnitOfWork) -> None:
        journees = text("SELECT id FROM journee_type WHERE service_id = :s").bindparams(s=m.service.id)
        ids = (await uow.conn.execute(journees)).scalars().all()
        await uow.conn.execute(delete(Plage).where(Plage.journee_type_id.in_(ids), Plage.debut_minute == 840))
        uow.annonces.planning(m.service.id)

    await m.outils.db.transaction(travail)


# --- The world -------------------------------------------------------------------------------------------------------


async def wait_for_all(m: Monde) -> None:
    """Every open page at the version of the database, as far as it can: each view's own test says when it cannot."""
    versions = await read_versions(m.outils)
    await asyncio.gather(
        *(wait_for_versions(page, versions, delai_s=4) for page in m.pages.values()), return_exceptions=True
    )


@asynccontextmanager
async def fast_tools(journee: Journee, redis_url: str) -> AsyncIterator[Outils]:
    """Tools that publish at once, like a web process: for what has no page yet."""
    diffuseur = Diffuseur(create_redis(redis_url), journee.outils.settings.derive_key("trames"))
    db = Database(journee.outils.db.engine, diffuseur.publish)
    tache = asyncio.create_task(diffuseur.run(db))
    yield Outils(db, journee.outils.settings)
    await diffuseur.stop(tache)


async def create_monde(journee: Journee, outils: Outils, pile: AsyncExitStack) -> Monde:
    """Two services behind one reception, the first with rendez-vous today."""
    options: dict[str, Any] = {"guichets": 3, "plages": ((480, 720), (840, 960)), "jours_semaine": range(1, 6)}
    service = await journee.service(libelle="SIP DE NEVERS", **options)
    voisin = await journee.service(libelle="SIE DE NEVERS", site_id=service.site_id, **options)
    service.agents["partage"] = voisin.agents["box"]
    await journee.attach(voisin.agents["box"], service)
    m = Monde(journee, outils, service, voisin, pile)
    for nom, heure in (("temoin", "11:20"), ("absent", "11:40"), ("annule", "10:40")):
        m.rdv[nom] = await journee.book(service, heure, nom.capitalize())
    for heure in ("08:00", "08:40", "09:20", "10:00", "11:00"):  # one guichet is left to the public at these hours
        for guichet in (1, 2):
            await journee.book(service, heure, "Jeudi", guichet=guichet, jour=JEUDI)
    await journee.book(voisin, "11:00", "Voisin")
    await journee.book(service, "10:20", "Present", guichet=1, etat="arrive")
    return m


async def open_live(m: Monde, browser: Browser, nom: str, rdv: int) -> None:
    """The live page of a view, opened or led to its address."""
    vue = VUES[nom]
    if vue.qui not in m.contextes:
        m.contextes[vue.qui] = (
            await m.journee.context(browser, m.service.agents[vue.qui])
            if vue.qui
            else await browser.new_context(viewport={"width": 1440, "height": 900}, locale="fr-FR")
        )
    if nom not in m.pages:
        m.pages[nom] = await m.contextes[vue.qui].new_page()
        m.temoins[nom] = Temoin()
        m.temoins[nom].watch(m.pages[nom])
    url = m.journee.site.url + vue.chemin(m, rdv)
    if m.pages[nom].url != url:
        await m.pages[nom].goto(url)
        with suppress(PlaywrightError):  # a view that cannot be live fails its own tests, not all of them
            await m.pages[nom].wait_for_selector('#direct[data-direct="direct"]', timeout=4000)


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
        fast_tools(journee, redis_server.url) as outils,
        AsyncExitStack() as pile,
    ):
        m = await create_monde(journee, outils, pile)
        try:
            for nom in VUES:
                await open_live(m, browser, nom, m.rdv["temoin"])
            yield m
        finally:
            for contexte in m.contextes.values():
                await contexte.close()


async def happen(m: Monde, browser: Browser, nom: str) -> Survenu:
    """Bring an event about, after those that come before it in the story."""
    for prochain, evt in EVENEMENTS.items():
        if prochain not in m.survenus:
            await open_live(m, browser, "fiche", m.rdv[evt.fiche])
            await wait_for_all(m)
            avant = {vue: await read_regions(page) for vue, page in m.pages.items()}
            depuis = await m.journee.scalar("SELECT coalesce(max(id), 0) FROM outbox")
            await evt.faire(m)
            trames = await m.journee.scalar("SELECT jsonb_agg(trame) FROM outbox WHERE id > :id", id=depuis)
            types = frozenset(json.loads(trame)["type"] for trame in trames)
            m.survenus[prochain] = Survenu(types, await read_versions(m.outils), avant)
        if prochain == nom:
            break
    return m.survenus[nom]


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
    SANS_EMETTEUR = frozenset({"rdv.modifie", "rdv.replanifie", "ticket.tire", "ticket.appele"})

    def test_every_type_of_the_wire_has_an_event(self) -> None:
        couverts = {genre for evt in EVENEMENTS.values() for genre in evt.types} | {"compteurs"}
        assert couverts | self.SANS_EMETTEUR == envelope.EVENEMENT_TYPES
        assert not couverts & self.SANS_EMETTEUR

    def test_what_has_no_event_has_no_emitter(self) -> None:
        sources = [p for p in (RACINE / "app").rglob("*.py") if p.name != "envelope.py"]
        ecrits = {g for g in self.SANS_EMETTEUR for p in sources if f'"{g}"' in p.read_text(encoding="utf-8")}
        permis = {"rdv.modifie", "rdv.replanifie"}  # named by the pure domain, which announces nothing
        assert ecrits <= permis

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
