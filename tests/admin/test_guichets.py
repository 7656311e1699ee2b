"""Guichets: created, named, ordered, restricted, opened, closed, deleted when they never served (G 2.3.3)."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event, insert, text

from app import clock
from app.admin.guichets.lecture import read_guichets
from app.booking.disponibilites import Disponibilites
from app.domain.rendez_vous import Action
from app.tables import Guichet, GuichetAgent
from tests.accueil.monde import Journee
from tests.admin.guichets import LIBRE, base, guichet, hidden, read_form, seen, send, words
from tests.fixtures.donnees import MondeService


@pytest.fixture
async def nevers(journee: Journee) -> MondeService:
    return await journee.service()


async def count_creneaux(journee: Journee, service: MondeService, motif: int = 0, canal: str = "internet") -> int:
    """Places (a start at a guichet) that the grid shows, read as a fresh process does."""
    async with journee.outils.db.read() as conn:
        dispo = await Disponibilites().read(
            conn,
            service.id,
            motif_id=service.motifs[motif],
            type_rdv="guichet",
            canal=canal,
            maintenant=clock.now(),
        )
    return sum(len(c.guichets) for jour in dispo.grille.jours.values() for c in jour.creneaux)


class TestQui:
    """G 2.3.2: who organises the service, nobody else; an id of another service is a 404, journaled."""

    @pytest.mark.parametrize("qui", ["agent", "pilote", "exterieur", "orientation"])
    async def test_an_agent_finds_nothing(self, journee: Journee, nevers: MondeService, qui: str) -> None:
        g = nevers.guichets[0]
        async with journee.client(nevers.agents[qui]) as client:
            for suite in (
                "",
                "/fragment",
                "/nouveau",
                f"/{g}",
                f"/{g}/fragment",
                f"/{g}/fermeture",
                f"/{g}/suppression",
            ):
                assert (await client.get(base(nevers, suite))).status_code == 404, suite
            for suite in ("", f"/{g}", f"/{g}/fermeture", f"/{g}/ouverture", f"/{g}/monter", f"/{g}/suppression"):
                assert (await send(client, base(nevers, suite), LIBRE)).status_code == 404, suite
        assert (await guichet(journee, g))["revision"] == 1

    async def test_another_service_s_guichet_is_a_404_that_leaves_a_line(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        autre = await journee.service()
        etranger = autre.guichets[0]
        async with journee.client(nevers.agents["chef"]) as client:
            for suite in ("", "/fermeture", "/ouverture", "/suppression", "/monter"):
                assert (await send(client, base(nevers, f"/{etranger}{suite}"), LIBRE)).status_code == 404
            assert (await client.get(base(nevers, f"/{2**70}"))).status_code == 404
        refus = await journee.scalar(
            "SELECT count(*) FROM journal WHERE action = 'organisation.acces_refuse' AND agent_id = :a",
            a=nevers.agents["chef"],
        )
        assert refus == 5, "a number that names nothing is nobody's"
        assert (await guichet(journee, etranger))["ouvert"]


class TestCreer:
    """A name is enough; everything else restricts."""

    async def test_a_guichet_is_created_journaled_and_bookable_at_once(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        avant = await count_creneaux(journee, nevers)
        async with journee.client(nevers.agents["chef"]) as client:
            assert 'value="Guichet 3"' in (await client.get(base(nevers, "/nouveau"))).text
            reponse = await send(client, base(nevers), {**LIBRE, "nom": "Box des professionnels"})
            assert reponse.status_code == 303
            page = (await client.get(reponse.headers["location"])).text
        assert "Le guichet est créé." in page
        assert "Box des professionnels" in page
        assert await count_creneaux(journee, nevers) == avant // 2 * 3
        trace = await journee.scalar(
            "SELECT apres FROM journal WHERE action = 'guichet.cree' AND service_id = :s", s=nevers.id
        )
        assert trace["nom"] == "Box des professionnels"
        assert (await journee.scalar("SELECT max(ordre) FROM guichet WHERE service_id = :s", s=nevers.id)) == 3

    @pytest.mark.parametrize(
        ("champs", "phrase"),
        [
            ({"nom": ""}, "Donnez un nom"),
            ({"nom": "guichet 1"}, "porte déjà ce nom"),
            ({"nom": "A\x00B"}, "caractère"),
            ({"nom": "G‮3"}, "caractère"),
            ({"nom": "x" * 61}, "60"),
            ({"motifs": "choix", "motif": ["999999"]}, "Choisissez parmi les valeurs proposées"),
            ({"motifs": "choix", "motif": []}, "Cochez au moins un motif"),
            ({"origines": "choix"}, "Cochez au moins une origine"),
            ({"types": "choix", "type": ["fax"]}, "Choisissez parmi les valeurs proposées"),
            ({"types": "partout"}, "Choisissez une des deux"),
            ({"agent": ["999999"]}, "Choisissez parmi les valeurs proposées"),
            ({"service_id": "1"}, "information inattendue"),
        ],
    )
    async def test_a_wrong_form_is_refused_with_a_sentence_and_kept(
        self, journee: Journee, nevers: MondeService, champs: dict[str, Any], phrase: str
    ) -> None:
        async with journee.client(nevers.agents["chef"]) as client:
            reponse = await send(client, base(nevers), {**LIBRE, "nom": "Reçu", **champs})
        assert reponse.status_code == 422
        assert phrase in words(reponse.text)
        if "nom" not in champs:
            assert 'value="Reçu"' in reponse.text
        assert await journee.scalar("SELECT count(*) FROM guichet WHERE service_id = :s", s=nevers.id) == 2

    async def test_a_hostile_name_is_text(self, journee: Journee, nevers: MondeService) -> None:
        async with journee.client(nevers.agents["chef"]) as client:
            await send(client, base(nevers), {**LIBRE, "nom": "<script>alert(1)</script>"})
            page = (await client.get(base(nevers))).text
        assert "<script>alert" not in page
        assert "&lt;script&gt;" in page


class TestRestreindre:
    """« Aucune restriction » is not « rien »; what is taken away is told before it is."""

    async def test_a_restriction_changes_the_grid_and_none_gives_it_back(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        g, avant = nevers.guichets[0], await count_creneaux(journee, nevers)
        async with journee.client(nevers.agents["chef"]) as client:
            champs = await read_form(client, nevers, g)
            assert (champs["motifs"], champs["origines"], champs["types"]) == (["tous"], ["tous"], ["tous"])
            restreint = {**champs, "motifs": "choix", "motif": [str(nevers.motifs[1])], "origines": "tous"}
            assert (await send(client, base(nevers, f"/{g}"), restreint)).status_code == 303
            assert (await guichet(journee, g))["motifs"] == [nevers.motifs[1]]
            assert await count_creneaux(journee, nevers) == avant // 2
            page = words((await client.get(base(nevers))).text)
            assert "Motifs Problème de paiement d'un impôt" in page
            champs = await read_form(client, nevers, g)
            await send(client, base(nevers, f"/{g}"), {**champs, "motifs": "tous"})
        assert (await guichet(journee, g))["motifs"] is None
        assert await count_creneaux(journee, nevers) == avant

    async def test_what_would_be_bookable_nowhere_is_told_first(self, journee: Journee, nevers: MondeService) -> None:
        un, deux = nevers.guichets
        seul = {"motifs": "choix", "motif": [str(nevers.motifs[1])]}
        async with journee.client(nevers.agents["chef"]) as client:
            await send(client, base(nevers, f"/{un}"), {**await read_form(client, nevers, un), **seul})
            champs = {**await read_form(client, nevers, deux), **seul}
            reponse = await send(client, base(nevers, f"/{deux}"), champs)
            assert reponse.status_code == 409
            assert (
                "« Déclaration et calcul de l'impôt sur le revenu » : plus aucun guichet ouvert ne le prendrait"
                in words(reponse.text)
            )
            assert (await guichet(journee, deux))["motifs"] is None
            # Another change meanwhile: what was confirmed is not what would happen.
            mauvais = await send(client, base(nevers, f"/{deux}"), {**champs, "vus": "0123456789abcdef"})
            assert mauvais.status_code == 409
            confirme = {**champs, "vus": hidden(reponse.text, "vus")}
            assert (await send(client, base(nevers, f"/{deux}"), confirme)).status_code == 303
        assert (await guichet(journee, deux))["motifs"] == [nevers.motifs[1]]

    async def test_losing_the_internet_is_told_too(self, journee: Journee, nevers: MondeService) -> None:
        un, deux = nevers.guichets
        agents = {"origines": "choix", "origine": ["rattache", "exterieur"]}
        async with journee.client(nevers.agents["chef"]) as client:
            reponse = await send(client, base(nevers, f"/{un}"), {**await read_form(client, nevers, un), **agents})
            assert reponse.status_code == 303
            reponse = await send(client, base(nevers, f"/{deux}"), {**await read_form(client, nevers, deux), **agents})
            assert reponse.status_code == 409
            assert "plus réservables par : usagers sur internet" in words(reponse.text)
            page = words((await client.get(base(nevers))).text)
        assert "Les usagers ne peuvent pas y réserver en ligne." in page

    async def test_a_stale_form_is_a_409_with_both_versions_and_a_second_save_is_a_decision(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        g = nevers.guichets[0]
        async with (
            journee.client(nevers.agents["chef"]) as client,
            journee.client(nevers.agents["national"]) as autre,
        ):
            mien = {**await read_form(client, nevers, g), "nom": "Le mien"}
            leur = {**await read_form(autre, nevers, g), "nom": "Le leur"}
            assert (await send(autre, base(nevers, f"/{g}"), leur)).status_code == 303
            reponse = await send(client, base(nevers, f"/{g}"), mien)
            assert reponse.status_code == 409
            page = words(reponse.text)
            assert "Les deux versions" in page
            assert "Le leur" in page
            assert 'value="Le mien"' in reponse.text
            assert (await guichet(journee, g))["nom"] == "Le leur"
            encore = {**mien, "revision": hidden(reponse.text, "revision")}
            assert (await send(client, base(nevers, f"/{g}"), encore)).status_code == 303
        assert (await guichet(journee, g))["nom"] == "Le mien"

    async def test_nothing_changed_writes_nothing(self, journee: Journee, nevers: MondeService) -> None:
        g = nevers.guichets[0]
        async with journee.client(nevers.agents["chef"]) as client:
            reponse = await send(client, base(nevers, f"/{g}"), await read_form(client, nevers, g))
        assert reponse.headers["location"].endswith("fait=inchange")
        assert (await guichet(journee, g))["revision"] == 1


class TestOrdonner:
    """The order of the agenda's columns, one place at a time."""

    async def test_up_and_down_and_the_edges(self, journee: Journee, nevers: MondeService) -> None:
        un, deux = nevers.guichets

        async def ordre() -> list[int]:
            async with journee.client(nevers.agents["chef"]) as c:
                page = (await c.get(base(nevers, "/fragment"))).text
            return sorted((un, deux), key=lambda g: page.index(f'id="guichet-{g}"'))

        vue = await seen(journee, deux)
        async with journee.client(nevers.agents["chef"]) as client:
            assert (await send(client, base(nevers, f"/{deux}/monter"), vue)).status_code == 303
            assert await ordre() == [deux, un]
            assert "fait=bord" in (await send(client, base(nevers, f"/{deux}/monter"), vue)).headers["location"]
            reponse = await client.post(
                base(nevers, f"/{deux}/descendre"), data=vue, headers={"Accept": "application/json"}
            )
            assert reponse.json()["message"]
        assert await ordre() == [un, deux]


class TestFermer:
    """promises, « Admin »: closing a guichet with RDV → 409 + list, none cancelled."""

    async def test_with_rendez_vous_to_come_it_is_a_409_that_names_them(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        g = nevers.guichets[0]
        await journee.book(nevers, "14:00", "Merville")
        await journee.book(nevers, "09:00", "Dupassé", etat="termine")
        await journee.book(nevers, "15:00", "Annulé", etat="annule")
        await journee.book(nevers, "16:00", "Voisine", guichet=1)
        async with journee.client(nevers.agents["chef"]) as client:
            reponse = await send(client, base(nevers, f"/{g}/fermeture"), await seen(journee, g))
            assert reponse.status_code == 409
            page = words(reponse.text)
            assert "MERVILLE Justine" in page
            assert "14:00" in page
            assert not any(nom in page for nom in ("DUPASSÉ", "ANNULÉ", "VOISINE"))
            assert (await guichet(journee, g))["ouvert"]
            lue = await journee.scalar(
                "SELECT count(*) FROM journal WHERE action = 'guichet.rdv_lus' AND service_id = :s", s=nevers.id
            )
            assert lue == 1
            vus = hidden(reponse.text, "vus")
            # Somebody books meanwhile: the list seen is not the list left.
            await journee.book(nevers, "17:00", "Tardive")
            assert (
                await send(client, base(nevers, f"/{g}/fermeture"), {**await seen(journee, g), "vus": vus})
            ).status_code == 409
            reponse = await client.get(base(nevers, f"/{g}/fermeture"))
            assert "TARDIVE" in reponse.text
            vus = hidden(reponse.text, "vus")
            champs = {**await seen(journee, g), "vus": vus, "suite": "replacer"}
            reponse = await send(client, base(nevers, f"/{g}/fermeture"), champs)
            assert reponse.status_code == 303
            assert reponse.headers["location"].endswith("/a-replacer?fait=ferme")
            page = words((await client.get(reponse.headers["location"])).text)
        assert "2 rendez-vous à replacer" in page
        assert not (await guichet(journee, g))["ouvert"]
        etats = await journee.scalar(
            "SELECT array_agg(etat ORDER BY debut) FROM rendez_vous WHERE guichet_id = :g AND etat <> 'option'", g=g
        )
        assert etats == ["termine", "prevu", "annule", "prevu"]

    async def test_without_any_it_closes_at_once_and_opens_again(self, journee: Journee, nevers: MondeService) -> None:
        g = nevers.guichets[0]
        avant = await count_creneaux(journee, nevers)
        async with journee.client(nevers.agents["chef"]) as client:
            assert "il peut fermer" in words((await client.get(base(nevers, f"/{g}/fermeture"))).text)
            reponse = await send(client, base(nevers, f"/{g}/fermeture"), await seen(journee, g))
            assert reponse.headers["location"].endswith("fait=ferme")
            assert await count_creneaux(journee, nevers) == avant // 2
            assert "Fermé : aucun rendez-vous ne peut y être pris." in words((await client.get(base(nevers))).text)
            assert (await send(client, base(nevers, f"/{g}/ouverture"), await seen(journee, g))).status_code == 303
        assert await count_creneaux(journee, nevers) == avant
        actions = await journee.scalar(
            "SELECT array_agg(action ORDER BY id) FROM journal WHERE objet = 'guichet' AND objet_id = :g", g=g
        )
        assert actions == ["guichet.ferme", "guichet.ouvert"]

    async def test_the_last_one_says_what_nobody_could_book_any_more(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        un, deux = nevers.guichets
        async with journee.client(nevers.agents["chef"]) as client:
            await send(client, base(nevers, f"/{un}/fermeture"), await seen(journee, un))
            reponse = await send(client, base(nevers, f"/{deux}/fermeture"), await seen(journee, deux))
            assert reponse.status_code == 409
            assert "plus aucun guichet ouvert ne les prendrait" in words(reponse.text)
            confirme = {**await seen(journee, deux), "vus": hidden(reponse.text, "vus")}
            assert (await send(client, base(nevers, f"/{deux}/fermeture"), confirme)).status_code == 303


class TestSupprimer:
    """Delete when empty: a guichet that served keeps its history."""

    async def test_one_that_served_is_a_409_that_proposes_to_close(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        g = nevers.guichets[0]
        rdv = await journee.book(nevers, "14:00")
        await journee.act(nevers, rdv, Action.ANNULER)
        async with journee.client(nevers.agents["chef"]) as client:
            reponse = await send(client, base(nevers, f"/{g}/suppression"), await seen(journee, g))
            assert reponse.status_code == 409
            assert "Fermez-le" in words(reponse.text)
        assert (await guichet(journee, g))["ouvert"]

    async def test_one_that_never_served_goes_with_its_agents(self, journee: Journee, nevers: MondeService) -> None:
        async with journee.client(nevers.agents["chef"]) as client:
            await send(client, base(nevers), {**LIBRE, "agent": [str(nevers.agents["box"])]})
            g = await journee.scalar("SELECT max(id) FROM guichet WHERE service_id = :s", s=nevers.id)
            assert "il peut être supprimé" in words((await client.get(base(nevers, f"/{g}/suppression"))).text)
            reponse = await send(client, base(nevers, f"/{g}/suppression"), await seen(journee, g))
            assert reponse.headers["location"].endswith("fait=supprime")
            assert (await client.get(base(nevers, f"/{g}"))).status_code == 404
        assert await journee.scalar("SELECT count(*) FROM guichet_agent WHERE guichet_id = :g", g=g) == 0

    async def test_one_where_somebody_is_filling_in_a_form_waits(self, journee: Journee, nevers: MondeService) -> None:
        g = nevers.guichets[0]
        async with journee.outils.db.engine.begin() as conn:
            await conn.execute(
                text(
                    "INSERT INTO rendez_vous (service_id, guichet_id, motif_id, type_rdv, debut, fin, jour, etat,"
                    " occupe, canal, origine, nature_option, expire_a, cree_a, modifie_a)"
                    " SELECT :s, :g, :m, 'guichet', t.a, t.a + interval '20 min', t.a::date, 'option', TRUE,"
                    " 'internet', 'internet', 'saisie', t.a + interval '5 min', t.a, t.a"
                    " FROM (SELECT CAST(:a AS timestamptz) AS a) t"
                ),
                {"s": nevers.id, "g": g, "m": nevers.motifs[0], "a": clock.now()},
            )
        async with journee.client(nevers.agents["chef"]) as client:
            reponse = await send(client, base(nevers, f"/{g}/suppression"), await seen(journee, g))
        assert reponse.status_code == 409
        assert "en train de prendre rendez-vous" in words(reponse.text)


class TestListe:
    """The list costs the same whatever the number of guichets, and counts rendez-vous by day."""

    async def test_it_counts_today_and_the_days_after(self, journee: Journee, nevers: MondeService) -> None:
        await journee.book(nevers, "14:00")
        await journee.book(nevers, "15:00", etat="annule")
        await journee.book(nevers, "14:00", jour=clock.now().date().replace(day=25))
        async with journee.client(nevers.agents["chef"]) as client:
            page = words((await client.get(base(nevers, "/fragment"))).text)
        assert "Aujourd’hui 1" in page
        assert "Les jours suivants 1" in page

    async def test_the_number_of_statements_does_not_grow(self, journee: Journee, nevers: MondeService) -> None:
        async with journee.outils.db.engine.begin() as conn:
            for rang in range(20):
                g = (
                    await conn.execute(
                        insert(Guichet)
                        .values(service_id=nevers.id, nom=f"Box {rang}", ordre=rang, ouvert=True)
                        .returning(Guichet.id)
                    )
                ).scalar_one()
                await conn.execute(insert(GuichetAgent).values(guichet_id=g, agent_id=nevers.agents["box"]))
        ordres: list[str] = []
        moteur = journee.outils.db.engine.sync_engine

        def note(conn: Any, cursor: Any, ordre: str, *reste: Any) -> None:
            ordres.append(ordre)

        event.listen(moteur, "before_cursor_execute", note)
        try:
            async with journee.outils.db.read() as conn:
                assert len(await read_guichets(conn, nevers.id, clock.now().date())) == 22
        finally:
            event.remove(moteur, "before_cursor_execute", note)
        assert len(ordres) == 3
