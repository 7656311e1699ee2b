"""uvicorn's WebSocket protocol, made for sockets that only listen.

Give ``SocketProtocol`` to uvicorn as its ``ws`` class (``server.uvicorn_options``). Once the gateway has *adopted* a
socket, no task, queue nor coroutine is left to it: events go from the hub to the transport as ready-made bytes, and
what the client does (a message, a close, silence) is answered here. It is meant for the gateway's sockets alone: no
other WebSocket route can live in a process that uses it.

It rests on internals of uvicorn 0.54 (``websockets_sansio_impl``) and websockets 17: both are pinned.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from contextlib import suppress
from typing import Any, Final, Protocol, cast

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from app.realtime.session import Fin

log = logging.getLogger("app.realtime.socket")

#: Where the ASGI application finds the protocol of its socket: ``scope["extensions"][EXTENSION]``.
EXTENSION: Final = "accueil.socket"

#: Bytes waiting in user space before a reader is held to be slow, and when it is held to have caught up. uvloop spends
#: some 700 bytes on each waiting write, so these 16 KB of small frames weigh 70; the kernel's send buffer doubles what
#: it is asked for. A mute client costs at most ~200 KB in all.
TAMPON_HAUT: Final = 16 * 1024
TAMPON_BAS: Final = 4 * 1024
TAMPON_NOYAU: Final = 64 * 1024

#: Seconds left to a client to answer a close frame, and to finish sending what was refused.
FERMETURE: Final = 1.5
#: Pings accepted from a client between two of ours.
PINGS_MAX: Final = 64


class Listener(Protocol):
    """Who owns an adopted socket."""

    def on_slow(self) -> None:
        """The client reads slower than it is written to: write nothing more until ``on_ready``."""

    def on_ready(self) -> None:
        """The client has caught up: set ``slow`` to False when writing may go on."""

    def on_closed(self) -> None:
        """The connection is gone."""


class _Sink:
    """Stands for the queue and the event that an adopted socket no longer needs (3 KB each otherwise)."""

    def put_nowait(self, message: object) -> None: ...

    def set(self) -> None: ...

    def clear(self) -> None: ...


_SINK: Final = _Sink()


class SocketProtocol(WebSocketsSansIOProtocol):
    """A socket that is written to, and never listened to."""

    listener: Listener | None = None
    slow = False
    #: Close code deserved by a message that came before adoption.
    spoken: Fin | None = None
    pings = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger = log  # uvicorn's own would log each URL
        self.conn.logger = log

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(high=TAMPON_HAUT, low=TAMPON_BAS)
        sock = transport.get_extra_info("socket")
        if sock is not None:
            with suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, TAMPON_NOYAU)

    # From the handshake to adoption

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if self.conn.handshake_exc is None and self.response.status_code == 101:
            extensions = cast("dict[str, Any]", self.scope["extensions"])
            extensions[EXTENSION] = self  # the application's task has not begun yet

    async def run_asgi(self) -> None:
        try:
            await self.app(self.scope, self.receive, self.send)
        except ClientDisconnected:
            pass
        except BaseException:
            self.logger.exception("the gateway failed during a handshake")
            self.send_500_response()
        if self.listener is None:
            self.transport.close()
        self._shed()

    def adopt(self, listener: Listener) -> bool:
        """Hand the accepted socket over; False when it is already gone. The application then returns at once."""
        if self.disconnected or not self.handshake_complete or self.close_sent or self.conn.state is not OPEN:
            return False
        self.listener = listener
        if self.spoken is not None:
            self.end(self.spoken, "")
        return True

    def _shed(self) -> None:
        """Free what served the handshake, and the cycles that would wait for the garbage collector."""
        self.scope = cast(Any, None)
        self.request = self.response = cast(Any, None)
        self.queue = cast(Any, _SINK)
        self.writable = cast(Any, _SINK)

    # What the hub does

    def push(self, data: bytes) -> None:
        """Write ready-made frames, unless the socket is closing or slow."""
        if not self.slow and self.conn.state is OPEN:
            self.transport.write(data)

    def end(self, code: int, reason: str) -> None:
        """Send a close frame, nothing after it, and let the connection go within ``FERMETURE`` seconds."""
        if self.conn.state is not OPEN:
            return
        self.stop_keepalive()
        self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self._abort_later()

    def _abort_later(self) -> None:
        """``close()`` waits for the buffer of a reader who may never read: put a term to it."""
        if self.close_timer is None:
            self.close_timer = self.loop.call_later(FERMETURE, self.transport.abort)

    # What the client does

    def data_received(self, data: bytes) -> None:
        # After a protocol error the rest is read and thrown away for a moment: closing on unread bytes would reset
        # the connection, and the client would never see why.
        if self.conn.parser_exc is None:
            super().data_received(data)

    def handle_text(self, event: Frame) -> None:
        self._spoke(Fin.REGLE)

    def handle_bytes(self, event: Frame) -> None:
        self._spoke(Fin.BINAIRE)

    def handle_cont(self, event: Frame) -> None:
        """The beginning of the message was answered; its pieces are not kept."""

    def _spoke(self, code: Fin) -> None:
        if self.listener is None:
            self.spoken = self.spoken or code
        else:
            self.end(code, "binary message" if code is Fin.BINAIRE else "clients send nothing")

    def handle_ping(self) -> None:
        self.pings += 1
        if self.pings > PINGS_MAX:
            self.end(Fin.REGLE, "too many pings")
        answer = b"".join(self.conn.data_to_send())
        if not self.slow and not self.close_sent:
            self.transport.write(answer)

    def send_keepalive_ping(self) -> None:
        self.pings = 0
        super().send_keepalive_ping()

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        if self.transport.get_write_buffer_size():
            self.transport.abort()

    def handle_close(self, event: Frame) -> None:
        super().handle_close(event)
        if not self.disconnected:
            self._abort_later()

    def eof_received(self) -> None:
        self._abort_later()

    def handle_parser_exception(self) -> None:
        self.stop_keepalive()
        if self.transport.is_closing():
            return
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._abort_later()

    def pause_writing(self) -> None:
        super().pause_writing()
        self.slow = True
        if self.listener is not None:
            self.listener.on_slow()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.listener is None:
            self.slow = False
        else:
            self.listener.on_ready()

    # The end

    def shutdown(self) -> None:
        if self.listener is None:
            super().shutdown()
        elif self.conn.state is OPEN:
            self.end(Fin.ARRET, "restart")
        else:
            self._abort_later()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        listener, self.listener = self.listener, None
        if listener is not None:
            listener.on_closed()
            _untie(self.conn)


def _untie(conn: ServerProtocol) -> None:
    """The parser is a generator that holds its connection, which holds it: free both now."""
    conn.parser.close()
