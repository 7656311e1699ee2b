"""The example of the reference text: Caen Nord, 14 September 2016 at 10:20, code XOWVVO [A1 §2]."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

from app.courrier.message import MessageRdv
from app.courrier.rendu import Entete, render

AUJOURD_HUI = datetime(2016, 9, 1, 9, 0, tzinfo=UTC)

CAEN_NORD = MessageRdv(
    rdv_id=1613,
    code="XOWVVO",
    sequence=0,
    debut=datetime(2016, 9, 14, 8, 20, tzinfo=UTC),
    fin=datetime(2016, 9, 14, 8, 40, tzinfo=UTC),
    fuseau="Europe/Paris",
    type_rdv="guichet",
    motif="Déclaration et calcul de l'impôt sur le revenu",
    documents=("Bulletins de salaire des 3 derniers mois", "Relevé d'identité bancaire"),
    service_libelle="SERVICE IMPOTS PARTICULIERS CAEN NORD",
    service_adresse=("145 rue de la Délivrande", "14083 CAEN CEDEX 9"),
    service_telephone="0231471111",
    service_courriel="sip.caen-nord@dgfip.finances.gouv.fr",
    telephone_rappel="0612345678",
    usager_nom="Madame VALENTON",
    lien_gestion="https://rdv.example.fr/mon-rendez-vous/" + "j" * 43,
)


def message(**champs: Any) -> MessageRdv:
    """The example, with some facts changed."""
    return replace(CAEN_NORD, **champs)


def entete(**champs: Any) -> Entete:
    """The headers of the example, with some changed."""
    defaut = Entete(
        expediteur_nom="Rendez-vous – Finances publiques",
        expediteur="ne-pas-repondre@rdv.example.fr",
        destinataire="nadia.valenton@example.org",
        message_id="<rdv-1613.confirmation.0.abc@rdv.example.fr>",
    )
    return replace(defaut, **champs)


def as_received(evenement: str, m: MessageRdv, e: Entete | None = None) -> EmailMessage:
    """The mail as a mail program reads it: written to bytes, parsed back by the modern policy."""
    octets = render(evenement, m, e or entete(), AUJOURD_HUI).as_bytes()
    lu = BytesParser(policy=policy.default).parsebytes(octets)
    assert isinstance(lu, EmailMessage)
    assert not [defaut for partie in lu.walk() for defaut in partie.defects]
    return lu


def part(courriel: EmailMessage, genre: str) -> EmailMessage:
    """The first part of that content type."""
    trouvee = next(p for p in courriel.walk() if p.get_content_type() == genre)
    assert isinstance(trouvee, EmailMessage)
    return trouvee


def text_of(courriel: EmailMessage, genre: str) -> str:
    """The decoded text of the first part of that content type, lines ended by LF."""
    contenu = part(courriel, genre).get_content()
    assert isinstance(contenu, str)
    return contenu.replace("\r\n", "\n")
