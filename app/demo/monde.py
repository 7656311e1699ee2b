"""The services of the demo: real towns and kinds of service, invented telephones and mailboxes.

Nevers is the reference one, fully configured; Paris has two services behind one reception; the others each show
something else: another step, another calendar, another clock, a closed door.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

#: Local minutes [debut, fin).
Plages = tuple[tuple[int, int], ...]

NEVERS: Final = "5800450"
PARIS_SIP: Final = "7500120"
PARIS_SIE: Final = "7500121"
BOURGES: Final = "1800151"


def _h(heure: int, minute: int = 0) -> int:
    return heure * 60 + minute


PLEINE: Final[Plages] = ((_h(8), _h(12)), (_h(14), _h(16)))
MATIN: Final[Plages] = ((_h(8), _h(12)),)
BUREAU: Final[Plages] = ((_h(9), _h(12)), (_h(13, 30), _h(16)))
LONGUE: Final[Plages] = ((_h(8, 30), _h(12, 30)), (_h(13, 30), _h(17)))


@dataclass(frozen=True, slots=True)
class SiteDecrit:
    """A building and its reception."""

    nom: str
    adresse: str
    code_postal: str
    ville: str
    fuseau: str = "Europe/Paris"
    complement: str = ""


@dataclass(frozen=True, slots=True)
class GuichetDecrit:
    """One agenda; None restricts nothing. ``motifs`` are codes of the national catalogue."""

    nom: str
    ouvert: bool = True
    motifs: tuple[str, ...] | None = None
    canaux: tuple[str, ...] | None = None
    types: tuple[str, ...] | None = None
    #: Its own alternating weeks (A, B): ISO weekday → name of a journée type; None follows the service.
    semaines: tuple[Mapping[int, str], Mapping[int, str]] | None = None


@dataclass(frozen=True, slots=True)
class ServiceDecrit:
    """A service as the seed inserts it. ``densite``: share of the grid that is booked; ``vivant``: kept open around
    now, on any day and at any hour, and played by the simulation."""

    sages: str
    codique: str | None
    type_code: str
    libelle: str
    site: str
    code_postal: str
    ville: str
    departement: str
    telephone: str
    courriel: str
    guichets: tuple[GuichetDecrit, ...]
    semaine: Mapping[int, str]
    journees: Mapping[str, Plages]
    adresse: str = ""
    pas: int = 20
    duree: int = 20
    en_ligne: bool = True
    centre_contact: bool = False
    visio_base: str = ""
    horaires_texte: str = "Du lundi au vendredi, avec ou sans rendez-vous"
    motifs_fermes: tuple[str, ...] = ()
    durees: Mapping[str, int] | None = None
    densite: float = 0.4
    vivant: bool = False


def _semaine(*noms: str) -> dict[int, str]:
    """Monday first; an empty name opens nothing."""
    return {rang: nom for rang, nom in enumerate(noms, start=1) if nom}


SITES: Final[Mapping[str, SiteDecrit]] = {
    "nevers": SiteDecrit("Centre des finances publiques de Nevers", "19 rue Camille Baynac", "58015", "NEVERS CEDEX"),
    "nevers-amendes": SiteDecrit("Trésorerie de Nevers", "12 rue Henri Barbusse", "58015", "NEVERS CEDEX"),
    "caen": SiteDecrit("Centre des finances publiques de Caen", "145 rue de la Délivrande", "14083", "CAEN CEDEX 9"),
    "lyon": SiteDecrit("Centre des finances publiques de Lyon Nord", "1 rue Claude Baudrand", "69732", "CALUIRE CEDEX"),
    "bourges": SiteDecrit("Centre des finances publiques de Bourges", "2 rue Victor Hugo", "18013", "BOURGES CEDEX"),
    "paris": SiteDecrit("Centre des finances publiques de Paris Centre", "13 rue de la Banque", "75002", "PARIS"),
    "metz": SiteDecrit("Centre des finances publiques de Metz", "4 rue des Clercs", "57035", "METZ CEDEX 1"),
    "reunion": SiteDecrit(
        "Centre des finances publiques de Saint-Denis",
        "1 rue Champ Fleuri",
        "97744",
        "SAINT-DENIS CEDEX 9",
        "Indian/Reunion",
    ),
    "dresg": SiteDecrit("DRESG", "10 rue du Centre", "93160", "NOISY-LE-GRAND", complement="Bâtiment A"),
    "dge": SiteDecrit("Direction des grandes entreprises", "8 rue Courtois", "93500", "PANTIN"),
}

SERVICES: Final[tuple[ServiceDecrit, ...]] = (
    ServiceDecrit(
        NEVERS,
        "058019",
        "SIP",
        "SERVICE IMPOTS PARTICULIERS NEVERS",
        "nevers",
        "58015",
        "NEVERS CEDEX",
        "58",
        "+33353010450",
        "sip.nevers@dgfip.test",
        (
            GuichetDecrit("Guichet n° 1", types=("guichet",)),
            GuichetDecrit(
                "Guichet n° 2",
                types=("guichet", "telephone"),
                semaines=(
                    _semaine("Journée pleine", "Matinée", "Journée pleine", "Matinée", "Journée pleine"),
                    _semaine("Matinée", "Journée pleine", "Matinée", "Journée pleine", "Matinée"),
                ),
            ),
            GuichetDecrit("Guichet n° 3 – Paiement", types=("guichet",), motifs=("M15", "M16", "M17", "M18")),
            GuichetDecrit("Guichet n° 4", types=("guichet",), canaux=("exterieur", "rattache")),
            GuichetDecrit("Téléphone et visio", types=("telephone", "visio")),
            GuichetDecrit("Guichet n° 6", ouvert=False),
        ),
        _semaine("Journée pleine", "Journée pleine", "Journée pleine", "Journée pleine", "Journée pleine"),
        {"Journée pleine": PLEINE, "Matinée": MATIN},
        visio_base="https://visio.demonstration.test/rdv",
        horaires_texte="Du lundi au vendredi, de 8 h à 12 h et de 14 h à 16 h, sur rendez-vous",
        motifs_fermes=("M21",),
        durees={"M02": 40, "M12": 40},
        densite=0.5,
        vivant=True,
    ),
    ServiceDecrit(
        PARIS_SIP,
        "075012",
        "SIP",
        "SERVICE IMPOTS PARTICULIERS PARIS CENTRE",
        "paris",
        "75002",
        "PARIS",
        "75",
        "+33199000120",
        "sip.paris-centre@dgfip.test",
        (
            GuichetDecrit("Guichet A", types=("guichet",)),
            GuichetDecrit("Guichet B", types=("guichet", "telephone")),
            GuichetDecrit("Guichet C", types=("guichet",)),
        ),
        _semaine("Journée longue", "Journée longue", "Journée longue", "Journée longue", "Matinée"),
        {"Journée longue": LONGUE, "Matinée": MATIN},
        centre_contact=True,
        densite=0.55,
        vivant=True,
    ),
    ServiceDecrit(
        PARIS_SIE,
        "075013",
        "SIE",
        "SERVICE IMPOTS ENTREPRISES PARIS CENTRE",
        "paris",
        "75002",
        "PARIS",
        "75",
        "+33199000121",
        "sie.paris-centre@dgfip.test",
        (GuichetDecrit("Guichet Entreprises 1"), GuichetDecrit("Guichet Entreprises 2", types=("guichet",))),
        _semaine("Bureau", "Bureau", "Bureau", "Bureau", "Bureau"),
        {"Bureau": BUREAU},
        pas=30,
        duree=30,
        densite=0.5,
        vivant=True,
    ),
    ServiceDecrit(
        "1400380",
        "014038",
        "SIP",
        "SERVICE IMPOTS PARTICULIERS CAEN NORD",
        "caen",
        "14083",
        "CAEN CEDEX 9",
        "14",
        "+33261910380",
        "sip.caen-nord@dgfip.test",
        (
            GuichetDecrit("Guichet principal"),
            GuichetDecrit("Guichet n° 2", types=("guichet",)),
            GuichetDecrit("Guichet n° 3", types=("telephone",), canaux=("internet", "exterieur", "rattache")),
        ),
        _semaine("Bureau", "Bureau", "Bureau", "Bureau", "Matinée"),
        {"Bureau": BUREAU, "Matinée": MATIN},
        centre_contact=True,
    ),
    ServiceDecrit(
        "6900210",
        "069021",
        "SIP",
        "SERVICE IMPOTS PARTICULIERS LYON NORD",
        "lyon",
        "69732",
        "CALUIRE CEDEX",
        "69",
        "+33465710210",
        "sip.lyon-nord@dgfip.test",
        (
            GuichetDecrit("Guichet principal"),
            GuichetDecrit("Guichet n° 2", types=("guichet",)),
            GuichetDecrit("Guichet n° 3", types=("guichet",), canaux=("rattache",)),
        ),
        _semaine("Longue", "Longue", "Longue", "Longue", "Longue"),
        {"Longue": LONGUE},
        pas=15,
        duree=30,
    ),
    ServiceDecrit(
        BOURGES,
        "018027",
        "SIP",
        "SERVICE IMPOTS PARTICULIERS BOURGES NORD",
        "bourges",
        "18013",
        "BOURGES CEDEX",
        "18",
        "+33261910151",
        "sip.bourges-nord@dgfip.test",
        (GuichetDecrit("Guichet n° 1"), GuichetDecrit("Guichet n° 2")),
        _semaine("Bureau", "Bureau", "", "Bureau", "Matinée"),
        {"Bureau": BUREAU, "Matinée": MATIN},
        pas=30,
        duree=30,
    ),
    ServiceDecrit(
        "5700330",
        None,
        "SIP",
        "SERVICE IMPOTS PARTICULIERS METZ CENTRE",
        "metz",
        "57035",
        "METZ CEDEX 1",
        "57",
        "+33353010330",
        "sip.metz-centre@dgfip.test",
        (GuichetDecrit("Guichet 1"), GuichetDecrit("Guichet 2", types=("guichet",))),
        _semaine("Bureau", "Bureau", "Bureau", "Bureau", "Bureau"),
        {"Bureau": BUREAU},
        duree=40,
        horaires_texte="Du lundi au vendredi, sauf les jours fériés de la Moselle (26 décembre, vendredi saint)",
    ),
    ServiceDecrit(
        "9740110",
        "974011",
        "SIP",
        "SERVICE IMPOTS PARTICULIERS SAINT-DENIS OUEST",
        "reunion",
        "97744",
        "SAINT-DENIS CEDEX 9",
        "974",
        "+33199000110",
        "sip.saint-denis-ouest@dgfip.test",
        (GuichetDecrit("Guichet 1"), GuichetDecrit("Guichet 2", types=("guichet",))),
        _semaine("Matinée", "Matinée", "Matinée", "Matinée", "Matinée"),
        {"Matinée": ((_h(7, 30), _h(12)),)},
        horaires_texte="Du lundi au vendredi de 7 h 30 à 12 h, heure de La Réunion",
    ),
    ServiceDecrit(
        "5800731",
        "058031",
        "TRESO_AMENDES",
        "TRESORERIE NEVERS AMENDES",
        "nevers-amendes",
        "58015",
        "NEVERS CEDEX",
        "58",
        "+33353010731",
        "t058031@dgfip.test",
        (GuichetDecrit("Guichet unique"),),
        _semaine("Matinée", "Matinée", "", "Matinée", "Matinée"),
        {"Matinée": MATIN},
        densite=0.3,
    ),
    ServiceDecrit(
        "5800460",
        "058046",
        "SIE",
        "SERVICE IMPOTS ENTREPRISES NEVERS",
        "nevers",
        "58015",
        "NEVERS CEDEX",
        "58",
        "+33353010460",
        "sie.nevers@dgfip.test",
        (GuichetDecrit("Guichet Entreprises"),),
        _semaine("Bureau", "Bureau", "", "Bureau", "Matinée"),
        {"Bureau": BUREAU, "Matinée": MATIN},
        pas=30,
        duree=30,
        densite=0.3,
    ),
    ServiceDecrit(
        "1800160",
        None,
        "CDIF",
        "CENTRE IMPOTS FONCIER BOURGES",
        "bourges",
        "18013",
        "BOURGES CEDEX",
        "18",
        "+33261910160",
        "cdif.bourges@dgfip.test",
        (GuichetDecrit("Guichet cadastre"),),
        _semaine("", "Matinée", "", "Matinée", ""),
        {"Matinée": MATIN},
        pas=30,
        duree=30,
        densite=0.3,
    ),
    ServiceDecrit(
        "9300900",
        "093090",
        "DRESG",
        "DIRECTION RESIDENTS ETRANGER ET SERVICES GENERAUX",
        "dresg",
        "93160",
        "NOISY-LE-GRAND",
        "93",
        "+33199000900",
        "dresg@dgfip.test",
        (GuichetDecrit("Non-résidents 1", types=("telephone", "visio")), GuichetDecrit("Non-résidents 2")),
        _semaine("Bureau", "Bureau", "Bureau", "Bureau", "Bureau"),
        {"Bureau": BUREAU},
        visio_base="https://visio.demonstration.test/rdv",
        densite=0.35,
    ),
    ServiceDecrit(
        "9300950",
        "093095",
        "DGE",
        "DIRECTION DES GRANDES ENTREPRISES",
        "dge",
        "93500",
        "PANTIN",
        "93",
        "+33199000950",
        "dge@dgfip.test",
        (GuichetDecrit("Interlocuteur fiscal unique"),),
        _semaine("Bureau", "Bureau", "Bureau", "Bureau", ""),
        {"Bureau": BUREAU},
        pas=60,
        duree=60,
        en_ligne=False,
        densite=0.2,
        horaires_texte="Sur rendez-vous pris auprès de votre interlocuteur : le service n’est pas ouvert en ligne",
    ),
)

#: département → (SIP, SIE, CDIF) competent for its communes, by SAGES.
COMPETENCES: Final[Mapping[str, tuple[str, ...]]] = {
    "58": (NEVERS, "5800460"),
    "75": (PARIS_SIP, PARIS_SIE),
    "14": ("1400380",),
    "69": ("6900210",),
    "18": (BOURGES, "1800160"),
    "57": ("5700330",),
    "974": ("9740110",),
}


@dataclass(frozen=True, slots=True)
class CompteDecrit:
    """An account of the demo: password « demo », API key ``demo-<identifiant>``. SAGES in ``services`` and ``zone``."""

    identifiant: str
    prenom: str
    nom: str
    profil: str
    perimetre: str
    services: tuple[str, ...] = ()
    departement: str | None = None
    zone: tuple[str, ...] = ()


MOT_DE_PASSE: Final = "demo"
GUICHET_DU_BOX: Final = "Guichet n° 1"
COMPTES: Final[tuple[CompteDecrit, ...]] = (
    CompteDecrit(
        "orientation",
        "Élise",
        "Carpentaret",
        "agent_local",
        "service",
        (NEVERS, PARIS_SIP, PARIS_SIE),
        zone=(NEVERS, PARIS_SIP, PARIS_SIE),
    ),
    CompteDecrit("box", "Hugo", "Marchandel", "agent_local", "service", (NEVERS,), zone=(NEVERS,)),
    CompteDecrit("agent", "Léa", "Bessonnier", "agent_local", "service", (NEVERS,), zone=(NEVERS,)),
    CompteDecrit("exterieur", "Noé", "Tisserandot", "agent_national", "nation"),
    CompteDecrit("chef", "Anne", "Rochemaure", "admin_local", "service", (NEVERS,), zone=(NEVERS,)),
    CompteDecrit("pilote-local", "Marc", "Delaverne", "pilotage", "service", (NEVERS,)),
    CompteDecrit("pilote-departement", "Inès", "Vaucorbeil", "pilotage", "departement", departement="58"),
    CompteDecrit("pilote-national", "Paul", "Grandvallier", "pilotage", "nation"),
    CompteDecrit("admin-national", "Jeanne", "Montfaucher", "admin_national", "nation"),
)
#: Colleagues without password nor key: they act in the simulation and in the past that the seed writes.
COLLEGUES: Final = (
    ("Sonia", "Belcastel"),
    ("Thomas", "Quercinet"),
    ("Aïssa", "Lorandeau"),
    ("Benoît", "Fauvergne"),
    ("Chloé", "Autrevaux"),
    ("Damien", "Sermizelle"),
    ("Eva", "Pontarlier-Noël"),
    ("Franck", "Ogerolles"),
    ("Gaëlle", "Hérissonne"),
    ("Henri", "Vaudreuille"),
    ("Iris", "Castelmont"),
    ("Jules", "Bramefont"),
    ("Karim", "Estivaux"),
)
