"""``/services/{id}/organiser/motifs``: what the service receives, for how long, and what it tells [G 2.3.3, C §6]."""

from __future__ import annotations

from typing import Any, Final

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Response

from app import clock
from app.admin.chantier import ConflitEdition
from app.admin.histoire import read_histoire
from app.admin.motifs.couverture import Couverture, count_natures, explain_couverture
from app.admin.motifs.offre import (
    DUREE,
    MESSAGE_MAX,
    PAS,
    FermetureAConfirmer,
    count_a_venir,
    list_libelles,
    list_offerts,
    measure_plages,
    read_saisie,
    save_offre,
    say_saisie,
    to_vu,
)
from app.admin.pages import Organisation, open_organisation, organiser_page, refused_page
from app.admin.parametres.fusion import read_vu, write_vu
from app.admin.saisie import Saisie
from app.booking.contexte import MotifOffert, ServiceContexte
from app.booking.outils import Outils
from app.errors import AppError, SaisieInvalide
from app.identite.acteur import Acteur
from app.web.dependances import auteur_agent
from app.web.pages import page, render

Requete = Request[Any, Any, Any]
ADRESSE: Final = "/services/{service_id:int}/organiser/motifs"
GABARIT: Final = "admin/motifs/offre.html"
DERNIERS: Final = 10
_FAITS: Final = {"enregistre": "Les motifs du service sont enregistrés : les écrans ouverts les suivent déjà."}


@get(ADRESSE, include_in_schema=False)
async def show_offre(
    request: Requete,
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    service_id: FromPath[int],
    fait: FromQuery[str] = "",
) -> Response[bytes]:
    """What is covered, live; below, the whole offer in one form."""
    organisation = await open_organisation(outils, acteur, request, service_id)
    contexte = await _contexte(outils, acteur, organisation)
    return page(request, GABARIT, {**contexte, "fait": _FAITS.get(fait, "")})


@get(f"{ADRESSE}/fragment", include_in_schema=False)
async def show_couverture_fragment(
    request: Requete, outils: NamedDependency[Outils], acteur: NamedDependency[Acteur], service_id: FromPath[int]
) -> Response[bytes]:
    """What is covered, alone."""
    organisation = await open_organisation(outils, acteur, request, service_id)
    contexte = {**organiser_page(acteur, organisation, "motifs"), **_bilan(organisation.contexte)}
    return Response(render(request, "admin/motifs/_couverture.html", contexte).encode(), media_type="text/html")


@post(ADRESSE, status_code=200, include_in_schema=False)
async def save(
    request: Requete, outils: NamedDependency[Outils], acteur: NamedDependency[Acteur], service_id: FromPath[int]
) -> Response[Any]:
    """Save what was changed. ``faire=tout``: tick every motif, save nothing yet. 409 and 422 keep all typed."""
    organisation = await open_organisation(outils, acteur, request, service_id)
    saisie = Saisie.of(await request.form())
    try:
        if saisie.brut("faire") == "tout":
            read_vu(saisie.brut("vu"))
            return page(request, GABARIT, await _contexte(outils, acteur, organisation, saisie, tout=True))
        await save_offre(outils, auteur_agent(acteur, request), clock.now(), service_id, saisie)
    except (ConflitEdition, FermetureAConfirmer, SaisieInvalide) as refus:
        organisation = await open_organisation(outils, acteur, request, service_id)
        contexte = await _contexte(outils, acteur, organisation, saisie, refus=refus)
        return refused_page(request, GABARIT, contexte, refus)
    return Redirect(f"/services/{service_id}/organiser/motifs?fait=enregistre", status_code=303)


async def _contexte(
    outils: Outils,
    acteur: Acteur,
    organisation: Organisation,
    saisie: Saisie | None = None,
    *,
    tout: bool = False,
    refus: AppError | None = None,
) -> dict[str, Any]:
    service = organisation.contexte
    retires = [m for m in service.motifs.values() if not m.actif]
    async with outils.db.read() as conn:
        histoire = await read_histoire(conn, acteur.agent_id, service.id, service.zone, objet="motif_service")
        a_venir = await count_a_venir(conn, service.id, [m.id for m in retires], clock.now()) if retires else {}
    enregistre = to_vu(service)
    vu = write_vu(enregistre) if saisie is None else saisie.brut("vu")
    if isinstance(refus, ConflitEdition):
        vu = write_vu({**read_vu(vu), **{cle: enregistre.get(cle) for cle in refus.details["actuel"]}})
    valeurs = _typed(saisie, enregistre) if saisie is not None else {c: _write(v) for c, v in enregistre.items()}
    couvertures = _couvertures(service)
    return {
        **organiser_page(acteur, organisation, "motifs"),
        **_bilan(service),
        "direct": True,
        "groupes": _group(service, valeurs, couvertures, tout=tout),
        "pas": valeurs[PAS],
        "duree": valeurs[DUREE],
        "message_max": MESSAGE_MAX,
        "vu": vu,
        "tout": tout,
        "libelles": list_libelles(service),
        "saisi": _words(saisie, service, vu) if isinstance(refus, ConflitEdition) and saisie is not None else {},
        "retires": [(m.libelle, a_venir.get(m.id, 0)) for m in retires if m.id in a_venir],
        "histoire": histoire[:DERNIERS],
        "fait": "",
    }


def _write(valeur: Any) -> str:
    if isinstance(valeur, bool):
        return "1" if valeur else ""
    return "" if valeur is None else str(valeur)


def _typed(saisie: Saisie, enregistre: dict[str, Any]) -> dict[str, str]:
    ouverts = set(saisie.donnees.get("ouvert", ()))
    return {
        cle: ("1" if cle[1:] in ouverts else "") if isinstance(enregistre[cle], bool) else saisie.brut(cle)
        for cle in enregistre
    }


def _words(saisie: Saisie, service: ServiceContexte, vu: str) -> dict[str, str]:
    return say_saisie(read_saisie(Saisie(saisie.donnees), service, read_vu(vu)))


def _couvertures(service: ServiceContexte) -> dict[int, Couverture]:
    longues = measure_plages(service, clock.now())
    guichets = list(service.guichets.values())
    return {
        m.id: explain_couverture(
            m.id, m.duree, service.pas, guichets, longues, ouvert=m.ouvert, visio=bool(service.visio_base)
        )
        for m in list_offerts(service)
    }


def _group(
    service: ServiceContexte, valeurs: dict[str, str], couvertures: dict[int, Couverture], *, tout: bool
) -> list[dict[str, Any]]:
    """The motifs under the words that lead to them, in the national order."""
    groupes: dict[str, list[dict[str, Any]]] = {}
    for motif in list_offerts(service):
        couverture = couvertures[motif.id]
        groupes.setdefault(_chemin(service, motif), []).append(
            {
                "id": motif.id,
                "libelle": motif.libelle,
                "nature": motif.nature,
                "coche": tout or bool(valeurs[f"o{motif.id}"]),
                "duree": valeurs[f"d{motif.id}"],
                "message": valeurs[f"m{motif.id}"],
                "guichets": couverture.guichets,
                "tous": len(couverture.guichets) == sum(1 for g in service.guichets.values() if g.ouvert),
                "canaux": couverture.canaux,
            }
        )
    return [{"titre": titre, "motifs": motifs} for titre, motifs in groupes.items()]


def _chemin(service: ServiceContexte, motif: MotifOffert) -> str:
    mots: list[str] = []
    parent = service.motifs.get(motif.parent_id) if motif.parent_id else None
    while parent is not None and len(mots) < 3:
        mots.insert(0, parent.libelle)
        parent = service.motifs.get(parent.parent_id) if parent.parent_id else None
    return " › ".join(mots) or "Motifs"


def _bilan(service: ServiceContexte) -> dict[str, Any]:
    """Coverage of assiette and recouvrement, and the open motifs that nobody can book."""
    offerts = list_offerts(service)
    natures = count_natures(m.nature for m in offerts if m.ouvert)
    possibles = count_natures(m.nature for m in offerts)
    couvertures = _couvertures(service)
    return {
        "ouverts": sum(1 for m in offerts if m.ouvert),
        "offerts": len(offerts),
        "natures": [{"mot": nature, "ouverts": natures[nature]} for nature, possible in possibles.items() if possible],
        "avis": [
            {"id": m.id, "libelle": m.libelle, "phrase": couvertures[m.id].avertissement}
            for m in offerts
            if couvertures[m.id].avertissement
        ],
        "sans_internet": sum(
            1
            for m in offerts
            if m.ouvert and not couvertures[m.id].avertissement and "internet" not in couvertures[m.id].canaux
        ),
    }


ROUTES = [show_offre, show_couverture_fragment, save]
