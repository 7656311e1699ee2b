"""Opening and closing the online booking of a service, and what usagers see of it at once (circulaire §5, §6)."""

from __future__ import annotations

import re
from html import unescape

import httpx
import pytest
from sqlalchemy import text

from app import clock
from app.booking.options import place_option
from app.domain.horaires import to_minute
from app.web.securite import csrf_token
from tests.accueil.monde import Journee
from tests.booking.outillage import creneaux_libres
from tests.fixtures.donnees import MondeService

USAGER = {
    "nature": "particulier",
    "civilite": "madame",
    "nom_usage": "Valenton",
    "prenoms": "Philippine",
    "telephone1": "06 12 34 56 78",
    "courriel": "",
    "precision": "Question sur mon avis",
}


@pytest.fixture
async def ferme(journee: Journee) -> MondeService:
    """A service that has everything, and has not opened yet."""
    return await journee.service(en_ligne=False)


@pytest.fixture
async def ouvert(journee: Journee) -> MondeService:
    return await journee.service()


async def change(journee: Journee, service: MondeService, requete: str, **valeurs: object) -> None:
    """Change the organisation by SQL, as another administrator would, and let every process know."""
    async with journee.outils.db.engine.begin() as conn:
        await conn.execute(text(requete), {"s": service.id, **valeurs})
        await conn.execute(text("UPDATE agenda SET version_planning = version_planning + 1"))


async def en_ligne(journee: Journee, service: MondeService) -> bool:
    return bool(await journee.scalar("SELECT en_ligne FROM service_fiscal WHERE id = :s", s=service.id))


def adresse(service: MondeService) -> str:
    return f"/services/{service.id}/organiser/ouverture"


class TestQui:
    @pytest.mark.parametrize("qui", ["agent", "pilote", "exterieur"])
    async def test_nobody_else_opens_a_service(self, journee: Journee, ferme: MondeService, qui: str) -> None:
        async with journee.client(ferme.agents[qui]) as client:
            for chemin in ("", "/fragment"):
                assert (await client.get(adresse(ferme) + chemin)).status_code == 404
            for geste in ("/ouvrir", "/fermer"):
                assert (await client.post(adresse(ferme) + geste)).status_code == 404
        assert not await en_ligne(journee, ferme)

    async def test_nor_does_the_chef_next_door(self, journee: Journee, ferme: MondeService) -> None:
        autre = await journee.service()
        async with journee.client(autre.agents["chef"]) as client:
            assert (await client.post(f"{adresse(ferme)}/ouvrir")).status_code == 404
        assert not await en_ligne(journee, ferme)


class TestOuvrir:
    """Circulaire §5: the service chooses its moment, once it is ready."""

    async def test_a_ready_service_opens_in_one_gesture_and_the_button_appears(
        self, journee: Journee, ferme: MondeService
    ) -> None:
        async with journee.client() as usager:
            assert "Prendre rendez-vous<" not in (await usager.get(f"/services/{ferme.id}")).text
        async with journee.client(ferme.agents["chef"]) as client:
            page = unescape((await client.get(adresse(ferme))).text)
            assert "Fermé aux usagers" in page
            assert "Le premier créneau libre est jeudi 26 novembre à 06:00" in page
            reponse = await client.post(f"{adresse(ferme)}/ouvrir")
            assert reponse.status_code == 303
            assert "Ouvert aux usagers" in (await client.get(adresse(ferme))).text
            assert (await client.post(f"{adresse(ferme)}/ouvrir")).headers["location"].endswith("fait=deja")
        async with journee.client() as usager:
            assert "Prendre rendez-vous<" in (await usager.get(f"/services/{ferme.id}")).text

    @pytest.mark.parametrize(
        ("requete", "mots"),
        [
            ("UPDATE service_fiscal SET sages = NULL WHERE id = :s", "Le numéro SAGES manque"),
            (
                "UPDATE guichet SET canaux = '{rattache}' WHERE service_id = :s",
                "Aucun guichet ouvert n’accepte internet",
            ),
            (
                "DELETE FROM planning_jour WHERE planning_id IN (SELECT id FROM planning WHERE service_id = :s)",
                "Aucune plage",
            ),
            ("UPDATE motif_service SET ouvert = FALSE WHERE service_id = :s", "Aucun motif ouvert"),
            ("UPDATE service_fiscal SET telephone = '', courriel = '' WHERE id = :s", "ni téléphone ni courriel"),
            ("DELETE FROM rattachement WHERE service_id = :s", "Aucun agent rattaché"),
        ],
    )
    async def test_what_is_missing_blocks(self, journee: Journee, ferme: MondeService, requete: str, mots: str) -> None:
        await change(journee, ferme, requete)
        qui = ferme.agents["national"] if "rattachement" in requete else ferme.agents["chef"]
        async with journee.client(qui) as client:
            assert mots in unescape((await client.get(f"{adresse(ferme)}/fragment")).text)
            reponse = await client.post(f"{adresse(ferme)}/ouvrir", data={"compris": ["guichets", "sages-absent"]})
            assert reponse.status_code == 422
            assert mots in unescape(reponse.text)
            probleme = await client.post(f"{adresse(ferme)}/ouvrir", headers={"Accept": "application/json"})
            assert probleme.status_code == 422
        assert not await en_ligne(journee, ferme)

    async def test_a_warning_is_acknowledged_by_name(self, journee: Journee, ferme: MondeService) -> None:
        await change(journee, ferme, "UPDATE service_fiscal SET telephone = '' WHERE id = :s")
        async with journee.client(ferme.agents["chef"]) as client:
            assert "Il manque le téléphone" in unescape((await client.get(adresse(ferme))).text)
            refus = await client.post(f"{adresse(ferme)}/ouvrir")
            assert refus.status_code == 409
            assert "Il manque le téléphone" in unescape(refus.text)
            assert (await client.post(f"{adresse(ferme)}/ouvrir", data={"compris": "autre"})).status_code == 409
            assert (await client.post(f"{adresse(ferme)}/ouvrir", data={"compris": "contact"})).status_code == 303
        assert await en_ligne(journee, ferme)

    async def test_a_forged_field_is_refused(self, journee: Journee, ferme: MondeService) -> None:
        async with journee.client(ferme.agents["chef"]) as client:
            reponse = await client.post(f"{adresse(ferme)}/ouvrir", data={"service_id": "1"})
        assert reponse.status_code == 422
        assert not await en_ligne(journee, ferme)

    async def test_the_sip_s_codique_is_asked_for(self, journee: Journee, ferme: MondeService) -> None:
        """Circulaire §6."""
        await change(journee, ferme, "UPDATE type_service SET comptable = TRUE WHERE code = 'SIP' AND :s > 0")
        try:
            async with journee.client(ferme.agents["chef"]) as client:
                page = unescape((await client.get(adresse(ferme))).text)
                assert "aucun CODIQUE n’est associé à son SAGES" in page
                assert (await client.post(f"{adresse(ferme)}/ouvrir")).status_code == 409
        finally:
            await change(journee, ferme, "UPDATE type_service SET comptable = FALSE WHERE code = 'SIP' AND :s > 0")


class TestLaDateNationale:
    """Circulaire §5: the second stage begins at its date, not before."""

    async def test_a_service_prepares_and_waits_for_the_date(self, journee: Journee, ferme: MondeService) -> None:
        insertion = (
            "INSERT INTO parametre (cle, valeur, modifie_a)"
            " SELECT 'ouverture_nationale', to_jsonb(CAST(:jour AS text)), now() WHERE :s > 0"
        )
        await change(journee, ferme, insertion, jour="2027-01-16")
        try:
            async with journee.client(ferme.agents["chef"]) as client:
                assert "Ouvrir à partir du samedi 16 janvier 2027" in unescape((await client.get(adresse(ferme))).text)
                assert (await client.post(f"{adresse(ferme)}/ouvrir")).status_code == 303
                assert "Prêt, s’ouvrira le samedi 16 janvier 2027" in unescape((await client.get(adresse(ferme))).text)
            async with journee.client() as usager:
                assert "Prendre rendez-vous<" not in (await usager.get(f"/services/{ferme.id}")).text
                page = (await usager.get(f"/rdv/{ferme.id}/motif")).text
                assert "ne prend pas de rendez-vous en ligne" in page
            rdv = await journee.book(ferme, "15:00")  # the first stage goes on
            assert rdv
            await change(journee, ferme, "UPDATE parametre SET valeur = '\"2026-11-23\"' WHERE :s > 0")
            async with journee.client() as usager:
                assert "Prendre rendez-vous<" in (await usager.get(f"/services/{ferme.id}")).text
        finally:
            await change(journee, ferme, "DELETE FROM parametre WHERE :s > 0")


class TestFermer:
    """Deactivation leaves RDV intact; who holds a créneau finishes; everybody else is told."""

    async def test_rendez_vous_stay_as_they_are(self, journee: Journee, ouvert: MondeService) -> None:
        rdv = await journee.book(ouvert, "15:00")
        avant = await journee.scalar("SELECT to_jsonb(r)::text FROM rendez_vous r WHERE id = :r", r=rdv)
        async with journee.client(ouvert.agents["chef"]) as client:
            assert (await client.post(f"{adresse(ouvert)}/fermer")).status_code == 303
            histoire = unescape((await client.get(f"/services/{ouvert.id}/organiser/historique")).text)
        assert "Ouverture en ligne : fermé" in histoire
        assert await journee.scalar("SELECT to_jsonb(r)::text FROM rendez_vous r WHERE id = :r", r=rdv) == avant
        assert await journee.book(ouvert, "16:00"), "agents go on booking"

    async def test_how_long_a_creneau_is_kept_is_the_parameter_s(self, journee: Journee, ouvert: MondeService) -> None:
        insertion = (
            "INSERT INTO parametre (cle, valeur, modifie_a)"
            " SELECT 'duree_option_max_minutes', CAST(:minutes AS jsonb), now() WHERE :s > 0"
        )
        async with journee.client(ouvert.agents["chef"]) as client:
            assert "a 10\u00a0minutes au plus pour finir" in unescape((await client.get(adresse(ouvert))).text)
            await change(journee, ouvert, insertion, minutes="7")
            try:
                fragment = await client.get(f"{adresse(ouvert)}/fragment")
                assert "a 7\u00a0minutes au plus pour finir" in unescape(fragment.text)
            finally:
                await change(journee, ouvert, "DELETE FROM parametre WHERE :s > 0")

    async def test_the_open_grid_says_so_and_takes_nothing(self, journee: Journee, ouvert: MondeService) -> None:
        choix = {"motif": str(ouvert.motifs[0]), "type": "guichet", "nature": "particulier"}
        async with journee.client() as usager:
            grille = await usager.get(f"/rdv/{ouvert.id}/creneau", params=choix)
            assert "jeudi 26 novembre" in grille.text
            csrf = re.search(r'name="_csrf" value="([^"]+)"', grille.text)
            debut = re.search(r'name="debut" value="([^"]+)"', grille.text)
            assert csrf is not None
            assert debut is not None
            async with journee.client(ouvert.agents["chef"]) as client:
                await client.post(f"{adresse(ouvert)}/fermer")
            fragment = await usager.get(f"/rdv/{ouvert.id}/creneau/fragment", params=choix)
            assert fragment.status_code == 200
            assert "Le service vient de fermer la prise de rendez-vous en ligne" in unescape(fragment.text)
            assert 'class="creneau"' not in fragment.text
            reponse = await usager.post(
                f"/rdv/{ouvert.id}/option", data={**choix, "_csrf": csrf[1], "debut": unescape(debut[1])}
            )
            assert reponse.status_code == 422
            assert "ne prend pas de rendez-vous en ligne" in reponse.text

    async def test_who_holds_a_creneau_finishes_and_nobody_else_begins(
        self, journee: Journee, ouvert: MondeService
    ) -> None:
        creneau = (await creneaux_libres(journee.outils, ouvert, maintenant=clock.now()))[0]
        visite = "v" * 43
        option = await place_option(
            journee.outils,
            service_id=ouvert.id,
            motif_id=ouvert.motifs[0],
            type_rdv="guichet",
            debut=creneau.debut,
            visite=visite,
            maintenant=clock.now(),
        )
        async with journee.client(ouvert.agents["chef"]) as client:
            await client.post(f"{adresse(ouvert)}/fermer")
        nom = "accueil_visite"
        jeton = csrf_token(journee.site.settings, visite)
        async with httpx.AsyncClient(
            base_url=journee.site.url, cookies={nom: visite}, headers={"Origin": journee.site.url}
        ) as usager:
            page = await usager.get(f"/rdv/{ouvert.id}/coordonnees", params={"option": option.id})
            assert page.status_code == 200, page.text[:300]
            assert "Confirmer le rendez-vous" in page.text
            cle = re.search(r'name="cle" value="([^"]+)"', page.text)
            debut = re.search(r'name="debut" value="([^"]+)"', page.text)
            csrf = re.search(r'name="_csrf" value="([^"]+)"', page.text)
            assert cle is not None
            assert debut is not None
            saisie = {
                **USAGER,
                "motif": str(ouvert.motifs[0]),
                "type": "guichet",
                "cle": unescape(cle[1]),
                "debut": unescape(debut[1]),
                "_csrf": unescape(csrf[1]) if csrf else jeton,
            }
            refus = await usager.post(f"/rdv/{ouvert.id}/coordonnees", data={**saisie, "telephone1": ""})
            assert refus.status_code == 422
            assert "Question sur mon avis" in refus.text, "what was typed is kept, the service closed or not"
            fini = await usager.post(f"/rdv/{ouvert.id}/coordonnees", data=saisie)
            assert fini.status_code == 303, fini.text[:500]
        places = await journee.scalar(
            "SELECT count(*) FROM rendez_vous WHERE service_id = :s AND etat = 'prevu' AND debut = to_timestamp(:d)",
            s=ouvert.id,
            d=creneau.debut * 60,
        )
        assert places == 1
        assert to_minute(option.debut) == creneau.debut
