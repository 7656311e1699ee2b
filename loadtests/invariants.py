"""What must hold after any storm, asked to PostgreSQL directly: never through the application's own code."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import asyncpg

#: Name → a statement that returns the offending rows; none is right.
FAUTES: dict[str, str] = {
    "overlaps on a guichet": """
        SELECT a.id, b.id FROM rendez_vous a JOIN rendez_vous b
          ON a.guichet_id = b.guichet_id AND a.id < b.id AND a.occupe AND b.occupe
         AND tstzrange(a.debut, a.fin) && tstzrange(b.debut, b.fin)""",
    "rows without occupe": "SELECT id FROM rendez_vous WHERE occupe <> (etat <> 'annule')",
    "rdv without a person": """
        SELECT r.id FROM rendez_vous r LEFT JOIN rdv_usager u ON u.rdv_id = r.id
         WHERE r.etat <> 'option' AND u.rdv_id IS NULL""",
    "holds with a person": """
        SELECT r.id FROM rendez_vous r JOIN rdv_usager u ON u.rdv_id = r.id WHERE r.etat = 'option'""",
    "version gaps": """
        SELECT sujet FROM (
            SELECT sujet, max(version) - min(version) + 1 - count(*) AS manque FROM outbox GROUP BY sujet) s
         WHERE manque <> 0""",
    "versions behind the agenda": """
        SELECT a.service_id FROM agenda a
          JOIN (SELECT sujet, max(version) AS version FROM outbox GROUP BY sujet) o
            ON (o.sujet = 'service:' || a.service_id AND o.version <> a.version)
            OR (o.sujet = 'creneaux:' || a.service_id AND o.version <> a.version_creneaux)""",
    "counters that differ from COUNT(*)": """
        SELECT coalesce(c.service_id, r.service_id), coalesce(c.jour, r.jour), coalesce(c.etat, r.etat),
               c.nombre, r.nombre
          FROM (SELECT * FROM compteur_jour WHERE nombre <> 0) c
          FULL JOIN (SELECT service_id, jour, etat, count(*)::int AS nombre FROM rendez_vous
                      WHERE etat <> 'option' GROUP BY 1, 2, 3) r
            ON r.service_id = c.service_id AND r.jour = c.jour AND r.etat = c.etat
         WHERE c.nombre IS DISTINCT FROM r.nombre""",
    # An address that was corrected is not the booking's: it may have come once there was nothing more to confirm.
    "bookings with an e-mail and no confirmation": """
        SELECT r.id FROM rendez_vous r JOIN rdv_usager u ON u.rdv_id = r.id AND u.courriel IS NOT NULL
         WHERE NOT EXISTS (SELECT 1 FROM courrier c WHERE c.rdv_id = r.id AND c.evenement = 'confirmation')
           AND NOT EXISTS (SELECT 1 FROM journal j WHERE j.rdv_id = r.id AND j.action = 'rdv.modifie'
                              AND j.apres->'champs' ? 'courriel')""",
    # Sent again it has another sequence. What was forgotten after its delay has no address left: one cannot know.
    "confirmations written twice": """
        SELECT rdv_id, donnees->>'sequence', destinataire FROM courrier
         WHERE evenement = 'confirmation' AND destinataire <> ''
         GROUP BY 1, 2, 3 HAVING count(*) > 1""",
    "rdv and not one creation in the journal": """
        SELECT r.id FROM rendez_vous r LEFT JOIN journal j ON j.rdv_id = r.id AND j.action = 'rdv.cree'
         WHERE r.etat <> 'option' GROUP BY r.id HAVING count(j.id) <> 1""",
    "frames of RDV and not as many journal rows": """
        SELECT j.nombre, o.nombre FROM
          (SELECT count(*) AS nombre FROM journal WHERE action LIKE 'rdv.%' AND action NOT IN
             ('rdv.acces_refuse', 'rdv.lu', 'rdv.recherche', 'rdv.deja_pris', 'rdv.essais_refuses')) j,
          (SELECT count(*) AS nombre FROM (  -- a delegated RDV is told to two services: one fact, one line
             SELECT DISTINCT fait, row_number() OVER (PARTITION BY sujet, fait ORDER BY version) AS rang FROM (
               SELECT sujet, version, trame::jsonb - 'sujet' - 'version' AS fait FROM outbox
                WHERE sujet LIKE 'service:%' AND trame LIKE '{"type":"rdv.%') f) d) o
         WHERE j.nombre <> o.nombre""",
    "transactions left idle": """
        SELECT pid FROM pg_stat_activity WHERE state = 'idle in transaction' AND datname = current_database()""",
}


@dataclass(frozen=True, slots=True)
class Bilan:
    """Offending rows by invariant; ``ok`` when there is none."""

    fautes: dict[str, int]

    @property
    def ok(self) -> bool:
        """True when every invariant holds."""
        return not any(self.fautes.values())

    def lines(self) -> list[str]:
        """One line per invariant."""
        return [f"{'ok ' if not n else 'BAD'}  {nom}: {n}" for nom, n in self.fautes.items()]


async def check(dsn: str, *, sauf: Iterable[str] = ()) -> Bilan:
    """Ask every question but ``sauf``."""
    ignorees = set(sauf)
    conn = await asyncpg.connect(dsn)
    try:
        return Bilan({nom: len(await conn.fetch(sql)) for nom, sql in FAUTES.items() if nom not in ignorees})
    finally:
        await conn.close()


async def check_ledger(dsn: str, acquittes: dict[str, int]) -> list[str]:
    """Codes the client was told (code → RDV id) that the database does not hold as such. Empty is right."""
    conn = await asyncpg.connect(dsn)
    try:
        lignes = await conn.fetch("SELECT code, id FROM rendez_vous WHERE code = ANY($1::text[])", list(acquittes))
    finally:
        await conn.close()
    trouves = {ligne["code"]: ligne["id"] for ligne in lignes}
    return [code for code, identifiant in acquittes.items() if trouves.get(code) != identifiant]


def count_deadlocks(journal: Path) -> int:
    """Deadlocks in PostgreSQL's own log."""
    return journal.read_text(errors="replace").count("deadlock detected")
