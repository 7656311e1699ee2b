"""Order, duplicates, gaps and catch-up, without a server or a clock."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.realtime.history import OCTETS, PATIENCE, PROFONDEUR, Mark, Newest, Ordered, history_of


def begun(version: int) -> Ordered:
    history = Ordered()
    history.rebase(version, Mark(0.0, None))
    return history


def frame(version: int) -> bytes:
    return b"f%d" % version


class TestOrder:
    """Decision 11: versions out of order wait 200 ms, then resync; duplicates are dropped."""

    def test_the_next_version_leaves_at_once(self) -> None:
        assert begun(5).offer(6, b"6", 0.0) == [b"6"]

    def test_an_early_version_waits_for_the_one_before_it_and_both_leave_in_order(self) -> None:
        history = begun(5)
        assert history.offer(7, b"7", 0.0) == []
        assert history.offer(6, b"6", 0.1) == [b"6", b"7"]
        assert history.due() is None

    def test_a_version_already_sent_or_already_waiting_is_dropped(self) -> None:
        history = begun(5)
        history.offer(6, b"6", 0.0)
        history.offer(8, b"8", 0.0)
        assert history.offer(6, b"again", 0.0) == []
        assert history.offer(8, b"again", 0.0) == []
        assert history.offer(7, b"7", 0.0) == [b"7", b"8"]

    def test_a_gap_is_admitted_after_200_ms_and_not_before(self) -> None:
        history = begun(5)
        history.offer(7, b"7", 1.0)
        assert history.due() == 1.0 + PATIENCE
        assert not history.tick(1.0 + PATIENCE - 0.001).gap
        assert history.tick(1.0 + PATIENCE).gap

    def test_nothing_leaves_before_the_database_has_spoken(self) -> None:
        history = Ordered()
        assert history.offer(6, b"6", 1.0) == []
        assert history.offer(7, b"7", 1.0) == []
        assert history.due() is None
        assert history.since(6) is None
        assert history.rebase(5, Mark(0.5, None)) == [b"6", b"7"]

    @given(st.permutations(range(1, 12)), st.lists(st.integers(1, 11), max_size=10))
    def test_whatever_the_order_and_the_repetitions_each_version_leaves_once_in_order(
        self, order: list[int], again: list[int]
    ) -> None:
        history, left = begun(0), list[bytes]()
        for version in [*order[:6], *again, *order[6:]]:
            left += history.offer(version, frame(version), 0.0)
        assert left == [frame(version) for version in range(1, 12)]

    def test_a_flood_of_far_versions_takes_bounded_memory_and_does_not_shut_the_next_one_out(self) -> None:
        history = begun(0)
        for version in range(1_000, 1_000 + 4 * PROFONDEUR):
            history.offer(version, b"far", 0.0)
        assert len(history._pending) == PROFONDEUR
        assert history.offer(1, b"1", 0.0) == [b"1"]


class TestTheDatabaseHasTheLastWord:
    def test_an_event_received_before_the_reading_and_unknown_to_it_is_not_ours(self) -> None:
        history = begun(5)
        history.offer(500, b"old life", 1.0)
        mark = history.mark(1.3)
        assert history.rebase(5, mark) == []
        assert history.due() is None
        assert history.offer(6, b"6", 2.0) == [b"6"]

    def test_an_event_received_during_the_reading_is_kept(self) -> None:
        history = begun(5)
        history.offer(8, b"8", 1.0)
        mark = history.mark(1.2)
        history.offer(9, b"9", 1.25)
        assert history.rebase(8, mark) == [b"9"]
        assert history.version == 9

    def test_events_released_in_order_during_the_reading_are_not_taken_back(self) -> None:
        history = begun(5)
        mark = history.mark(1.0)
        assert history.offer(6, b"6", 1.1) == [b"6"]
        assert history.rebase(5, mark) == []
        assert history.version == 6
        assert history.since(5) == [b"6"]

    def test_a_restored_database_takes_the_version_back(self) -> None:
        history = begun(0)
        for version in range(1, 10):
            history.offer(version, frame(version), 0.0)
        history.rebase(4, history.mark(1.0))
        assert history.version == 4
        assert history.since(3) is None
        assert history.offer(5, b"5", 2.0) == [b"5"]


class TestCatchingUp:
    def test_events_after_v_are_given_when_known(self) -> None:
        history = begun(5)
        for version in (6, 7, 8):
            history.offer(version, frame(version), 0.0)
        assert history.since(8) == []
        assert history.since(6) == [frame(7), frame(8)]
        assert history.since(5) == [frame(6), frame(7), frame(8)]

    def test_a_gap_means_resync(self) -> None:
        history = begun(5)
        history.offer(6, b"6", 0.0)
        assert history.since(4) is None

    def test_a_page_ahead_of_the_feed_has_missed_nothing(self) -> None:
        assert begun(5).since(6) == []

    def test_the_past_is_bounded_in_number_and_in_bytes(self) -> None:
        many, big = begun(0), begun(0)
        for version in range(1, 2 * PROFONDEUR):
            many.offer(version, b"x", 0.0)
            big.offer(version, b"x" * 10_000, 0.0)
        assert many.since(many.version or 0) == []
        assert len(many.since((many.version or 0) - PROFONDEUR) or ()) == PROFONDEUR
        assert many.since((many.version or 0) - PROFONDEUR - 1) is None
        kept = OCTETS // 10_000
        assert len(big.since((big.version or 0) - kept) or ()) == kept
        assert big.since((big.version or 0) - kept - 1) is None


class TestCounters:
    """The wire: ``compteurs``, newest only, at most two a second."""

    def test_steering_subjects_keep_the_newest_picture_only(self) -> None:
        history = history_of("pilotage:nation")
        assert isinstance(history, Newest)
        history.rebase(10, Mark(0.0, None))
        assert history.offer(15, b"15", 1.0) == [b"15"]
        assert history.offer(12, b"12", 2.0) == []
        assert history.since(3) == [b"15"]
        assert history.since(15) == []

    def test_the_third_picture_of_a_second_waits_and_gives_way_to_a_newer_one(self) -> None:
        history = Newest()
        history.rebase(1, Mark(0.0, None))
        assert history.offer(2, b"2", 10.0) == [b"2"]
        assert history.offer(3, b"3", 10.1) == []
        assert history.offer(4, b"4", 10.2) == []
        due = history.due()
        assert due == 10.5
        assert history.tick(due).frames == [b"4"]
        assert history.due() is None

    def test_without_a_picture_a_late_reader_resyncs(self) -> None:
        history = Newest()
        history.rebase(10, Mark(0.0, None))
        assert history.since(9) is None
        assert history.since(10) == []

    def test_a_version_read_in_the_database_outdates_the_picture(self) -> None:
        history = Newest()
        history.rebase(10, Mark(0.0, None))
        history.offer(11, b"11", 1.0)
        history.rebase(12, history.mark(2.0))
        assert history.since(10) is None
