"""The page: a date, a motif, a type, a channel; the rules that close it, each with where it is changed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Response

from app import clock
from app.admin.explication.lecture import explain_jour
from app.admin.pages import PARTIES, Organisation, open_organisation, organiser_page
from app.admin.saisie import Saisie
from app.booking.agents.acces import open_service
from app.booking.contexte import ServiceContexte, Versions
from app.booking.jugement import compute_fenetre
from app.booking.outils import Outils
from app.domain.explication import Explication
from app.domain.vocabulaire import Canal, TypeRdv
from app.identite.acteur import Acteur
from app.web.dates import jour_long
from app.web.pages import agent_page, page, service_header, service_menu

#: Days shown beside the one asked about.
_AUTOUR: Final = 5
CANAUX: Final = (
    (Canal.INTERNET.value, "Un usager, par internet"),
    (Canal.EXTERIEUR.value, "Un agent extérieur"),
    (Canal.RATTACHE.value, "Un agent du service"),
)
TYPES: Final = (
    (TypeRdv.GUICHET.value, "Au guichet"),
    (TypeRdv.TELEPHONE.value, "Par téléphone"),
    (TypeRdv.VISIO.value, "En visio"),
)


@get("/services/{service_id:int}/organiser/expliquer", include_in_schema=False)
async def show_explication(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[bytes]:
    """For who organises: each rule leads to the part where it is changed."""
    organisation = await open_organisation(outils, acteur, request, service_id)
    contexte = {
        **organiser_page(acteur, organisation, "expliquer"),
        **await _answer(request, outils, organisation.contexte, organisation.versions, organisation),
    }
    return page(request, "admin/explication/organiser.html", contexte)


@get("/services/{service_id:int}/pourquoi", include_in_schema=False)
async def show_pourquoi(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[bytes]:
    """For an agent of the service: the same answer, nothing to change. 404, journaled, elsewhere."""
    acces = await open_service(outils, acteur, request, service_id)
    async with outils.db.read() as conn:
        contexte = await outils.dispo.contextes.get(conn, service_id, acces.versions.planning)
    titre = dict(PARTIES)["expliquer"]
    ctx = {
        **agent_page(acteur, menu=service_menu(service_id, contexte.site_id)),
        "service": service_header(contexte, clock.now()),
        "titre": titre,
        "fil": [
            {"libelle": "Tableau de bord", "url": "/agent"},
            {"libelle": "Agenda", "url": f"/services/{service_id}/agenda"},
            {"libelle": titre, "url": ""},
        ],
        **await _answer(request, outils, contexte, acces.versions, None),
    }
    return page(request, "admin/explication/agent.html", ctx)


async def _answer(
    request: Request[Any, Any, Any],
    outils: Outils,
    contexte: ServiceContexte,
    versions: Versions,
    organisation: Organisation | None,
) -> dict[str, Any]:
    """The form as asked, and its answer when the question is whole."""
    maintenant = clock.now()
    feuilles = sorted(
        (m for m in contexte.motifs.values() if not _has_enfant(contexte, m.id)), key=lambda m: _path(contexte, m.id)
    )
    motifs = [
        {
            "groupe": groupe,
            "options": [(m.id, " › ".join(_path(contexte, m.id))) for m in feuilles if m.ouvert is ouvert],
        }
        for ouvert, groupe in ((True, "Ouverts par le service"), (False, "Non ouverts"))
    ]
    saisie = Saisie.of(request.query_params)
    jour = saisie.jour("jour") or compute_fenetre(contexte, Canal.INTERNET.value, maintenant).du
    permis = [str(m.id) for m in sorted(feuilles, key=lambda m: not m.ouvert)]
    motif = saisie.choix("motif", permis) or (permis[0] if permis else "")
    type_rdv = saisie.choix("type", [cle for cle, _ in TYPES]) or TypeRdv.GUICHET.value
    canal = saisie.choix("canal", [cle for cle, _ in CANAUX]) or Canal.INTERNET.value
    explication: Explication | None = None
    autour: list[dict[str, Any]] = []
    if motif:
        async with outils.db.read() as conn:
            for decalage in range(_AUTOUR + 1):
                suivant = jour + timedelta(days=decalage)
                lue = await explain_jour(
                    outils,
                    conn,
                    contexte,
                    versions,
                    jour=suivant,
                    motif_id=int(motif),
                    type_rdv=type_rdv,
                    canal=canal,
                    maintenant=maintenant,
                )
                if decalage == 0:
                    explication = lue
                else:
                    autour.append({"jour": suivant.isoformat(), "mots": jour_long(suivant), "phrase": lue.phrase})
    return {
        "question": {"jour": jour.isoformat(), "motif": motif, "type": type_rdv, "canal": canal},
        "jour_mots": jour_long(jour),
        "motifs": motifs,
        "types": TYPES,
        "canaux": CANAUX,
        "erreurs": saisie.erreurs,
        "explication": explication,
        "autour": autour,
        "liens": _liens(organisation),
    }


def _path(contexte: ServiceContexte, motif_id: int) -> tuple[str, ...]:
    """The words of a motif, from the first level of the tree."""
    motif = contexte.motifs[motif_id]
    parent = motif.parent_id if motif.parent_id in contexte.motifs else None
    return (*(_path(contexte, parent) if parent is not None else ()), motif.libelle)


def _has_enfant(contexte: ServiceContexte, motif_id: int) -> bool:
    return any(motif.parent_id == motif_id for motif in contexte.motifs.values())


def _liens(organisation: Organisation | None) -> dict[str, dict[str, str]]:
    """Part of « Organiser » → where it is and its words; empty for who cannot change anything."""
    if organisation is None:
        return {}
    return {cle: {"url": f"{organisation.url}/{cle}", "libelle": mot} for cle, mot in PARTIES if cle}


ROUTES = [show_explication, show_pourquoi]
