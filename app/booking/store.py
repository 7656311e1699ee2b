"""SQL of the life of a RDV. Core statements in the caller's transaction; no rule is decided here.

The insert is the one of the promise « never two on one guichet at one time »: ``ON CONFLICT DO NOTHING RETURNING``
against the exclusion constraint waits for a rival still committing, never deadlocks, and answers « no row » when
the place is taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    CursorResult,
    DateTime,
    LargeBinary,
    bindparam,
    delete,
    insert,
    literal,
    select,
    text,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking.droits import RESERVER, SERVICE, scoped
from app.booking.forms import UsagerSaisi
from app.db import sqlstate
from app.domain.attente import SURSIS
from app.domain.rendez_vous import NatureOption
from app.outbox import PlanningChange
from app.tables import Agenda, Delegation, OffreAttente, RdvUsager, RendezVous


@dataclass(frozen=True, slots=True)
class OptionMorte:
    """A hold just removed: what has to be announced."""

    id: int
    service_id: int
    service_origine_id: int | None
    guichet_id: int
    debut: datetime
    fin: datetime

    @property
    def services(self) -> tuple[int, ...]:
        """The services that show it."""
        return services_concernes(self.service_id, self.service_origine_id)


def services_concernes(service_id: int, service_origine_id: int | None) -> tuple[int, ...]:
    """The service that receives, and the one that delegated, when there is one."""
    return (service_id,) if service_origine_id is None else (service_id, service_origine_id)


def _one(resultat: CursorResult[Any]) -> dict[str, Any] | None:
    ligne = resultat.mappings().one_or_none()
    return None if ligne is None else dict(ligne)


_COLONNES_OPTION = (
    RendezVous.id,
    RendezVous.service_id,
    RendezVous.service_origine_id,
    RendezVous.guichet_id,
    RendezVous.debut,
    RendezVous.fin,
)
#: A visitor's own hold.
_COLONNES_TENUE = (
    *_COLONNES_OPTION,
    RendezVous.delegation_id,
    RendezVous.jour,
    RendezVous.motif_id,
    RendezVous.type_rdv,
    RendezVous.expire_a,
    RendezVous.cree_a,
)


async def insert_rendez_vous(conn: AsyncConnection, valeurs: Mapping[str, Any]) -> int | None:
    """The id of the new row, or None when the place (or its idempotency key, or its code) is taken.

    Raises PlanningChange when the guichet has been deleted since the rules were applied.
    """
    ordre = pg_insert(RendezVous).values(**valeurs).on_conflict_do_nothing().returning(RendezVous.id)
    try:
        return (await conn.execute(ordre)).scalar_one_or_none()
    except IntegrityError as erreur:
        if sqlstate(erreur) == "23503":
            raise PlanningChange from erreur
        raise


#: A hold that an offer of the waiting list still counts on.
_D_UNE_OFFRE: Final = (
    select(OffreAttente.id)
    .where(OffreAttente.rdv_id == RendezVous.id, OffreAttente.etat.in_(("ouverte", "prise")))
    .correlate(RendezVous)
    .exists()
)


async def delete_options_mortes(
    conn: AsyncConnection, maintenant: datetime, *, guichets: Sequence[int] | None = None, limite: int = 500
) -> list[OptionMorte]:
    """Remove expired holds (of these guichets, or all), skipping those that another transaction is handling.

    Those of an offer of the waiting list are given back by the list (``attente_suivi``), unless it is long away: nobody
    else may have their place between the expiry and that.
    """
    mortes = (
        select(RendezVous.id)
        .where(
            RendezVous.etat == "option",
            RendezVous.expire_a <= maintenant,
            ~_D_UNE_OFFRE | (RendezVous.expire_a <= maintenant - SURSIS),
        )
        .order_by(RendezVous.id)
        .limit(limite)
        .with_for_update(skip_locked=True)
    )
    if guichets is not None:
        mortes = mortes.where(RendezVous.guichet_id.in_(guichets))
    lignes = await conn.execute(
        delete(RendezVous)
        .where(RendezVous.id.in_(mortes.scalar_subquery()), RendezVous.etat == "option")
        .returning(*_COLONNES_OPTION)
    )
    return [OptionMorte(*ligne) for ligne in lignes]


async def list_options_of(conn: AsyncConnection, empreinte: bytes) -> list[OptionMorte]:
    """The holds of one visitor."""
    lignes = await conn.execute(
        select(*_COLONNES_OPTION).where(RendezVous.option_empreinte == empreinte, RendezVous.etat == "option")
    )
    return [OptionMorte(*ligne) for ligne in lignes]


async def delete_options_of(
    conn: AsyncConnection,
    empreinte: bytes,
    maintenant: datetime,
    *,
    service_id: int | None = None,
    sauf: int | None = None,
) -> list[OptionMorte]:
    """Remove the holds of one visitor (all, or in one service), but for ``sauf``.

    Those that come from an offer are nobody's from now on: the waiting list gives their place back, to the next person.
    """
    siennes = [RendezVous.option_empreinte == empreinte, RendezVous.etat == "option"]
    if service_id is not None:
        siennes.append(RendezVous.service_id == service_id)
    if sauf is not None:
        siennes.append(RendezVous.id != sauf)
    laissees = update(RendezVous).where(*siennes, _D_UNE_OFFRE)
    await conn.execute(laissees.values(option_empreinte=None, expire_a=maintenant, modifie_a=maintenant))
    ordre = delete(RendezVous).where(*siennes).returning(*_COLONNES_OPTION)
    return [OptionMorte(*ligne) for ligne in await conn.execute(ordre)]


def _gels(guichet_id: Any, debut: Any, fin: Any) -> tuple[ColumnElement[bool], ...]:
    return (
        RendezVous.guichet_id == guichet_id,
        RendezVous.etat == "option",
        RendezVous.nature_option == NatureOption.GEL.value,
        RendezVous.debut < fin,
        RendezVous.fin > debut,
    )


_GELS: Final = select(*_COLONNES_OPTION).where(
    *_gels(
        bindparam("guichet", type_=BigInteger),
        bindparam("debut", type_=DateTime(timezone=True)),
        bindparam("fin", type_=DateTime(timezone=True)),
    )
)


async def list_gels(conn: AsyncConnection, guichet_id: int, debut: datetime, fin: datetime) -> list[OptionMorte]:
    """The cancelled places still kept on that guichet during ``[debut, fin)``."""
    lignes = await conn.execute(_GELS, {"guichet": guichet_id, "debut": debut, "fin": fin})
    return [OptionMorte(*ligne) for ligne in lignes]


async def delete_gels(conn: AsyncConnection, guichet_id: int, debut: datetime, fin: datetime) -> list[dict[str, Any]]:
    """Remove them; what they were."""
    ordre = delete(RendezVous).where(*_gels(guichet_id, debut, fin)).returning(*_COLONNES_TENUE, RendezVous.canal)
    return [dict(ligne) for ligne in (await conn.execute(ordre)).mappings()]


async def lock_option(
    conn: AsyncConnection, empreinte: bytes, service_id: int, maintenant: datetime
) -> dict[str, Any] | None:
    """The visitor's live hold in the service, locked, or None."""
    return _one(
        await conn.execute(
            select(*_COLONNES_TENUE)
            .where(
                RendezVous.option_empreinte == empreinte,
                RendezVous.service_id == service_id,
                RendezVous.etat == "option",
                RendezVous.expire_a > maintenant,
            )
            .order_by(RendezVous.id.desc())
            .limit(1)
            .with_for_update()
        )
    )


async def confirm_option(conn: AsyncConnection, option_id: int, valeurs: Mapping[str, Any]) -> bool:
    """Turn a locked hold into the RDV, at its own place. False when the code or key is already taken."""
    async with conn.begin_nested() as point:
        try:
            await conn.execute(update(RendezVous).where(RendezVous.id == option_id).values(**valeurs))
        except Exception as erreur:
            await point.rollback()
            if getattr(getattr(erreur, "orig", None), "sqlstate", None) == "23505":
                return False
            raise
    return True


async def insert_usager(
    conn: AsyncConnection,
    rdv_id: int,
    usager: UsagerSaisi,
    langue: str,
    *,
    canal: str,
    service_id: int,
    agent_id: int | None,
) -> bool:
    """The snapshot of the person, as entered for this RDV.

    For an agent's channel the right to book is in this very statement: False, and nothing written, when he has it no
    more. An usager's booking needs no right.
    """
    valeurs = asdict(usager)
    valeurs["telephones"] = list(usager.telephones)
    valeurs |= {"rdv_id": rdv_id, "langue": langue, "recherche": usager.recherche}
    if canal == "internet":
        await conn.execute(insert(RdvUsager).values(**valeurs))
        return True
    colonnes = RdvUsager.__table__.c
    ligne = select(*(literal(valeur, colonnes[nom].type) for nom, valeur in valeurs.items())).where(RESERVER[canal])
    ordre = insert(RdvUsager).from_select(list(valeurs), ligne).returning(RdvUsager.rdv_id)
    return (await conn.execute(ordre, {"agent": agent_id, "service": service_id})).scalar_one_or_none() is not None


_COLONNES_CLE = (
    RendezVous.id,
    RendezVous.code,
    RendezVous.guichet_id,
    RendezVous.debut,
    RendezVous.fin,
    RendezVous.empreinte_demande,
    RendezVous.lien_sel,
)
#: The live hold of one visitor in one service; built once: everybody who loses a créneau asks it.
_TENUE: Final = (
    select(*_COLONNES_TENUE)
    .where(
        RendezVous.option_empreinte == bindparam("empreinte", type_=LargeBinary),
        RendezVous.service_id == SERVICE,
        RendezVous.etat == "option",
        RendezVous.expire_a > bindparam("maintenant", type_=DateTime(timezone=True)),
    )
    .order_by(RendezVous.id.desc())
    .limit(1)
)
_MIENNE: Final = _TENUE.lateral("tenue")
_DEPART: Final = {
    canal: select(
        Agenda.version,
        Agenda.version_creneaux,
        Agenda.version_affichage,
        Agenda.version_planning,
        droit.label("permis"),
        *_COLONNES_CLE,
        *_MIENNE.c,
    )
    .select_from(Agenda)
    .outerjoin(RendezVous, RendezVous.cle_idempotence == bindparam("cle", type_=LargeBinary))
    .outerjoin(_MIENNE, true())
    .where(Agenda.service_id == SERVICE)
    for canal, droit in RESERVER.items()
}
_FIN_CLE: Final = 5 + len(_COLONNES_CLE)
_PAR_CLE: Final = select(*_COLONNES_CLE).where(RendezVous.cle_idempotence == bindparam("cle", type_=LargeBinary))


@dataclass(frozen=True, slots=True)
class Depart:
    """Where a booking starts: the service's versions, whether its author may book, the RDV the key has already made.

    ``tenue``: the visitor's live hold in the service.
    """

    versions: tuple[int, int, int, int]
    permis: bool
    deja: dict[str, Any] | None
    tenue: dict[str, Any] | None


async def read_depart(
    conn: AsyncConnection,
    service_id: int,
    cle: bytes,
    *,
    canal: str,
    agent_id: int | None,
    empreinte: bytes,
    maintenant: datetime,
) -> Depart | None:
    """All of it in one round trip; None when there is no such service. ``empreinte``: the visit's, or empty."""
    valeurs = {
        "service": service_id,
        "cle": cle,
        "agent": agent_id,
        "empreinte": empreinte,
        "maintenant": maintenant,
    }
    ligne = (await conn.execute(_DEPART[canal], valeurs)).one_or_none()
    if ligne is None:
        return None
    deja = _named(_COLONNES_CLE, ligne[5:_FIN_CLE])
    return Depart((ligne[0], ligne[1], ligne[2], ligne[3]), ligne[4], deja, _named(_MIENNE.c, ligne[_FIN_CLE:]))


def _named(colonnes: Iterable[Any], valeurs: Sequence[Any]) -> dict[str, Any] | None:
    """The columns of an outer join by their names, None when it found no row (their first one is the id)."""
    if valeurs[0] is None:
        return None
    return {colonne.key: valeur for colonne, valeur in zip(colonnes, valeurs, strict=True)}


async def read_delegant(conn: AsyncConnection, delegation_id: int, service_id: int) -> tuple[int, int] | None:
    """Who delegates to ``service_id`` under that id, with its planning version; None when nobody ever did."""
    if not 0 < delegation_id < 2**63:
        return None
    requete = (
        select(Agenda.service_id, Agenda.version_planning)
        .join(Delegation, Delegation.service_id == Agenda.service_id)
        .where(Delegation.id == delegation_id, Delegation.service_delegue_id == service_id)
    )
    ligne = (await conn.execute(requete)).one_or_none()
    return None if ligne is None else (ligne[0], ligne[1])


async def read_receveur(conn: AsyncConnection, delegation_id: int, service_id: int) -> int | None:
    """Who received for ``service_id`` under that id, whatever became of it; None when nobody ever did."""
    if not 0 < delegation_id < 2**63:
        return None
    requete = select(Delegation.service_delegue_id).where(
        Delegation.id == delegation_id, Delegation.service_id == service_id
    )
    return (await conn.execute(requete)).scalar_one_or_none()


async def find_by_cle(conn: AsyncConnection, cle: bytes) -> dict[str, Any] | None:
    """The RDV already made with this idempotency key, or None."""
    return _one(await conn.execute(_PAR_CLE, {"cle": cle}))


#: What the use cases need of a RDV that they change.
COLONNES_RDV = (
    *_COLONNES_OPTION,
    RendezVous.code,
    RendezVous.delegation_id,
    RendezVous.etat,
    RendezVous.jour,
    RendezVous.motif_id,
    RendezVous.type_rdv,
    RendezVous.revision,
    RendezVous.sequence,
    RendezVous.lien_sel,
    RendezVous.visio_lien,
    RendezVous.canal,
)


async def lock_rdv(
    conn: AsyncConnection, rdv_id: int, agent_id: int, module: str, *, origine: bool = False
) -> dict[str, Any] | None:
    """A RDV of a service where the agent has ``module``, locked for change, or None (absent or not his).

    ``origine``: those that such a service has entrusted to another as well (see ``scoped``).
    """
    if not 0 < rdv_id < 2**63:
        return None
    requete = select(*COLONNES_RDV).where(RendezVous.id == rdv_id, RendezVous.etat != "option")
    requete = scoped(requete, agent_id, module, origine=origine)
    return _one(await conn.execute(requete.with_for_update(of=RendezVous)))


async def lock_rdv_systeme(conn: AsyncConnection, rdv_id: int) -> dict[str, Any] | None:
    """The same without an agent's rights: for the software's own acts, skipped when somebody is at it."""
    requete = select(*COLONNES_RDV).where(RendezVous.id == rdv_id, RendezVous.etat != "option")
    return _one(await conn.execute(requete.with_for_update(of=RendezVous, skip_locked=True)))


def nom_affiche(usager: Mapping[str, Any]) -> str:
    """« Madame VALENTON », or the raison sociale, from a snapshot."""
    if usager["nature"] == "professionnel":
        return str(usager["raison_sociale"])
    return f"{(usager['civilite'] or '').capitalize()} {usager['nom_usage'].upper()}".strip()


async def read_usager(conn: AsyncConnection, rdv_id: int) -> dict[str, Any] | None:
    """The snapshot of the person."""
    return _one(await conn.execute(select(RdvUsager.__table__).where(RdvUsager.rdv_id == rdv_id)))


_VERROU = text("SELECT pg_advisory_xact_lock(hashtextextended(:nom, 0))")


async def lock_visite(conn: AsyncConnection, empreinte: bytes) -> None:
    """One request of a visitor at a time: it has one hold, however many it asks for together."""
    await conn.execute(_VERROU, {"nom": f"visite:{empreinte.hex()}"})


_ECHANGES: Final = text(
    "SELECT pg_advisory_xact_lock(hashtextextended('echange:' || s, 0)) FROM unnest(:services) AS s"
).bindparams(bindparam("services", type_=ARRAY(BigInteger)))


async def lock_echange(conn: AsyncConnection, *services: int) -> None:
    """Give up one place of these services for another, one transaction at a time.

    A row deleted or moved makes a rival's insert wait for our end: two that cross would wait for each other. Taken
    before the lock of any hold or RDV, by whoever moves a RDV, settles an offer or changes its hold for another; who
    only inserts, or only frees, needs it not. The order of all locks: docs/decisions/2026-11-22-order-of-locks.md.
    """
    await conn.execute(_ECHANGES, {"services": sorted(set(services))})


_GUICHETS: Final = text(
    "SELECT pg_advisory_xact_lock(hashtextextended('guichet:' || g, 0)) FROM unnest(:guichets) AS g"
).bindparams(bindparam("guichets", type_=ARRAY(BigInteger)))


async def lock_guichets(conn: AsyncConnection, guichets: Iterable[int]) -> None:
    """Whoever moves RDV takes their guichets first, in the order of their ids: two moves never wait for each other."""
    await conn.execute(_GUICHETS, {"guichets": sorted(set(guichets))})


async def find_option(
    conn: AsyncConnection, empreinte: bytes, service_id: int, maintenant: datetime
) -> dict[str, Any] | None:
    """The visitor's live hold in the service, not locked, or None."""
    valeurs = {"empreinte": empreinte, "service": service_id, "maintenant": maintenant}
    return _one(await conn.execute(_TENUE, valeurs))


async def filter_libres(conn: AsyncConnection, guichets: Sequence[int], debut: datetime, fin: datetime) -> list[int]:
    """Those of ``guichets`` that nothing occupies during ``[debut, fin)`` in what is committed, in the given order."""
    occupes = set(
        (
            await conn.execute(
                select(RendezVous.guichet_id).where(
                    RendezVous.guichet_id.in_(guichets),
                    RendezVous.occupe,
                    RendezVous.debut < fin,
                    RendezVous.fin > debut,
                )
            )
        ).scalars()
    )
    return [guichet for guichet in guichets if guichet not in occupes]
