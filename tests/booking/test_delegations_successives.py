"""Moving a RDV where it is received: a full day says why, and a later delegation of its home takes over [G 2.3.5]."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import insert, select, text

from app.booking.deplacer import Cible, RdvDeplace, move
from app.booking.outils import Outils
from app.booking.quota import QuotaAtteint
from app.booking.reserver import RdvReserve
from app.domain.creneaux import Creneau
from app.domain.horaires import from_minute, to_minute
from app.errors import Introuvable
from app.tables import Delegation, Journal, MotifService
from tests.booking.test_deplacer_delegation import JEUDI_10H, LUNDI_9H, MARDI_10H, PARIS, Deux, build_deux

VENDREDI_10H = JEUDI_10H + timedelta(days=1)
#: In the second delegation's dates.
PLUS_TARD = JEUDI_10H + timedelta(days=7)
LIMITE = (
    "La limite de 1\u00a0rendez-vous par jour confié par SERVICE IMPOTS PARTICULIERS NEVERS est atteinte ce jour-là."
)


@pytest.fixture
async def deux(outils: Outils) -> Deux:
    return await build_deux(outils)


async def send_both(deux: Deux, jours: Sequence[datetime]) -> list[RdvReserve]:
    """One RDV of A received at B on each of these days, at its first guichet."""
    rdvs = [await deux.rdv(MARDI_10H, rang, rang) for rang in range(len(jours))]
    for rdv, jour in zip(rdvs, jours, strict=True):
        await deux.send(rdv.id, jour)
    return rdvs


async def move_inside(deux: Deux, rdv_id: int, vers: datetime, guichet: int | None = None) -> RdvDeplace:
    """An agent of B moves it at B."""
    place = None if guichet is None else deux.b.guichets[guichet]
    return await move(deux.outils, rdv_id, Cible(to_minute(vers), place), deux.auteur(deux.b), LUNDI_9H)


def jours(alternatives: Sequence[Creneau]) -> set[date]:
    return {from_minute(c.debut).astimezone(PARIS).date() for c in alternatives}


async def give_another(deux: Deux, quota: int | None = None) -> int:
    """The delegation ends on Friday; another one, of the same motif, begins on Monday."""
    await deux.change(Delegation, Delegation.id == deux.delegation, au=VENDREDI_10H.date())
    async with deux.outils.db.engine.begin() as conn:
        ordre = insert(Delegation).values(
            service_id=deux.a.id,
            service_delegue_id=deux.b.id,
            motifs=[deux.a.motifs[0]],
            du=date(2027, 2, 8),
            au=date(2027, 2, 26),
            quota_jour=quota,
            etat="acceptee",
            cree_a=LUNDI_9H,
        )
        ident: int = (await conn.execute(ordre.returning(Delegation.id))).scalar_one()
        await conn.execute(text("UPDATE agenda SET version_planning = version_planning + 1"))
    return ident


class TestUnJourComplet:
    """« say the quota, propose créneaux of other days »."""

    @pytest.mark.parametrize("propose", [False, True], ids=["B does not offer the motif", "B offers it"])
    async def test_moved_onto_a_full_day_it_says_the_quota_and_proposes_other_days(
        self, deux: Deux, propose: bool
    ) -> None:
        if propose:
            async with deux.outils.db.engine.begin() as conn:
                await conn.execute(
                    insert(MotifService).values(service_id=deux.b.id, motif_id=deux.a.motifs[0], ouvert=True)
                )
        un, autre = await send_both(deux, [JEUDI_10H, VENDREDI_10H])
        await deux.change(Delegation, Delegation.id == deux.delegation, quota_jour=1)
        with pytest.raises(QuotaAtteint) as refus:
            await move_inside(deux, autre.id, JEUDI_10H + timedelta(hours=5), 1)
        assert refus.value.phrase == LIMITE
        proposes = jours(refus.value.details["alternatives"])
        assert proposes
        assert JEUDI_10H.date() not in proposes
        assert VENDREDI_10H.date() in proposes, "its own day counts it already"
        libre = from_minute(refus.value.details["alternatives"][0].debut)
        assert (await move_inside(deux, autre.id, libre)).debut == libre
        assert (await deux.row(un.id)).debut == JEUDI_10H

    async def test_sent_from_home_onto_a_full_day_it_says_the_same(self, deux: Deux) -> None:
        await send_both(deux, [JEUDI_10H])
        await deux.change(Delegation, Delegation.id == deux.delegation, quota_jour=1)
        autre = await deux.rdv(MARDI_10H, 2, 1)
        with pytest.raises(QuotaAtteint) as refus:
            await deux.send(autre.id, JEUDI_10H + timedelta(hours=1), 1)
        assert refus.value.phrase == LIMITE


class TestDeuxDelegationsQuiSeSuivent:
    """« a RDV moved inside B to the dates of the second one takes the second's id: its quota counts »."""

    async def test_moved_to_the_days_of_the_second_it_is_counted_by_it(self, deux: Deux) -> None:
        seconde = await give_another(deux, quota=1)
        un, autre = await send_both(deux, [JEUDI_10H, VENDREDI_10H])
        await move_inside(deux, un.id, PLUS_TARD, 0)
        ligne = await deux.row(un.id)
        assert (ligne.service_id, ligne.service_origine_id, ligne.delegation_id) == (deux.b.id, deux.a.id, seconde)
        with pytest.raises(QuotaAtteint) as refus:
            await move_inside(deux, autre.id, PLUS_TARD, 1)
        assert PLUS_TARD.date() not in jours(refus.value.details["alternatives"])
        assert (await deux.row(autre.id)).delegation_id == deux.delegation
        async with deux.outils.db.read() as conn:
            traces = await conn.execute(
                select(Journal.avant, Journal.apres)
                .where(Journal.rdv_id == un.id, Journal.action == "rdv.replanifie")
                .order_by(Journal.id.desc())
            )
            avant, apres = traces.first()  # type: ignore[misc]  # there is one: it has just been moved
        assert (avant["delegation"], apres["delegation"]) == (deux.delegation, seconde)
        await move_inside(deux, un.id, JEUDI_10H, 0)
        assert (await deux.row(un.id)).delegation_id == deux.delegation, "and back"

    async def test_its_home_asks_for_the_second_by_name(self, deux: Deux) -> None:
        seconde = await give_another(deux, quota=1)
        un, autre = await send_both(deux, [JEUDI_10H, VENDREDI_10H])
        cible = Cible(to_minute(PLUS_TARD), deux.b.guichets[1], delegation_id=seconde)
        with pytest.raises(Introuvable):
            await move(deux.outils, un.id, cible, deux.auteur(deux.b), LUNDI_9H)
        deplace = await move(deux.outils, un.id, cible, deux.auteur(deux.a), LUNDI_9H)
        assert (deplace.service_id, deplace.debut) == (deux.b.id, PLUS_TARD)
        assert (await deux.row(un.id)).delegation_id == seconde
        assert not (await move(deux.outils, un.id, cible, deux.auteur(deux.a), LUNDI_9H)).change
        with pytest.raises(QuotaAtteint):
            await move(
                deux.outils,
                autre.id,
                Cible(to_minute(PLUS_TARD + timedelta(hours=1)), delegation_id=seconde),
                deux.auteur(deux.a),
                LUNDI_9H,
            )

    async def test_on_no_delegation_s_day_it_keeps_its_own(self, deux: Deux) -> None:
        await give_another(deux)
        (un,) = await send_both(deux, [JEUDI_10H])
        await move_inside(deux, un.id, datetime(2027, 3, 2, 10, 0, tzinfo=PARIS), 0)
        assert (await deux.row(un.id)).delegation_id == deux.delegation
