"""« Public form » and « Codes and links »: every bad input, its right answer, and what was typed kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote_plus

import pytest
from sqlalchemy import update

from app.tables import Guichet, ServiceFiscal
from tests.booking.usager.conftest import Arrivee, Monde
from tests.booking.usager.navigateur import SAISIE, alternatives, caches, creneaux
from tests.fixtures.donnees import MondeService, build_service


@pytest.fixture(scope="module")
async def ferme(monde: Monde) -> MondeService:
    """Caen: open online, but no guichet takes the internet."""
    async with monde.outils.db.engine.begin() as conn:
        return await build_service(conn, sages="1400001", libelle="SIP CAEN", departement="14", canaux=["rattache"])


async def refuse(arrive: Arrivee, monde: Monde, **champs: str) -> Any:
    """Send a form with these fields; check that it is a 422 that keeps the rest and writes nothing."""
    usager = arrive()
    formulaire = await usager.open_form()
    avant = await monde.count_rdv()
    reponse = await usager.send(formulaire, **champs)
    assert reponse.status_code == 422, reponse.text[:500]
    assert await monde.count_rdv() == avant
    assert SAISIE["precision"] in reponse.text or "precision" in champs
    assert caches(reponse.text)["cle"] == formulaire["cle"]
    return reponse


class TestFormulairePublic:
    """promises « Public form »."""

    @pytest.mark.parametrize(
        ("champs", "phrase"),
        [
            ({"telephone1": ""}, "Indiquez au moins un numéro de téléphone"),
            ({"telephone1": "12"}, "Ce numéro de téléphone n’est pas valable"),
            ({"nom_usage": "Valen\x00ton"}, "caractère invisible ou interdit"),
            ({"prenoms": "\u202eappilihP"}, "caractère invisible ou interdit"),
            ({"precision": ""}, "Précisez votre demande"),
            ({"precision": "x" * 1001}, "trop long"),
            ({"courriel": "a@exemple.fr\r\nBcc: b@exemple.fr"}, "une seule adresse de courriel"),
            ({"courriel": "a@exemple.fr, b@exemple.fr"}, "une seule adresse de courriel"),
            ({"courriel": "pas une adresse"}, "adresse de courriel n’est pas valable"),
            ({"date_naissance": "31/02/1985"}, "Cette date n’existe pas"),
            ({"date_naissance": "01/01/2190"}, "dans le futur"),
            ({"numero_fiscal": "1234567890123"}, "numéro fiscal n’est pas valable"),
            ({"civilite": "docteur"}, "Madame"),
            ({"nom_usage": ""}, "Indiquez le nom d’usage"),
        ],
        ids=lambda valeur: str(valeur)[:40].encode("unicode_escape").decode() if isinstance(valeur, dict) else "",
    )
    async def test_a_bad_field_is_said_beside_it_and_in_the_summary(
        self, monde: Monde, arrive: Arrivee, champs: dict[str, str], phrase: str
    ) -> None:
        reponse = await refuse(arrive, monde, **champs)
        assert reponse.text.count(phrase) >= 2
        champ = next(iter(champs))
        assert f'href="#champ-{champ}"' in reponse.text
        assert f'id="champ-{champ}"' in reponse.text

    async def test_a_lone_surrogate_is_refused(self, monde: Monde, arrive: Arrivee) -> None:
        usager = arrive()
        formulaire = {**await usager.open_form(), **SAISIE}
        formulaire.pop("nom_usage")
        corps = "&".join(f"{nom}={_quote(valeur)}" for nom, valeur in formulaire.items()) + "&nom_usage=%ED%A0%80"
        avant = await monde.count_rdv()
        reponse = await usager.client.post(
            f"{usager.base}/coordonnees",
            content=corps,
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        assert reponse.status_code == 422
        assert "interdit" in reponse.text
        assert await monde.count_rdv() == avant

    async def test_a_bad_siren_is_refused(self, arrive: Arrivee) -> None:
        usager = arrive()
        usager.choix["nature"] = "professionnel"
        reponse = await usager.send(await usager.open_form(), raison_sociale="ACME", siren="123456789")
        assert reponse.status_code == 422
        assert "SIREN n’est pas valable" in reponse.text
        assert 'value="ACME"' in reponse.text

    @pytest.mark.parametrize("ou", ["option", "coordonnees"])
    @pytest.mark.parametrize("cas", ["10:07", "passé", "délai", "jour 31"])
    async def test_a_forged_hour_is_refused_and_others_are_offered(
        self, monde: Monde, arrive: Arrivee, ou: str, cas: str
    ) -> None:
        usager = arrive()
        page = await usager.page_creneaux()
        libre = datetime.fromisoformat(creneaux(page.text)[0])
        aujourdhui = datetime.now(UTC).astimezone(libre.tzinfo).replace(hour=10, minute=0, second=0, microsecond=0)
        forge = {
            "10:07": libre.replace(hour=10, minute=7),
            "passé": aujourdhui - timedelta(days=3),
            "délai": aujourdhui + timedelta(days=1),
            "jour 31": aujourdhui + timedelta(days=31),
        }[cas]
        avant = await monde.sql("SELECT count(*) FROM rendez_vous")
        if ou == "option":
            donnees = {**caches(page.text), "debut": forge.isoformat()}
            reponse = await usager.client.post(f"{usager.base}/option", data=donnees)
            assert creneaux(reponse.text)
        else:
            donnees = {**caches(page.text), "debut": forge.isoformat(), "cle": "5f0c2a34-8f9e-4f43-9a55-0d5a3b1c7e10"}
            reponse = await usager.send(donnees)
            assert len(alternatives(reponse.text)) == 5
            assert SAISIE["precision"] in reponse.text
        assert reponse.status_code == 422
        assert await monde.sql("SELECT count(*) FROM rendez_vous") == avant

    @pytest.mark.parametrize("debut", ["", "demain", "2026-11-24T10:00:00", "9999-12-31T23:59:00+00:00"])
    async def test_what_is_no_hour_is_refused(self, arrive: Arrivee, debut: str) -> None:
        usager = arrive()
        page = await usager.page_creneaux()
        reponse = await usager.client.post(f"{usager.base}/option", data={**caches(page.text), "debut": debut})
        assert reponse.status_code == 422

    async def test_a_service_without_guichet_for_the_internet_takes_nothing(
        self, monde: Monde, arrive: Arrivee, ferme: MondeService
    ) -> None:
        fiche = await arrive().client.get(f"/services/{ferme.id}")
        assert "Prendre rendez-vous</" not in fiche.text
        assert "ne prend pas de rendez-vous en ligne" in fiche.text
        usager = arrive()
        ici = caches((await usager.page_creneaux()).text)
        page = await arrive(ferme.id, ferme.motifs[0]).page_creneaux()
        assert "ne prend pas de rendez-vous en ligne" in page.text
        donnees = {
            **ici,
            **SAISIE,
            "motif": str(ferme.motifs[0]),
            "cle": "5f0c2a34-8f9e-4f43-9a55-0d5a3b1c7e11",
            "debut": "2026-11-24T10:00:00+01:00",
        }
        for chemin in ("option", "coordonnees"):
            reponse = await usager.client.post(f"/rdv/{ferme.id}/{chemin}", data=donnees)
            assert reponse.status_code == 422, chemin
        assert await monde.sql("SELECT count(*) FROM rendez_vous WHERE service_id = :s", s=ferme.id) == [(0,)]

    async def test_a_type_that_is_not_offered_is_refused(self, arrive: Arrivee) -> None:
        usager = arrive()
        formulaire = await usager.open_form()
        reponse = await usager.send({**formulaire, "type": "visio"})
        assert reponse.status_code == 422
        assert (await usager.send({**formulaire, "type": "pigeon"})).status_code == 422

    async def test_a_motif_of_another_catalogue_does_not_exist(self, arrive: Arrivee) -> None:
        usager = arrive()
        formulaire = await usager.open_form()
        assert (await usager.send({**formulaire, "motif": "999999"})).status_code == 404

    async def test_a_body_of_two_megabytes_is_too_large(self, monde: Monde, arrive: Arrivee) -> None:
        usager = arrive()
        formulaire = await usager.open_form()
        avant = await monde.count_rdv()
        reponse = await usager.send(formulaire, precision="x" * 2_000_000)
        assert reponse.status_code == 413
        assert await monde.count_rdv() == avant


class TestPreuveDeProvenance:
    """promises : « CSRF absent or of another session → 403 »; et un mot clair quand les cookies sont refusés."""

    async def test_without_its_token_nothing_is_booked_and_nothing_typed_is_lost(
        self, monde: Monde, arrive: Arrivee
    ) -> None:
        usager, autre = arrive(), arrive()
        formulaire = await usager.open_form()
        etranger = caches((await autre.page_creneaux()).text)["_csrf"]
        avant = await monde.sql("SELECT count(*), max(version) FROM rendez_vous, agenda")
        for jeton in ("", etranger, "\u202e"):
            reponse = await usager.send({**formulaire, "_csrf": jeton})
            assert reponse.status_code == 403
            assert SAISIE["precision"] in reponse.text
            assert "Votre saisie est conservée" in reponse.text
            assert {**caches(reponse.text), "_csrf": ""} == {**formulaire, "_csrf": ""}
        assert await monde.sql("SELECT count(*), max(version) FROM rendez_vous, agenda") == avant
        assert (await usager.send(caches(reponse.text))).status_code == 303

    async def test_another_site_gets_nothing_not_even_the_form(self, monde: Monde, arrive: Arrivee) -> None:
        usager = arrive()
        formulaire = await usager.open_form()
        avant = await monde.count_rdv()
        for entetes in (
            {"Origin": "https://exemple.test"},
            {"Origin": "null"},
            {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        ):
            reponse = await usager.client.post(
                f"{usager.base}/coordonnees", data={**formulaire, **SAISIE}, headers=entetes
            )
            assert reponse.status_code == 403, entetes
            assert SAISIE["precision"] not in reponse.text
        assert await monde.count_rdv() == avant

    async def test_a_browser_that_hides_its_origin_but_says_same_origin_is_ours(self, arrive: Arrivee) -> None:
        usager = arrive()
        formulaire = await usager.open_form()
        reponse = await usager.client.post(
            f"{usager.base}/coordonnees",
            data={**formulaire, **SAISIE},
            headers={"Origin": "null", "Sec-Fetch-Site": "same-origin"},
        )
        assert reponse.status_code == 303

    async def test_a_browser_without_cookies_is_told_so(self, monde: Monde, arrive: Arrivee) -> None:
        usager = arrive()
        page = await usager.page_creneaux()
        donnees = {**caches(page.text), "debut": creneaux(page.text)[0]}
        usager.client.cookies.clear()
        reponse = await usager.client.post(f"{usager.base}/option", data=donnees)
        assert reponse.status_code == 403
        assert "cookie nécessaire" in reponse.text
        assert f'href="/rdv/{usager.service}/motif"' in reponse.text


class TestLiens:
    """promises « Codes and links »."""

    async def test_a_tampered_or_invented_token_is_the_same_404(self, monde: Monde, arrive: Arrivee) -> None:
        usager = arrive()
        lien = (await usager.send(await usager.open_form())).headers["location"]
        altere = lien[:-1] + ("A" if lien[-1] != "A" else "B")
        reponses = [
            await arrive().client.get(adresse)
            for adresse in (altere, "/mon-rendez-vous/x", "/mon-rendez-vous/" + "%00é" * 40, altere + "/agenda.ics")
        ]
        assert {r.status_code for r in reponses} == {404}
        assert len({_main(r.text) for r in reponses}) == 1
        assert (await arrive().client.get(lien)).status_code == 200

    async def test_the_secret_of_the_link_is_in_no_journal(self, monde: Monde, arrive: Arrivee) -> None:
        usager = arrive()
        lien = (await usager.send(await usager.open_form())).headers["location"]
        await usager.client.get(lien)
        jeton = lien.rpartition("/")[2]
        assert jeton not in monde.site.journal.read_text()
        for table in ("journal", "outbox"):
            lignes = await monde.sql(f"SELECT count(*) FROM {table} t WHERE CAST(t AS text) LIKE :j", j=f"%{jeton}%")
            assert lignes == [(0,)]

    async def test_reading_changes_nothing_whoever_reads(self, monde: Monde, arrive: Arrivee) -> None:
        usager = arrive()
        formulaire = await usager.open_form()
        lien = (await usager.send(formulaire)).headers["location"]
        tenue = await arrive().choose()
        avant = await _everything(monde)
        scanner = arrive()
        for adresse in (
            "/",
            "/?q=58000",
            f"/services/{usager.service}",
            f"{usager.base}",
            f"{usager.base}/motif",
            f"{usager.base}/creneau?motif={usager.choix['motif']}&type=guichet",
            f"{usager.base}/creneau/fragment?motif={usager.choix['motif']}&type=guichet",
            f"{usager.base}/option",
            f"{usager.base}/option/rendre",
            f"{usager.base}/option/prolonger",
            tenue.headers["location"],
            lien,
            f"{lien}/agenda.ics",
            "/accessibilite",
            "/donnees-personnelles",
            "/mentions-legales",
        ):
            for methode in ("GET", "HEAD"):
                reponse = await scanner.client.request(methode, adresse)
                assert reponse.status_code in (200, 303), (methode, adresse, reponse.status_code)
                assert methode == "GET" or not reponse.content
        assert await _everything(monde) == avant

    async def test_a_cancelled_rendez_vous_says_so_and_leaves_the_calendar(self, monde: Monde, arrive: Arrivee) -> None:
        usager = arrive()
        lien = (await usager.send(await usager.open_form())).headers["location"]
        await monde.sql_write(
            "UPDATE rendez_vous SET etat = 'annule', occupe = FALSE, annule_par = 'agent'"
            " WHERE id = (SELECT max(id) FROM rendez_vous)"
        )
        page = await usager.client.get(lien)
        assert "Ce rendez-vous est annulé" in page.text
        assert "Le service a dû l’annuler" in page.text
        assert "Ajouter à mon agenda" not in page.text
        assert (await usager.client.get(f"{lien}/agenda.ics")).status_code == 404


class TestServicesIntrouvables:
    """Une adresse inventée n'est jamais une erreur du logiciel."""

    @pytest.mark.parametrize("ident", ["0", "999999", "9223372036854775807", "9223372036854775808", "9" * 60])
    @pytest.mark.parametrize("suite", ["/motif", "/creneau", "/creneau/fragment", "/coordonnees", "/option"])
    async def test_an_unknown_service_is_a_404(self, arrive: Arrivee, ident: str, suite: str) -> None:
        reponse = await arrive().client.get(f"/rdv/{ident}{suite}")
        assert reponse.status_code in ((303, 404) if suite == "/option" else (404,))

    @pytest.mark.parametrize(
        "requete",
        [
            "motif=x&type=y",
            "motif=1&type=guichet&jour=9999-12-31&mois=9999-12",
            "m1=99&m2=-1",
            "motif=%00&jour=%ED%A0%80",
        ],
    )
    @pytest.mark.parametrize("etape", ["motif", "creneau", "coordonnees"])
    async def test_choices_that_mean_nothing_are_ignored(self, arrive: Arrivee, requete: str, etape: str) -> None:
        usager = arrive()
        assert (await usager.client.get(f"{usager.base}/{etape}?{requete}")).status_code in (200, 303)

    async def test_hostile_searches_find_nothing_and_break_nothing(self, arrive: Arrivee) -> None:
        for saisie in ("%", "_", "'; DROP TABLE", "\x00", "\u202e", "<script>", "x" * 5000, "\ud83d"):
            reponse = await arrive().client.get("/", params={"q": saisie.encode("utf-8", "replace")})
            assert reponse.status_code == 200
            assert "<script>" not in reponse.text


class TestOuverture:
    """[C §5] : ouverture nationale et activation du service sont toutes deux nécessaires."""

    async def test_the_cards_of_a_search_say_what_the_context_says(self, monde: Monde, arrive: Arrivee) -> None:
        service = monde.service.id
        base = monde.outils.db.engine

        async def shown() -> bool:
            texte = (await arrive().client.get(f"/services/{service}")).text
            motif = (await arrive().client.get(f"/rdv/{service}/motif")).text
            assert ("Vous êtes" in motif) == ("Prendre rendez-vous<span" in texte)
            return "Prendre rendez-vous<span" in texte

        assert await shown()
        try:
            for valeur, attendu in (("2099-01-01", False), ("2020-01-01", True)):
                await monde.sql_write(
                    "INSERT INTO parametre (cle, service_id, valeur, modifie_a) VALUES"
                    " ('ouverture_nationale', NULL, to_jsonb(CAST(:v AS text)), now())"
                    " ON CONFLICT (cle, service_id) DO UPDATE SET valeur = excluded.valeur",
                    v=valeur,
                )
                await _planning_changed(monde)
                assert await shown() is attendu
            async with base.begin() as conn:
                await conn.execute(update(ServiceFiscal).where(ServiceFiscal.id == service).values(en_ligne=False))
            await _planning_changed(monde)
            assert not await shown()
            async with base.begin() as conn:
                await conn.execute(update(ServiceFiscal).where(ServiceFiscal.id == service).values(en_ligne=True))
                await conn.execute(update(Guichet).where(Guichet.service_id == service).values(canaux=["exterieur"]))
            await _planning_changed(monde)
            assert not await shown()
        finally:
            async with base.begin() as conn:
                await conn.execute(update(Guichet).where(Guichet.service_id == service).values(canaux=None))
                await conn.execute(update(ServiceFiscal).where(ServiceFiscal.id == service).values(en_ligne=True))
            await monde.sql_write("DELETE FROM parametre WHERE cle = 'ouverture_nationale'")
            await _planning_changed(monde)


async def _planning_changed(monde: Monde) -> None:
    await monde.sql_write("UPDATE agenda SET version_planning = version_planning + 1")


async def _everything(monde: Monde) -> list[Any]:
    """What any change would change; holds that the worker releases by itself are none of it, nor what was read."""
    return await monde.sql(
        "SELECT (SELECT count(*) FROM rendez_vous WHERE etat <> 'option'),"
        " (SELECT count(*) FROM journal WHERE action <> 'rdv.lu'), (SELECT count(*) FROM courrier),"
        " (SELECT array_agg((service_id, version_creneaux, version_planning)::text ORDER BY service_id) FROM agenda),"
        " (SELECT max(expire_a) FROM rendez_vous)"
    )


def _main(texte: str) -> str:
    return texte[texte.index("<main") : texte.index("</main>")]


def _quote(valeur: str) -> str:
    return quote_plus(valeur)
