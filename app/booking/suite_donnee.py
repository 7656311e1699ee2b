"""Note what followed a visit: the démarche opened in the case system, a fiche de visite, or nothing needed [A1 §4].

It may come the days after: presence is frozen then, the suite is not. A visit may have several.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import insert

from app.booking.acte import perform, raise_revision, record
from app.booking.anonymisation import check_nomme
from app.booking.contexte import ServiceContexte
from app.booking.outils import Auteur, Outils
from app.booking.reprise import find_same
from app.booking.textes import TexteInvalide, clean_text
from app.db import UnitOfWork
from app.domain.rendez_vous import Evenement
from app.domain.suite_donnee import NatureSuite, refuse_suite
from app.errors import Conflit, SaisieInvalide, TransitionImpossible
from app.tables import Suite

REFERENCE_MAX: Final = 60
NOTE_MAX: Final = 1000


@dataclass(frozen=True, slots=True)
class SuiteNotee:
    """What was noted. ``change`` is False when it was the same one sent again."""

    id: int
    rdv_id: int
    service_id: int
    etat: str
    revision: int
    change: bool


async def record_suite(
    outils: Outils,
    rdv_id: int,
    nature: str,
    reference: str,
    note: str,
    auteur: Auteur,
    maintenant: datetime,
    *,
    revision: int | None = None,
) -> SuiteNotee:
    """Note the suite of a RDV received by a service where the agent holds the agenda.

    Who entrusted it to another service reads it: what followed is told by who received. Raises SaisieInvalide
    (``champs``: nature, reference, note), Introuvable (journaled), Conflit on a stale ``revision``,
    TransitionImpossible while nobody has come.
    """
    textes = _check(nature, reference, note)

    async def travail(uow: UnitOfWork, rdv: dict[str, Any], _: ServiceContexte) -> SuiteNotee:
        valeurs: dict[str, Any] = {"rdv_id": rdv["id"], "agent_id": auteur.agent_id, **textes}
        if revision is not None and revision != rdv["revision"]:
            deja = await find_same(uow.conn, Suite, valeurs, maintenant)
            if deja is not None:
                return SuiteNotee(deja, rdv["id"], rdv["service_id"], rdv["etat"], rdv["revision"], False)
            raise Conflit(etat=rdv["etat"], revision=rdv["revision"])
        phrase = refuse_suite(rdv["etat"])
        if phrase is not None:
            raise TransitionImpossible(phrase, remede="", etat=rdv["etat"], cause="etat")
        await check_nomme(uow.conn, rdv)
        ordre = insert(Suite).values(**valeurs, cree_a=maintenant).returning(Suite.id)
        ident = (await uow.conn.execute(ordre)).scalar_one()
        touchee = await raise_revision(uow, rdv, maintenant)
        faits = {"suite": ident, "nature": textes["nature"]}
        await record(uow, rdv, auteur, maintenant, Evenement.MODIFIE.value, apres=faits)
        return SuiteNotee(ident, rdv["id"], rdv["service_id"], rdv["etat"], touchee, True)

    return await perform(outils, rdv_id, auteur, maintenant, "suite", travail)


def _check(nature: str, reference: str, note: str) -> dict[str, str]:
    """The three columns, clean. Raises SaisieInvalide with a sentence for each field in fault."""
    champs: dict[str, str] = {}
    textes = {"nature": nature, "reference": "", "note": ""}
    if nature not in set(NatureSuite):
        champs["nature"] = "Choisissez la suite donnée à la visite."
    for nom, brut, maximum in (("reference", reference, REFERENCE_MAX), ("note", note, NOTE_MAX)):
        try:
            textes[nom] = clean_text(brut, maximum=maximum, lignes=nom == "note")
        except TexteInvalide as erreur:
            champs[nom] = str(erreur)
    if nature == NatureSuite.DEMARCHE and not textes["reference"] and "reference" not in champs:
        champs["reference"] = "Indiquez la référence de la démarche : l’usager la lira sur sa fiche de visite."
    if nature == NatureSuite.SANS_SUITE and textes["reference"]:
        champs["reference"] = "Une visite sans suite n’a pas de référence : effacez-la, ou corrigez la suite."
    if champs:
        raise SaisieInvalide(champs=champs)
    return textes
