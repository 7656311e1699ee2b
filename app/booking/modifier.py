"""Correct what is known of a RDV: the person, the precision, the internal note, the word to the usager [A1 §3.2].

Place, hour, motif and type are another act (``app.booking.deplacer``). The journal names the fields that changed and
never quotes them. The same form sent twice changes the RDV once; a form that changes nothing writes nothing.

A new e-mail address (or mobile phone, where that is how the usager is written to) receives the confirmation at once,
with a new secret link: whoever reads the former one, which was perhaps mistyped, must open nothing any more, and is
told nothing (a cancellation would be untrue). Past the bounds of confirmations (``app.booking.confirmations``) what was
corrected is saved all the same, and ``retenue`` says which.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, select, update

from app.booking import store
from app.booking.acte import check_transition, perform, raise_revision, record
from app.booking.confirmations import ADRESSE_CORRIGEE, Limite, find_limite
from app.booking.contexte import ServiceContexte
from app.booking.forms import UsagerSaisi
from app.booking.liens import empreinte, jeton_lien, new_sel
from app.booking.messages import Destination, compute_rappel, find_destination, write_message
from app.booking.outils import Auteur, Outils
from app.booking.titres import Titre
from app.courrier.file_attente import EN_COURS
from app.courrier.message import Evenement as EvenementCourrier
from app.db import UnitOfWork
from app.domain.rendez_vous import Action, Etat
from app.errors import Conflit, TransitionImpossible
from app.tables import Courrier, RdvUsager, RendezVous

_TEXTES: Final = ("precision", "note_interne", "message_usager")
_ANONYMISE: Final = "Ce rendez-vous est anonymisé : son délai de conservation est écoulé, il ne se modifie plus."


@dataclass(frozen=True, slots=True)
class Modification:
    """The RDV as it should be: every field, checked. ``message_usager`` is read by the usager, the note never."""

    usager: UsagerSaisi
    precision: str
    note_interne: str
    message_usager: str


@dataclass(frozen=True, slots=True)
class RdvModifie:
    """What became of it. ``champs``: what changed, none when it was already so. ``envoye``: a confirmation leaves.

    ``retenue``: which bound keeps the one to the new address from leaving; the agent is to be told so.
    """

    id: int
    revision: int
    champs: tuple[str, ...]
    envoye: bool = False
    retenue: Limite | None = None

    @property
    def change(self) -> bool:
        """True when something was written."""
        return bool(self.champs)


async def modify(
    outils: Outils,
    rdv_id: int,
    voulu: Modification,
    auteur: Auteur,
    maintenant: datetime,
    *,
    revision: int,
    titre: Titre | None = None,
) -> RdvModifie:
    """Write what differs from the RDV as it is. ``titre``: how it is reached (``app.booking.acte.perform``).

    Raises Introuvable (journaled), TransitionImpossible (cancelled, anonymised), Conflit when ``revision`` is no longer
    the RDV's and something would be written.
    """

    async def travail(uow: UnitOfWork, rdv: dict[str, Any], contexte: ServiceContexte) -> RdvModifie:
        check_transition(rdv, contexte, Action.MODIFIER, maintenant)
        usager = await store.read_usager(uow.conn, rdv["id"])
        if usager is None or usager["anonymise_a"] is not None:
            raise TransitionImpossible(_ANONYMISE, remede="", etat=rdv["etat"])
        rdv |= await _read_textes(uow, rdv["id"])
        textes = {champ: getattr(voulu, champ) for champ in _TEXTES if getattr(voulu, champ) != rdv[champ]}
        personne = find_changements(usager, voulu.usager)
        champs = (*personne, *textes)
        if not champs:
            return RdvModifie(rdv["id"], rdv["revision"], ())
        if revision != rdv["revision"]:
            raise Conflit(etat=rdv["etat"], revision=rdv["revision"])
        valeurs: dict[str, Any] = {**textes}
        ancienne = find_destination(outils.settings, usager["courriel"], usager["telephones"])
        nouvelle = find_destination(outils.settings, voulu.usager.courriel, voulu.usager.telephones)
        if nouvelle != ancienne:
            valeurs |= _renew(outils, rdv, ancienne)
        suivante = await raise_revision(uow, rdv, maintenant, **valeurs)
        if personne:
            await uow.conn.execute(
                update(RdvUsager)
                .where(RdvUsager.rdv_id == rdv["id"])
                .values(**personne, recherche=voulu.usager.recherche)
            )
        envoye, retenue = (
            await _write_messages(
                outils,
                uow,
                contexte,
                {**rdv, **valeurs},
                usager["langue"],
                voulu.usager,
                maintenant,
                (ancienne, nouvelle),
            )
            if personne
            else (False, None)
        )
        await record(uow, rdv, auteur, maintenant, "rdv.modifie", apres={"champs": list(champs)})
        return RdvModifie(rdv["id"], suivante, champs, envoye, retenue)

    return await perform(outils, rdv_id, auteur, maintenant, "modifier", travail, titre=titre)


def find_changements(usager: Mapping[str, Any], voulu: UsagerSaisi) -> dict[str, Any]:
    """Columns of the snapshot that ``voulu`` changes → their new values."""
    valeurs = {**asdict(voulu), "telephones": list(voulu.telephones)}
    return {champ: valeur for champ, valeur in valeurs.items() if valeur != usager[champ]}


async def _read_textes(uow: UnitOfWork, rdv_id: int) -> dict[str, str]:
    requete = select(RendezVous.precision, RendezVous.note_interne, RendezVous.message_usager)
    return dict((await uow.conn.execute(requete.where(RendezVous.id == rdv_id))).mappings().one())


def _renew(outils: Outils, rdv: Mapping[str, Any], ancienne: Destination | None) -> dict[str, Any]:
    """The calendar entry of the new address is newer; the link that the former one received opens nothing more."""
    suite: dict[str, Any] = {"sequence": rdv["sequence"] + 1}
    if ancienne is not None and rdv["lien_sel"]:
        sel = new_sel()
        suite |= {"lien_sel": sel, "lien_empreinte": empreinte(jeton_lien(outils.settings, sel))}
    return suite


async def _write_messages(
    outils: Outils,
    uow: UnitOfWork,
    contexte: ServiceContexte,
    rdv: Mapping[str, Any],
    langue: str,
    usager: UsagerSaisi,
    maintenant: datetime,
    destinations: tuple[Destination | None, Destination | None],
) -> tuple[bool, Limite | None]:
    """What waits to be sent says what is true, to whom it is true. ``destinations``: the former one, and the new one.

    Returns whether a confirmation leaves now, and the bound that keeps one back.
    """
    if rdv["etat"] != Etat.PREVU or rdv["fin"] <= maintenant:
        return False, None
    ancienne, ou = destinations
    nouvelle = ou != ancienne
    if nouvelle and ancienne is not None:
        await _give_up(uow, rdv["id"], ancienne.adresse, maintenant)
    rappels = await _remove_rappels(uow, rdv["id"])
    rappel_a = min(rappels) if rappels else compute_rappel(contexte, rdv["debut"], maintenant) if nouvelle else None
    limite = None
    if nouvelle and ou is not None:
        limite = await find_limite(uow.conn, rdv["id"], ou.adresse, maintenant)
    envoye = nouvelle and ou is not None and limite is None
    envois: list[tuple[EvenementCourrier, datetime | None]] = []
    if envoye:
        envois.append(("confirmation", None))
    if rappel_a is not None:
        envois.append(("rappel", rappel_a))
    for evenement, du_a in envois:
        await write_message(
            uow.conn,
            outils.settings,
            evenement,
            contexte,
            rdv=rdv,
            destinataire=usager.courriel,
            usager_nom=usager.nom_affiche,
            telephones=usager.telephones,
            maintenant=maintenant,
            langue=langue,
            du_a=du_a,
        )
    return envoye, limite


async def _give_up(uow: UnitOfWork, rdv_id: int, adresse: str, maintenant: datetime) -> None:
    """What has not left yet does not go to the former address."""
    await uow.conn.execute(
        update(Courrier)
        .where(
            Courrier.rdv_id == rdv_id,
            Courrier.destinataire == adresse,
            Courrier.evenement.in_(["confirmation", "deplacement"]),
            Courrier.envoye_a.is_(None),
            Courrier.abandonne_a.is_(None),
            Courrier.erreur != EN_COURS,
        )
        .values(abandonne_a=maintenant, erreur=ADRESSE_CORRIGEE, donnees=Courrier.donnees.op("-")("lien_gestion"))
    )


async def _remove_rappels(uow: UnitOfWork, rdv_id: int) -> list[datetime]:
    """Take back the reminders that wait: when each was to leave. They are written again as things are now."""
    lignes = await uow.conn.execute(
        delete(Courrier)
        .where(
            Courrier.rdv_id == rdv_id,
            Courrier.evenement == "rappel",
            Courrier.envoye_a.is_(None),
            Courrier.abandonne_a.is_(None),
            Courrier.erreur != EN_COURS,
        )
        .returning(Courrier.du_a)
    )
    return list(lignes.scalars())
