"""Short words for the tests of the demo: questions to the database, a visitor who books, a message delivered."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage
from typing import Any

from sqlalchemy import text

from app import clock
from app.booking.forms import UsagerSaisi
from app.booking.jugement import Reservation
from app.booking.outils import Auteur, Outils
from app.booking.reserver import book
from app.demo.monde import NEVERS
from app.demo.remplissage import read_acteurs
from app.embedded.boite import list_messages
from app.embedded.smtp import Smtp
from loadtests.invariants import check

#: The past is imported, not lived: it was announced to nobody.
IMPORTE = ("frames of RDV and not as many journal rows", "transactions left idle")


async def fetch(outils: Outils, requete: str, **valeurs: Any) -> list[Any]:
    async with outils.db.read() as conn:
        return list((await conn.execute(text(requete), valeurs)).all())


async def assert_consistent(outils: Outils) -> None:
    bilan = await check(outils.settings.database_url, sauf=IMPORTE)
    assert bilan.ok, bilan.lines()
    # One journal row per transition: a revision is one creation and its transitions.
    assert not await fetch(
        outils,
        "SELECT r.id FROM rendez_vous r LEFT JOIN journal j ON j.rdv_id = r.id AND j.action LIKE 'rdv.%'"
        " WHERE r.etat <> 'option' GROUP BY r.id HAVING count(j.id) <> r.revision",
    )
    assert not await fetch(
        outils,
        "SELECT r.id FROM rendez_vous r LEFT JOIN passage p ON p.rdv_id = r.id"
        " WHERE (r.etat IN ('arrive', 'appele', 'recu', 'termine')) <> (p.id IS NOT NULL)",
    )
    assert not await fetch(
        outils,
        "SELECT id FROM passage WHERE arrivee_a > appel_a OR appel_a > reception_a OR reception_a > fin_a",
    )
    # A créneau may still be taken during its own first minute.
    tardifs = "SELECT id FROM rendez_vous WHERE cree_a >= debut + interval '1 minute' OR modifie_a < cree_a"
    assert not await fetch(outils, tardifs)


async def book_as_visitor(outils: Outils) -> int:
    """A visitor plays the agent and books for somebody, within the next hours."""
    maintenant = clock.now()
    async with outils.db.read() as conn:
        acteurs = await read_acteurs(conn)
        motif = (await conn.execute(text("SELECT id FROM motif WHERE code = 'M01'"))).scalar_one()
        agent = (await conn.execute(text("SELECT id FROM agent WHERE identifiant = 'agent'"))).scalar_one()
        dispo = await outils.dispo.read(
            conn,
            acteurs.services[NEVERS],
            motif_id=motif,
            type_rdv="guichet",
            canal="rattache",
            maintenant=maintenant,
        )
    creneau = dispo.grille.find_premier()
    assert creneau is not None
    demande = Reservation(
        service_id=acteurs.services[NEVERS],
        motif_id=motif,
        type_rdv="guichet",
        debut=creneau.debut,
        canal="rattache",
        origine="guichet",
        usager=UsagerSaisi("particulier", "madame", "Visiteuse", "", "Une", telephones=("+33199001234",)),
        precision="",
        cle="visite-de-la-demonstration",
    )
    return (await book(outils, demande, Auteur("agent", agent_id=agent), maintenant)).id


INVITATION = """BEGIN:VCALENDAR\r
VERSION:2.0\r
METHOD:REQUEST\r
BEGIN:VEVENT\r
UID:rdv-7@rdv.test\r
SEQUENCE:2\r
SUMMARY:Rendez-vous – SIP Nevers\r
LOCATION:19 rue Camille Baynac\r
DTSTART:20261125T081000Z\r
DTEND:20261125T083000Z\r
END:VEVENT\r
END:VCALENDAR\r
"""


def deliver(smtp: Smtp, sujet: str, html: str = "", calendrier: str = "") -> str:
    """Send one message and return its key in the mailbox."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "rdv@rdv.test", "philippa@usagers.test", sujet
    message.set_content("Bonjour,\nvotre rendez-vous est <b>confirmé</b>.")
    if html:
        message.add_alternative(html, subtype="html")
    if calendrier:
        message.add_attachment(calendrier, subtype="calendar", params={"method": "REQUEST"})
    with smtplib.SMTP("127.0.0.1", smtp.port) as liaison:
        liaison.send_message(message)
    return next(m.cle for m in list_messages(smtp.dossier) if m.sujet == sujet)
