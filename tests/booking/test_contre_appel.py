"""A contre-appel: what is written, what it cancels, who may, and two agents at once [A1 §3.2 « contre-appel »]."""

from __future__ import annotations

import asyncio
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app import clock
from app.booking import acte, vie
from app.booking.contre_appel import ContreAppelFait, ContreAppelSaisi, record_contre_appel
from app.booking.outils import Auteur, Outils
from app.booking.reserver import RdvReserve, book
from app.booking.vie import act
from app.courrier.message import MessageRdv
from app.courrier.rendu import Entete, render
from app.domain.horaires import to_minute
from app.domain.rendez_vous import Action
from app.errors import AppError, Conflit, Introuvable, SaisieInvalide, TransitionImpossible
from app.tables import Agenda, RendezVous, ServiceFiscal
from loadtests import invariants
from tests.booking.outillage import demande
from tests.fixtures.donnees import MondeService, build_equipe, build_service

PARIS = ZoneInfo("Europe/Paris")
LUNDI_9H = datetime(2027, 2, 1, 9, 0, tzinfo=PARIS)
MERCREDI_10H = datetime(2027, 2, 3, 10, 0, tzinfo=PARIS)
REGLE = ContreAppelSaisi("regle", "Délai de paiement expliqué", annule=True)
SANS_REPONSE = ContreAppelSaisi("sans_reponse", "Deux sonneries, pas de répondeur")


@pytest.fixture
async def service(outils: Outils) -> MondeService:
    async with outils.db.engine.begin() as conn:
        return await build_equipe(conn, await build_service(conn))


def agent(service: MondeService, nom: str = "agent") -> Auteur:
    return Auteur("agent", agent_id=service.agents[nom])


@pytest.fixture
async def rdv(outils: Outils, service: MondeService) -> RdvReserve:
    """Wednesday at 10:00, taken on Monday at 9:00 by somebody who gave an e-mail address."""
    voulu = demande(
        service,
        to_minute(MERCREDI_10H),
        canal="rattache",
        origine="telephone",
        guichet_id=service.guichets[0],
    )
    return await book(outils, voulu, agent(service), LUNDI_9H)


async def scalar(outils: Outils, requete: str, **parametres: Any) -> Any:
    async with outils.db.read() as conn:
        return (await conn.execute(text(requete), parametres)).scalar()


async def call(outils: Outils, service: MondeService, rdv: RdvReserve, saisi: ContreAppelSaisi, **plus: Any) -> Any:
    return await record_contre_appel(
        outils, rdv.id, saisi, agent(service, plus.pop("qui", "agent")), plus.pop("a", LUNDI_9H), **plus
    )


class TestEnregistrer:
    """Annexe 1 §3.2: « que celui-ci donne lieu à l'annulation du rendez-vous ou non »."""

    async def test_settled_by_phone_it_cancels_frees_the_place_and_tells_the_usager(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        avant = clock.now()
        fait = await call(outils, service, rdv, REGLE, revision=1)
        assert (fait.etat, fait.revision, fait.change) == ("annule", 2, True)
        assert await scalar(outils, "SELECT annule_rdv FROM contre_appel WHERE id = :i", i=fait.id) is True
        ligne = "SELECT (occupe, annule_raison, annule_par_agent)::text FROM rendez_vous WHERE id = :r"
        assert await scalar(outils, ligne, r=rdv.id) == (
            f'(f,"Réglé par téléphone le 01/02/2027",{service.agents["agent"]})'
        )
        message = "SELECT donnees->>'annule_par' FROM courrier WHERE rdv_id = :r AND evenement = 'annulation'"
        assert await scalar(outils, message, r=rdv.id) == "contre_appel"
        types = "SELECT array_agg(trame::jsonb->>'type' ORDER BY id) FROM outbox WHERE cree_a >= :a"
        assert (await scalar(outils, types, a=avant)) == ["rdv.annule", "creneau.libre"]
        assert (await invariants.check(outils.settings.database_url)).ok

    async def test_kept_it_is_announced_journaled_and_nothing_is_sent(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        fait = await call(outils, service, rdv, ContreAppelSaisi("regle", "Viendra signer quand même"), revision=1)
        assert (fait.etat, fait.revision) == ("prevu", 2)
        assert (
            await scalar(outils, "SELECT trame::jsonb->>'type' FROM outbox ORDER BY id DESC LIMIT 1") == "rdv.modifie"
        )
        apres = await scalar(outils, "SELECT apres FROM journal WHERE action = 'rdv.modifie' AND rdv_id = :r", r=rdv.id)
        assert apres == {"contre_appel": fait.id, "resultat": "regle", "jour": "2027-02-01"}
        assert await scalar(outils, "SELECT count(*) FROM courrier WHERE evenement = 'annulation'") == 0
        assert (await invariants.check(outils.settings.database_url)).ok

    async def test_one_rdv_may_have_several(self, outils: Outils, service: MondeService, rdv: RdvReserve) -> None:
        for revision, resultat in enumerate(("sans_reponse", "message_laisse", "a_recevoir"), start=1):
            await call(outils, service, rdv, ContreAppelSaisi(resultat, "Appel"), revision=revision)
        assert await scalar(outils, "SELECT count(*) FROM contre_appel WHERE rdv_id = :r", r=rdv.id) == 3

    async def test_it_keeps_the_motif_and_the_service_it_was_about(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        fait = await call(outils, service, rdv, SANS_REPONSE, revision=1)
        motif = await scalar(outils, "SELECT motif_id FROM rendez_vous WHERE id = :r", r=rdv.id)
        async with outils.db.engine.begin() as conn:
            await conn.execute(text("UPDATE rendez_vous SET motif_id = :m"), {"m": service.motifs[1]})
        assert motif != service.motifs[1]
        objet = "SELECT array_agg(ARRAY[motif_id, service_id]) FROM contre_appel WHERE id = :i"
        assert await scalar(outils, objet, i=fait.id) == [[motif, service.id]]

    async def test_a_decision_to_keep_it_in_its_place_survives(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        async with outils.db.engine.begin() as conn:
            await conn.execute(
                text(
                    "INSERT INTO maintien (rdv_id, service_id, revision_rdv, cause, agent_id, a)"
                    " VALUES (:r, :s, 1, 'hors_plage', :a, now())"
                ),
                {"r": rdv.id, "s": service.id, "a": service.agents["chef"]},
            )
        await call(outils, service, rdv, SANS_REPONSE, revision=1)
        assert await scalar(outils, "SELECT revision_rdv FROM maintien WHERE rdv_id = :r", r=rdv.id) == 2

    async def test_the_usager_reads_that_it_was_settled_and_never_the_comment(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        await call(outils, service, rdv, REGLE, revision=1)
        donnees = await scalar(outils, "SELECT donnees FROM courrier WHERE evenement = 'annulation'")
        entete = Entete("SIP", "rdv@dgfip.test", "usager1@usagers.test", "<1@dgfip.test>")
        courriel = render("annulation", MessageRdv.from_donnees(donnees), entete, LUNDI_9H)
        corps = [p.get_content() for p in courriel.walk() if p.get_content_type() in ("text/plain", "text/html")]
        assert len(corps) == 2
        for lu in corps:
            assert "Votre demande a été réglée par téléphone" in " ".join(lu.replace("&nbsp;", " ").split())
            assert "Délai de paiement" not in lu


class TestRefuser:
    """Bad inputs: nothing is written, and each field has its sentence."""

    @pytest.mark.parametrize(
        ("saisi", "champ"),
        [
            (ContreAppelSaisi("", "Oui"), "resultat"),
            (ContreAppelSaisi("peut-etre", "Oui"), "resultat"),
            (ContreAppelSaisi("regle", "  \n "), "commentaire"),
            (ContreAppelSaisi("regle", "x" * 1001), "commentaire"),
            (ContreAppelSaisi("regle", "nul\u0000"), "commentaire"),
            (ContreAppelSaisi("regle", "rtl\u202e"), "commentaire"),
            (ContreAppelSaisi("sans_reponse", "Non", annule=True), "annuler"),
            (ContreAppelSaisi("a_recevoir", "Non", annule=True), "annuler"),
            (ContreAppelSaisi("regle", "Demain", date(2027, 2, 2)), "jour"),
            (ContreAppelSaisi("regle", "Avant la prise", date(2027, 1, 31)), "jour"),
        ],
        ids=["vide", "inconnu", "blanc", "long", "nul", "bidi", "sans reponse", "a recevoir", "futur", "avant"],
    )
    async def test_a_wrong_field_is_named(
        self, outils: Outils, service: MondeService, rdv: RdvReserve, saisi: ContreAppelSaisi, champ: str
    ) -> None:
        with pytest.raises(SaisieInvalide) as refus:
            await call(outils, service, rdv, saisi, revision=1)
        assert list(refus.value.champs) == [champ]
        assert await scalar(outils, "SELECT count(*) FROM contre_appel") == 0

    async def test_after_the_day_of_the_visit(self, outils: Outils, service: MondeService, rdv: RdvReserve) -> None:
        jeudi = MERCREDI_10H + timedelta(days=1)
        with pytest.raises(TransitionImpossible, match="passé"):
            await call(outils, service, rdv, SANS_REPONSE, a=jeudi, revision=1)

    async def test_the_day_is_that_of_the_service(self, outils: Outils, service: MondeService, rdv: RdvReserve) -> None:
        async with outils.db.engine.begin() as conn:
            await conn.execute(update(ServiceFiscal).values(fuseau="Pacific/Noumea"))
            await conn.execute(update(Agenda).values(version_planning=Agenda.version_planning + 1))
        soir = MERCREDI_10H.replace(hour=15)  # already Thursday there
        with pytest.raises(TransitionImpossible, match="passé"):
            await call(outils, service, rdv, SANS_REPONSE, a=soir, revision=1)

    async def test_who_is_here_is_not_cancelled_by_phone(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        await act(outils, rdv.id, Action.MARQUER_ARRIVEE, agent(service), MERCREDI_10H)
        with pytest.raises(SaisieInvalide) as refus:
            await call(outils, service, rdv, REGLE, a=MERCREDI_10H, revision=2)
        assert "ne peut plus être annulé" in refus.value.champs["annuler"]

    async def test_a_cancelled_one(self, outils: Outils, service: MondeService, rdv: RdvReserve) -> None:
        await call(outils, service, rdv, REGLE, revision=1)
        with pytest.raises(TransitionImpossible, match="annulé"):
            await call(outils, service, rdv, SANS_REPONSE, revision=2)

    async def test_a_stale_revision_gives_the_present_state(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        await call(outils, service, rdv, SANS_REPONSE, revision=1, qui="box")
        with pytest.raises(Conflit) as refus:
            await call(outils, service, rdv, SANS_REPONSE, revision=1)
        assert refus.value.details == {"etat": "prevu", "revision": 2}
        assert await scalar(outils, "SELECT count(*) FROM contre_appel") == 1

    async def test_the_same_call_sent_twice_is_one(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        appels: list[ContreAppelFait] = [
            await call(outils, service, rdv, REGLE, revision=1, a=LUNDI_9H + timedelta(seconds=s)) for s in range(2)
        ]
        assert [a.change for a in appels] == [True, False]
        assert appels[0].id == appels[1].id
        with pytest.raises(TransitionImpossible):
            await call(outils, service, rdv, REGLE, revision=1, a=LUNDI_9H + timedelta(minutes=11))


class TestDroits:
    """[A1, summary table] Attached agents; for anybody else the RDV does not exist, and the attempt is journaled."""

    @pytest.mark.parametrize("qui", ["exterieur", "pilote", "national"])
    async def test_out_of_the_zone_it_does_not_exist(
        self, outils: Outils, service: MondeService, rdv: RdvReserve, qui: str
    ) -> None:
        with pytest.raises(Introuvable):
            await call(outils, service, rdv, REGLE, qui=qui)
        refus = "SELECT agent_id FROM journal WHERE action = 'rdv.acces_refuse' AND rdv_id = :r"
        assert await scalar(outils, refus, r=rdv.id) == service.agents[qui]
        assert await scalar(outils, "SELECT count(*) FROM contre_appel") == 0

    async def test_the_service_that_entrusted_it_may_call_too(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        async with outils.db.engine.begin() as conn:
            confiant = await build_equipe(conn, await build_service(conn, sages="5800999"), "-2")
            await conn.execute(update(RendezVous).where(RendezVous.id == rdv.id).values(service_origine_id=confiant.id))
        fait = await record_contre_appel(outils, rdv.id, SANS_REPONSE, agent(confiant), LUNDI_9H, revision=1)
        sujets = "SELECT array_agg(sujet ORDER BY sujet) FROM outbox WHERE trame LIKE '%rdv.modifie%'"
        assert await scalar(outils, sujets) == sorted([f"service:{service.id}", f"service:{confiant.id}"])
        assert fait.service_id == service.id


class TestDeuxAgents:
    """Race: one cancels by phone while another marks the arrival."""

    async def _race(self, outils: Outils, service: MondeService, rdv: RdvReserve) -> tuple[Any, Any]:
        issues = await asyncio.gather(
            call(outils, service, rdv, REGLE, a=MERCREDI_10H, revision=1),
            act(outils, rdv.id, Action.MARQUER_ARRIVEE, agent(service, "orientation"), MERCREDI_10H),
            return_exceptions=True,
        )
        return issues[0], issues[1]

    async def test_one_wins_the_other_is_told(self, outils: Outils, service: MondeService, rdv: RdvReserve) -> None:
        appel, arrivee = await self._race(outils, service, rdv)
        assert sum(isinstance(issue, AppError) for issue in (appel, arrivee)) == 1
        assert await _coherent(outils)
        assert (await invariants.check(outils.settings.database_url)).ok

    async def test_negative_control_without_the_lock_both_believe_they_won(
        self, outils: Outils, service: MondeService, rdv: RdvReserve, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        barriere = asyncio.Barrier(2)

        async def read_unlocked(conn: AsyncConnection, rdv_id: int, *_: Any, **__: Any) -> dict[str, Any]:
            lignes = await conn.execute(text("SELECT * FROM rendez_vous WHERE id = :r"), {"r": rdv_id})
            lu = dict(lignes.mappings().one())
            await asyncio.wait_for(barriere.wait(), 5)
            return lu

        monkeypatch.setattr(vie, "lock_rdv", read_unlocked)
        monkeypatch.setattr(acte, "lock_rdv", read_unlocked)
        appel, arrivee = await self._race(outils, service, rdv)
        assert not isinstance(appel, BaseException)
        assert not isinstance(arrivee, BaseException)
        assert not await _coherent(outils)


async def _coherent(outils: Outils) -> bool:
    """No change was lost: as many journaled changes as revisions; and who is called off is not waiting."""
    fautes = """
        SELECT count(*) FROM rendez_vous r
         WHERE r.revision - 1 <> (SELECT count(*) FROM journal j
                                   WHERE j.rdv_id = r.id AND j.action IN ('rdv.annule', 'rdv.arrive', 'rdv.modifie'))
            OR (r.etat = 'annule' AND EXISTS (SELECT FROM passage p WHERE p.rdv_id = r.id))
            OR (r.etat <> 'annule' AND EXISTS (SELECT FROM contre_appel c WHERE c.rdv_id = r.id AND c.annule_rdv))"""
    return int(await scalar(outils, fautes)) == 0
