"""What becomes of offers: expired, taken and booked, taken and let go. The worker looks every few seconds.

An offer ends under the lock of its request, like an answer to it: whoever is first decides, the other finds it over.
Whatever ends the hold of an offer, its place is given back here and to the next person, never straight to the public
[P15]: it is kept for the random wait of the service, else for a moment. A visitor who lets it go, and the expiry of
holds, leave it to this module (``store.delete_options_of``); if nobody looks for long, it expires like any other hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import structlog

from app.booking import attente_store as file
from app.booking import store
from app.booking.attente_messages import tell
from app.booking.contexte import ServiceContexte, read_versions
from app.booking.liberation import free_place
from app.booking.outils import Outils
from app.courrier.attente import is_dite
from app.db import UnitOfWork, describe
from app.domain.attente import RELAIS, is_lasse
from app.errors import Indisponible

log = structlog.get_logger("accueil.attente")


async def read_contexte(outils: Outils, uow: UnitOfWork, service_id: int) -> ServiceContexte:
    """The service, as this transaction sees it."""
    versions = await read_versions(uow.conn, service_id)
    return await outils.dispo.contextes.get(uow.conn, service_id, versions.planning)


async def give_back(outils: Outils, uow: UnitOfWork, offre: Mapping[str, Any], etat: str, maintenant: datetime) -> None:
    """End a locked offer and give its place back: the line has it first, then the public."""
    await file.close_offre(uow.conn, offre["id"], etat, maintenant)
    await store.lock_echange(uow.conn, offre["service_id"])  # before the lock of any hold
    tenue = await file.delete_tenue(uow.conn, offre["rdv_id"])
    if tenue is None:
        return
    uow.annonces.rdv(
        "option.levee",
        store.services_concernes(tenue["service_id"], tenue["service_origine_id"]),
        rdv=tenue["id"],
        guichet=tenue["guichet_id"],
        etat="levee",
        debut=tenue["debut"],
        fin=tenue["fin"],
        a=maintenant,
    )
    await free_place(uow, await read_contexte(outils, uow, tenue["service_id"]), tenue, maintenant, relais=RELAIS)


async def settle_offres(outils: Outils, maintenant: datetime) -> int:
    """End the offers that are over, each in its own transaction; the number ended."""
    async with outils.db.read() as conn:
        a_solder = await file.list_a_solder(conn, maintenant)
    soldees = 0
    for attente_id in a_solder:
        try:
            soldees += await _settle(outils, attente_id, maintenant)
        except Indisponible:
            raise
        except Exception as erreur:
            log.error("attente.defaut", attente=attente_id, **describe(erreur))
    return soldees


async def _settle(outils: Outils, attente_id: int, maintenant: datetime) -> int:
    async def travail(uow: UnitOfWork) -> int:
        voeu = await file.lock_by_id(uow.conn, attente_id)
        offre = None if voeu is None else await file.lock_offre(uow.conn, attente_id)
        if voeu is None or offre is None:
            return 0
        await store.lock_echange(uow.conn, offre["service_id"])
        rdv = await file.read_etat_rdv(uow.conn, offre["rdv_id"])
        if rdv is not None and rdv["etat"] != "option":
            await file.close_offre(uow.conn, offre["id"], "reservee", maintenant)
            await file.update_attente(uow.conn, voeu["id"], etat="satisfaite", fin_a=maintenant, **file.EFFACE)
            return 1
        if rdv is not None and maintenant < (rdv["expire_a"] if offre["etat"] == "prise" else offre["expire_a"]):
            return 0
        if rdv is None and offre["etat"] == "ouverte" and maintenant < offre["expire_a"]:
            # Taken away by the service itself: nothing that he failed to answer.
            await file.close_offre(uow.conn, offre["id"], "retiree", maintenant)
            await file.update_attente(uow.conn, voeu["id"], etat="active")
            return 1
        # Let go by his own hand; or, the worker having been away, in a way that its hold says no more.
        if offre["etat"] == "prise" and (rdv is None or rdv["option_empreinte"] is None):
            await give_back(outils, uow, offre, "refusee", maintenant)
            await file.update_attente(uow.conn, voeu["id"], etat="active", rang_a=maintenant, sans_reponse=0)
            return 1
        domaine = outils.settings.domaine_messages
        if offre["etat"] == "ouverte" and not await is_dite(uow.conn, offre["id"], domaine):
            await give_back(outils, uow, offre, "retiree", maintenant)  # he never knew: his turn is still to come
            await file.update_attente(uow.conn, voeu["id"], etat="active")
            return 1
        await give_back(outils, uow, offre, "expiree", maintenant)
        await _send_behind(outils, uow, voeu, maintenant)
        return 1

    return await outils.db.transaction(travail)


async def _send_behind(outils: Outils, uow: UnitOfWork, voeu: Mapping[str, Any], maintenant: datetime) -> None:
    """Behind those who wait; asked whether he still does when it is not the first time."""
    sans_reponse = voeu["sans_reponse"] + 1
    if not is_lasse(sans_reponse):
        await file.update_attente(uow.conn, voeu["id"], etat="active", rang_a=maintenant, sans_reponse=sans_reponse)
        return
    await file.update_attente(uow.conn, voeu["id"], etat="suspendue", sans_reponse=sans_reponse)
    contexte = await read_contexte(outils, uow, voeu["service_id"])
    await tell(uow.conn, outils.settings, contexte, voeu, "suspendue", maintenant)
