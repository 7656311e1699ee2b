"""The life of a RDV after booking: arrival, call, reception, end, absence, cancellation, closing of the day [A1 §3.2].

One locked row, one rule of the pure domain, one transaction with its passage, journal, mail, counters and frames.
A click repeated, or two agents clicking together, change the state once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import structlog
from sqlalchemy import Date, DateTime, cast, delete, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert as pg_insert

from app.booking import store
from app.booking.affectations import notify_affectes
from app.booking.contexte import ServiceContexte, read_versions
from app.booking.liberation import free_place
from app.booking.messages import write_message
from app.booking.outils import SYSTEME, Auteur, Outils
from app.booking.refus import raise_refus
from app.booking.textes import TexteInvalide, clean_text
from app.booking.titres import ParDroit, Titre, lock_rdv
from app.db import UnitOfWork, describe
from app.domain.droits import Acces, Refuse, decide_modification
from app.domain.rendez_vous import Action, Inchange, Transition, TransitionRefusee, find_heure_a_venir, transition
from app.domain.vocabulaire import Canal
from app.errors import Conflit, Indisponible, Introuvable, SaisieInvalide, TransitionImpossible
from app.journal import write_journal
from app.tables import Passage, RendezVous, ServiceFiscal

log = structlog.get_logger("accueil.vie")

#: Presence is a matter for whoever receives; cancelling is a matter for whoever holds the agenda.
MODULES: Final[dict[Action, str]] = {
    Action.MARQUER_ARRIVEE: "accueil",
    Action.ANNULER_ARRIVEE: "accueil",
    Action.APPELER: "accueil",
    Action.RECEVOIR: "accueil",
    Action.TERMINER: "accueil",
    Action.MARQUER_NON_VENU: "accueil",
    Action.ANNULER: "agenda",
}
_COLONNE_PASSAGE: Final[dict[Action, str]] = {
    Action.APPELER: "appel_a",
    Action.RECEVOIR: "reception_a",
    Action.TERMINER: "fin_a",
}


@dataclass(frozen=True, slots=True)
class RdvActe:
    """What became of the RDV. ``change`` is False when it was already so."""

    id: int
    service_id: int
    guichet_id: int
    etat: str
    revision: int
    change: bool


async def act(
    outils: Outils,
    rdv_id: int,
    action: Action,
    auteur: Auteur,
    maintenant: datetime,
    *,
    revision: int | None = None,
    raison: str = "",
    titre: Titre | None = None,
) -> RdvActe:
    """Perform one action on a RDV that ``titre`` reaches: by default, of a service where the agent has its module.

    Cancelling is also for the agents of the service that entrusted the RDV to another one [G 2.3.5]; presence, for who
    has the right to receive alone. ``revision`` is the one the screen shows, when it matters (cancelling). Raises
    Introuvable (journaled: an id of another service is 404), TransitionImpossible, Conflit on a stale revision,
    SaisieInvalide without a reason.
    """
    if titre is None:
        assert auteur.agent_id is not None
        titre = ParDroit(auteur.agent_id, MODULES[action])
    if action is Action.ANNULER:
        raison = _check_raison(raison, obligatoire=titre.canal != Canal.INTERNET)

    async def travail(uow: UnitOfWork) -> RdvActe | None:
        annule = action is Action.ANNULER  # also for the service that entrusted it; presence is for who receives
        if not annule and titre.acces is not Acces.AGENDA:
            return None
        rdv = await lock_rdv(uow.conn, rdv_id, titre, origine=annule)
        if rdv is None:
            return None
        contexte = await _contexte(outils, uow, rdv["service_id"])
        decision = decide_modification(titre.canal, titre.acces, contexte.parametres)
        if annule and isinstance(decision, Refuse):
            raise_refus(decision)
        if revision is not None and revision != rdv["revision"] and rdv["etat"] != "annule":
            raise Conflit(etat=rdv["etat"], revision=rdv["revision"])
        return await _apply(outils, uow, contexte, rdv, action, auteur, maintenant, raison=raison)

    acte = await outils.db.transaction(travail)
    if acte is None:
        await journal_refus(outils, rdv_id, auteur, action.value, maintenant)
        raise Introuvable(titre.introuvable)
    return acte


def _check_raison(raison: str, *, obligatoire: bool) -> str:
    """What was typed, cleaned. An usager owes nobody a reason. Raises SaisieInvalide."""
    try:
        nette = clean_text(raison, maximum=500, lignes=True)
    except TexteInvalide as erreur:
        raise SaisieInvalide(champs={"raison": str(erreur)}) from None
    if not nette and obligatoire:
        raise SaisieInvalide(champs={"raison": "Indiquez pourquoi ce rendez-vous est annulé."})
    return nette


async def cancel_locked(
    outils: Outils,
    uow: UnitOfWork,
    rdv: dict[str, Any],
    auteur: Auteur,
    maintenant: datetime,
    *,
    raison: str,
    faits: Mapping[str, Any],
) -> RdvActe:
    """Cancel, within a larger change, a RDV that its transaction has locked.

    Everything that ``act`` does for a cancellation; ``faits`` go with it in the journal. Raises TransitionImpossible.
    """
    contexte = await _contexte(outils, uow, rdv["service_id"])
    return await _apply(outils, uow, contexte, rdv, Action.ANNULER, auteur, maintenant, raison=raison, faits=faits)


async def journal_refus(outils: Outils, rdv_id: int, auteur: Auteur, action: str, maintenant: datetime) -> None:
    """Keep a trace of an attempt on a RDV outside the agent's rights."""

    async def travail(uow: UnitOfWork) -> None:
        await write_journal(
            uow.conn,
            a=maintenant,
            acteur=auteur.nature,
            action="rdv.acces_refuse",
            origine=auteur.origine,
            agent_id=auteur.agent_id,
            rdv_id=rdv_id if 0 < rdv_id < 2**63 else None,
            adresse=auteur.adresse,
            apres={"action": action},
        )

    await outils.db.transaction(travail)


async def _contexte(outils: Outils, uow: UnitOfWork, service_id: int) -> ServiceContexte:
    versions = await read_versions(uow.conn, service_id)
    return await outils.dispo.contextes.get(uow.conn, service_id, versions.planning)


async def _apply(
    outils: Outils,
    uow: UnitOfWork,
    contexte: ServiceContexte,
    rdv: dict[str, Any],
    action: Action,
    auteur: Auteur,
    maintenant: datetime,
    *,
    raison: str = "",
    faits: Mapping[str, Any] | None = None,
) -> RdvActe:
    issue = transition(
        rdv["etat"],
        action,
        jour_rdv=rdv["jour"],
        jour_local_courant=maintenant.astimezone(contexte.zone).date(),
        heure_a_venir=find_heure_a_venir(rdv["debut"], maintenant, contexte.zone),
        a_distance=rdv["type_rdv"] != "guichet",
    )
    if isinstance(issue, TransitionRefusee):
        raise TransitionImpossible(issue.phrase, remede="", etat=issue.etat.value, cause=issue.cause.value)
    if isinstance(issue, Inchange):
        return RdvActe(rdv["id"], rdv["service_id"], rdv["guichet_id"], issue.etat.value, rdv["revision"], False)
    annule = action is Action.ANNULER
    valeurs: dict[str, Any] = {
        "etat": issue.etat.value,
        "revision": rdv["revision"] + 1,
        "modifie_a": maintenant,
    }
    if annule:
        valeurs |= {
            "occupe": False,
            "sequence": rdv["sequence"] + 1,
            "annule_a": maintenant,
            "annule_par": auteur.nature,
            "annule_par_agent": auteur.agent_id,
            "annule_raison": raison,
        }
        # A move into that place would wait for us, and we for it, should the place be kept by a gel.
        await store.lock_guichets(uow.conn, (rdv["guichet_id"],))
    await uow.conn.execute(update(RendezVous).where(RendezVous.id == rdv["id"]).values(**valeurs))
    await _write_passage(uow, contexte, rdv, action, auteur, maintenant)
    await _record(uow, rdv, issue, action, auteur, maintenant, raison, faits or {})
    if annule:
        await free_place(uow, contexte, rdv, maintenant)
        annulee = {**rdv, **valeurs}
        await notify_affectes(uow, outils.settings, contexte, "annule", annulee, auteur, maintenant)
        par = (
            "usager" if auteur.nature == "usager" else "contre_appel" if faits and "contre_appel" in faits else "agent"
        )
        await _write_annulation(outils, uow, contexte, annulee, raison, par, maintenant)
    return RdvActe(rdv["id"], rdv["service_id"], rdv["guichet_id"], issue.etat.value, valeurs["revision"], True)


def _services(rdv: dict[str, Any]) -> tuple[int, ...]:
    return store.services_concernes(rdv["service_id"], rdv["service_origine_id"])


async def _record(
    uow: UnitOfWork,
    rdv: dict[str, Any],
    issue: Transition,
    action: Action,
    auteur: Auteur,
    maintenant: datetime,
    raison: str,
    faits: Mapping[str, Any],
) -> None:
    """Journal, counter and frame of one transition. ``faits`` go with it in the journal."""
    await write_journal(
        uow.conn,
        a=maintenant,
        acteur=auteur.nature,
        action=issue.evenement.value,
        origine=auteur.origine,
        agent_id=auteur.agent_id,
        service_id=rdv["service_id"],
        rdv_id=rdv["id"],
        adresse=auteur.adresse,
        avant={"etat": rdv["etat"]},
        apres={"etat": issue.etat.value, "action": action.value, **({"raison": True} if raison else {}), **faits},
    )
    uow.annonces.count(rdv["service_id"], rdv["jour"], avant=rdv["etat"], apres=issue.etat.value)
    uow.annonces.rdv(
        issue.evenement.value,
        _services(rdv),
        rdv=rdv["id"],
        guichet=rdv["guichet_id"],
        etat=issue.etat.value,
        debut=rdv["debut"],
        fin=rdv["fin"],
        a=None if action is Action.CLORE_JOURNEE else maintenant,  # the night closes: it saw nobody leave
    )


async def _write_passage(
    uow: UnitOfWork,
    contexte: ServiceContexte,
    rdv: dict[str, Any],
    action: Action,
    auteur: Auteur,
    maintenant: datetime,
) -> None:
    """Presence: one passage per RDV, created by the arrival, or by the call when nobody comes (téléphone, visio).

    Undoing the arrival or cancelling removes it; « pas venu » after a call keeps what happened.
    """
    if action in (Action.ANNULER, Action.ANNULER_ARRIVEE):
        await uow.conn.execute(delete(Passage).where(Passage.rdv_id == rdv["id"]))
        return
    colonne = _COLONNE_PASSAGE.get(action)
    if action is not Action.MARQUER_ARRIVEE and colonne is None:
        return
    base = {
        "rdv_id": rdv["id"],
        "service_id": rdv["service_id"],
        "site_id": contexte.site_id,
        "jour": rdv["jour"],
        "motif_id": rdv["motif_id"],
        "guichet_id": rdv["guichet_id"],
    }
    maj = {"arrivee_a": maintenant, "arrivee_par": auteur.agent_id} if colonne is None else {colonne: maintenant}
    ordre = pg_insert(Passage).values(**base, **maj)
    await uow.conn.execute(ordre.on_conflict_do_update(index_elements=["rdv_id"], set_=maj))


async def _write_annulation(
    outils: Outils,
    uow: UnitOfWork,
    contexte: ServiceContexte,
    rdv: dict[str, Any],
    raison: str,
    par: str,
    maintenant: datetime,
) -> None:
    usager = await store.read_usager(uow.conn, rdv["id"])
    if usager is None:
        return
    await write_message(
        uow.conn,
        outils.settings,
        "annulation",
        contexte,
        rdv=rdv,
        destinataire=usager["courriel"],
        usager_nom=store.nom_affiche(usager),
        telephones=tuple(usager["telephones"]),
        maintenant=maintenant,
        langue=usager["langue"],
        raison_annulation="" if par == "usager" else raison,  # shown as the service's own words
        annule_par=par,
    )


async def close_jours(outils: Outils, maintenant: datetime, *, limite: int = 200, apres: int = 0) -> int:
    """Close the days that are over where each service is: not come → ``non_honore``; still there → ``termine``.

    Called by the elected worker; the number closed. Each RDV is its own small transaction: one that fails is logged
    and left for the next call. ``apres``: only ids beyond it (the call goes through them ``limite`` at a time).
    """
    jour_local = cast(func.timezone(ServiceFiscal.fuseau, literal(maintenant, DateTime(timezone=True))), Date)
    async with outils.db.read() as conn:
        lignes = (
            await conn.execute(
                select(RendezVous.id, RendezVous.service_id, RendezVous.jour)
                .join(ServiceFiscal, ServiceFiscal.id == RendezVous.service_id)
                .where(
                    RendezVous.etat.in_(["prevu", "arrive", "appele", "recu"]),
                    RendezVous.jour < jour_local,
                    RendezVous.id > apres,
                )
                .order_by(RendezVous.id)
                .limit(limite)
            )
        ).all()
    fermes = 0
    for rdv_id, service_id, jour in lignes:
        try:
            fermes += await _close(outils, rdv_id, service_id, jour, maintenant)
        except Indisponible:
            raise
        except Exception as erreur:
            log.error("cloture.defaut", rdv=rdv_id, **describe(erreur))
    if len(lignes) == limite:
        fermes += await close_jours(outils, maintenant, limite=limite, apres=lignes[-1].id)
    return fermes


async def _close(outils: Outils, rdv_id: int, service_id: int, jour: date, maintenant: datetime) -> int:
    async def travail(uow: UnitOfWork) -> int:
        contexte = await _contexte(outils, uow, service_id)
        if jour >= maintenant.astimezone(contexte.zone).date():
            return 0
        rdv = await store.lock_rdv_systeme(uow.conn, rdv_id)
        if rdv is None or rdv["etat"] not in ("prevu", "arrive", "appele", "recu"):
            return 0
        await _apply(outils, uow, contexte, rdv, Action.CLORE_JOURNEE, SYSTEME, maintenant)
        return 1

    return await outils.db.transaction(travail)
