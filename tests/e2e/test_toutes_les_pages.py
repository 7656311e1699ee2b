"""Every page of the application, found from its routes: accessible, titled, within 320 px, silent in the console.

A new GET route fails here until somebody says which page it is, or why it is none.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from litestar import Litestar
from playwright.async_api import Browser, BrowserContext, Page
from sqlalchemy import text

from app import clock
from app.booking.outils import Outils
from app.db import Database, create_engine
from app.demo.donnees import seed
from app.demo.roles import Lieux, read_lieux
from app.embedded.boite import list_messages
from app.embedded.postgres import Postgres
from app.embedded.redis import RedisServer
from app.embedded.smtp import Smtp
from app.main import create_web
from tests.accueil.monde import HORLOGE, JOUR, Journee
from tests.e2e.outillage import Temoin, axe
from tests.fixtures.base import make_settings, run_site, until

pytestmark = pytest.mark.e2e

JEUDI = JOUR + timedelta(days=3)


@dataclass
class Demo:
    """The whole demo, where it is Monday 10:05, and what its pages need."""

    journee: Journee
    lieux: Lieux
    smtp: Smtp
    navigateur: Browser
    motif: int
    rdv: int
    rdv_annule: int
    #: Ids of what the service is organised with: planning, journee, exception, agent, delegation.
    organisation: dict[str, int]
    contextes: dict[str, BrowserContext] = field(default_factory=dict)
    lien: str = ""
    message: str = ""

    async def context(self, qui: str) -> BrowserContext:
        """A browser signed in as that account of the demo, or nobody's for ""."""
        if qui not in self.contextes:
            if qui:
                agent = await self.journee.scalar("SELECT id FROM agent WHERE identifiant = :i", i=qui)
                self.contextes[qui] = await self.journee.context(self.navigateur, agent)
            else:
                self.contextes[qui] = await self.navigateur.new_context(locale="fr-FR")
        return self.contextes[qui]

    @property
    def choix(self) -> str:
        """What step 1 decided."""
        return f"motif={self.motif}&type=guichet&nature=particulier"

    async def hold(self, page: Page) -> None:
        """Take the first free créneau, as far as the form of step 3."""
        await page.goto(f"{self.journee.site.url}/rdv/{self.lieux.service_id}/creneau?{self.choix}")
        await page.locator(".creneau:enabled").first.click()
        await page.wait_for_url("**/coordonnees*")

    async def prendre(self, page: Page) -> None:
        """The same for an agent, by the parcours simplifié."""
        await page.goto(f"{self.journee.site.url}/services/{self.lieux.service_id}/prendre/creneau?{self.choix}")
        await page.locator(".creneau:enabled").first.click()
        await page.wait_for_url("**/prendre/coordonnees*")

    async def confirmer(self, page: Page) -> None:
        """The code to read out, once he has booked."""
        await self.prendre(page)
        await page.locator("input[name=civilite]").first.check(force=True)
        await page.locator("input[name=origine]").first.check(force=True)
        for champ in ("nom_usage", "prenoms", "precision"):
            await page.locator(f"#champ-{champ}").fill("Pagesvues")
        await page.locator("#champ-telephone1").fill("06 12 34 56 78")
        await page.locator("[data-envoi]").click()
        await page.wait_for_url("**/prendre/confirmation*")

    async def ouvrir_par_code(self, page: Page) -> None:
        """That RDV, by its code and its name."""
        await self.confirmer(page)
        code = await page.locator(".code-rdv [aria-hidden]").inner_text()
        await page.goto(f"{self.journee.site.url}/agent/rendez-vous/par-code")
        await page.locator("#champ-code").fill(code)
        await page.locator("#champ-nom").fill("Pagesvues")
        await page.get_by_role("button", name="Ouvrir le rendez-vous").click()
        await page.get_by_role("heading", name=f"Rendez-vous {code}").wait_for()

    async def deplacer_par_code(self, page: Page) -> None:
        """Where it may go."""
        await self.ouvrir_par_code(page)
        await page.get_by_role("button", name="Déplacer").click()
        await page.get_by_role("button", name="Déplacer à cet horaire").wait_for()

    async def modifier_par_code(self, page: Page) -> None:
        """What may be corrected."""
        await self.ouvrir_par_code(page)
        await page.get_by_role("button", name="Modifier").click()
        await page.locator("#champ-telephone1").wait_for()

    async def annuler_par_code(self, page: Page) -> None:
        """The page that says it is irreversible."""
        await self.ouvrir_par_code(page)
        await page.get_by_role("button", name="Annuler ce rendez-vous").click()
        await page.locator("#champ-raison").wait_for()

    async def book(self) -> None:
        """One booking online, for the pages that come after it: the usager's own, and the mail."""
        page = await (await self.context("")).new_page()
        await self.hold(page)
        await page.locator("input[name=civilite]").first.check(force=True)
        for champ, valeur in (
            ("nom_usage", "Valenton"),
            ("prenoms", "Philippa"),
            ("telephone1", "06 12 34 56 78"),
            ("courriel", "toutes-les-pages@usagers.test"),
            ("precision", "Question sur un investissement"),
        ):
            await page.locator(f"#champ-{champ}").fill(valeur)
        await page.get_by_role("button", name="Confirmer le rendez-vous").last.click()
        await page.wait_for_url("**/mon-rendez-vous/**")
        self.lien = page.url.rsplit("/", 1)[1].split("?")[0]
        await page.close()

        def find() -> str | None:
            recus = list_messages(self.smtp.dossier, 200)
            return next((m.cle for m in recus if "toutes-les-pages@" in m.a), None)

        self.message = await until(find, delai_s=15)


@dataclass(frozen=True)
class Visite:
    """A page to look at: who, where, and what to do before."""

    qui: str
    url: Callable[[Demo], str]
    avant: Callable[[Demo, Page], Awaitable[None]] | None = None


def at(qui: str, chemin: str) -> Visite:
    """A visit whose address names the demo's places: {s} service, {site}, {g} guichet, {rdv}, {planning}, {choix}…"""

    def url(d: Demo) -> str:
        return chemin.format(
            s=d.lieux.service_id,
            site=d.lieux.site_id,
            g=d.lieux.guichet_id,
            rdv=d.rdv,
            annule=d.rdv_annule,
            choix=d.choix,
            jour=JOUR,
            jeudi=JEUDI,
            lien=d.lien,
            message=d.message,
            motif=d.motif,
            **d.organisation,
        )

    return Visite(qui, url)


#: The same pages as by the link, in the same templates.
FRANCECONNECT = "needs a provider: looked at in tests/identite/test_franceconnect_navigateur.py"
#: Who goes through the parcours simplifié: an agent of the service, and another one.
PRENEURS = ("exterieur", "agent")
#: Every page, by route.
PAGES: dict[str, list[Visite]] = {
    "/": [at("", "/"), at("", "/?q=Nevers"), at("", "/?q=introuvable")],
    "/connexion": [at("", "/connexion")],
    "/services/{service_id:int}": [at("", "/services/{s}")],
    "/services/{service_id:int}/integrer": [at("", "/services/{s}/integrer")],
    "/contact": [
        at("", "/contact"),
        at("", "/contact?nature=particulier&demande=s1"),
        at("", "/contact?sujet=p-dossier-calcul-revenu"),
        at("", "/contact?sujet=p-dossier-calcul-revenu&lieu=58"),
        at("", "/contact?sujet=p-dossier-calcul-revenu&lieu=Nevers"),
        at("", "/contact?sujet=p-dossier-paiement-amende&code=0000000"),
        at("", "/contact?sujet=e-dge-paiement"),
    ],
    "/rdv/{service_id:int}/motif": [at("", "/rdv/{s}/motif"), at("", "/rdv/{s}/motif?nature=particulier")],
    "/rdv/{service_id:int}/creneau": [
        at("", "/rdv/{s}/creneau?{choix}"),
        at("", "/rdv/{s}/creneau?{choix}&mois=2026-12"),
    ],
    "/rdv/{service_id:int}/coordonnees": [Visite("", lambda _: "", Demo.hold)],
    "/rdv/{service_id:int}/attente": [at("", "/rdv/{s}/attente?{choix}")],
    "/rdv/{service_id:int}/attente/envoyee": [at("", "/rdv/{s}/attente/envoyee?{choix}")],
    "/mon-rendez-vous/{jeton:str}": [at("", "/mon-rendez-vous/{lien}")],
    "/mon-rendez-vous/{jeton:str}/annuler": [at("", "/mon-rendez-vous/{lien}/annuler")],
    "/mon-rendez-vous/{jeton:str}/attente": [
        at("", "/mon-rendez-vous/{lien}/attente"),
        at("", "/mon-rendez-vous/{lien}/attente?envoyee=mail"),
    ],
    "/mon-rendez-vous/{jeton:str}/deplacer": [
        at("", "/mon-rendez-vous/{lien}/deplacer"),
        at("", "/mon-rendez-vous/{lien}/deplacer?type=telephone"),
    ],
    "/mon-rendez-vous/{jeton:str}/plus-tot": [at("", "/mon-rendez-vous/{lien}/plus-tot")],
    "/mes-rendez-vous": [at("", "/mes-rendez-vous")],
    "/rdv/{service_id:int}/messagerie": [at("", "/rdv/{s}/messagerie")],
    "/retrouver": [at("", "/retrouver"), at("", "/retrouver?avis=expire")],
    "/accessibilite": [at("", "/accessibilite")],
    "/donnees-personnelles": [at("", "/donnees-personnelles")],
    "/mentions-legales": [at("", "/mentions-legales")],
    "/agent": [at("agent", "/agent"), at("exterieur", "/agent"), at("admin-national", "/agent")],
    "/agent/avis": [at("box", "/agent/avis"), at("exterieur", "/agent/avis")],
    "/agent/preferences": [at("agent", "/agent/preferences"), at("exterieur", "/agent/preferences")],
    "/services/{service_id:int}/agenda": [
        at("agent", "/services/{s}/agenda?jour={jour}&vue=jour"),
        at("agent", "/services/{s}/agenda?jour={jour}&vue=semaine"),
        at("agent", "/services/{s}/agenda?jour={jour}&vue=semaine&guichet={g}"),
        at("agent", "/services/{s}/agenda?jour=2026-11-22&vue=jour"),
        at("agent", "/services/{s}/agenda?jour={jour}&vue=mois"),
        at("agent", "/services/{s}/agenda?jour={jour}&vue=jour&zoom=1"),
    ],
    "/services/{service_id:int}/rendez-vous/nouveau": [
        at("agent", "/services/{s}/rendez-vous/nouveau?jour={jeudi}&guichet={g}&heure=09:00")
    ],
    "/agent/services": [
        at("exterieur", "/agent/services"),
        at("exterieur", "/agent/services?mode=adresse&code_postal=58000&localite=Nevers"),
        at("agent", "/agent/services?mode=dge"),
        at("agent", "/agent/services?mode=code"),
        at("exterieur", "/agent/services?mode=code&code=0000000"),
    ],
    "/services/{service_id:int}/prendre/motif": [
        at("exterieur", "/services/{s}/prendre/motif"),
        at("agent", "/services/{s}/prendre/motif?{choix}"),
    ],
    "/services/{service_id:int}/prendre/creneau": [
        at("exterieur", "/services/{s}/prendre/creneau?{choix}"),
        at("agent", "/services/{s}/prendre/creneau?{choix}&mois=2026-12"),
    ],
    "/services/{service_id:int}/prendre/coordonnees": [Visite(qui, lambda _: "", Demo.prendre) for qui in PRENEURS],
    "/services/{service_id:int}/prendre/confirmation": [Visite(qui, lambda _: "", Demo.confirmer) for qui in PRENEURS],
    "/agent/rendez-vous/par-code": [
        at("exterieur", "/agent/rendez-vous/par-code"),
        Visite("exterieur", lambda _: "", Demo.ouvrir_par_code),
        Visite("exterieur", lambda _: "", Demo.deplacer_par_code),
        Visite("exterieur", lambda _: "", Demo.modifier_par_code),
        Visite("exterieur", lambda _: "", Demo.annuler_par_code),
    ],
    "/agent/rendez-vous": [
        at("agent", "/agent/rendez-vous?du={jour}&au={jeudi}"),
        at("agent", "/agent/rendez-vous?du=2027-01-01"),
        at("agent", "/agent/rendez-vous?service={s}&etat=tous&tri=usager&sens=desc&lignes=10&page=2"),
    ],
    "/agent/rendez-vous/recherche": [at("agent", "/agent/rendez-vous/recherche")],
    "/services/{service_id:int}/detail": [at("agent", "/services/{s}/detail"), at("exterieur", "/services/{s}/detail")],
    "/services/{service_id:int}/attente": [at("agent", "/services/{s}/attente"), at("chef", "/services/{s}/attente")],
    "/rendez-vous/{rdv_id:int}": [at("agent", "/rendez-vous/{rdv}"), at("agent", "/rendez-vous/{annule}")],
    "/rendez-vous/{rdv_id:int}/annuler": [at("agent", "/rendez-vous/{rdv}/annuler")],
    "/rendez-vous/{rdv_id:int}/modifier": [at("agent", "/rendez-vous/{rdv}/modifier")],
    "/rendez-vous/{rdv_id:int}/deplacer": [at("agent", "/rendez-vous/{rdv}/deplacer")],
    "/rendez-vous/{rdv_id:int}/affectation": [at("agent", "/rendez-vous/{rdv}/affectation")],
    "/rendez-vous/{rdv_id:int}/echanger": [
        at("agent", "/rendez-vous/{rdv}/echanger"),
        at("agent", "/rendez-vous/{rdv}/echanger?avec={autre}"),
    ],
    "/rendez-vous/{rdv_id:int}/contre-appel": [
        at("agent", "/rendez-vous/{rdv}/contre-appel"),
        at("agent", "/rendez-vous/{annule}/contre-appel"),
    ],
    "/rendez-vous/{rdv_id:int}/suite": [
        at("agent", "/rendez-vous/{termine}/suite"),
        at("agent", "/rendez-vous/{rdv}/suite"),
    ],
    "/rendez-vous/{rdv_id:int}/fiche-visite": [
        at("agent", "/rendez-vous/{termine}/fiche-visite"),
        at("agent", "/rendez-vous/{rdv}/fiche-visite"),
    ],
    "/rendez-vous/{rdv_id:int}/lettre": [
        at("agent", "/rendez-vous/{rdv}/lettre"),
        at("agent", "/rendez-vous/{annule}/lettre"),
    ],
    "/agent/a-rappeler": [
        at("agent", "/agent/a-rappeler"),
        at("agent", "/agent/a-rappeler?jours=10&rdv={rdv}"),
        at("exterieur", "/agent/a-rappeler"),
    ],
    "/sites/{site_id:int}/accueil": [at("orientation", "/sites/{site}/accueil")],
    "/services/{service_id:int}/box": [at("box", "/services/{s}/box"), at("box", "/services/{s}/box?guichet={g}")],
    "/pilotage": [at("pilote-national", "/pilotage"), at("pilote-departement", "/pilotage")],
    "/pilotage/{perimetre:str}": [
        at("pilote-local", "/pilotage/service-{s}"),
        at("pilote-departement", "/pilotage/departement-58"),
        at("pilote-national", "/pilotage/nation?tri=total&sens=desc"),
    ],
    **{
        f"/services/{{service_id:int}}/organiser{route}": [at("chef", f"/services/{{s}}/organiser{chemin}")]
        for route, chemin in (
            ("", ""),
            ("/historique", "/historique"),
            ("/guichets", "/guichets"),
            ("/guichets/nouveau", "/guichets/nouveau"),
            ("/guichets/{guichet_id:int}", "/guichets/{g}"),
            ("/guichets/{guichet_id:int}/fermeture", "/guichets/{g}/fermeture"),
            ("/guichets/{guichet_id:int}/suppression", "/guichets/{g}/suppression"),
            ("/a-replacer", "/a-replacer"),
            ("/expliquer", "/expliquer"),
            ("/motifs", "/motifs"),
            ("/parametres", "/parametres"),
            ("/ouverture", "/ouverture"),
            ("/plannings", "/plannings"),
            ("/plannings/semaine", "/plannings/semaine?jour={jour}"),
            ("/plannings/nouveau", "/plannings/nouveau"),
            ("/plannings/{planning_id:int}", "/plannings/{planning}"),
            ("/plannings/journees/nouvelle", "/plannings/journees/nouvelle"),
            ("/plannings/journees/{journee_id:int}", "/plannings/journees/{journee}"),
            ("/exceptions", "/exceptions"),
            ("/exceptions/nouvelle", "/exceptions/nouvelle"),
            ("/exceptions/{exception_id:int}", "/exceptions/{exception}"),
            ("/delegations", "/delegations"),
            ("/delegations/nouvelle", "/delegations/nouvelle?q=sip"),
            ("/delegations/{delegation_id:int}", "/delegations/{delegation}"),
            ("/delegations/{delegation_id:int}/retrait", "/delegations/{delegation}/retrait"),
            ("/fiche", "/fiche"),
            ("/agents", "/agents"),
            ("/agents/acces", "/agents/acces"),
            ("/agents/nouveau", "/agents/nouveau"),
            ("/agents/{agent_id:int}", "/agents/{agent}"),
        )
    },
    **{
        f"/administration{route}": [at("admin-national", f"/administration{chemin}")]
        for route, chemin in (
            ("", ""),
            ("/motifs", "/motifs"),
            ("/motifs/nouveau", "/motifs/nouveau?type=SIP"),
            ("/motifs/{motif_id:int}", "/motifs/{motif}"),
            ("/contact", "/contact"),
            ("/contact/nouveau", "/contact/nouveau?nature=professionnel"),
            ("/contact/{sujet_id:int}", "/contact/{sujet}"),
            ("/parametres", "/parametres"),
            ("/services", "/services"),
            ("/services/nouveau", "/services/nouveau"),
            ("/comptes", "/comptes"),
            ("/comptes/nouveau", "/comptes/nouveau"),
            ("/comptes/{agent_id:int}", "/comptes/{agent}"),
            ("/donnees-personnelles", "/donnees-personnelles"),
        )
    },
    "/services/{service_id:int}/organiser/fiche/fermeture": [
        at("admin-national", "/services/{s}/organiser/fiche/fermeture")
    ],
    "/services/{service_id:int}/pourquoi": [at("agent", "/services/{s}/pourquoi")],
    "/aide": [at("agent", "/aide"), at("agent", "/aide?q=déplacer"), at("agent", "/aide?q=zzz")],
    "/aide/{cle:str}": [at("agent", "/aide/agenda"), at("agent", "/aide/clavier"), at("agent", "/aide/comptes")],
    "/demo": [at("", "/demo"), at("chef", "/demo")],
    "/demo/scenes/{cle:str}": [at("agent", "/demo/scenes/reservez-regardez"), at("", "/demo/scenes/pilotage")],
    "/demo/boite": [at("", "/demo/boite")],
    "/demo/boite/{cle:str}": [at("", "/demo/boite/{message}")],
}

#: Every other GET route, and why it is no page: redirections, parts of a page, files, machines.
AUTRES: dict[str, str] = {
    "/sante": "health",
    "/rdv/{service_id:int}": "redirection",
    "/rdv/{service_id:int}/option": "redirection",
    "/rdv/{service_id:int}/option/rendre": "redirection",
    "/rdv/{service_id:int}/captcha": "redirection",
    "/retrouver/captcha": "redirection",
    "/captcha/{nom:str}": "file: a challenge is looked at in tests/e2e/test_captcha.py",
    "/sites/{site_id:int}/accueil/recherche": "redirection",
    "/rdv/{service_id:int}/option/prolonger": "redirection",
    "/rdv/{service_id:int}/coordonnees/langue": "redirection",
    "/services/{service_id:int}/prendre": "redirection",
    "/services/{service_id:int}/prendre/option": "redirection",
    "/services/{service_id:int}/prendre/option/rendre": "redirection",
    "/services/{service_id:int}/prendre/option/prolonger": "redirection",
    "/agent/rendez-vous/par-code/annuler": "redirection",
    "/agent/rendez-vous/par-code/deplacer": "redirection",
    "/agent/rendez-vous/par-code/modifier": "redirection",
    "/mon-rendez-vous/{jeton:str}/agenda.ics": "file",
    "/mon-rendez-vous/{jeton:str}/documents": "redirection",
    "/mon-rendez-vous/{jeton:str}/donnees.json": "file",
    "/mes-rendez-vous/donnees.json": "file",
    "/mes-rendez-vous/{rdv_id:int}/donnees.json": "file",
    "/administration/donnees-personnelles/export": "redirection: looked at in tests/admin/test_donnees.py",
    "/administration/donnees-personnelles/effacement": "redirection",
    "/agendas/{fichier:str}": "file",
    "/attente/{jeton:str}": "needs a link that lives: looked at in tests/booking/usager/test_attente.py",
    **{
        f"/attente/{{jeton:str}}/{acte}": "redirection"
        for acte in ("confirmer", "reprendre", "refuser", "quitter", "prendre", "deplacer")
    },
    "/contact/communes": "machine: the suggestions of /contact",
    "/services/{service_id:int}/encart": "in another site's frame: looked at in tests/e2e/test_contact.py",
    "/services/{service_id:int}/carte": "part of /services/{service_id:int}",
    "/services/{service_id:int}/organiser/agents/acces.csv": "file",
    "/services/{service_id:int}/agenda/pdf": "file",
    "/administration/comptes/export.csv": "file",
    "/invitation/{jeton:str}": "needs a link that lives: looked at in tests/identite/test_invitations.py",
    "/connexion/proconnect/retour": "needs a provider: looked at in tests/identite/test_proconnect.py",
    "/franceconnect/retour": FRANCECONNECT,
    "/franceconnect/deconnexion": FRANCECONNECT,
    "/mes-rendez-vous/{rdv_id:int}": FRANCECONNECT,
    "/mes-rendez-vous/{rdv_id:int}/annuler": FRANCECONNECT,
    "/mes-rendez-vous/{rdv_id:int}/deplacer": FRANCECONNECT,
    "/mes-rendez-vous/{rdv_id:int}/plus-tot": FRANCECONNECT,
    "/mes-rendez-vous/{rdv_id:int}/attente": FRANCECONNECT,
    "/mes-rendez-vous/{rdv_id:int}/documents": "redirection",
    "/mes-rendez-vous/{rdv_id:int}/agenda.ics": "file",
    "/deconnexion/retour": "needs a provider: looked at in tests/identite/test_proconnect.py",
    "/pilotage/{perimetre:str}/export.csv": "file",
    "/demo/boite/liste": "part of /demo/boite",
    "/demo/boite/{cle:str}/style.css": "file",
    "/demo/boite/{cle:str}/invitation.ics": "file",
    "/demo/boite/{cle:str}/source": "file",
}
_FRAGMENT_OU_MACHINE = re.compile(r"/fragment$|^/api/|^/static/")

VISITES = [(route, rang) for route, visites in PAGES.items() for rang in range(len(visites))]


@pytest.fixture(scope="module")
async def demo(
    postgres_server: Postgres,
    modele: str,
    redis_server: RedisServer,
    smtp_server: Smtp,
    browser: Browser,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Demo]:
    """The demo's data on a real site, one booking made online."""
    boite = f"file://{smtp_server.dossier}"
    nom, var = "toutes_les_pages", tmp_path_factory.mktemp("pages")
    url = postgres_server.create_database(nom, modele=modele)
    decalage = datetime.fromisoformat(HORLOGE) - clock.now()
    clock.shift(decalage)
    try:
        with run_site(
            url,
            redis_server.url,
            smtp_server.url,
            var,
            worker=True,
            ACCUEIL_HORLOGE=HORLOGE,
            ACCUEIL_BOITE_URL=boite,
        ) as site:
            db = Database(create_engine(site.settings, nom="tests"))
            try:
                d = await prepare(Journee(site, Outils(db, site.settings)), smtp_server, browser)
                yield d
                for contexte in d.contextes.values():
                    await contexte.close()
            finally:
                await db.close()
    finally:
        clock.shift(-decalage)
        postgres_server.drop_database(nom)


async def prepare(journee: Journee, smtp: Smtp, navigateur: Browser) -> Demo:
    """Seed the demo, and book once online."""
    await seed(journee.site.settings)
    async with journee.outils.db.engine.begin() as conn:
        await conn.execute(
            text(
                "INSERT INTO exception_planning (service_id, nature, du, au, libelle, cree_a)"
                " SELECT service_id, 'fermeture', :jour, :jour, 'Réunion de service', :a FROM planning"
            ),
            {"jour": JOUR + timedelta(days=90), "a": clock.now()},
        )
    async with journee.outils.db.read() as conn:
        lieux = await read_lieux(conn)
    assert lieux is not None
    service = lieux.service_id
    async with journee.outils.db.engine.begin() as conn:
        await conn.execute(
            text(
                "INSERT INTO delegation (service_id, service_delegue_id, motifs, du, au, etat, cree_a)"
                " SELECT s.id, (SELECT min(b.id) FROM service_fiscal b WHERE b.id <> s.id AND b.fuseau = s.fuseau),"
                " (SELECT array_agg(motif_id) FROM motif_service WHERE service_id = s.id AND ouvert),"
                " :jour, :jour, 'proposee', :a FROM service_fiscal s WHERE s.id = :s"
            ),
            {"jour": JOUR, "a": clock.now(), "s": service},
        )

    async def one(requete: str) -> int:
        return int(await journee.scalar(requete, s=service))

    d = Demo(
        journee,
        lieux,
        smtp,
        navigateur,
        await one("SELECT min(motif_id) FROM motif_service WHERE service_id = :s AND ouvert"),
        await one(f"SELECT min(id) FROM rendez_vous WHERE service_id = :s AND etat = 'prevu' AND jour > '{JOUR}'"),
        await one("SELECT min(id) FROM rendez_vous WHERE service_id = :s AND etat = 'annule'"),
        {
            "planning": await one("SELECT min(id) FROM planning WHERE service_id = :s"),
            "journee": await one("SELECT min(id) FROM journee_type WHERE service_id = :s"),
            "exception": await one("SELECT min(id) FROM exception_planning WHERE service_id = :s"),
            "termine": await one("SELECT max(id) FROM rendez_vous WHERE service_id = :s AND etat = 'termine'"),
            "agent": await one("SELECT min(agent_id) FROM rattachement WHERE service_id = :s"),
            "delegation": await one("SELECT max(id) FROM delegation WHERE service_id = :s AND etat = 'proposee'"),
            "sujet": await one("SELECT min(id) FROM sujet_contact WHERE :s > 0"),
            "autre": await one(
                f"SELECT max(id) FROM rendez_vous WHERE service_id = :s AND etat = 'prevu' AND jour > '{JOUR}'"
            ),
        },
    )
    await d.book()
    return d


class TestToutesLesPages:
    """style « Screens are looked at »: axe finds nothing, 320 px is enough (WCAG 1.4.10), nothing in the console."""

    @pytest.mark.parametrize(("route", "rang"), VISITES, ids=[f"{r} {n}" if n else r for r, n in VISITES])
    async def test_it_is_titled_accessible_narrow_and_silent(self, demo: Demo, route: str, rang: int) -> None:
        visite = PAGES[route][rang]
        page = await (await demo.context(visite.qui)).new_page()
        temoin = Temoin()
        temoin.watch(page)
        try:
            await page.set_viewport_size({"width": 1280, "height": 900})
            if visite.avant is not None:
                await visite.avant(demo, page)
            else:
                reponse = await page.goto(demo.journee.site.url + visite.url(demo))
                assert reponse is not None
                assert reponse.status == 200
            await check_page(page)
            assert temoin.erreurs == []
        finally:
            await page.close()

    @pytest.mark.parametrize(("chemin", "statut"), [("/nulle-part", 404), ("/mon-rendez-vous/faux", 404)])
    async def test_an_error_page_too(self, demo: Demo, chemin: str, statut: int) -> None:
        page = await (await demo.context("")).new_page()
        try:
            reponse = await page.goto(demo.journee.site.url + chemin)
            assert reponse is not None
            assert reponse.status == statut
            await check_page(page)
        finally:
            await page.close()


async def check_page(page: Page) -> None:
    """What is true of any page."""
    entete: dict[str, Any] = await page.evaluate(
        "({titre: document.title, lang: document.documentElement.lang,"
        " h1: [...document.querySelectorAll('h1')].map((e) => e.textContent.trim())})"
    )
    assert entete["lang"] == "fr"
    assert "–" in entete["titre"], f"the title does not name the page: {entete['titre']}"
    assert len(entete["h1"]) == 1, entete["h1"]
    assert entete["h1"][0]
    assert await axe(page) == []
    await page.set_viewport_size({"width": 320, "height": 700})
    trop: dict[str, Any] = await page.evaluate(
        """() => {
          const largeur = document.documentElement.clientWidth;
          const deborde = [...document.querySelectorAll("main *")]
            .filter((e) => e.getBoundingClientRect().right > largeur + 1)
            .slice(0, 3).map((e) => e.outerHTML.slice(0, 120));
          return { pixels: document.documentElement.scrollWidth - largeur, deborde };
        }"""
    )
    assert trop["pixels"] <= 0, f"wider than 320 px: {trop}"


class TestLaVisitePeutEchouer:
    """Negative controls: each thing looked at is seen when it is wrong."""

    @pytest.mark.parametrize(
        "alteration",
        [
            "document.title = 'Accueil'",
            "document.documentElement.removeAttribute('lang')",
            "document.querySelector('h1').remove()",
            "document.querySelector('main').append(document.createElement('img'))",
            "const e = document.createElement('p'); e.textContent = 'large'.repeat(100); document.body.append(e)",
        ],
        ids=["titre", "langue", "h1", "axe", "largeur"],
    )
    async def test_a_fault_is_seen(self, demo: Demo, alteration: str) -> None:
        page = await (await demo.context("")).new_page()
        try:
            await page.goto(demo.journee.site.url + "/accessibilite")
            await page.evaluate(f"() => {{ {alteration} }}")
            with pytest.raises(AssertionError):
                await check_page(page)
        finally:
            await page.close()

    async def test_what_the_policy_refuses_is_in_the_console(self, demo: Demo) -> None:
        page = await (await demo.context("")).new_page()
        temoin = Temoin()
        temoin.watch(page)
        try:
            await page.goto(demo.journee.site.url + "/accessibilite")
            await page.evaluate("document.body.insertAdjacentHTML('beforeend', '<p style=\"color: red\">x</p>')")
            await until(lambda: temoin.erreurs)
            assert "Content Security Policy" in temoin.erreurs[0]
        finally:
            await page.close()


class TestAucuneRouteOubliee:
    """Enumerated from the application itself."""

    @pytest.mark.filterwarnings("ignore::DeprecationWarning")
    def test_every_get_route_is_a_page_visited_here_or_says_why_not(self) -> None:
        settings = make_settings("postgresql://x/y", "redis://127.0.0.1:1", "smtp://127.0.0.1:1", Path())
        application = cast(Litestar, cast(Any, create_web(settings)).app)
        routes = {r.path for r in application.routes if "GET" in getattr(r, "methods", ())}
        attendues = {r for r in routes if not _FRAGMENT_OU_MACHINE.search(r)}
        assert attendues == {*PAGES, *AUTRES}

    async def test_what_is_said_to_be_no_page_is_none(self, demo: Demo) -> None:
        async with demo.journee.client() as client:
            for route in ("/sante", f"/rdv/{demo.lieux.service_id}", "/demo/boite/liste"):
                reponse = await client.get(route)
                assert "<html" not in reponse.text, route
