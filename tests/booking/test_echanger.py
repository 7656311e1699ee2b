"""Exchanging the places of two RDV: one act, nobody can slip in, the same rules as two moves [A1 §3.2]."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, text, update

from app.booking import echanger
from app.booking.echanger import exchange, preview_exchange
from app.booking.outils import Auteur, Outils
from app.booking.reserver import RdvReserve, book
from app.booking.vie import act
from app.domain.horaires import to_minute
from app.domain.rendez_vous import Action
from app.errors import (
    AppError,
    AvertissementRequis,
    Conflit,
    CreneauPris,
    Introuvable,
    RegleRefusee,
    SaisieInvalide,
    TransitionImpossible,
)
from app.tables import Courrier, Guichet, Journal, Outbox, RendezVous
from loadtests import invariants
from tests.booking.outillage import demande
from tests.fixtures.donnees import MondeService, build_equipe, build_service

PARIS = ZoneInfo("Europe/Paris")
LUNDI_9H = datetime(2027, 2, 1, 9, 0, tzinfo=PARIS)
DIX_HEURES = LUNDI_9H.replace(hour=10)
ONZE_HEURES = LUNDI_9H.replace(hour=11)


@pytest.fixture
async def service(outils: Outils) -> MondeService:
    async with outils.db.engine.begin() as conn:
        return await build_equipe(conn, await build_service(conn))


def agent(service: MondeService, nom: str = "agent") -> Auteur:
    return Auteur("agent", agent_id=service.agents[nom])


async def rdv_a(
    outils: Outils, service: MondeService, heure: datetime, rang: int = 1, guichet: int = 0, **plus: object
) -> RdvReserve:
    voulu = demande(
        service,
        to_minute(heure),
        rang,
        canal="rattache",
        origine="guichet",
        guichet_id=service.guichets[guichet],
        **plus,
    )
    return await book(outils, voulu, agent(service), LUNDI_9H)


@pytest.fixture
async def deux(outils: Outils, service: MondeService) -> tuple[RdvReserve, RdvReserve]:
    """Today at 10:00 on the first guichet, at 11:00 on the second."""
    return await rdv_a(outils, service, DIX_HEURES), await rdv_a(outils, service, ONZE_HEURES, 2, guichet=1)


async def places(outils: Outils, *ids: int) -> list[tuple[int, datetime, datetime]]:
    async with outils.db.read() as conn:
        lus = {
            ligne.id: (ligne.guichet_id, ligne.debut.astimezone(PARIS), ligne.fin.astimezone(PARIS))
            for ligne in await conn.execute(select(RendezVous).where(RendezVous.id.in_(ids)))
        }
    return [lus[ident] for ident in ids]


class TestEchanger:
    """Each takes the hour and the guichet of the other; code, motif and duration stay."""

    async def test_both_are_in_the_place_of_the_other(
        self, outils: Outils, service: MondeService, deux: tuple[RdvReserve, RdvReserve]
    ) -> None:
        un, autre = deux
        avant = await places(outils, un.id, autre.id)
        faits = await exchange(outils, un.id, autre.id, agent(service), LUNDI_9H)
        assert await places(outils, un.id, autre.id) == avant[::-1]
        assert [f.revision for f in faits] == [2, 2]
        async with outils.db.read() as conn:
            codes = {ligne.id: ligne.code for ligne in await conn.execute(select(RendezVous.id, RendezVous.code))}
            assert (codes[un.id], codes[autre.id]) == (un.code, autre.code)
        assert (await invariants.check(outils.settings.database_url)).ok

    async def test_two_usagers_read_their_new_hour_and_two_lines_are_journaled(
        self, outils: Outils, service: MondeService, deux: tuple[RdvReserve, RdvReserve]
    ) -> None:
        un, autre = deux
        await exchange(outils, un.id, autre.id, agent(service), LUNDI_9H)
        async with outils.db.read() as conn:
            mails = (await conn.execute(select(Courrier.rdv_id).where(Courrier.evenement == "deplacement"))).scalars()
            lignes = (await conn.execute(select(Journal.rdv_id).where(Journal.action == "rdv.replanifie"))).scalars()
            assert set(mails) == set(lignes) == {un.id, autre.id}

    async def test_another_guichet_at_the_same_hour_is_nothing_to_the_usagers(
        self, outils: Outils, service: MondeService
    ) -> None:
        un, autre = await rdv_a(outils, service, DIX_HEURES), await rdv_a(outils, service, DIX_HEURES, 2, guichet=1)
        await exchange(outils, un.id, autre.id, agent(service), LUNDI_9H)
        assert [p[0] for p in await places(outils, un.id, autre.id)] == [service.guichets[1], service.guichets[0]]
        async with outils.db.read() as conn:
            requete = select(Courrier.id).where(Courrier.evenement == "deplacement")
            assert (await conn.execute(requete)).first() is None

    async def test_the_public_grid_hears_both_places_left_before_both_places_taken(
        self, outils: Outils, service: MondeService, deux: tuple[RdvReserve, RdvReserve]
    ) -> None:
        un, autre = deux
        async with outils.db.read() as conn:
            depuis = (await conn.execute(text("SELECT coalesce(max(id), 0) FROM outbox"))).scalar_one()
        await exchange(outils, un.id, autre.id, agent(service), LUNDI_9H)
        async with outils.db.read() as conn:
            requete = select(Outbox.trame).where(Outbox.id > depuis, Outbox.sujet == f"creneaux:{service.id}")
            trames = [json.loads(t) for t in (await conn.execute(requete.order_by(Outbox.version))).scalars()]
        assert [t["type"] for t in trames] == ["creneau.libre", "creneau.libre", "creneau.pris", "creneau.pris"]
        assert {t["guichet"] for t in trames[2:]} == set(service.guichets[:2])

    async def test_each_keeps_its_duration(self, outils: Outils, service: MondeService) -> None:
        long = await rdv_a(outils, service, DIX_HEURES, duree=40, acquittees=frozenset({"duree_modifiee"}))
        court = await rdv_a(outils, service, ONZE_HEURES, 2, guichet=1)
        await exchange(outils, long.id, court.id, agent(service), LUNDI_9H)
        (_, debut, fin), (_, debut_court, fin_court) = await places(outils, long.id, court.id)
        assert (debut, fin - debut) == (ONZE_HEURES, timedelta(minutes=40))
        assert (debut_court, fin_court - debut_court) == (DIX_HEURES, timedelta(minutes=20))


class TestRefus:
    """Nothing is exchanged unless both may go."""

    async def test_too_long_for_the_place_of_the_other(self, outils: Outils, service: MondeService) -> None:
        long = await rdv_a(outils, service, DIX_HEURES, duree=40, acquittees=frozenset({"duree_modifiee"}))
        court = await rdv_a(outils, service, ONZE_HEURES, 2, guichet=1)
        await rdv_a(outils, service, ONZE_HEURES + timedelta(minutes=20), 3, guichet=1)
        avant = await places(outils, long.id, court.id)
        with pytest.raises(AppError) as refus:
            await exchange(outils, long.id, court.id, agent(service), LUNDI_9H)
        assert refus.value.statut == 409
        assert await places(outils, long.id, court.id) == avant

    async def test_neighbours_of_different_lengths_would_overlap(self, outils: Outils, service: MondeService) -> None:
        court = await rdv_a(outils, service, DIX_HEURES)
        long = await rdv_a(
            outils, service, DIX_HEURES + timedelta(minutes=20), 2, duree=40, acquittees=frozenset({"duree_modifiee"})
        )
        with pytest.raises(Conflit, match="trop long"):
            await exchange(outils, court.id, long.id, agent(service), LUNDI_9H)

    async def test_with_itself(
        self, outils: Outils, service: MondeService, deux: tuple[RdvReserve, RdvReserve]
    ) -> None:
        with pytest.raises(SaisieInvalide):
            await exchange(outils, deux[0].id, deux[0].id, agent(service), LUNDI_9H)

    async def test_of_another_service_is_not_there(
        self, outils: Outils, service: MondeService, deux: tuple[RdvReserve, RdvReserve]
    ) -> None:
        async with outils.db.engine.begin() as conn:
            ailleurs = await build_equipe(conn, await build_service(conn, sages="5800999"), "-2")
        autre = await rdv_a(outils, ailleurs, ONZE_HEURES, 2)
        for qui in (service, ailleurs):
            with pytest.raises(Introuvable):
                await exchange(outils, deux[0].id, autre.id, agent(qui), LUNDI_9H)

    async def test_of_two_services_that_one_agent_holds(
        self, outils: Outils, service: MondeService, deux: tuple[RdvReserve, RdvReserve]
    ) -> None:
        async with outils.db.engine.begin() as conn:
            ailleurs = await build_equipe(conn, await build_service(conn, sages="5800999"), "-2")
            await conn.execute(
                text("INSERT INTO rattachement (agent_id, service_id) VALUES (:a, :s)"),
                {"a": service.agents["agent"], "s": ailleurs.id},
            )
            await conn.execute(
                text(
                    "INSERT INTO habilitation (agent_id, profil, perimetre, service_id)"
                    " VALUES (:a, 'agent_local', 'service', :s)"
                ),
                {"a": service.agents["agent"], "s": ailleurs.id},
            )
        autre = await rdv_a(outils, ailleurs, ONZE_HEURES, 2)
        with pytest.raises(RegleRefusee, match="même service"):
            await exchange(outils, deux[0].id, autre.id, agent(service), LUNDI_9H)

    async def test_an_external_agent_exchanges_nothing(
        self, outils: Outils, service: MondeService, deux: tuple[RdvReserve, RdvReserve]
    ) -> None:
        with pytest.raises(Introuvable):
            await exchange(outils, deux[0].id, deux[1].id, agent(service, "exterieur"), LUNDI_9H)

    async def test_one_that_is_cancelled_or_in_the_box(
        self, outils: Outils, service: MondeService, deux: tuple[RdvReserve, RdvReserve]
    ) -> None:
        await act(outils, deux[1].id, Action.ANNULER, agent(service), LUNDI_9H, raison="parti")
        with pytest.raises(TransitionImpossible, match=deux[1].code):
            await exchange(outils, deux[0].id, deux[1].id, agent(service), LUNDI_9H)

    async def test_who_has_come_stays_within_the_day(self, outils: Outils, service: MondeService) -> None:
        ici = await rdv_a(outils, service, DIX_HEURES)
        plus_tard = await rdv_a(outils, service, ONZE_HEURES, 2, guichet=1)
        demain = await rdv_a(outils, service, DIX_HEURES + timedelta(days=1), 3)
        await act(outils, ici.id, Action.MARQUER_ARRIVEE, agent(service), LUNDI_9H)
        with pytest.raises(TransitionImpossible):
            await exchange(outils, ici.id, demain.id, agent(service), LUNDI_9H)
        await exchange(outils, ici.id, plus_tard.id, agent(service), LUNDI_9H)
        async with outils.db.read() as conn:
            lu = (await conn.execute(select(RendezVous.etat, RendezVous.debut).where(RendezVous.id == ici.id))).one()
            assert (lu.etat, lu.debut) == ("arrive", ONZE_HEURES)
            guichet = await conn.execute(text("SELECT guichet_id FROM passage WHERE rdv_id = :r"), {"r": ici.id})
            assert guichet.scalar_one() == service.guichets[1], "the presence follows"

    async def test_a_stale_revision_of_either(
        self, outils: Outils, service: MondeService, deux: tuple[RdvReserve, RdvReserve]
    ) -> None:
        await act(outils, deux[1].id, Action.MARQUER_ARRIVEE, agent(service), LUNDI_9H)
        with pytest.raises(Conflit):
            await exchange(outils, deux[0].id, deux[1].id, agent(service), LUNDI_9H, revisions=(1, 1))


class TestAvertissements:
    """What leaves the frame is told for each, before anything is written."""

    async def test_the_warnings_of_both_are_listed_then_acknowledged(
        self, outils: Outils, service: MondeService, deux: tuple[RdvReserve, RdvReserve]
    ) -> None:
        async with outils.db.engine.begin() as conn:
            await conn.execute(update(Guichet).where(Guichet.id == service.guichets[1]).values(types=["telephone"]))
            await conn.execute(
                text("UPDATE agenda SET version_planning = version_planning + 1 WHERE service_id = :s"),
                {"s": service.id},
            )
        un, autre = deux
        avant = await places(outils, un.id, autre.id)
        previstes = await preview_exchange(outils, un.id, autre.id, agent(service), LUNDI_9H)
        with pytest.raises(AvertissementRequis) as refus:
            await exchange(outils, un.id, autre.id, agent(service), LUNDI_9H)
        alertes = refus.value.details["alertes"]
        assert alertes == previstes
        assert [a["code"] for a in alertes] == ["type_non_propose"]
        assert alertes[0]["phrase"].startswith(un.code)
        assert await places(outils, un.id, autre.id) == avant
        await exchange(outils, un.id, autre.id, agent(service), LUNDI_9H, acquittees=frozenset({"type_non_propose"}))
        async with outils.db.read() as conn:
            requete = select(RendezVous.forcages).where(RendezVous.id == un.id)
            assert (await conn.execute(requete)).scalar_one() == ["type_non_propose"]


class TestCourses:
    """Two agents, or an agent and a newcomer, in the same second."""

    async def test_the_same_exchange_asked_by_two_from_either_side_is_made_once(
        self, outils: Outils, service: MondeService, deux: tuple[RdvReserve, RdvReserve]
    ) -> None:
        un, autre = deux
        avant = await places(outils, un.id, autre.id)
        issues = await asyncio.gather(
            *(
                exchange(outils, a, b, agent(service), LUNDI_9H, revisions=(1, 1))
                for a, b in [(un.id, autre.id), (autre.id, un.id)] * 4
            ),
            return_exceptions=True,
        )
        faites = [i for i in issues if not isinstance(i, BaseException) and i[0].change]
        assert len(faites) == 1, "the others are too late, or answered as the first"
        assert {type(i) for i in issues if isinstance(i, BaseException)} <= {Conflit}
        assert await places(outils, un.id, autre.id) == avant[::-1]

    async def test_crossed_exchanges_of_three_never_deadlock_nor_double(
        self, outils: Outils, service: MondeService
    ) -> None:
        trois = [await rdv_a(outils, service, DIX_HEURES + timedelta(minutes=20 * n), n) for n in range(3)]
        tenus = sorted(p[1:] for p in await places(outils, *(r.id for r in trois)))
        paires = [(0, 1), (1, 2), (2, 0), (1, 0), (2, 1), (0, 2)] * 3
        issues = await asyncio.gather(
            *(exchange(outils, trois[a].id, trois[b].id, agent(service), LUNDI_9H) for a, b in paires),
            return_exceptions=True,
        )
        assert {type(i) for i in issues if isinstance(i, BaseException)} <= {Conflit}
        assert any(not isinstance(i, BaseException) for i in issues)
        assert sorted(p[1:] for p in await places(outils, *(r.id for r in trois))) == tenus
        assert (await invariants.check(outils.settings.database_url)).ok

    async def test_a_newcomer_never_slips_into_a_place_being_exchanged(
        self, outils: Outils, service: MondeService, deux: tuple[RdvReserve, RdvReserve]
    ) -> None:
        un, autre = deux
        voulus = [(DIX_HEURES, 0), (ONZE_HEURES, 1)] * 5
        issues = await asyncio.gather(
            exchange(outils, un.id, autre.id, agent(service), LUNDI_9H),
            *(rdv_a(outils, service, heure, 50 + n, guichet=g) for n, (heure, g) in enumerate(voulus)),
            return_exceptions=True,
        )
        assert not isinstance(issues[0], BaseException)
        assert {type(i) for i in issues[1:]} == {CreneauPris}

    async def test_without_leaving_first_the_constraint_refuses_every_exchange(
        self,
        outils: Outils,
        service: MondeService,
        deux: tuple[RdvReserve, RdvReserve],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """The control: what the two steps are for."""

        async def move_one_after_the_other(conn: object, parties: object, nouvelles: list[dict[str, object]]) -> None:
            for partie, valeurs in zip(parties, nouvelles, strict=True):  # type: ignore[call-overload] # a stand-in
                await conn.execute(  # type: ignore[attr-defined]
                    update(RendezVous).where(RendezVous.id == partie.rdv["id"]).values(**valeurs)
                )

        monkeypatch.setattr(echanger, "_move_rows", move_one_after_the_other)
        with pytest.raises(Exception, match="ex_rendez_vous_guichet"):
            await exchange(outils, deux[0].id, deux[1].id, agent(service), LUNDI_9H)


class TestSuites:
    """What follows an exchange is as for any other change."""

    async def test_the_sequence_of_a_confirmation_sent_meanwhile_is_not_used_twice(
        self,
        outils: Outils,
        service: MondeService,
        deux: tuple[RdvReserve, RdvReserve],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """A calendar keeps the highest SEQUENCE: two messages of one number would leave it at the old hour."""
        un, autre = deux
        jugee = echanger._judge_both

        async def send_again_then_judge(*arguments: Any) -> Any:
            parties = await jugee(*arguments)
            async with outils.db.engine.begin() as conn:
                await conn.execute(update(RendezVous).where(RendezVous.id == un.id).values(sequence=5))
            return parties

        monkeypatch.setattr(echanger, "_judge_both", send_again_then_judge)
        await exchange(outils, un.id, autre.id, agent(service), LUNDI_9H)
        async with outils.db.read() as conn:
            sequences = {r.id: r.sequence for r in await conn.execute(select(RendezVous.id, RendezVous.sequence))}
        assert (sequences[un.id], sequences[autre.id]) == (6, 1)

    async def test_a_double_click_is_answered_as_the_first(
        self, outils: Outils, service: MondeService, deux: tuple[RdvReserve, RdvReserve]
    ) -> None:
        un, autre = deux
        premiers = await exchange(outils, un.id, autre.id, agent(service), LUNDI_9H, revisions=(1, 1))
        seconds = await exchange(outils, un.id, autre.id, agent(service), LUNDI_9H, revisions=(1, 1))
        assert [(f.debut, f.guichet_id, f.revision) for f in premiers] == [
            (f.debut, f.guichet_id, f.revision) for f in seconds
        ]
        assert [f.change for f in seconds] == [False, False]
        with pytest.raises(Conflit):
            await exchange(outils, un.id, autre.id, agent(service, "chef"), LUNDI_9H, revisions=(1, 1))

    async def test_where_freed_places_wait_what_the_shorter_one_leaves_waits_too(
        self, outils: Outils, service: MondeService
    ) -> None:
        async with outils.db.engine.begin() as conn:
            await conn.execute(
                text(
                    "INSERT INTO parametre (service_id, cle, valeur, modifie_a)"
                    " VALUES (:s, 'liberation_differee', 'true', now())"
                ),
                {"s": service.id},
            )
            await conn.execute(
                text("UPDATE agenda SET version_planning = version_planning + 1 WHERE service_id = :s"),
                {"s": service.id},
            )
        plus_tard = DIX_HEURES + timedelta(days=7)
        long = await rdv_a(outils, service, plus_tard, duree=40, acquittees=frozenset({"duree_modifiee"}))
        court = await rdv_a(outils, service, plus_tard + timedelta(hours=1), 2, guichet=1)
        await exchange(outils, long.id, court.id, agent(service), LUNDI_9H)
        async with outils.db.read() as conn:
            gels = (await conn.execute(select(RendezVous).where(RendezVous.nature_option == "gel"))).all()
        assert [(g.guichet_id, g.debut.astimezone(PARIS), g.fin - g.debut) for g in gels] == [
            (service.guichets[0], plus_tard + timedelta(minutes=20), timedelta(minutes=20))
        ]
        assert (await invariants.check(outils.settings.database_url)).ok
