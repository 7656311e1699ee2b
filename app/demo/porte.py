"""The door of the demo: each role in one click, scenes, simulation, servers. Mounted in the demo only."""

from __future__ import annotations

from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy import select

from app import clock
from app.booking.contexte import read_contexte
from app.booking.jugement import compute_fenetre
from app.booking.outils import Outils
from app.db import UnitOfWork
from app.demo.boite_locale import find_boite
from app.demo.donnees import refresh_now
from app.demo.etat import read_voyants
from app.demo.reglages import RYTHMES, ReglageSimulation, read_simulation, write_simulation
from app.demo.roles import PAR_COMPTE, PAR_SCENE, ROLES, SCENES, Lieux, read_lieux
from app.errors import Indisponible, Introuvable, SaisieInvalide
from app.identite.routes import session_redirect
from app.identite.sessions import open_session
from app.tables import Agent
from app.web.dependances import adresse, find_acteur
from app.web.pages import page
from app.web.securite import cookie_name

_RYTHMES = {"lent": "Lent", "normal": "Normal", "vif": "Vif"}


@get("/demo", include_in_schema=False)
async def show_porte(request: Request[Any, Any, Any], outils: NamedDependency[Outils]) -> Response[bytes]:
    """The cards. Still drawn when a server is away: its state is what the page is for."""
    try:
        async with outils.db.read() as conn:
            lieux, reglage = await read_lieux(conn), await read_simulation(conn)
    except Indisponible:
        lieux, reglage = None, ReglageSimulation()
    return page(
        request,
        "demo/porte.html",
        {
            "titre": "Démonstration",
            "roles": ROLES,
            "scenes": SCENES,
            "lieux": lieux,
            "reglage": reglage.rythme if reglage.active else "pause",
            "rythmes": [("pause", "En pause"), *_RYTHMES.items()],
            "simulation_lancee": outils.settings.simulation,
            "boite": find_boite(outils.settings) is not None,
            "base_url": outils.settings.base_url,
            "voyants": await read_voyants(outils),
        },
    )


@post("/demo/entrer", status_code=200, include_in_schema=False)
async def enter(request: Request[Any, Any, Any], outils: NamedDependency[Outils]) -> Response[Any]:
    """Open a session as that role, without a password, and go to its best screen or to a scene."""
    formulaire = await request.form()
    role = PAR_COMPTE.get(str(formulaire.get("role") or ""))
    if role is None:
        raise SaisieInvalide("Ce rôle n’existe pas dans la démonstration.")
    scene = PAR_SCENE.get(str(formulaire.get("scene") or ""))
    await refresh_now(outils)
    lieux = await _need_lieux(outils)
    async with outils.db.read() as conn:
        agent_id = (
            await conn.execute(select(Agent.id).where(Agent.identifiant == role.compte, Agent.suspendu_a.is_(None)))
        ).scalar_one_or_none()
    if agent_id is None:
        raise Introuvable(f"Le compte « {role.compte} » n’existe plus ou est suspendu.")
    jeton = await open_session(
        outils.db,
        agent_id,
        ancien_jeton=request.cookies.get(cookie_name(outils.settings, "session")),
        adresse=adresse(request),
        a=clock.now(),
    )
    return session_redirect(outils, jeton, f"/demo/scenes/{scene.cle}" if scene else role.ecran(lieux))


async def _need_lieux(outils: Outils) -> Lieux:
    async with outils.db.read() as conn:
        lieux = await read_lieux(conn)
    if lieux is None:
        raise Introuvable(
            "Les données de démonstration ne sont pas installées.",
            remede="Lancez « accueil seed-demo », puis rechargez cette page.",
        )
    return lieux


@get("/demo/scenes/{cle:str}", include_in_schema=False)
async def show_scene(
    request: Request[Any, Any, Any], cle: FromPath[str], outils: NamedDependency[Outils]
) -> Response[bytes]:
    """Two windows to open side by side, and what to do in them."""
    scene = PAR_SCENE.get(cle)
    if scene is None:
        raise Introuvable("Cette scène n’existe pas.")
    lieux = await _need_lieux(outils)
    async with outils.db.read() as conn:
        contexte = await read_contexte(conn, lieux.service_id)
    jour = compute_fenetre(contexte, "internet", clock.now()).du.isoformat()
    acteur = await find_acteur(request)
    return page(
        request,
        "demo/scene.html",
        {
            "titre": scene.titre,
            "scene": scene,
            "role": PAR_COMPTE[scene.compte],
            "connecte": acteur is not None and acteur.identifiant == scene.compte,
            "gauche": scene.gauche.url(lieux, jour),
            "droite": scene.droite.url(lieux, jour),
            "fil": [{"libelle": "Démonstration", "url": "/demo"}, {"libelle": scene.titre, "url": ""}],
        },
    )


@post("/demo/simulation", status_code=200, include_in_schema=False)
async def set_simulation(request: Request[Any, Any, Any], outils: NamedDependency[Outils]) -> Response[Any]:
    """Pause the imaginary usagers, or set their pace; kept across restarts."""
    choix = str((await request.form()).get("rythme") or "")
    rythme = next((r for r in RYTHMES if r == choix), None)
    if rythme is None and choix != "pause":
        raise SaisieInvalide("Choisissez un rythme.", champs={"rythme": "Choisissez un rythme."})

    async def travail(uow: UnitOfWork) -> None:
        avant = await read_simulation(uow.conn)
        await write_simulation(uow.conn, ReglageSimulation(rythme is not None, rythme or avant.rythme))

    await outils.db.transaction(travail)
    return Redirect("/demo#simulation", status_code=303)
