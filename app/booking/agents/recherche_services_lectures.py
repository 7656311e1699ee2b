"""Communes and services that a search finds, in two statements whatever it finds [A1 §3.3].

The competences of the directory say which services answer for a commune; where it has none for it, those that stand
there. Specialised trésoreries are found by their code alone. The agent's rights come with each row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import ARRAY, BigInteger, Date, Text, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking.agents.recherche_services_criteres import ADRESSE, Criteres

#: Services on one page; beyond, the search has to be made precise.
LIMITE: Final = 50
COMMUNES: Final = 40

#: An exact name before one that begins so, before one that holds the word; then the largest first.
_COMMUNES = text(
    """
    SELECT c.code_insee, c.nom, c.codes_postaux, c.departement,
           CASE WHEN btrim(c.nom_recherche) = :nom THEN 0
                WHEN btrim(c.nom_recherche) LIKE :nom || '%' THEN 1 ELSE 2 END AS rang
      FROM commune c
     WHERE (CAST(:insee AS text) <> '' AND c.code_insee = :insee)
        OR (CAST(:insee AS text) = '' AND c.codes_postaux @> ARRAY[CAST(:postal AS text)]
            AND (CAST(:nom AS text) = '' OR ' ' || btrim(c.nom_recherche) || ' ' LIKE '% ' || :nom || '%'))
     ORDER BY rang, c.population DESC, c.nom
     LIMIT :limite
    """
)
_SERVICES = text(
    """
    SELECT s.id, s.sages, s.codique, s.libelle, s.code_postal, s.ville, s.site_id, t.libelle AS type_libelle,
           EXISTS (SELECT FROM guichet g
                    WHERE g.service_id = s.id AND g.ouvert AND (g.canaux IS NULL OR 'exterieur' = ANY (g.canaux))
           ) AS recoit,
           EXISTS (SELECT FROM delegation d JOIN service_fiscal b ON b.id = d.service_delegue_id
                    WHERE d.service_id = s.id AND d.etat = 'acceptee' AND d.au >= :aujourdhui AND b.ferme_a IS NULL
                      AND EXISTS (SELECT FROM motif m WHERE m.id = ANY (d.motifs) AND m.actif)
                      AND EXISTS (SELECT FROM guichet g WHERE g.service_id = b.id AND g.ouvert
                                     AND (g.canaux IS NULL OR 'exterieur' = ANY (g.canaux)))) AS confie,
           ARRAY(SELECT a.module FROM acces a WHERE a.agent_id = :agent AND a.service_id = s.id) AS modules,
           k.voies, k.rang
      FROM service_fiscal s
      JOIN type_service t ON t.code = s.type_code
      JOIN site i ON i.id = s.site_id
     CROSS JOIN LATERAL (
           SELECT string_agg(DISTINCT nullif(x.voies, ''), ' ; ') AS voies,
                  CASE WHEN count(*) > 0 THEN 0 ELSE 1 END AS rang
             FROM competence x WHERE x.service_id = s.id AND x.code_insee = ANY (:communes)) k
     WHERE s.ferme_a IS NULL
       AND (CAST(:code AS text) = '' OR s.sages = :code OR s.codique = :code)
       AND (NOT :adresse OR (t.par_adresse AND (k.rang = 0 OR (:sur_place AND (
             s.code_postal = :postal OR i.code_postal = :postal
             OR (cardinality(:departements) > 0 AND s.departement = ANY (:departements)))))))
       AND ((cardinality(:familles) = 0 AND cardinality(:types) = 0)
            OR t.famille = ANY (:familles) OR t.code = ANY (:types))
     ORDER BY k.rang, t.ordre, s.libelle, s.id
     LIMIT :limite
    """
).bindparams(
    bindparam("communes", type_=ARRAY(Text)),
    bindparam("departements", type_=ARRAY(Text)),
    bindparam("familles", type_=ARRAY(Text)),
    bindparam("types", type_=ARRAY(Text)),
    bindparam("agent", type_=BigInteger),
    bindparam("aujourdhui", type_=Date),
)


async def find_communes(conn: AsyncConnection, criteres: Criteres) -> Sequence[Mapping[str, Any]]:
    """The communes of the postal code, those that the locality names first; the one chosen alone."""
    if criteres.mode != ADRESSE:
        return []
    nom = criteres.commune.replace("\\", "").replace("%", "").replace("_", "")
    valeurs = {"insee": criteres.insee, "postal": criteres.code_postal, "nom": nom, "limite": COMMUNES}
    lignes = [dict(ligne) for ligne in (await conn.execute(_COMMUNES, valeurs)).mappings()]
    if not lignes and nom and not criteres.insee:  # another spelling: the communes of the postal code
        lignes = [dict(ligne) for ligne in (await conn.execute(_COMMUNES, {**valeurs, "nom": ""})).mappings()]
    return lignes


async def find_services(
    conn: AsyncConnection,
    criteres: Criteres,
    communes: Sequence[str],
    agent_id: int,
    aujourdhui: date,
    *,
    sur_place: bool = False,
    departements: Sequence[str] = (),
) -> Sequence[Mapping[str, Any]]:
    """The services still open that meet the criteria, one more than ``LIMITE`` when there are more.

    ``sur_place``: also those that stand at the postal code, or in ``departements``.
    """
    valeurs = {
        "agent": agent_id,
        "aujourdhui": aujourdhui,
        "code": criteres.code,
        "adresse": criteres.mode == ADRESSE,
        "postal": criteres.code_postal,
        "communes": list(communes),
        "sur_place": sur_place,
        "departements": list(departements),
        "familles": list(criteres.familles),
        "types": list(criteres.types),
        "limite": LIMITE + 1,
    }
    return [dict(ligne) for ligne in (await conn.execute(_SERVICES, valeurs)).mappings()]
