"""Create a service, change it, close it, open it again: one journaled and announced fact each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.admin.annuaire.formulaire import fill
from app.admin.annuaire.rdv import list_a_venir
from app.admin.annuaire.sites import build_nom
from app.admin.chantier import Chantier, administrate, is_national, organise, record_objet
from app.admin.delegations.arret import end_all
from app.admin.guichets.mots import join_mots
from app.admin.lies import SOUS_DELEGATION, read_engagements, read_lies
from app.booking.outils import Auteur, Outils
from app.db import UnitOfWork, sqlstate
from app.errors import Conflit, Introuvable, SaisieInvalide
from app.tables import ServiceFiscal, Site

_ADRESSE: Final = ("adresse", "code_postal", "ville")
#: Under rendez-vous to come, these would move them on the calendar or on the clock.
_SOUS_RDV: Final = ("departement", "fuseau")


class ServiceEngage(Conflit):
    """409: what two services agreed upon by a delegation would not hold any more."""

    code = "service-engage"
    remede = "Rien n’a été enregistré : arrêtez d’abord ces délégations, ou attendez qu’elles se terminent."


class FermetureAConfirmer(Conflit):
    """409: delegations or rendez-vous received elsewhere that the page did not tell."""

    code = "fermeture-a-confirmer"
    phrase = "Les délégations de ce service, ou ses rendez-vous reçus ailleurs, viennent de changer."
    remede = "Rien n’a été enregistré : relisez ce que la fermeture entraîne, puis confirmez."


class ServiceOccupe(Conflit):
    """409: rendez-vous are to come. ``details``: ``nombre`` and ``rdv`` (the first of them)."""

    code = "service-occupe"
    remede = "Aucun rendez-vous n’a été annulé : déplacez-les ou attendez qu’ils aient eu lieu, puis recommencez."


async def create_service(
    outils: Outils, auteur: Auteur, valeurs: Mapping[str, Any], site_id: int | None, site_nom: str, maintenant: datetime
) -> int:
    """Insert a service, with its site when ``site_id`` is None. Its id.

    Raises Introuvable (not a national administrator) and SaisieInvalide (SAGES taken, unknown site).
    """

    async def travail(uow: UnitOfWork) -> int:
        site = site_id if site_id is not None else await _create_site(uow.conn, valeurs, site_nom)
        service_id = int(
            (
                await uow.conn.execute(
                    insert(ServiceFiscal).values(**valeurs, site_id=site).returning(ServiceFiscal.id)
                )
            ).scalar_one()
        )
        faits = {**valeurs, "site_id": site}
        await record_objet(uow, auteur, maintenant, "service.cree", "service", service_id, service_id, None, faits)
        return service_id

    try:
        return await administrate(outils, auteur, travail, maintenant, action="service.cree")
    except IntegrityError as erreur:
        raise _explain(erreur) from None


async def change_service(
    outils: Outils,
    auteur: Auteur,
    service_id: int,
    valeurs: Mapping[str, Any],
    revision: int | None,
    maintenant: datetime,
    *,
    site: tuple[int | None, str] | None = None,
) -> bool:
    """Write the fields that differ; False when none does. ``site``: (id, None for a new one; its name), national only.

    Raises Introuvable, ConflitEdition (somebody else was faster), ServiceOccupe (département or clock under rendez-vous
    to come), ServiceEngage (kind or clock under a delegation) and SaisieInvalide (SAGES taken, unknown site).
    """

    async def travail(chantier: Chantier) -> bool:
        service = chantier.service
        if site is not None:
            await _check_national(chantier)
        await chantier.check_revision("service", service_id, service["revision"], revision, fill(service))
        apres = dict(valeurs)
        if site is not None:
            apres["site_id"] = site[0]
        changes = {champ: valeur for champ, valeur in apres.items() if valeur != service[champ]}
        if not changes:
            return False
        if any(champ in changes for champ in _SOUS_RDV):
            await _check_libre(chantier, "Le département et le fuseau ne changent pas sous des rendez-vous à venir")
        if any(champ in changes for champ in SOUS_DELEGATION):
            await _check_sans_delegation(chantier)
        await _place(chantier.conn, service, changes, valeurs, site)
        await chantier.conn.execute(
            update(ServiceFiscal)
            .where(ServiceFiscal.id == service_id)
            .values(**changes, revision=ServiceFiscal.revision + 1)
        )
        avant = {champ: service[champ] for champ in changes}
        await chantier.record("service.modifie", "service", service_id, avant=avant, apres=changes)
        if "libelle" in changes:  # those that received for it tell its name as long as a rendez-vous says so
            await _tell_nom(chantier)
        return True

    try:
        return await organise(outils, auteur, service_id, travail, maintenant, action="service.modifie")
    except IntegrityError as erreur:
        raise _explain(erreur) from None


async def close_service(
    outils: Outils, auteur: Auteur, service_id: int, maintenant: datetime, *, vus: str | None = None
) -> None:
    """Close a service for good: it is no longer found, its online booking stops, its delegations end.

    Its rendez-vous received elsewhere stay there. ``vus``: what the page told (``Liens.vus``), None when nobody read.
    Raises Introuvable (not a national administrator), ServiceOccupe (with the rendez-vous), FermetureAConfirmer,
    Conflit (closed already).
    """

    async def travail(chantier: Chantier) -> None:
        await _check_national(chantier)
        if chantier.service["ferme_a"] is not None:
            raise Conflit("Ce service est déjà fermé.", remede="Rien n’a été modifié.")
        await _check_libre(chantier, "Ce service ne peut pas fermer")
        liens = await end_all(outils, chantier)
        if vus is not None and liens.vus != vus:
            raise FermetureAConfirmer
        await _write(chantier, {"ferme_a": maintenant, "en_ligne": False}, "service.ferme")

    await organise(outils, auteur, service_id, travail, maintenant, action="service.ferme")


async def reopen_service(outils: Outils, auteur: Auteur, service_id: int, maintenant: datetime) -> None:
    """Open a closed service again, not yet online. Raises Introuvable and Conflit (open already)."""

    async def travail(chantier: Chantier) -> None:
        await _check_national(chantier)
        if chantier.service["ferme_a"] is None:
            raise Conflit("Ce service est déjà ouvert.", remede="Rien n’a été modifié.")
        await _write(chantier, {"ferme_a": None}, "service.ouvert")

    await organise(outils, auteur, service_id, travail, maintenant, action="service.ouvert")


async def _write(chantier: Chantier, changes: Mapping[str, Any], action: str) -> None:
    await chantier.conn.execute(
        update(ServiceFiscal)
        .where(ServiceFiscal.id == chantier.service_id)
        .values(**changes, revision=ServiceFiscal.revision + 1)
    )
    avant = {champ: chantier.service[champ] for champ in changes}
    await chantier.record(action, "service", chantier.service_id, avant=avant, apres=changes)


async def _check_national(chantier: Chantier) -> None:
    assert chantier.auteur.agent_id is not None
    if not (await chantier.conn.execute(select(is_national(chantier.auteur.agent_id)))).scalar_one():
        raise Introuvable("Seul un administrateur national peut faire ce changement.")


async def _check_libre(chantier: Chantier, phrase: str) -> None:
    zone = ZoneInfo(chantier.service["fuseau"])
    nombre, rdv = await list_a_venir(chantier.conn, chantier.service_id, zone, chantier.maintenant)
    if nombre:
        raise ServiceOccupe(f"{phrase} : {describe_nombre(nombre)}.", nombre=nombre, rdv=rdv)


async def _check_sans_delegation(chantier: Chantier) -> None:
    trouves = await read_engagements(chantier.conn, [chantier.service_id], chantier.maintenant)
    noms = trouves.get(chantier.service_id)
    if noms:
        raise ServiceEngage(
            "Le type et le fuseau ne changent pas sous une délégation : arrêtez d’abord la délégation avec "
            f"{join_mots(noms)}."
        )


async def _tell_nom(chantier: Chantier) -> None:
    """To those too whose delegations are over: their contexts keep the name.

    They are not locked beforehand: two renames that cross are run again by the transaction.
    """
    connus = await read_lies(chantier.conn, [chantier.service_id], None)
    for service_id in sorted(connus - chantier.lies):
        chantier.uow.annonces.planning(service_id)


def describe_nombre(nombre: int) -> str:
    """« un rendez-vous est à venir », « 12 rendez-vous sont à venir »."""
    return "un rendez-vous est à venir" if nombre == 1 else f"{nombre} rendez-vous sont à venir"


async def _place(
    conn: AsyncConnection,
    service: Mapping[str, Any],
    changes: dict[str, Any],
    valeurs: Mapping[str, Any],
    site: tuple[int | None, str] | None,
) -> None:
    """Create the site asked for; else let the site follow the address of the service that is alone in it."""
    if site is None:
        return
    if site[0] is None:
        changes["site_id"] = await _create_site(conn, valeurs, site[1])
    elif "site_id" not in changes and any(champ in changes for champ in _ADRESSE):
        seul = select(func.count()).select_from(ServiceFiscal).where(ServiceFiscal.site_id == service["site_id"])
        await conn.execute(
            update(Site)
            .where(Site.id == service["site_id"], seul.scalar_subquery() == 1)
            .values(**{champ: valeurs[champ] for champ in _ADRESSE}, revision=Site.revision + 1)
        )


async def _create_site(conn: AsyncConnection, valeurs: Mapping[str, Any], nom: str) -> int:
    champs = {c: valeurs[c] for c in (*_ADRESSE, "complement_adresse", "fuseau")}
    ordre = insert(Site).values(nom=nom or build_nom(valeurs), **champs).returning(Site.id)
    return int((await conn.execute(ordre)).scalar_one())


def _explain(erreur: IntegrityError) -> SaisieInvalide:
    """What another service holds, or what is gone: the constraint says which. Raises the error itself otherwise."""
    contrainte = str(getattr(getattr(erreur.orig, "__cause__", None), "constraint_name", ""))
    if sqlstate(erreur) == "23505" and "sages" in contrainte:
        return SaisieInvalide(champs={"sages": "Ce code SAGES est déjà celui d’un autre service."})
    if sqlstate(erreur) == "23503" and "site" in contrainte:
        return SaisieInvalide(champs={"site": "Ce site n’existe plus : choisissez-en un autre."})
    raise erreur
