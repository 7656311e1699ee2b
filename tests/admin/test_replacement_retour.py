"""What a service received by delegation and can hold no more goes home: from there, or from here [G 2.3.4, 2.3.5]."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Browser
from sqlalchemy import RowMapping, text, update

from app import clock
from app.booking.deplacer import Cible, move
from app.booking.outils import Auteur
from app.booking.titres import ParDroit
from app.db import UnitOfWork
from app.tables import Delegation, Guichet
from tests.accueil.ecran import overflow
from tests.accueil.ecran import until as until_page
from tests.accueil.monde import Journee, axe, epoch_minute, personne
from tests.admin.guichets import send, words
from tests.admin.test_replacement import base, close_guichet, read_list, tick
from tests.admin.test_replacement_delegation import COSNE, ETROIT, HEURES, JEUDI, delegate
from tests.booking.agents.test_confies import liste
from tests.fixtures.delegations import rename
from tests.fixtures.donnees import MondeService

NEVERS = "SIP DE NEVERS, NEVERS"


@pytest.fixture
async def nevers(journee: Journee) -> MondeService:
    """Received from 8:00 to 12:00 and from 14:00 to 16:00 at two guichets."""
    service = await journee.service(**HEURES)
    async with journee.outils.db.engine.begin() as conn:
        await rename(conn, service, "SIP DE NEVERS", "NEVERS", "19 rue des Ursulines")
    return service


@pytest.fixture
async def cosne(journee: Journee) -> MondeService:
    """What receives for it, in another town."""
    service = await journee.service(**HEURES, en_ligne=False)
    async with journee.outils.db.engine.begin() as conn:
        await rename(conn, service, "SIP DE COSNE", "COSNE-COURS-SUR-LOIRE", "2 rue du Port")
    return service


async def entrust(
    journee: Journee, de: MondeService, vers: MondeService, delegation: int, heure: str = "14:00", **plus: Any
) -> int:
    """A RDV of ``de`` sent to the first guichet of ``vers``."""
    rdv = await journee.book(de, heure, jour=JEUDI, **plus)
    cible = Cible(epoch_minute(heure, jour=JEUDI), vers.guichets[0], delegation_id=delegation)
    auteur = Auteur("agent", agent_id=de.agents["chef"])
    titre = ParDroit(de.agents["chef"], "organiser")
    assert (await move(journee.outils, rdv, cible, auteur, clock.now(), titre=titre)).change
    return rdv


async def organise_both(journee: Journee, agent: int, service: MondeService) -> None:
    """Let who organises one service organise another one too."""
    await journee.attach(agent, service)
    async with journee.outils.db.engine.begin() as conn:
        await conn.execute(
            text(
                "UPDATE habilitation SET profil = (SELECT profil FROM habilitation WHERE agent_id = :c LIMIT 1)"
                " WHERE agent_id = :a AND service_id = :s"
            ),
            {"c": service.agents["chef"], "a": agent, "s": service.id},
        )


async def row(journee: Journee, rdv: int) -> RowMapping:
    async with journee.outils.db.read() as conn:
        requete = "SELECT service_id, service_origine_id, delegation_id FROM rendez_vous WHERE id = :r"
        return (await conn.execute(text(requete), {"r": rdv})).mappings().one()


async def shut(journee: Journee, service: MondeService) -> None:
    for rang in (1, 0):
        await close_guichet(journee, service, rang)


class TestChezQuiRecoit:
    """It says whose usager it is, and brings home what it may."""

    async def test_the_way_home_comes_first_when_as_near_and_is_confirmed(
        self, journee: Journee, nevers: MondeService, cosne: MondeService
    ) -> None:
        delegation = await delegate(journee, nevers, cosne)
        rdv = await entrust(journee, nevers, cosne, delegation)
        chef = cosne.agents["chef"]
        await organise_both(journee, chef, nevers)
        await close_guichet(journee, cosne)
        async with journee.client(chef) as client:
            lignes = await read_list(client, cosne)
            valeur, mots = lignes[rdv]["options"][0]
            assert mots == f"jeu. 26 nov. à 14:00, retour à {NEVERS} (même heure)"
            assert valeur.endswith(".0")
            assert "usager de SIP DE NEVERS" in lignes[rdv]["texte"]
            assert f"L’usager ira à {NEVERS}" in lignes[rdv]["texte"]
            assert any("Guichet 2" in autres for _, autres in lignes[rdv]["options"]), "its own guichets remain"
            page = words((await send(client, base(cosne), tick(lignes, rdv))).text)
        assert "1 rendez-vous déplacé" in page
        assert NEVERS in page
        ligne = await row(journee, rdv)
        assert (ligne["service_id"], ligne["service_origine_id"], ligne["delegation_id"]) == (nevers.id, None, None)

    async def test_once_the_delegation_is_withdrawn_the_way_home_remains(
        self, journee: Journee, nevers: MondeService, cosne: MondeService
    ) -> None:
        delegation = await delegate(journee, nevers, cosne)
        rdv = await entrust(journee, nevers, cosne, delegation)
        await organise_both(journee, cosne.agents["chef"], nevers)
        async with journee.outils.db.engine.begin() as conn:
            await conn.execute(update(Delegation).where(Delegation.id == delegation).values(etat="retiree"))
            await conn.execute(text("UPDATE agenda SET version_planning = version_planning + 1"))
        await shut(journee, cosne)
        async with journee.client(cosne.agents["chef"]) as client:
            lignes = await read_list(client, cosne)
            assert "usager de SIP DE NEVERS" in lignes[rdv]["texte"]
            assert all(f"retour à {NEVERS}" in mots for _, mots in lignes[rdv]["options"])
            await send(client, base(cosne), tick(lignes, rdv))
        assert (await row(journee, rdv))["service_id"] == nevers.id

    async def test_who_organises_there_alone_gives_it_back(
        self, journee: Journee, nevers: MondeService, cosne: MondeService
    ) -> None:
        delegation = await delegate(journee, nevers, cosne)
        rdv = await entrust(journee, nevers, cosne, delegation)
        await shut(journee, cosne)
        async with journee.client(cosne.agents["chef"]) as client:
            lignes = await read_list(client, cosne)
            assert lignes[rdv]["options"][0][1] == f"jeu. 26 nov. à 14:00, retour à {NEVERS} (même heure)"
            page = words((await send(client, base(cosne), tick(lignes, rdv))).text)
        assert "1 rendez-vous déplacé" in page
        assert (await row(journee, rdv))["service_id"] == nevers.id

    async def test_its_own_rendez_vous_has_no_home_to_return_to(
        self, journee: Journee, nevers: MondeService, cosne: MondeService
    ) -> None:
        await delegate(journee, nevers, cosne)
        rdv = await journee.book(cosne, "14:00", jour=JEUDI)
        await close_guichet(journee, cosne)
        champs = {
            "rdv": str(rdv),
            f"creneau-{rdv}": f"{epoch_minute('14:00', jour=JEUDI)}.{nevers.guichets[0]}.0",
            f"revision-{rdv}": "1",
        }
        async with journee.client(cosne.agents["chef"]) as client:
            assert "retour" not in str((await read_list(client, cosne))[rdv]["options"])
            await send(client, base(cosne), champs)
        assert (await row(journee, rdv))["service_id"] == cosne.id


class TestChezSonService:
    """Its home sees what cannot be received over there, and takes it back: the right is on the home."""

    async def test_it_is_listed_and_comes_back(
        self, journee: Journee, nevers: MondeService, cosne: MondeService
    ) -> None:
        delegation = await delegate(journee, nevers, cosne)
        rdv = await entrust(journee, nevers, cosne, delegation)
        await entrust(journee, nevers, cosne, delegation, "15:00", nom="Dedans", guichet=1)
        async with journee.client(nevers.agents["chef"]) as client:
            assert await read_list(client, nevers) == {}
            async with journee.outils.db.engine.begin() as conn:
                # Only the first hour is left outside over there.
                await conn.execute(text("UPDATE plage SET debut_minute = 870 WHERE debut_minute = 840"))
                await conn.execute(text("UPDATE agenda SET version_planning = version_planning + 1"))
            lignes = await read_list(client, nevers)
            assert lignes.keys() == {rdv}
            assert f"reçu par {COSNE}" in lignes[rdv]["texte"]
            assert "Garder tel quel" not in lignes[rdv]["texte"]
            assert all(f"retour à {NEVERS}" in mots for _, mots in lignes[rdv]["options"])
            page = words((await send(client, base(nevers), tick(lignes, rdv))).text)
            assert "1 rendez-vous déplacé" in page
            assert COSNE in page, "where it was"
            assert "Guichet supprimé" not in page
            assert await read_list(client, nevers) == {}
        ligne = await row(journee, rdv)
        assert (ligne["service_id"], ligne["service_origine_id"], ligne["delegation_id"]) == (nevers.id, None, None)

    async def test_kept_over_there_it_is_listed_no_more(
        self, journee: Journee, nevers: MondeService, cosne: MondeService
    ) -> None:
        delegation = await delegate(journee, nevers, cosne)
        rdv = await entrust(journee, nevers, cosne, delegation)
        await shut(journee, cosne)
        async with journee.client(nevers.agents["chef"]) as client:
            assert (await read_list(client, nevers)).keys() == {rdv}
            refus = await send(client, base(nevers, f"/{rdv}/maintien"), {"revision": "2"})
            assert refus.status_code == 404, "to keep it is for who receives it"
            async with journee.client(cosne.agents["chef"]) as autre:
                await send(autre, base(cosne, f"/{rdv}/maintien"), {"revision": "2"})
            assert await read_list(client, nevers) == {}

    @pytest.mark.parametrize("qui", ["agent", "pilote", "exterieur"])
    async def test_nobody_else_of_its_home_takes_it_back(
        self, journee: Journee, nevers: MondeService, cosne: MondeService, qui: str
    ) -> None:
        delegation = await delegate(journee, nevers, cosne)
        rdv = await entrust(journee, nevers, cosne, delegation)
        await shut(journee, cosne)
        champs = {
            "rdv": str(rdv),
            f"creneau-{rdv}": f"{epoch_minute('14:00', jour=JEUDI)}.{nevers.guichets[0]}",
            f"revision-{rdv}": "2",
        }
        async with journee.client(nevers.agents[qui]) as client:
            assert (await send(client, base(nevers), champs)).status_code == 404
        assert (await row(journee, rdv))["service_id"] == cosne.id


class TestAgenda:
    """The list « Reçus par un autre service » says which of them cannot be received over there any more."""

    @pytest.mark.parametrize("vue", ["jour", "semaine"])
    async def test_it_is_flagged_with_who_must_place_it_again(
        self, journee: Journee, nevers: MondeService, cosne: MondeService, vue: str
    ) -> None:
        delegation = await delegate(journee, nevers, cosne)
        rdv = await entrust(journee, nevers, cosne, delegation)
        url = f"/services/{nevers.id}/agenda?jour={JEUDI}&vue={vue}"
        async with journee.client(nevers.agents["agent"]) as client:
            assert "À replacer" not in liste((await client.get(url)).text)
            async with journee.outils.db.engine.begin() as conn:  # nobody tells Nevers: it looks by itself
                await conn.execute(update(Guichet).where(Guichet.service_id == cosne.id).values(ouvert=False))
                await conn.execute(
                    text("UPDATE agenda SET version_planning = version_planning + 1 WHERE service_id = :s"),
                    {"s": cosne.id},
                )
            assert "À replacer par SIP DE COSNE" in liste((await client.get(url)).text)
            async with journee.client(cosne.agents["chef"]) as autre:
                await send(autre, base(cosne, f"/{rdv}/maintien"), {"revision": "2"})
            assert "À replacer" not in liste((await client.get(url)).text)


class TestDirect:
    """Both sides hear of it, the delegation withdrawn or not."""

    @pytest.mark.e2e
    async def test_both_screens_follow_the_organisation_of_who_receives(
        self, journee: Journee, nevers: MondeService, cosne: MondeService, browser: Browser
    ) -> None:
        delegation = await delegate(journee, nevers, cosne)
        usager = personne("Merville", courriel=f"retour-{nevers.id}@usagers.test")
        rdv = await entrust(journee, nevers, cosne, delegation, usager=usager)
        async with journee.outils.db.engine.begin() as conn:
            await conn.execute(update(Delegation).where(Delegation.id == delegation).values(etat="retiree"))
            await conn.execute(text("UPDATE agenda SET version_planning = version_planning + 1"))
        chez_a = await journee.context(browser, nevers.agents["chef"], viewport=ETROIT)
        chez_b = await journee.context(browser, cosne.agents["chef"])
        try:
            agenda = await journee.open(chez_a, f"/services/{nevers.id}/agenda?jour={JEUDI}&vue=jour")
            liste_a = await journee.open(chez_a, base(nevers))
            liste_b = await journee.open(chez_b, base(cosne))
            await until_page(agenda, "document.querySelector('#compte-a-replacer').dataset.flux.includes('creneaux:')")
            await shut(journee, cosne)
            await agenda.wait_for_selector(f"#c-{rdv} :text('À replacer par SIP DE COSNE')", timeout=12000)
            await agenda.wait_for_selector("a:has-text('1 rendez-vous à replacer')", timeout=12000)
            await liste_b.wait_for_selector(f"#hors-{rdv} :text('usager de SIP DE NEVERS')", timeout=12000)
            await liste_a.wait_for_selector(f"#rdv-{rdv}", state="attached", timeout=12000)
            for page in (agenda, liste_a, liste_b):
                assert await axe(page) == []
                assert await overflow(page) <= 0
            await liste_a.check(f"#rdv-{rdv}", force=True)
            await liste_a.click("button:has-text('Déplacer les rendez-vous cochés'):visible")
            await liste_a.wait_for_selector("text=1 rendez-vous déplacé")
            await liste_b.wait_for_selector("text=Aucun rendez-vous à replacer", timeout=12000)
            await until_page(agenda, f"!document.querySelector('#c-{rdv}')")
            await agenda.wait_for_selector("a:has-text('rendez-vous à replacer')", state="detached", timeout=12000)
        finally:
            await chez_a.close()
            await chez_b.close()

    @pytest.mark.e2e
    async def test_who_organises_no_more_loses_the_number_and_keeps_the_agenda(
        self, journee: Journee, nevers: MondeService, browser: Browser
    ) -> None:
        await journee.book(nevers, "14:00", "Restee", jour=JEUDI)
        await close_guichet(journee, nevers)
        contexte = await journee.context(browser, nevers.agents["chef"])
        try:
            page = await journee.open(contexte, f"/services/{nevers.id}/agenda?jour={JEUDI}&vue=jour")
            await page.wait_for_selector("a:has-text('1 rendez-vous à replacer')")
            async with journee.outils.db.engine.begin() as conn:
                await conn.execute(
                    text("UPDATE habilitation SET profil = 'agent_local' WHERE agent_id = :a"),
                    {"a": nevers.agents["chef"]},
                )

            async def announce(uow: UnitOfWork) -> None:
                uow.annonces.planning(nevers.id)

            await journee.outils.db.transaction(announce)
            await page.wait_for_selector("a:has-text('rendez-vous à replacer')", state="detached", timeout=12000)
            assert "RESTEE" in await page.inner_text("#agenda")
            assert "Accès retiré" not in await page.inner_text("body")
            await journee.book(nevers, "15:00", "Suivante", guichet=1, jour=JEUDI)
            await page.wait_for_selector("#agenda :text('SUIVANTE')", timeout=12000)
            await page.wait_for_selector("#direct[data-direct=direct]")
        finally:
            await contexte.close()
