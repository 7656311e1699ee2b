"""Every route of the opening hours."""

from __future__ import annotations

from typing import Any

from app.admin.plannings.pages_exceptions import ROUTES as EXCEPTIONS
from app.admin.plannings.pages_journees import ROUTES as JOURNEES
from app.admin.plannings.pages_plannings import ROUTES as PLANNINGS

ROUTES: list[Any] = [*PLANNINGS, *JOURNEES, *EXCEPTIONS]
