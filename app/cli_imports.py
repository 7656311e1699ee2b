"""``accueil install-reference | import-services | import-communes | import-competences``: the directory, from files.

Nothing is lost by running one again: it says that there was nothing to change. Exit codes: 0 done, 1 nothing was
written (the file cannot be read as what it should be), 2 configuration, 3 done but lines were refused.
"""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from app import clock
from app.admin.annuaire import import_communes as communes
from app.admin.annuaire import import_competences as competences
from app.admin.annuaire import lignes as services
from app.admin.annuaire.bilan import Bilan, describe_remarque, write_rapport
from app.admin.annuaire.import_services import import_services
from app.admin.annuaire.lecture import Colonnes, Table, read_table
from app.admin.annuaire.reference import install_reference
from app.admin.annuaire.trace import Avance
from app.config import ConfigurationInvalide, Settings, load
from app.db import Database, UnitOfWork, create_engine
from app.errors import AppError

imports = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

#: Refused lines said in the terminal; the report has them all.
MONTREES: Final = 20
#: Where the e-mails of imported services go in the demo: nowhere that exists.
DOMAINE_DEMO: Final = "demo.test"
_DOMAINE: Final = re.compile(r"(?=.{1,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")

Fichier = Annotated[Path, typer.Argument(help="CSV file, also compressed (.gz)")]
Rapport = Annotated[Path | None, typer.Option(help="write every refused line to this CSV file")]
Importe = Callable[[Database, Table, Avance], Awaitable[Bilan]]


@imports.command("install-reference")
def install_reference_command() -> None:
    """Add what is missing of the reference data: kinds of service, starting motifs, départements."""
    typer.echo(asyncio.run(install(_settings())))


async def install(settings: Settings) -> str:
    """Install the reference data of the configured database; what was done, in a line."""
    db = Database(create_engine(settings, nom="cli"))

    async def travail(uow: UnitOfWork) -> str:
        fait = await install_reference(uow.conn)
        if not fait:
            return "reference data: nothing to add"
        return (
            f"reference data: {fait.types} kinds of service, {fait.motifs} motifs, {fait.sujets} subjects of contact, "
            f"{fait.departements} départements"
        )

    try:
        return await db.transaction(travail)
    finally:
        await db.close()


@imports.command("import-services")
def import_services_command(
    fichier: Fichier,
    rapport: Rapport = None,
    domaine_courriel: Annotated[
        str, typer.Option(help="replace the domain of every e-mail, e.g. demo.test: nobody real is written to")
    ] = "",
) -> None:
    """Create and update services from a directory's export (see docs/imports.md)."""
    settings = _settings()
    domaine = domaine_courriel.strip().lower() or (DOMAINE_DEMO if settings.demo else "")
    if domaine and _DOMAINE.fullmatch(domaine) is None:
        raise typer.BadParameter("--domaine-courriel takes a domain name, e.g. demo.test")
    if settings.demo and not domaine_courriel:
        typer.echo(f"demo: every e-mail gets the domain {DOMAINE_DEMO}", err=True)

    async def travail(db: Database, table: Table, avance: Avance) -> Bilan:
        return await import_services(db, table, clock.now(), domaine=domaine, fichier=fichier.name, avance=avance)

    _import(settings, fichier, rapport, services.COLONNES, services.REQUISES, services.CLES, travail)


@imports.command("import-communes")
def import_communes_command(fichier: Fichier, rapport: Rapport = None) -> None:
    """Create and update communes, with their postal codes."""

    async def travail(db: Database, table: Table, avance: Avance) -> Bilan:
        return await communes.import_communes(db, table, clock.now(), fichier=fichier.name, avance=avance)

    _import(_settings(), fichier, rapport, communes.COLONNES, communes.REQUISES, (), travail)


@imports.command("import-competences")
def import_competences_command(fichier: Fichier, rapport: Rapport = None) -> None:
    """Say which service is competent for which commune; import services and communes first."""

    async def travail(db: Database, table: Table, avance: Avance) -> Bilan:
        return await competences.import_competences(db, table, clock.now(), fichier=fichier.name, avance=avance)

    colonnes, requises, une_de = competences.COLONNES, competences.REQUISES, competences.UNE_DE
    _import(_settings(), fichier, rapport, colonnes, requises, une_de, travail)


def _settings() -> Settings:
    try:
        return load()
    except ConfigurationInvalide as erreur:
        typer.echo(f"configuration: {erreur}", err=True)
        raise typer.Exit(2) from None


def _import(
    settings: Settings,
    fichier: Path,
    rapport: Path | None,
    colonnes: Colonnes,
    requises: Sequence[str],
    une_de: Sequence[str],
    travail: Importe,
) -> None:
    """Read the file, run ``travail`` behind a progress bar, say what was done, end with the command's exit code."""
    depart = time.monotonic()
    if rapport is not None and not rapport.parent.is_dir():
        raise typer.BadParameter(f"--rapport: there is no folder {rapport.parent}")

    async def run(table: Table, avance: Avance) -> Bilan:
        db = Database(create_engine(settings, nom="cli"))
        try:
            return await travail(db, table, avance)
        finally:
            await db.close()

    try:
        table = read_table(fichier, colonnes, requises, une_de=une_de)
        with typer.progressbar(length=len(table.lignes), label=fichier.name, file=sys.stderr) as barre:
            bilan = asyncio.run(run(table, barre.update))
    except AppError as refus:
        typer.echo(refus.phrase, err=True)
        raise typer.Exit(1) from None
    if rapport is not None:
        write_rapport(rapport, bilan.remarques)
    _say(bilan, rapport, time.monotonic() - depart)
    if bilan.refus:
        raise typer.Exit(3)


def _say(bilan: Bilan, rapport: Path | None, secondes: float) -> None:
    for remarque in bilan.refus[:MONTREES]:
        typer.echo(describe_remarque(remarque), err=True)
    if len(bilan.refus) > MONTREES:
        typer.echo(f"… and {len(bilan.refus) - MONTREES} more: --rapport writes them all", err=True)
    if bilan.rien:
        typer.echo(f"{bilan.lues} lines read: nothing to change, {bilan.refusees} refused, in {secondes:.1f} s")
    else:
        typer.echo(
            f"{bilan.lues} lines read: {bilan.crees} created, {bilan.modifies} updated, {bilan.retires} removed, "
            f"{bilan.inchanges} unchanged, {bilan.refusees} refused, in {secondes:.1f} s"
        )
    remarques = len(bilan.remarques) - len(bilan.refus)
    if remarques:
        ou = f"in {rapport}" if rapport is not None else "given by --rapport"
        typer.echo(f"{remarques} values were corrected or left out, {ou}")
