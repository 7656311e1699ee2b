"""Two services and the delegations between them, for the tests of this folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import insert, select, text, update

from app.admin.delegations import ecritures
from app.admin.delegations.formulaire import Valeurs
from app.booking.outils import Auteur, Outils
from app.tables import Delegation, RendezVous, ServiceFiscal
from tests.fixtures.donnees import MondeService, build_equipe, build_service

PARIS = ZoneInfo("Europe/Paris")
LUNDI = datetime(2026, 11, 23, 10, 5, tzinfo=PARIS)
_numeros = count(1)


@dataclass
class Deux:
    """A delegates, B receives; each has its people."""

    outils: Outils
    a: MondeService
    b: MondeService

    def chef(self, service: MondeService) -> Auteur:
        """Who organises it, and it alone."""
        return Auteur("agent", agent_id=service.agents["chef"])

    async def propose(self, *, maintenant: datetime = LUNDI, **change: Any) -> int:
        """A proposal of A to B by A's chef, for both open motifs, of this week, unless said otherwise."""
        vers = change.pop("vers", self.b.id)
        return await ecritures.propose(
            self.outils, self.chef(self.a), self.a.id, vers, valeurs(self.a, **change), maintenant
        )

    async def answer(self, delegation_id: int, *, accepte: bool = True, revision: int | None = 1, **plus: Any) -> None:
        """The answer of B's chef."""
        service = plus.pop("service", self.b)
        await ecritures.answer(
            self.outils,
            plus.pop("auteur", self.chef(service)),
            service.id,
            delegation_id,
            accepte=accepte,
            reponse=plus.pop("reponse", ""),
            revision=revision,
            maintenant=plus.pop("maintenant", LUNDI),
        )

    async def withdraw(self, service: MondeService, delegation_id: int, revision: int, vus: int = 0) -> int:
        """The end, by the chef of ``service``."""
        return await ecritures.withdraw(
            self.outils,
            self.chef(service),
            service.id,
            delegation_id,
            reponse="",
            vus=vus,
            revision=revision,
            maintenant=LUNDI,
        )

    async def get(self, delegation_id: int) -> Mapping[str, Any]:
        """Its row."""
        async with self.outils.db.read() as conn:
            ligne = await conn.execute(select(Delegation.__table__).where(Delegation.id == delegation_id))
            return dict(ligne.mappings().one())

    async def rows(self, requete: str, **parametres: Any) -> list[Any]:
        """Rows read by plain SQL."""
        async with self.outils.db.read() as conn:
            return list(await conn.execute(text(requete), parametres))

    async def put_rdv(self, delegation_id: int, jour: date, heure: int = 9, etat: str = "prevu") -> int:
        """A RDV of B taken under a delegation, as the booking leaves it."""
        debut = datetime(jour.year, jour.month, jour.day, heure, tzinfo=PARIS)
        async with self.outils.db.engine.begin() as conn:
            return int(
                (
                    await conn.execute(
                        insert(RendezVous)
                        .values(
                            code=f"ABCD{chr(65 + next(_numeros) % 26)}{chr(65 + next(_numeros) // 26 % 26)}",
                            service_id=self.b.id,
                            service_origine_id=self.a.id,
                            delegation_id=delegation_id,
                            guichet_id=self.b.guichets[0],
                            motif_id=self.a.motifs[0],
                            type_rdv="guichet",
                            canal="internet",
                            origine="internet",
                            debut=debut,
                            fin=debut + timedelta(minutes=20),
                            jour=jour,
                            etat=etat,
                            occupe=etat != "annule",
                            cree_a=LUNDI,
                            modifie_a=LUNDI,
                        )
                        .returning(RendezVous.id)
                    )
                ).scalar_one()
            )

    async def change_service(self, service: MondeService, **valeurs: Any) -> None:
        """Its row, as the directory would change it."""
        async with self.outils.db.engine.begin() as conn:
            await conn.execute(update(ServiceFiscal).where(ServiceFiscal.id == service.id).values(**valeurs))


def valeurs(service: MondeService, **change: Any) -> Valeurs:
    """Both open motifs, from tomorrow to Friday, without limit."""
    tout: dict[str, Any] = {
        "motifs": tuple(service.motifs[:2]),
        "du": date(2026, 11, 24),
        "au": date(2026, 11, 27),
        "quota_jour": None,
        "message": "Travaux dans notre hall",
    }
    return Valeurs(**{**tout, **change})


async def build_deux(outils: Outils) -> Deux:
    """« SIP DE NEVERS » and « SIP DE COSNE », each with its team."""
    async with outils.db.engine.begin() as conn:
        a = await build_service(conn, sages="5800450", libelle="SIP DE NEVERS")
        a = await build_equipe(conn, a, "-a")
        b = await build_service(conn, sages="5800451", libelle="SIP DE COSNE")
        b = await build_equipe(conn, b, "-b")
    return Deux(outils, a, b)
