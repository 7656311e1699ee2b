"""The mail by which an agent learns of a rendez-vous at the guichet he is assigned to: taken, moved, gone, cancelled.

Nobody's name is in it, nor what the usager wrote: date, motif, code, and the address of the fiche, which asks who one
is. One message an agent and a change: the same RDV, ``sequence`` and address are one row, with one Message-ID.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from email.message import EmailMessage
from typing import Any, Final

from sqlalchemy import BigInteger, DateTime, Integer, Text, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.courrier import texte
from app.courrier.opportunite import RDV_ANNULE, RDV_DEPLACE, RDV_PASSE, Situation
from app.courrier.rendu import Entete, render_lettre
from app.courrier.resume import DROIT_RETIRE

EVENEMENT: Final = "affectation"
#: What happened, seen from the agent's guichet.
FAITS: Final = ("pris", "deplace", "parti", "annule")


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageAffectation:
    """What the mail tells. Instants are aware; ``fuseau`` is the service's IANA zone; ``fiche_url`` needs a sign-in.

    ``fait`` is one of ``FAITS``, said of ``guichet_nom``; ``ancien_debut`` and ``ancien_guichet_nom`` are set for a
    move, ``annule_par`` (``usager``, ``agent``) for a cancellation.
    """

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
    ancien_guichet_nom: str = ""
    annule_par: str = ""
    #: The RDV itself is assigned to the agent, whatever the guichet.
    designe: bool = False

    def to_donnees(self) -> dict[str, Any]:
        """The JSON object of the row."""
        faits = asdict(self)
        for champ in ("debut", "fin", "ancien_debut"):
            faits[champ] = faits[champ].isoformat() if faits[champ] else None
        return faits

    @classmethod
    def from_donnees(cls, donnees: Mapping[str, Any]) -> MessageAffectation:
        """The message of a row. Raises KeyError, TypeError or ValueError when the row cannot be one."""
        lues = {nom: donnees[nom] for nom in cls.__dataclass_fields__ if nom != "designe" or nom in donnees}
        for champ in ("debut", "fin", "ancien_debut"):
            lues[champ] = datetime.fromisoformat(lues[champ]) if lues[champ] else None
        if lues["fait"] not in FAITS:
            raise ValueError("unknown fact")
        return cls(**lues)


# Who is told: the agents of the guichets concerned, and those to whom the RDV is assigned, who may open the fiche
# today, less the one who did it. By a notice on their pages, and by mail when they have an address.
_ECRIRE: Final = text(
    """
    WITH dits AS (
      SELECT a.id, a.courriel, t.designe, CASE
               WHEN t.designe THEN :fait
               WHEN NOT t.ici THEN 'parti' WHEN :deplace AND NOT t.avant THEN 'pris' ELSE :fait END AS fait
        FROM (SELECT agent_id, bool_or(guichet_id IS NULL) AS designe,
                     bool_or(guichet_id = :guichet) AS ici, bool_or(guichet_id = :ancien) AS avant
                FROM (SELECT agent_id, guichet_id FROM guichet_agent WHERE guichet_id IN (:guichet, :ancien)
                       UNION ALL SELECT agent_id, NULL FROM affectation WHERE rdv_id = :rdv) u
               GROUP BY agent_id) t
        JOIN agent a ON a.id = t.agent_id
       WHERE a.suspendu_a IS NULL AND a.id <> :auteur
         AND EXISTS (SELECT 1 FROM acces x
                      WHERE x.agent_id = a.id AND x.module = 'agenda' AND x.service_id = :service)),
    plis AS (
      INSERT INTO courrier (rdv_id, evenement, canal, destinataire, message_id, donnees, cree_a, du_a)
      SELECT :rdv, :evenement, 'mail', d.courriel,
             '<rdv-' || :rdv || '.' || :evenement || '.' || :sequence || '.' || d.id || '@' || :domaine || '>',
             CAST(:donnees AS jsonb) || jsonb_build_object('designe', d.designe, 'fait', d.fait), :a, :a
        FROM dits d WHERE d.courriel <> ''
       ORDER BY d.id
          ON CONFLICT DO NOTHING)
    INSERT INTO avis (agent_id, rdv_id, service_id, evenement, fait, sequence, donnees, cree_a)
    SELECT d.id, :rdv, :service, :evenement, d.fait, :sequence,
           CAST(:donnees AS jsonb) || jsonb_build_object('designe', d.designe, 'fait', d.fait), :a
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
    bindparam("fait", type_=Text),
    bindparam("guichet", type_=BigInteger),
    bindparam("ancien", type_=BigInteger),
    bindparam("auteur", type_=BigInteger),
    bindparam("service", type_=BigInteger),
    bindparam("a", type_=DateTime(timezone=True)),
)


async def write_affectation(
    conn: AsyncConnection,
    message: MessageAffectation,
    *,
    service_id: int,
    guichet_id: int,
    ancien_guichet_id: int,
    auteur_id: int | None,
    maintenant: datetime,
    domaine: str,
) -> bool:
    """Insert the notices and mails to the agents of both guichets (the same one when nothing moved), in the caller's
    transaction. True when somebody is told.

    Of a move from one guichet to another, those of the one left read « parti », those of the new one « pris », those of
    both « deplace ».
    """
    ecrits = await conn.execute(
        _ECRIRE,
        {
            "rdv": message.rdv_id,
            "evenement": EVENEMENT,
            "sequence": message.sequence,
            "domaine": domaine,
            "donnees": json.dumps(message.to_donnees(), ensure_ascii=False),
            "fait": message.fait,
            "deplace": message.fait == "deplace",
            "guichet": guichet_id,
            "ancien": ancien_guichet_id,
            "auteur": auteur_id or 0,
            "service": service_id,
            "a": maintenant,
        },
    )
    return ecrits.rowcount > 0


def find_obstacle(message: MessageAffectation, situation: Situation, a: datetime) -> str | None:
    """Why it must not leave at ``a``, or None: a later one says what is true, it is over, or he may not read it."""
    if not situation.permis:
        return DROIT_RETIRE
    if message.fin <= a and (message.ancien_debut is None or message.ancien_debut <= a):
        return RDV_PASSE
    if message.fait == "annule":
        return None
    if situation.etat == "annule":
        return RDV_ANNULE
    return RDV_DEPLACE if situation.debut != message.debut else None


def render_affectation(message: MessageAffectation, entete: Entete, a: datetime) -> EmailMessage:
    """The mail. Raises jinja2.TemplateError or ValueError when it cannot be written."""
    ancien = message.ancien_debut
    contexte = {
        "m": message,
        "motif": texte.propre(message.motif),
        "guichet": texte.propre(message.guichet_nom),
        "ancien_guichet": texte.propre(message.ancien_guichet_nom),
        "service": texte.propre(message.service_libelle),
        "quand": texte.date_en_mots(message.debut, message.fuseau),
        "ancien_quand": "" if ancien is None else texte.date_en_mots(ancien, message.fuseau),
        "duree": texte.duree_en_mots(message.fin - message.debut),
        "genre": texte.TYPES_EN_PHRASE[message.type_rdv],
        "fiche": texte.lien_sur(message.fiche_url),
    }
    return render_lettre(EVENEMENT, contexte, entete, a)
