"""One mailbox, and only one: a comma or a line end in an address would write to somebody else."""

from __future__ import annotations

import re
from email.utils import parseaddr
from typing import Final

import idna

from app.courrier.texte import propre

_TAILLE_MAX: Final = 254
#: A dot-atom of RFC 5321 and 6531: no quote, space, comma, bracket nor control, in ASCII; letters beyond it.
_ATOME: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]|[^\x00-\x7f\W]"
_BOITE: Final = re.compile(rf"(?:{_ATOME})+(?:\.(?:{_ATOME})+)*")
_HOTE: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*")


class AdresseRefusee(ValueError):
    """This text is not exactly one e-mail address. The message does not repeat it: it is personal data."""


def parse_adresse(texte: str) -> str:
    """The one address of ``texte``, its domain in ASCII (IDNA), ready for an envelope.

    No display name, no list, no comment, no quoted part, no control character. Whether the domain exists or may receive
    mail is the form's business, not checked here. A local part outside ASCII is kept: it needs SMTPUTF8.

    Raises AdresseRefusee.
    """
    boite, arobase, domaine = texte.rpartition("@")
    if not arobase or len(boite.encode("utf-8", "replace")) > 64 or not _BOITE.fullmatch(boite):
        raise AdresseRefusee("not exactly one e-mail address")
    try:
        hote = idna.encode(domaine, uts46=True).decode()
    except (idna.IDNAError, UnicodeError) as erreur:
        raise AdresseRefusee("not exactly one e-mail address") from erreur
    if not _HOTE.fullmatch(hote) or len(texte) > _TAILLE_MAX:
        raise AdresseRefusee("not exactly one e-mail address")
    return f"{boite}@{hote}"


def parse_expediteur(texte: str) -> tuple[str, str]:
    """(display name, address) of the sender, given as ``Nom <adresse>`` or as an address alone.

    Raises AdresseRefusee.
    """
    nom, adresse = parseaddr(texte)
    return propre(nom), parse_adresse(adresse)


def domaine_de(adresse: str) -> str:
    """What follows the ``@``."""
    return adresse.rpartition("@")[2]
