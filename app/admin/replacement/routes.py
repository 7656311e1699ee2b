"""Every route of « Rendez-vous à replacer »."""

from __future__ import annotations

from typing import Any

from app.admin.replacement.compte import ROUTES as COMPTE
from app.admin.replacement.pages import ROUTES as PAGES

ROUTES: list[Any] = [*PAGES, *COMPTE]
