"""A real HTTP server that answers as the administration's register of people does, or as it should not."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Registre:
    """Where it is, whom it knows by number, what it was asked; ``brut`` and ``statut`` are said instead, when set."""

    url: str = ""
    connus: dict[str, dict[str, Any]] = field(default_factory=dict)
    demandes: list[tuple[str, dict[str, str], str | None]] = field(default_factory=list)
    statut: int = 0
    brut: bytes | None = None
    attente_s: float = 0.0

    def repair(self) -> None:
        """Know nobody and tell the truth again."""
        self.connus.clear()
        self.demandes.clear()
        self.statut, self.brut, self.attente_s = 0, None, 0.0


@contextmanager
def run_registre() -> Iterator[Registre]:
    """The server on a free port, until the end of the block."""
    registre = Registre()

    class Reponse(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            registre.demandes.append((self.path, question, self.headers.get("Authorization")))
            time.sleep(registre.attente_s)
            connu = registre.connus.get(next(iter(question.values())))
            corps = registre.brut if registre.brut is not None else json.dumps(connu or {}).encode()
            self.send_response(registre.statut or (200 if connu or registre.brut is not None else 404))
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(corps)))
            self.end_headers()
            self.wfile.write(corps)

        def log_message(self, *_: Any) -> None:
            """Silent."""

    serveur = ThreadingHTTPServer(("127.0.0.1", 0), Reponse)
    registre.url = f"http://127.0.0.1:{serveur.server_address[1]}/personnes"
    fil = threading.Thread(target=serveur.serve_forever, kwargs={"poll_interval": 0.05})
    fil.start()
    try:
        yield registre
    finally:
        serveur.shutdown()
        fil.join()
        serveur.server_close()
