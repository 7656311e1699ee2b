"""What the search of services finds first, and that its words follow the directory (A1 §3.3; G 2.3.1)."""

from __future__ import annotations

from typing import ClassVar

import pytest
from sqlalchemy import text

from app.booking.outils import Outils
from app.booking.usager.recherche import find_services, parse_recherche, read_services
from app.config import ConfigurationInvalide, load
from tests.fixtures.donnees import build_service

#: (SAGES, label, town, postal code).
SERVICES = (
    ("5800001", "SIP DE BOURG", "BOURG CEDEX 2", "33711"),
    ("5800002", "SIP DE BLAYE", "BLAYE", "33390"),
    ("5800003", "SIP DE BOURG EN BRESSE", "BOURG-EN-BRESSE", "01012"),
    ("5800004", "SIP DE CHATEAUROUX", "CHATEAUROUX", "36000"),
    ("5800005", "SIP DE MONTLUÇON", "MONTLUÇON", "03100"),
)
#: (INSEE, name as searched, postal code, SAGES competent).
COMMUNES = (
    ("33067", "BOURG", "33710", "5800002"),
    ("18033", "BOURGES", "18000", "5800004"),
    ("51410", "ŒUILLY", "51480", "5800004"),
)


async def build_annuaire(outils: Outils) -> dict[str, str]:
    """A few services and communes; the label of each by SAGES."""
    async with outils.db.engine.begin() as conn:
        for sages, libelle, ville, postal in SERVICES:
            service = await build_service(conn, sages=sages, libelle=libelle, guichets=1)
            ici = {"s": service.id, "site": service.site_id, "v": ville, "p": postal}
            await conn.execute(text("UPDATE service_fiscal SET ville = :v, code_postal = :p WHERE id = :s"), ici)
            await conn.execute(text("UPDATE site SET ville = :v, code_postal = :p WHERE id = :site"), ici)
        for insee, nom, postal, sages in COMMUNES:
            await conn.execute(
                text(
                    "INSERT INTO commune (code_insee, nom, nom_recherche, departement, codes_postaux)"
                    " VALUES (:i, :n, :n, '58', ARRAY[:p])"
                ),
                {"i": insee, "n": nom, "p": postal},
            )
            await conn.execute(
                text(
                    "INSERT INTO competence (code_insee, service_id) SELECT :i, id FROM service_fiscal WHERE sages = :s"
                ),
                {"i": insee, "s": sages},
            )
    return {sages: libelle for sages, libelle, *_ in SERVICES}


async def find(outils: Outils, saisie: str) -> list[tuple[str, int]]:
    async with outils.db.read() as conn:
        return [(ligne["libelle"], ligne["rang"]) for ligne in await find_services(conn, parse_recherche(saisie))]


class TestLOrdre:
    """The exact commune first, then what begins so, then the competences of what begins so."""

    async def test_a_name_of_town(self, outils: Outils) -> None:
        await build_annuaire(outils)
        assert await find(outils, "bourg") == [
            ("SIP DE BOURG", 0),
            ("SIP DE BLAYE", 1),
            ("SIP DE BOURG EN BRESSE", 2),
            ("SIP DE CHATEAUROUX", 3),
        ]

    async def test_a_postal_code_and_its_beginning(self, outils: Outils) -> None:
        await build_annuaire(outils)
        assert await find(outils, "33710") == [("SIP DE BLAYE", 1)]
        assert await find(outils, "33711") == [("SIP DE BOURG", 0)]
        assert await find(outils, "33") == [("SIP DE BLAYE", 2), ("SIP DE BOURG", 2)]
        assert await find(outils, "33710 bourg") == [("SIP DE BLAYE", 1)]
        assert await find(outils, "99999") == []

    async def test_kinds_small_words_accents_and_ligatures(self, outils: Outils) -> None:
        await build_annuaire(outils)
        assert await find(outils, "le SIP de Blaye") == [("SIP DE BLAYE", 2)]
        assert await find(outils, "montlucon") == await find(outils, "Montluçon") == [("SIP DE MONTLUÇON", 0)]
        assert await find(outils, "oeuilly") == await find(outils, "Œuilly") == [("SIP DE CHATEAUROUX", 1)]
        assert await find(outils, "sip bresse blaye") == []

    async def test_services_are_read_again_in_the_order_asked(self, outils: Outils) -> None:
        await build_annuaire(outils)
        async with outils.db.read() as conn:
            ids = [ligne["id"] for ligne in await find_services(conn, parse_recherche("bourg"))][::-1]
            assert [ligne["id"] for ligne in await read_services(conn, [*ids, 10**9])] == ids
            assert await read_services(conn, []) == []


class TestLesMotsSuivent:
    """The database writes what is searched: nobody who changes a service can forget it."""

    @pytest.mark.parametrize(
        ("ordre", "apres"),
        [
            ("UPDATE service_fiscal SET libelle = 'SIP DU MORVAN' WHERE sages = '5800002'", "morvan"),
            ("UPDATE service_fiscal SET ville = 'ÉTAULES' WHERE sages = '5800002'", "etaules"),
            ("UPDATE service_fiscal SET code_postal = '17750' WHERE sages = '5800002'", "17750"),
            ("UPDATE site SET ville = 'SAINT-CIERS' WHERE ville = 'BLAYE'", "st ciers"),
            ("UPDATE service_fiscal SET type_code = 'SIE' WHERE sages = '5800002'", "sie"),
        ],
    )
    async def test_a_change_is_found_at_once(self, outils: Outils, ordre: str, apres: str) -> None:
        await build_annuaire(outils)
        async with outils.db.engine.begin() as conn:
            await conn.execute(
                text(
                    "INSERT INTO type_service (code, libelle, famille, par_adresse, comptable, ordre)"
                    " VALUES ('SIE', 'SIE', 'SIE', TRUE, TRUE, 2)"
                )
            )
        assert await find(outils, apres) == []
        async with outils.db.engine.begin() as conn:
            await conn.execute(text(ordre))
        assert len(await find(outils, apres)) == 1

    async def test_a_service_taken_out_leaves_nothing(self, outils: Outils) -> None:
        async with outils.db.engine.begin() as conn:
            await build_service(conn)
            assert (await conn.execute(text("SELECT count(*) FROM service_recherche"))).scalar_one() == 1
            await conn.execute(text("TRUNCATE service_fiscal CASCADE"))
            assert (await conn.execute(text("SELECT count(*) FROM service_recherche"))).scalar_one() == 0


class TestLesReglages:
    """What the environment may say of the outside."""

    PRODUCTION: ClassVar[dict[str, str]] = {
        "DATABASE_URL": "postgresql://x/y",
        "REDIS_URL": "redis://x",
        "SECRET_KEY": "s" * 40,
        "BASE_URL": "https://rdv.example.fr",
    }

    @pytest.mark.parametrize(
        "valeur",
        [
            "*",
            "https://*.example.fr",
            "http://mairie.example.fr",
            "https://a.fr/page",
            "https://a.fr; script-src *",
            "'self'",
        ],
    )
    def test_only_whole_secure_origins_may_frame(self, valeur: str) -> None:
        with pytest.raises(ConfigurationInvalide, match="INTEGRATEURS"):
            load({**self.PRODUCTION, "INTEGRATEURS": valeur})

    def test_origins_are_separated_by_spaces_or_commas(self) -> None:
        lus = load({**self.PRODUCTION, "INTEGRATEURS": "https://a.example.fr, https://b.example.fr:8443"})
        assert lus.integrateurs == ("https://a.example.fr", "https://b.example.fr:8443")
        assert load(self.PRODUCTION).integrateurs == ()

    def test_streets_travel_over_tls(self) -> None:
        with pytest.raises(ConfigurationInvalide, match="GEOCODEUR_URL"):
            load({**self.PRODUCTION, "GEOCODEUR_URL": "http://ban.example.fr"})
        assert (
            load({**self.PRODUCTION, "GEOCODEUR_URL": "https://ban.example.fr/"}).geocodeur_url
            == "https://ban.example.fr"
        )
