"""The mailbox over HTTP: what SMTP delivered, shown safely."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from app.embedded.postgres import Postgres
from app.embedded.redis import RedisServer
from app.embedded.smtp import Smtp
from tests.demo.outillage import INVITATION, deliver
from tests.fixtures.base import Site, run_site


class TestMessages:
    """domain « Messages », read from the demo."""

    def test_the_newest_comes_first_with_subject_and_recipient(self, site_demo: Site, smtp_server: Smtp) -> None:
        deliver(smtp_server, "Premier message")
        deliver(smtp_server, "Second <script>alert(1)</script>")
        page = httpx.get(f"{site_demo.url}/demo/boite").text
        assert page.index("Second &lt;script&gt;") < page.index("Premier message")
        assert "philippa@usagers.test" in page
        assert "<script>alert" not in page

    def test_a_message_is_shown_whole_and_runs_nothing(self, site_demo: Site, smtp_server: Smtp) -> None:
        cle = deliver(
            smtp_server,
            "Tout entier",
            "<html><body style='background:#eee'><script>alert(1)</script><p style='color:red'>Confirmé</p></body>",
            INVITATION,
        )
        page = httpx.get(f"{site_demo.url}/demo/boite/{cle}")
        assert page.status_code == 200
        assert 'sandbox="allow-same-origin allow-popups allow-popups-to-escape-sandbox"' in page.text
        assert "allow-scripts" not in page.text
        assert "alert(1)" not in page.text
        assert "votre rendez-vous est &lt;b&gt;confirmé&lt;/b&gt;" in page.text
        for mot in ("Rendez-vous à inscrire à l’agenda", "mercredi 25 novembre 2026", "séquence 2", "rdv-7@rdv.test"):
            assert mot in page.text
        feuille = httpx.get(f"{site_demo.url}/demo/boite/{cle}/style.css")
        assert feuille.headers["content-type"].startswith("text/css")
        assert "color:red" in feuille.text

    def test_its_invitation_and_its_source_can_be_downloaded(self, site_demo: Site, smtp_server: Smtp) -> None:
        cle = deliver(smtp_server, "À emporter", calendrier=INVITATION)
        ics = httpx.get(f"{site_demo.url}/demo/boite/{cle}/invitation.ics")
        assert ics.headers["content-type"].startswith("text/calendar")
        assert "attachment" in ics.headers["content-disposition"]
        assert "UID:rdv-7@rdv.test" in ics.text
        source = httpx.get(f"{site_demo.url}/demo/boite/{cle}/source")
        assert b"philippa@usagers.test" in source.content
        assert "attachment" in source.headers["content-disposition"]

    @pytest.mark.parametrize("cle", ["inconnu", "..%2F..%2Fsecret", "%00", "x" * 500])
    @pytest.mark.parametrize("suite", ["", "/style.css", "/invitation.ics", "/source"])
    def test_a_forged_key_is_just_unknown(self, site_demo: Site, cle: str, suite: str) -> None:
        assert httpx.get(f"{site_demo.url}/demo/boite/{cle}{suite}").status_code == 404


def test_with_an_external_relay_the_page_says_that_mails_really_leave(
    postgres_server: Postgres, modele_demo: str, redis_server: RedisServer, smtp_server: Smtp, tmp_path: Path
) -> None:
    url = postgres_server.create_database("demo_relais", modele=modele_demo)
    try:
        relais = f"smtp://compte:secret@127.0.0.1:{smtp_server.port}"
        with run_site(url, redis_server.url, relais, tmp_path) as site:
            page = httpx.get(f"{site.url}/demo/boite").text
            assert "Les messages partent réellement" in page
            assert f"127.0.0.1:{smtp_server.port}" in page
            assert "secret" not in page
    finally:
        postgres_server.drop_database("demo_relais")
