"""One confirmation, as many moves: each its own transaction, each outcome told. A second time, nobody moves again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.admin.pages import Organisation
from app.admin.replacement.lecture import Personne, read_personnes
from app.admin.replacement.situation import Hors, read_situation
from app.admin.saisie import Saisie
from app.booking.contexte import ServiceContexte
from app.booking.deplacer import Cible, RdvDeplace, move
from app.booking.outils import Auteur, Outils
from app.booking.titres import ParDroit
from app.booking.vie import journal_refus
from app.courrier.intentions import Canal
from app.domain.replacement import RETOUR, Place
from app.errors import (
    AppError,
    AvertissementRequis,
    Conflit,
    CreneauPris,
    Indisponible,
    Introuvable,
    SaisieInvalide,
    TransitionImpossible,
)
from app.tables import Courrier
from app.web.securite import CHAMP_CSRF

#: Rendez-vous moved by one confirmation.
MAXIMUM: Final = 200
#: Choices that one form carries, from page to page.
PORTEE: Final = 2000
#: Fields that lead from page to page: the one shown, the one asked for.
PAGINATION: Final = ("numero", "aller")


class Issue(StrEnum):
    """What became of a rendez-vous."""

    DEPLACE = "deplace"
    DEJA = "deja"
    PRIS = "pris"
    REFUSE = "refuse"
    ABSENT = "absent"
    EN_ATTENTE = "en_attente"


@dataclass(frozen=True, slots=True)
class Voulu:
    """What was ticked: that RDV, seen at ``revision``, to that place; ``delegation_id``: of another service.

    RETOUR: of its home.
    """

    rdv_id: int
    debut: int
    guichet_id: int
    revision: int
    delegation_id: int | None = None

    @property
    def valeur(self) -> str:
        """The value of its option, as the form holds it."""
        return format_valeur(self.debut, self.guichet_id, self.delegation_id)


def format_valeur(debut: int, guichet_id: int, delegation_id: int | None) -> str:
    """« 29000000.12 », « 29000000.12.3 » by the delegation 3, « 29000000.12.0 » back home."""
    return ".".join(str(n) for n in (debut, guichet_id, delegation_id) if n is not None)


@dataclass(frozen=True, slots=True)
class Resultat:
    """What to tell of one.

    ``canal``: by what a message is on its way to the usager; None: ``personne`` has a phone to call.
    ``depuis``: the other service that received it, None when it was here.
    """

    voulu: Voulu
    issue: Issue
    phrase: str
    personne: Personne | None
    avant: Place | None
    deplace: RdvDeplace | None = None
    canal: Canal | None = None
    depuis: ServiceContexte | None = None


def parse_voulus(saisie: Saisie) -> list[Voulu]:
    """The boxes ticked, each with its créneau, on whichever page. Raises SaisieInvalide: a form that is not ours."""
    cochees = list(dict.fromkeys(saisie.donnees.get("rdv", ())))
    for champ in saisie.donnees:
        nom, _, ident = champ.partition("-")
        if champ not in (CHAMP_CSRF, "rdv", *PAGINATION) and (
            nom not in ("creneau", "revision") or not _is_entier(ident)
        ):
            raise _inattendue()
    if len(cochees) > PORTEE:
        raise _inattendue()
    return [_parse(saisie, ident) for ident in cochees]


def parse_page(saisie: Saisie) -> tuple[int, int | None]:
    """The page shown, and the one asked for instead of a confirmation. Raises SaisieInvalide."""
    textes = [saisie.brut(champ) for champ in PAGINATION]
    if not all(texte == "" or _is_entier(texte) for texte in textes):
        raise _inattendue()
    courante, voulue = textes
    return int(courante or 1), int(voulue) if voulue else None


def check_nombre(voulus: Sequence[Voulu]) -> None:
    """Refuse to confirm nothing, or more than one confirmation does. Raises SaisieInvalide."""
    if not voulus:
        raise SaisieInvalide("Cochez au moins un rendez-vous à déplacer.", remede="Rien n’a été modifié.", champs={})
    if len(voulus) > MAXIMUM:
        raise SaisieInvalide(
            f"Déplacez au plus {MAXIMUM} rendez-vous à la fois.",
            remede="Rien n’a été modifié, vos choix sont gardés : décochez-en, puis recommencez pour les suivants.",
        )


def check_connus(saisie: Saisie, connus: Set[str]) -> None:
    """Refuse a form that brings anything but ``connus``. Raises SaisieInvalide (422)."""
    if not set(saisie.donnees) <= {CHAMP_CSRF, *connus}:
        raise _inattendue()


def _inattendue() -> SaisieInvalide:
    return SaisieInvalide(
        "Cette demande contient une information inattendue : rien n’a été enregistré.",
        remede="Rouvrez la page puis recommencez.",
    )


def _is_entier(texte: str) -> bool:
    return texte.isascii() and texte.isdigit() and len(texte) <= 18


def _parse(saisie: Saisie, ident: str) -> Voulu:
    place = saisie.brut(f"creneau-{ident}").split(".")
    revision = saisie.brut(f"revision-{ident}")
    if len(place) not in (2, 3) or not all(map(_is_entier, (ident, *place, revision))):
        raise _inattendue()
    return Voulu(int(ident), int(place[0]), int(place[1]), int(revision), int(place[2]) if place[2:] else None)


async def move_all(
    outils: Outils, auteur: Auteur, organisation: Organisation, voulus: Sequence[Voulu], maintenant: datetime
) -> list[Resultat]:
    """Move each of them, in the order given. Only what is outside the organisation moves here."""
    assert auteur.agent_id is not None
    contexte = organisation.contexte
    async with outils.db.read() as conn:
        situation = await read_situation(outils, conn, auteur.agent_id, contexte, maintenant)
        personnes = await read_personnes(
            conn, outils.settings, auteur.agent_id, contexte.id, [v.rdv_id for v in voulus]
        )
    hors = {h.rdv.id: h for h in (*situation.a_replacer, *situation.gardes)}
    resultats: list[Resultat] = []
    for rang, voulu in enumerate(voulus):
        try:
            resultats.append(await _move(outils, auteur, contexte.id, voulu, hors, personnes, maintenant))
        except Indisponible as refus:
            resultats += [
                _build(v, Issue.EN_ATTENTE, refus.phrase, personnes.get(v.rdv_id), hors.get(v.rdv_id))
                for v in voulus[rang:]
            ]
            break
    async with outils.db.read() as conn:
        return await _tell_mails(conn, resultats, maintenant)


async def _move(
    outils: Outils,
    auteur: Auteur,
    service_id: int,
    voulu: Voulu,
    hors: Mapping[int, Hors],
    personnes: Mapping[int, Personne],
    maintenant: datetime,
) -> Resultat:
    assert auteur.agent_id is not None
    personne, trouve = personnes.get(voulu.rdv_id), hors.get(voulu.rdv_id)

    def result(issue: Issue, phrase: str, deplace: RdvDeplace | None = None) -> Resultat:
        return _build(voulu, issue, phrase, personne, trouve, deplace)

    if personne is None:
        await journal_refus(outils, voulu.rdv_id, auteur, "replanifier", maintenant)
        return result(Issue.ABSENT, "Ce rendez-vous n’existe pas dans ce service.")
    if trouve is None:
        return result(Issue.DEJA, "Il n’est plus à replacer : rien n’a été changé.")
    cible = _aim(voulu, trouve, service_id)
    try:
        titre = ParDroit(auteur.agent_id, "organiser")
        deplace = await move(outils, voulu.rdv_id, cible, auteur, maintenant, revision=voulu.revision, titre=titre)
    except Indisponible:
        raise
    except AppError as refus:
        issue, phrase = _explain(refus)
        return result(issue, phrase)
    if not deplace.change:
        return result(Issue.DEJA, "Il était déjà à cette place : rien n’a été changé.")
    return result(Issue.DEPLACE, "Déplacé.", deplace)


def _aim(voulu: Voulu, hors: Hors, service_id: int) -> Cible:
    """Here, in a service that receives by delegation, or home: from here, or here for what another one received."""
    if voulu.delegation_id == RETOUR:
        return Cible(voulu.debut, voulu.guichet_id, service_id=hors.rdv.maison_id)
    if hors.chez is not None and voulu.delegation_id is None:
        return Cible(voulu.debut, voulu.guichet_id, service_id=service_id)
    return Cible(voulu.debut, voulu.guichet_id, delegation_id=voulu.delegation_id)


def _build(
    voulu: Voulu,
    issue: Issue,
    phrase: str,
    personne: Personne | None,
    hors: Hors | None,
    deplace: RdvDeplace | None = None,
) -> Resultat:
    if hors is None:
        return Resultat(voulu, issue, phrase, personne, None, deplace)
    avant = Place(hors.rdv.place.debut, hors.rdv.place.fin, hors.rdv.place.guichet_id)
    return Resultat(voulu, issue, phrase, personne, avant, deplace, depuis=hors.chez)


def _explain(refus: AppError) -> tuple[Issue, str]:
    if isinstance(refus, CreneauPris):
        return Issue.PRIS, refus.phrase
    if isinstance(refus, AvertissementRequis):
        return Issue.PRIS, "Ce créneau n’est plus proposé : l’organisation du service a changé."
    if isinstance(refus, TransitionImpossible):
        return Issue.REFUSE, refus.phrase
    if isinstance(refus, Conflit):
        return Issue.DEJA, "Il a été déplacé ou modifié depuis l’affichage de la page : rien n’a été changé."
    if isinstance(refus, Introuvable):
        return Issue.ABSENT, "Ce rendez-vous n’existe pas dans ce service."
    return Issue.REFUSE, refus.phrase


async def _tell_mails(conn: AsyncConnection, resultats: Sequence[Resultat], maintenant: datetime) -> list[Resultat]:
    """Whether a message was really written for each that moved, and which: read, not supposed."""
    ids = [r.voulu.rdv_id for r in resultats if r.issue is Issue.DEPLACE]
    lignes = await conn.execute(
        select(Courrier.rdv_id, Courrier.canal)
        .where(Courrier.rdv_id.in_(ids), Courrier.evenement == "deplacement", Courrier.cree_a == maintenant)
        .distinct()
    )
    ecrits: dict[int, Canal] = {ligne.rdv_id: ligne.canal for ligne in lignes}
    return [
        replace(resultat, canal=ecrits.get(resultat.voulu.rdv_id)) if resultat.deplace else resultat
        for resultat in resultats
    ]
