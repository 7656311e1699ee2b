"""The letter for who has neither e-mail nor mobile: all that the confirmation says, and nothing written for agents."""

from __future__ import annotations

import html
import re

import pytest
from playwright.async_api import Browser
from sqlalchemy import text

from app.domain.definitions import DELEGUE, RESPONSABLE
from tests.accueil.monde import Journee
from tests.booking.agents.outillage import DEMAIN, service_ordinaire, texte
from tests.booking.agents.test_fiche import agir, lire
from tests.courrier.exemples import as_received, message, text_of


def _plat(mots: str) -> str:
    """With ordinary spaces."""
    return " ".join(html.unescape(mots).split())


class TestContenu:
    """Annexe 1 §2: what the confirmation says, on paper."""

    async def test_it_says_all_that_the_confirmation_says(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "08:40", jour=DEMAIN)
        async with journee.outils.db.engine.begin() as conn:
            code = (
                await conn.execute(
                    text(
                        "UPDATE rendez_vous SET note_interne = 'NOTE INTERNE', message_usager = 'Venez <b>tôt</b>'"
                        " WHERE id = :r RETURNING code"
                    ),
                    {"r": rdv},
                )
            ).scalar_one()
        reponse = await lire(journee, service, f"/rendez-vous/{rdv}/lettre")
        assert reponse.status_code == 200
        lu = texte(reponse.text)
        for attendu in (
            code,
            "mardi 24 novembre 2026",
            "Madame",
            "8 h 40",
            "20 minutes",
            "Déclaration et calcul de l'impôt sur le revenu",
            "À apporter",
            "En cas d’empêchement",
            "Venez <b>tôt</b>",
            "19 rue Camille Baynac",
            "2016/679",
        ):
            assert attendu in lu, attendu
        assert "<b>tôt" not in reponse.text, "what somebody typed stays text"
        assert "NOTE INTERNE" not in reponse.text
        assert "/mon-rendez-vous/" not in reponse.text, "an agent never sees the secret link"

    async def test_its_notice_is_that_of_the_mails_with_who_answers_for_the_data(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "08:40", jour=DEMAIN)
        lu = _plat(texte((await lire(journee, service, f"/rendez-vous/{rdv}/lettre")).text))
        courriel = text_of(as_received("confirmation", message(responsable=RESPONSABLE, delegue=DELEGUE)), "text/html")
        notice = re.search(r"(Les informations recueillies .*?)</p>", courriel, re.S)
        assert notice is not None
        dite = _plat(texte(f"<main>{notice[1]}</main>"))
        assert f"Responsable du traitement : {RESPONSABLE}." in dite
        assert f"Délégué à la protection des données : {_plat(DELEGUE)}." in dite
        assert dite in lu

    async def test_printed_it_holds_on_one_sheet(self, journee: Journee, browser: Browser) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "08:40", jour=DEMAIN)
        async with journee.outils.db.engine.begin() as conn:
            mots = "Venez avec les originaux, et par l’entrée de la cour. " * 4
            await conn.execute(
                text("UPDATE rendez_vous SET message_usager = :m WHERE id = :r"), {"m": mots.strip(), "r": rdv}
            )
        contexte = await journee.context(browser, service.agents["agent"])
        try:
            page = await contexte.new_page()
            await page.goto(f"{journee.site.url}/rendez-vous/{rdv}/lettre")
            feuilles = await page.pdf(format="A4")
        finally:
            await contexte.close()
        assert len(re.findall(rb"/Type\s*/Page\b", feuilles)) == 1

    async def test_the_postal_address_goes_nowhere(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "08:40", jour=DEMAIN)
        page = (await lire(journee, service, f"/rendez-vous/{rdv}/lettre")).text
        champ = re.search(r"<textarea[^>]*>", page)
        assert champ is not None
        assert "name=" not in champ[0]
        avant = page[: champ.start()]
        assert avant.count("<form") == avant.count("</form>"), "outside any form"

    async def test_a_cancelled_one_has_nothing_to_confirm(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "08:40", jour=DEMAIN)
        await agir(journee, service, rdv, "annulation", champs={"revision": "1", "raison": "empêchement"})
        page = await lire(journee, service, f"/rendez-vous/{rdv}/lettre")
        assert page.status_code == 200
        assert "est annulé" in texte(page.text)
        assert "lettre-adresse" not in page.text


class TestDroits:
    @pytest.mark.parametrize("qui", ["exterieur", "pilote", "national"])
    async def test_out_of_the_zone_it_does_not_exist(self, journee: Journee, qui: str) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "08:40", jour=DEMAIN)
        assert (await lire(journee, service, f"/rendez-vous/{rdv}/lettre", qui)).status_code == 404
        refus = "SELECT count(*) FROM journal WHERE action = 'rdv.acces_refuse' AND rdv_id = :r"
        assert await journee.scalar(refus, r=rdv) == 1

    async def test_opening_it_is_a_reading(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "08:40", jour=DEMAIN)
        await lire(journee, service, f"/rendez-vous/{rdv}/lettre")
        lectures = "SELECT count(*) FROM journal WHERE action = 'rdv.lu' AND rdv_id = :r AND apres->>'ecran' = 'lettre'"
        assert await journee.scalar(lectures, r=rdv) == 1


class TestLiens:
    async def test_the_fiche_leads_to_it(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "08:40", jour=DEMAIN)
        fiche = (await lire(journee, service, f"/rendez-vous/{rdv}?enregistre=1")).text
        assert fiche.count(f'href="/rendez-vous/{rdv}/lettre"') == 2, "after the booking, and where to reach him"

    async def test_who_is_written_to_needs_none_at_the_booking(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "08:40", jour=DEMAIN)
        async with journee.outils.db.engine.begin() as conn:
            await conn.execute(text("UPDATE rdv_usager SET courriel = 'a@usagers.test' WHERE rdv_id = :r"), {"r": rdv})
        fiche = (await lire(journee, service, f"/rendez-vous/{rdv}?enregistre=1")).text
        assert fiche.count(f'href="/rendez-vous/{rdv}/lettre"') == 1
