"""Every route of « Organiser » and of the national administration."""

from __future__ import annotations

from typing import Any

from app.admin.ensemble import ROUTES as ENSEMBLE

ROUTES: list[Any] = [*ENSEMBLE]
