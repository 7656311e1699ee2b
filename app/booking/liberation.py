"""Tell screens and public grids of places that are free again: holds that are no more, cancelled rendez-vous.

A service may ask that a cancelled créneau come back only after a random wait: nobody can then watch for it, nor cancel
one RDV to hand its place to somebody else [P15]. The place is kept meanwhile by a hold of nature ``gel``, which expires
like any other. It stands in the way of the internet and of agents extérieurs; an attached agent who asks for that very
place in the agenda takes it, the gel being removed first.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from app.booking import store
from app.booking.contexte import ServiceContexte
from app.booking.jugement import compute_fenetre
from app.db import UnitOfWork
from app.domain.calendrier import Parametres
from app.domain.horaires import floor_minute
from app.domain.rendez_vous import NatureOption
from app.domain.vocabulaire import Canal

_SECONDES: Final = 60


def release(uow: UnitOfWork, options: Sequence[store.OptionMorte], maintenant: datetime) -> None:
    """Announce holds that are no more."""
    for option in options:
        uow.annonces.rdv(
            "option.levee",
            option.services,
            rdv=option.id,
            guichet=option.guichet_id,
            etat="levee",
            debut=option.debut,
            fin=option.fin,
            a=maintenant,
        )
        uow.annonces.creneau(
            "creneau.libre", option.services, guichet=option.guichet_id, debut=option.debut, fin=option.fin
        )


def draw_attente(parametres: Parametres, draw: Callable[[int], int] = secrets.randbelow) -> timedelta:
    """How long a cancelled créneau waits: to the second, evenly between the two bounds, both included."""
    bas, haut = parametres.liberation_min_minutes * _SECONDES, parametres.liberation_max_minutes * _SECONDES
    return timedelta(seconds=bas + draw(haut - bas + 1))


def is_differee(contexte: ServiceContexte, debut: datetime, maintenant: datetime) -> bool:
    """True when the service delays cancelled créneaux and this one could be booked from outside.

    A place too near for the internet and for agents extérieurs interests no reseller: it is free at once.
    """
    return contexte.parametres.liberation_differee and is_reservable(contexte, debut, maintenant)


def is_reservable(contexte: ServiceContexte, debut: datetime, maintenant: datetime) -> bool:
    """True when the internet or agents extérieurs may book it now, were it free."""
    if contexte.ferme:
        return False
    jour, minute = debut.astimezone(contexte.zone).date(), floor_minute(debut)
    return any(
        compute_fenetre(contexte, canal, maintenant).refuse(jour, minute) is None
        for canal in (Canal.INTERNET, Canal.EXTERIEUR)
    )


async def free_place(
    uow: UnitOfWork,
    contexte: ServiceContexte,
    rdv: Mapping[str, Any],
    maintenant: datetime,
    *,
    relais: timedelta | None = None,
) -> datetime | None:
    """Give back the place that ``rdv`` has just left: announced free, or kept until the instant returned.

    To be called once its row occupies the place no more. ``rdv``: service_id, service_origine_id, guichet_id, motif_id,
    type_rdv, debut, fin, jour, canal, as they were. ``relais``: how long it is kept at least, for the waiting list.
    """
    expire_a = await freeze(uow, contexte, rdv, maintenant, relais=relais)
    if expire_a is None:  # free at once, or the RDV has moved over a part of its own place, which nobody can take
        services = store.services_concernes(rdv["service_id"], rdv["service_origine_id"])
        uow.annonces.creneau("creneau.libre", services, guichet=rdv["guichet_id"], debut=rdv["debut"], fin=rdv["fin"])
    return expire_a


async def freeze(
    uow: UnitOfWork,
    contexte: ServiceContexte,
    rdv: Mapping[str, Any],
    maintenant: datetime,
    *,
    relais: timedelta | None = None,
) -> datetime | None:
    """Keep the place of ``rdv`` from the internet where the service delays what is cancelled: until when, or None.

    ``relais``: how long it is kept elsewhere too, when it could be booked from outside.
    """
    if is_differee(contexte, rdv["debut"], maintenant):
        duree = draw_attente(contexte.parametres)
    elif relais is not None and is_reservable(contexte, rdv["debut"], maintenant):
        duree = relais
    else:
        return None
    expire_a = maintenant + duree
    if not await _insert_gel(uow, rdv, expire_a, maintenant):
        return None
    if rdv["service_origine_id"] is not None:  # the day's quota has room again, though the place is kept
        for service_id in store.services_concernes(rdv["service_id"], rdv["service_origine_id"]):
            uow.annonces.add(service_id, "creneaux", {"type": "planning.modifie"})
    return expire_a


async def _insert_gel(uow: UnitOfWork, rdv: Mapping[str, Any], expire_a: datetime, maintenant: datetime) -> bool:
    """Keep the place of ``rdv`` until then, told to agents alone; False when something stands there."""
    gel = await store.insert_rendez_vous(
        uow.conn,
        {
            "service_id": rdv["service_id"],
            "service_origine_id": rdv["service_origine_id"],
            "delegation_id": None,  # what is cancelled counts no more in the quota of a delegation
            "guichet_id": rdv["guichet_id"],
            "motif_id": rdv["motif_id"],
            "type_rdv": rdv["type_rdv"],
            "debut": rdv["debut"],
            "fin": rdv["fin"],
            "jour": rdv["jour"],
            "etat": "option",
            "occupe": True,
            "canal": rdv["canal"],
            "origine": "internet",
            "nature_option": NatureOption.GEL.value,
            "expire_a": expire_a,
            "cree_a": maintenant,
            "modifie_a": maintenant,
        },
    )
    if gel is None:
        return False
    uow.annonces.rdv(
        "option.posee",
        store.services_concernes(rdv["service_id"], rdv["service_origine_id"]),
        rdv=gel,
        etat="option",
        guichet=rdv["guichet_id"],
        debut=rdv["debut"],
        fin=rdv["fin"],
        a=maintenant,
    )
    return True


async def thaw(
    uow: UnitOfWork, guichet_id: int, debut: datetime, fin: datetime, maintenant: datetime, *, service_id: int
) -> None:
    """Remove the gels that stand in the way of an attached agent, who holds the agenda: he takes ``[debut, fin)``."""
    if await store.list_gels(uow.conn, guichet_id, debut, fin):
        await store.lock_echange(uow.conn, service_id)
        await carve(uow, guichet_id, debut, fin, maintenant)


async def carve(uow: UnitOfWork, guichet_id: int, debut: datetime, fin: datetime, maintenant: datetime) -> bool:
    """Make way for what takes ``[debut, fin)``, under ``lock_echange``; True when a gel was there.

    What it leaves of a gel stays kept until the same instant: a short RDV gives nothing of a long one to the public.
    """
    gels = await store.delete_gels(uow.conn, guichet_id, debut, fin)
    for gel in gels:
        services = store.services_concernes(gel["service_id"], gel["service_origine_id"])
        uow.annonces.rdv(
            "option.levee",
            services,
            rdv=gel["id"],
            guichet=guichet_id,
            etat="levee",
            debut=gel["debut"],
            fin=gel["fin"],
            a=maintenant,
        )
        uow.annonces.creneau(
            "creneau.libre", services, guichet=guichet_id, debut=max(debut, gel["debut"]), fin=min(fin, gel["fin"])
        )
        for reste in ((gel["debut"], debut), (fin, gel["fin"])):
            if reste[0] < reste[1]:
                await _insert_gel(uow, {**gel, "debut": reste[0], "fin": reste[1]}, gel["expire_a"], maintenant)
    return bool(gels)
