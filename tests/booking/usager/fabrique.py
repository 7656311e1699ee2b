"""A service in memory, as pages see it, and what is free in it: no server needed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from app.booking.contexte import MotifOffert, ServiceContexte, Versions
from app.booking.disponibilites import Disponibilite
from app.domain.calendrier import Parametres, fenetre
from app.domain.creneaux import Demande, GuichetRegle, compute_grille
from app.domain.horaires import floor_minute
from app.domain.plages import ExceptionPlanning, PlageType, Planning

#: Thursday 19 November 2026, 09:00 in Paris: the earliest day is Tuesday 24 [A1 §2].
JEUDI = datetime(2026, 11, 19, 8, 0, tzinfo=UTC)
MARDI = date(2026, 11, 24)


def motif(ident: int, **plus: Any) -> MotifOffert:
    """An open motif for everybody."""
    valeurs: dict[str, Any] = {
        "id": ident,
        "parent_id": None,
        "libelle": f"Motif {ident}",
        "actif": True,
        "ouvert": True,
        "duree": 20,
        "nature": "assiette",
        "public": "tous",
        "documents": (),
        "faq_url": "",
        "demarche_url": "",
    }
    return MotifOffert(**{**valeurs, **plus})


def contexte(*motifs: MotifOffert, guichets: tuple[GuichetRegle, ...] = (), **plus: Any) -> ServiceContexte:
    """A service open from Monday to Friday, 08:00–12:00 and 14:00–16:00: the grid of the reference text [A1 §2]."""
    jours = {(0, iso): (PlageType(480, 720, "matin"), PlageType(840, 960, "après-midi")) for iso in range(1, 6)}
    valeurs: dict[str, Any] = {
        "id": 12,
        "version_planning": 1,
        "libelle": "SERVICE IMPOTS PARTICULIERS NEVERS",
        "type_code": "SIP",
        "site_id": 1,
        "sages": "5800450",
        "codique": None,
        "adresse": "19 rue Camille Baynac",
        "complement_adresse": "",
        "code_postal": "58015",
        "ville": "NEVERS CEDEX",
        "departement": "58",
        "telephone": "+33386684949",
        "courriel": "sip.nevers@dgfip.test",
        "accessibilite": "",
        "horaires_texte": "",
        "visio_base": "",
        "zone": ZoneInfo("Europe/Paris"),
        "pas": 20,
        "duree": 20,
        "en_ligne": True,
        "ferme": False,
        "guichets": {g.id: g for g in guichets or (GuichetRegle(1, "Guichet 1"), GuichetRegle(2, "Guichet 2"))},
        "motifs": {m.id: m for m in motifs or (motif(1),)},
        "plannings": (Planning(1, "Semaine", None, "semaine", 1, date(2020, 1, 6), None, jours),),
        "exceptions": (),
        "jours_rouverts": frozenset(),
        "parametres": Parametres(),
        "ouverture_nationale": None,
    }
    return ServiceContexte(**{**valeurs, **plus})


def disponibilite(
    service: ServiceContexte | None = None,
    occupations: dict[int, list[tuple[int, int]]] | None = None,
    maintenant: datetime = JEUDI,
    *exceptions: ExceptionPlanning,
) -> Disponibilite:
    """What the internet is offered for motif 1 at the guichet."""
    service = replace(service or contexte(), exceptions=exceptions)
    demande = Demande(1, "guichet", "internet", 20, service.pas)
    aujourdhui = maintenant.astimezone(service.zone).date()
    horizon = date.fromordinal(aujourdhui.toordinal() + 61)
    feries = service.feries(aujourdhui, horizon)
    fen = fenetre("internet", floor_minute(maintenant), service.zone, service.parametres, feries)
    occupees = occupations or {}
    ouvertures = service.ouvertures(aujourdhui, fen.au)
    grille = compute_grille(demande, list(service.guichets.values()), ouvertures, occupees, fen, service.zone)
    return Disponibilite(Versions(1, 1, 1, 1), service, demande, fen, grille, occupees, None)


def at(jour: date, heures: int, minutes: int = 0, zone: str = "Europe/Paris") -> int:
    """Minute-époque of a local hour."""
    return floor_minute(datetime(jour.year, jour.month, jour.day, heures, minutes, tzinfo=ZoneInfo(zone)))
