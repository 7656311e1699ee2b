"""Finding a person from what the desk types or scans: a name, a code, or the address that a QR code carries."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, RowMapping, and_, case, func, or_
from sqlalchemy.ext.asyncio import AsyncConnection

from app.accueil.journee import RECEVEUR, join_receveur, name_usager, number, select_rdv
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

    ``service``: its label when several are searched; ``pour``: the service that entrusted it, or ""; ``recu_par``: the
    other service that receives it, at ``adresse``, "" when it is received here.
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
    recu_par: str
    adresse: str


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

    Those that they have entrusted to others too: their usagers may come to the wrong door [G 2.3.5]. Services of
    several zones may be on two different days: the earlier one counts.
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
        scoped(join_receveur(select_rdv(RendezVous.jour, *RECEVEUR)), agent_id, "accueil", origine=True)
        .where(
            or_(RendezVous.service_id.in_(zones), RendezVous.service_origine_id.in_(zones)),
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
    return [_describe(ligne, zones) for ligne in (await conn.execute(requete)).mappings()]


def _describe(ligne: RowMapping, services: Mapping[int, ServiceJour]) -> Trouvaille:
    """Of the service that receives it, else of the one that has entrusted it: both have the same hour."""
    ailleurs = ligne["service_id"] not in services
    service = services[ligne["service_origine_id"] if ailleurs else ligne["service_id"]]
    jour = ligne["jour"]
    return Trouvaille(
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
        guichet_nom="" if ailleurs else ligne["guichet_nom"],
        service=service.libelle if len(services) > 1 else "",
        pour="" if ailleurs else ligne["origine_libelle"] or "",
        recu_par=ligne["receveur_libelle"] if ailleurs else "",
        adresse=_write_adresse(ligne) if ailleurs else "",
    )


def _write_adresse(ligne: RowMapping) -> str:
    """« 2 rue du Port, 58200 COSNE-COURS-SUR-LOIRE »."""
    ville = f"{ligne['receveur_code_postal']} {ligne['receveur_ville']}".strip()
    lignes = (ligne["receveur_adresse"], ligne["receveur_complement"], ville)
    return ", ".join(mot for mot in lignes if mot and mot.strip())
