"""What use cases work with, built once per process by its entry point and passed to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from app.booking.disponibilites import Disponibilites
from app.booking.geocodeur import Geocodeur
from app.booking.referentiel import Referentiel
from app.config import Settings
from app.db import Database
from app.journal import ActeurNature


@dataclass(frozen=True, slots=True)
class Outils:
    """The database, the settings and this process's memory of what is free."""

    db: Database
    settings: Settings
    dispo: Disponibilites = field(default_factory=Disponibilites)
    #: The administration's register of people, where one is configured.
    referentiel: Referentiel | None = None
    #: A national base of addresses, where one is configured.
    geocodeur: Geocodeur | None = None


@dataclass(frozen=True, slots=True)
class Auteur:
    """Who performs an act, for the journal. ``adresse`` is the client's IP address."""

    nature: ActeurNature
    agent_id: int | None = None
    origine: Literal["web", "api", "simulation", "systeme"] = "web"
    adresse: str | None = None


SYSTEME = Auteur("systeme", origine="systeme")
