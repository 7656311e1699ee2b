"""« Mes rendez-vous », of an usager who is signed in: the list, and each one on the pages of its secret link.

The session says whose they are: the address holds a number that opens nothing to anybody else.
"""

from __future__ import annotations

from typing import Any, Final

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response

from app import clock
from app.booking.mes_rdv import Sien, list_siens, record_lecture, record_refus
from app.booking.outils import Outils
from app.booking.titres_compte import ParCompte
from app.booking.usager.cookies import check_change_usager
from app.booking.usager.mon_rdv import Mien, Requete, answer_agenda, answer_rdv, answer_region, read_as
from app.booking.usager.mon_rdv_annuler import answer_annulation, cancel_mien
from app.booking.usager.mon_rdv_attente import answer_attente, join_mien
from app.booking.usager.mon_rdv_deplacer import answer_deplacement, answer_fragment, move_mien
from app.booking.usager.mon_rdv_documents import keep_mien
from app.booking.usager.mon_rdv_plus_tot import answer_fragment as answer_liste
from app.booking.usager.mon_rdv_plus_tot import answer_plus_tot
from app.courrier.texte import date_en_mots
from app.errors import Introuvable, NonAuthentifie
from app.langue import _, get_langue
from app.web.compte import get_usager
from app.web.dependances import auteur_usager
from app.web.pages import page

#: State → word and icon, as on the other screens.
_ETATS: Final = {
    "prevu": ("À venir", "calendar-line"),
    "arrive": ("Votre arrivée est enregistrée", "time-line"),
    "appele": ("C’est à vous", "arrow-right-line"),
    "recu": ("En cours", "user-line"),
    "termine": ("A eu lieu", "check-line"),
    "non_honore": ("Non honoré", "close-line"),
    "annule": ("Annulé", "close-circle-line"),
}


@get("/mes-rendez-vous", include_in_schema=False)
async def show_mes_rdv(request: Requete, outils: NamedDependency[Outils]) -> Response[bytes]:
    """The list; the way in when nobody is signed in."""
    usager = get_usager(request)
    cadre = {
        "titre": _("Mes rendez-vous"),
        "fil": [{"libelle": "Accueil", "url": "/"}, {"libelle": _("Mes rendez-vous"), "url": ""}],
    }
    if usager is None:
        donnees: dict[str, Any] = {"franceconnect": bool(outils.settings.franceconnect_issuer)}
        return page(request, "booking/usager/mes_rdv_entree.html", {**cadre, **donnees})
    siens = await list_siens(outils, usager.usager_id, auteur_usager(request), clock.now())
    donnees = {
        "a_venir": [_present(sien) for sien in siens if sien.a_venir],
        "passes": [_present(sien) for sien in siens if not sien.a_venir],
    }
    return page(request, "booking/usager/mes_rdv.html", {**cadre, **donnees})


def _present(sien: Sien) -> dict[str, Any]:
    rdv, contexte = sien.rdv, sien.contexte
    motif = contexte.motifs.get(rdv["motif_id"])
    mot, icone = _ETATS[rdv["etat"]]
    if rdv["etat"] == "prevu" and not sien.a_venir:
        mot, icone = "Passé", "check-line"
    return {
        "url": f"/mes-rendez-vous/{rdv['id']}",
        "code": rdv["code"],
        "quand": date_en_mots(rdv["debut"], contexte.zone.key, get_langue()),
        "service": f"{contexte.libelle}, {contexte.ville}",
        "motif": motif.intitule if motif else "",
        "type_rdv": rdv["type_rdv"],
        "mot": mot,
        "icone": icone,
        "etat": rdv["etat"],
    }


async def _open(request: Requete, outils: Outils, rdv_id: int, *, lecture: bool = False) -> Mien:
    """One's own. Raises NonAuthentifie; Introuvable, journaled, for any other; ``lecture``: its page is opened."""
    usager = get_usager(request)
    if usager is None:
        raise NonAuthentifie(remede="Identifiez-vous de nouveau depuis « Mes rendez-vous ».")
    maintenant, auteur = clock.now(), auteur_usager(request)
    titre, base = ParCompte(usager.usager_id), f"/mes-rendez-vous/{rdv_id}"
    try:
        mien = await read_as(request, outils, titre, base, maintenant, rdv_id=rdv_id)
    except Introuvable:
        await record_refus(outils, rdv_id, usager.usager_id, auteur, maintenant)
        raise Introuvable(ParCompte.introuvable, remede="Retrouvez-les tous dans « Mes rendez-vous ».") from None
    if lecture:
        await record_lecture(outils, mien.rdv, usager.usager_id, auteur, maintenant)
    return mien


def _lead_in(request: Requete, erreur: NonAuthentifie) -> Response[Any]:
    """Nobody is signed in (any more): to the way in."""
    return Redirect("/mes-rendez-vous", status_code=303)


_ENTREE: Final[dict[Any, Any]] = {NonAuthentifie: _lead_in}


@get("/mes-rendez-vous/{rdv_id:int}", include_in_schema=False, exception_handlers=_ENTREE)
async def show_mien(request: Requete, outils: NamedDependency[Outils], rdv_id: FromPath[int]) -> Response[bytes]:
    """Its page."""
    return answer_rdv(await _open(request, outils, rdv_id, lecture=True))


@get("/mes-rendez-vous/{rdv_id:int}/fragment", include_in_schema=False, exception_handlers=_ENTREE)
async def show_fragment(request: Requete, outils: NamedDependency[Outils], rdv_id: FromPath[int]) -> Response[Any]:
    """Its live part: the page that is open has left its line already."""
    return answer_region(await _open(request, outils, rdv_id))


@get("/mes-rendez-vous/{rdv_id:int}/agenda.ics", include_in_schema=False, exception_handlers=_ENTREE)
async def show_agenda(request: Requete, outils: NamedDependency[Outils], rdv_id: FromPath[int]) -> Response[bytes]:
    """Its calendar file."""
    return answer_agenda(await _open(request, outils, rdv_id, lecture=True), outils.settings)


@get("/mes-rendez-vous/{rdv_id:int}/annuler", include_in_schema=False, exception_handlers=_ENTREE)
async def show_annulation(request: Requete, outils: NamedDependency[Outils], rdv_id: FromPath[int]) -> Response[Any]:
    """What is about to be cancelled."""
    return answer_annulation(await _open(request, outils, rdv_id, lecture=True))


@post(
    "/mes-rendez-vous/{rdv_id:int}/annuler",
    status_code=200,
    include_in_schema=False,
    before_request=check_change_usager,
    exception_handlers=_ENTREE,
)
async def do_annuler(request: Requete, outils: NamedDependency[Outils], rdv_id: FromPath[int]) -> Response[Any]:
    """Cancel it."""
    return await cancel_mien(await _open(request, outils, rdv_id), outils)


@get("/mes-rendez-vous/{rdv_id:int}/deplacer", include_in_schema=False, exception_handlers=_ENTREE)
async def show_deplacement(request: Requete, outils: NamedDependency[Outils], rdv_id: FromPath[int]) -> Response[Any]:
    """Where it may go."""
    return await answer_deplacement(await _open(request, outils, rdv_id, lecture=True), outils, request.query_params)


@get("/mes-rendez-vous/{rdv_id:int}/deplacer/fragment", include_in_schema=False, exception_handlers=_ENTREE)
async def show_grille(request: Requete, outils: NamedDependency[Outils], rdv_id: FromPath[int]) -> Response[Any]:
    """The live grid alone."""
    return await answer_fragment(await _open(request, outils, rdv_id), outils)


@post(
    "/mes-rendez-vous/{rdv_id:int}/deplacer",
    status_code=200,
    include_in_schema=False,
    before_request=check_change_usager,
    exception_handlers=_ENTREE,
)
async def do_deplacer(request: Requete, outils: NamedDependency[Outils], rdv_id: FromPath[int]) -> Response[Any]:
    """The old and the new; then the move."""
    return await move_mien(await _open(request, outils, rdv_id), outils)


@get("/mes-rendez-vous/{rdv_id:int}/plus-tot", include_in_schema=False, exception_handlers=_ENTREE)
async def show_plus_tot(request: Requete, outils: NamedDependency[Outils], rdv_id: FromPath[int]) -> Response[Any]:
    """Earlier créneaux."""
    return await answer_plus_tot(await _open(request, outils, rdv_id, lecture=True), outils)


@get("/mes-rendez-vous/{rdv_id:int}/plus-tot/fragment", include_in_schema=False, exception_handlers=_ENTREE)
async def show_liste(request: Requete, outils: NamedDependency[Outils], rdv_id: FromPath[int]) -> Response[Any]:
    """Their live list alone."""
    return await answer_liste(await _open(request, outils, rdv_id), outils)


@get("/mes-rendez-vous/{rdv_id:int}/attente", include_in_schema=False, exception_handlers=_ENTREE)
async def show_attente(request: Requete, outils: NamedDependency[Outils], rdv_id: FromPath[int]) -> Response[Any]:
    """To be told of an earlier place."""
    return await answer_attente(await _open(request, outils, rdv_id, lecture=True), outils)


@post(
    "/mes-rendez-vous/{rdv_id:int}/attente",
    status_code=200,
    include_in_schema=False,
    before_request=check_change_usager,
    exception_handlers=_ENTREE,
)
async def join_attente(request: Requete, outils: NamedDependency[Outils], rdv_id: FromPath[int]) -> Response[Any]:
    """Register."""
    return await join_mien(await _open(request, outils, rdv_id), outils)


@post(
    "/mes-rendez-vous/{rdv_id:int}/documents",
    status_code=200,
    include_in_schema=False,
    before_request=check_change_usager,
    exception_handlers=_ENTREE,
)
async def keep_documents(request: Requete, outils: NamedDependency[Outils], rdv_id: FromPath[int]) -> Response[Any]:
    """The documents ticked."""
    return await keep_mien(await _open(request, outils, rdv_id), outils)


@get("/mes-rendez-vous/{rdv_id:int}/documents", include_in_schema=False, exception_handlers=_ENTREE)
async def reopen_documents(rdv_id: FromPath[int]) -> Response[Any]:
    """Somebody reloads the address of an answer: back to the page."""
    return Redirect(f"/mes-rendez-vous/{rdv_id}", status_code=303)


ROUTES = [
    show_mes_rdv,
    show_mien,
    show_fragment,
    show_agenda,
    show_annulation,
    do_annuler,
    show_deplacement,
    show_grille,
    do_deplacer,
    show_plus_tot,
    show_liste,
    show_attente,
    join_attente,
    keep_documents,
    reopen_documents,
]
