"""An agent is told on his pages of what concerns him (G 2.3.3): with the change, counted live, read, forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from playwright.async_api import Browser, Page, WebSocketRoute
from sqlalchemy import insert, text

from app import clock
from app.booking.affecter import assign
from app.booking.avis import PAR_PAGE, RETENTION, purge_avis
from app.booking.deplacer import Cible, move
from app.booking.outils import Auteur
from app.booking.titres import ParCode
from app.booking.vie import act
from app.domain.rendez_vous import Action
from app.tables import GuichetAgent
from tests.accueil.monde import JOUR, Journee, axe, epoch_minute
from tests.booking.agents.outillage import formulaire, post_rdv, texte
from tests.fixtures.donnees import MondeService

AVIS = "/agent/avis"


@pytest.fixture
async def nevers(journee: Journee) -> MondeService:
    """« box » is assigned to the first guichet, « orientation » to the second; nobody has been told of anything."""
    service = await journee.service()
    async with journee.outils.db.engine.begin() as conn:
        for guichet, agent in zip(service.guichets, ("box", "orientation"), strict=True):
            await conn.execute(insert(GuichetAgent).values(guichet_id=guichet, agent_id=service.agents[agent]))
        await conn.execute(
            text("UPDATE agenda SET version_planning = version_planning + 1 WHERE service_id = :s"), {"s": service.id}
        )
    return service


async def read_faits(journee: Journee, service: MondeService, qui: str) -> list[str]:
    async with journee.outils.db.read() as conn:
        requete = text("SELECT evenement || '.' || fait FROM avis WHERE agent_id = :a ORDER BY id")
        return list((await conn.execute(requete, {"a": service.agents[qui]})).scalars())


async def displace(journee: Journee, service: MondeService, rdv: int, heure: str, guichet: int) -> None:
    cible = Cible(epoch_minute(heure), service.guichets[guichet])
    await move(journee.outils, rdv, cible, Auteur("agent", agent_id=service.agents["chef"]), clock.now())


async def designate(journee: Journee, service: MondeService, rdv: int, qui: Sequence[str]) -> None:
    revision = await journee.scalar("SELECT revision FROM rendez_vous WHERE id = :r", r=rdv)
    auteur = Auteur("agent", agent_id=service.agents["chef"])
    agents = {service.agents[nom] for nom in qui}
    await assign(journee.outils, rdv, agents, auteur, clock.now(), revision=revision)


async def cancel_as_usager(journee: Journee, rdv: int, nom: str = "Merville") -> None:
    """The usager cancels by code and name: the act is the same whatever page he comes by."""
    code = await journee.scalar("SELECT code FROM rendez_vous WHERE id = :r", r=rdv)
    titre = ParCode(code, nom, clock.now() - timedelta(days=1))
    await act(journee.outils, rdv, Action.ANNULER, Auteur("usager"), clock.now(), raison="empêchement", titre=titre)


async def count_shown(page: Page) -> int:
    return int(await page.get_attribute("#avis-lien", "data-non-lus") or "-1")


async def wait_for_count(page: Page, nombre: int, delai_ms: int = 3000) -> None:
    await page.wait_for_selector(f'#avis-lien[data-non-lus="{nombre}"]', timeout=delai_ms)


class TestEcrits:
    """In the transaction of the change, by the statement that writes the mails."""

    async def test_the_life_of_a_rendez_vous_is_told_to_whom_it_concerns(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        rdv = await journee.book(nevers, "14:00")
        await displace(journee, nevers, rdv, "15:00", 0)
        await displace(journee, nevers, rdv, "15:00", 1)
        await designate(journee, nevers, rdv, ["agent"])
        await designate(journee, nevers, rdv, [])
        await cancel_as_usager(journee, rdv)
        assert await read_faits(journee, nevers, "box") == [
            "affectation.pris",
            "affectation.deplace",
            "affectation.parti",
        ]
        assert await read_faits(journee, nevers, "orientation") == ["affectation.pris", "affectation.annule"]
        assert await read_faits(journee, nevers, "agent") == ["designation.affecte", "designation.retire"]
        assert await read_faits(journee, nevers, "chef") == []

    async def test_nobody_is_named_in_them(self, journee: Journee, nevers: MondeService) -> None:
        await journee.book(nevers, "14:00", "Secretissime")
        brut = await journee.scalar("SELECT string_agg(donnees::text, ' ') FROM avis")
        assert "secretissime" not in brut.lower()

    async def test_an_agent_without_an_address_is_told_here(self, journee: Journee, nevers: MondeService) -> None:
        async with journee.outils.db.engine.begin() as conn:
            await conn.execute(text("UPDATE agent SET courriel = '' WHERE id = :a"), {"a": nevers.agents["box"]})
        rdv = await journee.book(nevers, "14:00")
        assert await read_faits(journee, nevers, "box") == ["affectation.pris"]
        assert await journee.scalar("SELECT count(*) FROM courrier WHERE rdv_id = :r", r=rdv) == 0

    async def test_frames_say_that_somebody_is_told_and_nothing_else(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        autre = await journee.service()
        requete = "SELECT string_agg(trame, ' ') FROM outbox WHERE sujet = :s AND trame LIKE '%rdv.cree%'"
        await journee.book(nevers, "14:00")
        await journee.book(autre, "14:00")
        assert '"avis":true' in await journee.scalar(requete, s=f"service:{nevers.id}")
        assert "avis" not in await journee.scalar(requete, s=f"service:{autre.id}")


class TestPage:
    """GET and POST: one's own, what one may still see, marked once."""

    async def test_it_says_what_happened_by_whom_and_when(self, journee: Journee, nevers: MondeService) -> None:
        rdv = await journee.book(nevers, "14:00")
        await displace(journee, nevers, rdv, "15:00", 0)
        await cancel_as_usager(journee, rdv)
        async with journee.client(nevers.agents["box"]) as client:
            lue = texte((await client.get(AVIS)).text)
        assert "3 avis non lus" in lue
        assert "Rendez-vous annulé par l’usager" in lue
        assert "Il était le lundi 23 novembre 2026 à 14 h." in lue.replace("\u00a0", " ")
        assert "Merville" not in lue

    async def test_one_is_marked_then_all_up_to_what_was_shown(self, journee: Journee, nevers: MondeService) -> None:
        for heure in ("13:00", "14:00", "15:00"):
            await journee.book(nevers, heure)
        ids = list(
            await journee.scalar(
                "SELECT array_agg(id ORDER BY id) FROM avis WHERE agent_id = :a", a=nevers.agents["box"]
            )
        )
        async with journee.client(nevers.agents["box"]) as client:
            assert (await client.post(f"{AVIS}/{ids[0]}/lu")).headers["location"] == AVIS
            reponse = await client.post(f"{AVIS}/lus?jusqua={ids[1]}", headers={"Accept": "application/json"})
            assert reponse.json()["non_lus"] == 1
            assert 'data-non-lus="1"' in (await client.get(f"{AVIS}/compte/fragment")).text

    async def test_somebody_else_s_is_not_there(self, journee: Journee, nevers: MondeService) -> None:
        await journee.book(nevers, "14:00")
        ident = await journee.scalar("SELECT max(id) FROM avis WHERE agent_id = :a", a=nevers.agents["box"])
        async with journee.client(nevers.agents["agent"]) as client:
            assert (await client.post(f"{AVIS}/{ident}/lu")).status_code == 404
            assert "Aucun avis" in (await client.get(AVIS)).text
        assert await journee.scalar("SELECT lu_a FROM avis WHERE id = :i", i=ident) is None

    @pytest.mark.parametrize("chemin", ["/lus", "/lus?jusqua=x", "/lus?jusqua=-1"])
    async def test_a_mark_that_does_not_say_what_was_shown_is_refused(
        self, journee: Journee, nevers: MondeService, chemin: str
    ) -> None:
        async with journee.client(nevers.agents["box"]) as client:
            assert (await client.post(AVIS + chemin)).status_code == 422

    async def test_an_unknown_field_is_refused(self, journee: Journee, nevers: MondeService) -> None:
        async with journee.client(nevers.agents["box"]) as client:
            assert (await client.post(f"{AVIS}/lus?jusqua=1", data={"agent_id": "1"})).status_code == 422

    async def test_who_holds_the_agenda_no_more_reads_and_counts_none(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        await journee.book(nevers, "14:00")
        async with journee.outils.db.engine.begin() as conn:
            await conn.execute(text("DELETE FROM rattachement WHERE agent_id = :a"), {"a": nevers.agents["box"]})
        async with journee.client(nevers.agents["box"]) as client:
            page = (await client.get(AVIS)).text
        assert 'data-non-lus="0"' in page
        assert "Aucun avis" in page

    async def test_older_ones_are_on_other_pages(self, journee: Journee, nevers: MondeService) -> None:
        rdv = await journee.book(nevers, "14:00")
        async with journee.outils.db.engine.begin() as conn:
            await conn.execute(
                text(
                    "INSERT INTO avis (agent_id, rdv_id, service_id, evenement, fait, sequence, donnees, cree_a)"
                    " SELECT agent_id, rdv_id, service_id, evenement, fait, n, donnees, cree_a"
                    " FROM avis, generate_series(100, 160) n WHERE rdv_id = :r"
                ),
                {"r": rdv},
            )
        async with journee.client(nevers.agents["box"]) as client:
            premiere = (await client.get(AVIS)).text
            assert premiere.count('class="mes-avis__un"') == PAR_PAGE
            suite = premiere.split(f'href="{AVIS}?avant=')[1].split('"')[0]
            assert (await client.get(f"{AVIS}?avant={suite}")).text.count('class="mes-avis__un"') == 62 - PAR_PAGE

    async def test_they_are_kept_thirty_days(self, journee: Journee, nevers: MondeService) -> None:
        await journee.book(nevers, "14:00")  # booked « the Friday before », as the notices say
        assert timedelta(days=30) == RETENTION
        async with journee.outils.db.read() as conn:
            await purge_avis(conn, clock.now() + timedelta(days=20))
            assert await read_faits(journee, nevers, "box") == ["affectation.pris"]
            assert await purge_avis(conn, clock.now() + timedelta(days=31)) >= 1
        assert await read_faits(journee, nevers, "box") == []


class TestEnDirect:
    """On a colleague's page, whatever it is: the count rises by itself, the list is the fresh one."""

    async def test_the_count_rises_on_the_agenda_without_a_reload(
        self, journee: Journee, nevers: MondeService, browser: Browser
    ) -> None:
        contexte = await journee.context(browser, nevers.agents["box"])
        try:
            page = await journee.open(contexte, f"/services/{nevers.id}/agenda?jour={JOUR}&vue=jour")
            assert await count_shown(page) == 0
            rdv = await journee.book(nevers, "14:00")
            await wait_for_count(page, 1)
            await page.wait_for_selector("#annonces:has-text('avis non lu')", state="attached")
            await cancel_as_usager(journee, rdv)
            await wait_for_count(page, 2)
            await page.reload()
            assert await count_shown(page) == 2  # what was live is what a fresh page says
        finally:
            await contexte.close()

    async def test_it_takes_less_than_a_second(self, journee: Journee, nevers: MondeService, browser: Browser) -> None:
        contexte = await journee.context(browser, nevers.agents["box"])
        try:
            page = await journee.open(contexte, f"/services/{nevers.id}/agenda?jour={JOUR}&vue=jour")
            attente = page.evaluate(
                """() => new Promise((fin) => {
                  const lien = document.getElementById("avis-lien");
                  new MutationObserver(() => { if (lien.dataset.nonLus === "1") fin(Date.now()); })
                    .observe(lien, { attributes: true });
                })"""
            )
            parti = await page.evaluate("Date.now()")
            reponse = await post_rdv(journee, nevers, formulaire(nevers))
            assert reponse.status_code == 303, texte(reponse.text)
            assert await attente - parti < 1000  # the booking itself included
        finally:
            await contexte.close()

    async def test_the_count_of_who_is_not_concerned_stays(
        self, journee: Journee, nevers: MondeService, browser: Browser
    ) -> None:
        contexte = await journee.context(browser, nevers.agents["agent"])
        try:
            page = await journee.open(contexte, f"/services/{nevers.id}/agenda?jour={JOUR}&vue=jour")
            async with page.expect_response("**/agent/avis/compte/fragment"):
                await journee.book(nevers, "14:00")
            assert await count_shown(page) == 0
        finally:
            await contexte.close()

    async def test_the_desk_is_told_what_an_usager_did_himself(
        self, journee: Journee, nevers: MondeService, browser: Browser
    ) -> None:
        contexte = await journee.context(browser, nevers.agents["orientation"])
        try:
            page = await journee.open(contexte, f"/sites/{nevers.site_id}/accueil")
            for heure, faire, fait in (
                ("14:00", journee.act, ""),
                ("15:00", None, "15:00, Merville Justine, annulé par l’usager"),
            ):
                rdv = await journee.book(nevers, heure)
                await page.wait_for_selector(f"#l-{rdv}")
                if faire is not None:
                    await faire(nevers, rdv, Action.ANNULER)
                else:
                    await cancel_as_usager(journee, rdv)
                await page.wait_for_selector(f"#l-{rdv}", state="detached")
                if fait:  # the line may leave by a fragment, a moment before the frame that says by whom
                    await page.wait_for_selector(".fait-usager")
                dits = await page.locator(".fait-usager").all_text_contents()
                assert [texte(dit).lower() for dit in dits] == ([f"{fait} Fermer".lower()] if fait else [])
            await page.get_by_role("button", name="Fermer").click()
            assert await page.locator(".fait-usager").count() == 0
        finally:
            await contexte.close()

    async def test_the_desk_is_told_who_it_was_even_when_the_page_was_read_again_before(
        self, journee: Journee, nevers: MondeService, browser: Browser
    ) -> None:
        contexte = await journee.context(browser, nevers.agents["orientation"])
        try:
            retenues: list[str] = []
            ouvertes: list[WebSocketRoute] = []

            def hold_back(ws: WebSocketRoute) -> None:
                ouvertes.append(ws)
                serveur = ws.connect_to_server()
                serveur.on_message(
                    lambda trame: retenues.append(str(trame)) if '"par":"usager"' in str(trame) else ws.send(trame)
                )

            await contexte.route_web_socket("**/temps-reel*", hold_back)
            page = await journee.open(contexte, f"/sites/{nevers.site_id}/accueil")
            rdv = await journee.book(nevers, "15:00")
            await page.wait_for_selector(f"#l-{rdv}")
            await cancel_as_usager(journee, rdv)
            await journee.book(nevers, "14:00")  # its frame is not the next one: the page asks for its fragment
            await page.wait_for_selector(f"#l-{rdv}", state="detached")
            assert await page.locator(".fait-usager").count() == 0
            for trame in retenues:
                ouvertes[-1].send(trame)
            dit = texte(await page.inner_text(".fait-usager"))
            assert dit.lower() == "15:00, merville justine, annulé par l’usager fermer"
        finally:
            await contexte.close()

    async def test_the_list_follows_and_is_marked_in_place(
        self, journee: Journee, nevers: MondeService, browser: Browser
    ) -> None:
        contexte = await journee.context(browser, nevers.agents["box"])
        try:
            page = await journee.open(contexte, AVIS)
            assert await page.get_by_text("Aucun avis").count() == 1
            await journee.book(nevers, "14:00")
            await page.wait_for_selector(".mes-avis__un[data-non-lu]")
            vive = await page.inner_text("#mes-avis")
            autre = await contexte.new_page()
            await autre.goto(journee.site.url + AVIS)
            assert await autre.inner_text("#mes-avis") == vive
            await autre.close()
            await page.get_by_role("button", name="Marquer comme lu :").click()
            await page.wait_for_selector(".mes-avis__un:not([data-non-lu])")
            await wait_for_count(page, 0)
            assert await axe(page) == []
        finally:
            await contexte.close()
