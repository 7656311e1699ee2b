"""« Rendez-vous à replacer »: listed until handled, moved in one confirmation, nobody twice (Annexe 1 §3.2)."""

from __future__ import annotations

import re
from datetime import date
from html import unescape
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlalchemy import event, insert, text

from app import clock
from app.admin.replacement.lecture import read_personnes
from app.admin.replacement.propositions import build_propositions
from app.admin.replacement.situation import read_situation
from app.booking.contexte import read_versions
from app.booking.deplacer import Cible, move
from app.booking.outils import Auteur
from app.embedded.smtp import Smtp
from app.tables import ExceptionPlanning, Guichet
from tests.accueil.monde import JOUR, Journee, epoch_minute, personne
from tests.admin.courriels import plain, read_mails
from tests.admin.guichets import hidden, send, words
from tests.fixtures.base import until
from tests.fixtures.donnees import MondeService

PARIS = ZoneInfo("Europe/Paris")
MARDI = date(2026, 11, 24)


@pytest.fixture
async def nevers(journee: Journee) -> MondeService:
    """Received from 8:00 to 12:00 and from 14:00 to 16:00 at two guichets."""
    return await journee.service(plages=((480, 720), (840, 960)), jours_semaine=(1, 2, 3, 4, 5))


def base(service: MondeService, suite: str = "") -> str:
    return f"/services/{service.id}/organiser/a-replacer{suite}"


async def close_guichet(journee: Journee, service: MondeService, rang: int = 0) -> None:
    """Close one, having seen what it leaves."""
    url = f"/services/{service.id}/organiser/guichets/{service.guichets[rang]}/fermeture"
    async with journee.client(service.agents["chef"]) as client:
        page = (await client.get(url)).text
        champs = {champ: hidden(page, champ) for champ in ("revision", "vus")}
        assert (await send(client, url, champs)).status_code == 303


async def read_list(client: httpx.AsyncClient, service: MondeService) -> dict[int, dict[str, Any]]:
    """RDV → its text, its créneaux (value → words) and its revision, as the page offers them."""
    page = (await client.get(base(service))).text
    lignes: dict[int, dict[str, Any]] = {}
    for morceau in page.split('class="hors__ligne"')[1:]:
        ident = int(re.search(r'id="hors-(\d+)"', morceau)[1])  # type: ignore[index]  # every row has one
        options = re.findall(r'<option value="([^"]*)"[^>]*>([^<]*)</option>', morceau)
        revision = re.search(r'name="revision-\d+" value="(\d+)"', morceau)
        lignes[ident] = {
            "texte": words(morceau),
            "options": [(valeur, unescape(mots)) for valeur, mots in options],
            "revision": revision[1] if revision else "",
        }
    return lignes


def tick(lignes: dict[int, dict[str, Any]], *ids: int) -> dict[str, Any]:
    """The form with these rows ticked, every row sent as a browser does."""
    champs: dict[str, Any] = {"rdv": [str(ident) for ident in ids]}
    for ident, ligne in lignes.items():
        if ligne["options"]:
            champs[f"creneau-{ident}"] = ligne["options"][0][0]
            champs[f"revision-{ident}"] = ligne["revision"]
    return champs


async def place(journee: Journee, rdv: int) -> tuple[str, int]:
    """Local day and hour, and guichet."""
    debut, guichet = (
        await journee.scalar("SELECT debut FROM rendez_vous WHERE id = :r", r=rdv),
        await journee.scalar("SELECT guichet_id FROM rendez_vous WHERE id = :r", r=rdv),
    )
    return debut.astimezone(PARIS).strftime("%d %H:%M"), guichet


class TestQui:
    """The list names people: module organiser on that service, each reading journaled."""

    @pytest.mark.parametrize("qui", ["agent", "pilote", "exterieur"])
    async def test_an_agent_finds_nothing(self, journee: Journee, nevers: MondeService, qui: str) -> None:
        rdv = await journee.book(nevers, "14:00", "Secretissime")
        await close_guichet(journee, nevers)
        async with journee.client(nevers.agents[qui]) as client:
            for suite in ("", "/fragment"):
                reponse = await client.get(base(nevers, suite))
                assert reponse.status_code == 404
                assert "secretissime" not in reponse.text.lower()
            champs = {"rdv": str(rdv), f"creneau-{rdv}": f"1.{nevers.guichets[1]}", f"revision-{rdv}": "1"}
            assert (await send(client, base(nevers), champs)).status_code == 404
            assert (await send(client, base(nevers, f"/{rdv}/maintien"), {"revision": "1"})).status_code == 404
            assert (await send(client, base(nevers, f"/{rdv}/reprise"))).status_code == 404
        assert (await place(journee, rdv))[1] == nevers.guichets[0]

    async def test_opening_the_page_leaves_a_line_with_whom_it_named(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        rdv = await journee.book(nevers, "14:00")
        await close_guichet(journee, nevers)
        async with journee.client(nevers.agents["chef"]) as client:
            for _ in range(2):
                await client.get(base(nevers))
                await client.get(base(nevers, "/fragment"))
        lignes = await journee.scalar(
            "SELECT array_agg(apres::text) FROM journal WHERE action = 'replacement.lu' AND service_id = :s",
            s=nevers.id,
        )
        assert lignes == [f'{{"rdv": [{rdv}]}}'] * 2  # the regions fetched after the page say nothing new

    async def test_another_service_s_rendez_vous_never_moves_from_here(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        autre = await journee.service()
        etranger = await journee.book(autre, "14:00", "Ailleurs")
        champs = {"rdv": str(etranger), f"creneau-{etranger}": "29000000.1", f"revision-{etranger}": "1"}
        async with journee.client(nevers.agents["chef"]) as client:
            page = (await send(client, base(nevers), champs)).text
            assert "AILLEURS" not in page
            assert "Introuvable" in page
            reponse = await send(client, base(nevers, f"/{etranger}/maintien"), {"revision": "1"})
            assert reponse.status_code == 404
        refus = await journee.scalar(
            "SELECT count(*) FROM journal WHERE action = 'rdv.acces_refuse' AND rdv_id = :r", r=etranger
        )
        assert refus == 2


class TestLister:
    """Computed, never stored: whatever changed the organisation, what it leaves outside is there, with its cause."""

    async def test_each_cause_is_told(self, journee: Journee, nevers: MondeService) -> None:
        ferme = await journee.book(nevers, "14:00", "Auguichet")
        absent = await journee.book(nevers, "14:20", "Fermeture", guichet=1)
        force = await journee.book(nevers, "18:00", "Forcée", guichet=1, acquittees=frozenset({"hors_plage"}))
        dedans = await journee.book(nevers, "15:40", "Dedans", guichet=1)
        async with journee.outils.db.engine.begin() as conn:
            await conn.execute(
                insert(ExceptionPlanning).values(
                    service_id=nevers.id,
                    guichet_id=nevers.guichets[1],
                    nature="fermeture",
                    du=JOUR,
                    au=JOUR,
                    debut_minute=14 * 60,
                    fin_minute=15 * 60,
                    cree_a=clock.now(),
                )
            )
            await conn.execute(
                text("UPDATE agenda SET version_planning = version_planning + 1 WHERE service_id = :s"),
                {"s": nevers.id},
            )
        await close_guichet(journee, nevers)
        async with journee.client(nevers.agents["chef"]) as client:
            lignes = await read_list(client, nevers)
            assert lignes.keys() == {ferme, absent}
            assert "Guichet fermé" in lignes[ferme]["texte"]
            assert "Fermeture exceptionnelle" in lignes[absent]["texte"]
            ensemble = words((await client.get(f"/services/{nevers.id}/organiser")).text)
            assert "2 hors de l’organisation" in ensemble
            async with journee.outils.db.engine.begin() as conn:
                await conn.execute(text("UPDATE plage SET fin_minute = 930 WHERE fin_minute = 960"))
                await conn.execute(text("UPDATE agenda SET version_planning = version_planning + 1"))
            lignes = await read_list(client, nevers)
            assert lignes.keys() == {ferme, absent, dedans}
            assert force not in lignes
            assert "Hors des plages" in lignes[dedans]["texte"]

    async def test_nothing_to_place_is_an_empty_page_that_says_so(self, journee: Journee, nevers: MondeService) -> None:
        async with journee.client(nevers.agents["chef"]) as client:
            page = words((await client.get(base(nevers))).text)
            assert "Aucun rendez-vous à replacer" in page
            reponse = await send(client, base(nevers), {})
        assert reponse.status_code == 422
        assert "Cochez au moins un rendez-vous" in words(reponse.text)

    async def test_the_number_of_statements_does_not_grow(self, journee: Journee, nevers: MondeService) -> None:
        """Thirteen rendez-vous cost what one does."""

        async def count() -> int:
            ordres: list[str] = []

            def note(conn: Any, cursor: Any, ordre: str, *reste: Any) -> None:
                ordres.append(ordre)

            moteur = journee.outils.db.engine.sync_engine
            async with journee.outils.db.read() as conn:
                versions = await read_versions(conn, nevers.id)
                contexte = await journee.outils.dispo.contextes.get(conn, nevers.id, versions.planning)
                event.listen(moteur, "before_cursor_execute", note)
                try:
                    chef = nevers.agents["chef"]
                    situation = await read_situation(journee.outils, conn, chef, contexte, clock.now())
                    rdvs = [h.rdv for h in situation.a_replacer]
                    await read_personnes(conn, journee.outils.settings, chef, nevers.id, [r.id for r in rdvs])
                    await build_propositions(journee.outils, conn, contexte, versions, rdvs, clock.now())
                finally:
                    event.remove(moteur, "before_cursor_execute", note)
            assert rdvs
            return len(ordres)

        await journee.book(nevers, "14:00")
        await close_guichet(journee, nevers)
        un = await count()
        async with journee.outils.db.engine.begin() as conn:
            await conn.execute(text("UPDATE guichet SET ouvert = TRUE WHERE service_id = :s"), {"s": nevers.id})
            await conn.execute(text("UPDATE agenda SET version_planning = version_planning + 1"))
        for rang in range(12):
            await journee.book(nevers, f"{8 + rang // 3:02}:{20 * (rang % 3):02}", jour=MARDI)
        await close_guichet(journee, nevers)
        assert await count() == un <= 3


class TestProposer:
    """Same motif and type, nearest in time, a compatible guichet, no place twice."""

    async def test_the_same_hour_at_the_other_guichet_comes_first_and_no_place_twice(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        un = await journee.book(nevers, "14:00", jour=MARDI)
        deux = await journee.book(nevers, "14:20", jour=MARDI)
        await journee.book(nevers, "14:20", "Voisine", guichet=1, jour=MARDI)
        await close_guichet(journee, nevers)
        async with journee.client(nevers.agents["chef"]) as client:
            lignes = await read_list(client, nevers)
        premiers = [lignes[r]["options"][0] for r in (un, deux)]
        assert premiers[0] == (
            f"{epoch_minute('14:00', jour=MARDI)}.{nevers.guichets[1]}",
            "mar. 24 nov. à 14:00, Guichet 2 (même heure)",
        )
        assert premiers[1][0] == f"{epoch_minute('14:40', jour=MARDI)}.{nevers.guichets[1]}"
        proposes = {valeur for valeur, _ in premiers}
        autres = {valeur for ligne in lignes.values() for valeur, _ in ligne["options"][1:]}
        assert not proposes & autres

    async def test_a_guichet_that_does_not_take_the_motif_or_the_type_is_not_proposed(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        rdv = await journee.book(nevers, "14:00", jour=MARDI)
        await close_guichet(journee, nevers)
        async with journee.outils.db.engine.begin() as conn:
            await conn.execute(
                text("UPDATE guichet SET types = '{telephone}' WHERE id = :g"), {"g": nevers.guichets[1]}
            )
            autre = (
                await conn.execute(
                    insert(Guichet)
                    .values(service_id=nevers.id, nom="Recouvrement", ordre=9, ouvert=True, motifs=[nevers.motifs[0]])
                    .returning(Guichet.id)
                )
            ).scalar_one()
            await conn.execute(text("UPDATE agenda SET version_planning = version_planning + 1"))
        async with journee.client(nevers.agents["chef"]) as client:
            lignes = await read_list(client, nevers)
            assert {valeur.partition(".")[2] for valeur, _ in lignes[rdv]["options"]} == {str(autre)}

    async def test_nothing_earlier_without_the_usual_notice(self, journee: Journee, nevers: MondeService) -> None:
        """It is Monday 10:05: for tomorrow 9:00 nothing today, nor tomorrow 8:40, is proposed."""
        rdv = await journee.book(nevers, "09:00", jour=MARDI)
        tard = await journee.book(nevers, "09:00", "Plustard", jour=date(2026, 12, 7))
        await close_guichet(journee, nevers)
        async with journee.client(nevers.agents["chef"]) as client:
            lignes = await read_list(client, nevers)
        debuts = [int(valeur.partition(".")[0]) for valeur, _ in lignes[rdv]["options"]]
        assert min(debuts) == epoch_minute("09:00", jour=MARDI)
        assert min(int(v.partition(".")[0]) for v, _ in lignes[tard]["options"]) < epoch_minute(
            "09:00", jour=date(2026, 12, 7)
        )

    async def test_somebody_already_here_stays_within_the_day(self, journee: Journee, nevers: MondeService) -> None:
        rdv = await journee.book(nevers, "10:20", etat="arrive")
        await close_guichet(journee, nevers)
        async with journee.client(nevers.agents["chef"]) as client:
            lignes = await read_list(client, nevers)
            assert "Déjà sur place" in lignes[rdv]["texte"]
            assert all("lun. 23 nov." in mots for _, mots in lignes[rdv]["options"])
            page = words((await send(client, base(nevers), tick(lignes, rdv))).text)
        assert "1 rendez-vous déplacé" in page
        assert (await place(journee, rdv))[1] == nevers.guichets[1]


class TestReplacer:
    """One confirmation; each outcome told; a replay moves nobody."""

    async def test_from_the_closing_to_the_mail(
        self, journee: Journee, nevers: MondeService, smtp_server: Smtp
    ) -> None:
        courriel = f"merville-{nevers.id}@usagers.test"
        avec = await journee.book(nevers, "14:00", usager=personne("Merville", courriel=courriel), jour=MARDI)
        await journee.book(nevers, "14:20", "Voisine", guichet=1, jour=MARDI)
        sans = await journee.book(nevers, "14:20", "Sansadresse", jour=MARDI)
        laisse = await journee.book(nevers, "15:00", "Laissée", jour=MARDI)
        await close_guichet(journee, nevers)
        async with journee.client(nevers.agents["chef"]) as client:
            lignes = await read_list(client, nevers)
            assert set(lignes) == {avec, sans, laisse}
            champs = tick(lignes, avec, sans)
            reponse = await send(client, base(nevers), champs)
            assert reponse.status_code == 200
            page = words(reponse.text)
            assert "2 rendez-vous déplacés, 1 usager sans adresse à appeler" in page
            assert "Courriel en cours d’envoi" in page
            assert "Sans adresse : à appeler 06 39 98 00 01" in page
            assert "1 rendez-vous à replacer" in page
            assert await place(journee, avec) == ("24 14:00", nevers.guichets[1])
            assert await place(journee, sans) == ("24 14:40", nevers.guichets[1])
            assert await place(journee, laisse) == ("24 15:00", nevers.guichets[0])
            # Sent again, it moves nobody.
            encore = words((await send(client, base(nevers), champs)).text)
            assert "Aucun rendez-vous déplacé, 2 rendez-vous non déplacés" in encore
            assert set(await read_list(client, nevers)) == {laisse}
        sequences = await journee.scalar(
            "SELECT array_agg(sequence) FROM rendez_vous WHERE id = ANY(:ids)", ids=[avec, sans]
        )
        assert sequences == [1, 1]
        # The confirmation of the booking may leave before, or be overtaken by the move.
        await until(lambda: any("modifié" in mail.sujet for mail in read_mails(smtp_server, courriel)), delai_s=20.0)
        dernier = read_mails(smtp_server, courriel)[-1]
        assert "modifié" in dernier.sujet
        assert "sa date et son heure ne changent pas" in plain(dernier.texte)
        assert await journee.scalar("SELECT count(*) FROM courrier WHERE evenement = 'deplacement'") >= 1
        trace = await journee.scalar(
            "SELECT agent_id FROM journal WHERE action = 'rdv.replanifie' AND rdv_id = :r", r=avec
        )
        assert trace == nevers.agents["chef"]

    async def test_a_place_taken_meanwhile_is_told_with_another(self, journee: Journee, nevers: MondeService) -> None:
        rdv = await journee.book(nevers, "14:00", jour=MARDI)
        await close_guichet(journee, nevers)
        async with journee.client(nevers.agents["chef"]) as client:
            champs = tick(await read_list(client, nevers), rdv)
            await journee.book(nevers, "14:00", "Rapide", guichet=1, jour=MARDI)
            page = words((await send(client, base(nevers), champs)).text)
            assert "Créneau pris" in page
            assert "Nouvelle proposition : mar. 24 nov. à 14:20, Guichet 2" in page
            assert (await place(journee, rdv))[1] == nevers.guichets[0]
            page = words((await send(client, base(nevers), tick(await read_list(client, nevers), rdv))).text)
            assert "1 rendez-vous déplacé" in page

    async def test_another_créneau_may_be_chosen(self, journee: Journee, nevers: MondeService) -> None:
        rdv = await journee.book(nevers, "14:00", jour=MARDI)
        await close_guichet(journee, nevers)
        async with journee.client(nevers.agents["chef"]) as client:
            lignes = await read_list(client, nevers)
            valeur, _ = lignes[rdv]["options"][-1]
            await send(client, base(nevers), {**tick(lignes, rdv), f"creneau-{rdv}": valeur})
        debut = await journee.scalar("SELECT debut FROM rendez_vous WHERE id = :r", r=rdv)
        assert int(debut.timestamp()) // 60 == int(valeur.partition(".")[0])

    async def test_one_moved_by_somebody_else_is_left_where_it_is(self, journee: Journee, nevers: MondeService) -> None:
        un = await journee.book(nevers, "14:00", jour=MARDI)
        deux = await journee.book(nevers, "14:20", "Seconde", jour=MARDI)
        await close_guichet(journee, nevers)
        async with journee.client(nevers.agents["chef"]) as client:
            champs = tick(await read_list(client, nevers), un, deux)
            auteur = Auteur("agent", agent_id=nevers.agents["agent"])
            cible = Cible(epoch_minute("15:00", jour=MARDI), nevers.guichets[1])
            await move(journee.outils, un, cible, auteur, clock.now())
            page = words((await send(client, base(nevers), champs)).text)
        assert "1 rendez-vous déplacé" in page
        assert "Inchangé" in page
        assert await place(journee, un) == ("24 15:00", nevers.guichets[1])

    @pytest.mark.parametrize(
        "champs",
        [
            {"rdv": "1x"},
            {"rdv": "{r}", "creneau-{r}": "29000000", "revision-{r}": "1"},
            {"rdv": "{r}", "creneau-{r}": "29000000.1"},
            {"rdv": "{r}", "creneau-{r}": "29000000.1", "revision-{r}": "1", "service_id": "2"},
            {"rdv": [str(i) for i in range(201)]},
        ],
    )
    async def test_a_forged_form_moves_nothing(
        self, journee: Journee, nevers: MondeService, champs: dict[str, Any]
    ) -> None:
        rdv = await journee.book(nevers, "14:00", jour=MARDI)
        await close_guichet(journee, nevers)
        forge = {c.format(r=rdv): v.format(r=rdv) if isinstance(v, str) else v for c, v in champs.items()}
        async with journee.client(nevers.agents["chef"]) as client:
            assert (await send(client, base(nevers), forge)).status_code == 422
        assert (await place(journee, rdv))[1] == nevers.guichets[0]

    async def test_a_forged_place_is_judged_like_any_booking(self, journee: Journee, nevers: MondeService) -> None:
        rdv = await journee.book(nevers, "14:00", jour=MARDI)
        await close_guichet(journee, nevers)
        g = nevers.guichets
        async with journee.client(nevers.agents["chef"]) as client:
            for valeur in (
                f"{epoch_minute('09:00')}.{g[1]}",  # past
                f"{epoch_minute('15:00', jour=MARDI)}.{g[0]}",  # at the closed guichet
                f"{epoch_minute('20:00', jour=MARDI)}.{g[1]}",  # outside the plages
                f"{epoch_minute('15:00', jour=date(2027, 3, 1))}.{g[1]}",  # beyond the horizon
                f"{epoch_minute('15:00', jour=MARDI)}.999999",
            ):
                champs = {"rdv": str(rdv), f"creneau-{rdv}": valeur, f"revision-{rdv}": "1"}
                page = words((await send(client, base(nevers), champs)).text)
                assert "Aucun rendez-vous déplacé, 1 rendez-vous non déplacé" in page, valeur
        assert await place(journee, rdv) == ("24 14:00", g[0])


class TestGarder:
    """« Garder tel quel » is a decision: kept, journaled, reversible, and looked at again when things change."""

    async def test_kept_then_listed_again(self, journee: Journee, nevers: MondeService) -> None:
        rdv = await journee.book(nevers, "14:00", jour=MARDI)
        await close_guichet(journee, nevers)
        async with journee.client(nevers.agents["chef"]) as client:
            assert (await send(client, base(nevers, f"/{rdv}/maintien"), {"revision": "7"})).status_code == 409
            reponse = await send(client, base(nevers, f"/{rdv}/maintien"), {"revision": "1"})
            assert reponse.headers["location"].endswith("fait=garde")
            page = words((await client.get(base(nevers))).text)
            assert "Gardés tels quels (1)" in page
            assert "Aucun rendez-vous à replacer" in page
            assert "Aucun" in words((await client.get(f"/services/{nevers.id}/organiser")).text)
            reponse = await client.post(base(nevers, f"/{rdv}/reprise"), headers={"Accept": "application/json"})
            assert reponse.json() == {"message": "Le rendez-vous est de nouveau à replacer."}
            assert "1 rendez-vous à replacer" in words((await client.get(base(nevers))).text)
        actions = await journee.scalar(
            "SELECT array_agg(action ORDER BY id) FROM journal WHERE objet = 'rdv' AND rdv_id = :r", r=rdv
        )
        assert actions == ["rdv.maintenu", "rdv.maintien_leve"]

    async def test_for_another_cause_it_is_looked_at_again(self, journee: Journee, nevers: MondeService) -> None:
        rdv = await journee.book(nevers, "15:40", jour=MARDI)
        async with journee.outils.db.engine.begin() as conn:
            await conn.execute(text("UPDATE plage SET fin_minute = 930 WHERE fin_minute = 960"))
            await conn.execute(text("UPDATE agenda SET version_planning = version_planning + 1"))
        async with journee.client(nevers.agents["chef"]) as client:
            await send(client, base(nevers, f"/{rdv}/maintien"), {"revision": "1"})
            assert "Aucun rendez-vous à replacer" in words((await client.get(base(nevers))).text)
            await close_guichet(journee, nevers)
            assert "Guichet fermé" in (await read_list(client, nevers))[rdv]["texte"]

    async def test_one_inside_the_organisation_has_nothing_to_keep(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        rdv = await journee.book(nevers, "14:00", jour=MARDI)
        async with journee.client(nevers.agents["chef"]) as client:
            assert (await send(client, base(nevers, f"/{rdv}/maintien"), {"revision": "1"})).status_code == 404
