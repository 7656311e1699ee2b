"""Short words for the tests of the parcours simplifié: an agent without JavaScript, his form, what he reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.booking.usager.navigateur import caches, creneaux
from tests.fixtures.donnees import MondeService

SAISIE = {
    "civilite": "monsieur",
    "nom_usage": "Valenton",
    "prenoms": "Philippe",
    "telephone1": "06 12 34 56 78",
    "precision": "Question sur un investissement",
    "origine": "telephone",
}


@dataclass
class Parcours:
    """One agent on the journey of a service. ``client``: signed in, with its CSRF token."""

    client: httpx.AsyncClient
    service: MondeService
    choix: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.choix = {"motif": self.service.motifs[0], "type": "guichet", "nature": "particulier", **self.choix}

    @property
    def base(self) -> str:
        return f"/services/{self.service.id}/prendre"

    async def page_creneaux(self, **plus: str) -> httpx.Response:
        """Step 2."""
        return await self.client.get(f"{self.base}/creneau", params={**self.choix, **plus})

    async def libres(self, **plus: str) -> list[str]:
        """The instants of the free hours that step 2 shows."""
        return creneaux((await self.page_creneaux(**plus)).text)

    async def choose(self, debut: str | None = None, **plus: Any) -> httpx.Response:
        """Press an hour of step 2 (the first free one); the answer, not followed."""
        donnees = {**self.choix, "debut": debut or (await self.libres())[0], **plus}
        return await self.client.post(f"{self.base}/option", data=donnees)

    async def open_form(self, debut: str | None = None) -> dict[str, str]:
        """Steps 2 and 3: the hidden fields of the person's form."""
        reponse = await self.choose(debut)
        assert reponse.status_code == 303, reponse.text
        page = await self.client.get(reponse.headers["location"])
        assert page.status_code == 200, page.text
        return caches(page.text)

    async def send(self, formulaire: dict[str, str], **plus: str) -> httpx.Response:
        """Press « Enregistrer le rendez-vous »; the answer, not followed."""
        return await self.client.post(f"{self.base}/coordonnees", data={**formulaire, **SAISIE, **plus})

    async def book(self, debut: str | None = None, **plus: str) -> httpx.Response:
        """The whole journey: the page of confirmation."""
        reponse = await self.send(await self.open_form(debut), **plus)
        assert reponse.status_code == 303, reponse.text
        return await self.client.get(reponse.headers["location"])
