"""The mail by which an agent learns that a rendez-vous is assigned to him, or is no more.

As for his guichet (``app.courrier.affectation``), nobody's name is in it, nor what the usager wrote. ``sequence`` is
the RDV's revision: assigned, unassigned and assigned again are three messages.

Who may not open the fiche is told nothing, not even that he comes off it: hour, motif and code are no longer his to
read, and a mail without them would only make him look for what he cannot see.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from email.message import EmailMessage
from typing import Any, Final

from sqlalchemy import ARRAY, BigInteger, DateTime, Integer, Text, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.courrier import texte
from app.courrier.opportunite import RDV_ANNULE, RDV_DEPLACE, RDV_PASSE, Situation
from app.courrier.rendu import Entete, render_lettre
from app.courrier.resume import DROIT_RETIRE

EVENEMENT: Final = "designation"
FAITS: Final = ("affecte", "retire")


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDesignation:
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

    def to_donnees(self) -> dict[str, Any]:
        """The JSON object of the row."""
        return {**asdict(self), "debut": self.debut.isoformat(), "fin": self.fin.isoformat()}

    @classmethod
    def from_donnees(cls, donnees: Mapping[str, Any]) -> MessageDesignation:
        """The message of a row. Raises KeyError, TypeError or ValueError when the row cannot be one."""
        lues = {nom: donnees[nom] for nom in cls.__dataclass_fields__}
        for champ in ("debut", "fin"):
            lues[champ] = datetime.fromisoformat(lues[champ])
        if lues["fait"] not in FAITS:
            raise ValueError("unknown fact")
        return cls(**lues)


# Who may open the fiche today, by the service that receives the RDV or else by the one that entrusted it: a notice on
# their pages, and a mail when they have an address.
_ECRIRE: Final = text(
    """
    WITH dits AS (
      SELECT a.id, a.courriel, p.service_id, CASE WHEN a.id = ANY(:ajoutes) THEN 'affecte' ELSE 'retire' END AS fait
        FROM agent a
        JOIN rendez_vous r ON r.id = :rdv
        JOIN LATERAL (SELECT x.service_id FROM acces x
                       WHERE x.agent_id = a.id AND x.module = 'agenda'
                         AND x.service_id IN (r.service_id, r.service_origine_id)
                       ORDER BY x.service_id <> r.service_id
                       LIMIT 1) p ON TRUE
       WHERE a.id = ANY(:ajoutes || :retires) AND a.suspendu_a IS NULL AND a.id <> :auteur),
    plis AS (
      INSERT INTO courrier (rdv_id, evenement, canal, destinataire, message_id, donnees, cree_a, du_a)
      SELECT :rdv, :evenement, 'mail', d.courriel,
             '<rdv-' || :rdv || '.' || :evenement || '.' || :sequence || '.' || d.id || '@' || :domaine || '>',
             CAST(:donnees AS jsonb) || jsonb_build_object('fait', d.fait), :a, :a
        FROM dits d WHERE d.courriel <> ''
       ORDER BY d.id
          ON CONFLICT DO NOTHING)
    INSERT INTO avis (agent_id, rdv_id, service_id, evenement, fait, sequence, donnees, cree_a)
    SELECT d.id, :rdv, d.service_id, :evenement, d.fait, :sequence,
           CAST(:donnees AS jsonb) || jsonb_build_object('fait', d.fait), :a
      FROM dits d
     ORDER BY d.id
        ON CONFLICT DO NOTHING
    """
).bindparams(
    bindparam("rdv", type_=BigInteger),
    bindparam("evenement", type_=Text),
    bindparam("sequence", type_=Integer),
    bindparam("domaine", type_=Text),
    bindparam("donnees", type_=Text),
    bindparam("ajoutes", type_=ARRAY(BigInteger)),
    bindparam("retires", type_=ARRAY(BigInteger)),
    bindparam("auteur", type_=BigInteger),
    bindparam("a", type_=DateTime(timezone=True)),
)


async def write_designation(
    conn: AsyncConnection,
    message: MessageDesignation,
    *,
    ajoutes: Sequence[int],
    retires: Sequence[int],
    auteur_id: int | None,
    maintenant: datetime,
    domaine: str,
) -> bool:
    """Insert the notices and mails of those who come and of those who go, in the caller's transaction; none to the
    author, nor to who may not open the fiche. True when somebody is told.
    """
    ecrits = await conn.execute(
        _ECRIRE,
        {
            "rdv": message.rdv_id,
            "evenement": EVENEMENT,
            "sequence": message.sequence,
            "domaine": domaine,
            "donnees": json.dumps(message.to_donnees(), ensure_ascii=False),
            "ajoutes": list(ajoutes),
            "retires": list(retires),
            "auteur": auteur_id or 0,
            "a": maintenant,
        },
    )
    return ecrits.rowcount > 0


def find_obstacle(message: MessageDesignation, situation: Situation, a: datetime) -> str | None:
    """Why it must not leave at ``a``, or None: it is over, a later message says what is true, or he may not read it."""
    if not situation.permis:
        return DROIT_RETIRE
    if situation.fin <= a:
        return RDV_PASSE
    if message.fait == "retire":
        return None
    if situation.etat == "annule":
        return RDV_ANNULE
    return RDV_DEPLACE if situation.debut != message.debut else None


def render_designation(message: MessageDesignation, entete: Entete, a: datetime) -> EmailMessage:
    """The mail. Raises jinja2.TemplateError or ValueError when it cannot be written."""
    contexte = {
        "m": message,
        "motif": texte.propre(message.motif),
        "guichet": texte.propre(message.guichet_nom),
        "service": texte.propre(message.service_libelle),
        "quand": texte.date_en_mots(message.debut, message.fuseau),
        "duree": texte.duree_en_mots(message.fin - message.debut),
        "genre": texte.TYPES_EN_PHRASE[message.type_rdv],
        "fiche": texte.lien_sur(message.fiche_url),
    }
    return render_lettre(EVENEMENT, contexte, entete, a)
