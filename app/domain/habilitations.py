"""Profiles × modules [G 2.3.2, C §4].

The perimeter (which services) and the zone de compétence are facts about an agent, not rules: they are not here.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Profil(StrEnum):
    """What an agent was given, over a perimeter."""

    AGENT_LOCAL = "agent_local"
    AGENT_NATIONAL = "agent_national"
    ADMIN_LOCAL = "admin_local"
    ADMIN_NATIONAL = "admin_national"
    PILOTAGE = "pilotage"


class Module(StrEnum):
    """A part of the application. ``ORGANISER`` covers organising a service and planning it.

    ``DONNEES_PERSONNELLES``: what a person asks about the data held of him, wherever they are (over the nation only).
    """

    PARAMETRES_NATIONAUX = "parametres_nationaux"
    ORGANISER = "organiser"
    RENDEZ_VOUS = "rendez_vous"
    ACCUEIL = "accueil"
    PILOTAGE = "pilotage"
    DONNEES_PERSONNELLES = "donnees_personnelles"


MODULES_PAR_PROFIL: Final[Mapping[Profil, frozenset[Module]]] = MappingProxyType(
    {
        Profil.AGENT_LOCAL: frozenset({Module.RENDEZ_VOUS, Module.ACCUEIL}),
        Profil.AGENT_NATIONAL: frozenset({Module.RENDEZ_VOUS, Module.ACCUEIL}),
        Profil.ADMIN_LOCAL: frozenset({Module.ORGANISER, Module.RENDEZ_VOUS, Module.ACCUEIL, Module.PILOTAGE}),
        Profil.ADMIN_NATIONAL: frozenset(
            {
                Module.PARAMETRES_NATIONAUX,
                Module.ORGANISER,
                Module.RENDEZ_VOUS,
                Module.PILOTAGE,
                Module.DONNEES_PERSONNELLES,
            }
        ),
        Profil.PILOTAGE: frozenset({Module.PILOTAGE}),
    }
)


def has_module(profil: str, module: str) -> bool:
    """True when ``profil`` opens ``module``. Raises ValueError on an unknown word."""
    return Module(module) in MODULES_PAR_PROFIL[Profil(profil)]
