"""The servers that every other test stands on."""

from __future__ import annotations

import asyncpg
import redis.asyncio as redis
from aiosmtplib import send
from playwright.async_api import Browser
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from app.embedded.boite import list_messages, read_message
from app.embedded.postgres import Postgres
from app.embedded.redis import RedisServer
from app.embedded.smtp import Smtp


class TestSessionServers:
    async def test_the_postgres_url_serves_asyncpg_and_sqlalchemy_alike(self, postgres_server: Postgres) -> None:
        url = postgres_server.create_database("essai_url")
        connexion = await asyncpg.connect(url)
        assert await connexion.fetchval("SELECT current_database()") == "essai_url"
        await connexion.close()
        moteur = create_async_engine(url.replace("postgresql:", "postgresql+asyncpg:", 1))
        async with moteur.connect() as lien:
            assert (await lien.execute(text("SELECT current_database()"))).scalar() == "essai_url"
        await moteur.dispose()
        postgres_server.drop_database("essai_url")

    async def test_a_database_is_copied_from_a_model(self, postgres_server: Postgres) -> None:
        modele = await asyncpg.connect(postgres_server.create_database("essai_modele"))
        await modele.execute("CREATE TABLE t AS SELECT 42 AS n")
        await modele.close()
        copie = await asyncpg.connect(postgres_server.create_database("essai_copie", "essai_modele"))
        assert await copie.fetchval("SELECT n FROM t") == 42
        await copie.close()
        postgres_server.drop_database("essai_copie")
        postgres_server.drop_database("essai_modele")

    async def test_redis_answers(self, redis_server: RedisServer) -> None:
        client = redis.from_url(redis_server.url)
        assert await client.ping()
        await client.aclose()

    async def test_a_message_sent_is_a_message_filed(self, smtp_server: Smtp) -> None:
        brut = "From: a@b.invalid\r\nTo: c@d.invalid\r\nSubject: =?utf-8?q?=C3=89t=C3=A9?=\r\n\r\nBonjour\r\n"
        await send(brut, sender="a@b.invalid", recipients=["c@d.invalid"], hostname="127.0.0.1", port=smtp_server.port)
        dernier = list_messages(smtp_server.dossier)[0]
        assert (dernier.sujet, read_message(smtp_server.dossier, dernier.cle).texte.strip()) == ("Été", "Bonjour")

    async def test_a_real_browser_opens_a_page(self, browser: Browser) -> None:
        page = await browser.new_page()
        await page.set_content("<title>Accueil</title>")
        assert await page.title() == "Accueil"
        await page.close()
