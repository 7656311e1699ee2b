"""Routes of this part."""

from __future__ import annotations

from litestar.types import ControllerRouterHandler

from app.demo.courriels import (
    download_invitation,
    download_source,
    show_boite,
    show_liste,
    show_message,
    show_style,
)
from app.demo.porte import enter, set_simulation, show_porte, show_scene

ROUTES: list[ControllerRouterHandler] = [
    show_porte,
    enter,
    show_scene,
    set_simulation,
    show_boite,
    show_liste,
    show_message,
    show_style,
    download_invitation,
    download_source,
]
