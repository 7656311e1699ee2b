"""Booking on a real PostgreSQL: one success per place, one RDV per key, everything in one transaction."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, text, update

from app import clock
from app.booking import jugement, reserver
from app.booking.options import extend_option, find_option, place_option, release_option
from app.booking.outils import Outils
from app.booking.reserver import book
from app.db import UnitOfWork
from app.domain.creneaux import Creneau
from app.embedded.postgres import Postgres
from app.errors import CreneauPris, RegleRefusee
from app.tables import CompteurJour, Courrier, Guichet, Journal, Outbox, RdvUsager, RendezVous
from loadtests import invariants
from tests.booking.outillage import USAGER, creneaux_libres, demande, reserve
from tests.fixtures.donnees import MondeService, build_service


@pytest.fixture
async def service(outils: Outils) -> MondeService:
    async with outils.db.engine.begin() as conn:
        return await build_service(conn)


class TestReserver:
    """design « One booking, step by step »."""

    async def test_a_booking_commits_its_snapshot_journal_mail_counter_and_frames_together(
        self, outils: Outils, service: MondeService
    ) -> None:
        rdv = await reserve(outils, service)
        async with outils.db.read() as conn:
            assert (await conn.execute(select(func.count()).select_from(RdvUsager))).scalar() == 1
            assert (await conn.execute(select(Journal.action))).scalars().all() == ["rdv.cree"]
            intentions = (await conn.execute(select(Courrier.evenement).order_by(Courrier.id))).scalars().all()
            assert intentions == ["confirmation", "rappel"]
            assert (await conn.execute(select(CompteurJour.etat, CompteurJour.nombre))).all() == [("prevu", 1)]
            trames = (await conn.execute(select(Outbox.sujet, Outbox.version).order_by(Outbox.id))).all()
        assert trames == [(f"service:{service.id}", 2), (f"creneaux:{service.id}", 2)]
        assert len(rdv.code) == 6

    async def test_the_reminder_is_due_two_days_before_at_the_hour_of_the_place(
        self, outils: Outils, service: MondeService
    ) -> None:
        rdv = await reserve(outils, service)
        async with outils.db.read() as conn:
            du_a, donnees = (
                await conn.execute(select(Courrier.du_a, Courrier.donnees).where(Courrier.evenement == "rappel"))
            ).one()
        local = du_a.astimezone(ZoneInfo(service.zone))
        assert (rdv.debut.astimezone(ZoneInfo(service.zone)).date() - local.date()).days == 2
        assert local.time() == rdv.debut.astimezone(ZoneInfo(service.zone)).time()
        assert donnees["lien_gestion"] == "", "no secret link waits in the database"

    async def test_no_frame_carries_personal_data(self, outils: Outils, service: MondeService) -> None:
        await reserve(outils, service)
        async with outils.db.read() as conn:
            trames = " ".join((await conn.execute(select(Outbox.trame))).scalars())
        assert "alenton" not in trames.lower()
        assert "usagers.test" not in trames

    async def test_the_same_key_gives_the_same_rdv_even_ten_times_at_once(
        self, outils: Outils, service: MondeService
    ) -> None:
        debut = (await creneaux_libres(outils, service))[0].debut
        meme = demande(service, debut)
        codes = {r.code for r in await asyncio.gather(*(book(outils, meme, USAGER, clock.now()) for _ in range(10)))}
        assert len(codes) == 1
        async with outils.db.read() as conn:
            assert (await conn.execute(select(func.count()).select_from(RendezVous))).scalar() == 1

    async def test_twenty_rivals_on_two_guichets_get_two_rdv_and_eighteen_alternatives(
        self, outils: Outils, service: MondeService
    ) -> None:
        debut = (await creneaux_libres(outils, service))[0].debut
        issues = await asyncio.gather(
            *(book(outils, demande(service, debut, n), USAGER, clock.now()) for n in range(20)), return_exceptions=True
        )
        pris = [i for i in issues if isinstance(i, CreneauPris)]
        assert len(pris) == 18
        assert all(isinstance(a, Creneau) and a.debut != debut for p in pris for a in p.details["alternatives"])
        assert all(p.details["alternatives"] for p in pris)

    async def test_a_start_off_the_grid_is_refused(self, outils: Outils, service: MondeService) -> None:
        debut = (await creneaux_libres(outils, service))[0].debut
        with pytest.raises(RegleRefusee):
            await book(outils, demande(service, debut + 7), USAGER, clock.now())


class TestOptions:
    """domain « Life of a rendez-vous »: a hold protects the créneau while the form is filled in."""

    async def test_a_hold_keeps_the_place_and_becomes_the_rdv(self, outils: Outils, service: MondeService) -> None:
        debut = (await creneaux_libres(outils, service))[0].debut
        option = await place_option(
            outils,
            service_id=service.id,
            motif_id=service.motifs[0],
            type_rdv="guichet",
            debut=debut,
            visite="v" * 43,
            maintenant=clock.now(),
        )
        rdv = await book(outils, demande(service, debut, visite="v" * 43), USAGER, clock.now())
        assert rdv.id == option.id
        assert await find_option(outils, service.id, "v" * 43, clock.now()) is None

    async def test_the_last_place_held_by_somebody_is_taken_for_the_others(
        self, outils: Outils, service: MondeService
    ) -> None:
        debut = (await creneaux_libres(outils, service))[0].debut
        for visite in ("a" * 43, "b" * 43):
            await place_option(
                outils,
                service_id=service.id,
                motif_id=service.motifs[0],
                type_rdv="guichet",
                debut=debut,
                visite=visite,
                maintenant=clock.now(),
            )
        with pytest.raises(CreneauPris):
            await book(outils, demande(service, debut), USAGER, clock.now())
        await release_option(outils, "a" * 43, clock.now())
        await book(outils, demande(service, debut), USAGER, clock.now())

    async def test_a_dead_hold_never_stands_in_the_way(self, outils: Outils, service: MondeService) -> None:
        debut = (await creneaux_libres(outils, service))[0].debut
        for visite in ("a" * 43, "b" * 43):
            await place_option(
                outils,
                service_id=service.id,
                motif_id=service.motifs[0],
                type_rdv="guichet",
                debut=debut,
                visite=visite,
                maintenant=clock.now(),
            )
        async with outils.db.engine.begin() as conn:
            await conn.execute(text("UPDATE rendez_vous SET expire_a = expire_a - interval '1 hour'"))
        neuf = Outils(outils.db, outils.settings)  # a process that has seen nothing
        await book(neuf, demande(service, debut), USAGER, clock.now())

    async def test_a_hold_may_be_kept_longer_up_to_its_maximum(self, outils: Outils, service: MondeService) -> None:
        debut = (await creneaux_libres(outils, service))[0].debut
        option = await place_option(
            outils,
            service_id=service.id,
            motif_id=service.motifs[0],
            type_rdv="guichet",
            debut=debut,
            visite="v" * 43,
            maintenant=clock.now(),
        )
        assert option.prolongeable
        plus = await extend_option(outils, service.id, "v" * 43, option.expire_a.replace(microsecond=0))
        assert plus.expire_a > option.expire_a
        assert not plus.prolongeable

    async def test_a_visitor_asking_for_eight_places_at_once_holds_one(
        self, outils: Outils, service: MondeService
    ) -> None:
        libres = await creneaux_libres(outils, service)

        async def hold(rang: int) -> object:
            return await place_option(
                outils,
                service_id=service.id,
                motif_id=service.motifs[0],
                type_rdv="guichet",
                debut=libres[rang].debut,
                visite="v" * 43,
                maintenant=clock.now(),
            )

        await asyncio.gather(*(hold(rang) for rang in range(8)))
        async with outils.db.read() as conn:
            assert (await conn.execute(select(func.count()).select_from(RendezVous))).scalar() == 1

    async def test_visitors_who_cross_their_holds_never_deadlock(
        self, outils: Outils, service: MondeService, postgres_server: Postgres
    ) -> None:
        avant = invariants.count_deadlocks(postgres_server.journal)
        libres = await creneaux_libres(outils, service)

        async def wander(rang: int) -> None:
            for tour in range(6):
                with suppress(CreneauPris):
                    await place_option(
                        outils,
                        service_id=service.id,
                        motif_id=service.motifs[0],
                        type_rdv="guichet",
                        debut=libres[(rang + tour) % 3].debut,
                        visite=f"{rang:043d}",
                        maintenant=clock.now(),
                    )

        await asyncio.gather(*(wander(rang) for rang in range(10)))
        assert invariants.count_deadlocks(postgres_server.journal) == avant

    async def test_booking_gives_back_whatever_else_the_visitor_held(
        self, outils: Outils, service: MondeService
    ) -> None:
        libres = await creneaux_libres(outils, service)
        visite = "v" * 43
        await place_option(
            outils,
            service_id=service.id,
            motif_id=service.motifs[0],
            type_rdv="guichet",
            debut=libres[0].debut,
            visite=visite,
            maintenant=clock.now(),
        )
        await book(outils, demande(service, libres[1].debut, visite=visite), USAGER, clock.now())
        async with outils.db.read() as conn:
            assert (await conn.execute(select(RendezVous.etat))).scalars().all() == ["prevu"]


class TestLeDernierMot:
    """The rules are applied before the transaction; what changes in between is seen before the commit."""

    async def test_a_guichet_closed_meanwhile_is_never_booked(
        self, outils: Outils, service: MondeService, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        debut = (await creneaux_libres(outils, service))[0].debut
        vrai = jugement.judge
        fermetures = 0

        async def judge_then_close(*args: Any, **plus: Any) -> Any:
            nonlocal fermetures
            projet = await vrai(*args, **plus)
            if not fermetures:
                fermetures += 1

                async def close(uow: UnitOfWork) -> None:
                    await uow.conn.execute(update(Guichet).values(ouvert=False))
                    uow.annonces.planning(service.id, "guichet.modifie")

                await outils.db.transaction(close)
            return projet

        monkeypatch.setattr(reserver, "judge", judge_then_close)
        with pytest.raises(RegleRefusee):
            await book(outils, demande(service, debut), USAGER, clock.now())
        assert fermetures == 1

    async def test_without_the_constraint_the_same_rivals_do_overlap(
        self, outils: Outils, service: MondeService
    ) -> None:
        """Negative control of P1: remove the protection, and the doubles appear."""
        debut = (await creneaux_libres(outils, service))[0].debut
        async with outils.db.engine.begin() as conn:
            await conn.execute(text("ALTER TABLE rendez_vous DROP CONSTRAINT ex_rendez_vous_guichet"))
        await asyncio.gather(
            *(book(outils, demande(service, debut, n), USAGER, clock.now()) for n in range(20)), return_exceptions=True
        )
        bilan = await invariants.check(outils.settings.database_url)
        assert bilan.fautes["overlaps on a guichet"] > 0

    async def test_with_it_they_never_do(self, outils: Outils, service: MondeService) -> None:
        debut = (await creneaux_libres(outils, service))[0].debut
        await asyncio.gather(
            *(book(outils, demande(service, debut, n), USAGER, clock.now()) for n in range(20)), return_exceptions=True
        )
        bilan = await invariants.check(outils.settings.database_url)
        assert bilan.ok, "\n".join(bilan.lines())
