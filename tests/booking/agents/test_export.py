"""« Exporter la liste en csv » [A1 §3.2]: the list's rows, safe for spreadsheets, streamed, journaled."""

from __future__ import annotations

import asyncio
import csv
import io
import time
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from app.booking.agents.export import LOT, write_telephone
from tests.accueil.monde import JOUR, Journee, personne
from tests.booking.agents.delegues import book_for, entrust
from tests.booking.agents.outillage import DEMAIN, service_ordinaire
from tests.booking.agents.test_droits import count_refus
from tests.fixtures.donnees import MondeService

URL = "/agent/rendez-vous/export"
PERIODE = {"du": str(JOUR), "au": str(DEMAIN)}


async def export(journee: Journee, agent: int, **champs: str) -> httpx.Response:
    async with journee.client(agent) as client:
        return await client.post(URL, data={**PERIODE, **champs})


def lignes(reponse: httpx.Response) -> list[dict[str, str]]:
    """The rows, by title, as a spreadsheet reads them."""
    assert reponse.status_code == 200, reponse.text
    assert reponse.content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(reponse.content.decode("utf-8-sig")), delimiter=";"))


class TestFichier:
    """The columns of the list, one row a RDV."""

    async def test_the_rows_are_those_of_the_filter_by_date(self, journee: Journee) -> None:
        nord, sud = await service_ordinaire(journee, libelle="SIP NORD"), await service_ordinaire(journee)
        agent = nord.agents["agent"]
        await journee.attach(agent, sud)
        tard = await journee.book(nord, "15:00", "Tard", etat="prevu")
        await journee.book(sud, "08:00", "Arrive", etat="arrive")
        await journee.book(nord, "09:00", "Annule", etat="annule")
        reponse = await export(journee, agent)
        lues = lignes(reponse)
        assert [r["Usager"] for r in lues] == ["ARRIVE Justine", "TARD Justine"]
        code = await journee.scalar("SELECT code FROM rendez_vous WHERE id = :r", r=tard)
        assert lues[1] == {
            "Service": "SIP NORD",
            "Date": "23/11/2026",
            "Début": "15:00",
            "Fin": "15:20",
            "Usager": "TARD Justine",
            "Type de RDV": "Au guichet",
            "Motif": "Déclaration et calcul de l'impôt sur le revenu",
            "Guichet": "Guichet 1",
            "Date du contre-appel": "",
            "État du RDV": "Prévu",
            "Arrivé à": "",
            "Code": code,
            "Numéro": f"FI{tard}",
            "Téléphone 1": "06 39 98 00 01",
            "Téléphone 2": "",
        }
        assert lues[0]["Arrivé à"]
        assert reponse.headers["content-disposition"] == f'attachment; filename="rendez-vous-{JOUR}-{DEMAIN}.csv"'
        assert [r["Usager"] for r in lignes(await export(journee, agent, etat="annule"))] == ["ANNULE Justine"]

    async def test_an_empty_list_is_a_header_alone(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        reponse = await export(journee, service.agents["agent"])
        assert lignes(reponse) == []
        assert reponse.content.decode("utf-8-sig").startswith("Service;Date;Début;Fin;Usager;")

    @pytest.mark.parametrize(
        ("nom", "cellule"),
        [
            ("=cmd|' /C calc'!A0", "'=CMD|' /C CALC'!A0 Justine"),
            ("+33 Sarl", "'+33 SARL Justine"),
            ("-2+3", "'-2+3 Justine"),
            ("@SUM(A1)", "'@SUM(A1) Justine"),
            ('Le;Goff"x', 'LE;GOFF"X Justine'),
            ("<b>Gras</b>", "<B>GRAS</B> Justine"),
        ],
    )
    async def test_a_hostile_name_is_never_a_formula(self, journee: Journee, nom: str, cellule: str) -> None:
        service = await service_ordinaire(journee)
        await journee.book(service, "10:00", usager=personne(nom))
        lues = lignes(await export(journee, service.agents["agent"]))
        assert [r["Usager"] for r in lues] == [cellule]

    @pytest.mark.parametrize(("debut", "cellule"), [("\t=1", "'=1 "), ("\x01@x", "' @X "), (" -1", "'-1 ")])
    async def test_even_if_a_control_character_had_been_kept(self, journee: Journee, debut: str, cellule: str) -> None:
        service = await service_ordinaire(journee)
        rdv = await journee.book(service, "10:00")
        async with journee.outils.db.engine.begin() as conn:
            await conn.execute(text("UPDATE rdv_usager SET nom_usage = :n WHERE rdv_id = :r"), {"n": debut, "r": rdv})
        lues = lignes(await export(journee, service.agents["agent"]))
        assert lues[0]["Usager"].startswith(cellule)

    @pytest.mark.parametrize(
        ("e164", "lu"),
        [("+33612345678", "06 12 34 56 78"), ("+33386684949", "03 86 68 49 49"), ("+41446681800", "+41 44 668 18 00")],
    )
    def test_phones_are_read_as_they_are_dialled(self, e164: str, lu: str) -> None:
        assert write_telephone(e164) == lu

    async def test_more_rows_than_one_lot_all_come_once(self, journee: Journee) -> None:
        service = await service_ordinaire(journee, guichets=1)
        await multiply(journee, service, LOT * 2 + 30)
        codes = [r["Code"] for r in lignes(await export(journee, service.agents["agent"]))]
        assert len(codes) == len(set(codes)) == LOT * 2 + 30


class TestDroits:
    """The same rows as the list, the right in each statement."""

    @pytest.mark.parametrize("qui", ["exterieur", "pilote", "national"])
    async def test_who_is_attached_to_nothing_exports_nothing(self, journee: Journee, qui: str) -> None:
        service = await service_ordinaire(journee)
        agent = service.agents[qui]
        avant = await count_refus(journee, agent)
        assert (await export(journee, agent)).status_code == 404
        assert await count_refus(journee, agent) == avant + 1

    async def test_another_service_s_rdv_is_never_in_it(self, journee: Journee) -> None:
        ici, ailleurs = await service_ordinaire(journee), await service_ordinaire(journee)
        await journee.book(ailleurs, "10:00", "Secretissime")
        assert lignes(await export(journee, ici.agents["agent"])) == []
        assert (await export(journee, ici.agents["agent"], service=str(ailleurs.id))).status_code == 404
        assert lignes(await export(journee, ici.agents["agent"], guichet=str(ailleurs.guichets[0]))) == []

    async def test_what_is_entrusted_is_there_without_the_other_s_guichet(self, journee: Journee) -> None:
        a, b = await service_ordinaire(journee, libelle="SIP A"), await service_ordinaire(journee, libelle="SIP B")
        await book_for(journee, a, b, await entrust(journee, a, b), "11:00")
        [ligne] = lignes(await export(journee, a.agents["agent"]))
        assert (ligne["Service"], ligne["Guichet"]) == ("SIP A", "Reçu par SIP B")

    @pytest.mark.parametrize("champ", ["agent_id", "tri", "statut"])
    async def test_a_field_it_does_not_have_is_refused(self, journee: Journee, champ: str) -> None:
        service = await service_ordinaire(journee)
        assert (await export(journee, service.agents["agent"], **{champ: "1"})).status_code == 422

    async def test_a_get_gives_no_file(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        async with journee.client(service.agents["agent"]) as client:
            assert (await client.get(URL)).status_code in (404, 405)

    async def test_it_is_journaled_with_period_filters_and_number_of_rows(self, journee: Journee) -> None:
        service = await service_ordinaire(journee)
        await journee.book(service, "10:00")
        await journee.book(service, "11:00")
        await export(journee, service.agents["agent"], type="guichet", service=str(service.id))
        faits = await journee.scalar(
            "SELECT apres FROM journal WHERE action = 'liste.exportee' AND service_id = :s", s=service.id
        )
        assert faits == {**PERIODE, "service": str(service.id), "type": "guichet", "lignes": 2}
        fin = await wait_for_end(journee, service.agents["agent"])
        assert fin == {**faits, "donnees": 2}


class TestFlux:
    """promises « Exports »: an abandoned export frees its connection at once."""

    async def test_a_reader_gone_or_asleep_holds_no_connection(self, journee: Journee) -> None:
        service = await service_ordinaire(journee, guichets=1)
        await multiply(journee, service, 10_000, taille=1_000)
        async with journee.client(service.agents["agent"]) as client:
            async with client.stream("POST", URL, data=PERIODE) as reponse:
                recus, morceaux = 0, reponse.aiter_raw()
                while recus < 100_000:
                    recus += len(await anext(morceaux))
                await wait_for_idle(journee)  # nothing more is read: the socket's buffers are full
            await wait_for_idle(journee)
        fin = await wait_for_end(journee, service.agents["agent"])
        assert fin["lignes"] == 10_000
        assert 0 < fin["donnees"] < 10_000, "the journal tells what was given, not what was asked for"

    async def test_what_is_moved_meanwhile_is_there_once(self, journee: Journee) -> None:
        service = await service_ordinaire(journee, guichets=1)
        await multiply(journee, service, 10_000, taille=1_000)
        dernier = await journee.book(service, "11:00", "Avancee", jour=DEMAIN)
        deplacer = text("UPDATE rendez_vous SET jour = :j, debut = debut + :d, fin = fin + :d WHERE id = :r")
        async with journee.client(service.agents["agent"]) as client, client.stream("POST", URL, data=PERIODE) as flux:
            morceaux = flux.aiter_raw()
            lu = await anext(morceaux)
            await wait_for_idle(journee)
            premier = await journee.scalar(
                "SELECT min(id) FROM rendez_vous WHERE service_id = :s", s=service.id
            )  # given already: a day later it would be given again
            async with journee.outils.db.engine.begin() as conn:
                await conn.execute(deplacer, {"j": DEMAIN, "d": timedelta(1), "r": premier})
                await conn.execute(deplacer, {"j": JOUR, "d": timedelta(-1), "r": dernier})
            async for morceau in morceaux:
                lu += morceau
        numeros = [r["Numéro"] for r in csv.DictReader(io.StringIO(lu.decode("utf-8-sig")), delimiter=";")]
        assert len(numeros) == len(set(numeros)) == 10_001
        assert {f"FI{premier}", f"FI{dernier}"} <= set(numeros)
        fin = await wait_for_end(journee, service.agents["agent"])
        assert fin["lignes"] == fin["donnees"] == 10_001

    async def test_once_the_right_is_withdrawn_nothing_follows(self, journee: Journee) -> None:
        service = await service_ordinaire(journee, guichets=1)
        await multiply(journee, service, 10_000, taille=1_000)
        agent = service.agents["agent"]
        async with journee.client(agent) as client, client.stream("POST", URL, data=PERIODE) as flux:
            morceaux = flux.aiter_raw()
            lu = await anext(morceaux)
            await wait_for_idle(journee)
            async with journee.outils.db.engine.begin() as conn:
                await conn.execute(text("UPDATE agent SET suspendu_a = now() WHERE id = :a"), {"a": agent})
            async for morceau in morceaux:
                lu += morceau
        fin = await wait_for_end(journee, agent)
        assert lu.count(b"\r\n") - 1 == fin["donnees"] < fin["lignes"] == 10_000


async def multiply(journee: Journee, service: MondeService, nombre: int, taille: int = 12) -> None:
    """As many RDV as wanted at one place, which none of them occupies: the list shows them all the same."""
    motif, guichet = service.motifs[0], service.guichets[0]
    async with journee.outils.db.engine.begin() as conn:
        await conn.execute(
            text(
                """
                WITH neufs AS (
                    INSERT INTO rendez_vous (code, service_id, guichet_id, motif_id, type_rdv, debut, fin, jour, etat,
                                             occupe, canal, origine, cree_a, modifie_a)
                    SELECT 'X' || g.service_id || '-' || i, g.service_id, g.id, CAST(:m AS bigint), 'guichet',
                           timestamptz '2026-11-23T08:00Z', timestamptz '2026-11-23T08:20Z', date '2026-11-23',
                           'termine', FALSE, 'rattache', 'guichet', now(), now()
                      FROM guichet g, generate_series(1, CAST(:n AS int)) i WHERE g.id = :g RETURNING id)
                INSERT INTO rdv_usager (rdv_id, nature, nom_usage, prenoms, telephones)
                SELECT id, 'particulier', repeat('N', CAST(:t AS int)), 'Usager', ARRAY['+33612345678'] FROM neufs
                """
            ),
            {"g": guichet, "m": motif, "n": nombre, "t": taille},
        )


async def wait_for_end(journee: Journee, agent: int) -> Any:
    """What the journal says of the end of an agent's export."""
    limite = time.monotonic() + 10
    while time.monotonic() < limite:
        fin = await journee.scalar(
            "SELECT apres FROM journal WHERE action = 'liste.export_fini' AND agent_id = :a", a=agent
        )
        if fin:
            return fin
        await asyncio.sleep(0.05)
    raise AssertionError("the journal does not tell the end of the export")


async def wait_for_idle(journee: Journee, delai_s: float = 5.0) -> None:
    """Until no connection of the web process reads anything nor is in a transaction, for a while."""
    limite, calme = time.monotonic() + delai_s, 0
    while calme < 5:
        assert time.monotonic() < limite, "the export still holds a connection"
        occupees: Any = await journee.scalar(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name = 'accueil-web' AND state <> 'idle'"
        )
        calme = calme + 1 if occupees == 0 else 0
        await asyncio.sleep(0.1)
