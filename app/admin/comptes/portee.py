"""How much of an account its reader sees: all of it when its rights lie inside his own, else what touches his service.

Whoever comes to help a service stays the account of somebody else: his chef of a day reads his name and what he may do
here, never his sessions, keys, sign-ins, address or rights elsewhere [G 2.3.2].
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from app.admin.comptes.droits import Endroit, Tenu, find_services
from app.admin.comptes.lectures import Fiche, LigneAgent, read_histoire
from app.domain.attribution import Droit, Lieu, Refuse, administers, decide_compte, decide_retrait

_LISIBLES: Final = frozenset({"id", "identifiant", "nom", "prenom", "revision"})


def find_limite(donneur: Collection[Droit], tenus: Iterable[Tenu]) -> str:
    """Why the administrator may not act on the account itself, "" when he may."""
    portee = decide_compte(donneur, [t.droit for t in tenus])
    return portee.phrase if isinstance(portee, Refuse) else ""


def _touching(donneur: Collection[Droit], tenus: Sequence[Tenu], ici: Lieu) -> tuple[Tenu, ...]:
    """Those over what the administrator holds, and the wider ones that are worth something on his service."""
    return tuple(t for t in tenus if administers(donneur, t.droit.lieu) or t.droit.lieu.contains(ici))


async def limit_fiche(
    conn: AsyncConnection, fiche: Fiche, donneur: Collection[Droit], endroit: Endroit, zone: ZoneInfo
) -> Fiche:
    """The sheet of an account wider than its reader, under the pages of the service ``endroit``."""
    endroits = await find_services(conn, [service for service, *_ in fiche.rattachements])
    siens = {ident for ident, lui in endroits.items() if administers(donneur, lui.lieu)}
    agent_id = int(fiche.agent["id"])
    return replace(
        fiche,
        agent={cle: valeur for cle, valeur in fiche.agent.items() if cle in _LISIBLES},
        etat="suspendu" if fiche.etat == "suspendu" else "",
        tenus=_touching(donneur, fiche.tenus, endroit.lieu),
        rattachements=tuple(r for r in fiche.rattachements if r[0] in siens),
        sessions=(),
        cles=(),
        invitation="",
        connexion="",
        histoire=await read_histoire(conn, agent_id, zone, service_id=int(endroit.lieu.cle)),
    )


def limit_ligne(ligne: LigneAgent, donneur: Collection[Droit], ici: Lieu) -> LigneAgent:
    """The row of a list, without what its reader may not read."""
    if not find_limite(donneur, ligne.tenus):
        return ligne
    etat = "suspendu" if ligne.etat == "suspendu" else ""
    return replace(ligne, etat=etat, courriel="", connexion="", tenus=_touching(donneur, ligne.tenus, ici), limite=True)


def find_retirables(donneur: Collection[Droit], tenus: Iterable[Tenu], *, soi: bool) -> frozenset[int]:
    """The ids of the habilitations that the administrator may take back, whatever is left behind."""
    return frozenset(
        t.id
        for t in tenus
        if not isinstance(decide_retrait(donneur, t.droit, soi=soi, dernier_national=False, orphelins=()), Refuse)
    )
