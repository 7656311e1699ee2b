"""Somebody waits in the demo’s Nevers: an agent who cancels there sees an offer leave."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sqlalchemy import text

from app import clock
from app.booking.attente_offres import Guetteur
from app.booking.outils import Auteur, Outils
from app.booking.vie import act
from app.config import Settings
from app.demo.attente import seed_attente
from app.demo.donnees import seed
from app.domain.rendez_vous import Action

#: RDV of the half-day for which people wait, at guichets that the internet may take.
_A_ANNULER = """
    SELECT r.id FROM rendez_vous r
      JOIN guichet g ON g.id = r.guichet_id AND g.ouvert
       AND (g.canaux IS NULL OR 'internet' = ANY (g.canaux)) AND (g.types IS NULL OR 'guichet' = ANY (g.types))
      JOIN (SELECT DISTINCT service_id, motif_id, du, demi_journee FROM attente) a
        ON a.service_id = r.service_id AND a.du = r.jour AND (g.motifs IS NULL OR a.motif_id = ANY (g.motifs))
     WHERE r.etat = 'prevu'
       AND (extract(hour FROM r.debut AT TIME ZONE 'Europe/Paris') < 12) = (a.demi_journee = 'matin')
"""


async def test_three_people_wait_for_a_full_half_day_and_a_cancellation_makes_an_offer(
    outils: Outils, settings: Settings, tmp_path: Path
) -> None:
    ici = replace(settings, boite_url=f"file://{tmp_path}")
    await seed(ici)
    avec = Outils(outils.db, ici)
    assert await seed_attente(avec, clock.now()) == 0, "they wait already"
    guetteur = Guetteur(avec)
    assert await guetteur.run_once(clock.now()) == 0, "nothing is free for them"
    async with outils.db.read() as conn:
        rdvs = list((await conn.execute(text(_A_ANNULER))).scalars())
        agent = (await conn.execute(text("SELECT id FROM agent WHERE identifiant = 'agent'"))).scalar_one()
    auteur = Auteur("agent", agent_id=agent)
    a = clock.now().replace(hour=11)  # by day
    faites = 0
    for rdv_id in rdvs:  # one at least leaves room for twenty minutes
        await act(avec, rdv_id, Action.ANNULER, auteur, a, raison="essai")
        faites += await guetteur.run_once(a)
    assert faites >= 1


async def test_nobody_waits_where_mails_would_leave_this_machine(outils: Outils, settings: Settings) -> None:
    await seed(settings)
    async with outils.db.read() as conn:
        assert (await conn.execute(text("SELECT count(*) FROM attente"))).scalar_one() == 0
