"""SQL of the waiting list. Locks in this order: the request, its offer, the hold; no rule is decided here.

The state of the request says whether it has an offer, so that locking its row is enough to decide alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CursorResult,
    Date,
    DateTime,
    Row,
    Text,
    any_,
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

from app.booking.textes import to_recherche
from app.courrier.mobile import find_mobile
from app.domain.attente import Voeu
from app.domain.horaires import floor_minute
from app.domain.rendez_vous import NatureOption
from app.domain.unicite import may_be
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


@dataclass(frozen=True, slots=True)
class Guet:
    """A service where somebody waits, and all that a new look at it depends on.

    ``gels``: changes with the places kept from the public, which move no version that the public can see.
    """

    service_id: int
    version_creneaux: int
    version_planning: int
    gels: int
    nombre: int
    dernier: datetime


# The sum, and not the greatest: of two cancellations, the later id may be committed first.
_GUETS: Final = text(
    """
    SELECT a.service_id, g.version_creneaux, g.version_planning, coalesce(f.gels, 0) AS gels,
           count(*) AS nombre, max(a.rang_a) AS dernier
      FROM attente a JOIN agenda g ON g.service_id = a.service_id
      LEFT JOIN (SELECT r.service_id, sum(r.id)::bigint AS gels FROM rendez_vous r
                  WHERE r.etat = 'option' AND r.nature_option = 'gel' GROUP BY r.service_id) f
        ON f.service_id = a.service_id
     WHERE a.etat = 'active' AND a.au >= :hier
     GROUP BY a.service_id, g.version_creneaux, g.version_planning, f.gels
     ORDER BY a.service_id
    """
).bindparams(bindparam("hier", type_=Date))


async def list_guets(conn: AsyncConnection, hier: date) -> list[Guet]:
    """The services where somebody waits."""
    return [Guet(*ligne) for ligne in await conn.execute(_GUETS, {"hier": hier})]


#: (motif, type, local day, half-day).
Jours = Sequence[tuple[int, str, date, str]]
_PAGE: Final = 200

_GENRES: Final = text(
    """
    SELECT DISTINCT a.motif_id, a.type_rdv FROM attente a
     WHERE a.service_id = :service AND a.etat = 'active' AND a.au >= :hier
     ORDER BY 1, 2
    """
).bindparams(bindparam("service", type_=BigInteger), bindparam("hier", type_=Date))


async def list_genres(conn: AsyncConnection, service_id: int, hier: date) -> list[tuple[int, str]]:
    """The motifs and types for which somebody waits there."""
    lignes = await conn.execute(_GENRES, {"service": service_id, "hier": hier})
    return [(ligne.motif_id, ligne.type_rdv) for ligne in lignes]


# Whom nothing of what is free can suit is not even read: a crowd that waits for other days hides nobody.
_VOEUX: Final = text(
    """
    SELECT a.id, a.motif_id, a.type_rdv, a.du, a.au, a.demi_journee, a.rang_a, a.origine_empreinte,
           a.prevenu_a IS NOT NULL AS prevenu, r.debut AS avant,
           (SELECT array_agg(o.debut) FROM offre_attente o WHERE o.attente_id = a.id AND o.etat <> 'retiree') AS deja
      FROM attente a LEFT JOIN rendez_vous r ON r.id = a.rdv_id AND r.etat <> 'annule'
     WHERE a.service_id = :service AND a.etat = 'active' AND (a.rang_a, a.id) > (:rang, :id)
       AND a.canal <> ALL(:muets)
       AND EXISTS (
           SELECT FROM unnest(:motifs, :types, :jours, :demis) AS l(motif_id, type_rdv, jour, demi_journee)
            WHERE l.motif_id = a.motif_id AND l.type_rdv = a.type_rdv AND l.jour BETWEEN a.du AND a.au
              AND a.demi_journee IN ('', l.demi_journee))
     ORDER BY a.rang_a, a.id
     LIMIT :page
    """
).bindparams(
    bindparam("service", type_=BigInteger),
    bindparam("rang", type_=DateTime(timezone=True)),
    bindparam("id", type_=BigInteger),
    bindparam("motifs", type_=ARRAY(BigInteger)),
    bindparam("types", type_=ARRAY(Text)),
    bindparam("jours", type_=ARRAY(Date)),
    bindparam("demis", type_=ARRAY(Text)),
    bindparam("muets", type_=ARRAY(Text)),
    bindparam("page", type_=BigInteger),
)


async def list_voeux(
    conn: AsyncConnection,
    service_id: int,
    libres: Jours,
    apres: Voeu | None = None,
    page: int = _PAGE,
    *,
    muets: Iterable[str] = (),
) -> list[Voeu]:
    """Who waits in the service for one of these, in order: a page, that which follows ``apres``.

    Who waits under a channel of ``muets`` is left out.
    """
    motifs, types, jours, demis = map(list, zip(*libres, strict=True))
    valeurs = {
        "service": service_id,
        "rang": apres.rang_a if apres is not None else datetime.min.replace(tzinfo=UTC),
        "id": apres.id if apres is not None else 0,
        "motifs": motifs,
        "types": types,
        "jours": jours,
        "demis": demis,
        "muets": sorted(muets),
        "page": page,
    }
    return [
        Voeu(
            id=ligne.id,
            motif_id=ligne.motif_id,
            type_rdv=ligne.type_rdv,
            du=ligne.du,
            au=ligne.au,
            demi_journee=ligne.demi_journee,
            rang_a=ligne.rang_a,
            origine=ligne.origine_empreinte,
            prevenu=ligne.prevenu,
            deja=frozenset(floor_minute(debut) for debut in ligne.deja or ()),
            avant=None if ligne.avant is None else floor_minute(ligne.avant),
        )
        for ligne in await conn.execute(_VOEUX, valeurs)
    ]


_QUI: Final = select(Attente.id, Attente.motif_id, Attente.nom, Attente.canal, Attente.contact, Attente.cree_a).where(
    Attente.id == any_(bindparam("ids", type_=ARRAY(BigInteger)))
)
# By the index of contacts (migration 0004), once for all of them.
_PRIS: Final = text(
    """
    SELECT r.motif_id, r.cree_a, u.courriel, u.telephones,
           u.nom_usage, u.nom_naissance, u.prenoms, u.contact, u.raison_sociale
      FROM rdv_usager u JOIN rendez_vous r ON r.id = u.rdv_id
     WHERE cles_de_recherche(u.services, u.recherche, u.telephones, u.courriel) @@ cast(:cherche AS tsquery)
       AND r.service_id = :service AND r.etat = 'prevu' AND r.debut > :a
    """
).bindparams(
    bindparam("cherche", type_=Text),
    bindparam("service", type_=BigInteger),
    bindparam("a", type_=DateTime(timezone=True)),
)


async def list_pourvus(conn: AsyncConnection, service_id: int, ids: Sequence[int], a: datetime) -> frozenset[int]:
    """Those who have booked the same motif since they asked, and wait no more as long as that RDV stands.

    Only a RDV whose confirmation went to the very contact that waits (its address, or its first mobile when the RDV has
    no address), in a name that may be his: anybody may write somebody else's number or address below his own name.
    """
    qui = list(await conn.execute(_QUI, {"ids": list(ids)}))
    cles = sorted({ligne.contact if ligne.canal == "sms" else f"@{ligne.contact.lower()}" for ligne in qui})
    cherche = " | ".join("'" + cle.replace("\\", "\\\\").replace("'", "''") + "'" for cle in cles)
    pris = defaultdict[tuple[str, int], list[Row[Any]]](list)
    for rdv in await conn.execute(_PRIS, {"cherche": cherche, "service": service_id, "a": a}):
        vers = rdv.courriel.lower() if rdv.courriel else find_mobile(rdv.telephones)
        if vers is not None:
            pris[vers, rdv.motif_id].append(rdv)
    return frozenset(
        ligne.id
        for ligne in qui
        if any(
            rdv.cree_a > ligne.cree_a and _is_sien(rdv, ligne.nom)
            for rdv in pris[ligne.contact.lower(), ligne.motif_id]
        )
    )


def _is_sien(rdv: Row[Any], nom: str) -> bool:
    noms = (rdv.nom_usage, rdv.nom_naissance, rdv.contact, rdv.raison_sociale)
    return may_be(to_recherche(nom), map(to_recherche, noms), to_recherche(rdv.prenoms))


async def list_origines_vivantes(conn: AsyncConnection, service_id: int) -> list[bytes | None]:
    """The network of each person of the service to whom a créneau is offered now."""
    requete = (
        select(Attente.origine_empreinte)
        .join(OffreAttente, OffreAttente.attente_id == Attente.id)
        .where(OffreAttente.service_id == service_id, OffreAttente.etat.in_(VIVANTES))
    )
    return list((await conn.execute(requete)).scalars())


async def list_vaines(conn: AsyncConnection, service_id: int, depuis: datetime) -> list[tuple[int, int]]:
    """The times, in minutes-époque, of the offers that nobody wanted since that instant."""
    requete = select(OffreAttente.debut, OffreAttente.fin).where(
        OffreAttente.service_id == service_id,
        OffreAttente.cree_a > depuis,
        OffreAttente.etat.in_(("expiree", "refusee")),
    )
    return [(floor_minute(debut), floor_minute(fin)) for debut, fin in await conn.execute(requete)]


_GELS: Final = select(RendezVous.guichet_id, RendezVous.debut, RendezVous.fin).where(
    RendezVous.service_id == bindparam("service", type_=BigInteger),
    RendezVous.etat == "option",
    RendezVous.nature_option == NatureOption.GEL.value,
)


async def list_gels(conn: AsyncConnection, service_id: int) -> dict[int, frozenset[tuple[int, int]]]:
    """The cancelled places that the service keeps from the public, by guichet, in minutes-époque."""
    trouves: dict[int, set[tuple[int, int]]] = {}
    for guichet_id, debut, fin in await conn.execute(_GELS, {"service": service_id}):
        trouves.setdefault(guichet_id, set()).add((floor_minute(debut), floor_minute(fin)))
    return {guichet: frozenset(places) for guichet, places in trouves.items()}


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
