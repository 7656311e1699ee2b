"""Which services match what a usager typed: a commune, a postal code, a name, a SAGES or CODIQUE code.

Specialised trésoreries are found only by their code, never by address [A1 §3.3]. Competences, when the directory
has them, find the service of a commune that lies elsewhere. One query, whatever it finds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import ARRAY, Text, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking.textes import to_recherche

#: Services on one page; beyond, the search has to be made precise.
LIMITE: Final = 20
#: A directory this small is shown whole on the home page.
PETIT_ANNUAIRE: Final = 12
_MOTS_MAX: Final = 8
#: PostgreSQL here has no unaccent extension; the names of services and towns use these letters only.
_ACCENTS: Final = "ÀÂÄÁÃÇÉÈÊËÎÏÍÔÖÓÕÙÛÜÚŸÑ"
_SANS: Final = "AAAAACEEEEIIIOOOOUUUUYN"

_SERVICES = text(
    """
    SELECT s.*,
           EXISTS (SELECT FROM guichet g
                    WHERE g.service_id = s.id AND g.ouvert AND (g.canaux IS NULL OR 'internet' = ANY(g.canaux))
           ) AS recoit_en_ligne,
           (SELECT max(d.au) FROM delegation d JOIN service_fiscal b ON b.id = d.service_delegue_id
             WHERE d.service_id = s.id AND d.etat = 'acceptee' AND b.ferme_a IS NULL
               AND EXISTS (SELECT FROM motif m WHERE m.id = ANY (d.motifs) AND m.actif)
               AND EXISTS (SELECT FROM guichet g WHERE g.service_id = b.id AND g.ouvert
                              AND (g.canaux IS NULL OR 'internet' = ANY (g.canaux)))) AS delegue_jusqu_a,
           (SELECT p.valeur #>> '{}' FROM parametre p
             WHERE p.cle = 'ouverture_nationale' AND p.service_id IS NULL) AS ouverture_nationale,
           a.version_creneaux, e.valeur AS epoque
      FROM service_fiscal s
      JOIN type_service t ON t.code = s.type_code
      JOIN site i ON i.id = s.site_id
      JOIN agenda a ON a.service_id = s.id
     CROSS JOIN epoque e
     CROSS JOIN LATERAL (SELECT ' ' || regexp_replace(
             translate(upper(concat_ws(' ', s.libelle, s.ville, i.ville)), :accents, :sans),
             '[^A-Z0-9]+', ' ', 'g') || ' ' AS mots) r
     WHERE (s.ferme_a IS NULL OR CAST(:id AS bigint) IS NOT NULL)
       AND (CAST(:id AS bigint) IS NULL OR s.id = :id)
       AND (CAST(:code AS text) IS NULL OR s.sages = :code OR s.codique = :code)
       AND (CAST(:id AS bigint) IS NOT NULL OR CAST(:code AS text) IS NOT NULL OR t.par_adresse)
       AND (cardinality(:departements) = 0 OR s.departement = ANY(:departements))
       AND (CAST(:postal AS text) IS NULL OR s.code_postal LIKE :postal || '%' OR i.code_postal LIKE :postal || '%'
            OR EXISTS (SELECT FROM competence k JOIN commune c ON c.code_insee = k.code_insee
                        WHERE k.service_id = s.id
                          AND EXISTS (SELECT FROM unnest(c.codes_postaux) cp WHERE cp LIKE :postal || '%')))
       AND (cardinality(:motifs) = 0 OR r.mots LIKE ALL (:motifs)
            OR EXISTS (SELECT FROM competence k JOIN commune c ON c.code_insee = k.code_insee
                        WHERE k.service_id = s.id AND btrim(c.nom_recherche) LIKE :commune || '%'))
     ORDER BY s.libelle, s.id
     LIMIT :limite
    """
).bindparams(
    bindparam("motifs", type_=ARRAY(Text)),
    bindparam("departements", type_=ARRAY(Text)),
    accents=_ACCENTS,
    sans=_SANS,
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
    """The rows of ``service_fiscal`` that match, by name, with what ``is_en_ligne`` asks."""
    parametres = {
        "id": service_id,
        "code": recherche.code,
        "postal": recherche.postal,
        "motifs": [f"% {mot}%" for mot in recherche.mots],
        "commune": " ".join(recherche.mots),
        "departements": list(recherche.departements),
        "limite": limite,
    }
    return [dict(ligne) for ligne in (await conn.execute(_SERVICES, parametres)).mappings()]


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
