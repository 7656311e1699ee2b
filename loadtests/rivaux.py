"""People who want the same créneau through the pages: each with cookies, a CSRF token and a form of their own.

A visitor chooses (POST option), fills in, confirms (POST coordonnées); an attached agent, signed in, sends the form of
the agenda. Pages are read before the race: only the decisive POST is timed.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Protocol
from urllib.parse import urlencode

from loadtests.formulaires import Page, read_page
from loadtests.http_brut import Client, Reponse
from loadtests.parcours import fill_coordonnees
from loadtests.personnes import Personne
from loadtests.reservations import Ecart
from tests.fixtures.donnees import MondeService

#: A button that takes another créneau, on the usager's pages and on the agent's.
_AUTRE = re.compile(rb'<button[^>]*class="fr-btn[^>]*name="(?:debut|choix)" value="\d')


def offers_alternatives(reponse: Reponse) -> bool:
    """True when the page of a 409 shows other créneaux to press."""
    return _AUTRE.search(reponse.corps) is not None


@dataclass
class Onglet:
    """One connection, its cookies, and where the site believes to be served."""

    port: int
    origine: str
    biscuits: dict[str, str] = field(default_factory=dict)
    _client: Client | None = None

    async def open(self) -> None:
        """Connect anew, so that connecting is not measured."""
        await self.close()
        self._client = Client(self.port)
        await self._client.open()

    async def close(self) -> None:
        """Hang up."""
        if self._client is not None:
            await self._client.close()

    async def send(self, methode: str, chemin: str, champs: dict[str, str] | None = None) -> Reponse:
        """One request, a redirect not followed; cookies are kept."""
        if self._client is None:
            await self.open()
        assert self._client is not None
        entetes = {"Accept": "text/html"}
        if self.biscuits:
            entetes["Cookie"] = "; ".join(f"{nom}={valeur}" for nom, valeur in self.biscuits.items())
        corps = b""
        if champs is not None:
            entetes |= {"Origin": self.origine, "Content-Type": "application/x-www-form-urlencoded"}
            corps = urlencode(champs).encode()
        reponse = await self._client.send(methode, chemin, corps, entetes)
        for ligne in reponse.headers("set-cookie"):
            self.biscuits |= {nom: morceau.value for nom, morceau in SimpleCookie(ligne).items()}
        return reponse

    async def read(self, chemin: str) -> Page:
        """A page that must be there. Raises Ecart."""
        reponse = await self.send("GET", chemin.partition("#")[0])
        return read_page(expect(reponse, 200, f"GET {chemin}").corps.decode())


def expect(reponse: Reponse, statut: int, quoi: str) -> Reponse:
    """The answer itself. Raises Ecart when it has another status."""
    if reponse.statut != statut:
        raise Ecart(f"{quoi}: {reponse.statut} {reponse.corps[:1500].decode(errors='replace')}")
    return reponse


class Rival(Protocol):
    """Somebody who wants a créneau."""

    onglet: Onglet
    motif: int

    async def confirm(self, debut: str) -> Reponse:
        """The last POST."""

    async def renew(self, debut: str) -> None:
        """Get a form that has not served yet; ``debut`` is a créneau that nobody wants."""


@dataclass
class Visiteur:
    """An usager without account: a visit cookie. ``debut`` are the instants as the page's buttons send them."""

    onglet: Onglet
    service: MondeService
    motif: int
    personne: Personne
    choix: dict[str, str] = field(default_factory=dict)
    formulaire: dict[str, str] = field(default_factory=dict)

    async def arrive(self) -> None:
        """Open the page of créneaux: a cookie, a token. Raises Ecart."""
        chemin = f"/rdv/{self.service.id}/creneau?motif={self.motif}&type=guichet&nature=particulier"
        self.choix = (await self.onglet.read(chemin)).formulaires["choix-creneau"].champs

    async def hold(self, debut: str) -> Reponse:
        """Press an hour."""
        return await self.onglet.send("POST", f"/rdv/{self.service.id}/option", self.choix | {"debut": debut})

    async def fill_in(self, tenu: Reponse) -> None:
        """Follow the redirect of a hold and fill the form in. Raises Ecart."""
        page = await self.onglet.read(expect(tenu, 303, "hold").headers("location")[0])
        # Another person each time: who has a rendez-vous for a motif is not given a second one.
        self.personne = Personne(self.personne.rang + 100_000)
        self.formulaire = fill_coordonnees(page.formulaires["coordonnees"], self.personne)

    async def renew(self, debut: str) -> None:
        """Hold another créneau, read its form, give it back: the form stays, as in a tab left open."""
        await self.fill_in(await self.hold(debut))
        rendu = await self.onglet.send("POST", f"/rdv/{self.service.id}/option/rendre", self.formulaire)
        expect(rendu, 200, "give back")

    async def confirm(self, debut: str) -> Reponse:
        """Send the form for that créneau, held or not."""
        return await self.onglet.send("POST", f"/rdv/{self.service.id}/coordonnees", self.formulaire | {"debut": debut})


@dataclass
class Guichetier:
    """An attached agent with a session of its own, who books for somebody on the line."""

    onglet: Onglet
    service: MondeService
    motif: int
    personne: Personne
    formulaire: dict[str, str] = field(default_factory=dict)

    async def arrive(self) -> None:
        """Open the form of the agenda and fill it in. Raises Ecart."""
        page = await self.onglet.read(f"/services/{self.service.id}/rendez-vous/nouveau")
        formulaire = next(f for f in page.formulaires.values() if "cle" in f.champs)
        self.formulaire = formulaire.champs | {
            nom: valeur for nom, valeur in self.personne.as_form().items() if nom in formulaire.champs
        }
        self.formulaire |= {
            "faire": "enregistrer",
            "motif": str(self.motif),
            "type": "guichet",
            "origine": "telephone",
            "civilite": "madame",
            "nature": "particulier",
            "numero_fiscal": "",
            "guichet": str(self.service.guichets[0]),
        }

    async def renew(self, debut: str) -> None:
        """A fresh form."""
        self.formulaire["cle"] = uuid.uuid4().hex

    async def confirm(self, debut: str) -> Reponse:
        """Save."""
        lieu = {"jour": debut[:10], "du": debut[11:16], "au": ""}
        return await self.onglet.send("POST", f"/services/{self.service.id}/rendez-vous", self.formulaire | lieu)
