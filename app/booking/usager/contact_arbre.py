"""The cascade « vous êtes → votre demande concerne → au sujet de → plus précisément » [A1 §2]. Pure.

Rows of ``sujet_contact`` and what was ticked go in, questions come out: the same answer with or without scripts, and
every choice is in the address.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlencode

from app.booking.contexte import choose_langue

NATURES: Final = ("particulier", "professionnel")
#: Names of the groups below « vous êtes », one by level of the tree.
NIVEAUX: Final = ("s1", "s2", "s3")
URL: Final = "/contact"


@dataclass(frozen=True, slots=True)
class Sujet:
    """One active subject. ``motif_id``: the motif to book for, 0 when there is none; ``voie``: as in the table."""

    id: int
    code: str
    parent_id: int | None
    nature: str
    libelle: str
    libelle_en: str = ""
    faq_url: str = ""
    demarche_url: str = ""
    types_service: tuple[str, ...] = ()
    voie: str = ""
    motif_id: int = 0

    @property
    def intitule(self) -> str:
        """Its words in the language of the present answer."""
        return choose_langue(self.libelle, self.libelle_en)


@dataclass(frozen=True, slots=True)
class Groupe:
    """One question: the name of its radio buttons, the subjects offered, the code chosen (or "")."""

    nom: str
    sujets: tuple[Sujet, ...]
    choisi: str


@dataclass(frozen=True, slots=True)
class Cascade:
    """Where the choice stands. ``feuille`` is set once the subject is precise enough to say who answers."""

    nature: str
    groupes: tuple[Groupe, ...] = ()
    feuille: Sujet | None = None
    chaine: tuple[Sujet, ...] = ()

    @property
    def choix(self) -> dict[str, str]:
        """What the forms of the page carry: the answers that hold."""
        choisis = {groupe.nom: groupe.choisi for groupe in self.groupes if groupe.choisi}
        return {"nature": self.nature, **choisis} if self.nature else {}

    def url(self, **plus: str) -> str:
        """The address of the page with these answers, and these besides."""
        requete = urlencode({nom: valeur for nom, valeur in {**self.choix, **plus}.items() if valeur})
        return f"{URL}?{requete}" if requete else URL


def compute_cascade(sujets: Sequence[Sujet], donnees: Mapping[str, Any]) -> Cascade:
    """The questions to ask. An answer that does not fit the one before is forgotten, and with it those below.

    ``donnees``: a query; ``sujet``, the code of a subject, stands for all the answers that lead to it.
    """
    donnees = {**donnees, **expand_sujet(sujets, donnees.get("sujet"))}
    nature = next((connue for connue in NATURES if donnees.get("nature") == connue), "")
    if not nature:
        return Cascade("")
    groupes: list[Groupe] = []
    chaine: list[Sujet] = []
    offerts = tuple(s for s in sujets if s.nature == nature and s.parent_id is None)
    for nom in NIVEAUX:
        if not offerts:
            break
        choisi = next((s for s in offerts if s.code == donnees.get(nom)), None)
        groupes.append(Groupe(nom, offerts, choisi.code if choisi else ""))
        if choisi is None:
            return Cascade(nature, tuple(groupes), None, tuple(chaine))
        chaine.append(choisi)
        offerts = tuple(s for s in sujets if s.parent_id == choisi.id)
    feuille = chaine[-1] if chaine else None
    return Cascade(nature, tuple(groupes), feuille, tuple(chaine))


def expand_sujet(sujets: Sequence[Sujet], code: object) -> dict[str, str]:
    """The answers that lead to the subject of that code, none for an unknown one."""
    par_id = {s.id: s for s in sujets}
    courant = next((s for s in sujets if s.code == code), None)
    chaine: list[Sujet] = []
    while courant is not None and courant not in chaine:
        chaine.insert(0, courant)
        courant = par_id.get(courant.parent_id) if courant.parent_id is not None else None
    if not chaine:
        return {}
    return {"nature": chaine[0].nature, **{nom: s.code for nom, s in zip(NIVEAUX, chaine, strict=False)}}


def keep_reachable(sujets: Sequence[Sujet]) -> tuple[Sujet, ...]:
    """Without those of which a parent was taken out: nothing leads to them. A subject is of the nature of its top."""
    par_id = {s.id: s for s in sujets}

    def climb(sujet: Sujet) -> Sujet | None:
        courant, vus = sujet, {sujet.id}
        while courant.parent_id is not None:
            pere = par_id.get(courant.parent_id)
            if pere is None or pere.id in vus:
                return None
            vus.add(pere.id)
            courant = pere
        return courant

    sommets = ((s, climb(s)) for s in sujets)
    return tuple(replace(s, nature=sommet.nature) for s, sommet in sommets if sommet is not None)
