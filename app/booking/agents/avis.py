"""``/agent/avis``: what concerns an agent, told on his pages: RDV of his guichets, RDV assigned to him [G 2.3.3].

The list is live: a frame that carries ``avis`` makes it ask for itself again. The frame says neither who nor what.
Beyond ``SUIVIS_MAX`` services, what one socket may follow, the page says that it does not hear of the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response

from app import clock
from app.booking.agents.actes import check_champs
from app.booking.agents.mots import TYPES
from app.booking.avis import (
    PAR_PAGE,
    count_non_lus,
    mark_lu,
    mark_lus,
    read_avis,
)
from app.booking.outils import Outils
from app.courrier.texte import date_en_mots, duree_en_mots
from app.errors import Introuvable, SaisieInvalide
from app.identite.acteur import Acteur
from app.identite.non_lus import SUIVIS_MAX
from app.web.adresses import is_nombre
from app.web.dates import heure, jour_moyen
from app.web.erreurs import wants_json
from app.web.pages import agent_page, notices_entry, page, render
from app.web.securite import CHAMP_CSRF

ADRESSE: Final = "/agent/avis"
_CHAMPS: Final = frozenset({CHAMP_CSRF, "jusqua", "retour"})
#: (event, fact) → what it is called, and its icon.
_TITRES: Final[Mapping[tuple[str, str], tuple[str, str]]] = {
    ("affectation", "pris"): ("Nouveau rendez-vous à votre guichet", "add-circle-line"),
    ("affectation", "deplace"): ("Rendez-vous déplacé", "calendar-event-line"),
    ("affectation", "parti"): ("Rendez-vous retiré de votre guichet", "arrow-right-line"),
    ("affectation", "annule"): ("Rendez-vous annulé", "close-circle-line"),
    ("designation", "affecte"): ("Un rendez-vous vous est affecté", "user-add-line"),
    ("designation", "retire"): ("Un rendez-vous ne vous est plus affecté", "user-unfollow-line"),
}


def tell_avis(ligne: Mapping[str, Any]) -> dict[str, Any]:
    """One notice in words: of the message that the same change wrote."""
    donnees, zone = ligne["donnees"], ZoneInfo(ligne["fuseau"])
    titre, icone = _TITRES.get((ligne["evenement"], ligne["fait"]), ("Rendez-vous modifié", "information-line"))
    fuseau = donnees["fuseau"]
    debut, fin = datetime.fromisoformat(donnees["debut"]), datetime.fromisoformat(donnees["fin"])
    ancien = datetime.fromisoformat(donnees["ancien_debut"]) if donnees.get("ancien_debut") else None
    if ligne["fait"] == "annule" and donnees.get("annule_par") == "usager":
        titre = "Rendez-vous annulé par l’usager"
    parti = ligne["fait"] == "parti"
    lieu = donnees["ancien_guichet_nom"] if parti else donnees["guichet_nom"]
    precisions = []
    if ancien is not None and (parti or ancien != debut):
        precisions.append(f"Il était le {date_en_mots(ancien, fuseau)}.")
    if parti:
        precisions.append(f"Il est désormais à {donnees['guichet_nom']}.")
    if donnees.get("designe"):
        precisions.append("Ce rendez-vous vous est affecté.")
    recu = ligne["cree_a"].astimezone(zone)
    return {
        "id": ligne["id"],
        "lu": ligne["lu_a"] is not None,
        "titre": titre,
        "icone": icone,
        "quand": date_en_mots(debut, fuseau),
        "duree": duree_en_mots(fin - debut),
        "type": TYPES[donnees["type_rdv"]],
        "motif": donnees["motif"],
        "code": donnees["code"],
        "guichet": lieu,
        "service": ligne["service"],
        "precisions": precisions,
        "recu": f"{jour_moyen(recu.date())} à {heure(ligne['cree_a'], zone)}",
        "url": f"/rendez-vous/{ligne['rdv_id']}" if ligne["ouvrable"] else "",
    }


def _suite(request: Request[Any, Any, Any]) -> int | None:
    avant = request.query_params.get("avant", "")
    return int(avant) if is_nombre(avant) else None


async def _build(request: Request[Any, Any, Any], outils: Outils, acteur: Acteur) -> dict[str, Any]:
    """The region's context. Its versions were read with who is acting, before the rows."""
    avant = _suite(request)
    async with outils.db.read() as conn:
        lignes = await read_avis(conn, acteur.agent_id, avant=avant)
    ici = f"?avant={avant}" if avant is not None else ""
    montres: Sequence[Mapping[str, Any]] = lignes[:PAR_PAGE]
    return {
        "sujet": acteur.suivis.sujet,
        "version": acteur.suivis.version,
        "epoque": acteur.suivis.epoque,
        "suivis_max": SUIVIS_MAX if acteur.suivis.partiel else 0,
        "zone": acteur.fuseau,
        "fragment": f"{ADRESSE}/fragment{ici}",
        "adresse": f"{ADRESSE}{ici}",
        "avis": [tell_avis(ligne) for ligne in montres],
        "non_lus": sum(1 for ligne in montres if ligne["lu_a"] is None),
        "jusqua": montres[0]["id"] if montres else 0,
        "suite": f"{ADRESSE}?avant={montres[-1]['id']}" if len(lignes) > PAR_PAGE else "",
        "debut": ADRESSE if avant is not None else "",
    }


@get(ADRESSE, include_in_schema=False)
async def show_avis(
    request: Request[Any, Any, Any], outils: NamedDependency[Outils], acteur: NamedDependency[Acteur]
) -> Response[bytes]:
    """The notices of the last thirty days, the newest first, live."""
    region = await _build(request, outils, acteur)
    ctx = {
        **agent_page(acteur, actif=ADRESSE),
        "titre": "Avis",
        "fil": [{"libelle": "Tableau de bord", "url": "/agent"}, {"libelle": "Avis", "url": ""}],
        "direct": bool(region["sujet"]),
        "liste": region,
    }
    return page(request, "agent/avis.html", ctx)


@get(f"{ADRESSE}/fragment", include_in_schema=False)
async def show_avis_fragment(
    request: Request[Any, Any, Any], outils: NamedDependency[Outils], acteur: NamedDependency[Acteur]
) -> Response[bytes]:
    """The list alone."""
    html = render(request, "agent/_avis_liste.html", {"liste": await _build(request, outils, acteur)})
    return Response(html.encode(), media_type="text/html")


@get(f"{ADRESSE}/compte/fragment", include_in_schema=False)
async def show_compte_fragment(
    request: Request[Any, Any, Any], outils: NamedDependency[Outils], acteur: NamedDependency[Acteur]
) -> Response[bytes]:
    """The header's entry alone: how many are unread, now."""
    html = render(request, "agent/_avis_lien.html", notices_entry(acteur))
    return Response(html.encode(), media_type="text/html")


@post(f"{ADRESSE}/{{avis_id:int}}/lu", status_code=200, include_in_schema=False)
async def mark_one(
    request: Request[Any, Any, Any],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    avis_id: FromPath[int],
) -> Response[Any]:
    """One has been read. Raises Introuvable for somebody else's."""
    check_champs(dict(await request.form()), _CHAMPS)
    async with outils.db.read() as conn:
        fait = await mark_lu(conn, acteur.agent_id, avis_id, clock.now())
        restants = await count_non_lus(conn, acteur.agent_id)
    if not fait:
        raise Introuvable("Cet avis n’existe plus.", remede="Les avis sont gardés trente jours.")
    return _answer(request, "Avis lu", restants)


@post(f"{ADRESSE}/lus", status_code=200, include_in_schema=False)
async def mark_all(
    request: Request[Any, Any, Any], outils: NamedDependency[Outils], acteur: NamedDependency[Acteur]
) -> Response[Any]:
    """All those that the page showed (``jusqua``, in the address: the page's single form has no field of its own)."""
    check_champs(dict(await request.form()), _CHAMPS)
    jusqua = request.query_params.get("jusqua", "")
    if not is_nombre(jusqua):
        raise SaisieInvalide("Cette demande ne dit pas quels avis ont été lus.", remede="Rouvrez la page des avis.")
    async with outils.db.read() as conn:
        await mark_lus(conn, acteur.agent_id, int(jusqua), clock.now())
        restants = await count_non_lus(conn, acteur.agent_id)
    return _answer(request, "Avis lus", restants)


def _answer(request: Request[Any, Any, Any], message: str, restants: int) -> Response[Any]:
    if wants_json(request):
        return Response({"message": message, "non_lus": restants})
    return Redirect(ADRESSE, status_code=303)


ROUTES = [show_avis, show_avis_fragment, show_compte_fragment, mark_one, mark_all]
