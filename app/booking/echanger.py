"""Exchange the places of two RDV of a service in one act: each takes the hour and the guichet of the other [A1 §3.2].

Neither could move first: the other is in its way. Under the lock of exchanges of the service, both rows are locked in
the order of their ids, stop occupying anything, move, and occupy again, in one transaction; nobody else can take either
place meanwhile. Each keeps its code, its motif, its type and its duration: the same rules and warnings apply as to two
moves by an attached agent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking import store
from app.booking.affectations import notify_affectes
from app.booking.contexte import ServiceContexte
from app.booking.deplacer import RdvDeplace
from app.booking.destination import Cible, Place, build_place, list_forcages
from app.booking.duree import keep_duree
from app.booking.jugement import Deplace, Projet, judge
from app.booking.liberation import freeze, release, thaw
from app.booking.outils import Auteur, Outils
from app.booking.suites import follow, record, take_place, tell_left, write_messages
from app.booking.titres import ParDroit, Titre
from app.booking.trajet import Trajet, find_trajet, select_rdv
from app.booking.vie import journal_refus
from app.db import UnitOfWork, sqlstate
from app.domain.horaires import Intervalle, floor_minute, from_minute, subtract
from app.domain.rendez_vous import Action, Evenement, TransitionRefusee, transition
from app.errors import (
    AvertissementRequis,
    Conflit,
    CreneauPris,
    Indisponible,
    Introuvable,
    RegleRefusee,
    SaisieInvalide,
    TransitionImpossible,
)
from app.outbox import PlanningChange
from app.tables import Journal, RendezVous

_MEME: Final = "Choisissez un autre rendez-vous : celui-ci ne s’échange pas avec lui-même."
_AILLEURS: Final = "Ces deux rendez-vous ne sont pas reçus par le même service : ils ne s’échangent pas."
_CONFIE: Final = "Un rendez-vous confié par un autre service ne s’échange que dans sa journée : déplacez-le."
_TROP_LONG: Final = "L’échange ne tient pas : l’un des deux rendez-vous est trop long pour la place de l’autre."
_SEPAREMENT: Final = "Rien n’a été échangé : déplacez l’un des deux vers une place libre."


@dataclass(frozen=True, slots=True)
class _Partie:
    """One of the two: its row as read, where it is, and where it goes."""

    rdv: dict[str, Any]
    trajet: Trajet
    place: Place
    deplace: Deplace
    projet: Projet | None = None


async def exchange(
    outils: Outils,
    rdv_id: int,
    autre_id: int,
    auteur: Auteur,
    maintenant: datetime,
    *,
    revisions: tuple[int | None, int | None] = (None, None),
    acquittees: frozenset[str] = frozenset(),
) -> tuple[RdvDeplace, RdvDeplace]:
    """Exchange two RDV of one service whose agenda the agent holds; ``revisions`` are those he saw, in that order.

    Raises Introuvable (journaled), Conflit on a stale revision, TransitionImpossible, RegleRefusee or SaisieInvalide
    (422), AvertissementRequis (409) listing the warnings of either, Conflit too when one is too long for the place of
    the other, Indisponible.
    """
    if rdv_id == autre_id:
        raise SaisieInvalide(_MEME)
    assert auteur.agent_id is not None
    titre = ParDroit(auteur.agent_id)
    for _ in range(3):
        try:
            faits = await _attempt(outils, (rdv_id, autre_id), titre, auteur, maintenant, revisions, acquittees)
        except PlanningChange:  # the organisation changed meanwhile: judge again
            continue
        if faits is None:
            await journal_refus(outils, rdv_id, auteur, "replanifier", maintenant)
            raise Introuvable(titre.introuvable)
        return faits
    raise Indisponible(
        "L’organisation de ce service est en cours de modification.", remede="Réessayez dans un instant."
    )


async def preview_exchange(
    outils: Outils, rdv_id: int, autre_id: int, auteur: Auteur, maintenant: datetime
) -> list[dict[str, str]]:
    """The warnings that an exchange would raise, before anything is written. Raises what ``exchange`` would refuse."""
    assert auteur.agent_id is not None
    titre = ParDroit(auteur.agent_id)
    async with outils.db.read() as conn:
        rangs = await _read_both(outils, conn, (rdv_id, autre_id), titre, frozenset())
        if rangs is None:
            raise Introuvable(titre.introuvable)
        try:
            await _judge_both(outils, conn, rangs, maintenant)
        except AvertissementRequis as avertissement:
            return list(avertissement.details["alertes"])
    return []


async def _attempt(
    outils: Outils,
    ids: tuple[int, int],
    titre: Titre,
    auteur: Auteur,
    maintenant: datetime,
    revisions: tuple[int | None, int | None],
    acquittees: frozenset[str],
) -> tuple[RdvDeplace, RdvDeplace] | None:
    async with outils.db.read() as conn:
        lues = await _read_both(outils, conn, ids, titre, acquittees)
        if lues is None:
            return None
        deja = await _find_deja(conn, lues, auteur, revisions)
        if deja is not None:
            return deja
        jugees = await _judge_both(outils, conn, lues, maintenant)

    async def travail(uow: UnitOfWork) -> tuple[RdvDeplace, RdvDeplace] | None:
        service = jugees[0].trajet.arrivee
        uow.annonces.expect_planning(service.id, service.version_planning)
        tenues = list(jugees)
        await store.lock_echange(uow.conn, service.id)  # before the rows, as whoever ends an offer
        for rang in sorted((0, 1), key=lambda r: ids[r]):  # the same order for whoever exchanges them the other way
            actuel = await _read(uow.conn, ids[rang], titre, verrou=True)
            if actuel is None or not jugees[rang].trajet.is_permis(actuel):
                return None
            vue = revisions[rang]
            if (vue is not None and vue != actuel["revision"]) or actuel["revision"] != jugees[rang].rdv["revision"]:
                raise Conflit(etat=actuel["etat"], revision=actuel["revision"], rdv=ids[rang])
            tenues[rang] = replace(jugees[rang], rdv=actuel)  # what was written meanwhile without a new revision counts
        return await _write(outils, uow, (tenues[0], tenues[1]), auteur, maintenant)

    return await outils.db.transaction(travail)


async def _read(conn: AsyncConnection, rdv_id: int, titre: Titre, *, verrou: bool = False) -> dict[str, Any] | None:
    requete = select_rdv(rdv_id, titre)
    if verrou:
        requete = requete.with_for_update(of=RendezVous)
    ligne = (await conn.execute(requete)).mappings().one_or_none()
    return None if ligne is None else dict(ligne)


async def _read_both(
    outils: Outils, conn: AsyncConnection, ids: tuple[int, int], titre: Titre, acquittees: frozenset[str]
) -> tuple[_Partie, _Partie] | None:
    """Both, each aimed at the place of the other; None when one is not his."""
    un, deux = await _read(conn, ids[0], titre), await _read(conn, ids[1], titre)
    if un is None or deux is None:
        return None
    if un["service_id"] != deux["service_id"]:
        raise RegleRefusee(_AILLEURS)
    if un["jour"] != deux["jour"] and (un["delegation_id"] or deux["delegation_id"]):
        raise RegleRefusee(_CONFIE)
    parties = []
    for rdv, autre in ((un, deux), (deux, un)):
        trajet = await find_trajet(outils, conn, rdv, None, None)
        if trajet is None:
            return None
        cible = Cible(floor_minute(autre["debut"]), autre["guichet_id"], acquittees=acquittees)
        cible = keep_duree(cible, rdv, trajet.arrivee)
        place, deplace = build_place(rdv, cible, trajet, titre.canal)
        parties.append(_Partie(rdv, trajet, place, deplace))
    return parties[0], parties[1]


async def _find_deja(
    conn: AsyncConnection,
    parties: tuple[_Partie, _Partie],
    auteur: Auteur,
    revisions: tuple[int | None, int | None],
) -> tuple[RdvDeplace, RdvDeplace] | None:
    """Both as they are when the same agent has just made this very exchange (a double click); None otherwise."""
    if any(vue is None or p.rdv["revision"] != vue + 1 for p, vue in zip(parties, revisions, strict=True)):
        return None
    for partie, autre in (parties, parties[::-1]):
        derniere = select(Journal.action, Journal.agent_id, Journal.avant).where(Journal.rdv_id == partie.rdv["id"])
        ligne = (await conn.execute(derniere.order_by(Journal.id.desc()).limit(1))).one_or_none()
        if ligne is None or (ligne.action, ligne.agent_id) != (Evenement.REPLANIFIE, auteur.agent_id):
            return None
        quittee = (ligne.avant["guichet"], datetime.fromisoformat(ligne.avant["debut"]))
        if quittee != (autre.rdv["guichet_id"], autre.rdv["debut"]):
            return None
    un, deux = (
        RdvDeplace(
            **{c: p.rdv[c] for c in ("id", "service_id", "guichet_id", "debut", "fin", "revision")}, change=False
        )
        for p in parties
    )
    return un, deux


async def _judge_both(
    outils: Outils, conn: AsyncConnection, parties: tuple[_Partie, _Partie], maintenant: datetime
) -> tuple[_Partie, _Partie]:
    """The rules of a move, for each, once the other has left. Raises AvertissementRequis with the warnings of both."""
    alertes: list[dict[str, str]] = []
    jugees = []
    for partie, autre in (parties, parties[::-1]):
        _check_transition(partie, autre.rdv["jour"], maintenant)
        trajet = partie.trajet
        try:
            projet = await judge(
                outils,
                conn,
                trajet.arrivee,
                trajet.versions,
                partie.place,
                maintenant,
                deplace=partie.deplace,
                quittees=(autre.deplace,),
            )
        except AvertissementRequis as avertissement:
            dites = avertissement.details["alertes"]
            alertes += [{**a, "phrase": f"{partie.rdv['code']} : {a['phrase']}"} for a in dites]
            continue
        except CreneauPris as refus:
            raise Conflit(_TROP_LONG, remede=_SEPAREMENT) from refus
        jugees.append(_Partie(partie.rdv, trajet, partie.place, partie.deplace, projet))
    if alertes:
        raise AvertissementRequis(alertes=alertes)
    return jugees[0], jugees[1]


def _check_transition(partie: _Partie, jour_cible: Any, maintenant: datetime) -> None:
    rdv = partie.rdv
    issue = transition(
        rdv["etat"],
        Action.REPLANIFIER,
        jour_rdv=rdv["jour"],
        jour_local_courant=maintenant.astimezone(partie.trajet.arrivee.zone).date(),
        heure_a_venir=None,
        a_distance=rdv["type_rdv"] != "guichet",
        jour_cible=jour_cible,
    )
    if isinstance(issue, TransitionRefusee):
        raise TransitionImpossible(f"{rdv['code']} : {issue.phrase}", etat=issue.etat.value, cause=issue.cause.value)


async def _write(
    outils: Outils, uow: UnitOfWork, parties: tuple[_Partie, _Partie], auteur: Auteur, maintenant: datetime
) -> tuple[RdvDeplace, RdvDeplace]:
    conn, contexte = uow.conn, parties[0].trajet.arrivee
    nouvelles = [_build_valeurs(partie, maintenant) for partie in parties]
    guichets = sorted({valeurs["guichet_id"] for valeurs in nouvelles})
    await store.lock_guichets(conn, guichets)
    for valeurs in nouvelles:
        await thaw(uow, valeurs["guichet_id"], valeurs["debut"], valeurs["fin"], maintenant, service_id=contexte.id)
    release(uow, await store.delete_options_mortes(conn, maintenant, guichets=guichets), maintenant)
    await _move_rows(conn, parties, nouvelles)
    for partie, valeurs in zip(parties, nouvelles, strict=True):
        deplace = {**partie.rdv, **valeurs}
        await follow(uow, partie.rdv, deplace, contexte.site_id)
        await record(uow, partie.trajet, partie.rdv, deplace, auteur, maintenant)
        await notify_affectes(uow, outils.settings, contexte, "deplace", deplace, auteur, maintenant, ancien=partie.rdv)
        if deplace["debut"] != partie.rdv["debut"]:  # another guichet at the same hour is nothing to an usager
            await write_messages(outils, uow, partie.trajet, deplace, partie.rdv["debut"], maintenant)
    for partie in parties:
        tell_left(uow, partie.rdv)
    for partie, valeurs in zip(parties, nouvelles, strict=True):
        take_place(uow, {**partie.rdv, **valeurs})
    for partie in parties:
        await _freeze_rest(uow, contexte, partie.rdv, nouvelles, maintenant)
    faits = [
        RdvDeplace(p.rdv["id"], contexte.id, v["guichet_id"], v["debut"], v["fin"], v["revision"], True)
        for p, v in zip(parties, nouvelles, strict=True)
    ]
    return faits[0], faits[1]


async def _freeze_rest(
    uow: UnitOfWork,
    contexte: ServiceContexte,
    rdv: Mapping[str, Any],
    nouvelles: Sequence[Mapping[str, Any]],
    maintenant: datetime,
) -> None:
    """What the shorter one leaves of the longer one's place waits like anything freed, where the service delays it."""
    ici = [_minutes(valeurs) for valeurs in nouvelles if valeurs["guichet_id"] == rdv["guichet_id"]]
    for libre in subtract([_minutes(rdv)], ici):
        reste = {**rdv, "debut": from_minute(libre.debut), "fin": from_minute(libre.fin)}
        if await freeze(uow, contexte, reste, maintenant) is not None:
            take_place(uow, reste)


def _minutes(place: Mapping[str, Any]) -> Intervalle:
    return Intervalle(floor_minute(place["debut"]), floor_minute(place["fin"]))


def _build_valeurs(partie: _Partie, maintenant: datetime) -> dict[str, Any]:
    rdv, place, projet = partie.rdv, partie.place, partie.projet
    assert projet is not None
    assert place.guichet_id is not None
    debut = from_minute(place.debut)
    return {
        "guichet_id": place.guichet_id,
        "debut": debut,
        "fin": from_minute(projet.fin),
        "jour": debut.astimezone(partie.trajet.arrivee.zone).date(),
        "forcages": list_forcages(projet, place, rdv, partie.trajet)(place.guichet_id),
        "sequence": rdv["sequence"] + 1,
        "revision": rdv["revision"] + 1,
        "modifie_a": maintenant,
    }


async def _move_rows(conn: AsyncConnection, parties: tuple[_Partie, _Partie], nouvelles: list[dict[str, Any]]) -> None:
    """The constraint cannot be deferred: both stop occupying, then take their new place. Raises Conflit."""
    ids = [partie.rdv["id"] for partie in parties]
    await conn.execute(update(RendezVous).where(RendezVous.id.in_(ids)).values(occupe=False))
    try:
        for ident, valeurs in zip(ids, nouvelles, strict=True):
            await conn.execute(update(RendezVous).where(RendezVous.id == ident).values(**valeurs, occupe=True))
    except IntegrityError as erreur:
        if sqlstate(erreur) == "23503":
            raise PlanningChange from erreur
        if sqlstate(erreur) != "23P01":
            raise
        raise Conflit(_TROP_LONG, remede=_SEPAREMENT) from erreur
