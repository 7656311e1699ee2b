"""What is written to the usager, and by which way: mail, else short message, else nothing; in the RDV's language."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from sqlalchemy import select, update

from app import clock
from app.booking.deplacer import Cible, move
from app.booking.liens import url_lien
from app.booking.messages import Destination, compute_rappel, find_destination
from app.booking.modifier import Modification, modify
from app.booking.outils import Auteur, Outils
from app.booking.renvoyer import resend
from app.booking.vie import act
from app.courrier.envoi_sms import FacteurSms
from app.courrier.operateurs import create_operateur
from app.domain.rendez_vous import Action
from app.errors import RegleRefusee
from app.tables import Courrier, Motif, RdvUsager
from tests.booking.outillage import creneaux_libres, personne, reserve
from tests.courrier.conftest import passerelle
from tests.courrier.passerelle import Passerelle
from tests.fixtures.donnees import MondeService, build_equipe, build_service

__all__ = ["passerelle"]

FIXE, MOBILE, AUTRE = "+33145678901", "+33612345678", "+33698765432"


@pytest.fixture
async def service(outils: Outils) -> MondeService:
    async with outils.db.engine.begin() as conn:
        return await build_equipe(conn, await build_service(conn))


@pytest_asyncio.fixture
async def sms(outils: Outils, passerelle: Passerelle) -> AsyncIterator[Outils]:
    """The same tools where short messages leave."""
    yield Outils(outils.db, replace(outils.settings, sms_url=passerelle.url))


async def ecrits(outils: Outils, rdv_id: int, *, vivants: bool = True) -> list[tuple[str, str, str, str]]:
    """(event, channel, to, language) of what is written about a RDV."""
    requete = select(Courrier.evenement, Courrier.canal, Courrier.destinataire, Courrier.langue).where(
        Courrier.rdv_id == rdv_id
    )
    if vivants:
        requete = requete.where(Courrier.abandonne_a.is_(None))
    async with outils.db.read() as conn:
        return [tuple(ligne) for ligne in await conn.execute(requete.order_by(Courrier.id))]  # type: ignore[misc]


async def leave(outils: Outils, passerelle: Passerelle) -> list[str]:
    """Send what is due; the texts received, in order."""
    operateur = create_operateur(passerelle.url)
    assert operateur is not None
    facteur = FacteurSms(outils.db, operateur, lien=lambda sel: url_lien(outils.settings, sel))
    while await facteur.run_once():
        pass
    await operateur.aclose()
    return [recu.corps["text"] for recu in passerelle.recus]


def agent(service: MondeService) -> Auteur:
    return Auteur("agent", service.agents["agent"])


def sans_mail(*telephones: str, **plus: Any) -> Any:
    return personne(1, courriel=None, telephones=telephones, **plus)


def voulu(usager: Any) -> Modification:
    return Modification(usager=usager, precision="Question sur un investissement", note_interne="", message_usager="")


class TestVoie:
    async def test_a_mobile_and_no_mail_is_written_to_by_short_message(
        self, sms: Outils, service: MondeService
    ) -> None:
        rdv = await reserve(sms, service, usager=sans_mail(FIXE, MOBILE))
        assert await ecrits(sms, rdv.id) == [("confirmation", "sms", MOBILE, "fr"), ("rappel", "sms", MOBILE, "fr")]

    async def test_a_mail_address_is_enough(self, sms: Outils, service: MondeService) -> None:
        rdv = await reserve(sms, service, usager=personne(1, telephones=(MOBILE,)))
        assert {canal for _, canal, _, _ in await ecrits(sms, rdv.id)} == {"mail"}

    async def test_a_fixed_line_alone_is_written_nothing(self, sms: Outils, service: MondeService) -> None:
        rdv = await reserve(sms, service, usager=sans_mail(FIXE))
        assert await ecrits(sms, rdv.id, vivants=False) == []

    async def test_where_no_short_message_leaves_none_waits(self, outils: Outils, service: MondeService) -> None:
        rdv = await reserve(outils, service, usager=sans_mail(MOBILE))
        assert await ecrits(outils, rdv.id, vivants=False) == []
        assert find_destination(outils.settings, None, [MOBILE]) is None

    def test_a_mail_comes_first(self, settings: Any) -> None:
        assert find_destination(replace(settings, sms_url="x"), "a@b.fr", [MOBILE]) == Destination("mail", "a@b.fr")


class TestEnvoi:
    async def test_the_text_and_the_link_arrive(
        self, sms: Outils, service: MondeService, passerelle: Passerelle
    ) -> None:
        rdv = await reserve(sms, service, usager=sans_mail(MOBILE))
        await leave(sms, passerelle)
        (recu,) = passerelle.recus
        assert recu.corps["to"] == MOBILE
        assert rdv.code in recu.corps["text"]
        assert f"/mon-rendez-vous/{rdv.jeton}" in recu.corps["text"]

    async def test_no_link_waits_in_the_queue(self, sms: Outils, service: MondeService) -> None:
        await reserve(sms, service, usager=sans_mail(MOBILE))
        async with sms.db.read() as conn:
            donnees = (await conn.execute(select(Courrier.donnees))).scalars().all()
        assert [d["lien_gestion"] for d in donnees] == ["", ""]


class TestModifier:
    async def test_a_mail_removed_leaves_the_phone(self, sms: Outils, service: MondeService) -> None:
        rdv = await reserve(sms, service, usager=personne(1, telephones=(MOBILE,)))
        await modify(sms, rdv.id, voulu(sans_mail(MOBILE)), agent(service), clock.now(), revision=1)
        assert await ecrits(sms, rdv.id) == [("confirmation", "sms", MOBILE, "fr"), ("rappel", "sms", MOBILE, "fr")]

    async def test_a_corrected_mobile_receives_everything_and_the_former_one_nothing_more(
        self, sms: Outils, service: MondeService
    ) -> None:
        rdv = await reserve(sms, service, usager=sans_mail(MOBILE))
        fait = await modify(sms, rdv.id, voulu(sans_mail(AUTRE)), agent(service), clock.now(), revision=1)
        assert fait.envoye
        assert await ecrits(sms, rdv.id) == [("confirmation", "sms", AUTRE, "fr"), ("rappel", "sms", AUTRE, "fr")]

    async def test_a_second_phone_changes_nothing_of_the_way(self, sms: Outils, service: MondeService) -> None:
        rdv = await reserve(sms, service, usager=sans_mail(MOBILE))
        fait = await modify(sms, rdv.id, voulu(sans_mail(MOBILE, FIXE)), agent(service), clock.now(), revision=1)
        assert not fait.envoye
        assert await ecrits(sms, rdv.id) == [("confirmation", "sms", MOBILE, "fr"), ("rappel", "sms", MOBILE, "fr")]


class TestSuites:
    async def test_a_move_is_told_by_the_same_way_with_a_new_reminder(
        self, sms: Outils, service: MondeService, passerelle: Passerelle
    ) -> None:
        rdv = await reserve(sms, service, usager=sans_mail(MOBILE))
        loin = (await creneaux_libres(sms, service))[-1]
        await move(sms, rdv.id, Cible(loin.debut), agent(service), clock.now())
        evenements = [(e, canal) for e, canal, *_ in await ecrits(sms, rdv.id)]
        assert ("deplacement", "sms") in evenements
        assert {canal for _, canal in evenements} == {"sms"}
        textes = await leave(sms, passerelle)
        assert [t.split(" :")[0] for t in textes] == ["RDV déplacé"], "the confirmation it replaces stays here"

    async def test_a_cancellation_is_told_by_the_same_way(
        self, sms: Outils, service: MondeService, passerelle: Passerelle
    ) -> None:
        rdv = await reserve(sms, service, usager=sans_mail(MOBILE), langue="en")
        await act(sms, rdv.id, Action.ANNULER, agent(service), clock.now(), raison="fermeture")
        (texte,) = await leave(sms, passerelle)
        assert texte.startswith("Appointment cancelled")
        assert "fermeture" not in texte


class TestRenvoyer:
    async def test_it_is_sent_again_to_the_phone(self, sms: Outils, service: MondeService) -> None:
        rdv = await reserve(sms, service, usager=sans_mail(MOBILE))
        fait = await resend(sms, rdv.id, agent(service), clock.now() + timedelta(minutes=2))
        assert fait.change
        assert [e for e, *_ in await ecrits(sms, rdv.id)].count("confirmation") == 2

    async def test_without_any_way_it_says_so(self, sms: Outils, service: MondeService) -> None:
        rdv = await reserve(sms, service, usager=sans_mail(FIXE))
        with pytest.raises(RegleRefusee, match="ni de mobile"):
            await resend(sms, rdv.id, agent(service), clock.now())


class TestLangue:
    async def test_the_language_of_the_journey_is_that_of_every_message(
        self, outils: Outils, service: MondeService
    ) -> None:
        async with outils.db.engine.begin() as conn:
            await conn.execute(
                update(Motif)
                .where(Motif.id == service.motifs[0])
                .values(libelle_en="Income tax return", documents_en=["Your last tax notice"])
            )
        rdv = await reserve(outils, service, langue="en")
        await resend(outils, rdv.id, agent(service), clock.now() + timedelta(minutes=2))  # by an agent, in French
        assert {langue for *_, langue in await ecrits(outils, rdv.id)} == {"en"}
        async with outils.db.read() as conn:
            assert (await conn.execute(select(RdvUsager.langue))).scalar_one() == "en"
            donnees = (await conn.execute(select(Courrier.donnees))).scalars().all()
        assert {d["langue"] for d in donnees} == {"en"}
        assert {d["motif"] for d in donnees} == {"Income tax return"}
        assert donnees[0]["documents"] == ["Your last tax notice"]


class TestRappel:
    """Two days before, at the hour of the place, on the days that have 23 or 25 hours too [P12]."""

    @pytest.mark.parametrize(
        ("zone", "local"),
        [
            ("Europe/Paris", "2027-03-29T10:20"),  # the clocks change between the two
            ("Europe/Paris", "2027-10-31T10:20"),
            ("Europe/Paris", "2027-11-01T10:20"),
            ("America/Miquelon", "2027-03-15T09:00"),
            ("America/Miquelon", "2027-11-08T09:00"),
            ("Indian/Reunion", "2027-03-29T08:00"),
        ],
    )
    async def test_the_hour_is_the_same(self, outils: Outils, service: MondeService, zone: str, local: str) -> None:
        async with outils.db.read() as conn:
            contexte = await outils.dispo.contextes.get(conn, service.id, 1)
        la_bas = replace(contexte, zone=ZoneInfo(zone))
        debut = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone))
        du_a = compute_rappel(la_bas, debut, debut.astimezone(UTC) - timedelta(days=20))
        assert du_a is not None
        la = du_a.astimezone(ZoneInfo(zone))
        assert (debut.date() - la.date()).days == 2
        assert la.time() == debut.time()

    async def test_what_is_soon_is_not_reminded(self, outils: Outils, service: MondeService) -> None:
        creneau = (await creneaux_libres(outils, service))[0]
        rdv = await reserve(outils, service, debut=creneau.debut)
        async with outils.db.read() as conn:
            contexte = await outils.dispo.contextes.get(conn, service.id, 1)
        assert compute_rappel(contexte, rdv.debut, rdv.debut - timedelta(days=1)) is None
