"""From facts to a mail: subject, text, HTML and calendar, as mail programs show them best.

::

    multipart/mixed
      multipart/alternative
        text/plain
        text/html
        text/calendar; method=REQUEST|CANCEL    what makes a program offer, move or remove the event
      application/ics  invitation.ics           the same, for those that only know files

A reminder asks nothing new of the calendar: it has the file alone (PUBLISH), not the invitation.
Templates are ``templates/mail/<event>/{subject.txt,body.txt,body.html}``; a language other than French is a file
beside each of them (``body.en.html``), used once the three exist.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from app.config import RACINE
from app.courrier import texte
from app.courrier.adresse import AdresseRefusee, domaine_de, parse_adresse
from app.courrier.calendrier import Methode, ics_invitation, ics_rdv
from app.courrier.message import MessageRdv

GABARITS: Final = RACINE / "templates" / "mail"
_FICHIERS: Final = ("subject.txt", "body.txt", "body.html")
_METHODES: Final[dict[str, Methode]] = {"confirmation": "REQUEST", "deplacement": "REQUEST", "annulation": "CANCEL"}
#: Characters of a line of text; the longest that old programs show without folding it themselves.
_LARGEUR: Final = 78
_CIVILITES_EN: Final = {"Madame": "Ms", "Monsieur": "Mr"}
_ZONE_DE_PARIS: Final = "Europe/Paris"


@dataclass(frozen=True, slots=True)
class Entete:
    """Who writes, to whom, under which identity. Addresses are already parsed (``parse_adresse``)."""

    expediteur_nom: str
    expediteur: str
    destinataire: str
    message_id: str
    demonstration: bool = False


@lru_cache(maxsize=4)
def environment(gabarits: Path = GABARITS) -> Environment:
    """The templates: HTML escaped, a missing variable is an error and never a hole in a mail."""
    return Environment(
        loader=FileSystemLoader(gabarits),
        autoescape=select_autoescape(["html"], default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
        auto_reload=False,
    )


def render(evenement: str, message: MessageRdv, entete: Entete, a: datetime) -> EmailMessage:
    """The whole mail, ready for ``hand_over``. ``a`` is the present instant (headers ``Date`` and ``DTSTAMP``).

    Raises jinja2.TemplateError, KeyError or ValueError when it cannot be written.
    """
    langue, sujet, corps, html = _render_texts(evenement, message, entete.demonstration)
    courriel = _begin(entete, sujet, corps, html, a)
    reponse = _adresse_ou_rien(message.service_courriel)
    if reponse:
        courriel["Reply-To"] = Address(message.service_libelle, addr_spec=reponse)
    _attach_calendar(courriel, evenement, message, entete, a)
    courriel["Content-Language"] = langue  # last: each new part takes the Content-* headers of the whole with it
    return courriel


def render_lettre(
    evenement: str, contexte: Mapping[str, Any], entete: Entete, a: datetime, *, langue: str = "fr"
) -> EmailMessage:
    """A mail without a calendar, to an agent or about no rendez-vous yet, from ``templates/mail/<event>``.

    Raises jinja2.TemplateError or ValueError when it cannot be written.
    """
    env, commun = environment(), {"langue": langue, "demonstration": entete.demonstration}
    noms = _FICHIERS if langue == "fr" else [nom.replace(".", f".{langue}.") for nom in _FICHIERS]
    sujet, corps, html = (env.get_template(f"{evenement}/{nom}").render(commun, **contexte) for nom in noms)
    courriel = _begin(entete, texte.propre(sujet), corps.strip("\n") + "\n", html, a)
    courriel["Content-Language"] = langue
    return courriel


def _begin(entete: Entete, sujet: str, corps: str, html: str, a: datetime) -> EmailMessage:
    """The mail with its two bodies; what follows them is the caller's."""
    courriel = EmailMessage(policy=SMTP if entete.destinataire.isascii() else SMTPUTF8)
    courriel["From"] = Address(entete.expediteur_nom, addr_spec=entete.expediteur)
    courriel["To"] = entete.destinataire
    courriel["Subject"] = sujet
    courriel["Date"] = format_datetime(a)
    courriel["Message-ID"] = entete.message_id
    # RFC 3834: answering machines must not answer a machine; the second line says so to Exchange.
    courriel["Auto-Submitted"] = "auto-generated"
    courriel["X-Auto-Response-Suppress"] = "OOF, AutoReply"
    courriel.set_content(corps, charset="utf-8", cte="quoted-printable")
    courriel.add_alternative(html, subtype="html", charset="utf-8", cte="quoted-printable")
    return courriel


def _render_texts(evenement: str, message: MessageRdv, demonstration: bool) -> tuple[str, str, str, str]:
    """(language, subject on one line, text, HTML)."""
    env = environment()
    langue = message.langue if message.langue == "fr" or _is_translated(evenement, message.langue) else "fr"
    noms = _FICHIERS if langue == "fr" else [nom.replace(".", f".{langue}.") for nom in _FICHIERS]
    contexte = _context(message, langue, demonstration)
    sujet, corps, html = (env.get_template(f"{evenement}/{nom}").render(contexte) for nom in noms)
    return langue, texte.propre(sujet), _fold(corps.strip("\n")) + "\n", html


def _fold(corps: str) -> str:
    """Lines of a width that every program shows whole; an address is never cut, the items of a list stay aligned."""
    return "\n".join(ligne if len(ligne) <= _LARGEUR else _fold_line(ligne) for ligne in corps.split("\n"))


def _fold_line(ligne: str) -> str:
    retrait = " " * (len(ligne) - len(ligne.lstrip(" "))) + ("  " if ligne.lstrip(" ").startswith("- ") else "")
    return "\n".join(
        textwrap.wrap(
            ligne, _LARGEUR, subsequent_indent=retrait, break_long_words=False, break_on_hyphens=False, tabsize=1
        )
    )


@lru_cache(maxsize=64)
def _is_translated(evenement: str, langue: str) -> bool:
    fichiers = (GABARITS / evenement / nom.replace(".", f".{langue}.") for nom in _FICHIERS)
    return langue.isalpha() and all(fichier.is_file() for fichier in fichiers)


def _context(message: MessageRdv, langue: str, demonstration: bool) -> dict[str, Any]:
    """What templates may use: the message, and its words."""
    fuseau = message.fuseau
    # Moved to another guichet at the same hour: there is no other date to tell.
    ancien = None if message.ancien_debut == message.debut else message.ancien_debut
    courriel = _adresse_ou_rien(message.service_courriel)
    return {
        "m": message,
        "langue": langue,
        "demonstration": demonstration,
        "nom": _greet(texte.nom_affichable(message.usager_nom), langue),
        "jour": texte.jour_en_mots(message.debut, fuseau, langue),
        "heure": texte.heure_en_mots(message.debut, fuseau, langue),
        "quand": texte.date_en_mots(message.debut, fuseau, langue),
        "ancien_quand": texte.date_en_mots(ancien, fuseau, langue) if ancien is not None else "",
        "heure_locale": fuseau != _ZONE_DE_PARIS,
        "duree": texte.duree_en_mots(message.fin - message.debut, langue),
        "rappel_lisible": texte.telephone_lisible(message.telephone_rappel, langue),
        "telephone": texte.telephone_lisible(message.service_telephone, langue),
        "telephone_lien": texte.telephone_lien(message.service_telephone),
        "courriel": courriel,
        "visio": texte.lien_sur(message.visio_lien),
        "gestion": texte.lien_sur(message.lien_gestion),
        # The usager's own words are not repeated to an address that may be somebody else's.
        "raison": message.raison_annulation if message.annule_par == "agent" else "",
    }


def _greet(nom: str, langue: str) -> str:
    civilite, _, suite = nom.partition(" ")
    return f"{_CIVILITES_EN[civilite]} {suite}" if langue == "en" and suite and civilite in _CIVILITES_EN else nom


def _attach_calendar(courriel: EmailMessage, evenement: str, message: MessageRdv, entete: Entete, a: datetime) -> None:
    domaine = domaine_de(entete.expediteur)
    methode = _METHODES.get(evenement)
    if methode is None:
        courriel.add_attachment(
            ics_rdv(message, domaine=domaine, a=a),
            maintype="application",
            subtype="ics",
            filename="rendez-vous.ics",
        )
        return
    ics = ics_invitation(
        message, methode, domaine=domaine, a=a, organisateur=entete.expediteur, participant=entete.destinataire
    )
    courriel.add_alternative(
        ics.decode(), subtype="calendar", charset="utf-8", cte="base64", params={"method": methode}
    )
    courriel.add_attachment(ics, maintype="application", subtype="ics", filename="invitation.ics")


def _adresse_ou_rien(adresse: str) -> str:
    try:
        return parse_adresse(adresse)
    except AdresseRefusee:
        return ""
