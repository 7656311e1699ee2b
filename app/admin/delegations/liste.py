"""« Délégations »: what the service entrusts, what it receives, live."""

from __future__ import annotations

from typing import Any

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Response

from app.admin.delegations.lecture import DelegationLue, read_delegations
from app.admin.delegations.mots import BADGES, FAITS, dire_periode, dire_quota
from app.admin.delegations.porte import DELEGATIONS, get_jour
from app.admin.pages import Organisation, open_organisation, organiser_page
from app.booking.outils import Outils
from app.domain.horaires import get_cadran
from app.domain.vie_delegation import Etape
from app.identite.acteur import Acteur
from app.web.dates import jour_long
from app.web.pages import page, render


@get(DELEGATIONS, include_in_schema=False)
async def show_delegations(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    fait: FromQuery[str] = "",
) -> Response[bytes]:
    """The page."""
    organisation = await open_organisation(outils, acteur, request, service_id)
    contexte = {**await _liste(outils, acteur, organisation), "direct": True, "fait": FAITS.get(fait, "")}
    return page(request, "admin/delegations/liste.html", contexte)


@get(f"{DELEGATIONS}/fragment", include_in_schema=False)
async def show_delegations_fragment(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[bytes]:
    """The two lists alone."""
    organisation = await open_organisation(outils, acteur, request, service_id)
    corps = render(request, "admin/delegations/_listes.html", await _liste(outils, acteur, organisation))
    return Response(corps.encode(), media_type="text/html")


async def _liste(outils: Outils, acteur: Acteur, organisation: Organisation) -> dict[str, Any]:
    """A function of the version, the rights and the local day, from which states follow."""
    contexte, aujourdhui = organisation.contexte, get_jour(organisation)
    async with outils.db.read() as conn:
        lues = await read_delegations(conn, acteur.agent_id, contexte.id, aujourdhui)
    vues = [describe_vue(lue, organisation) for lue in lues]
    return {
        **organiser_page(acteur, organisation, "delegations"),
        "confiees": [v for v in vues if not v["recue"]],
        "recues": [v for v in vues if v["recue"]],
        "expire": get_cadran(aujourdhui, contexte.zone).fin,
    }


def describe_vue(lue: DelegationLue, organisation: Organisation) -> dict[str, Any]:
    """A delegation as the service's screens tell it."""
    service_id = organisation.contexte.id
    recue, zone = lue.is_recue(service_id), organisation.contexte.zone
    acceptee = lue.etape in (Etape.A_VENIR, Etape.EN_COURS)
    return {
        "d": lue,
        "recue": recue,
        "autre": lue.libelle if recue else lue.libelle_delegue,
        "ville": lue.ville if recue else lue.ville_delegue,
        "badge": BADGES[lue.etape],
        "periode": dire_periode(lue.du, lue.au),
        "quota": dire_quota(lue.quota_jour),
        "suite": _say_suite(lue, recue=recue),
        "proposee_le": jour_long(lue.cree_a.astimezone(zone).date()),
        "decidee_le": jour_long(lue.decide_a.astimezone(zone).date()) if lue.decide_a else "",
        "url": f"{organisation.url}/delegations/{lue.id}",
        "a_repondre": recue and lue.etape is Etape.PROPOSEE,
        "corrigible": not recue and lue.etat == "proposee",
        "retirable": acceptee or (not recue and lue.etat == "proposee"),
        "acceptee": acceptee,
    }


def _say_suite(lue: DelegationLue, *, recue: bool) -> str:
    """What follows from where it stands, in one sentence."""
    if lue.is_vide and lue.etape.ouverte:
        pluriel = len(lue.mots) > 1
        sujet = "Ses motifs sont tous retirés" if pluriel else "Son motif est retiré"
        suite = "ils n’y sont pas remis" if pluriel else "il n’y est pas remis"
        return f"{sujet} du catalogue national : elle ne donne rien tant qu’{suite}."
    if lue.etape is Etape.PROPOSEE:
        if recue:
            return "Votre réponse est attendue. Rien ne change tant que vous n’avez pas accepté."
        return "L’autre service n’a pas encore répondu. Rien ne change tant qu’il n’a pas accepté."
    if lue.etape is Etape.SANS_REPONSE:
        return "Son dernier jour est passé sans réponse : rien n’a changé."
    if lue.etape in (Etape.A_VENIR, Etape.EN_COURS):
        lieu = "votre service" if recue else "ce service"
        return f"Les usagers peuvent choisir {lieu} pour ces jours. Les motifs reviennent d’eux-mêmes après le dernier."
    if lue.etape is Etape.TERMINEE:
        return "Son dernier jour est passé : les motifs sont revenus d’eux-mêmes."
    if lue.etape is Etape.ARRETEE:
        return "Plus aucun rendez-vous ne peut être pris par elle."
    return ""


ROUTES = [show_delegations, show_delegations_fragment]
