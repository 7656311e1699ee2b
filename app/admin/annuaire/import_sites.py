"""Where each imported service receives: the site of its address, found, created or moved, three statements a batch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.admin.annuaire.lignes import ServiceLu
from app.admin.annuaire.sites import build_cle, build_nom
from app.tables import ServiceFiscal, Site

_ADRESSE: Final = ("adresse", "code_postal", "ville")
_DEPLACES = text(
    """
    UPDATE site i SET nom = l.nom, adresse = l.adresse, complement_adresse = l.complement_adresse,
           code_postal = l.code_postal, ville = l.ville, fuseau = l.fuseau, revision = i.revision + 1
      FROM jsonb_to_recordset(CAST(:lignes AS jsonb)) AS l(id bigint, nom text, adresse text, complement_adresse text,
           code_postal text, ville text, fuseau text)
     WHERE i.id = l.id
    """
)

Cle = tuple[str, str, str]


async def place_services(
    conn: AsyncConnection,
    nouveaux: Sequence[tuple[ServiceLu, dict[str, Any]]],
    changes: Sequence[tuple[dict[str, Any], dict[str, Any]]],
) -> None:
    """Set ``site_id`` of every new service, and of those whose address has changed.

    Services at one address share its site. A service alone on its site takes it along when it moves, unless a site is
    already there: what is paired with it (kiosk, screen) follows.
    """
    demenages = [(avant, apres) for avant, apres in changes if any(avant[c] != apres[c] for c in _ADRESSE)]
    if not nouveaux and not demenages:
        return
    par_cle, occupants = await _read_sites(conn)
    a_creer: list[dict[str, Any]] = []
    attente: list[tuple[dict[str, Any], int]] = []
    prevus: dict[Cle, int] = {}
    deplaces: dict[int, dict[str, Any]] = {}
    for avant, apres in [*demenages, *((None, valeurs) for _, valeurs in nouveaux)]:
        cle = build_cle(*(apres[c] for c in _ADRESSE))
        if cle is not None and cle in par_cle:
            apres["site_id"] = par_cle[cle]
        elif avant is not None and occupants.get(avant["site_id"]) == 1 and avant["site_id"] not in deplaces:
            deplaces[avant["site_id"]] = _describe(apres)
            if cle is not None:
                par_cle[cle] = avant["site_id"]
        else:
            rang = prevus.get(cle, len(a_creer)) if cle is not None else len(a_creer)
            if rang == len(a_creer):
                a_creer.append(_describe(apres))
            if cle is not None:
                prevus[cle] = rang
            attente.append((apres, rang))
    if deplaces:
        lignes = [{"id": site_id, **decrit} for site_id, decrit in deplaces.items()]
        await conn.execute(_DEPLACES, {"lignes": json.dumps(lignes)})
    if a_creer:
        ordre = insert(Site).returning(Site.id, sort_by_parameter_order=True)
        ids = (await conn.execute(ordre, a_creer)).scalars().all()
        for valeurs, rang in attente:
            valeurs["site_id"] = ids[rang]


async def _read_sites(conn: AsyncConnection) -> tuple[dict[Cle, int], dict[int, int]]:
    lignes = await conn.execute(
        select(Site.id, Site.adresse, Site.code_postal, Site.ville, func.count(ServiceFiscal.id).label("occupants"))
        .outerjoin(ServiceFiscal, ServiceFiscal.site_id == Site.id)
        .group_by(Site.id)
        .order_by(Site.id.desc())
    )
    par_cle: dict[Cle, int] = {}
    occupants: dict[int, int] = {}
    for ligne in lignes:
        occupants[ligne.id] = ligne.occupants
        if (cle := build_cle(ligne.adresse, ligne.code_postal, ligne.ville)) is not None:
            par_cle[cle] = ligne.id  # the oldest one, when several say the same address
    return par_cle, occupants


def _describe(faits: dict[str, Any]) -> dict[str, Any]:
    return {
        "nom": build_nom(faits),
        "adresse": faits["adresse"],
        "complement_adresse": faits["complement_adresse"],
        "code_postal": faits["code_postal"],
        "ville": faits["ville"],
        "fuseau": faits["fuseau"],
    }
