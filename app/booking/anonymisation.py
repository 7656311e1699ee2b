"""Retention is over: nothing names anybody any more, and every figure stays [P16].

What is erased is what ``app.tables.classement`` says of people (USAGER, USAGER_LIBRE) or could lead to them (secrets of
a RDV: its link, the print of what was asked), in every table that holds some. The RDV itself, its state, its motif, its
hours and its presence remain: statistics do not change. What people asked to be erased before that goes the same way
(``app.booking.donnees_effacement``).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Date, DateTime, and_, bindparam, case, delete, exists, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking.outils import SYSTEME, Outils
from app.db import UnitOfWork
from app.domain.parametres import resolve
from app.errors import TransitionImpossible
from app.journal import write_journal
from app.tables import Attente, ContreAppel, Courrier, Parametre, RdvUsager, RendezVous, SessionUsager, Suite, Usager

#: Rendez-vous of one transaction.
LOT: Final = 500
ANONYMISE: Final = "Les données de l’usager ont été effacées de ce rendez-vous : rien ne s’y écrit plus."
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
_COURRIER: Final[Mapping[str, Any]] = {"destinataire": "", "donnees": {}, "erreur": ""}
#: Tables that follow a RDV by ``rdv_id`` → what their columns about people become.
_SUIVENT: Final[tuple[tuple[Any, Mapping[str, Any]], ...]] = (
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
            await erase_rdv(uow.conn, ids, maintenant)
            await _journal(uow.conn, maintenant, {"rendez_vous": len(ids), "avant": limite.isoformat()})
        return len(ids)

    total = 0
    while lot := await outils.db.transaction(travail):
        total += lot
    await _forget_autres(outils, limite, maintenant)
    return total


async def erase_rdv(conn: AsyncConnection, ids: Collection[int], maintenant: datetime) -> None:
    """Erase the people of these rendez-vous, and what was written to them or about them. Nothing else changes."""
    await conn.execute(update(RendezVous).where(RendezVous.id.in_(ids)).values(**_RENDEZ_VOUS, anonymise_a=maintenant))
    await conn.execute(update(RdvUsager).where(RdvUsager.rdv_id.in_(ids)).values(**_RDV_USAGER, anonymise_a=maintenant))
    for table, valeurs in _SUIVENT:
        await conn.execute(update(table).where(table.rdv_id.in_(ids)).values(**valeurs))
    await erase_courriers(conn, Courrier.rdv_id.in_(ids), maintenant)


async def erase_courriers(conn: AsyncConnection, lesquels: ColumnElement[bool], maintenant: datetime) -> int:
    """Erase whom and what these messages were for; those that wait leave no more. The number of messages."""
    attend = Courrier.envoye_a.is_(None) & Courrier.abandonne_a.is_(None)
    fin = case((attend, bindparam("fin", maintenant, DateTime(timezone=True))), else_=Courrier.abandonne_a)
    return (await conn.execute(update(Courrier).where(lesquels).values(**_COURRIER, abandonne_a=fin))).rowcount


async def check_nomme(conn: AsyncConnection, rdv: Mapping[str, Any]) -> None:
    """Raise TransitionImpossible once its people are erased: what would be written of them now, nothing would erase."""
    quand = select(RendezVous.anonymise_a).where(RendezVous.id == rdv["id"])
    if (await conn.execute(quand)).scalar_one_or_none() is not None:
        raise TransitionImpossible(ANONYMISE, remede="", etat=rdv["etat"], cause="anonymise")


async def _forget_autres(outils: Outils, limite: date, maintenant: datetime) -> None:
    """What no RDV leads to: messages, requests of the waiting list, sessions, people of the register, all as old.

    People of the register leave it once nothing has been changed there for as long and no kept RDV belongs to them.
    """
    avant = datetime(limite.year, limite.month, limite.day, tzinfo=UTC)

    async def travail(uow: UnitOfWork) -> None:
        anciens = (Courrier.rdv_id.is_(None), Courrier.destinataire != "", Courrier.cree_a < avant)
        oublies = {
            "messages": await erase_courriers(uow.conn, and_(*anciens), maintenant),
            "attentes": (await uow.conn.execute(delete(Attente).where(Attente.au < limite))).rowcount,
            "usagers": (await uow.conn.execute(_REGISTRE, {"avant": avant})).rowcount,
        }
        await uow.conn.execute(delete(SessionUsager).where(SessionUsager.expire_a < avant))
        comptes = {nom: nombre for nom, nombre in oublies.items() if nombre}
        if comptes:
            await _journal(uow.conn, maintenant, {**comptes, "avant": limite.isoformat()})

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
