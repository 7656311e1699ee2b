"""POST rendez-vous: once and only once per Idempotency-Key."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

import msgspec
from litestar import Request, post
from litestar.di import NamedDependency
from litestar.openapi.spec import Example
from litestar.params import Body, HeaderParameter
from litestar.response import Response

from app import clock
from app.booking.api.acces import provide_auteur, require_rendez_vous
from app.booking.api.demandes import DemandeRdv, Particulier
from app.booking.api.description import EMPLACEMENT, OperationApi, refusals
from app.booking.api.json_strict import CorpsStrict
from app.booking.api.placement import book_somewhere
from app.booking.api.reponses import RdvCree
from app.booking.contexte import ServiceContexte
from app.booking.forms import check, parse_precision, parse_usager
from app.booking.jugement import Reservation
from app.booking.outils import Outils
from app.booking.reserver import RdvReserve
from app.booking.traces import Trace, write_traces
from app.domain.horaires import to_minute
from app.errors import Interdit, SaisieInvalide
from app.identite.cles import AccesCle

EN_TETE: Final = "Idempotency-Key"
#: The form's second names of one list of the API.
_TELEPHONES: Final = ("telephone1", "telephone2", "telephone3")
_EXEMPLE: Final = {
    "service": 1,
    "motif": 3,
    "type": "guichet",
    "debut": "2026-04-07T10:20:00+02:00",
    "precision": "Case 7DB de ma déclaration",
    "usager": {
        "nature": "particulier",
        "civilite": "monsieur",
        "nom_usage": "Valenton",
        "prenoms": "Philippe",
        "telephones": ["06 12 34 56 78"],
        "courriel": "philippe.valenton@exemple.fr",
    },
}


@post(
    "/rendez-vous",
    operation_id="createRendezVous",
    operation_class=OperationApi,
    summary="Book",
    description="The server allocates the guichet (an attached agent may choose it). The same key with the same body "
    "answers the same 201; with another body, 422. 409: the créneau is taken (`alternatives`) or a warning is to be "
    "acknowledged (`alertes`).",
    tags=["rendez-vous"],
    responses=refusals(403, 404, 409, 413, 415),
    response_headers=[EMPLACEMENT],
    dto=CorpsStrict[DemandeRdv],
    return_dto=None,
)
async def create_rendez_vous(
    request: Request[Any, Any, Any],
    outils: NamedDependency[Outils],
    acces: NamedDependency[AccesCle],
    data: Annotated[DemandeRdv, Body(examples=[Example(value=_EXEMPLE)])],
    cle: Annotated[
        str,
        HeaderParameter(
            name=EN_TETE,
            min_length=1,
            max_length=255,
            pattern="^[!-~]+$",
            description="Chosen by the client, one per booking: any visible ASCII characters (a UUID does well).",
        ),
    ],
) -> Response[RdvCree]:
    """Book, or answer again what this key has already booked."""
    maintenant, auteur, canal = clock.now(), await provide_auteur(request, acces), acces.canal(data.service)
    try:
        require_rendez_vous(acces)
        if canal != "rattache" and (data.guichet is not None or data.acquittees):
            raise Interdit("Hors de votre zone de compétence, le guichet est choisi par le service.")
    except Interdit:
        faits = {"action": "reserver", "canal": canal}
        await write_traces(outils, auteur, maintenant, Trace("service.acces_refuse", data.service, apres=faits))
        raise
    contexte = outils.dispo.contextes.peek(data.service)
    if contexte is None:
        async with outils.db.read() as conn:
            contexte = await outils.dispo.contextes.get(conn, data.service, 0)
    reservation = _read(data, contexte, canal, cle, maintenant)
    rdv = await book_somewhere(outils, reservation, auteur, maintenant)
    if not rdv.identique:
        raise SaisieInvalide(
            "Cette clé d’idempotence a déjà servi pour une autre demande.",
            remede="Envoyez une nouvelle clé pour une nouvelle demande.",
            champs={EN_TETE: "Cette clé a déjà servi pour une autre demande."},
        )
    return Response(_answer(rdv, data.service, contexte.zone), headers={"Location": f"/api/v1/rendez-vous/{rdv.id}"})


def _read(demande: DemandeRdv, contexte: ServiceContexte, canal: str, cle: str, maintenant: datetime) -> Reservation:
    """The booking asked for. Raises SaisieInvalide with every wrong field at once."""
    erreurs: dict[str, str] = {}
    precision = parse_precision({"precision": demande.precision}, erreurs)
    debut = read_instant(demande.debut, "debut", erreurs)
    usager, siennes = parse_usager(
        {
            **msgspec.structs.asdict(demande.usager),
            "nature": "particulier" if isinstance(demande.usager, Particulier) else "professionnel",
        },
        departement=contexte.departement,
        aujourdhui=maintenant.astimezone(contexte.zone).date(),
    )
    for champ, phrase in siennes.items():
        erreurs[f"usager.{'telephones' if champ in _TELEPHONES else champ}"] = phrase
    duree = demande.duree
    if demande.fin is not None:
        duree = _read_duree(demande, debut, read_instant(demande.fin, "fin", erreurs), erreurs)
    check(erreurs)
    return Reservation(
        service_id=demande.service,
        motif_id=demande.motif,
        type_rdv=demande.type,
        debut=debut,
        canal=canal,
        origine="api",
        usager=usager,
        precision=precision,
        cle=cle,
        duree=duree,
        guichet_id=demande.guichet,
        acquittees=frozenset(demande.acquittees),
    )


def read_instant(texte: str, champ: str, erreurs: dict[str, str]) -> int:
    """Minutes-époque of an ISO 8601 instant with its offset, a whole minute; 0 and a sentence otherwise."""
    try:
        instant = datetime.fromisoformat(texte)
    except ValueError:
        erreurs[champ] = (
            "Cet instant n’existe pas ou n’est pas au format ISO 8601, par exemple 2026-04-07T10:20:00+02:00."
        )
        return 0
    if instant.tzinfo is None:
        erreurs[champ] = "Précisez le décalage horaire, par exemple 2026-04-07T10:20:00+02:00."
        return 0
    if not 2000 <= instant.year <= 2100:
        erreurs[champ] = "Cette date est hors du calendrier."
        return 0
    try:
        return to_minute(instant)
    except ValueError:
        erreurs[champ] = "Un rendez-vous commence à une minute entière."
        return 0


def _read_duree(demande: DemandeRdv, debut: int, fin: int, erreurs: dict[str, str]) -> int | None:
    if erreurs.keys() & {"debut", "fin"}:
        return None
    if fin <= debut:
        erreurs["fin"] = "La fin est avant le début."
    elif fin - debut > 1440:
        erreurs["fin"] = "Un rendez-vous dure un jour au plus."
    elif demande.duree not in (None, fin - debut):
        erreurs["duree"] = "La durée et la fin ne disent pas la même chose : donnez l’une des deux."
    return fin - debut


def _answer(rdv: RdvReserve, service_id: int, zone: ZoneInfo) -> RdvCree:
    return RdvCree(
        id=rdv.id,
        code=rdv.code,
        service=service_id,
        guichet=rdv.guichet_id,
        guichet_nom=rdv.guichet_nom,
        debut=rdv.debut.astimezone(zone),
        fin=rdv.fin.astimezone(zone),
    )
