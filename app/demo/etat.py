"""The state of the servers, asked to each of them now, in words."""

from __future__ import annotations

import asyncio
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from redis.exceptions import RedisError
from sqlalchemy import text

from app import clock
from app.booking.outils import Outils
from app.config import Settings
from app.demo.boite_locale import find_boite, name_relais
from app.publication import create_redis

_DELAI_S: Final = 1.5


@dataclass(frozen=True, slots=True)
class Voyant:
    """One server. ``etat``: ``marche``, ``arret`` or ``veille`` (stopped on purpose)."""

    nom: str
    etat: str
    phrase: str


async def read_voyants(outils: Outils) -> list[Voyant]:
    """Ask every server at the same time; none makes the others wait more than a second and a half."""
    settings = outils.settings
    return list(
        await asyncio.gather(
            _ask("PostgreSQL", lambda: _postgres(outils)),
            _ask("Redis", lambda: _redis(settings)),
            _ask("Passerelle temps réel", lambda: _gateway(settings)),
            _ask("Courrier sortant (SMTP)", lambda: _smtp(settings)),
            _ask("Tâches de fond (worker)", lambda: _worker(outils)),
            _ask("Simulation", lambda: _simulation(outils)),
        )
    )


async def _ask(nom: str, question: Callable[[], Awaitable[tuple[str, str]]]) -> Voyant:
    depart = time.monotonic()
    try:
        async with asyncio.timeout(_DELAI_S):
            etat, phrase = await question()
    except TimeoutError:
        return Voyant(nom, "arret", f"ne répond pas en {_DELAI_S:.1f}".replace(".", ",") + " s")
    except Exception as erreur:  # whatever is broken, the page must say it rather than break too
        return Voyant(nom, "arret", f"ne répond pas ({type(erreur).__name__})")
    duree_ms = round((time.monotonic() - depart) * 1000)
    return Voyant(nom, etat, phrase.replace("{ms}", str(duree_ms)))


async def _postgres(outils: Outils) -> tuple[str, str]:
    async with outils.db.read() as conn:
        version = (await conn.execute(text("SHOW server_version"))).scalar_one()
    return "marche", f"version {str(version).split()[0]}, répond en {{ms}} ms"


async def _redis(settings: Settings) -> tuple[str, str]:
    redis = create_redis(settings.redis_url, delai_s=_DELAI_S)
    try:
        infos = await redis.info("server")
    except (RedisError, OSError):
        return "arret", "ne répond pas\u00a0: les écrans se mettent à jour avec quelques secondes de retard"
    finally:
        await redis.aclose()
    version = infos.get("redis_version", "") if isinstance(infos, dict) else ""
    return "marche", f"version {version}, répond en {{ms}} ms"


async def _gateway(settings: Settings) -> tuple[str, str]:
    def ask() -> int:
        with urllib.request.urlopen(f"{settings.base_url}/sante/passerelle", timeout=_DELAI_S) as reponse:  # noqa: S310 - our own BASE_URL
            return int(reponse.status)

    try:
        await asyncio.to_thread(ask)
    except urllib.error.HTTPError as erreur:
        return "arret", f"répond qu’elle n’est pas prête (HTTP {erreur.code})"
    except OSError:
        return "arret", f"ne répond pas à {urlsplit(settings.base_url).netloc}"
    return "marche", "tient les écrans ouverts à jour, répond en {ms} ms"


async def _smtp(settings: Settings) -> tuple[str, str]:
    relais = name_relais(settings)
    hote, _, port = relais.rpartition(":")
    _lecture, ecriture = await asyncio.open_connection(hote, int(port))
    ecriture.close()
    if find_boite(settings) is None:
        return "marche", f"les messages partent par {relais}"
    return "marche", "serveur intégré\u00a0: tout message arrive dans la boîte aux lettres de démonstration"


_PROCESSUS = text(
    "SELECT count(DISTINCT pid) FROM pg_stat_activity WHERE application_name = :nom AND datname = current_database()"
)
_A_ENVOYER = text(
    "SELECT count(*) FROM courrier WHERE envoye_a IS NULL AND abandonne_a IS NULL AND du_a <= :maintenant"
)


async def _worker(outils: Outils) -> tuple[str, str]:
    async with outils.db.read() as conn:
        connexions = (await conn.execute(_PROCESSUS, {"nom": "accueil-worker"})).scalar_one()
        attente = (await conn.execute(_A_ENVOYER, {"maintenant": clock.now()})).scalar_one()
    if not connexions:
        return "arret", f"absentes\u00a0; {_count(attente)} en attente"
    return "marche", f"au travail\u00a0; {_count(attente)} en attente"


def _count(nombre: int) -> str:
    return "aucun message" if nombre == 0 else f"{nombre} message{'s' if nombre > 1 else ''}"


async def _simulation(outils: Outils) -> tuple[str, str]:
    async with outils.db.read() as conn:
        connexions = (await conn.execute(_PROCESSUS, {"nom": "accueil-simulation"})).scalar_one()
    if connexions:
        return "marche", "son programme tourne\u00a0; son rythme se règle ci-dessus"
    if not outils.settings.simulation:
        return "veille", "non lancée à la demande (SIMULATION=0)"
    return "arret", "son programme ne tourne pas\u00a0: accueil simulate"
