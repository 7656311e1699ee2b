"""The two frames in which accounts are shown: under « Organiser » of a service, and the national administration."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

from litestar import Request
from sqlalchemy.ext.asyncio import AsyncConnection

from app.admin.comptes.droits import Endroit, find_departement, find_interregion, find_service, read_droits
from app.admin.pages import check_national, national_page, open_organisation, organiser_page
from app.booking.outils import Outils
from app.domain.attribution import NATION, Droit, administers, is_national_admin
from app.domain.habilitations import Profil
from app.identite.acteur import Acteur
from app.web.pages import PROFILS

NATIONAL: Final = "/administration/comptes"
#: What each profile is for, beside its name in forms.
AIDES: Final = {
    Profil.AGENT_LOCAL: "Agenda, accueil et box des services auxquels il est rattaché.",
    Profil.ADMIN_LOCAL: "Organise le service, y reçoit, suit le pilotage, donne les accès.",
    Profil.PILOTAGE: "Compteurs et statistiques, sans données d’usagers.",
    Profil.AGENT_NATIONAL: "Prend des rendez-vous partout en agent extérieur (centre de contact).",
    Profil.ADMIN_NATIONAL: "Catalogue, annuaire, paramètres nationaux, tous les accès.",
}
#: Sentences told once after a redirection, by key.
FAITS: Final = {
    "cree": "Le compte est créé.",
    "invite": "Le compte est créé. Un courriel vient de partir pour que l’agent choisisse son mot de passe.",
    "venu": "L’agent a maintenant accès à ce service.",
    "identite": "L’identité est enregistrée.",
    "donnee": "L’habilitation est donnée : elle vaut dès maintenant.",
    "retiree": "L’habilitation est retirée : les écrans qu’elle ouvrait se ferment dans les cinq secondes.",
    "rattache": "L’agent est rattaché au service.",
    "detache": "L’agent n’est plus rattaché au service : ses écrans s’y ferment dans les cinq secondes.",
    "suspendu": "Le compte est suspendu : sessions et écrans se ferment dans les cinq secondes.",
    "reactive": "Le compte est réactivé, avec les habilitations qu’il avait.",
    "lien": "Un courriel vient de partir, avec un lien valable 72 heures. Les liens précédents ne fonctionnent plus.",
    "sessions": "Toutes les sessions de l’agent sont fermées.",
    "cle": "La clé est révoquée : elle est refusée partout dans les cinq secondes.",
}


@dataclass(frozen=True, slots=True)
class Cadre:
    """Where a page of accounts is shown. ``donneur``: what the administrator holds."""

    contexte: dict[str, Any]
    base: str
    service_id: int | None
    zone: ZoneInfo
    donneur: tuple[Droit, ...]
    endroit: Endroit | None

    def is_open_to(self, droits: Collection[Droit]) -> bool:
        """True when whoever holds ``droits`` opens these pages."""
        if self.endroit is None:
            return is_national_admin(droits)
        return administers(droits, self.endroit.lieu)

    @property
    def profils(self) -> list[tuple[str, str, str]]:
        """The profiles that the administrator may give, as a form offers them."""
        nationaux = is_national_admin(self.donneur)
        offerts = [p for p in AIDES if nationaux or p not in (Profil.AGENT_NATIONAL, Profil.ADMIN_NATIONAL)]
        return [(str(p), PROFILS[p], AIDES[p]) for p in offerts]


async def open_cadre(
    outils: Outils, acteur: Acteur, request: Request[Any, Any, Any], service_id: int | None, titre: str = ""
) -> Cadre:
    """The frame, if the agent organises the service or is a national administrator. Raises Introuvable, journaled."""
    endroit: Endroit | None = None
    if service_id is None:
        await check_national(outils, acteur, request)
        contexte = {**national_page(acteur, "comptes", titre), "cadre": "admin/_cadre_national.html"}
        base, zone = NATIONAL, ZoneInfo(acteur.fuseau)
    else:
        organisation = await open_organisation(outils, acteur, request, service_id)
        contexte = {**organiser_page(acteur, organisation, "agents", titre), "cadre": "admin/_cadre.html"}
        base, zone = f"{organisation.url}/agents", organisation.contexte.zone
    async with outils.db.read() as conn:
        donneur = await read_droits(conn, acteur.agent_id)
        if service_id is not None:
            endroit = await find_service(conn, ident=service_id)
    contexte["base_comptes"] = base
    return Cadre(contexte, base, service_id, zone, donneur, endroit)


async def read_perimetres(conn: AsyncConnection, cadre: Cadre) -> list[tuple[str, str]]:
    """The perimeters that a form offers: those around the service that the giver administers, or every kind."""
    if cadre.endroit is None:
        return [
            ("service", "Un service"),
            ("departement", "Un département"),
            ("interregion", "Une interrégion"),
            ("nation", "Toute la nation"),
        ]
    ici = cadre.endroit.lieu
    larges = [await find_departement(conn, ici.departement)]
    if ici.interregion:
        larges.append(await find_interregion(conn, ident=int(ici.interregion)))
    offerts = [(f"service:{ici.cle}", f"Ce service : {cadre.endroit.libelle}")]
    for endroit in larges:
        if endroit is not None and administers(cadre.donneur, endroit.lieu):
            offerts.append((f"{endroit.lieu.genre}:{endroit.lieu.cle}", endroit.libelle))
    if administers(cadre.donneur, NATION):
        offerts.append(("nation", "Toute la nation"))
    return offerts
