"""The closed registry of parameters: what each is, what it does, who may set it, within which bounds [G 2.3.4]."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final

Valeur = int | bool | str | date | None


class Genre(StrEnum):
    """How a value is written and checked."""

    ENTIER = "entier"
    BOOLEEN = "booleen"
    DATE = "date"
    TEXTE = "texte"
    CHOIX = "choix"


class Local(StrEnum):
    """What a service may do with a parameter."""

    JAMAIS = "jamais"
    LIBRE = "libre"
    PLUS_LONG = "plus_long"
    PLAFONNE = "plafonne"


@dataclass(frozen=True, slots=True)
class Definition:
    """One parameter. ``minimum`` and ``maximum`` bound an integer, or ``maximum`` the characters of a text.

    ``effet``: the value → one sentence on what it does. ``national``: set by the nation; else by services alone.
    ``plafond``: key of the national parameter that a ``PLAFONNE`` value cannot exceed. An optional one may be None.
    """

    cle: str
    libelle: str
    groupe: str
    genre: Genre
    defaut: Valeur
    effet: Callable[[Any], str]
    unite: str = ""
    minimum: int = 0
    maximum: int = 0
    national: bool = True
    local: Local = Local.JAMAIS
    plafond: str = ""
    optionnel: bool = False
    #: The values of a ``CHOIX``, each with its words.
    choix: tuple[tuple[str, str], ...] = ()

    def unite_de(self, nombre: int) -> str:
        """The unit as it agrees with ``nombre``: « 1 jour ouvré », « 2 jours ouvrés »."""
        return self.unite if nombre > 1 else " ".join(mot.removesuffix("s") for mot in self.unite.split())

    def mot(self, valeur: Valeur) -> str:
        """The value as people read it: « 2 jours ouvrés », « oui », « 16/01/2027 »."""
        if valeur is None or valeur == "":
            return "aucune date" if self.genre is Genre.DATE else "aucun"
        if isinstance(valeur, bool):
            return "oui" if valeur else "non"
        if isinstance(valeur, int):
            return f"{valeur}\u00a0{self.unite_de(valeur)}".strip()
        if isinstance(valeur, date):
            return f"{valeur:%d/%m/%Y}"
        return dict(self.choix).get(valeur, valeur)

    @property
    def condition(self) -> str:
        """What a service may choose, in a few words; empty when it is free or has no say."""
        if self.local is Local.PLUS_LONG:
            return "plus long seulement"
        return "sans dépasser l’horizon national" if self.local is Local.PLAFONNE else ""


def _jours(nombre: int) -> str:
    return f"{nombre}\u00a0jour{'s' if nombre > 1 else ''}"


def ouvres_en_mots(nombre: int) -> str:
    """« 2 jours ouvrés »."""
    return f"{nombre}\u00a0jour{'s' if nombre > 1 else ''} ouvré{'s' if nombre > 1 else ''}"


def _minutes(nombre: int) -> str:
    return f"{nombre}\u00a0minute{'s' if nombre > 1 else ''}"


_HORIZONS, _USAGER, _RETENUE, _DONNEES, _MESSAGES = (
    "Jusqu’à quand et à partir de quand réserver",
    "Ce que voit et fait l’usager",
    "Créneaux gardés et remis en ligne",
    "Données personnelles",
    "Messages du service",
)

_CAPTCHA: Final[Mapping[str, str]] = {
    "si_doute": (
        "Un code à recopier, en image ou en son, n’est demandé que si beaucoup de réservations viennent du même endroit"
        " ou si le service est très demandé."
    ),
    "toujours": "Chaque usager non connecté recopie un code, en image ou en son, avant de réserver.",
    "jamais": "Aucun code n’est demandé : un robot peut prendre tous les créneaux.",
}

RESPONSABLE: Final = "Direction générale des Finances publiques, 139 rue de Bercy, 75572 Paris Cedex 12"
DELEGUE: Final = (
    "Délégué à la protection des données, ministère de l’Économie et des Finances,"
    " 139 rue de Bercy, 75572 Paris Cedex 12"
)

DEFINITIONS: Final[tuple[Definition, ...]] = (
    Definition(
        "ouverture_nationale",
        "Ouverture nationale aux usagers",
        _HORIZONS,
        Genre.DATE,
        None,
        lambda jour: (
            f"Les services qui ont activé leur ouverture prennent des rendez-vous en ligne à partir du {jour:%d/%m/%Y}."
            if jour
            else "Chaque service qui a activé son ouverture prend des rendez-vous en ligne dès maintenant."
        ),
        optionnel=True,
    ),
    Definition(
        "horizon_internet",
        "Horizon des usagers",
        _HORIZONS,
        Genre.ENTIER,
        30,
        lambda n: f"Un usager peut choisir un créneau dans les {_jours(n)} qui viennent, pas au-delà.",
        "jours",
        1,
        365,
    ),
    Definition(
        "horizon_exterieur",
        "Horizon des agents extérieurs",
        _HORIZONS,
        Genre.ENTIER,
        30,
        lambda n: f"Un agent extérieur peut réserver dans les {_jours(n)} qui viennent, pas au-delà.",
        "jours",
        1,
        365,
    ),
    Definition(
        "horizon_rattache",
        "Horizon des agents rattachés",
        _HORIZONS,
        Genre.ENTIER,
        60,
        lambda n: f"Un agent du service peut réserver dans les {_jours(n)} qui viennent, dès maintenant.",
        "jours",
        1,
        365,
    ),
    Definition(
        "delai_ouvre",
        "Délai avant le rendez-vous",
        _HORIZONS,
        Genre.ENTIER,
        2,
        lambda n: (
            f"Usagers et agents extérieurs laissent {ouvres_en_mots(n)} entiers entre la demande et le rendez-vous."
            if n > 1
            else "Usagers et agents extérieurs laissent 1\u00a0jour ouvré entier entre la demande et le rendez-vous."
            if n
            else "Usagers et agents extérieurs peuvent réserver dès le jour ouvré qui suit la demande."
        ),
        "jours ouvrés",
        0,
        15,
        local=Local.PLUS_LONG,
    ),
    Definition(
        "ouverture_agenda_jours",
        "Ouverture automatique de l’agenda",
        _HORIZONS,
        Genre.ENTIER,
        None,
        lambda n: (
            f"Chaque jour ouvre à la réservation {_jours(n)} avant sa date, pour les usagers et les agents extérieurs."
            if n
            else "L’agenda est ouvert jusqu’à l’horizon national."
        ),
        "jours",
        1,
        365,
        national=False,
        local=Local.PLAFONNE,
        plafond="horizon_internet",
        optionnel=True,
    ),
    Definition(
        "modification_usager",
        "L’usager déplace ou annule lui-même",
        _USAGER,
        Genre.BOOLEEN,
        True,
        lambda oui: (
            "Avec son lien, ou son code et son nom, l’usager déplace ou annule son rendez-vous."
            if oui
            else "L’usager doit joindre le service pour déplacer ou annuler son rendez-vous."
        ),
    ),
    Definition(
        "prevenir_service",
        "Prévenir le service des changements de l’usager",
        _USAGER,
        Genre.BOOLEEN,
        True,
        lambda oui: (
            "Quand un usager déplace ou annule lui-même, un courriel sans son nom prévient la boîte du service."
            if oui
            else "La boîte du service n’est pas prévenue des changements faits par les usagers."
        ),
        local=Local.LIBRE,
    ),
    Definition(
        "captcha",
        "Code à recopier contre les robots",
        _USAGER,
        Genre.CHOIX,
        "si_doute",
        lambda choisi: _CAPTCHA[choisi],
        local=Local.LIBRE,
        choix=(("si_doute", "En cas de doute"), ("toujours", "Toujours"), ("jamais", "Jamais")),
    ),
    Definition(
        "reservations_par_minute",
        "Réservations en ligne attendues par minute, tous services réunis",
        _USAGER,
        Genre.ENTIER,
        600,
        lambda n: (
            f"Au-delà de {n} par minute pour tous les services, chaque usager non connecté recopie un code."
            if n
            else "Le nombre total de réservations ne fait jamais demander de code."
        ),
        "par minute",
        0,
        100_000,
    ),
    Definition(
        "rappel_jours",
        "Rappel avant le rendez-vous",
        _USAGER,
        Genre.ENTIER,
        2,
        lambda n: (
            f"Un courriel rappelle le rendez-vous {_jours(n)} avant, à la même heure."
            if n
            else "Aucun rappel n’est envoyé."
        ),
        "jours",
        0,
        14,
    ),
    Definition(
        "liste_attente",
        "Liste d’attente",
        _USAGER,
        Genre.BOOLEEN,
        True,
        lambda oui: (
            "L’usager à qui aucun créneau ne convient peut demander à être prévenu dès qu’une place se libère."
            if oui
            else "L’usager à qui aucun créneau ne convient doit revenir voir ou joindre le service."
        ),
        local=Local.LIBRE,
    ),
    Definition(
        "attente_minutes",
        "Temps pour répondre à une offre",
        _USAGER,
        Genre.ENTIER,
        120,
        lambda n: (
            f"Une place libérée est gardée {_minutes(n)} pour la première personne de la liste d’attente,"
            " jusqu’à 20 h au plus tard, puis proposée à la suivante."
        ),
        "minutes",
        15,
        720,
    ),
    Definition(
        "duree_option_minutes",
        "Créneau gardé pendant la saisie",
        _RETENUE,
        Genre.ENTIER,
        5,
        lambda n: f"Le créneau choisi reste à l’usager {_minutes(n)} pendant qu’il remplit le formulaire.",
        "minutes",
        2,
        10,
    ),
    Definition(
        "duree_option_max_minutes",
        "Créneau gardé au plus",
        _RETENUE,
        Genre.ENTIER,
        10,
        lambda n: f"En le prolongeant, l’usager garde le créneau {_minutes(n)} au plus.",
        "minutes",
        2,
        10,
    ),
    Definition(
        "liberation_differee",
        "Créneaux annulés remis en ligne plus tard",
        _RETENUE,
        Genre.BOOLEEN,
        False,
        lambda oui: (
            "Un créneau annulé revient en ligne après une attente tirée au hasard : personne ne peut le guetter."
            if oui
            else "Un créneau annulé revient en ligne aussitôt."
        ),
        local=Local.LIBRE,
    ),
    Definition(
        "liberation_min_minutes",
        "Attente la plus courte",
        _RETENUE,
        Genre.ENTIER,
        5,
        lambda n: f"Un créneau annulé dont la remise en ligne est différée attend au moins {_minutes(n)}.",
        "minutes",
        5,
        60,
    ),
    Definition(
        "liberation_max_minutes",
        "Attente la plus longue",
        _RETENUE,
        Genre.ENTIER,
        60,
        lambda n: f"Un créneau annulé dont la remise en ligne est différée attend au plus {_minutes(n)}.",
        "minutes",
        5,
        60,
    ),
    Definition(
        "conservation_jours",
        "Conservation des données des usagers",
        _DONNEES,
        Genre.ENTIER,
        1095,
        lambda n: (
            f"Identité, coordonnées et textes libres sont effacés {_jours(n)} après le rendez-vous ;"
            " les statistiques restent."
        ),
        "jours",
        30,
        3650,
    ),
    Definition(
        "responsable_traitement",
        "Responsable du traitement",
        _DONNEES,
        Genre.TEXTE,
        RESPONSABLE,
        lambda _: "Les usagers lisent sur chaque notice qui répond de leurs données.",
        maximum=300,
    ),
    Definition(
        "delegue_donnees",
        "Délégué à la protection des données",
        _DONNEES,
        Genre.TEXTE,
        DELEGUE,
        lambda _: "Les usagers lui écrivent pour connaître, corriger ou effacer ce qui est détenu d’eux.",
        maximum=300,
    ),
    Definition(
        "base_legale",
        "Base légale du traitement",
        _DONNEES,
        Genre.TEXTE,
        "l’exécution d’une mission d’intérêt public (article 6, paragraphe 1, point e, du règlement général sur la"
        " protection des données)",
        lambda texte: f"Les usagers lisent : ce traitement est fondé sur {texte}.",
        maximum=300,
    ),
    Definition(
        "message_accueil",
        "Message en tête du parcours",
        _MESSAGES,
        Genre.TEXTE,
        "",
        lambda texte: (
            "Ce texte est lu par l’usager avant de choisir son motif."
            if texte
            else "Rien n’est ajouté en tête du parcours de l’usager."
        ),
        maximum=500,
        national=False,
        local=Local.LIBRE,
        optionnel=True,
    ),
    Definition(
        "message_confirmation",
        "Message de confirmation",
        _MESSAGES,
        Genre.TEXTE,
        "",
        lambda texte: (
            "Ce texte est ajouté à la page et au courriel de confirmation."
            if texte
            else "Rien n’est ajouté à la page ni au courriel de confirmation."
        ),
        maximum=500,
        national=False,
        local=Local.LIBRE,
        optionnel=True,
    ),
)

REGISTRE: Final[Mapping[str, Definition]] = {definition.cle: definition for definition in DEFINITIONS}
NATIONALES: Final = tuple(d for d in DEFINITIONS if d.national)
LOCALES: Final = tuple(d for d in DEFINITIONS if d.local is not Local.JAMAIS)
