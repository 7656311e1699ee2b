"""A usager's own rendez-vous, reached by its secret link or, for a few minutes, by its code and name [A1 §2; G 2.3.1].

Every page of it is built from a ``Mien``: the RDV, by what title, and under which address. Another title is another way
to open one (``open_mien``); the pages are the same. Reading changes nothing, whoever reads (mail scanners follow
links).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from markupsafe import Markup

from app import clock
from app.booking.acces_usager import AccesExpire, is_acces, read_acces
from app.booking.contexte import ServiceContexte, Versions, read_versions
from app.booking.mon_rdv import find_obstacle, read_mien, record_lecture
from app.booking.outils import Auteur, Outils
from app.booking.retrouver import VISIBLE
from app.booking.titres import ParLien, ParPreuve, Titre
from app.booking.usager.confirmation import build_message, list_documents, name_origine, present_rdv
from app.booking.usager.visiteur import fil_de
from app.config import Settings
from app.courrier.adresse import domaine_de, parse_expediteur
from app.courrier.calendrier import ics_rdv
from app.domain.libre_service import PHRASES, Empechement
from app.errors import AppError, Introuvable
from app.langue import _, get_langue, tr
from app.web.dates import heure
from app.web.dependances import auteur_usager
from app.web.pages import page, render
from app.web.securite import visite

Requete = Request[Any, Any, Any]

#: Just booked: the page is then the last step of the journey.
_RECENT: Final = timedelta(minutes=30)
#: Seconds between two questions of an open page that is looked at: what it says was true that long ago at most [P4].
RYTHME: Final = 4
#: A link is renewed when the rendez-vous changes hands or address.
_LIEN_INCONNU: Final = "Vérifiez que vous l’avez copié en entier, ou suivez celui du dernier message reçu."
#: What the address may say of what has just been done.
_AVIS: Final = frozenset({"deja", "deplace", "inchange"})


@dataclass(frozen=True, slots=True)
class Mien:
    """One request about one's own RDV. ``base``: the address of its page; ``discret``: shows nothing of the person.

    ``rdv``: columns of ``app.booking.mon_rdv``.
    """

    request: Requete
    titre: Titre
    base: str
    rdv: Mapping[str, Any]
    contexte: ServiceContexte
    versions: Versions
    maintenant: datetime
    discret: bool = False

    @property
    def auteur(self) -> Auteur:
        """As author of an act, for the journal."""
        return auteur_usager(self.request)

    @property
    def obstacle(self) -> Empechement | None:
        """Why he may neither move nor cancel it; None when he may."""
        return find_obstacle(self.rdv, self.contexte, self.titre, self.maintenant)

    @property
    def en_ligne(self) -> bool:
        """True when its service takes bookings online, or receives this one for a service that does."""
        aujourdhui = self.maintenant.astimezone(self.contexte.zone).date()
        return self.contexte.prend_en_ligne(aujourdhui) or (
            self.rdv["service_origine_id"] is not None and not self.contexte.ferme
        )

    @property
    def vu(self) -> dict[str, Any]:
        """What may be shown of it. A code and a name may have been overheard: no number, no room that a mail gave."""
        vu = dict(self.rdv)
        if self.discret:
            vu["telephones"] = ()
            vu["visio_lien"] = "" if vu["courriel"] else vu["visio_lien"]
        return vu

    def present(self) -> dict[str, Any]:
        """Its words."""
        return present_rdv(self.vu, self.contexte, self.maintenant)

    def page(self, gabarit: str, titre: str, donnees: Mapping[str, Any], *, statut: int = 200) -> Response[bytes]:
        """A page about it."""
        cadre = {
            "titre": titre,
            "service": {"libelle": self.contexte.libelle},
            "fil": self._fil(titre, gabarit),
            "base_rdv": self.base,
            "adresse": self.base,
        }
        return page(self.request, f"booking/usager/{gabarit}.html", {**cadre, **donnees}, statut=statut)

    def _fil(self, titre: str, gabarit: str) -> list[dict[str, str]]:
        """The breadcrumb: through the service that the usager chose, then the RDV."""
        fil, origine = fil_de(self.contexte, courante=titre), name_origine(self.rdv, self.contexte)
        if origine:
            fil[1] = {"libelle": origine, "url": f"/services/{self.rdv['service_origine_id']}"}
        if gabarit != "confirmation":
            fil.insert(2, {"libelle": _("Votre rendez-vous"), "url": self.base})
        return fil


async def open_mien(request: Requete, outils: Outils, jeton: str, *, lecture: bool = False) -> Mien:
    """The RDV of a link, or of an access that this browser has just been given. ``lecture``: a page is opened.

    Raises Introuvable, always the same, for any other token; AccesExpire.
    """
    maintenant, titre = clock.now(), ParLien(jeton)
    if is_acces(jeton):
        rdv_id = read_acces(outils.settings, jeton, visite(request), maintenant)
        preuve = ParPreuve(rdv_id or 0, maintenant - VISIBLE)
        return await read_as(request, outils, preuve, f"/mon-rendez-vous/{jeton}", maintenant, discret=True)
    mien = await read_as(request, outils, titre, f"/mon-rendez-vous/{jeton}", maintenant)
    if lecture:  # a code and a name left their line when they were proved
        await record_lecture(outils, mien.rdv, mien.auteur, maintenant)
    return mien


async def read_as(
    request: Requete,
    outils: Outils,
    titre: Titre,
    base: str,
    maintenant: datetime,
    *,
    rdv_id: int | None = None,
    discret: bool = False,
) -> Mien:
    """The RDV that the title reaches, under that address. Raises Introuvable."""
    async with outils.db.read() as conn:
        rdv = await read_mien(conn, titre, rdv_id)
        if rdv is None:
            raise Introuvable("Ce lien ne mène à aucun rendez-vous.", remede=_LIEN_INCONNU)
        versions = await read_versions(conn, rdv["service_id"])
        contexte = await outils.dispo.contextes.get(conn, rdv["service_id"], versions.planning)
    return Mien(request, titre, base, rdv, contexte, versions, maintenant, discret)


def forget_acces(request: Requete, erreur: AccesExpire) -> Response[Any]:
    """What the few minutes opened is closed: both words are asked again."""
    return Redirect("/retrouver?avis=expire", status_code=303)


def answer_rdv(mien: Mien, *, refus: AppError | None = None) -> Response[bytes]:
    """Everything to know and to bring; a cancelled or past one says so first."""
    recent = _is_recent(mien)
    donnees: dict[str, Any] = {
        "region": render_region(mien),
        "recent": recent,
        "refus": refus,
        "heure_donnees": heure(mien.maintenant, mien.contexte.zone),
    }
    if recent and refus is None:
        donnees["etape"] = 4
    return mien.page("confirmation", _("Votre rendez-vous"), donnees, statut=refus.statut if refus else 200)


def answer_region(mien: Mien) -> Response[Any]:
    """The live part of the page alone; 304 when the browser shows it already."""
    etag = print_region(mien)
    if mien.request.headers.get("if-none-match") == f'"{etag}"':
        return Response(None, status_code=304, headers={"ETag": f'"{etag}"'})
    corps = render_region(mien).encode()
    return Response(corps, media_type="text/html", headers={"ETag": f'"{etag}"'})


def answer_agenda(mien: Mien, settings: Settings) -> Response[bytes]:
    """« Ajouter à mon agenda ». Raises Introuvable, also once the rendez-vous is cancelled."""
    if mien.rdv["etat"] == "annule":
        raise Introuvable("Ce rendez-vous est annulé.", remede="Supprimez-le de votre agenda.")
    corps = ics_rdv(build_message(mien.vu, mien.contexte), domaine=_domaine(settings), a=mien.maintenant)
    entetes = {"Content-Disposition": 'attachment; filename="rendez-vous.ics"'}
    return Response(corps, media_type="text/calendar", headers=entetes)


def answer_impossible(mien: Mien, titre: str, *, statut: int = 200) -> Response[bytes]:
    """Why it can be neither moved nor cancelled, and how to reach the service."""
    obstacle = mien.obstacle
    donnees = {**mien.present(), "phrase": tr(PHRASES[obstacle]) if obstacle else ""}
    return mien.page("mon_rdv_impossible", titre, donnees, statut=statut)


def render_region(mien: Mien) -> Markup:
    """The live part of the page: a function of the RDV, of its service and of the hour."""
    motif, obstacle = mien.contexte.motifs.get(mien.rdv["motif_id"]), mien.obstacle
    avis = _avis(mien)
    donnees = {
        **mien.present(),
        "base_rdv": mien.base,
        "etag": print_region(mien),
        "fragment": f"{mien.base}/fragment" + (f"?avis={avis}" if avis else ""),
        "rythme": _find_rythme(mien),
        "zone": mien.contexte.zone.key,
        "recent": _is_recent(mien),
        "avis": avis,
        "liste": list_documents(motif, list(mien.rdv["documents_prets"])),
        "modifiable": obstacle is None,
        "deplacable": obstacle is None and mien.en_ligne,
        "desactive": obstacle is Empechement.DESACTIVE,
        "par_message": tr(PHRASES[obstacle]) if obstacle is Empechement.PAR_MESSAGE else "",
        "discret": mien.discret,
        "service": {"libelle": mien.contexte.libelle},
    }
    html = render(mien.request, "booking/usager/_mon_rdv.html", donnees)
    return Markup(html)  # noqa: S704 (a template's own output, escaped there)


def print_region(mien: Mien) -> str:
    """Changes when what the live part shows does."""
    rdv, obstacle = mien.rdv, mien.obstacle
    faits = (
        *(rdv["id"], rdv["revision"], rdv["etat"], sorted(rdv["documents_prets"]), rdv["fin"] <= mien.maintenant),
        *(mien.contexte.id, mien.versions.planning, obstacle, mien.en_ligne, _is_recent(mien), _avis(mien)),
        *(get_langue(), mien.discret, _find_rythme(mien)),
    )
    return hashlib.sha256(repr(faits).encode()).hexdigest()[:24]


def _avis(mien: Mien) -> str:
    avis = "deja" if mien.request.query_params.get("deja") == "1" else mien.request.query_params.get("avis", "")
    return avis if avis in _AVIS else ""


def _is_recent(mien: Mien) -> bool:
    depuis: timedelta = mien.maintenant - mien.rdv["cree_a"]
    return mien.rdv["etat"] == "prevu" and timedelta(0) <= depuis < _RECENT


def _find_rythme(mien: Mien) -> int:
    """Seconds between two questions of an open page; 0: never."""
    if mien.rdv["etat"] in ("annule", "termine"):
        return 0
    return RYTHME


def _domaine(settings: Settings) -> str:
    """The right side of the event's UID: that of the mails, so that a calendar knows both for the same event."""
    return domaine_de(parse_expediteur(settings.courriel_expediteur)[1])


@get("/mon-rendez-vous/{jeton:str}", include_in_schema=False)
async def show_rdv(request: Requete, outils: NamedDependency[Outils], jeton: FromPath[str]) -> Response[bytes]:
    """The page."""
    return answer_rdv(await open_mien(request, outils, jeton, lecture=True))


@get("/mon-rendez-vous/{jeton:str}/fragment", include_in_schema=False)
async def show_fragment(request: Requete, outils: NamedDependency[Outils], jeton: FromPath[str]) -> Response[Any]:
    """Its live part."""
    return answer_region(await open_mien(request, outils, jeton))


@get("/mon-rendez-vous/{jeton:str}/agenda.ics", include_in_schema=False)
async def show_agenda(request: Requete, outils: NamedDependency[Outils], jeton: FromPath[str]) -> Response[bytes]:
    """The calendar file."""
    return answer_agenda(await open_mien(request, outils, jeton, lecture=True), outils.settings)


ROUTES = [show_rdv, show_fragment, show_agenda]
