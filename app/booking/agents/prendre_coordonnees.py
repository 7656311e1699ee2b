"""« Prendre RDV », the parcours simplifié: the person's form while the créneau is held, then the booking [A1 §3.3].

What was typed comes back with every answer that is not a success; the form's key makes a double click one rendez-vous.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response

from app.booking.agents.acces import write_acte
from app.booking.agents.formulaire import DejaUnRendezVous
from app.booking.agents.futurs import find_deja, trace_recherche
from app.booking.agents.identite import identify
from app.booking.agents.prendre import VisiteurAgent, open_parcours
from app.booking.agents.saisie import Saisie, prefill
from app.booking.outils import Outils
from app.booking.traces import Trace
from app.booking.usager.demande import Parcours
from app.booking.usager.etape_coordonnees import (
    answer_coordonnees,
    book_coordonnees,
    extend_hold,
    give_back_hold,
    read_envoi,
    redo,
)
from app.booking.usager.formulaire import CHAMPS, CHAMPS_AGENT
from app.booking.usager.visiteur import Requete
from app.domain.vocabulaire import Canal
from app.errors import Interdit, SaisieInvalide
from app.identite.acteur import Acteur

_CHAMPS: Final = frozenset(
    {
        *("motif", "type", "nature", "lieu", "cle", "debut", "autre_debut", "choix", "faire", "option"),
        *CHAMPS,
        *CHAMPS_AGENT,
    }
)


@get("/services/{service_id:int}/prendre/coordonnees", include_in_schema=False)
async def show_coordonnees(
    request: Requete, outils: NamedDependency[Outils], acteur: NamedDependency[Acteur], service_id: FromPath[int]
) -> Response[Any]:
    """The form, for who holds a créneau; the confirmation, for who has just booked it; else back to step 2."""
    return await answer_coordonnees(await open_parcours(request, outils, acteur, service_id), outils, service_id)


@post("/services/{service_id:int}/prendre/coordonnees", status_code=200, include_in_schema=False)
async def book_rdv(
    request: Requete, outils: NamedDependency[Outils], acteur: NamedDependency[Acteur], service_id: FromPath[int]
) -> Response[Any]:
    """Book and go to the confirmation, or look the person up.

    409 when the créneau is lost or a RDV is already held, 422 when something has to be corrected, 403 when something is
    forced.
    """
    visiteur = await open_parcours(request, outils, acteur, service_id, _CHAMPS)
    if (await request.form()).get("faire") == "rechercher":
        return await _search(visiteur, outils, service_id)
    return await book_coordonnees(visiteur, outils, service_id)


async def _search(visiteur: VisiteurAgent, outils: Outils, service_id: int) -> Response[Any]:
    """Fill the form in from what is known under a numéro fiscal or SIREN: for the service's own agents.

    Raises Interdit (403, journaled) for an agent extérieur, who reads nobody's data.
    """
    acteur, request = visiteur.acteur, visiteur.request
    lue, parcours, vue = await read_envoi(visiteur, outils, service_id)
    if not visiteur.rattache:
        faits = {"action": "rechercher", "canal": Canal.EXTERIEUR.value}
        await write_acte(outils, acteur, request, Trace("service.acces_refuse", service_id, apres=faits))
        raise Interdit("Seuls les agents du service y recherchent un usager par son numéro.")
    champ = "siren" if lue.usager.nature == "professionnel" else "numero_fiscal"
    if not getattr(lue.usager, champ):
        phrase = lue.erreurs.get(champ) or "Saisissez le numéro à rechercher."
        lue = replace(lue, erreurs={champ: phrase}, phrases=())
        return await redo(visiteur, outils, vue, parcours, lue, SaisieInvalide(champs=lue.erreurs))
    contexte = vue.contexte
    identite = await identify(outils, acteur.agent_id, contexte, lue.usager, vue.aujourdhui)
    futurs = await find_deja(outils, acteur, request, contexte, lue.usager)
    montres = [identite.rdv_id] if identite.rdv_id else []
    await trace_recherche(outils, acteur, request, contexte, lue.usager, montres, registre=identite.registre)
    if identite.connu is not None:
        remplie = prefill(Saisie(lue.saisie), contexte, identite.connu)
        lue = replace(lue, saisie={**lue.saisie, **{nom: remplie[nom] for nom in lue.saisie}})
    refus = DejaUnRendezVous(futurs=futurs) if futurs else None
    return await redo(visiteur, outils, vue, parcours, lue, refus, information=identite.phrase)


@post("/services/{service_id:int}/prendre/option/prolonger", status_code=200, include_in_schema=False)
async def extend(
    request: Requete, outils: NamedDependency[Outils], acteur: NamedDependency[Acteur], service_id: FromPath[int]
) -> Response[Any]:
    """« Garder 5 minutes de plus »: JSON for the page's script; else the same form, with what was typed.

    Raises Introuvable when the hold is over (to the script; without one the page says so).
    """
    return await extend_hold(await open_parcours(request, outils, acteur, service_id, _CHAMPS), outils, service_id)


@post("/services/{service_id:int}/prendre/option/rendre", status_code=200, include_in_schema=False)
async def give_back(
    request: Requete, outils: NamedDependency[Outils], acteur: NamedDependency[Acteur], service_id: FromPath[int]
) -> Response[Any]:
    """« Choisir un autre horaire »: somebody else may have it at once; what was typed waits for another one."""
    return await give_back_hold(await open_parcours(request, outils, acteur, service_id, _CHAMPS), outils, service_id)


@get("/services/{service_id:int}/prendre/option/prolonger", include_in_schema=False)
async def reopen(request: Requete, service_id: FromPath[int]) -> Response[Any]:
    """Somebody reloads the address of an answer: back to the form of the hold, if it lives."""
    parcours = Parcours.read(service_id, request.query_params, Canal.EXTERIEUR.value)
    return Redirect(parcours.url("coordonnees"), status_code=303)


ROUTES = [show_coordonnees, book_rdv, extend, give_back, reopen]
