"""Routes of this part."""

from __future__ import annotations

from litestar.types import ControllerRouterHandler

from app.booking.agents import actes, agenda, annulation, detail, fiche, prise, tableau

ROUTES: list[ControllerRouterHandler] = [
    *tableau.ROUTES,
    *detail.ROUTES,
    *agenda.ROUTES,
    *prise.ROUTES,
    *fiche.ROUTES,
    *actes.ROUTES,
    *annulation.ROUTES,
]
