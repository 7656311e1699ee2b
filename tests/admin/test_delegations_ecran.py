"""Delegations on their pages: forms that lose nothing, two chefs de service who follow each other live (G 2.3.5)."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser

from app.embedded.smtp import Smtp
from tests.accueil.ecran import overflow, settle, until
from tests.accueil.monde import Journee, axe
from tests.admin.clavier import Clavier
from tests.admin.courriels import plain, wait_for_mails
from tests.admin.formulaires import submit
from tests.fixtures.donnees import MondeService

HOSTILE = "<script>alert(1)</script> L’« accueil » est fermé"


@pytest.fixture
async def nevers(journee: Journee) -> MondeService:
    return await journee.service(libelle="SIP DE NEVERS")


@pytest.fixture
async def cosne(journee: Journee) -> MondeService:
    return await journee.service(libelle="SIP DE COSNE")


def base(service: MondeService, suite: str = "") -> str:
    return f"/services/{service.id}/organiser/delegations{suite}"


async def propose(
    journee: Journee, nevers: MondeService, cosne: MondeService, **change: Any
) -> tuple[httpx.Response, int]:
    """Fill in and send the form of Nevers towards Cosne; the answer, and the id of the last delegation."""
    async with journee.client(nevers.agents["chef"]) as client:
        page = await client.get(base(nevers, f"/nouvelle?vers={cosne.id}"))
        assert page.status_code == 200, page.text
        champs = {
            "motif": [str(nevers.motifs[0])],
            "du": "2026-11-24",
            "au": "2026-11-27",
            "quota_jour": "4",
            "message": "Travaux dans notre hall",
        }
        reponse = await submit(client, page.text, base(nevers), **{**champs, **change})
    return reponse, await journee.scalar("SELECT max(id) FROM delegation")


async def answer(journee: Journee, cosne: MondeService, delegation: int, geste: str, **change: Any) -> httpx.Response:
    async with journee.client(cosne.agents["chef"]) as client:
        page = await client.get(base(cosne, f"/{delegation}"))
        action = base(cosne, f"/{delegation}/reponse")
        return await submit(client, page.text, action, **{"geste": geste, **change})


class TestQui:
    """G 2.3.2: the organisers of either service; everybody else finds nothing, and it is journaled."""

    async def test_agents_and_other_services_find_nothing(
        self, journee: Journee, nevers: MondeService, cosne: MondeService
    ) -> None:
        _, delegation = await propose(journee, nevers, cosne)
        tiers = await journee.service()
        adresses = ("", "/fragment", "/nouvelle", f"/{delegation}", f"/{delegation}/fragment", f"/{delegation}/retrait")
        for qui in (nevers.agents["agent"], nevers.agents["pilote"], tiers.agents["chef"]):
            async with journee.client(qui) as client:
                for suite in adresses:
                    assert (await client.get(base(nevers, suite))).status_code == 404, suite
                for suite in ("", f"/{delegation}", f"/{delegation}/reponse", f"/{delegation}/retrait"):
                    assert (await client.post(base(nevers, suite), data={"revision": "1"})).status_code == 404, suite
        async with journee.client(tiers.agents["chef"]) as client:
            for suite in (f"/{delegation}", f"/{delegation}/retrait", f"/{2**70}"):
                assert (await client.get(base(tiers, suite))).status_code == 404
        refus = await journee.scalar(
            "SELECT array_agg(apres->>'action' ORDER BY id) FROM journal "
            "WHERE action = 'organisation.acces_refuse' AND service_id = :s",
            s=tiers.id,
        )
        assert refus == [f"delegation.{delegation}", f"delegation.{delegation}"]


class TestChercher:
    """The other service is found in the directory, by its name, its town or its code."""

    async def test_by_name_by_town_and_by_code(
        self, journee: Journee, nevers: MondeService, cosne: MondeService
    ) -> None:
        ailleurs = await journee.service(libelle="SIP DE SAINT PIERRE", fuseau="Indian/Reunion", departement="974")
        sages = await journee.scalar("SELECT sages FROM service_fiscal WHERE id = :s", s=cosne.id)
        async with journee.client(nevers.agents["chef"]) as client:
            for q in ("cosne", "Cosne 58015", sages):
                page = await client.get(base(nevers, "/nouvelle"), params={"q": q})
                assert f"vers={cosne.id}" in page.text, q
            page = await client.get(base(nevers, "/nouvelle"), params={"q": "saint pierre"})
            assert "pas à la même heure" in page.text
            assert f"vers={ailleurs.id}" not in page.text
            page = await client.get(base(nevers, "/nouvelle"), params={"q": "introuvable"})
            assert "Aucun service ne répond" in page.text
            for vers in (str(ailleurs.id), str(nevers.id), "987654321", "abc", "9" * 40):
                page = await client.get(base(nevers, "/nouvelle"), params={"vers": vers})
                assert page.status_code == 200
                assert "Proposer la délégation" not in page.text, vers


class TestProposer:
    """The form loses nothing, whatever is wrong."""

    @pytest.mark.parametrize(
        ("change", "phrase"),
        [
            ({"motif": None}, "Cochez au moins un motif"),
            ({"motif": "987654321"}, "Choisissez parmi les valeurs proposées"),
            ({"du": ""}, "Indiquez le premier jour"),
            ({"au": "31/02/2027"}, "n’existe pas"),
            ({"du": "2026-11-20"}, "Cette date est passée"),
            ({"au": "2026-11-23"}, "avant d’avoir commencé"),
            ({"quota_jour": "0"}, "de 1 à 500"),
            ({"quota_jour": "-3"}, "de 1 à 500"),
            ({"quota_jour": "100000"}, "de 1 à 500"),
            ({"quota_jour": "beaucoup"}, "de 1 à 500"),
            ({"message": "x" * 1001}, "1000"),
            ({"vers": ""}, "Choisissez le service"),
            ({"vers": "987654321"}, "n’existe pas"),
        ],
    )
    async def test_a_bad_input_is_a_422_that_says_why(
        self, journee: Journee, nevers: MondeService, cosne: MondeService, change: dict[str, Any], phrase: str
    ) -> None:
        avant = await journee.scalar("SELECT count(*) FROM delegation")
        reponse, _ = await propose(journee, nevers, cosne, **{"message": HOSTILE, **change})
        assert reponse.status_code == 422
        assert phrase in reponse.text
        assert "<script>alert" not in reponse.text
        if "vers" not in change and "message" not in change:
            assert "&lt;script&gt;alert(1)" in reponse.text
        assert await journee.scalar("SELECT count(*) FROM delegation") == avant

    async def test_an_unknown_field_is_refused(
        self, journee: Journee, nevers: MondeService, cosne: MondeService
    ) -> None:
        reponse, _ = await propose(journee, nevers, cosne, etat="acceptee")
        assert reponse.status_code == 422

    async def test_what_was_proposed_is_read_by_the_other_side_with_who_will_receive(
        self, journee: Journee, nevers: MondeService, cosne: MondeService, smtp_server: Smtp
    ) -> None:
        reponse, delegation = await propose(journee, nevers, cosne, message=HOSTILE)
        assert (reponse.status_code, reponse.headers["location"]) == (303, f"{base(nevers)}?fait=proposee")
        async with journee.client(cosne.agents["chef"]) as client:
            liste = (await client.get(base(cosne))).text
            assert "SIP DE NEVERS" in liste
            assert "Votre réponse est attendue" in liste
            ensemble = (await client.get(f"/services/{cosne.id}/organiser")).text
            assert "1 proposition attend votre réponse" in ensemble
            fiche = (await client.get(base(cosne, f"/{delegation}"))).text
        assert "&lt;script&gt;alert(1)" in fiche
        assert "Guichet 1, Guichet 2" in fiche
        assert "4 par jour au plus" in fiche
        adresse = await journee.scalar("SELECT courriel FROM agent WHERE id = :a", a=cosne.agents["chef"])
        (courriel,) = await wait_for_mails(smtp_server, adresse, 1)
        assert courriel.sujet == "Délégation proposée : SIP DE NEVERS vous confie des rendez-vous"
        texte = plain(courriel.texte)
        assert "Dates : du 24/11/2026 au 27/11/2026 inclus" in texte
        assert f"{base(cosne)}/{delegation}" in texte
        assert "<script>" not in (courriel.html or "")

    async def test_acceptance_warns_when_no_guichet_can_receive(
        self, journee: Journee, nevers: MondeService, cosne: MondeService
    ) -> None:
        _, delegation = await propose(journee, nevers, cosne)
        async with journee.client(cosne.agents["chef"]) as client:
            for guichet in cosne.guichets:
                page = await client.get(f"/services/{cosne.id}/organiser/guichets/{guichet}/fermeture")
                await submit(client, page.text, f"/services/{cosne.id}/organiser/guichets/{guichet}/fermeture")
            fiche = (await client.get(base(cosne, f"/{delegation}"))).text
        assert "Aucun de vos guichets ne peut recevoir ce motif" in fiche
        assert "tous les guichets sont fermés" in fiche


class TestConflits:
    """409: both versions, nothing lost, and the next save is a decision."""

    async def test_an_answer_to_a_proposal_corrected_meanwhile(
        self, journee: Journee, nevers: MondeService, cosne: MondeService
    ) -> None:
        _, delegation = await propose(journee, nevers, cosne)
        async with journee.client(cosne.agents["chef"]) as client:
            lue = await client.get(base(cosne, f"/{delegation}"))
            async with journee.client(nevers.agents["chef"]) as autre:
                page = await autre.get(base(nevers, f"/{delegation}"))
                corrigee = await submit(autre, page.text, base(nevers, f"/{delegation}"), quota_jour="2")
                assert corrigee.headers["location"].endswith("fait=corrigee")
            action = base(cosne, f"/{delegation}/reponse")
            refus = await submit(client, lue.text, action, geste="accepter", reponse="Avec plaisir")
            assert refus.status_code == 409
            assert "Les deux versions" in refus.text
            assert "2 par jour au plus" in refus.text
            assert "4 par jour au plus" in refus.text
            assert "Avec plaisir" in refus.text
            assert "vu_" in refus.text
            accepte = await submit(client, refus.text, action, geste="accepter")
            assert accepte.headers["location"].endswith("fait=acceptee")

    async def test_a_correction_of_a_proposal_answered_meanwhile(
        self, journee: Journee, nevers: MondeService, cosne: MondeService
    ) -> None:
        _, delegation = await propose(journee, nevers, cosne)
        async with journee.client(nevers.agents["chef"]) as client:
            page = await client.get(base(nevers, f"/{delegation}"))
            assert (await answer(journee, cosne, delegation, "refuser")).status_code == 303
            refus = await submit(client, page.text, base(nevers, f"/{delegation}"), quota_jour="2")
        assert refus.status_code == 409
        assert "refusée" in refus.text

    async def test_the_number_of_rdv_told_must_be_the_right_one(
        self, journee: Journee, nevers: MondeService, cosne: MondeService
    ) -> None:
        _, delegation = await propose(journee, nevers, cosne)
        assert (await answer(journee, cosne, delegation, "accepter")).status_code == 303
        rdv = await journee.book(cosne, "15:00")
        async with journee.client(nevers.agents["chef"]) as client:
            page = await client.get(base(nevers, f"/{delegation}/retrait"))
            assert "Aucun rendez-vous pris par cette délégation" in page.text
            async with journee.outils.db.engine.begin() as conn:
                await conn.exec_driver_sql(f"UPDATE rendez_vous SET delegation_id = {delegation} WHERE id = {rdv}")
            action = base(nevers, f"/{delegation}/retrait")
            refus = await submit(client, page.text, action, reponse="Le hall a rouvert")
            assert refus.status_code == 409
            assert "1 rendez-vous pris par cette délégation est à venir à SIP DE COSNE" in refus.text
            assert "Le hall a rouvert" in refus.text
            fait = await submit(client, refus.text, action)
            assert fait.headers["location"].endswith("fait=arretee_rdv")
            liste = (await client.get(base(nevers))).text
        assert "Arrêtée avant son terme" in liste
        assert await journee.scalar("SELECT etat FROM rendez_vous WHERE id = :r", r=rdv) == "prevu"

    @pytest.mark.parametrize("suite", ["reponse", "retrait"])
    async def test_a_decision_that_does_not_say_what_was_read_is_refused(
        self, journee: Journee, nevers: MondeService, cosne: MondeService, suite: str
    ) -> None:
        _, delegation = await propose(journee, nevers, cosne)
        qui = cosne if suite == "reponse" else nevers
        champs = {"geste": "accepter"} if suite == "reponse" else {"restants": "0"}
        async with journee.client(qui.agents["chef"]) as client:
            reponse = await client.post(base(qui, f"/{delegation}/{suite}"), data=champs)
        assert reponse.status_code == 422
        assert await journee.scalar("SELECT etat FROM delegation WHERE id = :d", d=delegation) == "proposee"


class TestEnDirect:
    """A proposes by the keyboard alone; B sees it arrive, accepts; A's page follows."""

    async def test_two_chefs_follow_each_other(
        self, journee: Journee, nevers: MondeService, cosne: MondeService, browser: Browser
    ) -> None:
        ici = await journee.context(browser, nevers.agents["chef"])
        la_bas = await journee.context(browser, cosne.agents["chef"])
        try:
            recue = await journee.open(la_bas, base(cosne))
            assert await recue.locator(".delegation").count() == 0
            page = await journee.open(ici, base(nevers))
            assert await axe(page) == []
            clavier = Clavier(page)
            await clavier.skip()
            await clavier.go(f'a[href="{base(nevers, "/nouvelle")}"]')
            await clavier.skip()
            await clavier.reach('main input[name="q"]')
            await clavier.type(await journee.scalar("SELECT sages FROM service_fiscal WHERE id = :s", s=cosne.id))
            await clavier.follow()
            await clavier.skip()
            await clavier.go(f'a[href$="vers={cosne.id}"]')
            await clavier.skip()
            await clavier.tick(f"#motif-{nevers.motifs[1]}")
            await clavier.date("du", "2026-11-24")
            await clavier.date("au", "2026-11-27")
            await clavier.write("quota_jour", "2")
            await clavier.write("message", "Travaux dans notre hall")
            await clavier.go('.delegation-form button[type="submit"]')
            await clavier.told("La délégation est proposée")
            await page.wait_for_selector('#direct[data-direct="direct"]', timeout=8000)
            # B had his page open: it is there.
            await until(recue, "document.querySelectorAll('.delegation--proposee').length === 1")
            assert await axe(recue) == []
            la = Clavier(recue)
            await la.reach(".delegation__actes a.fr-btn")
            await la.follow()
            fiche = recue.url.split("#")[0]
            await la.reach('textarea[name="reponse"]')
            await la.type("Entendu")
            await la.go('button[value="accepter"]')
            await la.told("La délégation est acceptée")
            # A's page says so without a reload.
            await until(page, "document.querySelectorAll('.delegation--a_venir').length === 1")
            assert "Entendu" in await page.inner_text(".delegation--a_venir")
            await settle(page, "delegations")
            await settle(recue, "delegations")
            assert re.fullmatch(r".*/delegations/\d+", fiche)
        finally:
            await ici.close()
            await la_bas.close()

    async def test_every_page_within_320_pixels(
        self, journee: Journee, nevers: MondeService, cosne: MondeService, browser: Browser
    ) -> None:
        _, delegation = await propose(journee, nevers, cosne)
        chef = await journee.context(browser, nevers.agents["chef"], viewport={"width": 320, "height": 800})
        autre = await journee.context(browser, cosne.agents["chef"], viewport={"width": 320, "height": 800})
        try:
            for contexte, service, suites in (
                (chef, nevers, ("", "/nouvelle?q=sip", f"/nouvelle?vers={cosne.id}", f"/{delegation}")),
                (chef, nevers, (f"/{delegation}/retrait",)),
                (autre, cosne, ("", f"/{delegation}", f"/{delegation}/retrait")),
            ):
                for suite in suites:
                    page = await journee.open(contexte, base(service, suite), direct=False)
                    assert await axe(page) == [], suite
                    assert await overflow(page) <= 0, suite
                    await page.close()
        finally:
            await chef.close()
            await autre.close()


class TestAlignement:
    """Both dates on one line, whatever is said above and under each; nothing beyond the screen."""

    @pytest.mark.parametrize("largeur", [1440, 900, 390])
    async def test_the_two_dates_are_aligned_with_and_without_an_error(
        self, journee: Journee, nevers: MondeService, cosne: MondeService, browser: Browser, largeur: int
    ) -> None:
        contexte = await journee.context(
            browser, nevers.agents["chef"], viewport={"width": largeur, "height": 900}, reduced_motion="reduce"
        )
        try:
            page = await journee.open(contexte, base(nevers, f"/nouvelle?vers={cosne.id}"), direct=False)
            for _ in ("vide", "refusé"):
                du, au = [await page.locator(f"#champ-{nom}").bounding_box() for nom in ("du", "au")]
                assert du is not None
                assert au is not None
                assert du["width"] == pytest.approx(au["width"], abs=1)
                if largeur > 600:
                    assert du["y"] == pytest.approx(au["y"], abs=0.5)
                else:
                    assert au["y"] > du["y"] + du["height"]
                assert await overflow(page) <= 0
                await page.fill("#champ-du", "2026-11-24")
                await page.get_by_role("button", name="Proposer la délégation").click()
                await page.wait_for_selector("[data-erreurs]")
        finally:
            await contexte.close()
