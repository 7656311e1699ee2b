"""``accueil import-competences``: which service is competent for which commune, by kind of service.

Two forms of file: one line per commune with a column per kind (``sip``, ``sie``, ``cdif``, ``tresorerie_mixte``…), or
one line per commune and service (``service``, ``voies``). A service is named by its reference, SAGES or CODIQUE. The
file is the whole truth for the communes that it lists and the kinds that it names there; it says nothing of the others.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.admin.annuaire.bilan import Bilan
from app.admin.annuaire.lecture import Ligne, Remarque, Table
from app.admin.annuaire.trace import Avance, journal_import
from app.db import Database, UnitOfWork
from app.tables import Commune, ServiceFiscal, TypeService

COLONNES: Final = {
    "code_insee": ("insee", "code_commune"),
    "service": ("reference",),
    "voies": (),
    "sip": (),
    "sie": (),
    "cdif": (),
    "tresorerie": ("tresorerie_mixte", "tresorerie_impots"),
}
REQUISES: Final = ("code_insee",)
#: Column → the family of services that it gives.
FAMILLES: Final = {"sip": "SIP", "sie": "SIE", "cdif": "CDIF", "tresorerie": "TRESORERIE"}
UNE_DE: Final = ("service", *FAMILLES)
LOT: Final = 2_000


@dataclass(frozen=True, slots=True)
class Annuaire:
    """What a line may name: communes; code → (id, family, found by address); None for a code that two services have."""

    communes: frozenset[str]
    services: Mapping[str, tuple[int, str, bool] | None]


@dataclass(slots=True)
class _Commune:
    """What the file says of one commune: the families that it decides, and (service, voies) pairs."""

    familles: set[str] = field(default_factory=set)
    competents: set[tuple[int, str]] = field(default_factory=set)


_RETIREES = text(
    """
    WITH dit AS (
      SELECT l.code_insee, l.familles, l.competents
        FROM jsonb_to_recordset(CAST(:lignes AS jsonb)) AS l(code_insee text, familles text[], competents jsonb))
    DELETE FROM competence k USING dit, service_fiscal s, type_service t
     WHERE k.code_insee = dit.code_insee AND s.id = k.service_id AND t.code = s.type_code
       AND t.famille = ANY (dit.familles)
       AND NOT dit.competents @> jsonb_build_array(jsonb_build_array(k.service_id, k.voies))
    RETURNING k.code_insee
    """
)
_AJOUTEES = text(
    """
    INSERT INTO competence (code_insee, service_id, voies)
    SELECT l.code_insee, CAST(c ->> 0 AS bigint), c ->> 1
      FROM jsonb_to_recordset(CAST(:lignes AS jsonb)) AS l(code_insee text, competents jsonb)
     CROSS JOIN LATERAL jsonb_array_elements(l.competents) AS c
     ORDER BY 1, 2, 3
        ON CONFLICT (code_insee, service_id, voies) DO NOTHING
    RETURNING code_insee
    """
)


async def import_competences(
    db: Database, table: Table, maintenant: datetime, *, fichier: str = "", avance: Avance | None = None
) -> Bilan:
    """Counts are of competences: added (``crees``), removed (``retires``), already there (``inchanges``)."""
    async with db.read() as conn:
        annuaire = await _read_annuaire(conn)
    bilan = Bilan(lues=len(table.lignes) + len(table.remarques), remarques=list(table.remarques))
    communes: dict[str, _Commune] = {}
    for ligne in table.lignes:
        bilan.remarques += _read_ligne(ligne, annuaire, communes)
    lignes = [
        {"code_insee": code, "familles": sorted(c.familles), "competents": sorted(c.competents)}
        for code, c in sorted(communes.items())
    ]
    if avance is not None:
        avance(len(table.lignes) - len(lignes))
    for debut in range(0, len(lignes), LOT):
        lot = lignes[debut : debut + LOT]

        async def travail(uow: UnitOfWork, lot: Sequence[Mapping[str, object]] = lot) -> tuple[int, int]:
            valeurs = {"lignes": json.dumps(lot)}
            retirees = len((await uow.conn.execute(_RETIREES, valeurs)).all())
            return retirees, len((await uow.conn.execute(_AJOUTEES, valeurs)).all())

        retirees, ajoutees = await db.transaction(travail)
        total = sum(len(communes[str(ligne["code_insee"])].competents) for ligne in lot)
        bilan.add(Bilan(crees=ajoutees, retires=retirees, inchanges=total - ajoutees))
        if avance is not None:
            avance(len(lot))
    await journal_import(db, "competences", fichier, bilan, maintenant)
    return bilan


async def _read_annuaire(conn: AsyncConnection) -> Annuaire:
    communes = frozenset((await conn.execute(select(Commune.code_insee))).scalars())
    lignes = await conn.execute(
        select(
            ServiceFiscal.id,
            ServiceFiscal.reference_externe,
            ServiceFiscal.sages,
            ServiceFiscal.codique,
            TypeService.famille,
            TypeService.par_adresse,
        ).join(TypeService, TypeService.code == ServiceFiscal.type_code)
    )
    services: dict[str, tuple[int, str, bool] | None] = {}
    for ligne in lignes:
        trouve = (ligne.id, ligne.famille, ligne.par_adresse)
        for code in {ligne.reference_externe, ligne.sages, ligne.codique} - {None}:
            services[code] = None if code in services else trouve
    return Annuaire(communes, services)


def _read_ligne(ligne: Ligne, annuaire: Annuaire, communes: dict[str, _Commune]) -> list[Remarque]:
    """Add what one line says. A cell that names no known service is refused, and decides nothing of its family."""
    code = ligne.cellules["code_insee"].upper()
    if code not in annuaire.communes:
        phrase = "Commune inconnue : importez d’abord les communes."
        return [Remarque(ligne.numero, "code_insee", phrase, code[:200])]
    remarques: list[Remarque] = []
    voies = ligne.cellules.get("voies", "")
    if len(voies) > 500:
        return [Remarque(ligne.numero, "voies", "Ce texte est trop long : 500 caractères au plus.", voies[:200])]
    commune = communes.setdefault(code, _Commune())
    for colonne, famille in (("service", ""), *FAMILLES.items()):
        if colonne not in ligne.cellules:
            continue
        brut = ligne.cellules[colonne]
        if not brut:
            if famille:
                commune.familles.add(famille)
            else:
                remarques.append(Remarque(ligne.numero, colonne, "Le service manque."))
            continue
        trouve = _find(brut, famille, annuaire)
        if isinstance(trouve, str):
            remarques.append(Remarque(ligne.numero, colonne, trouve, brut[:200]))
            continue
        service_id, sienne = trouve
        commune.familles.add(sienne)
        commune.competents.add((service_id, voies if colonne == "service" else ""))
    return remarques


def _find(brut: str, famille: str, annuaire: Annuaire) -> tuple[int, str] | str:
    """The service and its family, or the sentence that refuses it."""
    if brut not in annuaire.services:
        return "Service inconnu : donnez sa référence, son SAGES ou son CODIQUE tels qu’ils ont été importés."
    trouve = annuaire.services[brut]
    if trouve is None:
        return "Plusieurs services ont ce code : donnez la référence ou le SAGES de l’un d’eux."
    service_id, sienne, par_adresse = trouve
    if famille and sienne != famille:
        return f"Ce service n’est pas de la famille {famille} de sa colonne."
    if not par_adresse:
        return "Un service de ce type se trouve par son code, jamais par l’adresse : il n’a pas de commune."
    return service_id, sienne
