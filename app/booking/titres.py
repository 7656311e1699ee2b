"""By what title somebody reaches an existing RDV, to change it [A1, summary table; G 2.3.1].

Each title restricts the statement that reads or locks the RDV: what it does not reach is not there. It says by whose
rules the RDV then moves, too. Another way in is another title: the use cases know none of them by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from sqlalchemy import ColumnElement, RowMapping, Select, false, literal, or_, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking import store
from app.booking.droits import has_acces, scoped
from app.booking.liens import empreinte
from app.booking.textes import to_recherche
from app.domain.droits import Acces
from app.domain.vocabulaire import Canal
from app.tables import RdvUsager, RendezVous

_NOMS: Final = ("nom_usage", "nom_naissance", "raison_sociale")


@dataclass(frozen=True, slots=True)
class Permis:
    """Where the title allows a move, as conditions of the statement: see ``app.booking.trajet``."""

    ici: ColumnElement[bool]
    rendre: ColumnElement[bool]
    origine: ColumnElement[bool]


class Titre(Protocol):
    """A way to reach a RDV."""

    @property
    def acces(self) -> Acces:
        """Its name in the rules."""

    @property
    def canal(self) -> str:
        """Whose rules apply to what is changed."""

    @property
    def introuvable(self) -> str:
        """The sentence of the 404, the same whatever is missing."""

    def scope(self, requete: Select[*tuple[Any, ...]], *, origine: bool = False) -> Select[*tuple[Any, ...]]:
        """The statement about ``RendezVous`` restricted to what the title reaches."""

    def find_permis(self) -> Permis:
        """Where it may go."""

    def proves(self, ligne: Mapping[str, Any]) -> bool:
        """True when the row is the one meant: what no statement compares."""


@dataclass(frozen=True, slots=True)
class ParDroit:
    """An agent who has ``module`` on the service of the RDV: « all RDV »."""

    agent_id: int
    module: str = "agenda"

    acces = Acces.AGENDA
    canal = Canal.RATTACHE.value
    introuvable = "Ce rendez-vous n’existe pas dans les services auxquels vous êtes rattaché."

    def scope(self, requete: Select[*tuple[Any, ...]], *, origine: bool = False) -> Select[*tuple[Any, ...]]:
        return scoped(requete, self.agent_id, self.module, origine=origine)

    def find_permis(self) -> Permis:
        ici = has_acces(self.agent_id, self.module, RendezVous.service_id)
        origine = has_acces(self.agent_id, self.module, RendezVous.service_origine_id)
        return Permis(
            ici,
            # Who organises the service that receives it may give it back: it can hold it no more.
            ici & (literal(self.module) == "organiser"),
            RendezVous.service_origine_id.is_not(None) & origine,
        )

    def proves(self, ligne: Mapping[str, Any]) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class ParCode:
    """An agent extérieur to whom the usager has told the code and the name: the exact ones, together.

    ``nom`` as typed: the whole nom d’usage, nom de naissance or raison sociale, whatever the accents, the case and the
    hyphens. ``depuis``: a RDV that ended, or was cancelled, before that instant is reached no more.
    """

    code: str
    nom: str
    depuis: datetime

    acces = Acces.CODE_ET_NOM
    canal = Canal.EXTERIEUR.value
    introuvable = "Aucun rendez-vous ne correspond à ce code et à ce nom."

    def scope(self, requete: Select[*tuple[Any, ...]], *, origine: bool = False) -> Select[*tuple[Any, ...]]:
        return (
            requete.add_columns(*(RdvUsager.__table__.c[nom] for nom in _NOMS))
            .join(RdvUsager, RdvUsager.rdv_id == RendezVous.id)
            .where(
                RendezVous.code == self.code,
                RendezVous.fin > self.depuis,
                or_(RendezVous.annule_a.is_(None), RendezVous.annule_a > self.depuis),
            )
        )

    def find_permis(self) -> Permis:
        return Permis(true(), false(), false())

    def proves(self, ligne: Mapping[str, Any]) -> bool:
        dit = to_recherche(self.nom)
        return bool(dit) and dit in {to_recherche(ligne[nom]) for nom in _NOMS}


@dataclass(frozen=True, slots=True)
class ParLien:
    """The usager himself, by the secret link of his messages: the authority on his own RDV [G 2.3.1]."""

    jeton: str

    acces = Acces.LIEN
    canal = Canal.INTERNET.value
    introuvable = "Ce lien ne mène à aucun rendez-vous."

    def scope(self, requete: Select[*tuple[Any, ...]], *, origine: bool = False) -> Select[*tuple[Any, ...]]:
        return requete.where(RendezVous.lien_empreinte == empreinte(self.jeton))

    def find_permis(self) -> Permis:
        return Permis(true(), false(), false())

    def proves(self, ligne: Mapping[str, Any]) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class ParPreuve:
    """The usager himself, who proved the code and the name a few minutes ago (``app.booking.retrouver``).

    ``depuis``: a RDV that ended, or was cancelled, before that instant is reached no more.
    """

    rdv_id: int
    depuis: datetime

    acces = Acces.CODE_ET_NOM
    canal = Canal.INTERNET.value
    introuvable = "Aucun rendez-vous ne correspond à ce code et à ce nom."

    def scope(self, requete: Select[*tuple[Any, ...]], *, origine: bool = False) -> Select[*tuple[Any, ...]]:
        return requete.where(
            RendezVous.id == self.rdv_id,
            RendezVous.fin > self.depuis,
            or_(RendezVous.annule_a.is_(None), RendezVous.annule_a > self.depuis),
            RendezVous.anonymise_a.is_(None),
        )

    def find_permis(self) -> Permis:
        return Permis(true(), false(), false())

    def proves(self, ligne: Mapping[str, Any]) -> bool:
        return True


async def lock_rdv(conn: AsyncConnection, rdv_id: int, titre: Titre, *, origine: bool = False) -> dict[str, Any] | None:
    """A RDV (never a hold) that the title reaches, locked for change, with the columns of ``store.lock_rdv``; or None.

    ``origine``: also one that a service of the agent has entrusted to another.
    """
    if not 0 < rdv_id < 2**63:
        return None
    requete = select(*store.COLONNES_RDV).where(RendezVous.id == rdv_id, RendezVous.etat != "option")
    verrou = titre.scope(requete, origine=origine).with_for_update(of=RendezVous)
    return keep_prouvee((await conn.execute(verrou)).mappings().one_or_none(), titre)


def keep_prouvee(ligne: RowMapping | None, titre: Titre) -> dict[str, Any] | None:
    """The row of a statement that the title restricts, when it is the one meant; or None."""
    lue = None if ligne is None else dict(ligne)
    return lue if lue is not None and titre.proves(lue) else None
