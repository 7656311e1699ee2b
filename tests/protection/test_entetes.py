"""Every answer carries its headers, errors and static files included [OWASP ASVS 5, V3.4]."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from litestar import Litestar

from app.main import create_web
from app.web.securite import SecuriteMiddleware, cookie_header
from tests.booking.usager.conftest import Monde
from tests.fixtures.base import make_settings

_CADRABLE = re.compile(r"/services/\d+/encart")


def list_gets() -> list[str]:
    """Every GET route, its parameters filled in with something that may exist."""
    settings = make_settings("postgresql://x/y", "redis://127.0.0.1:1", "smtp://127.0.0.1:1", Path())
    application = cast(Litestar, cast(Any, create_web(settings)).app)
    modeles = sorted(r.path for r in application.routes if "GET" in getattr(r, "methods", ()))
    return [re.sub(r"\{[^}]*\}", "1", modele) for modele in modeles]


def check(reponse: httpx.Response, ou: str) -> None:
    """Raise AssertionError when a header is missing."""
    tete = reponse.headers
    assert tete["x-content-type-options"] == "nosniff", ou
    assert tete["referrer-policy"] == "no-referrer", ou
    csp = dict(morceau.strip().partition(" ")[::2] for morceau in tete["content-security-policy"].split(";"))
    assert "unsafe" not in tete["content-security-policy"], ou
    assert csp["base-uri"] == "'none'", ou
    assert csp["form-action"] in ("'self'", "'none'"), ou
    assert "*" not in tete["content-security-policy"], ou
    assert len(tete.get_list("content-security-policy")) == 1, ou
    assert "server" not in tete, ou
    if not _CADRABLE.match(ou):
        assert csp["object-src"] == "'none'", ou
        assert csp["frame-ancestors"] == "'none'", ou
        assert tete["x-frame-options"] == "DENY", ou
        assert tete["cross-origin-opener-policy"] == "same-origin", ou
        assert tete["cross-origin-resource-policy"] == "same-origin", ou
    if "/static" not in ou:
        assert tete.get("cache-control"), ou


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
class TestEntetes:
    """On every route, whatever it answers."""

    async def test_every_get_route_and_every_error_has_them(self, garde: Monde) -> None:
        adresses = [
            *list_gets(),
            f"/services/{garde.service.id}",
            f"/rdv/{garde.service.id}/creneau?motif={garde.service.motifs[0]}&type=guichet",
            "/nulle-part",
            "/static/nulle-part.css",
            "/static/css/usager.css",
            "/services/1_0",
            "/%00",
            "/captcha/x.png",
        ]
        async with httpx.AsyncClient(base_url=garde.site.url, timeout=20) as client:
            for adresse in adresses:
                reponse = await client.get(adresse)
                assert reponse.status_code < 500, adresse
                check(reponse, adresse)
            for methode, adresse, statut in (
                ("POST", f"/rdv/{garde.service.id}/option", 403),
                ("DELETE", "/", 405),
                ("PUT", "/captcha/x", 405),
                ("TRACE", "/", 405),
            ):
                reponse = await client.request(methode, adresse)
                assert reponse.status_code == statut, adresse
                check(reponse, adresse)
            gros = await client.post("/langue", data={"retour": "x" * 2_000_000}, headers={"Origin": garde.site.url})
            assert gros.status_code == 413
            check(gros, "413")

    async def test_cookies_are_closed_to_scripts_and_to_other_sites(self, garde: Monde) -> None:
        async with httpx.AsyncClient(base_url=garde.site.url) as client:
            recu = (await client.get("/")).headers.get_list("set-cookie")
        assert recu
        for biscuit in recu:
            assert "HttpOnly" in biscuit
            assert "SameSite=Lax" in biscuit
            assert "Domain=" not in biscuit

    def test_over_tls_cookies_are_bound_to_the_host_and_tls_is_remembered(self) -> None:
        settings = replace(
            make_settings("postgresql://x/y", "redis://x", "smtp://x", Path()), base_url="https://rdv.example.fr"
        )
        assert cookie_header(settings, "visite", "v", duree_s=1).startswith("__Host-accueil_visite=v; Path=/")
        entetes = dict(SecuriteMiddleware(cast(Any, None), settings)._entetes)
        assert b"max-age=31536000" in entetes[b"strict-transport-security"]
