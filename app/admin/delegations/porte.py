"""The door of the pages of one delegation: only from one of its two services, by who organises it."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from litestar import Request

from app import clock
from app.admin.chantier import journal_refus
from app.admin.delegations.ecritures import PHRASE
from app.admin.delegations.lecture import DelegationLue, read_delegation
from app.admin.ensemble import ORGANISER
from app.admin.pages import Organisation, open_organisation
from app.booking.outils import Outils
from app.errors import Introuvable
from app.identite.acteur import Acteur
from app.web.dependances import auteur_agent

DELEGATIONS: Final = f"{ORGANISER}/delegations"
DELEGATION: Final = f"{DELEGATIONS}/{{delegation_id:int}}"


def get_jour(organisation: Organisation) -> date:
    """Today in the service's zone."""
    return clock.now().astimezone(organisation.contexte.zone).date()


async def open_delegation_page(
    outils: Outils, acteur: Acteur, request: Request[Any, Any, Any], service_id: int, delegation_id: int
) -> tuple[Organisation, DelegationLue]:
    """The service and one of its delegations, given or received.

    Raises Introuvable, journaled: an unknown delegation and one between two other services are the same 404.
    """
    organisation = await open_organisation(outils, acteur, request, service_id)
    async with outils.db.read() as conn:
        lue = await read_delegation(conn, acteur.agent_id, service_id, delegation_id, get_jour(organisation))
    if lue is None:
        auteur = auteur_agent(acteur, request)
        await journal_refus(outils, auteur, clock.now(), f"delegation.{delegation_id}", service_id=service_id)
        raise Introuvable(PHRASE)
    return organisation, lue
