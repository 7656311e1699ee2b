"""Plannings as the tests write and read them."""

from __future__ import annotations

from datetime import date
from typing import Any

import httpx

from app.admin.plannings.lecture import read_composition
from app.domain.composition import Composition
from tests.accueil.monde import Journee
from tests.admin.formulaires import publish
from tests.fixtures.donnees import MondeService

LUNDI = date(2026, 11, 30)


VERSION = "UPDATE agenda SET version_planning = version_planning + 1 WHERE service_id = :s"


def base(service: MondeService) -> str:
    return f"/services/{service.id}/organiser/plannings"


async def composition(journee: Journee, service: MondeService) -> Composition:
    async with journee.outils.db.read() as conn:
        return await read_composition(conn, service.id)


async def nouveau(client: httpx.AsyncClient, service: MondeService, **champs: Any) -> httpx.Response:
    """Open the form of a new semaine type, fill it, see its consequences, publish it."""
    adresse = f"{base(service)}/nouveau"
    page = (await client.get(adresse)).text
    return await publish(client, page, adresse, **champs)
