"""What the API answers. Instants carry the service's offset; ids are integers; lists have `elements` and `suite`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from app.booking.contexte import ServiceContexte

Canal = Literal["rattache", "exterieur"]
Suite = Annotated[str | None, Meta(description="Give it back as `suite` for the next page; null on the last one.")]
Etat = Literal["prevu", "arrive", "appele", "recu", "termine", "annule", "non_honore"]
TypeDeRdv = Literal["guichet", "telephone", "visio"]


class Service(Struct, kw_only=True):
    """A tax office that receives by appointment."""

    id: int
    type: Annotated[str, Meta(examples=["SIP"])]
    libelle: str
    sages: Annotated[str, Meta(examples=["5800450"])]
    codique: str | None
    adresse: Annotated[list[str], Meta(description="A line each.")]
    code_postal: str
    ville: str
    departement: str
    telephone: str
    courriel: str
    fuseau: Annotated[str, Meta(examples=["Europe/Paris"])]
    accessibilite: str
    horaires: str
    ferme: Annotated[bool, Meta(description="Closed for good: its RDV remain readable.")]
    prise_en_ligne: Annotated[bool, Meta(description="Usagers may book by themselves on the internet.")]
    canal: Annotated[Canal, Meta(description="Whose rules apply to this key there.")]


class MotifPropose(Struct, kw_only=True):
    """A motif that this key may book in the service."""

    id: int
    libelle: str
    chemin: Annotated[list[str], Meta(description="Labels of its parents in the national tree, the widest first.")]
    nature: Literal["assiette", "recouvrement", "mixte"]
    public: Literal["particulier", "professionnel", "tous"]
    duree: Annotated[int, Meta(description="Minutes")]
    types: Annotated[list[TypeDeRdv], Meta(description="Types that an open guichet offers for it.")]
    documents: list[str]
    faq_url: str
    demarche_url: str


class ListeServices(Struct, kw_only=True):
    """A page of services."""

    elements: list[Service]
    suite: Suite = None


class ListeMotifs(Struct, kw_only=True):
    """Every motif, in the national order."""

    elements: list[MotifPropose]
    suite: Suite = None


class CreneauLibre(Struct, kw_only=True):
    """A start that can be booked, and how many guichets are free for it."""

    debut: datetime
    fin: datetime
    libres: Annotated[int, Meta(ge=1)]


class JourPropose(Struct, kw_only=True):
    """One day, and why it has no créneau when it has none."""

    jour: date
    creneaux: int
    raison: Annotated[str | None, Meta(examples=["complet"])]
    phrase: Annotated[str | None, Meta(examples=["délai de 2\u00a0jours ouvrés"])]


class Creneaux(Struct, kw_only=True):
    """What is free, in order; `raison` when nothing is. `version` is that of the subject `creneaux:<service>`."""

    elements: list[CreneauLibre]
    suite: Suite = None
    jours: list[JourPropose]
    raison: Annotated[str | None, Meta(examples=["complet"])]
    phrase: str | None
    version: int


class RdvCree(Struct, kw_only=True):
    """The RDV, as it was made by this idempotency key."""

    id: int
    code: Annotated[str, Meta(examples=["XOWVVO"])]
    service: int
    guichet: int
    guichet_nom: str
    debut: datetime
    fin: datetime


class RdvEtat(Struct, kw_only=True):
    """What became of the RDV. `change` is false when it was already so."""

    id: int
    service: int
    guichet: int
    etat: Etat
    revision: int
    change: bool


class ContreAppelEnregistre(RdvEtat, kw_only=True):
    """The call, and what became of the RDV. `change` is false when the same call was sent again."""

    contre_appel: int


class RdvReplanifie(Struct, kw_only=True):
    """Where the RDV is now. `change` is false when it already was there."""

    id: int
    service: int
    guichet: int
    guichet_nom: str
    debut: datetime
    fin: datetime
    revision: int
    change: bool


class RdvParCode(Struct, kw_only=True):
    """A RDV named by its code and name: what an external agent may know of it. Reading it is journaled."""

    id: int
    code: Annotated[str, Meta(examples=["XOWVVO"])]
    service: int
    motif: int
    motif_libelle: str
    type: TypeDeRdv
    debut: datetime
    fin: datetime
    etat: Etat
    revision: int


class UsagerLu(Struct, kw_only=True):
    """The person as entered for this RDV."""

    nature: Literal["particulier", "professionnel"]
    civilite: Literal["madame", "monsieur"] | None
    nom_usage: str
    nom_naissance: str
    prenoms: str
    date_naissance: date | None
    numero_fiscal: str | None
    raison_sociale: str
    siren: str | None
    contact: str
    telephones: list[str]
    courriel: str | None
    preference_appel: Literal["matin", "apres-midi"] | None


class Presence(Struct, kw_only=True):
    """The day itself; nobody arrives for a téléphone or visio RDV."""

    arrivee_a: datetime | None
    appel_a: datetime | None
    reception_a: datetime | None
    fin_a: datetime | None


class Annulation(Struct, kw_only=True):
    """Who, when, why."""

    a: datetime
    par: str
    raison: str


class RdvCommun(Struct, kw_only=True):
    """What every reading of a RDV says of it."""

    id: int
    code: str
    guichet: int
    motif: int
    motif_libelle: str
    type: TypeDeRdv
    debut: datetime
    fin: datetime
    etat: Etat
    revision: int
    canal: Literal["internet", "exterieur", "rattache"]


def describe_rdv(ligne: Mapping[str, Any], contexte: ServiceContexte) -> dict[str, Any]:
    """The fields of ``RdvCommun``, from a row, in the service's time."""
    motif = contexte.motifs.get(ligne["motif_id"])
    return {
        "id": ligne["id"],
        "code": ligne["code"],
        "guichet": ligne["guichet_id"],
        "motif": ligne["motif_id"],
        "motif_libelle": motif.libelle if motif else "",
        "type": ligne["type_rdv"],
        "debut": ligne["debut"].astimezone(contexte.zone),
        "fin": ligne["fin"].astimezone(contexte.zone),
        "etat": ligne["etat"],
        "revision": ligne["revision"],
        "canal": ligne["canal"],
    }


class RdvLu(RdvCommun, kw_only=True):
    """Everything about one RDV. Reading it is journaled."""

    service: int
    guichet_nom: str
    origine: str
    precision: str
    note_interne: str
    message_usager: str
    visio_lien: str
    forcages: list[str]
    cree_a: datetime
    modifie_a: datetime
    usager: UsagerLu | None
    presence: Presence | None
    annulation: Annulation | None


class RdvAgenda(RdvCommun, kw_only=True):
    """One line of the day's agenda."""

    usager: Annotated[str, Meta(description="Display name", examples=["Monsieur VALENTON"])]
    arrivee_a: datetime | None
    appel_a: datetime | None


class Intervalle(Struct, kw_only=True):
    """`[debut, fin)`."""

    debut: datetime
    fin: datetime


class GuichetJour(Struct, kw_only=True):
    """A guichet and when it is open that day."""

    id: int
    nom: str
    ouvert: bool
    plages: list[Intervalle]


class OptionTenue(Struct, kw_only=True):
    """A place held while somebody fills in a form."""

    guichet: int
    debut: datetime
    fin: datetime
    expire_a: datetime


class AgendaJour(Struct, kw_only=True):
    """The agenda of one day: RDV that are not cancelled, in order. `version` is that of `service:<id>` on the wire."""

    elements: list[RdvAgenda]
    suite: Suite = None
    service: int
    jour: date
    fuseau: str
    epoque: str
    version: int
    guichets: list[GuichetJour]
    options: list[OptionTenue]


class AlerteLue(Struct, kw_only=True):
    """A warning to acknowledge."""

    code: str
    phrase: str


class Probleme(Struct, kw_only=True):
    """RFC 9457. `detail` says what happened and `remede` what to do, in French; `champs` ties sentences to fields."""

    type: Annotated[str, Meta(examples=["/problemes/creneau-pris"])]
    title: str
    status: int
    detail: Annotated[str, Meta(examples=["Ce créneau vient d’être pris."])]
    remede: str
    champs: dict[str, str] | UnsetType = UNSET
    raison: str | UnsetType = UNSET
    alternatives: list[CreneauLibre] | UnsetType = UNSET
    alertes: list[AlerteLue] | UnsetType = UNSET
    etat: str | UnsetType = UNSET
    revision: int | UnsetType = UNSET
    cause: str | UnsetType = UNSET
    incident: str | UnsetType = UNSET
