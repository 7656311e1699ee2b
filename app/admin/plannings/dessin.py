"""The form of a semaine or mois type, drawn from texts: those typed, those recorded, or those of another planning."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final

from app import clock
from app.admin.pages import Organisation
from app.admin.plannings.changement import get_planning
from app.admin.plannings.formulaires import open_planning, rangs
from app.admin.plannings.mots import JOURS, nommer_journee, nommer_rang
from app.admin.plannings.plages import write_plages
from app.domain.composition import CYCLE_MAX, LETTRES, Composition, LotPlanning, lundi_de

#: Words of the facts compared when two people change the same planning.
LIBELLES: Final = {
    "nom": "Nom",
    "guichets": "Pour",
    "validite": "Validité",
    "cycle": "Semaines en alternance",
    "semaine": "Jours",
}


def local_day(organisation: Organisation) -> date:
    """Today at the service."""
    return clock.now().astimezone(organisation.contexte.zone).date()


def prefill(comp: Composition, organisation: Organisation, nature: str, copie: int, suite: int) -> dict[str, Any]:
    """The fields of a new planning: blank, those of the one that is copied, or followed. Raises Introuvable."""
    aujourdhui = local_day(organisation)
    neuf = open_planning(comp, None, "mois" if nature == "mois" else "semaine", aujourdhui)
    if suite:
        lot = get_planning(comp, suite)
        saisi = open_planning(comp, lot, lot.nature, aujourdhui)
        lundi = max(lundi_de(aujourdhui), lundi_de(lot.du)) + timedelta(days=7)
        return {**saisi, "nom": f"{lot.nom} (suite)", "du": lundi.isoformat(), "suite": str(lot.id)}
    if copie:
        lot = get_planning(comp, copie)
        saisi = {**open_planning(comp, lot, lot.nature, aujourdhui), "du": neuf["du"], "au": ""}
        return {**saisi, "nom": f"{lot.nom} (copie)", "portee": "guichets", "guichets": [], "revision": ""}
    return neuf


def draw(
    comp: Composition, organisation: Organisation, saisi: Mapping[str, Any], lot: LotPlanning | None = None
) -> dict[str, Any]:
    """The context of ``admin/plannings/planning.html``."""
    aujourdhui = local_day(organisation)
    nature = "mois" if saisi.get("nature") == "mois" else "semaine"
    brut = str(saisi.get("cycle") or "1")
    cycle = min(max(int(brut), 1), CYCLE_MAX) if brut.isascii() and brut.isdigit() and len(brut) < 3 else 1
    suite = str(saisi.get("suite") or "")
    suivi = comp.find_planning(int(suite)) if suite.isascii() and suite.isdigit() and len(suite) < 19 else None
    champs = dict(saisi)
    if suivi is not None and not champs.get("revision"):
        champs["revision"] = str(suivi.revision)
    return {
        "saisi": champs,
        "lot": lot,
        "suivi": suivi,
        "nature": nature,
        "cycle": cycle,
        "cycles": [(str(n), f"{n} semaines" if n > 1 else "Toutes les semaines") for n in range(1, CYCLE_MAX + 1)],
        "semaines": [
            {"rang": rang, "titre": _title(nature, cycle, rang, saisi, aujourdhui), **_sum_up(saisi, rang)}
            for rang in rangs(nature, cycle)
        ],
        "jours": [(iso, JOURS[iso - 1].capitalize()) for iso in range(1, 8)],
        "options": _options(comp, saisi),
        "journees": [
            {"id": j.id, "nom": nommer_journee(j), "plages": write_plages(j.plages)} for j in comp.journees.values()
        ],
        "guichets": [(str(g.id), g.nom) for g in organisation.contexte.guichets.values()],
        "libelles": LIBELLES,
        "commence": lot is not None and lot.du <= aujourdhui,
        "passe": lot is not None and lot.au is not None and lot.au < aujourdhui,
    }


def _title(nature: str, cycle: int, rang: int, saisi: Mapping[str, Any], aujourdhui: date) -> str:
    """« Semaine B (prochaine : celle du 30/11/2026) »."""
    nom = nommer_rang(nature, cycle, rang) or "La semaine"
    if nature == "mois" or cycle < 2:
        return nom
    try:
        premier = lundi_de(date.fromisoformat(str(saisi.get("du"))))
    except ValueError:
        return nom
    ecart = max((lundi_de(aujourdhui) - premier).days // 7, 0)
    prochaine = premier + timedelta(weeks=ecart + (rang - ecart) % cycle)
    quand = "c’est la semaine en cours" if prochaine == lundi_de(aujourdhui) else f"prochaine : {prochaine:%d/%m/%Y}"
    return f"Semaine {LETTRES[rang]} ({quand})"


def _sum_up(saisi: Mapping[str, Any], rang: int) -> dict[str, Any]:
    """Whether a rank of the month has something to show, and how many of its days are open."""
    ecrits = [iso for iso in range(1, 8) if saisi.get(f"j_{rang}_{iso}") or saisi.get(f"h_{rang}_{iso}")]
    resume = (
        f"{len(ecrits)} jour{'s' if len(ecrits) > 1 else ''} de réception" if ecrits else "Fermé : choisir des jours"
    )
    return {"ouvert": bool(ecrits), "resume": resume}


def _options(comp: Composition, saisi: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a day may be made of: each journée type, and the combinations already written."""
    options = [(str(j.id), nommer_journee(j)) for j in comp.journees.values()]
    for cle, valeur in saisi.items():
        ids = str(valeur).split("+")
        if cle.startswith("j_") and len(ids) > 1 and all(i.isdigit() and int(i) in comp.journees for i in ids):
            nom = " + ".join(nommer_journee(comp.journees[int(i)]) for i in ids)
            if (str(valeur), nom) not in options:
                options.append((str(valeur), nom))
    return options
