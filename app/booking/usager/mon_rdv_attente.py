"""« Être prévenu(e) quand une place se libère », from one's own RDV: the place offered then moves it [G 2.3.1].

Only the days are asked: it is the RDV's own contact that is written to, and the page does not say which.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response

from app.booking.attente import Inscription, takes_attente
from app.booking.attente_deplacer import Joignable, read_joignable
from app.booking.attente_saisie import Dates, parse_periode
from app.booking.outils import Outils
from app.booking.usager.attente import find_dates, propose_defi, read_saisie, register_guarded, renew_defi, wait
from app.booking.usager.cartes import carte_de
from app.booking.usager.cookies import check_change_usager
from app.booking.usager.garde import Affiche, has_demande
from app.booking.usager.lecture import Vue
from app.booking.usager.mon_rdv import Mien, Requete, answer_impossible, open_mien
from app.booking.usager.visiteur import visiteur_usager
from app.errors import RegleRefusee, SaisieInvalide, TropDeDemandes
from app.langue import _

_TITRE = "Être prévenu(e) quand une place se libère"


@get("/mon-rendez-vous/{jeton:str}/attente", include_in_schema=False)
async def show_attente(request: Requete, outils: NamedDependency[Outils], jeton: FromPath[str]) -> Response[Any]:
    """The days."""
    return await answer_attente(await open_mien(request, outils, jeton, lecture=True), outils)


@post(
    "/mon-rendez-vous/{jeton:str}/attente",
    status_code=200,
    include_in_schema=False,
    before_request=check_change_usager,
)
async def join(request: Requete, outils: NamedDependency[Outils], jeton: FromPath[str]) -> Response[Any]:
    """Register."""
    return await join_mien(await open_mien(request, outils, jeton), outils)


def find_periode(mien: Mien, vue: Vue) -> Dates | None:
    """The days before the RDV's own that may be asked for; None without any."""
    possibles = find_dates(vue)
    dernier = min(possibles.au, mien.rdv["jour"] - timedelta(days=1))
    return Dates(possibles.du, dernier) if possibles.du <= dernier else None


def find_attente(mien: Mien) -> str:
    """Where one waits for an earlier place; "" where nobody may: a RDV received elsewhere, one that does not move."""
    rdv = mien.rdv
    aujourdhui = mien.maintenant.astimezone(mien.contexte.zone).date()
    joignable = bool(rdv["courriel"] or (rdv["telephones"] and mien.request.app.state.outils.settings.sms_url))
    if mien.obstacle is not None or not mien.en_ligne or rdv["delegation_id"] is not None or not joignable:
        return ""
    return f"{mien.base}/attente" if takes_attente(mien.contexte, rdv["motif_id"], rdv["type_rdv"], aujourdhui) else ""


async def answer_attente(mien: Mien, outils: Outils) -> Response[Any]:
    """The same for any title; ``?envoyee``: the message is on its way."""
    canal = mien.request.query_params.get("envoyee", "")
    if canal:
        donnees = {
            "sms": canal == "sms",
            "retour": mien.base,
            "retour_libelle": _("Revenir à mon rendez-vous"),
            "recommencer": f"{mien.base}/attente",
        }
        return mien.page("attente_envoyee", _("Confirmez votre inscription"), donnees)
    return await _render(mien, outils, await _read_vue(mien, outils), {})


async def join_mien(mien: Mien, outils: Outils) -> Response[Any]:
    """The same for any title. 422 with the form as it was typed."""
    donnees: Mapping[str, Any] = await mien.request.form()
    visiteur, saisie, vue = visiteur_usager(mien.request), read_saisie(donnees), await _read_vue(mien, outils)
    periode, qui = find_periode(mien, vue), await _read_joignable(mien, outils)
    if periode is None or qui is None or not find_attente(mien):
        return await _render(mien, outils, vue, saisie)
    try:
        if has_demande(donnees):
            neuf = await renew_defi(visiteur, outils, f"{mien.base}/attente")
            return neuf.as_answer() or await _render(mien, outils, vue, saisie, defi=neuf.defi)
        du, au, demi_journee, erreurs = parse_periode(saisie, periode, departement=vue.contexte.departement)
        inscription = Inscription(
            service_id=mien.rdv["service_id"],
            motif_id=mien.rdv["motif_id"],
            type_rdv=mien.rdv["type_rdv"],
            nature=qui.nature,
            du=du,
            au=au,
            demi_journee=demi_journee,
            nom=qui.nom,
            canal=qui.canal,
            contact=qui.contact,
            langue=qui.langue,
            rdv_id=mien.rdv["id"],
        )
        await register_guarded(visiteur, outils, vue, inscription, donnees, erreurs)
    except (RegleRefusee, TropDeDemandes, SaisieInvalide) as refus:
        return await _render(mien, outils, vue, saisie, refus)
    return Redirect(f"{mien.base}/attente?envoyee={qui.canal}", status_code=303)


async def _read_vue(mien: Mien, outils: Outils) -> Vue:
    async with outils.db.read() as conn:
        return await visiteur_usager(mien.request).read_vue(outils, conn, mien.rdv["service_id"], mien.maintenant)


async def _read_joignable(mien: Mien, outils: Outils) -> Joignable | None:
    async with outils.db.read() as conn:
        return await read_joignable(conn, mien.rdv["id"], sms=bool(outils.settings.sms_url))


async def _render(
    mien: Mien,
    outils: Outils,
    vue: Vue,
    saisie: Mapping[str, str],
    refus: RegleRefusee | TropDeDemandes | SaisieInvalide | None = None,
    *,
    defi: Affiche | None = None,
) -> Response[Any]:
    if mien.obstacle is not None:
        return answer_impossible(mien, _(_TITRE), statut=refus.statut if refus else 200)
    periode, action = find_periode(mien, vue), f"{mien.base}/attente"
    possible = periode is not None and bool(find_attente(mien)) and await _read_joignable(mien, outils) is not None
    if possible and defi is None:
        defi = await propose_defi(visiteur_usager(mien.request), outils, vue, action, refus)
    premier, dernier = ("", "") if periode is None else (periode.du.isoformat(), periode.au.isoformat())
    donnees = {
        **mien.present(),
        "possible": possible,
        "action": action,
        "saisie": {"du": premier, "au": dernier, "demi_journee": "", **saisie},
        "erreurs": dict(refus.champs) if isinstance(refus, SaisieInvalide) else {},
        "refus": None if refus is None or isinstance(refus, SaisieInvalide) else refus,
        "premier": premier,
        "dernier": dernier,
        "defi": defi,
        "carte": carte_de(vue.contexte),
    }
    return wait(
        mien.page("mon_rdv_attente", _(_TITRE), donnees, statut=refus.statut if refus else 200),
        refus,
    )


ROUTES = [show_attente, join]
