"""The journey of usagers, guarded against robots: counts, and a challenge where there is a doubt.

Agents, usagers signed in through FranceConnect and this very machine are not in question. A form that has already made
its rendez-vous finds it again, whatever the counts say.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from app import clock
from app.booking import store
from app.booking.contexte import ServiceContexte
from app.booking.forms import UsagerSaisi
from app.booking.jugement import Reservation
from app.booking.outils import Outils
from app.booking.reserver import RdvReserve
from app.booking.unicite import SuiteParMessage
from app.booking.usager.formulaire import Lue
from app.booking.usager.lecture import Vue
from app.booking.usager.visiteur import Visiteur
from app.db import describe
from app.domain.calendrier import Parametres
from app.errors import AppError, Indisponible, SaisieInvalide
from app.langue import get_langue
from app.protection.captchetat import Captchetat, CaptchetatIndisponible, DefiInconnu
from app.protection.defis import (
    has_passe,
    is_juste,
    new_jeton,
    normalize_reponse,
    read_jeton,
    record_reponse,
    return_passe,
    spend_passe,
    take_passe,
)
from app.protection.limites import Compte, Sujets, count, give_back, peek
from app.protection.voix import can_speak

log = structlog.get_logger("accueil.garde")

#: Fields of a form that shows a challenge.
CHAMP: Final = "captcha"
CHAMP_JETON: Final = "captcha_jeton"
RENOUVELER: Final = "captcha_renouveler"
_VIDE: Final = "Recopiez le code de vérification."
_FAUX: Final = "Ce code ne correspond pas au code affiché : recopiez le nouveau."
_EXPIRE: Final = "Ce code de vérification n’est plus valable : recopiez le nouveau."
_ABSENT: Final = "Votre code n’a pas pu être vérifié, ce n’est pas une erreur de votre part : recopiez le nouveau."


#: In the state of a request: CaptchEtat gave no verdict on the answer that came with it.
_DELAISSE: Final = "captchetat_sans_verdict"


class DefiRequis(SaisieInvalide):
    """422: a challenge has to be answered first."""

    code = "captcha-requis"

    def __init__(self, phrase: str = _VIDE) -> None:
        super().__init__("Une vérification est nécessaire.", remede=phrase, champs={CHAMP: phrase})


@dataclass(frozen=True, slots=True)
class Affiche:
    """A challenge as a page shows it. ``image``: an address, or the image itself; ``son``: an address, or ""."""

    jeton: str
    image: str
    son: str
    renouveler: str
    focus: bool = False

    def as_json(self) -> dict[str, str]:
        """For the page's script."""
        return {"jeton": self.jeton, "image": self.image, "son": self.son}


def is_exempt(visiteur: Visiteur) -> bool:
    """True for who is known: an agent, an usager signed in. Raises Indisponible."""
    return visiteur.par_agent or visiteur.usager is not None


def _mode(contexte: ServiceContexte | None) -> str:
    return (contexte.parametres if contexte is not None else Parametres()).captcha


def _sujets(visiteur: Visiteur, contexte: ServiceContexte | None, usager: UsagerSaisi | None = None) -> Sujets:
    parametres = Parametres() if contexte is None else contexte.parametres
    personnes = [] if usager is None else [*usager.telephones, usager.courriel, usager.numero_fiscal, usager.siren]
    return Sujets(
        visiteur.auteur.adresse,
        visiteur.secret if visiteur.has_secret() else "",
        tuple(sorted({str(valeur).lower() for valeur in personnes if valeur})),
        0 if contexte is None else contexte.id,
        1 if contexte is None else max(1, len(contexte.guichets)),
        parametres.reservations_par_minute,
        _is_transmise(visiteur),
    )


def _is_transmise(visiteur: Visiteur) -> bool:
    """True when the visitor's address is one that X-Forwarded-For writes: a proxy believed too easily lets it choose.

    A proxy that was not declared writes others there, and its own is the connection's.
    """
    adresse = visiteur.auteur.adresse or ""
    lignes = visiteur.request.headers.getall("x-forwarded-for", [])
    ecrites = (e.strip().lstrip("[") for ligne in lignes for e in ligne.split(","))
    return bool(adresse) and any(ecrite.startswith(adresse) for ecrite in ecrites)


# --- Showing ----------------------------------------------------------------------------------------------------------


async def propose(
    visiteur: Visiteur,
    outils: Outils,
    vue: Vue,
    *,
    exige: bool = False,
    focus: bool = False,
    acte: str = "reserver",
    renouveler: str = "",
) -> Affiche | None:
    """The challenge that step 3 shows, if it has to. ``exige``: the counts have already said so. Nothing is written.

    ``acte``: what the form asks for; ``renouveler``: where it asks for another code.
    """
    mode = _mode(vue.contexte)
    if visiteur.par_agent or mode == "jamais" or is_exempt(visiteur):
        return None
    sujets = _sujets(visiteur, vue.contexte)
    if mode == "si_doute" and not exige and sujets.local:
        return None
    async with outils.db.read() as conn:
        if visiteur.has_secret() and await has_passe(conn, outils.settings, visiteur.secret, vue.maintenant):
            return None
        if mode == "si_doute" and not exige:
            compte = await peek(conn, outils.settings, acte, sujets, vue.maintenant)
            if not compte.doute:
                return None
    return await show(visiteur, outils, renouveler or f"/rdv/{vue.contexte.id}/captcha", focus=focus)


async def show(visiteur: Visiteur, outils: Outils, renouveler: str, *, focus: bool = False) -> Affiche:
    """A new challenge: CaptchEtat's when it is configured and answers, else our own.

    Our own too when CaptchEtat has just left an answer unchecked: its next one might be left as well.
    """
    settings, maintenant = outils.settings, clock.now()
    externe: Captchetat | None = visiteur.request.app.state.captchetat
    if externe is not None and not visiteur.request.state.get(_DELAISSE, False):
        try:
            image = await externe.fetch_image(get_langue())
        except CaptchetatIndisponible:
            pass
        else:
            jeton = new_jeton(settings, visiteur.secret, maintenant, image.uuid)
            return Affiche(jeton, image.adresse, f"/captcha/{jeton}.wav", renouveler, focus)
    jeton = new_jeton(settings, visiteur.secret, maintenant)
    son = f"/captcha/{jeton}.wav" if can_speak(settings.captcha_voix) else ""
    return Affiche(jeton, f"/captcha/{jeton}.png", son, renouveler, focus)


# --- Answering --------------------------------------------------------------------------------------------------------


async def read_reponse(visiteur: Visiteur, outils: Outils, donnees: Mapping[str, Any]) -> str:
    """Check what was typed under a challenge, once; what to say of it, "" when it is right or when there is none.

    Raises TropDeDemandes, Indisponible.
    """
    texte, reponse = donnees.get(CHAMP_JETON), donnees.get(CHAMP)
    if not isinstance(texte, str) or not texte or is_exempt(visiteur):
        return ""
    reponse = reponse if isinstance(reponse, str) else ""
    settings, maintenant = outils.settings, clock.now()
    async with outils.db.read() as conn:
        if not reponse.strip():
            return "" if await has_passe(conn, settings, visiteur.secret, maintenant) else _VIDE
        compte = await count(conn, settings, "defi", replace(_sujets(visiteur, None), service_id=0), maintenant)
    if compte.attendre_s:
        raise compte.build_refus()
    jeton = read_jeton(settings, visiteur.secret, texte, maintenant)
    if jeton is None:
        return _EXPIRE
    if jeton.externe:
        try:
            juste = await _is_juste(visiteur, jeton.externe, reponse)
        except CaptchetatIndisponible as erreur:
            return await _leave_unchecked(visiteur, outils, compte, erreur)
    else:
        juste = is_juste(settings, jeton, reponse)
    async with outils.db.read() as conn:
        if not await record_reponse(conn, settings, visiteur.secret, jeton, juste=juste, a=maintenant):
            return _FAUX if not juste else _EXPIRE
    await _settle(outils, partial(give_back, compte=compte))
    return ""


async def _is_juste(visiteur: Visiteur, uuid: str, reponse: str) -> bool:
    """What CaptchEtat says. Raises CaptchetatIndisponible."""
    externe: Captchetat | None = visiteur.request.app.state.captchetat
    if externe is None:
        raise CaptchetatIndisponible("no longer configured")
    code = normalize_reponse(reponse)
    return bool(code) and await externe.validate(uuid, code)


async def _leave_unchecked(visiteur: Visiteur, outils: Outils, compte: Compte, erreur: CaptchetatIndisponible) -> str:
    """Nobody can tell whether the answer was right: it was not wrong, and another challenge, ours, takes its place.

    One that CaptchEtat no longer knows still counts as a try: anybody may send it again and again.
    """
    visiteur.request.state[_DELAISSE] = True
    if isinstance(erreur, DefiInconnu):
        return _EXPIRE
    await _settle(outils, partial(give_back, compte=compte))
    return _ABSENT


async def check_reponse(visiteur: Visiteur, outils: Outils, lue: Lue) -> Lue:
    """The form, with what is to be said of its answer beside its field. Raises TropDeDemandes, Indisponible."""
    phrase = await read_reponse(visiteur, outils, await visiteur.request.form())
    return replace(lue, erreurs={**lue.erreurs, CHAMP: phrase}) if phrase else lue


# --- Acting -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Admission:
    """What a booking was counted as, and the answered challenge that it uses."""

    compte: Compte = field(default_factory=Compte)
    passe: bytes | None = None


async def book_guarded(
    visiteur: Visiteur, outils: Outils, vue: Vue, demande: Reservation, reserver: Callable[[], Awaitable[RdvReserve]]
) -> RdvReserve:
    """``reserver``, once it is counted and allowed. Raises DefiRequis, TropDeDemandes, and what it raises."""
    admission = await _admit(visiteur, outils, vue, demande)
    try:
        reserve = await reserver()
    except SuiteParMessage:  # what it lets infer of somebody else costs what a booking does
        if admission.passe is not None:
            await _settle(outils, partial(spend_passe, empreinte=admission.passe))
        raise
    except AppError:
        await _release(outils, admission)
        raise
    if reserve.rejoue:
        await _release(outils, admission)
    return reserve


async def _admit(visiteur: Visiteur, outils: Outils, vue: Vue, demande: Reservation) -> _Admission:
    mode, maintenant, settings = _mode(vue.contexte), vue.maintenant, outils.settings
    sujets = _sujets(visiteur, vue.contexte, demande.usager)
    if visiteur.par_agent or (sujets.local and mode != "toujours") or is_exempt(visiteur):
        return _Admission()
    async with outils.db.read() as conn:
        compte = await count(conn, settings, "reserver", sujets, maintenant)
        doute = mode == "toujours" or (mode == "si_doute" and compte.doute)
        if not compte.attendre_s and not doute:
            return _Admission(compte)
        if await store.find_by_cle(conn, visiteur.print_cle(demande.cle)) is not None:
            await give_back(conn, compte)
            return _Admission()
        if not compte.attendre_s:
            cle = _print_demande(outils, visiteur.print_cle(demande.cle), demande.usager)
            passe = await take_passe(conn, settings, visiteur.secret, cle, maintenant)
            if passe is not None:
                return _Admission(compte, passe)
        await give_back(conn, compte)
    raise compte.build_refus() if compte.attendre_s else DefiRequis()


def _print_demande(outils: Outils, cle: bytes, usager: UsagerSaisi) -> bytes:
    """A form with who is in it: the same one again is the same booking, somebody else in it is another."""
    return hmac.new(outils.settings.derive_key("defi-demande"), cle + repr(usager).encode(), hashlib.sha256).digest()


async def _release(outils: Outils, admission: _Admission) -> None:
    """As if it had not been asked: the answered challenge, which cost the visitor something, before the counts."""
    if not admission.compte.cles and admission.passe is None:
        return

    async def rendre(conn: AsyncConnection) -> None:
        if admission.passe is not None:
            await return_passe(conn, admission.passe)
        await give_back(conn, admission.compte)

    await _settle(outils, rendre)


async def _settle(outils: Outils, ordre: Callable[[AsyncConnection], Awaitable[None]]) -> None:
    """Write what follows from an act which already has its answer: a failure is logged, and changes nothing of it."""
    try:
        async with outils.db.read() as conn:
            await ordre(conn)
    except (Indisponible, DBAPIError) as erreur:
        log.warning("garde.reste", **describe(erreur))


async def admit_hold(visiteur: Visiteur, outils: Outils, service_id: int) -> None:
    """Count a hold before it is placed. Raises DefiRequis, TropDeDemandes, Indisponible."""
    contexte = outils.dispo.contextes.peek(service_id)
    sujets = replace(_sujets(visiteur, contexte), service_id=service_id)
    if visiteur.par_agent or sujets.local or is_exempt(visiteur):
        return
    maintenant = clock.now()
    async with outils.db.read() as conn:
        compte = await count(conn, outils.settings, "tenir", sujets, maintenant)
        if not compte.attendre_s and not compte.doute:
            return
        if not compte.attendre_s and (
            _mode(contexte) == "jamais" or await has_passe(conn, outils.settings, visiteur.secret, maintenant)
        ):
            return
        await give_back(conn, compte)
    raise compte.build_refus() if compte.attendre_s else DefiRequis()


@asynccontextmanager
async def admit_attente(visiteur: Visiteur, outils: Outils, vue: Vue, contact: str) -> AsyncIterator[None]:
    """Count a request for the waiting list, then let it be written. An answered challenge serves for one.

    Refused within, it still counts as a request, and the challenge holds. Raises DefiRequis, TropDeDemandes,
    Indisponible, and what is raised within.
    """
    passe = await _admit_attente(visiteur, outils, vue, contact)
    try:
        yield
    except AppError:
        await _release(outils, _Admission(passe=passe))
        raise


async def _admit_attente(visiteur: Visiteur, outils: Outils, vue: Vue, contact: str) -> bytes | None:
    """The answered challenge that is used, or None."""
    mode, settings = _mode(vue.contexte), outils.settings
    sujets = replace(_sujets(visiteur, vue.contexte), personnes=(contact,))
    if (sujets.local and mode != "toujours") or is_exempt(visiteur):
        return None
    async with outils.db.read() as conn:
        compte = await count(conn, settings, "attente", sujets, vue.maintenant)
        await check_compte(conn, compte)
        if mode == "jamais" or (mode == "si_doute" and not compte.doute):
            return None
        passe = await take_passe(conn, settings, visiteur.secret, secrets.token_bytes(16), vue.maintenant)
        if passe is None:
            await give_back(conn, compte)
            raise DefiRequis
        return passe


async def admit_acte(visiteur: Visiteur, outils: Outils, acte: str) -> Compte:
    """Count an act that has no challenge of its own (``prolonger``, ``deplacer``…). Raises TropDeDemandes."""
    sujets = _sujets(visiteur, None)
    if visiteur.par_agent or sujets.local:
        return Compte()
    async with outils.db.read() as conn:
        compte = await count(conn, outils.settings, acte, sujets, clock.now())
        await check_compte(conn, compte)
    return compte


@asynccontextmanager
async def count_acte(visiteur: Visiteur, outils: Outils, acte: str) -> AsyncIterator[None]:
    """An act as ``admit_acte`` counts it, given back when it is refused, unless that says something of somebody else.

    Raises TropDeDemandes, and what is raised within.
    """
    compte = await admit_acte(visiteur, outils, acte)
    try:
        yield
    except SuiteParMessage:
        raise
    except AppError:
        await _release(outils, _Admission(compte))
        raise


async def use_passe(visiteur: Visiteur, outils: Outils) -> None:
    """Use up an answered challenge for one try. Raises DefiRequis without one. Known people need none."""
    if is_exempt(visiteur):
        return
    async with outils.db.read() as conn:
        cle, maintenant = secrets.token_bytes(32), clock.now()
        if await take_passe(conn, outils.settings, visiteur.secret, cle, maintenant) is None:
            raise DefiRequis


async def check_compte(conn: AsyncConnection, compte: Compte) -> None:
    """Raise TropDeDemandes for what is past its hard bound, which is then not counted."""
    if compte.attendre_s:
        await give_back(conn, compte)
        raise compte.build_refus()


def has_demande(donnees: Mapping[str, Any]) -> bool:
    """True when the button of a form asks for another challenge."""
    return bool(donnees.get(RENOUVELER))
