"""Who holds a session or an API key, and what they may follow: the one truth, in plain SQL.

Web and gateway ask the same questions with the same statements. Nothing here reads the clock: ``maintenant`` is a
parameter of every statement. A suspended agent, a revoked or expired session or key is nobody.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, Protocol

from app.config import Settings

#: Longest token read from a cookie or an ``Authorization`` header, in characters.
JETON_MAX: Final = 256


class Lecteur(Protocol):
    """What is needed of a connection: asyncpg's connections and pools are such."""

    async def fetch(self, query: str, *args: Any) -> list[Any]: ...


@dataclass(frozen=True, slots=True)
class Porteur:
    """A valid session or API key, and the agent it speaks for."""

    genre: Literal["session", "cle"]
    id: int
    agent_id: int


@dataclass(frozen=True, slots=True)
class Versions:
    """The epoch of the database and the version of each subject asked for (0: nothing ever happened there)."""

    epoque: str
    versions: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Watch:
    """What has changed behind open screens: versions, ended sessions and keys, and lost (agent, subject) rights."""

    epoque: str
    versions: Mapping[str, int]
    revoked: frozenset[Porteur]
    lost: frozenset[tuple[int, str]]


def session_cookie_name(settings: Settings) -> str:
    """``__Host-`` binds the cookie to the host over TLS; plain HTTP (demo, tests) cannot carry that prefix."""
    return "__Host-accueil_session" if settings.https else "accueil_session"


def empreinte(jeton: str) -> bytes | None:
    """SHA-256 of a token's ASCII, as stored; None when it cannot be one of ours."""
    if not jeton or len(jeton) > JETON_MAX or not jeton.isascii():
        return None
    return hashlib.sha256(jeton.encode("ascii")).digest()


_SESSION = """
SELECT s.id, s.agent_id FROM session s JOIN agent a ON a.id = s.agent_id
 WHERE s.empreinte = $1 AND s.revoquee_a IS NULL AND s.expire_a > $2 AND a.suspendu_a IS NULL
"""
_CLE = """
SELECT c.id, c.agent_id FROM cle_api c JOIN agent a ON a.id = c.agent_id
 WHERE c.empreinte = $1 AND c.revoquee_a IS NULL AND (c.expire_a IS NULL OR c.expire_a > $2) AND a.suspendu_a IS NULL
"""


async def check_porteur(
    conn: Lecteur, *, jeton: str | None = None, cle_api: str | None = None, maintenant: datetime
) -> Porteur | None:
    """The bearer of a session cookie or of an API key. When both are given, only the key counts."""
    secret = cle_api if cle_api is not None else jeton
    digest = empreinte(secret) if secret is not None else None
    if digest is None:
        return None
    lignes = await conn.fetch(_CLE if cle_api is not None else _SESSION, digest, maintenant)
    if not lignes:
        return None
    return Porteur("cle" if cle_api is not None else "session", lignes[0][0], lignes[0][1])


@dataclass(frozen=True, slots=True)
class _Tri:
    """Subjects sorted by kind, ready to be the arrays of a statement."""

    service: list[int]
    creneaux: list[int]
    affichage: list[int]
    pilotage: list[str]

    @classmethod
    def of(cls, sujets: Iterable[str]) -> _Tri:
        tri = cls([], [], [], [])
        for sujet in sujets:
            genre, _, reste = sujet.partition(":")
            if genre == "pilotage":
                tri.pilotage.append(reste)
            elif genre == "service":
                tri.service.append(int(reste))
            elif genre == "creneaux":
                tri.creneaux.append(int(reste))
            elif genre == "affichage":
                tri.affichage.append(int(reste))
        return tri


_SUIVRE = """
SELECT DISTINCT 'service', service_id, '' FROM acces
 WHERE agent_id = $1 AND module IN ('agenda', 'organiser') AND service_id = ANY($2::bigint[])
UNION ALL
SELECT 'affichage', service_id, '' FROM acces
 WHERE agent_id = $1 AND module = 'agenda' AND service_id = ANY($5::bigint[])
UNION ALL
SELECT 'pilotage', 0, perimetre FROM acces_pilotage WHERE agent_id = $1 AND perimetre = ANY($3::text[])
UNION ALL
SELECT 'public', id, '' FROM service_fiscal WHERE id = ANY($4::bigint[])
"""


async def may_follow(conn: Lecteur, porteur: Porteur | None, sujets: Collection[str]) -> set[str]:
    """Those of the well-formed ``sujets`` that this bearer may follow.

    ``creneaux:<id>`` is public, provided that the service exists. ``service:`` needs the module *agenda* or
    *organiser* on the service (its frames name nobody), ``affichage:`` *agenda*, ``pilotage:`` that very perimeter.
    """
    tri = _Tri.of(sujets)
    # No agent has id 0: without a bearer, only what is public can come back.
    agent = porteur.agent_id if porteur is not None else 0
    lignes = await conn.fetch(_SUIVRE, agent, tri.service, tri.pilotage, tri.creneaux, tri.affichage)
    permis: set[str] = set()
    for genre, identifiant, perimetre in lignes:
        if genre == "pilotage":
            permis.add(f"pilotage:{perimetre}")
        else:
            permis.add(f"{'creneaux' if genre == 'public' else genre}:{identifiant}")
    return permis & set(sujets)


_VERSIONS = """
SELECT 'epoque', '', 0::bigint, valeur FROM epoque
UNION ALL
SELECT 'service:', t.id::text, coalesce(g.version, 0), ''
  FROM unnest($1::bigint[]) AS t(id) LEFT JOIN agenda g ON g.service_id = t.id
UNION ALL
SELECT 'creneaux:', t.id::text, coalesce(g.version_creneaux, 0), ''
  FROM unnest($2::bigint[]) AS t(id) LEFT JOIN agenda g ON g.service_id = t.id
UNION ALL
SELECT 'affichage:', t.id::text, coalesce(g.version_affichage, 0), ''
  FROM unnest($3::bigint[]) AS t(id) LEFT JOIN agenda g ON g.service_id = t.id
UNION ALL
SELECT 'pilotage:service-', g.service_id::text, g.version, '' FROM agenda g WHERE g.service_id = ANY($4::bigint[])
UNION ALL
SELECT 'pilotage:departement-', f.departement, sum(g.version)::bigint, ''
  FROM agenda g JOIN service_fiscal f ON f.id = g.service_id
 WHERE f.departement = ANY($5::text[]) GROUP BY f.departement
UNION ALL
SELECT 'pilotage:interregion-', d.interregion_id::text, sum(g.version)::bigint, ''
  FROM agenda g JOIN service_fiscal f ON f.id = g.service_id JOIN departement d ON d.code = f.departement
 WHERE d.interregion_id = ANY($6::bigint[]) GROUP BY d.interregion_id
UNION ALL
SELECT 'pilotage:', 'nation', coalesce(sum(g.version), 0)::bigint, '' FROM agenda g WHERE $7::boolean
"""


async def read_versions(conn: Lecteur, sujets: Collection[str]) -> Versions:
    """The epoch and the present version of each subject, in one statement, hence in one snapshot.

    The version of ``pilotage:<perimetre>`` is the sum of the agenda versions of the perimeter's services.
    """
    tri = _Tri.of(sujets)
    perimetres: dict[str, list[str]] = {"service": [], "departement": [], "interregion": []}
    for perimetre in tri.pilotage:
        genre, _, reste = perimetre.partition("-")
        if reste:
            perimetres[genre].append(reste)
    lignes = await conn.fetch(
        _VERSIONS,
        tri.service,
        tri.creneaux,
        tri.affichage,
        [int(i) for i in perimetres["service"]],
        perimetres["departement"],
        [int(i) for i in perimetres["interregion"]],
        "nation" in tri.pilotage,
    )
    epoque, versions = "", dict.fromkeys(sujets, 0)
    for genre, cle, version, valeur in lignes:
        if genre == "epoque":
            epoque = valeur
        elif genre + cle in versions:
            versions[genre + cle] = version
    return Versions(epoque, versions)


_PERTES = """
SELECT 'session', t.id, 0::bigint, ''
  FROM unnest($1::bigint[]) AS t(id)
  LEFT JOIN session s ON s.id = t.id AND s.revoquee_a IS NULL AND s.expire_a > $3
  LEFT JOIN agent a ON a.id = s.agent_id AND a.suspendu_a IS NULL
 WHERE a.id IS NULL
UNION ALL
SELECT 'cle', t.id, 0::bigint, ''
  FROM unnest($2::bigint[]) AS t(id)
  LEFT JOIN cle_api c ON c.id = t.id AND c.revoquee_a IS NULL AND (c.expire_a IS NULL OR c.expire_a > $3)
  LEFT JOIN agent a ON a.id = c.agent_id AND a.suspendu_a IS NULL
 WHERE a.id IS NULL
UNION ALL
SELECT 'service', p.agent_id, p.service_id, ''
  FROM (SELECT * FROM unnest($4::bigint[], $5::bigint[]) AS t(agent_id, service_id)
        EXCEPT
        SELECT agent_id, service_id FROM acces
         WHERE module IN ('agenda', 'organiser')
           AND agent_id = ANY($4::bigint[]) AND service_id = ANY($5::bigint[])) p
UNION ALL
SELECT 'affichage', p.agent_id, p.service_id, ''
  FROM (SELECT * FROM unnest($8::bigint[], $9::bigint[]) AS t(agent_id, service_id)
        EXCEPT
        SELECT agent_id, service_id FROM acces
         WHERE module = 'agenda' AND agent_id = ANY($8::bigint[]) AND service_id = ANY($9::bigint[])) p
UNION ALL
SELECT 'pilotage', p.agent_id, 0::bigint, p.perimetre
  FROM (SELECT * FROM unnest($6::bigint[], $7::text[]) AS t(agent_id, perimetre)
        EXCEPT
        SELECT agent_id, perimetre FROM acces_pilotage
         WHERE agent_id = ANY($6::bigint[]) AND perimetre = ANY($7::text[])) p
"""


async def read_watch(
    conn: Lecteur, sujets: Collection[str], suivis: Mapping[Porteur, Collection[str]], maintenant: datetime
) -> Watch:
    """Versions of ``sujets``, and which of the bearers or of their rights (``suivis``) are no more.

    Two statements, whatever the number of sockets.
    """
    lues = await read_versions(conn, sujets)
    service: set[tuple[int, int]] = set()
    affichage: set[tuple[int, int]] = set()
    pilotage: set[tuple[int, str]] = set()
    for porteur, siens in suivis.items():
        tri = _Tri.of(siens)
        service |= {(porteur.agent_id, ident) for ident in tri.service}
        affichage |= {(porteur.agent_id, ident) for ident in tri.affichage}
        pilotage |= {(porteur.agent_id, perimetre) for perimetre in tri.pilotage}
    lignes = await conn.fetch(
        _PERTES,
        [p.id for p in suivis if p.genre == "session"],
        [p.id for p in suivis if p.genre == "cle"],
        maintenant,
        [agent for agent, _ in service],
        [ident for _, ident in service],
        [agent for agent, _ in pilotage],
        [perimetre for _, perimetre in pilotage],
        [agent for agent, _ in affichage],
        [ident for _, ident in affichage],
    )
    finis: set[tuple[str, int]] = set()
    perdus: set[tuple[int, str]] = set()
    for genre, identifiant, service_id, perimetre in lignes:
        if genre in ("service", "affichage"):
            perdus.add((identifiant, f"{genre}:{service_id}"))
        elif genre == "pilotage":
            perdus.add((identifiant, f"pilotage:{perimetre}"))
        else:
            finis.add((genre, identifiant))
    return Watch(
        lues.epoque, lues.versions, frozenset(p for p in suivis if (p.genre, p.id) in finis), frozenset(perdus)
    )
