"""Retention is over: nothing names anybody any more, and every figure stays [P16].

What is erased is what ``app.tables.classement`` says of people (USAGER, USAGER_LIBRE) or could lead to them (secrets of
a RDV: its link, the print of what was asked), in every table that holds some. The RDV itself, its state, its motif, its
hours and its presence remain: statistics do not change.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Date, DateTime, bindparam, delete, exists, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking.outils import SYSTEME, Outils
from app.db import UnitOfWork
from app.domain.parametres import resolve
from app.journal import write_journal
from app.tables import ContreAppel, Courrier, Parametre, RdvUsager, RendezVous, Suite, Usager

#: Rendez-vous of one transaction.
LOT: Final = 500
#: What a column that cannot be empty says instead.
EFFACE: Final = "[effacé]"

_RDV_USAGER: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("civilite", "date_naissance", "numero_fiscal", "siren", "preference_appel", "courriel"), None),
    **dict.fromkeys(("nom_usage", "nom_naissance", "prenoms", "raison_sociale", "contact", "recherche"), ""),
    "telephones": [],
}
_RENDEZ_VOUS: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("precision", "note_interne", "message_usager", "annule_raison", "visio_lien"), ""),
    **dict.fromkeys(("usager_id", "option_empreinte", "cle_idempotence", "empreinte_demande"), None),
    **dict.fromkeys(("lien_sel", "lien_empreinte"), None),
    "documents_prets": [],
}
#: Tables that follow a RDV by ``rdv_id`` → what their columns about people become.
_SUIVENT: Final[tuple[tuple[Any, Mapping[str, Any]], ...]] = (
    (Courrier, {"destinataire": "", "donnees": {}, "erreur": ""}),
    (ContreAppel, {"commentaire": EFFACE}),
    (Suite, {"reference": "", "note": ""}),
)

_A_ANONYMISER: Final = (
    select(RendezVous.id)
    .where(
        RendezVous.anonymise_a.is_(None), RendezVous.etat != "option", RendezVous.jour < bindparam("limite", type_=Date)
    )
    .order_by(RendezVous.jour)
    .limit(LOT)
    .with_for_update(skip_locked=True)
)
_REGISTRE: Final = delete(Usager).where(
    Usager.modifie_a < bindparam("avant", type_=DateTime(timezone=True)),
    ~exists().where(RendezVous.usager_id == Usager.id),
)


async def read_conservation(conn: AsyncConnection) -> int:
    """Days during which people are kept after their RDV: a parameter of the nation."""
    brut = await conn.execute(
        select(Parametre.cle, Parametre.valeur).where(
            Parametre.cle == "conservation_jours", Parametre.service_id.is_(None)
        )
    )
    jours = resolve({ligne.cle: ligne.valeur for ligne in brut})["conservation_jours"].valeur
    assert isinstance(jours, int)
    return jours


async def read_limite(conn: AsyncConnection, maintenant: datetime) -> date:
    """The first day that is kept: those before are anonymised."""
    return maintenant.astimezone(UTC).date() - timedelta(days=await read_conservation(conn))


async def anonymise_anciens(outils: Outils, maintenant: datetime) -> int:
    """Erase the people of every RDV older than the retention, ``LOT`` at a time; called by the elected worker.

    The number of rendez-vous. Each batch is one transaction, journaled by its count and its last day.
    """
    async with outils.db.read() as conn:
        limite = await read_limite(conn, maintenant)

    async def travail(uow: UnitOfWork) -> int:
        ids = list((await uow.conn.execute(_A_ANONYMISER, {"limite": limite})).scalars())
        if ids:
            await _erase(uow.conn, ids, maintenant)
            await _journal(uow.conn, maintenant, {"rendez_vous": len(ids), "avant": limite.isoformat()})
        return len(ids)

    total = 0
    while lot := await outils.db.transaction(travail):
        total += lot
    await _forget_registre(outils, limite, maintenant)
    return total


async def _erase(conn: AsyncConnection, ids: list[int], maintenant: datetime) -> None:
    await conn.execute(update(RendezVous).where(RendezVous.id.in_(ids)).values(**_RENDEZ_VOUS, anonymise_a=maintenant))
    await conn.execute(update(RdvUsager).where(RdvUsager.rdv_id.in_(ids)).values(**_RDV_USAGER, anonymise_a=maintenant))
    for table, valeurs in _SUIVENT:
        await conn.execute(update(table).where(table.rdv_id.in_(ids)).values(**valeurs))


async def _forget_registre(outils: Outils, limite: date, maintenant: datetime) -> None:
    """People of the register untouched for as long, to whom no kept RDV belongs, leave it; their sessions with them."""
    avant = datetime(limite.year, limite.month, limite.day, tzinfo=UTC)

    async def travail(uow: UnitOfWork) -> None:
        oublies = (await uow.conn.execute(_REGISTRE, {"avant": avant})).rowcount
        if oublies:
            await _journal(uow.conn, maintenant, {"usagers": oublies, "avant": limite.isoformat()})

    await outils.db.transaction(travail)


async def _journal(conn: AsyncConnection, maintenant: datetime, faits: Mapping[str, Any]) -> None:
    await write_journal(
        conn,
        a=maintenant,
        acteur=SYSTEME.nature,
        action="donnees.anonymisees",
        origine=SYSTEME.origine,
        apres=faits,
    )
