"""What can be refused, as sentences a person can act on.

An ``AppError`` is an answer, not an accident: it carries the HTTP status, what happened (``phrase``) and
what to do now (``remede``), both in French, shown as they are on screens. The API answers the same as
``problem+json``; a program has no page to reopen: ``remede_api`` says what its client may do instead, unless
the refusal brought a remedy of its own. ``champs`` ties sentences to form fields. Anything that is not an
``AppError`` is a defect: the person then reads a neutral sentence with an incident number and the details go
to the log.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class AppError(Exception):
    """A refusal. ``code`` is stable and machine-readable; it becomes the ``type`` of the problem."""

    statut: int = 400
    code: str = "refus"
    phrase: str = "Cette opération n’a pas pu être effectuée."
    remede: str = "Vérifiez votre saisie puis recommencez."
    remede_api: str = "Corrigez la demande avant de la renvoyer."

    def __init__(
        self,
        phrase: str | None = None,
        *,
        remede: str | None = None,
        champs: Mapping[str, str] | None = None,
        **details: Any,
    ) -> None:
        self.phrase = phrase or type(self).phrase
        self.remede = remede if remede is not None else type(self).remede
        self.remede_api = remede or type(self).remede_api
        self.champs = dict(champs or {})
        self.details = details
        super().__init__(self.phrase)


class SaisieInvalide(AppError):
    """422: one or more fields cannot be accepted (``champs`` says which and why)."""

    statut = 422
    code = "saisie-invalide"
    phrase = "Certaines informations sont à corriger."
    remede = "Corrigez les champs signalés : le reste de votre saisie est conservé."
    remede_api = "Corrigez les champs nommés dans « champs », puis renvoyez la demande."


class RegleRefusee(AppError):
    """422: well-formed, but the rules of the service do not allow it."""

    statut = 422
    code = "regle-refusee"
    phrase = "Ce rendez-vous n’est pas possible dans ces conditions."
    remede = "Choisissez un créneau parmi ceux proposés."
    remede_api = "Choisissez un créneau que GET services/{id}/creneaux annonce libre, puis renvoyez la demande."


class NonAuthentifie(AppError):
    """401: nobody is signed in, or the session has ended."""

    statut = 401
    code = "non-authentifie"
    phrase = "Votre session est terminée ou vous n’êtes pas connecté."
    remede = "Connectez-vous pour continuer."
    remede_api = "Envoyez « Authorization: Bearer <clé> » avec une clé en cours de validité."


class Interdit(AppError):
    """403: known, but not allowed."""

    statut = 403
    code = "interdit"
    phrase = "Votre habilitation ne permet pas cette action."
    remede = "Adressez-vous au responsable de votre service si vous pensez devoir y accéder."
    remede_api = "Employez une clé dont l’habilitation le permet : renvoyer la même demande ne changera rien."


class Introuvable(AppError):
    """404: absent, or outside the rights of the asker, which must not be told apart."""

    statut = 404
    code = "introuvable"
    phrase = "Nous ne trouvons pas ce que vous cherchez."
    remede = "Vérifiez l’adresse ou le code saisi."
    remede_api = "Vérifiez l’identifiant : il est absent, ou hors des droits de cette clé."


class AccesRefuse(Introuvable):
    """404: there, but outside the rights of the asker. Told from ``Introuvable`` by the journal alone."""


class Conflit(AppError):
    """409: the world has changed since the screen was drawn."""

    statut = 409
    code = "conflit"
    phrase = "La situation a changé depuis l’affichage de cette page."
    remede = "L’état actuel vous est présenté : vérifiez-le puis recommencez si nécessaire."
    remede_api = "Relisez l’état actuel, puis renvoyez la demande si elle a encore un sens."


class CreneauPris(Conflit):
    """409: somebody else was faster. ``details['alternatives']`` holds the nearest free créneaux."""

    code = "creneau-pris"
    phrase = "Ce créneau vient d’être pris."
    remede = "Votre saisie est conservée : choisissez l’un des créneaux proposés ci-dessous."
    remede_api = "Renvoyez la demande avec l’un des créneaux de « alternatives » ; aucun rendez-vous n’a été pris."


class AvertissementRequis(Conflit):
    """409: allowed once the warnings in ``details['alertes']`` have been shown and acknowledged."""

    code = "avertissement-a-confirmer"
    phrase = "Ce rendez-vous sort du cadre défini par le service."
    remede = "Prenez connaissance des avertissements, puis confirmez pour enregistrer quand même."
    remede_api = "Renvoyez la demande en nommant dans « acquittees » les codes de « alertes » que l’agent accepte."


class TransitionImpossible(Conflit):
    """409: the state of the RDV does not allow this step."""

    code = "transition-impossible"
    phrase = "L’état de ce rendez-vous ne permet pas cette action."
    remede_api = "Relisez GET rendez-vous/{id} : « etat » dit où il en est. Renvoyer la même demande ne changera rien."


class TropDeDemandes(AppError):
    """429."""

    statut = 429
    code = "trop-de-demandes"
    phrase = "Trop de demandes ont été reçues depuis votre connexion."
    remede = "Patientez une minute puis recommencez : rien de ce que vous avez saisi n’est perdu."
    remede_api = "Attendez le nombre de secondes de l’en-tête Retry-After, puis renvoyez la demande."


class Indisponible(AppError):
    """503 with Retry-After: the database is away for a moment."""

    statut = 503
    code = "indisponible"
    phrase = "Le service est momentanément indisponible."
    remede = "Réessayez dans quelques secondes : rien n’a été enregistré deux fois."
    remede_api = "Attendez le nombre de secondes de l’en-tête Retry-After, puis renvoyez la même demande, même clé."
