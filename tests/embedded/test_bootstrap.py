"""What a fresh machine is set up from: locks that say what and not where, and a whole copy of the front end."""

from __future__ import annotations

import json
import re

import pytest

from app.config import RACINE
from outils.vendor import references

VENDOR = RACINE / "static" / "vendor"
LOCKS = sorted((RACINE / "requirements").glob("*.txt"))


class TestLocks:
    @pytest.mark.parametrize("lock", LOCKS, ids=lambda p: p.name)
    def test_python_locks_pin_exact_versions_with_hashes_and_no_address(self, lock: object) -> None:
        texte = str(getattr(lock, "read_text")())  # noqa: B009 - pytest hands ids and values as objects
        assert "://" not in texte
        for exigence in re.split(r"\n(?=\S)", texte):
            if not exigence.startswith("#"):
                assert re.match(r"[\w.\-\[\]]+==\S+", exigence), exigence
                assert "--hash=sha256:" in exigence, exigence

    def test_the_npm_lock_has_integrity_and_no_address(self) -> None:
        paquets = json.loads((RACINE / "package-lock.json").read_text())["packages"]
        for nom, paquet in paquets.items():
            assert "resolved" not in paquet
            assert nom == "" or paquet["integrity"].startswith("sha512-")


class TestFrontEnd:
    def test_every_file_that_a_style_sheet_names_was_copied_with_it(self) -> None:
        feuilles = list(VENDOR.rglob("*.css"))
        assert feuilles
        manquants = {str(f) for feuille in feuilles for f in references(feuille) if not f.is_file()}
        assert manquants == set()

    def test_the_copy_is_small_and_holds_what_pages_load(self) -> None:
        for fichier in ("dsfr/dsfr.min.css", "dsfr/dsfr.module.min.js", "idiomorph/idiomorph.esm.js"):
            assert (VENDOR / fichier).stat().st_size > 1000
        assert sum(f.stat().st_size for f in VENDOR.rglob("*") if f.is_file()) < 8_000_000


class TestConfiguration:
    def test_every_variable_that_is_read_is_explained(self) -> None:
        expliquees = set(re.findall(r"^([A-Z_]+)=", (RACINE / ".env.example").read_text(), re.M))
        lues: set[str] = set()
        for source in (*(RACINE / "app").rglob("*.py"), *(RACINE / "outils").glob("*.py")):
            lues |= set(re.findall(r"""(?:env|environ)(?:\.get\(|\[)["']([A-Z_]+)["']""", source.read_text()))
        systeme = {"PATH"}
        assert lues - systeme <= expliquees
