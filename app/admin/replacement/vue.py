"""The rows of the list and of the outcomes, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from app.admin.guichets.mots import TYPES
from app.admin.replacement.delegues import describe_lieu
from app.admin.replacement.deplacements import Issue, Resultat, Voulu, format_valeur
from app.admin.replacement.lecture import Personne, RdvLu
from app.admin.replacement.propositions import Proposition, Propositions
from app.admin.replacement.situation import Hors
from app.booking.contexte import ServiceContexte
from app.courrier.texte import telephone_lien, telephone_lisible
from app.domain.delegation import find_delegation
from app.domain.horaires import from_minute, get_cadran
from app.domain.rendez_vous import Etat
from app.domain.replacement import RETOUR, Place
from app.web.dates import heure, jour_court, jour_moyen


def _local(minute: int, zone: ZoneInfo) -> datetime:
    return from_minute(minute).astimezone(zone)


def _nom_guichet(contexte: ServiceContexte, guichet_id: int) -> str:
    guichet = contexte.guichets.get(guichet_id)
    return guichet.nom if guichet else "Guichet supprimé"


def describe_place(place: Place, contexte: ServiceContexte, lieu: str = "", *, retour: bool = False) -> str:
    """« mar. 24 nov. à 10:20, Guichet 2 »; ``lieu``, of another service: « …, à SIP DE COSNE, COSNE ».

    ``retour``: that service is the usager's own, « …, retour à SIP DE NEVERS, NEVERS ».
    """
    debut = _local(place.debut, contexte.zone)
    ou = f"{'retour ' if retour else ''}à {lieu}" if lieu else _nom_guichet(contexte, place.guichet_id)
    return f"{jour_court(debut.date())} à {heure(debut, contexte.zone)}, {ou}"


def find_lieu(place: Place, rdv: RdvLu, trouvees: Propositions, contexte: ServiceContexte) -> str:
    """Where the usager would go, when it is another place than where he is expected; "" else."""
    delegation_id = place.delegation_id
    if delegation_id is None:
        return "" if rdv.service_id == contexte.id else describe_lieu(contexte)
    if delegation_id == RETOUR:
        maison = trouvees.maisons.get(rdv.maison_id) if rdv.maison_id is not None else None
        return describe_lieu(maison.contexte) if maison else "son service, qui ne peut pas le reprendre"
    if (delegue := trouvees.delegues.get(delegation_id)) is not None:
        return delegue.lieu
    connue = find_delegation(contexte.confiees, delegation_id)
    return connue.libelle_delegue if connue else "un service qui ne le reçoit plus"


def _describe_nouvelle(place: Place, rdv: RdvLu, trouvees: Propositions, contexte: ServiceContexte) -> str:
    retour = place.delegation_id == RETOUR or rdv.service_id != contexte.id
    return describe_place(place, contexte, find_lieu(place, rdv, trouvees, contexte), retour=retour)


def _build_option(place: Place, rdv: RdvLu, trouvees: Propositions, contexte: ServiceContexte) -> dict[str, Any]:
    """Its value, its words with how near it is to the present hour, the place when it is another one."""
    avant, mots = rdv.place.debut, _describe_nouvelle(place, rdv, trouvees, contexte)
    if place.debut == avant:
        mots = f"{mots} (même heure)"
    elif _local(place.debut, contexte.zone).date() == _local(avant, contexte.zone).date():
        mots = f"{mots} (même jour)"
    valeur = format_valeur(place.debut, place.guichet_id, place.delegation_id)
    return {"valeur": valeur, "mots": mots, "lieu": find_lieu(place, rdv, trouvees, contexte), "choisie": False}


def _build_options(
    rdv: RdvLu,
    trouvees: Propositions,
    contexte: ServiceContexte,
    voulu: Voulu | None,
) -> list[dict[str, Any]]:
    """The proposed one first; what was chosen on this page before stays chosen, still listed or not."""
    proposition = trouvees.par_rdv[rdv.id]
    places = [*([proposition.place] if proposition.place else []), *proposition.autres]
    if voulu is not None:
        choisie = Place(
            voulu.debut, voulu.debut + rdv.place.fin - rdv.place.debut, voulu.guichet_id, voulu.delegation_id
        )
        if not any((p.debut, p.guichet_id, p.delegation_id) == choisie[:1] + choisie[2:] for p in places):
            places.append(choisie)
    options = [_build_option(place, rdv, trouvees, contexte) for place in places]
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
    trouvees: Propositions | None,
    contexte: ServiceContexte,
    voulu: Voulu | None = None,
) -> dict[str, Any]:
    """A row: who, when, why, where instead, and what has already been chosen for it (``voulu``).

    ``trouvees`` is None when nothing is proposed. ``pour``: the service whose usager it is, ``chez``: the one that
    receives it, when it is another one.
    """
    rdv, receveur = hors.rdv, hors.chez or contexte
    debut = _local(rdv.place.debut, contexte.zone)
    motif = contexte.motifs.get(rdv.motif_id)
    return {
        "id": rdv.id,
        "revision": rdv.revision,
        "nom": personne.nom or "Usager",
        "telephones": [(telephone_lisible(t), telephone_lien(t)) for t in personne.telephones],
        "canal": personne.canal,
        "jour": jour_moyen(debut.date()),
        "heure": heure(debut, contexte.zone),
        "guichet": _nom_guichet(receveur, rdv.place.guichet_id),
        "pour": "" if hors.chez or rdv.maison_id is None else contexte.origines.get(rdv.maison_id, "un autre service"),
        "chez": describe_lieu(hors.chez) if hors.chez else "",
        # Only its home decides that it comes back.
        "retenu": trouvees is not None and rdv.maison_id not in {None, contexte.id, *trouvees.maisons},
        "motif": motif.libelle if motif else "",
        "type": TYPES.get(rdv.type_rdv, ""),
        "code": rdv.code,
        "arrive": rdv.etat == Etat.ARRIVE,
        "cause": hors.cause.phrase.capitalize(),
        "options": [] if trouvees is None else _build_options(rdv, trouvees, contexte, voulu),
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
    trouvees: Propositions,
    restants: Mapping[int, RdvLu],
    contexte: ServiceContexte,
    arrivees: Mapping[int, ServiceContexte],
) -> dict[str, Any]:
    """One outcome, and for a créneau that was taken, the one proposed instead.

    ``restants``: those still to be placed; ``arrivees``: service → its context.
    """
    personne, deplace = resultat.personne, resultat.deplace
    rdv_id, depuis = resultat.voulu.rdv_id, resultat.depuis
    nouvelle = trouvees.par_rdv.get(rdv_id)
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
        "avant": (
            describe_place(resultat.avant, depuis or contexte, describe_lieu(depuis) if depuis else "")
            if resultat.avant
            else ""
        ),
        "apres": apres,
        "canal": resultat.canal,
        "telephones": [(telephone_lisible(t), telephone_lien(t)) for t in (personne.telephones if personne else ())],
        "nouvelle": (
            _describe_nouvelle(nouvelle.place, restants[rdv_id], trouvees, contexte)
            if nouvelle and nouvelle.place
            else ""
        ),
        "reste": nouvelle is not None,
    }


def build_bilan(resultats: Sequence[Resultat]) -> list[str]:
    """« 12 rendez-vous déplacés », « 2 usagers à appeler », « 1 rendez-vous non déplacé »."""
    deplaces = [r for r in resultats if r.issue is Issue.DEPLACE]
    a_appeler = sum(r.canal is None for r in deplaces)
    restants = len(resultats) - len(deplaces)
    mots = [_accord(len(deplaces), "rendez-vous déplacé", "rendez-vous déplacés")]
    if a_appeler:
        mots.append(_accord(a_appeler, "usager sans adresse à appeler", "usagers sans adresse à appeler"))
    if restants:
        mots.append(_accord(restants, "rendez-vous non déplacé", "rendez-vous non déplacés"))
    return mots


def _accord(nombre: int, singulier: str, pluriel: str) -> str:
    return f"{nombre or 'Aucun'} {pluriel if nombre > 1 else singulier}"
