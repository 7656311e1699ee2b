"""A row of the lists of RDV, as their template takes it: the list of the period and the results of a search alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from app.booking.agents.affichage import url_jour
from app.booking.agents.lectures import nom_agenda
from app.booking.agents.liste_lectures import ServiceZone
from app.domain.horaires import to_minute
from app.web.dates import heure, instant_utc, jour_court

#: Why presence cannot be noted, said where its button would be.
_FIGE: Final = "Présence figée depuis le lendemain"
_A_VENIR: Final = "À noter le jour même"
_A_DISTANCE: Final = "Personne ne se présente"
_AILLEURS: Final = "Noté par le service qui reçoit"
_SANS_DROIT: Final = "Votre profil ne reçoit pas"


@dataclass(frozen=True, slots=True)
class Ligne:
    """One RDV. ``m``, ``d``: epoch minute of its start, minutes it lasts; ``verrou``: why presence is not noted here.

    ``recu_par``: the service that receives it, at ``adresse``, when it was entrusted [G 2.3.5]; ``pour``: the one that
    entrusted it.
    ``agenda``: the day in the agenda where the agent is at home. ``par``: how a search found it.
    """

    id: int
    m: int
    d: int
    service: str
    date: str
    horaires: str
    nom: str
    motif: str
    code: str
    numero: str
    type: str
    guichet: int
    guichet_nom: str
    contre_appel: str
    etat: str
    verrou: str
    agenda: str
    recu_par: str
    adresse: str
    pour: str
    arrive_a: str
    appele_a: str
    recu_a: str
    termine_a: str
    futur: bool
    par: tuple[str, ...] = ()


def describe_lignes(
    lignes: Sequence[Mapping[str, Any]], zone: Mapping[int, ServiceZone], maintenant: datetime
) -> list[Ligne]:
    """The rows, each in the time of the service that receives it. ``zone``: the agent's services by id."""
    return [_describe(ligne, zone, maintenant) for ligne in lignes]


def write_date(jour: date) -> str:
    """« lun. 23/11/2026 »."""
    return f"{jour_court(jour).split()[0]} {jour:%d/%m/%Y}"


def _describe(ligne: Mapping[str, Any], zone: Mapping[int, ServiceZone], maintenant: datetime) -> Ligne:
    fuseau = ZoneInfo(ligne["receveur_fuseau"])
    receveur = zone.get(ligne["service_id"])
    ici = receveur or zone[ligne["service_origine_id"]]
    aujourdhui = maintenant.astimezone(fuseau).date()
    debut, fin = ligne["debut"], ligne["fin"]
    contre_appel: date | None = ligne["contre_appel"]
    return Ligne(
        id=ligne["id"],
        m=to_minute(debut),
        d=int((fin - debut).total_seconds()) // 60,
        service=ici.libelle,
        date=write_date(ligne["jour"]),
        horaires=f"{heure(debut, fuseau)} – {heure(fin, fuseau)}",
        nom=nom_agenda(ligne) or "Usager anonymisé",
        motif=ligne["motif"],
        code=ligne["code"],
        numero=f"FI{ligne['id']}",
        type=ligne["type_rdv"],
        guichet=ligne["guichet_id"] if receveur else 0,
        guichet_nom=ligne["guichet_nom"] if receveur else "",
        contre_appel=f"{contre_appel:%d/%m/%Y}" if contre_appel else "",
        etat=ligne["etat"],
        verrou=_find_verrou(ligne, receveur, aujourdhui),
        agenda=url_jour(ici.id, ligne["jour"]),
        recu_par="" if receveur else ligne["receveur_libelle"],
        adresse="" if receveur else _write_adresse(ligne),
        pour=(ligne["origine_libelle"] or "") if receveur else "",
        arrive_a=instant_utc(ligne["arrivee_a"]),
        appele_a=instant_utc(ligne["appel_a"]),
        recu_a=instant_utc(ligne["reception_a"]),
        termine_a=instant_utc(ligne["fin_a"]),
        futur=ligne["jour"] >= aujourdhui,
        par=tuple(ligne.get("genres") or ()),
    )


def _write_adresse(ligne: Mapping[str, Any]) -> str:
    """« 2 rue du Port, 58200 COSNE-COURS-SUR-LOIRE »."""
    return f"{ligne['receveur_adresse']}, {ligne['receveur_code_postal']} {ligne['receveur_ville']}".strip(", ")


def _find_verrou(ligne: Mapping[str, Any], receveur: ServiceZone | None, aujourdhui: date) -> str:
    """Why the arrival cannot be noted or undone from here, "" when it can [A1 §3.2]."""
    if receveur is None:
        return _AILLEURS
    if ligne["type_rdv"] != "guichet":
        return _A_DISTANCE
    if ligne["jour"] < aujourdhui:
        return _FIGE
    if ligne["jour"] > aujourdhui:
        return _A_VENIR
    return "" if receveur.recoit else _SANS_DROIT
