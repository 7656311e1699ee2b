"""What a usager typed in step 3, kept as typed whatever happens, and what it means once checked [A1 §2]."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from app.booking.forms import CHAMPS_PARTICULIER, CHAMPS_PROFESSIONNEL, UsagerSaisi, parse_precision, parse_usager
from app.booking.usager.cle import is_cle
from app.booking.usager.demande import read_debut
from app.booking.usager.identite_connue import CHAMP as IDENTIFIE
from app.errors import SaisieInvalide

#: In the order in which people read the page.
CHAMPS: Final = (
    *CHAMPS_PARTICULIER,
    *CHAMPS_PROFESSIONNEL,
    "telephone1",
    "telephone2",
    "preference_appel",
    "courriel",
    "precision",
)
_ILLISIBLE: Final = "Ce texte contient un caractère invisible ou interdit : retapez-le au clavier."
_SANS_CLE: Final = "Cette page était incomplète : vérifiez votre saisie puis validez de nouveau."


#: What an agent who books for somebody also says: how the demand arrived; that a RDV already held was seen.
CHAMPS_AGENT: Final = ("origine", "deja_vu")
#: How a demand reaches an agent [G 2.3.6].
ORIGINES: Final = ("telephone", "guichet", "courriel")


def read_saisie(donnees: Mapping[str, Any]) -> dict[str, str]:
    """Every field as typed; absent ones are "". What no page could display is replaced (lone surrogates)."""
    saisie: dict[str, str] = {}
    for champ in (*CHAMPS, *CHAMPS_AGENT, IDENTIFIE):
        valeur = donnees.get(champ)
        saisie[champ] = valeur.encode("utf-8", "replace").decode() if isinstance(valeur, str) else ""
    return saisie


@dataclass(frozen=True, slots=True)
class Lue:
    """A form, read. ``debut`` is None when it is no instant; ``erreurs`` go beside fields, ``phrases`` to no field."""

    saisie: dict[str, str]
    usager: UsagerSaisi
    precision: str
    cle: str
    debut: int | None
    erreurs: dict[str, str]
    phrases: tuple[str, ...]
    origine: str = "internet"

    @property
    def valide(self) -> bool:
        """True when nothing has to be corrected."""
        return not self.erreurs and not self.phrases


def read_formulaire(
    donnees: Mapping[str, Any],
    *,
    nature: str,
    departement: str,
    aujourdhui: date,
    par_agent: bool = False,
    change: str = "",
) -> Lue:
    """Read and check everything at once; never raises. ``par_agent``: an agent writes for somebody.

    ``change``: what to check first, somebody else being signed in than when the page was written.
    """
    saisie = read_saisie(donnees)
    # Bytes that are not text (a lone surrogate) arrive as U+FFFD, which nobody types.
    illisibles = {champ: _ILLISIBLE for champ, valeur in saisie.items() if "\ufffd" in valeur}
    usager, erreurs = parse_usager(
        {**saisie, "nature": nature}, departement=departement, aujourdhui=aujourdhui, par_agent=par_agent
    )
    precision = parse_precision(saisie, erreurs, par_agent=par_agent)
    if par_agent and saisie["origine"] not in ORIGINES:
        erreurs["origine"] = "Indiquez comment la demande est arrivée."
    erreurs.update(illisibles)
    if change:
        erreurs["identite"] = change
    phrases: list[str] = []
    debut: int | None = None
    try:
        # After a loss the page has a list of every hour, with a button of its own, beside the buttons of the nearest.
        debut = read_debut(donnees.get("autre_debut" if donnees.get("choix") == "autre" else "debut"))
    except SaisieInvalide as refus:
        phrases.append(refus.phrase)
    cle = donnees.get("cle")
    if not isinstance(cle, str) or not is_cle(cle):
        cle = ""
        phrases.append(_SANS_CLE)
    origine = saisie["origine"] if par_agent else "internet"
    return Lue(saisie, usager, precision, cle, debut, _in_order(erreurs), tuple(phrases), origine)


def _in_order(erreurs: Mapping[str, str]) -> dict[str, str]:
    """The errors in the order of the fields on the page: the summary reads from top to bottom."""
    rang = {champ: position for position, champ in enumerate(("identite", *CHAMPS, *CHAMPS_AGENT))}
    return dict(sorted(erreurs.items(), key=lambda paire: rang.get(paire[0], len(rang))))
