"""The rendez-vous of an account: those to come, then those that were. Every reading is journaled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import and_, case, select

from app.booking.contexte import ServiceContexte, read_versions
from app.booking.outils import Auteur, Outils
from app.booking.titres_compte import ParCompte
from app.booking.unicite import ACTIFS
from app.db import UnitOfWork
from app.journal import write_journal
from app.tables import RendezVous

#: Rendez-vous of one page: more than a person takes in years.
LIMITE: Final = 100
_COLONNES: Final = (
    RendezVous.id,
    RendezVous.code,
    RendezVous.service_id,
    RendezVous.service_origine_id,
    RendezVous.motif_id,
    RendezVous.type_rdv,
    RendezVous.debut,
    RendezVous.fin,
    RendezVous.etat,
    RendezVous.annule_par,
)


@dataclass(frozen=True, slots=True)
class Sien:
    """One of them, with the service that receives it."""

    rdv: Mapping[str, Any]
    contexte: ServiceContexte
    a_venir: bool


async def list_siens(outils: Outils, usager_id: int, auteur: Auteur, maintenant: datetime) -> list[Sien]:
    """Those to come, the nearest first, then the others, the latest first."""
    a_venir = and_(RendezVous.etat.in_(ACTIFS), RendezVous.fin > maintenant)
    requete = (
        ParCompte(usager_id)
        .scope(select(*_COLONNES, a_venir.label("a_venir")).where(RendezVous.etat != "option"))
        .order_by(a_venir.desc(), case((a_venir, RendezVous.debut)), RendezVous.debut.desc())
        .limit(LIMITE)
    )

    async def travail(uow: UnitOfWork) -> list[Sien]:
        lignes = [dict(ligne) for ligne in (await uow.conn.execute(requete)).mappings()]
        contextes = {}
        for service_id in {ligne["service_id"] for ligne in lignes}:
            versions = await read_versions(uow.conn, service_id)
            contextes[service_id] = await outils.dispo.contextes.get(uow.conn, service_id, versions.planning)
        await _journal(uow, "usager.rdv_listes", usager_id, auteur, maintenant, {"nombre": len(lignes)})
        return [Sien(ligne, contextes[ligne["service_id"]], ligne["a_venir"]) for ligne in lignes]

    return await outils.db.transaction(travail)


async def record_lecture(
    outils: Outils, rdv: Mapping[str, Any], usager_id: int, auteur: Auteur, maintenant: datetime
) -> None:
    """One of them was opened."""

    async def travail(uow: UnitOfWork) -> None:
        await _journal(uow, "rdv.lu", usager_id, auteur, maintenant, {"par": "compte"}, rdv=rdv)

    await outils.db.transaction(travail)


async def record_refus(outils: Outils, rdv_id: int, usager_id: int, auteur: Auteur, maintenant: datetime) -> None:
    """Somebody signed in asked for a RDV that is not his."""

    async def travail(uow: UnitOfWork) -> None:
        faits = {"par": "compte", "demande": rdv_id}
        await _journal(uow, "rdv.acces_refuse", usager_id, auteur, maintenant, faits)

    await outils.db.transaction(travail)


async def _journal(
    uow: UnitOfWork,
    action: str,
    usager_id: int,
    auteur: Auteur,
    maintenant: datetime,
    faits: Mapping[str, Any],
    *,
    rdv: Mapping[str, Any] | None = None,
) -> None:
    await write_journal(
        uow.conn,
        a=maintenant,
        acteur=auteur.nature,
        action=action,
        origine=auteur.origine,
        service_id=None if rdv is None else rdv["service_id"],
        rdv_id=None if rdv is None else rdv["id"],
        objet="usager",
        objet_id=usager_id,
        adresse=auteur.adresse,
        apres=faits,
    )
