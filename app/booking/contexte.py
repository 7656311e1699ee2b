"""What the rules need to know of a service, read in one query and kept for as long as its planning version holds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import ARRAY, BigInteger, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.calendrier import Parametres
from app.domain.creneaux import GuichetRegle
from app.domain.delegation import Delegation
from app.domain.parametres import Resolue, resolve
from app.domain.plages import ExceptionPlanning, OuverturesParJour, PlageType, Planning, compute_ouvertures
from app.errors import Introuvable
from app.feries import feries
from app.langue import get_langue

_T = TypeVar("_T", str, tuple[str, ...])


def choose_langue(francais: _T, anglais: _T) -> _T:
    """What the national catalogue says in the present language, else in French."""
    return anglais if anglais and get_langue() == "en" else francais


@dataclass(frozen=True, slots=True)
class MotifOffert:
    """A motif as one service offers it; ``duree`` in minutes, already the service's own when unset.

    ``actif``: still in the national catalogue; ``ouvert``: active, and opened by the service.
    """

    id: int
    parent_id: int | None
    libelle: str
    actif: bool
    ouvert: bool
    duree: int
    nature: str
    public: str
    documents: tuple[str, ...]
    faq_url: str
    demarche_url: str
    #: What this service adds for who chooses this motif.
    message: str = ""
    #: Minutes set for this motif, None when it follows the service's own duration.
    duree_propre: int | None = None
    #: In English, as far as the national catalogue says; empty: the French is shown.
    libelle_en: str = ""
    documents_en: tuple[str, ...] = ()

    @property
    def intitule(self) -> str:
        """Its words in the language of the present answer."""
        return choose_langue(self.libelle, self.libelle_en)

    @property
    def pieces(self) -> tuple[str, ...]:
        """The documents to bring, in the language of the present answer."""
        return choose_langue(self.documents, self.documents_en)


@dataclass(frozen=True, slots=True)
class ServiceContexte:
    """A service and its rules at one planning version. Immutable, shared between requests."""

    id: int
    version_planning: int
    libelle: str
    type_code: str
    site_id: int
    sages: str
    codique: str | None
    adresse: str
    complement_adresse: str
    code_postal: str
    ville: str
    departement: str
    telephone: str
    courriel: str
    accessibilite: str
    horaires_texte: str
    visio_base: str
    zone: ZoneInfo
    pas: int
    duree: int
    en_ligne: bool
    ferme: bool
    guichets: Mapping[int, GuichetRegle]
    motifs: Mapping[int, MotifOffert]
    plannings: tuple[Planning, ...]
    exceptions: tuple[ExceptionPlanning, ...]
    jours_rouverts: frozenset[date]
    parametres: Parametres
    ouverture_nationale: date | None
    #: Every parameter with its source: what the screens of « Organiser » say.
    resolues: Mapping[str, Resolue] = field(default_factory=dict, compare=False, repr=False)
    #: Guichets to which agents are assigned, who are told of their RDV.
    guichets_suivis: frozenset[int] = frozenset()
    #: Accepted delegations that it gives, and those that it receives; ended ones too, the day is the reader's to judge.
    confiees: tuple[Delegation, ...] = ()
    recues: tuple[Delegation, ...] = ()
    #: Services that have ever delegated to this one → their names: whose rendez-vous it receives.
    origines: Mapping[int, str] = field(default_factory=dict, compare=False)
    _ouvertures: dict[tuple[date, date], OuverturesParJour] = field(default_factory=dict, compare=False, repr=False)

    def feries(self, du: date, au: date) -> frozenset[date]:
        """Holidays of the service's département, both ends included."""
        return feries(self.departement, du, au)

    def ouvertures(self, du: date, au: date) -> OuverturesParJour:
        """When each guichet is open from ``du`` to ``au``; computed once per version and range."""
        cle = (du, au)
        trouvees = self._ouvertures.get(cle)
        if trouvees is None:
            trouvees = compute_ouvertures(
                list(self.guichets),
                du,
                au,
                self.plannings,
                self.exceptions,
                self.feries(du, au),
                self.jours_rouverts,
                self.zone,
            )
            if len(self._ouvertures) >= 64:
                self._ouvertures.clear()
            self._ouvertures[cle] = trouvees
        return trouvees

    def prend_en_ligne(self, aujourdhui: date) -> bool:
        """True when usagers may book online: national opening, local activation, and somewhere to be received [C §5].

        A guichet open to the internet, here or at a service, not closed, to which motifs of the catalogue are
        entrusted today or later. ``recherche.is_en_ligne`` and the API's directory say the same in SQL.
        """
        return (
            self.en_ligne
            and not self.ferme
            and (self.ouverture_nationale is None or self.ouverture_nationale <= aujourdhui)
            and (
                any(g.ouvert and (g.canaux is None or "internet" in g.canaux) for g in self.guichets.values())
                or any(delegation.is_utile(aujourdhui) for delegation in self.confiees)
            )
        )

    def prend_exterieurs(self) -> bool:
        """True when agents extérieurs may book here: an open guichet takes them [A1 §3.3]."""
        return not self.ferme and any(g.ouvert and g.accepts_canal("exterieur") for g in self.guichets.values())

    def duree_pour(self, motif_id: int, delegation: Delegation | None = None) -> int:
        """Minutes of a rendez-vous here: the service's own when it offers the motif, else those of who delegates it.

        Raises Introuvable for a motif outside its catalogue, or outside the delegation.
        """
        motif = self.motif(motif_id)
        if delegation is None or motif.ouvert:
            return motif.duree
        try:
            return delegation.motifs[motif_id]
        except KeyError:
            raise Introuvable("Ce motif n’est pas confié à ce service.") from None

    def motif(self, motif_id: int) -> MotifOffert:
        """The motif, open or not. Raises Introuvable when it is not of this service's catalogue."""
        try:
            return self.motifs[motif_id]
        except KeyError:
            raise Introuvable("Ce motif n’existe pas dans ce service.") from None

    @property
    def adresse_lignes(self) -> tuple[str, ...]:
        """The postal address, a line each, empty ones left out."""
        lignes = (self.libelle, self.adresse, self.complement_adresse, f"{self.code_postal} {self.ville}")
        return tuple(ligne for ligne in lignes if ligne.strip())


class Versions(NamedTuple):
    """The counters of a service's row of ``agenda``."""

    service: int
    creneaux: int
    affichage: int
    planning: int


async def read_versions(conn: AsyncConnection, service_id: int) -> Versions:
    """The versions now. Raises Introuvable when there is no such service."""
    ligne = (await conn.execute(_VERSIONS, {"service": service_id})).one_or_none()
    if ligne is None:
        raise Introuvable("Ce service n’existe pas.")
    return Versions(*ligne)


_VERSIONS = text(
    "SELECT version, version_creneaux, version_affichage, version_planning FROM agenda WHERE service_id = :service"
)

_CONTEXTE = text(
    """
    SELECT s.*, a.version_planning,
      (SELECT json_agg(json_build_object('id', g.id, 'nom', g.nom, 'ouvert', g.ouvert, 'motifs', g.motifs,
                                         'canaux', g.canaux, 'types', g.types) ORDER BY g.ordre, g.id)
         FROM guichet g WHERE g.service_id = s.id) AS guichets,
      (SELECT json_agg(DISTINCT ga.guichet_id) FROM guichet_agent ga JOIN guichet g ON g.id = ga.guichet_id
        WHERE g.service_id = s.id) AS suivis,
      (SELECT json_agg(json_build_object('id', m.id, 'parent_id', m.parent_id, 'libelle', m.libelle,
                                         'actif', m.actif,
                                         'ouvert', m.actif AND coalesce(ms.ouvert, FALSE),
                                         'duree', ms.duree_minutes, 'nature', m.nature, 'public', m.public,
                                         'documents', m.documents, 'faq_url', m.faq_url,
                                         'demarche_url', m.demarche_url,
                                         'libelle_en', m.libelle_en, 'documents_en', m.documents_en,
                                         'message', coalesce(ms.message, '')) ORDER BY m.ordre, m.id)
         FROM motif m LEFT JOIN motif_service ms ON ms.motif_id = m.id AND ms.service_id = s.id
        WHERE m.type_service_code = s.type_code OR ms.service_id IS NOT NULL
           OR m.id IN (SELECT unnest(d.motifs) FROM delegation d
                        WHERE d.service_delegue_id = s.id AND d.etat IN ('acceptee', 'retiree'))) AS motifs,
      (SELECT json_agg(json_build_object('id', d.id, 'service_id', d.service_id, 'libelle', a.libelle,
                                         'service_delegue_id', d.service_delegue_id, 'libelle_delegue', b.libelle,
                                         'du', d.du, 'au', d.au, 'quota_jour', d.quota_jour,
                                         'recoit', b.ferme_a IS NULL AND EXISTS (
           SELECT FROM guichet g WHERE g.service_id = b.id AND g.ouvert
              AND (g.canaux IS NULL OR 'internet' = ANY (g.canaux))), 'motifs', (
           SELECT json_object_agg(m.id, coalesce(ms.duree_minutes, a.duree_minutes))
             FROM motif m LEFT JOIN motif_service ms ON ms.motif_id = m.id AND ms.service_id = a.id
            WHERE m.id = ANY(d.motifs) AND m.actif)) ORDER BY d.id)
         FROM delegation d JOIN service_fiscal a ON a.id = d.service_id
         JOIN service_fiscal b ON b.id = d.service_delegue_id
        WHERE s.id IN (d.service_id, d.service_delegue_id) AND d.etat = 'acceptee') AS delegations,
      (SELECT json_agg(json_build_object('id', p.id, 'nom', p.nom, 'guichet_id', p.guichet_id, 'nature', p.nature,
                                         'cycle', p.cycle, 'du', p.du, 'au', p.au, 'jours', (
           SELECT json_agg(json_build_array(pj.rang, pj.jour_semaine, pl.debut_minute, pl.fin_minute, jt.nom))
             FROM planning_jour pj JOIN journee_type jt ON jt.id = pj.journee_type_id
             JOIN plage pl ON pl.journee_type_id = jt.id WHERE pj.planning_id = p.id)) ORDER BY p.id)
         FROM planning p WHERE p.service_id = s.id) AS plannings,
      (SELECT json_agg(json_build_object('id', e.id, 'nature', e.nature, 'guichet_id', e.guichet_id, 'du', e.du,
                                         'au', e.au, 'debut', e.debut_minute, 'fin', e.fin_minute,
                                         'libelle', e.libelle) ORDER BY e.id)
         FROM exception_planning e WHERE e.service_id = s.id) AS exceptions,
      (SELECT json_object_agg(a.id, a.libelle) FROM service_fiscal a
        WHERE a.id IN (SELECT d.service_id FROM delegation d
                        WHERE d.service_delegue_id = s.id AND d.etat IN ('acceptee', 'retiree'))) AS origines,
      (SELECT json_agg(j.jour) FROM jour_ouvert j WHERE j.service_id = s.id) AS jours_rouverts,
      (SELECT json_object_agg(p.cle, p.valeur) FROM parametre p WHERE p.service_id IS NULL) AS nationaux,
      (SELECT json_object_agg(p.cle, p.valeur) FROM parametre p WHERE p.service_id = s.id) AS locaux
      FROM service_fiscal s JOIN agenda a ON a.service_id = s.id
     WHERE s.id = ANY(:services)
    """
).bindparams(bindparam("services", type_=ARRAY(BigInteger)))


async def read_contexte(conn: AsyncConnection, service_id: int) -> ServiceContexte:
    """Everything the rules need of a service, in one query. Raises Introuvable."""
    lus = await read_contextes(conn, [service_id])
    if not lus:
        raise Introuvable("Ce service n’existe pas.")
    return lus[0]


async def read_contextes(conn: AsyncConnection, services: Sequence[int]) -> list[ServiceContexte]:
    """The same for several services, in one query whatever their number; unknown ones are left out."""
    lignes = (await conn.execute(_CONTEXTE, {"services": list(services)})).mappings().all()
    return [_contexte(ligne) for ligne in lignes]


def _contexte(ligne: Any) -> ServiceContexte:
    resolues = resolve(_json(ligne["nationaux"]) or {}, _json(ligne["locaux"]) or {})
    ouverture = resolues["ouverture_nationale"].valeur
    delegations = [_delegation(d) for d in _json(ligne["delegations"]) or ()]
    return ServiceContexte(
        id=ligne["id"],
        version_planning=ligne["version_planning"],
        libelle=ligne["libelle"],
        type_code=ligne["type_code"],
        site_id=ligne["site_id"],
        sages=ligne["sages"] or "",
        codique=ligne["codique"],
        adresse=ligne["adresse"],
        complement_adresse=ligne["complement_adresse"],
        code_postal=ligne["code_postal"],
        ville=ligne["ville"],
        departement=ligne["departement"],
        telephone=ligne["telephone"],
        courriel=ligne["courriel"],
        accessibilite=ligne["accessibilite"],
        horaires_texte=ligne["horaires_texte"],
        visio_base=ligne["visio_base"],
        zone=ZoneInfo(ligne["fuseau"]),
        pas=ligne["pas_minutes"],
        duree=ligne["duree_minutes"],
        en_ligne=ligne["en_ligne"],
        ferme=ligne["ferme_a"] is not None,
        guichets={g["id"]: _guichet(g) for g in _json(ligne["guichets"]) or ()},
        motifs={m["id"]: _motif(m, ligne["duree_minutes"]) for m in _json(ligne["motifs"]) or ()},
        plannings=tuple(_planning(p) for p in _json(ligne["plannings"]) or ()),
        exceptions=tuple(_exception(e) for e in _json(ligne["exceptions"]) or ()),
        jours_rouverts=frozenset(date.fromisoformat(j) for j in _json(ligne["jours_rouverts"]) or ()),
        parametres=build_parametres(resolues),
        ouverture_nationale=ouverture if isinstance(ouverture, date) else None,
        resolues=resolues,
        guichets_suivis=frozenset(_json(ligne["suivis"]) or ()),
        confiees=tuple(d for d in delegations if d.service_id == ligne["id"]),
        recues=tuple(d for d in delegations if d.service_delegue_id == ligne["id"]),
        origines={int(origine): libelle for origine, libelle in (_json(ligne["origines"]) or {}).items()},
    )


def _json(valeur: Any) -> Any:
    return json.loads(valeur) if isinstance(valeur, str) else valeur


def _ensemble(valeurs: list[Any] | None) -> frozenset[Any] | None:
    return None if valeurs is None else frozenset(valeurs)


def _guichet(g: Mapping[str, Any]) -> GuichetRegle:
    return GuichetRegle(
        g["id"], g["nom"], g["ouvert"], _ensemble(g["motifs"]), _ensemble(g["canaux"]), _ensemble(g["types"])
    )


def _motif(m: Mapping[str, Any], duree_service: int) -> MotifOffert:
    return MotifOffert(
        id=m["id"],
        parent_id=m["parent_id"],
        libelle=m["libelle"],
        actif=m["actif"],
        ouvert=m["ouvert"],
        duree=m["duree"] or duree_service,
        nature=m["nature"],
        public=m["public"],
        documents=tuple(m["documents"]),
        faq_url=m["faq_url"],
        demarche_url=m["demarche_url"],
        message=m["message"],
        duree_propre=m["duree"],
        libelle_en=m["libelle_en"],
        documents_en=tuple(m["documents_en"]),
    )


def _planning(p: Mapping[str, Any]) -> Planning:
    jours: dict[tuple[int, int], list[PlageType]] = {}
    for rang, jour_semaine, debut, fin, nom in p["jours"] or ():
        jours.setdefault((rang, jour_semaine), []).append(PlageType(debut, fin, nom))
    return Planning(
        p["id"],
        p["nom"],
        p["guichet_id"],
        p["nature"],
        p["cycle"],
        date.fromisoformat(p["du"]),
        date.fromisoformat(p["au"]) if p["au"] else None,
        {cle: tuple(plages) for cle, plages in jours.items()},
    )


def _exception(e: Mapping[str, Any]) -> ExceptionPlanning:
    return ExceptionPlanning(
        e["id"],
        e["nature"],
        e["guichet_id"],
        date.fromisoformat(e["du"]),
        date.fromisoformat(e["au"]),
        e["debut"],
        e["fin"],
        e["libelle"],
    )


def _delegation(d: Mapping[str, Any]) -> Delegation:
    return Delegation(
        d["id"],
        d["service_id"],
        d["libelle"],
        d["service_delegue_id"],
        d["libelle_delegue"],
        {int(motif): duree for motif, duree in (d["motifs"] or {}).items()},
        date.fromisoformat(d["du"]),
        date.fromisoformat(d["au"]),
        d["quota_jour"],
        d["recoit"],
    )


def build_parametres(resolues: Mapping[str, Resolue]) -> Parametres:
    """The values that the rules of booking read; the others serve other parts of the software."""
    connues = Parametres.__dataclass_fields__
    valeurs: dict[str, Any] = {cle: resolue.valeur for cle, resolue in resolues.items() if cle in connues}
    return Parametres(**valeurs)


class Contextes:
    """Contexts of one process, each valid as long as the service's planning version is the one it was read at."""

    def __init__(self, taille: int = 512) -> None:
        self._par_service: dict[int, ServiceContexte] = {}
        self._taille = taille

    def peek(self, service_id: int) -> ServiceContexte | None:
        """What is remembered of the service, perhaps out of date: for its zone and département, never for a rule."""
        return self._par_service.get(service_id)

    async def get(self, conn: AsyncConnection, service_id: int, version_planning: int) -> ServiceContexte:
        """The context at that version or a later one. Raises Introuvable."""
        connus = await self.get_many(conn, {service_id: version_planning})
        try:
            return connus[service_id]
        except KeyError:
            raise Introuvable("Ce service n’existe pas.") from None

    async def get_many(self, conn: AsyncConnection, versions: Mapping[int, int]) -> dict[int, ServiceContexte]:
        """The contexts of these services (id → planning version), the unknown ones left out; one query at most."""
        connus: dict[int, ServiceContexte] = {}
        for service_id, version in versions.items():
            connu = self._par_service.get(service_id)
            if connu is not None and connu.version_planning >= version:
                connus[service_id] = connu
        manquants = [service_id for service_id in versions if service_id not in connus]
        for lu in await read_contextes(conn, manquants) if manquants else ():
            if len(self._par_service) >= self._taille:
                self._par_service.pop(next(iter(self._par_service)))
            connus[lu.id] = self._par_service[lu.id] = lu
        return connus
