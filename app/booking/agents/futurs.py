"""The RDV that a person already holds in the service, for its own agents: found, journaled, put in words [A1 §3.2]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from litestar import Request

from app import clock
from app.booking.agents.acces import write_acte
from app.booking.agents.lectures import find_futurs
from app.booking.agents.mots import TYPES
from app.booking.contexte import ServiceContexte
from app.booking.forms import UsagerSaisi
from app.booking.outils import Outils
from app.booking.traces import Trace
from app.identite.acteur import Acteur
from app.identite.empreintes import print_critere
from app.web.dates import heure, jour_moyen


async def find_deja(
    outils: Outils,
    acteur: Acteur,
    request: Request[Any, Any, Any],
    contexte: ServiceContexte,
    usager: UsagerSaisi,
    *,
    sauf_cle: bytes | None = None,
) -> Sequence[Mapping[str, Any]]:
    """The active RDV to come of the person with this numéro fiscal or SIREN; the right is in the query.

    What was shown is journaled. ``sauf_cle`` leaves out the one that this very request has made.
    """
    async with outils.db.read() as conn:
        futurs = await find_futurs(
            conn,
            acteur.agent_id,
            contexte.id,
            clock.now(),
            numero_fiscal=usager.numero_fiscal,
            siren=usager.siren,
            sauf_cle=sauf_cle,
        )
    if futurs:
        await trace_recherche(outils, acteur, request, contexte, usager, [ligne["id"] for ligne in futurs])
    return futurs


async def trace_recherche(
    outils: Outils,
    acteur: Acteur,
    request: Request[Any, Any, Any],
    contexte: ServiceContexte,
    usager: UsagerSaisi,
    rdv: Sequence[int],
    *,
    registre: bool = False,
) -> None:
    """Who was looked up, as the print of each number; which RDV were shown; whether a register answered."""
    numeros = {"numero_fiscal": usager.numero_fiscal, "siren": usager.siren}
    criteres = {nom: print_critere(outils.settings, nom, valeur) for nom, valeur in numeros.items() if valeur}
    faits = {"criteres": criteres, "rdv": list(rdv), "registre": registre}
    await write_acte(outils, acteur, request, Trace("usager.recherche", contexte.id, apres=faits))


def present_futurs(futurs: Sequence[Mapping[str, Any]], contexte: ServiceContexte) -> list[dict[str, str]]:
    """Links to them: when, and what for."""
    lignes = []
    for rdv in futurs:
        motif, guichet = contexte.motifs.get(rdv["motif_id"]), contexte.guichets.get(rdv["guichet_id"])
        mots = (motif.libelle if motif else "", TYPES[rdv["type_rdv"]], guichet.nom if guichet else "")
        jour = jour_moyen(rdv["debut"].astimezone(contexte.zone).date())
        lignes.append(
            {
                "url": f"/rendez-vous/{rdv['id']}",
                "quand": f"{jour} à {heure(rdv['debut'], contexte.zone)}",
                "quoi": ", ".join(mot for mot in mots if mot),
            }
        )
    return lignes
