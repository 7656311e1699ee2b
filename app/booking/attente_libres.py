"""What a service may offer now to those who wait for one motif and one type, and what it must not.

The public grid says what is free; the cancelled places that the service keeps from the public for a while are added.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking.attente import takes_attente
from app.booking.disponibilites import Disponibilite
from app.booking.jugement import compute_fenetre
from app.booking.outils import Outils
from app.domain.attente import (
    ESSAIS_PAR_PLACE,
    Libre,
    Voeu,
    add_gels,
    compute_limite,
    compute_offres_max,
    count_places,
    is_rare,
    name_demi_journee,
)
from app.domain.calendrier import Fenetre
from app.domain.vocabulaire import Canal
from app.errors import Introuvable

Gels = Mapping[int, frozenset[tuple[int, int]]]


@dataclass(slots=True)
class Etal:
    """The free starts of one motif and type, by day and in order. ``limite``: of an offer made now, None at night."""

    dispo: Disponibilite
    jours: Mapping[date, Sequence[Libre]]
    limite: datetime | None
    _fenetre: Fenetre | None
    _offres_max: dict[date, int] = field(default_factory=dict)

    def list_convenables(self, voeu: Voeu) -> Iterator[Libre]:
        """What suits him, the earliest first; what he was offered before included."""
        for jour, libres in self.jours.items():
            if voeu.du <= jour <= voeu.au:
                yield from (
                    libre
                    for libre in libres
                    if voeu.demi_journee in ("", libre.demi_journee) and voeu.is_plus_tot(libre.debut)
                )

    def has_choix(self, voeu: Voeu) -> bool:
        """True when he can take a place himself: too many are free to everybody for one to be held."""
        return not is_rare(self.list_convenables(voeu), self.dispo.demande.duree)

    def choose(self, voeu: Voeu, vaines: Sequence[tuple[int, int]], vivantes: int) -> Libre | None:
        """The earliest that may be offered to him, still bookable when the offer ends; None without any.

        ``vaines``: the times of recent offers in vain; ``vivantes``: how many the service holds now.
        """
        if self._fenetre is None:
            return None
        for libre in self.list_convenables(voeu):
            fin = libre.debut + self.dispo.demande.duree
            if (
                libre.debut not in voeu.deja
                and self._fenetre.refuse(libre.jour, libre.debut) is None
                and vivantes < self._count_max(libre.jour)
                and sum(debut < fin and libre.debut < sa_fin for debut, sa_fin in vaines) < ESSAIS_PAR_PLACE
            ):
                return libre
        return None

    def _count_max(self, jour: date) -> int:
        if jour not in self._offres_max:
            places = count_places(self.dispo.grille.jours[jour].candidats, self.dispo.demande.duree)
            self._offres_max[jour] = compute_offres_max(places)
        return self._offres_max[jour]


async def read_etal(
    outils: Outils,
    conn: AsyncConnection,
    service_id: int,
    genre: tuple[int, str],
    gels: Gels,
    maintenant: datetime,
) -> Etal | None:
    """For that motif and type; None where nobody may wait for it, or nothing is free."""
    motif_id, type_rdv = genre
    try:
        dispo = await outils.dispo.read(
            conn,
            service_id,
            motif_id=motif_id,
            type_rdv=type_rdv,
            canal=Canal.INTERNET.value,
            maintenant=maintenant,
        )
    except Introuvable:
        return None
    contexte = dispo.contexte
    if not takes_attente(contexte, motif_id, type_rdv, maintenant.astimezone(contexte.zone).date()):
        return None
    jours = {jour: libres for jour in dispo.grille.jours if (libres := _list_libres(dispo, jour, gels))}
    if not jours:
        return None
    limite = compute_limite(maintenant, contexte.parametres.attente_minutes, contexte.zone)
    return Etal(dispo, jours, limite, None if limite is None else compute_fenetre(contexte, Canal.INTERNET, limite))


def _list_libres(dispo: Disponibilite, jour: date, gels: Gels) -> list[Libre]:
    """What is free that day, and what only a gel keeps, in order; at one start, the free guichets are the ones."""
    journee, zone = dispo.grille.jours[jour], dispo.contexte.zone
    places = {creneau.debut: (creneau.guichets, len(creneau.guichets)) for creneau in journee.creneaux}
    if gels:
        for debut, guichets in add_gels(journee.candidats, dispo.demande.duree, dispo.occupations, gels).items():
            places.setdefault(debut, (guichets, 0))
    return [Libre(debut, jour, name_demi_journee(debut, zone), *places[debut]) for debut in sorted(places)]
