"""« Annuaire des services »: the nation's services, found by name, town, code, type or département, page by page."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlencode

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Response
from sqlalchemy import ARRAY, Text, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.admin.annuaire.creation import SERVICES
from app.admin.annuaire.lectures import read_reference
from app.admin.pages import check_national, national_page
from app.booking.outils import Outils
from app.booking.usager.recherche import parse_recherche
from app.identite.acteur import Acteur
from app.web.pages import page

PAR_PAGE: Final = (25, 50, 100)
ETATS: Final = (
    ("ouverts", "Ouverts"),
    ("en-ligne", "Ouverts en ligne"),
    ("sans-sages", "Sans SAGES"),
    ("fermes", "Fermés"),
    ("tous", "Tous, fermés compris"),
)
_ACCENTS: Final = "ÀÂÄÁÃÇÉÈÊËÎÏÍÔÖÓÕÙÛÜÚŸÑ"
_SANS: Final = "AAAAACEEEEIIIOOOOUUUUYN"

_LISTE = text(
    """
    SELECT s.id, s.libelle, s.ville, s.code_postal, s.departement, s.sages, s.codique, t.libelle AS type,
           s.en_ligne, s.ferme_a IS NOT NULL AS ferme, count(*) OVER () AS total
      FROM service_fiscal s
      JOIN type_service t ON t.code = s.type_code
     CROSS JOIN LATERAL (SELECT ' ' || regexp_replace(translate(upper(concat_ws(' ', s.libelle, s.ville, t.code,
             t.libelle)), :accents, :sans), '[^A-Z0-9]+', ' ', 'g') || ' ' AS mots) r
     WHERE (CAST(:code AS text) IS NULL OR s.sages = :code OR s.codique = :code)
       AND (CAST(:postal AS text) IS NULL OR s.code_postal LIKE :postal || '%')
       AND (cardinality(:motifs) = 0 OR r.mots LIKE ALL (:motifs))
       AND (CAST(:type AS text) IS NULL OR s.type_code = :type)
       AND (CAST(:departement AS text) IS NULL OR s.departement = :departement)
       AND CASE :etat WHEN 'fermes' THEN s.ferme_a IS NOT NULL
                      WHEN 'tous' THEN TRUE
                      WHEN 'en-ligne' THEN s.ferme_a IS NULL AND s.en_ligne
                      WHEN 'sans-sages' THEN s.ferme_a IS NULL AND s.sages IS NULL
                      ELSE s.ferme_a IS NULL END
     ORDER BY s.departement, s.libelle, s.id
     LIMIT :limite OFFSET :debut
    """
).bindparams(
    bindparam("motifs", type_=ARRAY(Text)),
    *(bindparam(nom, type_=Text) for nom in ("type", "departement", "etat")),
    accents=_ACCENTS,
    sans=_SANS,
)


@dataclass(frozen=True, slots=True)
class Criteres:
    """What is asked of the list, as the address says it. ``numero``: the page, from 1."""

    q: str = ""
    type: str = ""
    departement: str = ""
    etat: str = "ouverts"
    par_page: int = PAR_PAGE[0]
    numero: int = 1

    def query(self, **autres: Any) -> str:
        """The address of the same list, with other criteria."""
        criteres = replace(self, **autres)
        valeurs = {
            "q": criteres.q,
            "type": criteres.type,
            "departement": criteres.departement,
            "etat": criteres.etat if criteres.etat != "ouverts" else "",
            "par_page": criteres.par_page if criteres.par_page != PAR_PAGE[0] else "",
            "page": criteres.numero if criteres.numero > 1 else "",
        }
        return f"{SERVICES}?{urlencode({cle: v for cle, v in valeurs.items() if v})}".rstrip("?")


@get(SERVICES, include_in_schema=False)
async def show_liste(
    request: Request[Any, Any, Any],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    q: FromQuery[str] = "",
    departement: FromQuery[str] = "",
    etat: FromQuery[str] = "",
    par_page: FromQuery[str] = "",
) -> Response[bytes]:
    """The services that meet the criteria: two statements for the lists, one for the page."""
    await check_national(outils, acteur, request)
    lus = request.query_params
    async with outils.db.read() as conn:
        reference = await read_reference(conn)
        criteres = Criteres(
            q=q.replace("\x00", "")[:200].strip(),
            type=_among(lus.get("type", ""), dict(reference.types)),
            departement=_among(departement, dict(reference.departements)),
            etat=_among(etat, dict(ETATS)) or "ouverts",
            par_page=int(_among(par_page, [str(n) for n in PAR_PAGE]) or PAR_PAGE[0]),
            numero=_page(lus.get("page", "")),
        )
        lignes = await _read(conn, criteres)
        if not lignes and criteres.numero > 1:
            criteres = replace(criteres, numero=1)
            lignes = await _read(conn, criteres)
    total = lignes[0]["total"] if lignes else 0
    contexte = {
        **national_page(acteur, "services"),
        "criteres": criteres,
        "reference": reference,
        "etats": ETATS,
        "par_page": [(str(n), f"{n} par page") for n in PAR_PAGE],
        "lignes": lignes,
        "total": total,
        "pages": max(1, -(-total // criteres.par_page)),
        "url": SERVICES,
        "filtre": criteres.query(numero=1) != SERVICES,
    }
    return page(request, "admin/annuaire/liste.html", contexte)


def _among(valeur: str, permis: Any) -> str:
    return valeur if valeur in permis else ""


def _page(texte: str) -> int:
    return int(texte) if texte.isascii() and texte.isdigit() and 0 < len(texte) <= 5 and int(texte) else 1


async def _read(conn: AsyncConnection, criteres: Criteres) -> list[dict[str, Any]]:
    recherche = parse_recherche(criteres.q)
    parametres = {
        "code": recherche.code,
        "postal": recherche.postal,
        "motifs": [f"% {mot}%" for mot in recherche.mots],
        "type": criteres.type or None,
        "departement": criteres.departement or None,
        "etat": criteres.etat,
        "limite": criteres.par_page,
        "debut": (criteres.numero - 1) * criteres.par_page,
    }
    return [dict(ligne) for ligne in (await conn.execute(_LISTE, parametres)).mappings()]


ROUTES = [show_liste]
