"""Two services linked by a delegation: what one changes, the other's context knows at once (G 2.3.5)."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import event, insert, text

from app.admin import chantier as chantiers
from app.admin.annuaire.ecritures import change_service
from app.admin.chantier import Chantier, organise
from app.admin.motifs.catalogue import find_motif, save_motif
from app.booking.api import annuaire as api
from app.booking.contexte import ServiceContexte, read_versions
from app.booking.outils import Auteur, Outils
from app.booking.usager.recherche import Recherche, find_services, is_en_ligne
from app.identite.acteur import Acteur
from app.identite.cles import AccesCle
from app.tables import Delegation
from tests.admin.delegations import LUNDI, Deux, build_deux
from tests.fixtures.donnees import MondeService, build_service

JOUR = LUNDI.date()
#: A key of somebody from elsewhere.
ACCES = AccesCle(Acteur(1, "loin", "Loin", "Agent", frozenset(), frozenset()), frozenset())


@pytest.fixture
async def deux(outils: Outils) -> Deux:
    return await build_deux(outils)


async def accept(deux: Deux, **change: Any) -> int:
    """A delegation of A's first motif to B, in force from today."""
    delegation = await deux.propose(**{"motifs": (deux.a.motifs[0],), "du": JOUR, **change})
    await deux.answer(delegation)
    return delegation


async def contexte(deux: Deux, service: MondeService) -> ServiceContexte:
    """What this process holds of it, asked as every page asks: by the planning version of now."""
    async with deux.outils.db.read() as conn:
        versions = await read_versions(conn, service.id)
        return await deux.outils.dispo.contextes.get(conn, service.id, versions.planning)


async def versions(deux: Deux) -> dict[int, int]:
    lignes = await deux.rows("SELECT service_id, version_planning FROM agenda")
    return dict(tuple(ligne) for ligne in lignes)


async def rename(deux: Deux, service: MondeService, libelle: str) -> None:
    (ligne,) = await deux.rows("SELECT revision FROM service_fiscal WHERE id = :s", s=service.id)
    assert await change_service(
        deux.outils, deux.chef(service), service.id, {"libelle": libelle}, ligne.revision, LUNDI
    )


async def touch(deux: Deux, service: MondeService, fois: int = 1) -> None:
    """A change of its organisation, recorded ``fois`` times over."""

    async def travail(chantier: Chantier) -> None:
        for _ in range(fois):
            await chantier.record("planning.modifie", "planning", None, avant={}, apres={})

    await organise(deux.outils, deux.chef(service), service.id, travail, LUNDI)


class TestLesVersions:
    """A change of either raises the planning version of both, in its own transaction."""

    async def test_either_side_raises_the_other_once_and_nobody_else(self, deux: Deux) -> None:
        await accept(deux)
        async with deux.outils.db.engine.begin() as conn:
            tiers = await build_service(conn, sages="5800452", libelle="SIP TIERS")
        for service in (deux.a, deux.b):
            avant = await versions(deux)
            await touch(deux, service, fois=3)
            apres = await versions(deux)
            assert {s: apres[s] - avant[s] for s in apres} == {deux.a.id: 1, deux.b.id: 1, tiers.id: 0}
        (trame,) = await deux.rows(
            "SELECT count(*) AS n FROM outbox WHERE sujet = :s AND trame LIKE '%planning.modifie%'",
            s=f"creneaux:{deux.a.id}",
        )
        assert trame.n == 1 + 1 + 3 + 1  # proposed, answered, its own three, one of the other

    async def test_a_delegation_that_is_over_or_refused_links_nobody(self, deux: Deux) -> None:
        ancienne = await accept(deux)
        refusee = await deux.propose(motifs=(deux.a.motifs[1],))
        await deux.answer(refusee, accepte=False)
        async with deux.outils.db.engine.begin() as conn:
            await conn.execute(
                text("UPDATE delegation SET du = :d, au = :d WHERE id = :i"),
                {"d": JOUR - timedelta(days=3), "i": ancienne},
            )
        avant = await versions(deux)
        await touch(deux, deux.a)
        apres = await versions(deux)
        assert {s: apres[s] - avant[s] for s in apres} == {deux.a.id: 1, deux.b.id: 0}

    async def test_however_many_are_linked_it_asks_as_often(self, deux: Deux) -> None:
        """One statement takes every row, one reads who is linked."""
        await accept(deux)
        async with deux.outils.db.engine.begin() as conn:
            for rang in range(5):
                autre = await build_service(conn, sages=f"590000{rang}", libelle=f"SIP {rang}")
                await conn.execute(
                    insert(Delegation).values(
                        service_id=autre.id,
                        service_delegue_id=deux.a.id,
                        motifs=[],
                        du=JOUR,
                        au=JOUR,
                        etat="acceptee",
                        cree_a=LUNDI,
                    )
                )
        vus: list[str] = []

        def note(*faits: Any) -> None:
            vus.append(faits[2])

        moteur = deux.outils.db.engine.sync_engine
        event.listen(moteur, "before_cursor_execute", note)
        try:
            await touch(deux, deux.a)
        finally:
            event.remove(moteur, "before_cursor_execute", note)
        assert sum("FOR NO KEY UPDATE" in v for v in vus) == 1
        assert sum("delegation" in v for v in vus) == 2

    async def test_chefs_of_both_who_change_at_once_never_deadlock(
        self, deux: Deux, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A transaction that a deadlock undid would be run once more: here it fails."""
        await accept(deux)
        monkeypatch.setattr("app.db._REJOUABLES", frozenset())
        async with asyncio.timeout(20):
            await asyncio.gather(*(touch(deux, s) for _ in range(8) for s in (deux.a, deux.b)))
        assert all(version >= 16 for version in (await versions(deux)).values())

    async def test_a_delegation_accepted_while_the_change_waits_is_told_of_it(
        self, deux: Deux, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Who is linked is read under the lock: not what it was when the lock was asked for."""
        prendre, fait = chantiers.lock_agendas, asyncio.Event()

        async def slow(*faits: Any) -> None:
            if not fait.is_set():
                fait.set()
                monkeypatch.setattr(chantiers, "lock_agendas", prendre)
                await accept(deux)
            await prendre(*faits)

        monkeypatch.setattr(chantiers, "lock_agendas", slow)
        avant = await versions(deux)
        await touch(deux, deux.a)
        apres = await versions(deux)
        assert {s: apres[s] - avant[s] for s in apres} == {deux.a.id: 3, deux.b.id: 3}


class TestCeQueChacunSait:
    """No context is outdated: names, documents and durations of the other are of now."""

    async def test_the_new_name_of_each_is_known_by_the_other(self, deux: Deux) -> None:
        await accept(deux)
        assert (await contexte(deux, deux.b)).origines == {deux.a.id: "SIP DE NEVERS"}
        assert (await contexte(deux, deux.a)).confiees[0].libelle_delegue == "SIP DE COSNE"
        await rename(deux, deux.a, "SIP DE NEVERS CENTRE")
        await rename(deux, deux.b, "SIP DE COSNE CENTRE")
        chez_b = await contexte(deux, deux.b)
        assert chez_b.origines == {deux.a.id: "SIP DE NEVERS CENTRE"}
        assert chez_b.recues[0].libelle == "SIP DE NEVERS CENTRE"
        assert (await contexte(deux, deux.a)).confiees[0].libelle_delegue == "SIP DE COSNE CENTRE"

    @pytest.mark.parametrize("au", [JOUR + timedelta(days=9), JOUR - timedelta(days=30)])
    async def test_the_name_of_one_that_delegated_before_follows_too(self, deux: Deux, au: date) -> None:
        delegation = await accept(deux)
        await deux.withdraw(deux.a, delegation, 2)
        async with deux.outils.db.engine.begin() as conn:
            await conn.execute(text("UPDATE delegation SET du = :au, au = :au"), {"au": au})
        assert (await contexte(deux, deux.b)).origines == {deux.a.id: "SIP DE NEVERS"}
        await rename(deux, deux.a, "SIP DE NEVERS CENTRE")
        assert (await contexte(deux, deux.b)).origines == {deux.a.id: "SIP DE NEVERS CENTRE"}

    async def test_the_documents_of_a_motif_merely_received_are_those_of_the_catalogue(self, deux: Deux) -> None:
        await accept(deux)
        motif_id = deux.a.motifs[0]
        async with deux.outils.db.engine.begin() as conn:
            await conn.execute(
                text(
                    "INSERT INTO type_service (code, libelle, famille, par_adresse, comptable, ordre) "
                    "VALUES ('TRESO', 'Trésorerie', 'treso', FALSE, TRUE, 9)"
                )
            )
            await conn.execute(text("UPDATE service_fiscal SET type_code = 'TRESO' WHERE id = :b"), {"b": deux.b.id})
            await conn.execute(text("UPDATE agenda SET version_planning = version_planning + 1"))
            motif = await find_motif(conn, motif_id)
        assert motif_id in (await contexte(deux, deux.b)).motifs
        champs = ("libelle", "parent_id", "nature", "public", "faq_url", "demarche_url")
        valeurs = {**{champ: motif[champ] for champ in champs}, "libelle": "Avis reçu", "documents": ["Dernier avis"]}
        national = Auteur("agent", agent_id=deux.a.agents["national"])
        await save_motif(deux.outils, national, LUNDI, motif["type_service_code"], valeurs, motif_id=motif_id)
        assert (await contexte(deux, deux.b)).motifs[motif_id].documents == ("Dernier avis",)


#: What is done to the two services → whether somebody can be received.
SITUATIONS = {
    "le guichet de l’autre": ("", True),
    "ses guichets fermés": ("UPDATE guichet SET ouvert = FALSE WHERE service_id = :b", False),
    "ses guichets réservés": ("UPDATE guichet SET canaux = '{rattache}' WHERE service_id = :b", False),
    "l’autre fermé pour toujours": ("UPDATE service_fiscal SET ferme_a = now() WHERE id = :b", False),
    "aucun motif au catalogue": ("UPDATE motif SET actif = FALSE", False),
    "terminée": ("UPDATE delegation SET du = '2026-11-01', au = '2026-11-02'", False),
    "arrêtée": ("UPDATE delegation SET etat = 'retiree'", False),
    "à venir": ("UPDATE delegation SET du = '2026-12-01', au = '2026-12-02'", True),
}


class TestPrendreRendezVous:
    """« Prendre rendez-vous » only when somebody can receive: three readings of it, one answer [C §5]."""

    @pytest.mark.parametrize("situation", SITUATIONS)
    async def test_the_context_the_search_and_the_api_agree(self, deux: Deux, situation: str) -> None:
        await accept(deux)
        requete, attendu = SITUATIONS[situation]
        async with deux.outils.db.engine.begin() as conn:
            await conn.execute(text("UPDATE guichet SET ouvert = FALSE WHERE service_id = :a"), {"a": deux.a.id})
            if requete:
                await conn.execute(text(requete), {"b": deux.b.id} if ":b" in requete else {})
            await conn.execute(text("UPDATE agenda SET version_planning = version_planning + 1"))
        assert (await contexte(deux, deux.a)).prend_en_ligne(JOUR) is attendu
        async with deux.outils.db.read() as conn:
            (ligne,) = await find_services(conn, Recherche(), service_id=deux.a.id)
            assert is_en_ligne(ligne, LUNDI) is attendu
            trouve = await api.find_service(conn, deux.a.id, ACCES, LUNDI)
        assert trouve is not None
        assert trouve.prise_en_ligne is attendu

    async def test_closing_the_last_guichet_over_there_is_known_here(self, deux: Deux) -> None:
        """By the use case: nobody raises the version by hand."""
        await accept(deux)
        async with deux.outils.db.engine.begin() as conn:
            await conn.execute(text("UPDATE guichet SET ouvert = FALSE WHERE service_id = :a"), {"a": deux.a.id})
            await conn.execute(text("UPDATE agenda SET version_planning = version_planning + 1"))
        assert (await contexte(deux, deux.a)).prend_en_ligne(JOUR)

        async def travail(chantier: Chantier) -> None:
            await chantier.conn.execute(
                text("UPDATE guichet SET ouvert = FALSE WHERE service_id = :b"), {"b": deux.b.id}
            )
            await chantier.record("guichet.ferme", "guichet", None, avant={}, apres={}, genre="guichet.modifie")

        await organise(deux.outils, deux.chef(deux.b), deux.b.id, travail, LUNDI)
        assert not (await contexte(deux, deux.a)).prend_en_ligne(JOUR)
