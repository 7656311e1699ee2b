"""Routes of a usager's own rendez-vous, by its link or by its code and name."""

from __future__ import annotations

from litestar import Router
from litestar.types import ControllerRouterHandler

from app.booking.acces_usager import AccesExpire
from app.booking.usager import (
    mon_rdv,
    mon_rdv_annuler,
    mon_rdv_attente,
    mon_rdv_deplacer,
    mon_rdv_documents,
    mon_rdv_donnees,
    mon_rdv_plus_tot,
    retrouver,
)

ROUTES: list[ControllerRouterHandler] = [
    Router(
        path="/",
        route_handlers=[
            *mon_rdv.ROUTES,
            *mon_rdv_annuler.ROUTES,
            *mon_rdv_attente.ROUTES,
            *mon_rdv_deplacer.ROUTES,
            *mon_rdv_documents.ROUTES,
            *mon_rdv_donnees.ROUTES,
            *mon_rdv_plus_tot.ROUTES,
        ],
        exception_handlers={AccesExpire: mon_rdv.forget_acces},
    ),
    *retrouver.ROUTES,
]
