"""Properties are not timed: a slow machine must not make them fail."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("domaine", deadline=None, max_examples=80)
settings.load_profile("domaine")
