"""The agent's booking form: its fields, what was typed, and the request that it means [A1 §3.2, « Formulaire agent »].

Everything typed is kept as text until the RDV exists, so that no refusal ever empties a field. A field that the form
does not have is refused: nobody sets ``service_id`` or ``statut`` by hand.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Final

import phonenumbers
from litestar import Request

from app.booking.agents.affichage import read_jour
from app.booking.contexte import ServiceContexte
from app.booking.forms import CHAMPS_PARTICULIER, CHAMPS_PROFESSIONNEL, UsagerSaisi, parse_precision, parse_usager
from app.booking.jugement import Reservation
from app.booking.textes import TexteInvalide, clean_text
from app.domain.horaires import from_minute, local_minute_to_epoch
from app.errors import SaisieInvalide
from app.web.dates import heure

#: Fields of the form that take one value.
CHAMPS: Final = (
    "cle",
    "faire",
    "choix",
    "guichet",
    "jour",
    "du",
    "au",
    "motif",
    "type",
    "origine",
    "nature",
    *CHAMPS_PARTICULIER,
    *CHAMPS_PROFESSIONNEL,
    "telephone1",
    "telephone2",
    "preference_appel",
    "courriel",
    "precision",
    "note_interne",
    "deja_vu",
)
_SANS_VALEUR: Final = ("_csrf",)
_MULTIPLES: Final = ("acquittees",)
ORIGINES: Final = ("telephone", "guichet", "courriel")
_HEURE = re.compile(r"([01]?\d|2[0-3])[:hH]([0-5]\d)")
_CLE = re.compile(r"[A-Za-z0-9_-]{16,64}")
_CHOIX = re.compile(r"([1-9]\d{0,17})-([1-9]\d{0,9})")


@dataclass(frozen=True, slots=True)
class Saisie:
    """What was typed, field by field, as text. ``acquittees`` are codes of warnings."""

    champs: Mapping[str, str]
    acquittees: frozenset[str] = frozenset()

    def __getitem__(self, nom: str) -> str:
        """The text of a field, "" when it was left alone."""
        return self.champs.get(nom, "")

    def avec(self, **champs: str) -> Saisie:
        """The same entry with other values."""
        return replace(self, champs={**self.champs, **champs})


async def read_saisie(
    request: Request[Any, Any, Any],
    champs_connus: Collection[str] = CHAMPS,
    multiples: Collection[str] = _MULTIPLES,
) -> Saisie:
    """The form as sent, ``champs_connus`` being its fields.

    Raises SaisieInvalide (422) on a field it does not have, or has once and receives twice.
    """
    formulaire = await request.form()
    champs: dict[str, str] = {}
    acquittees: set[str] = set()
    for nom in formulaire:
        valeurs = formulaire.getall(nom)
        connu = nom in champs_connus or nom in multiples or nom in _SANS_VALEUR
        if not connu or not all(isinstance(v, str) for v in valeurs) or (len(valeurs) > 1 and nom not in multiples):
            raise SaisieInvalide(
                "Ce formulaire contient une information inattendue : rien n’a été enregistré.",
                remede="Rouvrez le formulaire depuis l’agenda puis recommencez.",
            )
        if nom in multiples:
            acquittees |= {str(v) for v in valeurs}
        elif nom in champs_connus:
            champs[nom] = _printable(str(valeurs[0]))
    return Saisie(champs, frozenset(acquittees))


def _printable(texte: str) -> str:
    """Shown again as it was, but for halves of characters that no page can carry."""
    return texte.encode("utf-8", "replace").decode()


@dataclass(slots=True)
class Lecture:
    """A form understood: the request to make, or the sentence of each field in fault."""

    usager: UsagerSaisi
    reservation: Reservation | None = None
    erreurs: dict[str, str] = field(default_factory=dict)


def parse_saisie(saisie: Saisie, contexte: ServiceContexte, aujourdhui: date) -> Lecture:
    """Check every field; rules of booking are not decided here, but in ``book``."""
    usager, erreurs = parse_usager(
        saisie.champs, departement=contexte.departement, aujourdhui=aujourdhui, par_agent=True
    )
    precision = parse_precision(saisie.champs, erreurs, par_agent=True)
    note = read_note(saisie, erreurs)
    motif_id = read_id(saisie, "motif", contexte.motifs, erreurs, "Choisissez le motif du rendez-vous.")
    guichet_id = read_id(saisie, "guichet", contexte.guichets, erreurs, "Choisissez un guichet.")
    types = offered_types(contexte)
    if saisie["type"] not in types:
        erreurs["type"] = "Choisissez le type de rendez-vous."
    if saisie["origine"] not in ORIGINES:
        erreurs["origine"] = "Indiquez comment la demande est arrivée."
    debut, fin = read_horaire(saisie, contexte, aujourdhui, erreurs)
    if not _CLE.fullmatch(saisie["cle"]):
        erreurs["cle"] = "Ce formulaire est incomplet : rouvrez-le depuis l’agenda."
    if erreurs or debut is None or motif_id is None or guichet_id is None:
        return Lecture(usager, None, erreurs)
    return Lecture(
        usager,
        Reservation(
            service_id=contexte.id,
            motif_id=motif_id,
            type_rdv=saisie["type"],
            debut=debut,
            canal="rattache",
            origine=saisie["origine"],
            usager=usager,
            precision=precision,
            cle=saisie["cle"],
            duree=None if fin is None else fin - debut,
            guichet_id=guichet_id,
            acquittees=saisie.acquittees & ALERTES,
            note_interne=note,
        ),
    )


ALERTES: Final = frozenset({"hors_plage", "duree_modifiee", "motif_non_propose", "type_non_propose"})


def offered_types(contexte: ServiceContexte) -> tuple[str, ...]:
    """Types an agent may choose: visio only where the service has a room to give."""
    return ("guichet", "telephone", "visio") if contexte.visio_base else ("guichet", "telephone")


def read_note(saisie: Saisie, erreurs: dict[str, str], champ: str = "note_interne") -> str:
    """A free text that may be left empty, 1,000 characters at most."""
    try:
        return clean_text(saisie[champ], maximum=1000, lignes=True)
    except TexteInvalide as erreur:
        erreurs[champ] = str(erreur)
        return ""


def read_id(saisie: Saisie, champ: str, connus: Mapping[int, Any], erreurs: dict[str, str], phrase: str) -> int | None:
    """One of the ids that ``connus`` has, or None and the sentence of the field."""
    texte = saisie[champ]
    if texte.isascii() and texte.isdecimal() and int(texte[:18]) in connus:
        return int(texte)
    erreurs[champ] = phrase
    return None


def read_horaire(
    saisie: Saisie, contexte: ServiceContexte, aujourdhui: date, erreurs: dict[str, str]
) -> tuple[int | None, int | None]:
    """Start and end in minutes-époque; no end when « à » is left empty: the motif's own duration applies."""
    try:
        jour = read_jour(saisie["jour"], date.min)
    except SaisieInvalide as refus:
        jour, phrase = date.min, refus.phrase
    else:
        phrase = "Indiquez la date du rendez-vous."
    if jour == date.min:
        erreurs["jour"] = phrase
        return None, None
    debut = read_heure(saisie["du"], jour, contexte)
    if debut is None:
        erreurs["du"] = "Indiquez l’heure de début, par exemple 08:40."
        return None, None
    if not saisie["au"]:
        return debut, None
    fin = read_heure(saisie["au"], jour, contexte)
    if fin is None:
        erreurs["au"] = "Indiquez l’heure de fin, par exemple 09:00, ou laissez vide."
    elif fin <= debut:
        erreurs["au"] = "La fin doit suivre le début, dans la même journée."
    return debut, fin


def read_heure(texte: str, jour: date, contexte: ServiceContexte) -> int | None:
    """The instant of a wall time; None when it is not one, or does not exist on the night the clock skips an hour."""
    lu = _HEURE.fullmatch(texte.strip())
    if lu is None:
        return None
    minute = local_minute_to_epoch(jour, int(lu[1]) * 60 + int(lu[2]), contexte.zone)
    return minute if heure(from_minute(minute), contexte.zone) == f"{int(lu[1]):02d}:{lu[2]}" else None


def apply_choix(saisie: Saisie, contexte: ServiceContexte) -> Saisie:
    """An alternative was pressed: its guichet and hours replace what was asked, the rest stays."""
    choisi = _CHOIX.fullmatch(saisie["choix"])
    if choisi is None:
        return saisie.avec(choix="")
    debut = from_minute(int(choisi[2])).astimezone(contexte.zone)
    return saisie.avec(
        choix="",
        guichet=choisi[1],
        jour=debut.date().isoformat(),
        du=heure(debut, contexte.zone),
        au="",
    )


def prefill(saisie: Saisie, contexte: ServiceContexte, connu: Mapping[str, Any]) -> Saisie:
    """The fields of a person already known, to be checked with him or her."""
    naissance: date | None = connu["date_naissance"]
    telephones = [*connu["telephones"], "", ""]
    return saisie.avec(
        **{
            nom: connu[nom] or ""
            for nom in ("civilite", "nom_usage", "nom_naissance", "prenoms", "raison_sociale", "contact", "courriel")
        },
        nature=connu["nature"],
        numero_fiscal=connu["numero_fiscal"] or saisie["numero_fiscal"],
        siren=connu["siren"] or saisie["siren"],
        date_naissance=f"{naissance:%d/%m/%Y}" if naissance else "",
        telephone1=national(telephones[0]),
        telephone2=national(telephones[1]),
    )


def national(numero: str) -> str:
    """« 06 12 34 56 78 » of a French E.164 number, spaced international form of another, "" of none."""
    if not numero:
        return ""
    lu = phonenumbers.parse(numero)
    forme = phonenumbers.PhoneNumberFormat
    return phonenumbers.format_number(lu, forme.NATIONAL if lu.country_code == 33 else forme.INTERNATIONAL)
