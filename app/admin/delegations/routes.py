"""Every route of the delegations."""

from __future__ import annotations

from typing import Any

from app.admin.delegations.fiche import ROUTES as FICHE
from app.admin.delegations.liste import ROUTES as LISTE
from app.admin.delegations.proposition import ROUTES as PROPOSITION
from app.admin.delegations.retrait import ROUTES as RETRAIT

ROUTES: list[Any] = [*LISTE, *PROPOSITION, *FICHE, *RETRAIT]
