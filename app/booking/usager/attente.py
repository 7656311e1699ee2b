"""« Aucun créneau ne vous convient ? »: the form that joins the waiting list of a service, for a motif and a type.

Nothing personal travels in an address, and the answer is the same whoever is known already. Each request sends a
message: a robot is asked for a code, as at step 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response

from app import clock
from app.booking.attente import Inscription, fold_contact, register
from app.booking.attente_saisie import CHAMPS, Dates, parse_attente
from app.booking.jugement import compute_fenetre
from app.booking.outils import Outils
from app.booking.usager.attente_lien import url_attente
from app.booking.usager.cartes import carte_de
from app.booking.usager.cookies import check_change_usager
from app.booking.usager.demande import Parcours
from app.booking.usager.etape_motif import refuse_en_ligne
from app.booking.usager.garde import (
    CHAMP,
    Affiche,
    admit_acte,
    admit_attente,
    has_demande,
    propose,
    read_reponse,
    show,
)
from app.booking.usager.lecture import Vue
from app.booking.usager.motifs import settle_nature
from app.booking.usager.visiteur import Requete, Visiteur, visiteur_usager
from app.domain.attente import ATTENTE_MAX_JOURS
from app.errors import Introuvable, RegleRefusee, SaisieInvalide, TropDeDemandes
from app.langue import _, get_langue, tr
from app.web.erreurs import wants_json


def find_dates(vue: Vue) -> Dates:
    """The days that may be asked for, today."""
    premier = compute_fenetre(vue.contexte, vue.canal, vue.maintenant).du
    return Dates(premier, max(premier, vue.aujourdhui + timedelta(days=ATTENTE_MAX_JOURS)))


@get("/rdv/{service_id:int}/attente", include_in_schema=False)
async def show_attente(request: Requete, outils: NamedDependency[Outils], service_id: FromPath[int]) -> Response[Any]:
    """The form."""
    visiteur = visiteur_usager(request)
    parcours = visiteur.read_parcours(service_id, request.query_params)
    async with outils.db.read() as conn:
        vue = await visiteur.read_vue(outils, conn, service_id, clock.now())
    return await _render(visiteur, outils, vue, parcours, _defaults(vue))


def _defaults(vue: Vue) -> dict[str, str]:
    horizon = compute_fenetre(vue.contexte, vue.canal, vue.maintenant).au
    return {"du": find_dates(vue).du.isoformat(), "au": horizon.isoformat(), "canal": "mail"}


@post("/rdv/{service_id:int}/attente", status_code=200, include_in_schema=False, before_request=check_change_usager)
async def join(request: Requete, outils: NamedDependency[Outils], service_id: FromPath[int]) -> Response[Any]:
    """Register, and go to the page that says to open the message. 422 with the form as it was typed."""
    visiteur = visiteur_usager(request)
    donnees: Mapping[str, Any] = await request.form()
    parcours = visiteur.read_parcours(service_id, donnees)
    async with outils.db.read() as conn:
        vue = await visiteur.read_vue(outils, conn, service_id, clock.now())
    saisie = read_saisie(donnees)
    if not url_attente(vue, parcours):
        return await _render(visiteur, outils, vue, parcours, saisie)
    sms = bool(outils.settings.sms_url)
    lue, erreurs = parse_attente(saisie, find_dates(vue), departement=vue.contexte.departement, sms=sms)
    inscription = Inscription(
        service_id=service_id,
        motif_id=parcours.motif,
        type_rdv=parcours.type_rdv,
        nature=settle_nature(vue.contexte.motif(parcours.motif), parcours.nature),
        du=lue.du,
        au=lue.au,
        demi_journee=lue.demi_journee,
        nom=lue.nom,
        canal=lue.canal,
        contact=lue.contact,
        langue=get_langue(),
    )
    try:
        if has_demande(donnees):
            neuf = await renew_defi(visiteur, outils, parcours.action("attente"))
            return neuf.as_answer() or await _render(visiteur, outils, vue, parcours, saisie, defi=neuf.defi)
        await register_guarded(visiteur, outils, vue, inscription, donnees, erreurs)
    except (RegleRefusee, TropDeDemandes, SaisieInvalide) as refus:
        return await _render(visiteur, outils, vue, parcours, saisie, refus)
    return Redirect(parcours.url("attente/envoyee", canal=lue.canal), status_code=303)


def read_saisie(donnees: Mapping[str, Any]) -> dict[str, str]:
    """The fields as they were typed."""
    return {champ: _read_texte(donnees.get(champ)) for champ in CHAMPS}


def _read_texte(valeur: object) -> str:
    return valeur.encode("utf-8", "replace").decode() if isinstance(valeur, str) else ""


async def register_guarded(
    visiteur: Visiteur,
    outils: Outils,
    vue: Vue,
    inscription: Inscription,
    donnees: Mapping[str, Any],
    erreurs: Mapping[str, str],
) -> None:
    """Register, once the form has no error left and whoever sends it is counted and allowed.

    Raises SaisieInvalide with every error (DefiRequis: a code is due), RegleRefusee, TropDeDemandes.
    """
    phrase = await read_reponse(visiteur, outils, donnees)
    if erreurs or phrase:
        raise SaisieInvalide(champs={**erreurs, **({CHAMP: phrase} if phrase else {})})
    async with admit_attente(visiteur, outils, vue, fold_contact(inscription.contact)):
        await register(outils, inscription, visiteur.auteur, vue.maintenant)


@dataclass(frozen=True, slots=True)
class Renouvele:
    """Another challenge, asked for by its button; ``en_json``: by the page's script."""

    defi: Affiche
    en_json: bool

    def as_answer(self) -> Response[Any] | None:
        """To the script; None for a page."""
        return Response(self.defi.as_json(), status_code=200) if self.en_json else None


async def renew_defi(visiteur: Visiteur, outils: Outils, action: str) -> Renouvele:
    """« Changer de code ». Raises TropDeDemandes."""
    await admit_acte(visiteur, outils, "renouveler")
    return Renouvele(await show(visiteur, outils, action, focus=True), wants_json(visiteur.request))


async def propose_defi(
    visiteur: Visiteur, outils: Outils, vue: Vue, action: str, refus: Exception | None
) -> Affiche | None:
    """The challenge under the form, if it has to show one."""
    exige = isinstance(refus, SaisieInvalide) and CHAMP in refus.champs
    return await propose(visiteur, outils, vue, exige=exige, acte="attente", renouveler=action)


@get("/rdv/{service_id:int}/attente/envoyee", include_in_schema=False)
async def show_envoyee(request: Requete, outils: NamedDependency[Outils], service_id: FromPath[int]) -> Response[Any]:
    """« Ouvrez le message »: the same for everybody."""
    visiteur = visiteur_usager(request)
    parcours = visiteur.read_parcours(service_id, request.query_params)
    async with outils.db.read() as conn:
        vue = await visiteur.read_vue(outils, conn, service_id, clock.now())
    donnees = {
        "titre": _("Confirmez votre inscription"),
        "sms": request.query_params.get("canal") == "sms",
        "retour": parcours.url("creneau") if parcours.motif and parcours.type_rdv else parcours.url("motif"),
        "retour_libelle": _("Revenir au calendrier"),
        "recommencer": parcours.url("attente"),
    }
    return visiteur.page("attente_envoyee", vue.contexte, donnees, vue.maintenant)


async def _render(
    visiteur: Visiteur,
    outils: Outils,
    vue: Vue,
    parcours: Parcours,
    saisie: Mapping[str, str],
    refus: RegleRefusee | TropDeDemandes | SaisieInvalide | None = None,
    *,
    defi: Affiche | None = None,
) -> Response[Any]:
    """The form; back to the first step when the choices are missing, and how to reach a service that keeps no list."""
    if not parcours.motif or not parcours.type_rdv:
        return Redirect(parcours.url("motif"), status_code=303)
    if not vue.en_ligne:
        return refuse_en_ligne(visiteur, vue, statut=refus.statut if refus else 200)
    motif = vue.contexte.motifs.get(parcours.motif)
    if motif is None:
        raise Introuvable("Ce motif n’existe pas dans ce service.")
    possibles, possible = find_dates(vue), bool(url_attente(vue, parcours))
    if possible and defi is None:
        defi = await propose_defi(visiteur, outils, vue, parcours.action("attente"), refus)
    donnees = {
        "titre": _("Être prévenu(e) quand une place se libère"),
        "action": parcours.action("attente"),
        "adresse": parcours.url("attente"),
        "parcours": parcours,
        "motif": motif.intitule,
        "type_libelle": tr(visiteur.mots.types[parcours.type_rdv][0]).lower(),
        "possible": possible,
        "defi": defi,
        "saisie": {champ: saisie.get(champ, "") for champ in CHAMPS},
        "erreurs": dict(refus.champs) if isinstance(refus, SaisieInvalide) else {},
        "refus": None if refus is None or isinstance(refus, SaisieInvalide) else refus,
        "premier": possibles.du.isoformat(),
        "dernier": possibles.au.isoformat(),
        "sms": bool(outils.settings.sms_url),
        "minutes": vue.contexte.parametres.attente_minutes,
        "retour": parcours.url("creneau"),
        "carte": carte_de(vue.contexte),
    }
    reponse = visiteur.page("attente", vue.contexte, donnees, vue.maintenant, statut=refus.statut if refus else 200)
    return wait(reponse, refus)


def wait(reponse: Response[Any], refus: Exception | None) -> Response[Any]:
    """The answer, with the time to wait of a 429."""
    if isinstance(refus, TropDeDemandes):
        reponse.headers["Retry-After"] = str(refus.details.get("attendre_s", 300))
    return reponse


ROUTES = [show_attente, join, show_envoyee]
