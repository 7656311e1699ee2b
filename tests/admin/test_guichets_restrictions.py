"""What a guichet stops taking is told before, listed after; nothing leaves with it unseen (G 2.3.3, promises)."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert, text

from app.tables import ExceptionPlanning, Motif, Planning
from tests.accueil.monde import JOUR, Journee
from tests.admin.guichets import LIBRE, base, guichet, hidden, read_form, seen, send, words
from tests.fixtures.donnees import MondeService


@pytest.fixture
async def nevers(journee: Journee) -> MondeService:
    return await journee.service()


async def list_a_replacer(journee: Journee, service: MondeService) -> str:
    async with journee.client(service.agents["chef"]) as client:
        return words((await client.get(f"/services/{service.id}/organiser/a-replacer")).text)


class TestRestreindreSansOrphelin:
    """No change of organisation leaves a rendez-vous outside silently."""

    @pytest.mark.parametrize(
        ("champ", "cause"),
        [("motif", "Motif que le guichet ne prend plus"), ("type", "Type que le guichet ne prend plus")],
    )
    async def test_those_it_would_not_take_are_told_before_and_listed_after(
        self, journee: Journee, nevers: MondeService, champ: str, cause: str
    ) -> None:
        g = nevers.guichets[0]
        await journee.book(nevers, "14:00", "Merville")
        await journee.book(nevers, "15:00", "Conforme", motif_id=nevers.motifs[1], type_rdv="telephone")
        await journee.book(nevers, "16:00", "Voisine", guichet=1)
        restreint: dict[str, Any] = {f"{champ}s": "choix"}
        restreint[champ] = [str(nevers.motifs[1])] if champ == "motif" else ["telephone"]
        async with journee.client(nevers.agents["chef"]) as client:
            champs = {**await read_form(client, nevers, g), **restreint}
            reponse = await send(client, base(nevers, f"/{g}"), champs)
            assert reponse.status_code == 409
            page = words(reponse.text)
            assert "Ce rendez-vous ne conviendrait plus à ce guichet" in page
            assert "MERVILLE Justine" in page
            assert "CONFORME" not in page
            assert "VOISINE" not in page
            assert (await guichet(journee, g))["revision"] == 1
            assert "Merville" not in await list_a_replacer(journee, nevers)
            reponse = await send(client, base(nevers, f"/{g}"), {**champs, "vus": hidden(reponse.text, "vus")})
            assert reponse.headers["location"].endswith("fait=enregistre_rdv")
        lues = await journee.scalar(
            "SELECT count(*) FROM journal WHERE action = 'guichet.rdv_lus' AND service_id = :s", s=nevers.id
        )
        assert lues == 1
        liste = await list_a_replacer(journee, nevers)
        assert "1 rendez-vous à replacer" in liste
        assert "MERVILLE" in liste
        assert cause in liste

    async def test_one_booked_meanwhile_is_told_again(self, journee: Journee, nevers: MondeService) -> None:
        g = nevers.guichets[0]
        await journee.book(nevers, "14:00", "Merville")
        async with journee.client(nevers.agents["chef"]) as client:
            champs = {**await read_form(client, nevers, g), "types": "choix", "type": ["telephone"]}
            vus = hidden((await send(client, base(nevers, f"/{g}"), champs)).text, "vus")
            await journee.book(nevers, "17:00", "Tardive")
            reponse = await send(client, base(nevers, f"/{g}"), {**champs, "vus": vus})
        assert reponse.status_code == 409
        assert "TARDIVE" in reponse.text

    async def test_one_put_there_by_decision_is_neither_told_nor_listed(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        g = nevers.guichets[0]
        rdv = await journee.book(nevers, "14:00", "Merville")
        async with journee.outils.db.engine.begin() as conn:
            ordre = text("UPDATE rendez_vous SET forcages = ARRAY['type_non_propose'] WHERE id = :r")
            await conn.execute(ordre, {"r": rdv})
        async with journee.client(nevers.agents["chef"]) as client:
            champs = {**await read_form(client, nevers, g), "types": "choix", "type": ["telephone"]}
            reponse = await send(client, base(nevers, f"/{g}"), champs)
        assert reponse.headers["location"].endswith("fait=enregistre")
        assert "MERVILLE" not in await list_a_replacer(journee, nevers)

    async def test_a_heading_is_no_restriction(self, journee: Journee, nevers: MondeService) -> None:
        async with journee.outils.db.engine.begin() as conn:
            valeurs = {
                "type_service_code": "SIP",
                "code": f"sous-{nevers.id}",
                "libelle": "Sous-motif",
                "nature": "assiette",
                "parent_id": nevers.motifs[2],
            }
            enfant = (await conn.execute(insert(Motif).values(**valeurs).returning(Motif.id))).scalar_one()
            await conn.execute(
                text("UPDATE agenda SET version_planning = version_planning + 1 WHERE service_id = :s"),
                {"s": nevers.id},
            )
        async with journee.client(nevers.agents["chef"]) as client:
            champs = {**LIBRE, "motifs": "choix"}
            reponse = await send(client, base(nevers), {**champs, "motif": [str(nevers.motifs[2])]})
            assert reponse.status_code == 422
            assert "Choisissez parmi les valeurs proposées" in words(reponse.text)
            assert (await send(client, base(nevers), {**champs, "motif": [str(enfant)]})).status_code == 303


class TestSupprimerSansTrace:
    """What a guichet has of its own is named before it goes, and leaves a line of the journal each."""

    async def test_its_plannings_and_exceptions_are_named_confirmed_and_journaled(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        g = nevers.guichets[0]
        async with journee.outils.db.engine.begin() as conn:
            commun = {"service_id": nevers.id, "guichet_id": g, "du": JOUR, "au": JOUR}
            await conn.execute(insert(Planning).values(**commun, nom="Campagne", nature="semaine", cycle=1))
            fermeture = {**commun, "nature": "fermeture", "libelle": "Travaux"}
            await conn.execute(insert(ExceptionPlanning).values(**fermeture, cree_a=text("now()")))
        async with journee.client(nevers.agents["chef"]) as client:
            page = (await client.get(base(nevers, f"/{g}/suppression"))).text
            mots = words(page)
            assert "Planning « Campagne », le 23/11/2026" in mots
            assert "Fermeture « Travaux », le 23/11/2026" in mots
            assert "Supprimer quand même" in mots
            sans = await send(client, base(nevers, f"/{g}/suppression"), await seen(journee, g))
            assert sans.status_code == 409
            assert (await guichet(journee, g))["ouvert"]
            champs = {champ: hidden(page, champ) for champ in ("revision", "vus")}
            reponse = await send(client, base(nevers, f"/{g}/suppression"), champs)
            assert reponse.headers["location"].endswith("fait=supprime")
        actions = await journee.scalar(
            "SELECT array_agg(action ORDER BY id) FROM journal WHERE service_id = :s AND action LIKE '%.supprime'",
            s=nevers.id,
        )
        assert actions == ["planning.supprime", "exception.supprime", "guichet.supprime"]
        avant = await journee.scalar(
            "SELECT avant FROM journal WHERE service_id = :s AND action = 'exception.supprime'", s=nevers.id
        )
        assert avant["libelle"] == "Travaux"


class TestRevision:
    """What exists is never written over without having been seen."""

    @pytest.mark.parametrize("suite", ["", "/ouverture", "/fermeture", "/monter", "/descendre", "/suppression"])
    async def test_without_a_revision_it_is_a_422_and_a_past_one_a_409(
        self, journee: Journee, nevers: MondeService, suite: str
    ) -> None:
        g = nevers.guichets[0]
        async with journee.outils.db.engine.begin() as conn:
            ouvert = suite != "/ouverture"
            await conn.execute(
                text("UPDATE guichet SET revision = 5, ouvert = :o WHERE id = :g"), {"o": ouvert, "g": g}
            )
        champs = {**LIBRE, "nom": "Autre"} if not suite else {}
        champs.pop("ouvert", None)
        async with journee.client(nevers.agents["chef"]) as client:
            sans = await send(client, base(nevers, f"/{g}{suite}"), champs)
            assert sans.status_code == 422
            assert "Rouvrez la page" in words(sans.text)
            passee = await send(client, base(nevers, f"/{g}{suite}"), {**champs, "revision": "4"})
            assert passee.status_code == 409
        ligne = await guichet(journee, g)
        assert (ligne["nom"], ligne["ouvert"], ligne["revision"]) == ("Guichet 1", ouvert, 5)

    async def test_a_file_in_a_text_field_is_a_422(self, journee: Journee, nevers: MondeService) -> None:
        async with journee.client(nevers.agents["chef"]) as client:
            champs = {champ: valeur for champ, valeur in LIBRE.items() if champ != "nom"}
            fichier = {"nom": ("nom.txt", b"Guichet", "text/plain")}
            reponse = await client.post(base(nevers), data=champs, files=fichier)
        assert reponse.status_code == 422
        assert "fichier" in words(reponse.text)
        assert await journee.scalar("SELECT count(*) FROM guichet WHERE service_id = :s", s=nevers.id) == 2

    async def test_keeping_a_rendez_vous_takes_its_revision_and_nothing_else(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        rdv = await journee.book(nevers, "14:00")
        url = f"/services/{nevers.id}/organiser/a-replacer/{rdv}"
        async with journee.client(nevers.agents["chef"]) as client:
            for champs in ({"revision": "1", "cause": "motif"}, {}):
                assert (await send(client, f"{url}/maintien", champs)).status_code == 422
            assert (await send(client, f"{url}/reprise", {"service_id": "1"})).status_code == 422
