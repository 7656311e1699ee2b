"""« Rendez-vous à replacer » with the services to which the motif is delegated: proposed too [G 2.3.4, 2.3.5]."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from playwright.async_api import Browser
from sqlalchemy import text

from app.embedded.smtp import Smtp
from tests.accueil.ecran import overflow
from tests.accueil.ecran import until as until_page
from tests.accueil.monde import JOUR, Journee, axe, epoch_minute, personne
from tests.admin.courriels import plain, read_mails
from tests.admin.guichets import send, words
from tests.admin.test_replacement import base, close_guichet, read_list, tick
from tests.fixtures.base import until
from tests.fixtures.delegations import insert_delegation, rename
from tests.fixtures.donnees import MondeService

ETROIT = {"width": 390, "height": 844}
#: The first day that a usager may have, asked on that Monday.
JEUDI = date(2026, 11, 26)
COSNE = "SIP DE COSNE, COSNE-COURS-SUR-LOIRE"
HEURES: dict[str, Any] = {"plages": ((480, 720), (840, 960)), "jours_semaine": (1, 2, 3, 4, 5)}


@pytest.fixture
async def nevers(journee: Journee) -> MondeService:
    """Received from 8:00 to 12:00 and from 14:00 to 16:00 at two guichets."""
    return await journee.service(**HEURES)


@pytest.fixture
async def cosne(journee: Journee) -> MondeService:
    """Another service, that usagers cannot book online by themselves."""
    service = await journee.service(**HEURES, en_ligne=False)
    async with journee.outils.db.engine.begin() as conn:
        await rename(conn, service, "SIP DE COSNE", "COSNE-COURS-SUR-LOIRE", "2 rue du Port")
    return service


async def delegate(journee: Journee, de: MondeService, vers: MondeService, **plus: Any) -> int:
    async with journee.outils.db.engine.begin() as conn:
        ident = await insert_delegation(conn, de, vers, **{"au": date(2026, 12, 31), "du": JOUR, **plus})
        await conn.execute(text("UPDATE agenda SET version_planning = version_planning + 1"))
        return ident


async def occupy(journee: Journee, service: MondeService, *heures: str, guichet: int = 1) -> None:
    for heure in heures:
        await journee.book(service, heure, "Voisine", guichet=guichet, jour=JEUDI)


class TestProposer:
    """Nearest in time wherever it is; its own service first when as near; the place is said each time."""

    async def test_the_other_service_is_proposed_when_it_is_nearer(
        self, journee: Journee, nevers: MondeService, cosne: MondeService
    ) -> None:
        delegation = await delegate(journee, nevers, cosne)
        loin = await journee.book(nevers, "14:00", "Loin", jour=JEUDI)
        pres = await journee.book(nevers, "09:00", "Pres", jour=JEUDI)
        await occupy(journee, nevers, "14:00")
        await close_guichet(journee, nevers)
        async with journee.client(nevers.agents["chef"]) as client:
            lignes = await read_list(client, nevers)
        valeur, mots = lignes[loin]["options"][0]
        assert mots == f"jeu. 26 nov. à 14:00, à {COSNE} (même heure)"
        assert valeur.startswith(f"{epoch_minute('14:00', jour=JEUDI)}.")
        assert valeur.endswith(f".{delegation}")
        assert f"L’usager ira à {COSNE}" in lignes[loin]["texte"]
        assert lignes[pres]["options"][0][1] == "jeu. 26 nov. à 09:00, Guichet 2 (même heure)"
        ailleurs = [mots for valeur, mots in lignes[pres]["options"] if valeur.endswith(f".{delegation}")]
        assert ailleurs
        assert all(f"à {COSNE}" in mots for mots in ailleurs)

    @pytest.mark.parametrize(
        "plus",
        [{"etat": "proposee"}, {"etat": "retiree"}, {"au": date(2026, 11, 25)}, {"du": date(2026, 12, 30)}],
    )
    async def test_what_is_not_in_force_proposes_nothing(
        self, journee: Journee, nevers: MondeService, cosne: MondeService, plus: dict[str, Any]
    ) -> None:
        await delegate(journee, nevers, cosne, **plus)
        rdv = await journee.book(nevers, "14:00", jour=JEUDI)
        await close_guichet(journee, nevers)
        async with journee.client(nevers.agents["chef"]) as client:
            lignes = await read_list(client, nevers)
        assert not any("COSNE" in mots for _, mots in lignes[rdv]["options"])

    async def test_not_before_the_delay_nor_beyond_the_quota(
        self, journee: Journee, nevers: MondeService, cosne: MondeService
    ) -> None:
        delegation = await delegate(journee, nevers, cosne, quota=1)
        mardi = await journee.book(nevers, "14:00", "Mardi", jour=date(2026, 11, 24))
        rdvs = [await journee.book(nevers, heure, f"Jeudi{heure[:2]}", jour=JEUDI) for heure in ("14:00", "14:20")]
        await occupy(journee, nevers, "14:00", "14:20")
        await close_guichet(journee, nevers)
        async with journee.client(nevers.agents["chef"]) as client:
            lignes = await read_list(client, nevers)
        premiers = {r: lignes[r]["options"][0][0] for r in (*rdvs, mardi)}
        assert [valeur.endswith(f".{delegation}") for r, valeur in premiers.items() if r in rdvs] == [True, False]
        for ligne in lignes.values():
            for valeur, mots in ligne["options"]:
                if valeur.endswith(f".{delegation}"):
                    assert int(valeur.partition(".")[0]) >= epoch_minute("00:00", jour=JEUDI), mots

    async def test_somebody_already_here_is_not_sent_to_another_town(
        self, journee: Journee, nevers: MondeService, cosne: MondeService
    ) -> None:
        await delegate(journee, nevers, cosne)
        rdv = await journee.book(nevers, "14:00", etat="arrive")
        await close_guichet(journee, nevers)
        async with journee.client(nevers.agents["chef"]) as client:
            lignes = await read_list(client, nevers)
        assert lignes[rdv]["options"]
        assert not any("COSNE" in mots for _, mots in lignes[rdv]["options"])

    async def test_what_another_service_entrusts_is_not_passed_on(
        self, journee: Journee, nevers: MondeService, cosne: MondeService
    ) -> None:
        """No chain: Cosne delegates the same motif to a third; what it receives from Nevers stays with it."""
        delegation = await delegate(journee, nevers, cosne)
        tiers = await journee.service(**HEURES)
        await delegate(journee, cosne, tiers, motifs=[nevers.motifs[0]])
        rdv = await journee.book(nevers, "14:00", jour=JEUDI)
        await occupy(journee, nevers, "14:00")
        await close_guichet(journee, nevers)
        async with journee.client(nevers.agents["chef"]) as client:
            lignes = await read_list(client, nevers)
            assert lignes[rdv]["options"][0][0].endswith(f".{delegation}")
            await send(client, base(nevers), tick(lignes, rdv))
        await close_guichet(journee, cosne)
        await close_guichet(journee, cosne, 1)
        async with journee.client(cosne.agents["chef"]) as client:
            lignes = await read_list(client, cosne)
        assert rdv in lignes
        assert lignes[rdv]["options"]
        assert all(valeur.endswith(".0") for valeur, _ in lignes[rdv]["options"]), "home again, or nowhere"


class TestConfirmer:
    """One confirmation sends some next door and one to the other service: the mail says where."""

    @pytest.mark.e2e
    async def test_in_a_browser_one_goes_to_the_other_service(
        self, journee: Journee, nevers: MondeService, cosne: MondeService, browser: Browser, smtp_server: Smtp
    ) -> None:
        await delegate(journee, nevers, cosne)
        courriel = f"merville-{nevers.id}@usagers.test"
        part = await journee.book(nevers, "14:00", usager=personne("Merville", courriel=courriel), jour=JEUDI)
        reste = await journee.book(nevers, "09:00", "Reste", jour=JEUDI)
        await occupy(journee, nevers, "14:00", "14:20")
        await close_guichet(journee, nevers)
        contexte = await journee.context(browser, nevers.agents["chef"], viewport=ETROIT)
        try:
            page = await journee.open(contexte, base(nevers))
            assert await page.is_visible(f"#hors-{part} .hors__lieu:has-text('L’usager ira à {COSNE}')")
            assert not await page.is_visible(f"#hors-{reste} .hors__lieu")
            assert await axe(page) == []
            assert await overflow(page) <= 0
            # Another créneau, at home: the line that names the other place goes away, and comes back.
            sienne = await page.evaluate(
                f"[...document.querySelector('#creneau-{part}').options].find((o) => !o.dataset.lieu).value"
            )
            premiere = await page.evaluate(f"document.querySelector('#creneau-{part}').value")
            await page.select_option(f"#creneau-{part}", sienne)
            assert not await page.is_visible(f"#hors-{part} .hors__lieu")
            await page.select_option(f"#creneau-{part}", premiere)
            assert await page.is_visible(f"#hors-{part} .hors__lieu")
            # What is booked over there changes the list here: the very place proposed is taken.
            await journee.book(cosne, "14:00", "Rapide", jour=JEUDI, motif_id=cosne.motifs[0])
            await journee.book(cosne, "14:00", "Rapide", jour=JEUDI, guichet=1, motif_id=cosne.motifs[0])
            await until_page(page, f"document.querySelector('#creneau-{part}').value !== '{premiere}'")
            ailleurs = await page.evaluate(
                f"[...document.querySelector('#creneau-{part}').options].find((o) => o.dataset.lieu).value"
            )
            await page.select_option(f"#creneau-{part}", ailleurs)
            await page.check(f"#rdv-{reste}", force=True)
            await page.click("button:has-text('Déplacer les rendez-vous cochés'):visible")
            await page.wait_for_selector("text=2 rendez-vous déplacés")
            assert COSNE in words(await page.inner_html(".bilan"))
            assert await axe(page) == []
            assert await overflow(page) <= 0
        finally:
            await contexte.close()
        lue = await journee.scalar(
            "SELECT service_id || '.' || service_origine_id || '.' || sequence FROM rendez_vous WHERE id = :r", r=part
        )
        assert lue == f"{cosne.id}.{nevers.id}.1"
        assert await journee.scalar("SELECT service_id FROM rendez_vous WHERE id = :r", r=reste) == nevers.id
        await until(lambda: any("déplacé" in mail.sujet for mail in read_mails(smtp_server, courriel)), delai_s=20.0)
        dernier = plain(read_mails(smtp_server, courriel)[-1].texte)
        assert "SIP DE COSNE" in dernier
        assert "2 rue du Port" in dernier
        assert "ATTENTION, LE LIEU CHANGE : présentez-vous à SIP DE COSNE" in dernier
        async with journee.client(nevers.agents["chef"]) as client:
            assert "Aucun rendez-vous à replacer" in words((await client.get(base(nevers))).text)

    async def test_a_quota_reached_meanwhile_is_told_and_nothing_moves(
        self, journee: Journee, nevers: MondeService, cosne: MondeService
    ) -> None:
        delegation = await delegate(journee, nevers, cosne, quota=1)
        un, deux = [await journee.book(nevers, h, f"Nom{h[:2]}", jour=JEUDI) for h in ("14:00", "09:00")]
        await occupy(journee, nevers, "14:00")
        await close_guichet(journee, nevers)
        async with journee.client(nevers.agents["chef"]) as client:
            lignes = await read_list(client, nevers)
            champs = tick(lignes, deux, un)
            # The second is given, by a form of ours, another place of the same day over there.
            champs[f"creneau-{deux}"] = f"{epoch_minute('09:00', jour=JEUDI)}.{cosne.guichets[0]}.{delegation}"
            page = words((await send(client, base(nevers), champs)).text)
        assert "1 rendez-vous déplacé" in page
        assert "Créneau pris" in page
        assert "La limite de 1 rendez-vous par jour confié par" in page.replace("\u00a0", " ")
        assert await journee.scalar("SELECT count(*) FROM rendez_vous WHERE delegation_id = :d", d=delegation) == 1

    @pytest.mark.parametrize("forge", ["{debut}.{g}.999999", "{debut}.{g}.1.1", "{debut}.{sien}.{d}"])
    async def test_a_forged_journey_moves_nothing(
        self, journee: Journee, nevers: MondeService, cosne: MondeService, forge: str
    ) -> None:
        delegation = await delegate(journee, nevers, cosne)
        rdv = await journee.book(nevers, "14:00", jour=JEUDI)
        await close_guichet(journee, nevers)
        valeur = forge.format(
            debut=epoch_minute("14:00", jour=JEUDI), g=cosne.guichets[0], sien=nevers.guichets[1], d=delegation
        )
        async with journee.client(nevers.agents["chef"]) as client:
            champs = {"rdv": str(rdv), f"creneau-{rdv}": valeur, f"revision-{rdv}": "1"}
            reponse = await send(client, base(nevers), champs)
        assert reponse.status_code in (200, 422)
        assert await journee.scalar("SELECT service_id FROM rendez_vous WHERE id = :r", r=rdv) == nevers.id


class TestCompter:
    """The head of the agenda says how many wait, to who organises, live."""

    @pytest.mark.e2e
    async def test_the_number_follows_and_leads_to_the_list(
        self, journee: Journee, nevers: MondeService, browser: Browser
    ) -> None:
        await journee.book(nevers, "14:00", jour=JEUDI)
        contexte = await journee.context(browser, nevers.agents["chef"])
        autre = await journee.context(browser, nevers.agents["agent"])
        try:
            page = await journee.open(contexte, f"/services/{nevers.id}/agenda?jour={JEUDI}&vue=jour")
            await until_page(page, "Number(document.querySelector('#compte-a-replacer').dataset.expire) > 1")
            assert await page.locator("text=à replacer").count() == 0
            await close_guichet(journee, nevers)
            await page.wait_for_selector("a:has-text('1 rendez-vous à replacer')", timeout=12000)
            assert await axe(page) == []
            await page.click("a:has-text('1 rendez-vous à replacer')")
            await page.wait_for_selector("h2:has-text('1 rendez-vous à replacer')")
            simple = await journee.open(autre, f"/services/{nevers.id}/agenda?jour={JEUDI}&vue=jour")
            assert await simple.locator("#compte-a-replacer").count() == 0
            fragment = f"/services/{nevers.id}/organiser/a-replacer/compte/fragment"
            assert (await simple.request.get(journee.site.url + fragment)).status == 404
        finally:
            await contexte.close()
            await autre.close()
