"""``/agent/preferences``: how an agent is told — daily summary, subscribed calendars — and his keyboard [G 2.3.3].

The address of a calendar is shown once, by the answer to the form that made it: reloading the page asks for nothing
again and shows it no more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response

from app import clock
from app.booking.abonnements import (
    ABONNEMENTS_MAX,
    AbonnementCree,
    create_abonnement,
    list_abonnements,
    list_guichets,
    remove_abonnement,
    renew_abonnement,
)
from app.booking.agents.actes import check_champs
from app.booking.outils import Outils
from app.booking.preferences import HEURES, read_preferences, save_preferences
from app.errors import AppError, Conflit, SaisieInvalide
from app.identite.acteur import Acteur
from app.web.adresses import is_nombre
from app.web.dates import jour_moyen
from app.web.dependances import auteur_agent
from app.web.pages import agent_page, page
from app.web.securite import CHAMP_CSRF

ADRESSE: Final = "/agent/preferences"
_FAITS: Final = {
    "enregistre": "Vos préférences sont enregistrées.",
    "retire": "L’abonnement est retiré : son adresse n’ouvre plus rien.",
}


def _heure(minute: int) -> str:
    """« 07:00 »."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


async def _render(
    request: Request[Any, Any, Any],
    outils: Outils,
    acteur: Acteur,
    *,
    saisie: Mapping[str, str] | None = None,
    refus: AppError | None = None,
    cree: AbonnementCree | None = None,
    fait: str = "",
) -> Response[bytes]:
    """The page; with what was typed and why it was refused, or with the address that has just been made."""
    async with outils.db.read() as conn:
        prefs = await read_preferences(conn, acteur.agent_id)
        abonnements = await list_abonnements(conn, acteur.agent_id)
        guichets = await list_guichets(conn, acteur.agent_id)
    zone = ZoneInfo(acteur.fuseau)
    enregistre = {"resume": "oui" if prefs.resume else "non", "heure": _heure(prefs.minute)}
    base = outils.settings.base_url
    secret_url = f"{base}/agendas/{cree.secret}.ics" if cree else ""
    ctx = {
        **agent_page(acteur, actif=ADRESSE),
        "titre": "Préférences",
        "fil": [{"libelle": "Tableau de bord", "url": "/agent"}, {"libelle": "Préférences", "url": ""}],
        "adresse": ADRESSE,
        "courriel": prefs.courriel,
        "revision": prefs.revision,
        "saisie": saisie or enregistre,
        "enregistre": enregistre,
        "heures": [(_heure(minute), _heure(minute)) for minute in HEURES],
        "fuseau": acteur.fuseau,
        "erreurs": dict(refus.champs or {}) if refus else {},
        "refus": refus if refus is not None and not refus.champs else None,
        "fait": fait,
        "rattache": bool(guichets),
        "abonnements": [
            {
                "id": ligne["id"],
                "nom": f"{ligne['guichet']} – {ligne['service']}" if ligne["guichet_id"] else "Mes rendez-vous",
                "cree": jour_moyen(ligne["cree_a"].astimezone(zone).date()),
                "lu": jour_moyen(ligne["lu_le"]) if ligne["lu_le"] else "",
                "permis": ligne["permis"],
                "neuf": cree is not None and cree.id == ligne["id"],
            }
            for ligne in abonnements
        ],
        "complet": len(abonnements) >= ABONNEMENTS_MAX,
        "guichets": _group(guichets),
        "secret_url": secret_url,
        "webcal_url": f"webcal://{urlsplit(secret_url).netloc}{urlsplit(secret_url).path}" if cree else "",
    }
    return page(request, "agent/preferences.html", ctx, statut=refus.statut if refus else 200)


def _group(guichets: list[dict[str, Any]]) -> list[dict[str, Any]]:
    groupes: dict[str, list[tuple[int, str]]] = {}
    for guichet in guichets:
        groupes.setdefault(guichet["service"], []).append((guichet["id"], guichet["nom"]))
    return [{"groupe": service, "options": options} for service, options in groupes.items()]


@get(ADRESSE, include_in_schema=False)
async def show_preferences(
    request: Request[Any, Any, Any], outils: NamedDependency[Outils], acteur: NamedDependency[Acteur]
) -> Response[bytes]:
    """The choices as they are."""
    return await _render(request, outils, acteur, fait=_FAITS.get(request.query_params.get("fait", ""), ""))


@post(ADRESSE, status_code=200, include_in_schema=False)
async def save(
    request: Request[Any, Any, Any], outils: NamedDependency[Outils], acteur: NamedDependency[Acteur]
) -> Response[Any]:
    """The daily summary. 409 shows what is kept beside what was chosen, 422 what is wrong: nothing typed is lost."""
    formulaire = dict(await request.form())
    check_champs(formulaire, frozenset({CHAMP_CSRF, "revision", "resume", "heure"}))
    saisie = {nom: str(formulaire.get(nom, "")) for nom in ("resume", "heure")}
    try:
        revision = str(formulaire.get("revision", ""))
        erreurs = {}
        if saisie["resume"] not in ("oui", "non"):
            erreurs["resume"] = "Choisissez oui ou non."
        minutes = {_heure(minute): minute for minute in HEURES}
        if saisie["heure"] not in minutes:
            erreurs["heure"] = "Choisissez une des heures proposées."
        if erreurs:
            raise SaisieInvalide(champs=erreurs)
        if not is_nombre(revision):
            raise SaisieInvalide("Rouvrez la page : ce formulaire ne dit pas quelle version il montrait.")
        await save_preferences(
            outils,
            auteur_agent(acteur, request),
            clock.now(),
            resume=saisie["resume"] == "oui",
            minute=minutes[saisie["heure"]],
            revision=int(revision),
        )
    except (SaisieInvalide, Conflit) as refus:
        return await _render(request, outils, acteur, saisie=saisie, refus=refus)
    return Redirect(f"{ADRESSE}?fait=enregistre", status_code=303)


@post(f"{ADRESSE}/agendas", status_code=200, include_in_schema=False)
async def create(
    request: Request[Any, Any, Any], outils: NamedDependency[Outils], acteur: NamedDependency[Acteur]
) -> Response[Any]:
    """A new calendar (``guichet`` empty: the agent's own); its address is in the answer, and nowhere else."""
    formulaire = dict(await request.form())
    check_champs(formulaire, frozenset({CHAMP_CSRF, "guichet"}))
    guichet = str(formulaire.get("guichet", ""))
    if guichet and not is_nombre(guichet):
        raise SaisieInvalide(champs={"guichet": "Choisissez un des guichets proposés."})
    try:
        cree = await create_abonnement(
            outils, auteur_agent(acteur, request), int(guichet) if guichet else None, clock.now()
        )
    except AppError as refus:
        return await _render(request, outils, acteur, refus=refus)
    return await _render(request, outils, acteur, cree=cree)


@post(f"{ADRESSE}/agendas/{{abonnement_id:int}}/renouvellement", status_code=200, include_in_schema=False)
async def renew(
    request: Request[Any, Any, Any],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    abonnement_id: FromPath[int],
) -> Response[Any]:
    """Another address; the former one opens nothing any more."""
    check_champs(dict(await request.form()), frozenset({CHAMP_CSRF}))
    cree = await renew_abonnement(outils, auteur_agent(acteur, request), abonnement_id, clock.now())
    return await _render(request, outils, acteur, cree=cree)


@post(f"{ADRESSE}/agendas/{{abonnement_id:int}}/retrait", status_code=200, include_in_schema=False)
async def remove(
    request: Request[Any, Any, Any],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    abonnement_id: FromPath[int],
) -> Response[Any]:
    """The calendar is shared no more."""
    check_champs(dict(await request.form()), frozenset({CHAMP_CSRF}))
    await remove_abonnement(outils, auteur_agent(acteur, request), abonnement_id, clock.now())
    return Redirect(f"{ADRESSE}?fait=retire", status_code=303)


ROUTES = [show_preferences, save, create, renew, remove]
