"""The form of a guichet: what it shows, what it sends. « Tous » is no restriction; ticking nothing is refused."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.admin.guichets.lecture import AgentLu, GuichetLu
from app.admin.guichets.mots import CANAUX, TYPES
from app.admin.saisie import Saisie
from app.booking.contexte import MotifOffert
from app.domain.guichets import GuichetRegle
from app.errors import SaisieInvalide
from app.web.securite import CHAMP_CSRF

NOM_MAX: Final = 60
TOUS, CHOIX = "tous", "choix"
#: Field of the radio buttons → field of the boxes, and what to do when none is ticked.
GROUPES: Final[Mapping[str, tuple[str, str]]] = {
    "motifs": ("motif", "Cochez au moins un motif, ou choisissez « Tous les motifs »."),
    "origines": ("origine", "Cochez au moins une origine, ou choisissez « Toutes les origines »."),
    "types": ("type", "Cochez au moins un type, ou choisissez « Tous les types »."),
}
_CHAMPS: Final = frozenset(
    {CHAMP_CSRF, "nom", "motifs", "motif", "origines", "origine", "types", "type", "agent", "ouvert", "revision", "vus"}
)


@dataclass(frozen=True, slots=True)
class Valeurs:
    """What a form asks for. ``None`` restricts nothing; ``agents`` are ids."""

    nom: str
    motifs: tuple[int, ...] | None
    canaux: tuple[str, ...] | None
    types: tuple[str, ...] | None
    agents: tuple[int, ...]
    ouvert: bool

    def apply(self, guichet_id: int, *, ouvert: bool) -> GuichetRegle:
        """The guichet as it would be."""
        return GuichetRegle(
            guichet_id,
            self.nom,
            ouvert,
            None if self.motifs is None else frozenset(self.motifs),
            None if self.canaux is None else frozenset(self.canaux),
            None if self.types is None else frozenset(self.types),
        )


def check_champs(saisie: Saisie, connus: frozenset[str] = _CHAMPS) -> None:
    """Refuse a form that brings anything else (``service_id``, ``ordre``…). Raises SaisieInvalide (422)."""
    if not set(saisie.donnees) <= connus:
        raise SaisieInvalide(
            "Cette demande contient une information inattendue : rien n’a été enregistré.",
            remede="Rouvrez la page puis recommencez.",
        )


def list_cochables(motifs: Mapping[int, MotifOffert], deja: Collection[int] = ()) -> list[int]:
    """The motifs that a restriction may name: those one books, never a mere heading.

    ``deja``: those that it names already, which stay even once withdrawn from the national catalogue.
    """
    titres = {motif.parent_id for motif in motifs.values() if motif.actif}
    return [m.id for m in motifs.values() if m.id in deja or (m.actif and (m.ouvert or m.id not in titres))]


def parse(
    saisie: Saisie, motifs: Mapping[int, MotifOffert], agents: Sequence[AgentLu], deja: Collection[int] | None = None
) -> Valeurs:
    """Read the form; ``deja``: the motifs that the guichet is restricted to. Refusals are kept in ``saisie``."""
    check_champs(saisie)
    choisis = _restriction(saisie, "motifs", [str(m) for m in list_cochables(motifs, deja or ())])
    affectes = saisie.cases("agent", [str(a.id) for a in agents])
    return Valeurs(
        nom=saisie.texte("nom", maximum=NOM_MAX, requis="Donnez un nom à ce guichet."),
        motifs=None if choisis is None else tuple(map(int, choisis)),
        canaux=_restriction(saisie, "origines", list(CANAUX)),
        types=_restriction(saisie, "types", list(TYPES)),
        agents=tuple(map(int, affectes)),
        ouvert=saisie.case("ouvert"),
    )


def _restriction(saisie: Saisie, groupe: str, permis: Sequence[str]) -> tuple[str, ...] | None:
    champ, manque = GROUPES[groupe]
    mode = saisie.choix(groupe, (TOUS, CHOIX), requis="Choisissez une des deux possibilités.")
    if mode != CHOIX:
        return None
    cochees = saisie.cases(champ, permis)
    if champ in saisie.erreurs:
        saisie.refuse(groupe, saisie.erreurs.pop(champ))
    elif not cochees:
        saisie.refuse(groupe, manque)
    return tuple(str(c) for c in cochees)


def fill(guichet: GuichetLu | None) -> dict[str, Any]:
    """What the form shows of a guichet as recorded; of a new one when None."""
    if guichet is None:
        vide: dict[str, Any] = {"nom": "", "agent": frozenset[str](), "ouvert": True}
        return vide | dict.fromkeys(GROUPES, TOUS) | {champ: frozenset[str]() for champ, _ in GROUPES.values()}
    regle = guichet.regle
    restrictions: dict[str, Iterable[Any] | None] = {
        "motifs": regle.motifs,
        "origines": regle.canaux,
        "types": regle.types,
    }
    valeurs: dict[str, Any] = {
        "nom": regle.nom,
        "agent": frozenset(str(agent.id) for agent in guichet.agents),
        "ouvert": regle.ouvert,
    }
    for groupe, choisis in restrictions.items():
        valeurs[groupe] = TOUS if choisis is None else CHOIX
        valeurs[GROUPES[groupe][0]] = frozenset(str(c) for c in choisis or ())
    return valeurs


def refill(saisie: Saisie) -> dict[str, Any]:
    """What was typed, as it was."""
    valeurs: dict[str, Any] = {"nom": saisie.brut("nom"), "ouvert": saisie.case("ouvert")}
    for champ in ("agent", *(champ for champ, _ in GROUPES.values())):
        valeurs[champ] = frozenset(saisie.donnees.get(champ, ()))
    return valeurs | {groupe: saisie.brut(groupe) or TOUS for groupe in GROUPES}


def build_arbre(motifs: Mapping[int, MotifOffert], coches: frozenset[str]) -> list[dict[str, Any]]:
    """The motifs as a tree of boxes. A heading has a box of its own only when the service lets it be booked as such.

    Motifs withdrawn from the national catalogue are shown only where they are ticked.
    """
    enfants: dict[int | None, list[MotifOffert]] = {}
    for motif in motifs.values():
        if motif.actif or str(motif.id) in coches:
            parent = motif.parent_id if motif.parent_id in motifs else None
            enfants.setdefault(parent, []).append(motif)

    def grow(parent: int | None) -> list[dict[str, Any]]:
        branche: list[dict[str, Any]] = []
        for motif in enfants.get(parent, ()):
            siens = grow(motif.id)
            branche.append(
                {
                    "id": motif.id,
                    "libelle": motif.libelle,
                    "etat": "" if motif.ouvert else "fermé" if motif.actif else "retiré du catalogue",
                    "coche": str(motif.id) in coches,
                    "cochable": not siens or motif.ouvert or str(motif.id) in coches,
                    "enfants": siens,
                }
            )
        return branche

    return grow(None)
