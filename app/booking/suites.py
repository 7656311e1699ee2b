"""What follows a move, in its transaction: presence, journal, counters, frames, messages to the usager."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, update

from app.booking import store
from app.booking.liberation import free_place
from app.booking.messages import compute_rappel, write_message
from app.booking.outils import Auteur, Outils
from app.booking.trajet import Trajet
from app.courrier.message import Evenement
from app.db import UnitOfWork
from app.journal import write_journal
from app.tables import Maintien, Passage


async def follow(uow: UnitOfWork, rdv: Mapping[str, Any], valeurs: Mapping[str, Any], site_id: int) -> None:
    """What goes with the RDV: the presence of who has already come, the decision to keep it where it was."""
    suivis = {champ: valeurs[champ] for champ in ("service_id", "guichet_id", "motif_id", "jour")}
    await uow.conn.execute(update(Passage).where(Passage.rdv_id == rdv["id"]).values(**suivis, site_id=site_id))
    await uow.conn.execute(delete(Maintien).where(Maintien.rdv_id == rdv["id"]))


async def record(
    uow: UnitOfWork,
    trajet: Trajet,
    rdv: Mapping[str, Any],
    valeurs: Mapping[str, Any],
    auteur: Auteur,
    maintenant: datetime,
) -> None:
    """Journal, counters and frame of the move: both services tell it when it goes from one to the other."""

    def faits(de: Mapping[str, Any]) -> dict[str, Any]:
        ailleurs = trajet.change_de_service or rdv["delegation_id"] != valeurs["delegation_id"]
        places = {"service": de["service_id"], "delegation": de["delegation_id"]} if ailleurs else {}
        return {
            "guichet": de["guichet_id"],
            "debut": de["debut"].isoformat(),
            "fin": de["fin"].isoformat(),
            "motif": de["motif_id"],
            "type": de["type_rdv"],
            **places,
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
        avant=faits(rdv),
        apres={**faits(valeurs), "forcages": valeurs["forcages"]},
    )
    uow.annonces.count(rdv["service_id"], rdv["jour"], avant=rdv["etat"])
    uow.annonces.count(valeurs["service_id"], valeurs["jour"], apres=rdv["etat"])
    uow.annonces.rdv(
        "rdv.replanifie",
        tuple(dict.fromkeys((*_services(rdv), *_services(valeurs)))),
        rdv=rdv["id"],
        guichet=valeurs["guichet_id"],
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


async def leave_place(uow: UnitOfWork, trajet: Trajet, rdv: Mapping[str, Any], maintenant: datetime) -> None:
    """Tell the place left free, once the row occupies it no more."""
    await free_place(uow, trajet.depart, rdv, maintenant)


def tell_left(uow: UnitOfWork, rdv: Mapping[str, Any]) -> None:
    """Tell the place free without any wait: somebody else takes it in the same transaction."""
    uow.annonces.creneau("creneau.libre", _services(rdv), guichet=rdv["guichet_id"], debut=rdv["debut"], fin=rdv["fin"])


def take_place(uow: UnitOfWork, valeurs: Mapping[str, Any]) -> None:
    """Tell the new place taken. After ``leave_place`` of everybody concerned: a public grid applies them in order."""
    uow.annonces.creneau(
        "creneau.pris", _services(valeurs), guichet=valeurs["guichet_id"], debut=valeurs["debut"], fin=valeurs["fin"]
    )


def _services(rdv: Mapping[str, Any]) -> tuple[int, ...]:
    return store.services_concernes(rdv["service_id"], rdv["service_origine_id"])


async def write_messages(
    outils: Outils,
    uow: UnitOfWork,
    trajet: Trajet,
    rdv: Mapping[str, Any],
    ancien_debut: datetime,
    maintenant: datetime,
) -> None:
    usager = await store.read_usager(uow.conn, rdv["id"])
    if usager is None:
        return
    quitte = trajet.depart.libelle if trajet.change_de_service else ""
    avant: dict[str, Any] = {"ancien_debut": ancien_debut, "ancien_service": quitte}
    rappel_a = compute_rappel(trajet.arrivee, rdv["debut"], maintenant)
    envois: list[tuple[Evenement, datetime | None]] = [("deplacement", None)]
    if rappel_a is not None:
        envois.append(("rappel", rappel_a))
    for evenement, du_a in envois:
        await write_message(
            uow.conn,
            outils.settings,
            evenement,
            trajet.arrivee,
            rdv=rdv,
            destinataire=usager["courriel"],
            usager_nom=store.nom_affiche(usager),
            telephones=tuple(usager["telephones"]),
            maintenant=maintenant,
            langue=usager["langue"],
            du_a=du_a,
            **(avant if evenement == "deplacement" else {}),
        )
