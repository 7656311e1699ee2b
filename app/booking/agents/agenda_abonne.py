"""``/agendas/{secret}.ics``: a calendar subscribed to, read by programs that sign in nowhere.

The secret alone opens it: it is in no log, no page asks for it, no cookie goes with it. Reads are counted: a program
that asks every few seconds is told to wait, and so is whoever tries secrets.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any, Final

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Response

from app import clock
from app.booking.abonnements import note_lecture
from app.booking.flux_agenda import Flux, build_ics, open_flux, read_evenements
from app.booking.outils import Outils
from app.courrier.adresse import domaine_de, parse_expediteur
from app.errors import Introuvable, TropDeDemandes
from app.identite.essais import count_in_window
from app.identite.sessions import empreinte
from app.web.dependances import adresse

#: Reads of one calendar, and unknown secrets of one address, in five minutes.
PAR_AGENDA: Final = 60
INCONNUS_PAR_ADRESSE: Final = 30
_FICHIER: Final = re.compile(r"([A-Za-z0-9_-]{43})\.ics")


@get("/agendas/{fichier:str}", include_in_schema=False)
async def read_agenda(
    request: Request[Any, Any, Any], outils: NamedDependency[Outils], fichier: FromPath[str]
) -> Response[bytes]:
    """The calendar, or 304 when its reader has it already. Raises Introuvable, TropDeDemandes."""
    maintenant = clock.now()
    lu = _FICHIER.fullmatch(fichier)
    async with outils.db.read() as conn:
        flux = await open_flux(conn, empreinte(lu[1]), maintenant) if lu else None
        if flux is None:
            await _count(outils, conn, INCONNUS_PAR_ADRESSE, "agenda-inconnu", adresse(request) or "")
            raise Introuvable("Cet agenda n’existe pas, ou n’est plus partagé.", remede="Créez une nouvelle adresse.")
        await _count(outils, conn, PAR_AGENDA, "agenda", str(flux.id))
        await note_lecture(conn, flux.id, maintenant, flux.services[0].fuseau)
        entetes = {"ETag": flux.etag, "Cache-Control": "private, no-cache"}
        if _is_known(request, flux):
            return Response(b"", status_code=304, headers=entetes)
        lignes = await read_evenements(conn, flux)
    domaine = domaine_de(parse_expediteur(outils.settings.courriel_expediteur)[1])
    corps = await asyncio.to_thread(build_ics, flux, lignes, domaine=domaine, base_url=outils.settings.base_url)
    entetes["Content-Disposition"] = 'inline; filename="rendez-vous.ics"'
    return Response(corps, media_type="text/calendar", headers=entetes)


def _is_known(request: Request[Any, Any, Any], flux: Flux) -> bool:
    """True when the reader says that it holds this very version (RFC 9110 §13.1.2)."""
    connus = request.headers.get("if-none-match", "")
    return connus.strip() == "*" or flux.etag in {e.strip().removeprefix("W/") for e in connus.split(",")}


async def _count(outils: Outils, conn: Any, limite: int, *parts: str) -> None:
    """One more of them. Raises TropDeDemandes beyond ``limite`` in the present window."""
    nombre, attente = await count_in_window(conn, outils.settings, clock.now(), *parts)
    if nombre > limite:
        raise TropDeDemandes(
            "Cet agenda est demandé trop souvent.", remede="Patientez quelques minutes.", attendre_s=attente
        )


ROUTES = [read_agenda]
