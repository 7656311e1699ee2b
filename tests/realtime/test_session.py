"""One socket's conversation and the gateway's door, without I/O."""

from __future__ import annotations

import json

import pytest
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from app import envelope
from app.errors import Interdit
from app.realtime import frames
from app.realtime.history import OCTETS, History, Mark, Ordered
from app.realtime.porte import Titres, read_titres, source
from app.realtime.session import SUJETS_MAX, Demande, DemandeInvalide, opening, parse

CLE = b"k" * 32
ORIGINE = "https://rdv.exemple.fr"


class TestQuery:
    def test_subjects_versions_and_epoch_are_read(self) -> None:
        demande = parse(b"sujet=service:12@40&sujet=creneaux:12&epoque=abc")
        assert demande == Demande((("service:12", 40), ("creneaux:12", None)), "abc")

    def test_percent_encoded_separators_are_what_browsers_send(self) -> None:
        assert parse(b"sujet=service%3A12%4040").suivis == (("service:12", 40),)

    def test_public_means_only_public_subjects(self) -> None:
        assert parse(b"sujet=creneaux:1&sujet=creneaux:2").publique
        assert not parse(b"sujet=creneaux:1&sujet=service:2").publique

    @pytest.mark.parametrize(
        "requete",
        [
            b"",
            b"sujet=",
            b"sujet=service",
            b"sujet=service:0",
            b"sujet=service:-1",
            b"sujet=service:1@",
            b"sujet=service:1@-1",
            b"sujet=service:1@1.5",
            b"sujet=service:1@01",
            b"sujet=service:1@" + b"9" * 30,
            b"sujet=service:" + b"9" * 30,
            b"sujet=service:1@2@3",
            b"sujet=service:1&sujet=service:1",
            b"sujet=inconnu:1",
            b"sujet=pilotage:ville-3",
            b"sujet=service:%D9%A1",
            b"sujet=service:1%00",
            b"sujet=service:1&epoque=a&epoque=b",
            b"sujet=service:1&epoque=",
            b"sujet=service:1&epoque=" + b"a" * 81,
            b"sujet=service:1&epoque=%FF",
            b"sujet=service:\xff",
            b"&".join(b"sujet=service:%d" % k for k in range(1, SUJETS_MAX + 2)),
            b"sujet=service:1&" + b"x=1&" * 100,
            b"sujet=service:1&x=" + b"y" * 5000,
        ],
    )
    def test_anything_else_is_refused(self, requete: bytes) -> None:
        with pytest.raises(DemandeInvalide):
            parse(requete)

    def test_the_most_subjects_allowed_are_allowed(self) -> None:
        requete = b"&".join(b"sujet=service:%d" % k for k in range(1, SUJETS_MAX + 1))
        assert len(parse(requete).suivis) == SUJETS_MAX


def past(base: int, *versions: int, size: int = 10) -> History:
    history = Ordered()
    history.rebase(base, Mark(0.0, None))
    for version in versions:
        history.offer(version, frames.to_wire(json.dumps({"version": version, "x": "y" * size})), 0.0)
    return history


def texts(output: list[bytes]) -> list[tuple[str, int]]:
    """Type and version of each frame."""
    lus = []
    for data in output:
        header = 4 if data[1] & 127 == 126 else 2
        frame = json.loads(data[header:])
        lus.append((frame.get("type", "event"), frame["version"]))
    return lus


class TestOpening:
    """The wire: ``etat`` once per subject, then missed events, or ``resync``."""

    def test_missed_events_follow_the_state(self) -> None:
        output = opening(Demande((("service:1", 6),), "e"), "e", {"service:1": past(5, 6, 7, 8)}, frozenset())
        assert texts(output) == [("etat", 8), ("event", 7), ("event", 8)]

    def test_a_gap_an_unknown_epoch_or_a_version_of_another_life_means_resync(self) -> None:
        histoires = {"service:1": past(5, 6)}
        for demande, devances in (
            (Demande((("service:1", 2),), "e"), frozenset[str]()),
            (Demande((("service:1", 6),), "autre"), frozenset[str]()),
            (Demande((("service:1", None),), "autre"), frozenset[str]()),
            (Demande((("service:1", 900),), "e"), frozenset({"service:1"})),
        ):
            assert texts(opening(demande, "e", histoires, devances)) == [("etat", 6), ("resync", 6)]

    def test_without_a_version_the_state_alone_is_given(self) -> None:
        assert texts(opening(Demande((("service:1", None),), None), "e", {"service:1": past(5, 6)}, frozenset())) == [
            ("etat", 6)
        ]

    def test_missed_events_of_all_subjects_together_are_bounded(self) -> None:
        histoires = {f"service:{k}": past(0, *range(1, 20), size=2000) for k in range(1, 6)}
        demande = Demande(tuple((sujet, 0) for sujet in histoires), None)
        output = opening(demande, "e", histoires, frozenset())
        assert sum(map(len, output)) < OCTETS + 5 * 200
        assert [genre for genre, _ in texts(output)].count("resync") == 4


class TestMessagesFromRedis:
    """Redis is not trusted: what it carries is signed, for one subject, in a closed vocabulary."""

    @staticmethod
    def message(**champs: object) -> bytes:
        evenement = {"type": "rdv.arrive", "sujet": "service:1", "version": 3, **champs}
        return envelope.sign(json.dumps(evenement), CLE).encode()

    def test_a_signed_event_of_the_subject_is_read(self) -> None:
        lu = frames.read_message(self.message(), CLE, "service:1")
        assert lu is not None
        assert lu[0] == 3

    @pytest.mark.parametrize(
        "champs",
        [
            {"type": "frais"},
            {"type": "etat"},
            {"type": "inconnu"},
            {"type": ["rdv.arrive"]},
            {"version": 0},
            {"version": -1},
            {"version": True},
            {"version": 3.0},
            {"version": "3"},
            {"version": None},
            {"version": 2**63},
            {"sujet": "service:2"},
            {"sujet": None},
            {"trop": "x" * 20_000},
        ],
    )
    def test_a_signed_message_that_is_not_an_event_of_the_subject_is_refused(self, champs: dict[str, object]) -> None:
        assert frames.read_message(self.message(**champs), CLE, "service:1") is None

    @pytest.mark.parametrize("trame", ["", "[]", "3", "{", "null", "[" * 10_000, '{"type":NaN}'])
    def test_signed_nonsense_is_refused(self, trame: str) -> None:
        assert frames.read_message(envelope.sign(trame, CLE).encode(), CLE, "service:1") is None

    def test_a_forged_or_altered_message_is_refused(self) -> None:
        good = self.message()
        for forged in (b"", b".", good[65:], good[:-2] + b" }", b"0" * 64 + good[64:], good.upper(), b"\xff" + good):
            assert frames.read_message(forged, CLE, "service:1") is None

    def test_the_wire_form_is_one_unmasked_text_frame(self) -> None:
        data = frames.to_wire("é" * 100)
        client = ClientProtocol(parse_uri("ws://127.0.0.1/"), state=State.OPEN)
        client.receive_data(data)
        (frame,) = client.events_received()
        assert isinstance(frame, Frame)
        assert (frame.opcode, frame.fin, bytes(frame.data).decode()) == (Opcode.TEXT, True, "é" * 100)


class TestDoor:
    """Origin other than exactly that of BASE_URL, without a Bearer key, is refused before the upgrade."""

    @staticmethod
    def titres(*entetes: tuple[str, str]) -> Titres:
        bruts = [(nom.encode(), valeur.encode("latin-1")) for nom, valeur in entetes]
        return read_titres(bruts, origine=ORIGINE, cookie="__Host-s")

    def test_the_exact_origin_and_the_cookie_are_read(self) -> None:
        assert self.titres(("Origin", ORIGINE), ("cookie", "a=b; __Host-s=jeton; c=d")) == Titres("jeton", None)

    @pytest.mark.parametrize(
        "origine",
        [
            None,
            "null",
            "",
            "http://rdv.exemple.fr",
            ORIGINE + "/",
            ORIGINE + ":443",
            ORIGINE + ".evil.fr",
            "https://evil.fr",
            "https://rdv.exemple.fr@evil.fr",
            ORIGINE.upper(),
            f"{ORIGINE}, {ORIGINE}",
            "https://rdv.exemple.fr%00",
            " " + ORIGINE,
        ],
    )
    def test_an_absent_null_or_look_alike_origin_is_refused(self, origine: str | None) -> None:
        entetes = [("Cookie", "__Host-s=jeton")] + ([("Origin", origine)] if origine is not None else [])
        with pytest.raises(Interdit):
            self.titres(*entetes)

    def test_two_origins_are_refused(self) -> None:
        with pytest.raises(Interdit):
            self.titres(("Origin", ORIGINE), ("Origin", "https://evil.fr"))

    def test_a_bearer_key_needs_no_origin_and_hides_the_cookie(self) -> None:
        assert self.titres(("Authorization", "Bearer cle"), ("Cookie", "__Host-s=jeton")) == Titres(None, "cle")
        assert self.titres(("authorization", "bearer  cle "), ("Origin", "null")) == Titres(None, "cle")

    def test_another_kind_of_authorization_is_no_key(self) -> None:
        with pytest.raises(Interdit):
            self.titres(("Authorization", "Basic Y2xl"))

    def test_two_cookies_of_the_same_name_count_for_none(self) -> None:
        assert self.titres(("Origin", ORIGINE), ("Cookie", "__Host-s=a; __Host-s=b")) == Titres(None, None)
        assert self.titres(("Origin", ORIGINE), ("Cookie", "__Host-s=a"), ("Cookie", "__Host-s=b")).jeton is None

    def test_an_address_is_an_ipv4_or_the_64_of_an_ipv6(self) -> None:
        assert source(("192.0.2.7", 1)) == "192.0.2.7"
        assert source(("2001:db8:1:2:3:4:5:6", 1)) == source(("2001:db8:1:2::9", 1)) != source(("2001:db8:1:3::9", 1))
        assert source(("::ffff:192.0.2.7", 1)) == "192.0.2.7"
        assert source(None) == ""
        assert source(("testclient", 1)) == "testclient"
