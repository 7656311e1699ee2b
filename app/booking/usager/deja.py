"""What step 3 answers to who has a rendez-vous for this motif already: his own, or one neutral page (``unicite``)."""

from __future__ import annotations

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response

from app import clock
from app.booking.outils import Outils
from app.booking.titres_compte import ParCompte
from app.booking.unicite import MotifDejaPris
from app.booking.usager.cartes import carte_de
from app.booking.usager.confirmation import present_rdv
from app.booking.usager.mon_rdv import read_as
from app.booking.usager.visiteur import Requete, Visiteur, visiteur_usager
from app.errors import Conflit
from app.langue import _


async def answer_deja(visiteur: Visiteur, outils: Outils, service_id: int, refus: Conflit) -> Response[bytes]:
    """The page of his rendez-vous to who is signed in (409); to anybody else a redirection, as a booking gives one."""
    if not isinstance(refus, MotifDejaPris) or visiteur.usager is None:
        return Redirect(f"/rdv/{service_id}/messagerie", status_code=303)
    rdv_id = int(refus.details["rdv_id"])
    titre, base = ParCompte(visiteur.usager.usager_id), f"/mes-rendez-vous/{rdv_id}"
    mien = await read_as(visiteur.request, outils, titre, base, clock.now(), rdv_id=rdv_id)
    donnees = {
        **present_rdv(mien.rdv, mien.contexte, mien.maintenant),
        "deplacable": mien.obstacle is None and mien.en_ligne,
        "annulable": mien.obstacle is None,
        "phrase": refus.phrase,
        "remede": refus.remede,
    }
    return mien.page("mes_rdv_deja", _("Vous avez déjà un rendez-vous pour ce motif"), donnees, statut=refus.statut)


@get("/rdv/{service_id:int}/messagerie", include_in_schema=False)
async def show_messagerie(
    request: Requete, outils: NamedDependency[Outils], service_id: FromPath[int]
) -> Response[bytes]:
    """« Consultez votre messagerie »: the same page for everybody, which knows nothing of who reads it."""
    visiteur = visiteur_usager(request)
    async with outils.db.read() as conn:
        vue = await visiteur.read_vue(outils, conn, service_id, clock.now())
    donnees = {"titre": _("Consultez votre messagerie"), "carte": carte_de(vue.contexte)}
    return visiteur.page("mes_rdv_messagerie", vue.contexte, donnees, vue.maintenant)


ROUTES = [show_messagerie]
