"""The steps of the ten-minute path, each by keyboard from the page where the previous one ended (Annexe 1 §1)."""

from __future__ import annotations

import re
from typing import Final

from playwright.async_api import Page, expect

from app.embedded.smtp import Smtp
from tests.accueil.ecran import until
from tests.admin.clavier import Clavier
from tests.admin.courriels import wait_for_mails

CHEF: Final = "camille.durand@dgfip.test"


MOT_DE_PASSE: Final = "tilleul barque ocarina 58"


SAGES: Final = "5899001"


LIBELLE: Final = "SIP CLAMECY"


#: The Monday from which a new semaine type is valid, and the Tuesday that the chef closes.
LUNDI, MARDI = "2026-11-30", "2026-12-01"


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
