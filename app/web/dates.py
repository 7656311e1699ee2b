"""Dates and hours as people read them, in French, in the place's own time."""

from __future__ import annotations

from datetime import UTC, date, datetime, tzinfo

from babel.dates import format_date


def _premier(texte: str, langue: str) -> str:
    """« mardi 1er décembre »: the first of the month is an ordinal in French."""
    return texte.replace(" 1 ", " 1er ", 1) if langue == "fr" else texte


def jour_long(jour: date, langue: str = "fr") -> str:
    """« mercredi 14 septembre 2016 »."""
    return _premier(format_date(jour, "EEEE d MMMM y" if langue == "fr" else "EEEE, d MMMM y", locale=langue), langue)


def jour_moyen(jour: date, langue: str = "fr") -> str:
    """« mercredi 14 septembre »."""
    return _premier(format_date(jour, "EEEE d MMMM", locale=langue), langue)


def jour_court(jour: date, langue: str = "fr") -> str:
    """« mer. 14 sept. »."""
    return _premier(format_date(jour, "EEE d MMM", locale=langue), langue)


def heure(instant: datetime, zone: tzinfo) -> str:
    """« 08:20 », local: in grids, lists and everything that agents read. Prose for usagers: ``heure_en_mots``."""
    return instant.astimezone(zone).strftime("%H:%M")


def instant_utc(instant: datetime | None) -> str:
    """``YYYY-MM-DDTHH:MM:SSZ``, or "" when there is none: the form that pages and their scripts share."""
    return "" if instant is None else instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
