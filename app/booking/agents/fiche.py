"""The fiche of a RDV: everything known of it, what happened, and what may be done now [A1 §3.2].

The whole fiche is one live region without rows of its own: any event of the service brings a fresh one, so that the
story and the revision always go with the state shown. Opening it is a read of personal data and is journaled; its
refreshes belong to the same reading for a quarter of an hour.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Response

from app import clock
from app.booking.affecter import select_affectes
from app.booking.agents.acces import PHRASE_RDV, Acces, journal_refus, note_lecture, open_rdv, write_lecture
from app.booking.agents.affichage import url_jour
from app.booking.agents.appels import read_contre_appels, read_suites, tell_contre_appels, tell_suites
from app.booking.agents.autres import Autres, build_traces, read_autres, tell_autres
from app.booking.agents.boutons import find_figee, find_lettre, find_renvoi, list_gestes, list_presences, possible
from app.booking.agents.dossier_externe import build_lien
from app.booking.agents.issues import tell_issue
from app.booking.agents.lectures import nom_agenda, read_fiche, read_histoire, read_noms
from app.booking.agents.mots import CANAUX, ORIGINES, PREFERENCES, TYPES, fait, forcages, nom_agent, nom_guichet
from app.booking.agents.saisie import national
from app.booking.contexte import ServiceContexte, read_versions
from app.booking.messages import find_destination
from app.booking.outils import Outils
from app.booking.traces import Trace
from app.booking.usager.confirmation import list_documents
from app.domain.rendez_vous import Action
from app.errors import AccesRefuse
from app.identite.acteur import Acteur
from app.web.dates import heure, jour_long
from app.web.pages import agent_page, page, service_header, service_menu

_CIVILITES: Final = {"madame": "Madame", "monsieur": "Monsieur"}
_ANNULE_PAR: Final = {"usager": "l’usager", "systeme": "le service (automatiquement)"}


@dataclass(frozen=True, slots=True)
class Dossier:
    """A RDV and its story: ``contexte`` is the service that receives it, ``vue`` the one it is seen from.

    They differ for the agents of a service that has entrusted it to the other one [G 2.3.5].
    """

    vue: ServiceContexte
    contexte: ServiceContexte
    rdv: dict[str, Any]
    histoire: list[dict[str, Any]]
    contre_appels: list[dict[str, Any]]
    suites: list[dict[str, Any]]
    #: Agents assigned, and the names of all those whom the story speaks of.
    affectes: list[dict[str, Any]]
    agents: dict[int, str]
    autres: Autres

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
        histoire = await read_histoire(conn, acces.agent_id, rdv_id)
        affectes = await conn.execute(select_affectes(rdv_id, acces.agent_id))
        return Dossier(
            vue,
            contexte,
            rdv,
            histoire,
            await read_contre_appels(conn, acces.agent_id, rdv_id),
            await read_suites(conn, acces.agent_id, rdv_id),
            [dict(ligne) for ligne in affectes.mappings()],
            await read_noms(conn, cites(histoire)),
            await read_autres(conn, acces.agent_id, rdv),
        )


def render_region(request: Request[Any, Any, Any], acces: Acces, dossier: Dossier, maintenant: datetime) -> str:
    """The live region of the fiche."""
    contexte, rdv = dossier.contexte, dossier.rdv
    url = f"/rendez-vous/{rdv['id']}"
    suivis = [(acces.service_id, acces.versions.service), *dossier.autres.list_suivis(acces.service_id)]
    dossier_url = build_lien(request.app.state.outils.settings.dossier_url, rdv, contexte)
    ou = find_destination(request.app.state.outils.settings, rdv["courriel"], rdv["telephones"] or ())
    gabarit = request.app.state.gabarits.get_template("booking/agents/_fiche_region.html")
    return str(
        gabarit.render(
            sujet=" ".join(f"service:{service_id}" for service_id, _ in suivis),
            version=" ".join(str(version) for _, version in suivis),
            epoque=acces.epoque,
            fragment=f"{url}/fragment",
            zone=contexte.zone.key,
            rdv=rdv,
            nom=nom_agenda(rdv),
            numero=f"FI{rdv['id']}",
            quand=_quand(rdv, contexte),
            ou=_lieu(rdv, contexte, ailleurs=acces.confie),
            motif=nom_motif(rdv, contexte),
            boutons=list_presences(rdv, acces, contexte, maintenant, url),
            figee=find_figee(rdv, acces, contexte, maintenant),
            gestes=list_gestes(rdv, acces, contexte, maintenant, url),
            renvoi=find_renvoi(rdv, acces, ou, maintenant, url),
            lettre=find_lettre(rdv, maintenant, url),
            sms=national(ou.adresse) if ou is not None and ou.canal == "sms" else "",
            pour=rdv["origine_libelle"] or "",
            lieu=contexte.adresse_lignes if acces.confie else (),
            annulable=possible(rdv, Action.ANNULER, contexte, maintenant),
            rendez_vous=_rendez_vous(rdv, contexte),
            usager=_usager(rdv),
            telephones=[{"e164": t, "lu": national(t)} for t in rdv["telephones"] or ()],
            preference=PREFERENCES.get(rdv["preference_appel"] or "", ""),
            dossier_url=dossier_url,
            documents=list_documents(contexte.motifs.get(rdv["motif_id"]), rdv["documents_prets"]),
            forcages=forcages(rdv["forcages"]),
            annulation=_annulation(rdv, contexte),
            contre_appels=tell_contre_appels(dossier.contre_appels, contexte.zone),
            suites=tell_suites(dossier.suites, contexte.zone),
            affectes=[{"nom": nom_agent(a["prenom"], a["nom"]), "permis": a["permis"]} for a in dossier.affectes],
            autres=tell_autres(dossier.autres, contexte.id),
            histoire=list_faits(dossier),
        )
    )


def list_faits(dossier: Dossier, depuis: int = 0) -> list[dict[str, str]]:
    """The story in words, oldest first; ``depuis``: without its first lines."""
    contexte = dossier.contexte
    return [
        {**fait(ligne, contexte, dossier.agents), "quand": _instant(ligne["a"], contexte)}
        for ligne in dossier.histoire[depuis:]
    ]


def cites(histoire: Sequence[Mapping[str, Any]]) -> set[int]:
    """The agents whom the story speaks of, besides those who acted."""
    lignes = [ligne for ligne in histoire if ligne["action"] == "rdv.affecte"]
    faits = [ligne[moment] or {} for ligne in lignes for moment in ("avant", "apres")]
    return {ident for f in faits for ident in f.get("agents") or ()}


def _quand(rdv: Mapping[str, Any], contexte: ServiceContexte) -> str:
    """« mardi 24 novembre 2026, 12:20 – 12:40 (20 min) »."""
    duree = (rdv["fin"] - rdv["debut"]).total_seconds() // 60
    horaire = f"{heure(rdv['debut'], contexte.zone)} – {heure(rdv['fin'], contexte.zone)}"
    return f"{jour_long(rdv['jour'])}, {horaire} ({duree:.0f} min)"


def _lieu(rdv: Mapping[str, Any], contexte: ServiceContexte, *, ailleurs: bool) -> str:
    """« Guichet 3 – Au guichet »; the type alone for the service that entrusted it: it knows no guichet there."""
    guichet = contexte.guichets.get(rdv["guichet_id"])
    nom = "" if ailleurs else guichet.nom if guichet else "Guichet supprimé"
    genre = TYPES[rdv["type_rdv"]]
    return f"{nom} – {genre}" if nom else genre


def _instant(instant: datetime, contexte: ServiceContexte) -> str:
    return f"{instant.astimezone(contexte.zone):%d/%m/%Y} à {heure(instant, contexte.zone)}"


def _rendez_vous(rdv: Mapping[str, Any], contexte: ServiceContexte) -> list[tuple[str, str]]:
    """What the heading does not say: when things happened, where it comes from."""
    preneur = nom_agent(rdv["preneur_prenom"], rdv["preneur_nom"])
    pris = CANAUX[rdv["canal"]] + (f" ({preneur})" if preneur else "")
    presences = (
        ("Arrivé à", rdv["arrivee_a"]),
        ("Appelé à", rdv["appel_a"]),
        ("Reçu à", rdv["reception_a"]),
        ("Terminé à", rdv["fin_a"]),
    )
    return [
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
    naissance = rdv["date_naissance"]
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
    await write_lecture(outils, acteur, request, *_traces(outils, dossier))
    guichet = contexte.guichets.get(rdv["guichet_id"])
    ou = find_destination(outils.settings, rdv["courriel"], rdv["telephones"] or ())
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
        "lettre": "" if ou else find_lettre(rdv, maintenant, f"/rendez-vous/{rdv_id}"),
        "issue": tell_issue(request.query_params.get("fait") or "", ou),
        "code": rdv["code"],
        "quand": f"{jour_long(rdv['jour'])} à {heure(rdv['debut'], contexte.zone)}"
        + (f", {nom_guichet(guichet.nom)}" if guichet else ""),
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
    await note_lecture(outils, acteur, request, *_traces(outils, dossier))
    return Response(render_region(request, acces, dossier, clock.now()).encode(), media_type="text/html")


def _traces(outils: Outils, dossier: Dossier) -> list[Trace]:
    """The reading of the RDV, and of the others that it brings with it."""
    service_id = dossier.contexte.id
    return [
        Trace("rdv.lu", service_id, dossier.rdv["id"]),
        *build_traces(outils.settings, dossier.rdv, service_id, dossier.autres),
    ]


ROUTES = [show_fiche, show_fiche_fragment]
