"""« Annuler mon rendez-vous »: a page that asks, a POST that does it, for good [G 2.3.1]."""

from __future__ import annotations

from typing import Any, Final

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response

from app.booking.mon_rdv import cancel
from app.booking.outils import Outils
from app.booking.usager.cookies import check_change_usager
from app.booking.usager.mon_rdv import Mien, Requete, answer_impossible, answer_rdv, open_mien, read_as
from app.errors import AppError, Conflit, Interdit, SaisieInvalide, TransitionImpossible
from app.langue import _

_CHANGE: Final = "Votre rendez-vous a changé depuis l’affichage de cette page : il n’est pas annulé."
_REVOIR: Final = "Voici ce qu’il est maintenant. Annulez-le de nouveau si nécessaire."


@get("/mon-rendez-vous/{jeton:str}/annuler", include_in_schema=False)
async def show_annulation(request: Requete, outils: NamedDependency[Outils], jeton: FromPath[str]) -> Response[Any]:
    """What is about to be cancelled."""
    return answer_annulation(await open_mien(request, outils, jeton, lecture=True))


@post(
    "/mon-rendez-vous/{jeton:str}/annuler",
    status_code=200,
    include_in_schema=False,
    before_request=check_change_usager,
)
async def do_annuler(request: Requete, outils: NamedDependency[Outils], jeton: FromPath[str]) -> Response[Any]:
    """Cancel, and back to the page, which says so."""
    return await cancel_mien(await open_mien(request, outils, jeton), outils)


def answer_annulation(
    mien: Mien, *, raison: str = "", refus: AppError | None = None, statut: int = 200
) -> Response[bytes]:
    """The question; why it may not be asked, when it may not; the page itself once there is nothing left to cancel."""
    if mien.rdv["etat"] == "annule":
        return answer_rdv(mien)
    titre = _("Annuler votre rendez-vous")
    if mien.obstacle is not None:
        return answer_impossible(mien, titre, statut=refus.statut if refus else statut)
    donnees = {
        **mien.present(),
        "revision": mien.rdv["revision"],
        "raison": raison,
        "refus": refus,
        "erreurs": refus.champs if refus else {},
        "deplacable": mien.en_ligne,
        "adresse": f"{mien.base}/annuler",
    }
    return mien.page("mon_rdv_annuler", titre, donnees, statut=refus.statut if refus else statut)


async def cancel_mien(mien: Mien, outils: Outils) -> Response[Any]:
    """The same for any title. What was typed comes back with a refusal."""
    donnees = await mien.request.form()
    brute = donnees.get("raison")
    raison = brute if isinstance(brute, str) else ""
    try:
        vue = read_revision(donnees.get("revision"))
        await cancel(outils, mien.rdv, mien.titre, mien.auteur, mien.maintenant, raison=raison, vue=vue)
    except (Conflit, SaisieInvalide, Interdit, TransitionImpossible) as refus:
        if isinstance(refus, Conflit) and not isinstance(refus, TransitionImpossible):
            refus = Conflit(_CHANGE, remede=_REVOIR)
        return answer_annulation(await read_again(mien, outils), raison=raison, refus=refus)
    return Redirect(mien.base, status_code=303)


async def read_again(mien: Mien, outils: Outils) -> Mien:
    """The same RDV as it is now."""
    return await read_as(
        mien.request, outils, mien.titre, mien.base, mien.maintenant, rdv_id=mien.rdv["id"], discret=mien.discret
    )


def read_revision(texte: object) -> int:
    """The one that the page showed. Raises SaisieInvalide."""
    if not (isinstance(texte, str) and texte.isascii() and texte.isdecimal() and len(texte) < 10):
        raise SaisieInvalide(
            "Cette page est incomplète : rien n’a été enregistré.", remede="Rouvrez votre rendez-vous."
        )
    return int(texte)


ROUTES = [show_annulation, do_annuler]
