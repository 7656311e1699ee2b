"""Who holds this numéro fiscal or SIREN, for the agent who is about to book: the register's name, our last contacts.

A name, a birth date and a raison sociale come from the administration's register where one is configured, because it
is right about them; telephones and e-mail from the person's last entry here, because the person gave them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Final

from app.booking.agents.lectures import find_identite
from app.booking.contexte import ServiceContexte
from app.booking.forms import UsagerSaisi
from app.booking.outils import Outils
from app.booking.referentiel import ReferentielIndisponible

_CIVILE: Final = ("civilite", "nom_usage", "nom_naissance", "prenoms", "date_naissance", "raison_sociale")
_CONTACTS: Final = ("telephones", "courriel", "contact")


@dataclass(frozen=True, slots=True)
class Identite:
    """What is known (columns of the form, None when nothing is), of which RDV it comes, and the sentence to show.

    ``registre``: a register answered, ours or the administration's.
    """

    connu: Mapping[str, Any] | None
    rdv_id: int | None
    registre: bool
    phrase: str


async def identify(
    outils: Outils, agent_id: int, contexte: ServiceContexte, usager: UsagerSaisi, aujourdhui: date
) -> Identite:
    """For an agent attached to the service: the right is in the query of what is ours, and asked before the register.

    One of ``usager.numero_fiscal`` and ``usager.siren`` is set.
    """
    champ = "siren" if usager.siren else "numero_fiscal"
    async with outils.db.read() as conn:
        local = await find_identite(conn, agent_id, contexte.id, numero_fiscal=usager.numero_fiscal, siren=usager.siren)
    civil, panne = None, False
    if outils.referentiel is not None:
        try:
            civil = await outils.referentiel.find(
                champ, str(getattr(usager, champ)), departement=contexte.departement, aujourdhui=aujourdhui
            )
        except ReferentielIndisponible:
            panne = True
    connu = merge(local, civil)
    rdv_id = local["rdv_id"] if local else None
    registre = civil is not None or (local is not None and rdv_id is None)
    return Identite(connu, rdv_id, registre, _phrase(local, civil, panne=panne))


def merge(local: Mapping[str, Any] | None, civil: UsagerSaisi | None) -> Mapping[str, Any] | None:
    """The names of the register, the contacts of the last entry; each completed by the other where it is silent."""
    if civil is None:
        return local
    du_registre = asdict(civil)
    if local is None:
        return du_registre
    noms = {nom: du_registre[nom] or local[nom] for nom in _CIVILE}
    return {**local, **noms, **{nom: local[nom] or du_registre[nom] for nom in _CONTACTS}}


def _phrase(local: Mapping[str, Any] | None, civil: UsagerSaisi | None, *, panne: bool) -> str:
    tete = "Le référentiel des usagers ne répond pas. " if panne else ""
    if civil is not None and local is not None:
        return "Identité reprise du référentiel, coordonnées de la dernière visite : vérifiez-les avec l’usager."
    if civil is not None:
        return "Identité reprise du référentiel : vérifiez-la et complétez les coordonnées avec l’usager."
    if local is not None:
        return f"{tete}Coordonnées reprises de la dernière visite : vérifiez-les avec l’usager."
    return f"{tete}Aucun usager connu avec ce numéro : saisissez ses coordonnées."
