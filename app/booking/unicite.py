"""Online, one rendez-vous to come per person and motif, inside the booking's transaction (``app.domain.unicite``).

Two tabs that book at once for one person wait for each other here, before anything else is locked: the second sees what
the first committed. An account is refused with its own rendez-vous (409). For anybody else nothing is disclosed: the
answer is one neutral page, and the message goes to the address where that rendez-vous was confirmed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ARRAY, ColumnElement, Text, bindparam, cast, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking import store
from app.booking.contexte import ServiceContexte, read_versions
from app.booking.forms import UsagerSaisi
from app.booking.jugement import Reservation
from app.booking.liens import empreinte, jeton_lien, new_sel
from app.booking.messages import find_destination, write_message
from app.booking.outils import Auteur, Outils
from app.booking.textes import to_recherche
from app.config import Settings
from app.db import UnitOfWork
from app.domain.unicite import Personne, keeps_from_booking
from app.errors import Conflit
from app.journal import write_journal
from app.tables import Courrier, RdvUsager, RendezVous, Usager

#: Still to come, or under way.
ACTIFS: Final = ("prevu", "arrive", "appele", "recu")
#: The holder is written to again at most so often, and so many times a day: a form may be sent by anybody.
_INTERVALLE: Final = timedelta(minutes=10)
_PAR_JOUR: Final = 3


class MotifDejaPris(Conflit):
    """409, to who is signed in: he has one already for this motif. ``details['rdv_id']``: his own."""

    code = "deja-un-rendez-vous"
    phrase = "Vous avez déjà un rendez-vous pour ce motif."
    remede = "Déplacez-le plutôt, ou annulez-le avant d’en prendre un autre."


class SuiteParMessage(Conflit):
    """To anybody else: nothing was booked, and the rest is in a mailbox. It says no more, whatever the reason."""

    code = "suite-par-message"
    phrase = "Consultez votre messagerie pour poursuivre."
    remede = ""


@dataclass(frozen=True, slots=True)
class Existant:
    """The rendez-vous found; ``compte``: it is that of the account which asks."""

    rdv_id: int
    compte: bool

    def build_refus(self) -> Conflit:
        """As an answer."""
        return MotifDejaPris(rdv_id=self.rdv_id) if self.compte else SuiteParMessage()


_VERROUS: Final = text("SELECT pg_advisory_xact_lock(hashtextextended(nom, 0)) FROM unnest(:noms) AS nom").bindparams(
    bindparam("noms", type_=ARRAY(Text))
)
_CLES: Final = func.cles_de_recherche(RdvUsager.services, RdvUsager.recherche, RdvUsager.telephones, RdvUsager.courriel)
_PERSONNE: Final = (
    RdvUsager.nature,
    RdvUsager.civilite,
    RdvUsager.nom_usage,
    RdvUsager.nom_naissance,
    RdvUsager.prenoms,
    RdvUsager.date_naissance,
    RdvUsager.numero_fiscal,
    RdvUsager.raison_sociale,
    RdvUsager.siren,
    RdvUsager.telephones,
    RdvUsager.courriel,
    RdvUsager.langue,
)


async def find_existant(
    outils: Outils,
    uow: UnitOfWork,
    contexte: ServiceContexte,
    demande: Reservation,
    service_choisi: int,
    cle: bytes,
    auteur: Auteur,
    maintenant: datetime,
) -> Existant | None:
    """The rendez-vous because of which this one is not booked, or None. Locks the person until the end of ``uow``.

    The very request that made it (``cle``) is a replay, not a second one. When an anonymous form is kept from booking,
    the message to the holder is written in ``uow``, which must be committed.
    """
    if demande.usager_id is not None:
        await _lock(uow.conn, (f"compte:{demande.usager_id}",), demande.motif_id)
        trouve = await find_du_compte(uow.conn, demande.usager_id, demande.motif_id, maintenant, sauf=cle)
        return None if trouve is None else Existant(trouve, compte=True)
    if not contexte.parametres.modification_usager:
        return None
    sauf = or_(RendezVous.cle_idempotence.is_(None), RendezVous.cle_idempotence != cle)
    qui = asdict(demande.usager)
    return await _find_anonyme(outils, uow, qui, demande.motif_id, service_choisi, sauf, auteur, maintenant)


async def find_autre(
    outils: Outils, uow: UnitOfWork, rdv: Mapping[str, Any], motif_id: int, auteur: Auteur, maintenant: datetime
) -> Existant | None:
    """The rendez-vous because of which its usager may not make another motif of that one: the same rules.

    Before its row is locked, as a booking does: both take the person first. To be committed, as above.
    """
    requete = (
        select(RendezVous.usager_id, *_PERSONNE)
        .outerjoin(RdvUsager, RdvUsager.rdv_id == RendezVous.id)
        .where(RendezVous.id == rdv["id"])
    )
    qui = dict((await uow.conn.execute(requete)).mappings().one())
    sauf = RendezVous.id != rdv["id"]
    if qui["usager_id"] is not None:
        await _lock(uow.conn, (f"compte:{qui['usager_id']}",), motif_id)
        trouve = await _find_compte(uow.conn, qui["usager_id"], motif_id, maintenant, sauf)
        return None if trouve is None else Existant(trouve, compte=True)
    if qui["telephones"] is None:  # its person is erased
        return None
    choisi = rdv["service_origine_id"] or rdv["service_id"]
    return await _find_anonyme(outils, uow, qui, motif_id, choisi, sauf, auteur, maintenant)


async def _find_anonyme(
    outils: Outils,
    uow: UnitOfWork,
    qui: Mapping[str, Any],
    motif_id: int,
    service_choisi: int,
    sauf: ColumnElement[bool],
    auteur: Auteur,
    maintenant: datetime,
) -> Existant | None:
    """Another one of the person ``qui`` (``_PERSONNE``), whose holder is written to."""
    adresses = _list_adresses(qui)
    if not adresses:
        return None
    await _lock(uow.conn, adresses, motif_id)
    for ligne in await _list_candidats(uow.conn, adresses, motif_id, service_choisi, sauf, maintenant):
        libre = ligne["etat"] == "prevu" and ligne["debut"] > maintenant
        if _keeps(outils.settings, qui, ligne, libre=libre):
            await _tell(outils, uow, ligne, auteur, maintenant)
            return Existant(ligne["id"], compte=False)
    return None


async def find_du_compte(
    conn: AsyncConnection, usager_id: int, motif_id: int, maintenant: datetime, *, sauf: bytes | None = None
) -> int | None:
    """The rendez-vous to come of an account for that motif, wherever it is, but for the one that ``sauf`` made."""
    autre = or_(RendezVous.cle_idempotence.is_(None), RendezVous.cle_idempotence.is_distinct_from(sauf))
    return await _find_compte(conn, usager_id, motif_id, maintenant, autre)


async def _find_compte(
    conn: AsyncConnection, usager_id: int, motif_id: int, maintenant: datetime, sauf: ColumnElement[bool]
) -> int | None:
    requete = (
        select(RendezVous.id)
        .where(
            RendezVous.usager_id == usager_id,
            RendezVous.motif_id == motif_id,
            RendezVous.etat.in_(ACTIFS),
            RendezVous.fin > maintenant,
            sauf,
        )
        .order_by(RendezVous.debut)
        .limit(1)
    )
    return (await conn.execute(requete)).scalar_one_or_none()


async def keep_contacts(conn: AsyncConnection, usager_id: int, saisi: UsagerSaisi, maintenant: datetime) -> None:
    """How the account's owner wants to be reached, as he has just said: his next form begins with it."""
    siens = {"telephones": list(saisi.telephones), "courriel": saisi.courriel, "modifie_a": maintenant}
    await conn.execute(update(Usager).where(Usager.id == usager_id).values(**siens))


def _list_adresses(qui: Mapping[str, Any]) -> tuple[str, ...]:
    """Where the person may be reached, as ``cles_de_recherche`` writes it."""
    return (*((f"@{qui['courriel'].lower()}",) if qui["courriel"] else ()), *qui["telephones"])


async def _lock(conn: AsyncConnection, adresses: tuple[str, ...], motif_id: int) -> None:
    """In one order, and hashed: nobody's address is the name of a lock."""
    noms = sorted(hashlib.sha256(f"unicite\n{motif_id}\n{adresse}".encode()).hexdigest() for adresse in adresses)
    await conn.execute(_VERROUS, {"noms": noms})


async def _list_candidats(
    conn: AsyncConnection,
    adresses: tuple[str, ...],
    motif_id: int,
    service_id: int,
    sauf: ColumnElement[bool],
    maintenant: datetime,
) -> list[Mapping[str, Any]]:
    """Rendez-vous to come there, for that motif, of people who gave one of these addresses."""
    cherche = " | ".join("'" + adresse.replace("\\", "\\\\").replace("'", "''") + "'" for adresse in adresses)
    requete = (
        select(*store.COLONNES_RDV, RendezVous.message_usager, *_PERSONNE)
        .join(RdvUsager, RdvUsager.rdv_id == RendezVous.id)
        .where(
            _CLES.op("@@")(cast(cherche, TSQUERY)),
            RendezVous.motif_id == motif_id,
            func.coalesce(RendezVous.service_origine_id, RendezVous.service_id) == service_id,
            RendezVous.etat.in_(ACTIFS),
            RendezVous.fin > maintenant,
            sauf,
        )
        .order_by(RendezVous.debut)
        .limit(20)
    )
    return [dict(ligne) for ligne in (await conn.execute(requete)).mappings()]


def _keeps(settings: Settings, qui: Mapping[str, Any], ligne: Mapping[str, Any], *, libre: bool) -> bool:
    destination = find_destination(settings, ligne["courriel"], ligne["telephones"])
    if destination is None:
        return False
    sienne = destination.adresse if destination.canal == "sms" else f"@{destination.adresse.lower()}"
    return keeps_from_booking(_personne(qui), _personne(ligne), joint=sienne in _list_adresses(qui), libre=libre)


def _personne(qui: Mapping[str, Any]) -> Personne:
    noms = (to_recherche(qui["nom_usage"]), to_recherche(qui["nom_naissance"]))
    return Personne(
        frozenset(nom for nom in noms if nom),
        next(iter(to_recherche(qui["prenoms"]).split()), ""),
        qui["date_naissance"],
        qui["numero_fiscal"],
        qui["siren"],
    )


async def _tell(
    outils: Outils, uow: UnitOfWork, ligne: Mapping[str, Any], auteur: Auteur, maintenant: datetime
) -> None:
    """Write to the holder, unless he has just been written to; journaled in every case.

    Who made it may be a stranger: what his browser holds (the link, the form that can be sent again for it) opens
    nothing more, and the message carries the link that does.
    """
    conn = uow.conn
    envoyes = select(func.max(Courrier.cree_a), func.count()).where(
        Courrier.rdv_id == ligne["id"],
        Courrier.evenement == "existant",
        Courrier.cree_a > maintenant - timedelta(days=1),
    )
    dernier, nombre = (await conn.execute(envoyes)).one()
    ecrit = nombre < _PAR_JOUR and (dernier is None or dernier <= maintenant - _INTERVALLE)
    if ecrit:
        sel = new_sel()
        lien = {"lien_sel": sel, "lien_empreinte": empreinte(jeton_lien(outils.settings, sel))}
        suivante = (
            update(RendezVous)
            .where(RendezVous.id == ligne["id"])
            .values(sequence=RendezVous.sequence + 1, cle_idempotence=None, **lien)
        )
        sequence = (await conn.execute(suivante.returning(RendezVous.sequence))).scalar_one()
        versions = await read_versions(conn, ligne["service_id"])
        receveur = await outils.dispo.contextes.get(conn, ligne["service_id"], versions.planning)
        await write_message(
            conn,
            outils.settings,
            "existant",
            receveur,
            rdv={**ligne, "sequence": sequence},
            destinataire=ligne["courriel"],
            usager_nom=store.nom_affiche(ligne),
            telephones=tuple(ligne["telephones"]),
            maintenant=maintenant,
            langue=ligne["langue"],
        )
    await write_journal(
        conn,
        a=maintenant,
        acteur=auteur.nature,
        action="rdv.deja_pris",
        origine=auteur.origine,
        service_id=ligne["service_id"],
        rdv_id=ligne["id"],
        adresse=auteur.adresse,
        apres={"message": ecrit},
    )
