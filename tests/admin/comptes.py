"""Accounts as the tests handle them: opened, acted upon, read back."""

from __future__ import annotations

import re
from typing import Any

import httpx
from sqlalchemy import insert, text

from app.tables import Habilitation
from tests.accueil.monde import Journee
from tests.fixtures.donnees import MondeService

NOUVEAU = {
    "identifiant": "zoe.lambert",
    "nom": "Lambert",
    "prenom": "Zoé",
    "courriel": "zoe.lambert@dgfip.test",
    "profil": "agent_local",
}


def base(service: MondeService) -> str:
    return f"/services/{service.id}/organiser/agents"


async def create(
    journee: Journee, service: MondeService, qui: str = "chef", **plus: str
) -> tuple[httpx.Response, dict[str, str]]:
    """Post the form of a new account; its identifiant and address are made unique."""
    n = await journee.scalar("SELECT count(*) FROM agent")
    donnees = {
        **NOUVEAU,
        "identifiant": f"zoe.{n}",
        "courriel": f"zoe.{n}@dgfip.test",
        "perimetre": f"service:{service.id}",
        **plus,
    }
    async with journee.client(service.agents[qui]) as client:
        return await client.post(base(service), data=donnees), donnees


async def act(
    journee: Journee, ici: MondeService, agent: int, acte: str, qui: str = "chef", **donnees: Any
) -> httpx.Response:
    """One act upon an account, from the pages of the service, on the revision that a page just opened shows."""
    donnees = {"revision": await revision(journee, agent), **donnees}
    async with journee.client(ici.agents[qui]) as client:
        return await client.post(f"{base(ici)}/{agent}/{acte}", data=donnees)


async def act_national(
    journee: Journee, service: MondeService, agent: int, acte: str, **donnees: Any
) -> httpx.Response:
    donnees = {"revision": await revision(journee, agent), **donnees}
    async with journee.client(service.agents["national"]) as client:
        return await client.post(f"/administration/comptes/{agent}/{acte}", data=donnees)


async def revision(journee: Journee, agent: int) -> int:
    return int(await journee.scalar("SELECT revision FROM agent WHERE id = :a", a=agent))


async def build_second(journee: Journee, service: MondeService) -> None:
    """One more administrator of the service."""
    async with journee.outils.db.engine.begin() as conn:
        await conn.execute(
            insert(Habilitation).values(
                agent_id=service.agents["agent"], profil="admin_local", perimetre="service", service_id=service.id
            )
        )


async def droits(journee: Journee, agent: int) -> set[tuple[str, str]]:
    async with journee.outils.db.read() as conn:
        lignes = await conn.execute(
            text("SELECT profil, perimetre FROM habilitation WHERE agent_id = :a"), {"a": agent}
        )
        return {(ligne.profil, ligne.perimetre) for ligne in lignes}


async def habilitation(journee: Journee, agent: int, profil: str) -> int:
    return int(
        await journee.scalar(
            "SELECT id FROM habilitation WHERE agent_id = :a AND profil = :p ORDER BY id LIMIT 1", a=agent, p=profil
        )
    )


async def traces(journee: Journee, agent: int) -> list[str]:
    async with journee.outils.db.read() as conn:
        lignes = await conn.execute(
            text("SELECT action FROM journal WHERE objet_id = :a AND objet IS NOT NULL ORDER BY id"), {"a": agent}
        )
        return [ligne.action for ligne in lignes]


def title(reponse: httpx.Response) -> str:
    trouve = re.search(r'fr-alert__title">([^<]+)<', reponse.text)
    return trouve[1] if trouve else ""
