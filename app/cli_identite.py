"""``accueil create-agent | create-api-key | list-api-keys | revoke-api-key``: who may come in, from a terminal."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated, TypeVar

import typer

from app import clock
from app.config import ConfigurationInvalide, load
from app.db import Database, create_engine
from app.errors import AppError
from app.identite.cles import create_cle, list_cles, revoke_cle
from app.identite.comptes import NouvelAgent, create_agent

T = TypeVar("T")

identite = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


def run_db(travail: Callable[[Database], Awaitable[T]]) -> T:
    """Run on the configured database; a refusal is a sentence on stderr and exit code 1 (2: configuration)."""
    try:
        settings = load()
    except ConfigurationInvalide as erreur:
        typer.echo(f"configuration: {erreur}", err=True)
        raise typer.Exit(2) from None

    async def run() -> T:
        db = Database(create_engine(settings, nom="cli"))
        try:
            return await travail(db)
        finally:
            await db.close()

    try:
        return asyncio.run(run())
    except AppError as refus:
        typer.echo(refus.phrase, err=True)
        for champ, phrase in refus.champs.items():
            typer.echo(f"  {champ}: {phrase}", err=True)
        raise typer.Exit(1) from None


@identite.command("create-api-key")
def create_api_key(
    agent: Annotated[str, typer.Option(help="identifiant of the agent as whom the key acts")],
    libelle: Annotated[str, typer.Option(help="what will use it, e.g. « GFA de Nevers »")],
    jours: Annotated[int | None, typer.Option(min=1, max=3650, help="expires after so many days")] = None,
) -> None:
    """Make an API key. It is printed once, alone on stdout, and kept nowhere."""
    maintenant = clock.now()
    expire_a = maintenant + timedelta(days=jours) if jours is not None else None
    cle_id, cle = run_db(lambda db: create_cle(db, agent, libelle, maintenant, expire_a=expire_a))
    typer.echo(f"key {cle_id} of {agent}: keep it now, it cannot be shown again", err=True)
    typer.echo(cle)


@identite.command("revoke-api-key")
def revoke_api_key(cle: Annotated[int, typer.Argument(help="number given by list-api-keys")]) -> None:
    """Revoke an API key: refused everywhere within five seconds."""
    faite = run_db(lambda db: revoke_cle(db, cle, clock.now()))
    typer.echo(f"key {cle}: {'revoked' if faite else 'was already revoked'}")


@identite.command("list-api-keys")
def list_api_keys(
    agent: Annotated[str | None, typer.Option(help="only those of this identifiant")] = None,
) -> None:
    """List keys, tab-separated: number, agent, state, creation, expiry, label. Never the keys themselves."""
    maintenant = clock.now()
    for cle in run_db(lambda db: list_cles(db, agent)):
        expiree = cle.expire_a is not None and cle.expire_a <= maintenant
        etat = "revoked" if cle.revoquee_a else "expired" if expiree else "live"
        fin = f"{cle.expire_a:%Y-%m-%d}" if cle.expire_a else "-"
        libelle = " ".join(cle.libelle.split())
        typer.echo(f"{cle.id}\t{cle.identifiant}\t{etat}\t{cle.cree_a:%Y-%m-%d}\t{fin}\t{libelle}")


@identite.command("create-agent")
def create_agent_command(
    identifiant: str,
    nom: Annotated[str, typer.Option()],
    courriel: Annotated[str, typer.Option()],
    profil: Annotated[str, typer.Option(help="agent_local|agent_national|admin_local|admin_national|pilotage")],
    perimetre: Annotated[
        list[str], typer.Option(help="nation, departement:58, interregion:NOM, service:SAGES; repeat for several")
    ],
    prenom: Annotated[str, typer.Option()] = "",
    zone: Annotated[
        list[str] | None, typer.Option(help="SAGES of a service to which the agent is attached; repeat for several")
    ] = None,
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="read the password from stdin")] = False,
    no_password: Annotated[bool, typer.Option("--no-password", help="keys and ProConnect only")] = False,
) -> None:
    """Create an agent, with a profile over one or several perimeters and a zone de compétence."""
    mot_de_passe: str | None = None
    if password_stdin:
        mot_de_passe = sys.stdin.readline().rstrip("\r\n")
    elif not no_password:
        mot_de_passe = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    nouveau = NouvelAgent(identifiant, nom, prenom, courriel, profil, perimetre, zone or (), mot_de_passe)
    agent_id = run_db(lambda db: create_agent(db, nouveau, clock.now()))
    typer.echo(f"agent {agent_id}: {identifiant.strip().lower()}")
