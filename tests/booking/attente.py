"""A waiting list to test: Nevers receives on Mondays from 9:00 to 10:00, and next Monday is full."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import insert, text

from app.booking.attente import Inscription, confirm, register
from app.booking.attente_liens import jeton_attente
from app.booking.attente_offres import Guetteur
from app.booking.attente_suivi import settle_offres
from app.booking.outils import Auteur, Outils
from app.booking.reserver import RdvReserve, book
from app.booking.vie import act
from app.domain.horaires import to_minute
from app.domain.rendez_vous import Action
from app.tables import Parametre
from tests.booking.outillage import demande
from tests.fixtures.donnees import MondeService, build_equipe, build_service

PARIS = ZoneInfo("Europe/Paris")
#: A Monday; the next one is the first that usagers may book.
LUNDI_9H = datetime(2027, 2, 1, 9, 0, tzinfo=PARIS)
JOUR = date(2027, 2, 8)
HEURES = ((9, 0), (9, 20), (9, 40))
MINUTE = timedelta(minutes=1)


def quand(heures: int, minutes: int, jour: date = JOUR) -> datetime:
    return datetime(jour.year, jour.month, jour.day, heures, minutes, tzinfo=PARIS)


@dataclass
class File:
    """The service, what it has booked, and a worker's memory."""

    outils: Outils
    service: MondeService
    pris: dict[datetime, RdvReserve] = field(default_factory=dict)
    guetteur: Guetteur = field(init=False)
    facteur: bool = True
    _rang: int = 0

    def __post_init__(self) -> None:
        self.guetteur = Guetteur(self.outils)

    async def sql(self, requete: str, **valeurs: Any) -> list[Any]:
        """Rows, straight from PostgreSQL."""
        async with self.outils.db.read() as conn:
            resultat = await conn.execute(text(requete), valeurs)
            return list(resultat.all()) if resultat.returns_rows else []

    async def wait(
        self,
        nom: str,
        a: datetime = LUNDI_9H,
        *,
        contact: str = "",
        adresse: str = "",
        confirme: bool = True,
        **plus: Any,
    ) -> str:
        """Somebody registers and confirms at ``a``; the token of his link."""
        self._rang += 1
        valeurs: dict[str, Any] = {
            "service_id": self.service.id,
            "motif_id": self.service.motifs[0],
            "type_rdv": "guichet",
            "nature": "particulier",
            "du": JOUR,
            "au": JOUR,
            "demi_journee": "",
            "nom": nom,
            "canal": "mail",
            "contact": contact or f"{nom.lower()}@usagers.test",
            "langue": "fr",
        }
        auteur = Auteur("usager", adresse=adresse or f"192.0.2.{self._rang % 250 + 1}")
        await register(self.outils, Inscription(**{**valeurs, **plus}), auteur, a)
        lien = await self.find_lien(contact or f"{nom.lower()}@usagers.test")
        if confirme:
            await confirm(self.outils, lien, auteur, a)
        return lien

    async def find_lien(self, contact: str) -> str:
        """The token that the last message to that contact brings."""
        ligne = await self.sql(
            "SELECT a.lien_sel FROM courrier c JOIN attente a ON a.id = (c.donnees->>'attente_id')::bigint"
            " WHERE lower(c.destinataire) = lower(:c) ORDER BY c.id DESC LIMIT 1",
            c=contact,
        )
        return jeton_attente(self.outils.settings, ligne[0][0])

    async def cancel(self, heure: tuple[int, int], a: datetime = LUNDI_9H) -> None:
        """An agent cancels what was booked at that hour."""
        auteur = Auteur("agent", agent_id=self.service.agents["agent"])
        await act(self.outils, self.pris.pop(quand(*heure)).id, Action.ANNULER, auteur, a, raison="empêchement")

    async def look(self, a: datetime = LUNDI_9H) -> int:
        """The worker ends what is over, then looks; what it wrote leaves, unless the mail server is away."""
        await settle_offres(self.outils, a)
        faites = await self.guetteur.run_once(a)
        if self.facteur:
            await self.sql("UPDATE courrier SET envoye_a = :a, tentatives = 1 WHERE envoye_a IS NULL", a=a)
        return faites

    async def offres(self) -> list[tuple[str, str, datetime]]:
        """(name or contact gone, state, start) of every offer, in order."""
        lignes = await self.sql(
            "SELECT a.nom, o.etat, o.debut FROM offre_attente o JOIN attente a ON a.id = o.attente_id ORDER BY o.id"
        )
        return [(ligne[0], ligne[1], ligne[2].astimezone(PARIS)) for ligne in lignes]

    async def etats(self) -> list[str]:
        """State of every request, in the order of registration."""
        return [ligne[0] for ligne in await self.sql("SELECT etat FROM attente ORDER BY id")]

    async def overlaps(self) -> int:
        """Pairs of rows that occupy one guichet at one time: never any."""
        paires = await self.sql(
            "SELECT count(*) FROM rendez_vous a JOIN rendez_vous b ON a.id < b.id AND a.guichet_id = b.guichet_id"
            " WHERE a.occupe AND b.occupe AND a.debut < b.fin AND b.debut < a.fin"
        )
        return int(paires[0][0])


async def build_file(outils: Outils, *, pleine: bool = True, **parametres: Any) -> File:
    """The world; ``parametres`` of the service."""
    async with outils.db.engine.begin() as conn:
        service = await build_service(conn, guichets=1, plages=((540, 600),), jours_semaine=(1,))
        await build_equipe(conn, service)
        for cle, valeur in parametres.items():
            await conn.execute(
                insert(Parametre).values(cle=cle, service_id=service.id, valeur=valeur, modifie_a=LUNDI_9H)
            )
    file = File(outils, service)
    for rang, heure in enumerate(HEURES if pleine else (), start=1):
        voulu = demande(
            service,
            to_minute(quand(*heure)),
            100 + rang,
            canal="rattache",
            origine="guichet",
            guichet_id=service.guichets[0],
        )
        auteur = Auteur("agent", agent_id=service.agents["agent"])
        file.pris[quand(*heure)] = await book(outils, voulu, auteur, LUNDI_9H)
    return file
