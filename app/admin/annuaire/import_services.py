"""``accueil import-services``: a directory's export into the services, as often as one likes.

A service is found by its reference in that directory, else by its SAGES, else by its CODIQUE. What changed here since
the last import stays until the directory itself changes it: each service keeps its row as last imported. Each batch is
one transaction: a crash leaves whole batches, and the next run goes on from there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Text, bindparam, func, insert, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from app.admin.annuaire.bilan import Bilan
from app.admin.annuaire.import_sites import place_services
from app.admin.annuaire.lecture import FichierInvalide, Remarque, Table
from app.admin.annuaire.lignes import Connus, ServiceLu, read_service
from app.admin.annuaire.rapprochement import CHAMPS, Lot, compare, read_actuel
from app.admin.annuaire.rdv import find_occupes
from app.admin.annuaire.trace import Avance, journal_import
from app.admin.chantier import VERROU_NATIONAL
from app.admin.lies import SOUS_DELEGATION, read_engagements, read_lies
from app.db import Database, UnitOfWork
from app.tables import Departement, Journal, ServiceFiscal, TypeService

LOT: Final = 500
#: Under rendez-vous to come, these would move them on the calendar or on the clock.
_SOUS_RDV: Final = ("departement", "fuseau")


async def import_services(
    db: Database,
    table: Table,
    maintenant: datetime,
    *,
    domaine: str = "",
    fichier: str = "",
    avance: Avance | None = None,
) -> Bilan:
    """Read every line, then write batch after batch. ``avance``: called with the number of lines done."""
    async with db.read() as conn:
        connus = await _read_connus(conn)
    if not connus.types or not connus.fuseaux:
        raise FichierInvalide("Les données de référence manquent : lancez d’abord « accueil install-reference ».")
    bilan = Bilan(lues=len(table.lignes) + len(table.remarques), remarques=list(table.remarques))
    lus = _read_lignes(table, connus, domaine, bilan, avance)
    for debut in range(0, len(lus), LOT):
        lot = lus[debut : debut + LOT]

        async def travail(uow: UnitOfWork, lot: Sequence[ServiceLu] = lot) -> Bilan:
            return await _write_lot(uow, lot, maintenant)

        bilan.add(await db.transaction(travail))
        if avance is not None:
            avance(len(lot))
    await journal_import(db, "services", fichier, bilan, maintenant)
    return bilan


async def _read_connus(conn: AsyncConnection) -> Connus:
    types = (await conn.execute(select(TypeService.code))).scalars().all()
    departements = await conn.execute(select(Departement.code, Departement.fuseau))
    return Connus(frozenset(types), {ligne.code: ligne.fuseau for ligne in departements})


def _read_lignes(table: Table, connus: Connus, domaine: str, bilan: Bilan, avance: Avance | None) -> list[ServiceLu]:
    """The services of the lines that are whole, each key once: the first line wins, the others are refused."""
    lus: list[ServiceLu] = []
    premiers: dict[tuple[str, str], int] = {}
    for ligne in table.lignes:
        lu, remarques = read_service(ligne, connus, domaine)
        bilan.remarques += remarques
        if lu is not None and (double := _claim(lu, premiers)) is None:
            lus.append(lu)
            continue
        if lu is not None and double is not None:
            bilan.remarques.append(double)
        if avance is not None:
            avance(1)
    return lus


def _claim(lu: ServiceLu, premiers: dict[tuple[str, str], int]) -> Remarque | None:
    cles = [("reference", lu.reference), ("sages", lu.sages)]
    if lu.reference is None and lu.sages is None:
        cles.append(("codique", lu.codique))
    siennes = [(nom, cle) for nom, cle in cles if cle]
    for nom, cle in siennes:
        if (nom, cle) in premiers:
            phrase = f"La ligne {premiers[nom, cle]} a déjà décrit ce service."
            return Remarque(lu.numero, nom, phrase, cle)
    premiers.update(dict.fromkeys(siennes, lu.numero))
    return None


_TROUVES = text(
    """
    SELECT s.* FROM service_fiscal s
     WHERE s.reference_externe = ANY (:references) OR s.sages = ANY (:sages) OR s.codique = ANY (:codiques)
     ORDER BY s.id
    """
).bindparams(*(bindparam(nom, type_=ARRAY(Text)) for nom in ("references", "sages", "codiques")))
_VERROUS = text(
    """
      WITH trouves AS (
           SELECT s.id FROM service_fiscal s
            WHERE s.reference_externe = ANY (:references) OR s.sages = ANY (:sages) OR s.codique = ANY (:codiques))
    SELECT a.service_id FROM agenda a
     WHERE a.service_id IN (
           SELECT id FROM trouves
           UNION SELECT d.service_delegue_id FROM delegation d JOIN trouves t ON t.id = d.service_id
           UNION SELECT d.service_id FROM delegation d JOIN trouves t ON t.id = d.service_delegue_id)
     ORDER BY a.service_id FOR NO KEY UPDATE
    """
).bindparams(*(bindparam(nom, type_=ARRAY(Text)) for nom in ("references", "sages", "codiques")))


async def _write_lot(uow: UnitOfWork, lus: Sequence[ServiceLu], maintenant: datetime) -> Bilan:
    """One batch, in a constant number of statements: no booking of the services it changes commits meanwhile."""
    conn = uow.conn
    await conn.execute(select(func.pg_advisory_xact_lock(VERROU_NATIONAL)))
    cles = {
        "references": [lu.reference for lu in lus if lu.reference],
        "sages": [lu.sages for lu in lus if lu.sages],
        "codiques": [lu.codique for lu in lus if lu.codique],
    }
    await conn.execute(_VERROUS, cles)
    actuels = [read_actuel(dict(ligne)) for ligne in (await conn.execute(_TROUVES, cles)).mappings()]
    lot = compare(lus, actuels)
    await _keep_engages(conn, lot, maintenant)
    await _keep_calendar(conn, lot, maintenant)
    await place_services(conn, lot.nouveaux, lot.changes)
    await _insert_nouveaux(conn, lot, maintenant)
    await _update_changes(conn, lot, maintenant)
    if lot.changes:
        touches = frozenset(avant["id"] for avant, _ in lot.changes)
        uow.annonces.planning_partout(touches | await read_lies(conn, touches, None))
    return lot.bilan


async def _keep_engages(conn: AsyncConnection, lot: Lot, maintenant: datetime) -> None:
    """Leave kind and clock as they are under delegations, which were agreed between them, and say so."""
    touches = [avant["id"] for avant, apres in lot.changes if any(avant[c] != apres[c] for c in SOUS_DELEGATION)]
    engages = await read_engagements(conn, touches, maintenant) if touches else {}
    for rang, (avant, apres) in enumerate(lot.changes):
        champs = [champ for champ in SOUS_DELEGATION if avant[champ] != apres[champ]]
        if not champs or avant["id"] not in engages:
            continue
        gardes = {**apres, **{champ: avant[champ] for champ in champs}}
        # Not kept as imported: the next import, once the delegations are over, changes them.
        gardes["annuaire"] = {c: v for c, v in apres["annuaire"].items() if c not in champs}
        lot.changes[rang] = (avant, gardes)
        noms = " et ".join(engages[avant["id"]])
        phrase = f"{avant['libelle']} garde son type et son fuseau : une délégation le lie à {noms}."
        lot.bilan.remarques.append(Remarque(lot.numeros[avant["id"]], champs[0], phrase, refus=False))


async def _keep_calendar(conn: AsyncConnection, lot: Lot, maintenant: datetime) -> None:
    """Leave clock and département as they are under rendez-vous to come, and say so."""
    touches = [avant["id"] for avant, apres in lot.changes if any(avant[champ] != apres[champ] for champ in _SOUS_RDV)]
    occupes = await find_occupes(conn, touches, maintenant) if touches else {}
    gardes: list[tuple[dict[str, Any], dict[str, Any]]] = []
    for avant, apres in lot.changes:
        if avant["id"] in occupes and any(avant[champ] != apres[champ] for champ in _SOUS_RDV):
            apres = {**apres, **{champ: avant[champ] for champ in _SOUS_RDV}}
            # Not kept as imported: the next import, once the rendez-vous are over, changes them.
            apres["annuaire"] = {c: v for c, v in apres["annuaire"].items() if c not in _SOUS_RDV}
            nombre = occupes[avant["id"]]
            phrase = f"{avant['libelle']} garde son département et son fuseau : {nombre} rendez-vous à venir."
            lot.bilan.remarques.append(Remarque(lot.numeros[avant["id"]], "departement", phrase, refus=False))
        if all(avant[champ] == apres[champ] for champ in CHAMPS):
            lot.bilan.inchanges += 1
            lot.vus.append((avant["id"], apres["annuaire"], apres["reference_externe"]))
        else:
            gardes.append((avant, apres))
    lot.changes = gardes


async def _insert_nouveaux(conn: AsyncConnection, lot: Lot, maintenant: datetime) -> None:
    if not lot.nouveaux:
        return
    lignes = [
        {
            **_typed({champ: valeurs[champ] for champ in CHAMPS}),
            "site_id": valeurs["site_id"],
            "reference_externe": lu.reference,
            "annuaire": dict(lu.faits),
        }
        for lu, valeurs in lot.nouveaux
    ]
    ids = (
        await conn.execute(insert(ServiceFiscal).returning(ServiceFiscal.id, sort_by_parameter_order=True), lignes)
    ).scalars()
    faits = [
        _journal("service.cree", service_id, maintenant, None, {c: valeurs[c] for c in CHAMPS})
        for service_id, (_, valeurs) in zip(ids, lot.nouveaux, strict=True)
    ]
    await conn.execute(insert(Journal), faits)
    lot.bilan.crees += len(lot.nouveaux)


def _typed(valeurs: dict[str, Any]) -> dict[str, Any]:
    for champ in ("latitude", "longitude"):
        valeurs[champ] = None if valeurs[champ] is None else Decimal(valeurs[champ])
    return valeurs


_COLONNES: Final = (*CHAMPS, "site_id", "reference_externe", "annuaire")
_MODIFIES = text(
    """
    UPDATE service_fiscal s SET
           type_code = l.type_code, sages = l.sages, codique = l.codique, codique_partage = l.codique_partage,
           libelle = l.libelle, adresse = l.adresse, complement_adresse = l.complement_adresse,
           code_postal = l.code_postal, ville = l.ville, departement = l.departement, telephone = l.telephone,
           courriel = l.courriel, accessibilite = l.accessibilite, horaires_texte = l.horaires_texte,
           fuseau = l.fuseau, centre_contact = l.centre_contact, latitude = l.latitude, longitude = l.longitude,
           site_id = l.site_id, reference_externe = l.reference_externe, annuaire = l.annuaire,
           revision = s.revision + 1
      FROM jsonb_to_recordset(CAST(:lignes AS jsonb)) AS l(
           id bigint, type_code text, sages text, codique text, codique_partage boolean, libelle text, adresse text,
           complement_adresse text, code_postal text, ville text, departement text, telephone text, courriel text,
           accessibilite text, horaires_texte text, fuseau text, centre_contact boolean, latitude numeric,
           longitude numeric, site_id bigint, reference_externe text, annuaire jsonb)
     WHERE s.id = l.id
    """
)
_VUS = text(
    """
    UPDATE service_fiscal s SET annuaire = l.annuaire, reference_externe = l.reference_externe
      FROM jsonb_to_recordset(CAST(:lignes AS jsonb)) AS l(id bigint, annuaire jsonb, reference_externe text)
     WHERE s.id = l.id
    """
)


async def _update_changes(conn: AsyncConnection, lot: Lot, maintenant: datetime) -> None:
    if lot.changes:
        lignes = [{"id": apres["id"], **{c: apres[c] for c in _COLONNES}} for _, apres in lot.changes]
        await conn.execute(_MODIFIES, {"lignes": json.dumps(lignes)})
        faits = []
        for avant, apres in lot.changes:
            champs = [champ for champ in (*CHAMPS, "site_id") if avant[champ] != apres[champ]]
            anciens, nouveaux = {c: avant[c] for c in champs}, {c: apres[c] for c in champs}
            faits.append(_journal("service.modifie", avant["id"], maintenant, anciens, nouveaux))
        await conn.execute(insert(Journal), faits)
        lot.bilan.modifies += len(lot.changes)
    if lot.vus:
        vus = [{"id": i, "annuaire": annuaire, "reference_externe": ref} for i, annuaire, ref in lot.vus]
        await conn.execute(_VUS, {"lignes": json.dumps(vus)})


def _journal(
    action: str,
    service_id: int,
    maintenant: datetime,
    avant: Mapping[str, Any] | None,
    apres: Mapping[str, Any],
) -> dict[str, Any]:
    return {
        "a": maintenant,
        "acteur": "systeme",
        "origine": "import",
        "action": action,
        "service_id": service_id,
        "objet": "service",
        "objet_id": service_id,
        "avant": avant,
        "apres": apres,
    }
