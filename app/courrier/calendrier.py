"""The rendez-vous as a calendar event (RFC 5545, RFC 5546): invitation, cancellation, « ajouter à mon agenda ».

The UID never changes and SEQUENCE rises with each move, so that a calendar replaces the event instead of adding one.
Calendars are shared with relatives and colleagues: neither the motif, nor the documents, nor the secret link is in
the event.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event, vCalAddress, vText

from app.courrier.message import MessageRdv
from app.courrier.texte import duree_en_mots, lien_sur, telephone_lisible
from app.courrier.vtimezone import vtimezone

Methode = Literal["REQUEST", "CANCEL", "PUBLISH"]

_PRODID: Final = "-//Accueil personnalise sur rendez-vous//FR"
_TITRES: Final = {"guichet": "Rendez-vous", "telephone": "Rendez-vous téléphonique", "visio": "Rendez-vous en visio"}
_TITRES_EN: Final = {"guichet": "Appointment", "telephone": "Phone appointment", "visio": "Video appointment"}


def uid_rdv(rdv_id: int, domaine: str) -> str:
    """The UID of a RDV, the same in every message and export of one installation."""
    return f"rdv-{rdv_id}@{domaine}"


def ics_rdv(message: MessageRdv, *, domaine: str, a: datetime) -> bytes:
    """« Ajouter à mon agenda »: the event with METHOD PUBLISH, UTF-8, CRLF. ``a`` is the present instant."""
    return bytes(_calendrier(message, "PUBLISH", domaine, a).to_ical())


def ics_invitation(
    message: MessageRdv, methode: Methode, *, domaine: str, a: datetime, organisateur: str, participant: str
) -> bytes:
    """The event as an invitation (REQUEST) or its withdrawal (CANCEL), from and to these addresses.

    Nothing is asked of the usager (RSVP=FALSE, already accepted): no « oui / non » buttons, no reply to a mailbox that
    nobody reads.
    """
    calendrier = _calendrier(message, methode, domaine, a)
    evenement = calendrier.events[0]
    qui = vCalAddress(f"mailto:{organisateur}")
    qui.params["cn"] = vText(message.service_libelle)
    evenement.add("organizer", qui)
    usager = vCalAddress(f"mailto:{participant}")
    usager.params["role"] = vText("REQ-PARTICIPANT")
    usager.params["partstat"] = vText("ACCEPTED")
    usager.params["rsvp"] = vText("FALSE")
    evenement.add("attendee", usager)
    return bytes(calendrier.to_ical())


def _calendrier(message: MessageRdv, methode: Methode, domaine: str, a: datetime) -> Calendar:
    zone = ZoneInfo(message.fuseau)
    debut, fin = message.debut.astimezone(zone), message.fin.astimezone(zone)
    evenement = Event()
    evenement.add("uid", uid_rdv(message.rdv_id, domaine))
    evenement.add("sequence", message.sequence)
    evenement.add("dtstamp", a)
    evenement.add("dtstart", debut)
    evenement.add("dtend", fin)
    titres = _TITRES_EN if message.langue == "en" else _TITRES
    evenement.add("summary", f"{titres[message.type_rdv]} – {message.service_libelle}")
    evenement.add("location", _lieu(message))
    describe = _describe_en if message.langue == "en" else _describe
    evenement.add("description", describe(message, methode))
    evenement.add("status", "CANCELLED" if methode == "CANCEL" else "CONFIRMED")
    evenement.add("class", "PRIVATE")
    evenement.add("transp", "TRANSPARENT" if methode == "CANCEL" else "OPAQUE")
    visio = lien_sur(message.visio_lien)
    if message.type_rdv == "visio" and visio and methode != "CANCEL":
        evenement.add("url", visio)
    calendrier = Calendar()
    calendrier.add("prodid", _PRODID)
    calendrier.add("version", "2.0")
    calendrier.add("method", methode)
    calendrier.add_component(vtimezone(message.fuseau, debut.year))
    calendrier.add_component(evenement)
    return calendrier


def _lieu(message: MessageRdv) -> str:
    if message.type_rdv == "telephone":
        return "By phone" if message.langue == "en" else "Par téléphone"
    if message.type_rdv == "visio":
        return "Video call" if message.langue == "en" else "Visioconférence"
    return ", ".join((message.service_libelle, *message.service_adresse))


def _describe(message: MessageRdv, methode: Methode) -> str:
    if methode == "CANCEL":
        return "Ce rendez-vous est annulé."
    lignes = [f"Code du rendez-vous : {message.code}", f"Durée prévue : {duree_en_mots(message.fin - message.debut)}"]
    if message.service_origine:
        lignes.append(f"{message.service_libelle} vous reçoit pour le compte de {message.service_origine}.")
    visio = lien_sur(message.visio_lien)
    if message.type_rdv == "telephone":
        lignes.append("Le service vous appelle à l’heure du rendez-vous.")
    elif message.type_rdv == "visio" and visio:
        lignes.append(f"Lien de la visioconférence : {visio}")
    else:
        lignes.append("Les documents à apporter sont dans le message de confirmation.")
    contacts = [c for c in (telephone_lisible(message.service_telephone), message.service_courriel) if c]
    if contacts:
        lignes.append(f"En cas d’empêchement, prévenez le service : {', '.join(contacts)}")
    return "\n".join(lignes)


def _describe_en(message: MessageRdv, methode: Methode) -> str:
    if methode == "CANCEL":
        return "This appointment is cancelled."
    duree = duree_en_mots(message.fin - message.debut, "en")
    lignes = [f"Appointment code: {message.code}", f"Expected duration: {duree}"]
    if message.service_origine:
        lignes.append(f"{message.service_libelle} receives you on behalf of {message.service_origine}.")
    visio = lien_sur(message.visio_lien)
    if message.type_rdv == "telephone":
        lignes.append("The tax office calls you at the time of the appointment.")
    elif message.type_rdv == "visio" and visio:
        lignes.append(f"Link of the video call: {visio}")
    else:
        lignes.append("The documents to bring are in the confirmation message.")
    contacts = [c for c in (telephone_lisible(message.service_telephone, "en"), message.service_courriel) if c]
    if contacts:
        lignes.append(f"If you cannot come, please tell the tax office: {', '.join(contacts)}")
    return "\n".join(lignes)
