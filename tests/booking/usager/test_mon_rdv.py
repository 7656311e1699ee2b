"""One's own rendez-vous by its link: see, move, cancel, tick the documents [A1, summary table; G 2.3.1]."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app import clock
from app.booking.deplacer import Cible, move
from app.booking.mon_rdv import read_mien, relocate
from app.booking.outils import Auteur
from app.booking.titres import ParDroit, ParLien
from app.booking.vie import act
from app.domain.documents import print_document
from app.domain.horaires import to_minute
from app.domain.rendez_vous import Action
from app.errors import Conflit, CreneauPris, TransitionImpossible
from tests.booking.usager.conftest import Arrivee, Monde
from tests.booking.usager.mien import Tenu, tenir, texte
from tests.booking.usager.navigateur import alternatives, caches, creneaux
from tests.fixtures.donnees import build_agent

USAGER = Auteur("usager")


@pytest.fixture
async def tenu(monde: Monde, arrive: Arrivee) -> Tenu:
    return await tenir(monde, arrive)


@pytest.fixture
async def agent(monde: Monde) -> Auteur:
    """An agent of the service."""
    nom = f"agent-{clock.now().timestamp()}"
    async with monde.outils.db.engine.begin() as conn:
        ident = await build_agent(conn, nom, service_id=monde.service.id, zone=[monde.service.id])
    return Auteur("agent", agent_id=ident)


@pytest.fixture
async def sans_modification(monde: Monde) -> AsyncIterator[None]:
    """The nation lets no usager change his rendez-vous."""
    await _set_modification(monde, "false")
    yield
    await _set_modification(monde, "true")


async def _set_modification(monde: Monde, valeur: str) -> None:
    await monde.sql_write(
        "INSERT INTO parametre (cle, service_id, valeur, modifie_a) VALUES ('modification_usager', NULL,"
        f" '{valeur}'::jsonb, '2026-01-01Z') ON CONFLICT (cle, service_id) DO UPDATE SET valeur = excluded.valeur"
    )
    await monde.sql_write("UPDATE agenda SET version_planning = version_planning + 1, version = version + 1")


async def _courriers(tenu: Tenu) -> list[tuple[str, str]]:
    lignes = await tenu.monde.sql(
        "SELECT evenement, destinataire FROM courrier WHERE rdv_id = :r ORDER BY id", r=tenu.rdv
    )
    return [tuple(ligne) for ligne in lignes]


class TestAnnuler:
    """« modify, cancel: own RDV, by link »."""

    async def test_the_page_asks_and_the_post_cancels_for_good(self, monde: Monde, tenu: Tenu) -> None:
        page = await tenu.get("/annuler")
        assert "L’annulation est définitive" in texte(page.text)
        fin = await tenu.post("/annuler", page, raison="Empêchement <b>familial</b>")
        assert (fin.status_code, fin.headers["location"]) == (303, tenu.lien)
        lue = texte((await tenu.get()).text)
        assert "Ce rendez-vous est annulé" in lue
        assert "L’horaire n’est plus réservé : il n’y a rien d’autre à faire." in lue
        assert "Annuler" not in lue.replace("annulé", "")
        assert await tenu.ligne("etat", "occupe", "annule_par", "annule_raison") == (
            "annule",
            False,
            "usager",
            "Empêchement <b>familial</b>",
        )
        ecrits = await _courriers(tenu)
        assert ("annulation", tenu.courriel) in ecrits
        assert ("changement", "sip.nevers@dgfip.test") in ecrits
        donnees = await monde.sql("SELECT CAST(donnees AS text) FROM courrier WHERE rdv_id = :r", r=tenu.rdv)
        assert not [d for (d,) in donnees if "familial" in d], "his own words are not sent as the service's"
        ligne = await monde.sql(
            "SELECT acteur, origine, apres->>'etat' FROM journal WHERE rdv_id = :r AND action = 'rdv.annule'",
            r=tenu.rdv,
        )
        assert ligne == [("usager", "web", "annule")]

    async def test_no_reason_is_owed(self, tenu: Tenu) -> None:
        assert (await tenu.post("/annuler", await tenu.get("/annuler"), raison="  ")).status_code == 303
        assert (await tenu.ligne("etat", "annule_raison")) == ("annule", "")

    async def test_the_place_is_free_for_somebody_else(self, arrive: Arrivee, tenu: Tenu) -> None:
        (debut,) = await tenu.ligne("debut")
        await tenu.post("/annuler", await tenu.get("/annuler"))
        libres = [datetime.fromisoformat(c) for c in creneaux((await arrive().page_creneaux()).text)]
        assert debut in libres

    async def test_a_double_click_cancels_once(self, monde: Monde, tenu: Tenu) -> None:
        page = await tenu.get("/annuler")
        reponses = await asyncio.gather(*(tenu.post("/annuler", page) for _ in range(5)))
        assert {r.status_code for r in reponses} == {303}
        lignes = await monde.sql("SELECT count(*) FROM journal WHERE rdv_id = :r AND action = 'rdv.annule'", r=tenu.rdv)
        assert lignes == [(1,)]
        assert [e for e, _ in await _courriers(tenu)].count("annulation") == 1

    async def test_back_then_again_shows_that_it_is_done(self, tenu: Tenu) -> None:
        page = await tenu.get("/annuler")
        await tenu.post("/annuler", page)
        assert "Ce rendez-vous est annulé" in texte((await tenu.get("/annuler")).text)
        assert (await tenu.post("/annuler", page)).status_code == 303

    async def test_what_changed_since_is_shown_first(self, monde: Monde, tenu: Tenu, agent: Auteur) -> None:
        page = await tenu.get("/annuler")
        (debut,) = await tenu.ligne("debut")
        await move(monde.outils, tenu.rdv, Cible(to_minute(debut + timedelta(minutes=60))), agent, clock.now())
        refus = await tenu.post("/annuler", page, raison="Je garde mes mots")
        assert refus.status_code == 409
        assert "Votre rendez-vous a changé" in texte(refus.text)
        assert "Je garde mes mots" in refus.text
        assert (await tenu.ligne("etat")) == ("prevu",)
        assert (await tenu.post("/annuler", refus)).status_code == 303

    @pytest.mark.parametrize("raison", ["\x00", "\u202e", "x" * 501])
    async def test_hostile_words_are_refused_and_kept(self, tenu: Tenu, raison: str) -> None:
        refus = await tenu.post("/annuler", await tenu.get("/annuler"), raison=raison)
        assert refus.status_code == 422
        assert 'href="#champ-raison"' in refus.text
        assert (await tenu.ligne("etat")) == ("prevu",)

    @pytest.mark.parametrize("revision", ["", "x", "-1", "9" * 30])
    async def test_a_form_without_its_revision_changes_nothing(self, tenu: Tenu, revision: str) -> None:
        page = await tenu.get("/annuler")
        assert (await tenu.post("/annuler", page, revision=revision)).status_code == 422
        assert (await tenu.ligne("etat")) == ("prevu",)

    async def test_without_its_proof_a_form_is_refused(self, tenu: Tenu) -> None:
        page = await tenu.get("/annuler")
        assert (await tenu.post("/annuler", page, _csrf="0" * 56)).status_code == 403
        tenu.client.cookies.clear()
        sans = await tenu.post("/annuler", page)
        assert sans.status_code == 403
        assert "cookie nécessaire" in sans.text
        assert f'href="{tenu.lien}/annuler"' in sans.text
        assert (await tenu.ligne("etat")) == ("prevu",)

    async def test_once_he_is_there_only_the_desk_may(self, monde: Monde, tenu: Tenu, agent: Auteur) -> None:
        page = await tenu.get("/annuler")
        await _today(monde, tenu)
        await act(monde.outils, tenu.rdv, Action.MARQUER_ARRIVEE, agent, clock.now())
        refus = await tenu.post("/annuler", page)
        assert refus.status_code == 409
        assert "Votre arrivée est déjà enregistrée" in texte(refus.text)
        assert (await tenu.ligne("etat")) == ("arrive",)
        assert (await tenu.get("/annuler")).status_code == 200
        lue = await tenu.get()
        assert f'href="{tenu.lien}/annuler"' not in lue.text

    async def test_past_its_hour_it_is_too_late(self, monde: Monde, tenu: Tenu) -> None:
        page = await tenu.get("/annuler")
        await monde.sql_write(
            "UPDATE rendez_vous SET debut = debut - interval '60 days', fin = fin - interval '60 days',"
            " jour = jour - 60 WHERE id = :r",
            r=tenu.rdv,
        )
        refus = await tenu.post("/annuler", page)
        assert refus.status_code == 409
        assert "est passée" in texte(refus.text)
        assert "03 86 68 49 49" in texte(refus.text).replace("\u00a0", " "), "how to reach the service"


async def _today(monde: Monde, tenu: Tenu) -> None:
    """The RDV is later today: time has passed."""
    debut = clock.now().replace(second=0, microsecond=0) + timedelta(minutes=5)
    await monde.sql_write(
        "UPDATE rendez_vous SET debut = :d, fin = :f, jour = :j WHERE id = :r",
        d=debut,
        f=debut + timedelta(minutes=20),
        j=debut.astimezone(ZoneInfo("Europe/Paris")).date(),
        r=tenu.rdv,
    )


class TestDeplacer:
    """« move (motif, date, hour, type): within the internet rules »."""

    async def test_the_grid_then_old_and_new_then_the_move(self, monde: Monde, tenu: Tenu) -> None:
        (avant, revision) = await tenu.ligne("debut", "revision")
        confirme, debut = await tenu.choisir(3)
        assert confirme.status_code == 200
        lue = texte(confirme.text)
        assert "Votre rendez-vous actuel" in lue
        assert "Votre nouveau rendez-vous" in lue
        assert (await tenu.ligne("debut", "revision")) == (avant, revision), "nothing has changed yet"
        fin = await tenu.post("/deplacer", confirme, faire="confirmer")
        assert (fin.status_code, fin.headers["location"]) == (303, f"{tenu.lien}?avis=deplace")
        page = await tenu.client.get(fin.headers["location"])
        assert "Votre rendez-vous a été déplacé" in texte(page.text)
        apres = await tenu.ligne("debut", "code", "etat", "sequence")
        assert apres == (datetime.fromisoformat(debut), tenu.code, "prevu", 1)
        ecrits = await _courriers(tenu)
        assert ("deplacement", tenu.courriel) in ecrits
        assert ("changement", "sip.nevers@dgfip.test") in ecrits
        ligne = await monde.sql(
            "SELECT acteur, apres->>'debut' FROM journal WHERE rdv_id = :r AND action = 'rdv.replanifie'", r=tenu.rdv
        )
        assert [(acteur, datetime.fromisoformat(d)) for acteur, d in ligne] == [("usager", apres[0])]

    async def test_the_place_left_is_free_and_its_own_never_stands_in_its_way(
        self, arrive: Arrivee, tenu: Tenu
    ) -> None:
        (avant,) = await tenu.ligne("debut")
        page = await tenu.get("/deplacer", params={"type": "telephone"})
        assert avant in [datetime.fromisoformat(c) for c in creneaux(page.text)], "the same hour, by phone"
        confirme, _ = await tenu.choisir(2)
        await tenu.post("/deplacer", confirme, faire="confirmer")
        assert avant in [datetime.fromisoformat(c) for c in creneaux((await arrive().page_creneaux()).text)]

    async def test_its_own_hour_is_no_move(self, tenu: Tenu) -> None:
        page = await tenu.get("/deplacer")
        (avant,) = await tenu.ligne("debut")
        minute = int(avant.timestamp()) // 60
        assert avant not in [datetime.fromisoformat(c) for c in creneaux(page.text)]
        assert f'data-m="{minute}"' not in page.text
        assert f"[{minute + 20}, [" in page.text, "a start that may come back live"
        assert f"[{minute}, [" not in page.text, "its own may not"
        refus = await tenu.post("/deplacer", page, debut=avant.isoformat())
        assert refus.status_code == 422
        assert "C’est déjà la date et l’heure" in texte(refus.text)

    async def test_another_type_among_those_offered(self, tenu: Tenu) -> None:
        confirme, _ = await tenu.choisir(2, params={"type": "telephone"})
        assert "Par téléphone" in texte(confirme.text)
        await tenu.post("/deplacer", confirme, faire="confirmer")
        assert (await tenu.ligne("type_rdv")) == ("telephone",)

    async def test_another_motif_among_those_offered_online(self, monde: Monde, tenu: Tenu) -> None:
        autre, ferme = monde.service.motifs[1], monde.service.motifs[2]
        page = await tenu.get("/deplacer")
        assert f'<option value="{autre}"' in page.text
        assert f'<option value="{ferme}"' not in page.text
        confirme, _ = await tenu.choisir(2, params={"motif": str(autre)})
        await tenu.post("/deplacer", confirme, faire="confirmer")
        assert (await tenu.ligne("motif_id")) == (autre,)

    @pytest.mark.parametrize("motif", ["ferme", "999999", "x", "-1"])
    async def test_a_motif_that_is_not_offered_is_its_own(self, monde: Monde, tenu: Tenu, motif: str) -> None:
        forge = str(monde.service.motifs[2]) if motif == "ferme" else motif
        confirme, _ = await tenu.choisir(2)
        await tenu.post("/deplacer", confirme, faire="confirmer", motif=forge)
        assert (await tenu.ligne("motif_id")) == (monde.service.motifs[0],)

    async def test_taken_meanwhile_it_stays_and_the_nearest_are_offered(self, arrive: Arrivee, tenu: Tenu) -> None:
        (avant,) = await tenu.ligne("debut")
        confirme, debut = await tenu.choisir(4)
        rivaux = [arrive() for _ in range(4)]
        for rival in rivaux:
            fin = await rival.choose(debut)
            assert fin.status_code == 303
        refus = await tenu.post("/deplacer", confirme, faire="confirmer")
        assert refus.status_code == 409
        lue = texte(refus.text)
        assert "vient d’être pris" in lue
        assert "Votre rendez-vous n’a pas bougé" in lue
        assert (await tenu.ligne("debut")) == (avant,)
        proches = alternatives(refus.text)
        assert proches
        assert debut not in proches
        confirme = await tenu.post("/deplacer", refus, debut=proches[0])
        assert (await tenu.post("/deplacer", confirme, faire="confirmer")).status_code == 303
        assert (await tenu.ligne("debut")) == (datetime.fromisoformat(proches[0]),)

    async def test_taken_before_it_is_confirmed_is_said_at_once(self, arrive: Arrivee, tenu: Tenu) -> None:
        page = await tenu.get("/deplacer")
        debut = creneaux(page.text)[5]
        for _ in range(4):
            assert (await arrive().choose(debut)).status_code == 303
        refus = await tenu.post("/deplacer", page, debut=debut)
        assert refus.status_code == 409
        assert alternatives(refus.text)

    async def test_what_no_grid_offers_is_refused(self, tenu: Tenu) -> None:
        page = await tenu.get("/deplacer")
        bon = datetime.fromisoformat(creneaux(page.text)[2])
        (avant,) = await tenu.ligne("debut")
        for debut in (
            bon + timedelta(minutes=7),
            bon - timedelta(days=400),
            clock.now().replace(microsecond=0) + timedelta(hours=1),
            bon + timedelta(days=60),
        ):
            for faire in ("", "confirmer"):
                refus = await tenu.post("/deplacer", page, debut=debut.isoformat(), faire=faire)
                assert refus.status_code == 422, (debut, faire)
        for brut in ("", "x", "\x00", "9999-12-31T23:59+00:00", "2026-11-24"):
            assert (await tenu.post("/deplacer", page, debut=brut, faire="confirmer")).status_code == 422
        assert (await tenu.ligne("debut")) == (avant,)

    async def test_a_double_click_moves_once(self, monde: Monde, tenu: Tenu) -> None:
        confirme, debut = await tenu.choisir(3)
        reponses = await asyncio.gather(
            *(tenu.post("/deplacer", confirme, faire="confirmer") for _ in range(5)),
        )
        assert {r.status_code for r in reponses} == {303}
        assert (await tenu.ligne("debut", "sequence")) == (datetime.fromisoformat(debut), 1)
        lignes = await monde.sql(
            "SELECT count(*) FROM journal WHERE rdv_id = :r AND action = 'rdv.replanifie'", r=tenu.rdv
        )
        assert lignes == [(1,)]

    async def test_a_second_tab_is_told_that_it_has_changed(self, tenu: Tenu) -> None:
        premier, debut = await tenu.choisir(2)
        second, _ = await tenu.choisir(6)
        await tenu.post("/deplacer", premier, faire="confirmer")
        refus = await tenu.post("/deplacer", second, faire="confirmer")
        assert refus.status_code == 409
        assert "Votre rendez-vous a changé" in texte(refus.text)
        assert (await tenu.ligne("debut")) == (datetime.fromisoformat(debut),)

    async def test_once_cancelled_it_moves_no_more(self, tenu: Tenu) -> None:
        confirme, _ = await tenu.choisir(2)
        await tenu.post("/annuler", await tenu.get("/annuler"))
        refus = await tenu.post("/deplacer", confirme, faire="confirmer")
        assert refus.status_code == 409
        assert "une annulation est irréversible" in texte(refus.text)
        assert "une annulation est irréversible" in texte((await tenu.get("/deplacer")).text)

    async def test_the_fragment_is_the_region_of_the_page(self, tenu: Tenu) -> None:
        page, fragment = await tenu.get("/deplacer"), await tenu.get("/deplacer/fragment")
        assert fragment.text.strip() in page.text
        assert f'data-flux="creneaux:{tenu.monde.service.id}"' in fragment.text


class TestParametreNational:
    """« a national parameter, on by default »: off, the page says so and the acts are refused."""

    @pytest.mark.usefixtures("sans_modification")
    async def test_off_nothing_can_be_changed_and_the_page_says_how_to_reach_the_service(self, tenu: Tenu) -> None:
        page = await tenu.get()
        assert "ne se déplace et ne s’annule pas en ligne" in texte(page.text)
        for suite in ("annuler", "deplacer", "plus-tot"):
            assert f'href="{tenu.lien}/{suite}"' not in page.text
            vue = await tenu.get(f"/{suite}")
            assert "joignez le service" in texte(vue.text)
        revision = str((await tenu.ligne("revision"))[0])
        assert (await tenu.post("/annuler", page, revision=revision)).status_code == 403
        (debut,) = await tenu.ligne("debut")
        plus = {"revision": revision, "debut": (debut + timedelta(minutes=20)).isoformat()}
        for faire in ("", "confirmer"):
            assert (await tenu.post("/deplacer", page, faire=faire, **plus)).status_code == 403
        assert (await tenu.ligne("etat", "debut")) == ("prevu", debut)

    @pytest.mark.usefixtures("sans_modification")
    async def test_ticking_changes_no_rendez_vous_and_stays(self, tenu: Tenu) -> None:
        page = await tenu.get()
        assert (await tenu.post("/documents", page, document=[print_document("Pièce d'identité")])).status_code == 303


class TestPlusTot:
    """« give up a créneau for an earlier one »."""

    async def test_the_first_earlier_ones_are_one_post_away(self, monde: Monde, arrive: Arrivee) -> None:
        tenu = await tenir(monde, arrive, 9)
        page = await tenu.get("/plus-tot")
        offerts = _boutons(page.text)
        (avant,) = await tenu.ligne("debut")
        assert offerts
        assert all(datetime.fromisoformat(c) < avant for c in offerts)
        fin = await tenu.post("/deplacer", page, debut=offerts[0])
        assert (fin.status_code, fin.headers["location"]) == (303, f"{tenu.lien}?avis=deplace")
        assert (await tenu.ligne("debut")) == (datetime.fromisoformat(offerts[0]),)

    async def test_when_there_is_none_it_says_why(self, monde: Monde, tenu: Tenu) -> None:
        lue = texte((await tenu.get("/plus-tot")).text)
        assert "déjà à la première date possible" in lue
        assert "apparaît ici de lui-même" in lue

    async def test_its_fragment_is_its_region(self, monde: Monde, arrive: Arrivee) -> None:
        tenu = await tenir(monde, arrive, 9)
        page, fragment = await tenu.get("/plus-tot"), await tenu.get("/plus-tot/fragment")
        assert _boutons(page.text) == _boutons(fragment.text)


def _boutons(page: str) -> list[str]:
    return re.findall(r'<button class="creneau" name="debut" value="([^"]+)"', page)


class TestDocuments:
    """« documents as a checklist »: kept with the RDV, shown to the agent."""

    PIECE, AVIS = print_document("Pièce d'identité"), print_document("Dernier avis d'impôt")

    async def test_ticks_are_kept(self, tenu: Tenu) -> None:
        page = await tenu.get()
        fin = await tenu.post("/documents", page, document=[self.PIECE])
        assert (fin.status_code, fin.headers["location"]) == (303, f"{tenu.lien}#documents")
        lue = await tenu.get()
        assert f'value="{self.PIECE}" checked' in lue.text
        assert f'value="{self.AVIS}" checked' not in lue.text
        assert "1 sur 2 prêts" in texte(lue.text)
        assert (await tenu.ligne("documents_prets", "revision")) == ([self.PIECE], 1)

    async def test_a_script_is_answered_by_figures(self, tenu: Tenu) -> None:
        champs = {**caches((await tenu.get()).text), "document": [self.PIECE, self.AVIS, self.AVIS]}
        fin = await tenu.client.post(f"{tenu.lien}/documents", data=champs, headers={"Accept": "application/json"})
        assert fin.json() == {"prets": 2, "sur": 2}

    async def test_what_the_list_does_not_ask_for_is_not_kept(self, tenu: Tenu) -> None:
        page = await tenu.get()
        await tenu.post("/documents", page, document=["<script>", "\x00", "a" * 5000, self.AVIS])
        assert (await tenu.ligne("documents_prets")) == ([self.AVIS],)

    async def test_a_list_that_changed_keeps_what_it_still_asks_for(self, monde: Monde, tenu: Tenu) -> None:
        await tenu.post("/documents", await tenu.get(), document=[self.PIECE, self.AVIS])
        await monde.sql_write(
            "UPDATE motif SET documents = ARRAY['RIB', 'Dernier avis d''impôt'] WHERE id = :m",
            m=monde.service.motifs[0],
        )
        await monde.sql_write("UPDATE agenda SET version_planning = version_planning + 1")
        try:
            assert "1 sur 2 prêts" in texte((await tenu.get()).text)
        finally:
            await monde.sql_write(
                "UPDATE motif SET documents = ARRAY['Pièce d''identité', 'Dernier avis d''impôt'] WHERE id = :m",
                m=monde.service.motifs[0],
            )
            await monde.sql_write("UPDATE agenda SET version_planning = version_planning + 1")

    async def test_nothing_is_kept_once_cancelled(self, tenu: Tenu) -> None:
        page = await tenu.get()
        await tenu.post("/annuler", await tenu.get("/annuler"))
        assert "data-documents" not in (await tenu.get()).text
        assert (await tenu.post("/documents", page, document=[self.PIECE])).status_code == 409
        assert (await tenu.ligne("documents_prets")) == ([],)

    async def test_ticking_the_same_again_writes_nothing(self, monde: Monde, tenu: Tenu) -> None:
        page = await tenu.get()
        for _ in range(3):
            await tenu.post("/documents", page, document=[self.PIECE])
        lignes = await monde.sql(
            "SELECT count(*) FROM journal WHERE rdv_id = :r AND action = 'rdv.documents'", r=tenu.rdv
        )
        assert lignes == [(1,)]


class TestVivante:
    """The page's live part: fresh when asked, and « not modified » otherwise."""

    async def test_its_fragment_is_its_region(self, tenu: Tenu) -> None:
        page, fragment = await tenu.get(), await tenu.get("/fragment")
        assert _sans_preuve(fragment.text.strip()) in _sans_preuve(page.text)

    async def test_it_is_not_sent_again_until_it_changes(self, monde: Monde, tenu: Tenu, agent: Auteur) -> None:
        etag = (await tenu.get("/fragment")).headers["etag"]
        idem = await tenu.get("/fragment", headers={"If-None-Match": etag})
        assert (idem.status_code, idem.content) == (304, b"")
        await _today(monde, tenu)
        await act(monde.outils, tenu.rdv, Action.MARQUER_ARRIVEE, agent, clock.now())
        etags = {etag}
        for action, attendu in (
            (None, "Votre arrivée est enregistrée"),
            (Action.APPELER, "C’est à vous : Guichet"),
            (Action.RECEVOIR, "Votre rendez-vous est en cours"),
            (Action.TERMINER, "Ce rendez-vous a eu lieu"),
        ):
            if action is not None:
                await act(monde.outils, tenu.rdv, action, agent, clock.now())
            neuf = await tenu.get("/fragment", headers={"If-None-Match": etag})
            assert neuf.status_code == 200
            assert attendu in neuf.text
            etag = neuf.headers["etag"]
            assert etag not in etags
            etags.add(etag)

    async def test_a_link_is_no_part_of_what_may_be_followed(self, tenu: Tenu) -> None:
        assert "data-flux" not in (await tenu.get()).text.partition("<main")[2].partition("</main>")[0]


def _sans_preuve(texte_: str) -> str:
    return re.sub(r'name="_csrf" value="[^"]*"', "", texte_)


class TestCourses:
    """Races: what is on the screen is what is changed."""

    async def _lu(self, tenu: Tenu) -> tuple[Any, ParLien]:
        titre = ParLien(tenu.lien.rpartition("/")[2])
        async with tenu.monde.outils.db.read() as conn:
            rdv = await read_mien(conn, titre)
        assert rdv is not None
        return rdv, titre

    async def test_of_two_moves_at_once_one_is_told_that_it_has_changed(self, monde: Monde, arrive: Arrivee) -> None:
        for _ in range(5):
            tenu = await tenir(monde, arrive)
            rdv, titre = await self._lu(tenu)
            libres = [to_minute(datetime.fromisoformat(c)) for c in creneaux((await tenu.get("/deplacer")).text)]
            issues = await asyncio.gather(
                *(
                    relocate(monde.outils, rdv, titre, Cible(libres[rang]), USAGER, clock.now(), vue=rdv["revision"])
                    for rang in (3, 6)
                ),
                return_exceptions=True,
            )
            refus = [i for i in issues if isinstance(i, Exception)]
            assert len(refus) == 1
            assert isinstance(refus[0], Conflit)
            assert (await tenu.ligne("sequence")) == (1,)

    async def test_without_the_revision_the_first_is_lost_in_silence(self, monde: Monde, arrive: Arrivee) -> None:
        """The negative control: the same two moves, of which the page's revision is not sent."""
        tenu = await tenir(monde, arrive)
        _, titre = await self._lu(tenu)
        libres = [to_minute(datetime.fromisoformat(c)) for c in creneaux((await tenu.get("/deplacer")).text)]
        for rang in (3, 6):
            await move(monde.outils, tenu.rdv, Cible(libres[rang]), USAGER, clock.now(), titre=titre)
        assert (await tenu.ligne("sequence")) == (2,)

    async def test_a_move_against_the_service_that_cancels(self, monde: Monde, arrive: Arrivee, agent: Auteur) -> None:
        assert agent.agent_id is not None
        for _ in range(6):
            tenu = await tenir(monde, arrive)
            rdv, titre = await self._lu(tenu)
            libres = [to_minute(datetime.fromisoformat(c)) for c in creneaux((await tenu.get("/deplacer")).text)]
            bouge, annule = await asyncio.gather(
                relocate(monde.outils, rdv, titre, Cible(libres[5]), USAGER, clock.now(), vue=rdv["revision"]),
                act(
                    monde.outils,
                    tenu.rdv,
                    Action.ANNULER,
                    agent,
                    clock.now(),
                    raison="fermeture",
                    titre=ParDroit(agent.agent_id),
                ),
                return_exceptions=True,
            )
            assert not isinstance(annule, BaseException)
            assert not isinstance(bouge, Exception) or isinstance(bouge, Conflit | TransitionImpossible)
            assert (await tenu.ligne("etat", "occupe")) == ("annule", False)

    async def test_two_usagers_who_move_to_one_place(self, monde: Monde, arrive: Arrivee) -> None:
        tenus = [await tenir(monde, arrive) for _ in range(3)]
        page = await tenus[0].get("/deplacer")
        cible = creneaux(page.text)[-1]
        for _ in range(2):  # two guichets of four are taken there
            assert (await arrive().choose(cible)).status_code == 303

        async def bouger(tenu: Tenu) -> Any:
            rdv, titre = await self._lu(tenu)
            debut = to_minute(datetime.fromisoformat(cible))
            return await relocate(monde.outils, rdv, titre, Cible(debut), USAGER, clock.now(), vue=rdv["revision"])

        issues = await asyncio.gather(*map(bouger, tenus), return_exceptions=True)
        refus = [i for i in issues if isinstance(i, Exception)]
        assert len(refus) == 1
        assert isinstance(refus[0], CreneauPris)
        assert refus[0].details["alternatives"]
