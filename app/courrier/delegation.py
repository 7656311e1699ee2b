"""The mail by which who organises a service learns what the other service did of a delegation [G 2.3.5].

Written in the transaction of the change, one a person and a revision. It is sent to the nearest organisers only: those
whose habilitation names the service, else those of its département, else of its interregion, else of the nation; the
head of an interregion is not told of each delegation between two of her services.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from email.message import EmailMessage
from typing import Any, Final

from sqlalchemy import BigInteger, DateTime, Integer, Text, bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.courrier import texte
from app.courrier.opportunite import REMPLACE
from app.courrier.rendu import Entete, render_lettre
from app.tables import Delegation

EVENEMENT: Final = "delegation"
#: What the other service did.
FAITS: Final = ("proposee", "corrigee", "acceptee", "refusee", "retiree", "arretee")


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDelegation:
    """What the mail tells to ``destinataire`` (a service's words). ``auteur``: the service that did it.

    ``confie`` and ``recoit``: the service that delegates, the one that receives; ``restants``: RDV to come at the
    latter; ``mot``: what was written along; ``url`` asks for a sign-in. Dates are included.
    """

    fait: str
    delegation_id: int
    revision: int
    destinataire: str
    auteur: str
    confie: str
    recoit: str
    motifs: tuple[str, ...]
    du: date
    au: date
    quota_jour: int | None
    mot: str
    restants: int
    url: str

    def to_donnees(self) -> dict[str, Any]:
        """The JSON object of the row."""
        return {**asdict(self), "du": self.du.isoformat(), "au": self.au.isoformat()}

    @classmethod
    def from_donnees(cls, donnees: Mapping[str, Any]) -> MessageDelegation:
        """The message of a row. Raises KeyError, TypeError or ValueError when the row cannot be one."""
        lues = {nom: donnees[nom] for nom in cls.__dataclass_fields__}
        lues |= {"du": date.fromisoformat(lues["du"]), "au": date.fromisoformat(lues["au"])}
        if lues["fait"] not in FAITS:
            raise ValueError("unknown fact")
        return cls(**{**lues, "motifs": tuple(lues["motifs"])})


# Who is told: organisers today, of the nearest perimeter, less the one who did it.
_ECRIRE: Final = text(
    """
    WITH proches AS (
      SELECT a.id, a.courriel, min(CASE h.perimetre WHEN 'service' THEN 0 WHEN 'departement' THEN 1
                                                    WHEN 'interregion' THEN 2 ELSE 3 END) AS rang
        FROM acces x
        JOIN agent a ON a.id = x.agent_id AND a.suspendu_a IS NULL AND a.courriel <> ''
        JOIN service_fiscal s ON s.id = x.service_id
        JOIN departement d ON d.code = s.departement
        JOIN habilitation h ON h.agent_id = a.id AND h.profil IN ('admin_local', 'admin_national')
         AND (h.service_id = s.id OR h.departement = d.code OR h.interregion_id = d.interregion_id
              OR h.perimetre = 'nation')
       WHERE x.module = 'organiser' AND x.service_id = :service
       GROUP BY a.id, a.courriel)
    INSERT INTO courrier (rdv_id, evenement, canal, destinataire, message_id, donnees, cree_a, du_a)
    SELECT NULL, :evenement, 'mail', p.courriel,
           '<delegation-' || :delegation || '.' || :revision || '.' || p.id || '@' || :domaine || '>',
           CAST(:donnees AS jsonb), :a, :a
      FROM proches p
     WHERE p.rang = (SELECT min(rang) FROM proches) AND p.id <> :auteur
     ORDER BY p.id
        ON CONFLICT DO NOTHING
    """
).bindparams(
    *(bindparam(nom, type_=BigInteger) for nom in ("delegation", "service", "auteur")),
    *(bindparam(nom, type_=Text) for nom in ("evenement", "domaine", "donnees")),
    bindparam("revision", type_=Integer),
    bindparam("a", type_=DateTime(timezone=True)),
)


async def write_delegation(
    conn: AsyncConnection,
    message: MessageDelegation,
    *,
    service_id: int,
    auteur_id: int,
    maintenant: datetime,
    domaine: str,
) -> None:
    """Insert the mails to the nearest organisers of ``service_id``, in the caller's transaction."""
    await conn.execute(
        _ECRIRE,
        {
            "delegation": message.delegation_id,
            "revision": message.revision,
            "service": service_id,
            "auteur": auteur_id,
            "evenement": EVENEMENT,
            "domaine": domaine,
            "donnees": json.dumps(message.to_donnees(), ensure_ascii=False),
            "a": maintenant,
        },
    )


async def find_obstacle(conn: AsyncConnection, message: MessageDelegation) -> str | None:
    """Why it must not leave any more: a later change has its own mail; or None."""
    revision = await conn.execute(select(Delegation.revision).where(Delegation.id == message.delegation_id))
    return None if revision.scalar_one_or_none() == message.revision else REMPLACE


def render_delegation(message: MessageDelegation, entete: Entete, a: datetime) -> EmailMessage:
    """The mail. Raises jinja2.TemplateError or ValueError when it cannot be written."""
    contexte = {
        "m": message,
        "auteur": texte.propre(message.auteur),
        "confie": texte.propre(message.confie),
        "recoit": texte.propre(message.recoit),
        "destinataire": texte.propre(message.destinataire),
        "motifs": [texte.propre(motif) for motif in message.motifs],
        "du": f"{message.du:%d/%m/%Y}",
        "au": f"{message.au:%d/%m/%Y}",
        "mot": message.mot,
        "page": texte.lien_sur(message.url),
    }
    return render_lettre(EVENEMENT, contexte, entete, a)
