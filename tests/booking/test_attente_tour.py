"""The next person in line has the place before whoever watches, and loses his turn only by not answering."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from app.booking import attente_offres, attente_regard, attente_store
from app.booking.attente import leave, remove
from app.booking.attente_offres import Guetteur
from app.booking.attente_reponses import refuse_offre, take_offre
from app.booking.attente_suivi import settle_offres
from app.booking.options import expire_options, release_option
from app.booking.outils import Auteur, Outils
from app.booking.reserver import book
from app.courrier.attente import PERIMEE, RETARD
from app.domain.attente import SURSIS
from app.domain.horaires import to_minute
from app.errors import CreneauPris
from tests.booking.attente import LUNDI_9H, MINUTE, File, build_file, quand
from tests.booking.outillage import USAGER, demande

SECONDE = timedelta(seconds=1)
DEUX_HEURES = timedelta(hours=2)
VISITE = "v" * 43


@pytest.fixture(autouse=True)
def only_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that looks again only where something changed: no lucky five-minute look hides one that is missing."""
    monkeypatch.setattr(attente_offres, "_RELIRE_S", 10**12)


async def watch(file: File, a: Any, fois: int = 3) -> list[int]:
    """The worker looks every two seconds; the offers made by each look."""
    return [await file.look(a + 2 * rang * SECONDE) for rang in range(fois)]


async def part(file: File, jeton: str, a: Any) -> None:
    await leave(file.outils, jeton, USAGER, a)


async def refuse(file: File, jeton: str, a: Any) -> None:
    await refuse_offre(file.outils, jeton, USAGER, a)


async def lache(file: File, jeton: str, a: Any) -> None:
    await take_offre(file.outils, jeton, VISITE, USAGER, a)
    await release_option(file.outils, VISITE, a)


async def est_retiree(file: File, jeton: str, a: Any) -> None:
    ((ident,),) = await file.sql("SELECT attente_id FROM offre_attente")
    agent = Auteur("agent", agent_id=file.service.agents["agent"])
    assert await remove(file.outils, file.service.id, ident, agent, a)


async def se_lasse(file: File, jeton: str, a: Any) -> None:
    await file.sql("UPDATE attente SET sans_reponse = 1 WHERE etat = 'offre'")
    await file.sql("UPDATE offre_attente SET expire_a = :a", a=a)


class TestAuSuivant:
    """However an offer ends, the next person has it at the worker's next look, two seconds later."""

    @pytest.mark.parametrize("differee", [False, True])
    @pytest.mark.parametrize("fin", [part, refuse, lache, est_retiree, se_lasse])
    async def test_a_place_given_back_goes_to_the_next_in_line_at_the_very_next_look(
        self, outils: Outils, fin: Callable[[File, str, Any], Awaitable[None]], differee: bool
    ) -> None:
        file = await build_file(outils, liberation_differee=differee)
        ada = await file.wait("Ada")
        await file.wait("Bob", LUNDI_9H + MINUTE)
        await file.cancel((9, 20))
        a = LUNDI_9H + 2 * MINUTE
        assert await watch(file, a) == [1, 0, 0]
        a += 10 * SECONDE
        await fin(file, ada, a)
        assert await watch(file, a) == [1, 0, 0]
        assert [(etat, debut) for _, etat, debut in await file.offres()][-1] == ("ouverte", quand(9, 20))
        assert (await file.offres())[-1][0] == "Bob"
        a += 40 * SECONDE
        await expire_options(outils, a)
        with pytest.raises(CreneauPris):
            await book(outils, demande(file.service, to_minute(quand(9, 20)), 77), USAGER, a)

    async def test_a_cancelled_place_kept_from_the_public_is_offered_at_the_next_look(self, outils: Outils) -> None:
        file = await build_file(outils, liberation_differee=True)
        await file.wait("Ada")
        assert await watch(file, LUNDI_9H) == [0, 0, 0]
        await file.cancel((9, 20), LUNDI_9H + 10 * SECONDE)
        assert await watch(file, LUNDI_9H + 12 * SECONDE) == [1, 0, 0]

    async def test_nothing_of_it_is_told_to_who_watches_the_public_grid(self, outils: Outils) -> None:
        file = await build_file(outils)
        ada = await file.wait("Ada")
        await file.cancel((9, 20))
        await watch(file, LUNDI_9H)
        publiees = "SELECT count(*) FROM outbox WHERE sujet LIKE 'creneaux:%'"
        avant = await file.sql(publiees)
        await leave(outils, ada, USAGER, LUNDI_9H + MINUTE)
        assert await file.sql(publiees) == avant

    async def test_a_cancellation_committed_after_a_later_one_is_seen_too(self, outils: Outils) -> None:
        """Ids are drawn before they are committed."""
        file = await build_file(outils, liberation_differee=True)
        await file.wait("Ada")
        await file.cancel((9, 20))
        await file.cancel((9, 40))
        async with outils.db.read() as conn:
            tous = await attente_regard.list_guets(conn, LUNDI_9H.date())
        await file.sql("DELETE FROM rendez_vous WHERE id = (SELECT min(id) FROM rendez_vous WHERE etat = 'option')")
        async with outils.db.read() as conn:
            assert await attente_regard.list_guets(conn, LUNDI_9H.date()) != tous

    async def test_the_look_at_four_thousand_services_reads_holds_alone_and_is_quick(self, outils: Outils) -> None:
        file = await build_file(outils)
        await file.wait("Ada")
        copie = (
            "INSERT INTO {0} OVERRIDING SYSTEM VALUE"
            " SELECT (jsonb_populate_record(x, {1})).* FROM {0} x, generate_series(1, 4000) i"
        )
        siennes = (
            "jsonb_build_object('id', 100000 + i, 'service_id', 100000 + i, 'contact', 'a' || i,"
            " 'lien_empreinte', '\\x' || md5(i::text))"
        )
        async with outils.db.engine.begin() as conn:
            autres = (
                ("service_fiscal", "jsonb_build_object('id', 100000 + i, 'sages', (1000000 + i)::text)"),
                ("attente", siennes),
            )
            for table, champs in autres:
                await conn.exec_driver_sql(copie.format(table, champs))
            await conn.execute(
                text(
                    """
                    INSERT INTO rendez_vous (service_id, guichet_id, motif_id, type_rdv, debut, fin, jour, etat, occupe,
                                             canal, origine, code, nature_option, expire_a, cree_a, modifie_a)
                    SELECT 100001 + i % 4000, :g, :m, 'guichet', d, d + interval '20 min', d::date,
                           CASE WHEN i % 20 = 0 THEN 'option' ELSE 'prevu' END, true, 'internet', 'internet',
                           CASE WHEN i % 20 > 0 THEN 'X' || i END, CASE WHEN i % 20 = 0 THEN 'gel' END,
                           CASE WHEN i % 20 = 0 THEN d END, d, d
                      FROM (SELECT i, cast(:a AS timestamptz) + i * interval '1 hour' AS d
                              FROM generate_series(1000, 21000) i) s
                    """
                ),
                {"g": file.service.guichets[0], "m": file.service.motifs[0], "a": LUNDI_9H},
            )
        async with outils.db.engine.connect() as conn:
            await (await conn.execution_options(isolation_level="AUTOCOMMIT")).exec_driver_sql("VACUUM ANALYZE")
        hier = LUNDI_9H.date()
        async with outils.db.read() as conn:
            requete = text("EXPLAIN " + attente_regard._GUETS.text).bindparams(hier=hier)
            plan = "\n".join((await conn.execute(requete)).scalars())
            debut = time.perf_counter()
            guets = await attente_regard.list_guets(conn, hier)
            duree = time.perf_counter() - debut
        assert len(guets) == 4001
        assert len({guet.gels for guet in guets}) > 100
        assert "Seq Scan on rendez_vous" not in plan, plan
        assert duree <= 0.4  # 0.03 s on a quiet machine


class TestJamaisPrevenu:
    """« They keep their turn »: whom no message could reach has not failed to answer."""

    async def test_whose_message_never_left_keeps_his_rank_and_his_count_and_is_offered_it_again(
        self, outils: Outils
    ) -> None:
        file = await build_file(outils)
        file.facteur = False
        await file.wait("Ada")
        await file.wait("Bob", LUNDI_9H + MINUTE)
        await file.cancel((9, 20))
        assert await file.look(LUNDI_9H + 2 * MINUTE) == 1
        a = LUNDI_9H + 2 * MINUTE + DEUX_HEURES
        assert await file.look(a) == 0, "nobody would know it"
        qui = await file.sql("SELECT nom, etat, sans_reponse, rang_a = confirme_a FROM attente ORDER BY id")
        assert qui == [("Ada", "active", 0, True), ("Bob", "active", 0, True)]
        assert [etat for _, etat, _ in await file.offres()] == ["retiree"]
        # The server is back: the message is over before its first attempt.
        await file.sql("UPDATE courrier SET abandonne_a = :a, tentatives = 1, erreur = :e", a=a, e=PERIMEE)
        assert await file.look(a + 2 * SECONDE) == 1
        assert (await file.offres())[-1] == ("Ada", "ouverte", quand(9, 20))

    @pytest.mark.parametrize(
        ("tentatives", "abandonne", "erreur", "issue"),
        [
            (0, False, "", "retiree"),
            (1, True, PERIMEE, "retiree"),  # claimed for the first time an instant after the end
            (4, False, "refus temporaire (452)", "expiree"),
            (4, True, PERIMEE, "expiree"),
            (1, True, "adresse refusée (550)", "expiree"),
        ],
    )
    async def test_a_mailbox_that_takes_nothing_holds_no_place_for_ever(
        self, outils: Outils, tentatives: int, abandonne: bool, erreur: str, issue: str
    ) -> None:
        file = await build_file(outils)
        file.facteur = False
        await file.wait("Ada")
        await file.cancel((9, 20))
        await file.look()
        a = LUNDI_9H + DEUX_HEURES
        await file.sql(
            "UPDATE courrier SET tentatives = :t, erreur = :e, abandonne_a = :a WHERE evenement = 'offre'",
            t=tentatives,
            e=erreur,
            a=a if abandonne else None,
        )
        await settle_offres(outils, a)
        assert [etat for _, etat, _ in await file.offres()] == [issue]
        attendu = [(0, True)] if issue == "retiree" else [(1, False)]
        assert await file.sql("SELECT sans_reponse, rang_a = confirme_a FROM attente") == attendu

    async def test_while_messages_of_offers_wait_no_other_is_made_by_that_channel(self, outils: Outils) -> None:
        file = await build_file(outils)
        file.facteur = False
        for rang, nom in enumerate(("Ada", "Bob")):
            await file.wait(nom, LUNDI_9H + rang * MINUTE)
        await file.cancel((9, 20), LUNDI_9H + 2 * MINUTE)
        a = LUNDI_9H + 2 * MINUTE
        assert await file.look(a) == 1
        await file.cancel((9, 40), a + RETARD)
        assert await watch(file, a + RETARD) == [0, 0, 0]
        await file.wait("Chloe", a + RETARD, canal="sms", contact="+33612345678")
        assert await watch(file, a + RETARD + MINUTE) == [1, 0, 0], "the other channel is not down"
        assert (await file.offres())[-1][0] == "Chloe"
        await refuse_offre(outils, await file.find_lien("+33612345678"), USAGER, a + RETARD + 2 * MINUTE)
        assert await watch(file, a + RETARD + 2 * MINUTE) == [0, 0, 0]
        await file.sql("UPDATE courrier SET envoye_a = :a, tentatives = 1", a=a)  # the server is back
        assert await watch(file, a + RETARD + 2 * MINUTE + 10 * SECONDE) == [1, 0, 0]
        assert (await file.offres())[-1] == ("Bob", "ouverte", quand(9, 40))

    async def test_let_go_by_his_own_hand_while_the_worker_was_away_for_long_it_is_an_answer(
        self, outils: Outils
    ) -> None:
        file = await build_file(outils)
        ada = await file.wait("Ada")
        await file.cancel((9, 20))
        await file.look()
        await take_offre(outils, ada, VISITE, USAGER, LUNDI_9H + MINUTE)
        await release_option(outils, VISITE, LUNDI_9H + 2 * MINUTE)
        assert await expire_options(outils, LUNDI_9H + 2 * MINUTE + SURSIS) == 1
        await settle_offres(outils, LUNDI_9H + 3 * MINUTE + SURSIS)
        assert await file.sql("SELECT etat, sans_reponse FROM attente") == [("active", 0)]
        assert [etat for _, etat, _ in await file.offres()] == ["refusee"]

    async def test_a_request_that_somebody_is_at_for_an_instant_keeps_its_turn(self, outils: Outils) -> None:
        """A second click on « confirmer », while the worker looks."""
        file = await build_file(outils)
        await file.wait("Ada")
        await file.wait("Bob", LUNDI_9H + MINUTE)
        await file.cancel((9, 20))
        async with outils.db.engine.begin() as conn:
            await attente_store.lock_contact(conn, file.service.id, file.service.motifs[0], "ada@usagers.test")
            regard = asyncio.create_task(file.look(LUNDI_9H + 2 * MINUTE))
            await asyncio.sleep(0.3)
            assert await file.offres() == []
        assert await regard == 1
        assert await file.offres() == [("Ada", "ouverte", quand(9, 20))]


class TestReste:
    """P15: what a short rendez-vous leaves of a long cancelled one is kept as long as it would have been."""

    async def build(self, outils: Outils) -> File:
        """9:20 to 10:00 was one rendez-vous of forty minutes, and has been cancelled."""
        file = await build_file(outils, pleine=False, liberation_differee=True)
        agent = Auteur("agent", agent_id=file.service.agents["agent"])
        for rang, (heure, duree) in enumerate((((9, 0), 20), ((9, 20), 40))):
            voulu = demande(
                file.service,
                to_minute(quand(*heure)),
                100 + rang,
                canal="rattache",
                origine="guichet",
                guichet_id=file.service.guichets[0],
                duree=duree,
                acquittees=frozenset({"duree_modifiee"}),
            )
            file.pris[quand(*heure)] = await book(outils, voulu, agent, LUNDI_9H)
        await file.cancel((9, 20))
        return file

    async def list_gels(self, file: File) -> list[Any]:
        return await file.sql("SELECT debut, fin, expire_a FROM rendez_vous WHERE nature_option = 'gel' ORDER BY debut")

    async def test_an_offer_of_twenty_minutes_gives_nothing_to_the_public(self, outils: Outils) -> None:
        file = await self.build(outils)
        ((_, _, expire_a),) = await self.list_gels(file)
        await file.wait("Ada")
        assert await file.look(LUNDI_9H + MINUTE) == 1
        assert await self.list_gels(file) == [(quand(9, 40), quand(10, 0), expire_a)]
        libres = await file.sql("SELECT trame::json->>'fin' FROM outbox WHERE trame LIKE '%creneau.libre%'")
        assert [datetime.fromisoformat(fin) for (fin,) in libres] == [quand(9, 40)], "no more of it is told to be free"
        with pytest.raises(CreneauPris):
            await book(outils, demande(file.service, to_minute(quand(9, 40)), 78), USAGER, LUNDI_9H + MINUTE)

    async def test_nor_does_an_agent_s_in_the_middle_of_it(self, outils: Outils) -> None:
        file = await self.build(outils)
        ((_, _, expire_a),) = await self.list_gels(file)
        voulu = demande(
            file.service,
            to_minute(quand(9, 30)),
            300,
            canal="rattache",
            origine="guichet",
            guichet_id=file.service.guichets[0],
            acquittees=frozenset({"hors_plage"}),
        )
        await book(outils, voulu, Auteur("agent", agent_id=file.service.agents["agent"]), LUNDI_9H + MINUTE)
        assert await self.list_gels(file) == [
            (quand(9, 20), quand(9, 30), expire_a),
            (quand(9, 50), quand(10, 0), expire_a),
        ]
        assert await file.overlaps() == 0

    async def test_the_rest_is_the_next_person_s_too(self, outils: Outils) -> None:
        file = await self.build(outils)
        await file.wait("Ada")
        await file.wait("Bob", LUNDI_9H + MINUTE)
        assert await Guetteur(outils).run_once(LUNDI_9H + 2 * MINUTE) == 2
        assert await file.offres() == [("Ada", "ouverte", quand(9, 20)), ("Bob", "ouverte", quand(9, 40))]
        assert await self.list_gels(file) == []
