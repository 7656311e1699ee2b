"""Agents who come through ProConnect: whom an identity is, and the session it opens.

An account is matched by the subject of the provider. The first time, by the professional address that the provider
vouches for, if exactly one account bears it and none was ever tied to it; the subject is then kept, and the address no
longer matters. Nobody is created here: an unknown person is told so, and the attempt is journaled without his name.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import func, select, update

from app.config import Settings
from app.db import Database, UnitOfWork
from app.identite.empreintes import print_critere
from app.identite.oidc import Fournisseur, Identite, IdentiteRefusee
from app.identite.sessions import empreinte, open_session
from app.journal import write_journal
from app.tables import Agent, SessionAgent

RETOUR: Final = "/connexion/proconnect/retour"
RETOUR_FIN: Final = "/deconnexion/retour"
_PORTEES: Final = "openid given_name usual_name email uid siret"


class Inconnu(IdentiteRefusee):
    """403: a real identity to which no account here belongs."""

    code = "agent-inconnu"
    phrase = "Vous êtes bien identifié, mais aucun compte de cette application ne correspond à votre adresse."
    remede = "Demandez à votre responsable d’ouvrir votre accès avec votre adresse professionnelle."


class Suspendu(IdentiteRefusee):
    """403: the account is suspended."""

    code = "compte-suspendu"
    phrase = "Votre compte est suspendu : vous n’êtes pas connecté."
    remede = "Adressez-vous à votre responsable."


def fournisseur_proconnect(settings: Settings) -> Fournisseur | None:
    """ProConnect as configured, or None when it is not."""
    if not settings.proconnect_issuer:
        return None
    return Fournisseur(
        "proconnect",
        settings.proconnect_issuer,
        settings.proconnect_client_id,
        settings.proconnect_client_secret,
        _PORTEES,
        settings.base_url + RETOUR,
    )


async def sign_in_identite(
    db: Database,
    settings: Settings,
    identite: Identite,
    *,
    ancien_jeton: str | None,
    adresse: str | None,
    a: datetime,
) -> str:
    """The token of a new session of the agent who is that identity. Raises Inconnu and Suspendu, journaled."""
    sujet = f"{settings.proconnect_issuer}#{identite.sujet}"

    async def travail(uow: UnitOfWork) -> int | IdentiteRefusee:
        trouve = await _match(uow, sujet, identite)
        if isinstance(trouve, IdentiteRefusee):
            await write_journal(
                uow.conn,
                a=a,
                acteur="inconnu",
                action="connexion.proconnect_refusee",
                adresse=adresse,
                apres={"raison": trouve.code, "sujet": print_critere(settings, "sujet", sujet)},
            )
            return trouve
        agent_id, premiere = trouve
        if premiere:
            await uow.conn.execute(update(Agent).where(Agent.id == agent_id).values(sujet_oidc=sujet))
            await write_journal(
                uow.conn,
                a=a,
                acteur="agent",
                action="agent.proconnect_associe",
                agent_id=agent_id,
                objet="agent",
                objet_id=agent_id,
                adresse=adresse,
            )
        return agent_id

    resultat = await db.transaction(travail)
    if isinstance(resultat, IdentiteRefusee):
        raise resultat
    jeton = await open_session(db, resultat, ancien_jeton=ancien_jeton, adresse=adresse, a=a)
    await _keep_id_token(db, jeton, identite.id_token, a)
    return jeton


async def _match(uow: UnitOfWork, sujet: str, identite: Identite) -> tuple[int, bool] | IdentiteRefusee:
    """(agent, whether the subject is to be kept), or why nobody."""
    colonnes = select(Agent.id, Agent.suspendu_a)
    connu = (await uow.conn.execute(colonnes.where(Agent.sujet_oidc == sujet).with_for_update())).one_or_none()
    if connu is not None:
        return Suspendu() if connu.suspendu_a is not None else (connu.id, False)
    if not identite.courriel or not identite.courriel_verifie:
        return Inconnu()
    requete = colonnes.where(
        func.lower(Agent.courriel) == identite.courriel.lower(), Agent.sujet_oidc.is_(None)
    ).with_for_update()
    candidats = (await uow.conn.execute(requete.limit(2))).all()
    if len(candidats) != 1:
        return Inconnu()
    return Suspendu() if candidats[0].suspendu_a is not None else (candidats[0].id, True)


async def _keep_id_token(db: Database, jeton: str, id_token: str, a: datetime) -> None:
    """Kept with the session that it opened, erased from those that are over."""

    async def travail(uow: UnitOfWork) -> None:
        await uow.conn.execute(
            update(SessionAgent)
            .where(SessionAgent.jeton_oidc.is_not(None), SessionAgent.expire_a < a)
            .values(jeton_oidc=None)
        )
        await uow.conn.execute(
            update(SessionAgent).where(SessionAgent.empreinte == empreinte(jeton)).values(jeton_oidc=id_token)
        )

    await db.transaction(travail)


async def take_id_token(db: Database, session_id: int) -> str:
    """The id_token of a session that is about to end, erased from it; "" when it was not opened by ProConnect."""

    async def travail(uow: UnitOfWork) -> str:
        requete = select(SessionAgent.jeton_oidc).where(SessionAgent.id == session_id).with_for_update()
        garde = (await uow.conn.execute(requete)).scalar_one_or_none()
        if garde:
            await uow.conn.execute(update(SessionAgent).where(SessionAgent.id == session_id).values(jeton_oidc=None))
        return garde or ""

    return await db.transaction(travail)


async def record_refus(db: Database, raison: str, *, adresse: str | None, a: datetime) -> None:
    """Journal an answer of the provider that was not believed, in a sign-in that had truly begun here."""

    async def travail(uow: UnitOfWork) -> None:
        await write_journal(
            uow.conn,
            a=a,
            acteur="inconnu",
            action="connexion.proconnect_refusee",
            adresse=adresse,
            apres={"raison": raison},
        )

    await db.transaction(travail)
