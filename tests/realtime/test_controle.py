"""Who is who and who follows what, on real PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.config import Settings
from app.identite.controle import (
    Porteur,
    check_porteur,
    may_follow,
    read_versions,
    read_watch,
    session_cookie_name,
)
from tests.realtime.banc import EPOQUE, Bench

NOW = datetime.now(UTC)


async def porteur_of(bench: Bench, agent: int) -> Porteur:
    porteur = await check_porteur(bench.db, jeton=await bench.token(agent), maintenant=NOW)
    assert porteur is not None
    return porteur


class TestBearer:
    async def test_a_live_session_and_a_live_key_speak_for_their_agent(self, bench: Bench) -> None:
        agent = await bench.agent()
        jeton, cle = await bench.token(agent), await bench.token(agent, table="cle_api")
        session = await check_porteur(bench.db, jeton=jeton, maintenant=NOW)
        key = await check_porteur(bench.db, cle_api=cle, maintenant=NOW)
        assert (session and session.genre, key and key.genre) == ("session", "cle")
        assert session is not None
        assert session.agent_id == agent

    async def test_a_key_without_an_end_is_valid(self, bench: Bench) -> None:
        agent = await bench.agent()
        cle = await bench.token(agent, table="cle_api")
        await bench.db.execute("UPDATE cle_api SET expire_a = NULL WHERE agent_id = $1", agent)
        assert await check_porteur(bench.db, cle_api=cle, maintenant=NOW + timedelta(days=9999)) is not None

    async def test_time_is_the_callers(self, bench: Bench) -> None:
        maintenant = datetime.now(UTC)
        jeton = await bench.token(await bench.agent(), duration=timedelta(minutes=5))
        assert await check_porteur(bench.db, jeton=jeton, maintenant=maintenant + timedelta(minutes=4)) is not None
        assert await check_porteur(bench.db, jeton=jeton, maintenant=maintenant + timedelta(minutes=6)) is None

    @pytest.mark.parametrize("jeton", ["", "inconnu", "é" * 43, "a" * 10_000, "a\x00b"])
    async def test_nonsense_is_nobody(self, bench: Bench, jeton: str) -> None:
        assert await check_porteur(bench.db, jeton=jeton, maintenant=NOW) is None
        assert await check_porteur(bench.db, cle_api=jeton, maintenant=NOW) is None

    async def test_a_session_token_is_no_key_and_a_bad_key_does_not_fall_back_on_the_session(
        self, bench: Bench
    ) -> None:
        jeton = await bench.token(await bench.agent())
        assert await check_porteur(bench.db, cle_api=jeton, maintenant=NOW) is None
        assert await check_porteur(bench.db, jeton=jeton, cle_api="mauvaise", maintenant=NOW) is None

    async def test_revoked_or_of_a_suspended_agent_is_nobody(self, bench: Bench) -> None:
        revoked, suspended = await bench.agent(), await bench.agent()
        jetons = [await bench.token(revoked), await bench.token(suspended)]
        cles = [await bench.token(revoked, table="cle_api"), await bench.token(suspended, table="cle_api")]
        await bench.db.execute("UPDATE session SET revoquee_a = $1 WHERE agent_id = $2", NOW, revoked)
        await bench.db.execute("UPDATE cle_api SET revoquee_a = $1 WHERE agent_id = $2", NOW, revoked)
        await bench.db.execute("UPDATE agent SET suspendu_a = $1 WHERE id = $2", NOW, suspended)
        for jeton, cle in zip(jetons, cles, strict=True):
            assert await check_porteur(bench.db, jeton=jeton, maintenant=NOW) is None
            assert await check_porteur(bench.db, cle_api=cle, maintenant=NOW) is None

    def test_the_cookie_is_bound_to_its_host_over_tls(self) -> None:
        def settings(base: str) -> Settings:
            return Settings(database_url="", redis_url="", smtp_url="", base_url=base, secret_key="")

        assert session_cookie_name(settings("https://rdv.exemple.fr")) == "__Host-accueil_session"
        assert session_cookie_name(settings("http://127.0.0.1:8000")) == "accueil_session"


class TestRights:
    async def test_an_agent_follows_the_agenda_and_the_screen_of_his_services_only(self, bench: Bench) -> None:
        mine, other = await bench.service(), await bench.service()
        porteur = await porteur_of(bench, await bench.agent(mine, perimetres=(f"service-{mine}",)))
        asked = {f"{kind}:{s}" for kind in ("service", "affichage", "creneaux") for s in (mine, other)}
        asked |= {f"pilotage:service-{mine}", "pilotage:nation", f"pilotage:service-{other}"}
        assert await may_follow(bench.db, porteur, asked) == {
            f"service:{mine}",
            f"affichage:{mine}",
            f"creneaux:{mine}",
            f"creneaux:{other}",
            f"pilotage:service-{mine}",
        }

    async def test_nobody_follows_public_subjects_of_services_that_exist(self, bench: Bench) -> None:
        service = await bench.service()
        asked = {f"creneaux:{service}", "creneaux:999999999", f"service:{service}"}
        assert await may_follow(bench.db, None, asked) == {f"creneaux:{service}"}

    async def test_another_module_of_the_service_does_not_open_its_agenda(self, bench: Bench) -> None:
        service, agent = await bench.service(), await bench.agent()
        await bench.db.execute("INSERT INTO acces VALUES ($1, 'pilotage', $2)", agent, service)
        porteur = await porteur_of(bench, agent)
        assert await may_follow(bench.db, porteur, [f"service:{service}"]) == set()

    async def test_who_organises_a_service_follows_it_without_its_screen(self, bench: Bench) -> None:
        service, agent = await bench.service(), await bench.agent()
        await bench.db.execute("INSERT INTO acces VALUES ($1, 'organiser', $2)", agent, service)
        porteur = await porteur_of(bench, agent)
        asked = [f"service:{service}", f"affichage:{service}"]
        assert await may_follow(bench.db, porteur, asked) == {f"service:{service}"}
        suivis = {porteur: set(asked)}
        assert (await read_watch(bench.db, asked, suivis, NOW)).lost == {(agent, f"affichage:{service}")}
        await bench.db.execute("DELETE FROM acces WHERE agent_id = $1", agent)
        assert (agent, f"service:{service}") in (await read_watch(bench.db, asked, suivis, NOW)).lost


class TestVersions:
    async def test_each_subject_has_its_own_counter(self, bench: Bench) -> None:
        service = await bench.service()
        await bench.db.execute(
            "UPDATE agenda SET version = 7, version_creneaux = 8, version_affichage = 9 WHERE service_id = $1", service
        )
        lues = await read_versions(
            bench.db, [f"service:{service}", f"creneaux:{service}", f"affichage:{service}", "service:999999999"]
        )
        assert lues.epoque == EPOQUE
        assert lues.versions == {
            f"service:{service}": 7,
            f"creneaux:{service}": 8,
            f"affichage:{service}": 9,
            "service:999999999": 0,
        }

    async def test_a_steering_version_is_the_sum_over_its_perimeter(self, bench: Bench) -> None:
        await bench.db.execute("INSERT INTO interregion VALUES (77); INSERT INTO departement VALUES ('2A', 77)")
        a, b = await bench.service("2A"), await bench.service("2A")
        await bench.db.execute("UPDATE agenda SET version = 10 WHERE service_id = $1", a)
        perimetres = [f"service-{b}", "departement-2A", "interregion-77", "nation", "departement-999"]
        versions = (await read_versions(bench.db, [f"pilotage:{p}" for p in perimetres])).versions
        total = await bench.db.fetchval("SELECT sum(version)::bigint FROM agenda")
        assert [versions[f"pilotage:{p}"] for p in perimetres] == [1, 11, 11, total, 0]


class TestWatch:
    """P13: logout or lost right is noticed by one reading."""

    async def test_ended_bearers_and_lost_rights_are_told_and_the_others_are_not(self, bench: Bench) -> None:
        service, other = await bench.service(), await bench.service()
        kept = await porteur_of(bench, await bench.agent(service, perimetres=("nation",)))
        ended = await porteur_of(bench, await bench.agent(service))
        losing = await porteur_of(bench, await bench.agent(service, other, perimetres=("nation",)))
        suspended_key = await check_porteur(
            bench.db,
            cle_api=await bench.token(suspended := await bench.agent(service), table="cle_api"),
            maintenant=NOW,
        )
        assert suspended_key is not None
        await bench.db.execute("UPDATE session SET revoquee_a = $1 WHERE id = $2", NOW, ended.id)
        await bench.db.execute("DELETE FROM acces WHERE agent_id = $1 AND service_id = $2", losing.agent_id, service)
        await bench.db.execute("DELETE FROM acces_pilotage WHERE agent_id = $1", losing.agent_id)
        await bench.db.execute("UPDATE agent SET suspendu_a = $1 WHERE id = $2", NOW, suspended)
        suivis = {
            kept: {f"service:{service}", "pilotage:nation", f"creneaux:{other}"},
            ended: {f"service:{service}"},
            losing: {f"affichage:{service}", f"service:{service}", f"service:{other}", "pilotage:nation"},
            suspended_key: {f"service:{service}"},
        }
        watch = await read_watch(bench.db, [f"service:{service}"], suivis, NOW)
        assert watch.versions == {f"service:{service}": 1}
        assert watch.revoked == {ended, suspended_key}
        assert watch.lost == {
            (losing.agent_id, f"service:{service}"),
            (losing.agent_id, f"affichage:{service}"),
            (losing.agent_id, "pilotage:nation"),
        }
