"""« Comptes et habilitations » of the nation: a search over every account, and all of them for a spreadsheet."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Response, Stream

from app.admin.comptes.cadre import FAITS, NATIONAL, Cadre, open_cadre
from app.admin.comptes.lectures import ETATS, PAR_PAGE, LigneAgent, search_comptes
from app.booking.outils import Outils
from app.identite.acteur import Acteur
from app.web.pages import page
from app.web.tableur import write_csv

_TITRES = ["Agent", "Identifiant", "Courriel", "État", "Dernière connexion", "Habilitation", "Donnée par l’annuaire"]


@get(NATIONAL, include_in_schema=False)
async def show_comptes(
    request: Request[Any, Any, Any],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    q: FromQuery[str] = "",
    etat: FromQuery[str] = "",
    apres: FromQuery[int] = 0,
    fait: FromQuery[str] = "",
) -> Response[bytes]:
    """Accounts by words of name, identifiant or address, and by state."""
    cadre = await open_cadre(outils, acteur, request, None)
    q, etat = q[:100], etat if etat in ETATS else ""
    async with outils.db.read() as conn:
        lignes = await search_comptes(conn, acteur.agent_id, q, etat, min(apres, 2**62), cadre.zone)
    filtre = {cle: valeur for cle, valeur in (("q", q), ("etat", etat)) if valeur}
    suite = ""
    if len(lignes) > PAR_PAGE:
        suite = f"{NATIONAL}?{urlencode({**filtre, 'apres': lignes[PAR_PAGE - 1].id})}"
    contexte = {
        **cadre.contexte,
        "q": q,
        "etat": etat,
        "etats": [(cle, mot) for cle, (mot, _) in ETATS.items()],
        "agents": lignes[:PAR_PAGE],
        "suite": suite,
        "export": f"{NATIONAL}/export.csv" + (f"?{urlencode(filtre)}" if filtre else ""),
        "fait": FAITS.get(fait, ""),
    }
    return page(request, "admin/comptes/comptes.html", contexte)


@get(f"{NATIONAL}/export.csv", include_in_schema=False)
async def export_comptes(
    request: Request[Any, Any, Any],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    q: FromQuery[str] = "",
    etat: FromQuery[str] = "",
) -> Stream:
    """Every account found, one row a habilitation, read and sent by pages: an abandoned export reads no further."""
    cadre = await open_cadre(outils, acteur, request, None)
    corps = _pages(outils, acteur, cadre, q[:100], etat if etat in ETATS else "")
    return Stream(
        corps,
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="comptes.csv"'},
    )


async def _pages(outils: Outils, acteur: Acteur, cadre: Cadre, q: str, etat: str) -> AsyncIterator[bytes]:
    yield write_csv(_TITRES, [])
    apres = 0
    while True:
        async with outils.db.read() as conn:  # given back between two pages: a slow reader holds none
            lignes = (await search_comptes(conn, acteur.agent_id, q, etat, apres, cadre.zone))[:PAR_PAGE]
        if not lignes:
            return
        yield write_csv([], (rang for ligne in lignes for rang in _rangs(ligne)), entete=False)
        apres = lignes[-1].id


def _rangs(ligne: LigneAgent) -> list[list[str]]:
    commun = [ligne.nom, ligne.identifiant, ligne.courriel, ligne.mot, ligne.connexion]
    return [[*commun, t.mots, "oui" if t.annuaire else "non"] for t in ligne.tenus] or [[*commun, "", ""]]


ROUTES = [show_comptes, export_comptes]
