"""Motifs: the national catalogue, and what each service opens of it."""

from __future__ import annotations

from typing import Any

from app.admin.motifs.locaux import ROUTES as LOCAUX
from app.admin.motifs.nationaux import ROUTES as NATIONAUX

ROUTES: list[Any] = [*NATIONAUX, *LOCAUX]
