"""What each column holds, as far as people are concerned: an unclassified column fails the tests.

Every column must be here. A table of one class is one word; a mixed one names its columns by class, the rest being
of the class ``RESTE``.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum, auto
from typing import Final


class Classe(StrEnum):
    """``USAGER`` and ``USAGER_LIBRE`` (free text that may name people) are erased by the anonymisation."""

    TECHNIQUE = auto()
    ORGANISATION = auto()
    RENDEZ_VOUS = auto()
    AGENT = auto()
    USAGER = auto()
    USAGER_LIBRE = auto()
    SECRET = auto()
    TRACE = auto()


_T, _O, _R, _A = Classe.TECHNIQUE, Classe.ORGANISATION, Classe.RENDEZ_VOUS, Classe.AGENT
_U, _L, _S, _J = Classe.USAGER, Classe.USAGER_LIBRE, Classe.SECRET, Classe.TRACE

#: Stands for every column of the table that is not named.
RESTE: Final = "*"

CLASSEMENT: Final[Mapping[str, Mapping[str, Classe]]] = {
    "abonnement": {RESTE: _A, "empreinte": _S},
    "affectation": {RESTE: _A},
    "agenda": {RESTE: _T},
    "agent": {
        **dict.fromkeys(("id", "suspendu_a", "resume_quotidien", "resume_minute", "annuaire", "revision"), _T),
        **dict.fromkeys(
            ("identifiant", "nom", "prenom", "courriel", "sujet_oidc", "connexion_a", "connexion_precedente_a"), _A
        ),
        "mot_de_passe": _S,
    },
    "appareil": {RESTE: _O, "empreinte": _S, "cree_par": _A},
    "attente": {
        **dict.fromkeys(
            (
                *("id", "service_id", "motif_id", "type_rdv", "nature", "du", "au", "demi_journee", "etat", "cree_a"),
                *("expire_a", "rang_a", "confirme_a", "prevenu_a", "sans_reponse", "fin_a", "rdv_id"),
            ),
            _R,
        ),
        **dict.fromkeys(("canal", "langue"), _T),
        **dict.fromkeys(("nom", "contact"), _U),
        **dict.fromkeys(("lien_sel", "lien_empreinte", "origine_empreinte"), _S),
    },
    "avis": {RESTE: _R, "agent_id": _A, "lu_a": _A},
    "cle_api": {RESTE: _T, "empreinte": _S, "agent_id": _A},
    "commune": {RESTE: _O},
    "competence": {RESTE: _O},
    "comptage": {RESTE: _T, "cle": _S},
    "compteur_jour": {RESTE: _T},
    "contre_appel": {RESTE: _R, "agent_id": _A, "commentaire": _L},
    "courrier": {RESTE: _T, "destinataire": _U, "donnees": _U, "erreur": _L},
    "defi": {RESTE: _T, "empreinte": _S, "visite": _S, "cle": _S},
    "delegation": {RESTE: _O, "cree_par": _A, "decide_par": _A},
    "demande_oidc": {
        **dict.fromkeys(("fournisseur", "retour", "cree_a", "expire_a"), _T),
        **dict.fromkeys(("empreinte_etat", "nonce", "verificateur", "visite"), _S),
    },
    "departement": {RESTE: _O},
    "epoque": {RESTE: _T},
    "exception_planning": {RESTE: _O, "cree_par": _A},
    "guichet": {RESTE: _O},
    "guichet_agent": {RESTE: _A},
    "habilitation": {RESTE: _A},
    "interregion": {RESTE: _O},
    "invitation": {RESTE: _T, "empreinte": _S, "sel": _S, "agent_id": _A, "cree_par": _A},
    "jour_ouvert": {RESTE: _O},
    "journal": {RESTE: _J},
    "journee_type": {RESTE: _O},
    "maintien": {RESTE: _R, "agent_id": _A},
    "motif": {RESTE: _O},
    "motif_service": {RESTE: _O},
    "offre_attente": {RESTE: _R},
    "outbox": {RESTE: _T},
    "parametre": {RESTE: _O, "modifie_par": _A},
    "passage": {RESTE: _R, "arrivee_par": _A},
    "plage": {RESTE: _O},
    "planning": {RESTE: _O},
    "planning_jour": {RESTE: _O},
    "rattachement": {RESTE: _A},
    "rdv_usager": {
        **dict.fromkeys(("rdv_id", "langue", "anonymise_a"), _T),
        **dict.fromkeys(("nature", "services"), _R),
        **dict.fromkeys(
            (
                *("civilite", "nom_usage", "nom_naissance", "prenoms", "date_naissance", "numero_fiscal"),
                *("raison_sociale", "siren", "contact", "telephones", "preference_appel", "courriel", "recherche"),
            ),
            _U,
        ),
    },
    "rendez_vous": {
        **dict.fromkeys(
            (
                *("id", "code", "service_id", "service_origine_id", "delegation_id", "guichet_id", "motif_id"),
                *("type_rdv", "debut", "fin", "jour", "etat", "occupe", "canal", "origine", "nature_option"),
                *("expire_a", "forcages", "sequence", "revision", "cree_a", "modifie_a", "annule_a", "annule_par"),
                "anonymise_a",
            ),
            _R,
        ),
        **dict.fromkeys(
            (
                *("option_empreinte", "cle_idempotence", "empreinte_demande", "lien_sel", "lien_empreinte"),
                "visio_lien",
            ),
            _S,
        ),
        **dict.fromkeys(("precision", "note_interne", "message_usager", "annule_raison"), _L),
        **dict.fromkeys(("cree_par", "annule_par_agent"), _A),
        **dict.fromkeys(("usager_id", "documents_prets"), _U),
    },
    "resume": {RESTE: _A},
    "service_fiscal": {RESTE: _O},
    "service_recherche": {RESTE: _O},
    "session": {RESTE: _T, "empreinte": _S, "jeton_oidc": _S, "agent_id": _A},
    "session_usager": {RESTE: _T, "empreinte": _S, "jeton_oidc": _S, "usager_id": _U},
    "site": {RESTE: _O},
    "suite": {RESTE: _R, "agent_id": _A, "reference": _L, "note": _L},
    "sujet_contact": {RESTE: _O},
    "tentative": {RESTE: _T, "cle": _S},
    "type_service": {RESTE: _O},
    "usager": {
        **dict.fromkeys(("id", "modifie_a"), _T),
        **dict.fromkeys(
            (
                *("nature", "numero_fiscal", "siren", "sujet_oidc", "civilite", "nom_usage", "nom_naissance"),
                *("prenoms", "date_naissance", "raison_sociale", "contact", "telephones", "courriel"),
            ),
            _U,
        ),
    },
}


def get_classe(table: str, colonne: str) -> Classe:
    """The class of a column. Raises KeyError when nobody has said what it holds."""
    colonnes = CLASSEMENT[table]
    return colonnes[colonne] if colonne in colonnes else colonnes[RESTE]
