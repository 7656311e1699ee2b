"""A service that entrusts motifs to another, which has accepted; RDV booked at that one for it."""

from __future__ import annotations

import uuid
from typing import Any

from app.booking.jugement import Reservation
from app.booking.outils import Auteur, Outils
from app.booking.reserver import book
from app.db import UnitOfWork
from tests.accueil.monde import VEILLE, Journee, epoch_minute, personne
from tests.fixtures.delegations import insert_delegation
from tests.fixtures.donnees import MondeService


async def entrust(journee: Journee, a: MondeService, b: MondeService) -> int:
    """``a`` entrusts its open motifs to ``b``, who has accepted; both screens are told. The delegation's id."""

    async def travail(uow: UnitOfWork) -> int:
        ident = await insert_delegation(uow.conn, a, b, motifs=a.motifs[:2])
        for service in (a.id, b.id):
            uow.annonces.planning(service)
        return ident

    return await journee.outils.db.transaction(travail)


async def book_for(
    journee: Journee,
    a: MondeService,
    b: MondeService,
    delegation_id: int,
    heure: str,
    nom: str = "Confie",
    *,
    guichet: int = 0,
    outils: Outils | None = None,
    **plus: Any,
) -> int:
    """A RDV of ``b`` taken for ``a``: a motif of ``a``, a guichet of ``b``; announced to both. Its id.

    ``outils``: those of a process that publishes at once, when somebody is looking.
    """
    demande = Reservation(
        service_id=b.id,
        motif_id=a.motifs[0],
        type_rdv="guichet",
        debut=epoch_minute(heure, b.zone),
        canal="rattache",
        origine="telephone",
        precision="Question sur mon avis",
        cle=str(uuid.uuid4()),
        guichet_id=b.guichets[guichet],
        delegation_id=delegation_id,
        **{"usager": personne(nom), **plus},
    )
    auteur = Auteur("agent", agent_id=b.agents["agent"])
    return (await book(outils or journee.outils, demande, auteur, VEILLE)).id
