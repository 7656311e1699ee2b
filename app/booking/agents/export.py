"""« Exporter la liste en CSV »: the RDV of the list's filters, however many, eight bytes each in memory [A1 §3.2].

Which RDV are in the file is read at one instant, in one statement: each is there once, even if it is moved meanwhile.
Their facts are read a few hundred at a time, and the connection is given back before they are sent: a slow reader, or
one that has gone, holds nothing. Each of these statements carries the right again: once withdrawn, nothing follows.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from litestar import Request, post
from litestar.di import NamedDependency
from litestar.response import Response, Stream

from app import clock
from app.booking.agents.acces import journal_refus, write_acte
from app.booking.agents.actes import check_champs
from app.booking.agents.lectures import nom_agenda
from app.booking.agents.liste import URL_EXPORT, find_services, read_aujourdhui, trace_liste
from app.booking.agents.liste_filtres import CHAMPS, parse_filtre
from app.booking.agents.liste_filtres import ETATS as MOTS_ETATS
from app.booking.agents.liste_lectures import read_ids, read_lot, read_zone
from app.booking.agents.mots import TYPES
from app.booking.agents.saisie import national
from app.booking.outils import Outils
from app.booking.traces import Trace
from app.identite.acteur import Acteur
from app.web.dates import heure
from app.web.securite import CHAMP_CSRF
from app.web.tableur import write_csv

#: Rows read and written at once.
LOT: Final = 400
_TITRES: Final = (
    *("Service", "Date", "Début", "Fin", "Usager", "Type de RDV", "Motif", "Guichet", "Date du contre-appel"),
    *("État du RDV", "Arrivé à", "Code", "Numéro", "Téléphone 1", "Téléphone 2"),
)
_REFUS: Final = Trace("service.acces_refuse", apres={"export": True})


@post(URL_EXPORT, status_code=200, include_in_schema=False)
async def export_liste(
    request: Request[Any, Any, Any], outils: NamedDependency[Outils], acteur: NamedDependency[Acteur]
) -> Response[Any]:
    """The file, by date. Journaled before its first row: period, filters, number of RDV. No journal, no file.

    A second line tells how many rows were given, when the file ends or its reader goes.
    """
    formulaire = dict(await request.form())
    check_champs(formulaire, frozenset({CHAMP_CSRF, *CHAMPS}))
    async with journal_refus(outils, acteur, request, _REFUS), outils.db.read() as conn:
        zone = await read_zone(conn, acteur.agent_id)
        filtre = parse_filtre(formulaire, read_aujourdhui(zone, clock.now()))
        services = {s.id: s.libelle for s in find_services(zone, filtre)}
        ids = await read_ids(conn, acteur.agent_id, filtre, list(services))
    await write_acte(outils, acteur, request, trace_liste(filtre, "liste.exportee", lignes=len(ids)))

    async def note(donnees: int) -> None:
        faits = trace_liste(filtre, "liste.export_fini", lignes=len(ids), donnees=donnees)
        await write_acte(outils, acteur, request, faits)

    nom = f"rendez-vous-{filtre.du}-{filtre.au}.csv"
    libelles = {s.id: s.libelle for s in zone}
    return Stream(
        _write(outils, acteur.agent_id, ids, libelles, note),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{nom}"', "Cache-Control": "no-store"},
    )


async def _write(
    outils: Outils,
    agent_id: int,
    ids: Sequence[int],
    libelles: Mapping[int, str],
    note: Callable[[int], Awaitable[None]],
) -> AsyncIterator[bytes]:
    """The header, then the rows by small lots; ``note`` is told how many, whether or not they were read to the end."""
    donnees = 0
    try:
        yield write_csv(_TITRES, [])
        for rang in range(0, len(ids), LOT):
            async with outils.db.read() as conn:
                lignes = await read_lot(conn, agent_id, ids[rang : rang + LOT], list(libelles))
            donnees += len(lignes)
            if lignes:
                yield write_csv([], (_row(ligne, libelles) for ligne in lignes), entete=False)
    finally:  # a reader who goes cancels this: the line is written all the same
        await asyncio.shield(asyncio.ensure_future(note(donnees)))


@lru_cache(maxsize=64)
def _zone(fuseau: str) -> ZoneInfo:
    return ZoneInfo(fuseau)


def write_telephone(numero: str) -> str:
    """« 06 12 34 56 78 »: what a spreadsheet neither computes nor shortens."""
    if numero.startswith("+33") and len(numero) == 12:
        n = "0" + numero[3:]
        return f"{n[:2]} {n[2:4]} {n[4:6]} {n[6:8]} {n[8:]}"
    return national(numero)


def _row(ligne: Mapping[str, Any], libelles: Mapping[int, str]) -> list[str]:
    """One RDV; who entrusted it to another service knows no guichet there."""
    zone = _zone(ligne["receveur_fuseau"])
    ici = ligne["service_id"] in libelles
    contre_appel, arrivee = ligne["contre_appel"], ligne["arrivee_a"]
    telephones = [*map(write_telephone, [n for n in ligne["telephones"] or () if n][:2]), "", ""]
    return [
        libelles[ligne["service_id"] if ici else ligne["service_origine_id"]],
        f"{ligne['jour']:%d/%m/%Y}",
        heure(ligne["debut"], zone),
        heure(ligne["fin"], zone),
        nom_agenda(ligne) or "Usager anonymisé",
        TYPES[ligne["type_rdv"]],
        ligne["motif"],
        ligne["guichet_nom"] if ici else f"Reçu par {ligne['receveur_libelle']}",
        f"{contre_appel:%d/%m/%Y}" if contre_appel else "",
        MOTS_ETATS[ligne["etat"]],
        heure(arrivee, zone) if arrivee else "",
        ligne["code"],
        f"FI{ligne['id']}",
        *telephones[:2],
    ]


ROUTES = [export_liste]
