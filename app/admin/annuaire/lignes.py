"""One line of a directory's export → a service as our tables say it, or the reasons why not. Pure.

Written for the export of the State's own directory of 2016 (``type`` and ``specialite`` columns, address lines between
« | », no SAGES) and for any file that uses our own column names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.admin.annuaire.champs import (
    LONGUEURS,
    ChampInvalide,
    parse_code_postal,
    parse_codique,
    parse_courriel,
    parse_degres,
    parse_fuseau,
    parse_sages,
    parse_telephone,
)
from app.admin.annuaire.lecture import Ligne, Remarque
from app.booking.textes import to_recherche

COLONNES: Final = {
    "reference": ("id", "reference_externe"),
    "sages": ("code_sages",),
    "codique": ("code_codique",),
    "codique_partage": (),
    "type": ("type_service",),
    "specialite": (),
    "libelle": ("nom",),
    "departement": ("code_departement",),
    "adresse": (),
    "complement_adresse": (),
    "code_postal": ("cp",),
    "ville": ("commune", "localite"),
    "telephone": ("tel",),
    "courriel": ("email", "mail"),
    "accessibilite": (),
    "horaires_texte": ("horaires",),
    "latitude": ("lat",),
    "longitude": ("lon", "lng"),
    "fuseau": ("fuseau_horaire",),
    "centre_contact": (),
}
REQUISES: Final = ("type", "libelle", "departement", "adresse", "code_postal", "ville")
#: What names a service: one of them at least, in every file and on every line.
CLES: Final = ("reference", "sages", "codique")

#: Specialities of a trésorerie, the most telling first: one that has several is known by the first.
_SPECIALITES: Final = {
    "amendes": "TRESO_AMENDES",
    "hopital": "TRESO_HOPITAL",
    "spl": "TRESO_SPL",
    "mixte": "TRESO_MIXTE",
    "impots": "TRESO_IMPOTS",
}
_ACCESSIBILITE: Final = {
    "ACC": "Entrée accessible en fauteuil roulant",
    "DEM": "Accessible en fauteuil roulant sur demande",
    "NAC": "Entrée non accessible en fauteuil roulant",
}
_OUI: Final = frozenset({"1", "OUI", "O", "TRUE", "VRAI", "X"})
_NON: Final = frozenset({"0", "NON", "N", "FALSE", "FAUX", ""})
_VOIE: Final = re.compile(
    r"\d|.*\b(RUE|AVENUE|AV|BOULEVARD|BD|PLACE|PL|CHEMIN|ROUTE|ALLEE|ALLEES|IMPASSE|QUAI|COURS|SQUARE|ESPLANADE|PASSAGE)\b"
)
_BOITE: Final = re.compile(r"(BP|CS|TSA|BOITE POSTALE)\b")
#: Mayotte's numbers before 2007 had the calling code of the Comoros.
_MAYOTTE: Final = re.compile(r"\+269(269\d{6})")


@dataclass(frozen=True, slots=True)
class ServiceLu:
    """A service as a file says it: its keys, and ``faits``, the columns it gives (JSON values)."""

    numero: int
    reference: str | None
    faits: Mapping[str, Any]

    @property
    def sages(self) -> str | None:
        """Its SAGES, when the file gives it."""
        valeur: str | None = self.faits.get("sages")
        return valeur

    @property
    def codique(self) -> str | None:
        """Its CODIQUE, when the file gives it."""
        valeur: str | None = self.faits.get("codique")
        return valeur


@dataclass(frozen=True, slots=True)
class Connus:
    """What a line may refer to: kinds of service, and département → its clock."""

    types: frozenset[str]
    fuseaux: Mapping[str, str]


class _Lecture:
    """One line being read: facts out, remarks gathered."""

    def __init__(self, ligne: Ligne, domaine: str) -> None:
        self.ligne = ligne
        self.domaine = domaine
        self.faits: dict[str, Any] = {}
        self.remarques: list[Remarque] = []

    def cellule(self, colonne: str) -> str:
        return self.ligne.cellules.get(colonne, "")

    def says(self, colonne: str) -> bool:
        return colonne in self.ligne.cellules

    def remark(self, champ: str, phrase: str, *, refus: bool = True) -> None:
        self.remarques.append(Remarque(self.ligne.numero, champ, phrase, self.cellule(champ)[:200], refus))

    def text(self, colonne: str, requis: str = "") -> None:
        if not self.says(colonne):
            return
        valeur = self.cellule(colonne)
        if len(valeur) > LONGUEURS.get(colonne, 200):
            self.remark(colonne, f"Ce texte est trop long : {LONGUEURS.get(colonne, 200)} caractères au plus.")
        elif not valeur and requis:
            self.remark(colonne, requis)
        else:
            self.faits[colonne] = valeur


def read_service(ligne: Ligne, connus: Connus, domaine: str = "") -> tuple[ServiceLu | None, list[Remarque]]:
    """The service, or None when a remark refuses the line. ``domaine`` replaces that of every e-mail."""
    lu = _Lecture(ligne, domaine)
    _read_type(lu, connus)
    departement = _read_departement(lu, connus)
    lu.text("libelle", "Le libellé du service manque.")
    _read_adresse(lu)
    _read_codes(lu)
    _read_telephone(lu, departement)
    _read_courriel(lu)
    _read_reste(lu)
    reference = lu.cellule("reference") or None
    if reference is not None and len(reference) > 200:
        lu.remark("reference", "Cette référence est trop longue : 200 caractères au plus.")
    if not (reference or lu.faits.get("sages") or lu.faits.get("codique")):
        lu.remark("reference", "Cette ligne ne nomme aucun service : ni référence, ni SAGES, ni CODIQUE.")
    if any(r.refus for r in lu.remarques):
        return None, lu.remarques
    return ServiceLu(ligne.numero, reference, lu.faits), lu.remarques


def _read_type(lu: _Lecture, connus: Connus) -> None:
    brut = to_recherche(lu.cellule("type")).strip().replace(" ", "_")
    specialites = lu.cellule("specialite").lower().replace("ô", "o").split("+")
    if brut == "TRESORERIE":
        lues = [s.strip() for s in specialites if s.strip()] or ["mixte"]
        inconnues = [s for s in lues if s not in _SPECIALITES]
        if inconnues:
            lu.remark("specialite", f"Spécialité inconnue. Celles connues : {', '.join(_SPECIALITES)}.")
            return
        retenue = next(s for s in _SPECIALITES if s in lues)
        lu.faits["type_code"] = _SPECIALITES[retenue]
        if len(lues) > 1:
            lu.remark("specialite", f"Plusieurs spécialités : « {retenue} » est retenue.", refus=False)
    else:
        lu.faits["type_code"] = {"SIP_OU_CDIF": "SIP_CDIF", "SIP_ET_CDIF": "SIP_CDIF"}.get(brut, brut)
    if lu.faits["type_code"] not in connus.types:
        lu.remark("type", f"Type de service inconnu. Ceux connus : {', '.join(sorted(connus.types))}.")


def _read_departement(lu: _Lecture, connus: Connus) -> str:
    code = lu.cellule("departement").upper()
    if len(code) == 1 and code.isdigit():
        code = f"0{code}"  # a spreadsheet has eaten the zero
    if code not in connus.fuseaux:
        lu.remark("departement", "Département inconnu : donnez son code INSEE, par exemple 58, 2A ou 974.")
        return ""
    lu.faits["departement"] = code
    fuseau = lu.cellule("fuseau")
    try:
        lu.faits["fuseau"] = parse_fuseau(fuseau) if fuseau else connus.fuseaux[code]
    except ChampInvalide as erreur:
        lu.remark("fuseau", str(erreur))
    return code


def _read_adresse(lu: _Lecture) -> None:
    morceaux = [m.strip(" ,") for m in lu.cellule("adresse").split("|") if m.strip(" ,")]
    voie = next((m for m in morceaux if _VOIE.match(to_recherche(m).strip())), None)
    voie = voie or next((m for m in morceaux if not _BOITE.match(to_recherche(m).strip())), None)
    if not voie:
        lu.remark("adresse", "L’adresse ne dit pas la voie : complétez-la dans la fiche du service.", refus=False)
        voie = next(iter(morceaux), None)
    reste = [m for m in morceaux if m != voie]
    lu.faits["adresse"] = voie or ""
    lu.faits["complement_adresse"] = ", ".join([*filter(None, [lu.cellule("complement_adresse")]), *reste])
    for champ in ("adresse", "complement_adresse"):
        if len(lu.faits[champ]) > LONGUEURS[champ]:
            lu.remark(champ, f"Ce texte est trop long : {LONGUEURS[champ]} caractères au plus.")
    lu.text("ville", "La ville manque.")
    code = lu.cellule("code_postal")
    if len(code) == 4 and code.isdigit():
        code = f"0{code}"  # a spreadsheet has eaten the zero
    try:
        lu.faits["code_postal"] = parse_code_postal(code)
    except ChampInvalide as erreur:
        lu.remark("code_postal", str(erreur))
    else:
        if lu.faits["code_postal"] is None:
            lu.remark("code_postal", "Le code postal manque.")


def _read_codes(lu: _Lecture) -> None:
    for colonne, parse in (("sages", parse_sages), ("codique", parse_codique)):
        if not lu.says(colonne):
            continue
        try:
            lu.faits[colonne] = parse(lu.cellule(colonne))
        except ChampInvalide as erreur:
            lu.remark(colonne, str(erreur))


def _read_telephone(lu: _Lecture, departement: str) -> None:
    """A number that cannot be read is left out, and said: a service is not lost for its telephone."""
    if not lu.says("telephone"):
        return
    brut = _MAYOTTE.sub(r"+262\1", lu.cellule("telephone"))
    lu.faits["telephone"] = ""
    for essai in (brut, re.split(r"[(/;,|]", brut)[0]):
        try:
            lu.faits["telephone"] = parse_telephone(essai.strip(), departement)
        except ChampInvalide:
            continue
        if essai != lu.cellule("telephone"):
            lu.remark("telephone", f"Ce numéro a été lu : {lu.faits['telephone']}.", refus=False)
        return
    lu.remark("telephone", "Ce numéro de téléphone n’est pas valable : il n’est pas repris.", refus=False)


def _read_courriel(lu: _Lecture) -> None:
    """The same of an address. ``domaine``, when given, replaces its domain."""
    if not lu.says("courriel"):
        return
    brut = lu.cellule("courriel").rstrip(".")
    if lu.domaine and brut:
        brut = f"{brut.rpartition('@')[0] or brut}@{lu.domaine}"
    try:
        lu.faits["courriel"] = parse_courriel(brut)
    except ChampInvalide:
        lu.faits["courriel"] = ""
        lu.remark("courriel", "Cette adresse de courriel n’est pas valable : elle n’est pas reprise.", refus=False)


def _read_reste(lu: _Lecture) -> None:
    if lu.says("accessibilite"):
        brut = lu.cellule("accessibilite")
        lu.text("accessibilite")
        lu.faits["accessibilite"] = _ACCESSIBILITE.get(brut.upper(), brut)
    lu.text("horaires_texte")
    for colonne in ("codique_partage", "centre_contact"):
        if not lu.says(colonne):
            continue
        mot = to_recherche(lu.cellule(colonne)).strip()
        if mot not in _OUI and mot not in _NON:
            lu.remark(colonne, "Écrivez « oui » ou « non ».")
        lu.faits[colonne] = mot in _OUI
    _read_position(lu)


def _read_position(lu: _Lecture) -> None:
    if not (lu.says("latitude") and lu.says("longitude")):
        return
    lu.faits["latitude"] = lu.faits["longitude"] = None
    try:
        latitude = parse_degres(lu.cellule("latitude"), 90)
        longitude = parse_degres(lu.cellule("longitude"), 180)
    except ChampInvalide as erreur:
        lu.remark("latitude", f"{erreur} La position n’est pas reprise.", refus=False)
        return
    if latitude is None or longitude is None:
        return
    if latitude == longitude:
        lu.remark("longitude", "La longitude répète la latitude : la position n’est pas reprise.", refus=False)
        return
    lu.faits["latitude"], lu.faits["longitude"] = str(latitude), str(longitude)
