"""CaptchEtat behind the same door: a real server that answers, refuses, is silent; then our own challenge."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from sqlalchemy import text

from app.booking.outils import Outils
from app.config import ConfigurationInvalide, Settings, load
from app.embedded.redis import RedisServer
from app.embedded.smtp import Smtp
from app.protection.captchetat import Captchetat, CaptchetatIndisponible, DefiInconnu
from app.protection.dessin import draw_image
from tests.booking.usager.navigateur import Navigateur, caches
from tests.fixtures.base import run_site
from tests.fixtures.donnees import build_service
from tests.protection.outillage import somebody

UUID = "0b8e4a1c-2f33-4d7e-9a55-5f0c2a348f9e"
REGLAGES = Settings("", "", "", "http://127.0.0.1", "secret-des-tests-seulement-0123456789abcdef")


@dataclass
class Piste:
    """PISTE as far as it is used: tokens, images, sounds, answers. ``panne`` changes how it behaves."""

    port: int = 0
    panne: str = ""
    code: str = "XK7PR"
    demandes: list[tuple[str, str]] = field(default_factory=list)
    valides: list[dict[str, str]] = field(default_factory=list)
    jetons: int = 0

    def settings(self) -> Settings:
        """Settings that lead here."""
        ici = f"http://127.0.0.1:{self.port}"
        return replace(
            REGLAGES,
            captchetat_url=f"{ici}/piste/captchetat/v2",
            captchetat_oauth=f"{ici}/api/oauth/token",
            captchetat_id="identifiant",
            captchetat_secret="secret-piste",
        )

    async def serve(self, lecteur: asyncio.StreamReader, plume: asyncio.StreamWriter) -> None:
        """One request a connection."""
        try:
            tete = (await lecteur.readuntil(b"\r\n\r\n")).decode()
            methode, cible, _ = tete.split("\r\n")[0].split()
            entetes = dict(ligne.lower().split(": ", 1) for ligne in tete.split("\r\n")[1:] if ": " in ligne)
            corps = await lecteur.readexactly(int(entetes.get("content-length", 0)))
            self.demandes.append((methode, cible))
            if self.panne == "muet":
                await asyncio.sleep(30)
            statut, genre, sortie = self.answer(cible, entetes, corps)
            plume.write(
                f"HTTP/1.1 {statut} x\r\nContent-Type: {genre}\r\nContent-Length: {len(sortie)}\r\n"
                "Connection: close\r\n\r\n".encode()
                + sortie
            )
            await plume.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            plume.close()

    def answer(self, cible: str, entetes: dict[str, str], corps: bytes) -> tuple[int, str, bytes]:
        """Status, type, body."""
        chemin, requete = urlsplit(cible).path, parse_qs(urlsplit(cible).query)
        if self.panne == "500" or (self.panne == "sans verdict" and cible.endswith("/valider-captcha")):
            return 500, "text/plain", b"erreur"
        if chemin == "/api/oauth/token":
            demande = {nom: valeurs[0] for nom, valeurs in parse_qs(corps.decode()).items()}
            if demande.get("client_secret") != "secret-piste" or demande.get("grant_type") != "client_credentials":
                return 401, "application/json", b"{}"
            self.jetons += 1
            return 200, "application/json", json.dumps({"access_token": f"j{self.jetons}", "expires_in": 3600}).encode()
        if entetes.get("authorization") != f"bearer j{self.jetons}":
            return 401, "application/json", b"{}"
        if chemin.endswith("/simple-captcha-endpoint") and requete["get"] == ["image"]:
            if self.panne == "html":
                return 200, "text/html", b"<html>maintenance</html>"
            image = "data:image/png;base64," + base64.b64encode(draw_image(self.code)).decode()
            uuid = '"><script>' if self.panne == "hostile" else UUID
            return 200, "application/json", json.dumps({"uuid": uuid, "imageb64": image}).encode()
        if self.panne == "finis" and ("sound" in requete.get("get", ()) or chemin.endswith("/valider-captcha")):
            return 404, "application/json", b'{"message": "captcha inconnu"}'
        if chemin.endswith("/simple-captcha-endpoint") and requete == {
            "get": ["sound"],
            "c": requete["c"],
            "t": [UUID],
        }:
            return 200, "audio/x-wav", b"RIFF....WAVEfmt "
        if chemin.endswith("/valider-captcha"):
            recu = json.loads(corps)
            self.valides.append(recu)
            return 200, "application/json", b"true" if recu == {"uuid": UUID, "code": self.code} else b"false"
        return 404, "text/plain", b""


@pytest.fixture
async def piste() -> AsyncIterator[Piste]:
    """A server of ours that speaks as PISTE does."""
    faux = Piste()
    serveur = await asyncio.start_server(faux.serve, "127.0.0.1", 0)
    faux.port = serveur.sockets[0].getsockname()[1]
    yield faux
    serveur.close()


class TestAdaptateur:
    """Two seconds for anything, and nothing believed that does not look like what was agreed."""

    async def test_an_image_a_sound_and_its_answer(self, piste: Piste) -> None:
        client = Captchetat(piste.settings())
        image = await client.fetch_image("fr")
        assert image.uuid == UUID
        assert image.adresse.startswith("data:image/png;base64,")
        assert (await client.fetch_son(UUID, "en")).startswith(b"RIFF")
        assert await client.validate(UUID, "XK7PR")
        assert not await client.validate(UUID, "AAAAA")
        assert piste.jetons == 1, "one token serves until it ends"
        assert any("c=captchaFR" in cible for _, cible in piste.demandes)
        assert any("c=captchaEN" in cible for _, cible in piste.demandes)
        await client.aclose()

    async def test_a_token_revoked_before_its_end_is_asked_again(self, piste: Piste) -> None:
        client = Captchetat(piste.settings())
        await client.fetch_image("fr")
        piste.jetons += 1  # the one that the client holds is no longer the right one
        assert (await client.fetch_image("fr")).uuid == UUID
        await client.aclose()

    @pytest.mark.parametrize("panne", ["500", "html", "hostile"])
    async def test_what_is_not_as_agreed_is_an_outage(self, piste: Piste, panne: str) -> None:
        piste.panne = panne
        client = Captchetat(piste.settings())
        with pytest.raises(CaptchetatIndisponible):
            await client.fetch_image("fr")
        await client.aclose()

    async def test_silence_costs_two_seconds_then_nothing(self, piste: Piste) -> None:
        piste.panne = "muet"
        client = Captchetat(piste.settings())
        depart = time.monotonic()
        quatre = await asyncio.gather(*(client.fetch_image("fr") for _ in range(4)), return_exceptions=True)
        assert {type(erreur) for erreur in quatre} == {CaptchetatIndisponible}
        assert time.monotonic() - depart < 3
        depart = time.monotonic()
        for _ in range(20):
            with pytest.raises(CaptchetatIndisponible):
                await client.fetch_image("fr")
        assert time.monotonic() - depart < 0.5
        await client.aclose()

    @pytest.mark.parametrize("panne", ["finis", "sans verdict"])
    async def test_nobody_switches_it_off_by_naming_challenges_that_are_over(self, piste: Piste, panne: str) -> None:
        """[P14] What it answers about one challenge says nothing of the others: anybody may ask for it again."""
        piste.panne = panne
        client = Captchetat(piste.settings())
        for _ in range(10):
            with pytest.raises(CaptchetatIndisponible):
                await client.validate(UUID, "XK7PR")
            if panne == "finis":
                with pytest.raises(DefiInconnu):
                    await client.fetch_son(UUID, "fr")
        assert (await client.fetch_image("fr")).uuid == UUID
        await client.aclose()

    async def test_one_failure_is_no_outage_and_several_in_a_row_are(self, piste: Piste) -> None:
        client = Captchetat(piste.settings())
        for panne in ("500", "", "500", "html", ""):
            piste.panne = panne
            if panne:
                with pytest.raises(CaptchetatIndisponible):
                    await client.fetch_image("fr")
            else:
                assert (await client.fetch_image("fr")).uuid == UUID
        piste.panne = "500"
        for _ in range(3):
            with pytest.raises(CaptchetatIndisponible):
                await client.fetch_image("fr")
        demandes = len(piste.demandes)
        piste.panne = ""
        with pytest.raises(CaptchetatIndisponible, match="resting"):
            await client.fetch_image("fr")
        assert len(piste.demandes) == demandes
        await client.aclose()

    def test_half_a_configuration_is_refused(self) -> None:
        env = {"DATABASE_URL": "postgresql://x/y", "REDIS_URL": "redis://x", "ACCUEIL_DEMO": "1"}
        with pytest.raises(ConfigurationInvalide, match="CAPTCHETAT"):
            load({**env, "CAPTCHETAT_URL": "https://api.piste.gouv.fr/piste/captchetat/v2"})


async def test_the_journey_asks_captchetat_then_our_own_challenge_when_it_is_away(
    piste: Piste, base_url: str, redis_server: RedisServer, smtp_server: Smtp, tmp_path: Path, outils: Outils
) -> None:
    async with outils.db.engine.begin() as conn:
        service = await build_service(conn, guichets=2, types=["guichet"])
        await conn.execute(
            text("INSERT INTO parametre (cle, valeur, modifie_a) VALUES ('captcha', '\"toujours\"', now())")
        )
    reglages = piste.settings()
    env: dict[str, Any] = {
        "CAPTCHETAT_URL": reglages.captchetat_url,
        "CAPTCHETAT_OAUTH": reglages.captchetat_oauth,
        "CAPTCHETAT_ID": "identifiant",
        "CAPTCHETAT_SECRET": "secret-piste",
    }
    with run_site(base_url, redis_server.url, smtp_server.url, tmp_path, **env) as site:
        async with httpx.AsyncClient(base_url=site.url, headers={"Origin": site.url}, timeout=20) as client:
            usager = Navigateur(client, service.id, {"motif": service.motifs[0], "type": "guichet"})
            tenu = await usager.choose()
            page = await client.get(tenu.headers["location"])
            assert "data:image/png;base64," in page.text
            formulaire = caches(page.text)
            son = await client.get(f"/captcha/{formulaire['captcha_jeton']}.wav")
            assert son.content.startswith(b"RIFF")
            faux = await usager.send(formulaire, **somebody(), captcha="AAAAA")
            assert faux.status_code == 422
            qui = somebody()
            reponse = await usager.send(caches(faux.text), **qui, captcha=" xk7pr ")
            assert reponse.status_code == 303
            await check_without_verdict(usager, piste, "sans verdict", "n’a pas pu être vérifié")
            await check_without_verdict(usager, piste, "finis", "n’est plus valable")
            piste.panne = "500"
            formulaire = await usager.open_form()
            image = await client.get(f"/captcha/{formulaire['captcha_jeton']}.png")
            assert image.headers["content-type"] == "image/png"


async def check_without_verdict(usager: Navigateur, piste: Piste, panne: str, phrase: str) -> None:
    """A right answer that CaptchEtat leaves unchecked is not called wrong: our own challenge, and nothing is lost."""
    piste.panne = ""
    formulaire = await usager.open_form()
    piste.panne = panne
    qui = {**somebody(), "precision": "Mes revenus fonciers"}
    reponse = await usager.send(formulaire, **qui, captcha="XK7PR")
    assert reponse.status_code == 422
    assert phrase in reponse.text
    assert "ne correspond pas" not in reponse.text
    assert qui["precision"] in reponse.text
    assert "data:image/png;base64," not in reponse.text, "the next one is ours"
    assert caches(reponse.text)["cle"] == formulaire["cle"]
