"""``accueil donnees-personne``: the criterion comes by stdin, never by the command line (P16)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from sqlalchemy import text

from app.booking.outils import Outils
from app.cli_donnees import read_champs
from app.config import RACINE
from tests.booking.personne_complete import FISCAL, SIREN, live
from tests.fixtures.donnees import build_equipe, build_service


def accueil(outils: Outils, *arguments: str, entree: str) -> subprocess.CompletedProcess[str]:
    reglages = outils.settings
    env = {
        **os.environ,
        "DATABASE_URL": reglages.database_url,
        "REDIS_URL": reglages.redis_url,
        "SMTP_URL": reglages.smtp_url,
        "SECRET_KEY": reglages.secret_key,
        "BASE_URL": reglages.base_url,
        "ALLOW_HTTP": "1",
    }
    return subprocess.run(
        [sys.executable, "-m", "app.cli", "donnees-personne", *arguments],
        input=entree,
        env=env,
        cwd=RACINE,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def sql(outils: Outils, requete: str) -> list[Any]:
    async with outils.db.read() as conn:
        return list((await conn.execute(text(requete))).all())


async def test_export_then_erase_from_a_terminal(outils: Outils) -> None:
    async with outils.db.engine.begin() as conn:
        service = await build_equipe(conn, await build_service(conn))
    await live(outils, service)
    fait = accueil(outils, "export", entree=f"siren: {SIREN}\n")
    assert fait.returncode == 0, fait.stderr
    assert json.loads(fait.stdout)["rendez_vous"][0]["raison_sociale"] == "QUATREBARBES SARL"

    demande = f"siren: {SIREN}\nraison: demande\nreference: 2027-12\n"
    vu = accueil(outils, "effacer", entree=demande)
    assert vu.returncode == 0, vu.stderr
    assert "1 rendez-vous to erase, 0 kept" in vu.stdout
    assert (await sql(outils, "SELECT count(*) FROM rdv_usager WHERE siren IS NOT NULL"))[0][0] == 1
    fait = accueil(outils, "effacer", "--confirmer", entree=demande)
    assert "erased: 1 rendez-vous" in fait.stdout, fait.stderr
    assert (await sql(outils, "SELECT count(*) FROM rdv_usager WHERE siren IS NOT NULL"))[0][0] == 0
    rien = accueil(outils, "export", entree=f"siren: {SIREN}\n")
    assert rien.returncode == 1
    assert "nothing is held" in rien.stderr

    sans_raison = accueil(outils, "effacer", "--confirmer", entree=f"numero_fiscal: {FISCAL}\n")
    assert sans_raison.returncode == 1
    assert (await sql(outils, "SELECT count(*) FROM rdv_usager WHERE numero_fiscal IS NOT NULL"))[0][0] == 3
    lignes = await sql(
        outils, "SELECT DISTINCT action, acteur, origine FROM journal WHERE action LIKE 'donnees.%' ORDER BY 1"
    )
    assert [tuple(ligne) for ligne in lignes] == [
        (f"donnees.{fait}", "systeme", "systeme") for fait in ("cherchees", "effacees", "effacement", "exportees")
    ]


@pytest.mark.parametrize(
    "entree",
    [
        "",
        "siren\n",
        "siren: 1\nsiren: 2\n",
        "siren: 1\ncourriel: a@b.fr\n",
        "nom: Martin\n",
        "mot_de_passe: x\nsiren: 1\n",
    ],
)
def test_what_is_no_criterion_is_refused(entree: str) -> None:
    with pytest.raises(ValueError, match="stdin takes"):
        read_champs(entree)


def test_values_keep_their_colons() -> None:
    assert read_champs("Code: XOWVVO\nNom:  de La: Tour \n\n") == {"code": "XOWVVO", "nom": "de La: Tour"}
