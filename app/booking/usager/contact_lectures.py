"""What the page « Contact » reads: the subjects, the communes that a few letters designate, who is competent there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ARRAY, Text, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking.usager.adresse import Lieu
from app.booking.usager.contact_arbre import Sujet, keep_reachable
from app.booking.usager.recherche import POSTAUX, begin_lexeme

#: Services proposed where the directory names none for the commune: the nearest of the département.
VOISINS_MAX: Final = 6

_SUJETS = text(
    """
    SELECT s.id, s.code, s.parent_id, s.nature, s.libelle, s.libelle_en, s.faq_url, s.demarche_url, s.types_service,
           s.voie, coalesce(m.id, 0) AS motif_id
      FROM sujet_contact s LEFT JOIN motif m ON m.code = s.motif_code AND m.actif AND s.motif_code <> ''
     WHERE s.actif
     ORDER BY s.ordre, s.id
    """
)
#: By the index of names or that of codes; an exact name first, then the largest.
_PAR_NOM = text(
    f"""
    SELECT c.code_insee, c.nom, c.codes_postaux, d.nom AS departement,
           c.nom_recherche IN (:commune, :ligature) AS exacte
      FROM commune c JOIN departement d ON d.code = c.departement
     WHERE (c.nom_recherche ~>=~ :commune AND c.nom_recherche ~<~ :commune_fin
            OR c.nom_recherche ~>=~ :ligature AND c.nom_recherche ~<~ :ligature_fin)
       AND (CAST(:postal AS text) = '' OR {POSTAUX} @@ CAST(CAST(:postal AS text) AS tsquery))
     ORDER BY exacte DESC, c.population DESC, c.nom, c.code_insee
     LIMIT :limite
    """  # noqa: S608 - a constant
)
_PAR_POSTAL = text(
    f"""
    SELECT c.code_insee, c.nom, c.codes_postaux, d.nom AS departement, FALSE AS exacte
      FROM commune c JOIN departement d ON d.code = c.departement
     WHERE {POSTAUX} @@ CAST(CAST(:postal AS text) AS tsquery)
     ORDER BY c.population DESC, c.nom, c.code_insee
     LIMIT :limite
    """  # noqa: S608 - a constant
)
#: « Chinon » for Château-Chinon: read whole, only when nothing begins so.
_DEDANS = text(
    f"""
    SELECT c.code_insee, c.nom, c.codes_postaux, d.nom AS departement, FALSE AS exacte
      FROM commune c JOIN departement d ON d.code = c.departement
     WHERE (CAST(:postal AS text) = '' OR {POSTAUX} @@ CAST(CAST(:postal AS text) AS tsquery))
       AND (' ' || c.nom_recherche LIKE '% ' || :commune || '%' OR ' ' || c.nom_recherche LIKE '% ' || :ligature || '%')
     ORDER BY c.population DESC, c.nom, c.code_insee
     LIMIT :limite
    """  # noqa: S608 - a constant
)
_COMMUNE = text(
    """
    SELECT c.code_insee, c.nom, c.codes_postaux, d.nom AS departement, TRUE AS exacte
      FROM commune c JOIN departement d ON d.code = c.departement WHERE c.code_insee = :insee
    """
)
_COMPETENTS = text(
    """
    SELECT k.service_id, array_agg(k.voies) AS voies
      FROM competence k
      JOIN service_fiscal s ON s.id = k.service_id
      JOIN type_service t ON t.code = s.type_code
     WHERE k.code_insee = :insee AND s.ferme_a IS NULL AND t.par_adresse AND s.type_code = ANY (:types)
     GROUP BY k.service_id, t.ordre, s.libelle
     ORDER BY t.ordre, s.libelle, k.service_id
    """
).bindparams(bindparam("types", type_=ARRAY(Text)))
#: Those of the commune itself, else the nearest of its département; degrees of longitude are shorter than of latitude.
_VOISINS = text(
    """
    SELECT s.id, s.code_postal = ANY (c.codes_postaux) OR r.villes @> ARRAY[c.nom_recherche] AS sur_place
      FROM commune c
      JOIN service_fiscal s ON s.departement = c.departement
      JOIN service_recherche r ON r.service_id = s.id
      JOIN type_service t ON t.code = s.type_code
     WHERE c.code_insee = :insee AND s.ferme_a IS NULL AND t.par_adresse AND s.type_code = ANY (:types)
     ORDER BY sur_place DESC,
              power(s.latitude - c.latitude, 2) + power((s.longitude - c.longitude) * 0.7, 2) NULLS LAST,
              s.libelle, s.id
     LIMIT :limite
    """
).bindparams(bindparam("types", type_=ARRAY(Text)))
_DE_TYPE = text(
    """
    SELECT id FROM service_fiscal WHERE ferme_a IS NULL AND type_code = ANY (:types) ORDER BY libelle, id LIMIT :limite
    """
).bindparams(bindparam("types", type_=ARRAY(Text)))


async def read_sujets(conn: AsyncConnection) -> tuple[Sujet, ...]:
    """Every active subject that something leads to, in the order of the tree's siblings."""
    lignes = (await conn.execute(_SUJETS)).mappings()
    return keep_reachable([Sujet(**{**ligne, "types_service": tuple(ligne["types_service"])}) for ligne in lignes])


#: Marseille, Lyon and Paris as a whole.
_A_ARRONDISSEMENTS: Final = frozenset({"13055", "69123", "75056"})


async def find_communes(conn: AsyncConnection, lieu: Lieu, *, limite: int) -> Sequence[Mapping[str, Any]]:
    """The communes of that name's beginning and of that postal code (or its beginning); none for nothing typed."""
    if not (lieu.postal or lieu.nom):
        return []
    valeurs = {**lieu.bornes, "postal": begin_lexeme(lieu.postal) if lieu.postal else "", "limite": limite}
    lignes = [dict(ligne) for ligne in (await conn.execute(_PAR_NOM if lieu.nom else _PAR_POSTAL, valeurs)).mappings()]
    if not lignes and len(lieu.nom) > 2:
        lignes = [dict(ligne) for ligne in (await conn.execute(_DEDANS, valeurs)).mappings()]
    if not lignes and lieu.nom and lieu.postal:  # another spelling: the communes of the postal code
        return await find_communes(conn, Lieu(lieu.postal), limite=limite)
    # Who gives the postal code of an arrondissement does not mean the whole city.
    quartiers = [ligne for ligne in lignes if ligne["code_insee"] not in _A_ARRONDISSEMENTS]
    return quartiers if lieu.postal and quartiers else lignes


async def find_commune(conn: AsyncConnection, insee: str) -> Mapping[str, Any] | None:
    """The commune of that INSEE code."""
    ligne = (await conn.execute(_COMMUNE, {"insee": insee})).mappings().one_or_none()
    return None if ligne is None else dict(ligne)


async def find_competents(conn: AsyncConnection, insee: str, types: Sequence[str]) -> dict[int, tuple[str, ...]]:
    """The services of these kinds that answer for the commune, and the streets of it for which each does."""
    lignes = await conn.execute(_COMPETENTS, {"insee": insee, "types": list(types)})
    return {ligne.service_id: tuple(sorted(voie for voie in ligne.voies if voie)) for ligne in lignes}


async def find_voisins(conn: AsyncConnection, insee: str, types: Sequence[str]) -> tuple[list[int], bool]:
    """Where the directory says nothing: those that stand in the commune (True), else the nearest of the département."""
    valeurs = {"insee": insee, "types": list(types), "limite": VOISINS_MAX}
    lignes = (await conn.execute(_VOISINS, valeurs)).all()
    sur_place = [ligne.id for ligne in lignes if ligne.sur_place]
    return (sur_place, True) if sur_place else ([ligne.id for ligne in lignes], False)


async def list_de_type(conn: AsyncConnection, types: Sequence[str]) -> list[int]:
    """Every service of these kinds: the one DGE, the DRESG."""
    return list((await conn.execute(_DE_TYPE, {"types": list(types), "limite": VOISINS_MAX})).scalars())
