"""Calls made before the visits of the demo's past days, so that « À rappeler » has figures to order by."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

#: One person in three was called.
_APPELES: Final = 0.33
#: How often a call settles the matter: it depends on the motif, and on nothing else.
_REGLES: Final = (0.7, 0.15, 0.4, 0.05, 0.55)
_COMMENTAIRES: Final[Mapping[str, tuple[str, ...]]] = {
    "regle": ("Réponse donnée au téléphone, l’usager n’a plus besoin de venir.", "Démarche faite en ligne ensemble."),
    "a_recevoir": ("Viendra avec ses justificatifs.", "Préfère venir : dossier préparé."),
    "sans_reponse": ("Sonne sans réponse.",),
    "message_laisse": ("Message laissé sur le répondeur.",),
}


def imagine_appel(rdv: Mapping[str, Any], rang: int, maintenant: datetime) -> dict[str, Any] | None:
    """The call about a RDV of a past day, or None: a row of ``contre_appel``. ``rang``: of its motif in the service."""
    if rdv["jour"] >= maintenant.date() or rdv["service_origine_id"] is not None:
        return None
    hasard = Random(f"appel {rdv['code']}")
    a = rdv["debut"] - timedelta(hours=hasard.uniform(18, 40))
    if a <= rdv["cree_a"] or hasard.random() > _APPELES:
        return None
    regle = hasard.random() < _REGLES[rang % len(_REGLES)]
    resultat = "regle" if regle else hasard.choice(("a_recevoir", "a_recevoir", "sans_reponse", "message_laisse"))
    return {
        "rdv_id": rdv["id"],
        "jour": a.date(),
        "resultat": resultat,
        "commentaire": hasard.choice(_COMMENTAIRES[resultat]),
        "annule_rdv": regle,
        "cree_a": a.replace(microsecond=0),
    }
