"""[G 2.3.5] Somebody comes to the service that has entrusted his rendez-vous: the desk finds where he is expected."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import pytest

from tests.accueil.monde import Journee
from tests.booking.agents.delegues import book_for, entrust
from tests.booking.agents.outillage import service_ordinaire, texte
from tests.fixtures.delegations import rename
from tests.fixtures.donnees import MondeService

_LIGNE: Final = re.compile(r'<li class="ligne ligne--trouvee".*?</li>', re.S)


@dataclass(frozen=True, slots=True)
class Monde:
    """``a`` entrusts to ``b``, in another town; ``tiers`` has nothing to do with it."""

    a: MondeService
    b: MondeService
    tiers: MondeService
    confie: int


@pytest.fixture(scope="module")
async def monde(journee: Journee) -> Monde:
    a = await service_ordinaire(journee, libelle="SIP DE NEVERS")
    b = await service_ordinaire(journee, libelle="SIP DE COSNE")
    async with journee.outils.db.engine.begin() as conn:
        await rename(conn, b, "SIP DE COSNE", "COSNE-COURS-SUR-LOIRE", "2 rue du Port")
    tiers = await service_ordinaire(journee, departement="89")
    return Monde(a, b, tiers, await book_for(journee, a, b, await entrust(journee, a, b), "11:00", "Egaree"))


async def search(journee: Journee, agent: int, adresse: str, saisie: str = "egaree") -> list[str]:
    """The rows found, as they are."""
    async with journee.client(agent) as client:
        page = await client.post(adresse, data={"q": saisie})
    assert page.status_code == 200
    return _LIGNE.findall(page.text)


def desk(service: MondeService) -> str:
    return f"/sites/{service.site_id}/accueil/recherche"


class TestTrouver:
    """By name or by code, at the desk."""

    @pytest.mark.parametrize("par_code", [False, True], ids=["nom", "code"])
    async def test_it_says_who_receives_where_and_when(self, journee: Journee, monde: Monde, *, par_code: bool) -> None:
        code = await journee.scalar("SELECT code FROM rendez_vous WHERE id = :r", r=monde.confie)
        agent = monde.a.agents["orientation"]
        lignes = await search(journee, agent, desk(monde.a), code if par_code else "egaree")
        assert len(lignes) == 1
        lu = texte(lignes[0])
        for mot in ("11:00", "EGAREE Justine", "Reçu par SIP DE COSNE", "2 rue du Port, 58200 COSNE-COURS-SUR-LOIRE"):
            assert mot in lu
        assert "Guichet" not in lu
        assert "<button" not in lignes[0], "nobody is marked arrived in another town"
        trace = await journee.scalar(
            "SELECT apres FROM journal WHERE action = 'rdv.recherche' AND agent_id = :a ORDER BY id DESC LIMIT 1",
            a=agent,
        )
        assert trace["rdv"] == [monde.confie]

    async def test_who_receives_finds_its_guichet_as_before(self, journee: Journee, monde: Monde) -> None:
        lu = texte((await search(journee, monde.b.agents["orientation"], desk(monde.b)))[0])
        assert "Guichet 1" in lu
        assert "pour SIP DE NEVERS" in lu
        assert "Reçu par" not in lu


class TestQui:
    """The right is in the query."""

    async def test_a_service_that_has_nothing_to_do_with_it_finds_nothing(self, journee: Journee, monde: Monde) -> None:
        assert await search(journee, monde.tiers.agents["orientation"], desk(monde.tiers)) == []
