"""``accueil``: every command of the software, one line each. English for operators."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli_agents import agents
from app.cli_donnees import donnees
from app.cli_identite import identite
from app.cli_imports import imports, install
from app.config import ConfigurationInvalide, Settings, load

application = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
application.add_typer(identite)
application.add_typer(imports)
application.add_typer(agents)
application.add_typer(donnees, name="donnees-personne")


def _settings() -> Settings:
    try:
        return load()
    except ConfigurationInvalide as erreur:
        print(f"configuration: {erreur}", file=sys.stderr)
        raise typer.Exit(2) from None


@application.command()
def serve(
    host: Annotated[str, typer.Option(envvar="HOST")] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="PORT")] = 8000,
    only: Annotated[str, typer.Option(help="web or gateway: serve one of them alone")] = "",
    uds: Annotated[str, typer.Option(help="listen on a Unix socket instead")] = "",
) -> None:
    """Serve pages, API and sockets (web and gateway behind one port)."""
    import uvicorn

    from app.asgi import create_app
    from app.main import create_web
    from app.realtime.gateway import create_gateway
    from app.realtime.server import uvicorn_options

    settings = _settings()
    if only not in ("", "web", "gateway"):
        raise typer.BadParameter("--only takes web or gateway")
    cible: Any = create_web(settings) if only == "web" else create_gateway(settings) if only else create_app(settings)
    options = uvicorn_options(settings)
    uvicorn.run(cible, host=host, port=port, uds=uds or None, log_level="warning", loop="uvloop", **options)


@application.command()
def worker() -> None:
    """Relay announcements, send mail, release holds, close days."""
    import uvloop

    from app.worker import run_worker

    uvloop.run(run_worker(_settings()))


@application.command()
def migrate() -> None:
    """Bring the database to the last revision, and its reference data with it (from empty; safe to run again)."""
    from app.migrations import migrate as run

    settings = _settings()
    run(settings.database_url)
    print("database: at the last revision")
    print(asyncio.run(install(settings)))


@application.command()
def demo(
    port: Annotated[int, typer.Option(envvar="PORT")] = 8000,
    simulation: Annotated[bool, typer.Option(envvar="SIMULATION")] = True,
) -> None:
    """Open a living tax-office reception: servers, data, web, worker and simulation, from one command."""
    from app.embedded.demo_runner import run_demo

    var = os.environ.get("ACCUEIL_VAR")
    raise typer.Exit(run_demo(port, simulation, Path(var) if var else None))


@application.command("seed-demo")
def seed_demo() -> None:
    """Fill an empty database with the demo's services, agents and agendas; refresh the days around now."""
    from app.demo.donnees import seed

    asyncio.run(seed(_settings()))


@application.command()
def simulate() -> None:
    """Play usagers and agents through the public use cases (demo only)."""
    from app.demo.simulation import run

    asyncio.run(run(_settings()))


def main() -> None:
    """Entry point of the ``accueil`` script."""
    application()


if __name__ == "__main__":
    main()
