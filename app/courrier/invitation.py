"""The mail by which an agent chooses a password: the account's e-mail address proves who he is.

Its row has no RDV. The link is in ``donnees`` until the mail has left (``lien_gestion``, erased with the sending); a
mail whose link has died meanwhile does not leave.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from email.message import EmailMessage
from typing import Any, Final

from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.courrier import texte
from app.courrier.rendu import Entete, render_lettre
from app.tables import Courrier

EVENEMENT: Final = "invitation"
PERIME: Final = "lien expiré ou remplacé"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageInvitation:
    """What the mail tells. ``expire_a`` is aware; ``premiere`` is False when the agent already had a password."""

    agent_id: int
    prenom: str
    nom: str
    identifiant: str
    invitant: str
    expire_a: datetime
    fuseau: str
    premiere: bool
    lien_gestion: str

    @classmethod
    def from_donnees(cls, donnees: Mapping[str, Any]) -> MessageInvitation:
        """The message of a row. Raises KeyError, TypeError or ValueError when the row cannot be one."""
        lues = {nom: donnees[nom] for nom in cls.__dataclass_fields__}
        return cls(**{**lues, "expire_a": datetime.fromisoformat(lues["expire_a"])})


async def write_invitation_mail(
    conn: AsyncConnection, message: MessageInvitation, destinataire: str, maintenant: datetime, *, domaine: str
) -> None:
    """Insert the mail to send in the caller's transaction; the earlier ones that wait for that agent are given up."""
    await conn.execute(
        update(Courrier)
        .where(
            Courrier.evenement == EVENEMENT,
            Courrier.donnees["agent_id"].as_integer() == message.agent_id,
            Courrier.envoye_a.is_(None),
            Courrier.abandonne_a.is_(None),
        )
        .values(abandonne_a=maintenant, erreur=PERIME, donnees=Courrier.donnees.op("-")("lien_gestion"))
    )
    donnees = {**asdict(message), "expire_a": message.expire_a.isoformat()}
    valeurs: dict[str, Any] = {
        "rdv_id": None,
        "evenement": EVENEMENT,
        "canal": "mail",
        "destinataire": destinataire,
        "message_id": f"<invitation-{message.agent_id}.{secrets.token_hex(8)}@{domaine}>",
        "donnees": donnees,
        "cree_a": maintenant,
        "du_a": maintenant,
    }
    await conn.execute(insert(Courrier).values(valeurs))


def render_invitation(donnees: Mapping[str, Any], entete: Entete, a: datetime) -> EmailMessage | str:
    """The mail, or why it must not leave at the instant ``a``.

    Raises jinja2.TemplateError, KeyError or ValueError when it cannot be written.
    """
    message = MessageInvitation.from_donnees(donnees)
    if message.expire_a <= a:
        return PERIME
    contexte = {
        "m": message,
        "nom": texte.nom_affichable(texte.propre(f"{message.prenom} {message.nom}")),
        "invitant": texte.nom_affichable(texte.propre(message.invitant)),
        "identifiant": texte.propre(message.identifiant),
        "lien": texte.lien_sur(message.lien_gestion),
        "jusque": texte.date_en_mots(message.expire_a, message.fuseau),
    }
    return render_lettre(EVENEMENT, contexte, entete, a)
