"""One's own request, by the link of the messages: confirm it, answer an offer, leave the list.

Reading changes nothing, whoever reads (mail scanners follow links); every act is a POST.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response

from app import clock
from app.booking import attente_store as file
from app.booking.attente import LIEN_INCONNU, LIEN_REMEDE, confirm, leave, resume
from app.booking.attente_deplacer import find_deplacable, move_to_offre
from app.booking.attente_reponses import refuse_offre, take_offre
from app.booking.contexte import ServiceContexte, read_versions
from app.booking.liens import empreinte
from app.booking.outils import Auteur, Outils
from app.booking.usager.cartes import carte_de, lieu_de_l_heure
from app.booking.usager.cookies import has_visite, refuse_cookies
from app.booking.usager.demande import Parcours
from app.booking.usager.mon_rdv_annuler import read_revision
from app.booking.usager.mots import USAGER
from app.booking.usager.visiteur import Requete, fil_de
from app.courrier.texte import date_en_mots, duree_en_mots
from app.errors import AppError, Conflit, Interdit, Introuvable, RegleRefusee, SaisieInvalide, TransitionImpossible
from app.langue import _, get_langue, tr
from app.web.dates import jour_long
from app.web.dependances import auteur_usager
from app.web.pages import page
from app.web.securite import check_change, visite

Acte = Callable[[Outils, str, Auteur, datetime], Awaitable[object]]


async def check_demande(request: Requete) -> Response[bytes] | None:
    """The same proof as everywhere; a browser that keeps no cookie is told so. Raises Interdit (403)."""
    try:
        await check_change(request)
    except Interdit:
        if has_visite(request):
            raise
        return refuse_cookies(request, f"/attente/{request.path_params['jeton']}")
    return None


@get("/attente/{jeton:str}", include_in_schema=False)
async def show_demande(request: Requete, outils: NamedDependency[Outils], jeton: FromPath[str]) -> Response[Any]:
    """Where the request stands. Raises Introuvable, always the same, for any other token."""
    return await _answer(request, outils, jeton)


@get(
    [
        f"/attente/{{jeton:str}}/{acte}"
        for acte in ("confirmer", "reprendre", "refuser", "quitter", "prendre", "deplacer")
    ],
    include_in_schema=False,
)
async def reopen(jeton: FromPath[str]) -> Response[Any]:
    """Somebody reloads the address of an answer: the page itself, which changes nothing."""
    return Redirect(f"/attente/{jeton}", status_code=303)


@post("/attente/{jeton:str}/confirmer", status_code=200, include_in_schema=False, before_request=check_demande)
async def confirm_demande(request: Requete, outils: NamedDependency[Outils], jeton: FromPath[str]) -> Response[Any]:
    """Enter the line."""
    return await _act(request, outils, jeton, confirm)


@post("/attente/{jeton:str}/reprendre", status_code=200, include_in_schema=False, before_request=check_demande)
async def resume_demande(request: Requete, outils: NamedDependency[Outils], jeton: FromPath[str]) -> Response[Any]:
    """« J’attends toujours »."""
    return await _act(request, outils, jeton, resume)


@post("/attente/{jeton:str}/refuser", status_code=200, include_in_schema=False, before_request=check_demande)
async def refuse_demande(request: Requete, outils: NamedDependency[Outils], jeton: FromPath[str]) -> Response[Any]:
    """« Ce créneau ne me convient pas »."""
    return await _act(request, outils, jeton, refuse_offre)


@post("/attente/{jeton:str}/quitter", status_code=200, include_in_schema=False, before_request=check_demande)
async def leave_demande(request: Requete, outils: NamedDependency[Outils], jeton: FromPath[str]) -> Response[Any]:
    """« Quitter la liste d’attente »."""
    return await _act(request, outils, jeton, leave)


@post("/attente/{jeton:str}/prendre", status_code=200, include_in_schema=False, before_request=check_demande)
async def take_demande(request: Requete, outils: NamedDependency[Outils], jeton: FromPath[str]) -> Response[Any]:
    """« Prendre ce créneau »: on to step 3, with what is known already. 409 when it is his no more."""
    try:
        prise = await take_offre(outils, jeton, visite(request), auteur_usager(request), clock.now())
    except Conflit as refus:
        return await _answer(request, outils, jeton, refus)
    parcours = Parcours(prise.service_id, prise.motif_id, prise.type_rdv, prise.nature)
    return Redirect(parcours.url("coordonnees", option=prise.option_id, offre=1), status_code=303)


@post("/attente/{jeton:str}/deplacer", status_code=200, include_in_schema=False, before_request=check_demande)
async def move_demande(request: Requete, outils: NamedDependency[Outils], jeton: FromPath[str]) -> Response[Any]:
    """« Déplacer mon rendez-vous »: the RDV from whose page this was asked, to the créneau offered."""
    donnees = await request.form()
    try:
        vue = read_revision(donnees.get("revision"))
        await move_to_offre(outils, jeton, auteur_usager(request), clock.now(), vue=vue)
    except (Conflit, RegleRefusee, SaisieInvalide, Interdit, TransitionImpossible) as refus:
        return await _answer(request, outils, jeton, refus)
    return Redirect(f"/attente/{jeton}?avis=deplace", status_code=303)


async def _act(request: Requete, outils: Outils, jeton: str, acte: Acte) -> Response[Any]:
    try:
        await acte(outils, jeton, auteur_usager(request), clock.now())
    except RegleRefusee as refus:
        return await _answer(request, outils, jeton, refus)
    return Redirect(f"/attente/{jeton}", status_code=303)


async def _answer(request: Requete, outils: Outils, jeton: str, refus: AppError | None = None) -> Response[Any]:
    maintenant = clock.now()
    async with outils.db.read() as conn:
        voeu = await file.read_by_lien(conn, empreinte(jeton))
        if voeu is None:
            raise Introuvable(LIEN_INCONNU, remede=LIEN_REMEDE)
        versions = await read_versions(conn, voeu["service_id"])
        contexte = await outils.dispo.contextes.get(conn, voeu["service_id"], versions.planning)
        offre = await file.read_offre(conn, voeu["id"]) if voeu["etat"] == "offre" else None
        sien = None if offre is None else await find_deplacable(conn, voeu, offre)
        avant = None if offre is None else await file.read_avant(conn, voeu["rdv_id"])
        devant = await file.count_devant(conn, voeu) if voeu["etat"] in ("active", "offre") else 0
    etat = find_etat(voeu, offre, contexte, maintenant)
    deplace = etat == "satisfaite" and request.query_params.get("avis") == "deplace"
    donnees = {
        "titre": _("Votre rendez-vous est déplacé") if deplace else _(_TITRES[etat]),
        "service": {"libelle": contexte.libelle},
        "fil": fil_de(contexte, courante=_("Liste d’attente")),
        "base": f"/attente/{jeton}",
        "adresse": f"/attente/{jeton}",
        "etat": etat,
        "refus": refus,
        "devant": devant,
        "depassee": offre is not None and avant is not None and avant <= offre["debut"],
        "actuel": None if sien is None else _present_actuel(sien, contexte),
        "offre": None if offre is None else _present_offre(offre, contexte),
        "carte": carte_de(contexte),
        **_present_voeu(voeu, contexte),
    }
    return page(request, "booking/usager/attente_demande.html", donnees, statut=refus.statut if refus else 200)


#: State of the page → its title.
_TITRES = {
    "a_confirmer": "Confirmez votre inscription",
    "trop_tard": "Cette demande n’a pas été confirmée à temps",
    "active": "Vous êtes sur la liste d’attente",
    "offre": "Un créneau est gardé pour vous",
    "prise": "Vous êtes en train de prendre ce créneau",
    "suspendue": "Attendez-vous toujours un créneau ?",
    "satisfaite": "Vous avez pris rendez-vous",
    "retiree": "Vous n’êtes plus sur la liste d’attente",
    "remplacee": "Cette demande n’est plus valable",
    "passee": "Les dates souhaitées sont passées",
}


def find_etat(
    voeu: Mapping[str, Any], offre: Mapping[str, Any] | None, contexte: ServiceContexte, maintenant: datetime
) -> str:
    """Which page: the state of the request, or what time made of it since the worker looked."""
    etat = str(voeu["etat"])
    if etat == "a_confirmer":
        return etat if maintenant < voeu["expire_a"] else "trop_tard"
    if etat == "retiree" and voeu["confirme_a"] is None:
        return "remplacee"
    if offre is not None and (offre["etat"] == "prise" or maintenant < offre["expire_a"]):
        return "prise" if offre["etat"] == "prise" else "offre"
    if etat in ("active", "offre", "suspendue") and voeu["au"] < maintenant.astimezone(contexte.zone).date():
        return "passee"
    return "active" if etat == "offre" else etat


def _present_offre(offre: Mapping[str, Any], contexte: ServiceContexte) -> dict[str, str]:
    langue, fuseau = get_langue(), contexte.zone.key
    quand = date_en_mots(offre["debut"], fuseau, langue)
    return {
        "quand": quand[:1].upper() + quand[1:],
        "limite": date_en_mots(offre["expire_a"], fuseau, langue),
        "duree": duree_en_mots(offre["fin"] - offre["debut"], langue),
        "lieu": lieu_de_l_heure(contexte.zone),
    }


def _present_actuel(rdv: Mapping[str, Any], contexte: ServiceContexte) -> dict[str, Any]:
    """The RDV that the offer moves."""
    quand = date_en_mots(rdv["debut"], contexte.zone.key, get_langue())
    return {"quand": quand[:1].upper() + quand[1:], "revision": rdv["revision"]}


def _present_voeu(voeu: Mapping[str, Any], contexte: ServiceContexte) -> dict[str, Any]:
    motif, langue = contexte.motifs.get(voeu["motif_id"]), get_langue()
    parcours = Parcours(voeu["service_id"], voeu["motif_id"], voeu["type_rdv"], voeu["nature"])
    return {
        "motif": motif.intitule if motif else "",
        "type_libelle": tr(USAGER.types[voeu["type_rdv"]][0]).lower(),
        "du": jour_long(voeu["du"], langue),
        "au": jour_long(voeu["au"], langue),
        "demi_journee": voeu["demi_journee"],
        "recommencer": parcours.url("attente"),
        "creneaux": parcours.url("creneau"),
    }


ROUTES = [
    show_demande,
    reopen,
    confirm_demande,
    resume_demande,
    refuse_demande,
    leave_demande,
    take_demande,
    move_demande,
]
