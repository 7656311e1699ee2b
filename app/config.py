"""Settings, read once from the environment and frozen. Every variable is listed in ``.env.example``."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import Formatter
from typing import Final
from urllib.parse import urlsplit

RACINE = Path(__file__).resolve().parent.parent
SECRET_PAR_DEFAUT = "demonstration-seulement-a-remplacer-en-production"  # noqa: S105 - refused in production


class ConfigurationInvalide(Exception):
    """The environment cannot be used as it is; the message says which variable and why."""


@dataclass(frozen=True, slots=True)
class Settings:
    """One process's settings. ``demo`` opens the one-click roles and relaxes cookies to plain HTTP."""

    database_url: str
    redis_url: str
    smtp_url: str
    base_url: str
    secret_key: str = field(repr=False)
    demo: bool = False
    marque_etat: bool = False
    simulation: bool = True
    courriel_expediteur: str = "ne-pas-repondre@rdv.invalid"
    pool_size: int = 10
    pool_attente_s: float = 20.0
    proxys_de_confiance: str = ""
    var: Path = RACINE / "var"
    boite_url: str = ""
    dossier_url: str = ""
    proconnect_issuer: str = ""
    proconnect_client_id: str = ""
    proconnect_client_secret: str = field(default="", repr=False)
    franceconnect_issuer: str = ""
    franceconnect_client_id: str = ""
    franceconnect_client_secret: str = field(default="", repr=False)
    captchetat_url: str = ""
    captchetat_oauth: str = ""
    captchetat_id: str = ""
    captchetat_secret: str = field(default="", repr=False)
    captcha_voix: Path = RACINE / "var" / "voix"
    geocodeur_url: str = ""
    #: Sites that may show a service's button in a frame of theirs, as origins; nobody else may.
    integrateurs: tuple[str, ...] = ()
    referentiel_url: str = ""
    referentiel_cle: str = field(default="", repr=False)
    sms_url: str = ""
    sms_cle: str = field(default="", repr=False)
    sms_expediteur: str = ""

    @property
    def origine(self) -> str:
        """Scheme, host and port of ``base_url``: the only Origin that pages and sockets accept."""
        parts = urlsplit(self.base_url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def domaine_messages(self) -> str:
        """The sender's domain: the right side of Message-ID and calendar UID, stable for as long as MAIL_FROM is."""
        return self.courriel_expediteur.rstrip(">").rpartition("@")[2] or "localhost"

    @property
    def https(self) -> bool:
        """True when pages travel over TLS: cookies are then ``__Host-`` and ``Secure``."""
        return self.base_url.startswith("https://")

    def derive_key(self, usage: str) -> bytes:
        """32 bytes of key for one usage, derived from SECRET_KEY: no two usages share a key."""
        return hmac.new(self.secret_key.encode(), usage.encode(), hashlib.sha256).digest()


def _bool(valeur: str | None, defaut: bool) -> bool:
    return defaut if valeur is None or valeur == "" else valeur.strip().lower() in {"1", "true", "oui", "yes"}


#: What the address of a person's file in the case system may be made of (``DOSSIER_URL``).
CHAMPS_DOSSIER = frozenset({"code", "id", "sages", "numero_fiscal", "siren"})


#: Ways out for short messages: every process refuses another, or messages would be written that nobody takes.
_SMS = ("fichier:/", "http://", "https://", "smsfactor:", "smsfactor+http://", "smsfactor+https://")


def _check_dossier_url(gabarit: str, demo: bool) -> None:
    """Raise ConfigurationInvalide unless it is an https address with known fields alone."""
    try:
        champs = {champ for _, champ, *_ in Formatter().parse(gabarit) if champ is not None}
    except ValueError:
        champs = {"{"}
    if not champs <= CHAMPS_DOSSIER:
        raise ConfigurationInvalide(f"DOSSIER_URL knows {', '.join(sorted(CHAMPS_DOSSIER))} and nothing else")
    if gabarit and not gabarit.startswith("https://") and not (demo and gabarit.startswith("http://")):
        raise ConfigurationInvalide("DOSSIER_URL must be https://")


#: Identity providers → the setting of their issuer.
_ISSUERS = {"PROCONNECT": "proconnect_issuer", "FRANCECONNECT": "franceconnect_issuer"}


def _check_fournisseurs(settings: Settings) -> None:
    """Raise ConfigurationInvalide when a provider is half configured."""
    for nom in _ISSUERS:
        reglages = [getattr(settings, f"{nom.lower()}_{quoi}") for quoi in ("issuer", "client_id", "client_secret")]
        if any(reglages) and not all(reglages):
            raise ConfigurationInvalide(f"{nom}_ISSUER, {nom}_CLIENT_ID and {nom}_CLIENT_SECRET go together")


def _schemes(demo: bool) -> tuple[str, ...]:
    return ("https://", "http://") if demo else ("https://",)


_ORIGINE: Final = re.compile(r"https?://[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?(:[0-9]{1,5})?")


def _check_integrateurs(origines: tuple[str, ...], demo: bool) -> None:
    """Raise ConfigurationInvalide unless each is an origin and nothing more: neither a path nor « * »."""
    for origine in origines:
        if _ORIGINE.fullmatch(origine) is None or not origine.startswith(_schemes(demo)):
            raise ConfigurationInvalide(
                "INTEGRATEURS takes origins: https://www.example.gouv.fr https://mairie.example.fr"
            )


def _check_proxys(proxys: str) -> None:
    """Raise ConfigurationInvalide unless they are addresses and networks, and not everybody's."""
    for proxy in filter(None, (p.strip() for p in proxys.split(","))):
        try:
            tous = proxy == "*" or ipaddress.ip_network(proxy).prefixlen == 0
        except ValueError:
            raise ConfigurationInvalide(
                f"FORWARDED_ALLOW_IPS takes addresses and networks separated by commas; {proxy!r} is neither"
            ) from None
        if tous:
            raise ConfigurationInvalide(
                f"FORWARDED_ALLOW_IPS must name the proxies: with {proxy!r} anybody chooses the address that is counted"
            )


def load(env: Mapping[str, str] | None = None) -> Settings:
    """Settings from the environment.

    Raises ConfigurationInvalide when a required variable is absent, or when production would start on the
    default secret, without TLS, or with the demo's shortcuts.
    """
    env = os.environ if env is None else env
    demo = _bool(env.get("ACCUEIL_DEMO"), False)
    manquantes = [n for n in ("DATABASE_URL", "REDIS_URL") if not env.get(n)]
    if manquantes:
        raise ConfigurationInvalide(
            f"{' and '.join(manquantes)} must be set; `accueil demo` starts embedded servers and sets them itself"
        )
    settings = Settings(
        database_url=env["DATABASE_URL"],
        redis_url=env["REDIS_URL"],
        smtp_url=env.get("SMTP_URL", "smtp://127.0.0.1:25"),
        base_url=env.get("BASE_URL", "http://127.0.0.1:8000").rstrip("/"),
        secret_key=env.get("SECRET_KEY", SECRET_PAR_DEFAUT),
        demo=demo,
        marque_etat=_bool(env.get("MARQUE_ETAT"), False),
        simulation=_bool(env.get("SIMULATION"), True),
        courriel_expediteur=env.get("MAIL_FROM", "ne-pas-repondre@rdv.invalid"),
        pool_size=int(env.get("DB_POOL_SIZE", "10")),
        proxys_de_confiance=env.get("FORWARDED_ALLOW_IPS", ""),
        var=Path(env.get("ACCUEIL_VAR", str(RACINE / "var"))),
        boite_url=env.get("ACCUEIL_BOITE_URL", ""),
        dossier_url=env.get("DOSSIER_URL", "").strip(),
        proconnect_issuer=env.get("PROCONNECT_ISSUER", "").rstrip("/"),
        proconnect_client_id=env.get("PROCONNECT_CLIENT_ID", ""),
        proconnect_client_secret=env.get("PROCONNECT_CLIENT_SECRET", ""),
        franceconnect_issuer=env.get("FRANCECONNECT_ISSUER", "").rstrip("/"),
        franceconnect_client_id=env.get("FRANCECONNECT_CLIENT_ID", ""),
        franceconnect_client_secret=env.get("FRANCECONNECT_CLIENT_SECRET", ""),
        captchetat_url=env.get("CAPTCHETAT_URL", "").rstrip("/"),
        captchetat_oauth=env.get("CAPTCHETAT_OAUTH", "") or "https://oauth.piste.gouv.fr/api/oauth/token",
        captchetat_id=env.get("CAPTCHETAT_ID", ""),
        captchetat_secret=env.get("CAPTCHETAT_SECRET", ""),
        captcha_voix=Path(env.get("CAPTCHA_VOIX") or RACINE / "var" / "voix"),
        geocodeur_url=env.get("GEOCODEUR_URL", "").strip().rstrip("/"),
        integrateurs=tuple(env.get("INTEGRATEURS", "").replace(",", " ").split()),
        referentiel_url=env.get("REFERENTIEL_URL", ""),
        referentiel_cle=env.get("REFERENTIEL_CLE", ""),
        sms_url=env.get("SMS_URL", "").strip(),
        sms_cle=env.get("SMS_CLE", "").strip(),
        sms_expediteur=env.get("SMS_EXPEDITEUR", "").strip(),
    )
    if settings.sms_url and not settings.sms_url.startswith(_SMS):
        raise ConfigurationInvalide("SMS_URL must be fichier:/path, https://… or smsfactor:")
    _check_dossier_url(settings.dossier_url, demo)
    _check_integrateurs(settings.integrateurs, demo)
    if settings.geocodeur_url and not settings.geocodeur_url.startswith(_schemes(demo)):
        raise ConfigurationInvalide("GEOCODEUR_URL must be https://: streets travel on it")
    _check_fournisseurs(settings)
    captchetat = (settings.captchetat_url, settings.captchetat_id, settings.captchetat_secret)
    if any(captchetat) and not all(captchetat):
        raise ConfigurationInvalide("CAPTCHETAT_URL, CAPTCHETAT_ID and CAPTCHETAT_SECRET go together")
    if not demo:
        _check_proxys(settings.proxys_de_confiance)
        if settings.secret_key == SECRET_PAR_DEFAUT or len(settings.secret_key) < 32:
            raise ConfigurationInvalide("SECRET_KEY must be set to at least 32 random characters in production")
        if not settings.https and not _bool(env.get("ALLOW_HTTP"), False):
            raise ConfigurationInvalide(
                "BASE_URL must be https:// in production (ALLOW_HTTP=1 accepts plain HTTP inside a test network)"
            )
        for nom, issuer in _ISSUERS.items():
            if getattr(settings, issuer) and not getattr(settings, issuer).startswith("https://"):
                raise ConfigurationInvalide(f"{nom}_ISSUER must be https:// in production")
        adresses = (settings.captchetat_url, settings.captchetat_oauth) if settings.captchetat_url else ()
        if not all(adresse.startswith("https://") for adresse in adresses):
            raise ConfigurationInvalide("CAPTCHETAT_URL and CAPTCHETAT_OAUTH must be https:// in production")
        if settings.referentiel_url and not settings.referentiel_url.startswith("https://"):
            raise ConfigurationInvalide("REFERENTIEL_URL must be https:// in production: names travel on it")
        if settings.sms_url.startswith(("http://", "smsfactor+http://")):
            raise ConfigurationInvalide("SMS_URL must be https:// in production: numbers travel on it")
        if env.get("ACCUEIL_HORLOGE"):
            raise ConfigurationInvalide("ACCUEIL_HORLOGE moves the clock: it is for the demo and tests only")
    return settings
