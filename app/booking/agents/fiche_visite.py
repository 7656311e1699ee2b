"""The fiche de visite: one printed page that the usager takes away, and never what is written for agents [A1 §4]."""

from __future__ import annotations

from typing import Any

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Response

from app import clock
from app.booking.agents.acces import open_rdv, write_lecture
from app.booking.agents.appels import tell_suites
from app.booking.agents.fiche import nom_motif
from app.booking.agents.lectures import nom_agenda
from app.booking.agents.mots import TYPES
from app.booking.agents.saisie import national
from app.booking.agents.visite import load_visite
from app.booking.outils import Outils
from app.booking.traces import Trace
from app.domain.suite_donnee import refuse_suite
from app.identite.acteur import Acteur
from app.web.dates import heure, jour_long
from app.web.pages import page


@get("/rendez-vous/{rdv_id:int}/fiche-visite", include_in_schema=False)
async def show_fiche_visite(
    request: Request[Any, Any, Any],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    rdv_id: FromPath[int],
) -> Response[bytes]:
    """The page to print; the reason alone while nobody has come. Reading it is journaled as such."""
    acces = await open_rdv(outils, acteur, request, rdv_id)
    visite = await load_visite(request, outils, acteur, acces, rdv_id)
    contexte, rdv = visite.contexte, visite.rdv
    trace = Trace("rdv.lu", contexte.id, rdv_id, apres={"ecran": "fiche-visite"})
    await write_lecture(outils, acteur, request, trace)
    maintenant = clock.now()
    recu = next((rdv[nom] for nom in ("reception_a", "appel_a", "arrivee_a") if rdv[nom] is not None), rdv["debut"])
    ctx = {
        **visite.entete(acteur, maintenant),
        "titre": f"Fiche de visite {rdv['code']}",
        "fil": visite.fil("Fiche de visite"),
        "refus_definitif": refuse_suite(rdv["etat"]) or "",
        "fiche": f"/rendez-vous/{rdv_id}",
        "lieu": contexte.adresse_lignes,
        "telephone": national(contexte.telephone) if contexte.telephone else "",
        "courriel": contexte.courriel,
        "pour": rdv["origine_libelle"] or "",
        "nom": nom_agenda(rdv),
        "code": rdv["code"],
        "faits": [
            ("Date", f"{jour_long(rdv['jour'])} à {heure(recu, contexte.zone)}"),
            ("Rendez-vous", f"n° FI{rdv_id}, code {rdv['code']}, {TYPES[rdv['type_rdv']].lower()}"),
            ("Motif", nom_motif(rdv, contexte)),
        ],
        "demande": rdv["precision"],
        "suites": tell_suites(visite.suites, contexte.zone),
        "edite": f"{jour_long(maintenant.astimezone(contexte.zone).date())} à {heure(maintenant, contexte.zone)}",
    }
    return page(request, "booking/agents/fiche_visite.html", ctx)


ROUTES = [show_fiche_visite]
