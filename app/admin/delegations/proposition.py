"""Propose a delegation: first find the other service in the directory, then say what is entrusted, and until when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Response

from app import clock
from app.admin.delegations.controles import explain_services
from app.admin.delegations.ecritures import propose
from app.admin.delegations.formulaire import MESSAGE_MAX, fill, parse, refill
from app.admin.delegations.lecture import read_motifs_propres
from app.admin.delegations.porte import DELEGATIONS, get_jour
from app.admin.guichets.formulaire import build_arbre
from app.admin.pages import Organisation, open_organisation, organiser_page, refused_page
from app.admin.saisie import Saisie
from app.booking.contexte import MotifOffert
from app.booking.outils import Outils
from app.booking.usager.recherche import LIMITE, Recherche, find_services, parse_recherche
from app.domain.vie_delegation import QUOTA_MAX
from app.errors import AppError, Introuvable
from app.identite.acteur import Acteur
from app.web.dependances import auteur_agent
from app.web.pages import page

_GABARIT: Final = "admin/delegations/proposition.html"
_ID_MAX: Final = 999_999_999


@get(f"{DELEGATIONS}/nouvelle", include_in_schema=False)
async def show_proposition(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    q: FromQuery[str] = "",
    vers: FromQuery[str] = "",
) -> Response[bytes]:
    """The search, then the form once a service that can receive is chosen."""
    organisation = await open_organisation(outils, acteur, request, service_id)
    choisi = int(vers) if vers.isascii() and vers.isdigit() and 0 < len(vers) <= 9 else 0
    contexte = await _build_page(outils, acteur, organisation, q, choisi, fill(None))
    return page(request, _GABARIT, contexte)


@post(DELEGATIONS, status_code=200, include_in_schema=False)
async def create(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[Any]:
    """Propose it, then the list; a refusal shows the form again."""
    organisation = await open_organisation(outils, acteur, request, service_id)
    saisie = Saisie.of(await request.form())
    vers = saisie.entier("vers", minimum=1, maximum=_ID_MAX, requis="Choisissez le service qui recevra.")
    try:
        motifs = await read_motifs(outils, organisation)
        valeurs = parse(saisie, motifs, get_jour(organisation))
        saisie.check()
        await propose(outils, auteur_agent(acteur, request), service_id, vers or 0, valeurs, clock.now())
    except Introuvable:
        raise
    except AppError as refus:
        contexte = await _build_page(outils, acteur, organisation, "", vers or 0, refill(saisie))
        return refused_page(request, _GABARIT, contexte, refus)
    return Redirect(f"{organisation.url}/delegations?fait=proposee", status_code=303)


async def read_motifs(outils: Outils, organisation: Organisation) -> dict[int, MotifOffert]:
    """The motifs of the service's own catalogue."""
    async with outils.db.read() as conn:
        propres = await read_motifs_propres(conn, organisation.contexte.id)
    return {ident: motif for ident, motif in organisation.contexte.motifs.items() if ident in propres}


async def _build_page(
    outils: Outils, acteur: Acteur, organisation: Organisation, q: str, vers: int, valeurs: Mapping[str, Any]
) -> dict[str, Any]:
    destinataire, refus_vers, trouves = None, "", list[dict[str, Any]]()
    async with outils.db.read() as conn:
        if vers:
            lignes = await find_services(conn, Recherche(), service_id=vers)
            destinataire = lignes[0] if lignes else None
            refus_vers = explain_services(organisation.service, destinataire)
        elif q.strip():
            recherche = parse_recherche(q)
            lignes = await find_services(conn, recherche)
            plus_large = None if lignes else recherche.widen()
            if plus_large is not None:
                lignes = await find_services(conn, plus_large)
            trouves = [
                {"s": s, "refus": explain_services(organisation.service, s)}
                for s in lignes
                if s["id"] != organisation.contexte.id
            ]
    base = f"{organisation.url}/delegations"
    return {
        **organiser_page(acteur, organisation, "delegations", "Confier des rendez-vous"),
        "q": q[:200],
        "trouves": trouves[:LIMITE],
        "trop": len(trouves) > LIMITE,
        "destinataire": destinataire,
        "refus_vers": refus_vers,
        "action": base,
        "delegation": None,
        "adresse": f"{base}/nouvelle",
        **await build_champs(outils, organisation, valeurs),
    }


async def build_champs(outils: Outils, organisation: Organisation, valeurs: Mapping[str, Any]) -> dict[str, Any]:
    """What the fields need, whether it is proposed or corrected."""
    return {
        "valeurs": valeurs,
        "arbre": build_arbre(await read_motifs(outils, organisation), valeurs["motif"]),
        "premier": get_jour(organisation).isoformat(),
        "quota_max": QUOTA_MAX,
        "message_max": MESSAGE_MAX,
        "libelles": {},
        "saisi": {},
        "refus": None,
    }


ROUTES = [show_proposition, create]
