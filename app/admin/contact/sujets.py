"""The subjects of contact in the database: one tree by nature of usager, changed by national administrators only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BigInteger, cast, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from app.admin.chantier import administrate, build_conflit, record_objet
from app.admin.motifs.arbre import Noeud, build_arbre, find_double, list_parents, shift
from app.booking.outils import Auteur, Outils
from app.db import UnitOfWork
from app.errors import Introuvable, SaisieInvalide
from app.tables import Motif, SujetContact, TypeService

PHRASE: Final = "Ce sujet n’existe pas."
OBJET: Final = "sujet_contact"
NATURES: Final[Mapping[str, str]] = {"particulier": "Particuliers", "professionnel": "Professionnels"}
#: How the competent service is reached: words of the form.
VOIES: Final[Mapping[str, str]] = {
    "": "Aucun service : réponses et démarche en ligne seulement",
    "adresse": "Par la commune",
    "code": "Par le code SAGES ou CODIQUE",
    "dresg": "Résidents à l’étranger (DRESG)",
    "dge": "Grandes entreprises (DGE)",
}
#: Fields that a form compares, in the words of the screens.
LIBELLES: Final[Mapping[str, str]] = {
    "libelle": "Libellé",
    "libelle_en": "Libellé en anglais",
    "parent": "Rattaché à",
    "faq_url": "Réponses aux questions",
    "demarche_url": "Démarche en ligne",
    "voie": "Service compétent",
    "types_service": "Types de service",
    "motif_code": "Motif proposé",
}


async def read_nature(conn: AsyncConnection, nature: str) -> list[dict[str, Any]]:
    """Every subject of that nature, those taken out too, in the order of siblings."""
    lignes = await conn.execute(
        select(SujetContact.__table__)
        .where(SujetContact.nature == nature)
        .order_by(SujetContact.ordre, SujetContact.id)
    )
    return [dict(ligne) for ligne in lignes.mappings()]


async def find_sujet(conn: AsyncConnection, sujet_id: int) -> dict[str, Any]:
    """One subject. Raises Introuvable."""
    ligne = None
    if 0 < sujet_id < 2**63:
        requete = select(SujetContact.__table__).where(SujetContact.id == sujet_id)
        ligne = (await conn.execute(requete)).mappings().one_or_none()
    if ligne is None:
        raise Introuvable(PHRASE)
    return dict(ligne)


async def list_types(conn: AsyncConnection) -> list[tuple[str, str]]:
    """Kinds of service: (code, words), in their order."""
    lignes = await conn.execute(select(TypeService.code, TypeService.libelle).order_by(TypeService.ordre))
    return [(ligne.code, ligne.libelle) for ligne in lignes]


async def list_motifs(conn: AsyncConnection) -> dict[str, list[tuple[str, str]]]:
    """Motifs of the catalogue by kind of service: (code, words), those of a parent after it."""
    lignes = await conn.execute(
        select(Motif.id, Motif.parent_id, Motif.libelle, Motif.actif, Motif.code, Motif.type_service_code)
        .join(TypeService, TypeService.code == Motif.type_service_code)
        .where(Motif.actif)
        .order_by(TypeService.ordre, Motif.ordre, Motif.id)
    )
    lus = {ligne.id: ligne for ligne in lignes}
    noeuds = build_arbre((m.id, m.parent_id, m.libelle, m.actif) for m in lus.values())
    groupes: dict[str, list[tuple[str, str]]] = {}
    for noeud in noeuds.values():
        groupe = groupes.setdefault(lus[noeud.id].type_service_code, [])
        groupe.append((lus[noeud.id].code, "\u2003" * (noeud.niveau - 1) + noeud.libelle))
    return groupes


def to_noeuds(sujets: Sequence[Mapping[str, Any]]) -> dict[int, Noeud]:
    """The tree of rows read by ``read_nature``."""
    return build_arbre((s["id"], s["parent_id"], s["libelle"], s["actif"]) for s in sujets)


def to_faits(sujet: Mapping[str, Any], noeuds: Mapping[int, Noeud]) -> dict[str, Any]:
    """A subject as the journal and the comparison of two versions tell it."""
    parent = noeuds.get(sujet["parent_id"]) if sujet["parent_id"] else None
    return {
        "libelle": sujet["libelle"],
        "libelle_en": sujet["libelle_en"],
        "parent": parent.libelle if parent else "Premier niveau",
        "faq_url": sujet["faq_url"],
        "demarche_url": sujet["demarche_url"],
        "voie": VOIES[sujet["voie"]],
        "types_service": ", ".join(sujet["types_service"]),
        "motif_code": sujet["motif_code"],
        "actif": sujet["actif"],
    }


async def save_sujet(
    outils: Outils,
    auteur: Auteur,
    maintenant: datetime,
    nature: str,
    valeurs: Mapping[str, Any],
    *,
    sujet_id: int | None = None,
    revision: int | None = None,
) -> int:
    """Create a subject, or change one that the screen showed at ``revision``; its id.

    ``valeurs``: libelle, libelle_en, parent_id, faq_url, demarche_url, voie, types_service, motif_code, already clean.
    Raises ConflitEdition, SaisieInvalide (a parent that cannot be, words already used), Introuvable.
    """

    async def travail(uow: UnitOfWork) -> int:
        conn = uow.conn
        sujets = await read_nature(conn, nature)
        noeuds = to_noeuds(sujets)
        actuel = next((s for s in sujets if s["id"] == sujet_id), None)
        if sujet_id is not None and actuel is None:
            raise Introuvable(PHRASE)
        if actuel is not None and revision != actuel["revision"]:
            raise await build_conflit(conn, OBJET, actuel["id"], to_faits(actuel, noeuds))
        _check(noeuds, sujet_id, valeurs)
        if actuel is None:
            ident, avant = await _insert(conn, nature, valeurs, sujets), None
        else:
            ident, avant = actuel["id"], to_faits(actuel, noeuds)
            place = {} if valeurs["parent_id"] == actuel["parent_id"] else {"ordre": _last(sujets, valeurs)}
            await conn.execute(
                update(SujetContact)
                .where(SujetContact.id == ident)
                .values(**valeurs, **place, revision=SujetContact.revision + 1)
            )
        apres = to_faits({"actif": True, **(actuel or {}), **valeurs}, noeuds)
        if avant != apres:
            action = "sujet.cree" if actuel is None else "sujet.modifie"
            await record_objet(uow, auteur, maintenant, action, OBJET, ident, None, avant, apres)
        return ident

    return await administrate(outils, auteur, travail, maintenant, action="sujet.modifie")


def _check(noeuds: Mapping[int, Noeud], sujet_id: int | None, valeurs: Mapping[str, Any]) -> None:
    erreurs: dict[str, str] = {}
    parent = valeurs["parent_id"]
    if parent is not None and parent not in {n.id for n in list_parents(noeuds, sujet_id)}:
        erreurs["parent"] = "Ce sujet ne peut pas être rattaché là : trois niveaux au plus, et jamais sous lui-même."
    elif find_double(noeuds, sujet_id, parent, valeurs["libelle"]):
        erreurs["libelle"] = "Un autre sujet porte déjà ce libellé au même endroit."
    if erreurs:
        raise SaisieInvalide(champs=erreurs)


def _last(sujets: Sequence[Mapping[str, Any]], valeurs: Mapping[str, Any]) -> int:
    return 1 + max((s["ordre"] for s in sujets if s["parent_id"] == valeurs["parent_id"]), default=0)


async def _insert(
    conn: AsyncConnection, nature: str, valeurs: Mapping[str, Any], sujets: Sequence[Mapping[str, Any]]
) -> int:
    suivant = text("SELECT nextval(pg_get_serial_sequence('sujet_contact', 'id'))")
    ident = int((await conn.execute(suivant)).scalar_one())
    await conn.execute(
        insert(SujetContact).values(
            **valeurs, id=ident, code=f"sujet-{ident}", nature=nature, ordre=_last(sujets, valeurs)
        )
    )
    return ident


async def move_sujet(outils: Outils, auteur: Auteur, maintenant: datetime, sujet_id: int, sens: str) -> str:
    """One place up (``haut``) or down (``bas``) among its siblings; its nature. Raises Introuvable."""

    async def travail(uow: UnitOfWork) -> str:
        sujet = await find_sujet(uow.conn, sujet_id)
        nature = str(sujet["nature"])
        freres = [s["id"] for s in await read_nature(uow.conn, nature) if s["parent_id"] == sujet["parent_id"]]
        ranges = shift(freres, sujet_id, sens)
        if ranges != freres:
            rangs = func.array_position(cast(ranges, ARRAY(BigInteger)), SujetContact.id)
            await uow.conn.execute(update(SujetContact).where(SujetContact.id.in_(ranges)).values(ordre=rangs))
            rang = {"libelle": sujet["libelle"]}
            avant = {**rang, "rang": freres.index(sujet_id) + 1}
            apres = {**rang, "rang": ranges.index(sujet_id) + 1}
            await record_objet(uow, auteur, maintenant, "sujet.deplace", OBJET, sujet_id, None, avant, apres)
        return nature

    return await administrate(outils, auteur, travail, maintenant, action="sujet.deplace")


async def set_actif(outils: Outils, auteur: Auteur, maintenant: datetime, sujet_id: int, actif: bool) -> str:
    """Show it on the page « Contact », or no longer, with all that depends on it; its nature. Raises Introuvable."""

    async def travail(uow: UnitOfWork) -> str:
        sujet = await find_sujet(uow.conn, sujet_id)
        if sujet["actif"] != actif:
            await uow.conn.execute(
                update(SujetContact)
                .where(SujetContact.id == sujet_id)
                .values(actif=actif, revision=SujetContact.revision + 1)
            )
            faits = {"libelle": sujet["libelle"]}
            action = "sujet.remis" if actif else "sujet.retire"
            avant, apres = {**faits, "actif": not actif}, {**faits, "actif": actif}
            await record_objet(uow, auteur, maintenant, action, OBJET, sujet_id, None, avant, apres)
        return str(sujet["nature"])

    return await administrate(outils, auteur, travail, maintenant, action="sujet.retire")
