"""Everything held about one person, in every service, found by an exact criterion (right of access).

For who answers people about their data (``app.booking.droits.answers_personnes``): the right is asked in the very
transaction that reads, and each reading leaves a line with the print of the criterion. What is found is what the
criterion names and what hangs from it: the account behind a RDV, the request of the waiting list that it answered.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, cast, false, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY, TSQUERY
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import Text

from app.booking.donnees_critere import Critere, Genre
from app.booking.droits import answers_personnes
from app.booking.outils import Auteur, Outils
from app.booking.textes import to_recherche
from app.courrier.message import EVENEMENTS
from app.db import UnitOfWork
from app.errors import AccesRefuse
from app.journal import write_journal
from app.tables import (
    Attente,
    ContreAppel,
    Courrier,
    Journal,
    Motif,
    OffreAttente,
    RdvUsager,
    RendezVous,
    ServiceFiscal,
    SessionUsager,
    Suite,
    Usager,
)

INTERDIT: Final = "Cette page est réservée à qui répond aux personnes sur leurs données."
#: Rows of one kind read for one person: more than anybody has; the page says when there are more.
LIMITE: Final = 1000
_CLES: Final = func.cles_de_recherche(RdvUsager.services, RdvUsager.recherche, RdvUsager.telephones, RdvUsager.courriel)
_NOMS: Final = ("nom_usage", "nom_naissance", "raison_sociale")

Ligne = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Trouves:
    """Ids of what is held: rendez-vous, requests of the waiting list, rows of the register."""

    rdvs: tuple[int, ...] = ()
    attentes: tuple[int, ...] = ()
    registre: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.rdvs or self.attentes or self.registre)

    def keep(self, choix: Trouves) -> Trouves:
        """Those that were chosen: nothing that was not found."""
        return Trouves(
            tuple(i for i in self.rdvs if i in choix.rdvs),
            tuple(i for i in self.attentes if i in choix.attentes),
            tuple(i for i in self.registre if i in choix.registre),
        )


@dataclass(frozen=True, slots=True)
class Dossier:
    """The rows themselves, the newest first. ``trop``: more than ``LIMITE`` of a kind, the rest is not shown."""

    trouves: Trouves
    rdvs: Sequence[Ligne] = ()
    registre: Sequence[Ligne] = ()
    attentes: Sequence[Ligne] = ()
    messages: Sequence[Ligne] = ()
    contre_appels: Sequence[Ligne] = ()
    suites: Sequence[Ligne] = ()
    journal: Sequence[Ligne] = ()
    trop: bool = False


async def read_dossier(
    outils: Outils,
    critere: Critere,
    auteur: Auteur,
    maintenant: datetime,
    *,
    action: str = "donnees.cherchees",
    choix: Trouves | None = None,
) -> Dossier:
    """What is held of whom the criterion names; of what is chosen alone, when ``choix`` is given.

    Raises AccesRefuse, to be journaled by the page, when the agent may not.
    """

    async def travail(uow: UnitOfWork) -> Dossier:
        await check_droit(uow.conn, auteur)
        trouves = await find(uow.conn, critere)
        if choix is not None:
            trouves = trouves.keep(choix)
        dossier = await read_lignes(uow.conn, trouves)
        comptes = {nom: len(getattr(trouves, nom)) for nom in ("rdvs", "attentes", "registre")}
        await write(uow.conn, auteur, maintenant, action, {"criteres": critere.print(outils.settings), **comptes})
        return dossier

    return await outils.db.transaction(travail)


async def check_droit(conn: AsyncConnection, auteur: Auteur) -> None:
    """Raise AccesRefuse unless the agent answers people about their data; the terminal has no agent."""
    if auteur.nature == "systeme":
        return
    permis = auteur.agent_id is not None and answers_personnes(auteur.agent_id)
    if permis is False or not (await conn.execute(select(permis))).scalar_one():
        raise AccesRefuse(INTERDIT)


async def write(
    conn: AsyncConnection,
    auteur: Auteur,
    maintenant: datetime,
    action: str,
    apres: Mapping[str, Any],
    **quoi: Any,
) -> None:
    """One line about the data of a person: facts and prints, nothing that names him."""
    await write_journal(
        conn,
        a=maintenant,
        acteur=auteur.nature,
        action=action,
        origine=auteur.origine,
        agent_id=auteur.agent_id,
        adresse=auteur.adresse,
        apres=apres,
        **quoi,
    )


async def find(conn: AsyncConnection, critere: Critere) -> Trouves:
    """The ids, each kind by its own index."""
    registre = await _ids(conn, Usager.id, _find_registre(critere))
    rdvs = await _find_rdvs(conn, critere)
    if registre:
        rdvs |= await _ids(conn, RendezVous.id, RendezVous.usager_id.in_(registre))
    if rdvs:
        siens = select(RendezVous.usager_id).where(RendezVous.id.in_(rdvs), RendezVous.usager_id.is_not(None))
        registre |= {ident for ident in (await conn.execute(siens)).scalars() if ident is not None}
    attentes = set()
    if critere.partage:
        contact = (func.lower(Attente.contact) == critere.valeur.lower(), Attente.contact != "")
        attentes |= await _ids(conn, Attente.id, *contact)
    if rdvs:
        liees = select(OffreAttente.attente_id).where(OffreAttente.rdv_id.in_(rdvs))
        siennes = or_(Attente.id.in_(liees), Attente.rdv_id.in_(rdvs))
        attentes |= await _ids(conn, Attente.id, siennes, Attente.contact != "")
    return Trouves(_sort(rdvs), _sort(attentes), _sort(registre))


def _sort(ids: Collection[int]) -> tuple[int, ...]:
    return tuple(sorted(ids, reverse=True)[:LIMITE])


async def _ids(conn: AsyncConnection, colonne: Any, *conditions: ColumnElement[bool]) -> set[int]:
    requete = select(colonne).where(*conditions).order_by(colonne.desc()).limit(LIMITE + 1)
    return set((await conn.execute(requete)).scalars())


def _find_registre(critere: Critere) -> ColumnElement[bool]:
    match critere.genre:
        case Genre.NUMERO_FISCAL:
            return Usager.numero_fiscal == critere.valeur
        case Genre.SIREN:
            return Usager.siren == critere.valeur
        case Genre.COURRIEL:
            return func.lower(Usager.courriel) == critere.valeur
        case Genre.TELEPHONE:
            return Usager.telephones.op("@>")(cast([critere.valeur], ARRAY(Text)))
        case Genre.CODE:
            return false()


async def _find_rdvs(conn: AsyncConnection, critere: Critere) -> set[int]:
    if critere.genre is Genre.CODE:
        return await _find_par_code(conn, critere)
    match critere.genre:
        case Genre.NUMERO_FISCAL:
            condition = RdvUsager.numero_fiscal == critere.valeur
        case Genre.SIREN:
            condition = RdvUsager.siren == critere.valeur
        case Genre.COURRIEL:
            condition = _has_cle(f"@{critere.valeur}") & (func.lower(RdvUsager.courriel) == critere.valeur)
        case Genre.TELEPHONE:
            condition = _has_cle(critere.valeur) & RdvUsager.telephones.op("@>")(cast([critere.valeur], ARRAY(Text)))
    return await _ids(conn, RdvUsager.rdv_id, condition)


async def _find_par_code(conn: AsyncConnection, critere: Critere) -> set[int]:
    """The RDV of that code, if that is the whole name given for it (as ``titres.ParCode``)."""
    requete = (
        select(RendezVous.id, *(RdvUsager.__table__.c[nom] for nom in _NOMS))
        .join(RdvUsager, RdvUsager.rdv_id == RendezVous.id)
        .where(RendezVous.code == critere.valeur)
    )
    ligne = (await conn.execute(requete)).mappings().one_or_none()
    dit = to_recherche(critere.nom)
    if ligne is None or not dit or dit not in {to_recherche(ligne[nom]) for nom in _NOMS}:
        return set()
    return {int(ligne["id"])}


def _has_cle(cle: str) -> ColumnElement[bool]:
    """The index of searches holds that key (migration 0004)."""
    ecrite = "'" + cle.replace("\\", "\\\\").replace("'", "''") + "'"
    trouvee: ColumnElement[bool] = _CLES.op("@@")(cast(ecrite, TSQUERY))
    return trouvee


_RDV: Final = (
    *(
        RendezVous.id,
        RendezVous.code,
        RendezVous.service_id,
        RendezVous.type_rdv,
        RendezVous.debut,
        RendezVous.fin,
        RendezVous.etat,
    ),
    *(RendezVous.canal, RendezVous.origine, RendezVous.cree_a, RendezVous.annule_a, RendezVous.annule_par),
    *(RendezVous.annule_raison, RendezVous.precision, RendezVous.note_interne, RendezVous.message_usager),
    *(RendezVous.visio_lien, RendezVous.documents_prets, RendezVous.usager_id, RendezVous.anonymise_a),
    *(ServiceFiscal.libelle.label("service"), ServiceFiscal.ville, ServiceFiscal.fuseau),
    *(Motif.libelle.label("motif"), Motif.documents),
    *(c for c in RdvUsager.__table__.c if c.name not in ("rdv_id", "services", "anonymise_a")),
)


async def read_lignes(conn: AsyncConnection, trouves: Trouves) -> Dossier:
    """The rows of these ids and of all that follows them."""
    rdvs, attentes, registre = trouves.rdvs, trouves.attentes, trouves.registre
    lus = (
        select(*_RDV)
        .join(ServiceFiscal, ServiceFiscal.id == RendezVous.service_id)
        .join(Motif, Motif.id == RendezVous.motif_id)
        .outerjoin(RdvUsager, RdvUsager.rdv_id == RendezVous.id)
        .where(RendezVous.id.in_(rdvs), RendezVous.etat != "option")
        .order_by(RendezVous.debut.desc(), RendezVous.id.desc())
    )
    attendus = (
        select(Attente.__table__, ServiceFiscal.libelle.label("service"), ServiceFiscal.fuseau)
        .add_columns(Motif.libelle.label("motif"))
        .join(ServiceFiscal, ServiceFiscal.id == Attente.service_id)
        .join(Motif, Motif.id == Attente.motif_id)
        .where(Attente.id.in_(attentes))
        .order_by(Attente.id.desc())
    )
    sessions = select(SessionUsager.usager_id, SessionUsager.cree_a, SessionUsager.vue_a).where(
        SessionUsager.usager_id.in_(registre)
    )
    comptes = await _read(conn, select(Usager.__table__).where(Usager.id.in_(registre)).order_by(Usager.id))
    ouvertes = await _read(conn, sessions.order_by(SessionUsager.cree_a.desc()))
    demandes = await _read(conn, attendus)
    return Dossier(
        trouves,
        rdvs=await _read(conn, lus),
        registre=[{**u, "sessions": [s for s in ouvertes if s["usager_id"] == u["id"]]} for u in comptes],
        attentes=demandes,
        messages=await _read(conn, _select_messages(rdvs, [a["contact"] for a in demandes])),
        contre_appels=await _read(conn, _select_de(ContreAppel, rdvs)),
        suites=await _read(conn, _select_de(Suite, rdvs)),
        journal=await _read(conn, _select_journal(trouves)),
        trop=LIMITE in (len(rdvs), len(attentes), len(registre)),
    )


async def _read(conn: AsyncConnection, requete: Any) -> list[Ligne]:
    return [dict(ligne) for ligne in (await conn.execute(requete.limit(LIMITE))).mappings()]


def _select_de(table: Any, rdvs: Sequence[int]) -> Any:
    return select(table.__table__).where(table.rdv_id.in_(rdvs)).order_by(table.id.desc())


def _select_messages(rdvs: Sequence[int], contacts: Sequence[str]) -> Any:
    """What was or will be written to him; agents' own messages about the RDV are not his."""
    siens = or_(
        Courrier.rdv_id.in_(rdvs) & Courrier.evenement.in_(EVENEMENTS),
        messages_sans_rdv(contacts),
    )
    return select(Courrier.__table__).where(siens, Courrier.destinataire != "").order_by(Courrier.id.desc())


def messages_sans_rdv(contacts: Collection[str]) -> ColumnElement[bool]:
    """Messages about no RDV (waiting list) to these addresses or numbers."""
    connus = sorted({contact.lower() for contact in contacts if contact})
    return Courrier.rdv_id.is_(None) & (Courrier.destinataire != "") & func.lower(Courrier.destinataire).in_(connus)


def _select_journal(trouves: Trouves) -> Any:
    return (
        select(Journal.__table__, ServiceFiscal.libelle.label("service"))
        .outerjoin(ServiceFiscal, ServiceFiscal.id == Journal.service_id)
        .where(
            or_(
                Journal.rdv_id.in_(trouves.rdvs),
                (Journal.objet == "usager") & Journal.objet_id.in_(trouves.registre),
                (Journal.objet == "attente") & Journal.objet_id.in_(trouves.attentes),
            )
        )
        .order_by(Journal.id.desc())
    )
