"""The export of a directory of agents, read line by line: what it says, and what is refused of it [G 2.2.2].

One line is one habilitation; an account may have several. An account with one refused line is left as it is, whole:
half of what a directory says of somebody is not what it says.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from app.admin.comptes.droits import Endroit
from app.admin.comptes.importation_lieux import Lieux
from app.booking.textes import TexteInvalide, clean_text
from app.domain.attribution import Genre
from app.domain.habilitations import Profil
from app.errors import SaisieInvalide
from app.identite.comptes import IDENTIFIANT, parse_courriel

COLONNES: Final = ("identifiant", "nom", "prenom", "courriel", "profil", "perimetre", "rattachements")
_TAILLE_MAX: Final = 64 * 1024 * 1024
_SEPARATEUR: Final = re.compile(r"[\s,|]+")

#: A habilitation as a set can hold it: profile, perimeter, service, département, interregion.
Cle = tuple[str, str, int | None, str | None, int | None]


@dataclass(slots=True)
class AgentLu:
    """What the file says of one account, over one or several lines."""

    ligne: int
    valeurs: dict[str, str]
    habilitations: set[Cle] = field(default_factory=set)
    services: set[int] = field(default_factory=set)


@dataclass(slots=True)
class Rapport:
    """What was done. ``refus``: (line, sentence), the first line being 2 (1 is the header)."""

    lignes: int = 0
    crees: int = 0
    modifies: int = 0
    inchanges: int = 0
    suspendus: int = 0
    reactives: int = 0
    invites: int = 0
    refus: list[tuple[int, str]] = field(default_factory=list)


def read_file(chemin: Path) -> list[tuple[int, dict[str, str]]]:
    """(line number, fields) of each line; ``;`` or ``,`` between fields, UTF-8 with or without its mark.

    Raises SaisieInvalide when it is not such a file.
    """
    if chemin.stat().st_size > _TAILLE_MAX:
        raise SaisieInvalide("Ce fichier dépasse 64 Mio.")
    try:
        texte = chemin.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as erreur:
        raise SaisieInvalide("Ce fichier n’est pas en UTF-8.") from erreur
    tete = texte.partition("\n")[0]
    lecteur = csv.DictReader(texte.splitlines(), delimiter=";" if ";" in tete else ",")
    manquantes = [nom for nom in COLONNES if nom not in (lecteur.fieldnames or ())]
    if manquantes:
        raise SaisieInvalide(f"Colonnes attendues : {', '.join(COLONNES)}. Manquent : {', '.join(manquantes)}.")
    try:
        return [
            (numero, {nom: (brut.get(nom) or "").strip() for nom in COLONNES}) for numero, brut in enumerate(lecteur, 2)
        ]
    except csv.Error as erreur:
        raise SaisieInvalide(f"Ce fichier ne se lit pas comme un tableau : {erreur}.") from erreur


@dataclass(slots=True)
class Lecture:
    """The file understood: the accounts to apply, and those named by a refused line, left alone."""

    agents: dict[str, AgentLu] = field(default_factory=dict)
    ecartes: set[str] = field(default_factory=set)


def parse_lignes(lignes: Iterable[tuple[int, Mapping[str, str]]], lieux: Lieux, rapport: Rapport) -> Lecture:
    """The accounts of the file by identifiant; wrong lines go to the report."""
    lecture = Lecture()
    adresses: dict[str, str] = {}
    for numero, brut in lignes:
        rapport.lignes += 1
        try:
            identifiant, valeurs, cle, services = _parse(brut, lieux)
            if adresses.setdefault(valeurs["courriel"].lower(), identifiant) != identifiant:
                raise ValueError("un autre compte du fichier porte cette adresse de courriel")
            lu = lecture.agents.setdefault(identifiant, AgentLu(numero, valeurs))
            if lu.valeurs != valeurs:
                raise ValueError(f"nom, prénom ou courriel diffèrent de ceux de la ligne {lu.ligne}")
        except ValueError as refus:
            rapport.refus.append((numero, str(refus)))
            lecture.ecartes.add(brut["identifiant"].lower())
            continue
        lu.habilitations.add(cle)
        lu.services |= services
    for identifiant in lecture.ecartes & lecture.agents.keys():
        numero = lecture.agents.pop(identifiant).ligne
        rapport.refus.append((numero, "une autre ligne de ce compte est refusée : il reste comme il est"))
    return lecture


def _parse(brut: Mapping[str, str], lieux: Lieux) -> tuple[str, dict[str, str], Cle, set[int]]:
    """Raises ValueError with a French sentence."""
    identifiant = brut["identifiant"].lower()
    if not IDENTIFIANT.fullmatch(identifiant):
        raise ValueError("identifiant absent ou mal formé")
    try:
        valeurs = {nom: clean_text(brut[nom], maximum=120) for nom in ("nom", "prenom")}
    except TexteInvalide as refus:
        raise ValueError(f"nom ou prénom : {refus}") from refus
    if not valeurs["nom"]:
        raise ValueError("nom absent")
    courriel = parse_courriel(brut["courriel"])
    if courriel is None:
        raise ValueError("courriel absent ou mal formé")
    if brut["profil"] not in set(Profil):
        raise ValueError(f"profil inconnu : {brut['profil'][:40]!r} (attendus : {', '.join(Profil)})")
    endroit = lieux.find(brut["perimetre"])
    if endroit is None:
        raise ValueError(f"périmètre inconnu : {brut['perimetre'][:60]!r}")
    if brut["profil"] == Profil.ADMIN_NATIONAL and endroit.lieu.genre is not Genre.NATION:
        raise ValueError("un administrateur national l’est sur toute la nation")
    services: set[int] = set()
    for sages in filter(None, _SEPARATEUR.split(brut["rattachements"])):
        trouve = lieux.services.get(sages)
        if trouve is None:
            raise ValueError(f"service de rattachement inconnu : {sages[:20]!r}")
        services.add(int(trouve.lieu.cle))
    return identifiant, {**valeurs, "courriel": courriel}, _cle(brut["profil"], endroit), services


def _cle(profil: str, endroit: Endroit) -> Cle:
    colonnes = endroit.colonnes
    return (profil, colonnes["perimetre"], colonnes["service_id"], colonnes["departement"], colonnes["interregion_id"])
