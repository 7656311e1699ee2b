"""Routes of the usager: the public door, the journey in four steps [A1 §2], the rendez-vous by its link."""

from __future__ import annotations

from litestar.types import ControllerRouterHandler

from app.booking.usager import (
    annuaire,
    confirmation,
    etape_coordonnees,
    etape_creneau,
    etape_motif,
    pages_legales,
)

ROUTES: list[ControllerRouterHandler] = [
    *annuaire.ROUTES,
    *etape_motif.ROUTES,
    *etape_creneau.ROUTES,
    *etape_coordonnees.ROUTES,
    *confirmation.ROUTES,
    *pages_legales.ROUTES,
]
