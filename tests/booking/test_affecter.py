"""Agents assigned to a RDV: who holds the agenda, told when they come, when they go, and of what follows [G 2.3.3]."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from sqlalchemy import delete, func, select, text, update

from app.booking.affecter import assign, list_affectables, select_affectes
from app.booking.deplacer import Cible, move
from app.booking.outils import Outils
from app.booking.reserver import RdvReserve
from app.booking.vie import act
from app.courrier.affectation import MessageAffectation, render_affectation
from app.courrier.designation import MessageDesignation, find_obstacle, render_designation
from app.courrier.opportunite import Situation
from app.courrier.rendu import Entete
from app.domain.horaires import to_minute
from app.domain.rendez_vous import Action
from app.errors import Conflit, Introuvable, SaisieInvalide, TransitionImpossible
from app.tables import Affectation, Agent, Avis, Courrier, Journal, Rattachement, RendezVous
from tests.booking.test_modifier import LUNDI_9H, VENDREDI_10H, agent, reserver, scalar
from tests.fixtures.donnees import MondeService, build_equipe, build_service

ENTETE = Entete("Service", "rdv@service.test", "agent@service.test", "<x@service.test>")


@pytest.fixture
async def service(outils: Outils) -> MondeService:
    async with outils.db.engine.begin() as conn:
        return await build_equipe(conn, await build_service(conn))


@pytest.fixture
async def rdv(outils: Outils, service: MondeService) -> RdvReserve:
    """Friday at 10:20."""
    return await reserver(outils, service)


async def affecter(outils: Outils, service: MondeService, rdv_id: int, *noms: str, revision: int = 1) -> Any:
    """The chef assigns those people."""
    ids = {service.agents[nom] for nom in noms}
    return await assign(outils, rdv_id, ids, agent(service, "chef"), LUNDI_9H, revision=revision)


async def mails(outils: Outils, rdv_id: int, evenement: str = "designation") -> list[tuple[str, str]]:
    """(fact, address) of the mails to agents about the RDV, in order."""
    async with outils.db.read() as conn:
        lus = await conn.execute(
            select(Courrier.donnees["fait"].astext, Courrier.destinataire)
            .where(Courrier.rdv_id == rdv_id, Courrier.evenement == evenement)
            .order_by(Courrier.id)
        )
        return [(fait, adresse) for fait, adresse in lus]


async def adresse(outils: Outils, service: MondeService, nom: str) -> str:
    return str(await scalar(outils, select(Agent.courriel).where(Agent.id == service.agents[nom])))


class TestAffecter:
    """The whole list, in one act."""

    async def test_several_agents_are_assigned_and_each_is_told(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        fait = await affecter(outils, service, rdv.id, "agent", "box")
        assert fait.revision == 2
        assert set(fait.ajoutes) == {service.agents["agent"], service.agents["box"]}
        assert await mails(outils, rdv.id) == [
            ("affecte", await adresse(outils, service, nom))
            for nom in sorted(("agent", "box"), key=lambda nom: service.agents[nom])
        ]
        async with outils.db.read() as conn:
            lus = (await conn.execute(select_affectes(rdv.id, service.agents["agent"]))).all()
            assert {lu.id for lu in lus} == {service.agents["agent"], service.agents["box"]}
            assert (await conn.execute(select_affectes(rdv.id, service.agents["exterieur"]))).all() == []

    async def test_who_comes_and_who_goes_are_told_and_who_stays_is_not(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        await affecter(outils, service, rdv.id, "agent", "box")
        deja = len(await mails(outils, rdv.id))
        fait = await affecter(outils, service, rdv.id, "box", "orientation", revision=2)
        assert (fait.ajoutes, fait.retires) == ((service.agents["orientation"],), (service.agents["agent"],))
        assert sorted((await mails(outils, rdv.id))[deja:]) == [
            ("affecte", await adresse(outils, service, "orientation")),
            ("retire", await adresse(outils, service, "agent")),
        ]

    async def test_assigned_again_he_is_told_again(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        for revision, noms in enumerate((("agent",), (), ("agent",)), start=1):
            await affecter(outils, service, rdv.id, *noms, revision=revision)
        assert [fait for fait, _ in await mails(outils, rdv.id)] == ["affecte", "retire", "affecte"]

    async def test_who_assigns_himself_writes_no_mail_to_himself(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        await affecter(outils, service, rdv.id, "chef", "box")
        assert await mails(outils, rdv.id) == [("affecte", await adresse(outils, service, "box"))]

    async def test_the_same_list_writes_nothing(self, outils: Outils, service: MondeService, rdv: RdvReserve) -> None:
        await affecter(outils, service, rdv.id, "agent")
        fait = await affecter(outils, service, rdv.id, "agent", revision=1)  # a double click, stale by now
        assert (fait.change, fait.revision) == (False, 2)
        assert len(await mails(outils, rdv.id)) == 1

    async def test_it_is_journaled_by_ids(self, outils: Outils, service: MondeService, rdv: RdvReserve) -> None:
        await affecter(outils, service, rdv.id, "agent")
        async with outils.db.read() as conn:
            lue = (
                await conn.execute(select(Journal.avant, Journal.apres).where(Journal.action == "rdv.affecte"))
            ).one()
        assert tuple(lue) == ({"agents": []}, {"agents": [service.agents["agent"]]})

    async def test_those_who_may_be_assigned_hold_the_agenda(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        async with outils.db.read() as conn:
            lus = await list_affectables(conn, service.agents["agent"], rdv.id)
            assert await list_affectables(conn, service.agents["exterieur"], rdv.id) == []
        attaches = {service.agents[nom] for nom in ("agent", "orientation", "box", "chef")}
        assert {lu.id for lu in lus} == attaches
        assert not any(lu.affecte for lu in lus)


class TestDroit:
    """Hour, motif and code are told to who may open the fiche, and to nobody else."""

    PERDRE: ClassVar[dict[str, str]] = {
        "suspendu": "UPDATE agent SET suspendu_a = now() WHERE id = :a",
        "detache": "DELETE FROM rattachement WHERE agent_id = :a",
        "sans-habilitation": "DELETE FROM habilitation WHERE agent_id = :a",
        "ni-l-un-ni-l-autre": "WITH r AS (DELETE FROM rattachement WHERE agent_id = :a)"
        " DELETE FROM habilitation WHERE agent_id = :a",
    }

    @pytest.mark.parametrize("perdre", PERDRE.values(), ids=PERDRE)
    async def test_who_may_open_it_no_more_is_removed_and_not_told(
        self, outils: Outils, service: MondeService, rdv: RdvReserve, perdre: str
    ) -> None:
        await affecter(outils, service, rdv.id, "agent", "box")
        deja = len(await mails(outils, rdv.id))
        async with outils.db.engine.begin() as conn:
            await conn.execute(text(perdre), {"a": service.agents["box"]})
        fait = await affecter(outils, service, rdv.id, revision=2)
        assert set(fait.retires) == {service.agents["agent"], service.agents["box"]}
        assert (await mails(outils, rdv.id))[deja:] == [("retire", await adresse(outils, service, "agent"))]
        avis = select(func.count()).where(Avis.agent_id == service.agents["box"], Avis.fait == "retire")
        assert await scalar(outils, avis) == 0

    async def test_who_reads_it_by_the_service_that_entrusted_it_is_told(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        await affecter(outils, service, rdv.id, "box")
        async with outils.db.engine.begin() as conn:
            recoit = await build_equipe(conn, await build_service(conn, sages="5809999"), "-b")
            await conn.execute(text("SET LOCAL session_replication_role = replica"))
            await conn.execute(
                update(RendezVous)
                .where(RendezVous.id == rdv.id)
                .values(
                    service_id=recoit.id,
                    service_origine_id=service.id,
                    guichet_id=recoit.guichets[0],
                    motif_id=recoit.motifs[0],
                )
            )
        await assign(outils, rdv.id, set(), agent(recoit, "chef"), LUNDI_9H, revision=2)
        assert (await mails(outils, rdv.id))[-1] == ("retire", await adresse(outils, service, "box"))
        avis = select(Avis.service_id).where(Avis.agent_id == service.agents["box"], Avis.fait == "retire")
        assert await scalar(outils, avis) == service.id


class TestRefus:
    """Nobody from elsewhere, nothing once it is over."""

    @pytest.mark.parametrize("qui", ["exterieur", "pilote", "national"])
    async def test_an_agent_who_does_not_hold_the_agenda(
        self, outils: Outils, service: MondeService, rdv: RdvReserve, qui: str
    ) -> None:
        with pytest.raises(SaisieInvalide) as refus:
            await affecter(outils, service, rdv.id, "agent", qui)
        assert set(refus.value.champs) == {"agents"}
        assert await mails(outils, rdv.id) == []
        with pytest.raises(Introuvable):
            await assign(outils, rdv.id, set(), agent(service, qui), LUNDI_9H, revision=1)

    async def test_an_unknown_or_suspended_one(self, outils: Outils, service: MondeService, rdv: RdvReserve) -> None:
        async with outils.db.engine.begin() as conn:
            await conn.execute(update(Agent).where(Agent.id == service.agents["box"]).values(suspendu_a=LUNDI_9H))
        for ident in (service.agents["box"], 987_654_321):
            with pytest.raises(SaisieInvalide):
                await assign(outils, rdv.id, {ident}, agent(service), LUNDI_9H, revision=1)

    async def test_one_who_has_lost_the_agenda_is_shown_so_and_may_be_removed(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        await affecter(outils, service, rdv.id, "box")
        async with outils.db.engine.begin() as conn:
            await conn.execute(delete(Rattachement).where(Rattachement.agent_id == service.agents["box"]))
        async with outils.db.read() as conn:
            (lu,) = (await conn.execute(select_affectes(rdv.id, service.agents["agent"]))).all()
        assert not lu.permis
        assert (await affecter(outils, service, rdv.id, revision=2)).retires == (service.agents["box"],)

    @pytest.mark.parametrize("actes", [(Action.ANNULER,), (Action.MARQUER_NON_VENU,)])
    async def test_nothing_once_it_is_over(
        self, outils: Outils, service: MondeService, rdv: RdvReserve, actes: tuple[Action, ...]
    ) -> None:
        for action in actes:
            await act(outils, rdv.id, action, agent(service), VENDREDI_10H + timedelta(hours=1), raison="Empêché")
        with pytest.raises(TransitionImpossible):
            await affecter(outils, service, rdv.id, "agent", revision=2)


class TestEnsemble:
    """Two chefs, one RDV."""

    async def test_of_two_who_assign_together_one_is_told(self, outils: Outils, service: MondeService) -> None:
        for rang in range(1, 6):
            rdv = await reserver(outils, service, rang)
            issues = await asyncio.gather(
                assign(outils, rdv.id, {service.agents["box"]}, agent(service), LUNDI_9H, revision=1),
                assign(outils, rdv.id, {service.agents["agent"]}, agent(service, "chef"), LUNDI_9H, revision=1),
                return_exceptions=True,
            )
            assert sum(isinstance(issue, Conflit) for issue in issues) == 1, issues
            async with outils.db.read() as conn:
                lus = await conn.execute(select(Affectation.agent_id).where(Affectation.rdv_id == rdv.id))
                assert len(list(lus.scalars())) == 1

    async def test_with_the_present_revision_the_second_replaces_the_first(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        """Negative control: what the refusal above prevents from happening unseen."""
        await affecter(outils, service, rdv.id, "box")
        fait = await affecter(outils, service, rdv.id, "agent", revision=2)
        assert fait.retires == (service.agents["box"],)


class TestSuites:
    """Whoever is assigned is told of what happens to the RDV, at whatever guichet."""

    async def test_a_move_and_a_cancellation_are_told_with_his_own_words(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        await affecter(outils, service, rdv.id, "box")
        vers = Cible(to_minute(VENDREDI_10H) + 60, guichet_id=service.guichets[1])
        await move(outils, rdv.id, vers, agent(service), LUNDI_9H)
        await act(outils, rdv.id, Action.ANNULER, agent(service), LUNDI_9H, raison="Empêché")
        box = await adresse(outils, service, "box")
        assert await mails(outils, rdv.id, "affectation") == [("deplace", box), ("annule", box)]
        async with outils.db.read() as conn:
            lus = await conn.execute(
                select(Courrier.donnees).where(Courrier.rdv_id == rdv.id, Courrier.evenement == "affectation")
            )
            textes = [
                render_affectation(MessageAffectation.from_donnees(donnees), ENTETE, LUNDI_9H).get_body(("plain",))
                for donnees in lus.scalars()
            ]
        for texte in textes:
            assert texte is not None
            assert "qui vous est affecté" in texte.get_content()

    async def test_nobody_assigned_nobody_is_written_to(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        await move(outils, rdv.id, Cible(to_minute(VENDREDI_10H) + 60), agent(service), LUNDI_9H)
        assert await mails(outils, rdv.id, "affectation") == []

    @pytest.mark.parametrize("fait", ["affecte", "retire"])
    async def test_the_mail_names_nobody(
        self, outils: Outils, service: MondeService, rdv: RdvReserve, fait: str
    ) -> None:
        await affecter(outils, service, rdv.id, "box")
        donnees = await scalar(outils, select(Courrier.donnees).where(Courrier.evenement == "designation"))
        message = MessageDesignation.from_donnees({**donnees, "fait": fait})
        mail = render_designation(message, ENTETE, LUNDI_9H)
        corps = mail.get_body(("plain",))
        assert corps is not None
        lu = corps.get_content()
        assert "Valenton" not in mail.as_string()
        assert ("ne vous est plus affecté" in lu) is (fait == "retire")
        assert rdv.code in lu
        assert f"/rendez-vous/{rdv.id}" in lu

    async def test_a_message_that_has_become_untrue_does_not_leave(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        await affecter(outils, service, rdv.id, "box")
        donnees = await scalar(outils, select(Courrier.donnees).where(Courrier.evenement == "designation"))
        message = MessageDesignation.from_donnees(donnees)
        vrai = Situation("prevu", message.debut, message.fin, False)
        assert find_obstacle(message, vrai, LUNDI_9H) is None
        for faux in (
            Situation("annule", message.debut, message.fin, False),
            Situation("prevu", message.debut + timedelta(days=1), message.fin + timedelta(days=1), False),
        ):
            assert find_obstacle(message, faux, LUNDI_9H)
        assert find_obstacle(message, vrai, VENDREDI_10H + timedelta(days=1))
        with pytest.raises(ValueError, match="fact"):
            MessageDesignation.from_donnees({**donnees, "fait": "autre"})
