"""Where the rendez-vous may be taken: in the service itself, or in one to which it entrusts the motif [G 2.3.5].

The journey stays that of the service that the usager chose; the place is one more choice, kept in the address. An id
that is no place of this service (forged, another's, withdrawn, over) is said to be none, and the usual place is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking.contexte import ServiceContexte, Versions
from app.booking.disponibilites import Disponibilite
from app.booking.outils import Outils
from app.booking.quota import refuse_delegation
from app.booking.usager.calendrier import en_mots, quand_de
from app.booking.usager.demande import Parcours
from app.booking.usager.lecture import Vue
from app.booking.usager.motifs import find_types, find_types_chez
from app.domain.delegation import Delegation
from app.domain.horaires import from_minute, get_cadran
from app.errors import RegleRefusee
from app.langue import _

_LOIN: Final = 2**53
_INCONNUES: Final = Versions(0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Lieu:
    """One place. Without ``delegation`` it is the service itself."""

    contexte: ServiceContexte
    versions: Versions
    delegation: Delegation | None = None

    @property
    def id(self) -> int:
        """As the address of the journey says it."""
        return 0 if self.delegation is None else self.delegation.id

    @property
    def sujet(self) -> str:
        """What its public grid follows."""
        return f"creneaux:{self.contexte.id}"


@dataclass(frozen=True, slots=True)
class Choix:
    """The places offered, the first free créneau first, and the one shown. ``perdu``: another one had been asked for.

    ``suivis``: every place whose changes may change the choice, the one shown first.
    """

    offerts: tuple[Lieu, ...]
    dispos: Mapping[int, Disponibilite]
    lieu: Lieu
    perdu: bool
    suivis: tuple[Lieu, ...]

    @property
    def dispo(self) -> Disponibilite:
        """What is free in the place shown."""
        return self.dispos[self.lieu.id]

    @property
    def cle(self) -> tuple[object, ...]:
        """All that what is shown of it depends on, but the address."""
        lus = [(suivi.id, suivi.versions.creneaux, suivi.versions.planning) for suivi in self.suivis]
        valables = [(dispo.valable_jusqu_a, dispo.fenetre) for dispo in self.dispos.values()]
        return (self.lieu.id, self.perdu, *lus, *valables)


def list_voisins(vue: Vue, motif_id: int) -> tuple[Lieu, ...]:
    """The other services to which the motif is entrusted."""
    return tuple(
        Lieu(voisin, vue.versions_voisins.get(voisin.id, _INCONNUES), delegation)
        for delegation, voisin in vue.voisins
        if motif_id in delegation.motifs
    )


def list_lieux(vue: Vue, parcours: Parcours) -> tuple[Lieu, ...]:
    """The places that offer this motif and type; the service itself when there is none, which then says why."""
    ici, motif = Lieu(vue.contexte, vue.versions), vue.contexte.motif(parcours.motif)
    ailleurs = tuple(
        lieu
        for lieu in list_voisins(vue, motif.id)
        if lieu.delegation and parcours.type_rdv in find_types_chez(lieu.contexte, motif.id, lieu.delegation, vue.canal)
    )
    return (
        (ici, *ailleurs)
        if parcours.type_rdv in find_types(vue.contexte, motif, vue.canal) or not ailleurs
        else ailleurs
    )


async def read_choix_lieu(outils: Outils, conn: AsyncConnection, vue: Vue, parcours: Parcours) -> Choix:
    """What is free in each place, at the versions of ``vue``. Raises Introuvable for a motif of another catalogue."""
    dispos: dict[int, Disponibilite] = {}
    lieux = list_lieux(vue, parcours)
    if len(lieux) > 1:
        services = [(lieu.contexte, lieu.versions) for lieu in lieux]
        await outils.dispo.warm(conn, services, canal=vue.canal, maintenant=vue.maintenant)
    for lieu in lieux:
        dispo = await outils.dispo.read(
            conn,
            lieu.contexte.id,
            motif_id=parcours.motif,
            type_rdv=parcours.type_rdv,
            canal=vue.canal,
            maintenant=vue.maintenant,
            versions=lieu.versions,
            delegation=lieu.delegation,
        )
        dispos[lieu.id] = _see_own(vue, lieu, dispo)
    offerts = tuple(sorted(lieux, key=lambda lieu: (find_premier(dispos[lieu.id]) or _LOIN, lieu.id)))
    voulu = next((lieu for lieu in offerts if lieu.id == parcours.lieu), None)
    choisi = voulu or next((lieu for lieu in offerts if lieu.delegation is None), offerts[0])
    suivis = {lieu.contexte.id: lieu for lieu in (choisi, Lieu(vue.contexte, vue.versions))}
    for lieu in list_voisins(vue, parcours.motif):
        suivis.setdefault(lieu.contexte.id, lieu)
    return Choix(offerts, dispos, choisi, voulu is None and parcours.lieu != 0, tuple(suivis.values()))


def find_lieu(vue: Vue, parcours: Parcours) -> Lieu:
    """The place that the choices name; the service itself when it is none."""
    ici = Lieu(vue.contexte, vue.versions)
    return next((lieu for lieu in list_voisins(vue, parcours.motif) if lieu.id == parcours.lieu), ici)


def keep_choix(vue: Vue, dispo: Disponibilite) -> tuple[Vue, Choix]:
    """The same, of a service that nobody else receives for, from what has just been read: the database is not asked."""
    vue = replace(vue, versions=dispo.versions, contexte=dispo.contexte)
    lieu = Lieu(dispo.contexte, dispo.versions)
    return vue, Choix((lieu,), {lieu.id: dispo}, lieu, False, (lieu,))


def _see_own(vue: Vue, lieu: Lieu, dispo: Disponibilite) -> Disponibilite:
    """The day whose last place of the quota is the one that the visitor holds is not complete for him."""
    option = vue.option
    if option is None or option.lieu != lieu.id:
        return dispo
    return dispo.reopen(option.debut.astimezone(lieu.contexte.zone).date())


def find_premier(dispo: Disponibilite) -> int | None:
    """The first free start, in minutes-époque."""
    premier = dispo.grille.find_premier()
    return None if premier is None else premier.debut


@dataclass(frozen=True, slots=True)
class Cible:
    """Who would receive, and under which delegation (None: the service itself)."""

    service_id: int
    delegation_id: int | None


def find_cible(vue: Vue, parcours: Parcours) -> Cible:
    """Where these choices lead. Raises RegleRefusee: a place that is none any more, a visio without address."""
    cible, contexte = Cible(vue.contexte.id, None), vue.contexte
    if parcours.lieu:
        voisin = next((lieu for lieu in list_voisins(vue, parcours.motif) if lieu.id == parcours.lieu), None)
        if voisin is None:
            refuse_delegation(vue.contexte.libelle)
        cible, contexte = Cible(voisin.contexte.id, voisin.id), voisin.contexte
    if parcours.type_rdv == "visio" and not contexte.visio_base:
        raise RegleRefusee("Ce service ne reçoit pas en visioconférence.", remede="Choisissez un autre type.")
    return cible


def present_lieux(vue: Vue, choix: Choix, parcours: Parcours) -> dict[str, Any] | None:
    """The choice of place; None when there is nothing to choose nor to say."""
    if len(choix.offerts) == 1 and choix.lieu.delegation is None and not choix.perdu:
        return None
    return {
        "origine": vue.contexte.libelle,
        "perdu": choix.perdu,
        "seul": _present(vue, choix, choix.lieu, parcours) if len(choix.offerts) == 1 else None,
        "offerts": [_present(vue, choix, lieu, parcours) for lieu in choix.offerts],
        "sur_place": parcours.type_rdv == "guichet",
        "durees": len({dispo.demande.duree for dispo in choix.dispos.values()}) > 1,
    }


def _present(vue: Vue, choix: Choix, lieu: Lieu, parcours: Parcours) -> dict[str, Any]:
    dispo = choix.dispos[lieu.id]
    premier = find_premier(dispo)
    return {
        "id": lieu.id,
        "nom": lieu.contexte.libelle,
        "ville": lieu.contexte.ville,
        "lignes": lieu.contexte.adresse_lignes[1:],
        "ailleurs": lieu.delegation is not None,
        "url": replace(parcours, lieu=lieu.id).url("creneau"),
        "premier": "" if premier is None else quand_de(from_minute(premier), lieu.contexte.zone),
        "choisi": lieu.id == choix.lieu.id,
        "duree": dispo.demande.duree,
        "dates": _present_dates(dispo),
    }


def _present_dates(dispo: Disponibilite) -> str:
    """« jusqu’au vendredi 4 décembre », when the delegation does not cover all the days shown."""
    delegation, fenetre = dispo.delegation, dispo.fenetre
    if delegation is None:
        return ""
    debut = _("à partir du {jour}").format(jour=en_mots(delegation.du)) if delegation.du > fenetre.du else ""
    fin = _("jusqu’au {jour}").format(jour=en_mots(delegation.au)) if delegation.au < fenetre.au else ""
    return " ".join(filter(None, (debut, fin)))


def describe_live(choix: Choix) -> dict[str, Any]:
    """What the live page needs besides its grid: whose frames paint it, and from when the others change nothing.

    Empty when nothing but the service itself is at stake.
    """
    if len(choix.suivis) == 1:
        return {}
    ailleurs = {lieu.sujet: _find_limite(choix.dispos[lieu.id]) for lieu in choix.offerts if lieu.id != choix.lieu.id}
    quota = choix.lieu.delegation is not None and choix.lieu.delegation.quota_jour is not None
    return {"sujet": choix.lieu.sujet, "ailleurs": ailleurs, "relire": quota}


def _find_limite(dispo: Disponibilite) -> int | None:
    """The minute-époque from which a place taken or freed leaves the first free créneau as it is; None: any may."""
    premier = find_premier(dispo)
    if premier is None:
        return None
    if dispo.delegation is None or dispo.delegation.quota_jour is None:
        return premier + dispo.demande.duree
    zone = dispo.contexte.zone
    return get_cadran(from_minute(premier).astimezone(zone).date(), zone).fin
