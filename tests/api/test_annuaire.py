"""Finding services and what they offer."""

from __future__ import annotations

import pytest

from tests.api.conftest import Api


class TestFindServices:
    """[C §3; A1 §3.3] By address, by SAGES, by CODIQUE, or the perimeter of the key."""

    async def test_a_postal_code_and_a_type_give_the_competent_service(self, api: Api) -> None:
        reponse = await api.call("exterieur", "GET", "/services?code_postal=58000&type=sip")
        assert [s["id"] for s in reponse.json()["elements"]] == [api.nevers.id]
        assert reponse.json()["suite"] is None

    async def test_a_postal_code_of_nowhere_or_another_type_gives_an_empty_list(self, api: Api) -> None:
        for criteres in ("code_postal=01000", "code_postal=58000&type=SIE"):
            assert (await api.call("exterieur", "GET", f"/services?{criteres}")).json()["elements"] == []

    async def test_sages_and_codique_find_a_service_of_the_whole_nation(self, api: Api) -> None:
        trouve = (await api.call("agent", "GET", "/services?sages=5700123")).json()["elements"]
        assert [s["libelle"] for s in trouve] == ["SERVICE IMPOTS PARTICULIERS METZ"]
        await api.execute("UPDATE service_fiscal SET codique = '057009' WHERE id = :s", s=api.metz.id)
        assert (await api.call("agent", "GET", "/services?codique=057009")).json()["elements"][0]["id"] == api.metz.id

    async def test_a_service_found_only_by_its_codes_is_never_found_by_address(self, api: Api) -> None:
        await api.execute("UPDATE type_service SET par_adresse = FALSE")
        try:
            par_adresse = await api.call("exterieur", "GET", "/services?code_postal=58000")
            par_code = await api.call("exterieur", "GET", "/services?sages=5800450")
        finally:
            await api.execute("UPDATE type_service SET par_adresse = TRUE")
        assert par_adresse.json()["elements"] == []
        assert len(par_code.json()["elements"]) == 1

    async def test_without_criteria_each_key_sees_its_own_perimeter(self, api: Api) -> None:
        vus = {
            qui: [s["id"] for s in (await api.call(qui, "GET", "/services")).json()["elements"]]
            for qui in ("agent", "pilote", "exterieur")
        }
        assert vus == {
            "agent": [api.nevers.id],
            "pilote": [api.nevers.id],
            "exterieur": [api.nevers.id, api.metz.id],
        }

    async def test_pages_follow_one_another_without_loss_nor_repeat(self, api: Api) -> None:
        premiere = (await api.call("exterieur", "GET", "/services?limit=1")).json()
        seconde = (await api.call("exterieur", "GET", f"/services?limit=1&suite={premiere['suite']}")).json()
        assert [s["id"] for s in premiere["elements"] + seconde["elements"]] == [api.nevers.id, api.metz.id]
        assert seconde["suite"] is None

    @pytest.mark.parametrize(
        ("criteres", "champ"),
        [
            ("limit=-1", "limit"),
            ("limit=0", "limit"),
            ("limit=201", "limit"),
            ("limit=9223372036854775808", "limit"),
            ("limit=dix", "limit"),
            ("limit=1&limit=2", "limit"),
            ("suite=-4", "suite"),
            ("suite=99999999999999999999", "suite"),
            ("suite=%00", "suite"),
            ("code_postal=5800", "code_postal"),
            ("code_postal=58000%0A", "code_postal"),
            ("code_postal=58000'--", "code_postal"),
            ("type=%ED%A0%80", "type"),
            ("sages=1", "sages"),
            ("codique=abcdef", "codique"),
            ("sages=5800450&codique=058001", "sages"),
            ("codepostal=58000", "codepostal"),
        ],
    )
    async def test_a_wrong_criterion_is_named(self, api: Api, criteres: str, champ: str) -> None:
        reponse = await api.call("agent", "GET", f"/services?{criteres}")
        assert reponse.status_code == 422, reponse.text
        assert champ in reponse.json()["champs"]


class TestOneService:
    """[C §3, §5] What is said of a service."""

    async def test_it_says_where_it_is_and_whose_rules_apply_to_the_key(self, api: Api) -> None:
        pour_agent = (await api.call("agent", "GET", f"/services/{api.nevers.id}")).json()
        assert pour_agent["adresse"] == ["19 rue Camille Baynac", "58015 NEVERS CEDEX"]
        assert pour_agent["fuseau"] == "Europe/Paris"
        assert pour_agent["prise_en_ligne"] is True
        assert pour_agent["canal"] == "rattache"
        assert (await api.call("exterieur", "GET", f"/services/{api.nevers.id}")).json()["canal"] == "exterieur"

    async def test_online_booking_needs_the_national_date_and_the_local_opening(self, api: Api) -> None:
        adresse = f"/services/{api.nevers.id}"
        await api.execute(
            "INSERT INTO parametre (cle, valeur, modifie_a) VALUES ('ouverture_nationale', '\"2026-10-01\"', now())"
        )
        assert (await api.call("agent", "GET", adresse)).json()["prise_en_ligne"] is False
        await api.execute("UPDATE parametre SET valeur = '\"2026-09-01\"' WHERE cle = 'ouverture_nationale'")
        assert (await api.call("agent", "GET", adresse)).json()["prise_en_ligne"] is True
        await api.execute("DELETE FROM parametre")
        await api.execute("UPDATE guichet SET canaux = '{rattache}' WHERE service_id = :s", s=api.metz.id)
        assert (await api.call("agent", "GET", f"/services/{api.metz.id}")).json()["prise_en_ligne"] is False
        await api.execute("UPDATE guichet SET canaux = NULL WHERE service_id = :s", s=api.metz.id)

    async def test_a_service_closed_for_good_leaves_the_lists_and_stays_readable(self, api: Api) -> None:
        await api.execute("UPDATE service_fiscal SET ferme_a = now() WHERE id = :s", s=api.metz.id)
        try:
            assert (await api.call("agent", "GET", "/services?sages=5700123")).json()["elements"] == []
            assert (await api.call("agent", "GET", f"/services/{api.metz.id}")).json()["ferme"] is True
        finally:
            await api.execute("UPDATE service_fiscal SET ferme_a = NULL WHERE id = :s", s=api.metz.id)

    @pytest.mark.parametrize("ident", ["999", "0", "-1", "9223372036854775808", "9" * 60, "9" * 5000])
    @pytest.mark.parametrize("suite", ["", "/motifs", "/agenda"])
    async def test_an_id_of_nothing_or_out_of_range_is_not_found(self, api: Api, ident: str, suite: str) -> None:
        assert (await api.call("agent", "GET", f"/services/{ident}{suite}")).status_code in (404, 422)


class TestMotifs:
    """[G 2.3.1] What a key may book."""

    async def test_open_motifs_come_with_their_path_documents_duration_and_types(self, api: Api) -> None:
        motifs = (await api.call("exterieur", "GET", f"/services/{api.nevers.id}/motifs")).json()["elements"]
        assert [m["id"] for m in motifs] == api.nevers.motifs[:2]
        assert motifs[0]["chemin"] == ["Votre impôt sur le revenu"]
        assert motifs[0]["duree"] == 20
        assert motifs[0]["types"] == ["guichet", "telephone"], "no video room, no visio"
        assert "Pièce d'identité" in motifs[0]["documents"]

    async def test_a_motif_that_no_guichet_offers_to_externals_is_not_proposed_to_them(self, api: Api) -> None:
        autres = [m for m in api.nevers.motifs if m != api.nevers.motifs[1]]
        await self._restrict(api, "motifs", autres)
        try:
            pour_exterieur = (await api.call("exterieur", "GET", f"/services/{api.nevers.id}/motifs")).json()
            pour_agent = (await api.call("agent", "GET", f"/services/{api.nevers.id}/motifs")).json()
        finally:
            await self._restrict(api, "motifs", None)
        assert [m["id"] for m in pour_exterieur["elements"]] == [api.nevers.motifs[0]]
        assert [(m["id"], m["types"] == []) for m in pour_agent["elements"]] == [
            (api.nevers.motifs[0], False),
            (api.nevers.motifs[1], True),
        ]

    async def _restrict(self, api: Api, colonne: str, valeurs: list[int] | None) -> None:
        await api.execute(
            f"UPDATE guichet SET {colonne} = CAST(:v AS bigint[]) WHERE service_id = :s",
            v=valeurs,
            s=api.nevers.id,
        )
        await api.execute(
            "UPDATE agenda SET version_planning = version_planning + 1 WHERE service_id = :s", s=api.nevers.id
        )
