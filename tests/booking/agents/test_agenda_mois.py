"""The agenda's month over HTTP: what each day says, at what cost, to whom [A1 §3.2; screens « Agenda du service »]."""

from __future__ import annotations

import re
from datetime import date

import pytest
from sqlalchemy import insert

from app.booking.options import place_option
from app.tables import ExceptionPlanning
from tests.accueil.monde import JOUR, VEILLE, Journee, epoch_minute
from tests.booking.agents.outillage import DEMAIN, add_fermeture, change, service_ordinaire, texte
from tests.booking.agents.test_agenda import en_process, lire
from tests.fixtures.donnees import MondeService

MOIS = "?vue=mois&jour=2026-11-23"


async def lire_jour(journee: Journee, service: MondeService, jour: date, suite: str = "") -> str:
    """What the month says of a day."""
    page = (await lire(journee, service, f"?vue=mois&jour={jour}{suite}")).text
    case = re.search(rf'<td class="mois__jour[^>]*data-jour="{jour}">.*?</td>', page, re.S)
    assert case is not None
    return texte(case.group())


class TestMois:
    """A calendar: each day its RDV by state, its places, why it is closed, and a link to it."""

    async def test_a_day_counts_its_rdv_by_state(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        for heure, etat in (("08:00", "prevu"), ("08:20", "prevu"), ("08:40", "arrive"), ("09:00", "non_honore")):
            await journee.book(service, heure, etat=etat)
        await journee.book(service, "09:20", etat="annule")
        lu = await lire_jour(journee, service, JOUR)
        assert "4 rendez-vous 2 prévus 1 arrivé 1 pas venu" in lu
        assert "annulé" not in lu

    async def test_a_day_counts_places_taken_over_places_open(self, journee: Journee) -> None:
        service = await service_ordinaire(journee, guichets=2)
        await journee.book(service, "08:00", jour=DEMAIN)
        await journee.book(service, "12:20", jour=DEMAIN, acquittees=frozenset({"hors_plage"}))
        await journee.book(service, "14:00", guichet=1, jour=DEMAIN, duree=40, acquittees=frozenset({"duree_modifiee"}))
        lu = await lire_jour(journee, service, DEMAIN)
        assert "3 rendez-vous" in lu
        assert "3 / sur 36 places prises" in lu, "forty minutes are two places; outside the plages there is none"

    async def test_one_guichet_is_counted_alone(self, journee: Journee) -> None:
        service = await service_ordinaire(journee, guichets=2)
        await journee.book(service, "08:00", jour=DEMAIN)
        lu = await lire_jour(journee, service, DEMAIN, f"&guichet={service.guichets[1]}")
        assert "0 / sur 18 places prises" in lu
        assert "rendez-vous" not in lu

    async def test_a_hold_takes_a_place_and_is_no_rdv(self, journee: Journee) -> None:
        service = await service_ordinaire(journee, guichets=1)
        await place_option(
            journee.outils,
            service_id=service.id,
            motif_id=service.motifs[0],
            type_rdv="guichet",
            debut=epoch_minute("09:00", jour=date(2026, 11, 27)),
            visite="m" * 43,
            maintenant=VEILLE,
        )
        lu = await lire_jour(journee, service, date(2026, 11, 27))
        assert "1 réservation en cours" in lu
        assert "1 / sur 18" in lu

    async def test_closures_and_holidays_are_named(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        await add_fermeture(journee, service, date(2026, 11, 26), "Formation du service")
        assert "Formation du service" in await lire_jour(journee, service, date(2026, 11, 26))
        assert "Jour férié : Armistice" in await lire_jour(journee, service, date(2026, 11, 11))
        assert "Aucune plage ce jour" in await lire_jour(journee, service, date(2026, 11, 28))

    async def test_a_closure_of_some_hours_or_of_one_guichet_is_named_beside_the_places(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        async with journee.outils.db.engine.begin() as conn:
            await conn.execute(
                insert(ExceptionPlanning).values(
                    service_id=service.id,
                    guichet_id=service.guichets[1],
                    nature="fermeture",
                    du=DEMAIN,
                    au=DEMAIN,
                    debut_minute=840,
                    fin_minute=960,
                    libelle="Réunion <b>",
                    cree_a=VEILLE,
                )
            )
        await change(journee, service, "SELECT 1")
        lu = await lire_jour(journee, service, DEMAIN)
        assert "Fermeture 14:00–16:00, Guichet 2 : Réunion <b>" in lu
        assert "0 / sur 30" in lu

    async def test_each_day_of_the_month_and_no_other_is_a_link_to_it(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        page = (await lire(journee, service, MOIS)).text
        liens = re.findall(r'class="mois__lien" href="([^"]+)"', page)
        assert liens == [f"/services/{service.id}/agenda?jour=2026-11-{n:02d}" for n in range(1, 31)]
        assert page.count('class="mois__vide"') == 12, "six before the first, a Sunday, and six after the last"
        assert "Agenda – novembre 2026" in texte(page)

    @pytest.mark.parametrize(
        ("jour", "precedent", "suivant"),
        [("2026-12-31", "2026-11-30", "2027-01-31"), ("2027-01-31", "2026-12-31", "2027-02-28")],
    )
    async def test_months_follow_each_other_whatever_the_day(
        self, journee: Journee, jour: str, precedent: str, suivant: str
    ) -> None:
        service = await service_ordinaire(journee)
        page = (await lire(journee, service, f"?vue=mois&jour={jour}")).text.replace("&amp;", "&")
        assert f'href="/services/{service.id}/agenda?jour={precedent}&vue=mois" title="Mois précédent"' in page
        assert f'href="/services/{service.id}/agenda?jour={suivant}&vue=mois" title="Mois suivant"' in page

    async def test_other_views_open_on_today_from_its_month(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        page = (await lire(journee, service, "?vue=mois&jour=2026-11-02")).text
        assert f'href="/services/{service.id}/agenda?jour={JOUR}">Jour' in page


class TestCout:
    """One statement reads the month; nobody's name is in it."""

    async def test_a_month_costs_at_most_six_statements_and_reads_rdv_in_one(self, journee: Journee) -> None:
        service = await service_ordinaire(journee, guichets=3)
        for jour in (JOUR, DEMAIN):
            for guichet in range(3):
                await journee.book(service, "11:00", guichet=guichet, jour=jour)
        async with en_process(journee, service) as (client, requetes):
            page = await client.get(f"/services/{service.id}/agenda{MOIS}")
            assert page.status_code == 200
            assert sum("FROM (SELECT acces" in r and "rendez_vous" in r for r in requetes) == 1
            assert 0 < len(requetes) <= 6, requetes
        assert "MERVILLE" not in page.text

    @pytest.mark.parametrize("agent", ["exterieur", "pilote"])
    async def test_whoever_is_not_attached_gets_a_404(self, journee: Journee, agent: str) -> None:
        service = await service_ordinaire(journee)
        assert (await lire(journee, service, MOIS, agent)).status_code == 404
        assert (await lire(journee, service, f"/fragment{MOIS}", agent)).status_code == 404
