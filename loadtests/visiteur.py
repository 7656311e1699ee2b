"""What locust's usagers and agents have in common: a connection, forms sent as browsers do, what was acknowledged."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Mapping
from itertools import count
from typing import Any
from urllib.parse import urlencode, urlsplit

from locust import FastHttpUser

from loadtests.parcours import check_hote

hasard = random.Random()
#: Ranks of the people invented by this run.
rangs = count(hasard.randrange(10**6))
#: Codes that the site acknowledged: the database must know every one of them.
acquittes: list[str] = []
#: What people did. A name in capitals is a fault.
bilan: Counter[str] = Counter()


class Inattendu(Exception):
    """An answer that ends this journey; locust has already counted it as a failure."""


class Visiteur(FastHttpUser):
    """Somebody on the site: one connection, cookies, forms sent as a browser sends them."""

    abstract = True
    network_timeout = 30.0
    connection_timeout = 10.0

    def fetch(
        self,
        methode: str,
        chemin: str,
        nom: str,
        *,
        champs: Mapping[str, str] | None = None,
        json: object = None,
        entetes: Mapping[str, str] | None = None,
        attendus: Collection[int] = (200,),
    ) -> Any:
        """One request, no redirect followed. Raises Inattendu for a status that is not among ``attendus``."""
        donnees = urlencode(champs) if champs is not None and methode == "POST" else None
        if champs is not None and methode == "GET":
            chemin += f"?{urlencode(champs)}"
        tete = dict(entetes or {"Accept": "text/html"})
        if donnees is not None:
            tete |= {"Origin": check_hote(self.host or ""), "Content-Type": "application/x-www-form-urlencoded"}
        with self.client.request(
            methode, chemin, name=nom, data=donnees, json=json, headers=tete, catch_response=True, allow_redirects=False
        ) as reponse:
            if reponse.status_code in attendus:
                reponse.success()
                return reponse
            reponse.failure(f"{reponse.status_code}: {(reponse.text or '')[:200]!r}")
            raise Inattendu(f"{methode} {nom}: {reponse.status_code}")

    def forget(self) -> None:
        """Become somebody else: no cookie left."""
        self.client.cookiejar.clear()


def read_suite(reponse: Any) -> str:
    """Where a redirect leads, as a path."""
    adresse = urlsplit(reponse.headers.get("Location") or "")
    return adresse.path + (f"?{adresse.query}" if adresse.query else "")
