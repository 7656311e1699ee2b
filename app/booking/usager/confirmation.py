"""Step 4, and ever after: a usager's own rendez-vous, by its secret link [A1 §2].

The link is the authority; the code is a label. Reading changes nothing, whoever reads (mail scanners follow links).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import segno
from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Response
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from app import clock
from app.booking.contexte import ServiceContexte, read_versions
from app.booking.liens import empreinte
from app.booking.outils import Outils
from app.booking.usager.cartes import carte_de, lieu_de_l_heure
from app.booking.usager.visiteur import fil_de
from app.config import Settings
from app.courrier.adresse import domaine_de, parse_expediteur
from app.courrier.calendrier import ics_rdv
from app.courrier.message import MessageRdv
from app.courrier.texte import date_en_mots, duree_en_mots, heure_en_mots, jour_en_mots, lien_sur, telephone_lisible
from app.errors import Introuvable
from app.tables import RdvUsager, RendezVous
from app.web.pages import page

#: Just booked: the page is then the last step of the journey.
_RECENT: Final = timedelta(minutes=30)
_ETATS: Final = {
    "arrive": ("info", "Votre arrivée est enregistrée", "Installez-vous : un agent va vous appeler."),
    "appele": ("info", "C’est à vous", "Un agent vous appelle : présentez-vous au guichet."),
    "recu": ("info", "Votre rendez-vous est en cours", ""),
    "termine": ("success", "Ce rendez-vous a eu lieu", "Merci de votre visite."),
    "non_honore": (
        "warning",
        "Ce rendez-vous n’a pas été honoré",
        "Vous n’avez pas été vu(e) à l’heure prévue. Si vous en avez encore besoin, prenez un nouveau rendez-vous.",
    ),
}


async def find_rdv(outils: Outils, conn: AsyncConnection, jeton: str) -> tuple[Mapping[str, Any], ServiceContexte]:
    """The rendez-vous of a link, with its service. Raises Introuvable, always the same, for any other token."""
    requete = (
        select(
            RendezVous.id,
            RendezVous.code,
            RendezVous.service_id,
            RendezVous.service_origine_id,
            RendezVous.guichet_id,
            RendezVous.motif_id,
            RendezVous.type_rdv,
            RendezVous.debut,
            RendezVous.fin,
            RendezVous.etat,
            RendezVous.sequence,
            RendezVous.visio_lien,
            RendezVous.message_usager,
            RendezVous.cree_a,
            RendezVous.annule_par,
            RdvUsager.telephones,
            RdvUsager.courriel,
        )
        .join(RdvUsager, RdvUsager.rdv_id == RendezVous.id, isouter=True)
        .where(RendezVous.lien_empreinte == empreinte(jeton))
    )
    ligne = (await conn.execute(requete)).mappings().one_or_none()
    if ligne is None:
        raise Introuvable("Ce lien ne mène à aucun rendez-vous.", remede="Vérifiez que vous l’avez copié en entier.")
    versions = await read_versions(conn, ligne["service_id"])
    return dict(ligne), await outils.dispo.contextes.get(conn, ligne["service_id"], versions.planning)


@get("/mon-rendez-vous/{jeton:str}", include_in_schema=False)
async def show_rdv(
    request: Request[Any, Any, Any], outils: NamedDependency[Outils], jeton: FromPath[str]
) -> Response[bytes]:
    """Everything to know and to bring; a cancelled or past one says so first."""
    maintenant = clock.now()
    async with outils.db.read() as conn:
        rdv, contexte = await find_rdv(outils, conn, jeton)
    recent = rdv["etat"] == "prevu" and timedelta(0) <= maintenant - rdv["cree_a"] < _RECENT
    donnees = {
        "titre": "Votre rendez-vous",
        "service": {"libelle": contexte.libelle},
        "fil": _fil(rdv, contexte),
        "recent": recent,
        "deja": request.query_params.get("deja") == "1",
        "ics": f"/mon-rendez-vous/{jeton}/agenda.ics",
        **present_rdv(rdv, contexte, maintenant),
    }
    if recent:
        donnees["etape"] = 4
    return page(request, "booking/usager/confirmation.html", donnees)


@get("/mon-rendez-vous/{jeton:str}/agenda.ics", include_in_schema=False)
async def show_agenda(outils: NamedDependency[Outils], jeton: FromPath[str]) -> Response[bytes]:
    """« Ajouter à mon agenda ». Raises Introuvable, also once the rendez-vous is cancelled."""
    async with outils.db.read() as conn:
        rdv, contexte = await find_rdv(outils, conn, jeton)
    if rdv["etat"] == "annule":
        raise Introuvable("Ce rendez-vous est annulé.", remede="Supprimez-le de votre agenda.")
    corps = ics_rdv(_message(rdv, contexte), domaine=_domaine(outils.settings), a=clock.now())
    entetes = {"Content-Disposition": 'attachment; filename="rendez-vous.ics"'}
    return Response(corps, media_type="text/calendar", headers=entetes)


def name_origine(rdv: Mapping[str, Any], contexte: ServiceContexte) -> str:
    """The name of the service that delegated the rendez-vous to the one that receives, or ""."""
    return contexte.origines.get(rdv["service_origine_id"] or 0, "")


def _fil(rdv: Mapping[str, Any], contexte: ServiceContexte) -> list[dict[str, str]]:
    """The breadcrumb: through the service that the usager chose."""
    fil, origine = fil_de(contexte, courante="Votre rendez-vous"), name_origine(rdv, contexte)
    if origine:
        fil[1] = {"libelle": origine, "url": f"/services/{rdv['service_origine_id']}"}
    return fil


def _domaine(settings: Settings) -> str:
    """The right side of the event's UID: that of the mails, so that a calendar knows both for the same event."""
    return domaine_de(parse_expediteur(settings.courriel_expediteur)[1])


def _message(rdv: Mapping[str, Any], contexte: ServiceContexte) -> MessageRdv:
    """What the calendar event needs; the link stays out of calendars, which are shared."""
    return MessageRdv(
        rdv_id=rdv["id"],
        code=rdv["code"],
        sequence=rdv["sequence"],
        debut=rdv["debut"],
        fin=rdv["fin"],
        fuseau=contexte.zone.key,
        type_rdv=rdv["type_rdv"],
        motif="",
        service_libelle=contexte.libelle,
        service_adresse=contexte.adresse_lignes[1:],
        service_telephone=contexte.telephone,
        service_courriel=contexte.courriel,
        service_origine=name_origine(rdv, contexte),
        visio_lien=rdv["visio_lien"],
    )


def present_rdv(rdv: Mapping[str, Any], contexte: ServiceContexte, maintenant: datetime) -> dict[str, Any]:
    """The words of the page."""
    fuseau = contexte.zone.key
    motif = contexte.motifs.get(rdv["motif_id"])
    guichet = contexte.guichets.get(rdv["guichet_id"])
    telephones = rdv["telephones"] or []
    annule = rdv["etat"] == "annule"
    passe = rdv["etat"] == "prevu" and rdv["fin"] <= maintenant
    return {
        "code": rdv["code"],
        "qr": segno.make(rdv["code"], error="q", micro=False).svg_data_uri(scale=6, border=2),
        "quand": date_en_mots(rdv["debut"], fuseau),
        "jour": jour_en_mots(rdv["debut"], fuseau),
        "heure": heure_en_mots(rdv["debut"], fuseau),
        "lieu": lieu_de_l_heure(contexte.zone),
        "duree": duree_en_mots(rdv["fin"] - rdv["debut"]),
        "type_rdv": rdv["type_rdv"],
        "motif": motif.libelle if motif else "",
        "documents": motif.documents if motif else (),
        "guichet": guichet.nom if guichet else "",
        "telephone_rappel": telephone_lisible(telephones[0]) if telephones else "",
        "visio": lien_sur(rdv["visio_lien"]),
        "message_usager": rdv["message_usager"],
        "message_service": contexte.parametres.message_confirmation,
        "message_motif": motif.message if motif else "",
        "courriel_usager": bool(rdv["courriel"]),
        "rappel_jours": contexte.parametres.rappel_jours,
        "annule": annule,
        "annule_par_service": annule and rdv["annule_par"] != "usager",
        "etat_alerte": _ETATS.get(rdv["etat"]),
        "passe": passe,
        "a_venir": rdv["etat"] == "prevu" and not passe,
        "reprendre": f"/rdv/{rdv['service_origine_id'] or contexte.id}/motif",
        "origine": name_origine(rdv, contexte),
        "carte": carte_de(contexte),
    }


ROUTES = [show_rdv, show_agenda]
