"""Create a guichet, change it, open it, close it, order it, delete it: one journaled and announced fact each.

All under the service's lock: what is told of rendez-vous and of motifs is true at the very instant of the change. What
it takes away is told first and confirmed (``vus``, a print of what was told); something else to tell → told again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Final, TypeVar

from sqlalchemy import case, delete, func, insert, select, update

from app.admin.chantier import Chantier, organise
from app.admin.guichets.effets import Siens, compute_effets
from app.admin.guichets.formulaire import Valeurs
from app.admin.guichets.lecture import AgentLu, GuichetLu, read_affectables, read_guichet
from app.admin.guichets.mots import build_faits
from app.admin.guichets.rdv import is_held, was_used
from app.admin.plannings.mots import decrire_exception, decrire_planning
from app.booking import store
from app.booking.contexte import ServiceContexte, read_versions
from app.booking.liberation import release
from app.booking.outils import Auteur, Outils
from app.errors import Conflit, Indisponible, Introuvable, SaisieInvalide
from app.tables import Guichet, GuichetAgent

T = TypeVar("T")

PHRASE: Final = "Ce guichet n’existe pas dans ce service."
_ESSAIS: Final = 25
_GENRE: Final = "guichet.modifie"


class GuichetUtilise(Conflit):
    """409: rendez-vous were taken there; their history needs it."""

    code = "guichet-utilise"
    phrase = "Ce guichet ne peut pas être supprimé : des rendez-vous y ont été pris."
    remede = "Fermez-le : il ne prendra plus de rendez-vous et son histoire reste lisible."


class _EnPrise(Exception):
    """A booking is being written at this guichet: the row cannot change now; the whole change is tried again."""


async def _organise(
    outils: Outils,
    auteur: Auteur,
    service_id: int,
    travail: Callable[[Chantier, ServiceContexte], Awaitable[T]],
    maintenant: datetime,
    action: str,
) -> T:
    """``organise``, with the service's context under the lock.

    A booking under way keeps the row of its guichet from being renamed or deleted, and waits for the service's lock: we
    give it way and come back. Raises Indisponible when there is always one.
    """

    async def avec_contexte(chantier: Chantier) -> T:
        versions = await read_versions(chantier.conn, service_id)
        contexte = await outils.dispo.contextes.get(chantier.conn, service_id, versions.planning)
        return await travail(chantier, contexte)

    for essai in range(_ESSAIS):
        try:
            return await organise(outils, auteur, service_id, avec_contexte, maintenant, action=action)
        except _EnPrise:
            await asyncio.sleep(0.02 + 0.01 * essai)
    raise Indisponible("Des rendez-vous sont en train d’être pris à ce guichet.", remede="Réessayez dans un instant.")


async def _read(chantier: Chantier, guichet_id: int) -> GuichetLu:
    guichet = await read_guichet(chantier.conn, chantier.service_id, guichet_id)
    if guichet is None:
        raise Introuvable(PHRASE)
    return guichet


async def _check_revision(
    chantier: Chantier, contexte: ServiceContexte, guichet: GuichetLu, revision: int | None
) -> None:
    """Raise ConflitEdition when it is not what the screen showed (``revision`` None: no screen showed it)."""
    actuel = build_faits(guichet.regle, guichet.agents, contexte)
    await chantier.check_revision("guichet", guichet.id, guichet.revision, revision, actuel)


async def _hold_row(chantier: Chantier, guichet_id: int) -> None:
    """Keep the row for a change of its name or its end. Raises _EnPrise rather than wait: a booking waits for us."""
    tenue = await chantier.conn.execute(
        select(Guichet.id).where(Guichet.id == guichet_id).with_for_update(skip_locked=True)
    )
    if tenue.scalar_one_or_none() is None:
        raise _EnPrise


async def _check_nom(chantier: Chantier, nom: str, sauf: int | None = None) -> None:
    autre = await chantier.conn.execute(
        select(Guichet.id).where(
            Guichet.service_id == chantier.service_id,
            func.lower(Guichet.nom) == func.lower(nom),
            Guichet.id != (sauf or 0),
        )
    )
    if autre.scalar_one_or_none() is not None:
        raise SaisieInvalide(champs={"nom": "Un autre guichet de ce service porte déjà ce nom."})


async def _assign(chantier: Chantier, guichet_id: int, agents: Iterable[int]) -> list[AgentLu]:
    """Put those agents there, and no other. Raises SaisieInvalide for one who is not of the service any more."""
    connus = {a.id: a for a in await read_affectables(chantier.conn, chantier.service_id, guichet_id)}
    voulus = list(agents)
    if any(agent not in connus for agent in voulus):
        raise SaisieInvalide(champs={"agent": "Un des agents cochés n’est plus rattaché à ce service."})
    await chantier.conn.execute(
        delete(GuichetAgent).where(GuichetAgent.guichet_id == guichet_id, GuichetAgent.agent_id.not_in(voulus))
    )
    presents = set(
        (
            await chantier.conn.execute(select(GuichetAgent.agent_id).where(GuichetAgent.guichet_id == guichet_id))
        ).scalars()
    )
    nouveaux = [{"guichet_id": guichet_id, "agent_id": a} for a in voulus if a not in presents]
    if nouveaux:
        await chantier.conn.execute(insert(GuichetAgent), nouveaux)
    return [connus[agent] for agent in connus if agent in voulus]


async def create_guichet(
    outils: Outils, auteur: Auteur, service_id: int, valeurs: Valeurs, maintenant: datetime
) -> int:
    """Insert a guichet after the others. Its id. Raises Introuvable, SaisieInvalide (name taken)."""

    async def travail(chantier: Chantier, contexte: ServiceContexte) -> int:
        await _check_nom(chantier, valeurs.nom)
        dernier = select(func.coalesce(func.max(Guichet.ordre), 0)).where(Guichet.service_id == service_id)
        ordre = insert(Guichet).values(
            service_id=service_id,
            nom=valeurs.nom,
            ordre=dernier.scalar_subquery() + 1,
            ouvert=valeurs.ouvert,
            motifs=valeurs.motifs,
            canaux=valeurs.canaux,
            types=valeurs.types,
        )
        guichet_id = int((await chantier.conn.execute(ordre.returning(Guichet.id))).scalar_one())
        agents = await _assign(chantier, guichet_id, valeurs.agents)
        faits = build_faits(valeurs.apply(guichet_id, ouvert=valeurs.ouvert), agents, contexte)
        faits["ouvert"] = valeurs.ouvert
        await chantier.record("guichet.cree", "guichet", guichet_id, avant=None, apres=faits, genre=_GENRE)
        return guichet_id

    return await _organise(outils, auteur, service_id, travail, maintenant, "guichet.cree")


async def change_guichet(
    outils: Outils,
    auteur: Auteur,
    service_id: int,
    guichet_id: int,
    valeurs: Valeurs,
    revision: int | None,
    vus: str,
    maintenant: datetime,
) -> int | None:
    """Write name, restrictions and agents; how many rendez-vous it leaves to place again, None when nothing differs.

    Raises Introuvable, ConflitEdition, SaisieInvalide (name taken), EffetsAConfirmer (rendez-vous that the guichet
    would not take any more, a motif that loses its last guichet).
    """

    async def travail(chantier: Chantier, contexte: ServiceContexte) -> int | None:
        guichet = await _read(chantier, guichet_id)
        avant = build_faits(guichet.regle, guichet.agents, contexte)
        await _check_revision(chantier, contexte, guichet, revision)
        regle = valeurs.apply(guichet_id, ouvert=guichet.regle.ouvert)
        affectes = {agent.id for agent in guichet.agents}
        if regle == guichet.regle and affectes == set(valeurs.agents):
            return None
        if regle.nom != guichet.regle.nom:
            await _check_nom(chantier, regle.nom, guichet_id)
            await _hold_row(chantier, guichet_id)
        effets = await compute_effets(chantier.conn, contexte, guichet_id, regle, maintenant)
        effets.check(vus)
        await chantier.conn.execute(
            update(Guichet)
            .where(Guichet.id == guichet_id)
            .values(
                **({"nom": regle.nom} if regle.nom != guichet.regle.nom else {}),
                motifs=valeurs.motifs,
                canaux=valeurs.canaux,
                types=valeurs.types,
                revision=Guichet.revision + 1,
            )
        )
        agents = await _assign(chantier, guichet_id, valeurs.agents)
        apres = build_faits(regle, agents, contexte)
        await chantier.record("guichet.modifie", "guichet", guichet_id, avant=avant, apres=apres, genre=_GENRE)
        return len(effets.rdv)

    return await _organise(outils, auteur, service_id, travail, maintenant, "guichet.modifie")


async def open_guichet(
    outils: Outils,
    auteur: Auteur,
    service_id: int,
    guichet_id: int,
    maintenant: datetime,
    *,
    revision: int | None = None,
) -> bool:
    """Open it; False when it is. Raises Introuvable, and ConflitEdition when ``revision`` is given and past."""

    async def travail(chantier: Chantier, contexte: ServiceContexte) -> bool:
        guichet = await _read(chantier, guichet_id)
        if not guichet.regle.ouvert:
            await _check_revision(chantier, contexte, guichet, revision)
            await _write_etat(chantier, guichet, True)
        return not guichet.regle.ouvert

    return await _organise(outils, auteur, service_id, travail, maintenant, "guichet.ouvert")


async def close_guichet(
    outils: Outils,
    auteur: Auteur,
    service_id: int,
    guichet_id: int,
    vus: str,
    maintenant: datetime,
    *,
    revision: int | None = None,
) -> int | None:
    """Close it; how many rendez-vous it leaves to place again, None when it was closed already. None is cancelled.

    Raises Introuvable, ConflitEdition when ``revision`` is given and past, and EffetsAConfirmer unless ``vus`` tells
    what it takes away.
    """

    async def travail(chantier: Chantier, contexte: ServiceContexte) -> int | None:
        guichet = await _read(chantier, guichet_id)
        if not guichet.regle.ouvert:
            return None
        await _check_revision(chantier, contexte, guichet, revision)
        ferme = replace(guichet.regle, ouvert=False)
        effets = await compute_effets(chantier.conn, contexte, guichet_id, ferme, maintenant)
        effets.check(vus)
        await _write_etat(chantier, guichet, False)
        return len(effets.rdv)

    return await _organise(outils, auteur, service_id, travail, maintenant, "guichet.ferme")


async def _write_etat(chantier: Chantier, guichet: GuichetLu, ouvert: bool) -> None:
    await chantier.conn.execute(
        update(Guichet).where(Guichet.id == guichet.id).values(ouvert=ouvert, revision=Guichet.revision + 1)
    )
    avant, apres = ({"nom": guichet.regle.nom, "ouvert": etat} for etat in (not ouvert, ouvert))
    action = "guichet.ouvert" if ouvert else "guichet.ferme"
    await chantier.record(action, "guichet", guichet.id, avant=avant, apres=apres, genre=_GENRE)


async def delete_guichet(
    outils: Outils,
    auteur: Auteur,
    service_id: int,
    guichet_id: int,
    vus: str,
    maintenant: datetime,
    *,
    revision: int | None = None,
) -> None:
    """Remove a guichet at which nothing was ever booked, with its own plannings and exceptions, each journaled.

    Raises Introuvable, ConflitEdition, GuichetUtilise, EffetsAConfirmer (a motif loses its last guichet, plannings or
    exceptions go with it), Conflit (a form is open).
    """

    async def travail(chantier: Chantier, contexte: ServiceContexte) -> None:
        conn = chantier.conn
        guichet = await _read(chantier, guichet_id)
        if await was_used(conn, guichet_id):
            raise GuichetUtilise
        await _check_revision(chantier, contexte, guichet, revision)
        effets = await compute_effets(conn, contexte, guichet_id, None, maintenant)
        effets.check(vus)
        await _hold_row(chantier, guichet_id)
        release(chantier.uow, await store.delete_options_mortes(conn, maintenant, guichets=[guichet_id]), maintenant)
        if await is_held(conn, guichet_id):
            raise Conflit(
                "Quelqu’un est en train de prendre rendez-vous à ce guichet.",
                remede="Fermez-le d’abord, ou réessayez dans quelques minutes.",
            )
        await _record_siens(chantier, effets.siens, contexte)
        await conn.execute(delete(Guichet).where(Guichet.id == guichet_id))
        avant = build_faits(guichet.regle, guichet.agents, contexte)
        await chantier.record("guichet.supprime", "guichet", guichet_id, avant=avant, apres=None, genre=_GENRE)

    await _organise(outils, auteur, service_id, travail, maintenant, "guichet.supprime")


async def _record_siens(chantier: Chantier, siens: Siens, contexte: ServiceContexte) -> None:
    """What the database is about to remove with the guichet: a line of the journal for each thing."""
    for lot in siens.plannings:
        faits = decrire_planning(siens.comp, lot, contexte.guichets)
        await chantier.record("planning.supprime", "planning", lot.id, avant=faits, apres=None)
    for jour in siens.exceptions:
        faits = decrire_exception(jour, contexte.guichets)
        await chantier.record("exception.supprime", "exception", jour.id, avant=faits, apres=None)


async def shift_guichet(
    outils: Outils,
    auteur: Auteur,
    service_id: int,
    guichet_id: int,
    pas: int,
    maintenant: datetime,
    *,
    revision: int | None = None,
) -> bool:
    """Move it by ``pas`` places (-1: up) among the others; False at the edge.

    Its own revision stays: its place is no field of its form. Raises Introuvable, and ConflitEdition when ``revision``
    is given and past.
    """

    async def travail(chantier: Chantier, contexte: ServiceContexte) -> bool:
        await _check_revision(chantier, contexte, await _read(chantier, guichet_id), revision)
        ordre = list(contexte.guichets)
        rang = ordre.index(guichet_id)
        vise = rang + pas
        if not 0 <= vise < len(ordre):
            return False
        ordre.insert(vise, ordre.pop(rang))
        rangs = {ident: i for i, ident in enumerate(ordre, 1)}
        await chantier.conn.execute(
            update(Guichet).where(Guichet.service_id == service_id).values(ordre=case(rangs, value=Guichet.id))
        )
        nom = contexte.guichets[guichet_id].nom
        avant, apres = {"nom": nom, "rang": rang + 1}, {"nom": nom, "rang": vise + 1}
        await chantier.record("guichet.modifie", "guichet", guichet_id, avant=avant, apres=apres, genre=_GENRE)
        return True

    return await _organise(outils, auteur, service_id, travail, maintenant, "guichet.modifie")
