"""Messages of the waiting list: both languages, hostile names, and none that is no longer true."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

import pytest
from sqlalchemy import insert, text

from app import clock
from app.booking.usager.mots import USAGER
from app.config import RACINE
from app.courrier.attente import _GENRES, FAITS, MessageAttente, render_attente, render_attente_sms, write_attente
from app.courrier.envoi import Facteur
from app.courrier.envoi_sms import FacteurSms
from app.courrier.gsm7 import count_segments
from app.courrier.message import TYPES_RDV
from app.courrier.operateurs import Sms
from app.courrier.rendu import Entete
from app.langue import in_langue, read_catalogue, tr
from app.tables import Attente, OffreAttente
from tests.courrier.conftest import File
from tests.courrier.poste import Poste

A = datetime(2026, 11, 26, 9, 20, tzinfo=UTC)
LIEN = "https://rdv.impots.example/attente/" + "j" * 32
SEL = b"j" * 32
ENTETE = Entete("Rendez-vous", "ne-pas-repondre@rdv.example.fr", "ada@usagers.test", "<offre-3@rdv.example.fr>")


def message(**plus: Any) -> MessageAttente:
    valeurs: dict[str, Any] = {
        "fait": "offre",
        "attente_id": 1,
        "service_libelle": "SERVICE IMPOTS PARTICULIERS NEVERS",
        "service_adresse": ("19 rue Camille Baynac", "58000 NEVERS"),
        "service_telephone": "+33386684949",
        "service_courriel": "sip.nevers@dgfip.test",
        "fuseau": "Europe/Paris",
        "motif": "Déclaration de revenus",
        "type_rdv": "guichet",
        "du": date(2026, 11, 25),
        "au": date(2026, 12, 4),
        "nom": "Valenton",
        "langue": "fr",
        "lien_gestion": LIEN,
        "limite": A,
        "offre_id": 3,
        "debut": A + timedelta(days=5),
        "fin": A + timedelta(days=5, minutes=20),
    }
    return MessageAttente(**{**valeurs, **plus})


def reread(courriel: EmailMessage) -> EmailMessage:
    return BytesParser(policy=policy.default).parsebytes(courriel.as_bytes())


def derive(sel: bytes) -> str:
    """The link of a request, as the server's key would."""
    return "https://rdv.impots.example/attente/" + sel.decode()


class TestMots:
    """One word of English for each type of rendez-vous, wherever it is read."""

    @pytest.mark.parametrize("type_rdv", TYPES_RDV)
    def test_the_mails_of_the_list_name_a_type_as_the_pages_do(self, type_rdv: str) -> None:
        with in_langue("en"):
            dit = tr(USAGER.types[type_rdv][0]).lower()
        corps = reread(render_attente(message(type_rdv=type_rdv, langue="en"), ENTETE, A)).get_body(("plain",))
        assert corps is not None
        assert f"Déclaration de revenus, {dit}" in corps.get_content()

    def test_no_english_sentence_calls_a_guichet_a_counter(self) -> None:
        dits = [texte for _, texte in read_catalogue().items()]
        dits += [fichier.read_text() for fichier in (RACINE / "templates").rglob("*.en.*")]
        dits += [str(mots) for mots in _GENRES["en"].values()]
        assert len(dits) > 500
        assert not [dit for dit in dits if re.search(r"\bcounters?\b", dit)]


class TestRendu:
    @pytest.mark.parametrize("langue", ["fr", "en"])
    @pytest.mark.parametrize("fait", FAITS)
    def test_every_message_reads_in_both_forms_and_languages(self, fait: str, langue: str) -> None:
        relu = reread(render_attente(message(fait=fait, langue=langue), ENTETE, A))
        corps, html = relu.get_body(("plain",)), relu.get_body(("html",))
        assert corps is not None
        assert html is not None
        assert LIEN in corps.get_content()
        assert LIEN in html.get_content()
        assert max(map(len, corps.get_content().splitlines())) <= 78
        assert relu["Content-Language"] == langue
        assert ("Bonjour Valenton" if langue == "fr" else "Hello Valenton") in corps.get_content()
        assert not [part for part in relu.walk() if part.get_content_type() == "text/calendar"]
        assert "http" not in html.get_content().replace(LIEN, "").replace("http://www.w3.org/1999/xhtml", "")

    def test_the_offer_says_when_until_when_and_in_the_time_of_the_place(self) -> None:
        corps = reread(render_attente(message(), ENTETE, A)).get_body(("plain",))
        assert corps is not None
        assert "Mardi 1er décembre 2026 à 10 h 20" in corps.get_content().replace("\u00a0", " ")
        loin = reread(render_attente(message(fuseau="Indian/Reunion", langue="en"), ENTETE, A)).get_body(("plain",))
        assert loin is not None
        assert "13:20 (local time of the office)" in loin.get_content()

    def test_a_hostile_name_is_neither_a_link_nor_markup_nor_a_header(self) -> None:
        relu = reread(render_attente(message(nom="<a href=//x.test>Gagné\r\nBcc: b@c.d"), ENTETE, A))
        html = relu.get_body(("html",))
        assert html is not None
        assert "x.test" not in html.get_content()
        assert relu["Bcc"] is None

    @pytest.mark.parametrize("langue", ["fr", "en"])
    @pytest.mark.parametrize("fait", FAITS)
    def test_a_short_message_fits_two_segments_with_its_link(self, fait: str, langue: str) -> None:
        ecrit = render_attente_sms(message(fait=fait, langue=langue))
        assert ecrit.endswith(LIEN)
        assert count_segments(ecrit) <= 2
        assert "SIP NEVERS" in ecrit


class Muet:
    """A provider that keeps what it is given."""

    def __init__(self) -> None:
        self.recus: list[Sms] = []

    async def send(self, sms: Sms) -> None:
        self.recus.append(sms)

    async def aclose(self) -> None:
        return None


async def offer(file: File, etat: str, canal: str, destinataire: str) -> None:
    """An offer in that state, and its message in the queue."""
    async with file.engine.begin() as conn:
        await conn.execute(text("SET LOCAL session_replication_role = replica"))
        voeu = {"service_id": 1, "motif_id": 1, "type_rdv": "guichet", "nature": "particulier", "du": A, "au": A}
        secrets = {"lien_sel": SEL, "lien_empreinte": b"e", "cree_a": A, "expire_a": A, "rang_a": A}
        qui = {"nom": "Valenton", "canal": canal, "contact": destinataire, "etat": "offre"}
        await conn.execute(insert(Attente).values(id=1, **voeu, **secrets, **qui))
        faits = {"attente_id": 1, "service_id": 1, "rdv_id": 7, "debut": A, "fin": A + timedelta(minutes=20)}
        await conn.execute(insert(OffreAttente).values(**faits, etat=etat, cree_a=A, expire_a=A))
        ident = (await conn.execute(text("SELECT id FROM offre_attente"))).scalar_one()
        m = message(offre_id=ident, limite=clock.now() + timedelta(hours=1))
        await write_attente(conn, m, destinataire, clock.now(), domaine="rdv.example.fr", canal=canal)
        await write_attente(conn, m, destinataire, clock.now(), domaine="rdv.example.fr", canal=canal)  # once


class TestEnvoi:
    @pytest.mark.parametrize(("etat", "partis"), [("ouverte", 1), ("prise", 0), ("refusee", 0), ("expiree", 0)])
    async def test_an_offer_leaves_only_while_it_is_open(
        self, file: File, poste: Poste, etat: str, partis: int
    ) -> None:
        await offer(file, etat, "mail", "ada@usagers.test")
        assert LIEN not in await file.brut(), "no secret link waits in the queue"
        assert "lien_gestion" not in await file.brut()
        facteur = Facteur(file.db, poste.url, "ne-pas-repondre@rdv.example.fr", lien_attente=derive)
        assert await facteur.run_once() == partis
        assert len(poste.recus) == partis
        assert all(ident.startswith("<offre-") for ident in poste.message_ids)
        assert all(LIEN in str(recu.courriel.get_body(("plain",))) for recu in poste.recus)
        assert LIEN not in await file.brut()

    @pytest.mark.parametrize(("etat", "partis"), [("ouverte", 1), ("refusee", 0)])
    async def test_by_short_message_too(self, file: File, etat: str, partis: int) -> None:
        await offer(file, etat, "sms", "+33612345678")
        operateur = Muet()
        assert await FacteurSms(file.db, operateur, lien_attente=derive).run_once() == partis
        assert all(sms.texte.endswith(LIEN) for sms in operateur.recus)
        assert len(operateur.recus) == partis
