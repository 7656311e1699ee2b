"""Judge a request to book: the rules of the pure domain applied to the facts of that day, without a lock.

The database still has the last word: what is judged possible here may be taken a millisecond later.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, Final, Protocol

from app.booking import store
from app.booking.contexte import ServiceContexte, Versions
from app.booking.disponibilites import Occupations
from app.booking.forms import UsagerSaisi
from app.booking.outils import Auteur, Outils
from app.booking.quota import QuotaAtteint
from app.booking.refus import raise_raison, raise_refus
from app.domain.calendrier import Fenetre, fenetre
from app.domain.contexte import build_contexte
from app.domain.creneaux import Creneau, Demande, find_creneau, order_guichets
from app.domain.delegation import Delegation
from app.domain.droits import AConfirmer, Refuse, decide_acces_service, decide_reservation
from app.domain.guichets import GuichetRegle
from app.domain.horaires import floor_minute, from_minute
from app.domain.raisons import Raison
from app.domain.vocabulaire import Canal, TypeRdv
from app.errors import AvertissementRequis, SaisieInvalide

#: Types of rendez-vous that exist.
TYPES: Final = frozenset(TypeRdv)
#: 1 January 2200, in minutes-époque.
_DEBUT_MAX: Final = 120_968_640


@dataclass(frozen=True, slots=True)
class Reservation:
    """A request to book. ``debut`` in minutes-époque; ``duree`` (minutes) and ``guichet_id`` only by attached agents.

    ``cle`` is the request's idempotency key: the same one gives the same RDV, whatever happens to the connection.
    ``visite`` is the browser's secret, to which a hold belongs. ``acquittees`` are the warnings shown and accepted.
    """

    service_id: int
    motif_id: int
    type_rdv: str
    debut: int
    canal: str
    origine: str
    usager: UsagerSaisi
    precision: str
    cle: str
    duree: int | None = None
    guichet_id: int | None = None
    acquittees: frozenset[str] = frozenset()
    visite: str | None = None
    note_interne: str = ""
    langue: str = "fr"
    #: Under which delegation ``service_id`` receives it for another service.
    delegation_id: int | None = None
    #: The account of the usager who is signed in: his session's, never what a form says.
    usager_id: int | None = None
    #: True where usagers book for themselves: one rendez-vous to come per person and motif (``app.booking.unicite``).
    unique: bool = False

    def print_cle(self, auteur: Auteur) -> bytes:
        """The key as stored, apart for each agent; a visitor's own form derives its key from his visit's secret."""
        portee = f"agent-{auteur.agent_id}" if auteur.agent_id is not None else "usager"
        return hashlib.sha256(f"{portee}\n{self.cle}".encode("utf-8", "surrogatepass")).digest()

    def print_demande(self) -> bytes:
        """One-way print of what was asked, to recognise a key used again for something else."""
        faits = asdict(self)
        for cle in ("cle", "visite", "acquittees", "unique"):
            faits.pop(cle)
        for cle in ("delegation_id", "usager_id"):  # requests printed before there were any are still recognised
            if faits[cle] is None:
                faits.pop(cle)
        return hashlib.sha256(json.dumps(faits, sort_keys=True, default=str).encode()).digest()


class Place(Protocol):
    """What is judged: a booking, or the new place of a RDV being moved."""

    @property
    def motif_id(self) -> int: ...
    @property
    def type_rdv(self) -> str: ...
    @property
    def debut(self) -> int: ...
    @property
    def canal(self) -> str: ...
    @property
    def cle(self) -> str: ...
    @property
    def duree(self) -> int | None: ...
    @property
    def guichet_id(self) -> int | None: ...
    @property
    def acquittees(self) -> frozenset[str]: ...
    @property
    def visite(self) -> str | None: ...
    @property
    def service_id(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Deplace:
    """The RDV being moved: what it occupies (guichet, minutes-époque) stands in nobody's way, its motif is kept.

    ``recu``: the service receives it for another one, where its usager booked: its own online opening is not asked.
    """

    guichet_id: int
    debut: int
    fin: int
    motif_id: int
    recu: bool = False


@dataclass(frozen=True, slots=True)
class Projet:
    """A request judged possible: where it may go."""

    contexte: ServiceContexte
    fin: int
    candidats: tuple[int, ...]
    alertes: tuple[str, ...] = field(default=())


def check_debut(debut: int) -> None:
    """Refuse an instant that no calendar of ours reaches (before 1970, after 2199): arithmetic stops at its bounds."""
    if not 0 <= debut < _DEBUT_MAX:
        raise_raison(Raison.HORIZON)


def compute_fenetre(contexte: ServiceContexte, canal: str, maintenant: datetime) -> Fenetre:
    """When a request of that channel made now may be honoured, in the service's own time."""
    aujourdhui = maintenant.astimezone(contexte.zone).date()
    portee = timedelta(days=contexte.parametres.horizon(canal) + 31)
    return fenetre(
        canal,
        floor_minute(maintenant),
        contexte.zone,
        contexte.parametres,
        contexte.feries(aujourdhui, aujourdhui + portee),
    )


async def judge(
    outils: Outils,
    conn: Any,
    contexte: ServiceContexte,
    versions: Versions,
    demande: Place,
    maintenant: datetime,
    *,
    deplace: Deplace | None = None,
    delegation: Delegation | None = None,
    tenue: Mapping[str, Any] | None = None,
    quittees: Sequence[Deplace] = (),
) -> Projet:
    """Apply the rules to the facts of that day; raise the refusal, or say which guichets may take it.

    ``deplace``: the RDV that is moved there. It may overlap itself, keep its motif whatever is open now, and keep the
    duration it has. ``delegation``: the one under which the service receives it; its dates and its daily quota apply,
    and the motif is then received whatever is open here. ``tenue``: the visitor's own hold in the service, which must
    not stand in its owner's way. ``quittees``: places that others leave in the same transaction.
    """
    if demande.type_rdv not in TYPES:
        raise SaisieInvalide(champs={"type": "Choisissez un type de rendez-vous."})
    motif = contexte.motif(demande.motif_id)
    duree, propose = contexte.duree_pour(demande.motif_id, delegation), motif.ouvert or delegation is not None
    aujourdhui = maintenant.astimezone(contexte.zone).date()
    guichets = list(contexte.guichets.values())
    acces = decide_acces_service(
        demande.canal,
        guichets,
        ouverture_nationale=contexte.ouverture_nationale is None or contexte.ouverture_nationale <= aujourdhui,
        ouverture_service=contexte.en_ligne
        or delegation is not None
        or (deplace is not None and deplace.recu)
        or is_held(demande, tenue),
    )
    if isinstance(acces, Refuse) or contexte.ferme:
        raise_raison(Raison.SERVICE_FERME)
    sans_salle = demande.type_rdv == TypeRdv.VISIO and not contexte.visio_base
    if (
        sans_salle and deplace is None and demande.canal != Canal.RATTACHE
    ):  # offered to nobody: there is nowhere to meet
        raise_raison(Raison.TYPE_NON_PROPOSE)
    demandee = Demande(demande.motif_id, demande.type_rdv, demande.canal, duree, contexte.pas)
    fen = compute_fenetre(contexte, demande.canal, maintenant)
    jour = from_minute(demande.debut).astimezone(contexte.zone).date()
    dehors = fen.refuse(jour, demande.debut)
    if dehors is not None:
        raise_raison(dehors, fen)
    lues = await outils.dispo.occupations(conn, contexte, versions, jour, jour, maintenant)
    occupations: Occupations = _without_hold(lues.par_guichet, tenue)
    if delegation is not None:
        pris = lues.par_delegation.get((delegation.id, jour), 0) - _count_hold(tenue, delegation, jour)
        ferme = delegation.refuse_jour(demande.motif_id, jour, pris)
        if ferme is Raison.COMPLET:
            raise QuotaAtteint(delegation)
        if ferme is not None:
            raise_raison(ferme)
    for quittee in (*quittees, *([] if deplace is None else [deplace])):
        occupations = _without(occupations, quittee.guichet_id, (quittee.debut, quittee.fin))
    motif_initial = deplace is not None and deplace.motif_id == demande.motif_id
    ouvertures = contexte.ouvertures(jour, jour)
    if demande.guichet_id is not None:
        guichet = contexte.guichets.get(demande.guichet_id)
        if guichet is None:
            raise SaisieInvalide(champs={"guichet": "Ce guichet n’existe pas dans ce service."})
        fin = demande.debut + (demande.duree or duree)
        faits = build_contexte(
            demandee,
            demande.debut,
            fin,
            guichet if propose else _without_motifs(guichet),
            ouvertures,
            await _without_gels(conn, demande, guichet.id, fin, occupations.get(guichet.id, ())),
            fen,
            contexte.zone,
            motif_initial=motif_initial,
            acquittees=demande.acquittees,
        )
        decision = decide_reservation(demande.canal, faits)
        if isinstance(decision, Refuse):
            raise_refus(decision)
        if isinstance(decision, AConfirmer):
            raise AvertissementRequis(
                alertes=[
                    {"code": a.value, "phrase": p} for a, p in zip(decision.alertes, decision.phrases, strict=True)
                ]
            )
        return Projet(contexte, fin, (guichet.id,), tuple(a.value for a in decision.alertes))
    if demande.duree is not None and demande.duree != duree:
        if deplace is None or demande.duree != deplace.fin - deplace.debut:
            raise_raison(Raison.DUREE_NON_MODIFIABLE)
        demandee = replace(demandee, duree=demande.duree)
    # An usager moves within the internet rules; « initial motif » is for agents.
    if motif_initial and demande.canal != Canal.INTERNET:
        guichets = [_with_motif(guichet, demande.motif_id) for guichet in guichets]
    elif not propose and not (motif_initial and deplace is not None and deplace.recu):
        raise_raison(Raison.MOTIF_NON_PROPOSE)
    trouve = find_creneau(demandee, demande.debut, guichets, ouvertures, occupations, fen, contexte.zone)
    if not isinstance(trouve, Creneau):
        raise_raison(trouve, fen)
    charge = {guichet_id: len(liste) for guichet_id, liste in occupations.items()}
    tour = int.from_bytes(hashlib.sha256(demande.cle.encode("utf-8", "surrogatepass")).digest()[:4])
    return Projet(contexte, trouve.fin, order_guichets(trouve.guichets, guichets, charge, demandee, tour))


def _without_motifs(guichet: Any) -> Any:
    return type(guichet)(guichet.id, guichet.nom, guichet.ouvert, frozenset[int](), guichet.canaux, guichet.types)


def _with_motif(guichet: GuichetRegle, motif_id: int) -> GuichetRegle:
    return guichet if guichet.motifs is None else replace(guichet, motifs=guichet.motifs | {motif_id})


def _without(occupations: Occupations, guichet_id: int, place: tuple[int, int]) -> Occupations:
    return {
        guichet: [o for o in liste if guichet != guichet_id or o != place] for guichet, liste in occupations.items()
    }


def is_held(demande: Place, tenue: Mapping[str, Any] | None) -> bool:
    """A service that closes its online booking lets who already holds a créneau finish: ten minutes at most."""
    return demande.canal == Canal.INTERNET and tenue is not None and floor_minute(tenue["debut"]) == demande.debut


async def _without_gels(
    conn: Any, demande: Place, guichet_id: int, fin: int, occupees: Sequence[tuple[int, int]]
) -> Sequence[tuple[int, int]]:
    """The same less the cancelled places kept from the internet: an attached agent may take them."""
    if demande.canal != Canal.RATTACHE or not any(a < fin and demande.debut < b for a, b in occupees):
        return occupees
    gels = await store.list_gels(conn, guichet_id, from_minute(demande.debut), from_minute(fin))
    places = {(floor_minute(gel.debut), floor_minute(gel.fin)) for gel in gels}
    return [o for o in occupees if o not in places]


def _count_hold(tenue: Mapping[str, Any] | None, delegation: Delegation, jour: date) -> int:
    """1 when the visitor's own hold is counted in what that delegation has already given that day."""
    return int(tenue is not None and (tenue["delegation_id"], tenue["jour"]) == (delegation.id, jour))


def _without_hold(occupations: Occupations, option: Mapping[str, Any] | None) -> Occupations:
    """The same occupations less the visitor's own hold: it must not stand in its owner's way."""
    if option is None:
        return occupations
    return _without(occupations, option["guichet_id"], (floor_minute(option["debut"]), floor_minute(option["fin"])))
