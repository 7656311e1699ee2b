"""The service's agenda, day, week and month, and its live region alone [A1 §3.2; screens « Agenda du service »]."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, Final

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Response
from sqlalchemy.ext.asyncio import AsyncConnection

from app import clock
from app.booking.agents.acces import Acces, journal_refus, note_lecture, open_service, write_lecture
from app.booking.agents.affichage import ZOOM, ZOOMS, Affichage, Vue, read_affichage, read_zoom
from app.booking.agents.confies import build_confies, find_a_replacer
from app.booking.agents.grille import Droits, Matiere, build_jour, build_semaine, titre_semaine
from app.booking.agents.lectures import read_confies, read_jours, read_receveurs
from app.booking.agents.mois import build_mois, read_mois, titre_mois
from app.booking.agents.mots import raison_guichet
from app.booking.contexte import ServiceContexte
from app.booking.fragments import Fragments
from app.booking.jugement import compute_fenetre
from app.booking.outils import Outils
from app.booking.traces import Trace
from app.domain.horaires import get_cadran, iter_jours
from app.identite.acteur import Acteur
from app.web.dates import jour_long
from app.web.pages import agent_page, page, service_header, service_menu

#: What is booked where another service receives, told to its public: what concerns this one is told to it.
_SANS_PLACES = "creneau.pris creneau.libre"
#: Changes of presence: they never change how many places are taken.
_SANS_COMPTE = "rdv.arrive rdv.arrivee_annulee rdv.appele rdv.recu rdv.termine rdv.non_honore"
_VUES: Final[tuple[tuple[Vue, str], ...]] = (("jour", "Jour"), ("semaine", "Semaine"), ("mois", "Mois"))
_MOTS: Final = {
    "jour": ("Jour précédent", "Jour suivant"),
    "semaine": ("Semaine précédente", "Semaine suivante"),
    "mois": ("Mois précédent", "Mois suivant"),
}
_fragments = Fragments()


async def _prepare(
    request: Request[Any, Any, Any], outils: Outils, acteur: Acteur, acces: Acces, maintenant: datetime
) -> tuple[Affichage, ServiceContexte, str, str]:
    """The view asked for, its service, its title, and its live region rendered (or remembered).

    Raises Introuvable, journaled, on a guichet of another service or a right lost since the door.
    """
    async with (
        journal_refus(outils, acteur, request, Trace("service.acces_refuse", acces.service_id)),
        outils.db.read() as conn,
    ):
        contexte = await outils.dispo.contextes.get(conn, acces.service_id, acces.versions.planning)
        aujourdhui = maintenant.astimezone(contexte.zone).date()
        affichage = read_affichage(request, contexte, aujourdhui)
        droits = compute_droits(contexte, acces, affichage, maintenant)
        receveurs: dict[int, tuple[int, int]] = {}
        if acces.delegue:
            receveurs = await read_receveurs(conn, acces.agent_id, contexte.id, *affichage.bornes)
        cle = (
            acces.epoque,
            acces.versions.service,
            contexte.version_planning,
            affichage,
            droits,
            aujourdhui,
            *receveurs.items(),
        )
        titre, region = _fragments.get(("titre", *cle)), _fragments.get(cle)
        if titre is None or region is None:
            titre, region = await _render(
                request, outils, conn, acces, affichage, contexte, droits, receveurs, aujourdhui
            )
            _fragments.put(("titre", *cle), titre)
            _fragments.put(cle, region)
    return affichage, contexte, titre, region


def compute_droits(contexte: ServiceContexte, acces: Acces, affichage: Affichage, maintenant: datetime) -> Droits:
    """Days of the view inside the window of an attached agent, and whether arrivals may be noted on it.

    Presence is marked only on the day itself, in the service's zone, by whoever receives [A1 §3.2].
    """
    fenetre = compute_fenetre(contexte, "rattache", maintenant)
    jours = frozenset(jour for jour in iter_jours(*affichage.bornes) if fenetre.du <= jour <= fenetre.au)
    aujourdhui = maintenant.astimezone(contexte.zone).date()
    arrivees = acces.recoit and affichage.vue == "jour" and affichage.jour == aujourdhui
    return Droits(frozenset[date]() if contexte.ferme else jours, arrivees)


async def _render(
    request: Request[Any, Any, Any],
    outils: Outils,
    conn: AsyncConnection,
    acces: Acces,
    affichage: Affichage,
    contexte: ServiceContexte,
    droits: Droits,
    receveurs: Mapping[int, tuple[int, int]],
    aujourdhui: date,
) -> tuple[str, str]:
    """The view's title, of the days that it shows, and its region."""
    du, au = affichage.bornes
    mois = affichage.vue == "mois"
    occupes = await read_mois(conn, acces.agent_id, contexte.id, du, au) if mois else {}
    lignes_rdv = [] if mois else await read_jours(conn, acces.agent_id, contexte.id, du, au)
    matiere = Matiere(affichage, contexte, lignes_rdv, droits)
    fusion = affichage.vue == "semaine" and len(matiere.guichets) > 1
    dessins: dict[str, Callable[[], dict[str, Any] | None]] = {
        "jour": lambda: build_jour(matiere),
        "semaine": lambda: build_semaine(matiere),
        "mois": lambda: build_mois(affichage, contexte, occupes),
    }
    confies = None
    if acces.delegue:
        lignes = await read_confies(conn, acces.agent_id, contexte.id, du, au)
        plannings = {ligne["service_id"]: 0 for ligne in lignes} | {i: p for i, (_, p) in receveurs.items()}
        chez = await outils.dispo.contextes.get_many(conn, plannings)
        confies = build_confies(lignes, contexte, affichage, find_a_replacer(lignes, chez, aujourdhui))
    seul = confies is None  # else what happens at the other service's guichets, unknown here, concerns this page too
    gabarit = request.app.state.gabarits.get_template("booking/agents/_agenda_region.html")
    suivis = {f"service:{contexte.id}": acces.versions.service}
    suivis |= {f"creneaux:{ident}": creneaux for ident, (creneaux, _) in receveurs.items()}
    region = str(
        gabarit.render(
            sujet=" ".join(suivis),
            version=" ".join(str(version) for version in suivis.values()),
            epoque=acces.epoque,
            fragment=affichage.url_fragment,
            zone=contexte.zone.key,
            du=get_cadran(du, contexte.zone).debut,
            au=get_cadran(au, contexte.zone).fin,
            guichets=" ".join(str(g) for g in affichage.guichets) if seul else "",
            sans=_SANS_PLACES if receveurs else _SANS_COMPTE if fusion and seul else "",
            vue=affichage.vue,
            confies=confies,
            grille=dessins[affichage.vue](),
            vide=_explain_vide(matiere, seul=seul),
        )
    )
    return _titre(matiere), region


def _explain_vide(matiere: Matiere, *, seul: bool) -> dict[str, str]:
    """What to say of a day or a week where nothing is booked nor can be. ``seul``: no other service receives for it."""
    if matiere.affichage.vue == "semaine":
        ici = "" if seul else " ici"
        return {"titre": f"Aucune plage ni rendez-vous{ici} cette semaine", "texte": ""}
    jour = matiere.affichage.jour
    ouverts = [g for g in matiere.guichets if g.ouvert] or matiere.guichets
    raisons = {raison_guichet(matiere.contexte, matiere.ouvertures, g, jour) for g in ouverts}
    if "" in raisons:
        return {"titre": "Aucun rendez-vous ce jour", "texte": ""}
    seule = raisons.pop() if len(raisons) == 1 else ""
    if seule and seule != "Aucune plage ce jour":
        return {"titre": seule, "texte": "Aucun rendez-vous ne peut être pris ce jour-là."}
    texte = "Et aucun rendez-vous n’y a été pris." if seul else "Et aucun rendez-vous n’est reçu ici."
    return {"titre": "Aucune plage de rendez-vous ce jour", "texte": texte}


@get("/services/{service_id:int}/agenda", include_in_schema=False)
async def show_agenda(
    request: Request[Any, Any, Any],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    service_id: FromPath[int],
) -> Response[bytes]:
    """The whole page; its opening is journaled."""
    maintenant = clock.now()
    acces = await open_service(outils, acteur, request, service_id)
    affichage, contexte, titre, region = await _prepare(request, outils, acteur, acces, maintenant)
    await write_lecture(outils, acteur, request, _trace(affichage))
    aujourdhui = maintenant.astimezone(contexte.zone).date()
    droits = compute_droits(contexte, acces, affichage, maintenant)
    zoom = read_zoom(request)
    ctx = {
        **agent_page(acteur, actif=affichage.chemin, menu=service_menu(contexte.id, contexte.site_id)),
        "service": service_header(contexte, maintenant),
        "direct": True,
        "titre": f"Agenda – {titre}",
        "fil": [
            {"libelle": "Tableau de bord", "url": "/agent"},
            {"libelle": "Agenda du service", "url": ""},
        ],
        "region": region,
        "a": affichage,
        "intitule": titre,
        "aujourdhui": affichage.au(aujourdhui),
        "est_aujourdhui": aujourdhui in iter_jours(*affichage.bornes),
        "precedent": affichage.decale(-1),
        "suivant": affichage.decale(1),
        "vues": [
            {"nom": nom, "url": affichage.au(_ancre(affichage, aujourdhui), vue).url, "actif": affichage.vue == vue}
            for vue, nom in _VUES
        ],
        "mots": _MOTS[affichage.vue],
        "plus_zoom": "" if zoom == ZOOM else f"&zoom={zoom}",
        "zoom": zoom,
        "zoom_defaut": ZOOM,
        "zooms": {
            "moins": max(zoom - 1, ZOOMS[0]),
            "plus": min(zoom + 1, ZOOMS[-1]),
            "min": ZOOMS[0],
            "max": ZOOMS[-1],
        },
        "fusion": affichage.vue == "semaine" and len(affichage.guichets or contexte.guichets) > 1,
        "guichets": list(contexte.guichets.values()),
        "url_recherche": "/agent/rendez-vous/recherche",
        "url_nouveau": _url_nouveau(contexte, affichage, droits),
        "remarque": _remarque(contexte, affichage, droits, aujourdhui),
        "a_replacer": {
            "service_id": contexte.id,
            "version": acces.versions.service,
            "epoque": acces.epoque,
            "zone": contexte.zone.key,
        }
        if "organiser" in acces.modules
        else None,
    }
    return page(request, "booking/agents/agenda.html", ctx)


@get("/services/{service_id:int}/agenda/fragment", include_in_schema=False)
async def show_agenda_fragment(
    request: Request[Any, Any, Any],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    service_id: FromPath[int],
) -> Response[bytes]:
    """Exactly the live region of the page with the same parameters."""
    acces = await open_service(outils, acteur, request, service_id)
    affichage, _, _, region = await _prepare(request, outils, acteur, acces, clock.now())
    await note_lecture(outils, acteur, request, _trace(affichage))
    return Response(region.encode(), media_type="text/html")


def _trace(affichage: Affichage) -> Trace:
    """Whose days were read: other days are another reading."""
    du, au = affichage.bornes
    return Trace("agenda.lu", affichage.service_id, apres={"du": du.isoformat(), "au": au.isoformat()})


def _titre(matiere: Matiere) -> str:
    affichage = matiere.affichage
    if affichage.vue == "mois":
        return titre_mois(affichage.jour)
    if affichage.vue == "jour":
        return jour_long(affichage.jour)
    return titre_semaine(matiere.jours)


def _ancre(affichage: Affichage, aujourdhui: date) -> date:
    """The day that another view opens on: from a month or a week, today when it is in it."""
    du, au = affichage.bornes
    return aujourdhui if du <= aujourdhui <= au else affichage.jour


def _url_nouveau(contexte: ServiceContexte, affichage: Affichage, droits: Droits) -> str:
    """Where « Nouveau rendez-vous » leads, the day and guichet shown prefilled; "" when no day of the view is open."""
    if not droits.reservables:
        return ""
    jour = affichage.jour if affichage.jour in droits.reservables else min(droits.reservables)
    guichet = f"&guichet={affichage.guichets[0]}" if len(affichage.guichets) == 1 else ""
    return f"/services/{contexte.id}/rendez-vous/nouveau?jour={jour.isoformat()}{guichet}"


def _remarque(contexte: ServiceContexte, affichage: Affichage, droits: Droits, aujourdhui: date) -> str:
    """Why nothing can be booked in the view, when it is the date that says no."""
    if droits.reservables or contexte.ferme:
        return ""
    if affichage.bornes[1] < aujourdhui:
        return "Date passée : les rendez-vous restent consultables, la présence est figée."
    horizon = contexte.parametres.horizon("rattache")
    return f"Les rendez-vous se prennent jusqu’à {horizon} jours à l’avance : cette date n’est pas encore ouverte."


ROUTES = [show_agenda, show_agenda_fragment]
