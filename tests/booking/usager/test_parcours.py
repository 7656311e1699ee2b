"""The journey over HTTP on the real site, without JavaScript: what it gives, and what it never gives twice [A1 §2]."""

from __future__ import annotations

import asyncio
import html
import re
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

from icalendar import Calendar

from app.embedded.boite import list_messages
from tests.booking.usager.conftest import Arrivee, Monde
from tests.booking.usager.navigateur import SAISIE, alternatives, caches, code, creneaux
from tests.fixtures.base import until


class TestAnnexe1Parcours:
    """Annexe 1 §2 : « La prise de rendez-vous en ligne se fait en 4 étapes »."""

    async def test_a_usager_goes_from_the_door_to_the_code_without_javascript(
        self, monde: Monde, arrive: Arrivee
    ) -> None:
        usager = arrive()
        client, service = usager.client, monde.service
        accueil = await client.get("/", params={"q": "nevers"})
        assert f'href="/rdv/{service.id}/motif"' in accueil.text
        motif = await client.get(f"/rdv/{service.id}/motif")
        assert "Vous êtes" in motif.text
        choix = {"nature": "particulier", "m1": str(service.motifs[0])}
        complet = await client.get(f"/rdv/{service.id}/motif", params=choix)
        assert "Au guichet" in complet.text
        assert "Dernier avis d&#39;impôt" in complet.text
        etape2 = await client.get(f"/rdv/{service.id}/creneau", params={**choix, "type": "guichet"})
        assert etape2.status_code == 200
        formulaire = {**caches(etape2.text), "debut": creneaux(etape2.text)[3]}
        option = await client.post(f"/rdv/{service.id}/option", data=formulaire)
        etape3 = await client.get(option.headers["location"])
        assert "réservé pendant encore 5" in etape3.text
        fin = await client.post(f"/rdv/{service.id}/coordonnees", data={**caches(etape3.text), **SAISIE})
        assert fin.status_code == 303
        assert re.fullmatch(r"/mon-rendez-vous/[\w-]{32}", fin.headers["location"])
        page = await client.get(fin.headers["location"])
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["cache-control"] == "no-store"
        assert "Il est prévu pour une durée de 20\u00a0minutes." in page.text
        assert "Vous serez reçu(e) au guichet du service indiqué ci-dessous" in page.text
        assert "Étape 4 sur 4" in page.text
        lettres = code(page.text)
        ligne = (
            await monde.sql(
                "SELECT r.etat, r.canal, r.origine, u.nom_usage, u.telephones, u.courriel, r.debut FROM rendez_vous r"
                " JOIN rdv_usager u ON u.rdv_id = r.id WHERE r.code = :code",
                code=lettres,
            )
        )[0]
        assert ligne[:3] == ("prevu", "internet", "internet")
        assert ligne[3:6] == ("Valenton", ["+33612345678"], "philippa@usagers.test")
        assert ligne.debut == datetime.fromisoformat(formulaire["debut"])
        await until(lambda: any(lettres in m.sujet or m.a for m in list_messages(monde.site_boite)), delai_s=10)

    async def test_a_telephone_rendez_vous_says_which_number_will_be_called(self, arrive: Arrivee) -> None:
        page = await arrive(type_rdv="telephone").book()
        assert "Vous serez appelé(e) au <b>06\u00a012\u00a034\u00a056\u00a078</b>" in page.text

    async def test_a_company_gives_its_own_fields(self, monde: Monde, arrive: Arrivee) -> None:
        usager = arrive()
        usager.choix["nature"] = "professionnel"
        formulaire = await usager.open_form()
        assert formulaire["nature"] == "professionnel"
        plus = {"raison_sociale": "ACME <SARL>", "siren": "732 829 320", "contact": "A. Martin"}
        reponse = await usager.send(formulaire, **plus)
        page = await usager.client.get(reponse.headers["location"])
        ligne = await monde.sql(
            "SELECT u.nature, u.raison_sociale, u.siren, u.nom_usage FROM rdv_usager u JOIN rendez_vous r"
            " ON r.id = u.rdv_id WHERE r.code = :code",
            code=code(page.text),
        )
        assert ligne == [("professionnel", "ACME <SARL>", "732829320", "")]

    async def test_without_e_mail_it_is_booked_and_no_mail_is_written(self, monde: Monde, arrive: Arrivee) -> None:
        page = await arrive().book(courriel="")
        assert "Vous n’avez pas indiqué de courriel" in page.text
        assert (
            await monde.sql(
                "SELECT count(*) FROM courrier c JOIN rendez_vous r ON r.id = c.rdv_id WHERE r.code = :code",
                code=code(page.text),
            )
        )[0][0] == 0

    async def test_the_calendar_file_holds_the_rendez_vous_and_neither_motif_nor_link(self, arrive: Arrivee) -> None:
        page = await arrive().book()
        lien = re.search(r'href="(/mon-rendez-vous/[^"]+\.ics)"', page.text)
        assert lien
        usager = arrive()
        ics = await usager.client.get(lien[1])
        assert ics.headers["content-type"].startswith("text/calendar")
        evenement = Calendar.from_ical(ics.content).events[0]
        assert code(page.text) in str(evenement["DESCRIPTION"])
        assert "mon-rendez-vous" not in ics.text
        assert "Déclaration" not in ics.text


class TestUneSeuleFois:
    """Public form : une clé, un rendez-vous ; P2 et les doubles clics."""

    async def test_the_same_form_sent_ten_times_at_once_is_one_rendez_vous(self, monde: Monde, arrive: Arrivee) -> None:
        usager = arrive()
        formulaire = await usager.open_form()
        avant = await monde.count_rdv()
        reponses = await asyncio.gather(*(usager.send(formulaire) for _ in range(10)))
        assert {r.status_code for r in reponses} == {303}
        assert len({r.headers["location"] for r in reponses}) == 1
        assert await monde.count_rdv() == avant + 1

    async def test_two_tabs_on_the_same_hold_are_one_rendez_vous(self, monde: Monde, arrive: Arrivee) -> None:
        usager = arrive()
        premier = await usager.open_form()
        second = await usager.open_form(premier["debut"])
        assert premier["cle"] == second["cle"]
        avant = await monde.count_rdv()
        un, deux = await usager.send(premier), await usager.send(second)
        assert un.headers["location"] == deux.headers["location"]
        assert await monde.count_rdv() == avant + 1

    async def test_the_back_button_after_the_end_finds_the_same_confirmation(self, arrive: Arrivee) -> None:
        usager = arrive()
        option = await usager.choose()
        adresse = option.headers["location"]
        formulaire = caches((await usager.client.get(adresse)).text)
        fin = await usager.send(formulaire)
        retour = await usager.client.get(adresse)
        assert (retour.status_code, retour.headers["location"]) == (303, fin.headers["location"])

    async def test_that_address_tells_another_visitor_nothing(self, arrive: Arrivee) -> None:
        usager = arrive()
        adresse = (await usager.choose()).headers["location"]
        await usager.send(caches((await usager.client.get(adresse)).text))
        autre = arrive()
        await autre.page_creneaux()
        reponse = await autre.client.get(adresse)
        assert reponse.status_code == 303
        assert "/creneau?" in reponse.headers["location"]

    async def test_a_form_changed_after_the_end_books_nothing_more_and_says_so(
        self, monde: Monde, arrive: Arrivee
    ) -> None:
        usager = arrive()
        formulaire = await usager.open_form()
        premier = await usager.send(formulaire)
        avant = await monde.count_rdv()
        change = await usager.send(formulaire, precision="Autre chose")
        assert change.headers["location"] == premier.headers["location"] + "?deja=1"
        assert "était déjà enregistré" in (await usager.client.get(change.headers["location"])).text
        assert await monde.count_rdv() == avant


class TestCreneauTenu:
    """« le temps restant, calmement, avec garder 5 minutes de plus » ; rien de ce qui est saisi n'est perdu."""

    async def test_a_held_creneau_is_offered_to_nobody_else_and_to_its_holder_still(self, arrive: Arrivee) -> None:
        usager, autre = arrive(), arrive()
        debut = creneaux((await usager.page_creneaux()).text)[-1]
        jour = {"jour": debut[:10]}
        assert (await usager.choose(debut)).status_code == 303
        await fill(arrive, debut)
        assert debut not in creneaux((await autre.page_creneaux(**jour)).text)
        assert debut in creneaux((await usager.page_creneaux(**jour)).text)

    async def test_more_time_without_javascript_keeps_what_was_typed(self, monde: Monde, arrive: Arrivee) -> None:
        usager = arrive()
        formulaire = await usager.open_form()
        await age_last_hold(monde, cree=3, expire=3)
        donnees = {**formulaire, "nom_usage": "D'Artagnan", "precision": "Saisie en cours"}
        page = await usager.client.post(f"{usager.base}/option/prolonger", data=donnees)
        assert page.status_code == 200
        assert 'value="D&#39;Artagnan"' in page.text
        assert "Saisie en cours" in page.text
        assert caches(page.text)["cle"] == formulaire["cle"]
        assert "encore 7" in page.text

    async def test_more_time_for_the_script_is_json_and_never_beyond_ten_minutes(
        self, monde: Monde, arrive: Arrivee
    ) -> None:
        usager = arrive()
        formulaire = await usager.open_form()
        await age_last_hold(monde, cree=8, expire=4)
        reponse = await usager.client.post(
            f"{usager.base}/option/prolonger", data=formulaire, headers={"Accept": "application/json"}
        )
        assert reponse.json()["prolongeable"] is False
        cree, expire = (
            await monde.sql("SELECT cree_a, expire_a FROM rendez_vous WHERE etat = 'option' ORDER BY id DESC LIMIT 1")
        )[0]
        assert expire - cree == timedelta(minutes=10)

    async def test_once_given_back_it_is_free_for_everybody(self, monde: Monde, arrive: Arrivee) -> None:
        usager = arrive()
        formulaire = await usager.open_form()
        donnees = {**formulaire, **SAISIE, "nom_usage": "D'Artagnan"}
        page = await usager.client.post(f"{usager.base}/option/rendre", data=donnees)
        assert page.status_code == 200
        assert "Votre créneau a été rendu." in page.text
        assert 'value="D&#39;Artagnan"' in page.text
        debut = datetime.fromisoformat(formulaire["debut"])
        restent = await monde.sql(
            "SELECT count(*) FROM rendez_vous WHERE etat = 'option' AND debut = :debut AND service_id = :service",
            debut=debut,
            service=usager.service,
        )
        assert restent[0][0] == 0
        assert formulaire["debut"] in re.findall(r'<option value="([^"]+)"', page.text)

    async def test_any_free_hour_may_be_chosen_after_a_loss_without_typing_again(
        self, monde: Monde, arrive: Arrivee
    ) -> None:
        usager = arrive()
        page = await usager.client.post(
            f"{usager.base}/option/rendre", data={**await usager.open_form(), **SAISIE, "nom_usage": "Milady"}
        )
        dernier = re.findall(r'<option value="(\d[^"]+)"', page.text)[-1]
        fin = await usager.send(
            {**caches(page.text), "choix": "autre", "autre_debut": html.unescape(dernier)}, nom_usage="Milady"
        )
        assert fin.status_code == 303
        assert await monde.sql(
            "SELECT u.nom_usage FROM rdv_usager u JOIN rendez_vous r ON r.id = u.rdv_id WHERE r.debut = :debut",
            debut=datetime.fromisoformat(html.unescape(dernier)),
        ) == [("Milady",)]

    async def test_a_form_of_another_make_is_led_back_to_the_hours(self, arrive: Arrivee) -> None:
        usager = arrive()
        formulaire = await usager.open_form()
        formulaire.pop("cle")
        reponse = await usager.client.post(f"{usager.base}/option/rendre", data=formulaire)
        assert reponse.status_code == 303
        assert "Votre créneau a été rendu" in (await usager.client.get(reponse.headers["location"])).text

    async def test_an_expired_hold_leads_kindly_back_to_the_hours(self, monde: Monde, arrive: Arrivee) -> None:
        usager = arrive()
        adresse = (await usager.choose()).headers["location"]
        await expire_all(monde)
        reponse = await usager.client.get(adresse)
        assert reponse.status_code == 303
        page = await usager.client.get(reponse.headers["location"])
        assert "n’est plus réservé pour vous" in page.text
        assert creneaux(page.text)

    async def test_an_expired_hold_still_books_when_the_creneau_is_free(self, monde: Monde, arrive: Arrivee) -> None:
        usager = arrive()
        formulaire = await usager.open_form()
        await expire_all(monde)
        assert (await usager.send(formulaire)).status_code == 303

    async def test_correcting_a_field_takes_the_creneau_again(self, monde: Monde, arrive: Arrivee) -> None:
        usager = arrive()
        formulaire = await usager.open_form()
        await expire_all(monde)
        page = await usager.send(formulaire, telephone1="")
        assert page.status_code == 422
        assert "réservé pendant encore 5" in page.text
        assert caches(page.text)["cle"] == formulaire["cle"]

    async def test_a_creneau_lost_while_typing_keeps_everything_and_one_click_books_another(
        self, monde: Monde, arrive: Arrivee
    ) -> None:
        usager = arrive()
        formulaire = await usager.open_form()
        debut = formulaire["debut"]
        await expire_all(monde)
        await fill(arrive, debut)
        avant = await monde.count_rdv()
        page = await usager.send(formulaire, nom_usage='<script>alert("x")</script>')
        assert page.status_code == 409
        assert "Ce créneau vient d’être pris." in page.text
        assert "&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt;" in page.text
        assert SAISIE["precision"] in page.text
        proches = alternatives(page.text)
        assert len(proches) == 5
        assert debut not in proches
        assert proches == sorted(proches)
        cachees = caches(page.text)
        assert "debut" not in cachees
        fin = await usager.send({**cachees, "debut": proches[0]})
        assert fin.status_code == 303
        assert await monde.count_rdv() == avant + 1
        confirmation = await usager.client.get(fin.headers["location"])
        heure = datetime.fromisoformat(proches[0])
        assert f"à {heure.hour}\u00a0h" in confirmation.text

    async def test_a_creneau_taken_since_the_page_was_shown_is_answered_with_the_nearest(self, arrive: Arrivee) -> None:
        usager = arrive()
        page = await usager.page_creneaux()
        debut = creneaux(page.text)[0]
        await fill(arrive, debut)
        reponse = await usager.client.post(f"{usager.base}/option", data={**caches(page.text), "debut": debut})
        assert reponse.status_code == 409
        assert "Ce créneau vient d’être pris." in reponse.text
        proches = alternatives(reponse.text)
        assert proches
        suite = await usager.client.post(
            f"{usager.base}/option", data={**caches(reponse.text), "debut": html.unescape(proches[0])}
        )
        assert suite.status_code == 303
        assert "option" in parse_qs(urlsplit(suite.headers["location"]).query)


async def fill(arrive: Arrivee, debut: str) -> None:
    """Rivals hold that hour until nobody else can."""
    for _ in range(6):
        if (await arrive().choose(debut)).status_code == 409:
            return
    raise AssertionError("more holds than guichets")


async def age_last_hold(monde: Monde, *, cree: int, expire: int) -> None:
    """The hold just placed is that many minutes older, and ends that many minutes sooner."""
    await monde.sql_write(
        "UPDATE rendez_vous SET cree_a = cree_a - make_interval(mins => :cree),"
        " expire_a = expire_a - make_interval(mins => :expire)"
        " WHERE id = (SELECT max(id) FROM rendez_vous WHERE etat = 'option')",
        cree=cree,
        expire=expire,
    )


async def expire_all(monde: Monde) -> None:
    """Every hold has outlived its time, as if nobody had come back."""
    await monde.sql_write("UPDATE rendez_vous SET expire_a = expire_a - interval '1 hour' WHERE etat = 'option'")
