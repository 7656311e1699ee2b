"""How the gateway's process is run."""

from __future__ import annotations

import gc
import resource
from contextlib import suppress
from typing import Any

from app.config import Settings
from app.realtime.protocol import SocketProtocol

#: uvicorn accepts this many connections before the kernel makes others wait: a whole site reconnects at once.
FILE_D_ATTENTE = 4096


def uvicorn_options(settings: Settings) -> dict[str, Any]:
    """Arguments of ``uvicorn.run`` for any process that serves the gateway, alone or beside the web.

    Ping 4 s and timeout 5 s close a mute client within 10 s. Compression costs more than it saves on frames of 200
    bytes. Only the proxies named in the settings may say who the client is.
    """
    return {
        "ws": SocketProtocol,
        "ws_max_size": 16 * 1024,
        "ws_ping_interval": 4.0,
        "ws_ping_timeout": 5.0,
        "ws_per_message_deflate": False,
        "timeout_graceful_shutdown": 3,
        "backlog": FILE_D_ATTENTE,
        "access_log": False,
        "server_header": False,
        "lifespan": "on",
        "proxy_headers": bool(settings.proxys_de_confiance),
        "forwarded_allow_ips": settings.proxys_de_confiance or None,
    }


def tune_process() -> None:
    """Collect garbage rarely, never the modules just loaded; open as many files as the system allows."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 1_000)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
