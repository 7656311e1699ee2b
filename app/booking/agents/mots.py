"""The words of the agents' screens: why a guichet is closed, where a RDV comes from, what happened to it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

from app.booking.contexte import ServiceContexte
from app.domain.contexte import PHRASES_ALERTES, Alerte
from app.domain.guichets import GuichetRegle
from app.domain.plages import OuverturesParJour, RaisonFermeture
from app.feries import nom_ferie
from app.web.dates import heure, jour_moyen

TYPES: Final[Mapping[str, str]] = {"guichet": "Au guichet", "telephone": "Par téléphone", "visio": "En visio"}
CANAUX: Final[Mapping[str, str]] = {
    "internet": "Pris en ligne par l’usager",
    "exterieur": "Pris par un agent d’un autre service",
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
    "rdv.maintenu": "Gardé tel quel hors de l’organisation",
    "rdv.maintien_leve": "De nouveau à replacer",
}
_ACTEURS: Final[Mapping[str, str]] = {
    "usager": "par l’usager",
    "systeme": "automatiquement",
    "inconnu": "par une personne non identifiée",
}


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


def fait(ligne: Mapping[str, Any], contexte: ServiceContexte) -> dict[str, str]:
    """One line of a RDV's story: what, by whom, and what it was for a booking."""
    quoi = _FAITS.get(ligne["action"], "Rendez-vous mis à jour")
    apres = ligne["apres"] or {}
    if ligne["action"] == "rdv.cree" and "debut" in apres:
        debut = datetime.fromisoformat(apres["debut"])
        guichet = contexte.guichets.get(apres.get("guichet", 0))
        quoi += f" pour le {jour_moyen(debut.astimezone(contexte.zone).date())} à {heure(debut, contexte.zone)}"
        quoi += f", {guichet.nom}" if guichet else ""
    qui = nom_agent(ligne["prenom"], ligne["nom"])
    return {"quoi": quoi, "qui": f"par {qui}" if qui else _ACTEURS.get(ligne["acteur"], "par un agent")}


def nom_agent(prenom: str | None, nom: str | None) -> str:
    """« Claire MOREL », or "" when nobody is known."""
    return f"{prenom or ''} {(nom or '').upper()}".strip()
