"""What every page of « Organiser » shares: the service, its menu, rights in the query, a refused form shown again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from litestar import Request
from litestar.response import Response
from sqlalchemy import exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app import clock
from app.admin.chantier import PHRASE, PHRASE_NATIONALE, is_national, journal_refus
from app.booking.contexte import ServiceContexte, Versions
from app.booking.outils import Outils
from app.errors import AppError, Introuvable
from app.identite.acteur import Acteur
from app.tables import Agenda, Epoque, ServiceFiscal
from app.tables.vues import acces
from app.web.dependances import auteur_agent
from app.web.pages import agent_page, page, service_header, service_menu

#: The parts of « Organiser », in the order of a first configuration: (last segment of the address, words).
PARTIES: Final = (
    ("", "Vue d’ensemble"),
    ("fiche", "Fiche du service"),
    ("guichets", "Guichets"),
    ("motifs", "Motifs et durées"),
    ("plannings", "Plannings"),
    ("exceptions", "Fermetures et exceptions"),
    ("delegations", "Délégations"),
    ("parametres", "Paramètres"),
    ("agents", "Agents et habilitations"),
    ("ouverture", "Ouverture en ligne"),
    ("a-replacer", "Rendez-vous à replacer"),
    ("expliquer", "Pourquoi pas de créneau ?"),
    ("historique", "Historique"),
)
#: The parts of the national administration.
PARTIES_NATIONALES: Final = (
    ("services", "Annuaire des services"),
    ("motifs", "Catalogue des motifs"),
    ("contact", "Sujets de contact"),
    ("parametres", "Paramètres nationaux"),
    ("comptes", "Comptes et habilitations"),
    ("donnees-personnelles", "Données personnelles"),
)


@dataclass(frozen=True, slots=True)
class Organisation:
    """A service that the agent organises: its context, its row, the versions that the screen will show."""

    contexte: ServiceContexte
    service: Mapping[str, Any]
    versions: Versions
    epoque: str
    #: Modules that the agent has on it besides: ``agenda``, ``accueil``, ``pilotage``.
    modules: frozenset[str]

    @property
    def url(self) -> str:
        """Where its organisation begins."""
        return f"/services/{self.contexte.id}/organiser"


async def open_organisation(
    outils: Outils, acteur: Acteur, request: Request[Any, Any, Any], service_id: int
) -> Organisation:
    """The service, if the agent organises it, in one statement (and the context, once per version).

    Raises Introuvable, journaled: an unknown service and somebody else's are the same 404.
    """
    if 0 < service_id < 2**63:
        async with outils.db.read() as conn:
            trouve = await _read(outils, conn, acteur.agent_id, service_id)
        if trouve is not None:
            return trouve
    await journal_refus(outils, auteur_agent(acteur, request), clock.now(), "organiser.lu", service_id=service_id)
    raise Introuvable(PHRASE)


async def _read(outils: Outils, conn: AsyncConnection, agent_id: int, service_id: int) -> Organisation | None:
    modules = (
        select(func.array_agg(acces.c.module))
        .where(acces.c.agent_id == agent_id, acces.c.service_id == ServiceFiscal.id)
        .correlate(ServiceFiscal)
        .scalar_subquery()
    )
    permis = exists().where(
        acces.c.agent_id == agent_id, acces.c.module == "organiser", acces.c.service_id == ServiceFiscal.id
    )
    ligne = (
        (
            await conn.execute(
                select(
                    ServiceFiscal.__table__,
                    Agenda.version,
                    Agenda.version_creneaux,
                    Agenda.version_affichage,
                    Agenda.version_planning,
                    select(Epoque.valeur).scalar_subquery().label("epoque"),
                    modules.label("modules"),
                )
                .join(Agenda, Agenda.service_id == ServiceFiscal.id)
                .where(ServiceFiscal.id == service_id, permis)
            )
        )
        .mappings()
        .one_or_none()
    )
    if ligne is None:
        return None
    versions = Versions(
        ligne["version"], ligne["version_creneaux"], ligne["version_affichage"], ligne["version_planning"]
    )
    contexte = await outils.dispo.contextes.get(conn, service_id, versions.planning)
    return Organisation(contexte, dict(ligne), versions, ligne["epoque"], frozenset(ligne["modules"] or ()))


def organiser_page(acteur: Acteur, organisation: Organisation, partie: str, titre: str = "") -> dict[str, Any]:
    """The context that ``admin/_cadre.html`` needs. ``partie``: a key of ``PARTIES``; ``titre``: of a page below it."""
    contexte, base = organisation.contexte, organisation.url
    mots = dict(PARTIES)
    fil = [{"libelle": "Tableau de bord", "url": "/agent"}, {"libelle": "Organiser", "url": base}]
    if partie:
        fil.append({"libelle": mots[partie], "url": f"{base}/{partie}"})
    if titre:
        fil.append({"libelle": titre, "url": ""})
    menu = service_menu(contexte.id, contexte.site_id) if "agenda" in organisation.modules else []
    return {
        **agent_page(acteur, actif=base, menu=[*menu, {"libelle": "Organiser", "url": base}]),
        "service": service_header(contexte, clock.now()),
        "fil": fil,
        "titre": titre or mots[partie],
        "partie": partie,
        "parties": [{"cle": cle, "libelle": mot, "url": f"{base}/{cle}" if cle else base} for cle, mot in PARTIES],
        "organisation": organisation,
        "contexte_service": contexte,
        "base": base,
        "epoque": organisation.epoque,
        "sujet": f"service:{contexte.id}",
        "version": organisation.versions.service,
    }


async def check_national(outils: Outils, acteur: Acteur, request: Request[Any, Any, Any]) -> None:
    """Raise Introuvable, journaled, unless the agent is a national administrator."""
    async with outils.db.read() as conn:
        permis = (await conn.execute(select(is_national(acteur.agent_id)))).scalar_one()
    if not permis:
        await journal_refus(outils, auteur_agent(acteur, request), clock.now(), "administration.lu")
        raise Introuvable(PHRASE_NATIONALE)


def national_page(acteur: Acteur, partie: str, titre: str = "") -> dict[str, Any]:
    """The context that ``admin/_cadre_national.html`` needs. ``partie``: a key of ``PARTIES_NATIONALES``."""
    mots = dict(PARTIES_NATIONALES)
    base = "/administration"
    fil = [{"libelle": "Tableau de bord", "url": "/agent"}, {"libelle": "Administration nationale", "url": base}]
    if partie:
        fil.append({"libelle": mots[partie], "url": f"{base}/{partie}"})
    if titre:
        fil.append({"libelle": titre, "url": ""})
    return {
        **agent_page(acteur, actif=base),
        "fil": fil,
        "titre": titre or mots.get(partie, "Administration nationale"),
        "partie": partie,
        "parties": [{"cle": c, "libelle": mot, "url": f"{base}/{c}"} for c, mot in PARTIES_NATIONALES],
        "base": base,
    }


def refused_page(
    request: Request[Any, Any, Any], gabarit: str, contexte: Mapping[str, Any], erreur: AppError
) -> Response[bytes]:
    """The same form again, with what was typed and what is wrong: 409, 422… A template reads ``refus``."""
    refus = {
        "phrase": erreur.phrase,
        "remede": erreur.remede,
        "champs": erreur.champs,
        "details": erreur.details,
        "code": erreur.code,
    }
    return page(request, gabarit, {**contexte, "refus": refus}, statut=erreur.statut)
