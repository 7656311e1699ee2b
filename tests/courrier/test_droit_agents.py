"""A mail to an agent leaves only to who may still read it, where he reads it, at the moment of sending (G 2.3.3)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, select, text, update

from app import clock
from app.booking.affecter import assign
from app.booking.deplacer import Cible, move
from app.booking.outils import Outils
from app.courrier import file_attente
from app.courrier.envoi import Facteur
from app.courrier.resume import DROIT_RETIRE
from app.domain.horaires import to_minute
from app.tables import Courrier
from tests.booking.test_modifier import LUNDI_9H, VENDREDI_10H, agent, reserver
from tests.courrier.poste import Poste
from tests.fixtures.donnees import MondeService, build_equipe, build_service

BOX = "box@dgfip.test"
PERDRE = {
    "suspendu": "UPDATE agent SET suspendu_a = now() WHERE id = :a",
    "detache": "DELETE FROM rattachement WHERE agent_id = :a",
    "sans-habilitation": "DELETE FROM habilitation WHERE agent_id = :a",
    "autre-adresse": "UPDATE agent SET courriel = 'autre@dgfip.test' WHERE id = :a",
}


@pytest.fixture
def lundi() -> Iterator[None]:
    """The clock of this process says Monday at nine."""
    avant = clock.now() - datetime.now(UTC)
    clock.shift(LUNDI_9H - clock.now())
    yield
    clock.shift(avant - (clock.now() - datetime.now(UTC)))  # an hour may have passed meanwhile: see ``tell``


@pytest.fixture
async def service(outils: Outils) -> MondeService:
    async with outils.db.engine.begin() as conn:
        return await build_equipe(conn, await build_service(conn))


async def tell(outils: Outils, service: MondeService, evenement: str) -> int:
    """One mail of that event waits for « box »; the server has been away for an hour."""
    rdv = (await reserver(outils, service)).id
    await assign(outils, rdv, {service.agents["box"]}, agent(service, "chef"), LUNDI_9H, revision=1)
    if evenement == "affectation":
        vers = Cible(to_minute(VENDREDI_10H) + 60, guichet_id=service.guichets[1])
        await move(outils, rdv, vers, agent(service), LUNDI_9H)
    async with outils.db.engine.begin() as conn:
        autres = update(Courrier).where(Courrier.evenement != evenement).values(envoye_a=LUNDI_9H)
        await conn.execute(autres)
    clock.shift(timedelta(hours=1))
    return rdv


async def send(outils: Outils, poste: Poste) -> list[tuple[str, ...]]:
    """To whom mails left."""
    await Facteur(outils.db, poste.url, "ne-pas-repondre@rdv.example.fr", attente_s=0.05).run_once()
    return [recu.pour for recu in poste.recus]


async def read_row(outils: Outils, rdv: int, evenement: str) -> Any:
    async with outils.db.read() as conn:
        requete = select(Courrier.__table__).where(Courrier.rdv_id == rdv, Courrier.evenement == evenement)
        return (await conn.execute(requete)).one()


@pytest.mark.usefixtures("lundi")
@pytest.mark.parametrize("evenement", ["designation", "affectation"])
class TestAuDepart:
    """The server was away; meanwhile the agent left the service, or changed his address."""

    async def test_who_still_holds_the_agenda_is_told(
        self, outils: Outils, service: MondeService, poste: Poste, evenement: str
    ) -> None:
        rdv = await tell(outils, service, evenement)
        assert await send(outils, poste) == [(BOX,)]
        assert (await read_row(outils, rdv, evenement)).envoye_a is not None

    @pytest.mark.parametrize("perdre", PERDRE.values(), ids=PERDRE)
    async def test_who_holds_it_no_more_or_reads_elsewhere_is_not(
        self, outils: Outils, service: MondeService, poste: Poste, evenement: str, perdre: str
    ) -> None:
        rdv = await tell(outils, service, evenement)
        async with outils.db.engine.begin() as conn:
            await conn.execute(text(perdre), {"a": service.agents["box"]})
        assert await send(outils, poste) == []
        ligne = await read_row(outils, rdv, evenement)
        assert ligne.abandonne_a is not None
        assert ligne.erreur == DROIT_RETIRE

    async def test_it_is_asked_in_the_query_that_reads_the_rdv(
        self, outils: Outils, service: MondeService, evenement: str
    ) -> None:
        await tell(outils, service, evenement)
        async with outils.db.engine.begin() as conn:
            (pli,) = await file_attente.claim(conn, clock.now(), limite=10, bail=timedelta(minutes=1))
        ordres: list[str] = []

        def note(conn: Any, cursor: Any, ordre: str, *reste: Any) -> None:
            ordres.append(ordre)

        event.listen(outils.db.engine.sync_engine, "before_cursor_execute", note)
        try:
            async with outils.db.read() as conn:
                situation = await file_attente.read_situation(conn, pli)
        finally:
            event.remove(outils.db.engine.sync_engine, "before_cursor_execute", note)
        assert situation is not None
        assert situation.permis
        assert len(ordres) == 1
