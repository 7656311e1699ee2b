"""The forms of an account, read: who he is, which profile over which place."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.admin.comptes.droits import TOUTE_LA_NATION, Endroit, find_departement, find_interregion, find_service
from app.admin.saisie import Saisie
from app.domain.attribution import Genre
from app.domain.habilitations import Profil
from app.errors import SaisieInvalide
from app.identite.comptes import IDENTIFIANT, parse_courriel
from app.tables import Agent

#: What the form of every act on an account sends besides its fields.
_COMMUNS: Final = frozenset({"_csrf", "revision", "confirme"})
#: Fields of the form of a new account, and of the coming of one that exists.
CHAMPS_NOUVEAU: Final = frozenset(
    {
        "_csrf",
        "prenom",
        "nom",
        "courriel",
        "identifiant",
        "profil",
        "perimetre",
        "lieu",
        "sages",
        "rattacher",
        "inviter",
    }
)
CHAMPS_VENUE: Final = frozenset({"_csrf", "identifiant", "profil", "rattacher"})
_SAGES: Final = re.compile(r"\d{7}")
_ENTIER: Final = re.compile(r"[1-9]\d{0,17}")


def check_champs(saisie: Saisie, permis: Collection[str]) -> None:
    """Raise SaisieInvalide when the form sends a field that it does not have."""
    inconnus = sorted(set(saisie.donnees) - set(permis))
    if inconnus:
        raise SaisieInvalide(champs=dict.fromkeys(inconnus, "Ce champ n’est pas attendu ici."))


def read_acte(saisie: Saisie, champs: Collection[str]) -> int:
    """The revision that the form of an act showed. Raises SaisieInvalide: none, or an unknown field."""
    check_champs(saisie, _COMMUNS | set(champs))
    vue = saisie.revision(requis="Rouvrez la page : ce formulaire ne dit pas quelle version du compte il montrait.")
    saisie.check()
    return vue or 0


def read_identite(saisie: Saisie) -> dict[str, str]:
    """``nom``, ``prenom`` and ``courriel`` of the form; the sentences stay in ``saisie``."""
    valeurs = {
        "nom": saisie.texte("nom", maximum=120, requis="Indiquez le nom."),
        "prenom": saisie.texte("prenom", maximum=120, requis="Indiquez le prénom."),
    }
    courriel = parse_courriel(saisie.brut("courriel")[:320])
    if courriel is None:
        saisie.refuse("courriel", "Indiquez une adresse de courriel, par exemple prenom.nom@dgfip.finances.gouv.fr.")
    return {**valeurs, "courriel": courriel or ""}


def read_identifiant(saisie: Saisie) -> str:
    """The name of the account at sign-in, in lower case."""
    identifiant = saisie.brut("identifiant").strip().lower()
    if not IDENTIFIANT.fullmatch(identifiant):
        saisie.refuse("identifiant", "De 2 à 100 lettres sans accent, chiffres, points ou tirets.")
    return identifiant


async def check_courriel(conn: AsyncConnection, saisie: Saisie, courriel: str, *, sauf: int = 0) -> None:
    """Refuse an address that another account already bears: one person has one account."""
    requete = select(Agent.identifiant).where(func.lower(Agent.courriel) == courriel.lower(), Agent.id != sauf)
    autre = (await conn.execute(requete.limit(1))).scalar_one_or_none() if courriel else None
    if autre is not None:
        saisie.refuse("courriel", f"Le compte « {autre} » porte déjà cette adresse.")


def read_profil(saisie: Saisie) -> Profil:
    """The profile chosen. Raises SaisieInvalide."""
    profil = saisie.choix("profil", list(Profil), requis="Choisissez un profil.")
    saisie.check()
    return Profil(profil)


async def read_endroit(conn: AsyncConnection, saisie: Saisie) -> Endroit:
    """The perimeter chosen: ``service:12`` as lists give it, or a kind with a ``lieu`` typed. Raises SaisieInvalide."""
    genre, _, cle = saisie.brut("perimetre").partition(":")
    champ = "perimetre" if cle else "lieu"
    tape = cle or " ".join(saisie.brut("lieu").split())
    trouve: Endroit | None = None
    match genre:
        case Genre.NATION:
            return TOUTE_LA_NATION
        case Genre.SERVICE:
            trouve = await _service(conn, cle, tape)
            phrase = "Indiquez le numéro SAGES d’un service : 7 chiffres."
        case Genre.DEPARTEMENT:
            trouve = await find_departement(conn, tape.upper()[:3])
            phrase = "Indiquez le code d’un département, par exemple 58 ou 2A."
        case Genre.INTERREGION:
            trouve = await _interregion(conn, cle, tape)
            phrase = "Indiquez le nom d’une interrégion, tel qu’il est proposé."
        case _:
            raise SaisieInvalide(champs={"perimetre": "Choisissez un périmètre."})
    if trouve is None:
        raise SaisieInvalide(champs={champ: phrase})
    return trouve


async def read_service(conn: AsyncConnection, saisie: Saisie) -> Endroit:
    """The service to which to attach: ``service`` (an id) or ``sages``. Raises SaisieInvalide."""
    trouve = await _service(conn, saisie.brut("service"), saisie.brut("sages").strip())
    if trouve is None:
        raise SaisieInvalide(champs={"sages": "Indiquez le numéro SAGES d’un service : 7 chiffres."})
    return trouve


async def _service(conn: AsyncConnection, ident: str, sages: str) -> Endroit | None:
    if _ENTIER.fullmatch(ident):
        return await find_service(conn, ident=int(ident))
    return await find_service(conn, sages=sages) if _SAGES.fullmatch(sages) else None


async def _interregion(conn: AsyncConnection, ident: str, nom: str) -> Endroit | None:
    if _ENTIER.fullmatch(ident):
        return await find_interregion(conn, ident=int(ident))
    return await find_interregion(conn, nom=nom) if nom.isprintable() else None


def hidden_fields(saisie: Saisie) -> list[tuple[str, Any]]:
    """What was sent, to be sent again by a confirmation; the token and the confirmation itself left out."""
    return [
        (cle, valeur)
        for cle, valeurs in saisie.donnees.items()
        if cle not in ("_csrf", "confirme")
        for valeur in valeurs
    ]
