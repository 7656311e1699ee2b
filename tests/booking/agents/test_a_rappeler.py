"""« À rappeler »: whom to call, in the order of the figures, live between agents [A1 §3.2 « contre-appel »]."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Browser, expect
from sqlalchemy import insert, text

from app.booking.agents.a_rappeler import SERVICES_MAX
from app.booking.agents.rappels import LIGNES_MAX
from app.booking.agents.tableau import PAR_PAGE
from app.booking.chances import Chances
from app.tables import ContreAppel
from tests.accueil.monde import JOUR, Journee, axe, personne
from tests.booking.agents.delegues import book_for, entrust
from tests.booking.agents.foule import fill
from tests.booking.agents.outillage import DEMAIN, service_ordinaire, texte
from tests.booking.agents.test_agenda import en_process
from tests.booking.agents.test_contre_appel import call
from tests.booking.agents.test_fiche import lire
from tests.e2e.outillage import find_difference
from tests.fixtures.donnees import MondeService

LISTE = "/agent/a-rappeler"
#: Long before any day that the tests show.
AVANT: datetime = datetime(2026, 6, 1, 9, tzinfo=UTC)


def noms(page: str) -> list[str]:
    """The people of the list, in order."""
    return re.findall(r'rappel__nom"><a[^>]*>([^<]+)<', page)


async def add_appels(
    journee: Journee, service: MondeService, rdv: int, regles: int, total: int, cree_a: datetime = AVANT
) -> None:
    """Contre-appels of the past about a RDV, ``regles`` of them settled by phone."""
    async with journee.outils.db.engine.begin() as conn:
        for rang in range(total):
            await conn.execute(
                insert(ContreAppel).values(
                    rdv_id=rdv,
                    agent_id=service.agents["box"],
                    jour=cree_a.date(),
                    resultat="regle" if rang < regles else "a_recevoir",
                    commentaire="Appel",
                    annule_rdv=False,
                    cree_a=cree_a,
                )
            )


async def change_motif(journee: Journee, rdv: int, motif: int) -> None:
    async with journee.outils.db.engine.begin() as conn:
        await conn.execute(text("UPDATE rendez_vous SET motif_id = :m WHERE id = :r"), {"m": motif, "r": rdv})


async def book_past(journee: Journee, service: MondeService, motif: int, heure: str) -> int:
    """A RDV to hang past calls on: today's, never in the list."""
    return await journee.book(service, heure, "Passe", motif_id=service.motifs[motif], guichet=1)


class TestQui:
    """Expected in the next working days, and not reached yet."""

    async def test_the_days_asked_for_and_no_other(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        await journee.book(service, "15:00", "Aujourdhui")
        for rang, nom in enumerate(("Mardi", "Mercredi", "Jeudi", "Vendredi", "", "", "Lundi"), start=1):
            if nom:
                await journee.book(service, "08:40", nom, jour=JOUR + timedelta(days=rang))
        assert noms((await lire(journee, service, LISTE)).text) == [
            "MARDI Justine",
            "MERCREDI Justine",
            "JEUDI Justine",
        ]
        assert noms((await lire(journee, service, f"{LISTE}?jours=1")).text) == ["MARDI Justine"]
        assert len(noms((await lire(journee, service, f"{LISTE}?jours=5")).text)) == 5

    async def test_an_address_that_offers_nothing_shows_the_usual_list(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        await journee.book(service, "08:40", "Mardi", jour=DEMAIN)
        for adresse in (
            "?jours=0",
            "?jours=11",
            "?jours=x",
            "?moment=nuit",
            "?service=999999",
            "?jours=99999999999999999999",
        ):
            page = await lire(journee, service, LISTE + adresse)
            assert (page.status_code, noms(page.text)) == (200, ["MARDI Justine"]), adresse

    async def test_who_was_reached_leaves_and_who_was_not_stays_with_the_try(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        for rang, resultat in enumerate(("regle", "a_recevoir", "sans_reponse", "message_laisse")):
            rdv = await journee.book(service, f"{8 + rang:02d}:00", resultat.replace("_", ""), jour=DEMAIN)
            await call(journee, service, rdv, champs={"resultat": resultat}, agent="box")
        page = (await lire(journee, service, LISTE)).text
        assert noms(page) == ["SANSREPONSE Justine", "MESSAGELAISSE Justine"]
        lu = texte(page)
        assert re.search(r"Sans réponse : appelé lundi 23 novembre à 10:\d\d par Box", lu)
        assert re.search(r"Message laissé : appelé lundi 23 novembre à 10:\d\d par Box", lu)

    async def test_cancelled_or_arrived_nobody_is_called(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        await journee.book(service, "08:40", "Annule", jour=DEMAIN, etat="annule")
        page = await lire(journee, service, LISTE)
        assert noms(page.text) == []
        assert "Personne à rappeler" in texte(page.text)

    async def test_the_half_day_preferred(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        for rang, preference in enumerate(("matin", "apres-midi", None)):
            usager = personne(("Matin", "Aprem", "Libre")[rang], preference_appel=preference)
            await journee.book(service, f"{8 + rang:02d}:00", jour=DEMAIN, usager=usager)
        lus = {m: noms((await lire(journee, service, f"{LISTE}?moment={m}")).text) for m in ("matin", "apres-midi")}
        assert lus == {
            "matin": ["MATIN Justine", "LIBRE Justine"],
            "apres-midi": ["APREM Justine", "LIBRE Justine"],
        }

    async def test_several_services_and_one_of_them(self, journee: Journee) -> None:
        service, autre = (
            await service_ordinaire(journee, libelle="SIP A"),
            await service_ordinaire(journee, libelle="SIE B"),
        )
        await journee.attach(service.agents["agent"], autre)
        await journee.book(service, "08:40", "Ici", jour=DEMAIN)
        await journee.book(autre, "09:00", "Autre", jour=DEMAIN)
        page = (await lire(journee, service, LISTE)).text
        assert noms(page) == ["ICI Justine", "AUTRE Justine"]
        assert f'data-flux="service:{autre.id} service:{service.id}"' in page
        assert noms((await lire(journee, service, f"{LISTE}?service={autre.id}")).text) == ["AUTRE Justine"]

    async def test_an_entrusted_one_is_called_by_who_receives_it(self, journee: Journee) -> None:
        service, confiant = await service_ordinaire(journee), await service_ordinaire(journee)
        delegation = await entrust(journee, confiant, service)
        rdv = await book_for(journee, confiant, service, delegation, "11:00", "Confiee", outils=journee.outils)
        async with journee.outils.db.engine.begin() as conn:
            demain = (
                "UPDATE rendez_vous SET jour = jour + 1, debut = debut + interval '1 day', fin = fin + interval '1 day'"
            )
            await conn.execute(text(f"{demain} WHERE id = :r"), {"r": rdv})
        assert noms((await lire(journee, service, LISTE)).text) == ["CONFIEE Justine"]
        assert noms((await lire(journee, confiant, LISTE)).text) == []

    async def test_a_longer_list_says_how_long(self, journee: Journee) -> None:
        service = await service_ordinaire(journee, guichets=8, plages=((480, 1200),))
        for rang in range(LIGNES_MAX + 2):
            heure = f"{8 + rang // 24:02d}:{(rang // 8 % 3) * 20:02d}"
            await journee.book(service, heure, f"N{rang}", jour=DEMAIN, guichet=rang % 8)
        page = (await lire(journee, service, LISTE)).text
        assert len(noms(page)) == LIGNES_MAX
        assert (
            f"{LIGNES_MAX + 2} personnes à rappeler d’ici le jeu. 26 nov. : voici les {LIGNES_MAX} premières"
            in texte(page)
        )


class TestOrdre:
    """« Ordered by the motifs that the figures show to be most often settled by phone »."""

    async def test_the_motif_most_often_settled_comes_first_whatever_the_hour(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        await add_appels(journee, service, await book_past(journee, service, 0, "14:00"), 2, 20)
        await add_appels(journee, service, await book_past(journee, service, 1, "14:40"), 7, 10)
        await journee.book(service, "08:00", "Rarement", jour=DEMAIN, motif_id=service.motifs[0])
        await journee.book(service, "11:00", "Souvent", jour=DEMAIN, motif_id=service.motifs[1])
        page = (await lire(journee, service, LISTE)).text
        assert noms(page) == ["SOUVENT Justine", "RAREMENT Justine"]
        lu = texte(page)
        assert "réglé par téléphone 7 fois sur 10" in lu
        assert "réglé par téléphone 1 fois sur 10" in lu
        ancre = f"chiffre-{service.id}-{service.motifs[1]}"
        assert f'href="#{ancre}"' in page
        ligne = texte(page.partition(f'id="{ancre}"')[2].partition("</tr>")[0])
        assert ligne.endswith("7 10 ce service")

    async def test_few_calls_here_the_nation_speaks(self, journee: Journee) -> None:
        service, autre = await service_ordinaire(journee), await service_ordinaire(journee)
        ailleurs = await journee.book(autre, "14:00", "Ailleurs")
        await change_motif(journee, ailleurs, service.motifs[0])
        await add_appels(journee, autre, ailleurs, 12, 15)
        await journee.book(service, "08:40", "Rare", jour=DEMAIN)
        page = (await lire(journee, service, LISTE)).text
        lu = texte(page)
        assert "réglé par téléphone 8 fois sur 10" in lu
        assert "12 15 tous les services" in lu

    async def test_nothing_known_it_says_so(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        await journee.book(service, "08:40", "Neuf", jour=DEMAIN)
        assert "pas encore assez d’appels pour ce motif" in texte((await lire(journee, service, LISTE)).text)

    async def test_twelve_months_until_the_day_before_whatever_happens_today(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await book_past(journee, service, 0, "14:00")
        debut = datetime(2026, 11, 22, 10, tzinfo=UTC)  # the 23rd begins nowhere before
        for cree_a in (debut - timedelta(days=365, seconds=1), debut):
            await add_appels(journee, service, rdv, 5, 5, cree_a)
        for cree_a in (debut - timedelta(days=365), debut - timedelta(seconds=1)):
            await add_appels(journee, service, rdv, 1, 2, cree_a)
        cle = (service.id, service.motifs[0])
        async with journee.outils.db.read() as conn:
            compte = (await Chances().read(conn, [cle], JOUR))[cle].compte
        assert (compte.regles, compte.total) == (2, 4)

    async def test_the_figures_of_a_day_are_asked_once(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await book_past(journee, service, 0, "14:00")
        cle, connues = (service.id, service.motifs[0]), Chances()
        async with journee.outils.db.read() as conn:
            avant = (await connues.read(conn, [cle], JOUR))[cle].compte
        await add_appels(journee, service, rdv, 1, 1)
        async with journee.outils.db.read() as conn:
            assert (await connues.read(conn, [cle], JOUR))[cle].compte == avant
            assert (await connues.read(conn, [cle], JOUR + timedelta(days=1)))[cle].compte.total == avant.total + 1

    async def test_beyond_thousands_the_order_and_the_count_are_still_those_of_all(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        await add_appels(journee, service, await book_past(journee, service, 0, "14:00"), 2, 20)
        await add_appels(journee, service, await book_past(journee, service, 1, "14:40"), 9, 10)
        await fill(journee, service, 4200, service.motifs[0], DEMAIN)
        jeudi = JOUR + timedelta(days=3)
        await journee.book(service, "15:00", "Dernier", jour=jeudi, motif_id=service.motifs[1], guichet=1)
        async with en_process(journee, service) as (client, requetes):
            page = (await client.get(LISTE)).text
            lues = [r for r in requetes if "rdv_usager.nom_usage" in r]
            assert len(lues) == 1
            assert "LIMIT" in lues[0]
        assert noms(page)[0] == "DERNIER Justine"
        assert len(noms(page)) == LIGNES_MAX
        assert f"4201 personnes à rappeler d’ici le jeu. 26 nov. : voici les {LIGNES_MAX} premières" in texte(page)

    async def test_a_process_that_asks_later_reads_the_same_figures_whatever_became_of_the_rdv(
        self, journee: Journee
    ) -> None:
        service, autre = await service_ordinaire(journee), await service_ordinaire(journee)
        rdv = await book_past(journee, service, 0, "14:00")
        await add_appels(journee, service, rdv, 9, 12)
        await journee.book(service, "08:00", "Un", jour=DEMAIN, motif_id=service.motifs[0])
        await journee.book(service, "09:00", "Deux", jour=DEMAIN, motif_id=service.motifs[1])
        page = (await lire(journee, service, LISTE)).text
        await change_motif(journee, rdv, service.motifs[1])
        async with journee.outils.db.engine.begin() as conn:
            await conn.execute(text("UPDATE rendez_vous SET service_id = :s WHERE id = :r"), {"s": autre.id, "r": rdv})
        assert "réglé par téléphone 8 fois sur 10" in texte(page)
        async with en_process(journee, service) as (client, _):
            assert (await client.get(f"{LISTE}/fragment?jours=3")).text.strip() in page


class TestDroits:
    """The services of the zone, and nobody else's people; reads are journaled."""

    @pytest.mark.parametrize("qui", ["exterieur", "pilote", "national"])
    async def test_attached_to_nothing_there_is_nobody_to_call(self, journee: Journee, qui: str) -> None:
        service = await service_ordinaire(journee)
        await journee.book(service, "08:40", "Secret", jour=DEMAIN)
        page = await lire(journee, service, f"{LISTE}?service={service.id}", qui)
        assert page.status_code == 200
        assert "SECRET" not in page.text
        assert "Aucun service à appeler" in texte(page.text)
        assert (await lire(journee, service, f"{LISTE}/fragment", qui)).status_code == 404

    async def test_the_form_of_another_service_s_rdv_is_not_opened_beside(self, journee: Journee) -> None:
        service, autre = await service_ordinaire(journee), await service_ordinaire(journee)
        rdv = await journee.book(autre, "08:40", "Secret", jour=DEMAIN)
        assert (await lire(journee, service, f"{LISTE}?rdv={rdv}")).status_code == 404
        refus = "SELECT count(*) FROM journal WHERE action = 'rdv.acces_refuse' AND rdv_id = :r"
        assert await journee.scalar(refus, r=rdv) == 1

    async def test_the_reading_is_journaled_and_its_refreshes_are_not(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        await journee.book(service, "08:40", "Lue", jour=DEMAIN)
        await lire(journee, service, LISTE)
        await lire(journee, service, f"{LISTE}/fragment")
        lignes = "SELECT jsonb_agg(apres) FROM journal WHERE action = 'rappels.lus' AND service_id = :s"
        assert await journee.scalar(lignes, s=service.id) == [{"au": "2026-11-26", "moment": ""}]

    async def test_the_fragment_is_the_region_of_the_page(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "08:40", "O'Hara <b>", jour=DEMAIN)
        page = (await lire(journee, service, f"{LISTE}?jours=3&rdv={rdv}")).text
        fragment = (await lire(journee, service, f"{LISTE}/fragment?jours=3&rdv={rdv}")).text.strip()
        assert fragment in page
        assert "_csrf" not in fragment


class TestBox:
    """screens: « when nobody waits, the contre-appels to make »."""

    async def test_those_of_the_guichet_the_most_useful_first(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        for rang in range(6):
            await journee.book(service, f"{8 + rang // 3:02d}:{rang % 3 * 20:02d}", f"N{rang}", jour=DEMAIN)
        await journee.book(service, "08:00", "Ailleurs", jour=DEMAIN, guichet=1)
        chemin = f"/services/{service.id}/box?guichet={service.guichets[0]}"
        page = (await lire(journee, service, chemin, "box")).text
        assert re.findall(r'contre-appel"><a[^>]*>([^<]+)<', page) == [f"N{rang} Justine" for rang in range(5)]
        assert "Contre-appels à faire 6" in texte(page)
        assert f'href="{LISTE}?jours=3&amp;service={service.id}"' in page
        lues = "SELECT count(*) FROM journal WHERE action = 'rappels.lus' AND service_id = :s"
        assert await journee.scalar(lues, s=service.id) == 1

    async def test_none_to_make_none_is_shown(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        page = (await lire(journee, service, f"/services/{service.id}/box?guichet={service.guichets[0]}", "box")).text
        assert "Contre-appels à faire" not in page


@pytest.mark.e2e
class TestEnDirect:
    """Two agents and the public at once."""

    async def test_a_settled_call_leaves_the_colleague_s_list_and_frees_the_public_creneau(
        self, journee: Journee, browser: Browser
    ) -> None:
        service = await service_ordinaire(journee, guichets=1)
        jeudi = JOUR + timedelta(days=3)
        rdv = await journee.book(service, "09:20", "Reglee", jour=jeudi)
        await journee.book(service, "10:00", "Reste", jour=jeudi)
        public = await browser.new_context(locale="fr-FR")
        claire = await journee.context(browser, service.agents["agent"])
        paul = await journee.context(browser, service.agents["box"])
        try:
            grille = await public.new_page()
            choix = f"motif={service.motifs[0]}&type=guichet&nature=particulier&jour={jeudi}"
            await grille.goto(f"{journee.site.url}/rdv/{service.id}/creneau?{choix}")
            libres = grille.locator(".creneau:enabled")
            await expect(libres.filter(has_text="09:00")).to_have_count(1)
            await expect(libres.filter(has_text="09:20")).to_have_count(0)

            collegue = await journee.open(paul, LISTE)
            box = await journee.open(paul, f"/services/{service.id}/box?guichet={service.guichets[0]}")
            await expect(collegue.get_by_role("link", name="REGLEE Justine", exact=True)).to_be_visible()
            await expect(box.get_by_role("link", name="REGLEE Justine", exact=True)).to_be_visible()

            page = await journee.open(claire, LISTE)
            await page.get_by_role("link", name="Noter l’appel : REGLEE Justine").click()
            await expect(page.get_by_role("complementary", name="Contre-appel")).to_be_focused()
            assert await axe(page) == []
            assert not await page.get_by_text("Je confirme l’annulation").is_visible()
            await page.get_by_label("Réglé par téléphone").check(force=True)
            await page.get_by_label("Oui, l’usager ne viendra pas").check(force=True)
            await page.get_by_label("Je confirme l’annulation").check(force=True)
            await page.get_by_label("Commentaire").fill("Délai accordé au téléphone")
            await page.get_by_role("button", name="Enregistrer le contre-appel").click()
            await expect(page.get_by_role("status").filter(has_text="sa place est rendue")).to_be_focused()
            await expect(page.get_by_role("link", name="RESTE Justine", exact=True)).to_be_visible()

            await expect(collegue.get_by_role("link", name="REGLEE Justine", exact=True)).to_have_count(0, timeout=4000)
            await expect(collegue.locator(".rappels__total")).to_contain_text("1 personne à rappeler")
            await expect(box.get_by_role("link", name="REGLEE Justine", exact=True)).to_have_count(0, timeout=4000)
            await expect(libres.filter(has_text="09:20")).to_have_count(1, timeout=4000)
            assert await find_difference(collegue) == ""
            assert await find_difference(box) == ""
            assert await journee.scalar("SELECT etat FROM rendez_vous WHERE id = :r", r=rdv) == "annule"
        finally:
            for contexte in (public, claire, paul):
                await contexte.close()

    async def test_a_colleague_s_call_is_seen_before_calling_the_same_person(
        self, journee: Journee, browser: Browser
    ) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "09:20", "Disputee", jour=DEMAIN)
        claire = await journee.context(browser, service.agents["agent"])
        try:
            page = await journee.open(claire, f"{LISTE}?rdv={rdv}")
            await page.get_by_label("Commentaire").fill("Je compose le numéro")
            await call(journee, service, rdv, agent="box")
            dit = re.compile(r"appelé lundi 23 novembre à 10:\d\d par Box")
            await expect(page.locator(f"#rappel-{rdv}")).to_contain_text(dit, timeout=4000)
            await expect(page.locator("#noter")).to_contain_text(
                re.compile("Déjà appelé lundi 23 novembre à 10:"), timeout=4000
            )
            assert await page.get_by_label("Commentaire").input_value() == "Je compose le numéro"
            assert await find_difference(page) == ""
        finally:
            await claire.close()


def test_a_socket_can_follow_every_service_shown() -> None:
    assert SERVICES_MAX + 1 <= PAR_PAGE
