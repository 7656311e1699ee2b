"""From which service to which a RDV moves: nearly always the same one, else by a delegation, there or back [G 2.3.5].

A RDV has a home: the service whose usager it is. By a delegation of its home it goes to the service that receives, and
may come back. Only who has the right on the home sends it away or brings it back; who organises the service that
receives may give it back too, when it can hold it no more. Inside that service it is moved like any of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import Select, false, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking.contexte import ServiceContexte, Versions, read_versions
from app.booking.outils import Outils
from app.booking.titres import Titre
from app.domain.delegation import Delegation, find_delegation
from app.domain.rendez_vous import Etat
from app.errors import RegleRefusee
from app.tables import RendezVous

_FINIE = "Cette délégation n’est plus en vigueur : ce service ne reçoit plus ce rendez-vous."
_FUSEAU = "Ces deux services ne sont pas à la même heure : le rendez-vous ne peut pas aller de l’un à l’autre."
_SUR_PLACE = "L’usager est déjà sur place : son rendez-vous ne peut plus aller dans un autre lieu."


@dataclass(frozen=True, slots=True)
class Trajet:
    """``versions`` are those of ``arrivee``. ``origine_id`` and ``delegation_id``: what the row says once moved.

    ``delegation``: the accepted one under which it then is, None when there is none or it is over. ``confie``: True
    when it is being sent by it, to another service or to the days of another delegation of the one where it is.
    """

    depart: ServiceContexte
    arrivee: ServiceContexte
    versions: Versions
    origine_id: int | None
    delegation_id: int | None
    delegation: Delegation | None
    confie: bool = False

    @property
    def change_de_service(self) -> bool:
        """True when another service receives."""
        return self.depart.id != self.arrivee.id

    def is_permis(self, rdv: Mapping[str, Any]) -> bool:
        """True when the agent has the right on the service that decides of this move (columns of ``select_rdv``)."""
        de_passage = rdv["service_origine_id"] is not None and (self.change_de_service or self.confie)
        if de_passage and self.delegation_id is None and rdv["permis_rendre"]:
            return True
        return bool(rdv["permis_origine"] if de_passage else rdv["permis_ici"])

    def settle(self, rdv: Mapping[str, Any], motif_id: int, jour: date) -> Trajet:
        """The same under the delegation of ``jour``: its home may have given two, one after the other.

        A RDV moved where it is received keeps the one that it has, unless another day is that of another one.
        """
        garde = self.delegation is not None and self.delegation.accepts(motif_id, jour)
        if self.change_de_service or self.confie or garde or jour == rdv["jour"]:
            return self
        siennes = (d for d in self.arrivee.recues if d.service_id == self.origine_id and d.accepts(motif_id, jour))
        autre = next(siennes, None)
        return self if autre is None else replace(self, delegation_id=autre.id, delegation=autre)

    def find_recue(self, motif_id: int) -> Delegation | None:
        """The delegation whose days and quota bound what is offered instead of a place refused.

        Where it is received, a RDV may take a motif of that service: the quota of its day remains.
        """
        delegation = self.delegation
        if delegation is None or self.confie or motif_id in delegation.motifs:
            return delegation
        return replace(delegation, motifs={**delegation.motifs, motif_id: self.arrivee.motif(motif_id).duree})

    def find_acquis(self, rdv: Mapping[str, Any]) -> date | None:
        """The day whose quota counts the RDV already, wherever it goes within it."""
        acquis = rdv["delegation_id"] is not None and rdv["delegation_id"] == self.delegation_id
        return rdv["jour"] if acquis else None

    def find_quota(self, rdv: Mapping[str, Any], jour: date) -> Delegation | None:
        """The delegation whose quota of ``jour`` this move uses; None when it uses none, or already counts in it."""
        delegation = self.delegation
        if delegation is None or delegation.quota_jour is None:
            return None
        return None if (rdv["delegation_id"], rdv["jour"]) == (delegation.id, jour) else delegation


def select_rdv(rdv_id: int, titre: Titre) -> Select[*tuple[Any, ...]]:
    """The RDV, if the title reaches it where it is received or at its home, and what it allows at each of them."""
    permis = titre.find_permis()
    requete = select(
        RendezVous.id,
        RendezVous.service_id,
        RendezVous.service_origine_id,
        RendezVous.delegation_id,
        RendezVous.guichet_id,
        RendezVous.motif_id,
        RendezVous.type_rdv,
        RendezVous.debut,
        RendezVous.fin,
        RendezVous.jour,
        RendezVous.etat,
        RendezVous.code,
        RendezVous.revision,
        RendezVous.sequence,
        RendezVous.lien_sel,
        RendezVous.visio_lien,
        RendezVous.canal,
        RendezVous.forcages,
        permis.ici.label("permis_ici"),
        permis.rendre.label("permis_rendre"),
        permis.origine.label("permis_origine"),
    ).where(RendezVous.id == rdv_id if 0 < rdv_id < 2**63 else false(), RendezVous.etat != "option")
    return titre.scope(requete, origine=True)


async def find_trajet(
    outils: Outils, conn: AsyncConnection, rdv: Mapping[str, Any], service_id: int | None, delegation_id: int | None
) -> Trajet | None:
    """Where ``rdv`` would go: by that delegation of its home, else to that service, else where it is.

    None when the agent may not decide it. Raises RegleRefusee: the delegation is over, the hours differ, the usager is
    already in another place.
    """
    maison_id = rdv["service_origine_id"] or rdv["service_id"]
    depart, versions = await _read(outils, conn, rdv["service_id"])
    voulue: Delegation | None = None
    if delegation_id is not None and delegation_id != rdv["delegation_id"]:
        maison = depart if maison_id == depart.id else (await _read(outils, conn, maison_id))[0]
        voulue = find_delegation(maison.confiees, delegation_id)
        if voulue is None:
            raise RegleRefusee(_FINIE)
        service_id = voulue.service_delegue_id
    if voulue is not None and service_id == depart.id and depart.id != maison_id:
        trajet = Trajet(depart, depart, versions, maison_id, voulue.id, voulue, confie=True)
        return trajet if trajet.is_permis(rdv) else None
    if service_id in (None, depart.id):
        reste = find_delegation(depart.recues, rdv["delegation_id"])
        trajet = Trajet(depart, depart, versions, rdv["service_origine_id"], rdv["delegation_id"], reste)
        return trajet if trajet.is_permis(rdv) else None
    assert service_id is not None
    if voulue is None and service_id != maison_id:
        return None
    arrivee, versions = await _read(outils, conn, service_id)
    origine_id = None if voulue is None else maison_id
    trajet = Trajet(
        depart, arrivee, versions, origine_id, voulue.id if voulue else None, voulue, confie=voulue is not None
    )
    if not trajet.is_permis(rdv):
        return None
    if depart.zone.key != arrivee.zone.key:
        raise RegleRefusee(_FUSEAU)
    if rdv["etat"] == Etat.ARRIVE and depart.site_id != arrivee.site_id:
        raise RegleRefusee(_SUR_PLACE)
    return trajet


async def _read(outils: Outils, conn: AsyncConnection, service_id: int) -> tuple[ServiceContexte, Versions]:
    versions = await read_versions(conn, service_id)
    return await outils.dispo.contextes.get(conn, service_id, versions.planning), versions
