"""What forbids a delegation: services, dates, motifs, another one accepted; judged under the locks of both services."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final
from zoneinfo import ZoneInfo

from app.admin.chantier import Chantier
from app.admin.delegations.formulaire import Valeurs
from app.admin.delegations.lecture import DelegationLue, read_accords, read_libelles, read_motifs_propres
from app.admin.delegations.mots import dire_periode
from app.admin.guichets.formulaire import list_cochables
from app.admin.guichets.mots import join_mots
from app.booking.contexte import read_versions
from app.booking.outils import Outils
from app.domain.vie_delegation import explain_dates, find_recouvrement
from app.errors import Conflit, SaisieInvalide

MEME_SERVICE: Final = "Un service ne se confie pas ses propres rendez-vous : choisissez un autre service."


class DelegationImpossible(Conflit):
    """409: as things stand now, it cannot be accepted. The sentence says why."""

    code = "delegation-impossible"
    remede = "Rien n’a été enregistré. Entendez-vous avec l’autre service, ou refusez la proposition."


def get_aujourdhui(chantier: Chantier) -> date:
    """The local day of the service from which the change is made."""
    return chantier.maintenant.astimezone(ZoneInfo(chantier.service["fuseau"])).date()


def explain_services(service: Mapping[str, Any], autre: Mapping[str, Any] | None) -> str:
    """Why nothing can be entrusted between these two services (rows of ``service_fiscal``) today, or ""."""
    if autre is None:
        return "Ce service n’existe pas."
    if autre["id"] == service["id"]:
        return MEME_SERVICE
    for cote in (service, autre):
        if cote["ferme_a"] is not None:
            return f"{cote['libelle']} est fermé définitivement : il ne confie ni ne reçoit plus rien."
    if autre["fuseau"] != service["fuseau"]:
        return (
            f"{autre['libelle']} n’est pas à la même heure que {service['libelle']} : les usagers se tromperaient "
            "d’heure. Choisissez un service du même fuseau horaire."
        )
    return ""


async def check_valeurs(
    outils: Outils, chantier: Chantier, vers_id: int, valeurs: Valeurs, deja: tuple[int, ...] = ()
) -> None:
    """Everything the form said, judged again under the locks. Raises SaisieInvalide."""
    champs = explain_dates(valeurs.du, valeurs.au, get_aujourdhui(chantier))
    versions = await read_versions(chantier.conn, chantier.service_id)
    contexte = await outils.dispo.contextes.get(chantier.conn, chantier.service_id, versions.planning)
    propres = await read_motifs_propres(chantier.conn, chantier.service_id)
    permis = {ident for ident in list_cochables(contexte.motifs, deja) if ident in propres}
    if not valeurs.motifs or not permis.issuperset(valeurs.motifs):
        champs["motif"] = "Choisissez parmi les motifs de votre service."
    if not champs:
        phrase = await _explain_recouvrement(
            chantier, chantier.service_id, vers_id, valeurs.motifs, valeurs.du, valeurs.au
        )
        if phrase:
            champs["motif"] = phrase
    if champs:
        raise SaisieInvalide(champs=champs)


async def check_acceptable(chantier: Chantier, delegation: DelegationLue) -> None:
    refus = explain_services(chantier.service, chantier.autre) or await _explain_recouvrement(
        chantier,
        delegation.service_id,
        delegation.service_delegue_id,
        delegation.motifs,
        delegation.du,
        delegation.au,
        sauf=delegation.id,
    )
    if refus:
        raise DelegationImpossible(refus)


async def _explain_recouvrement(
    chantier: Chantier,
    service_id: int,
    delegue_id: int,
    motifs: tuple[int, ...],
    du: date,
    au: date,
    *,
    sauf: int = 0,
) -> str:
    """Names both delegations when an accepted one has a motif and a day in common with these; or ""."""
    trouve = find_recouvrement(motifs, du, au, await read_accords(chantier.conn, service_id, delegue_id, sauf))
    if trouve is None:
        return ""
    accord, communs = trouve
    mots = join_mots([f"« {mot} »" for mot in (await read_libelles(chantier.conn, sorted(communs))).values()])
    verbe = "sont" if len(communs) > 1 else "est"
    assert chantier.autre is not None
    vers = chantier.service if delegue_id == chantier.service_id else chantier.autre
    accorde = "s" if len(communs) > 1 else ""
    return (
        f"{mots} {verbe} déjà confié{accorde} à {vers['libelle']} par la délégation acceptée "
        f"{dire_periode(accord.du, accord.au)} : elle recouvre celle-ci, {dire_periode(du, au)}."
    )
