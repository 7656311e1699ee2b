"""Finding a person from what the desk types or scans: a name, a code, or the address that a QR code carries."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, case, func, or_
from sqlalchemy.ext.asyncio import AsyncConnection

from app.accueil.journee import name_usager, number, select_rdv
from app.accueil.lieux import ServiceJour
from app.booking.droits import scoped
from app.booking.textes import to_recherche
from app.config import Settings
from app.domain.rendez_vous import normalize_code
from app.identite.empreintes import print_critere
from app.tables import RdvUsager, RendezVous
from app.web.dates import heure, jour_long

#: Characters read of what was typed.
SAISIE_MAX: Final = 120
#: Rendez-vous listed, and days looked back.
LIMITE: Final = 50
RECUL: Final = timedelta(days=60)
_ADRESSE: Final = re.compile(r"https?:", re.IGNORECASE)
_SEPARATEURS: Final = re.compile(r"[/?=#&]+")


@dataclass(frozen=True, slots=True)
class Trouvaille:
    """A rendez-vous that answers the search. ``quand``: aujourdhui, avenir or passe.

    ``service``: its label when several are searched; ``pour``: the service that entrusted it, or "".
    """

    id: int
    quand: str
    jour: str
    heure: str
    nom: str
    code: str
    numero: str
    motif: str
    type: str
    etat: str
    guichet_nom: str
    service: str
    pour: str


def understand(saisie: str) -> tuple[list[str], str | None]:
    """The words meant, unaccented and in capitals, and the code when it can be one (0 reads O, 1 reads I)."""
    utile = saisie.strip()
    if _ADRESSE.match(utile):
        morceaux = [m for m in _SEPARATEURS.split(utile) if m]
        utile = morceaux[-1] if len(morceaux) > 1 else ""
    return to_recherche(utile).split(), normalize_code(utile)


def describe_recherche(settings: Settings, saisie: str, trouvailles: Sequence[Trouvaille]) -> dict[str, Any]:
    """Who was looked up, for the journal: the print of each reading of what was typed, and the RDV it found."""
    mots, code = understand(saisie)
    lectures = {"nom": " ".join(mots), "code": code or ""}
    criteres = {genre: print_critere(settings, genre, valeur) for genre, valeur in lectures.items() if valeur}
    return {"criteres": criteres, "rdv": [trouvaille.id for trouvaille in trouvailles]}


async def search_rdv(
    conn: AsyncConnection, agent_id: int, services: Sequence[ServiceJour], saisie: str
) -> list[Trouvaille]:
    """Rendez-vous of these services, today's first, then the next, then the last. Empty when nothing was typed.

    Services of several zones may be on two different days: the earlier one counts.
    """
    mots, code = understand(saisie)
    if not services or (not mots and code is None):
        return []
    zones = {s.id: s for s in services}
    aujourdhui = min(s.jour for s in services)
    conditions: list[ColumnElement[bool]] = []
    if mots:
        conditions.append(and_(*(RdvUsager.recherche.contains(f" {mot}", autoescape=True) for mot in mots)))
    if code is not None:
        conditions.append(RendezVous.code == code)
    requete = (
        scoped(select_rdv(RendezVous.jour), agent_id, "accueil")
        .where(
            RendezVous.service_id.in_(zones),
            RendezVous.jour >= aujourdhui - RECUL,
            or_(*conditions),
        )
        .order_by(
            case((RendezVous.jour >= aujourdhui, 0), else_=1),
            func.abs(RendezVous.jour - aujourdhui),
            RendezVous.debut,
            RendezVous.id,
        )
        .limit(LIMITE)
    )
    trouvailles = []
    for ligne in (await conn.execute(requete)).mappings():
        service = zones[ligne["service_id"]]
        jour = ligne["jour"]
        trouvailles.append(
            Trouvaille(
                id=ligne["id"],
                quand="aujourdhui" if jour == service.jour else "avenir" if jour > service.jour else "passe",
                jour=jour_long(jour),
                heure=heure(ligne["debut"], service.zone),
                nom=name_usager(ligne),
                code=ligne["code"],
                numero=number(ligne["id"]),
                motif=ligne["motif"],
                type=ligne["type_rdv"],
                etat=ligne["etat"],
                guichet_nom=ligne["guichet_nom"],
                service=service.libelle if len(services) > 1 else "",
                pour=ligne["origine_libelle"] or "",
            )
        )
    return trouvailles
