"""What the pages of the directory read: a fixed number of statements a page, whatever the directory holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.admin.annuaire.champs import FUSEAUX
from app.admin.annuaire.formulaire import NOUVEAU_SITE
from app.domain.codique import Defaut, Structure, explain_codique
from app.tables import Departement, Motif, MotifService, ServiceFiscal, Site, TypeService


@dataclass(frozen=True, slots=True)
class Reference:
    """The closed lists of a form: (value, words) pairs."""

    types: Sequence[tuple[str, str]]
    departements: Sequence[tuple[str, str]]
    fuseaux: Sequence[tuple[str, str]]
    fuseau_par_departement: Mapping[str, str]


async def read_reference(conn: AsyncConnection) -> Reference:
    """Kinds of service, départements and clocks: two statements."""
    types = await conn.execute(select(TypeService.code, TypeService.libelle).order_by(TypeService.ordre))
    departements = (
        await conn.execute(select(Departement.code, Departement.nom, Departement.fuseau).order_by(Departement.code))
    ).all()
    return Reference(
        [(ligne.code, ligne.libelle) for ligne in types],
        [(d.code, f"{d.code} – {d.nom}") for d in departements],
        list(FUSEAUX.items()),
        {d.code: d.fuseau for d in departements},
    )


async def read_sites(conn: AsyncConnection, departement: str, actuel: int | None = None) -> list[tuple[str, str]]:
    """The sites of a département's services, and the present one: (id, « Nom (3 services) »), a new one first."""
    occupants = func.count(ServiceFiscal.id)
    lignes = await conn.execute(
        select(Site.id, Site.nom, occupants.label("occupants"))
        .join(ServiceFiscal, ServiceFiscal.site_id == Site.id)
        .group_by(Site.id)
        .having(func.bool_or(ServiceFiscal.departement == departement) | (Site.id == actuel))
        .order_by(Site.nom, Site.id)
    )
    sites = [(str(s.id), f"{s.nom} ({s.occupants} service{'s' if s.occupants > 1 else ''})") for s in lignes]
    return [(NOUVEAU_SITE, "Un nouveau site, à l’adresse du service"), *sites]


@dataclass(frozen=True, slots=True)
class Etat:
    """What the page says of a service besides its fields. ``voisins``: the services of its site."""

    type_libelle: str
    departement: str
    fuseau: str
    site_nom: str
    site_adresse: str
    voisins: Sequence[str]
    defauts: Sequence[Defaut]


async def read_etat(conn: AsyncConnection, service: Mapping[str, Any]) -> Etat:
    """Type, site, neighbours and faults of a service (its row is given): two statements."""
    ligne = (
        await conn.execute(
            select(
                TypeService.libelle.label("type_libelle"),
                Departement.nom.label("departement"),
                Site.nom.label("site_nom"),
                func.concat_ws(", ", Site.adresse, func.concat_ws(" ", Site.code_postal, Site.ville)).label("adresse"),
                select(func.array_agg(ServiceFiscal.libelle))
                .where(ServiceFiscal.site_id == service["site_id"], ServiceFiscal.id != service["id"])
                .scalar_subquery()
                .label("voisins"),
            )
            .select_from(TypeService)
            .join(Departement, Departement.code == service["departement"])
            .join(Site, Site.id == service["site_id"])
            .where(TypeService.code == service["type_code"])
        )
    ).one()
    return Etat(
        ligne.type_libelle,
        ligne.departement,
        FUSEAUX.get(service["fuseau"], service["fuseau"]),
        ligne.site_nom,
        ligne.adresse,
        sorted(ligne.voisins or ()),
        await explain_service(conn, int(service["id"])),
    )


async def explain_service(conn: AsyncConnection, service_id: int) -> tuple[Defaut, ...]:
    """The faults of a service's SAGES and CODIQUE [C §6], in one statement; empty when all is well."""
    autre = ServiceFiscal.__table__.alias("autre")
    natures = (
        select(func.array_agg(Motif.nature.distinct()))
        .join(MotifService, MotifService.motif_id == Motif.id)
        .where(MotifService.service_id == ServiceFiscal.id, MotifService.ouvert, Motif.actif)
        .correlate(ServiceFiscal)
        .scalar_subquery()
    )
    autres = (
        select(func.array_agg(autre.c.libelle))
        .where(autre.c.codique == ServiceFiscal.codique, autre.c.id != ServiceFiscal.id, autre.c.ferme_a.is_(None))
        .correlate(ServiceFiscal)
        .scalar_subquery()
    )
    ligne = (
        await conn.execute(
            select(
                TypeService.famille,
                TypeService.comptable,
                ServiceFiscal.sages,
                ServiceFiscal.codique,
                ServiceFiscal.codique_partage,
                natures.label("natures"),
                autres.label("autres"),
            )
            .join(TypeService, TypeService.code == ServiceFiscal.type_code)
            .where(ServiceFiscal.id == service_id)
        )
    ).one()
    structure = Structure(
        ligne.famille,
        ligne.comptable,
        ligne.sages,
        ligne.codique,
        ligne.codique_partage,
        frozenset(ligne.natures or ()),
    )
    return explain_codique(structure, sorted(ligne.autres or ()))
