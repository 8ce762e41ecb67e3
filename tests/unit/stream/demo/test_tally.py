"""The demo's accounts: distinct things, whatever was delivered twice, late, or out of order."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from model.labels import LABELS
from stream.demo.tally import Snapshot, Tally, Wanted
from tests.unit.stream.demo.records import labeled, late, undecodable, window


def numbers(tally: Tally) -> Snapshot:
    return tally.snapshot(Wanted(brands=10, cells=20, tweets=10, seconds=10), now=100.0)


def test_a_redelivered_label_counts_once() -> None:
    tally = Tally()
    for _ in range(3):
        tally.add_labeled(labeled("1", offset=0), 1_000, 0.0)
    assert (numbers(tally).labeled, numbers(tally).settled, numbers(tally).duplicates) == (1, 1, 0)


def test_a_tweet_published_twice_is_a_duplicate_and_one_pair() -> None:
    tally = Tally()
    tally.add_labeled(labeled("1", offset=0), 1_000, 0.0)
    tally.add_labeled(labeled("1", offset=1), 1_000, 0.0)
    tally.add_window(window(counts=(0, 0, 1)), 1_000)
    assert (numbers(tally).labeled, numbers(tally).settled, numbers(tally).duplicates) == (1, 2, 1)
    assert numbers(tally).unsettled_windows == 0


def test_a_tweet_about_two_brands_is_two_pairs_and_no_duplicate() -> None:
    tally = Tally()
    for brand in ("Koru Coffee", "Tern Mobile"):
        tally.add_labeled(labeled("1", offset=0, brand=brand), 1_000, 0.0)
    assert (numbers(tally).labeled, numbers(tally).settled, numbers(tally).duplicates) == (2, 1, 0)


def test_the_first_label_of_a_tweet_is_the_one_that_counts() -> None:
    tally = Tally()
    tally.add_labeled(labeled("1", offset=0, label="negative"), 1_000, 0.0)
    tally.add_labeled(labeled("1", offset=1, label="positive"), 1_000, 0.0)
    tally.add_window(window(counts=(1, 0, 0)), 1_000)
    assert numbers(tally).unsettled_windows == 0


def test_the_same_id_in_another_minute_is_one_pair_in_two_windows() -> None:
    tally = Tally()
    tally.add_labeled(labeled("1", offset=0, minute=0), 1_000, 0.0)
    tally.add_labeled(labeled("1", offset=1, minute=5), 1_000, 0.0)
    tally.add_window(window(minute=0), 1_000)
    assert (numbers(tally).labeled, numbers(tally).unsettled_windows) == (1, 1)
    tally.add_window(window(minute=5), 1_000)
    assert numbers(tally).unsettled_windows == 0


def test_a_record_that_could_not_be_decoded_is_dead_once_and_settled() -> None:
    tally = Tally()
    for _ in range(2):
        tally.add_dead(undecodable(7), None, 1_000, 0.0)
    assert (numbers(tally).dead, numbers(tally).settled, numbers(tally).labeled) == (1, 1, 0)


def test_a_late_tweet_is_labelled_and_dead_and_in_no_window() -> None:
    for label_first in (True, False):
        tally = Tally()
        record = labeled("1", offset=3)
        if label_first:
            tally.add_labeled(record, 1_000, 0.0)
        tally.add_dead(late(), record, 1_000, 0.0)
        if not label_first:
            tally.add_labeled(record, 1_000, 0.0)
        got = numbers(tally)
        assert (got.labeled, got.dead, got.late, got.settled, got.unsettled_windows) == (1, 1, 1, 1, 0), label_first


def test_a_redelivered_late_tweet_is_still_in_no_window() -> None:
    tally = Tally()
    for _ in range(3):  # the aggregate refuses the first and knows the others for redeliveries
        tally.add_labeled(labeled("1", offset=3), 1_000, 0.0)
    tally.add_dead(late(), labeled("1", offset=3), 1_000, 0.0)
    assert (numbers(tally).dead, numbers(tally).late, numbers(tally).unsettled_windows) == (1, 1, 0)


def test_a_duplicate_that_comes_too_late_does_not_take_its_first_copy_out_of_the_window() -> None:
    tally = Tally()
    tally.add_labeled(labeled("1", offset=0), 1_000, 0.0)
    tally.add_dead(late(), labeled("1", offset=9), 1_000, 0.0)
    tally.add_labeled(labeled("1", offset=9), 1_000, 0.0)
    tally.add_window(window(counts=(0, 0, 1)), 1_000)
    assert (numbers(tally).late, numbers(tally).dead, numbers(tally).unsettled_windows) == (0, 1, 0)


def test_source_records_count_once_however_often_they_are_read() -> None:
    tally = Tally()
    for _ in range(2):
        tally.add_tweet(3, 11, 1_000, 0.0)
    assert numbers(tally).received == 1


def test_latency_is_from_a_tweets_arrival_to_its_labels_in_whatever_order_they_are_read() -> None:
    for tweet_first in (True, False):
        tally = Tally()
        if tweet_first:
            tally.add_tweet(0, 0, 10_000, 99.0)
        tally.add_labeled(labeled("1", offset=0), 10_250, 99.0)
        if not tweet_first:
            tally.add_tweet(0, 0, 10_000, 99.0)
        latency = numbers(tally).latency
        assert latency is not None, tweet_first
        assert abs(latency.p50 - 0.25) < 1e-6


def test_elapsed_time_is_kafkas_from_the_first_tweet_to_the_last_record() -> None:
    tally = Tally()
    tally.add_tweet(0, 0, 10_000, 5.0)
    tally.add_labeled(labeled("1", offset=0), 10_500, 6.0)
    tally.add_window(window(), 12_500)
    assert tally.elapsed_s == 2.5


def test_brands_keep_their_places_and_tweets_about_none_come_last() -> None:
    tally = Tally()
    for number, brand in enumerate(["_other", "Tern Mobile", "arc", "Koru Coffee"]):
        tally.add_window(window(brand, counts=(0, 0, number + 1)), 1_000)
    assert [row.name for row in numbers(tally).brands] == ["arc", "Koru Coffee", "Tern Mobile", "_other"]


def test_only_the_most_talked_about_brands_are_shown_when_there_is_no_room() -> None:
    tally = Tally()
    for number in range(9):
        tally.add_window(window(f"brand {number}", counts=(0, 0, number + 1)), 1_000)
    snapshot = tally.snapshot(Wanted(brands=2, cells=5), now=0.0)
    assert ([row.name for row in snapshot.brands], snapshot.brands_in_all) == (["brand 7", "brand 8"], 9)


BRANDS = ("Koru Coffee", "Tern Mobile", "_other")
SOURCES = st.lists(
    st.tuples(
        st.integers(0, 6).map(str),  # few ids: many duplicates
        st.integers(0, 3),
        st.lists(st.sampled_from(BRANDS), min_size=1, max_size=2, unique=True),
        st.sampled_from(LABELS),
        st.booleans(),  # dead: not decodable
    ),
    max_size=25,
)


@given(SOURCES, st.data())
def test_the_accounts_are_those_of_a_plain_fold_whatever_is_delivered_again(
    sources: list[tuple[str, int, list[str], str, bool]], data: st.DataObject
) -> None:
    tally = Tally()
    pairs, alive, died = set(), set(), set()
    ids: set[str] = set()
    fold: dict[tuple[str, int], Counter[str]] = {}
    counted = set()
    done: list[int] = []
    for offset, (tweet_id, minute, brands, label, dead) in enumerate(sources):
        done.append(offset)
        # A killed worker does its last records again, in their order.
        again = data.draw(st.integers(0, min(3, offset)), label="redelivered")
        for place in done[len(done) - 1 - again :]:
            its_id, its_minute, its_brands, its_label, is_dead = sources[place]
            if is_dead:
                tally.add_dead(undecodable(place), None, 1_000, 0.0)
            else:
                for brand in its_brands:
                    record = labeled(its_id, offset=place, brand=brand, label=its_label, minute=its_minute)  # type: ignore[arg-type]
                    tally.add_labeled(record, 1_000, 0.0)
        if dead:
            died.add(offset)
            continue
        alive.add(offset)
        ids.add(tweet_id)
        for brand in brands:
            pairs.add((tweet_id, brand))
            if (tweet_id, brand, minute) not in counted:
                counted.add((tweet_id, brand, minute))
                fold.setdefault((brand, minute), Counter())[label] += 1
    for (brand, minute), counts in fold.items():
        assert numbers(tally).unsettled_windows > 0
        tally.add_window(window(brand, minute=minute, counts=tuple(counts[label] for label in LABELS)), 1_000)  # type: ignore[arg-type]
    got = numbers(tally)
    assert got.labeled == len(pairs)
    assert got.duplicates == len(alive) - len(ids)
    assert (got.dead, got.settled) == (len(died), len(alive) + len(died))
    assert got.unsettled_windows == 0
    assert sum(row.counts.total for row in got.brands) == len(counted)
