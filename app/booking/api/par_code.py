"""A RDV named by its exact code and name, over the API: as on the pages of agents extérieurs [A1, summary table].

Nothing is kept between two calls: each act sends both words again. Same proof, same limits, same journal, one 404.
"""

from __future__ import annotations

from typing import Annotated, Final

from litestar import post
from litestar.di import NamedDependency
from litestar.openapi.spec import Example
from litestar.params import Body

from app import clock
from app.booking.api.acces import require_rendez_vous
from app.booking.api.demandes import DemandeParCode
from app.booking.api.description import OperationApi, refusals
from app.booking.api.json_strict import CorpsStrict
from app.booking.api.reponses import RdvParCode
from app.booking.contexte import read_versions
from app.booking.destination import Cible
from app.booking.outils import Auteur, Outils
from app.booking.par_code import Prouve, build_introuvable, prove
from app.booking.titres import ParCode
from app.booking.traces import Trace, write_traces
from app.booking.vie import journal_refus
from app.errors import Interdit, SaisieInvalide
from app.identite.cles import AccesCle

EXEMPLE: Final = {"code": "XOWVVO", "nom": "Valenton"}
_ENSEMBLE: Final = "Le code et le nom vont ensemble : aucun des deux ne suffit."


@post(
    "/rendez-vous/par-code",
    status_code=200,
    operation_id="readRendezVousByCode",
    operation_class=OperationApi,
    summary="Find by code and name",
    description="For any key that manages RDV: what an external agent may know of the RDV that both words name, and "
    "the `id` to act on it (`annulation`, `replanification`, with both words again). Whatever is wrong, the 404 is the "
    "same. Each try is journaled; ten wrong pairs in five minutes, here or on the screens, stop the agent (429).",
    tags=["rendez-vous"],
    responses=refusals(403, 404, 413, 415, 429),
    dto=CorpsStrict[DemandeParCode],
    return_dto=None,
)
async def read_par_code(
    outils: NamedDependency[Outils],
    acces: NamedDependency[AccesCle],
    auteur: NamedDependency[Auteur],
    data: Annotated[DemandeParCode, Body(examples=[Example(value=EXEMPLE)])],
) -> RdvParCode:
    """The RDV that both words name, without its person."""
    rdv = (await _prove(outils, acces, auteur, data.code, data.nom, "lire")).rdv
    async with outils.db.read() as conn:
        versions = await read_versions(conn, rdv["service_id"])
        contexte = await outils.dispo.contextes.get(conn, rdv["service_id"], versions.planning)
    motif = contexte.motifs.get(rdv["motif_id"])
    return RdvParCode(
        id=rdv["id"],
        code=rdv["code"],
        service=rdv["service_id"],
        motif=rdv["motif_id"],
        motif_libelle=motif.libelle if motif else "",
        type=rdv["type_rdv"],
        debut=rdv["debut"].astimezone(contexte.zone),
        fin=rdv["fin"].astimezone(contexte.zone),
        etat=rdv["etat"],
        revision=rdv["revision"],
    )


async def read_titre(
    outils: Outils, acces: AccesCle, auteur: Auteur, rdv_id: int, code: str | None, nom: str | None, action: str
) -> ParCode | None:
    """The title that both words prove on that very RDV; None without them: the caller's right on the service decides.

    Raises SaisieInvalide when one is missing, Interdit (403, journaled), AccesRefuse (404), TropDeDemandes (429).
    """
    if code is None and nom is None:
        return None
    if code is None or nom is None:
        raise SaisieInvalide(champs={"code" if code is None else "nom": _ENSEMBLE})
    prouve = await _prove(outils, acces, auteur, code, nom, action)
    if prouve.rdv["id"] != rdv_id:
        await journal_refus(outils, rdv_id, auteur, action, clock.now())
        raise build_introuvable()
    return prouve.titre


async def _prove(outils: Outils, acces: AccesCle, auteur: Auteur, code: str, nom: str, action: str) -> Prouve:
    maintenant = clock.now()
    try:
        require_rendez_vous(acces)
    except Interdit:
        refus = Trace("service.acces_refuse", apres={"action": "par_code"})
        await write_traces(outils, auteur, maintenant, refus)
        raise
    return await prove(outils, code, nom, auteur, maintenant, action=action)


async def check_force(outils: Outils, auteur: Auteur, cible: Cible) -> None:
    """By code and name nothing is forced. Raises Interdit (403, journaled)."""
    voulus = {"guichet": cible.guichet_id, "duree": cible.duree, "acquittees": cible.acquittees or None}
    champs = sorted(champ for champ, valeur in voulus.items() if valeur is not None)
    if champs:
        faits = {"action": "forcer", "canal": ParCode.canal, "champs": champs}
        await write_traces(outils, auteur, clock.now(), Trace("service.acces_refuse", apres=faits))
        raise Interdit(
            "Par code et nom, la durée et le guichet sont fixés par le service.",
            remede="Renvoyez la demande sans « guichet », « duree » ni « acquittees ».",
        )
