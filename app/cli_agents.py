"""``accueil import-agents``: accounts and habilitations from the export of a directory, from a terminal [G 2.2.2]."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app import clock
from app.admin.comptes.importation import COLONNES, Rapport, read_file
from app.admin.comptes.importation_comptes import PROPORTION_MAX, import_agents
from app.booking.outils import Outils
from app.cli_identite import run_db
from app.config import load
from app.db import Database

agents = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@agents.command("import-agents")
def import_agents_command(
    fichier: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help=f"CSV: {', '.join(COLONNES)}")],
    suspendre_absents: Annotated[
        bool, typer.Option("--suspendre-absents", help="suspend accounts that the directory no longer names")
    ] = False,
    proportion_max: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="largest share of them that may be suspended at once")
    ] = PROPORTION_MAX,
    inviter: Annotated[bool, typer.Option("--inviter", help="send new accounts a link to choose a password")] = False,
    simuler: Annotated[bool, typer.Option("--simuler", help="say what would change, change nothing")] = False,
) -> None:
    """Make accounts and habilitations what the directory says; run again, it changes nothing.

    One line is one habilitation. perimetre: nation, departement:58, interregion:NOM or service:SAGES; rattachements:
    SAGES separated by spaces. Exit codes: 0 done, 1 nothing was written, 2 configuration, 3 done with lines refused.
    """

    async def travail(db: Database) -> Rapport:
        return await import_agents(
            Outils(db, load()),
            read_file(fichier),
            clock.now(),
            suspendre_absents=suspendre_absents,
            proportion_max=proportion_max,
            inviter=inviter,
            simuler=simuler,
        )

    rapport = run_db(travail)
    _tell(rapport, simuler)
    if rapport.refus:
        raise typer.Exit(3)


def _tell(rapport: Rapport, simuler: bool) -> None:
    for ligne, phrase in sorted(rapport.refus):
        typer.echo(f"line {ligne}: {phrase}", err=True)
    typer.echo(
        f"{rapport.lignes} lines: {rapport.crees} created, {rapport.modifies} changed, {rapport.inchanges} unchanged, "
        f"{rapport.suspendus} suspended, {rapport.reactives} back, {rapport.invites} invited, "
        f"{len(rapport.refus)} refused" + (" (nothing was written)" if simuler else "")
    )
