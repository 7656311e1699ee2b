"""« Prendre RDV », the parcours simplifié [A1 §3.3]: the external rules, whoever goes through it; no JavaScript."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import date, timedelta
from typing import Any

import pytest

from tests.accueil.monde import JOUR, Journee, personne
from tests.booking.agents.delegues import entrust
from tests.booking.agents.externe import SAISIE, Parcours
from tests.booking.agents.outillage import NUMERO_FISCAL, change, count_rdv, service_ordinaire, texte
from tests.booking.usager.navigateur import alternatives, caches, code
from tests.fixtures.donnees import MondeService

#: Monday + two working days not counted: Thursday is the first day; thirty days later, the last.
PREMIER = date(2026, 11, 26)
DERNIER = JOUR + timedelta(days=30)


@asynccontextmanager
async def parcours(
    journee: Journee, service: MondeService, qui: str = "exterieur", **choix: Any
) -> AsyncIterator[Parcours]:
    async with journee.client(service.agents[qui]) as client:
        yield Parcours(client, service, choix)


async def last_journal(journee: Journee, service: MondeService) -> Any:
    return await journee.scalar(
        "SELECT action || ' ' || coalesce(apres ->> 'action', '') FROM journal WHERE service_id = :s"
        " ORDER BY id DESC LIMIT 1",
        s=service.id,
    )


class TestParcours:
    """Annexe 1 §3.3 : « la cinématique s’apparente à celle du parcours de l’utilisateur »."""

    async def test_an_external_books_from_the_motif_to_the_code(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        async with parcours(journee, service) as agent:
            debut = await agent.client.get(agent.base)
            assert debut.status_code == 303
            qui = await agent.client.get(debut.headers["location"])
            assert "L’usager est" in texte(qui.text)
            motif = await agent.client.get(f"{agent.base}/motif", params={"nature": "particulier"})
            assert "Motif du rendez-vous" in texte(motif.text)
            page = await agent.book()
        assert page.status_code == 200
        lu = texte(page.text)
        assert "Rendez-vous enregistré" in lu
        assert "Lisez le code à l’usager" in lu
        assert f"{code(page.text)[0]} comme" in lu
        assert "Valenton" not in lu, "nobody is named where nobody has to be"
        ligne = await journee.scalar(
            "SELECT canal || ' ' || origine || ' ' || etat || ' ' || cree_par FROM rendez_vous WHERE code = :c",
            c=code(page.text),
        )
        assert ligne == f"exterieur telephone prevu {service.agents['exterieur']}"

    @pytest.mark.parametrize("origine", ["telephone", "guichet", "courriel"])
    async def test_how_the_demand_arrived_is_kept(self, journee: Journee, origine: str) -> None:
        service = await service_ordinaire(journee)
        async with parcours(journee, service) as agent:
            await agent.book(origine=origine)
        assert await journee.scalar("SELECT origine FROM rendez_vous WHERE service_id = :s", s=service.id) == origine

    async def test_nothing_typed_is_lost_when_something_has_to_be_corrected(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        async with parcours(journee, service) as agent:
            reponse = await agent.send(await agent.open_form(), origine="", telephone1="12")
        assert reponse.status_code == 422
        assert "Indiquez comment la demande est arrivée" in texte(reponse.text)
        assert 'value="Valenton"' in reponse.text
        assert "Ce créneau vous est réservé" in texte(reponse.text), "the place is held meanwhile"

    async def test_the_place_is_held_while_the_form_is_typed_and_given_back(self, journee: Journee) -> None:
        service = await service_ordinaire(journee, guichets=1)
        async with parcours(journee, service) as agent:
            debut = (await agent.libres())[0]
            formulaire = await agent.open_form(debut)
            async with parcours(journee, service, "national") as autre:
                assert debut not in await autre.libres()
                assert (await autre.choose(debut)).status_code == 409
                rendu = await agent.client.post(
                    f"{agent.base}/option/rendre", data={**formulaire, **SAISIE, "precision": "Gardée"}
                )
                assert "Le créneau a été rendu" in texte(rendu.text)
                assert "Gardée" in rendu.text
                assert debut in await autre.libres()

    async def test_more_time_may_be_asked_for(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        async with parcours(journee, service) as agent:
            formulaire = await agent.open_form()
            reponse = await agent.client.post(
                f"{agent.base}/option/prolonger", data=formulaire, headers={"Accept": "application/json"}
            )
        assert reponse.status_code == 200
        assert reponse.json()["expire_a"]

    async def test_a_double_click_and_a_reload_make_one_rendez_vous(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        async with parcours(journee, service) as agent:
            formulaire = await agent.open_form()
            un, deux = await asyncio.gather(agent.send(formulaire), agent.send(formulaire))
            assert (un.status_code, deux.status_code) == (303, 303)
            assert un.headers["location"] == deux.headers["location"]
            autre = await agent.send(formulaire, precision="Autre chose")
            page = await agent.client.get(autre.headers["location"])
        assert "était déjà enregistré" in texte(page.text)
        assert await count_rdv(journee, service) == 1

    async def test_the_back_button_finds_the_confirmation(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        async with parcours(journee, service) as agent:
            choix = await agent.choose()
            form = choix.headers["location"]
            suite = await agent.send(caches((await agent.client.get(form)).text))
            retour = await agent.client.get(form)
        assert retour.headers["location"] == suite.headers["location"]

    async def test_the_confirmation_is_for_who_booked_within_the_hour(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        async with parcours(journee, service) as agent, parcours(journee, service, "national") as autre:
            url = str((await agent.book()).url.raw_path, "ascii")
            assert (await autre.client.get(url)).status_code == 404
            await journee.scalar("SELECT 1")
            async with journee.outils.db.engine.begin() as conn:
                await conn.exec_driver_sql("UPDATE rendez_vous SET cree_a = cree_a - interval '61 minutes'")
            assert (await agent.client.get(url)).status_code == 404


class TestRegles:
    """Annexe 1, summary table, « agent extérieur »: window, duration, guichets; nobody forces anything."""

    @pytest.mark.parametrize("qui", ["exterieur", "agent", "chef", "national"])
    async def test_only_the_days_of_externals_are_offered(self, journee: Journee, qui: str) -> None:
        service = await service_ordinaire(journee)
        async with parcours(journee, service, qui) as agent:
            premier = (await agent.libres())[0]
            assert premier.startswith(PREMIER.isoformat())
            tot = await agent.choose("2026-11-25T09:00:00+01:00")
            tard = await agent.choose(f"{DERNIER + timedelta(days=1)}T09:00:00+01:00")
            assert (await agent.choose(f"{DERNIER}T09:00:00+01:00")).status_code == 303
        assert (tot.status_code, tard.status_code) == (422, 422)
        assert "trop" in texte(tard.text) or "jours" in texte(tard.text)
        assert await count_rdv(journee, service) == 1, "the hold of the last day, nothing else"

    @pytest.mark.parametrize("champ", ["duree", "fin", "au", "guichet", "acquittees"])
    @pytest.mark.parametrize("qui", ["exterieur", "agent"])
    async def test_what_is_forced_is_refused_and_journaled(self, journee: Journee, champ: str, qui: str) -> None:
        service = await service_ordinaire(journee)
        async with parcours(journee, service, qui) as agent:
            formulaire = await agent.open_form()
            reponse = await agent.send(formulaire, **{champ: "40"})
            choix = await agent.choose((await agent.libres())[0], **{champ: "40"})
        assert (reponse.status_code, choix.status_code) == (403, 403)
        assert await last_journal(journee, service) == "service.acces_refuse forcer"
        etats = await journee.scalar(
            "SELECT count(*) FROM rendez_vous WHERE service_id = :s AND etat <> 'option'", s=service.id
        )
        assert etats == 0

    async def test_an_unknown_field_is_refused(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        async with parcours(journee, service) as agent:
            assert (await agent.send(await agent.open_form(), statut="termine")).status_code == 422

    @pytest.mark.parametrize("qui", ["exterieur", "agent"])
    async def test_a_guichet_closed_to_externals_is_not_offered(self, journee: Journee, qui: str) -> None:
        service = await service_ordinaire(journee, guichets=2)
        await change(
            journee, service, "UPDATE guichet SET canaux = '{internet,rattache}' WHERE id = :g", g=service.guichets[0]
        )
        async with parcours(journee, service, qui) as agent:
            await agent.book()
        assert (
            await journee.scalar("SELECT guichet_id FROM rendez_vous WHERE service_id = :s", s=service.id)
            == (service.guichets[1])
        )

    @pytest.mark.parametrize("qui", ["exterieur", "agent"])
    async def test_a_service_closed_to_externals_says_so_and_books_nothing(self, journee: Journee, qui: str) -> None:
        service = await service_ordinaire(journee)
        async with parcours(journee, service, qui) as agent:
            debut = (await agent.libres())[0]
            formulaire = await agent.open_form(debut)
            await change(
                journee,
                service,
                "UPDATE guichet SET canaux = '{internet,rattache}' WHERE service_id = :s",
                s=service.id,
            )
            for etape in ("motif", "creneau"):
                page = await agent.client.get(f"{agent.base}/{etape}", params=agent.choix)
                assert page.status_code == 200
                assert "n’accepte pas les agents extérieurs" in texte(page.text)
            assert ("passez par l’agenda" in texte(page.text)) == (qui == "agent")
            assert (await agent.send(formulaire)).status_code == 422
        assert (
            await journee.scalar(
                "SELECT count(*) FROM rendez_vous WHERE etat = 'prevu' AND service_id = :s", s=service.id
            )
            == 0
        )

    async def test_an_hour_off_the_grid_a_motif_or_a_type_not_offered_are_refused(self, journee: Journee) -> None:
        service = await service_ordinaire(journee, types=["guichet"])
        async with parcours(journee, service) as agent:
            assert (await agent.choose(f"{PREMIER}T08:07:00+01:00")).status_code == 422
            assert (await agent.choose(f"{PREMIER}T18:00:00+01:00")).status_code == 422
            debut = (await agent.libres())[0]
            agent.choix["motif"] = service.motifs[2]
            assert (await agent.choose(debut)).status_code == 422
            agent.choix.update(motif=service.motifs[0], type="telephone")
            assert (await agent.choose(debut)).status_code == 422
            agent.choix["type"] = "visio"
            assert (await agent.choose(debut)).headers["location"].startswith(f"{agent.base}/motif"), "no such address"
        assert await count_rdv(journee, service) == 0

    @pytest.mark.parametrize("methode", ["get", "post"])
    async def test_pilotage_alone_books_nothing(self, journee: Journee, methode: str) -> None:
        service = await service_ordinaire(journee)
        async with parcours(journee, service, "pilote") as agent:
            url = f"{agent.base}/motif" if methode == "get" else f"{agent.base}/coordonnees"
            reponse = await getattr(agent.client, methode)(url)
        assert reponse.status_code == 403
        assert await last_journal(journee, service) == "service.acces_refuse reserver"

    @pytest.mark.parametrize("service_id", [0, 999_999, 2**63 - 1])
    async def test_a_service_that_does_not_exist_is_not_found(self, journee: Journee, service_id: int) -> None:
        service = await service_ordinaire(journee)
        async with parcours(journee, service) as agent:
            assert (await agent.client.get(f"/services/{service_id}/prendre/motif")).status_code == 404

    async def test_nobody_signed_in_is_asked_to_sign_in(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        async with journee.client() as client:
            reponse = await client.get(f"/services/{service.id}/prendre/motif")
        assert reponse.status_code == 303
        assert reponse.headers["location"].startswith("/connexion")


class TestRivaux:
    """« Never two on one guichet at one time »: externals are rivals like the others."""

    async def test_two_externals_on_the_same_creneau_are_told_the_truth(self, journee: Journee) -> None:
        service = await service_ordinaire(journee, guichets=1)
        async with AsyncExitStack() as pile:
            agents = [
                await pile.enter_async_context(parcours(journee, service, qui)) for qui in ("exterieur", "national")
            ]
            debut = (await agents[0].libres())[0]
            issues = await asyncio.gather(*(agent.choose(debut) for agent in agents))
        assert sorted(r.status_code for r in issues) == [303, 409]
        perdu = next(r for r in issues if r.status_code == 409)
        assert "vient d’être pris" in texte(perdu.text)
        assert alternatives(perdu.text)
        assert debut not in alternatives(perdu.text)

    async def test_a_hold_that_expired_is_lost_honestly_with_what_was_typed(self, journee: Journee) -> None:
        service = await service_ordinaire(journee, guichets=1)
        async with parcours(journee, service) as agent, parcours(journee, service, "national") as rival:
            debut = (await agent.libres())[0]
            formulaire = await agent.open_form(debut)
            async with journee.outils.db.engine.begin() as conn:
                await conn.exec_driver_sql("UPDATE rendez_vous SET expire_a = cree_a WHERE etat = 'option';")
            await rival.book(debut)
            reponse = await agent.send(formulaire)
            assert reponse.status_code == 409
            assert 'value="Valenton"' in reponse.text
            autre = alternatives(reponse.text)[0]
            suite = await agent.send({**caches(reponse.text), "debut": autre})
        assert suite.status_code == 303


class TestDeja:
    """Annexe 1 §3.2: a RDV already held is announced before the final validation, to who may know it."""

    async def book_futur(self, journee: Journee, service: MondeService) -> int:
        usager = personne("Merville", numero_fiscal=NUMERO_FISCAL, courriel="justine@usagers.test")
        return await journee.book(service, "09:00", jour=PREMIER, usager=usager)

    async def test_an_agent_of_the_service_is_told_and_confirms(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await self.book_futur(journee, service)
        async with parcours(journee, service, "agent") as agent:
            formulaire = await agent.open_form()
            annonce = await agent.send(formulaire, numero_fiscal=NUMERO_FISCAL)
            assert annonce.status_code == 409
            assert "a déjà un rendez-vous à venir dans ce service" in texte(annonce.text)
            assert f"/rendez-vous/{rdv}" in annonce.text
            assert await last_journal(journee, service) == "usager.recherche "
            fait = await agent.send(caches(annonce.text), numero_fiscal=NUMERO_FISCAL, deja_vu="1")
        assert fait.status_code == 303

    async def test_an_external_is_told_nothing_of_anybody(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        await self.book_futur(journee, service)
        async with parcours(journee, service) as agent:
            page = await agent.client.get((await agent.choose()).headers["location"])
            assert "Rechercher l’usager" not in page.text
            assert "Demandez à l’usager s’il a déjà un rendez-vous" in texte(page.text)
            fait = await agent.send(caches(page.text), numero_fiscal=NUMERO_FISCAL)
        assert fait.status_code == 303

    async def test_the_number_fills_the_form_in_for_the_agents_of_the_service_alone(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await self.book_futur(journee, service)
        async with journee.outils.db.engine.begin() as conn:
            await conn.exec_driver_sql(
                f"UPDATE rendez_vous SET etat = 'annule', occupe = FALSE, annule_a = now() WHERE id = {rdv}"
            )
        cherche = {"numero_fiscal": NUMERO_FISCAL, "faire": "rechercher", "nom_usage": "", "prenoms": ""}
        async with parcours(journee, service, "agent") as agent:
            formulaire = await agent.open_form()
            page = await agent.send(formulaire, **cherche)
            assert page.status_code == 200
            assert re.search(r'name="nom_usage"[^>]*value="Merville"', page.text)
            assert "Ce créneau vous est réservé" in texte(page.text)
            assert (await agent.send(caches(page.text), **{**cherche, "numero_fiscal": ""})).status_code == 422
        async with parcours(journee, service) as externe:
            refus = await externe.send(await externe.open_form(), **cherche)
        assert refus.status_code == 403
        assert "Merville" not in refus.text
        assert await last_journal(journee, service) == "service.acces_refuse rechercher"


class TestDelegation:
    """Article 2.3.5: an agent books through a delegation as usagers do, where externals are taken."""

    async def test_the_place_of_the_delegation_is_offered_and_booked(self, journee: Journee) -> None:
        a, b = await service_ordinaire(journee), await service_ordinaire(journee)
        delegation = await entrust(journee, a, b)
        await change(journee, a, "UPDATE guichet SET canaux = '{internet}' WHERE service_id = :s", s=a.id)
        async with parcours(journee, a, lieu=delegation) as agent:
            page = await agent.page_creneaux()
            assert "confie ce rendez-vous à ce service" in texte(page.text)
            fait = await agent.book()
        assert "pour le compte de" in texte(fait.text)
        assert await journee.scalar("SELECT service_id FROM rendez_vous WHERE code = :c", c=code(fait.text)) == b.id

    async def test_who_receives_must_take_externals(self, journee: Journee) -> None:
        a, b = await service_ordinaire(journee), await service_ordinaire(journee)
        await entrust(journee, a, b)
        for service in (a, b):
            await change(
                journee, service, "UPDATE guichet SET canaux = '{internet}' WHERE service_id = :s", s=service.id
            )
        async with parcours(journee, a) as agent:
            page = await agent.page_creneaux()
        assert "n’accepte pas les agents extérieurs" in texte(page.text)

    async def test_the_hold_of_a_delegated_place_may_be_kept_longer(self, journee: Journee) -> None:
        a, b = await service_ordinaire(journee), await service_ordinaire(journee)
        delegation = await entrust(journee, a, b)
        async with parcours(journee, a, lieu=delegation) as agent:
            formulaire = await agent.open_form()
            reponse = await agent.client.post(
                f"{agent.base}/option/prolonger", data=formulaire, headers={"Accept": "application/json"}
            )
        assert reponse.status_code == 200
