"""The daily summaries: who is due one, what it says, written once an agent and a day [G 2.3.3].

Called every few seconds by the elected worker. The row of ``resume`` and the mail are one transaction: a worker killed
between them has done nothing, and two at work together write one. A summary that a long outage has delayed by more than
``RETARD_MAX`` is not sent: the day is known by then.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import DateTime, and_, bindparam, delete, exists, func, or_, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking.droits import has_acces, scoped
from app.booking.outils import Outils
from app.booking.rappels import Recherche, count_rappels, read_zone
from app.courrier.resume import MessageResume, RdvResume, ServiceResume, write_resume
from app.courrier.texte import TYPES_EN_PHRASE, duree_en_mots
from app.db import UnitOfWork, describe
from app.domain.contre_appel import JOURS_A_RAPPELER
from app.domain.horaires import from_minute, get_cadran
from app.errors import Indisponible
from app.tables import Affectation, Guichet, GuichetAgent, Motif, RendezVous, Resume, ServiceFiscal

log = structlog.get_logger("accueil.resumes")

RETARD_MAX: Final = timedelta(hours=4)
#: Rendez-vous of the agent listed for one service.
LISTE_MAX: Final = 40
_RETENTION: Final = timedelta(days=30)

#: (connection, agent, service, now) → RDV to be placed again: known by the part that organises.
CompteReplacer = Callable[[AsyncConnection, int, int, datetime], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Du:
    """A summary that is due: ``jour`` is today where the agent works."""

    agent_id: int
    courriel: str
    fuseau: str
    jour: date


_DUS: Final = text(
    """
    WITH zones AS MATERIALIZED (
      SELECT a.id, a.courriel, a.resume_minute, min(s.fuseau) AS fuseau
        FROM agent a
        JOIN rattachement r ON r.agent_id = a.id
        JOIN service_fiscal s ON s.id = r.service_id
       WHERE a.resume_quotidien AND a.suspendu_a IS NULL AND a.courriel <> ''
       GROUP BY a.id)
    SELECT z.id, z.courriel, z.fuseau, l.heure::date AS jour
      FROM zones z, LATERAL (SELECT timezone(z.fuseau, :a) AS heure) l
     WHERE l.heure >= l.heure::date + make_interval(mins => z.resume_minute)
       AND l.heure < l.heure::date + make_interval(mins => z.resume_minute) + :retard
       AND NOT EXISTS (SELECT 1 FROM resume d WHERE d.agent_id = z.id AND d.jour = l.heure::date)
     ORDER BY z.id
     LIMIT :limite
    """
).bindparams(bindparam("a", type_=DateTime(timezone=True)))


async def write_resumes(
    outils: Outils, maintenant: datetime, count_a_replacer: CompteReplacer, *, limite: int = 200
) -> int:
    """Decide every summary that is due; the number written. One that fails is logged and left for the next call."""
    async with outils.db.read() as conn:
        lues = await conn.execute(_DUS, {"a": maintenant, "retard": RETARD_MAX, "limite": limite})
        dus = [Du(*ligne) for ligne in lues]
    ecrits = 0
    for du in dus:
        try:
            ecrits += await _decide(outils, du, maintenant, count_a_replacer)
        except Indisponible:
            raise
        except Exception as erreur:
            log.error("resume.defaut", agent=du.agent_id, **describe(erreur))
    return ecrits


async def purge_resumes(conn: AsyncConnection, maintenant: datetime) -> None:
    """Forget which days are long decided."""
    await conn.execute(delete(Resume).where(Resume.jour < (maintenant - _RETENTION).date()))


async def _decide(outils: Outils, du: Du, maintenant: datetime, count_a_replacer: CompteReplacer) -> int:
    """1 when a mail is written, 0 when there is nothing to say or another worker was faster."""

    async def travail(uow: UnitOfWork) -> int:
        ordre = insert(Resume).values(agent_id=du.agent_id, jour=du.jour, cree_a=maintenant)
        pose = await uow.conn.execute(ordre.on_conflict_do_nothing().returning(Resume.agent_id))
        if pose.one_or_none() is None:
            return 0
        message = await build_resume(outils, uow.conn, du, maintenant, count_a_replacer)
        if message is None:
            return 0
        domaine = outils.settings.domaine_messages
        await write_resume(uow.conn, message, du.courriel, maintenant, domaine=domaine)
        return 1

    return await outils.db.transaction(travail)


async def build_resume(
    outils: Outils, conn: AsyncConnection, du: Du, maintenant: datetime, count_a_replacer: CompteReplacer
) -> MessageResume | None:
    """What there is to say today; None when no service of the agent has a rendez-vous."""
    services = await _read_services(conn, du.agent_id, maintenant)
    guichets = await _read_guichets(conn, du.agent_id, services)
    if not guichets:
        return None
    siens = await _read_siens(conn, du.agent_id, services)
    base = outils.settings.base_url
    resumes: list[ServiceResume] = []
    for service in services:
        ident, jour = service["id"], service["jour"]
        replacer = await count_a_replacer(conn, du.agent_id, ident, maintenant) if service["organise"] else None
        total = sum(nombre for _, nombre in guichets.get(ident, ()))
        if not total and not replacer:
            continue
        rdvs = siens.get(ident, [])
        resumes.append(
            ServiceResume(
                id=ident,
                libelle=service["libelle"],
                jour=jour,
                total=total,
                guichets=tuple(guichets.get(ident, ())),
                rdvs=tuple(_tell(rdv, ZoneInfo(service["fuseau"]), base) for rdv in rdvs[:LISTE_MAX]),
                autres=max(0, len(rdvs) - LISTE_MAX),
                a_replacer=replacer,
                agenda_url=f"{base}/services/{ident}/agenda?jour={jour.isoformat()}&vue=jour",
                a_replacer_url=f"{base}/services/{ident}/organiser/a-replacer" if replacer else "",
            )
        )
    zone, _ = await read_zone(conn, du.agent_id, maintenant, JOURS_A_RAPPELER)
    a_rappeler = sum((await count_rappels(conn, Recherche(du.agent_id, zone))).values())
    return MessageResume(
        agent_id=du.agent_id,
        jour=du.jour,
        fin=from_minute(get_cadran(du.jour, ZoneInfo(du.fuseau)).fin),
        services=tuple(resumes),
        a_rappeler=a_rappeler,
        a_rappeler_url=f"{base}/agent/a-rappeler",
        preferences_url=f"{base}/agent/preferences",
    )


async def _read_services(conn: AsyncConnection, agent_id: int, maintenant: datetime) -> list[dict[str, Any]]:
    """The services whose agenda the agent holds, by label; ``jour``: today there; ``organise``: he organises it."""
    requete = (
        select(
            ServiceFiscal.id,
            ServiceFiscal.libelle,
            ServiceFiscal.fuseau,
            has_acces(agent_id, "organiser", ServiceFiscal.id).label("organise"),
        )
        .where(has_acces(agent_id, "agenda", ServiceFiscal.id), ServiceFiscal.ferme_a.is_(None))
        .order_by(ServiceFiscal.libelle, ServiceFiscal.id)
    )
    return [
        {**ligne, "jour": maintenant.astimezone(ZoneInfo(ligne["fuseau"])).date()}
        for ligne in (await conn.execute(requete)).mappings()
    ]


def _today(services: Sequence[Mapping[str, Any]]) -> Any:
    jours = [and_(RendezVous.service_id == s["id"], RendezVous.jour == s["jour"]) for s in services]
    return and_(or_(*jours), RendezVous.etat.not_in(["option", "annule"]))


async def _read_guichets(
    conn: AsyncConnection, agent_id: int, services: Sequence[Mapping[str, Any]]
) -> dict[int, list[tuple[str, int]]]:
    """Service → (guichet, RDV of today), guichets in order; those without any are not there."""
    if not services:
        return {}
    requete = (
        select(RendezVous.service_id, Guichet.nom, func.count())
        .join(Guichet, Guichet.id == RendezVous.guichet_id)
        .where(_today(services))
        .group_by(RendezVous.service_id, Guichet.id)
        .order_by(RendezVous.service_id, Guichet.ordre, Guichet.id)
    )
    par_service: dict[int, list[tuple[str, int]]] = {}
    for service_id, nom, nombre in await conn.execute(scoped(requete, agent_id, "agenda")):
        par_service.setdefault(service_id, []).append((nom, nombre))
    return par_service


async def _read_siens(
    conn: AsyncConnection, agent_id: int, services: Sequence[Mapping[str, Any]]
) -> dict[int, list[dict[str, Any]]]:
    """Service → RDV of today at the agent's guichets or assigned to him, by hour. Nobody's name is read."""
    designe = exists().where(Affectation.rdv_id == RendezVous.id, Affectation.agent_id == agent_id)
    guichet = exists().where(GuichetAgent.guichet_id == RendezVous.guichet_id, GuichetAgent.agent_id == agent_id)
    requete = (
        select(
            RendezVous.id,
            RendezVous.service_id,
            RendezVous.debut,
            RendezVous.fin,
            RendezVous.type_rdv,
            RendezVous.code,
            Motif.libelle.label("motif"),
            Guichet.nom.label("guichet"),
            designe.label("designe"),
        )
        .join(Guichet, Guichet.id == RendezVous.guichet_id)
        .join(Motif, Motif.id == RendezVous.motif_id)
        .where(_today(services), or_(designe, guichet))
        .order_by(RendezVous.debut, RendezVous.id)
    )
    par_service: dict[int, list[dict[str, Any]]] = {}
    for ligne in (await conn.execute(scoped(requete, agent_id, "agenda"))).mappings():
        par_service.setdefault(ligne["service_id"], []).append(dict(ligne))
    return par_service


def _tell(rdv: Mapping[str, Any], zone: ZoneInfo, base: str) -> RdvResume:
    return RdvResume(
        heure=f"{rdv['debut'].astimezone(zone):%H:%M}",
        duree=duree_en_mots(rdv["fin"] - rdv["debut"]),
        type_rdv=TYPES_EN_PHRASE[rdv["type_rdv"]],
        motif=rdv["motif"],
        code=rdv["code"],
        guichet=rdv["guichet"],
        designe=rdv["designe"],
        url=f"{base}/rendez-vous/{rdv['id']}",
    )
