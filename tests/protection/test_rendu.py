"""What was refused is given back: the answer copied, the count of what was not done; and the refusal stays itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.domain.attente import PAR_ORIGINE
from app.protection.limites import ACTES
from tests.booking.usager.conftest import Monde
from tests.booking.usager.mien import tenir
from tests.protection.conftest import Venue, new_adresse
from tests.protection.outillage import jeton, lire, somebody
from tests.protection.test_attente import join
from tests.protection.test_captcha import set_captcha

DEPLACER = min(li.dur for li in ACTES["deplacer"])


async def lose(garde: Monde, vient: Venue, debut: str) -> None:
    """Every guichet at that hour is taken by others."""
    for _ in garde.service.guichets:
        usager = vient()
        assert (await usager.send(await usager.open_form(debut), **somebody())).status_code == 303


@asynccontextmanager
async def without_returns(garde: Monde, etat: str) -> AsyncIterator[None]:
    """Nothing is given back, meanwhile: PostgreSQL answers with that SQLSTATE."""
    await garde.sql_write(
        "CREATE FUNCTION garde_tout() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN RAISE EXCEPTION 'non' USING ERRCODE = '{etat}'; END $$"
    )
    await garde.sql_write(
        "CREATE TRIGGER garde_tout BEFORE UPDATE ON comptage FOR EACH ROW"
        " WHEN (NEW.nombre < OLD.nombre) EXECUTE FUNCTION garde_tout()"
    )
    try:
        yield
    finally:
        await garde.sql_write("DROP TRIGGER garde_tout ON comptage")
        await garde.sql_write("DROP FUNCTION garde_tout")


class TestReserver:
    """« CreneauPris… » is what the visitor is told, whatever becomes of the counts; his answer serves again."""

    @pytest.mark.parametrize("etat", ["40P01", "22000", "57014"])
    async def test_a_lost_race_says_so_even_when_nothing_can_be_given_back(
        self, garde: Monde, vient: Venue, etat: str
    ) -> None:
        usager = vient()
        formulaire = await usager.open_form()
        await garde.sql_write("DELETE FROM rendez_vous WHERE etat = 'option'")
        await garde.sql_write("UPDATE agenda SET version_creneaux = version_creneaux + 1, version = version + 1")
        await lose(garde, vient, formulaire["debut"])
        try:
            await set_captcha(garde, "toujours")
            refus = await usager.send(formulaire, **(qui := somebody()))
            formulaire["captcha_jeton"] = jeton(refus.text)
            lu = lire(garde.outils.settings, usager, formulaire["captcha_jeton"])
            async with without_returns(garde, etat):
                assert (await usager.send(formulaire, **qui, captcha=lu)).status_code == 409
            assert await garde.sql("SELECT 1 FROM defi WHERE reussi AND cle IS NULL"), "the answer was returned first"
        finally:
            await set_captcha(garde, None)


class TestDeplacer:
    async def test_races_lost_are_not_moves(self, garde: Monde, vient: Venue) -> None:
        tenu = await tenir(garde, vient, 0, **somebody())
        confirme, debut = await tenu.choisir(3)
        await lose(garde, vient, debut)
        for _ in range(DEPLACER + 2):
            refus = await tenu.post("/deplacer", confirme, faire="confirmer")
            assert refus.status_code == 409
        confirme, _ = await tenu.choisir(4)
        fait = await tenu.post("/deplacer", confirme, faire="confirmer")
        assert fait.headers["location"].endswith("avis=deplace")

    async def test_what_tells_of_somebody_else_is_one(self, garde: Monde, vient: Venue) -> None:
        """« for anonymous ones nothing is disclosed »: asking it again and again is counted."""
        tenu = await tenir(garde, vient, 0, **somebody())
        autre = await tenir(garde, vient, 4, **somebody())
        await garde.sql_write(
            "UPDATE rdv_usager AS a SET nom_usage = u.nom_usage, prenoms = u.prenoms, courriel = u.courriel,"
            " telephones = u.telephones, date_naissance = u.date_naissance"
            " FROM rdv_usager AS u WHERE u.rdv_id = :t AND a.rdv_id = :a",
            t=tenu.rdv,
            a=autre.rdv,
        )
        motif = garde.service.motifs[1]
        await garde.sql_write("UPDATE rendez_vous SET motif_id = :m WHERE id = :r", m=motif, r=autre.rdv)
        confirme, _ = await tenu.choisir(6, params={"motif": str(motif)})
        for _ in range(DEPLACER):
            fin = await tenu.post("/deplacer", confirme, faire="confirmer")
            assert fin.headers["location"].endswith("/messagerie")
        assert (await tenu.post("/deplacer", confirme, faire="confirmer")).status_code == 429


class TestAttente:
    async def test_a_refused_request_leaves_its_answer_to_the_next(self, garde: Monde, vient: Venue) -> None:
        adresse = new_adresse()
        try:
            await set_captcha(garde, "jamais")
            for rang in range(PAR_ORIGINE):
                assert (await join(vient(adresse), f"foule{rang}@usagers.test")).status_code == 303
            await set_captcha(garde, "toujours")
            usager = vient(adresse)
            page = await usager.client.get(f"{usager.base}/attente", params=usager.choix)
            bonne = {
                "captcha_jeton": jeton(page.text),
                "captcha": lire(garde.site.settings, usager, jeton(page.text)),
            }
            refus = await join(usager, "ada.rendu@usagers.test", **bonne)
            assert refus.status_code == 429
            assert not jeton(refus.text), "no other code is asked"
            await garde.sql_write("UPDATE attente SET origine_empreinte = 'x'")
            assert (await join(usager, "ada.rendu@usagers.test")).status_code == 303
            assert (await join(usager, "ada.encore@usagers.test")).status_code == 422, "one answer, one request"
        finally:
            await set_captcha(garde, None)
