"""What becomes of the place in an open form, over HTTP: free, outside the plages, taken, closed; the panel's form."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.accueil.monde import Journee, epoch_minute
from tests.booking.agents.outillage import (
    DEMAIN,
    add_fermeture,
    change,
    close_guichet,
    count_rdv,
    formulaire,
    post_rdv,
    service_ordinaire,
    texte,
)
from tests.fixtures.donnees import MondeService


async def place(journee: Journee, service: MondeService, *, agent: str = "agent", **champs: Any) -> str:
    """The region for a place; tomorrow 08:40 on the first guichet but for ``champs``."""
    parametres = {"jour": str(DEMAIN), "guichet": str(service.guichets[0]), "heure": "08:40", **champs}
    async with journee.client(service.agents[agent]) as client:
        reponse = await client.get(f"/services/{service.id}/rendez-vous/place/fragment", params=parametres)
    assert reponse.status_code == 200, reponse.text
    return reponse.text


def etat(region: str) -> str:
    """free, hors, prise, fermee, aucune."""
    trouve = re.search(r'data-place="(\w+)"', region)
    assert trouve is not None
    return trouve[1]


def dit(region: str) -> str:
    """What it says at once: without what the page's clock will show."""
    return texte(re.sub(r"<div [^>]*data-place-passee.*?</div>", "", region, flags=re.DOTALL))


def libres(region: str) -> list[str]:
    """The places offered instead."""
    return [" ".join(t.split()) for t in re.findall(r"data-jusqua=\"\d+\">([^<]+)<", region)]


class TestPlace:
    """A function of the place and of the agenda."""

    async def test_a_free_place_says_nothing(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        region = await place(journee, service)
        assert etat(region) == "libre"
        assert dit(region) == ""

    async def test_outside_the_plages_a_confirmation_is_announced(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        region = await place(journee, service, heure="12:20")
        assert etat(region) == "hors"
        assert "une confirmation vous sera demandée" in texte(region)

    async def test_a_taken_place_says_so_without_a_name_and_offers_the_nearest(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        await journee.book(service, "08:40", "Valenton", jour=DEMAIN)
        region = await place(journee, service)
        assert etat(region) == "prise"
        assert "Ce créneau vient d’être pris" in texte(region)
        assert "valenton" not in region.lower()
        assert libres(region)[:3] == ["08:40, Guichet 2", "08:20, Guichet 1", "09:00, Guichet 1"]

    async def test_it_is_taken_for_as_long_as_the_motif_lasts_or_the_end_says(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        await journee.book(service, "09:00", jour=DEMAIN)
        assert etat(await place(journee, service)) == "libre"
        assert etat(await place(journee, service, fin="09:20")) == "prise"
        assert etat(await place(journee, service, heure="08:50")) == "prise"

    async def test_what_is_offered_takes_the_motif_and_the_type_of_the_form(self, journee: Journee) -> None:
        service = await service_ordinaire(journee, guichets=3)
        await journee.book(service, "08:40", jour=DEMAIN)
        await change(journee, service, "UPDATE guichet SET motifs = '{}' WHERE id = :g", g=service.guichets[1])
        await change(journee, service, "UPDATE guichet SET types = '{telephone}' WHERE id = :g", g=service.guichets[2])
        demande = {"motif": str(service.motifs[0]), "type": "guichet"}
        assert {ou for ou in libres(await place(journee, service)) if "Guichet 1" not in ou}
        assert all("Guichet 1" in ou for ou in libres(await place(journee, service, **demande)))

    async def test_the_guichet_of_the_form_has_its_share_of_what_is_offered(self, journee: Journee) -> None:
        service = await service_ordinaire(journee, guichets=8)
        await journee.book(service, "08:40", jour=DEMAIN)
        offertes = libres(await place(journee, service))
        assert len(offertes) == 6
        assert sum("Guichet 1" in ou for ou in offertes) == 3

    async def test_what_is_offered_is_as_long_as_the_form_says(self, journee: Journee) -> None:
        service = await service_ordinaire(journee, guichets=1)
        await journee.book(service, "08:40", jour=DEMAIN)
        await journee.book(service, "09:20", jour=DEMAIN)
        assert "09:00, Guichet 1" in libres(await place(journee, service))
        assert "09:00, Guichet 1" not in libres(await place(journee, service, fin="09:20"))

    async def test_an_hour_that_passes_is_said_by_the_pages_clock(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        region = await place(journee, service)
        assert f'data-des="{epoch_minute("08:40", jour=DEMAIN)}" hidden>' in region
        assert "data-place-passee" not in await place(journee, service, heure="")

    async def test_the_number_of_a_guichet_stays_with_its_word(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        await change(journee, service, "UPDATE guichet SET nom = 'Guichet n° 7' WHERE id = :g", g=service.guichets[1])
        await journee.book(service, "08:40", jour=DEMAIN)
        assert "Guichet n°\N{NO-BREAK SPACE}7" in await place(journee, service)

    async def test_what_is_free_again_is_free(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "08:40", jour=DEMAIN)
        await journee.lead(service, rdv, "annule")
        assert etat(await place(journee, service)) in {"libre"}

    async def test_a_full_day_says_to_change_date(self, journee: Journee) -> None:
        service = await service_ordinaire(journee, guichets=1, plages=((520, 540),))
        await journee.book(service, "08:40", jour=DEMAIN)
        assert "choisissez une autre date" in texte(await place(journee, service))

    async def test_a_closed_guichet_and_a_closed_day_say_so(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        await close_guichet(journee, service, 1)
        ferme = await place(journee, service, guichet=service.guichets[1])
        assert "guichet fermé. Aucun rendez-vous ne peut y être pris" in texte(ferme)
        await add_fermeture(journee, service, DEMAIN, "Formation")
        assert "formation. Aucun" in texte(await place(journee, service))

    async def test_a_holiday_keeps_its_capital(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        region = await place(journee, service, jour="2026-12-25")
        assert "jour férié : Noël. Aucun rendez-vous" in texte(region)

    @pytest.mark.parametrize(
        "champs",
        [
            {"heure": ""},
            {"heure": "25:00"},
            {"jour": "hier"},
            {"jour": ""},
            {"guichet": "999999"},
            {"guichet": "1e3"},
            {"guichet": ""},
            {"heure": "<script>", "motif": "-1", "fin": "%00"},
        ],
    )
    async def test_what_is_no_place_yet_is_no_error(self, journee: Journee, champs: dict[str, str]) -> None:
        service = await service_ordinaire(journee)
        region = await place(journee, service, **champs)
        assert etat(region) == "aucune"
        assert "<script>" not in region

    async def test_a_free_place_only_hears_of_itself(self, journee: Journee) -> None:
        """Its bounds and its guichet are on the region: other bookings cost it nothing."""
        service = await service_ordinaire(journee)
        region = await place(journee, service)
        assert f'data-guichets="{service.guichets[0]}"' in region
        assert 'data-du="' in region

    @pytest.mark.parametrize("agent", ["exterieur", "pilote"])
    async def test_whoever_is_not_attached_gets_a_404(self, journee: Journee, agent: str) -> None:
        service = await service_ordinaire(journee)
        async with journee.client(service.agents[agent]) as client:
            assert (await client.get(f"/services/{service.id}/rendez-vous/place/fragment")).status_code == 404


class TestPanneau:
    """The same form without its page, for the panel beside the agenda."""

    async def test_the_form_alone_is_the_form_of_the_page(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        url = f"/services/{service.id}/rendez-vous/nouveau?jour={DEMAIN}&guichet={service.guichets[0]}&heure=08:40"
        async with journee.client(service.agents["agent"]) as client:
            page = (await client.get(url)).text
            seul = (await client.get(url, headers={"X-Fragment": "1"})).text

        def noms(html: str) -> list[str]:
            return re.findall(r'name="(\w+)"', html[html.index("data-prise") :])

        assert "<html" not in seul
        assert [n for n in noms(page) if n != "_csrf"] == [n for n in noms(seul) if n != "_csrf"]
        assert 'data-place="libre"' in seul
        assert 'data-place="libre"' in page

    async def test_a_refusal_keeps_what_was_typed(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        reponse = await post_rdv(journee, service, formulaire(service, motif=""), **{"X-Fragment": "1"})
        assert reponse.status_code == 422
        assert "<html" not in reponse.text
        assert 'value="Valenton"' in reponse.text

    async def test_a_booking_says_its_code(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        reponse = await post_rdv(journee, service, formulaire(service), **{"X-Fragment": "1"})
        assert reponse.status_code == 200
        code = await journee.scalar("SELECT code FROM rendez_vous WHERE service_id = :s", s=service.id)
        assert f"Rendez-vous enregistré : code {code}" in texte(reponse.text)
        assert "mardi 24 novembre 2026 à 08:40, Guichet 1" in texte(reponse.text)
        assert await count_rdv(journee, service) == 1
