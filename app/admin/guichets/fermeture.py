"""Closing a guichet, and deleting one that never served: what it leaves is told first; no rendez-vous is cancelled."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response

from app import clock
from app.admin.guichets.ecritures import close_guichet, delete_guichet
from app.admin.guichets.effets import Effets, compute_effets
from app.admin.guichets.formulaire import check_champs
from app.admin.guichets.lecture import GuichetLu
from app.admin.guichets.porte import GUICHET, name_effets, open_guichet_page
from app.admin.guichets.rdv import was_used
from app.admin.pages import Organisation, organiser_page, refused_page
from app.admin.plannings.mots import NATURES, dire_validite
from app.admin.saisie import SANS_REVISION, Saisie
from app.booking.outils import Outils
from app.errors import Conflit, SaisieInvalide
from app.identite.acteur import Acteur
from app.web.dependances import auteur_agent
from app.web.pages import page
from app.web.securite import CHAMP_CSRF

_CHAMPS: Final = frozenset({CHAMP_CSRF, "revision", "vus", "suite"})
_FERMER, _SUPPRIMER = "admin/guichets/fermeture.html", "admin/guichets/suppression.html"


@get(f"{GUICHET}/fermeture", include_in_schema=False)
async def show_fermeture(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    guichet_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[bytes]:
    """What closing leaves, before it is done."""
    organisation, guichet = await open_guichet_page(outils, acteur, request, service_id, guichet_id)
    return page(request, _FERMER, await _build_fermeture(request, outils, acteur, organisation, guichet))


@post(f"{GUICHET}/fermeture", status_code=200, include_in_schema=False)
async def close(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    guichet_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[Any]:
    """Close; 409 with the list when rendez-vous are to come and that very list was not seen."""
    organisation, guichet = await open_guichet_page(outils, acteur, request, service_id, guichet_id)
    saisie = Saisie.of(await request.form())
    check_champs(saisie, _CHAMPS)
    auteur, vus = auteur_agent(acteur, request), saisie.brut("vus")
    try:
        revision = saisie.revision(requis=SANS_REVISION)
        saisie.check()
        restants = await close_guichet(outils, auteur, service_id, guichet_id, vus, clock.now(), revision=revision)
    except (Conflit, SaisieInvalide) as refus:
        organisation, guichet = await open_guichet_page(outils, acteur, request, service_id, guichet_id)
        contexte = await _build_fermeture(request, outils, acteur, organisation, guichet)
        return refused_page(request, _FERMER, contexte, refus)
    if restants and saisie.brut("suite") == "replacer":
        return Redirect(f"{organisation.url}/a-replacer?fait=ferme", status_code=303)
    fait = "ferme_rdv" if restants else "ferme"
    return Redirect(f"{organisation.url}/guichets?fait={fait}", status_code=303)


async def _build_fermeture(
    request: Request[Any, Any, Any], outils: Outils, acteur: Acteur, organisation: Organisation, guichet: GuichetLu
) -> dict[str, Any]:
    """What closing leaves, by name."""
    effets = Effets()
    if guichet.regle.ouvert:
        async with outils.db.read() as conn:
            ferme = replace(guichet.regle, ouvert=False)
            effets = await compute_effets(conn, organisation.contexte, guichet.id, ferme, clock.now())
    noms = await name_effets(outils, acteur, request, organisation, guichet.id, list(effets.rdv))
    return {
        **organiser_page(acteur, organisation, "guichets", f"Fermer {guichet.regle.nom}"),
        "guichet": guichet,
        "effets": effets,
        "rdv": noms,
        "reste": len(effets.rdv) - len(noms),
        "adresse": f"{organisation.url}/guichets/{guichet.id}/fermeture",
        "refus": None,
    }


@get(f"{GUICHET}/suppression", include_in_schema=False)
async def show_suppression(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    guichet_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[bytes]:
    """Whether it may be deleted, and what goes with it."""
    organisation, guichet = await open_guichet_page(outils, acteur, request, service_id, guichet_id)
    return page(request, _SUPPRIMER, await _build_suppression(outils, acteur, organisation, guichet))


@post(f"{GUICHET}/suppression", status_code=200, include_in_schema=False)
async def remove(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    guichet_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[Any]:
    """Delete; 409 when a rendez-vous was ever taken there."""
    organisation, guichet = await open_guichet_page(outils, acteur, request, service_id, guichet_id)
    saisie = Saisie.of(await request.form())
    check_champs(saisie, _CHAMPS)
    auteur, vus = auteur_agent(acteur, request), saisie.brut("vus")
    try:
        revision = saisie.revision(requis=SANS_REVISION)
        saisie.check()
        await delete_guichet(outils, auteur, service_id, guichet_id, vus, clock.now(), revision=revision)
    except (Conflit, SaisieInvalide) as refus:
        organisation, guichet = await open_guichet_page(outils, acteur, request, service_id, guichet_id)
        contexte = await _build_suppression(outils, acteur, organisation, guichet)
        return refused_page(request, _SUPPRIMER, contexte, refus)
    return Redirect(f"{organisation.url}/guichets?fait=supprime", status_code=303)


async def _build_suppression(
    outils: Outils, acteur: Acteur, organisation: Organisation, guichet: GuichetLu
) -> dict[str, Any]:
    contexte = organisation.contexte
    async with outils.db.read() as conn:
        utilise = await was_used(conn, guichet.id)
        effets = Effets()
        if not utilise:
            effets = await compute_effets(conn, contexte, guichet.id, None, clock.now())
    return {
        **organiser_page(acteur, organisation, "guichets", f"Supprimer {guichet.regle.nom}"),
        "guichet": guichet,
        "utilise": utilise,
        "effets": effets,
        "emportes": [
            *(f"planning « {p.nom} », {dire_validite(p.du, p.au)}" for p in effets.siens.plannings),
            *(
                f"{NATURES[e.nature].lower()} « {e.libelle} », {dire_validite(e.du, e.au)}"
                for e in effets.siens.exceptions
            ),
        ],
        "adresse": f"{organisation.url}/guichets/{guichet.id}/suppression",
        "refus": None,
    }


ROUTES = [show_fermeture, close, show_suppression, remove]
