"""Parameters: those of the nation, those of a service."""

from __future__ import annotations

from typing import Any

from app.admin.parametres.locaux import ROUTES as LOCAUX
from app.admin.parametres.nationaux import ROUTES as NATIONAUX

ROUTES: list[Any] = [*NATIONAUX, *LOCAUX]
