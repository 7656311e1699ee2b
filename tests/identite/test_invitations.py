"""Invitations: a one-time link by mail, a password of one's own, signed in under a new identifier (C §4; P13)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
from playwright.async_api import Browser
from sqlalchemy import select, text

from app import clock
from app.booking.outils import Auteur, Outils
from app.db import Database, UnitOfWork, create_engine
from app.embedded.boite import list_messages, read_message
from app.embedded.smtp import Smtp
from app.errors import Introuvable
from app.identite.invitations import DUREE, accept, invite, read_invitation
from app.identite.mots_de_passe import judge_mot_de_passe
from app.identite.sessions import empreinte, open_session
from app.tables import Courrier, Invitation
from tests.accueil.monde import axe
from tests.fixtures.base import Site, until
from tests.fixtures.donnees import build_agent, build_service

BON = "girafe-verte-sous-la-pluie-92"


@pytest.fixture
async def agent(outils: Outils) -> int:
    """An account without a password, in a service."""
    async with outils.db.engine.begin() as conn:
        service = await build_service(conn)
        return await build_agent(conn, "claire", service_id=service.id, zone=[service.id])


async def send(outils: Outils, agent_id: int, par: int | None = None) -> str:
    """Invite; the token, as the mail's row carries it."""

    async def travail(uow: UnitOfWork) -> None:
        auteur = Auteur("agent" if par else "systeme", agent_id=par)
        await invite(uow, outils.settings, agent_id, auteur, clock.now(), service_id=None)

    await outils.db.transaction(travail)
    async with outils.db.read() as conn:
        donnees = (
            await conn.execute(
                select(Courrier.donnees).where(Courrier.evenement == "invitation").order_by(Courrier.id.desc()).limit(1)
            )
        ).scalar_one()
    lien: str = donnees["lien_gestion"]
    assert lien.startswith(f"{outils.settings.base_url}/invitation/")
    return lien.rpartition("/")[2]


async def spend(outils: Outils, jeton: str, mot_de_passe: str = BON) -> str:
    return await accept(outils.db, jeton, mot_de_passe, mot_de_passe, ancien_jeton=None, adresse=None, a=clock.now())


class TestLeLien:
    """72 hours, once; the next one ends it; a copy of the database opens none."""

    async def test_it_serves_once(self, outils: Outils, agent: int) -> None:
        jeton = await send(outils, agent)
        assert (await read_invitation(outils.db, jeton, clock.now())).agent_id == agent
        await spend(outils, jeton)
        with pytest.raises(Introuvable, match="ne peut plus servir"):
            await spend(outils, jeton)

    async def test_sending_another_ends_the_previous_and_its_waiting_mail(self, outils: Outils, agent: int) -> None:
        premier, second = await send(outils, agent), await send(outils, agent)
        with pytest.raises(Introuvable):
            await read_invitation(outils.db, premier, clock.now())
        await read_invitation(outils.db, second, clock.now())
        async with outils.db.read() as conn:
            lignes = (await conn.execute(select(Courrier.abandonne_a, Courrier.donnees).order_by(Courrier.id))).all()
        assert [ligne.abandonne_a is not None for ligne in lignes] == [True, False]
        assert "lien_gestion" not in lignes[0].donnees

    async def test_it_dies_after_72_hours(self, outils: Outils, agent: int) -> None:
        jeton = await send(outils, agent)
        juste_avant = clock.now() + DUREE - timedelta(minutes=1)
        assert (await read_invitation(outils.db, jeton, juste_avant)).agent_id == agent
        with pytest.raises(Introuvable):
            await read_invitation(outils.db, jeton, clock.now() + DUREE)
        assert timedelta(hours=72) == DUREE

    async def test_a_suspended_account_s_link_is_dead(self, outils: Outils, agent: int) -> None:
        jeton = await send(outils, agent)
        async with outils.db.engine.begin() as conn:
            await conn.execute(text("UPDATE agent SET suspendu_a = :a"), {"a": clock.now()})
        with pytest.raises(Introuvable):
            await spend(outils, jeton)

    async def test_the_database_alone_opens_nothing(self, outils: Outils, agent: int) -> None:
        jeton = await send(outils, agent)
        async with outils.db.read() as conn:
            ligne = (await conn.execute(select(Invitation))).one()
        assert jeton.encode() not in bytes(ligne.empreinte) + bytes(ligne.sel)
        assert bytes(ligne.empreinte) == empreinte(jeton)
        assert len(bytes(ligne.sel)) == 16

    async def test_spent_by_two_at_once_it_opens_one_session(self, outils: Outils, agent: int) -> None:
        import asyncio

        jeton = await send(outils, agent)
        resultats = await asyncio.gather(*(spend(outils, jeton) for _ in range(6)), return_exceptions=True)
        assert sum(isinstance(r, str) for r in resultats) == 1
        assert all(isinstance(r, str | Introuvable) for r in resultats)

    async def test_choosing_a_password_ends_every_other_session(self, outils: Outils, agent: int) -> None:
        await open_session(outils.db, agent, ancien_jeton=None, adresse=None, a=clock.now())
        jeton = await spend(outils, await send(outils, agent))
        async with outils.db.read() as conn:
            vives = (await conn.execute(text("SELECT empreinte FROM session WHERE revoquee_a IS NULL"))).scalars().all()
        assert [bytes(v) for v in vives] == [empreinte(jeton)]


class TestLeMotDePasse:
    """At least twelve characters, and none of those that are tried first."""

    @pytest.mark.parametrize(
        "mot",
        [
            "court-mais",
            "motdepasse2026",
            "azertyuiop123",
            "Bonjour123456",
            "claire.morel58",
            "aaaaaaaaaaaaaaaa",
            "123456789012345",
            "claire@dgfip.test",
        ],
    )
    def test_weak_ones_are_refused_with_a_sentence(self, mot: str) -> None:
        assert judge_mot_de_passe(mot, ("claire", "Morel", "Claire", "claire@dgfip.test")).endswith(".")

    @pytest.mark.parametrize("mot", [BON, "tasse bleue lundi cactus", "Xk7#pQ2v!mZr9", "ddd é€ 日本語の長い文です"])
    def test_long_ones_of_one_s_own_are_accepted(self, mot: str) -> None:
        assert judge_mot_de_passe(mot, ("claire", "Morel")) == ""

    def test_a_huge_one_costs_nothing(self) -> None:
        assert "au plus" in judge_mot_de_passe("x" * 100_000, ())


class TestLeCourriel:
    """The worker sends it through real SMTP; once gone, the link is nowhere."""

    async def test_it_arrives_with_its_link_and_the_row_forgets_it(self, site: Site, smtp_server: Smtp) -> None:
        db = Database(create_engine(site.settings, nom="tests"))
        outils = Outils(db, site.settings)
        try:
            async with db.engine.begin() as conn:
                service = await build_service(conn)
                chef = await build_agent(conn, "cheffe", profil="admin_local", service_id=service.id)
                agent = await build_agent(conn, "nouvelle", service_id=service.id, zone=[service.id])
            jeton = await send(outils, agent, par=chef)
            courriel = await until(lambda: find(smtp_server, "nouvelle@dgfip.test"), delai_s=10)
            assert courriel.sujet == "Votre accès à l’accueil sur rendez-vous"
            assert f"/invitation/{jeton}" in courriel.texte
            assert f"/invitation/{jeton}" in courriel.html
            assert "nouvelle" in courriel.texte
            assert "Cheffe MOREL" in courriel.texte
            assert courriel.calendrier == ""

            async def sent() -> bool:
                async with db.read() as conn:
                    ligne = (await conn.execute(select(Courrier.envoye_a, Courrier.donnees))).one()
                return ligne.envoye_a is not None and "lien_gestion" not in ligne.donnees

            await until(sent)
            assert jeton not in site.journal.read_text()
        finally:
            await db.close()

    async def test_a_mail_whose_link_died_meanwhile_does_not_leave(self, outils: Outils, agent: int) -> None:
        from app.courrier.invitation import PERIME, render_invitation
        from app.courrier.rendu import Entete

        await send(outils, agent)
        async with outils.db.read() as conn:
            donnees = (await conn.execute(select(Courrier.donnees))).scalar_one()
        entete = Entete("Accueil", "a@b.test", "c@d.test", "<1@b.test>")
        assert render_invitation(donnees, entete, clock.now() + DUREE) == PERIME
        assert not isinstance(render_invitation(donnees, entete, clock.now()), str)

    async def test_hostile_names_do_no_harm_in_it(self, outils: Outils, agent: int) -> None:
        from app.courrier.invitation import render_invitation
        from app.courrier.rendu import Entete

        async with outils.db.engine.begin() as conn:
            await conn.execute(text("UPDATE agent SET nom = '<script>alert(1)</script>', prenom = 'www.evil.test'"))
        await send(outils, agent)
        async with outils.db.read() as conn:
            donnees = (await conn.execute(select(Courrier.donnees))).scalar_one()
        courriel = render_invitation(donnees, Entete("A", "a@b.test", "c@d.test", "<1@b.test>"), clock.now())
        assert not isinstance(courriel, str)
        assert "<script>" not in courriel.as_string()
        assert "evil.test" not in courriel.as_string()


def find(smtp: Smtp, pour: str) -> object:
    for apercu in list_messages(smtp.dossier):
        message = read_message(smtp.dossier, apercu.cle)
        if pour in message.destinataires:
            return message
    return None


class TestLaPage:
    """GET spends nothing; POST signs in; a refusal keeps the link."""

    @pytest.fixture
    async def client(self, site: Site) -> AsyncIterator[httpx.AsyncClient]:
        async with httpx.AsyncClient(base_url=site.url, headers={"Origin": site.url}, timeout=10) as ouvert:
            yield ouvert

    @pytest.fixture
    async def jeton(self, site: Site) -> AsyncIterator[str]:
        db = Database(create_engine(site.settings, nom="tests"))
        async with db.engine.begin() as conn:
            service = await build_service(conn)
            agent = await build_agent(conn, "claire", service_id=service.id, zone=[service.id])
        yield await send(Outils(db, site.settings), agent)
        await db.close()

    async def post(self, client: httpx.AsyncClient, jeton: str, mot: str, repetition: str) -> httpx.Response:
        page = (await client.get(f"/invitation/{jeton}")).text
        csrf = re.findall(r'name="csrf" content="([0-9a-f]+)"', page)[0]
        donnees = {"mot_de_passe": mot, "repetition": repetition, "_csrf": csrf}
        return await client.post(f"/invitation/{jeton}", data=donnees)

    async def test_from_the_link_to_the_dashboard(self, client: httpx.AsyncClient, jeton: str) -> None:
        for _ in range(2):
            page = await client.get(f"/invitation/{jeton}")
            assert page.status_code == 200
            assert page.headers["referrer-policy"] == "no-referrer"
            assert page.headers["cache-control"] == "no-store"
        assert (await client.head(f"/invitation/{jeton}")).status_code in (200, 405)
        faible = await self.post(client, jeton, "motdepasse2026", "motdepasse2026")
        different = await self.post(client, jeton, BON, BON + "!")
        assert (faible.status_code, different.status_code) == (422, 422)
        assert "se devine" in faible.text
        assert "diffèrent" in different.text
        assert BON not in different.text
        bon = await self.post(client, jeton, BON, BON)
        assert bon.status_code == 303
        assert (await client.get("/agent")).status_code == 200
        mort = await client.get(f"/invitation/{jeton}")
        assert mort.status_code == 404
        assert "ne peut plus servir" in mort.text

    async def test_the_password_then_opens_the_front_door(self, client: httpx.AsyncClient, jeton: str) -> None:
        await self.post(client, jeton, BON, BON)
        client.cookies.clear()
        page = (await client.get("/connexion")).text
        csrf = re.findall(r'name="csrf" content="([0-9a-f]+)"', page)[0]
        reponse = await client.post("/connexion", data={"identifiant": "claire", "mot_de_passe": BON, "_csrf": csrf})
        assert reponse.status_code == 303

    async def test_unknown_links_say_the_same_as_dead_ones(self, client: httpx.AsyncClient, jeton: str) -> None:
        for faux in ("x" * 32, jeton[:-1] + ("A" if jeton[-1] != "A" else "B"), "%00", "é"):
            reponse = await client.get(f"/invitation/{faux}")
            assert reponse.status_code == 404
            assert "Lien inutilisable" in reponse.text or faux == "%00"

    @pytest.mark.e2e
    async def test_by_keyboard_alone_and_nothing_for_axe(self, browser: Browser, site: Site, jeton: str) -> None:
        contexte = await browser.new_context(viewport={"width": 390, "height": 800}, locale="fr-FR")
        page = await contexte.new_page()
        await page.goto(f"{site.url}/invitation/{jeton}")
        assert await axe(page) == []
        await page.locator("#champ-mot_de_passe").focus()
        await page.keyboard.type("motdepasse2026")
        await page.keyboard.press("Tab")
        await page.keyboard.type("motdepasse2026")
        await page.keyboard.press("Enter")
        await page.wait_for_selector("[data-erreurs]:focus")
        assert await axe(page) == []
        await page.locator("#champ-mot_de_passe").focus()
        await page.keyboard.type(BON)
        await page.keyboard.press("Tab")
        await page.keyboard.type(BON)
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/agent")
        await contexte.close()


async def test_the_mail_s_link_is_not_in_its_own_journal(outils: Outils, agent: int) -> None:
    jeton = await send(outils, agent)
    async with outils.db.read() as conn:
        lignes = (await conn.execute(text("SELECT row_to_json(journal)::text FROM journal"))).scalars().all()
    assert lignes
    assert not any(jeton in ligne for ligne in lignes)
