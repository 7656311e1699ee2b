"""What somebody said when he joined the waiting list: the form of the créneau that he took begins with it."""

from __future__ import annotations

from app.booking.attente_store import read_prerempli
from app.booking.outils import Outils


async def read_connu(outils: Outils, option_id: int) -> dict[str, str]:
    """Fields of step 3 by name; none when the hold ``option_id``, the visitor's own, comes from no offer."""
    async with outils.db.read() as conn:
        connu = await read_prerempli(conn, option_id)
    if connu is None:
        return {}
    nom = "contact" if connu["nature"] == "professionnel" else "nom_usage"
    contact = "courriel" if connu["canal"] == "mail" else "telephone1"
    return {nom: connu["nom"], contact: connu["contact"]}
