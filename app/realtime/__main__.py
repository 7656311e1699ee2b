"""``python -m app.realtime [--host H] [--port P]``: a gateway alone, configured by the environment."""

from __future__ import annotations

import argparse

import uvicorn

from app import config
from app.realtime.gateway import create_gateway
from app.realtime.server import uvicorn_options


def main() -> None:
    """Read the settings and serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m app.realtime")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8001)
    arguments = parser.parse_args()
    settings = config.load()
    uvicorn.run(
        create_gateway(settings),
        host=arguments.host,
        port=arguments.port,
        log_level="warning",
        **uvicorn_options(settings),
    )


if __name__ == "__main__":
    main()
