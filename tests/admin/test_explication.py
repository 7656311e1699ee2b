"""« Pourquoi n'y a-t-il pas de créneau ? » on its page: the same rules as the grid, each with where it is changed."""

from __future__ import annotations

import re
from datetime import date
from html import unescape

import pytest
from playwright.async_api import Browser
from sqlalchemy import text, update

from app.tables import Guichet, MotifService, ServiceFiscal
from tests.accueil.monde import Journee, axe
from tests.fixtures.delegations import insert_delegation
from tests.fixtures.donnees import MondeService


@pytest.fixture
async def nevers(journee: Journee) -> MondeService:
    return await journee.service()


async def lire(
    journee: Journee, service: MondeService, question: str, qui: str = "chef", ou: str = "organiser/expliquer"
) -> str:
    async with journee.client(service.agents[qui]) as client:
        reponse = await client.get(f"/services/{service.id}/{ou}?motif={service.motifs[0]}&{question}")
    assert reponse.status_code == 200, reponse.text[:500]
    return unescape(" ".join(re.sub(r"<[^>]+>", " ", reponse.text).split()))


async def change(journee: Journee, service: MondeService, ordre: object) -> None:
    async with journee.outils.db.engine.begin() as conn:
        await conn.execute(ordre)  # type: ignore[call-overload]
        await conn.execute(
            text("UPDATE agenda SET version_planning = version_planning + 1 WHERE service_id = :s"), {"s": service.id}
        )


class TestLaPage:
    """Monday 23 November 2026, 10:05: Thursday 26 is the first day of the internet."""

    async def test_an_open_day_counts_its_creneaux(self, journee: Journee, nevers: MondeService) -> None:
        lu = await lire(journee, nevers, "jour=2026-11-26&type=guichet&canal=internet")
        assert "créneaux proposés ce jour-là." in lu
        assert "heures de début libres" in lu

    async def test_the_delay_is_named_with_its_figure(self, journee: Journee, nevers: MondeService) -> None:
        assert "délai de 2 jours ouvrés" in await lire(journee, nevers, "jour=2026-11-24&canal=internet")

    async def test_every_rule_is_named_guichet_by_guichet(self, journee: Journee, nevers: MondeService) -> None:
        await change(
            journee,
            nevers,
            update(Guichet).where(Guichet.id == nevers.guichets[0]).values(ouvert=False, types=["visio"]),
        )
        await change(
            journee, nevers, update(Guichet).where(Guichet.id == nevers.guichets[1]).values(canaux=["rattache"])
        )
        lu = await lire(journee, nevers, "jour=2026-11-26&type=guichet&canal=internet")
        assert "Ce guichet est fermé." in lu
        assert "Ce guichet ne propose pas ce type de rendez-vous." in lu
        assert "Ce guichet n’est pas ouvert aux usagers par internet." in lu

    async def test_a_closed_service_and_a_closed_motif_are_both_told(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        await change(journee, nevers, update(ServiceFiscal).where(ServiceFiscal.id == nevers.id).values(en_ligne=False))
        await change(
            journee, nevers, update(MotifService).where(MotifService.service_id == nevers.id).values(ouvert=False)
        )
        lu = await lire(journee, nevers, "jour=2026-11-26&canal=internet")
        assert "Le service n’a pas ouvert la prise de rendez-vous en ligne." in lu
        assert "Le service n’a pas ouvert ce motif." in lu

    async def test_an_agent_reads_the_same_answer_without_the_levers(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        question = "jour=2026-11-24&canal=internet"
        assert "délai de 2 jours ouvrés" in await lire(journee, nevers, question, "agent", "pourquoi")
        async with journee.client(nevers.agents["agent"]) as client:
            page = (await client.get(f"/services/{nevers.id}/pourquoi?{question}")).text
            assert "/organiser/" not in page
            assert (await client.get(f"/services/{nevers.id}/organiser/expliquer")).status_code == 404
        async with journee.client(nevers.agents["exterieur"]) as client:
            assert (await client.get(f"/services/{nevers.id}/pourquoi")).status_code == 404

    @pytest.mark.parametrize(
        "question", ["jour=31/02/2026", "jour=abc", "motif=999999999", "type=x&canal=y", "motif=1'"]
    )
    async def test_nonsense_gets_a_sentence_not_an_accident(
        self, journee: Journee, nevers: MondeService, question: str
    ) -> None:
        async with journee.client(nevers.agents["chef"]) as client:
            reponse = await client.get(f"/services/{nevers.id}/organiser/expliquer?{question}")
        assert reponse.status_code == 200
        assert "fr-message--error" in reponse.text


@pytest.mark.parametrize("largeur", [1440, 390])
async def test_it_is_accessible(journee: Journee, nevers: MondeService, browser: Browser, largeur: int) -> None:
    contexte = await journee.context(browser, nevers.agents["chef"], viewport={"width": largeur, "height": 900})
    for chemin in ("organiser", "organiser/expliquer", "organiser/historique", "pourquoi"):
        page = await journee.open(contexte, f"/services/{nevers.id}/{chemin}", direct=chemin == "organiser")
        assert await axe(page) == [], chemin
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), chemin
    await contexte.close()


class TestDelegations:
    """G 2.3.5: a delegation is named where it matters: what it offers elsewhere, its quota, its dates."""

    async def test_what_the_other_service_offers_is_said_and_why_it_offers_nothing(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        cosne = await journee.service(libelle="SIP DE COSNE")
        async with journee.outils.db.engine.begin() as conn:
            delegation = await insert_delegation(
                conn, nevers, cosne, du=date(2026, 11, 23), au=date(2026, 11, 27), quota=1
            )
        ferme = update(MotifService).where(
            MotifService.service_id == nevers.id, MotifService.motif_id == nevers.motifs[0]
        )
        await change(journee, nevers, ferme.values(ouvert=False))
        await change(journee, cosne, text("SELECT 1"))
        lu = await lire(journee, nevers, "jour=2026-11-26&type=guichet&canal=internet")
        assert "Aucun créneau dans ce service ; 1 créneau proposé à SIP DE COSNE, par délégation." in lu, "its quota"
        assert "Le service n’a pas ouvert ce motif." in lu
        assert "délai de 2 jours ouvrés" in await lire(journee, nevers, "jour=2026-11-24&canal=internet")
        assert "ne couvre pas ce jour" in await lire(journee, nevers, "jour=2026-12-01&canal=internet")
        assert "SIP DE COSNE" not in await lire(journee, nevers, "jour=2026-11-26&canal=rattache")
        rdv = await journee.book(cosne, "10:00", jour=date(2026, 11, 26))
        await change(journee, cosne, text(f"UPDATE rendez_vous SET delegation_id = {delegation} WHERE id = {rdv}"))
        lu = await lire(journee, nevers, "jour=2026-11-26&type=guichet&canal=internet")
        assert "La délégation à SIP DE COSNE est complète ce jour-là : le seul rendez-vous" in lu
        async with journee.client(cosne.agents["chef"]) as client:
            recue = await client.get(
                f"/services/{cosne.id}/organiser/expliquer?jour=2026-11-26&motif={nevers.motifs[0]}&canal=internet"
            )
        assert "ont pris tout ce que sa délégation permet" in recue.text
