"""Ask to be told when a créneau becomes free: register, confirm by the link, leave the list, wait again.

Whoever registers proves nothing: the answer is the same whatever is known of the contact, and nothing counts before
the link sent there is confirmed. Its rank in the line is that of the confirmation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from app.booking import attente_store as file
from app.booking.attente_liens import jeton_attente, print_origine
from app.booking.attente_messages import tell
from app.booking.attente_suivi import give_back
from app.booking.contexte import ServiceContexte, read_versions
from app.booking.liens import empreinte, new_sel
from app.booking.outils import Auteur, Outils
from app.db import UnitOfWork
from app.domain.attente import CONFIRMATION, EFFACEMENT_JOURS, PAR_ORIGINE
from app.domain.guichets import Demande, find_eligibles
from app.errors import Introuvable, RegleRefusee, TropDeDemandes
from app.identite.essais import find_lieu
from app.journal import write_journal
from app.protection.limites import Sujets, count

LIEN_INCONNU: Final = "Ce lien ne mène à aucune demande."
LIEN_REMEDE: Final = "Vérifiez que vous l’avez copié en entier, ou inscrivez-vous de nouveau."


@dataclass(frozen=True, slots=True)
class Inscription:
    """A request, checked (``app.booking.attente_saisie``). ``contact``: an e-mail address, or a number in E.164."""

    service_id: int
    motif_id: int
    type_rdv: str
    nature: str
    du: date
    au: date
    demi_journee: str
    nom: str
    canal: str
    contact: str
    langue: str
    #: The RDV that an offer is to move, the page having checked the title by which it is reached; its own contact.
    rdv_id: int | None = None


def takes_attente(contexte: ServiceContexte, motif_id: int, type_rdv: str, aujourdhui: date) -> bool:
    """True when usagers may wait for that here: the service books online, and has guichets for it."""
    motif = contexte.motifs.get(motif_id)
    if motif is None or not motif.ouvert or not contexte.parametres.liste_attente:
        return False
    if not contexte.prend_en_ligne(aujourdhui) or (type_rdv == "visio" and not contexte.visio_base):
        return False
    demande = Demande(motif_id, type_rdv, "internet", motif.duree, contexte.pas)
    return bool(find_eligibles(demande, list(contexte.guichets.values()))[0])


async def register(outils: Outils, demande: Inscription, auteur: Auteur, maintenant: datetime) -> None:
    """Write the request, to be confirmed within an hour, and the message that asks for it.

    A contact that already waits receives the link to its request; nothing in the answer tells the two apart, nor
    whether a message leaves. Whoever asks is counted by the page (``app.booking.usager.garde``); here, what one contact
    receives. Raises RegleRefusee when nobody may wait for that here, TropDeDemandes.
    """
    async with outils.db.read() as conn:
        versions = await read_versions(conn, demande.service_id)
        contexte = await outils.dispo.contextes.get(conn, demande.service_id, versions.planning)
    if not takes_attente(contexte, demande.motif_id, demande.type_rdv, maintenant.astimezone(contexte.zone).date()):
        raise RegleRefusee(
            "Ce service ne propose pas de liste d’attente pour ce rendez-vous.", remede="Joignez le service."
        )
    origine = print_origine(outils.settings, find_lieu(auteur.adresse))

    async def travail(uow: UnitOfWork) -> None:
        await _write(outils, uow, contexte, demande, origine, auteur, maintenant)

    await outils.db.transaction(travail)


def fold_contact(contact: str) -> str:
    """One mailbox, whatever its case and what is written after « + »; a number as it is."""
    boite, arobase, domaine = contact.lower().rpartition("@")
    return f"{boite.partition('+')[0]}@{domaine}" if arobase else domaine


async def _write(
    outils: Outils,
    uow: UnitOfWork,
    contexte: ServiceContexte,
    demande: Inscription,
    origine: bytes,
    auteur: Auteur,
    maintenant: datetime,
) -> None:
    siennes = await file.lock_contact(uow.conn, demande.service_id, demande.motif_id, demande.contact)
    # Before anything that depends on the contact: a refusal says nothing of who waits.
    if await file.count_origine(uow.conn, demande.service_id, origine, maintenant) >= PAR_ORIGINE:
        raise TropDeDemandes(
            "Plusieurs personnes attendent déjà un créneau de ce service depuis votre connexion internet.",
            remede="Essayez depuis une autre connexion, ou joignez le service.",
        )
    connue = next((ligne for ligne in siennes if ligne["etat"] in file.CONFIRMES), None)
    if connue is not None and connue["au"] < maintenant.astimezone(contexte.zone).date() and connue["etat"] != "offre":
        # Its dates are over: what is asked now is another request.
        await file.update_attente(uow.conn, connue["id"], etat="retiree", fin_a=maintenant, **file.EFFACE)
        connue = None
    if connue is not None and not await _may_take_rdv(uow, connue, demande.rdv_id):
        if await _may_write(outils, uow, demande, maintenant):
            await tell(uow.conn, outils.settings, contexte, connue, "deja", maintenant)
        return
    if not await _may_write(outils, uow, demande, maintenant):
        return
    sel = new_sel()
    limite = maintenant + CONFIRMATION
    voeu: dict[str, Any] = {
        "service_id": demande.service_id,
        "motif_id": demande.motif_id,
        "type_rdv": demande.type_rdv,
        "nature": demande.nature,
        "du": demande.du,
        "au": demande.au,
        "demi_journee": demande.demi_journee,
        "nom": demande.nom,
        "canal": demande.canal,
        "contact": demande.contact,
        "langue": demande.langue,
        "etat": "a_confirmer",
        "lien_sel": sel,
        "lien_empreinte": empreinte(jeton_attente(outils.settings, sel)),
        "origine_empreinte": origine,
        "rdv_id": demande.rdv_id,
        "cree_a": maintenant,
        "expire_a": limite,
    }
    # Beside those that nobody has confirmed yet: a stranger who types this contact replaces nobody's wishes nor link.
    complet = {**voeu, "id": await file.insert_attente(uow.conn, voeu)}
    await tell(uow.conn, outils.settings, contexte, complet, "a_confirmer", maintenant, limite=limite)
    await journal(uow, complet, auteur, maintenant, "attente.inscrite")


async def _may_take_rdv(uow: UnitOfWork, connue: Mapping[str, Any], rdv_id: int | None) -> bool:
    """True when a confirmed request may take up that RDV, its new link confirmed: it has none that still stands.

    Whoever holds a RDV made in somebody's mailbox does not change which one that person's offer moves.
    """
    if rdv_id is None or rdv_id == connue["rdv_id"] or connue["etat"] == "offre":
        return False
    return not await file.is_prevu(uow.conn, connue["rdv_id"])


async def _may_write(outils: Outils, uow: UnitOfWork, demande: Inscription, maintenant: datetime) -> bool:
    """Count one more message; False past what one contact is sent in a day before it confirms anything.

    In the transaction: what is refused or fails uses nothing up. Who comes from the page of a RDV is counted apart,
    under that RDV: nobody without its title uses it up. Who has confirmed something since yesterday has as much again.
    """

    async def admits(acte: str, qui: str) -> bool:
        sujets = Sujets(None, personnes=(qui,))
        return not (await count(uow.conn, outils.settings, acte, sujets, maintenant)).attendre_s

    if demande.rdv_id is not None:
        return await admits("attente-contact", f"rdv {demande.rdv_id}")
    contact = fold_contact(demande.contact)
    ici = f"{contact} {demande.service_id}"
    if await admits("attente-contact", ici) and await admits("attente-contact-total", contact):
        return True
    connu = await file.has_confirme(uow.conn, demande.contact, maintenant - timedelta(days=1))
    return connu and await admits("attente-contact", f"{ici} connu")


async def confirm(outils: Outils, jeton: str, auteur: Auteur, maintenant: datetime) -> None:
    """Enter the line; pressed again, nothing more. The contact's other requests that nobody confirmed are over.

    A contact that waits already keeps its place: asked from the page of a RDV, its request becomes what was asked.
    Raises Introuvable for another token, RegleRefusee when too late.
    """

    async def travail(uow: UnitOfWork) -> None:
        voeu = await file.read_by_lien(uow.conn, empreinte(jeton))
        if voeu is None:
            raise Introuvable(LIEN_INCONNU, remede=LIEN_REMEDE)
        if voeu["etat"] != "a_confirmer":
            return
        siennes = await file.lock_contact(uow.conn, voeu["service_id"], voeu["motif_id"], voeu["contact"])
        if not any((ligne["id"], ligne["etat"]) == (voeu["id"], "a_confirmer") for ligne in siennes):
            return  # confirmed or closed at this very moment
        if voeu["expire_a"] <= maintenant:
            raise RegleRefusee(
                "Cette demande n’a pas été confirmée à temps.", remede="Inscrivez-vous de nouveau sur la liste."
            )
        connue = next((ligne for ligne in siennes if ligne["etat"] in file.CONFIRMES), None)
        gardee = voeu["id"] if connue is None else connue["id"]
        for ligne in siennes:
            if ligne["id"] != gardee:
                await file.update_attente(uow.conn, ligne["id"], etat="retiree", fin_a=maintenant, **file.EFFACE)
        if connue is not None and await _may_take_rdv(uow, connue, voeu["rdv_id"]):
            await _take_over(uow, connue, voeu)
            await journal(uow, connue, auteur, maintenant, "attente.confirmee", rdv=voeu["rdv_id"])
        if connue is None:
            await file.update_attente(
                uow.conn, voeu["id"], etat="active", confirme_a=maintenant, rang_a=maintenant, sans_reponse=0
            )
            await journal(uow, voeu, auteur, maintenant, "attente.confirmee")

    await outils.db.transaction(travail)


async def _take_over(uow: UnitOfWork, connue: Mapping[str, Any], voeu: Mapping[str, Any]) -> None:
    """Make of the request that waits what has just been confirmed: the last link sent leads to it, the former to none.

    Both are locked, ``voeu`` is over.
    """
    voulu = {champ: voeu[champ] for champ in ("type_rdv", "nature", "du", "au", "demi_journee", "nom", "rdv_id")}
    liens = [{champ: ligne[champ] for champ in ("lien_sel", "lien_empreinte")} for ligne in (connue, voeu)]
    await file.update_attente(uow.conn, voeu["id"], lien_empreinte=empreinte(new_sel().hex()))  # the column is unique
    await file.update_attente(uow.conn, connue["id"], **voulu, **liens[1])
    await file.update_attente(uow.conn, voeu["id"], **liens[0])


async def resume(outils: Outils, jeton: str, auteur: Auteur, maintenant: datetime) -> None:
    """« J’attends toujours »: back in the line, at its end. Raises Introuvable."""

    async def travail(uow: UnitOfWork) -> None:
        voeu = await find(uow, jeton)
        if voeu["etat"] == "suspendue":
            await file.update_attente(uow.conn, voeu["id"], etat="active", rang_a=maintenant, sans_reponse=0)
            await journal(uow, voeu, auteur, maintenant, "attente.reprise")

    await outils.db.transaction(travail)


async def leave(outils: Outils, jeton: str, auteur: Auteur, maintenant: datetime) -> None:
    """Leave the list; the créneau offered goes to the next one. Pressed again, nothing more. Raises Introuvable."""

    async def travail(uow: UnitOfWork) -> None:
        await _withdraw(outils, uow, await find(uow, jeton), auteur, maintenant)

    await outils.db.transaction(travail)


async def remove(outils: Outils, service_id: int, attente_id: int, auteur: Auteur, maintenant: datetime) -> bool:
    """The same by an agent of the service, at the person's request; False when it was over already.

    The right is the caller's to check. Raises Introuvable for a request of another service.
    """

    async def travail(uow: UnitOfWork) -> bool:
        voeu = await file.lock_by_id(uow.conn, attente_id, service_id=service_id)
        if voeu is None:
            raise Introuvable("Cette demande n’est plus dans la liste d’attente.", remede="Rouvrez la liste.")
        return await _withdraw(outils, uow, voeu, auteur, maintenant)

    return await outils.db.transaction(travail)


async def _withdraw(
    outils: Outils, uow: UnitOfWork, voeu: Mapping[str, Any], auteur: Auteur, maintenant: datetime
) -> bool:
    if voeu["etat"] not in file.VIVANTS:
        return False
    offre = await file.lock_offre(uow.conn, voeu["id"])
    if offre is not None:
        await give_back(outils, uow, offre, "retiree", maintenant)
    await file.update_attente(uow.conn, voeu["id"], etat="retiree", fin_a=maintenant, **file.EFFACE)
    await journal(uow, voeu, auteur, maintenant, "attente.retiree")
    return True


async def find(uow: UnitOfWork, jeton: str) -> dict[str, Any]:
    """The request of a link, locked. Raises Introuvable, always the same, for any other token."""
    voeu = await file.lock_by_lien(uow.conn, empreinte(jeton))
    if voeu is None:
        raise Introuvable(LIEN_INCONNU, remede=LIEN_REMEDE)
    return voeu


async def journal(
    uow: UnitOfWork, voeu: Mapping[str, Any], auteur: Auteur, maintenant: datetime, action: str, **faits: Any
) -> None:
    """One line about a request."""
    await write_journal(
        uow.conn,
        a=maintenant,
        acteur=auteur.nature,
        action=action,
        origine=auteur.origine,
        agent_id=auteur.agent_id,
        service_id=voeu["service_id"],
        adresse=auteur.adresse,
        objet="attente",
        objet_id=voeu["id"],
        apres={"motif": voeu["motif_id"], **faits},
    )


async def purge_attentes(outils: Outils, maintenant: datetime) -> int:
    """Erase what is over: requests whose last day is a week behind, those that nobody confirmed."""

    async def travail(uow: UnitOfWork) -> int:
        return await file.purge(uow.conn, maintenant, maintenant.date() - timedelta(days=EFFACEMENT_JOURS))

    return await outils.db.transaction(travail)
