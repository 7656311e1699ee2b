"""A crowd around few places, at once and from several processes: visitors, people who wait, agents, two workers.

Everybody draws from one seed. An hour and a half of the list passes each minute, so that offers expire while people
answer them. ``Foule.run`` returns what was refused, and everything that should not have been.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, Final

from sqlalchemy import insert, text
from structlog.testing import capture_logs

from app.booking.attente import Inscription, confirm, leave, register
from app.booking.attente_deplacer import move_to_offre
from app.booking.attente_liens import jeton_attente
from app.booking.attente_offres import Guetteur
from app.booking.attente_reponses import refuse_offre, take_offre
from app.booking.attente_suivi import settle_offres
from app.booking.deplacer import Cible, move
from app.booking.echanger import exchange
from app.booking.liens import jeton_lien
from app.booking.mon_rdv import cancel, relocate
from app.booking.options import expire_options, extend_option, place_option, release_option
from app.booking.outils import Auteur, Outils
from app.booking.reserver import book
from app.booking.titres import ParLien
from app.booking.vie import act
from app.db import sqlstate
from app.domain.contexte import Alerte
from app.domain.horaires import to_minute
from app.domain.rendez_vous import Action
from app.errors import AppError, Indisponible
from app.tables import Parametre
from tests.booking.attente import JOUR, LUNDI_9H, quand
from tests.booking.outillage import USAGER, demande, personne
from tests.fixtures.donnees import MondeService, build_equipe, build_service

#: Where those who wait have a rendez-vous already.
LOINS: Final = tuple(JOUR + timedelta(days=jours) for jours in (7, 14, 21))
TOUTES: Final = frozenset(alerte.value for alerte in Alerte)
NAISSANCE: Final = date(1980, 1, 1)
#: People who book again and again: never two rendez-vous of one motif at one time.
_HABITUES: Final = 12
#: How much longer the workers look once everybody has left, in seconds.
_SOLDE_S: Final = 2.0

#: Name → how many; asked in one statement, while everybody is at it.
FAUTES: Final[dict[str, str]] = {
    "two rows on a guichet at one time": """
        SELECT count(*) FROM rendez_vous a JOIN rendez_vous b ON a.id < b.id AND a.guichet_id = b.guichet_id
         WHERE a.occupe AND b.occupe AND a.debut < b.fin AND b.debut < a.fin""",
    "live offers without a hold": """
        SELECT count(*) FROM offre_attente o LEFT JOIN rendez_vous r ON r.id = o.rdv_id
         WHERE o.etat IN ('ouverte', 'prise') AND r.id IS NULL""",
    "open offers whose hold is a rendez-vous": """
        SELECT count(*) FROM offre_attente o JOIN rendez_vous r ON r.id = o.rdv_id
         WHERE o.etat = 'ouverte' AND r.etat <> 'option'""",
    "holds of an offer that is over": """
        SELECT count(*) FROM rendez_vous r WHERE r.etat = 'option' AND r.nature_option = 'offre'
           AND NOT EXISTS (SELECT FROM offre_attente o WHERE o.rdv_id = r.id AND o.etat IN ('ouverte', 'prise'))""",
    "requests whose state is not that of their offer": """
        SELECT count(*) FROM attente a FULL JOIN (SELECT * FROM offre_attente WHERE etat IN ('ouverte', 'prise')) o
            ON o.attente_id = a.id WHERE (a.etat = 'offre') IS DISTINCT FROM (o.id IS NOT NULL)""",
    "two rendez-vous of one person and motif": """
        SELECT count(*) FROM (SELECT FROM rendez_vous r JOIN rdv_usager u ON u.rdv_id = r.id
         WHERE r.etat = 'prevu' AND u.nom_usage LIKE 'Habitue%'
         GROUP BY r.motif_id, u.nom_usage HAVING count(*) > 1) x""",
    "two confirmed requests of one contact": """
        SELECT count(*) FROM (SELECT FROM attente WHERE etat IN ('active', 'offre', 'suspendue')
         GROUP BY service_id, motif_id, lower(contact) HAVING count(*) > 1) x""",
    "two holds of one visitor": """
        SELECT count(*) FROM (SELECT FROM rendez_vous WHERE etat = 'option' AND option_empreinte IS NOT NULL
         GROUP BY option_empreinte HAVING count(*) > 1) x""",
    "subjects whose versions have a hole": """
        SELECT count(*) FROM (SELECT FROM outbox GROUP BY sujet
        HAVING max(version) - min(version) + 1 <> count(*)) x""",
}


@dataclass
class Foule:
    """Who is there, for how long, and what they met."""

    processus: list[Outils]
    duree_s: float
    graine: int
    #: What must have been done at least once; waited for, on a slow machine, four times as long.
    attendus: tuple[str, ...] = ()
    #: Stop at the first one: what a control waits for.
    jusqu_a_une_rupture: bool = False
    faits: Counter[str] = field(default_factory=Counter)
    refus: Counter[str] = field(default_factory=Counter)
    fautes: Counter[str] = field(default_factory=Counter)
    service: MondeService = field(init=False)
    _de: random.Random = field(init=False)
    _journal: list[Any] = field(default_factory=list)
    _rang: int = 0
    _depart: float = 0.0

    async def run(self) -> None:
        """Build the service, let everybody in, wait for the end."""
        self._de, self._depart = random.Random(self.graine), time.monotonic()
        async with self.processus[0].db.engine.begin() as conn:
            self.service = await build_service(conn, guichets=3, plages=((540, 660),), jours_semaine=(1,))
            await build_equipe(conn, self.service)
            bornes = {"liberation_min_minutes": 5, "liberation_max_minutes": 10, "attente_minutes": 15}
            for cle, valeur in {**bornes, "liberation_differee": True}.items():
                qui = {"service_id": self.service.id, "modifie_a": LUNDI_9H}
                await conn.execute(insert(Parametre).values(cle=cle, valeur=valeur, **qui))
        with capture_logs() as self._journal:
            visiteurs = (self._repeat(partial(self._visit, visite), 0.1) for visite in range(4))
            repondants = (self._repeat(partial(self._answer, visite), 0.1) for visite in range(4))
            autres = (self._wait_in_line, self._wait_in_line, self._cancel, self._cancel, self._move, self._move)
            ouvriers = (self._work(Guetteur(outils)) for outils in self.processus[:2])
            await asyncio.gather(
                *(*visiteurs, *repondants, *(self._repeat(acte, 0.12) for acte in autres), *ouvriers),
                *(self._repeat(self._exchange, 0.1), self._watch()),
            )
        for ligne in self._journal:
            if ligne["event"] == "attente.defaut":
                self.fautes[f"attente.defaut {ligne.get('erreur')} {ligne.get('sqlstate')} {ligne.get('ou')}"] += 1

    @property
    def ruptures(self) -> int:
        """Transactions that PostgreSQL broke because they waited for each other."""
        return sum(ligne["event"] == "transaction.rejouee" for ligne in self._journal)

    # --- The ground --------------------------------------------------------------------------------------------------

    def _now(self) -> datetime:
        return LUNDI_9H + timedelta(minutes=1.5 * (time.monotonic() - self._depart))

    def _is_over(self, reste_s: float = 0.0) -> bool:
        if self.jusqu_a_une_rupture and self.ruptures:
            return True
        passees = time.monotonic() - self._depart - reste_s
        faits = all(self.faits[acte] for acte in self.attendus)
        return passees > (self.duree_s if faits else 4 * self.duree_s)

    def _any(self) -> Outils:
        return self._de.choice(self.processus)

    def _often(self, part: float) -> bool:
        return self._de.random() < part

    def _minute(self, *jours: date) -> int:
        """One of six hours of one of these days."""
        rang = self._de.randrange(6)
        return to_minute(quand(9 + rang // 3, 20 * (rang % 3), self._de.choice(jours or (JOUR, *LOINS))))

    async def sql(self, requete: str, **valeurs: Any) -> list[Any]:
        """Rows, straight from PostgreSQL."""
        async with self.processus[0].db.read() as conn:
            resultat = await conn.execute(text(requete), valeurs)
            return list(resultat.all()) if resultat.returns_rows else []

    async def _repeat(self, acte: Callable[[], Awaitable[None]], pause_s: float) -> None:
        while not self._is_over():
            await acte()
            await asyncio.sleep(self._de.random() * pause_s)

    async def _try(self, nom: str, acte: Awaitable[Any]) -> Any:
        """What it answers, None when it is refused; anything but a refusal is a fault."""
        try:
            issue = await asyncio.wait_for(acte, 30)
        except Indisponible as erreur:
            self.fautes[f"{nom}: Indisponible {sqlstate(erreur.__cause__) if erreur.__cause__ else ''}"] += 1
        except AppError as erreur:
            self.refus[f"{nom}: {type(erreur).__name__}"] += 1
        except Exception as erreur:
            self.fautes[f"{nom}: {type(erreur).__name__} {sqlstate(erreur) or erreur}"] += 1
        else:
            self.faits[nom] += 1
            return issue
        return None

    # --- Who is there ------------------------------------------------------------------------------------------------

    async def _visit(self, rang: int) -> None:
        """Hold, let go, keep longer, book; now and then from two tabs."""
        qui, debut = self._de.randrange(_HABITUES), self._minute(JOUR)
        motif = self.service.motifs[0 if self._often(0.8) else 1]
        visite = f"{rang}-{self._de.randrange(4)}".ljust(43, "v")
        if self._often(0.6):
            place: dict[str, Any] = {
                "service_id": self.service.id,
                "motif_id": motif,
                "type_rdv": "guichet",
                "debut": debut,
            }
            voulue = place_option(self._any(), **place, visite=visite, maintenant=self._now())
            if await self._try("hold", voulue) is None:
                return
            if self._often(0.15):
                await self._try("let go", release_option(self._any(), visite, self._now()))
                return
            if self._often(0.2):
                await self._try("keep longer", extend_option(self._any(), self.service.id, visite, self._now()))
        faits = {"nom_usage": f"Habitue{qui}", "courriel": f"habitue{qui}@usagers.test", "date_naissance": NAISSANCE}
        usager = personne(qui, **faits, telephones=(f"+3361234{qui:04d}",))
        onglets = [(debut, visite), (self._minute(), visite + "2")][: 2 if self._often(0.3) else 1]
        await asyncio.gather(
            *(
                self._try("book", self._book(heure, qui, usager=usager, visite=sienne, motif_id=motif))
                for heure, sienne in onglets
            )
        )

    def _book(self, debut: int, rang: int, **plus: Any) -> Awaitable[Any]:
        return book(self._any(), demande(self.service, debut, rang, unique=True, **plus), USAGER, self._now())

    async def _wait_in_line(self) -> None:
        """Register, with a later RDV to move or without any; confirm twice at once; leave sometimes."""
        self._rang += 1
        nom, rdv = f"Attend{self._rang}", None
        contact = f"{nom.lower()}@usagers.test"
        if self._often(0.7):
            usager = personne(5000 + self._rang, nom_usage=nom, courriel=contact, date_naissance=NAISSANCE)
            rdv = await self._try("book later", self._book(self._minute(*LOINS), 5000 + self._rang, usager=usager))
        auteur = Auteur("usager", adresse=f"10.{self._rang // 250}.{self._rang % 250}.7")
        genre = (self.service.id, self.service.motifs[0], "guichet", "particulier", JOUR, JOUR, "")
        voeu = Inscription(*genre, nom, "mail", contact, "fr", rdv.id if rdv else None)
        await self._try("register", register(self._any(), voeu, auteur, self._now()))
        for (sel,) in await self.sql("SELECT lien_sel FROM attente WHERE contact = :c", c=contact):
            jeton = jeton_attente(self.processus[0].settings, sel)
            await asyncio.gather(
                *(self._try("confirm", confirm(self._any(), jeton, auteur, self._now())) for _ in range(2))
            )
            if self._often(0.1):
                await self._try("leave", leave(self._any(), jeton, auteur, self._now()))

    async def _answer(self, rang: int) -> None:
        """Move the RDV there, take and book, take and go, refuse; while an agent moves or cancels it, or he leaves."""
        offres = await self.sql(
            "SELECT a.lien_sel, a.rdv_id, r.revision, a.contact, o.debut FROM offre_attente o"
            " JOIN attente a ON a.id = o.attente_id LEFT JOIN rendez_vous r ON r.id = a.rdv_id"
            " WHERE o.etat IN ('ouverte', 'prise') ORDER BY random() LIMIT 1"
        )
        if not offres:
            return
        sel, rdv_id, revision, contact, debut = offres[0]
        jeton, visite, tirage = jeton_attente(self.processus[0].settings, sel), f"r{rang}".ljust(43, "r"), 0.0
        actes: list[tuple[float, str, Callable[[], Awaitable[Any]]]] = [
            (0.1, "leave", lambda: leave(self._any(), jeton, USAGER, self._now())),
            (0.1, "refuse", lambda: refuse_offre(self._any(), jeton, USAGER, self._now())),
            (0.2, "take", lambda: take_offre(self._any(), jeton, visite + "b", USAGER, self._now())),
        ]
        tirage = self._de.random()
        if rdv_id is not None and tirage < 0.6:
            actes += [
                (
                    1.0,
                    "move to the offer",
                    lambda: move_to_offre(self._any(), jeton, USAGER, self._now(), vue=revision),
                ),
                (
                    0.3,
                    "move to the offer",
                    lambda: move_to_offre(self._any(), jeton, USAGER, self._now(), vue=revision),
                ),
                (0.3, "move by an agent", lambda: self._move_by_agent(rdv_id)),
                (0.2, "cancel by an agent", lambda: self._cancel_by_agent(rdv_id)),
            ]
        elif tirage < 0.85:
            actes.append((1.0, "take", lambda: take_offre(self._any(), jeton, visite, USAGER, self._now())))
        else:
            return
        await asyncio.gather(*(self._try(nom, acte()) for part, nom, acte in actes if self._often(part)))
        if self._often(0.5):
            self._rang += 1
            nom = f"Repond{self._rang}"
            usager = personne(9000 + self._rang, nom_usage=nom, courriel=contact or None, date_naissance=NAISSANCE)
            place = self._book(to_minute(debut), 9000 + self._rang, usager=usager, visite=visite)
            await self._try("book the offer", place)
        else:
            await self._try("let go", release_option(self._any(), visite, self._now()))

    async def _cancel(self) -> None:
        for rdv_id, sel, revision in await self._draw_rdv(1):
            if self._often(0.5):
                titre = ParLien(jeton_lien(self.processus[0].settings, sel))
                acte = cancel(self._any(), {"id": rdv_id}, titre, USAGER, self._now(), raison="", vue=revision)
                await self._try("cancel by link", acte)
            else:
                await self._try("cancel by an agent", self._cancel_by_agent(rdv_id))

    async def _move(self) -> None:
        for rdv_id, sel, revision in await self._draw_rdv(1):
            if self._often(0.5):
                titre = ParLien(jeton_lien(self.processus[0].settings, sel))
                cible = Cible(self._minute(), motif_id=self._de.choice((None, None, *self.service.motifs[:2])))
                acte = relocate(self._any(), {"id": rdv_id}, titre, cible, USAGER, self._now(), vue=revision)
                await self._try("move by link", acte)
            else:
                await self._try("move by an agent", self._move_by_agent(rdv_id))

    async def _exchange(self) -> None:
        """Two agents, each from the other side."""
        deux = [rdv_id for rdv_id, _, _ in await self._draw_rdv(2)]
        if len(deux) == 2:
            agent = self._agent()
            await asyncio.gather(
                *(
                    self._try("exchange", exchange(self._any(), un, autre, agent, self._now(), acquittees=TOUTES))
                    for un, autre in (deux, deux[::-1])
                )
            )

    def _agent(self) -> Auteur:
        return Auteur("agent", agent_id=self.service.agents["agent"])

    def _move_by_agent(self, rdv_id: int) -> Awaitable[Any]:
        cible = Cible(self._minute(JOUR), guichet_id=self._de.choice(self.service.guichets), acquittees=TOUTES)
        return move(self._any(), rdv_id, cible, self._agent(), self._now())

    def _cancel_by_agent(self, rdv_id: int) -> Awaitable[Any]:
        return act(self._any(), rdv_id, Action.ANNULER, self._agent(), self._now(), raison="empêchement")

    async def _draw_rdv(self, nombre: int) -> list[Any]:
        """(id, what its link is made of, revision) of that many RDV of one day, the wanted one more often."""
        jour = JOUR if self._often(0.8) else self._de.choice(LOINS)
        requete = "SELECT id, lien_sel, revision FROM rendez_vous WHERE etat = 'prevu' AND jour = :jour"
        return await self.sql(f"{requete} ORDER BY random() LIMIT :n", jour=jour, n=nombre)

    async def _work(self, guetteur: Guetteur) -> None:
        """An elected worker, and another that believes itself elected; the mail leaves."""
        while not self._is_over(_SOLDE_S):
            await self._try("settle", settle_offres(guetteur.outils, self._now()))
            await self._try("expire", expire_options(guetteur.outils, self._now()))
            faites = await self._try("look", guetteur.run_once(self._now()))
            self.faits["offers"] += faites or 0
            await self.sql(
                "UPDATE courrier SET envoye_a = :a, tentatives = 1 WHERE id IN"
                " (SELECT id FROM courrier WHERE envoye_a IS NULL ORDER BY id FOR UPDATE SKIP LOCKED)",
                a=self._now(),
            )
            await asyncio.sleep(0.15)

    async def _watch(self) -> None:
        """What must hold at every instant."""
        while not self._is_over(_SOLDE_S):
            for nom, requete in FAUTES.items():
                if (await self.sql(requete))[0][0]:
                    self.fautes[nom] += 1
            await asyncio.sleep(0.5)
