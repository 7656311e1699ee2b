"""The other RDV of the same person, in the services of the agent's zone, on the fiche.

The same person is the same numéro fiscal or SIREN, never a name. What is to come and what is over are told apart by
state alone, so that the region says the same at any hour of a version. It follows the services of the zone: a RDV taken
next door appears here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking.agents.lectures import meme_personne
from app.booking.droits import scoped
from app.booking.traces import Trace
from app.config import Settings
from app.identite.empreintes import print_critere
from app.tables import Agenda, Motif, RdvUsager, RendezVous, ServiceFiscal
from app.tables.vues import acces
from app.web.dates import heure, jour_court

_A_VENIR: Final = ("prevu", "arrive", "appele", "recu")
_PASSES: Final = ("termine", "non_honore", "annule")
#: RDV shown of each kind.
NOMBRE: Final = 5
#: Services that the region follows: with a wider zone, those that are shown alone.
_SUIVIS: Final = 8


@dataclass(frozen=True, slots=True)
class Autres:
    """``versions``: service → version of its agenda, read before the rows. ``plus``: there are more than shown."""

    versions: Mapping[int, int]
    a_venir: tuple[dict[str, Any], ...] = ()
    passes: tuple[dict[str, Any], ...] = ()
    plus: bool = False

    @property
    def ids(self) -> list[int]:
        """The RDV shown."""
        return sorted(ligne["id"] for ligne in (*self.a_venir, *self.passes))

    def list_suivis(self, service_id: int) -> list[tuple[int, int]]:
        """(service, version) of the services that change what is shown, but for the fiche's own."""
        tous = sorted(ident for ident in self.versions if ident != service_id)
        if len(tous) > _SUIVIS:
            montres = {ligne["service_id"] for ligne in (*self.a_venir, *self.passes)}
            tous = [ident for ident in tous if ident in montres]
        return [(ident, self.versions[ident]) for ident in tous]


RIEN: Final = Autres({})


async def read_autres(conn: AsyncConnection, agent_id: int, rdv: Mapping[str, Any]) -> Autres:
    """Those that the agent may read; none without a number to recognise the person by."""
    if not rdv["numero_fiscal"] and not rdv["siren"]:
        return RIEN
    zone = (
        select(Agenda.service_id, Agenda.version)
        .join(acces, acces.c.service_id == Agenda.service_id)
        .where(acces.c.agent_id == agent_id, acces.c.module == "agenda")
    )
    versions: dict[int, int] = {ligne[0]: ligne[1] for ligne in await conn.execute(zone)}
    a_venir = await _list(conn, agent_id, rdv, a_venir=True)
    passes = await _list(conn, agent_id, rdv, a_venir=False)
    plus = len(a_venir) > NOMBRE or len(passes) > NOMBRE
    return Autres(versions, tuple(a_venir[:NOMBRE]), tuple(passes[:NOMBRE]), plus)


async def _list(conn: AsyncConnection, agent_id: int, rdv: Mapping[str, Any], *, a_venir: bool) -> list[dict[str, Any]]:
    ordre = RendezVous.debut.asc() if a_venir else RendezVous.debut.desc()
    requete: Select[*tuple[Any, ...]] = (
        select(
            RendezVous.id,
            RendezVous.service_id,
            RendezVous.debut,
            RendezVous.jour,
            RendezVous.etat,
            RendezVous.type_rdv,
            Motif.libelle.label("motif"),
            ServiceFiscal.libelle.label("service"),
            ServiceFiscal.fuseau,
        )
        .join(RdvUsager, RdvUsager.rdv_id == RendezVous.id)
        .join(Motif, Motif.id == RendezVous.motif_id)
        .join(ServiceFiscal, ServiceFiscal.id == RendezVous.service_id)
        .where(
            meme_personne(rdv["numero_fiscal"], rdv["siren"]),
            RendezVous.id != rdv["id"],
            RendezVous.etat.in_(_A_VENIR if a_venir else _PASSES),
        )
        .order_by(ordre, RendezVous.id)
        .limit(NOMBRE + 1)
    )
    return [dict(ligne) for ligne in (await conn.execute(scoped(requete, agent_id, "agenda"))).mappings()]


def tell_autres(autres: Autres, service_id: int) -> dict[str, Any]:
    """The context of the template; the service is named when it is another one."""
    return {
        "a_venir": [_tell(ligne, service_id) for ligne in autres.a_venir],
        "passes": [_tell(ligne, service_id) for ligne in autres.passes],
        "plus": autres.plus,
    }


def _tell(ligne: Mapping[str, Any], service_id: int) -> dict[str, Any]:
    a = heure(ligne["debut"], ZoneInfo(ligne["fuseau"]))
    return {
        "url": f"/rendez-vous/{ligne['id']}",
        "quand": f"{jour_court(ligne['jour'])} {ligne['jour'].year} à {a}",
        "motif": ligne["motif"],
        "etat": ligne["etat"],
        "service": ligne["service"] if ligne["service_id"] != service_id else "",
    }


def build_traces(settings: Settings, rdv: Mapping[str, Any], service_id: int, autres: Autres) -> list[Trace]:
    """The line of the search that the fiche makes by itself: which print, which RDV were shown; none when none was."""
    if not autres.ids:
        return []
    criteres = {nom: print_critere(settings, nom, rdv[nom]) for nom in ("numero_fiscal", "siren") if rdv[nom]}
    return [Trace("usager.recherche", service_id, rdv["id"], {"criteres": criteres, "rdv": autres.ids})]
