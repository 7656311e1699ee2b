"""The page of consequences: what a draft would change, before it is published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.admin.pages import Organisation
from app.admin.plannings.changement import Changement, Effet
from app.admin.plannings.lecture import read_composition
from app.admin.plannings.publication import Vu, apply_changement, check_cibles, find_hors
from app.admin.plannings.semaine import Regard, build_semaine, compare, read_occupations
from app.booking.contexte import ServiceContexte
from app.booking.outils import Outils
from app.domain.consequences import Ecart, print_hors
from app.domain.horaires import from_minute
from app.domain.hors_organisation import RdvHors
from app.tables import Motif, RendezVous
from app.web.dates import jour_moyen

#: Rendez-vous listed on the page; beyond, only counted: they are all in « Rendez-vous à replacer » once published.
_MONTRES: Final = 50


async def build_apercu(
    outils: Outils,
    organisation: Organisation,
    changement: Changement,
    champs: Mapping[str, str],
    maintenant: datetime,
    semaine: date,
) -> dict[str, Any]:
    """What ``admin/plannings/apercu.html`` shows. ``champs``: the controls of the page; ``semaine``: shown first.

    Raises SaisieInvalide and ConflitEdition like the publication would.
    """
    contexte = organisation.contexte
    aujourdhui = maintenant.astimezone(contexte.zone).date()
    regard = Regard.of(champs, contexte, max(semaine, aujourdhui), aujourdhui)
    async with outils.db.read() as conn:
        comp = await read_composition(conn, contexte.id)
        await check_cibles(conn, changement, comp, contexte)
        effet = apply_changement(changement, comp, contexte, maintenant)
        hors = await find_hors(conn, contexte, comp, effet.apres, maintenant)
        versions = organisation.versions
        occupations = await read_occupations(outils.dispo, conn, contexte, versions, regard, maintenant)
        details = await _read_details(conn, hors[:_MONTRES])
    ecart = compare(comp, effet.apres, contexte, regard, occupations, maintenant)
    return {
        "semaine": build_semaine(effet.apres, contexte, regard, occupations, maintenant),
        "ecart": _build_ecart(ecart),
        "hors": [_build_hors(rdv, contexte, details) for rdv in hors[:_MONTRES]],
        "hors_nombre": len(hors),
        "vu": str(Vu(versions.planning, print_hors(hors))),
        "faits": _build_faits(effet),
        "supprime": effet.faits is None,
        "agenda": "agenda" in organisation.modules,
    }


def _build_faits(effet: Effet) -> list[tuple[str, Any, Any]]:
    """(word, before, after) of what differs; for something new, or removed, everything."""
    avant, apres = effet.avant or {}, effet.faits or {}
    return [
        (cle, avant.get(cle, ""), apres.get(cle, ""))
        for cle in dict.fromkeys((*avant, *apres))
        if avant.get(cle) != apres.get(cle)
    ]


def _build_ecart(ecart: Ecart) -> dict[str, Any]:
    return {
        "gagnes": ecart.gagnes,
        "perdus": ecart.perdus,
        "jours": [{"titre": jour_moyen(j.jour), "gagnes": j.gagnes, "perdus": j.perdus} for j in ecart.jours],
    }


async def _read_details(conn: AsyncConnection, hors: Sequence[RdvHors]) -> dict[int, str]:
    """The motif of each: nothing of the person is read here."""
    if not hors:
        return {}
    lignes = await conn.execute(
        select(RendezVous.id, Motif.libelle)
        .join(Motif, Motif.id == RendezVous.motif_id)
        .where(RendezVous.id.in_([rdv.rdv_id for rdv in hors]))
    )
    return {ligne.id: ligne.libelle for ligne in lignes}


def _build_hors(rdv: RdvHors, contexte: ServiceContexte, details: Mapping[int, str]) -> dict[str, Any]:
    debut = from_minute(rdv.debut).astimezone(contexte.zone)
    guichet = contexte.guichets.get(rdv.guichet_id)
    return {
        "id": rdv.rdv_id,
        "quand": f"{jour_moyen(debut.date())} à {debut:%H:%M}",
        "guichet": guichet.nom if guichet else "",
        "motif": details.get(rdv.rdv_id, ""),
        "cause": rdv.cause.phrase,
    }
