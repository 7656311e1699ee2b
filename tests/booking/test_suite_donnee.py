"""The suite donnée: once somebody has come, the days after too [A1 §3.2, §4]."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text, update

from app.booking.anonymisation import anonymise_anciens
from app.booking.outils import Auteur, Outils
from app.booking.reserver import book
from app.booking.suite_donnee import record_suite
from app.booking.vie import act, close_jours
from app.domain.horaires import to_minute
from app.domain.rendez_vous import Action
from app.errors import Conflit, Introuvable, SaisieInvalide, TransitionImpossible
from app.tables import RendezVous
from loadtests import invariants
from tests.booking.outillage import demande
from tests.fixtures.donnees import MondeService, build_equipe, build_service

LUNDI_9H = datetime(2027, 2, 1, 9, 0, tzinfo=ZoneInfo("Europe/Paris"))
DEMARCHE = ("demarche", "EC-2027-004512", "Appeler le gestionnaire jeudi")


@pytest.fixture
async def service(outils: Outils) -> MondeService:
    async with outils.db.engine.begin() as conn:
        return await build_equipe(conn, await build_service(conn))


def agent(service: MondeService, nom: str = "agent") -> Auteur:
    return Auteur("agent", agent_id=service.agents[nom])


@pytest.fixture
async def rdv(outils: Outils, service: MondeService) -> int:
    """Today at 10:20, not come yet."""
    heure = LUNDI_9H.replace(hour=10, minute=20)
    voulu = demande(service, to_minute(heure), canal="rattache", origine="guichet", guichet_id=service.guichets[0])
    return (await book(outils, voulu, agent(service), LUNDI_9H)).id


async def receive(outils: Outils, service: MondeService, rdv: int) -> None:
    for action in (Action.MARQUER_ARRIVEE, Action.APPELER, Action.RECEVOIR):
        await act(outils, rdv, action, agent(service, "box"), LUNDI_9H)


async def scalar(outils: Outils, requete: str, **parametres: Any) -> Any:
    async with outils.db.read() as conn:
        return (await conn.execute(text(requete), parametres)).scalar()


class TestNoter:
    async def test_it_is_written_journaled_and_announced(self, outils: Outils, service: MondeService, rdv: int) -> None:
        await receive(outils, service, rdv)
        notee = await record_suite(outils, rdv, *DEMARCHE, agent(service, "box"), LUNDI_9H, revision=4)
        assert (notee.etat, notee.revision, notee.change) == ("recu", 5, True)
        ligne = "SELECT (nature, reference, note)::text FROM suite WHERE rdv_id = :r"
        assert await scalar(outils, ligne, r=rdv) == '(demarche,EC-2027-004512,"Appeler le gestionnaire jeudi")'
        apres = await scalar(outils, "SELECT apres FROM journal WHERE action = 'rdv.modifie'")
        assert apres == {"suite": notee.id, "nature": "demarche"}
        assert (await invariants.check(outils.settings.database_url)).ok

    async def test_it_may_come_days_after_when_presence_is_frozen(
        self, outils: Outils, service: MondeService, rdv: int
    ) -> None:
        await receive(outils, service, rdv)
        await close_jours(outils, LUNDI_9H + timedelta(days=1))
        vendredi = LUNDI_9H + timedelta(days=4)
        with pytest.raises(TransitionImpossible):
            await act(outils, rdv, Action.ANNULER_ARRIVEE, agent(service), vendredi)
        notee = await record_suite(outils, rdv, "sans_suite", "", "", agent(service), vendredi)
        assert notee.etat == "termine"

    async def test_a_visit_may_have_several_and_a_double_click_is_one(
        self, outils: Outils, service: MondeService, rdv: int
    ) -> None:
        await receive(outils, service, rdv)
        qui = agent(service)
        await record_suite(outils, rdv, *DEMARCHE, qui, LUNDI_9H, revision=4)
        encore = await record_suite(outils, rdv, *DEMARCHE, qui, LUNDI_9H, revision=4)
        assert (encore.change, encore.revision) == (False, 5)
        await record_suite(outils, rdv, "fiche_visite", "", "", qui, LUNDI_9H, revision=5)
        assert await scalar(outils, "SELECT count(*) FROM suite WHERE rdv_id = :r", r=rdv) == 2


class TestRefuser:
    @pytest.mark.parametrize(
        ("nature", "reference", "note", "champ"),
        [
            ("", "", "", "nature"),
            ("autre", "", "", "nature"),
            ("demarche", " ", "", "reference"),
            ("demarche", "x" * 61, "", "reference"),
            ("sans_suite", "EC-1", "", "reference"),
            ("sans_suite", "", "\u202e", "note"),
            ("fiche_visite", "", "x" * 1001, "note"),
        ],
        ids=["vide", "inconnue", "sans reference", "longue", "de trop", "bidi", "note longue"],
    )
    async def test_a_wrong_field_is_named(
        self, outils: Outils, service: MondeService, rdv: int, nature: str, reference: str, note: str, champ: str
    ) -> None:
        await receive(outils, service, rdv)
        with pytest.raises(SaisieInvalide) as refus:
            await record_suite(outils, rdv, nature, reference, note, agent(service), LUNDI_9H)
        assert list(refus.value.champs) == [champ]
        assert await scalar(outils, "SELECT count(*) FROM suite") == 0

    async def test_nothing_follows_while_nobody_has_come(self, outils: Outils, service: MondeService, rdv: int) -> None:
        with pytest.raises(TransitionImpossible, match="n’a pas commencé"):
            await record_suite(outils, rdv, *DEMARCHE, agent(service), LUNDI_9H)

    async def test_a_stale_revision(self, outils: Outils, service: MondeService, rdv: int) -> None:
        await receive(outils, service, rdv)
        with pytest.raises(Conflit):
            await record_suite(outils, rdv, *DEMARCHE, agent(service), LUNDI_9H, revision=3)

    @pytest.mark.parametrize("qui", ["exterieur", "pilote", "national"])
    async def test_out_of_the_zone_it_does_not_exist(
        self, outils: Outils, service: MondeService, rdv: int, qui: str
    ) -> None:
        await receive(outils, service, rdv)
        with pytest.raises(Introuvable):
            await record_suite(outils, rdv, *DEMARCHE, agent(service, qui), LUNDI_9H)
        refus = "SELECT agent_id FROM journal WHERE action = 'rdv.acces_refuse'"
        assert await scalar(outils, refus) == service.agents[qui]

    async def test_who_entrusted_it_reads_and_does_not_write(
        self, outils: Outils, service: MondeService, rdv: int
    ) -> None:
        await receive(outils, service, rdv)
        async with outils.db.engine.begin() as conn:
            confiant = await build_equipe(conn, await build_service(conn, sages="5800999"), "-2")
            await conn.execute(update(RendezVous).values(service_origine_id=confiant.id))
        with pytest.raises(Introuvable):
            await record_suite(outils, rdv, *DEMARCHE, agent(confiant), LUNDI_9H)


class TestAnonymisation:
    async def test_what_names_somebody_is_erased_and_the_figures_stay(
        self, outils: Outils, service: MondeService, rdv: int
    ) -> None:
        await receive(outils, service, rdv)
        await record_suite(outils, rdv, *DEMARCHE, agent(service), LUNDI_9H)
        assert await anonymise_anciens(outils, LUNDI_9H + timedelta(days=4000)) == 1
        ligne = "SELECT (nature, reference, note)::text FROM suite WHERE rdv_id = :r"
        assert await scalar(outils, ligne, r=rdv) == '(demarche,"","")'
