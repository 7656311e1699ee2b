"""Every route of the directory."""

from __future__ import annotations

from typing import Any

from app.admin.annuaire.creation import ROUTES as CREATION
from app.admin.annuaire.fermeture import ROUTES as FERMETURE
from app.admin.annuaire.fiche import ROUTES as FICHE
from app.admin.annuaire.liste import ROUTES as LISTE

ROUTES: list[Any] = [*LISTE, *CREATION, *FICHE, *FERMETURE]
