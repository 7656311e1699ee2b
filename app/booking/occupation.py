"""What is said of a place that is taken: by what, to who may know it, and where else to go."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, DateTime, bindparam, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking.contexte import ServiceContexte, Versions
from app.booking.droits import AGENT, SERVICE, scoped
from app.booking.jugement import Place
from app.booking.outils import Auteur, Outils
from app.booking.quota import QuotaAtteint
from app.booking.store import nom_affiche
from app.booking.traces import Trace, write_lines
from app.domain.delegation import Delegation
from app.domain.horaires import from_minute
from app.errors import CreneauPris
from app.tables import RdvUsager, RendezVous

#: Rendez-vous named in the sentence.
_CITES: Final = 3
_INSTANT: Final = DateTime(timezone=True)


async def add_alternatives(
    outils: Outils,
    conn: AsyncConnection,
    demande: Place,
    refus: CreneauPris,
    maintenant: datetime,
    versions: Versions | None = None,
    *,
    delegation: Delegation | None = None,
    acquis: date | None = None,
) -> None:
    """Complete a 409 with the free créneaux nearest to the one that was taken, under that same delegation.

    ``acquis``: the day whose quota already counts what is asked for. ``details['disponibilite']`` is what they were
    found in: whoever shows the refusal need not read it again.
    """
    dispo = await outils.dispo.read(
        conn,
        demande.service_id,
        motif_id=demande.motif_id,
        type_rdv=demande.type_rdv,
        canal=demande.canal,
        maintenant=maintenant,
        versions=versions,
        delegation=delegation,
    )
    if acquis is not None:
        dispo = dispo.reopen(acquis)
    refus.details["alternatives"] = dispo.alternatives(demande.debut)
    refus.details["zone"] = dispo.contexte.zone
    refus.details["disponibilite"] = dispo


_OCCUPANTS: Final = scoped(
    select(
        RendezVous.id,
        RendezVous.debut,
        RendezVous.fin,
        RendezVous.etat,
        RdvUsager.nature,
        RdvUsager.civilite,
        RdvUsager.nom_usage,
        RdvUsager.raison_sociale,
    )
    .outerjoin(RdvUsager, RdvUsager.rdv_id == RendezVous.id)
    .where(
        RendezVous.service_id == SERVICE,
        RendezVous.guichet_id == bindparam("guichet", type_=BigInteger),
        RendezVous.occupe,
        RendezVous.debut < bindparam("fin", type_=_INSTANT),
        RendezVous.fin > bindparam("debut", type_=_INSTANT),
        or_(RendezVous.expire_a.is_(None), RendezVous.expire_a > bindparam("maintenant", type_=_INSTANT)),
    )
    .order_by(RendezVous.debut)
    .limit(_CITES + 1),
    AGENT,
    "agenda",
)


async def explain_occupation(
    conn: AsyncConnection,
    contexte: ServiceContexte,
    demande: Place,
    auteur: Auteur,
    refus: CreneauPris,
    maintenant: datetime,
    *,
    sauf: int | None = None,
) -> CreneauPris:
    """The refusal to answer with: an attached agent is told what occupies the guichet that he asked for.

    He holds the agenda where it shows, and nobody was faster than he: « vient d’être pris » would send him looking for
    a rival. What he is told of people is journaled. Usagers and agents extérieurs, who see no agenda, are told nothing
    more [A1, summary table]. ``sauf``: the RDV that is moved, which stands in nobody's way.
    """
    if demande.canal != "rattache" or auteur.agent_id is None or isinstance(refus, QuotaAtteint):
        return refus
    if demande.guichet_id is None:
        return CreneauPris("Aucun guichet n’est libre à cette heure.", **refus.details)
    fin = demande.debut + (demande.duree or contexte.motif(demande.motif_id).duree)
    valeurs = {
        "service": contexte.id,
        "guichet": demande.guichet_id,
        "debut": from_minute(demande.debut),
        "fin": from_minute(fin),
        "maintenant": maintenant,
        "agent": auteur.agent_id,
    }
    lignes = [ligne for ligne in (await conn.execute(_OCCUPANTS, valeurs)).mappings() if ligne["id"] != sauf]
    if not lignes:
        return refus
    cites = [_cite(ligne, contexte.zone) for ligne in lignes[:_CITES]]
    if len(lignes) > _CITES:
        cites.append("au-delà")
    lus = [ligne["id"] for ligne in lignes[:_CITES] if ligne["nature"] is not None]
    traces = [Trace("rdv.lu", contexte.id, rdv_id, {"par": "chevauchement"}) for rdv_id in lus]
    await write_lines(conn, auteur, maintenant, *traces)
    return CreneauPris(f"Ce guichet est déjà occupé {_enumerate(cites)}.", champs=refus.champs, **refus.details)


def _cite(ligne: Any, zone: ZoneInfo) -> str:
    """« de 09:20 à 09:40 (Madame VALENTON) »."""
    qui = "réservation en cours" if ligne["etat"] == "option" else nom_affiche(ligne) if ligne["nature"] else ""
    horaire = f"de {ligne['debut'].astimezone(zone):%H:%M} à {ligne['fin'].astimezone(zone):%H:%M}"
    return f"{horaire} ({qui})" if qui else horaire


def _enumerate(morceaux: list[str]) -> str:
    return " et ".join([", ".join(morceaux[:-1]), morceaux[-1]] if len(morceaux) > 1 else morceaux)
