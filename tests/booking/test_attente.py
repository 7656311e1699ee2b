"""The waiting list: one person at a time, in order, never the same one twice in a row while others wait."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from app.booking.attente import confirm, leave, purge_attentes, remove, resume
from app.booking.attente_offres import Guetteur
from app.booking.attente_reponses import refuse_offre, take_offre
from app.booking.attente_suivi import settle_offres
from app.booking.options import expire_options, find_option, place_option
from app.booking.outils import Auteur, Outils
from app.booking.reserver import book
from app.db import Database, create_engine
from app.domain.attente import SURSIS
from app.domain.horaires import to_minute
from app.errors import Conflit, CreneauPris, Introuvable, RegleRefusee, TropDeDemandes
from tests.booking.attente import JOUR, LUNDI_9H, MINUTE, PARIS, File, build_file, quand
from tests.booking.outillage import USAGER, demande, personne

DEUX_HEURES = timedelta(hours=2)
VISITE = "v" * 43


@pytest.fixture
async def file(outils: Outils) -> File:
    return await build_file(outils)


class TestInscription:
    """Double opt-in: nothing counts before the contact is proven."""

    async def test_nobody_is_offered_anything_before_confirming(self, file: File) -> None:
        await file.wait("Ada", confirme=False)
        await file.cancel((9, 20))
        assert await file.look() == 0
        assert await file.etats() == ["a_confirmer"]

    async def test_the_rank_is_that_of_the_confirmation(self, file: File) -> None:
        ada = await file.wait("Ada", confirme=False)
        await file.wait("Bob", LUNDI_9H + MINUTE)
        await confirm(file.outils, ada, USAGER, LUNDI_9H + 2 * MINUTE)
        await file.cancel((9, 20))
        await file.look(LUNDI_9H + 3 * MINUTE)
        assert await file.offres() == [("Bob", "ouverte", quand(9, 20))]

    async def test_a_link_confirmed_after_an_hour_says_so(self, file: File) -> None:
        ada = await file.wait("Ada", confirme=False)
        with pytest.raises(RegleRefusee):
            await confirm(file.outils, ada, USAGER, LUNDI_9H + timedelta(hours=1))
        assert await file.etats() == ["a_confirmer"]

    async def test_a_contact_that_waits_already_is_told_and_keeps_its_place(self, file: File) -> None:
        await file.wait("Ada")
        await file.wait("Autre", LUNDI_9H + MINUTE, contact="ADA@usagers.test", confirme=False)
        assert await file.etats() == ["active"]
        faits = await file.sql("SELECT donnees->>'fait', destinataire FROM courrier WHERE rdv_id IS NULL ORDER BY id")
        assert faits == [("a_confirmer", "ada@usagers.test"), ("deja", "ada@usagers.test")]

    async def test_a_contact_is_not_flooded(self, file: File) -> None:
        for minute in range(5):
            await file.wait("Ada", LUNDI_9H + minute * timedelta(seconds=20), confirme=False)
        assert (await file.sql("SELECT count(*) FROM courrier WHERE destinataire = 'ada@usagers.test'"))[0][0] == 3

    async def test_a_network_cannot_fill_the_line(self, file: File) -> None:
        with pytest.raises(TropDeDemandes):
            for rang in range(30):
                await file.wait(f"Robot{rang}", adresse="198.51.100.7")
        assert len(await file.etats()) == 10
        await file.wait("Ada")  # elsewhere, people still come

    async def test_no_list_where_the_service_wants_none(self, outils: Outils) -> None:
        file = await build_file(outils, pleine=False, liste_attente=False)
        with pytest.raises(RegleRefusee):
            await file.wait("Ada")

    async def test_a_request_keeps_neither_name_nor_contact_once_it_is_over(self, file: File) -> None:
        ada = await file.wait("Ada")
        await leave(file.outils, ada, USAGER, LUNDI_9H)
        await leave(file.outils, ada, USAGER, LUNDI_9H)
        assert await file.sql("SELECT nom, contact, origine_empreinte, etat FROM attente") == [
            ("", "", None, "retiree")
        ]
        assert await purge_attentes(file.outils, quand(12, 0) + timedelta(days=7)) == 0
        assert await purge_attentes(file.outils, quand(12, 0) + timedelta(days=8)) == 1

    async def test_what_nobody_confirmed_is_erased(self, file: File) -> None:
        await file.wait("Ada", confirme=False)
        assert await purge_attentes(file.outils, LUNDI_9H + timedelta(minutes=59)) == 0
        assert await purge_attentes(file.outils, LUNDI_9H + timedelta(hours=1)) == 1

    async def test_any_other_token_leads_nowhere(self, file: File) -> None:
        for action in (confirm, leave, resume):
            with pytest.raises(Introuvable):
                await action(file.outils, "x" * 32, USAGER, LUNDI_9H)


class TestOffre:
    """One person at a time, in order, with a hold of his own and a limit."""

    async def test_a_cancelled_place_goes_to_the_first_of_the_line_with_a_hold_and_a_mail(self, file: File) -> None:
        await file.wait("Ada")
        await file.wait("Bob", LUNDI_9H + MINUTE)
        assert await file.look() == 0
        await file.cancel((9, 20))
        assert await file.look(LUNDI_9H + 5 * MINUTE) == 1
        assert await file.look(LUNDI_9H + 6 * MINUTE) == 0
        assert await file.offres() == [("Ada", "ouverte", quand(9, 20))]
        tenue = (
            await file.sql("SELECT nature_option, option_empreinte, expire_a FROM rendez_vous WHERE etat='option'")
        )[0]
        assert (tenue.nature_option, tenue.option_empreinte) == ("offre", None)
        assert tenue.expire_a == LUNDI_9H + 5 * MINUTE + DEUX_HEURES + SURSIS
        mail = await file.sql(
            "SELECT destinataire, message_id, donnees->>'fait' FROM courrier WHERE evenement = 'offre'"
        )
        assert mail == [("ada@usagers.test", mail[0][1], "offre")]
        assert mail[0][1].startswith("<offre-")
        with pytest.raises(CreneauPris):
            await place_option(
                file.outils,
                service_id=file.service.id,
                motif_id=file.service.motifs[0],
                type_rdv="guichet",
                debut=to_minute(quand(9, 20)),
                visite=VISITE,
                maintenant=LUNDI_9H + 6 * MINUTE,
            )

    async def test_only_what_suits_is_offered(self, file: File) -> None:
        await file.wait("Soir", demi_journee="apres-midi")
        await file.wait("Mars", du=JOUR + timedelta(days=1), au=JOUR + timedelta(days=6))
        await file.wait("Ada")
        await file.cancel((9, 20))
        await file.look()
        assert [nom for nom, *_ in await file.offres()] == ["Ada"]

    async def test_two_places_freed_go_to_two_people(self, file: File) -> None:
        await file.wait("Ada")
        await file.wait("Bob", LUNDI_9H + MINUTE)
        await file.cancel((9, 20))
        await file.cancel((9, 40))
        assert await file.look() == 2
        assert await file.offres() == [("Ada", "ouverte", quand(9, 20)), ("Bob", "ouverte", quand(9, 40))]

    async def test_an_unanswered_offer_goes_to_the_next_and_never_twice_to_the_same(self, file: File) -> None:
        await file.wait("Ada")
        await file.wait("Bob", LUNDI_9H + MINUTE)
        await file.cancel((9, 20))
        a = LUNDI_9H
        await file.look(a)
        a += DEUX_HEURES
        await file.look(a)
        assert [(nom, etat) for nom, etat, _ in await file.offres()] == [("Ada", "expiree"), ("Bob", "ouverte")]
        await file.cancel((9, 40), a)
        await file.look(a + MINUTE)  # Ada is last and the others are served: another hour for her
        assert (await file.offres())[2] == ("Ada", "ouverte", quand(9, 40))
        a += DEUX_HEURES
        await file.look(a)  # Bob's is over, and he was never offered 9:40
        await file.look(a + 2 * MINUTE)
        assert [(nom, etat) for nom, etat, _ in await file.offres()][1] == ("Bob", "expiree")

    async def test_a_start_let_go_is_not_offered_again_to_the_same_person(self, file: File) -> None:
        await file.wait("Ada")
        await file.cancel((9, 20))
        await file.look()
        assert await file.look(LUNDI_9H + DEUX_HEURES) == 0
        assert await file.look(LUNDI_9H + DEUX_HEURES + 10 * MINUTE) == 0
        assert await file.etats() == ["active"]
        await expire_options(file.outils, LUNDI_9H + DEUX_HEURES + 10 * MINUTE)
        assert await file.sql("SELECT count(*) FROM rendez_vous WHERE etat = 'option'") == [(0,)]

    async def test_after_two_unanswered_offers_one_is_asked_whether_he_still_waits(self, file: File) -> None:
        ada = await file.wait("Ada")
        a = LUNDI_9H
        for heure in ((9, 20), (9, 40)):
            await file.cancel(heure, a)
            await file.look(a)
            a += DEUX_HEURES
            await file.look(a)
        assert await file.etats() == ["suspendue"]
        assert (await file.sql("SELECT donnees->>'fait' FROM courrier ORDER BY id DESC LIMIT 1"))[0][0] == "suspendue"
        await book(file.outils, demande(file.service, to_minute(quand(9, 20))), USAGER, a + MINUTE)
        await file.cancel((9, 0), a)
        assert await file.look(a + MINUTE) == 0
        await resume(file.outils, ada, USAGER, a + 2 * MINUTE)
        assert await file.look(a + 3 * MINUTE) == 1

    async def test_the_public_gets_what_nobody_in_the_line_wants(self, file: File) -> None:
        await file.wait("Ada")
        await file.cancel((9, 20))
        await file.look()
        await file.look(LUNDI_9H + DEUX_HEURES)
        libre = await place_option(
            file.outils,
            service_id=file.service.id,
            motif_id=file.service.motifs[0],
            type_rdv="guichet",
            debut=to_minute(quand(9, 20)),
            visite=VISITE,
            maintenant=LUNDI_9H + DEUX_HEURES + MINUTE,
        )
        assert libre.debut == quand(9, 20)

    async def test_at_night_nothing_is_held_and_the_morning_s_first_look_offers_what_is_left(self, file: File) -> None:
        a = LUNDI_9H.replace(hour=23)
        await file.wait("Ada", a)
        await file.cancel((9, 20), a)
        assert await file.look(a) == 0
        assert await file.look(quand(7, 59, a.date() + timedelta(days=1))) == 0
        assert await file.look(quand(8, 5, a.date() + timedelta(days=1))) == 1
        assert (await file.sql("SELECT expire_a FROM offre_attente"))[0][0] == quand(
            10, 5, a.date() + timedelta(days=1)
        )

    async def test_an_offer_never_outlives_the_evening(self, file: File) -> None:
        # Wednesday evening: Monday is the third working day, and no more so tomorrow.
        a = LUNDI_9H.replace(day=3, hour=19, minute=0)
        await file.wait("Ada", a)
        await file.cancel((9, 20), a)
        assert await file.look(a) == 1
        limite = (await file.sql("SELECT expire_a FROM offre_attente"))[0][0].astimezone(PARIS)
        assert (limite.day, limite.hour) == (3, 20)

    async def test_who_has_booked_since_is_offered_nothing_more(self, file: File) -> None:
        await file.wait("Ada")
        await file.cancel((9, 20))
        elle = personne(nom_usage="Ada", courriel="Ada@usagers.test")
        deja = demande(file.service, to_minute(quand(9, 20)), usager=elle)
        await book(file.outils, deja, USAGER, LUNDI_9H + MINUTE)
        await file.cancel((9, 40))
        assert await file.look(LUNDI_9H + 2 * MINUTE) == 0

    async def test_a_place_kept_from_the_public_is_offered_at_once_to_who_waits(self, outils: Outils) -> None:
        file = await build_file(outils, liberation_differee=True)
        ada = await file.wait("Ada")
        await file.cancel((9, 20))
        assert (await file.sql("SELECT nature_option FROM rendez_vous WHERE etat = 'option'")) == [("gel",)]
        assert await file.look() == 1
        assert (await file.sql("SELECT nature_option FROM rendez_vous WHERE etat = 'option'")) == [("offre",)]
        # Refused, it is kept again for a random while: nobody knows when to look.
        await refuse_offre(outils, ada, USAGER, LUNDI_9H + MINUTE)
        assert (await file.sql("SELECT nature_option FROM rendez_vous WHERE etat = 'option'")) == [("gel",)]


class TestReponse:
    """Taken by POST, refused, or left to the next one."""

    async def test_taking_it_makes_it_the_visitor_s_own_hold_then_his_rendez_vous(self, file: File) -> None:
        ada = await file.wait("Ada")
        await file.cancel((9, 20))
        await file.look()
        a = LUNDI_9H + 10 * MINUTE
        prise = await take_offre(file.outils, ada, VISITE, USAGER, a)
        assert await take_offre(file.outils, ada, VISITE, USAGER, a + MINUTE) == prise
        option = await find_option(file.outils, file.service.id, VISITE, a)
        assert option is not None
        assert (option.id, option.debut) == (prise.option_id, quand(9, 20))
        assert option.expire_a == LUNDI_9H + DEUX_HEURES  # as was announced
        rdv = await book(file.outils, demande(file.service, to_minute(quand(9, 20)), visite=VISITE), USAGER, a)
        assert rdv.id == prise.option_id
        await file.look(a + MINUTE)
        assert (await file.etats(), [etat for _, etat, _ in await file.offres()]) == (["satisfaite"], ["reservee"])

    async def test_taken_then_forgotten_it_goes_to_the_next(self, file: File) -> None:
        ada = await file.wait("Ada")
        await file.wait("Bob", LUNDI_9H + MINUTE)
        await file.cancel((9, 20))
        await file.look()
        await take_offre(file.outils, ada, VISITE, USAGER, LUNDI_9H + timedelta(minutes=119))
        assert await file.look(LUNDI_9H + timedelta(minutes=121)) == 0  # five minutes for the form
        assert await expire_options(file.outils, LUNDI_9H + timedelta(minutes=124)) == 0
        await file.look(LUNDI_9H + timedelta(minutes=125))
        assert [(nom, etat) for nom, etat, _ in await file.offres()] == [("Ada", "expiree"), ("Bob", "ouverte")]

    async def test_another_browser_of_the_same_person_goes_on(self, file: File) -> None:
        ada = await file.wait("Ada")
        await file.cancel((9, 20))
        await file.look()
        await take_offre(file.outils, ada, VISITE, USAGER, LUNDI_9H)
        autre = "w" * 43
        await take_offre(file.outils, ada, autre, USAGER, LUNDI_9H + MINUTE)
        assert await find_option(file.outils, file.service.id, VISITE, LUNDI_9H + MINUTE) is None
        assert await find_option(file.outils, file.service.id, autre, LUNDI_9H + MINUTE) is not None

    async def test_refused_it_goes_to_the_next_at_once(self, file: File) -> None:
        ada = await file.wait("Ada")
        await file.wait("Bob", LUNDI_9H + MINUTE)
        await file.cancel((9, 20))
        await file.look()
        assert await refuse_offre(file.outils, ada, USAGER, LUNDI_9H + MINUTE)
        assert not await refuse_offre(file.outils, ada, USAGER, LUNDI_9H + MINUTE)
        await file.look(LUNDI_9H + 2 * MINUTE)
        assert [(nom, etat) for nom, etat, _ in await file.offres()] == [("Ada", "refusee"), ("Bob", "ouverte")]

    async def test_too_late_says_so(self, file: File) -> None:
        ada = await file.wait("Ada")
        await file.cancel((9, 20))
        await file.look()
        with pytest.raises(Conflit):
            await take_offre(file.outils, ada, VISITE, USAGER, LUNDI_9H + DEUX_HEURES)

    async def test_leaving_the_list_gives_the_place_to_the_next(self, file: File) -> None:
        ada = await file.wait("Ada")
        await file.wait("Bob", LUNDI_9H + MINUTE)
        await file.cancel((9, 20))
        await file.look()
        await leave(file.outils, ada, USAGER, LUNDI_9H + MINUTE)
        await file.look(LUNDI_9H + 2 * MINUTE)
        assert [etat for _, etat, _ in await file.offres()] == ["retiree", "ouverte"]

    async def test_an_agent_removes_somebody_of_his_service_only(self, file: File) -> None:
        await file.wait("Ada")
        ident = (await file.sql("SELECT id FROM attente"))[0][0]
        auteur = Auteur("agent", agent_id=file.service.agents["agent"])
        with pytest.raises(Introuvable):
            await remove(file.outils, file.service.id + 1, ident, auteur, LUNDI_9H)
        assert await remove(file.outils, file.service.id, ident, auteur, LUNDI_9H)
        assert not await remove(file.outils, file.service.id, ident, auteur, LUNDI_9H)

    async def test_a_guichet_s_place_taken_away_by_the_service_costs_nobody_his_rank(self, file: File) -> None:
        await file.wait("Ada")
        await file.cancel((9, 20))
        await file.look()
        async with file.outils.db.engine.begin() as conn:
            await conn.exec_driver_sql("DELETE FROM rendez_vous WHERE etat = 'option'")
        await settle_offres(file.outils, LUNDI_9H + MINUTE)
        assert await file.sql("SELECT etat, sans_reponse, rang_a = confirme_a FROM attente") == [("active", 0, True)]
        assert await file.look(LUNDI_9H + MINUTE) == 1, "should it be free again, it is still his"


class TestEnsemble:
    """Two workers, an answer and an expiry, at the same instant."""

    async def test_two_workers_at_once_make_one_offer(self, file: File) -> None:
        for rang in range(8):
            await file.wait(f"Ada{rang}", LUNDI_9H + rang * MINUTE)
        await file.cancel((9, 20))
        autres = [
            Outils(Database(create_engine(file.outils.settings, nom="autre")), file.outils.settings) for _ in "ab"
        ]
        guetteurs = [file.guetteur, *(Guetteur(outils) for outils in autres)]
        try:
            await asyncio.gather(*(g.run_once(LUNDI_9H + 10 * MINUTE) for g in guetteurs for _ in range(3)))
        finally:
            for outils in autres:
                await outils.db.close()
        vivantes = await file.sql("SELECT count(*) FROM offre_attente WHERE etat = 'ouverte'")
        messages = await file.sql("SELECT count(*) FROM courrier WHERE evenement = 'offre'")
        assert (vivantes, messages, await file.overlaps()) == ([(1,)], [(1,)], 0)
