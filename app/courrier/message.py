"""What a message about a rendez-vous needs, whole: what was true when it became due.

It travels as the ``donnees`` of its row and is dropped with it: nothing is read again from the RDV to write the
message, so that a mail sent an hour later still tells what it was meant to tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo

from app.courrier.texte import propre

Evenement = Literal["confirmation", "annulation", "deplacement", "rappel", "existant"]
EVENEMENTS: tuple[Evenement, ...] = get_args(Evenement)
TYPES_RDV = ("guichet", "telephone", "visio")

_INSTANTS = frozenset({"debut", "fin", "ancien_debut"})
_LISTES = frozenset({"documents", "service_adresse"})


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRdv:
    """The facts of one message. Instants are aware and kept in UTC; ``fuseau`` is the service's IANA zone.

    ``sequence`` is the RDV's own (rises with each move or cancellation) and orders calendar updates.
    ``telephone_rappel`` is the number that will be called for a téléphone RDV. ``lien_gestion`` is a secret link, or
    "". ``ancien_debut`` is when the RDV was before a move. ``annule_par`` is ``usager``, ``agent``,
    ``contre_appel`` (an agent, the matter being settled by phone) or "".

    Every text is cleaned at construction (see ``propre``): no control, no line end, no bidi override.
    Raises ValueError on a naive instant, an unknown zone, an end before its start, an unknown type.
    """

    rdv_id: int
    code: str
    sequence: int
    debut: datetime
    fin: datetime
    fuseau: str
    type_rdv: str
    motif: str
    documents: tuple[str, ...] = ()
    service_libelle: str
    service_adresse: tuple[str, ...] = ()
    service_telephone: str = ""
    service_courriel: str = ""
    #: The service that delegated it, when another one receives: « pour le compte de … ».
    service_origine: str = ""
    guichet_nom: str = ""
    telephone_rappel: str = ""
    visio_lien: str = ""
    lien_gestion: str = ""
    #: The usager may move and cancel by himself behind that link [G 2.3.1].
    modifiable: bool = False
    usager_nom: str = ""
    #: What the service adds to every confirmation, and to those of this motif.
    message_service: str = ""
    message_motif: str = ""
    #: What an agent wrote for this usager alone.
    message_usager: str = ""
    raison_annulation: str = ""
    annule_par: str = ""
    ancien_debut: datetime | None = None
    #: The service where the RDV was before a move, when it was another one.
    ancien_service: str = ""
    #: Who is responsible for the data, and to whom one writes about them: parameters of the nation, in French.
    responsable: str = ""
    delegue: str = ""
    langue: str = "fr"

    def __post_init__(self) -> None:
        for champ in fields(self):
            valeur = getattr(self, champ.name)
            if champ.name in _INSTANTS:
                valeur = _en_utc(champ.name, valeur)
            elif champ.name in _LISTES:
                valeur = tuple(ligne for ligne in map(propre, valeur) if ligne)
            elif isinstance(valeur, str):
                valeur = propre(valeur)
            object.__setattr__(self, champ.name, valeur)
        ZoneInfo(self.fuseau)
        if self.fin <= self.debut:
            raise ValueError("a rendez-vous ends after it starts")
        if self.type_rdv not in TYPES_RDV:
            raise ValueError(f"unknown type of rendez-vous {self.type_rdv!r}")

    def to_donnees(self) -> dict[str, Any]:
        """The JSON object of the row: instants in ISO 8601 UTC, lists as arrays, ``sequence`` always present."""
        donnees: dict[str, Any] = {}
        for champ in fields(self):
            valeur = getattr(self, champ.name)
            if isinstance(valeur, datetime):
                valeur = valeur.isoformat()
            elif isinstance(valeur, tuple):
                valeur = list(valeur)
            donnees[champ.name] = valeur
        return donnees

    @classmethod
    def from_donnees(cls, donnees: Mapping[str, Any]) -> MessageRdv:
        """The message of a row. A key written by a newer version is ignored, an optional one may be absent.

        Raises KeyError, TypeError or ValueError when the row cannot be a message.
        """
        lues: dict[str, Any] = {}
        for champ in fields(cls):
            if champ.name not in donnees:
                continue
            valeur = donnees[champ.name]
            if champ.name in _INSTANTS and valeur is not None:
                valeur = datetime.fromisoformat(valeur)
            elif champ.name in _LISTES:
                valeur = tuple(valeur)
            lues[champ.name] = valeur
        return cls(**lues)


def _en_utc(nom: str, valeur: datetime | None) -> datetime | None:
    if valeur is None:
        return None
    if valeur.tzinfo is None:
        raise ValueError(f"{nom} must carry an offset")
    return valeur.astimezone(UTC)
