"""The rows of the list and of the outcomes, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from app.admin.guichets.mots import TYPES
from app.admin.replacement.deplacements import Issue, Resultat
from app.admin.replacement.lecture import Personne
from app.admin.replacement.propositions import Proposition
from app.admin.replacement.situation import Hors
from app.booking.contexte import ServiceContexte
from app.courrier.texte import telephone_lien, telephone_lisible
from app.domain.horaires import from_minute, get_cadran
from app.domain.rendez_vous import Etat
from app.domain.replacement import Place
from app.web.dates import heure, jour_court, jour_moyen


def _local(minute: int, zone: ZoneInfo) -> datetime:
    return from_minute(minute).astimezone(zone)


def _nom_guichet(contexte: ServiceContexte, guichet_id: int) -> str:
    guichet = contexte.guichets.get(guichet_id)
    return guichet.nom if guichet else "Guichet supprimé"


def describe_place(place: Place, contexte: ServiceContexte) -> str:
    """« mar. 24 nov. à 10:20, Guichet 2 »."""
    debut = _local(place.debut, contexte.zone)
    return f"{jour_court(debut.date())} à {heure(debut, contexte.zone)}, {_nom_guichet(contexte, place.guichet_id)}"


def _describe_option(place: Place, avant: int, contexte: ServiceContexte) -> str:
    """The same, and how near it is to the present hour."""
    mots = describe_place(place, contexte)
    if place.debut == avant:
        return f"{mots} (même heure)"
    memes = _local(place.debut, contexte.zone).date() == _local(avant, contexte.zone).date()
    return f"{mots} (même jour)" if memes else mots


def build_ligne(
    hors: Hors, personne: Personne, proposition: Proposition | None, contexte: ServiceContexte
) -> dict[str, Any]:
    """A row: who, when, why, where instead. ``options``: (value, words), the proposed one first."""
    rdv = hors.rdv
    debut = _local(rdv.place.debut, contexte.zone)
    places = []
    if proposition is not None:
        places = [*([proposition.place] if proposition.place else []), *proposition.autres]
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
        "options": [(f"{p.debut}.{p.guichet_id}", _describe_option(p, rdv.place.debut, contexte)) for p in places],
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
    resultat: Resultat, nouvelles: Mapping[int, Proposition], contexte: ServiceContexte
) -> dict[str, Any]:
    """One outcome, and for a créneau that was taken, the one proposed instead."""
    personne, deplace = resultat.personne, resultat.deplace
    nouvelle = nouvelles.get(resultat.voulu.rdv_id)
    apres = ""
    if deplace is not None:
        place = Place(int(deplace.debut.timestamp()) // 60, int(deplace.fin.timestamp()) // 60, deplace.guichet_id)
        apres = describe_place(place, contexte)
    return {
        "issue": resultat.issue.value,
        "titre": _TITRES[resultat.issue],
        "phrase": resultat.phrase,
        "nom": (personne.nom if personne else "") or "Rendez-vous",
        "avant": describe_place(resultat.avant, contexte) if resultat.avant else "",
        "apres": apres,
        "courriel": resultat.courriel,
        "telephones": [(telephone_lisible(t), telephone_lien(t)) for t in (personne.telephones if personne else ())],
        "nouvelle": describe_place(nouvelle.place, contexte) if nouvelle and nouvelle.place else "",
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
