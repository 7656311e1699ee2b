"""Services, plannings, agents and keys of the demo, inserted once in an empty database."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.admin.annuaire.reference import install_reference
from app.demo.delegations import insert_delegations
from app.demo.monde import (
    COLLEGUES,
    COMPETENCES,
    COMPTES,
    GUICHET_DU_BOX,
    NEVERS,
    SERVICES,
    SITES,
    CompteDecrit,
    ServiceDecrit,
)
from app.demo.referentiel import insert_communes
from app.tables import (
    Agent,
    CleApi,
    ExceptionPlanning,
    Guichet,
    GuichetAgent,
    Habilitation,
    JourneeType,
    Motif,
    MotifService,
    Plage,
    Planning,
    PlanningJour,
    Rattachement,
    ServiceFiscal,
    Site,
)


@dataclass(frozen=True, slots=True)
class Installe:
    """Ids by SAGES, and by (SAGES, name of guichet)."""

    services: Mapping[str, int]
    guichets: Mapping[tuple[str, str], int]


async def _insert(conn: AsyncConnection, table: Any, **valeurs: Any) -> int:
    return int((await conn.execute(insert(table).values(**valeurs).returning(table.id))).scalar_one())


async def install(conn: AsyncConnection, mot_de_passe_hache: str, maintenant: datetime, *, boite: bool) -> None:
    """Everything but the rendez-vous. The caller has checked that the database is empty."""
    await install_reference(conn)
    sites = {
        cle: await _insert(
            conn,
            Site,
            nom=s.nom,
            adresse=s.adresse,
            complement_adresse=s.complement,
            code_postal=s.code_postal,
            ville=s.ville,
            fuseau=s.fuseau,
        )
        for cle, s in SITES.items()
    }
    motifs = {
        (ligne.type_service_code, ligne.code): ligne.id
        for ligne in await conn.execute(
            select(Motif.type_service_code, Motif.code, Motif.id).where(Motif.parent_id.is_not(None))
        )
    }
    services: dict[str, int] = {}
    guichets: dict[tuple[str, str], int] = {}
    lundi = maintenant.date() - timedelta(days=maintenant.weekday(), weeks=26)
    for decrit in SERVICES:
        service_id = services[decrit.sages] = await _insert_service(conn, decrit, sites[decrit.site])
        siens = {code: motif_id for (type_code, code), motif_id in motifs.items() if type_code == decrit.type_code}
        await _insert_motifs(conn, decrit, service_id, siens)
        for nom, guichet_id in (await _insert_guichets(conn, decrit, service_id, siens)).items():
            guichets[decrit.sages, nom] = guichet_id
        await _insert_plannings(conn, decrit, service_id, guichets, lundi)
    installe = Installe(services, guichets)
    await insert_communes(conn, {dep: [services[s] for s in sages] for dep, sages in COMPETENCES.items()})
    await _insert_exceptions(conn, installe, maintenant)
    await _insert_agents(conn, installe, mot_de_passe_hache, maintenant, boite=boite)
    organisateurs = {**{sages: f"collegue-{sages}" for sages in services}, NEVERS: "chef"}
    await insert_delegations(conn, services, organisateurs, maintenant)


async def _insert_service(conn: AsyncConnection, decrit: ServiceDecrit, site_id: int) -> int:
    site = SITES[decrit.site]
    return await _insert(
        conn,
        ServiceFiscal,
        type_code=decrit.type_code,
        site_id=site_id,
        sages=decrit.sages,
        codique=decrit.codique,
        libelle=decrit.libelle,
        adresse=decrit.adresse or site.adresse,
        complement_adresse=site.complement,
        code_postal=decrit.code_postal,
        ville=decrit.ville,
        departement=decrit.departement,
        telephone=decrit.telephone,
        courriel=decrit.courriel,
        fuseau=site.fuseau,
        accessibilite="Entrée et guichets accessibles en fauteuil roulant",
        horaires_texte=decrit.horaires_texte,
        pas_minutes=decrit.pas,
        duree_minutes=decrit.duree,
        centre_contact=decrit.centre_contact,
        en_ligne=decrit.en_ligne,
        visio_base=decrit.visio_base,
    )


async def _insert_motifs(
    conn: AsyncConnection, decrit: ServiceDecrit, service_id: int, motifs: Mapping[str, int]
) -> None:
    await conn.execute(
        insert(MotifService),
        [
            {
                "service_id": service_id,
                "motif_id": motif_id,
                "ouvert": code not in decrit.motifs_fermes,
                "duree_minutes": (decrit.durees or {}).get(code),
            }
            for code, motif_id in motifs.items()
        ],
    )


async def _insert_guichets(
    conn: AsyncConnection, decrit: ServiceDecrit, service_id: int, motifs: Mapping[str, int]
) -> dict[str, int]:
    return {
        guichet.nom: await _insert(
            conn,
            Guichet,
            service_id=service_id,
            nom=guichet.nom,
            ordre=rang,
            ouvert=guichet.ouvert,
            motifs=None if guichet.motifs is None else [motifs[code] for code in guichet.motifs],
            canaux=None if guichet.canaux is None else list(guichet.canaux),
            types=None if guichet.types is None else list(guichet.types),
        )
        for rang, guichet in enumerate(decrit.guichets, start=1)
    }


async def _insert_plannings(
    conn: AsyncConnection,
    decrit: ServiceDecrit,
    service_id: int,
    guichets: Mapping[tuple[str, str], int],
    du: date,
) -> None:
    journees: dict[str, int] = {}
    for nom, plages in decrit.journees.items():
        journees[nom] = await _insert(conn, JourneeType, service_id=service_id, nom=nom)
        await conn.execute(
            insert(Plage),
            [{"journee_type_id": journees[nom], "debut_minute": debut, "fin_minute": fin} for debut, fin in plages],
        )
    ecrits: list[tuple[str, int | None, tuple[Mapping[int, str], ...]]] = [("Semaine type", None, (decrit.semaine,))]
    for guichet in decrit.guichets:
        if guichet.semaines is not None:
            ecrits.append((f"Semaines A et B – {guichet.nom}", guichets[decrit.sages, guichet.nom], guichet.semaines))
    for nom, guichet_id, semaines in ecrits:
        planning_id = await _insert(
            conn,
            Planning,
            service_id=service_id,
            guichet_id=guichet_id,
            nom=nom,
            nature="semaine",
            cycle=len(semaines),
            du=du,
        )
        await conn.execute(
            insert(PlanningJour),
            [
                {"planning_id": planning_id, "rang": rang, "jour_semaine": jour, "journee_type_id": journees[journee]}
                for rang, semaine in enumerate(semaines)
                for jour, journee in semaine.items()
            ],
        )


async def _insert_exceptions(conn: AsyncConnection, installe: Installe, maintenant: datetime) -> None:
    """Two closures to come in Nevers: a guichet for a day, the whole service for an afternoon."""

    def working_day(dans: int) -> date:
        jour = maintenant.date() + timedelta(days=dans)
        return jour if jour.isoweekday() <= 5 else jour + timedelta(days=8 - jour.isoweekday())

    formation, reunion = working_day(9), working_day(16)
    await conn.execute(
        insert(ExceptionPlanning),
        [
            {
                "service_id": installe.services[NEVERS],
                "guichet_id": installe.guichets[NEVERS, "Guichet n° 3 – Paiement"],
                "nature": "fermeture",
                "du": formation,
                "au": formation,
                "debut_minute": None,
                "fin_minute": None,
                "libelle": "Formation de l’agent",
                "cree_a": maintenant,
            },
            {
                "service_id": installe.services[NEVERS],
                "guichet_id": None,
                "nature": "fermeture",
                "du": reunion,
                "au": reunion,
                "debut_minute": 14 * 60,
                "fin_minute": 18 * 60,
                "libelle": "Réunion de service",
                "cree_a": maintenant,
            },
        ],
    )


async def _insert_agents(
    conn: AsyncConnection, installe: Installe, mot_de_passe_hache: str, maintenant: datetime, *, boite: bool
) -> None:
    for compte in COMPTES:
        agent_id = await _insert_compte(conn, installe, compte, mot_de_passe_hache)
        await conn.execute(
            insert(CleApi).values(
                empreinte=hashlib.sha256(f"demo-{compte.identifiant}".encode()).digest(),
                agent_id=agent_id,
                libelle="Démonstration",
                cree_a=maintenant,
            )
        )
        if compte.identifiant == "box" and boite:  # whoever is assigned gets mail: only where it stays on this machine
            await conn.execute(
                insert(GuichetAgent).values(guichet_id=installe.guichets[NEVERS, GUICHET_DU_BOX], agent_id=agent_id)
            )
    for (prenom, nom), decrit in zip(COLLEGUES, SERVICES, strict=True):
        collegue = CompteDecrit(
            f"collegue-{decrit.sages}", prenom, nom, "agent_local", "service", (decrit.sages,), zone=(decrit.sages,)
        )
        await _insert_compte(conn, installe, collegue, None)


async def _insert_compte(
    conn: AsyncConnection, installe: Installe, compte: CompteDecrit, mot_de_passe_hache: str | None
) -> int:
    agent_id = await _insert(
        conn,
        Agent,
        identifiant=compte.identifiant,
        nom=compte.nom,
        prenom=compte.prenom,
        courriel=f"{compte.identifiant}@dgfip.test",
        mot_de_passe=mot_de_passe_hache,
    )
    commun = {"agent_id": agent_id, "profil": compte.profil, "perimetre": compte.perimetre}
    if compte.perimetre == "service":
        habilitations = [{**commun, "service_id": installe.services[sages]} for sages in compte.services]
    else:
        habilitations = [{**commun, "departement": compte.departement}]
    await conn.execute(insert(Habilitation), habilitations)
    if compte.zone:
        await conn.execute(
            insert(Rattachement),
            [{"agent_id": agent_id, "service_id": installe.services[sages]} for sages in compte.zone],
        )
    return agent_id
