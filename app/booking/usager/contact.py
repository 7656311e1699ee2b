"""« Contact »: about what, then three honest ways out — answers, online procedure, competent service [A1 §2].

GET only, every choice in the address, so that a page can be shared and reopened; but for the street of a commune that
several services share, which is sent by POST: where a person lives is in no address nor log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.response import Response

from app import clock
from app.booking.outils import Outils
from app.booking.textes import TexteInvalide, clean_text
from app.booking.usager.adresse import Lieu, match_voies, parse_lieu, split_voies
from app.booking.usager.carte_publique import present_service
from app.booking.usager.contact_arbre import NIVEAUX, URL, Cascade, Sujet, compute_cascade
from app.booking.usager.contact_lectures import (
    find_commune,
    find_communes,
    find_competents,
    find_voisins,
    list_de_type,
    read_sujets,
)
from app.booking.usager.cookies import check_change_usager
from app.booking.usager.recherche import Recherche, find_services, read_services
from app.courrier.texte import lien_sur
from app.langue import _
from app.web.pages import page

Requete = Request[Any, Any, Any]
#: Communes listed as links; beyond, the name has to be made precise.
COMMUNES_MAX: Final = 30
PROPOSEES_MAX: Final = 8
_LIEU_MAX = _RUE_MAX = 120
GABARIT: Final = "booking/usager/contact.html"


@dataclass(slots=True)
class Trouve:
    """What the way of a subject leads to. ``communes``: those to choose among; ``voies``: streets by service."""

    services: Sequence[Mapping[str, Any]] = ()
    communes: Sequence[Mapping[str, Any]] = ()
    commune: Mapping[str, Any] | None = None
    voies: Mapping[int, Sequence[str]] = field(default_factory=dict)
    #: "" (competent), "sur_place" or "voisins" (the directory says nothing of the commune).
    faute_de: str = ""
    #: "" (none asked), "demandee", "reconnue" or "inconnue".
    rue: str = ""
    erreurs: dict[str, str] = field(default_factory=dict)


@get(URL, include_in_schema=False)
async def show_contact(request: Requete, outils: NamedDependency[Outils]) -> Response[bytes]:
    """The questions so far; the ways out once the subject is precise; the service once the place is."""
    return await _answer(request, outils, request.query_params)


@post(f"{URL}/rue", status_code=200, include_in_schema=False, before_request=check_change_usager)
async def find_par_rue(request: Requete, outils: NamedDependency[Outils]) -> Response[bytes]:
    """The same, with the street that says which of the services of the commune answers."""
    return await _answer(request, outils, await request.form(), avec_rue=True)


@get(f"{URL}/communes", include_in_schema=False)
async def list_communes(request: Requete, outils: NamedDependency[Outils]) -> Response[dict[str, Any]]:
    """Communes that begin so, for the field's suggestions: ``{"communes": [{"insee", "nom", "detail"}]}``."""
    lieu = parse_lieu(_clean(request.query_params.get("q"), _LIEU_MAX))
    communes: Sequence[Mapping[str, Any]] = ()
    if len(lieu.nom) > 1 or len(lieu.postal) > 1:
        async with outils.db.read() as conn:
            communes = await find_communes(conn, lieu, limite=PROPOSEES_MAX)
    lignes = [{"insee": c["code_insee"], "nom": c["nom"], "detail": _detail(c, lieu)} for c in communes]
    return Response({"communes": lignes}, headers={"Cache-Control": "private, max-age=600"})


async def _answer(
    request: Requete, outils: Outils, donnees: Mapping[str, Any], *, avec_rue: bool = False
) -> Response[bytes]:
    lieu, code = _clean(donnees.get("lieu"), _LIEU_MAX), _clean(donnees.get("code"), 20)
    async with outils.db.read() as conn:
        cascade = compute_cascade(await read_sujets(conn), donnees)
    feuille = cascade.feuille
    trouve: Trouve | None = None
    if feuille is not None:
        if feuille.voie in ("dresg", "dge"):
            trouve = await _find_de_type(outils, feuille)
        elif feuille.voie == "code" and "code" in donnees:
            trouve = await _find_par_code(outils, code)
        elif feuille.voie == "adresse" and (avec_rue or "lieu" in donnees or "insee" in donnees):
            rue = _clean(donnees.get("rue"), _RUE_MAX) if avec_rue else None
            trouve = await _find_par_lieu(outils, feuille, lieu, _read_insee(donnees.get("insee")), rue)
    insee = trouve.commune["code_insee"] if trouve and trouve.commune else ""
    resultat = trouve is not None and not trouve.erreurs and feuille is not None and feuille.voie in ("adresse", "code")
    erreurs = (trouve.erreurs if trouve else {}) or _manque(cascade, donnees.get("demande"))
    ctx = {
        "titre": (_("Erreur – ") if erreurs else "") + _("Trouver le bon service"),
        "fil": [{"libelle": _("Accueil"), "url": "/"}, {"libelle": _("Trouver le bon service"), "url": ""}],
        "questions": _questions(cascade),
        "choix": cascade.choix,
        "demande": _derniere(cascade),
        "feuille": _present_feuille(feuille),
        "recap": [sujet.intitule for sujet in cascade.chaine],
        "lieu": (trouve.commune["nom"] if trouve and trouve.commune and not lieu else lieu),
        "code": code,
        "insee": insee,
        "trouve": trouve,
        "resultat": resultat,
        "communes": _present_communes(cascade, trouve, lieu),
        "services": _present_services(cascade, trouve),
        "modifier": cascade.url(),
        "modifier_lieu": cascade.url(lieu=lieu) if not insee else cascade.url(),
        "erreurs": erreurs,
        "adresse": cascade.url(lieu=lieu, insee=insee),
    }
    return page(request, GABARIT, ctx, statut=422 if trouve and trouve.erreurs else 200)


async def _find_de_type(outils: Outils, feuille: Sujet) -> Trouve:
    async with outils.db.read() as conn:
        return Trouve(await read_services(conn, await list_de_type(conn, feuille.types_service)))


async def _find_par_code(outils: Outils, code: str) -> Trouve:
    """Specialised trésoreries, and nothing by address [A1 §3.3]."""
    chiffres = "".join(code.split())
    if not (chiffres.isascii() and chiffres.isdigit() and len(chiffres) in (6, 7)):
        phrase = _("Saisissez les 6 ou 7 chiffres du code inscrit sur votre avis.")
        return Trouve(erreurs={"code": phrase})
    async with outils.db.read() as conn:
        return Trouve(await find_services(conn, Recherche(code=chiffres)))


async def _find_par_lieu(outils: Outils, feuille: Sujet, saisie: str, insee: str, rue: str | None) -> Trouve:
    """The commune first; then who answers for it; then, when they are several, for that street of it."""
    lieu = parse_lieu(saisie)
    async with outils.db.read() as conn:
        commune = await find_commune(conn, insee) if insee else None
        if commune is None:
            if not (lieu.nom or lieu.postal):
                return Trouve(erreurs={"lieu": _("Indiquez votre commune ou votre code postal.")})
            communes = await find_communes(conn, lieu, limite=COMMUNES_MAX + 1)
            commune = _settle(communes, lieu)
            if commune is None:
                return Trouve(communes=communes)
        competents = await find_competents(conn, commune["code_insee"], feuille.types_service)
        voies = {ident: [v for texte in textes for v in split_voies(texte)] for ident, textes in competents.items()}
        retenus, faute_de = list(competents), ""
        if not retenus:
            retenus, sur_place = await find_voisins(conn, commune["code_insee"], feuille.types_service)
            faute_de = "sur_place" if sur_place else "voisins"
    partagee = len(voies) > 1 and any(voies.values())
    etat = "demandee" if partagee else ""
    if partagee and rue:
        geocodeur = outils.geocodeur
        nommee = await geocodeur.find_voie(rue, commune["code_insee"]) if geocodeur is not None else ""
        reconnus = match_voies([rue, nommee], voies)
        etat = "reconnue" if reconnus else "inconnue"
        retenus = reconnus or retenus
    async with outils.db.read() as conn:
        services = await read_services(conn, retenus)
    return Trouve(services, (), commune, voies, faute_de, etat)


def _settle(communes: Sequence[Mapping[str, Any]], lieu: Lieu) -> Mapping[str, Any] | None:
    """The one commune that was meant: alone, or alone of exactly that name."""
    if len(communes) == 1:
        return communes[0]
    exactes = [c for c in communes if c["exacte"]]
    return exactes[0] if lieu.nom and len(exactes) == 1 else None


def _manque(cascade: Cascade, demande: object) -> dict[str, str]:
    """The sentence of the question that « Continuer » left without an answer."""
    return {str(demande): _("Choisissez une réponse pour continuer.")} if demande == _derniere(cascade) else {}


def _derniere(cascade: Cascade) -> str:
    """The group that waits for an answer, "" once there is none."""
    if not cascade.nature:
        return "nature"
    return "" if cascade.feuille is not None else cascade.groupes[-1].nom if cascade.groupes else ""


def _questions(cascade: Cascade) -> list[dict[str, Any]]:
    legendes = dict(
        zip(NIVEAUX, (_("Votre demande concerne :"), _("Au sujet de :"), _("Plus précisément :")), strict=True)
    )
    natures = [("particulier", _("Un particulier")), ("professionnel", _("Un professionnel"))]
    questions = [{"nom": "nature", "legende": _("Vous êtes :"), "options": natures, "valeur": cascade.nature}]
    for groupe in cascade.groupes:
        options = [(sujet.code, sujet.intitule) for sujet in groupe.sujets]
        questions.append(
            {"nom": groupe.nom, "legende": legendes[groupe.nom], "options": options, "valeur": groupe.choisi}
        )
    return questions


def _present_feuille(feuille: Sujet | None) -> dict[str, Any] | None:
    if feuille is None:
        return None
    return {
        "intitule": feuille.intitule,
        "faq": lien_sur(feuille.faq_url),
        "demarche": lien_sur(feuille.demarche_url),
        "voie": feuille.voie,
    }


def _present_communes(cascade: Cascade, trouve: Trouve | None, saisie: str) -> list[dict[str, str]]:
    if trouve is None:
        return []
    lieu = parse_lieu(saisie)
    return [
        {
            "nom": commune["nom"],
            "detail": _detail(commune, lieu),
            "url": cascade.url(lieu=saisie, insee=commune["code_insee"]),
        }
        for commune in trouve.communes[:COMMUNES_MAX]
    ]


def _present_services(cascade: Cascade, trouve: Trouve | None) -> list[dict[str, Any]]:
    if trouve is None or cascade.feuille is None:
        return []
    maintenant, motif = clock.now(), cascade.feuille.motif_id
    presentes = []
    for ligne in trouve.services:
        service = present_service(ligne, maintenant)
        if motif:
            service["reserver"] += f"?nature={cascade.nature}&motif={motif}"
        service["voies"] = list(trouve.voies.get(ligne["id"], ()))
        presentes.append(service)
    return presentes


def _detail(commune: Mapping[str, Any], lieu: Lieu) -> str:
    """« 58000 – Nièvre »: the code typed when it has several."""
    codes = [code for code in commune["codes_postaux"] if lieu.postal and code.startswith(lieu.postal)]
    codes = codes or list(commune["codes_postaux"])
    code = codes[0] + ("…" if len(codes) > 1 else "") if codes else ""
    return f"{code} – {commune['departement']}" if code else str(commune["departement"])


def _clean(valeur: object, maximum: int) -> str:
    """What was typed, or nothing when it can be no name of a place."""
    try:
        return clean_text(valeur, maximum=maximum) if isinstance(valeur, str) else ""
    except TexteInvalide:
        return ""


def _read_insee(valeur: object) -> str:
    return valeur if isinstance(valeur, str) and len(valeur) == 5 and valeur.isascii() and valeur.isalnum() else ""


ROUTES = [show_contact, find_par_rue, list_communes]
