"""One's own rendez-vous read elsewhere: in English, on the agent's fiche, in another service [G 2.3.1, 2.3.5]."""

from __future__ import annotations

import html
import re

import httpx
import pytest

from app import clock
from app.booking.outils import Auteur
from app.booking.reserver import book
from app.domain.documents import print_document
from app.identite.sessions import open_session
from app.langue import read_catalogue
from tests.booking.outillage import creneaux_libres, demande
from tests.booking.usager.conftest import Arrivee, Monde
from tests.booking.usager.mien import Tenu, tenir, texte
from tests.booking.usager.navigateur import creneaux
from tests.fixtures.delegations import insert_delegation, rename
from tests.fixtures.donnees import build_agent, build_service


@pytest.fixture
async def tenu(monde: Monde, arrive: Arrivee) -> Tenu:
    return await tenir(monde, arrive, 4)


class TestAnglais:
    """« the usager's journey also in English, for residents abroad »."""

    async def test_no_known_french_sentence_is_left(self, tenu: Tenu) -> None:
        tenu.client.headers["Accept-Language"] = "en-GB"
        confirme, _ = await tenu.choisir(2)
        pages = [confirme, await tenu.client.get("/retrouver"), await tenu.client.get("/retrouver?avis=expire")]
        pages += [await tenu.get(suite) for suite in ("", "/deplacer", "/plus-tot", "/annuler")]
        pages.append(await tenu.post("/annuler", pages[-1], raison="\x00"))
        pages.append(await tenu.client.post("/retrouver", data={**_caches(pages[1]), "code": "AAAAAA", "nom": "x"}))
        await tenu.post("/annuler", await tenu.get("/annuler"))
        pages += [await tenu.get(suite) for suite in ("", "/deplacer")]
        francais = [
            cle for cle, mot in read_catalogue().items() if cle != mot and len(cle) > 9 and not {"{", "%"} & set(cle)
        ]
        for page in pages:
            assert '<html lang="en"' in page.text
            lu = texte(page.text).partition("Les informations recueillies")[0]
            assert [cle for cle in francais if re.search(rf"(?<!\w){re.escape(cle)}(?!\w)", lu)] == [], page.url

    async def test_dates_and_hours_are_english_too(self, tenu: Tenu) -> None:
        tenu.client.headers["Accept-Language"] = "en"
        lu = texte((await tenu.get()).text)
        assert re.search(r"(Mon|Tues|Wednes|Thurs|Fri)day \d+ \w+ \d{4} at \d\d:\d\d", lu.replace("\u00a0", " "))
        assert "0 of 2 ready" in lu


def _caches(page: httpx.Response) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text))


class TestLaFiche:
    """« shown to the agent: documents préparés »."""

    async def test_the_agent_sees_what_is_ready(self, monde: Monde, tenu: Tenu) -> None:
        await tenu.post("/documents", await tenu.get(), document=[print_document("Dernier avis d'impôt")])
        async with monde.outils.db.engine.begin() as conn:
            ident = await build_agent(conn, "lecteur", service_id=monde.service.id, zone=[monde.service.id])
        jeton = await open_session(monde.outils.db, ident, ancien_jeton=None, adresse=None, a=clock.now())
        async with httpx.AsyncClient(base_url=monde.site.url, cookies={"accueil_session": jeton}) as client:
            page = await client.get(f"/rendez-vous/{tenu.rdv}")
        lu = texte(page.text)
        assert "Préparés par l’usager, selon lui : 1 sur 2" in lu
        assert html.unescape("Dernier avis d'impôt (préparé)") in lu
        assert "Pièce d'identité (préparé)" not in lu
        histoire = lu.partition("Histoire")[2]
        assert "mis à jour" not in histoire, "a tick is no event of the story"


class TestRecuAilleurs:
    """A RDV that another service receives is moved there, even when it takes no online bookings of its own."""

    async def test_it_is_moved_where_it_is_received(self, monde: Monde, arrive: Arrivee) -> None:
        async with monde.outils.db.engine.begin() as conn:
            cosne = await build_service(
                conn, sages="5800999", libelle="x", guichets=2, types=["guichet"], en_ligne=False
            )
            await rename(conn, cosne, "SERVICE IMPOTS COSNE", "COSNE", "2 rue du Port")
            ident = await insert_delegation(conn, monde.service, cosne, motifs=monde.service.motifs[:1])
        await monde.sql_write("UPDATE agenda SET version_planning = version_planning + 1, version = version + 1")
        debut = (await creneaux_libres(monde.outils, monde.service))[0].debut
        plus = {"service_id": cosne.id, "delegation_id": ident}
        rdv = await book(monde.outils, demande(monde.service, debut, 901, **plus), Auteur("usager"), clock.now())
        tenu = Tenu(arrive().client, f"/mon-rendez-vous/{rdv.jeton}", rdv.code, rdv.id, monde)
        page = await tenu.get()
        assert "SERVICE IMPOTS COSNE vous reçoit pour le compte de" in texte(page.text)
        confirme, neuf = await tenu.choisir(3)
        assert confirme.status_code == 200, texte(confirme.text)
        fin = await tenu.post("/deplacer", confirme, faire="confirmer")
        assert fin.status_code == 303, texte(fin.text)
        assert (await tenu.ligne("service_id", "delegation_id")) == (cosne.id, ident)
        siens = creneaux((await tenu.get("/deplacer")).text)
        assert siens
        assert neuf not in siens, "where it is already is no move"
        assert (await tenu.post("/annuler", await tenu.get("/annuler"))).status_code == 303
