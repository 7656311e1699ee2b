"""GET services/{id}/agenda: one day, at a version from which the wire goes on [« State + events == fresh state »]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from app import clock
from app.booking.api.acces import PARAMETRES, check_jour
from app.booking.api.description import OperationApi, refusals
from app.booking.api.lecture import read_jour, read_vue
from app.booking.api.reponses import AgendaJour, GuichetJour, Intervalle, OptionTenue, RdvAgenda, describe_rdv
from app.booking.api.services import IdentChemin
from app.booking.contexte import ServiceContexte
from app.booking.outils import Auteur, Outils
from app.booking.store import nom_affiche
from app.booking.traces import Trace, write_lines, write_traces
from app.domain.horaires import from_minute
from app.errors import AccesRefuse
from app.identite.cles import AccesCle


@get(
    "/services/{service_id:int}/agenda",
    operation_id="readAgenda",
    operation_class=OperationApi,
    summary="The agenda of one day",
    description="For attached agents; any other service has no agenda (404). Subscribe from `version` on "
    "`/temps-reel?sujet=service:<id>@<version>&epoque=<epoque>`. The reading is journaled: it holds names.",
    tags=["rendez-vous"],
    responses=refusals(404),
    opt={PARAMETRES: frozenset({"jour"})},
)
async def read_agenda(
    outils: NamedDependency[Outils],
    acces: NamedDependency[AccesCle],
    auteur: NamedDependency[Auteur],
    service_id: IdentChemin,
    jour: Annotated[date | None, QueryParameter(description="Today by default.", required=False)] = None,
) -> AgendaJour:
    """The day's RDV, guichets and holds."""
    if jour is not None:
        check_jour("jour", jour)
    maintenant = clock.now()
    try:
        async with outils.db.read() as conn:
            vue = await read_vue(conn, acces.acteur.agent_id, service_id)
            contexte = await outils.dispo.contextes.get(conn, service_id, vue.versions.planning)
            local = jour or maintenant.astimezone(contexte.zone).date()
            lignes = await read_jour(conn, acces.acteur.agent_id, service_id, local, maintenant)
            jours = {"du": local.isoformat(), "au": local.isoformat()}
            await write_lines(conn, auteur, maintenant, Trace("agenda.lu", service_id, apres=jours))
    except AccesRefuse:
        await write_traces(outils, auteur, maintenant, Trace("service.acces_refuse", service_id))
        raise
    return AgendaJour(
        elements=[_rdv(ligne, contexte) for ligne in lignes if ligne["etat"] != "option"],
        service=service_id,
        jour=local,
        fuseau=contexte.zone.key,
        epoque=vue.epoque,
        version=vue.versions.service,
        guichets=_guichets(contexte, local),
        options=_options(lignes, contexte.zone),
    )


def _rdv(ligne: Mapping[str, Any], contexte: ServiceContexte) -> RdvAgenda:
    arrivee, appel = ligne["arrivee_a"], ligne["appel_a"]
    return RdvAgenda(
        **describe_rdv(ligne, contexte),
        usager=nom_affiche(ligne) if ligne["nature"] else "",
        arrivee_a=arrivee.astimezone(contexte.zone) if arrivee else None,
        appel_a=appel.astimezone(contexte.zone) if appel else None,
    )


def _guichets(contexte: ServiceContexte, jour: date) -> list[GuichetJour]:
    ouvertures = contexte.ouvertures(jour, jour)
    return [
        GuichetJour(
            id=guichet.id,
            nom=guichet.nom,
            ouvert=guichet.ouvert,
            plages=[
                Intervalle(
                    debut=from_minute(plage.debut).astimezone(contexte.zone),
                    fin=from_minute(plage.fin).astimezone(contexte.zone),
                )
                for plage in ouvertures.get(guichet.id, jour)
            ],
        )
        for guichet in contexte.guichets.values()
    ]


def _options(lignes: Sequence[Mapping[str, Any]], zone: ZoneInfo) -> list[OptionTenue]:
    return [
        OptionTenue(
            guichet=ligne["guichet_id"],
            debut=ligne["debut"].astimezone(zone),
            fin=ligne["fin"].astimezone(zone),
            expire_a=ligne["expire_a"].astimezone(zone),
        )
        for ligne in lignes
        if ligne["etat"] == "option"
    ]
