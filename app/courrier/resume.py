"""The daily summary to an agent who asked for it: the day of each service of his zone, his own rendez-vous, what is
to be done [G 2.3.3].

A mailbox is read on telephones and forwarded: nobody's name is in it, nor what usagers wrote, as in the other mails to
agents. It says what was true when it was written; the screens, one link away, say what is true now.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from email.message import EmailMessage
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.courrier import texte
from app.courrier.rendu import Entete, render_lettre
from app.tables import Agent, Courrier
from app.tables.vues import acces

EVENEMENT: Final = "resume"
PASSE: Final = "journée passée"
DROIT_RETIRE: Final = "compte suspendu, adresse changée ou droit retiré"


@dataclass(frozen=True, slots=True, kw_only=True)
class RdvResume:
    """One rendez-vous of the agent. ``heure`` is local: « 10:20 »."""

    heure: str
    duree: str
    type_rdv: str
    motif: str
    code: str
    guichet: str
    designe: bool
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceResume:
    """The day of one service. ``guichets``: (name, number) in order; ``autres``: RDV of the agent not listed.

    ``a_replacer``: RDV to be placed again, None for who does not organise it.
    """

    id: int
    libelle: str
    jour: date
    total: int
    guichets: tuple[tuple[str, int], ...]
    rdvs: tuple[RdvResume, ...]
    autres: int
    a_replacer: int | None
    agenda_url: str
    a_replacer_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageResume:
    """What the mail tells. ``jour`` is today where the agent works, over at ``fin`` (aware)."""

    agent_id: int
    jour: date
    fin: datetime
    services: tuple[ServiceResume, ...]
    a_rappeler: int
    a_rappeler_url: str
    preferences_url: str

    def to_donnees(self) -> dict[str, Any]:
        """The JSON object of the row."""
        faits = asdict(self)
        faits |= {"jour": self.jour.isoformat(), "fin": self.fin.isoformat()}
        for service in faits["services"]:
            service["jour"] = service["jour"].isoformat()
        return faits

    @classmethod
    def from_donnees(cls, donnees: Mapping[str, Any]) -> MessageResume:
        """The message of a row. Raises KeyError, TypeError or ValueError when the row cannot be one."""
        services = tuple(
            ServiceResume(
                **{
                    **service,
                    "jour": date.fromisoformat(service["jour"]),
                    "guichets": tuple((nom, nombre) for nom, nombre in service["guichets"]),
                    "rdvs": tuple(RdvResume(**rdv) for rdv in service["rdvs"]),
                }
            )
            for service in donnees["services"]
        )
        lues = {nom: donnees[nom] for nom in cls.__dataclass_fields__}
        jour, fin = date.fromisoformat(lues["jour"]), datetime.fromisoformat(lues["fin"])
        return cls(**{**lues, "jour": jour, "fin": fin, "services": services})


async def write_resume(
    conn: AsyncConnection, message: MessageResume, destinataire: str, maintenant: datetime, *, domaine: str
) -> None:
    """Insert the mail in the caller's transaction: one an agent and a day, whatever happens."""
    valeurs: dict[str, Any] = {
        "rdv_id": None,
        "evenement": EVENEMENT,
        "canal": "mail",
        "destinataire": destinataire,
        "message_id": f"<resume-{message.agent_id}.{message.jour:%Y%m%d}@{domaine}>",
        "donnees": message.to_donnees(),
        "cree_a": maintenant,
        "du_a": maintenant,
    }
    await conn.execute(insert(Courrier).values(valeurs).on_conflict_do_nothing())


async def find_obstacle(conn: AsyncConnection, message: MessageResume, destinataire: str, a: datetime) -> str | None:
    """Why it must not leave at ``a``, or None: the day is over, or the agent may read these services no more."""
    if message.fin <= a:
        return PASSE
    services = {service.id for service in message.services}
    requete = (
        select(func.count(acces.c.service_id.distinct()))
        .join(Agent, Agent.id == acces.c.agent_id)
        .where(
            Agent.id == message.agent_id,
            Agent.suspendu_a.is_(None),
            Agent.courriel == destinataire,
            acces.c.module == "agenda",
            acces.c.service_id.in_(services),
        )
    )
    return None if (await conn.execute(requete)).scalar_one() == len(services) else DROIT_RETIRE


def render_resume(message: MessageResume, entete: Entete, a: datetime) -> EmailMessage:
    """The mail. Raises jinja2.TemplateError or ValueError when it cannot be written."""
    total = sum(service.total for service in message.services)
    siens = sum(len(service.rdvs) + service.autres for service in message.services)
    contexte = {
        "m": message,
        "jour": texte.jour_du_mois_en_mots(message.jour),
        "total": total,
        "siens": siens,
        "services": [
            {
                "s": service,
                "libelle": texte.propre(service.libelle),
                "jour": texte.jour_du_mois_en_mots(service.jour),
                "autre_jour": service.jour != message.jour,
                "guichets": [(texte.propre(nom), nombre) for nom, nombre in service.guichets],
                "rdvs": [
                    {
                        "r": rdv,
                        "motif": texte.propre(rdv.motif),
                        "guichet": texte.propre(rdv.guichet),
                        "url": texte.lien_sur(rdv.url),
                    }
                    for rdv in service.rdvs
                ],
                "agenda": texte.lien_sur(service.agenda_url),
                "replacer": texte.lien_sur(service.a_replacer_url),
            }
            for service in message.services
        ],
        "rappeler": texte.lien_sur(message.a_rappeler_url),
        "preferences": texte.lien_sur(message.preferences_url),
    }
    return render_lettre(EVENEMENT, contexte, entete, a)
