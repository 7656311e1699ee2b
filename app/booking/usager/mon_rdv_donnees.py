"""« Télécharger mes données »: by the link of one rendez-vous, or of all of his for an usager who is signed in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response

from app import clock
from app.booking.donnees_siennes import export_siennes
from app.booking.mes_rdv import record_refus
from app.booking.outils import Outils
from app.booking.titres_compte import ParCompte
from app.booking.usager.mon_rdv import Requete, open_mien
from app.errors import Introuvable
from app.web.compte import get_usager
from app.web.dependances import auteur_usager

#: A code and a name may have been overheard: they open the page, not what was typed in the form.
_PAR_LIEN: Final = "Vos données ne se téléchargent que par le lien de votre message de confirmation."


def answer_document(document: Mapping[str, Any], nom: str = "mes-donnees") -> Response[bytes]:
    """A file, indented: it is read by people too."""
    corps = json.dumps(document, ensure_ascii=False, indent=2).encode()
    entetes = {"Content-Disposition": f'attachment; filename="{nom}.json"', "Cache-Control": "no-store"}
    return Response(corps, media_type="application/json", headers=entetes)


@get("/mon-rendez-vous/{jeton:str}/donnees.json", include_in_schema=False)
async def download(request: Requete, outils: NamedDependency[Outils], jeton: FromPath[str]) -> Response[bytes]:
    """That rendez-vous."""
    mien = await open_mien(request, outils, jeton)
    if mien.discret:
        raise Introuvable(_PAR_LIEN, remede="Ouvrez ce lien, ou demandez vos données au service qui vous reçoit.")
    document = await export_siennes(outils, mien.titre, mien.auteur, mien.maintenant, rdv_id=mien.rdv["id"])
    return answer_document(document)


@get("/mes-rendez-vous/donnees.json", include_in_schema=False)
async def download_all(request: Requete, outils: NamedDependency[Outils]) -> Response[Any]:
    """All that he took signed in, and his account; the way in when nobody is signed in."""
    usager = get_usager(request)
    if usager is None:
        return Redirect("/mes-rendez-vous", status_code=303)
    titre, auteur = ParCompte(usager.usager_id), auteur_usager(request)
    document = await export_siennes(outils, titre, auteur, clock.now(), usager_id=usager.usager_id)
    return answer_document(document)


@get("/mes-rendez-vous/{rdv_id:int}/donnees.json", include_in_schema=False)
async def download_one(request: Requete, outils: NamedDependency[Outils], rdv_id: FromPath[int]) -> Response[Any]:
    """One of his."""
    usager = get_usager(request)
    if usager is None:
        return Redirect("/mes-rendez-vous", status_code=303)
    titre, auteur, maintenant = ParCompte(usager.usager_id), auteur_usager(request), clock.now()
    try:
        return answer_document(await export_siennes(outils, titre, auteur, maintenant, rdv_id=rdv_id))
    except Introuvable:
        await record_refus(outils, rdv_id, usager.usager_id, auteur, maintenant)
        raise


ROUTES = [download, download_all, download_one]
