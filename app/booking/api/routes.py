"""The JSON API, version 1: everything under ``/api/v1`` and behind a key."""

from __future__ import annotations

from litestar import Router
from litestar.di import Provide
from litestar.types import ControllerRouterHandler

from app.booking.api.acces import check_cle, check_sans_corps, provide_acces, provide_auteur
from app.booking.api.actes import ACTES
from app.booking.api.agenda import read_agenda
from app.booking.api.contre_appel import record as record_contre_appel
from app.booking.api.creneaux import list_creneaux
from app.booking.api.fiche import read_rendez_vous
from app.booking.api.par_code import read_par_code
from app.booking.api.replanification import move_rendez_vous
from app.booking.api.reservation import create_rendez_vous
from app.booking.api.services import list_motifs_of, list_services, read_service

ROUTES: list[ControllerRouterHandler] = [
    Router(
        path="/api/v1",
        guards=[check_cle],
        before_request=check_sans_corps,
        dependencies={"acces": Provide(provide_acces), "auteur": Provide(provide_auteur)},
        route_handlers=[
            list_services,
            read_service,
            list_motifs_of,
            list_creneaux,
            create_rendez_vous,
            read_rendez_vous,
            read_par_code,
            move_rendez_vous,
            *ACTES,
            record_contre_appel,
            read_agenda,
        ],
    )
]
