"""SQL of « Rechercher les RDV »: each reading by its own index, the right in the statement, nearest to now first.

Names, phones and mail addresses are found by the keys of migration 0004. Words are behind a service each: what other
services hold is not even walked through.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, cast, func, literal, literal_column, or_, select, true, union_all
from sqlalchemy.dialects.postgresql import ARRAY, TSQUERY
from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking.agents.liste_lectures import designates, select_lignes
from app.booking.agents.recherche_rdv_saisie import Lecture
from app.booking.textes import to_recherche
from app.tables import RdvUsager, RendezVous
from app.tables.vues import acces

#: RDV shown.
LIMITE: Final = 50
#: RDV that one reading may designate; beyond, what was typed designates nobody.
TROP: Final = 5_000
#: Services of one walk of the index: its cost grows with their square.
_PAR_PARCOURS: Final = 250
#: Written in the statement: a plan made for any limit would read whole tables.
_SEUIL: Final[Any] = literal_column(str(TROP + 1))
#: The names that a row shows.
_MONTRES: Final = ("nom_usage", "prenoms", "raison_sociale")
_CLES: Final = func.cles_de_recherche(RdvUsager.services, RdvUsager.recherche, RdvUsager.telephones, RdvUsager.courriel)


@dataclass(frozen=True, slots=True)
class Resultat:
    """Rows to show, how many there are, and whether a reading had too many of them to be followed to the end."""

    lignes: list[dict[str, Any]]
    total: int
    trop: bool


def _quote(cle: str) -> str:
    return "'" + cle.replace("\\", "\\\\").replace("'", "''") + "'"


def write_requete(mots: Sequence[str], services: Sequence[int]) -> str:
    """The tsquery of words in these services: all of them, the beginning of each is enough."""
    parts = (" | ".join(_quote(f"{service} {mot}") + ":*" for service in services) for mot in mots)
    return " & ".join(f"({part})" for part in parts)


def _by_nom(mots: Sequence[str], services: Sequence[int]) -> list[Any]:
    parcours = [services[rang : rang + _PAR_PARCOURS] for rang in range(0, len(services), _PAR_PARCOURS)]
    return [_select(_CLES.op("@@")(cast(write_requete(mots, siens), TSQUERY)), "nom") for siens in parcours]


def _by_cle(cle: str, genre: str, services: Sequence[int]) -> Any:
    return _select(_CLES.op("@@")(cast(_quote(cle), TSQUERY)), genre, services)


def _select(condition: ColumnElement[bool], genre: str, services: Sequence[int] = ()) -> Any:
    """The RDV of a reading; those of ``services`` alone, when the condition does not say it."""
    requete = select(RdvUsager.rdv_id.label("id"), literal(genre).label("genre")).where(condition).limit(_SEUIL)
    if not services:
        return requete
    return requete.where(RdvUsager.services.overlap(literal(list(services), ARRAY(BigInteger))))


def _select_trouves(lecture: Lecture, services: Sequence[int]) -> list[Any]:
    """One statement for each reading: ids of RDV and how they were found."""
    branches: list[Any] = []
    if lecture.mots:
        branches += _by_nom(lecture.mots, services)
    branches += [_by_cle(numero, "telephone", services) for numero in lecture.telephones]
    if lecture.courriel:
        branches.append(_by_cle(f"@{lecture.courriel}", "courriel", services))
    if lecture.fiscal:
        branches.append(_select(RdvUsager.numero_fiscal == lecture.fiscal, "numero_fiscal", services))
    if lecture.siren:
        branches.append(_select(RdvUsager.siren == lecture.siren, "siren", services))
    if lecture.code:
        branches.append(select(RendezVous.id, literal("code").label("genre")).where(RendezVous.code == lecture.code))
    if lecture.numero:
        branches.append(select(RendezVous.id, literal("numero").label("genre")).where(RendezVous.id == lecture.numero))
    return branches


def compile_recherche(agent_id: int, lecture: Lecture, services: Sequence[int], maintenant: datetime) -> Any:
    """The whole statement: found, his, the nearest to now, then described; None when there is nothing to search."""
    branches = _select_trouves(lecture, services)
    if not branches:
        return None
    trouves = union_all(*(b.subquery().select() for b in branches)).cte("trouves").prefix_with("MATERIALIZED")
    ids = (
        select(
            trouves.c.id,
            func.array_agg(trouves.c.genre.distinct()).label("genres"),
            func.bool_and(trouves.c.genre == "nom").label("vague"),
        )
        .group_by(trouves.c.id)
        .subquery("ids")
    )
    # One by one, by their ids, whatever the planner expects: it must never read the table to join a few.
    un = (
        select(RendezVous.id, RendezVous.debut, RendezVous.service_id, RendezVous.service_origine_id)
        .where(RendezVous.id == ids.c.id, designates(services))
        .limit(literal_column("1"))
        .lateral("un")
    )
    permis = select(acces.c.service_id).where(acces.c.agent_id == agent_id, acces.c.module == "agenda")
    siens = select(permis.cte("permis").c.service_id)
    miens = (
        select(un.c.id, ids.c.genres, func.count().over().label("total"))
        .select_from(ids.join(un, true()))
        .where(or_(un.c.service_id.in_(siens), un.c.service_origine_id.in_(siens)))
        # a code or a number designates better than the beginning of a name
        .order_by(ids.c.vague, _measure(un.c.debut, maintenant), un.c.id)
        .limit(literal_column(str(LIMITE)))
        .cte("miens")
    )
    lus = select(func.count()).select_from(trouves).scalar_subquery()
    return (
        select_lignes(miens)
        .add_columns(miens.c.genres, miens.c.total, (lus > TROP).label("trop"), RdvUsager.nom_naissance)
        .order_by(_measure(RendezVous.debut, maintenant), RendezVous.id)
    )


def _measure(debut: Any, maintenant: datetime) -> Any:
    """How far from now, in seconds."""
    return func.abs(func.extract("epoch", debut - maintenant))


async def search_rdv(
    conn: AsyncConnection, agent_id: int, lecture: Lecture, services: Sequence[int], maintenant: datetime
) -> Resultat:
    """The RDV of the agent's services, received or entrusted, that a reading designates; the nearest to now first."""
    requete = compile_recherche(agent_id, lecture, services, maintenant)
    lignes = [] if requete is None else [dict(ligne) for ligne in (await conn.execute(requete)).mappings()]
    if not lignes:
        return Resultat([], 0, trop=False)
    total, trop = lignes[0]["total"], lignes[0]["trop"]
    if trop:  # which ones are the nearest is not known: only what was designated otherwise is worth showing
        lignes = [ligne for ligne in lignes if ligne["genres"] != ["nom"]]
    return Resultat([_tell_naissance(ligne, lecture.mots) for ligne in lignes], total, trop=trop)


def _tell_naissance(ligne: dict[str, Any], mots: Sequence[str]) -> dict[str, Any]:
    """Found by a name that the row does not show: it is the name of birth."""
    lus = to_recherche(" ".join(ligne[champ] or "" for champ in _MONTRES)).split()
    if not ligne["nom_naissance"] or all(any(lu.startswith(mot) for lu in lus) for mot in mots):
        return ligne
    return {**ligne, "genres": ["nom_naissance" if genre == "nom" else genre for genre in ligne["genres"]]}
