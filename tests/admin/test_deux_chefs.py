"""Two chefs on one service at once, each in his browser, by keyboard."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import expect

from tests.accueil.monde import Journee, axe
from tests.admin.clavier import Clavier
from tests.admin.conftest import Ouvrir
from tests.fixtures.donnees import MondeService, build_agent

pytestmark = pytest.mark.e2e


@pytest.fixture
async def deux_chefs(journee: Journee, ouvrir: Ouvrir) -> tuple[MondeService, list[Clavier]]:
    """A service that receives already, and two browsers, each with one of its chefs."""
    service: MondeService = await journee.service(plages=((480, 720), (840, 960)), jours_semaine=range(1, 6))
    async with journee.outils.db.engine.begin() as conn:
        second = await build_agent(
            conn, f"second-{service.id}", profil="admin_local", service_id=service.id, zone=[service.id]
        )
    return service, [Clavier(await ouvrir(chef)) for chef in (service.agents["chef"], second)]


async def enter_at_once(claviers: list[Clavier]) -> tuple[Clavier, Clavier]:
    """Both press Enter together: (the one who saved, the one who is told)."""

    async def enter(clavier: Clavier) -> int:
        async with clavier.page.expect_navigation(wait_until="load") as navigation:
            await clavier.press("Enter")
        reponse = await navigation.value
        assert reponse is not None
        return int(reponse.status)

    statuts = await asyncio.gather(*(enter(clavier) for clavier in claviers))
    assert sorted(statuts) == [200, 409]
    return claviers[statuts.index(200)], claviers[statuts.index(409)]


class TestDeuxChefs:
    """Two chefs on one service at once: one is told, sees both versions, has lost nothing, and decides."""

    async def _decide(self, dit: Clavier, saisi: dict[str, str], deux: tuple[str, str]) -> None:
        """The one who is told: the focus, both versions, all that was typed; then saves again."""
        await dit.refused("modifié par quelqu’un d’autre pendant votre saisie")
        assert await axe(dit.page) == []
        for version in deux:
            await expect(dit.page.locator(".versions")).to_contain_text(version)
        for nom, valeur in saisi.items():
            await expect(dit.page.locator(f'[name="{nom}"]').first).to_have_value(valeur)

    async def test_the_same_guichet(self, journee: Journee, deux_chefs: tuple[MondeService, list[Clavier]]) -> None:
        service, claviers = deux_chefs
        guichet = service.guichets[0]
        for clavier, nom in zip(claviers, ("Box du fond", "Box de l’entrée"), strict=True):
            await clavier.open(f"{journee.site.url}/services/{service.id}/organiser/guichets/{guichet}")
            await clavier.skip()
            await clavier.reach('[name="nom"]')
            await clavier.press("ControlOrMeta+a")
            await clavier.type(nom)
        _, dit = await enter_at_once(claviers)
        le_sien = await dit.page.input_value('[name="nom"]')
        await self._decide(dit, {"nom": le_sien}, ("Box du fond", "Box de l’entrée"))
        await dit.reach('[name="nom"]')
        await dit.follow()
        await dit.told("Le guichet est enregistré")
        assert await journee.scalar("SELECT nom FROM guichet WHERE id = :g", g=guichet) == le_sien

    async def test_the_same_planning(self, journee: Journee, deux_chefs: tuple[MondeService, list[Clavier]]) -> None:
        service, claviers = deux_chefs
        ident = await journee.scalar("SELECT min(id) FROM planning WHERE service_id = :s", s=service.id)
        for clavier, nom in zip(claviers, ("Semaine du fond", "Semaine de l’entrée"), strict=True):
            await clavier.open(f"{journee.site.url}/services/{service.id}/organiser/plannings/{ident}")
            await clavier.skip()
            await clavier.write("nom", nom)
            await clavier.reach('.peinture td[tabindex="0"]')
            await clavier.press(*["ArrowRight"] * 5, *["ArrowDown"] * 4, "Space")  # Saturday 09:00 to 09:30
            await clavier.go('button[value="apercu"]')
            await clavier.reach('button[value="publier"]')
        gagne, dit = await enter_at_once(claviers)
        await gagne.told("Le planning est publié")
        noms = ("Semaine du fond", "Semaine de l’entrée")
        le_sien = await dit.page.input_value('[name="nom"]')
        await self._decide(dit, {"nom": le_sien, "h_0_6": "09:00-09:30"}, noms)
        await dit.go('button[value="apercu"]')
        await dit.go('button[value="publier"]')
        await dit.told("Le planning est publié")
        assert await journee.scalar("SELECT nom FROM planning WHERE id = :p", p=ident) == le_sien

    async def test_the_same_motif_while_what_does_not_collide_is_kept(
        self, journee: Journee, deux_chefs: tuple[MondeService, list[Clavier]]
    ) -> None:
        service, claviers = deux_chefs
        commun, *propres = service.motifs
        for clavier, duree, propre in zip(claviers, ("35", "45"), propres, strict=True):
            await clavier.open(f"{journee.site.url}/services/{service.id}/organiser/motifs")
            await clavier.skip()
            await clavier.write(f"d{propre}", "25")
            await clavier.reach(f'[name="d{commun}"]', avant=True)
            await clavier.type(duree)
        gagne, dit = await enter_at_once(claviers)
        await gagne.told("Les motifs du service sont enregistrés")
        perdant = claviers.index(dit)
        le_sien = ("35", "45")[perdant]
        saisi = {f"d{commun}": le_sien, f"d{propres[perdant]}": "25"}
        await self._decide(dit, saisi, ("35\u00a0minutes", "45\u00a0minutes"))
        await dit.reach(f'[name="d{commun}"]')
        await dit.follow()
        await dit.told("Les motifs du service sont enregistrés")
        for motif, attendue in ((commun, int(le_sien)), (propres[0], 25), (propres[1], 25)):
            ecrite = await journee.scalar(
                "SELECT duree_minutes FROM motif_service WHERE service_id = :s AND motif_id = :m",
                s=service.id,
                m=motif,
            )
            assert ecrite == attendue
