"""What a service opens of the catalogue: durations, messages, grid; written in one change."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.admin.chantier import Chantier, organise, record_objet
from app.admin.parametres.champs import check_connus
from app.admin.parametres.fusion import Fusion, build_conflit, merge, read_vu
from app.admin.saisie import Saisie
from app.booking.contexte import MotifOffert, ServiceContexte, read_contexte
from app.booking.outils import Auteur, Outils
from app.domain.plages import OuverturesParJour
from app.errors import Conflit
from app.tables import MotifService, RendezVous, ServiceFiscal

PAS, DUREE = "pas", "duree"
MESSAGE_MAX: Final = 300
_PAS_MIN, _PAS_MAX, _DUREE_MIN, _DUREE_MAX = 5, 240, 5, 480


class FermetureAConfirmer(Conflit):
    """409: motifs that are closed here have RDV to come. ``details['fermes']``: [(id, words, number)]."""

    code = "fermeture-a-confirmer"
    phrase = "Des rendez-vous à venir portent des motifs que vous fermez."
    remede = "Ils sont maintenus. Enregistrez quand même, ou rouvrez ces motifs."


@dataclass(frozen=True, slots=True)
class Offre:
    """One motif as the form sends it. ``duree`` None: the service's own."""

    ouvert: bool
    duree: int | None
    message: str


def list_offerts(contexte: ServiceContexte) -> list[MotifOffert]:
    """The motifs that a service opens or closes: active, and at the end of their branch (or open all the same)."""
    parents = {m.parent_id for m in contexte.motifs.values() if m.actif}
    return [m for m in contexte.motifs.values() if m.actif and (m.id not in parents or m.ouvert)]


def to_vu(contexte: ServiceContexte) -> dict[str, Any]:
    """What is recorded, key by key: the form shows it, and comes back with it."""
    valeurs: dict[str, Any] = {PAS: contexte.pas, DUREE: contexte.duree}
    for motif in list_offerts(contexte):
        valeurs[f"o{motif.id}"] = motif.ouvert
        valeurs[f"d{motif.id}"] = motif.duree_propre
        valeurs[f"m{motif.id}"] = motif.message
    return valeurs


def read_saisie(saisie: Saisie, contexte: ServiceContexte, vu: Mapping[str, Any]) -> dict[str, Any]:
    """What was typed, for the motifs that the form showed; sentences go to ``saisie``, unknown fields are refused."""
    montres = [m.id for m in contexte.motifs.values() if f"o{m.id}" in vu]
    champs = {f"{lettre}{ident}" for ident in contexte.motifs for lettre in "dm"}
    check_connus(saisie, {PAS, DUREE, "vu", "ouvert", "faire", "confirme", *champs})
    permis = {str(ident) for ident in contexte.motifs}
    ouverts = set(saisie.cases("ouvert", sorted(permis)))
    valeurs: dict[str, Any] = {
        PAS: saisie.entier(
            PAS, minimum=_PAS_MIN, maximum=_PAS_MAX, requis="Indiquez le pas de la grille.", unite="minutes"
        ),
        DUREE: saisie.entier(
            DUREE, minimum=_DUREE_MIN, maximum=_DUREE_MAX, requis="Indiquez la durée habituelle.", unite="minutes"
        ),
    }
    for ident in montres:
        valeurs[f"o{ident}"] = str(ident) in ouverts
        valeurs[f"d{ident}"] = saisie.entier(f"d{ident}", minimum=_DUREE_MIN, maximum=_DUREE_MAX, unite="minutes")
        valeurs[f"m{ident}"] = saisie.texte(f"m{ident}", maximum=MESSAGE_MAX)
    return valeurs


async def save_offre(outils: Outils, auteur: Auteur, maintenant: datetime, service_id: int, saisie: Saisie) -> None:
    """Judge and write all of it in one transaction. Raises SaisieInvalide, ConflitEdition, FermetureAConfirmer."""
    vu = read_vu(saisie.brut("vu"))

    async def travail(chantier: Chantier) -> None:
        contexte = await read_contexte(chantier.conn, service_id)
        valeurs = read_saisie(saisie, contexte, vu)
        saisie.check()
        actuelles = to_vu(contexte)
        fusion = merge(vu, {cle: v for cle, v in valeurs.items() if cle in actuelles}, actuelles)
        if fusion.conflits:
            raise await _conflit(chantier, contexte, fusion)
        if not fusion.changes:
            return
        fermes = [int(cle[1:]) for cle, v in fusion.changes.items() if cle[0] == "o" and v is False]
        confirmes = {int(i) for i in saisie.cases("confirme", [str(i) for i in contexte.motifs])}
        if not confirmes.issuperset(fermes):
            await _check_fermes(chantier.conn, contexte, fermes, confirmes, maintenant)
        await _write_service(chantier, fusion.changes)
        await _write_motifs(chantier, contexte, fusion.changes)
        chantier.announce()

    await organise(outils, auteur, service_id, travail, maintenant, action="motif_service.modifie")


async def _conflit(chantier: Chantier, contexte: ServiceContexte, fusion: Fusion) -> Exception:
    mots = {cle: _mot(cle, valeur) for cle, valeur in fusion.conflits.items()}
    return await build_conflit(chantier.conn, "motif_service", chantier.service_id, mots)


def _mot(cle: str, valeur: Any) -> str:
    if cle[0] == "o" and isinstance(valeur, bool):
        return "ouvert" if valeur else "fermé"
    if cle in (PAS, DUREE) or cle[0] == "d":
        return f"{valeur}\u00a0minutes" if valeur else "durée habituelle"
    return str(valeur or "aucun message")


def say_saisie(valeurs: Mapping[str, Any]) -> dict[str, str]:
    """What was typed, in the words of the comparison."""
    return {cle: _mot(cle, valeur) for cle, valeur in valeurs.items()}


def list_libelles(contexte: ServiceContexte) -> dict[str, str]:
    """Key → words, for the comparison of two versions."""
    mots = {PAS: "Pas de la grille", DUREE: "Durée habituelle"}
    for motif in contexte.motifs.values():
        mots[f"o{motif.id}"] = f"{motif.libelle} : ouvert ou fermé"
        mots[f"d{motif.id}"] = f"{motif.libelle} : durée"
        mots[f"m{motif.id}"] = f"{motif.libelle} : message"
    return mots


async def count_a_venir(
    conn: AsyncConnection, service_id: int, motifs: Sequence[int], maintenant: datetime
) -> dict[int, int]:
    """Rendez-vous to come by motif, in this service."""
    lignes = await conn.execute(
        select(RendezVous.motif_id, func.count().label("nombre"))
        .where(
            RendezVous.service_id == service_id,
            RendezVous.jour >= maintenant.astimezone(UTC).date() - timedelta(days=1),
            RendezVous.debut > maintenant,
            RendezVous.etat == "prevu",
            RendezVous.motif_id.in_(motifs),
        )
        .group_by(RendezVous.motif_id)
    )
    return {ligne.motif_id: ligne.nombre for ligne in lignes}


async def _check_fermes(
    conn: AsyncConnection,
    contexte: ServiceContexte,
    fermes: Sequence[int],
    confirmes: Collection[int],
    maintenant: datetime,
) -> None:
    nombres = await count_a_venir(conn, contexte.id, fermes, maintenant)
    if not nombres.keys() <= set(confirmes):
        raise FermetureAConfirmer(
            fermes=[(ident, contexte.motifs[ident].libelle, nombres[ident]) for ident in fermes if ident in nombres]
        )


async def _write_service(chantier: Chantier, changes: Mapping[str, Any]) -> None:
    colonnes = {PAS: "pas_minutes", DUREE: "duree_minutes"}
    voulus = {colonnes[cle]: valeur for cle, valeur in changes.items() if cle in colonnes}
    if not voulus:
        return
    await chantier.conn.execute(update(ServiceFiscal).where(ServiceFiscal.id == chantier.service_id).values(**voulus))
    await record_objet(
        chantier.uow,
        chantier.auteur,
        chantier.maintenant,
        "service.modifie",
        "service",
        chantier.service_id,
        chantier.service_id,
        {nom: chantier.service[nom] for nom in voulus},
        voulus,
    )


async def _write_motifs(chantier: Chantier, contexte: ServiceContexte, changes: Mapping[str, Any]) -> None:
    """One statement for all the motifs, one journal row each."""
    touches = sorted({int(cle[1:]) for cle in changes if cle not in (PAS, DUREE)})
    if not touches:
        return
    avant = {i: _offre(contexte.motifs[i]) for i in touches}
    apres = {
        i: Offre(
            changes.get(f"o{i}", avant[i].ouvert),
            changes.get(f"d{i}", avant[i].duree),
            changes.get(f"m{i}", avant[i].message),
        )
        for i in touches
    }
    lignes = [
        {
            "service_id": chantier.service_id,
            "motif_id": i,
            "ouvert": offre.ouvert,
            "duree_minutes": offre.duree,
            "message": offre.message,
        }
        for i, offre in apres.items()
    ]
    ordre = pg_insert(MotifService).values(lignes)
    await chantier.conn.execute(
        ordre.on_conflict_do_update(
            index_elements=["service_id", "motif_id"],
            set_={nom: ordre.excluded[nom] for nom in ("ouvert", "duree_minutes", "message")},
        )
    )
    for i in touches:
        await record_objet(
            chantier.uow,
            chantier.auteur,
            chantier.maintenant,
            "motif_service.modifie",
            "motif_service",
            i,
            chantier.service_id,
            _faits(contexte.motifs[i], avant[i]),
            _faits(contexte.motifs[i], apres[i]),
        )


def _offre(motif: MotifOffert) -> Offre:
    return Offre(motif.ouvert, motif.duree_propre, motif.message)


def _faits(motif: MotifOffert, offre: Offre) -> dict[str, Any]:
    return {
        "libelle": motif.libelle,
        "ouvert": offre.ouvert,
        "duree": f"{offre.duree}\u00a0minutes" if offre.duree else "durée habituelle",
        "message": offre.message,
    }


def measure_plages(contexte: ServiceContexte, maintenant: datetime) -> dict[int, int]:
    """Guichet → minutes of its longest plage within the next thirty days; absent without any."""
    du = maintenant.astimezone(contexte.zone).date()
    au = du + timedelta(days=30)
    ouvertures: OuverturesParJour = contexte.ouvertures(du, au)
    longues: dict[int, int] = {}
    for jour in (du + timedelta(days=n) for n in range(31)):
        for guichet_id in contexte.guichets:
            for plage in ouvertures.get(guichet_id, jour):
                longues[guichet_id] = max(longues.get(guichet_id, 0), plage.fin - plage.debut)
    return longues
