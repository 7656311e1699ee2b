"""« Liste des RDV »: those of every service of the agent's zone over a period, arrivals noted in place [A1 §3.2].

The list is one live region that follows the service of each row it may show, as long as they are few enough for one
connection. Beyond, it says that it is not live and offers to be drawn again: it never pretends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final
from urllib.parse import quote

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.response import Response
from sqlalchemy.ext.asyncio import AsyncConnection

from app import clock
from app.booking.agents.acces import journal_refus, note_lecture, write_lecture
from app.booking.agents.liste_filtres import CHEMIN, ETATS, LIGNES, TRIS, Filtre, parse_filtre
from app.booking.agents.liste_lectures import ServiceZone, count_rdv, read_choix, read_page, read_zone
from app.booking.agents.liste_lignes import Ligne, describe_lignes
from app.booking.agents.mots import TYPES
from app.booking.outils import Outils
from app.booking.traces import Trace
from app.domain.horaires import get_cadran
from app.errors import AccesRefuse, SaisieInvalide
from app.identite.acteur import Acteur
from app.web.dates import heure, jour_long
from app.web.pages import agent_page, page

URL_RECHERCHE: Final = f"{CHEMIN}/recherche"
URL_EXPORT: Final = f"{CHEMIN}/export"
#: Subjects that one connection follows (app/realtime: ``SUJETS_MAX``).
SUIVIS_MAX: Final = 20
_PHRASE_SERVICE: Final = "Ce service ne fait pas partie de ceux auxquels vous êtes rattaché."
_COLONNES: Final[Mapping[str, str]] = {
    "service": "Service",
    "date": "Date",
    "horaires": "Horaires",
    "usager": "Usager",
    "code": "Code et numéro",
    "type": "Type",
    "guichet": "Guichet",
    "contre-appel": "Contre-appel",
    "etat": "État",
    "arrivee": "Arrivée",
}


@dataclass(frozen=True, slots=True)
class Liste:
    """A page of the list, and what it is made from."""

    zone: tuple[ServiceZone, ...]
    filtre: Filtre
    lignes: list[Ligne]
    total: int

    @property
    def services(self) -> tuple[ServiceZone, ...]:
        """Those whose RDV are listed."""
        return find_services(self.zone, self.filtre)

    @property
    def directe(self) -> bool:
        """True when one connection can follow all of its services."""
        return len(self.services) <= SUIVIS_MAX

    @property
    def pages(self) -> int:
        """How many there are, one at least."""
        return max(1, -(-self.total // self.filtre.lignes))


def read_aujourdhui(zone: Sequence[ServiceZone], maintenant: datetime) -> date:
    """Today where it is the earliest: services of several zones may be on two days."""
    return min(maintenant.astimezone(s.zone).date() for s in zone)


def find_services(zone: Sequence[ServiceZone], filtre: Filtre) -> tuple[ServiceZone, ...]:
    """The services listed. Raises AccesRefuse on one that is not of the zone."""
    services = tuple(s for s in zone if filtre.service in (0, s.id))
    if not services:
        raise AccesRefuse(_PHRASE_SERVICE)
    return services


def read_valeurs(request: Request[Any, Any, Any]) -> dict[str, str]:
    """The address's parameters, the first of each name."""
    return {nom: request.query_params.getall(nom)[0] for nom in request.query_params}


async def _load(conn: AsyncConnection, acteur: Acteur, filtre: Filtre, zone: tuple[ServiceZone, ...]) -> Liste:
    """The rows and how many there are; the last page when the one asked for is beyond."""
    ids = [s.id for s in find_services(zone, filtre)]
    total = await count_rdv(conn, acteur.agent_id, filtre, ids)
    filtre = replace(filtre, page=min(filtre.page, max(1, -(-total // filtre.lignes))))
    lignes = await read_page(conn, acteur.agent_id, filtre, ids)
    return Liste(zone, filtre, describe_lignes(lignes, {s.id: s for s in zone}, clock.now()), total)


def render_region(request: Request[Any, Any, Any], liste: Liste, maintenant: datetime) -> str:
    """The list itself, a function of the state, its versions, the day and the rights."""
    filtre, services = liste.filtre, liste.services
    cadrans = [(get_cadran(filtre.du, s.zone).debut, get_cadran(filtre.au, s.zone).fin) for s in services]
    gabarit = request.app.state.gabarits.get_template("booking/agents/_liste_region.html")
    premiere = (filtre.page - 1) * filtre.lignes
    return str(
        gabarit.render(
            directe=liste.directe,
            sujets=" ".join(f"service:{s.id}" for s in services),
            versions=" ".join(str(s.version) for s in services),
            epoque=services[0].epoque,
            fragment=filtre.url_fragment,
            zone=services[0].zone.key,
            du=min(debut for debut, _ in cadrans),
            au=max(fin for _, fin in cadrans),
            expire=min(get_cadran(maintenant.astimezone(s.zone).date(), s.zone).fin for s in services),
            guichets=str(filtre.guichet or ""),
            relire=bool(filtre.etat not in ("", "tous") or filtre.tri == "etat"),
            colonnes=[_describe_colonne(cle, libelle, filtre) for cle, libelle in _COLONNES.items()],
            lignes=liste.lignes,
            total=liste.total,
            premiere=premiere + 1,
            derniere=premiere + len(liste.lignes),
            pages=_describe_pages(liste),
            page=filtre.page,
            nombre_pages=liste.pages,
            retour=quote(filtre.url, safe="/"),
            url_rdv="/rendez-vous/",
        )
    )


def _describe_colonne(cle: str, libelle: str, filtre: Filtre) -> dict[str, str]:
    if cle not in TRIS:
        return {"libelle": libelle, "url": "", "sens": ""}
    sens = ("descending" if filtre.descendant else "ascending") if cle == filtre.tri else ""
    return {"libelle": libelle, "url": filtre.sorted_by(cle).url, "sens": sens}


def _describe_pages(liste: Liste) -> list[dict[str, Any]]:
    """Links of the pages around the one shown, the first and the last; a page 0 stands for a gap."""
    courante, derniere = liste.filtre.page, liste.pages
    voulues = sorted({1, derniere, *range(max(1, courante - 2), min(derniere, courante + 2) + 1)})
    liens: list[dict[str, Any]] = []
    for rang in voulues:
        if liens and rang - liens[-1]["page"] > 1:
            liens.append({"page": 0, "url": ""})
        liens.append({"page": rang, "url": liste.filtre.at_page(rang).url})
    return liens if derniere > 1 else []


def trace_liste(filtre: Filtre, action: str, **faits: Any) -> Trace:
    """The journal's line: which RDV were read, by their period and filters."""
    return Trace(action, filtre.service or None, apres={**filtre.describe(), **faits})


@get(CHEMIN, include_in_schema=False)
async def show_liste(
    request: Request[Any, Any, Any], outils: NamedDependency[Outils], acteur: NamedDependency[Acteur]
) -> Response[bytes]:
    """The whole page; its opening is journaled. Criteria that mean nothing are answered beside their fields (422)."""
    maintenant = clock.now()
    valeurs = read_valeurs(request)
    erreurs: Mapping[str, str] = {}
    async with journal_refus(outils, acteur, request, _refus(valeurs)), outils.db.read() as conn:
        zone = await read_zone(conn, acteur.agent_id)
        aujourdhui = read_aujourdhui(zone, maintenant)
        try:
            filtre = parse_filtre(valeurs, aujourdhui)
        except SaisieInvalide as refus:
            filtre, erreurs = parse_filtre({}, aujourdhui), refus.champs
        liste = await _load(conn, acteur, filtre, zone) if not erreurs else Liste(zone, filtre, [], 0)
        guichets, motifs = await read_choix(conn, [s.id for s in liste.services])
    if not erreurs:
        await write_lecture(outils, acteur, request, trace_liste(filtre, "liste.lue"))
    seul = liste.services[0] if len(liste.services) == 1 else None
    ctx = {
        **agent_page(acteur, actif=CHEMIN),
        "direct": liste.directe and not erreurs,
        "titre": ("Erreur – " if erreurs else "") + "Liste des rendez-vous",
        "fil": [{"libelle": "Tableau de bord", "url": "/agent"}, {"libelle": "Liste des RDV", "url": ""}],
        "erreurs": erreurs,
        "saisi": {**dict(filtre.pairs()), **(valeurs if erreurs else {})},
        "filtre": liste.filtre,
        "services": [(s.id, s.libelle) for s in zone],
        "guichets": _group_guichets(guichets, liste.services),
        "motifs": [(m.id, m.libelle) for m in motifs],
        "etats": list(ETATS.items()),
        "types": list(TYPES.items()),
        "lignes_choix": [(n, str(n)) for n in LIGNES],
        "region": "" if erreurs else render_region(request, liste, maintenant),
        "directe": liste.directe,
        "nombre_services": len(liste.services),
        "a": f"{jour_long(aujourdhui)}, {heure(maintenant, (seul or zone[0]).zone)}",
        "url": CHEMIN,
        "url_recherche": URL_RECHERCHE,
        "url_export": URL_EXPORT,
    }
    return page(request, "booking/agents/liste.html", ctx, statut=422 if erreurs else 200)


def _group_guichets(guichets: Sequence[Any], services: Sequence[ServiceZone]) -> list[Any]:
    """Guichets to choose from, under their service; too many services have to be narrowed first."""
    if len(services) > SUIVIS_MAX:
        return []
    siens = {s.id: [(g.id, g.nom) for g in guichets if g.service_id == s.id] for s in services}
    if len(services) == 1:
        return siens[services[0].id]
    return [{"groupe": s.libelle, "options": siens[s.id]} for s in services if siens[s.id]]


def _refus(valeurs: Mapping[str, str]) -> Trace:
    service = valeurs.get("service", "")
    ident = int(service) if service.isascii() and service.isdecimal() and len(service) < 19 else None
    return Trace("service.acces_refuse", ident, apres={"liste": True})


@get(f"{CHEMIN}/fragment", include_in_schema=False)
async def show_liste_fragment(
    request: Request[Any, Any, Any], outils: NamedDependency[Outils], acteur: NamedDependency[Acteur]
) -> Response[bytes]:
    """Exactly the live region of the page with the same parameters."""
    maintenant = clock.now()
    valeurs = read_valeurs(request)
    async with journal_refus(outils, acteur, request, _refus(valeurs)), outils.db.read() as conn:
        zone = await read_zone(conn, acteur.agent_id)
        filtre = parse_filtre(valeurs, read_aujourdhui(zone, maintenant))
        liste = await _load(conn, acteur, filtre, zone)
    await note_lecture(outils, acteur, request, trace_liste(filtre, "liste.lue"))
    return Response(render_region(request, liste, maintenant).encode(), media_type="text/html")


ROUTES = [show_liste, show_liste_fragment]
