"""« Télécharger mes données », by the person himself: his own and no other's, by link or signed in (P16)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html import unescape

from sqlalchemy import insert

from app.db import Database
from app.tables import Parametre
from tests.booking.usager.navigateur import Navigateur, creneaux
from tests.identite.fournisseur import Provider
from tests.identite.test_franceconnect import (  # noqa: F401
    CONTACTS,
    Venir,
    db,
    enter,
    fournisseur,
    provider,
    service,
    site_fc,
    sql,
    venir,
)

QUAND = datetime(2026, 1, 1, tzinfo=UTC)


async def reserver(usager: Navigateur) -> str:
    """A booking by who is signed in: the secret link of it."""
    debut = creneaux((await usager.page_creneaux()).text)[0]
    fin = await usager.send(await usager.open_form(debut), **CONTACTS)
    assert fin.status_code == 303, fin.text[:2000]
    return str(fin.headers["location"]).split("?")[0]


class TestParLeLien:
    """The same authority as the page: who holds the link has what he typed, not what agents wrote for agents."""

    async def test_he_has_what_he_gave_and_nothing_internal(
        self,
        venir: Venir,  # noqa: F811
        db: Database,  # noqa: F811
    ) -> None:
        usager = venir()
        debut = creneaux((await usager.page_creneaux()).text)[0]
        plus = {"courriel": "donnees@usagers.test", "telephone1": "06 12 99 00 01"}
        fin = await usager.send(await usager.open_form(debut), **plus)
        lien = str(fin.headers["location"]).split("?")[0]
        page = unescape((await usager.client.get(lien)).text)
        assert f'href="{lien}/donnees.json"' in page
        assert "Responsable du traitement : Direction générale des Finances publiques" in page
        rdv = re.search(r'class="code-rdv".*?>([A-Z]{6})<', page, re.DOTALL)
        assert rdv
        async with db.engine.begin() as conn:
            await conn.exec_driver_sql("UPDATE rendez_vous SET note_interne = 'note-xylophone'")
        reponse = await usager.client.get(f"{lien}/donnees.json")
        assert reponse.status_code == 200
        assert reponse.headers["cache-control"] == "no-store"
        assert "attachment" in reponse.headers["content-disposition"]
        objet = reponse.json()
        assert objet["rendez_vous"][0]["courriel"] == "donnees@usagers.test"
        assert len(objet["rendez_vous"]) == 1
        assert "note-xylophone" not in reponse.text
        assert {"journal", "contre_appels", "suites"}.isdisjoint(objet)
        assert "délégué" in objet["a_demander"]
        lignes = await sql(
            db,
            "SELECT j.acteur, j.apres FROM journal j JOIN rendez_vous r ON r.id = j.rdv_id"
            " WHERE j.action = 'donnees.telechargees' AND r.code = :c",
            c=rdv[1],
        )
        assert lignes == [("usager", {"par": "lien", "rdvs": 1})]

    async def test_a_wrong_link_gives_nothing(self, venir: Venir) -> None:  # noqa: F811
        for jeton in ("faux", "A" * 32, "acces.1.2.3"):
            assert (await venir().client.get(f"/mon-rendez-vous/{jeton}/donnees.json")).status_code in (303, 404)

    async def test_in_english_the_page_says_it_too(self, venir: Venir) -> None:  # noqa: F811
        usager = venir()
        debut = creneaux((await usager.page_creneaux()).text)[0]
        plus = {"courriel": "anglais@usagers.test", "telephone1": "06 12 99 00 02"}
        fin = await usager.send(await usager.open_form(debut), **plus)
        lien = str(fin.headers["location"]).split("?")[0]
        page = unescape((await usager.client.get(lien, headers={"Accept-Language": "en"})).text)
        assert "Download my data (JSON)" in page
        assert 'Data controller: <span lang="fr">Direction générale des Finances publiques' in page


class TestParLeCodeEtLeNom:
    """A code and a name may have been overheard: the page opens, what was typed does not leave."""

    async def test_nothing_is_downloaded(self, venir: Venir) -> None:  # noqa: F811
        usager, curieux = venir(), venir()
        debut = creneaux((await usager.page_creneaux()).text)[0]
        plus = {"courriel": "entendu@usagers.test", "telephone1": "06 12 99 00 03", "nom_usage": "Entendu"}
        fin = await usager.send(await usager.open_form(debut), **plus)
        page = (await usager.client.get(str(fin.headers["location"]))).text
        code = re.findall(r'aria-hidden="true">([A-Z]{6})<', page)[0]
        entree = (await curieux.client.get("/retrouver")).text
        caches = dict(re.findall(r'name="(_csrf)" value="([^"]*)"', entree))
        ouvert = await curieux.client.post("/retrouver", data={**caches, "code": code, "nom": "Entendu"})
        assert ouvert.status_code == 303, ouvert.text[:500]
        base = str(ouvert.headers["location"]).split("?")[0]
        vu = (await curieux.client.get(base)).text
        assert "donnees.json" not in vu
        refus = await curieux.client.get(f"{base}/donnees.json")
        assert refus.status_code == 404
        assert "entendu@usagers.test" not in refus.text


class TestIdentifie:
    """Signed in: all of his, his account, nobody else's."""

    async def test_all_of_his_and_his_account(
        self,
        venir: Venir,  # noqa: F811
        provider: Provider,  # noqa: F811
        db: Database,  # noqa: F811
    ) -> None:
        usager = venir()
        await enter(usager, provider, depuis="/mes-rendez-vous", preferred_username="TELECHARGE")
        await reserver(usager)
        page = (await usager.client.get("/mes-rendez-vous")).text
        assert 'href="/mes-rendez-vous/donnees.json"' in page
        objet = (await usager.client.get("/mes-rendez-vous/donnees.json")).json()
        assert [r["nom_usage"] for r in objet["rendez_vous"]] == ["TELECHARGE"]
        assert objet["registre"][0]["nom_usage"] == "TELECHARGE"
        numero = re.findall(r'href="/mes-rendez-vous/(\d+)"', page)[0]
        un = (await usager.client.get(f"/mes-rendez-vous/{numero}/donnees.json")).json()
        assert len(un["rendez_vous"]) == 1
        assert un["registre"] == []

        curieux = venir()
        await enter(curieux, provider, depuis="/mes-rendez-vous")
        assert (await curieux.client.get(f"/mes-rendez-vous/{numero}/donnees.json")).status_code == 404
        assert (await curieux.client.get("/mes-rendez-vous/donnees.json")).json()["rendez_vous"] == []
        refus = "SELECT count(*) FROM journal WHERE action = 'rdv.acces_refuse' AND apres->>'demande' = :d"
        assert (await sql(db, refus, d=numero))[0][0] == 1

    async def test_nobody_signed_in_is_led_to_the_way_in(self, venir: Venir) -> None:  # noqa: F811
        for chemin in ("/mes-rendez-vous/donnees.json", "/mes-rendez-vous/1/donnees.json"):
            reponse = await venir().client.get(chemin)
            assert (reponse.status_code, reponse.headers["location"]) == (303, "/mes-rendez-vous")


class TestLaNotice:
    """Who is responsible is a parameter of the nation; an English page says that it is written in French."""

    async def test_both_languages_show_the_parameters(
        self,
        venir: Venir,  # noqa: F811
        db: Database,  # noqa: F811
    ) -> None:
        async with db.engine.begin() as conn:
            await conn.execute(
                insert(Parametre).values(
                    cle="delegue_donnees",
                    valeur="Le délégué <b>de Nevers</b>",
                    modifie_a=QUAND,
                )
            )
        try:
            usager = venir()
            fr = (await usager.client.get("/donnees-personnelles")).text
            en = (await usager.client.get("/donnees-personnelles", headers={"Accept-Language": "en"})).text
        finally:
            async with db.engine.begin() as conn:
                await conn.exec_driver_sql("DELETE FROM parametre WHERE cle = 'delegue_donnees'")
        assert "Le délégué &lt;b&gt;de Nevers&lt;/b&gt;" in fr
        assert '<span lang="fr">Le délégué &lt;b&gt;de Nevers&lt;/b&gt;</span>' in en
        assert "mission d’intérêt public" in fr
        assert "To have it erased" in en
