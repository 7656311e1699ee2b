"""Step 2: day and hour, live, then the hold that keeps the créneau during step 3 [A1 §2].

The page and its fragment are one template, rendered by ``render_creneau``; they depend on the version of the créneaux,
on the choices of the URL and on the visitor's own hold, never on the minute of the day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any, Final

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from markupsafe import Markup

from app import clock
from app.booking.disponibilites import Disponibilite
from app.booking.fragments import Fragments
from app.booking.options import place_option
from app.booking.outils import Outils
from app.booking.usager.attente_lien import url_attente
from app.booking.usager.calendrier import Calendrier, Tenue, en_mots, quand_de
from app.booking.usager.cartes import carte_de, lieu_de_l_heure
from app.booking.usager.cookies import check_change_usager
from app.booking.usager.demande import Parcours, check_service_id, read_choix, read_debut, read_jour, read_mois
from app.booking.usager.etape_motif import refuse_en_ligne
from app.booking.usager.garde import DefiRequis, admit_hold, has_demande, read_reponse
from app.booking.usager.lecture import Vue
from app.booking.usager.lieux import (
    Choix,
    Cible,
    Lieu,
    describe_live,
    find_cible,
    present_lieux,
    read_choix_lieu,
)
from app.booking.usager.motifs import compute_etape
from app.booking.usager.verification import render_verification
from app.booking.usager.visiteur import Visiteur, visiteur_usager
from app.domain.creneaux import Creneau, compute_grille
from app.domain.horaires import from_minute
from app.domain.raisons import Raison
from app.errors import AppError, CreneauPris, Introuvable, RegleRefusee, SaisieInvalide, TropDeDemandes
from app.langue import _, get_langue, tr
from app.web.dates import heure
from app.web.pages import render

_regions = Fragments()
#: Least time between two refreshes of a grid that frames alone cannot keep, while créneaux go by the dozen.
FOULE_MS: Final = 12_000
_LEGENDES: Final[Mapping[Raison, str]] = {
    Raison.DELAI: "Délai : le service prépare votre dossier, il faut le prévenir à l’avance ({phrase})",
    Raison.HORIZON: "Plus tard : ces jours s’ouvriront à la réservation ({phrase})",
    Raison.DUREE_TROP_LONGUE: "Trop court : aucune plage assez longue pour ce rendez-vous",
}


@get("/rdv/{service_id:int}/creneau", include_in_schema=False)
async def show_creneau(
    request: Request[Any, Any, Any], outils: NamedDependency[Outils], service_id: FromPath[int]
) -> Response[Any]:
    """The month, the hours of the day, the first free créneau."""
    visiteur = visiteur_usager(request)
    return await answer_creneau(visiteur, outils, visiteur.read_parcours(service_id, request.query_params))


@get("/rdv/{service_id:int}/creneau/fragment", include_in_schema=False)
async def show_fragment(
    request: Request[Any, Any, Any], outils: NamedDependency[Outils], service_id: FromPath[int]
) -> Response[Any]:
    """The live region alone."""
    visiteur = visiteur_usager(request)
    parcours = visiteur.read_parcours(service_id, request.query_params)
    return await answer_creneau(visiteur, outils, parcours, fragment=True)


@post("/rdv/{service_id:int}/option", status_code=200, include_in_schema=False, before_request=check_change_usager)
async def choose_creneau(
    request: Request[Any, Any, Any], outils: NamedDependency[Outils], service_id: FromPath[int]
) -> Response[Any]:
    """Hold the créneau and go on to step 3; when it is no longer free, the same page with the nearest ones (409)."""
    return await hold_creneau(visiteur_usager(request), outils, service_id)


async def hold_creneau(visiteur: Visiteur, outils: Outils, service_id: int) -> Response[Any]:
    """The same for any visitor."""
    donnees = await visiteur.request.form()
    parcours = visiteur.read_parcours(service_id, donnees)
    if not parcours.motif or not parcours.type_rdv:
        return Redirect(parcours.url("motif"), status_code=303)
    jour: date | None = None
    try:
        if has_demande(donnees):
            return await render_verification(visiteur, outils, parcours, donnees)
        phrase = await read_reponse(visiteur, outils, donnees)
        if phrase:
            raise DefiRequis(phrase)
        debut = read_debut(donnees.get("debut"))
        jour = read_jour(str(donnees.get("debut"))[:10])
        cible = await read_cible(visiteur, outils, parcours)
        await admit_hold(visiteur, outils, parcours.service_id)
        option = await place_option(
            outils,
            service_id=cible.service_id,
            delegation_id=cible.delegation_id,
            motif_id=parcours.motif,
            type_rdv=parcours.type_rdv,
            debut=debut,
            visite=visiteur.secret,
            maintenant=clock.now(),
            canal=visiteur.canal,
        )
    except DefiRequis as requis:
        return await render_verification(visiteur, outils, parcours, donnees, requis)
    except TropDeDemandes as attente:
        reponse = await answer_creneau(visiteur, outils, parcours, refus=attente, jour=jour)
        reponse.headers["Retry-After"] = str(attente.details["attendre_s"])
        return reponse
    except (CreneauPris, RegleRefusee, SaisieInvalide) as refus:
        return await answer_creneau(visiteur, outils, parcours, refus=refus, jour=jour)
    return Redirect(parcours.url("coordonnees", option=option.id), status_code=303)


@get(["/rdv/{service_id:int}/option", "/rdv/{service_id:int}/option/rendre"], include_in_schema=False)
async def reopen(service_id: FromPath[int]) -> Response[Any]:
    """Somebody reloads the address of an answer: back to the start of the journey, which changes nothing."""
    return Redirect(f"/rdv/{check_service_id(service_id)}/motif", status_code=303)


async def read_cible(visiteur: Visiteur, outils: Outils, parcours: Parcours) -> Cible:
    """Where the choices lead; raises RegleRefusee (422) for a place that is none any more, a visio without address."""
    if parcours.type_rdv != "visio" and not parcours.lieu:
        return Cible(parcours.service_id, None)
    async with outils.db.read() as conn:
        vue = await visiteur.read_vue(outils, conn, parcours.service_id, clock.now())
    return find_cible(vue, parcours)


async def answer_creneau(
    visiteur: Visiteur,
    outils: Outils,
    parcours: Parcours,
    *,
    fragment: bool = False,
    refus: AppError | None = None,
    jour: date | None = None,
) -> Response[Any]:
    """Step 2 as a page, or its live region alone; with the refusal of a choice, and its day, when there is one.

    Raises Introuvable for an unknown service, and for a fragment whose motif is no longer there.
    """
    maintenant, request = clock.now(), visiteur.request
    async with outils.db.read() as conn:
        vue = await visiteur.read_vue(outils, conn, parcours.service_id, maintenant)
        if not vue.en_ligne and not fragment:
            return refuse_en_ligne(visiteur, vue, statut=refus.statut if refus else 200)
        parcours = _complete(request, vue, parcours)
        if not _is_complete(vue, parcours):
            if fragment:
                raise Introuvable("Ce motif n’est plus proposé par ce service.")
            return Redirect(_back_to_motif(request, parcours), status_code=303)
        choix = await read_choix_lieu(outils, conn, vue, parcours)
    if not vue.en_ligne:
        choix = replace(choix, dispos={**choix.dispos, choix.lieu.id: close_grille(choix.dispo)})
    region = render_region(visiteur, vue, choix, parcours, jour)
    if fragment:
        return Response(region.encode(), media_type="text/html")
    parcours = replace(parcours, lieu=choix.lieu.id)
    donnees = {
        "region": region,
        "action": parcours.action("option"),
        "parcours": parcours,
        "motif": vue.contexte.motif(parcours.motif),
        "duree": choix.dispo.demande.duree,
        "type_libelle": tr(visiteur.mots.types[parcours.type_rdv][0]).lower(),
        "titre": _("Date et heure"),
        "etape": 2,
        "heure_donnees": heure(maintenant, vue.contexte.zone),
        "changer": replace(parcours, lieu=0).url("motif"),
        "avis": visiteur.mots.avis_creneau.get(request.query_params.get("avis", "")) if refus is None else None,
        "refus": _present_refus(refus, vue, choix, parcours),
        "tenue": present_tenue(vue, parcours),
        "attente": url_attente(vue, parcours),
        "adresse": parcours.url("creneau", jour=jour.isoformat() if jour else ""),
    }
    return visiteur.page("creneau", vue.contexte, donnees, maintenant, statut=refus.statut if refus else 200)


def _complete(request: Request[Any, Any, Any], vue: Vue, parcours: Parcours) -> Parcours:
    """The same choices, the motif found from the levels that step 1 sends (m1, m2, m3)."""
    choix = read_choix(request.query_params)
    if parcours.motif or not choix:
        return parcours
    etape = compute_etape(vue.contexte, parcours.nature, choix, parcours.type_rdv, vue.voisins, vue.canal)
    if etape.feuille is None:
        return parcours
    return replace(parcours, motif=etape.feuille.motif.id, type_rdv=etape.type_rdv, nature=etape.nature)


def _is_complete(vue: Vue, parcours: Parcours) -> bool:
    videos = (vue.contexte.visio_base, *(voisin.visio_base for _confiee, voisin in vue.voisins))
    possible = parcours.type_rdv != "visio" or any(videos)
    return parcours.motif in vue.contexte.motifs and bool(parcours.type_rdv) and possible


def _back_to_motif(request: Request[Any, Any, Any], parcours: Parcours) -> str:
    """Step 1 with what was answered, and the question that was left."""
    return parcours.url("motif", **read_choix(request.query_params), demande=request.query_params.get("demande", ""))


def render_region(visiteur: Visiteur, vue: Vue, choix: Choix, parcours: Parcours, voulu: date | None) -> Markup:
    """The live region, rendered once for all the visitors who hold nothing and look at the same thing."""
    request = visiteur.request
    mois, jour = read_mois(request.query_params.get("mois")), read_jour(request.query_params.get("jour"))
    cle = None
    if vue.option is None:
        cle = (get_langue(), vue.epoque, choix.cle, vue.en_ligne, vue.contexte.id, parcours, mois, jour, voulu)
    html = None if cle is None else _regions.get(cle)
    if html is None:
        contexte = build_region(vue, choix, parcours, mois, jour, voulu)
        html = render(request, "booking/usager/_creneaux.html", {**contexte, "mots": visiteur.mots})
        if cle is not None:
            _regions.put(cle, html)
    return Markup(html)  # noqa: S704 (a template's own output, escaped there)


def build_region(
    vue: Vue,
    choix: Choix,
    parcours: Parcours,
    mois_demande: date | None,
    lue: date | None,
    voulu: date | None,
) -> dict[str, Any]:
    """The context of the live region: a function of the versions, the choices and the visitor's own hold."""
    dispo, lieu, demande = choix.dispo, choix.lieu, parcours
    parcours = replace(parcours, lieu=lieu.id)
    tenue = find_tenue(vue, lieu)
    calendrier = Calendrier(dispo, tenue, url_jour(parcours))
    jour = calendrier.choose_jour(voulu if voulu is not None and calendrier.libres.get(voulu) else lue)
    premier = calendrier.choose_mois(mois_demande, jour)
    contexte = lieu.contexte
    plus = {"jour": jour.isoformat(), "mois": f"{premier:%Y-%m}" if mois_demande else ""}
    raison = calendrier.raison(jour)
    return {
        "sujets": " ".join(suivi.sujet for suivi in choix.suivis),
        "parcours": parcours,
        "version": " ".join(str(suivi.versions.creneaux) for suivi in choix.suivis),
        "lieux": present_lieux(vue, choix, parcours),
        "epoque": vue.epoque,
        "zone": contexte.zone.key,
        "lieu": lieu_de_l_heure(contexte.zone),
        "url_fragment": demande.url("creneau/fragment", **plus),
        "changer": replace(parcours, lieu=0).url("motif"),
        "impossible": dispo.fenetre.phrase(dispo.grille.raison) if dispo.grille.raison else "",
        "en_ligne": vue.en_ligne,
        "sans_plage": not any(journee.candidats for journee in dispo.grille.jours.values()),
        "dernier_jour": en_mots(dispo.fenetre.au),
        "premier": calendrier.premier_libre(),
        "mois": calendrier.mois(premier, jour),
        "legendes": _legendes(dispo, calendrier.raisons_du_mois(premier)),
        "heures": calendrier.heures(jour),
        "ferme": "" if raison in (None, Raison.COMPLET) else dispo.fenetre.phrase(raison),
        "donnees_json": {**calendrier.donnees(), **describe_live(choix)},
        # Frames alone keep the grid of one place; with several, or so many a day, it has to be asked for again.
        "foule": FOULE_MS if len(choix.suivis) > 1 else 0,
        "carte": carte_de(contexte),
    }


def find_tenue(vue: Vue, lieu: Lieu) -> Tenue | None:
    """The visitor's own hold, when it is of that place."""
    return vue.option.tenue if vue.option is not None and vue.option.lieu == lieu.id else None


def close_grille(dispo: Disponibilite) -> Disponibilite:
    """The same days without a single créneau: the service closed its online booking while the page was open."""
    demande, ouvertures = dispo.demande, dispo.contexte.ouvertures(dispo.fenetre.du, dispo.fenetre.au)
    vide = compute_grille(demande, (), ouvertures, {}, dispo.fenetre, dispo.contexte.zone)
    return replace(dispo, grille=vide)


def url_jour(parcours: Parcours) -> Callable[[date], str]:
    """The address of step 2 on a day."""
    return lambda jour: parcours.url("creneau", jour=jour.isoformat())


def _legendes(dispo: Disponibilite, raisons: Iterable[Raison]) -> list[str]:
    presentes = frozenset(raisons)
    return [
        _(modele).format(phrase=tr(dispo.fenetre.phrase(raison)))
        for raison, modele in _LEGENDES.items()
        if raison in presentes
    ]


def present_alternatives(calendrier: Calendrier, creneaux: Iterable[Creneau]) -> list[dict[str, str]]:
    """Buttons for other créneaux: what they post and what they say, in the order of time."""
    zone = calendrier.zone
    return [
        {"debut": from_minute(c.debut).astimezone(zone).isoformat(), "texte": calendrier.quand(c.debut)}
        for c in sorted(creneaux, key=lambda creneau: creneau.debut)
    ]


def _present_refus(refus: AppError | None, vue: Vue, choix: Choix, parcours: Parcours) -> dict[str, Any] | None:
    if refus is None:
        return None
    calendrier = Calendrier(choix.dispo, find_tenue(vue, choix.lieu), url_jour(parcours))
    alternatives = refus.details.get("alternatives", ())
    pris = isinstance(refus, CreneauPris)
    reste = _("Choisissez l’un des créneaux les plus proches, ou un autre jour.") if alternatives else ""
    return {
        "phrase": refus.phrase,
        "remede": (reste or _("Choisissez un autre créneau ci-dessous.")) if pris else refus.remede,
        "alternatives": present_alternatives(calendrier, alternatives),
    }


def present_tenue(vue: Vue, parcours: Parcours) -> dict[str, str] | None:
    """The visitor's live hold, with the way back to step 3; None without one."""
    option = vue.option
    if option is None:
        return None
    garde = replace(parcours, motif=option.motif_id, type_rdv=option.type_rdv, lieu=option.lieu)
    return {
        "quand": quand_de(option.debut, vue.contexte.zone),
        "jusqu_a": heure(option.expire_a, vue.contexte.zone),
        "url": garde.url("coordonnees", option=option.id),
    }


ROUTES = [show_creneau, show_fragment, choose_creneau, reopen]
