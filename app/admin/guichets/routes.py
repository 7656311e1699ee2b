"""Every route of the guichets."""

from __future__ import annotations

from typing import Any

from app.admin.guichets.fermeture import ROUTES as FERMETURE
from app.admin.guichets.fiche import ROUTES as FICHE
from app.admin.guichets.liste import ROUTES as LISTE

ROUTES: list[Any] = [*LISTE, *FICHE, *FERMETURE]
