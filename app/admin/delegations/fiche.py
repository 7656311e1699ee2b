"""One delegation: what it says (live), its history; its author corrects it, its addressee answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response

from app import clock
from app.admin.delegations.annonce import describe
from app.admin.delegations.ecritures import answer, correct
from app.admin.delegations.formulaire import MESSAGE_MAX, fill, parse, refill
from app.admin.delegations.lecture import DelegationLue, read_libelles
from app.admin.delegations.liste import describe_vue
from app.admin.delegations.mots import LIBELLES, build_faits, dire_reception
from app.admin.delegations.porte import DELEGATION, get_jour, open_delegation_page
from app.admin.delegations.proposition import build_champs, read_motifs
from app.admin.guichets.formulaire import check_champs
from app.admin.histoire import read_histoire
from app.admin.pages import Organisation, organiser_page, refused_page
from app.admin.saisie import SANS_REVISION, Saisie
from app.booking.outils import Outils
from app.domain.horaires import get_cadran
from app.domain.vie_delegation import find_receptions
from app.errors import AppError, Introuvable, SaisieInvalide
from app.identite.acteur import Acteur
from app.web.dependances import auteur_agent
from app.web.pages import page, render
from app.web.securite import CHAMP_CSRF

_GABARIT: Final = "admin/delegations/fiche.html"
#: What the screen showed when an answer was typed, sent back to be compared with what is recorded.
VUS: Final = {cle: f"vu_{cle}" for cle in LIBELLES}
_REPONSE: Final = frozenset({CHAMP_CSRF, "revision", "geste", "reponse", *VUS.values()})


@get(DELEGATION, include_in_schema=False)
async def show_delegation(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    delegation_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[bytes]:
    """The page."""
    organisation, lue = await open_delegation_page(outils, acteur, request, service_id, delegation_id)
    return page(request, _GABARIT, await _build_page(outils, acteur, organisation, lue, fill(lue)))


@get(f"{DELEGATION}/fragment", include_in_schema=False)
async def show_delegation_fragment(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    delegation_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[bytes]:
    """What is recorded."""
    organisation, lue = await open_delegation_page(outils, acteur, request, service_id, delegation_id)
    contexte = {
        **organiser_page(acteur, organisation, "delegations"),
        **await _read_etat(outils, acteur, organisation, lue),
    }
    return Response(render(request, "admin/delegations/_etat.html", contexte).encode(), media_type="text/html")


@post(DELEGATION, status_code=200, include_in_schema=False)
async def save(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    delegation_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[Any]:
    """Correct a proposal. A refusal shows the form again, with all that was typed."""
    organisation, lue = await open_delegation_page(outils, acteur, request, service_id, delegation_id)
    saisie = Saisie.of(await request.form())
    try:
        valeurs = parse(saisie, await read_motifs(outils, organisation), get_jour(organisation), lue.motifs)
        revision = saisie.revision(requis=SANS_REVISION)
        saisie.check()
        auteur = auteur_agent(acteur, request)
        change = await correct(outils, auteur, service_id, delegation_id, valeurs, revision, clock.now())
    except Introuvable:
        raise
    except AppError as refus:
        organisation, lue = await open_delegation_page(outils, acteur, request, service_id, delegation_id)
        contexte = await _build_page(outils, acteur, organisation, lue, refill(saisie))
        contexte |= {"libelles": LIBELLES, "saisi": await _build_saisi(outils, organisation, lue, saisie)}
        return refused_page(request, _GABARIT, contexte, refus)
    fait = "corrigee" if change else "inchangee"
    return Redirect(f"{organisation.url}/delegations?fait={fait}", status_code=303)


@post(f"{DELEGATION}/reponse", status_code=200, include_in_schema=False)
async def reply(
    request: Request[Any, Any, Any],
    service_id: FromPath[int],
    delegation_id: FromPath[int],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
) -> Response[Any]:
    """Accept or refuse, with a message; then the list."""
    organisation, lue = await open_delegation_page(outils, acteur, request, service_id, delegation_id)
    saisie = Saisie.of(await request.form())
    check_champs(saisie, _REPONSE)
    try:
        geste = saisie.choix("geste", ("accepter", "refuser"), requis="Choisissez d’accepter ou de refuser.")
        reponse = saisie.texte("reponse", maximum=MESSAGE_MAX, lignes=True)
        revision = saisie.revision(requis=SANS_REVISION)
        saisie.check()
        await answer(
            outils,
            auteur_agent(acteur, request),
            service_id,
            delegation_id,
            accepte=geste == "accepter",
            reponse=reponse,
            revision=revision,
            maintenant=clock.now(),
        )
    except Introuvable:
        raise
    except AppError as refus:
        organisation, lue = await open_delegation_page(outils, acteur, request, service_id, delegation_id)
        contexte = await _build_page(outils, acteur, organisation, lue, fill(lue))
        contexte |= {"reponse": saisie.brut("reponse"), "lu": read_vus(saisie)}
        return refused_page(request, _GABARIT, contexte, refus)
    fait = "acceptee" if geste == "accepter" else "refusee"
    return Redirect(f"{organisation.url}/delegations?fait={fait}", status_code=303)


def read_vus(saisie: Saisie) -> dict[str, str]:
    """What the screen showed when the decision was taken."""
    return {cle: saisie.brut(champ)[:2000] for cle, champ in VUS.items()}


async def _build_saisi(
    outils: Outils, organisation: Organisation, lue: DelegationLue, saisie: Saisie
) -> Mapping[str, Any]:
    """What was typed, in the words of the recorded version; nothing when it cannot be read."""
    relue = Saisie(saisie.donnees)
    try:
        valeurs = parse(relue, await read_motifs(outils, organisation), get_jour(organisation), lue.motifs)
        relue.check()
    except SaisieInvalide:
        return {}
    async with outils.db.read() as conn:
        mots = (await read_libelles(conn, valeurs.motifs)).values()
    return build_faits("", mots, valeurs.du, valeurs.au, valeurs.quota_jour, valeurs.message, "proposee")


async def _build_page(
    outils: Outils, acteur: Acteur, organisation: Organisation, lue: DelegationLue, valeurs: Mapping[str, Any]
) -> dict[str, Any]:
    recue = lue.is_recue(organisation.contexte.id)
    titre = f"Délégation de {lue.libelle}" if recue else f"Délégation à {lue.libelle_delegue}"
    adresse = f"{organisation.url}/delegations/{lue.id}"
    return {
        **organiser_page(acteur, organisation, "delegations", titre),
        **await _read_etat(outils, acteur, organisation, lue),
        "direct": True,
        "delegation": lue,
        "vus": {VUS[cle]: mot for cle, mot in describe(lue).items() if cle in VUS},
        "mots": LIBELLES,
        "lu": {},
        "reponse": "",
        "action": adresse,
        "adresse": adresse,
        **await build_champs(outils, organisation, valeurs),
    }


async def _read_etat(outils: Outils, acteur: Acteur, organisation: Organisation, lue: DelegationLue) -> dict[str, Any]:
    contexte = organisation.contexte
    async with outils.db.read() as conn:
        lignes = await read_histoire(
            conn, acteur.agent_id, contexte.id, contexte.zone, objet="delegation", objet_id=lue.id
        )
        mots = await read_libelles(conn, lue.motifs)
    vue = describe_vue(lue, organisation)
    receptions = []
    if vue["a_repondre"] or (vue["recue"] and vue["acceptee"]):
        trouvees = find_receptions(list(mots), contexte.guichets.values(), visio=bool(contexte.visio_base))
        receptions = [
            {"motif": mots[r.motif_id], "guichets": dire_reception(r), "aucun": bool(r.obstacle)} for r in trouvees
        ]
    return {
        "v": vue,
        "receptions": receptions,
        "lignes": lignes,
        "expire": get_cadran(get_jour(organisation), contexte.zone).fin,
    }


ROUTES = [show_delegation, show_delegation_fragment, save, reply]
