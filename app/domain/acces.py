"""What a habilitation opens on one service, module by module, and why: the view ``acces`` said in words [G 2.3.2].

``agenda`` and ``accueil`` also need the agent to be attached to the service (zone de compétence) [A1 §3.1].
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from app.domain.habilitations import Profil

#: Modules as the screens order them → the profiles that open them.
OUVERTURES: Final[Mapping[str, frozenset[Profil]]] = {
    "agenda": frozenset({Profil.AGENT_LOCAL, Profil.AGENT_NATIONAL, Profil.ADMIN_LOCAL, Profil.ADMIN_NATIONAL}),
    "accueil": frozenset({Profil.AGENT_LOCAL, Profil.AGENT_NATIONAL, Profil.ADMIN_LOCAL}),
    "organiser": frozenset({Profil.ADMIN_LOCAL, Profil.ADMIN_NATIONAL}),
    "pilotage": frozenset({Profil.ADMIN_LOCAL, Profil.ADMIN_NATIONAL, Profil.PILOTAGE}),
}
#: Modules that only an attached agent has.
RATTACHES: Final = frozenset({"agenda", "accueil"})


def explain_acces(habilitations: Iterable[tuple[str, str]], *, rattache: bool) -> dict[str, tuple[str, ...]]:
    """Module → why, one sentence per habilitation that opens it; empty where nothing does.

    ``habilitations``: (profile, words such as « Agent, sur le service »), those whose perimeter contains the service.
    Raises ValueError on an unknown profile.
    """
    tenues = [(Profil(profil), mots) for profil, mots in habilitations]
    return {
        module: tuple(mots for profil, mots in tenues if profil in profils)
        if rattache or module not in RATTACHES
        else ()
        for module, profils in OUVERTURES.items()
    }
