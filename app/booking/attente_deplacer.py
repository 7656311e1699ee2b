"""« Un rendez-vous plus tôt », asked from the page of a RDV: the créneau offered moves that RDV [G 2.3.1].

Whoever has a rendez-vous may not book a second one for the same motif. His request keeps which one it is, and waits
under that RDV's own contact: the link of the offer, sent there, is the title by which it moves, as long as the contact
is still its own. The hold makes way in the transaction of the move: either both happen, or the créneau stays his.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, any_, exists, false, func, literal, or_, select, true
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from app.booking import attente_store as file
from app.booking import store
from app.booking.attente import LIEN_INCONNU, LIEN_REMEDE, journal
from app.booking.contexte import read_versions
from app.booking.deplacer import Cible, RdvDeplace, Tenue, move
from app.booking.liberation import release
from app.booking.liens import empreinte
from app.booking.mon_rdv import check_obstacle, read_mien
from app.booking.outils import Auteur, Outils
from app.booking.titres import Permis
from app.courrier.mobile import is_mobile
from app.db import UnitOfWork
from app.domain.droits import Acces
from app.domain.horaires import floor_minute
from app.domain.vocabulaire import Canal
from app.errors import Conflit, Introuvable
from app.tables import RdvUsager, RendezVous

_FINIE: Final = "Ce créneau n’est plus gardé pour vous."
_FINIE_REMEDE: Final = "Votre rendez-vous n’a pas bougé, et vous restez sur la liste d’attente."
_CHANGE: Final = "Votre rendez-vous a changé depuis l’affichage de cette page : il n’a pas été déplacé."
_CHANGE_REMEDE: Final = "Voici ce qu’il est maintenant. Choisissez de nouveau si nécessaire."


@dataclass(frozen=True, slots=True)
class ParOffre:
    """Who waits for an earlier créneau, by the link sent to the RDV's own contact; no more once it has another one."""

    rdv_id: int
    contact: str

    acces = Acces.LIEN
    canal = Canal.INTERNET.value
    introuvable = "Ce rendez-vous n’est plus à déplacer."

    def scope(self, requete: Select[*tuple[Any, ...]], *, origine: bool = False) -> Select[*tuple[Any, ...]]:
        joint = aliased(RdvUsager)
        sien = exists().where(
            joint.rdv_id == RendezVous.id,
            or_(func.lower(joint.courriel) == self.contact.lower(), literal(self.contact) == any_(joint.telephones)),
        )
        return requete.where(
            RendezVous.id == self.rdv_id, RendezVous.etat == "prevu", RendezVous.anonymise_a.is_(None), sien
        )

    def find_permis(self) -> Permis:
        return Permis(true(), false(), false())

    def proves(self, ligne: Mapping[str, Any]) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class Joignable:
    """How the person of a RDV is reached: the first thing that its confirmation was sent to."""

    nom: str
    nature: str
    canal: str
    contact: str
    langue: str


async def read_joignable(conn: AsyncConnection, rdv_id: int, *, sms: bool) -> Joignable | None:
    """The contact of the RDV, or None. ``sms``: its mobile will do when it has no address."""
    requete = select(
        RdvUsager.nature,
        RdvUsager.nom_usage,
        RdvUsager.contact,
        RdvUsager.courriel,
        RdvUsager.telephones,
        RdvUsager.langue,
    ).where(RdvUsager.rdv_id == rdv_id)
    ligne = (await conn.execute(requete)).one_or_none()
    if ligne is None:
        return None
    nom = ligne.contact if ligne.nature == "professionnel" else ligne.nom_usage
    if ligne.courriel:
        return Joignable(nom, ligne.nature, "mail", ligne.courriel, ligne.langue)
    mobile = next((numero for numero in ligne.telephones if is_mobile(numero)), "") if sms else ""
    return Joignable(nom, ligne.nature, "sms", mobile, ligne.langue) if mobile else None


async def find_deplacable(
    conn: AsyncConnection, voeu: Mapping[str, Any], offre: Mapping[str, Any]
) -> dict[str, Any] | None:
    """The RDV that the offer moves (columns of ``app.booking.mon_rdv``), to an earlier start; None: it moves none."""
    if voeu["rdv_id"] is None:
        return None
    rdv = await read_mien(conn, ParOffre(voeu["rdv_id"], voeu["contact"]), voeu["rdv_id"])
    memes = ("service_id", "motif_id", "type_rdv")
    if rdv is None or rdv["delegation_id"] is not None or any(rdv[champ] != voeu[champ] for champ in memes):
        return None
    return rdv if offre["debut"] < rdv["debut"] else None


async def move_to_offre(outils: Outils, jeton: str, auteur: Auteur, maintenant: datetime, *, vue: int) -> RdvDeplace:
    """Move the RDV to the créneau offered. ``vue``: the revision that the page showed.

    Raises Introuvable for another token, Conflit when the créneau is his no more or the RDV has changed; Interdit,
    TransitionImpossible, and what ``move`` does: nothing has then changed, the offer included.
    """
    async with outils.db.read() as conn:
        voeu = await file.read_by_lien(conn, empreinte(jeton))
        if voeu is None:
            raise Introuvable(LIEN_INCONNU, remede=LIEN_REMEDE)
        offre = await file.read_offre(conn, voeu["id"])
        if offre is None or _is_finie(offre, maintenant):
            raise Conflit(_FINIE, remede=_FINIE_REMEDE)
        rdv, tenue = await find_deplacable(conn, voeu, offre), await _read_tenue(conn, offre["rdv_id"])
        if rdv is None:
            raise Conflit(_CHANGE, remede=_CHANGE_REMEDE)
        if tenue is None:
            raise Conflit(_FINIE, remede=_FINIE_REMEDE)
        versions = await read_versions(conn, rdv["service_id"])
        contexte = await outils.dispo.contextes.get(conn, rdv["service_id"], versions.planning)
    titre = ParOffre(rdv["id"], voeu["contact"])
    check_obstacle(rdv, contexte, titre, maintenant)
    attente_id, offre_id = voeu["id"], offre["id"]

    async def make_way(uow: UnitOfWork) -> None:
        actuel = await file.lock_by_id(uow.conn, attente_id)
        ouverte = await file.lock_offre(uow.conn, attente_id)
        if actuel is None or ouverte is None or ouverte["id"] != offre_id or _is_finie(ouverte, maintenant):
            raise Conflit(_FINIE, remede=_FINIE_REMEDE)
        await store.lock_echange(uow.conn, ouverte["service_id"])
        rendue = await file.delete_tenue(uow.conn, ouverte["rdv_id"])
        if rendue is None:
            raise Conflit(_FINIE, remede=_FINIE_REMEDE)
        # Told free whole: the RDV then takes it, or a part of it when it is the shorter one.
        ici = (rendue["id"], rendue["service_id"], rendue["service_origine_id"], rendue["guichet_id"])
        release(uow, [store.OptionMorte(*ici, rendue["debut"], rendue["fin"])], maintenant)
        await file.close_offre(uow.conn, offre_id, "reservee", maintenant)
        await file.update_attente(uow.conn, attente_id, etat="satisfaite", fin_a=maintenant, **file.EFFACE)
        await journal(uow, actuel, auteur, maintenant, "attente.offre_prise", offre=offre_id, deplace=rdv["id"])

    cible = Cible(floor_minute(offre["debut"]), motif_id=voeu["motif_id"], type_rdv=voeu["type_rdv"])
    cede = Tenue(tenue, make_way)
    return await move(outils, rdv["id"], cible, auteur, maintenant, revision=vue, titre=titre, tenue=cede)


def _is_finie(offre: Mapping[str, Any], maintenant: datetime) -> bool:
    return bool(offre["etat"] == "ouverte" and offre["expire_a"] <= maintenant)


async def _read_tenue(conn: AsyncConnection, rdv_id: int) -> dict[str, Any] | None:
    """What the hold of an offer occupies."""
    requete = select(
        RendezVous.guichet_id, RendezVous.debut, RendezVous.fin, RendezVous.jour, RendezVous.delegation_id
    ).where(RendezVous.id == rdv_id, RendezVous.etat == "option")
    ligne = (await conn.execute(requete)).mappings().one_or_none()
    return None if ligne is None else dict(ligne)
