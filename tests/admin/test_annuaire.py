"""The services directory: list, creation, fiche, closing (Annexe 1 §1; Circulaire §3, §6; G 2.1.1, 2.3.2)."""

from __future__ import annotations

import re
from html import unescape
from itertools import count
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from sqlalchemy import text

from app.admin.annuaire.reference import install_reference
from app.errors import AppError
from tests.accueil.monde import Journee
from tests.fixtures.donnees import MondeService

_numeros = count(1)
FORMULAIRE = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
async def nevers(journee: Journee) -> MondeService:
    async with journee.outils.db.engine.begin() as conn:
        await install_reference(conn)
    return await journee.service()


def read_form(page: str) -> dict[str, str]:
    """The fields of the page's form, as a browser would send them."""
    corps = page[page.index('class="annuaire-form"') :]
    corps = corps[: corps.index("</form>")]
    champs: dict[str, str] = {}
    for balise in re.findall(r"<input[^>]*>", corps):
        nom = re.search(r' name="([^"]*)"', balise)
        valeur = re.search(r' value="([^"]*)"', balise)
        if nom and not ('type="checkbox"' in balise and " checked" not in balise):
            champs[nom[1]] = unescape(valeur[1] if valeur else "")
    for nom, contenu in re.findall(r'<textarea[^>]* name="([^"]*)"[^>]*>(.*?)</textarea>', corps, re.S):
        champs[nom] = unescape(contenu)
    for nom, contenu in re.findall(r'<select[^>]* name="([^"]*)"[^>]*>(.*?)</select>', corps, re.S):
        choisie = re.search(r'value="([^"]*)" selected', contenu)
        champs[nom] = unescape(choisie[1]) if choisie else ""
    return champs


async def send(client: httpx.AsyncClient, url: str, champs: dict[str, str]) -> httpx.Response:
    return await client.post(url, content=urlencode(champs), headers=FORMULAIRE)


async def open_fiche(client: httpx.AsyncClient, service: MondeService) -> dict[str, str]:
    reponse = await client.get(f"/services/{service.id}/organiser/fiche")
    assert reponse.status_code == 200, reponse.text[:500]
    return read_form(reponse.text)


async def row(journee: Journee, service_id: int) -> dict[str, Any]:
    async with journee.outils.db.read() as conn:
        lignes = await conn.execute(text("SELECT * FROM service_fiscal WHERE id = :s"), {"s": service_id})
        return dict(lignes.mappings().one())


class TestQuiModifieQuoi:
    """G 2.3.2: the chef de service keeps how it is reached; the national administrator keeps the rest too."""

    async def test_the_chef_sees_and_saves_his_fields_alone(self, journee: Journee, nevers: MondeService) -> None:
        async with journee.client(nevers.agents["chef"]) as client:
            champs = await open_fiche(client, nevers)
            assert "telephone" in champs
            assert "sages" not in champs
            champs |= {
                "telephone": "03 86 68 49 00",
                "accessibilite": "Entrée de plain-pied",
                "horaires_texte": "Du lundi au vendredi\n8 h 30 – 12 h",
                "visio_base": "https://visio.exemple.fr/rdv/",
                "dossier_url": "http://dossiers.exemple.fr/{numero_fiscal}?r={code}",
            }
            reponse = await send(client, f"/services/{nevers.id}/organiser/fiche", champs)
            assert reponse.status_code == 303
            suite = await client.get(reponse.headers["location"])
            assert "La fiche est enregistrée" in suite.text
        garde = await row(journee, nevers.id)
        assert garde["telephone"] == "+33386684900"
        assert garde["horaires_texte"] == "Du lundi au vendredi\n8 h 30 – 12 h"
        assert garde["visio_base"] == "https://visio.exemple.fr/rdv"
        assert garde["revision"] == 2

    async def test_a_field_of_the_nation_sent_by_the_chef_is_refused(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        async with journee.client(nevers.agents["chef"]) as client:
            champs = await open_fiche(client, nevers)
            reponse = await send(client, f"/services/{nevers.id}/organiser/fiche", {**champs, "sages": "5899999"})
        assert reponse.status_code == 422
        assert (await row(journee, nevers.id))["revision"] == 1

    @pytest.mark.parametrize("qui", ["chef", "agent", "pilote", "exterieur"])
    async def test_the_directory_and_the_closing_are_the_nations(
        self, journee: Journee, nevers: MondeService, qui: str
    ) -> None:
        async with journee.client(nevers.agents[qui]) as client:
            for url in ("/administration/services", "/administration/services/nouveau"):
                assert (await client.get(url)).status_code == 404
            base = f"/services/{nevers.id}/organiser/fiche"
            assert (await client.get(f"{base}/fermeture")).status_code == 404
            assert (await send(client, f"{base}/fermeture", {})).status_code == 404
            assert (await send(client, "/administration/services", {"libelle": "X"})).status_code == 404
        assert (await row(journee, nevers.id))["ferme_a"] is None

    async def test_an_agent_who_organises_nothing_does_not_see_the_fiche(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        async with journee.client(nevers.agents["agent"]) as client:
            for suite in ("", "/fragment"):
                assert (await client.get(f"/services/{nevers.id}/organiser/fiche{suite}")).status_code == 404

    async def test_the_national_administrator_changes_everything(self, journee: Journee, nevers: MondeService) -> None:
        async with journee.client(nevers.agents["national"]) as client:
            champs = await open_fiche(client, nevers)
            sages = f"{5_900_000 + next(_numeros)}"
            champs |= {
                "sages": f"{sages[:3]} {sages[3:]}",
                "codique": "058 045",
                "codique_partage": "oui",
                "libelle": "SIP NEVERS VILLE",
                "type_code": "SIP_CDIF",
                "adresse": "1 rue du Commerce",
                "centre_contact": "oui",
                "site": "nouveau",
            }
            reponse = await send(client, f"/services/{nevers.id}/organiser/fiche", champs)
        assert reponse.status_code == 303, reponse.text[-3000:]
        garde = await row(journee, nevers.id)
        assert (garde["sages"], garde["codique"], garde["codique_partage"]) == (sages, "058045", True)
        assert (garde["type_code"], garde["centre_contact"]) == ("SIP_CDIF", True)
        assert garde["site_id"] != nevers.site_id
        nom = await journee.scalar("SELECT nom FROM site WHERE id = :i", i=garde["site_id"])
        assert nom == "NEVERS – 1 rue du Commerce"


class TestUneSaisieRefusee:
    """A refused form keeps everything and says all that is wrong at once."""

    async def test_every_field_says_its_sentence_and_keeps_its_text(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        mauvais = {
            "sages": "580045",
            "codique": "05804A",
            "telephone": "12 34",
            "courriel": "a@b.fr,c@d.fr",
            "code_postal": "5801",
            "fuseau": "Europe/Berlin",
            "departement": "99",
            "type_code": "PERCEPTION",
            "visio_base": "http://visio.exemple.fr",
            "dossier_url": "https://x.fr/{mot_de_passe}",
            "site": "abc",
            "ville": "Nevers\u202e",
        }
        async with journee.client(nevers.agents["national"]) as client:
            champs = {**await open_fiche(client, nevers), **mauvais}
            reponse = await send(client, f"/services/{nevers.id}/organiser/fiche", champs)
        assert reponse.status_code == 422
        for champ in mauvais:
            assert f'href="#champ-{champ}"' in reponse.text, champ
        for valeur in ("580045", "05804A", "12 34", "a@b.fr,c@d.fr", "5801"):
            assert f'value="{valeur}"' in reponse.text
        assert (await row(journee, nevers.id))["revision"] == 1

    @pytest.mark.parametrize(
        "url",
        ["javascript:alert(1)", "https://a@b.fr/", "https://x.fr/ a", "https://", "https://x.fr:99999/", "ftp://x.fr"],
    )
    async def test_an_address_that_is_not_one_is_refused(
        self, journee: Journee, nevers: MondeService, url: str
    ) -> None:
        async with journee.client(nevers.agents["chef"]) as client:
            champs = await open_fiche(client, nevers)
            champs |= {"visio_base": url, "dossier_url": url}
            reponse = await send(client, f"/services/{nevers.id}/organiser/fiche", champs)
        assert reponse.status_code == 422

    async def test_a_sages_is_one_services(self, journee: Journee, nevers: MondeService) -> None:
        autre = await journee.service()
        pris = (await row(journee, autre.id))["sages"]
        async with journee.client(nevers.agents["national"]) as client:
            champs = {**await open_fiche(client, nevers), "sages": pris}
            reponse = await send(client, f"/services/{nevers.id}/organiser/fiche", champs)
        assert reponse.status_code == 422
        assert "déjà celui d’un autre service" in reponse.text

    async def test_hostile_text_is_shown_as_text(self, journee: Journee, nevers: MondeService) -> None:
        async with journee.client(nevers.agents["chef"]) as client:
            champs = {**await open_fiche(client, nevers), "accessibilite": "<script>alert(1)</script>"}
            assert (await send(client, f"/services/{nevers.id}/organiser/fiche", champs)).status_code == 303
            page = (await client.get(f"/services/{nevers.id}/organiser/fiche")).text
        assert "<script>alert(1)" not in page


class TestDeuxAdministrateurs:
    """Two administrators on one fiche: the second is told, keeps what he typed, and decides."""

    async def test_the_second_one_sees_both_versions_then_decides(self, journee: Journee, nevers: MondeService) -> None:
        async with journee.client(nevers.agents["chef"]) as un, journee.client(nevers.agents["national"]) as deux:
            du_chef, du_national = await open_fiche(un, nevers), await open_fiche(deux, nevers)
            url = f"/services/{nevers.id}/organiser/fiche"
            assert (await send(un, url, {**du_chef, "telephone": "03 86 11 11 11"})).status_code == 303
            refus = await send(deux, url, {**du_national, "telephone": "03 86 22 22 22"})
            assert refus.status_code == 409
            assert "03 86 11 11 11" in refus.text
            repris = read_form(refus.text)
            assert repris["telephone"] == "03 86 22 22 22"
            assert repris["revision"] == "2"
            assert (await send(deux, url, repris)).status_code == 303
        assert (await row(journee, nevers.id))["telephone"] == "+33386222222"

    async def test_a_form_sent_twice_changes_once(self, journee: Journee, nevers: MondeService) -> None:
        async with journee.client(nevers.agents["chef"]) as client:
            champs = {**await open_fiche(client, nevers), "revision": "1", "telephone": "03 86 33 33 33"}
            url = f"/services/{nevers.id}/organiser/fiche"
            assert "fait=enregistre" in (await send(client, url, champs)).headers["location"]
            champs["revision"] = "2"
            assert "fait=inchange" in (await send(client, url, champs)).headers["location"]
        assert (await row(journee, nevers.id))["revision"] == 2


class TestUnChangementSeSait:
    """Journaled with before and after, announced to agents' and public screens."""

    async def test_the_history_and_the_versions_tell_it(self, journee: Journee, nevers: MondeService) -> None:
        demande = "SELECT version_planning FROM agenda WHERE service_id = :s"
        avant = await journee.scalar(demande, s=nevers.id)
        async with journee.client(nevers.agents["chef"]) as client:
            champs = {**await open_fiche(client, nevers), "accessibilite": "Boucle magnétique"}
            await send(client, f"/services/{nevers.id}/organiser/fiche", champs)
            page = (await client.get(f"/services/{nevers.id}/organiser/historique?objet=service")).text
            fragment = (await client.get(f"/services/{nevers.id}/organiser/fiche/fragment")).text
        assert await journee.scalar(demande, s=nevers.id) == avant + 1
        assert "Boucle magnétique" in page
        assert "Dernier changement" in fragment


class TestLeCodique:
    """C §6: the fiche warns, and explains."""

    async def test_a_sip_comptable_without_codique_is_told_why_it_matters(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        async with journee.outils.db.engine.begin() as conn:
            await conn.execute(text("UPDATE type_service SET comptable = TRUE WHERE code = 'SIP'"))
        async with journee.client(nevers.agents["chef"]) as client:
            page = (await client.get(f"/services/{nevers.id}/organiser/fiche")).text
        assert "aucun CODIQUE n’est associé à son SAGES" in page

    async def test_a_service_without_sages_says_that_it_cannot_open_online(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        async with journee.outils.db.engine.begin() as conn:
            await conn.execute(text("UPDATE service_fiscal SET sages = NULL WHERE id = :s"), {"s": nevers.id})
        async with journee.client(nevers.agents["national"]) as client:
            page = (await client.get(f"/services/{nevers.id}/organiser/fiche")).text
            liste = (await client.get("/administration/services?etat=sans-sages")).text
        assert "Le numéro SAGES manque" in page
        assert f"/services/{nevers.id}/organiser/fiche" in liste


class TestCreer:
    """A service is created whole; its département gives its clock."""

    async def create(self, journee: Journee, nevers: MondeService, **plus: str) -> httpx.Response:
        async with journee.client(nevers.agents["national"]) as client:
            page = await client.get("/administration/services/nouveau?departement=974")
            champs = read_form(page.text) | {
                "libelle": "SIP SAINT-PIERRE",
                "type_code": "SIP",
                "sages": f"{9_740_000 + next(_numeros)}",
                "adresse": "12 rue du Port",
                "code_postal": "97410",
                "ville": "Saint-Pierre",
                "telephone": "0262 35 00 00",
                "courriel": "sip.saint-pierre@impots.test",
                **plus,
            }
            return await send(client, "/administration/services", champs)

    async def test_it_follows_its_departement_and_opens_on_its_fiche(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        reponse = await self.create(journee, nevers)
        assert reponse.status_code == 303, reponse.text[-2000:]
        trouve = re.search(r"/services/(\d+)/organiser/fiche\?fait=cree", reponse.headers["location"])
        assert trouve is not None
        cree = await row(journee, int(trouve[1]))
        assert (cree["fuseau"], cree["departement"], cree["telephone"]) == ("Indian/Reunion", "974", "+262262350000")
        assert cree["en_ligne"] is False
        assert await journee.scalar("SELECT count(*) FROM agenda WHERE service_id = :s", s=cree["id"]) == 1
        assert (
            await journee.scalar(
                "SELECT count(*) FROM journal WHERE action = 'service.cree' AND objet_id = :s", s=cree["id"]
            )
            == 1
        )

    async def test_it_may_share_the_reception_of_another(self, journee: Journee, nevers: MondeService) -> None:
        async with journee.client(nevers.agents["national"]) as client:
            page = (await client.get("/administration/services/nouveau?departement=58")).text
            assert f'<option value="{nevers.site_id}">' in page
        reponse = await self.create(journee, nevers, site=str(nevers.site_id), departement="58", fuseau="Europe/Paris")
        assert reponse.status_code == 422  # 0262 35 00 00 is no number of the Nièvre
        reponse = await self.create(
            journee,
            nevers,
            site=str(nevers.site_id),
            departement="58",
            fuseau="Europe/Paris",
            telephone="03 86 00 00 00",
        )
        assert reponse.status_code == 303

    async def test_an_unknown_site_or_departement_creates_nothing(self, journee: Journee, nevers: MondeService) -> None:
        avant = await journee.scalar("SELECT count(*) FROM service_fiscal")
        assert (await self.create(journee, nevers, site="999999999")).status_code == 422
        assert (await self.create(journee, nevers, departement="99")).status_code == 422
        assert (await self.create(journee, nevers, statut="ouvert")).status_code == 422
        assert await journee.scalar("SELECT count(*) FROM service_fiscal") == avant


class TestFermer:
    """Closing over rendez-vous cancels nobody: 409 and the list."""

    async def test_rendez_vous_to_come_forbid_it_and_are_listed(self, journee: Journee, nevers: MondeService) -> None:
        rdv = await journee.book(nevers, "15:00", "Quincampoix")
        code = await journee.scalar("SELECT code FROM rendez_vous WHERE id = :r", r=rdv)
        async with journee.client(nevers.agents["national"]) as client:
            url = f"/services/{nevers.id}/organiser/fiche/fermeture"
            for reponse in (await client.get(url), await send(client, url, {})):
                assert code in reponse.text
                assert "15:00" in reponse.text
                assert "Quincampoix" not in reponse.text
            assert reponse.status_code == 409
        assert (await row(journee, nevers.id))["ferme_a"] is None
        assert await journee.scalar("SELECT etat FROM rendez_vous WHERE id = :r", r=rdv) == "prevu"

    async def test_a_past_or_cancelled_rendez_vous_does_not(self, journee: Journee, nevers: MondeService) -> None:
        await journee.book(nevers, "08:00", etat="termine")
        await journee.book(nevers, "16:00", etat="annule")
        async with journee.client(nevers.agents["national"]) as client:
            base = f"/services/{nevers.id}/organiser/fiche"
            assert "peut fermer" in (await client.get(f"{base}/fermeture")).text
            assert (await send(client, f"{base}/fermeture", {})).status_code == 303
            assert (await send(client, f"{base}/fermeture", {})).status_code == 409
            ferme = await row(journee, nevers.id)
            assert ferme["ferme_a"] is not None
            assert ferme["en_ligne"] is False
            assert "Ce service est fermé" in (await client.get(base)).text
            assert f"/services/{nevers.id}/" in (await client.get("/administration/services?etat=fermes")).text
            assert (await send(client, f"{base}/reouverture", {})).status_code == 303
            assert (await send(client, f"{base}/reouverture", {})).status_code == 409
        assert (await row(journee, nevers.id))["ferme_a"] is None

    async def test_clock_and_departement_do_not_change_under_them(self, journee: Journee, nevers: MondeService) -> None:
        await journee.book(nevers, "14:00")
        async with journee.client(nevers.agents["national"]) as client:
            champs = {**await open_fiche(client, nevers), "fuseau": "Indian/Reunion"}
            reponse = await send(client, f"/services/{nevers.id}/organiser/fiche", champs)
        assert reponse.status_code == 409
        assert "14:00" in reponse.text
        assert (await row(journee, nevers.id))["fuseau"] == "Europe/Paris"

    async def test_nobody_books_in_a_closed_service(self, journee: Journee, nevers: MondeService) -> None:
        async with journee.client(nevers.agents["national"]) as client:
            await send(client, f"/services/{nevers.id}/organiser/fiche/fermeture", {})
        with pytest.raises(AppError):
            await journee.book(nevers, "15:00")


class TestLaListe:
    """Found by name, town, SAGES, CODIQUE, type, département; page by page."""

    async def test_any_criterion_finds_it(self, journee: Journee, nevers: MondeService) -> None:
        nom = f"SIP ÉTRANGE {next(_numeros)}"
        async with journee.outils.db.engine.begin() as conn:
            await conn.execute(
                text("UPDATE service_fiscal SET libelle = :l, codique = :c WHERE id = :s"),
                {"l": nom, "c": f"{580_000 + nevers.id % 1000}", "s": nevers.id},
            )
        trouve = await row(journee, nevers.id)
        lien = f'href="/services/{nevers.id}/organiser/fiche"'
        async with journee.client(nevers.agents["national"]) as client:

            async def find(**criteres: str) -> str:
                return (await client.get(f"/administration/services?{urlencode(criteres)}")).text

            for q in (trouve["sages"], trouve["codique"], nom.lower().replace("é", "e"), f"{nom} nevers", "58015"):
                assert lien in await find(q=q, par_page="100"), q
            assert lien in await find(q=nom, type="SIP", departement="58")
            assert lien in await find(q=f"impots des particuliers {nom}"), "the words of its type find it too"
            assert lien not in await find(q=nom, type="SIE")
            assert lien not in await find(q=nom, departement="75")
            assert "Aucun service ne répond" in await find(q="<script>zzz")

    async def test_pages_follow_one_another_without_loss(self, journee: Journee, nevers: MondeService) -> None:
        for _ in range(26):
            await journee.service()
        async with journee.client(nevers.agents["national"]) as client:
            vus: list[str] = []
            for numero in (1, 2):
                page = (await client.get(f"/administration/services?page={numero}&etat=tous")).text
                vus += re.findall(r'href="/services/(\d+)/organiser/fiche"', page)
            assert len(set(vus)) == len(vus) > 25
            loin = await client.get("/administration/services?page=99999")
            assert loin.status_code == 200
            assert "/organiser/fiche" in loin.text

    @pytest.mark.parametrize(
        "criteres", ["page=-1", "page=abc", "par_page=7", "etat=x", "q=%00", "q=%ED%A0%80", "type[]=x"]
    )
    async def test_nonsense_is_ignored(self, journee: Journee, nevers: MondeService, criteres: str) -> None:
        async with journee.client(nevers.agents["national"]) as client:
            assert (await client.get(f"/administration/services?{criteres}")).status_code == 200


async def test_a_new_reference_run_adds_nothing(journee: Journee, nevers: MondeService) -> None:
    async with journee.outils.db.engine.begin() as conn:
        assert not await install_reference(conn)
