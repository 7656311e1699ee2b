"""The place of a booking, inside its transaction: the visitor's own hold confirmed, else an insert where it is free.

The constraint decides: a rival who was faster makes the insert return no row, and another guichet is tried.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from app.booking import store
from app.booking.jugement import Projet, Reservation
from app.booking.liberation import release, thaw
from app.booking.liens import empreinte
from app.booking.quota import check_quota
from app.db import UnitOfWork
from app.domain.delegation import Delegation
from app.domain.rendez_vous import generate_code
from app.domain.vocabulaire import Canal
from app.errors import CreneauPris

#: Guichets tried before giving up; more rivals than that on one créneau are told the truth: it is taken.
ESSAIS: Final = 25


async def take_hold(
    uow: UnitOfWork,
    demande: Reservation,
    projet: Projet,
    delegation: Delegation | None,
    valeurs: dict[str, Any],
    maintenant: datetime,
) -> tuple[int, int] | None:
    """Confirm the visitor's live hold when it is the place asked for; release it when it is another one.

    The quota of the delegation is asked in every case, before any row is touched (see ``lock_quota``): a hold counts in
    it, but it may have expired while the request was on its way, and its place in the day be somebody else's.
    """
    if demande.visite is None:
        if delegation is not None:
            await check_quota(uow.conn, delegation, valeurs["jour"], maintenant)
        return None
    visite = empreinte(demande.visite)
    await store.lock_visite(uow.conn, visite)
    if delegation is not None and delegation.quota_jour is not None:
        sienne = await store.find_option(uow.conn, visite, demande.service_id, maintenant)
        sauf = None if sienne is None else sienne["id"]
        await check_quota(uow.conn, delegation, valeurs["jour"], maintenant, sauf=sauf)
    option = await store.find_option(uow.conn, visite, demande.service_id, maintenant)
    if option is None:
        return None
    meme_place = (option["debut"], option["fin"], option["delegation_id"]) == (
        *(valeurs["debut"], valeurs["fin"], valeurs["delegation_id"]),
    )
    if (
        meme_place
        and option["guichet_id"] in projet.candidats
        and await store.lock_option(uow.conn, visite, demande.service_id, maintenant) is not None
    ):
        for _ in range(3):
            valeurs["code"] = generate_code(secrets.randbelow)
            if await store.confirm_option(uow.conn, option["id"], valeurs):
                release(uow, await store.delete_options_of(uow.conn, visite, maintenant), maintenant)
                return option["id"], option["guichet_id"]
    await store.lock_echange(uow.conn, demande.service_id)  # before the lock of the hold, as whoever settles an offer
    siennes = await store.delete_options_of(uow.conn, visite, maintenant, service_id=demande.service_id)
    release(uow, siennes, maintenant)
    return None


async def take_place(
    uow: UnitOfWork,
    demande: Reservation,
    projet: Projet,
    valeurs: dict[str, Any],
    cle: bytes,
    maintenant: datetime,
) -> tuple[int, int] | Mapping[str, Any]:
    """Insert on the best guichet still free: the ids of the RDV and of its guichet.

    The RDV that the key has made meanwhile when there is one. Raises CreneauPris when no place is left.
    """
    conn = uow.conn
    candidats: Sequence[int] = projet.candidats
    if demande.canal == Canal.RATTACHE and demande.guichet_id is not None:
        place = valeurs["debut"], valeurs["fin"]
        await thaw(uow, demande.guichet_id, *place, maintenant, service_id=demande.service_id)
    for _ in range(ESSAIS):
        if not candidats:
            break
        guichet_id = candidats[0]
        valeurs["code"] = generate_code(secrets.randbelow)
        rdv_id = await store.insert_rendez_vous(conn, {**valeurs, "guichet_id": guichet_id})
        if rdv_id is not None:
            return rdv_id, guichet_id
        deja = await store.find_by_cle(conn, cle)
        if deja is not None:
            return deja
        release(uow, await store.delete_options_mortes(conn, maintenant, guichets=projet.candidats), maintenant)
        candidats = await store.filter_libres(conn, projet.candidats, valeurs["debut"], valeurs["fin"])
    raise CreneauPris
