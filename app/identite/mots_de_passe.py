"""Which passwords are accepted: long enough, and not among those that are tried first [ASVS 5, 6.2].

zxcvbn judges by guesses, not by classes of characters: « a long sentence » is better than « P@ss1! ». It knows English
lists; the French words that everybody tries, and the agent's own names, are given to it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from zxcvbn import zxcvbn

from app.identite.comptes import MOT_DE_PASSE_MIN

#: Beyond this, argon2 and zxcvbn would only be given work.
MOT_DE_PASSE_MAX: Final = 200
#: zxcvbn's score: 3 is « safely unguessable », protected from an offline attack on a slow hash.
SCORE_MIN: Final = 3
#: Its cost grows with the length; what follows can only make a password harder.
_EXAMINES: Final = 72
#: What must be left once the agent's own words are taken out.
_RESTE_MIN: Final = 8
_SEPARATEURS: Final = re.compile(r"[\s@._-]+")
_COURANTS: Final = (
    *("motdepasse", "azerty", "azertyuiop", "qsdfghjklm", "bonjour", "soleil", "doudou", "loulou", "chouchou"),
    *("jetaime", "marseille", "bienvenue", "impots", "finances", "publiques", "tresor", "dgfip", "accueil"),
    *("rendezvous", "rendez-vous", "guichet", "paris", "france", "janvier", "printemps", "automne", "hiver"),
)


def judge_mot_de_passe(mot_de_passe: str, siens: Sequence[str]) -> str:
    """The French sentence against this password, or "" when it is accepted.

    ``siens``: the agent's own words (names, identifiant, address, service), never accepted as the bulk of a password.
    Tens of milliseconds of CPU: call it in a thread from a request.
    """
    if len(mot_de_passe) < MOT_DE_PASSE_MIN:
        return f"Le mot de passe compte au moins {MOT_DE_PASSE_MIN} caractères : une courte phrase convient."
    if len(mot_de_passe) > MOT_DE_PASSE_MAX:
        return f"Le mot de passe compte au plus {MOT_DE_PASSE_MAX} caractères."
    mots = {mot.lower() for texte in siens for mot in (texte, *_SEPARATEURS.split(texte)) if len(mot) >= 3}
    reste = mot_de_passe.lower()
    for mot in sorted(mots, key=len, reverse=True):
        reste = reste.replace(mot, "")
    resultat = zxcvbn(mot_de_passe[:_EXAMINES], user_inputs=[*mots, *_COURANTS])
    if len(reste) < _RESTE_MIN or resultat["score"] < SCORE_MIN:
        return "Ce mot de passe se devine trop facilement : évitez noms, dates et suites ; préférez plusieurs mots."
    return ""
