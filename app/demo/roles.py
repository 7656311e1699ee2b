"""The doors: who one can be, in one click, and the scenes worth opening side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.demo.monde import GUICHET_DU_BOX, NEVERS
from app.tables import Guichet, ServiceFiscal


@dataclass(frozen=True, slots=True)
class Lieux:
    """Where the roles work: the reference service, its reception, the guichet of « box »."""

    service_id: int
    site_id: int
    guichet_id: int


async def read_lieux(conn: AsyncConnection) -> Lieux | None:
    """The places of the demo, or None when this database does not hold it."""
    ligne = (
        await conn.execute(
            select(ServiceFiscal.id, ServiceFiscal.site_id, Guichet.id)
            .join(Guichet, Guichet.service_id == ServiceFiscal.id)
            .where(
                ServiceFiscal.sages == NEVERS,
                ServiceFiscal.courriel.endswith(".test"),
                Guichet.nom == GUICHET_DU_BOX,
            )
        )
    ).one_or_none()
    return None if ligne is None else Lieux(*ligne)


@dataclass(frozen=True, slots=True)
class Role:
    """One card. ``pictogramme``: path of a DSFR pictogram; ``ecran``: the role's best screen."""

    compte: str
    titre: str
    phrase: str
    bouton: str
    pictogramme: str
    ecran: Callable[[Lieux], str]


ROLES: Final[tuple[Role, ...]] = (
    Role(
        "orientation",
        "Agent d’orientation",
        "Au bureau d’accueil\u00a0: trouver la personne qui se présente et signaler son arrivée.",
        "Tenir l’accueil",
        "map/compass",
        lambda lieux: f"/sites/{lieux.site_id}/accueil",
    ),
    Role(
        "box",
        "Agent en box",
        "Au guichet n° 1 de Nevers\u00a0: voir qui attend, appeler, recevoir, terminer.",
        "Recevoir au guichet",
        "leisure/community",
        lambda lieux: f"/services/{lieux.service_id}/box?guichet={lieux.guichet_id}",
    ),
    Role(
        "agent",
        "Agent rattaché",
        "Dans le service\u00a0: l’agenda du jour, la prise de rendez-vous au téléphone ou au guichet.",
        "Ouvrir l’agenda",
        "digital/calendar",
        lambda lieux: f"/services/{lieux.service_id}/agenda",
    ),
    Role(
        "exterieur",
        "Agent extérieur",
        "Dans un centre de contact\u00a0: ni agenda ni liste. Il réserve avec l’usager, par le même parcours que lui.",
        "Répondre à un appel",
        "digital/smartphone",
        lambda lieux: "/agent",
    ),
    Role(
        "chef",
        "Chef de service",
        "Responsable de Nevers\u00a0: l’agenda et l’accueil de son service, ses compteurs du jour.",
        "Ouvrir le service",
        "buildings/city-hall",
        lambda lieux: "/agent",
    ),
    Role(
        "pilote-local",
        "Pilotage local",
        "Les compteurs du service de Nevers, qui changent pendant que vous regardez.",
        "Suivre le service",
        "digital/data-visualization",
        lambda lieux: f"/pilotage/service-{lieux.service_id}",
    ),
    Role(
        "pilote-departement",
        "Pilotage départemental",
        "Les services de la Nièvre, comparés.",
        "Suivre la Nièvre",
        "map/map",
        lambda lieux: "/pilotage/departement-58",
    ),
    Role(
        "pilote-national",
        "Pilotage national",
        "Tous les services, d’un seul regard.",
        "Suivre la nation",
        "map/location-france",
        lambda lieux: "/pilotage/nation",
    ),
    Role(
        "admin-national",
        "Administrateur national",
        "L’habilitation la plus large, rattachée à aucun service\u00a0: ni agenda ni accueil, tous les compteurs.",
        "Voir les services",
        "system/flow-settings",
        lambda lieux: "/pilotage",
    ),
)
PAR_COMPTE: Final[Mapping[str, Role]] = {role.compte: role for role in ROLES}


@dataclass(frozen=True, slots=True)
class Fenetre:
    """One of the two windows of a scene. ``{semaine}`` in ``url`` is the first day open to usagers."""

    titre: str
    url: Callable[[Lieux, str], str]


@dataclass(frozen=True, slots=True)
class Scene:
    """Two windows, and what to do in them. One account holds both: a browser is signed in once."""

    cle: str
    titre: str
    phrase: str
    compte: str
    gauche: Fenetre
    droite: Fenetre
    etapes: tuple[str, ...]


SCENES: Final[tuple[Scene, ...]] = (
    Scene(
        "reservez-regardez",
        "Réservez, regardez l’agenda",
        "D’un côté l’usager choisit son créneau, de l’autre l’agenda du service le voit apparaître.",
        "agent",
        Fenetre("Le parcours de l’usager", lambda lieux, jour: f"/rdv/{lieux.service_id}/motif"),
        Fenetre(
            "L’agenda de la semaine", lambda lieux, jour: f"/services/{lieux.service_id}/agenda?vue=semaine&jour={jour}"
        ),
        (
            "À gauche, choisissez un motif, puis un créneau de la même semaine que l’agenda.",
            "À droite, le créneau se marque aussitôt\u00a0: il est retenu pour l’usager le temps de sa saisie.",
            "À gauche, remplissez le formulaire (inventez tout) et validez\u00a0: le rendez-vous apparaît à droite.",
            "Ouvrez la boîte aux lettres\u00a0: la confirmation y est, avec le lien pour annuler.",
        ),
    ),
    Scene(
        "accueil-et-box",
        "Le bureau d’accueil et le box",
        "Une arrivée signalée à l’entrée prévient l’agent avant que l’usager ne soit assis.",
        "box",
        Fenetre("Le bureau d’accueil", lambda lieux, jour: f"/sites/{lieux.site_id}/accueil"),
        Fenetre("Le guichet n° 1", lambda lieux, jour: f"/services/{lieux.service_id}/box?guichet={lieux.guichet_id}"),
        (
            "À gauche, repérez une personne attendue au guichet n° 1 et cliquez sur «\u00a0Arrivé\u00a0».",
            "À droite, elle rejoint aussitôt ceux qui attendent\u00a0; le titre et le son le disent aussi.",
            "À droite, «\u00a0Appeler\u00a0», recevez-la, puis terminez\u00a0: l’accueil suit chaque étape.",
        ),
    ),
    Scene(
        "pilotage",
        "Le pilotage",
        "Les compteurs du jour bougent avec chaque geste des agents.",
        "chef",
        Fenetre("Les compteurs de Nevers", lambda lieux, jour: f"/pilotage/service-{lieux.service_id}"),
        Fenetre("Le bureau d’accueil", lambda lieux, jour: f"/sites/{lieux.site_id}/accueil"),
        (
            "À droite, signalez une arrivée\u00a0: à gauche, le compteur des attendus baisse, celui des arrivés monte.",
            "Passez la simulation à «\u00a0vif\u00a0»\u00a0: les deux fenêtres s’animent d’elles-mêmes.",
        ),
    ),
)
PAR_SCENE: Final[Mapping[str, Scene]] = {scene.cle: scene for scene in SCENES}
