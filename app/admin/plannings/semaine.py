"""A week as the usager would see it, from a composition that may not be published yet.

The créneaux come from ``compute_grille`` and the ouvertures from ``compute_ouvertures``: what is shown here is what
will be booked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from app.admin.plannings.publication import open_composition
from app.booking.contexte import ServiceContexte, Versions
from app.booking.disponibilites import Disponibilites, Occupations
from app.booking.jugement import compute_fenetre
from app.domain.calendrier import Fenetre
from app.domain.composition import Composition, format_plages, lundi_de
from app.domain.consequences import Ecart, compare_grilles
from app.domain.creneaux import Demande, Grille, Journee, compute_grille
from app.domain.guichets import GuichetRegle
from app.domain.horaires import Intervalle, floor_minute, from_minute, get_cadran, merge
from app.domain.plages import OuverturesParJour
from app.domain.plannings import PlageType, select_plannings
from app.feries import nom_ferie
from app.web.dates import jour_moyen

#: Days over which créneaux gained and lost are counted.
PORTEE: Final = timedelta(days=30)
_MAX_SEMAINES: Final = 520
CANAUX: Final = (
    ("internet", "Usager par internet"),
    ("exterieur", "Agent extérieur"),
    ("rattache", "Agent du service"),
)
TYPES: Final = (("guichet", "Au guichet"), ("telephone", "Par téléphone"), ("visio", "En visio"))


@dataclass(frozen=True, slots=True)
class Regard:
    """Whose eyes: the week (its Monday), the motif (0: none is open), the channel and the type."""

    lundi: date
    motif_id: int
    canal: str
    type_rdv: str

    @classmethod
    def of(cls, champs: Mapping[str, str], contexte: ServiceContexte, defaut: date, aujourdhui: date) -> Regard:
        """From the controls of the page; anything unknown falls back on the usual eyes."""
        ouverts = [motif.id for motif in contexte.motifs.values() if motif.ouvert]
        motif = champs.get("voir_motif", "")
        try:
            voulu = date.fromisoformat(champs.get("voir_semaine", ""))
        except ValueError:
            voulu = defaut
        limite = timedelta(weeks=_MAX_SEMAINES)
        voulu = min(max(voulu, aujourdhui - limite), aujourdhui + limite)
        canal, type_rdv = champs.get("voir_canal", ""), champs.get("voir_type", "")
        return cls(
            lundi_de(voulu),
            next((m for m in ouverts if str(m) == motif), ouverts[0] if ouverts else 0),
            canal if canal in dict(CANAUX) else "internet",
            type_rdv if type_rdv in dict(TYPES) else "guichet",
        )


async def read_occupations(
    dispo: Disponibilites,
    conn: AsyncConnection,
    contexte: ServiceContexte,
    versions: Versions,
    regard: Regard,
    maintenant: datetime,
) -> Occupations:
    """What occupies the guichets over the days of the page."""
    aujourdhui = maintenant.astimezone(contexte.zone).date()
    du, au = min(aujourdhui, regard.lundi), max(aujourdhui + PORTEE, regard.lundi + timedelta(days=6))
    return (await dispo.occupations(conn, contexte, versions, du, au, maintenant)).par_guichet


def compute(
    comp: Composition,
    contexte: ServiceContexte,
    regard: Regard,
    occupations: Occupations,
    maintenant: datetime,
    du: date,
    au: date,
) -> tuple[Grille, OuverturesParJour]:
    """The grid of ``du``..``au`` without the delay nor the horizon of the channel: what will be offered in time.

    Without any open motif, what any motif of the service's duration would be offered: a first organisation is seen
    whatever it begins with.
    """
    motif = contexte.motifs.get(regard.motif_id)
    guichets: list[GuichetRegle] = [] if contexte.ferme else list(contexte.guichets.values())
    duree = motif.duree if motif else contexte.duree
    demande = Demande(regard.motif_id, regard.type_rdv, regard.canal, duree, contexte.pas)
    if motif is None:
        guichets = [replace(guichet, motifs=None) for guichet in guichets]
    aujourdhui = maintenant.astimezone(contexte.zone).date()
    ouvertures = open_composition(comp, contexte, du, au)
    fenetre = Fenetre(aujourdhui, max(au, aujourdhui), floor_minute(maintenant), aujourdhui)
    return compute_grille(demande, guichets, ouvertures, occupations, fenetre, contexte.zone), ouvertures


def compare(
    avant: Composition,
    apres: Composition,
    contexte: ServiceContexte,
    regard: Regard,
    occupations: Occupations,
    maintenant: datetime,
) -> Ecart:
    """Créneaux gained and lost over the next 30 days, for that motif, channel and type."""
    aujourdhui = maintenant.astimezone(contexte.zone).date()
    grilles = [
        compute(comp, contexte, regard, occupations, maintenant, aujourdhui, aujourdhui + PORTEE)[0]
        for comp in (avant, apres)
    ]
    return compare_grilles(*grilles)


def build_semaine(
    comp: Composition, contexte: ServiceContexte, regard: Regard, occupations: Occupations, maintenant: datetime
) -> dict[str, Any]:
    """The seven days for the template: hours offered, why there is none, and when they may be booked.

    ``ferme_en_ligne``: usagers see none of it, the service is not open to them [C §5].
    """
    dimanche = regard.lundi + timedelta(days=6)
    grille, ouvertures = compute(comp, contexte, regard, occupations, maintenant, regard.lundi, dimanche)
    fenetre = compute_fenetre(contexte, regard.canal, maintenant)
    jours = [
        _build_jour(contexte, jour, journee, grille, ouvertures, fenetre) for jour, journee in grille.jours.items()
    ]
    return {
        "lundi": regard.lundi,
        "titre": f"Semaine du {jour_moyen(regard.lundi)} {regard.lundi.year}",
        "precedente": regard.lundi - timedelta(days=7),
        "suivante": regard.lundi + timedelta(days=7),
        "jours": jours,
        "creneaux": sum(len(jour["creneaux"]) for jour in jours),
        "regard": regard,
        "ferme_en_ligne": regard.canal == "internet"
        and not contexte.prend_en_ligne(maintenant.astimezone(contexte.zone).date()),
        "duree": contexte.duree,
        "motifs": [(motif.id, motif.libelle) for motif in contexte.motifs.values() if motif.ouvert],
        "canaux": CANAUX,
        "types": TYPES,
    }


def _build_jour(
    contexte: ServiceContexte,
    jour: date,
    journee: Journee,
    grille: Grille,
    ouvertures: OuverturesParJour,
    fenetre: Fenetre,
) -> dict[str, Any]:
    dehors = fenetre.refuse_jour(jour) if journee.creneaux else None
    ferie = nom_ferie(contexte.departement, jour) or ""
    ouverts = [guichet for guichet in contexte.guichets.values() if guichet.ouvert]
    heures = [ouverture for guichet in ouverts for ouverture in ouvertures.get(guichet.id, jour)]
    return {
        "jour": jour,
        "passe": fenetre.aujourdhui is not None and jour < fenetre.aujourdhui,
        "titre": jour_moyen(jour),
        "ferie": ferie,
        "raison": grille.explain(jour) or "",
        "plages": _format_heures(jour, contexte, heures),
        "guichets": len({ouverture.guichet_id for ouverture in heures}),
        "creneaux": [
            {"heure": from_minute(c.debut).astimezone(contexte.zone).strftime("%H:%M"), "libres": len(c.guichets)}
            for c in journee.creneaux
        ],
        "cache": dehors is not None or not any(motif.ouvert for motif in contexte.motifs.values()),
        "pris": len(journee.candidats) - len(journee.creneaux),
        "note": "" if dehors is None else fenetre.phrase(dehors),
    }


def _format_heures(jour: date, contexte: ServiceContexte, heures: list[Any]) -> str:
    """The hours when at least one guichet is open, on the wall clock of the place."""
    cadran = get_cadran(jour, contexte.zone)
    plages: list[PlageType] = []
    for i in merge(Intervalle(o.debut, o.fin) for o in heures):
        debut, fin = (from_minute(m).astimezone(contexte.zone) for m in (i.debut, i.fin))
        fin_minute = 1440 if i.fin >= cadran.fin else fin.hour * 60 + fin.minute
        debut_minute = debut.hour * 60 + debut.minute
        if debut_minute < fin_minute:  # else it lies in the hour that happens twice
            plages.append(PlageType(debut_minute, fin_minute))
    return format_plages(plages)


def open_jour(comp: Composition, jour: date, guichet_id: int | None) -> tuple[PlageType, ...]:
    """The plages that the plannings write for that day, to be changed for it alone; of the service when None."""
    plages = {
        PlageType(plage.debut, plage.fin)
        for planning in select_plannings(comp.to_plannings(), guichet_id, jour)
        for plage in planning.find_plages(jour)
    }
    return tuple(sorted(plages))
