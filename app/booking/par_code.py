"""A RDV proved by its exact code and name: how an agent extérieur reaches it [A1, summary table].

Nothing is kept between two acts: each one proves again. What does not match is one 404, whatever is missing, found by
the same questions in the same time; every try leaves a line in the journal, and wrong ones are counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import BigInteger, bindparam, func, select

from app.booking.droits import has_acces
from app.booking.outils import Auteur, Outils
from app.booking.titres import ParCode, keep_prouvee
from app.booking.traces import Trace, write_lines
from app.db import UnitOfWork
from app.domain.rendez_vous import normalize_code
from app.errors import AccesRefuse, TropDeDemandes
from app.identite.empreintes import print_critere
from app.identite.essais import Arret, Comptage, find_lieu, return_essai, take_essai
from app.tables import RdvUsager, RendezVous

#: Wrong pairs of an agent, then of everybody behind one address, in a window of five minutes (``app.identite.essais``).
#: An agent's count is his own: nobody else can fill it. A contact centre shares one address.
PAR_AGENT: Final = 10
PAR_LIEU: Final = 300
#: How long a RDV that is over, or cancelled, is still shown.
VISIBLE: Final = timedelta(days=1)
#: No code is written so: what cannot be one is looked for all the same, in the same time.
_AUCUN: Final = "------"

COLONNES: Final = (
    RendezVous.id,
    RendezVous.code,
    RendezVous.service_id,
    RendezVous.service_origine_id,
    RendezVous.guichet_id,
    RendezVous.motif_id,
    RendezVous.type_rdv,
    RendezVous.debut,
    RendezVous.fin,
    RendezVous.jour,
    RendezVous.etat,
    RendezVous.revision,
    RendezVous.visio_lien,
    RendezVous.message_usager,
    RendezVous.annule_par,
    RendezVous.forcages,
    RdvUsager.nature,
    RdvUsager.courriel.is_not(None).label("courriel"),
    func.cardinality(RdvUsager.telephones).label("numeros"),
)


@dataclass(frozen=True, slots=True)
class Essai:
    """A pair about to be verified: by whom, from where."""

    agent_id: int
    adresse: str | None
    a: datetime

    @property
    def comptages(self) -> tuple[Comptage, ...]:
        """What is counted, the narrowest first."""
        return (
            ("code-agent", (str(self.agent_id),), PAR_AGENT),
            ("code-lieu", (find_lieu(self.adresse),), PAR_LIEU),
        )


@dataclass(frozen=True, slots=True)
class Prouve:
    """The RDV (``COLONNES``), the title to act on it, and whether the agent holds its agenda."""

    rdv: Mapping[str, Any]
    titre: ParCode
    rattache: bool


async def prove(outils: Outils, code: str, nom: str, auteur: Auteur, maintenant: datetime, *, action: str) -> Prouve:
    """The RDV that both name. ``action``: what it is wanted for, for the journal.

    Raises AccesRefuse (404, always the same), TropDeDemandes (429).
    """
    assert auteur.agent_id is not None
    essai = Essai(auteur.agent_id, auteur.adresse, maintenant)
    arret = await _count(outils, essai, auteur)
    if arret is not None:
        raise _build_refus(arret)
    titre = ParCode(normalize_code(code) or _AUCUN, nom, maintenant - VISIBLE)
    prouve = await _find(outils, titre, auteur.agent_id)

    async def travail(uow: UnitOfWork) -> None:
        criteres = {"code": print_critere(outils.settings, "code", titre.code)}
        if prouve is None:
            faits = {"action": action, "par": "code", "criteres": criteres}
            await write_lines(uow.conn, auteur, maintenant, Trace("rdv.acces_refuse", apres=faits))
            return
        lu = {"action": action, "par": "code"}
        await write_lines(uow.conn, auteur, maintenant, Trace("rdv.lu", prouve.rdv["service_id"], prouve.rdv["id"], lu))
        await return_essai(uow.conn, outils.settings, essai)

    await outils.db.transaction(travail)
    if prouve is None:
        raise build_introuvable()
    return prouve


def build_introuvable() -> AccesRefuse:
    """The 404, always the same."""
    return AccesRefuse(ParCode.introuvable, remede="Relisez-les avec l’usager : le code a six lettres.")


async def _count(outils: Outils, essai: Essai, auteur: Auteur) -> Arret | None:
    """Count the try before it is verified: a hundred sent at once are not a hundred tries."""

    async def travail(uow: UnitOfWork) -> Arret | None:
        arret = await take_essai(uow.conn, outils.settings, essai)
        if arret is not None and arret.premier:
            faits = {"action": "par_code", "par": "code", "regle": arret.regle}
            await write_lines(uow.conn, auteur, essai.a, Trace("rdv.essais_refuses", apres=faits))
        return arret

    return await outils.db.transaction(travail)


def _build_refus(arret: Arret) -> TropDeDemandes:
    return TropDeDemandes(
        "Trop de codes ou de noms erronés : aucun essai n’est accepté pendant quelques minutes.",
        remede="Patientez cinq minutes, puis relisez le code et le nom avec l’usager.",
        attendre_s=arret.attendre_s,
    )


async def _find(outils: Outils, titre: ParCode, agent_id: int) -> Prouve | None:
    acces = has_acces(bindparam("agent", agent_id, type_=BigInteger), "agenda", RendezVous.service_id)
    requete = titre.scope(select(*COLONNES, acces.label("rattache")).where(RendezVous.etat != "option"))
    async with outils.db.read() as conn:
        trouve = keep_prouvee((await conn.execute(requete)).mappings().one_or_none(), titre)
    if trouve is None:
        return None
    return Prouve({**trouve, "telephones": ()}, titre, bool(trouve["rattache"]))
