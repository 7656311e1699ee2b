"""The live views of the site, and everything that can happen to them, told as one Monday morning in order."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from playwright.async_api import Browser, BrowserContext, Page
from playwright.async_api import Error as PlaywrightError
from sqlalchemy import delete, text, update

from app import clock
from app.booking.deplacer import Cible, move
from app.booking.options import expire_options
from app.booking.outils import Auteur, Outils
from app.db import UnitOfWork
from app.domain.horaires import to_minute
from app.tables import Guichet, Plage
from tests.accueil.monde import JOUR, Journee
from tests.booking.agents.delegues import book_for, entrust
from tests.e2e.outillage import Temoin, read_regions, read_versions, wait_for_versions
from tests.e2e.usages import Visiteur, act_by_agent, book_by_agent, cancel_by_agent, post_agent, visiteur
from tests.fixtures.donnees import MondeService

#: Monday's usagers get Thursday at the earliest.
JEUDI = JOUR + timedelta(days=3)


@dataclass(frozen=True)
class Survenu:
    """An event that has happened: what it announced, where the subjects stand, what the views showed before."""

    types: frozenset[str]
    versions: dict[str, int]
    avant: dict[str, dict[str, str]]


@dataclass
class Monde:
    """The site, its service, a second one of the same reception, one that entrusts it motifs, and who lives there."""

    journee: Journee
    service: MondeService
    voisin: MondeService
    delegant: MondeService
    delegation: int
    pile: AsyncExitStack
    contextes: dict[str, BrowserContext] = field(default_factory=dict)
    pages: dict[str, Page] = field(default_factory=dict)
    temoins: dict[str, Temoin] = field(default_factory=dict)
    rdv: dict[str, int] = field(default_factory=dict)
    visiteurs: dict[str, Visiteur] = field(default_factory=dict)
    survenus: dict[str, Survenu] = field(default_factory=dict)

    @property
    def outils(self) -> Outils:
        return self.journee.outils

    async def visiteur(self, nom: str) -> Visiteur:
        if nom not in self.visiteurs:
            self.visiteurs[nom] = await self.pile.enter_async_context(visiteur(self.journee, self.service))
        return self.visiteurs[nom]

    async def agir(self, rdv: str, acte: str) -> None:
        await act_by_agent(self.journee, self.service, self.rdv[rdv], acte)


# --- The views -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Vue:
    """A live page: who opens it and where. ``chemin`` may follow the rendez-vous of the event (the fiche)."""

    qui: str
    chemin: Callable[[Monde, int], str]


VUES: dict[str, Vue] = {
    "agenda du jour": Vue("agent", lambda m, _: f"/services/{m.service.id}/agenda?jour={JOUR}&vue=jour"),
    "agenda de jeudi": Vue("agent", lambda m, _: f"/services/{m.service.id}/agenda?jour={JEUDI}&vue=jour"),
    "semaine d'un guichet": Vue(
        "agent",
        lambda m, _: f"/services/{m.service.id}/agenda?jour={JOUR}&vue=semaine&guichet={m.service.guichets[0]}",
    ),
    "semaine du service": Vue("agent", lambda m, _: f"/services/{m.service.id}/agenda?jour={JOUR}&vue=semaine"),
    "mois du service": Vue("agent", lambda m, _: f"/services/{m.service.id}/agenda?jour={JOUR}&vue=mois"),
    "formulaire ouvert": Vue(
        "agent",
        lambda m, _: (
            f"/services/{m.service.id}/rendez-vous/nouveau?jour={JEUDI}&guichet={m.service.guichets[0]}&heure=08:00"
        ),
    ),
    "accueil": Vue("orientation", lambda m, _: f"/sites/{m.service.site_id}/accueil"),
    "accueil de deux services": Vue("partage", lambda m, _: f"/sites/{m.service.site_id}/accueil"),
    "box": Vue("box", lambda m, _: f"/services/{m.service.id}/box?guichet={m.service.guichets[0]}"),
    "fiche": Vue("agent", lambda m, rdv: f"/rendez-vous/{rdv}"),
    "agenda de qui confie": Vue("delegant", lambda m, _: f"/services/{m.delegant.id}/agenda?jour={JOUR}&vue=jour"),
    "guichet de qui confie": Vue(
        "delegant",
        lambda m, _: f"/services/{m.delegant.id}/agenda?jour={JOUR}&vue=semaine&guichet={m.delegant.guichets[0]}",
    ),
    "semaine de qui confie": Vue("delegant", lambda m, _: f"/services/{m.delegant.id}/agenda?jour={JOUR}&vue=semaine"),
    "fiche de qui confie": Vue("delegant", lambda m, _: f"/rendez-vous/{m.rdv['confie']}"),
    "liste": Vue("agent", lambda m, _: f"/agent/rendez-vous?du={JOUR}&au={JEUDI}&lignes=100"),
    "liste de deux services": Vue(
        "partage", lambda m, _: f"/agent/rendez-vous?du={JOUR}&au={JOUR}&tri=usager&sens=asc"
    ),
    "liste des arrives": Vue("agent", lambda m, _: f"/agent/rendez-vous?du={JOUR}&au={JOUR}&etat=arrive"),
    "liste de qui confie": Vue("delegant", lambda m, _: f"/agent/rendez-vous?du={JOUR}&au={JOUR}&lignes=10"),
    "a rappeler": Vue("agent", lambda m, _: "/agent/a-rappeler?jours=3"),
    "contre-appel": Vue("agent", lambda m, _: f"/rendez-vous/{m.rdv['appele']}/contre-appel"),
    "creneaux publics": Vue(
        "",
        lambda m, _: (
            f"/rdv/{m.service.id}/creneau?motif={m.service.motifs[0]}&type=guichet&nature=particulier&jour={JEUDI}"
        ),
    ),
    "tableau de bord": Vue("agent", lambda m, _: "/agent"),
    "avis": Vue("box", lambda m, _: "/agent/avis"),
    "creneaux des externes": Vue(
        "exterieur",
        lambda m, _: (
            f"/services/{m.service.id}/prendre/creneau"
            f"?motif={m.service.motifs[0]}&type=guichet&nature=particulier&jour={JEUDI}"
        ),
    ),
    "pilotage du service": Vue("chef", lambda m, _: f"/pilotage/service-{m.service.id}"),
    "pilotage du departement": Vue("pilote", lambda m, _: f"/pilotage/departement-{m.service.departement}"),
}
AGENDAS_DU_JOUR = {"agenda du jour", "semaine d'un guichet", "semaine du service"}
TABLEAUX = {"accueil", "accueil de deux services", "box"}
#: Views of the day's figures.
PILOTAGES = {"pilotage du service", "pilotage du departement", "tableau de bord"}
LISTES = {"liste", "liste de deux services"}
#: Where the service that entrusts follows what is received for it, at guichets that it knows nothing of.
CHEZ_QUI_CONFIE = {"agenda de qui confie", "guichet de qui confie", "semaine de qui confie"}


# --- The events ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Evenement:
    """Something that happens through its real path. ``types``: what it announces; ``visible``: views it must change."""

    faire: Callable[[Monde], Awaitable[None]]
    types: frozenset[str]
    visible: frozenset[str]
    fiche: str = "temoin"


EVENEMENTS: dict[str, Evenement] = {}


def evenement(
    nom: str, *types: str, visible: set[str], fiche: str = "temoin"
) -> Callable[[Callable[[Monde], Awaitable[None]]], None]:
    """Register the next function under that name."""

    def inscrire(faire: Callable[[Monde], Awaitable[None]]) -> None:
        EVENEMENTS[nom] = Evenement(faire, frozenset(types), frozenset(visible), fiche)

    return inscrire


@evenement(
    "option.posee",
    "option.posee",
    "creneau.pris",
    visible={"agenda de jeudi", "creneaux publics", "creneaux des externes"},
)
async def _hold(m: Monde) -> None:
    await (await m.visiteur("a")).choose(JEUDI, "08:00")


@evenement("rdv.cree par internet, place gardee", "rdv.cree", visible={"agenda de jeudi", "semaine d'un guichet"})
async def _book_held(m: Monde) -> None:
    lien = await (await m.visiteur("a")).book("a@usagers.test")
    assert lien.startswith("/mon-rendez-vous/")
    m.rdv["internet"] = int(
        await m.journee.scalar("SELECT max(id) FROM rendez_vous WHERE canal = 'internet' AND etat = 'prevu'")
    )


@evenement(
    "option changee de place",
    "option.levee",
    "option.posee",
    "creneau.pris",
    "creneau.libre",
    visible={"agenda de jeudi", "creneaux publics", "creneaux des externes"},
)
async def _hold_another(m: Monde) -> None:
    b = await m.visiteur("b")
    await b.choose(JEUDI, "08:40")
    await wait_for_all(m)
    await b.choose(JEUDI, "09:20")


@evenement(
    "option.levee, place rendue",
    "option.levee",
    "creneau.libre",
    visible={"agenda de jeudi", "creneaux publics", "creneaux des externes"},
)
async def _give_back(m: Monde) -> None:
    await (await m.visiteur("b")).give_back()


@evenement(
    "option.levee, temps ecoule",
    "option.posee",
    "creneau.pris",
    "option.levee",
    "creneau.libre",
    visible=set(),
)
async def _expire(m: Monde) -> None:
    await (await m.visiteur("b")).choose(JEUDI, "10:00")
    await wait_for_all(m)
    assert await expire_options(m.outils, clock.now() + timedelta(hours=1)) == 1


@evenement(
    "rdv.cree par internet, sans place gardee",
    "option.posee",
    "option.levee",
    "rdv.cree",
    "creneau.pris",
    "creneau.libre",
    visible={"agenda de jeudi", "semaine du service", "creneaux publics", "creneaux des externes"},
)
async def _book_unheld(m: Monde) -> None:
    c = await m.visiteur("c")
    await c.choose(JEUDI, "11:00")
    await expire_options(m.outils, clock.now() + timedelta(hours=1))
    await c.book("c@usagers.test")


@evenement("rdv.cree par un agent", "rdv.cree", "creneau.pris", visible=AGENDAS_DU_JOUR | TABLEAUX | LISTES | PILOTAGES)
async def _book_by_agent(m: Monde) -> None:
    m.rdv["jour"] = await book_by_agent(m.journee, m.service, JOUR, "11:00", nom_usage="Merville")


def acte(nom: str, genre: str, chemin: str, rdv: str = "jour", *, compte: bool = True) -> None:
    """One-click change of presence, posted as the board and the box do. ``compte``: it changes a counter of the day."""

    @evenement(
        nom, genre, visible={"agenda du jour", *TABLEAUX, *LISTES, "fiche", *(PILOTAGES if compte else ())}, fiche=rdv
    )
    async def _(m: Monde) -> None:
        await m.agir(rdv, chemin)


acte("rdv.arrive", "rdv.arrive", "arrivee")
acte("rdv.arrivee_annulee", "rdv.arrivee_annulee", "arrivee/annulation")
acte("rdv.arrive de nouveau", "rdv.arrive", "arrivee")
acte("rdv.appele", "rdv.appele", "appel", compte=False)  # called, he still waits
acte("rdv.recu", "rdv.recu", "reception")
acte("rdv.termine", "rdv.termine", "fin")
acte("rdv.non_honore", "rdv.non_honore", "absence", "absent")


@evenement(
    "rdv.annule du jour",
    "rdv.annule",
    "creneau.libre",
    visible=AGENDAS_DU_JOUR | TABLEAUX | LISTES | PILOTAGES | {"fiche"},
    fiche="annule",
)
async def _cancel_today(m: Monde) -> None:
    await cancel_by_agent(m.journee, m.service, m.rdv["annule"])


def _minute(m: Monde, jour: date, heure: str) -> int:
    h, minute = map(int, heure.split(":"))
    return to_minute(datetime(jour.year, jour.month, jour.day, h, minute, tzinfo=ZoneInfo(m.service.zone)))


async def _move(m: Monde, rdv: str, jour: date, heure: str, guichet: int) -> None:
    cible = Cible(_minute(m, jour, heure), guichet_id=m.service.guichets[guichet])
    await move(m.outils, m.rdv[rdv], cible, Auteur("agent", agent_id=m.service.agents["agent"]), clock.now())


DEPLACEMENT = ("rdv.replanifie", "creneau.libre", "creneau.pris")


@evenement("rdv.replanifie dans la journee", *DEPLACEMENT, visible=AGENDAS_DU_JOUR | TABLEAUX | LISTES | {"fiche"})
async def _move_today(m: Monde) -> None:
    await _move(m, "temoin", JOUR, "11:40", 1)


@evenement(
    "rdv.replanifie a jeudi",
    *DEPLACEMENT,
    visible=AGENDAS_DU_JOUR - {"semaine du service", "semaine d'un guichet"}
    | TABLEAUX - {"box"}
    | PILOTAGES
    | {"agenda de jeudi", "fiche"},
)
async def _move_to_thursday(m: Monde) -> None:
    await _move(m, "temoin", JEUDI, "15:00", 0)


@evenement(
    "rdv.replanifie, rentre dans la journee",
    *DEPLACEMENT,
    visible=AGENDAS_DU_JOUR - {"semaine du service"} | TABLEAUX | PILOTAGES | {"agenda de jeudi", "fiche"},
)
async def _move_back(m: Monde) -> None:
    await _move(m, "temoin", JOUR, "11:20", 0)


@evenement(
    "rdv.annule de jeudi",
    "rdv.annule",
    "creneau.libre",
    visible={"agenda de jeudi", "semaine du service", "creneaux publics", "creneaux des externes", "fiche"},
    fiche="internet",
)
async def _cancel_thursday(m: Monde) -> None:
    await cancel_by_agent(m.journee, m.service, m.rdv["internet"])


@evenement(
    "rdv.cree pour un autre service",
    "rdv.cree",
    "creneau.pris",
    visible={"agenda du jour", "semaine du service"} | TABLEAUX - {"box"} | PILOTAGES | CHEZ_QUI_CONFIE,
)
async def _book_for_another(m: Monde) -> None:
    m.rdv["confie aussi"] = await book_for(
        m.journee, m.delegant, m.service, m.delegation, "15:20", "Confiee", guichet=2, outils=m.outils
    )


@evenement(
    "rdv.replanifie, recu pour un autre service",
    *DEPLACEMENT,
    visible={"agenda du jour"} | TABLEAUX - {"box"} | {"fiche", "fiche de qui confie"} | CHEZ_QUI_CONFIE,
    fiche="confie",
)
async def _move_entrusted(m: Monde) -> None:
    await _move(m, "confie", JOUR, "11:40", 2)


@evenement(
    "rdv.arrive, recu pour un autre service",
    "rdv.arrive",
    visible={"agenda du jour", "fiche", "fiche de qui confie", "liste de qui confie"}
    | TABLEAUX - {"box"}
    | LISTES
    | PILOTAGES
    | CHEZ_QUI_CONFIE,
    fiche="confie",
)
async def _arrive_entrusted(m: Monde) -> None:
    await m.agir("confie", "arrivee")


@evenement(
    "rdv.annule par qui l'a confie",
    "rdv.annule",
    "creneau.libre",
    visible={"agenda du jour", "semaine du service"} | TABLEAUX - {"box"} | PILOTAGES | CHEZ_QUI_CONFIE,
)
async def _cancel_entrusted(m: Monde) -> None:
    await cancel_by_agent(m.journee, m.delegant, m.rdv["confie aussi"])


@evenement(
    "rdv.annule, le dernier confie",
    "rdv.annule",
    "creneau.libre",
    visible={"agenda du jour", "fiche", "fiche de qui confie"} | TABLEAUX - {"box"} | PILOTAGES | CHEZ_QUI_CONFIE,
    fiche="confie",
)
async def _cancel_last_entrusted(m: Monde) -> None:
    await cancel_by_agent(m.journee, m.service, m.rdv["confie"])


SEMAINES_CONFIEES = {"guichet de qui confie", "semaine de qui confie"}


@evenement(
    "rdv.replanifie, envoye au service qui recoit",
    *DEPLACEMENT,
    visible={"agenda de jeudi", "semaine du service"} | SEMAINES_CONFIEES,
)
async def _send_away(m: Monde) -> None:
    cible = Cible(_minute(m, JEUDI, "15:20"), m.service.guichets[2], delegation_id=m.delegation)
    await move(m.outils, m.rdv["envoye"], cible, Auteur("agent", agent_id=m.delegant.agents["agent"]), clock.now())


@evenement(
    "rdv.replanifie, rentre dans son service",
    *DEPLACEMENT,
    visible={"agenda de jeudi", "semaine du service"} | SEMAINES_CONFIEES,
)
async def _bring_back(m: Monde) -> None:
    cible = Cible(_minute(m, JEUDI, "09:20"), m.delegant.guichets[0], service_id=m.delegant.id)
    await move(m.outils, m.rdv["envoye"], cible, Auteur("agent", agent_id=m.delegant.agents["agent"]), clock.now())


async def _post_rdv(m: Monde, rdv: str, chemin: str, **champs: str) -> None:
    """A form of the fiche, sent with the revision that it shows."""
    revision = await m.journee.scalar("SELECT revision FROM rendez_vous WHERE id = :r", r=m.rdv[rdv])
    adresse = f"/rendez-vous/{m.rdv[rdv]}/{chemin}"
    reponse = await post_agent(m.journee, m.service.agents["agent"], adresse, {"revision": str(revision), **champs})
    assert reponse.status_code == 200, reponse.text


@evenement(
    "rdv.modifie, contre-appel sans reponse",
    "rdv.modifie",
    visible={"a rappeler", "contre-appel", "box", "fiche"},
    fiche="appele",
)
async def _call_in_vain(m: Monde) -> None:
    appel = {"jour": JOUR.isoformat(), "resultat": "sans_reponse", "commentaire": "Pas de répondeur"}
    await _post_rdv(m, "appele", "contre-appel", **appel)


@evenement(
    "rdv.annule, regle par telephone",
    "rdv.annule",
    "creneau.libre",
    visible={
        "a rappeler",
        "contre-appel",
        "box",
        "fiche",
        "agenda de jeudi",
        "creneaux publics",
        "creneaux des externes",
    },
    fiche="appele",
)
async def _settle_by_phone(m: Monde) -> None:
    appel = {"jour": JOUR.isoformat(), "resultat": "regle", "commentaire": "Délai accordé"}
    await _post_rdv(m, "appele", "contre-appel", **appel, annuler="oui", confirmer="oui")


@evenement(
    "rdv.modifie, fiche corrigee",
    "rdv.modifie",
    visible={"agenda du jour", *TABLEAUX, *LISTES, "fiche"} - {"box"},
    fiche="corrige",
)
async def _correct(m: Monde) -> None:
    champs = {"nature": "particulier", "civilite": "madame", "nom_usage": "Corrigee", "prenoms": "Justine"}
    contacts = {"telephone1": "06 12 34 56 78", "courriel": "corrigee@usagers.test"}
    await _post_rdv(m, "corrige", "modifier", **champs, **contacts, precision="Question sur mon avis")


@evenement("rdv.modifie, agents affectes", "rdv.modifie", visible={"fiche"}, fiche="corrige")
async def _assign(m: Monde) -> None:
    await _post_rdv(m, "corrige", "affectation", agents=str(m.service.agents["agent"]))


@evenement("rdv.modifie, un collegue affecte a sa place", "rdv.modifie", visible={"fiche", "avis"}, fiche="corrige")
async def _assign_another(m: Monde) -> None:
    await _post_rdv(m, "corrige", "affectation", agents=str(m.service.agents["box"]))


@evenement("rdv.modifie, confirmation renvoyee", "rdv.modifie", visible={"fiche"}, fiche="corrige")
async def _resend(m: Monde) -> None:
    async with m.journee.outils.db.engine.begin() as conn:  # a minute has passed since the first one
        await conn.execute(
            text("UPDATE courrier SET cree_a = cree_a - interval '5 minutes' WHERE rdv_id = :r"),
            {"r": m.rdv["corrige"]},
        )
    agent = m.service.agents["agent"]
    reponse = await post_agent(m.journee, agent, f"/rendez-vous/{m.rdv['corrige']}/confirmation", {})
    assert reponse.status_code == 200, reponse.text


@evenement("rdv.modifie, suite donnee", "rdv.modifie", visible={"fiche"}, fiche="jour")
async def _note_suite(m: Monde) -> None:
    await _post_rdv(m, "jour", "suite", nature="demarche", reference="EC-2026-004512")


@evenement(
    "une matinee d'un coup",
    "rdv.cree",
    "rdv.arrive",
    "rdv.appele",
    "rdv.recu",
    "rdv.annule",
    "creneau.pris",
    "creneau.libre",
    visible=AGENDAS_DU_JOUR | TABLEAUX | PILOTAGES,
)
async def _morning(m: Monde) -> None:
    async def visite(heure: str, guichet: int) -> None:
        rdv = await book_by_agent(m.journee, m.service, JOUR, heure, guichet)
        for chemin in ("arrivee", "appel", "reception"):
            await act_by_agent(m.journee, m.service, rdv, chemin)

    async def depart() -> None:
        await cancel_by_agent(m.journee, m.service, await book_by_agent(m.journee, m.service, JOUR, "15:00", 1))

    await asyncio.gather(visite("14:00", 0), visite("14:00", 1), visite("14:40", 0), depart())


@evenement(
    "guichet.modifie",
    "guichet.modifie",
    visible=AGENDAS_DU_JOUR | {"agenda de jeudi", "creneaux publics", "creneaux des externes"},
)
async def _close_guichet(m: Monde) -> None:
    async def travail(uow: UnitOfWork) -> None:
        await uow.conn.execute(update(Guichet).where(Guichet.id == m.service.guichets[0]).values(ouvert=False))
        uow.annonces.planning(m.service.id, "guichet.modifie", guichet=m.service.guichets[0])

    await m.outils.db.transaction(travail)


@evenement(
    "planning.modifie",
    "planning.modifie",
    visible=AGENDAS_DU_JOUR - {"semaine d'un guichet"}
    | {"agenda de jeudi", "creneaux publics", "creneaux des externes"},
)
async def _change_planning(m: Monde) -> None:
    async def travail(uow: UnitOfWork) -> None:
        journees = text("SELECT id FROM journee_type WHERE service_id = :s").bindparams(s=m.service.id)
        ids = (await uow.conn.execute(journees)).scalars().all()
        await uow.conn.execute(delete(Plage).where(Plage.journee_type_id.in_(ids), Plage.debut_minute == 840))
        uow.annonces.planning(m.service.id)

    await m.outils.db.transaction(travail)


# --- The world -------------------------------------------------------------------------------------------------------


async def wait_for_all(m: Monde) -> None:
    """Every open page at the version of the database, as far as it can: each view's own test says when it cannot."""
    versions = await read_versions(m.outils)
    await asyncio.gather(
        *(wait_for_versions(page, versions, delai_s=4) for page in m.pages.values()), return_exceptions=True
    )


async def create_monde(journee: Journee, pile: AsyncExitStack) -> Monde:
    """Two services behind one reception, the first with rendez-vous today."""
    options: dict[str, Any] = {"guichets": 3, "plages": ((480, 720), (840, 960)), "jours_semaine": range(1, 6)}
    service = await journee.service(libelle="SIP DE NEVERS", **options)
    voisin = await journee.service(libelle="SIE DE NEVERS", site_id=service.site_id, **options)
    service.agents["partage"] = voisin.agents["box"]
    await journee.attach(voisin.agents["box"], service)
    delegant = await journee.service(libelle="SIP DE CLAMECY", **options)
    service.agents["delegant"] = delegant.agents["agent"]
    delegation = await entrust(journee, delegant, service)
    m = Monde(journee, service, voisin, delegant, delegation, pile)
    for nom, heure in (("temoin", "11:20"), ("absent", "10:00"), ("annule", "10:40")):
        m.rdv[nom] = await journee.book(service, heure, nom.capitalize())
    for heure in ("08:00", "08:40", "09:20", "10:00", "11:00"):  # one guichet is left to the public at these hours
        for guichet in (1, 2):
            await journee.book(service, heure, "Jeudi", guichet=guichet, jour=JEUDI)
    m.rdv["corrige"] = await journee.book(service, "15:40", "Acorriger", guichet=2)
    m.rdv["appele"] = await journee.book(service, "15:40", "Appele", jour=JEUDI)
    for guichet in (1, 2):  # the public sees his place come back
        await journee.book(service, "15:40", "Jeudi", guichet=guichet, jour=JEUDI)
    await journee.book(voisin, "11:00", "Voisin")
    m.rdv["envoye"] = await journee.book(delegant, "09:00", "Envoye", jour=JEUDI)
    await journee.book(delegant, "11:00", "Propre")
    m.rdv["confie"] = await book_for(journee, delegant, service, delegation, "11:20", "Confie", guichet=2)
    await journee.book(service, "10:20", "Present", guichet=1, etat="arrive")
    return m


async def open_live(m: Monde, browser: Browser, nom: str, rdv: int) -> None:
    """The live page of a view, opened or led to its address."""
    vue = VUES[nom]
    if vue.qui not in m.contextes:
        m.contextes[vue.qui] = (
            await m.journee.context(browser, m.service.agents[vue.qui])
            if vue.qui
            else await browser.new_context(viewport={"width": 1440, "height": 900}, locale="fr-FR")
        )
    if nom not in m.pages:
        m.pages[nom] = await m.contextes[vue.qui].new_page()
        m.temoins[nom] = Temoin()
        m.temoins[nom].watch(m.pages[nom])
    url = m.journee.site.url + vue.chemin(m, rdv)
    if m.pages[nom].url != url:
        await m.pages[nom].goto(url)
        with suppress(PlaywrightError):  # a view that cannot be live fails its own tests, not all of them
            await m.pages[nom].wait_for_selector('#direct[data-direct="direct"]', timeout=4000)


async def happen(m: Monde, browser: Browser, nom: str) -> Survenu:
    """Bring an event about, after those that come before it in the story."""
    for prochain, evt in EVENEMENTS.items():
        if prochain not in m.survenus:
            await open_live(m, browser, "fiche", m.rdv[evt.fiche])
            await wait_for_all(m)
            avant = {vue: await read_regions(page) for vue, page in m.pages.items()}
            depuis = await m.journee.scalar("SELECT coalesce(max(id), 0) FROM outbox")
            await evt.faire(m)
            trames = await m.journee.scalar("SELECT jsonb_agg(trame) FROM outbox WHERE id > :id", id=depuis)
            types = frozenset(json.loads(trame)["type"] for trame in trames)
            m.survenus[prochain] = Survenu(types, await read_versions(m.outils), avant)
        if prochain == nom:
            break
    return m.survenus[nom]
