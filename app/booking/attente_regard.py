"""What a look at the waiting list reads: services where somebody waits, who waits for what, who has it already.

Without a lock: what is decided from it is asked again by who writes (``app.booking.attente_store``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Date,
    DateTime,
    Row,
    Text,
    any_,
    bindparam,
    select,
    text,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking.attente_store import VIVANTES
from app.booking.textes import to_recherche
from app.courrier.mobile import find_mobile
from app.domain.attente import Voeu
from app.domain.horaires import floor_minute
from app.domain.rendez_vous import NatureOption
from app.domain.unicite import may_be
from app.tables import Attente, OffreAttente, RendezVous


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
