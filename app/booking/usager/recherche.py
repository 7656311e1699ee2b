"""Which services match what a usager typed: a commune, a postal code, a name, a SAGES or CODIQUE code.

Specialised trésoreries are found only by their code, never by address [A1 §3.3]. Competences, when the directory
has them, find the service of a commune that lies elsewhere. One query, whatever it finds: words and postal codes are
read in indexes (``service_recherche``, ``commune``), and only what they designate is looked at.

Ranked: the commune whose name or code is exactly what was typed (those that stand there first), then names and towns
of which each word begins so, then the services competent for communes that only begin so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import ARRAY, BigInteger, Text, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking.textes import to_recherche

#: Services on one page; beyond, the search has to be made precise.
LIMITE: Final = 20
#: A directory this small is shown whole on the home page.
PETIT_ANNUAIRE: Final = 12
_MOTS_MAX: Final = 8
#: Communes followed to their services, the most exact and then the largest first.
_COMMUNES_MAX: Final = 60
#: Said in passing: they choose between no two services, but a town's own name needs them.
_LIAISONS: Final = frozenset({"A", "AU", "AUX", "D", "DE", "DES", "DU", "ET", "L", "LA", "LE", "LES", "SUR"})
_SAINTS: Final = {"ST": "SAINT", "STE": "SAINTE"}

#: The postal codes of a commune as its index holds them: found by their beginning.
POSTAUX: Final = "array_to_tsvector(array_remove(array_remove(c.codes_postaux, NULL), ''))"
_TROUVES: Final = f"""
    communes AS MATERIALIZED (
      SELECT c.code_insee, c.nom_recherche IN (:commune, :ligature) AS exacte
        FROM commune c
       WHERE CAST(:commune AS text) <> ''
         AND (c.nom_recherche ~>=~ :commune AND c.nom_recherche ~<~ :commune_fin
              OR c.nom_recherche ~>=~ :ligature AND c.nom_recherche ~<~ :ligature_fin)
       ORDER BY exacte DESC, c.population DESC, c.code_insee
       LIMIT :communes_max),
    nommes AS (
      SELECT r.service_id, CASE WHEN r.villes @> ARRAY[CAST(:commune AS text)] THEN 0 ELSE 2 END AS rang
        FROM service_recherche r WHERE CAST(:mots AS text) <> '' AND r.mots @@ CAST(CAST(:mots AS text) AS tsquery)
      UNION ALL
      SELECT r.service_id, 0 FROM service_recherche r
       WHERE CAST(:commune AS text) <> '' AND r.villes @> ARRAY[CAST(:commune AS text)]
      UNION ALL
      SELECT k.service_id, CASE WHEN c.exacte THEN 1 ELSE 3 END
        FROM communes c JOIN competence k ON k.code_insee = c.code_insee),
    situes AS (
      SELECT r.service_id, CASE WHEN :entier THEN 0 ELSE 2 END AS rang
        FROM service_recherche r WHERE CAST(:postal AS text) <> '' AND r.mots @@ CAST(CAST(:postal AS text) AS tsquery)
      UNION ALL
      SELECT k.service_id, CASE WHEN :entier THEN 1 ELSE 3 END
        FROM commune c JOIN competence k ON k.code_insee = c.code_insee
       WHERE CAST(:postal AS text) <> '' AND {POSTAUX} @@ CAST(CAST(:postal AS text) AS tsquery)),
    trouves AS (
      SELECT service_id, min(rang) AS rang
        FROM (SELECT service_id, rang FROM nommes
               WHERE CAST(:postal AS text) = '' OR service_id IN (SELECT service_id FROM situes)
              UNION ALL
              SELECT service_id, rang FROM situes WHERE NOT :nomme) x
       GROUP BY service_id)
"""  # noqa: S608 - a constant of this module
_SERVICES = text(
    f"""
    WITH {_TROUVES}
    SELECT s.*, coalesce(f.rang, 0) AS rang,
           EXISTS (SELECT FROM guichet g
                    WHERE g.service_id = s.id AND g.ouvert AND (g.canaux IS NULL OR 'internet' = ANY(g.canaux))
           ) AS recoit_en_ligne,
           (SELECT max(d.au) FROM delegation d JOIN service_fiscal b ON b.id = d.service_delegue_id
             WHERE d.service_id = s.id AND d.etat = 'acceptee' AND b.ferme_a IS NULL
               AND EXISTS (SELECT FROM motif m WHERE m.id = ANY (d.motifs) AND m.actif)
               AND EXISTS (SELECT FROM guichet g WHERE g.service_id = b.id AND g.ouvert
                              AND (g.canaux IS NULL OR 'internet' = ANY (g.canaux)))) AS delegue_jusqu_a,
           (SELECT p.valeur #>> '{{}}' FROM parametre p
             WHERE p.cle = 'ouverture_nationale' AND p.service_id IS NULL) AS ouverture_nationale,
           a.version_creneaux, e.valeur AS epoque
      FROM (SELECT service_id AS id, rang FROM trouves WHERE :cherche
            UNION ALL
            SELECT id, 0 FROM service_fiscal
             WHERE NOT :cherche AND (CAST(:id AS bigint) IS NULL OR id = :id)
               AND (cardinality(:ids) = 0 OR id = ANY (:ids))
               AND (CAST(:code AS text) IS NULL OR sages = :code OR codique = :code)) f
      JOIN service_fiscal s ON s.id = f.id
      JOIN type_service t ON t.code = s.type_code
      JOIN agenda a ON a.service_id = s.id
     CROSS JOIN epoque e
     WHERE (s.ferme_a IS NULL OR CAST(:id AS bigint) IS NOT NULL)
       AND (CAST(:id AS bigint) IS NOT NULL OR CAST(:code AS text) IS NOT NULL OR cardinality(:ids) > 0
            OR t.par_adresse)
       AND (cardinality(:departements) = 0 OR s.departement = ANY(:departements))
     ORDER BY rang, t.ordre, s.libelle, s.id
     LIMIT :limite
    """  # noqa: S608 - constants of this module
).bindparams(
    bindparam("departements", type_=ARRAY(Text)),
    bindparam("ids", type_=ARRAY(BigInteger)),
)


@dataclass(frozen=True, slots=True)
class Recherche:
    """What was typed, understood. All empty: everything."""

    code: str | None = None
    postal: str | None = None
    mots: tuple[str, ...] = ()
    departements: tuple[str, ...] = ()

    def widen(self) -> Recherche | None:
        """The département of the postal code, when it found nothing by itself; None when there is nothing wider."""
        if self.postal is None or len(self.postal) < 5:
            return None
        if self.postal.startswith("20"):
            return Recherche(departements=("2A", "2B"))
        return Recherche(departements=(self.postal[: 3 if self.postal.startswith(("97", "98")) else 2],))


def parse_recherche(saisie: str) -> Recherche:
    """A code of 6 or 7 digits, a postal code (or its beginning, alone), words; « 58000 Nevers » is both."""
    mots = to_recherche(saisie[:200]).split()[:_MOTS_MAX]
    colles = "".join(mots)
    if colles.isascii() and colles.isdigit() and len(colles) in (6, 7):
        return Recherche(code=colles)
    longueurs = range(2, 6) if len(mots) == 1 else (5,)
    postal = next((mot for mot in mots if mot.isascii() and mot.isdigit() and len(mot) in longueurs), None)
    return Recherche(postal=postal, mots=tuple(mot for mot in mots if mot != postal))


async def find_services(
    conn: AsyncConnection, recherche: Recherche, *, limite: int = LIMITE + 1, service_id: int | None = None
) -> Sequence[Mapping[str, Any]]:
    """The rows of ``service_fiscal`` that match, the nearest to what was typed first, with what ``is_en_ligne`` asks.

    ``rang``: 0 stands in the commune typed, 1 is competent for it, 2 begins so, 3 competent for one that begins so.
    """
    parametres = {"id": service_id, "ids": [], "limite": limite, **build_parametres(recherche)}
    if service_id is not None:
        parametres["cherche"] = False
    return [dict(ligne) for ligne in (await conn.execute(_SERVICES, parametres)).mappings()]


async def read_services(conn: AsyncConnection, ids: Sequence[int]) -> list[Mapping[str, Any]]:
    """The same rows for these services, in their order; closed ones left out."""
    if not ids:
        return []
    parametres = {"id": None, "ids": list(ids), "limite": len(ids), **build_parametres(Recherche())}
    lignes = {ligne["id"]: dict(ligne) for ligne in (await conn.execute(_SERVICES, parametres)).mappings()}
    return [lignes[ident] for ident in ids if ident in lignes]


def build_parametres(recherche: Recherche) -> dict[str, Any]:
    """What the query compares. Words become « each begins a word »."""
    mots = [expand(mot) for mot in recherche.mots if mot not in _LIAISONS] or list(recherche.mots)
    postal = recherche.postal or ""
    return {
        "code": recherche.code,
        "postal": begin_lexeme(postal) if postal else "",
        "entier": len(postal) == 5,
        "mots": " & ".join(begin_lexeme(mot) for mot in mots),
        "nomme": bool(mots),
        **begin_commune(recherche.mots),
        "communes_max": _COMMUNES_MAX,
        "cherche": bool(mots or postal),
        "departements": list(recherche.departements),
    }


def begin_commune(mots: Sequence[str]) -> dict[str, str]:
    """The bounds of ``commune.nom_recherche`` for names that begin so, in the byte order of its index.

    Saints in full. Names with « Œ » keep it there, and few keyboards have it: both spellings are looked for. One
    letter is a whole name (Y): a third of the country begins so.
    """
    commune = expand(" ".join(_SAINTS.get(mot, mot) for mot in mots))
    ligature = commune.replace("OE", "Œ")
    fin = "\U0010ffff" if len(commune) > 1 else " "
    return {"commune": commune, "commune_fin": commune + fin, "ligature": ligature, "ligature_fin": ligature + fin}


def expand(texte: str) -> str:
    """Ligatures as the columns of ``service_recherche`` write them."""
    return texte.replace("Œ", "OE").replace("Æ", "AE")


def begin_lexeme(mot: str) -> str:
    """A lexeme by its beginning; words hold letters and digits alone (``to_recherche``), quoted all the same."""
    lexeme = f"'{mot}':*"
    return f"({lexeme} | '{_SAINTS[mot]}':*)" if mot in _SAINTS else lexeme


def is_en_ligne(ligne: Mapping[str, Any], maintenant: datetime) -> bool:
    """Whether the button « Prendre rendez-vous » appears: ``ServiceContexte.prend_en_ligne``, from a row [C §5]."""
    ouverture, delegue = ligne["ouverture_nationale"], ligne["delegue_jusqu_a"]
    aujourdhui = maintenant.astimezone(ZoneInfo(ligne["fuseau"])).date()
    return (
        bool(ligne["en_ligne"])
        and ligne["ferme_a"] is None
        and (not ouverture or date.fromisoformat(ouverture) <= aujourdhui)
        and (bool(ligne["recoit_en_ligne"]) or (delegue is not None and delegue >= aujourdhui))
    )
