"""« Prendre RDV », the parcours simplifié: steps 1 and 2 [A1 §3.3]. The steps are the usager's, booked by an agent.

The external rules apply whoever goes through it: thirty days, the third working day, the durations of the service, its
guichets open to agents extérieurs, and nothing forced. The hold belongs to the agent in this browser.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response

from app.booking.agents.externes import check_champs_externes, check_externe
from app.booking.agents.formulaire import DejaUnRendezVous
from app.booking.agents.futurs import find_deja, present_futurs
from app.booking.agents.mots import ORIGINES as MOTS_ORIGINES
from app.booking.contexte import ServiceContexte
from app.booking.jugement import Reservation
from app.booking.outils import Outils
from app.booking.usager.demande import Parcours
from app.booking.usager.etape_creneau import answer_creneau, hold_creneau
from app.booking.usager.etape_motif import answer_motif
from app.booking.usager.formulaire import ORIGINES, Lue
from app.booking.usager.lecture import Vue
from app.booking.usager.mots import AGENT, Mots
from app.booking.usager.page_coordonnees import Ecran
from app.booking.usager.visiteur import Requete, Visiteur
from app.domain.vocabulaire import Canal
from app.identite.acteur import Acteur
from app.web.dependances import auteur_agent
from app.web.pages import agent_page, service_header, service_menu
from app.web.securite import visite

#: What the form of a créneau may carry.
_CHAMPS_CRENEAU: Final = frozenset({"motif", "type", "nature", "lieu", "debut"})


@dataclass(frozen=True, slots=True)
class VisiteurAgent(Visiteur):
    """An agent who books for somebody. ``rattache``: he holds the agenda of the service, and may know who is in it."""

    acteur: Acteur
    rattache: bool

    canal: ClassVar[str] = Canal.EXTERIEUR.value
    mots: ClassVar[Mots] = AGENT
    gabarits: ClassVar[str] = "booking/agents/prendre_"
    par_agent: ClassVar[bool] = True

    def build_cadre(self, contexte: ServiceContexte, maintenant: datetime) -> dict[str, Any]:
        """The frame of the agents' pages; the service's own menu for its agents."""
        menu = service_menu(contexte.id, contexte.site_id) if self.rattache else None
        return {
            **agent_page(self.acteur, menu=menu),
            "service": service_header(contexte, maintenant),
            "fil": [
                {"libelle": "Tableau de bord", "url": "/agent"},
                {"libelle": "Rechercher un service", "url": "/agent/services"},
                {"libelle": contexte.libelle, "url": f"/services/{contexte.id}/detail"},
                {"libelle": "Prendre un rendez-vous", "url": ""},
            ],
            "rattache": self.rattache,
            # The hours of a day that was chosen, and what is said first, take the focus themselves.
            "focus_tete": self.request.method == "GET" and not {"jour", "avis"} & self.request.query_params.keys(),
        }

    def complete(self, vue: Vue, ecran: Ecran) -> dict[str, Any]:
        """How the demand arrived, and the RDV that the person already holds, for who may know it."""
        futurs = ecran.refus.details.get("futurs", ()) if ecran.refus is not None else ()
        return {
            "origines": [(code, MOTS_ORIGINES[code], "") for code in ORIGINES],
            "futurs": present_futurs(futurs, vue.contexte),
            "information": ecran.information,
        }

    async def check(self, outils: Outils, vue: Vue, reservation: Reservation, lue: Lue) -> None:
        """A RDV already held in the service is announced before the final validation, to its own agents [A1 §3.2].

        An agent extérieur, who sees no agenda, learns nothing of anybody: whoever types a number would know where its
        holder goes. The service sees both RDV. Raises DejaUnRendezVous.
        """
        if not self.rattache:
            return
        sauf = reservation.print_cle(self.auteur)
        futurs = await find_deja(outils, self.acteur, self.request, vue.contexte, lue.usager, sauf_cle=sauf)
        if futurs and lue.saisie["deja_vu"] != "1":
            raise DejaUnRendezVous(futurs=futurs)

    def url_suite(self, service_id: int, rdv_id: int, jeton: str) -> str:
        """The confirmation, with the code to read out."""
        return f"/services/{service_id}/prendre/confirmation?rdv={rdv_id}"


async def open_parcours(
    request: Requete, outils: Outils, acteur: Acteur, service_id: int, champs: frozenset[str] | None = None
) -> VisiteurAgent:
    """The agent in front of the journey of that service; ``champs``: those that his form may carry, when he sends one.

    Raises Interdit (403, journaled): he manages no rendez-vous, or forces something; SaisieInvalide (422) on an unknown
    field.
    """
    rattache = await check_externe(outils, acteur, request, service_id)
    if champs is not None:
        await check_champs_externes(outils, acteur, request, await request.form(), champs, service_id)
    secret = f"agent-{acteur.agent_id}\n{visite(request)}"
    return VisiteurAgent(request, secret, auteur_agent(acteur, request), acteur, rattache)


@get("/services/{service_id:int}/prendre", include_in_schema=False)
async def show_prendre(service_id: FromPath[int]) -> Response[Any]:
    """The journey begins at its first step."""
    return Redirect(Parcours.read(service_id, {}, Canal.EXTERIEUR.value).url("motif"), status_code=303)


@get("/services/{service_id:int}/prendre/motif", include_in_schema=False)
async def show_motif(
    request: Requete, outils: NamedDependency[Outils], acteur: NamedDependency[Acteur], service_id: FromPath[int]
) -> Response[bytes]:
    """Who, about what, and how; why the service takes no agents extérieurs, when it does not."""
    return await answer_motif(await open_parcours(request, outils, acteur, service_id), outils, service_id)


@get("/services/{service_id:int}/prendre/creneau", include_in_schema=False)
async def show_creneau(
    request: Requete, outils: NamedDependency[Outils], acteur: NamedDependency[Acteur], service_id: FromPath[int]
) -> Response[Any]:
    """The month, the hours of the day, the first free créneau."""
    visiteur = await open_parcours(request, outils, acteur, service_id)
    return await answer_creneau(visiteur, outils, visiteur.read_parcours(service_id, request.query_params))


@get("/services/{service_id:int}/prendre/creneau/fragment", include_in_schema=False)
async def show_fragment(
    request: Requete, outils: NamedDependency[Outils], acteur: NamedDependency[Acteur], service_id: FromPath[int]
) -> Response[Any]:
    """The live region alone."""
    visiteur = await open_parcours(request, outils, acteur, service_id)
    parcours = visiteur.read_parcours(service_id, request.query_params)
    return await answer_creneau(visiteur, outils, parcours, fragment=True)


@post("/services/{service_id:int}/prendre/option", status_code=200, include_in_schema=False)
async def choose_creneau(
    request: Requete, outils: NamedDependency[Outils], acteur: NamedDependency[Acteur], service_id: FromPath[int]
) -> Response[Any]:
    """Hold the créneau and go on to step 3; when it is no longer free, the same page with the nearest ones (409)."""
    visiteur = await open_parcours(request, outils, acteur, service_id, _CHAMPS_CRENEAU)
    return await hold_creneau(visiteur, outils, service_id)


@get(
    ["/services/{service_id:int}/prendre/option", "/services/{service_id:int}/prendre/option/rendre"],
    include_in_schema=False,
)
async def reopen(service_id: FromPath[int]) -> Response[Any]:
    """Somebody reloads the address of an answer: back to the start of the journey, which changes nothing."""
    return Redirect(Parcours.read(service_id, {}, Canal.EXTERIEUR.value).url("motif"), status_code=303)


ROUTES = [show_prendre, show_motif, show_creneau, show_fragment, choose_creneau, reopen]
