"""The words of the agents' screens: why a guichet is closed, where a RDV comes from, what happened to it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

from app.booking.contexte import ServiceContexte
from app.domain.contexte import PHRASES_ALERTES, Alerte
from app.domain.contre_appel import LIBELLES as RESULTATS
from app.domain.contre_appel import Resultat
from app.domain.guichets import GuichetRegle
from app.domain.plages import OuverturesParJour, RaisonFermeture
from app.domain.suite_donnee import LIBELLES as SUITES
from app.domain.suite_donnee import NatureSuite
from app.feries import nom_ferie
from app.web.dates import heure, jour_moyen

TYPES: Final[Mapping[str, str]] = {"guichet": "Au guichet", "telephone": "Par téléphone", "visio": "En visio"}
CANAUX: Final[Mapping[str, str]] = {
    "internet": "Pris en ligne par l’usager",
    "exterieur": "Pris par un agent, par le parcours simplifié",
    "rattache": "Pris par un agent du service",
}
ORIGINES: Final[Mapping[str, str]] = {
    "internet": "Internet",
    "telephone": "Téléphone",
    "guichet": "Guichet",
    "courriel": "Courriel",
    "borne": "Borne d’accueil",
    "api": "Application partenaire",
}
PREFERENCES: Final[Mapping[str, str]] = {"matin": "le matin", "apres-midi": "l’après-midi"}
_FAITS: Final[Mapping[str, str]] = {
    "rdv.cree": "Rendez-vous pris",
    "rdv.modifie": "Rendez-vous modifié",
    "rdv.replanifie": "Rendez-vous déplacé",
    "rdv.annule": "Rendez-vous annulé",
    "rdv.arrive": "Arrivée enregistrée",
    "rdv.arrivee_annulee": "Arrivée annulée",
    "rdv.appele": "Usager appelé",
    "rdv.recu": "Usager reçu",
    "rdv.termine": "Entretien terminé",
    "rdv.non_honore": "Noté « pas venu »",
    "rdv.affecte": "Agents affectés modifiés",
    "rdv.confirmation_renvoyee": "Confirmation envoyée de nouveau",
    "rdv.maintenu": "Gardé tel quel hors de l’organisation",
    "rdv.maintien_leve": "De nouveau à replacer",
}
#: Fields of a RDV, as the story names them; their values are never in it.
CHAMPS: Final[Mapping[str, str]] = {
    "nature": "nature de l’usager",
    "civilite": "civilité",
    "nom_usage": "nom d’usage",
    "nom_naissance": "nom de naissance",
    "prenoms": "prénom(s)",
    "date_naissance": "date de naissance",
    "numero_fiscal": "numéro fiscal",
    "raison_sociale": "raison sociale",
    "siren": "SIREN",
    "contact": "personne à contacter",
    "telephones": "téléphones",
    "preference_appel": "moment de rappel",
    "courriel": "courriel",
    "precision": "précisions",
    "note_interne": "note interne",
    "message_usager": "message à l’usager",
}
_ACTEURS: Final[Mapping[str, str]] = {
    "usager": "par l’usager",
    "systeme": "automatiquement",
    "inconnu": "par une personne non identifiée",
}


def nom_guichet(nom: str) -> str:
    """« Guichet n° 2 » as it is shown: its number never on another line."""
    return nom.replace("n° ", "n°\N{NO-BREAK SPACE}")


def raison_guichet(contexte: ServiceContexte, ouvertures: OuverturesParJour, guichet: GuichetRegle, jour: date) -> str:
    """Why nothing can be booked on that guichet that day, in a few words; "" when it receives."""
    if contexte.ferme:
        return "Service fermé"
    if not guichet.ouvert:
        return "Guichet fermé"
    fermeture = ouvertures.find_raison(guichet.id, jour)
    if fermeture is None:
        return ""
    if fermeture is RaisonFermeture.FERIE:
        nom = nom_ferie(contexte.departement, jour)
        return f"Jour férié : {nom}" if nom else "Jour férié"
    if fermeture is RaisonFermeture.FERMETURE:
        return next(
            (
                exception.libelle
                for exception in contexte.exceptions
                if exception.nature == "fermeture"
                and exception.du <= jour <= exception.au
                and exception.concerns(guichet.id)
                and exception.libelle
            ),
            "Fermeture exceptionnelle",
        )
    return "Aucune plage ce jour"


def restrictions(guichet: GuichetRegle, contexte: ServiceContexte) -> str:
    """What a guichet is kept for, in the header of its column; "" when it takes everything."""
    morceaux = []
    if guichet.types is not None:
        morceaux.append(", ".join(mot for code, mot in TYPES.items() if code in guichet.types) or "Aucun type")
    if guichet.motifs is not None:
        libelles = [motif.libelle for motif in contexte.motifs.values() if motif.id in guichet.motifs]
        morceaux.append(libelles[0] if len(libelles) == 1 else f"{len(libelles)} motifs")
    if not guichet.accepts_canal("rattache"):
        morceaux.append("fermé aux réservations des agents")
    return " · ".join(morceaux)


def forcages(codes: list[str]) -> list[str]:
    """The warnings that were acknowledged, in words."""
    return [PHRASES_ALERTES[alerte] for alerte in Alerte if alerte.value in codes]


def fait(
    ligne: Mapping[str, Any], contexte: ServiceContexte, agents: Mapping[int, str] | None = None
) -> dict[str, str]:
    """One line of a RDV's story: what, by whom, and what it was for a booking, a move, a correction, an assignment.

    ``agents``: names by id of those whom the story speaks of.
    """
    quoi = _FAITS.get(ligne["action"], "Rendez-vous mis à jour")
    apres = ligne["apres"] or {}
    if ligne["action"] == "rdv.cree" and "debut" in apres:
        debut = datetime.fromisoformat(apres["debut"])
        guichet = contexte.guichets.get(apres.get("guichet", 0))
        quoi += f" pour le {jour_moyen(debut.astimezone(contexte.zone).date())} à {heure(debut, contexte.zone)}"
        quoi += f", {guichet.nom}" if guichet else ""
    if ligne["action"] == "rdv.replanifie" and "debut" in apres:
        quoi = _deplacement(ligne["avant"] or {}, apres, contexte) or quoi
    if ligne["action"] == "rdv.modifie" and apres.get("champs"):
        quoi += f" : {', '.join(CHAMPS.get(champ, champ) for champ in apres['champs'])}"
    if ligne["action"] == "rdv.affecte":
        quoi = _affectation(ligne["avant"] or {}, apres, agents or {}) or quoi
    quoi = _fait_ajoute(ligne["action"], apres) or quoi
    qui = nom_agent(ligne["prenom"], ligne["nom"])
    return {"quoi": quoi, "qui": f"par {qui}" if qui else _ACTEURS.get(ligne["acteur"], "par un agent")}


def _deplacement(avant: Mapping[str, Any], apres: Mapping[str, Any], contexte: ServiceContexte) -> str:
    """« Rendez-vous déplacé du mardi 24 novembre à 08:40, Guichet 1 au … ; durée 40 min »: what changed, alone."""
    if "debut" not in avant:
        return ""
    de, vers = _place(avant, contexte), _place(apres, contexte)
    morceaux = [] if de == vers else [f"Rendez-vous déplacé du {de} au {vers}"]
    duree, ancienne = _duree(apres), _duree(avant)
    if duree != ancienne:
        morceaux.append(f"durée {ancienne} min → {duree} min")
    if apres.get("type") != avant.get("type") and apres.get("type") in TYPES:
        morceaux.append(f"désormais {TYPES[apres['type']].lower()}")
    motif = contexte.motifs.get(apres.get("motif", 0))
    if motif is not None and apres.get("motif") != avant.get("motif"):
        morceaux.append(f"motif « {motif.libelle} »")
    texte = " ; ".join(morceaux)
    return texte[:1].upper() + texte[1:]


def _place(faits: Mapping[str, Any], contexte: ServiceContexte) -> str:
    debut = datetime.fromisoformat(faits["debut"])
    guichet = contexte.guichets.get(faits.get("guichet", 0))
    place = f"{jour_moyen(debut.astimezone(contexte.zone).date())} à {heure(debut, contexte.zone)}"
    return f"{place}, {guichet.nom}" if guichet else place


def _duree(faits: Mapping[str, Any]) -> int:
    duree = datetime.fromisoformat(faits["fin"]) - datetime.fromisoformat(faits["debut"])
    return int(duree.total_seconds()) // 60


def _affectation(avant: Mapping[str, Any], apres: Mapping[str, Any], agents: Mapping[int, str]) -> str:
    """« Affecté à Claire MOREL ; n’est plus affecté à Paul DURAND »."""
    anciens, nouveaux = avant.get("agents") or (), apres.get("agents") or ()
    venus = [agents.get(ident, "un agent") for ident in nouveaux if ident not in anciens]
    partis = [agents.get(ident, "un agent") for ident in anciens if ident not in nouveaux]
    morceaux = [f"affecté à {' et '.join(venus)}"] if venus else []
    morceaux += [f"n’est plus affecté à {' ni à '.join(partis)}"] if partis else []
    texte = " ; ".join(morceaux)
    return texte[:1].upper() + texte[1:]


def _fait_ajoute(action: str, apres: Mapping[str, Any]) -> str:
    """« Contre-appel : sans réponse », « Suite donnée : démarche ouverte »; "" for any other line."""
    if "contre_appel" in apres and apres.get("resultat") in set(Resultat):
        fin = " – rendez-vous annulé" if action == "rdv.annule" else ""
        return f"Contre-appel : {RESULTATS[Resultat(apres['resultat'])][0].lower()}{fin}"
    if "suite" in apres and apres.get("nature") in set(NatureSuite):
        return f"Suite donnée : {SUITES[NatureSuite(apres['nature'])][0].lower()}"
    return ""


def nom_agent(prenom: str | None, nom: str | None) -> str:
    """« Claire MOREL », or "" when nobody is known."""
    return f"{prenom or ''} {(nom or '').upper()}".strip()
