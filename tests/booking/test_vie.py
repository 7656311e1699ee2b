"""Presence, cancellation and the closing of the day, on a real PostgreSQL [A1 §3.2]."""

from __future__ import annotations

import asyncio
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, text

from app import clock
from app.booking.outils import Auteur, Outils
from app.booking.reserver import RdvReserve, book
from app.booking.vie import act, close_jours
from app.domain.horaires import to_minute
from app.domain.rendez_vous import Action
from app.errors import Conflit, Introuvable, SaisieInvalide, TransitionImpossible
from app.tables import CompteurJour, Courrier, Journal, Outbox, Passage, RendezVous
from loadtests import invariants
from tests.booking.outillage import creneaux_libres, demande
from tests.fixtures.donnees import MondeService, build_agent, build_equipe, build_service

PARIS = ZoneInfo("Europe/Paris")
#: A Monday at 09:00 in Paris, far from any change of the clock.
LUNDI_9H = datetime(2027, 2, 1, 9, 0, tzinfo=PARIS)


@pytest.fixture
async def service(outils: Outils) -> MondeService:
    async with outils.db.engine.begin() as conn:
        return await build_equipe(conn, await build_service(conn))


def agent(service: MondeService, nom: str = "agent") -> Auteur:
    return Auteur("agent", agent_id=service.agents[nom])


async def rdv_a(outils: Outils, service: MondeService, heure: datetime, rang: int = 1) -> RdvReserve:
    """An attached agent books that very hour, at LUNDI_9H."""
    voulu = demande(
        service, to_minute(heure), rang, canal="rattache", origine="guichet", guichet_id=service.guichets[0]
    )
    return await book(outils, voulu, agent(service), LUNDI_9H)


@pytest.fixture
async def rdv(outils: Outils, service: MondeService) -> RdvReserve:
    """Today at 10:20."""
    return await rdv_a(outils, service, LUNDI_9H.replace(hour=10, minute=20))


class TestArrivee:
    """Annexe 1 §3.2: one click, on the day only, undone in the same place."""

    async def test_marking_writes_the_passage_the_counter_the_journal_and_the_frame(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        acte = await act(outils, rdv.id, Action.MARQUER_ARRIVEE, agent(service, "orientation"), LUNDI_9H)
        assert (acte.etat, acte.change) == ("arrive", True)
        async with outils.db.read() as conn:
            assert (await conn.execute(select(Passage.arrivee_a))).scalar_one() == LUNDI_9H
            comptes = (await conn.execute(select(CompteurJour.etat, CompteurJour.nombre))).all()
            trame = (await conn.execute(select(Outbox.trame).order_by(Outbox.id.desc()).limit(1))).scalar_one()
        assert {e: n for e, n in comptes if n} == {"arrive": 1}
        assert trame.startswith('{"type":"rdv.arrive"')

    async def test_two_agents_clicking_together_change_the_state_once(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        actes = await asyncio.gather(
            *(act(outils, rdv.id, Action.MARQUER_ARRIVEE, agent(service, "orientation"), LUNDI_9H) for _ in range(8))
        )
        assert [a.change for a in actes].count(True) == 1
        async with outils.db.read() as conn:
            nombre = (
                await conn.execute(select(func.count()).select_from(Journal).where(Journal.action == "rdv.arrive"))
            ).scalar_one()
        assert nombre == 1

    async def test_undoing_leaves_no_trace_but_in_the_journal(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        qui = agent(service, "orientation")
        await act(outils, rdv.id, Action.MARQUER_ARRIVEE, qui, LUNDI_9H)
        acte = await act(outils, rdv.id, Action.ANNULER_ARRIVEE, qui, LUNDI_9H)
        assert acte.etat == "prevu"
        async with outils.db.read() as conn:
            assert (await conn.execute(select(func.count()).select_from(Passage))).scalar_one() == 0

    async def test_the_next_day_presence_is_frozen(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        with pytest.raises(TransitionImpossible, match="figée"):
            await act(outils, rdv.id, Action.MARQUER_ARRIVEE, agent(service), LUNDI_9H + timedelta(days=1))

    async def test_the_day_is_the_one_of_the_service_not_of_the_server(self, outils: Outils) -> None:
        reunion = ZoneInfo("Indian/Reunion")
        async with outils.db.engine.begin() as conn:
            ailleurs = await build_service(conn, sages="9740450", departement="974", fuseau="Indian/Reunion")
            await build_equipe(conn, ailleurs, "-974")
        mardi_minuit_trente = datetime(2027, 2, 2, 0, 30, tzinfo=reunion)  # still Monday in Paris and in UTC
        voulu = demande(
            ailleurs,
            to_minute(datetime(2027, 2, 2, 8, 0, tzinfo=reunion)),
            canal="rattache",
            origine="guichet",
            guichet_id=ailleurs.guichets[0],
        )
        rdv = await book(outils, voulu, agent(ailleurs), mardi_minuit_trente)
        acte = await act(outils, rdv.id, Action.MARQUER_ARRIVEE, agent(ailleurs), mardi_minuit_trente)
        assert acte.etat == "arrive"

    async def test_the_whole_visit_is_timed(self, outils: Outils, service: MondeService, rdv: RdvReserve) -> None:
        qui = agent(service, "box")
        for rang, action in enumerate((Action.MARQUER_ARRIVEE, Action.APPELER, Action.RECEVOIR, Action.TERMINER)):
            await act(outils, rdv.id, action, qui, LUNDI_9H + timedelta(minutes=rang))
        async with outils.db.read() as conn:
            p = (
                await conn.execute(select(Passage.arrivee_a, Passage.appel_a, Passage.reception_a, Passage.fin_a))
            ).one()
        assert [(t - LUNDI_9H).total_seconds() / 60 for t in p] == [0, 1, 2, 3]


class TestDroits:
    """Rights are in the query: a RDV of another service does not exist."""

    async def test_an_agent_of_another_service_gets_404_and_a_line_in_the_journal(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        async with outils.db.engine.begin() as conn:
            autre = await build_service(conn, sages="1800151", libelle="BOURGES")
            curieux = await build_agent(conn, "curieux", service_id=autre.id, zone=[autre.id])
        with pytest.raises(Introuvable):
            await act(outils, rdv.id, Action.MARQUER_ARRIVEE, Auteur("agent", agent_id=curieux), LUNDI_9H)
        async with outils.db.read() as conn:
            ligne = (
                await conn.execute(select(Journal.agent_id, Journal.rdv_id).where(Journal.action == "rdv.acces_refuse"))
            ).one()
        assert ligne == (curieux, rdv.id)

    async def test_a_contact_centre_attached_to_nothing_gets_404(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        with pytest.raises(Introuvable):
            await act(outils, rdv.id, Action.ANNULER, agent(service, "exterieur"), LUNDI_9H, raison="essai")

    async def test_an_id_out_of_range_is_absent_not_an_accident(self, outils: Outils, service: MondeService) -> None:
        for ident in (0, -1, 2**63, 10**30):
            with pytest.raises(Introuvable):
                await act(outils, ident, Action.MARQUER_ARRIVEE, agent(service), LUNDI_9H)


class TestAnnulation:
    """Annexe 1 §3.2: irreversible, frees the créneau, writes to the usager."""

    async def test_cancelling_frees_the_place_and_writes_the_mail(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        await act(outils, rdv.id, Action.ANNULER, agent(service), LUNDI_9H, raison="Réglé par téléphone")
        async with outils.db.read() as conn:
            evenements = (await conn.execute(select(Courrier.evenement).order_by(Courrier.id))).scalars().all()
            dernieres = (await conn.execute(select(Outbox.trame).order_by(Outbox.id.desc()).limit(2))).scalars().all()
        assert evenements == ["confirmation", "annulation"]
        assert {t.split('"')[3] for t in dernieres} == {"rdv.annule", "creneau.libre"}
        again = await rdv_a(outils, service, LUNDI_9H.replace(hour=10, minute=20), rang=2)
        assert again.guichet_id == rdv.guichet_id

    async def test_a_reason_is_required_and_a_hostile_one_refused(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        for raison in ("", "   ", "a\x00b", "a\u202eb", "\ud800"):
            with pytest.raises(SaisieInvalide):
                await act(outils, rdv.id, Action.ANNULER, agent(service), LUNDI_9H, raison=raison)

    async def test_a_stale_screen_gets_the_current_state(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        await act(outils, rdv.id, Action.MARQUER_ARRIVEE, agent(service), LUNDI_9H)
        with pytest.raises(Conflit) as refus:
            await act(outils, rdv.id, Action.ANNULER, agent(service), LUNDI_9H, raison="essai", revision=1)
        assert refus.value.details["etat"] == "arrive"

    async def test_nothing_brings_a_cancelled_rdv_back(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        await act(outils, rdv.id, Action.ANNULER, agent(service), LUNDI_9H, raison="essai")
        for action in (Action.MARQUER_ARRIVEE, Action.ANNULER_ARRIVEE, Action.APPELER, Action.MARQUER_NON_VENU):
            with pytest.raises(TransitionImpossible, match="irréversible"):
                await act(outils, rdv.id, action, agent(service), LUNDI_9H)


class TestAbsence:
    """Annexe 1 §3.2: « pas venu » is noted from the hour of the RDV on, and taken back by an arrival."""

    async def test_it_is_refused_until_the_hour_with_the_hour_in_words(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        heure = LUNDI_9H.replace(hour=10, minute=20)
        with pytest.raises(TransitionImpossible) as refus:
            await act(outils, rdv.id, Action.MARQUER_NON_VENU, agent(service), heure - timedelta(seconds=1))
        assert refus.value.phrase == "Ce rendez-vous est à 10:20 : l’absence se note à partir de cette heure."
        assert refus.value.details["cause"] == "heure_pas_venue"
        acte = await act(outils, rdv.id, Action.MARQUER_NON_VENU, agent(service), heure)
        assert (acte.etat, acte.change) == ("non_honore", True)

    async def test_noted_in_error_it_is_taken_back_by_an_arrival(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        heure = LUNDI_9H.replace(hour=10, minute=30)
        await act(outils, rdv.id, Action.MARQUER_NON_VENU, agent(service), heure)
        acte = await act(outils, rdv.id, Action.MARQUER_ARRIVEE, agent(service), heure)
        assert (acte.etat, acte.change) == ("arrive", True)


class TestCloture:
    """domain « Life of a rendez-vous »: when the day ends, the absent are ``non_honore``, the present ``termine``."""

    async def test_the_day_closes_when_it_is_over_where_the_service_is(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        venu = await rdv_a(outils, service, LUNDI_9H.replace(hour=11), rang=2)
        await act(outils, venu.id, Action.MARQUER_ARRIVEE, agent(service), LUNDI_9H)
        assert await close_jours(outils, LUNDI_9H.replace(hour=23, minute=59)) == 0
        assert await close_jours(outils, LUNDI_9H.replace(day=2, hour=0, minute=1)) == 2
        async with outils.db.read() as conn:
            etats = (await conn.execute(select(RendezVous.etat).order_by(RendezVous.debut))).scalars().all()
        assert etats == ["non_honore", "termine"]
        assert (await invariants.check(outils.settings.database_url)).ok

    async def test_closing_twice_changes_nothing(self, outils: Outils, service: MondeService, rdv: RdvReserve) -> None:
        demain = LUNDI_9H + timedelta(days=1)
        assert await close_jours(outils, demain) == 1
        assert await close_jours(outils, demain) == 0

    async def test_a_crowd_of_one_zone_does_not_keep_another_waiting(
        self, outils: Outils, service: MondeService
    ) -> None:
        for rang, minute in enumerate(range(20, 160, 20)):
            await rdv_a(outils, service, LUNDI_9H + timedelta(minutes=minute), rang)
        reunion = ZoneInfo("Indian/Reunion")
        async with outils.db.engine.begin() as conn:
            ailleurs = await build_service(conn, sages="9740450", departement="974", fuseau="Indian/Reunion")
            await build_equipe(conn, ailleurs, "-974")
        voulu = demande(
            ailleurs,
            to_minute(datetime(2027, 2, 1, 14, 0, tzinfo=reunion)),
            canal="rattache",
            origine="guichet",
            guichet_id=ailleurs.guichets[0],
        )
        await book(outils, voulu, agent(ailleurs), LUNDI_9H)
        minuit_passe_la_bas = datetime(2027, 2, 2, 0, 5, tzinfo=reunion)
        assert await close_jours(outils, minuit_passe_la_bas, limite=3) == 1

    async def test_one_that_fails_delays_no_other(self, outils: Outils, service: MondeService, rdv: RdvReserve) -> None:
        await rdv_a(outils, service, LUNDI_9H.replace(hour=11), rang=2)
        async with outils.db.engine.begin() as conn:
            await conn.execute(
                text(
                    "ALTER TABLE rendez_vous ADD CONSTRAINT ck_essai"
                    f" CHECK (NOT (id = {rdv.id} AND etat = 'non_honore')) NOT VALID"
                )
            )
        assert await close_jours(outils, LUNDI_9H + timedelta(days=1), limite=1) == 1


class TestHorloge:
    """The only reader of wall time is the clock."""

    def test_now_is_aware_and_in_utc(self) -> None:
        assert clock.now().utcoffset() == timedelta(0)
        assert clock.now().date() >= date(2026, 1, 1)


async def test_invariants_hold_after_a_mixed_storm(outils: Outils, service: MondeService) -> None:
    """Promises, « Invariants after every storm »: bookings, arrivals and cancellations, all at once."""
    libres = await creneaux_libres(outils, service, canal="rattache", maintenant=LUNDI_9H)
    du_jour = [c.debut for c in libres if c.debut < to_minute(LUNDI_9H) + 600]

    async def vivre(rang: int) -> None:
        voulu = demande(service, du_jour[rang % len(du_jour)], rang, canal="rattache", origine="telephone")
        rdv = await book(outils, voulu, agent(service), LUNDI_9H)
        await asyncio.gather(
            act(outils, rdv.id, Action.MARQUER_ARRIVEE, agent(service, "orientation"), LUNDI_9H),
            act(outils, rdv.id, Action.ANNULER, agent(service), LUNDI_9H, raison="essai"),
            return_exceptions=True,
        )

    await asyncio.gather(*(vivre(n) for n in range(60)), return_exceptions=True)
    bilan = await invariants.check(outils.settings.database_url)
    assert bilan.ok, "\n".join(bilan.lines())
