"""The PDF of a day's agenda, as paper is handed to who receives [A1 §3.2; screens « Agenda du service »]."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Stream

from app import clock
from app.booking.agents.acces import journal_refus, open_service, write_lecture
from app.booking.agents.affichage import Affichage, read_affichage
from app.booking.agents.feuille import Feuille, LigneRdv, LotGuichet, render_pdf
from app.booking.agents.lectures import nom_agenda, read_jours
from app.booking.agents.mots import TYPES, raison_guichet
from app.booking.contexte import ServiceContexte
from app.booking.outils import Outils
from app.booking.traces import Trace
from app.domain.guichets import GuichetRegle
from app.domain.horaires import Intervalle, from_minute, merge
from app.identite.acteur import Acteur
from app.web.dates import heure, jour_long

#: The same words as on every screen (templates/macros/etat.html).
ETATS: Final[Mapping[str, str]] = {
    "prevu": "Prévu",
    "arrive": "Arrivé",
    "appele": "Appelé",
    "recu": "En entretien",
    "termine": "Terminé",
    "non_honore": "Pas venu",
}
_MORCEAU: Final = 32 * 1024


def build_feuille(
    affichage: Affichage, contexte: ServiceContexte, lignes: Sequence[Mapping[str, Any]], maintenant: datetime
) -> Feuille:
    """The day in words. Neither holds nor cancelled RDV: they are nobody to receive."""
    voulus = affichage.guichets
    guichets = [g for g in contexte.guichets.values() if not voulus or g.id in voulus]
    local = maintenant.astimezone(contexte.zone)
    return Feuille(
        service=contexte.libelle,
        jour=jour_long(affichage.jour),
        imprime_le=f"{jour_long(local.date())} à {heure(maintenant, contexte.zone)}",
        lots=[
            LotGuichet(
                g.nom,
                _horaires(contexte, g, affichage),
                [_ligne(ligne, contexte) for ligne in lignes if ligne["guichet_id"] == g.id and ligne["etat"] in ETATS],
            )
            for g in guichets
        ],
    )


def _horaires(contexte: ServiceContexte, guichet: GuichetRegle, affichage: Affichage) -> str:
    """« 08:00–12:00, 13:00–17:00 », plages that touch taken together, or why it is closed."""
    ouvertures = contexte.ouvertures(affichage.jour, affichage.jour)
    raison = raison_guichet(contexte, ouvertures, guichet, affichage.jour)
    plages = (
        f"{heure(from_minute(p.debut), contexte.zone)}–{heure(from_minute(p.fin), contexte.zone)}"
        for p in merge(Intervalle(o.debut, o.fin) for o in ouvertures.get(guichet.id, affichage.jour))
    )
    return raison or ", ".join(plages)


def _ligne(ligne: Mapping[str, Any], contexte: ServiceContexte) -> LigneRdv:
    motif = contexte.motifs.get(ligne["motif_id"])
    pour = f" (pour {ligne['origine_libelle']})" if ligne["origine_libelle"] else ""
    etat = ETATS[ligne["etat"]]
    if ligne["arrivee_a"] is not None:
        etat += f", arrivée {heure(ligne['arrivee_a'], contexte.zone)}"
    return LigneRdv(
        f"{heure(ligne['debut'], contexte.zone)}–{heure(ligne['fin'], contexte.zone)}",
        nom_agenda(ligne),
        (motif.libelle if motif else ligne["motif_libelle"] or "") + pour,
        TYPES[ligne["type_rdv"]],
        etat,
    )


@get("/services/{service_id:int}/agenda/pdf", include_in_schema=False)
async def show_agenda_pdf(
    request: Request[Any, Any, Any],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    service_id: FromPath[int],
) -> Stream:
    """The day asked for, guichet by guichet; its printing is journaled before the first byte."""
    maintenant = clock.now()
    acces = await open_service(outils, acteur, request, service_id)
    async with (
        journal_refus(outils, acteur, request, Trace("service.acces_refuse", service_id)),
        outils.db.read() as conn,
    ):
        contexte = await outils.dispo.contextes.get(conn, acces.service_id, acces.versions.planning)
        aujourdhui = maintenant.astimezone(contexte.zone).date()
        affichage = replace(read_affichage(request, contexte, aujourdhui), vue="jour")
        lignes = await read_jours(conn, acces.agent_id, contexte.id, *affichage.bornes)
    jour = affichage.jour.isoformat()
    await write_lecture(outils, acteur, request, Trace("agenda.imprime", contexte.id, apres={"du": jour, "au": jour}))
    octets = await asyncio.to_thread(render_pdf, build_feuille(affichage, contexte, lignes, maintenant))
    return Stream(
        _cut(octets),
        media_type="application/pdf",
        headers={
            "Content-Disposition": f'attachment; filename="agenda-{jour}.pdf"',
            "Content-Length": str(len(octets)),
            "Cache-Control": "no-store",
        },
    )


def _cut(octets: bytes) -> Iterator[bytes]:
    for debut in range(0, len(octets), _MORCEAU):
        yield octets[debut : debut + _MORCEAU]


ROUTES = [show_agenda_pdf]
