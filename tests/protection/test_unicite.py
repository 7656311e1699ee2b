"""What the neutral page lets one infer about somebody costs what a booking does [promises, « Bad inputs »; P14]."""

from __future__ import annotations

from tests.booking.usager.conftest import Monde
from tests.protection.conftest import Venue, new_adresse
from tests.protection.outillage import jeton, lire, somebody
from tests.protection.test_captcha import LIBRES


class TestPageNeutre:
    """« for anonymous ones nothing is disclosed »: trying names and dates is counted, and asked for a code."""

    async def test_each_try_counts_and_past_the_free_ones_each_uses_up_an_answer(
        self, garde: Monde, vient: Venue
    ) -> None:
        victime, lui = somebody(), vient()
        await lui.book(**victime)
        essai = {**victime, "date_naissance": lui.naissance}
        adresse = new_adresse()
        for _ in range(LIBRES - 1):  # his own booking counts for his mailbox
            fin = await (curieux := vient(adresse)).send(await curieux.open_form(), **essai)
            assert (fin.status_code, fin.headers["location"].rpartition("/")[2]) == (303, "messagerie")
        curieux = vient(adresse)
        formulaire = await curieux.open_form()
        refus = await curieux.send(formulaire, **essai)
        assert refus.status_code == 422, "an answer is asked for"
        lu = lire(garde.outils.settings, curieux, jeton(refus.text))
        champs = {**formulaire, "captcha_jeton": jeton(refus.text), "captcha": lu}
        assert (await curieux.send(champs, **essai)).headers["location"].endswith("/messagerie")
        encore = await curieux.send(await curieux.open_form(), **essai)
        assert encore.status_code == 422, "it has served"
