"""Messages of the waiting list: to confirm a request, a créneau offered, a request put to sleep. Mail or SMS.

They are about no rendez-vous: an offer's hold may be deleted before the message leaves, and then it must not. Whether
it still may is asked again at that moment. No calendar part: nothing is booked yet.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from email.message import EmailMessage
from typing import Any, Final
from zoneinfo import ZoneInfo

from babel.dates import format_date
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.courrier import texte
from app.courrier.adresse import AdresseRefusee, parse_adresse
from app.courrier.gsm7 import to_gsm7
from app.courrier.rendu import Entete, render_lettre
from app.tables import Attente, Courrier, OffreAttente

#: Events of the queue.
OFFRE: Final = "offre"
ATTENTE: Final = "attente"
EVENEMENTS: Final = (ATTENTE, OFFRE)
#: What a message tells; each has its templates (``attente_<fait>``).
FAITS: Final = ("a_confirmer", "deja", "suspendue", "offre", "libres")
PERIMEE: Final = "offre refusée, prise, retirée ou expirée"
CLOSE: Final = "demande confirmée, retirée ou expirée"
#: How long an offer's message may wait for its turn before the channel is taken to be down.
RETARD: Final = timedelta(minutes=5)
_INSTANTS: Final = ("debut", "fin", "limite")
_JOURS: Final = ("du", "au")


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageAttente:
    """What the message tells. Instants are aware; ``fuseau`` is the service's IANA zone.

    ``limite``: until when one may confirm, or answer the offer ``offre_id`` of ``[debut, fin)``. ``lien_gestion`` is a
    secret link: it never waits in the queue, it is derived as the message leaves (``read_partant``).
    """

    fait: str
    attente_id: int
    service_libelle: str
    service_adresse: tuple[str, ...]
    service_telephone: str
    service_courriel: str
    fuseau: str
    motif: str
    type_rdv: str
    du: date
    au: date
    nom: str
    langue: str
    lien_gestion: str = ""
    limite: datetime | None = None
    offre_id: int | None = None
    debut: datetime | None = None
    fin: datetime | None = None

    @property
    def evenement(self) -> str:
        """As the queue calls it."""
        return OFFRE if self.fait == "offre" else ATTENTE

    def to_donnees(self) -> dict[str, Any]:
        """The JSON object of the row."""
        faits = asdict(self)
        del faits["lien_gestion"]
        for champ in (*_INSTANTS, *_JOURS):
            faits[champ] = faits[champ].isoformat() if faits[champ] else None
        return faits

    @classmethod
    def from_donnees(cls, donnees: Mapping[str, Any]) -> MessageAttente:
        """The message of a row. Raises KeyError, TypeError or ValueError when the row cannot be one."""
        lues = {nom: donnees[nom] for nom in cls.__dataclass_fields__ if nom != "lien_gestion"}
        for champ in _INSTANTS:
            lues[champ] = datetime.fromisoformat(lues[champ]) if lues[champ] else None
        for champ in _JOURS:
            lues[champ] = date.fromisoformat(lues[champ])
        if lues["fait"] not in FAITS:
            raise ValueError("unknown fact")
        return cls(**{**lues, "service_adresse": tuple(lues["service_adresse"])})


async def write_attente(
    conn: AsyncConnection,
    message: MessageAttente,
    destinataire: str,
    maintenant: datetime,
    *,
    domaine: str,
    canal: str,
    du_a: datetime | None = None,
) -> None:
    """Insert the message in the caller's transaction. An offer is told once, whatever happens."""
    if message.offre_id is not None:
        message_id = _name_offre(message.offre_id, domaine)
    else:
        message_id = f"<attente-{message.attente_id}.{message.fait}.{secrets.token_hex(8)}@{domaine}>"
    valeurs: dict[str, Any] = {
        "rdv_id": None,
        "evenement": message.evenement,
        "canal": canal,
        "destinataire": destinataire,
        "langue": message.langue,
        "message_id": message_id,
        "donnees": message.to_donnees(),
        "cree_a": maintenant,
        "du_a": du_a or maintenant,
    }
    await conn.execute(insert(Courrier).values(valeurs).on_conflict_do_nothing())


def _name_offre(offre_id: int, domaine: str) -> str:
    return f"<offre-{offre_id}@{domaine}>"


async def is_dite(conn: AsyncConnection, offre_id: int, domaine: str) -> bool:
    """False when nobody ever tried to send the message of that offer: its channel was down until the offer's end.

    One that the person's own server refused, or kept waiting, was tried: that costs the others nothing more.
    """
    requete = select(Courrier.envoye_a, Courrier.tentatives, Courrier.erreur).where(
        Courrier.message_id == _name_offre(offre_id, domaine)
    )
    ligne = (await conn.execute(requete)).one_or_none()
    if ligne is None or ligne.envoye_a is not None:
        return True
    # Claimed for the first time when the offer was over already: that attempt reached no server.
    return bool(ligne.tentatives > (1 if ligne.erreur == PERIMEE else 0))


async def list_muets(conn: AsyncConnection, a: datetime) -> frozenset[str]:
    """The channels by which messages of offers have been waiting for their first attempt for long."""
    requete = (
        select(Courrier.canal)
        .distinct()
        .where(
            Courrier.envoye_a.is_(None),
            Courrier.abandonne_a.is_(None),
            Courrier.evenement == OFFRE,
            Courrier.tentatives == 0,
            Courrier.du_a <= a,
            Courrier.cree_a <= a - RETARD,
        )
    )
    return frozenset((await conn.execute(requete)).scalars())


async def read_partant(
    conn: AsyncConnection, donnees: Mapping[str, Any], lien: Callable[[bytes], str] | None, a: datetime
) -> MessageAttente | str:
    """The message of a row with the secret link of its request, derived now; or why it must not leave at ``a``.

    Raises KeyError, TypeError or ValueError when the row cannot be one.
    """
    message = MessageAttente.from_donnees(donnees)
    raison = await _find_obstacle(conn, message, a)
    if raison is not None:
        return raison
    sel = (await conn.execute(select(Attente.lien_sel).where(Attente.id == message.attente_id))).scalar_one_or_none()
    return message if lien is None or sel is None else replace(message, lien_gestion=lien(sel))


async def _find_obstacle(conn: AsyncConnection, message: MessageAttente, a: datetime) -> str | None:
    """Why it must not leave, or None: the offer is over, the request is no more what it tells."""
    if message.limite is not None and message.limite <= a:
        return PERIMEE if message.fait == "offre" else CLOSE
    if message.fait == "offre":
        etat = select(OffreAttente.etat).where(OffreAttente.id == message.offre_id)
        return None if (await conn.execute(etat)).scalar_one_or_none() == "ouverte" else PERIMEE
    etats = {"a_confirmer": ("a_confirmer",), "suspendue": ("suspendue",)}.get(
        message.fait, ("active", "offre", "suspendue")
    )
    etat = select(Attente.etat).where(Attente.id == message.attente_id)
    return None if (await conn.execute(etat)).scalar_one_or_none() in etats else CLOSE


def render_attente(message: MessageAttente, entete: Entete, a: datetime) -> EmailMessage:
    """The mail. Raises jinja2.TemplateError or ValueError when it cannot be written."""
    langue = "en" if message.langue == "en" else "fr"
    contexte = {
        "m": message,
        "nom": texte.nom_affichable(texte.propre(message.nom)),
        "service": texte.propre(message.service_libelle),
        "adresse": [texte.propre(ligne) for ligne in message.service_adresse],
        "telephone": texte.telephone_lisible(message.service_telephone, langue),
        "telephone_lien": texte.telephone_lien(message.service_telephone),
        "courriel": _adresse_ou_rien(message.service_courriel),
        "motif": texte.propre(message.motif),
        "genre": _GENRES[langue][message.type_rdv],
        "periode": _tell_periode(message, langue),
        "quand": "" if message.debut is None else texte.date_en_mots(message.debut, message.fuseau, langue),
        "limite": "" if message.limite is None else texte.date_en_mots(message.limite, message.fuseau, langue),
        "heure_locale": message.fuseau != "Europe/Paris",
        "lien": texte.lien_sur(message.lien_gestion),
    }
    return render_lettre(f"attente_{message.fait}", contexte, entete, a, langue=langue)


def _tell_periode(message: MessageAttente, langue: str) -> str:
    """« entre le lundi 8 et le vendredi 12 février 2027 », « le lundi 8 février 2027 »."""
    du, au = (texte.jour_du_mois_en_mots(jour, langue) for jour in (message.du, message.au))
    if langue == "en":
        return f"on {du}" if message.du == message.au else f"between {du} and {au}"
    return f"le {du}" if message.du == message.au else f"entre le {du} et le {au}"


#: How the rendez-vous is held, within a sentence.
_GENRES: Final = {
    "fr": texte.TYPES_EN_PHRASE,
    "en": {"guichet": "at the office", "telephone": "by phone", "visio": "by video call"},
}


def render_attente_sms(message: MessageAttente) -> str:
    """The short message: one segment without its link, two with it."""
    langue = "en" if message.langue == "en" else "fr"
    return to_gsm7(_SMS[langue][message.fait].format(**_mots_sms(message, langue)))


_SMS: Final[Mapping[str, Mapping[str, str]]] = {
    "fr": {
        "a_confirmer": "Impôts, {service} : confirmez votre inscription en liste d’attente avant {limite} : {lien}",
        "deja": "Impôts, {service} : vous êtes déjà en liste d’attente. Votre demande : {lien}",
        "suspendue": "Impôts, {service} : vos offres sont restées sans réponse. Attendez-vous toujours ? {lien}",
        "libres": "Impôts, {service} : des créneaux sont libres aux dates que vous attendez. Choisissez : {lien}",
        "offre": "Impôts, {service} : un créneau se libère, {quand}. Gardé pour vous jusqu’à {limite} : {lien}",
    },
    "en": {
        "a_confirmer": "Tax office {service}: confirm that you join the waiting list before {limite}: {lien}",
        "deja": "Tax office {service}: you are already on the waiting list. Your request: {lien}",
        "suspendue": "Tax office {service}: our offers were left unanswered. Are you still waiting? {lien}",
        "libres": "Tax office {service}: time slots are free on the dates you asked for. Choose one: {lien}",
        "offre": "Tax office {service}: a time slot is free, {quand}. Kept for you until {limite}: {lien}",
    },
}
_NOM_COURT: Final = 24


_SIP: Final = re.compile(r"service (?:des )?imp[oô]ts (?:des )?particuliers", re.IGNORECASE)


def _shorten(libelle: str) -> str:
    """The name of the service in a few letters, cut between two words."""
    court = _SIP.sub("SIP", libelle)
    return court if len(court) <= _NOM_COURT else court[: _NOM_COURT + 1].rpartition(" ")[0] or court[:_NOM_COURT]


def _mots_sms(message: MessageAttente, langue: str) -> dict[str, str]:
    def dire(instant: datetime | None) -> str:
        if instant is None:
            return ""
        local = instant.astimezone(ZoneInfo(message.fuseau))
        heure = "".join(texte.heure_en_mots(instant, message.fuseau, langue).split())
        jour = format_date(local.date(), "EEE d MMM", locale="en_GB" if langue == "en" else "fr")
        return f"{jour} {'at' if langue == 'en' else 'à'} {heure}"

    return {
        "service": _shorten(texte.propre(message.service_libelle)),
        "quand": dire(message.debut),
        "limite": dire(message.limite),
        "lien": texte.lien_sur(message.lien_gestion),
    }


def _adresse_ou_rien(adresse: str) -> str:
    try:
        return parse_adresse(adresse)
    except AdresseRefusee:
        return ""
