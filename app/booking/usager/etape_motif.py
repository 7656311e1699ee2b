"""Step 1: for whom, for what, and how [A1 §2]. GET only: the choice lives in the URL."""

from __future__ import annotations

from typing import Any

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Response

from app import clock
from app.booking.contexte import MotifOffert, ServiceContexte
from app.booking.outils import Outils
from app.booking.usager.cartes import carte_de
from app.booking.usager.demande import Parcours, read_choix
from app.booking.usager.lecture import Vue
from app.booking.usager.motifs import (
    NIVEAUX,
    Etape,
    compute_etape,
    find_chaine,
    find_types,
    find_types_chez,
    name_choix,
)
from app.booking.usager.mots import Mots
from app.booking.usager.visiteur import Visiteur, visiteur_usager
from app.courrier.texte import lien_sur
from app.langue import _, tr


@get("/rdv/{service_id:int}", include_in_schema=False)
async def show_parcours(service_id: FromPath[int]) -> Response[bytes]:
    """The journey begins at its first step."""
    return Response(b"", status_code=303, headers={"Location": Parcours.read(service_id, {}).url("motif")})


@get("/rdv/{service_id:int}/motif", include_in_schema=False)
async def show_motif(
    request: Request[Any, Any, Any], outils: NamedDependency[Outils], service_id: FromPath[int]
) -> Response[bytes]:
    """The questions so far, each revealed by the answer to the one before; then documents, FAQ and online procedure."""
    return await answer_motif(visiteur_usager(request), outils, service_id)


async def answer_motif(visiteur: Visiteur, outils: Outils, service_id: int) -> Response[bytes]:
    """Step 1 for that visitor. Raises Introuvable for an unknown service."""
    request = visiteur.request
    parcours = visiteur.read_parcours(service_id, request.query_params)
    maintenant = clock.now()
    async with outils.db.read() as conn:
        vue = await visiteur.read_vue(outils, conn, service_id, maintenant)
    if not vue.en_ligne:
        return refuse_en_ligne(visiteur, vue)
    contexte = vue.contexte
    choix = read_choix(request.query_params) or name_choix(find_chaine(contexte, parcours.motif))
    nature = parcours.nature or _nature_de(contexte, parcours.motif)
    etape = compute_etape(contexte, nature, choix, parcours.type_rdv, vue.voisins, vue.canal)
    donnees = {
        "titre": _("Motif et type de rendez-vous"),
        "etape": 1,
        "action": parcours.action("motif"),
        "action_creneau": parcours.action("creneau"),
        "questions": _questions(etape, visiteur.mots),
        "nature_seule": etape.nature if len(etape.natures) == 1 else "",
        "derniere": _last(etape),
        "feuille": _present_feuille(etape, vue),
        "aucun_motif": not etape.natures,
        "carte": carte_de(contexte),
        "erreurs": _manque(etape, request.query_params.get("demande", ""), visiteur.mots),
        "message_accueil": contexte.parametres.message_accueil,
        "avis": visiteur.mots.avis_motif.get(request.query_params.get("avis", "")),
    }
    return visiteur.page("motif", contexte, donnees, maintenant)


def refuse_en_ligne(visiteur: Visiteur, vue: Vue, *, statut: int = 200) -> Response[bytes]:
    """A service that takes no booking of that visitor: say so, and how to reach it. 422 when something was sent."""
    donnees = {
        "titre": tr(visiteur.mots.ferme),
        "carte": carte_de(vue.contexte),
        "adresse": visiteur.read_parcours(vue.contexte.id, {}).url("motif"),
    }
    return visiteur.page("ferme", vue.contexte, donnees, vue.maintenant, statut=statut)


def _nature_de(contexte: ServiceContexte, motif_id: int) -> str:
    motif = contexte.motifs.get(motif_id)
    return motif.public if motif is not None and motif.public != "tous" else ""


def _questions(etape: Etape, mots: Mots) -> list[dict[str, Any]]:
    """The radio groups, in order: nature (when both are received), each level of the motif, the type."""
    questions: list[dict[str, Any]] = []
    if len(etape.natures) > 1:
        natures = [(code, tr(libelle)) for code, libelle in mots.natures]
        questions.append({"nom": "nature", "options": natures, "valeur": etape.nature})
    for groupe in etape.groupes:
        options = [(str(noeud.motif.id), noeud.motif.intitule) for noeud in groupe.noeuds]
        questions.append({"nom": groupe.nom, "options": options, "valeur": str(groupe.choisi or "")})
    if etape.feuille is not None:
        types = [(t, *map(tr, mots.types[t])) for t in etape.feuille.types]
        questions.append({"nom": "type", "options": types, "valeur": etape.type_rdv})
    return [{**question, "legende": mots.legendes[question["nom"]]} for question in questions]


def _last(etape: Etape) -> str:
    """The group that waits for an answer: the last one shown."""
    if etape.feuille is not None:
        return "type"
    return etape.groupes[-1].nom if etape.groupes else "nature"


def _manque(etape: Etape, demande: str, mots: Mots) -> dict[str, str]:
    """The sentence for a question that was on the page sent and was left without an answer."""
    noms = ["nature"] if len(etape.natures) > 1 else []
    noms += [groupe.nom for groupe in etape.groupes] + (["type"] if etape.feuille else [])
    repondues = {groupe.nom for groupe in etape.groupes if groupe.choisi}
    repondues |= {"nature"} if etape.nature else set()
    repondues |= {"type"} if etape.type_rdv else set()
    ordre = ("nature", *NIVEAUX, "type")
    if demande not in ordre:
        return {}
    vues = ordre[: ordre.index(demande) + 1]
    return {nom: mots.manques[nom] for nom in noms if nom in vues and nom not in repondues}


def _present_feuille(etape: Etape, vue: Vue) -> dict[str, Any] | None:
    """What is worth knowing of the motif before booking: other ways first, documents, duration."""
    if etape.feuille is None:
        return None
    motif = etape.feuille.motif
    return {
        "libelle": motif.intitule,
        "message": motif.message,
        "duree": _find_duree(vue, motif),
        "documents": motif.pieces,
        "faq": lien_sur(motif.faq_url),
        "demarche": lien_sur(motif.demarche_url),
    }


def _find_duree(vue: Vue, motif: MotifOffert) -> int:
    """Minutes of the rendez-vous here, else where the service sends who asks for it."""
    if find_types(vue.contexte, motif, vue.canal):
        return motif.duree
    ailleurs = (b.duree_pour(motif.id, d) for d, b in vue.voisins if find_types_chez(b, motif.id, d, vue.canal))
    return next(ailleurs, motif.duree)


ROUTES = [show_parcours, show_motif]
