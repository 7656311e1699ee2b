"""A decision is told at once: in the journal and on the screens of both services, by mail to the other's organisers."""

from __future__ import annotations

from typing import Any

from app.admin.chantier import Chantier
from app.admin.delegations.lecture import DelegationLue
from app.admin.delegations.mots import build_faits
from app.booking.outils import Outils
from app.courrier.delegation import MessageDelegation, write_delegation


def describe(delegation: DelegationLue) -> dict[str, Any]:
    """A delegation in words."""
    d = delegation
    nom = f"{d.libelle} → {d.libelle_delegue}"
    return build_faits(nom, d.mots, d.du, d.au, d.quota_jour, d.message, d.etat)


async def tell(
    outils: Outils, chantier: Chantier, fait: str, avant: DelegationLue | None, apres: DelegationLue, mot: str
) -> None:
    """The journal of both services, their screens, and the mail to those who organise the other one."""
    assert chantier.auteur.agent_id is not None
    decision = fait not in ("proposee", "corrigee")
    faits = describe(apres) | ({"reponse": mot, "par": chantier.service["libelle"]} if decision else {})
    ancien = None if avant is None else describe(avant)
    await chantier.record(f"delegation.{fait}", "delegation", apres.id, avant=ancien, apres=faits)
    autre = apres.get_autre(chantier.service_id)
    noms = {apres.service_id: apres.libelle, apres.service_delegue_id: apres.libelle_delegue}
    await write_delegation(
        chantier.conn,
        MessageDelegation(
            fait=fait,
            delegation_id=apres.id,
            revision=apres.revision,
            destinataire=noms[autre],
            auteur=noms[chantier.service_id],
            confie=apres.libelle,
            recoit=apres.libelle_delegue,
            motifs=apres.mots,
            du=apres.du,
            au=apres.au,
            quota_jour=apres.quota_jour,
            mot=mot,
            restants=apres.a_venir,
            url=f"{outils.settings.base_url}/services/{autre}/organiser/delegations/{apres.id}",
        ),
        service_id=autre,
        auteur_id=chantier.auteur.agent_id,
        maintenant=chantier.maintenant,
        domaine=outils.settings.domaine_messages,
    )
