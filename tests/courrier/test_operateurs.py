"""Ways out of short messages, against a real HTTP server."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from app.config import ConfigurationInvalide, load
from app.courrier.echecs import Genre
from app.courrier.operateurs import EchecSms, Operateur, Sms, create_operateur
from tests.courrier.passerelle import Passerelle, accept, dawdle, refuse

SMS = Sms("rdv-1613.confirmation.0.abc@rdv.example.fr", "+33612345678", "RDV confirmé : à 10h20 {€}")


def generique(passerelle: Passerelle, delai_s: float = 2.0) -> Operateur:
    operateur = create_operateur(passerelle.url, "cle-secrete", "IMPOTS", delai_s=delai_s)
    assert operateur is not None
    return operateur


def smsfactor(passerelle: Passerelle) -> Operateur:
    url = f"smsfactor+{passerelle.url.removesuffix('/envoi')}"
    operateur = create_operateur(url, "cle-secrete", "IMPOTS", delai_s=2.0)
    assert operateur is not None
    return operateur


async def genre_of(operateur: Operateur) -> Genre:
    with pytest.raises(EchecSms) as refus:
        await operateur.send(SMS)
    await operateur.aclose()
    assert "336" not in str(refus.value)
    assert "RDV" not in str(refus.value)
    return refus.value.echec.genre


class TestPasserelleGenerique:
    async def test_it_receives_who_what_from_whom_and_an_identity(self, passerelle: Passerelle) -> None:
        operateur = generique(passerelle)
        await operateur.send(SMS)
        await operateur.aclose()
        (recu,) = passerelle.recus
        assert recu.chemin == "/envoi"
        assert recu.corps == {"to": SMS.numero, "text": SMS.texte, "from": "IMPOTS", "id": SMS.id}
        assert recu.entetes["Authorization"] == "Bearer cle-secrete"
        assert recu.entetes["Idempotency-Key"] == SMS.id

    @pytest.mark.parametrize(
        ("code", "genre"),
        [
            (400, Genre.ADRESSE),
            (404, Genre.ADRESSE),
            (422, Genre.ADRESSE),
            (301, Genre.REFUS),
            (401, Genre.REFUS),
            (402, Genre.REFUS),
            (403, Genre.REFUS),
            (408, Genre.TEMPORAIRE),
            (429, Genre.TEMPORAIRE),
            (500, Genre.TEMPORAIRE),
            (503, Genre.TEMPORAIRE),
        ],
    )
    async def test_each_refusal_has_its_verdict(self, passerelle: Passerelle, code: int, genre: Genre) -> None:
        passerelle.answer = refuse(code, b"+33612345678 is unknown")
        assert await genre_of(generique(passerelle)) is genre

    async def test_one_that_says_nothing_in_time_may_have_taken_it(self, passerelle: Passerelle) -> None:
        passerelle.answer = dawdle(0.6)
        assert await genre_of(generique(passerelle, delai_s=0.2)) is Genre.TEMPORAIRE

    async def test_one_that_is_away_blames_no_message(self, passerelle: Passerelle) -> None:
        operateur = generique(passerelle)
        passerelle.stop()
        assert await genre_of(operateur) is Genre.SERVEUR

    async def test_a_redirection_takes_the_key_nowhere_else(self, passerelle: Passerelle) -> None:
        autre = Passerelle()
        autre.start()
        passerelle.answer = refuse(307)
        assert await genre_of(generique(passerelle)) is Genre.REFUS
        assert autre.recus == []
        autre.stop()


class TestSmsFactor:
    """https://dev.smsfactor.com/en/api/sms/send/: POST /send, Bearer token."""

    async def test_it_receives_its_own_shape(self, passerelle: Passerelle) -> None:
        operateur = smsfactor(passerelle)
        await operateur.send(SMS)
        await operateur.aclose()
        (recu,) = passerelle.recus
        assert recu.chemin == "/send"
        assert recu.entetes["Authorization"] == "Bearer cle-secrete"
        assert recu.corps == {
            "sms": {
                "message": {"text": SMS.texte, "pushtype": "alert", "sender": "IMPOTS"},
                "recipients": {"gsm": [{"gsmsmsid": SMS.id, "value": "33612345678"}]},
            }
        }

    async def test_one_held_for_a_human_eye_is_not_given_twice(self, passerelle: Passerelle) -> None:
        passerelle.answer = refuse(200, b'{"status": -8, "message": "moderated"}')
        operateur = smsfactor(passerelle)
        await operateur.send(SMS)
        await operateur.aclose()

    @pytest.mark.parametrize(
        ("corps", "genre"),
        [
            (b'{"status": -1, "message": "auth"}', Genre.REFUS),
            (b'{"status": 1, "sent": 0, "invalid": 1}', Genre.ADRESSE),
            (b"<html>", Genre.REFUS),
            (b"[]", Genre.REFUS),
        ],
    )
    async def test_a_200_that_refuses_is_a_refusal(self, passerelle: Passerelle, corps: bytes, genre: Genre) -> None:
        passerelle.answer = refuse(200, corps)
        assert await genre_of(smsfactor(passerelle)) is genre


class TestFichier:
    async def test_one_line_each_whoever_writes_at_once(self, tmp_path: Path) -> None:
        fichier = tmp_path / "dossier" / "sms.jsonl"
        operateur = create_operateur(f"fichier:{fichier}", "", "IMPOTS")
        assert operateur is not None
        await asyncio.gather(*(operateur.send(SMS) for _ in range(20)))
        lignes = [json.loads(ligne) for ligne in fichier.read_text().splitlines()]
        assert len(lignes) == 20
        assert lignes[0].pop("a")
        assert lignes[0] == {"id": SMS.id, "numero": SMS.numero, "texte": SMS.texte, "expediteur": "IMPOTS"}
        assert fichier.stat().st_mode & 0o077 == 0

    async def test_a_full_or_forbidden_disk_blames_no_message(self) -> None:
        operateur = create_operateur("fichier:/proc/nulle-part/sms.jsonl")
        assert operateur is not None
        assert await genre_of(operateur) is Genre.SERVEUR


class TestReglage:
    def test_no_address_is_no_operator(self) -> None:
        assert create_operateur("") is None

    @pytest.mark.parametrize(
        ("url", "cle", "expediteur"),
        [
            ("ftp://x/y", "", ""),
            ("fichier:relatif", "", ""),
            ("https://", "", ""),
            ("https://[", "", ""),
            ("smsfactor:", "", ""),
            ("https://sms.example/x", "", "TROP LONG POUR ÊTRE MONTRÉ"),
            ("https://sms.example/x", "", "12345"),
        ],
    )
    def test_a_setting_that_cannot_work_is_refused_at_once(self, url: str, cle: str, expediteur: str) -> None:
        with pytest.raises(ConfigurationInvalide):
            create_operateur(url, cle, expediteur)

    def test_production_refuses_to_send_numbers_in_clear(self) -> None:
        env = {
            "DATABASE_URL": "postgresql://x/y",
            "REDIS_URL": "redis://x",
            "SECRET_KEY": "x" * 40,
            "BASE_URL": "https://rdv.example.fr",
            "SMS_URL": "http://sms.example/envoi",
        }
        with pytest.raises(ConfigurationInvalide, match="SMS_URL"):
            load(env)
        with pytest.raises(ConfigurationInvalide, match="SMS_URL"):
            load({**env, "SMS_URL": "smtp://sms.example"})
        assert load({**env, "SMS_URL": "smsfactor:", "SMS_CLE": "abc"}).sms_cle == "abc"
        assert "abc" not in repr(load({**env, "SMS_URL": "smsfactor:", "SMS_CLE": "abc"}))

    def test_a_stub_that_accepts_says_so(self) -> None:
        assert accept({})[0] == 200
