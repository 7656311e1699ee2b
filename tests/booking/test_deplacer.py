"""Moving a RDV: same rules as booking, same code, its history kept, the place left told free [A1 §3.2]."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, text, update

from app.booking.deplacer import Cible, RdvDeplace, move
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
    TransitionImpossible,
)
from app.tables import CompteurJour, Courrier, Guichet, Journal, MotifService, Outbox, Passage, RendezVous
from loadtests import invariants
from tests.booking.outillage import demande
from tests.fixtures.donnees import MondeService, build_equipe, build_service

PARIS = ZoneInfo("Europe/Paris")
LUNDI_9H = datetime(2027, 2, 1, 9, 0, tzinfo=PARIS)
DIX_HEURES = LUNDI_9H.replace(hour=10)
DEMAIN_10H = DIX_HEURES + timedelta(days=1)


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
async def rdv(outils: Outils, service: MondeService) -> RdvReserve:
    """Today at 10:00, on the first guichet."""
    return await rdv_a(outils, service, DIX_HEURES)


async def deplace(
    outils: Outils, service: MondeService, rdv_id: int, vers: datetime, qui: str = "agent", **plus: object
) -> RdvDeplace:
    return await move(outils, rdv_id, Cible(to_minute(vers), **plus), agent(service, qui), LUNDI_9H)  # type: ignore[arg-type]


class TestDeplacer:
    """The RDV goes elsewhere; code, person and history stay."""

    async def test_it_keeps_its_code_and_tells_everybody(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        arrive = await deplace(outils, service, rdv.id, DEMAIN_10H)
        assert (arrive.debut, arrive.change) == (DEMAIN_10H, True)
        async with outils.db.read() as conn:
            ligne = (await conn.execute(select(RendezVous).where(RendezVous.id == rdv.id))).one()
            trames = [json.loads(t) for t in (await conn.execute(select(Outbox.trame).order_by(Outbox.id))).scalars()]
            comptes = (await conn.execute(select(CompteurJour.jour, CompteurJour.etat, CompteurJour.nombre))).all()
            messages = (await conn.execute(select(Courrier.evenement).order_by(Courrier.id))).scalars().all()
            trace = (await conn.execute(select(Journal).where(Journal.action == "rdv.replanifie"))).one()
        assert (ligne.code, ligne.sequence, ligne.revision) == (rdv.code, 1, 2)
        assert {(j, e): n for j, e, n in comptes if n} == {(DEMAIN_10H.date(), "prevu"): 1}
        deplacement = next(t for t in trames if t["type"] == "rdv.replanifie")
        assert datetime.fromisoformat(deplacement["avant"]["debut"]) == DIX_HEURES
        assert [t["type"] for t in trames if t["sujet"].startswith("creneaux:")][-2:] == [
            "creneau.libre",
            "creneau.pris",
        ]
        assert "deplacement" in messages
        assert datetime.fromisoformat(trace.avant["debut"]) == DIX_HEURES
        assert (await invariants.check(outils.settings.database_url)).ok

    async def test_ten_minutes_later_overlaps_only_itself(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        arrive = await deplace(
            outils, service, rdv.id, DIX_HEURES + timedelta(minutes=10), guichet_id=service.guichets[0]
        )
        assert arrive.guichet_id == service.guichets[0]

    async def test_a_move_to_where_it_is_changes_nothing(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        assert not (await deplace(outils, service, rdv.id, DIX_HEURES)).change
        async with outils.db.read() as conn:
            assert (await conn.execute(select(RendezVous.sequence))).scalar_one() == 0

    async def test_without_a_guichet_the_server_finds_one(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        await rdv_a(outils, service, DEMAIN_10H, 2)
        assert (await deplace(outils, service, rdv.id, DEMAIN_10H)).guichet_id == service.guichets[1]

    async def test_presence_follows_within_the_day(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        await act(outils, rdv.id, Action.MARQUER_ARRIVEE, agent(service, "orientation"), LUNDI_9H)
        with pytest.raises(TransitionImpossible):
            await deplace(outils, service, rdv.id, DEMAIN_10H)
        await deplace(outils, service, rdv.id, DIX_HEURES, guichet_id=service.guichets[1])
        async with outils.db.read() as conn:
            assert (await conn.execute(select(Passage.guichet_id))).scalar_one() == service.guichets[1]

    async def test_a_motif_closed_since_may_be_kept_but_not_taken(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        async with outils.db.engine.begin() as conn:
            await conn.execute(update(MotifService).values(ouvert=False))
            await conn.execute(text("UPDATE agenda SET version_planning = version_planning + 1"))
        await deplace(outils, service, rdv.id, DEMAIN_10H)
        with pytest.raises(AppError) as refus:
            await deplace(outils, service, rdv.id, DIX_HEURES, motif_id=service.motifs[1])
        assert isinstance(refus.value, RegleRefusee | AvertissementRequis)

    @pytest.mark.parametrize("nomme", [True, False], ids=["guichet asked for", "guichet found by the server"])
    async def test_a_motif_kept_where_it_is_not_proposed_is_a_decision(
        self, outils: Outils, service: MondeService, rdv: RdvReserve, nomme: bool
    ) -> None:
        """Else « Rendez-vous à replacer » would list it the moment it is moved."""
        async with outils.db.engine.begin() as conn:
            await conn.execute(
                update(Guichet).where(Guichet.id == service.guichets[1]).values(motifs=[service.motifs[1]])
            )
            await conn.execute(text("UPDATE agenda SET version_planning = version_planning + 1"))
        await rdv_a(outils, service, DEMAIN_10H, 2)
        guichet = service.guichets[1] if nomme else None
        arrive = await deplace(outils, service, rdv.id, DEMAIN_10H, guichet_id=guichet)
        assert arrive.guichet_id == service.guichets[1]
        async with outils.db.read() as conn:
            forcages = select(RendezVous.forcages).where(RendezVous.id == rdv.id)
            assert (await conn.execute(forcages)).scalar_one() == ["motif_non_propose"]
        await deplace(outils, service, rdv.id, DEMAIN_10H + timedelta(minutes=20), guichet_id=service.guichets[0])
        async with outils.db.read() as conn:
            assert (await conn.execute(forcages)).scalar_one() == []  # proposed again: nothing was decided there

    async def test_a_duration_once_forced_goes_with_it(self, outils: Outils, service: MondeService) -> None:
        long = await rdv_a(outils, service, DIX_HEURES, duree=40, acquittees=frozenset({"duree_modifiee"}))
        arrive = await deplace(outils, service, long.id, DEMAIN_10H)
        assert arrive.fin - arrive.debut == timedelta(minutes=40)


class TestRefus:
    """What nobody can force stays refused; who has no right finds nothing; a stale screen is told."""

    async def test_an_occupied_place_is_a_409_with_the_nearest_ones(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        await rdv_a(outils, service, DEMAIN_10H, 2)
        with pytest.raises(CreneauPris) as refus:
            await deplace(outils, service, rdv.id, DEMAIN_10H, guichet_id=service.guichets[0])
        assert refus.value.details["alternatives"]

    async def test_a_closed_guichet_and_the_day_sixty_one_are_refused(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        with pytest.raises(RegleRefusee):
            await deplace(outils, service, rdv.id, DIX_HEURES + timedelta(days=61))
        async with outils.db.engine.begin() as conn:
            await conn.execute(update(Guichet).where(Guichet.id == service.guichets[1]).values(ouvert=False))
            await conn.execute(text("UPDATE agenda SET version_planning = version_planning + 1"))
        with pytest.raises(RegleRefusee):
            await deplace(outils, service, rdv.id, DEMAIN_10H, guichet_id=service.guichets[1])

    async def test_outside_the_plages_is_warned_about_first(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        soir = LUNDI_9H.replace(hour=18)
        with pytest.raises(AvertissementRequis) as refus:
            await deplace(outils, service, rdv.id, soir, guichet_id=service.guichets[0])
        codes = frozenset(alerte["code"] for alerte in refus.value.details["alertes"])
        arrive = await deplace(outils, service, rdv.id, soir, guichet_id=service.guichets[0], acquittees=codes)
        assert arrive.debut == soir

    async def test_another_service_s_agent_finds_nothing(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        with pytest.raises(Introuvable):
            await deplace(outils, service, rdv.id, DEMAIN_10H, qui="exterieur")
        async with outils.db.read() as conn:
            traces = (await conn.execute(select(Journal.action).where(Journal.rdv_id == rdv.id))).scalars().all()
        assert "rdv.acces_refuse" in traces

    async def test_a_stale_screen_is_a_409(self, outils: Outils, service: MondeService, rdv: RdvReserve) -> None:
        with pytest.raises(Conflit):
            await move(outils, rdv.id, Cible(to_minute(DEMAIN_10H)), agent(service), LUNDI_9H, revision=7)

    async def test_a_cancelled_one_is_irreversible(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        await act(outils, rdv.id, Action.ANNULER, agent(service), LUNDI_9H, raison="empêchement")
        with pytest.raises(TransitionImpossible):
            await deplace(outils, service, rdv.id, DEMAIN_10H)


class TestEnMemeTemps:
    """Two moves, or a move and bookings, for one place: one wins, the others are told, nothing is lost."""

    async def test_many_moves_to_one_place_leave_one_winner(self, outils: Outils, service: MondeService) -> None:
        rdvs = [await rdv_a(outils, service, DIX_HEURES + timedelta(minutes=20 * (i // 2)), i, i % 2) for i in range(6)]
        issues = await asyncio.gather(
            *(deplace(outils, service, r.id, DEMAIN_10H, guichet_id=service.guichets[0]) for r in rdvs),
            return_exceptions=True,
        )
        assert sum(isinstance(i, RdvDeplace) for i in issues) == 1
        assert all(isinstance(i, RdvDeplace | CreneauPris) for i in issues)
        assert (await invariants.check(outils.settings.database_url)).ok

    async def test_crossing_moves_never_deadlock(self, outils: Outils, service: MondeService) -> None:
        """Two RDV go where the other is: at most one is refused, none waits for ever, none is lost."""
        for tour in range(4):
            base = DIX_HEURES + timedelta(days=tour)
            un = await rdv_a(outils, service, base, 10 + tour, 0)
            deux = await rdv_a(outils, service, base, 20 + tour, 1)
            ailleurs = base + timedelta(minutes=20)
            issues = await asyncio.gather(
                deplace(outils, service, un.id, ailleurs, guichet_id=service.guichets[1]),
                deplace(outils, service, deux.id, ailleurs, guichet_id=service.guichets[0]),
                book(
                    outils,
                    demande(
                        service,
                        to_minute(ailleurs),
                        30 + tour,
                        canal="rattache",
                        origine="guichet",
                        guichet_id=service.guichets[tour % 2],
                    ),
                    agent(service),
                    LUNDI_9H,
                ),
                return_exceptions=True,
            )
            assert all(isinstance(i, RdvDeplace | RdvReserve | CreneauPris) for i in issues), issues
        assert (await invariants.check(outils.settings.database_url)).ok
