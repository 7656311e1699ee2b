"""[A1 §3.2] « Liste des RDV »: those of all the services of the zone, filtered, sorted, by pages; arrival in place."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from app import clock
from app.booking.agents.liste_filtres import LIGNES, Filtre, parse_filtre
from app.errors import SaisieInvalide
from app.tables import ContreAppel
from app.web.securite import csrf_token
from tests.accueil.monde import JOUR, Journee
from tests.booking.agents.delegues import book_for, entrust
from tests.booking.agents.outillage import DEMAIN, service_ordinaire, texte
from tests.booking.agents.test_agenda import en_process
from tests.booking.agents.test_droits import count_refus, find_unscoped
from tests.fixtures.donnees import MondeService

URL = "/agent/rendez-vous"
_NOMS = re.compile(r"data-nom>([^<]+)<")


@dataclass(frozen=True, slots=True)
class Monde:
    """Two services of one agent's zone, a third that is not; RDV by name."""

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
    passe = JOUR - timedelta(days=3)
    rdv = {
        "Rey": await journee.book(nord, "09:20", "Rey"),
        "Arrivee": await journee.book(nord, "10:00", "Arrivee", etat="arrive"),
        "Annule": await journee.book(nord, "10:20", "Annule", etat="annule"),
        "Absent": await journee.book(nord, "08:00", "Absent", etat="non_honore"),
        "Wayne": await journee.book(sud, "08:20", "Wayne", guichet=1),
        "Telephone": await journee.book(sud, "14:00", "Telephone", type_rdv="telephone"),
        "Demain": await journee.book(sud, "08:40", "Demain", jour=DEMAIN, motif_id=sud.motifs[1]),
        "Ailleurs": await journee.book(tiers, "11:00", "Ailleurs"),
    }
    async with journee.outils.db.engine.begin() as conn:
        await conn.execute(
            insert(ContreAppel).values(
                rdv_id=rdv["Demain"],
                agent_id=nord.agents["agent"],
                jour=passe,
                resultat="sans_reponse",
                commentaire="Pas de réponse",
                annule_rdv=False,
                cree_a=clock.now(),
            )
        )
    return Monde(nord, sud, tiers, rdv)


async def lire(journee: Journee, agent: int, suite: str = "") -> Any:
    async with journee.client(agent) as client:
        return await client.get(URL + suite)


async def noms(journee: Journee, monde: Monde, suite: str = "") -> list[str]:
    """The surnames listed, in order."""
    reponse = await lire(journee, monde.agent, suite)
    assert reponse.status_code == 200, reponse.text
    return [nom.split()[0].capitalize() for nom in _NOMS.findall(reponse.text)]


class TestZone:
    """« Les rendez-vous de tous les services du tableau de bord sont présentés »."""

    async def test_every_service_of_the_zone_over_the_next_week_and_nothing_else(
        self, journee: Journee, monde: Monde
    ) -> None:
        assert await noms(journee, monde) == ["Absent", "Wayne", "Rey", "Arrivee", "Telephone", "Demain"]

    async def test_the_columns_of_the_reference_screen_and_the_two_numbers(
        self, journee: Journee, monde: Monde
    ) -> None:
        page = (await lire(journee, monde.agent)).text
        lu = texte(page)
        assert "6 résultats trouvés, affichage de 1 à 6" in lu
        for mot in ("Service", "Date", "Horaires", "Usager", "Type", "Guichet", "Contre-appel", "État", "Arrivée"):
            assert mot in lu
        ligne = texte(re.findall(rf'<tr role="row" id="l-{monde.rdv["Demain"]}".*?</tr>', page, re.S)[0])
        code = await journee.scalar("SELECT code FROM rendez_vous WHERE id = :r", r=monde.rdv["Demain"])
        for mot in ("SIP LYON SUD", "mar. 24/11/2026", "08:40 – 09:00", "DEMAIN Justine", code, "20/11/2026"):
            assert mot in ligne
        assert f"FI{monde.rdv['Demain']}" in ligne
        assert f"/services/{monde.sud.id}/agenda?jour=2026-11-24" in page
        assert f'href="/rendez-vous/{monde.rdv["Demain"]}"' in page

    async def test_what_a_service_entrusts_is_listed_with_who_receives_it(self, journee: Journee) -> None:
        a = await service_ordinaire(journee, libelle="SIP QUI CONFIE")
        b = await service_ordinaire(journee, libelle="SIP QUI RECOIT")
        rdv = await book_for(journee, a, b, await entrust(journee, a, b), "11:00")
        vu_de_a = texte((await lire(journee, a.agents["agent"])).text)
        assert "CONFIE Justine" in vu_de_a
        assert "Reçu par SIP QUI RECOIT" in vu_de_a
        assert "Noté par le service qui reçoit" in vu_de_a
        page_b = (await lire(journee, b.agents["agent"])).text
        assert "pour SIP QUI CONFIE" in texte(page_b)
        assert f"/rendez-vous/{rdv}/arrivee" in page_b


class TestDroits:
    """[C §4] The list is that of who holds the agendas."""

    @pytest.mark.parametrize("qui", ["exterieur", "pilote", "national"])
    @pytest.mark.parametrize("suite", ["", "/fragment", "/recherche"])
    async def test_who_is_attached_to_nothing_has_no_list_and_leaves_a_line(
        self, journee: Journee, monde: Monde, qui: str, suite: str
    ) -> None:
        agent = monde.nord.agents[qui]
        avant = await count_refus(journee, agent)
        reponse = await lire(journee, agent, suite)
        assert reponse.status_code == 404
        assert await count_refus(journee, agent) == avant + 1

    async def test_another_service_s_id_is_a_404_journaled(self, journee: Journee, monde: Monde) -> None:
        avant = await count_refus(journee, monde.agent)
        assert (await lire(journee, monde.agent, f"?service={monde.tiers.id}")).status_code == 404
        assert await count_refus(journee, monde.agent) == avant + 1

    async def test_another_service_s_guichet_shows_nothing(self, journee: Journee, monde: Monde) -> None:
        assert await noms(journee, monde, f"?guichet={monde.tiers.guichets[0]}") == []

    async def test_the_reading_is_journaled_with_its_period_and_no_name(self, journee: Journee, monde: Monde) -> None:
        await noms(journee, monde, f"?du={JOUR}&au={DEMAIN}&etat=prevu")
        derniere = await journee.scalar("SELECT apres FROM journal WHERE action = 'liste.lue' ORDER BY id DESC LIMIT 1")
        assert derniere == {"du": str(JOUR), "au": str(DEMAIN), "etat": "prevu"}

    async def test_the_refreshes_of_a_page_belong_to_its_opening(self, journee: Journee, monde: Monde) -> None:
        requete = f"?du={JOUR}&au={JOUR}&lignes=50"
        compte = "SELECT count(*) FROM journal WHERE action = 'liste.lue' AND agent_id = :a"
        avant = await journee.scalar(compte, a=monde.agent)
        for suite in (requete, f"/fragment{requete}", f"/fragment{requete}"):
            assert (await lire(journee, monde.agent, suite)).status_code == 200
        assert await journee.scalar(compte, a=monde.agent) == avant + 1


class TestCriteres:
    """« Afficher les RDV du … au … »: period, service, guichet, state, type, motif."""

    @pytest.mark.parametrize(
        ("suite", "attendus"),
        [
            ("?du=2026-11-24", ["Demain"]),
            ("?au=2026-11-23&type=telephone", ["Telephone"]),
            ("?etat=tous&au=2026-11-23&service={nord}", ["Absent", "Rey", "Arrivee", "Annule"]),
            ("?etat=annule", ["Annule"]),
            ("?etat=arrive", ["Arrivee"]),
            ("?service={sud}", ["Wayne", "Telephone", "Demain"]),
            ("?guichet={guichet}", ["Wayne"]),
            ("?motif={motif}", ["Demain"]),
            ("?du=2026-11-20&au=2026-11-21", []),
        ],
    )
    async def test_each_criterion_narrows_the_list(
        self, journee: Journee, monde: Monde, suite: str, attendus: list[str]
    ) -> None:
        nord, sud = monde.nord, monde.sud
        chemin = suite.format(nord=nord.id, sud=sud.id, guichet=sud.guichets[1], motif=sud.motifs[1])
        assert await noms(journee, monde, chemin) == attendus

    @pytest.mark.parametrize(
        ("tri", "attendus"),
        [
            ("usager", ["Absent", "Arrivee", "Demain", "Rey", "Telephone", "Wayne"]),
            ("service", ["Absent", "Rey", "Arrivee", "Wayne", "Telephone", "Demain"]),
            ("type", ["Absent", "Wayne", "Rey", "Arrivee", "Demain", "Telephone"]),
            ("contre-appel", ["Demain", "Absent", "Wayne", "Rey", "Arrivee", "Telephone"]),
            ("etat", ["Wayne", "Rey", "Telephone", "Demain", "Arrivee", "Absent"]),
            ("guichet", ["Absent", "Rey", "Arrivee", "Telephone", "Demain", "Wayne"]),
        ],
    )
    async def test_a_column_sorts_the_list_both_ways(
        self, journee: Journee, monde: Monde, tri: str, attendus: list[str]
    ) -> None:
        assert await noms(journee, monde, f"?tri={tri}&sens=asc") == attendus
        inverse = await noms(journee, monde, f"?tri={tri}&sens=desc")
        assert sorted(inverse) == sorted(attendus)
        if tri != "contre-appel":  # rows without a date stay last, either way
            assert inverse == attendus[::-1]
        else:
            assert inverse[0] == "Demain"

    async def test_pages_follow_each_other_and_the_last_stands_for_those_beyond(
        self, journee: Journee, monde: Monde
    ) -> None:
        for i in range(12):
            await journee.book(
                monde.sud, f"{8 + i // 3:02d}:{i % 3 * 20:02d}", f"Page{i:02d}", jour=JOUR + timedelta(3)
            )
        periode = f"?du={JOUR + timedelta(3)}&au={JOUR + timedelta(3)}&lignes=10"
        assert await noms(journee, monde, periode) == [f"Page{i:02d}" for i in range(10)]
        assert await noms(journee, monde, f"{periode}&page=2") == ["Page10", "Page11"]
        assert await noms(journee, monde, f"{periode}&page=9") == ["Page10", "Page11"]
        assert "affichage de 11 à 12" in texte((await lire(journee, monde.agent, f"{periode}&page=2")).text)

    @pytest.mark.parametrize(
        ("suite", "phrase"),
        [
            ("?du=2026-11-30&au=2026-11-20", "La fin de la période précède son début."),
            ("?du=2026-02-31", "Cette date n’existe pas"),
            ("?du=1900-01-01", "Cette date est trop ancienne"),
            ("?du=2100-01-01", "Cette date est trop lointaine"),
            ("?du=2026-01-01&au=2027-06-01", "dépasse un an"),
            ("?etat=option", "Ce choix n’existe pas"),
            ("?type=pigeon", "Ce choix n’existe pas"),
            ("?service=-1", "mal formée"),
            ("?motif=9223372036854775808", "mal formée"),
        ],
    )
    async def test_criteria_that_mean_nothing_are_answered_beside_their_field_and_kept(
        self, journee: Journee, monde: Monde, suite: str, phrase: str
    ) -> None:
        reponse = await lire(journee, monde.agent, suite)
        assert reponse.status_code == 422
        assert phrase in texte(reponse.text)
        assert "data-flux" not in reponse.text
        if suite == "?du=2026-11-30&au=2026-11-20":
            assert 'value="2026-11-20"' in reponse.text

    def test_an_address_says_a_list_in_one_way(self) -> None:
        filtre = parse_filtre({"du": "2026-11-23", "au": "2026-11-30", "lignes": "20", "page": "1", "etat": ""}, JOUR)
        assert filtre == Filtre(JOUR, JOUR + timedelta(7))
        assert filtre.url == "/agent/rendez-vous?du=2026-11-23&au=2026-11-30"
        for nombre in LIGNES:
            assert parse_filtre({"lignes": str(nombre)}, JOUR).lignes == nombre
        with pytest.raises(SaisieInvalide):
            parse_filtre({"lignes": "1000"}, JOUR)


class TestArrivee:
    """« En un clic »; the day itself only, frozen from the next day [A1 §3.2]."""

    async def test_the_button_is_there_today_and_its_reason_otherwise(self, journee: Journee, monde: Monde) -> None:
        page = (await lire(journee, monde.agent, f"?du={JOUR}")).text
        assert f"/rendez-vous/{monde.rdv['Rey']}/arrivee?retour=/agent/rendez-vous%3Fdu" in page
        assert f"/rendez-vous/{monde.rdv['Arrivee']}/arrivee/annulation" in page
        assert f"/rendez-vous/{monde.rdv['Demain']}/arrivee" not in page
        assert "À noter le jour même" in page
        assert f"/rendez-vous/{monde.rdv['Telephone']}/arrivee" not in page

    async def test_yesterday_s_presence_is_frozen(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "15:00", jour=JOUR - timedelta(3))
        page = (await lire(journee, service.agents["agent"], f"?du={JOUR - timedelta(3)}")).text
        assert "Présence figée depuis le lendemain" in page
        assert f"/rendez-vous/{rdv}/arrivee" not in page

    async def test_without_script_one_goes_back_to_the_same_list(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "09:00")
        async with journee.client(service.agents["agent"]) as client:
            page = (await client.get(f"{URL}?du={JOUR}&au={JOUR}&tri=usager&sens=desc")).text
            action = re.findall(rf'formaction="(/rendez-vous/{rdv}/arrivee\?[^"]+)"', page)[0]
            reponse = await client.post(action)
        assert reponse.status_code == 303
        assert reponse.headers["location"] == f"{URL}?du={JOUR}&au={JOUR}&tri=usager&sens=desc"
        assert await journee.scalar("SELECT etat FROM rendez_vous WHERE id = :r", r=rdv) == "arrive"


class TestDirect:
    """Live as far as one connection can follow; never pretending beyond."""

    async def test_the_page_follows_each_service_shown(self, journee: Journee, monde: Monde) -> None:
        page = (await lire(journee, monde.agent)).text
        assert f'data-flux="service:{monde.nord.id} service:{monde.sud.id}"' in page
        page = (await lire(journee, monde.agent, f"?service={monde.sud.id}")).text
        assert f'data-flux="service:{monde.sud.id}"' in page

    async def test_a_zone_too_wide_says_that_it_is_not_live(self, journee: Journee) -> None:
        seul = await service_ordinaire(journee)
        for _ in range(20):
            await journee.attach(seul.agents["agent"], await journee.service())
        page = (await lire(journee, seul.agents["agent"])).text
        assert "data-flux" not in page
        assert "Cette liste n’est pas en direct : elle couvre 21 services" in texte(page)
        page = (await lire(journee, seul.agents["agent"], f"?service={seul.id}")).text
        assert f'data-flux="service:{seul.id}"' in page


class TestRequetes:
    """Every statement of the list, of its search and of its export that reads people asks the right."""

    async def test_no_statement_reads_people_without_the_right(self, journee: Journee, monde: Monde) -> None:
        async with en_process(journee, monde.nord) as (client, requetes):
            assert "REY Justine" in (await client.get(URL)).text
            assert "REY Justine" in (await client.get(f"{URL}/fragment")).text
            jeton = csrf_token(journee.outils.settings, client.cookies["accueil_session"])
            entetes = {"X-CSRF-Token": jeton, "Origin": journee.site.url}
            trouve = await client.post(f"{URL}/recherche", data={"q": "rey"}, headers=entetes)
            exporte = await client.post(f"{URL}/export", data={}, headers=entetes)
        assert "REY Justine" in trouve.text
        assert "REY Justine" in exporte.text
        assert sum("rdv_usager" in requete for requete in requetes) >= 4
        assert find_unscoped(requetes) == []
