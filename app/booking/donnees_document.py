"""What is held of a person, as a document that he can read: the same content as JSON and as a page to print.

Agents are not named: who reads the document is told what was done and by which service, not by whom.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from app.booking import donnees_mots as mots
from app.booking.donnees_notice import Notice
from app.booking.donnees_personne import Dossier, Ligne
from app.courrier.texte import date_en_mots, telephone_lisible
from app.domain.documents import print_document

_PARIS: Final = "Europe/Paris"
#: What a mail says, in the words of the document; the rest of its row is a copy of the RDV.
_CONTENU: Final = ("usager_nom", "nom", "message_usager", "raison_annulation", "telephone_rappel")


@dataclass(frozen=True, slots=True)
class Fiche:
    """One thing that is held. ``champs``: (key, words, value); empty ones are left out."""

    titre: str
    champs: tuple[tuple[str, str, Any], ...]

    @property
    def lignes(self) -> list[tuple[str, str]]:
        """To be shown: words and value as text."""
        return [(libelle, _to_texte(valeur)) for _, libelle, valeur in self.champs]


@dataclass(frozen=True, slots=True)
class Section:
    """What is held of one kind. ``cle`` names it in JSON."""

    cle: str
    titre: str
    explication: str
    fiches: tuple[Fiche, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """What is handed to the person."""

    etabli_a: datetime
    notice: Notice
    sections: tuple[Section, ...]
    incomplet: bool = False

    def to_json(self) -> dict[str, Any]:
        """As an object: dates in ISO 8601."""
        return {
            "document": "Données personnelles détenues par le service de prise de rendez-vous",
            "etabli_a": self.etabli_a.isoformat(),
            "incomplet": self.incomplet,
            "traitement": self.notice.to_json(),
            **{
                section.cle: [{cle: _to_json(valeur) for cle, _, valeur in fiche.champs} for fiche in section.fiches]
                for section in self.sections
            },
        }


@dataclass(frozen=True, slots=True)
class Instant:
    """An instant, told in the time of the place."""

    a: datetime
    fuseau: str


def build_document(dossier: Dossier, notice: Notice, maintenant: datetime, *, complet: bool = True) -> Document:
    """Everything that was read. ``complet``: also what agents wrote for agents, the calls, the journal."""
    codes = {rdv["id"]: rdv["code"] for rdv in dossier.rdvs}
    fuseaux = {rdv["id"]: rdv["fuseau"] for rdv in dossier.rdvs}
    champs_rdv = {**mots.CHAMPS_RDV, **(mots.CHAMPS_INTERNES if complet else {})}
    sections = [
        Section(
            "rendez_vous",
            "Rendez-vous",
            "Ce que vous avez indiqué pour chaque rendez-vous, et ce que le service y a ajouté.",
            tuple(_rdv(rdv, champs_rdv) for rdv in dossier.rdvs),
        ),
        Section(
            "registre",
            "Registre des usagers identifiés",
            "Ce qui est connu de vous quand vous vous identifiez avec FranceConnect.",
            tuple(_compte(compte) for compte in dossier.registre),
        ),
        Section(
            "liste_attente",
            "Liste d’attente",
            "Vos demandes d’être prévenu(e) quand un créneau se libère.",
            tuple(_attente(attente) for attente in dossier.attentes),
        ),
        Section(
            "messages",
            "Messages",
            "Ce qui vous a été écrit ou le sera. Le contenu d’un message envoyé est effacé au bout de trente jours.",
            tuple(_message(m, fuseaux.get(m["rdv_id"], _PARIS)) for m in dossier.messages),
        ),
    ]
    if complet:
        sections += [
            Section(
                "contre_appels",
                "Contre-appels",
                "Les appels que le service vous a passés avant un rendez-vous.",
                tuple(_appel(appel, codes) for appel in dossier.contre_appels),
            ),
            Section(
                "suites",
                "Suites données",
                "Ce qui a suivi la visite.",
                tuple(_suite(suite, codes, fuseaux) for suite in dossier.suites),
            ),
            Section(
                "journal",
                "Journal",
                "Qui a consulté ou changé ces données, sans les répéter.",
                tuple(_fait(ligne) for ligne in dossier.journal),
            ),
        ]
    return Document(maintenant, notice, tuple(sections), dossier.trop)


def _fiche(titre: str, libelles: Mapping[str, str], valeurs: Mapping[str, Any], fuseau: str) -> Fiche:
    champs = []
    for cle, libelle in libelles.items():
        valeur = valeurs.get(cle)
        if valeur is None or valeur in ("", [], {}):
            continue
        if isinstance(valeur, datetime):
            valeur = Instant(valeur, fuseau)
        champs.append((cle, libelle, mots.tell_valeur(cle, valeur)))
    return Fiche(titre, tuple(champs))


def _rdv(rdv: Ligne, libelles: Mapping[str, str]) -> Fiche:
    noms = {print_document(document): document for document in rdv["documents"] or ()}
    prets = [noms.get(cle, "un document qui n’est plus demandé") for cle in rdv["documents_prets"] or ()]
    titre = f"{date_en_mots(rdv['debut'], rdv['fuseau'], 'fr')}, {rdv['service']}"
    service = f"{rdv['service']}, {rdv['ville']}"
    return _fiche(titre, libelles, {**rdv, "service": service, "documents_prets": prets}, rdv["fuseau"])


def _compte(compte: Ligne) -> Fiche:
    connexions = [Instant(session["cree_a"], _PARIS) for session in compte["sessions"]]
    nom = " ".join(filter(None, (compte["prenoms"], compte["nom_usage"]))) or compte["raison_sociale"] or "Compte"
    return _fiche(nom, mots.CHAMPS_REGISTRE, {**compte, "connexions": connexions}, _PARIS)


def _attente(attente: Ligne) -> Fiche:
    return _fiche(f"{attente['motif']}, {attente['service']}", mots.CHAMPS_ATTENTE, attente, attente["fuseau"])


def _message(message: Ligne, fuseau: str) -> Fiche:
    contenu = [str(message["donnees"][cle]) for cle in _CONTENU if message["donnees"].get(cle)]
    titre = f"{mots.tell_valeur('evenement', message['evenement'])} – {message['destinataire']}"
    return _fiche(titre, mots.CHAMPS_MESSAGE, {**message, "contenu": contenu}, fuseau)


def _appel(appel: Ligne, codes: Mapping[int, str]) -> Fiche:
    valeurs = {**appel, "code": codes.get(appel["rdv_id"], "")}
    return _fiche(f"Appel du {appel['jour']:%d/%m/%Y}", mots.CHAMPS_APPEL, valeurs, _PARIS)


def _suite(suite: Ligne, codes: Mapping[int, str], fuseaux: Mapping[int, str]) -> Fiche:
    nature = mots.tell_valeur("suite", suite["nature"])
    valeurs = {**suite, "code": codes.get(suite["rdv_id"], ""), "nature": nature}
    return _fiche(nature, mots.CHAMPS_SUITE, valeurs, fuseaux.get(suite["rdv_id"], _PARIS))


def _fait(ligne: Ligne) -> Fiche:
    adresse = str(ligne["adresse"] or "") if ligne["acteur"] == "usager" else ""
    fait = mots.name_fait(ligne["action"])
    return _fiche(fait, mots.CHAMPS_JOURNAL, {**ligne, "action": fait, "adresse": adresse}, _PARIS)


def _to_texte(valeur: Any) -> str:
    if isinstance(valeur, Instant):
        return date_en_mots(valeur.a, valeur.fuseau, "fr")
    if isinstance(valeur, date):
        return f"{valeur:%d/%m/%Y}"
    if isinstance(valeur, str):
        return telephone_lisible(valeur) if valeur.startswith("+") and valeur[1:].isdigit() else valeur
    if isinstance(valeur, Sequence | Iterable):
        return " ; ".join(_to_texte(v) for v in valeur)
    return str(valeur)


def _to_json(valeur: Any) -> Any:
    if isinstance(valeur, Instant):
        return valeur.a.astimezone(ZoneInfo(valeur.fuseau)).isoformat()
    if isinstance(valeur, date):
        return valeur.isoformat()
    if isinstance(valeur, list | tuple):
        return [_to_json(v) for v in valeur]
    return valeur
