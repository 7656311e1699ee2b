"""« Rights are in the query »: a booking for an agent asks the database whether he may, up to its last statement."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest
from sqlalchemy import func, select, text, true

from app import clock
from app.booking import droits, jugement, reserver
from app.booking.options import place_option
from app.booking.outils import Auteur, Outils
from app.booking.reserver import RdvReserve, book, preview
from app.errors import AccesRefuse, CreneauPris
from app.tables import Journal, RdvUsager, RendezVous
from tests.booking.outillage import USAGER, creneaux_libres, demande
from tests.fixtures.donnees import MondeService, build_equipe, build_service

REFUS = select(Journal.action, Journal.agent_id, Journal.service_id, Journal.apres).where(
    Journal.action == "service.acces_refuse"
)


@pytest.fixture
async def service(outils: Outils) -> MondeService:
    async with outils.db.engine.begin() as conn:
        return await build_equipe(conn, await build_service(conn))


async def book_as(outils: Outils, service: MondeService, nom: str | None, canal: str, **plus: Any) -> RdvReserve:
    """Book the first créneau of the channel as one of the service's people, or as nobody."""
    debut = plus.pop("debut", None) or (await creneaux_libres(outils, service, canal=canal))[0].debut
    auteur = Auteur("agent", agent_id=service.agents[nom]) if nom else USAGER
    return await book(outils, demande(service, debut, canal=canal, origine="telephone", **plus), auteur, clock.now())


async def count(outils: Outils, table: Any) -> int:
    async with outils.db.read() as conn:
        return int((await conn.execute(select(func.count()).select_from(table))).scalar_one())


async def execute(outils: Outils, ordre: str, **valeurs: Any) -> None:
    async with outils.db.engine.begin() as conn:
        await conn.execute(text(ordre), valeurs)


def withdraw_after_judgement(monkeypatch: pytest.MonkeyPatch, withdraw: Callable[[], Awaitable[None]]) -> None:
    """Between the rules and the transaction, somebody withdraws the right."""
    vrai = jugement.judge

    async def judge_then_withdraw(*args: Any, **plus: Any) -> Any:
        projet = await vrai(*args, **plus)
        await withdraw()
        return projet

    monkeypatch.setattr(reserver, "judge", judge_then_withdraw)


class TestCanal:
    """Annexe 1, summary table, « Qui »: the channel that a caller claims is checked by the database."""

    @pytest.mark.parametrize("nom", ["agent", "box", "orientation", "chef"])
    async def test_the_people_of_the_service_book_in_its_agenda(
        self, outils: Outils, service: MondeService, nom: str
    ) -> None:
        assert (await book_as(outils, service, nom, "rattache")).code

    @pytest.mark.parametrize("nom", ["exterieur", "pilote", "national", None])
    async def test_nobody_else_does_whatever_the_caller_says(
        self, outils: Outils, service: MondeService, nom: str | None
    ) -> None:
        with pytest.raises(AccesRefuse):
            await book_as(outils, service, nom, "rattache")
        assert await count(outils, RendezVous) == 0
        async with outils.db.read() as conn:
            _, agent_id, service_id, apres = (await conn.execute(REFUS)).one()
        assert (agent_id, service_id) == (service.agents[nom] if nom else None, service.id)
        assert apres == {"action": "reserver", "canal": "rattache"}

    @pytest.mark.parametrize("nom", ["exterieur", "agent", "national"])
    async def test_any_agent_who_manages_rendez_vous_books_as_an_external(
        self, outils: Outils, service: MondeService, nom: str
    ) -> None:
        assert (await book_as(outils, service, nom, "exterieur")).code

    @pytest.mark.parametrize("nom", ["pilote", None])
    async def test_pilotage_alone_and_nobody_do_not(
        self, outils: Outils, service: MondeService, nom: str | None
    ) -> None:
        with pytest.raises(AccesRefuse):
            await book_as(outils, service, nom, "exterieur")

    async def test_a_suspended_agent_books_nowhere(self, outils: Outils, service: MondeService) -> None:
        await execute(outils, "UPDATE agent SET suspendu_a = now()")
        for nom, canal in (("exterieur", "exterieur"), ("agent", "rattache")):
            with pytest.raises(AccesRefuse):
                await book_as(outils, service, nom, canal)

    async def test_an_usager_needs_no_right(self, outils: Outils, service: MondeService) -> None:
        assert (await book_as(outils, service, None, "internet")).code


class TestRetire:
    """A right lost is lost at the next statement, even in the middle of a booking."""

    @pytest.mark.parametrize(
        ("nom", "canal", "ordre"),
        [
            ("agent", "rattache", "DELETE FROM rattachement"),
            ("agent", "rattache", "DELETE FROM habilitation"),
            ("exterieur", "exterieur", "DELETE FROM habilitation"),
            ("exterieur", "exterieur", "UPDATE agent SET suspendu_a = now()"),
        ],
    )
    async def test_withdrawn_between_judgement_and_commit_it_books_nothing_and_is_journaled(
        self,
        outils: Outils,
        service: MondeService,
        monkeypatch: pytest.MonkeyPatch,
        nom: str,
        canal: str,
        ordre: str,
    ) -> None:
        withdraw_after_judgement(monkeypatch, lambda: execute(outils, ordre))
        with pytest.raises(AccesRefuse):
            await book_as(outils, service, nom, canal)
        assert (await count(outils, RendezVous), await count(outils, RdvUsager)) == (0, 0)
        async with outils.db.read() as conn:
            assert (await conn.execute(REFUS)).one().agent_id == service.agents[nom]
            assert (await conn.execute(text("SELECT count(*) FROM outbox"))).scalar() == 0

    async def test_without_the_condition_the_same_booking_goes_through(
        self, outils: Outils, service: MondeService, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Negative control: the statement's own condition is what refuses it."""
        monkeypatch.setitem(cast(Any, droits.RESERVER), "rattache", true())
        withdraw_after_judgement(monkeypatch, lambda: execute(outils, "DELETE FROM rattachement"))
        assert (await book_as(outils, service, "agent", "rattache")).code

    async def test_a_key_used_again_after_it_tells_nothing(self, outils: Outils, service: MondeService) -> None:
        rdv = await book_as(outils, service, "agent", "rattache", cle="la-meme-cle")
        await execute(outils, "DELETE FROM rattachement")
        with pytest.raises(AccesRefuse):
            await book_as(outils, service, "agent", "rattache", cle="la-meme-cle")
        assert rdv.code


class TestOccupe:
    """What an attached agent is told of a guichet that was taken before he asked."""

    async def take(self, outils: Outils, service: MondeService, debut: int, **plus: Any) -> RdvReserve:
        return await book_as(outils, service, "agent", "rattache", debut=debut, guichet_id=service.guichets[0], **plus)

    async def test_it_says_from_when_to_when_and_by_whom_with_alternatives(
        self, outils: Outils, service: MondeService
    ) -> None:
        debut = (await creneaux_libres(outils, service))[0].debut
        rdv = await self.take(outils, service, debut)
        with pytest.raises(CreneauPris) as refus:
            await self.take(outils, service, debut)
        assert refus.value.phrase == "Ce guichet est déjà occupé de 08:00 à 08:20 (Madame VALENTON1)."
        assert refus.value.details["alternatives"]
        async with outils.db.read() as conn:
            lues = (await conn.execute(select(Journal.rdv_id).where(Journal.action == "rdv.lu"))).scalars().all()
        assert lues == [rdv.id], "naming the person is reading the rendez-vous"

    async def test_several_are_enumerated(self, outils: Outils, service: MondeService) -> None:
        libres = await creneaux_libres(outils, service)
        for libre in libres[:2]:
            await self.take(outils, service, libre.debut)
        with pytest.raises(CreneauPris) as refus:
            await self.take(outils, service, libres[0].debut, duree=40, acquittees=frozenset({"duree_modifiee"}))
        assert "de 08:00 à 08:20 (Madame VALENTON1) et de 08:20 à 08:40 (Madame VALENTON1)." in refus.value.phrase

    async def test_a_hold_is_a_reservation_in_progress(self, outils: Outils, service: MondeService) -> None:
        debut = (await creneaux_libres(outils, service))[0].debut
        for visite in ("a", "b"):
            await place_option(
                outils,
                service_id=service.id,
                motif_id=service.motifs[0],
                type_rdv="guichet",
                debut=debut,
                visite=visite * 43,
                maintenant=clock.now(),
            )
        with pytest.raises(CreneauPris) as refus:
            await self.take(outils, service, debut)
        assert refus.value.phrase == "Ce guichet est déjà occupé de 08:00 à 08:20 (réservation en cours)."

    async def test_preview_says_the_same_and_books_nothing(self, outils: Outils, service: MondeService) -> None:
        debut = (await creneaux_libres(outils, service))[0].debut
        await self.take(outils, service, debut)
        voulu = demande(service, debut, canal="rattache", guichet_id=service.guichets[0])
        auteur = Auteur("agent", agent_id=service.agents["agent"])
        with pytest.raises(CreneauPris, match="déjà occupé"):
            await preview(outils, voulu, auteur, clock.now())
        libre = demande(service, debut + 1, canal="rattache", guichet_id=service.guichets[1], duree=30)
        assert [a["code"] for a in await preview(outils, libre, auteur, clock.now())] == ["duree_modifiee"]
        assert await count(outils, RendezVous) == 1

    async def test_a_race_lost_says_that_it_has_just_been_taken(
        self, outils: Outils, service: MondeService, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        debut = (await creneaux_libres(outils, service))[0].debut
        vrai, faits = jugement.judge, 0

        async def judge_then_lose(*args: Any, **plus: Any) -> Any:
            nonlocal faits
            projet = await vrai(*args, **plus)
            faits += 1
            if faits == 1:
                await self.take(outils, service, debut)
            return projet

        monkeypatch.setattr(reserver, "judge", judge_then_lose)
        with pytest.raises(CreneauPris) as refus:
            await self.take(outils, service, debut)
        assert refus.value.phrase == "Ce créneau vient d’être pris."
        assert refus.value.details["alternatives"]

    async def test_others_learn_nothing_of_who_is_there(self, outils: Outils, service: MondeService) -> None:
        debut = (await creneaux_libres(outils, service))[0].debut
        for _ in service.guichets:
            await book_as(outils, service, "exterieur", "exterieur", debut=debut)
        for nom, canal in (("exterieur", "exterieur"), (None, "internet")):
            with pytest.raises(CreneauPris) as refus:
                await book_as(outils, service, nom, canal, debut=debut)
            assert refus.value.phrase == "Ce créneau vient d’être pris."
