"""What an usager does with each page of the journey: pure decisions, whatever sends the requests [A1 §2]."""

from __future__ import annotations

import random
from urllib.parse import urlsplit

from loadtests.formulaires import Formulaire, Page
from loadtests.personnes import Personne

_HOTES = frozenset({"127.0.0.1", "localhost", "::1"})


def check_hote(url: str) -> str:
    """The origin of a site to load. Raises ValueError for any machine but this one: load is not for others."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or parts.hostname not in _HOTES or parts.username is not None:
        raise ValueError(f"load goes to this machine only (127.0.0.1 or localhost), not to {url!r}")
    return f"{parts.scheme}://{parts.netloc}"


def answer_questions(formulaire: Formulaire, hasard: random.Random) -> tuple[str, dict[str, str]]:
    """Step 1: tick something in every question that waits; where the page's button leads, and what it sends."""
    champs = dict(formulaire.champs)
    for nom in formulaire.find_unanswered():
        champs[nom] = hasard.choice(formulaire.choix[nom])
    action = next((b.action for b in formulaire.boutons if b.action), formulaire.action)
    return action, champs


def choose_jour(page: Page, hasard: random.Random) -> str:
    """Step 2: the address of a day that still has places, or "" when none has."""
    libres = [lien["href"] for lien in page.liens if int(lien.get("data-libres") or 0) > 0 and lien.get("href")]
    return hasard.choice(libres) if libres else ""


def choose_debut(formulaire: Formulaire, hasard: random.Random, *, refuse: bool) -> str:
    """Step 2: the start to ask for; after a refusal the first alternative offered. "" when nothing is free."""
    boutons = formulaire.find_buttons("debut")
    if not boutons:
        return ""
    return boutons[0].valeur if refuse else hasard.choice(boutons).valeur


def fill_coordonnees(formulaire: Formulaire, personne: Personne) -> dict[str, str]:
    """Step 3: the hidden fields of the page and the person, no field that the form does not have."""
    connus = {*formulaire.champs, *formulaire.choix}
    return formulaire.champs | {nom: valeur for nom, valeur in personne.as_form().items() if nom in connus}
