"""The history of an organisation, read from the journal: who, when, what, before, after."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.tables import Agent, Journal
from app.tables.vues import acces
from app.web.dates import heure, jour_long

PAR_PAGE: Final = 50
#: A date, or an instant with its offset, as the journal writes them.
_ISO: Final = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?([+-]\d{2}:\d{2}|Z))?")
#: What may be changed, in the words of the screens.
MOTS_OBJETS: Final[Mapping[str, str]] = {
    "service": "Fiche du service",
    "guichet": "Guichet",
    "journee_type": "Journée type",
    "planning": "Planning",
    "exception": "Fermeture ou exception",
    "motif_service": "Motif",
    "motif": "Catalogue national",
    "sujet_contact": "Sujet de contact",
    "parametre": "Paramètre",
    "delegation": "Délégation",
    "agent": "Agent",
    "habilitation": "Habilitation",
    "rattachement": "Rattachement",
    "ouverture": "Ouverture en ligne",
    "rdv": "Rendez-vous",
}
#: The last part of an action, in words.
_VERBES: Final[Mapping[str, str]] = {
    "cree": "créé",
    "deplace": "déplacé",
    "remis": "remis",
    "modifie": "modifié",
    "supprime": "supprimé",
    "ouvert": "ouvert",
    "ferme": "fermé",
    "maintenu": "gardé tel quel",
    "maintien_leve": "de nouveau à replacer",
    "donne": "donné",
    "donnee": "donnée",
    "retire": "retiré",
    "retiree": "retirée",
    "proposee": "proposée",
    "corrigee": "proposition corrigée",
    "acceptee": "acceptée",
    "refusee": "refusée",
    "arretee": "arrêtée avant son terme",
    "invite": "lien envoyé pour choisir un mot de passe",
    "suspendu": "suspendu",
    "reactive": "réactivé",
    "sessions_fermees": "sessions fermées",
    "cle_revoquee": "clé d’API révoquée",
    "mot_de_passe_choisi": "mot de passe choisi",
    "proconnect_associe": "identité ProConnect associée",
}


#: Facts kept by the journal, in the words of the screens; another one is shown by its key.
_CHAMPS: Final[Mapping[str, str]] = {
    "a": "le",
    "accessibilite": "accessibilité",
    "adresse": "adresse",
    "annuaire": "annuaire",
    "au": "jusqu’au",
    "canaux": "ouvert à",
    "centre_contact": "centre de contact",
    "code_postal": "code postal",
    "codique_partage": "CODIQUE partagé",
    "codique": "CODIQUE",
    "complement_adresse": "complément d’adresse",
    "courriel": "courriel",
    "cycle": "semaines en alternance",
    "debut": "début",
    "demarche_url": "démarche en ligne",
    "departement": "département",
    "dossier_url": "adresse du dossier",
    "du": "à partir du",
    "duree_minutes": "durée (minutes)",
    "duree": "durée (minutes)",
    "en_ligne": "ouvert en ligne",
    "etat": "état",
    "faq_url": "questions fréquentes",
    "ferme_a": "fermé le",
    "fin": "fin",
    "fuseau": "fuseau horaire",
    "horaires_texte": "horaires affichés",
    "libelle": "libellé",
    "libelle_en": "libellé en anglais",
    "documents_en": "documents en anglais",
    "types_service": "types de service",
    "motif_code": "motif proposé",
    "voie": "service compétent",
    "lien_valable_jusqu_a": "lien valable jusqu’au",
    "numero": "numéro",
    "ouvert": "ouvert",
    "pas_minutes": "pas de la grille (minutes)",
    "perimetre": "périmètre",
    "prenom": "prénom",
    "quota_jour": "rendez-vous par jour",
    "reference_externe": "référence de l’annuaire",
    "reponse": "message",
    "sages": "SAGES",
    "site_id": "site",
    "suspendu_a": "suspendu le",
    "telephone": "téléphone",
    "type_code": "type de service",
    "validite": "validité",
    "visio_base": "adresse de la visio",
}


@dataclass(frozen=True, slots=True)
class Ligne:
    """One change. ``faits``: (field, before, after), those that differ, in words."""

    id: int
    quand: str
    qui: str
    quoi: str
    nom: str
    faits: tuple[tuple[str, str, str], ...]


async def read_histoire(
    conn: AsyncConnection,
    agent_id: int,
    service_id: int,
    zone: ZoneInfo,
    *,
    objet: str = "",
    objet_id: int | None = None,
    avant: int = 0,
) -> list[Ligne]:
    """At most ``PAR_PAGE`` + 1 changes of a service that the agent organises, newest first, before the id ``avant``."""
    requete = (
        select(Journal.id, Journal.a, Journal.acteur, Journal.action, Journal.objet, Journal.avant, Journal.apres)
        .add_columns(Agent.prenom, Agent.nom)
        .outerjoin(Agent, Agent.id == Journal.agent_id)
        .where(
            Journal.service_id == service_id,
            Journal.objet.is_not(None),
            exists().where(
                acces.c.agent_id == agent_id, acces.c.module == "organiser", acces.c.service_id == Journal.service_id
            ),
        )
        .order_by(Journal.id.desc())
        .limit(PAR_PAGE + 1)
    )
    if objet:
        requete = requete.where(Journal.objet == objet)
    if objet_id is not None:
        requete = requete.where(Journal.objet_id == objet_id)
    if 0 < avant < 2**63:
        requete = requete.where(Journal.id < avant)
    return [build_ligne(dict(ligne), zone) for ligne in (await conn.execute(requete)).mappings()]


def build_ligne(ligne: Mapping[str, Any], zone: ZoneInfo) -> Ligne:
    """A journal row in words, in the service's local time."""
    a: datetime = ligne["a"]
    avant, apres = ligne["avant"] or {}, ligne["apres"] or {}
    nom = str(apres.get("nom") or apres.get("libelle") or avant.get("nom") or avant.get("libelle") or "")
    verbe = ligne["action"].rpartition(".")[2]
    return Ligne(
        ligne["id"],
        f"{jour_long(a.astimezone(zone).date())} à {heure(a, zone)}",
        f"{ligne['prenom'] or ''} {(ligne['nom'] or '').upper()}".strip() or "Le logiciel",
        f"{MOTS_OBJETS.get(ligne['objet'], ligne['objet'])} : {_VERBES.get(verbe, verbe.replace('_', ' '))}",
        nom,
        tuple(
            (_CHAMPS.get(cle, cle.replace("_", " ")), _mot(avant.get(cle), zone), _mot(apres.get(cle), zone))
            for cle in dict.fromkeys((*avant, *apres))
            if _mot(avant.get(cle), zone) != _mot(apres.get(cle), zone)
        ),
    )


def _mot(valeur: Any, zone: ZoneInfo) -> str:
    """A fact in words: « oui », « 25/11/2026 », « mercredi 25 novembre 2026 à 05:36 » in the service's time."""
    if valeur is None:
        return ""
    if isinstance(valeur, bool):
        return "oui" if valeur else "non"
    if isinstance(valeur, dict):
        paires = ((_CHAMPS.get(cle, cle.replace("_", " ")), _mot(v, zone)) for cle, v in valeur.items())
        return " ; ".join(f"{cle} : {mot}" for cle, mot in paires if mot)
    if isinstance(valeur, list):
        return ", ".join(_mot(v, zone) for v in valeur)
    if isinstance(valeur, str) and _ISO.fullmatch(valeur):
        lue = datetime.fromisoformat(valeur)
        if len(valeur) == len("2026-11-25"):
            return f"{lue:%d/%m/%Y}"
        if lue.tzinfo is not None:
            return f"{jour_long(lue.astimezone(zone).date())} à {heure(lue, zone)}"
    return str(valeur)
