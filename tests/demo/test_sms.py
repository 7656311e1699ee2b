"""The short messages of the demo, read from the file that the adapter wrote."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from app.courrier.operateurs import Sms, create_operateur
from app.demo.sms import list_sms
from tests.fixtures.base import make_settings


class TestBoite:
    async def test_the_newest_comes_first_and_its_link_opens(self, tmp_path: Path) -> None:
        url = f"fichier:{tmp_path}/sms.jsonl"
        settings = replace(make_settings("postgresql://x/y", "redis://x", "smtp://x", tmp_path), sms_url=url)
        assert list_sms(settings, 10) == []
        operateur = create_operateur(url, "", "IMPOTS")
        assert operateur is not None
        for n in range(3):
            await operateur.send(Sms(f"id-{n}", "+33612345678", f"RDV {n} <b> : https://rdv.test/mon-rendez-vous/abc."))
        with (tmp_path / "sms.jsonl").open("a") as fichier:
            fichier.write('{"cut in the mid\n')
        lus = list_sms(settings, 2)
        assert [lu["id"] for lu in lus] == ["id-2", "id-1"]
        assert lus[0]["numero"].split() == ["06", "12", "34", "56", "78"]
        assert [m["url"] for m in lus[0]["morceaux"]] == ["", "https://rdv.test/mon-rendez-vous/abc", ""]

    def test_none_is_shown_when_they_really_leave(self, tmp_path: Path) -> None:
        settings = make_settings("postgresql://x/y", "redis://x", "smtp://x", tmp_path)
        assert list_sms(replace(settings, sms_url="https://sms.example/envoi"), 10) == []
