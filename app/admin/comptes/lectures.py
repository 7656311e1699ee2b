"""What the screens of accounts show: the agents of a service, one account whole, a search over the nation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.admin.comptes.droits import Tenu, read_tenus, visible_by
from app.admin.histoire import Ligne, build_ligne
from app.booking.textes import to_recherche
from app.tables import (
    Agent,
    CleApi,
    Guichet,
    GuichetAgent,
    Habilitation,
    Invitation,
    Journal,
    Rattachement,
    ServiceFiscal,
    SessionAgent,
)
from app.web.dates import heure, jour_long

PAR_PAGE: Final = 50
#: State of an account → its word and its badge.
ETATS: Final[Mapping[str, tuple[str, str]]] = {
    "actif": ("Actif", "success"),
    "invite": ("Invité", "info"),
    "a_inviter": ("Sans accès", "warning"),
    "suspendu": ("Suspendu", "error"),
}
_HISTOIRE: Final = 20


@dataclass(frozen=True, slots=True)
class LigneAgent:
    """A row of a list of accounts. ``connexion``: the day of the last sign-in, in words, or ""."""

    id: int
    identifiant: str
    nom: str
    courriel: str
    etat: str
    connexion: str
    tenus: tuple[Tenu, ...]
    rattache: bool
    guichets: tuple[str, ...]
    #: The account is wider than its reader: state, sign-in and rights elsewhere are kept from him.
    limite: bool = False

    @property
    def mot(self) -> str:
        """« Actif »."""
        return ETATS[self.etat][0]

    @property
    def badge(self) -> str:
        """Kind of badge of the design system."""
        return ETATS[self.etat][1]


def _etat() -> ColumnElement[bool]:
    """SQL: an invitation waits, unused and not replaced (its end may be near: the sheet tells it)."""
    return exists().where(
        Invitation.agent_id == Agent.id, Invitation.utilisee_a.is_(None), Invitation.expire_a > Invitation.cree_a
    )


def _compte() -> Select[int, str, str, str, str, datetime | None, datetime | None, bool, bool]:
    return select(
        Agent.id,
        Agent.identifiant,
        Agent.nom,
        Agent.prenom,
        Agent.courriel,
        Agent.connexion_a,
        Agent.suspendu_a,
        or_(Agent.mot_de_passe.is_not(None), Agent.sujet_oidc.is_not(None), Agent.connexion_a.is_not(None)).label(
            "entre"
        ),
        _etat().label("invite"),
    )


def read_etat(ligne: Mapping[str, Any]) -> str:
    """A key of ``ETATS``."""
    if ligne["suspendu_a"] is not None:
        return "suspendu"
    if ligne["entre"]:
        return "actif"
    return "invite" if ligne["invite"] else "a_inviter"


def _ligne(ligne: Mapping[str, Any], tenus: Sequence[Tenu], zone: ZoneInfo) -> LigneAgent:
    a: datetime | None = ligne["connexion_a"]
    return LigneAgent(
        ligne["id"],
        ligne["identifiant"],
        f"{ligne['nom'].upper()} {ligne['prenom']}".strip(),
        ligne["courriel"],
        read_etat(ligne),
        jour_long(a.astimezone(zone).date()) if a else "",
        tuple(tenus),
        bool(ligne.get("rattache")),
        tuple(ligne.get("guichets") or ()),
    )


async def read_agents(conn: AsyncConnection, service_id: int, zone: ZoneInfo) -> list[LigneAgent]:
    """Attached to the service, habilitated on it alone, or assigned to one of its guichets. Two statements."""
    rattache = exists().where(Rattachement.agent_id == Agent.id, Rattachement.service_id == service_id)
    habilite = exists().where(Habilitation.agent_id == Agent.id, Habilitation.service_id == service_id)
    siens = and_(GuichetAgent.agent_id == Agent.id, Guichet.service_id == service_id)
    guichets = (
        select(func.array_agg(Guichet.nom))
        .join(GuichetAgent, GuichetAgent.guichet_id == Guichet.id)
        .where(siens)
        .correlate(Agent)
        .scalar_subquery()
    )
    affecte = exists().where(GuichetAgent.guichet_id == Guichet.id, siens)
    requete = (
        _compte()
        .add_columns(rattache.label("rattache"), guichets.label("guichets"))
        .where(or_(rattache, habilite, affecte))
        .order_by(Agent.nom, Agent.prenom, Agent.id)
    )
    lignes = (await conn.execute(requete)).mappings().all()
    tenus = await read_tenus(conn, [ligne["id"] for ligne in lignes])
    return [_ligne(dict(ligne), tenus[ligne["id"]], zone) for ligne in lignes]


async def search_comptes(
    conn: AsyncConnection, admin_id: int, q: str, etat: str, apres: int, zone: ZoneInfo
) -> list[LigneAgent]:
    """At most ``PAR_PAGE`` + 1 accounts that the administrator may open, by words of name, identifiant or address."""
    requete = _compte().where(visible_by(admin_id)).order_by(Agent.id).limit(PAR_PAGE + 1)
    for mot in to_recherche(q).split()[:6]:
        motif = f"%{mot}%"
        requete = requete.where(
            or_(*(func.upper(c).like(motif) for c in (_sans_accent(), Agent.identifiant, Agent.courriel)))
        )
    conditions: Mapping[str, ColumnElement[bool]] = {
        "suspendu": Agent.suspendu_a.is_not(None),
        "actif": and_(Agent.suspendu_a.is_(None), _entre()),
        "invite": and_(Agent.suspendu_a.is_(None), ~_entre(), _etat()),
        "a_inviter": and_(Agent.suspendu_a.is_(None), ~_entre(), ~_etat()),
    }
    if etat in conditions:
        requete = requete.where(conditions[etat])
    if apres > 0:
        requete = requete.where(Agent.id > apres)
    lignes = (await conn.execute(requete)).mappings().all()
    tenus = await read_tenus(conn, [ligne["id"] for ligne in lignes])
    return [_ligne(dict(ligne), tenus[ligne["id"]], zone) for ligne in lignes]


def _entre() -> ColumnElement[bool]:
    return or_(Agent.mot_de_passe.is_not(None), Agent.sujet_oidc.is_not(None), Agent.connexion_a.is_not(None))


_ACCENTS: Final = "ÀÂÄÁÃÅÇÈÉÊËÌÍÎÏÑÒÓÔÖÕÙÚÛÜŸ"
_LETTRES: Final = "AAAAAACEEEEIIIINOOOOOUUUUY"


def _sans_accent() -> Any:
    """SQL: « NOM PRENOM » without accents. The server has no unaccent: these are the letters of French names."""
    nom = func.translate(Agent.nom + " " + Agent.prenom, _ACCENTS + _ACCENTS.lower() + "-'’", _LETTRES * 2 + "   ")
    return func.upper(nom)


@dataclass(frozen=True, slots=True)
class Fiche:
    """One account whole. Instants are in words, in the reader's zone."""

    agent: Mapping[str, Any]
    etat: str
    tenus: tuple[Tenu, ...]
    #: (service id, its name, given by the directory, its guichets), the zone de compétence.
    rattachements: tuple[tuple[int, str, bool, tuple[str, ...]], ...]
    sessions: tuple[tuple[str, str], ...]
    cles: tuple[Mapping[str, Any], ...]
    invitation: str
    connexion: str
    histoire: tuple[Ligne, ...]

    @property
    def nom(self) -> str:
        """« Prénom NOM »."""
        return f"{self.agent['prenom']} {self.agent['nom'].upper()}".strip()


async def read_fiche(conn: AsyncConnection, admin_id: int, agent_id: int, a: datetime, zone: ZoneInfo) -> Fiche | None:
    """The account, if the administrator may open it. A constant number of statements."""
    requete = _compte().add_columns(Agent.revision, Agent.annuaire, Agent.sujet_oidc.is_not(None).label("proconnect"))
    ligne = (
        (await conn.execute(requete.where(Agent.id == agent_id, visible_by(admin_id)))).mappings().one_or_none()
        if 0 < agent_id < 2**63
        else None
    )
    if ligne is None:
        return None
    sessions = await conn.execute(
        select(SessionAgent.cree_a, SessionAgent.vue_a)
        .where(SessionAgent.agent_id == agent_id, SessionAgent.revoquee_a.is_(None), SessionAgent.expire_a > a)
        .order_by(SessionAgent.id.desc())
    )
    cles = await conn.execute(
        select(CleApi.id, CleApi.libelle, CleApi.cree_a, CleApi.expire_a)
        .where(
            CleApi.agent_id == agent_id,
            CleApi.revoquee_a.is_(None),
            or_(CleApi.expire_a.is_(None), CleApi.expire_a > a),
        )
        .order_by(CleApi.id)
    )
    fin = await conn.execute(
        select(func.max(Invitation.expire_a)).where(
            Invitation.agent_id == agent_id, Invitation.utilisee_a.is_(None), Invitation.expire_a > a
        )
    )
    expire = fin.scalar_one()
    return Fiche(
        agent=dict(ligne),
        etat=read_etat(dict(ligne)),
        tenus=tuple((await read_tenus(conn, [agent_id]))[agent_id]),
        rattachements=await _read_rattachements(conn, agent_id),
        sessions=tuple((_quand(cree, zone), _quand(vue, zone)) for cree, vue in sessions),
        cles=tuple(
            {
                "id": cle.id,
                "libelle": cle.libelle,
                "cree": _quand(cle.cree_a, zone),
                "expire": _quand(cle.expire_a, zone) if cle.expire_a else "",
            }
            for cle in cles
        ),
        invitation=_quand(expire, zone) if expire else "",
        connexion=_quand(ligne["connexion_a"], zone) if ligne["connexion_a"] else "",
        histoire=await read_histoire(conn, agent_id, zone),
    )


async def _read_rattachements(
    conn: AsyncConnection, agent_id: int
) -> tuple[tuple[int, str, bool, tuple[str, ...]], ...]:
    guichets = (
        select(func.array_agg(Guichet.nom))
        .join(GuichetAgent, GuichetAgent.guichet_id == Guichet.id)
        .where(GuichetAgent.agent_id == agent_id, Guichet.service_id == ServiceFiscal.id)
        .correlate(ServiceFiscal)
        .scalar_subquery()
    )
    requete = (
        select(ServiceFiscal.id, ServiceFiscal.libelle, Rattachement.annuaire, guichets.label("guichets"))
        .join(Rattachement, Rattachement.service_id == ServiceFiscal.id)
        .where(Rattachement.agent_id == agent_id)
        .order_by(ServiceFiscal.libelle)
    )
    return tuple(
        (ligne.id, ligne.libelle, ligne.annuaire, tuple(sorted(ligne.guichets or ())))
        for ligne in await conn.execute(requete)
    )


async def read_histoire(
    conn: AsyncConnection, agent_id: int, zone: ZoneInfo, *, service_id: int | None = None
) -> tuple[Ligne, ...]:
    """The last changes of the account, latest first; with ``service_id``, of its rights there alone."""
    requete = (
        select(Journal.id, Journal.a, Journal.acteur, Journal.action, Journal.objet, Journal.avant, Journal.apres)
        .add_columns(Agent.prenom, Agent.nom)
        .outerjoin(Agent, Agent.id == Journal.agent_id)
        .where(Journal.objet.in_(["agent", "habilitation", "rattachement"]), Journal.objet_id == agent_id)
        .order_by(Journal.id.desc())
        .limit(_HISTOIRE)
    )
    if service_id is not None:
        requete = requete.where(Journal.objet != "agent", Journal.service_id == service_id)
    return tuple(build_ligne(dict(ligne), zone) for ligne in (await conn.execute(requete)).mappings())


def _quand(instant: datetime, zone: ZoneInfo) -> str:
    """« lundi 23 novembre 2026 à 10:05 »."""
    return f"{jour_long(instant.astimezone(zone).date())} à {heure(instant, zone)}"
