"""Moving a RDV to the service that receives it by delegation, and back: one fact for both services [G 2.3.5]."""

from __future__ import annotations

import asyncio
import json
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, select, text, update

from app.booking.deplacer import Cible, RdvDeplace, move
from app.booking.jugement import judge
from app.booking.options import OptionPosee, place_option
from app.booking.outils import Auteur, Outils
from app.booking.quota import check_quota
from app.booking.reserver import RdvReserve, book
from app.booking.titres import ParDroit
from app.booking.vie import act
from app.domain.horaires import to_minute
from app.domain.rendez_vous import Action
from app.errors import Conflit, CreneauPris, Interdit, Introuvable, RegleRefusee
from app.tables import (
    CompteurJour,
    Courrier,
    Delegation,
    Guichet,
    GuichetAgent,
    Journal,
    MotifService,
    Outbox,
    Passage,
    RendezVous,
    ServiceFiscal,
)
from loadtests import invariants
from tests.booking.outillage import demande
from tests.fixtures.donnees import MondeService, build_equipe, build_service

PARIS = ZoneInfo("Europe/Paris")
LUNDI_9H = datetime(2027, 2, 1, 9, 0, tzinfo=PARIS)
#: What a usager may have from Monday on.
JEUDI_10H = datetime(2027, 2, 4, 10, 0, tzinfo=PARIS)
MARDI_10H = datetime(2027, 2, 2, 10, 0, tzinfo=PARIS)


class Deux:
    """A service that delegates (A) and one that receives (B), the delegation between them."""

    def __init__(self, outils: Outils, a: MondeService, b: MondeService, delegation: int) -> None:
        self.outils, self.a, self.b, self.delegation = outils, a, b, delegation

    def auteur(self, service: MondeService, nom: str = "agent") -> Auteur:
        return Auteur("agent", agent_id=service.agents[nom])

    async def rdv(self, heure: datetime, rang: int = 1, guichet: int = 0, **plus: Any) -> RdvReserve:
        """A RDV of A, taken by its agent."""
        voulu = demande(
            self.a,
            to_minute(heure),
            rang,
            canal="rattache",
            origine="guichet",
            guichet_id=self.a.guichets[guichet],
            **plus,
        )
        return await book(self.outils, voulu, self.auteur(self.a), LUNDI_9H)

    async def send(self, rdv_id: int, vers: datetime, guichet: int | None = 0, **plus: Any) -> RdvDeplace:
        """Send it to B by the delegation."""
        g = None if guichet is None else self.b.guichets[guichet]
        qui = plus.pop("qui", self.auteur(self.a))
        return await move(
            self.outils, rdv_id, Cible(to_minute(vers), g, delegation_id=self.delegation, **plus), qui, LUNDI_9H
        )

    async def bring_back(self, rdv_id: int, vers: datetime, guichet: int = 0, qui: Auteur | None = None) -> RdvDeplace:
        cible = Cible(to_minute(vers), self.a.guichets[guichet], service_id=self.a.id)
        return await move(self.outils, rdv_id, cible, qui or self.auteur(self.a), LUNDI_9H)

    async def change(self, table: Any, *criteres: Any, **valeurs: Any) -> None:
        """Change the organisation, announced to both."""
        async with self.outils.db.engine.begin() as conn:
            await conn.execute(update(table).where(*criteres).values(**valeurs))
            await conn.execute(text("UPDATE agenda SET version_planning = version_planning + 1"))

    async def row(self, rdv_id: int) -> Any:
        async with self.outils.db.read() as conn:
            return (await conn.execute(select(RendezVous).where(RendezVous.id == rdv_id))).one()

    async def count(self, jour: date) -> int:
        """What the delegation occupies that day."""
        async with self.outils.db.read() as conn:
            return int(
                (
                    await conn.execute(
                        text("SELECT count(*) FROM rendez_vous WHERE delegation_id = :d AND jour = :j AND occupe"),
                        {"d": self.delegation, "j": jour},
                    )
                ).scalar_one()
            )


async def build_deux(outils: Outils) -> Deux:
    """Both services, their teams, the delegation accepted."""
    async with outils.db.engine.begin() as conn:
        a = await build_equipe(conn, await build_service(conn))
        b = await build_equipe(
            conn,
            await build_service(conn, sages="5800451", libelle="SIP DE COSNE", en_ligne=False),
            "-b",
        )
        ident = await conn.execute(
            insert(Delegation)
            .values(
                service_id=a.id,
                service_delegue_id=b.id,
                motifs=[a.motifs[0]],
                du=date(2027, 2, 1),
                au=date(2027, 2, 26),
                etat="acceptee",
                cree_a=LUNDI_9H,
            )
            .returning(Delegation.id)
        )
        await conn.execute(text("UPDATE agenda SET version_planning = version_planning + 1"))
        return Deux(outils, a, b, ident.scalar_one())


@pytest.fixture
async def deux(outils: Outils) -> Deux:
    return await build_deux(outils)


async def organise(deux: Deux, rdv_id: int, cible: Cible, qui: str) -> RdvDeplace:
    """Move it by the right to organise its home."""
    auteur, titre = deux.auteur(deux.a, qui), ParDroit(deux.a.agents[qui], "organiser")
    return await move(deux.outils, rdv_id, cible, auteur, LUNDI_9H, titre=titre)


class TestConfier:
    """The RDV is of the other service, and still the first one's: counters, screens, mails and journal say so."""

    async def test_both_services_hear_of_it_and_only_one_counts_it(self, deux: Deux) -> None:
        rdv = await deux.rdv(MARDI_10H)
        arrive = await deux.send(rdv.id, JEUDI_10H)
        assert (arrive.service_id, arrive.guichet_id, arrive.debut) == (deux.b.id, deux.b.guichets[0], JEUDI_10H)
        ligne = await deux.row(rdv.id)
        assert (ligne.service_id, ligne.service_origine_id, ligne.delegation_id) == (
            deux.b.id,
            deux.a.id,
            deux.delegation,
        )
        assert (ligne.code, ligne.sequence, ligne.revision) == (rdv.code, 1, 2)
        async with deux.outils.db.read() as conn:
            trames = [json.loads(t) for t in (await conn.execute(select(Outbox.trame).order_by(Outbox.id))).scalars()]
            comptes = (
                await conn.execute(
                    select(CompteurJour.service_id, CompteurJour.jour, CompteurJour.nombre).where(
                        CompteurJour.nombre != 0
                    )
                )
            ).all()
            trace = (await conn.execute(select(Journal).where(Journal.action == "rdv.replanifie"))).one()
            message = (
                await conn.execute(select(Courrier.donnees).where(Courrier.evenement == "deplacement"))
            ).scalar_one()
        assert [tuple(c) for c in comptes] == [(deux.b.id, JEUDI_10H.date(), 1)]
        replanifiees = [t for t in trames if t["type"] == "rdv.replanifie"]
        assert {t["sujet"] for t in replanifiees} == {f"service:{deux.a.id}", f"service:{deux.b.id}"}
        assert all(t["avant"]["guichet"] == deux.a.guichets[0] for t in replanifiees)
        assert {(t["type"], t["sujet"]) for t in trames if t["type"].startswith("creneau.")} >= {
            ("creneau.libre", f"creneaux:{deux.a.id}"),
            ("creneau.pris", f"creneaux:{deux.b.id}"),
        }
        assert (trace.avant["service"], trace.apres["service"]) == (deux.a.id, deux.b.id)
        assert (trace.avant["delegation"], trace.apres["delegation"]) == (None, deux.delegation)
        assert message["service_libelle"] == "SIP DE COSNE"
        assert message["sequence"] == 1
        assert (await invariants.check(deux.outils.settings.database_url)).ok

    async def test_asked_twice_it_moves_once(self, deux: Deux) -> None:
        rdv = await deux.rdv(MARDI_10H)
        await deux.send(rdv.id, JEUDI_10H)
        encore = await deux.send(rdv.id, JEUDI_10H)
        assert not encore.change
        assert (await deux.row(rdv.id)).sequence == 1

    async def test_back_home_nothing_is_left_of_the_delegation(self, deux: Deux) -> None:
        rdv = await deux.rdv(MARDI_10H)
        await deux.send(rdv.id, JEUDI_10H)
        retour = await deux.bring_back(rdv.id, MARDI_10H, guichet=1)
        assert (retour.service_id, retour.guichet_id) == (deux.a.id, deux.a.guichets[1])
        ligne = await deux.row(rdv.id)
        assert (ligne.service_origine_id, ligne.delegation_id, ligne.sequence) == (None, None, 2)
        assert await deux.count(JEUDI_10H.date()) == 0
        async with deux.outils.db.read() as conn:
            trames = [json.loads(t) for t in (await conn.execute(select(Outbox.trame))).scalars()]
        libres = {t["sujet"] for t in trames if t["type"] == "creneau.libre" and t["guichet"] == deux.b.guichets[0]}
        assert libres == {f"creneaux:{deux.a.id}", f"creneaux:{deux.b.id}"}
        assert (await invariants.check(deux.outils.settings.database_url)).ok

    async def test_its_length_is_that_of_its_home_and_stays_so(self, deux: Deux) -> None:
        await deux.change(MotifService, MotifService.motif_id == deux.a.motifs[0], duree_minutes=40)
        rdv = await deux.rdv(MARDI_10H)
        arrive = await deux.send(rdv.id, JEUDI_10H)
        assert arrive.fin - arrive.debut == timedelta(minutes=40)
        plus_tard = Cible(to_minute(JEUDI_10H + timedelta(hours=1)), deux.b.guichets[1])
        deplace = await move(deux.outils, rdv.id, plus_tard, deux.auteur(deux.b), LUNDI_9H)
        assert deplace.fin - deplace.debut == timedelta(minutes=40)
        ligne = await deux.row(rdv.id)
        assert "duree_modifiee" not in ligne.forcages
        assert ligne.delegation_id == deux.delegation

    async def test_the_agents_of_both_guichets_are_told(self, deux: Deux) -> None:
        async with deux.outils.db.engine.begin() as conn:
            for service, qui in ((deux.a, "box"), (deux.b, "box")):
                await conn.execute(
                    insert(GuichetAgent).values(guichet_id=service.guichets[0], agent_id=service.agents[qui])
                )
            await conn.execute(text("UPDATE agenda SET version_planning = version_planning + 1"))
        rdv = await deux.rdv(MARDI_10H)
        await deux.send(rdv.id, JEUDI_10H)
        async with deux.outils.db.read() as conn:
            mails = await conn.execute(
                select(Courrier.destinataire, Courrier.donnees)
                .where(Courrier.evenement == "affectation")
                .order_by(Courrier.id)
            )
            recus = [(d, donnees["fait"], donnees["guichet_nom"]) for d, donnees in mails]
        assert recus[0][:2] == ("box@dgfip.test", "pris")
        assert sorted(recus[1:]) == [
            ("box-b@dgfip.test", "pris", "Guichet 1, SIP DE COSNE"),
            ("box@dgfip.test", "parti", "Guichet 1, SIP DE COSNE"),
        ]

    async def test_somebody_here_already_goes_nowhere_else(self, deux: Deux) -> None:
        rdv = await deux.rdv(LUNDI_9H.replace(hour=10))
        await act(deux.outils, rdv.id, Action.MARQUER_ARRIVEE, deux.auteur(deux.a, "orientation"), LUNDI_9H)
        with pytest.raises(RegleRefusee, match="déjà sur place"):
            await deux.send(rdv.id, JEUDI_10H)
        async with deux.outils.db.read() as conn:
            assert (await conn.execute(select(Passage.service_id))).scalar_one() == deux.a.id


class TestQui:
    """Its home decides of the journey; inside the service that receives, that service does. Asked in the query."""

    async def test_who_receives_moves_it_at_home_but_does_not_send_it_back(self, deux: Deux) -> None:
        rdv = await deux.rdv(MARDI_10H)
        await deux.send(rdv.id, JEUDI_10H)
        with pytest.raises(Introuvable):
            await deux.bring_back(rdv.id, MARDI_10H, qui=deux.auteur(deux.b))
        cible = Cible(to_minute(JEUDI_10H), deux.b.guichets[1])
        await move(deux.outils, rdv.id, cible, deux.auteur(deux.b), LUNDI_9H)
        with pytest.raises(Introuvable):  # nor does its home move it about over there
            await move(
                deux.outils, rdv.id, Cible(to_minute(JEUDI_10H), deux.b.guichets[0]), deux.auteur(deux.a), LUNDI_9H
            )

    async def test_who_receives_sends_nothing_to_itself(self, deux: Deux) -> None:
        rdv = await deux.rdv(MARDI_10H)
        with pytest.raises(Introuvable):
            await deux.send(rdv.id, JEUDI_10H, qui=deux.auteur(deux.b))
        async with deux.outils.db.read() as conn:
            traces = (await conn.execute(select(Journal.action).where(Journal.rdv_id == rdv.id))).scalars().all()
        assert "rdv.acces_refuse" in traces

    async def test_who_organises_its_home_may_send_it(self, deux: Deux) -> None:
        rdv = await deux.rdv(MARDI_10H)
        cible = Cible(to_minute(JEUDI_10H), deux.b.guichets[0], delegation_id=deux.delegation)
        for qui, issue in (("agent", Introuvable), ("pilote", Introuvable)):
            with pytest.raises(issue):
                await organise(deux, rdv.id, cible, qui)
        assert (await organise(deux, rdv.id, cible, "chef")).change

    async def test_it_goes_to_no_other_service_than_its_home(self, deux: Deux) -> None:
        rdv = await deux.rdv(MARDI_10H)
        cible = Cible(to_minute(JEUDI_10H), deux.b.guichets[0], service_id=deux.b.id)
        with pytest.raises(Introuvable):
            await move(deux.outils, rdv.id, cible, deux.auteur(deux.a), LUNDI_9H)


class TestRegles:
    """Over there, the rules that an usager would meet; nothing can be forced from outside."""

    @pytest.mark.parametrize(
        ("vers", "guichet"),
        [
            (JEUDI_10H - timedelta(days=1), 0),  # before the delay of usagers
            (JEUDI_10H.replace(hour=18), 0),  # outside the plages
            (JEUDI_10H + timedelta(minutes=7), 0),  # off the grid
            (datetime(2027, 3, 1, 10, 0, tzinfo=PARIS), 0),  # after the delegation
        ],
    )
    async def test_an_hour_that_is_not_offered_is_refused_even_acknowledged(
        self, deux: Deux, vers: datetime, guichet: int
    ) -> None:
        rdv = await deux.rdv(MARDI_10H)
        with pytest.raises(RegleRefusee):
            await deux.send(rdv.id, vers, guichet, acquittees=frozenset({"hors_plage", "duree_modifiee"}))
        assert (await deux.row(rdv.id)).service_id == deux.a.id

    @pytest.mark.parametrize("restriction", [{"canaux": ["rattache"]}, {"motifs": []}, {"types": ["telephone"]}])
    async def test_a_guichet_that_usagers_could_not_have_is_refused(
        self, deux: Deux, restriction: dict[str, list[Any]]
    ) -> None:
        await deux.change(Guichet, Guichet.service_id == deux.b.id, **restriction)
        rdv = await deux.rdv(MARDI_10H)
        for guichet in (0, None):
            with pytest.raises(RegleRefusee):
                await deux.send(rdv.id, JEUDI_10H, guichet)

    async def test_another_motif_is_not_entrusted(self, deux: Deux) -> None:
        rdv = await deux.rdv(MARDI_10H, motif_id=deux.a.motifs[1])
        with pytest.raises((RegleRefusee, Introuvable)):
            await deux.send(rdv.id, JEUDI_10H)

    async def test_a_length_of_its_own_stays_at_home(self, deux: Deux) -> None:
        rdv = await deux.rdv(MARDI_10H, duree=40, acquittees=frozenset({"duree_modifiee"}))
        with pytest.raises((RegleRefusee, Interdit)):
            await deux.send(rdv.id, JEUDI_10H)

    async def test_other_hours_other_place_are_refused(self, deux: Deux) -> None:
        await deux.change(ServiceFiscal, ServiceFiscal.id == deux.b.id, fuseau="Indian/Reunion")
        rdv = await deux.rdv(MARDI_10H)
        with pytest.raises(RegleRefusee, match="même heure"):
            await deux.send(rdv.id, JEUDI_10H)

    async def test_withdrawn_while_it_was_judged_nothing_goes(
        self, deux: Deux, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rdv = await deux.rdv(MARDI_10H)

        async def judge_then_withdraw(*args: Any, **plus: Any) -> Any:
            projet = await judge(*args, **plus)
            await deux.change(Delegation, Delegation.id == deux.delegation, etat="retiree")
            return projet

        monkeypatch.setattr("app.booking.deplacer.judge", judge_then_withdraw)
        with pytest.raises(RegleRefusee):
            await deux.send(rdv.id, JEUDI_10H)
        assert (await deux.row(rdv.id)).service_id == deux.a.id


class TestQuota:
    """So many a day, counted in the transaction that writes, whoever takes them."""

    async def test_a_full_day_is_a_409_and_what_moves_within_it_counts_once(self, deux: Deux) -> None:
        await deux.change(Delegation, Delegation.id == deux.delegation, quota_jour=1)
        un, autre = await deux.rdv(MARDI_10H, 1, 0), await deux.rdv(MARDI_10H, 2, 1)
        await deux.send(un.id, JEUDI_10H)
        with pytest.raises(CreneauPris) as refus:
            await deux.send(autre.id, JEUDI_10H, 1)
        assert all(c.debut >= to_minute(JEUDI_10H + timedelta(hours=14)) for c in refus.value.details["alternatives"])
        plus_tard = Cible(to_minute(JEUDI_10H + timedelta(hours=1)))
        assert (await move(deux.outils, un.id, plus_tard, deux.auteur(deux.b), LUNDI_9H)).change
        demain = JEUDI_10H + timedelta(days=1)
        await deux.send(autre.id, demain)
        with pytest.raises(CreneauPris):  # nor does a move inside the other service fill another day beyond it
            await move(deux.outils, un.id, Cible(to_minute(demain), deux.b.guichets[1]), deux.auteur(deux.b), LUNDI_9H)

    @pytest.mark.parametrize("compte", [True, False], ids=["counted", "control: not counted"])
    async def test_rivals_never_exceed_it(self, deux: Deux, monkeypatch: pytest.MonkeyPatch, compte: bool) -> None:
        """All are judged while the day is still free, then write together. Without the count, the day overflows."""
        nombre, quota = 4, 2
        await deux.change(Delegation, Delegation.id == deux.delegation, quota_jour=quota)
        rdvs = [await deux.rdv(MARDI_10H + timedelta(minutes=20 * (i // 2)), i, i % 2) for i in range(nombre)]
        barriere = asyncio.Barrier(nombre)

        async def check_together(*args: Any, **plus: Any) -> None:
            await barriere.wait()
            if compte:
                await check_quota(*args, **plus)

        monkeypatch.setattr("app.booking.deplacer.check_quota", check_together)
        issues = await asyncio.gather(
            *(deux.send(r.id, JEUDI_10H + timedelta(minutes=20 * (i // 2)), i % 2) for i, r in enumerate(rdvs)),
            return_exceptions=True,
        )
        assert all(isinstance(i, RdvDeplace | CreneauPris) for i in issues), issues
        pris = await deux.count(JEUDI_10H.date())
        assert sum(isinstance(i, RdvDeplace) for i in issues) == pris
        assert pris == (quota if compte else nombre)

    async def test_the_last_place_goes_to_a_usager_or_to_a_move_never_to_both(self, deux: Deux) -> None:
        await deux.change(Delegation, Delegation.id == deux.delegation, quota_jour=1)
        for tour in range(3):
            jour = JEUDI_10H + timedelta(days=7 * tour)
            rdv = await deux.rdv(MARDI_10H + timedelta(minutes=20 * tour), tour)
            tenue = place_option(
                deux.outils,
                service_id=deux.b.id,
                motif_id=deux.a.motifs[0],
                type_rdv="guichet",
                debut=to_minute(jour),
                visite=f"visite-{tour}",
                maintenant=LUNDI_9H,
                delegation_id=deux.delegation,
            )
            issues = await asyncio.gather(tenue, deux.send(rdv.id, jour, 1), return_exceptions=True)
            assert sum(isinstance(i, RdvDeplace | OptionPosee) for i in issues) == 1, issues
            assert sum(isinstance(i, CreneauPris) for i in issues) == 1, issues
            assert await deux.count(jour.date()) == 1


class TestCroises:
    """One goes, the other comes back: neither waits for ever, none is lost, none is counted twice."""

    async def test_crossing_journeys_never_deadlock(self, deux: Deux) -> None:
        await deux.change(Delegation, Delegation.id == deux.delegation, quota_jour=6)
        for tour in range(4):
            jour = JEUDI_10H + timedelta(days=tour) if tour < 2 else JEUDI_10H + timedelta(days=tour + 2)
            part, revient = await deux.rdv(jour, 10 + tour, 0), await deux.rdv(jour, 20 + tour, 1)
            await deux.send(revient.id, jour, 0)
            issues = await asyncio.gather(
                deux.send(part.id, jour, 0),  # where the other is
                deux.bring_back(revient.id, jour, 0),  # where the first is
                deux.send(part.id, jour, 1),
                move(
                    deux.outils,
                    revient.id,
                    Cible(to_minute(jour + timedelta(minutes=20)), deux.b.guichets[1]),
                    deux.auteur(deux.b),
                    LUNDI_9H,
                ),
                return_exceptions=True,
            )
            assert all(isinstance(i, RdvDeplace | CreneauPris | Conflit | Introuvable) for i in issues), issues
            assert any(isinstance(i, RdvDeplace) for i in issues)
        async with deux.outils.db.read() as conn:
            blocages = (
                await conn.execute(text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"))
            ).scalar_one()
        assert blocages == 0
        assert (await invariants.check(deux.outils.settings.database_url)).ok
