"""What an agent extérieur corrects of a RDV reached by its code and name: how to join the usager, and the demand.

He reads none of it [A1, summary table: he sees no agenda]: a field left empty keeps what is recorded, a field filled
replaces it. Who the person is, is what proved the RDV: the agents of its service alone correct that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select

from app.booking import store
from app.booking.contexte import ServiceContexte
from app.booking.forms import UsagerSaisi, check, parse_precision, parse_usager
from app.booking.modifier import Modification
from app.booking.outils import Outils
from app.booking.par_code import Prouve, build_introuvable
from app.booking.titres import keep_prouvee
from app.errors import SaisieInvalide
from app.tables import RendezVous

#: Fields of the form, from top to bottom.
CHAMPS: Final = (
    "telephone1",
    "telephone2",
    "preference_appel",
    "courriel",
    "sans_courriel",
    "contact",
    "precision",
)
#: The value of « preference_appel » that erases it: an empty one keeps it.
INDIFFERENT: Final = "indifferent"
_TELEPHONES: Final = frozenset({"telephone1", "telephone2"})
_RIEN: Final = "Vous n’avez rien saisi : rien n’a été enregistré."
_OU: Final = "Saisissez la nouvelle adresse, ou cochez la case qui l’efface : pas les deux."
_ENTREPRISE: Final = "Seule une entreprise a une personne à contacter."


@dataclass(frozen=True, slots=True)
class Retouche:
    """What changes: columns of the person → values; ``precision`` is None when it stays."""

    personne: Mapping[str, Any]
    precision: str | None

    async def complete(self, outils: Outils, prouve: Prouve) -> Modification:
        """The whole RDV as it should be: what is recorded, and these changes. Raises AccesRefuse (404).

        What is read here is compared again under the lock, with the revision of the form.
        """
        textes = (RendezVous.precision, RendezVous.note_interne, RendezVous.message_usager)
        requete = prouve.titre.scope(select(*textes).where(RendezVous.id == prouve.rdv["id"]))
        async with outils.db.read() as conn:
            rdv = keep_prouvee((await conn.execute(requete)).mappings().one_or_none(), prouve.titre)
            usager = await store.read_usager(conn, prouve.rdv["id"])
        if rdv is None or usager is None:
            raise build_introuvable()
        actuel = {champ.name: usager[champ.name] for champ in fields(UsagerSaisi)}
        personne = UsagerSaisi(**{**actuel, "telephones": tuple(usager["telephones"])})
        return Modification(
            replace(personne, **self.personne),
            rdv["precision"] if self.precision is None else self.precision,
            rdv["note_interne"],
            rdv["message_usager"],
        )


def parse_retouche(champs: Mapping[str, str], nature: str, contexte: ServiceContexte, maintenant: datetime) -> Retouche:
    """What was typed, by the rules of the booking form. Raises SaisieInvalide with every wrong field."""
    saisis = {champ for champ in CHAMPS if champs.get(champ, "").strip()}
    if not saisis:
        raise SaisieInvalide(_RIEN, remede="Remplissez ce qui change, ou revenez au rendez-vous.")
    aujourdhui = maintenant.astimezone(contexte.zone).date()
    donnees = {**champs, "nature": nature}
    efface = {champ for champ in ("preference_appel",) if champs.get(champ) == INDIFFERENT}
    donnees |= dict.fromkeys(efface, "")
    lu, fautes = parse_usager(donnees, departement=contexte.departement, aujourdhui=aujourdhui, par_agent=True)
    # The person is not in this form: nothing is said of the fields that it has not, nor of those left empty.
    erreurs = {champ: phrase for champ, phrase in fautes.items() if champ in saisis}
    if "sans_courriel" in saisis and "courriel" in saisis:
        erreurs.setdefault("courriel", _OU)
    if "contact" in saisis and nature != "professionnel":
        erreurs["contact"] = _ENTREPRISE
    precision = parse_precision(champs, erreurs, par_agent=True) if "precision" in saisis else None
    check({champ: erreurs[champ] for champ in CHAMPS if champ in erreurs})
    voulus = saisis & {"preference_appel", "courriel", "contact"}
    personne = {champ: getattr(lu, champ) for champ in voulus}
    if saisis & _TELEPHONES:
        personne["telephones"] = lu.telephones
    if "sans_courriel" in saisis:
        personne["courriel"] = None
    return Retouche(personne, precision)
