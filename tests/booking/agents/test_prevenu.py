"""« L’usager est prévenu par … »: what the agents' pages say is what leaves for him, short messages included."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from app.embedded.postgres import Postgres
from app.embedded.redis import RedisServer
from app.embedded.smtp import Smtp
from tests.accueil.monde import Journee, epoch_minute, personne, run_journee
from tests.admin.guichets import send
from tests.admin.test_replacement import base, close_guichet, read_list, tick
from tests.booking.agents.outillage import DEMAIN, service_ordinaire, texte
from tests.booking.agents.test_echange import champs as champs_echange
from tests.booking.agents.test_fiche import agir, lire
from tests.booking.agents.test_fiche_modifier import formulaire
from tests.booking.agents.test_par_code import URL as PAR_CODE
from tests.booking.agents.test_par_code import affiche, champs, horaires
from tests.booking.agents.test_prendre import parcours
from tests.fixtures.donnees import MondeService

FIXE, MOBILE = "+33145678901", "+33612345678"
#: What the usager gave → by what he is written to.
JOIGNABLES: Sequence[tuple[dict[str, Any], str | None]] = (
    ({"courriel": "ada@usagers.test", "telephones": (MOBILE,)}, "mail"),
    ({"telephones": (FIXE, MOBILE)}, "sms"),
    ({"telephones": (FIXE,)}, None),
)
_DITS = {
    "mail": r"prévenus? par courriel|envoyée par courriel",
    "sms": r"prévenus? par SMS|envoyée par SMS",
    None: r"ne (?:reçoit|reçoivent) ni courriel ni SMS",
}


@pytest.fixture(scope="module")
async def journee(
    postgres_server: Postgres,
    modele: str,
    redis_server: RedisServer,
    smtp_server: Smtp,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Journee]:
    """The ordinary day, on a site from which short messages leave."""
    var = tmp_path_factory.mktemp("journee-sms")
    envoi = {"SMS_URL": f"fichier:{var / 'sms'}"}
    async with run_journee(postgres_server, modele, redis_server, smtp_server, var, **envoi) as ouverte:
        yield ouverte


def dit(page: str) -> str | None:
    """By what the page says that the usager is told; fails when it says nothing, or two things."""
    lu = texte(page)
    (canal,) = [canal for canal, phrase in _DITS.items() if re.search(phrase, lu)]
    return canal


async def ecrit(journee: Journee, rdv: int, evenement: str) -> str | None:
    """By what a message of that event was written about the RDV."""
    canal = "SELECT canal FROM courrier WHERE rdv_id = :r AND evenement = :e"
    return await journee.scalar(canal, r=rdv, e=evenement)  # type: ignore[no-any-return]


@pytest.mark.parametrize(("joint", "attendu"), JOIGNABLES, ids=["courriel", "mobile", "fixe"])
class TestCeQuiPart:
    """One rule, that of the sending itself (``app.booking.messages``)."""

    async def book(self, journee: Journee, joint: dict[str, Any], heure: str = "09:00") -> tuple[MondeService, int]:
        service = await service_ordinaire(journee)
        usager = personne("Lovelace", **joint)
        return service, await journee.book(service, heure, jour=DEMAIN, usager=usager)

    async def test_a_move_from_the_fiche_says_it_before_and_after(
        self, journee: Journee, joint: dict[str, Any], attendu: str | None
    ) -> None:
        service, rdv = await self.book(journee, joint)
        page = (await lire(journee, service, f"/rendez-vous/{rdv}/deplacer")).text
        valeur = f"{service.guichets[0]}-{epoch_minute('09:20', jour=DEMAIN)}"
        envoi = formulaire(page, choix=valeur)
        envoi.pop("faire")
        reponse = await agir(journee, service, rdv, "deplacer", json=False, champs=envoi)
        fiche = await lire(journee, service, reponse.headers["location"])
        assert dit(page) == dit(fiche.text.partition('id="fiche"')[0]) == attendu
        assert await ecrit(journee, rdv, "deplacement") == attendu

    async def test_a_drag_in_the_agenda_says_it(
        self, journee: Journee, joint: dict[str, Any], attendu: str | None
    ) -> None:
        service, rdv = await self.book(journee, joint)
        envoi = {"guichet": str(service.guichets[0]), "jour": DEMAIN.isoformat(), "du": "10:00", "revision": "1"}
        reponse = await agir(journee, service, rdv, "deplacer", champs=envoi | {"faire": "deplacer"})
        assert dit(reponse.json()["message"]) == attendu == await ecrit(journee, rdv, "deplacement")

    async def test_a_cancellation_says_it_before_and_after(
        self, journee: Journee, joint: dict[str, Any], attendu: str | None
    ) -> None:
        service, rdv = await self.book(journee, joint)
        page = (await lire(journee, service, f"/rendez-vous/{rdv}/annuler")).text
        envoi = {"revision": "1", "raison": "empêchement"}
        reponse = await agir(journee, service, rdv, "annulation", json=False, champs=envoi)
        fiche = await lire(journee, service, reponse.headers["location"])
        assert dit(page) == dit(fiche.text.partition('id="fiche"')[0]) == attendu
        assert await ecrit(journee, rdv, "annulation") == attendu

    async def test_a_contre_appel_that_cancels_says_it(
        self, journee: Journee, joint: dict[str, Any], attendu: str | None
    ) -> None:
        service, rdv = await self.book(journee, joint)
        page = (await lire(journee, service, f"/rendez-vous/{rdv}/contre-appel")).text
        envoi = {
            "revision": "1", "offert": "1", "resultat": "regle", "annuler": "oui", "confirmer": "oui",
            "commentaire": "Réglé", "jour": "2026-11-23",
        }  # fmt: skip
        fait = await agir(journee, service, rdv, "contre-appel", champs=envoi)
        assert fait.status_code == 200, fait.text
        assert dit(page) == attendu == await ecrit(journee, rdv, "annulation")

    async def test_an_exchange_says_it(self, journee: Journee, joint: dict[str, Any], attendu: str | None) -> None:
        service, rdv = await self.book(journee, joint)
        usager = personne("Babbage", courriel=None, **{k: v for k, v in joint.items() if k != "courriel"})
        if attendu == "mail":
            usager = personne("Babbage", courriel="babbage@usagers.test")
        autre = await journee.book(service, "15:00", "Babbage", jour=DEMAIN, usager=usager)
        async with journee.client(service.agents["agent"]) as client:
            paire = (await client.get(f"/rendez-vous/{rdv}/echanger?avec={autre}")).text
            assert (await client.post(f"/rendez-vous/{rdv}/echange", data=champs_echange(paire))).status_code == 303
        assert dit(paire) == attendu
        assert [await ecrit(journee, r, "deplacement") for r in (rdv, autre)] == [attendu, attendu]

    async def test_by_code_and_name_a_cancellation_says_it_and_shows_no_number(
        self, journee: Journee, joint: dict[str, Any], attendu: str | None
    ) -> None:
        service, rdv = await self.book(journee, joint)
        code = await journee.scalar("SELECT code FROM rendez_vous WHERE id = :r", r=rdv)
        async with journee.client(service.agents["exterieur"]) as client:
            page = await client.post(f"{PAR_CODE}/annuler", data={"code": code, "nom": "Lovelace"})
            envoi = champs(page.text, f"{PAR_CODE}/annuler") | {"faire": "confirmer", "raison": "empêchement"}
            fait = await client.post(f"{PAR_CODE}/annuler", data=envoi)
        assert dit(page.text) == dit(fait.text) == attendu == await ecrit(journee, rdv, "annulation")
        for numero in (MOBILE, "06 12 34", FIXE, "01 45 67", "ada@"):
            assert numero not in page.text + fait.text

    async def test_by_code_and_name_a_move_says_it(
        self, journee: Journee, joint: dict[str, Any], attendu: str | None
    ) -> None:
        service, rdv = await self.book(journee, joint)
        code = await journee.scalar("SELECT code FROM rendez_vous WHERE id = :r", r=rdv)
        async with journee.client(service.agents["exterieur"]) as client:
            page = await client.post(f"{PAR_CODE}/deplacer", data={"code": code, "nom": "Lovelace"})
            envoi = affiche(page.text) | {"faire": "confirmer", "debut": horaires(page.text)[0]}
            fait = await client.post(f"{PAR_CODE}/deplacer", data=envoi)
        assert dit(fait.text) == attendu == await ecrit(journee, rdv, "deplacement")

    async def test_the_confirmation_sent_again_says_where_it_goes(
        self, journee: Journee, joint: dict[str, Any], attendu: str | None
    ) -> None:
        service, rdv = await self.book(journee, joint)
        reponse = await agir(journee, service, rdv, "confirmation", json=False)
        assert reponse.status_code == (422 if attendu is None else 303)
        fiche = await lire(journee, service, f"/rendez-vous/{rdv}?fait=confirmation")
        lu = texte(fiche.text.partition('id="fiche"')[0])
        ou = {"mail": "Elle part à ada@usagers.test", "sms": "Elle part par SMS au 06 12 34 56 78"}
        assert attendu is None or ou[attendu] in lu

    async def test_the_parcours_simplifie_says_it_and_offers_the_letter_to_who_receives_nothing(
        self, journee: Journee, joint: dict[str, Any], attendu: str | None
    ) -> None:
        service = await service_ordinaire(journee)
        telephones = joint["telephones"]
        saisie = {
            "courriel": joint.get("courriel", ""),
            "telephone1": telephones[0],
            "telephone2": telephones[1] if telephones[1:] else "",
        }
        async with parcours(journee, service, "agent") as agent:
            page = (await agent.book(**saisie)).text
        rdv = await journee.scalar("SELECT id FROM rendez_vous WHERE service_id = :s", s=service.id)
        assert dit(page) == attendu == await ecrit(journee, rdv, "confirmation")
        assert ("/lettre" in page) == (attendu is None)

    async def test_the_list_of_those_to_place_again_says_it_before_and_after(
        self, journee: Journee, joint: dict[str, Any], attendu: str | None
    ) -> None:
        service, rdv = await self.book(journee, joint)
        await close_guichet(journee, service)
        async with journee.client(service.agents["chef"]) as client:
            lignes = await read_list(client, service)
            bilan = texte((await send(client, base(service), tick(lignes, rdv))).text)
        avant = {"mail": "Sera prévenu par courriel", "sms": "Sera prévenu par SMS", None: "Sans adresse, à appeler"}
        apres = {"mail": "Courriel en cours d’envoi", "sms": "SMS en cours d’envoi", None: "Sans adresse : à appeler"}
        for canal in avant:
            assert (avant[canal] in lignes[rdv]["texte"]) == (canal == attendu), canal
            assert (apres[canal] in bilan) == (canal == attendu), canal
        assert await ecrit(journee, rdv, "deplacement") == attendu
