"""The quota of a delegation where clocks differ: holds that expire on the way, places that cool down [G 2.3.5].

A hold that has expired for one request is still alive for another, sent a moment earlier and served a moment later. Who
comes second is told so, whichever of the two it is.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from app import clock
from app.booking import store
from app.booking.options import OptionPosee, extend_option, find_option, place_option
from app.booking.outils import Auteur, Outils
from app.booking.quota import QuotaAtteint
from app.booking.reserver import RdvReserve, book
from app.booking.vie import act
from app.domain.rendez_vous import Action
from app.errors import AppError, CreneauPris, Introuvable
from tests.booking.outillage import USAGER
from tests.booking.test_delegation import Duo, build_duo, jour_de, premiers_par_jour
from tests.fixtures.donnees import build_agent

SECONDE = timedelta(seconds=1)
LIMITE = (
    "La limite de 1\u00a0rendez-vous par jour confié par SERVICE IMPOTS PARTICULIERS NEVERS est atteinte ce jour-là."
)


async def hold(duo: Duo, debut: int, visite: str, a: datetime) -> OptionPosee:
    """Choose that créneau of B at that instant."""
    return await place_option(
        duo.outils,
        service_id=duo.b.id,
        delegation_id=duo.delegation,
        motif_id=duo.motif,
        type_rdv="guichet",
        debut=debut,
        visite=visite,
        maintenant=a,
    )


async def confirm(duo: Duo, debut: int, visite: str, rang: int, a: datetime) -> RdvReserve:
    """Book it at that instant."""
    return await book(duo.outils, duo.ask(debut, rang, visite=visite), USAGER, a)


async def count(duo: Duo, debut: int) -> int:
    """What the delegation occupies that day."""
    requete = "SELECT count(*) FROM rendez_vous WHERE delegation_id = :d AND jour = :j AND occupe"
    (ligne,) = await duo.rows(requete, d=duo.delegation, j=jour_de(debut))
    return int(ligne[0])


class TestUneTenueExpiree:
    """« Never two live holds beyond the quota »: asked at the confirmation and at the extension too."""

    async def test_the_place_of_a_hold_given_to_somebody_else_is_not_confirmed(self, outils: Outils) -> None:
        duo = await build_duo(outils, quota=1)
        (un, autre, *_), *_ = premiers_par_jour(await duo.libres())
        fin = (await hold(duo, un, "lente", clock.now())).expire_a
        await hold(duo, autre, "prompte", fin + SECONDE)
        with pytest.raises(QuotaAtteint) as refus:
            await confirm(duo, un, "lente", 1, fin - SECONDE)
        assert refus.value.phrase == LIMITE
        assert {jour_de(c.debut) for c in refus.value.details["alternatives"]}.isdisjoint({jour_de(un)})
        assert (await confirm(duo, autre, "prompte", 2, fin + SECONDE)).id
        (nombre,) = await duo.rows("SELECT count(*) FROM rendez_vous WHERE etat = 'prevu'")
        assert nombre[0] == 1

    async def test_a_confirmation_that_waited_does_not_add_to_a_day_filled_meanwhile(
        self, outils: Outils, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        duo = await build_duo(outils, quota=1)
        (un, autre, *_), *_ = premiers_par_jour(await duo.libres())
        fin = (await hold(duo, un, "lente", clock.now())).expire_a
        ouverte, arrivee, lock_visite = asyncio.Event(), asyncio.Event(), store.lock_visite
        lentes = 1

        async def wait_then_lock(*args: Any) -> None:
            nonlocal lentes
            if lentes:
                lentes = 0
                arrivee.set()
                await ouverte.wait()
            await lock_visite(*args)

        monkeypatch.setattr(store, "lock_visite", wait_then_lock)
        lente = asyncio.create_task(confirm(duo, un, "lente", 1, fin - SECONDE))
        await arrivee.wait()  # judged, not written yet
        await hold(duo, autre, "prompte", fin + SECONDE)
        await confirm(duo, autre, "prompte", 2, fin + SECONDE)
        ouverte.set()
        with pytest.raises(QuotaAtteint):
            await lente
        (nombre,) = await duo.rows("SELECT count(*) FROM rendez_vous WHERE etat = 'prevu'")
        assert nombre[0] == 1

    async def test_it_is_not_kept_longer_either_and_who_is_told_so_has_it_no_more(self, outils: Outils) -> None:
        duo = await build_duo(outils, quota=1)
        (un, autre, *_), *_ = premiers_par_jour(await duo.libres())
        fin = (await hold(duo, un, "lente", clock.now())).expire_a
        await hold(duo, autre, "prompte", fin + SECONDE)
        with pytest.raises(Introuvable, match="n’est plus réservé pour vous"):
            await extend_option(outils, duo.b.id, "lente", fin - SECONDE)
        assert await find_option(outils, duo.b.id, "lente", fin - SECONDE) is None
        assert await count(duo, un) == 1
        assert (await extend_option(outils, duo.b.id, "prompte", fin + 2 * SECONDE)).debut == (
            await confirm(duo, autre, "prompte", 2, fin + 3 * SECONDE)
        ).debut

    async def test_the_last_hold_of_the_day_is_kept_longer_and_confirmed(self, outils: Outils) -> None:
        duo = await build_duo(outils, quota=1)
        (un, *_), *_ = premiers_par_jour(await duo.libres())
        tenue = await hold(duo, un, "seule", clock.now())
        plus = await extend_option(outils, duo.b.id, "seule", clock.now())
        assert plus.expire_a > tenue.expire_a
        assert (await confirm(duo, un, "seule", 1, tenue.expire_a + SECONDE)).id == tenue.id

    async def test_clocks_a_second_apart_extend_hold_and_book_together_within_it(self, outils: Outils) -> None:
        duo = await build_duo(outils, guichets=4, quota=2)
        heures, *_ = premiers_par_jour(await duo.libres())
        fins = [(await hold(duo, heures[n], f"tenue-{n}", clock.now())).expire_a for n in range(2)]
        avant, apres = min(fins) - SECONDE, max(fins) + SECONDE

        async def come(rang: int) -> None:
            try:
                if rang < 2:
                    await extend_option(outils, duo.b.id, f"tenue-{rang}", avant)
                    await confirm(duo, heures[rang], f"tenue-{rang}", rang, avant)
                else:
                    await hold(duo, heures[rang], f"tenue-{rang}", apres)
                    await confirm(duo, heures[rang], f"tenue-{rang}", rang, apres)
            except AppError:
                return

        await asyncio.gather(*(come(rang) for rang in range(6)))
        (nombre,) = await duo.rows("SELECT count(*) FROM rendez_vous WHERE etat = 'prevu'")
        assert nombre[0] <= 2


class TestUnDoubleEnvoi:
    """« the same key gives the same RDV », the last place of the day included."""

    async def test_both_answers_are_the_same_rendez_vous(self, outils: Outils) -> None:
        duo = await build_duo(outils, quota=1)
        (un, *_), *_ = premiers_par_jour(await duo.libres())
        await hold(duo, un, "vive", clock.now())
        demande = duo.ask(un, 1, visite="vive")
        reponses = await asyncio.gather(*(book(outils, demande, USAGER, clock.now()) for _ in range(4)))
        assert len({reponse.id for reponse in reponses}) == 1
        assert await count(duo, un) == 1


class TestUnePlaceQuiRefroidit:
    """« a gel does not count in the quota; the place stays frozen for the internet »."""

    async def test_what_is_cancelled_counts_no_more_and_its_place_is_still_kept(self, outils: Outils) -> None:
        duo = await build_duo(outils, guichets=1, quota=1)
        async with outils.db.engine.begin() as conn:
            agent = await build_agent(conn, "agent-b", service_id=duo.b.id, zone=[duo.b.id])
            await conn.execute(
                text(
                    "INSERT INTO parametre (cle, service_id, valeur, modifie_a)"
                    " VALUES ('liberation_differee', :b, 'true', now())"
                ),
                {"b": duo.b.id},
            )
            await conn.execute(text("UPDATE agenda SET version_planning = version_planning + 1"))
        (un, autre, *_), *_ = premiers_par_jour(await duo.libres())
        reserve = await duo.book(un)
        assert autre not in await duo.libres(), "the quota is reached, and remembered so"
        await act(outils, reserve.id, Action.ANNULER, Auteur("agent", agent), clock.now(), raison="absence")
        (gel,) = await duo.rows("SELECT service_origine_id FROM rendez_vous WHERE nature_option = 'gel'")
        assert gel.service_origine_id == duo.a.id, "both are still told of it"
        libres = await duo.libres()
        assert autre in libres
        assert un not in libres
        with pytest.raises(CreneauPris) as refus:
            await duo.book(un, 2)
        assert not isinstance(refus.value, QuotaAtteint)
        assert (await duo.book(autre, 2)).id


class TestLesChiffres:
    """« Figures never promise more than the quota leaves »."""

    async def test_a_day_counts_what_the_quota_leaves_not_what_the_guichets_have(self, outils: Outils) -> None:
        duo = await build_duo(outils, quota=3)
        (un, autre, *reste), *_ = premiers_par_jour(await duo.libres())
        jour, beaucoup = jour_de(un), 2 + len(reste)
        assert beaucoup > 3
        assert (await duo.dispo()).count_libres(jour, beaucoup) == 3
        await duo.hold(un)
        await duo.book(autre)
        dispo = await duo.dispo()
        assert (dispo.count_libres(jour, beaucoup), dispo.count_libres(jour, 0)) == (1, 0)
        assert dispo.reopen(jour).count_libres(jour, beaucoup) == 2, "who holds one of them may still take it"
        await duo.change(quota_jour=1)
        abaisse = await duo.dispo()
        assert abaisse.reopen(jour).count_libres(jour, beaucoup) == 0
        assert not abaisse.reopen(jour).grille.jours[jour].creneaux, "lowered since: his own place is no more"

    async def test_without_a_quota_everything_free_is_counted(self, outils: Outils) -> None:
        duo = await build_duo(outils)
        (heures, *_) = premiers_par_jour(await duo.libres())
        assert (await duo.dispo()).count_libres(jour_de(heures[0]), len(heures)) == len(heures)
