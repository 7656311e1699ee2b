"""How often strangers may act: what each act allows, from an address, a browser, a person, in a service, on the site.

Counts are kept in PostgreSQL under keyed prints, in one statement of their own before the act: no lock is held over
anything else, and Redis has no part in it. Every statement locks its rows in the order of their keys, whatever its
plan: they never wait for each other in a circle. Two bounds: past ``doux`` a challenge is asked
(``app.protection.defis``), past ``dur`` the answer is 429. Nobody's name or mailbox has a hard bound: whoever types
them could keep their holder out. The site as a whole has a soft one too: its count is spread over rows, so that
everybody waits for none of them, and is a rate of requests, those that were asked for a code included. This very
machine (a proxy that was not declared) has none: better no bound than the whole nation behind one. An address is this
machine's only when it is the connection's own: what X-Forwarded-For writes proves nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import ARRAY, DateTime, LargeBinary, Row, TextClause, bindparam, delete, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.config import Settings
from app.db import is_rejouable, sqlstate
from app.errors import TropDeDemandes
from app.identite.essais import find_lieu
from app.tables import Comptage

log = structlog.get_logger("accueil.limites")

_MINUTE, _HEURE, _JOUR = 60, 3600, 86_400
#: Before each try of a statement that counts.
_REPRISES_S: Final = (0.0, 0.05, 0.2)
#: Rows over which what the whole site does is counted: none of them is waited for.
PARTS: Final = 8
#: Where requests come from when nothing stands between, or a proxy that FORWARDED_ALLOW_IPS does not name.
_ICI: Final = frozenset({"127.0.0.1", "::1", "::ffff:127.0.0.1"})


@dataclass(frozen=True, slots=True)
class Limite:
    """Acts of one ``portee`` in windows of ``fenetre_s`` seconds; 0: no such bound. Those of a service are per guichet.

    ``portee``: ``adresse`` (/64 in IPv6), ``visite``, ``personne`` (each mailbox, number), ``service``; ``site``: all
    of it, a multiple of the bookings that the nation expects in a minute, in this minute or in the one before.
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
        Limite("site", _MINUTE, doux=3),
    ),
    "prolonger": (Limite("adresse", 5 * _MINUTE, dur=120), Limite("visite", 5 * _MINUTE, dur=20)),
    "reserver": (
        Limite("adresse", _HEURE, dur=60),
        Limite("adresse", _JOUR, doux=3),
        Limite("visite", _HEURE, doux=3, dur=20),
        Limite("personne", _JOUR, doux=3),
        Limite("service", _HEURE, doux=5),
        Limite("service", _JOUR, doux=15),
        Limite("site", _MINUTE, doux=1),
    ),
    "defi": (Limite("adresse", 5 * _MINUTE, dur=40), Limite("visite", 5 * _MINUTE, dur=15)),
    "renouveler": (Limite("adresse", 5 * _MINUTE, dur=120), Limite("visite", 5 * _MINUTE, dur=30)),
    # One's own rendez-vous, again and again; each has a bound of its own besides (``app.booking.mon_rdv``).
    "deplacer": (Limite("adresse", _HEURE, dur=40), Limite("visite", _HEURE, dur=12)),
    # Looking for one's own rendez-vous, and whatever else sends a message to an address typed by a stranger.
    "retrouver": (Limite("adresse", _HEURE, dur=30), Limite("visite", _HEURE, dur=10)),
    # Each request for the waiting list sends one message, which may be a paid one.
    "attente": (
        Limite("adresse", _JOUR, doux=3, dur=60),
        Limite("visite", _HEURE, doux=2, dur=10),
        Limite("personne", _JOUR, doux=1),
        Limite("service", _HEURE, doux=5),
    ),
    # What one contact is sent before it has proven anything, in one service (or for one rendez-vous) and in all. Past
    # it nothing leaves, and the answer is the same: nobody is refused, and nobody learns of it.
    "attente-contact": (Limite("personne", _JOUR, dur=3),),
    "attente-contact-total": (Limite("personne", _JOUR, dur=6),),
}


@dataclass(frozen=True, slots=True)
class Sujets:
    """Who acts: address as the server knows it, secret of the visit, names of the person, service and its guichets.

    ``par_minute``: the bookings that the whole site expects in a minute; 0: not counted. ``transmise``: the address is
    one that X-Forwarded-For writes.
    """

    adresse: str | None
    visite: str = ""
    personnes: tuple[str, ...] = ()
    service_id: int = 0
    guichets: int = 1
    par_minute: int = 0
    transmise: bool = False

    @property
    def local(self) -> bool:
        """True for this very machine."""
        return self.adresse in _ICI and not self.transmise

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
    """A row that is counted. ``autres``: rows that are read with it, each a window that its bound is compared to."""

    limite: Limite
    cle: bytes
    fin: datetime
    facteur: int
    autres: tuple[tuple[bytes, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Compte:
    """What was counted. ``regle``: the bound passed; a challenge is due (``doute``), or a wait (``attendre_s``)."""

    doute: bool = False
    attendre_s: int = 0
    regle: str = ""
    #: What ``give_back`` takes away: all but the site's, which counts requests.
    cles: tuple[bytes, ...] = field(default=(), repr=False)

    def build_refus(self) -> TropDeDemandes:
        """As an answer (429)."""
        return TropDeDemandes(
            "Trop de demandes sont venues de votre connexion en peu de temps.",
            remede="Patientez quelques minutes puis recommencez : votre saisie est conservée.",
            attendre_s=self.attendre_s,
        )


def list_cases(settings: Settings, acte: str, sujets: Sujets, a: datetime) -> list[_Case]:
    """What ``acte`` counts, by key."""
    secret, cases = settings.derive_key("limites"), {}

    def sign(limite: Limite, debut: float, valeur: str) -> bytes:
        parts = (acte, limite.portee, str(limite.fenetre_s), f"{debut:.0f}", valeur)
        return hmac.new(secret, "\n".join(parts).encode("utf-8", "surrogatepass"), hashlib.sha256).digest()[:16]

    for limite in ACTES[acte]:
        debut = a.timestamp() // limite.fenetre_s * limite.fenetre_s
        fin = datetime.fromtimestamp(debut + limite.fenetre_s, UTC)
        if limite.portee == "site":
            if sujets.par_minute:
                case = _spread(limite, debut, fin, sujets.par_minute, sign)
                cases[case.cle] = case
            continue
        facteur = sujets.guichets if limite.portee == "service" else 1
        for valeur in sujets.values(limite.portee):
            cle = sign(limite, debut, valeur)
            cases[cle] = _Case(limite, cle, fin, facteur)
    return sorted(cases.values(), key=lambda case: case.cle)


def _spread(
    limite: Limite, debut: float, fin: datetime, facteur: int, sign: Callable[[Limite, float, str], bytes]
) -> _Case:
    """One of the site's rows, by chance; its other rows, and those of the window before: it does not forget at once."""
    avant, ici = ([sign(limite, d, str(part)) for part in range(PARTS)] for d in (debut - limite.fenetre_s, debut))
    sienne = ici.pop(secrets.randbelow(PARTS))
    return _Case(limite, sienne, fin, facteur, (tuple(ici), tuple(avant)))


_AJOUTER: Final = text(
    "WITH ajout AS (INSERT INTO comptage (cle, fin, nombre)"
    " SELECT cle, fin, 1 FROM unnest(:cles, :fins) AS c(cle, fin) ORDER BY cle"
    " ON CONFLICT (cle) DO UPDATE SET nombre = comptage.nombre + 1 RETURNING cle, nombre)"
    " SELECT cle, nombre FROM ajout UNION ALL SELECT cle, nombre FROM comptage WHERE cle = ANY(:autres)"
).bindparams(
    bindparam("cles", type_=ARRAY(LargeBinary)),
    bindparam("fins", type_=ARRAY(DateTime(timezone=True))),
    bindparam("autres", type_=ARRAY(LargeBinary)),
)
#: The rows are locked first, in the order in which ``_AJOUTER`` locks them: an UPDATE alone takes them as they lie.
_RENDRE: Final = text(
    "WITH siennes AS MATERIALIZED (SELECT cle FROM comptage WHERE cle = ANY(:cles) ORDER BY cle FOR UPDATE)"
    " UPDATE comptage AS c SET nombre = greatest(c.nombre - 1, 0) FROM siennes AS s WHERE c.cle = s.cle"
).bindparams(bindparam("cles", type_=ARRAY(LargeBinary)))


def _list_autres(cases: Iterable[_Case]) -> list[bytes]:
    return [cle for case in cases for rangee in case.autres for cle in rangee]


async def _write(conn: AsyncConnection, ordre: TextClause, valeurs: Mapping[str, Any]) -> Sequence[Row[Any]] | None:
    """The rows that it returns; None, nothing being written, when PostgreSQL always breaks a deadlock at its expense.

    Counting is not the act: nobody is refused because two counts met. Inside a transaction the deadlock is its own.
    """
    brute = conn.sync_connection
    seul = brute is not None and brute.get_execution_options().get("isolation_level") == "AUTOCOMMIT"
    for attente_s in _REPRISES_S:
        if attente_s:  # the other one first, or both meet again
            await asyncio.sleep(attente_s)
        try:
            resultat = await conn.execute(ordre, valeurs)
        except DBAPIError as erreur:
            if not seul or not is_rejouable(erreur):
                raise
            log.warning("comptage.rejoue", sqlstate=sqlstate(erreur))
        else:
            return resultat.all() if resultat.returns_rows else ()
    return None


async def count(conn: AsyncConnection, settings: Settings, acte: str, sujets: Sujets, a: datetime) -> Compte:
    """Count one more ``acte`` before it is done: a hundred sent at once are not a hundred tries.

    ``conn`` is in autocommit (``Database.read``): the counts are nobody else's transaction. Inside one, of what must
    count nothing unless it is written, they hold their rows until its end, and a deadlock is raised.
    """
    cases = [] if sujets.local else list_cases(settings, acte, sujets, a)
    if not cases:
        return Compte()
    valeurs = {"cles": [c.cle for c in cases], "fins": [c.fin for c in cases], "autres": _list_autres(cases)}
    lignes = await _write(conn, _AJOUTER, valeurs)
    if lignes is None:
        return Compte()
    return _judge(cases, {bytes(ligne.cle): ligne.nombre for ligne in lignes}, a)


async def peek(conn: AsyncConnection, settings: Settings, acte: str, sujets: Sujets, a: datetime) -> Compte:
    """What ``count`` would answer to the next one, nothing being counted."""
    cases = [] if sujets.local else list_cases(settings, acte, sujets, a)
    if not cases:
        return Compte()
    cherches = [*(c.cle for c in cases), *_list_autres(cases)]
    requete = select(Comptage.cle, Comptage.nombre).where(Comptage.cle.in_(cherches))
    lus = {bytes(ligne.cle): ligne.nombre for ligne in await conn.execute(requete)}
    return _judge(cases, {**lus, **{c.cle: lus.get(c.cle, 0) + 1 for c in cases}}, a)


def _judge(cases: Iterable[_Case], nombres: Mapping[bytes, int], a: datetime) -> Compte:
    doute, attendre_s, regle, cles = False, 0, "", []
    for case in cases:
        limite, nombre = case.limite, nombres[case.cle]
        if limite.portee == "site":
            ici, avant = (sum(nombres.get(cle, 0) for cle in rangee) for rangee in case.autres)
            nombre = max(nombre + ici, avant)
        else:
            cles.append(case.cle)
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
        await _write(conn, _RENDRE, {"cles": sorted(compte.cles)})


async def purge_comptages(conn: AsyncConnection, a: datetime) -> None:
    """Delete the windows that are over; called by the worker."""
    await conn.execute(delete(Comptage).where(Comptage.fin < a - timedelta(minutes=1)))
