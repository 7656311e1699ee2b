"""What a phone on a slow line loads: compressed once, whole for who asks for no compression."""

from __future__ import annotations

import gzip

import httpx

from tests.accueil.monde import Journee


class TestFichiersStatiques:
    """Light: style sheets and scripts travel compressed."""

    async def test_a_style_sheet_is_compressed_and_the_same_once_opened(self, journee: Journee) -> None:
        async with httpx.AsyncClient(base_url=journee.site.url) as client:
            accueil = (await client.get("/")).text
            feuille = accueil.split('rel="stylesheet" href="')[1].split('"')[0]
            brut = await client.get(feuille, headers={"Accept-Encoding": "identity"})
            flux = [await _raw(client, feuille) for _ in range(2)]
        assert "content-encoding" not in brut.headers
        for reponse, corps in flux:
            assert reponse.headers["content-encoding"] == "gzip"
            assert reponse.headers["vary"] == "accept-encoding"
            assert "immutable" in reponse.headers["cache-control"]
            assert len(corps) < len(brut.content) / 3
            assert gzip.decompress(corps) == brut.content

    async def test_an_absent_file_stays_absent(self, journee: Journee) -> None:
        async with httpx.AsyncClient(base_url=journee.site.url) as client:
            accueil = (await client.get("/")).text
            feuille = accueil.split('rel="stylesheet" href="')[1].split('"')[0]
            reponse = await client.get(feuille.replace(".css", "-absente.css"))
        assert reponse.status_code == 404


class TestJetonsDesFormulaires:
    """A page is compressed: nothing secret in it may be constant."""

    async def test_two_pages_of_one_visit_carry_two_tokens_and_both_serve(self, journee: Journee) -> None:
        async with httpx.AsyncClient(base_url=journee.site.url) as client:
            jetons = [_token((await client.get("/")).text) for _ in range(2)]
            assert jetons[0] != jetons[1]
            for jeton in jetons:
                envoi = await client.post(
                    "/langue",
                    data={"_csrf": jeton, "langue": "en", "retour": "/"},
                    headers={"Origin": journee.site.url},
                )
                assert envoi.status_code == 303
            faux = await client.post(
                "/langue", data={"_csrf": jetons[0][:-1] + "x", "langue": "en"}, headers={"Origin": journee.site.url}
            )
            assert faux.status_code == 403


def _token(html: str) -> str:
    return html.split('name="csrf" content="')[1].split('"')[0]


async def _raw(client: httpx.AsyncClient, adresse: str) -> tuple[httpx.Response, bytes]:
    async with client.stream("GET", adresse, headers={"Accept-Encoding": "gzip"}) as reponse:
        return reponse, b"".join([morceau async for morceau in reponse.aiter_raw()])
