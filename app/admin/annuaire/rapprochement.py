"""What a file changes in the directory: which service each line is, and which of its facts are new. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from app.admin.annuaire.bilan import Bilan
from app.admin.annuaire.lecture import Remarque
from app.admin.annuaire.lignes import ServiceLu

#: What a file may set, in the order of the tables.
CHAMPS: Final = (
    *("type_code", "sages", "codique", "codique_partage", "libelle", "adresse", "complement_adresse", "code_postal"),
    *("ville", "departement", "telephone", "courriel", "accessibilite", "horaires_texte", "fuseau", "centre_contact"),
    *("latitude", "longitude"),
)
DEFAUTS: Final[Mapping[str, Any]] = {
    "sages": None,
    "codique": None,
    "codique_partage": False,
    "telephone": "",
    "courriel": "",
    "accessibilite": "",
    "horaires_texte": "",
    "centre_contact": False,
    "latitude": None,
    "longitude": None,
}
Service = dict[str, Any]


@dataclass(slots=True)
class Lot:
    """What one batch is about to write."""

    bilan: Bilan
    nouveaux: list[tuple[ServiceLu, dict[str, Any]]] = field(default_factory=list)
    changes: list[tuple[dict[str, Any], dict[str, Any]]] = field(default_factory=list)
    #: Line of the file that changes each service.
    numeros: dict[int, int] = field(default_factory=dict)
    #: Services whose row of the directory is to be kept, with nothing else to change.
    vus: list[tuple[int, Mapping[str, Any], str | None]] = field(default_factory=list)


def read_actuel(ligne: Mapping[str, Any]) -> dict[str, Any]:
    """The row, its values as JSON says them: what a file gives is compared to that."""
    return {
        cle: (f"{valeur:.5f}" if isinstance(valeur, Decimal) else valeur)
        for cle, valeur in ligne.items()
        if cle in CHAMPS or cle in ("id", "reference_externe", "annuaire", "site_id", "revision", "ferme_a")
    }


def compare(lus: Sequence[ServiceLu], actuels: Sequence[Service]) -> Lot:
    """Sort the lines of one batch into new, changed, same and refused. ``actuels``: every service that a key names."""
    par_reference: dict[str | None, Service] = {a["reference_externe"]: a for a in actuels if a["reference_externe"]}
    par_sages: dict[str | None, dict[str, Any]] = {a["sages"]: a for a in actuels if a["sages"]}
    par_codique: dict[str | None, list[dict[str, Any]]] = {}
    for service in actuels:
        par_codique.setdefault(service["codique"], []).append(service)
    lot = Lot(Bilan())
    pris: set[int] = set()
    for lu in lus:
        porteurs = par_codique.get(lu.codique, []) if lu.codique else []
        actuel: Service | None = par_reference.get(lu.reference) or par_sages.get(lu.sages) or _only(porteurs, lu)
        refus = _refuse(lu, actuel, par_sages, pris, porteurs)
        if refus is not None:
            lot.bilan.remarques.append(refus)
        elif actuel is None:
            lot.nouveaux.append((lu, {**DEFAUTS, **lu.faits}))
        else:
            pris.add(actuel["id"])
            _compare_one(lot, lu, actuel)
    return lot


def _only(candidats: Sequence[dict[str, Any]], lu: ServiceLu) -> dict[str, Any] | None:
    """The service that alone bears the CODIQUE, unless other keys say that they are two."""
    if len(candidats) != 1:
        return None
    seul = candidats[0]
    meme_reference = lu.reference is None or seul["reference_externe"] is None
    return seul if meme_reference and (lu.sages is None or seul["sages"] is None) else None


def _refuse(
    lu: ServiceLu,
    actuel: Mapping[str, Any] | None,
    par_sages: Mapping[str | None, Mapping[str, Any]],
    pris: set[int],
    porteurs: Sequence[Mapping[str, Any]],
) -> Remarque | None:
    if actuel is None and porteurs and lu.reference is None and lu.sages is None:
        phrase = f"Plusieurs services ont ce CODIQUE : {', '.join(p['libelle'] for p in porteurs[:3])}."
        return Remarque(lu.numero, "codique", phrase, lu.codique or "")
    voisin = par_sages.get(lu.sages) if lu.sages else None
    if voisin is not None and (actuel is None or voisin["id"] != actuel["id"]):
        return Remarque(lu.numero, "sages", f"Ce SAGES est déjà celui de : {voisin['libelle']}.", lu.sages or "")
    if actuel is not None and actuel["id"] in pris:
        return Remarque(lu.numero, "reference", f"Une autre ligne a déjà décrit ce service : {actuel['libelle']}.")
    if actuel is not None and lu.reference and actuel["reference_externe"] not in (None, lu.reference):
        phrase = f"Ce service a déjà une autre référence : {actuel['libelle']}."
        return Remarque(lu.numero, "reference", phrase, lu.reference)
    return None


def _compare_one(lot: Lot, lu: ServiceLu, actuel: dict[str, Any]) -> None:
    apres = {**actuel, **merge(lu.faits, actuel["annuaire"], actuel)}
    apres["annuaire"] = dict(lu.faits)
    apres["reference_externe"] = lu.reference or actuel["reference_externe"]
    if any(apres[champ] != actuel[champ] for champ in CHAMPS):
        lot.changes.append((actuel, apres))
        lot.numeros[actuel["id"]] = lu.numero
        return
    lot.bilan.inchanges += 1
    if apres["annuaire"] != actuel["annuaire"] or apres["reference_externe"] != actuel["reference_externe"]:
        lot.vus.append((actuel["id"], apres["annuaire"], apres["reference_externe"]))


def merge(lu: Mapping[str, Any], precedent: Mapping[str, Any] | None, actuel: Mapping[str, Any]) -> dict[str, Any]:
    """What the file changes: neither what it says as the last time, nor what it has never given."""
    return {
        champ: valeur
        for champ, valeur in lu.items()
        if valeur != actuel[champ]
        and not (precedent is not None and champ in precedent and precedent[champ] == valeur)
        and not (valeur in ("", None, False) and (precedent is None or champ not in precedent))
    }
