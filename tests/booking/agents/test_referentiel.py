"""« Rechercher l'utilisateur par son identifiant », where the administration's register is configured [A1 §3.2]."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import date
from typing import Any

import pytest

from app.booking.agents.identite import merge
from app.booking.forms import UsagerSaisi
from app.config import ConfigurationInvalide, load
from app.embedded.postgres import Postgres
from app.embedded.redis import RedisServer
from app.embedded.smtp import Smtp
from tests.accueil.monde import Journee, personne, run_journee
from tests.booking.agents.outillage import NUMERO_FISCAL, SIREN, formulaire, post_rdv, service_ordinaire, texte
from tests.booking.agents.registre import Registre, run_registre
from tests.booking.agents.test_prise import valeurs

CLE = "cle-du-referentiel"
VALENTON = {
    "nature": "particulier",
    "civilite": "monsieur",
    "nom_usage": "Valenton",
    "nom_naissance": "Durand",
    "prenoms": "Philippe Jean",
    "date_naissance": "1945-01-10",
    "telephones": ["06 55 55 55 55"],
    "courriel": "pthval@usagers.test",
}


@pytest.fixture(scope="module")
def serveur_registre() -> Iterator[Registre]:
    with run_registre() as ouvert:
        yield ouvert


@pytest.fixture
def registre(serveur_registre: Registre) -> Registre:
    serveur_registre.repair()
    return serveur_registre


@pytest.fixture(scope="module")
async def relie(
    postgres_server: Postgres,
    modele: str,
    redis_server: RedisServer,
    smtp_server: Smtp,
    tmp_path_factory: pytest.TempPathFactory,
    serveur_registre: Registre,
) -> AsyncIterator[Journee]:
    """A site whose register is the one of the test."""
    async with run_journee(
        postgres_server,
        modele,
        redis_server,
        smtp_server,
        tmp_path_factory.mktemp("registre"),
        REFERENTIEL_URL=serveur_registre.url,
        REFERENTIEL_CLE=CLE,
    ) as ouverte:
        yield ouverte


async def cherche(journee: Journee, **plus: Any) -> Any:
    """An attached agent presses « Rechercher l'usager », nothing else typed."""
    service = await service_ordinaire(journee)
    vides = dict.fromkeys(("nom_usage", "prenoms", "civilite", "telephone1"), "")
    return await post_rdv(journee, service, formulaire(service, faire="rechercher", **vides, **plus))


class TestRechercheAuReferentiel:
    """The register's name, our last contacts."""

    async def test_a_person_unknown_here_fills_the_form(self, relie: Journee, registre: Registre) -> None:
        registre.connus[NUMERO_FISCAL] = VALENTON
        page = await cherche(relie, numero_fiscal="30 23 217 600 053")
        lus = valeurs(page.text)
        assert page.status_code == 200
        assert (lus["nom_usage"], lus["nom_naissance"], lus["prenoms"]) == ("Valenton", "Durand", "Philippe Jean")
        assert (lus["date_naissance"], lus["telephone1"]) == ("10/01/1945", "06 55 55 55 55")
        assert lus["courriel"] == "pthval@usagers.test"
        assert "Identité reprise du référentiel" in texte(page.text)

    async def test_the_number_travels_in_the_body_with_the_key_never_in_the_address(
        self, relie: Journee, registre: Registre
    ) -> None:
        await cherche(relie, numero_fiscal=NUMERO_FISCAL)
        assert registre.demandes == [("/personnes", {"numero_fiscal": NUMERO_FISCAL}, f"Bearer {CLE}")]
        assert NUMERO_FISCAL not in relie.site.journal.read_text(encoding="utf-8")

    async def test_a_company_is_found_by_its_siren(self, relie: Journee, registre: Registre) -> None:
        registre.connus[SIREN] = {"raison_sociale": "Boulangerie du Pont", "contact": "Anne Roy"}
        page = await cherche(relie, nature="professionnel", siren=SIREN)
        lus = valeurs(page.text)
        assert (lus["raison_sociale"], lus["contact"], lus["siren"]) == ("Boulangerie du Pont", "Anne Roy", SIREN)

    async def test_its_answer_is_journaled_as_a_read_of_a_register(self, relie: Journee, registre: Registre) -> None:
        registre.connus[NUMERO_FISCAL] = VALENTON
        await cherche(relie, numero_fiscal=NUMERO_FISCAL)
        trace = await relie.scalar(
            "SELECT apres FROM journal WHERE action = 'usager.recherche' ORDER BY id DESC LIMIT 1"
        )
        assert trace["registre"] is True
        assert NUMERO_FISCAL not in str(trace)

    async def test_the_contacts_given_at_the_last_visit_are_kept(self, relie: Journee, registre: Registre) -> None:
        registre.connus[NUMERO_FISCAL] = VALENTON
        service = await service_ordinaire(relie)
        ancien = personne("Valanton", "Philipe", numero_fiscal=NUMERO_FISCAL, courriel="neuf@usagers.test")
        await relie.book(service, "15:00", usager=ancien)
        page = await post_rdv(relie, service, formulaire(service, faire="rechercher", numero_fiscal=NUMERO_FISCAL))
        lus = valeurs(page.text)
        assert (lus["nom_usage"], lus["prenoms"]) == ("Valenton", "Philippe Jean"), "the register spells better"
        assert (lus["telephone1"], lus["courriel"]) == ("06 39 98 00 01", "neuf@usagers.test")
        assert "coordonnées de la dernière visite" in texte(page.text)


class TestReferentielEnFaute:
    """An agent is on the phone with somebody: what is known here is shown, and what is missing said."""

    @pytest.mark.parametrize(
        ("statut", "brut", "attente_s"),
        [
            (503, None, 0),
            (302, None, 0),
            (200, b"<html>", 0),
            (200, b"[1, 2]", 0),
            (200, b"{" + b" " * 100_000 + b"}", 0),
            (200, b"\xff\xfe", 0),
            (200, b"{}", 4),
        ],
        ids=["panne", "redirection", "page", "liste", "immense", "octets", "lent"],
    )
    async def test_it_is_said_and_the_form_goes_on(
        self, relie: Journee, registre: Registre, statut: int, brut: bytes | None, attente_s: float
    ) -> None:
        registre.connus[NUMERO_FISCAL] = VALENTON
        registre.statut, registre.brut, registre.attente_s = statut, brut, attente_s
        service = await service_ordinaire(relie)
        page = await post_rdv(relie, service, formulaire(service, faire="rechercher", numero_fiscal=NUMERO_FISCAL))
        assert page.status_code == 200
        assert "Le référentiel des usagers ne répond pas." in texte(page.text)
        assert valeurs(page.text)["nom_usage"] == "Valenton", "what was typed stays"
        enregistre = await post_rdv(relie, service, formulaire(service, numero_fiscal=NUMERO_FISCAL))
        assert enregistre.status_code == 303

    async def test_what_the_form_would_refuse_is_left_out(self, relie: Journee, registre: Registre) -> None:
        registre.connus[NUMERO_FISCAL] = {
            **VALENTON,
            "numero_fiscal": "9999999999999",
            "nature": "professionnel",
            "prenoms": "Phil\u202eippe",
            "date_naissance": "31/02/1945",
            "telephones": ["abc", "06 55 55 55 55", 7, {"x": 1}],
            "courriel": "a@b.fr, c@d.fr",
            "nom_naissance": "<script>alert(1)</script>",
        }
        page = await cherche(relie, numero_fiscal=NUMERO_FISCAL)
        lus = valeurs(page.text)
        assert page.status_code == 200
        assert (lus["nom_usage"], lus["numero_fiscal"]) == ("Valenton", NUMERO_FISCAL)
        assert (lus["prenoms"], lus["date_naissance"], lus["courriel"]) == ("", "", "")
        assert lus["telephone1"] == "06 55 55 55 55"
        assert "<script>alert" not in page.text

    async def test_an_answer_without_a_name_is_nobody(self, relie: Journee, registre: Registre) -> None:
        registre.connus[NUMERO_FISCAL] = {"civilite": "madame"}
        page = await cherche(relie, numero_fiscal=NUMERO_FISCAL)
        assert "Aucun usager connu avec ce numéro" in texte(page.text)


LOCAL: dict[str, Any] = {
    **dict.fromkeys(("prenoms", "nom_naissance", "raison_sociale", "contact"), ""),
    "nom_usage": "Rey",
    "civilite": None,
    "date_naissance": None,
    "telephones": [],
    "courriel": "r@rey.test",
    "rdv_id": 7,
}


class TestFusion:
    """Rules without any server."""

    async def test_each_completes_the_other_where_it_is_silent(self) -> None:
        civil = UsagerSaisi(
            "particulier", nom_usage="REY", date_naissance=date(1980, 2, 3), telephones=("+33655555555",)
        )
        connu = merge(LOCAL, civil)
        assert connu is not None
        assert (connu["nom_usage"], connu["date_naissance"]) == ("REY", date(1980, 2, 3))
        assert (connu["telephones"], connu["courriel"]) == (("+33655555555",), "r@rey.test")
        assert connu["rdv_id"] == 7

    async def test_without_a_register_what_is_ours_is_unchanged(self) -> None:
        assert merge(LOCAL, None) is LOCAL
        assert merge(None, None) is None


class TestConfiguration:
    """Names travel on it."""

    async def test_production_refuses_it_in_clear(self) -> None:
        base = {
            "DATABASE_URL": "postgresql://x", "REDIS_URL": "redis://x", "SECRET_KEY": "k" * 40, "BASE_URL": "https://rdv.test"
        }  # fmt: skip
        with pytest.raises(ConfigurationInvalide, match="REFERENTIEL_URL"):
            load({**base, "REFERENTIEL_URL": "http://registre.test"})
        assert load({**base, "REFERENTIEL_URL": "https://registre.test"}).referentiel_url == "https://registre.test"
