"""One mailbox, and only one: a comma or a line end in an address would write to somebody else."""

from __future__ import annotations

from email.utils import parseaddr

from email_validator import EmailNotValidError, validate_email

from app.courrier.texte import propre


class AdresseRefusee(ValueError):
    """This text is not exactly one e-mail address. The message does not repeat it: it is personal data."""


def parse_adresse(texte: str) -> str:
    """The one address of ``texte``, its domain in ASCII (IDNA), ready for an envelope.

    No display name, no list, no comment, no quoted part, no control character. Existence and deliverability are
    the form's business, not checked here. A local part outside ASCII is kept: it needs SMTPUTF8.

    Raises AdresseRefusee.
    """
    try:
        lue = validate_email(texte, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError as erreur:
        raise AdresseRefusee("not exactly one e-mail address") from erreur
    return lue.ascii_email or f"{lue.local_part}@{lue.ascii_domain}"


def parse_expediteur(texte: str) -> tuple[str, str]:
    """(display name, address) of the sender, given as ``Nom <adresse>`` or as an address alone.

    Raises AdresseRefusee.
    """
    nom, adresse = parseaddr(texte)
    return propre(nom), parse_adresse(adresse)


def domaine_de(adresse: str) -> str:
    """What follows the ``@``."""
    return adresse.rpartition("@")[2]
