"""What the neutral page lets one infer about somebody costs what a booking does [promises, « Bad inputs »; P14]."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from tests.booking.usager.conftest import Monde
from tests.protection.conftest import Venue, new_adresse
from tests.protection.outillage import jeton, lire, somebody
from tests.protection.test_captcha import LIBRES, set_captcha


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

    async def test_one_answer_serves_for_one_person_whoever_its_form_is_sent_for_next(
        self, garde: Monde, vient: Venue
    ) -> None:
        """The same form with other people in it, one after the other, then all at once."""
        connus = []
        for _ in range(6):
            lui, qui = vient(), somebody()
            await lui.book(**qui)
            connus.append({**qui, "date_naissance": lui.naissance})
        try:
            await set_captcha(garde, "toujours")
            for ensemble in (False, True):
                curieux = vient()
                formulaire = await curieux.open_form()
                lu = lire(garde.outils.settings, curieux, formulaire["captcha_jeton"])
                envois = [curieux.send(formulaire, **essai, captcha=lu) for essai in connus]
                reponses = await asyncio.gather(*envois) if ensemble else [await envoi for envoi in envois]
                assert sorted(r.status_code for r in reponses) == [303, *[422] * (len(connus) - 1)]
                (dit,) = (r.headers["location"] for r in reponses if r.status_code == 303)
                assert dit.endswith("/messagerie")
                encore = await curieux.send(formulaire, **connus[0], captcha=lu)
                assert encore.status_code == 422, "nor again for the same one"
        finally:
            await set_captcha(garde, None)

    async def test_a_refused_try_between_two_does_not_give_the_answer_back(self, garde: Monde, vient: Venue) -> None:
        """The same form and person at an hour that is not offered: what has served is not returned with it."""
        lui, qui = vient(), somebody()
        await lui.book(**qui)
        connu = {**qui, "date_naissance": lui.naissance}
        try:
            await set_captcha(garde, "toujours")
            curieux = vient()
            formulaire = await curieux.open_form()
            lu = lire(garde.outils.settings, curieux, formulaire["captcha_jeton"])
            assert (await curieux.send(formulaire, **connu, captcha=lu)).status_code == 303
            dehors = datetime.fromisoformat(formulaire["debut"]) + timedelta(minutes=7)
            ailleurs = {**formulaire, "debut": dehors.isoformat()}
            assert (await curieux.send(ailleurs, **connu, captcha=lu)).status_code == 422
            assert (await curieux.send(formulaire, **somebody(), captcha=lu)).status_code == 422
        finally:
            await set_captcha(garde, None)
