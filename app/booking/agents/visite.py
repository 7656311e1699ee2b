"""What the screens about one visit read of it: the RDV, its service, the calls before it, what followed.

Less than the fiche, which these screens come from and go back to.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from litestar import Request

from app.booking.agents.acces import PHRASE_RDV, Acces, journal_refus
from app.booking.agents.affichage import url_jour
from app.booking.agents.appels import read_contre_appels, read_suites
from app.booking.agents.lectures import read_fiche
from app.booking.contexte import ServiceContexte, read_versions
from app.booking.outils import Outils
from app.booking.traces import Trace
from app.errors import AccesRefuse
from app.identite.acteur import Acteur
from app.web.pages import agent_page, service_header, service_menu


@dataclass(frozen=True, slots=True)
class Visite:
    """``contexte`` is the service that receives the RDV, ``vue`` the one it is seen from [G 2.3.5]."""

    vue: ServiceContexte
    contexte: ServiceContexte
    rdv: dict[str, Any]
    contre_appels: list[dict[str, Any]]
    suites: list[dict[str, Any]]

    @property
    def url(self) -> str:
        """The fiche."""
        return f"/rendez-vous/{self.rdv['id']}"

    def entete(self, acteur: Acteur, maintenant: datetime) -> dict[str, Any]:
        """The frame of a page about it: the menu and header of the service it is seen from."""
        return {
            **agent_page(acteur, menu=service_menu(self.vue.id, self.vue.site_id)),
            "service": service_header(self.vue, maintenant),
        }

    def fil(self, libelle: str) -> list[dict[str, str]]:
        """The way to that page, through the agenda of its day and the fiche."""
        return [
            {"libelle": "Tableau de bord", "url": "/agent"},
            {"libelle": "Agenda du service", "url": url_jour(self.vue.id, self.rdv["jour"])},
            {"libelle": f"Rendez-vous {self.rdv['code']}", "url": self.url},
            {"libelle": libelle, "url": ""},
        ]


async def load_visite(
    request: Request[Any, Any, Any], outils: Outils, acteur: Acteur, acces: Acces, rdv_id: int
) -> Visite:
    """Raises AccesRefuse, journaled, when the right has just gone."""
    async with (
        journal_refus(outils, acteur, request, Trace("rdv.acces_refuse", acces.service_id, rdv_id)),
        outils.db.read() as conn,
    ):
        contextes = outils.dispo.contextes
        vue = contexte = await contextes.get(conn, acces.service_id, acces.versions.planning)
        if acces.confie:
            versions = await read_versions(conn, acces.receveur_id)
            contexte = await contextes.get(conn, acces.receveur_id, versions.planning)
        rdv = await read_fiche(conn, acces.agent_id, rdv_id)
        if rdv is None:
            raise AccesRefuse(PHRASE_RDV)
        appels = await read_contre_appels(conn, acces.agent_id, rdv_id)
        return Visite(vue, contexte, rdv, appels, await read_suites(conn, acces.agent_id, rdv_id))
