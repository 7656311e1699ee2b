"""The booking form as a page: what was typed, what stands in the way, and the choices that remain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final
from urllib.parse import urlencode

from litestar import Request
from litestar.response import Response

from app import clock
from app.booking.agents.affichage import Affichage, read_jour
from app.booking.agents.mots import ORIGINES, TYPES, nom_guichet
from app.booking.agents.saisie import CHAMPS, Saisie, offered_types
from app.booking.agents.saisie import ORIGINES as ORIGINES_AGENT
from app.booking.contexte import MotifOffert, ServiceContexte
from app.domain.creneaux import Creneau
from app.domain.horaires import from_minute
from app.errors import AppError, AvertissementRequis, CreneauPris, SaisieInvalide
from app.identite.acteur import Acteur
from app.web.dates import heure, jour_long, jour_moyen
from app.web.pages import agent_page, page, service_header, service_menu

#: Fields of a refusal → fields of the form; what the date is to blame for goes beside the date.
_CHAMPS: Final = {"debut": "du", "fin": "au"}
_RAISONS_DU_JOUR: Final = frozenset({"horizon", "ferie", "delai"})


#: The fields from top to bottom: the summary of errors reads in their order.
_ORDRE: Final = (
    "guichet", "jour", "du", "au", "siren", "raison_sociale", "contact", "numero_fiscal", "civilite", "nom_usage",
    "prenoms", "nom_naissance", "date_naissance", "telephone1", "telephone2", "preference_appel", "courriel", "motif",
    "type", "origine", "precision", "note_interne",
)  # fmt: skip


def _rank(champ: str) -> int:
    return _ORDRE.index(champ) if champ in _ORDRE else len(_ORDRE)


class DejaUnRendezVous(AvertissementRequis):
    """409: the person already holds a RDV to come in this service; announced before the final validation [A1 §3.2]."""

    code = "deja-un-rendez-vous"
    phrase = "Cet usager a déjà un rendez-vous à venir dans ce service."
    remede = "Vérifiez avec lui s’il s’agit de la même demande, puis confirmez si un second rendez-vous est utile."


@dataclass(frozen=True, slots=True)
class Retour:
    """What the form has to say besides what was typed."""

    statut: int = 200
    erreurs: dict[str, str] = field(default_factory=dict)
    phrase: str = ""
    remede: str = ""
    alertes: Sequence[dict[str, str]] = ()
    futurs: Sequence[Mapping[str, Any]] = ()
    alternatives: Sequence[Creneau] = ()
    information: str = ""


def explain(refus: AppError) -> Retour:
    """The sentences of a refusal, beside the fields they belong to."""
    du_jour = refus.details.get("raison") in _RAISONS_DU_JOUR
    erreurs = {
        "jour" if champ == "debut" and du_jour else _CHAMPS.get(champ, champ): phrase
        for champ, phrase in refus.champs.items()
    }
    erreurs = {champ: erreurs[champ] for champ in sorted(erreurs, key=_rank)}
    pris = isinstance(refus, CreneauPris)
    alternatives = refus.details.get("alternatives", ()) if pris else ()
    remede = refus.remede
    if pris and not alternatives:
        remede = "Votre saisie est conservée : choisissez une autre heure, une autre date ou un autre guichet."
    elif erreurs and not pris and not isinstance(refus, SaisieInvalide):
        remede = "Corrigez les champs signalés : le reste de votre saisie est conservé."
    return Retour(
        statut=refus.statut,
        erreurs={} if pris else erreurs,
        phrase=refus.phrase,
        remede=remede,
        alertes=refus.details.get("alertes", ()),
        futurs=refus.details.get("futurs", ()),
        alternatives=alternatives,
    )


def render_formulaire(
    request: Request[Any, Any, Any],
    acteur: Acteur,
    contexte: ServiceContexte,
    saisie: Saisie,
    retour: Retour,
    region_place: str,
) -> Response[bytes]:
    """The page, with the status of what it says; the form alone when the agenda's panel asks for it.

    ``region_place``: what becomes of the place chosen (``place_choisie.render_place``).
    """
    maintenant = clock.now()
    aujourdhui = maintenant.astimezone(contexte.zone).date()
    try:
        jour = read_jour(saisie["jour"], aujourdhui)
    except SaisieInvalide:
        jour = aujourdhui
    agenda = Affichage(contexte.id, jour).url
    ctx = {
        **agent_page(acteur, menu=service_menu(contexte.id, contexte.site_id)),
        "service": service_header(contexte, maintenant),
        "titre": ("Erreur – " if retour.erreurs else "") + "Nouveau rendez-vous",
        "fil": [
            {"libelle": "Tableau de bord", "url": "/agent"},
            {"libelle": "Agenda du service", "url": agenda},
            {"libelle": "Nouveau rendez-vous", "url": ""},
        ],
        "action": f"/services/{contexte.id}/rendez-vous",
        "agenda": agenda,
        "saisi": {**dict.fromkeys(_AFFICHES, ""), **saisie.champs},
        "acquittees": sorted(saisie.acquittees | {a["code"] for a in retour.alertes}),
        "r": retour,
        "guichets": [(g.id, nom_guichet(g.nom) + ("" if g.ouvert else " (fermé)")) for g in contexte.guichets.values()],
        "motifs": group_motifs(contexte),
        "types": [(code, TYPES[code], "") for code in offered_types(contexte)],
        "origines": [(code, ORIGINES[code], "") for code in ORIGINES_AGENT],
        "duree": contexte.duree,
        "futurs": [_futur(ligne, contexte) for ligne in retour.futurs],
        "alternatives": [_alternative(c, saisie, contexte) for c in retour.alternatives],
        "min": aujourdhui.isoformat(),
        "adresse": _address(contexte, saisie),
        "recap": _recap(contexte, saisie, jour),
        "region_place": region_place,
        "panneau": is_panneau(request),
        "direct": True,
    }
    gabarit = "booking/agents/_nouveau.html" if is_panneau(request) else "booking/agents/nouveau.html"
    return page(request, gabarit, ctx, statut=retour.statut)


def is_panneau(request: Request[Any, Any, Any]) -> bool:
    """True when the form is asked for by a page that shows it beside the agenda."""
    return request.headers.get("x-fragment") == "1"


def _recap(contexte: ServiceContexte, saisie: Saisie, jour: date) -> str:
    """« mardi 24 novembre 2026 à 08:40, Guichet 1 »: the place chosen; what is not chosen yet is left out."""
    guichet = next((nom_guichet(g.nom) for g in contexte.guichets.values() if str(g.id) == saisie["guichet"]), "")
    quand = jour_long(jour) if saisie["jour"] else ""
    if quand and saisie["du"]:
        quand += f" à {saisie['du'][:5]}"
    return ", ".join(mot for mot in (quand, guichet) if mot)


def _address(contexte: ServiceContexte, saisie: Saisie) -> str:
    """The GET address of the form with its place; nobody's name is in it."""
    champs = {"jour": saisie["jour"], "guichet": saisie["guichet"], "heure": saisie["du"], "nature": saisie["nature"]}
    requete = urlencode({nom: valeur[:20] for nom, valeur in champs.items() if valeur})
    return f"/services/{contexte.id}/rendez-vous/nouveau?{requete}"


#: Every field but the buttons.
_AFFICHES: Final = tuple(champ for champ in CHAMPS if champ not in ("faire", "choix"))


def group_motifs(contexte: ServiceContexte) -> list[Any]:
    """Options of the motif list: the service's open ones under their parents, then those it does not offer, apart."""
    parents = {motif.parent_id for motif in contexte.motifs.values()}
    ouverts: dict[str, list[tuple[int, str]]] = {}
    fermes: dict[str, list[tuple[int, str]]] = {}
    for motif in contexte.motifs.values():
        if not motif.actif or (motif.id in parents and not motif.ouvert):
            continue
        cible = ouverts if motif.ouvert else fermes
        cible.setdefault(_branche(motif, contexte), []).append((motif.id, f"{motif.libelle} ({motif.duree} min)"))
    options: list[Any] = list(ouverts.pop("", []))
    options += [{"groupe": groupe, "options": liste} for groupe, liste in ouverts.items()]
    options += [
        {"groupe": f"Non proposé : {groupe}" if groupe else "Non proposé par le service", "options": liste}
        for groupe, liste in fermes.items()
    ]
    return options


def _branche(motif: MotifOffert, contexte: ServiceContexte) -> str:
    """« Particulier – Impôt sur le revenu »: the ancestors of a motif, at most three levels [G 2.3.1]."""
    noms: list[str] = []
    parent = contexte.motifs.get(motif.parent_id) if motif.parent_id else None
    while parent is not None and len(noms) < 3:
        noms.insert(0, parent.libelle)
        parent = contexte.motifs.get(parent.parent_id) if parent.parent_id else None
    return " – ".join(noms)


def _futur(ligne: Mapping[str, Any], contexte: ServiceContexte) -> dict[str, Any]:
    motif, guichet = contexte.motifs.get(ligne["motif_id"]), contexte.guichets.get(ligne["guichet_id"])
    return {
        "url": f"/rendez-vous/{ligne['id']}",
        "quand": f"{jour_moyen(ligne['debut'].astimezone(contexte.zone).date())} à "
        f"{heure(ligne['debut'], contexte.zone)}",
        "quoi": ", ".join(
            mot
            for mot in (motif.libelle if motif else "", TYPES[ligne["type_rdv"]], guichet.nom if guichet else "")
            if mot
        ),
    }


def _alternative(creneau: Creneau, saisie: Saisie, contexte: ServiceContexte) -> dict[str, str]:
    """A free place near the one that was taken, on the same guichet when it can be."""
    voulu = saisie["guichet"]
    guichet = next((g for g in creneau.guichets if str(g) == voulu), creneau.guichets[0])
    debut, fin = from_minute(creneau.debut), from_minute(creneau.fin)
    return {
        "valeur": f"{guichet}-{creneau.debut}",
        "quand": f"{jour_moyen(debut.astimezone(contexte.zone).date())}, "
        f"{heure(debut, contexte.zone)} – {heure(fin, contexte.zone)}",
        "ou": nom_guichet(contexte.guichets[guichet].nom),
    }
