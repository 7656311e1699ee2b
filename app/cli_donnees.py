"""``accueil donnees-personne export | effacer``: what is held of one person, handed over or erased, from a terminal.

The criterion is read from stdin, never from the command line: a shell keeps what was typed there, and ``ps`` shows it.
One field a line: ``numero_fiscal: …``, ``siren: …``, ``courriel: …``, ``telephone: …``, or ``code: …`` with ``nom: …``;
to erase, ``raison: demande | opposition | erreur | decision`` and, if there is one, ``reference: …``.
Exit codes: 0 done, 1 refused or nothing found, 2 configuration.
"""

from __future__ import annotations

import json
import sys
from typing import Annotated, Final, NoReturn

import typer

from app import clock
from app.booking.donnees_critere import Critere, Genre, parse_critere
from app.booking.donnees_document import build_document
from app.booking.donnees_effacement import PHRASES, Bilan, erase, find_garde, parse_raison
from app.booking.donnees_notice import read_notice
from app.booking.donnees_personne import Dossier, Trouves, read_dossier
from app.booking.outils import SYSTEME, Outils
from app.cli_identite import run_db
from app.config import load
from app.db import Database

donnees = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)

_CHAMPS: Final = frozenset({*(genre.value for genre in Genre), "nom", "raison", "reference"})
#: Characters read of stdin: a criterion is a few lines.
_MAX: Final = 4000

Choisis = Annotated[
    list[int] | None, typer.Option("--rdv", help="only these rendez-vous (their number); repeat for several")
]


def read_champs(texte: str) -> dict[str, str]:
    """The fields of stdin. Raises ValueError with a sentence."""
    champs: dict[str, str] = {}
    for ligne in texte.splitlines():
        if not ligne.strip():
            continue
        nom, deux_points, valeur = ligne.partition(":")
        nom = nom.strip().lower()
        if not deux_points or nom not in _CHAMPS or nom in champs:
            raise ValueError("stdin takes one « field: value » a line, each field once: " + ", ".join(sorted(_CHAMPS)))
        champs[nom] = valeur.strip()
    if sum(genre.value in champs for genre in Genre) != 1:
        raise ValueError("stdin takes exactly one of: " + ", ".join(genre.value for genre in Genre))
    return champs


def _read_stdin() -> dict[str, str]:
    try:
        return read_champs(sys.stdin.read(_MAX))
    except ValueError as erreur:
        typer.echo(str(erreur), err=True)
        raise typer.Exit(1) from None


def _to_critere(champs: dict[str, str]) -> Critere:
    genre = next(genre.value for genre in Genre if genre.value in champs)
    return parse_critere({"genre": genre, "valeur": champs[genre], "nom": champs.get("nom", "")})


async def _read(
    db: Database, champs: dict[str, str], action: str, rdvs: list[int] | None
) -> tuple[Outils, Critere, Dossier]:
    """What is held; of these rendez-vous alone, when some are named."""
    outils, critere = Outils(db, load()), _to_critere(champs)
    choix = None if not rdvs else Trouves(rdvs=tuple(rdvs))
    return outils, critere, await read_dossier(outils, critere, SYSTEME, clock.now(), action=action, choix=choix)


@donnees.command("export")
def export(rdv: Choisis = None) -> None:
    """Write to stdout, as JSON, everything held of whom stdin names."""
    champs = _read_stdin()

    async def travail(db: Database) -> str | None:
        _, _, dossier = await _read(db, champs, "donnees.exportees", rdv)
        if not dossier.trouves:
            return None
        async with db.read() as conn:
            document = build_document(dossier, await read_notice(conn), clock.now())
        return json.dumps(document.to_json(), ensure_ascii=False, indent=2)

    texte = run_db(travail)
    if texte is None:
        _find_nothing()
    typer.echo(texte)


@donnees.command("effacer")
def effacer(
    rdv: Choisis = None,
    confirmer: Annotated[bool, typer.Option("--confirmer", help="erase; without it, only say what would be")] = False,
) -> None:
    """Erase whom stdin names: past rendez-vous, waiting list, register. What is still needed is kept, and said."""
    champs = _read_stdin()

    async def travail(db: Database) -> tuple[Dossier, Bilan | None]:
        raison = parse_raison(champs.get("raison", ""), champs.get("reference", ""))
        outils, critere, dossier = await _read(db, champs, "donnees.cherchees", rdv)
        if not confirmer or not dossier.trouves:
            return dossier, None
        return dossier, await erase(outils, critere, dossier.trouves, raison, SYSTEME, clock.now())

    dossier, bilan = run_db(travail)
    if not dossier.trouves:
        _find_nothing()
    if bilan is None:
        a, gardes = clock.now(), 0
        for ligne in dossier.rdvs:
            garde = find_garde(ligne["etat"], ligne["fin"], a)
            gardes += garde is not None
            sort = "to erase" if garde is None else PHRASES[garde]
            typer.echo(f"FI{ligne['id']}\t{ligne['debut']:%Y-%m-%d}\t{ligne['etat']}\t{sort}")
        autres = f"{len(dossier.attentes)} requests of the waiting list, {len(dossier.registre)} rows of the register"
        typer.echo(f"{len(dossier.rdvs) - gardes} rendez-vous to erase, {gardes} kept; {autres}")
        typer.echo("nothing was erased: --confirmer does it", err=True)
        return
    for quoi, ident, pourquoi in bilan.gardes:
        typer.echo(f"kept: {quoi} {ident}: {PHRASES[pourquoi]}")
    typer.echo(f"erased: {bilan.rdvs} rendez-vous, {bilan.attentes} requests, {bilan.registre} rows of the register")


def _find_nothing() -> NoReturn:
    typer.echo("nothing is held by that criterion", err=True)
    raise typer.Exit(1)
