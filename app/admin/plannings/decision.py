"""One form of the opening hours, from what was typed to what is published: the same road for all of them.

Typed → read (422, the form again) → consequences → published, or told again when they have changed (409). A draft is
never stored: it travels with its page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from litestar import Request
from litestar.response import Redirect, Response

from app import clock
from app.admin.chantier import ConflitEdition
from app.admin.pages import Organisation, open_organisation, organiser_page, refused_page
from app.admin.plannings.apercu import build_apercu
from app.admin.plannings.changement import Changement
from app.admin.plannings.formulaires import hidden
from app.admin.plannings.lecture import read_composition
from app.admin.plannings.publication import ADecider, RelectureRequise, Vu, apply_changement, publish
from app.admin.saisie import Saisie
from app.booking.outils import Outils
from app.domain.composition import Composition
from app.errors import AppError, SaisieInvalide
from app.identite.acteur import Acteur
from app.web.dependances import auteur_agent
from app.web.pages import page

#: Buttons that draw the form again, and publish nothing.
_REDESSINER = frozenset({"modifier", "cycle"})


@dataclass(frozen=True, slots=True)
class Dossier:
    """One kind of form. ``formulaire`` draws it from texts (those typed, or None: those recorded).

    ``relue``: nothing is published that was not shown first. ``liste``: the part to which its success returns.
    """

    partie: str
    titre: str
    gabarit: str
    url: str
    fait: str
    read: Callable[[Saisie, Composition, Organisation], Changement]
    formulaire: Callable[[Composition, Organisation, Mapping[str, Any] | None], dict[str, Any]]
    semaine: Callable[[Saisie], date | None]
    echo: Callable[[Saisie], dict[str, Any]]
    relue: bool = True
    publier: str = "Publier"


async def show(
    request: Request[Any, Any, Any], outils: Outils, acteur: Acteur, organisation: Organisation, dossier: Dossier
) -> Response[bytes]:
    """The form as recorded."""
    async with outils.db.read() as conn:
        comp = await read_composition(conn, organisation.contexte.id)
    return page(request, dossier.gabarit, _form(acteur, organisation, dossier, comp, None))


async def handle(
    request: Request[Any, Any, Any], outils: Outils, acteur: Acteur, organisation: Organisation, dossier: Dossier
) -> Response[Any]:
    """Answer the form: draw it again, show its consequences, publish, or refuse with everything kept."""
    saisie = Saisie.of(await request.form())
    geste = saisie.brut("geste")
    async with outils.db.read() as conn:
        comp = await read_composition(conn, organisation.contexte.id)
    if geste in _REDESSINER:
        return page(request, dossier.gabarit, _form(acteur, organisation, dossier, comp, dossier.echo(saisie)))
    changement: Changement | None = None
    try:
        changement = dossier.read(saisie, comp, organisation)
        if geste == "publier" or (geste != "apercu" and not dossier.relue):
            vu = Vu.parse(saisie.brut("vu"))
            auteur = auteur_agent(acteur, request)
            relue = dossier.relue or vu is not None
            service_id = organisation.contexte.id
            await publish(outils, auteur, service_id, changement, clock.now(), vu, relue=relue)
            return Redirect(f"{organisation.url}/{dossier.partie}?fait={dossier.fait}", status_code=303)
        return await _show_apercu(request, outils, acteur, organisation, dossier, saisie, changement, None)
    except (ADecider, RelectureRequise) as refus:
        try:
            assert changement is not None
            fraiche = await open_organisation(outils, acteur, request, organisation.contexte.id)
            return await _show_apercu(request, outils, acteur, fraiche, dossier, saisie, changement, refus)
        except (SaisieInvalide, ConflitEdition) as suivant:
            return await _refuse(request, outils, acteur, organisation, dossier, saisie, changement, suivant)
    except (SaisieInvalide, ConflitEdition) as refus:
        return await _refuse(request, outils, acteur, organisation, dossier, saisie, changement, refus)


async def _show_apercu(
    request: Request[Any, Any, Any],
    outils: Outils,
    acteur: Acteur,
    organisation: Organisation,
    dossier: Dossier,
    saisie: Saisie,
    changement: Changement,
    refus: AppError | None,
) -> Response[bytes]:
    maintenant = clock.now()
    controles = {cle: saisie.brut(cle) for cle in ("voir_semaine", "voir_motif", "voir_canal", "voir_type")}
    premiere = dossier.semaine(saisie) or maintenant.date()
    apercu = await build_apercu(outils, organisation, changement, controles, maintenant, premiere)
    contexte = {
        **organiser_page(acteur, organisation, dossier.partie, "Avant de publier"),
        **apercu,
        "objet": dossier.titre,
        "action": dossier.url,
        "caches": hidden(saisie),
        "libelle_publier": dossier.publier,
    }
    if refus is not None:
        return refused_page(request, "admin/plannings/apercu.html", contexte, refus)
    return page(request, "admin/plannings/apercu.html", contexte)


async def _refuse(
    request: Request[Any, Any, Any],
    outils: Outils,
    acteur: Acteur,
    organisation: Organisation,
    dossier: Dossier,
    saisie: Saisie,
    changement: Changement | None,
    refus: AppError,
) -> Response[bytes]:
    """The form again, with all that was typed; a conflict shows both versions and takes the new revision."""
    async with outils.db.read() as conn:
        comp = await read_composition(conn, organisation.contexte.id)
    saisi = dossier.echo(saisie)
    if isinstance(refus, ConflitEdition):
        saisi["revision"] = ""  # the form takes that of the version shown: saving again is a decision
    contexte = _form(acteur, organisation, dossier, comp, saisi)
    if isinstance(refus, ConflitEdition):
        contexte["saisi_mots"] = _say(changement, comp, organisation)
    return refused_page(request, dossier.gabarit, contexte, refus)


def _say(changement: Changement | None, comp: Composition, organisation: Organisation) -> Mapping[str, Any]:
    """What was typed, in the words of the recorded version."""
    if changement is None:
        return {}
    try:
        effet = apply_changement(changement, comp, organisation.contexte, clock.now())
    except AppError:
        return {}
    return effet.faits or {}


def _form(
    acteur: Acteur,
    organisation: Organisation,
    dossier: Dossier,
    comp: Composition,
    saisi: Mapping[str, Any] | None,
) -> dict[str, Any]:
    return {
        **organiser_page(acteur, organisation, dossier.partie, dossier.titre),
        "action": dossier.url,
        "retour": f"{organisation.url}/{dossier.partie}",
        "saisi_mots": {},
        **dossier.formulaire(comp, organisation, saisi),
    }
