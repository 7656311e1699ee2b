"""Step 3: who, while the créneau is held; then the booking itself [A1 §2].

What was typed comes back with every answer that is not a success: a field to correct, a créneau lost, a page too old,
a hold extended without scripts. The form's key makes a double click, a reload or a second tab one rendez-vous.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import replace
from typing import Any, Final

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from app import clock
from app.booking import store
from app.booking.disponibilites import Disponibilite
from app.booking.jugement import Reservation
from app.booking.liens import jeton_lien
from app.booking.options import extend_option, place_option, release_option
from app.booking.outils import Outils
from app.booking.quota import QuotaAtteint
from app.booking.reserver import RdvReserve, book
from app.booking.unicite import MotifDejaPris, SuiteParMessage
from app.booking.usager.attente_connu import read_connu
from app.booking.usager.cle import derive_cle
from app.booking.usager.cookies import check_change_usager
from app.booking.usager.deja import answer_deja
from app.booking.usager.demande import Parcours, read_id
from app.booking.usager.etape_motif import refuse_en_ligne
from app.booking.usager.formulaire import Lue, read_formulaire, read_saisie
from app.booking.usager.garde import CHAMP as CHAMP_DEFI
from app.booking.usager.garde import (
    DefiRequis,
    admit_acte,
    admit_hold,
    book_guarded,
    check_reponse,
    propose,
)
from app.booking.usager.identite_connue import CHAMP as CHAMP_IDENTIFIE
from app.booking.usager.identite_connue import find_changement, merge
from app.booking.usager.lecture import Vue
from app.booking.usager.lieux import Choix, find_cible, find_lieu, keep_choix, read_choix_lieu
from app.booking.usager.motifs import find_types, settle_nature
from app.booking.usager.page_coordonnees import Ecran, render_coordonnees
from app.booking.usager.perdu import Perdu, build_perdu
from app.booking.usager.rejeu import find_cible_rejouee, is_tenue
from app.booking.usager.reprise import keep_saisie
from app.booking.usager.visiteur import Requete, Visiteur, visiteur_usager
from app.domain.raisons import Raison
from app.domain.vocabulaire import Canal
from app.errors import (
    AppError,
    AvertissementRequis,
    CreneauPris,
    Indisponible,
    Interdit,
    Introuvable,
    RegleRefusee,
    SaisieInvalide,
    TropDeDemandes,
)
from app.langue import get_langue
from app.web.dates import instant_utc
from app.web.dependances import provide_outils
from app.web.erreurs import wants_json
from app.web.securite import is_ours

#: Two tabs: a visitor holds one créneau, the last that he chose.
_AUTRE_CRENEAU: Final = (
    "Vous avez choisi un autre créneau depuis l’ouverture de cette page : c’est celui-ci qui vous est réservé."
)


@get("/rdv/{service_id:int}/coordonnees", include_in_schema=False)
async def show_coordonnees(
    request: Requete, outils: NamedDependency[Outils], service_id: FromPath[int]
) -> Response[Any]:
    """The form, for who holds a créneau; the confirmation, for who has just booked it; else back to step 2."""
    return await answer_coordonnees(visiteur_usager(request), outils, service_id)


async def answer_coordonnees(visiteur: Visiteur, outils: Outils, service_id: int) -> Response[Any]:
    """The same for any visitor."""
    request = visiteur.request
    parcours = visiteur.read_parcours(service_id, request.query_params)
    async with outils.db.read() as conn:
        vue = await visiteur.read_vue(outils, conn, service_id, clock.now())
        if vue.option is None:
            option_id = read_id(request.query_params.get("option"))
            suite = await _find_confirmation(visiteur, outils, conn, service_id, option_id)
            if suite:
                return Redirect(suite, status_code=303)
            debut = request.query_params.get("debut")
            if not (debut and parcours.type_rdv and parcours.motif in vue.contexte.motifs):
                etape = "creneau" if parcours.motif and parcours.type_rdv else "motif"
                return Redirect(parcours.url(etape, avis="expire"), status_code=303)
    if vue.option is None and not vue.en_ligne:
        return refuse_en_ligne(visiteur, vue)
    if vue.option is None:  # a form come back to after its créneau was lost: what was typed meets the nearest ones
        lue = read_fields(visiteur, vue, parcours, {"debut": debut})
        return await redo(visiteur, outils, vue, parcours, lue, None, perte=AppError(visiteur.mots.perdu))
    parcours = _of_hold(vue, parcours)
    if find_lieu(vue, parcours).id != vue.option.lieu:  # who receives for the service does so no more
        lue = read_fields(visiteur, vue, parcours, {"debut": vue.option.debut.isoformat()})
        return await redo(visiteur, outils, vue, parcours, lue, None, perte=_find_perte(visiteur, vue, parcours))
    cle = derive_cle(outils.settings, visiteur.secret, vue.option.id)
    voulue = read_id(request.query_params.get("option"))
    phrases = (_AUTRE_CRENEAU,) if voulue and voulue != vue.option.id else ()
    connu = await read_connu(outils, vue.option.id) if request.query_params.get("offre") else {}
    saisie = read_saisie(merge(connu, visiteur.usager, parcours.nature))
    defi = await propose(visiteur, outils, vue)
    ecran = Ecran(parcours, vue.option.tenue.debut, cle, saisie, phrases=phrases, defi=defi)
    return render_coordonnees(visiteur, vue, ecran)


def _find_perte(visiteur: Visiteur, vue: Vue, parcours: Parcours) -> AppError:
    """Why the place of these choices is none any more."""
    try:
        find_cible(vue, parcours)
    except RegleRefusee as refus:
        return refus
    return AppError(visiteur.mots.perdu)


async def _find_confirmation(
    visiteur: Visiteur, outils: Outils, conn: AsyncConnection, service_id: int, option_id: int
) -> str:
    """Where the rendez-vous that was booked under that hold is shown (the back button after the end), or ""."""
    if not option_id or not visiteur.has_secret():
        return ""
    cle = derive_cle(outils.settings, visiteur.secret, option_id)
    deja = await store.find_by_cle(conn, visiteur.print_cle(cle))
    if deja is None:
        return ""
    return visiteur.url_suite(service_id, deja["id"], jeton_lien(outils.settings, deja["lien_sel"]))


def _of_hold(vue: Vue, parcours: Parcours) -> Parcours:
    """The hold says which motif and type; the URL may be another tab's."""
    assert vue.option is not None
    motif = vue.contexte.motif(vue.option.motif_id)
    nature = settle_nature(motif, parcours.nature)
    option = vue.option
    return replace(parcours, motif=motif.id, type_rdv=option.type_rdv, nature=nature, lieu=option.lieu)


async def check_coordonnees(request: Requete) -> Response[Any] | None:
    """Origin and CSRF as everywhere; a token too old costs nobody what was typed: the form comes back filled (403)."""
    try:
        return await check_change_usager(request)
    except Interdit as refus:
        outils = provide_outils(request)
        if not is_ours(request, outils.settings) or wants_json(request):
            raise
        conserve = Interdit(refus.phrase, remede="Votre saisie est conservée : vérifiez-la puis validez de nouveau.")
        if "cle" not in await request.form():
            raise
        visiteur = visiteur_usager(request)
        lue, parcours, vue = await read_envoi(visiteur, outils, int(request.path_params["service_id"]))
        return await redo(visiteur, outils, vue, parcours, lue, conserve)


@post("/rdv/{service_id:int}/coordonnees", status_code=200, include_in_schema=False, before_request=check_coordonnees)
async def book_rdv(request: Requete, outils: NamedDependency[Outils], service_id: FromPath[int]) -> Response[Any]:
    """Book and go to the confirmation. 409 when the créneau is lost, 422 when something has to be corrected.

    503 with the form kept when PostgreSQL is away: its key makes another try safe, whatever became of this one.
    """
    reponse = book_coordonnees(visiteur_usager(request), outils, service_id)
    return await keep_answer(request, outils, service_id, reponse)


async def keep_answer(
    request: Requete, outils: Outils, service_id: int, reponse: Awaitable[Response[Any]]
) -> Response[Any]:
    """That answer, or the form as it was typed when the database cannot be asked."""
    try:
        return await reponse
    except Indisponible as refus:
        if wants_json(request):
            raise
        return keep_saisie(request, outils, service_id, await request.form(), refus)


async def book_coordonnees(visiteur: Visiteur, outils: Outils, service_id: int) -> Response[Any]:
    """Book for that visitor. Raises Indisponible, AccesRefuse, Interdit."""
    lue, parcours, vue = await read_envoi(visiteur, outils, service_id)
    try:
        lue = await check_reponse(visiteur, outils, lue)
        if not lue.valide:
            return await redo(visiteur, outils, vue, parcours, lue, SaisieInvalide(champs=lue.erreurs))
        reserve = await _book(visiteur, outils, vue, parcours, lue)
    except DefiRequis as requis:
        return await redo(visiteur, outils, vue, parcours, replace(lue, erreurs=requis.champs), requis)
    except TropDeDemandes as attente:
        return await redo(visiteur, outils, vue, parcours, lue, attente)
    except (MotifDejaPris, SuiteParMessage) as refus:
        await release_option(outils, visiteur.secret, clock.now())
        return await answer_deja(visiteur, outils, service_id, refus)
    except (CreneauPris, RegleRefusee, SaisieInvalide, AvertissementRequis) as refus:
        if parcours.lieu and refus.details.get("raison") == Raison.MOTIF_NON_PROPOSE:
            await release_option(outils, visiteur.secret, clock.now())  # the place held receives for nobody any more
        elif isinstance(refus, QuotaAtteint) and is_tenue(vue, parcours, lue.debut):
            # Who is told that it is lost has it no more.
            await release_option(outils, visiteur.secret, clock.now())
            vue = replace(vue, option=None)
        if isinstance(refus, RegleRefusee) and not vue.en_ligne and vue.option is None:
            return refuse_en_ligne(visiteur, vue, statut=refus.statut)
        return await redo(visiteur, outils, vue, parcours, lue, refus)
    deja = "deja=1" if not reserve.identique else ""
    suite = visiteur.url_suite(service_id, reserve.id, reserve.jeton)
    return Redirect(suite + (f"{'&' if '?' in suite else '?'}{deja}" if deja else ""), status_code=303)


async def _book(visiteur: Visiteur, outils: Outils, vue: Vue, parcours: Parcours, lue: Lue) -> RdvReserve:
    assert lue.debut is not None
    cible = await find_cible_rejouee(outils, vue, parcours, visiteur.print_cle(lue.cle))
    demande = Reservation(
        service_id=cible.service_id,
        delegation_id=cible.delegation_id,
        motif_id=parcours.motif,
        type_rdv=parcours.type_rdv,
        debut=lue.debut,
        canal=visiteur.canal,
        origine=lue.origine,
        usager=lue.usager,
        precision=lue.precision,
        cle=lue.cle,
        visite=visiteur.secret,
        langue=get_langue() if visiteur.canal == Canal.INTERNET else "fr",
        usager_id=None if visiteur.usager is None else visiteur.usager.usager_id,
        unique=visiteur.canal == Canal.INTERNET,
    )
    await visiteur.check(outils, vue, demande, lue)
    return await book_guarded(
        visiteur, outils, vue, demande, lambda: book(outils, demande, visiteur.auteur, clock.now())
    )


@post(
    "/rdv/{service_id:int}/option/prolonger",
    status_code=200,
    include_in_schema=False,
    before_request=check_coordonnees,
)
async def extend(request: Requete, outils: NamedDependency[Outils], service_id: FromPath[int]) -> Response[Any]:
    """« Garder 5 minutes de plus »: JSON for the page's script; else the same form, with what was typed.

    Raises Introuvable when the hold is over (to the script; without one the page says so).
    """
    return await keep_answer(request, outils, service_id, extend_hold(visiteur_usager(request), outils, service_id))


async def extend_hold(visiteur: Visiteur, outils: Outils, service_id: int) -> Response[Any]:
    """The same for any visitor."""
    request = visiteur.request
    donnees = await request.form()
    parcours = visiteur.read_parcours(service_id, donnees)
    expire: Introuvable | None = None
    try:
        await admit_acte(visiteur, outils, "prolonger")
        tenant = await _find_tenant(visiteur, outils, parcours)
        montree = read_id(donnees.get("option"))
        option = await extend_option(outils, tenant, visiteur.secret, clock.now(), option_id=montree)
        if wants_json(request):
            corps = {"expire_a": instant_utc(option.expire_a), "prolongeable": option.prolongeable}
            return Response(corps, status_code=200)
    except Introuvable as refus:
        if wants_json(request):
            raise
        expire = refus
    except TropDeDemandes as attente:
        if wants_json(request) or "cle" not in donnees:
            raise
        lue, parcours, vue = await read_envoi(visiteur, outils, service_id)
        return await redo(visiteur, outils, vue, parcours, lue, attente)
    if "cle" not in donnees:
        return Redirect(parcours.url("coordonnees"), status_code=303)
    lue, parcours, vue = await read_envoi(visiteur, outils, service_id)
    if expire is not None or vue.option is None:
        return await redo(visiteur, outils, vue, parcours, lue, None)
    defi = await propose(visiteur, outils, vue)
    ecran = Ecran(parcours, vue.option.tenue.debut, lue.cle, lue.saisie, focus=True, defi=defi)
    return render_coordonnees(visiteur, vue, ecran)


async def _find_tenant(visiteur: Visiteur, outils: Outils, parcours: Parcours) -> int:
    """The service where the visitor holds a créneau: another one may receive for the service."""
    if not parcours.lieu:
        return parcours.service_id
    async with outils.db.read() as conn:
        vue = await visiteur.read_vue(outils, conn, parcours.service_id, clock.now())
    return vue.option.service_id if vue.option is not None else parcours.service_id


@post("/rdv/{service_id:int}/option/rendre", status_code=200, include_in_schema=False, before_request=check_coordonnees)
async def give_back(request: Requete, outils: NamedDependency[Outils], service_id: FromPath[int]) -> Response[Any]:
    """« Rendre ce créneau »: somebody else may have it at once; what was typed waits for another one."""
    return await keep_answer(request, outils, service_id, give_back_hold(visiteur_usager(request), outils, service_id))


async def give_back_hold(visiteur: Visiteur, outils: Outils, service_id: int) -> Response[Any]:
    """The same for any visitor."""
    donnees = await visiteur.request.form()
    parcours = visiteur.read_parcours(service_id, donnees)
    await release_option(outils, visiteur.secret, clock.now())
    if "cle" not in donnees or not parcours.motif:
        etape = "creneau" if parcours.motif and parcours.type_rdv else "motif"
        return Redirect(parcours.url(etape, avis="rendu"), status_code=303)
    lue, parcours, vue = await read_envoi(visiteur, outils, service_id)
    perte = AppError(f"{visiteur.mots.avis_creneau['rendu'][0]}.")
    return await redo(visiteur, outils, vue, parcours, lue, None, perte=perte)


@get("/rdv/{service_id:int}/option/prolonger", include_in_schema=False)
async def reopen(request: Requete, service_id: FromPath[int]) -> Response[Any]:
    """Somebody reloads the address of an answer: back to the form of the hold, if it lives."""
    return Redirect(Parcours.read(service_id, request.query_params).url("coordonnees"), status_code=303)


async def read_envoi(visiteur: Visiteur, outils: Outils, service_id: int) -> tuple[Lue, Parcours, Vue]:
    """The form sent, the choices it carries and the service. Raises Introuvable for a motif of another catalogue."""
    donnees: Mapping[str, Any] = await visiteur.request.form()
    parcours = visiteur.read_parcours(service_id, donnees)
    async with outils.db.read() as conn:
        vue = await visiteur.read_vue(outils, conn, service_id, clock.now())
    motif = vue.contexte.motif(parcours.motif)
    lue = read_fields(visiteur, vue, parcours, donnees)
    if not parcours.type_rdv:
        lue = replace(lue, phrases=(*lue.phrases, "Choisissez un type de rendez-vous parmi ceux proposés."))
    type_rdv = parcours.type_rdv or next(iter(find_types(vue.contexte, motif, vue.canal)), "guichet")
    return lue, replace(parcours, type_rdv=type_rdv, nature=lue.usager.nature), vue


def read_fields(visiteur: Visiteur, vue: Vue, parcours: Parcours, donnees: Mapping[str, Any]) -> Lue:
    """The fields of step 3, read where the service is; of somebody signed in, as his session knows him."""
    nature, usager = settle_nature(vue.contexte.motif(parcours.motif), parcours.nature), visiteur.usager
    settings = provide_outils(visiteur.request).settings
    return read_formulaire(
        merge(donnees, usager, nature),
        nature=nature,
        departement=vue.contexte.departement,
        aujourdhui=vue.maintenant.astimezone(vue.contexte.zone).date(),
        par_agent=visiteur.par_agent,
        change=find_changement(settings, usager, donnees.get(CHAMP_IDENTIFIE)) if "cle" in donnees else "",
    )


async def redo(
    visiteur: Visiteur,
    outils: Outils,
    vue: Vue,
    parcours: Parcours,
    lue: Lue,
    refus: AppError | None,
    *,
    perte: AppError | None = None,
    information: str = "",
    defi_neuf: bool = False,
) -> Response[Any]:
    """The form again with everything typed, its créneau held once more if it can be, else the nearest ones.

    ``perte``: why it cannot, when that is known already. ``information``: see ``Ecran``. ``defi_neuf``: another
    challenge was asked for.
    """
    if not vue.en_ligne and vue.option is None:  # who holds a créneau finishes
        return refuse_en_ligne(visiteur, vue, statut=refus.statut if refus else 409)
    if isinstance(refus, CreneauPris | RegleRefusee):
        perte = refus
    if perte is None and not isinstance(refus, Interdit):  # what was not proven to be ours changes nothing
        perte = await _hold_again(visiteur, outils, vue, parcours, lue)
    vue, choix = await _read_again(visiteur, outils, vue, parcours, refus)
    parcours = replace(parcours, lieu=choix.lieu.id)
    tenue = vue.option.tenue if vue.option else None
    debut = lue.debut if lue.debut is not None else tenue.debut if tenue else None
    perdu: Perdu | None = None
    if perte is not None or debut is None:
        phrase = perte.phrase if perte is not None else "Choisissez un créneau."
        perdu = build_perdu(visiteur.request, vue, choix, parcours, phrase, debut or 0)
    exige = defi_neuf or CHAMP_DEFI in lue.erreurs
    ecran = Ecran(
        parcours,
        debut,
        lue.cle or derive_cle(outils.settings, visiteur.secret, vue.option.id if vue.option else 0),
        lue.saisie,
        erreurs=lue.erreurs if isinstance(refus, SaisieInvalide) else {},
        phrases=_phrases(refus, lue),
        perdu=perdu,
        statut=refus.statut if refus else (409 if isinstance(perte, CreneauPris) else 200),
        refus=refus,
        information=information,
        defi=await propose(visiteur, outils, vue, exige=exige, focus=defi_neuf),
    )
    reponse = render_coordonnees(visiteur, vue, ecran)
    if isinstance(refus, TropDeDemandes):
        reponse.headers["Retry-After"] = str(refus.details["attendre_s"])
    return reponse


async def _read_again(
    visiteur: Visiteur, outils: Outils, vue: Vue, parcours: Parcours, refus: AppError | None
) -> tuple[Vue, Choix]:
    """The service as it is now; as the refusal of the créneau found it a moment ago, when it says so.

    Hundreds may lose the same créneau at once: none of them has the database asked again what it has just answered.
    Where other services may receive too, it is asked: what it answered is true of one place alone.
    """
    trouvee = refus.details.get("disponibilite") if isinstance(refus, CreneauPris) else None
    if isinstance(trouvee, Disponibilite) and not vue.voisins:
        return keep_choix(vue, trouvee)
    async with outils.db.read() as conn:
        vue = await visiteur.read_vue(outils, conn, parcours.service_id, clock.now())
        return vue, await read_choix_lieu(outils, conn, vue, parcours)


def _phrases(refus: AppError | None, lue: Lue) -> tuple[str, ...]:
    if isinstance(refus, Interdit | TropDeDemandes):
        return (refus.phrase, refus.remede)
    if isinstance(refus, SaisieInvalide):
        return lue.phrases or (() if lue.erreurs else (refus.phrase, *refus.champs.values()))
    return ()


async def _hold_again(visiteur: Visiteur, outils: Outils, vue: Vue, parcours: Parcours, lue: Lue) -> AppError | None:
    """Keep (or take again) the créneau while the person corrects; the refusal when it is lost."""
    if lue.debut is None:
        return None
    try:
        if not is_tenue(vue, parcours, lue.debut):
            await admit_hold(visiteur, outils, parcours.service_id)
        cible = find_cible(vue, parcours)
        await place_option(
            outils,
            service_id=cible.service_id,
            delegation_id=cible.delegation_id,
            motif_id=parcours.motif,
            type_rdv=parcours.type_rdv,
            debut=lue.debut,
            visite=visiteur.secret,
            maintenant=vue.maintenant,
            canal=visiteur.canal,
        )
    except (CreneauPris, RegleRefusee) as refus:
        return refus
    except (DefiRequis, TropDeDemandes):  # not held for who asks for too many: the page says so
        return None
    return None


ROUTES = [show_coordonnees, book_rdv, extend, give_back, reopen]
