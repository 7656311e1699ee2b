"""``accueil import-services``: a directory's export, as often as one likes (C §3, §6; services from their export)."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from sqlalchemy import event, text

from app.booking.outils import Outils
from app.db import UnitOfWork
from tests.admin.imports import (
    DONNEES,
    VRAIES,
    install,
    load_communes,
    load_competences,
    load_services,
    rows,
    service,
)
from tests.fixtures.donnees import build_service

EXEMPLE = DONNEES / "services.csv"


@pytest.fixture
async def annuaire(outils: Outils) -> Outils:
    await install(outils)
    return outils


def write(tmp_path: Path, contenu: str | bytes, nom: str = "services.csv") -> Path:
    fichier = tmp_path / nom
    fichier.write_bytes(contenu if isinstance(contenu, bytes) else contenu.encode())
    return fichier


def replace(tmp_path: Path, *paires: tuple[str, str]) -> Path:
    """The sample, some of its texts replaced."""
    contenu = EXEMPLE.read_text(encoding="utf-8")
    for avant, apres in paires:
        assert avant in contenu
        contenu = contenu.replace(avant, apres)
    return write(tmp_path, contenu)


async def delegate(outils: Outils, donneur: int, receveur: int) -> None:
    """An accepted delegation between them, of December."""
    await rows(
        outils,
        "INSERT INTO delegation (service_id, service_delegue_id, motifs, du, au, etat, cree_a) "
        "VALUES (:a, :b, '{}', '2026-12-01', '2026-12-20', 'acceptee', now()) RETURNING id",
        a=donneur,
        b=receveur,
    )


class TestUnPremierImport:
    """C §3: types, codes, address, clock, département."""

    async def test_every_line_becomes_a_service_with_its_agenda(self, annuaire: Outils) -> None:
        bilan = await load_services(annuaire, EXEMPLE)
        assert (bilan.lues, bilan.crees, bilan.refus) == (8, 8, [])
        (compte,) = await rows(annuaire, "SELECT count(*) AS n FROM agenda")
        assert compte["n"] == 8

    async def test_what_the_file_says_is_read_into_our_words(self, annuaire: Outils) -> None:
        await load_services(annuaire, EXEMPLE)
        nevers = await service(annuaire, "sip-58194-01")
        assert nevers["adresse"] == "19 rue Camille-Baynac"
        assert nevers["complement_adresse"] == "BP 45"
        assert nevers["codique"] == "058045"
        assert nevers["sages"] is None
        assert nevers["accessibilite"] == "Entrée accessible en fauteuil roulant"
        assert (await service(annuaire, "cdif-58194-01"))["adresse"] == "4 place de la Loire"
        assert (await service(annuaire, "sip-97411-01"))["fuseau"] == "Indian/Reunion"
        assert (await service(annuaire, "sip-97411-01"))["telephone"] == "+262262480000"
        assert (await service(annuaire, "tresorerie-58194-02"))["type_code"] == "TRESO_AMENDES"

    async def test_services_of_one_address_share_their_reception(self, annuaire: Outils) -> None:
        """G 2.1.1, whatever the CEDEX, the hyphens and the comma."""
        await load_services(annuaire, EXEMPLE)
        sip, sie = await service(annuaire, "sip-58194-01"), await service(annuaire, "sie-58194-01")
        assert sip["site_id"] == sie["site_id"]
        assert (await service(annuaire, "cdif-58194-01"))["site_id"] != sip["site_id"]

    async def test_what_cannot_be_read_is_left_out_and_said(self, annuaire: Outils) -> None:
        bilan = await load_services(annuaire, EXEMPLE)
        dits = {(r.ligne, r.champ) for r in bilan.remarques}
        assert dits == {
            (5, "longitude"),
            (6, "specialite"),
            (7, "adresse"),
            (8, "telephone"),
            (9, "courriel"),
        }
        assert (await service(annuaire, "sip-97411-01"))["courriel"] == ""
        assert (await service(annuaire, "sip-97608-01"))["telephone"] == "+262269610000"

    async def test_real_mailboxes_are_replaced_when_asked(self, annuaire: Outils) -> None:
        await load_services(annuaire, EXEMPLE, "demo.test")
        courriels = {ligne["courriel"] for ligne in await rows(annuaire, "SELECT courriel FROM service_fiscal")}
        assert courriels - {""}
        assert all(courriel.endswith("@demo.test") for courriel in courriels - {""})

    async def test_it_is_journaled_with_its_counts(self, annuaire: Outils) -> None:
        await load_services(annuaire, EXEMPLE)
        (fait,) = await rows(annuaire, "SELECT * FROM journal WHERE action = 'annuaire.services_importe'")
        assert fait["apres"]["crees"] == 8
        crees = await rows(annuaire, "SELECT objet_id FROM journal WHERE action = 'service.cree'")
        assert len(crees) == 8


class TestUnSecondImport:
    """Idempotent: a second run changes nothing; a changed row is updated; what changed here stays."""

    async def test_the_same_file_again_changes_nothing(self, annuaire: Outils) -> None:
        await load_services(annuaire, EXEMPLE)
        avant = await rows(annuaire, "SELECT * FROM service_fiscal ORDER BY id")
        bilan = await load_services(annuaire, EXEMPLE)
        assert bilan.rien
        assert bilan.inchanges == 8
        assert await rows(annuaire, "SELECT * FROM service_fiscal ORDER BY id") == avant

    async def test_a_changed_row_is_updated_journaled_and_announced(self, annuaire: Outils, tmp_path: Path) -> None:
        await load_services(annuaire, EXEMPLE)
        bilan = await load_services(annuaire, replace(tmp_path, ("+33386684949", "+33386684900")))
        assert (bilan.modifies, bilan.inchanges) == (1, 7)
        nevers = await service(annuaire, "sip-58194-01")
        assert nevers["telephone"] == "+33386684900"
        assert nevers["revision"] == 2
        (fait,) = await rows(annuaire, "SELECT * FROM journal WHERE action = 'service.modifie'")
        assert fait["avant"] == {"telephone": "+33386684949"}
        assert fait["apres"] == {"telephone": "+33386684900"}
        trames = await rows(annuaire, "SELECT sujet FROM outbox")
        assert {t["sujet"] for t in trames} == {f"service:{nevers['id']}", f"creneaux:{nevers['id']}"}

    async def test_who_is_linked_by_a_delegation_is_told_too_and_nobody_else(
        self, annuaire: Outils, tmp_path: Path
    ) -> None:
        await load_services(annuaire, EXEMPLE)
        nevers, sie = await service(annuaire, "sip-58194-01"), await service(annuaire, "sie-58194-01")
        await delegate(annuaire, sie["id"], nevers["id"])
        await load_services(annuaire, replace(tmp_path, ("+33386684949", "+33386684900")))
        trames = await rows(annuaire, "SELECT sujet FROM outbox")
        assert {t["sujet"] for t in trames} == {
            f"{genre}:{s['id']}" for genre in ("service", "creneaux") for s in (nevers, sie)
        }

    async def test_a_service_keeps_its_kind_under_a_delegation_until_it_is_over(
        self, annuaire: Outils, tmp_path: Path
    ) -> None:
        """G 2.3.5: both sides agreed on motifs of a kind."""
        await load_services(annuaire, EXEMPLE)
        nevers, sie = await service(annuaire, "sip-58194-01"), await service(annuaire, "sie-58194-01")
        await delegate(annuaire, nevers["id"], sie["id"])
        fichier = replace(tmp_path, ("sip-58194-01,SIP,", "sip-58194-01,SIP_CDIF,"))
        bilan = await load_services(annuaire, fichier)
        assert (await service(annuaire, "sip-58194-01"))["type_code"] == nevers["type_code"]
        (dite,) = [r for r in bilan.remarques if r.champ == "type_code"]
        assert f"une délégation le lie à {sie['libelle']}" in dite.phrase
        await rows(annuaire, "UPDATE delegation SET etat = 'retiree' RETURNING id")
        await load_services(annuaire, fichier)
        assert (await service(annuaire, "sip-58194-01"))["type_code"] != nevers["type_code"]

    async def test_what_was_changed_here_stays_until_the_directory_changes_it(
        self, annuaire: Outils, tmp_path: Path
    ) -> None:
        await load_services(annuaire, EXEMPLE)

        async def correct(uow: UnitOfWork) -> None:
            await uow.conn.execute(
                text(
                    "UPDATE service_fiscal SET telephone = '+33386000000', courriel = 'ici@impots.test'"
                    " WHERE reference_externe = 'sip-58194-01'"
                )
            )

        await annuaire.db.transaction(correct)
        assert (await load_services(annuaire, EXEMPLE)).rien
        await load_services(annuaire, replace(tmp_path, ("sip.nevers@", "sip.nevers-ville@")))
        nevers = await service(annuaire, "sip-58194-01")
        assert nevers["telephone"] == "+33386000000"
        assert nevers["courriel"] == "sip.nevers-ville@impots.test"

    async def test_a_service_alone_in_its_site_takes_it_along(self, annuaire: Outils, tmp_path: Path) -> None:
        await load_services(annuaire, EXEMPLE)
        avant = (await service(annuaire, "cdif-58194-01"))["site_id"]
        await load_services(annuaire, replace(tmp_path, ("4 place de la Loire", "6 place de la Loire")))
        apres = await service(annuaire, "cdif-58194-01")
        assert (apres["site_id"], apres["adresse"]) == (avant, "6 place de la Loire")
        (site,) = await rows(annuaire, "SELECT adresse FROM site WHERE id = :i", i=avant)
        assert site["adresse"] == "6 place de la Loire"

    async def test_a_service_that_moves_next_to_another_joins_its_site(self, annuaire: Outils, tmp_path: Path) -> None:
        await load_services(annuaire, EXEMPLE)
        await load_services(annuaire, replace(tmp_path, ("4 place de la Loire", "2 quai des Mariniers")))
        voisin = await service(annuaire, "tresorerie-58194-01")
        assert (await service(annuaire, "cdif-58194-01"))["site_id"] == voisin["site_id"]

    async def test_a_crash_leaves_whole_batches_and_the_next_run_goes_on(
        self, annuaire: Outils, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("app.admin.annuaire.import_services.LOT", 3)
        ecrits = 0

        def cut(conn: object, cursor: object, statement: str, *reste: object) -> None:
            nonlocal ecrits
            ecrits += statement.startswith("INSERT INTO service_fiscal")
            if ecrits == 2:
                raise RuntimeError("the machine stops")

        moteur = annuaire.db.engine.sync_engine
        event.listen(moteur, "before_cursor_execute", cut)
        try:
            with pytest.raises(RuntimeError, match="stops"):
                await load_services(annuaire, EXEMPLE)
        finally:
            event.remove(moteur, "before_cursor_execute", cut)
        assert len(await rows(annuaire, "SELECT id FROM service_fiscal")) == 3
        bilan = await load_services(annuaire, EXEMPLE)
        assert (bilan.inchanges, bilan.crees) == (3, 5)

    async def test_a_clock_does_not_change_under_rendez_vous_to_come(self, annuaire: Outils, tmp_path: Path) -> None:
        async with annuaire.db.engine.begin() as conn:
            monde = await build_service(conn, sages="5800450")
            await conn.execute(
                text(
                    "INSERT INTO rendez_vous (service_id, guichet_id, motif_id, type_rdv, debut, fin, jour, etat,"
                    " occupe, canal, origine, code, cree_a, modifie_a)"
                    " VALUES (:s, :g, :m, 'guichet', '2026-11-25T09:00Z', '2026-11-25T09:20Z', '2026-11-25', 'prevu',"
                    " TRUE, 'rattache', 'telephone', 'ABCDEF', now(), now())"
                ),
                {"s": monde.id, "g": monde.guichets[0], "m": monde.motifs[0]},
            )
        entete = "sages,type,nom,departement,adresse,code_postal,ville,telephone\n"
        ligne = "5800450,SIP,Nevers,974,19 rue Camille Baynac,58015,NEVERS CEDEX,+33386684900\n"
        bilan = await load_services(annuaire, write(tmp_path, entete + ligne))
        assert any("rendez-vous à venir" in r.phrase for r in bilan.remarques)
        (garde,) = await rows(annuaire, "SELECT fuseau, departement, telephone FROM service_fiscal")
        assert garde == {"fuseau": "Europe/Paris", "departement": "58", "telephone": "+33386684900"}


ENTETE = "reference;sages;codique;type;libelle;departement;adresse;code_postal;ville\n"
NEVERS = "a;5800450;058045;SIP;SIP Nevers;58;1 rue Un;58000;Nevers\n"


class TestLesCles:
    """A service is found by its reference, else its SAGES, else its CODIQUE."""

    @pytest.mark.parametrize("ligne", [";5800450;;", ";;058045;"])
    async def test_any_of_the_keys_finds_the_same_service(self, annuaire: Outils, tmp_path: Path, ligne: str) -> None:
        await load_services(annuaire, write(tmp_path, ENTETE + NEVERS))
        bilan = await load_services(
            annuaire, write(tmp_path, ENTETE + f"{ligne}SIP;SIP Nevers Ville;58;1 rue Un;58000;Nevers\n")
        )
        assert (bilan.crees, bilan.modifies) == (0, 1)
        assert (await service(annuaire, "a"))["libelle"] == "SIP Nevers Ville"

    async def test_the_exception_one_codique_for_two_sages_makes_two_services(
        self, annuaire: Outils, tmp_path: Path
    ) -> None:
        """C §6, note 3."""
        autre = "b;5800451;058045;SIP;SIP Nevers Sud;58;2 rue Un;58000;Nevers\n"
        bilan = await load_services(annuaire, write(tmp_path, ENTETE + NEVERS + autre))
        assert (bilan.crees, bilan.refus) == (2, [])
        seul = ";;058045;SIP;SIP;58;1 rue Un;58000;Nevers\n"
        bilan = await load_services(annuaire, write(tmp_path, ENTETE + seul))
        assert [r.champ for r in bilan.refus] == ["codique"]

    async def test_a_sages_of_another_service_is_refused(self, annuaire: Outils, tmp_path: Path) -> None:
        await load_services(annuaire, write(tmp_path, ENTETE + NEVERS))
        voleur = "b;5800460;;SIE;SIE Nevers;58;1 rue Un;58000;Nevers\n"
        await load_services(annuaire, write(tmp_path, ENTETE + voleur))
        bilan = await load_services(annuaire, write(tmp_path, ENTETE + voleur.replace("5800460", "5800450")))
        (refus,) = bilan.refus
        assert "SIP Nevers" in refus.phrase

    async def test_the_same_key_twice_in_a_file_refuses_the_second_line(self, annuaire: Outils, tmp_path: Path) -> None:
        bilan = await load_services(annuaire, write(tmp_path, ENTETE + NEVERS + NEVERS))
        (refus,) = bilan.refus
        assert (bilan.crees, refus.ligne) == (1, 3)
        assert "ligne 2" in refus.phrase


class TestUneLigneRefusee:
    """Each line is judged by itself: its number, its field, a sentence; the others are imported."""

    @pytest.mark.parametrize(
        ("ligne", "champ"),
        [
            ("a;580045;;SIP;Nevers;58;1 rue Un;58000;Nevers", "sages"),
            ("a;;05804;SIP;Nevers;58;1 rue Un;58000;Nevers", "codique"),
            ("a;;;PERCEPTION;Nevers;58;1 rue Un;58000;Nevers", "type"),
            ("a;;;SIP;;58;1 rue Un;58000;Nevers", "libelle"),
            ("a;;;SIP;Nevers;99;1 rue Un;58000;Nevers", "departement"),
            ("a;;;SIP;Nevers;58;1 rue Un;5800;Nevers\U0001f600\u202e", "ville"),
            ("a;;;SIP;Nevers;58;1 rue Un;580;Nevers", "code_postal"),
            (";;;SIP;Nevers;58;1 rue Un;58000;Nevers", "reference"),
            ("a;;;SIP;Nevers;58;1 rue Un;58000", ""),
            ("a;;;SIP;Nev\x00ers;58;1 rue Un;58000;Nevers", "libelle"),
            (f"a;;;SIP;{'N' * 200};58;1 rue Un;58000;Nevers", "libelle"),
            (f"a;;;SIP;{'N' * 10_000};58;1 rue Un;58000;Nevers", ""),
        ],
    )
    async def test_it_is_told_and_the_next_one_is_imported(
        self, annuaire: Outils, tmp_path: Path, ligne: str, champ: str
    ) -> None:
        bilan = await load_services(annuaire, write(tmp_path, ENTETE + ligne + "\n" + NEVERS))
        assert {(r.ligne, r.champ) for r in bilan.refus} == {(2, champ)}
        assert all(r.phrase.endswith(".") for r in bilan.refus)
        assert bilan.crees == 1

    async def test_a_zero_eaten_by_a_spreadsheet_is_given_back(self, annuaire: Outils, tmp_path: Path) -> None:
        ligne = "a;;;SIP;Bourg;1;5 rue Un;1012;Bourg-en-Bresse\n"
        assert (await load_services(annuaire, write(tmp_path, ENTETE + ligne))).crees == 1
        bourg = await service(annuaire, "a")
        assert (bourg["departement"], bourg["code_postal"]) == ("01", "01012")


class TestLesStatements:
    async def test_their_number_does_not_grow_with_the_lines_of_a_batch(self, annuaire: Outils, tmp_path: Path) -> None:
        vus: list[str] = []

        def note(conn: object, cursor: object, statement: str, *reste: object) -> None:
            vus.append(statement)

        async def count(nombre: int, prefixe: str) -> int:
            lignes = "".join(
                f"{prefixe}{n};;;SIP;Service {n};58;{n} rue {prefixe};58000;Nevers\n" for n in range(nombre)
            )
            fichier = write(tmp_path, ENTETE + lignes)
            vus.clear()
            await load_services(annuaire, fichier)
            premiers = len(vus)
            vus.clear()
            await load_services(annuaire, write(tmp_path, (ENTETE + lignes).replace(";58000;", ";58100;")))
            return max(premiers, len(vus))

        moteur = annuaire.db.engine.sync_engine
        event.listen(moteur, "before_cursor_execute", note)
        try:
            assert await count(3, "x") == await count(300, "y")
        finally:
            event.remove(moteur, "before_cursor_execute", note)


@pytest.mark.skipif(not (VRAIES / "services_dgfip_2016.csv").exists(), reason="the real directory is not there")
class TestLAnnuaireReel:
    """The 3,826 services of 2016, the 35,014 communes of 2026, in a few seconds."""

    async def test_it_is_imported_whole_then_changes_nothing_and_is_found_by_postal_code(
        self, annuaire: Outils
    ) -> None:
        depart = time.monotonic()
        bilan = await load_services(annuaire, VRAIES / "services_dgfip_2016.csv", "demo.test")
        assert time.monotonic() - depart < 20
        assert bilan.lues == 3826
        assert bilan.crees >= 3825
        assert bilan.refusees <= 1
        assert (await load_services(annuaire, VRAIES / "services_dgfip_2016.csv", "demo.test")).rien
        ailleurs = await rows(
            annuaire, "SELECT courriel FROM service_fiscal WHERE courriel <> '' AND courriel NOT LIKE '%@demo.test'"
        )
        assert ailleurs == []
        bilan = await load_communes(annuaire, VRAIES / "communes_2026.csv")
        assert (bilan.crees, bilan.refus) == (35014, [])
        bilan = await load_competences(annuaire, VRAIES / "competence_approx.csv.gz")
        assert bilan.crees > 137_000
        assert (await load_competences(annuaire, VRAIES / "competence_approx.csv.gz")).rien
        trouves = await rows(
            annuaire,
            "SELECT s.libelle FROM commune c JOIN competence k USING (code_insee) JOIN service_fiscal s"
            " ON s.id = k.service_id WHERE c.codes_postaux @> ARRAY['58000'] AND s.type_code = 'SIP'",
        )
        assert [t["libelle"] for t in trouves] != []
        assert all("Nevers" in t["libelle"] for t in trouves)
