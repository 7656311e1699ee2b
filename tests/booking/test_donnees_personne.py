"""Data of one person: found by exact criteria, told whole, erased everywhere (P16)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from app.booking.anonymisation import anonymise_anciens
from app.booking.donnees_critere import Critere, Genre, parse_critere
from app.booking.donnees_document import build_document
from app.booking.donnees_effacement import Bilan, Garde, erase, parse_raison
from app.booking.donnees_notice import read_notice
from app.booking.donnees_personne import Dossier, Trouves, read_dossier
from app.booking.outils import SYSTEME, Auteur, Outils
from app.booking.reserver import book
from app.booking.suite_donnee import record_suite
from app.domain.horaires import to_minute
from app.errors import AccesRefuse, SaisieInvalide, TransitionImpossible
from tests.booking.outillage import demande, personne
from tests.booking.personne_complete import (
    ALORS,
    AUTRE_COURRIEL,
    COURRIEL,
    ENTREPRISE,
    FISCAL,
    FIXE,
    MOBILE,
    SIREN,
    TRACES,
    find_traces,
    live,
)
from tests.fixtures.donnees import MondeService, build_equipe, build_service

#: Everything is past, nothing is old.
APRES = datetime(2027, 2, 20, 8, 0, tzinfo=UTC)
RAISON = {"raison": "demande", "reference": "2027-0042"}
TOUS_CRITERES = (
    Critere(Genre.NUMERO_FISCAL, FISCAL),
    Critere(Genre.SIREN, SIREN),
    Critere(Genre.COURRIEL, COURRIEL),
    Critere(Genre.TELEPHONE, MOBILE),
)


@pytest.fixture
async def service(outils: Outils) -> MondeService:
    async with outils.db.engine.begin() as conn:
        return await build_equipe(conn, await build_service(conn))


@pytest.fixture
async def faits(outils: Outils, service: MondeService) -> dict[str, int]:
    return await live(outils, service)


async def sql(outils: Outils, requete: str, **valeurs: Any) -> list[Any]:
    async with outils.db.read() as conn:
        return list((await conn.execute(text(requete), valeurs)).all())


async def lire(outils: Outils, critere: Critere, auteur: Auteur = SYSTEME) -> Dossier:
    return await read_dossier(outils, critere, auteur, APRES)


async def efface(outils: Outils, critere: Critere, auteur: Auteur = SYSTEME, a: datetime = APRES) -> Bilan:
    """Everything that the criterion finds."""
    dossier = await read_dossier(outils, critere, auteur, a)
    return await erase(outils, critere, dossier.trouves, RAISON, auteur, a)


class TestTrouver:
    """An exact criterion, in every service; nothing vague."""

    @pytest.mark.parametrize(
        ("critere", "trouves"),
        [
            (Critere(Genre.NUMERO_FISCAL, FISCAL), {"internet", "agent", "annule"}),
            (Critere(Genre.SIREN, SIREN), {"firme"}),
            (Critere(Genre.COURRIEL, COURRIEL), {"internet", "annule"}),
            (Critere(Genre.COURRIEL, AUTRE_COURRIEL), {"agent"}),
            (Critere(Genre.COURRIEL, ENTREPRISE), {"firme"}),
            (Critere(Genre.TELEPHONE, MOBILE), {"internet", "agent", "sms", "annule"}),
            (Critere(Genre.TELEPHONE, FIXE), {"internet", "agent", "sms", "annule"}),
        ],
        ids=lambda v: f"{v.genre}-{v.valeur}" if isinstance(v, Critere) else "",
    )
    async def test_each_criterion_finds_its_own(
        self, outils: Outils, faits: dict[str, int], critere: Critere, trouves: set[str]
    ) -> None:
        assert {rdv["id"] for rdv in (await lire(outils, critere)).rdvs} == {faits[nom] for nom in trouves}

    async def test_a_code_needs_the_whole_name(self, outils: Outils, faits: dict[str, int]) -> None:
        code = (await sql(outils, "SELECT code FROM rendez_vous WHERE id = :r", r=faits["agent"]))[0][0]
        for nom in ("quatrebarbes", "MONTGOLFIER", " Quatre-barbés "):
            attendu = 0 if "-" in nom else 1
            assert len((await lire(outils, Critere(Genre.CODE, code, nom))).rdvs) == attendu, nom
        for nom in ("Quatre", "Zéphyrine", "%", ""):
            assert not (await lire(outils, Critere(Genre.CODE, code, nom))).trouves

    async def test_the_account_and_the_waiting_list_come_with_it(self, outils: Outils, faits: dict[str, int]) -> None:
        par_mail = await lire(outils, Critere(Genre.COURRIEL, COURRIEL))
        assert [compte["nom_usage"] for compte in par_mail.registre] == ["Quatrebarbes"]
        assert [attente["contact"] for attente in par_mail.attentes] == [COURRIEL]
        par_numero = await lire(outils, Critere(Genre.TELEPHONE, MOBILE))
        assert [attente["contact"] for attente in par_numero.attentes] == [MOBILE]
        assert {m["canal"] for m in par_numero.messages} == {"mail", "sms"}

    async def test_somebody_else_is_never_in_it(
        self, outils: Outils, service: MondeService, faits: dict[str, int]
    ) -> None:
        debut = to_minute(datetime(2027, 2, 15, 13, 20, tzinfo=UTC))
        autre = await book(
            outils, demande(service, debut, 50, usager=personne(50, numero_fiscal=None)), Auteur("usager"), ALORS
        )
        for critere in TOUS_CRITERES:
            assert autre.id not in (await lire(outils, critere)).trouves.rdvs

    async def test_reading_leaves_a_line_that_names_nobody(self, outils: Outils, faits: dict[str, int]) -> None:
        await lire(outils, Critere(Genre.NUMERO_FISCAL, FISCAL))
        ligne = (await sql(outils, "SELECT apres, acteur FROM journal WHERE action = 'donnees.cherchees'"))[0]
        assert ligne[0]["rdvs"] == 3
        assert len(ligne[0]["criteres"]["numero_fiscal"]) == 32
        assert FISCAL not in str(ligne[0])

    @pytest.mark.parametrize("qui", ["orientation", "box", "agent", "chef", "exterieur", "pilote"])
    async def test_nobody_else_reads_nor_erases(
        self, outils: Outils, service: MondeService, faits: dict[str, int], qui: str
    ) -> None:
        auteur, critere = Auteur("agent", agent_id=service.agents[qui]), Critere(Genre.NUMERO_FISCAL, FISCAL)
        with pytest.raises(AccesRefuse):
            await read_dossier(outils, critere, auteur, APRES)
        with pytest.raises(AccesRefuse):
            await erase(outils, critere, Trouves(rdvs=(faits["internet"],)), RAISON, auteur, APRES)
        with pytest.raises(AccesRefuse):
            await read_dossier(outils, critere, Auteur("usager"), APRES)
        assert (await sql(outils, "SELECT count(*) FROM rendez_vous WHERE anonymise_a IS NOT NULL"))[0][0] == 0

    async def test_an_administrator_who_is_suspended_reads_nothing(
        self, outils: Outils, service: MondeService, faits: dict[str, int]
    ) -> None:
        national = Auteur("agent", agent_id=service.agents["national"])
        assert (await lire(outils, TOUS_CRITERES[0], national)).rdvs
        async with outils.db.engine.begin() as conn:
            await conn.execute(
                text("UPDATE agent SET suspendu_a = :a WHERE id = :i"), {"a": ALORS, "i": national.agent_id}
            )
        with pytest.raises(AccesRefuse):
            await lire(outils, TOUS_CRITERES[0], national)


class TestLeDocument:
    """What is handed over: all of it, and no agent's name."""

    async def test_everything_held_is_in_it(self, outils: Outils, service: MondeService, faits: dict[str, int]) -> None:
        dossier = await lire(outils, Critere(Genre.TELEPHONE, MOBILE))
        async with outils.db.read() as conn:
            document = build_document(dossier, await read_notice(conn), APRES)
        objet = document.to_json()
        texte = repr(objet)
        for trace in ("Quatrebarbes", "Zéphyrine", "Montgolfier", FISCAL, COURRIEL, AUTRE_COURRIEL, MOBILE):
            assert trace in texte, trace
        for mot in ("divorce", "note", "mot", "raison", "appel", "suite"):
            assert f"{mot}-xylophone" in texte, mot
        assert {len(objet[cle]) > 0 for cle in ("rendez_vous", "registre", "messages", "contre_appels", "suites")} == {
            True
        }
        actes = {ligne["action"] for ligne in objet["journal"]}
        assert {"Rendez-vous pris", "Rendez-vous annulé", "Connexion par FranceConnect"} <= actes
        assert "Morel" not in texte
        assert "agent@dgfip.test" not in texte
        assert "jeton-de-zephyrine" not in texte
        assert objet["traitement"]["conservation_jours"] == 1095
        assert "délégué" in objet["traitement"]["delegue"].lower()

    async def test_both_forms_say_the_same(self, outils: Outils, faits: dict[str, int]) -> None:
        dossier = await lire(outils, Critere(Genre.SIREN, SIREN))
        async with outils.db.read() as conn:
            document = build_document(dossier, await read_notice(conn), APRES)
        objet = document.to_json()
        for section in document.sections:
            assert len(section.fiches) == len(objet[section.cle])
        (rdv,) = document.sections[0].fiches
        assert ("Téléphones", "03 86 68 00 77") in [(mot, v.replace("\u00a0", " ")) for mot, v in rdv.lignes]
        assert objet["rendez_vous"][0]["telephones"] == ["+33386680077"]
        assert objet["rendez_vous"][0]["debut"].endswith("+01:00")


class TestEffacer:
    """Erased at once, by the columns of the retention; what the mission needs stays, and says why."""

    async def test_nothing_of_her_is_left_in_the_whole_database(self, outils: Outils, faits: dict[str, int]) -> None:
        assert set(await find_traces(outils)) == set(TRACES)  # the dump does see them
        for critere in TOUS_CRITERES:
            await efface(outils, critere)
        assert await find_traces(outils) == {}

    async def test_the_retention_leaves_nothing_either(self, outils: Outils, faits: dict[str, int]) -> None:
        await anonymise_anciens(outils, APRES + timedelta(days=1096))
        assert await find_traces(outils) == {}

    async def test_a_dump_before_the_end_of_the_retention_still_has_her(
        self, outils: Outils, faits: dict[str, int]
    ) -> None:
        await anonymise_anciens(outils, APRES)
        assert set(await find_traces(outils)) == set(TRACES)

    async def test_asked_again_it_finds_nothing_more(self, outils: Outils, faits: dict[str, int]) -> None:
        critere = Critere(Genre.NUMERO_FISCAL, FISCAL)
        trouves = (await lire(outils, critere)).trouves
        assert (await erase(outils, critere, trouves, RAISON, SYSTEME, APRES)).rdvs == 3
        lignes = await sql(outils, "SELECT count(*) FROM journal WHERE action = 'donnees.effacees'")
        encore = await erase(outils, critere, trouves, RAISON, SYSTEME, APRES)
        assert (encore.rdvs, encore.attentes, encore.registre) == (0, 0, 0)
        assert await sql(outils, "SELECT count(*) FROM journal WHERE action = 'donnees.effacees'") == lignes

    async def test_figures_and_states_stay_and_every_screen_is_told(
        self, outils: Outils, service: MondeService, faits: dict[str, int]
    ) -> None:
        avant = await sql(outils, "SELECT id, etat, debut, motif_id, code FROM rendez_vous ORDER BY id")
        comptes = await sql(outils, "SELECT * FROM compteur_jour ORDER BY 1, 2, 3")
        (version,) = (await sql(outils, "SELECT version FROM agenda"))[0]
        bilan = await efface(outils, Critere(Genre.NUMERO_FISCAL, FISCAL))
        assert await sql(outils, "SELECT id, etat, debut, motif_id, code FROM rendez_vous ORDER BY id") == avant
        assert await sql(outils, "SELECT * FROM compteur_jour ORDER BY 1, 2, 3") == comptes
        trames = await sql(
            outils,
            "SELECT (trame::jsonb)->>'type', ((trame::jsonb)->>'rdv')::bigint FROM outbox"
            " WHERE version > :v AND sujet = :s ORDER BY version",
            v=version,
            s=f"service:{service.id}",
        )
        assert bilan.rdvs == 3
        assert {t for t, _ in trames} == {"rdv.modifie"}
        assert {r for _, r in trames} == {faits["internet"], faits["agent"], faits["annule"]}

    async def test_one_to_come_is_kept_with_its_account_until_it_is_cancelled(
        self, outils: Outils, service: MondeService, faits: dict[str, int]
    ) -> None:
        async with outils.db.engine.begin() as conn:
            await conn.execute(
                text("UPDATE rendez_vous SET etat = 'prevu', debut = :d, fin = :f, jour = :j WHERE id = :r"),
                {
                    "d": APRES + timedelta(days=5),
                    "f": APRES + timedelta(days=5, minutes=20),
                    "j": (APRES + timedelta(days=5)).date(),
                    "r": faits["internet"],
                },
            )
        bilan = await efface(outils, Critere(Genre.NUMERO_FISCAL, FISCAL))
        assert (bilan.rdvs, bilan.registre) == (2, 0)
        compte = (await sql(outils, "SELECT id FROM usager"))[0][0]
        assert bilan.gardes == [("rdv", faits["internet"], Garde.A_VENIR), ("registre", compte, Garde.COMPTE)]
        assert (await sql(outils, "SELECT nom_usage FROM rdv_usager WHERE rdv_id = :r", r=faits["internet"]))[0][0]

    async def test_only_what_was_chosen_among_what_was_found(self, outils: Outils, faits: dict[str, int]) -> None:
        critere = Critere(Genre.SIREN, SIREN)
        bilan = await erase(outils, critere, Trouves(rdvs=(faits["agent"], faits["internet"])), RAISON, SYSTEME, APRES)
        assert bilan == Bilan()
        assert (await sql(outils, "SELECT count(*) FROM rendez_vous WHERE anonymise_a IS NOT NULL"))[0][0] == 0

    async def test_messages_that_wait_leave_no_more(self, outils: Outils, faits: dict[str, int]) -> None:
        for critere in TOUS_CRITERES:
            await efface(outils, critere)
        attendent = "SELECT count(*) FROM courrier WHERE destinataire = '' AND envoye_a IS NULL AND abandonne_a IS NULL"
        assert (await sql(outils, attendent))[0][0] == 0

    async def test_the_journal_says_why_and_never_whom(self, outils: Outils, faits: dict[str, int]) -> None:
        await efface(outils, Critere(Genre.SIREN, SIREN))
        lignes = await sql(outils, "SELECT apres, rdv_id FROM journal WHERE action = 'donnees.effacees'")
        assert [tuple(ligne) for ligne in lignes] == [(RAISON, faits["firme"])]
        ouverture = await sql(outils, "SELECT apres FROM journal WHERE action = 'donnees.effacement'")
        assert set(ouverture[0][0]) == {"criteres", "raison", "reference"}

    async def test_nothing_is_written_on_what_was_erased(
        self, outils: Outils, service: MondeService, faits: dict[str, int]
    ) -> None:
        await efface(outils, Critere(Genre.SIREN, SIREN))
        agent = Auteur("agent", agent_id=service.agents["agent"])
        with pytest.raises(TransitionImpossible, match="effacées"):
            await record_suite(outils, faits["firme"], "demarche", "REF-1", "Mme Quatrebarbes", agent, APRES)


class TestLesCriteres:
    """Bad inputs: a sentence by field; a number is read as the booking form reads it."""

    @pytest.mark.parametrize(
        ("genre", "valeur", "lu"),
        [
            ("numero_fiscal", " 30 23 217 600 053 ", FISCAL),
            ("siren", "732 829 320", SIREN),
            ("courriel", "ZQ.Barbes@Usagers.test", COURRIEL),
            ("telephone", "06 12 34 56 78", MOBILE),
            ("telephone", "0262 12 34 56", "+262262123456"),
            ("telephone", "+262 262 12 34 56", "+262262123456"),
        ],
    )
    def test_it_is_read_as_people_write_it(self, genre: str, valeur: str, lu: str) -> None:
        assert parse_critere({"genre": genre, "valeur": valeur}).valeur == lu

    @pytest.mark.parametrize(
        ("donnees", "champ"),
        [
            ({}, "genre"),
            ({"genre": "nom", "valeur": "Martin"}, "genre"),
            ({"genre": "numero_fiscal", "valeur": "12"}, "valeur"),
            ({"genre": "siren", "valeur": "732829321"}, "valeur"),
            ({"genre": "courriel", "valeur": "martin"}, "valeur"),
            ({"genre": "courriel", "valeur": "a@b.fr\r\nBcc: c@d.fr"}, "valeur"),
            ({"genre": "courriel", "valeur": "%@usagers.test'"}, "valeur"),
            ({"genre": "telephone", "valeur": "06"}, "valeur"),
            ({"genre": "telephone", "valeur": "\x00"}, "valeur"),
            ({"genre": "telephone", "valeur": "\ud800"}, "valeur"),
            ({"genre": "code", "valeur": "XOWVVO"}, "nom"),
            ({"genre": "code", "valeur": "X", "nom": "Martin"}, "valeur"),
            ({"genre": "code", "valeur": "XOWVVO", "nom": "\u202eMartin"}, "nom"),
            ({"genre": "siren", "valeur": "7" * 5000}, "valeur"),
        ],
    )
    def test_what_is_none_is_told_by_its_field(self, donnees: dict[str, str], champ: str) -> None:
        with pytest.raises(SaisieInvalide) as refus:
            parse_critere(donnees)
        assert set(refus.value.champs) == {champ}

    async def test_an_address_with_quotes_breaks_nothing(self, outils: Outils) -> None:
        for valeur in ("o'neil@usagers.test", "o\\'x@usagers.test", "o''\\@usagers.test"):
            assert not (await lire(outils, Critere(Genre.COURRIEL, valeur))).trouves

    @pytest.mark.parametrize("reference", ["Quatrebarbes", "Mme Q 1", "1" * 41, "é1", "x\n1"])
    def test_a_reference_cannot_be_a_name(self, reference: str) -> None:
        with pytest.raises(SaisieInvalide):
            parse_raison("demande", reference)
        assert parse_raison("demande", " 2027-0042 ") == RAISON
