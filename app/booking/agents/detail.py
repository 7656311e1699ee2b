"""« Consulter le détail » of a service: where it is, how to reach it, what it offers and to whom [A1 §3.2, §3.3].

For any agent who manages rendez-vous, attached or not: it is the directory, no agenda is behind it. Its region follows
the public subject of the service, whose planning changes are announced there too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Response
from sqlalchemy import and_, exists, func, or_, select

from app import clock
from app.booking.agents.acces import write_acte
from app.booking.agents.mots import restrictions
from app.booking.contexte import MotifOffert, ServiceContexte, Versions
from app.booking.droits import AGENT, RESERVER, SERVICE
from app.booking.outils import Outils
from app.booking.traces import Trace
from app.booking.usager.cartes import carte_de
from app.domain.horaires import get_cadran
from app.domain.vocabulaire import Canal
from app.errors import AccesRefuse
from app.identite.acteur import Acteur
from app.tables import Agenda, Epoque, ServiceFiscal, Site, TypeService
from app.tables.vues import acces
from app.web.dates import jour_long
from app.web.pages import agent_page, page, service_header, service_menu

_PHRASE: Final = "Ce service n’existe pas, ou votre habilitation n’y donne aucun accès."

#: Built once. One row when the agent may read the directory, or has any right on the service.
_SES_MODULES = (
    select(func.array_agg(acces.c.module))
    .where(acces.c.agent_id == AGENT, acces.c.service_id == SERVICE)
    .scalar_subquery()
)
_REQUETE: Final = (
    select(
        Agenda.version,
        Agenda.version_creneaux,
        Agenda.version_affichage,
        Agenda.version_planning,
        select(Epoque.valeur).scalar_subquery().label("epoque"),
        TypeService.libelle.label("type_libelle"),
        Site.nom.label("site_libelle"),
        _SES_MODULES.label("modules"),
        RESERVER["exterieur"].label("reserve"),
    )
    .select_from(Agenda)
    .join(ServiceFiscal, ServiceFiscal.id == Agenda.service_id)
    .join(TypeService, TypeService.code == ServiceFiscal.type_code)
    .join(Site, Site.id == ServiceFiscal.site_id)
    .where(
        Agenda.service_id == SERVICE,
        or_(RESERVER["exterieur"], exists().where(and_(acces.c.agent_id == AGENT, acces.c.service_id == SERVICE))),
    )
)


@dataclass(frozen=True, slots=True)
class _Lu:
    """A service and what the agent may do there; ``reserve``: his profile manages rendez-vous."""

    contexte: ServiceContexte
    versions: Versions
    epoque: str
    type_libelle: str
    site_libelle: str
    modules: frozenset[str]
    reserve: bool


async def _read(outils: Outils, acteur: Acteur, request: Request[Any, Any, Any], service_id: int) -> _Lu:
    """Raises AccesRefuse, journaled."""
    async with outils.db.read() as conn:
        lu = (await conn.execute(_REQUETE, {"agent": acteur.agent_id, "service": service_id})).one_or_none()
        if lu is not None:
            versions = Versions(*lu[:4])
            contexte = await outils.dispo.contextes.get(conn, service_id, versions.planning)
            modules = frozenset(lu.modules or ())
            return _Lu(contexte, versions, lu.epoque, lu.type_libelle, lu.site_libelle, modules, lu.reserve)
    await write_acte(outils, acteur, request, Trace("service.acces_refuse", service_id=service_id))
    raise AccesRefuse(_PHRASE)


@get("/services/{service_id:int}/detail", include_in_schema=False)
async def show_detail(
    request: Request[Any, Any, Any],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    service_id: FromPath[int],
) -> Response[bytes]:
    """The page."""
    maintenant = clock.now()
    lu = await _read(outils, acteur, request, service_id)
    menu = service_menu(lu.contexte.id, lu.contexte.site_id) if "agenda" in lu.modules else None
    ctx = {
        **agent_page(acteur, menu=menu),
        "service": service_header(lu.contexte, maintenant),
        "direct": True,
        "titre": lu.contexte.libelle,
        "fil": [{"libelle": "Tableau de bord", "url": "/agent"}, {"libelle": lu.contexte.libelle, "url": ""}],
        "region": _render(request, lu, maintenant.astimezone(lu.contexte.zone).date()),
    }
    return page(request, "booking/agents/detail.html", ctx)


@get("/services/{service_id:int}/detail/fragment", include_in_schema=False)
async def show_detail_fragment(
    request: Request[Any, Any, Any],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    service_id: FromPath[int],
) -> Response[bytes]:
    """Exactly the live region of the page."""
    lu = await _read(outils, acteur, request, service_id)
    region = _render(request, lu, clock.now().astimezone(lu.contexte.zone).date())
    return Response(region.encode(), media_type="text/html")


def _render(request: Request[Any, Any, Any], lu: _Lu, aujourdhui: date) -> str:
    contexte = lu.contexte
    rattache = "agenda" in lu.modules
    base = f"/services/{contexte.id}"
    actions = (
        (lu.reserve and takes_exterieurs(contexte), "Prendre rendez-vous", f"{base}/prendre"),
        (rattache, "Agenda", f"{base}/agenda"),
        ("organiser" in lu.modules, "Organiser", f"{base}/organiser"),
        ("pilotage" in lu.modules, "Statistiques", f"/pilotage/service-{contexte.id}"),
    )
    gabarit = request.app.state.gabarits.get_template("booking/agents/_detail_region.html")
    return str(
        gabarit.render(
            id=contexte.id,
            sujet=f"creneaux:{contexte.id}",
            version=lu.versions.creneaux,
            epoque=lu.epoque,
            zone=contexte.zone.key,
            expire=get_cadran(aujourdhui, contexte.zone).fin,
            carte=carte_de(contexte),
            sages=contexte.sages,
            codique=contexte.codique or "",
            type_libelle=lu.type_libelle,
            site_libelle=lu.site_libelle,
            departement=contexte.departement,
            ferme=contexte.ferme,
            canaux=list_canaux(contexte, aujourdhui),
            regles=_regles(contexte),
            motifs=[_motif(m) for m in contexte.motifs.values() if m.ouvert],
            guichets=[(g.nom, "Ouvert" if g.ouvert else "Fermé", restrictions(g, contexte)) for g in _guichets(lu)],
            confiees=[
                (d.libelle_delegue, [contexte.motif(m).libelle for m in d.motifs if m in contexte.motifs])
                for d in contexte.confiees
                if d.is_utile(aujourdhui)
            ],
            actions=[(mot, url) for permis, mot, url in actions if permis],
        )
    )


def _guichets(lu: _Lu) -> list[Any]:
    """Those of the service, for who holds its agenda: nobody else sees how it is organised [A1 §3.3]."""
    return list(lu.contexte.guichets.values()) if "agenda" in lu.modules else []


def takes_exterieurs(contexte: ServiceContexte) -> bool:
    """True when at least one open guichet takes agents extérieurs [A1, summary table]."""
    ouverts = (g.ouvert and g.accepts_canal(Canal.EXTERIEUR) for g in contexte.guichets.values())
    return not contexte.ferme and any(ouverts)


def list_canaux(contexte: ServiceContexte, aujourdhui: date) -> list[tuple[str, bool, str]]:
    """(who, may book, since when or why not) for the three origins of a rendez-vous."""
    ouverts = [g for g in contexte.guichets.values() if g.ouvert]
    en_ligne = contexte.prend_en_ligne(aujourdhui)
    raison = ""
    if not en_ligne:
        ouverture = contexte.ouverture_nationale
        if contexte.ferme:
            raison = "service fermé"
        elif ouverture is not None and ouverture > aujourdhui:
            raison = f"ouverture nationale le {jour_long(ouverture)}"
        elif not contexte.en_ligne:
            raison = "prise de rendez-vous en ligne non activée par le service"
        else:
            raison = "aucun guichet ouvert à internet"
    sans = "service fermé" if contexte.ferme else "aucun guichet ne leur est ouvert"
    exterieurs = takes_exterieurs(contexte)
    rattaches = not contexte.ferme and any(g.accepts_canal(Canal.RATTACHE) for g in ouverts)
    return [
        ("Usagers, sur internet", en_ligne, raison),
        ("Agents extérieurs au service", exterieurs, "" if exterieurs else sans),
        ("Agents rattachés au service", rattaches, "" if rattaches else sans),
    ]


def _regles(contexte: ServiceContexte) -> list[tuple[str, str]]:
    """How far ahead, how soon, how long."""
    p = contexte.parametres
    delai = f"{p.delai_ouvre} jour{'s' if p.delai_ouvre > 1 else ''} ouvré{'s' if p.delai_ouvre > 1 else ''}"
    avance = f"jusqu’à {p.horizon_internet} jours à l’avance pour les usagers, {p.horizon_exterieur} pour les agents "
    avance += f"extérieurs, {p.horizon_rattache} pour les agents rattachés"
    return [
        ("Durée habituelle", f"{contexte.duree} minutes"),
        ("Délai minimal", f"{delai} pour les usagers et les agents extérieurs, aucun pour les agents rattachés"),
        ("Prise de rendez-vous", avance),
    ]


def _motif(motif: MotifOffert) -> dict[str, Any]:
    return {
        "libelle": motif.libelle,
        "duree": motif.duree,
        "public": {"particulier": "Particuliers", "professionnel": "Professionnels"}.get(motif.public, "Tous publics"),
        "documents": motif.documents,
        "message": motif.message,
    }


ROUTES = [show_detail, show_detail_fragment]
