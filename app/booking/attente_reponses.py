"""Answer an offer: take the créneau, which then is the visitor's own hold until he has given his details; or refuse it.

Both lock the request first, as its expiry does: an answer and an expiry at the same instant are one or the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from app.booking import attente_store as file
from app.booking import store
from app.booking.attente import find, journal
from app.booking.attente_suivi import give_back, read_contexte
from app.booking.liberation import release
from app.booking.liens import empreinte
from app.booking.outils import Auteur, Outils
from app.db import UnitOfWork
from app.errors import Conflit

_FINIE: Final = "Ce créneau n’est plus gardé pour vous."
_FINIE_REMEDE: Final = "Vous restez sur la liste d’attente : un autre créneau vous sera proposé dès qu’il se libère."


@dataclass(frozen=True, slots=True)
class Prise:
    """A créneau that has become the visitor's own hold: where its form is."""

    service_id: int
    motif_id: int
    type_rdv: str
    nature: str
    option_id: int


async def take_offre(outils: Outils, jeton: str, visite: str, auteur: Auteur, maintenant: datetime) -> Prise:
    """Hand the hold over to the browser of ``visite``, at least as long as a hold lasts, and as long as was announced.

    Pressed again, or from another browser of the same person: the same créneau, no longer. Raises Introuvable for
    another token, Conflit when it is his no more.
    """
    sienne = empreinte(visite)

    async def travail(uow: UnitOfWork) -> Prise:
        await store.lock_visite(uow.conn, sienne)
        voeu = await find(uow, jeton)
        offre = await file.lock_offre(uow.conn, voeu["id"])
        if offre is None or (offre["etat"] == "ouverte" and offre["expire_a"] <= maintenant):
            raise Conflit(_FINIE, remede=_FINIE_REMEDE)
        anciennes = [o for o in await store.list_options_of(uow.conn, sienne) if o.id != offre["rdv_id"]]
        await store.lock_echange(uow.conn, offre["service_id"], *(option.service_id for option in anciennes))
        release(uow, await store.delete_options_of(uow.conn, sienne, maintenant, sauf=offre["rdv_id"]), maintenant)
        contexte = await read_contexte(outils, uow, voeu["service_id"])
        saisie = maintenant + timedelta(minutes=contexte.parametres.duree_option_minutes)
        tenue = await file.take_tenue(uow.conn, offre["rdv_id"], sienne, max(offre["expire_a"], saisie), maintenant)
        if tenue is None:
            raise Conflit(_FINIE, remede=_FINIE_REMEDE)
        if offre["etat"] == "ouverte":
            await file.take_offre(uow.conn, offre["id"])
            await journal(uow, voeu, auteur, maintenant, "attente.offre_prise", offre=offre["id"])
        return Prise(tenue["service_id"], tenue["motif_id"], tenue["type_rdv"], voeu["nature"], tenue["id"])

    return await outils.db.transaction(travail)


async def refuse_offre(outils: Outils, jeton: str, auteur: Auteur, maintenant: datetime) -> bool:
    """« Ce créneau ne me convient pas »: to the next person, and behind those who wait. False when it was over."""

    async def travail(uow: UnitOfWork) -> bool:
        voeu = await find(uow, jeton)
        offre = await file.lock_offre(uow.conn, voeu["id"])
        if offre is None:
            return False
        await store.lock_echange(uow.conn, offre["service_id"])
        rdv = await file.read_etat_rdv(uow.conn, offre["rdv_id"])
        if rdv is not None and rdv["etat"] != "option":  # booked already
            return False
        await give_back(outils, uow, offre, "refusee", maintenant)
        await file.update_attente(uow.conn, voeu["id"], etat="active", rang_a=maintenant, sans_reponse=0)
        await journal(uow, voeu, auteur, maintenant, "attente.offre_refusee", offre=offre["id"])
        return True

    return await outils.db.transaction(travail)
