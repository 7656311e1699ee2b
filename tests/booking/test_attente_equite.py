"""P15: the waiting list locks nobody out, starves nobody, and its holds never go straight to who watches for them."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from app.booking import attente_offres
from app.booking.attente_offres import Bilan, serve
from app.booking.attente_reponses import refuse_offre, take_offre
from app.booking.options import expire_options, place_option, release_option
from app.booking.outils import Outils
from app.booking.reserver import book
from app.domain.horaires import to_minute
from app.errors import CreneauPris, Indisponible
from tests.booking.attente import JOUR, LUNDI_9H, MINUTE, File, build_file, quand
from tests.booking.outillage import USAGER, creneaux_libres, demande, personne
from tests.fixtures.donnees import build_service

DEUX_HEURES = timedelta(hours=2)
VISITE = "v" * 43
SEMAINE = timedelta(days=7)
AUTRE_LUNDI = JOUR + SEMAINE

_FOULE = text(
    """
    INSERT INTO attente (service_id, motif_id, type_rdv, nature, du, au, demi_journee, nom, canal, contact, langue,
                         etat, lien_sel, lien_empreinte, origine_empreinte, cree_a, expire_a, rang_a, confirme_a)
    SELECT :s, :m, 'guichet', 'particulier', :du, :au, '', 'Foule', 'mail', 'foule' || i || '@robots.test', 'fr',
           'active', decode(md5(i::text), 'hex'), decode(md5('x' || i), 'hex'), decode(md5('o' || i / 10), 'hex'),
           :a, :a, :a, :a
      FROM generate_series(1, 1000) i
    """
)


async def wait_together(file: File, du: date, au: date) -> None:
    """A thousand people who wait for those days, since before everybody else."""
    valeurs: dict[str, Any] = {"s": file.service.id, "m": file.service.motifs[0], "du": du, "au": au}
    async with file.outils.db.engine.begin() as conn:
        await conn.execute(_FOULE, {**valeurs, "a": LUNDI_9H - timedelta(hours=1)})


async def list_avis(file: File) -> list[str]:
    """Who was told that plenty is free."""
    lignes = await file.sql("SELECT destinataire FROM courrier WHERE donnees->>'fait' = 'libres' ORDER BY id")
    return [ligne[0] for ligne in lignes]


class TestPlacesDuPublic:
    """« A bot with 200 addresses and 1,000 mailboxes gets ≤ 5 % of the créneaux. »"""

    async def test_who_has_the_choice_is_told_once_and_nothing_is_held(self, outils: Outils) -> None:
        file = await build_file(outils, pleine=False)
        avant = await creneaux_libres(outils, file.service, maintenant=LUNDI_9H)
        for rang in range(4):
            await file.wait(f"Robot{rang}", au=JOUR + timedelta(days=30))
        for minute in range(3):
            assert await file.look(LUNDI_9H + minute * 6 * MINUTE) == 0
        assert await creneaux_libres(outils, file.service, maintenant=LUNDI_9H) == avant
        assert await list_avis(file) == [f"robot{rang}@usagers.test" for rang in range(4)]
        assert await file.etats() == ["active"] * 4

    async def test_once_places_are_rare_again_who_was_told_is_offered_one(self, outils: Outils) -> None:
        file = await build_file(outils, pleine=False)
        await file.wait("Ada")
        assert await file.look() == 0
        await book(outils, demande(file.service, to_minute(quand(9, 0))), USAGER, LUNDI_9H + MINUTE)
        assert await file.look(LUNDI_9H + 2 * MINUTE) == 1
        assert await file.offres() == [("Ada", "ouverte", quand(9, 20))]

    async def test_a_crowd_is_told_by_lots_and_everybody_in_the_end(self, outils: Outils) -> None:
        file = await build_file(outils, pleine=False)
        await wait_together(file, JOUR, JOUR)
        for tour in range(21):
            await file.look(LUNDI_9H + tour * timedelta(seconds=2))
        assert len(set(await list_avis(file))) == len(await list_avis(file)) == 1000
        assert await file.offres() == []

    async def test_a_service_holds_a_small_share_at_one_time_whatever_the_number_of_mailboxes(
        self, outils: Outils
    ) -> None:
        file = await build_file(outils, pleine=False)
        for semaine in range(4):  # one place left each Monday
            jour = JOUR + semaine * SEMAINE
            for rang, heure in enumerate(((9, 0), (9, 40))):
                voulu = demande(file.service, to_minute(quand(*heure, jour)), 10 * semaine + rang)
                await book(outils, voulu, USAGER, LUNDI_9H)
            await file.wait(f"Robot{semaine}", du=jour, au=jour)
        assert await file.look() == 2
        assert await file.look(LUNDI_9H + MINUTE) == 0
        assert len(await creneaux_libres(outils, file.service, maintenant=LUNDI_9H)) >= 2

    async def test_a_place_nobody_wanted_three_times_is_the_public_s_until_the_next_day(self, outils: Outils) -> None:
        file = await build_file(outils)
        robots = [await file.wait(f"Robot{rang}") for rang in range(5)]
        await file.cancel((9, 20))
        a = LUNDI_9H
        for rang in range(3):
            a += MINUTE
            assert await file.look(a) == 1
            await refuse_offre(outils, robots[rang], USAGER, a)
        assert await file.look(a + MINUTE) == 0
        await expire_options(outils, a + MINUTE)
        libres = await creneaux_libres(outils, file.service, maintenant=a + MINUTE)
        assert to_minute(quand(9, 20)) in [creneau.debut for creneau in libres]
        assert await file.look(a + timedelta(hours=24, minutes=1)) == 1


class TestPersonneAffamee:
    """The first whom a place suits has it, whoever else waits for something else before him."""

    async def test_a_thousand_people_who_wait_for_other_days_hide_nobody(self, outils: Outils) -> None:
        file = await build_file(outils)
        await wait_together(file, JOUR + timedelta(days=70), JOUR + timedelta(days=80))
        await file.wait("Ada")
        await file.cancel((9, 20))
        assert await file.look(LUNDI_9H + MINUTE) == 1
        assert await file.offres() == [("Ada", "ouverte", quand(9, 20))]

    async def test_nor_do_a_thousand_who_have_a_rendez_vous_already(self, outils: Outils) -> None:
        file = await build_file(outils)
        await wait_together(file, JOUR, JOUR)
        async with outils.db.engine.begin() as conn:  # as many RDV, of the very same contacts
            await conn.execute(
                text(
                    """
                    WITH r AS (
                        INSERT INTO rendez_vous (service_id, guichet_id, motif_id, type_rdv, debut, fin, jour, etat,
                                                 occupe, canal, origine, code, cree_a, modifie_a)
                        SELECT service_id, cast(:g AS bigint), motif_id, 'guichet',
                               cast(:d AS timestamptz) + id * interval '1 hour',
                               cast(:d AS timestamptz) + id * interval '1 hour' + interval '20 min', cast(:j AS date),
                               'prevu', true, 'internet',
                               'internet', 'T' || id, cast(:a AS timestamptz), cast(:a AS timestamptz)
                          FROM attente RETURNING id, code)
                    INSERT INTO rdv_usager (rdv_id, nature, nom_usage, telephones, courriel)
                    SELECT r.id, 'particulier', 'Foule', '{}', upper(a.contact)
                      FROM r JOIN attente a ON 'T' || a.id = r.code
                    """
                ),
                {
                    "g": file.service.guichets[0],
                    "d": LUNDI_9H + timedelta(days=200),
                    "j": JOUR + timedelta(days=200),
                    "a": LUNDI_9H,
                },
            )
        await file.wait("Ada")
        await file.cancel((9, 20))
        assert await file.look(LUNDI_9H + MINUTE) == 1
        assert await file.offres() == [("Ada", "ouverte", quand(9, 20))]


async def lache(outils: Outils, file: File) -> None:
    await release_option(outils, VISITE, LUNDI_9H + 4 * MINUTE)


async def change(outils: Outils, file: File) -> None:
    await place_option(
        outils,
        service_id=file.service.id,
        motif_id=file.service.motifs[0],
        type_rdv="guichet",
        debut=to_minute(quand(9, 0, AUTRE_LUNDI)),
        visite=VISITE,
        maintenant=LUNDI_9H + 4 * MINUTE,
    )


async def prend_ailleurs(outils: Outils, file: File) -> None:
    autre = demande(file.service, to_minute(quand(9, 0, AUTRE_LUNDI)), visite=VISITE)
    await book(outils, autre, USAGER, LUNDI_9H + 4 * MINUTE)


async def laisse_expirer(outils: Outils, file: File) -> None:
    fin = (await file.sql("SELECT expire_a FROM rendez_vous WHERE etat = 'option'"))[0][0]
    assert await expire_options(outils, fin) == 0, "the list has it first"


class TestFinDUneTenue:
    """« Cancelled créneaux come back after a random 5–60 min »: taking an offer is no way round it."""

    @pytest.mark.parametrize("differee", [True, False])
    @pytest.mark.parametrize("fin", [lache, change, prend_ailleurs, laisse_expirer])
    async def test_whatever_ends_it_the_place_goes_to_the_next_person_and_never_to_who_watches(
        self, outils: Outils, fin: Callable[[Outils, File], Awaitable[None]], differee: bool
    ) -> None:
        file = await build_file(outils, liberation_differee=differee)
        ada = await file.wait("Ada")
        await file.wait("Bob", LUNDI_9H + MINUTE)
        await file.cancel((9, 20))
        assert await file.look(LUNDI_9H + 2 * MINUTE) == 1
        await take_offre(outils, ada, VISITE, USAGER, LUNDI_9H + 3 * MINUTE)
        await fin(outils, file)
        a = LUNDI_9H + (DEUX_HEURES + 3 * MINUTE if fin is laisse_expirer else 5 * MINUTE)
        guette = demande(file.service, to_minute(quand(9, 20)), 77)
        with pytest.raises(CreneauPris):
            await book(outils, guette, USAGER, a)
        assert await file.look(a) == 1
        assert [(nom, etat) for nom, etat, _ in await file.offres()][-1] == ("Bob", "ouverte")
        with pytest.raises(CreneauPris):
            await book(outils, guette, USAGER, a)
        assert await file.overlaps() == 0

    async def test_who_gives_it_back_by_his_own_hand_has_answered(self, outils: Outils) -> None:
        file = await build_file(outils)
        ada = await file.wait("Ada")
        await file.cancel((9, 20))
        await file.look()
        await take_offre(outils, ada, VISITE, USAGER, LUNDI_9H + MINUTE)
        await release_option(outils, VISITE, LUNDI_9H + 2 * MINUTE)
        await file.look(LUNDI_9H + 3 * MINUTE)
        assert await file.sql("SELECT etat, sans_reponse FROM attente") == [("active", 0)]
        assert [etat for _, etat, _ in await file.offres()] == ["refusee"]

    async def test_with_nobody_behind_the_public_has_it_after_a_moment(self, outils: Outils) -> None:
        file = await build_file(outils)
        ada = await file.wait("Ada")
        await file.cancel((9, 20))
        await file.look()
        await refuse_offre(outils, ada, USAGER, LUNDI_9H + MINUTE)
        await book(outils, demande(file.service, to_minute(quand(9, 20))), USAGER, LUNDI_9H + 2 * MINUTE)

    async def test_with_the_worker_away_for_long_it_expires_like_any_other_hold(self, outils: Outils) -> None:
        file = await build_file(outils)
        await file.wait("Ada")
        await file.cancel((9, 20))
        await file.look()
        assert await expire_options(outils, LUNDI_9H + DEUX_HEURES + timedelta(minutes=20)) == 1


class TestRdvDUnAutre:
    """Only a RDV whose confirmation went to who waits ends his wait."""

    @pytest.mark.parametrize(
        ("telephones", "courriel", "attend"),
        [
            (("+33699999999", "+33612345678"), "mallory@usagers.test", True),
            (("+33612345678",), "mallory@usagers.test", True),  # the mail went elsewhere
            (("+33699999999", "+33612345678"), None, True),
            (("+33386000000", "+33612345678"), None, False),
        ],
    )
    async def test_a_number_written_below_somebody_s_own_ends_nothing(
        self, outils: Outils, telephones: tuple[str, ...], courriel: str | None, attend: bool
    ) -> None:
        file = await build_file(outils)
        await file.wait("Ada", canal="sms", contact="+33612345678")
        await file.cancel((9, 0))
        qui = personne(5, nom_usage="Ada", telephones=telephones, courriel=courriel)
        await book(outils, demande(file.service, to_minute(quand(9, 0)), 5, usager=qui), USAGER, LUNDI_9H + MINUTE)
        await file.cancel((9, 20))
        assert await file.look(LUNDI_9H + 2 * MINUTE) == attend


class TestOuvrier:
    """One busy service keeps nobody else waiting."""

    async def test_a_service_too_slow_to_read_does_not_skip_the_following_ones(
        self, outils: Outils, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = await build_file(outils)
        await file.wait("Ada")
        async with outils.db.engine.begin() as conn:
            autre = await build_service(conn, sages="5801299")
            await conn.execute(
                text("UPDATE attente SET service_id = :autre, motif_id = :motif"),
                {"autre": autre.id, "motif": autre.motifs[0]},
            )
        await file.wait("Bob")
        await file.cancel((9, 20))
        lent, vus = min(file.service.id, autre.id), []

        async def serve_or_time_out(outils: Outils, service_id: int, *reste: Any) -> Bilan:
            vus.append(service_id)
            if service_id == lent:
                raise Indisponible
            return await serve(outils, service_id, *reste)

        monkeypatch.setattr(attente_offres, "serve", serve_or_time_out)
        await file.guetteur.run_once(LUNDI_9H)
        await file.guetteur.run_once(LUNDI_9H)
        assert vus == [*sorted([file.service.id, autre.id]), lent], "and it is tried again"

    async def test_a_thousand_people_among_twenty_thousand_rendez_vous_are_looked_at_quickly(
        self, outils: Outils
    ) -> None:
        async with outils.db.engine.begin() as conn:
            service = await build_service(conn, guichets=20, plages=((480, 1080),))
        file = File(outils, service)
        await wait_together(file, JOUR, JOUR + timedelta(days=80))
        async with outils.db.engine.begin() as conn:
            await conn.execute(
                text(
                    """
                    WITH r AS (
                        INSERT INTO rendez_vous (service_id, guichet_id, motif_id, type_rdv, debut, fin, jour, etat,
                                                 occupe, canal, origine, code, cree_a, modifie_a)
                        SELECT :s, g, :m, 'guichet', d, d + interval '20 min', d::date, 'prevu', true, 'internet',
                               'internet', 'T' || g || '-' || extract(epoch FROM d), :a, :a
                          FROM unnest(cast(:g AS bigint[])) g,
                               generate_series(cast(:a AS timestamptz), cast(:a AS timestamptz) + interval '30 days',
                                               interval '45 min') d
                        RETURNING id)
                    INSERT INTO rdv_usager (rdv_id, nature, nom_usage, telephones, courriel)
                    SELECT id, 'particulier', 'N', array['+33536490001'], 'u' || id || '@usagers.test' FROM r
                    """
                ),
                {"s": service.id, "m": service.motifs[0], "g": list(service.guichets), "a": LUNDI_9H},
            )
        async with outils.db.engine.connect() as conn:
            await (await conn.execution_options(isolation_level="AUTOCOMMIT")).exec_driver_sql("VACUUM ANALYZE")
        await serve(outils, service.id, LUNDI_9H)  # the grid is computed once for everybody
        async with outils.db.engine.begin() as conn:  # everybody but the last has been told
            await conn.execute(text("UPDATE attente SET prevenu_a = :a WHERE id <> :i"), {"a": LUNDI_9H, "i": 1000})
            await conn.execute(text("UPDATE attente SET prevenu_a = NULL WHERE id = :i"), {"i": 1000})
        durees = []
        for tour in range(3):
            debut = time.perf_counter()
            bilan = await serve(outils, service.id, LUNDI_9H + tour * MINUTE)
            durees.append(time.perf_counter() - debut)
            assert (bilan.offres, bilan.avis) == (0, int(tour == 0))
        assert min(durees) <= 0.5  # 0.1 s on a quiet machine
