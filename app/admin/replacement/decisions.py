"""« Garder tel quel »: the decision that a rendez-vous stays where it is, and its withdrawal. Journaled, announced."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert as pg_insert

from app.admin.chantier import Chantier, organise
from app.admin.replacement.lecture import read_a_venir
from app.admin.replacement.situation import Hors, find_situation
from app.booking.contexte import read_versions
from app.booking.outils import Auteur, Outils
from app.booking.vie import journal_refus
from app.errors import Conflit, Introuvable
from app.journal import write_journal
from app.tables import Maintien

PHRASE: Final = "Ce rendez-vous n’est pas à replacer dans ce service."


async def keep_rdv(
    outils: Outils, auteur: Auteur, service_id: int, rdv_id: int, revision: int | None, maintenant: datetime
) -> None:
    """Keep a rendez-vous outside the organisation. It is listed again once it moves, or is outside for another cause.

    Raises Introuvable (journaled) and Conflit when it has changed since the page was drawn.
    """

    async def travail(chantier: Chantier) -> bool:
        hors = await _find(outils, chantier, rdv_id)
        if hors is None:
            return False
        if revision != hors.rdv.revision:
            raise Conflit("Ce rendez-vous a changé depuis l’affichage de la page.")
        valeurs: dict[str, Any] = {
            "service_id": service_id,
            "revision_rdv": hors.rdv.revision,
            "cause": hors.cause.value,
            "agent_id": auteur.agent_id,
            "a": maintenant,
        }
        ordre = pg_insert(Maintien).values(rdv_id=rdv_id, **valeurs)
        await chantier.conn.execute(ordre.on_conflict_do_update(index_elements=["rdv_id"], set_=valeurs))
        await _record(chantier, "rdv.maintenu", rdv_id, {"cause": hors.cause.value})
        return True

    if not await organise(outils, auteur, service_id, travail, maintenant, action="rdv.maintenu"):
        await journal_refus(outils, rdv_id, auteur, "maintenir", maintenant)
        raise Introuvable(PHRASE)


async def take_back(outils: Outils, auteur: Auteur, service_id: int, rdv_id: int, maintenant: datetime) -> bool:
    """List it again; False when no decision was kept. Raises Introuvable."""

    async def travail(chantier: Chantier) -> bool:
        if not 0 < rdv_id < 2**63:
            return False
        ordre = delete(Maintien).where(Maintien.rdv_id == rdv_id, Maintien.service_id == service_id)
        retire = bool((await chantier.conn.execute(ordre)).rowcount)
        if retire:
            await _record(chantier, "rdv.maintien_leve", rdv_id, None)
        return retire

    return await organise(outils, auteur, service_id, travail, maintenant, action="rdv.maintien_leve")


async def _find(outils: Outils, chantier: Chantier, rdv_id: int) -> Hors | None:
    assert chantier.auteur.agent_id is not None
    if not 0 < rdv_id < 2**63:
        return None
    versions = await read_versions(chantier.conn, chantier.service_id)
    contexte = await outils.dispo.contextes.get(chantier.conn, chantier.service_id, versions.planning)
    aujourdhui = chantier.maintenant.astimezone(contexte.zone).date()
    agent_id = chantier.auteur.agent_id
    lus = await read_a_venir(chantier.conn, agent_id, chantier.service_id, aujourdhui, rdv_id=rdv_id)
    situation = find_situation(lus, contexte, aujourdhui)
    return next(iter((*situation.a_replacer, *situation.gardes)), None)


async def _record(chantier: Chantier, action: str, rdv_id: int, apres: dict[str, Any] | None) -> None:
    """In the history of the RDV as in that of the organisation."""
    await write_journal(
        chantier.conn,
        a=chantier.maintenant,
        acteur=chantier.auteur.nature,
        action=action,
        origine=chantier.auteur.origine,
        agent_id=chantier.auteur.agent_id,
        service_id=chantier.service_id,
        rdv_id=rdv_id,
        objet="rdv",
        objet_id=rdv_id,
        adresse=chantier.auteur.adresse,
        apres=apres,
    )
    chantier.uow.annonces.planning(chantier.service_id)
