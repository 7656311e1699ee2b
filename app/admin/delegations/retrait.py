"""Withdraw a proposal, or end a delegation before its last day: what stays at the other service is told first."""

from __future__ import annotations

from typing import Any, Final

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response

from app import clock
from app.admin.delegations.annonce import describe
from app.admin.delegations.ecritures import withdraw
from app.admin.delegations.fiche import VUS, read_vus
from app.admin.delegations.formulaire import MESSAGE_MAX
from app.admin.delegations.lecture import DelegationLue
from app.admin.delegations.liste import describe_vue
from app.admin.delegations.mots import LIBELLES
from app.admin.delegations.porte import DELEGATION, open_delegation_page
from app.admin.guichets.formulaire import check_champs
from app.admin.pages import Organisation, organiser_page, refused_page
from app.admin.saisie import SANS_REVISION, Saisie
from app.booking.outils import Outils
from app.errors import AppError, Introuvable
from app.identite.acteur import Acteur
from app.web.dependances import auteur_agent
from app.web.pages import page
from app.web.securite import CHAMP_CSRF

_GABARIT: Final = "admin/delegations/retrait.html"
_CHAMPS: Final = frozenset({CHAMP_CSRF, "revision", "restants", "reponse", *VUS.values()})


@get(f"{DELEGATION}/retrait", include_in_schema=False)
async def show_retrait(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    delegation_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[bytes]:
    """What stays and what stops, before it is done."""
    organisation, lue = await open_delegation_page(outils, acteur, request, service_id, delegation_id)
    return page(request, _GABARIT, _build_page(acteur, organisation, lue))


@post(f"{DELEGATION}/retrait", status_code=200, include_in_schema=False)
async def end(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    delegation_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[Any]:
    """End it; 409 when the number of RDV told has changed meanwhile."""
    organisation, lue = await open_delegation_page(outils, acteur, request, service_id, delegation_id)
    saisie = Saisie.of(await request.form())
    check_champs(saisie, _CHAMPS)
    try:
        reponse = saisie.texte("reponse", maximum=MESSAGE_MAX, lignes=True)
        revision = saisie.revision(requis=SANS_REVISION)
        vus = saisie.entier("restants", minimum=0, maximum=999_999_999, requis=SANS_REVISION)
        saisie.check()
        restants = await withdraw(
            outils,
            auteur_agent(acteur, request),
            service_id,
            delegation_id,
            reponse=reponse,
            vus=vus or 0,
            revision=revision,
            maintenant=clock.now(),
        )
    except Introuvable:
        raise
    except AppError as refus:
        organisation, lue = await open_delegation_page(outils, acteur, request, service_id, delegation_id)
        contexte = _build_page(acteur, organisation, lue)
        contexte |= {"reponse": saisie.brut("reponse"), "lu": read_vus(saisie)}
        return refused_page(request, _GABARIT, contexte, refus)
    fait = "retiree" if lue.etat == "proposee" else "arretee_rdv" if restants else "arretee"
    return Redirect(f"{organisation.url}/delegations?fait={fait}", status_code=303)


def _build_page(acteur: Acteur, organisation: Organisation, lue: DelegationLue) -> dict[str, Any]:
    vue = describe_vue(lue, organisation)
    titre = "Arrêter la délégation" if vue["acceptee"] else "Retirer la proposition"
    return {
        **organiser_page(acteur, organisation, "delegations", titre),
        "v": vue,
        "vus": {VUS[cle]: mot for cle, mot in describe(lue).items() if cle in VUS},
        "mots": LIBELLES,
        "lu": {},
        "reponse": "",
        "message_max": MESSAGE_MAX,
        "adresse": f"{vue['url']}/retrait",
        "refus": None,
    }


ROUTES = [show_retrait, end]
