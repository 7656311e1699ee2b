"""Rows of imaginary rendez-vous, written by the hundred as an import would: the RDV, the person, the passage, and one
journal row for each transition, in one transaction with the day's counters.

Each transition is the domain's own: a story that the rules refuse cannot be written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final

from sqlalchemy import func, insert, select, text
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking.contexte import ServiceContexte
from app.booking.liens import empreinte, jeton_lien, new_sel
from app.config import Settings
from app.db import UnitOfWork
from app.demo.appels import imagine_appel
from app.demo.personnages import NOTE, PRECISIONS, RAISONS_ANNULATION, imagine_usager
from app.demo.places import Place
from app.demo.visites import RETARD_VISITEUR, Pas, imagine_visite
from app.domain.horaires import from_minute, get_cadran
from app.domain.rendez_vous import Action, Transition, find_heure_a_venir, generate_code, transition
from app.tables import ContreAppel, Courrier, Journal, Passage, RdvUsager, RendezVous

_COLONNES: Final = {
    Action.MARQUER_ARRIVEE: "arrivee_a",
    Action.APPELER: "appel_a",
    Action.RECEVOIR: "reception_a",
    Action.TERMINER: "fin_a",
}
#: One rendez-vous in twenty is cancelled before its day.
_ANNULATION: Final = 0.05


@dataclass(slots=True)
class Lot:
    """What is to be written, table by table."""

    rdv: list[dict[str, Any]] = field(default_factory=list)
    usagers: list[dict[str, Any]] = field(default_factory=list)
    passages: list[dict[str, Any]] = field(default_factory=list)
    journal: list[dict[str, Any]] = field(default_factory=list)
    courriers: list[dict[str, Any]] = field(default_factory=list)
    appels: list[dict[str, Any]] = field(default_factory=list)

    def confirm(self, rdv: Mapping[str, Any]) -> None:
        """The confirmation of a booking with an e-mail, long sent: what stays of it once its data are forgotten."""
        self.courriers.append(
            {
                "rdv_id": rdv["id"],
                "evenement": "confirmation",
                "canal": "mail",
                "destinataire": "",
                "message_id": f"<rdv-{rdv['id']}.confirmation.0.{rdv['lien_sel'].hex()[:16]}@demonstration.invalid>",
                "donnees": {},
                "cree_a": rdv["cree_a"],
                "du_a": rdv["cree_a"],
                "envoye_a": rdv["cree_a"],
                "tentatives": 1,
            }
        )

    def record(
        self,
        rdv: Mapping[str, Any],
        action: str,
        a: datetime,
        *,
        agent_id: int | None,
        avant: Mapping[str, Any] | None,
        apres: Mapping[str, Any],
    ) -> None:
        """One journal row."""
        self.journal.append(
            {
                "a": a,
                "acteur": "usager" if agent_id is None else "agent",
                "agent_id": agent_id,
                "service_id": rdv["service_id"],
                "rdv_id": rdv["id"],
                "action": action,
                "origine": "simulation",
                "avant": dict(avant) if avant is not None else None,
                "apres": dict(apres),
            }
        )

    def live(self, rdv: dict[str, Any], pas: Sequence[Pas], agent_id: int, site_id: int) -> None:
        """Carry ``rdv`` (its row, changed in place) through the steps already due, in order."""
        passage: dict[str, Any] = {}
        for etape in pas:
            issue = transition(
                rdv["etat"],
                etape.action,
                jour_rdv=rdv["jour"],
                jour_local_courant=rdv["jour"],
                heure_a_venir=find_heure_a_venir(rdv["debut"], etape.a, UTC),
                a_distance=rdv["type_rdv"] != "guichet",
            )
            if not isinstance(issue, Transition):
                break
            a = max(etape.a, rdv["modifie_a"])
            self.record(
                rdv,
                issue.evenement.value,
                a,
                agent_id=agent_id,
                avant={"etat": rdv["etat"]},
                apres={"etat": issue.etat.value, "action": etape.action.value},
            )
            rdv |= {"etat": issue.etat.value, "modifie_a": a, "revision": rdv["revision"] + 1}
            if etape.action in _COLONNES:
                passage[_COLONNES[etape.action]] = a
        if passage:
            self.passages.append(
                {
                    "rdv_id": rdv["id"],
                    "service_id": rdv["service_id"],
                    "site_id": site_id,
                    "jour": rdv["jour"],
                    "motif_id": rdv["motif_id"],
                    "guichet_id": rdv["guichet_id"],
                    "arrivee_a": min(passage.values()),
                    "arrivee_par": agent_id,
                    **{colonne: passage.get(colonne) for colonne in ("appel_a", "reception_a", "fin_a")},
                }
            )

    async def write(self, conn: AsyncConnection) -> None:
        """Insert everything. A passage already there keeps what it has."""
        for table, lignes in (
            (RendezVous, self.rdv),
            (RdvUsager, self.usagers),
            (Journal, self.journal),
            (Courrier, self.courriers),
            (ContreAppel, self.appels),
        ):
            if lignes:
                await conn.execute(insert(table), lignes)
        if self.passages:
            ordre = pg_insert(Passage)
            colonnes = ("appel_a", "reception_a", "fin_a")
            await conn.execute(
                ordre.on_conflict_do_update(
                    index_elements=["rdv_id"],
                    set_={c: func.coalesce(getattr(Passage, c), ordre.excluded[c]) for c in colonnes},
                ),
                self.passages,
            )


@dataclass(frozen=True, slots=True)
class Plume:
    """Who writes about a service: the settings (links), its rules, its agent, and an agent from elsewhere."""

    settings: Settings
    contexte: ServiceContexte
    agent_id: int
    exterieur_id: int
    maintenant: datetime
    #: The guichet that the visitor of the demo holds (« box »).
    guichet_visiteur: int | None = None

    def find_pas(self, rdv: Mapping[str, Any]) -> list[Pas]:
        """The steps of a visit already due, in order, on the day itself."""
        minuit = from_minute(get_cadran(rdv["jour"], self.contexte.zone).debut)
        recent = rdv["debut"] > self.maintenant - timedelta(hours=1)
        retard = RETARD_VISITEUR if recent and rdv["guichet_id"] == self.guichet_visiteur else 0
        visite = imagine_visite(rdv["id"], rdv["debut"], rdv["fin"], rdv["type_rdv"], retard=retard)
        dus = [Pas(pas.action, max(pas.a, minuit)) for pas in visite.remaining(rdv["etat"])]
        return [pas for pas in dus if pas.a <= self.maintenant]


async def insert_places(uow: UnitOfWork, plume: Plume, places: Sequence[Place], hasard: Random) -> None:
    """Imagine a rendez-vous on each place, and carry it to where it stands now."""
    if not places:
        return
    ids = await _reserve_ids(uow.conn, len(places))
    codes = await _draw_codes(uow.conn, len(places), hasard)
    lot = Lot()
    for rdv_id, code, place in zip(ids, codes, places, strict=True):
        rdv = _imagine(lot, plume, place, rdv_id, code, hasard)
        uow.annonces.count(plume.contexte.id, rdv["jour"], apres=rdv["etat"])
    await lot.write(uow.conn)


async def _reserve_ids(conn: AsyncConnection, nombre: int) -> list[int]:
    lignes = await conn.execute(
        text("SELECT nextval(pg_get_serial_sequence('rendez_vous', 'id')) FROM generate_series(1, :nombre)"),
        {"nombre": nombre},
    )
    return [int(valeur) for valeur in lignes.scalars()]


async def _draw_codes(conn: AsyncConnection, nombre: int, hasard: Random) -> list[str]:
    codes: set[str] = set()
    while len(codes) < nombre:
        codes |= {generate_code(hasard.randrange) for _ in range(nombre - len(codes))}
        pris = await conn.execute(select(RendezVous.code).where(RendezVous.code.in_(codes)))
        codes -= {code for code in pris.scalars() if code is not None}
    tires = sorted(codes)
    hasard.shuffle(tires)
    return tires


def _imagine(lot: Lot, plume: Plume, place: Place, rdv_id: int, code: str, hasard: Random) -> dict[str, Any]:
    contexte, maintenant = plume.contexte, plume.maintenant
    debut, fin = from_minute(place.debut), from_minute(place.fin)
    cree_par = {"internet": None, "exterieur": plume.exterieur_id, "rattache": plume.agent_id}[place.canal]
    # Online and from elsewhere, three working days at least: five days ahead are always enough but for holidays.
    delai = timedelta(hours=hasard.uniform(0.5, 300) if place.canal == "rattache" else hasard.uniform(170, 500))
    cree_a = min(debut, maintenant).replace(second=hasard.randrange(60), microsecond=0) - delai
    sel = new_sel()
    rdv: dict[str, Any] = {
        "id": rdv_id,
        "code": code,
        "service_id": contexte.id,
        "service_origine_id": place.delegation.service_id if place.delegation else None,
        "delegation_id": place.delegation.id if place.delegation else None,
        "guichet_id": place.guichet_id,
        "motif_id": place.motif.id,
        "type_rdv": place.type_rdv,
        "debut": debut,
        "fin": fin,
        "jour": place.jour,
        "etat": "prevu",
        "occupe": True,
        "canal": place.canal,
        "origine": _origine(place.canal, hasard),
        "lien_sel": sel,
        "lien_empreinte": empreinte(jeton_lien(plume.settings, sel)),
        "precision": hasard.choice(PRECISIONS),
        "note_interne": NOTE,
        "visio_lien": f"{contexte.visio_base}/{new_sel().hex()}" if place.type_rdv == "visio" else "",
        "sequence": 0,
        "revision": 1,
        "cree_a": cree_a,
        "cree_par": cree_par,
        "modifie_a": cree_a,
        "annule_a": None,
        "annule_par": None,
        "annule_par_agent": None,
        "annule_raison": "",
    }
    lot.record(
        rdv,
        "rdv.cree",
        cree_a,
        agent_id=cree_par,
        avant=None,
        apres={
            "etat": "prevu",
            "guichet": place.guichet_id,
            "debut": debut.isoformat(),
            "fin": fin.isoformat(),
            "motif": place.motif.id,
            "type": place.type_rdv,
            "canal": place.canal,
            "forcages": [],
            **({"delegation": place.delegation.id, "origine": place.delegation.service_id} if place.delegation else {}),
        },
    )
    appel = imagine_appel(rdv, sorted(contexte.motifs).index(place.motif.id), maintenant)
    if appel is not None:
        _call(lot, plume, rdv, appel)
    elif hasard.random() < _ANNULATION:
        _cancel(lot, plume, rdv, hasard)
    if rdv["etat"] == "prevu":
        lot.live(rdv, plume.find_pas(rdv), plume.agent_id, contexte.site_id)
    lot.rdv.append(rdv)
    usager = imagine_usager(hasard, place.motif.public)
    lot.usagers.append(
        {
            "rdv_id": rdv_id,
            **asdict(usager),
            "telephones": list(usager.telephones),
            "recherche": usager.recherche,
        }
    )
    if usager.courriel:
        lot.confirm(rdv)
    return rdv


def _origine(canal: str, hasard: Random) -> str:
    if canal == "internet":
        return "internet"
    return "telephone" if canal == "exterieur" else hasard.choice(("telephone", "guichet", "telephone", "courriel"))


def _call(lot: Lot, plume: Plume, rdv: dict[str, Any], appel: dict[str, Any]) -> None:
    """The call, and the cancellation when it settled the matter, told as the use case tells them."""
    lot.appels.append({**appel, "agent_id": plume.agent_id})
    a = appel["cree_a"]
    rdv |= {"revision": 2, "modifie_a": a}
    faits = {"resultat": appel["resultat"], "jour": appel["jour"].isoformat(), "contre_appel": True}
    if not appel["annule_rdv"]:
        lot.record(rdv, "rdv.modifie", a, agent_id=plume.agent_id, avant=None, apres=faits)
        return
    rdv |= {
        "etat": "annule",
        "occupe": False,
        "sequence": 1,
        "annule_a": a,
        "annule_par": "agent",
        "annule_par_agent": plume.agent_id,
        "annule_raison": f"Réglé par téléphone le {appel['jour']:%d/%m/%Y}",
    }
    apres = {"etat": "annule", "action": "annuler", **faits}
    lot.record(rdv, "rdv.annule", a, agent_id=plume.agent_id, avant={"etat": "prevu"}, apres=apres)


def _cancel(lot: Lot, plume: Plume, rdv: dict[str, Any], hasard: Random) -> None:
    """Somebody cancelled between the booking and now (or the day itself)."""
    fin = min(rdv["debut"] - timedelta(minutes=30), plume.maintenant)
    a = rdv["cree_a"] + max(timedelta(minutes=1), (fin - rdv["cree_a"]) * hasard.random())
    agent_id = plume.agent_id if hasard.random() < 0.4 else None
    rdv |= {
        "etat": "annule",
        "occupe": False,
        "sequence": 1,
        "revision": 2,
        "modifie_a": a,
        "annule_a": a,
        "annule_par": "usager" if agent_id is None else "agent",
        "annule_par_agent": agent_id,
        "annule_raison": "" if agent_id is None else hasard.choice(RAISONS_ANNULATION),
    }
    lot.record(
        rdv,
        "rdv.annule",
        a,
        agent_id=agent_id,
        avant={"etat": "prevu"},
        apres={"etat": "annule", "action": "annuler"},
    )
