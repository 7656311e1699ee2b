"""GET services/{id}/creneaux: what is free, with the same computation as the booking, and why when nothing is."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from app import clock
from app.booking.api.acces import PARAMETRES, check_jour, require_rendez_vous
from app.booking.api.demandes import IDENT_MAX
from app.booking.api.description import OperationApi, refusals
from app.booking.api.reponses import CreneauLibre, Creneaux, JourPropose
from app.booking.api.services import IdentChemin
from app.booking.disponibilites import Disponibilite
from app.booking.outils import Outils
from app.domain.creneaux import Creneau
from app.domain.horaires import from_minute, iter_jours
from app.domain.raisons import Raison
from app.errors import SaisieInvalide
from app.identite.cles import AccesCle

JOURS_MAX: Final = 93
#: When no day has a créneau, the most telling reason is said first.
_ORDRE: Final = (
    Raison.COMPLET,
    Raison.DUREE_TROP_LONGUE,
    Raison.FERMETURE,
    Raison.FERIE,
    Raison.HORS_PLAGE,
    Raison.DELAI,
    Raison.HORIZON,
    Raison.PASSE,
)


@get(
    "/services/{service_id:int}/creneaux",
    operation_id="listCreneaux",
    operation_class=OperationApi,
    summary="What is free",
    description="For a motif and a type, from `du` to `au` (by default the whole window that the key's channel may "
    f"book; at most {JOURS_MAX} days). Days outside that window say why: `delai`, `horizon`, `passe`.",
    tags=["rendez-vous"],
    responses=refusals(403, 404),
    opt={PARAMETRES: frozenset({"motif", "type", "du", "au"})},
)
async def list_creneaux(
    outils: NamedDependency[Outils],
    acces: NamedDependency[AccesCle],
    service_id: IdentChemin,
    motif: Annotated[int, QueryParameter(ge=1, le=IDENT_MAX, description="Id of the motif.")],
    type_rdv: Annotated[Literal["guichet", "telephone", "visio"], QueryParameter(name="type")] = "guichet",
    du: Annotated[date | None, QueryParameter(description="First day, in the service's time.", required=False)] = None,
    au: Annotated[date | None, QueryParameter(description="Last day, included.", required=False)] = None,
) -> Creneaux:
    """The free créneaux, in order, and the days with their reason."""
    require_rendez_vous(acces)
    maintenant = clock.now()
    async with outils.db.read() as conn:
        dispo = await outils.dispo.read(
            conn,
            service_id,
            motif_id=motif,
            type_rdv=type_rdv,
            canal=acces.canal(service_id),
            maintenant=maintenant,
        )
    aujourdhui = maintenant.astimezone(dispo.contexte.zone).date()
    premier, dernier = _read_bornes(du or aujourdhui, au, dispo.fenetre.au)
    return _answer(dispo, iter_jours(premier, dernier))


def _read_bornes(du: date, au: date | None, defaut: date) -> tuple[date, date]:
    check_jour("du", du)
    dernier = au or min(max(du, defaut), du + timedelta(days=JOURS_MAX - 1))
    check_jour("au", dernier)
    if dernier < du:
        raise SaisieInvalide(champs={"au": "La fin est avant le début."})
    if (dernier - du).days >= JOURS_MAX:
        raise SaisieInvalide(champs={"au": f"Demandez {JOURS_MAX} jours au plus."})
    return du, dernier


def _answer(dispo: Disponibilite, jours: Iterable[date]) -> Creneaux:
    zone = dispo.contexte.zone
    libres: list[CreneauLibre] = []
    cases: list[JourPropose] = []
    raisons: set[Raison] = set()
    for jour in jours:
        journee = dispo.grille.jours.get(jour)
        if journee is None:  # the grid covers the whole window: this day is outside
            creneaux: tuple[Creneau, ...] = ()
            raison = dispo.grille.raison or dispo.fenetre.refuse_jour(jour)
        else:
            creneaux, raison = journee.creneaux, journee.raison
        libres += [_creneau(creneau, zone) for creneau in creneaux]
        phrase = None
        if raison is not None:
            raisons.add(raison)
            phrase = dispo.fenetre.phrase(raison)
        cases.append(
            JourPropose(
                jour=jour, creneaux=len(creneaux), raison=raison.value if raison is not None else None, phrase=phrase
            )
        )
    generale = None if libres else dispo.grille.raison or next((r for r in _ORDRE if r in raisons), None)
    return Creneaux(
        elements=libres,
        jours=cases,
        raison=None if generale is None else generale.value,
        phrase=None if generale is None else dispo.fenetre.phrase(generale),
        version=dispo.versions.creneaux,
    )


def _creneau(creneau: Creneau, zone: ZoneInfo) -> CreneauLibre:
    return CreneauLibre(
        debut=from_minute(creneau.debut).astimezone(zone),
        fin=from_minute(creneau.fin).astimezone(zone),
        libres=len(creneau.guichets),
    )
