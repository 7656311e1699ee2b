"""From a service's opening hours and its RDV to the grids that the macros draw (macros/agenda.html).

Pure: nothing here depends on the present moment but what ``Droits`` carries, so that a drawing may be kept for as long
as the agenda's version holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from app.booking.agents.affichage import Affichage
from app.booking.agents.dessin import draw_colonne
from app.booking.agents.lectures import nom_agenda
from app.booking.agents.mots import nom_guichet, raison_guichet, restrictions
from app.booking.contexte import ServiceContexte
from app.domain.creneaux import compute_departs
from app.domain.guichets import GuichetRegle
from app.domain.horaires import floor_minute, format_heure, from_minute, get_cadran, heure_locale, iter_jours
from app.domain.plages import OuverturesParJour, RaisonFermeture
from app.domain.rendez_vous import NatureOption
from app.web.dates import heure, instant_utc, jour_court, jour_long

Ligne = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Droits:
    """What the agent's rights and the date change in a drawing: days open to booking, arrival buttons."""

    reservables: frozenset[date]
    arrivees: bool


@dataclass(frozen=True, slots=True)
class Matiere:
    """What a drawing is made of: the view, the service, its RDV over the view's days."""

    affichage: Affichage
    contexte: ServiceContexte
    lignes: Sequence[Ligne]
    droits: Droits

    @property
    def guichets(self) -> list[GuichetRegle]:
        """Those shown, in the service's order."""
        voulus = self.affichage.guichets
        return [g for g in self.contexte.guichets.values() if not voulus or g.id in voulus]

    @property
    def ouvertures(self) -> OuverturesParJour:
        """Those of the view's days."""
        return self.contexte.ouvertures(*self.affichage.bornes)

    @property
    def jours(self) -> list[date]:
        """Days shown: one, or the week's; Saturday and Sunday only when something is planned or booked."""
        du, au = self.affichage.bornes
        if self.affichage.vue == "jour":
            return [du]
        occupes = {ligne["jour"] for ligne in self.lignes}
        ouvertures = self.ouvertures
        return [
            jour
            for jour in iter_jours(du, au)
            if jour.weekday() < 5 or jour in occupes or any(ouvertures.get(g.id, jour) for g in self.guichets)
        ]

    def is_libre(self, guichet: GuichetRegle, jour: date) -> bool:
        """True when an attached agent may book in the plages of that guichet that day."""
        return (
            jour in self.droits.reservables
            and guichet.accepts_canal("rattache")
            and not raison_guichet(self.contexte, self.ouvertures, guichet, jour)
        )

    def is_forcable(self, guichet: GuichetRegle, jour: date) -> bool:
        """True when a RDV may be put there outside the plages after a warning: never on a closed guichet."""
        return (
            jour in self.droits.reservables
            and guichet.ouvert
            and guichet.accepts_canal("rattache")
            and self.ouvertures.find_raison(guichet.id, jour) in (None, RaisonFermeture.HORS_PLAGE)
        )

    def is_reservable(self, jour: date) -> bool:
        """True when at least one of the guichets shown is free to book that day."""
        return any(self.is_libre(guichet, jour) for guichet in self.guichets)

    def rdv(self, jour: date, guichet_id: int) -> list[dict[str, Any]]:
        """What is drawn on one guichet that day."""
        return [
            build_rdv(ligne, self.contexte)
            for ligne in self.lignes
            if ligne["jour"] == jour and ligne["guichet_id"] == guichet_id and ligne["etat"] != "annule"
        ]


def build_rdv(ligne: Ligne, contexte: ServiceContexte) -> dict[str, Any]:
    """A RDV or hold as the macros take it."""
    debut = floor_minute(ligne["debut"])
    motif = contexte.motifs.get(ligne["motif_id"])
    return {
        "id": ligne["id"],
        "m": debut,
        "d": floor_minute(ligne["fin"]) - debut,
        "heure": heure(ligne["debut"], contexte.zone),
        "nom": nom_agenda(ligne),
        "motif": motif.libelle if motif else ligne["motif_libelle"] or "",
        "pour": ligne["origine_libelle"] or "",
        "type": ligne["type_rdv"],
        "etat": ligne["etat"],
        "gel": heure(ligne["expire_a"], contexte.zone) if ligne["nature_option"] == NatureOption.GEL else "",
        "arrive_a": instant_utc(ligne["arrivee_a"]),
        "appele_a": instant_utc(ligne["appel_a"]),
        "recu_a": instant_utc(ligne["reception_a"]),
        "termine_a": instant_utc(ligne["fin_a"]),
    }


def build_places(
    contexte: ServiceContexte, guichet: GuichetRegle, jour: date, ouvertures: OuverturesParJour
) -> list[dict[str, Any]]:
    """Every step of the grid inside the plages, taken or not: a cancelled RDV uncovers its own."""
    return [
        {"m": m, "d": contexte.pas, "heure": heure(from_minute(m), contexte.zone), "hors": False}
        for ouverture in ouvertures.get(guichet.id, jour)
        for m in compute_departs(ouverture, contexte.pas, contexte.pas, contexte.zone)
    ]


def build_hors(matiere: Matiere, guichet: GuichetRegle, jour: date, etendue: Etendue) -> list[dict[str, Any]]:
    """Every row of the grid outside the plages where the guichet may be taken all the same, after a warning."""
    if not matiere.is_forcable(guichet, jour):
        return []
    contexte, pas, ouvertures = matiere.contexte, matiere.contexte.pas, matiere.ouvertures
    ouvertes = [(o.debut, o.fin) for o in ouvertures.get(guichet.id, jour)]
    m0, fin = etendue.m0[jour], get_cadran(jour, contexte.zone).fin
    return [
        {"m": m, "d": pas, "heure": heure(from_minute(m), contexte.zone), "hors": True}
        for m in range(m0, min(m0 + etendue.nombre * pas, fin - pas + 1), pas)
        if not _meets(ouvertes, m, m + pas) and not ouvertures.find_interdit(guichet.id, jour, m, m + pas)
    ]


@dataclass(frozen=True, slots=True)
class Etendue:
    """The rows of a grid: wall minute of the first one, how many, and each day's first minute-époque."""

    premiere: int
    nombre: int
    m0: Mapping[date, int]


def compute_etendue(matiere: Matiere) -> Etendue | None:
    """From the first opening or RDV to the last, on whole hours where the step allows; None when there is nothing."""
    contexte, pas = matiere.contexte, matiere.contexte.pas
    bornes: dict[date, list[tuple[int, int]]] = {jour: [] for jour in matiere.jours}
    montres = {g.id for g in matiere.guichets}
    for jour, intervalles in bornes.items():
        for guichet_id in montres:
            intervalles += [(o.debut, o.fin) for o in matiere.ouvertures.get(guichet_id, jour)]
    for ligne in matiere.lignes:
        if ligne["guichet_id"] in montres:
            bornes[ligne["jour"]].append((floor_minute(ligne["debut"]), floor_minute(ligne["fin"])))
    murales = [_murale(debut, contexte) for intervalles in bornes.values() for debut, _ in intervalles]
    if not murales:
        return None
    palier = 60 if 60 % pas == 0 else pas
    premiere = min(murales) // palier * palier
    m0 = {jour: get_cadran(jour, contexte.zone).to_epoch(premiere) for jour in bornes}
    derniere = max(fin - m0[jour] for jour, intervalles in bornes.items() for _, fin in intervalles)
    return Etendue(premiere, -(-derniere // pas), m0)


def _murale(minute: int, contexte: ServiceContexte) -> int:
    heures, minutes = heure_locale(minute, contexte.zone)
    return heures * 60 + minutes


def build_jour(matiere: Matiere) -> dict[str, Any] | None:
    """The context of ``grille_jour``, or None for a day with no RDV and no place to take one."""
    etendue = compute_etendue(matiere)
    if etendue is None or not (matiere.lignes or matiere.is_reservable(matiere.affichage.jour)):
        return None
    contexte, jour = matiere.contexte, matiere.affichage.jour
    m0 = etendue.m0[jour]
    return {
        **_commun(matiere),
        "titre": jour_long(jour),
        "m0": m0,
        "lignes": [heure(from_minute(m0 + i * contexte.pas), contexte.zone) for i in range(etendue.nombre)],
        "url_nouveau": _url_nouveau(contexte, f"jour={jour.isoformat()}") if jour in matiere.droits.reservables else "",
        "guichets": [
            {
                "id": g.id,
                "nom": nom_guichet(g.nom),
                "detail": restrictions(g, contexte),
                **_colonne(matiere, g, jour, etendue),
            }
            for g in matiere.guichets
        ],
    }


def _colonne(matiere: Matiere, guichet: GuichetRegle, jour: date, etendue: Etendue) -> dict[str, Any]:
    """What a day column and a week column share. A guichet that takes no agent's booking shows no place."""
    contexte = matiere.contexte
    raison = raison_guichet(contexte, matiere.ouvertures, guichet, jour)
    places = build_places(contexte, guichet, jour, matiere.ouvertures) if matiere.is_libre(guichet, jour) else []
    places += build_hors(matiere, guichet, jour, etendue)
    return {
        "ouvert": not raison,
        "raison": raison,
        "places": sorted(places, key=lambda place: place["m"]),
        "rdv": matiere.rdv(jour, guichet.id),
    }


def _commun(matiere: Matiere) -> dict[str, Any]:
    return {
        "pas": matiere.contexte.pas,
        "url_rdv": "/rendez-vous/",
        "arrivees": matiere.droits.arrivees,
        "dessiner": draw_colonne,
    }


def _url_nouveau(contexte: ServiceContexte, parametres: str) -> str:
    return f"/services/{contexte.id}/rendez-vous/nouveau?{parametres}"


def titre_semaine(jours: Sequence[date]) -> str:
    """« semaine du 23 au 27 novembre 2026 », « … du 30 novembre au 4 décembre 2026 »."""
    du, au = jours[0], jours[-1]
    fin = jour_long(au).partition(" ")[2]
    debut = jour_long(du).partition(" ")[2]
    if (du.year, du.month) == (au.year, au.month):
        debut = str(du.day)
    elif du.year == au.year:
        debut = debut.rpartition(" ")[0]
    return f"semaine du {debut} au {fin}"


def build_semaine(matiere: Matiere) -> dict[str, Any] | None:
    """The context of ``grille_semaine``: one guichet as a grid, several as counts. None when the week is empty."""
    etendue = compute_etendue(matiere)
    if etendue is None:
        return None
    seul = matiere.guichets[0] if len(matiere.guichets) == 1 else None
    base = {
        **_commun(matiere),
        "titre": titre_semaine(matiere.jours),
        "lignes": [format_heure((etendue.premiere + i * matiere.contexte.pas) % 1440) for i in range(etendue.nombre)],
    }
    if seul is None:
        return {**base, "mode": "fusion", "jours": [_jour_fusion(matiere, etendue, jour) for jour in matiere.jours]}
    return {
        **base,
        "mode": "guichet",
        "url_nouveau": _url_nouveau(matiere.contexte, "vue=semaine"),
        "jours": [
            {
                **_jour_semaine(matiere, jour),
                "date": jour.isoformat(),
                "guichet": seul.id,
                "m0": etendue.m0[jour],
                **_colonne(matiere, seul, jour, etendue),
            }
            for jour in matiere.jours
        ],
    }


def _jour_semaine(matiere: Matiere, jour: date) -> dict[str, Any]:
    return {"id": jour.isoformat(), "nom": jour_court(jour), "url": matiere.affichage.au(jour, "jour").url}


def _jour_fusion(matiere: Matiere, etendue: Etendue, jour: date) -> dict[str, Any]:
    """A day of the merged week: for each row, guichets occupied over guichets open, and those taken though closed."""
    raisons = {g.id: raison_guichet(matiere.contexte, matiere.ouvertures, g, jour) for g in matiere.guichets}
    ouverts = [
        [] if raisons[g.id] else [(o.debut, o.fin) for o in matiere.ouvertures.get(g.id, jour)]
        for g in matiere.guichets
    ]
    pris = [[(r["m"], r["m"] + r["d"]) for r in matiere.rdv(jour, g.id)] for g in matiere.guichets]
    m0, pas = etendue.m0[jour], matiere.contexte.pas
    cases: list[dict[str, int] | None] = []
    for debut in range(m0, m0 + etendue.nombre * pas, pas):
        compte = _compte(pris, ouverts, debut, debut + pas)
        cases.append(compte if any(compte.values()) else None)
    communes = {raisons[g.id] for g in matiere.guichets if g.ouvert} or set(raisons.values())
    return {
        **_jour_semaine(matiere, jour),
        "raison": communes.pop() if len(communes) == 1 else "",
        "date": jour.isoformat(),
        "m0": m0,
        "nombre": sum(
            ligne["jour"] == jour and ligne["etat"] not in ("annule", "option") for ligne in _montrees(matiere)
        ),
        "cases": cases,
    }


def _montrees(matiere: Matiere) -> Iterable[Ligne]:
    montres = {g.id for g in matiere.guichets}
    return (ligne for ligne in matiere.lignes if ligne["guichet_id"] in montres)


def _compte(
    pris: Sequence[Sequence[tuple[int, int]]], ouverts: Sequence[Sequence[tuple[int, int]]], debut: int, fin: int
) -> dict[str, int]:
    """Guichets of one row: ``places`` open, ``pris`` among them, and ``hors``, occupied outside their plages.

    A RDV forced outside the plages takes none of the places there are: they may still be free, or none may exist.
    """
    ici = [(_meets(p, debut, fin), _meets(o, debut, fin)) for p, o in zip(pris, ouverts, strict=True)]
    return {
        "pris": sum(occupe and ouvert for occupe, ouvert in ici),
        "places": sum(ouvert for _, ouvert in ici),
        "hors": sum(occupe and not ouvert for occupe, ouvert in ici),
    }


def _meets(intervalles: Iterable[tuple[int, int]], debut: int, fin: int) -> bool:
    """True when at least one of them meets ``[debut, fin)``."""
    return any(a < fin and debut < b for a, b in intervalles)
