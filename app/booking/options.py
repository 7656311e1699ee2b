"""Holds: a créneau stays the visitor's while the form is filled in [domain « Life of a rendez-vous »].

A hold is a row like a rendez-vous, under the same constraint, without any personal data. A visitor has one at a time:
choosing another créneau releases the first. It lives ``duree_option_minutes``, extendable up to
``duree_option_max_minutes`` after it was placed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking import store
from app.booking.contexte import ServiceContexte, read_versions
from app.booking.disponibilites import Disponibilite
from app.booking.jugement import TYPES, check_debut
from app.booking.liberation import release
from app.booking.liens import empreinte
from app.booking.outils import Outils
from app.booking.place import ESSAIS
from app.booking.quota import Confiee, QuotaAtteint, check_quota, find_confiee
from app.booking.refus import raise_raison
from app.db import UnitOfWork
from app.domain.creneaux import order_guichets
from app.domain.delegation import find_delegation
from app.domain.horaires import from_minute
from app.domain.raisons import Raison
from app.domain.vocabulaire import Canal
from app.errors import Conflit, CreneauPris, Introuvable, SaisieInvalide
from app.outbox import PlanningChange
from app.tables import RendezVous

#: An extension that would gain less than this is not offered.
_GAIN_MIN: Final = timedelta(seconds=15)


_PERDUE: Final = "Ce créneau n’est plus réservé pour vous."
_REPRENDRE: Final = "Choisissez de nouveau un créneau."


@dataclass(frozen=True, slots=True)
class OptionPosee:
    """A live hold. ``prolongeable`` when it may still be kept longer."""

    id: int
    motif_id: int
    type_rdv: str
    guichet_id: int
    debut: datetime
    fin: datetime
    expire_a: datetime
    prolongeable: bool


async def place_option(
    outils: Outils,
    *,
    service_id: int,
    motif_id: int,
    type_rdv: str,
    debut: int,
    visite: str,
    maintenant: datetime,
    delegation_id: int | None = None,
    canal: str = Canal.INTERNET.value,
) -> OptionPosee:
    """Hold the créneau that starts at ``debut`` (minute-époque) for the visitor: online, or as an agent extérieur.

    ``delegation_id``: under which ``service_id`` receives it for another service, whose rules of opening then apply;
    the hold counts in its daily quota. Raises CreneauPris with the nearest alternatives, RegleRefusee, SaisieInvalide,
    Introuvable.
    """
    check_debut(debut)
    if type_rdv not in TYPES:
        raise SaisieInvalide(champs={"type": "Choisissez un type de rendez-vous."})
    async with outils.db.read() as conn:
        confiee = await find_confiee(outils, conn, delegation_id, service_id, motif_id, maintenant)
        mienne = await store.find_option(conn, empreinte(visite), service_id, maintenant)
        voulue = from_minute(debut), motif_id, type_rdv, delegation_id
        if mienne is not None and voulue == tuple(
            mienne[nom] for nom in ("debut", "motif_id", "type_rdv", "delegation_id")
        ):
            contexte = await outils.dispo.contextes.get(
                conn, service_id, (await read_versions(conn, service_id)).planning
            )
            return _present(mienne, contexte.parametres.duree_option_max_minutes)
        dispo = await _read_dispo(outils, conn, service_id, motif_id, type_rdv, maintenant, confiee, canal)
    contexte = dispo.contexte
    jour = from_minute(debut).astimezone(contexte.zone).date()
    ouvrant = contexte if confiee is None else confiee.delegant
    if contexte.ferme or not _is_ouvert(canal, contexte, ouvrant, maintenant):
        raise_raison(Raison.SERVICE_FERME)
    dehors = dispo.fenetre.refuse(jour, debut)
    if dehors is not None:
        raise_raison(dehors, dispo.fenetre)
    journee = dispo.grille.jours[jour]
    if mienne is not None and (mienne["delegation_id"], mienne["jour"]) == (delegation_id, jour):
        journee = dispo.pleins.get(jour, journee)  # the last place of the day's quota may be the one it holds
    creneau = next((c for c in journee.creneaux if c.debut == debut), None)
    candidats: tuple[int, ...] = ()
    if creneau is None:
        if confiee is not None and journee.raison is Raison.COMPLET and jour in dispo.pleins:
            plein = QuotaAtteint(confiee.delegation)
            plein.details |= {"alternatives": dispo.alternatives(debut), "zone": contexte.zone}
            raise plein
        siens = next((guichets for depart, guichets in journee.candidats if depart == debut), None)
        if siens is None:
            raise_raison(journee.raison if journee.raison not in (None, Raison.COMPLET) else Raison.HORS_GRILLE)
        if mienne is None:
            raise CreneauPris(alternatives=dispo.alternatives(debut), zone=contexte.zone)
        # The visitor's own hold may be what stands in the way (another motif, the same hour): the database decides.
        candidats = tuple(siens)
        fin = debut + dispo.demande.duree
    else:
        candidats, fin = creneau.guichets, creneau.fin
    charge = {guichet: len(liste) for guichet, liste in dispo.occupations.items()}
    tour = int.from_bytes(empreinte(visite)[:4])
    ordre = order_guichets(candidats, list(contexte.guichets.values()), charge, dispo.demande, tour)
    parametres = contexte.parametres
    valeurs: dict[str, Any] = {
        "service_id": service_id,
        "service_origine_id": None if confiee is None else confiee.delegant.id,
        "delegation_id": delegation_id,
        "motif_id": motif_id,
        "type_rdv": type_rdv,
        "debut": from_minute(debut),
        "fin": from_minute(fin),
        "jour": jour,
        "etat": "option",
        "occupe": True,
        "canal": canal,
        "origine": "internet" if canal == Canal.INTERNET else "telephone",
        "nature_option": "saisie",
        "expire_a": maintenant + timedelta(minutes=parametres.duree_option_minutes),
        "option_empreinte": empreinte(visite),
        "cree_a": maintenant,
        "modifie_a": maintenant,
    }

    services = store.services_concernes(service_id, valeurs["service_origine_id"])

    async def travail(uow: UnitOfWork) -> OptionPosee:
        await store.lock_visite(uow.conn, empreinte(visite))
        if confiee is not None:
            confiee.expect(uow.annonces)
            ancienne = await store.find_option(uow.conn, empreinte(visite), service_id, maintenant)
            sauf = ancienne["id"] if ancienne is not None else None
            await check_quota(uow.conn, confiee.delegation, jour, maintenant, sauf=sauf)
        anciennes = await store.list_options_of(uow.conn, empreinte(visite))
        await store.lock_echange(uow.conn, *(option.service_id for option in anciennes))
        release(uow, await store.delete_options_of(uow.conn, empreinte(visite), maintenant), maintenant)
        uow.annonces.expect_planning(service_id, contexte.version_planning)
        restants = list(ordre)
        for _ in range(ESSAIS):
            if not restants:
                break
            option_id = await store.insert_rendez_vous(uow.conn, {**valeurs, "guichet_id": restants[0]})
            if option_id is None:
                release(uow, await store.delete_options_mortes(uow.conn, maintenant, guichets=ordre), maintenant)
                restants = await store.filter_libres(uow.conn, ordre, valeurs["debut"], valeurs["fin"])
                continue
            uow.annonces.rdv(
                "option.posee",
                services,
                rdv=option_id,
                guichet=restants[0],
                etat="option",
                debut=from_minute(debut),
                fin=from_minute(fin),
                a=maintenant,
            )
            uow.annonces.creneau(
                "creneau.pris", services, guichet=restants[0], debut=from_minute(debut), fin=from_minute(fin)
            )
            return _present(
                {**valeurs, "id": option_id, "guichet_id": restants[0]}, parametres.duree_option_max_minutes
            )
        raise CreneauPris

    try:
        return await outils.db.transaction(travail)
    except PlanningChange:
        raise Conflit(
            "L’organisation de ce service vient de changer.", remede="Choisissez de nouveau un créneau."
        ) from None
    except CreneauPris as refus:
        async with outils.db.read() as conn:
            apres = await _read_dispo(outils, conn, service_id, motif_id, type_rdv, maintenant, confiee, canal)
        refus.details["alternatives"] = apres.alternatives(debut)
        refus.details["zone"] = contexte.zone
        raise


def _is_ouvert(canal: str, contexte: ServiceContexte, ouvrant: ServiceContexte, maintenant: datetime) -> bool:
    """Whether the service that was chosen takes that channel today; for externals, who receives for it says so."""
    if canal == Canal.INTERNET:
        return ouvrant.prend_en_ligne(maintenant.astimezone(contexte.zone).date())
    return not ouvrant.ferme and contexte.prend_exterieurs()


async def _read_dispo(
    outils: Outils,
    conn: AsyncConnection,
    service_id: int,
    motif_id: int,
    type_rdv: str,
    maintenant: datetime,
    confiee: Confiee | None,
    canal: str,
) -> Disponibilite:
    return await outils.dispo.read(
        conn,
        service_id,
        motif_id=motif_id,
        type_rdv=type_rdv,
        canal=canal,
        maintenant=maintenant,
        delegation=None if confiee is None else confiee.delegation,
    )


async def find_option(outils: Outils, service_id: int, visite: str, maintenant: datetime) -> OptionPosee | None:
    """The visitor's live hold in the service, or None."""
    async with outils.db.read() as conn:
        versions = await read_versions(conn, service_id)
        contexte = await outils.dispo.contextes.get(conn, service_id, versions.planning)
        option = await store.find_option(conn, empreinte(visite), service_id, maintenant)
    return None if option is None else _present(option, contexte.parametres.duree_option_max_minutes)


async def extend_option(
    outils: Outils, service_id: int, visite: str, maintenant: datetime, *, option_id: int = 0
) -> OptionPosee:
    """« Garder 5 minutes de plus », up to the maximum. ``option_id``: the hold that the page shows, when it says which.

    Raises Introuvable when the hold has expired, when another of the same visitor has replaced it, and when what it
    took of a delegation's day is somebody else's by now: it is then removed.
    """
    async with outils.db.read() as conn:
        versions = await read_versions(conn, service_id)
        contexte = await outils.dispo.contextes.get(conn, service_id, versions.planning)
    parametres = contexte.parametres

    async def travail(uow: UnitOfWork) -> OptionPosee | QuotaAtteint:
        await store.lock_visite(uow.conn, empreinte(visite))
        option = await store.find_option(uow.conn, empreinte(visite), service_id, maintenant)
        if option is None or option_id not in (0, option["id"]):
            raise Introuvable(_PERDUE, remede=_REPRENDRE)
        recue = find_delegation(contexte.recues, option["delegation_id"])
        if recue is not None:
            try:
                await check_quota(uow.conn, recue, option["jour"], maintenant, sauf=option["id"])
            except QuotaAtteint as refus:
                miennes = await store.delete_options_of(uow.conn, empreinte(visite), maintenant, service_id=service_id)
                release(uow, miennes, maintenant)
                return refus
        plafond = option["cree_a"] + timedelta(minutes=parametres.duree_option_max_minutes)
        expire_a = max(
            option["expire_a"],
            min(plafond, option["expire_a"] + timedelta(minutes=parametres.duree_option_minutes)),
        )
        gardee = await uow.conn.execute(
            update(RendezVous)
            .where(RendezVous.id == option["id"], RendezVous.etat == "option", RendezVous.expire_a > maintenant)
            .values(expire_a=expire_a, modifie_a=maintenant)
            .returning(RendezVous.id)
        )
        if gardee.one_or_none() is None:
            raise Introuvable(_PERDUE, remede=_REPRENDRE)
        return _present({**option, "expire_a": expire_a}, parametres.duree_option_max_minutes)

    issue = await outils.db.transaction(travail)
    if isinstance(issue, QuotaAtteint):
        raise Introuvable(f"{_PERDUE} {issue.phrase}", remede=_REPRENDRE)
    return issue


async def release_option(outils: Outils, visite: str, maintenant: datetime) -> None:
    """Give back whatever the visitor holds."""

    async def travail(uow: UnitOfWork) -> None:
        release(uow, await store.delete_options_of(uow.conn, empreinte(visite), maintenant), maintenant)

    await outils.db.transaction(travail)


async def expire_options(outils: Outils, maintenant: datetime) -> int:
    """Release every expired hold; called each second by the elected worker. The number released."""

    async def travail(uow: UnitOfWork) -> int:
        mortes = await store.delete_options_mortes(uow.conn, maintenant)
        release(uow, mortes, maintenant)
        return len(mortes)

    return await outils.db.transaction(travail)


def _present(option: Mapping[str, Any], maximum: int) -> OptionPosee:
    return OptionPosee(
        id=option["id"],
        motif_id=option["motif_id"],
        type_rdv=option["type_rdv"],
        guichet_id=option["guichet_id"],
        debut=option["debut"],
        fin=option["fin"],
        expire_a=option["expire_a"],
        prolongeable=option["expire_a"] + _GAIN_MIN < option["cree_a"] + timedelta(minutes=maximum),
    )
