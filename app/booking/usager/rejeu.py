"""A form sent again: where it leads when its place is no more, and whether the créneau that it names is still held."""

from __future__ import annotations

from app.booking import store
from app.booking.outils import Outils
from app.booking.usager.demande import Parcours
from app.booking.usager.lecture import Vue
from app.booking.usager.lieux import Cible, find_cible
from app.errors import RegleRefusee


def is_tenue(vue: Vue, parcours: Parcours, debut: int | None) -> bool:
    """True when that créneau (minute-époque), at the place of these choices, is the visitor's own hold."""
    return vue.option is not None and (vue.option.tenue.debut, vue.option.lieu) == (debut, parcours.lieu)


async def find_cible_rejouee(outils: Outils, vue: Vue, parcours: Parcours, cle: bytes) -> Cible:
    """Where these choices lead; where they led, for a form that has already made its rendez-vous.

    A reload or an answer lost on the way must find the confirmation again, whatever was withdrawn since: the key comes
    before the rules. ``cle``: its print. Raises RegleRefusee for a place that is none any more, when it made nothing.
    """
    try:
        return find_cible(vue, parcours)
    except RegleRefusee:
        async with outils.db.read() as conn:
            if await store.find_by_cle(conn, cle) is None:
                raise
            receveur = await store.read_receveur(conn, parcours.lieu, vue.contexte.id)
        return Cible(vue.contexte.id, None) if receveur is None else Cible(receveur, parcours.lieu)
