"""The daily summary by mail (G 2.3.3), and the mail to the service of what an usager changed himself (G 2.3.1)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event, insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app import clock
from app.booking.affecter import assign
from app.booking.deplacer import Cible, move
from app.booking.outils import Auteur, Outils
from app.booking.resumes import LISTE_MAX, RETARD_MAX, write_resumes
from app.booking.titres import ParCode
from app.booking.vie import act
from app.courrier.rendu import Entete
from app.courrier.resume import DROIT_RETIRE, PASSE, MessageResume, find_obstacle, render_resume
from app.db import Database, create_engine
from app.domain.rendez_vous import Action
from app.embedded.smtp import Smtp
from app.tables import GuichetAgent
from tests.accueil.monde import JOUR, Journee, epoch_minute
from tests.admin.courriels import plain, wait_for_mails
from tests.booking.agents.foule import fill
from tests.fixtures.donnees import MondeService

DEMAIN = JOUR + timedelta(days=1)


def at(heure: str, jour: date = DEMAIN, zone: str = "Europe/Paris") -> datetime:
    """That local hour of tomorrow: the site's own worker is still on Monday."""
    h, m = heure.split(":")
    return datetime(jour.year, jour.month, jour.day, int(h), int(m), tzinfo=ZoneInfo(zone)).astimezone(UTC)


async def no_replacer(conn: AsyncConnection, agent_id: int, service_id: int, a: datetime) -> int:
    return 0


@pytest.fixture
async def nevers(journee: Journee) -> MondeService:
    """« box », assigned to the first guichet, wants the summary; nobody else of any service does."""
    async with journee.outils.db.engine.begin() as conn:
        await conn.execute(text("UPDATE agent SET resume_quotidien = FALSE"))
    service = await journee.service()
    async with journee.outils.db.engine.begin() as conn:
        await conn.execute(insert(GuichetAgent).values(guichet_id=service.guichets[0], agent_id=service.agents["box"]))
    await want(journee, service, "box")
    return service


async def want(journee: Journee, service: MondeService, qui: str, minute: int = 420) -> None:
    async with journee.outils.db.engine.begin() as conn:
        await conn.execute(
            text("UPDATE agent SET resume_quotidien = TRUE, resume_minute = :m WHERE id = :a"),
            {"m": minute, "a": service.agents[qui]},
        )


async def written(journee: Journee, service: MondeService, qui: str = "box") -> list[MessageResume]:
    async with journee.outils.db.read() as conn:
        requete = text(
            "SELECT donnees FROM courrier WHERE evenement = 'resume'"
            " AND CAST(donnees->>'agent_id' AS bigint) = :a ORDER BY id"
        )
        lues = (await conn.execute(requete, {"a": service.agents[qui]})).scalars()
        return [MessageResume.from_donnees(donnees) for donnees in lues]


async def run(journee: Journee, a: datetime, **plus: Any) -> int:
    return await write_resumes(journee.outils, a, plus.get("compter", no_replacer))


class TestContenu:
    """The day of each service, one's own hour by hour, what is to be done; nobody's name."""

    async def test_it_says_the_day_of_the_service_and_one_s_own(self, journee: Journee, nevers: MondeService) -> None:
        await journee.book(nevers, "10:00", "Secretissime", guichet=0, jour=DEMAIN)
        await journee.book(nevers, "09:00", guichet=0, jour=DEMAIN)
        affecte = await journee.book(nevers, "11:00", guichet=1, jour=DEMAIN)
        await journee.book(nevers, "12:00", guichet=1, jour=DEMAIN)
        await journee.book(nevers, "13:00", guichet=0, etat="annule", jour=DEMAIN)
        chef = Auteur("agent", agent_id=nevers.agents["chef"])
        await assign(journee.outils, affecte, {nevers.agents["box"]}, chef, clock.now(), revision=1)
        assert await run(journee, at("07:00")) == 1
        (message,) = await written(journee, nevers)
        (service,) = message.services
        assert (service.total, service.guichets) == (4, (("Guichet 1", 2), ("Guichet 2", 2)))
        assert [(r.heure, r.designe) for r in service.rdvs] == [("09:00", False), ("10:00", False), ("11:00", True)]
        assert service.a_replacer is None
        entete = Entete("Finances publiques", "ne-pas-repondre@rdv.test", "box@dgfip.test", "<a@b>")
        courriel = render_resume(message, entete, at("07:00"))
        sujet = plain(str(courriel["Subject"]))
        assert sujet == "Votre journée du mardi 24 novembre 2026 : 4 rendez-vous, dont 3 pour vous"
        for partie in courriel.walk():
            if partie.get_content_maintype() == "text":
                contenu = plain(partie.get_content())
                assert "11:00" in contenu
                assert "Déclaration et calcul" in contenu
                assert "secretissime" not in contenu.lower()
                assert f"/services/{nevers.id}/agenda?jour=2026-11-24" in contenu.replace("&amp;", "&")

    async def test_contre_appels_to_make_and_rdv_to_place_again_are_counted(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        await want(journee, nevers, "chef")
        await journee.book(nevers, "09:00", jour=DEMAIN)
        for heure in ("09:00", "10:00"):
            await journee.book(nevers, heure, jour=DEMAIN + timedelta(days=1))

        async def three(conn: AsyncConnection, agent_id: int, service_id: int, a: datetime) -> int:
            return 3

        assert await run(journee, at("07:00"), compter=three) == 2
        (chef,), (box,) = await written(journee, nevers, "chef"), await written(journee, nevers)
        assert (chef.services[0].a_replacer, chef.a_rappeler) == (3, 2)
        assert (box.services[0].a_replacer, box.a_rappeler) == (None, 2)  # he organises nothing

    async def test_thousands_to_call_are_counted_exactly_and_nobody_is_read(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        await journee.book(nevers, "09:00", jour=DEMAIN)
        await fill(journee, nevers, 2100, nevers.motifs[0], JOUR + timedelta(days=2))
        requetes: list[str] = []
        moteur = journee.outils.db.engine.sync_engine

        def note(*recu: Any) -> None:
            requetes.append(recu[2])

        event.listen(moteur, "before_cursor_execute", note)
        try:
            await run(journee, at("07:00"))
        finally:
            event.remove(moteur, "before_cursor_execute", note)
        (message,) = await written(journee, nevers)
        assert message.a_rappeler == 2100
        assert any("rdv_usager" in requete for requete in requetes)
        assert not any(nom in requete for requete in requetes for nom in ("nom_usage", "prenoms", "raison_sociale"))

    async def test_a_long_day_is_cut_and_says_so(self, journee: Journee, nevers: MondeService) -> None:
        for rang in range(LISTE_MAX + 2):
            minutes = 6 * 60 + 20 * rang
            await journee.book(nevers, f"{minutes // 60:02d}:{minutes % 60:02d}", jour=DEMAIN)
        await run(journee, at("07:00"))
        (message,) = await written(journee, nevers)
        assert (len(message.services[0].rdvs), message.services[0].autres) == (LISTE_MAX, 2)

    async def test_services_of_two_hours_are_each_in_theirs(self, journee: Journee, nevers: MondeService) -> None:
        reunion = await journee.service(fuseau="Indian/Reunion", departement="974")
        await journee.attach(nevers.agents["box"], reunion)
        await journee.book(nevers, "09:00", jour=DEMAIN)
        await journee.book(reunion, "10:00", jour=DEMAIN)
        await run(journee, at("23:30", JOUR))  # already tomorrow in Saint-Denis, seven o'clock nowhere
        assert await written(journee, nevers) == []
        await run(journee, at("07:00"))
        (message,) = await written(journee, nevers)
        assert [s.jour for s in message.services] == [DEMAIN, DEMAIN]
        assert {s.rdvs[0].heure for s in message.services if s.rdvs} == {"09:00"}


class TestQuand:
    """At the agent's hour, where he works, on days with rendez-vous, to who still has the right."""

    async def test_from_his_hour_on_and_not_long_after(self, journee: Journee, nevers: MondeService) -> None:
        await journee.book(nevers, "15:00", jour=DEMAIN)
        await want(journee, nevers, "box", 8 * 60 + 30)
        assert await run(journee, at("08:29")) == 0
        assert await run(journee, at("08:30") + RETARD_MAX) == 0
        assert await run(journee, at("08:30") + RETARD_MAX - timedelta(seconds=1)) == 1
        assert await run(journee, at("08:31")) == 0

    async def test_it_is_seven_o_clock_in_saint_denis_first(self, journee: Journee, nevers: MondeService) -> None:
        reunion = await journee.service(fuseau="Indian/Reunion", departement="974")
        await want(journee, reunion, "agent")
        await journee.book(reunion, "10:00", jour=DEMAIN)
        await journee.book(nevers, "10:00", jour=DEMAIN)
        assert await run(journee, at("07:00", zone="Indian/Reunion")) == 1
        assert len(await written(journee, reunion, "agent")) == 1
        assert await written(journee, nevers) == []

    async def test_no_rendez_vous_no_mail_all_day(self, journee: Journee, nevers: MondeService) -> None:
        assert await run(journee, at("07:00")) == 0
        await journee.book(nevers, "15:00", jour=DEMAIN)
        assert await run(journee, at("07:05")) == 0  # the day was decided at seven
        assert await written(journee, nevers) == []

    @pytest.mark.parametrize(
        "perdre",
        [
            "UPDATE agent SET suspendu_a = now() WHERE id = :a",
            "DELETE FROM rattachement WHERE agent_id = :a",
            "DELETE FROM habilitation WHERE agent_id = :a",
            "UPDATE agent SET courriel = '' WHERE id = :a",
            "UPDATE agent SET resume_quotidien = FALSE WHERE id = :a",
        ],
        ids=["suspendu", "detache", "sans-habilitation", "sans-adresse", "arrete"],
    )
    async def test_who_may_not_or_will_not_receives_none(
        self, journee: Journee, nevers: MondeService, perdre: str
    ) -> None:
        await journee.book(nevers, "15:00", jour=DEMAIN)
        async with journee.outils.db.engine.begin() as conn:
            await conn.execute(text(perdre), {"a": nevers.agents["box"]})
        assert await run(journee, at("07:00")) == 0
        assert await written(journee, nevers) == []

    async def test_written_then_untrue_it_does_not_leave(self, journee: Journee, nevers: MondeService) -> None:
        await journee.book(nevers, "15:00", jour=DEMAIN)
        await run(journee, at("07:00"))
        (message,) = await written(journee, nevers)
        adresse = await journee.scalar("SELECT courriel FROM agent WHERE id = :a", a=nevers.agents["box"])
        async with journee.outils.db.engine.connect() as conn:
            assert await find_obstacle(conn, message, adresse, at("07:01")) is None
            assert await find_obstacle(conn, message, adresse, at("00:00", DEMAIN + timedelta(days=1))) == PASSE
            assert await find_obstacle(conn, message, "ancienne@dgfip.test", at("07:01")) == DROIT_RETIRE
            await conn.execute(text("DELETE FROM rattachement WHERE agent_id = :a"), {"a": nevers.agents["box"]})
            assert await find_obstacle(conn, message, adresse, at("07:01")) == DROIT_RETIRE
            await conn.rollback()


class TestUneFois:
    """One a local day, whatever workers do."""

    async def test_two_workers_together_write_one(self, journee: Journee, nevers: MondeService) -> None:
        await journee.book(nevers, "15:00", jour=DEMAIN)
        autre = Outils(Database(create_engine(journee.outils.settings, nom="autre")), journee.outils.settings)
        entres, ouvrir = 0, asyncio.Event()

        async def slow(conn: AsyncConnection, agent_id: int, service_id: int, a: datetime) -> int:
            nonlocal entres
            entres += 1
            await ouvrir.wait()
            return 0

        await want(journee, nevers, "chef")  # he organises: his summary waits in the middle of its transaction
        try:
            taches = [asyncio.create_task(write_resumes(o, at("07:00"), slow)) for o in (journee.outils, autre)]
            await asyncio.sleep(0.3)
            ouvrir.set()
            assert sum(await asyncio.gather(*taches)) == 2  # one each, not two each
        finally:
            await autre.db.close()
        assert entres == 1
        assert len(await written(journee, nevers)) == len(await written(journee, nevers, "chef")) == 1

    async def test_killed_in_the_middle_it_is_written_by_the_next(self, journee: Journee, nevers: MondeService) -> None:
        await want(journee, nevers, "chef")
        await journee.book(nevers, "15:00", jour=DEMAIN)
        atteint = asyncio.Event()

        async def hang(conn: AsyncConnection, agent_id: int, service_id: int, a: datetime) -> int:
            atteint.set()
            await asyncio.sleep(60)
            return 0

        tache = asyncio.create_task(run(journee, at("07:00"), compter=hang))
        await asyncio.wait_for(atteint.wait(), 5)
        tache.cancel()
        await asyncio.gather(tache, return_exceptions=True)
        assert await written(journee, nevers, "chef") == []
        await run(journee, at("07:01"))
        assert await run(journee, at("07:02")) == 0
        assert len(await written(journee, nevers, "chef")) == 1

    async def test_one_that_fails_does_not_stop_the_others(self, journee: Journee, nevers: MondeService) -> None:
        await want(journee, nevers, "chef")
        await journee.book(nevers, "15:00", jour=DEMAIN)

        async def fail(conn: AsyncConnection, agent_id: int, service_id: int, a: datetime) -> int:
            raise ValueError("defect")

        assert await run(journee, at("07:00"), compter=fail) == 1
        assert len(await written(journee, nevers)) == 1
        assert await run(journee, at("07:01")) == 1  # the chef's, once the defect is gone

    async def test_the_real_worker_sends_it_through_the_real_server(
        self, journee: Journee, nevers: MondeService, smtp_server: Smtp
    ) -> None:
        await journee.book(nevers, "15:00")
        await want(journee, nevers, "box", 10 * 60)  # the site's clock says 10:05
        adresse = await journee.scalar("SELECT courriel FROM agent WHERE id = :a", a=nevers.agents["box"])
        nouveau, recu = await wait_for_mails(smtp_server, adresse, 2, 40.0)
        assert plain(nouveau.sujet).startswith("Nouveau rendez-vous")
        assert plain(recu.sujet) == "Votre journée du lundi 23 novembre 2026 : 1 rendez-vous, dont 1 pour vous"
        assert f"{journee.site.url}/agent/preferences" in recu.texte


async def cancel(journee: Journee, service: MondeService, rdv: int, auteur: Auteur, titre: Any) -> None:
    await act(journee.outils, rdv, Action.ANNULER, auteur, clock.now(), raison="Je suis guéri", titre=titre)


async def displace(journee: Journee, service: MondeService, rdv: int, auteur: Auteur, titre: Any) -> None:
    cible = Cible(epoch_minute("10:00", jour=JOUR + timedelta(days=9)))
    await move(journee.outils, rdv, cible, auteur, clock.now(), titre=titre)


class TestBoiteDuService:
    """A change made by the usager is told to the service's mailbox; it names nobody; it can be turned off."""

    @staticmethod
    async def by_usager(journee: Journee, rdv: int, nom: str = "Secretissime") -> ParCode:
        code = await journee.scalar("SELECT code FROM rendez_vous WHERE id = :r", r=rdv)
        return ParCode(code, nom, clock.now() - timedelta(days=1))

    async def rows(self, journee: Journee, rdv: int) -> list[Any]:
        async with journee.outils.db.read() as conn:
            requete = text(
                "SELECT destinataire, donnees FROM courrier WHERE rdv_id = :r AND evenement = 'changement' ORDER BY id"
            )
            return list(await conn.execute(requete, {"r": rdv}))

    async def mailbox(self, journee: Journee, service: MondeService) -> str:
        adresse = f"boite-{service.id}@dgfip.test"
        await change_boite(journee, service, adresse)
        return adresse

    async def test_a_move_then_a_cancellation_reach_it(
        self, journee: Journee, nevers: MondeService, smtp_server: Smtp
    ) -> None:
        boite = await self.mailbox(journee, nevers)
        rdv = await journee.book(nevers, "10:00", "Secretissime", jour=JOUR + timedelta(days=8))
        titre = await self.by_usager(journee, rdv)
        await displace(journee, nevers, rdv, Auteur("usager"), titre)
        await wait_for_mails(smtp_server, boite, 1)
        await cancel(journee, nevers, rdv, Auteur("usager"), titre)
        deplace, annule = await wait_for_mails(smtp_server, boite, 2)
        code = titre.code
        assert plain(deplace.sujet).startswith("Déplacé par l’usager : rendez-vous du mercredi 2 décembre 2026 à 10 h")
        assert "il était le mardi 1er décembre 2026 à 10 h" in plain(deplace.texte)
        assert plain(annule.sujet).startswith("Annulé par l’usager")
        for courriel in (deplace, annule):
            assert code in courriel.texte
            assert f"{journee.site.url}/rendez-vous/{rdv}" in courriel.texte
            for interdit in ("secretissime", "justine", "guéri", "+336"):
                assert interdit not in (courriel.sujet + courriel.texte + courriel.html).lower()

    @pytest.mark.parametrize("faire", [cancel, displace], ids=["annule", "deplace"])
    async def test_an_agent_s_own_acts_do_not(
        self, journee: Journee, nevers: MondeService, faire: Callable[..., Any]
    ) -> None:
        rdv = await journee.book(nevers, "10:00", jour=JOUR + timedelta(days=8))
        await faire(journee, nevers, rdv, Auteur("agent", agent_id=nevers.agents["agent"]), None)
        assert await self.rows(journee, rdv) == []

    async def test_a_service_without_a_mailbox_loses_nothing(self, journee: Journee, nevers: MondeService) -> None:
        await change_boite(journee, nevers, "")
        rdv = await journee.book(nevers, "10:00", "Secretissime", jour=JOUR + timedelta(days=8))
        await cancel(journee, nevers, rdv, Auteur("usager"), await self.by_usager(journee, rdv))
        assert await self.rows(journee, rdv) == []
        assert await journee.scalar("SELECT etat FROM rendez_vous WHERE id = :r", r=rdv) == "annule"

    async def test_the_service_may_turn_it_off(self, journee: Journee, nevers: MondeService) -> None:
        async with journee.outils.db.engine.begin() as conn:
            await conn.execute(
                text(
                    "INSERT INTO parametre (cle, service_id, valeur, modifie_a)"
                    " VALUES ('prevenir_service', :s, 'false', now())"
                ),
                {"s": nevers.id},
            )
        await change_boite(journee, nevers, "boite@dgfip.test")
        rdv = await journee.book(nevers, "10:00", "Secretissime", jour=JOUR + timedelta(days=8))
        await cancel(journee, nevers, rdv, Auteur("usager"), await self.by_usager(journee, rdv))
        assert await self.rows(journee, rdv) == []

    async def test_the_desk_is_told_that_he_did_it(self, journee: Journee, nevers: MondeService) -> None:
        rdv = await journee.book(nevers, "10:00", "Secretissime", jour=JOUR + timedelta(days=8))
        await cancel(journee, nevers, rdv, Auteur("usager"), await self.by_usager(journee, rdv))
        trame = await journee.scalar(
            "SELECT trame FROM outbox WHERE sujet = :s ORDER BY version DESC LIMIT 1", s=f"service:{nevers.id}"
        )
        assert '"rdv.annule"' in trame
        assert '"par":"usager"' in trame


async def change_boite(journee: Journee, service: MondeService, adresse: str) -> None:
    async with journee.outils.db.engine.begin() as conn:
        await conn.execute(
            text("UPDATE service_fiscal SET courriel = :c WHERE id = :s"), {"c": adresse, "s": service.id}
        )
        await conn.execute(
            text("UPDATE agenda SET version_planning = version_planning + 1 WHERE service_id = :s"), {"s": service.id}
        )
