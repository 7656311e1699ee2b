"""What a guichet takes, and what a change takes away, in the words of the chef de service."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.admin.guichets.lecture import AgentLu
from app.booking.contexte import MotifOffert, ServiceContexte
from app.domain.couverture import Perte
from app.domain.guichets import GuichetRegle
from app.domain.vocabulaire import Canal, TypeRdv

CANAUX: Final[Mapping[str, str]] = {
    Canal.INTERNET: "Usagers sur internet",
    Canal.EXTERIEUR: "Agents extérieurs",
    Canal.RATTACHE: "Agents du service",
}
TYPES: Final[Mapping[str, str]] = {
    TypeRdv.GUICHET: "Au guichet",
    TypeRdv.TELEPHONE: "Par téléphone",
    TypeRdv.VISIO: "En visio",
}
#: Fields of a guichet compared when two people change it: what the page calls them.
LIBELLES: Final[Mapping[str, str]] = {
    "nom": "Nom",
    "motifs": "Motifs",
    "origines": "Origines",
    "types": "Types",
    "agents": "Agents affectés",
}
_CITES: Final = 3


def join_mots(mots: Sequence[str], cites: int = _CITES) -> str:
    """« a, b et c », « a, b, c et 4 autres »."""
    if len(mots) > cites + 1:
        return f"{', '.join(mots[:cites])} et {len(mots) - cites} autres"
    return " et ".join(filter(None, (", ".join(mots[:-1]), mots[-1] if mots else "")))


def describe_motifs(motifs: Collection[int] | None, offerts: Mapping[int, MotifOffert], cites: int = _CITES) -> str:
    """« Tous », « Aucun », « Déclaration et Paiement »."""
    if motifs is None:
        return "Tous"
    return join_mots([m.libelle for m in offerts.values() if m.id in motifs], cites) or "Aucun"


def describe_choix(choisis: Collection[str] | None, mots: Mapping[str, str], tous: str, aucun: str) -> str:
    """The words of a closed list, ``tous`` without restriction, ``aucun`` when nothing is let in."""
    if choisis is None:
        return tous
    retenus = join_mots([mot for cle, mot in mots.items() if cle in choisis])
    return retenus[:1] + retenus[1:].lower() if retenus else aucun


@dataclass(frozen=True, slots=True)
class Resume:
    """What a guichet takes. ``effets``: what follows, one sentence each; nothing when it takes everything."""

    motifs: str
    origines: str
    types: str
    effets: tuple[str, ...]


def describe_guichet(guichet: GuichetRegle, contexte: ServiceContexte) -> Resume:
    """The restrictions of a guichet and their effect."""
    return Resume(
        describe_motifs(guichet.motifs, contexte.motifs),
        describe_choix(guichet.canaux, CANAUX, "Toutes", "Aucune"),
        describe_choix(guichet.types, TYPES, "Tous", "Aucun"),
        tuple(_effets(guichet, contexte)),
    )


def _effets(guichet: GuichetRegle, contexte: ServiceContexte) -> Iterable[str]:
    if not guichet.ouvert:
        yield "Fermé : aucun rendez-vous ne peut y être pris."
        return
    ouverts = [m for m in contexte.motifs.values() if m.ouvert and guichet.accepts_motif(m.id)]
    if not (any(map(guichet.accepts_canal, Canal)) and any(map(guichet.accepts_type, TypeRdv)) and ouverts):
        yield "Rien ne peut y être pris : une de ses restrictions ne laisse rien passer."
        return
    if not guichet.accepts_canal(Canal.INTERNET):
        yield "Les usagers ne peuvent pas y réserver en ligne."
    if not guichet.accepts_canal(Canal.RATTACHE):
        yield "Les agents du service ne peuvent pas y prendre de rendez-vous."


def describe_pertes(pertes: Iterable[Perte], contexte: ServiceContexte) -> list[str]:
    """One sentence for the motifs that lose the same thing; what the service does not offer is not lost."""
    groupes: dict[tuple[bool, frozenset[str], frozenset[str]], list[str]] = {}
    for perte in pertes:
        types = perte.types if contexte.visio_base else perte.types - {TypeRdv.VISIO}
        if perte.nulle_part or perte.canaux or types:
            cle = (perte.nulle_part, perte.canaux, types)
            groupes.setdefault(cle, []).append(f"« {contexte.motifs[perte.motif_id].libelle} »")
    return [_phrase_perte(libelles, *cle) for cle, libelles in groupes.items()]


def _phrase_perte(libelles: Sequence[str], nulle_part: bool, canaux: frozenset[str], types: frozenset[str]) -> str:
    sujet, pluriel = join_mots(libelles, 5), len(libelles) > 1
    if nulle_part:
        return f"{sujet} : plus aucun guichet ouvert ne {'les' if pluriel else 'le'} prendrait."
    morceaux = []
    if canaux:
        morceaux.append(f"réservable{'s' if pluriel else ''} par : {describe_choix(canaux, CANAUX, '', '').lower()}")
    if types:
        morceaux.append(f"proposé{'s' if pluriel else ''} : {describe_choix(types, TYPES, '', '').lower()}")
    return f"{sujet} : plus {' ; plus '.join(morceaux)}."


def build_faits(guichet: GuichetRegle, agents: Iterable[AgentLu], contexte: ServiceContexte) -> dict[str, Any]:
    """A guichet in words, for its history and for two versions side by side (keys of ``LIBELLES``)."""
    resume = describe_guichet(guichet, contexte)
    return {
        "nom": guichet.nom,
        "motifs": describe_motifs(guichet.motifs, contexte.motifs, 100),
        "origines": resume.origines,
        "types": resume.types,
        "agents": ", ".join(agent.identifiant for agent in agents) or "Aucun",
    }
