"""Every route of « Organiser » and of the national administration."""

from __future__ import annotations

from typing import Any

from app.admin.annuaire.routes import ROUTES as ANNUAIRE
from app.admin.comptes.routes import ROUTES as COMPTES
from app.admin.contact.pages import ROUTES as CONTACT
from app.admin.delegations.routes import ROUTES as DELEGATIONS
from app.admin.donnees.pages import ROUTES as DONNEES
from app.admin.ensemble import ROUTES as ENSEMBLE
from app.admin.explication.routes import ROUTES as EXPLICATION
from app.admin.guichets.routes import ROUTES as GUICHETS
from app.admin.motifs.routes import ROUTES as MOTIFS
from app.admin.ouverture.routes import ROUTES as OUVERTURE
from app.admin.parametres.routes import ROUTES as PARAMETRES
from app.admin.plannings.routes import ROUTES as PLANNINGS
from app.admin.replacement.routes import ROUTES as REPLACEMENT

ROUTES: list[Any] = [
    *ENSEMBLE,
    *GUICHETS,
    *REPLACEMENT,
    *EXPLICATION,
    *MOTIFS,
    *CONTACT,
    *PARAMETRES,
    *OUVERTURE,
    *PLANNINGS,
    *ANNUAIRE,
    *COMPTES,
    *DONNEES,
    *DELEGATIONS,
]
