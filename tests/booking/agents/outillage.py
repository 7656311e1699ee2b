"""Short words for the tests of the agents' screens: a service with ordinary hours, a filled form, what was written."""

from __future__ import annotations

import html
import re
import uuid
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import insert, text

from app.tables import ExceptionPlanning
from tests.accueil.monde import Journee
from tests.fixtures.donnees import MondeService

#: Tuesday, tomorrow of the tests' Monday.
DEMAIN: Final = date(2026, 11, 24)
#: Valid by their keys, and nobody's.
NUMERO_FISCAL: Final = "3023217600053"
SIREN: Final = "732829320"
ALERTES: Final = ("hors_plage", "duree_modifiee", "motif_non_propose", "type_non_propose")


async def service_ordinaire(journee: Journee, **options: Any) -> MondeService:
    """Monday to Friday, 8:00–12:00 and 14:00–16:00, by twenty minutes."""
    valeurs = {"plages": ((480, 720), (840, 960)), "jours_semaine": (1, 2, 3, 4, 5), **options}
    return await journee.service(**valeurs)


def formulaire(service: MondeService, **plus: Any) -> dict[str, Any]:
    """A form that books tomorrow at 8:40 on the first guichet."""
    return {
        "cle": uuid.uuid4().hex,
        "faire": "enregistrer",
        "guichet": str(service.guichets[0]),
        "jour": DEMAIN.isoformat(),
        "du": "08:40",
        "au": "",
        "motif": str(service.motifs[0]),
        "type": "guichet",
        "origine": "telephone",
        "nature": "particulier",
        "civilite": "monsieur",
        "nom_usage": "Valenton",
        "prenoms": "Philippe",
        "telephone1": "06 12 34 56 78",
        "precision": "Question sur un investissement pericol",
        **plus,
    }


async def post_rdv(
    journee: Journee, service: MondeService, donnees: dict[str, Any], *, agent: str = "agent", **entetes: str
) -> Any:
    """Send the form as one of the service's people."""
    async with journee.client(service.agents[agent]) as client:
        return await client.post(f"/services/{service.id}/rendez-vous", data=donnees, headers=entetes)


async def count_rdv(journee: Journee, service: MondeService) -> int:
    """RDV of the service, cancelled ones included."""
    return int(await journee.scalar("SELECT count(*) FROM rendez_vous WHERE service_id = :s", s=service.id))


async def close_guichet(journee: Journee, service: MondeService, rang: int = 0) -> None:
    """Close a guichet, as its chef de service would."""
    await change(journee, service, "UPDATE guichet SET ouvert = FALSE WHERE id = :g", g=service.guichets[rang])


async def change(journee: Journee, service: MondeService, ordre: str, **parametres: Any) -> None:
    """Change what shapes the ouvertures, and raise the planning's version."""
    async with journee.outils.db.engine.begin() as conn:
        await conn.execute(text(ordre), parametres)
        await conn.execute(
            text("UPDATE agenda SET version_planning = version_planning + 1 WHERE service_id = :s"), {"s": service.id}
        )


async def add_fermeture(journee: Journee, service: MondeService, jour: date, libelle: str = "") -> None:
    """Close the whole service on one day."""
    async with journee.outils.db.engine.begin() as conn:
        await conn.execute(
            insert(ExceptionPlanning).values(
                service_id=service.id,
                nature="fermeture",
                du=jour,
                au=jour,
                libelle=libelle,
                cree_a=datetime.fromisoformat("2026-11-20T09:00:00+00:00"),
            )
        )
    await change(journee, service, "SELECT 1")


def texte(page: str) -> str:
    """What a person reads of a page: tags out, entities read, spaces joined."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())
