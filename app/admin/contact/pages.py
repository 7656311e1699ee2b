"""``/administration/contact``: the subjects of the page « Contact », one nature of usager at a time [A1 §2]."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Response

from app import clock
from app.admin.chantier import ConflitEdition
from app.admin.contact.sujets import (
    LIBELLES,
    NATURES,
    OBJET,
    VOIES,
    find_sujet,
    list_motifs,
    list_types,
    move_sujet,
    read_nature,
    save_sujet,
    set_actif,
    to_noeuds,
)
from app.admin.motifs.arbre import NIVEAUX, Noeud, name_parent, options_parents, present_noeud
from app.admin.motifs.nationaux import read_url
from app.admin.pages import check_national, national_page, refused_page
from app.admin.parametres.champs import check_connus
from app.admin.parametres.histoire import read_histoire_nationale
from app.admin.saisie import SANS_REVISION, Saisie
from app.booking.outils import Outils
from app.errors import Introuvable, SaisieInvalide
from app.identite.acteur import Acteur
from app.web.dependances import auteur_agent
from app.web.pages import page

Requete = Request[Any, Any, Any]
ADRESSE: Final = "/administration/contact"
LISTE: Final = "admin/contact/liste.html"
FICHE: Final = "admin/contact/fiche.html"
_FAITS: Final = {
    "cree": "Le sujet est ajouté : les usagers le voient déjà.",
    "modifie": "Le sujet est enregistré.",
    "retire": "Le sujet est retiré : les usagers ne le voient plus, ni ceux qui en dépendent.",
    "remis": "Le sujet est de nouveau proposé aux usagers.",
    "deplace": "L’ordre est enregistré.",
}
_VALEURS: Final = ("libelle", "libelle_en", "parent", "faq_url", "demarche_url", "voie", "types_service", "motif_code")
_CHAMPS: Final = (*_VALEURS, "revision", "nature")


@get(ADRESSE, include_in_schema=False)
async def show_sujets(
    request: Requete,
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    fait: FromQuery[str] = "",
    vers: FromQuery[int] = 0,
) -> Response[bytes]:
    """The tree of one nature. ``vers``: the subject that has just been changed, which takes the focus."""
    await check_national(outils, acteur, request)
    nature = _choose(request.query_params.get("nature", ""))
    async with outils.db.read() as conn:
        sujets = {s["id"]: s for s in await read_nature(conn, nature)}
        histoire = await read_histoire_nationale(conn, acteur.agent_id, OBJET, limite=10)
    noeuds = to_noeuds(list(sujets.values()))
    contexte = {
        **national_page(acteur, "contact"),
        "natures": list(NATURES.items()),
        "nature": nature,
        "lignes": [_present(sujets[n.id], n, noeuds) for n in noeuds.values()],
        "actifs": sum(1 for s in sujets.values() if s["actif"]),
        "histoire": histoire,
        "fait": _FAITS.get(fait, ""),
        "vers": vers,
    }
    return page(request, LISTE, contexte)


def _choose(nature: str) -> str:
    return nature if nature in NATURES else "particulier"


def _present(sujet: Mapping[str, Any], noeud: Noeud, noeuds: Mapping[int, Noeud]) -> dict[str, Any]:
    return {
        **sujet,
        **present_noeud(noeud, noeuds),
        "voie_mots": VOIES[sujet["voie"]],
        "complet": noeud.niveau >= NIVEAUX,
    }


@get(f"{ADRESSE}/nouveau", include_in_schema=False)
async def show_nouveau(
    request: Requete, outils: NamedDependency[Outils], acteur: NamedDependency[Acteur]
) -> Response[bytes]:
    """An empty form, under the parent from which it was asked."""
    await check_national(outils, acteur, request)
    depart = {nom: request.query_params.get(nom, "") for nom in ("nature", "parent")}
    return page(request, FICHE, await _fiche(outils, acteur, None, Saisie.of(depart)))


@get(f"{ADRESSE}/{{sujet_id:int}}", include_in_schema=False)
async def show_sujet(
    request: Requete, outils: NamedDependency[Outils], acteur: NamedDependency[Acteur], sujet_id: FromPath[int]
) -> Response[bytes]:
    """One subject: its form, its history."""
    await check_national(outils, acteur, request)
    async with outils.db.read() as conn:
        sujet = await find_sujet(conn, sujet_id)
    return page(request, FICHE, await _fiche(outils, acteur, sujet, None))


@post(ADRESSE, status_code=200, include_in_schema=False)
async def create_sujet(
    request: Requete, outils: NamedDependency[Outils], acteur: NamedDependency[Acteur]
) -> Response[Any]:
    """Add a subject."""
    await check_national(outils, acteur, request)
    return await _save(request, outils, acteur, None)


@post(f"{ADRESSE}/{{sujet_id:int}}", status_code=200, include_in_schema=False)
async def change_sujet(
    request: Requete, outils: NamedDependency[Outils], acteur: NamedDependency[Acteur], sujet_id: FromPath[int]
) -> Response[Any]:
    """Change a subject; 409 when somebody else did."""
    await check_national(outils, acteur, request)
    async with outils.db.read() as conn:
        sujet = await find_sujet(conn, sujet_id)
    return await _save(request, outils, acteur, sujet)


async def _save(request: Requete, outils: Outils, acteur: Acteur, sujet: dict[str, Any] | None) -> Response[Any]:
    saisie = Saisie.of(await request.form())
    try:
        check_connus(saisie, _CHAMPS)
        nature = sujet["nature"] if sujet else saisie.choix("nature", tuple(NATURES), requis="Choisissez le public.")
        async with outils.db.read() as conn:
            types = [code for code, _ in await list_types(conn)]
            motifs = {code for siens in (await list_motifs(conn)).values() for code, _ in siens}
        if sujet is not None:
            motifs.add(sujet["motif_code"])  # one taken out of the catalogue since stays until it is changed
        valeurs = _read(saisie, types, motifs)
        revision = saisie.revision(requis=SANS_REVISION) if sujet else None
        saisie.check()
        ident = await save_sujet(
            outils,
            auteur_agent(acteur, request),
            clock.now(),
            nature,
            valeurs,
            sujet_id=sujet["id"] if sujet else None,
            revision=revision,
        )
    except (ConflitEdition, SaisieInvalide) as refus:
        if sujet is not None:
            async with outils.db.read() as conn:
                sujet = await find_sujet(conn, sujet["id"])
        return refused_page(request, FICHE, await _fiche(outils, acteur, sujet, saisie), refus)
    return _go_back(nature, "modifie" if sujet else "cree", ident)


def _read(saisie: Saisie, types: list[str], motifs: set[str]) -> dict[str, Any]:
    """The clean values of the form; sentences go to ``saisie``."""
    voie = saisie.choix("voie", tuple(VOIES))
    siens = saisie.cases("types_service", types)
    if voie and not siens:
        saisie.refuse("types_service", "Cochez au moins un type de service : c’est lui qui sera cherché.")
    return {
        "libelle": saisie.texte("libelle", maximum=200, requis="Indiquez le libellé que lit l’usager."),
        "libelle_en": saisie.texte("libelle_en", maximum=200),
        "parent_id": saisie.entier("parent", minimum=1, maximum=999_999_999),
        "faq_url": read_url(saisie, "faq_url"),
        "demarche_url": read_url(saisie, "demarche_url"),
        "voie": voie,
        "types_service": siens if voie else [],
        "motif_code": saisie.choix("motif_code", motifs | {""}),
    }


@post(f"{ADRESSE}/{{sujet_id:int}}/{{geste:str}}", status_code=200, include_in_schema=False)
async def act_on_sujet(
    request: Requete,
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    sujet_id: FromPath[int],
    geste: FromPath[str],
) -> Response[Any]:
    """``haut``, ``bas``: its place among its siblings. ``retrait``, ``retour``: shown to usagers or no longer."""
    await check_national(outils, acteur, request)
    auteur, maintenant = auteur_agent(acteur, request), clock.now()
    if geste in ("haut", "bas"):
        return _go_back(await move_sujet(outils, auteur, maintenant, sujet_id, geste), "deplace", sujet_id)
    if geste not in ("retrait", "retour"):
        raise Introuvable
    actif = geste == "retour"
    nature = await set_actif(outils, auteur, maintenant, sujet_id, actif)
    return _go_back(nature, "remis" if actif else "retire", sujet_id)


def _go_back(nature: str, fait: str, sujet_id: int) -> Redirect:
    return Redirect(f"{ADRESSE}?nature={nature}&fait={fait}&vers={sujet_id}#sujet-{sujet_id}", status_code=303)


async def _fiche(
    outils: Outils, acteur: Acteur, sujet: Mapping[str, Any] | None, saisie: Saisie | None
) -> dict[str, Any]:
    nature = sujet["nature"] if sujet else _choose(saisie.brut("nature") if saisie else "")
    ident = sujet["id"] if sujet else None
    async with outils.db.read() as conn:
        noeuds = to_noeuds(await read_nature(conn, nature))
        types = await list_types(conn)
        motifs = await list_motifs(conn)
        histoire = await read_histoire_nationale(conn, acteur.agent_id, OBJET, objet_id=ident) if ident else []
    champs = _champs(sujet, saisie)
    return {
        **national_page(acteur, "contact", sujet["libelle"] if sujet else "Nouveau sujet"),
        "sujet": sujet,
        "nature": nature,
        "nature_mots": NATURES[nature],
        "revision": sujet["revision"] if sujet else "",
        "champs": champs,
        "parents": options_parents(noeuds, ident),
        "voies": list(VOIES.items()),
        "types": types,
        "motifs": [{"groupe": mot, "options": motifs[code]} for code, mot in types if code in motifs],
        "dependants": len(noeuds[ident].enfants) if ident in noeuds else 0,
        "histoire": histoire,
        "libelles": LIBELLES,
        "saisi": _saisi(champs, noeuds) if saisie else {},
    }


def _champs(sujet: Mapping[str, Any] | None, saisie: Saisie | None) -> dict[str, Any]:
    if saisie is not None:
        return {nom: saisie.brut(nom) for nom in _VALEURS} | {"types_service": saisie.donnees.get("types_service", ())}
    if sujet is None:
        return {**dict.fromkeys(_VALEURS, ""), "types_service": ()}
    return {**{nom: sujet[nom] for nom in _VALEURS if nom != "parent"}, "parent": sujet["parent_id"] or ""}


def _saisi(champs: Mapping[str, Any], noeuds: Mapping[int, Noeud]) -> dict[str, str]:
    """What was typed, in the words of the comparison."""
    return {
        **{nom: str(champs[nom]) for nom in LIBELLES},
        "parent": name_parent(noeuds, str(champs["parent"])),
        "voie": VOIES.get(champs["voie"], ""),
        "types_service": ", ".join(champs["types_service"]),
    }


ROUTES = [show_sujets, show_nouveau, show_sujet, create_sujet, change_sujet, act_on_sujet]
