"""The agenda's blocks are drawn without templates: every text that somebody typed is escaped by hand, and shown so."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from app.booking.agents.dessin import draw_colonne

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>&"
ETATS = {etat: {"mot": etat} for etat in ("prevu", "option")}
TYPES = {"guichet": "Au guichet"}
PERMISES = {"a", "b", "i", "span", "div", "button"}


class Lecteur(HTMLParser):
    """The elements, their attributes' names and the text of a piece of HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.balises: set[str] = set()
        self.attributs: set[str] = set()
        self.texte = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.balises.add(tag)
        self.attributs |= {nom for nom, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.texte += data


@pytest.mark.parametrize("champ", ["nom", "motif", "pour", "guichet"])
def test_what_somebody_typed_is_text_and_nothing_else(champ: str) -> None:
    """[bad inputs] Usager text is hostile in HTML; so is a guichet's, a motif's, a service's."""
    instants = dict.fromkeys(("arrive_a", "appele_a", "recu_a", "termine_a"), "")
    rdv = {
        "id": 7,
        "m": 480,
        "d": 20,
        "heure": "08:00",
        "nom": "REY",
        "motif": "Avis",
        "pour": "SIP",
        "type": "guichet",
    }
    rdv |= {"etat": "prevu", "gel": "", **instants}
    colonne = {"id": 3, "nom": "Guichet 1", "ouvert": True, "m0": 480, "rdv": [rdv]}
    colonne["places"] = [{"m": 500, "d": 20, "heure": "08:20", "hors": False}]
    if champ == "guichet":
        colonne["nom"] = HOSTILE
    else:
        rdv[champ] = HOSTILE
    vue = {"pas": 20, "url_nouveau": "/services/1/rendez-vous/nouveau?jour=2026-11-23", "url_rdv": "/rendez-vous/"}
    cases = draw_colonne(colonne, {**vue, "arrivees": True}, ETATS, TYPES)
    lu = Lecteur()
    lu.feed("".join(cases.values()))
    assert lu.balises <= PERMISES
    assert not {nom for nom in lu.attributs if nom.startswith("on") or nom == "src"}
    assert HOSTILE in lu.texte, "shown as it was typed"
