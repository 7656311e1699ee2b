"""A calendar subscribed to by a secret address: an agent's own, or a guichet's (G 2.3.3)."""

from __future__ import annotations

import asyncio
import re
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from icalendar import Calendar, Event
from sqlalchemy import insert, text

from app import clock
from app.booking.abonnements import ABONNEMENTS_MAX, AbonnementCree, create_abonnement
from app.booking.affecter import assign
from app.booking.agents.agenda_abonne import PAR_AGENDA
from app.booking.deplacer import Cible, move
from app.booking.outils import Auteur
from app.domain.rendez_vous import Action
from app.errors import Introuvable, RegleRefusee
from app.tables import GuichetAgent
from tests.accueil.monde import JOUR, Journee, epoch_minute
from tests.booking.agents.outillage import texte
from tests.fixtures.donnees import MondeService

PREFERENCES = "/agent/preferences"


@pytest.fixture
async def nevers(journee: Journee) -> MondeService:
    """« box » is assigned to the first guichet."""
    service = await journee.service()
    await assign_guichet(journee, service, "box", 0)
    return service


async def assign_guichet(journee: Journee, service: MondeService, qui: str, guichet: int) -> None:
    async with journee.outils.db.engine.begin() as conn:
        await conn.execute(
            insert(GuichetAgent).values(guichet_id=service.guichets[guichet], agent_id=service.agents[qui])
        )


async def subscribe(journee: Journee, service: MondeService, qui: str, guichet: int | None = None) -> AbonnementCree:
    auteur = Auteur("agent", agent_id=service.agents[qui])
    return await create_abonnement(
        journee.outils, auteur, None if guichet is None else service.guichets[guichet], clock.now()
    )


async def fetch(journee: Journee, secret: str, methode: str = "GET", **entetes: str) -> httpx.Response:
    """As a calendar program does: no cookie, no Origin."""
    async with httpx.AsyncClient(base_url=journee.site.url, timeout=10) as client:
        return await client.request(methode, f"/agendas/{secret}.ics", headers=entetes)


async def read_events(journee: Journee, secret: str) -> list[Event]:
    reponse = await fetch(journee, secret)
    assert reponse.status_code == 200
    return list(Calendar.from_ical(reponse.content).events)


class TestContenu:
    """What a shared calendar may hold, and what it must."""

    async def test_an_agent_s_own_has_his_guichets_and_what_is_assigned_to_him(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        mien = await journee.book(nevers, "14:00", guichet=0)
        affecte = await journee.book(nevers, "15:00", guichet=1)
        await journee.book(nevers, "16:00", guichet=1)
        auteur = Auteur("agent", agent_id=nevers.agents["chef"])
        await assign(journee.outils, affecte, {nevers.agents["box"]}, auteur, clock.now(), revision=1)
        evenements = await read_events(journee, (await subscribe(journee, nevers, "box")).secret)
        assert [str(e["UID"]).split("@")[0] for e in evenements] == [f"agent-rdv-{mien}", f"agent-rdv-{affecte}"]

    async def test_a_guichet_s_has_all_its_rendez_vous(self, journee: Journee, nevers: MondeService) -> None:
        await journee.book(nevers, "14:00", guichet=0)
        autres = [await journee.book(nevers, heure, guichet=1) for heure in ("15:00", "16:00")]
        evenements = await read_events(journee, (await subscribe(journee, nevers, "agent", 1)).secret)
        assert [str(e["UID"]).split("@")[0] for e in evenements] == [f"agent-rdv-{r}" for r in autres]

    async def test_it_says_when_where_and_how_neither_who_nor_why(self, journee: Journee, nevers: MondeService) -> None:
        rdv = await journee.book(nevers, "14:00", "Secretissime")
        code = await journee.scalar("SELECT code FROM rendez_vous WHERE id = :r", r=rdv)
        corps = (await fetch(journee, (await subscribe(journee, nevers, "box")).secret)).text
        brut = corps.replace("\r\n ", "").replace("\n ", "")
        for interdit in ("secretissime", code.lower(), "impôt", "avis", "justine", "+336"):
            assert interdit not in brut.lower()
        (evenement,) = Calendar.from_ical(corps).events
        assert evenement["SUMMARY"] == "Rendez-vous au guichet – Guichet 1"
        assert evenement["URL"] == f"{journee.site.url}/rendez-vous/{rdv}"
        assert evenement.decoded("DTSTART").astimezone(ZoneInfo("Europe/Paris")).strftime("%H:%M") == "14:00"
        assert evenement["DTSTART"].params["TZID"] == "Europe/Paris"
        assert "BEGIN:VTIMEZONE" in corps

    async def test_a_move_keeps_the_uid_and_raises_the_sequence_a_cancelled_one_leaves(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        rdv = await journee.book(nevers, "14:00")
        secret = (await subscribe(journee, nevers, "box")).secret
        (avant,) = await read_events(journee, secret)
        auteur = Auteur("agent", agent_id=nevers.agents["chef"])
        await move(journee.outils, rdv, Cible(epoch_minute("15:00"), nevers.guichets[0]), auteur, clock.now())
        (apres,) = await read_events(journee, secret)
        assert apres["UID"] == avant["UID"]
        assert apres.decoded("SEQUENCE") == avant.decoded("SEQUENCE") + 1
        assert apres.decoded("DTSTART") - avant.decoded("DTSTART") == timedelta(hours=1)
        await journee.act(nevers, rdv, Action.ANNULER)
        assert await read_events(journee, secret) == []

    async def test_seven_days_back_sixty_ahead(self, journee: Journee, nevers: MondeService) -> None:
        rdvs = {}
        for jours in (-8, -7, 60, 61):
            rdvs[jours] = await journee.book(nevers, "14:00" if jours in (-8, 61) else "15:00")
            async with journee.outils.db.engine.begin() as conn:
                await conn.execute(
                    text(
                        "UPDATE rendez_vous SET jour = jour + CAST(:n AS integer),"
                        " debut = debut + make_interval(days => :n), fin = fin + make_interval(days => :n)"
                        " WHERE id = :r"
                    ),
                    {"n": jours, "r": rdvs[jours]},
                )
        evenements = await read_events(journee, (await subscribe(journee, nevers, "box")).secret)
        jours_lus = {e.decoded("DTSTART").date() for e in evenements}
        assert jours_lus == {JOUR - timedelta(days=7), JOUR + timedelta(days=60)}

    @pytest.mark.parametrize(
        ("fuseau", "jour"),
        [("Indian/Reunion", date(2026, 11, 24)), ("America/Miquelon", date(2026, 11, 24))],
        ids=["reunion", "miquelon"],
    )
    async def test_hours_are_those_of_the_service(self, journee: Journee, fuseau: str, jour: date) -> None:
        service = await journee.service(fuseau=fuseau, departement="974" if "Reunion" in fuseau else "975")
        await assign_guichet(journee, service, "box", 0)
        await journee.book(service, "14:00", jour=jour)
        (evenement,) = await read_events(journee, (await subscribe(journee, service, "box")).secret)
        assert evenement["DTSTART"].params["TZID"] == fuseau
        assert evenement.decoded("DTSTART").strftime("%H:%M") == "14:00"


class TestDroits:
    """The rights are asked again at each read; every refusal is the same 404."""

    @pytest.mark.parametrize(
        "perdre",
        [
            "UPDATE agent SET suspendu_a = now() WHERE id = :a",
            "DELETE FROM rattachement WHERE agent_id = :a",
            "DELETE FROM habilitation WHERE agent_id = :a",
        ],
        ids=["suspendu", "detache", "sans-habilitation"],
    )
    @pytest.mark.parametrize("guichet", [None, 1], ids=["sien", "guichet"])
    async def test_who_lost_the_agenda_has_no_calendar_any_more(
        self, journee: Journee, nevers: MondeService, perdre: str, guichet: int | None
    ) -> None:
        cree = await subscribe(journee, nevers, "box", guichet)
        assert (await fetch(journee, cree.secret)).status_code == 200
        async with journee.outils.db.engine.begin() as conn:
            await conn.execute(text(perdre), {"a": nevers.agents["box"]})
        assert (await fetch(journee, cree.secret)).status_code == 404

    async def test_another_service_s_guichet_cannot_be_subscribed_to(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        autre = await journee.service()
        auteur = Auteur("agent", agent_id=nevers.agents["box"])
        for guichet in (autre.guichets[0], 2**62):
            with pytest.raises(Introuvable):
                await create_abonnement(journee.outils, auteur, guichet, clock.now())

    @pytest.mark.parametrize("qui", ["exterieur", "pilote"])
    async def test_who_holds_no_agenda_has_none_to_share(
        self, journee: Journee, nevers: MondeService, qui: str
    ) -> None:
        with pytest.raises(Introuvable):
            await subscribe(journee, nevers, qui)

    async def test_detached_from_one_service_the_others_remain(self, journee: Journee, nevers: MondeService) -> None:
        autre = await journee.service()
        await journee.attach(nevers.agents["box"], autre)
        async with journee.outils.db.engine.begin() as conn:
            await conn.execute(insert(GuichetAgent).values(guichet_id=autre.guichets[0], agent_id=nevers.agents["box"]))
        await journee.book(nevers, "14:00")
        la = await journee.book(autre, "15:00")
        secret = (await subscribe(journee, nevers, "box")).secret
        assert len(await read_events(journee, secret)) == 2
        async with journee.outils.db.engine.begin() as conn:
            await conn.execute(
                text("DELETE FROM rattachement WHERE agent_id = :a AND service_id = :s"),
                {"a": nevers.agents["box"], "s": nevers.id},
            )
        (reste,) = await read_events(journee, secret)
        assert str(reste["UID"]).startswith(f"agent-rdv-{la}@")


class TestSecret:
    """256 random bits, hashed, in no log; tampered or revoked, nothing."""

    async def test_the_database_holds_its_print_alone(self, journee: Journee, nevers: MondeService) -> None:
        secret = (await subscribe(journee, nevers, "box")).secret
        assert re.fullmatch(r"[A-Za-z0-9_-]{43}", secret)
        tout = await journee.scalar("SELECT string_agg(t::text, ' ') FROM abonnement t")
        journal = await journee.scalar("SELECT string_agg(t::text, ' ') FROM journal t")
        assert secret not in tout + journal

    async def test_tampered_it_is_a_404_and_no_log_holds_it(self, journee: Journee, nevers: MondeService) -> None:
        secret = (await subscribe(journee, nevers, "box")).secret
        faux = ("A" if secret[0] != "A" else "B") + secret[1:]
        for chemin in (faux, secret[:-1], secret + "A", secret.swapcase(), "%00" + secret):
            assert (await fetch(journee, chemin)).status_code == 404
        async with httpx.AsyncClient(base_url=journee.site.url) as client:
            assert (await client.get(f"/agendas/{secret}")).status_code == 404  # not without its ending
        assert (await fetch(journee, secret)).status_code == 200
        assert (await fetch(journee, secret, "POST")).status_code in (403, 405)
        journal = journee.site.journal.read_text()
        assert secret not in journal
        assert faux not in journal

    async def test_renewed_or_removed_the_former_address_opens_nothing(
        self, journee: Journee, nevers: MondeService
    ) -> None:
        cree = await subscribe(journee, nevers, "box")
        async with journee.client(nevers.agents["box"]) as client:
            page = await client.post(f"{PREFERENCES}/agendas/{cree.id}/renouvellement")
            nouveau = re.search(r"/agendas/([A-Za-z0-9_-]{43})\.ics", page.text)
            assert nouveau is not None
            assert (await fetch(journee, cree.secret)).status_code == 404
            assert (await fetch(journee, nouveau[1])).status_code == 200
            assert (await client.post(f"{PREFERENCES}/agendas/{cree.id}/retrait")).status_code == 303
            assert (await client.post(f"{PREFERENCES}/agendas/{cree.id}/retrait")).status_code == 303
        assert (await fetch(journee, nouveau[1])).status_code == 404
        actions = await journee.scalar(
            "SELECT array_agg(action ORDER BY id) FROM journal WHERE objet = 'abonnement' AND objet_id = :i", i=cree.id
        )
        assert actions == ["abonnement.cree", "abonnement.renouvele", "abonnement.retire"]

    async def test_somebody_else_s_is_neither_renewed_nor_removed(self, journee: Journee, nevers: MondeService) -> None:
        cree = await subscribe(journee, nevers, "box")
        async with journee.client(nevers.agents["agent"]) as client:
            assert (await client.post(f"{PREFERENCES}/agendas/{cree.id}/renouvellement")).status_code == 404
            await client.post(f"{PREFERENCES}/agendas/{cree.id}/retrait")
        assert (await fetch(journee, cree.secret)).status_code == 200


class TestLecture:
    """HTTP as calendar programs speak it."""

    async def test_nothing_new_is_304_anything_new_is_200(self, journee: Journee, nevers: MondeService) -> None:
        secret = (await subscribe(journee, nevers, "box")).secret
        premiere = await fetch(journee, secret)
        etag = premiere.headers["etag"]
        assert premiere.headers["cache-control"].startswith("private")
        assert premiere.headers["content-type"] == "text/calendar; charset=utf-8"
        assert "set-cookie" not in premiere.headers
        meme = await fetch(journee, secret, **{"If-None-Match": f'"autre", W/{etag}'})
        assert (meme.status_code, meme.content, meme.headers["etag"]) == (304, b"", etag)
        await journee.book(nevers, "14:00")
        neuve = await fetch(journee, secret, **{"If-None-Match": etag})
        assert neuve.status_code == 200
        assert neuve.headers["etag"] != etag
        assert (await fetch(journee, secret)).content == neuve.content

    async def test_head_says_the_same_without_the_body(self, journee: Journee, nevers: MondeService) -> None:
        secret = (await subscribe(journee, nevers, "box")).secret
        tete, corps = await fetch(journee, secret, "HEAD"), await fetch(journee, secret)
        assert (tete.status_code, tete.content) == (200, b"")
        assert tete.headers["etag"] == corps.headers["etag"]

    async def test_its_last_reading_is_a_day_no_more(self, journee: Journee, nevers: MondeService) -> None:
        cree = await subscribe(journee, nevers, "box")
        assert await journee.scalar("SELECT lu_le FROM abonnement WHERE id = :i", i=cree.id) is None
        await fetch(journee, cree.secret)
        assert await journee.scalar("SELECT lu_le FROM abonnement WHERE id = :i", i=cree.id) == JOUR
        async with journee.client(nevers.agents["box"]) as client:
            assert "lu la dernière fois lundi 23 novembre" in texte((await client.get(PREFERENCES)).text)

    async def test_asked_too_often_it_waits_and_the_others_do_not(self, journee: Journee, nevers: MondeService) -> None:
        presse, calme = await subscribe(journee, nevers, "box"), await subscribe(journee, nevers, "agent")
        statuts = [(await fetch(journee, presse.secret)).status_code for _ in range(PAR_AGENDA + 1)]
        assert statuts[:-1] == [200] * PAR_AGENDA or 200 in statuts[-2:]  # a window may begin meanwhile
        if statuts[-1] == 429:
            refus = await fetch(journee, presse.secret)
            assert int(refus.headers["retry-after"]) <= 300
        assert (await fetch(journee, calme.secret)).status_code == 200


class TestCreation:
    """From the preferences' page: shown once, bounded."""

    async def test_its_address_is_shown_once(self, journee: Journee, nevers: MondeService) -> None:
        async with journee.client(nevers.agents["box"]) as client:
            page = await client.post(f"{PREFERENCES}/agendas", data={"guichet": str(nevers.guichets[1])})
            assert page.status_code == 200
            assert page.headers["cache-control"] == "no-store"
            trouve = re.search(re.escape(journee.site.url) + r"/agendas/([A-Za-z0-9_-]{43})\.ics", page.text)
            assert trouve is not None
            suivante = await client.get(PREFERENCES)
            assert trouve[1] not in suivante.text
            assert "Guichet 2" in suivante.text
        assert (await fetch(journee, trouve[1])).status_code == 200

    async def test_there_is_a_bound(self, journee: Journee, nevers: MondeService) -> None:
        for _ in range(ABONNEMENTS_MAX):
            await subscribe(journee, nevers, "box")
        async with journee.client(nevers.agents["box"]) as client:
            reponse = await client.post(f"{PREFERENCES}/agendas", data={"guichet": ""})
        assert reponse.status_code == 422
        assert (
            await journee.scalar("SELECT count(*) FROM abonnement WHERE agent_id = :a", a=nevers.agents["box"])
            == ABONNEMENTS_MAX
        )

    async def test_asked_for_together_they_pass_it_no_more(self, journee: Journee, nevers: MondeService) -> None:
        issues = await asyncio.gather(
            *(subscribe(journee, nevers, "box") for _ in range(ABONNEMENTS_MAX * 2)), return_exceptions=True
        )
        assert sum(isinstance(issue, AbonnementCree) for issue in issues) == ABONNEMENTS_MAX
        assert sum(isinstance(issue, RegleRefusee) for issue in issues) == ABONNEMENTS_MAX
        nombre = "SELECT count(*) FROM abonnement WHERE agent_id = :a"
        assert await journee.scalar(nombre, a=nevers.agents["box"]) == ABONNEMENTS_MAX

    @pytest.mark.parametrize(
        ("donnees", "statut"),
        [({"guichet": "x"}, 422), ({"guichet": "999999"}, 404), ({"guichet": "", "agent_id": "1"}, 422)],
        ids=["mal-forme", "inconnu", "champ-inattendu"],
    )
    async def test_what_is_not_offered_is_refused(
        self, journee: Journee, nevers: MondeService, donnees: dict[str, Any], statut: int
    ) -> None:
        async with journee.client(nevers.agents["box"]) as client:
            assert (await client.post(f"{PREFERENCES}/agendas", data=donnees)).status_code == statut
