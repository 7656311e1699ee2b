"""The contre-appel of a RDV: whom to call at hand and live, what was said, and whether it cancels [A1 §3.2].

Beside the form, what is known of the RDV is a live region: a colleague who calls the same person meanwhile is seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response

from app import clock
from app.booking.agents.acces import Acces, note_lecture, open_rdv, write_lecture
from app.booking.agents.actes import check_champs, safe_retour
from app.booking.agents.appels import tell_contre_appels
from app.booking.agents.fiche import nom_motif
from app.booking.agents.lectures import nom_agenda
from app.booking.agents.mots import PREFERENCES, TYPES
from app.booking.agents.saisie import national
from app.booking.agents.visite import Visite, load_visite
from app.booking.contre_appel import COMMENTAIRE_MAX, ContreAppelSaisi, check_saisi, record_contre_appel
from app.booking.messages import find_canal, tell_prevenu
from app.booking.outils import Outils
from app.booking.traces import Trace
from app.config import Settings
from app.domain.contre_appel import LIBELLES, Resultat, can_annuler, refuse_contre_appel
from app.domain.horaires import floor_minute, get_cadran
from app.errors import AppError, SaisieInvalide
from app.identite.acteur import Acteur
from app.web.dates import heure, jour_long
from app.web.dependances import auteur_agent
from app.web.erreurs import wants_json
from app.web.pages import page
from app.web.securite import CHAMP_CSRF

#: The worklist, where an agent who calls one after the other goes back to.
LISTE: Final = "/agent/a-rappeler"
_TEXTES: Final = ("jour", "resultat", "annuler", "confirmer", "commentaire", "retour")
_CHAMPS: Final = frozenset({CHAMP_CSRF, "revision", "offert", *_TEXTES})
_FAITS: Final[Mapping[str, str]] = {
    "annule": "Réglé par téléphone : le rendez-vous est annulé, sa place est rendue.",
    Resultat.REGLE: "Réglé par téléphone : le rendez-vous est conservé.",
    Resultat.A_RECEVOIR: "Contre-appel enregistré : l’usager reste à recevoir.",
    Resultat.SANS_REPONSE: "Contre-appel enregistré : sans réponse, il reste à rappeler.",
    Resultat.MESSAGE_LAISSE: "Contre-appel enregistré : un message est laissé, il reste à rappeler.",
}


def tell_fait(cle: str) -> str:
    """The sentence of what has just been recorded, "" for any other key."""
    return _FAITS.get(cle, "")


@dataclass(frozen=True, slots=True)
class Formulaire:
    """What was typed, as text; what the form needs to show it again."""

    valeurs: Mapping[str, str]
    erreurs: Mapping[str, str]

    @classmethod
    def blank(cls, aujourdhui: date, retour: str) -> Formulaire:
        """Today, and nothing else."""
        return cls({**dict.fromkeys(_TEXTES, ""), "jour": aujourdhui.isoformat(), "retour": retour}, {})


def build_formulaire(
    settings: Settings, visite: Visite, formulaire: Formulaire, maintenant: datetime
) -> dict[str, Any]:
    """The context of ``_contre_appel_form.html``."""
    contexte, rdv = visite.contexte, visite.rdv
    aujourdhui = maintenant.astimezone(contexte.zone).date()
    retour = safe_retour(formulaire.valeurs["retour"])
    return {
        "refus_definitif": refuse_contre_appel(rdv["etat"], rdv["jour"], aujourdhui) or "",
        "annulable": can_annuler(rdv["etat"], rdv["jour"], aujourdhui),
        "prevenu": tell_prevenu(find_canal(settings, rdv["courriel"], rdv["telephones"])),
        "action": f"/rendez-vous/{rdv['id']}/contre-appel",
        "revision": rdv["revision"],
        "saisie": formulaire.valeurs,
        "erreurs": formulaire.erreurs,
        "resultats": [(cle.value, *LIBELLES[cle]) for cle in Resultat],
        "premier": rdv["cree_a"].astimezone(contexte.zone).date().isoformat(),
        "aujourdhui": aujourdhui.isoformat(),
        "commentaire_max": COMMENTAIRE_MAX,
        "retour": retour,
        "abandon": retour or f"/rendez-vous/{rdv['id']}",
    }


def render_rdv(
    request: Request[Any, Any, Any], acces: Acces, visite: Visite, maintenant: datetime, *, annexe: bool = False
) -> str:
    """The live region of the RDV to call about: only what happens at its own hour and guichet changes it."""
    contexte, rdv = visite.contexte, visite.rdv
    guichet = contexte.guichets.get(rdv["guichet_id"])
    lieu = contexte.libelle if acces.confie or guichet is None else guichet.nom
    pris_a, aujourdhui = rdv["cree_a"].astimezone(contexte.zone), maintenant.astimezone(contexte.zone).date()
    gabarit = request.app.state.gabarits.get_template("booking/agents/_contre_appel_rdv.html")
    return str(
        gabarit.render(
            sujet=f"service:{acces.service_id}",
            version=acces.versions.service,
            epoque=acces.epoque,
            fragment=f"/rendez-vous/{rdv['id']}/contre-appel/fragment" + ("?annexe=1" if annexe else ""),
            zone=contexte.zone.key,
            annexe=annexe,
            du=floor_minute(rdv["debut"]),
            au=floor_minute(rdv["fin"]),
            expire=get_cadran(rdv["jour"], contexte.zone).fin if aujourdhui <= rdv["jour"] else "",
            rdv=rdv,
            numero=f"FI{rdv['id']}",
            nom=nom_agenda(rdv),
            telephones=[{"e164": t, "lu": national(t)} for t in rdv["telephones"] or ()],
            preference=PREFERENCES.get(rdv["preference_appel"] or "", ""),
            faits=[
                ("Date", jour_long(rdv["jour"])),
                ("Heure", f"{heure(rdv['debut'], contexte.zone)} – {heure(rdv['fin'], contexte.zone)}"),
                ("Motif", nom_motif(rdv, contexte)),
                ("Type", TYPES[rdv["type_rdv"]]),
                *([] if annexe else [("Lieu", lieu), ("Pris le", f"{pris_a:%d/%m/%Y}")]),
            ],
            documents=contexte.motifs[rdv["motif_id"]].documents if rdv["motif_id"] in contexte.motifs else (),
            contre_appels=tell_contre_appels(visite.contre_appels, contexte.zone),
            refus_definitif=refuse_contre_appel(rdv["etat"], rdv["jour"], aujourdhui) or "",
        )
    )


@get("/rendez-vous/{rdv_id:int}/contre-appel", include_in_schema=False)
async def show_contre_appel(
    request: Request[Any, Any, Any],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    rdv_id: FromPath[int],
) -> Response[Any]:
    """The RDV and the form; the RDV and the reason alone when no call may be recorded any more."""
    acces = await open_rdv(outils, acteur, request, rdv_id)
    visite = await load_visite(request, outils, acteur, acces, rdv_id)
    await write_lecture(outils, acteur, request, Trace("rdv.lu", visite.contexte.id, rdv_id))
    maintenant = clock.now()
    aujourdhui = maintenant.astimezone(visite.contexte.zone).date()
    vierge = Formulaire.blank(aujourdhui, request.query_params.get("retour", ""))
    return _render(request, acteur, acces, visite, vierge, maintenant)


@get("/rendez-vous/{rdv_id:int}/contre-appel/fragment", include_in_schema=False)
async def show_contre_appel_fragment(
    request: Request[Any, Any, Any],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    rdv_id: FromPath[int],
) -> Response[bytes]:
    """Exactly the live region of the RDV."""
    acces = await open_rdv(outils, acteur, request, rdv_id)
    visite = await load_visite(request, outils, acteur, acces, rdv_id)
    await note_lecture(outils, acteur, request, Trace("rdv.lu", visite.contexte.id, rdv_id))
    annexe = request.query_params.get("annexe") == "1"
    html = render_rdv(request, acces, visite, clock.now(), annexe=annexe)
    return Response(html.encode(), media_type="text/html")


@post("/rendez-vous/{rdv_id:int}/contre-appel", status_code=200, include_in_schema=False)
async def do_contre_appel(
    request: Request[Any, Any, Any],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    rdv_id: FromPath[int],
) -> Response[Any]:
    """Record the call; what was typed comes back with the present state when it is refused."""
    formulaire = dict(await request.form())
    check_champs(formulaire, _CHAMPS)
    valeurs = {nom: str(formulaire.get(nom, "")).encode("utf-8", "replace").decode() for nom in _TEXTES}
    try:
        saisi = _parse(valeurs, offert="offert" in formulaire)
        revision = read_revision(str(formulaire.get("revision", "")))
        maintenant = clock.now()
        fait = await record_contre_appel(
            outils, rdv_id, saisi, auteur_agent(acteur, request), maintenant, revision=revision
        )
    except AppError as refus:
        if wants_json(request) or refus.statut not in (409, 422):
            raise
        acces = await open_rdv(outils, acteur, request, rdv_id)
        visite = await load_visite(request, outils, acteur, acces, rdv_id)
        await note_lecture(outils, acteur, request, Trace("rdv.lu", acces.receveur_id, rdv_id))
        rempli = Formulaire(valeurs, refus.champs)
        return _render(request, acteur, acces, visite, rempli, clock.now(), refus)
    cle = "annule" if saisi.annule else saisi.resultat
    if wants_json(request):
        corps = {"message": tell_fait(cle), "contre_appel": fait.id, "etat": fait.etat, "revision": fait.revision}
        return Response(corps)
    return Redirect(_suite(valeurs["retour"], rdv_id, cle), status_code=303)


def read_revision(texte: str) -> int:
    """The revision that a form shows. Raises SaisieInvalide when it is none."""
    if not (texte.isascii() and texte.isdecimal() and len(texte) < 10):
        raise SaisieInvalide("Cette page est incomplète : rien n’a été enregistré.", remede="Rouvrez la fiche.")
    return int(texte)


def _parse(valeurs: Mapping[str, str], *, offert: bool) -> ContreAppelSaisi:
    """The call that the form means. Raises SaisieInvalide with the sentence of every field in fault."""
    champs: dict[str, str] = {}
    annule = valeurs["annuler"] == "oui"
    jour: date | None = None
    try:
        jour = date.fromisoformat(valeurs["jour"])
    except ValueError:
        champs["jour"] = "Indiquez la date du contre-appel : jour, mois, année."
    saisi = ContreAppelSaisi(valeurs["resultat"], valeurs["commentaire"], jour, annule)
    if valeurs["resultat"] == Resultat.REGLE:
        if offert and valeurs["annuler"] not in ("oui", "non"):
            champs["annuler"] = "Dites si le rendez-vous est annulé ou conservé."
        if annule and valeurs["confirmer"] != "oui":
            champs["confirmer"] = "Confirmez l’annulation : elle est irréversible."
    try:
        check_saisi(saisi)
    except SaisieInvalide as refus:
        champs |= refus.champs
    if champs:
        raise SaisieInvalide(champs={nom: champs[nom] for nom in _TEXTES if nom in champs})
    return saisi


def _suite(retour: str, rdv_id: int, cle: str) -> str:
    """Back to the worklist, which says what was recorded; else to where the agent was, else to the fiche."""
    suite = safe_retour(retour)
    if urlsplit(suite).path == LISTE:
        return f"{suite}{'&' if '?' in suite else '?'}fait={cle}"
    return suite or f"/rendez-vous/{rdv_id}"


def _render(
    request: Request[Any, Any, Any],
    acteur: Acteur,
    acces: Acces,
    visite: Visite,
    formulaire: Formulaire,
    maintenant: datetime,
    refus: AppError | None = None,
) -> Response[Any]:
    rdv = visite.rdv
    ctx = {
        **visite.entete(acteur, maintenant),
        **build_formulaire(request.app.state.outils.settings, visite, formulaire, maintenant),
        "direct": True,
        "titre": ("Erreur – " if refus else "") + "Contre-appel",
        "fil": [
            {"libelle": "Tableau de bord", "url": "/agent"},
            {"libelle": "À rappeler", "url": LISTE},
            {"libelle": f"Rendez-vous {rdv['code']}", "url": f"/rendez-vous/{rdv['id']}"},
            {"libelle": "Contre-appel", "url": ""},
        ],
        "refus": refus,
        "fiche": f"/rendez-vous/{rdv['id']}",
        "adresse": f"/rendez-vous/{rdv['id']}/contre-appel",
        "region": render_rdv(request, acces, visite, maintenant),
    }
    return page(request, "booking/agents/contre_appel.html", ctx, statut=refus.statut if refus else 200)


ROUTES = [show_contre_appel, show_contre_appel_fragment, do_contre_appel]
