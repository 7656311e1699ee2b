"""« À rappeler »: whom a call would most often spare the visit, in the services of the zone [A1 §3.2].

A live list: who has just been reached, or called in vain by a colleague, is seen at once. The form opens beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.response import Response

from app import clock
from app.booking.agents.acces import note_lecture, open_rdv, write_lecture
from app.booking.agents.contre_appel import LISTE, Formulaire, build_formulaire, render_rdv, tell_fait
from app.booking.agents.lectures import PHRASE
from app.booking.agents.rappels import LIGNES_MAX, get_chances, tell_chance, tell_rappel
from app.booking.agents.visite import load_visite
from app.booking.outils import Outils
from app.booking.rappels import Couple, Recherche, ServiceAppels, count_rappels, read_rappels, read_zone
from app.booking.traces import Trace
from app.domain.contre_appel import JOURS_A_RAPPELER, Chance
from app.errors import AccesRefuse
from app.identite.acteur import Acteur
from app.web.adresses import is_nombre
from app.web.dates import jour_court
from app.web.pages import agent_page, page

JOURS_MAX: Final = 10
#: Subjects that one socket may follow, one of them kept for the RDV shown beside.
SERVICES_MAX: Final = 19
MOMENTS: Final = (
    ("", "Toutes"),
    ("matin", "Le matin, ou sans préférence"),
    ("apres-midi", "L’après-midi, ou sans préférence"),
)


@dataclass(frozen=True, slots=True)
class Vue:
    """What the address asks to see, written back canonical."""

    jours: int = JOURS_A_RAPPELER
    service: int | None = None
    moment: str = ""
    rdv: int | None = None

    @classmethod
    def parse(cls, request: Request[Any, Any, Any]) -> Vue:
        """A value that the page does not offer is left out: an old address still shows a list."""
        lus = request.query_params
        jours, service, moment, rdv = (lus.get(nom, "") for nom in ("jours", "service", "moment", "rdv"))
        return cls(
            int(jours) if is_nombre(jours) and 1 <= int(jours) <= JOURS_MAX else JOURS_A_RAPPELER,
            int(service) if is_nombre(service) else None,
            moment if moment in dict(MOMENTS) else "",
            int(rdv) if is_nombre(rdv) else None,
        )

    def url(self, chemin: str = LISTE, rdv: int | None = None) -> str:
        """The address of this view, with the RDV whose form is beside it."""
        valeurs = (str(self.jours), str(self.service or ""), self.moment, str(rdv or ""))
        paires = dict(zip(("jours", "service", "moment", "rdv"), valeurs, strict=True))
        return f"{chemin}?{urlencode({nom: valeur for nom, valeur in paires.items() if valeur})}"


@dataclass(frozen=True, slots=True)
class Liste:
    """The list as read: every service of the zone, those shown, how many are to be called, the first of them in order,
    the figures of them all."""

    vue: Vue
    zone: Sequence[ServiceAppels]
    services: Sequence[ServiceAppels]
    epoque: str
    total: int
    lignes: Sequence[dict[str, Any]]
    chances: dict[Couple, Chance]


async def _read(
    request: Request[Any, Any, Any], outils: Outils, acteur: Acteur, vue: Vue, maintenant: datetime
) -> Liste:
    """Versions first, then the rows. A service of the address that is not his shows the whole zone."""
    async with outils.db.read() as conn:
        zone, epoque = await read_zone(conn, acteur.agent_id, maintenant, vue.jours)
        if vue.service not in {s.id for s in zone}:
            vue = replace(vue, service=None)
        services = [s for s in zone if vue.service in (None, s.id)][:SERVICES_MAX]
        recherche = Recherche(acteur.agent_id, services, vue.moment)
        comptes = await count_rappels(conn, recherche)
        jour = min((s.aujourdhui for s in services), default=maintenant.date())
        chances = await get_chances(request).read(conn, comptes, jour)
        lignes = await read_rappels(conn, recherche, chances, LIGNES_MAX)
    return Liste(vue, zone, services, epoque, sum(comptes.values()), lignes, chances)


def _render_region(request: Request[Any, Any, Any], liste: Liste) -> str:
    """The live region: a function of the services' versions, of the rights and of the day."""
    par_id = {s.id: s for s in liste.services}
    vue = liste.vue
    motifs = {_cle(r): r["motif"] for r in liste.lignes}
    chances = sorted(motifs, key=lambda cle: (-liste.chances[cle].note, motifs[cle], cle))
    gabarit = request.app.state.gabarits.get_template("booking/agents/_a_rappeler_region.html")
    return str(
        gabarit.render(
            sujet=" ".join(f"service:{s.id}" for s in liste.services),
            version=" ".join(str(s.version) for s in liste.services),
            epoque=liste.epoque,
            fragment=vue.url(f"{LISTE}/fragment", vue.rdv),
            zone=liste.services[0].zone.key,
            du=min(s.du for s in liste.services),
            au=max(s.au for s in liste.services),
            expire=min(s.du for s in liste.services),
            total=liste.total,
            plusieurs=len(liste.services) > 1,
            jusqu=jour_court(max(s.dernier for s in liste.services)),
            lignes=[
                {
                    **tell_rappel(ligne, par_id[ligne["service_id"]], liste.chances[_cle(ligne)]),
                    "url": vue.url(rdv=ligne["id"]) + "#noter",
                    "choisi": ligne["id"] == vue.rdv,
                }
                for ligne in liste.lignes
            ],
            chiffres=[
                {
                    "ancre": f"chiffre-{service}-{motif}",
                    "motif": motifs[service, motif],
                    "service": par_id[service].libelle,
                    "chance": tell_chance(liste.chances[service, motif]),
                    "compte": liste.chances[service, motif].compte,
                    "source": liste.chances[service, motif].source,
                }
                for service, motif in chances
            ],
            vue=vue,
            large=Vue(jours=JOURS_MAX).url(),
            jours_max=JOURS_MAX,
        )
    )


def _cle(ligne: dict[str, Any]) -> Couple:
    return ligne["service_id"], ligne["motif_id"]


def _traces(liste: Liste) -> list[Trace]:
    """A line by service whose people are shown, with its days."""
    montres = {ligne["service_id"] for ligne in liste.lignes}
    return [
        Trace("rappels.lus", s.id, apres={"au": s.dernier.isoformat(), "moment": liste.vue.moment})
        for s in liste.services
        if s.id in montres
    ]


@get(LISTE, include_in_schema=False)
async def show_a_rappeler(
    request: Request[Any, Any, Any], outils: NamedDependency[Outils], acteur: NamedDependency[Acteur]
) -> Response[bytes]:
    """The worklist, and beside it the form of the RDV that the address names."""
    maintenant = clock.now()
    liste = await _read(request, outils, acteur, Vue.parse(request), maintenant)
    vue = liste.vue
    panneau = await _open(request, outils, acteur, vue.rdv, vue, maintenant) if vue.rdv is not None else None
    await write_lecture(outils, acteur, request, *_traces(liste))
    ctx = {
        **agent_page(acteur, actif=LISTE),
        "titre": "À rappeler",
        "fil": [{"libelle": "Tableau de bord", "url": "/agent"}, {"libelle": "À rappeler", "url": ""}],
        "direct": bool(liste.services),
        "vue": vue,
        "jours": [(str(n), f"{n} jour ouvré" if n == 1 else f"{n} jours ouvrés") for n in range(1, JOURS_MAX + 1)],
        "moments": MOMENTS,
        "services": [("", "Tous mes services"), *((str(s.id), s.libelle) for s in liste.zone)],
        "autres": len(liste.zone) - SERVICES_MAX if vue.service is None else 0,
        "fait": tell_fait(request.query_params.get("fait", "")),
        "region": _render_region(request, liste) if liste.services else "",
        "panneau": panneau,
        **(panneau or {}),
    }
    return page(request, "booking/agents/a_rappeler.html", ctx)


async def _open(
    request: Request[Any, Any, Any], outils: Outils, acteur: Acteur, rdv_id: int, vue: Vue, maintenant: datetime
) -> dict[str, Any]:
    """The form of one RDV, beside the list. Raises AccesRefuse, journaled, when it is not his."""
    acces = await open_rdv(outils, acteur, request, rdv_id)
    visite = await load_visite(request, outils, acteur, acces, rdv_id)
    await write_lecture(outils, acteur, request, Trace("rdv.lu", visite.contexte.id, rdv_id))
    aujourdhui = maintenant.astimezone(visite.contexte.zone).date()
    return {
        **build_formulaire(outils.settings, visite, Formulaire.blank(aujourdhui, vue.url()), maintenant),
        "appele": render_rdv(request, acces, visite, maintenant, annexe=True),
    }


@get(f"{LISTE}/fragment", include_in_schema=False)
async def show_a_rappeler_fragment(
    request: Request[Any, Any, Any], outils: NamedDependency[Outils], acteur: NamedDependency[Acteur]
) -> Response[bytes]:
    """Exactly the live region of the list. Raises AccesRefuse when no service is left."""
    maintenant = clock.now()
    liste = await _read(request, outils, acteur, Vue.parse(request), maintenant)
    if not liste.services:
        raise AccesRefuse(PHRASE)
    await note_lecture(outils, acteur, request, *_traces(liste))
    return Response(_render_region(request, liste).encode(), media_type="text/html")


ROUTES = [show_a_rappeler, show_a_rappeler_fragment]
