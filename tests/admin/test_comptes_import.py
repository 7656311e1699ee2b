"""``accueil import-agents``: a directory's export, idempotent, told line by line (G 2.2.2)."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from app import clock
from app.admin.comptes.importation import COLONNES, Rapport, read_file
from app.admin.comptes.importation_comptes import import_agents
from app.booking.outils import Outils
from app.config import RACINE
from app.errors import Conflit, SaisieInvalide
from tests.fixtures.donnees import MondeService, build_agent, build_service

SAGES = "5800450"


@pytest.fixture
async def service(outils: Outils) -> MondeService:
    async with outils.db.engine.begin() as conn:
        monde = await build_service(conn, sages=SAGES)
        monde.agents["national"] = await build_agent(conn, "national", profil="admin_national", perimetre="nation")
        return monde


def line(identifiant: str, **plus: str) -> dict[str, str]:
    return {
        "identifiant": identifiant,
        "nom": "Durand",
        "prenom": identifiant.capitalize(),
        "courriel": f"{identifiant}@dgfip.test",
        "profil": "agent_local",
        "perimetre": f"service:{SAGES}",
        "rattachements": SAGES,
        **plus,
    }


async def run(outils: Outils, *lignes: dict[str, str], **options: Any) -> Rapport:
    return await import_agents(outils, list(enumerate(lignes, 2)), clock.now(), **options)


async def rows(outils: Outils, requete: str, **parametres: Any) -> list[tuple[Any, ...]]:
    async with outils.db.read() as conn:
        return [tuple(ligne) for ligne in await conn.execute(text(requete), parametres)]


async def state(outils: Outils) -> list[tuple[Any, ...]]:
    """Everything that the import may write, but the journal."""
    return [
        *await rows(outils, "SELECT * FROM agent ORDER BY id"),
        *await rows(outils, "SELECT * FROM habilitation ORDER BY id"),
        *await rows(outils, "SELECT * FROM rattachement ORDER BY 1, 2"),
    ]


class TestImporter:
    async def test_accounts_habilitations_and_services_are_created(self, outils: Outils, service: MondeService) -> None:
        rapport = await run(
            outils,
            line("claire"),
            line("claire", profil="pilotage", perimetre="departement:58"),
            line("paul", perimetre="nation", profil="agent_national", rattachements=""),
        )
        assert (rapport.crees, rapport.refus) == (2, [])
        droits = await rows(
            outils,
            "SELECT identifiant, profil, perimetre, h.annuaire FROM habilitation h JOIN agent a ON a.id = h.agent_id"
            " WHERE a.annuaire = 'present' ORDER BY 1, 2",
        )
        assert droits == [
            ("claire", "agent_local", "service", True),
            ("claire", "pilotage", "departement", True),
            ("paul", "agent_national", "nation", True),
        ]
        acces = await rows(
            outils, "SELECT DISTINCT module FROM acces x JOIN agent a ON a.id = x.agent_id WHERE identifiant = 'claire'"
        )
        assert {module for (module,) in acces} == {"agenda", "accueil", "pilotage"}

    async def test_run_again_it_changes_nothing_at_all(self, outils: Outils, service: MondeService) -> None:
        lignes = [line("claire"), line("claire", profil="admin_local"), line("paul")]
        await run(outils, *lignes)
        avant, journal = await state(outils), await rows(outils, "SELECT count(*) FROM journal")
        rapport = await run(outils, *lignes)
        assert (rapport.crees, rapport.modifies, rapport.inchanges) == (0, 0, 2)
        assert await state(outils) == avant
        assert await rows(outils, "SELECT count(*) FROM journal") == journal

    async def test_what_the_directory_no_longer_says_goes_and_what_a_person_gave_stays(
        self, outils: Outils, service: MondeService
    ) -> None:
        await run(outils, line("claire"), line("claire", profil="pilotage"))
        async with outils.db.engine.begin() as conn:
            await conn.execute(
                text(
                    "INSERT INTO habilitation (agent_id, profil, perimetre, service_id)"
                    " SELECT id, 'admin_local', 'service', :s FROM agent WHERE identifiant = 'claire'"
                ),
                {"s": service.id},
            )
        rapport = await run(outils, line("claire", rattachements="", nom="Durand-Petit"))
        assert rapport.modifies == 1
        droits = await rows(
            outils,
            "SELECT profil FROM habilitation h JOIN agent a ON a.id = h.agent_id WHERE identifiant = 'claire'"
            " ORDER BY profil",
        )
        assert droits == [("admin_local",), ("agent_local",)]
        assert await rows(outils, "SELECT * FROM rattachement") == []
        assert await rows(outils, "SELECT nom FROM agent WHERE identifiant = 'claire'") == [("Durand-Petit",)]

    async def test_a_rehearsal_tells_and_writes_nothing(self, outils: Outils, service: MondeService) -> None:
        avant = await state(outils)
        rapport = await run(outils, line("claire"), simuler=True)
        assert rapport.crees == 1
        assert await state(outils) == avant

    async def test_new_accounts_may_be_invited(self, outils: Outils, service: MondeService) -> None:
        assert (await run(outils, line("claire"), inviter=True)).invites == 1
        assert (await run(outils, line("claire"), inviter=True)).invites == 0
        assert await rows(outils, "SELECT destinataire FROM courrier WHERE evenement = 'invitation'") == [
            ("claire@dgfip.test",)
        ]


class TestLignesRefusees:
    @pytest.mark.parametrize(
        ("plus", "phrase"),
        [
            ({"identifiant": ""}, "identifiant"),
            ({"identifiant": "É!"}, "identifiant"),
            ({"nom": ""}, "nom absent"),
            ({"nom": "Du\u202erand"}, "nom ou prénom"),
            ({"courriel": "a@b@c"}, "courriel"),
            ({"profil": "chef"}, "profil inconnu"),
            ({"perimetre": "service:9999999"}, "périmètre inconnu"),
            ({"perimetre": "departement:99"}, "périmètre inconnu"),
            ({"perimetre": "nation:x"}, "périmètre inconnu"),
            ({"profil": "admin_national"}, "toute la nation"),
            ({"rattachements": f"{SAGES} 1234567"}, "rattachement inconnu"),
        ],
    )
    async def test_a_wrong_line_is_told_and_the_others_go_through(
        self, outils: Outils, service: MondeService, plus: dict[str, str], phrase: str
    ) -> None:
        rapport = await run(outils, line("avant"), {**line("claire"), **plus}, line("apres"))
        assert rapport.crees == 2
        assert [numero for numero, _ in rapport.refus] == [3]
        assert phrase in rapport.refus[0][1]

    async def test_an_account_with_one_wrong_line_stays_as_it_is_and_is_not_absent(
        self, outils: Outils, service: MondeService
    ) -> None:
        deux = [line("claire"), line("claire", profil="pilotage")]
        await run(outils, *deux)
        avant = await state(outils)
        rapport = await run(outils, deux[0], {**deux[1], "perimetre": "?"}, suspendre_absents=True, proportion_max=1.0)
        assert [numero for numero, _ in sorted(rapport.refus)] == [2, 3]
        assert await state(outils) == avant

    async def test_one_address_is_one_account(self, outils: Outils, service: MondeService) -> None:
        rapport = await run(
            outils,
            line("claire"),
            line("double", courriel="CLAIRE@dgfip.test"),
            line("voleur", courriel="national@dgfip.test"),
        )
        assert rapport.crees == 1
        assert len(rapport.refus) == 2


class TestAbsents:
    async def test_those_it_no_longer_names_are_suspended_their_sessions_closed_and_they_come_back(
        self, outils: Outils, service: MondeService
    ) -> None:
        tous = [line(f"agent{n}") for n in range(10)]
        await run(outils, *tous)
        rapport = await run(outils, *tous[1:], suspendre_absents=True)
        assert rapport.suspendus == 1
        assert await rows(outils, "SELECT identifiant FROM agent WHERE suspendu_a IS NOT NULL") == [("agent0",)]
        assert (await run(outils, *tous[1:], suspendre_absents=True)).suspendus == 0
        retour = await run(outils, *tous)
        assert (retour.reactives, retour.modifies) == (1, 1)
        assert await rows(outils, "SELECT identifiant FROM agent WHERE suspendu_a IS NOT NULL") == []

    async def test_whom_a_person_suspended_stays_suspended(self, outils: Outils, service: MondeService) -> None:
        await run(outils, line("claire"))
        async with outils.db.engine.begin() as conn:
            await conn.execute(
                text("UPDATE agent SET suspendu_a = :a WHERE identifiant = 'claire'"), {"a": clock.now()}
            )
        await run(outils, line("claire", nom="Autre"))
        assert await rows(outils, "SELECT identifiant FROM agent WHERE suspendu_a IS NOT NULL") == [("claire",)]

    async def test_too_many_at_once_is_a_broken_export(self, outils: Outils, service: MondeService) -> None:
        tous = [line(f"agent{n}") for n in range(10)]
        await run(outils, *tous)
        avant = await state(outils)
        with pytest.raises(Conflit, match="export incomplet"):
            await run(outils, *tous[2:], line("nouveau"), suspendre_absents=True)
        assert await state(outils) == avant
        assert (await run(outils, *tous[2:], suspendre_absents=True, proportion_max=0.2)).suspendus == 2

    async def test_accounts_made_by_hand_are_never_absent(self, outils: Outils, service: MondeService) -> None:
        await run(outils, line("claire"), suspendre_absents=True)
        assert await rows(outils, "SELECT identifiant FROM agent WHERE suspendu_a IS NOT NULL") == []

    async def test_the_nation_keeps_an_administrator(self, outils: Outils, service: MondeService) -> None:
        chef = line("chef", profil="admin_national", perimetre="nation", rattachements="")
        await run(outils, chef, line("claire"))
        async with outils.db.engine.begin() as conn:
            await conn.execute(text("DELETE FROM habilitation WHERE NOT annuaire"))
        with pytest.raises(Conflit, match="administrateur national"):
            await run(outils, line("claire"), suspendre_absents=True, proportion_max=1.0)


class TestLeFichier:
    def test_semicolons_commas_and_the_mark_are_understood(self, tmp_path: Path) -> None:
        for separateur in ";,":
            fichier = tmp_path / "export.csv"
            entete, valeurs = separateur.join(COLONNES), separateur.join(line("claire").values())
            fichier.write_text(f"{entete}\r\n{valeurs}\r\n", encoding="utf-8-sig")
            assert read_file(fichier) == [(2, line("claire"))]

    @pytest.mark.parametrize("contenu", [b"", b"identifiant;nom\nx;y\n", b"\xff\xfe\x00"])
    def test_another_file_is_refused_with_a_sentence(self, tmp_path: Path, contenu: bytes) -> None:
        fichier = tmp_path / "export.csv"
        fichier.write_bytes(contenu)
        with pytest.raises(SaisieInvalide):
            read_file(fichier)

    async def test_from_the_terminal(self, outils: Outils, service: MondeService, tmp_path: Path) -> None:
        fichier = tmp_path / "export.csv"
        lignes = [COLONNES, tuple(line("claire").values()), tuple(line("xavier", profil="?").values())]
        fichier.write_text("\n".join(";".join(ligne) for ligne in lignes), encoding="utf-8")
        env = {
            **os.environ,
            "DATABASE_URL": outils.settings.database_url,
            "REDIS_URL": outils.settings.redis_url,
            "ACCUEIL_DEMO": "1",
        }
        sortie = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "app.cli", "import-agents", str(fichier), "--suspendre-absents"],
            env=env,
            cwd=RACINE,
            capture_output=True,
            text=True,
            check=False,
        )
        assert sortie.returncode == 3, sortie.stderr
        assert "line 3: profil inconnu" in sortie.stderr
        assert "1 created" in sortie.stdout

    async def test_ten_thousand_accounts_take_seconds(self, outils: Outils, service: MondeService) -> None:
        import time

        lignes = [line(f"agent{n}") for n in range(10_000)]
        depart = time.monotonic()
        assert (await run(outils, *lignes)).crees == 10_000
        assert (await run(outils, *lignes)).inchanges == 10_000
        assert time.monotonic() - depart < 40
