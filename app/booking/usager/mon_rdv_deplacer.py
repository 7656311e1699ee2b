"""« Déplacer mon rendez-vous »: the live grid, then the old and the new side by side, then the move itself [G 2.3.1].

By the rules of the internet. What was chosen comes back with every answer that is not a success, with the nearest free
créneaux when the one chosen has just been taken; the code and the history stay.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response

from app.booking.deplacer import Cible
from app.booking.mon_rdv import check_obstacle, is_there, relocate
from app.booking.outils import Outils
from app.booking.unicite import MotifDejaPris, SuiteParMessage
from app.booking.usager.cookies import check_change_usager
from app.booking.usager.demande import read_debut, read_jour
from app.booking.usager.etape_creneau import present_alternatives
from app.booking.usager.garde import count_acte
from app.booking.usager.mon_rdv import Mien, Requete, answer_impossible, open_mien
from app.booking.usager.mon_rdv_annuler import read_again, read_revision
from app.booking.usager.mon_rdv_grille import AUTREMENT, MOTS, Grille, read_grille
from app.booking.usager.visiteur import visiteur_usager
from app.courrier.texte import duree_en_mots, heure_en_mots, jour_en_mots
from app.domain.documents import print_document
from app.domain.horaires import from_minute
from app.domain.raisons import Raison
from app.errors import (
    AppError,
    Conflit,
    CreneauPris,
    Interdit,
    RegleRefusee,
    SaisieInvalide,
    TransitionImpossible,
    TropDeDemandes,
)
from app.langue import _, get_langue, tr
from app.web.dates import heure

_INCHANGE = "C’est déjà la date et l’heure de votre rendez-vous."


@get("/mon-rendez-vous/{jeton:str}/deplacer", include_in_schema=False)
async def show_deplacement(request: Requete, outils: NamedDependency[Outils], jeton: FromPath[str]) -> Response[Any]:
    """The grid."""
    mien = await open_mien(request, outils, jeton, lecture=True)
    return await answer_deplacement(mien, outils, request.query_params)


@get("/mon-rendez-vous/{jeton:str}/deplacer/fragment", include_in_schema=False)
async def show_fragment(request: Requete, outils: NamedDependency[Outils], jeton: FromPath[str]) -> Response[Any]:
    """Its live region alone."""
    return await answer_fragment(await open_mien(request, outils, jeton), outils)


@post(
    "/mon-rendez-vous/{jeton:str}/deplacer",
    status_code=200,
    include_in_schema=False,
    before_request=check_change_usager,
)
async def do_deplacer(request: Requete, outils: NamedDependency[Outils], jeton: FromPath[str]) -> Response[Any]:
    """The old and the new, to be confirmed; confirmed, the move. 409: it was taken, or the RDV has changed since."""
    return await move_mien(await open_mien(request, outils, jeton), outils)


async def answer_fragment(mien: Mien, outils: Outils) -> Response[Any]:
    """The same for any title."""
    async with outils.db.read() as conn:
        grille = await read_grille(mien, outils, conn, mien.request.query_params)
    return Response(grille.render().encode(), media_type="text/html")


async def answer_deplacement(
    mien: Mien, outils: Outils, donnees: Any, *, refus: AppError | None = None, jour: date | None = None
) -> Response[Any]:
    """The grid for these choices, with the refusal of one; why it may not be moved, when it may not."""
    titre = _("Déplacer votre rendez-vous")
    if mien.obstacle is not None:
        return answer_impossible(mien, titre, statut=refus.statut if refus else 200)
    async with outils.db.read() as conn:
        grille = await read_grille(mien, outils, conn, donnees)
    parcours = grille.parcours
    ctx = {
        **mien.present(),
        "region": grille.render(jour),
        "action": parcours.action("creneau"),
        "parcours": parcours,
        "mots": MOTS,
        "motif": grille.offre.contexte.motif(parcours.motif),
        "motif_actuel": mien.present()["motif"],
        "duree": grille.dispo.demande.duree,
        "type_libelle": tr(MOTS.types[parcours.type_rdv][0]).lower(),
        "heure_donnees": heure(mien.maintenant, mien.contexte.zone),
        "changer": AUTREMENT,
        "avis": None,
        "tenue": None,
        "refus": _present_refus(refus, grille),
        "revision": mien.rdv["revision"],
        "motifs": [(m.id, m.intitule) for m in grille.motifs],
        "types": [(t, tr(MOTS.types[t][0])) for t in grille.types],
        "adresse": parcours.url("creneau", jour=jour.isoformat() if jour else ""),
    }
    return mien.page("mon_rdv_deplacer", titre, ctx, statut=refus.statut if refus else 200)


def _present_refus(refus: AppError | None, grille: Grille) -> dict[str, Any] | None:
    if refus is None:
        return None
    alternatives = refus.details.get("alternatives", ())
    remede = tr(refus.remede)
    if isinstance(refus, CreneauPris):
        reste = _("Votre rendez-vous n’a pas bougé. Choisissez l’un des créneaux les plus proches, ou un autre jour.")
        remede = (
            reste if alternatives else _("Votre rendez-vous n’a pas bougé. Choisissez un autre créneau ci-dessous.")
        )
    return {
        "phrase": tr(refus.phrase),
        "remede": remede,
        "alternatives": present_alternatives(grille.calendrier, alternatives),
    }


async def move_mien(mien: Mien, outils: Outils) -> Response[Any]:
    """The same for any title."""
    donnees = await mien.request.form()
    jour: date | None = None
    try:
        debut, vue = read_debut(donnees.get("debut")), read_revision(donnees.get("revision"))
        jour = read_jour(str(donnees.get("debut"))[:10])
        async with outils.db.read() as conn:
            grille = await read_grille(mien, outils, conn, donnees)
        cible = Cible(debut, motif_id=grille.parcours.motif, type_rdv=grille.parcours.type_rdv)
        if donnees.get("faire") == "confirmer":
            async with count_acte(visiteur_usager(mien.request), outils, "deplacer"):
                fait = await relocate(outils, mien.rdv, mien.titre, cible, mien.auteur, mien.maintenant, vue=vue)
            return Redirect(f"{mien.base}?avis={'deplace' if fait.change else 'inchange'}", status_code=303)
        if is_there(mien.rdv, cible):
            raise RegleRefusee(_INCHANGE, remede="Choisissez-en une autre, ou gardez votre rendez-vous.")
        check_obstacle(mien.rdv, mien.contexte, mien.titre, mien.maintenant)
        _check_libre(grille, debut)
        return _confirm(mien, grille, debut)
    except SuiteParMessage:
        choisi = mien.rdv["service_origine_id"] or mien.rdv["service_id"]
        return Redirect(f"/rdv/{choisi}/messagerie", status_code=303)
    except (Conflit, RegleRefusee, SaisieInvalide, Interdit, TransitionImpossible, TropDeDemandes) as refus:
        if isinstance(refus, Conflit) and not isinstance(refus, CreneauPris | TransitionImpossible | MotifDejaPris):
            refus = Conflit(
                "Votre rendez-vous a changé depuis l’affichage de cette page : il n’a pas été déplacé.",
                remede="Voici ce qu’il est maintenant. Choisissez de nouveau si nécessaire.",
            )
        return await answer_deplacement(await read_again(mien, outils), outils, donnees, refus=refus, jour=jour)


def _check_libre(grille: Grille, debut: int) -> None:
    """Before anything is confirmed. Raises CreneauPris, RegleRefusee: the move itself decides again."""
    if not grille.mien.en_ligne:
        raise RegleRefusee("Ce service ne propose pas de prise de rendez-vous en ligne pour le moment.", remede="")
    if any(debut in libres for libres in grille.calendrier.libres.values()):
        return
    candidats = (depart for journee in grille.dispo.grille.jours.values() for depart, _g in journee.candidats)
    if debut in candidats:
        raise CreneauPris(alternatives=grille.dispo.alternatives(debut))
    zone, fenetre = grille.offre.contexte.zone, grille.dispo.fenetre
    dehors = fenetre.refuse(from_minute(debut).astimezone(zone).date(), debut)
    phrase = fenetre.phrase(dehors or Raison.HORS_GRILLE)
    raise RegleRefusee(f"Cet horaire ne peut pas être choisi : {phrase}.", raison=dehors or Raison.HORS_GRILLE)


def _confirm(mien: Mien, grille: Grille, debut: int) -> Response[Any]:
    """Old and new, and what changes besides."""
    contexte, parcours, langue = grille.offre.contexte, grille.parcours, get_langue()
    motif, ancien = contexte.motif(parcours.motif), contexte.motifs.get(mien.rdv["motif_id"])
    instant, fuseau = from_minute(debut), contexte.zone.key
    memes = ancien is not None and [print_document(d) for d in ancien.documents] == [
        print_document(d) for d in motif.documents
    ]
    avant = mien.present()
    ctx = {
        **avant,
        "neuf": {
            "jour": jour_en_mots(instant, fuseau, langue),
            "heure": heure_en_mots(instant, fuseau, langue),
            "type_libelle": MOTS.types[parcours.type_rdv][0],
            "motif": motif.intitule,
            "duree": duree_en_mots(from_minute(grille.dispo.demande.duree) - from_minute(0), langue),
            "documents": () if memes else motif.pieces,
        },
        "type_libelle": MOTS.types[mien.rdv["type_rdv"]][0],
        "motif_change": parcours.motif != mien.rdv["motif_id"],
        "type_change": parcours.type_rdv != mien.rdv["type_rdv"],
        "debut": instant.astimezone(contexte.zone).isoformat(),
        "parcours": parcours,
        "revision": mien.rdv["revision"],
        "action": parcours.action("creneau"),
        "retour": replace(parcours).url("creneau", jour=instant.astimezone(contexte.zone).date().isoformat()),
        "adresse": parcours.url("creneau", jour=instant.astimezone(contexte.zone).date().isoformat()),
    }
    return mien.page("mon_rdv_confirmer", _("Confirmer le déplacement"), ctx)


ROUTES = [show_deplacement, show_fragment, do_deplacer]
