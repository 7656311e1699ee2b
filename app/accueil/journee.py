"""The rendez-vous of a day, as the reception desk and the box show them: one query, no hold, nothing cancelled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import RowMapping, Select, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from app.accueil.lieux import ServiceJour
from app.booking.agents.lectures import nom_agenda
from app.booking.droits import scoped
from app.tables import Guichet, Motif, Passage, RdvUsager, RendezVous, ServiceFiscal
from app.web.dates import heure, instant_utc

#: What a person whose data have been erased is called.
ANONYME: Final = "Usager anonymisé"


@dataclass(frozen=True, slots=True)
class LigneJour:
    """One rendez-vous of the day, in the shape that the macros of the board and of the box take.

    ``m``: start in minutes since the Unix epoch; ``d``: minutes; instants as ``YYYY-MM-DDTHH:MM:SSZ``, "" when none;
    ``service``: its label where a reception serves several, else ""; ``pour``: the service that entrusted it, or "".
    """

    id: int
    m: int
    d: int
    heure: str
    nom: str
    code: str
    numero: str
    guichet: int
    guichet_nom: str
    motif: str
    type: str
    etat: str
    arrive_a: str
    appele_a: str
    recu_a: str
    termine_a: str
    service: str
    pour: str
    precision: str
    documents: tuple[str, ...]


def name_usager(usager: RowMapping) -> str:
    """« MERVILLE Justine », or the raison sociale: how agents look for somebody in a list."""
    return nom_agenda(dict(usager)) or ANONYME


def number(rdv_id: int) -> str:
    """The internal number of a rendez-vous, « FI1613 » [A1 §3.2]."""
    return f"FI{rdv_id}"


#: The service whose usager it is, when it has entrusted the RDV [G 2.3.5].
_ORIGINE: Final = aliased(ServiceFiscal)
#: The service that receives it.
_RECEVEUR: Final = aliased(ServiceFiscal)
#: Where it is received: what is told to a usager who came to the service that has entrusted his RDV.
RECEVEUR: Final = (
    RendezVous.service_origine_id,
    _RECEVEUR.libelle.label("receveur_libelle"),
    _RECEVEUR.adresse.label("receveur_adresse"),
    _RECEVEUR.complement_adresse.label("receveur_complement"),
    _RECEVEUR.code_postal.label("receveur_code_postal"),
    _RECEVEUR.ville.label("receveur_ville"),
)
#: Who, where and for what: the columns that lists of rendez-vous share.
COLONNES: Final = (
    RendezVous.id,
    RendezVous.code,
    RendezVous.service_id,
    RendezVous.guichet_id,
    RendezVous.type_rdv,
    RendezVous.debut,
    RendezVous.fin,
    RendezVous.etat,
    RendezVous.precision,
    Guichet.nom.label("guichet_nom"),
    Motif.libelle.label("motif"),
    Motif.documents,
    _ORIGINE.libelle.label("origine_libelle"),
    RdvUsager.nature,
    RdvUsager.nom_usage,
    RdvUsager.prenoms,
    RdvUsager.raison_sociale,
)


def select_rdv(*colonnes: Any) -> Select[*tuple[Any, ...]]:
    """Rendez-vous (no hold) with their guichet, motif and person; ``colonnes`` come with ``COLONNES``."""
    return (
        select(*COLONNES, *colonnes)
        .select_from(RendezVous)
        .join(Guichet, Guichet.id == RendezVous.guichet_id)
        .join(Motif, Motif.id == RendezVous.motif_id)
        .outerjoin(_ORIGINE, _ORIGINE.id == RendezVous.service_origine_id)
        .outerjoin(RdvUsager, RdvUsager.rdv_id == RendezVous.id)
        .where(RendezVous.etat != "option")
    )


def join_receveur(requete: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """The same, where the columns ``RECEVEUR`` come from."""
    return requete.join(_RECEVEUR, _RECEVEUR.id == RendezVous.service_id)


async def read_journee(
    conn: AsyncConnection, agent_id: int, services: Sequence[ServiceJour], guichet_id: int | None = None
) -> list[LigneJour]:
    """The rendez-vous of each service on its own local day, at one guichet or at all, by hour.

    Only those of services where the agent receives, whatever ``services`` says.
    """
    requete = (
        scoped(select_rdv(Passage.arrivee_a, Passage.appel_a, Passage.reception_a, Passage.fin_a), agent_id, "accueil")
        .outerjoin(Passage, Passage.rdv_id == RendezVous.id)
        .where(
            tuple_(RendezVous.service_id, RendezVous.jour).in_([(s.id, s.jour) for s in services]),
            RendezVous.etat != "annule",
        )
        .order_by(RendezVous.debut, RendezVous.id)
    )
    if guichet_id is not None:
        requete = requete.where(RendezVous.guichet_id == guichet_id)
    par_id = {s.id: s for s in services}
    plusieurs = len(services) > 1
    return [_ligne(ligne, par_id[ligne["service_id"]], plusieurs) for ligne in (await conn.execute(requete)).mappings()]


def _ligne(ligne: RowMapping, service: ServiceJour, plusieurs: bool) -> LigneJour:
    debut: datetime = ligne["debut"]
    return LigneJour(
        id=ligne["id"],
        m=int(debut.astimezone(UTC).timestamp()) // 60,
        d=int((ligne["fin"] - debut).total_seconds()) // 60,
        heure=heure(debut, service.zone),
        nom=name_usager(ligne),
        code=ligne["code"],
        numero=number(ligne["id"]),
        guichet=ligne["guichet_id"],
        guichet_nom=ligne["guichet_nom"],
        motif=ligne["motif"],
        type=ligne["type_rdv"],
        etat=ligne["etat"],
        arrive_a=instant_utc(ligne["arrivee_a"]),
        appele_a=instant_utc(ligne["appel_a"]),
        recu_a=instant_utc(ligne["reception_a"]),
        termine_a=instant_utc(ligne["fin_a"]),
        service=service.libelle if plusieurs else "",
        pour=ligne["origine_libelle"] or "",
        precision=ligne["precision"],
        documents=tuple(ligne["documents"]),
    )
