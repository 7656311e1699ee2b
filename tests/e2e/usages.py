"""What people do on the site, over HTTP as their browser would: choose, book, arrive, cancel."""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from html import unescape
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from tests.accueil.monde import Journee
from tests.fixtures.donnees import MondeService

_CHAMP_CACHE = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)"')
IDENTITE = {
    "civilite": "madame",
    "nom_usage": "Valenton",
    "prenoms": "Philippa",
    "telephone1": "06 12 34 56 78",
    "precision": "Question sur un investissement",
}


def read_hidden(html: str) -> dict[str, str]:
    """The hidden fields of a page's form."""
    return {nom: unescape(valeur) for nom, valeur in _CHAMP_CACHE.findall(html)}


def read_refusal(reponse: httpx.Response) -> str:
    """What an answer that was not expected says, short enough for a failed test."""
    if "json" in reponse.headers.get("content-type", ""):
        return reponse.text[:600]
    phrases = re.findall(r"(?:fr-alert__title|fr-error-text|champ-\w+)[^>]*>\s*([^<]+)<", reponse.text)
    return " · ".join(unescape(phrase.strip()) for phrase in phrases)[:600] or reponse.text[:300]


@dataclass
class Visiteur:
    """A browser without scripts on the usager's journey, holding at most one créneau."""

    client: httpx.AsyncClient
    service: MondeService
    formulaire: dict[str, str] = field(default_factory=dict)

    @property
    def choix(self) -> dict[str, str]:
        """What step 1 decided."""
        return {"motif": str(self.service.motifs[0]), "type": "guichet", "nature": "particulier"}

    async def choose(self, jour: date, heure: str) -> None:
        """Hold a créneau: step 2, then the form of step 3."""
        h, m = map(int, heure.split(":"))
        debut = datetime(jour.year, jour.month, jour.day, h, m, tzinfo=ZoneInfo(self.service.zone))
        page = await self.client.get(f"/rdv/{self.service.id}/creneau", params=self.choix)
        reponse = await self.client.post(
            f"/rdv/{self.service.id}/option",
            data={**self.choix, "_csrf": read_hidden(page.text)["_csrf"], "debut": debut.isoformat()},
        )
        assert reponse.status_code == 303, f"{reponse.status_code} {read_refusal(reponse)}"
        suite = await self.client.get(reponse.headers["location"])
        assert suite.status_code == 200, read_refusal(suite)
        self.formulaire = read_hidden(suite.text)

    async def book(self, courriel: str = "", **champs: str) -> str:
        """Confirm; the address of one's own rendez-vous."""
        reponse = await self.client.post(
            f"/rdv/{self.service.id}/coordonnees",
            data={**IDENTITE, **self.formulaire, "courriel": courriel, **champs},
        )
        assert reponse.status_code == 303, f"{reponse.status_code} {read_refusal(reponse)}"
        return str(reponse.headers["location"])

    async def give_back(self) -> None:
        """« Rendre ce créneau »."""
        reponse = await self.client.post(f"/rdv/{self.service.id}/option/rendre", data=self.formulaire)
        assert reponse.status_code in (200, 303), f"{reponse.status_code} {read_refusal(reponse)}"


@asynccontextmanager
async def visiteur(journee: Journee, service: MondeService) -> AsyncIterator[Visiteur]:
    """A new visitor, with cookies of his own."""
    async with httpx.AsyncClient(
        base_url=journee.site.url, headers={"Origin": journee.site.url}, timeout=10, follow_redirects=False
    ) as client:
        yield Visiteur(client, service)


async def post_agent(journee: Journee, agent_id: int, chemin: str, donnees: Mapping[str, Any]) -> httpx.Response:
    """A form sent by an agent's page script. The answer, whatever it is."""
    async with journee.client(agent_id) as client:
        return await client.post(chemin, data=dict(donnees), headers={"Accept": "application/json"})


async def book_by_agent(
    journee: Journee, service: MondeService, jour: date, heure: str, guichet: int = 0, **champs: str
) -> int:
    """« Nouveau rendez-vous » by the attached agent; its id."""
    reponse = await post_agent(
        journee,
        service.agents["agent"],
        f"/services/{service.id}/rendez-vous",
        {
            **IDENTITE,
            "cle": secrets.token_urlsafe(24),
            "faire": "enregistrer",
            "guichet": str(service.guichets[guichet]),
            "jour": jour.isoformat(),
            "du": heure,
            "motif": str(service.motifs[0]),
            "type": "guichet",
            "origine": "telephone",
            "nature": "particulier",
            **champs,
        },
    )
    assert reponse.status_code == 200, f"{reponse.status_code} {read_refusal(reponse)}"
    return int(reponse.json()["id"])


async def act_by_agent(journee: Journee, service: MondeService, rdv_id: int, acte: str, qui: str = "agent") -> None:
    """arrivee, arrivee/annulation, appel, reception, fin, absence."""
    reponse = await post_agent(journee, service.agents[qui], f"/rendez-vous/{rdv_id}/{acte}", {})
    assert reponse.status_code == 200, f"{reponse.status_code} {read_refusal(reponse)}"


async def cancel_by_agent(journee: Journee, service: MondeService, rdv_id: int) -> None:
    """Cancel from the fiche, with the revision that it shows."""
    revision = await journee.scalar("SELECT revision FROM rendez_vous WHERE id = :id", id=rdv_id)
    reponse = await post_agent(
        journee,
        service.agents["agent"],
        f"/rendez-vous/{rdv_id}/annulation",
        {"revision": str(revision), "raison": "L'agent est absent"},
    )
    assert reponse.status_code == 200, f"{reponse.status_code} {read_refusal(reponse)}"
