"""OpenID Connect, seen from our side: discovery, authorization code with PKCE, id_token and signed userinfo.

Nothing here knows agents or sessions. Whatever a provider answers is hostile until its signature, issuer, audience,
nonce and dates are checked; whatever goes wrong is a sentence, and what exactly is a word for the journal. A provider
is asked a few times a day: each conversation has its own client, with short timeouts.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import httpx
from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jwt import JWTClaimsRegistry

from app.errors import AppError

#: Asymmetric signatures only: a provider's public keys are enough to check, never to forge.
ALGORITHMES: Final = ("RS256", "ES256")
_DELAI: Final = httpx.Timeout(5.0, connect=3.0)
#: Discovery documents are read again after this long, in seconds.
_MEMOIRE_S: Final = 600.0
#: Clocks of two institutions may differ by so many seconds.
_TOLERANCE_S: Final = 30
_REPONSE_MAX: Final = 256 * 1024


class FournisseurAbsent(AppError):
    """503: the provider does not answer, or answers nonsense."""

    statut = 503
    code = "fournisseur-absent"
    phrase = "Le service d’identification ne répond pas pour le moment."
    remede = "Réessayez dans quelques minutes, ou connectez-vous avec votre identifiant et votre mot de passe."


class IdentiteRefusee(AppError):
    """403: the answer cannot be believed, or is not for us. ``details['raison']``: the word for the journal."""

    statut = 403
    code = "identite-refusee"
    phrase = "Votre identification n’a pas pu être vérifiée : vous n’êtes pas connecté."
    remede = "Recommencez depuis la page de connexion. Si cela se répète, prévenez votre responsable."


@dataclass(frozen=True, slots=True)
class Fournisseur:
    """An identity provider and who we are for it. ``retour`` is our registered redirection address."""

    nom: Literal["proconnect", "franceconnect"]
    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    portees: str
    retour: str
    #: How strongly the person must have been identified (``acr_values``), and what is believed to be as strong.
    acr: str = ""
    acr_admis: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Adresses:
    """What its discovery document says of it."""

    autorisation: str
    jetons: str
    identite: str
    cles: str
    fin: str


@dataclass(frozen=True, slots=True)
class Identite:
    """Whom the provider vouches for. ``id_token`` is what its sign-out asks for; ``dits``: every claim of userinfo."""

    sujet: str
    courriel: str
    courriel_verifie: bool
    id_token: str = field(repr=False)
    dits: Mapping[str, Any] = field(default_factory=dict, repr=False)


_memoire: dict[str, tuple[float, Adresses]] = {}


async def discover(fournisseur: Fournisseur) -> Adresses:
    """The provider's addresses, remembered for ten minutes. Raises FournisseurAbsent."""
    connues = _memoire.get(fournisseur.issuer)
    if connues is not None and time.monotonic() < connues[0]:
        return connues[1]
    async with httpx.AsyncClient(timeout=_DELAI) as client:
        document = await _get_json(client, f"{fournisseur.issuer}/.well-known/openid-configuration")
    if document.get("issuer") != fournisseur.issuer:
        raise FournisseurAbsent(raison="issuer")
    schema = urlsplit(fournisseur.issuer).scheme
    lues = [
        str(document.get(cle) or "")
        for cle in ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "end_session_endpoint")
    ]
    if any(urlsplit(adresse).scheme != schema for adresse in lues if adresse) or not all(lues[:4]):
        raise FournisseurAbsent(raison="decouverte")
    adresses = Adresses(*lues)
    _memoire[fournisseur.issuer] = (time.monotonic() + _MEMOIRE_S, adresses)
    return adresses


async def authorization_url(fournisseur: Fournisseur, etat: str, nonce: str, verificateur: str) -> str:
    """Where to send the browser: code flow, PKCE S256, state and nonce. Raises FournisseurAbsent."""
    adresses = await discover(fournisseur)
    parametres = {
        "response_type": "code",
        "client_id": fournisseur.client_id,
        "redirect_uri": fournisseur.retour,
        "scope": fournisseur.portees,
        "state": etat,
        "nonce": nonce,
        "code_challenge": create_s256_code_challenge(verificateur),
        "code_challenge_method": "S256",
        **({"acr_values": fournisseur.acr} if fournisseur.acr else {}),
    }
    return str(add_params_to_uri(adresses.autorisation, list(parametres.items())))


async def end_url(fournisseur: Fournisseur, id_token: str, etat: str, retour: str) -> str:
    """Where to send the browser to end the provider's session, or "" when it has no such place or is away."""
    try:
        adresses = await discover(fournisseur)
    except FournisseurAbsent:
        return ""
    if not adresses.fin:
        return ""
    parametres = {"id_token_hint": id_token, "state": etat, "post_logout_redirect_uri": retour}
    return str(add_params_to_uri(adresses.fin, list(parametres.items())))


async def fetch_identite(
    fournisseur: Fournisseur, code: str, nonce: str, verificateur: str, maintenant: datetime
) -> Identite:
    """Exchange the code and believe what is signed, for us, now, by this provider.

    Raises FournisseurAbsent and IdentiteRefusee.
    """
    adresses = await discover(fournisseur)
    async with httpx.AsyncClient(timeout=_DELAI) as client:
        jetons = await _exchange(client, fournisseur, adresses, code, verificateur)
        cles = _import_keys(await _get_json(client, adresses.cles))
        acces, id_token = str(jetons.get("access_token") or ""), str(jetons.get("id_token") or "")
        sujet = _check_id_token(fournisseur, id_token, cles, nonce, acces, maintenant)
        reponse = await _send(client, "GET", adresses.identite, headers={"Authorization": f"Bearer {acces}"})
    if reponse.status_code != 200:
        raise IdentiteRefusee(raison="userinfo")
    if not reponse.headers.get("content-type", "").startswith("application/jwt"):
        raise IdentiteRefusee(raison="userinfo_non_signee")
    dits = _check_userinfo(fournisseur, reponse.text.strip(), cles, sujet, maintenant)
    # ProConnect vouches for the professional address and sends no ``email_verified``; whoever says False is believed.
    courriel = str(dits.get("email") or "").strip()
    return Identite(sujet, courriel, dits.get("email_verified") is not False, id_token, dits)


async def _exchange(
    client: httpx.AsyncClient, fournisseur: Fournisseur, adresses: Adresses, code: str, verificateur: str
) -> Mapping[str, Any]:
    corps = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": fournisseur.retour,
        "client_id": fournisseur.client_id,
        "client_secret": fournisseur.client_secret,
        "code_verifier": verificateur,
    }
    reponse = await _send(client, "POST", adresses.jetons, data=corps)
    if 400 <= reponse.status_code < 500:
        raise IdentiteRefusee(raison="code")
    return _json(reponse)


def _import_keys(document: Mapping[str, Any]) -> KeySet:
    try:
        return KeySet.import_key_set({"keys": list(document["keys"])})
    except (JoseError, KeyError, TypeError, ValueError) as erreur:
        raise FournisseurAbsent(raison="cles") from erreur


def _check_id_token(
    fournisseur: Fournisseur, id_token: str, cles: KeySet, nonce: str, acces: str, maintenant: datetime
) -> str:
    """The subject of a valid id_token."""
    options: Any = {
        "iss": {"essential": True, "value": fournisseur.issuer},
        "aud": {"essential": True, "value": fournisseur.client_id},
    }
    parametres = {"nonce": nonce, "client_id": fournisseur.client_id, "access_token": acces}
    try:
        lu = jwt.decode(id_token, cles, algorithms=list(ALGORITHMES))
        dits = CodeIDToken(lu.claims, lu.header, options, parametres)
        dits.validate(now=int(maintenant.timestamp()), leeway=_TOLERANCE_S)
        sujet = dits["sub"]
    except (JoseError, ValueError, TypeError, KeyError) as erreur:
        raise IdentiteRefusee(raison=_word("id_token", erreur)) from erreur
    if not isinstance(sujet, str) or not 0 < len(sujet) <= 255:
        raise IdentiteRefusee(raison="id_token:sub")
    if fournisseur.acr and dits.get("acr") not in fournisseur.acr_admis:
        raise IdentiteRefusee(raison="id_token:acr")
    return sujet


def _check_userinfo(
    fournisseur: Fournisseur, reponse: str, cles: KeySet, sujet: str, maintenant: datetime
) -> Mapping[str, Any]:
    """The claims of a signed userinfo answer about the same subject, for us."""
    registre = JWTClaimsRegistry(
        now=int(maintenant.timestamp()),
        leeway=_TOLERANCE_S,
        iss={"essential": True, "value": fournisseur.issuer},
        aud={"essential": True, "value": fournisseur.client_id},
        sub={"essential": True, "value": sujet},
    )
    try:
        lu = jwt.decode(reponse, cles, algorithms=list(ALGORITHMES))
        registre.validate(lu.claims)
    except (JoseError, ValueError, TypeError, KeyError) as erreur:
        raise IdentiteRefusee(raison=_word("userinfo", erreur)) from erreur
    return lu.claims


def _word(ou: str, erreur: Exception) -> str:
    """« id_token:nonce »: which check failed, never what was received."""
    return f"{ou}:{getattr(erreur, 'claim', '') or type(erreur).__name__}"


async def _send(client: httpx.AsyncClient, methode: str, adresse: str, **plus: Any) -> httpx.Response:
    try:
        reponse = await client.request(methode, adresse, **plus)
    except httpx.HTTPError as erreur:
        raise FournisseurAbsent(raison=type(erreur).__name__) from erreur
    if reponse.status_code >= 500 or len(reponse.content) > _REPONSE_MAX:
        raise FournisseurAbsent(raison=f"http_{reponse.status_code}")
    return reponse


async def _get_json(client: httpx.AsyncClient, adresse: str) -> Mapping[str, Any]:
    reponse = await _send(client, "GET", adresse)
    if reponse.status_code != 200:
        raise FournisseurAbsent(raison=f"http_{reponse.status_code}")
    return _json(reponse)


def _json(reponse: httpx.Response) -> Mapping[str, Any]:
    try:
        document = reponse.json()
    except ValueError as erreur:
        raise FournisseurAbsent(raison="json") from erreur
    if not isinstance(document, dict):
        raise FournisseurAbsent(raison="json")
    return document
