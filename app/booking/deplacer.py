"""Move a RDV: another date, hour, guichet, motif or type; same rules as booking, same code, its history kept [A1 §3.2].

The quota of the delegation that day is locked, then the exchange of places of the services concerned, then the row,
then the guichets (advisory, in order); then one UPDATE asks the exclusion constraint: a rival who was faster makes it
fail, and the next free guichet is tried. The place left is told free at once. By a delegation the RDV goes to another
service, which receives it under the rules that an usager would meet there, or comes back home (``app.booking.trajet``).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking import store
from app.booking.affectations import notify_affectes
from app.booking.destination import Cible, Place, build_place, is_deja, list_forcages
from app.booking.jugement import Projet, check_debut, judge
from app.booking.liberation import release, thaw
from app.booking.occupation import add_alternatives
from app.booking.outils import Auteur, Outils
from app.booking.quota import check_quota
from app.booking.refus import raise_raison, raise_refus
from app.booking.suites import follow, leave_place, record, take_place, write_messages
from app.booking.titres import ParDroit, Titre, keep_prouvee
from app.booking.trajet import Trajet, find_trajet, select_rdv
from app.booking.unicite import Existant, find_autre
from app.booking.vie import journal_refus
from app.booking.visio import build_visio
from app.db import UnitOfWork, sqlstate
from app.domain.droits import Refuse, decide_modification
from app.domain.horaires import from_minute
from app.domain.raisons import Raison
from app.domain.rendez_vous import Action, TransitionRefusee, transition
from app.domain.vocabulaire import Canal, TypeRdv
from app.errors import Conflit, CreneauPris, Indisponible, Introuvable, TransitionImpossible
from app.outbox import PlanningChange
from app.tables import RendezVous

__all__ = ["Cible", "RdvDeplace", "Tenue", "move"]

_DEPLACE: Final = ("id", "service_id", "guichet_id", "debut", "fin", "revision")


@dataclass(frozen=True, slots=True)
class RdvDeplace:
    """Where the RDV is now. ``change`` is False when it already was there."""

    id: int
    service_id: int
    guichet_id: int
    debut: datetime
    fin: datetime
    revision: int
    change: bool


@dataclass(frozen=True, slots=True)
class Tenue:
    """A hold that keeps the place for this very move. ``make_way`` ends it, in the transaction: raises if it is gone.

    ``ligne``: its guichet_id, debut, fin, jour, delegation_id.
    """

    ligne: Mapping[str, Any]
    make_way: Callable[[UnitOfWork], Awaitable[None]]


async def move(
    outils: Outils,
    rdv_id: int,
    cible: Cible,
    auteur: Auteur,
    maintenant: datetime,
    *,
    revision: int | None = None,
    titre: Titre | None = None,
    tenue: Tenue | None = None,
) -> RdvDeplace:
    """Move a RDV that ``titre`` reaches, by its rules: by default, of a service whose agenda the agent holds.

    Away by a delegation, or back from one, it is the right on the RDV's home that counts. What was judged is what is
    written: the planning of both services is checked again under their locks, the quota under its own.

    Raises Introuvable (journaled), Conflit on a stale ``revision``, TransitionImpossible, SaisieInvalide or
    RegleRefusee (422), AvertissementRequis (409), CreneauPris (409, ``details['alternatives']``), Indisponible; and, to
    an usager who asks for another motif, MotifDejaPris or SuiteParMessage (409): he has one for that motif.
    """
    if titre is None:
        assert auteur.agent_id is not None
        titre = ParDroit(auteur.agent_id)
    check_debut(cible.debut)
    for _ in range(3):
        try:
            deplace = await _attempt(outils, rdv_id, cible, auteur, maintenant, revision, titre, tenue)
        except PlanningChange:  # the organisation changed meanwhile: judge again
            continue
        if deplace is None:
            await journal_refus(outils, rdv_id, auteur, "replanifier", maintenant)
            raise Introuvable(titre.introuvable)
        return deplace
    raise Indisponible(
        "L’organisation de ce service est en cours de modification.", remede="Réessayez dans un instant."
    )


async def _attempt(
    outils: Outils,
    rdv_id: int,
    cible: Cible,
    auteur: Auteur,
    maintenant: datetime,
    revision: int | None,
    titre: Titre,
    tenue: Tenue | None,
) -> RdvDeplace | None:
    requete = select_rdv(rdv_id, titre)
    async with outils.db.read() as conn:
        rdv = await _read(conn, requete, titre)
        if rdv is None:
            return None
        if is_deja(rdv, cible):
            return RdvDeplace(**{champ: rdv[champ] for champ in _DEPLACE}, change=False)
        trajet = await find_trajet(outils, conn, rdv, cible.service_id, cible.delegation_id)
        if trajet is None:
            return None
        decision = decide_modification(titre.canal, titre.acces, trajet.depart.parametres)
        if isinstance(decision, Refuse):
            raise_refus(decision)
        place, deplace = build_place(rdv, cible, trajet, titre.canal)
        trajet = trajet.settle(rdv, place.motif_id, _jour(place, trajet))
        offert = trajet.change_de_service or trajet.confie  # what is offered there, as to who only sees créneaux
        if titre.canal != Canal.RATTACHE and place.type_rdv != rdv["type_rdv"]:
            offert = True
        if offert and place.type_rdv == TypeRdv.VISIO and not trajet.arrivee.visio_base:
            raise_raison(Raison.TYPE_NON_PROPOSE)
        recue = trajet.delegation if trajet.confie else None
        bornes: dict[str, Any] = {
            "delegation": trajet.find_recue(place.motif_id),
            "acquis": trajet.find_acquis(rdv),
        }
        try:
            projet = await judge(
                outils,
                conn,
                trajet.arrivee,
                trajet.versions,
                place,
                maintenant,
                deplace=None if trajet.confie else deplace,  # sent elsewhere, it is judged like a booking made there
                delegation=recue,
                tenue=None if tenue is None else tenue.ligne,
            )
            if tenue is not None:
                projet = _keep_held(projet, tenue)
        except CreneauPris as refus:
            await add_alternatives(outils, conn, place, refus, maintenant, trajet.versions, **bornes)
            raise

    async def travail(uow: UnitOfWork) -> RdvDeplace | Existant | None:
        for service in (trajet.depart, trajet.arrivee):
            uow.annonces.expect_planning(service.id, service.version_planning)
        if titre.canal == Canal.INTERNET and place.motif_id != rdv["motif_id"]:
            autre = await find_autre(outils, uow, rdv, place.motif_id, auteur, maintenant)
            if autre is not None:
                return autre
        if tenue is not None:
            await tenue.make_way(uow)
        jour = _jour(place, trajet)
        quota = trajet.find_quota(rdv, jour)
        if quota is not None:
            await check_quota(uow.conn, quota, jour, maintenant, sauf=rdv_id)
        await store.lock_echange(uow.conn, trajet.depart.id, trajet.arrivee.id)  # before the row, as who ends an offer
        actuel = await _read(uow.conn, requete.with_for_update(of=RendezVous), titre)
        if actuel is None or not trajet.is_permis(actuel):
            if tenue is not None:
                raise Introuvable(titre.introuvable)  # not committed: what made way for it comes back
            return None
        if (revision is not None and revision != actuel["revision"]) or actuel["revision"] != rdv["revision"]:
            raise Conflit(etat=actuel["etat"], revision=actuel["revision"])
        return await _write(outils, uow, projet, trajet, place, actuel, auteur, maintenant)

    try:
        fait = await outils.db.transaction(travail)
    except CreneauPris as refus:
        async with outils.db.read() as conn:
            await add_alternatives(outils, conn, place, refus, maintenant, **bornes)
        raise
    if isinstance(fait, Existant):
        raise fait.build_refus()
    return fait


def _keep_held(projet: Projet, tenue: Tenue) -> Projet:
    """There and nowhere else: what the hold leaves, the RDV takes. Raises CreneauPris."""
    if tenue.ligne["guichet_id"] not in projet.candidats:
        raise CreneauPris
    return replace(projet, candidats=(tenue.ligne["guichet_id"],))


def _jour(place: Place, trajet: Trajet) -> date:
    """The day asked for, where it is received."""
    return from_minute(place.debut).astimezone(trajet.arrivee.zone).date()


async def _read(conn: AsyncConnection, requete: Select[*tuple[Any, ...]], titre: Titre) -> dict[str, Any] | None:
    return keep_prouvee((await conn.execute(requete)).mappings().one_or_none(), titre)


async def _write(
    outils: Outils,
    uow: UnitOfWork,
    projet: Projet,
    trajet: Trajet,
    place: Place,
    rdv: Mapping[str, Any],
    auteur: Auteur,
    maintenant: datetime,
) -> RdvDeplace:
    conn, contexte = uow.conn, trajet.arrivee
    debut, fin = from_minute(place.debut), from_minute(projet.fin)
    jour = _jour(place, trajet)
    issue = transition(
        rdv["etat"],
        Action.REPLANIFIER,
        jour_rdv=rdv["jour"],
        jour_local_courant=maintenant.astimezone(contexte.zone).date(),
        heure_a_venir=None,
        a_distance=rdv["type_rdv"] != "guichet",
        jour_cible=jour,
    )
    if isinstance(issue, TransitionRefusee):
        raise TransitionImpossible(issue.phrase, etat=issue.etat.value, cause=issue.cause.value)
    faits = ("service_id", "debut", "fin", "motif_id", "type_rdv")
    memes = tuple(rdv[fait] for fait in faits) == (contexte.id, debut, fin, place.motif_id, place.type_rdv)
    if memes and place.guichet_id in (None, rdv["guichet_id"]):
        return RdvDeplace(rdv["id"], rdv["service_id"], rdv["guichet_id"], debut, fin, rdv["revision"], False)
    valeurs: dict[str, Any] = {
        "service_id": contexte.id,
        "service_origine_id": trajet.origine_id,
        "delegation_id": trajet.delegation_id,
        "debut": debut,
        "fin": fin,
        "jour": jour,
        "motif_id": place.motif_id,
        "type_rdv": place.type_rdv,
        # The room belongs to the service that receives.
        "visio_lien": build_visio(contexte, place.type_rdv, "" if trajet.change_de_service else rdv["visio_lien"]),
        "sequence": rdv["sequence"] + 1,
        "revision": rdv["revision"] + 1,
        "modifie_a": maintenant,
    }
    candidats = projet.candidats
    await store.lock_guichets(conn, {rdv["guichet_id"], *candidats})
    if place.canal == Canal.RATTACHE and place.guichet_id is not None:
        await thaw(uow, place.guichet_id, debut, fin, maintenant, service_id=contexte.id)
    release(uow, await store.delete_options_mortes(conn, maintenant, guichets=candidats), maintenant)
    valeurs |= await _take(conn, rdv["id"], candidats, valeurs, list_forcages(projet, place, rdv, trajet))
    await follow(uow, rdv, valeurs, contexte.site_id)
    await record(uow, trajet, rdv, valeurs, auteur, maintenant)
    await leave_place(uow, trajet, rdv, maintenant)
    take_place(uow, valeurs)
    deplace = {**rdv, **valeurs}
    await notify_affectes(
        uow, outils.settings, contexte, "deplace", deplace, auteur, maintenant, ancien=rdv, depart=trajet.depart
    )
    await write_messages(outils, uow, trajet, deplace, rdv["debut"], maintenant)
    return RdvDeplace(rdv["id"], contexte.id, valeurs["guichet_id"], debut, fin, valeurs["revision"], True)


async def _take(
    conn: AsyncConnection,
    rdv_id: int,
    candidats: Sequence[int],
    valeurs: Mapping[str, Any],
    find_forcages: Callable[[int], list[str]],
) -> dict[str, Any]:
    """Put the RDV on the first candidate that the constraint accepts: that guichet, and what it takes to be there.

    Raises CreneauPris when there is none, PlanningChange when the guichet was deleted meanwhile.
    """
    for guichet_id in candidats:
        pris = {"guichet_id": guichet_id, "forcages": find_forcages(guichet_id)}
        async with conn.begin_nested() as point:
            try:
                await conn.execute(update(RendezVous).where(RendezVous.id == rdv_id).values(**valeurs, **pris))
            except IntegrityError as erreur:
                await point.rollback()
                if sqlstate(erreur) == "23503":
                    raise PlanningChange from erreur
                if sqlstate(erreur) != "23P01":
                    raise
                continue
        return pris
    raise CreneauPris
