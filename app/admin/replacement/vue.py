"""The rows of the list and of the outcomes, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from app.admin.guichets.mots import TYPES
from app.admin.replacement.delegues import Delegue, describe_lieu
from app.admin.replacement.deplacements import Issue, Resultat, Voulu, format_valeur
from app.admin.replacement.lecture import Personne, RdvLu
from app.admin.replacement.propositions import Proposition
from app.admin.replacement.situation import Hors
from app.booking.contexte import ServiceContexte
from app.courrier.texte import telephone_lien, telephone_lisible
from app.domain.delegation import find_delegation
from app.domain.horaires import from_minute, get_cadran
from app.domain.rendez_vous import Etat
from app.domain.replacement import Place
from app.web.dates import heure, jour_court, jour_moyen


def _local(minute: int, zone: ZoneInfo) -> datetime:
    return from_minute(minute).astimezone(zone)


def _nom_guichet(contexte: ServiceContexte, guichet_id: int) -> str:
    guichet = contexte.guichets.get(guichet_id)
    return guichet.nom if guichet else "Guichet supprimé"


def describe_place(place: Place, contexte: ServiceContexte, lieu: str = "") -> str:
    """« mar. 24 nov. à 10:20, Guichet 2 »; ``lieu``, of another service: « …, à SIP DE COSNE, COSNE »."""
    debut = _local(place.debut, contexte.zone)
    ou = f"à {lieu}" if lieu else _nom_guichet(contexte, place.guichet_id)
    return f"{jour_court(debut.date())} à {heure(debut, contexte.zone)}, {ou}"


def _find_lieu(delegation_id: int | None, delegues: Mapping[int, Delegue], contexte: ServiceContexte) -> str:
    """Where that delegation leads; "" for the service's own guichets."""
    if delegation_id is None:
        return ""
    if (delegue := delegues.get(delegation_id)) is not None:
        return delegue.lieu
    connue = find_delegation(contexte.confiees, delegation_id)
    return connue.libelle_delegue if connue else "un service qui ne le reçoit plus"


def _build_option(place: Place, avant: int, contexte: ServiceContexte, lieu: str) -> dict[str, Any]:
    """Its value, its words with how near it is to the present hour, the place when it is another one."""
    mots = describe_place(place, contexte, lieu)
    if place.debut == avant:
        mots = f"{mots} (même heure)"
    elif _local(place.debut, contexte.zone).date() == _local(avant, contexte.zone).date():
        mots = f"{mots} (même jour)"
    valeur = format_valeur(place.debut, place.guichet_id, place.delegation_id)
    return {"valeur": valeur, "mots": mots, "lieu": lieu, "choisie": False}


def _build_options(
    rdv: RdvLu,
    proposition: Proposition,
    delegues: Mapping[int, Delegue],
    contexte: ServiceContexte,
    voulu: Voulu | None,
) -> list[dict[str, Any]]:
    """The proposed one first; what was chosen on this page before stays chosen, still listed or not."""
    places = [*([proposition.place] if proposition.place else []), *proposition.autres]
    if voulu is not None:
        choisie = Place(
            voulu.debut, voulu.debut + rdv.place.fin - rdv.place.debut, voulu.guichet_id, voulu.delegation_id
        )
        if not any((p.debut, p.guichet_id, p.delegation_id) == choisie[:1] + choisie[2:] for p in places):
            places.append(choisie)
    options = [
        _build_option(p, rdv.place.debut, contexte, _find_lieu(p.delegation_id, delegues, contexte)) for p in places
    ]
    for option in options:
        option["choisie"] = voulu is not None and option["valeur"] == voulu.valeur
    # Which guichet of another service is its own affair: one line an hour there, the one chosen if any.
    uniques: dict[str, dict[str, Any]] = {}
    for option in options:
        if option["mots"] not in uniques or option["choisie"]:
            uniques[option["mots"]] = option
    return list(uniques.values())


def build_ligne(
    hors: Hors,
    personne: Personne,
    proposition: Proposition | None,
    delegues: Mapping[int, Delegue],
    contexte: ServiceContexte,
    voulu: Voulu | None = None,
) -> dict[str, Any]:
    """A row: who, when, why, where instead, and what has already been chosen for it (``voulu``)."""
    rdv = hors.rdv
    debut = _local(rdv.place.debut, contexte.zone)
    motif = contexte.motifs.get(rdv.motif_id)
    return {
        "id": rdv.id,
        "revision": rdv.revision,
        "nom": personne.nom or "Usager",
        "telephones": [(telephone_lisible(t), telephone_lien(t)) for t in personne.telephones],
        "courriel": personne.courriel,
        "jour": jour_moyen(debut.date()),
        "heure": heure(debut, contexte.zone),
        "guichet": _nom_guichet(contexte, rdv.place.guichet_id),
        "motif": motif.libelle if motif else "",
        "type": TYPES.get(rdv.type_rdv, ""),
        "code": rdv.code,
        "arrive": rdv.etat == Etat.ARRIVE,
        "cause": hors.cause.phrase.capitalize(),
        "options": [] if proposition is None else _build_options(rdv, proposition, delegues, contexte, voulu),
        "coche": voulu is not None,
    }


def compute_expiration(propositions: Mapping[int, Proposition], aujourdhui: date, zone: ZoneInfo) -> int:
    """Minute-époque from which what is shown is over: the end of the day, or the hour of the first créneau shown."""
    debuts = [p.debut + 1 for prop in propositions.values() for p in (prop.place, *prop.autres) if p is not None]
    return min([get_cadran(aujourdhui, zone).fin, *debuts])


_TITRES = {
    Issue.DEPLACE: "Déplacé",
    Issue.DEJA: "Inchangé",
    Issue.PRIS: "Créneau pris",
    Issue.REFUSE: "Refusé",
    Issue.ABSENT: "Introuvable",
    Issue.EN_ATTENTE: "Pas encore traité",
}


def build_resultat(
    resultat: Resultat,
    nouvelles: Mapping[int, Proposition],
    delegues: Mapping[int, Delegue],
    contexte: ServiceContexte,
    arrivees: Mapping[int, ServiceContexte],
) -> dict[str, Any]:
    """One outcome, and for a créneau that was taken, the one proposed instead. ``arrivees``: service → its context."""
    personne, deplace = resultat.personne, resultat.deplace
    nouvelle = nouvelles.get(resultat.voulu.rdv_id)
    apres = ""
    if deplace is not None:
        place = Place(int(deplace.debut.timestamp()) // 60, int(deplace.fin.timestamp()) // 60, deplace.guichet_id)
        ailleurs = arrivees.get(deplace.service_id) if deplace.service_id != contexte.id else None
        apres = describe_place(place, contexte, describe_lieu(ailleurs) if ailleurs else "")
    return {
        "issue": resultat.issue.value,
        "titre": _TITRES[resultat.issue],
        "phrase": resultat.phrase,
        "nom": (personne.nom if personne else "") or "Rendez-vous",
        "avant": describe_place(resultat.avant, contexte) if resultat.avant else "",
        "apres": apres,
        "courriel": resultat.courriel,
        "telephones": [(telephone_lisible(t), telephone_lien(t)) for t in (personne.telephones if personne else ())],
        "nouvelle": (
            describe_place(nouvelle.place, contexte, _find_lieu(nouvelle.place.delegation_id, delegues, contexte))
            if nouvelle and nouvelle.place
            else ""
        ),
        "reste": nouvelle is not None,
    }


def build_bilan(resultats: Sequence[Resultat]) -> list[str]:
    """« 12 rendez-vous déplacés », « 2 usagers à appeler », « 1 rendez-vous non déplacé »."""
    deplaces = [r for r in resultats if r.issue is Issue.DEPLACE]
    a_appeler = sum(not r.courriel for r in deplaces)
    restants = len(resultats) - len(deplaces)
    mots = [_accord(len(deplaces), "rendez-vous déplacé", "rendez-vous déplacés")]
    if a_appeler:
        mots.append(_accord(a_appeler, "usager sans adresse à appeler", "usagers sans adresse à appeler"))
    if restants:
        mots.append(_accord(restants, "rendez-vous non déplacé", "rendez-vous non déplacés"))
    return mots


def _accord(nombre: int, singulier: str, pluriel: str) -> str:
    return f"{nombre or 'Aucun'} {pluriel if nombre > 1 else singulier}"
