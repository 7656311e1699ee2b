"""Who waits: nobody is replaced, nobody is flooded, and « un rendez-vous plus tôt » moves the rendez-vous."""

from __future__ import annotations

import asyncio
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from app.booking import attente_regard
from app.booking.attente import Inscription, confirm, leave, register
from app.booking.attente_deplacer import move_to_offre, read_joignable
from app.booking.attente_liens import jeton_attente
from app.booking.attente_reponses import take_offre
from app.booking.deplacer import Cible, move
from app.booking.outils import Auteur, Outils
from app.booking.reserver import RdvReserve, book
from app.booking.vie import act
from app.domain.attente import PAR_ORIGINE
from app.domain.horaires import to_minute
from app.domain.rendez_vous import Action
from app.errors import Conflit, TropDeDemandes
from tests.booking.attente import JOUR, LUNDI_9H, MINUTE, File, build_file, quand
from tests.booking.outillage import USAGER, demande, personne
from tests.fixtures.donnees import build_service

LOIN = JOUR + timedelta(days=14)
COURRIEL = "ada@usagers.test"


@pytest.fixture
async def file(outils: Outils) -> File:
    return await build_file(outils)


async def list_liens(file: File) -> list[str]:
    """The token of every request, in the order of registration."""
    lignes = await file.sql("SELECT lien_sel FROM attente ORDER BY id")
    return [jeton_attente(file.outils.settings, ligne[0]) for ligne in lignes]


async def write(file: File, ordre: str, **valeurs: Any) -> None:
    async with file.outils.db.engine.begin() as conn:
        await conn.execute(text(ordre), valeurs)


class TestInconnus:
    """Whoever types a contact proves nothing: he changes nothing of what its holder asked (common.md, security)."""

    async def test_a_stranger_replaces_neither_the_wishes_nor_the_link_of_a_request_to_confirm(
        self, file: File
    ) -> None:
        ada = await file.wait("Ada", confirme=False)
        await file.wait("Piège", contact=COURRIEL, du=JOUR + timedelta(days=7), au=LOIN, confirme=False)
        await confirm(file.outils, ada, USAGER, LUNDI_9H + MINUTE)
        assert await file.sql("SELECT nom, contact, du, etat FROM attente ORDER BY id") == [
            ("Ada", COURRIEL, JOUR, "active"),
            ("", "", JOUR + timedelta(days=7), "retiree"),
        ]

    async def test_two_links_followed_at_once_are_one_place_in_the_line(self, file: File) -> None:
        for _ in range(3):
            await file.wait("Ada", confirme=False)
        liens = await list_liens(file)
        await asyncio.gather(*(confirm(file.outils, lien, USAGER, LUNDI_9H + MINUTE) for lien in liens))
        assert sorted(await file.etats()) == ["active", "retiree", "retiree"]

    async def test_a_mailbox_receives_three_messages_a_day_whatever_the_hour_and_what_follows_the_plus(
        self, file: File
    ) -> None:
        for heure in range(6):
            contact = COURRIEL if heure % 2 else f"ada+{heure}@usagers.test"
            await file.wait("Ada", LUNDI_9H + timedelta(hours=heure), contact=contact, confirme=False)
            if heure == 2:
                break
        async with file.outils.db.read() as conn:
            avant = (await conn.execute(text("SELECT count(*) FROM courrier WHERE rdv_id IS NULL"))).scalar_one()
        for heure in range(3, 9):
            with pytest.raises(IndexError):  # no message, hence no link to read
                await file.wait("Ada", LUNDI_9H + timedelta(hours=heure), contact=f"ada+{heure}@usagers.test")
        assert avant == 3
        assert (await file.sql("SELECT count(*) FROM courrier WHERE rdv_id IS NULL"))[0][0] == 3

    async def test_what_a_stranger_uses_up_in_one_service_is_not_used_up_in_another(
        self, file: File, outils: Outils
    ) -> None:
        for rang in range(3):
            await ask(file, f"ada+{rang}@usagers.test", STRANGER)
        await ask(file, COURRIEL, USAGER)
        assert await count_demandes(file) == 0, "the stranger's three are all that leaves from here"
        ailleurs = await build_ailleurs(outils)
        await ask(ailleurs, COURRIEL, USAGER)
        assert await count_demandes(file) == 1

    async def test_six_a_day_reach_a_mailbox_whatever_the_services(self, file: File, outils: Outils) -> None:
        files = [file, *[await build_ailleurs(outils, rang) for rang in range(3)]]
        for une in files:
            for _ in range(3):
                await ask(une, COURRIEL, STRANGER)
        assert await count_demandes(file) == 6

    async def test_what_is_refused_uses_nothing_up_of_the_contact_typed(self, file: File) -> None:
        for rang in range(PAR_ORIGINE):
            await ask(file, f"jetable{rang}@mallory.test", STRANGER)
        for _ in range(4):
            with pytest.raises(TropDeDemandes):
                await ask(file, COURRIEL, STRANGER)
        await ask(file, COURRIEL, USAGER)
        assert await count_demandes(file) == 1

    async def test_a_full_network_is_told_the_same_of_who_waits_and_of_who_does_not(self, file: File) -> None:
        await file.wait("Ada", contact=COURRIEL)
        for rang in range(PAR_ORIGINE):
            await ask(file, f"jetable{rang}@mallory.test", STRANGER)
        for contact in (COURRIEL, "personne@usagers.test"):
            with pytest.raises(TropDeDemandes):
                await ask(file, contact, STRANGER)

    async def test_from_the_page_of_one_s_own_rendez_vous_nobody_else_has_used_anything_up(self, file: File) -> None:
        rdv = await book_loin(file)
        for _ in range(6):
            await ask(file, COURRIEL, STRANGER)
        await ask(file, COURRIEL, USAGER, rdv_id=rdv.id)
        assert await file.sql("SELECT count(*) FROM attente WHERE rdv_id = :i", i=rdv.id) == [(1,)]
        for _ in range(6):
            await ask(file, COURRIEL, USAGER, rdv_id=rdv.id)
        assert await count_demandes(file) == 3 + 3, "and its page is no way to send more"

    async def test_who_has_confirmed_something_today_is_still_written_to(self, file: File, outils: Outils) -> None:
        await file.wait("Ada", contact=COURRIEL)
        ailleurs = await build_ailleurs(outils)
        for _ in range(8):
            await ask(ailleurs, COURRIEL, STRANGER)
        assert await file.sql("SELECT count(*) FROM courrier WHERE rdv_id IS NULL") == [(1 + 3 + 3,)], "as much again"
        for _ in range(8):
            await ask(ailleurs, "ben@usagers.test", STRANGER)
        assert await file.sql("SELECT count(*) FROM courrier WHERE destinataire = 'ben@usagers.test'") == [(3,)]

    async def test_the_message_to_confirm_repeats_nobody_s_words_and_holds_no_secret(self, file: File) -> None:
        jeton = await file.wait("Appelez le 0899 12 34 56", contact=COURRIEL, confirme=False)
        ((brut, nom),) = await file.sql("SELECT donnees::text, donnees->>'nom' FROM courrier WHERE rdv_id IS NULL")
        assert nom == ""
        assert jeton not in brut
        assert "lien_gestion" not in brut


STRANGER = Auteur("usager", adresse="203.0.113.9")


async def build_ailleurs(outils: Outils, rang: int = 0) -> File:
    """Another service."""
    async with outils.db.engine.begin() as conn:
        return File(outils, await build_service(conn, sages=f"580046{rang}", libelle=f"SIP {rang}", guichets=1))


async def ask(file: File, contact: str, auteur: Auteur, a: datetime = LUNDI_9H, **plus: Any) -> None:
    """Somebody registers that contact; whether a message leaves is the question."""
    motif, qui = file.service.motifs[0], plus.pop("nom", "Ada")
    voulu = Inscription(
        file.service.id, motif, "guichet", "particulier", JOUR, JOUR, "", qui, "mail", contact, "fr", **plus
    )
    await register(file.outils, voulu, auteur, a)


async def count_demandes(file: File) -> int:
    """Requests of that very contact, each of which sent a message."""
    ((nombre,),) = await file.sql("SELECT count(*) FROM attente WHERE contact = :c", c=COURRIEL)
    lettres = "SELECT count(*) FROM courrier WHERE rdv_id IS NULL AND destinataire = :c"
    assert await file.sql(lettres, c=COURRIEL) == [(nombre,)]
    return int(nombre)


async def book_loin(file: File, **plus: Any) -> RdvReserve:
    """Ada has a rendez-vous two weeks later, booked by herself: one for that motif."""
    qui = personne(9, nom_usage="Ada", courriel=COURRIEL, date_naissance=date(1980, 1, 1), **plus)
    voulu = demande(file.service, to_minute(quand(9, 0, LOIN)), 9, usager=qui, unique=True)
    return await book(file.outils, voulu, USAGER, LUNDI_9H)


async def offer(file: File, rdv: RdvReserve) -> str:
    """She waits for an earlier one, from its page, and 9:20 is offered to her."""
    jeton = await file.wait("Ada", LUNDI_9H + MINUTE, rdv_id=rdv.id)
    await file.cancel((9, 20), LUNDI_9H + 2 * MINUTE)
    assert await file.look(LUNDI_9H + 3 * MINUTE) == 1
    return jeton


async def read_rdv(file: File, rdv: RdvReserve) -> tuple[datetime, int]:
    ((debut, revision),) = await file.sql("SELECT debut, revision FROM rendez_vous WHERE id = :i", i=rdv.id)
    return debut, revision


async def book_mallory(file: File, **plus: Any) -> RdvReserve:
    """A stranger books with Ada's address, in a name of his own."""
    qui = personne(10, courriel=COURRIEL, date_naissance=date(1970, 1, 1), **{"nom_usage": "Mallory", **plus})
    voulu = demande(file.service, to_minute(quand(9, 20, LOIN)), 10, usager=qui, unique=True)
    return await book(file.outils, voulu, USAGER, LUNDI_9H + MINUTE)


class TestRdvDAutrui:
    """Whoever books with somebody's address holds a title to that RDV, and to nothing of that person's request."""

    async def test_from_its_page_he_does_not_change_which_one_her_offer_moves(self, file: File) -> None:
        rdv, autre = await book_loin(file), await book_mallory(file)
        jeton = await file.wait("Ada", LUNDI_9H + MINUTE, contact=COURRIEL, rdv_id=rdv.id)
        await ask(file, COURRIEL, STRANGER, LUNDI_9H + 2 * MINUTE, rdv_id=autre.id)
        assert await file.sql("SELECT etat, rdv_id FROM attente") == [("active", rdv.id)]
        await file.cancel((9, 20), LUNDI_9H + 2 * MINUTE)
        assert await file.look(LUNDI_9H + 3 * MINUTE) == 1
        _, vue = await read_rdv(file, rdv)
        assert (await move_to_offre(file.outils, jeton, USAGER, LUNDI_9H + 4 * MINUTE, vue=vue)).id == rdv.id
        assert (await read_rdv(file, autre))[0] == quand(9, 20, LOIN)

    async def test_a_request_without_rendez_vous_takes_one_up_only_by_the_link_sent_there(self, file: File) -> None:
        ancien = await file.wait("Ada", contact=COURRIEL)
        rdv = await book_loin(file)
        await file.wait("Ada", LUNDI_9H + MINUTE, contact=COURRIEL, rdv_id=rdv.id, au=LOIN, confirme=False)
        lignes = "SELECT etat, rdv_id, au FROM attente ORDER BY id"
        assert await file.sql(lignes) == [("active", None, JOUR), ("a_confirmer", rdv.id, LOIN)]
        ((rang,),) = await file.sql("SELECT rang_a FROM attente WHERE etat = 'active'")
        nouveau = await file.find_lien(COURRIEL)
        await confirm(file.outils, nouveau, USAGER, LUNDI_9H + 2 * MINUTE)
        await confirm(file.outils, nouveau, USAGER, LUNDI_9H + 3 * MINUTE)
        assert await file.sql("SELECT etat, rdv_id, au, rang_a, nom FROM attente ORDER BY id") == [
            ("active", rdv.id, LOIN, rang, "Ada"),
            ("retiree", None, LOIN, None, ""),
        ]
        await leave(file.outils, ancien, USAGER, LUNDI_9H + 4 * MINUTE)
        assert (await file.etats())[0] == "active", "the former link is over"
        await leave(file.outils, nouveau, USAGER, LUNDI_9H + 5 * MINUTE)
        assert await file.etats() == ["retiree", "retiree"]

    async def test_once_her_rendez_vous_is_cancelled_the_next_one_takes_its_place_by_a_link(self, file: File) -> None:
        rdv = await book_loin(file)
        await file.wait("Ada", LUNDI_9H + MINUTE, contact=COURRIEL, rdv_id=rdv.id)
        agent = Auteur("agent", agent_id=file.service.agents["agent"])
        await act(file.outils, rdv.id, Action.ANNULER, agent, LUNDI_9H + 2 * MINUTE, raison="empêchement")
        suivant = await book_mallory(file, nom_usage="Ada")
        await file.wait("Ada", LUNDI_9H + 3 * MINUTE, contact=COURRIEL, rdv_id=suivant.id)
        assert await file.sql("SELECT etat, rdv_id FROM attente ORDER BY id") == [
            ("active", suivant.id),
            ("retiree", None),
        ]

    async def test_while_something_is_offered_nothing_changes(self, file: File) -> None:
        await file.wait("Ada", contact=COURRIEL)
        await file.cancel((9, 20))
        assert await file.look(LUNDI_9H + MINUTE) == 1
        rdv = await book_loin(file)
        await ask(file, COURRIEL, USAGER, LUNDI_9H + 2 * MINUTE, rdv_id=rdv.id)
        assert await file.sql("SELECT etat, rdv_id FROM attente") == [("offre", None)]

    async def test_in_another_name_it_ends_nobody_s_wait(self, file: File) -> None:
        await file.wait("Ada Valenton", contact=COURRIEL)
        await book_mallory(file)
        await file.cancel((9, 20), LUNDI_9H + 2 * MINUTE)
        assert await file.look(LUNDI_9H + 3 * MINUTE) == 1

    @pytest.mark.parametrize("nom", ["Mme Valenton", "philippa", "Philippa VALENTON"])
    async def test_in_the_person_s_own_name_it_does(self, file: File, nom: str) -> None:
        await file.wait(nom, contact=COURRIEL)
        await book_mallory(file, nom_usage="Valenton")
        await file.cancel((9, 20), LUNDI_9H + 2 * MINUTE)
        assert await file.look(LUNDI_9H + 3 * MINUTE) == 0


class TestPlusTot:
    """« Un rendez-vous plus tôt ? » [G 2.3.1]: what is offered moves the rendez-vous that one has."""

    async def test_the_creneau_offered_moves_the_rendez_vous_and_frees_its_place(self, file: File) -> None:
        rdv = await book_loin(file)
        jeton = await offer(file, rdv)
        _, vue = await read_rdv(file, rdv)
        fait = await move_to_offre(file.outils, jeton, USAGER, LUNDI_9H + 4 * MINUTE, vue=vue)
        assert (fait.id, fait.change, fait.debut) == (rdv.id, True, quand(9, 20))
        assert (await read_rdv(file, rdv))[0] == quand(9, 20)
        assert await file.etats() == ["satisfaite"]
        assert [etat for _, etat, _ in await file.offres()] == ["reservee"]
        assert await file.sql("SELECT contact, rdv_id FROM attente") == [("", None)]
        prevus = "SELECT count(*) FROM rendez_vous WHERE etat = 'prevu' AND debut IN (:a, :b)"
        assert await file.sql(prevus, a=quand(9, 20), b=quand(9, 0, LOIN)) == [(1,)]
        assert await file.sql("SELECT count(*) FROM rendez_vous WHERE nature_option IN ('offre', 'saisie')") == [(0,)]
        assert await file.overlaps() == 0
        assert await file.sql("SELECT count(*) FROM courrier WHERE evenement = 'deplacement'") == [(1,)]
        with pytest.raises(Conflit):
            await move_to_offre(file.outils, jeton, USAGER, LUNDI_9H + 5 * MINUTE, vue=vue + 1)

    async def test_what_has_changed_since_moves_nothing_and_keeps_the_offer(self, file: File) -> None:
        rdv = await book_loin(file)
        jeton = await offer(file, rdv)
        _, vue = await read_rdv(file, rdv)
        with pytest.raises(Conflit):
            await move_to_offre(file.outils, jeton, USAGER, LUNDI_9H + 4 * MINUTE, vue=vue + 7)
        assert (await read_rdv(file, rdv))[0] == quand(9, 0, LOIN)
        assert [etat for _, etat, _ in await file.offres()] == ["ouverte"]
        assert await file.sql("SELECT count(*) FROM rendez_vous WHERE nature_option = 'offre'") == [(1,)]

    async def test_a_contact_that_is_no_longer_the_rendez_vous_s_moves_it_no_more(self, file: File) -> None:
        rdv = await book_loin(file)
        jeton = await offer(file, rdv)
        _, vue = await read_rdv(file, rdv)
        await write(file, "UPDATE rdv_usager SET courriel = 'autre@usagers.test' WHERE rdv_id = :i", i=rdv.id)
        with pytest.raises(Conflit):
            await move_to_offre(file.outils, jeton, USAGER, LUNDI_9H + 4 * MINUTE, vue=vue)

    async def test_too_late_it_moves_nothing(self, file: File) -> None:
        rdv = await book_loin(file)
        jeton = await offer(file, rdv)
        ((limite,),) = await file.sql("SELECT expire_a FROM offre_attente")
        _, vue = await read_rdv(file, rdv)
        with pytest.raises(Conflit):
            await move_to_offre(file.outils, jeton, USAGER, limite, vue=vue)

    async def test_two_clicks_and_the_expiry_at_once_are_one_thing_or_the_other(self, file: File) -> None:
        rdv = await book_loin(file)
        jeton = await offer(file, rdv)
        ((limite,),) = await file.sql("SELECT expire_a FROM offre_attente")
        _, vue = await read_rdv(file, rdv)
        juste = limite - timedelta(seconds=1)
        faits = await asyncio.gather(
            move_to_offre(file.outils, jeton, USAGER, juste, vue=vue),
            move_to_offre(file.outils, jeton, USAGER, juste, vue=vue),
            file.look(limite),
            return_exceptions=True,
        )
        assert all(isinstance(fait, Conflit | int) or not isinstance(fait, BaseException) for fait in faits), faits
        (offre,) = await file.offres()
        ailleurs = (await read_rdv(file, rdv))[0] == quand(9, 20)
        assert offre[1] == ("reservee" if ailleurs else "expiree")
        assert await file.overlaps() == 0

    async def test_once_the_rendez_vous_was_moved_only_what_is_earlier_than_it_is_offered(self, file: File) -> None:
        rdv = await book_loin(file)
        await file.wait("Ada", LUNDI_9H + MINUTE, rdv_id=rdv.id, au=LOIN)
        await file.cancel((9, 20), LUNDI_9H + 2 * MINUTE)
        await self._move(file, rdv, quand(9, 20))
        assert await file.look(LUNDI_9H + 3 * MINUTE) == 0, "what is free two weeks later is no earlier"
        await file.cancel((9, 40), LUNDI_9H + 4 * MINUTE)
        assert await file.look(LUNDI_9H + 5 * MINUTE) == 0
        await file.cancel((9, 0), LUNDI_9H + 6 * MINUTE)
        assert await file.look(LUNDI_9H + 7 * MINUTE) == 1
        assert await file.offres() == [("Ada", "ouverte", quand(9, 0))]

    async def test_moved_to_the_first_day_nobody_is_told_that_later_ones_are_free(self, outils: Outils) -> None:
        file = await build_file(outils, pleine=False)
        rdv = await book_loin(file)
        await file.wait("Ada", LUNDI_9H + MINUTE, rdv_id=rdv.id, au=LOIN)
        await self._move(file, rdv, quand(9, 0))
        assert await file.look(LUNDI_9H + 3 * MINUTE) == 0
        assert await file.sql("SELECT prevenu_a, etat FROM attente") == [(None, "active")]

    async def test_moved_between_the_reading_of_the_line_and_the_offer_nothing_is_offered(
        self, file: File, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rdv = await book_loin(file)
        await file.wait("Ada", LUNDI_9H + MINUTE, rdv_id=rdv.id)
        await file.cancel((9, 0), LUNDI_9H + 2 * MINUTE)
        await file.cancel((9, 40), LUNDI_9H + 2 * MINUTE)
        lire = attente_regard.list_pourvus

        async def move_first(*faits: Any) -> frozenset[int]:
            await self._move(file, rdv, quand(9, 0))
            return await lire(*faits)

        monkeypatch.setattr(attente_regard, "list_pourvus", move_first)
        assert await file.look(LUNDI_9H + 3 * MINUTE) == 0
        assert await file.sql("SELECT etat FROM attente") == [("active",)]

    async def test_moved_before_the_start_offered_it_is_not_moved_later_by_the_offer(self, file: File) -> None:
        rdv = await book_loin(file)
        jeton = await offer(file, rdv)
        await file.cancel((9, 0), LUNDI_9H + 3 * MINUTE)
        await self._move(file, rdv, quand(9, 0))
        _, vue = await read_rdv(file, rdv)
        with pytest.raises(Conflit):
            await move_to_offre(file.outils, jeton, USAGER, LUNDI_9H + 4 * MINUTE, vue=vue)
        assert (await read_rdv(file, rdv))[0] == quand(9, 0)

    async def test_once_it_is_cancelled_what_is_offered_is_booked_like_any_other(self, file: File) -> None:
        rdv = await book_loin(file)
        jeton = await offer(file, rdv)
        agent = Auteur("agent", agent_id=file.service.agents["agent"])
        await act(file.outils, rdv.id, Action.ANNULER, agent, LUNDI_9H + 4 * MINUTE, raison="empêchement")
        prise = await take_offre(file.outils, jeton, "v" * 43, USAGER, LUNDI_9H + 5 * MINUTE)
        assert prise.option_id
        qui = personne(9, nom_usage="Ada", courriel=COURRIEL, date_naissance=date(1980, 1, 1))
        voulu = demande(file.service, to_minute(quand(9, 20)), 11, usager=qui, unique=True, visite="v" * 43)
        assert (await book(file.outils, voulu, USAGER, LUNDI_9H + 6 * MINUTE)).debut == quand(9, 20)
        await file.look(LUNDI_9H + 7 * MINUTE)
        assert await file.etats() == ["satisfaite"]

    async def test_once_it_is_cancelled_one_waits_like_anybody_else(self, file: File) -> None:
        rdv = await book_loin(file)
        await file.wait("Ada", LUNDI_9H + MINUTE, rdv_id=rdv.id, au=LOIN)
        await file.cancel((9, 20), LUNDI_9H + 2 * MINUTE)
        await self._move(file, rdv, quand(9, 20))
        file.pris[quand(9, 20)] = rdv
        await file.cancel((9, 20), LUNDI_9H + 3 * MINUTE)
        await file.cancel((9, 40), LUNDI_9H + 3 * MINUTE)
        await file.look(LUNDI_9H + 4 * MINUTE)
        ((_, prevenu),) = await file.sql("SELECT etat, prevenu_a IS NOT NULL FROM attente")
        assert prevenu, "there is plenty for who has none"

    async def _move(self, file: File, rdv: RdvReserve, debut: datetime) -> None:
        """The service moves it, as she asked on the phone."""
        agent = Auteur("agent", agent_id=file.service.agents["agent"])
        cible = Cible(to_minute(debut), guichet_id=file.service.guichets[0])
        assert (await move(file.outils, rdv.id, cible, agent, LUNDI_9H + 2 * MINUTE)).change

    async def test_it_is_the_rendez_vous_s_own_contact_that_is_written_to(self, file: File) -> None:
        rdv = await book_loin(file)
        async with file.outils.db.read() as conn:
            qui = await read_joignable(conn, rdv.id, sms=True)
        assert qui is not None
        assert (qui.nom, qui.canal, qui.contact) == ("Ada", "mail", COURRIEL)
