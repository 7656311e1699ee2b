"""The calendar part, read back by a calendar library; zones checked against the zone database itself."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from icalendar import Calendar, Event

from app.courrier.calendrier import Methode, ics_invitation, ics_rdv, uid_rdv
from app.courrier.message import MessageRdv
from app.courrier.vtimezone import bascules, vtimezone
from tests.courrier.exemples import AUJOURD_HUI, CAEN_NORD, message

ZONES = (
    "Europe/Paris",
    "Indian/Reunion",
    "America/Guadeloupe",
    "America/Miquelon",
    "Pacific/Noumea",
    "Africa/Casablanca",
)


def _invitation(m: MessageRdv, methode: Methode = "REQUEST") -> bytes:
    return ics_invitation(
        m,
        methode,
        domaine="rdv.example.fr",
        a=AUJOURD_HUI,
        organisateur="no@rdv.example.fr",
        participant="n@example.org",
    )


def _event(ics: bytes) -> Event:
    evenements = Calendar.from_ical(ics).events
    assert len(evenements) == 1
    return evenements[0]


class TestInvitation:
    def test_a_calendar_program_finds_the_rendez_vous(self) -> None:
        calendrier = Calendar.from_ical(_invitation(CAEN_NORD))
        evenement = calendrier.events[0]
        assert calendrier["METHOD"] == "REQUEST"
        assert evenement["UID"] == "rdv-1613@rdv.example.fr"
        assert evenement["SEQUENCE"] == 0
        assert evenement["STATUS"] == "CONFIRMED"
        assert evenement.start == CAEN_NORD.debut
        assert evenement.end == CAEN_NORD.fin
        assert evenement["DTSTART"].params["TZID"] == "Europe/Paris"
        assert evenement["ORGANIZER"] == "mailto:no@rdv.example.fr"
        assert evenement["ATTENDEE"] == "mailto:n@example.org"
        assert evenement["ATTENDEE"].params["RSVP"] == "FALSE"
        assert "145 rue de la Délivrande" in str(evenement["LOCATION"])
        assert not evenement.subcomponents, "no alarm is imposed"

    def test_a_move_keeps_the_uid_and_raises_the_sequence(self) -> None:
        apres = message(sequence=1, debut=CAEN_NORD.debut + timedelta(days=1), fin=CAEN_NORD.fin + timedelta(days=1))
        ancien, nouveau = _event(_invitation(CAEN_NORD)), _event(_invitation(apres))
        assert ancien["UID"] == nouveau["UID"]
        assert nouveau.sequence > ancien.sequence

    def test_a_cancellation_withdraws_the_same_event(self) -> None:
        calendrier = Calendar.from_ical(_invitation(message(sequence=2), "CANCEL"))
        assert calendrier["METHOD"] == "CANCEL"
        assert calendrier.events[0]["STATUS"] == "CANCELLED"
        assert calendrier.events[0]["UID"] == uid_rdv(1613, "rdv.example.fr")
        assert calendrier.events[0]["SEQUENCE"] == 2

    def test_adding_to_my_agenda_is_the_same_event_published(self) -> None:
        calendrier = Calendar.from_ical(ics_rdv(CAEN_NORD, domaine="rdv.example.fr", a=AUJOURD_HUI))
        assert calendrier["METHOD"] == "PUBLISH"
        assert calendrier.events[0]["UID"] == uid_rdv(1613, "rdv.example.fr")
        assert "ORGANIZER" not in calendrier.events[0]

    def test_a_shared_calendar_shows_neither_motif_nor_documents_nor_secret_link(self) -> None:
        ics = _invitation(message(motif="Surendettement", documents=("Jugement",))).replace(b"\r\n ", b"")
        assert not [mot for mot in (b"Surendettement", b"Jugement", b"mon-rendez-vous", b"0612345678") if mot in ics]

    def test_a_visio_carries_its_link(self) -> None:
        evenement = _event(_invitation(message(type_rdv="visio", visio_lien="https://visio.example.fr/s/abc")))
        assert evenement["URL"] == "https://visio.example.fr/s/abc"
        assert "https://visio.example.fr/s/abc" in str(evenement["DESCRIPTION"])

    def test_lines_are_folded_at_75_octets_and_end_with_crlf(self) -> None:
        ics = _invitation(message(service_libelle="É" * 300))
        assert ics.endswith(b"\r\n")
        assert all(len(ligne) <= 75 for ligne in ics.split(b"\r\n"))
        assert str(_event(ics)["SUMMARY"]).endswith("É" * 300)

    def test_hostile_text_stays_in_its_field(self) -> None:
        hostile = 'X";ATTENDEE=mailto:z@z\r\nBEGIN:VALARM\nEND:VEVENT, ; \\n \u202e🎉'
        ics = _invitation(
            message(service_libelle=hostile, service_adresse=(hostile,), service_courriel=hostile, code=hostile)
        )
        evenement = _event(ics)
        assert not evenement.subcomponents
        assert evenement["ATTENDEE"] == "mailto:n@example.org"
        assert "BEGIN:VALARM END:VEVENT, ; \\n 🎉" in str(evenement["SUMMARY"])
        assert ics.count(b"\r\nBEGIN:") + 1 == ics.count(b"\r\nEND:") == 5


class TestVtimezone:
    @pytest.mark.parametrize("zone", ZONES)
    @pytest.mark.parametrize("annee", [2026, 2027])
    def test_it_gives_the_same_offsets_as_the_zone_itself(self, zone: str, annee: int) -> None:
        """Every hour of the year and of the next, by an independent reading of the component."""
        composant = vtimezone(zone, annee)
        lu = (
            Calendar.from_ical(b"BEGIN:VCALENDAR\r\n" + composant.to_ical() + b"END:VCALENDAR\r\n").timezones[0].to_tz()
        )
        vrai = ZoneInfo(zone)
        instant = datetime(annee, 1, 1, tzinfo=UTC)
        while instant < datetime(annee + 2, 1, 1, tzinfo=UTC):
            assert instant.astimezone(lu).utcoffset() == instant.astimezone(vrai).utcoffset(), instant
            instant += timedelta(hours=6)

    def test_paris_changes_by_rule_at_two_and_three_local_time(self) -> None:
        ics = vtimezone("Europe/Paris", 2027).to_ical().decode()
        assert "DTSTART:20260329T020000" in ics
        assert "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3" in ics
        assert "DTSTART:20261025T030000" in ics

    def test_miquelon_changes_on_the_second_sunday_of_march(self) -> None:
        assert [b.locale.date() for b in bascules(ZoneInfo("America/Miquelon"), 2027)] == [
            date(2027, 3, 14),
            date(2027, 11, 7),
        ]
        assert "BYDAY=2SU;BYMONTH=3" in vtimezone("America/Miquelon", 2027).to_ical().decode()

    def test_a_zone_without_summer_time_is_one_line_of_offset(self) -> None:
        ics = vtimezone("Indian/Reunion", 2027).to_ical().decode()
        assert ics.count("TZOFFSETTO:+0400") == 1
        assert "RRULE" not in ics
