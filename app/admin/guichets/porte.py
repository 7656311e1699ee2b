"""The door of the pages of one guichet, and the words told after each act."""

from __future__ import annotations

from typing import Any, Final

from litestar import Request
from litestar.response import Redirect, Response

from app import clock
from app.admin.chantier import journal_refus
from app.admin.ensemble import ORGANISER
from app.admin.guichets.ecritures import PHRASE
from app.admin.guichets.formulaire import check_champs
from app.admin.guichets.lecture import GuichetLu, read_guichet
from app.admin.guichets.rdv import RdvNomme, name_rdv
from app.admin.pages import Organisation, open_organisation
from app.admin.saisie import Saisie, read_revision
from app.booking.agents.acces import write_lecture
from app.booking.outils import Outils
from app.booking.traces import Trace
from app.errors import Introuvable
from app.identite.acteur import Acteur
from app.web.dependances import auteur_agent
from app.web.erreurs import wants_json
from app.web.securite import CHAMP_CSRF

GUICHETS: Final = f"{ORGANISER}/guichets"
GUICHET: Final = f"{GUICHETS}/{{guichet_id:int}}"
#: Sentences told once after a redirection, by key.
FAITS: Final = {
    "cree": "Le guichet est créé.",
    "enregistre": "Le guichet est enregistré : les écrans ouverts et les pages des usagers le suivent.",
    "enregistre_rdv": "Le guichet est enregistré. Les rendez-vous qu’il ne prend plus restent prévus : ils sont dans "
    "« Rendez-vous à replacer ».",
    "inchange": "Rien n’avait changé : le guichet est resté tel quel.",
    "ouvert": "Le guichet est ouvert.",
    "ferme": "Le guichet est fermé : plus aucun rendez-vous ne peut y être pris.",
    "ferme_rdv": "Le guichet est fermé. Ses rendez-vous restent prévus : ils sont dans « Rendez-vous à replacer ».",
    "supprime": "Le guichet est supprimé.",
    "deplace": "L’ordre des guichets est changé.",
    "bord": "Ce guichet est déjà au bout de la liste.",
}


async def open_guichet_page(
    outils: Outils, acteur: Acteur, request: Request[Any, Any, Any], service_id: int, guichet_id: int
) -> tuple[Organisation, GuichetLu]:
    """The service and one of its guichets.

    Raises Introuvable, journaled: an unknown guichet and another service's are the same 404.
    """
    organisation = await open_organisation(outils, acteur, request, service_id)
    async with outils.db.read() as conn:
        guichet = await read_guichet(conn, service_id, guichet_id)
    if guichet is None:
        await journal_refus(
            outils, auteur_agent(acteur, request), clock.now(), f"guichet.{guichet_id}", service_id=service_id
        )
        raise Introuvable(PHRASE)
    return organisation, guichet


async def name_effets(
    outils: Outils,
    acteur: Acteur,
    request: Request[Any, Any, Any],
    organisation: Organisation,
    guichet_id: int,
    ids: list[int],
) -> list[RdvNomme]:
    """Who and when: a read of personal data, journaled like any other."""
    if not ids:
        return []
    async with outils.db.read() as conn:
        noms = await name_rdv(conn, acteur.agent_id, ids, organisation.contexte.zone)
    if noms:
        faits = {"guichet": guichet_id, "rdv": [rdv.id for rdv in noms]}
        await write_lecture(outils, acteur, request, Trace("guichet.rdv_lus", organisation.contexte.id, apres=faits))
    return noms


async def read_vue(request: Request[Any, Any, Any]) -> int:
    """The revision sent by a row's button. Raises SaisieInvalide (422) without it, or with anything else."""
    saisie = Saisie.of(await request.form())
    check_champs(saisie, frozenset({CHAMP_CSRF, "revision"}))
    return read_revision(saisie)


def answer(request: Request[Any, Any, Any], organisation: Organisation, fait: str) -> Response[Any]:
    """A sentence for the script of a row's button, else back to the list."""
    if wants_json(request):
        return Response({"message": FAITS[fait]})
    return Redirect(f"{organisation.url}/guichets?fait={fait}", status_code=303)
