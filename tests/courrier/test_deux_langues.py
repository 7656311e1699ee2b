"""Each message as a mail program receives it, in both languages: parts, encodings, widths, calendar, hostile words."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import policy
from email.parser import BytesParser
from html.parser import HTMLParser
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from icalendar import Calendar

from app.courrier.message import EVENEMENTS, MessageRdv
from app.courrier.rendu import render
from app.courrier.sms import render_sms
from app.courrier.smtp import LIGNE_ENTETE
from tests.courrier.exemples import AUJOURD_HUI, CAEN_NORD, as_received, entete, message, part, text_of

LANGUES = ("fr", "en")
TYPES = ("guichet", "telephone", "visio")
#: Facts that are no language: what is left in French is then the template's fault.
NEUTRE = {
    "motif": "MMM",
    "documents": ("DDD", "EEE"),
    "service_libelle": "SSS",
    "service_adresse": ("1 RUE X", "14000 Y"),
    "message_service": "GGG",
    "message_motif": "HHH",
    "message_usager": "UUU",
    "guichet_nom": "BBB",
    "service_origine": "OOO",
    "usager_nom": "NNN",
    "visio_lien": "https://visio.example.fr/abc",
    "modifiable": True,
}
#: Words that English has not.
FRANCAIS = re.compile(
    r"\b(votre|vous|le|la|les|des|du|une?|rendez|service|annul\w*|merci|bonjour|heures?|courriel|téléphone|à)\b",
    re.IGNORECASE,
)
_NOM_PROPRE = "Direction générale des Finances publiques"


def neutre(**champs: Any) -> MessageRdv:
    return message(**{**NEUTRE, "ancien_debut": CAEN_NORD.debut - timedelta(days=1), **champs})


class _Squelette(HTMLParser):
    """Tags and styles of a page, in order, its words left out."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.balises: list[tuple[str, str | None]] = []
        self.mots: list[str] = []
        self._tait = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._tait = tag == "style"
        self.balises.append((tag, dict(attrs).get("style")))

    def handle_data(self, data: str) -> None:
        if not self._tait:
            self.mots.append(data)


def _prose(texte: str) -> str:
    """Its words alone: neither addresses nor the name of the administration."""
    return re.sub(r"https?://\S+", "", " ".join(texte.split()).replace(_NOM_PROPRE, ""))


class TestAnglais:
    @pytest.mark.parametrize("type_rdv", TYPES)
    @pytest.mark.parametrize("evenement", EVENEMENTS)
    @pytest.mark.parametrize("qui", ["usager", "agent", "contre_appel", ""])
    def test_nothing_is_left_in_french(self, evenement: str, type_rdv: str, qui: str) -> None:
        for plus in ({}, {"ancien_debut": None, "ancien_service": "AAA"}, {"lien_gestion": "", "modifiable": False}):
            m = neutre(langue="en", type_rdv=type_rdv, annule_par=qui, raison_annulation="RRR", **plus)
            courriel = as_received(evenement, m, entete(demonstration=True))
            page = " ".join(_Squelette(text_of(courriel, "text/html")).mots)
            calendrier = Calendar.from_ical(part(courriel, "application/ics").get_content()).events[0]
            for lu in (
                str(courriel["Subject"]),
                _prose(text_of(courriel, "text/plain")),
                _prose(page),
                str(calendrier["SUMMARY"]),
                str(calendrier["DESCRIPTION"]),
            ):
                assert not FRANCAIS.findall(lu), (FRANCAIS.findall(lu), lu)
            assert courriel["Content-Language"] == "en"
            assert '<html lang="en"' in text_of(courriel, "text/html")

    @pytest.mark.parametrize(
        ("langue", "phrase"),
        [
            ("fr", "Ce lien remplace ceux des messages précédents."),
            ("en", "This link replaces those in earlier messages."),
        ],
    )
    def test_who_has_one_already_is_told_that_the_former_links_open_nothing(self, langue: str, phrase: str) -> None:
        courriel = as_received("existant", message(langue=langue))
        assert phrase in text_of(courriel, "text/plain")
        assert phrase in text_of(courriel, "text/html")
        sans = as_received("existant", message(langue=langue, lien_gestion=""))
        assert phrase not in text_of(sans, "text/plain")
        assert phrase not in text_of(sans, "text/html")
        seul = "seul lien valable" if langue == "fr" else "only valid link"
        assert seul in render_sms("existant", message(langue=langue))

    def test_the_check_sees_french(self) -> None:
        assert FRANCAIS.search(_prose(text_of(as_received("confirmation", neutre()), "text/plain")))

    def test_people_are_greeted_in_their_language(self) -> None:
        for nom, salut in (("Madame VALENTON", "Hello Ms VALENTON,"), ("SARL MADAME", "Hello SARL MADAME,")):
            assert salut in text_of(as_received("rappel", neutre(langue="en", usager_nom=nom)), "text/plain")

    def test_dates_are_english(self) -> None:
        courriel = as_received("confirmation", neutre(langue="en"))
        assert "Wednesday 14 September 2016 at 10:20" in text_of(courriel, "text/plain").replace("\u00a0", " ")

    @pytest.mark.parametrize("type_rdv", TYPES)
    @pytest.mark.parametrize("evenement", EVENEMENTS)
    def test_both_pages_are_built_alike(self, evenement: str, type_rdv: str) -> None:
        """Two files a message: what is added to one and forgotten in the other fails here."""
        fr, en = (
            _Squelette(text_of(as_received(evenement, neutre(langue=langue, type_rdv=type_rdv)), "text/html")).balises
            for langue in LANGUES
        )
        assert fr == en

    @pytest.mark.parametrize("type_rdv", TYPES)
    @pytest.mark.parametrize("evenement", EVENEMENTS)
    def test_both_texts_tell_the_same_facts(self, evenement: str, type_rdv: str) -> None:
        textes = [
            text_of(as_received(evenement, neutre(langue=langue, type_rdv=type_rdv)), "text/plain")
            for langue in LANGUES
        ]
        for fait in ("XOWVVO", "MMM", "DDD", "SSS", "UUU", "HHH", "GGG", "BBB", "OOO", "NNN", "visio.example", "jjjj"):
            assert (fait in textes[0]) == (fait in textes[1]), fait


@pytest.mark.parametrize("langue", LANGUES)
@pytest.mark.parametrize("evenement", EVENEMENTS)
class TestOctets:
    def test_every_line_travels_anywhere(self, evenement: str, langue: str) -> None:
        m = neutre(langue=langue, documents=("é" * 900, "mot " * 400), message_usager="ù" * 2000)
        courriel = render(evenement, m, entete(), AUJOURD_HUI)
        octets = courriel.as_bytes(policy=courriel.policy.clone(max_line_length=LIGNE_ENTETE))
        assert octets.isascii()
        assert max(map(len, octets.split(b"\r\n"))) <= 998
        assert b"\n" not in octets.replace(b"\r\n", b"")
        lu = BytesParser(policy=policy.default).parsebytes(octets)
        assert not [defaut for partie in lu.walk() for defaut in partie.defects]
        for partie in lu.walk():
            if partie.get_content_maintype() == "text":
                assert partie.get_content_charset() == "utf-8"

    def test_the_text_is_read_at_78_columns(self, evenement: str, langue: str) -> None:
        long = "Justificatif de domicile de moins de trois mois, ou attestation d’hébergement " * 4
        m = neutre(langue=langue, documents=(long,), motif=long, message_service=long, annule_par="agent")
        corps = text_of(as_received(evenement, replace(m, raison_annulation=long)), "text/plain")
        assert [ligne for ligne in corps.split("\n") if len(ligne) > 78 and "https://" not in ligne] == []
        if "- Justif" in corps:
            suite = corps.split("- Justif")[1].split("\n")[1]
            assert suite.startswith("  "), "the rest of an item is under it"

    def test_hostile_words_stay_words(self, evenement: str, langue: str) -> None:
        hostile = "x\r\nBcc: a@b.fr\r\nBEGIN:VEVENT\r\nUID:y\r\n<b onload=z>{{ 7*7 }}\u202e"
        m = neutre(
            langue=langue,
            **{champ: hostile for champ, valeur in NEUTRE.items() if isinstance(valeur, str)},
            raison_annulation=hostile,
            annule_par="agent",
        )
        courriel = as_received(evenement, m)
        assert courriel["Bcc"] is None
        assert "<b onload" not in text_of(courriel, "text/html")
        assert "49" not in text_of(courriel, "text/plain").replace("49.", "")
        calendrier = Calendar.from_ical(part(courriel, "application/ics").get_content())
        assert len(calendrier.events) == 1
        assert str(calendrier.events[0]["UID"]) == "rdv-1613@rdv.example.fr"


class TestCalendrier:
    @pytest.mark.parametrize("langue", LANGUES)
    def test_one_event_lives_through_confirmation_move_and_cancellation(self, langue: str) -> None:
        suite = [
            ("confirmation", neutre(langue=langue), "REQUEST"),
            ("deplacement", neutre(langue=langue, sequence=1), "REQUEST"),
            ("annulation", neutre(langue=langue, sequence=2), "CANCEL"),
        ]
        lus = []
        for evenement, m, methode in suite:
            corps = part(as_received(evenement, m), "text/calendar").get_content()
            calendrier = Calendar.from_ical(corps)
            assert calendrier["METHOD"] == methode
            lus.append((str(calendrier.events[0]["UID"]), calendrier.events[0].sequence))
        assert len({uid for uid, _ in lus}) == 1
        assert [sequence for _, sequence in lus] == [0, 1, 2]

    @pytest.mark.parametrize(
        ("zone", "local"),
        [
            ("Europe/Paris", "2027-03-28T10:20"),
            ("Europe/Paris", "2027-10-31T10:20"),
            ("Indian/Reunion", "2027-03-28T10:20"),
            ("America/Guadeloupe", "2027-10-31T08:00"),
            ("America/Miquelon", "2027-03-14T09:00"),
            ("America/Miquelon", "2027-11-07T09:00"),
        ],
    )
    def test_it_starts_at_the_hour_of_the_place(self, zone: str, local: str) -> None:
        debut = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
        m = neutre(fuseau=zone, debut=debut, fin=debut + timedelta(minutes=20), ancien_debut=None)
        corps = part(as_received("confirmation", m), "text/calendar").get_content()
        evenement = Calendar.from_ical(corps).events[0]
        assert f"DTSTART;TZID={zone}:{local.replace('-', '').replace(':', '')}00" in corps
        assert evenement.start == debut
        assert f"TZID:{zone}" in corps
