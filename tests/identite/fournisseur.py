"""A real OpenID provider on a thread: PyPI's oidc-provider-mock, and what ProConnect does besides.

The mock neither signs its userinfo answer nor checks PKCE: a thin layer of Flask hooks adds both, with the mock's own
key, and can be told to lie (another nonce, another audience, another signature…).
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import flask
import oidc_provider_mock
import werkzeug.serving
from joserfc import jwt
from joserfc.jwk import RSAKey
from oidc_provider_mock._storage import storage

CLIENT = "accueil-des-tests"
SECRET = "secret-des-tests"

Mensonge = Callable[[dict[str, Any]], Any]


@dataclass
class Provider:
    """Where it is, what it was asked, how it lies. ``id_token`` and ``userinfo`` alter the claims before signing."""

    url: str = ""
    id_token: Mensonge | None = None
    userinfo: Mensonge | None = None
    cle: RSAKey | None = None
    signe: bool = True
    #: The level it says that it identified people at, whatever was asked.
    acr: str = ""
    panne: int = 0
    demandes: list[dict[str, str]] = field(default_factory=list)
    jetons: list[dict[str, str]] = field(default_factory=list)
    fins: list[dict[str, str]] = field(default_factory=list)
    _defis: dict[str, str] = field(default_factory=dict)

    def repair(self) -> None:
        """Tell the truth again."""
        self.id_token = self.userinfo = self.cle = None
        self.signe, self.panne = True, 0

    def key(self) -> RSAKey:
        """The mock's own signing key, or the one with which it was told to sign."""
        return self.cle or RSAKey.import_key(storage.jwk.as_dict(is_private=True))

    def sign(self, dits: dict[str, Any]) -> str:
        """A JWT as the mock signs them."""
        cle = self.key()
        entete = {"alg": "RS256", "kid": storage.jwk.as_dict().get("kid") or storage.jwk.thumbprint()}
        return jwt.encode(entete, dits, cle)

    def before(self) -> flask.Response | None:
        """Refuse when down; check PKCE as RFC 7636 says."""
        demande = flask.request
        if self.panne:
            return flask.Response("", status=self.panne)
        if demande.path == "/oauth2/token":
            recus = {cle: str(valeur) for cle, valeur in demande.form.items()}
            self.jetons.append(recus)
            condense = hashlib.sha256(recus.get("code_verifier", "").encode()).digest()
            defi = base64.urlsafe_b64encode(condense).decode().rstrip("=")
            if recus.get("client_secret") != SECRET or self._defis.get(recus.get("code", "")) != defi:
                return flask.Response('{"error": "invalid_grant"}', status=400, mimetype="application/json")
        if demande.path == "/oauth2/end_session" and demande.method == "GET":
            self.fins.append({cle: str(valeur) for cle, valeur in demande.args.items()})
        return None

    def after(self, reponse: flask.Response) -> flask.Response:
        """Keep the challenge of each code; sign what ProConnect signs."""
        chemin = flask.request.path
        if chemin == "/oauth2/authorize" and reponse.status_code in (302, 303):
            demande = {cle: str(valeur) for cle, valeur in flask.request.args.items()}
            self.demandes.append(demande)
            code = parse_qs(urlsplit(reponse.headers["location"]).query).get("code", [""])[0]
            if demande.get("code_challenge_method") == "S256":
                self._defis[code] = demande["code_challenge"]
        elif chemin == "/oauth2/token" and reponse.status_code == 200 and (self.id_token or self.cle or self.acr):
            corps = json.loads(reponse.get_data())
            dits = jwt.decode(corps["id_token"], RSAKey.import_key(storage.jwk.as_dict(is_private=True))).claims
            dits = {**dits, **({"acr": self.acr} if self.acr else {})}
            corps["id_token"] = self.sign((self.id_token or dict)(dits))
            reponse.set_data(json.dumps(corps))
        elif chemin == "/userinfo" and reponse.status_code == 200 and self.signe:
            dits = {**json.loads(reponse.get_data()), "iss": self.url, "aud": CLIENT}
            reponse.set_data(self.sign((self.userinfo or dict)(dits)))
            reponse.mimetype = "application/jwt"
        return reponse


@contextmanager
def run_provider() -> Iterator[Provider]:
    """The provider on a free port of 127.0.0.1 for the time of a ``with``."""
    provider = Provider()
    avant = os.environ.get("AUTHLIB_INSECURE_TRANSPORT")
    os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # the mock speaks plain HTTP, on this machine alone
    application = oidc_provider_mock.app(require_nonce=True)
    application.before_request(provider.before)
    application.after_request(provider.after)
    serveur = werkzeug.serving.make_server("127.0.0.1", 0, application, threaded=True)
    provider.url = f"http://127.0.0.1:{serveur.server_port}"
    fil = threading.Thread(target=serveur.serve_forever, kwargs={"poll_interval": 0.05})
    fil.start()
    try:
        yield provider
    finally:
        serveur.shutdown()
        fil.join(5)
        serveur.server_close()
        if avant is None:
            del os.environ["AUTHLIB_INSECURE_TRANSPORT"]
        else:
            os.environ["AUTHLIB_INSECURE_TRANSPORT"] = avant
