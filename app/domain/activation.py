"""Is a service ready to open its online booking? What is missing, what deserves thought, and why [C §5, §6].

Two stages: the software serves agents as soon as a service is organised; usagers come only after the national date, to
services that have activated their opening. Pure: facts go in, the list that the screen shows comes out.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Final

from app.domain.codique import Defaut, Structure, explain_codique

#: What a motif covers, in the words of the screens.
_NATURES: Final = {"assiette": "d’assiette", "recouvrement": "de recouvrement"}


class Etat(StrEnum):
    """``MANQUE`` blocks; ``AVERTISSEMENT`` is read and acknowledged; ``OK`` is done."""

    OK = "ok"
    MANQUE = "manque"
    AVERTISSEMENT = "avertissement"


@dataclass(frozen=True, slots=True)
class Point:
    """One line of the list. ``pourquoi``: what it changes for the usager; ``partie``: where it is set right, or ""."""

    cle: str
    etat: Etat
    phrase: str
    pourquoi: str
    partie: str = ""


@dataclass(frozen=True, slots=True)
class Faits:
    """What is looked at. ``natures_possibles``: of the catalogue; ``natures_ouvertes``: of what internet can book.

    ``guichets_internet``: open ones that take the internet. ``premiere_plage``: within the horizon of the internet.
    ``premier_creneau``: in words. ``homonymes``: labels of the other services with the same CODIQUE.
    """

    structure: Structure
    homonymes: Sequence[str] = ()
    ferme: bool = False
    guichets_internet: int = 0
    premiere_plage: date | None = None
    horizon_jours: int = 30
    motifs_reservables: int = 0
    motifs_sans_guichet: int = 0
    natures_possibles: Collection[str] = field(default_factory=frozenset)
    natures_ouvertes: Collection[str] = field(default_factory=frozenset)
    adresse: bool = True
    telephone: bool = True
    courriel: bool = True
    agents: int = 0
    premier_creneau: str = ""


def explain_activation(faits: Faits) -> tuple[Point, ...]:
    """Every line, in the order of a first configuration."""
    points = (
        *_identite(faits),
        *_joindre(faits),
        _guichets(faits),
        _plages(faits),
        *_motifs(faits),
        _agents(faits),
        _creneau(faits),
    )
    return tuple(point for point in points if point is not None)


def list_manques(points: Sequence[Point]) -> tuple[Point, ...]:
    """What blocks."""
    return tuple(point for point in points if point.etat is Etat.MANQUE)


def list_avertissements(points: Sequence[Point]) -> tuple[Point, ...]:
    """What has to be acknowledged."""
    return tuple(point for point in points if point.etat is Etat.AVERTISSEMENT)


def _identite(faits: Faits) -> list[Point]:
    if faits.ferme:
        return [
            Point(
                "service",
                Etat.MANQUE,
                "Le service est fermé définitivement.",
                "Un service fermé ne reçoit plus de rendez-vous, par aucun moyen.",
                "fiche",
            )
        ]
    points = [
        Point(
            defaut.code,
            Etat.MANQUE if defaut.bloquant else Etat.AVERTISSEMENT,
            defaut.phrase,
            "L’usager est orienté vers le service par ses codes : ils disent ce qu’il peut y demander.",
            "motifs" if _is_couverture(defaut) else "fiche",
        )
        for defaut in explain_codique(faits.structure, faits.homonymes)
    ]
    if any(point.partie == "fiche" for point in points):
        return points
    codique = f", associé au CODIQUE {faits.structure.codique}" if faits.structure.codique else ""
    phrase = f"Le SAGES est {faits.structure.sages}{codique}."
    return [Point("sages", Etat.OK, phrase, "L’usager est orienté vers le service par ses codes.", "fiche"), *points]


def _is_couverture(defaut: Defaut) -> bool:
    """The SIP's motifs do not cover what they should; else it is about the codes themselves."""
    return defaut.code.startswith(tuple(_NATURES))


def _joindre(faits: Faits) -> list[Point]:
    points = []
    if not faits.adresse:
        points.append(
            Point(
                "adresse",
                Etat.MANQUE,
                "L’adresse du service est incomplète.",
                "La confirmation dit à l’usager où se rendre.",
                "fiche",
            )
        )
    manquants = [mot for mot, la in (("le téléphone", faits.telephone), ("le courriel", faits.courriel)) if not la]
    if len(manquants) == 2:
        points.append(
            Point(
                "contact",
                Etat.MANQUE,
                "Il n’y a ni téléphone ni courriel.",
                "En cas d’empêchement, l’usager doit pouvoir prévenir le service.",
                "fiche",
            )
        )
    elif manquants:
        points.append(
            Point(
                "contact",
                Etat.AVERTISSEMENT,
                f"Il manque {manquants[0]} du service.",
                "L’usager empêché n’aura qu’un moyen de prévenir.",
                "fiche",
            )
        )
    if not points:
        points.append(
            Point(
                "contact",
                Etat.OK,
                "L’adresse, le téléphone et le courriel sont renseignés.",
                "L’usager sait où aller et qui prévenir.",
                "fiche",
            )
        )
    return points


def _guichets(faits: Faits) -> Point:
    pourquoi = "Sans guichet ouvert à internet, le bouton « Prendre rendez-vous » n’apparaît pas."
    nombre = faits.guichets_internet
    if not nombre:
        return Point("guichets", Etat.MANQUE, "Aucun guichet ouvert n’accepte internet.", pourquoi, "guichets")
    pluriel = "s" if nombre > 1 else ""
    verbe = "acceptent" if nombre > 1 else "accepte"
    return Point(
        "guichets", Etat.OK, f"{nombre}\u00a0guichet{pluriel} ouvert{pluriel} {verbe} internet.", pourquoi, "guichets"
    )


def _plages(faits: Faits) -> Point:
    pourquoi = "Les créneaux proposés viennent des plages ouvertes par les plannings."
    if faits.premiere_plage is None:
        phrase = f"Aucune plage n’est ouverte dans les {faits.horizon_jours}\u00a0jours que voient les usagers."
        return Point("plages", Etat.MANQUE, phrase, pourquoi, "plannings")
    return Point("plages", Etat.OK, f"La première plage est le {faits.premiere_plage:%d/%m/%Y}.", pourquoi, "plannings")


def _motifs(faits: Faits) -> list[Point]:
    pourquoi = "L’usager ne peut demander que ce que le service a ouvert et qu’un guichet prend."
    if not faits.motifs_reservables:
        return [Point("motifs", Etat.MANQUE, "Aucun motif ouvert n’est réservable par internet.", pourquoi, "motifs")]
    nombre = faits.motifs_reservables
    pluriel = "s" if nombre > 1 else ""
    sont = "sont" if nombre > 1 else "est"
    points = [
        Point(
            "motifs",
            Etat.OK,
            f"{nombre}\u00a0motif{pluriel} {sont} réservable{pluriel} par internet.",
            pourquoi,
            "motifs",
        )
    ]
    if faits.motifs_sans_guichet:
        combien = faits.motifs_sans_guichet
        sujet = "motifs ouverts ne sont pris" if combien > 1 else "motif ouvert n’est pris"
        points.append(
            Point(
                "motifs-sans-guichet",
                Etat.AVERTISSEMENT,
                f"{combien}\u00a0{sujet} par aucun guichet.",
                "Personne ne peut les réserver, pas même un agent.",
                "motifs",
            )
        )
    deja = {d.code for d in explain_codique(faits.structure, faits.homonymes) if _is_couverture(d)}
    for nature, mots in _NATURES.items():
        possible = nature in faits.natures_possibles or "mixte" in faits.natures_possibles
        couverte = nature in faits.natures_ouvertes or "mixte" in faits.natures_ouvertes
        if possible and not couverte and not any(code.startswith(nature) for code in deja):
            points.append(
                Point(
                    f"sans-{nature}",
                    Etat.AVERTISSEMENT,
                    f"Aucun motif {mots} n’est ouvert aux usagers.",
                    "Un usager qui vient pour cela ne trouvera pas de rendez-vous en ligne.",
                    "motifs",
                )
            )
    return points


def _agents(faits: Faits) -> Point:
    pourquoi = "Un agent rattaché marque les arrivées et reçoit les usagers."
    if not faits.agents:
        return Point("agents", Etat.MANQUE, "Aucun agent rattaché ne peut recevoir.", pourquoi, "agents")
    pluriel = "s" if faits.agents > 1 else ""
    verbe = "peuvent" if faits.agents > 1 else "peut"
    return Point(
        "agents",
        Etat.OK,
        f"{faits.agents}\u00a0agent{pluriel} rattaché{pluriel} {verbe} recevoir.",
        pourquoi,
        "agents",
    )


def _creneau(faits: Faits) -> Point | None:
    pourquoi = "C’est ce que verra le premier usager."
    if faits.premier_creneau:
        phrase = f"Le premier créneau libre est {faits.premier_creneau}."
        return Point("creneau", Etat.OK, phrase, pourquoi, "expliquer")
    if not faits.motifs_reservables or faits.premiere_plage is None:
        return None  # already said, and nothing to acknowledge
    return Point(
        "creneau",
        Etat.AVERTISSEMENT,
        "Aucun créneau n’est libre pour les usagers : tout est complet, ou trop court.",
        "L’usager verra un calendrier sans une seule heure à choisir.",
        "expliquer",
    )
