"""A service that closes for good, that changes of kind or of clock, a motif withdrawn: what its delegations become."""

from __future__ import annotations

import html
import json
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from app.admin.annuaire.ecritures import (
    FermetureAConfirmer,
    ServiceEngage,
    ServiceOccupe,
    change_service,
    close_service,
)
from app.admin.delegations.arret import read_liens
from app.admin.delegations.lecture import read_delegations
from app.admin.motifs.retrait import Portee, RetraitAConfirmer, read_portee, set_actif
from app.booking.contexte import read_contexte
from app.booking.outils import Auteur, Outils
from app.domain.vie_delegation import Etape
from app.embedded.smtp import Smtp
from tests.accueil.monde import Journee
from tests.admin.delegations import LUNDI, Deux, build_deux
from tests.admin.formulaires import submit
from tests.fixtures.delegations import insert_delegation
from tests.fixtures.donnees import MondeService, build_service

JOUR = LUNDI.date()


@pytest.fixture
async def deux(outils: Outils) -> Deux:
    return await build_deux(outils)


def national(deux: Deux) -> Auteur:
    return Auteur("agent", agent_id=deux.a.agents["national"])


async def accept(deux: Deux, **change: Any) -> int:
    delegation = await deux.propose(**{"motifs": (deux.a.motifs[0],), "du": JOUR, **change})
    await deux.answer(delegation)
    return delegation


async def etats(deux: Deux) -> dict[int, str]:
    return {ligne.id: ligne.etat for ligne in await deux.rows("SELECT id, etat FROM delegation")}


class TestFermerPourToujours:
    """G 2.3.1, G 2.3.5: the delegations of a service end with it, and everybody is told."""

    async def test_all_of_them_end_in_the_same_transaction_told_to_both_sides(self, deux: Deux) -> None:
        async with deux.outils.db.engine.begin() as conn:
            tiers = await build_service(conn, sages="5800452", libelle="SIP TIERS")
            demandee = await insert_delegation(
                conn, tiers, deux.a, du=JOUR, au=JOUR + timedelta(days=9), etat="proposee"
            )
        en_cours, proposee = await accept(deux), await deux.propose(motifs=(deux.a.motifs[1],))
        finie = await accept(deux, motifs=(deux.a.motifs[1],))
        async with deux.outils.db.engine.begin() as conn:
            await conn.execute(
                text("UPDATE delegation SET du = :j, au = :j WHERE id = :i"),
                {"j": JOUR - timedelta(days=5), "i": finie},
            )
            await conn.execute(text("DELETE FROM courrier"))
            await conn.execute(text("DELETE FROM outbox"))
        await close_service(deux.outils, national(deux), deux.a.id, LUNDI)
        assert await etats(deux) == {
            en_cours: "retiree",
            proposee: "retiree",
            finie: "acceptee",
            demandee: "refusee",
        }
        traces = await deux.rows(
            "SELECT objet_id, service_id, action, apres->>'reponse' AS mot FROM journal "
            "WHERE objet = 'delegation' AND apres->>'par' = 'SIP DE NEVERS' ORDER BY objet_id, service_id"
        )
        assert {(t.objet_id, t.service_id, t.action) for t in traces} == {
            (d, s, f"delegation.{fait}")
            for d, autre, fait in (
                (en_cours, deux.b.id, "arretee"),
                (proposee, deux.b.id, "retiree"),
                (demandee, tiers.id, "refusee"),
            )
            for s in (deux.a.id, autre)
        }
        assert {t.mot for t in traces} == {"Fermeture définitive de SIP DE NEVERS."}
        faits = await deux.rows(
            "SELECT donnees->>'fait' AS fait, destinataire FROM courrier WHERE evenement = 'delegation'"
        )
        assert {(f.fait, f.destinataire) for f in faits} >= {
            ("arretee", "chef-b@dgfip.test"),
            ("retiree", "chef-b@dgfip.test"),
        }
        sujets = {json.loads(t.trame)["sujet"] for t in await deux.rows("SELECT trame FROM outbox")}
        assert sujets == {f"{g}:{s}" for g in ("service", "creneaux") for s in (deux.a.id, deux.b.id, tiers.id)}
        async with deux.outils.db.read() as conn:
            recues = (await read_contexte(conn, deux.b.id)).recues
        assert [d.id for d in recues] == [finie]

    async def test_its_rendez_vous_received_elsewhere_stay_and_were_told(self, deux: Deux) -> None:
        delegation = await accept(deux)
        rdv = await deux.put_rdv(delegation, date(2026, 11, 24))
        async with deux.outils.db.read() as conn:
            qui, contexte = deux.a.agents["national"], await read_contexte(conn, deux.a.id)
            liens = await read_liens(conn, qui, contexte, LUNDI)
        assert (len(liens.delegations), liens.ailleurs, liens.recus) == (1, 1, 0)
        for vus in ("", "1.0", "0.1"):
            with pytest.raises(FermetureAConfirmer):
                await close_service(deux.outils, national(deux), deux.a.id, LUNDI, vus=vus)
        assert await etats(deux) == {delegation: "acceptee"}
        await close_service(deux.outils, national(deux), deux.a.id, LUNDI, vus=liens.vus)
        (ligne,) = await deux.rows("SELECT id, etat, service_id FROM rendez_vous")
        assert (ligne.id, ligne.etat, ligne.service_id) == (rdv, "prevu", deux.b.id)

    async def test_who_still_receives_for_another_does_not_close(self, deux: Deux) -> None:
        delegation = await accept(deux)
        await deux.put_rdv(delegation, date(2026, 11, 24))
        with pytest.raises(ServiceOccupe, match="un rendez-vous est à venir"):
            await close_service(deux.outils, national(deux), deux.b.id, LUNDI)
        assert await etats(deux) == {delegation: "acceptee"}


class TestTypeEtFuseau:
    """Two services of one clock agreed on motifs of a kind: neither changes under a delegation."""

    @pytest.mark.parametrize("change", [{"fuseau": "Indian/Reunion"}, {"type_code": "TRESO"}])
    @pytest.mark.parametrize("etat", ["proposee", "acceptee"])
    async def test_neither_side_changes_them_while_one_is_open(
        self, deux: Deux, change: dict[str, str], etat: str
    ) -> None:
        async with deux.outils.db.engine.begin() as conn:
            await conn.execute(
                text(
                    "INSERT INTO type_service (code, libelle, famille, par_adresse, comptable, ordre) "
                    "VALUES ('TRESO', 'Trésorerie', 'treso', FALSE, TRUE, 9)"
                )
            )
        delegation = await (accept(deux) if etat == "acceptee" else deux.propose())
        for service, autre in ((deux.a, "SIP DE COSNE"), (deux.b, "SIP DE NEVERS")):
            (ligne,) = await deux.rows("SELECT revision FROM service_fiscal WHERE id = :s", s=service.id)
            with pytest.raises(ServiceEngage, match=f"arrêtez d’abord la délégation avec {autre}"):
                await change_service(deux.outils, deux.chef(service), service.id, change, ligne.revision, LUNDI)
        async with deux.outils.db.engine.begin() as conn:
            await conn.execute(
                text("UPDATE delegation SET du = :j, au = :j WHERE id = :i"),
                {"j": JOUR - timedelta(days=5), "i": delegation},
            )
        assert await change_service(deux.outils, deux.chef(deux.a), deux.a.id, change, None, LUNDI)


class TestMotifRetire:
    """A motif that is only received counts as one that serves; its delegation says that it left the catalogue."""

    async def test_the_withdrawal_tells_who_receives_it(self, deux: Deux) -> None:
        await accept(deux)
        motif = deux.a.motifs[0]
        async with deux.outils.db.engine.begin() as conn:
            await conn.execute(text("UPDATE motif_service SET ouvert = FALSE"))
            portee = await read_portee(conn, [motif], LUNDI)
        assert portee == Portee(1, 0, 0, 1)
        for vus in ("", "1.0.0", "1.0.0.0"):
            with pytest.raises(RetraitAConfirmer):
                await set_actif(deux.outils, national(deux), LUNDI, motif, False, vus)
        await set_actif(deux.outils, national(deux), LUNDI, motif, False, portee.vus)
        async with deux.outils.db.read() as conn:
            (lue,) = await read_delegations(conn, deux.b.agents["chef"], deux.b.id, JOUR)
        assert (lue.etape, lue.retires, lue.is_vide) == (Etape.EN_COURS, (True,), True)

    async def test_who_opens_it_too_is_counted_once_and_one_over_not_at_all(self, deux: Deux) -> None:
        delegation = await accept(deux)
        motif = deux.a.motifs[0]
        async with deux.outils.db.engine.begin() as conn:
            await conn.execute(
                text("INSERT INTO motif_service (service_id, motif_id, ouvert) VALUES (:b, :m, TRUE)"),
                {"b": deux.b.id, "m": motif},
            )
            assert await read_portee(conn, [motif], LUNDI) == Portee(1, 2, 0, 0)
            await conn.execute(text("DELETE FROM motif_service WHERE service_id = :b"), {"b": deux.b.id})
            await conn.execute(
                text("UPDATE delegation SET du = :j, au = :j WHERE id = :i"),
                {"j": JOUR - timedelta(days=5), "i": delegation},
            )
            assert await read_portee(conn, [motif], LUNDI) == Portee(1, 1, 0, 0)


class TestLesPages:
    """What the pages say of it, before and after."""

    @pytest.fixture
    async def nevers(self, journee: Journee) -> MondeService:
        return await journee.service(libelle="SIP DE NEVERS")

    @pytest.fixture
    async def cosne(self, journee: Journee) -> MondeService:
        return await journee.service(libelle="SIP DE COSNE")

    async def test_a_closing_is_told_then_done_and_the_other_side_learns_it(
        self, journee: Journee, nevers: MondeService, cosne: MondeService, smtp_server: Smtp
    ) -> None:
        async with journee.outils.db.engine.begin() as conn:
            delegation = await insert_delegation(conn, nevers, cosne)
            await conn.execute(text("UPDATE delegation SET acceptee_a = cree_a WHERE id = :d"), {"d": delegation})
        url = f"/services/{nevers.id}/organiser/fiche/fermeture"
        async with journee.client(nevers.agents["national"]) as client:
            page = await client.get(url)
            assert "Sa délégation prendra fin aussitôt" in page.text
            assert "confiée à SIP DE COSNE" in page.text
            muet = await client.post(url)
            assert muet.status_code == 409
            assert "relisez ce que la fermeture entraîne" in muet.text
            assert (await submit(client, muet.text, url)).status_code == 303
        async with journee.client(cosne.agents["chef"]) as client:
            recue = await client.get(f"/services/{cosne.id}/organiser/delegations")
        assert "Arrêtée avant son terme" in recue.text
        assert "Fermeture définitive de SIP DE NEVERS." in recue.text

    async def test_a_delegation_says_that_its_motifs_left_the_catalogue(
        self, journee: Journee, nevers: MondeService, cosne: MondeService
    ) -> None:
        async with journee.outils.db.engine.begin() as conn:
            await insert_delegation(conn, nevers, cosne, motifs=nevers.motifs[:2])
            await conn.execute(text("UPDATE motif SET actif = FALSE WHERE id = :m"), {"m": nevers.motifs[0]})
        adresse = f"/services/{cosne.id}/organiser/delegations"
        async with journee.client(cosne.agents["chef"]) as client:
            une = html.unescape((await client.get(adresse)).text)
            async with journee.outils.db.engine.begin() as conn:
                await conn.execute(text("UPDATE motif SET actif = FALSE WHERE id = :m"), {"m": nevers.motifs[1]})
            deux = html.unescape((await client.get(adresse)).text)
        assert une.count("(motif retiré du catalogue)") == 1
        assert "ne donne rien" not in une
        assert deux.count("(motif retiré du catalogue)") == 2
        assert "Ses motifs sont tous retirés du catalogue national : elle ne donne rien" in deux

    async def test_the_catalogue_tells_who_receives_a_motif_that_nobody_opens(
        self, journee: Journee, nevers: MondeService, cosne: MondeService
    ) -> None:
        motif = nevers.motifs[2]
        async with journee.outils.db.engine.begin() as conn:
            await insert_delegation(conn, nevers, cosne, motifs=[motif])
        url = f"/administration/motifs/{motif}"
        async with journee.client(nevers.agents["national"]) as client:
            fiche = await client.get(url)
            assert "<b>1\u00a0service</b> le reçoit par délégation, et ne le recevra plus." in html.unescape(fiche.text)
            assert (await client.post(f"{url}/retrait")).status_code == 409
            assert (await submit(client, fiche.text, f"{url}/retrait")).status_code == 303
