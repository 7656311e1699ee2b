"""Thousands of people expected on one day, for what must hold at the size of a département."""

from __future__ import annotations

from datetime import date
from typing import Final

from sqlalchemy import text

from tests.accueil.monde import Journee
from tests.fixtures.donnees import MondeService

#: They occupy no guichet: nothing here is about places.
_COPIER: Final = text(
    """
    WITH copies AS (
      INSERT INTO rendez_vous (code, service_id, guichet_id, motif_id, type_rdv, debut, fin, jour, etat, occupe,
                               canal, origine, cree_a, modifie_a)
      SELECT 'F' || id || '-' || n, service_id, guichet_id, motif_id, type_rdv,
             debut - interval '1 minute' * (n / 10), fin - interval '1 minute' * (n / 10), jour, etat, false,
             canal, origine, cree_a, modifie_a
        FROM rendez_vous, generate_series(1, :copies) n WHERE id = :gabarit RETURNING id)
    INSERT INTO rdv_usager (rdv_id, nature, nom_usage, prenoms, telephones)
    SELECT c.id, u.nature, 'Foule', u.prenoms, u.telephones FROM copies c, rdv_usager u WHERE u.rdv_id = :gabarit
    """
)


async def fill(journee: Journee, service: MondeService, combien: int, motif: int, jour: date) -> None:
    """That many people, one booked and the others copied from him, ten at each minute before."""
    gabarit = await journee.book(service, "15:00", "Foule", jour=jour, motif_id=motif)
    async with journee.outils.db.engine.begin() as conn:
        await conn.execute(_COPIER, {"gabarit": gabarit, "copies": combien - 1})
