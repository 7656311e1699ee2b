"""What people type does not stay in the memory of the process."""

from __future__ import annotations

from litestar.connection import request as litestar_request

from app.main import forget_forms


def test_parsed_forms_are_not_remembered() -> None:
    forget_forms()
    analyse = vars(litestar_request)["parse_url_encoded_form_data"]
    assert analyse(b"nom_usage=Valenton&nom_usage=Autre&prenoms=") == {
        "nom_usage": ["Valenton", "Autre"],
        "prenoms": "",
    }
    assert not hasattr(analyse, "cache_info")
