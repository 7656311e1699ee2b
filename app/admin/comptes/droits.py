"""Habilitations as the pure rules want them, read with the places that contain them; and whose accounts one sees."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from app.domain.attribution import NATION, Droit, Genre, Lieu
from app.domain.habilitations import Profil
from app.tables import Agent, Departement, Habilitation, Interregion, Rattachement, ServiceFiscal
from app.tables.vues import acces
from app.web.pages import PROFILS


@dataclass(frozen=True, slots=True)
class Endroit:
    """A place of the directory: for the rules, for people, and as columns of ``habilitation``."""

    lieu: Lieu
    libelle: str

    @property
    def colonnes(self) -> dict[str, Any]:
        """The values of a habilitation over it."""
        genre, cle = self.lieu.genre, self.lieu.cle
        return {
            "perimetre": str(genre),
            "service_id": int(cle) if genre is Genre.SERVICE else None,
            "departement": cle if genre is Genre.DEPARTEMENT else None,
            "interregion_id": int(cle) if genre is Genre.INTERREGION else None,
        }


TOUTE_LA_NATION = Endroit(NATION, "Toute la nation")


@dataclass(frozen=True, slots=True)
class Tenu:
    """A habilitation that an account holds. ``annuaire``: given by the directory export."""

    id: int
    droit: Droit
    endroit: str
    annuaire: bool

    @property
    def profil(self) -> str:
        """« Responsable »."""
        return PROFILS[self.droit.profil]

    @property
    def mots(self) -> str:
        """« Responsable – SIP de Nevers »."""
        return f"{self.profil} – {self.endroit}"


async def read_tenus(conn: AsyncConnection, agents: Collection[int]) -> dict[int, list[Tenu]]:
    """What each of these accounts holds, widest first; suspended ones included. One statement."""
    departement = func.coalesce(Habilitation.departement, ServiceFiscal.departement)
    requete = (
        select(
            Habilitation.id,
            Habilitation.agent_id,
            Habilitation.profil,
            Habilitation.perimetre,
            Habilitation.service_id,
            Habilitation.departement,
            Habilitation.interregion_id,
            Habilitation.annuaire,
            ServiceFiscal.libelle,
            Departement.code,
            Departement.nom.label("departement_nom"),
            Departement.interregion_id.label("departement_interregion"),
            Interregion.nom.label("interregion_nom"),
        )
        .outerjoin(ServiceFiscal, ServiceFiscal.id == Habilitation.service_id)
        .outerjoin(Departement, Departement.code == departement)
        .outerjoin(Interregion, Interregion.id == Habilitation.interregion_id)
        .where(Habilitation.agent_id.in_(agents))
        .order_by(Habilitation.agent_id, Habilitation.id)
    )
    tenus: dict[int, list[Tenu]] = {agent: [] for agent in agents}
    for ligne in (await conn.execute(requete)).mappings():
        endroit = _endroit(ligne)
        droit = Droit(Profil(ligne["profil"]), endroit.lieu)
        tenus[ligne["agent_id"]].append(Tenu(ligne["id"], droit, endroit.libelle, ligne["annuaire"]))
    largeur = list(Genre)
    for siens in tenus.values():
        siens.sort(key=lambda t: (-largeur.index(t.droit.lieu.genre), t.droit.profil, t.endroit))
    return tenus


def _endroit(ligne: Any) -> Endroit:
    match Genre(ligne["perimetre"]):
        case Genre.NATION:
            return TOUTE_LA_NATION
        case Genre.INTERREGION:
            return Endroit(Lieu(Genre.INTERREGION, str(ligne["interregion_id"])), ligne["interregion_nom"])
        case Genre.DEPARTEMENT:
            lieu = Lieu(Genre.DEPARTEMENT, ligne["code"], "", _texte(ligne["departement_interregion"]))
            return Endroit(lieu, f"{ligne['departement_nom']} ({ligne['code']})")
        case Genre.SERVICE:
            interregion = _texte(ligne["departement_interregion"])
            lieu = Lieu(Genre.SERVICE, str(ligne["service_id"]), ligne["code"], interregion)
            return Endroit(lieu, ligne["libelle"])


def _texte(valeur: Any) -> str:
    return "" if valeur is None else str(valeur)


async def read_droits(conn: AsyncConnection, agent_id: int) -> tuple[Droit, ...]:
    """What an administrator holds, for the rules. Nothing for a suspended one."""
    actif = select(Agent.id).where(Agent.id == agent_id, Agent.suspendu_a.is_(None))
    if (await conn.execute(actif)).scalar_one_or_none() is None:
        return ()
    return tuple(tenu.droit for tenu in (await read_tenus(conn, [agent_id]))[agent_id])


def visible_by(admin_id: int) -> ColumnElement[bool]:
    """SQL condition on ``Agent``: an account that this administrator may open.

    Attached to a service that he organises, or holding a habilitation over what he administers whole; a national
    administrator sees all of them.
    """
    siens = select(acces.c.service_id).where(acces.c.agent_id == admin_id, acces.c.module == "organiser")
    sien, lieu, lui = aliased(Habilitation), aliased(Departement), aliased(Agent)
    national = exists().where(  # on an alias: the account's own row must not stand for the administrator's
        sien.agent_id == admin_id,
        sien.profil == "admin_national",
        sien.perimetre == "nation",
        lui.id == sien.agent_id,
        lui.suspendu_a.is_(None),
    )
    admin = and_(sien.agent_id == admin_id, sien.profil.in_(["admin_local", "admin_national"]))
    rattache = exists().where(Rattachement.agent_id == Agent.id, Rattachement.service_id.in_(siens))
    service = exists().where(Habilitation.agent_id == Agent.id, Habilitation.service_id.in_(siens))
    departement = exists().where(
        Habilitation.agent_id == Agent.id,
        lieu.code == Habilitation.departement,
        admin,
        or_(sien.perimetre == "nation", sien.departement == lieu.code, sien.interregion_id == lieu.interregion_id),
    )
    interregion = exists().where(
        Habilitation.agent_id == Agent.id,
        admin,
        or_(
            and_(sien.perimetre == "nation", Habilitation.perimetre == "interregion"),
            sien.interregion_id == Habilitation.interregion_id,
        ),
    )
    return or_(national, rattache, service, departement, interregion)


def select_services() -> Select[int, str | None, str, str, int | None, str, str]:
    """Every service as the rules want it: id, SAGES, label, département, interregion."""
    return (
        select(
            ServiceFiscal.id,
            ServiceFiscal.sages,
            ServiceFiscal.libelle,
            ServiceFiscal.departement,
            Departement.interregion_id,
            Departement.nom.label("departement_nom"),
            Interregion.nom.label("interregion_nom"),
        )
        .join(Departement, Departement.code == ServiceFiscal.departement)
        .outerjoin(Interregion, Interregion.id == Departement.interregion_id)
    )


def endroit_service(ligne: Any) -> Endroit:
    """The place of a row of ``select_services``."""
    lieu = Lieu(Genre.SERVICE, str(ligne.id), ligne.departement, _texte(ligne.interregion_id))
    return Endroit(lieu, ligne.libelle)


async def find_service(conn: AsyncConnection, *, ident: int = 0, sages: str = "") -> Endroit | None:
    """A service by its id or its SAGES."""
    requete = select_services().where(ServiceFiscal.id == ident if ident else ServiceFiscal.sages == sages)
    ligne = (await conn.execute(requete)).one_or_none()
    return None if ligne is None else endroit_service(ligne)


async def find_services(conn: AsyncConnection, idents: Collection[int]) -> dict[int, Endroit]:
    """Several services by their ids, in one statement."""
    lignes = await conn.execute(select_services().where(ServiceFiscal.id.in_(idents)))
    return {ligne.id: endroit_service(ligne) for ligne in lignes}


async def find_departement(conn: AsyncConnection, code: str) -> Endroit | None:
    """A département by its code."""
    requete = select(Departement.code, Departement.nom, Departement.interregion_id).where(Departement.code == code)
    ligne = (await conn.execute(requete)).one_or_none()
    if ligne is None:
        return None
    return Endroit(Lieu(Genre.DEPARTEMENT, ligne.code, "", _texte(ligne.interregion_id)), f"{ligne.nom} ({ligne.code})")


async def find_interregion(conn: AsyncConnection, *, ident: int = 0, nom: str = "") -> Endroit | None:
    """An interregion by its id or its name."""
    requete = select(Interregion.id, Interregion.nom).where(
        Interregion.id == ident if ident else Interregion.nom == nom
    )
    ligne = (await conn.execute(requete)).one_or_none()
    return None if ligne is None else Endroit(Lieu(Genre.INTERREGION, str(ligne.id)), ligne.nom)
