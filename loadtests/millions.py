"""Two million rendez-vous over 4,000 services, written in minutes: for lists, searches and exports.

A tenth of them belongs to one département of 40 busy services (5,000 each), the zone of the worst case. Names are about
as frequent as real ones (the first surname by one person in 300, the first given name by one in 40); phones and
addresses are invented. Rows of all services lie side by side, as bookings come: none has its own pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import asyncpg

from app import clock

ZONE: Final = 40
_TABLES: Final = ("rendez_vous", "rdv_usager")
_NOMS: Final = (
    *("MARTIN", "BERNARD", "THOMAS", "PETIT", "ROBERT", "RICHARD", "DURAND", "DUBOIS", "MOREAU", "LAURENT"),
    *("SIMON", "MICHEL", "LEFEBVRE", "LEROY", "ROUX", "DAVID", "BERTRAND", "MOREL", "FOURNIER", "GIRARD"),
)
_PRENOMS: Final = (
    *("Marie", "Jean", "Nathalie", "Philippe", "Isabelle", "Michel", "Sylvie", "Alain", "Catherine", "Patrick"),
    *("Martine", "Nicolas", "Christine", "Christophe", "Françoise", "Pierre", "Valérie", "Éric", "Sandrine", "Daniel"),
)
_SYLLABES: Final = (
    *("BA", "CO", "DI", "FE", "GU", "LA", "LE", "LO", "MA", "ME"),
    *("MO", "NA", "PE", "QUI", "RA", "RO", "SA", "TE", "VI", "ZAN"),
)

_SERVICES: Final = """
    INSERT INTO service_fiscal (type_code, site_id, sages, libelle, adresse, code_postal, ville, departement, telephone,
                                courriel, fuseau, pas_minutes, duree_minutes, en_ligne, visio_base)
    SELECT s.type_code, s.site_id, (1000000 + n)::text, 'SERVICE IMPOTS PARTICULIERS N° ' || n, s.adresse,
           s.code_postal, s.ville, s.departement, s.telephone, s.courriel, s.fuseau, s.pas_minutes, s.duree_minutes,
           s.en_ligne, s.visio_base
      FROM service_fiscal s, generate_series(2, $2) n WHERE s.id = $1
"""
_GUICHETS: Final = """
    INSERT INTO guichet (service_id, nom, ordre, ouvert)
    SELECT s.id, 'Guichet ' || g, g, TRUE FROM service_fiscal s, generate_series(1, 10) g
     WHERE s.id <> $1 ORDER BY s.id, g
"""
#: One RDV in ten goes to the zone, by turns; each guichet spreads its own over 360 days, 18 a day at most.
_LIEUX: Final = """
    CREATE TABLE bench_lieu AS
    WITH services AS (SELECT id, row_number() OVER (ORDER BY id) - 1 AS rang FROM service_fiscal),
         guichets AS (SELECT id, service_id, row_number() OVER (PARTITION BY service_id ORDER BY id) - 1 AS rang
                        FROM guichet)
    SELECT i, s.id AS service_id, g.id AS guichet_id, (t.tour / 10)::int AS rang
      FROM generate_series(0, $1 - 1) i
      CROSS JOIN LATERAL (
        SELECT CASE WHEN i % 10 = 0 THEN (i / 10) % $2 ELSE $2 + (i - i / 10 - 1) % ($3 - $2) END AS service,
               CASE WHEN i % 10 = 0 THEN (i / 10) / $2 ELSE (i - i / 10 - 1) / ($3 - $2) END AS tour) t
      JOIN services s ON s.rang = t.service
      JOIN guichets g ON g.service_id = s.id AND g.rang = t.tour % 10
     ORDER BY i
"""
_RDV: Final = """
    INSERT INTO rendez_vous (id, code, service_id, guichet_id, motif_id, type_rdv, debut, fin, jour, etat, occupe,
                             canal, origine, precision, cree_a, modifie_a)
    OVERRIDING SYSTEM VALUE
    SELECT l.i + 1,
           (SELECT string_agg(chr(65 + ((l.i::bigint * 48271 + 11) / (26 ^ p)::bigint % 26)::int), '')
              FROM generate_series(0, 5) p),
           l.service_id, l.guichet_id, $1, (ARRAY['guichet', 'guichet', 'guichet', 'telephone'])[1 + l.i / 10 % 4],
           h.debut, h.debut + interval '20 minutes', h.jour,
           CASE WHEN l.i / 10 % 12 = 0 THEN 'annule' WHEN h.jour < $2 AND l.i / 10 % 9 = 0 THEN 'non_honore'
                WHEN h.jour < $2 THEN 'termine' ELSE 'prevu' END,
           l.i / 10 % 12 <> 0, 'internet', 'internet', 'Question sur mon avis', h.debut - interval '12 days', h.debut
      FROM bench_lieu l
      CROSS JOIN LATERAL (
        SELECT $2::date - 300 + l.rang * 360 / CASE WHEN l.i % 10 = 0 THEN $3::int ELSE $6::int END AS jour) d
      CROSS JOIN LATERAL (
        SELECT d.jour,
               (d.jour + time '08:00' + l.rang % 18 * interval '30 minutes') AT TIME ZONE 'Europe/Paris' AS debut
      ) h
     WHERE l.i BETWEEN $4 AND $5
"""
_USAGERS: Final = """
    INSERT INTO rdv_usager (rdv_id, nature, civilite, nom_usage, prenoms, numero_fiscal, raison_sociale, siren,
                            telephones, courriel, recherche, services)
    SELECT l.i + 1, CASE WHEN pro THEN 'professionnel' ELSE 'particulier' END, CASE WHEN NOT pro THEN 'madame' END,
           CASE WHEN pro THEN '' ELSE nom END, CASE WHEN pro THEN '' ELSE prenom END,
           CASE WHEN NOT pro AND l.i / 10 % 5 <> 0
                THEN (1000000000000 + l.i::bigint * 1299709 % 2000000000000)::text END,
           CASE WHEN pro THEN 'SARL ' || nom ELSE '' END,
           CASE WHEN pro THEN (300000000 + l.i::bigint * 7907 % 600000000)::text END,
           ARRAY['+336' || lpad((l.i::bigint * 7919 % 100000000)::text, 8, '0')],
           CASE WHEN l.i / 10 % 10 < 7 THEN 'p' || l.i || '@usagers.test' END,
           CASE WHEN pro THEN ' SARL ' || nom || ' ' ELSE ' ' || nom || ' ' || sans_accent || ' ' END,
           ARRAY[l.service_id]
      FROM bench_lieu l
      CROSS JOIN LATERAL (
        SELECT l.i / 10 % 10 = 3 AS pro, (50 * exp(u * ln(400)))::int - 50 AS n, (10 * exp(v * ln(40)))::int - 10 AS p
          FROM (SELECT (l.i::bigint * 2654435761 % 4294967296) / 4294967296.0::float8 AS u,
                       (l.i::bigint * 40503 * 977 % 65537) / 65537.0::float8 AS v) hasard) r
      CROSS JOIN LATERAL (
        SELECT coalesce(($1::text[])[n + 1],
                        ($3::text[])[1 + n / 400 % 20] || ($3::text[])[1 + n / 20 % 20] || ($3::text[])[1 + n % 20]
                        || ($3::text[])[1 + n / 8000 % 20]) AS nom,
               coalesce(($2::text[])[p + 1],
                        initcap(($3::text[])[1 + p / 20 % 20] || ($3::text[])[1 + p % 20])) AS prenom
      ) mots
      CROSS JOIN LATERAL (SELECT translate(upper(prenom), 'ÇÉÈ', 'CEE') AS sans_accent) s
     WHERE l.i BETWEEN $4 AND $5
"""


@dataclass(frozen=True, slots=True)
class Peuple:
    """What was written: the services of the zone, the first of them, whose motif it is."""

    zone: list[int]
    ordinaire: int
    motif: int
    jour: date


async def _lay_aside(conn: Any) -> list[str]:
    """Drop what an insertion would maintain row by row; the statements that put it back."""
    retablir: list[str] = []
    for table in _TABLES:
        contraintes = await conn.fetch(
            "SELECT conname, contype::text, pg_get_constraintdef(oid) AS texte FROM pg_constraint"
            " WHERE conrelid = $1::regclass AND contype IN ('x', 'u')",
            table,
        )
        for c in contraintes:
            retablir.append(f"ALTER TABLE {table} ADD CONSTRAINT {c['conname']} {c['texte']}")
            await conn.execute(f"ALTER TABLE {table} DROP CONSTRAINT {c['conname']}")
        for i in await conn.fetch("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = $1", table):
            if not i["indexname"].startswith("pk_"):
                retablir.append(i["indexdef"])
                await conn.execute(f"DROP INDEX {i['indexname']}")
    return retablir


async def _fill(conn: Any, motif: int, jour: date, rdv: int) -> None:
    pas = 200_000
    par_guichet = "SELECT max(rang) + 1 FROM bench_lieu WHERE (i % 10 = 0) = $1"
    zone, ailleurs = [int(await conn.fetchval(par_guichet, sienne)) for sienne in (True, False)]
    for debut in range(0, rdv, pas):
        fin = min(debut + pas, rdv) - 1
        await conn.execute(_RDV, motif, jour, zone, debut, fin, ailleurs)
        await conn.execute(_USAGERS, list(_NOMS), list(_PRENOMS), list(_SYLLABES), debut, fin)


async def build(dsn: str, modele: int, motif: int, *, rdv: int = 2_000_000, services: int = 4_000) -> Peuple:
    """Clone the service ``modele`` and write ``rdv`` rendez-vous; today's year before, and two months ahead.

    The database must be empty of RDV, and its user allowed to lay triggers aside.
    """
    jour = clock.now().date()
    conn = await asyncpg.connect(dsn, command_timeout=1800)
    try:
        await conn.execute("SET maintenance_work_mem = '512MB'")
        await conn.execute(_SERVICES, modele, services)
        await conn.execute(_GUICHETS, modele)
        await conn.execute(_LIEUX, rdv, ZONE, services)
        retablir = await _lay_aside(conn)
        await conn.execute("SET session_replication_role = replica")
        await _fill(conn, motif, jour, rdv)
        await conn.execute("SET session_replication_role = DEFAULT")
        await conn.execute("SELECT setval(pg_get_serial_sequence('rendez_vous', 'id'), $1)", rdv)
        for ordre in retablir:
            await conn.execute(ordre)
        await conn.execute("DROP TABLE bench_lieu")
        await conn.execute("VACUUM ANALYZE")
        ids: Sequence[Any] = await conn.fetch("SELECT id FROM service_fiscal ORDER BY id LIMIT $1", ZONE + 1)
    finally:
        await conn.close()
    return Peuple([int(i["id"]) for i in ids[:ZONE]], int(ids[ZONE]["id"]), motif, jour)
