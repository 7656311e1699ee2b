"""POST rendez-vous/{id}/replanification: another date, hour, guichet, motif or type [A1 §3.2]."""

from __future__ import annotations

from typing import Annotated, Final

from litestar import post
from litestar.di import NamedDependency
from litestar.openapi.spec import Example
from litestar.params import Body

from app import clock
from app.booking.api.demandes import DemandeReplanification
from app.booking.api.description import OperationApi, refusals
from app.booking.api.fiche import IdentRdv
from app.booking.api.json_strict import CorpsStrict
from app.booking.api.par_code import EXEMPLE, check_force, read_titre
from app.booking.api.reponses import RdvReplanifie
from app.booking.api.reservation import read_instant
from app.booking.contexte import read_versions
from app.booking.deplacer import Cible, move
from app.booking.duree import keep_duree
from app.booking.forms import check
from app.booking.outils import Auteur, Outils
from app.booking.titres import ParDroit
from app.booking.trajet import select_rdv
from app.identite.cles import AccesCle

_EXEMPLE: Final = {"debut": "2026-04-08T09:00:00+02:00", "guichet": 4, "revision": 1}
_EXEMPLES: Final = [
    Example(value=_EXEMPLE),
    Example(value={"debut": _EXEMPLE["debut"], "revision": 1, **EXEMPLE}),
]


@post(
    "/rendez-vous/{rdv_id:int}/replanification",
    status_code=200,
    operation_id="moveRendezVous",
    operation_class=OperationApi,
    summary="Move",
    description="For the agents attached to the service that receives it; any other key sends the `code` and the `nom` "
    "of the RDV, and moves it within the rules of external agents. The usager is told by mail; the code and the link "
    "stay. 409: the créneau is taken (`alternatives`), a warning is to be acknowledged (`alertes`), or a stale "
    "`revision` (the present `etat` and `revision`). Repeating it changes nothing.",
    tags=["rendez-vous"],
    responses=refusals(403, 404, 409, 413, 415, 429),
    dto=CorpsStrict[DemandeReplanification],
    return_dto=None,
)
async def move_rendez_vous(
    outils: NamedDependency[Outils],
    acces: NamedDependency[AccesCle],
    auteur: NamedDependency[Auteur],
    rdv_id: IdentRdv,
    data: Annotated[DemandeReplanification, Body(examples=_EXEMPLES)],
) -> RdvReplanifie:
    """Move a RDV of the caller's zone, or one whose code and name he was told."""
    erreurs: dict[str, str] = {}
    debut = read_instant(data.debut, "debut", erreurs)
    check(erreurs)
    cible = _build(data, debut)
    if data.code is not None or data.nom is not None:
        await check_force(outils, auteur, cible)
    titre = await read_titre(outils, acces, auteur, rdv_id, data.code, data.nom, "deplacer")
    if titre is None:
        cible = await _complete(outils, auteur, rdv_id, cible)
    fait = await move(outils, rdv_id, cible, auteur, clock.now(), revision=data.revision, titre=titre)
    async with outils.db.read() as conn:
        versions = await read_versions(conn, fait.service_id)
        contexte = await outils.dispo.contextes.get(conn, fait.service_id, versions.planning)
    guichet = contexte.guichets.get(fait.guichet_id)
    return RdvReplanifie(
        id=fait.id,
        service=fait.service_id,
        guichet=fait.guichet_id,
        guichet_nom=guichet.nom if guichet else "",
        debut=fait.debut.astimezone(contexte.zone),
        fin=fait.fin.astimezone(contexte.zone),
        revision=fait.revision,
        change=fait.change,
    )


def _build(demande: DemandeReplanification, debut: int) -> Cible:
    return Cible(
        debut,
        guichet_id=demande.guichet,
        motif_id=demande.motif,
        type_rdv=demande.type,
        duree=demande.duree,
        acquittees=frozenset(demande.acquittees),
    )


async def _complete(outils: Outils, auteur: Auteur, rdv_id: int, cible: Cible) -> Cible:
    """The same with the duration that the RDV keeps; what is not the caller's is left to ``move``, which refuses it."""
    assert auteur.agent_id is not None
    async with outils.db.read() as conn:
        ligne = (await conn.execute(select_rdv(rdv_id, ParDroit(auteur.agent_id)))).mappings().one_or_none()
        if ligne is None:
            return cible
        versions = await read_versions(conn, ligne["service_id"])
        contexte = await outils.dispo.contextes.get(conn, ligne["service_id"], versions.planning)
    return keep_duree(cible, dict(ligne), contexte)
