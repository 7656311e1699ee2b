"""The content of a subscribed calendar (RFC 5545): seven days back, sixty ahead, the whole picture at each read.

It is copied by a telephone or by somebody else's server, and shown to colleagues or relatives: it says when, where and
how, never who, nor why (no motif), nor what would help to find out (no code, no visio link). The fiche, whose address
is in the event, asks who one is. UIDs are not those of the usager's own event: an agent who is also the usager
keeps both. What is cancelled or gone is simply no longer there: a subscription is read whole each time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event
from sqlalchemy import LargeBinary, and_, bindparam, exists, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking.droits import scoped
from app.courrier.vtimezone import vtimezone
from app.tables import Affectation, Guichet, GuichetAgent, RendezVous, ServiceFiscal

JOURS_AVANT: Final = 7
JOURS_APRES: Final = 60
#: No calendar holds more: twenty rendez-vous a day at each of four guichets.
LIGNES_MAX: Final = 5000
#: To be changed with what the events say: programs that hold the former one then read again.
_FORME: Final = "1"
_PRODID: Final = "-//Accueil personnalise sur rendez-vous//agents//FR"
_TITRES: Final = {
    "guichet": "Rendez-vous au guichet",
    "telephone": "Rendez-vous téléphonique",
    "visio": "Rendez-vous en visio",
}


@dataclass(frozen=True, slots=True)
class ServiceLu:
    """A service that the calendar shows, at its agenda's version; ``jour`` is today there."""

    id: int
    version: int
    fuseau: str
    jour: date


@dataclass(frozen=True, slots=True)
class Flux:
    """An open subscription. ``guichet_id`` None: the agent's own."""

    id: int
    agent_id: int
    guichet_id: int | None
    nom: str
    services: tuple[ServiceLu, ...]
    epoque: str

    @property
    def etag(self) -> str:
        """Changes with the agenda of any of its services, their guichets, the agent's rights and the day."""
        faits = [_FORME, str(self.id), self.epoque, *(f"{s.id}.{s.version}.{s.jour}" for s in self.services)]
        return f'"{hashlib.sha256("|".join(faits).encode()).hexdigest()[:32]}"'


_OUVRIR: Final = text(
    """
    SELECT b.id, b.agent_id, b.guichet_id, g.nom AS guichet, v.service_id, v.version, s.fuseau, s.libelle,
           (SELECT valeur FROM epoque) AS epoque
      FROM abonnement b
      JOIN agent a ON a.id = b.agent_id AND a.suspendu_a IS NULL
      JOIN acces x ON x.agent_id = b.agent_id AND x.module = 'agenda'
      JOIN agenda v ON v.service_id = x.service_id
      JOIN service_fiscal s ON s.id = x.service_id
      LEFT JOIN guichet g ON g.id = b.guichet_id
     WHERE b.empreinte = :empreinte AND (b.guichet_id IS NULL OR g.service_id = x.service_id)
     ORDER BY v.service_id
    """
).bindparams(bindparam("empreinte", type_=LargeBinary))


async def open_flux(conn: AsyncConnection, empreinte: bytes, maintenant: datetime) -> Flux | None:
    """The subscription of that secret, when its agent may still read it: one statement, versions before rows."""
    lignes = (await conn.execute(_OUVRIR, {"empreinte": empreinte})).mappings().all()
    if not lignes:
        return None
    premiere = lignes[0]
    services = tuple(
        ServiceLu(
            ligne["service_id"],
            ligne["version"],
            ligne["fuseau"],
            maintenant.astimezone(ZoneInfo(ligne["fuseau"])).date(),
        )
        for ligne in lignes
    )
    guichet = premiere["guichet_id"]
    nom = "Mes rendez-vous" if guichet is None else f"{premiere['guichet']} – {premiere['libelle']}"
    return Flux(premiere["id"], premiere["agent_id"], guichet, nom, services, premiere["epoque"])


async def read_evenements(conn: AsyncConnection, flux: Flux) -> list[dict[str, Any]]:
    """Its rendez-vous in order; the right is in the statement again."""
    jours = [
        and_(
            RendezVous.service_id == s.id,
            RendezVous.jour >= s.jour - timedelta(days=JOURS_AVANT),
            RendezVous.jour <= s.jour + timedelta(days=JOURS_APRES),
        )
        for s in flux.services
    ]
    requete = (
        select(
            RendezVous.id,
            RendezVous.sequence,
            RendezVous.debut,
            RendezVous.fin,
            RendezVous.type_rdv,
            RendezVous.modifie_a,
            Guichet.nom.label("guichet"),
            ServiceFiscal.libelle.label("service"),
            ServiceFiscal.fuseau,
        )
        .join(Guichet, Guichet.id == RendezVous.guichet_id)
        .join(ServiceFiscal, ServiceFiscal.id == RendezVous.service_id)
        .where(or_(*jours), RendezVous.etat.not_in(["option", "annule"]))
        .order_by(RendezVous.debut, RendezVous.id)
        .limit(LIGNES_MAX)
    )
    if flux.guichet_id is not None:
        requete = requete.where(RendezVous.guichet_id == flux.guichet_id)
    else:
        requete = requete.where(
            or_(
                exists().where(
                    GuichetAgent.guichet_id == RendezVous.guichet_id, GuichetAgent.agent_id == flux.agent_id
                ),
                exists().where(Affectation.rdv_id == RendezVous.id, Affectation.agent_id == flux.agent_id),
            )
        )
    return [dict(ligne) for ligne in (await conn.execute(scoped(requete, flux.agent_id, "agenda"))).mappings()]


def build_ics(flux: Flux, lignes: Sequence[Mapping[str, Any]], *, domaine: str, base_url: str) -> bytes:
    """The calendar, UTF-8, CRLF. The same rows give the same bytes: nothing in it says when it was read."""
    calendrier = Calendar()
    calendrier.add("prodid", _PRODID)
    calendrier.add("version", "2.0")
    calendrier.add("method", "PUBLISH")
    calendrier.add("x-wr-calname", flux.nom)
    calendrier.add("refresh-interval;value=duration", "PT15M")
    calendrier.add("x-published-ttl", "PT15M")
    annee = min(s.jour for s in flux.services).year
    for fuseau in sorted({ligne["fuseau"] for ligne in lignes}):
        calendrier.add_component(vtimezone(fuseau, annee))
    for ligne in lignes:
        calendrier.add_component(_build_event(ligne, domaine, base_url))
    return bytes(calendrier.to_ical())


def _build_event(ligne: Mapping[str, Any], domaine: str, base_url: str) -> Event:
    zone, url = ZoneInfo(ligne["fuseau"]), f"{base_url}/rendez-vous/{ligne['id']}"
    evenement = Event()
    evenement.add("uid", f"agent-rdv-{ligne['id']}@{domaine}")
    evenement.add("sequence", ligne["sequence"])
    evenement.add("dtstamp", ligne["modifie_a"])
    evenement.add("last-modified", ligne["modifie_a"])
    evenement.add("dtstart", ligne["debut"].astimezone(zone))
    evenement.add("dtend", ligne["fin"].astimezone(zone))
    evenement.add("summary", f"{_TITRES[ligne['type_rdv']]} – {ligne['guichet']}")
    evenement.add("location", f"{ligne['guichet']}, {ligne['service']}")
    evenement.add("description", f"Qui, pourquoi et comment : dans la fiche, après connexion.\n{url}")
    evenement.add("url", url)
    evenement.add("status", "CONFIRMED")
    evenement.add("class", "PRIVATE")
    evenement.add("transp", "OPAQUE")
    return evenement
