"""The test site: one prototype page per macro, its live fragments, and the answers to its buttons.

It serves the repository's templates and static files under the strict Content-Security-Policy of the product.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from app.domain.vocabulaire import COMPTES
from app.web.gabarits import speak_languages
from tests.front import creneaux
from tests.front.direct import Direct
from tests.front.monde import EPOQUE, URL_RDV, ZONE, Monde, grand_monde, iso, minute, petit_monde

RACINE: Final = Path(__file__).resolve().parents[2]
MODULES: Final = RACINE / "node_modules"
CSP: Final = (
    "default-src 'self'; img-src 'self' data:; connect-src 'self' ws://127.0.0.1:*; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
AGENT: Final = {
    "nom": "Claire Morel",
    "profil": "Agent local",
    "derniere_connexion": "vendredi 20 novembre 2026 à 16:47",
}
SERVICE: Final = {
    "libelle": "Service des impôts des particuliers de Nevers",
    "zone": ZONE,
    "date_locale": "lundi 23 novembre 2026",
    "heure_locale": "11:05",
}
REGIONS: Final = {
    "agenda": '{{% from "macros/agenda.html" import grille_jour %}}{}{{{{ grille_jour(jour) }}}}{}',
    "accueil": '{{% from "macros/accueil.html" import tableau_accueil %}}{}{{{{ tableau_accueil(accueil) }}}}{}',
    "site": '{{% from "macros/accueil.html" import tableau_accueil %}}{}{{{{ tableau_accueil(accueil) }}}}{}',
    "box": '{{% from "macros/box.html" import page_box %}}{}{{{{ page_box(box) }}}}{}',
}
REGION: Final = (
    '{% from "macros/page.html" import region %}'
    '{% call region(vue, sujets, versions, epoque, "/fragment/" ~ vue, zone, du=du, au=au, guichets=guichets,'
    " expire=expire) %}"
)
"""Opening of every live region; ``du`` and ``au`` are the bounds of the day."""


def environnement() -> Environment:
    """Jinja as the product sets it: autoescape, and every missing key is an error."""
    env = Environment(
        loader=FileSystemLoader([RACINE / "templates", Path(__file__).parent / "pages"]),
        autoescape=True,
        undefined=StrictUndefined,
    )
    env.globals["COMPTES"] = COMPTES
    speak_languages(env)
    return env


class Statiques(StaticFiles):
    """Files that the browser may keep for the length of a run."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["cache-control"] = "max-age=600"
        return response


async def lire(request: Request) -> dict[str, str]:
    """The fields of a urlencoded body."""
    return dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))


class Site:
    """State of the test site. ``panne`` makes fragments fail with that status; ``refus`` makes the buttons fail."""

    def __init__(self, monde: Monde | None = None) -> None:
        self.monde = monde or petit_monde()
        self.env = environnement()
        self.panne: int | None = None
        self.refus: tuple[int, dict[str, Any]] | None = None
        self.lenteur = 0.0
        self.version_voisine = 7
        self.expire = minute("00:00") + 24 * 60
        self.fragments: list[str] = []
        self.postes: list[dict[str, Any]] = []
        self.sur_post: Callable[[str, int], None] | None = None
        self.csp: list[str] = []
        self.port = 0
        self.grille = creneaux.Grille()
        self.direct = Direct()
        self.direct.epoque = EPOQUE
        self.direct.versions = {"service:12": self.monde.version, "service:13": 7, "creneaux:12": self.grille.version}
        self.direct.horloge = lambda: self.monde.maintenant
        self.app = Starlette(
            routes=[
                WebSocketRoute("/temps-reel", self.direct.accueillir),
                Route("/page/{nom}", self.page),
                Route("/fragment/creneaux", self.fragment_creneaux),
                Route("/fragment/{vue}", self.fragment),
                Route(URL_RDV + "{id:int}/{action:path}", self.agir, methods=["POST"]),
                Route(URL_RDV + "{suite:path}", self.ailleurs),
                Route("/formulaire", self.formulaire, methods=["POST"]),
                Route("/choisir", self.choisir, methods=["POST"]),
                Route("/csp", self.rapport, methods=["POST"]),
                Mount("/static", Statiques(directory=RACINE / "static")),
            ]
        )

    def contexte(self, **autres: Any) -> dict[str, Any]:
        """What every page gets."""
        return {
            "csrf": "jeton-de-test",
            "maintenant": iso(self.monde.maintenant),
            "demo": True,
            "demo_url": "/demo",
            "marque_etat": False,
            "agent": AGENT,
            "service": SERVICE,
            "direct": True,
            "menu": [
                {"libelle": lib, "url": f"/page/{url}", "actif": False}
                for lib, url in (
                    ("Tableau de bord", "macros"),
                    ("Agenda", "agenda"),
                    ("Accueil", "accueil"),
                    ("Mon box", "box"),
                    ("Pilotage", "vide"),
                )
            ],
            "fil": [{"libelle": "Accueil", "url": "/"}, {"libelle": "Page d'essai", "url": ""}],
            "sans_flux": False,
            **autres,
        }

    def region(self, vue: str) -> str:
        """The live region of a view, exactly as its page includes it."""
        monde = self.monde
        source = REGIONS[vue].format(REGION, "{% endcall %}")
        return self.env.from_string(source).render(
            vue=vue,
            sujets="service:12 service:13" if vue == "site" else "service:12",
            versions=f"{monde.version} {self.version_voisine}" if vue == "site" else monde.version,
            expire=self.expire if vue == "site" else "",
            epoque=monde.epoque,
            zone=ZONE,
            du=minute("00:00"),
            au=minute("00:00") + 24 * 60,
            guichets="2" if vue == "box" else "",
            jour=monde.jour(),
            accueil=monde.accueil(),
            box=monde.box(),
        )

    async def page(self, request: Request) -> Response:
        nom = request.path_params["nom"]
        monde = grand_monde() if nom == "grand" else self.monde
        contexte = self.contexte(nom=nom, monde=monde, g=self.grille)
        vues = nom.split("+")
        if vues[0] in REGIONS:
            contexte["nom"] = vues[0]
            contexte["region"] = "".join(self.region(vue) for vue in vues)
        gabarit = "vue" if vues[0] in REGIONS else nom
        html = self.env.get_template(f"{gabarit}.html").render(contexte)
        return HTMLResponse(html, headers={"content-security-policy": CSP + "; report-uri /csp"})

    async def fragment(self, request: Request) -> Response:
        vue = request.path_params["vue"]
        self.fragments.append(vue)
        html = "" if self.panne else self.region(vue)
        if self.lenteur:
            await asyncio.sleep(self.lenteur)
        return HTMLResponse(html, status_code=self.panne or 200)

    async def fragment_creneaux(self, request: Request) -> Response:
        self.fragments.append("creneaux")
        gabarit = self.env.get_template("fragment_creneaux.html")
        return HTMLResponse(gabarit.render(g=self.grille))

    async def agir(self, request: Request) -> Response:
        """A button of a row. The change itself is made by the test's ``sur_post``."""
        n, action = request.path_params["id"], request.path_params["action"]
        formulaire = await lire(request)
        self.postes.append(
            {
                "action": action,
                "rdv": n,
                "csrf": request.headers.get("x-csrf-token") or formulaire.get("_csrf"),
                "cle": request.headers.get("idempotency-key"),
            }
        )
        if self.lenteur:
            await asyncio.sleep(self.lenteur)
        if self.refus:
            statut, probleme = self.refus
            return JSONResponse(probleme, statut, media_type="application/problem+json")
        if self.sur_post:
            self.sur_post(action, n)
        if "application/json" in request.headers.get("accept", ""):
            return JSONResponse({"message": "Enregistré"})
        return RedirectResponse("/page/accueil", 303)

    async def ailleurs(self, request: Request) -> Response:
        """Wherever a link of the prototypes leads."""
        return HTMLResponse("<!DOCTYPE html><title>Ailleurs</title>")

    async def formulaire(self, request: Request) -> Response:
        donnees = await lire(request)
        self.postes.append({"cle": request.headers.get("idempotency-key"), **donnees})
        if self.lenteur:
            await asyncio.sleep(self.lenteur)
        if not donnees.get("nom"):
            probleme = {
                "title": "Saisie invalide",
                "detail": "Certaines informations sont à corriger.",
                "remede": "Corrigez les champs signalés : le reste de votre saisie est conservé.",
                "champs": {"nom": "Indiquez votre nom d'usage."},
            }
            return JSONResponse(probleme, 422, media_type="application/problem+json")
        return JSONResponse({"suite": "/page/vide"})

    async def choisir(self, request: Request) -> Response:
        self.postes.append(dict(await lire(request)))
        return RedirectResponse("/page/vide", 303)

    async def rapport(self, request: Request) -> Response:
        self.csp.append(json.dumps(await request.json()))
        return Response(status_code=204)
