"""What every answer carries and every change must prove.

Headers on all answers; on every unsafe request that is not the API's: an Origin that is exactly ours, and a CSRF token
tied to the browser's own session or visit. A visit is a random cookie given to anybody: it owns the holds and the
CSRF tokens of the public pages, and says nothing of who is behind it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final

from litestar import Request
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from app.config import Settings
from app.errors import Interdit, NonAuthentifie
from app.langue import set_langue
from app.web.langue import COOKIE, choose_langue

METHODES_SURES: Final = frozenset({"GET", "HEAD", "OPTIONS"})
CHAMP_CSRF: Final = "_csrf"
_SEL_CSRF: Final = 16
_CSP: Final = (
    "default-src 'self'; img-src 'self' data:; connect-src 'self' {flux}; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)


def cookie_name(settings: Settings, nom: str) -> str:
    """``__Host-`` and Secure outside plain HTTP: no other host or path can plant it."""
    return f"__Host-accueil_{nom}" if settings.https else f"accueil_{nom}"


def csrf_token(settings: Settings, porteur: str, sel: str = "") -> str:
    """The token of one session or visit: random ``sel``, then an HMAC of it and of the secret.

    Never twice the same: pages are compressed, and what is constant in a compressed page can be guessed by its length.
    """
    sel = sel or secrets.token_hex(_SEL_CSRF // 2)
    message = f"{sel}\n{porteur}".encode("utf-8", "surrogatepass")
    return sel + hmac.new(settings.derive_key("csrf"), message, hashlib.sha256).hexdigest()[:40]


def name_session(settings: Settings, porteur: str) -> str:
    """A name of the session or visit that opens nothing: by it a page knows that another person has signed in."""
    return hmac.new(settings.derive_key("onglet"), porteur.encode(), hashlib.sha256).hexdigest()[:16]


def is_csrf_token(settings: Settings, jeton: str, porteur: str) -> bool:
    """True when ``jeton`` was made for that session or visit."""
    attendu = csrf_token(settings, porteur, jeton[:_SEL_CSRF] or "-")
    return hmac.compare_digest(jeton.encode("utf-8", "surrogatepass"), attendu.encode("utf-8", "surrogatepass"))


def cookie_header(settings: Settings, nom: str, valeur: str, *, duree_s: int | None) -> str:
    """A Set-Cookie value: HttpOnly, Lax, host-only; ``duree_s`` 0 erases it."""
    morceaux = [f"{cookie_name(settings, nom)}={valeur}", "Path=/", "HttpOnly", "SameSite=Lax"]
    if duree_s is not None:
        morceaux.append(f"Max-Age={duree_s}")
    if settings.https:
        morceaux.append("Secure")
    return "; ".join(morceaux)


def read_cookies(scope: Scope) -> dict[str, str]:
    """The request's cookies, malformed ones ignored."""
    lus: dict[str, str] = {}
    for nom, valeur in scope["headers"]:
        if nom == b"cookie":
            biscuits: SimpleCookie = SimpleCookie()
            try:
                biscuits.load(valeur.decode("latin-1"))
            except CookieError:
                continue
            lus.update({cle: morceau.value for cle, morceau in biscuits.items()})
    return lus


#: Pages that only make sense signed in.
_PAGES_AGENTS: Final = ("/rendez-vous/", "/services/", "/sites/", "/agent", "/pilotage", "/administration")
#: Where the visit of the present request is kept in its scope.
_CLE_VISITE: Final = "accueil.visite"


def _as_get(scope: Any) -> Any:
    """HEAD is answered as GET would be: a copy of the scope, for the server that called us leaves the body out."""
    return {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope


#: The only page made to be shown in another site's frame: a link, no form, nothing of who looks at it.
_ENCART: Final = re.compile(r"/services/[0-9]+/encart")


class SecuriteMiddleware:
    """Headers, visit cookie and language, around every HTTP answer: the whole application, its errors included."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.settings = settings
        flux = settings.origine.replace("http", "ws", 1)
        entetes = {
            "content-security-policy": _CSP.format(flux=flux),
            "referrer-policy": "no-referrer",
            "x-content-type-options": "nosniff",
            "x-frame-options": "DENY",
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
            "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=()",
        }
        if settings.https:
            entetes["strict-transport-security"] = "max-age=31536000; includeSubDomains"
        self._cookie_langue = cookie_name(settings, COOKIE)
        self._entetes = [(nom.encode(), valeur.encode()) for nom, valeur in entetes.items()]
        encart = {nom: valeur for nom, valeur in entetes.items() if nom != "x-frame-options"}
        encart["content-security-policy"] = (
            "default-src 'none'; style-src 'self'; img-src 'self' data:; font-src 'self'; base-uri 'none'; "
            f"form-action 'none'; frame-ancestors {' '.join(settings.integrateurs) or chr(39) + 'none' + chr(39)}"
        )
        del encart["cross-origin-opener-policy"]
        encart["cross-origin-resource-policy"] = "cross-origin"
        self._entetes_encart = [(nom.encode(), valeur.encode()) for nom, valeur in encart.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if str(scope["type"]) != "http":  # the lifespan comes through here too
            await self.app(scope, receive, send)
            return
        scope = _as_get(scope)
        statique = scope["path"].startswith("/static/")
        api = scope["path"].startswith(("/api/", "/agendas/"))  # read by programs: no visit
        encart = _ENCART.fullmatch(scope["path"]) is not None
        nouvelle: str | None = None
        if not statique and not api:
            nom, cookies = cookie_name(self.settings, "visite"), read_cookies(scope)
            visite = cookies.get(nom, "")
            if not 40 <= len(visite) <= 64 or not visite.isascii():
                visite = nouvelle = secrets.token_urlsafe(32)
            scope[_CLE_VISITE] = visite  # type: ignore[typeddict-unknown-key]  # ASGI lets servers and middleware add keys

            accepte = next((v.decode("latin-1") for n, v in scope["headers"] if n == b"accept-language"), "")
            set_langue(choose_langue(scope["path"], cookies.get(self._cookie_langue, ""), accepte))

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                entetes: list[tuple[bytes, bytes]] = list(message["headers"])
                entetes += self._entetes_encart if encart else self._entetes
                if nouvelle is not None and not encart:  # in a frame of another site it would not be kept
                    valeur = cookie_header(self.settings, "visite", nouvelle, duree_s=12 * 3600)
                    entetes.append((b"set-cookie", valeur.encode()))
                if not statique and not any(nom.lower() == b"cache-control" for nom, _ in entetes):
                    entetes.append((b"cache-control", b"no-store"))
                message["headers"] = entetes
            await send(message)

        await self.app(scope, receive, send_with_headers)


def visite(request: Request[Any, Any, Any]) -> str:
    """This browser's visit: the secret that owns its hold."""
    return str(request.scope.get(_CLE_VISITE, ""))


def porteur(request: Request[Any, Any, Any], settings: Settings) -> str:
    """What CSRF tokens of this browser are tied to: its session when it has one, else its visit."""
    return request.cookies.get(cookie_name(settings, "session")) or visite(request)


def is_ours(request: Request[Any, Any, Any], settings: Settings) -> bool:
    """True when the request comes from one of our own pages.

    Under ``Referrer-Policy: no-referrer`` a form that navigates is sent with ``Origin: null`` (Fetch standard, « append
    a request Origin header »); ``Sec-Fetch-Site: same-origin``, which no page can forge, says what the Origin would.
    """
    origine = request.headers.get("origin")
    return origine == settings.origine or (origine == "null" and request.headers.get("sec-fetch-site") == "same-origin")


async def check_change(request: Request[Any, Any, Any]) -> None:
    """Refuse a change that does not come from our own pages (Origin, CSRF). Raises Interdit (403).

    The API is exempt: it takes no cookie, only keys.
    """
    if request.method in METHODES_SURES or request.url.path.startswith("/api/"):
        return
    settings: Settings = request.app.state.outils.settings
    if not is_ours(request, settings):
        raise Interdit("Cette demande ne vient pas de nos pages.", remede="Rouvrez la page puis recommencez.")
    jeton = request.headers.get("x-csrf-token")
    if jeton is None:
        formulaire = await request.form()
        brut = formulaire.get(CHAMP_CSRF)
        jeton = brut if isinstance(brut, str) else ""
    porteurs = {porteur(request, settings), visite(request)}
    if not any(is_csrf_token(settings, jeton, lui) for lui in porteurs):
        if request.url.path.startswith(_PAGES_AGENTS) and cookie_name(settings, "session") not in request.cookies:
            raise NonAuthentifie  # signed out in another tab: the page is right, its session is over
        raise Interdit(
            "Votre page était ouverte depuis trop longtemps : par sécurité, rien n’a été enregistré.",
            remede="Rouvrez la page puis recommencez : revenez en arrière pour retrouver votre saisie.",
        )
