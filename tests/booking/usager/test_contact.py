"""« Contact » over HTTP: about what, three ways out, the place, the service (annexe 1 §2 and §3.3; G 2.3.1)."""

from __future__ import annotations

import asyncio
import html
import re
import threading
import time
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from app.booking.geocodeur import Geocodeur
from app.booking.usager.adresse import Lieu
from app.booking.usager.contact_lectures import find_communes
from app.embedded.postgres import Postgres
from app.embedded.redis import RedisServer
from app.embedded.smtp import Smtp
from tests.booking.usager.navigateur import caches
from tests.booking.usager.terrain_contact import (
    AMENDE,
    DGE,
    ETRANGER,
    IMPOT,
    INTEGRATEUR,
    SANS_SERVICE,
    Ban,
    Terrain,
    run_ban,
    run_terrain,
)


@pytest.fixture(scope="module")
def serveur_ban() -> Iterator[Ban]:
    with run_ban() as ouvert:
        yield ouvert


@pytest.fixture
def ban(serveur_ban: Ban) -> Ban:
    serveur_ban.repair()
    return serveur_ban


@pytest.fixture(scope="module")
async def terrain(
    postgres_server: Postgres,
    modele: str,
    redis_server: RedisServer,
    smtp_server: Smtp,
    tmp_path_factory: pytest.TempPathFactory,
    serveur_ban: Ban,
) -> AsyncIterator[Terrain]:
    var = tmp_path_factory.mktemp("contact")
    async with run_terrain(postgres_server, modele, redis_server, smtp_server, var, serveur_ban) as ouvert:
        yield ouvert


def cartes(texte: str) -> list[str]:
    """The names of the services shown."""
    return re.findall(r'class="carte-service__titre"><a href="/services/\d+">([^<]+)<', html.unescape(texte))


async def contact(terrain: Terrain, **choix: str) -> httpx.Response:
    async with terrain.client() as client:
        return await client.get("/contact", params=choix)


class TestLesQuestions:
    """Annexe 1 §2 : la cascade, sans script ; chaque choix est dans l'adresse."""

    async def test_one_question_then_the_next_as_links_of_the_same_form(self, terrain: Terrain) -> None:
        async with terrain.client() as client:
            page = (await client.get("/contact")).text
            assert page.count('<fieldset class="fr-fieldset') == 1
            assert 'name="demande" value="nature"' in page
            page = (await client.get("/contact?nature=particulier&s1=p-dossier&demande=s1")).text
            for mots in (
                "Votre demande concerne",
                "Au sujet de",
                "Le calcul de vos impôts",
                "Une copie d’avis d’impôt",
            ):
                assert mots in page
            assert "Plus précisément" not in page

    async def test_continuing_without_an_answer_says_which_is_missing(self, terrain: Terrain) -> None:
        page = await contact(terrain, demande="nature")
        assert page.text.count("Choisissez une réponse pour continuer.") == 2, "the summary, and the field"
        assert 'href="#champ-nature"' in page.text
        page = await contact(terrain, nature="particulier", demande="nature")
        assert "Choisissez une réponse pour continuer." not in page.text

    async def test_a_precise_subject_has_three_honest_ways_out(self, terrain: Terrain) -> None:
        page = (await contact(terrain, sujet=IMPOT)).text
        for mots in (
            "Lire les questions fréquentes",
            "Aller à la démarche en ligne",
            "Votre commune ou votre code postal",
        ):
            assert mots in page
        assert page.count('value="p-dossier-calcul-revenu" checked') == 1
        assert 'rel="noopener"' in page

    async def test_a_subject_that_no_service_receives_offers_none(self, terrain: Terrain) -> None:
        page = (await contact(terrain, sujet=SANS_SERVICE)).text
        assert "Lire les questions fréquentes" in page
        assert "Joindre le service compétent" not in page

    async def test_what_an_administrator_took_out_is_asked_no_more(self, terrain: Terrain) -> None:
        await terrain.sql("UPDATE sujet_contact SET actif = FALSE WHERE code = 'p-dossier-calcul'")
        try:
            page = (await contact(terrain, sujet=IMPOT)).text
            assert "Lire les questions" not in page, "what depends on it is out too"
            assert "Le calcul de vos impôts" not in (await contact(terrain, nature="particulier", s1="p-dossier")).text
        finally:
            await terrain.sql("UPDATE sujet_contact SET actif = TRUE WHERE code = 'p-dossier-calcul'")

    async def test_an_address_of_a_catalogue_that_is_no_link_is_not_made_one(self, terrain: Terrain) -> None:
        await terrain.sql("UPDATE sujet_contact SET faq_url = 'javascript:alert(1)' WHERE code = :c", c=IMPOT)
        try:
            assert "javascript:" not in (await contact(terrain, sujet=IMPOT)).text
        finally:
            await terrain.sql("UPDATE sujet_contact SET faq_url = 'https://faq.test' WHERE code = :c", c=IMPOT)


class TestLaCommune:
    """G 2.3.1 : la commune mène au service compétent, où qu'il soit."""

    async def test_the_only_commune_of_that_name_leads_to_its_service(self, terrain: Terrain) -> None:
        page = (await contact(terrain, sujet=IMPOT, lieu="varennes vauzelles")).text
        assert cartes(page) == ["SIP NEVERS NORD"]
        assert "Votre service" in page
        assert "Modifier ma demande" in page

    async def test_several_communes_are_links_that_keep_the_answers(self, terrain: Terrain) -> None:
        page = html.unescape((await contact(terrain, sujet=IMPOT, lieu="58000")).text)
        assert "De quelle commune s’agit-il" in page
        liens = re.findall(r'<a href="(/contact\?[^"]+insee=\d+)">([^<]+)', page)
        assert [nom for _, nom in liens] == ["Nevers", "Challuy"], "the largest first"
        async with terrain.client() as client:
            assert cartes((await client.get(liens[0][0])).text) == ["SIP NEVERS NORD", "SIP NEVERS SUD"]

    async def test_the_exact_name_is_not_confused_with_those_that_begin_so(self, terrain: Terrain) -> None:
        assert cartes((await contact(terrain, sujet=IMPOT, lieu="Nevers")).text) == [
            "SIP NEVERS NORD",
            "SIP NEVERS SUD",
        ]

    async def test_a_piece_of_a_name_and_both_spellings_of_a_ligature_are_enough(self, terrain: Terrain) -> None:
        assert cartes((await contact(terrain, sujet=IMPOT, lieu="chinon")).text) == ["SIP DU MORVAN"]
        for saisie in ("oeuilly", "Œuilly"):
            assert "Œuilly-sur-Loire" in (await contact(terrain, sujet=IMPOT, lieu=saisie)).text

    async def test_where_the_directory_is_silent_the_nearest_are_told_as_such(self, terrain: Terrain) -> None:
        page = (await contact(terrain, sujet=IMPOT, insee="58051")).text
        assert "L’annuaire ne dit pas quel service suit votre commune" in page
        assert "SIP NEVERS NORD" in cartes(page)
        assert "TRESORERIE AMENDES NEVERS" not in cartes(page)

    async def test_nothing_typed_and_nothing_found_are_told(self, terrain: Terrain) -> None:
        vide = await contact(terrain, sujet=IMPOT, lieu="")
        assert vide.status_code == 422
        assert "Indiquez votre commune ou votre code postal." in vide.text
        assert "Aucune commune ne correspond" in (await contact(terrain, sujet=IMPOT, lieu="zzzz")).text

    async def test_the_button_begins_the_journey_with_the_motif_of_the_subject(self, terrain: Terrain) -> None:
        page = html.unescape((await contact(terrain, sujet=IMPOT, lieu="varennes")).text)
        ((motif,),) = await terrain.sql("SELECT id FROM motif WHERE code = 'SIP-01'")
        assert f'/rdv/{terrain.services["nord"].id}/motif?nature=particulier&motif={motif}"' in page

    async def test_the_button_is_there_only_when_the_internet_is_received(self, terrain: Terrain) -> None:
        nord = terrain.services["nord"].id
        await terrain.sql("UPDATE guichet SET canaux = '{rattache}' WHERE service_id = :s", s=nord)
        try:
            page = (await contact(terrain, sujet=IMPOT, lieu="varennes")).text
            assert f"/rdv/{nord}/motif" not in page
            assert "ne prend pas de rendez-vous en ligne" in page
        finally:
            await terrain.sql("UPDATE guichet SET canaux = NULL WHERE service_id = :s", s=nord)

    async def test_suggestions_are_communes_and_nothing_else(self, terrain: Terrain) -> None:
        async with terrain.client() as client:
            reponse = await client.get("/contact/communes", params={"q": "nev"})
            assert [c["nom"] for c in reponse.json()["communes"]] == ["Nevers", "Nevertz"]
            assert reponse.json()["communes"][0] == {
                "insee": "58194",
                "nom": "Nevers",
                "detail": "58000 – Nièvre",
            }
            for saisie in ("", "n", "%", "_", "\x00", "é" * 500, "'"):
                reponse = await client.get("/contact/communes", params={"q": saisie})
                assert (reponse.status_code, reponse.json()) == (200, {"communes": []}), saisie


class TestLesAutresVoies:
    """Annexe 1 §3.3 : DRESG, DGE, et les trésoreries spécialisées par leur seul code."""

    @pytest.mark.parametrize(("sujet", "service"), [(ETRANGER, "RESIDENTS A L ETRANGER"), (DGE, "GRANDES ENTREPRISES")])
    async def test_a_national_directorate_is_there_at_once(self, terrain: Terrain, sujet: str, service: str) -> None:
        page = (await contact(terrain, sujet=sujet)).text
        assert cartes(page) == [service]
        assert "Votre commune" not in page

    async def test_a_fine_asks_for_the_code_of_the_notice(self, terrain: Terrain) -> None:
        assert "inscrit sur votre avis" in (await contact(terrain, sujet=AMENDE)).text
        for code in ("058019", "5800003", " 58 00 003 "):
            page = (await contact(terrain, sujet=AMENDE, code=code)).text
            assert cartes(page) == ["TRESORERIE AMENDES NEVERS"], code

    @pytest.mark.parametrize("code", ["", "12", "abcdef", "٠٥٨٠١٩", "5800003 OR 1=1"])
    async def test_what_is_no_code_is_told_and_kept(self, terrain: Terrain, code: str) -> None:
        reponse = await contact(terrain, sujet=AMENDE, code=code)
        assert reponse.status_code == 422
        assert 'href="#champ-code"' in reponse.text
        assert f'value="{html.escape(code)}"' in reponse.text

    async def test_an_unknown_code_finds_nothing(self, terrain: Terrain) -> None:
        reponse = await contact(terrain, sujet=AMENDE, code="0000000")
        assert reponse.status_code == 200
        assert "Aucun service ne porte ce code" in reponse.text

    async def test_no_address_ever_finds_a_specialised_tresorerie(self, terrain: Terrain) -> None:
        nevers, amendes = "58194", terrain.services["amendes"].id
        await terrain.sql("INSERT INTO competence (code_insee, service_id) VALUES (:i, :s)", i=nevers, s=amendes)
        await terrain.sql(
            "UPDATE sujet_contact SET voie = 'adresse' WHERE code = :c",
            c=AMENDE,
        )
        try:
            assert cartes((await contact(terrain, sujet=AMENDE, insee=nevers)).text) == []
        finally:
            await terrain.sql("UPDATE sujet_contact SET voie = 'code' WHERE code = :c", c=AMENDE)
            await terrain.sql("DELETE FROM competence WHERE service_id = :s", s=amendes)


async def par_rue(terrain: Terrain, rue: str, **plus: str) -> httpx.Response:
    """Type a street on the page of Nevers, that two services share."""
    async with terrain.client() as client:
        page = await client.get("/contact", params={"sujet": IMPOT, "insee": "58194"})
        assert "Votre rue, pour savoir lequel est le vôtre" in page.text
        return await client.post("/contact/rue", data={**caches(page.text), "rue": rue, **plus})


class TestLaRue:
    """G 2.3.1 : les services candidats sont listés ; la rue dit lequel est le bon."""

    async def test_the_street_designates_the_service(self, terrain: Terrain, ban: Ban) -> None:
        page = await par_rue(terrain, "19 rue Camille Baynac")
        assert (page.status_code, cartes(page.text)) == (200, ["SIP NEVERS NORD"])
        assert cartes((await par_rue(terrain, "3 rue du Moulin")).text) == ["SIP NEVERS SUD"], "the rest of the commune"

    async def test_each_candidate_tells_its_streets(self, terrain: Terrain) -> None:
        page = (await contact(terrain, sujet=IMPOT, insee="58194")).text
        assert "rue Camille Baynac, quai de Loire" in page

    async def test_the_address_base_names_what_was_mistyped(self, terrain: Terrain, ban: Ban) -> None:
        ban.voie = "Rue Camille Baynac"
        assert cartes((await par_rue(terrain, "19 r C. Bainac")).text) == ["SIP NEVERS NORD"]
        assert ban.questions == [
            {"q": ["19 r C. Bainac"], "citycode": ["58194"], "limit": ["1"], "autocomplete": ["0"]}
        ]

    async def test_the_street_is_in_no_address_nor_log(self, terrain: Terrain, ban: Ban) -> None:
        page = await par_rue(terrain, "7 impasse Secretissime")
        assert "Secretissime" not in str(page.url)
        assert '<meta name="adresse" content="/contact?' in page.text, "where going back leads"
        assert "Secretissime" not in page.text.partition('name="adresse"')[2].partition(">")[0]
        ban.statut = 500
        await par_rue(terrain, "8 impasse Secretissime")
        assert "Secretissime" not in terrain.site.journal.read_text()

    async def test_without_a_csrf_token_it_is_refused(self, terrain: Terrain) -> None:
        assert (await par_rue(terrain, "rue A", _csrf="0" * 56)).status_code == 403

    async def test_reading_the_address_of_the_form_changes_and_shows_nothing(self, terrain: Terrain) -> None:
        async with terrain.client() as client:
            assert (await client.get("/contact/rue?rue=A")).status_code in (404, 405)


class TestLaBaseAdresse:
    """Optional: when it fails, the page is the one without it."""

    async def test_a_base_that_does_not_answer_costs_two_seconds_once(self, terrain: Terrain, ban: Ban) -> None:
        ban.attente = threading.Event()
        base = Geocodeur(ban.url)
        try:
            depart = time.monotonic()
            assert await base.find_voie("rue A", "58194") == ""
            assert 1.5 < time.monotonic() - depart < 3.5
            depart = time.monotonic()
            assert await base.find_voie("rue A", "58194") == ""
            assert time.monotonic() - depart < 0.2, "nobody else waits for nothing"
            assert len(ban.questions) == 1
        finally:
            await base.aclose()

    @pytest.mark.parametrize(
        "corps",
        [
            b"<html>",
            b"[]",
            b"{}",
            b'{"features": "x"}',
            b'{"features": [{"properties": {"street": ["x"], "score": 1, "citycode": "58194"}}]}',
            b'{"features": [{"properties": {"street": "Rue B", "score": 0.1, "citycode": "58194"}}]}',
            b'{"features": [{"properties": {"street": "Rue B", "score": 1, "citycode": "75056"}}]}',
            b'{"features": [3]}',
            b"x" * 100_000,
        ],
        ids=["html", "list", "empty", "no-list", "no-text", "doubtful", "elsewhere", "no-object", "huge"],
    )
    async def test_an_answer_that_is_none_says_nothing(self, ban: Ban, corps: bytes) -> None:
        ban.corps = corps
        base = Geocodeur(ban.url)
        try:
            assert await base.find_voie("rue A", "58194") == ""
        finally:
            await base.aclose()

    async def test_a_base_that_is_closed_is_as_none(self) -> None:
        base = Geocodeur("http://127.0.0.1:9")
        try:
            assert await asyncio.wait_for(base.find_voie("rue A", "58194"), 4) == ""
        finally:
            await base.aclose()


class TestEnAnglais:
    """The usager's journey also in English (design « Names »)."""

    async def test_questions_and_answers_are_in_the_readers_language(self, terrain: Terrain) -> None:
        async with terrain.client(**{"Accept-Language": "en-GB,en;q=0.9"}) as client:
            page = html.unescape((await client.get("/contact", params={"sujet": IMPOT})).text)
            assert '<html lang="en"' in page
            for mots in (
                "Your request is about:",
                "How your taxes are calculated",
                "Read the frequently asked questions",
            ):
                assert mots in page
            page = html.unescape((await client.get(f"/rdv/{terrain.services['nord'].id}/motif")).text)
            assert '<html lang="en"' in page

    async def test_the_motifs_of_the_catalogue_are_too(self, terrain: Terrain) -> None:
        nord = terrain.services["nord"].id
        await terrain.sql(
            "INSERT INTO motif_service (service_id, motif_id, ouvert) SELECT :s, id, TRUE FROM motif"
            " WHERE code IN ('SIP-01', 'M01') ON CONFLICT DO NOTHING",
            s=nord,
        )
        await terrain.sql("UPDATE agenda SET version_planning = version_planning + 1 WHERE service_id = :s", s=nord)
        ((groupe, motif),) = await terrain.sql(
            "SELECT parent_id, id FROM motif WHERE code = 'M01'",
        )
        async with terrain.client(**{"Accept-Language": "en"}) as client:
            page = await client.get(f"/rdv/{nord}/motif?nature=particulier&m1={groupe}&m2={motif}")
        texte = html.unescape(page.text)
        assert "Filing and calculation of income tax" in texte
        assert "Proof of income: payslips of the last 3 months" in texte
        assert "Problème de paiement d'un impôt" in texte, "what has no English is in French"


class TestPartager:
    """« A link to a service can be shared and embedded »."""

    async def test_the_card_has_a_map_and_a_page_to_share(self, terrain: Terrain) -> None:
        nord = terrain.services["nord"].id
        async with terrain.client() as client:
            page = html.unescape((await client.get(f"/services/{nord}")).text)
            assert "https://www.openstreetmap.org/search?query=19+rue+Camille+Baynac%2C+NEVERS" in page
            partage = html.unescape((await client.get(f"/services/{nord}/integrer")).text)
        assert f'<a href="{terrain.site.url}/services/{nord}">' in partage
        assert f'<iframe src="{terrain.site.url}/services/{nord}/encart"' in partage

    async def test_only_the_sites_that_are_named_may_frame_the_button_and_nothing_else(self, terrain: Terrain) -> None:
        nord = terrain.services["nord"].id
        async with terrain.client() as client:
            encart = await client.get(f"/services/{nord}/encart")
            assert encart.status_code == 200
            politique = encart.headers["content-security-policy"]
            assert politique.endswith(f"frame-ancestors {INTEGRATEUR}")
            assert "default-src 'none'" in politique
            assert "x-frame-options" not in encart.headers
            assert "set-cookie" not in encart.headers
            assert "<script" not in encart.text
            assert "<form" not in encart.text
            for adresse in (f"/services/{nord}", f"/services/{nord}/encart/", "/contact", f"/rdv/{nord}/motif"):
                autre = await client.get(adresse)
                assert "frame-ancestors 'none'" in autre.headers["content-security-policy"], adresse
                assert autre.headers["x-frame-options"] == "DENY"

    async def test_an_unknown_service_is_a_404_whatever_is_asked_of_it(self, terrain: Terrain) -> None:
        async with terrain.client() as client:
            for ident in ("0", "999999", "9" * 30):
                for suite in ("", "/integrer", "/encart"):
                    assert (await client.get(f"/services/{ident}{suite}")).status_code == 404

    async def test_a_hostile_label_is_shown_as_text(self, terrain: Terrain) -> None:
        sud = terrain.services["sud"].id
        await terrain.sql("UPDATE service_fiscal SET libelle = '<script>alert(1)</script>' WHERE id = :s", s=sud)
        try:
            async with terrain.client() as client:
                for suite in ("", "/integrer", "/encart"):
                    assert "<script>alert" not in (await client.get(f"/services/{sud}{suite}")).text
        finally:
            await terrain.sql("UPDATE service_fiscal SET libelle = 'SIP NEVERS SUD' WHERE id = :s", s=sud)


class TestSaisiesHostiles:
    """promises « Bad inputs »."""

    @pytest.mark.parametrize(
        "valeur", ["\x00", "\u202e", "<script>alert(1)</script>", "'; DROP TABLE", "x" * 5000, "%"]
    )
    async def test_no_parameter_breaks_the_page(self, terrain: Terrain, valeur: str) -> None:
        for nom in ("nature", "s1", "s2", "s3", "sujet", "demande", "lieu", "insee", "code"):
            for depart in ({}, {"sujet": IMPOT}, {"sujet": AMENDE}):
                reponse = await contact(terrain, **{**depart, nom: valeur})
                assert reponse.status_code in (200, 422), (nom, reponse.status_code)
                assert "<script>alert" not in reponse.text

    async def test_reading_changes_nothing(self, terrain: Terrain) -> None:
        async def count() -> list[object]:
            return await terrain.sql("SELECT (SELECT count(*) FROM journal), (SELECT count(*) FROM outbox)")

        avant = await count()
        async with terrain.client() as client:
            for adresse in ("/contact", f"/contact?sujet={IMPOT}&lieu=nevers", "/contact/communes?q=nev"):
                for methode in ("GET", "HEAD"):
                    assert (await client.request(methode, adresse)).status_code == 200
        assert await count() == avant


class TestArrondissements:
    """« competent service »: who gives the postal code of an arrondissement is not asked which city he means."""

    async def test_the_postal_code_of_an_arrondissement_is_not_also_the_whole_city(self, terrain: Terrain) -> None:
        await terrain.sql("INSERT INTO departement (code, nom) VALUES ('75', 'Paris') ON CONFLICT DO NOTHING")
        for insee, nom in (("75056", "PARIS"), ("75109", "PARIS 9E ARRONDISSEMENT")):
            await terrain.sql(
                "INSERT INTO commune (code_insee, nom, nom_recherche, departement, codes_postaux)"
                " VALUES (:i, :n, :n, '75', ARRAY['75009']) ON CONFLICT DO NOTHING",
                i=insee,
                n=nom,
            )
        async with terrain.outils.db.read() as conn:
            par_code = await find_communes(conn, Lieu("75009"), limite=8)
            par_nom = await find_communes(conn, Lieu(nom="PARIS"), limite=8)
        assert [ligne["code_insee"] for ligne in par_code] == ["75109"]
        assert "75056" in {ligne["code_insee"] for ligne in par_nom}
