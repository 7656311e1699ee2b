"""Who goes through the journey: the usager himself, or an agent who books for him [A1 §2, §3.3].

The steps are the same and so is their code; a visitor says by which channel it books, whose hold it is, in which words
and in which frame its pages are written, and where a booking leads.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from litestar import Request
from litestar.response import Response
from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking.contexte import ServiceContexte
from app.booking.jugement import Reservation
from app.booking.outils import Auteur, Outils
from app.booking.usager.cookies import has_visite
from app.booking.usager.demande import Parcours
from app.booking.usager.lecture import Vue, read_vue
from app.booking.usager.mots import USAGER, Mots
from app.domain.vocabulaire import Canal
from app.identite.usagers import UsagerConnecte
from app.langue import _
from app.web.compte import get_usager
from app.web.dependances import auteur_usager
from app.web.pages import page
from app.web.securite import visite

if TYPE_CHECKING:
    from app.booking.usager.formulaire import Lue
    from app.booking.usager.page_coordonnees import Ecran

Requete = Request[Any, Any, Any]


@dataclass(frozen=True, slots=True)
class Visiteur:
    """One request of a journey. ``secret``: to whom its hold belongs. The methods are those of the usager himself."""

    request: Requete
    secret: str
    auteur: Auteur

    #: By whose rules it books.
    canal: ClassVar[str] = Canal.INTERNET.value
    mots: ClassVar[Mots] = USAGER
    #: Prefix of its templates.
    gabarits: ClassVar[str] = "booking/usager/"
    #: True when the form is filled in by an agent: how the demand arrived is asked too.
    par_agent: ClassVar[bool] = False

    @property
    def usager(self) -> UsagerConnecte | None:
        """Whose account books: that of the usager who is signed in. Raises Indisponible when that cannot be known."""
        return get_usager(self.request)

    def read_parcours(self, service_id: int, donnees: Mapping[str, Any]) -> Parcours:
        """The choices that a query or a form carries. Raises Introuvable when no service can have that id."""
        return Parcours.read(service_id, donnees, self.canal)

    async def read_vue(self, outils: Outils, conn: AsyncConnection, service_id: int, maintenant: datetime) -> Vue:
        """The service as this visitor sees it. Raises Introuvable when there is no such service."""
        return await read_vue(outils, conn, service_id, self.secret, maintenant, canal=self.canal)

    def page(
        self,
        gabarit: str,
        contexte: ServiceContexte,
        donnees: Mapping[str, Any],
        maintenant: datetime,
        *,
        statut: int = 200,
    ) -> Response[bytes]:
        """One of its pages, in its frame."""
        cadre = self.build_cadre(contexte, maintenant)
        return page(
            self.request, f"{self.gabarits}{gabarit}.html", {"mots": self.mots, **cadre, **donnees}, statut=statut
        )

    def build_cadre(self, contexte: ServiceContexte, maintenant: datetime) -> dict[str, Any]:
        """What its base template asks for."""
        return {"service": {"libelle": contexte.libelle}, "fil": fil_de(contexte)}

    def complete(self, vue: Vue, ecran: Ecran) -> dict[str, Any]:
        """What the form of step 3 shows besides what every visitor's does."""
        return {}

    async def check(self, outils: Outils, vue: Vue, reservation: Reservation, lue: Lue) -> None:
        """Before the booking: raise what has to be answered first."""

    def print_cle(self, cle: str) -> bytes:
        """A form's key as its RDV stores it (``Reservation.print_cle``)."""
        portee = "usager" if self.auteur.agent_id is None else f"agent-{self.auteur.agent_id}"
        return hashlib.sha256(f"{portee}\n{cle}".encode("utf-8", "surrogatepass")).digest()

    def has_secret(self) -> bool:
        """True when the browser kept its cookie: otherwise nothing can have been booked under it."""
        return has_visite(self.request)

    def url_suite(self, service_id: int, rdv_id: int, jeton: str) -> str:
        """Where a booking leads."""
        return f"/mon-rendez-vous/{jeton}"


def visiteur_usager(request: Requete) -> Visiteur:
    """The usager in front of his own browser."""
    return Visiteur(request, visite(request), auteur_usager(request))


def fil_de(contexte: ServiceContexte, *, courante: str = "") -> list[dict[str, str]]:
    """The breadcrumb of a page about a service."""
    return [
        {"libelle": _("Accueil"), "url": "/"},
        {"libelle": contexte.libelle, "url": f"/services/{contexte.id}"},
        {"libelle": courante or _("Prendre rendez-vous"), "url": ""},
    ]
