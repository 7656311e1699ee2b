"""The application as it is built: nothing of it leans on what the framework is about to drop."""

from __future__ import annotations

import warnings
from pathlib import Path

from app.main import create_web
from tests.fixtures.base import make_settings


def test_no_handler_leaves_the_framework_guess_where_a_value_comes_from(tmp_path: Path) -> None:
    settings = make_settings("postgresql://nobody/nothing", "redis://nobody", "smtp://127.0.0.1:1", tmp_path)
    with warnings.catch_warnings(record=True) as vus:
        warnings.simplefilter("always")
        create_web(settings)
    assert [str(vu.message) for vu in vus if issubclass(vu.category, DeprecationWarning)] == []
