"""``/administration/motifs``: the national catalogue, one kind of service at a time [G 2.3.1]."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Response

from app import clock
from app.admin.chantier import ConflitEdition
from app.admin.motifs.arbre import (
    NATURES,
    PUBLICS,
    Noeud,
    list_branche,
    name_parent,
    options_parents,
    present_noeud,
)
from app.admin.motifs.catalogue import (
    LIBELLES,
    find_motif,
    list_types,
    move_motif,
    read_type,
    save_motif,
    to_noeuds,
)
from app.admin.motifs.retrait import Portee, RetraitAConfirmer, read_portee, set_actif
from app.admin.pages import check_national, national_page, refused_page
from app.admin.parametres.champs import check_connus
from app.admin.parametres.histoire import read_histoire_nationale
from app.admin.saisie import Saisie
from app.booking.outils import Outils
from app.booking.textes import TexteInvalide, clean_text
from app.courrier.texte import lien_sur
from app.errors import Introuvable, SaisieInvalide
from app.identite.acteur import Acteur
from app.web.dependances import auteur_agent
from app.web.pages import page

Requete = Request[Any, Any, Any]
ADRESSE: Final = "/administration/motifs"
LISTE: Final = "admin/motifs/catalogue.html"
FICHE: Final = "admin/motifs/fiche.html"
_FAITS: Final = {
    "cree": "Le motif est au catalogue. Il est fermé partout : chaque service l’ouvre quand il le souhaite.",
    "modifie": "Le motif est enregistré : tous les services concernés le montrent déjà ainsi.",
    "retire": "Le motif est retiré du catalogue : personne ne peut plus le choisir. Les rendez-vous pris restent.",
    "remis": "Le motif est de nouveau au catalogue, ouvert dans les services qui l’avaient ouvert.",
    "deplace": "L’ordre est enregistré.",
}
#: A document of the reference text has 400 characters at most [A1 §2].
_DOCUMENT_MAX, _DOCUMENTS_MAX, _URL_MAX = 400, 20, 500
_VALEURS: Final = (
    *("libelle", "libelle_en", "parent", "nature", "public", "documents", "documents_en", "faq_url", "demarche_url"),
)
_CHAMPS: Final = (*_VALEURS, "revision", "type")


@get(ADRESSE, include_in_schema=False)
async def show_catalogue(
    request: Requete,
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    fait: FromQuery[str] = "",
    vers: FromQuery[int] = 0,
) -> Response[bytes]:
    """The tree of one kind of service. ``vers``: the motif that has just been changed, which takes the focus."""
    await check_national(outils, acteur, request)
    async with outils.db.read() as conn:
        types = await list_types(conn)
        choisi = _choose(types, request.query_params.get("type", ""))
        motifs = {m["id"]: m for m in await read_type(conn, choisi)}
        histoire = await read_histoire_nationale(conn, acteur.agent_id, "motif", limite=10)
    noeuds = to_noeuds(list(motifs.values()))
    contexte = {
        **national_page(acteur, "motifs"),
        "types": types,
        "type": choisi,
        "lignes": [_present(motifs[n.id], n, noeuds) for n in noeuds.values()],
        "actifs": sum(1 for m in motifs.values() if m["actif"]),
        "histoire": histoire,
        "fait": _FAITS.get(fait, ""),
        "vers": vers,
    }
    return page(request, LISTE, contexte)


def _choose(types: list[tuple[str, str]], voulu: str) -> str:
    return voulu if voulu in dict(types) else (types[0][0] if types else "")


def _present(motif: Mapping[str, Any], noeud: Noeud, noeuds: Mapping[int, Noeud]) -> dict[str, Any]:
    return {
        **motif,
        **present_noeud(noeud, noeuds),
        "nature": NATURES[motif["nature"]],
        "public": PUBLICS[motif["public"]],
    }


@get(f"{ADRESSE}/nouveau", include_in_schema=False)
async def show_nouveau(
    request: Requete, outils: NamedDependency[Outils], acteur: NamedDependency[Acteur]
) -> Response[bytes]:
    """An empty form, under the parent from which it was asked."""
    await check_national(outils, acteur, request)
    saisie = Saisie.of({"type": request.query_params.get("type", ""), "parent": request.query_params.get("parent", "")})
    return page(request, FICHE, await _fiche(outils, acteur, None, saisie))


@get(f"{ADRESSE}/{{motif_id:int}}", include_in_schema=False)
async def show_motif(
    request: Requete, outils: NamedDependency[Outils], acteur: NamedDependency[Acteur], motif_id: FromPath[int]
) -> Response[bytes]:
    """One motif, its form, what withdrawing it would do, its history."""
    await check_national(outils, acteur, request)
    async with outils.db.read() as conn:
        motif = await find_motif(conn, motif_id)
    return page(request, FICHE, await _fiche(outils, acteur, motif, None))


@post(ADRESSE, status_code=200, include_in_schema=False)
async def create_motif(
    request: Requete, outils: NamedDependency[Outils], acteur: NamedDependency[Acteur]
) -> Response[Any]:
    """Add a motif, closed in every service until one opens it."""
    await check_national(outils, acteur, request)
    return await _save(request, outils, acteur, None)


@post(f"{ADRESSE}/{{motif_id:int}}", status_code=200, include_in_schema=False)
async def change_motif(
    request: Requete, outils: NamedDependency[Outils], acteur: NamedDependency[Acteur], motif_id: FromPath[int]
) -> Response[Any]:
    """Change a motif; 409 when somebody else did."""
    await check_national(outils, acteur, request)
    async with outils.db.read() as conn:
        motif = await find_motif(conn, motif_id)
    return await _save(request, outils, acteur, motif)


async def _save(request: Requete, outils: Outils, acteur: Acteur, motif: dict[str, Any] | None) -> Response[Any]:
    saisie = Saisie.of(await request.form())
    try:
        check_connus(saisie, _CHAMPS)
        async with outils.db.read() as conn:
            types = [code for code, _ in await list_types(conn)]
        type_code = motif["type_service_code"] if motif else saisie.choix("type", types, requis="Choisissez un type.")
        valeurs = _read(saisie)
        revision = saisie.revision()
        saisie.check()
        ident = await save_motif(
            outils,
            auteur_agent(acteur, request),
            clock.now(),
            type_code,
            valeurs,
            motif_id=motif["id"] if motif else None,
            revision=revision,
        )
    except (ConflitEdition, SaisieInvalide) as refus:
        if motif is not None:
            async with outils.db.read() as conn:
                motif = await find_motif(conn, motif["id"])
        return refused_page(request, FICHE, await _fiche(outils, acteur, motif, saisie), refus)
    fait = "modifie" if motif else "cree"
    return Redirect(f"{ADRESSE}?type={type_code}&fait={fait}&vers={ident}#motif-{ident}", status_code=303)


def _read(saisie: Saisie) -> dict[str, Any]:
    """The clean values of the form; sentences go to ``saisie``."""
    parent = saisie.entier("parent", minimum=1, maximum=999_999_999)
    return {
        "libelle": saisie.texte("libelle", maximum=200, requis="Indiquez le libellé que lit l’usager."),
        "libelle_en": saisie.texte("libelle_en", maximum=200),
        "parent_id": parent,
        "nature": saisie.choix("nature", tuple(NATURES), requis="Choisissez assiette, recouvrement ou mixte."),
        "public": saisie.choix("public", tuple(PUBLICS), requis="Choisissez à qui ce motif s’adresse."),
        "documents": _read_documents(saisie, "documents"),
        "documents_en": _read_documents(saisie, "documents_en"),
        "faq_url": read_url(saisie, "faq_url"),
        "demarche_url": read_url(saisie, "demarche_url"),
    }


def _read_documents(saisie: Saisie, champ: str) -> list[str]:
    lignes = [ligne for ligne in saisie.brut(champ).replace("\r\n", "\n").split("\n") if ligne.strip()]
    if len(lignes) > _DOCUMENTS_MAX:
        saisie.refuse(champ, f"{_DOCUMENTS_MAX} documents au plus : regroupez-les.")
        return []
    try:
        return list(dict.fromkeys(clean_text(ligne, maximum=_DOCUMENT_MAX) for ligne in lignes))
    except TexteInvalide as erreur:
        saisie.refuse(champ, str(erreur))
        return []


def read_url(saisie: Saisie, champ: str) -> str:
    """An address that a page may link to, or nothing; the sentence goes to ``saisie``."""
    adresse = saisie.texte(champ, maximum=_URL_MAX)
    if adresse and not lien_sur(adresse):
        saisie.refuse(champ, "Indiquez une adresse complète, qui commence par https:// ou http://.")
    elif "@" in urlsplit(adresse).netloc:  # what precedes it is a password, or hides where the link leads
        saisie.refuse(champ, "Indiquez une adresse sans identifiant ni mot de passe.")
    return adresse


@post(f"{ADRESSE}/{{motif_id:int}}/{{geste:str}}", status_code=200, include_in_schema=False)
async def act_on_motif(
    request: Requete,
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    motif_id: FromPath[int],
    geste: FromPath[str],
) -> Response[Any]:
    """``haut``, ``bas``: its place among its siblings. ``retrait`` (409 unless read first), ``retour``."""
    await check_national(outils, acteur, request)
    auteur, maintenant = auteur_agent(acteur, request), clock.now()
    if geste in ("haut", "bas"):
        type_code, fait = await move_motif(outils, auteur, maintenant, motif_id, geste), "deplace"
    elif geste in ("retrait", "retour"):
        actif = geste == "retour"
        vus = Saisie.of(await request.form()).brut("vus")
        try:
            type_code = await set_actif(outils, auteur, maintenant, motif_id, actif, vus)
        except RetraitAConfirmer as refus:
            async with outils.db.read() as conn:
                motif = await find_motif(conn, motif_id)
            return refused_page(request, FICHE, await _fiche(outils, acteur, motif, None), refus)
        fait = "remis" if actif else "retire"
    else:
        raise Introuvable
    return Redirect(f"{ADRESSE}?type={type_code}&fait={fait}&vers={motif_id}#motif-{motif_id}", status_code=303)


async def _fiche(
    outils: Outils, acteur: Acteur, motif: Mapping[str, Any] | None, saisie: Saisie | None
) -> dict[str, Any]:
    async with outils.db.read() as conn:
        types = await list_types(conn)
        type_code = motif["type_service_code"] if motif else _choose(types, saisie.brut("type") if saisie else "")
        noeuds = to_noeuds(await read_type(conn, type_code))
        ident = motif["id"] if motif else None
        branche = list_branche(noeuds, ident) if ident else ()
        portee = await read_portee(conn, branche, clock.now()) if branche else Portee(0, 0, 0)
        histoire = await read_histoire_nationale(conn, acteur.agent_id, "motif", objet_id=ident) if ident else []
    return {
        **national_page(acteur, "motifs", motif["libelle"] if motif else "Nouveau motif"),
        "motif": motif,
        "type": type_code,
        "type_libelle": dict(types).get(type_code, ""),
        "parents": options_parents(noeuds, ident),
        "natures": list(NATURES.items()),
        "publics": list(PUBLICS.items()),
        "champs": _champs(motif, saisie),
        "revision": motif["revision"] if motif else "",
        "sous_motifs": max(0, len(branche) - 1),
        "portee": portee,
        "histoire": histoire,
        "libelles": LIBELLES,
        "saisi": _saisi(saisie, noeuds),
    }


def _champs(motif: Mapping[str, Any] | None, saisie: Saisie | None) -> dict[str, str]:
    if saisie is not None:
        return {nom: saisie.brut(nom) for nom in _VALEURS}
    if motif is None:
        return dict.fromkeys(_VALEURS, "")
    listes = {nom: "\n".join(motif[nom]) for nom in ("documents", "documents_en")}
    valeurs = {**motif, **listes, "parent": motif["parent_id"] or ""}
    return {nom: str(valeurs[nom]) for nom in _VALEURS}


def _saisi(saisie: Saisie | None, noeuds: Mapping[int, Noeud]) -> dict[str, str]:
    """What was typed, in the words of the comparison."""
    if saisie is None:
        return {}
    return {**{nom: saisie.brut(nom) for nom in LIBELLES}, "parent": name_parent(noeuds, saisie.brut("parent"))}


ROUTES = [show_catalogue, show_nouveau, show_motif, create_motif, change_motif, act_on_motif]
