"""One order of locks: whoever moves, exchanges, cancels or offers waits for the others, none for each other.

docs/decisions/2026-11-22-order-of-locks.md. Each race is told step by step; its control takes away what mends it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.booking import attente_store, deplacer, store, vie
from app.booking.attente_deplacer import move_to_offre
from app.booking.attente_reponses import refuse_offre, take_offre
from app.booking.attente_suivi import settle_offres
from app.booking.deplacer import Cible, RdvDeplace, move
from app.booking.echanger import exchange
from app.booking.options import expire_options, release_option
from app.booking.outils import Auteur, Outils
from app.booking.reserver import RdvReserve, book
from app.booking.vie import act
from app.domain.attente import SURSIS
from app.domain.contexte import Alerte
from app.domain.horaires import to_minute
from app.domain.rendez_vous import Action
from app.errors import Conflit, CreneauPris, Introuvable
from tests.booking.attente import JOUR, LUNDI_9H, MINUTE, PARIS, File, build_file, quand
from tests.booking.outillage import USAGER, creneaux_libres, demande, personne

LOIN = JOUR + timedelta(days=14)
TOUTES = frozenset(alerte.value for alerte in Alerte)
VISITE = "v" * 43
MAIL = "ada@usagers.test"
#: Longer than what the other takes to meet our lock, shorter than PostgreSQL's own look for deadlocks.
_PAUSE_S = 0.4


def agent(file: File) -> Auteur:
    return Auteur("agent", agent_id=file.service.agents["agent"])


async def rdv_at(file: File, quand_: datetime, rang: int = 9, **plus: Any) -> RdvReserve:
    """Of Ada, at the one guichet, booked by an agent."""
    ada = personne(rang, nom_usage="Ada", courriel=MAIL, date_naissance=date(1980, 1, 1))
    place = {"canal": "rattache", "origine": "guichet", "guichet_id": file.service.guichets[0], "acquittees": TOUTES}
    voulu = demande(file.service, to_minute(quand_), rang, usager=ada, **place, **plus)
    return await book(file.outils, voulu, agent(file), LUNDI_9H)


async def move_there(file: File, rdv: RdvReserve, heure: tuple[int, int], a: datetime) -> RdvDeplace:
    cible = Cible(to_minute(quand(*heure)), guichet_id=file.service.guichets[0], acquittees=TOUTES)
    return await move(file.outils, rdv.id, cible, agent(file), a)


async def race(*actes: Awaitable[Any]) -> tuple[list[Any], int]:
    """What each answers, and how many transactions PostgreSQL broke because two waited for each other."""
    with capture_logs() as journal:
        issues = await asyncio.wait_for(asyncio.gather(*actes, return_exceptions=True), 20)
    return issues, sum(ligne["event"] == "transaction.rejouee" for ligne in journal)


def forget_echange_of_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: a move locks its row first, and takes the exchange of places when it meets a gel."""
    vrai = store.lock_echange

    async def lock_echange(conn: Any, *services: int) -> None:
        if len(services) == 1:
            await vrai(conn, *services)

    monkeypatch.setattr(store, "lock_echange", lock_echange)


def stop_after(
    monkeypatch: pytest.MonkeyPatch, module: Any, nom: str, *, si: Callable[..., bool] = lambda *_: True
) -> tuple[asyncio.Event, asyncio.Event]:
    """Stop who leaves that function until told to go on: (it is there, go on)."""
    vrai, arrive, suite = getattr(module, nom), asyncio.Event(), asyncio.Event()

    async def lent(*args: Any, **plus: Any) -> Any:
        issue = await vrai(*args, **plus)
        if si(*args) and not arrive.is_set():
            arrive.set()
            await suite.wait()
        return issue

    monkeypatch.setattr(module, nom, lent)
    return arrive, suite


async def accept_against_agent(outils: Outils, monkeypatch: pytest.MonkeyPatch) -> tuple[list[Any], int]:
    """Ada accepts an earlier place while an agent moves the same RDV onto a place kept by a gel."""
    file = await build_file(outils, liberation_differee=True)
    rdv = await rdv_at(file, quand(9, 0, LOIN))
    ada = await file.wait("Ada", LUNDI_9H + MINUTE, contact=MAIL, rdv_id=rdv.id)
    a = LUNDI_9H + 2 * MINUTE
    await file.cancel((9, 20), a)
    assert await file.look(a) == 1
    await file.cancel((9, 40), a)
    cede, suite = stop_after(monkeypatch, attente_store, "delete_tenue")

    async def deplace() -> RdvDeplace:
        await cede.wait()
        asyncio.get_running_loop().call_later(_PAUSE_S, suite.set)
        return await move_there(file, rdv, (9, 40), a)

    return await race(move_to_offre(outils, ada, USAGER, a, vue=1), deplace())


async def cancel_against_move(outils: Outils, monkeypatch: pytest.MonkeyPatch) -> tuple[list[Any], int]:
    """A move judged when the place was free; since then it was booked, and is now cancelled where places wait."""
    file = await build_file(outils, pleine=False, liberation_differee=True)
    rdv = await rdv_at(file, quand(9, 0, LOIN))
    juge, va = stop_after(monkeypatch, deplacer, "judge")
    bouge = asyncio.create_task(move_there(file, rdv, (9, 20), LUNDI_9H))
    await juge.wait()
    autre = await book(outils, demande(file.service, to_minute(quand(9, 20)), 3), USAGER, LUNDI_9H)
    libere, suite = stop_after(monkeypatch, vie, "_record")
    annule = act(outils, autre.id, Action.ANNULER, agent(file), LUNDI_9H, raison="empêchement")

    async def poursuit() -> RdvDeplace:
        await libere.wait()
        va.set()
        asyncio.get_running_loop().call_later(_PAUSE_S, suite.set)
        return await bouge

    return await race(annule, poursuit())


async def settle_against_move(outils: Outils, monkeypatch: pytest.MonkeyPatch) -> tuple[list[Any], int]:
    """A move judged when the place was free; since then it was offered, and the offer is now refused."""
    file = await build_file(outils, pleine=False, liberation_differee=True)
    rdv = await rdv_at(file, quand(9, 0, LOIN))
    juge, va = stop_after(monkeypatch, deplacer, "judge")
    bouge = asyncio.create_task(move_there(file, rdv, (9, 0), LUNDI_9H))
    await juge.wait()
    for rang, heure in enumerate([(9, 20), (9, 40)], start=20):
        await book(outils, demande(file.service, to_minute(quand(*heure)), rang), USAGER, LUNDI_9H)
    zoe = await file.wait("Zoe")
    assert await file.look(LUNDI_9H + MINUTE) == 1
    rend, suite = stop_after(monkeypatch, attente_store, "delete_tenue")

    async def poursuit() -> RdvDeplace:
        await rend.wait()
        va.set()
        asyncio.get_running_loop().call_later(_PAUSE_S, suite.set)
        return await bouge

    return await race(refuse_offre(outils, zoe, USAGER, LUNDI_9H + MINUTE), poursuit())


class TestOrdre:
    """P1, P2: nobody is told « réessayez », nor waits a second, because two others crossed."""

    async def test_an_offer_accepted_while_an_agent_moves_the_same_rdv_onto_a_gel(
        self, outils: Outils, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (accepte, deplace), ruptures = await accept_against_agent(outils, monkeypatch)
        assert ruptures == 0
        assert accepte.debut == quand(9, 20), "he was first"
        assert isinstance(deplace, Conflit)

    async def test_the_control_the_row_before_the_exchange_of_places_deadlocks(
        self, outils: Outils, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        forget_echange_of_moves(monkeypatch)
        _, ruptures = await accept_against_agent(outils, monkeypatch)
        assert ruptures == 1

    async def test_a_place_cancelled_and_kept_while_somebody_moves_into_it(
        self, outils: Outils, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (annule, deplace), ruptures = await cancel_against_move(outils, monkeypatch)
        assert ruptures == 0
        assert annule.etat == "annule"
        assert deplace.debut == quand(9, 20), "kept from the public: an attached agent takes it"

    async def test_the_control_a_place_freed_without_the_lock_of_its_guichet_deadlocks(
        self, outils: Outils, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def lock_guichets(conn: object, guichets: object) -> None:
            pass

        monkeypatch.setattr(store, "lock_guichets", lock_guichets)
        _, ruptures = await cancel_against_move(outils, monkeypatch)
        assert ruptures == 1

    async def test_an_offer_given_back_while_somebody_moves_into_its_place(
        self, outils: Outils, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (refuse, deplace), ruptures = await settle_against_move(outils, monkeypatch)
        assert (refuse, ruptures) == (True, 0)
        assert deplace.debut == quand(9, 0), "kept from the public: an attached agent takes it"

    async def test_the_control_a_move_without_the_exchange_of_places_deadlocks_with_it(
        self, outils: Outils, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        forget_echange_of_moves(monkeypatch)
        _, ruptures = await settle_against_move(outils, monkeypatch)
        assert ruptures == 1

    async def test_an_exchange_waits_for_who_ends_an_offer_before_it_holds_any_row(
        self, outils: Outils, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = await build_file(outils, pleine=False)
        un, deux = await rdv_at(file, quand(9, 0, LOIN), 1), await rdv_at(file, quand(9, 20, LOIN), 2)
        async with outils.db.engine.begin() as conn:
            await store.lock_echange(conn, file.service.id)
            fait = asyncio.create_task(exchange(outils, un.id, deux.id, agent(file), LUNDI_9H, acquittees=TOUTES))
            await asyncio.sleep(_PAUSE_S)
            libres = "SELECT id FROM rendez_vous WHERE id = ANY(:ids) FOR UPDATE SKIP LOCKED"
            assert not fait.done()
            assert len(await file.sql(libres, ids=[un.id, deux.id])) == 2
        assert all(place.change for place in await fait)


class TestOffreEtRendezVous:
    """An offer accepted moves the RDV, or changes nothing at all [G 2.3.1]."""

    async def test_cancelled_at_that_instant_the_rdv_takes_the_offer_with_it_no_further(
        self, outils: Outils, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = await build_file(outils, pleine=False)
        rdv = await rdv_at(file, quand(9, 0, LOIN))
        ada = await file.wait("Ada", LUNDI_9H + MINUTE, contact=MAIL, rdv_id=rdv.id)
        for rang, heure in enumerate([(9, 20), (9, 40)], start=20):
            await book(outils, demande(file.service, to_minute(quand(*heure)), rang), USAGER, LUNDI_9H)
        a = LUNDI_9H + 2 * MINUTE
        assert await file.look(a) == 1
        cede, suite = stop_after(monkeypatch, attente_store, "delete_tenue")
        accepte = asyncio.create_task(move_to_offre(outils, ada, USAGER, a, vue=1))
        await cede.wait()
        await act(outils, rdv.id, Action.ANNULER, agent(file), a, raison="empêchement")
        suite.set()
        with pytest.raises(Introuvable):
            await accepte
        assert [etat for _, etat, _ in await file.offres()] == ["ouverte"]
        assert await file.sql("SELECT count(*) FROM rendez_vous WHERE etat = 'option'") == [(1,)]

    async def test_what_a_shorter_rdv_leaves_of_the_place_is_told_free(self, outils: Outils) -> None:
        file = await build_file(outils, pleine=False)
        rdv = await rdv_at(file, quand(9, 0, LOIN), duree=10)
        await book(outils, demande(file.service, to_minute(quand(9, 0)), 20), USAGER, LUNDI_9H)
        await book(outils, demande(file.service, to_minute(quand(9, 40)), 21), USAGER, LUNDI_9H)
        ada = await file.wait("Ada", LUNDI_9H + MINUTE, contact=MAIL, rdv_id=rdv.id)
        a = LUNDI_9H + 2 * MINUTE
        assert await file.look(a) == 1
        compte = "SELECT trame FROM outbox WHERE sujet LIKE 'creneaux:%' ORDER BY version"
        avant = len(await file.sql(compte))
        await move_to_offre(outils, ada, USAGER, a, vue=1)
        dites = [json.loads(ligne[0]) for ligne in (await file.sql(compte))[avant:]]
        ici = [(d["type"], d["debut"], d["fin"]) for d in dites if datetime.fromisoformat(d["debut"]) == quand(9, 20)]
        fins = [datetime.fromisoformat(fin).astimezone(PARIS) for _, _, fin in ici]
        assert [genre for genre, _, _ in ici] == ["creneau.libre", "creneau.pris"]
        assert fins == [quand(9, 40), quand(9, 30)]


class TestPlaceRendue:
    """What nobody can take is not shown free: an offer's hold that is over, until the list has given it back [P15]."""

    async def is_shown(self, file: File, a: datetime) -> bool:
        libres = await creneaux_libres(file.outils, file.service, maintenant=a)
        return to_minute(quand(9, 20)) in {creneau.debut for creneau in libres}

    @pytest.fixture
    async def file(self, outils: Outils) -> File:
        """9:20 was offered to Ada, who has it in her form."""
        file = await build_file(outils)
        ada = await file.wait("Ada")
        await file.cancel((9, 20))
        assert await file.look(LUNDI_9H + MINUTE) == 1
        await take_offre(outils, ada, VISITE, USAGER, LUNDI_9H + MINUTE)
        return file

    async def test_let_go_by_hand_it_is_not_shown_nor_proposed_instead(self, file: File) -> None:
        a = LUNDI_9H + 2 * MINUTE
        await release_option(file.outils, VISITE, a)
        assert not await self.is_shown(file, a)
        with pytest.raises(CreneauPris) as refus:
            await book(file.outils, demande(file.service, to_minute(quand(9, 20)), 33), USAGER, a)
        assert to_minute(quand(9, 20)) not in {creneau.debut for creneau in refus.value.details["alternatives"]}
        await settle_offres(file.outils, a)
        await expire_options(file.outils, a + MINUTE)
        assert await self.is_shown(file, a + MINUTE), "kept for a moment, then everybody's"

    async def test_its_time_over_with_the_worker_away_it_is_shown_when_it_can_be_taken(self, file: File) -> None:
        fin = (await file.sql("SELECT max(expire_a) FROM rendez_vous WHERE etat = 'option'"))[0][0]
        for retard in (timedelta(0), SURSIS - MINUTE):
            assert not await self.is_shown(file, fin + retard)
            with suppress(CreneauPris):
                pytest.fail(
                    str(await book(file.outils, demande(file.service, to_minute(quand(9, 20)), 33), USAGER, fin))
                )
        assert await self.is_shown(file, fin + SURSIS), "what was remembered of the grid ends then too"
        await book(file.outils, demande(file.service, to_minute(quand(9, 20)), 33), USAGER, fin + SURSIS)
        assert await file.overlaps() == 0

    async def test_the_control_the_guard_is_what_hides_it(self, file: File) -> None:
        await release_option(file.outils, VISITE, LUNDI_9H + 2 * MINUTE)
        async with file.outils.db.engine.begin() as conn:  # nobody's offer any more: an expired hold like any other
            await conn.exec_driver_sql("UPDATE offre_attente SET etat = 'expiree'")
            await conn.exec_driver_sql("UPDATE agenda SET version_creneaux = version_creneaux + 1")
        assert await self.is_shown(file, LUNDI_9H + 2 * MINUTE)
