"""What happened to a RDV since a page about it was opened: told live above the form, and again when it is refused.

A form carries the ``revision`` that it shows and ``vu``, how many lines of the story were written by then: neither says
anything of anybody.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Response

from app.booking.agents.acces import Acces, journal_refus, note_lecture, open_rdv
from app.booking.agents.fiche import Dossier, list_faits, load
from app.booking.outils import Outils
from app.booking.traces import Trace
from app.domain.horaires import floor_minute
from app.errors import AccesRefuse, SaisieInvalide
from app.identite.acteur import Acteur

_CONFIE = "Ce rendez-vous est reçu par un autre service : lui seul le modifie."
_MAX = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Vu:
    """What a page showed of the RDV."""

    revision: int
    lignes: int

    @classmethod
    def of(cls, dossier: Dossier) -> Vu:
        """What a page drawn now shows."""
        return cls(dossier.rdv["revision"], len(dossier.histoire))

    @classmethod
    def read(cls, revision: str, lignes: str) -> Vu:
        """What a form sends back. Raises SaisieInvalide; without ``lignes`` (a script), the last ones are not told."""
        if not _is_entier(revision) or (lignes and not _is_entier(lignes)):
            raise SaisieInvalide("Cette page est incomplète : rien n’a été enregistré.", remede="Rouvrez la fiche.")
        return cls(int(revision), int(lignes or _MAX))


def _is_entier(texte: str) -> bool:
    return texte.isascii() and texte.isdecimal() and len(texte) < 10


async def open_ici(
    request: Request[Any, Any, Any], outils: Outils, acteur: Acteur, rdv_id: int
) -> tuple[Acces, Dossier]:
    """The RDV for the agents of the service that receives it.

    The one that entrusted it reads and cancels it, nothing else [G 2.3.5]: AccesRefuse (404), journaled.
    """
    acces = await open_rdv(outils, acteur, request, rdv_id)
    async with journal_refus(outils, acteur, request, Trace("rdv.acces_refuse", acces.service_id, rdv_id)):
        if acces.confie:
            raise AccesRefuse(_CONFIE)
    return acces, await load(request, outils, acteur, acces, rdv_id)


def list_changements(dossier: Dossier, vu: Vu) -> list[dict[str, str]]:
    """The lines written since, in words; none while the revision is the same."""
    return [] if dossier.rdv["revision"] == vu.revision else list_faits(dossier, vu.lignes)


def render_changements(request: Request[Any, Any, Any], acces: Acces, dossier: Dossier, vu: Vu) -> str:
    """The live region of a form about a RDV: empty until somebody else changes it."""
    rdv = dossier.rdv
    gabarit = request.app.state.gabarits.get_template("booking/agents/_changements_region.html")
    return str(
        gabarit.render(
            sujet=f"service:{acces.service_id}",
            version=acces.versions.service,
            epoque=acces.epoque,
            fragment=f"/rendez-vous/{rdv['id']}/changements/fragment?revision={vu.revision}&vu={vu.lignes}",
            zone=dossier.contexte.zone.key,
            du=floor_minute(rdv["debut"]),
            au=floor_minute(rdv["fin"]),
            rdv=rdv,
            change=rdv["revision"] != vu.revision,
            changements=list_changements(dossier, vu),
        )
    )


@get("/rendez-vous/{rdv_id:int}/changements/fragment", include_in_schema=False)
async def show_changements(
    request: Request[Any, Any, Any],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    rdv_id: FromPath[int],
    revision: FromQuery[str],
    vu: FromQuery[str],
) -> Response[bytes]:
    """Exactly that region."""
    acces = await open_rdv(outils, acteur, request, rdv_id)
    dossier = await load(request, outils, acteur, acces, rdv_id)
    await note_lecture(outils, acteur, request, Trace("rdv.lu", dossier.contexte.id, rdv_id))
    region = render_changements(request, acces, dossier, Vu.read(revision, vu))
    return Response(region.encode(), media_type="text/html")


ROUTES = [show_changements]
