"""By the account of an usager who is signed in: the rendez-vous that he took signed in, and no other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, false, true

from app.booking.titres import Permis
from app.domain.droits import Acces
from app.domain.vocabulaire import Canal
from app.tables import RendezVous


@dataclass(frozen=True, slots=True)
class ParCompte:
    """His session says who he is; nothing that he sends does. See ``app.booking.titres``."""

    usager_id: int

    acces = Acces.COMPTE
    canal = Canal.INTERNET.value
    introuvable = "Ce rendez-vous n’est pas parmi les vôtres."

    def scope(self, requete: Select[*tuple[Any, ...]], *, origine: bool = False) -> Select[*tuple[Any, ...]]:
        return requete.where(RendezVous.usager_id == self.usager_id)

    def find_permis(self) -> Permis:
        return Permis(true(), false(), false())

    def proves(self, ligne: Mapping[str, Any]) -> bool:
        return True
