"""Step 1 of the journey: which motifs and types a usager may ask for, and where the choice stands [A1 §2].

Pure: a service's context and what was ticked go in, questions come out. The same answer is given to a browser with
or without scripts: each choice reveals the next question, and everything is in the URL.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from app.booking.contexte import MotifOffert, ServiceContexte
from app.domain.delegation import Delegation
from app.domain.guichets import Demande, find_eligibles
from app.domain.vocabulaire import Canal, TypeRdv

NATURES: Final = ("particulier", "professionnel")
#: Names of the form's groups, one by level of the tree [G 2.3.1].
NIVEAUX: Final = ("m1", "m2", "m3")


#: A delegation alive today, and the service that receives under it.
Voisin = tuple[Delegation, ServiceContexte]


@dataclass(frozen=True, slots=True)
class Noeud:
    """A motif that leads to at least one rendez-vous: by itself when it has no ``enfants``, else through them."""

    motif: MotifOffert
    enfants: tuple[Noeud, ...]
    types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Groupe:
    """One question: the name of its radio buttons, the motifs offered, the one chosen (or 0)."""

    nom: str
    noeuds: tuple[Noeud, ...]
    choisi: int


@dataclass(frozen=True, slots=True)
class Etape:
    """Where the choice stands. ``feuille`` is set once the motif is precise enough for a rendez-vous."""

    natures: tuple[str, ...]
    nature: str
    groupes: tuple[Groupe, ...]
    feuille: Noeud | None
    type_rdv: str


def find_types(contexte: ServiceContexte, motif: MotifOffert, canal: str = Canal.INTERNET.value) -> tuple[str, ...]:
    """The types that at least one open guichet offers by that channel for that motif; none when it is closed.

    A visio needs somewhere to meet: without the service's video address it is not offered.
    """
    if not motif.ouvert:
        return ()
    guichets = list(contexte.guichets.values())
    return tuple(
        str(type_rdv)
        for type_rdv in TypeRdv
        if (type_rdv is not TypeRdv.VISIO or contexte.visio_base)
        and find_eligibles(Demande(motif.id, type_rdv, canal, motif.duree, contexte.pas), guichets)[0]
    )


def find_types_chez(
    voisin: ServiceContexte, motif_id: int, delegation: Delegation, canal: str = Canal.INTERNET.value
) -> tuple[str, ...]:
    """The types that the other service offers under a delegation: what its guichets take, whatever motifs it opens."""
    if voisin.ferme or motif_id not in delegation.motifs or motif_id not in voisin.motifs:
        return ()
    duree, guichets = voisin.duree_pour(motif_id, delegation), list(voisin.guichets.values())
    return tuple(
        str(type_rdv)
        for type_rdv in TypeRdv
        if (type_rdv is not TypeRdv.VISIO or voisin.visio_base)
        and find_eligibles(Demande(motif_id, type_rdv, canal, duree, voisin.pas), guichets)[0]
    )


def find_types_partout(
    contexte: ServiceContexte, motif: MotifOffert, voisins: Sequence[Voisin], canal: str = Canal.INTERNET.value
) -> tuple[str, ...]:
    """The types offered here or under one of these delegations, in their usual order."""
    if not motif.actif:
        return ()
    offerts = set(find_types(contexte, motif, canal))
    for delegation, voisin in voisins:
        offerts.update(find_types_chez(voisin, motif.id, delegation, canal))
    return tuple(str(type_rdv) for type_rdv in TypeRdv if type_rdv in offerts)


def build_arbre(
    contexte: ServiceContexte, nature: str, voisins: Sequence[Voisin] = (), canal: str = Canal.INTERNET.value
) -> tuple[Noeud, ...]:
    """The motifs that a usager of that nature may choose, level by level, in the national order.

    With ``voisins``, those that the service entrusts to another are among them, even closed here.
    """
    enfants: dict[int | None, list[MotifOffert]] = {}
    for motif in contexte.motifs.values():
        if motif.public in (nature, "tous"):
            # A parent outside the service's catalogue would hide its children: they then stand at the top.
            parent = motif.parent_id if motif.parent_id in contexte.motifs else None
            enfants.setdefault(parent, []).append(motif)

    def grow(parent: int | None) -> Iterable[Noeud]:
        for motif in enfants.get(parent, ()):
            siens = tuple(grow(motif.id))
            types = () if siens else find_types_partout(contexte, motif, voisins, canal)
            if siens or types:
                yield Noeud(motif, siens, types)

    return tuple(grow(None))


def find_natures(
    contexte: ServiceContexte, voisins: Sequence[Voisin] = (), canal: str = Canal.INTERNET.value
) -> tuple[str, ...]:
    """Who may be received: the natures for which at least one motif is offered."""
    return tuple(nature for nature in NATURES if build_arbre(contexte, nature, voisins, canal))


def find_chaine(contexte: ServiceContexte, motif_id: int) -> tuple[int, ...]:
    """The motif and its ancestors in the service's catalogue, the highest first; empty for an unknown one."""
    chaine: list[int] = []
    courant: int | None = motif_id
    while courant in contexte.motifs and courant not in chaine:
        assert courant is not None
        chaine.insert(0, courant)
        courant = contexte.motifs[courant].parent_id
    return tuple(chaine)


def compute_etape(
    contexte: ServiceContexte,
    nature: str,
    choix: Mapping[str, int],
    type_rdv: str,
    voisins: Sequence[Voisin] = (),
    canal: str = Canal.INTERNET.value,
) -> Etape:
    """The questions to ask, given what is ticked (``choix``: group name → motif id). A choice that no longer fits its
    parent is forgotten, and with it everything below."""
    natures = find_natures(contexte, voisins, canal)
    if len(natures) == 1:
        nature = natures[0]
    elif nature not in natures:
        return Etape(natures, "", (), None, "")
    groupes: list[Groupe] = []
    feuille: Noeud | None = None
    noeuds = build_arbre(contexte, nature, voisins, canal)
    for nom in NIVEAUX:
        choisi = next((noeud for noeud in noeuds if noeud.motif.id == choix.get(nom)), None)
        groupes.append(Groupe(nom, noeuds, choisi.motif.id if choisi else 0))
        if choisi is None:
            break
        if not choisi.enfants:
            feuille = choisi
            break
        noeuds = choisi.enfants
    if feuille is not None and len(feuille.types) == 1:
        type_rdv = feuille.types[0]
    elif feuille is None or type_rdv not in feuille.types:
        type_rdv = ""
    return Etape(natures, nature, tuple(groupes), feuille, type_rdv)


def name_choix(chaine: Sequence[int]) -> dict[str, int]:
    """``find_chaine`` as the form's groups name it."""
    return dict(zip(NIVEAUX, chaine, strict=False))


def settle_nature(motif: MotifOffert, voulue: str) -> str:
    """The nature of who books: the motif's own public when it has one, else what was chosen, else a particulier."""
    if motif.public in NATURES:
        return motif.public
    return voulue if voulue in NATURES else NATURES[0]
