"""The four ways to look for a service [A1 §3.3]: what was typed, understood, and said again above the results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from app.booking.textes import TexteInvalide, clean_text, to_recherche

ADRESSE, DGE, DRESG, CODE = "adresse", "dge", "dresg", "code"
ONGLETS: Final[Mapping[str, str]] = {
    ADRESSE: "Recherche par adresse en France",
    DGE: "Professionnels gérés par la DGE",
    DRESG: "Services des résidents à l’étranger (DRESG)",
    CODE: "Recherche par SAGES ou CODIQUE",
}
#: Choice → label, and the kinds of service it keeps: families, and types of another family that do the same.
TYPES: Final[Mapping[str, tuple[str, tuple[str, ...], tuple[str, ...]]]] = {
    "tous": ("Tous", (), ()),
    "sip": ("SIP", ("SIP",), ()),
    "sip-cdif": ("SIP ou CDIF", ("SIP", "CDIF"), ()),
    "sie": ("SIE", ("SIE",), ()),
    "cdif": ("CDIF", ("CDIF",), ("SIP_CDIF",)),
    "tresorerie": ("Trésorerie", ("TRESORERIE",), ()),
}
CHAMPS: Final = ("voie", "localite", "code_postal", "insee", "type", "code")


@dataclass(frozen=True, slots=True)
class Criteres:
    """One search. ``insee``: the commune, once it was chosen among several; ``voie`` never goes in an address."""

    mode: str
    voie: str = ""
    localite: str = ""
    code_postal: str = ""
    insee: str = ""
    type: str = "tous"
    code: str = ""

    @property
    def familles(self) -> tuple[str, ...]:
        """The families of services looked for; none: all those that an address finds."""
        return {DGE: ("DGE",), DRESG: ("DRESG",)}.get(self.mode, TYPES[self.type][1])

    @property
    def types(self) -> tuple[str, ...]:
        """Types of other families that are looked for too."""
        return TYPES[self.type][2] if self.mode == ADRESSE else ()

    @property
    def commune(self) -> str:
        """The locality as searches compare it: without accents nor « CEDEX », saints in full."""
        mots = to_recherche(self.localite).split()
        if "CEDEX" in mots:
            mots = mots[: mots.index("CEDEX")]
        return " ".join({"ST": "SAINT", "STE": "SAINTE"}.get(mot, mot) for mot in mots)

    def check(self) -> dict[str, str]:
        """The sentence of each field in fault."""
        if self.mode == CODE and not (self.code.isdigit() and len(self.code) in (6, 7)):
            return {"code": "Saisissez les 7 chiffres d’un SAGES ou les 6 chiffres d’un CODIQUE."}
        if self.mode == ADRESSE and not (self.code_postal.isdigit() and len(self.code_postal) == 5):
            return {"code_postal": "Saisissez les 5 chiffres du code postal, par exemple 58000."}
        return {}

    def describe(self) -> list[tuple[str, str]]:
        """« Rappel des critères de recherche »."""
        if self.mode in (DGE, DRESG):
            return [("Recherche", ONGLETS[self.mode])]
        if self.mode == CODE:
            return [("Code SAGES" if len(self.code) == 7 else "CODIQUE", self.code)]
        faits = (
            ("Voie", self.voie),
            ("Localité", self.localite),
            ("Code postal", self.code_postal),
            ("Types de service", TYPES[self.type][0]),
        )
        return [(nom, valeur) for nom, valeur in faits if valeur]

    def url(self, **plus: str) -> str:
        """The address that shows these results again, without the street: an usager’s address is in no address."""
        champs = {nom: getattr(self, nom) for nom in ("localite", "code_postal", "insee", "code")} | plus
        champs["type"] = self.type if self.type != "tous" else ""
        requete = urlencode({"mode": self.mode, **{nom: valeur for nom, valeur in champs.items() if valeur}})
        return f"/agent/services?{requete}"


def read_criteres(donnees: Mapping[str, Any]) -> tuple[Criteres, bool]:
    """What a query or a form says, and whether it asks for results. What cannot be a criterion is none."""
    mode = next((connu for connu in ONGLETS if connu == donnees.get("mode")), ADRESSE)
    lus = {nom: _read(donnees.get(nom)) for nom in CHAMPS}
    chiffres = {nom: "".join(c for c in lus[nom] if not c.isspace()) for nom in ("code_postal", "code")}
    type_service = lus["type"] if lus["type"] in TYPES else "tous"
    insee = lus["insee"] if len(lus["insee"]) == 5 and lus["insee"].isalnum() else ""
    garde = {ADRESSE: ("voie", "localite", "code_postal"), CODE: ("code",)}.get(mode, ())
    valeurs = {nom: value for nom, value in {**lus, **_ascii(chiffres)}.items() if nom in garde}
    criteres = Criteres(mode, **valeurs)
    if mode == ADRESSE:
        criteres = Criteres(mode, **valeurs, type=type_service, insee=insee)
    demande = mode in (DGE, DRESG) or any(nom in donnees for nom in garde)
    return criteres, demande


def _read(valeur: object) -> str:
    try:
        return clean_text(valeur, maximum=120) if isinstance(valeur, str) else ""
    except TexteInvalide:
        return ""


def _ascii(champs: Mapping[str, str]) -> dict[str, str]:
    """Digits of another script are no digits of a code."""
    return {nom: valeur if valeur.isascii() else "" for nom, valeur in champs.items()}
