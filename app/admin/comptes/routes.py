"""Every route of accounts and habilitations."""

from __future__ import annotations

from typing import Any

from app.admin.comptes.pages_creation import ROUTES as CREATION
from app.admin.comptes.pages_fiche import ROUTES as FICHE
from app.admin.comptes.pages_national import ROUTES as NATIONAL
from app.admin.comptes.pages_service import ROUTES as SERVICE

ROUTES: list[Any] = [*SERVICE, *NATIONAL, *CREATION, *FICHE]
