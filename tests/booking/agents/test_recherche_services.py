"""« Rechercher les services » [A1 §3.3]: four ways, and what may be done on what they find."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert, text

from app.booking.agents.recherche_services_criteres import Criteres, read_criteres
from app.tables import Commune, Competence, TypeService
from tests.accueil.monde import Journee
from tests.booking.agents.delegues import entrust
from tests.booking.agents.outillage import service_ordinaire, texte
from tests.fixtures.donnees import MondeService

URL = "/agent/services"
TYPES = (
    ("SIP_CDIF", "SIP", True),
    ("SIE", "SIE", True),
    ("CDIF", "CDIF", True),
    ("TRESO_MIXTE", "TRESORERIE", True),
    ("TRESO_SPL", "TRESORERIE", False),
    ("TRESO_AMENDES", "TRESORERIE", False),
    ("DGE", "DGE", False),
    ("DRESG", "DRESG", False),
)


@pytest.fixture(scope="module")
async def annuaire(journee: Journee) -> dict[str, MondeService]:
    """One service of each kind, competent for Nevers; Cosne shares its postal code with Cosnette."""
    services = {"SIP": await service_ordinaire(journee, libelle="SIP DE NEVERS")}
    for code, _, _ in TYPES:
        services[code] = await service_ordinaire(journee, libelle=f"SERVICE {code}")
    async with journee.outils.db.engine.begin() as conn:
        for code, famille, par_adresse in TYPES:
            existe = (await conn.execute(text("SELECT 1 FROM type_service WHERE code = :c"), {"c": code})).scalar()
            if existe is None:
                await conn.execute(
                    insert(TypeService).values(
                        code=code, libelle=code, famille=famille, par_adresse=par_adresse, comptable=True, ordre=2
                    )
                )
            await conn.execute(
                text("UPDATE service_fiscal SET type_code = :c WHERE id = :s"), {"c": code, "s": services[code].id}
            )
        await conn.execute(
            text("UPDATE service_fiscal SET codique = '058045', code_postal = '58015' WHERE id = :s"),
            {"s": services["SIP"].id},
        )
        for insee, nom, postaux, population in (
            ("58194", "NEVERS", ["58000"], 32830),
            ("58086", "COSNE COURS SUR LOIRE", ["58200"], 9746),
            ("58087", "COSNE", ["58200"], 12),
            ("58088", "ALLIGNY COSNE", ["58200"], 900),
        ):
            await conn.execute(
                insert(Commune).values(
                    code_insee=insee,
                    nom=nom.title(),
                    nom_recherche=nom,
                    departement="58",
                    codes_postaux=postaux,
                    population=population,
                )
            )
        for code, service in services.items():
            await conn.execute(insert(Competence).values(code_insee="58194", service_id=service.id, voies=""))
            if code == "SIE":
                await conn.execute(insert(Competence).values(code_insee="58086", service_id=service.id, voies=""))
    return services


async def search(journee: Journee, agent: int, donnees: dict[str, str]) -> Any:
    async with journee.client(agent) as client:
        return await client.post(URL, data=donnees)


def trouves(page: str) -> set[str]:
    """The names of the services in the table."""
    return set(texte(page).split("Actions", 1)[-1].split()) if "table-services" in page else set()


class TestAdresse:
    """« Services compétents pour une adresse en France »: by commune, by kind."""

    @pytest.mark.parametrize(
        ("voulu", "attendus"),
        [
            ("tous", {"SIP", "SIP_CDIF", "SIE", "CDIF", "TRESO_MIXTE"}),
            ("sip", {"SIP", "SIP_CDIF"}),
            ("sip-cdif", {"SIP", "SIP_CDIF", "CDIF"}),
            ("sie", {"SIE"}),
            ("cdif", {"CDIF", "SIP_CDIF"}),
            ("tresorerie", {"TRESO_MIXTE"}),
        ],
        ids=["tous", "sip", "sip-cdif", "sie", "cdif", "tresorerie"],
    )
    async def test_each_kind_finds_its_services_and_never_a_specialised_tresorerie(
        self, journee: Journee, annuaire: dict[str, MondeService], voulu: str, attendus: set[str]
    ) -> None:
        agent = annuaire["SIP"].agents["exterieur"]
        page = await search(journee, agent, {"mode": "adresse", "code_postal": "58000", "type": voulu})
        assert page.status_code == 200
        trouve = {code for code, service in annuaire.items() if f"/services/{service.id}/detail" in page.text}
        assert trouve == attendus

    async def test_the_criteria_are_recalled_and_the_street_is_in_no_address(
        self, journee: Journee, annuaire: dict[str, MondeService]
    ) -> None:
        agent = annuaire["SIP"].agents["exterieur"]
        criteres = {"mode": "adresse", "voie": "12 rue des Secrets", "localite": "Nevers", "code_postal": "58000"}
        page = await search(journee, agent, {**criteres, "type": "sip"})
        lu = texte(page.text)
        for rappel in ("Rappel des critères", "12 rue des Secrets", "Nevers", "58000", "SIP"):
            assert rappel in lu
        adresse = page.text.split('<meta name="adresse" content="')[1].split('"')[0]
        assert "Secrets" not in adresse
        assert "58000" in adresse
        change = await search(journee, agent, {**criteres, "type": "sip", "faire": "modifier"})
        assert 'value="12 rue des Secrets"' in change.text
        assert "Rappel des critères" not in change.text
        async with journee.client(agent) as client:
            rouverte = await client.get(adresse.replace("&amp;", "&"))
        assert f"/services/{annuaire['SIP'].id}/detail" in rouverte.text

    async def test_an_exact_commune_comes_before_those_that_only_begin_so(
        self, journee: Journee, annuaire: dict[str, MondeService]
    ) -> None:
        agent = annuaire["SIP"].agents["exterieur"]
        exacte = await search(journee, agent, {"mode": "adresse", "code_postal": "58200", "localite": "cosne"})
        assert "De quelle commune" not in exacte.text, "the name is that of one commune"
        debut = await search(journee, agent, {"mode": "adresse", "code_postal": "58200", "localite": "cosn"})
        noms = [nom for nom in ("Cosne Cours Sur Loire", "Cosne<", "Alligny Cosne") if nom in debut.text]
        assert len(noms) == 3
        assert debut.text.index("Cosne Cours Sur Loire</a>") < debut.text.index("Alligny Cosne</a>")

    async def test_the_communes_of_a_postal_code_are_proposed_as_links(
        self, journee: Journee, annuaire: dict[str, MondeService]
    ) -> None:
        agent = annuaire["SIP"].agents["exterieur"]
        page = await search(journee, agent, {"mode": "adresse", "code_postal": "58200"})
        assert "De quelle commune s’agit-il" in texte(page.text)
        lien = next(part for part in page.text.split('href="') if "insee=58086" in part.split('"')[0]).split('"')[0]
        async with journee.client(agent) as client:
            choisie = await client.get(lien.replace("&amp;", "&"))
        assert "De quelle commune" not in choisie.text
        assert f"/services/{annuaire['SIE'].id}/detail" in choisie.text

    async def test_while_the_commune_is_asked_for_it_is_not_said_that_there_is_no_service(
        self, journee: Journee, annuaire: dict[str, MondeService]
    ) -> None:
        agent = annuaire["SIP"].agents["exterieur"]
        page = await search(journee, agent, {"mode": "adresse", "code_postal": "58200", "type": "tresorerie"})
        assert "De quelle commune s’agit-il" in texte(page.text)
        assert "Aucun service ne répond" not in texte(page.text)

    async def test_a_cedex_or_a_town_unknown_to_the_directory_finds_who_stands_there_or_the_departement(
        self, journee: Journee, annuaire: dict[str, MondeService]
    ) -> None:
        agent = annuaire["SIP"].agents["exterieur"]
        cedex = await search(journee, agent, {"mode": "adresse", "code_postal": "58015", "localite": "NEVERS CEDEX"})
        assert f"/services/{annuaire['SIP'].id}/detail" in cedex.text
        large = await search(journee, agent, {"mode": "adresse", "code_postal": "58999", "type": "sie"})
        assert "voici ceux du département" in texte(large.text)
        rien = await search(journee, agent, {"mode": "adresse", "code_postal": "13001"})
        assert "Aucun service ne répond à ces critères" in texte(rien.text)

    @pytest.mark.parametrize("postal", ["", "5800", "ABCDE", "٥٨٠٠٠"], ids=["vide", "court", "lettres", "arabe"])
    async def test_a_postal_code_is_asked_for(
        self, journee: Journee, annuaire: dict[str, MondeService], postal: str
    ) -> None:
        agent = annuaire["SIP"].agents["exterieur"]
        page = await search(journee, agent, {"mode": "adresse", "code_postal": postal, "localite": "Nevers"})
        assert page.status_code == 422
        assert "5 chiffres du code postal" in texte(page.text)
        assert 'value="Nevers"' in page.text


class TestAutres:
    """The DGE, the DRESG, and codes: the only way to a specialised trésorerie."""

    @pytest.mark.parametrize(("mode", "code"), [("dge", "DGE"), ("dresg", "DRESG")])
    async def test_each_direction_has_its_own_way(
        self, journee: Journee, annuaire: dict[str, MondeService], mode: str, code: str
    ) -> None:
        async with journee.client(annuaire["SIP"].agents["exterieur"]) as client:
            page = await client.get(f"{URL}?mode={mode}")
        trouve = {c for c, service in annuaire.items() if f"/services/{service.id}/detail" in page.text}
        assert trouve == {code}

    @pytest.mark.parametrize("code", ["TRESO_SPL", "TRESO_AMENDES", "SIP", "DGE"])
    async def test_a_sages_finds_any_service(
        self, journee: Journee, annuaire: dict[str, MondeService], code: str
    ) -> None:
        service = annuaire[code]
        sages = await journee.scalar("SELECT sages FROM service_fiscal WHERE id = :s", s=service.id)
        page = await search(journee, service.agents["exterieur"], {"mode": "code", "code": f" {sages[:3]} {sages[3:]}"})
        assert f"/services/{service.id}/detail" in page.text
        assert f"Code SAGES {sages}" in texte(page.text).replace(" : ", " ")

    async def test_a_codique_finds_its_service_shown_as_the_associated_code(
        self, journee: Journee, annuaire: dict[str, MondeService]
    ) -> None:
        page = await search(journee, annuaire["SIP"].agents["exterieur"], {"mode": "code", "code": "058045"})
        assert '<td data-titre="Code associé">058045</td>' in page.text

    @pytest.mark.parametrize("code", ["", "12", "12345678", "ABCDEF"])
    async def test_what_is_no_code_is_said(
        self, journee: Journee, annuaire: dict[str, MondeService], code: str
    ) -> None:
        page = await search(journee, annuaire["SIP"].agents["exterieur"], {"mode": "code", "code": code})
        assert page.status_code == 422
        assert "7 chiffres d’un SAGES" in texte(page.text)


class TestActions:
    """The actions of the reference screen, according to rights."""

    async def actions(self, journee: Journee, service: MondeService, agent: int) -> str:
        sages = await journee.scalar("SELECT sages FROM service_fiscal WHERE id = :s", s=service.id)
        return str((await search(journee, agent, {"mode": "code", "code": sages})).text)

    @pytest.mark.parametrize(
        ("qui", "offertes"),
        [
            ("exterieur", {"detail", "prendre"}),
            ("agent", {"detail", "prendre", "agenda"}),
            ("chef", {"detail", "prendre", "agenda", "organiser"}),
            ("national", {"detail", "prendre", "organiser"}),
        ],
    )
    async def test_each_agent_is_offered_what_he_may_do(self, journee: Journee, qui: str, offertes: set[str]) -> None:
        service = await service_ordinaire(journee)
        page = await self.actions(journee, service, service.agents[qui])
        connues = ("detail", "prendre", "agenda", "organiser")
        assert {a for a in connues if f'href="/services/{service.id}/{a}"' in page} == offertes

    async def test_a_service_that_takes_no_externals_says_so(self, journee: Journee) -> None:
        service = await service_ordinaire(journee, canaux=["internet", "rattache"])
        page = await self.actions(journee, service, service.agents["exterieur"])
        assert "N’accepte pas les agents extérieurs" in texte(page)
        assert f"/services/{service.id}/prendre" not in page
        autre = await service_ordinaire(journee)
        await entrust(journee, service, autre)
        assert f"/services/{service.id}/prendre" in await self.actions(journee, service, service.agents["exterieur"])

    async def test_pilotage_alone_is_refused(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        async with journee.client(service.agents["pilote"]) as client:
            assert (await client.get(URL)).status_code == 403

    async def test_an_unknown_field_is_refused(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        page = await search(journee, service.agents["exterieur"], {"mode": "code", "code": "1", "service_id": "1"})
        assert page.status_code == 422


class TestCriteres:
    """What was typed, understood."""

    @pytest.mark.parametrize(
        ("localite", "commune"),
        [("Nevers Cedex 9", "NEVERS"), ("St-Étienne", "SAINT ETIENNE"), ("  ste  foy ", "SAINTE FOY"), ("", "")],
        ids=["cedex", "saint", "sainte", "vide"],
    )
    def test_a_locality_is_compared_without_its_ornaments(self, localite: str, commune: str) -> None:
        assert Criteres("adresse", localite=localite).commune == commune

    def test_a_mode_or_a_type_that_does_not_exist_is_none(self) -> None:
        lus, demande = read_criteres({"mode": "x", "type": "y", "code_postal": "58 000", "insee": "5'; --"})
        assert (lus.mode, lus.type, lus.code_postal, lus.insee, demande) == ("adresse", "tous", "58000", "", True)
