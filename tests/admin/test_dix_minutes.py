"""The ten-minute path: a service that did not exist receives its first rendez-vous, by keyboard alone (Annexe 1 §1).

The national administrator creates the service and invites its chef; the chef configures everything and opens online;
an usager, who had the public page open all along, books; the chef's agenda shows it. No mouse, one browser, real mail.
"""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from app.embedded.smtp import Smtp
from tests.accueil.ecran import settle
from tests.accueil.monde import Journee
from tests.admin.chemin import (
    LUNDI,
    SAGES,
    accept_invitation,
    attach_agent,
    book,
    close_a_day,
    complete_fiche,
    create_chef,
    create_guichets,
    create_planning,
    create_service,
    find_public_page,
    next_step,
    open_motifs,
    open_online,
    wait_direct,
)
from tests.admin.clavier import Clavier
from tests.admin.conftest import Ouvrir

pytestmark = pytest.mark.e2e


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
