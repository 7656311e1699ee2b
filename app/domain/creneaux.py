"""Ouvertures − occupations → créneaux, and why there is none. One computation serves display and booking.

A créneau begins, in local wall-clock time, at the start of a plage + k × step, even when an exception cuts the
plage, and ends inside the same ouverture. On the night of 25 hours both occurrences of a wall time are offered;
on the night of 23 hours the missing ones are not.

How it is fast: starts of a day are bits of an int, minute by minute. Guichets with the same hours share one mask
of candidate starts. A rendez-vous ``[a, b)`` forbids exactly the starts in ``]a − durée, b[``, so each one costs
a shift and an OR whatever the length of the plages, and what remains free is ``candidats & ~interdits``.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple
from zoneinfo import ZoneInfo

from app.domain.calendrier import Fenetre
from app.domain.guichets import Demande, GuichetRegle, find_eligibles, order_guichets
from app.domain.horaires import compute_decalage, find_transition, get_cadran, iter_jours, jour_local
from app.domain.plages import Ouverture, OuverturesParJour, RaisonFermeture
from app.domain.raisons import PHRASES, Raison, phrase

__all__ = [
    "PHRASES",
    "Creneau",
    "Demande",
    "Grille",
    "GuichetRegle",
    "Journee",
    "Raison",
    "compute_departs",
    "compute_grille",
    "find_creneau",
    "find_eligibles",
    "is_creneau",
    "nearest",
    "order_guichets",
    "phrase",
    "remove_depart",
]

#: guichet → its rendez-vous and holds as (debut, fin) in minutes-époque, in any order.
Occupations = Mapping[int, Sequence[tuple[int, int]]]


class Creneau(NamedTuple):
    """``[debut, fin)`` in minutes-époque, and the guichets still free for it (never empty), in the given order."""

    debut: int
    fin: int
    guichets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Journee:
    """One day of the grid. ``raison`` is set exactly when ``creneaux`` is empty.

    ``candidats`` holds every start of the day, free or not, with the guichets that could serve it were they free:
    with what occupies them, a live page recomputes ``creneaux`` by itself.
    """

    creneaux: tuple[Creneau, ...]
    raison: Raison | None
    candidats: tuple[tuple[int, tuple[int, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Grille:
    """The days asked for, in order. ``raison`` is set when no guichet could serve the request on any day."""

    jours: Mapping[date, Journee]
    fenetre: Fenetre
    raison: Raison | None = None

    def find_premier(self) -> Creneau | None:
        """The first free créneau."""
        return next((journee.creneaux[0] for journee in self.jours.values() if journee.creneaux), None)

    def explain(self, jour: date) -> str | None:
        """Why ``jour`` has no créneau, in French: « délai de 2 jours ouvrés »; None when it has some."""
        raison = self.jours[jour].raison
        return None if raison is None else self.fenetre.phrase(raison)


def compute_departs(ouverture: Ouverture, duree: int, pas: int, zone: ZoneInfo) -> tuple[int, ...]:
    """Every start on the grid of ``ouverture`` that leaves room for ``duree`` minutes, in order."""
    _, jour, ancre, debut, fin = ouverture
    dernier = fin - duree
    if dernier < debut:
        return ()
    if get_cadran(jour, zone).uniforme:
        return tuple(range(debut + (ancre - debut) % pas, dernier + 1, pas))
    mural = ancre + compute_decalage(ancre, zone)
    saut = find_transition(debut, dernier, zone)
    morceaux = ((debut, dernier),) if saut is None else ((debut, saut - 1), (saut, dernier))
    departs: list[int] = []
    for du, au in morceaux:
        decalage = compute_decalage(du, zone)
        departs += range(du + (mural - du - decalage) % pas, au + 1, pas)
    return tuple(departs)


def _collect_interdits(
    guichet_ids: Sequence[int], occupations: Occupations, jours: Sequence[date], duree: int, zone: ZoneInfo
) -> dict[date, dict[int, int]]:
    """For each day and guichet, the starts that an occupation forbids, as bits from the day's first minute."""
    bornes = [(get_cadran(jour, zone).debut, get_cadran(jour, zone).fin) for jour in jours]
    interdits: list[dict[int, int]] = [{} for _ in jours]
    masques: dict[int, int] = {}
    debuts = [base for base, _ in bornes]
    nombre, marge = len(bornes), duree - 1
    for guichet_id in guichet_ids:
        for debut, fin in occupations.get(guichet_id, ()):
            premier = debut - marge
            longueur = fin - premier
            rang = max(bisect_right(debuts, premier) - 1, 0)
            while rang < nombre and (base := debuts[rang]) < fin:
                limite = bornes[rang][1]
                if limite > premier:
                    masque = masques.get(longueur)
                    if masque is None:
                        masque = masques[longueur] = (1 << longueur) - 1
                    du_jour, decalage = interdits[rang], premier - base
                    bits = masque << decalage if decalage >= 0 else masque >> -decalage
                    du_jour[guichet_id] = du_jour.get(guichet_id, 0) | bits
                if limite >= fin:
                    break
                rang += 1
    return dict(zip(jours, interdits, strict=True))


def _explain_vide(guichets: Sequence[GuichetRegle], ouvertures: OuverturesParJour, jour: date) -> Raison:
    """Why a day has no candidate start, whatever is booked."""
    if any(ouvertures.get(guichet.id, jour) for guichet in guichets):
        return Raison.DUREE_TROP_LONGUE
    raisons = {ouvertures.find_raison(guichet.id, jour) for guichet in guichets}
    if RaisonFermeture.FERIE in raisons:
        return Raison.FERIE
    return Raison.FERMETURE if RaisonFermeture.FERMETURE in raisons else Raison.HORS_PLAGE


def _compute_journee(
    demande: Demande,
    guichets: Sequence[GuichetRegle],
    ouvertures: OuverturesParJour,
    jour: date,
    interdits: Mapping[int, int],
    pas_avant: int | None,
    zone: ZoneInfo,
) -> Journee:
    """One day inside the window, for guichets already known to be eligible."""
    base = get_cadran(jour, zone).debut
    ouverts = ouvertures.par_jour[jour]
    memes_horaires: dict[tuple[tuple[int, ...], ...], list[int]] = {}
    for guichet in guichets:
        plages = ouverts.get(guichet.id)
        if plages:
            memes_horaires.setdefault(tuple([plage[2:] for plage in plages]), []).append(guichet.id)
    passe = False
    eligibles: dict[int, list[int]] = {}
    libres: dict[int, list[int]] = {}
    for ids in memes_horaires.values():
        departs = [d for plage in ouverts[ids[0]] for d in compute_departs(plage, demande.duree, demande.pas, zone)]
        if pas_avant is not None and departs and departs[0] < pas_avant:
            passe = True
            departs = [depart for depart in departs if depart >= pas_avant]
        occupes = [(guichet_id, interdits.get(guichet_id, 0)) for guichet_id in ids]
        for depart in departs:
            bit = 1 << (depart - base)
            eligibles.setdefault(depart, []).extend(ids)
            encore = [guichet_id for guichet_id, occupe in occupes if not occupe & bit]
            if encore:
                libres.setdefault(depart, []).extend(encore)
    if not eligibles:
        return Journee((), Raison.PASSE if passe else _explain_vide(guichets, ouvertures, jour))
    if len(memes_horaires) > 1:
        # Guichets were taken by hours; give them back in the order of the caller.
        ordre = {guichet.id: rang for rang, guichet in enumerate(guichets)}.__getitem__
        for ids in (*eligibles.values(), *libres.values()):
            ids.sort(key=ordre)
    candidats = tuple([(depart, tuple(eligibles[depart])) for depart in sorted(eligibles)])
    duree = demande.duree
    creneaux = tuple([Creneau(depart, depart + duree, tuple(libres[depart])) for depart in sorted(libres)])
    return Journee(creneaux, None if creneaux else Raison.COMPLET, candidats)


def compute_grille(
    demande: Demande,
    guichets: Sequence[GuichetRegle],
    ouvertures: OuverturesParJour,
    occupations: Occupations,
    fenetre: Fenetre,
    zone: ZoneInfo,
    *,
    jours: Collection[date] | None = None,
) -> Grille:
    """The grid of every day of ``ouvertures`` (or of ``jours``, which must be among them: KeyError).

    ``occupations`` must hold every rendez-vous and live hold of those days. Days outside ``fenetre`` say why.
    """
    eligibles, raison = find_eligibles(demande, guichets)
    voulus = sorted(jours) if jours is not None else list(iter_jours(ouvertures.du, ouvertures.au))
    if raison is not None:
        return Grille({jour: Journee((), raison) for jour in voulus}, fenetre, raison)
    ids = [guichet.id for guichet in eligibles]
    calcules = [jour for jour in voulus if fenetre.refuse_jour(jour) is None]
    interdits = _collect_interdits(ids, occupations, calcules, demande.duree, zone)
    grille: dict[date, Journee] = {}
    for jour in voulus:
        dehors = fenetre.refuse_jour(jour)
        if dehors is not None:
            grille[jour] = Journee((), dehors)
        else:
            grille[jour] = _compute_journee(
                demande, eligibles, ouvertures, jour, interdits[jour], fenetre.pas_avant, zone
            )
    return Grille(grille, fenetre)


def remove_depart(grille: Grille, jour: date, debut: int) -> Grille:
    """The same without what begins at ``debut`` (minute-époque) that day: nobody moves to where he is."""
    journee = grille.jours.get(jour)
    if journee is None or all(depart != debut for depart, _ in journee.candidats):
        return grille
    creneaux = tuple(creneau for creneau in journee.creneaux if creneau.debut != debut)
    candidats = tuple(candidat for candidat in journee.candidats if candidat[0] != debut)
    reste = Journee(creneaux, None if creneaux else Raison.COMPLET, candidats)
    return replace(grille, jours={**grille.jours, jour: reste})


def find_creneau(
    demande: Demande,
    debut: int,
    guichets: Sequence[GuichetRegle],
    ouvertures: OuverturesParJour,
    occupations: Occupations,
    fenetre: Fenetre,
    zone: ZoneInfo,
) -> Creneau | Raison:
    """The créneau that begins at ``debut`` (minute-époque), or why there is none: what a booking asks.

    Raises KeyError when ``debut`` is allowed by ``fenetre`` but its day is not in ``ouvertures``.
    """
    jour = jour_local(debut, zone)
    dehors = fenetre.refuse(jour, debut)
    if dehors is not None:
        return dehors
    journee = compute_grille(demande, guichets, ouvertures, occupations, fenetre, zone, jours=(jour,)).jours[jour]
    for creneau in journee.creneaux:
        if creneau.debut == debut:
            return creneau
    if any(depart == debut for depart, _ in journee.candidats):
        return Raison.COMPLET
    if journee.raison is not None and journee.raison is not Raison.COMPLET:
        return journee.raison
    return Raison.HORS_GRILLE


def is_creneau(
    demande: Demande,
    debut: int,
    guichets: Sequence[GuichetRegle],
    ouvertures: OuverturesParJour,
    occupations: Occupations,
    fenetre: Fenetre,
    zone: ZoneInfo,
) -> bool:
    """True when ``find_creneau`` finds one."""
    return isinstance(find_creneau(demande, debut, guichets, ouvertures, occupations, fenetre, zone), Creneau)


def nearest(grille: Grille, debut: int, n: int) -> tuple[Creneau, ...]:
    """The ``n`` free créneaux closest in time to ``debut``, the closest first; the earlier of two equally close."""
    tous = [creneau for journee in grille.jours.values() for creneau in journee.creneaux]
    return tuple(sorted(tous, key=lambda creneau: (abs(creneau.debut - debut), creneau.debut))[: max(n, 0)])
