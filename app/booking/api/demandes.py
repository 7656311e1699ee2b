"""What the API accepts, field by field [A1 §2]. Unknown fields are refused; the form's rules check the texts."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

#: Ids are bigint in the database, and never beyond what every JSON parser reads exactly.
IDENT_MAX: Final = 2**53 - 1
Ident = Annotated[int, Meta(ge=1, le=IDENT_MAX)]
TypeDeRdv = Literal["guichet", "telephone", "visio"]
Alerte = Literal["hors_plage", "duree_modifiee", "motif_non_propose", "type_non_propose"]
Instant = Annotated[
    str,
    Meta(
        min_length=16,
        max_length=40,
        description="ISO 8601 with its offset; a naive instant is refused.",
        examples=["2026-04-07T10:20:00+02:00"],
    ),
]
Nom = Annotated[str, Meta(min_length=1, max_length=120)]
Telephones = Annotated[
    list[Annotated[str, Meta(min_length=1, max_length=30)]],
    Meta(min_length=1, max_length=2, description="One at least.", examples=[["06 12 34 56 78"]]),
]
Courriel = Annotated[
    str, Meta(max_length=254, description="One address; without it no mail is sent.", examples=["camille@exemple.fr"])
]
Preference = Literal["matin", "apres-midi"]
Code = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=40,
        description="Six letters, told by the usager; case, spaces and hyphens do not matter.",
        examples=["XOWVVO"],
    ),
]
NomExact = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=120,
        description="The whole nom d’usage, nom de naissance or raison sociale.",
        examples=["Valenton"],
    ),
]


class Particulier(Struct, tag_field="nature", tag="particulier", forbid_unknown_fields=True, kw_only=True):
    """A person."""

    civilite: Literal["madame", "monsieur"]
    nom_usage: Annotated[Nom, Meta(examples=["Valenton"])]
    nom_naissance: Annotated[str, Meta(max_length=120)] | None = None
    prenoms: Annotated[Nom, Meta(examples=["Philippe"])]
    date_naissance: Annotated[str, Meta(max_length=10, description="YYYY-MM-DD", examples=["1945-01-10"])] | None = None
    numero_fiscal: Annotated[str, Meta(max_length=40, description="13 digits, key checked")] | None = None
    telephones: Telephones
    courriel: Courriel | None = None
    preference_appel: Preference | None = None


class Professionnel(Struct, tag_field="nature", tag="professionnel", forbid_unknown_fields=True, kw_only=True):
    """A company, and whom to ask for."""

    raison_sociale: Annotated[Nom, Meta(examples=["SARL Boulangerie des Remparts"])]
    siren: Annotated[
        str, Meta(min_length=9, max_length=40, description="9 digits, key checked", examples=["732829320"])
    ]
    contact: Annotated[str, Meta(max_length=120)] = ""
    telephones: Telephones
    courriel: Courriel | None = None
    preference_appel: Preference | None = None


class DemandeRdv(Struct, forbid_unknown_fields=True, kw_only=True):
    """A booking. In the zone of the key the rules of attached agents apply, elsewhere those of external agents.

    `guichet`, `duree` (or `fin`) and `acquittees` are for attached agents: a warning comes back as 409 with its
    `alertes`; sent again with their codes in `acquittees`, the booking is recorded all the same.
    """

    service: Annotated[Ident, Meta(examples=[12])]
    motif: Annotated[Ident, Meta(examples=[3])]
    type: TypeDeRdv
    debut: Instant
    precision: Annotated[str, Meta(min_length=1, max_length=1000, examples=["Case 7DB de ma déclaration"])]
    usager: Particulier | Professionnel
    guichet: Ident | None = None
    duree: Annotated[int, Meta(ge=1, le=1440, description="Minutes")] | None = None
    fin: Instant | None = None
    acquittees: Annotated[list[Alerte], Meta(max_length=8)] = []


class DemandeReplanification(Struct, forbid_unknown_fields=True, kw_only=True):
    """Where the RDV goes. What is left out stays as it is: motif, type, and with the same motif the duration.

    Without `guichet` the service chooses one that is free on its grid. A warning comes back as 409 with its `alertes`;
    sent again with their codes in `acquittees`, the RDV is moved all the same. `revision`: the one that was read.
    With `code` and `nom` the rules of external agents apply: neither `guichet`, `duree` nor `acquittees`.
    """

    debut: Instant
    guichet: Ident | None = None
    motif: Ident | None = None
    type: TypeDeRdv | None = None
    duree: Annotated[int, Meta(ge=1, le=1440, description="Minutes")] | None = None
    acquittees: Annotated[list[Alerte], Meta(max_length=8)] = []
    revision: Annotated[int, Meta(ge=1, le=2**31 - 1)] | None = None
    code: Code | None = None
    nom: NomExact | None = None


class DemandeAnnulation(Struct, forbid_unknown_fields=True, kw_only=True):
    """Why, and the revision that was read, when it matters; `code` and `nom` outside the zone of the key."""

    raison: Annotated[str, Meta(min_length=1, max_length=500, examples=["L’usager a téléphoné : affaire réglée"])]
    revision: Annotated[int, Meta(ge=1, le=2**31 - 1)] | None = None
    code: Code | None = None
    nom: NomExact | None = None


class DemandeParCode(Struct, forbid_unknown_fields=True, kw_only=True):
    """What the usager tells of his RDV, exactly: both together name it, neither alone."""

    code: Code
    nom: NomExact


class DemandeContreAppel(Struct, forbid_unknown_fields=True, kw_only=True):
    """A call made before the visit: what came of it, and whether it cancels.

    `annule` is irreversible, and only for `regle`. `jour` is the service's local day, today when absent.
    """

    resultat: Literal["regle", "a_recevoir", "sans_reponse", "message_laisse"]
    commentaire: Annotated[str, Meta(min_length=1, max_length=1000, examples=["Délai de paiement expliqué"])]
    jour: Annotated[str, Meta(max_length=10, description="YYYY-MM-DD", examples=["2026-04-02"])] | None = None
    annule: bool = False
    revision: Annotated[int, Meta(ge=1, le=2**31 - 1)] | None = None
