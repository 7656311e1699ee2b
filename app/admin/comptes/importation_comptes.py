"""Make the accounts of the directory what its export says: idempotent, in one transaction [G 2.2.2].

The directory rules what it has given and nothing else: habilitations and services given by hand stay, as do the
accounts that it never named. Whoever it no longer names may be suspended, unless too many are absent at once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ARRAY, Text, any_, delete, exists, func, insert, literal, select, update

from app.admin.comptes.dossier import announce, lock_comptes
from app.admin.comptes.importation import AgentLu, Cle, Lecture, Rapport, parse_lignes
from app.admin.comptes.importation_lieux import read_all_lieux
from app.booking.outils import SYSTEME, Outils
from app.db import UnitOfWork
from app.errors import Conflit
from app.identite.invitations import close_sessions, end_invitations, invite
from app.tables import Agent, Habilitation, Journal, Rattachement

#: Beyond this share of the directory's accounts, absences are a broken export: nothing is changed.
PROPORTION_MAX: Final = 0.10
_COLONNES: Final = ("profil", "perimetre", "service_id", "departement", "interregion_id")


class _Simule(Exception):
    """Undo everything: it was a rehearsal."""


async def import_agents(
    outils: Outils,
    lignes: list[tuple[int, dict[str, str]]],
    maintenant: datetime,
    *,
    suspendre_absents: bool = False,
    proportion_max: float = PROPORTION_MAX,
    inviter: bool = False,
    simuler: bool = False,
) -> Rapport:
    """Apply the lines of an export (``read_file``). What was done and refused.

    ``suspendre_absents``: suspend those that the directory had given and no longer names. ``inviter``: send a link to
    new accounts. ``simuler``: tell, change nothing. Raises Conflit, nothing being changed, when too many are absent or
    no national administrator would be left.
    """
    rapport = Rapport()

    async def travail(uow: UnitOfWork) -> Rapport:
        neuf = Rapport()
        await lock_comptes(uow.conn)
        lecture = parse_lignes(lignes, await read_all_lieux(uow.conn), neuf)
        await _Import(uow, outils, maintenant, neuf, inviter).run(lecture, suspendre_absents, proportion_max)
        if simuler:
            nonlocal rapport
            rapport = neuf
            raise _Simule
        return neuf

    try:
        return await outils.db.transaction(travail)
    except _Simule:
        return rapport


class _Import:
    """One import under way. Journal rows are gathered and written at once."""

    def __init__(self, uow: UnitOfWork, outils: Outils, maintenant: datetime, rapport: Rapport, inviter: bool) -> None:
        self.uow, self.conn, self.outils, self.maintenant = uow, uow.conn, outils, maintenant
        self.rapport, self.inviter = rapport, inviter
        self.services: set[int] = set()
        self.journal: list[dict[str, Any]] = []

    async def run(self, lecture: Lecture, suspendre_absents: bool, proportion_max: float) -> None:
        """Accounts, then what they hold, then those that are absent."""
        avait_national = await self._has_national()
        tenus = (await self.conn.execute(select(func.count()).where(Agent.annuaire == "present"))).scalar_one()
        connus = await self._read_agents(lecture.agents)
        await self._refuse_taken(lecture, connus)
        avant = await self._read_tenus([agent["id"] for agent in connus.values()])
        await self._create({nom: lu for nom, lu in lecture.agents.items() if nom not in connus})
        for nom, agent in connus.items():
            if nom in lecture.agents:
                await self._change(lecture.agents[nom], agent, *avant[agent["id"]])
        if suspendre_absents:
            await self._suspend({*lecture.agents, *lecture.ecartes}, proportion_max, int(tenus))
        if avait_national and not await self._has_national():
            raise Conflit(
                "Plus aucun administrateur national ne resterait. Rien n’a été modifié.",
                remede="Gardez-en un hors de l’annuaire, ou corrigez l’export.",
            )
        if self.journal:
            await self.conn.execute(insert(Journal), self.journal)
        announce(self.uow, self.services)

    async def _has_national(self) -> bool:
        actif = exists().where(
            Habilitation.profil == "admin_national",
            Habilitation.perimetre == "nation",
            Agent.id == Habilitation.agent_id,
            Agent.suspendu_a.is_(None),
        )
        return bool((await self.conn.execute(select(actif))).scalar_one())

    async def _read_agents(self, lus: Mapping[str, AgentLu]) -> dict[str, dict[str, Any]]:
        requete = select(Agent.__table__).where(Agent.identifiant == _any(list(lus))).with_for_update()
        return {ligne["identifiant"]: dict(ligne) for ligne in (await self.conn.execute(requete)).mappings()}

    async def _refuse_taken(self, lecture: Lecture, connus: Mapping[str, Mapping[str, Any]]) -> None:
        """An address that an account outside the file already bears: that line is refused."""
        adresses = [lu.valeurs["courriel"].lower() for lu in lecture.agents.values()]
        requete = select(func.lower(Agent.courriel), Agent.identifiant).where(
            func.lower(Agent.courriel) == _any(adresses)
        )
        porteurs: dict[str, set[str]] = {}
        for adresse, identifiant in await self.conn.execute(requete):
            porteurs.setdefault(adresse, set()).add(identifiant)
        for nom, lu in list(lecture.agents.items()):
            autres = porteurs.get(lu.valeurs["courriel"].lower(), set()) - {nom}
            if any(autre not in lecture.agents for autre in autres):
                self.rapport.refus.append((lu.ligne, "un autre compte porte déjà cette adresse de courriel"))
                lecture.ecartes.add(nom)
                del lecture.agents[nom]

    async def _read_tenus(self, agents: list[int]) -> dict[int, tuple[dict[Cle, bool], dict[int, bool]]]:
        """What each known account holds: habilitation → given by the directory, service → the same."""
        tenus: dict[int, tuple[dict[Cle, bool], dict[int, bool]]] = {agent: ({}, {}) for agent in agents}
        h = Habilitation
        droits = select(h.agent_id, h.annuaire, h.profil, h.perimetre, h.service_id, h.departement, h.interregion_id)
        for agent, annuaire, profil, perimetre, lieu, departement, interregion in await self.conn.execute(droits):
            if agent in tenus:
                tenus[agent][0][(profil, perimetre, lieu, departement, interregion)] = annuaire
        zones = select(Rattachement.agent_id, Rattachement.service_id, Rattachement.annuaire)
        for agent, service, annuaire in await self.conn.execute(zones):
            if agent in tenus:
                tenus[agent][1][service] = annuaire
        return tenus

    async def _create(self, nouveaux: Mapping[str, AgentLu]) -> None:
        if not nouveaux:
            return
        rangs = [{"identifiant": nom, "annuaire": "present", **lu.valeurs} for nom, lu in nouveaux.items()]
        ordre = insert(Agent).returning(Agent.id, Agent.identifiant)
        crees = (await self.conn.execute(ordre, rangs)).all()
        await self._give([(ident, nouveaux[nom].habilitations, nouveaux[nom].services) for ident, nom in crees])
        for ident, nom in crees:
            self._record("agent.cree", ident, None, {"identifiant": nom, **nouveaux[nom].valeurs})
            if self.inviter:
                await invite(self.uow, self.outils.settings, ident, SYSTEME, self.maintenant, service_id=None)
                self.rapport.invites += 1
        self.rapport.crees += len(crees)

    async def _change(
        self, lu: AgentLu, agent: Mapping[str, Any], droits: Mapping[Cle, bool], zone: Mapping[int, bool]
    ) -> None:
        ecarts = {nom: valeur for nom, valeur in lu.valeurs.items() if agent[nom] != valeur}
        donnes, entres = lu.habilitations - droits.keys(), lu.services - zone.keys()
        retires = {cle for cle, annuaire in droits.items() if annuaire} - lu.habilitations
        sortis = {service for service, annuaire in zone.items() if annuaire} - lu.services
        if not (ecarts or donnes or retires or entres or sortis) and agent["annuaire"] == "present":
            self.rapport.inchanges += 1
            return
        valeurs: dict[str, Any] = {**ecarts, "annuaire": "present", "revision": Agent.revision + 1}
        if agent["annuaire"] == "absent":  # suspended by its absence, not by a person
            valeurs["suspendu_a"] = None
            self.rapport.reactives += 1
        if "courriel" in ecarts:
            await end_invitations(self.conn, agent["id"], self.maintenant)
        await self.conn.execute(update(Agent).where(Agent.id == agent["id"]).values(**valeurs))
        await self._withdraw(agent["id"], retires, sortis)
        await self._give([(agent["id"], donnes, entres)])
        self.services |= lu.services  # whoever shows this account by name is told
        self.rapport.modifies += 1
        self._record(
            "agent.modifie",
            agent["id"],
            {**{nom: agent[nom] for nom in ecarts}, "habilitations": _mots(retires), "services": sorted(sortis)},
            {**ecarts, "habilitations": _mots(donnes), "services": sorted(entres)},
        )

    async def _give(self, dons: Collection[tuple[int, set[Cle], set[int]]]) -> None:
        droits = [
            {"agent_id": agent, "annuaire": True, **dict(zip(_COLONNES, cle, strict=True))}
            for agent, cles, _ in dons
            for cle in sorted(cles, key=str)
        ]
        zones = [
            {"agent_id": agent, "service_id": service, "annuaire": True}
            for agent, _, services in dons
            for service in sorted(services)
        ]
        if droits:
            await self.conn.execute(insert(Habilitation), droits)
        if zones:
            await self.conn.execute(insert(Rattachement), zones)
        for _, cles, services in dons:
            self.services |= services | {cle[2] for cle in cles if cle[2] is not None}

    async def _withdraw(self, agent_id: int, cles: set[Cle], services: set[int]) -> None:
        for cle in cles:
            egaux = (
                getattr(Habilitation, nom).is_not_distinct_from(valeur)
                for nom, valeur in zip(_COLONNES, cle, strict=True)
            )
            await self.conn.execute(delete(Habilitation).where(Habilitation.agent_id == agent_id, *egaux))
        if services:
            await self.conn.execute(
                delete(Rattachement).where(Rattachement.agent_id == agent_id, Rattachement.service_id.in_(services))
            )
        self.services |= services | {cle[2] for cle in cles if cle[2] is not None}

    async def _suspend(self, nommes: set[str], proportion_max: float, connus: int) -> None:
        requete = select(Agent.id, Agent.identifiant).where(Agent.annuaire == "present", Agent.suspendu_a.is_(None))
        absents = [ident for ident, nom in await self.conn.execute(requete) if nom not in nommes]
        if not absents:
            return
        if len(absents) > proportion_max * connus:
            raise Conflit(
                f"{len(absents)} comptes sur {connus} seraient suspendus, plus de {round(100 * proportion_max)} % : "
                "c’est sans doute un export incomplet. Rien n’a été modifié.",
                remede="Vérifiez l’export, ou relevez --proportion-max.",
            )
        for agent_id in absents:
            await self.conn.execute(
                update(Agent)
                .where(Agent.id == agent_id)
                .values(suspendu_a=self.maintenant, annuaire="absent", revision=Agent.revision + 1)
            )
            await close_sessions(self.conn, agent_id, self.maintenant)
            await end_invitations(self.conn, agent_id, self.maintenant)
            self._record("agent.suspendu", agent_id, {"etat": "actif"}, {"etat": "absent de l’annuaire"})
        zones = select(Rattachement.service_id).where(Rattachement.agent_id.in_(absents))
        self.services |= {int(service) for service in (await self.conn.execute(zones)).scalars()}
        self.rapport.suspendus = len(absents)

    def _record(self, action: str, agent_id: int, avant: Mapping[str, Any] | None, apres: Mapping[str, Any]) -> None:
        self.journal.append(
            {
                "a": self.maintenant,
                "acteur": "systeme",
                "action": action,
                "origine": "systeme",
                "objet": "agent",
                "objet_id": agent_id,
                "avant": avant,
                "apres": {**apres, "source": "annuaire"},
            }
        )


def _any(textes: list[str]) -> Any:
    """SQL: ``= ANY(array)``, one parameter whatever their number."""
    return any_(literal(textes, ARRAY(Text)))


def _mots(cles: Collection[Cle]) -> list[str]:
    return sorted(" ".join(str(partie) for partie in cle if partie is not None) for cle in cles)
