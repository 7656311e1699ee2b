"""The agenda's month: what each day holds, what is free, why it is closed [A1 §3.2; screens « Agenda du service »].

One statement reads the month; the drawing is a function of the state alone, like those of the day and the week.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from babel.dates import format_date
from sqlalchemy import BigInteger, cast, extract, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking.agents.affichage import Affichage
from app.booking.agents.lectures import PHRASE
from app.booking.agents.mots import raison_guichet
from app.booking.contexte import ServiceContexte
from app.booking.droits import permis
from app.domain.creneaux import compute_departs
from app.domain.guichets import GuichetRegle
from app.domain.horaires import format_heure, iter_jours
from app.domain.plannings import ExceptionPlanning
from app.errors import AccesRefuse
from app.feries import nom_ferie
from app.tables import RendezVous
from app.web.dates import jour_long

#: States as the month counts them, in the order of a visit.
_ORDRE: Final = ("option", "prevu", "arrive", "appele", "recu", "termine", "non_honore")
_PLURIELS: Final = {
    "option": ("réservation en cours", "réservations en cours"),
    "prevu": ("prévu", "prévus"),
    "arrive": ("arrivé", "arrivés"),
    "appele": ("appelé", "appelés"),
    "recu": ("en entretien", "en entretien"),
    "termine": ("terminé", "terminés"),
    "non_honore": ("pas venu", "pas venus"),
}
_NATURES: Final = {"fermeture": "Fermeture", "ouverture": "Ouverture", "remplacement": "Horaires modifiés"}

#: Local day and guichet → (state, start, end) of each RDV and hold; minutes-époque.
Occupes = dict[tuple[date, int], list[tuple[str, int, int]]]


async def read_mois(conn: AsyncConnection, agent_id: int, service_id: int, du: date, au: date) -> Occupes:
    """What occupies the guichets on the local days ``du``..``au``, one row for each guichet of each day.

    Raises AccesRefuse without the right: see ``lectures.read_jours``.
    """
    droit = permis(agent_id, "agenda", service_id)

    def minutes(colonne: Any) -> Any:
        return func.array_agg(cast(extract("epoch", colonne), BigInteger) / 60)

    siens = (
        (RendezVous.service_id == droit.c.service_id)
        & RendezVous.jour.between(du, au)
        & RendezVous.etat.not_in(["annule"])
    )
    requete = (
        select(
            RendezVous.jour,
            RendezVous.guichet_id,
            func.array_agg(RendezVous.etat),
            minutes(RendezVous.debut),
            minutes(RendezVous.fin),
        )
        .select_from(droit)
        .outerjoin(RendezVous, siens)
        .group_by(RendezVous.jour, RendezVous.guichet_id)
    )
    lignes = (await conn.execute(requete)).all()
    if not lignes:
        raise AccesRefuse(PHRASE)
    return {
        (jour, guichet): [(etat, int(debut), int(fin)) for etat, debut, fin in zip(etats, debuts, fins, strict=True)]
        for jour, guichet, etats, debuts, fins in lignes
        if jour is not None
    }


def titre_mois(jour: date) -> str:
    """« novembre 2026 »."""
    return format_date(jour, "MMMM y", locale="fr")


def build_mois(affichage: Affichage, contexte: ServiceContexte, occupes: Occupes) -> dict[str, Any]:
    """The context of ``grille_mois``: weeks of seven cells, None outside the month."""
    du, au = affichage.bornes
    voulus = affichage.guichets
    guichets = [g for g in contexte.guichets.values() if not voulus or g.id in voulus]
    cases: list[dict[str, Any] | None] = [None] * du.weekday()
    cases += [_build_jour(affichage, contexte, guichets, jour, occupes) for jour in iter_jours(du, au)]
    cases += [None] * (-len(cases) % 7)
    return {
        "titre": titre_mois(du),
        "jours_semaine": [format_date(date(2024, 1, n), "EEEE", locale="fr") for n in range(1, 8)],
        "semaines": [cases[i : i + 7] for i in range(0, len(cases), 7)],
    }


def _build_jour(
    affichage: Affichage, contexte: ServiceContexte, guichets: Sequence[GuichetRegle], jour: date, occupes: Occupes
) -> dict[str, Any]:
    ouvertures = contexte.ouvertures(*affichage.bornes)
    raisons = {g.id: raison_guichet(contexte, ouvertures, g, jour) for g in guichets}
    etats: Counter[str] = Counter()
    places = pris = 0
    for guichet in guichets:
        siens = occupes.get((jour, guichet.id), [])
        etats.update(etat for etat, _, _ in siens)
        if raisons[guichet.id]:
            continue
        for ouverture in ouvertures.get(guichet.id, jour):
            departs = compute_departs(ouverture, contexte.pas, contexte.pas, contexte.zone)
            places += len(departs)
            pris += _count_pris(departs, contexte.pas, siens)
    communes = {raisons[g.id] for g in guichets if g.ouvert} or set(raisons.values())
    raison = communes.pop() if len(communes) == 1 else ""
    return {
        "date": jour.isoformat(),
        "nom": jour_long(jour),
        "numero": jour.day,
        "url": affichage.au(jour, "jour").url,
        "raison": raison,
        "nommee": raison not in ("", "Aucune plage ce jour"),
        "notes": _notes(contexte, guichets, jour, raison),
        "total": sum(nombre for etat, nombre in etats.items() if etat != "option"),
        "etats": [
            {"etat": etat, "nombre": etats[etat], "mot": _PLURIELS[etat][etats[etat] > 1]}
            for etat in _ORDRE
            if etats[etat]
        ],
        "places": places,
        "pris": pris,
        "charge": min(4, pris * 4 // places) if places else 0,
    }


def _count_pris(departs: Sequence[int], pas: int, occupes: Sequence[tuple[str, int, int]]) -> int:
    """Places of one ouverture that something meets. Two RDV never overlap; two may meet one place."""
    prises: set[int] = set()
    for _, debut, fin in occupes:
        prises.update(range(bisect_right(departs, debut - pas), bisect_left(departs, fin)))
    return len(prises)


def _notes(contexte: ServiceContexte, guichets: Sequence[GuichetRegle], jour: date, raison: str) -> list[str]:
    """Holidays worked and exceptions of part of the day or of the guichets, by their names."""
    notes = []
    ferie = nom_ferie(contexte.departement, jour) if jour in contexte.feries(jour, jour) else ""
    if ferie and not raison:
        notes.append(f"{ferie} (jour férié ouvert)")
    for exception in contexte.exceptions:
        concerne = any(exception.concerns(g.id) for g in guichets)
        if not (exception.du <= jour <= exception.au and concerne) or raison:
            continue
        notes.append(_note(exception, contexte.guichets))
    return notes


def _note(exception: ExceptionPlanning, guichets: Mapping[int, GuichetRegle]) -> str:
    """« Fermeture 14:00–16:00, Guichet 2 : Formation »."""
    heures = ""
    if exception.debut is not None and exception.fin is not None:
        heures = f" {format_heure(exception.debut)}–{format_heure(exception.fin)}"
    guichet = guichets.get(exception.guichet_id) if exception.guichet_id is not None else None
    ou = f", {guichet.nom}" if guichet else ""
    return f"{_NATURES[exception.nature]}{heures}{ou}" + (f" : {exception.libelle}" if exception.libelle else "")
