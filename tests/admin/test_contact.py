"""Subjects of contact: the national tree of questions, kept by the administrators of the nation (A1 §2, G 2.3.2)."""

from __future__ import annotations

import re
from html import unescape

import pytest
from httpx import AsyncClient

from tests.accueil.monde import Journee
from tests.admin.conftest import Ouvrir
from tests.admin.formulaires import submit

SUJETS = "/administration/contact"


async def cree(client: AsyncClient, **plus: str | list[str]) -> int:
    """A subject added; its id."""
    valeurs: dict[str, str | list[str]] = {
        "nature": "particulier",
        "libelle": "Une question sur ma barque",
        "libelle_en": "A question about my boat",
        "parent": "",
        "faq_url": "https://www.impots.gouv.fr/faq",
        "demarche_url": "",
        "voie": "adresse",
        "types_service": ["SIP", "SIP_CDIF"],
        "motif_code": "M06",
    }
    reponse = await client.post(SUJETS, data={**valeurs, **plus})
    assert reponse.status_code == 303, unescape(reponse.text)[:3000]
    trouve = re.search(r"vers=(\d+)", reponse.headers["location"])
    assert trouve
    return int(trouve[1])


async def revision(journee: Journee, ident: int) -> str:
    return str(await journee.scalar("SELECT revision FROM sujet_contact WHERE id = :i", i=ident))


class TestLesDroits:
    """G 2.3.2: national administrators keep it; everybody else does not see it."""

    @pytest.mark.parametrize("qui", ["chef", "agent"])
    async def test_nobody_else_reads_nor_changes_it(self, journee: Journee, national: int, qui: str) -> None:
        service = await journee.service()
        ident = await journee.scalar("SELECT id FROM sujet_contact WHERE code = 'p-dossier'")
        async with journee.client(service.agents[qui]) as client:
            for adresse in ("", "/nouveau", f"/{ident}"):
                assert (await client.get(SUJETS + adresse)).status_code == 404
            for adresse in ("", f"/{ident}", f"/{ident}/retrait", f"/{ident}/haut"):
                assert (await client.post(SUJETS + adresse)).status_code == 404
        assert await journee.scalar("SELECT actif FROM sujet_contact WHERE id = :i", i=ident) is True
        refus = "SELECT count(*) FROM journal WHERE action = 'organisation.acces_refuse' AND agent_id = :a"
        assert await journee.scalar(refus, a=service.agents[qui]) == 7


class TestTenirLesSujets:
    """Everything that the page « Contact » asks is data."""

    async def test_the_reference_tree_is_there_and_is_installed_once(self, journee: Journee, national: int) -> None:
        async with journee.client(national) as client:
            page = unescape((await client.get(SUJETS)).text)
            for mots in ("Vous êtes domicilié hors de France", "Le calcul de vos impôts", "Un contentieux"):
                assert mots in page
            assert "ne mène nulle part" not in page
            assert "sans anglais" not in page
            assert (
                "direction des grandes entreprises"
                in (await client.get(SUJETS, params={"nature": "professionnel"})).text
            )

    async def test_a_new_subject_is_asked_of_usagers_at_once_in_both_languages(
        self, journee: Journee, national: int
    ) -> None:
        parent = await journee.scalar("SELECT id FROM sujet_contact WHERE code = 'p-technique'")
        async with journee.client(national) as client:
            ident = await cree(client, parent=str(parent))
            fiche = unescape((await client.get(f"{SUJETS}/{ident}")).text)
            assert f"/contact?sujet=sujet-{ident}" in fiche
            assert "Derniers changements" in fiche
            assert "libellé en anglais" in fiche
        async with journee.client() as client:
            page = unescape((await client.get("/contact?nature=particulier&s1=p-technique")).text)
            assert "Une question sur ma barque" in page
            page = (await client.get(f"/contact?sujet=sujet-{ident}", headers={"Accept-Language": "en"})).text
            assert "A question about my boat" in page
            assert "https://www.impots.gouv.fr/faq" in page

    @pytest.mark.parametrize(
        ("champs", "phrase"),
        [
            ({"libelle": ""}, "Indiquez le libellé que lit l’usager."),
            ({"libelle": "Une\x00question"}, "caractère invisible ou interdit"),
            ({"libelle": "x" * 201}, "trop long"),
            ({"libelle": "Votre dossier fiscal"}, "Un autre sujet porte déjà ce libellé"),
            ({"parent": "999999"}, "ne peut pas être rattaché là"),
            ({"faq_url": "javascript:alert(1)"}, "commence par https://"),
            ({"demarche_url": "https://impots.gouv.fr@exemple.test/"}, "sans identifiant"),
            ({"types_service": []}, "Cochez au moins un type de service"),
            ({"types_service": ["INCONNU"]}, "Choisissez parmi les valeurs proposées"),
            ({"voie": "pigeon"}, "Choisissez une des valeurs proposées"),
            ({"motif_code": "M999"}, "Choisissez une des valeurs proposées"),
            ({"nature": "martien"}, "Choisissez"),
            ({"statut": "1"}, ""),
        ],
        ids=lambda v: next(iter(v)) if isinstance(v, dict) else "",
    )
    async def test_what_cannot_be_is_told_by_the_field_and_nothing_typed_is_lost(
        self, journee: Journee, national: int, champs: dict[str, str], phrase: str
    ) -> None:
        avant = await journee.scalar("SELECT count(*) FROM sujet_contact")
        valeurs = {"nature": "particulier", "libelle": "Une barque", "voie": "adresse", "types_service": ["SIP"]}
        async with journee.client(national) as client:
            reponse = await client.post(SUJETS, data={**valeurs, "libelle_en": "A little boat", **champs})
        assert reponse.status_code == 422
        assert phrase in unescape(reponse.text)
        assert "A little boat" in reponse.text
        assert await journee.scalar("SELECT count(*) FROM sujet_contact") == avant

    async def test_two_administrators_on_one_subject_see_both_versions(self, journee: Journee, national: int) -> None:
        async with journee.client(national) as client:
            ident = await cree(client, libelle="Une question à deux")
            valeurs = {"voie": "code", "types_service": "TRESO_SPL", "libelle": "Premier", "revision": "1"}
            assert (await client.post(f"{SUJETS}/{ident}", data=valeurs)).status_code == 303
            conflit = await client.post(f"{SUJETS}/{ident}", data={**valeurs, "libelle": "Second"})
            assert conflit.status_code == 409
            texte = unescape(conflit.text)
            assert "Premier" in texte
            assert 'value="Second"' in texte
            assert f'name="revision" value="{await revision(journee, ident)}"' in texte
            assert (await client.post(f"{SUJETS}/{ident}", data={**valeurs, "revision": ""})).status_code == 422

    async def test_order_and_withdrawal_are_seen_by_usagers_and_kept_in_the_journal(
        self, journee: Journee, national: int
    ) -> None:
        async with journee.client(national) as client:
            un = await cree(client, nature="professionnel", libelle="Barques de mer")
            deux = await cree(client, nature="professionnel", libelle="Barques de rivière")
            assert (await client.post(f"{SUJETS}/{deux}/haut")).status_code == 303
            async with journee.client() as usager:
                page = (await usager.get("/contact?nature=professionnel")).text
                assert page.index("Barques de rivière") < page.index("Barques de mer")
                assert (await client.post(f"{SUJETS}/{un}/retrait")).status_code == 303
                assert "Barques de mer" not in (await usager.get("/contact?nature=professionnel")).text
                assert (await client.post(f"{SUJETS}/{un}/retour")).status_code == 303
                assert "Barques de mer" in (await usager.get("/contact?nature=professionnel")).text
            assert (await client.post(f"{SUJETS}/{un}/brule")).status_code == 404
            assert (await client.get(f"{SUJETS}/999999")).status_code == 404
        actions = await journee.scalar(
            "SELECT string_agg(action, ' ' ORDER BY id) FROM journal"
            " WHERE objet = 'sujet_contact' AND objet_id IN (:a, :b)",
            a=un,
            b=deux,
        )
        assert actions == "sujet.cree sujet.cree sujet.deplace sujet.retire sujet.remis"


class TestLesMotifsEnAnglais:
    """The national catalogue in both languages, for residents abroad."""

    async def test_the_starting_motifs_have_their_english(self, journee: Journee, national: int) -> None:
        sans = "SELECT count(*) FROM motif WHERE libelle_en = '' AND code ~ '^(M[0-9]+|[A-Z_]+-[0-9][0-9])$'"
        assert await journee.scalar(sans + " AND type_service_code <> ''") == 0
        boiteux = "SELECT count(*) FROM motif WHERE cardinality(documents) <> cardinality(documents_en) AND code ~ '^M'"
        assert await journee.scalar(boiteux) == 0

    async def test_the_form_of_a_motif_keeps_both(self, journee: Journee, national: int) -> None:
        ident = await journee.scalar("SELECT id FROM motif WHERE code = 'M52'")
        async with journee.client(national) as client:
            page = (await client.get(f"/administration/motifs/{ident}")).text
            assert "Leaving or coming back to France" in page
            reponse = await submit(
                client,
                page,
                f"/administration/motifs/{ident}",
                libelle_en="Moving abroad",
                documents_en="Passport\r\nLease",
            )
            assert reponse.status_code == 303, reponse.text[:2000]
        lu = "SELECT libelle_en || ':' || array_to_string(documents_en, '|') FROM motif WHERE id = :i"
        assert await journee.scalar(lu, i=ident) == "Moving abroad:Passport|Lease"


@pytest.mark.e2e
class TestAuClavier:
    """The screens hold within 320 px and are driven by keyboard."""

    async def test_a_subject_is_added_from_its_parent(self, ouvrir: Ouvrir, journee: Journee, national: int) -> None:
        page = await ouvrir(national, viewport={"width": 320, "height": 700})
        await page.goto(f"{journee.site.url}{SUJETS}")
        assert await page.evaluate("document.documentElement.scrollWidth") <= 320
        lien = page.get_by_role("link", name="Ajouter un sujet sous : Une question technique")
        await lien.focus()
        await page.keyboard.press("Enter")
        await page.locator("#champ-libelle").fill("Le bateau ne flotte plus")
        await page.locator("#champ-faq_url").fill("https://www.impots.gouv.fr/bateau")
        await page.locator("#champ-libelle").press("Enter")
        await page.get_by_text("Le sujet est ajouté").wait_for()
        assert await page.evaluate("document.documentElement.scrollWidth") <= 320
