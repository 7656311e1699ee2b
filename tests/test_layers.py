"""One-way imports: the ground floor is pure, stores know no use case, the gateway knows no SQLAlchemy.

Checked on the syntax tree of every module, function-level imports included. The table below is the architecture.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

RACINE = Path(__file__).resolve().parent.parent
MODULES = sorted((RACINE / "app").rglob("*.py"))
STDLIB = sys.stdlib_module_names

#: Prefix of a module → what it may import of this project. A prefix allows everything below it.
COMMUN = ("app.clock", "app.config", "app.errors", "app.envelope")
WEB = ("app.web", "app.identite")
AUTORISES: dict[str, tuple[str, ...]] = {
    "app.domain": ("app.domain",),
    "app.envelope": (),
    "app.clock": (),
    "app.errors": (),
    "app.config": (),
    "app.tables": ("app.tables",),
    "app.feries": (),
    "app.journaux": (),
    "app.journal": ("app.tables",),
    "app.outbox": ("app.tables", *COMMUN),
    "app.db": ("app.outbox", "app.pool", *COMMUN),
    "app.pool": (),
    "app.publication": ("app.outbox", "app.db", *COMMUN),
    "app.courrier": ("app.courrier", "app.domain", "app.tables", "app.db", *COMMUN),
    "app.realtime": ("app.realtime", "app.identite.controle", *COMMUN),
    "app.identite.controle": COMMUN,
    "app.protection": ("app.protection", "app.tables", "app.db", "app.identite.essais", *COMMUN),
}
#: Prefix of a module → what it may never import, among the rest.
INTERDITS: dict[str, tuple[str, ...]] = {
    "app.booking.store": ("app.booking.jugement", "app.booking.reserver", "app.booking.vie", "app.booking.options"),
    "app.booking.contexte": ("app.booking.reserver",),
    "app.booking.disponibilites": ("app.booking.reserver",),
    "app.booking.forms": ("app.db", "sqlalchemy"),
    "app.booking.jugement": ("app.booking.reserver", "app.booking.vie"),
    "app.booking": ("app.admin", "app.accueil", "app.pilotage", "app.demo", "app.realtime", "app.embedded"),
    "app.accueil": ("app.admin", "app.pilotage", "app.demo", "app.realtime", "app.embedded"),
    "app.pilotage": ("app.admin", "app.accueil", "app.demo", "app.realtime", "app.embedded"),
    "app.admin": ("app.accueil", "app.pilotage", "app.demo", "app.realtime", "app.embedded"),
    "app.identite": ("app.admin", "app.accueil", "app.pilotage", "app.demo", "app.realtime"),
    "app.web": ("app.admin", "app.accueil", "app.pilotage", "app.demo", "app.realtime"),
    "app.realtime": ("sqlalchemy", "litestar"),
    "app.embedded": ("app.booking", "app.web", "app.realtime", "app.db"),
}
#: Pages and interfaces are built on the use cases (``app/booking/*.py``), none of which knows of them.
ENTREES_BOOKING = ("app.booking.agents", "app.booking.api", "app.booking.usager")
INTERDITS_AUX_USAGES = ("app.web", "litestar", *ENTREES_BOOKING)
#: Engines and clients are built in the entry points, and nowhere else.
ENTREES = {
    "app.main",
    "app.worker",
    "app.cli",
    "app.cli_identite",
    "app.cli_imports",
    "app.demo.donnees",
    "app.demo.simulation",
}
CONSTRUCTEURS = {"create_engine": ENTREES}


def module_name(fichier: Path) -> str:
    """``app.booking.store`` of ``app/booking/store.py``."""
    parts = fichier.relative_to(RACINE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def iter_imports(fichier: Path) -> Iterator[str]:
    """Every absolute name imported, ``from a import b`` given as ``a.b`` and as ``a``."""
    for noeud in ast.walk(ast.parse(fichier.read_text(encoding="utf-8"))):
        if isinstance(noeud, ast.Import):
            yield from (alias.name for alias in noeud.names)
        elif isinstance(noeud, ast.ImportFrom):
            assert noeud.level == 0, f"{fichier}: relative import"
            for alias in noeud.names:
                yield f"{noeud.module}.{alias.name}"


def below(nom: str, prefixes: tuple[str, ...]) -> bool:
    return any(nom == p or nom.startswith(p + ".") for p in prefixes)


def most_precise(nom: str, table: dict[str, tuple[str, ...]]) -> str | None:
    return max((p for p in table if below(nom, (p,))), key=len, default=None)


def is_use_case(nom: str) -> bool:
    """True of every module of ``app.booking`` but the pages and interfaces below it."""
    return below(nom, ("app.booking",)) and not below(nom, ENTREES_BOOKING)


@pytest.mark.parametrize("fichier", MODULES, ids=module_name)
def test_a_module_imports_only_what_its_floor_allows(fichier: Path) -> None:
    nom = module_name(fichier)
    fautes: list[str] = []
    prefixe = most_precise(nom, AUTORISES)
    for importe in iter_imports(fichier):
        if is_use_case(nom) and below(importe, INTERDITS_AUX_USAGES):
            fautes.append(f"{nom} imports {importe}, forbidden to every use case")
        if importe.startswith("app.") and prefixe is not None and not below(importe, AUTORISES[prefixe]):
            fautes.append(f"{nom} imports {importe}, not among {AUTORISES[prefixe]}")
        for source, interdits in INTERDITS.items():
            if below(nom, (source,)) and below(importe, interdits):
                fautes.append(f"{nom} imports {importe}, forbidden to {source}")
    assert not fautes, "\n".join(fautes)


@pytest.mark.parametrize("fichier", [f for f in MODULES if "/domain/" in str(f)], ids=module_name)
def test_the_domain_imports_the_standard_library_only(fichier: Path) -> None:
    racines = {importe.partition(".")[0] for importe in iter_imports(fichier)} - {"app"}
    assert racines <= STDLIB
    assert not racines & {"asyncio", "time", "socket", "os", "random", "secrets", "threading"}
    texte = fichier.read_text(encoding="utf-8")
    assert "datetime.now(" not in texte
    assert "date.today(" not in texte


def test_the_envelope_is_standard_library_only() -> None:
    racines = {i.partition(".")[0] for i in iter_imports(RACINE / "app/envelope.py")}
    assert racines <= STDLIB


@pytest.mark.parametrize("fichier", MODULES, ids=module_name)
def test_only_the_clock_reads_wall_time(fichier: Path) -> None:
    nom = module_name(fichier)
    if nom == "app.clock" or below(nom, ("app.embedded",)):
        return
    for noeud in ast.walk(ast.parse(fichier.read_text(encoding="utf-8"))):
        if isinstance(noeud, ast.Attribute) and noeud.attr in {"now", "utcnow", "today"}:
            base = ast.unparse(noeud.value)
            assert base not in {"datetime", "date", "datetime.datetime", "datetime.date"}, f"{nom}: {base}.{noeud.attr}"


@pytest.mark.parametrize("fichier", MODULES, ids=module_name)
def test_engines_are_built_in_the_entry_points_only(fichier: Path) -> None:
    nom = module_name(fichier)
    for noeud in ast.walk(ast.parse(fichier.read_text(encoding="utf-8"))):
        if isinstance(noeud, ast.Call) and isinstance(noeud.func, ast.Name) and noeud.func.id in CONSTRUCTEURS:
            assert nom in CONSTRUCTEURS[noeud.func.id], f"{nom} builds {noeud.func.id}"


def test_a_forbidden_import_would_be_seen(tmp_path: Path) -> None:
    """The check can fail: a domain module that reads the clock is caught."""
    faux = tmp_path / "faux.py"
    faux.write_text("def f():\n    from app.db import Database\n    return Database\n")
    assert "app.db.Database" in list(iter_imports(faux))
    assert not below("app.db.Database", AUTORISES["app.domain"])


def test_every_module_of_booking_is_a_use_case_or_an_entry() -> None:
    """The rule names no module: a new one is under it at once."""
    ici = {module_name(f) for f in (RACINE / "app/booking").glob("*.py")}
    assert {"app.booking.vie", "app.booking.modifier", "app.booking.resumes"} <= ici
    assert all(is_use_case(nom) for nom in ici)
    sous = {f"app.booking.{d.parent.name}" for d in (RACINE / "app/booking").glob("*/__init__.py")}
    assert sous == set(ENTREES_BOOKING)


@pytest.mark.parametrize(
    "ligne",
    [
        "from app.web.dates import heure",
        "import litestar",
        "from app.booking.agents.rappels import read_rappels",
        "from app.booking import usager",
        "from app.booking.api import routes",
    ],
)
def test_a_use_case_that_knew_a_page_would_be_seen(tmp_path: Path, ligne: str) -> None:
    faux = tmp_path / "faux.py"
    faux.write_text(f"def f():\n    {ligne}\n")
    assert is_use_case("app.booking.faux")
    assert not is_use_case("app.booking.agents.faux")
    assert any(below(importe, INTERDITS_AUX_USAGES) for importe in iter_imports(faux))
