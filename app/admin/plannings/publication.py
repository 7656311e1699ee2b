"""Publish a change of opening hours: one transaction, judged under the service's lock, never against a rendez-vous.

A chef decides on consequences that he has read: the rendez-vous that the change leaves outside are counted again under
the lock. When they are not those that the page told, or when the organisation has changed since, nothing is written
and the page is shown again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from app.admin.chantier import Chantier, ConflitEdition, build_conflit, organise
from app.admin.plannings.changement import Changement, Effet
from app.admin.plannings.ecriture import save
from app.admin.plannings.lecture import read_composition, read_places
from app.booking.contexte import ServiceContexte, read_contexte
from app.booking.outils import Auteur, Outils
from app.domain.changements import ChangementRefuse
from app.domain.composition import Composition
from app.domain.consequences import find_nouveaux_hors, print_hors
from app.domain.horaires import jour_local
from app.domain.hors_organisation import RdvHors
from app.domain.plages import OuverturesParJour
from app.errors import Conflit, Introuvable, SaisieInvalide


class ADecider(Conflit):
    """409: the change leaves rendez-vous outside, or not those that were told.

    ``details``: ``hors``, their number, and ``vu``, what a decision about these says.
    """

    code = "a-decider"
    phrase = "Ce changement laisse des rendez-vous en dehors de la nouvelle organisation."
    remede = "Rien n’est encore enregistré : lisez les conséquences ci-dessous, puis publiez si elles vous conviennent."


class RelectureRequise(Conflit):
    """409: the organisation has changed since the consequences were shown, or they were not."""

    code = "relecture"
    phrase = "L’organisation du service a changé pendant votre relecture."
    remede = "Rien n’est encore enregistré : voici les conséquences à jour."


@dataclass(frozen=True, slots=True)
class Vu:
    """What the page of consequences showed: the planning version, and a print of the rendez-vous left outside."""

    version: int
    hors: str

    @classmethod
    def parse(cls, texte: str) -> Vu | None:
        """From the page's hidden field; None when it is absent or not ours."""
        version, _, hors = texte.partition(":")
        return cls(int(version), hors) if version.isascii() and version.isdigit() and len(version) < 12 else None

    def __str__(self) -> str:
        return f"{self.version}:{self.hors}"


async def publish(
    outils: Outils,
    auteur: Auteur,
    service_id: int,
    changement: Changement,
    maintenant: datetime,
    vu: Vu | None,
    *,
    relue: bool = True,
) -> int | None:
    """Save ``changement``, journal it and announce it; the id of what it wrote.

    ``relue``: only what was shown before is published; without it, a change that leaves no rendez-vous outside needs no
    reading. Raises Introuvable, SaisieInvalide, ConflitEdition, ADecider, RelectureRequise; nothing is then written.
    """

    async def travail(chantier: Chantier) -> int | None:
        contexte = await read_contexte(chantier.conn, service_id)
        comp = await read_composition(chantier.conn, service_id)
        await check_cibles(chantier.conn, changement, comp, contexte)
        effet = apply_changement(changement, comp, contexte, maintenant)
        if effet.apres == comp:  # already so: nothing to write, to journal nor to announce
            return effet.objet_id
        hors = await find_hors(chantier.conn, contexte, comp, effet.apres, maintenant)
        if hors and (vu is None or vu.hors != print_hors(hors)):
            raise ADecider(hors=len(hors), vu=str(Vu(contexte.version_planning, print_hors(hors))))
        if relue and vu is None:
            raise RelectureRequise("Relisez les conséquences avant de publier.")
        if relue and vu is not None and vu.version != contexte.version_planning:
            raise RelectureRequise
        ids = await save(chantier.conn, service_id, comp, effet.apres, auteur.agent_id, maintenant)
        ecrits = ids.get({"journee_type": "journee"}.get(effet.objet, effet.objet), {})
        objet_id = None if effet.objet_id is None else ecrits.get(effet.objet_id, effet.objet_id)
        await chantier.record(effet.action, effet.objet, objet_id, avant=effet.avant, apres=effet.faits)
        return objet_id

    return await organise(outils, auteur, service_id, travail, maintenant, action="planning.modifie")


async def check_cibles(
    conn: AsyncConnection, changement: Changement, comp: Composition, contexte: ServiceContexte
) -> None:
    """Raise ConflitEdition unless what is changed is still as the screen showed it."""
    try:
        cibles = changement.find_cibles(comp, contexte)
    except Introuvable as absent:
        raise ConflitEdition(
            absent.phrase,
            remede="Votre saisie est conservée, mais quelqu’un d’autre l’a supprimé entre-temps.",
            actuel={},
            par="",
            a="",
        ) from absent
    for cible in cibles:
        if cible.vue is not None and cible.vue != cible.revision:
            raise await build_conflit(conn, cible.objet, cible.id, cible.faits)


def apply_changement(
    changement: Changement, comp: Composition, contexte: ServiceContexte, maintenant: datetime
) -> Effet:
    """What the change makes. Raises SaisieInvalide, with the sentence of what it contradicts."""
    try:
        return changement.apply(comp, contexte, maintenant.astimezone(contexte.zone).date())
    except ChangementRefuse as refus:
        guichet = contexte.guichets.get(refus.guichet_id) if refus.guichet_id is not None else None
        phrase = f"{guichet.nom} : {refus.phrase}" if guichet else refus.phrase
        raise SaisieInvalide(champs={refus.champ: phrase}) from refus


async def find_hors(
    conn: AsyncConnection, contexte: ServiceContexte, avant: Composition, apres: Composition, maintenant: datetime
) -> list[RdvHors]:
    """The rendez-vous to come that the change leaves outside: those that fit now and would not any more."""
    aujourdhui = maintenant.astimezone(contexte.zone).date()
    places = await read_places(conn, contexte.id, aujourdhui, maintenant)
    if not places:
        return []
    jours = [jour_local(place.debut, contexte.zone) for place in (places[0], places[-1])]
    ouvertures = [open_composition(comp, contexte, jours[0], jours[1]) for comp in (avant, apres)]
    return find_nouveaux_hors(places, contexte.guichets, ouvertures[0], ouvertures[1], contexte.zone)


def open_composition(comp: Composition, contexte: ServiceContexte, du: date, au: date) -> OuverturesParJour:
    """The ouvertures of the service's guichets if ``comp`` were what is recorded."""
    return comp.open(contexte.guichets, du, au, contexte.feries(du, au), contexte.zone)
