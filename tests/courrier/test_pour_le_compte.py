"""A rendez-vous received for another service: the place is who receives, and the mail says for whom [G 2.3.5]."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.courrier.message import EVENEMENTS
from tests.courrier.exemples import CAEN_NORD, as_received, part, text_of

ORIGINE = "SIP de Bayeux <b>hostile</b>"
DELEGUE = replace(CAEN_NORD, service_origine=ORIGINE)


class TestPourLeCompteDe:
    @pytest.mark.parametrize("evenement", EVENEMENTS)
    def test_every_mail_names_both_services_and_escapes_them(self, evenement: str) -> None:
        courriel = as_received(evenement, DELEGUE)
        brut, page = text_of(courriel, "text/plain"), text_of(courriel, "text/html")
        assert f"pour le compte de {ORIGINE}" in brut
        assert "pour le compte de SIP de Bayeux &lt;b&gt;hostile" in page
        assert CAEN_NORD.service_libelle in brut

    def test_the_calendar_says_it_and_gives_the_place_of_who_receives(self) -> None:
        agenda = str(part(as_received("confirmation", DELEGUE), "text/calendar").get_content()).replace("\r\n ", "")
        assert "vous reçoit pour le compte de SIP de Bayeux" in agenda
        assert "SIP de Bayeux" not in next(li for li in agenda.splitlines() if li.startswith("LOCATION"))

    @pytest.mark.parametrize("evenement", EVENEMENTS)
    def test_an_ordinary_mail_says_nothing_of_it(self, evenement: str) -> None:
        courriel = as_received(evenement, CAEN_NORD)
        assert "pour le compte" not in text_of(courriel, "text/plain") + text_of(courriel, "text/html")
