"""The PDF of a day, parsed back: who is received, where, when; rights, journal, hostile text."""

from __future__ import annotations

import io

import httpx
import pytest
from pypdf import PdfReader

from app.booking.agents.feuille import Feuille, LigneRdv, LotGuichet, render_pdf
from tests.accueil.monde import JOUR, Journee, personne
from tests.booking.agents.outillage import DEMAIN, NUMERO_FISCAL, close_guichet, service_ordinaire
from tests.fixtures.donnees import MondeService

HOSTILES = (
    "<b>Gras</b><img src=x>",
    "${7*7} {{7*7}} %s %(x)s",
    "=SOMME(A1)",
    "Nguyễn Łukasz Özdemir",
    "Ελένη Иванова",
    "Val\u202eenton\x00\x1b",
    "👩‍🚀 日本",
    "(\\)) Tj /F1 endstream",
    "Sans" * 60,
)


async def lire_pdf(
    journee: Journee, service: MondeService, suite: str = "", agent: str = "agent"
) -> tuple[httpx.Response, str]:
    """The answer, and the text of its pages."""
    async with journee.client(service.agents[agent]) as client:
        reponse = await client.get(f"/services/{service.id}/agenda/pdf{suite}")
    if reponse.status_code != 200:
        return reponse, ""
    return reponse, "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(reponse.content)).pages)


class TestFeuilleDuJour:
    """A4 landscape, guichet by guichet, in the service's own hours."""

    async def test_it_says_who_is_received_where_when_for_what_and_in_which_state(self, journee: Journee) -> None:
        service = await service_ordinaire(journee, guichets=2)
        await journee.book(service, "08:40", "Valenton", etat="arrive")
        await journee.book(service, "09:00", "Wayne", guichet=1, type_rdv="telephone")
        await journee.book(service, "09:20", "Ecarte", etat="annule")
        await journee.book(service, "08:00", "Demain", jour=DEMAIN)
        reponse, lu = await lire_pdf(journee, service, f"?jour={JOUR}")
        assert reponse.headers["content-type"] == "application/pdf"
        assert "Agenda du lundi 23 novembre 2026" in lu
        assert "SERVICE IMPOTS PARTICULIERS NEVERS" in lu
        premier, second = lu.split("Guichet 2")
        assert "Guichet 1 – 08:00–12:00, 14:00–16:00 – 1 rendez-vous" in premier
        assert "08:40–09:00\nVALENTON Justine\nDéclaration et calcul de l'impôt sur le revenu\nAu guichet" in premier
        assert "Arrivé, arrivée" in premier
        assert "09:00–09:20\nWAYNE Justine" in second
        assert "Par téléphone\nPrévu" in second
        assert "ECARTE" not in lu
        assert "DEMAIN" not in lu
        assert "Imprimé le lundi 23 novembre 2026 à 10:0" in lu
        assert "Page 1 sur 1" in lu

    async def test_plages_that_touch_are_printed_as_one(self, journee: Journee) -> None:
        service = await service_ordinaire(journee, guichets=1, plages=((480, 720), (720, 840)))
        _, lu = await lire_pdf(journee, service)
        assert "Guichet 1 – 08:00–14:00 – aucun rendez-vous" in lu

    async def test_it_is_a4_landscape_and_its_fonts_are_embedded(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        await journee.book(service, "08:40", "Nguyễn-Łukasz")
        reponse, lu = await lire_pdf(journee, service)
        page = PdfReader(io.BytesIO(reponse.content)).pages[0]
        assert (round(page.mediabox.width), round(page.mediabox.height)) == (842, 595)
        assert "NGUYỄN-ŁUKASZ" in lu
        polices = [p.get_object() for p in page["/Resources"]["/Font"].values()]  # type: ignore[index] # pypdf's objects
        utiles = [p for p in polices if "DejaVu" in p["/BaseFont"]]
        assert utiles
        assert all("/FontFile2" in p["/FontDescriptor"] for p in utiles)

    async def test_closed_guichets_say_why_and_only_those_asked_for_are_there(self, journee: Journee) -> None:
        service = await service_ordinaire(journee, guichets=3)
        await close_guichet(journee, service, 1)
        _, lu = await lire_pdf(journee, service, f"?guichet={service.guichets[0]}&guichet={service.guichets[1]}")
        assert "Guichet 2 – Guichet fermé – aucun rendez-vous" in lu
        assert "Guichet 3" not in lu
        _, noel = await lire_pdf(journee, service, "?jour=2026-12-25")
        assert "Jour férié : Noël" in noel

    async def test_hours_are_those_of_the_place(self, journee: Journee) -> None:
        service = await service_ordinaire(journee, fuseau="Indian/Reunion", departement="974")
        await journee.book(service, "14:20")
        _, lu = await lire_pdf(journee, service)
        assert "14:20–14:40" in lu
        assert "à 13:0" in lu, "printed at 10:05 in Paris"

    async def test_nobodys_name_is_in_its_name_nor_its_headers(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        await journee.book(service, "08:40", usager=personne("Secret", numero_fiscal=NUMERO_FISCAL))
        reponse, lu = await lire_pdf(journee, service)
        assert reponse.headers["content-disposition"] == f'attachment; filename="agenda-{JOUR}.pdf"'
        assert reponse.headers["cache-control"] == "no-store"
        assert NUMERO_FISCAL not in lu
        infos = PdfReader(io.BytesIO(reponse.content)).metadata
        assert infos is not None
        assert "SECRET" not in str(infos)


class TestDroits:
    """As the agenda itself; its printing leaves its own line."""

    @pytest.mark.parametrize("agent", ["exterieur", "pilote", "national"])
    async def test_whoever_is_not_attached_gets_a_404(self, journee: Journee, agent: str) -> None:
        service = await service_ordinaire(journee)
        reponse, _ = await lire_pdf(journee, service, agent=agent)
        assert reponse.status_code == 404

    async def test_its_printing_is_journaled_with_its_day(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        await lire_pdf(journee, service, f"?jour={DEMAIN}")
        lignes = await journee.scalar(
            "SELECT array_agg(apres->>'du') FROM journal WHERE action = 'agenda.imprime' AND service_id = :s"
            " AND agent_id = :a",
            s=service.id,
            a=service.agents["agent"],
        )
        assert lignes == [DEMAIN.isoformat()]

    @pytest.mark.parametrize("suite", ["?jour=demain", "?jour=2026-02-30", "?vue=x"])
    async def test_a_day_that_does_not_exist_is_refused_in_words(self, journee: Journee, suite: str) -> None:
        service = await service_ordinaire(journee)
        reponse, _ = await lire_pdf(journee, service, suite)
        assert reponse.status_code == 422

    async def test_another_services_guichet_is_a_404(self, journee: Journee) -> None:
        ici, ailleurs = await service_ordinaire(journee), await service_ordinaire(journee)
        reponse, _ = await lire_pdf(journee, ici, f"?guichet={ailleurs.guichets[0]}")
        assert reponse.status_code == 404


class TestTexteHostile:
    """Texts are drawn, never obeyed, whatever they hold."""

    def test_markup_stays_text_and_controls_leave(self) -> None:
        lignes = [LigneRdv("08:00–08:20", nom, nom, nom, nom) for nom in HOSTILES]
        lu = "\n".join(
            page.extract_text()
            for page in PdfReader(
                io.BytesIO(render_pdf(Feuille(HOSTILES[0], "lundi", "lundi", [LotGuichet("G", "", lignes)])))
            ).pages
        )
        assert "<b>Gras</b><img src=x>" in lu
        assert "${7*7} {{7*7}} %s %(x)s" in lu
        assert "Ελένη Иванова" in lu
        assert "\u202e" not in lu
        assert "\x00" not in lu
        assert "…" in lu

    def test_three_hundred_rdv_are_numbered_pages_and_a_guichet_cut_says_its_name_again(self) -> None:
        lots = [LotGuichet(f"Guichet {g}", "", [LigneRdv("08:00–08:20", "A", "B", "C", "D")] * 60) for g in range(1, 6)]
        pages = PdfReader(io.BytesIO(render_pdf(Feuille("S", "lundi", "lundi", lots)))).pages
        textes = [page.extract_text() for page in pages]
        assert sum(texte.count("08:00–08:20") for texte in textes) == 300
        for rang, texte in enumerate(textes, 1):
            assert f"Page {rang} sur {len(textes)}" in texte
            assert "Guichet " in texte
        assert any("(suite)" in texte for texte in textes)
