"""What the acts on one RDV share: its row locked under a title, the rule of the domain, the line, the frame.

For the agents of the service that receives it, unless another title is given. The one that has entrusted it reads and
cancels it, nothing else [G 2.3.5]: for them these acts do not exist (404, journaled).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import update

from app.booking import store
from app.booking.contexte import ServiceContexte, read_versions
from app.booking.outils import Auteur, Outils
from app.booking.refus import raise_refus
from app.booking.titres import ParDroit, Titre, lock_rdv
from app.booking.vie import journal_refus
from app.db import UnitOfWork
from app.domain.droits import Refuse, decide_modification
from app.domain.rendez_vous import Action, Evenement, TransitionRefusee, transition
from app.errors import Introuvable, TransitionImpossible
from app.journal import write_journal
from app.tables import Maintien, RendezVous

T = TypeVar("T")
Travail = Callable[[UnitOfWork, dict[str, Any], ServiceContexte], Awaitable[T]]


async def perform(
    outils: Outils,
    rdv_id: int,
    auteur: Auteur,
    maintenant: datetime,
    nom: str,
    travail: Travail[T],
    *,
    titre: Titre | None = None,
    origine: bool = False,
) -> T:
    """Run ``travail`` on the locked RDV, in one transaction. ``nom``: the act, for the line of a refusal.

    ``titre``: how it is reached; by default, as a RDV that a service of the agent receives. ``origine``: also as one
    that such a service has entrusted. Raises Introuvable, journaled, when it is not reached; what its rules refuse
    (``decide_modification``).
    """
    if titre is None:
        assert auteur.agent_id is not None
        titre = ParDroit(auteur.agent_id)

    async def transaction(uow: UnitOfWork) -> tuple[T] | None:
        rdv = await lock_rdv(uow.conn, rdv_id, titre, origine=origine)
        if rdv is None:
            return None
        versions = await read_versions(uow.conn, rdv["service_id"])
        contexte = await outils.dispo.contextes.get(uow.conn, rdv["service_id"], versions.planning)
        decision = decide_modification(titre.canal, titre.acces, contexte.parametres)
        if isinstance(decision, Refuse):
            raise_refus(decision)
        return (await travail(uow, rdv, contexte),)

    fait = await outils.db.transaction(transaction)
    if fait is None:
        await journal_refus(outils, rdv_id, auteur, nom, maintenant)
        raise Introuvable(titre.introuvable)
    return fait[0]


def check_transition(rdv: Mapping[str, Any], contexte: ServiceContexte, action: Action, maintenant: datetime) -> None:
    """Raise TransitionImpossible when the state of the RDV does not allow it."""
    issue = transition(
        rdv["etat"],
        action,
        jour_rdv=rdv["jour"],
        jour_local_courant=maintenant.astimezone(contexte.zone).date(),
        heure_a_venir=None,
        a_distance=rdv["type_rdv"] != "guichet",
    )
    if isinstance(issue, TransitionRefusee):
        raise TransitionImpossible(issue.phrase, remede="", etat=issue.etat.value, cause=issue.cause.value)


async def raise_revision(uow: UnitOfWork, rdv: Mapping[str, Any], maintenant: datetime, **valeurs: Any) -> int:
    """Write ``valeurs`` on the locked RDV with its next revision, which is returned.

    It has not moved: a decision to keep it outside the organisation holds.
    """
    revision = int(rdv["revision"]) + 1
    valeurs |= {"revision": revision, "modifie_a": maintenant}
    await uow.conn.execute(update(RendezVous).where(RendezVous.id == rdv["id"]).values(**valeurs))
    garde = (Maintien.rdv_id == rdv["id"], Maintien.revision_rdv == rdv["revision"])
    await uow.conn.execute(update(Maintien).where(*garde).values(revision_rdv=revision))
    return revision


async def record(
    uow: UnitOfWork,
    rdv: Mapping[str, Any],
    auteur: Auteur,
    maintenant: datetime,
    action: str,
    *,
    avant: Mapping[str, Any] | None = None,
    apres: Mapping[str, Any] | None = None,
) -> None:
    """The journal's line, and the frame that makes every screen of the RDV show it as it is now."""
    await write_journal(
        uow.conn,
        a=maintenant,
        acteur=auteur.nature,
        action=action,
        origine=auteur.origine,
        agent_id=auteur.agent_id,
        service_id=rdv["service_id"],
        rdv_id=rdv["id"],
        adresse=auteur.adresse,
        avant=avant,
        apres=apres,
    )
    uow.annonces.rdv(
        Evenement.MODIFIE.value,
        store.services_concernes(rdv["service_id"], rdv["service_origine_id"]),
        rdv=rdv["id"],
        guichet=rdv["guichet_id"],
        etat=rdv["etat"],
        debut=rdv["debut"],
        fin=rdv["fin"],
        a=maintenant,
    )
