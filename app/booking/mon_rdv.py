"""What an usager does alone with his own RDV, by whatever title reaches it: see, move, cancel, tick his documents.

The rules of moving and cancelling are those of everybody (``deplacer.move``, ``vie.act``), under the internet's; here
is what is his alone. Each change is about the RDV as his page showed it (its revision), and a change sent twice is made
once.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, DateTime, Text, exists, func, insert, literal, select, update
from sqlalchemy.dialects.postgresql import INET, JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking import acte
from app.booking.contexte import ServiceContexte, read_versions
from app.booking.deplacer import Cible, RdvDeplace, move
from app.booking.outils import Auteur, Outils
from app.booking.titres import Titre, keep_prouvee, lock_rdv
from app.booking.vie import RdvActe, act
from app.courrier.texte import telephone_lisible
from app.db import UnitOfWork
from app.domain.documents import count_prets, keep_demandes
from app.domain.droits import Acces, Autorise, decide_modification
from app.domain.horaires import from_minute
from app.domain.libre_service import PHRASES, Empechement, find_empechement
from app.domain.rendez_vous import Action
from app.errors import Conflit, Interdit, Introuvable, TransitionImpossible, TropDeDemandes
from app.journal import read_adresse
from app.langue import _, get_langue
from app.tables import Journal, RdvUsager, RendezVous

#: Moves of one rendez-vous by its usager within a day: each is a message to him, and one to the service.
DEPLACEMENTS_PAR_JOUR: Final = 6
#: One line stands for the pages opened by the link during that time.
LECTURE: Final = timedelta(hours=1)
#: Its holder was written to because somebody asked for a second one (``app.booking.unicite``).
_REMIS: Final = (
    exists()
    .where(
        Journal.rdv_id == RendezVous.id,
        Journal.action == "rdv.deja_pris",
        Journal.apres["message"].as_boolean(),
    )
    .label("remis")
)

COLONNES: Final = (
    RendezVous.id,
    RendezVous.code,
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
    RendezVous.sequence,
    RendezVous.revision,
    RendezVous.visio_lien,
    RendezVous.message_usager,
    RendezVous.cree_a,
    RendezVous.annule_par,
    RendezVous.forcages,
    RendezVous.documents_prets,
    RdvUsager.nature,
    RdvUsager.telephones,
    RdvUsager.courriel,
    _REMIS,
)


async def read_mien(conn: AsyncConnection, titre: Titre, rdv_id: int | None = None) -> dict[str, Any] | None:
    """The RDV that the title reaches (``COLONNES``), or None. ``rdv_id``: which one, when it reaches several."""
    requete = (
        select(*COLONNES)
        .outerjoin(RdvUsager, RdvUsager.rdv_id == RendezVous.id)
        .where(RendezVous.etat != "option", *([] if rdv_id is None else [RendezVous.id == rdv_id]))
    )
    return keep_prouvee((await conn.execute(titre.scope(requete))).mappings().one_or_none(), titre)


async def record_lecture(outils: Outils, rdv: Mapping[str, Any], auteur: Auteur, maintenant: datetime) -> None:
    """Its pages were opened by its link: one line an hour, in one statement."""
    deja = exists().where(
        Journal.rdv_id == rdv["id"],
        Journal.a > maintenant - LECTURE,
        Journal.action == "rdv.lu",
        Journal.apres["par"].as_string() == "lien",
    )
    ligne: dict[str, ColumnElement[Any]] = {
        "a": literal(maintenant, DateTime(timezone=True)),
        "acteur": literal(auteur.nature, Text),
        "action": literal("rdv.lu", Text),
        "origine": literal(auteur.origine, Text),
        "service_id": literal(rdv["service_id"], BigInteger),
        "rdv_id": literal(rdv["id"], BigInteger),
        "adresse": literal(read_adresse(auteur.adresse), INET),
        "apres": literal({"par": "lien"}, JSONB),
    }
    async with outils.db.read() as conn:
        await conn.execute(insert(Journal).from_select(list(ligne), select(*ligne.values()).where(~deja)))


def find_obstacle(
    rdv: Mapping[str, Any], contexte: ServiceContexte, titre: Titre, maintenant: datetime
) -> Empechement | None:
    """Why its usager may neither move nor cancel it now; None when he may."""
    permis = isinstance(decide_modification(titre.canal, titre.acces, contexte.parametres), Autorise)
    obstacle = find_empechement(rdv["etat"], rdv["debut"], maintenant, permis=permis)
    if obstacle is None and rdv["remis"] and titre.acces is Acces.CODE_ET_NOM:
        return Empechement.PAR_MESSAGE  # whoever made it knows both words, and is perhaps a stranger
    return obstacle


def check_obstacle(rdv: Mapping[str, Any], contexte: ServiceContexte, titre: Titre, maintenant: datetime) -> None:
    """Raise Interdit (the nation does not let him) or TransitionImpossible (too late)."""
    obstacle = find_obstacle(rdv, contexte, titre, maintenant)
    if obstacle in (Empechement.DESACTIVE, Empechement.PAR_MESSAGE):
        raise Interdit(PHRASES[obstacle], remede="")
    if obstacle is not None:
        raise TransitionImpossible(PHRASES[obstacle], remede="", etat=rdv["etat"], cause=obstacle.value)


async def cancel(
    outils: Outils, rdv: Mapping[str, Any], titre: Titre, auteur: Auteur, maintenant: datetime, *, raison: str, vue: int
) -> RdvActe:
    """Cancel it for good. ``vue``: the revision that his page showed; ``raison`` may be empty.

    Raises Introuvable, Interdit, TransitionImpossible, Conflit (it has changed since), SaisieInvalide. Cancelling what
    is cancelled changes nothing and is no error: a second click.
    """
    async with outils.db.read() as conn:
        actuel = await read_mien(conn, titre, rdv["id"])
        if actuel is None:
            raise Introuvable(titre.introuvable)
        contexte = await _read_contexte(outils, conn, actuel["service_id"])
    if actuel["etat"] != "annule":
        check_obstacle(actuel, contexte, titre, maintenant)
    return await act(outils, rdv["id"], Action.ANNULER, auteur, maintenant, revision=vue, raison=raison, titre=titre)


async def relocate(
    outils: Outils,
    rdv: Mapping[str, Any],
    titre: Titre,
    cible: Cible,
    auteur: Auteur,
    maintenant: datetime,
    *,
    vue: int,
) -> RdvDeplace:
    """Move it, by the rules of the internet. ``vue``: the revision that his page showed.

    Raises what ``move`` does, Interdit, TransitionImpossible, TropDeDemandes. What is already where it is asked to go
    is no conflict: a second click, or another tab.
    """
    async with outils.db.read() as conn:
        actuel = await read_mien(conn, titre, rdv["id"])
        if actuel is None:
            raise Introuvable(titre.introuvable)
        contexte = await _read_contexte(outils, conn, actuel["service_id"])
    if is_there(actuel, cible):
        return _unchanged(actuel)
    check_obstacle(actuel, contexte, titre, maintenant)
    await _check_deplacements(outils, actuel, contexte, maintenant)
    try:
        return await move(outils, rdv["id"], cible, auteur, maintenant, revision=vue, titre=titre)
    except Conflit:
        async with outils.db.read() as conn:
            actuel = await read_mien(conn, titre, rdv["id"])
        if actuel is None or not is_there(actuel, cible):
            raise
        return _unchanged(actuel)


async def _check_deplacements(
    outils: Outils, rdv: Mapping[str, Any], contexte: ServiceContexte, maintenant: datetime
) -> None:
    """Raise TropDeDemandes past ``DEPLACEMENTS_PAR_JOUR``. The revision that his page showed bounds those at once."""
    depuis = maintenant - timedelta(days=1)
    siens = (Journal.rdv_id == rdv["id"], Journal.action == "rdv.replanifie", Journal.acteur == "usager")
    async with outils.db.read() as conn:
        requete = select(func.count(), func.min(Journal.a)).where(*siens, Journal.a > depuis)
        nombre, premier = (await conn.execute(requete)).one()
    if nombre < DEPLACEMENTS_PAR_JOUR:
        return
    remede = _("Gardez-le tel quel, ou réessayez demain.")
    if contexte.telephone:
        remede = _("Gardez-le tel quel, réessayez demain ou joignez le service au {telephone}.").format(
            telephone=telephone_lisible(contexte.telephone, get_langue())
        )
    raise TropDeDemandes(
        "Ce rendez-vous a été déplacé trop souvent aujourd’hui : il ne peut plus l’être en ligne avant demain.",
        remede=remede,
        attendre_s=max(1, int((premier - depuis).total_seconds())),
    )


def is_there(rdv: Mapping[str, Any], cible: Cible) -> bool:
    """True when the RDV is already what it is asked to become, and still stands."""
    return (
        rdv["etat"] == "prevu"
        and rdv["debut"] == from_minute(cible.debut)
        and cible.motif_id in (None, rdv["motif_id"])
        and cible.type_rdv in (None, rdv["type_rdv"])
    )


def _unchanged(rdv: Mapping[str, Any]) -> RdvDeplace:
    champs = ("id", "service_id", "guichet_id", "debut", "fin", "revision")
    return RdvDeplace(**{champ: rdv[champ] for champ in champs}, change=False)


async def keep_documents(
    outils: Outils, rdv: Mapping[str, Any], titre: Titre, cles: frozenset[str], auteur: Auteur, maintenant: datetime
) -> tuple[int, int]:
    """Keep which documents he has ready (prints, ``app.domain.documents``): how many, of how many asked for.

    Its revision does not rise: a tick must not stand in the way of an agent at work on the RDV. Raises Introuvable;
    TransitionImpossible once the RDV is over or cancelled.
    """

    async def travail(uow: UnitOfWork) -> tuple[int, int] | None:
        actuel = await lock_rdv(uow.conn, rdv["id"], titre)
        if actuel is None:
            return None
        contexte = await _read_contexte(outils, uow.conn, actuel["service_id"])
        obstacle = find_empechement(actuel["etat"], actuel["fin"], maintenant, permis=True)
        if obstacle is not None:
            raise TransitionImpossible(PHRASES[obstacle], remede="", etat=actuel["etat"], cause=obstacle.value)
        motif = contexte.motifs.get(actuel["motif_id"])
        documents = motif.documents if motif else ()
        prets = keep_demandes(documents, cles)
        avant = (
            await uow.conn.execute(select(RendezVous.documents_prets).where(RendezVous.id == actuel["id"]))
        ).scalar_one()
        if set(prets) != set(avant):
            ecrire = update(RendezVous).where(RendezVous.id == actuel["id"]).values(documents_prets=prets)
            await uow.conn.execute(ecrire)
            faits = {"avant": {"prets": count_prets(documents, avant)}, "apres": {"prets": len(prets)}}
            await acte.record(uow, actuel, auteur, maintenant, "rdv.documents", **faits)
        return len(prets), len(documents)

    fait = await outils.db.transaction(travail)
    if fait is None:
        raise Introuvable(titre.introuvable)
    return fait


async def _read_contexte(outils: Outils, conn: AsyncConnection, service_id: int) -> ServiceContexte:
    versions = await read_versions(conn, service_id)
    return await outils.dispo.contextes.get(conn, service_id, versions.planning)
