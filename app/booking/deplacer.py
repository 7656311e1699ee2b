"""Move a RDV: another date, hour, guichet, motif or type; same rules as booking, same code, its history kept [A1 §3.2].

The row is locked, the guichets concerned too (advisory, in order), then one UPDATE asks the exclusion constraint: a
rival who was faster makes it fail, and the next free guichet is tried. The place left is told free at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ARRAY, BigInteger, bindparam, delete, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking import store
from app.booking.affectations import notify_affectes
from app.booking.contexte import ServiceContexte, read_versions
from app.booking.droits import scoped
from app.booking.jugement import Deplace, Projet, check_debut, judge
from app.booking.liberation import free_place, release, thaw
from app.booking.messages import compute_rappel, write_message
from app.booking.occupation import add_alternatives
from app.booking.outils import Auteur, Outils
from app.booking.vie import journal_refus
from app.booking.visio import build_visio
from app.courrier.message import Evenement
from app.db import UnitOfWork, sqlstate
from app.domain.contexte import Alerte
from app.domain.horaires import floor_minute, from_minute
from app.domain.rendez_vous import Action, TransitionRefusee, transition
from app.domain.vocabulaire import Canal
from app.errors import Conflit, CreneauPris, Indisponible, Introuvable, TransitionImpossible
from app.journal import write_journal
from app.outbox import PlanningChange
from app.tables import Maintien, Passage, RendezVous

_INTROUVABLE: Final = "Ce rendez-vous n’existe pas dans les services auxquels vous êtes rattaché."
_VERROUS: Final = text(
    "SELECT pg_advisory_xact_lock(hashtextextended('guichet:' || g, 0)) FROM unnest(:guichets) AS g"
).bindparams(bindparam("guichets", type_=ARRAY(BigInteger)))


@dataclass(frozen=True, slots=True)
class Cible:
    """Where a RDV should go. ``debut`` in minutes-époque; None: as it is. ``guichet_id`` None: the server chooses."""

    debut: int
    guichet_id: int | None = None
    motif_id: int | None = None
    type_rdv: str | None = None
    duree: int | None = None
    acquittees: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Place:
    """The request as ``judge`` reads it."""

    service_id: int
    motif_id: int
    type_rdv: str
    debut: int
    canal: str
    cle: str
    duree: int | None
    guichet_id: int | None
    acquittees: frozenset[str]
    visite: str | None = None


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


async def move(
    outils: Outils,
    rdv_id: int,
    cible: Cible,
    auteur: Auteur,
    maintenant: datetime,
    *,
    revision: int | None = None,
    module: str = "agenda",
    canal: str = "rattache",
) -> RdvDeplace:
    """Move a RDV of a service where the agent has ``module``, by the rules of ``canal``.

    Raises Introuvable (journaled), Conflit on a stale ``revision``, TransitionImpossible, SaisieInvalide or
    RegleRefusee (422), AvertissementRequis (409), CreneauPris (409, ``details['alternatives']``), Indisponible.
    """
    assert auteur.agent_id is not None
    check_debut(cible.debut)
    for _ in range(3):
        try:
            deplace = await _attempt(outils, rdv_id, cible, auteur, maintenant, revision, module, canal)
        except PlanningChange:  # the organisation changed meanwhile: judge again
            continue
        if deplace is None:
            await journal_refus(outils, rdv_id, auteur, "replanifier", maintenant)
            raise Introuvable(_INTROUVABLE)
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
    module: str,
    canal: str,
) -> RdvDeplace | None:
    assert auteur.agent_id is not None
    agent_id = auteur.agent_id
    async with outils.db.read() as conn:
        rdv = await _read(conn, rdv_id, agent_id, module)
        if rdv is None:
            return None
        versions = await read_versions(conn, rdv["service_id"])
        contexte = await outils.dispo.contextes.get(conn, rdv["service_id"], versions.planning)
        place, deplace = _build_place(rdv, cible, canal)
        try:
            projet = await judge(outils, conn, contexte, versions, place, maintenant, deplace=deplace)
        except CreneauPris as refus:
            await add_alternatives(outils, conn, place, refus, maintenant, versions)
            raise

    async def travail(uow: UnitOfWork) -> RdvDeplace | None:
        uow.annonces.expect_planning(contexte.id, contexte.version_planning)
        actuel = await store.lock_rdv(uow.conn, rdv_id, agent_id, module)
        if actuel is None:
            return None
        if (revision is not None and revision != actuel["revision"]) or actuel["revision"] != rdv["revision"]:
            raise Conflit(etat=actuel["etat"], revision=actuel["revision"])
        return await _write(outils, uow, projet, place, {**rdv, **actuel}, auteur, maintenant)

    try:
        return await outils.db.transaction(travail)
    except CreneauPris as refus:
        async with outils.db.read() as conn:
            await add_alternatives(outils, conn, place, refus, maintenant)
        raise


async def _read(conn: AsyncConnection, rdv_id: int, agent_id: int, module: str) -> dict[str, Any] | None:
    if not 0 < rdv_id < 2**63:
        return None
    requete = select(
        RendezVous.id,
        RendezVous.service_id,
        RendezVous.service_origine_id,
        RendezVous.guichet_id,
        RendezVous.motif_id,
        RendezVous.type_rdv,
        RendezVous.debut,
        RendezVous.fin,
        RendezVous.revision,
        RendezVous.forcages,
    ).where(RendezVous.id == rdv_id, RendezVous.etat != "option")
    ligne = (await conn.execute(scoped(requete, agent_id, module))).mappings().one_or_none()
    return None if ligne is None else dict(ligne)


def _build_place(rdv: Mapping[str, Any], cible: Cible, canal: str) -> tuple[_Place, Deplace]:
    """What is asked, completed by what the RDV is. A duration once forced is not asked about again."""
    deplace = Deplace(rdv["guichet_id"], floor_minute(rdv["debut"]), floor_minute(rdv["fin"]), rdv["motif_id"])
    motif_id = cible.motif_id or rdv["motif_id"]
    duree = cible.duree
    acquittees = set(cible.acquittees)
    if duree is None and motif_id == rdv["motif_id"] and Alerte.DUREE_MODIFIEE.value in rdv["forcages"]:
        duree = deplace.fin - deplace.debut
        acquittees.add(Alerte.DUREE_MODIFIEE.value)
    place = _Place(
        service_id=rdv["service_id"],
        motif_id=motif_id,
        type_rdv=cible.type_rdv or rdv["type_rdv"],
        debut=cible.debut,
        canal=canal,
        cle=f"deplacement-{rdv['id']}",
        duree=duree,
        guichet_id=cible.guichet_id,
        acquittees=frozenset(acquittees),
    )
    return place, deplace


async def _write(
    outils: Outils,
    uow: UnitOfWork,
    projet: Projet,
    place: _Place,
    rdv: Mapping[str, Any],
    auteur: Auteur,
    maintenant: datetime,
) -> RdvDeplace:
    conn, contexte = uow.conn, projet.contexte
    debut, fin = from_minute(place.debut), from_minute(projet.fin)
    jour = debut.astimezone(contexte.zone).date()
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
    memes = (rdv["debut"], rdv["fin"], rdv["motif_id"], rdv["type_rdv"])
    candidats = projet.candidats
    if memes == (debut, fin, place.motif_id, place.type_rdv) and (
        place.guichet_id is None or place.guichet_id == rdv["guichet_id"]
    ):
        return RdvDeplace(rdv["id"], rdv["service_id"], rdv["guichet_id"], debut, fin, rdv["revision"], False)
    valeurs: dict[str, Any] = {
        "debut": debut,
        "fin": fin,
        "jour": jour,
        "motif_id": place.motif_id,
        "type_rdv": place.type_rdv,
        "forcages": list(projet.alertes),
        "visio_lien": build_visio(contexte, place.type_rdv, rdv["visio_lien"]),
        "sequence": rdv["sequence"] + 1,
        "revision": rdv["revision"] + 1,
        "modifie_a": maintenant,
    }
    await conn.execute(_VERROUS, {"guichets": sorted({rdv["guichet_id"], *candidats})})
    release(uow, await store.delete_options_mortes(conn, maintenant, guichets=candidats), maintenant)
    if place.canal == Canal.RATTACHE and place.guichet_id is not None:
        await thaw(uow, place.guichet_id, debut, fin, maintenant, service_id=contexte.id)
    guichet_id = await _take(conn, rdv["id"], candidats, valeurs)
    await _follow(uow, rdv, valeurs, guichet_id)
    await _record(uow, contexte, rdv, valeurs, guichet_id, auteur, maintenant)
    deplace = {**rdv, **valeurs, "guichet_id": guichet_id}
    await notify_affectes(conn, outils.settings, contexte, "deplace", deplace, auteur, maintenant, ancien=rdv)
    await _write_messages(outils, uow, projet, deplace, rdv["debut"], maintenant)
    return RdvDeplace(rdv["id"], rdv["service_id"], guichet_id, debut, fin, valeurs["revision"], True)


async def _take(conn: AsyncConnection, rdv_id: int, candidats: Sequence[int], valeurs: Mapping[str, Any]) -> int:
    """Put the RDV on the first candidate that the constraint accepts. Raises CreneauPris when there is none."""
    for guichet_id in candidats:
        async with conn.begin_nested() as point:
            try:
                await conn.execute(
                    update(RendezVous).where(RendezVous.id == rdv_id).values(**valeurs, guichet_id=guichet_id)
                )
            except IntegrityError as erreur:
                await point.rollback()
                if sqlstate(erreur) == "23503":  # the guichet was deleted meanwhile
                    raise PlanningChange from erreur
                if sqlstate(erreur) != "23P01":
                    raise
                continue
        return guichet_id
    raise CreneauPris


async def _follow(uow: UnitOfWork, rdv: Mapping[str, Any], valeurs: Mapping[str, Any], guichet_id: int) -> None:
    """What goes with the RDV: the presence of who has already come, the decision to keep it where it was."""
    await uow.conn.execute(
        update(Passage)
        .where(Passage.rdv_id == rdv["id"])
        .values(guichet_id=guichet_id, motif_id=valeurs["motif_id"], jour=valeurs["jour"])
    )
    await uow.conn.execute(delete(Maintien).where(Maintien.rdv_id == rdv["id"]))


async def _record(
    uow: UnitOfWork,
    contexte: ServiceContexte,
    rdv: Mapping[str, Any],
    valeurs: Mapping[str, Any],
    guichet_id: int,
    auteur: Auteur,
    maintenant: datetime,
) -> None:
    """Journal, counters and frames of the move."""

    def faits(de: Mapping[str, Any], guichet: int) -> dict[str, Any]:
        return {
            "guichet": guichet,
            "debut": de["debut"].isoformat(),
            "fin": de["fin"].isoformat(),
            "motif": de["motif_id"],
            "type": de["type_rdv"],
        }

    await write_journal(
        uow.conn,
        a=maintenant,
        acteur=auteur.nature,
        action="rdv.replanifie",
        origine=auteur.origine,
        agent_id=auteur.agent_id,
        service_id=rdv["service_id"],
        rdv_id=rdv["id"],
        adresse=auteur.adresse,
        avant=faits(rdv, rdv["guichet_id"]),
        apres={**faits(valeurs, guichet_id), "forcages": valeurs["forcages"]},
    )
    uow.annonces.count(rdv["service_id"], rdv["jour"], avant=rdv["etat"])
    uow.annonces.count(rdv["service_id"], valeurs["jour"], apres=rdv["etat"])
    services = store.services_concernes(rdv["service_id"], rdv["service_origine_id"])
    uow.annonces.rdv(
        "rdv.replanifie",
        services,
        rdv=rdv["id"],
        guichet=guichet_id,
        etat=rdv["etat"],
        debut=valeurs["debut"],
        fin=valeurs["fin"],
        a=maintenant,
        avant={
            "guichet": rdv["guichet_id"],
            "debut": rdv["debut"].isoformat(),
            "fin": rdv["fin"].isoformat(),
        },
    )
    await free_place(uow, contexte, rdv, maintenant)
    uow.annonces.creneau("creneau.pris", services, guichet=guichet_id, debut=valeurs["debut"], fin=valeurs["fin"])


async def _write_messages(
    outils: Outils,
    uow: UnitOfWork,
    projet: Projet,
    rdv: Mapping[str, Any],
    ancien_debut: datetime,
    maintenant: datetime,
) -> None:
    usager = await store.read_usager(uow.conn, rdv["id"])
    if usager is None:
        return
    rappel_a = compute_rappel(projet.contexte, rdv["debut"], maintenant)
    envois: list[tuple[Evenement, datetime | None]] = [("deplacement", None)]
    if rappel_a is not None:
        envois.append(("rappel", rappel_a))
    for evenement, du_a in envois:
        await write_message(
            uow.conn,
            outils.settings,
            evenement,
            projet.contexte,
            rdv=rdv,
            destinataire=usager["courriel"],
            usager_nom=store.nom_affiche(usager),
            telephones=tuple(usager["telephones"]),
            maintenant=maintenant,
            langue=usager["langue"],
            du_a=du_a,
            **({"ancien_debut": ancien_debut} if evenement == "deplacement" else {}),
        )
