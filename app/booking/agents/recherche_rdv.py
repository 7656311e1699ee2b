"""« Rechercher les RDV »: one field over every service of the agent's zone [A1 §3.2].

A POST, so that what was typed shows in no address, history or log. It changes nothing but the journal, which keeps the
print of each reading.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.response import Response

from app import clock
from app.booking.agents.acces import journal_refus, write_acte
from app.booking.agents.actes import check_champs
from app.booking.agents.liste import URL_RECHERCHE, read_aujourdhui
from app.booking.agents.liste_filtres import CHEMIN
from app.booking.agents.liste_lectures import ServiceZone, read_zone
from app.booking.agents.liste_lignes import Ligne, describe_lignes
from app.booking.agents.recherche_rdv_lectures import LIMITE, TROP, Resultat, search_rdv
from app.booking.agents.recherche_rdv_saisie import Lecture, clean_saisie, understand
from app.booking.forms import region
from app.booking.outils import Outils
from app.booking.traces import Trace
from app.identite.acteur import Acteur
from app.web.dates import heure
from app.web.pages import agent_page, page
from app.web.securite import CHAMP_CSRF

_CHAMPS: Final = frozenset({CHAMP_CSRF, "q"})
#: How a RDV was found, in words.
PAR: Final = {
    "nom": "nom",
    "nom_naissance": "nom de naissance",
    "code": "code",
    "numero": "numéro du rendez-vous",
    "telephone": "téléphone",
    "courriel": "courriel",
    "numero_fiscal": "numéro fiscal",
    "siren": "SIREN",
}
_COLONNES: Final = tuple(
    {"libelle": libelle, "url": "", "sens": ""}
    for libelle in (
        *("Service", "Date", "Horaires", "Usager", "Code et numéro", "Type", "Guichet", "Contre-appel", "État"),
        "Arrivée",
    )
)


@get(URL_RECHERCHE, include_in_schema=False)
async def show_recherche(
    request: Request[Any, Any, Any], outils: NamedDependency[Outils], acteur: NamedDependency[Acteur]
) -> Response[bytes]:
    """The field alone: what it understands."""
    async with journal_refus(outils, acteur, request, _REFUS), outils.db.read() as conn:
        zone = await read_zone(conn, acteur.agent_id)
    return _render(request, acteur, zone, "", Lecture(), Resultat([], 0, trop=False))


@post(URL_RECHERCHE, status_code=200, include_in_schema=False)
async def do_recherche(
    request: Request[Any, Any, Any], outils: NamedDependency[Outils], acteur: NamedDependency[Acteur]
) -> Response[bytes]:
    """Every RDV that a reading of what was typed designates, received by the zone's services or entrusted by them."""
    formulaire = dict(await request.form())
    check_champs(formulaire, _CHAMPS)
    saisie = clean_saisie(str(formulaire.get("q") or ""))
    async with journal_refus(outils, acteur, request, _REFUS), outils.db.read() as conn:
        zone = await read_zone(conn, acteur.agent_id)
        lecture = understand(saisie, {region(s.departement) for s in zone})
        cherchee = Lecture() if lecture.courte else lecture
        trouves = await search_rdv(conn, acteur.agent_id, cherchee, [s.id for s in zone], clock.now())
    if not cherchee.vide:
        faits = {"criteres": lecture.print_criteres(outils.settings), "rdv": [ligne["id"] for ligne in trouves.lignes]}
        await write_acte(outils, acteur, request, Trace("rdv.recherche", apres=faits))
    return _render(request, acteur, zone, saisie, lecture, trouves)


#: A refusal to whoever has no list at all.
_REFUS: Final = Trace("service.acces_refuse", apres={"recherche": True})


def _render(
    request: Request[Any, Any, Any],
    acteur: Acteur,
    zone: Sequence[ServiceZone],
    saisie: str,
    lecture: Lecture,
    trouves: Resultat,
) -> Response[bytes]:
    maintenant = clock.now()
    lignes = describe_lignes(trouves.lignes, {s.id: s for s in zone}, maintenant)
    ctx = {
        **agent_page(acteur, actif=URL_RECHERCHE),
        "titre": "Rechercher les rendez-vous",
        "fil": [
            {"libelle": "Tableau de bord", "url": "/agent"},
            {"libelle": "Liste des RDV", "url": CHEMIN},
            {"libelle": "Rechercher", "url": ""},
        ],
        "saisie": saisie,
        "cherche": bool(saisie.strip()),
        "lecture": lecture,
        "groupes": _group(lignes),
        "total": trouves.total,
        "montres": len(lignes),
        "trop": trouves.trop,
        "limite": LIMITE,
        "plafond": f"{TROP:,}".replace(",", "\u202f"),
        "portee": zone[0].libelle if len(zone) == 1 else f"vos {len(zone)} services",
        "a": heure(maintenant, zone[0].zone),
        "aujourdhui": f"{read_aujourdhui(zone, maintenant):%d/%m/%Y}",
        "colonnes": _COLONNES,
        "par": PAR,
        "url": URL_RECHERCHE,
        "url_rdv": "/rendez-vous/",
        "adresse": URL_RECHERCHE,
    }
    return page(request, "booking/agents/recherche_rdv.html", ctx)


def _group(lignes: Sequence[Ligne]) -> list[tuple[str, list[Ligne]]]:
    """Today's and the next ones by hour, then the past ones, the last one first."""
    futurs = sorted((ligne for ligne in lignes if ligne.futur), key=lambda ligne: (ligne.m, ligne.id))
    passes = sorted((ligne for ligne in lignes if not ligne.futur), key=lambda ligne: (-ligne.m, ligne.id))
    return [(titre, siens) for titre, siens in (("Aujourd’hui et à venir", futurs), ("Passés", passes)) if siens]


ROUTES = [show_recherche, do_recherche]
