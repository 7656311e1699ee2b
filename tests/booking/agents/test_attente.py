"""The waiting list as agents see it: who may look, what is shown, somebody removed at his request."""

from __future__ import annotations

import re
from datetime import timedelta

from sqlalchemy import select

from app import clock
from app.booking.attente import Inscription, confirm, register
from app.booking.attente_liens import jeton_attente
from app.booking.outils import Auteur
from app.tables import Attente
from tests.accueil.monde import Journee
from tests.booking.agents.outillage import service_ordinaire, texte
from tests.fixtures.donnees import MondeService

USAGER = Auteur("usager", adresse="192.0.2.8")


async def wait(journee: Journee, service: MondeService, nom: str) -> int:
    """Somebody waits for a Saturday, which nobody opens; the id of his request."""
    jour = clock.now().date() + timedelta(days=10)
    samedi = jour + timedelta(days=(5 - jour.weekday()) % 7)
    contact = f"{nom.lower()}{service.id}@usagers.test"
    demande = Inscription(
        service.id, service.motifs[0], "guichet", "particulier", samedi, samedi, "", nom, "mail", contact, "fr"
    )
    await register(journee.outils, demande, USAGER, clock.now())
    async with journee.outils.db.read() as conn:
        requete = select(Attente.id, Attente.lien_sel).where(Attente.contact == contact)
        ligne = (await conn.execute(requete)).one()
    await confirm(journee.outils, jeton_attente(journee.outils.settings, ligne.lien_sel), USAGER, clock.now())
    return int(ligne.id)


class TestListeDAttente:
    async def test_it_says_how_many_wait_for_what_and_since_when_never_the_contact(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        await wait(journee, service, "Valenton")
        await wait(journee, service, "<b>Hostile</b>")
        async with journee.client(service.agents["agent"]) as client:
            page = await client.get(f"/services/{service.id}/attente")
        lu = texte(page.text)
        assert page.status_code == 200
        assert re.search(r"Déclaration et calcul de l.impôt sur le revenu Au guichet 2 0 0", lu)
        assert "Valenton" in lu
        assert "&lt;b&gt;Hostile&lt;/b&gt;" in page.text
        assert "@usagers.test" not in page.text
        lue = "SELECT count(*) FROM journal WHERE action = 'attente.lue' AND service_id = :s AND agent_id = :a"
        assert await journee.scalar(lue, s=service.id, a=service.agents["agent"]) == 1

    async def test_who_organises_may_look_and_others_find_nothing(self, journee: Journee) -> None:
        service, autre = await service_ordinaire(journee), await service_ordinaire(journee)
        ident = await wait(journee, service, "Valenton")
        async with journee.client(service.agents["chef"]) as client:
            assert (await client.get(f"/services/{service.id}/attente")).status_code == 200
        for qui in (autre.agents["agent"], service.agents["exterieur"], service.agents["pilote"]):
            async with journee.client(qui) as client:
                assert (await client.get(f"/services/{service.id}/attente")).status_code == 404
                aide = await client.get("/aide")
                jeton = re.search(r'name="_csrf" value="([^"]+)"', aide.text)
                assert jeton
                adresse = f"/services/{service.id}/attente/{ident}/retirer"
                assert (await client.post(adresse, data={"_csrf": jeton[1]})).status_code == 404
        assert await journee.scalar("SELECT etat FROM attente WHERE id = :i", i=ident) == "active"

    async def test_somebody_is_removed_at_his_request_by_a_post_that_is_ours(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        ident = await wait(journee, service, "Valenton")
        adresse = f"/services/{service.id}/attente/{ident}/retirer"
        async with journee.client(service.agents["agent"]) as client:
            page = await client.get(f"/services/{service.id}/attente")
            jeton = re.search(r'name="_csrf" value="([^"]+)"', page.text)
            assert jeton
            assert (await client.get(adresse)).status_code in (404, 405)
            fait = await client.post(adresse, data={"_csrf": jeton[1]})
            assert fait.status_code == 303
            suite = await client.get(fait.headers["location"])
        assert "Cette personne n’est plus sur la liste d’attente." in suite.text
        assert "Personne n’attend" in suite.text
        assert await journee.scalar("SELECT nom || contact FROM attente WHERE id = :i", i=ident) == ""
        retrait = "SELECT count(*) FROM journal WHERE action = 'attente.retiree' AND objet_id = :i AND agent_id = :a"
        assert await journee.scalar(retrait, i=ident, a=service.agents["agent"]) == 1
