"""The mail to a service's own mailbox: an usager has moved or cancelled his rendez-vous himself [G 2.3.1].

The mailbox is read by many, and forwarded: nobody's name is in it, nor what the usager wrote. Date, motif, code, and
the address of the fiche, which asks who one is. One message a change: RDV, ``sequence`` and address are one row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from email.message import EmailMessage
from typing import Any, Final

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.courrier import texte
from app.courrier.opportunite import RDV_ANNULE, RDV_DEPLACE, RDV_PASSE, Situation
from app.courrier.rendu import Entete, render_lettre
from app.tables import Courrier

EVENEMENT: Final = "changement"
FAITS: Final = ("deplace", "annule")
_INSTANTS: Final = ("debut", "fin", "ancien_debut")


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageChangement:
    """What the mail tells. Instants are aware; ``fuseau`` is the service's IANA zone; ``fiche_url`` needs a sign-in."""

    fait: str
    rdv_id: int
    code: str
    sequence: int
    debut: datetime
    fin: datetime
    fuseau: str
    type_rdv: str
    motif: str
    guichet_nom: str
    service_libelle: str
    fiche_url: str
    ancien_debut: datetime | None = None

    def to_donnees(self) -> dict[str, Any]:
        """The JSON object of the row."""
        faits = asdict(self)
        for champ in _INSTANTS:
            faits[champ] = faits[champ].isoformat() if faits[champ] else None
        return faits

    @classmethod
    def from_donnees(cls, donnees: Mapping[str, Any]) -> MessageChangement:
        """The message of a row. Raises KeyError, TypeError or ValueError when the row cannot be one."""
        lues = {nom: donnees[nom] for nom in cls.__dataclass_fields__}
        for champ in _INSTANTS:
            lues[champ] = datetime.fromisoformat(lues[champ]) if lues[champ] else None
        if lues["fait"] not in FAITS:
            raise ValueError("unknown fact")
        return cls(**lues)


async def write_changement(
    conn: AsyncConnection, message: MessageChangement, destinataire: str, maintenant: datetime, *, domaine: str
) -> None:
    """Insert the mail in the caller's transaction; nothing when the service has no mailbox."""
    if not destinataire.strip():
        return
    valeurs: dict[str, Any] = {
        "rdv_id": message.rdv_id,
        "evenement": EVENEMENT,
        "canal": "mail",
        "destinataire": destinataire.strip(),
        "message_id": f"<rdv-{message.rdv_id}.{EVENEMENT}.{message.sequence}@{domaine}>",
        "donnees": message.to_donnees(),
        "cree_a": maintenant,
        "du_a": maintenant,
    }
    await conn.execute(insert(Courrier).values(valeurs).on_conflict_do_nothing())


def find_obstacle(message: MessageChangement, situation: Situation, a: datetime) -> str | None:
    """Why it must not leave at ``a``, or None: both its dates are over, or something later is true."""
    if message.fin <= a and (message.ancien_debut is None or message.ancien_debut <= a):
        return RDV_PASSE
    if message.fait == "annule":
        return None
    if situation.etat == "annule":
        return RDV_ANNULE
    return RDV_DEPLACE if situation.debut != message.debut else None


def render_changement(message: MessageChangement, entete: Entete, a: datetime) -> EmailMessage:
    """The mail. Raises jinja2.TemplateError or ValueError when it cannot be written."""
    ancien = None if message.ancien_debut == message.debut else message.ancien_debut
    contexte = {
        "m": message,
        "motif": texte.propre(message.motif),
        "guichet": texte.propre(message.guichet_nom),
        "service": texte.propre(message.service_libelle),
        "quand": texte.date_en_mots(message.debut, message.fuseau),
        "ancien_quand": "" if ancien is None else texte.date_en_mots(ancien, message.fuseau),
        "duree": texte.duree_en_mots(message.fin - message.debut),
        "genre": texte.TYPES_EN_PHRASE[message.type_rdv],
        "fiche": texte.lien_sur(message.fiche_url),
    }
    return render_lettre(EVENEMENT, contexte, entete, a)
