"""A RDV received for another service: where, when, how many, told to whom [G 2.3.5]."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from app import clock
from app.booking import quota
from app.booking.disponibilites import Disponibilite
from app.booking.jugement import Reservation
from app.booking.options import expire_options, place_option
from app.booking.outils import Auteur, Outils
from app.booking.quota import find_confiee
from app.booking.reserver import book
from app.booking.vie import act
from app.db import UnitOfWork
from app.domain.horaires import from_minute
from app.domain.raisons import Raison
from app.domain.rendez_vous import Action
from app.errors import AccesRefuse, AppError, CreneauPris, RegleRefusee
from tests.booking.outillage import USAGER, demande
from tests.booking.test_options_abandonnees import clock_at
from tests.fixtures.delegations import change_delegation, insert_delegation
from tests.fixtures.donnees import MondeService, build_agent, build_service


@dataclass
class Duo:
    """A (Nevers) delegates its first motif to B (Cosne)."""

    outils: Outils
    a: MondeService
    b: MondeService
    delegation: int

    @property
    def motif(self) -> int:
        return self.a.motifs[0]

    async def dispo(self, delegation: int | None = None, service: int | None = None, **plus: Any) -> Disponibilite:
        """What B offers to usagers of A."""
        maintenant = clock.now()
        async with self.outils.db.read() as conn:
            confiee = await find_confiee(
                self.outils, conn, delegation or self.delegation, self.b.id, self.motif, maintenant
            )
            assert confiee is not None
            options = {"type_rdv": "guichet", "canal": "internet", "maintenant": maintenant, **plus}
            return await self.outils.dispo.read(
                conn, service or self.b.id, motif_id=self.motif, delegation=confiee.delegation, **options
            )

    async def libres(self) -> list[int]:
        """The free starts."""
        dispo = await self.dispo()
        return [c.debut for journee in dispo.grille.jours.values() for c in journee.creneaux]

    async def hold(self, debut: int, visite: str = "visite", **plus: Any) -> Any:
        """Choose that créneau of B."""
        valeurs = {"service_id": self.b.id, "delegation_id": self.delegation, "motif_id": self.motif, **plus}
        return await place_option(
            self.outils, type_rdv="guichet", debut=debut, visite=visite, maintenant=clock.now(), **valeurs
        )

    def ask(self, debut: int, rang: int = 1, **plus: Any) -> Reservation:
        """A request for B, for the account of A."""
        valeurs = {"motif_id": self.motif, "delegation_id": self.delegation, **plus}
        return demande(self.b, debut, rang, **valeurs)

    async def book(self, debut: int, rang: int = 1, **plus: Any) -> Any:
        """Book it."""
        return await book(self.outils, self.ask(debut, rang, **plus), USAGER, clock.now())

    async def change(self, **valeurs: object) -> None:
        """Withdraw it, change its quota…"""

        async def travail(uow: UnitOfWork) -> None:
            await change_delegation(uow, self.delegation, **valeurs)

        await self.outils.db.transaction(travail)

    async def rows(self, requete: str, **valeurs: Any) -> list[Any]:
        """Straight from PostgreSQL."""
        async with self.outils.db.read() as conn:
            return list((await conn.execute(text(requete), valeurs)).all())

    async def frames(self, apres: int) -> list[tuple[str, str]]:
        """(subject, type) of the frames written since."""
        lignes = await self.rows("SELECT sujet, trame FROM outbox WHERE id > :apres ORDER BY id", apres=apres)
        return sorted((ligne.sujet, json.loads(ligne.trame)["type"]) for ligne in lignes)

    async def last_frame(self) -> int:
        """Where the outbox stands."""
        return int((await self.rows("SELECT coalesce(max(id), 0) FROM outbox"))[0][0])


async def build_duo(outils: Outils, guichets: int = 2, **delegation: Any) -> Duo:
    """Both services and an accepted delegation."""
    async with outils.db.engine.begin() as conn:
        a = await build_service(conn, guichets=guichets)
        b = await build_service(
            conn, sages="5800451", libelle="SERVICE IMPOTS COSNE", guichets=guichets, en_ligne=False
        )
        ident = await insert_delegation(conn, a, b, **delegation)
    return Duo(outils, a, b, ident)


def jour_de(debut: int) -> date:
    """The local day of a start, in mainland France in the daytime."""
    return from_minute(debut).date()


def premiers_par_jour(libres: list[int]) -> list[list[int]]:
    """The free starts, day by day."""
    par_jour: dict[date, list[int]] = {}
    for debut in libres:
        par_jour.setdefault(jour_de(debut), []).append(debut)
    return list(par_jour.values())


@contextmanager
def patched(module: Any, nom: str, valeur: Any) -> Iterator[None]:
    """``module.nom`` is ``valeur`` meanwhile."""
    avant = getattr(module, nom)
    setattr(module, nom, valeur)
    try:
        yield
    finally:
        setattr(module, nom, avant)


class TestCeQueBOffre:
    """B receives a motif that it does not open, closed online or not, on its own hours, for its own guichets."""

    async def test_b_offers_what_it_never_opened_and_only_under_the_delegation(self, outils: Outils) -> None:
        duo = await build_duo(outils)
        assert await duo.libres()
        async with outils.db.read() as conn:
            contexte = (await outils.dispo.contextes.get_many(conn, {duo.b.id: 0}))[duo.b.id]
            assert not contexte.motif(duo.motif).ouvert
            nu = await outils.dispo.read(
                conn,
                duo.b.id,
                motif_id=duo.motif,
                type_rdv="guichet",
                canal="internet",
                maintenant=clock.now(),
            )
        assert nu.grille.raison is Raison.MOTIF_NON_PROPOSE

    async def test_only_its_days_are_offered(self, outils: Outils) -> None:
        depart = clock.now().date()
        du, au = depart + timedelta(days=10), depart + timedelta(days=16)
        duo = await build_duo(outils, du=du, au=au)
        jours = {jour_de(debut) for debut in await duo.libres()}
        assert jours
        assert du <= min(jours) <= max(jours) <= au
        hors = next(j for j in (await duo.dispo()).grille.jours if j > au)
        assert (await duo.dispo()).grille.jours[hors].creneaux == ()

    async def test_the_guichets_of_b_keep_their_own_restrictions(self, outils: Outils) -> None:
        duo = await build_duo(outils)
        async with outils.db.engine.begin() as conn:
            await conn.execute(
                text("UPDATE guichet SET motifs = :m WHERE id = :g"), {"m": duo.b.motifs[:1], "g": duo.b.guichets[0]}
            )
            await conn.execute(text("UPDATE guichet SET canaux = '{rattache}' WHERE id = :g"), {"g": duo.b.guichets[1]})
        assert (await duo.dispo()).grille.raison is Raison.MOTIF_NON_PROPOSE

    async def test_the_duration_is_b_s_when_it_offers_the_motif_else_a_s_as_it_is_now(self, outils: Outils) -> None:
        duo = await build_duo(outils)

        async def set_duree(service: int, minutes: int, ouvert: bool) -> None:
            async def travail(uow: UnitOfWork) -> None:
                await uow.conn.execute(
                    text(
                        "INSERT INTO motif_service (service_id, motif_id, ouvert, duree_minutes)"
                        " VALUES (:s, :m, :o, :d) ON CONFLICT (service_id, motif_id)"
                        " DO UPDATE SET duree_minutes = :d, ouvert = :o"
                    ),
                    {"s": service, "m": duo.motif, "o": ouvert, "d": minutes},
                )
                uow.annonces.planning(service)

            await outils.db.transaction(travail)

        assert (await duo.dispo()).demande.duree == 20
        await set_duree(duo.a.id, 40, True)
        assert (await duo.dispo()).demande.duree == 40
        await set_duree(duo.b.id, 30, False)
        assert (await duo.dispo()).demande.duree == 40
        await set_duree(duo.b.id, 30, True)
        assert (await duo.dispo()).demande.duree == 30
        debut = (await duo.libres())[0]
        reserve = await duo.book(debut)
        assert reserve.fin - reserve.debut == timedelta(minutes=30)


class TestReserverAilleurs:
    """« A delegated RDV is a RDV of B »; both services see whose it is."""

    async def test_the_row_is_of_b_for_a_and_both_are_told(self, outils: Outils) -> None:
        duo = await build_duo(outils)
        avant = await duo.last_frame()
        reserve = await duo.book((await duo.libres())[0])
        (ligne,) = await duo.rows("SELECT * FROM rendez_vous WHERE id = :id", id=reserve.id)
        assert (ligne.service_id, ligne.service_origine_id, ligne.delegation_id) == (duo.b.id, duo.a.id, duo.delegation)
        assert ligne.guichet_id in duo.b.guichets
        tous = [
            (f"{genre}:{s}", t)
            for s in (duo.a.id, duo.b.id)
            for genre, t in (("creneaux", "creneau.pris"), ("service", "rdv.cree"))
        ]
        assert await duo.frames(avant) == sorted(tous)
        compteurs = await duo.rows("SELECT service_id, etat, nombre FROM compteur_jour WHERE jour = :j", j=ligne.jour)
        assert [tuple(c) for c in compteurs] == [(duo.b.id, "prevu", 1)], "counted where it is received"
        (journal,) = await duo.rows("SELECT apres FROM journal WHERE action = 'rdv.cree' AND rdv_id = :r", r=reserve.id)
        apres = journal.apres if isinstance(journal.apres, dict) else json.loads(journal.apres)
        assert (apres["delegation"], apres["origine"]) == (duo.delegation, duo.a.id)

    async def test_a_hold_swapped_expired_or_booked_is_told_to_both(self, outils: Outils) -> None:
        duo = await build_duo(outils)
        premier, second = (await duo.libres())[:2]
        services = {duo.a.id, duo.b.id}

        async def told(avant: int) -> dict[str, set[int]]:
            faits: dict[str, set[int]] = {}
            for sujet, genre in await duo.frames(avant):
                faits.setdefault(genre, set()).add(int(sujet.split(":")[1]))
            return faits

        avant = await duo.last_frame()
        await duo.hold(premier)
        assert await told(avant) == {"option.posee": services, "creneau.pris": services}
        avant = await duo.last_frame()
        tenue = await duo.hold(second)
        attendu = dict.fromkeys(("option.posee", "creneau.pris", "option.levee", "creneau.libre"), services)
        assert await told(avant) == attendu
        avant = await duo.last_frame()
        reserve = await duo.book(second, visite="visite")
        assert reserve.id == tenue.id, "the hold became the RDV"
        assert await told(avant) == {"rdv.cree": services}
        await duo.hold(premier)
        avant = await duo.last_frame()
        with clock_at(clock.now() + timedelta(hours=1)):
            await expire_options(outils, clock.now())
        assert await told(avant) == {"option.levee": services, "creneau.libre": services}

    async def test_the_mail_gives_the_place_of_b_for_the_account_of_a(self, outils: Outils) -> None:
        duo = await build_duo(outils)
        reserve = await duo.book((await duo.libres())[0])
        lignes = await duo.rows("SELECT evenement, donnees FROM courrier WHERE rdv_id = :r", r=reserve.id)
        assert {ligne.evenement for ligne in lignes} == {"confirmation", "rappel"}
        for ligne in lignes:
            donnees = ligne.donnees if isinstance(ligne.donnees, dict) else json.loads(ligne.donnees)
            assert donnees["service_libelle"] == "SERVICE IMPOTS COSNE"
            assert donnees["service_origine"] == "SERVICE IMPOTS PARTICULIERS NEVERS"

    async def test_the_same_key_for_another_place_is_not_the_same_request(self, outils: Outils) -> None:
        duo = await build_duo(outils)
        debut = (await duo.libres())[0]
        ici = demande(duo.b, debut, motif_id=duo.motif)
        assert duo.ask(debut, cle=ici.cle).print_demande() != ici.print_demande()
        assert (await duo.book(debut, cle=ici.cle)).rejoue is False
        encore = await duo.book(debut, cle=ici.cle)
        assert (encore.rejoue, encore.identique) == (True, True)

    async def test_a_loser_is_offered_the_other_creneaux_of_b_under_that_delegation(self, outils: Outils) -> None:
        duo = await build_duo(outils, guichets=1)
        debut = (await duo.libres())[0]
        await duo.book(debut)
        for tentative in (duo.book(debut, 2), duo.hold(debut, "autre")):
            with pytest.raises(CreneauPris) as refus:
                await tentative
            alternatives = refus.value.details["alternatives"]
            assert alternatives
            assert {g for c in alternatives for g in c.guichets} <= set(duo.b.guichets)


class TestCeQuiEstRefuse:
    """Withdrawn, over, forged, of another service, of another motif: a sentence, nothing written."""

    @pytest.mark.parametrize("etat", ["proposee", "refusee", "retiree"])
    async def test_what_is_not_accepted_receives_nothing(self, outils: Outils, etat: str) -> None:
        duo = await build_duo(outils)
        debut = (await duo.libres())[0]
        await duo.change(etat=etat)
        for tentative in (duo.hold(debut), duo.book(debut)):
            with pytest.raises(RegleRefusee, match="ne reçoit plus ce rendez-vous"):
                await tentative
        assert await duo.rows("SELECT 1 FROM rendez_vous WHERE service_id = :b", b=duo.b.id) == []

    @pytest.mark.parametrize("ident", [-1, 0, 999_999, 2**63 - 1, 2**63, 2**80])
    async def test_an_id_of_no_delegation_is_refused(self, outils: Outils, ident: int) -> None:
        duo = await build_duo(outils)
        debut = (await duo.libres())[0]
        for tentative in (duo.hold(debut, delegation_id=ident), duo.book(debut, delegation_id=ident)):
            with pytest.raises(RegleRefusee):
                await tentative

    async def test_a_delegation_opens_neither_another_service_nor_another_motif(self, outils: Outils) -> None:
        duo = await build_duo(outils)
        debut = (await duo.libres())[0]
        ailleurs: list[dict[str, Any]] = [
            {"service_id": duo.a.id},
            {"motif_id": duo.a.motifs[1]},
            {"motif_id": duo.b.motifs[0]},
        ]
        for plus in ailleurs:
            for tentative in (duo.hold(debut, **plus), duo.book(debut, **plus)):
                with pytest.raises(RegleRefusee):
                    await tentative

    async def test_it_returns_by_itself_after_its_last_day_and_what_was_taken_stays(self, outils: Outils) -> None:
        duo = await build_duo(outils)
        debut = (await duo.libres())[0]
        reserve = await duo.book(debut)
        await duo.change(au=clock.now().date(), du=clock.now().date() - timedelta(days=3))
        with clock_at(clock.now() + timedelta(days=1)), pytest.raises(RegleRefusee):
            await duo.dispo()
        (ligne,) = await duo.rows("SELECT etat, service_id FROM rendez_vous WHERE id = :r", r=reserve.id)
        assert tuple(ligne) == ("prevu", duo.b.id)

    async def test_a_service_closed_online_sends_nobody_elsewhere_but_lets_a_holder_finish(
        self, outils: Outils
    ) -> None:
        duo = await build_duo(outils)
        premier, second = (await duo.libres())[:2]
        await duo.hold(premier)

        async def travail(uow: UnitOfWork) -> None:
            await uow.conn.execute(text("UPDATE service_fiscal SET en_ligne = FALSE WHERE id = :a"), {"a": duo.a.id})
            uow.annonces.planning(duo.a.id)

        await outils.db.transaction(travail)
        for tentative in (duo.hold(second, "autre"), duo.book(second)):
            with pytest.raises(RegleRefusee, match="ne propose pas de prise de rendez-vous"):
                await tentative
        assert (await duo.book(premier, visite="visite")).debut == from_minute(premier)

    async def test_withdrawn_between_the_judgement_and_the_writing_it_is_refused(self, outils: Outils) -> None:
        duo = await build_duo(outils)
        debut = (await duo.libres())[0]
        transaction = outils.db.transaction
        retraits = 0

        async def withdraw_first(travail: Any) -> Any:
            nonlocal retraits
            retraits += 1
            if retraits == 1:
                async with outils.db.engine.begin() as conn:
                    await conn.execute(text("UPDATE delegation SET etat = 'retiree'"))
                    await conn.execute(text("UPDATE agenda SET version_planning = version_planning + 1"))
            return await transaction(travail)

        with patched(outils.db, "transaction", withdraw_first), pytest.raises(RegleRefusee):
            await duo.book(debut)
        assert retraits == 1
        assert await duo.rows("SELECT 1 FROM rendez_vous WHERE service_id = :b", b=duo.b.id) == []

    async def test_an_agent_without_right_on_b_books_nothing_there_by_it(self, outils: Outils) -> None:
        duo = await build_duo(outils)
        async with outils.db.engine.begin() as conn:
            agent = await build_agent(conn, "pilote-a", profil="pilotage", service_id=duo.a.id, zone=[duo.a.id])
        debut = (await duo.libres())[0]
        for canal in ("exterieur", "rattache"):
            demandee = duo.ask(debut, canal=canal, origine="telephone")
            with pytest.raises(AccesRefuse):
                await book(outils, demandee, Auteur("agent", agent), clock.now())


class TestQuota:
    """« daily quota »: RDV and live holds, never one more, whoever races."""

    async def test_a_day_that_has_its_quota_is_complete_and_the_next_is_not(self, outils: Outils) -> None:
        duo = await build_duo(outils, quota=2)
        premier_jour, second_jour, *_ = premiers_par_jour(await duo.libres())
        await duo.hold(premier_jour[0], "a")
        await duo.book(premier_jour[1])
        dispo = await duo.dispo()
        jour = jour_de(premier_jour[0])
        assert (dispo.grille.jours[jour].creneaux, dispo.grille.jours[jour].raison) == ((), Raison.COMPLET)
        for tentative in (duo.hold(premier_jour[2], "b"), duo.book(premier_jour[2], 3)):
            with pytest.raises(CreneauPris) as refus:
                await tentative
            assert {jour_de(c.debut) for c in refus.value.details["alternatives"]}.isdisjoint({jour})
        assert (await duo.book(second_jour[0], 4)).id

    async def test_the_last_hold_becomes_the_rdv_and_may_change_of_hour_first(self, outils: Outils) -> None:
        duo = await build_duo(outils, quota=1)
        (premier, second, *_), *_ = premiers_par_jour(await duo.libres())
        await duo.hold(premier)
        await duo.hold(second)
        reserve = await duo.book(second, visite="visite")
        assert reserve.debut == from_minute(second)
        with pytest.raises(CreneauPris):
            await duo.book(premier, 2)

    async def test_a_holder_may_book_another_hour_of_a_day_that_his_own_hold_fills(self, outils: Outils) -> None:
        duo = await build_duo(outils, quota=1)
        (premier, second, *_), *_ = premiers_par_jour(await duo.libres())
        await duo.hold(premier)
        assert (await duo.book(second, visite="visite")).debut == from_minute(second)
        (nombre,) = await duo.rows("SELECT count(*) FROM rendez_vous WHERE delegation_id = :d", d=duo.delegation)
        assert nombre[0] == 1

    async def test_what_is_cancelled_or_expired_counts_no_more(self, outils: Outils) -> None:
        duo = await build_duo(outils, quota=1)
        async with outils.db.engine.begin() as conn:
            agent = await build_agent(conn, "agent-b", service_id=duo.b.id, zone=[duo.b.id])
        (premier, *_), *_ = premiers_par_jour(await duo.libres())
        reserve = await duo.book(premier)
        await act(outils, reserve.id, Action.ANNULER, Auteur("agent", agent), clock.now(), raison="absence")
        await duo.hold(premier)
        with clock_at(clock.now() + timedelta(minutes=30)):
            assert (await duo.book(premier, 2)).debut == from_minute(premier)

    async def test_b_s_own_rdv_do_not_count(self, outils: Outils) -> None:
        duo = await build_duo(outils, quota=1)
        async with outils.db.engine.begin() as conn:
            await conn.execute(text("UPDATE service_fiscal SET en_ligne = TRUE WHERE id = :b"), {"b": duo.b.id})
        (premier, second, *_), *_ = premiers_par_jour(await duo.libres())
        await book(outils, demande(duo.b, premier), USAGER, clock.now())
        assert (await duo.book(second, 2)).id

    async def test_twenty_rivals_never_exceed_it_holding_or_booking(self, outils: Outils) -> None:
        duo = await build_duo(outils, guichets=4, quota=3)
        heures, *_ = premiers_par_jour(await duo.libres())
        assert await self.race(duo, heures) == 3

    async def test_without_the_lock_they_do(self, outils: Outils, monkeypatch: pytest.MonkeyPatch) -> None:
        async def no_lock(*_: Any) -> None:
            return None

        monkeypatch.setattr(quota, "lock_quota", no_lock)
        duo = await build_duo(outils, guichets=4, quota=3)
        heures, *_ = premiers_par_jour(await duo.libres())
        assert await self.race(duo, heures) > 3, "the race is no race: it proves nothing with the lock either"

    @staticmethod
    async def race(duo: Duo, heures: list[int]) -> int:
        """Twenty visitors, one in two holding first, each at another hour; what was taken that day."""

        async def come(rang: int) -> None:
            debut = heures[rang % len(heures)]
            try:
                if rang % 2:
                    await duo.hold(debut, f"visite-{rang}")
                await duo.book(debut, rang, visite=f"visite-{rang}")
            except AppError:
                return

        await asyncio.gather(*(come(rang) for rang in range(20)))
        lignes = await duo.rows(
            "SELECT count(*) FROM rendez_vous WHERE delegation_id = :d AND occupe AND jour = :j",
            d=duo.delegation,
            j=jour_de(heures[0]),
        )
        return int(lignes[0][0])
