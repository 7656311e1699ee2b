"""Record a call made before the visit, which may settle the matter and cancel the RDV [A1 §3.2 « contre-appel »].

One locked row, one transaction: the call, then the cancellation by the very path of any other, or the announcement that
the RDV has changed. Two agents who call the same person are told: the second one's revision is stale.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import insert, select

from app.booking.acte import perform, raise_revision, record
from app.booking.anonymisation import check_nomme
from app.booking.contexte import ServiceContexte
from app.booking.outils import Auteur, Outils
from app.booking.reprise import find_same
from app.booking.textes import TexteInvalide, clean_text
from app.booking.vie import cancel_locked
from app.db import UnitOfWork
from app.domain.contre_appel import Resultat, can_annuler, refuse_contre_appel, refuse_jour
from app.domain.rendez_vous import Etat, Evenement
from app.errors import Conflit, SaisieInvalide, TransitionImpossible
from app.tables import ContreAppel, RendezVous

COMMENTAIRE_MAX: Final = 1000
_PAS_ANNULABLE: Final = "Ce rendez-vous ne peut plus être annulé : enregistrez le contre-appel sans l’annuler."
_SEUL_REGLE: Final = (
    "Seule une affaire réglée par téléphone annule le rendez-vous : gardez-le, ou corrigez le résultat."
)


@dataclass(frozen=True, slots=True)
class ContreAppelSaisi:
    """A call as entered. ``jour``: local day of the service, None for today."""

    resultat: str
    commentaire: str
    jour: date | None = None
    annule: bool = False


@dataclass(frozen=True, slots=True)
class ContreAppelFait:
    """What was recorded, and what became of the RDV. ``change`` is False when it was the same call sent again."""

    id: int
    rdv_id: int
    service_id: int
    guichet_id: int
    etat: str
    revision: int
    change: bool


async def record_contre_appel(
    outils: Outils,
    rdv_id: int,
    saisi: ContreAppelSaisi,
    auteur: Auteur,
    maintenant: datetime,
    *,
    revision: int | None = None,
) -> ContreAppelFait:
    """Record a call about a RDV of a service where the agent holds the agenda.

    Also for the agents of the service that entrusted it: they read its phones and may cancel it already, and a call
    that both services see is a call that nobody makes twice. Raises SaisieInvalide (``champs``: resultat, jour,
    commentaire, annuler), Introuvable (journaled), Conflit on a stale ``revision``, TransitionImpossible once it is
    cancelled or its day is over.
    """
    resultat, commentaire = check_saisi(saisi)

    async def travail(uow: UnitOfWork, rdv: dict[str, Any], contexte: ServiceContexte) -> ContreAppelFait:
        aujourdhui = maintenant.astimezone(contexte.zone).date()
        jour = saisi.jour or aujourdhui
        valeurs: dict[str, Any] = {
            "rdv_id": rdv["id"],
            "agent_id": auteur.agent_id,
            "jour": jour,
            "resultat": resultat.value,
            "commentaire": commentaire,
            "annule_rdv": saisi.annule,
        }
        if revision is not None and revision != rdv["revision"]:
            deja = await find_same(uow.conn, ContreAppel, valeurs, maintenant)
            if deja is not None:
                return _done(deja, rdv, change=False)
        _judge(rdv, aujourdhui, revision)
        await check_nomme(uow.conn, rdv)
        pris_a = (await uow.conn.execute(select(RendezVous.cree_a).where(RendezVous.id == rdv["id"]))).scalar_one()
        phrase = refuse_jour(jour, pris_a.astimezone(contexte.zone).date(), aujourdhui)
        if phrase is not None:
            raise SaisieInvalide(champs={"jour": phrase})
        if saisi.annule and not can_annuler(rdv["etat"], rdv["jour"], aujourdhui):
            raise SaisieInvalide(champs={"annuler": _PAS_ANNULABLE})
        ordre = insert(ContreAppel).values(**valeurs, cree_a=maintenant).returning(ContreAppel.id)
        ident = (await uow.conn.execute(ordre)).scalar_one()
        faits = {"contre_appel": ident, "resultat": resultat.value, "jour": jour.isoformat()}
        if saisi.annule:
            raison = f"Réglé par téléphone le {jour:%d/%m/%Y}"
            acte = await cancel_locked(outils, uow, rdv, auteur, maintenant, raison=raison, faits=faits)
            return _done(ident, {**rdv, "etat": acte.etat, "revision": acte.revision}, change=True)
        touchee = await raise_revision(uow, rdv, maintenant)
        await record(uow, rdv, auteur, maintenant, Evenement.MODIFIE.value, apres=faits)
        return _done(ident, {**rdv, "revision": touchee}, change=True)

    return await perform(outils, rdv_id, auteur, maintenant, "contre_appel", travail, origine=True)


def check_saisi(saisi: ContreAppelSaisi) -> tuple[Resultat, str]:
    """The result and the comment, clean. Raises SaisieInvalide with a sentence for each field in fault."""
    champs: dict[str, str] = {}
    commentaire = ""
    if saisi.resultat not in set(Resultat):
        champs["resultat"] = "Choisissez le résultat de l’appel."
    elif saisi.annule and saisi.resultat != Resultat.REGLE:
        champs["annuler"] = _SEUL_REGLE
    try:
        commentaire = clean_text(saisi.commentaire, maximum=COMMENTAIRE_MAX, lignes=True)
    except TexteInvalide as erreur:
        champs["commentaire"] = str(erreur)
    else:
        if not commentaire:
            champs["commentaire"] = "Écrivez ce qui a été dit, ou tenté : vos collègues le liront sur la fiche."
    if champs:
        raise SaisieInvalide(champs=champs)
    return Resultat(saisi.resultat), commentaire


def _judge(rdv: dict[str, Any], aujourdhui: date, revision: int | None) -> None:
    """Raise TransitionImpossible when no call may be recorded, Conflit when the screen shows another revision."""
    phrase = refuse_contre_appel(rdv["etat"], rdv["jour"], aujourdhui)
    if phrase is not None:
        cause = "irreversible" if rdv["etat"] == Etat.ANNULE else "passe"
        raise TransitionImpossible(phrase, remede="", etat=rdv["etat"], cause=cause)
    if revision is not None and revision != rdv["revision"]:
        raise Conflit(etat=rdv["etat"], revision=rdv["revision"])


def _done(ident: int, rdv: dict[str, Any], *, change: bool) -> ContreAppelFait:
    return ContreAppelFait(ident, rdv["id"], rdv["service_id"], rdv["guichet_id"], rdv["etat"], rdv["revision"], change)
