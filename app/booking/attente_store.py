"""SQL of the waiting list. Locks in this order: the request, its offer, the hold; no rule is decided here.

The state of the request says whether it has an offer, so that locking its row is enough to decide alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    CursorResult,
    DateTime,
    bindparam,
    case,
    delete,
    func,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.rendez_vous import NatureOption
from app.tables import Attente, OffreAttente, RendezVous

#: A request that may still lead to an offer.
VIVANTS: Final = ("a_confirmer", "active", "offre", "suspendue")
#: A request whose contact is proven: one of a contact for a motif.
CONFIRMES: Final = ("active", "offre", "suspendue")
#: An offer that holds a créneau.
VIVANTES: Final = ("ouverte", "prise")
#: What leaves the row of a request that is over.
EFFACE: Final[Mapping[str, Any]] = {"nom": "", "contact": "", "origine_empreinte": None, "rdv_id": None}

Ligne = dict[str, Any]


def _one(resultat: CursorResult[Any]) -> Ligne | None:
    ligne = resultat.mappings().one_or_none()
    return None if ligne is None else dict(ligne)


_COLONNES: Final = tuple(Attente.__table__.c)


async def lock_by_lien(conn: AsyncConnection, empreinte: bytes) -> Ligne | None:
    """The request of a link, locked, or None."""
    requete = select(*_COLONNES).where(Attente.lien_empreinte == empreinte).with_for_update()
    return _one(await conn.execute(requete))


async def read_by_lien(conn: AsyncConnection, empreinte: bytes) -> Ligne | None:
    """The same, not locked."""
    return _one(await conn.execute(select(*_COLONNES).where(Attente.lien_empreinte == empreinte)))


async def lock_by_id(conn: AsyncConnection, attente_id: int, *, service_id: int | None = None) -> Ligne | None:
    """The request, locked, or None."""
    requete = select(*_COLONNES).where(Attente.id == attente_id).with_for_update()
    if service_id is not None:
        requete = requete.where(Attente.service_id == service_id)
    return _one(await conn.execute(requete))


async def lock_active(conn: AsyncConnection, attente_id: int) -> Ligne | None:
    """The request if it waits for an offer, locked, or None. Whoever is at it is waited for: it costs no turn."""
    requete = select(*_COLONNES).where(Attente.id == attente_id, Attente.etat == "active")
    return _one(await conn.execute(requete.with_for_update()))


async def lock_contact(conn: AsyncConnection, service_id: int, motif_id: int, contact: str) -> list[Ligne]:
    """The live requests of that contact for that motif, locked, the oldest first: one that is confirmed at most."""
    requete = (
        select(*_COLONNES)
        .where(
            Attente.service_id == service_id,
            Attente.motif_id == motif_id,
            func.lower(Attente.contact) == contact.lower(),
            Attente.etat.in_(VIVANTS),
        )
        .order_by(Attente.id)
        .with_for_update()
    )
    return [dict(ligne) for ligne in (await conn.execute(requete)).mappings()]


async def insert_attente(conn: AsyncConnection, valeurs: Mapping[str, Any]) -> int:
    """The id of the new request."""
    ordre = pg_insert(Attente).values(**valeurs).returning(Attente.id)
    return int((await conn.execute(ordre)).scalar_one())


async def update_attente(conn: AsyncConnection, attente_id: int, **valeurs: Any) -> None:
    """Change a locked request."""
    await conn.execute(update(Attente).where(Attente.id == attente_id).values(**valeurs))


async def count_origine(conn: AsyncConnection, service_id: int, origine: bytes, a: datetime) -> int:
    """Live requests of the service that come from that network; those that nobody confirmed in time left out."""
    requete = (
        select(func.count())
        .select_from(Attente)
        .where(
            Attente.service_id == service_id,
            Attente.origine_empreinte == origine,
            Attente.etat.in_(VIVANTS),
            (Attente.etat != "a_confirmer") | (Attente.expire_a > a),
        )
    )
    return int((await conn.execute(requete)).scalar_one())


async def has_confirme(conn: AsyncConnection, contact: str, depuis: datetime) -> bool:
    """True when the contact has confirmed a live request since that instant, wherever it is."""
    requete = select(Attente.id).where(
        func.lower(Attente.contact) == contact.lower(),
        Attente.contact != "",
        Attente.etat.in_(CONFIRMES),
        Attente.confirme_a > depuis,
    )
    return (await conn.execute(requete.limit(1))).first() is not None


async def read_avant(conn: AsyncConnection, rdv_id: int | None) -> datetime | None:
    """Present start of the RDV that a request is to move; None without one, or once it is cancelled."""
    requete = select(RendezVous.debut).where(RendezVous.id == rdv_id, RendezVous.etat != "annule")
    return None if rdv_id is None else (await conn.execute(requete)).scalar_one_or_none()


async def is_prevu(conn: AsyncConnection, rdv_id: int | None) -> bool:
    """True when that RDV is still to come."""
    requete = select(RendezVous.id).where(RendezVous.id == rdv_id, RendezVous.etat == "prevu")
    return rdv_id is not None and (await conn.execute(requete)).first() is not None


async def insert_offre(conn: AsyncConnection, valeurs: Mapping[str, Any]) -> int:
    """The id of the new offer."""
    ordre = pg_insert(OffreAttente).values(**valeurs).returning(OffreAttente.id)
    return int((await conn.execute(ordre)).scalar_one())


async def lock_offre(conn: AsyncConnection, attente_id: int) -> Ligne | None:
    """The live offer of a locked request, locked, or None."""
    requete = select(*OffreAttente.__table__.c).where(
        OffreAttente.attente_id == attente_id, OffreAttente.etat.in_(VIVANTES)
    )
    return _one(await conn.execute(requete.with_for_update()))


async def read_offre(conn: AsyncConnection, attente_id: int) -> Ligne | None:
    """The same, not locked."""
    requete = select(*OffreAttente.__table__.c).where(
        OffreAttente.attente_id == attente_id, OffreAttente.etat.in_(VIVANTES)
    )
    return _one(await conn.execute(requete))


async def close_offre(conn: AsyncConnection, offre_id: int, etat: str, a: datetime) -> None:
    """End a locked offer."""
    await conn.execute(update(OffreAttente).where(OffreAttente.id == offre_id).values(etat=etat, fin_a=a))


async def take_offre(conn: AsyncConnection, offre_id: int) -> None:
    """Its créneau is being booked."""
    await conn.execute(update(OffreAttente).where(OffreAttente.id == offre_id).values(etat="prise"))


_A_SOLDER: Final = text(
    """
    SELECT o.attente_id
      FROM offre_attente o LEFT JOIN rendez_vous r ON r.id = o.rdv_id
     WHERE o.etat IN ('ouverte', 'prise')
       AND (r.id IS NULL OR (o.etat = 'ouverte' AND o.expire_a <= :a)
            OR (o.etat = 'prise' AND (r.etat <> 'option' OR r.expire_a <= :a)))
     ORDER BY o.id
     LIMIT 500
    """
).bindparams(bindparam("a", type_=DateTime(timezone=True)))


async def list_a_solder(conn: AsyncConnection, a: datetime) -> list[int]:
    """Requests whose offer is over: expired, taken then booked or let go, its hold gone."""
    return list((await conn.execute(_A_SOLDER, {"a": a})).scalars())


#: A hold as ``app.booking.liberation`` gives its place back.
_COLONNES_TENUE: Final = (
    *(RendezVous.id, RendezVous.service_id, RendezVous.service_origine_id, RendezVous.guichet_id, RendezVous.motif_id),
    *(RendezVous.type_rdv, RendezVous.debut, RendezVous.fin, RendezVous.jour, RendezVous.canal),
)


async def read_etat_rdv(conn: AsyncConnection, rdv_id: int) -> Ligne | None:
    """State and end of the hold or RDV, and in whose hands, locked, or None. After ``store.lock_echange``."""
    requete = (
        select(RendezVous.etat, RendezVous.expire_a, RendezVous.option_empreinte)
        .where(RendezVous.id == rdv_id)
        .with_for_update()
    )
    return _one(await conn.execute(requete))


async def delete_tenue(conn: AsyncConnection, rdv_id: int) -> Ligne | None:
    """Remove the hold; None when it is one no more."""
    ordre = delete(RendezVous).where(RendezVous.id == rdv_id, RendezVous.etat == "option").returning(*_COLONNES_TENUE)
    return _one(await conn.execute(ordre))


async def take_tenue(
    conn: AsyncConnection, rdv_id: int, empreinte: bytes, expire_a: datetime, a: datetime
) -> Ligne | None:
    """Make the offer's hold the visitor's own, until ``expire_a``; None when it is no more.

    Taken again (another browser of the same person), it changes hands and lasts no longer than it did.
    """
    neuve = RendezVous.nature_option == NatureOption.OFFRE.value
    ordre = (
        update(RendezVous)
        .where(RendezVous.id == rdv_id, RendezVous.etat == "option", RendezVous.expire_a > a)
        .values(
            option_empreinte=empreinte,
            expire_a=case((neuve, expire_a), else_=RendezVous.expire_a),
            cree_a=case((neuve, a), else_=RendezVous.cree_a),
            nature_option=NatureOption.SAISIE.value,
            modifie_a=a,
        )
        .returning(*_COLONNES_TENUE, RendezVous.expire_a)
    )
    return _one(await conn.execute(ordre))


async def count_devant(conn: AsyncConnection, voeu: Mapping[str, Any]) -> int:
    """How many wait before him for the same motif."""
    requete = (
        select(func.count())
        .select_from(Attente)
        .where(
            Attente.service_id == voeu["service_id"],
            Attente.motif_id == voeu["motif_id"],
            Attente.etat.in_(("active", "offre")),
            (Attente.rang_a < voeu["rang_a"]) | ((Attente.rang_a == voeu["rang_a"]) & (Attente.id < voeu["id"])),
        )
    )
    return int((await conn.execute(requete)).scalar_one())


_PREREMPLI: Final = text(
    """
    SELECT a.nom, a.canal, a.contact, a.nature
      FROM offre_attente o JOIN attente a ON a.id = o.attente_id
     WHERE o.rdv_id = :option AND o.etat = 'prise'
    """
).bindparams(bindparam("option", type_=BigInteger))


async def read_prerempli(conn: AsyncConnection, option_id: int) -> Ligne | None:
    """What whoever took an offer has already said; None when the hold comes from no offer."""
    return _one(await conn.execute(_PREREMPLI, {"option": option_id}))


async def purge(conn: AsyncConnection, a: datetime, avant: date) -> int:
    """Erase the requests whose dates are long over, and those that nobody confirmed; returns how many."""
    perimes = delete(Attente).where((Attente.etat == "a_confirmer") & (Attente.expire_a <= a))
    anciens = delete(Attente).where(Attente.au < avant, Attente.etat != "offre")
    return (await conn.execute(perimes)).rowcount + (await conn.execute(anciens)).rowcount
