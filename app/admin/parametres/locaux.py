"""``/services/{id}/organiser/parametres``: what a service chooses itself, beside what the nation fixed [G 2.3.4]."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Response

from app import clock
from app.admin.chantier import Chantier, ConflitEdition, organise
from app.admin.histoire import read_histoire
from app.admin.pages import Organisation, open_organisation, organiser_page, refused_page
from app.admin.parametres.champs import check_connus, group, present, read_valeur, write_champ
from app.admin.parametres.enregistrement import read_bruts, to_bruts, write_valeurs
from app.admin.parametres.fusion import build_conflit, merge, read_vu, write_vu
from app.admin.saisie import Saisie
from app.booking.contexte import ServiceContexte
from app.booking.jugement import compute_fenetre
from app.booking.outils import Auteur, Outils
from app.domain.calendrier import Fenetre
from app.domain.definitions import DEFINITIONS, LOCALES, REGISTRE, Local, Valeur
from app.domain.horaires import get_cadran
from app.domain.parametres import refuse_ensemble, refuse_local, resolve
from app.domain.vocabulaire import Canal
from app.errors import AppError, SaisieInvalide
from app.identite.acteur import Acteur
from app.web.dates import jour_moyen
from app.web.dependances import auteur_agent
from app.web.pages import page, render

Requete = Request[Any, Any, Any]
ADRESSE: Final = "/services/{service_id:int}/organiser/parametres"
GABARIT: Final = "admin/parametres/locaux.html"
#: Changes shown at the bottom of the page; the whole history has its own.
DERNIERS: Final = 10
_FAITS: Final = {"enregistre": "Les paramètres du service sont enregistrés : les écrans ouverts les suivent déjà."}
_CANAUX: Final = (
    (Canal.INTERNET, "Les usagers, par internet"),
    (Canal.EXTERIEUR, "Les agents extérieurs"),
    (Canal.RATTACHE, "Les agents du service"),
)


@get(ADRESSE, include_in_schema=False)
async def show_locaux(
    request: Requete,
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    service_id: FromPath[int],
    fait: FromQuery[str] = "",
) -> Response[bytes]:
    """What applies now, live; below, the form of what the service may choose."""
    organisation = await open_organisation(outils, acteur, request, service_id)
    contexte = await _contexte(outils, acteur, organisation, None)
    return page(request, GABARIT, {**contexte, "fait": _FAITS.get(fait, "")})


@get(f"{ADRESSE}/fragment", include_in_schema=False)
async def show_locaux_fragment(
    request: Requete, outils: NamedDependency[Outils], acteur: NamedDependency[Acteur], service_id: FromPath[int]
) -> Response[bytes]:
    """What applies now, alone."""
    organisation = await open_organisation(outils, acteur, request, service_id)
    contexte = {**organiser_page(acteur, organisation, "parametres"), **_effets(organisation.contexte, clock.now())}
    return Response(render(request, "admin/parametres/_effets.html", contexte).encode(), media_type="text/html")


@post(ADRESSE, status_code=200, include_in_schema=False)
async def save_locaux(
    request: Requete, outils: NamedDependency[Outils], acteur: NamedDependency[Acteur], service_id: FromPath[int]
) -> Response[Any]:
    """Save what was changed (``revenir``: a key that goes back to the nation's value); 409 and 422 keep all typed."""
    organisation = await open_organisation(outils, acteur, request, service_id)
    saisie = Saisie.of(await request.form())
    try:
        await save(outils, auteur_agent(acteur, request), service_id, saisie)
    except (ConflitEdition, SaisieInvalide) as refus:
        return refused_page(request, GABARIT, await _contexte(outils, acteur, organisation, saisie, refus), refus)
    return Redirect(f"/services/{service_id}/organiser/parametres?fait=enregistre", status_code=303)


async def save(outils: Outils, auteur: Auteur, service_id: int, saisie: Saisie) -> None:
    """Judge and write. Raises SaisieInvalide, ConflitEdition, Introuvable."""
    maintenant = clock.now()
    check_connus(saisie, {*(d.cle for d in LOCALES), "vu", "revenir"})
    vu = read_vu(saisie.brut("vu"))
    revenir = saisie.choix("revenir", [d.cle for d in LOCALES])
    valeurs: dict[str, Valeur] = {
        d.cle: None if d.cle == revenir else read_valeur(saisie, d, local=True) for d in LOCALES
    }
    saisie.check()

    async def travail(chantier: Chantier) -> None:
        nationaux = await read_bruts(chantier.conn, None)
        locaux = await read_bruts(chantier.conn, service_id)
        fusion = merge(vu, to_bruts(valeurs), locaux)
        if fusion.conflits:
            avant = resolve(nationaux, locaux)
            actuel = {cle: avant[cle].mot if cle in locaux else "valeur nationale" for cle in fusion.conflits}
            raise await build_conflit(chantier.conn, "parametre", service_id, actuel)
        if not fusion.changes:
            return
        _check(nationaux, locaux, {cle: valeurs[cle] for cle in fusion.changes})
        a_ecrire = {REGISTRE[cle]: valeur for cle, valeur in fusion.changes.items()}
        await write_valeurs(chantier.uow, auteur, maintenant, service_id, a_ecrire, locaux)
        chantier.announce()

    await organise(outils, auteur, service_id, travail, maintenant, action="parametre.modifie")


def _check(nationaux: dict[str, Any], locaux: dict[str, Any], changees: dict[str, Valeur]) -> None:
    """Raise SaisieInvalide when a choice is not the service's to make, or the whole would not hold together."""
    de_la_nation = {cle: resolue.nationale for cle, resolue in resolve(nationaux).items()}
    erreurs = {
        cle: phrase
        for cle, valeur in changees.items()
        if valeur is not None and (phrase := refuse_local(REGISTRE[cle], valeur, de_la_nation))
    }
    if not erreurs:
        ensemble = resolve(nationaux, {**locaux, **to_bruts(changees)})
        trouvees = refuse_ensemble({cle: resolue.valeur for cle, resolue in ensemble.items()})
        # What the service did not choose (a national horizon) is shortened by what it did: the delay.
        erreurs = {cle if REGISTRE[cle].local is not Local.JAMAIS else "delai_ouvre": p for cle, p in trouvees.items()}
    if erreurs:
        raise SaisieInvalide(champs=erreurs)


async def _contexte(
    outils: Outils, acteur: Acteur, organisation: Organisation, saisie: Saisie | None, refus: AppError | None = None
) -> dict[str, Any]:
    contexte = organisation.contexte
    async with outils.db.read() as conn:
        locaux = await read_bruts(conn, contexte.id)
        resolues = resolve(await read_bruts(conn, None), locaux)
        histoire = await read_histoire(conn, acteur.agent_id, contexte.id, contexte.zone, objet="parametre")
    choisies = {d.cle: locaux.get(d.cle) for d in LOCALES}
    champs = []
    for d in LOCALES:
        resolue = resolues[d.cle]
        choisie = resolue.ecartee if resolue.ecartee is not None else resolue.valeur
        montre = write_champ(choisie) if resolue.locale else ""
        champs.append((d, present(resolue, montre if saisie is None else saisie.brut(d.cle))))
    vu = write_vu(choisies) if saisie is None else saisie.brut("vu")
    if isinstance(refus, ConflitEdition):
        vu = write_vu({**read_vu(vu), **{cle: choisies[cle] for cle in refus.details["actuel"]}})
    return {
        **organiser_page(acteur, organisation, "parametres"),
        **_effets(contexte, clock.now()),
        "direct": True,
        "groupes": group(champs),
        "vu": vu,
        "libelles": {d.cle: d.libelle for d in LOCALES},
        "saisi": {} if saisie is None else {d.cle: saisie.brut(d.cle) or "valeur nationale" for d in LOCALES},
        "histoire": histoire[:DERNIERS],
        "fait": "",
    }


def _effets(contexte: ServiceContexte, maintenant: datetime) -> dict[str, Any]:
    """The days that each may choose today, and every value with its source. Changes at the service's midnight."""
    aujourdhui = maintenant.astimezone(contexte.zone).date()
    return {
        "fenetres": [(mot, _dire(compute_fenetre(contexte, canal, maintenant))) for canal, mot in _CANAUX],
        "valeurs": [present(contexte.resolues[d.cle], "") for d in DEFINITIONS],
        "expire": get_cadran(aujourdhui + timedelta(days=1), contexte.zone).debut,
    }


def _dire(fenetre: Fenetre) -> str:
    if fenetre.au < fenetre.du:
        return "aucun jour pour le moment"
    if fenetre.pas_avant is not None:
        return f"dès maintenant, jusqu’au {jour_moyen(fenetre.au)}"
    return f"du {jour_moyen(fenetre.du)} au {jour_moyen(fenetre.au)}"


ROUTES = [show_locaux, show_locaux_fragment, save_locaux]
