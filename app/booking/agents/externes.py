"""The door of the screens open to every agent who manages rendez-vous, attached to the service or not [A1 §3.3].

An agent extérieur sees no agenda and forces nothing: by these screens an attached agent is one [A1, summary table].
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from litestar import Request
from sqlalchemy import select

from app.booking.agents.acces import write_acte
from app.booking.droits import AGENT, RESERVER, SERVICE, has_acces
from app.booking.outils import Outils
from app.booking.traces import Trace
from app.domain.habilitations import Module, has_module
from app.errors import Interdit, SaisieInvalide
from app.identite.acteur import Acteur
from app.web.securite import CHAMP_CSRF

_RATTACHE: Final = select(RESERVER["exterieur"], has_acces(AGENT, "agenda", SERVICE))
#: What an attached agent may force from the agenda, by the names of its form and of the API.
_FORCES: Final = frozenset({"duree", "fin", "au", "guichet", "acquittees"})
_HABILITATION: Final = "Votre habilitation ne permet pas de gérer des rendez-vous."


def gere_rendez_vous(acteur: Acteur) -> bool:
    """True when one of his profiles manages rendez-vous [G 2.3.2]: pilotage alone does not."""
    return any(has_module(profil, Module.RENDEZ_VOUS) for profil in acteur.profils)


async def check_habilitation(
    outils: Outils, acteur: Acteur, request: Request[Any, Any, Any], action: str, service_id: int | None = None
) -> None:
    """Raise Interdit (403), journaled, for who manages no rendez-vous."""
    if not gere_rendez_vous(acteur):
        await write_acte(outils, acteur, request, Trace("service.acces_refuse", service_id, apres={"action": action}))
        raise Interdit(_HABILITATION)


async def check_externe(outils: Outils, acteur: Acteur, request: Request[Any, Any, Any], service_id: int) -> bool:
    """Whether the agent holds the agenda of the service where he books as an external.

    Raises Interdit (403), journaled, for who manages no rendez-vous.
    """
    valeurs = {"agent": acteur.agent_id, "service": service_id}
    async with outils.db.read() as conn:
        reserve, rattache = (await conn.execute(_RATTACHE, valeurs)).one() if 0 < service_id < 2**63 else (True, False)
    if not reserve:
        refus = Trace("service.acces_refuse", service_id, apres={"action": "reserver", "canal": "exterieur"})
        await write_acte(outils, acteur, request, refus)
        raise Interdit(_HABILITATION)
    return bool(rattache)


async def check_champs_externes(
    outils: Outils,
    acteur: Acteur,
    request: Request[Any, Any, Any],
    formulaire: Mapping[str, Any],
    connus: frozenset[str],
    service_id: int | None = None,
) -> None:
    """Refuse a form that forces anything (403, journaled), or that brings a field unknown to it (422)."""
    forces = sorted(_FORCES & formulaire.keys() - connus)
    if forces:
        faits = {"action": "forcer", "canal": "exterieur", "champs": forces}
        await write_acte(outils, acteur, request, Trace("service.acces_refuse", service_id, apres=faits))
        raise Interdit(
            "Par le parcours simplifié, la durée et le guichet sont fixés par le service.",
            remede="Choisissez un créneau parmi ceux proposés ; un agent du service peut forcer depuis son agenda.",
        )
    if not formulaire.keys() <= connus | {CHAMP_CSRF} or not all(isinstance(v, str) for v in formulaire.values()):
        raise SaisieInvalide(
            "Ce formulaire contient une information inattendue : rien n’a été enregistré.",
            remede="Rouvrez la page puis recommencez.",
        )
