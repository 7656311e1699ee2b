"""What becomes of the place chosen in an open booking form: a live region of the form's page and of the agenda's panel.

« Ce créneau vient d’être pris », the nearest free places, « de nouveau libre »: a function of the place asked for and
of the agenda's state, never of what was typed nor of the present moment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from urllib.parse import urlencode

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Response
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking.agents.acces import Acces, open_service
from app.booking.agents.affichage import read_jour
from app.booking.agents.grille import build_places
from app.booking.agents.lectures import PHRASE
from app.booking.agents.mots import TYPES, nom_guichet, raison_guichet
from app.booking.agents.saisie import read_heure
from app.booking.contexte import ServiceContexte
from app.booking.droits import permis
from app.booking.outils import Outils
from app.domain.guichets import GuichetRegle
from app.domain.horaires import floor_minute, from_minute, get_cadran
from app.domain.rendez_vous import NatureOption
from app.errors import AccesRefuse, SaisieInvalide
from app.identite.acteur import Acteur
from app.tables import RendezVous
from app.web.adresses import is_nombre
from app.web.dates import heure

#: Free places offered instead of the one that was taken.
_PROCHES: Final = 6
#: Among them, at least, on the guichet that was asked for, when it has as many.
_SIENNES: Final = 3
#: Presence never changes what is free.
_SANS: Final = (
    "rdv.arrive rdv.arrivee_annulee rdv.appele rdv.recu rdv.termine rdv.non_honore creneau.pris creneau.libre"
)
#: Guichet → intervals that an agent cannot take, in minutes-époque.
_Occupes = Mapping[int, Sequence[tuple[int, int]]]


@dataclass(frozen=True, slots=True)
class PlaceChoisie:
    """A place as its form says it. ``jour`` None: nothing that can be watched is chosen yet."""

    champs: Mapping[str, str]
    jour: date | None = None
    guichet_id: int = 0
    debut: int = 0
    fin: int = 0
    motif_id: int = 0
    type_rdv: str = ""

    @property
    def requete(self) -> str:
        """The parameters of the region's address: never a name."""
        return urlencode([(nom, valeur[:20]) for nom, valeur in self.champs.items() if valeur])


def parse_place(champs: Mapping[str, str], contexte: ServiceContexte) -> PlaceChoisie:
    """The place that ``jour``, ``guichet``, ``heure``, ``fin``, ``motif`` and ``type`` mean; unfinished is no error."""
    connus = {nom: champs.get(nom) or "" for nom in ("jour", "guichet", "heure", "fin", "motif", "type")}
    try:
        jour = read_jour(connus["jour"], date.min)
    except SaisieInvalide:
        jour = date.min
    guichet = int(connus["guichet"]) if is_nombre(connus["guichet"]) else 0
    debut = read_heure(connus["heure"], jour, contexte) if jour != date.min else None
    if debut is None or guichet not in contexte.guichets:
        return PlaceChoisie(connus)
    fin = read_heure(connus["fin"], jour, contexte) if connus["fin"] else None
    motif = contexte.motifs.get(int(connus["motif"])) if is_nombre(connus["motif"]) else None
    duree = motif.duree if motif else contexte.duree
    fin = fin if fin is not None and fin > debut else debut + duree
    genre = connus["type"] if connus["type"] in TYPES else ""
    return PlaceChoisie(connus, jour, guichet, debut, fin, motif.id if motif else 0, genre)


async def _read_occupes(conn: AsyncConnection, agent_id: int, service_id: int, jour: date) -> _Occupes:
    """RDV and holds of that local day. Cancelled places kept from the internet are an agent's to take.

    Raises AccesRefuse without the right.
    """
    droit = permis(agent_id, "agenda", service_id)
    siens = (RendezVous.service_id == droit.c.service_id) & (RendezVous.jour == jour) & RendezVous.occupe
    lignes = (
        await conn.execute(
            select(RendezVous.guichet_id, RendezVous.debut, RendezVous.fin, RendezVous.nature_option)
            .select_from(droit)
            .outerjoin(RendezVous, siens)
        )
    ).all()
    if not lignes:
        raise AccesRefuse(PHRASE)
    occupes: dict[int, list[tuple[int, int]]] = {}
    for guichet_id, debut, fin, nature in lignes:
        if guichet_id is not None and nature != NatureOption.GEL:
            occupes.setdefault(guichet_id, []).append((floor_minute(debut), floor_minute(fin)))
    return occupes


async def render_place(
    request: Request[Any, Any, Any], outils: Outils, acces: Acces, contexte: ServiceContexte, place: PlaceChoisie
) -> str:
    """The region, whole."""
    faits: dict[str, Any] = {
        "etat": "aucune",
        "libres": [],
        "quoi": "",
        "raison": "",
        "du": "",
        "au": "",
        "guichets": "",
        "debut": place.debut,
    }
    if place.jour is not None:
        async with outils.db.read() as conn:
            occupes = await _read_occupes(conn, acces.agent_id, contexte.id, place.jour)
        faits |= _judge(contexte, place, place.jour, occupes)
    gabarit = request.app.state.gabarits.get_template("booking/agents/_place_region.html")
    return str(
        gabarit.render(
            sujet=f"service:{contexte.id}",
            version=acces.versions.service,
            epoque=acces.epoque,
            fragment=f"/services/{contexte.id}/rendez-vous/place/fragment?{place.requete}",
            zone=contexte.zone.key,
            sans=_SANS,
            **faits,
        )
    )


def _judge(contexte: ServiceContexte, place: PlaceChoisie, jour: date, occupes: _Occupes) -> dict[str, Any]:
    """Whether the place is free, and what else is near when it is not."""
    guichet = contexte.guichets[place.guichet_id]
    ouvertures = contexte.ouvertures(jour, jour)
    quoi = f"{heure(from_minute(place.debut), contexte.zone)}, {nom_guichet(guichet.nom)}"
    ici = {"quoi": quoi, "du": place.debut, "au": place.fin, "guichets": str(guichet.id)}
    if _meets(occupes.get(guichet.id, ()), place.debut, place.fin):
        cadran = get_cadran(jour, contexte.zone)
        libres = _find_libres(contexte, place, jour, occupes)
        return {"etat": "prise", "quoi": quoi, "libres": libres, "du": cadran.debut, "au": cadran.fin, "guichets": ""}
    raison = raison_guichet(contexte, ouvertures, guichet, jour)
    if not guichet.ouvert or contexte.ferme or ouvertures.find_interdit(guichet.id, jour, place.debut, place.fin):
        return {**ici, "etat": "fermee", "raison": _in_sentence(raison or "Fermeture exceptionnelle")}
    couvert = ouvertures.is_couvert(guichet.id, jour, place.debut, place.fin)
    return {**ici, "etat": "libre" if couvert else "hors"}


def _in_sentence(raison: str) -> str:
    """« Jour férié : Noël » → « jour férié : Noël »."""
    return raison[:1].lower() + raison[1:]


def _meets(intervalles: Sequence[tuple[int, int]], debut: int, fin: int) -> bool:
    return any(a < fin and debut < b for a, b in intervalles)


def _find_libres(contexte: ServiceContexte, place: PlaceChoisie, jour: date, occupes: _Occupes) -> list[dict[str, Any]]:
    """Places of that day where it would fit, the nearest in time first, on its own guichet before the others.

    Only guichets that take what the form asks for; the one it names has its share, however many others are free.
    """
    ouvertures, duree = contexte.ouvertures(jour, jour), place.fin - place.debut
    trouvees = [
        {"guichet": g.id, "nom": nom_guichet(g.nom), "m": p["m"], "heure": p["heure"]}
        for g in _find_guichets(contexte, place)
        if not raison_guichet(contexte, ouvertures, g, jour)
        for p in build_places(contexte, g, jour, ouvertures)
        if ouvertures.is_couvert(g.id, jour, p["m"], p["m"] + duree)
        and not _meets(occupes.get(g.id, ()), p["m"], p["m"] + duree)
    ]
    trouvees.sort(key=lambda t: (abs(t["m"] - place.debut), t["guichet"] != place.guichet_id))
    siennes = [t for t in trouvees if t["guichet"] == place.guichet_id][:_SIENNES]
    autres = [t for t in trouvees if t not in siennes][: _PROCHES - len(siennes)]
    return [t for t in trouvees if t in siennes or t in autres]


def _find_guichets(contexte: ServiceContexte, place: PlaceChoisie) -> list[GuichetRegle]:
    """Those of the attached agents that take its motif and its type; what none takes has to be forced anywhere."""
    guichets = [g for g in contexte.guichets.values() if g.accepts_canal("rattache")]
    if place.motif_id:
        guichets = [g for g in guichets if g.accepts_motif(place.motif_id)] or guichets
    if place.type_rdv:
        guichets = [g for g in guichets if g.accepts_type(place.type_rdv)] or guichets
    return guichets


@get("/services/{service_id:int}/rendez-vous/place/fragment", include_in_schema=False)
async def show_place_fragment(
    request: Request[Any, Any, Any],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    service_id: FromPath[int],
) -> Response[bytes]:
    """The region alone, for the place now in the form."""
    acces = await open_service(outils, acteur, request, service_id)
    async with outils.db.read() as conn:
        contexte = await outils.dispo.contextes.get(conn, acces.service_id, acces.versions.planning)
    place = parse_place({nom: str(valeur) for nom, valeur in request.query_params.items()}, contexte)
    region = await render_place(request, outils, acces, contexte, place)
    return Response(region.encode(), media_type="text/html")


ROUTES = [show_place_fragment]
