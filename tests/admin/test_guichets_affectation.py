"""Agents assigned to a guichet are told of its rendez-vous by mail (G 2.3.3), at no cost where nobody is assigned."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event, insert, text

from app import clock
from app.booking.deplacer import Cible, move
from app.booking.outils import Auteur
from app.domain.rendez_vous import Action
from app.embedded.smtp import Smtp
from app.tables import GuichetAgent
from tests.accueil.monde import Journee, epoch_minute
from tests.admin.courriels import plain, read_mails, wait_for_mails
from tests.admin.guichets import base, read_form, send
from tests.fixtures.donnees import MondeService


@pytest.fixture
async def nevers(journee: Journee) -> MondeService:
    """The agent « box » is assigned to the first guichet, « orientation » to the second."""
    service = await journee.service()
    async with journee.client(service.agents["chef"]) as client:
        for guichet, agent in zip(service.guichets, ("box", "orientation"), strict=True):
            champs = {**await read_form(client, service, guichet), "agent": [str(service.agents[agent])]}
            assert (await send(client, base(service, f"/{guichet}"), champs)).status_code == 303
    return service


async def adresse(journee: Journee, service: MondeService, qui: str) -> str:
    return str(await journee.scalar("SELECT courriel FROM agent WHERE id = :a", a=service.agents[qui]))


async def displace(journee: Journee, service: MondeService, rdv: int, heure: str, guichet: int) -> None:
    auteur = Auteur("agent", agent_id=service.agents["chef"])
    cible = Cible(epoch_minute(heure), service.guichets[guichet])
    await move(journee.outils, rdv, cible, auteur, clock.now())


class TestPrevenus:
    """Taken, moved, gone to another guichet, cancelled: each told once to whom it concerns, through the real server."""

    async def test_the_life_of_a_rendez_vous_reaches_its_guichet(
        self, journee: Journee, nevers: MondeService, smtp_server: Smtp
    ) -> None:
        box, orientation = await adresse(journee, nevers, "box"), await adresse(journee, nevers, "orientation")
        rdv = await journee.book(nevers, "14:00", "Secretissime")
        code = await journee.scalar("SELECT code FROM rendez_vous WHERE id = :r", r=rdv)
        (pris,) = await wait_for_mails(smtp_server, box, 1)
        assert plain(pris.sujet) == "Nouveau rendez-vous : lundi 23 novembre 2026 à 14 h, Guichet 1"
        assert code in pris.texte
        assert f"{journee.site.url}/rendez-vous/{rdv}" in pris.texte
        for contenu in (pris.sujet, pris.texte, pris.html):
            assert "secretissime" not in contenu.lower()
        await displace(journee, nevers, rdv, "15:00", 0)
        deplace = (await wait_for_mails(smtp_server, box, 2))[1]
        assert "il était le lundi 23 novembre 2026 à 14 h" in plain(deplace.texte)
        await displace(journee, nevers, rdv, "15:00", 1)
        parti = (await wait_for_mails(smtp_server, box, 3))[2]
        assert "n’est plus à votre guichet (Guichet 1) : il est désormais à Guichet 2" in plain(parti.texte)
        (recu,) = await wait_for_mails(smtp_server, orientation, 1)
        assert plain(recu.sujet) == "Nouveau rendez-vous : lundi 23 novembre 2026 à 15 h, Guichet 2"
        await journee.act(nevers, rdv, Action.ANNULER)
        annule = (await wait_for_mails(smtp_server, orientation, 2))[1]
        assert plain(annule.sujet).startswith("Rendez-vous annulé : lundi 23 novembre 2026 à 15 h")
        assert len(read_mails(smtp_server, box)) == 3
        identifiants = await journee.scalar(
            "SELECT array_agg(message_id ORDER BY id) FROM courrier WHERE rdv_id = :r AND evenement = 'affectation'",
            r=rdv,
        )
        assert len(set(identifiants)) == 5
        assert {m.message_id for m in (pris, deplace, parti, recu, annule)} == set(identifiants)

    async def test_nobody_is_told_of_what_he_did_himself(self, journee: Journee, nevers: MondeService) -> None:
        async with journee.outils.db.engine.begin() as conn:
            await conn.execute(
                insert(GuichetAgent).values(guichet_id=nevers.guichets[0], agent_id=nevers.agents["agent"])
            )
        rdv = await journee.book(nevers, "14:00")
        destinataires = await journee.scalar(
            "SELECT array_agg(destinataire) FROM courrier WHERE rdv_id = :r AND evenement = 'affectation'", r=rdv
        )
        assert destinataires == [await adresse(journee, nevers, "box")]

    @pytest.mark.parametrize(
        "perdre",
        [
            "UPDATE agent SET suspendu_a = now() WHERE id = :a",
            "DELETE FROM rattachement WHERE agent_id = :a",
            "DELETE FROM habilitation WHERE agent_id = :a",
        ],
    )
    async def test_who_may_not_open_the_fiche_is_not_told(
        self, journee: Journee, nevers: MondeService, perdre: str
    ) -> None:
        async with journee.outils.db.engine.begin() as conn:
            await conn.execute(text(perdre), {"a": nevers.agents["box"]})
        rdv = await journee.book(nevers, "14:00")
        assert await journee.scalar("SELECT count(*) FROM courrier WHERE rdv_id = :r", r=rdv) == 0


async def count_statements(journee: Journee, service: MondeService, heure: str) -> int:
    ordres: list[str] = []
    moteur = journee.outils.db.engine.sync_engine

    def note(conn: Any, cursor: Any, ordre: str, *reste: Any) -> None:
        ordres.append(ordre)

    event.listen(moteur, "before_cursor_execute", note)
    try:
        await journee.book(service, heure)
    finally:
        event.remove(moteur, "before_cursor_execute", note)
    return len(ordres)


class TestSansFrais:
    """A booking where nobody is assigned costs not one statement more; where somebody is, exactly one."""

    async def test_the_statements_of_a_booking(self, journee: Journee) -> None:
        service = await journee.service()
        await count_statements(journee, service, "13:00")  # the context is read once
        seul = await count_statements(journee, service, "14:00")
        async with journee.client(service.agents["chef"]) as client:
            guichet = service.guichets[0]
            champs = {**await read_form(client, service, guichet), "agent": [str(service.agents["box"])]}
            await send(client, base(service, f"/{guichet}"), champs)
        await count_statements(journee, service, "15:00")
        suivi = await count_statements(journee, service, "16:00")
        assert suivi == seul + 1
