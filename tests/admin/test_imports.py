"""Imports from a terminal: hostile files, communes, competences, reference data, what is said and written."""

from __future__ import annotations

import csv
import gzip
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.admin.annuaire import lignes as services
from app.admin.annuaire.lecture import CELLULE_MAX, FichierInvalide, read_table
from app.booking.outils import Outils
from app.config import RACINE
from tests.admin.imports import DONNEES, install, load_communes, load_competences, load_services, rows

COLONNES = {"nom": ("libelle",), "ville": (), "code": ("id",)}


def read(tmp_path: Path, contenu: bytes) -> list[dict[str, str]]:
    fichier = tmp_path / "f.csv"
    fichier.write_bytes(contenu)
    table = read_table(fichier, COLONNES, ("nom", "ville"))
    assert not table.remarques
    return [dict(ligne.cellules) for ligne in table.lignes]


class TestUnFichierDAilleurs:
    """Any usual encoding and separator; what is not one is said and nothing is written."""

    @pytest.mark.parametrize(
        "contenu",
        [
            "nom,ville\nSIP Élysée,Nevers\n".encode(),
            '\ufeffNom;VILLE\r\n"SIP Élysée";Nevers\r\n'.encode(),
            "nom;ville\nSIP Élysée;Nevers".encode("cp1252"),
            "nom\tville\nSIP Élysée\tNevers\n\n\n".encode("utf-16"),
            gzip.compress("libellé;Ville;inconnue\nSIP Élysée;Nevers;x\n".encode(), mtime=0),
            "nom,ville\n  SIP   E\u0301lyse\u0301e ,Nevers\n".encode(),
        ],
    )
    def test_it_reads_the_same(self, tmp_path: Path, contenu: bytes) -> None:
        assert read(tmp_path, contenu) == [{"nom": "SIP Élysée", "ville": "Nevers"}]

    @pytest.mark.parametrize(
        ("contenu", "dit"),
        [
            (b"", "vide"),
            (b"\n\n", "vide"),
            (b"\xef\xbb\xbf", "vide"),
            (b"nom;adresse\na;b\n", "ville"),
            (b"a;b\n", "nom ou libelle, ville"),
            (b"nom;libelle;ville\n", "deux fois"),
            (b"\x1f\x8b\x08garbage", "abîmé"),
            (b"\xff\xfen", "UTF-16"),
            (b'"nom;ville\n' + b"x" * 10_000, "première ligne"),
        ],
    )
    def test_a_file_that_is_not_one_is_refused_whole(self, tmp_path: Path, contenu: bytes, dit: str) -> None:
        with pytest.raises(FichierInvalide) as refus:
            read(tmp_path, contenu)
        assert dit in refus.value.phrase

    def test_a_missing_file_is_said(self, tmp_path: Path) -> None:
        with pytest.raises(FichierInvalide, match="n’existe pas"):
            read_table(tmp_path / "absent.csv", COLONNES, ("nom",))

    def test_a_bomb_is_not_swallowed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("app.admin.annuaire.lecture.TAILLE_MAX", 1_000_000)
        with pytest.raises(FichierInvalide, match="dépasse"):
            read(tmp_path, gzip.compress(b"nom,ville\n" + b"a,b\n" * 1_000_000))

    @pytest.mark.parametrize(
        "ligne",
        [
            "a\x00b;c",
            "a\u202eb;c",
            "a;b;c",
            "a",
            'a;"jamais fermé ' + "x" * CELLULE_MAX,
            "x" * (CELLULE_MAX + 1) + ";b",
            'a;"b"c',
        ],
    )
    def test_a_bad_line_is_told_by_its_number_and_the_rest_is_read(self, tmp_path: Path, ligne: str) -> None:
        fichier = tmp_path / "f.csv"
        fichier.write_text(f"nom;ville\nun;Nevers\n{ligne}\ntrois;Cosne\n", encoding="utf-8", newline="")
        table = read_table(fichier, COLONNES, ("nom", "ville"))
        assert [r.ligne for r in table.remarques] == [3]
        assert [dict(li.cellules)["nom"] for li in table.lignes] == ["un", "trois"]

    def test_a_quote_never_closed_names_all_that_it_swallows(self, tmp_path: Path) -> None:
        fichier = tmp_path / "f.csv"
        fichier.write_text('nom;ville\nun;"Nevers\ndeux;Cosne\ntrois;Cosne\n', encoding="utf-8")
        (remarque,) = read_table(fichier, COLONNES, ("nom", "ville")).remarques
        assert "lignes 2 à 4" in remarque.phrase

    def test_one_of_the_keys_is_needed(self, tmp_path: Path) -> None:
        fichier = tmp_path / "f.csv"
        fichier.write_text("type;libelle;departement;adresse;code_postal;ville\n", encoding="utf-8")
        with pytest.raises(FichierInvalide, match="reference, sages, codique"):
            read_table(fichier, services.COLONNES, services.REQUISES, une_de=services.CLES)


@pytest.fixture
async def annuaire(outils: Outils) -> Outils:
    await install(outils)
    return outils


class TestLesCommunes:
    """``accueil import-communes``."""

    async def test_they_are_imported_once_and_updated_when_they_change(self, annuaire: Outils, tmp_path: Path) -> None:
        bilan = await load_communes(annuaire, DONNEES / "communes.csv")
        assert (bilan.crees, bilan.refus) == (6, [])
        assert (await load_communes(annuaire, DONNEES / "communes.csv")).rien
        (cosne,) = await rows(annuaire, "SELECT * FROM commune WHERE code_insee = '58086'")
        assert cosne["codes_postaux"] == ["58200", "58440"]
        assert cosne["nom_recherche"] == "COSNE COURS SUR LOIRE"
        fichier = tmp_path / "communes.csv"
        fichier.write_text("code_insee;nom;departement;codes_postaux\n58194;Nevers;58;58000 58028\n", encoding="utf-8")
        bilan = await load_communes(annuaire, fichier)
        assert (bilan.crees, bilan.modifies) == (0, 1)

    @pytest.mark.parametrize(
        ("ligne", "champ"),
        [
            ("5819;Nevers;58;58000", "code_insee"),
            ("58194;;58;58000", "nom"),
            ("58194;Nevers;18;58000", "departement"),
            ("58194;Nevers;99;58000", "departement"),
            ("58194;Nevers;58;5800", "codes_postaux"),
            ("58194;Nev\x00ers;58;58000", "nom"),
        ],
    )
    async def test_a_bad_line_is_refused_with_its_sentence(
        self, annuaire: Outils, tmp_path: Path, ligne: str, champ: str
    ) -> None:
        fichier = tmp_path / "communes.csv"
        texte = f"code_insee;nom;departement;codes_postaux\n{ligne}\n58086;Cosne;58;58200\n58086;Cosne;58;58200\n"
        fichier.write_text(texte, encoding="utf-8")
        bilan = await load_communes(annuaire, fichier)
        assert [(r.ligne, r.champ) for r in bilan.refus] == [(2, champ), (4, "code_insee")]
        assert bilan.crees == 1


class TestLesCompetences:
    """``accueil import-competences``: the whole truth for the communes and families of the file, silent on others."""

    @pytest.fixture
    async def peuple(self, annuaire: Outils) -> Outils:
        await load_services(annuaire, DONNEES / "services.csv")
        await load_communes(annuaire, DONNEES / "communes.csv")
        return annuaire

    async def competents(self, outils: Outils, code: str) -> set[tuple[str, str]]:
        lues = await rows(
            outils,
            "SELECT s.reference_externe AS r, k.voies FROM competence k JOIN service_fiscal s ON s.id = k.service_id"
            " WHERE k.code_insee = :c",
            c=code,
        )
        return {(ligne["r"], ligne["voies"]) for ligne in lues}

    def write(self, tmp_path: Path, texte: str) -> Path:
        fichier = tmp_path / "competences.csv"
        fichier.write_text(texte, encoding="utf-8")
        return fichier

    async def test_a_column_a_family(self, peuple: Outils) -> None:
        bilan = await load_competences(peuple, DONNEES / "competences.csv")
        assert (bilan.crees, bilan.refus) == (10, [])
        assert (await load_competences(peuple, DONNEES / "competences.csv")).rien
        assert ("tresorerie-58194-01", "") in await self.competents(peuple, "58194")

    async def test_another_service_takes_the_place_of_the_one_before_it(self, peuple: Outils, tmp_path: Path) -> None:
        await load_competences(peuple, DONNEES / "competences.csv")
        bilan = await load_competences(peuple, self.write(tmp_path, "code_insee,sip\n58194,sip-2A004-01\n"))
        assert (bilan.crees, bilan.retires) == (1, 1)
        assert await self.competents(peuple, "58194") == {
            ("sip-2A004-01", ""),
            ("sie-58194-01", ""),
            ("cdif-58194-01", ""),
            ("tresorerie-58194-01", ""),
        }
        assert len(await self.competents(peuple, "58086")) == 3

    async def test_a_commune_shared_by_streets_takes_a_line_a_service(self, peuple: Outils, tmp_path: Path) -> None:
        texte = "code_insee;service;voies\n58194;sip-58194-01;rive droite\n58194;sip-2A004-01;rive gauche\n"
        bilan = await load_competences(peuple, self.write(tmp_path, texte))
        assert bilan.crees == 2
        assert await self.competents(peuple, "58194") == {
            ("sip-58194-01", "rive droite"),
            ("sip-2A004-01", "rive gauche"),
        }

    async def test_an_unknown_service_is_refused_and_its_family_left_alone(
        self, peuple: Outils, tmp_path: Path
    ) -> None:
        await load_competences(peuple, DONNEES / "competences.csv")
        texte = "code_insee,sip,sie\n58194,personne,\n99999,sip-58194-01,\n58086,sie-58194-01,sie-58194-01\n"
        bilan = await load_competences(peuple, self.write(tmp_path, texte))
        assert [(r.ligne, r.champ) for r in bilan.refus] == [(2, "sip"), (3, "code_insee"), (4, "sip")]
        assert ("sip-58194-01", "") in await self.competents(peuple, "58194")
        assert ("sie-58194-01", "") not in await self.competents(peuple, "58194")

    async def test_a_specialised_tresorerie_is_never_found_by_address(self, peuple: Outils, tmp_path: Path) -> None:
        """Annexe 1 §3.3."""
        texte = "code_insee;service\n58194;tresorerie-58194-02\n"
        (refus,) = (await load_competences(peuple, self.write(tmp_path, texte))).refus
        assert "jamais par l’adresse" in refus.phrase


class TestLaCommande:
    """From a terminal: what it says, the report, its exit code, and nobody real written to."""

    def run(self, base_url: str, *commande: str, demo: str = "1") -> subprocess.CompletedProcess[str]:
        env = {
            **os.environ,
            "DATABASE_URL": base_url,
            "REDIS_URL": "redis://127.0.0.1:1",
            "SMTP_URL": "smtp://127.0.0.1:1",
            "ACCUEIL_DEMO": demo,
            "BASE_URL": "https://accueil.exemple.fr" if demo == "0" else "http://127.0.0.1:8000",
            "SECRET_KEY": "secret-des-tests-seulement-0123456789abcdef",
        }
        return subprocess.run(
            [sys.executable, "-m", "app.cli", *commande],
            env=env,
            cwd=RACINE,
            capture_output=True,
            text=True,
            timeout=60,
        )

    async def test_a_whole_directory_from_nothing(self, outils: Outils, base_url: str, tmp_path: Path) -> None:
        assert "109 départements" in self.run(base_url, "install-reference").stdout
        assert "nothing to add" in self.run(base_url, "migrate").stdout
        rapport = tmp_path / "rapport.csv"
        fichier = tmp_path / "services.csv"
        fichier.write_text(
            (DONNEES / "services.csv").read_text(encoding="utf-8")
            + "x,SIP,,=1+1,58194,58,1 rue Un,5800A,=cmd(),,,,,,,2016-01-08\n",
            encoding="utf-8",
        )
        fait = self.run(base_url, "import-services", str(fichier), "--rapport", str(rapport))
        assert fait.returncode == 3, fait.stderr
        assert "9 lines read: 8 created" in fait.stdout
        assert "ligne 10, code_postal : Un code postal a 5 chiffres" in fait.stderr
        with rapport.open(encoding="utf-8-sig", newline="") as lu:
            lignes = list(csv.DictReader(lu, delimiter=";"))
        assert [li["ligne"] for li in lignes if li["gravite"] == "refus"] == ["10"]
        assert not any(li["valeur"].startswith(("=", "+", "-", "@")) for li in lignes)
        courriels = {li["courriel"] for li in await rows(outils, "SELECT courriel FROM service_fiscal")} - {""}
        assert courriels
        assert all(c.endswith("@demo.test") for c in courriels), "the demo writes to nobody real"
        fait = self.run(base_url, "import-services", str(DONNEES / "services.csv"))
        assert fait.returncode == 0
        assert "nothing to change" in fait.stdout
        assert self.run(base_url, "import-communes", str(DONNEES / "communes.csv")).returncode == 0
        fait = self.run(base_url, "import-competences", str(DONNEES / "competences.csv"))
        assert (fait.returncode, "10 created" in fait.stdout) == (0, True)

    def test_what_cannot_be_read_writes_nothing(self, base_url: str, tmp_path: Path) -> None:
        fichier = tmp_path / "f.csv"
        fichier.write_text("id;nom\n", encoding="utf-8")
        fait = self.run(base_url, "import-services", str(fichier))
        assert fait.returncode == 1
        assert "Il manque à ce fichier les colonnes" in fait.stderr
        assert "Traceback" not in fait.stderr
        vide = self.run(base_url, "import-services", str(DONNEES / "services.csv"))
        assert (vide.returncode, "accueil install-reference" in vide.stderr) == (1, True)
        domaine = self.run(base_url, "import-services", str(fichier), "--domaine-courriel", "a@b")
        assert domaine.returncode == 2
