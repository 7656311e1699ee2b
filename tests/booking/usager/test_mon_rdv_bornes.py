"""One's own rendez-vous: how often it moves, into what, and what the journal keeps of its readers."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app import clock
from app.booking.deplacer import Cible, move
from app.booking.mon_rdv import DEPLACEMENTS_PAR_JOUR, record_lecture
from app.booking.outils import Auteur
from app.booking.titres import ParDroit
from app.domain.horaires import to_minute
from tests.booking.usager.conftest import Arrivee, Monde
from tests.booking.usager.mien import Tenu, tenir, texte
from tests.fixtures.donnees import build_agent

USAGER = Auteur("usager")


@pytest.fixture
async def tenu(monde: Monde, arrive: Arrivee) -> Tenu:
    return await tenir(monde, arrive)


@pytest.fixture
async def agent(monde: Monde) -> Auteur:
    """An agent of the service."""
    async with monde.outils.db.engine.begin() as conn:
        ident = await build_agent(conn, "agent-bornes", service_id=monde.service.id, zone=[monde.service.id])
    return Auteur("agent", agent_id=ident)


class TestDeplacer:
    """« move (motif, date, hour, type): within the internet rules »; « one active RDV per person and motif »."""

    async def test_it_moves_so_many_times_a_day_then_says_how_to_reach_the_service(
        self, monde: Monde, tenu: Tenu, agent: Auteur
    ) -> None:
        """Each move is a mail to a person, who did not always make it, and one to the service."""
        for rang in range(DEPLACEMENTS_PAR_JOUR):
            confirme, _ = await tenu.choisir(rang % 2 + 2)
            fin = await tenu.post("/deplacer", confirme, faire="confirmer")
            assert fin.headers["location"].endswith("avis=deplace")
        avant = await tenu.ligne("debut", "revision")
        confirme, _ = await tenu.choisir(5)
        refus = await tenu.post("/deplacer", confirme, faire="confirmer")
        assert refus.status_code == 429
        assert "déplacé trop souvent aujourd’hui" in texte(refus.text)
        assert "joignez le service au" in texte(refus.text)
        assert await tenu.ligne("debut", "revision") == avant
        deplacements = [
            e
            for e, _ in await monde.sql("SELECT evenement, id FROM courrier WHERE rdv_id = :r", r=tenu.rdv)
            if e == "deplacement"
        ]
        assert len(deplacements) <= DEPLACEMENTS_PAR_JOUR
        ici = to_minute(avant[0])
        await move(monde.outils, tenu.rdv, Cible(ici + 60), agent, clock.now(), titre=ParDroit(agent.agent_id or 0))
        assert (await tenu.post("/annuler", await tenu.get("/annuler"))).status_code == 303, (
            "it is given back all the same"
        )

    async def test_another_motif_for_which_he_has_one_is_the_neutral_page(
        self, monde: Monde, arrive: Arrivee, tenu: Tenu
    ) -> None:
        """« one active RDV per person and motif … for anonymous ones nothing is disclosed »."""
        naissance = (await monde.sql("SELECT date_naissance FROM rdv_usager WHERE rdv_id = :r", r=tenu.rdv))[0][0]
        premier = await tenir(monde, arrive, 4, courriel=tenu.courriel, date_naissance="01/02/1970")
        await monde.sql_write("UPDATE rdv_usager SET date_naissance = :d WHERE rdv_id = :r", d=naissance, r=premier.rdv)
        await monde.sql_write(
            "UPDATE rendez_vous SET motif_id = :m WHERE id = :r", m=monde.service.motifs[1], r=premier.rdv
        )
        confirme, _ = await tenu.choisir(6, params={"motif": str(monde.service.motifs[1])})
        fin = await tenu.post("/deplacer", confirme, faire="confirmer")
        assert (fin.status_code, fin.headers["location"]) == (303, f"/rdv/{monde.service.id}/messagerie")
        assert (await tenu.ligne("motif_id")) == (monde.service.motifs[0],)


class TestJournal:
    """« Reads of personal data too »: by the link as by every other way."""

    async def test_a_page_leaves_one_line_an_hour_and_its_refreshes_none(self, monde: Monde, tenu: Tenu) -> None:
        async def count_lues() -> int:
            requete = "SELECT count(*) FROM journal WHERE rdv_id = :r AND action = 'rdv.lu' AND apres->>'par' = 'lien'"
            return int((await monde.sql(requete, r=tenu.rdv))[0][0])

        assert await count_lues() == 1, "the page of the confirmation"
        for suite in ("", "/annuler", "/deplacer", "/plus-tot", "/agenda.ics"):
            await tenu.get(suite)
        assert await count_lues() == 1
        for suite in ("/fragment", "/deplacer/fragment", "/plus-tot/fragment"):
            await tenu.get(suite)
        assert await count_lues() == 1
        rdv = {"id": tenu.rdv, "service_id": monde.service.id}
        for minutes, lignes in ((59, 1), (61, 2), (62, 2)):
            await record_lecture(monde.outils, rdv, USAGER, clock.now() + timedelta(minutes=minutes))
            assert await count_lues() == lignes, minutes
