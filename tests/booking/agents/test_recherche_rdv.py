"""« Rechercher les RDV » [A1 §3.2]: one field that understands, over the zone; journaled by prints, never by words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from app import clock
from app.booking.agents.recherche_rdv_lectures import TROP, search_rdv
from app.booking.agents.recherche_rdv_saisie import SAISIE_MAX, Lecture, clean_saisie, understand
from app.booking.anonymisation import anonymise_anciens
from app.identite.empreintes import print_critere
from tests.accueil.monde import JOUR, Journee, personne
from tests.booking.agents.delegues import book_for, entrust
from tests.booking.agents.outillage import DEMAIN, NUMERO_FISCAL, SIREN, service_ordinaire, texte
from tests.booking.agents.test_droits import count_refus
from tests.booking.agents.test_export import multiply
from tests.fixtures.delegations import rename
from tests.fixtures.donnees import MondeService

URL = "/agent/rendez-vous/recherche"
_NOMS = re.compile(r"data-nom>([^<]+)<")
FR = {"FR"}


class TestComprendre:
    """What one field may mean."""

    @pytest.mark.parametrize(
        ("saisie", "lecture"),
        [
            ("", Lecture()),
            ("   ", Lecture()),
            ("Léa d'Hérouville", Lecture(mots=("LEA", "D", "HEROUVILLE"))),
            ("xowvvo", Lecture(mots=("XOWVVO",), code="XOWVVO")),
            ("x0 wv-v0", Lecture(mots=("X0", "WV", "V0"), code="XOWVVO")),
            ("FI1613", Lecture(numero=1613)),
            ("fi 1613", Lecture(numero=1613)),
            ("FI99999999999999999999", Lecture(mots=("FI99999999999999999999",))),
            ("06 12 34 56 78", Lecture(telephones=("+33612345678",))),
            ("06.12.34.56.78", Lecture(telephones=("+33612345678",))),
            ("+33 (0)6 12 34 56 78", Lecture(telephones=("+33612345678",))),
            ("0033612345678", Lecture(telephones=("+33612345678",), fiscal="0033612345678")),
            ("30 23 217 600 053", Lecture(fiscal="3023217600053")),
            ("732 829 320", Lecture(siren="732829320")),
            ("732 829 320 00074", Lecture(siren="732829320")),
            ("P.Martin@Exemple.FR", Lecture(courriel="p.martin@exemple.fr")),
            ("@", Lecture()),
            ("deux mots@x.fr", Lecture()),
            ("https://rdv.example/mon-rendez-vous/XOWVVO", Lecture(mots=("XOWVVO",), code="XOWVVO")),
            ("3F", Lecture(mots=("3F",))),
            ("%' OR 1=1 --", Lecture(mots=("OR", "1", "1"), code="")),
        ],
    )
    def test_every_reading_that_holds_is_kept(self, saisie: str, lecture: Lecture) -> None:
        assert understand(saisie, FR) == lecture

    def test_a_phone_is_dialled_as_in_each_region_of_the_zone(self) -> None:
        assert understand("0692 12 34 56", {"RE"}).telephones == ("+262692123456",)
        assert understand("0692 12 34 56", {"RE", "FR"}).telephones == ("+262692123456",)
        assert understand("06 12 34 56 78", {"FR", "RE"}).telephones == ("+33612345678",)

    def test_one_letter_designates_nobody_and_two_do(self) -> None:
        assert understand("m", FR).courte
        assert not understand("ma", FR).courte
        assert not understand("FI7", FR).courte


@dataclass(frozen=True, slots=True)
class Monde:
    """Two services of one agent, a third that is not his; RDV by name."""

    nord: MondeService
    sud: MondeService
    tiers: MondeService
    rdv: dict[str, int]

    @property
    def agent(self) -> int:
        """Attached to ``nord`` and ``sud``."""
        return self.nord.agents["agent"]


@pytest.fixture(scope="module")
async def monde(journee: Journee) -> Monde:
    nord = await service_ordinaire(journee, libelle="SIP LYON NORD")
    sud = await service_ordinaire(journee, libelle="SIP LYON SUD")
    tiers = await service_ordinaire(journee, libelle="SIP AILLEURS")
    await journee.attach(nord.agents["agent"], sud)
    elise = personne(
        "Lefèvre-Örsted",
        "Élise Anne",
        nom_naissance="D'Artagnan",
        numero_fiscal=NUMERO_FISCAL,
        telephones=("+33639980123", "+33386684949"),
        courriel="elise.o@usagers.test",
    )
    pro = personne("", "").__class__(
        nature="professionnel", raison_sociale="Boulangerie Ménard", siren=SIREN, telephones=("+33639980777",)
    )
    rdv = {
        "elise": await journee.book(nord, "09:00", usager=elise),
        "passe": await journee.book(nord, "15:00", usager=elise, jour=JOUR - timedelta(3)),
        "loin": await journee.book(sud, "09:00", usager=elise, jour=date(2027, 1, 11)),
        "pro": await journee.book(sud, "10:00", usager=pro, jour=DEMAIN),
        "annule": await journee.book(sud, "11:00", "Annulation", etat="annule"),
        "ailleurs": await journee.book(tiers, "09:00", usager=elise),
    }
    return Monde(nord, sud, tiers, rdv)


async def chercher(journee: Journee, agent: int, saisie: str) -> Any:
    async with journee.client(agent) as client:
        return await client.post(URL, data={"q": saisie})


async def trouver(journee: Journee, monde: Monde, saisie: str) -> list[str]:
    """Who the search finds, by the names of ``monde``, as they are shown."""
    reponse = await chercher(journee, monde.agent, saisie)
    assert reponse.status_code == 200, reponse.text
    noms = {ident: nom for nom, ident in monde.rdv.items()}
    return [noms[int(i)] for i in re.findall(r'data-rdv="(\d+)"', reponse.text)]


ELISE = ["elise", "loin", "passe"]


class TestTrouver:
    """Any word, without accents nor case; every number by which one is known."""

    @pytest.mark.parametrize(
        ("saisie", "attendus"),
        [
            ("lefevre", ELISE),
            ("LEFÈVRE", ELISE),
            ("orsted elise", ELISE),
            ("Anne artag", ELISE),
            ("leF", ELISE),
            ("lefevre justine", []),
            ("fevre", []),
            ("menard", ["pro"]),
            ("boul men", ["pro"]),
            ("06 39 98 01 23", ELISE),
            ("03.86.68.49.49", ELISE),
            ("+33 6 39 98 01 23", ELISE),
            (NUMERO_FISCAL, ELISE),
            ("30 23 217 600 053", ELISE),
            (SIREN, ["pro"]),
            (f"{SIREN} 00074", ["pro"]),
            ("ELISE.O@usagers.test", ELISE),
            ("elise@usagers.test", []),
            ("annulation", ["annule"]),
            ("lefevre' | 'x", []),
            ("\\", []),
        ],
    )
    async def test_a_person_is_found(self, journee: Journee, monde: Monde, saisie: str, attendus: list[str]) -> None:
        assert await trouver(journee, monde, saisie) == attendus

    async def test_a_code_and_a_number_designate_one_rdv(self, journee: Journee, monde: Monde) -> None:
        code = await journee.scalar("SELECT code FROM rendez_vous WHERE id = :r", r=monde.rdv["elise"])
        tape = code.lower().replace("o", "0").replace("i", "1")
        assert await trouver(journee, monde, f"{tape[:3]} {tape[3:]}") == ["elise"]
        assert await trouver(journee, monde, f"fi{monde.rdv['pro']}") == ["pro"]

    async def test_each_result_says_how_it_was_found(self, journee: Journee, monde: Monde) -> None:
        assert 'liste__par">téléphone<' in (await chercher(journee, monde.agent, "0639980123")).text
        assert 'liste__par">nom<' in (await chercher(journee, monde.agent, "lefevre")).text
        assert 'liste__par">nom de naissance<' in (await chercher(journee, monde.agent, "artagnan")).text
        assert 'liste__par">nom<' in (await chercher(journee, monde.agent, "orsted elise")).text
        assert 'liste__par">SIREN<' in (await chercher(journee, monde.agent, SIREN)).text

    async def test_a_person_changed_or_moved_is_found_as_it_is_now(self, journee: Journee) -> None:
        a, b = await service_ordinaire(journee), await service_ordinaire(journee)
        rdv = await journee.book(a, "09:00", "Avantdetre")
        async with journee.outils.db.engine.begin() as conn:
            await conn.execute(
                text("UPDATE rdv_usager SET nom_usage = 'Apres', recherche = ' APRESETRE ' WHERE rdv_id = :r"),
                {"r": rdv},
            )
        assert "Aucun rendez-vous" in texte((await chercher(journee, a.agents["agent"], "avantdetre")).text)
        assert f'data-rdv="{rdv}"' in (await chercher(journee, a.agents["agent"], "apresetre")).text
        async with journee.outils.db.engine.begin() as conn:  # sent to another service
            await conn.execute(
                text("UPDATE rendez_vous SET service_id = :b, guichet_id = :g WHERE id = :r"),
                {"b": b.id, "g": b.guichets[0], "r": rdv},
            )
        assert f'data-rdv="{rdv}"' not in (await chercher(journee, a.agents["agent"], "apresetre")).text
        assert f'data-rdv="{rdv}"' in (await chercher(journee, b.agents["agent"], "apresetre")).text

    async def test_what_a_service_entrusts_is_found_by_both_with_where_to_go(self, journee: Journee) -> None:
        a, b = await service_ordinaire(journee), await service_ordinaire(journee, libelle="SIP DE COSNE")
        async with journee.outils.db.engine.begin() as conn:
            await rename(conn, b, "SIP DE COSNE", "COSNE-COURS-SUR-LOIRE", "2 rue du Port")
        rdv = await book_for(journee, a, b, await entrust(journee, a, b), "11:00", "Confiance")
        vu_de_a, vu_de_b = [(await chercher(journee, s.agents["agent"], "confiance")).text for s in (a, b)]
        lu = texte(vu_de_a)
        for mot in ("11:00", "Reçu par SIP DE COSNE", "2 rue du Port, 58200 COSNE-COURS-SUR-LOIRE"):
            assert mot in lu
        assert f"/rendez-vous/{rdv}/arrivee" not in vu_de_a
        assert "Guichet 1" in texte(vu_de_b)
        assert f"/rendez-vous/{rdv}/arrivee" in vu_de_b
        await journee.attach(b.agents["box"], a)  # who is at home in both finds it once, where it is
        page = (await chercher(journee, b.agents["box"], "confiance")).text
        assert page.count(f'data-rdv="{rdv}"') == 1
        assert "Reçu par" not in texte(page)

    async def test_zones_apart_each_keep_their_own_hours(self, journee: Journee) -> None:
        metropole = await service_ordinaire(journee)
        reunion = await service_ordinaire(journee, fuseau="Indian/Reunion", departement="974")
        await journee.attach(metropole.agents["agent"], reunion)
        await journee.book(metropole, "11:00", "Lointaine")
        await journee.book(reunion, "15:00", "Lointaine")
        lu = texte((await chercher(journee, metropole.agents["agent"], "lointaine")).text)
        assert "11:00 – 11:20" in lu
        assert "15:00 – 15:20" in lu

    async def test_nobody_is_found_once_the_retention_is_over(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        usager = personne("Oubliable", courriel="oubliable@usagers.test", telephones=("+33639980555",))
        rdv = await journee.book(service, "09:00", usager=usager)
        assert f'data-rdv="{rdv}"' in (await chercher(journee, service.agents["agent"], "oubliable")).text
        async with journee.outils.db.engine.begin() as conn:
            await conn.execute(text("UPDATE rendez_vous SET jour = '2020-01-06' WHERE id = :r"), {"r": rdv})
        assert await anonymise_anciens(journee.outils, clock.now()) >= 1
        for saisie in ("oubliable", "0639980555", "oubliable@usagers.test"):
            assert f'data-rdv="{rdv}"' not in (await chercher(journee, service.agents["agent"], saisie)).text


class TestBeaucoup:
    """Too many results are said, and the nearest come first."""

    async def test_the_nearest_to_now_are_shown_and_the_number_is_said(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        await multiply(journee, service, 60)
        await journee.outils.db.transaction(
            lambda uow: uow.conn.execute(
                text("UPDATE rdv_usager SET recherche = ' NOMBREUX ' WHERE :s = ANY(services)"), {"s": service.id}
            )
        )
        page = texte((await chercher(journee, service.agents["agent"], "nombreux")).text)
        assert "60 rendez-vous correspondent : voici les 50 plus proches" in page

    async def test_letters_that_thousands_bear_are_refused_but_not_a_code(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        await multiply(journee, service, TROP + 10)
        await journee.outils.db.transaction(
            lambda uow: uow.conn.execute(
                text("UPDATE rdv_usager SET recherche = ' MARTIN ' WHERE :s = ANY(services)"), {"s": service.id}
            )
        )
        rdv = await journee.book(service, "11:00", "Autre")
        await journee.outils.db.transaction(
            lambda uow: uow.conn.execute(text("UPDATE rendez_vous SET code = 'MARTIN' WHERE id = :r"), {"r": rdv})
        )
        page = (await chercher(journee, service.agents["agent"], "martin")).text
        assert "Trop de rendez-vous correspondent" in texte(page)
        assert re.findall(r'data-rdv="(\d+)"', page) == [str(rdv)]

    async def test_one_letter_is_asked_to_be_more(self, journee: Journee, monde: Monde) -> None:
        page = (await chercher(journee, monde.agent, "l")).text
        assert "Une seule lettre ne suffit pas" in texte(page)
        assert not _NOMS.findall(page)

    async def test_a_zone_of_hundreds_of_services_is_walked_in_parts(self, journee: Journee, monde: Monde) -> None:
        lecture = understand("lefevre elise", FR)
        services = [*range(10_000_000, 10_000_600), monde.nord.id, monde.sud.id]
        async with journee.outils.db.read() as conn:
            trouves = await search_rdv(conn, monde.agent, lecture, services, clock.now())
        assert [ligne["id"] for ligne in trouves.lignes] == [monde.rdv[n] for n in ("elise", "passe", "loin")]


class TestDroits:
    """[C §4] The rights are in the statement; the search leaves prints."""

    @pytest.mark.parametrize("qui", ["exterieur", "pilote", "national"])
    async def test_who_is_attached_to_nothing_searches_nothing(self, journee: Journee, monde: Monde, qui: str) -> None:
        agent = monde.nord.agents[qui]
        avant = await count_refus(journee, agent)
        reponse = await chercher(journee, agent, "lefevre")
        assert reponse.status_code == 404
        assert "lefevre" not in reponse.text.lower()
        assert await count_refus(journee, agent) == avant + 1

    async def test_services_asked_for_are_not_enough(self, journee: Journee, monde: Monde) -> None:
        code = await journee.scalar("SELECT code FROM rendez_vous WHERE id = :r", r=monde.rdv["ailleurs"])
        siens = [monde.nord.id, monde.sud.id]
        for lecture in (
            understand("lefevre", FR),
            Lecture(code=code),
            Lecture(numero=monde.rdv["ailleurs"]),
            Lecture(fiscal=NUMERO_FISCAL),
            Lecture(telephones=("+33639980123",)),
        ):
            async with journee.outils.db.read() as conn:
                tout = await search_rdv(conn, monde.agent, lecture, [*siens, monde.tiers.id], clock.now())
                rien = await search_rdv(conn, monde.nord.agents["exterieur"], lecture, siens, clock.now())
            assert monde.rdv["ailleurs"] not in [ligne["id"] for ligne in tout.lignes]
            assert rien.lignes == []

    @pytest.mark.parametrize(
        ("saisie", "genre", "valeur"),
        [
            ("Lefèvre", "nom", "LEFEVRE"),
            (NUMERO_FISCAL, "numero_fiscal", NUMERO_FISCAL),
            (SIREN, "siren", SIREN),
            ("elise.o@usagers.test", "courriel", "elise.o@usagers.test"),
        ],
    )
    async def test_the_journal_knows_who_was_looked_up_and_not_their_name(
        self, journee: Journee, monde: Monde, saisie: str, genre: str, valeur: str
    ) -> None:
        await chercher(journee, monde.agent, saisie)
        apres = await journee.scalar(
            "SELECT apres FROM journal WHERE action = 'rdv.recherche' ORDER BY id DESC LIMIT 1"
        )
        assert apres["criteres"][genre] == print_critere(journee.site.settings, genre, valeur)
        assert apres["rdv"]
        assert valeur.lower() not in str(apres).lower()

    async def test_what_was_typed_is_in_no_address_nor_log(self, journee: Journee, monde: Monde) -> None:
        page = await chercher(journee, monde.agent, "Lefevrequintrouvable")
        assert 'value="Lefevrequintrouvable"' in page.text
        assert "efevrequintrouvable" not in journee.site.journal.read_text(errors="replace")
        assert not re.findall(r'(?:href|action|data-[a-z]+)="[^"]*efevrequin', page.text)

    async def test_a_hostile_entry_is_shown_as_text(self, journee: Journee, monde: Monde) -> None:
        page = await chercher(journee, monde.agent, '"><script>alert(1)</script>\x00\u202e')
        assert page.status_code == 200
        assert "<script>alert" not in page.text

    @pytest.mark.parametrize(
        "saisie",
        [
            *("a\x00@b.fr", "\x00", "\x00@", "lef\x00evre", "FI1\x00", "06\x0012345678", "a\ud800@b.fr", "\ud800"),
            *("\x1b[31m@x", "\u2028@x.fr", "\uffff@x.fr", "a" * 10_000, "@" + "é" * 10_000, "9" * 10_000, "' " * 5_000),
            *(
                "%",
                "_",
                "%@%",
                "a&b",
                "a | b",
                "!a",
                "(",
                "a:*",
                "<->",
                "a' & 'b@x.fr",
                "\\'@x.fr",
                ":*@",
                "\u202ea@b.fr",
            ),
        ],
        ids=lambda saisie: ascii(saisie)[1:16],
    )
    async def test_nothing_that_is_typed_is_an_accident(self, journee: Journee, monde: Monde, saisie: str) -> None:
        corps = "q=" + quote(saisie, errors="surrogatepass")
        async with journee.client(monde.agent) as client:
            reponse = await client.post(
                URL, content=corps, headers={"Content-Type": "application/x-www-form-urlencoded"}
            )
        assert reponse.status_code == 200
        assert not re.search("[\x00-\x08\x0b-\x1f\u202e]", reponse.text)

    async def test_marks_that_a_copy_brings_along_hide_nobody(self, journee: Journee, monde: Monde) -> None:
        for saisie in (
            "\u202a06 39 98 01 23\u202c",
            "lefevre\telise",
            "\ufefflef\u200bevre",
            "elise.o@usagers.test\x00",
        ):
            assert await trouver(journee, monde, saisie) == ELISE

    @settings(max_examples=150, deadline=None)
    @given(saisie=st.text(st.characters(), max_size=200))
    def test_whatever_is_typed_is_a_search_that_can_be_sent(self, saisie: str) -> None:
        lecture = understand(saisie, FR)
        for cle in (*lecture.mots, *lecture.telephones, lecture.courriel, lecture.code):
            assert cle.isprintable()
            assert len(cle) <= 3 * SAISIE_MAX
            cle.encode()
        assert clean_saisie(clean_saisie(saisie)) == clean_saisie(saisie)

    async def test_an_unknown_field_is_refused(self, journee: Journee, monde: Monde) -> None:
        async with journee.client(monde.agent) as client:
            assert (await client.post(URL, data={"q": "x", "service_id": "1"})).status_code == 422
