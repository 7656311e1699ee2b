"""``/administration/parametres``: the values of the nation, in one form [G 2.3.4].

A change reaches every service at once: their planning versions rise in a constant number of statements, and whatever
screen is open reloads what it shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Redirect, Response

from app import clock
from app.admin.chantier import ConflitEdition, administrate
from app.admin.pages import check_national, national_page, refused_page
from app.admin.parametres.champs import check_connus, group, present, read_valeur, write_champ
from app.admin.parametres.enregistrement import count_choix_locaux, read_bruts, to_bruts, write_valeurs
from app.admin.parametres.fusion import build_conflit, merge, read_vu, write_vu
from app.admin.parametres.histoire import read_histoire_nationale
from app.admin.saisie import Saisie
from app.booking.outils import Auteur, Outils
from app.db import UnitOfWork
from app.domain.definitions import NATIONALES, REGISTRE, Valeur
from app.domain.parametres import Resolue, from_json, refuse_ensemble, resolve
from app.errors import AppError, SaisieInvalide
from app.identite.acteur import Acteur
from app.web.dependances import auteur_agent
from app.web.pages import page

Requete = Request[Any, Any, Any]
ADRESSE: Final = "/administration/parametres"
GABARIT: Final = "admin/parametres/nationaux.html"
_FAITS: Final = {"enregistre": "Les paramètres nationaux sont enregistrés : tous les services les suivent déjà."}


@get(ADRESSE, include_in_schema=False)
async def show_nationaux(
    request: Requete, outils: NamedDependency[Outils], acteur: NamedDependency[Acteur], fait: FromQuery[str] = ""
) -> Response[bytes]:
    """The form, with the source and the effect of each value."""
    await check_national(outils, acteur, request)
    contexte = await _contexte(outils, acteur, None)
    return page(request, GABARIT, {**contexte, "fait": _FAITS.get(fait, "")})


@post(ADRESSE, status_code=200, include_in_schema=False)
async def save_nationaux(
    request: Requete, outils: NamedDependency[Outils], acteur: NamedDependency[Acteur]
) -> Response[Any]:
    """Save every value that was changed; 409 when somebody else changed one of them, 422 when one cannot be kept."""
    await check_national(outils, acteur, request)
    saisie = Saisie.of(await request.form())
    try:
        await save(outils, auteur_agent(acteur, request), saisie)
    except (ConflitEdition, SaisieInvalide) as refus:
        return refused_page(request, GABARIT, await _contexte(outils, acteur, saisie, refus), refus)
    return Redirect(f"{ADRESSE}?fait=enregistre", status_code=303)


async def save(outils: Outils, auteur: Auteur, saisie: Saisie) -> None:
    """Judge and write. Raises SaisieInvalide, ConflitEdition, Introuvable."""
    maintenant = clock.now()
    check_connus(saisie, {*(d.cle for d in NATIONALES), "vu"})
    vu = read_vu(saisie.brut("vu"))
    valeurs = {d.cle: read_valeur(saisie, d, local=False) for d in NATIONALES}
    saisie.check()

    async def travail(uow: UnitOfWork) -> None:
        bruts = await read_bruts(uow.conn, None)
        actuelles = _effectives(resolve(bruts))
        fusion = merge(vu, to_bruts(valeurs), to_bruts(actuelles))
        if fusion.conflits:
            mots = {cle: REGISTRE[cle].mot(actuelles[cle]) for cle in fusion.conflits}
            raise await build_conflit(uow.conn, "parametre", None, mots)
        changees = {cle: valeurs[cle] for cle in fusion.changes}
        erreurs = refuse_ensemble({**actuelles, **changees})
        if erreurs and changees:
            raise SaisieInvalide(champs=erreurs)
        if changees:
            a_ecrire = {REGISTRE[cle]: fusion.changes[cle] for cle in changees}
            await write_valeurs(uow, auteur, maintenant, None, a_ecrire, to_bruts(actuelles))
            uow.annonces.planning_partout()

    await administrate(outils, auteur, travail, maintenant, action="parametre.modifie")


def _effectives(resolues: Mapping[str, Resolue]) -> dict[str, Valeur]:
    return {cle: resolue.nationale for cle, resolue in resolues.items()}


async def _contexte(
    outils: Outils, acteur: Acteur, saisie: Saisie | None, refus: AppError | None = None
) -> dict[str, Any]:
    async with outils.db.read() as conn:
        resolues = resolve(await read_bruts(conn, None))
        locaux = await count_choix_locaux(conn)
        histoire = await read_histoire_nationale(conn, acteur.agent_id, "parametre")
    effectives = to_bruts({d.cle: resolues[d.cle].nationale for d in NATIONALES})
    champs = [
        (
            d,
            present(
                resolues[d.cle],
                saisie.brut(d.cle) if saisie is not None else write_champ(resolues[d.cle].nationale),
                services=locaux.get(d.cle, 0),
            ),
        )
        for d in NATIONALES
    ]
    vu = saisie.brut("vu") if saisie is not None else write_vu(effectives)
    if isinstance(refus, ConflitEdition):  # shown now: saving again is a decision
        vu = write_vu({**read_vu(vu), **{cle: effectives[cle] for cle in refus.details["actuel"]}})
    return {
        **national_page(acteur, "parametres"),
        "groupes": group(champs),
        "vu": vu,
        "libelles": {d.cle: d.libelle for d in NATIONALES},
        "saisi": {} if saisie is None else {d.cle: _mot(saisie, d.cle) for d in NATIONALES},
        "histoire": histoire,
        "fait": "",
    }


def _mot(saisie: Saisie, cle: str) -> str:
    """What was typed, in words when it is a value."""
    definition = REGISTRE[cle]
    brut = saisie.brut(cle).strip()
    lue, valeur = (
        from_json(definition, int(brut)) if brut.isascii() and brut.isdigit() and len(brut) < 9 else (False, 0)
    )
    return definition.mot(valeur) if lue else brut


ROUTES = [show_nationaux, save_nationaux]
