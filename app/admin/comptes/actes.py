"""What an administrator does to an account, each judged, journaled with before and after. Run by ``change_compte``."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert as pg_insert

from app.admin.comptes.dossier import Dossier
from app.admin.comptes.droits import Endroit, find_service
from app.admin.comptes.saisies import check_courriel, read_endroit, read_identite, read_profil, read_service
from app.admin.saisie import Saisie
from app.domain.acces import OUVERTURES
from app.domain.attribution import (
    Droit,
    Genre,
    decide_compte,
    decide_detachement,
    decide_don,
    decide_rattachement,
    decide_retrait,
    decide_suspension,
)
from app.domain.habilitations import Profil
from app.errors import Conflit, Introuvable, SaisieInvalide
from app.identite.invitations import close_sessions, end_invitations, invite
from app.tables import Agent, CleApi, Guichet, GuichetAgent, Habilitation, Rattachement
from app.web.pages import PROFILS


async def change_identite(dossier: Dossier, saisie: Saisie) -> None:
    """Name and professional address. Links sent to the former address die with it."""
    dossier.check(decide_compte(dossier.donneur, dossier.detenus))
    valeurs = read_identite(saisie)
    await check_courriel(dossier.conn, saisie, valeurs["courriel"], sauf=dossier.agent_id)
    saisie.check()
    avant = {cle: dossier.agent[cle] for cle in valeurs}
    if valeurs == avant:
        return
    if valeurs["courriel"].lower() != avant["courriel"].lower():
        await end_invitations(dossier.conn, dossier.agent_id, dossier.maintenant)
    await dossier.conn.execute(update(Agent).where(Agent.id == dossier.agent_id).values(**valeurs))
    await dossier.record("agent.modifie", "agent", avant=avant, apres=valeurs)


async def give_habilitation(dossier: Dossier, saisie: Saisie) -> None:
    """One profile over one perimeter; with ``rattacher``, the service it opens too: without it there is no agenda."""
    profil = read_profil(saisie)
    endroit = await read_endroit(dossier.conn, saisie)
    await give(dossier, profil, endroit)
    if saisie.case("rattacher") and profil in OUVERTURES["agenda"]:
        service = await _find_service_ouvert(dossier, endroit)
        if service is not None:
            await attach_to(dossier, service)


async def _find_service_ouvert(dossier: Dossier, endroit: Endroit) -> Endroit | None:
    """The service to which a habilitation over ``endroit`` attaches; None when there is none, or when he already is.

    The box is ticked beforehand: it says nothing of a wider perimeter in the national administration.
    """
    if dossier.service_id is not None:
        service = await find_service(dossier.conn, ident=dossier.service_id)
    else:
        service = endroit if endroit.lieu.genre is Genre.SERVICE else None
    if service is None or not endroit.lieu.contains(service.lieu):
        return None
    tenu = select(Rattachement.agent_id).where(
        Rattachement.agent_id == dossier.agent_id, Rattachement.service_id == int(service.lieu.cle)
    )
    return service if (await dossier.conn.execute(tenu)).scalar_one_or_none() is None else None


async def give(dossier: Dossier, profil: Profil, endroit: Endroit) -> None:
    """Give, if the giver may. Raises Conflit when it is already held."""
    dossier.check(decide_don(dossier.donneur, Droit(profil, endroit.lieu), soi=dossier.soi))
    ordre = (
        pg_insert(Habilitation)
        .values(agent_id=dossier.agent_id, profil=str(profil), **endroit.colonnes)
        .on_conflict_do_nothing()
        .returning(Habilitation.id)
    )
    if (await dossier.conn.execute(ordre)).scalar_one_or_none() is None:
        raise Conflit("Cet agent a déjà cette habilitation.", remede="Rien n’a été modifié.")
    await dossier.record("habilitation.donnee", "habilitation", avant=None, apres=_mots(profil, endroit.libelle))


async def withdraw_habilitation(dossier: Dossier, saisie: Saisie) -> None:
    """Take a habilitation back: what it opened closes at once, its sockets within five seconds [P13]."""
    numero = saisie.entier(
        "habilitation", minimum=1, maximum=999_999_999, requis="Choisissez l’habilitation à retirer."
    )
    saisie.check()
    tenu = next((t for t in dossier.tenus if t.id == numero), None)
    if tenu is None:
        raise Introuvable("Cette habilitation a déjà été retirée.", remede="Rouvrez la page.")
    avant = await dossier.administered()
    await dossier.conn.execute(delete(Habilitation).where(Habilitation.id == tenu.id))
    national = tenu.droit.profil is Profil.ADMIN_NATIONAL and await dossier.lost_nation()
    orphelins = await dossier.orphans(avant)
    dossier.check_perte(
        decide_retrait(dossier.donneur, tenu.droit, soi=dossier.soi, dernier_national=national, orphelins=orphelins),
        f"Retirer « {tenu.mots} » à {dossier.nom}\u00a0? Les écrans que cette habilitation ouvre se ferment aussitôt.",
    )
    await dossier.record(
        "habilitation.retiree", "habilitation", avant=_mots(tenu.droit.profil, tenu.endroit), apres=None
    )


async def attach(dossier: Dossier, saisie: Saisie) -> None:
    """Put a service in the agent's zone de compétence [A1 §3.1]."""
    await attach_to(dossier, await read_service(dossier.conn, saisie))


async def attach_to(dossier: Dossier, endroit: Endroit) -> None:
    """Attach, if the giver may. Raises Conflit when he already is."""
    dossier.check(decide_rattachement(dossier.donneur, endroit.lieu, soi=dossier.soi))
    service_id = int(endroit.lieu.cle)
    ordre = (
        pg_insert(Rattachement)
        .values(agent_id=dossier.agent_id, service_id=service_id)
        .on_conflict_do_nothing()
        .returning(Rattachement.agent_id)
    )
    if (await dossier.conn.execute(ordre)).scalar_one_or_none() is None:
        raise Conflit("Cet agent est déjà rattaché à ce service.", remede="Rien n’a été modifié.")
    await dossier.record(
        "rattachement.donne", "rattachement", avant=None, apres={"service": endroit.libelle}, service_id=service_id
    )


async def detach(dossier: Dossier, saisie: Saisie) -> None:
    """Take a service out of the zone; the agent's guichets there too: he must not be told of its RDV any more."""
    endroit = await read_service(dossier.conn, saisie)
    reponse = decide_detachement(dossier.donneur, endroit.lieu)
    dossier.check(reponse)
    service_id = int(endroit.lieu.cle)
    siens = select(Guichet.id).where(Guichet.service_id == service_id)
    ordre = (
        delete(GuichetAgent)
        .where(GuichetAgent.agent_id == dossier.agent_id, GuichetAgent.guichet_id.in_(siens))
        .returning(GuichetAgent.guichet_id)
    )
    retires = list((await dossier.conn.execute(ordre)).scalars())
    noms = list((await dossier.conn.execute(select(Guichet.nom).where(Guichet.id.in_(retires)))).scalars())
    resultat = await dossier.conn.execute(
        delete(Rattachement).where(Rattachement.agent_id == dossier.agent_id, Rattachement.service_id == service_id)
    )
    if not resultat.rowcount:
        raise Introuvable("Cet agent n’est plus rattaché à ce service.", remede="Rouvrez la page.")
    places = f" Guichets quittés : {', '.join(sorted(noms))}." if noms else ""
    dossier.check_perte(
        reponse,
        f"Ne plus rattacher {dossier.nom} à {endroit.libelle}\u00a0? Ses écrans s’y ferment aussitôt.{places}",
    )
    avant = {"service": endroit.libelle, "guichets": sorted(noms)}
    await dossier.record("rattachement.retire", "rattachement", avant=avant, apres=None, service_id=service_id)


async def suspend(dossier: Dossier, saisie: Saisie) -> None:
    """Close the account: HTTP at once, sockets within five seconds, sessions and links for good [P13]."""
    if dossier.agent["suspendu_a"] is not None:
        raise Conflit("Ce compte est déjà suspendu.", remede="Rien n’a été modifié.")
    avant = await dossier.administered()
    await dossier.conn.execute(update(Agent).where(Agent.id == dossier.agent_id).values(suspendu_a=dossier.maintenant))
    national = any(d.profil is Profil.ADMIN_NATIONAL for d in dossier.detenus) and await dossier.lost_nation()
    orphelins = await dossier.orphans(avant)
    dossier.check_perte(
        decide_suspension(
            dossier.donneur, dossier.detenus, soi=dossier.soi, dernier_national=national, orphelins=orphelins
        ),
        f"Suspendre le compte de {dossier.nom}\u00a0? Ses sessions et ses écrans se ferment aussitôt, ses clés d’API "
        "sont refusées, et il ne peut plus se connecter.",
    )
    await close_sessions(dossier.conn, dossier.agent_id, dossier.maintenant)
    await end_invitations(dossier.conn, dossier.agent_id, dossier.maintenant)
    await dossier.record("agent.suspendu", "agent", avant={"etat": "actif"}, apres={"etat": "suspendu"})


async def reactivate(dossier: Dossier, saisie: Saisie) -> None:
    """Open the account again, with what it held; a directory that had dropped it no longer rules it."""
    dossier.check(decide_compte(dossier.donneur, dossier.detenus))
    if dossier.agent["suspendu_a"] is None:
        raise Conflit("Ce compte n’est pas suspendu.", remede="Rien n’a été modifié.")
    valeurs: dict[str, Any] = {"suspendu_a": None}
    if dossier.agent["annuaire"] == "absent":
        valeurs["annuaire"] = None
    await dossier.conn.execute(update(Agent).where(Agent.id == dossier.agent_id).values(**valeurs))
    await dossier.record("agent.reactive", "agent", avant={"etat": "suspendu"}, apres={"etat": "actif"})


async def send_invitation(dossier: Dossier, saisie: Saisie) -> None:
    """A link to choose a password, the first one or a new one; the previous link dies."""
    dossier.check(decide_compte(dossier.donneur, dossier.detenus))
    await invite(
        dossier.uow,
        dossier.outils.settings,
        dossier.agent_id,
        dossier.auteur,
        dossier.maintenant,
        service_id=dossier.service_id,
    )


async def end_sessions(dossier: Dossier, saisie: Saisie) -> None:
    """Sign the agent out everywhere."""
    if not dossier.soi:
        dossier.check(decide_compte(dossier.donneur, dossier.detenus))
    nombre = await close_sessions(dossier.conn, dossier.agent_id, dossier.maintenant)
    await dossier.record("agent.sessions_fermees", "agent", avant={"sessions": nombre}, apres={"sessions": 0})


async def revoke_key(dossier: Dossier, saisie: Saisie) -> None:
    """End an API key of the agent: refused everywhere within five seconds."""
    reponse = decide_compte(dossier.donneur, dossier.detenus)
    dossier.check(reponse)
    numero = saisie.entier("cle", minimum=1, maximum=999_999_999, requis="Choisissez la clé à révoquer.")
    saisie.check()
    ordre = (
        update(CleApi)
        .where(CleApi.id == numero, CleApi.agent_id == dossier.agent_id, CleApi.revoquee_a.is_(None))
        .values(revoquee_a=dossier.maintenant)
        .returning(CleApi.libelle)
    )
    libelle = (await dossier.conn.execute(ordre)).scalar_one_or_none()
    if libelle is None:
        raise Introuvable("Cette clé a déjà été révoquée.", remede="Rouvrez la page.")
    dossier.check_perte(
        reponse, f"Révoquer la clé « {libelle} »\u00a0? Ce qui s’en sert est refusé partout, et elle ne revient pas."
    )
    await dossier.record("agent.cle_revoquee", "agent", avant={"cle": libelle}, apres=None)


async def insert_agent(dossier_conn: Any, identifiant: str, valeurs: dict[str, str]) -> int:
    """The id of a new account without a password. Raises SaisieInvalide when the identifiant is taken."""
    ordre = (
        pg_insert(Agent)
        .values(identifiant=identifiant, **valeurs)
        .on_conflict_do_nothing(index_elements=["identifiant"])
        .returning(Agent.id)
    )
    ident = (await dossier_conn.execute(ordre)).scalar_one_or_none()
    if ident is None:
        raise SaisieInvalide(champs={"identifiant": "Cet identifiant est déjà pris : choisissez-en un autre."})
    return int(ident)


def _mots(profil: Profil, endroit: str) -> dict[str, str]:
    return {"profil": PROFILS[profil], "perimetre": endroit}
