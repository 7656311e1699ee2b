"""How many rendez-vous are to be placed again, for the head of the agenda: a live region of its own.

The agenda belongs to booking, which knows nothing of « Organiser »: its page only leaves the place of this region
(``admin/replacement/_compte.html``), which asks for itself at once and follows the service from then on.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Response

from app import clock
from app.admin.ensemble import ORGANISER
from app.admin.pages import open_organisation
from app.admin.replacement.situation import count_a_replacer
from app.booking.outils import Outils
from app.domain.horaires import get_cadran
from app.identite.acteur import Acteur
from app.web.pages import render


@get(f"{ORGANISER}/a-replacer/compte/fragment", include_in_schema=False)
async def show_compte(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[bytes]:
    """The region: a link with the number, nothing when there is none. Nobody is named."""
    maintenant = clock.now()
    organisation = await open_organisation(outils, acteur, request, service_id)
    async with outils.db.read() as conn:
        compte = await count_a_replacer(outils, conn, acteur.agent_id, organisation, maintenant)
    zone = organisation.contexte.zone
    demain = maintenant.astimezone(zone).date() + timedelta(days=1)
    suivis = {f"service:{service_id}": organisation.versions.service, **compte.suivis}
    region = {
        "service_id": service_id,
        "sujet": " ".join(suivis),
        "version": " ".join(str(version) for version in suivis.values()),
        "epoque": organisation.epoque,
        "zone": zone.key,
        "nombre": compte.nombre,
        "expire": get_cadran(demain, zone).debut,
    }
    corps = render(request, "admin/replacement/_compte.html", {"a_replacer": region})
    return Response(corps.encode(), media_type="text/html")


ROUTES = [show_compte]
