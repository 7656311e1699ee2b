"""Booking by an attached agent: the form, its warnings, its alternatives [A1 §3.2, « Prendre un RDV par l'agenda »].

The agent may choose any hour of an open guichet within sixty days; what leaves the frame set by the service is listed
and asked to be confirmed, and a RDV that the person already holds here is announced before anything is written.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypedDict

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response

from app import clock
from app.booking.agents.acces import Acces, open_service, write_acte
from app.booking.agents.affichage import url_jour
from app.booking.agents.formulaire import DejaUnRendezVous, Retour, explain, is_panneau, render_formulaire
from app.booking.agents.identite import identify
from app.booking.agents.lectures import find_futurs
from app.booking.agents.mots import nom_guichet
from app.booking.agents.place_choisie import parse_place, render_place
from app.booking.agents.saisie import Lecture, Saisie, apply_choix, parse_saisie, prefill, read_saisie
from app.booking.contexte import ServiceContexte
from app.booking.forms import UsagerSaisi, parse_usager
from app.booking.messages import find_destination
from app.booking.outils import Outils
from app.booking.reserver import RdvReserve, book, preview
from app.booking.traces import Trace
from app.errors import AppError, Conflit, SaisieInvalide
from app.identite.acteur import Acteur
from app.identite.empreintes import print_critere
from app.web.dates import heure, jour_long
from app.web.dependances import auteur_agent
from app.web.erreurs import wants_json
from app.web.pages import page


class _Numeros(TypedDict):
    numero_fiscal: str | None
    siren: str | None


@get("/services/{service_id:int}/rendez-vous/nouveau", include_in_schema=False)
async def show_nouveau(
    request: Request[Any, Any, Any],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    service_id: FromPath[int],
) -> Response[bytes]:
    """The form, with the place that was clicked."""
    acces = await open_service(outils, acteur, request, service_id)
    contexte = await _contexte(outils, acces)
    demande = request.query_params
    ouverts = [g.id for g in contexte.guichets.values() if g.ouvert]
    saisie = Saisie(
        {
            "guichet": demande.get("guichet") or (str(ouverts[0]) if len(ouverts) == 1 else ""),
            "jour": demande.get("jour") or "",
            "du": demande.get("heure") or "",
            "nature": "professionnel" if demande.get("nature") == "professionnel" else "particulier",
            "type": "guichet",
            "cle": secrets.token_urlsafe(24),
        }
    )
    return await _show(request, outils, acteur, acces, contexte, saisie, Retour())


@post("/services/{service_id:int}/rendez-vous", status_code=200, include_in_schema=False)
async def do_reserver(
    request: Request[Any, Any, Any],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    service_id: FromPath[int],
) -> Response[Any]:
    """Book, or show the form again with what stands in the way; nothing typed is lost."""
    maintenant = clock.now()
    acces = await open_service(outils, acteur, request, service_id)
    contexte = await _contexte(outils, acces)
    saisie = apply_choix(await read_saisie(request), contexte)
    faire = saisie["faire"]
    if faire in ("particulier", "professionnel"):
        return await _show(request, outils, acteur, acces, contexte, saisie.avec(nature=faire), Retour())
    if faire == "rechercher":
        saisie, retour = await _search(request, outils, acteur, contexte, saisie, maintenant)
        return await _show(request, outils, acteur, acces, contexte, saisie, retour)
    lu = parse_saisie(saisie, contexte, maintenant.astimezone(contexte.zone).date())
    try:
        rdv = await _save(request, outils, acteur, contexte, saisie, lu, maintenant)
    except AppError as refus:
        if wants_json(request) or refus.statut in (401, 404, 503):
            raise
        return await _show(request, outils, acteur, acces, contexte, saisie, explain(refus))
    if is_panneau(request):
        debut = rdv.debut.astimezone(contexte.zone)
        quand = f"{jour_long(debut.date())} à {heure(rdv.debut, contexte.zone)}, {nom_guichet(rdv.guichet_nom)}"
        ou = find_destination(outils.settings, lu.usager.courriel, lu.usager.telephones)
        suite = {
            "rdv_id": rdv.id,
            "code": rdv.code,
            "quand": quand,
            "agenda": url_jour(contexte.id, debut.date()),
            "lettre": "" if ou else f"/rendez-vous/{rdv.id}/lettre",
        }
        return page(request, "booking/agents/_enregistre.html", suite)
    if wants_json(request):
        message = f"Rendez-vous enregistré : code {rdv.code}"
        return Response({"message": message, "id": rdv.id, "code": rdv.code, "suite": f"/rendez-vous/{rdv.id}"})
    return Redirect(f"/rendez-vous/{rdv.id}?enregistre=1", status_code=303)


async def _show(
    request: Request[Any, Any, Any],
    outils: Outils,
    acteur: Acteur,
    acces: Acces,
    contexte: ServiceContexte,
    saisie: Saisie,
    retour: Retour,
) -> Response[bytes]:
    """The form, with what becomes of the place it holds."""
    champs = {
        "jour": saisie["jour"],
        "guichet": saisie["guichet"],
        "heure": saisie["du"],
        "fin": saisie["au"],
        "motif": saisie["motif"],
        "type": saisie["type"],
    }
    region = await render_place(request, outils, acces, contexte, parse_place(champs, contexte))
    return render_formulaire(request, acteur, contexte, saisie, retour, region)


async def _contexte(outils: Outils, acces: Acces) -> ServiceContexte:
    async with outils.db.read() as conn:
        return await outils.dispo.contextes.get(conn, acces.service_id, acces.versions.planning)


async def _save(
    request: Request[Any, Any, Any],
    outils: Outils,
    acteur: Acteur,
    contexte: ServiceContexte,
    saisie: Saisie,
    lu: Lecture,
    maintenant: datetime,
) -> RdvReserve:
    """The RDV. Raises the AppError to explain; one already held is listed with the other warnings, on one page."""
    if lu.reservation is None:
        raise SaisieInvalide(champs=lu.erreurs)
    demande, auteur = lu.reservation, auteur_agent(acteur, request)
    async with outils.db.read() as conn:
        futurs = tuple(
            await find_futurs(
                conn,
                acteur.agent_id,
                contexte.id,
                maintenant,
                numero_fiscal=lu.usager.numero_fiscal,
                siren=lu.usager.siren,
                sauf_cle=demande.print_cle(auteur),
            )
        )
    if futurs:
        await _journal_recherche(request, outils, acteur, contexte, lu.usager, [ligne["id"] for ligne in futurs])
    try:
        if futurs and saisie["deja_vu"] != "1":
            raise DejaUnRendezVous(alertes=await preview(outils, demande, auteur, maintenant))
        rdv = await book(outils, demande, auteur, maintenant)
    except AppError as refus:
        refus.details["futurs"] = futurs
        raise
    if rdv.rejoue and not rdv.identique:
        raise Conflit(
            f"Ce formulaire a déjà servi à enregistrer le rendez-vous {rdv.code}.",
            remede="Ouvrez un nouveau formulaire depuis l’agenda pour prendre un autre rendez-vous.",
        )
    return rdv


async def _search(
    request: Request[Any, Any, Any],
    outils: Outils,
    acteur: Acteur,
    contexte: ServiceContexte,
    saisie: Saisie,
    maintenant: datetime,
) -> tuple[Saisie, Retour]:
    """Find a person by numéro fiscal or SIREN: fields filled, RDV already held announced; the read is journaled."""
    champ = "siren" if saisie["nature"] == "professionnel" else "numero_fiscal"
    aujourdhui = maintenant.astimezone(contexte.zone).date()
    usager, erreurs = parse_usager(
        saisie.champs, departement=contexte.departement, aujourdhui=aujourdhui, par_agent=True
    )
    numero = usager.siren if champ == "siren" else usager.numero_fiscal
    if numero is None:
        phrase = erreurs.get(champ) or "Saisissez le numéro à rechercher."
        return saisie, Retour(statut=422, erreurs={champ: phrase}, phrase="La recherche n’a pas pu être faite.")
    trouve = await identify(outils, acteur.agent_id, contexte, usager, maintenant.astimezone(contexte.zone).date())
    async with outils.db.read() as conn:
        siens: _Numeros = {"numero_fiscal": usager.numero_fiscal, "siren": usager.siren}
        futurs = tuple(await find_futurs(conn, acteur.agent_id, contexte.id, maintenant, **siens))
    montres = {ligne["id"] for ligne in futurs} | ({trouve.rdv_id} if trouve.rdv_id else set())
    await _journal_recherche(request, outils, acteur, contexte, usager, sorted(montres), registre=trouve.registre)
    if trouve.connu is None:
        return saisie, Retour(information=trouve.phrase, futurs=futurs)
    return prefill(saisie, contexte, trouve.connu), Retour(information=trouve.phrase, futurs=futurs)


async def _journal_recherche(
    request: Request[Any, Any, Any],
    outils: Outils,
    acteur: Acteur,
    contexte: ServiceContexte,
    usager: UsagerSaisi,
    rdv: Sequence[int],
    *,
    registre: bool = False,
) -> None:
    """Who was looked up, as the print of each number; which RDV were shown; whether the register answered."""
    numeros = {"numero_fiscal": usager.numero_fiscal, "siren": usager.siren}
    criteres = {nom: print_critere(outils.settings, nom, valeur) for nom, valeur in numeros.items() if valeur}
    faits = {"criteres": criteres, "rdv": list(rdv), "registre": registre}
    await write_acte(outils, acteur, request, Trace("usager.recherche", contexte.id, apres=faits))


ROUTES = [show_nouveau, do_reserver]
