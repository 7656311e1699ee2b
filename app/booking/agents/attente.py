"""Who waits for a créneau in the service: how many, for what, since when; somebody removed at his request.

For whoever holds the agenda of the service or organises it. Names are shown, contacts are not: nobody needs them here,
the software writes by itself. Each opening leaves its line in the journal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Response
from sqlalchemy import BigInteger, bindparam, func, select, text

from app import clock
from app.booking.agents.acces import write_acte, write_lecture
from app.booking.agents.lectures import PHRASE
from app.booking.attente import remove
from app.booking.contexte import ServiceContexte, read_versions
from app.booking.droits import AGENT, SERVICE
from app.booking.outils import Outils
from app.booking.traces import Trace
from app.errors import AccesRefuse
from app.identite.acteur import Acteur
from app.tables.vues import acces
from app.web.dates import heure, jour_court, jour_moyen
from app.web.dependances import auteur_agent
from app.web.pages import agent_page, page, service_header, service_menu

#: People shown; the figures count everybody.
_MONTRES: Final = 200
_TYPES: Final = {"guichet": "Au guichet", "telephone": "Par téléphone", "visio": "En visio"}
_ETATS: Final = {"active": "Attend", "offre": "Créneau proposé", "suspendue": "En pause"}
_DEMI: Final = {"": "", "matin": "le matin", "apres-midi": "l’après-midi"}

_MODULES: Final = select(func.array_agg(acces.c.module)).where(
    acces.c.agent_id == AGENT, acces.c.service_id == SERVICE, acces.c.module.in_(("agenda", "organiser"))
)
_FILE: Final = text(
    """
    SELECT a.id, a.nom, a.motif_id, a.type_rdv, a.du, a.au, a.demi_journee, a.etat, a.canal, a.confirme_a,
           o.debut, o.expire_a, o.etat AS offre
      FROM attente a
      LEFT JOIN offre_attente o ON o.attente_id = a.id AND o.etat IN ('ouverte', 'prise')
     WHERE a.service_id = :service AND a.etat IN ('active', 'offre', 'suspendue')
     ORDER BY a.etat = 'suspendue', a.rang_a, a.id
    """
).bindparams(bindparam("service", type_=BigInteger))


@dataclass(frozen=True, slots=True)
class _Porte:
    contexte: ServiceContexte
    modules: frozenset[str]


async def _open(outils: Outils, acteur: Acteur, request: Request[Any, Any, Any], service_id: int) -> _Porte:
    """Raises AccesRefuse, journaled: another service's id and an unknown one are the same 404."""
    if 0 < service_id < 2**63:
        async with outils.db.read() as conn:
            valeurs = {"agent": acteur.agent_id, "service": service_id}
            modules = (await conn.execute(_MODULES, valeurs)).scalar_one_or_none()
            if modules:
                versions = await read_versions(conn, service_id)
                contexte = await outils.dispo.contextes.get(conn, service_id, versions.planning)
                return _Porte(contexte, frozenset(modules))
    await write_acte(outils, acteur, request, Trace("service.acces_refuse", service_id=service_id))
    raise AccesRefuse(PHRASE)


@get("/services/{service_id:int}/attente", include_in_schema=False)
async def show_attente(
    request: Request[Any, Any, Any],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    service_id: FromPath[int],
) -> Response[bytes]:
    """The page."""
    porte = await _open(outils, acteur, request, service_id)
    maintenant, contexte = clock.now(), porte.contexte
    await write_lecture(outils, acteur, request, Trace("attente.lue", service_id=service_id))
    async with outils.db.read() as conn:
        lignes = [dict(ligne) for ligne in (await conn.execute(_FILE, {"service": service_id})).mappings()]
    menu = service_menu(contexte.id, contexte.site_id) if "agenda" in porte.modules else None
    ctx = {
        **agent_page(acteur, menu=menu),
        "service": service_header(contexte, maintenant),
        "titre": "Liste d’attente",
        "fil": [
            {"libelle": "Tableau de bord", "url": "/agent"},
            {"libelle": contexte.libelle, "url": f"/services/{service_id}/detail"},
            {"libelle": "Liste d’attente", "url": ""},
        ],
        "base": f"/services/{service_id}/attente",
        "ouverte": contexte.parametres.liste_attente,
        "organise": f"/services/{service_id}/organiser/parametres" if "organiser" in porte.modules else "",
        "fait": "Cette personne n’est plus sur la liste d’attente." if request.query_params.get("fait") else "",
        "heure": heure(maintenant, contexte.zone),
        "groupes": count_groupes(lignes, contexte),
        "personnes": [_present(rang, ligne, contexte) for rang, ligne in enumerate(lignes[:_MONTRES], start=1)],
        "total": len(lignes),
    }
    return page(request, "booking/agents/attente.html", ctx)


def count_groupes(lignes: Sequence[Mapping[str, Any]], contexte: ServiceContexte) -> list[dict[str, Any]]:
    """By motif and type: how many wait, to how many a créneau is offered, since when the oldest waits."""
    groupes: dict[tuple[int, str], dict[str, Any]] = {}
    for ligne in lignes:
        motif = contexte.motifs.get(ligne["motif_id"])
        groupe = groupes.setdefault(
            (ligne["motif_id"], ligne["type_rdv"]),
            {
                "motif": motif.libelle if motif else "Motif retiré",
                "type": _TYPES[ligne["type_rdv"]],
                "nombre": 0,
                "offres": 0,
                "pause": 0,
                "depuis": ligne["confirme_a"],
            },
        )
        groupe["nombre"] += 1
        groupe["offres"] += ligne["etat"] == "offre"
        groupe["pause"] += ligne["etat"] == "suspendue"
        groupe["depuis"] = min(groupe["depuis"], ligne["confirme_a"])
    tries = sorted(groupes.values(), key=lambda groupe: -groupe["nombre"])
    return [{**groupe, "depuis": _jour(groupe["depuis"], contexte.zone)} for groupe in tries]


def _jour(instant: datetime, zone: ZoneInfo) -> str:
    return f"{jour_moyen(instant.astimezone(zone).date())} à {heure(instant, zone)}"


def _present(rang: int, ligne: Mapping[str, Any], contexte: ServiceContexte) -> dict[str, Any]:
    motif, zone = contexte.motifs.get(ligne["motif_id"]), contexte.zone
    proposee = ""
    if ligne["debut"] is not None:
        proposee = f"{jour_court(ligne['debut'].astimezone(zone).date())} à {heure(ligne['debut'], zone)}"
        jusqu_a = f"{jour_court(ligne['expire_a'].astimezone(zone).date())} à {heure(ligne['expire_a'], zone)}"
        proposee += ", en cours de saisie" if ligne["offre"] == "prise" else f", jusqu’au {jusqu_a}"
    return {
        "id": ligne["id"],
        "rang": rang if ligne["etat"] != "suspendue" else "",
        "nom": ligne["nom"],
        "motif": motif.libelle if motif else "Motif retiré",
        "type": _TYPES[ligne["type_rdv"]],
        "dates": f"du {ligne['du']:%d/%m/%Y} au {ligne['au']:%d/%m/%Y}",
        "demi_journee": _DEMI[ligne["demi_journee"]],
        "depuis": _jour(ligne["confirme_a"], zone),
        "etat": _ETATS[ligne["etat"]],
        "proposee": proposee,
        "canal": "SMS" if ligne["canal"] == "sms" else "courriel",
    }


@post(
    "/services/{service_id:int}/attente/{attente_id:int}/retirer",
    status_code=200,
    include_in_schema=False,
)
async def remove_attente(
    request: Request[Any, Any, Any],
    outils: NamedDependency[Outils],
    acteur: NamedDependency[Acteur],
    service_id: FromPath[int],
    attente_id: FromPath[int],
) -> Response[Any]:
    """At the person's request: no more offers, name and contact erased. Raises Introuvable."""
    await _open(outils, acteur, request, service_id)
    await remove(outils, service_id, attente_id, auteur_agent(acteur, request), clock.now())
    return Redirect(f"/services/{service_id}/attente?fait=1", status_code=303)


ROUTES = [show_attente, remove_attente]
