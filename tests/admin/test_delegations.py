"""Delegations between services: proposed, corrected, answered, ended; what is refused; who is told (G 2.3.5)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from app.admin import chantier
from app.admin.chantier import ConflitEdition
from app.admin.delegations import controles, ecritures
from app.admin.delegations.controles import DelegationImpossible
from app.admin.delegations.ecritures import DelegationDecidee, RestantsAConfirmer
from app.admin.delegations.lecture import count_delegations, read_delegations
from app.booking.outils import Auteur, Outils
from app.domain.vie_delegation import Etape
from app.errors import AccesRefuse, AppError, Introuvable, SaisieInvalide
from tests.admin.delegations import LUNDI, PARIS, Deux, build_deux, valeurs
from tests.fixtures.donnees import build_equipe, build_service

JOUR = LUNDI.date()


@pytest.fixture
async def deux(outils: Outils) -> Deux:
    return await build_deux(outils)


async def versions(deux: Deux) -> dict[int, int]:
    lignes = await deux.rows("SELECT service_id, version_planning FROM agenda")
    return dict(tuple(ligne) for ligne in lignes)


async def mails(deux: Deux) -> list[tuple[str, str]]:
    """(recipient, what it tells), in the order written."""
    lignes = await deux.rows(
        "SELECT destinataire, donnees->>'fait' FROM courrier WHERE evenement = 'delegation' ORDER BY id"
    )
    return [tuple(ligne) for ligne in lignes]


class TestProposer:
    """A says what it entrusts; nothing changes until B accepts."""

    async def test_a_proposal_is_recorded_journaled_announced_and_mailed_to_the_other_side(self, deux: Deux) -> None:
        avant = await versions(deux)
        delegation = await deux.propose(quota_jour=6)
        ligne = await deux.get(delegation)
        assert (ligne["etat"], ligne["quota_jour"], ligne["revision"]) == ("proposee", 6, 1)
        assert ligne["motifs"] == sorted(deux.a.motifs[:2])
        assert ligne["cree_par"] == deux.a.agents["chef"]
        journal = await deux.rows(
            "SELECT service_id, action, avant, apres->>'du', apres->>'etat' FROM journal "
            "WHERE objet = 'delegation' AND objet_id = :d ORDER BY service_id",
            d=delegation,
        )
        assert [tuple(j) for j in journal] == [
            (s, "delegation.proposee", None, "24/11/2026", "proposée") for s in sorted((deux.a.id, deux.b.id))
        ]
        apres = await versions(deux)
        assert {s: apres[s] - avant[s] for s in apres} == {deux.a.id: 1, deux.b.id: 1}
        assert await mails(deux) == [("chef-b@dgfip.test", "proposee")]

    async def test_only_the_nearest_organisers_are_written_to(self, deux: Deux) -> None:
        """A département and the nation organise B too: they are told only when B has nobody of its own."""
        await deux.propose()
        assert await mails(deux) == [("chef-b@dgfip.test", "proposee")]
        async with deux.outils.db.engine.begin() as conn:
            await conn.execute(text("UPDATE agent SET suspendu_a = :a WHERE identifiant = 'chef-b'"), {"a": LUNDI})
        await deux.propose()
        assert sorted(await mails(deux)) == [
            ("chef-b@dgfip.test", "proposee"),
            ("national-a@dgfip.test", "proposee"),
            ("national-b@dgfip.test", "proposee"),
        ]

    async def test_who_organises_both_does_not_write_to_himself(self, deux: Deux) -> None:
        async with deux.outils.db.engine.begin() as conn:
            await conn.execute(
                text(
                    "INSERT INTO habilitation (agent_id, profil, perimetre, service_id) "
                    "VALUES (:a, 'admin_local', 'service', :s)"
                ),
                {"a": deux.a.agents["chef"], "s": deux.b.id},
            )
        await deux.propose()
        assert await mails(deux) == [("chef-b@dgfip.test", "proposee")]

    @pytest.mark.parametrize(
        ("change", "champ", "mot"),
        [
            ({"du": date(2026, 11, 22)}, "du", "passée"),
            ({"du": date(2026, 11, 27), "au": date(2026, 11, 26)}, "au", "avant d’avoir commencé"),
            ({"motifs": ()}, "motif", "motifs de votre service"),
            ({"motifs": (987_654_321,)}, "motif", "motifs de votre service"),
        ],
    )
    async def test_what_cannot_be_proposed_is_refused(
        self, deux: Deux, change: dict[str, Any], champ: str, mot: str
    ) -> None:
        with pytest.raises(SaisieInvalide) as refus:
            await deux.propose(**change)
        assert mot in refus.value.champs[champ]
        assert await deux.rows("SELECT 1 FROM delegation") == []
        assert await mails(deux) == []

    async def test_today_is_the_service_s_own(self, deux: Deux) -> None:
        """At 23:30 UTC on the 23rd it is the 24th in Nevers: the 23rd is over there."""
        tard = datetime(2026, 11, 24, 0, 30, tzinfo=PARIS)
        with pytest.raises(SaisieInvalide):
            await deux.propose(du=date(2026, 11, 23), maintenant=tard)
        assert await deux.propose(du=date(2026, 11, 24), maintenant=tard)

    async def test_not_to_itself_nor_to_nobody(self, deux: Deux) -> None:
        for vers, mot in ((deux.a.id, "ses propres rendez-vous"), (987_654, "n’existe pas")):
            with pytest.raises(SaisieInvalide) as refus:
                await deux.propose(vers=vers)
            assert mot in refus.value.champs["vers"]

    async def test_not_to_another_time_zone(self, deux: Deux) -> None:
        await deux.change_service(deux.b, fuseau="Indian/Reunion")
        with pytest.raises(SaisieInvalide) as refus:
            await deux.propose()
        assert "pas à la même heure" in refus.value.champs["vers"]

    @pytest.mark.parametrize("cote", ["a", "b"])
    async def test_not_when_either_is_closed(self, deux: Deux, cote: str) -> None:
        await deux.change_service(getattr(deux, cote), ferme_a=LUNDI)
        with pytest.raises(SaisieInvalide) as refus:
            await deux.propose()
        assert "fermé définitivement" in refus.value.champs["vers"]

    async def test_a_motif_received_is_not_one_s_own_to_entrust(self, deux: Deux) -> None:
        """No chains: what B receives of a catalogue that is not its own, B does not pass on."""
        delegation = await deux.propose()
        await deux.answer(delegation)
        async with deux.outils.db.engine.begin() as conn:
            await conn.execute(text("INSERT INTO type_service SELECT 'SIE', 'SIE', 'SIE', TRUE, FALSE, 2"))
        await deux.change_service(deux.b, type_code="SIE")
        with pytest.raises(SaisieInvalide) as refus:
            await ecritures.propose(
                deux.outils, deux.chef(deux.b), deux.b.id, deux.a.id, valeurs(deux.b, motifs=(deux.a.motifs[0],)), LUNDI
            )
        assert "motifs de votre service" in refus.value.champs["motif"]

    async def test_a_closed_motif_may_be_entrusted(self, deux: Deux) -> None:
        assert await deux.propose(motifs=(deux.a.motifs[2],))


class TestCorriger:
    """The author corrects while nobody has answered."""

    async def test_the_other_side_is_told_and_reads_the_new_one(self, deux: Deux) -> None:
        delegation = await deux.propose()
        autres = valeurs(deux.a, quota_jour=3, au=date(2026, 12, 4))
        assert await ecritures.correct(deux.outils, deux.chef(deux.a), deux.a.id, delegation, autres, 1, LUNDI)
        ligne = await deux.get(delegation)
        assert (ligne["quota_jour"], ligne["au"], ligne["revision"]) == (3, date(2026, 12, 4), 2)
        assert await mails(deux) == [("chef-b@dgfip.test", "proposee"), ("chef-b@dgfip.test", "corrigee")]
        trace = await deux.rows(
            "SELECT avant->>'quota_jour', apres->>'quota_jour' FROM journal WHERE action = 'delegation.corrigee'"
        )
        assert {tuple(t) for t in trace} == {("Sans limite", "3 par jour au plus")}

    async def test_nothing_changed_writes_nothing(self, deux: Deux) -> None:
        delegation = await deux.propose()
        memes = valeurs(deux.a, motifs=tuple(reversed(deux.a.motifs[:2])))
        assert not await ecritures.correct(deux.outils, deux.chef(deux.a), deux.a.id, delegation, memes, 1, LUNDI)
        assert (await deux.get(delegation))["revision"] == 1

    async def test_an_answer_given_meanwhile_is_told_with_both_versions(self, deux: Deux) -> None:
        delegation = await deux.propose()
        await deux.answer(delegation)
        with pytest.raises(ConflitEdition) as refus:
            await ecritures.correct(
                deux.outils, deux.chef(deux.a), deux.a.id, delegation, valeurs(deux.a, quota_jour=3), 1, LUNDI
            )
        assert refus.value.details["actuel"]["etat"] == "acceptée"
        assert refus.value.details["par"] == "Chef-b Morel"
        with pytest.raises(DelegationDecidee):  # having read it, there is nothing left to correct
            await ecritures.correct(
                deux.outils, deux.chef(deux.a), deux.a.id, delegation, valeurs(deux.a, quota_jour=3), 2, LUNDI
            )

    async def test_the_addressee_does_not_correct(self, deux: Deux) -> None:
        delegation = await deux.propose()
        with pytest.raises(DelegationDecidee):
            await ecritures.correct(deux.outils, deux.chef(deux.b), deux.b.id, delegation, valeurs(deux.a), 1, LUNDI)


class TestRepondre:
    """B accepts or refuses, once, with a message."""

    @pytest.mark.parametrize(("accepte", "etat"), [(True, "acceptee"), (False, "refusee")])
    async def test_the_answer_is_recorded_and_told_to_the_author(self, deux: Deux, accepte: bool, etat: str) -> None:
        delegation = await deux.propose()
        avant = await versions(deux)
        await deux.answer(delegation, accepte=accepte, reponse="Entendu")
        ligne = await deux.get(delegation)
        assert (ligne["etat"], ligne["decide_par"], ligne["revision"]) == (etat, deux.b.agents["chef"], 2)
        assert ligne["message"] == "Travaux dans notre hall"
        assert (await mails(deux))[-1] == ("chef-a@dgfip.test", etat)
        apres = await versions(deux)
        assert all(apres[s] == avant[s] + 1 for s in (deux.a.id, deux.b.id))
        async with deux.outils.db.read() as conn:
            (lue,) = await read_delegations(conn, deux.a.agents["chef"], deux.a.id, JOUR)
        assert (lue.reponse, lue.par) == ("Entendu", "SIP DE COSNE")

    async def test_only_the_one_that_receives_answers(self, deux: Deux) -> None:
        delegation = await deux.propose()
        with pytest.raises(DelegationDecidee):
            await deux.answer(delegation, service=deux.a)
        with pytest.raises(AccesRefuse):
            await deux.answer(delegation, auteur=deux.chef(deux.a))
        for qui in ("agent", "pilote", "exterieur"):
            with pytest.raises(AccesRefuse):
                await deux.answer(delegation, auteur=Auteur("agent", agent_id=deux.b.agents[qui]))
        assert (await deux.get(delegation))["etat"] == "proposee"

    async def test_a_third_service_finds_nothing(self, deux: Deux) -> None:
        delegation = await deux.propose()
        async with deux.outils.db.engine.begin() as conn:
            tiers = await build_equipe(conn, await build_service(conn, sages="5800452"), "-c")
        with pytest.raises(Introuvable):
            await deux.answer(delegation, service=tiers)
        with pytest.raises(Introuvable):
            await deux.withdraw(tiers, delegation, 1)
        async with deux.outils.db.read() as conn:
            assert await read_delegations(conn, tiers.agents["chef"], deux.a.id, JOUR) == []

    async def test_twice_is_a_conflict_with_both_versions(self, deux: Deux) -> None:
        delegation = await deux.propose()
        await deux.answer(delegation, accepte=False)
        with pytest.raises(ConflitEdition) as refus:
            await deux.answer(delegation)
        assert refus.value.details["actuel"]["etat"] == "refusée"
        with pytest.raises(DelegationDecidee):
            await deux.answer(delegation, revision=2)

    async def test_after_its_last_day_there_is_nothing_to_answer(self, deux: Deux) -> None:
        delegation = await deux.propose()
        with pytest.raises(DelegationDecidee):
            await deux.answer(delegation, maintenant=LUNDI + timedelta(days=5))
        async with deux.outils.db.read() as conn:
            (lue,) = await read_delegations(conn, deux.b.agents["chef"], deux.b.id, date(2026, 11, 28))
        assert lue.etape is Etape.SANS_REPONSE

    async def test_what_changed_since_the_proposal_is_checked_again(self, deux: Deux) -> None:
        delegation = await deux.propose()
        await deux.change_service(deux.a, fuseau="Indian/Reunion")
        with pytest.raises(DelegationImpossible, match="pas à la même heure"):
            await deux.answer(delegation)
        await deux.change_service(deux.a, fuseau="Europe/Paris", ferme_a=LUNDI)
        with pytest.raises(DelegationImpossible, match="fermé"):
            await deux.answer(delegation)
        await deux.answer(delegation, accepte=False)  # it can still be refused

    async def test_two_of_the_same_motif_that_overlap_are_refused_naming_both(self, deux: Deux) -> None:
        premiere = await deux.propose()
        seconde = await deux.propose(motifs=(deux.a.motifs[0],), du=date(2026, 11, 27), au=date(2026, 12, 4))
        await deux.answer(premiere)
        with pytest.raises(DelegationImpossible) as refus:
            await deux.answer(seconde)
        for mot in ("« Déclaration et calcul", "SIP DE COSNE", "mardi 24 novembre 2026", "vendredi 4 décembre 2026"):
            assert mot in refus.value.phrase, refus.value.phrase
        with pytest.raises(SaisieInvalide) as saisie:
            await deux.propose(motifs=(deux.a.motifs[0],), du=date(2026, 11, 27), au=date(2026, 12, 4))
        assert "déjà confié" in saisie.value.champs["motif"]
        # Another motif, another day, or once the first is over: nothing overlaps.
        autre = await deux.propose(motifs=(deux.a.motifs[2],))
        await deux.answer(autre)
        apres = await deux.propose(du=date(2026, 11, 28), au=date(2026, 12, 4))
        await deux.answer(apres)
        await deux.withdraw(deux.a, premiere, 2)
        await deux.withdraw(deux.a, apres, 2)
        await deux.answer(seconde)


class TestArreter:
    """Either side ends it; the RDV already taken stay where they are, and their number is told first."""

    async def test_the_author_withdraws_his_proposal(self, deux: Deux) -> None:
        delegation = await deux.propose()
        with pytest.raises(DelegationDecidee):  # B refuses, it does not withdraw
            await deux.withdraw(deux.b, delegation, 1)
        assert await deux.withdraw(deux.a, delegation, 1) == 0
        assert (await mails(deux))[-1] == ("chef-b@dgfip.test", "retiree")
        async with deux.outils.db.read() as conn:
            (lue,) = await read_delegations(conn, deux.b.agents["chef"], deux.b.id, JOUR)
        assert lue.etape is Etape.RETIREE

    @pytest.mark.parametrize("cote", ["a", "b"])
    async def test_either_side_ends_an_accepted_one_and_its_rdv_stay(self, deux: Deux, cote: str) -> None:
        delegation = await deux.propose()
        await deux.answer(delegation)
        rdv = await deux.put_rdv(delegation, date(2026, 11, 25))
        await deux.put_rdv(delegation, date(2026, 11, 25), 11, etat="annule")
        with pytest.raises(RestantsAConfirmer) as refus:
            await deux.withdraw(getattr(deux, cote), delegation, 2, vus=0)
        assert refus.value.details["restants"] == 1
        assert (await deux.get(delegation))["etat"] == "acceptee"
        assert await deux.withdraw(getattr(deux, cote), delegation, 2, vus=1) == 1
        (ligne,) = await deux.rows("SELECT etat, service_id, guichet_id FROM rendez_vous WHERE id = :r", r=rdv)
        assert tuple(ligne) == ("prevu", deux.b.id, deux.b.guichets[0])
        autre = "chef-b@dgfip.test" if cote == "a" else "chef-a@dgfip.test"
        assert (await mails(deux))[-1] == (autre, "arretee")
        async with deux.outils.db.read() as conn:
            (lue,) = await read_delegations(conn, deux.a.agents["chef"], deux.a.id, JOUR)
            contexte = await deux.outils.dispo.contextes.get(conn, deux.b.id, 10**9)
        assert (lue.etape, lue.a_venir) == (Etape.ARRETEE, 1)
        assert contexte.recues == ()

    async def test_it_ends_by_itself_after_its_last_day(self, deux: Deux) -> None:
        delegation = await deux.propose()
        await deux.answer(delegation)
        etapes = {}
        async with deux.outils.db.read() as conn:
            for jour in (23, 24, 27, 28):
                quand = date(2026, 11, jour)
                (lue,) = await read_delegations(conn, deux.b.agents["chef"], deux.b.id, quand)
                etapes[jour] = (lue.etape, await count_delegations(conn, deux.b.id, quand))
        assert [etapes[j][0] for j in (23, 24, 27, 28)] == [
            *(Etape.A_VENIR, Etape.EN_COURS, Etape.EN_COURS, Etape.TERMINEE),
        ]
        assert [etapes[j][1].recues for j in (27, 28)] == [1, 0]
        with pytest.raises(DelegationDecidee):
            await ecritures.withdraw(
                *(deux.outils, deux.chef(deux.a), deux.a.id, delegation),
                reponse="",
                vus=0,
                revision=2,
                maintenant=LUNDI + timedelta(days=5),
            )


async def accept_both(deux: Deux, ids: tuple[int, int]) -> int:
    """Two overlapping proposals accepted at the same instant by two organisers of B; how many went through."""
    outils = replace(deux.outils)
    chefs = (deux.chef(deux.b), Auteur("agent", agent_id=deux.b.agents["national"]))

    async def one(rang: int) -> bool:
        try:
            await ecritures.answer(
                *(outils, chefs[rang], deux.b.id, ids[rang]),
                accepte=True,
                reponse="",
                revision=1,
                maintenant=LUNDI,
            )
        except AppError:
            return False
        return True

    return sum(await asyncio.gather(one(0), one(1)))


class TestDeuxALaFois:
    """Two decisions at once follow one another, under the locks of both services."""

    async def test_of_two_overlapping_proposals_accepted_together_one_is_refused(self, deux: Deux) -> None:
        for semaine in range(5):
            du = date(2026, 11, 24) + timedelta(days=7 * semaine)
            ids = (await deux.propose(du=du, au=du), await deux.propose(du=du, au=du))
            assert await accept_both(deux, ids) == 1

    async def test_without_the_locks_both_pass(self, deux: Deux, monkeypatch: pytest.MonkeyPatch) -> None:
        """The negative control: the same harness, rows of ``agenda`` not taken."""
        barriere = asyncio.Barrier(2)

        async def no_lock(*_: Any) -> None:
            return None

        honnete = controles.check_acceptable

        async def together(*faits: Any) -> None:
            await honnete(*faits)
            await barriere.wait()

        ids = (await deux.propose(), await deux.propose())
        monkeypatch.setattr(chantier, "lock_agendas", no_lock)
        monkeypatch.setattr("app.admin.delegations.ecritures.check_acceptable", together)
        async with asyncio.timeout(5):
            assert await accept_both(deux, ids) == 2

    async def test_two_services_that_propose_to_each_other_never_deadlock(self, deux: Deux) -> None:
        """Locks are taken in the order of ids, whoever asks."""

        async def back(rang: int) -> int:
            du = date(2026, 11, 24) + timedelta(days=rang)
            qui, vers = (deux.a, deux.b) if rang % 2 else (deux.b, deux.a)
            return await ecritures.propose(
                deux.outils, deux.chef(qui), qui.id, vers.id, valeurs(qui, du=du, au=du), LUNDI
            )

        async with asyncio.timeout(20):
            assert len(set(await asyncio.gather(*map(back, range(20))))) == 20

    async def test_accepting_while_it_is_withdrawn_leaves_one_decision(self, deux: Deux) -> None:
        for _ in range(5):
            delegation = await deux.propose()
            issues = await asyncio.gather(
                deux.answer(delegation), deux.withdraw(deux.a, delegation, 1), return_exceptions=True
            )
            assert sum(isinstance(i, ConflitEdition) for i in issues) == 1, issues
            ligne = await deux.get(delegation)
            assert ligne["revision"] == 2
            if ligne["etat"] == "acceptee":
                await deux.withdraw(deux.a, delegation, 2)
