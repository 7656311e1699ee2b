"""Propose a delegation, correct it, answer it, end it: one fact each, journaled and announced in both services.

All under the lock of both services' agendas, taken in the order of their ids: two answers follow one another, no
booking is committed between the count of RDV told and the end of what they were taken under, and what was checked
stays true.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Final, TypeVar

from sqlalchemy import insert, select, update

from app.admin.chantier import Chantier, organise
from app.admin.delegations.annonce import describe, tell
from app.admin.delegations.controles import (
    MEME_SERVICE,
    DelegationImpossible,
    check_acceptable,
    check_valeurs,
    explain_services,
    get_aujourdhui,
)
from app.admin.delegations.formulaire import Valeurs
from app.admin.delegations.lecture import DelegationLue, read_delegation
from app.booking.outils import Auteur, Outils
from app.domain.vie_delegation import Etape
from app.errors import Conflit, Introuvable, SaisieInvalide
from app.tables import Delegation

T = TypeVar("T")

PHRASE: Final = "Cette délégation n’existe pas dans ce service."


class DelegationDecidee(Conflit):
    """409: what is asked can no longer be done, or not by this side."""

    code = "delegation-decidee"
    phrase = "Cette délégation n’attend plus cette décision."
    remede = "Rien n’a été enregistré : relisez où elle en est."


class RestantsAConfirmer(Conflit):
    """409: the number of RDV told is not the right one any more. ``details``: ``restants``."""

    code = "restants-a-confirmer"
    phrase = "Le nombre de rendez-vous pris par cette délégation vient de changer."
    remede = "Rien n’a été enregistré : relisez, puis confirmez."


async def propose(
    outils: Outils, auteur: Auteur, service_id: int, vers_id: int, valeurs: Valeurs, maintenant: datetime
) -> int:
    """Insert a proposal of ``service_id`` to ``vers_id``. Its id. Raises Introuvable, SaisieInvalide."""
    if vers_id == service_id:
        raise SaisieInvalide(champs={"vers": MEME_SERVICE})

    async def travail(chantier: Chantier) -> int:
        refus = explain_services(chantier.service, chantier.autre)
        if refus:
            raise SaisieInvalide(champs={"vers": refus})
        await check_valeurs(outils, chantier, vers_id, valeurs)
        ligne = await chantier.conn.execute(
            insert(Delegation)
            .values(
                service_id=service_id,
                service_delegue_id=vers_id,
                etat="proposee",
                cree_par=auteur.agent_id,
                cree_a=maintenant,
                **_colonnes(valeurs),
            )
            .returning(Delegation.id)
        )
        delegation_id = int(ligne.scalar_one())
        await tell(outils, chantier, "proposee", None, await _read(chantier, delegation_id), valeurs.message)
        return delegation_id

    return await organise(outils, auteur, service_id, travail, maintenant, action="delegation.proposee", avec=vers_id)


async def correct(
    outils: Outils,
    auteur: Auteur,
    service_id: int,
    delegation_id: int,
    valeurs: Valeurs,
    revision: int | None,
    maintenant: datetime,
) -> bool:
    """Change a proposal that nobody has answered; False when nothing differs.

    Raises Introuvable, ConflitEdition, DelegationDecidee, SaisieInvalide.
    """

    async def travail(chantier: Chantier, avant: DelegationLue) -> bool:
        if avant.is_recue(service_id) or avant.etat != "proposee":
            raise DelegationDecidee
        refus = explain_services(chantier.service, chantier.autre)
        if refus:
            raise DelegationImpossible(refus)
        colonnes = _colonnes(valeurs)
        if {champ: getattr(avant, champ) for champ in colonnes} == colonnes | {"motifs": tuple(colonnes["motifs"])}:
            return False
        await check_valeurs(outils, chantier, avant.service_delegue_id, valeurs, avant.motifs)
        apres = await _update(chantier, delegation_id, colonnes)
        await tell(outils, chantier, "corrigee", avant, apres, valeurs.message)
        return True

    return await _decide(outils, auteur, service_id, delegation_id, revision, travail, maintenant, "corrigee")


async def answer(
    outils: Outils,
    auteur: Auteur,
    service_id: int,
    delegation_id: int,
    *,
    accepte: bool,
    reponse: str,
    revision: int | None,
    maintenant: datetime,
) -> None:
    """Accept or refuse a proposal received by ``service_id``.

    Raises Introuvable, ConflitEdition, DelegationDecidee, DelegationImpossible (overlap, closed, other time zone).
    """
    fait = "acceptee" if accepte else "refusee"

    async def travail(chantier: Chantier, avant: DelegationLue) -> None:
        if not avant.is_recue(service_id) or avant.etape is not Etape.PROPOSEE:
            raise DelegationDecidee
        if accepte:
            await check_acceptable(chantier, avant)
        apres = await _update(chantier, delegation_id, _decision(chantier, fait, reponse))
        await tell(outils, chantier, fait, avant, apres, reponse)

    await _decide(outils, auteur, service_id, delegation_id, revision, travail, maintenant, fait)


async def withdraw(
    outils: Outils,
    auteur: Auteur,
    service_id: int,
    delegation_id: int,
    *,
    reponse: str,
    vus: int,
    revision: int | None,
    maintenant: datetime,
) -> int:
    """Withdraw a proposal (its author), or end an accepted delegation (either side). The RDV left where they are.

    ``vus``: how many were told. Raises Introuvable, ConflitEdition, DelegationDecidee, RestantsAConfirmer.
    """

    async def travail(chantier: Chantier, avant: DelegationLue) -> int:
        acceptee = avant.etape in (Etape.A_VENIR, Etape.EN_COURS)
        propose_ici = avant.etat == "proposee" and not avant.is_recue(service_id)
        if not acceptee and not propose_ici:
            raise DelegationDecidee
        if avant.a_venir != vus:
            raise RestantsAConfirmer(restants=avant.a_venir)
        apres = await _update(chantier, delegation_id, _decision(chantier, "retiree", reponse))
        await tell(outils, chantier, "arretee" if acceptee else "retiree", avant, apres, reponse)
        return avant.a_venir

    return await _decide(outils, auteur, service_id, delegation_id, revision, travail, maintenant, "retiree")


async def _decide(
    outils: Outils,
    auteur: Auteur,
    service_id: int,
    delegation_id: int,
    revision: int | None,
    travail: Callable[[Chantier, DelegationLue], Awaitable[T]],
    maintenant: datetime,
    fait: str,
) -> T:
    """``organise`` with both services of a delegation, and what it is under their locks."""
    autre = await _find_autre(outils, service_id, delegation_id)

    async def avec_delegation(chantier: Chantier) -> T:
        avant = await _read(chantier, delegation_id)
        await chantier.check_revision("delegation", avant.id, avant.revision, revision, describe(avant))
        return await travail(chantier, avant)

    action = f"delegation.{fait}"
    return await organise(outils, auteur, service_id, avec_delegation, maintenant, action=action, avec=autre)


async def _find_autre(outils: Outils, service_id: int, delegation_id: int) -> int:
    """The other service: a delegation never changes hands. Raises Introuvable when it is not of ``service_id``."""
    if 0 < delegation_id < 2**63:
        async with outils.db.read() as conn:
            ligne = await conn.execute(
                select(Delegation.service_id, Delegation.service_delegue_id).where(Delegation.id == delegation_id)
            )
            cotes = ligne.one_or_none()
        if cotes is not None and service_id in cotes:
            return int(cotes[1] if cotes[0] == service_id else cotes[0])
    raise Introuvable(PHRASE)


async def _read(chantier: Chantier, delegation_id: int) -> DelegationLue:
    assert chantier.auteur.agent_id is not None
    lue = await read_delegation(
        chantier.conn, chantier.auteur.agent_id, chantier.service_id, delegation_id, get_aujourdhui(chantier)
    )
    if lue is None:
        raise Introuvable(PHRASE)
    return lue


def _colonnes(valeurs: Valeurs) -> dict[str, Any]:
    return {
        "motifs": sorted(valeurs.motifs),
        "du": valeurs.du,
        "au": valeurs.au,
        "quota_jour": valeurs.quota_jour,
        "message": valeurs.message,
    }


def _decision(chantier: Chantier, etat: str, reponse: str) -> dict[str, Any]:
    return {
        "etat": etat,
        "decide_par": chantier.auteur.agent_id,
        "decide_par_service_id": chantier.service_id,
        "decide_a": chantier.maintenant,
        "reponse": reponse,
    } | ({"acceptee_a": chantier.maintenant} if etat == "acceptee" else {})


async def _update(chantier: Chantier, delegation_id: int, valeurs: Mapping[str, Any]) -> DelegationLue:
    await chantier.conn.execute(
        update(Delegation).where(Delegation.id == delegation_id).values(**valeurs, revision=Delegation.revision + 1)
    )
    return await _read(chantier, delegation_id)
