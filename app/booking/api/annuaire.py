"""The directory as the API reads it: by postal code, SAGES, CODIQUE, or the perimeter of the key [C §3]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, Text, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.booking.api.reponses import MotifPropose, Service
from app.booking.contexte import MotifOffert, ServiceContexte
from app.identite.cles import AccesCle

TYPES = ("guichet", "telephone", "visio")


@dataclass(frozen=True, slots=True)
class Recherche:
    """Criteria; without a place or a code, the services of the perimeter. ``apres``: id after which to go on."""

    code_postal: str | None = None
    type_code: str | None = None
    sages: str | None = None
    codique: str | None = None
    apres: int = 0


#: By address only the types that are found so: a specialised trésorerie is found by its codes alone [A1 §3.3].
_SERVICES = text(
    """
    SELECT s.id, s.type_code, s.libelle, s.sages, s.codique, s.adresse, s.complement_adresse, s.code_postal, s.ville,
           s.departement, s.telephone, s.courriel, s.fuseau, s.accessibilite, s.horaires_texte,
           s.ferme_a IS NOT NULL AS ferme,
           s.en_ligne AND s.ferme_a IS NULL AS prise_en_ligne,
           EXISTS (SELECT FROM guichet g WHERE g.service_id = s.id AND g.ouvert
                      AND (g.canaux IS NULL OR 'internet' = ANY (g.canaux))) AS recoit_en_ligne,
           (SELECT max(d.au) FROM delegation d JOIN service_fiscal b ON b.id = d.service_delegue_id
             WHERE d.service_id = s.id AND d.etat = 'acceptee' AND b.ferme_a IS NULL
               AND EXISTS (SELECT FROM motif m WHERE m.id = ANY (d.motifs) AND m.actif)
               AND EXISTS (SELECT FROM guichet g WHERE g.service_id = b.id AND g.ouvert
                              AND (g.canaux IS NULL OR 'internet' = ANY (g.canaux)))) AS delegue_jusqu_a,
           (SELECT p.valeur #>> '{}' FROM parametre p
             WHERE p.cle = 'ouverture_nationale' AND (p.service_id IS NULL OR p.service_id = s.id)
             ORDER BY p.service_id NULLS LAST LIMIT 1) AS ouverture_nationale
      FROM service_fiscal s JOIN type_service t ON t.code = s.type_code
     WHERE s.id > :apres
       AND (CAST(:service AS bigint) IS NOT NULL OR s.ferme_a IS NULL)
       AND (CAST(:service AS bigint) IS NULL OR s.id = :service)
       AND (CAST(:type_code AS text) IS NULL OR upper(s.type_code) = upper(:type_code))
       AND (CAST(:sages AS text) IS NULL OR s.sages = :sages)
       AND (CAST(:codique AS text) IS NULL OR s.codique = :codique)
       AND (CAST(:code_postal AS text) IS NULL OR t.par_adresse AND s.id IN (
             SELECT c.service_id FROM commune v JOIN competence c ON c.code_insee = v.code_insee
              WHERE v.codes_postaux @> ARRAY[CAST(:code_postal AS text)]))
       AND (CAST(:agent AS bigint) IS NULL OR s.id IN (
             SELECT h.service_id FROM habilitation_service h WHERE h.agent_id = :agent))
     ORDER BY s.id
     LIMIT :limite
    """
).bindparams(
    bindparam("service", type_=BigInteger),
    bindparam("agent", type_=BigInteger),
    bindparam("apres", type_=BigInteger),
    *(bindparam(nom, type_=Text) for nom in ("type_code", "sages", "codique", "code_postal")),
)


async def find_services(
    conn: AsyncConnection, recherche: Recherche, acces: AccesCle, maintenant: datetime, *, limite: int
) -> list[Service]:
    """At most ``limite`` services still open that meet every criterion, in id order."""
    par_critere = recherche.code_postal or recherche.sages or recherche.codique
    valeurs = {
        "service": None,
        "agent": None if par_critere else acces.acteur.agent_id,
        "apres": recherche.apres,
        "type_code": recherche.type_code,
        "sages": recherche.sages,
        "codique": recherche.codique,
        "code_postal": recherche.code_postal,
        "limite": limite,
    }
    lignes = (await conn.execute(_SERVICES, valeurs)).mappings()
    return [_service(dict(ligne), acces, maintenant) for ligne in lignes]


async def find_service(conn: AsyncConnection, service_id: int, acces: AccesCle, maintenant: datetime) -> Service | None:
    """One service, closed or not; None when there is none."""
    valeurs = dict.fromkeys(("agent", "type_code", "sages", "codique", "code_postal"))
    lignes = await conn.execute(_SERVICES, {**valeurs, "service": service_id, "apres": 0, "limite": 1})
    ligne = lignes.mappings().one_or_none()
    return None if ligne is None else _service(dict(ligne), acces, maintenant)


def _service(ligne: Mapping[str, Any], acces: AccesCle, maintenant: datetime) -> Service:
    ouverture = ligne["ouverture_nationale"]
    aujourdhui = maintenant.astimezone(ZoneInfo(ligne["fuseau"])).date()
    nationale = ouverture is None or date.fromisoformat(ouverture) <= aujourdhui
    delegue = ligne["delegue_jusqu_a"]
    recoit = ligne["recoit_en_ligne"] or (delegue is not None and delegue >= aujourdhui)
    adresse = (ligne["adresse"], ligne["complement_adresse"], f"{ligne['code_postal']} {ligne['ville']}")
    return Service(
        id=ligne["id"],
        type=ligne["type_code"],
        libelle=ligne["libelle"],
        sages=ligne["sages"] or "",
        codique=ligne["codique"],
        adresse=[morceau for morceau in adresse if morceau.strip()],
        code_postal=ligne["code_postal"],
        ville=ligne["ville"],
        departement=ligne["departement"],
        telephone=ligne["telephone"],
        courriel=ligne["courriel"],
        fuseau=ligne["fuseau"],
        accessibilite=ligne["accessibilite"],
        horaires=ligne["horaires_texte"],
        ferme=ligne["ferme"],
        prise_en_ligne=ligne["prise_en_ligne"] and nationale and recoit,
        canal="rattache" if acces.canal(ligne["id"]) == "rattache" else "exterieur",
    )


def list_motifs(contexte: ServiceContexte, canal: str) -> list[MotifPropose]:
    """The motifs that this channel may book, in the national order: open, and offered by an open guichet.

    Attached agents see every open motif: they may force the guichet's own restriction [A1, summary table].
    """
    offerts = [(m, _types(contexte, m, canal)) for m in contexte.motifs.values() if m.ouvert]
    return [
        MotifPropose(
            id=motif.id,
            libelle=motif.libelle,
            chemin=_chemin(contexte, motif),
            nature=motif.nature,  # type: ignore[arg-type] # the table's CHECK constraint holds the same list
            public=motif.public,  # type: ignore[arg-type] # as above
            duree=motif.duree,
            types=types,  # type: ignore[arg-type] # built from TYPES
            documents=list(motif.documents),
            faq_url=motif.faq_url,
            demarche_url=motif.demarche_url,
        )
        for motif, types in offerts
        if types or canal == "rattache"
    ]


def _types(contexte: ServiceContexte, motif: MotifOffert, canal: str) -> Sequence[str]:
    guichets = [
        g for g in contexte.guichets.values() if g.ouvert and g.accepts_canal(canal) and g.accepts_motif(motif.id)
    ]
    offerts = [nom for nom in TYPES if nom != "visio" or canal == "rattache" or contexte.visio_base]
    return [nom for nom in offerts if any(guichet.accepts_type(nom) for guichet in guichets)]


def _chemin(contexte: ServiceContexte, motif: MotifOffert) -> list[str]:
    """Labels of the ancestors, the widest first; a loop in the data ends it rather than the process."""
    chemin: list[str] = []
    parent, vus = motif.parent_id, {motif.id}
    while parent is not None and parent not in vus and (ancetre := contexte.motifs.get(parent)) is not None:
        chemin.append(ancetre.libelle)
        vus.add(parent)
        parent = ancetre.parent_id
    return chemin[::-1]
