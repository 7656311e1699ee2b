"""Book: the whole promise in one use case.

Everything is checked against the rules first, without a lock; then one transaction inserts (or confirms the visitor's
own hold), keeps the person's snapshot, journals, writes the mail and announces. A rival who was faster makes the insert
return no row: another free guichet is tried, else the answer is CreneauPris with the nearest alternatives, computed
once per version of the agenda and not once per loser.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from app.booking import store
from app.booking.affectations import notify_affectes
from app.booking.contexte import ServiceContexte, Versions
from app.booking.jugement import Projet, Reservation, check_debut, is_held, judge
from app.booking.liens import empreinte, jeton_lien, new_sel
from app.booking.messages import compute_rappel, write_message
from app.booking.occupation import add_alternatives, explain_occupation
from app.booking.outils import Auteur, Outils
from app.booking.place import take_hold, take_place
from app.booking.quota import Confiee, find_confiee
from app.booking.refus import raise_raison
from app.booking.traces import Trace, write_traces
from app.booking.unicite import Existant, find_existant, keep_contacts
from app.booking.visio import build_visio
from app.courrier.message import Evenement
from app.db import UnitOfWork
from app.domain.horaires import from_minute
from app.domain.raisons import Raison
from app.domain.vocabulaire import Canal
from app.errors import AccesRefuse, AvertissementRequis, CreneauPris, Indisponible, Introuvable
from app.journal import write_journal
from app.outbox import PlanningChange

#: Times a booking is judged again because the service's organisation changed under it.
_JUGEMENTS: Final = 3
_HORS_DROITS: Final = "Ce service ne fait pas partie de ceux où vous pouvez prendre rendez-vous."


@dataclass(frozen=True, slots=True)
class RdvReserve:
    """The answer. ``rejoue``: the key had already made it; ``identique``: for the very same request."""

    id: int
    code: str
    guichet_id: int
    guichet_nom: str
    debut: datetime
    fin: datetime
    jeton: str
    rejoue: bool = False
    identique: bool = True


async def book(outils: Outils, demande: Reservation, auteur: Auteur, maintenant: datetime) -> RdvReserve:
    """Book, once and only once per key.

    Raises SaisieInvalide or RegleRefusee (422), Interdit (403), AvertissementRequis (409, ``details['alertes']``),
    CreneauPris (409, ``details['alternatives']``: Creneau, nearest first), Introuvable (404), Indisponible (503); and
    AccesRefuse (404, journaled) when the author may not book by the channel that ``demande`` claims, whether he never
    could or lost the right a moment ago. And, when ``demande.unique``, MotifDejaPris or SuiteParMessage (409): the
    person has one for this motif.
    """
    cle = demande.print_cle(auteur)
    for _ in range(_JUGEMENTS):
        try:
            return await _attempt(outils, demande, auteur, cle, maintenant)
        except PlanningChange:  # a guichet closed, a motif withdrawn meanwhile: the rules have the next word
            continue
        except AccesRefuse:
            await _journal_refus(outils, demande, auteur, maintenant)
            raise
    raise Indisponible(
        "L’organisation de ce service est en cours de modification.", remede="Réessayez dans un instant."
    )


async def preview(outils: Outils, demande: Reservation, auteur: Auteur, maintenant: datetime) -> list[dict[str, str]]:
    """The warnings that ``book`` would ask to acknowledge, nothing being booked. Raises its other refusals."""
    try:
        await _prepare(outils, demande, auteur, demande.print_cle(auteur), maintenant)
    except AvertissementRequis as requis:
        alertes: list[dict[str, str]] = requis.details["alertes"]
        return alertes
    except AccesRefuse:
        await _journal_refus(outils, demande, auteur, maintenant)
        raise
    return []


async def _journal_refus(outils: Outils, demande: Reservation, auteur: Auteur, maintenant: datetime) -> None:
    faits = {"action": "reserver", "canal": demande.canal}
    await write_traces(
        outils, auteur, maintenant, Trace("service.acces_refuse", service_id=demande.service_id, apres=faits)
    )


async def _prepare(
    outils: Outils, demande: Reservation, auteur: Auteur, cle: bytes, maintenant: datetime
) -> tuple[Projet, Confiee | None] | RdvReserve:
    """Everything that precedes the transaction: the right, the replay of the key, the delegation, the rules."""
    check_debut(demande.debut)
    async with outils.db.read() as conn:
        depart = await store.read_depart(
            conn,
            demande.service_id,
            cle,
            canal=demande.canal,
            agent_id=auteur.agent_id,
            empreinte=b"" if demande.visite is None else empreinte(demande.visite),
            maintenant=maintenant,
        )
        if depart is None:
            raise Introuvable("Ce service n’existe pas.")
        if not depart.permis:
            raise AccesRefuse(_HORS_DROITS)
        versions = Versions(*depart.versions)
        contexte = await outils.dispo.contextes.get(conn, demande.service_id, versions.planning)
        if depart.deja is not None:
            return _replay(outils, contexte, demande, depart.deja)
        confiee = await find_confiee(
            outils, conn, demande.delegation_id, demande.service_id, demande.motif_id, maintenant
        )
        delegation = None if confiee is None else confiee.delegation
        try:
            if confiee is not None:
                _check_delegant(confiee, demande, depart.tenue, maintenant)
            projet = await judge(
                outils, conn, contexte, versions, demande, maintenant, delegation=delegation, tenue=depart.tenue
            )
            return projet, confiee
        except CreneauPris as taken:
            deja = await store.find_by_cle(conn, cle)
            if deja is not None:  # taken by this very request, which another process was finishing
                return _replay(outils, contexte, demande, deja)
            refus = await explain_occupation(conn, contexte, demande, auteur, taken, maintenant)
            await add_alternatives(outils, conn, demande, refus, maintenant, versions, delegation=delegation)
            raise refus from None


async def _attempt(
    outils: Outils, demande: Reservation, auteur: Auteur, cle: bytes, maintenant: datetime
) -> RdvReserve:
    prepare = await _prepare(outils, demande, auteur, cle, maintenant)
    if isinstance(prepare, RdvReserve):
        return prepare
    projet, confiee = prepare

    async def travail(uow: UnitOfWork) -> RdvReserve | Existant:
        uow.annonces.expect_planning(projet.contexte.id, projet.contexte.version_planning)
        if confiee is not None:
            confiee.expect(uow.annonces)
        if demande.unique:
            choisi = projet.contexte.id if confiee is None else confiee.delegant.id
            existant = await find_existant(outils, uow, projet.contexte, demande, choisi, cle, auteur, maintenant)
            if existant is not None:
                return existant
        return await _write(outils, uow, projet, confiee, demande, auteur, cle, maintenant)

    try:
        fait = await outils.db.transaction(travail)
    except CreneauPris as refus:
        async with outils.db.read() as conn:
            deja = await store.find_by_cle(conn, cle)
            if deja is not None:  # a double click: what was taken, or filled the quota, is this very request's
                return _replay(outils, projet.contexte, demande, deja)
            sienne = None if confiee is None else confiee.delegation
            await add_alternatives(outils, conn, demande, refus, maintenant, delegation=sienne)
        raise
    if isinstance(fait, Existant):
        raise fait.build_refus()
    return fait


def _replay(outils: Outils, contexte: ServiceContexte, demande: Reservation, deja: Mapping[str, Any]) -> RdvReserve:
    guichet = contexte.guichets.get(deja["guichet_id"])
    return RdvReserve(
        id=deja["id"],
        code=deja["code"],
        guichet_id=deja["guichet_id"],
        guichet_nom=guichet.nom if guichet else "",
        debut=deja["debut"],
        fin=deja["fin"],
        jeton=jeton_lien(outils.settings, deja["lien_sel"]),
        rejoue=True,
        identique=deja["empreinte_demande"] == demande.print_demande(),
    )


async def _write(
    outils: Outils,
    uow: UnitOfWork,
    projet: Projet,
    confiee: Confiee | None,
    demande: Reservation,
    auteur: Auteur,
    cle: bytes,
    maintenant: datetime,
) -> RdvReserve:
    conn, contexte = uow.conn, projet.contexte
    debut, fin = from_minute(demande.debut), from_minute(projet.fin)
    sel = new_sel()
    jeton = jeton_lien(outils.settings, sel)
    valeurs: dict[str, Any] = {
        "service_id": contexte.id,
        "service_origine_id": None if confiee is None else confiee.delegant.id,
        "delegation_id": demande.delegation_id,
        "motif_id": demande.motif_id,
        "type_rdv": demande.type_rdv,
        "debut": debut,
        "fin": fin,
        "jour": debut.astimezone(contexte.zone).date(),
        "etat": "prevu",
        "occupe": True,
        "canal": demande.canal,
        "origine": demande.origine,
        "nature_option": None,
        "expire_a": None,
        "option_empreinte": None,
        "cle_idempotence": cle,
        "empreinte_demande": demande.print_demande(),
        "lien_sel": sel,
        "lien_empreinte": empreinte(jeton),
        "precision": demande.precision,
        "note_interne": demande.note_interne,
        "visio_lien": build_visio(contexte, demande.type_rdv),
        "forcages": list(projet.alertes),
        "cree_a": maintenant,
        "cree_par": auteur.agent_id,
        "modifie_a": maintenant,
        "usager_id": demande.usager_id,
    }
    services = store.services_concernes(contexte.id, valeurs["service_origine_id"])
    delegation = None if confiee is None else confiee.delegation
    tenue = await take_hold(uow, demande, projet, delegation, valeurs, maintenant)
    place = tenue or await take_place(uow, demande, projet, valeurs, cle, maintenant)
    if not isinstance(place, tuple):
        return _replay(outils, contexte, demande, place)
    rdv_id, guichet_id = place
    permis = await store.insert_usager(
        conn,
        rdv_id,
        demande.usager,
        demande.langue,
        canal=demande.canal,
        service_id=contexte.id,
        agent_id=auteur.agent_id,
    )
    if not permis:
        raise AccesRefuse(_HORS_DROITS)
    if demande.usager_id is not None:
        await keep_contacts(conn, demande.usager_id, demande.usager, maintenant)
    await write_journal(
        conn,
        a=maintenant,
        acteur=auteur.nature,
        action="rdv.cree",
        origine=auteur.origine,
        agent_id=auteur.agent_id,
        service_id=contexte.id,
        rdv_id=rdv_id,
        adresse=auteur.adresse,
        apres={
            "etat": "prevu",
            "guichet": guichet_id,
            "debut": debut.isoformat(),
            "fin": fin.isoformat(),
            "motif": demande.motif_id,
            "type": demande.type_rdv,
            "canal": demande.canal,
            "forcages": list(projet.alertes),
            **({} if demande.usager_id is None else {"compte": True}),
            **({} if confiee is None else {"delegation": demande.delegation_id, "origine": confiee.delegant.id}),
        },
    )
    reserve = {**valeurs, "id": rdv_id, "guichet_id": guichet_id, "sequence": 0}
    await notify_affectes(uow, outils.settings, contexte, "pris", reserve, auteur, maintenant)
    rappel_a = compute_rappel(contexte, debut, maintenant)
    envois: list[tuple[Evenement, datetime | None]] = [("confirmation", None)]
    if rappel_a is not None:
        envois.append(("rappel", rappel_a))
    for evenement, du_a in envois:
        await write_message(
            conn,
            outils.settings,
            evenement,
            contexte,
            rdv=reserve,
            destinataire=demande.usager.courriel,
            usager_nom=demande.usager.nom_affiche,
            telephones=demande.usager.telephones,
            maintenant=maintenant,
            langue=demande.langue,
            du_a=du_a,
        )
    uow.annonces.rdv(
        "rdv.cree", services, rdv=rdv_id, guichet=guichet_id, etat="prevu", debut=debut, fin=fin, a=maintenant
    )
    if tenue is None:
        uow.annonces.creneau("creneau.pris", services, guichet=guichet_id, debut=debut, fin=fin)
    uow.annonces.count(contexte.id, valeurs["jour"], apres="prevu")
    return RdvReserve(
        id=rdv_id,
        code=valeurs["code"],
        guichet_id=guichet_id,
        guichet_nom=contexte.guichets[guichet_id].nom,
        debut=debut,
        fin=fin,
        jeton=jeton,
    )


def _check_delegant(
    confiee: Confiee, demande: Reservation, tenue: Mapping[str, Any] | None, maintenant: datetime
) -> None:
    """Who delegates must take bookings online for an usager to be received elsewhere for it; a holder finishes."""
    delegant = confiee.delegant
    if demande.canal != Canal.INTERNET and delegant.ferme:
        raise_raison(Raison.SERVICE_FERME)
    if demande.canal != Canal.INTERNET or delegant.prend_en_ligne(maintenant.astimezone(delegant.zone).date()):
        return
    if not is_held(demande, tenue):
        raise_raison(Raison.SERVICE_FERME)
