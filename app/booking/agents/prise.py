"""Booking by an attached agent: the form, its warnings, its alternatives [A1 §3.2, « Prendre un RDV par l'agenda »].

The agent may choose any hour of an open guichet within sixty days; what leaves the frame set by the service is listed
and asked to be confirmed, and a RDV that the person already holds here is announced before anything is written.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import datetime
from typing import Any

from litestar import Request, get, post
from litestar.response import Redirect, Response

from app import clock
from app.booking.agents.acces import Acces, open_service, write_acte
from app.booking.agents.formulaire import DejaUnRendezVous, Retour, explain, render_formulaire
from app.booking.agents.lectures import find_futurs, find_identite
from app.booking.agents.saisie import Lecture, Saisie, apply_choix, parse_saisie, prefill, read_saisie
from app.booking.contexte import ServiceContexte
from app.booking.forms import parse_usager
from app.booking.jugement import Reservation, compute_fenetre
from app.booking.outils import Outils
from app.booking.refus import raise_refus
from app.booking.reserver import RdvReserve, book
from app.domain.contexte import build_contexte
from app.domain.creneaux import Demande
from app.domain.droits import AConfirmer, Refuse, decide_reservation
from app.domain.horaires import jour_local
from app.errors import AppError, Conflit, SaisieInvalide
from app.identite.acteur import Acteur
from app.web.dependances import auteur_agent
from app.web.erreurs import wants_json


@get("/services/{service_id:int}/rendez-vous/nouveau", include_in_schema=False)
async def show_nouveau(
    request: Request[Any, Any, Any], outils: Outils, acteur: Acteur, service_id: int
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
            "nature": "particulier",
            "type": "guichet",
            "cle": secrets.token_urlsafe(24),
        }
    )
    return render_formulaire(request, acteur, contexte, saisie, Retour())


@post("/services/{service_id:int}/rendez-vous", status_code=200, include_in_schema=False)
async def do_reserver(
    request: Request[Any, Any, Any], outils: Outils, acteur: Acteur, service_id: int
) -> Response[Any]:
    """Book, or show the form again with what stands in the way; nothing typed is lost."""
    maintenant = clock.now()
    acces = await open_service(outils, acteur, request, service_id)
    contexte = await _contexte(outils, acces)
    saisie = apply_choix(await read_saisie(request), contexte)
    faire = saisie["faire"]
    if faire in ("particulier", "professionnel"):
        return render_formulaire(request, acteur, contexte, saisie.avec(nature=faire), Retour())
    if faire == "rechercher":
        saisie, retour = await _search(request, outils, acteur, contexte, saisie, maintenant)
        return render_formulaire(request, acteur, contexte, saisie, retour)
    lu = parse_saisie(saisie, contexte, maintenant.astimezone(contexte.zone).date())
    try:
        rdv = await _save(request, outils, acteur, acces, contexte, saisie, lu, maintenant)
    except AppError as refus:
        if wants_json(request) or refus.statut in (401, 404, 503):
            raise
        return render_formulaire(request, acteur, contexte, saisie, explain(refus))
    if wants_json(request):
        message = f"Rendez-vous enregistré : code {rdv.code}"
        return Response({"message": message, "id": rdv.id, "code": rdv.code, "suite": f"/rendez-vous/{rdv.id}"})
    return Redirect(f"/rendez-vous/{rdv.id}?enregistre=1", status_code=303)


async def _contexte(outils: Outils, acces: Acces) -> ServiceContexte:
    async with outils.db.read() as conn:
        return await outils.dispo.contextes.get(conn, acces.service_id, acces.versions.planning)


async def _save(
    request: Request[Any, Any, Any],
    outils: Outils,
    acteur: Acteur,
    acces: Acces,
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
                contexte.id,
                maintenant,
                numero_fiscal=lu.usager.numero_fiscal,
                siren=lu.usager.siren,
                sauf_cle=demande.print_cle(auteur),
            )
        )
    try:
        if futurs and saisie["deja_vu"] != "1":
            raise DejaUnRendezVous(alertes=await _preview(outils, acces, contexte, demande, maintenant))
        rdv = await book(outils, demande, auteur, maintenant)
    except AppError as refus:
        refus.details["futurs"] = futurs
        raise
    if rdv.rejoue and not rdv.identique:
        raise Conflit(
            f"Ce formulaire a déjà servi à enregistrer le rendez-vous {rdv.code}.",
            remede="Ouvrez un nouveau formulaire depuis l'agenda pour prendre un autre rendez-vous.",
        )
    return rdv


async def _preview(
    outils: Outils, acces: Acces, contexte: ServiceContexte, demande: Reservation, maintenant: datetime
) -> list[dict[str, str]]:
    """The warnings that booking would raise, without booking. Raises its refusals."""
    assert demande.guichet_id is not None
    motif, guichet = contexte.motif(demande.motif_id), contexte.guichets[demande.guichet_id]
    jour = jour_local(demande.debut, contexte.zone)
    async with outils.db.read() as conn:
        prises = await outils.dispo.occupations(conn, contexte, acces.versions, jour, jour, maintenant)
    faits = build_contexte(
        Demande(motif.id, demande.type_rdv, demande.canal, motif.duree, contexte.pas),
        demande.debut,
        demande.debut + (demande.duree or motif.duree),
        guichet if motif.ouvert else replace(guichet, motifs=frozenset[int]()),
        contexte.ouvertures(jour, jour),
        prises.par_guichet.get(guichet.id, ()),
        compute_fenetre(contexte, demande.canal, maintenant),
        contexte.zone,
        acquittees=demande.acquittees,
    )
    decision = decide_reservation(demande.canal, faits)
    if isinstance(decision, Refuse):
        raise_refus(decision)
    if not isinstance(decision, AConfirmer):
        return []
    return [{"code": a.value, "phrase": p} for a, p in zip(decision.alertes, decision.phrases, strict=True)]


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
    usager, erreurs = parse_usager(
        saisie.champs, departement=contexte.departement, aujourdhui=maintenant.astimezone(contexte.zone).date()
    )
    numero = usager.siren if champ == "siren" else usager.numero_fiscal
    if numero is None:
        phrase = erreurs.get(champ) or "Saisissez le numéro à rechercher."
        return saisie, Retour(statut=422, erreurs={champ: phrase}, phrase="La recherche n'a pas pu être faite.")
    async with outils.db.read() as conn:
        connu = await find_identite(conn, contexte.id, numero_fiscal=usager.numero_fiscal, siren=usager.siren)
        futurs = tuple(
            await find_futurs(conn, contexte.id, maintenant, numero_fiscal=usager.numero_fiscal, siren=usager.siren)
        )
    await write_acte(outils, acteur, request, "usager.recherche", service_id=contexte.id)
    if connu is None:
        return saisie, Retour(information="Aucun usager connu avec ce numéro : saisissez ses coordonnées.")
    information = "Coordonnées reprises de la dernière visite : vérifiez-les avec l'usager."
    return prefill(saisie, contexte, connu), Retour(information=information, futurs=futurs)


ROUTES = [show_nouveau, do_reserver]
