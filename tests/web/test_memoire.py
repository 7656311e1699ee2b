"""What people type does not stay in the memory of the process."""

from __future__ import annotations

import pytest
from litestar.connection import request as litestar_request
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.booking.outils import Outils
from app.db import describe
from app.main import forget_forms


def test_parsed_forms_are_not_remembered() -> None:
    forget_forms()
    analyse = vars(litestar_request)["parse_url_encoded_form_data"]
    assert analyse(b"nom_usage=Valenton&nom_usage=Autre&prenoms=") == {
        "nom_usage": ["Valenton", "Autre"],
        "prenoms": "",
    }
    assert not hasattr(analyse, "cache_info")


class TestJournaux:
    """promises P16: no personal data in logs, whatever goes wrong."""

    async def test_an_error_of_the_database_is_logged_without_what_was_typed(self, outils: Outils) -> None:
        secret = "Valenton-à-ne-pas-journaliser"
        with pytest.raises(DBAPIError) as prise:
            async with outils.db.engine.begin() as conn:
                await conn.execute(text("SELECT CAST(:valeur AS integer)"), {"valeur": secret})
        assert secret not in str(describe(prise.value))
        assert describe(prise.value)["erreur"]
