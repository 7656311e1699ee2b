"""Correcting a RDV: what differs is written, once, under its revision; nobody's words are in the journal [A1 §3.2]."""

from __future__ import annotations

import asyncio
import json
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, select, text, update

from app.booking.confirmations import ADRESSE_CORRIGEE, MAXIMUM, MAXIMUM_RDV, Limite
from app.booking.forms import UsagerSaisi
from app.booking.liens import empreinte, jeton_lien
from app.booking.modifier import Modification, RdvModifie, modify
from app.booking.outils import Auteur, Outils
from app.booking.renvoyer import resend
from app.booking.reserver import RdvReserve, book
from app.booking.vie import act
from app.domain.horaires import to_minute
from app.domain.rendez_vous import Action
from app.errors import Conflit, Introuvable, RegleRefusee, TransitionImpossible
from app.tables import Courrier, Journal, Maintien, Outbox, RdvUsager, RendezVous
from tests.booking.outillage import demande, personne
from tests.fixtures.donnees import MondeService, build_equipe, build_service

PARIS = ZoneInfo("Europe/Paris")
LUNDI_9H = datetime(2027, 2, 1, 9, 0, tzinfo=PARIS)
VENDREDI_10H = LUNDI_9H.replace(hour=10) + timedelta(days=4)


@pytest.fixture
async def service(outils: Outils) -> MondeService:
    async with outils.db.engine.begin() as conn:
        return await build_equipe(conn, await build_service(conn))


@pytest.fixture
async def rdv(outils: Outils, service: MondeService) -> RdvReserve:
    """Friday at 10:00, with an address."""
    return await reserver(outils, service)


async def reserver(outils: Outils, service: MondeService, rang: int = 1, **plus: Any) -> RdvReserve:
    voulu = demande(
        service,
        to_minute(VENDREDI_10H) + 20 * rang,
        rang,
        canal="rattache",
        origine="telephone",
        guichet_id=service.guichets[0],
        acquittees=frozenset({"hors_plage"}),
        **plus,
    )
    return await book(outils, voulu, agent(service), LUNDI_9H)


def agent(service: MondeService, nom: str = "agent") -> Auteur:
    return Auteur("agent", agent_id=service.agents[nom])


def voulu(usager: UsagerSaisi | None = None, **plus: str) -> Modification:
    textes = {"precision": "Question sur un investissement", "note_interne": "", "message_usager": "", **plus}
    return Modification(usager or personne(1), **textes)


async def ligne(outils: Outils, rdv_id: int) -> Any:
    """The row of the RDV."""
    async with outils.db.read() as conn:
        return (await conn.execute(select(RendezVous.__table__).where(RendezVous.id == rdv_id))).one()


async def courriers(outils: Outils, rdv_id: int) -> list[tuple[str, str, bool]]:
    """(event, address, given up) of every mail of the RDV, in order."""
    async with outils.db.read() as conn:
        lus = await conn.execute(
            select(Courrier.evenement, Courrier.destinataire, Courrier.abandonne_a.is_not(None))
            .where(Courrier.rdv_id == rdv_id)
            .order_by(Courrier.id)
        )
        return [(evenement, adresse, abandonne) for evenement, adresse, abandonne in lus]


async def scalar(outils: Outils, requete: Any) -> Any:
    async with outils.db.read() as conn:
        return (await conn.execute(requete)).scalar()


class TestModifier:
    """Fields, journal, announcement: all of the same transaction."""

    async def test_every_field_is_written_and_the_search_finds_the_new_name(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        nouveau = personne(
            1, civilite="monsieur", nom_usage="Éléonor", nom_naissance="Pericol", prenoms="Marc",
            date_naissance=date(1970, 1, 2), numero_fiscal="3023217600053", telephones=("+33612345678", "+33612345679"),
            preference_appel="matin",
        )  # fmt: skip
        fait = await modify(
            outils, rdv.id, voulu(nouveau, note_interne="Dossier 12", message_usager="Venez à l’accueil B"),
            agent(service), LUNDI_9H, revision=1,
        )  # fmt: skip
        assert (fait.revision, fait.envoye) == (2, False)
        assert set(fait.champs) == {
            "civilite", "nom_usage", "nom_naissance", "prenoms", "date_naissance", "numero_fiscal", "telephones",
            "preference_appel", "note_interne", "message_usager",
        }  # fmt: skip
        lu = await ligne(outils, rdv.id)
        assert (lu.note_interne, lu.message_usager, lu.revision) == ("Dossier 12", "Venez à l’accueil B", 2)
        async with outils.db.read() as conn:
            usager = (await conn.execute(select(RdvUsager.__table__).where(RdvUsager.rdv_id == rdv.id))).one()
        assert usager.recherche == " ELEONOR PERICOL MARC "
        assert (usager.date_naissance, usager.telephones) == (date(1970, 1, 2), ["+33612345678", "+33612345679"])

    async def test_a_person_may_become_a_company(self, outils: Outils, service: MondeService, rdv: RdvReserve) -> None:
        pro = UsagerSaisi(
            nature="professionnel",
            raison_sociale="SARL Remparts",
            siren="732829320",
            telephones=("+33536490001",),
            courriel="usager1@usagers.test",
        )
        await modify(outils, rdv.id, voulu(pro), agent(service), LUNDI_9H, revision=1)
        async with outils.db.read() as conn:
            usager = (await conn.execute(select(RdvUsager.__table__).where(RdvUsager.rdv_id == rdv.id))).one()
        assert (usager.nature, usager.nom_usage, usager.civilite, usager.siren) == (
            "professionnel",
            "",
            None,
            "732829320",
        )
        assert usager.recherche == " SARL REMPARTS "

    async def test_the_journal_names_the_fields_and_quotes_nothing(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        await modify(
            outils, rdv.id, voulu(personne(1, prenoms="Zébulon"), precision="Autre chose"), agent(service), LUNDI_9H,
            revision=1,
        )  # fmt: skip
        async with outils.db.read() as conn:
            lue = (
                await conn.execute(
                    select(Journal.__table__).where(Journal.rdv_id == rdv.id, Journal.action == "rdv.modifie")
                )
            ).one()
            trames = list((await conn.execute(select(Outbox.trame))).scalars())
        assert (lue.avant, lue.apres) == (None, {"champs": ["prenoms", "precision"]})
        assert (lue.agent_id, lue.service_id) == (service.agents["agent"], service.id)
        assert "Zébulon" not in str(trames)

    async def test_it_is_announced_to_the_service(self, outils: Outils, service: MondeService, rdv: RdvReserve) -> None:
        avant = await scalar(outils, text(f"SELECT version FROM agenda WHERE service_id = {service.id}"))
        await modify(outils, rdv.id, voulu(precision="Autre"), agent(service), LUNDI_9H, revision=1)
        async with outils.db.read() as conn:
            trames = [json.loads(trame) for trame in (await conn.execute(select(Outbox.trame))).scalars()]
        (trame,) = [t for t in trames if t["type"] == "rdv.modifie" and t["rdv"] == rdv.id]
        assert (trame["etat"], trame["guichet"]) == ("prevu", service.guichets[0])
        assert await scalar(outils, text(f"SELECT version FROM agenda WHERE service_id = {service.id}")) == avant + 1

    async def test_nothing_changed_nothing_is_written(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        lignes = "SELECT count(*) FROM journal"
        avant = await scalar(outils, text(lignes))
        fait = await modify(outils, rdv.id, voulu(), agent(service), LUNDI_9H, revision=1)
        assert (fait.change, fait.revision) == (False, 1)
        assert await scalar(outils, text(lignes)) == avant
        assert (await ligne(outils, rdv.id)).revision == 1

    async def test_the_same_form_twice_changes_it_once(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        faits = await asyncio.gather(
            *(modify(outils, rdv.id, voulu(precision="Autre"), agent(service), LUNDI_9H, revision=1) for _ in range(6))
        )
        assert sorted(fait.change for fait in faits) == [False] * 5 + [True]
        assert {fait.revision for fait in faits} == {2}

    async def test_a_decision_to_keep_it_outside_the_organisation_holds(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        async with outils.db.engine.begin() as conn:
            await conn.execute(
                insert(Maintien).values(
                    rdv_id=rdv.id,
                    service_id=service.id,
                    revision_rdv=1,
                    cause="guichet_ferme",
                    agent_id=service.agents["chef"],
                    a=LUNDI_9H,
                )
            )
        await modify(outils, rdv.id, voulu(precision="Autre"), agent(service), LUNDI_9H, revision=1)
        assert await scalar(outils, select(Maintien.revision_rdv).where(Maintien.rdv_id == rdv.id)) == 2


class TestConflits:
    """Two agents, one RDV."""

    async def test_a_stale_revision_is_refused_with_the_present_one(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        await modify(outils, rdv.id, voulu(precision="La mienne"), agent(service), LUNDI_9H, revision=1)
        with pytest.raises(Conflit) as refus:
            await modify(outils, rdv.id, voulu(precision="La sienne"), agent(service, "chef"), LUNDI_9H, revision=1)
        assert refus.value.details == {"etat": "prevu", "revision": 2}
        assert (await ligne(outils, rdv.id)).precision == "La mienne"

    async def _rivaux(self, outils: Outils, service: MondeService, rdv: RdvReserve, revisions: list[int]) -> list[Any]:
        """Two agents save different words together, each with the revision that he read."""
        return await asyncio.gather(
            *(
                modify(
                    outils, rdv.id, voulu(precision=f"Mots de {nom}"), agent(service, nom), LUNDI_9H, revision=revision
                )
                for nom, revision in zip(("agent", "chef"), revisions, strict=True)
            ),
            return_exceptions=True,
        )

    async def test_of_two_who_save_together_one_is_told(self, outils: Outils, service: MondeService) -> None:
        for rang in range(1, 9):
            rdv = await reserver(outils, service, rang, precision="Départ")
            issues = await self._rivaux(outils, service, rdv, [1, 1])
            assert sum(isinstance(issue, Conflit) for issue in issues) == 1, issues
            gagnant = ("agent", "chef")[[isinstance(issue, Conflit) for issue in issues].index(False)]
            assert (await ligne(outils, rdv.id)).precision == f"Mots de {gagnant}"

    async def test_without_the_revision_the_second_would_erase_the_first_in_silence(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        """Negative control: the same race when each guesses the other's revision loses one's words."""
        await modify(outils, rdv.id, voulu(precision="La mienne"), agent(service), LUNDI_9H, revision=1)
        await modify(outils, rdv.id, voulu(precision="La sienne"), agent(service, "chef"), LUNDI_9H, revision=2)
        assert (await ligne(outils, rdv.id)).precision == "La sienne"

    async def test_editing_while_it_is_cancelled_says_so_and_writes_nothing(
        self, outils: Outils, service: MondeService
    ) -> None:
        for rang in range(1, 9):
            rdv = await reserver(outils, service, rang, precision="Départ")
            issues = await asyncio.gather(
                modify(outils, rdv.id, voulu(precision="Mots"), agent(service), LUNDI_9H, revision=1),
                act(outils, rdv.id, Action.ANNULER, agent(service, "chef"), LUNDI_9H, revision=1, raison="Empêché"),
                return_exceptions=True,
            )
            lu = await ligne(outils, rdv.id)
            assert sum(isinstance(issue, Conflit) for issue in issues) == 1, issues
            assert (lu.etat, lu.precision) in (("annule", "Départ"), ("prevu", "Mots"))

    async def test_a_cancelled_one_is_not_corrected(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        await act(outils, rdv.id, Action.ANNULER, agent(service), LUNDI_9H, raison="Empêché")
        with pytest.raises(TransitionImpossible, match="irréversible"):
            await modify(outils, rdv.id, voulu(precision="Autre"), agent(service), LUNDI_9H, revision=2)

    async def test_nor_an_anonymised_one(self, outils: Outils, service: MondeService, rdv: RdvReserve) -> None:
        async with outils.db.engine.begin() as conn:
            await conn.execute(update(RdvUsager).where(RdvUsager.rdv_id == rdv.id).values(anonymise_a=LUNDI_9H))
        with pytest.raises(TransitionImpossible, match="anonymisé"):
            await modify(outils, rdv.id, voulu(precision="Autre"), agent(service), LUNDI_9H, revision=1)

    @pytest.mark.parametrize("qui", ["exterieur", "pilote", "national"])
    async def test_who_holds_no_agenda_here_is_refused_and_journaled(
        self, outils: Outils, service: MondeService, rdv: RdvReserve, qui: str
    ) -> None:
        with pytest.raises(Introuvable):
            await modify(outils, rdv.id, voulu(precision="Autre"), agent(service, qui), LUNDI_9H, revision=1)
        refus = select(Journal.apres).where(
            Journal.action == "rdv.acces_refuse", Journal.agent_id == service.agents[qui], Journal.rdv_id == rdv.id
        )
        assert await scalar(outils, refus) == {"action": "modifier"}


class TestCourriels:
    """Who is written to once the address is another one."""

    async def test_a_new_address_receives_the_confirmation_and_the_reminder(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        assert await courriers(outils, rdv.id) == [
            ("confirmation", "usager1@usagers.test", False),
            ("rappel", "usager1@usagers.test", False),
        ]
        fait = await modify(
            outils, rdv.id, voulu(personne(1, courriel="juste@usagers.test")), agent(service), LUNDI_9H, revision=1
        )
        assert fait.envoye
        assert await courriers(outils, rdv.id) == [
            ("confirmation", "usager1@usagers.test", True),  # had not left: it does not any more
            ("confirmation", "juste@usagers.test", False),
            ("rappel", "juste@usagers.test", False),
        ]
        erreur = select(Courrier.erreur).where(Courrier.rdv_id == rdv.id, Courrier.abandonne_a.is_not(None))
        assert await scalar(outils, erreur) == ADRESSE_CORRIGEE

    async def test_the_link_that_the_former_address_received_opens_nothing_any_more(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        avant = await ligne(outils, rdv.id)
        await modify(
            outils, rdv.id, voulu(personne(1, courriel="juste@usagers.test")), agent(service), LUNDI_9H, revision=1
        )
        apres = await ligne(outils, rdv.id)
        assert apres.lien_empreinte != avant.lien_empreinte
        assert apres.lien_empreinte == empreinte(jeton_lien(outils.settings, apres.lien_sel or b""))
        donnees = select(Courrier.donnees).where(
            Courrier.rdv_id == rdv.id,
            Courrier.destinataire == "juste@usagers.test",
            Courrier.evenement == "confirmation",
        )
        ecrit = await scalar(outils, donnees)
        assert ecrit["lien_gestion"] == "", "derived as it leaves: no secret link waits in the database"
        assert ecrit["sequence"] == 1

    async def test_a_first_address_keeps_the_link_that_was_printed(self, outils: Outils, service: MondeService) -> None:
        sans = await reserver(outils, service, usager=personne(1, courriel=None))
        avant = await ligne(outils, sans.id)
        fait = await modify(outils, sans.id, voulu(), agent(service), LUNDI_9H, revision=1)
        assert fait.envoye
        assert (await ligne(outils, sans.id)).lien_empreinte == avant.lien_empreinte
        assert await courriers(outils, sans.id) == [
            ("confirmation", "usager1@usagers.test", False),
            ("rappel", "usager1@usagers.test", False),
        ]

    async def test_an_address_removed_receives_nothing_more(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        fait = await modify(outils, rdv.id, voulu(personne(1, courriel=None)), agent(service), LUNDI_9H, revision=1)
        assert not fait.envoye
        assert await courriers(outils, rdv.id) == [("confirmation", "usager1@usagers.test", True)]

    async def test_back_to_the_first_address_it_is_written_to_again(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        for rang, adresse in enumerate(("autre@usagers.test", "usager1@usagers.test"), start=1):
            await modify(outils, rdv.id, voulu(personne(1, courriel=adresse)), agent(service), LUNDI_9H, revision=rang)
        vifs = [(quoi, qui) for quoi, qui, mort in await courriers(outils, rdv.id) if not mort]
        assert vifs == [("confirmation", "usager1@usagers.test"), ("rappel", "usager1@usagers.test")]

    async def test_a_reminder_that_waits_says_the_new_name(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        rappel = select(Courrier.du_a).where(Courrier.rdv_id == rdv.id, Courrier.evenement == "rappel")
        quand = await scalar(outils, rappel)
        await modify(outils, rdv.id, voulu(personne(1, nom_usage="Juste")), agent(service), LUNDI_9H, revision=1)
        donnees = select(Courrier.donnees).where(Courrier.rdv_id == rdv.id, Courrier.evenement == "rappel")
        assert (await scalar(outils, donnees))["usager_nom"] == "Madame JUSTE"
        assert await scalar(outils, rappel) == quand
        assert len(await courriers(outils, rdv.id)) == 2

    async def test_once_the_usager_has_come_nothing_is_sent(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        await act(outils, rdv.id, Action.MARQUER_ARRIVEE, agent(service), VENDREDI_10H)
        fait = await modify(
            outils, rdv.id, voulu(personne(1, courriel="juste@usagers.test")), agent(service), VENDREDI_10H, revision=2
        )
        assert fait.change
        assert not fait.envoye


class TestLimites:
    """An address corrected to and fro is not a way to fill a mailbox; what is corrected is saved all the same."""

    @staticmethod
    async def _leave(outils: Outils, a: datetime) -> None:
        """Every mail that waits has left."""
        async with outils.db.engine.begin() as conn:
            attend = (Courrier.evenement == "confirmation", Courrier.abandonne_a.is_(None))
            await conn.execute(update(Courrier).where(*attend, Courrier.envoye_a.is_(None)).values(envoye_a=a))

    async def _correct(
        self, outils: Outils, service: MondeService, rdv: RdvReserve, adresse: str, rang: int, a: datetime
    ) -> RdvModifie:
        """The ``rang``-th correction, once the mails before it have left."""
        await self._leave(outils, a)
        return await modify(outils, rdv.id, voulu(personne(1, courriel=adresse)), agent(service), a, revision=rang)

    async def test_to_and_fro_within_a_minute_the_same_address_is_written_to_once(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        for rang in range(1, 9):
            adresse = "usager1@usagers.test" if rang % 2 == 0 else "autre@usagers.test"
            a = LUNDI_9H + timedelta(seconds=rang)
            fait = await self._correct(outils, service, rdv, adresse, rang, a)
            assert fait.change
            assert (fait.envoye, fait.retenue) == ((True, None) if rang == 1 else (False, Limite.INTERVALLE))
            assert await scalar(outils, select(RdvUsager.courriel).where(RdvUsager.rdv_id == rdv.id)) == adresse
        ecrites = [qui for quoi, qui, _ in await courriers(outils, rdv.id) if quoi == "confirmation"]
        assert ecrites == ["usager1@usagers.test", "autre@usagers.test"]
        rappels = [qui for quoi, qui, _ in await courriers(outils, rdv.id) if quoi == "rappel"]
        assert rappels == ["usager1@usagers.test"]

    async def test_to_one_address_as_many_a_day_as_by_sending_again(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        envois, rang = 1, 0
        for tour in range(MAXIMUM + 1):
            for adresse in (f"autre{tour}@usagers.test", "usager1@usagers.test"):
                rang += 1
                a = LUNDI_9H + timedelta(minutes=2 * rang)
                fait = await self._correct(outils, service, rdv, adresse, rang, a)
                envois += fait.envoye and adresse == "usager1@usagers.test"
        assert envois == MAXIMUM
        assert fait.retenue is not None
        await self._leave(outils, a)
        with pytest.raises(RegleRefusee, match="déjà été envoyées"):
            await resend(outils, rdv.id, agent(service), a + timedelta(minutes=2))

    async def test_of_one_rdv_no_more_a_day_whatever_the_addresses(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        faits = [
            await self._correct(
                outils, service, rdv, f"autre{rang}@usagers.test", rang, LUNDI_9H + timedelta(seconds=rang)
            )
            for rang in range(1, MAXIMUM_RDV + 3)
        ]
        assert sum(fait.envoye for fait in faits) == MAXIMUM_RDV - 1  # the booking's own is the first
        assert [fait.retenue for fait in faits[-3:]] == [Limite.RDV] * 3
        with pytest.raises(RegleRefusee, match="de ce rendez-vous"):
            await resend(outils, rdv.id, agent(service), LUNDI_9H + timedelta(hours=1))
        lendemain = LUNDI_9H + timedelta(hours=25)
        assert (await self._correct(outils, service, rdv, "usager1@usagers.test", faits[-1].revision, lendemain)).envoye

    async def test_sending_again_counts_for_what_is_corrected(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        for rang in range(1, MAXIMUM):
            assert (await resend(outils, rdv.id, agent(service), LUNDI_9H + timedelta(minutes=2 * rang))).change
        a = LUNDI_9H + timedelta(hours=1)
        assert (await self._correct(outils, service, rdv, "autre@usagers.test", 1, a)).envoye
        retour = await self._correct(outils, service, rdv, "usager1@usagers.test", 2, a + timedelta(minutes=2))
        assert (retour.change, retour.envoye, retour.retenue) == (True, False, Limite.ADRESSE)

    async def test_one_taken_back_before_it_left_has_reached_nobody(
        self, outils: Outils, service: MondeService, rdv: RdvReserve
    ) -> None:
        for rang in range(1, MAXIMUM_RDV * 2 + 1):
            adresse = "usager1@usagers.test" if rang % 2 == 0 else "autre@usagers.test"
            fait = await modify(
                outils, rdv.id, voulu(personne(1, courriel=adresse)), agent(service), LUNDI_9H, revision=rang
            )
            assert fait.envoye
        vives = [qui for quoi, qui, morte in await courriers(outils, rdv.id) if quoi == "confirmation" and not morte]
        assert vives == ["usager1@usagers.test"]
