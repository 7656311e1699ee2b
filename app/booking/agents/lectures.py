"""SQL behind the attached agent's screens. One statement per screen's rows, never one per row.

Each statement asks the right again (module *agenda* of the service): the door that was checked before it proves nothing
any more once the right is withdrawn.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import null, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking.droits import has_acces, permis, scoped
from app.errors import AccesRefuse
from app.tables import Agenda, Agent, Journal, Maintien, Motif, Passage, RdvUsager, RendezVous, ServiceFiscal, Usager

PHRASE = "Ce service ne fait pas partie de ceux auxquels vous êtes rattaché."
_NOM = (RdvUsager.nature, RdvUsager.nom_usage, RdvUsager.prenoms, RdvUsager.raison_sociale)
_PASSAGE = (Passage.arrivee_a, Passage.appel_a, Passage.reception_a, Passage.fin_a)


def nom_agenda(usager: Mapping[str, Any]) -> str:
    """« VALENTON Philippe » or the raison sociale, as agents look people up [A1 §3.2]; holds have none."""
    if usager["nature"] is None:
        return ""
    if usager["nature"] == "professionnel":
        return str(usager["raison_sociale"]) or "Usager anonymisé"
    return f"{usager['nom_usage'].upper()} {usager['prenoms']}".strip() or "Usager anonymisé"


async def read_jours(conn: AsyncConnection, agent_id: int, service_id: int, du: date, au: date) -> list[dict[str, Any]]:
    """RDV and holds of the local days ``du``..``au`` with names and presence, by hour.

    Cancelled ones are given too (nobody draws them): the hours that a grid spans must not shrink when a RDV outside
    the plages is cancelled, or a live page would no longer equal a fresh one. Raises AccesRefuse without the right: a
    drawing is shared between agents, and « nothing to see » must never be drawn for « not yours ».
    """
    droit = permis(agent_id, "agenda", service_id)
    lignes = await conn.execute(
        select(
            RendezVous.id,
            RendezVous.guichet_id,
            RendezVous.motif_id,
            RendezVous.type_rdv,
            RendezVous.debut,
            RendezVous.fin,
            RendezVous.jour,
            RendezVous.etat,
            RendezVous.nature_option,
            RendezVous.expire_a,
            Motif.libelle.label("motif_libelle"),
            ServiceFiscal.libelle.label("origine_libelle"),
            *_NOM,
            *_PASSAGE,
        )
        .select_from(droit)
        .outerjoin(RendezVous, (RendezVous.service_id == droit.c.service_id) & RendezVous.jour.between(du, au))
        .outerjoin(Motif, Motif.id == RendezVous.motif_id)
        .outerjoin(ServiceFiscal, ServiceFiscal.id == RendezVous.service_origine_id)
        .outerjoin(RdvUsager, RdvUsager.rdv_id == RendezVous.id)
        .outerjoin(Passage, Passage.rdv_id == RendezVous.id)
        .order_by(RendezVous.debut, RendezVous.id)
    )
    trouvees = lignes.mappings().all()
    if not trouvees:
        raise AccesRefuse(PHRASE)
    return [dict(ligne) for ligne in trouvees if ligne["id"] is not None]


async def read_confies(
    conn: AsyncConnection, agent_id: int, service_id: int, du: date, au: date
) -> list[dict[str, Any]]:
    """RDV that the service has entrusted to others over the local days ``du``..``au``, by hour [G 2.3.5].

    With what says whether who receives them still can. Neither holds nor cancelled ones. Raises AccesRefuse without the
    right.
    """
    droit = permis(agent_id, "agenda", service_id)
    siens = (
        (RendezVous.service_origine_id == droit.c.service_id)
        & RendezVous.jour.between(du, au)
        & RendezVous.etat.not_in(["option", "annule"])
    )
    lignes = await conn.execute(
        select(
            RendezVous.id,
            RendezVous.service_id,
            RendezVous.guichet_id,
            RendezVous.motif_id,
            RendezVous.type_rdv,
            RendezVous.debut,
            RendezVous.fin,
            RendezVous.jour,
            RendezVous.etat,
            RendezVous.forcages,
            RendezVous.revision,
            Maintien.revision_rdv.label("maintien_revision"),
            Maintien.cause.label("maintien_cause"),
            Motif.libelle.label("motif_libelle"),
            ServiceFiscal.libelle.label("receveur_libelle"),
            ServiceFiscal.ville.label("receveur_ville"),
            *_NOM,
            *_PASSAGE,
        )
        .select_from(droit)
        .outerjoin(RendezVous, siens)
        .outerjoin(Maintien, Maintien.rdv_id == RendezVous.id)
        .outerjoin(Motif, Motif.id == RendezVous.motif_id)
        .outerjoin(ServiceFiscal, ServiceFiscal.id == RendezVous.service_id)
        .outerjoin(RdvUsager, RdvUsager.rdv_id == RendezVous.id)
        .outerjoin(Passage, Passage.rdv_id == RendezVous.id)
        .order_by(RendezVous.debut, RendezVous.id)
    )
    trouvees = lignes.mappings().all()
    if not trouvees:
        raise AccesRefuse(PHRASE)
    return [dict(ligne) for ligne in trouvees if ligne["id"] is not None]


async def read_receveurs(
    conn: AsyncConnection, agent_id: int, service_id: int, du: date, au: date
) -> dict[int, tuple[int, int]]:
    """Services that receive those RDV → (version of their public créneaux, of their planning), by id."""
    droit = permis(agent_id, "agenda", service_id)
    receveurs = select(RendezVous.service_id).where(
        RendezVous.service_origine_id == droit.c.service_id,
        RendezVous.jour.between(du, au),
        RendezVous.etat.not_in(["option", "annule"]),
    )
    requete = (
        select(Agenda.service_id, Agenda.version_creneaux, Agenda.version_planning)
        .where(Agenda.service_id.in_(receveurs))
        .order_by(Agenda.service_id)
    )
    return {ident: (creneaux, planning) for ident, creneaux, planning in await conn.execute(requete)}


_TABLEAU = text(
    """
    WITH permis AS (
        SELECT service_id, array_agg(module) AS modules FROM acces WHERE agent_id = :agent GROUP BY service_id
    )
    SELECT s.id, s.site_id, s.sages, s.codique, s.libelle, s.code_postal, s.ville, s.fuseau, s.ferme_a, p.modules,
           j.jour, a.version, (SELECT valeur FROM epoque) AS epoque,
           (SELECT json_object_agg(c.etat, c.nombre) FROM compteur_jour c
             WHERE c.service_id = s.id AND c.jour = j.jour) AS compteurs,
           (SELECT min(pa.arrivee_a) FROM passage pa JOIN rendez_vous r ON r.id = pa.rdv_id
             WHERE pa.service_id = s.id AND pa.jour = j.jour AND r.etat IN ('arrive', 'appele')) AS attend_depuis
      FROM permis p
      JOIN service_fiscal s ON s.id = p.service_id
      JOIN agenda a ON a.service_id = s.id
      CROSS JOIN LATERAL (SELECT (CAST(:maintenant AS timestamptz) AT TIME ZONE s.fuseau)::date AS jour) j
     WHERE p.modules && ARRAY['agenda', 'accueil']
        OR ('organiser' = ANY(p.modules)
            AND (SELECT count(*) FROM permis q WHERE 'organiser' = ANY(q.modules)) <= :organises)
     ORDER BY s.libelle, s.id
    """
)


#: Services organised without being attached to them that a dashboard lists; beyond, the directory finds them.
_ORGANISES = 200


async def read_tableau(conn: AsyncConnection, agent_id: int, maintenant: datetime) -> list[dict[str, Any]]:
    """The services of the zone de compétence and those organised, by name: modules, version, counters of its own day.

    One statement, hence one snapshot: the figures are those of the version beside them.
    """
    lignes = await conn.execute(_TABLEAU, {"agent": agent_id, "maintenant": maintenant, "organises": _ORGANISES})
    return [dict(ligne) for ligne in lignes.mappings()]


async def read_fiche(conn: AsyncConnection, agent_id: int, rdv_id: int) -> dict[str, Any] | None:
    """Everything known of one RDV: its row, its person, its presence, who took, who cancelled it; None if not his.

    His are those of his services, and those that they have entrusted to another [G 2.3.5].
    """
    preneur, annuleur = Agent.__table__.alias("preneur"), Agent.__table__.alias("annuleur")
    rdv, usager = RendezVous.__table__, RdvUsager.__table__
    requete = (
        select(
            *[c for c in rdv.c if c.name not in _SECRETS],
            *[c for c in usager.c if c.name != "rdv_id"],
            *_PASSAGE,
            preneur.c.prenom.label("preneur_prenom"),
            preneur.c.nom.label("preneur_nom"),
            annuleur.c.prenom.label("annuleur_prenom"),
            annuleur.c.nom.label("annuleur_nom"),
            Motif.libelle.label("motif_libelle"),
            ServiceFiscal.libelle.label("origine_libelle"),
        )
        .select_from(rdv)
        .outerjoin(Motif, Motif.id == rdv.c.motif_id)
        .outerjoin(ServiceFiscal, ServiceFiscal.id == rdv.c.service_origine_id)
        .outerjoin(usager, usager.c.rdv_id == rdv.c.id)
        .outerjoin(Passage, Passage.rdv_id == rdv.c.id)
        .outerjoin(preneur, preneur.c.id == rdv.c.cree_par)
        .outerjoin(annuleur, annuleur.c.id == rdv.c.annule_par_agent)
        .where(rdv.c.id == rdv_id, rdv.c.etat != "option")
    )
    ligne = (await conn.execute(scoped(requete, agent_id, "agenda", origine=True))).mappings().one_or_none()
    return None if ligne is None else dict(ligne)


#: Prints and salts never leave the store.
_SECRETS = frozenset(
    {"lien_sel", "lien_empreinte", "cle_idempotence", "empreinte_demande", "option_empreinte", "nature_option"}
)
#: Reads and refused reads are for the controller of the journal, not for the story of a RDV.
#: Ticks of the usager's checklist are shown as they are now.
_HORS_HISTOIRE = ("rdv.lu", "rdv.acces_refuse", "usager.recherche", "rdv.documents")


async def read_histoire(conn: AsyncConnection, agent_id: int, rdv_id: int) -> list[dict[str, Any]]:
    """What happened to a RDV, oldest first, with the agents' names; nothing when it is not his."""
    requete = (
        select(Journal.a, Journal.acteur, Journal.action, Journal.avant, Journal.apres, Agent.prenom, Agent.nom)
        .join(RendezVous, RendezVous.id == Journal.rdv_id)
        .outerjoin(Agent, Agent.id == Journal.agent_id)
        .where(Journal.rdv_id == rdv_id, Journal.action.not_in(_HORS_HISTOIRE))
        .order_by(Journal.id)
    )
    lignes = await conn.execute(scoped(requete, agent_id, "agenda", origine=True))
    return [dict(ligne) for ligne in lignes.mappings()]


async def read_noms(conn: AsyncConnection, agents: Collection[int]) -> dict[int, str]:
    """« Claire MOREL » by id of these agents, whom a story speaks of; no question without anybody."""
    if not agents:
        return {}
    lignes = await conn.execute(select(Agent.id, Agent.prenom, Agent.nom).where(Agent.id.in_(agents)))
    return {ident: f"{prenom} {nom.upper()}".strip() for ident, prenom, nom in lignes}


def meme_personne(numero_fiscal: str | None, siren: str | None) -> Any:
    """The condition that a snapshot is of the person with this numéro fiscal or SIREN; one of them at least."""
    criteres = []
    if numero_fiscal:
        criteres.append(RdvUsager.numero_fiscal == numero_fiscal)
    if siren:
        criteres.append(RdvUsager.siren == siren)
    return or_(*criteres)


async def find_futurs(
    conn: AsyncConnection,
    agent_id: int,
    service_id: int,
    maintenant: datetime,
    *,
    numero_fiscal: str | None,
    siren: str | None,
    sauf_cle: bytes | None = None,
) -> list[dict[str, Any]]:
    """The active RDV to come, in the service, of the person with this numéro fiscal or SIREN [A1 §3.2].

    ``sauf_cle`` leaves out the RDV that the very same request has already made (a double click).
    """
    if not numero_fiscal and not siren:
        return []
    requete = (
        select(RendezVous.id, RendezVous.debut, RendezVous.motif_id, RendezVous.guichet_id, RendezVous.type_rdv)
        .join(RdvUsager, RdvUsager.rdv_id == RendezVous.id)
        .where(
            meme_personne(numero_fiscal, siren),
            RendezVous.service_id == service_id,
            has_acces(agent_id, "agenda", service_id),
            RendezVous.fin > maintenant,
            RendezVous.etat.in_(["prevu", "arrive", "appele", "recu"]),
        )
        .order_by(RendezVous.debut)
        .limit(5)
    )
    if sauf_cle is not None:
        requete = requete.where(or_(RendezVous.cle_idempotence.is_(None), RendezVous.cle_idempotence != sauf_cle))
    return [dict(ligne) for ligne in (await conn.execute(requete)).mappings()]


_IDENTITE = (
    "nature",
    "civilite",
    "nom_usage",
    "nom_naissance",
    "prenoms",
    "date_naissance",
    "numero_fiscal",
    "raison_sociale",
    "siren",
    "contact",
    "telephones",
    "courriel",
)


async def find_identite(
    conn: AsyncConnection, agent_id: int, service_id: int, *, numero_fiscal: str | None, siren: str | None
) -> dict[str, Any] | None:
    """What is known of a person, for an agent of the service: its last entry here, else the register; else None.

    ``rdv_id`` is the RDV it comes from, None for the register.
    """
    if not numero_fiscal and not siren:
        return None
    droit = has_acces(agent_id, "agenda", service_id)
    usager = RdvUsager.__table__
    derniere = (
        select(*[usager.c[nom] for nom in _IDENTITE], usager.c.rdv_id)
        .join(RendezVous, RendezVous.id == usager.c.rdv_id)
        .where(
            meme_personne(numero_fiscal, siren),
            RendezVous.service_id == service_id,
            usager.c.anonymise_a.is_(None),
            droit,
        )
        .order_by(RendezVous.cree_a.desc(), RendezVous.id.desc())
        .limit(1)
    )
    registre = Usager.__table__
    connu = select(*[registre.c[nom] for nom in _IDENTITE], null().label("rdv_id")).where(
        registre.c.numero_fiscal == numero_fiscal if numero_fiscal else registre.c.siren == siren, droit
    )
    for requete in (derniere, connu):
        ligne = (await conn.execute(requete)).mappings().one_or_none()
        if ligne is not None:
            return dict(ligne)
    return None
