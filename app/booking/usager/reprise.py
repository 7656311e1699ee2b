"""Step 3 while PostgreSQL is away: the same form, everything typed, the same key, so that trying again is safe.

Nothing here asks the database anything. What surrounds the form comes from what this process remembers of the service;
a process that remembers nothing shows the sentence and one button that sends the same form again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from litestar import Request
from litestar.response import Response

from app import clock
from app.booking.contexte import ServiceContexte, Versions
from app.booking.outils import Outils
from app.booking.usager.cle import is_cle
from app.booking.usager.demande import Parcours, read_debut
from app.booking.usager.formulaire import CHAMPS, read_saisie
from app.booking.usager.identite_connue import CHAMP as IDENTIFIE
from app.booking.usager.lecture import Vue, list_voisins
from app.booking.usager.motifs import settle_nature
from app.booking.usager.page_coordonnees import Ecran, render_coordonnees
from app.booking.usager.visiteur import visiteur_usager
from app.errors import Indisponible, SaisieInvalide
from app.web.pages import page

_GARDE = "Votre saisie est conservée. Réessayez dans quelques secondes : rien n’est enregistré deux fois."
_CACHES = ("motif", "type", "nature", "lieu", "cle", "debut", "autre_debut", "choix", IDENTIFIE, *CHAMPS)


def keep_saisie(
    request: Request[Any, Any, Any], outils: Outils, service_id: int, donnees: Mapping[str, Any], refus: Indisponible
) -> Response[bytes]:
    """The form again (503). Raises ``refus`` itself for a request that is not our form (no key)."""
    cle = donnees.get("cle")
    if not isinstance(cle, str) or not is_cle(cle):
        raise refus
    parcours, debut = Parcours.read(service_id, donnees), _read_debut(donnees)
    contexte = outils.dispo.contextes.peek(service_id)
    if contexte is None or parcours.motif not in contexte.motifs or not parcours.type_rdv or debut is None:
        reponse = _render_reprise(request, service_id, donnees, refus)
    else:
        nature = settle_nature(contexte.motif(parcours.motif), parcours.nature)
        ecran = Ecran(
            replace(parcours, nature=nature),
            debut,
            cle,
            read_saisie(donnees),
            phrases=(refus.phrase, _GARDE),
            reessai=True,
            statut=refus.statut,
        )
        maintenant = clock.now()
        voisins = list_voisins(contexte, _peek_voisins(outils, contexte), maintenant)
        vue = Vue(Versions(0, 0, 0, 0), "", contexte, None, maintenant, voisins)
        reponse = render_coordonnees(visiteur_usager(request), vue, ecran)
    reponse.headers["Retry-After"] = "2"
    return reponse


def _peek_voisins(outils: Outils, contexte: ServiceContexte) -> dict[int, ServiceContexte]:
    """What is remembered of the services that receive for this one."""
    connus = (outils.dispo.contextes.peek(delegation.service_delegue_id) for delegation in contexte.confiees)
    return {connu.id: connu for connu in connus if connu is not None}


def _read_debut(donnees: Mapping[str, Any]) -> int | None:
    try:
        return read_debut(donnees.get("autre_debut" if donnees.get("choix") == "autre" else "debut"))
    except SaisieInvalide:
        return None


def _render_reprise(
    request: Request[Any, Any, Any], service_id: int, donnees: Mapping[str, Any], refus: Indisponible
) -> Response[bytes]:
    """One button, and everything typed behind it."""
    saisie = read_saisie(donnees)
    caches = {nom: saisie.get(nom) or str(donnees.get(nom) or "") for nom in _CACHES}
    contexte = {
        "titre": refus.phrase,
        "phrase": refus.phrase,
        "remede": _GARDE,
        "action": f"/rdv/{service_id}/coordonnees",
        "caches": {nom: valeur for nom, valeur in caches.items() if valeur},
    }
    return page(request, "booking/usager/reprise.html", contexte, statut=refus.statut)
