"""Tell screens and public grids of holds that are no more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from app.booking import store
from app.db import UnitOfWork


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
