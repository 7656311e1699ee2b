"""How each route is described in the OpenAPI document: its refusals, its errors, its examples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from litestar.datastructures import ResponseHeader
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIHeader, OpenAPIResponse, OpenAPIType, Operation, Schema

from app.booking.api.reponses import Probleme

_REFUS: Final = {
    401: "No key, or a key that is unknown, expired, revoked, or of a suspended agent.",
    403: "The key's profile, or its distance from the service, does not allow it.",
    404: "Absent, or outside the rights of the key: the two are not told apart.",
    409: "The world has changed: `alternatives`, `alertes` or the present `etat` and `revision` say how.",
    413: "The body is over 256 KiB.",
    415: "The body must be application/json.",
    422: "Malformed or refused by the rules; `champs` ties a sentence to each field.",
    429: "Too many wrong pairs of code and name from this agent: wait for `Retry-After` seconds.",
    500: "A defect of ours; `incident` is its number.",
    503: "The database is away for a moment: try again, with the same Idempotency-Key.",
}
JSON: Final = "application/problem+json"


def refusals(*statuts: int) -> dict[int, ResponseSpec]:
    """The problems that a route may answer with, besides those that any route may."""
    voulus = sorted({401, 422, 500, 503, *statuts})
    return {
        statut: ResponseSpec(Probleme, generate_examples=False, description=_REFUS[statut], media_type=JSON)
        for statut in voulus
    }


@dataclass
class OperationApi(Operation):
    """An operation as it really answers: what the framework calls 400 is a 422 here (app.web.erreurs).

    Headers that handlers set themselves have no value to infer a schema from: they are strings.
    """

    def __post_init__(self) -> None:
        reponses = self.responses or {}
        reponses.pop("400", None)
        for reponse in reponses.values():
            entetes = reponse.headers if isinstance(reponse, OpenAPIResponse) else None
            for entete in (entetes or {}).values():
                if isinstance(entete, OpenAPIHeader) and entete.schema is None:
                    entete.schema = Schema(type=OpenAPIType.STRING)


EMPLACEMENT: Final = ResponseHeader(
    name="Location", description="Address of the RDV.", documentation_only=True, required=True
)
