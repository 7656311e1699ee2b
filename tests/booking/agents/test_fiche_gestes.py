"""The fiche whole: what may be done, the other RDV of the person, who is assigned, the confirmation again [A1 §3.2]."""

from __future__ import annotations

import html
import re
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from app.booking.agents.boutons import FIGEE
from app.booking.agents.dossier_externe import build_lien
from app.booking.forms import UsagerSaisi
from app.config import ConfigurationInvalide, load
from tests.accueil.monde import Journee, personne
from tests.booking.agents.delegues import book_for, entrust
from tests.booking.agents.outillage import DEMAIN, NUMERO_FISCAL, SIREN, service_ordinaire, texte
from tests.booking.agents.test_fiche import agir, lire
from tests.booking.agents.test_fiche_modifier import formulaire
from tests.fixtures.donnees import MondeService

RACINE = Path(__file__).parents[3]


def gestes(page: str) -> list[str]:
    """Pages that the fiche leads to, in order."""
    return re.findall(r'<a class="fr-link fr-icon-[^"]*" href="/rendez-vous/\d+/([\w-]+)"', page)


async def fiche(journee: Journee, service: MondeService, rdv: int, agent: str = "agent") -> str:
    return str((await lire(journee, service, f"/rendez-vous/{rdv}", agent)).text)


async def backdate(journee: Journee, rdv: int, jours: int = 1) -> None:
    """As if it had been that many days earlier."""
    async with journee.outils.db.engine.begin() as conn:
        await conn.exec_driver_sql(
            f"UPDATE rendez_vous SET jour = jour - {jours}, debut = debut - interval '{jours} days',"
            f" fin = fin - interval '{jours} days' WHERE id = {rdv}"
        )


class TestGestes:
    """What the state allows, the most used first, each with its key."""

    @pytest.mark.parametrize(
        ("etat", "attendus"),
        [
            ("prevu", ["deplacer", "echanger", "modifier", "contre-appel", "affectation", "annuler", "lettre"]),
            ("arrive", ["deplacer", "echanger", "modifier", "suite", "fiche-visite", "affectation", "annuler"]),
            ("appele", ["modifier", "suite", "fiche-visite", "affectation", "annuler"]),
            ("recu", ["modifier", "suite", "fiche-visite", "affectation"]),
            ("termine", ["modifier", "suite", "fiche-visite"]),
            ("non_honore", ["modifier"]),
            ("annule", []),
        ],
    )
    async def test_they_follow_the_state(self, journee: Journee, etat: str, attendus: list[str]) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "11:00", etat=etat)
        page = await fiche(journee, service, rdv)
        assert gestes(page) == attendus
        for chemin in attendus:
            assert (await lire(journee, service, f"/rendez-vous/{rdv}/{chemin}")).status_code == 200, chemin

    async def test_every_key_shown_is_one_that_the_page_listens_to(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        touches = set()
        for etat in ("prevu", "arrive", "recu"):
            rdv = await journee.book(service, {"prevu": "11:00", "arrive": "11:20", "recu": "11:40"}[etat], etat=etat)
            touches |= set(re.findall(r'data-touche="(\w)"', await fiche(journee, service, rdv)))
        script = (RACINE / "static/js/fiche.js").read_text(encoding="utf-8")
        assert touches == set(re.findall(r"^  (\w): \"", script, re.M)) == set("adxecsfg")

    async def test_the_arrival_is_undone_the_same_day_and_locked_from_the_next(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "11:00", etat="arrive")
        page = await fiche(journee, service, rdv)
        assert "arrivee/annulation" in page
        assert FIGEE not in texte(page)
        await backdate(journee, rdv)
        page = await fiche(journee, service, rdv)
        assert "arrivee/annulation" not in page
        assert FIGEE in texte(page)
        assert (await agir(journee, service, rdv, "arrivee/annulation")).status_code == 409

    @pytest.mark.parametrize("mot", ["modifie", "deplace", "confirmation", "affecte", "annule", "inchange"])
    async def test_what_was_done_is_said_on_return(self, journee: Journee, mot: str) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "11:00")
        page = await lire(journee, service, f"/rendez-vous/{rdv}?fait={mot}")
        assert re.search(r'<div class="fr-alert fr-alert--success[^>]*data-focus', page.text)
        inconnu = await lire(journee, service, f"/rendez-vous/{rdv}?fait=<script>")
        assert "data-saisie-finie" not in inconnu.text
        assert "<script>" not in inconnu.text.split("<main", 1)[1].split("</main", 1)[0]


class TestAutres:
    """The other RDV of the same number, in the services of the agent's zone."""

    async def test_they_are_shown_and_the_search_is_journaled(self, journee: Journee) -> None:
        service, voisin = await service_ordinaire(journee), await service_ordinaire(journee, libelle="SIE DE NEVERS")
        await journee.attach(service.agents["agent"], voisin)
        lui = personne("Valenton", numero_fiscal=NUMERO_FISCAL)
        rdv = await journee.book(service, "11:00", usager=lui)
        demain = await journee.book(service, "09:00", usager=lui, jour=DEMAIN)
        la_bas = await journee.book(voisin, "15:00", usager=lui, jour=DEMAIN)
        passe = await journee.book(service, "08:00", usager=lui, etat="termine")
        homonyme = await journee.book(service, "08:20", "Valenton")
        page = await fiche(journee, service, rdv)
        for autre in (demain, la_bas, passe):
            assert f'href="/rendez-vous/{autre}"' in page
        assert f'href="/rendez-vous/{homonyme}"' not in page
        lu = texte(page)
        assert "mar. 24 nov. 2026 à 15:00 Prévu" in lu
        assert "SIE DE NEVERS" in lu
        assert lu.index("À venir") < lu.index("Passés ou annulés") < lu.index("à 08:00 Terminé")
        ligne = await journee.scalar(
            "SELECT apres FROM journal WHERE action = 'usager.recherche' AND rdv_id = :r AND agent_id = :a",
            r=rdv, a=service.agents["agent"],
        )  # fmt: skip
        assert ligne["rdv"] == sorted([demain, la_bas, passe])
        assert NUMERO_FISCAL not in str(ligne)
        assert "Rendez-vous mis à jour" not in lu

    async def test_those_of_a_service_outside_the_zone_are_not(self, journee: Journee) -> None:
        service, ailleurs = await service_ordinaire(journee), await service_ordinaire(journee)
        lui = personne("Valenton", numero_fiscal="3023217600152")
        rdv = await journee.book(service, "11:00", usager=lui)
        cache = await journee.book(ailleurs, "15:00", usager=lui, jour=DEMAIN)
        page = await fiche(journee, service, rdv)
        assert f"/rendez-vous/{cache}" not in page
        assert "Ses autres rendez-vous" not in page
        lignes = "SELECT count(*) FROM journal WHERE action = 'usager.recherche' AND rdv_id = :r"
        assert await journee.scalar(lignes, r=rdv) == 0

    async def test_a_company_by_its_siren_and_a_few_only(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv, *_ = [await _book_pro(journee, service, rang) for rang in range(8)]
        lu = texte(await fiche(journee, service, rdv))
        assert lu.count("mar. 24 nov. 2026") == 5
        assert "Il y en a d’autres" in lu

    async def test_the_region_follows_the_services_where_they_may_be(self, journee: Journee) -> None:
        service, voisin = await service_ordinaire(journee), await service_ordinaire(journee)
        await journee.attach(service.agents["agent"], voisin)
        avec = await journee.book(service, "11:00", usager=personne("Valenton", numero_fiscal="3023217600251"))
        sans = await journee.book(service, "11:20")
        for rdv, sujets in (
            (avec, {f"service:{service.id}", f"service:{voisin.id}"}),
            (sans, {f"service:{service.id}"}),
        ):
            page = await fiche(journee, service, rdv)
            (flux, versions) = re.findall(r'<section id="fiche"[^>]* data-flux="([^"]+)" data-version="([^"]+)"', page)[
                0
            ]
            assert set(flux.split()) == sujets
            assert len(versions.split()) == len(sujets)


async def _book_pro(journee: Journee, service: MondeService, rang: int) -> int:
    """A RDV of one company, each at its own hour."""
    usager = UsagerSaisi(
        nature="professionnel", raison_sociale="SARL Remparts", siren=SIREN, telephones=("+33612345678",)
    )
    return await journee.book(service, f"{8 + rang // 3:02d}:{rang % 3 * 20:02d}", usager=usager, jour=DEMAIN)


class TestAffectation:
    """Who receives it, chosen among those who hold the agenda."""

    async def test_ticked_agents_are_assigned_and_named_on_the_fiche(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "11:00")
        page = (await lire(journee, service, f"/rendez-vous/{rdv}/affectation")).text
        assert f'value="{service.agents["exterieur"]}"' not in page
        champs: dict[str, Any] = {
            **{nom: v for nom, v in formulaire(page).items() if nom in ("revision", "vu")},
            "agents": [str(service.agents["box"]), str(service.agents["chef"])],
        }
        reponse = await agir(journee, service, rdv, "affectation", json=False, champs=champs)
        assert (reponse.status_code, reponse.headers["location"]) == (303, f"/rendez-vous/{rdv}?fait=affecte")
        lu = html.unescape(texte(await fiche(journee, service, rdv)))
        assert "Agents affectés Box" in lu
        assert re.search(r"Affecté à Box\S* MOREL et Chef\S* MOREL, par Agent", lu)

    async def test_a_stale_choice_is_refused_with_who_is_assigned_now(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "11:00")
        un: dict[str, Any] = {"revision": "1", "vu": "1", "agents": [str(service.agents["box"])]}
        assert (await agir(journee, service, rdv, "affectation", champs=un)).status_code == 200
        deux: dict[str, Any] = {"revision": "1", "vu": "1", "agents": [str(service.agents["orientation"])]}
        refus = await agir(journee, service, rdv, "affectation", json=False, agent="chef", champs=deux)
        assert refus.status_code == 409
        assert re.search(r"Affecté actuellement à Box", texte(refus.text))
        assert re.search(rf'value="{service.agents["orientation"]}" checked', refus.text)

    @pytest.mark.parametrize("agents", [["x"], ["-1"], ["9" * 30], ["0"], ["987654321"]])
    async def test_somebody_from_elsewhere_is_refused(self, journee: Journee, agents: list[str]) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "11:00")
        champs: dict[str, Any] = {"revision": "1", "agents": agents}
        refus = await agir(journee, service, rdv, "affectation", champs=champs)
        assert (refus.status_code, set(refus.json()["champs"])) == (422, {"agents"})


class TestConfirmation:
    """Sent again, once, and said."""

    async def test_pressed_twice_it_leaves_once_and_says_so(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "11:00", usager=personne(courriel="encore@usagers.test"))
        assert f'formaction="/rendez-vous/{rdv}/confirmation' in await fiche(journee, service, rdv)
        un, deux = [await agir(journee, service, rdv, "confirmation") for _ in range(2)]
        assert (un.status_code, un.json()["message"]) == (200, "Confirmation envoyée à l’usager")
        assert "attendez une minute" in deux.json()["message"]
        mails = "SELECT count(*) FROM courrier WHERE rdv_id = :r AND evenement = 'confirmation'"
        assert await journee.scalar(mails, r=rdv) == 2  # the booking's, and this one
        sans_script = await agir(journee, service, rdv, "confirmation", json=False)
        assert sans_script.headers["location"] == f"/rendez-vous/{rdv}?fait=confirmation-deja"
        assert "Confirmation envoyée de nouveau, par Agent" in texte(await fiche(journee, service, rdv))

    async def test_without_an_address_there_is_no_button_and_a_sentence(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "11:00")
        page = await fiche(journee, service, rdv)
        assert "/confirmation" not in page
        assert "Pas de courriel" in texte(page)
        refus = await agir(journee, service, rdv, "confirmation")
        assert refus.status_code == 422
        assert "pas donné de courriel" in refus.json()["detail"]

    @pytest.mark.parametrize("etat", ["annule", "arrive", "termine"])
    async def test_nor_once_there_is_nothing_to_confirm(self, journee: Journee, etat: str) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "11:00", usager=personne(courriel="x@usagers.test"), etat=etat)
        assert "/confirmation" not in await fiche(journee, service, rdv)
        refus = await agir(journee, service, rdv, "confirmation")
        assert refus.status_code == 409
        assert "plus rien à confirmer" in refus.json()["detail"]

    async def test_a_field_it_does_not_have_is_refused(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "11:00", usager=personne(courriel="x@usagers.test"))
        assert (
            await agir(journee, service, rdv, "confirmation", champs={"courriel": "pirate@x.test"})
        ).status_code == 422


class TestDossier:
    """The usager's file in the case system: an address of theirs, never one of ours with a number in it."""

    async def test_it_is_made_of_what_the_template_names(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        async with journee.outils.db.read() as conn:
            contexte = await journee.outils.dispo.contextes.get(conn, service.id, 0)
        rdv = {"code": "ABCDEF", "id": 12, "numero_fiscal": NUMERO_FISCAL, "siren": None}
        assert build_lien("", rdv, contexte) == ""
        assert build_lien("https://d.test/{sages}/{code}", rdv, contexte) == f"https://d.test/{contexte.sages}/ABCDEF"
        assert build_lien("https://d.test/?n={numero_fiscal}", rdv, contexte).endswith(NUMERO_FISCAL)
        assert build_lien("https://d.test/?s={siren}", rdv, contexte) == ""

    @pytest.mark.parametrize(
        "gabarit", ["http://d.test/{code}", "https://d.test/{nom}", "https://d.test/{code", "javascript:{code}", "//x"]
    )
    def test_a_template_that_cannot_be_one_stops_the_start(self, gabarit: str) -> None:
        env = MappingProxyType(
            {
                "DATABASE_URL": "postgresql://x", "REDIS_URL": "redis://x", "SECRET_KEY": "x" * 40,
                "BASE_URL": "https://rdv.test", "DOSSIER_URL": gabarit,
            }
        )  # fmt: skip
        with pytest.raises(ConfigurationInvalide, match="DOSSIER_URL"):
            load(env)

    async def test_no_address_of_the_fiche_holds_a_number(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "11:00", usager=personne(numero_fiscal=NUMERO_FISCAL))
        page = await fiche(journee, service, rdv)
        adresses = re.findall(r'(?:href|action|formaction|data-fragment)="([^"]*)"', page)
        assert adresses
        assert not any(NUMERO_FISCAL in adresse for adresse in adresses)


async def test_the_service_that_entrusted_it_sees_who_comes_but_assigns_nobody(journee: Journee) -> None:
    a, b = await service_ordinaire(journee), await service_ordinaire(journee)
    rdv = await book_for(journee, a, b, await entrust(journee, a, b), "11:00")
    champs: dict[str, Any] = {"revision": "1", "agents": [str(b.agents["box"])]}
    assert (await agir(journee, a, rdv, "affectation", champs=champs)).status_code == 404
    assert (await agir(journee, b, rdv, "affectation", champs=champs)).status_code == 200
    assert "Agent affecté Box" in texte(await fiche(journee, a, rdv))
