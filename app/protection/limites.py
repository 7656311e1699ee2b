"""How often strangers may act: what each act allows, from an address, a browser, a person, and in a service.

Counts are kept in PostgreSQL under keyed prints, in one statement of their own before the act: no lock is held over
anything else, and Redis has no part in it. Two bounds: past ``doux`` a challenge is asked (``app.protection.defis``),
past ``dur`` the answer is 429. Nobody's name or mailbox has a hard bound: whoever types them could keep their holder
out. This very machine (a proxy that was not declared) has none: better no bound than the whole nation behind one.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import ARRAY, DateTime, LargeBinary, bindparam, delete, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.config import Settings
from app.errors import TropDeDemandes
from app.identite.essais import find_lieu
from app.tables import Comptage

_MINUTE, _HEURE, _JOUR = 60, 3600, 86_400
#: Where requests come from when nothing stands between, or a proxy that FORWARDED_ALLOW_IPS does not name.
_ICI: Final = frozenset({"127.0.0.1", "::1", "::ffff:127.0.0.1"})


@dataclass(frozen=True, slots=True)
class Limite:
    """Acts of one ``portee`` in windows of ``fenetre_s`` seconds; 0: no such bound. Those of a service are per guichet.

    ``portee``: ``adresse`` (/64 in IPv6), ``visite``, ``personne`` (each mailbox, number), ``service``.
    """

    portee: str
    fenetre_s: int
    doux: int = 0
    dur: int = 0


#: A household or an office behind one address never meets a hard bound; a guichet gives about 24 créneaux a day.
ACTES: Final[Mapping[str, tuple[Limite, ...]]] = {
    "tenir": (
        Limite("adresse", 5 * _MINUTE, doux=12, dur=60),
        Limite("visite", 5 * _MINUTE, dur=30),
        Limite("service", 5 * _MINUTE, doux=8),
    ),
    "prolonger": (Limite("adresse", 5 * _MINUTE, dur=120), Limite("visite", 5 * _MINUTE, dur=20)),
    "reserver": (
        Limite("adresse", _HEURE, dur=60),
        Limite("adresse", _JOUR, doux=3),
        Limite("visite", _HEURE, doux=3, dur=20),
        Limite("personne", _JOUR, doux=3),
        Limite("service", _HEURE, doux=5),
        Limite("service", _JOUR, doux=15),
    ),
    "defi": (Limite("adresse", 5 * _MINUTE, dur=40), Limite("visite", 5 * _MINUTE, dur=15)),
    "renouveler": (Limite("adresse", 5 * _MINUTE, dur=120), Limite("visite", 5 * _MINUTE, dur=30)),
    # Looking for one's own rendez-vous, and whatever else sends a message to an address typed by a stranger.
    "retrouver": (Limite("adresse", _HEURE, dur=30), Limite("visite", _HEURE, dur=10)),
}


@dataclass(frozen=True, slots=True)
class Sujets:
    """Who acts: address as the server knows it, secret of the visit, names of the person, service and its guichets."""

    adresse: str | None
    visite: str = ""
    personnes: tuple[str, ...] = ()
    service_id: int = 0
    guichets: int = 1

    @property
    def local(self) -> bool:
        """True for this very machine."""
        return self.adresse in _ICI

    def values(self, portee: str) -> Sequence[str]:
        """What is counted under that scope."""
        if portee == "adresse":
            return (find_lieu(self.adresse),)
        if portee == "visite":
            return (self.visite,) if self.visite else ()
        if portee == "personne":
            return self.personnes
        return (str(self.service_id),) if self.service_id else ()


@dataclass(frozen=True, slots=True)
class _Case:
    limite: Limite
    cle: bytes
    fin: datetime
    facteur: int


@dataclass(frozen=True, slots=True)
class Compte:
    """What was counted. ``regle``: the bound passed; a challenge is due (``doute``), or a wait (``attendre_s``)."""

    doute: bool = False
    attendre_s: int = 0
    regle: str = ""
    cles: tuple[bytes, ...] = field(default=(), repr=False)

    def build_refus(self) -> TropDeDemandes:
        """As an answer (429)."""
        return TropDeDemandes(
            "Trop de demandes sont venues de votre connexion en peu de temps.",
            remede="Patientez quelques minutes puis recommencez : votre saisie est conservée.",
            attendre_s=self.attendre_s,
        )


def list_cases(settings: Settings, acte: str, sujets: Sujets, a: datetime) -> list[_Case]:
    """What ``acte`` counts, in an order that never deadlocks."""
    cle, cases = settings.derive_key("limites"), {}
    for limite in ACTES[acte]:
        debut = a.timestamp() // limite.fenetre_s * limite.fenetre_s
        fin = datetime.fromtimestamp(debut + limite.fenetre_s, UTC)
        for valeur in sujets.values(limite.portee):
            parts = (acte, limite.portee, str(limite.fenetre_s), f"{debut:.0f}", valeur)
            imprimee = hmac.new(cle, "\n".join(parts).encode("utf-8", "surrogatepass"), hashlib.sha256).digest()[:16]
            cases[imprimee] = _Case(limite, imprimee, fin, sujets.guichets if limite.portee == "service" else 1)
    return sorted(cases.values(), key=lambda case: case.cle)


_AJOUTER: Final = text(
    "INSERT INTO comptage (cle, fin, nombre) SELECT cle, fin, 1 FROM unnest(:cles, :fins) AS c(cle, fin)"
    " ON CONFLICT (cle) DO UPDATE SET nombre = comptage.nombre + 1 RETURNING cle, nombre"
).bindparams(bindparam("cles", type_=ARRAY(LargeBinary)), bindparam("fins", type_=ARRAY(DateTime(timezone=True))))
_RENDRE: Final = text("UPDATE comptage SET nombre = greatest(nombre - 1, 0) WHERE cle = ANY(:cles)").bindparams(
    bindparam("cles", type_=ARRAY(LargeBinary))
)


async def count(conn: AsyncConnection, settings: Settings, acte: str, sujets: Sujets, a: datetime) -> Compte:
    """Count one more ``acte`` before it is done: a hundred sent at once are not a hundred tries.

    ``conn`` must be in autocommit (``Database.read``): the counts are nobody else's transaction.
    """
    cases = [] if sujets.local else list_cases(settings, acte, sujets, a)
    if not cases:
        return Compte()
    lignes = await conn.execute(_AJOUTER, {"cles": [c.cle for c in cases], "fins": [c.fin for c in cases]})
    return _judge(cases, {bytes(ligne.cle): ligne.nombre for ligne in lignes}, a)


async def peek(conn: AsyncConnection, settings: Settings, acte: str, sujets: Sujets, a: datetime) -> Compte:
    """What ``count`` would answer to the next one, nothing being counted."""
    cases = [] if sujets.local else list_cases(settings, acte, sujets, a)
    if not cases:
        return Compte()
    requete = select(Comptage.cle, Comptage.nombre).where(Comptage.cle.in_([c.cle for c in cases]))
    lus = {bytes(ligne.cle): ligne.nombre for ligne in await conn.execute(requete)}
    return _judge(cases, {c.cle: lus.get(c.cle, 0) + 1 for c in cases}, a)


def _judge(cases: Iterable[_Case], nombres: Mapping[bytes, int], a: datetime) -> Compte:
    doute, attendre_s, regle, cles = False, 0, "", []
    for case in cases:
        cles.append(case.cle)
        nombre, limite = nombres[case.cle], case.limite
        if limite.dur and nombre > limite.dur * case.facteur:
            attendre_s = max(attendre_s, 1, int((case.fin - a).total_seconds()))
            regle = limite.portee
        elif limite.doux and nombre > limite.doux * case.facteur:
            doute = True
            regle = regle or limite.portee
    return Compte(doute, attendre_s, regle, tuple(cles))


async def give_back(conn: AsyncConnection, compte: Compte) -> None:
    """The act was not done after all: as if it had not been asked."""
    if compte.cles:
        await conn.execute(_RENDRE, {"cles": sorted(compte.cles)})


async def purge_comptages(conn: AsyncConnection, a: datetime) -> None:
    """Delete the windows that are over; called by the worker."""
    await conn.execute(delete(Comptage).where(Comptage.fin < a - timedelta(minutes=1)))
