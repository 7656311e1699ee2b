"""Routes of the day: the orientation board of a site, the box of a guichet."""

from __future__ import annotations

from litestar.types import ControllerRouterHandler

from app.accueil import box, tableau

ROUTES: list[ControllerRouterHandler] = [*tableau.ROUTES, *box.ROUTES]
