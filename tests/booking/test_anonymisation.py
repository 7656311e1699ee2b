"""Retention by parameter, anonymisation of every column that says something of people (P16)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, text, update

from app.booking.anonymisation import EFFACE, anonymise_anciens
from app.booking.outils import Auteur, Outils
from app.booking.reserver import book
from app.booking.vie import act
from app.domain.horaires import to_minute
from app.domain.rendez_vous import Action
from app.tables import (
    Attente,
    Base,
    ContreAppel,
    Courrier,
    Parametre,
    RdvUsager,
    RendezVous,
    SessionUsager,
    Suite,
    Usager,
)
from app.tables.classement import Classe, get_classe
from tests.booking.outillage import demande
from tests.fixtures.donnees import MondeService, build_equipe, build_service

ALORS = datetime(2027, 2, 1, 8, 0, tzinfo=UTC)
RDV_A = datetime(2027, 2, 1, 13, 20, tzinfo=UTC)
#: The first day on which a RDV of 1 February 2027 is older than 1,095 days.
ECHU = datetime(2030, 2, 1, 3, 0, tzinfo=UTC)
#: What erased columns hold: nothing, or a word that says so.
NEUTRES: tuple[Any, ...] = (None, "", [], {}, EFFACE)


@pytest.fixture
async def service(outils: Outils) -> MondeService:
    async with outils.db.engine.begin() as conn:
        return await build_equipe(conn, await build_service(conn))


async def rempli(outils: Outils, service: MondeService) -> int:
    """A RDV of which every column about people is filled, in every table that follows it."""
    auteur = Auteur("agent", agent_id=service.agents["agent"])
    voulu = demande(service, to_minute(RDV_A), 1, canal="rattache", origine="guichet", guichet_id=service.guichets[0])
    rdv = await book(outils, voulu, auteur, ALORS)
    async with outils.db.engine.begin() as conn:
        usager = await conn.execute(
            insert(Usager)
            .values(nature="particulier", nom_usage="VALENTON", numero_fiscal="3012345678901", modifie_a=ALORS)
            .returning(Usager.id)
        )
        usager_id = usager.scalar_one()
        await conn.execute(
            insert(SessionUsager).values(empreinte=b"s", usager_id=usager_id, cree_a=ALORS, vue_a=ALORS, expire_a=ALORS)
        )
        libres = dict.fromkeys(
            ("precision", "note_interne", "message_usager", "annule_raison"), "Mme Valenton, divorcée"
        )
        await conn.execute(
            update(RendezVous)
            .where(RendezVous.id == rdv.id)
            .values(
                **libres,
                usager_id=usager_id,
                visio_lien="https://visio.test/secret",
                option_empreinte=b"v",
                documents_prets=["0123456789ab"],
            )
        )
        personne = {
            "civilite": "madame",
            "nom_usage": "VALENTON",
            "nom_naissance": "DURAND",
            "prenoms": "Philippine",
            "date_naissance": date(1985, 1, 10),
            "numero_fiscal": "3012345678901",
            "raison_sociale": "VALENTON SARL",
            "siren": "732829320",
            "contact": "Philippine Valenton",
            "telephones": ["+33612345678"],
            "preference_appel": "matin",
            "courriel": "philippine@exemple.test",
            "recherche": " VALENTON PHILIPPINE ",
        }
        await conn.execute(update(RdvUsager).where(RdvUsager.rdv_id == rdv.id).values(**personne))
        await conn.execute(text("DELETE FROM courrier"))
        await conn.execute(
            insert(Courrier).values(
                rdv_id=rdv.id,
                evenement="confirmation",
                canal="mail",
                destinataire="philippine@exemple.test",
                message_id="<1@exemple.test>",
                donnees={"usager_nom": "VALENTON"},
                cree_a=ALORS,
                du_a=ALORS,
                envoye_a=ALORS,
                erreur="550 philippine@exemple.test",
            )
        )
        await conn.execute(
            insert(ContreAppel).values(
                rdv_id=rdv.id,
                agent_id=service.agents["agent"],
                jour=ALORS.date(),
                resultat="a_recevoir",
                commentaire="Mme Valenton rappellera",
                annule_rdv=False,
                cree_a=ALORS,
            )
        )
        await conn.execute(
            insert(Suite).values(
                rdv_id=rdv.id,
                agent_id=service.agents["agent"],
                nature="demarche",
                reference="VALENTON-2027",
                note="Dossier de Mme Valenton",
                cree_a=ALORS,
            )
        )
        await conn.execute(
            insert(Attente).values(
                service_id=service.id,
                motif_id=service.motifs[0],
                type_rdv="guichet",
                nature="particulier",
                du=ALORS.date(),
                au=ALORS.date(),
                nom="Mme Valenton",
                canal="mail",
                contact="philippine@exemple.test",
                etat="active",
                rang_a=ALORS,
                lien_sel=b"s",
                lien_empreinte=b"e",
                cree_a=ALORS,
                expire_a=ALORS,
            )
        )
    return rdv.id


async def lignes(outils: Outils, table: str) -> list[dict[str, Any]]:
    async with outils.db.read() as conn:
        return [dict(ligne) for ligne in (await conn.execute(select(Base.metadata.tables[table]))).mappings()]


#: Every column about usagers, by table; and the secrets of a RDV, which could lead back to one.
PERSONNES = {
    table.name: [
        c.name
        for c in table.columns
        if get_classe(table.name, c.name) in (Classe.USAGER, Classe.USAGER_LIBRE)
        or (table.name == "rendez_vous" and get_classe(table.name, c.name) is Classe.SECRET)
    ]
    for table in Base.metadata.tables.values()
}


async def test_every_classified_column_is_filled_before_and_erased_after(outils: Outils, service: MondeService) -> None:
    await rempli(outils, service)
    tables = [table for table, colonnes in PERSONNES.items() if colonnes]
    assert set(tables) >= {"rdv_usager", "rendez_vous", "courrier", "contre_appel", "suite", "usager", "session_usager"}
    registre = {"usager", "session_usager", "attente"}  # whole rows leave
    for table in tables:
        (ligne,) = await lignes(outils, table)
        vides = [c for c in PERSONNES[table] if ligne[c] in NEUTRES]
        assert vides == [] or table in registre, (table, vides)
    assert await anonymise_anciens(outils, ECHU) == 1
    for table in tables:
        restes = await lignes(outils, table)
        if table in registre:
            assert restes == [], table
            continue
        (ligne,) = restes
        assert [c for c in PERSONNES[table] if ligne[c] not in NEUTRES] == [], table
    texte = repr([await lignes(outils, table) for table in Base.metadata.tables])
    for trace in ("VALENTON", "Valenton", "philippine", "Philippine", "732829320", "3012345678901", "612345678"):
        assert trace not in texte, trace


async def test_figures_stay(outils: Outils, service: MondeService) -> None:
    rdv_id = await rempli(outils, service)
    auteur = Auteur("agent", agent_id=service.agents["agent"])
    await act(outils, rdv_id, Action.MARQUER_ARRIVEE, auteur, RDV_A)
    comptes, passages = await lignes(outils, "compteur_jour"), await lignes(outils, "passage")
    (avant,) = await lignes(outils, "rendez_vous")
    await anonymise_anciens(outils, ECHU)
    (apres,) = await lignes(outils, "rendez_vous")
    assert await lignes(outils, "compteur_jour") == comptes
    assert await lignes(outils, "passage") == passages
    garde = [
        c for c in avant if get_classe("rendez_vous", c) in (Classe.RENDEZ_VOUS, Classe.AGENT) and c != "anonymise_a"
    ]
    assert {c: apres[c] for c in garde} == {c: avant[c] for c in garde}
    (personne,) = await lignes(outils, "rdv_usager")
    assert personne["nature"] == "particulier"
    assert personne["anonymise_a"] == apres["anonymise_a"] == ECHU


async def test_the_retention_is_the_nation_s_parameter_to_the_day(outils: Outils, service: MondeService) -> None:
    await rempli(outils, service)
    assert await anonymise_anciens(outils, ECHU - timedelta(days=1)) == 0
    async with outils.db.engine.begin() as conn:
        await conn.execute(insert(Parametre).values(cle="conservation_jours", valeur=30, modifie_a=ALORS))
    assert await anonymise_anciens(outils, ALORS + timedelta(days=30)) == 0
    assert await anonymise_anciens(outils, ALORS + timedelta(days=31)) == 1
    assert await anonymise_anciens(outils, ALORS + timedelta(days=31)) == 0


async def test_it_is_journaled_by_its_count(outils: Outils, service: MondeService) -> None:
    await rempli(outils, service)
    await anonymise_anciens(outils, ECHU)
    faits = [ligne["apres"] for ligne in await lignes(outils, "journal") if ligne["action"] == "donnees.anonymisees"]
    assert faits == [
        {"rendez_vous": 1, "avant": "2027-02-02"},
        {"attentes": 1, "usagers": 1, "avant": "2027-02-02"},
    ]


async def test_a_registered_person_with_a_kept_rendez_vous_stays(outils: Outils, service: MondeService) -> None:
    await rempli(outils, service)
    async with outils.db.engine.begin() as conn:
        await conn.execute(text("UPDATE usager SET modifie_a = '2020-01-01'"))
    assert await anonymise_anciens(outils, ALORS + timedelta(days=10)) == 0
    assert len(await lignes(outils, "usager")) == 1
