"""Move or cancel a RDV reached by its exact code and name, by the rules of agents extérieurs [A1, summary table].

Both words are sent and proved with every form; the lock that changes the RDV proves them once more.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from litestar import post
from litestar.di import NamedDependency
from litestar.response import Response

from app import clock
from app.booking.agents.par_code import (
    Demande,
    Requete,
    answer_refus,
    build_cadre,
    is_deplacable,
    prove_demande,
    read_contexte,
    read_demande,
    render_rdv,
)
from app.booking.deplacer import Cible, move
from app.booking.messages import read_canal, tell_prevenu
from app.booking.offre import Offre, list_jours, read_offre
from app.booking.outils import Outils
from app.booking.par_code import Prouve
from app.booking.usager.calendrier import MIDI, en_mots, heure_de
from app.booking.usager.confirmation import present_rdv
from app.booking.usager.demande import read_debut, read_id, read_jour
from app.booking.usager.mots import AGENT
from app.booking.vie import act
from app.domain.calendrier import Fenetre
from app.domain.creneaux import Grille
from app.domain.horaires import from_minute
from app.domain.rendez_vous import Action
from app.errors import AccesRefuse, AppError, Conflit, CreneauPris, RegleRefusee, SaisieInvalide, TropDeDemandes
from app.identite.acteur import Acteur
from app.web.dependances import auteur_agent
from app.web.pages import page

_ANNULER: Final = frozenset({"faire", "raison", "revision"})
_DEPLACER: Final = frozenset({"faire", "motif", "type", "jour", "debut", "revision"})
#: What proves nothing.
PERDU: Final = (SaisieInvalide, AccesRefuse, TropDeDemandes)


@post("/agent/rendez-vous/par-code/annuler", status_code=200, include_in_schema=False)
async def cancel(request: Requete, outils: NamedDependency[Outils], acteur: NamedDependency[Acteur]) -> Response[Any]:
    """The page that says it is irreversible; then, confirmed with a reason, the cancellation."""
    demande = await read_demande(request, outils, acteur, _ANNULER)
    try:
        prouve = await prove_demande(request, outils, acteur, demande, "annuler")
    except PERDU as refus:
        return answer_refus(request, acteur, demande, refus)
    if demande.champs.get("faire") != "confirmer":
        return await _show_annulation(request, outils, acteur, demande, prouve)
    try:
        await act(
            outils,
            prouve.rdv["id"],
            Action.ANNULER,
            auteur_agent(acteur, request),
            clock.now(),
            revision=read_revision(demande),
            raison=demande.champs.get("raison", ""),
            titre=prouve.titre,
        )
    except SaisieInvalide as refus:
        return await _show_annulation(request, outils, acteur, demande, prouve, refus)
    except Conflit as refus:
        return await show_again(request, outils, acteur, demande, "annuler", refus=refus)
    fait = "Rendez-vous annulé", "La place est rendue. " + await tell(outils, prouve)
    return await show_again(request, outils, acteur, demande, "annuler", fait=fait)


async def tell(outils: Outils, prouve: Prouve) -> str:
    """Whether the usager is told, or is to be: a sentence."""
    dit = await _read_prevenu(outils, prouve)
    return f"{dit[0].upper()}{dit[1:]}."


async def _read_prevenu(outils: Outils, prouve: Prouve) -> str:
    async with outils.db.read() as conn:
        return tell_prevenu(await read_canal(conn, outils.settings, prouve.rdv["id"]))


def read_revision(demande: Demande) -> int:
    """The one that the page shows. Raises SaisieInvalide."""
    texte = demande.champs.get("revision", "")
    if not (texte.isascii() and texte.isdecimal() and len(texte) < 10):
        raise SaisieInvalide("Cette page est incomplète : rien n’a été enregistré.", remede="Rouvrez le rendez-vous.")
    return int(texte)


async def show_again(
    request: Requete,
    outils: Outils,
    acteur: Acteur,
    demande: Demande,
    action: str,
    *,
    fait: tuple[str, str] | None = None,
    refus: AppError | None = None,
) -> Response[Any]:
    """The RDV as it is now."""
    try:
        prouve = await prove_demande(request, outils, acteur, demande, action)
    except PERDU as perdu:
        return answer_refus(request, acteur, demande, perdu)
    return render_rdv(request, acteur, demande, prouve, await read_contexte(outils, prouve), fait=fait, refus=refus)


async def _show_annulation(
    request: Requete,
    outils: Outils,
    acteur: Acteur,
    demande: Demande,
    prouve: Prouve,
    refus: SaisieInvalide | None = None,
) -> Response[Any]:
    contexte = await read_contexte(outils, prouve)
    ctx = {
        **build_cadre(acteur, "Annuler le rendez-vous"),
        **present_rdv(prouve.rdv, contexte, clock.now()),
        "dit": {"code": prouve.rdv["code"], "nom": demande.nom, "revision": prouve.rdv["revision"]},
        "raison": demande.champs.get("raison", ""),
        "prevenu": await _read_prevenu(outils, prouve),
        "refus": refus,
    }
    return page(request, "booking/agents/par_code_annuler.html", ctx, statut=refus.statut if refus else 200)


@post("/agent/rendez-vous/par-code/deplacer", status_code=200, include_in_schema=False)
async def relocate(request: Requete, outils: NamedDependency[Outils], acteur: NamedDependency[Acteur]) -> Response[Any]:
    """The motifs, types and créneaux offered; then the move to the one that was chosen."""
    demande = await read_demande(request, outils, acteur, _DEPLACER)
    try:
        prouve = await prove_demande(request, outils, acteur, demande, "deplacer")
    except PERDU as refus:
        return answer_refus(request, acteur, demande, refus)
    if demande.champs.get("faire") != "confirmer":
        return await _show_deplacement(request, outils, acteur, demande, prouve)
    try:
        debut = read_debut(demande.champs.get("debut"))
        await _check_jour(outils, prouve, demande, debut)
        cible = Cible(
            debut,
            motif_id=read_id(demande.champs.get("motif")) or None,
            type_rdv=demande.champs.get("type") or None,
        )
        auteur, revision = auteur_agent(acteur, request), read_revision(demande)
        await move(outils, prouve.rdv["id"], cible, auteur, clock.now(), revision=revision, titre=prouve.titre)
    except (CreneauPris, RegleRefusee, SaisieInvalide) as refus:
        return await _show_deplacement(request, outils, acteur, demande, prouve, refus)
    except Conflit as refus:
        return await show_again(request, outils, acteur, demande, "deplacer", refus=refus)
    fait = "Rendez-vous déplacé", "Son code ne change pas. " + await tell(outils, prouve)
    return await show_again(request, outils, acteur, demande, "deplacer", fait=fait)


async def _check_jour(outils: Outils, prouve: Prouve, demande: Demande, debut: int) -> None:
    """Hours on the screen may be of the day shown before another was chosen. Raises SaisieInvalide."""
    voulu = read_jour(demande.champs.get("jour"))
    if voulu is None:
        return
    zone = (await read_contexte(outils, prouve)).zone
    coche = from_minute(debut).astimezone(zone)
    if coche.date() != voulu:
        phrase = f"L’horaire coché est du {en_mots(coche.date())} et le jour choisi est le {en_mots(voulu)}."
        remede = "Le rendez-vous n’a pas bougé. Cochez l’un des horaires affichés, puis validez."
        raise SaisieInvalide(phrase, remede=remede, champs={"debut": phrase})


async def _show_deplacement(
    request: Requete,
    outils: Outils,
    acteur: Acteur,
    demande: Demande,
    prouve: Prouve,
    refus: AppError | None = None,
) -> Response[Any]:
    """What is offered for the motif and the type chosen, those of the RDV at first; one day at a time."""
    maintenant, rdv = clock.now(), prouve.rdv
    async with outils.db.read() as conn:
        offre = await read_offre(outils, conn, rdv, maintenant)
        motifs = offre.list_motifs()
        motif_id = next((m.id for m in motifs if m.id == read_id(demande.champs.get("motif"))), rdv["motif_id"])
        types = offre.list_types(motif_id)
        voulu = demande.champs.get("type") or rdv["type_rdv"]
        type_rdv = voulu if voulu in types else next(iter(types), rdv["type_rdv"])
        grille, fenetre, duree = await offre.read_grille(outils, conn, motif_id, type_rdv)
    if not is_deplacable(rdv, offre.contexte):
        return render_rdv(request, acteur, demande, prouve, offre.contexte, refus=refus or Conflit(_PLUS))
    jours = list_jours(grille)
    jour = next((j for j, _ in jours if j == read_jour(demande.champs.get("jour"))), jours[0][0] if jours else None)
    ctx = {
        **build_cadre(acteur, "Déplacer le rendez-vous"),
        **present_rdv(rdv, offre.contexte, maintenant),
        "dit": {"code": rdv["code"], "nom": demande.nom, "revision": rdv["revision"]},
        "motifs": _present_motifs(offre),
        "motif_choisi": motif_id,
        "types": [(t, AGENT.types[t][0], "") for t in types],
        "type_choisi": type_rdv,
        "jours": [(j.isoformat(), f"{en_mots(j)} – {n} libre{'s' if n > 1 else ''}") for j, n in jours],
        "jour_choisi": jour.isoformat() if jour else "",
        "jour_titre": en_mots(jour, annee=True) if jour else "",
        "heures": _present_heures(offre, grille, jour),
        "minutes": duree,
        "rien": _explain(grille, fenetre) if not jours else "",
        "refus": refus,
        "proches": _present_proches(offre, refus),
    }
    return page(request, "booking/agents/par_code_deplacer.html", ctx, statut=refus.statut if refus else 200)


_PLUS: Final = "Ce rendez-vous ne peut plus être déplacé d’ici : seul son service peut encore le modifier."


def _explain(grille: Grille, fenetre: Fenetre) -> str:
    """Why there is nothing, in a sentence."""
    if grille.raison is not None:
        return f"Ce rendez-vous ne peut pas être déplacé ici : {fenetre.phrase(grille.raison)}."
    return f"Aucun créneau n’est libre d’ici au {en_mots(fenetre.au)} : changez de motif ou de type."


def _present_motifs(offre: Offre) -> list[Any]:
    """The options of the list, under their branches."""
    options: list[Any] = []
    for branche, motifs in offre.group_motifs():
        siennes = [(m.id, m.libelle + (" (motif actuel)" if m.id == offre.rdv["motif_id"] else "")) for m in motifs]
        options += [{"groupe": branche, "options": siennes}] if branche else siennes
    return options


def _present_heures(offre: Offre, grille: Grille, jour: date | None) -> list[dict[str, Any]]:
    """The free hours of a day, by half-day: (instant, « 08:20 »)."""
    if jour is None:
        return []
    zone = offre.contexte.zone
    matin: list[tuple[str, str]] = []
    soir: list[tuple[str, str]] = []
    for creneau in grille.jours[jour].creneaux:
        local = from_minute(creneau.debut).astimezone(zone)
        (matin if local.hour < MIDI else soir).append((local.isoformat(), heure_de(creneau.debut, zone)))
    return [{"titre": t, "heures": liste} for t, liste in (("Matin", matin), ("Après-midi", soir)) if liste]


def _present_proches(offre: Offre, refus: AppError | None) -> list[tuple[str, str]]:
    """The nearest ones, when the one chosen has just been taken: (instant, words)."""
    alternatives = refus.details.get("alternatives", ()) if isinstance(refus, CreneauPris) else ()
    zone = offre.contexte.zone
    locaux = [from_minute(c.debut).astimezone(zone) for c in sorted(alternatives, key=lambda c: c.debut)]
    return [(local.isoformat(), f"{en_mots(local.date())} à {local:%H:%M}") for local in locaux]


ROUTES = [cancel, relocate]
