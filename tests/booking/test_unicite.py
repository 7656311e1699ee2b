"""One rendez-vous to come per person and motif, in the booking's transaction: two tabs, and attackers."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from app import clock
from app.booking import unicite
from app.booking.deplacer import Cible
from app.booking.jugement import Reservation
from app.booking.liens import jeton_lien
from app.booking.mon_rdv import cancel, read_mien, relocate
from app.booking.outils import Outils
from app.booking.reserver import book
from app.booking.titres import ParLien, ParPreuve, Titre
from app.booking.titres_compte import ParCompte
from app.booking.unicite import MotifDejaPris, SuiteParMessage
from app.booking.vie import act
from app.domain.rendez_vous import Action
from app.errors import AppError, Interdit
from tests.booking.outillage import USAGER, creneaux_libres, demande, personne
from tests.fixtures.donnees import MondeService, build_service

PHILIPPA = {"date_naissance": date(1985, 1, 10)}


@pytest.fixture
async def service(outils: Outils) -> MondeService:
    async with outils.db.engine.begin() as conn:
        return await build_service(conn, guichets=6)


@pytest.fixture
async def debuts(outils: Outils, service: MondeService) -> list[int]:
    return [creneau.debut for creneau in await creneaux_libres(outils, service)]


def ask(service: MondeService, debut: int, rang: int = 1, **qui: Any) -> Reservation:
    """A form filled in by nobody in particular."""
    plus = {"usager": personne(rang, **{**PHILIPPA, **qui})}
    return demande(service, debut, rang, unique=True, **plus)


async def answer(outils: Outils, reservation: Reservation) -> str:
    try:
        await book(outils, reservation, USAGER, clock.now())
    except AppError as refus:
        return refus.code
    return "pris"


async def count(outils: Outils, quoi: str = "rendez_vous WHERE etat = 'prevu'", **valeurs: Any) -> int:
    async with outils.db.read() as conn:
        return int((await conn.execute(text(f"SELECT count(*) FROM {quoi}"), valeurs)).scalar_one())


async def create_usager(outils: Outils, sujet: str) -> int:
    async with outils.db.engine.begin() as conn:
        requete = text("INSERT INTO usager (nature, sujet_oidc, modifie_a) VALUES ('particulier', :s, :a) RETURNING id")
        return int((await conn.execute(requete, {"s": sujet, "a": clock.now()})).scalar_one())


async def find_jeton(outils: Outils, rdv_id: int) -> str:
    """The token that the next message will carry."""
    async with outils.db.read() as conn:
        requete = text("SELECT lien_sel FROM rendez_vous WHERE id = :r")
        return jeton_lien(outils.settings, (await conn.execute(requete, {"r": rdv_id})).scalar_one())


async def read(outils: Outils, titre: Titre, rdv_id: int | None = None) -> dict[str, Any]:
    async with outils.db.read() as conn:
        lu = await read_mien(conn, titre, rdv_id)
    assert lu is not None
    return lu


async def change_motif(outils: Outils, titre: Titre, rdv_id: int, motif: int, debut: int) -> str:
    """Move it to another motif, as its own pages do."""
    rdv = await read(outils, titre, rdv_id)
    cible = Cible(debut, motif_id=motif, type_rdv=rdv["type_rdv"])
    try:
        await relocate(outils, rdv, titre, cible, USAGER, clock.now(), vue=rdv["revision"])
    except AppError as refus:
        return refus.code
    return "deplace"


class TestRemis:
    """« nobody can block somebody else's booking »: the RDV is its victim's from the message on, and nobody else's."""

    async def test_what_the_browser_that_made_it_holds_opens_nothing_more(
        self, outils: Outils, service: MondeService, debuts: list[int]
    ) -> None:
        envoi = ask(service, debuts[20])
        du_tiers = await book(outils, envoi, USAGER, clock.now())
        assert await answer(outils, ask(service, debuts[0])) == SuiteParMessage.code
        async with outils.db.read() as conn:
            assert await read_mien(conn, ParLien(du_tiers.jeton)) is None
        assert await answer(outils, envoi) == SuiteParMessage.code, "its form sent again gives no link either"
        recu = ParLien(await find_jeton(outils, du_tiers.id))
        assert (await read(outils, recu))["id"] == du_tiers.id

    async def test_its_code_and_name_show_it_and_change_nothing(
        self, outils: Outils, service: MondeService, debuts: list[int]
    ) -> None:
        du_tiers = await book(outils, ask(service, debuts[20]), USAGER, clock.now())
        preuve = ParPreuve(du_tiers.id, clock.now() - timedelta(days=1))
        avant = await read(outils, preuve)
        assert await answer(outils, ask(service, debuts[0])) == SuiteParMessage.code
        rdv = await read(outils, preuve)
        with pytest.raises(Interdit, match="dernier message"):
            await cancel(outils, rdv, preuve, USAGER, clock.now(), raison="", vue=avant["revision"])
        with pytest.raises(Interdit, match="dernier message"):
            await relocate(outils, rdv, preuve, Cible(debuts[0]), USAGER, clock.now(), vue=avant["revision"])
        recu = ParLien(await find_jeton(outils, du_tiers.id))
        assert (await cancel(outils, rdv, recu, USAGER, clock.now(), raison="", vue=rdv["revision"])).change

    async def test_a_try_that_writes_nothing_renews_nothing(
        self, outils: Outils, service: MondeService, debuts: list[int]
    ) -> None:
        """Else anybody would close the link that its holder has just received."""
        premier = await book(outils, ask(service, debuts[20]), USAGER, clock.now())
        await answer(outils, ask(service, debuts[0]))
        recu = await find_jeton(outils, premier.id)
        for debut in debuts[1:4]:
            await answer(outils, ask(service, debut))
        assert await find_jeton(outils, premier.id) == recu


class TestAutreMotif:
    """« one active RDV per person and motif »: by a move as by a booking."""

    async def test_an_account_does_not_move_into_a_second_one(
        self, outils: Outils, service: MondeService, debuts: list[int]
    ) -> None:
        usager = await create_usager(outils, "fc#1")
        await book(outils, replace(ask(service, debuts[0]), usager_id=usager), USAGER, clock.now())
        autre = replace(ask(service, debuts[9]), usager_id=usager, motif_id=service.motifs[1])
        second = await book(outils, autre, USAGER, clock.now())
        titre = ParCompte(usager)
        assert await change_motif(outils, titre, second.id, service.motifs[0], debuts[15]) == MotifDejaPris.code
        assert await change_motif(outils, titre, second.id, service.motifs[1], debuts[15]) == "deplace"

    async def test_the_same_person_without_an_account_is_written_to(
        self, outils: Outils, service: MondeService, debuts: list[int]
    ) -> None:
        await answer(outils, ask(service, debuts[0]))
        autre = replace(ask(service, debuts[9]), motif_id=service.motifs[1])
        second = await book(outils, autre, USAGER, clock.now())
        titre = ParLien(second.jeton)
        assert await change_motif(outils, titre, second.id, service.motifs[0], debuts[15]) == SuiteParMessage.code
        assert await count(outils, "courrier WHERE evenement = 'existant'") == 1
        assert (await read(outils, titre))["motif_id"] == service.motifs[1]

    async def test_somebody_else_moves_to_it(self, outils: Outils, service: MondeService, debuts: list[int]) -> None:
        await answer(outils, ask(service, debuts[0]))
        autre = replace(ask(service, debuts[9], prenoms="Camille"), motif_id=service.motifs[1])
        second = await book(outils, autre, USAGER, clock.now())
        assert await change_motif(outils, ParLien(second.jeton), second.id, service.motifs[0], debuts[15]) == "deplace"

    async def test_a_move_and_a_booking_at_once_make_one_and_without_the_lock_two(
        self, outils: Outils, service: MondeService, debuts: list[int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def run_rounds(premier: int) -> int:
            """How many people have two in the end."""
            doubles = 0
            for rang in range(premier, premier + 8):
                autre = replace(ask(service, debuts[rang * 3], rang), motif_id=service.motifs[1])
                second = await book(outils, autre, USAGER, clock.now())
                reponses = await asyncio.gather(
                    change_motif(outils, ParLien(second.jeton), second.id, service.motifs[0], debuts[rang * 3 + 1]),
                    answer(outils, ask(service, debuts[rang * 3 + 2], rang)),
                )
                assert set(reponses) <= {"pris", "deplace", SuiteParMessage.code}, reponses
                doubles += SuiteParMessage.code not in reponses
            return doubles

        assert await run_rounds(1) == 0

        async def nothing(*_: Any) -> None: ...

        monkeypatch.setattr(unicite, "_lock", nothing)
        assert await run_rounds(9) > 0, "negative control"


class TestSansCompte:
    async def test_the_same_person_is_written_to_and_nothing_is_booked(
        self, outils: Outils, service: MondeService, debuts: list[int]
    ) -> None:
        assert await answer(outils, ask(service, debuts[0])) == "pris"
        assert await answer(outils, ask(service, debuts[5])) == SuiteParMessage.code
        assert await count(outils) == 1
        ecrits = "courrier WHERE evenement = 'existant' AND destinataire = 'usager1@usagers.test'"
        assert await count(outils, ecrits) == 1
        assert await count(outils, "journal WHERE action = 'rdv.deja_pris'") == 1

    async def test_a_mailbox_is_not_filled_by_trying_again(
        self, outils: Outils, service: MondeService, debuts: list[int]
    ) -> None:
        await answer(outils, ask(service, debuts[0]))
        for debut in debuts[5:15]:
            assert await answer(outils, ask(service, debut)) == SuiteParMessage.code
        assert await count(outils, "courrier WHERE evenement = 'existant'") == 1
        async with outils.db.engine.begin() as conn:
            await conn.execute(text("UPDATE courrier SET cree_a = cree_a - interval '11 minutes'"))
        await answer(outils, ask(service, debuts[5]))
        assert await count(outils, "courrier WHERE evenement = 'existant'") == 2

    @pytest.mark.parametrize(
        "autrement",
        [
            {"courriel": "autre@usagers.test"},
            {"courriel": None},
            {"prenoms": "Philippe"},
            {"nom_usage": "Valenton-Martin"},
            {"date_naissance": date(1990, 2, 3)},
        ],
    )
    async def test_another_person_or_another_address_books(
        self, outils: Outils, service: MondeService, debuts: list[int], autrement: dict[str, Any]
    ) -> None:
        """A couple on one mailbox; « an acquaintance who knows name and birth date »."""
        assert await answer(outils, ask(service, debuts[0])) == "pris"
        assert await answer(outils, ask(service, debuts[5], **autrement)) == "pris"
        assert await count(outils) == 2

    async def test_where_short_messages_leave_a_mobile_is_an_address_too(
        self, outils: Outils, service: MondeService, debuts: list[int]
    ) -> None:
        """Whoever gave no mail holds his rendez-vous by his phone; a landline tells nobody."""
        envoient = Outils(outils.db, replace(outils.settings, sms_url="fichier:/dev/null"))
        mobile: dict[str, Any] = {"telephones": ("+33612345678",), "courriel": None}
        assert await answer(envoient, ask(service, debuts[0], **mobile)) == "pris"
        avec_courriel = {**mobile, "courriel": "x@usagers.test"}
        assert await answer(envoient, ask(service, debuts[5], **avec_courriel)) == SuiteParMessage.code
        assert await count(outils, "courrier WHERE evenement = 'existant' AND canal = 'sms'") == 1
        assert await answer(outils, ask(service, debuts[5], **mobile)) == "pris", "none leaves from here"

    async def test_case_and_accents_do_not_make_two_people(
        self, outils: Outils, service: MondeService, debuts: list[int]
    ) -> None:
        await answer(outils, ask(service, debuts[0], nom_usage="Lefèvre", prenoms="Zoé Marie"))
        qui: dict[str, Any] = {"nom_usage": "LEFEVRE", "prenoms": "zoe", "courriel": "USAGER1@usagers.test"}
        assert await answer(outils, ask(service, debuts[5], **qui)) == SuiteParMessage.code

    async def test_another_motif_or_another_service_is_another_rendez_vous(
        self, outils: Outils, service: MondeService, debuts: list[int]
    ) -> None:
        await answer(outils, ask(service, debuts[0]))
        assert await answer(outils, replace(ask(service, debuts[5]), motif_id=service.motifs[1])) == "pris"
        async with outils.db.engine.begin() as conn:
            ailleurs = await build_service(conn, sages="7500001")
        libre = (await creneaux_libres(outils, ailleurs))[0].debut
        assert await answer(outils, ask(ailleurs, libre)) == "pris"

    async def test_who_cancels_the_one_that_a_stranger_took_in_his_name_books_his_own(
        self, outils: Outils, service: MondeService, debuts: list[int]
    ) -> None:
        """The stranger gave the victim's own address: the victim holds the link, and frees himself alone."""
        du_tiers = await book(outils, ask(service, debuts[20]), USAGER, clock.now())
        assert await answer(outils, ask(service, debuts[0])) == SuiteParMessage.code
        recu = ParLien(await find_jeton(outils, du_tiers.id))
        await act(outils, du_tiers.id, Action.ANNULER, USAGER, clock.now(), titre=recu)
        assert await answer(outils, ask(service, debuts[0])) == "pris"

    async def test_where_usagers_may_change_nothing_nobody_is_kept_from_booking(
        self, outils: Outils, service: MondeService, debuts: list[int]
    ) -> None:
        async with outils.db.engine.begin() as conn:
            await conn.execute(
                text("INSERT INTO parametre (cle, valeur, modifie_a) VALUES ('modification_usager', 'false', :a)"),
                {"a": clock.now()},
            )
            await conn.execute(text("UPDATE agenda SET version_planning = version_planning + 1"))
        assert await answer(outils, ask(service, debuts[0])) == "pris"
        assert await answer(outils, ask(service, debuts[5])) == "pris"

    async def test_a_past_one_keeps_nobody_from_anything(
        self, outils: Outils, service: MondeService, debuts: list[int]
    ) -> None:
        await answer(outils, ask(service, debuts[0]))
        async with outils.db.engine.begin() as conn:
            await conn.execute(
                text("UPDATE rendez_vous SET debut = debut - interval '30 days', fin = fin - interval '30 days'")
            )
        assert await answer(outils, ask(service, debuts[5])) == "pris"

    async def test_the_same_form_again_is_a_replay(
        self, outils: Outils, service: MondeService, debuts: list[int]
    ) -> None:
        reservation = ask(service, debuts[0])
        reponses = await asyncio.gather(*(book(outils, reservation, USAGER, clock.now()) for _ in range(6)))
        assert len({r.code for r in reponses}) == 1
        assert await count(outils) == 1

    async def test_two_tabs_at_once_make_one(self, outils: Outils, service: MondeService, debuts: list[int]) -> None:
        for rang in range(2, 12):
            envois = [answer(outils, ask(service, debuts[rang * 3 + n], rang)) for n in range(3)]
            assert sorted(await asyncio.gather(*envois)) == ["pris", SuiteParMessage.code, SuiteParMessage.code]
        assert await count(outils) == 10

    async def test_negative_control_without_the_lock_two_tabs_make_two(
        self, outils: Outils, service: MondeService, debuts: list[int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def nothing(*_: Any) -> None: ...

        monkeypatch.setattr(unicite, "_lock", nothing)
        for rang in range(2, 12):
            await asyncio.gather(*(answer(outils, ask(service, debuts[rang * 3 + n], rang)) for n in range(3)))
        assert await count(outils) > 10


class TestAvecCompte:
    async def test_one_for_a_motif_wherever_it_is(
        self, outils: Outils, service: MondeService, debuts: list[int]
    ) -> None:
        usager = await create_usager(outils, "fc#1")
        premiere = replace(ask(service, debuts[0]), usager_id=usager)
        assert await answer(outils, premiere) == "pris"
        async with outils.db.engine.begin() as conn:
            ailleurs = await build_service(conn, sages="7500001")
            # the motif of the nation, offered by both
            await conn.execute(
                text(
                    "INSERT INTO motif_service (service_id, motif_id, ouvert) VALUES (:s, :m, true)"
                    " ON CONFLICT DO NOTHING"
                ),
                {"s": ailleurs.id, "m": service.motifs[0]},
            )
        la_bas = replace(ask(service, debuts[9], 4), usager_id=usager)
        with pytest.raises(MotifDejaPris) as refus:
            await book(outils, la_bas, USAGER, clock.now())
        assert isinstance(refus.value.details["rdv_id"], int)
        assert await count(outils) == 1

    async def test_two_accounts_with_the_same_contacts_are_two_people(
        self, outils: Outils, service: MondeService, debuts: list[int]
    ) -> None:
        for n, sujet in enumerate(("fc#1", "fc#2")):
            qui = await create_usager(outils, sujet)
            assert await answer(outils, replace(ask(service, debuts[n]), usager_id=qui)) == "pris"

    async def test_an_anonymous_form_takes_nothing_from_an_account(
        self, outils: Outils, service: MondeService, debuts: list[int]
    ) -> None:
        assert await answer(outils, ask(service, debuts[0])) == "pris"
        qui = await create_usager(outils, "fc#1")
        assert await answer(outils, replace(ask(service, debuts[5]), usager_id=qui)) == "pris"

    async def test_two_tabs_at_once_make_one_and_without_the_lock_two(
        self, outils: Outils, service: MondeService, debuts: list[int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def rounds() -> int:
            avant = await count(outils)
            for rang in range(8):
                qui = await create_usager(outils, f"fc#{avant}-{rang}")
                envois = [
                    answer(outils, replace(ask(service, debuts[rang * 3 + n], rang), usager_id=qui)) for n in range(3)
                ]
                await asyncio.gather(*envois)
            return await count(outils) - avant

        assert await rounds() == 8

        async def nothing(*_: Any) -> None: ...

        monkeypatch.setattr(unicite, "_lock", nothing)
        assert await rounds() > 8, "negative control"
