"""Routes of the usager: the public door, the journey in four steps [A1 §2], the rendez-vous by its link."""

from __future__ import annotations

from litestar.types import ControllerRouterHandler

from app.booking.usager import (
    annuaire,
    attente,
    attente_demande,
    captcha,
    contact,
    coordonnees_langue,
    deja,
    etape_coordonnees,
    etape_creneau,
    etape_motif,
    mes_rdv,
    mon_rdv_routes,
    pages_legales,
)

ROUTES: list[ControllerRouterHandler] = [
    *annuaire.ROUTES,
    *contact.ROUTES,
    *etape_motif.ROUTES,
    *etape_creneau.ROUTES,
    *etape_coordonnees.ROUTES,
    *coordonnees_langue.ROUTES,
    *attente.ROUTES,
    *attente_demande.ROUTES,
    *captcha.ROUTES,
    *mon_rdv_routes.ROUTES,
    *mes_rdv.ROUTES,
    *deja.ROUTES,
    *pages_legales.ROUTES,
]
