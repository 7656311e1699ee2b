"""Step 3: who, while the créneau is held; then the booking itself [A1 §2].

What was typed comes back with every answer that is not a success: a field to correct, a créneau lost, a page too old,
a hold extended without scripts. The form's key makes a double click, a reload or a second tab one rendez-vous.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import replace
from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response

from app import clock
from app.booking import store
from app.booking.disponibilites import Disponibilite
from app.booking.jugement import Reservation
from app.booking.liens import jeton_lien
from app.booking.options import extend_option, place_option, release_option
from app.booking.outils import Outils
from app.booking.quota import QuotaAtteint
from app.booking.reserver import RdvReserve, book
from app.booking.usager.cle import derive_cle, print_cle_usager
from app.booking.usager.cookies import check_change_usager, has_visite
from app.booking.usager.demande import Parcours, read_id
from app.booking.usager.etape_motif import refuse_en_ligne
from app.booking.usager.formulaire import Lue, read_formulaire, read_saisie
from app.booking.usager.lecture import Vue, read_vue
from app.booking.usager.lieux import Choix, find_cible, find_lieu, keep_choix, read_choix_lieu
from app.booking.usager.motifs import find_types, settle_nature
from app.booking.usager.page_coordonnees import Ecran, render_coordonnees
from app.booking.usager.perdu import Perdu, build_perdu
from app.booking.usager.rejeu import find_cible_rejouee, is_tenue
from app.booking.usager.reprise import keep_saisie
from app.domain.raisons import Raison
from app.errors import AppError, CreneauPris, Indisponible, Interdit, Introuvable, RegleRefusee, SaisieInvalide
from app.web.dates import instant_utc
from app.web.dependances import auteur_usager, provide_outils
from app.web.erreurs import wants_json
from app.web.securite import is_ours, visite

Requete = Request[Any, Any, Any]
_PERDU = "Ce créneau n’est plus réservé pour vous."


@get("/rdv/{service_id:int}/coordonnees", include_in_schema=False)
async def show_coordonnees(
    request: Requete, outils: NamedDependency[Outils], service_id: FromPath[int]
) -> Response[Any]:
    """The form, for who holds a créneau; the confirmation, for who has just booked it; else back to step 2."""
    parcours = Parcours.read(service_id, request.query_params)
    async with outils.db.read() as conn:
        vue = await read_vue(outils, conn, service_id, visite(request), clock.now())
        if vue.option is None:
            jeton = await _find_confirmation(request, outils, conn, read_id(request.query_params.get("option")))
            if jeton:
                return Redirect(f"/mon-rendez-vous/{jeton}", status_code=303)
            debut = request.query_params.get("debut")
            if not (debut and parcours.type_rdv and parcours.motif in vue.contexte.motifs):
                etape = "creneau" if parcours.motif and parcours.type_rdv else "motif"
                return Redirect(parcours.url(etape, avis="expire"), status_code=303)
    if vue.option is None and not vue.en_ligne:
        return refuse_en_ligne(request, vue)
    if vue.option is None:  # a form come back to after its créneau was lost: what was typed meets the nearest ones
        lue = _read_fields(vue, parcours, {"debut": debut})
        return await _redo(request, outils, vue, parcours, lue, None, perte=AppError(_PERDU))
    parcours = _of_hold(vue, parcours)
    if find_lieu(vue, parcours).id != vue.option.lieu:  # who receives for the service does so no more
        lue = _read_fields(vue, parcours, {"debut": vue.option.debut.isoformat()})
        return await _redo(request, outils, vue, parcours, lue, None, perte=_find_perte(vue, parcours))
    cle = derive_cle(outils.settings, visite(request), vue.option.id)
    return render_coordonnees(request, vue, Ecran(parcours, vue.option.tenue.debut, cle, read_saisie({})))


def _find_perte(vue: Vue, parcours: Parcours) -> AppError:
    """Why the place of these choices is none any more."""
    try:
        find_cible(vue, parcours)
    except RegleRefusee as refus:
        return refus
    return AppError(_PERDU)


async def _find_confirmation(request: Requete, outils: Outils, conn: Any, option_id: int) -> str:
    """The link of the rendez-vous that this visit booked under that hold (the back button after the end), or ""."""
    if not option_id or not has_visite(request):
        return ""
    cle = derive_cle(outils.settings, visite(request), option_id)
    deja = await store.find_by_cle(conn, print_cle_usager(cle))
    return jeton_lien(outils.settings, deja["lien_sel"]) if deja else ""


def _of_hold(vue: Vue, parcours: Parcours) -> Parcours:
    """The hold says which motif and type; the URL may be another tab's."""
    assert vue.option is not None
    motif = vue.contexte.motif(vue.option.motif_id)
    nature = settle_nature(motif, parcours.nature)
    return Parcours(parcours.service_id, motif.id, vue.option.type_rdv, nature, vue.option.lieu)


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
        lue, parcours, vue = await _read(request, outils, int(request.path_params["service_id"]))
        return await _redo(request, outils, vue, parcours, lue, conserve)


@post("/rdv/{service_id:int}/coordonnees", status_code=200, include_in_schema=False, before_request=check_coordonnees)
async def book_rdv(request: Requete, outils: NamedDependency[Outils], service_id: FromPath[int]) -> Response[Any]:
    """Book and go to the confirmation. 409 when the créneau is lost, 422 when something has to be corrected.

    503 with the form kept when PostgreSQL is away: its key makes another try safe, whatever became of this one.
    """
    return await _keep(request, outils, service_id, _answer(request, outils, service_id))


async def _keep(request: Requete, outils: Outils, service_id: int, reponse: Awaitable[Response[Any]]) -> Response[Any]:
    """That answer, or the form as it was typed when the database cannot be asked."""
    try:
        return await reponse
    except Indisponible as refus:
        if wants_json(request):
            raise
        return keep_saisie(request, outils, service_id, await request.form(), refus)


async def _answer(request: Requete, outils: Outils, service_id: int) -> Response[Any]:
    lue, parcours, vue = await _read(request, outils, service_id)
    if not lue.valide:
        return await _redo(request, outils, vue, parcours, lue, SaisieInvalide(champs=lue.erreurs))
    try:
        reserve = await _book(request, outils, vue, parcours, lue)
    except (CreneauPris, RegleRefusee, SaisieInvalide) as refus:
        if parcours.lieu and refus.details.get("raison") == Raison.MOTIF_NON_PROPOSE:
            await release_option(outils, visite(request), clock.now())  # the place held receives for nobody any more
        elif isinstance(refus, QuotaAtteint) and is_tenue(vue, parcours, lue.debut):
            # Who is told that it is lost has it no more.
            await release_option(outils, visite(request), clock.now())
            vue = replace(vue, option=None)
        if isinstance(refus, RegleRefusee) and not vue.en_ligne and vue.option is None:
            return refuse_en_ligne(request, vue, statut=refus.statut)
        return await _redo(request, outils, vue, parcours, lue, refus)
    deja = "?deja=1" if not reserve.identique else ""
    return Redirect(f"/mon-rendez-vous/{reserve.jeton}{deja}", status_code=303)


async def _book(request: Requete, outils: Outils, vue: Vue, parcours: Parcours, lue: Lue) -> RdvReserve:
    assert lue.debut is not None
    cible = await find_cible_rejouee(outils, vue, parcours, lue.cle)
    demande = Reservation(
        service_id=cible.service_id,
        delegation_id=cible.delegation_id,
        motif_id=parcours.motif,
        type_rdv=parcours.type_rdv,
        debut=lue.debut,
        canal="internet",
        origine="internet",
        usager=lue.usager,
        precision=lue.precision,
        cle=lue.cle,
        visite=visite(request),
    )
    return await book(outils, demande, auteur_usager(request), clock.now())


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
    return await _keep(request, outils, service_id, _extend(request, outils, service_id))


async def _extend(request: Requete, outils: Outils, service_id: int) -> Response[Any]:
    donnees = await request.form()
    parcours = Parcours.read(service_id, donnees)
    expire: Introuvable | None = None
    try:
        tenant = await _find_tenant(request, outils, parcours)
        option = await extend_option(outils, tenant, visite(request), clock.now())
        if wants_json(request):
            corps = {"expire_a": instant_utc(option.expire_a), "prolongeable": option.prolongeable}
            return Response(corps, status_code=200)
    except Introuvable as refus:
        if wants_json(request):
            raise
        expire = refus
    if "cle" not in donnees:
        return Redirect(parcours.url("coordonnees"), status_code=303)
    lue, parcours, vue = await _read(request, outils, service_id)
    if expire is not None or vue.option is None:
        return await _redo(request, outils, vue, parcours, lue, None)
    return render_coordonnees(request, vue, Ecran(parcours, vue.option.tenue.debut, lue.cle, lue.saisie, focus=True))


async def _find_tenant(request: Requete, outils: Outils, parcours: Parcours) -> int:
    """The service where the visitor holds a créneau: another one may receive for the service."""
    if not parcours.lieu:
        return parcours.service_id
    async with outils.db.read() as conn:
        vue = await read_vue(outils, conn, parcours.service_id, visite(request), clock.now())
    return vue.option.service_id if vue.option is not None else parcours.service_id


@post("/rdv/{service_id:int}/option/rendre", status_code=200, include_in_schema=False, before_request=check_coordonnees)
async def give_back(request: Requete, outils: NamedDependency[Outils], service_id: FromPath[int]) -> Response[Any]:
    """« Rendre ce créneau »: somebody else may have it at once; what was typed waits for another one."""
    return await _keep(request, outils, service_id, _give_back(request, outils, service_id))


async def _give_back(request: Requete, outils: Outils, service_id: int) -> Response[Any]:
    donnees = await request.form()
    parcours = Parcours.read(service_id, donnees)
    await release_option(outils, visite(request), clock.now())
    if "cle" not in donnees or not parcours.motif:
        etape = "creneau" if parcours.motif and parcours.type_rdv else "motif"
        return Redirect(parcours.url(etape, avis="rendu"), status_code=303)
    lue, parcours, vue = await _read(request, outils, service_id)
    return await _redo(request, outils, vue, parcours, lue, None, perte=AppError("Votre créneau a été rendu."))


@get("/rdv/{service_id:int}/option/prolonger", include_in_schema=False)
async def reopen(request: Requete, service_id: FromPath[int]) -> Response[Any]:
    """Somebody reloads the address of an answer: back to the form of the hold, if it lives."""
    return Redirect(Parcours.read(service_id, request.query_params).url("coordonnees"), status_code=303)


async def _read(request: Requete, outils: Outils, service_id: int) -> tuple[Lue, Parcours, Vue]:
    """The form, the choices it carries and the service. Raises Introuvable for a motif of another catalogue."""
    donnees: Mapping[str, Any] = await request.form()
    parcours = Parcours.read(service_id, donnees)
    maintenant = clock.now()
    async with outils.db.read() as conn:
        vue = await read_vue(outils, conn, service_id, visite(request), maintenant)
    motif = vue.contexte.motif(parcours.motif)
    lue = _read_fields(vue, parcours, donnees)
    if not parcours.type_rdv:
        lue = replace(lue, phrases=(*lue.phrases, "Choisissez un type de rendez-vous parmi ceux proposés."))
    type_rdv = parcours.type_rdv or next(iter(find_types(vue.contexte, motif)), "guichet")
    return lue, replace(parcours, type_rdv=type_rdv, nature=lue.usager.nature), vue


def _read_fields(vue: Vue, parcours: Parcours, donnees: Mapping[str, Any]) -> Lue:
    return read_formulaire(
        donnees,
        nature=settle_nature(vue.contexte.motif(parcours.motif), parcours.nature),
        departement=vue.contexte.departement,
        aujourdhui=vue.maintenant.astimezone(vue.contexte.zone).date(),
    )


async def _redo(
    request: Requete,
    outils: Outils,
    vue: Vue,
    parcours: Parcours,
    lue: Lue,
    refus: AppError | None,
    *,
    perte: AppError | None = None,
) -> Response[Any]:
    """The form again with everything typed, its créneau held once more if it can be, else the nearest ones.

    ``perte``: why it cannot, when that is known already.
    """
    if not vue.en_ligne and vue.option is None:  # who holds a créneau finishes
        return refuse_en_ligne(request, vue, statut=refus.statut if refus else 409)
    if isinstance(refus, CreneauPris | RegleRefusee):
        perte = refus
    if perte is None and not isinstance(refus, Interdit):  # what was not proven to be ours changes nothing
        perte = await _hold_again(request, outils, vue, parcours, lue)
    vue, choix = await _read_again(request, outils, vue, parcours, refus)
    parcours = replace(parcours, lieu=choix.lieu.id)
    tenue = vue.option.tenue if vue.option else None
    debut = lue.debut if lue.debut is not None else tenue.debut if tenue else None
    perdu: Perdu | None = None
    if perte is not None or debut is None:
        phrase = perte.phrase if perte is not None else "Choisissez un créneau."
        perdu = build_perdu(request, vue, choix, parcours, phrase, debut or 0)
    ecran = Ecran(
        parcours,
        debut,
        lue.cle or derive_cle(outils.settings, visite(request), vue.option.id if vue.option else 0),
        lue.saisie,
        erreurs=lue.erreurs if isinstance(refus, SaisieInvalide) else {},
        phrases=_phrases(refus, lue),
        perdu=perdu,
        statut=refus.statut if refus else (409 if isinstance(perte, CreneauPris) else 200),
    )
    return render_coordonnees(request, vue, ecran)


async def _read_again(
    request: Requete, outils: Outils, vue: Vue, parcours: Parcours, refus: AppError | None
) -> tuple[Vue, Choix]:
    """The service as it is now; as the refusal of the créneau found it a moment ago, when it says so.

    Hundreds may lose the same créneau at once: none of them has the database asked again what it has just answered.
    Where other services may receive too, it is asked: what it answered is true of one place alone.
    """
    trouvee = refus.details.get("disponibilite") if isinstance(refus, CreneauPris) else None
    if isinstance(trouvee, Disponibilite) and not vue.voisins:
        return keep_choix(vue, trouvee)
    async with outils.db.read() as conn:
        vue = await read_vue(outils, conn, parcours.service_id, visite(request), clock.now())
        return vue, await read_choix_lieu(outils, conn, vue, parcours)


def _phrases(refus: AppError | None, lue: Lue) -> tuple[str, ...]:
    if isinstance(refus, Interdit):
        return (refus.phrase, refus.remede)
    if isinstance(refus, SaisieInvalide):
        return lue.phrases or (() if lue.erreurs else (refus.phrase, *refus.champs.values()))
    return ()


async def _hold_again(request: Requete, outils: Outils, vue: Vue, parcours: Parcours, lue: Lue) -> AppError | None:
    """Keep (or take again) the créneau while the person corrects; the refusal when it is lost."""
    if lue.debut is None:
        return None
    try:
        cible = find_cible(vue, parcours)
        await place_option(
            outils,
            service_id=cible.service_id,
            delegation_id=cible.delegation_id,
            motif_id=parcours.motif,
            type_rdv=parcours.type_rdv,
            debut=lue.debut,
            visite=visite(request),
            maintenant=vue.maintenant,
        )
    except (CreneauPris, RegleRefusee) as refus:
        return refus
    return None


ROUTES = [show_coordonnees, book_rdv, extend, give_back, reopen]
