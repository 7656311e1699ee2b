"""An usager finds his own RDV again by its exact code and name, without his link [A1, summary table; G 2.3.1].

What does not match is one 404, whatever is wrong, found by the same questions in the same time. Every try leaves a line
in the journal and wrong ones are counted: of one address on one code, of one address, and these stop; of everybody on
one code, past which each try has to answer a challenge: whoever knows a code keeps its holder from nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import select

from app.booking.outils import Auteur, Outils
from app.booking.titres import ParCode, keep_prouvee
from app.booking.traces import Trace, write_lines
from app.db import UnitOfWork
from app.domain.rendez_vous import normalize_code
from app.errors import AccesRefuse, AppError, TropDeDemandes
from app.identite.empreintes import print_critere
from app.identite.essais import Arret, Comptable, Comptage, find_lieu, return_essai, take_essai
from app.tables import RendezVous

#: Wrong pairs in a window of five minutes: of one address on one code, of one address (an office, a library and a
#: mobile network share theirs); of all addresses on one code, which asks for a challenge and stops nobody.
PAR_ADRESSE_ET_CODE: Final = 6
PAR_ADRESSE: Final = 40
PAR_CODE: Final = 30
#: How long a RDV that is over, or cancelled, is still shown.
VISIBLE: Final = timedelta(days=1)
#: No code is written so: what cannot be one is looked for all the same, in the same time.
_AUCUN: Final = "------"


@dataclass(frozen=True, slots=True)
class Essai:
    """A pair about to be verified: which code, from where."""

    code: str
    adresse: str | None
    a: datetime

    @property
    def comptages(self) -> tuple[Comptage, ...]:
        """What is counted, the narrowest first. Kept as keyed prints (``app.identite.essais``)."""
        lieu = find_lieu(self.adresse)
        return (
            ("retrouver-lieu-code", (lieu, self.code), PAR_ADRESSE_ET_CODE),
            ("retrouver-lieu", (lieu,), PAR_ADRESSE),
        )


@dataclass(frozen=True, slots=True)
class EssaiDuCode:
    """The same try, as what everybody does on that code."""

    code: str
    a: datetime

    @property
    def comptages(self) -> tuple[Comptage, ...]:
        """A soft bound."""
        return (("retrouver-code", (self.code,), PAR_CODE),)


async def find_by_code(
    outils: Outils,
    code: str,
    nom: str,
    auteur: Auteur,
    maintenant: datetime,
    *,
    check_personne: Callable[[], Awaitable[None]],
) -> int:
    """The id of the RDV that both name. Raises AccesRefuse (404, always the same), TropDeDemandes.

    ``check_personne``: called when that code is being guessed; raises unless a person is there.
    """
    lu = normalize_code(code) or _AUCUN
    essai = Essai(lu, auteur.adresse, maintenant)
    arret = await _count(outils, essai, auteur)
    if arret is not None:
        raise TropDeDemandes(
            "Trop de codes ou de noms erronés : aucun essai n’est accepté pendant quelques minutes.",
            remede="Patientez cinq minutes, ou utilisez le lien reçu par courriel.",
            attendre_s=arret.attendre_s,
        )
    du_code = EssaiDuCode(lu, maintenant)
    if await _is_guessed(outils, du_code):
        try:
            await check_personne()
        except AppError:
            await _return(outils, essai, du_code)
            raise
    trouve = await _find(outils, ParCode(lu, nom, maintenant - VISIBLE))

    async def travail(uow: UnitOfWork) -> None:
        if trouve is None:
            criteres = {"code": print_critere(outils.settings, "code", lu)}
            faits = {"action": "retrouver", "par": "code", "criteres": criteres}
            await write_lines(uow.conn, auteur, maintenant, Trace("rdv.acces_refuse", apres=faits))
            return
        faits = {"action": "retrouver", "par": "code"}
        await write_lines(uow.conn, auteur, maintenant, Trace("rdv.lu", trouve["service_id"], trouve["id"], faits))
        await return_essai(uow.conn, outils.settings, essai)
        await return_essai(uow.conn, outils.settings, du_code)

    await outils.db.transaction(travail)
    if trouve is None:
        raise AccesRefuse(ParCode.introuvable, remede="Relisez-les : le code a six lettres, le nom est celui saisi.")
    return int(trouve["id"])


async def _find(outils: Outils, titre: ParCode) -> dict[str, Any] | None:
    requete = titre.scope(select(RendezVous.id, RendezVous.service_id).where(RendezVous.etat != "option"))
    async with outils.db.read() as conn:
        return keep_prouvee((await conn.execute(requete)).mappings().one_or_none(), titre)


async def _is_guessed(outils: Outils, essai: EssaiDuCode) -> bool:
    """Count the try; True when that code has had its share of wrong ones."""

    async def travail(uow: UnitOfWork) -> bool:
        return await take_essai(uow.conn, outils.settings, essai) is not None

    return await outils.db.transaction(travail)


async def _return(outils: Outils, *essais: Comptable) -> None:
    """Nothing was verified."""

    async def travail(uow: UnitOfWork) -> None:
        for essai in essais:
            await return_essai(uow.conn, outils.settings, essai)

    await outils.db.transaction(travail)


async def _count(outils: Outils, essai: Essai, auteur: Auteur) -> Arret | None:
    """Count the try before it is verified: a hundred sent at once are not a hundred tries."""

    async def travail(uow: UnitOfWork) -> Arret | None:
        arret = await take_essai(uow.conn, outils.settings, essai)
        if arret is not None and arret.premier:
            faits = {"action": "retrouver", "par": "code", "regle": arret.regle}
            await write_lines(uow.conn, auteur, essai.a, Trace("rdv.essais_refuses", apres=faits))
        return arret

    return await outils.db.transaction(travail)
