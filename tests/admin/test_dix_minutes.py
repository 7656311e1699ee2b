"""The ten-minute path: a service that did not exist receives its first rendez-vous, by keyboard alone (Annexe 1 §1).

The national administrator creates the service and invites its chef; the chef configures everything and opens online;
an usager, who had the public page open all along, books; the chef's agenda shows it. No mouse, one browser, real mail.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect
from sqlalchemy import text

from app.admin.annuaire.reference import install_reference
from app.embedded.smtp import Smtp
from tests.accueil.ecran import overflow, settle, until
from tests.accueil.monde import Journee, axe
from tests.admin.clavier import Clavier
from tests.admin.courriels import wait_for_mails
from tests.e2e.outillage import Temoin
from tests.fixtures.donnees import MondeService, build_agent

pytestmark = pytest.mark.e2e

CHEF: Final = "camille.durand@dgfip.test"
MOT_DE_PASSE: Final = "tilleul barque ocarina 58"
SAGES: Final = "5899001"
LIBELLE: Final = "SIP CLAMECY"
#: The Monday from which a new semaine type is valid, and the Tuesday that the chef closes.
LUNDI, MARDI = "2026-11-30", "2026-12-01"


@pytest.fixture
async def national(journee: Journee) -> int:
    """A national administrator, in a country whose reference data are installed."""
    async with journee.outils.db.engine.begin() as conn:
        await install_reference(conn)
        n = (await conn.execute(text("SELECT count(*) FROM agent"))).scalar_one()
        return await build_agent(conn, f"admin-{n}", profil="admin_national", perimetre="nation")


@pytest.fixture
async def temoin() -> AsyncIterator[Temoin]:
    """Whatever the pages report; a form refused on purpose (409, 422) is no error."""
    vu = Temoin()
    yield vu
    assert [e for e in vu.erreurs if not re.search(r"status of (409|422)", e)] == []


Ouvrir = Callable[..., Awaitable[Page]]


@pytest.fixture
async def ouvrir(journee: Journee, browser: Browser, temoin: Temoin) -> AsyncIterator[Ouvrir]:
    """A page of a browser of its own: an agent's, or nobody's."""
    contextes: list[BrowserContext] = []

    async def nouvelle(agent_id: int | None = None, **options: Any) -> Page:
        reglages: dict[str, Any] = {"reduced_motion": "reduce", **options}
        if agent_id is None:
            reglages = {"locale": "fr-FR", "viewport": {"width": 1440, "height": 900}, **reglages}
            contexte = await browser.new_context(**reglages)
        else:
            contexte = await journee.context(browser, agent_id, **reglages)
        contextes.append(contexte)
        page = await contexte.new_page()
        temoin.watch(page)
        return page

    yield nouvelle
    for contexte in contextes:
        await contexte.close()


async def wait_direct(page: Page) -> None:
    """Until the page's feed is live."""
    await page.wait_for_selector('#direct[data-direct="direct"]', timeout=8000)


async def create_service(clavier: Clavier, url: str) -> int:
    """National: from the tableau de bord to the service's fiche. Its id."""
    await clavier.open(f"{url}/agent")
    await clavier.go('a[href="/administration"]')
    await clavier.go('main a[href="/administration/services"]')
    await clavier.go('a[href="/administration/services/nouveau"]')
    await clavier.skip()
    await clavier.pick("departement", "58", "58")
    await clavier.reach("form.annuaire-form button")
    await clavier.follow()
    await clavier.skip()
    await clavier.write("libelle", LIBELLE)
    await clavier.pick("type_code", "Service", "SIP")
    for nom, valeur in (
        ("sages", SAGES),
        ("codique", "058901"),
        ("adresse", "5 rue du Port"),
        ("code_postal", "58500"),
        ("ville", "CLAMECY"),
        ("telephone", "03 86 27 00 58"),
    ):
        await clavier.write(nom, valeur)
    # A field forgotten: the page says which, keeps the rest, and leads there.
    await clavier.follow(statut=422)
    await clavier.refused("Le courriel du service manque.")
    await expect(clavier.page.locator('[name="libelle"]')).to_have_value(LIBELLE)
    await clavier.reach('[data-erreurs] a[href="#champ-courriel"]')
    await clavier.press("Enter")
    assert await clavier.is_on('[name="courriel"]')
    await clavier.type("sip.clamecy@dgfip.test")
    await clavier.follow()
    await clavier.told("Le service est créé.")
    trouve = re.search(r"/services/(\d+)/", clavier.page.url)
    assert trouve
    return int(trouve[1])


async def create_chef(clavier: Clavier, service_id: int) -> None:
    """National, from the new service's fiche: its chef, attached, invited."""
    await clavier.go(f'a[href="/services/{service_id}/organiser/agents"]', avant=True)
    await clavier.go(f'main a[href="/services/{service_id}/organiser/agents/nouveau"]')
    await clavier.skip()
    await clavier.write("prenom", "Camille")
    await clavier.write("nom", "Durand")
    await clavier.write("courriel", CHEF)
    await clavier.write("identifiant", "camille.durand")
    await clavier.choose('#champ-profil input[value="admin_local"]')
    await clavier.follow()
    await clavier.told("Le compte est créé.")


async def accept_invitation(clavier: Clavier, smtp: Smtp) -> None:
    """The chef reads his mail, follows its link, chooses a password, and is signed in."""
    (courriel,) = await wait_for_mails(smtp, CHEF, 1)
    lien = re.search(r"http://\S+/invitation/\S+", courriel.texte)
    assert lien, courriel.texte
    await clavier.open(lien[0])
    await clavier.write("mot_de_passe", MOT_DE_PASSE)
    await clavier.write("repetition", MOT_DE_PASSE)
    await clavier.follow()
    assert clavier.page.url.endswith("/agent")


async def next_step(clavier: Clavier, attendue: str) -> None:
    """From the sentence of a success: back to the steps, whose next one has the focus, and on to it."""
    await clavier.go(".organiser__suite a", avant=True)
    assert await clavier.is_on("#etape-suivante"), "the next step does not have the focus"
    await expect(clavier.page.locator("#etape-suivante")).to_have_text(f"Étape suivante : {attendue}")
    await wait_direct(clavier.page)
    await clavier.follow()


async def complete_fiche(clavier: Clavier) -> None:
    """From the tableau de bord: what only the chef knows of his service."""
    await clavier.go('main a[href$="/organiser"]')
    await expect(clavier.page.locator(".etape--fait")).to_have_count(2)  # the fiche, and an agent: the chef
    await clavier.skip()
    await clavier.go('main .etape a[href$="/fiche"]')
    await clavier.skip()
    await clavier.write("accessibilite", "Entrée de plain-pied.")
    await clavier.write("horaires_texte", "Du lundi au vendredi, de 8h30 à 12h.")
    await clavier.go("form.annuaire-form button[type=submit]")
    await clavier.told("La fiche est enregistrée")


async def open_motifs(clavier: Clavier) -> None:
    """Every motif of the catalogue, thirty minutes each, forty for the first."""
    await clavier.skip()
    await clavier.write("duree", "30")
    await clavier.go('button[name="faire"][value="tout"]')
    await clavier.reach('.offre__motif input[name^="d"]')
    await clavier.type("40")
    await clavier.follow()
    await clavier.told("Les motifs du service sont enregistrés")


async def create_guichets(clavier: Clavier) -> None:
    """One that takes everything, one for telephone calls booked online; the second is first refused."""
    await clavier.skip()
    await clavier.go('main a[href$="/guichets/nouveau"]')
    await clavier.skip()
    await clavier.reach('[name="nom"]')
    await clavier.follow()
    await clavier.told("Le guichet est créé.")
    await clavier.go('main a[href$="/guichets/nouveau"]')
    await clavier.skip()
    await clavier.write("nom", "Téléphone")
    await clavier.choose("#origines-choix")
    await clavier.follow(statut=422)
    await clavier.refused("Cochez au moins une origine")
    await clavier.reach("[data-erreurs] a")
    await clavier.press("Enter")
    await clavier.tick("#origine-internet")
    await clavier.choose("#types-choix")
    await clavier.tick("#type-telephone")
    await clavier.follow()
    await clavier.told("Le guichet est créé.")


async def create_planning(clavier: Clavier) -> None:
    """A journée type, painted over five days; seen as the usager will; published."""
    await clavier.go('main a[href$="/journees/nouvelle"]')
    await clavier.skip()
    await clavier.write("nom", "Journée pleine")
    await clavier.write("plages", "8h30-12h, 13h30-16h")
    await clavier.follow()
    await clavier.told("La journée type est enregistrée")
    await clavier.go('main a[href$="/plannings/nouveau"]')
    await clavier.skip()
    await clavier.write("nom", "Semaine type")
    await clavier.reach('[name="pinceau"]')
    await clavier.press("ArrowDown")
    await clavier.reach('.peinture td[tabindex="0"]')
    for jour in range(5):
        await clavier.press(*(["ArrowRight"] if jour else []), "Enter")
    await expect(clavier.page.locator("[data-annonce]")).to_contain_text("vendredi")
    await clavier.go('button[value="apercu"]')
    page = clavier.page
    await expect(page.locator(".vue__jour").first.locator("li").first).to_have_text("08:30")
    await expect(page.locator(".consequence").first).to_contain_text("gagnés")
    await clavier.skip()
    await clavier.go('button[value="publier"]')
    await clavier.told("Le planning est publié")


async def close_a_day(clavier: Clavier) -> None:
    """From the list of plannings: a Tuesday without anybody."""
    await clavier.go('#menu-organiser a[href$="/exceptions"]', avant=True)
    await clavier.skip()
    await clavier.go('main a[href$="/exceptions/nouvelle"]')
    await clavier.skip()
    await clavier.date("du", MARDI)
    await clavier.write("libelle", "Formation")
    await clavier.follow()
    await clavier.told("L’exception est enregistrée")


async def attach_agent(clavier: Clavier) -> None:
    """One more agent, attached to the service and invited."""
    await clavier.go('#menu-organiser a[href$="/agents"]', avant=True)
    await clavier.skip()
    await clavier.go('main a[href$="/agents/nouveau"]')
    await clavier.skip()
    await clavier.write("prenom", "Noé")
    await clavier.write("nom", "Petit")
    await clavier.write("courriel", "noe.petit@dgfip.test")
    await clavier.write("identifiant", "noe.petit")
    await clavier.follow()
    await clavier.told("Le compte est créé.")


async def open_online(clavier: Clavier) -> None:
    """Read the list, then open."""
    page = clavier.page
    await wait_direct(page)
    await expect(page.locator(".point--manque")).to_have_count(0)
    await expect(page.locator(".point--avertissement")).to_have_count(0)
    await expect(page.locator("#ouverture")).to_contain_text("Le premier créneau libre est")
    await clavier.skip()
    await clavier.reach('button[formaction$="/ouverture/ouvrir"]')
    await clavier.press("Enter")
    await expect(page.get_by_role("heading", name="Ouvert aux usagers")).to_be_visible(timeout=6000)


async def find_public_page(clavier: Clavier, url: str, service_id: int) -> None:
    """The usager finds the service, which takes nobody yet; his page stays open."""
    await clavier.open(url)
    await clavier.reach('[name="q"]')
    await clavier.type("Clamecy")
    await clavier.follow()
    await clavier.go(f'main a[href="/services/{service_id}"]')
    await expect(clavier.page.get_by_text("ne prend pas de rendez-vous en ligne")).to_be_visible()


async def book(clavier: Clavier) -> str:
    """The four steps. The code."""
    page = clavier.page
    await clavier.go('#carte a[href^="/rdv/"]')
    for _ in range(6):
        if await page.locator("button[formaction]").count():
            break
        question = page.locator(".question").last
        ident = await question.get_attribute("id")
        assert ident
        await clavier.reach(f'[name="{ident.removeprefix("question-")}"]')
        await clavier.press("Space")
        await until(page, "(id) => [...document.querySelectorAll('.question')].at(-1).id !== id", ident)
    await clavier.reach('[name="type"][value="guichet"]')
    await clavier.press("Space")
    await expect(page).to_have_url(re.compile("type=guichet"))
    await clavier.go("button[formaction]")
    await wait_direct(page)
    await clavier.reach("[data-premier]")
    await clavier.press("Enter")
    await expect(page.locator(".creneau").first).to_be_focused()
    await clavier.follow()
    await clavier.choose('[name="civilite"][value="madame"]')
    await clavier.press("Space")
    for nom, valeur in (
        ("nom_usage", "Valenton"),
        ("prenoms", "Philippa"),
        ("telephone1", "0612345678"),
        ("precision", "Ma déclaration"),
    ):
        await clavier.write(nom, valeur)
    await clavier.go("[data-envoi]")
    return str(await page.locator(".code-rdv [aria-hidden]").inner_text())


async def test_a_service_that_did_not_exist_receives_its_first_rendez_vous(
    journee: Journee, smtp_server: Smtp, national: int, ouvrir: Ouvrir
) -> None:
    url = journee.site.url
    administrateur = Clavier(await ouvrir(national))
    service_id = await create_service(administrateur, url)
    usager = Clavier(await ouvrir())
    await find_public_page(usager, url, service_id)
    await create_chef(administrateur, service_id)
    await administrateur.go('#menu-organiser a[href$="/organiser"]', avant=True)
    await wait_direct(administrateur.page)

    chef = Clavier(await ouvrir())
    await accept_invitation(chef, smtp_server)
    await complete_fiche(chef)
    await expect(usager.page.get_by_text("Du lundi au vendredi, de 8h30 à 12h.")).to_be_visible(timeout=6000)
    await next_step(chef, "Guichets")
    await create_guichets(chef)
    await next_step(chef, "Motifs et durées")
    await open_motifs(chef)
    await next_step(chef, "Plannings")
    await create_planning(chef)
    await close_a_day(chef)
    await attach_agent(chef)
    await chef.go('#menu-organiser a[href$="/ouverture"]', avant=True)
    bouton = usager.page.get_by_role("link", name="Prendre rendez-vous")
    await expect(bouton).to_have_count(0)
    await open_online(chef)
    await expect(bouton).to_be_visible(timeout=6000)

    # The administrator's page has followed every step.
    await expect(administrateur.page.get_by_role("heading", name="Ouvert aux usagers")).to_be_visible(timeout=8000)
    await expect(administrateur.page.locator(".etape--fait")).to_have_count(6)
    await settle(administrateur.page, "ensemble", delai_s=8)

    # The chef looks at his first Monday; the usager books it.
    await chef.go('#menu-principal a[href$="/agenda"]', avant=True)
    await chef.date("jour", LUNDI)
    await chef.follow("Enter")
    await wait_direct(chef.page)
    await expect(chef.page.locator("[data-rdv]")).to_have_count(0)
    code = await book(usager)
    assert re.fullmatch("[A-Z]{6}", code)
    await expect(chef.page.locator("[data-rdv] [data-nom]")).to_have_text("VALENTON Philippa", timeout=8000)
    await settle(chef.page, "agenda")

    assert await journee.scalar(
        "SELECT count(*) FROM rendez_vous r JOIN service_fiscal s ON s.id = r.service_id"
        " WHERE s.sages = :s AND r.code = :c AND r.etat = 'prevu'",
        s=SAGES,
        c=code,
    )
    for qui, clavier in (("administrateur national", administrateur), ("chef", chef), ("usager", usager)):
        minutes, secondes = divmod(round(clavier.secondes), 60)
        mesure = f"{clavier.frappes} keys, {len(clavier.pages)} pages, about {minutes} min {secondes:02d} s"
        print(f"\n{qui}: {mesure}")  # noqa: T201 - a measure, read with -s


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


class TestEtroit:
    """« 390 px wide »: nothing of the path scrolls sideways, on a service yet empty and on one that receives."""

    async def test_no_page_of_the_path_scrolls_sideways(
        self, journee: Journee, national: int, ouvrir: Ouvrir, smtp_server: Smtp
    ) -> None:
        service: MondeService = await journee.service(plages=((480, 720), (840, 960)), jours_semaine=range(1, 6))
        vide = await self._create_empty(journee, national)
        planning = await journee.scalar("SELECT min(id) FROM planning WHERE service_id = :s", s=service.id)
        compte = f"/services/{service.id}/organiser/agents/{service.agents['agent']}"
        organiser = [
            f"/services/{s}/organiser{partie}"
            for s in (vide, service.id)
            for partie in (
                "",
                "/fiche",
                "/motifs",
                "/agents",
                "/agents/nouveau",
                "/guichets",
                "/guichets/nouveau",
                "/plannings",
                "/plannings/journees/nouvelle",
                "/plannings/nouveau",
                "/plannings/semaine",
                "/exceptions",
                "/exceptions/nouvelle",
                "/ouverture",
            )
        ]
        administration = (
            "/agent",
            "/administration",
            "/administration/services",
            "/administration/services/nouveau",
            "/administration/services/nouveau?departement=58",
        )
        public = ("/", "/?q=nevers", f"/services/{vide}", f"/services/{service.id}", f"/rdv/{service.id}/motif")
        etroit = {"viewport": {"width": 390, "height": 844}}
        agent, personne = await ouvrir(national, **etroit), await ouvrir(**etroit)
        for page, chemins in ((agent, (*administration, *organiser, compte)), (personne, public)):
            for chemin in chemins:
                reponse = await page.goto(journee.site.url + chemin)
                assert reponse is not None
                assert reponse.status == 200, chemin
                assert await overflow(page) <= 0, chemin
        # What only a form sent shows: the result before publishing, the errors, the invitation.
        await agent.goto(f"{journee.site.url}/services/{service.id}/organiser/plannings/{planning}")
        await agent.focus('button[value="apercu"]')
        async with agent.expect_navigation(wait_until="load"):
            await agent.keyboard.press("Enter")
        await expect(agent.locator(".vue__jour").first).to_be_visible()
        assert await overflow(agent) <= 0
        chef = await ouvrir(service.agents["chef"], **etroit)
        await chef.goto(f"{journee.site.url}/services/{service.id}/agenda?jour=2026-11-30")
        assert await overflow(chef) <= 0
        await self._invite(agent, journee, vide)
        (courriel,) = await wait_for_mails(smtp_server, "etroit@dgfip.test", 1)
        lien = re.search(r"http://\S+/invitation/\S+", courriel.texte)
        assert lien
        await personne.goto(lien[0])
        await expect(personne.get_by_role("heading", name="Choisir votre mot de passe")).to_be_visible()
        assert await overflow(personne) <= 0

    async def _create_empty(self, journee: Journee, national: int) -> int:
        """A service as the national administrator leaves it."""
        valeurs = {
            "libelle": "SERVICE DES IMPÔTS DES PARTICULIERS DE CHÂTEAU-CHINON ET DU HAUT-MORVAN",
            "type_code": "SIP",
            "sages": "5899002",
            "codique": "",
            "adresse": "1 place Saint-Christophe",
            "code_postal": "58120",
            "ville": "CHÂTEAU-CHINON",
            "departement": "58",
            "fuseau": "Europe/Paris",
            "site": "nouveau",
            "telephone": "03 86 79 00 58",
            "courriel": "sip.chateau-chinon@dgfip.test",
        }
        async with journee.client(national) as client:
            reponse = await client.post("/administration/services", data=valeurs)
        assert reponse.status_code == 303, reponse.text
        return int(reponse.headers["location"].split("/")[2])

    async def _invite(self, page: Page, journee: Journee, service_id: int) -> None:
        clavier = Clavier(page)
        await clavier.open(f"{journee.site.url}/services/{service_id}/organiser/agents/nouveau")
        await clavier.skip()
        for nom, valeur in (
            ("prenom", "Anne-Charlotte"),
            ("nom", "de Montmorency-Bouteville"),
            ("courriel", "etroit@dgfip.test"),
            ("identifiant", "anne-charlotte.de-montmorency-bouteville"),
        ):
            await clavier.write(nom, valeur)
        await clavier.follow()
        await clavier.told("Le compte est créé.")
        assert await overflow(page) <= 0
