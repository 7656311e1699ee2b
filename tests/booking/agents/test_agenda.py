"""The service's agenda over HTTP: what it shows, to whom, at what cost [A1 §3.2; screens « Agenda du service »]."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from typing import Any, cast

import httpx
import pytest
from litestar import Litestar
from sqlalchemy import event

from app import clock
from app.booking.options import place_option
from app.main import create_web
from app.web.securite import SecuriteMiddleware
from tests.accueil.monde import JOUR, Journee, epoch_minute
from tests.booking.agents.outillage import (
    DEMAIN,
    add_fermeture,
    change,
    close_guichet,
    service_ordinaire,
    texte,
)
from tests.fixtures.donnees import MondeService

REGION = re.compile(r'<section id="agenda".*?</section>', re.S)


async def lire(journee: Journee, service: MondeService, suite: str = "", agent: str = "agent") -> httpx.Response:
    """The agenda's page, or what follows its address."""
    async with journee.client(service.agents[agent]) as client:
        return await client.get(f"/services/{service.id}/agenda{suite}")


def blocs(page: str) -> dict[int, str]:
    """State of each RDV drawn, by id."""
    return {int(n): etat for n, etat in re.findall(r'<div id="a-(\d+)" class="rdv[^>]* data-etat="(\w+)"', page)}


def places(page: str, *, hors: bool = False) -> list[str]:
    """Addresses of the free places shown: those of the plages, or those ``hors``."""
    trouvees = re.findall(r'<a class="(place[^"]*)"[^>]* href="([^"]+)"( hidden)?', page)
    return [
        url.replace("&amp;", "&")
        for classe, url, cachee in trouvees
        if not cachee and ("place--hors" in classe) is hors
    ]


@asynccontextmanager
async def en_process(journee: Journee, service: MondeService) -> AsyncIterator[tuple[httpx.AsyncClient, list[str]]]:
    """The same application in this process, with the list of the SQL statements that it sends."""
    web = create_web(journee.site.settings)
    assert isinstance(web, SecuriteMiddleware)
    assert isinstance(web.app, Litestar)
    requetes: list[str] = []
    async with web.app.lifespan():
        moteur = web.app.state.outils.db.engine.sync_engine
        event.listen(moteur, "before_cursor_execute", lambda *a: requetes.append(a[2]))
        jeton = await journee.sign_in(service.agents["agent"])
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(cast(Any, web)), base_url=journee.site.url, cookies={"accueil_session": jeton}
        ) as client:
            yield client, requetes


class TestJour:
    """A column per guichet, the grid's step, the day's RDV."""

    async def test_it_shows_the_days_rdv_by_guichet_with_names_and_motif(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        prevu = await journee.book(service, "11:00", "Valenton")
        arrive = await journee.book(service, "11:00", "Wayne", guichet=1, etat="arrive")
        await journee.book(service, "11:20", "Ecarte", etat="annule")
        await journee.book(service, "11:00", "Demain", jour=DEMAIN)
        page = (await lire(journee, service)).text
        assert blocs(page) == {prevu: "prevu", arrive: "arrive"}
        lu = texte(page)
        assert "Agenda – lundi 23 novembre 2026" in lu
        assert "VALENTON Justine" in lu
        assert "Déclaration et calcul de l'impôt sur le revenu" in lu
        assert "ECARTE" not in lu
        assert re.findall(r'<th scope="col" data-g="(\d+)"', page) == [str(g) for g in service.guichets]

    async def test_every_place_of_the_plages_is_a_link_to_the_form_but_those_taken(self, journee: Journee) -> None:
        service = await service_ordinaire(journee, guichets=1)
        await journee.book(service, "11:00")
        libres = places((await lire(journee, service)).text)
        base = f"/services/{service.id}/rendez-vous/nouveau?jour=2026-11-23&guichet={service.guichets[0]}&heure="
        heures = [f"{h:02d}:{m:02d}" for h in (8, 9, 10, 11, 14, 15) for m in (0, 20, 40)]
        assert libres == [base + heure for heure in heures if heure != "11:00"]

    async def test_a_hold_is_drawn_without_a_name(self, journee: Journee) -> None:
        service = await service_ordinaire(journee, guichets=1)
        jour = JOUR + timedelta(days=7)
        await place_option(
            journee.outils,
            service_id=service.id,
            motif_id=service.motifs[0],
            type_rdv="guichet",
            debut=epoch_minute("09:00", jour=jour),
            visite="v" * 43,
            maintenant=clock.now(),
        )
        page = (await lire(journee, service, f"?jour={jour}")).text
        assert list(blocs(page).values()) == ["option"]
        assert "Réservation en cours" in texte(page)

    async def test_arrivals_are_noted_today_only(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        await journee.book(service, "11:00")
        await journee.book(service, "11:00", jour=DEMAIN)
        assert "/arrivee" in (await lire(journee, service)).text
        assert "/arrivee" not in (await lire(journee, service, f"?jour={DEMAIN}")).text

    @pytest.mark.parametrize(("jour", "ouvert"), [("2026-11-20", False), ("2027-01-22", True), ("2027-01-25", False)])
    async def test_places_are_offered_from_today_to_the_sixtieth_day(
        self, journee: Journee, jour: str, ouvert: bool
    ) -> None:
        service = await service_ordinaire(journee)
        page = (await lire(journee, service, f"?jour={jour}")).text
        assert bool(places(page)) is ouvert
        assert ("data-nouveau" in page) is ouvert

    async def test_a_holiday_a_closure_and_a_closed_guichet_say_why(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        await add_fermeture(journee, service, date(2026, 11, 26), "Formation du service")
        await close_guichet(journee, service, 1)
        noel = texte((await lire(journee, service, "?jour=2026-12-25")).text)
        assert "Jour férié : Noël" in noel
        assert "Formation du service" in texte((await lire(journee, service, "?jour=2026-11-26")).text)
        page = (await lire(journee, service)).text
        assert "Guichet 2 Guichet fermé" in texte(page)
        assert not [url for url in places(page) if f"guichet={service.guichets[1]}&" in url]

    async def test_only_the_guichets_asked_for_are_shown(self, journee: Journee) -> None:
        service = await service_ordinaire(journee, guichets=3)
        page = (await lire(journee, service, f"?guichet={service.guichets[1]}")).text
        assert re.findall(r'<th scope="col" data-g="(\d+)"', page) == [str(service.guichets[1])]
        assert f'data-guichets="{service.guichets[1]}"' in page

    async def test_a_cancelled_rdv_outside_the_plages_does_not_shrink_the_hours(self, journee: Journee) -> None:
        """A live page takes the block away and keeps its rows: a fresh one must have the same."""
        service = await service_ordinaire(journee)
        tot = await journee.book(service, "06:40", acquittees=frozenset({"hors_plage"}))
        lignes = re.findall(r'<th scope="row"[^>]*>([\d:]+)', (await lire(journee, service)).text)
        await journee.lead(service, tot, "annule")
        apres = re.findall(r'<th scope="row"[^>]*>([\d:]+)', (await lire(journee, service)).text)
        assert lignes[0] == "06:00"
        assert apres == lignes

    async def test_hours_are_those_of_the_place(self, journee: Journee) -> None:
        service = await service_ordinaire(journee, fuseau="Indian/Reunion", departement="974")
        page = (await lire(journee, service)).text
        assert f'data-m="{epoch_minute("08:00", "Indian/Reunion")}"' in page
        assert "heure=08:00" in page

    async def test_a_hostile_name_stays_text(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        await journee.book(service, "11:00", "<img src=x onerror=alert(1)>")
        page = (await lire(journee, service)).text
        assert "<img src=x" not in page.lower()
        assert "&lt;img src=x" in page.lower()


class TestSemaine:
    """One guichet as a grid, several as counts."""

    async def test_merged_it_counts_places_taken_over_places_open(self, journee: Journee) -> None:
        service = await service_ordinaire(journee, guichets=2)
        await journee.book(service, "11:00", jour=DEMAIN)
        await journee.book(service, "11:00", guichet=1, jour=DEMAIN)
        await journee.book(service, "12:20", jour=DEMAIN, acquittees=frozenset({"hors_plage"}))
        page = (await lire(journee, service, "?vue=semaine")).text
        lu = texte(page)
        assert "semaine du 23 au 27 novembre 2026" in lu
        assert "2 rendez-vous sur / 2 complet" in lu
        assert lu.count("complet") == 1, "there was no place to fill outside the plages"
        assert 'data-sans="rdv.arrive ' in page
        assert "data-rdv=" not in page

    @pytest.mark.parametrize("suite", ["", "&guichet={g}"])
    async def test_its_title_says_the_days_that_it_shows(self, journee: Journee, suite: str) -> None:
        service = await service_ordinaire(journee, jours_semaine=(1, 2, 3, 4, 5, 7))
        suite = "?vue=semaine" + suite.format(g=service.guichets[0])
        for page in [(await lire(journee, service, suite)).text for _ in range(2)]:
            titre = re.search(r"<h1[^>]*>(.*?)</h1>", page, re.DOTALL)
            assert titre is not None
            assert texte(titre[1]) == "Agenda – semaine du 23 au 29 novembre 2026"

    async def test_merged_it_counts_apart_what_was_forced_outside_the_plages(self, journee: Journee) -> None:
        service = await service_ordinaire(journee, guichets=2)
        await close_guichet(journee, service, 1)
        hors = frozenset({"hors_plage"})
        for guichet in (0, 1):
            await change(journee, service, "UPDATE guichet SET ouvert = TRUE WHERE service_id = :s", s=service.id)
            await journee.book(service, "13:00", guichet=guichet, jour=DEMAIN, acquittees=hors)
        await journee.book(service, "11:40", guichet=1, jour=DEMAIN)
        await close_guichet(journee, service, 1)
        lu = texte((await lire(journee, service, "?vue=semaine")).text)
        assert "se lit 4 places prises sur 5." in " ".join(lu.split())
        assert "2 hors plage" in lu
        assert "0 rendez-vous sur / 1 + 1 hors plage" in lu, "the place of the open guichet is still free"
        assert "complet" not in lu

    async def test_of_one_guichet_it_is_a_grid_by_day(self, journee: Journee) -> None:
        service = await service_ordinaire(journee, guichets=2)
        pris = await journee.book(service, "11:00", jour=DEMAIN)
        ailleurs = await journee.book(service, "11:00", guichet=1, jour=DEMAIN)
        page = (await lire(journee, service, f"?vue=semaine&guichet={service.guichets[0]}")).text
        assert pris in blocs(page)
        assert ailleurs not in blocs(page)
        assert f"guichet={service.guichets[0]}&heure=08:00&jour=2026-11-24" in " ".join(places(page))
        assert re.findall(r'<th scope="col" data-g="(2026-11-\d\d)"', page) == [f"2026-11-{n}" for n in range(23, 28)]

    async def test_a_saturday_with_a_rdv_is_shown(self, journee: Journee) -> None:
        service = await service_ordinaire(journee, guichets=1)
        await journee.book(service, "10:00", jour=date(2026, 11, 28), acquittees=frozenset({"hors_plage"}))
        page = (await lire(journee, service, "?vue=semaine")).text
        assert 'data-g="2026-11-28"' in page
        assert 'data-g="2026-11-29"' not in page


class TestFragment:
    """The page includes what the update swaps, byte for byte."""

    @pytest.mark.parametrize("vue", ["", "?jour=2026-11-24&zoom=2", "?vue=semaine", "?jour=2026-12-25", "?vue=mois"])
    async def test_the_fragment_is_the_region_of_the_page(self, journee: Journee, vue: str) -> None:
        service = await service_ordinaire(journee)
        await journee.book(service, "11:00", "O'Hara & fils", jour=DEMAIN)
        page = (await lire(journee, service, vue)).text
        region = REGION.search(page)
        assert region is not None
        fragment = await lire(journee, service, f"/fragment{vue}")
        assert fragment.text.strip() == region.group()
        assert "_csrf" not in fragment.text
        adresse = re.search(r'<section id="agenda"[^>]* data-fragment="([^"]+)"', page)
        assert adresse is not None
        async with journee.client(service.agents["agent"]) as client:
            assert (await client.get(adresse[1].replace("&amp;", "&"))).text == fragment.text

    async def test_its_version_is_the_services_and_rises_with_each_change(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)

        async def version() -> int:
            trouvee = re.search(r'data-version="(\d+)"', (await lire(journee, service, "/fragment")).text)
            assert trouvee is not None
            return int(trouvee[1])

        avant = await version()
        rdv = await journee.book(service, "11:00")
        await journee.lead(service, rdv, "arrive")
        assert await version() == avant + 2
        assert await version() == await journee.scalar("SELECT version FROM agenda WHERE service_id = :s", s=service.id)


class TestCout:
    """At most six statements a page, whatever the number of RDV; the same fragment is rendered once."""

    async def test_a_day_page_costs_at_most_six_statements_however_full(self, journee: Journee) -> None:
        service = await service_ordinaire(journee, guichets=3)
        async with en_process(journee, service) as (client, requetes):
            for rang, heure in enumerate(("08:00", "08:20", "08:40", "09:00", "09:20", "09:40")):
                for guichet in range(3):
                    await journee.book(service, heure, f"Nom{rang}", guichet=guichet, jour=DEMAIN)
            requetes.clear()
            page = await client.get(f"/services/{service.id}/agenda?jour={DEMAIN}")
            assert page.status_code == 200
            assert len(blocs(page.text)) == 18
            assert 0 < len(requetes) <= 6, requetes
            requetes.clear()
            await client.get(f"/services/{service.id}/agenda?vue=semaine&jour={DEMAIN}")
            assert 0 < len(requetes) <= 6

    async def test_the_same_fragment_is_not_read_again_until_something_changes(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        await journee.book(service, "11:00")
        url = f"/services/{service.id}/agenda/fragment"
        async with en_process(journee, service) as (client, requetes):

            def lectures() -> int:
                nombre = sum("rdv_usager" in requete for requete in requetes)
                requetes.clear()
                return nombre

            premier = (await client.get(url)).text
            assert lectures() == 1
            assert (await client.get(url)).text == premier
            assert lectures() == 0
            await journee.book(service, "11:20")
            assert (await client.get(url)).text != premier
            assert lectures() == 1


class TestDroits:
    """« Voit l'agenda » is the attached agent's alone [A1, summary table]."""

    @pytest.mark.parametrize("agent", ["exterieur", "pilote", "national"])
    @pytest.mark.parametrize("suite", ["", "/fragment"])
    async def test_whoever_is_not_attached_gets_a_404_that_is_journaled(
        self, journee: Journee, agent: str, suite: str
    ) -> None:
        service = await service_ordinaire(journee)
        assert (await lire(journee, service, suite, agent)).status_code == 404
        refus = await journee.scalar(
            "SELECT count(*) FROM journal WHERE action = 'service.acces_refuse' AND agent_id = :a AND service_id = :s",
            a=service.agents[agent],
            s=service.id,
        )
        assert refus == 1

    async def test_another_services_agenda_and_an_unknown_one_are_the_same_404(self, journee: Journee) -> None:
        ici, ailleurs = await service_ordinaire(journee), await service_ordinaire(journee)
        async with journee.client(ici.agents["agent"]) as client:
            autre = await client.get(f"/services/{ailleurs.id}/agenda")
            rien = await client.get("/services/987654321/agenda")
            geant = await client.get(f"/services/{2**70}/agenda")
        assert autre.status_code == rien.status_code == geant.status_code == 404
        assert texte(autre.text) == texte(rien.text)

    async def test_a_right_withdrawn_closes_the_agenda_at_once(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        assert (await lire(journee, service)).status_code == 200
        async with journee.outils.db.engine.begin() as conn:
            await conn.exec_driver_sql(f"DELETE FROM rattachement WHERE agent_id = {service.agents['agent']}")
        assert (await lire(journee, service, "/fragment")).status_code == 404

    @pytest.mark.parametrize(
        "suite",
        [
            "?jour=demain",
            "?jour=2026-02-30",
            "?vue=annee",
            "?zoom=9",
            "?zoom=x",
        ],
    )
    async def test_a_view_that_does_not_exist_is_refused_in_words(self, journee: Journee, suite: str) -> None:
        service = await service_ordinaire(journee)
        reponse = await lire(journee, service, suite)
        assert reponse.status_code == 422
        assert "n’existe pas" in texte(reponse.text)

    @pytest.mark.parametrize(("jour", "mot"), [("1900-01-01", "ancienne"), ("9999-12-31", "lointaine")])
    async def test_a_date_too_far_away_is_said_so(self, journee: Journee, jour: str, mot: str) -> None:
        service = await service_ordinaire(journee)
        reponse = await lire(journee, service, f"?jour={jour}")
        assert reponse.status_code == 422
        assert f"Cette date est trop {mot}." in texte(reponse.text)

    async def test_another_services_guichet_is_a_404(self, journee: Journee) -> None:
        ici, ailleurs = await service_ordinaire(journee), await service_ordinaire(journee)
        assert (await lire(journee, ici, f"?guichet={ailleurs.guichets[0]}")).status_code == 404
        assert (await lire(journee, ici, "?guichet=1%20OR%201")).status_code == 404
