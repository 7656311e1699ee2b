"""``accueil import-communes``: the official list of communes, found by name or postal code when a usager searches."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.admin.annuaire.bilan import Bilan
from app.admin.annuaire.champs import ChampInvalide, parse_code_postal, parse_degres
from app.admin.annuaire.lecture import Ligne, Remarque, Table
from app.admin.annuaire.trace import Avance, journal_import
from app.booking.textes import to_recherche
from app.db import Database, UnitOfWork
from app.tables import Departement

COLONNES: Final = {
    "code_insee": ("code", "insee"),
    "nom": ("libelle",),
    "departement": ("code_departement",),
    "codes_postaux": ("code_postal",),
    "population": (),
    "latitude": ("lat",),
    "longitude": ("lon", "lng"),
}
REQUISES: Final = ("code_insee", "nom", "departement", "codes_postaux")
LOT: Final = 2_000
_INSEE: Final = re.compile(r"(\d{2}|2[AB])\d{3}")

_ECRITES = text(
    """
    INSERT INTO commune AS c (code_insee, nom, nom_recherche, departement, codes_postaux, population, latitude,
                              longitude)
    SELECT l.code_insee, l.nom, l.nom_recherche, l.departement, l.codes_postaux, l.population, l.latitude, l.longitude
      FROM jsonb_to_recordset(CAST(:lignes AS jsonb)) AS l(
           code_insee text, nom text, nom_recherche text, departement text, codes_postaux text[], population integer,
           latitude numeric(8, 5), longitude numeric(8, 5))
     ORDER BY l.code_insee
        ON CONFLICT (code_insee) DO UPDATE SET
           nom = excluded.nom, nom_recherche = excluded.nom_recherche, departement = excluded.departement,
           codes_postaux = excluded.codes_postaux, population = excluded.population, latitude = excluded.latitude,
           longitude = excluded.longitude
     WHERE (c.nom, c.nom_recherche, c.departement, c.codes_postaux, c.population, c.latitude, c.longitude)
           IS DISTINCT FROM
           (excluded.nom, excluded.nom_recherche, excluded.departement, excluded.codes_postaux, excluded.population,
            excluded.latitude, excluded.longitude)
    RETURNING (xmax = 0) AS creee
    """
)


async def import_communes(
    db: Database, table: Table, maintenant: datetime, *, fichier: str = "", avance: Avance | None = None
) -> Bilan:
    """Insert or update every commune of the file, one statement a batch; none is removed."""
    async with db.read() as conn:
        departements = frozenset((await conn.execute(select(Departement.code))).scalars())
    bilan = Bilan(lues=len(table.lignes) + len(table.remarques), remarques=list(table.remarques))
    communes: dict[str, dict[str, Any]] = {}
    premieres: dict[str, int] = {}
    for ligne in table.lignes:
        commune, remarques = read_commune(ligne, departements)
        bilan.remarques += remarques
        if commune is None:
            continue
        code = commune["code_insee"]
        if code in communes:
            phrase = f"La ligne {premieres[code]} a déjà décrit cette commune."
            bilan.remarques.append(Remarque(ligne.numero, "code_insee", phrase, code))
            continue
        communes[code] = commune
        premieres[code] = ligne.numero
    lignes = list(communes.values())
    if avance is not None:
        avance(len(table.lignes) - len(lignes))
    for debut in range(0, len(lignes), LOT):
        lot = lignes[debut : debut + LOT]

        async def travail(uow: UnitOfWork, lot: Sequence[Mapping[str, Any]] = lot) -> Bilan:
            return await _write_lot(uow.conn, lot)

        bilan.add(await db.transaction(travail))
        if avance is not None:
            avance(len(lot))
    await journal_import(db, "communes", fichier, bilan, maintenant)
    return bilan


async def _write_lot(conn: AsyncConnection, lot: Sequence[Mapping[str, Any]]) -> Bilan:
    ecrites = (await conn.execute(_ECRITES, {"lignes": json.dumps(lot)})).scalars().all()
    creees = sum(ecrites)
    return Bilan(crees=creees, modifies=len(ecrites) - creees, inchanges=len(lot) - len(ecrites))


def read_commune(ligne: Ligne, departements: frozenset[str]) -> tuple[dict[str, Any] | None, list[Remarque]]:
    """The row of ``commune`` (JSON values), or None when a remark refuses the line."""
    cellules = ligne.cellules
    remarques: list[Remarque] = []

    def remark(champ: str, phrase: str, *, refus: bool = True) -> None:
        remarques.append(Remarque(ligne.numero, champ, phrase, cellules.get(champ, "")[:200], refus))

    code, nom = cellules["code_insee"].upper(), cellules["nom"]
    departement = cellules["departement"].upper()
    if _INSEE.fullmatch(code) is None:
        remark("code_insee", "Un code INSEE de commune a 5 caractères, par exemple 58194 ou 2A004.")
    if not nom or len(nom) > 100 or not to_recherche(nom):
        remark("nom", "Le nom de la commune manque, ou dépasse 100 caractères.")
    if departement not in departements:
        remark("departement", "Département inconnu : donnez son code INSEE, par exemple 58, 2A ou 974.")
    elif not code.startswith(departement):
        remark("departement", "Cette commune n’est pas de ce département : son code INSEE ne commence pas par lui.")
    population = cellules.get("population", "").replace(" ", "")
    if population and not (population.isascii() and population.isdigit() and len(population) <= 8):
        remark("population", "La population est un nombre entier : elle n’est pas reprise.", refus=False)
        population = ""
    codes = _read_codes_postaux(cellules["codes_postaux"], remark)
    position = _read_position(cellules, remark)
    if any(r.refus for r in remarques):
        return None, remarques
    return {
        "code_insee": code,
        "nom": nom,
        "nom_recherche": to_recherche(nom).strip(),
        "departement": departement,
        "codes_postaux": codes,
        "population": int(population or 0),
        "latitude": position[0],
        "longitude": position[1],
    }, remarques


def _read_codes_postaux(brut: str, remark: Any) -> list[str]:
    codes: list[str] = []
    for morceau in re.split(r"[\s,;|/]+", brut):
        try:
            code = parse_code_postal(morceau)
        except ChampInvalide as erreur:
            remark("codes_postaux", str(erreur))
            return []
        if code is not None and code not in codes:
            codes.append(code)
    return codes


def _read_position(cellules: Mapping[str, str], remark: Any) -> tuple[str | None, str | None]:
    try:
        latitude = parse_degres(cellules.get("latitude", ""), 90)
        longitude = parse_degres(cellules.get("longitude", ""), 180)
    except ChampInvalide as erreur:
        remark("latitude", f"{erreur} La position n’est pas reprise.", refus=False)
        return None, None
    if latitude is None or longitude is None:
        return None, None
    return str(latitude), str(longitude)
