"""The mailbox of the demo: what was really sent through SMTP, as the usager would read it."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Response

from app.booking.outils import Outils
from app.config import Settings
from app.demo.boite_locale import find_boite, name_relais
from app.demo.html_courriel import clean_html
from app.demo.invitation import read_invitation
from app.demo.sms import list_sms
from app.embedded.boite import Courriel, list_messages, read_message
from app.errors import Introuvable
from app.web.dates import heure, jour_moyen
from app.web.pages import page, render

_ZONE: Final = ZoneInfo("Europe/Paris")
_LIMITE: Final = 100


@get("/demo/boite", include_in_schema=False)
async def show_boite(request: Request[Any, Any, Any], outils: NamedDependency[Outils]) -> Response[bytes]:
    """The list, newest first."""
    return page(request, "demo/boite.html", await _list(outils.settings))


@get("/demo/boite/liste", include_in_schema=False)
async def show_liste(request: Request[Any, Any, Any], outils: NamedDependency[Outils]) -> Response[bytes]:
    """The list alone, for the page's own refreshing."""
    texte = render(request, "demo/boite_liste.html", await _list(outils.settings))
    return Response(texte.encode(), media_type="text/html")


async def _list(settings: Settings) -> dict[str, Any]:
    dossier = find_boite(settings)
    messages = [] if dossier is None else await asyncio.to_thread(list_messages, dossier, _LIMITE)
    return {
        "titre": "Boîte aux lettres",
        "externe": dossier is None,
        "relais": name_relais(settings),
        "limite": _LIMITE,
        "sms": await asyncio.to_thread(list_sms, settings, _LIMITE),
        "messages": [
            {
                "url": f"/demo/boite/{quote(m.cle, safe='')}",
                "sujet": m.sujet or "(sans objet)",
                "a": m.a,
                "quand": _say(m.recu),
                "recu": m.recu.strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
            for m in messages
        ],
        "fil": [{"libelle": "Démonstration", "url": "/demo"}, {"libelle": "Boîte aux lettres", "url": ""}],
    }


def _say(instant: datetime) -> str:
    return f"{jour_moyen(instant.astimezone(_ZONE).date())} à {heure(instant, _ZONE)}"


@get("/demo/boite/{cle:str}", include_in_schema=False)
async def show_message(
    request: Request[Any, Any, Any], cle: FromPath[str], outils: NamedDependency[Outils]
) -> Response[bytes]:
    """One message: headers, HTML in a frame that runs nothing, text, calendar part."""
    message = await _read(outils.settings, cle)
    url = f"/demo/boite/{quote(message.cle, safe='')}"
    return page(
        request,
        "demo/message.html",
        {
            "titre": message.sujet or "(sans objet)",
            "message": message,
            "quand": _say(message.recu),
            "cadre": clean_html(message.html, f"{url}/style.css")[0] if message.html else "",
            "invitation": read_invitation(message.calendrier, message.methode) if message.calendrier else None,
            "url": url,
            "fil": [
                {"libelle": "Démonstration", "url": "/demo"},
                {"libelle": "Boîte aux lettres", "url": "/demo/boite"},
                {"libelle": message.sujet or "(sans objet)", "url": ""},
            ],
        },
    )


@get("/demo/boite/{cle:str}/style.css", include_in_schema=False)
async def show_style(cle: FromPath[str], outils: NamedDependency[Outils]) -> Response[bytes]:
    """The stylesheet of a message's HTML."""
    message = await _read(outils.settings, cle)
    return Response(clean_html(message.html, "")[1].encode(), media_type="text/css")


@get("/demo/boite/{cle:str}/invitation.ics", include_in_schema=False)
async def download_invitation(cle: FromPath[str], outils: NamedDependency[Outils]) -> Response[bytes]:
    """The calendar part, as a file."""
    message = await _read(outils.settings, cle)
    if not message.calendrier:
        raise Introuvable("Ce message ne contient pas d’invitation.")
    return Response(
        message.calendrier.encode(),
        media_type="text/calendar",
        headers={"Content-Disposition": 'attachment; filename="invitation.ics"'},
    )


@get("/demo/boite/{cle:str}/source", include_in_schema=False)
async def download_source(cle: FromPath[str], outils: NamedDependency[Outils]) -> Response[bytes]:
    """The message as it travelled."""
    message = await _read(outils.settings, cle)
    return Response(
        message.brut,
        media_type="message/rfc822",
        headers={"Content-Disposition": 'attachment; filename="message.eml"'},
    )


async def _read(settings: Settings, cle: str) -> Courriel:
    dossier: Path | None = find_boite(settings)
    try:
        if dossier is None:
            raise KeyError(cle)
        return await asyncio.to_thread(read_message, dossier, cle)
    except KeyError:
        raise Introuvable(
            "Ce message n’est plus dans la boîte aux lettres.", remede="Revenez à la liste des messages."
        ) from None
