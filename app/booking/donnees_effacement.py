"""Erase one person before the retention says so: his past rendez-vous, his waiting list, his row of the register.

The columns are those of the retention (``app.booking.anonymisation``), a lot a transaction, each RDV announced so that
no open screen goes on showing the name. What is still needed to receive him is kept, and told with its reason. Asked
again, it finds nothing more to erase.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking import attente_store as file
from app.booking import store
from app.booking.acte import raise_revision
from app.booking.anonymisation import erase_courriers, erase_rdv
from app.booking.attente import remove
from app.booking.donnees_critere import Critere
from app.booking.donnees_personne import Trouves, check_droit, find, messages_sans_rdv, write
from app.booking.outils import Auteur, Outils
from app.db import UnitOfWork
from app.domain.rendez_vous import Evenement
from app.errors import Introuvable, SaisieInvalide
from app.tables import Attente, Courrier, RendezVous, Usager

#: Rendez-vous of one transaction: each raises the version of its service.
LOT: Final = 50
#: States in which nothing more will happen to a RDV.
FINIS: Final = frozenset({"termine", "annule", "non_honore"})
#: A reference is kept by the journal: it can be a number, it cannot be a name.
_REFERENCE: Final = re.compile(r"(?=.*[0-9])[A-Za-z0-9][A-Za-z0-9./_-]{0,39}")


class Raison(StrEnum):
    """Why data are erased before their time."""

    DEMANDE = "demande"
    OPPOSITION = "opposition"
    ERREUR = "erreur"
    DECISION = "decision"


RAISONS: Final[Mapping[Raison, str]] = {
    Raison.DEMANDE: "La personne demande l’effacement",
    Raison.OPPOSITION: "La personne s’oppose au traitement",
    Raison.ERREUR: "Ces données ont été enregistrées par erreur",
    Raison.DECISION: "Une décision l’impose (CNIL, juge)",
}


class Garde(StrEnum):
    """Why something chosen stays."""

    A_VENIR = "a_venir"
    EN_COURS = "en_cours"
    COMPTE = "compte"


PHRASES: Final[Mapping[Garde, str]] = {
    Garde.A_VENIR: (
        "Il est à venir : ces données sont nécessaires à la mission. Annulez-le d’abord, ou effacez-les après."
    ),
    Garde.EN_COURS: (
        "Il n’est pas encore clos : ces données sont nécessaires à la mission jusqu’à la fin de la journée."
    ),
    Garde.COMPTE: "Un rendez-vous à venir, ou pas encore clos, en dépend : il est nécessaire à la mission.",
}


@dataclass(slots=True)
class Bilan:
    """What was erased, and what was kept: (« rdv » or « registre », id, why). ``deja``: RDV erased before."""

    rdvs: int = 0
    deja: int = 0
    attentes: int = 0
    registre: int = 0
    gardes: list[tuple[str, int, Garde]] = field(default_factory=list)


def parse_raison(raison: str, reference: str) -> dict[str, str]:
    """What the journal will say of it. Raises SaisieInvalide."""
    erreurs = {}
    if raison not in set(Raison):
        erreurs["raison"] = "Choisissez la raison."
    reference = reference.strip()
    if reference and _REFERENCE.fullmatch(reference) is None:
        erreurs["reference"] = (
            "Une référence a des lettres sans accent, des chiffres et des tirets, 40 au plus, et au moins un chiffre."
        )
    if erreurs:
        raise SaisieInvalide(champs=erreurs)
    return {"raison": raison, **({"reference": reference} if reference else {})}


def find_garde(etat: str, fin: datetime, maintenant: datetime) -> Garde | None:
    """Why the people of a RDV cannot be erased yet; None when they can."""
    if etat in FINIS:
        return None
    return Garde.A_VENIR if fin > maintenant and etat == "prevu" else Garde.EN_COURS


async def erase(
    outils: Outils,
    critere: Critere,
    choix: Trouves,
    raison: Mapping[str, str],
    auteur: Auteur,
    maintenant: datetime,
) -> Bilan:
    """Erase what was chosen of what the criterion finds. ``raison``: as ``parse_raison`` gives it.

    Raises AccesRefuse when the agent may not.
    """

    async def ouvre(uow: UnitOfWork) -> Trouves:
        await check_droit(uow.conn, auteur)
        trouves = (await find(uow.conn, critere)).keep(choix)
        faits = {"criteres": critere.print(outils.settings), **raison}
        await write(uow.conn, auteur, maintenant, "donnees.effacement", faits)
        return trouves

    trouves = await outils.db.transaction(ouvre)
    bilan = Bilan()
    for debut in range(0, len(trouves.rdvs), LOT):
        await _erase_lot(outils, trouves.rdvs[debut : debut + LOT], critere, raison, auteur, maintenant, bilan)
    for attente_id in trouves.attentes:
        bilan.attentes += await _erase_attente(outils, attente_id, raison, auteur, maintenant)
    for usager_id in trouves.registre:
        await _erase_compte(outils, usager_id, raison, auteur, maintenant, bilan)
    return bilan


async def _erase_lot(
    outils: Outils,
    ids: Sequence[int],
    critere: Critere,
    raison: Mapping[str, str],
    auteur: Auteur,
    maintenant: datetime,
    bilan: Bilan,
) -> None:
    """One transaction; found again under it: what was corrected meanwhile is perhaps somebody else's."""

    async def travail(uow: UnitOfWork) -> tuple[int, int, list[tuple[str, int, Garde]]]:
        await check_droit(uow.conn, auteur)
        verrou = (
            select(*store.COLONNES_RDV, RendezVous.anonymise_a)
            .where(RendezVous.id.in_(ids), RendezVous.etat != "option")
            .order_by(RendezVous.id)
            .with_for_update()
        )
        lignes = [dict(ligne) for ligne in (await uow.conn.execute(verrou)).mappings()]
        encore = set((await find(uow.conn, critere)).rdvs)
        a_effacer, gardes, deja = [], [], 0
        for rdv in lignes:
            garde = find_garde(rdv["etat"], rdv["fin"], maintenant)
            if rdv["anonymise_a"] is not None:
                deja += 1
            elif rdv["id"] not in encore:
                continue
            elif garde is not None:
                gardes.append(("rdv", int(rdv["id"]), garde))
            else:
                a_effacer.append(rdv)
        if a_effacer:
            await erase_rdv(uow.conn, [rdv["id"] for rdv in a_effacer], maintenant)
        for rdv in a_effacer:
            await raise_revision(uow, rdv, maintenant)
            await _announce(uow, rdv, raison, auteur, maintenant)
        return len(a_effacer), deja, gardes

    effaces, deja, gardes = await outils.db.transaction(travail)
    bilan.rdvs += effaces
    bilan.deja += deja
    bilan.gardes += gardes


async def _announce(
    uow: UnitOfWork, rdv: Mapping[str, Any], raison: Mapping[str, str], auteur: Auteur, maintenant: datetime
) -> None:
    """Its line, and the frame by which every open screen forgets the name."""
    quoi = {"service_id": rdv["service_id"], "rdv_id": rdv["id"]}
    await write(uow.conn, auteur, maintenant, "donnees.effacees", raison, **quoi)
    uow.annonces.rdv(
        Evenement.MODIFIE.value,
        store.services_concernes(rdv["service_id"], rdv["service_origine_id"]),
        rdv=rdv["id"],
        guichet=rdv["guichet_id"],
        etat=rdv["etat"],
        debut=rdv["debut"],
        fin=rdv["fin"],
        a=maintenant,
    )


async def _erase_attente(
    outils: Outils, attente_id: int, raison: Mapping[str, str], auteur: Auteur, maintenant: datetime
) -> int:
    """Out of the list, its offer to the next one, then nothing left of whom it was. 1 when there was something."""

    async def lire(uow: UnitOfWork) -> tuple[int, str] | None:
        await check_droit(uow.conn, auteur)
        ligne = await file.lock_by_id(uow.conn, attente_id)
        if ligne is None or not ligne["contact"]:
            return None
        quoi = {"service_id": ligne["service_id"], "objet": "attente", "objet_id": attente_id}
        await write(uow.conn, auteur, maintenant, "donnees.effacees", raison, **quoi)
        await _erase_messages(uow.conn, attente_id, ligne["contact"], maintenant)
        return int(ligne["service_id"]), str(ligne["contact"])

    lue = await outils.db.transaction(lire)
    if lue is None:
        return 0
    service_id, contact = lue
    with suppress(Introuvable):  # purged at this very moment
        await remove(outils, service_id, attente_id, auteur, maintenant)

    async def oublier(uow: UnitOfWork) -> None:
        await uow.conn.execute(update(Attente).where(Attente.id == attente_id).values(**file.EFFACE))
        await _erase_messages(uow.conn, attente_id, contact, maintenant)  # one may have been written meanwhile

    await outils.db.transaction(oublier)
    return 1


async def _erase_messages(conn: AsyncConnection, attente_id: int, contact: str, maintenant: datetime) -> None:
    """Those of that request: another one may wait at the same address."""
    siens = Courrier.donnees["attente_id"].as_integer() == attente_id
    await erase_courriers(conn, messages_sans_rdv([contact]) & siens, maintenant)


async def _erase_compte(
    outils: Outils, usager_id: int, raison: Mapping[str, str], auteur: Auteur, maintenant: datetime, bilan: Bilan
) -> None:
    """The row and its sessions, unless a RDV that is not over needs it; those that are over are detached."""

    async def travail(uow: UnitOfWork) -> bool | None:
        await check_droit(uow.conn, auteur)
        if not await _lock_compte(uow.conn, usager_id):
            return None
        vivants = select(RendezVous.id).where(RendezVous.usager_id == usager_id, RendezVous.etat.not_in(FINIS))
        if (await uow.conn.execute(vivants.limit(1))).scalar_one_or_none() is not None:
            return False
        siens = RendezVous.usager_id == usager_id
        await uow.conn.execute(update(RendezVous).where(siens).values(usager_id=None))
        await uow.conn.execute(delete(Usager).where(Usager.id == usager_id))
        await write(uow.conn, auteur, maintenant, "donnees.effacees", raison, objet="usager", objet_id=usager_id)
        return True

    efface = await outils.db.transaction(travail)
    if efface:
        bilan.registre += 1
    elif efface is False:
        bilan.gardes.append(("registre", usager_id, Garde.COMPTE))


async def _lock_compte(conn: AsyncConnection, usager_id: int) -> bool:
    verrou = select(Usager.id).where(Usager.id == usager_id).with_for_update()
    return (await conn.execute(verrou)).scalar_one_or_none() is not None
