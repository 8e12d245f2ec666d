"""Several sources of one macro series: who is believed, from which day on."""

from datetime import UTC, date, datetime, timedelta

import hypothesis.strategies as st
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from made import NOW, macro
from polars.testing import assert_frame_equal

from openapex.store import Store

AUGUST, RELEASED = date(2023, 8, 1), date(2023, 9, 1)
FETCHED, IMPORTED = datetime(2023, 9, 5, 12, tzinfo=UTC), datetime(2024, 2, 1, 12, tzinfo=UTC)
REFETCHED = datetime(2024, 2, 20, 12, tzinfo=UTC)
DAYS = [date(2024, 1, 1) + timedelta(days=n) for n in range(8)]
INGEST = st.tuples(
    st.sampled_from(["fred", "files"]),
    st.lists(st.tuples(st.integers(0, 2), st.sampled_from([1.0, 2.0, None])), max_size=4),
)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def values(store, end=None):
    """(day known, value, as published) of August's unemployment."""
    rows = store.find_macro(["UNRATE"], end=end).frame.filter(reference_date=AUGUST)
    return rows.select("known_at", "value", "as_published").rows()


def test_scenario_25_a_revised_value_imported_later_from_a_file_leaves_the_past_as_it_was(store):
    first, later = (RELEASED, 3.8, False), (date(2024, 2, 1), 3.7, False)
    store.ingest([macro(rows=[(AUGUST, RELEASED, 3.8)], source="fred")], now=FETCHED)
    store.ingest([macro(rows=[(AUGUST, RELEASED, 3.7)], source="files")], now=IMPORTED)
    assert values(store, end=date(2023, 10, 1)) == values(store, end=date(2024, 1, 31)) == [first]
    assert values(store, end=date(2024, 2, 1)) == values(store) == [first, later]
    assert store.find_macro("UNRATE", end=date(2024, 1, 31)).sources == {"UNRATE": ("fred",)}
    assert store.find_macro("UNRATE").sources == {"UNRATE": ("files", "fred")}
    assert store.find_macro("UNRATE").fetched_at == {"UNRATE": IMPORTED}
    store.ingest([macro(rows=[(AUGUST, RELEASED, 3.7)], source="fred")], now=REFETCHED)
    assert values(store)[:2] == [first, later]
    assert {value for _, value, _ in values(store)[2:]} <= {3.7}


def test_the_same_value_from_another_source_is_no_news(store):
    store.ingest([macro(rows=[(AUGUST, RELEASED, 3.8)], source="fred")], now=FETCHED)
    store.ingest([macro(rows=[(AUGUST, RELEASED, 3.8)], source="files")], now=IMPORTED)
    assert values(store) == [(RELEASED, 3.8, False)]
    assert store.find_macro("UNRATE").sources == {"UNRATE": ("fred",)}


def test_a_guess_fetched_before_what_stands_says_nothing_anew(store):
    cautious = (AUGUST, date(2023, 9, 20), 3.8)  # dated later than it was fetched
    store.ingest([macro(rows=[cautious], source="files")], now=FETCHED)
    store.ingest([macro(rows=[(AUGUST, RELEASED, 3.7)], source="fred")], now=FETCHED + timedelta(days=1))
    assert values(store) == [(date(2023, 9, 6), 3.7, False)]


def test_sources_fill_in_for_each_other_by_reference_date(store):
    days = [date(2023, 8, n) for n in (1, 2, 3, 4)]
    store.ingest([macro("HY", [(d, d, 1.0) for d in days[:3]], source="files")], now=NOW)
    store.ingest([macro("HY", [(d, d, 2.0) for d in days[2:]], source="fred")], now=NOW + timedelta(hours=1))
    store.ingest([macro("DGS2", [(days[0], days[0], 4.0)], source="fred")], now=NOW)
    found = store.find_macro(["HY", "DGS2"])
    assert found.frame.select("series", "value").rows() == [
        ("DGS2", 4.0), ("HY", 1.0), ("HY", 1.0), ("HY", 1.0), ("HY", 2.0), ("HY", 2.0)
    ]  # fmt: skip
    third = found.frame.filter(pl.col("reference_date") == days[2], series="HY")
    assert third.select("known_at", "value").rows() == [(days[2], 1.0), (NOW.date(), 2.0)]
    assert found.sources == {"DGS2": ("fred",), "HY": ("files", "fred")}
    assert found.fetched_at == {"DGS2": NOW, "HY": NOW + timedelta(hours=1)}
    assert store.find_macro(["HY"], source="files").frame["value"].to_list() == [1.0] * 3
    assert store.find_macro(["HY"], source="yahoo").frame.is_empty()


@pytest.mark.parametrize("published", [True, False])
@pytest.mark.parametrize(("hours", "last"), [(-1, "files"), (0, "fred"), (1, "fred")])
def test_of_two_sources_alike_the_last_vintage_wins_and_of_guesses_the_last_follows(store, hours, last, published):
    two = {"files": 3.8, "fred": 3.7}
    for source, moment in (("files", NOW), ("fred", NOW + timedelta(hours=hours))):
        store.ingest([macro(rows=[(AUGUST, RELEASED, two[source])], source=source, published=published)], now=moment)
    if published:
        assert store.find_macro("UNRATE").sources == {"UNRATE": (last,)}
        assert values(store) == [(RELEASED, two[last], True)]
    else:
        (_, first, _), (day, second, _) = values(store)
        assert {first, second} == set(two.values())
        assert day == NOW.date()
        assert hours == 0 or second == two[last]


def test_of_two_sources_the_one_with_vintages_wins_with_all_its_rows(store):
    vintages = [(AUGUST, RELEASED, 3.8), (AUGUST, date(2023, 10, 6), 3.7)]
    store.ingest([macro(rows=vintages, source="fred", published=True)], now=NOW)
    store.ingest([macro(rows=[(AUGUST, date(2023, 9, 8), 3.7)], source="files")], now=REFETCHED)
    assert [value for _, value, _ in values(store)] == [3.8, 3.7]
    assert store.find_macro(["UNRATE"]).sources == {"UNRATE": ("fred",)}


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(ingests=st.lists(INGEST, min_size=2, max_size=6))
def test_scenario_25_no_later_ingest_of_any_source_changes_what_was_known_of_a_held_date(tmp_path_factory, ingests):
    store = Store(tmp_path_factory.mktemp("store"))
    for n, (source, rows) in enumerate(ingests):
        ends = [DAYS[day] for day in range(n)]
        before = [store.find_macro(["UNRATE"], end=end).frame for end in ends]
        held = store.find_macro(["UNRATE"]).frame["reference_date"].unique()
        guesses = [(DAYS[ref], DAYS[ref + 1], value) for ref, value in rows]
        store.ingest([macro(rows=guesses, source=source)], now=datetime(2024, 1, 1 + n, 12, tzinfo=UTC))
        for end, frame in zip(ends, before, strict=True):
            after = store.find_macro(["UNRATE"], end=end).frame
            assert_frame_equal(after.filter(pl.col("reference_date").is_in(held.implode())), frame)
