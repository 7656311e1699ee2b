"""What the pages about a person's data show: lines to tick, other criteria that were found, what would stay."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from app.booking.donnees_critere import LIBELLES, Critere, Genre
from app.booking.donnees_effacement import FINIS, PHRASES, Garde, find_garde
from app.booking.donnees_mots import tell_valeur
from app.booking.donnees_personne import Dossier, Ligne
from app.courrier.texte import date_en_mots, telephone_lisible
from app.web.dates import jour_long


def name_personne(ligne: Ligne) -> str:
    """« Madame Philippa VALENTON », or the raison sociale."""
    if ligne["nature"] == "professionnel":
        return str(ligne["raison_sociale"])
    mots = ((ligne["civilite"] or "").capitalize(), ligne["prenoms"], (ligne["nom_usage"] or "").upper())
    return " ".join(mot for mot in mots if mot)


def build_resultat(dossier: Dossier, services: Collection[int], maintenant: datetime) -> dict[str, Any]:
    """Lines to tick. ``services``: those where the reader holds the agenda, hence may correct."""
    return {
        "rdvs": [_rdv(rdv, rdv["service_id"] in services, maintenant) for rdv in dossier.rdvs],
        "attentes": [_attente(attente) for attente in dossier.attentes],
        "registre": [_compte(compte) for compte in dossier.registre],
        "comptes": {
            "messages": len(dossier.messages),
            "contre_appels": len(dossier.contre_appels),
            "suites": len(dossier.suites),
            "journal": len(dossier.journal),
        },
    }


def _rdv(rdv: Ligne, corrige: bool, maintenant: datetime) -> dict[str, Any]:
    garde = find_garde(rdv["etat"], rdv["fin"], maintenant)
    return {
        "id": rdv["id"],
        "code": rdv["code"],
        "nom": name_personne(rdv),
        "quand": date_en_mots(rdv["debut"], rdv["fuseau"]),
        "service": f"{rdv['service']}, {rdv['ville']}",
        "motif": rdv["motif"],
        "etat": tell_valeur("etat", rdv["etat"]),
        "garde": "" if garde is None else PHRASES[garde],
        "modifier": f"/rendez-vous/{rdv['id']}/modifier" if corrige and garde is Garde.A_VENIR else "",
        "fiche": f"/rendez-vous/{rdv['id']}" if corrige else "",
    }


def _attente(attente: Ligne) -> dict[str, Any]:
    return {
        "id": attente["id"],
        "nom": attente["nom"],
        "contact": telephone_lisible(attente["contact"]),
        "quoi": f"{attente['motif']}, {attente['service']}",
        "quand": f"du {jour_long(attente['du'])} au {jour_long(attente['au'])}",
        "etat": tell_valeur("etat", attente["etat"]),
    }


def _compte(compte: Ligne) -> dict[str, Any]:
    return {
        "id": compte["id"],
        "nom": name_personne(compte) or "Compte sans nom",
        "connexions": len(compte["sessions"]),
        "franceconnect": bool(compte["sujet_oidc"]),
    }


def list_autres_criteres(dossier: Dossier, critere: Critere) -> list[dict[str, str]]:
    """What else names the person, in what was found: (criterion, value) to look for next."""
    vus: dict[tuple[Genre, str], str] = {}
    for ligne in (*dossier.rdvs, *dossier.registre):
        for genre in (Genre.NUMERO_FISCAL, Genre.SIREN, Genre.COURRIEL):
            if ligne[genre.value]:
                vus[genre, ligne[genre.value].lower()] = ligne[genre.value]
        for numero in ligne["telephones"] or ():
            vus[Genre.TELEPHONE, numero] = telephone_lisible(numero)
    vus.pop((critere.genre, critere.valeur.lower()), None)
    return [
        {"genre": genre.value, "valeur": valeur, "libelle": f"{LIBELLES[genre]} {mots}"}
        for (genre, valeur), mots in vus.items()
    ]


def list_choisis(dossier: Dossier, maintenant: datetime) -> dict[str, Any]:
    """What would be erased, and what would be kept with its reason."""
    rdvs = [_rdv(rdv, False, maintenant) for rdv in dossier.rdvs]
    vivants = {rdv["usager_id"] for rdv in dossier.rdvs if rdv["etat"] not in FINIS}
    comptes = [(_compte(c), PHRASES[Garde.COMPTE] if c["id"] in vivants else "") for c in dossier.registre]
    return {
        "effaces": [rdv for rdv in rdvs if not rdv["garde"]],
        "gardes": [rdv for rdv in rdvs if rdv["garde"]],
        "attentes": [_attente(attente) for attente in dossier.attentes],
        "registre": [compte for compte, garde in comptes if not garde],
        "registre_gardes": [(compte, garde) for compte, garde in comptes if garde],
    }
