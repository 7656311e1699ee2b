"""Accounts of agents as operators create them: a profile over perimeters, a zone de compétence, a way in [C §4].

Services are named by their SAGES, départements by their code, interregions by their name: what a person has at hand.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import insert, select
from sqlalchemy.dialects.postgresql import insert as pg_insert

from app.booking.textes import TexteInvalide, clean_text
from app.db import Database, UnitOfWork
from app.domain.habilitations import Profil
from app.errors import Conflit, Introuvable, SaisieInvalide
from app.identite.sessions import hash_mot_de_passe
from app.journal import write_journal
from app.tables import Agent, Departement, Habilitation, Interregion, Rattachement, ServiceFiscal

MOT_DE_PASSE_MIN: Final = 12
#: What names an account at sign-in.
IDENTIFIANT: Final = re.compile(r"[a-z0-9][a-z0-9._@-]{1,99}")


@dataclass(frozen=True, slots=True)
class NouvelAgent:
    """An account to create.

    ``perimetres``: ``nation``, ``departement:58``, ``interregion:Centre-Est``, ``service:5800450`` (SAGES).
    ``zone``: SAGES of the services to which he is attached. Without ``mot_de_passe``, a key or ProConnect opens it.
    """

    identifiant: str
    nom: str
    prenom: str
    courriel: str
    profil: str
    perimetres: Sequence[str]
    zone: Sequence[str] = ()
    mot_de_passe: str | None = field(default=None, repr=False)


async def create_agent(db: Database, nouveau: NouvelAgent, a: datetime) -> int:
    """The id of the new agent, habilitations and zone included, in one transaction.

    Raises SaisieInvalide (with every wrong field), Introuvable for an unknown place, Conflit when the identifiant is
    taken: an existing account is never changed from here.
    """
    valeurs = _check(nouveau)
    hache = hash_mot_de_passe(nouveau.mot_de_passe) if nouveau.mot_de_passe is not None else None

    async def travail(uow: UnitOfWork) -> int:
        ordre = (
            pg_insert(Agent)
            .values(**valeurs, mot_de_passe=hache)
            .on_conflict_do_nothing(index_elements=["identifiant"])
            .returning(Agent.id)
        )
        agent_id = (await uow.conn.execute(ordre)).scalar_one_or_none()
        if agent_id is None:
            raise Conflit(
                f"L’identifiant « {valeurs['identifiant']} » est déjà pris.", remede="Choisissez-en un autre."
            )
        for perimetre in dict.fromkeys(nouveau.perimetres):
            lieu = await _resolve(uow, perimetre)
            await uow.conn.execute(insert(Habilitation).values(agent_id=agent_id, profil=nouveau.profil, **lieu))
        for sages in dict.fromkeys(nouveau.zone):
            service_id = await _service_id(uow, sages)
            await uow.conn.execute(insert(Rattachement).values(agent_id=agent_id, service_id=service_id))
        await write_journal(
            uow.conn,
            a=a,
            acteur="systeme",
            action="agent.cree",
            origine="systeme",
            agent_id=agent_id,
            apres={"profil": nouveau.profil, "perimetres": list(nouveau.perimetres), "zone": list(nouveau.zone)},
        )
        return agent_id

    return await db.transaction(travail)


def _check(nouveau: NouvelAgent) -> dict[str, str]:
    erreurs: dict[str, str] = {}
    valeurs = {"identifiant": nouveau.identifiant.strip().lower()}
    if not IDENTIFIANT.fullmatch(valeurs["identifiant"]):
        erreurs["identifiant"] = "De 2 à 100 lettres sans accent, chiffres, points, tirets."
    for champ in ("nom", "prenom"):
        try:
            valeurs[champ] = clean_text(getattr(nouveau, champ), maximum=120)
        except TexteInvalide as erreur:
            erreurs[champ] = str(erreur)
    if not valeurs.get("nom"):
        erreurs.setdefault("nom", "Indiquez le nom.")
    courriel = parse_courriel(nouveau.courriel)
    if courriel is None:
        erreurs["courriel"] = "Cette adresse de courriel n’est pas valable."
    else:
        valeurs["courriel"] = courriel
    if nouveau.profil not in set(Profil):
        erreurs["profil"] = f"Profils : {', '.join(Profil)}."
    if not nouveau.perimetres:
        erreurs["perimetre"] = "Indiquez au moins un périmètre."
    if nouveau.mot_de_passe is not None and len(nouveau.mot_de_passe) < MOT_DE_PASSE_MIN:
        erreurs["mot_de_passe"] = f"Le mot de passe compte au moins {MOT_DE_PASSE_MIN} caractères."
    if erreurs:
        raise SaisieInvalide(champs=erreurs)
    return valeurs


def parse_courriel(texte: str) -> str | None:
    """One e-mail address in its normal form, or None. Whether it receives anything is not checked."""
    try:
        return validate_email(texte.strip(), check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError:
        return None


async def _resolve(uow: UnitOfWork, perimetre: str) -> dict[str, Any]:
    """The columns of a habilitation for a perimeter as operators write it."""
    genre, _, lieu = perimetre.partition(":")
    match genre:
        case "nation" if not lieu:
            return {"perimetre": "nation"}
        case "departement":
            code = (
                await uow.conn.execute(select(Departement.code).where(Departement.code == lieu))
            ).scalar_one_or_none()
            if code is None:
                raise Introuvable(f"Aucun département n’a le code « {lieu} ».")
            return {"perimetre": "departement", "departement": code}
        case "interregion":
            ident = (await uow.conn.execute(select(Interregion.id).where(Interregion.nom == lieu))).scalar_one_or_none()
            if ident is None:
                raise Introuvable(f"Aucune interrégion ne s’appelle « {lieu} ».")
            return {"perimetre": "interregion", "interregion_id": ident}
        case "service":
            return {"perimetre": "service", "service_id": await _service_id(uow, lieu)}
        case _:
            phrase = "Périmètres : nation, departement:58, interregion:NOM, service:SAGES."
            raise SaisieInvalide(champs={"perimetre": phrase})


async def _service_id(uow: UnitOfWork, sages: str) -> int:
    ident = (await uow.conn.execute(select(ServiceFiscal.id).where(ServiceFiscal.sages == sages))).scalar_one_or_none()
    if ident is None:
        raise Introuvable(f"Aucun service n’a le SAGES « {sages} ».")
    return ident
