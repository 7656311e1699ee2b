"""The facts of an opening: what the service is, what it has organised, what the first usager would see."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking.contexte import MotifOffert, ServiceContexte, read_versions
from app.booking.jugement import compute_fenetre
from app.booking.outils import Outils
from app.booking.usager.calendrier import quand_de
from app.booking.usager.motifs import find_types
from app.domain.activation import Faits
from app.domain.calendrier import Fenetre
from app.domain.codique import Structure
from app.domain.horaires import from_minute
from app.domain.vocabulaire import Canal
from app.tables import ServiceFiscal, TypeService
from app.tables.vues import acces

#: Labels of the other services of a CODIQUE that are read: the sentence names three.
_HOMONYMES = 10


async def read_faits(outils: Outils, conn: AsyncConnection, service_id: int, maintenant: datetime) -> Faits:
    """Everything, in a number of statements that depends neither on guichets nor on days."""
    versions = await read_versions(conn, service_id)
    contexte = await outils.dispo.contextes.get(conn, service_id, versions.planning)
    service, homonymes, agents = await _read_service(conn, service_id)
    fenetre = compute_fenetre(contexte, Canal.INTERNET, maintenant)
    reservables = [m for m in contexte.motifs.values() if m.ouvert and find_types(contexte, m)]
    natures = frozenset(m.nature for m in reservables)
    return Faits(
        structure=Structure(
            service["famille"],
            service["comptable"],
            service["sages"],
            service["codique"],
            service["codique_partage"],
            natures,
        ),
        homonymes=homonymes,
        ferme=contexte.ferme,
        guichets_internet=sum(1 for g in contexte.guichets.values() if g.ouvert and g.accepts_canal(Canal.INTERNET)),
        premiere_plage=_find_plage(contexte, fenetre),
        horizon_jours=contexte.parametres.horizon(Canal.INTERNET),
        motifs_reservables=len(reservables),
        motifs_sans_guichet=sum(1 for m in contexte.motifs.values() if m.ouvert and not _is_pris(contexte, m)),
        natures_possibles=frozenset(m.nature for m in contexte.motifs.values() if m.actif),
        natures_ouvertes=natures,
        adresse=all(service[nom].strip() for nom in ("adresse", "code_postal", "ville")),
        telephone=bool(service["telephone"].strip()),
        courriel=bool(service["courriel"].strip()),
        agents=agents,
        premier_creneau=await _find_creneau(outils, conn, contexte, reservables, maintenant),
    )


async def _read_service(conn: AsyncConnection, service_id: int) -> tuple[dict[str, Any], Sequence[str], int]:
    """Its row with its kind, the other services of its CODIQUE, the number of agents who may receive in it."""
    agents = (
        select(func.count(acces.c.agent_id.distinct()))
        .where(acces.c.service_id == ServiceFiscal.id, acces.c.module == "accueil")
        .correlate(ServiceFiscal)
        .scalar_subquery()
    )
    ligne = (
        (
            await conn.execute(
                select(
                    ServiceFiscal.__table__, TypeService.famille, TypeService.comptable, agents.label("nombre_agents")
                )
                .join(TypeService, TypeService.code == ServiceFiscal.type_code)
                .where(ServiceFiscal.id == service_id)
            )
        )
        .mappings()
        .one()
    )
    homonymes: Sequence[str] = ()
    if ligne["codique"]:
        homonymes = (
            (
                await conn.execute(
                    select(ServiceFiscal.libelle)
                    .where(
                        ServiceFiscal.codique == ligne["codique"],
                        ServiceFiscal.id != service_id,
                        ServiceFiscal.ferme_a.is_(None),
                    )
                    .order_by(ServiceFiscal.libelle)
                    .limit(_HOMONYMES)
                )
            )
            .scalars()
            .all()
        )
    return dict(ligne), homonymes, int(ligne["nombre_agents"])


def _find_plage(contexte: ServiceContexte, fenetre: Fenetre) -> date | None:
    """The first day that usagers see on which a guichet of theirs receives."""
    if fenetre.au < fenetre.du:
        return None
    ouvertures = contexte.ouvertures(fenetre.du, fenetre.au)
    siens = [g.id for g in contexte.guichets.values() if g.ouvert and g.accepts_canal(Canal.INTERNET)]
    jours = (fenetre.du + timedelta(days=n) for n in range((fenetre.au - fenetre.du).days + 1))
    return next((jour for jour in jours if any(ouvertures.get(g, jour) for g in siens)), None)


def _is_pris(contexte: ServiceContexte, motif: MotifOffert) -> bool:
    return any(g.ouvert and g.accepts_motif(motif.id) for g in contexte.guichets.values())


async def _find_creneau(
    outils: Outils,
    conn: AsyncConnection,
    contexte: ServiceContexte,
    motifs: Sequence[MotifOffert],
    maintenant: datetime,
) -> str:
    """The first free créneau of all, in words; motifs that the same guichets take for as long are asked once."""
    versions = await read_versions(conn, contexte.id)
    vus: set[tuple[int, str, frozenset[int]]] = set()
    premier: tuple[int, str] | None = None
    for motif in motifs:
        preneurs = frozenset(g.id for g in contexte.guichets.values() if g.ouvert and g.accepts_motif(motif.id))
        for type_rdv in find_types(contexte, motif):
            cle = (motif.duree, type_rdv, preneurs)
            if cle in vus:
                continue
            vus.add(cle)
            dispo = await outils.dispo.read(
                conn,
                contexte.id,
                motif_id=motif.id,
                type_rdv=type_rdv,
                canal=Canal.INTERNET,
                maintenant=maintenant,
                versions=versions,
            )
            trouve = dispo.grille.find_premier()
            if trouve is not None and (premier is None or trouve.debut < premier[0]):
                premier = (trouve.debut, motif.libelle)
    if premier is None:
        return ""
    return f"{quand_de(from_minute(premier[0]), contexte.zone)}, pour « {premier[1]} »"
