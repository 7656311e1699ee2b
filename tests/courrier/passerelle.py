"""A gateway of short messages that can be told to misbehave: a real HTTP server, in a thread of its own."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

#: What it answers to a request: (status, body), after as long as it likes.
Reponse = Callable[[dict[str, Any]], tuple[int, bytes]]


def accept(_: dict[str, Any]) -> tuple[int, bytes]:
    """Taken; also what SMS Factor says then."""
    return 200, b'{"status": 1, "message": "OK", "ticket": "1", "sent": 1}'


def refuse(code: int, corps: bytes = b"{}") -> Reponse:
    """Always that."""
    return lambda _: (code, corps)


def dawdle(secondes: float) -> Reponse:
    """Taken, but said too late."""

    def reponse(corps: dict[str, Any]) -> tuple[int, bytes]:
        time.sleep(secondes)
        return accept(corps)

    return reponse


@dataclass
class Recu:
    """One request."""

    chemin: str
    entetes: dict[str, str]
    corps: dict[str, Any]


@dataclass
class Passerelle:
    """``answer`` decides; ``recus`` is everything that was asked, taken or not."""

    answer: Reponse = accept
    recus: list[Recu] = field(default_factory=list)
    _server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        """For ``SMS_URL``."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.server_address[1]}/envoi"

    def start(self, port: int = 0) -> None:
        """Listen, on a free port by default."""
        passerelle = self

        class Client(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                corps = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                passerelle.recus.append(Recu(self.path, dict(self.headers.items()), corps))
                code, reponse = passerelle.answer(corps)
                try:
                    self.send_response(code)
                    self.send_header("Content-Length", str(len(reponse)))
                    self.end_headers()
                    self.wfile.write(reponse)
                except OSError:
                    pass  # the client has not waited

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Client)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Close the port."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
