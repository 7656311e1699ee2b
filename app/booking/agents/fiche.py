"""The fiche of a RDV: everything known of it, what happened, and what may be done now [A1 §3.2].

The whole fiche is one live region without rows of its own: any event of the service brings a fresh one, so that the
story and the revision always go with the state shown. Opening it is a read of personal data and is journaled; its
refreshes belong to the same reading for a quarter of an hour.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Response

from app import clock
from app.booking.agents.acces import PHRASE_RDV, Acces, journal_refus, note_lecture, open_rdv, write_lecture
from app.booking.agents.affichage import url_jour
from app.booking.agents.lectures import nom_agenda, read_fiche, read_histoire
from app.booking.agents.mots import CANAUX, ORIGINES, PREFERENCES, TYPES, fait, forcages, nom_agent
from app.booking.agents.saisie import national
from app.booking.contexte import ServiceContexte, read_versions
from app.booking.outils import Outils
from app.booking.traces import Trace
from app.domain.horaires import floor_minute
from app.domain.rendez_vous import Action, Transition, transition
from app.errors import AccesRefuse
from app.identite.acteur import Acteur
from app.web.dates import heure, jour_long
from app.web.pages import agent_page, page, service_header, service_menu

#: Buttons in the order of a visit: action → (path, label, event of the wire, icon).
BOUTONS: Final[Mapping[Action, tuple[str, str, str, str]]] = {
    Action.MARQUER_ARRIVEE: ("arrivee", "Arrivé", "rdv.arrive", "map-pin-user-line"),
    Action.APPELER: ("appel", "Appeler", "rdv.appele", "notification-3-line"),
    Action.RECEVOIR: ("reception", "Recevoir", "rdv.recu", "user-line"),
    Action.TERMINER: ("fin", "Terminer", "rdv.termine", "check-line"),
    Action.MARQUER_NON_VENU: ("absence", "Pas venu", "rdv.non_honore", "close-line"),
    Action.ANNULER_ARRIVEE: ("arrivee/annulation", "Annuler l’arrivée", "rdv.arrivee_annulee", "arrow-go-back-line"),
}
_CIVILITES: Final = {"madame": "Madame", "monsieur": "Monsieur"}
_ANNULE_PAR: Final = {"usager": "l’usager", "systeme": "le service (automatiquement)"}


def possible(rdv: Mapping[str, Any], action: Action, contexte: ServiceContexte, maintenant: datetime) -> bool:
    """True when the rules let that action change the RDV now."""
    issue = transition(
        rdv["etat"],
        action,
        jour_rdv=rdv["jour"],
        jour_local_courant=maintenant.astimezone(contexte.zone).date(),
        heure_a_venir=None,  # the page's clock shows « Pas venu » at that hour
        a_distance=rdv["type_rdv"] != "guichet",
    )
    return isinstance(issue, Transition)


@dataclass(frozen=True, slots=True)
class Dossier:
    """A RDV and its story: ``contexte`` is the service that receives it, ``vue`` the one it is seen from.

    They differ for the agents of a service that has entrusted it to the other one [G 2.3.5].
    """

    vue: ServiceContexte
    contexte: ServiceContexte
    rdv: dict[str, Any]
    histoire: list[dict[str, Any]]

    @property
    def agenda(self) -> str:
        """The agenda of its day, where its reader is at home."""
        return url_jour(self.vue.id, self.rdv["jour"])

    def entete(self, acteur: Acteur, maintenant: datetime) -> dict[str, Any]:
        """The frame of a page about it: the menu and header of the service it is seen from."""
        return {
            **agent_page(acteur, menu=service_menu(self.vue.id, self.vue.site_id)),
            "service": service_header(self.vue, maintenant),
        }


async def load(request: Request[Any, Any, Any], outils: Outils, acteur: Acteur, acces: Acces, rdv_id: int) -> Dossier:
    """The services, the RDV and its story. Raises AccesRefuse, journaled, when the right has just gone."""
    async with (
        journal_refus(outils, acteur, request, Trace("rdv.acces_refuse", acces.service_id, rdv_id)),
        outils.db.read() as conn,
    ):
        contextes = outils.dispo.contextes
        vue = contexte = await contextes.get(conn, acces.service_id, acces.versions.planning)
        if acces.confie:
            versions = await read_versions(conn, acces.receveur_id)
            contexte = await contextes.get(conn, acces.receveur_id, versions.planning)
        rdv = await read_fiche(conn, acces.agent_id, rdv_id)
        if rdv is None:
            raise AccesRefuse(PHRASE_RDV)
        return Dossier(vue, contexte, rdv, await read_histoire(conn, acces.agent_id, rdv_id))


def render_region(request: Request[Any, Any, Any], acces: Acces, dossier: Dossier, maintenant: datetime) -> str:
    """The live region of the fiche."""
    contexte, rdv = dossier.contexte, dossier.rdv
    actions = [action for action in BOUTONS if acces.recoit and possible(rdv, action, contexte, maintenant)]
    url = f"/rendez-vous/{rdv['id']}"
    gabarit = request.app.state.gabarits.get_template("booking/agents/_fiche_region.html")
    return str(
        gabarit.render(
            sujet=f"service:{acces.service_id}",
            version=acces.versions.service,
            epoque=acces.epoque,
            fragment=f"{url}/fragment",
            zone=contexte.zone.key,
            rdv=rdv,
            nom=nom_agenda(rdv),
            numero=f"FI{rdv['id']}",
            boutons=[
                {
                    "url": f"{url}/{BOUTONS[action][0]}?retour={url}",
                    "libelle": BOUTONS[action][1],
                    "evenement": BOUTONS[action][2],
                    "icone": BOUTONS[action][3],
                    "principal": rang == 0,
                    "des": _find_des(rdv, action),
                }
                for rang, action in enumerate(actions)
            ],
            url_annuler=f"{url}/annuler" if possible(rdv, Action.ANNULER, contexte, maintenant) else "",
            pour=rdv["origine_libelle"] or "",
            lieu=contexte.adresse_lignes if acces.confie else (),
            rendez_vous=_rendez_vous(rdv, contexte, ailleurs=acces.confie),
            usager=_usager(rdv),
            telephones=[{"e164": t, "lu": national(t)} for t in rdv["telephones"] or ()],
            documents=contexte.motifs[rdv["motif_id"]].documents if rdv["motif_id"] in contexte.motifs else (),
            forcages=forcages(rdv["forcages"]),
            annulation=_annulation(rdv, contexte),
            histoire=[{**fait(ligne, contexte), "quand": _instant(ligne["a"], contexte)} for ligne in dossier.histoire],
        )
    )


def _find_des(rdv: Mapping[str, Any], action: Action) -> str:
    """The epoch minute from which the button shows, "" when it always does: nobody is absent before his hour."""
    attendu = action is Action.MARQUER_NON_VENU and rdv["etat"] == "prevu"
    return str(floor_minute(rdv["debut"])) if attendu else ""


def _instant(instant: datetime, contexte: ServiceContexte) -> str:
    return f"{instant.astimezone(contexte.zone):%d/%m/%Y} à {heure(instant, contexte.zone)}"


def _rendez_vous(rdv: Mapping[str, Any], contexte: ServiceContexte, *, ailleurs: bool) -> list[tuple[str, str]]:
    """Facts of the RDV. ``ailleurs``: for the service that entrusted it, which knows no guichet of the other one."""
    guichet = contexte.guichets.get(rdv["guichet_id"])
    preneur = nom_agent(rdv["preneur_prenom"], rdv["preneur_nom"])
    pris = CANAUX[rdv["canal"]] + (f" ({preneur})" if preneur else "")
    duree = (rdv["fin"] - rdv["debut"]).total_seconds() // 60
    presences = (
        ("Arrivé à", rdv["arrivee_a"]),
        ("Appelé à", rdv["appel_a"]),
        ("Reçu à", rdv["reception_a"]),
        ("Terminé à", rdv["fin_a"]),
    )
    return [
        ("Date", jour_long(rdv["jour"])),
        ("Heure", f"{heure(rdv['debut'], contexte.zone)} – {heure(rdv['fin'], contexte.zone)} ({duree:.0f} min)"),
        ("Type", TYPES[rdv["type_rdv"]]),
        *([] if ailleurs else [("Guichet", guichet.nom if guichet else "Guichet supprimé")]),
        ("Motif", nom_motif(rdv, contexte)),
        *((libelle, heure(instant, contexte.zone)) for libelle, instant in presences if instant is not None),
        ("Origine", f"{pris} – {ORIGINES[rdv['origine']]}" if rdv["canal"] != "internet" else pris),
        ("Pris le", _instant(rdv["cree_a"], contexte)),
    ]


def nom_motif(rdv: Mapping[str, Any], contexte: ServiceContexte) -> str:
    """Its label: a motif that the service only receives for another one may be none of its own."""
    motif = contexte.motifs.get(rdv["motif_id"])
    return motif.libelle if motif else rdv["motif_libelle"]


def _usager(rdv: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What is known of the person, empty facts left out."""
    if rdv["nature"] is None:
        return []
    naissance, preference = rdv["date_naissance"], rdv["preference_appel"]
    faits = (
        ("Raison sociale", rdv["raison_sociale"]),
        ("SIREN", rdv["siren"]),
        ("Personne à contacter", rdv["contact"]),
        ("Civilité", _CIVILITES.get(rdv["civilite"] or "", "")),
        ("Nom d’usage", rdv["nom_usage"]),
        ("Nom de naissance", rdv["nom_naissance"]),
        ("Prénom(s)", rdv["prenoms"]),
        ("Date de naissance", f"{naissance:%d/%m/%Y}" if naissance else ""),
        ("Numéro fiscal", rdv["numero_fiscal"]),
        ("À rappeler de préférence", PREFERENCES.get(preference or "", "")),
    )
    return [(libelle, valeur) for libelle, valeur in faits if valeur]


def _annulation(rdv: Mapping[str, Any], contexte: ServiceContexte) -> dict[str, str] | None:
    if rdv["etat"] != "annule":
        return None
    agent = nom_agent(rdv["annuleur_prenom"], rdv["annuleur_nom"])
    return {
        "quand": _instant(rdv["annule_a"], contexte) if rdv["annule_a"] else "",
        "par": agent or _ANNULE_PAR.get(rdv["annule_par"] or "", "un agent"),
        "raison": rdv["annule_raison"],
    }


@get("/rendez-vous/{rdv_id:int}", include_in_schema=False)
async def show_fiche(
    request: Request[Any, Any, Any],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    rdv_id: FromPath[int],
) -> Response[bytes]:
    """The fiche; just after a booking, the code to read out loud."""
    acces = await open_rdv(outils, acteur, request, rdv_id)
    maintenant = clock.now()
    dossier = await load(request, outils, acteur, acces, rdv_id)
    contexte, rdv = dossier.contexte, dossier.rdv
    await write_lecture(outils, acteur, request, Trace("rdv.lu", contexte.id, rdv_id))
    ctx = {
        **dossier.entete(acteur, maintenant),
        "direct": True,
        "titre": f"Rendez-vous {rdv['code']}",
        "fil": [
            {"libelle": "Tableau de bord", "url": "/agent"},
            {"libelle": "Agenda du service", "url": dossier.agenda},
            {"libelle": f"Rendez-vous {rdv['code']}", "url": ""},
        ],
        "enregistre": request.query_params.get("enregistre") == "1" and rdv["etat"] == "prevu",
        "code": rdv["code"],
        "quand": f"{jour_long(rdv['jour'])} à {heure(rdv['debut'], contexte.zone)}",
        "agenda": dossier.agenda,
        "region": render_region(request, acces, dossier, maintenant),
    }
    return page(request, "booking/agents/fiche.html", ctx)


@get("/rendez-vous/{rdv_id:int}/fragment", include_in_schema=False)
async def show_fiche_fragment(
    request: Request[Any, Any, Any],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    rdv_id: FromPath[int],
) -> Response[bytes]:
    """Exactly the live region of the fiche."""
    acces = await open_rdv(outils, acteur, request, rdv_id)
    dossier = await load(request, outils, acteur, acces, rdv_id)
    await note_lecture(outils, acteur, request, Trace("rdv.lu", dossier.contexte.id, rdv_id))
    return Response(render_region(request, acces, dossier, clock.now()).encode(), media_type="text/html")


ROUTES = [show_fiche, show_fiche_fragment]
