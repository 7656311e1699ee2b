"""« À rappeler » in words: a row of the worklist, its figure, its last try [A1 §3.2]."""

from __future__ import annotations

from typing import Any, Final

from litestar import Request

from app.booking.agents.appels import tell_quand
from app.booking.agents.lectures import nom_agenda
from app.booking.agents.mots import TYPES, nom_agent
from app.booking.agents.saisie import national
from app.booking.chances import Chances
from app.booking.rappels import ServiceAppels
from app.domain.contre_appel import LIBELLES, Chance, Resultat
from app.web.dates import heure, jour_court

#: No list is longer: what comes after it is not drawn, and says so.
LIGNES_MAX: Final = 100


def get_chances(request: Request[Any, Any, Any]) -> Chances:
    """What this process knows of the day's figures."""
    connues: Chances | None = request.app.state.get("chances")
    if connues is None:
        connues = request.app.state.chances = Chances()
    return connues


def tell_rappel(ligne: dict[str, Any], service: ServiceAppels, chance: Chance) -> dict[str, Any]:
    """One row of the list, in words."""
    return {
        "id": ligne["id"],
        "nom": nom_agenda(ligne) or "Usager anonymisé",
        "contact": ligne["contact"],
        "service": service.libelle,
        "service_id": service.id,
        "motif_id": ligne["motif_id"],
        "jour": jour_court(ligne["jour"]),
        "heure": heure(ligne["debut"], service.zone),
        "motif": ligne["motif"],
        "type": TYPES[ligne["type_rdv"]],
        "telephones": [{"e164": t, "lu": national(t)} for t in ligne["telephones"]],
        "preference": ligne["preference_appel"] or "",
        "chance": tell_chance(chance),
        "essai": tell_essai(ligne, service),
    }


def tell_essai(ligne: dict[str, Any], service: ServiceAppels) -> str:
    """« Sans réponse : appelé lundi 23 novembre à 10:12 par Claire MOREL », "" when nobody has called yet."""
    if ligne["resultat"] is None:
        return ""
    quand = tell_quand({"jour": ligne["appele_le"], "cree_a": ligne["appele_a"]}, service.zone)
    qui = nom_agent(ligne["prenom"], ligne["nom"]) or "un agent"
    return f"{LIBELLES[Resultat(ligne['resultat'])][0]} : appelé {quand} par {qui}"


def tell_chance(chance: Chance) -> str:
    """« réglé par téléphone 7 fois sur 10 », or what is missing to say it."""
    if not chance.source:
        return "pas encore assez d’appels pour ce motif"
    fois = chance.sur_dix
    return f"réglé par téléphone {fois} fois sur 10" if fois else "presque jamais réglé par téléphone"
