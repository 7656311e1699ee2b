"""The words of the journey: said to the usager, or to the agent who books for him."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Mots:
    """Sentences that differ by reader. ``types``: code → label, hint; ``avis_*``: what has just happened."""

    legendes: Mapping[str, str]
    manques: Mapping[str, str]
    natures: tuple[tuple[str, str], ...]
    types: Mapping[str, tuple[str, str]]
    avis_motif: Mapping[str, tuple[str, str]]
    avis_creneau: Mapping[str, tuple[str, str]]
    message: str
    autrement: str
    liste: str
    aucun_motif: str
    vient_de_fermer: str
    impossible: str
    url_recherche: str
    ou: str
    lequel: str
    la_bas: str
    titre_coordonnees: str
    perdu: str
    ferme: str


USAGER: Final = Mots(
    legendes={
        "nature": "Vous êtes :",
        "m1": "Vous souhaitez prendre rendez-vous pour le motif :",
        "m2": "Votre demande porte plus précisément sur :",
        "m3": "Et plus précisément encore :",
        "type": "Vous souhaitez que votre rendez-vous se fasse :",
    },
    manques={
        "nature": "Indiquez si vous êtes un particulier ou un professionnel.",
        "m1": "Choisissez le motif de votre rendez-vous.",
        "m2": "Précisez le motif de votre rendez-vous.",
        "m3": "Précisez encore le motif de votre rendez-vous.",
        "type": "Choisissez comment vous souhaitez être reçu(e).",
    },
    natures=(("particulier", "Un particulier"), ("professionnel", "Un professionnel")),
    types={
        "guichet": ("Au guichet", "Vous vous rendez dans le service."),
        "telephone": (
            "Par téléphone",
            "Un agent vous appelle à l’heure choisie, au premier numéro que vous indiquerez ensuite.",
        ),
        "visio": ("En visioconférence", "Vous recevrez un lien à ouvrir dans votre navigateur à l’heure choisie."),
    },
    avis_motif={
        "expire": (
            "Le créneau choisi n’est plus réservé pour vous",
            "Le temps prévu pour la saisie est écoulé et le créneau a été rendu. Choisissez de nouveau un horaire.",
        ),
    },
    avis_creneau={
        "expire": (
            "Le créneau choisi n’est plus réservé pour vous",
            "Le temps de saisie est écoulé et le créneau a été rendu. Choisissez-le de nouveau s’il est encore libre.",
        ),
        "rendu": ("Votre créneau a été rendu", "Choisissez un autre jour ou une autre heure."),
    },
    message="Le service vous informe",
    autrement="Peut-être sans vous déplacer",
    liste="Cette liste vous sera rappelée dans la confirmation.",
    aucun_motif="Aucun motif n’est proposé en ligne pour le moment",
    vient_de_fermer="Le service vient de fermer la prise de rendez-vous en ligne",
    impossible="Ce rendez-vous ne peut pas être pris en ligne",
    url_recherche="/",
    ou="Où souhaitez-vous être reçu(e)\u00a0?",
    lequel="Quel service doit vous recevoir\u00a0?",
    la_bas="\u00a0: c’est là que vous serez reçu(e)",
    titre_coordonnees="Vos coordonnées",
    perdu="Ce créneau n’est plus réservé pour vous.",
    ferme="Prise de rendez-vous en ligne fermée",
)

AGENT: Final = Mots(
    legendes={
        "nature": "L’usager est :",
        "m1": "Motif du rendez-vous :",
        "m2": "La demande porte plus précisément sur :",
        "m3": "Et plus précisément encore :",
        "type": "Type de rendez-vous :",
    },
    manques={
        "nature": "Indiquez si l’usager est un particulier ou un professionnel.",
        "m1": "Choisissez le motif du rendez-vous.",
        "m2": "Précisez le motif du rendez-vous.",
        "m3": "Précisez encore le motif du rendez-vous.",
        "type": "Choisissez comment l’usager souhaite être reçu.",
    },
    natures=(("particulier", "Un particulier"), ("professionnel", "Un professionnel")),
    types={
        "guichet": ("Au guichet", "L’usager se rend dans le service."),
        "telephone": ("Par téléphone", "Un agent du service l’appelle à l’heure choisie, au premier numéro indiqué."),
        "visio": ("En visioconférence", "L’usager reçoit un lien à ouvrir dans son navigateur à l’heure choisie."),
    },
    avis_motif={
        "expire": (
            "Le créneau choisi n’est plus gardé",
            "Le temps prévu pour la saisie est écoulé et le créneau a été rendu. Choisissez de nouveau un horaire.",
        ),
    },
    avis_creneau={
        "expire": (
            "Le créneau choisi n’est plus gardé",
            "Le temps de saisie est écoulé et le créneau a été rendu. Choisissez-le de nouveau s’il est encore libre.",
        ),
        "rendu": ("Le créneau a été rendu", "Choisissez un autre jour ou une autre heure."),
    },
    message="Message du service aux usagers",
    autrement="À proposer d’abord à l’usager : peut-être sans rendez-vous",
    liste="À dire à l’usager : cette liste lui sera rappelée dans sa confirmation.",
    aucun_motif="Aucun motif n’est ouvert aux agents extérieurs pour le moment",
    vient_de_fermer="Le service vient de se fermer aux agents extérieurs",
    impossible="Ce rendez-vous ne peut pas être pris",
    url_recherche="/agent/services",
    ou="Où l’usager souhaite-t-il être reçu\u00a0?",
    lequel="Quel service doit recevoir l’usager\u00a0?",
    la_bas="\u00a0: c’est là que l’usager sera reçu",
    titre_coordonnees="L’usager",
    perdu="Ce créneau n’est plus gardé.",
    ferme="Ce service n’accepte pas les agents extérieurs",
)

MOTS: Final[Mapping[str, Mots]] = {"internet": USAGER, "exterieur": AGENT}
