"""Routes of the steering pages."""

from __future__ import annotations

from litestar.types import ControllerRouterHandler

from app.pilotage import pages

ROUTES: list[ControllerRouterHandler] = [*pages.ROUTES]
