"""Mails as a mail program reads them: written to bytes, then parsed back."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP, default
from html.parser import HTMLParser

import pytest
from icalendar import Calendar

from app.courrier.message import EVENEMENTS, MessageRdv
from app.courrier.smtp import LIGNE_ENTETE
from tests.courrier.exemples import CAEN_NORD, as_received, entete, message, part, text_of

HOSTILES = (
    "<script>alert(1)</script>",
    '"; DROP TABLE courrier; --',
    '=HYPERLINK("http://mal.example","Cliquez")',
    "Nom\r\nBcc: victime@example.org\r\n\r\nCorps",
    "{{ 7*7 }}{% include '/etc/passwd' %}",
    "\u202egnirts\u2066 👩‍🚀",
    "a" * 5000,
)


class _Balises(HTMLParser):
    """Every tag and attribute of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.balises: list[str] = []
        self.liens: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.balises.append(tag)
        self.liens += [valeur or "" for nom, valeur in attrs if nom in {"href", "src", "action"}]


def _texte(courriel: EmailMessage) -> str:
    return text_of(courriel, "text/plain").replace("\u00a0", " ")


def _html(courriel: EmailMessage) -> str:
    return text_of(courriel, "text/html").replace("\u00a0", " ").replace("&nbsp;", " ")


class TestAnnexe1Paragraphe2Confirmation:
    def test_it_says_what_the_confirmation_screen_says(self) -> None:
        courriel = as_received("confirmation", CAEN_NORD)
        for corps in (_texte(courriel), _html(courriel)):
            assert "XOWVVO" in corps
            assert "il pourra vous être demandé" in corps
            assert "Il est prévu pour une durée de 20 minutes." in corps
            assert "Vous serez reçu(e) au guichet du service indiqué ci-dessous" in corps
            assert "Bulletins de salaire des 3 derniers mois" in corps
            assert "SERVICE IMPOTS PARTICULIERS CAEN NORD" in corps
            assert "14083 CAEN CEDEX 9" in corps
            assert "02 31 47 11 11" in corps
            assert "sip.caen-nord@dgfip.finances.gouv.fr" in corps
            assert CAEN_NORD.lien_gestion in corps
            assert "informatique" in corps
            assert "2016/679" in corps
        assert "mercredi 14 septembre 2016 à 10 h 20" in _texte(courriel)
        assert "En cas d’empêchement" in _html(courriel)

    def test_without_a_link_the_service_is_to_be_told(self) -> None:
        corps = _texte(as_received("confirmation", message(lien_gestion="")))
        assert "Nous vous remercions de nous prévenir par courriel ou par téléphone." in corps
        assert "http" not in corps

    def test_a_telephone_rendez_vous_says_which_number_will_be_called(self) -> None:
        courriel = as_received("confirmation", message(type_rdv="telephone"))
        assert "Vous serez appelé(e) au 06 12 34 56 78." in _texte(courriel)
        assert "Vous serez appelé(e) au <strong>06 12 34 56 78</strong>." in _html(courriel)
        assert "reçu(e)" not in _texte(courriel)

    def test_a_visio_gives_its_link(self) -> None:
        courriel = as_received("confirmation", message(type_rdv="visio", visio_lien="https://visio.example.fr/s/abc"))
        assert "https://visio.example.fr/s/abc" in _texte(courriel)
        assert "https://visio.example.fr/s/abc" in _Balises(_html(courriel)).liens

    def test_overseas_the_hour_is_said_to_be_local(self) -> None:
        ailleurs = as_received("confirmation", message(fuseau="Indian/Reunion"))
        assert "12 h 20" in _texte(ailleurs)
        assert "(heure locale du service)" in _texte(ailleurs)
        assert "Heure locale du service." in _html(ailleurs)
        assert "locale" not in _texte(as_received("confirmation", CAEN_NORD))

    def test_the_demonstration_says_so(self) -> None:
        courriel = as_received("confirmation", CAEN_NORD, entete(demonstration=True))
        assert "DÉMONSTRATION" in _texte(courriel)
        assert "Message de démonstration" in _html(courriel)


class TestOtherEvents:
    def test_a_cancellation_by_the_service_says_why(self) -> None:
        m = message(annule_par="agent", raison_annulation="Fermeture exceptionnelle.", sequence=1)
        courriel = as_received("annulation", m)
        assert courriel["Subject"].replace("\u00a0", " ") == (
            "Votre rendez-vous du mercredi 14 septembre 2016 à 10 h 20 est annulé"
        )
        assert "Fermeture exceptionnelle." in _texte(courriel)
        assert "Il est inutile de vous déplacer." in _texte(courriel)

    def test_the_words_of_an_unknown_usager_are_not_sent_to_a_mailbox_that_may_be_another_s(self) -> None:
        m = message(annule_par="usager", raison_annulation="Gagnez un prix sur mal.example")
        courriel = as_received("annulation", m)
        assert "mal.example" not in _texte(courriel) + _html(courriel)
        assert "Votre annulation a bien été enregistrée." in _texte(courriel)

    def test_a_move_recalls_the_former_date(self) -> None:
        m = message(ancien_debut=datetime(2016, 9, 13, 7, 0, tzinfo=UTC), sequence=1)
        assert "Votre rendez-vous du mardi 13 septembre 2016 à 9 h a été déplacé." in _texte(
            as_received("deplacement", m)
        )

    def test_a_reminder_does_not_invite_again(self) -> None:
        courriel = as_received("rappel", CAEN_NORD)
        genres = [p.get_content_type() for p in courriel.walk()]
        assert "text/calendar" not in genres
        assert Calendar.from_ical(part(courriel, "application/ics").get_content())["METHOD"] == "PUBLISH"

    def test_a_language_without_templates_is_written_in_french(self) -> None:
        courriel = as_received("confirmation", message(langue="de"))
        assert courriel["Content-Language"] == "fr"
        assert "Votre rendez-vous a bien été enregistré." in _texte(courriel)

    def test_a_language_is_never_a_path(self) -> None:
        assert as_received("confirmation", message(langue="../../x"))["Content-Language"] == "fr"


class TestStructure:
    def test_programs_find_text_then_html_then_calendar_then_a_file(self) -> None:
        courriel = as_received("confirmation", CAEN_NORD)
        assert [p.get_content_type() for p in courriel.walk()] == [
            "multipart/mixed",
            "multipart/alternative",
            "text/plain",
            "text/html",
            "text/calendar",
            "application/ics",
        ]
        assert part(courriel, "text/calendar")["Content-Type"].params["method"] == "REQUEST"
        fichier = part(courriel, "application/ics")
        assert fichier.get_filename() == "invitation.ics"
        assert Calendar.from_ical(fichier.get_content()).events[0].start == CAEN_NORD.debut

    def test_a_cancellation_carries_the_method_cancel_in_both_places(self) -> None:
        calendrier = part(as_received("annulation", message(sequence=1)), "text/calendar")
        assert calendrier["Content-Type"].params["method"] == "CANCEL"
        assert Calendar.from_ical(calendrier.get_content())["METHOD"] == "CANCEL"

    def test_headers_are_those_of_an_automatic_message(self) -> None:
        courriel = as_received("confirmation", CAEN_NORD)
        assert courriel["From"].addresses[0].addr_spec == "ne-pas-repondre@rdv.example.fr"
        assert courriel["From"].addresses[0].display_name == "Rendez-vous – Finances publiques"
        assert [a.addr_spec for a in courriel["To"].addresses] == ["nadia.valenton@example.org"]
        assert courriel["Reply-To"].addresses[0].addr_spec == "sip.caen-nord@dgfip.finances.gouv.fr"
        assert courriel["Message-ID"] == "<rdv-1613.confirmation.0.abc@rdv.example.fr>"
        assert courriel["Auto-Submitted"] == "auto-generated"
        assert courriel["Content-Language"] == "fr"
        assert courriel["Date"].datetime == datetime(2016, 9, 1, 9, 0, tzinfo=UTC)

    def test_relays_log_subjects_so_neither_code_nor_name_is_in_them(self) -> None:
        for evenement in EVENEMENTS:
            sujet = as_received(evenement, CAEN_NORD)["Subject"]
            assert "XOWVVO" not in sujet
            assert "VALENTON" not in sujet

    def test_a_service_without_mailbox_has_no_reply_to(self) -> None:
        assert as_received("confirmation", message(service_courriel=""))["Reply-To"] is None
        assert as_received("confirmation", message(service_courriel="a@b.fr, c@d.fr"))["Reply-To"] is None

    @pytest.mark.parametrize("evenement", EVENEMENTS)
    @pytest.mark.parametrize("adresse", ["sip@dgfip.finances.gouv.fr", "", "a@b.fr, c@d.fr", "sip@", " "])
    def test_an_answer_is_promised_a_reader_only_when_it_goes_to_the_service(
        self, evenement: str, adresse: str
    ) -> None:
        """From a « ne-pas-repondre » address, only a Reply-To leads an answer to somebody."""
        courriel = as_received(evenement, message(service_courriel=adresse))
        promis = "Si vous y répondez, le service vous lira." in text_of(courriel, "text/html")
        assert promis is (courriel["Reply-To"] is not None) is (adresse == "sip@dgfip.finances.gouv.fr")

    @pytest.mark.parametrize("evenement", EVENEMENTS)
    def test_the_page_is_small_and_asks_nothing_of_the_network(self, evenement: str) -> None:
        page = text_of(as_received(evenement, CAEN_NORD), "text/html")
        balises = _Balises(page)
        assert len(page.encode()) <= 30_000
        assert not {"img", "script", "link", "iframe", "form"} & set(balises.balises)
        assert all(re.match(r"(https://rdv\.example\.fr/|mailto:|tel:)", lien) for lien in balises.liens)
        assert '<html lang="fr"' in page
        assert balises.balises.count("h1") == 1

    def test_an_accented_mailbox_is_written_as_it_is(self) -> None:
        assert as_received("confirmation", CAEN_NORD, entete(destinataire="zoé@example.org"))["To"] == "zoé@example.org"


class TestHostileText:
    @pytest.mark.parametrize("hostile", HOSTILES)
    @pytest.mark.parametrize("evenement", EVENEMENTS)
    def test_it_stays_text_everywhere(self, evenement: str, hostile: str) -> None:
        m = message(
            usager_nom=hostile,
            motif=hostile,
            documents=(hostile,),
            service_libelle=hostile,
            service_adresse=(hostile,),
            service_telephone=hostile,
            service_courriel=hostile,
            guichet_nom=hostile,
            telephone_rappel=hostile,
            visio_lien=hostile,
            lien_gestion=hostile,
            raison_annulation=hostile,
            annule_par="agent",
            code=hostile,
        )
        courriel = as_received(evenement, m)
        sain = as_received(
            evenement, message(lien_gestion="", documents=("x",), annule_par="agent", raison_annulation="x")
        )
        page = text_of(courriel, "text/html")
        assert sorted(set(courriel.keys())) == sorted(set(sain.keys()) - {"Reply-To"})
        assert courriel["Bcc"] is None
        assert [a.addr_spec for a in courriel["To"].addresses] == ["nadia.valenton@example.org"]
        assert set(_Balises(page).balises) <= set(_Balises(text_of(sain, "text/html")).balises)
        assert _Balises(page).liens == []
        assert "\u202e" not in page
        assert "49" not in page or "49" in text_of(sain, "text/html")
        assert len(page.encode()) < 60_000

    def test_a_name_with_markup_is_not_greeted_at_all(self) -> None:
        assert "Bonjour,\n" in _texte(as_received("confirmation", message(usager_nom="<b>x</b>")))
        assert "Bonjour Madame VALENTON,\n" in _texte(as_received("confirmation", CAEN_NORD))

    def test_markup_in_a_motif_is_shown_as_typed(self) -> None:
        courriel = as_received("confirmation", message(motif="<b>gras</b>"))
        assert "&lt;b&gt;gras&lt;/b&gt;" in _html(courriel)
        assert "<b>gras</b>" in _texte(courriel)


def test_every_event_is_rendered_for_every_type_and_every_missing_detail() -> None:
    """A template that reads what is not there raises (StrictUndefined); nothing here may."""
    for evenement in EVENEMENTS:
        for type_rdv in ("guichet", "telephone", "visio"):
            vide = MessageRdv(
                rdv_id=1,
                code="ABCDEF",
                sequence=0,
                debut=CAEN_NORD.debut,
                fin=CAEN_NORD.fin,
                fuseau="Europe/Paris",
                type_rdv=type_rdv,
                motif="",
                service_libelle="SIP",
            )
            corps = _texte(as_received(evenement, vide))
            assert "None" not in corps
            assert "\n\n\n" not in corps, corps


class TestSujet:
    """What a mail program shows is what was written, whatever the length of the day's name."""

    def test_no_space_is_lost_on_the_wire(self) -> None:
        for jour in range(1, 29):
            lu = EmailMessage(policy=SMTP)
            lu["Subject"] = (
                f"Votre rendez-vous est confirmé : mercredi {jour} septembre 2026 à 10\u00a0h\u00a020 à Nevers"
            )
            lu.set_content("corps")
            octets = lu.as_bytes(policy=lu.policy.clone(max_line_length=LIGNE_ENTETE))
            assert message_from_bytes(octets, policy=default)["Subject"] == lu["Subject"]
