"""The French words of a document about personal data: its fields, its values, the acts of the journal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

CHAMPS_RDV: Final[Mapping[str, str]] = {
    "code": "Code",
    "service": "Service",
    "motif": "Motif",
    "type_rdv": "Type",
    "debut": "Début",
    "fin": "Fin",
    "etat": "État",
    "origine": "Pris par",
    "cree_a": "Enregistré le",
    "nature": "Nature",
    "civilite": "Civilité",
    "nom_usage": "Nom d’usage",
    "nom_naissance": "Nom de naissance",
    "prenoms": "Prénom(s)",
    "date_naissance": "Date de naissance",
    "numero_fiscal": "Numéro fiscal",
    "raison_sociale": "Raison sociale",
    "siren": "SIREN",
    "contact": "Contact",
    "telephones": "Téléphones",
    "preference_appel": "Être rappelé",
    "courriel": "Courriel",
    "langue": "Langue",
    "precision": "Précision du motif",
    "documents_prets": "Documents cochés comme prêts",
    "message_usager": "Message du service à l’usager",
    "visio_lien": "Lien de la visioconférence",
    "annule_a": "Annulé le",
    "annule_par": "Annulé par",
    "annule_raison": "Raison de l’annulation",
}
#: Written by agents for agents: told to who proves who he is, not to who holds a link.
CHAMPS_INTERNES: Final[Mapping[str, str]] = {"note_interne": "Note interne"}
CHAMPS_REGISTRE: Final[Mapping[str, str]] = {
    **{
        champ: CHAMPS_RDV[champ]
        for champ in (
            *("nature", "civilite", "nom_usage", "nom_naissance", "prenoms", "date_naissance", "numero_fiscal"),
            *("raison_sociale", "siren", "contact", "telephones", "courriel"),
        )
    },
    "sujet_oidc": "Identifiant FranceConnect",
    "modifie_a": "Mis à jour le",
    "connexions": "Connexions",
}
CHAMPS_ATTENTE: Final[Mapping[str, str]] = {
    "service": "Service",
    "motif": "Motif",
    "type_rdv": "Type",
    "nom": "Nom",
    "canal": "Prévenu par",
    "contact": "Contact",
    "du": "À partir du",
    "au": "Jusqu’au",
    "demi_journee": "Demi-journée",
    "langue": "Langue",
    "etat": "État",
    "cree_a": "Inscrit le",
    "confirme_a": "Confirmé le",
}
CHAMPS_MESSAGE: Final[Mapping[str, str]] = {
    "evenement": "Objet",
    "canal": "Par",
    "destinataire": "Destinataire",
    "cree_a": "Écrit le",
    "du_a": "À envoyer le",
    "envoye_a": "Envoyé le",
    "abandonne_a": "Abandonné le",
    "contenu": "Contenu",
}
CHAMPS_APPEL: Final[Mapping[str, str]] = {
    "code": "Rendez-vous",
    "jour": "Date",
    "resultat": "Résultat",
    "commentaire": "Commentaire",
}
CHAMPS_SUITE: Final[Mapping[str, str]] = {
    "code": "Rendez-vous",
    "cree_a": "Date",
    "nature": "Suite",
    "reference": "Référence",
    "note": "Note",
}
CHAMPS_JOURNAL: Final[Mapping[str, str]] = {
    "a": "Date",
    "action": "Fait",
    "acteur": "Par",
    "service": "Service",
    "adresse": "Adresse internet de l’usager",
}
#: Field → value → its words.
VALEURS: Final[Mapping[str, Mapping[str, str]]] = {
    "type_rdv": {"guichet": "Au guichet", "telephone": "Par téléphone", "visio": "En visioconférence"},
    "nature": {"particulier": "Particulier", "professionnel": "Professionnel"},
    "civilite": {"madame": "Madame", "monsieur": "Monsieur"},
    "preference_appel": {"matin": "le matin", "apres-midi": "l’après-midi"},
    "demi_journee": {"matin": "le matin", "apres-midi": "l’après-midi", "": "indifférente"},
    "langue": {"fr": "français", "en": "anglais"},
    "canal": {"mail": "courriel", "sms": "SMS"},
    "annule_par": {"usager": "la personne elle-même", "agent": "un agent du service", "systeme": "le logiciel"},
    "acteur": {
        "usager": "la personne elle-même",
        "agent": "un agent habilité",
        "systeme": "le logiciel",
        "inconnu": "un visiteur inconnu",
    },
    "origine": {
        "internet": "internet",
        "telephone": "téléphone",
        "guichet": "guichet",
        "courriel": "courriel",
        "borne": "borne d’accueil",
        "api": "application partenaire",
    },
    "etat": {
        "prevu": "prévu",
        "arrive": "arrivée enregistrée",
        "appele": "appelé",
        "recu": "en cours",
        "termine": "terminé",
        "annule": "annulé",
        "non_honore": "non honoré",
        "a_confirmer": "à confirmer",
        "active": "en attente",
        "offre": "créneau proposé",
        "suspendue": "suspendue",
        "satisfaite": "satisfaite",
        "retiree": "retirée",
    },
    "resultat": {
        "regle": "demande réglée par téléphone",
        "a_recevoir": "à recevoir",
        "sans_reponse": "sans réponse",
        "message_laisse": "message laissé",
    },
    "suite": {"demarche": "Démarche", "sans_suite": "Sans suite", "fiche_visite": "Fiche de visite"},
    "evenement": {
        "confirmation": "Confirmation",
        "rappel": "Rappel",
        "deplacement": "Déplacement",
        "annulation": "Annulation",
        "existant": "Rendez-vous déjà pris",
        "attente": "Liste d’attente",
        "offre": "Créneau proposé",
    },
}
#: Acts of the journal. Another one is told by its name.
_FAITS: Final[Mapping[str, str]] = {
    "rdv.cree": "Rendez-vous pris",
    "rdv.lu": "Rendez-vous consulté",
    "rdv.modifie": "Rendez-vous modifié",
    "rdv.replanifie": "Rendez-vous déplacé",
    "rdv.echange": "Rendez-vous échangé",
    "rdv.annule": "Rendez-vous annulé",
    "rdv.arrive": "Arrivée enregistrée",
    "rdv.arrivee_annulee": "Arrivée annulée",
    "rdv.appele": "Usager appelé",
    "rdv.recu": "Usager reçu",
    "rdv.termine": "Entretien terminé",
    "rdv.non_honore": "Noté « pas venu »",
    "rdv.affecte": "Agents affectés modifiés",
    "rdv.contre_appel": "Contre-appel noté",
    "rdv.documents": "Documents cochés",
    "rdv.confirmation_renvoyee": "Confirmation envoyée de nouveau",
    "rdv.acces_refuse": "Accès refusé",
    "usager.connexion": "Connexion par FranceConnect",
    "usager.deconnexion": "Déconnexion",
    "usager.rdv_listes": "Liste des rendez-vous consultée",
    "attente.inscrite": "Inscription sur la liste d’attente",
    "attente.confirmee": "Inscription confirmée",
    "attente.reprise": "Attente reprise",
    "attente.retiree": "Sortie de la liste d’attente",
    "donnees.telechargees": "Données téléchargées par la personne",
    "donnees.effacees": "Données effacées à la demande",
}


def name_fait(action: str) -> str:
    """An act of the journal, in words."""
    return _FAITS.get(action, action.replace("_", " ").replace(".", " : "))


def tell_valeur(champ: str, valeur: Any) -> Any:
    """A value in words, where it is one of a closed list."""
    return VALEURS.get(champ, {}).get(valeur, valeur) if isinstance(valeur, str) else valeur
