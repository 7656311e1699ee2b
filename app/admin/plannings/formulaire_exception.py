"""The form of an exception: what it is opened with, and how it is read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final, cast

from app.admin.pages import Organisation
from app.admin.plannings.dessin import local_day
from app.admin.plannings.formulaires import check_champs, read_guichets, read_plages
from app.admin.plannings.plages import EXEMPLE, write_plages
from app.admin.plannings.semaine import open_jour
from app.admin.saisie import Saisie
from app.domain.changements_exceptions import FicheException
from app.domain.composition import Composition, LotException, NatureException
from app.domain.guichets import GuichetRegle
from app.domain.horaires import format_heure
from app.domain.plannings import PlageType

_CHAMPS: Final = (
    "nature",
    "du",
    "au",
    "horaire",
    "debut",
    "fin",
    "plages",
    "portee",
    "guichets",
    "libelle",
    "revision",
)
NATURES: Final = (
    ("fermeture", "Fermer", "Personne ne peut prendre de rendez-vous, même en forçant."),
    ("ouverture", "Ouvrir en plus", "Des heures s’ajoutent ; sans heures, un jour férié est rouvert."),
    ("remplacement", "Changer les horaires d’un seul jour", "Ces plages remplacent celles du planning, ce jour-là."),
)
#: A closure longer than this is a mistake in the year.
_DUREE_MAX: Final = timedelta(days=730)
LIBELLES: Final = {
    "nature": "Nature",
    "libelle": "Raison",
    "validite": "Jours",
    "heures": "Heures",
    "guichets": "Pour",
}


def read_exception(saisie: Saisie, guichets: Mapping[int, GuichetRegle]) -> FicheException:
    """The exception typed. Raises SaisieInvalide with every sentence at once."""
    check_champs(saisie, _CHAMPS)
    nature = cast(
        NatureException,
        saisie.choix("nature", [valeur for valeur, _, _ in NATURES], requis="Choisissez ce que vous voulez faire."),
    )
    du = saisie.jour("du", requis="Indiquez le jour.")
    au = (saisie.jour("au") or du) if nature != "remplacement" else du
    if du and au and au - du > _DUREE_MAX:
        saisie.refuse("au", "Une exception dure deux ans au plus : vérifiez l’année.")
    plages = read_plages(saisie, "plages", saisie.brut("plages")) if nature == "remplacement" else _read_heures(saisie)
    choisis = read_guichets(saisie, guichets)
    libelle = saisie.texte("libelle", maximum=120)
    saisie.check()
    assert du is not None
    assert au is not None
    return FicheException(nature, du, au, plages, choisis, libelle)


def _read_heures(saisie: Saisie) -> tuple[PlageType, ...]:
    """One interval, or none for whole days."""
    if (
        saisie.choix("horaire", ("journee", "heures"), requis="Choisissez la journée entière ou des heures.")
        != "heures"
    ):
        return ()
    debut = saisie.heure("debut", requis="Indiquez l’heure de début.")
    fin = saisie.heure("fin", requis="Indiquez l’heure de fin.")
    if debut is None or fin is None:
        return ()
    if fin == debut:
        saisie.refuse("fin", "La fin est la même heure que le début : la durée est nulle.")
        return ()
    if fin < debut:
        saisie.refuse("fin", f"La fin ({format_heure(fin)}) est avant le début ({format_heure(debut)}).")
        return ()
    return (PlageType(debut, fin),)


def draw_exception(
    comp: Composition,
    organisation: Organisation,
    saisi: Mapping[str, Any] | None,
    exception_id: int | None,
    *,
    nature: str = "fermeture",
    jour: str = "",
    guichet: int = 0,
) -> dict[str, Any]:
    """The context of ``admin/plannings/exception.html``."""
    lot = comp.find_exception(exception_id) if exception_id is not None else None
    base = f"{organisation.url}/exceptions"
    champs = _open(lot) if lot else _prefill(comp, organisation, nature, jour, guichet)
    if saisi is not None:
        revision = saisi.get("revision") or champs["revision"]
        champs = {**dict.fromkeys(_CHAMPS, ""), **saisi, "revision": revision}
    return {
        "saisi": champs,
        "lot": lot,
        "natures": NATURES,
        "guichets": [(str(g.id), g.nom) for g in organisation.contexte.guichets.values()],
        "action": f"{base}/{lot.id}" if lot else f"{base}/nouvelle",
        "exemple": EXEMPLE,
        "libelles": LIBELLES,
    }


def _open(lot: LotException) -> dict[str, Any]:
    ids = [str(guichet) for guichet in lot.guichets if guichet is not None]
    seule = lot.plages[0] if lot.plages and lot.nature != "remplacement" else None
    return {
        "nature": lot.nature,
        "du": lot.du.isoformat(),
        "au": lot.au.isoformat(),
        "horaire": "heures" if seule else "journee",
        "debut": format_heure(seule.debut) if seule else "",
        "fin": format_heure(seule.fin) if seule else "",
        "plages": write_plages(lot.plages) if lot.nature == "remplacement" else "",
        "portee": "guichets" if ids else "service",
        "guichets": ids,
        "libelle": lot.libelle,
        "revision": str(lot.revision),
    }


def _prefill(comp: Composition, organisation: Organisation, nature: str, jour: str, guichet: int) -> dict[str, Any]:
    try:
        choisi = date.fromisoformat(jour)
    except ValueError:
        choisi = local_day(organisation)
    connu = guichet in organisation.contexte.guichets
    remplace = nature == "remplacement"
    plages = open_jour(comp, choisi, guichet if connu else None) if remplace else ()
    return {
        "nature": nature if nature in {valeur for valeur, _, _ in NATURES} else "fermeture",
        "du": choisi.isoformat(),
        "au": "",
        "horaire": "journee",
        "debut": "",
        "fin": "",
        "plages": write_plages(plages),
        "portee": "guichets" if connu else "service",
        "guichets": [str(guichet)] if connu else [],
        "libelle": "",
        "revision": "",
    }
