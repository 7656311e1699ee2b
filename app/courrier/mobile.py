"""Which telephone takes a short message: a mobile one of a French numbering plan, overseas included.

A form that anybody may fill in would otherwise make the administration pay for messages to distant premium numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import phonenumbers
from phonenumbers import PhoneNumberType

#: Regions of ``phonenumbers`` that short messages are sent to.
REGIONS: Final = frozenset({"FR", "GP", "MQ", "GF", "RE", "PM", "YT", "BL", "MF", "WF", "PF", "NC"})
_TYPES: Final = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE})


def find_mobile(telephones: Sequence[str]) -> str | None:
    """The first of these numbers (E.164) that takes a short message, or None."""
    return next((numero for numero in telephones if is_mobile(numero)), None)


def is_mobile(numero: str) -> bool:
    """True of one that does."""
    try:
        lu = phonenumbers.parse(numero, None)
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.number_type(lu) in _TYPES and phonenumbers.region_code_for_number(lu) in REGIONS
