"""The national catalogue in the database: read by kind of service, changed by national administrators only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BigInteger, CompoundSelect, cast, func, insert, or_, select, text, union, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from app.admin.chantier import administrate, build_conflit, record_objet
from app.admin.lies import CONNUES
from app.admin.motifs.arbre import Noeud, build_arbre, find_double, list_parents, shift
from app.booking.outils import Auteur, Outils
from app.db import UnitOfWork
from app.errors import Introuvable, SaisieInvalide
from app.tables import Delegation, Motif, MotifService, ServiceFiscal, TypeService

PHRASE: Final = "Ce motif n’existe pas dans le catalogue."
#: Fields that a form compares, in the words of the screens.
LIBELLES: Final[Mapping[str, str]] = {
    "libelle": "Libellé",
    "libelle_en": "Libellé en anglais",
    "parent": "Rattaché à",
    "nature": "Nature",
    "public": "Public",
    "documents": "Documents à apporter",
    "documents_en": "Documents en anglais",
    "faq_url": "Réponses aux questions",
    "demarche_url": "Démarche en ligne",
}


async def list_types(conn: AsyncConnection) -> list[tuple[str, str]]:
    """Kinds of service: (code, words), in their order."""
    lignes = await conn.execute(select(TypeService.code, TypeService.libelle).order_by(TypeService.ordre))
    return [(ligne.code, ligne.libelle) for ligne in lignes]


async def read_type(conn: AsyncConnection, type_code: str) -> list[dict[str, Any]]:
    """Every motif of a kind of service, withdrawn ones too, with the number of services that open it."""
    ouverts = (
        select(func.count())
        .select_from(MotifService)
        .where(MotifService.motif_id == Motif.id, MotifService.ouvert)
        .correlate(Motif)
        .scalar_subquery()
    )
    lignes = await conn.execute(
        select(Motif.__table__, ouverts.label("services"))
        .where(Motif.type_service_code == type_code)
        .order_by(Motif.ordre, Motif.id)
    )
    return [dict(ligne) for ligne in lignes.mappings()]


async def find_motif(conn: AsyncConnection, motif_id: int) -> dict[str, Any]:
    """One motif. Raises Introuvable."""
    ligne = None
    if 0 < motif_id < 2**63:
        ligne = (await conn.execute(select(Motif.__table__).where(Motif.id == motif_id))).mappings().one_or_none()
    if ligne is None:
        raise Introuvable(PHRASE)
    return dict(ligne)


def to_noeuds(motifs: Sequence[Mapping[str, Any]]) -> dict[int, Noeud]:
    """The tree of rows read by ``read_type``."""
    return build_arbre((m["id"], m["parent_id"], m["libelle"], m["actif"]) for m in motifs)


def to_faits(motif: Mapping[str, Any], noeuds: Mapping[int, Noeud]) -> dict[str, Any]:
    """A motif as the journal and the comparison of two versions tell it."""
    parent = noeuds.get(motif["parent_id"]) if motif["parent_id"] else None
    return {
        "libelle": motif["libelle"],
        "libelle_en": motif["libelle_en"],
        "parent": parent.libelle if parent else "Premier niveau",
        "nature": motif["nature"],
        "public": motif["public"],
        "documents": "\n".join(motif["documents"]),
        "documents_en": "\n".join(motif["documents_en"]),
        "faq_url": motif["faq_url"],
        "demarche_url": motif["demarche_url"],
        "actif": motif["actif"],
    }


async def save_motif(
    outils: Outils,
    auteur: Auteur,
    maintenant: datetime,
    type_code: str,
    valeurs: Mapping[str, Any],
    *,
    motif_id: int | None = None,
    revision: int | None = None,
) -> int:
    """Create a motif, or change one that the screen showed at ``revision``; its id.

    ``valeurs``: libelle, parent_id, nature, public, documents, both in English, faq_url, demarche_url, already clean.
    Raises ConflitEdition, SaisieInvalide (a parent that cannot be, words already used), Introuvable.
    """

    async def travail(uow: UnitOfWork) -> int:
        conn = uow.conn
        motifs = await read_type(conn, type_code)
        noeuds = to_noeuds(motifs)
        actuel = next((m for m in motifs if m["id"] == motif_id), None)
        if motif_id is not None and actuel is None:
            raise Introuvable(PHRASE)
        if actuel is not None and revision is not None and revision != actuel["revision"]:
            raise await build_conflit(conn, "motif", actuel["id"], to_faits(actuel, noeuds))
        _check(noeuds, motif_id, valeurs)
        if actuel is None:
            ident, avant = await _insert(conn, type_code, valeurs, motifs), None
        else:
            ident, avant = actuel["id"], to_faits(actuel, noeuds)
            place = {} if valeurs["parent_id"] == actuel["parent_id"] else {"ordre": _last(motifs, valeurs)}
            await conn.execute(
                update(Motif).where(Motif.id == ident).values(**valeurs, **place, revision=Motif.revision + 1)
            )
        apres = to_faits({"actif": True, **(actuel or {}), **valeurs}, noeuds)
        if avant != apres:
            action = "motif.cree" if actuel is None else "motif.modifie"
            await record_objet(uow, auteur, maintenant, action, "motif", ident, None, avant, apres)
            await announce(uow, type_code, [ident])
        return ident

    return await administrate(outils, auteur, travail, maintenant, action="motif.modifie")


def _check(noeuds: Mapping[int, Noeud], motif_id: int | None, valeurs: Mapping[str, Any]) -> None:
    erreurs: dict[str, str] = {}
    parent = valeurs["parent_id"]
    if parent is not None and parent not in {n.id for n in list_parents(noeuds, motif_id)}:
        erreurs["parent"] = "Ce motif ne peut pas être rattaché là : trois niveaux au plus, et jamais sous lui-même."
    elif find_double(noeuds, motif_id, parent, valeurs["libelle"]):
        erreurs["libelle"] = "Un autre motif porte déjà ce libellé au même endroit."
    if erreurs:
        raise SaisieInvalide(champs=erreurs)


def _last(motifs: Sequence[Mapping[str, Any]], valeurs: Mapping[str, Any]) -> int:
    return 1 + max((m["ordre"] for m in motifs if m["parent_id"] == valeurs["parent_id"]), default=0)


async def _insert(
    conn: AsyncConnection, type_code: str, valeurs: Mapping[str, Any], motifs: Sequence[Mapping[str, Any]]
) -> int:
    ident = int((await conn.execute(text("SELECT nextval(pg_get_serial_sequence('motif', 'id'))"))).scalar_one())
    await conn.execute(
        insert(Motif).values(
            **valeurs,
            id=ident,
            code=f"{type_code}-{ident}",
            type_service_code=type_code,
            ordre=_last(motifs, valeurs),
        )
    )
    return ident


async def move_motif(outils: Outils, auteur: Auteur, maintenant: datetime, motif_id: int, sens: str) -> str:
    """One place up (``haut``) or down (``bas``) among its siblings; its kind of service. Raises Introuvable."""

    async def travail(uow: UnitOfWork) -> str:
        motif = await find_motif(uow.conn, motif_id)
        type_code = str(motif["type_service_code"])
        freres = [m["id"] for m in await read_type(uow.conn, type_code) if m["parent_id"] == motif["parent_id"]]
        ranges = shift(freres, motif_id, sens)
        if ranges != freres:
            rangs = func.array_position(cast(ranges, ARRAY(BigInteger)), Motif.id)
            await uow.conn.execute(update(Motif).where(Motif.id.in_(ranges)).values(ordre=rangs))
            rang = {"libelle": motif["libelle"]}
            avant, apres = freres.index(motif_id) + 1, ranges.index(motif_id) + 1
            await record_objet(
                uow,
                auteur,
                maintenant,
                "motif.deplace",
                "motif",
                motif_id,
                None,
                {**rang, "rang": avant},
                {**rang, "rang": apres},
            )
            await announce(uow, type_code, [motif_id])
        return type_code

    return await administrate(outils, auteur, travail, maintenant, action="motif.deplace")


def select_parties(motifs: Sequence[int]) -> CompoundSelect[Any]:
    """Both services of every delegation of one of these motifs that contexts tell, whatever its dates."""
    voulus = cast(list(motifs), ARRAY(BigInteger))
    concernee = Delegation.motifs.op("&&")(voulus), Delegation.etat.in_(CONNUES)
    return union(
        select(Delegation.service_id).where(*concernee), select(Delegation.service_delegue_id).where(*concernee)
    )


async def announce(uow: UnitOfWork, type_code: str, motifs: Sequence[int]) -> None:
    """Tell every service that shows these motifs, received ones too: a constant number of statements."""
    lignes = await uow.conn.execute(
        select(ServiceFiscal.id).where(
            or_(
                ServiceFiscal.type_code == type_code,
                ServiceFiscal.id.in_(select(MotifService.service_id).where(MotifService.motif_id.in_(motifs))),
                ServiceFiscal.id.in_(select_parties(motifs)),
            )
        )
    )
    services = frozenset(lignes.scalars())
    if services:  # nobody is not everybody
        uow.annonces.planning_partout(services)
