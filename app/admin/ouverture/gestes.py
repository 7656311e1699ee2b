"""Open and close the online booking of a service: one transaction, judged under the service's lock [C §5].

Closing touches no RDV, and lets who already holds a créneau finish filling in the form (ten minutes at most): the place
is theirs. Everybody else is told at once, on the pages already open too.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import update

from app.admin.chantier import Chantier, organise
from app.admin.ouverture.lecture import read_faits
from app.booking.outils import Auteur, Outils
from app.domain.activation import Point, explain_activation, list_avertissements, list_manques
from app.errors import Conflit, RegleRefusee
from app.tables import ServiceFiscal


class OuvertureImpossible(RegleRefusee):
    """422: something is missing. ``details['manques']``: their sentences."""

    code = "ouverture-impossible"
    phrase = "Le service ne peut pas encore ouvrir aux usagers."
    remede = "Complétez ce qui manque, signalé dans la liste, puis recommencez."


class AvertissementsALire(Conflit):
    """409: warnings that were not acknowledged. ``details['avertissements']``: their sentences."""

    code = "avertissements-a-lire"
    phrase = "Des avertissements restent à lire avant d’ouvrir."
    remede = "Cochez chacun d’eux pour dire que vous en avez tenu compte, puis recommencez."


async def open_service(
    outils: Outils, auteur: Auteur, service_id: int, compris: Collection[str], maintenant: datetime
) -> bool:
    """Activate the online booking; False when it already was. ``compris``: keys of the warnings acknowledged.

    Raises OuvertureImpossible, AvertissementsALire, Introuvable.
    """

    async def travail(chantier: Chantier) -> bool:
        if chantier.service["en_ligne"]:
            return False
        points = explain_activation(await read_faits(outils, chantier.conn, service_id, maintenant))
        manques = list_manques(points)
        if manques:
            raise OuvertureImpossible(manques=[point.phrase for point in manques])
        avertissements = list_avertissements(points)
        if any(point.cle not in compris for point in avertissements):
            raise AvertissementsALire(avertissements=[point.phrase for point in avertissements])
        await _write(chantier, True, avertissements)
        return True

    return await organise(outils, auteur, service_id, travail, maintenant, action="ouverture.ouvert")


async def close_service(outils: Outils, auteur: Auteur, service_id: int, maintenant: datetime) -> bool:
    """Deactivate it; False when it already was. Raises Introuvable."""

    async def travail(chantier: Chantier) -> bool:
        if not chantier.service["en_ligne"]:
            return False
        await _write(chantier, False, ())
        return True

    return await organise(outils, auteur, service_id, travail, maintenant, action="ouverture.ferme")


async def _write(chantier: Chantier, en_ligne: bool, avertissements: Collection[Point]) -> None:
    await chantier.conn.execute(
        update(ServiceFiscal).where(ServiceFiscal.id == chantier.service_id).values(en_ligne=en_ligne)
    )
    apres: dict[str, object] = {"en_ligne": en_ligne}
    if avertissements:
        apres["avertissements"] = [point.phrase for point in avertissements]
    await chantier.record(
        "ouverture.ouvert" if en_ligne else "ouverture.ferme",
        "ouverture",
        chantier.service_id,
        avant={"en_ligne": not en_ligne},
        apres=apres,
    )
