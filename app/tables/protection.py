"""What bounds robots: counts of acts and challenges answered. Unlogged: see migration 0012."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from app.tables.base import Base, Instant

_SANS_JOURNAL: Final[dict[str, Any]] = {"prefixes": ["UNLOGGED"]}


class Comptage(Base):
    """How often something was done during one window, which ends at ``fin``. ``cle`` is a keyed print of both."""

    __tablename__ = "comptage"
    __table_args__ = _SANS_JOURNAL

    cle: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    fin: Mapped[Instant] = mapped_column(index=True)
    nombre: Mapped[int]


class Defi(Base):
    """A challenge that was answered, once and for all; ``visite`` (a print) may then go on, until ``expire_a``.

    One that nobody answered has no row: it is a signed token. No answer is kept, the server derives it.
    """

    __tablename__ = "defi"
    __table_args__ = _SANS_JOURNAL

    empreinte: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    visite: Mapped[bytes] = mapped_column(LargeBinary, index=True)
    reussi: Mapped[bool]
    expire_a: Mapped[Instant] = mapped_column(index=True)
    #: Print of the form that it let book and of who was in it: the same sent twice is one booking, another one needs
    #: another challenge.
    cle: Mapped[bytes | None] = mapped_column(LargeBinary)
