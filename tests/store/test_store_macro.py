"""Macro series in the store: what was known on a day stays what was known on that day."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from threading import Thread

import hypothesis.strategies as st
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from made import NOW, delivery, macro
from polars.testing import assert_frame_equal

from openapex.errors import BadInput, CorruptStore, NoData, StoreError
from openapex.sources.demo import DemoSource
from openapex.sources.source import MACRO_SCHEMA, Delivery
from openapex.store import Store
from openapex.store import macro as reading
from openapex.store.files import read_files
from openapex.store.log import Log
from openapex.store.tables import DELTA_COLUMNS

AUGUST, RELEASED = date(2023, 8, 1), date(2023, 9, 1)
REFETCHED = datetime(2024, 2, 20, 12, tzinfo=UTC)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


@pytest.fixture(scope="module")
def demo():
    frame = DemoSource().macro()
    return frame, [
        Delivery(rows["series"][0], "demo", True, "as_traded", bars=delivery(closes=()).bars, macro=rows)
        for rows in frame.partition_by("series", maintain_order=True)
    ]


def values(store, end=None, **where):
    """(day known, value, as published) of August's unemployment."""
    rows = store.find_macro(["UNRATE"], end=end, **where).frame.filter(reference_date=AUGUST)
    return rows.select("known_at", "value", "as_published").rows()


def counts(receipt):
    return receipt.n_macro_new, receipt.n_macro_revised, receipt.n_macro_unchanged, receipt.n_macro_superseded


def test_what_went_in_comes_out_sorted_and_dated(store, demo):
    frame, deliveries = demo
    receipt = store.ingest(deliveries, now=NOW)
    names = frame["series"].unique().sort().to_list()
    found = store.find_macro([*reversed(names), "NOT_HELD"], source="demo")
    assert_frame_equal(found.frame, frame)
    assert found.frame.schema == MACRO_SCHEMA
    assert (found.simulated, found.version) == (True, receipt.version)
    assert found.sources == dict.fromkeys(names, ("demo",))
    assert found.fetched_at == dict.fromkeys(names, NOW)
    assert (receipt.symbols, receipt.n_new, counts(receipt)) == (tuple(names), 0, (frame.height, 0, 0, 0))
    assert store.verify() == ()


def test_ingesting_again_or_in_another_order_or_one_by_one_changes_nothing(tmp_path, demo):
    frame, deliveries = demo
    bulk, single = Store(tmp_path / "bulk"), Store(tmp_path / "single")
    first = bulk.ingest(deliveries, now=NOW)
    again = bulk.ingest(reversed(deliveries), now=NOW + timedelta(days=1))
    assert (again.version, counts(again)) == (first.version, (0, 0, frame.height, 0))
    for part in deliveries[::-1]:
        single.ingest([part], now=NOW)
    assert single.content_hash() == bulk.content_hash()


def test_a_series_is_no_symbol_and_a_symbol_is_no_series(store):
    store.ingest([delivery("IWM"), macro("DGS2", [(AUGUST, RELEASED, 4.9)])], now=NOW)
    assert (store.symbols(), store.series()) == (("IWM",), ("DGS2",))
    assert store.find("DGS2") is None
    assert store.find_macro(["IWM"]).frame.is_empty()
    assert store.find_macro("DGS2").frame.height == 1
    assert store.find_macro([]).frame.is_empty()


def test_a_value_published_as_missing_is_kept_as_missing(store):
    rows = [(AUGUST, RELEASED, None), (date(2023, 8, 2), RELEASED, float("nan"))]
    assert counts(store.ingest([macro("DGS2", rows)], now=NOW)) == (2, 0, 0, 0)
    assert store.find_macro(["DGS2"]).frame["value"].to_list() == [None, None]
    assert counts(store.ingest([macro("DGS2", rows)], now=NOW)) == (0, 0, 2, 0)


# Failure scenario 25: UNRATE of August 2023 was 3.8 as published, 3.7 as revised later.


def test_scenario_25_a_refetch_with_a_revised_value_leaves_the_past_as_it_was(store):
    store.ingest([macro(rows=[(AUGUST, RELEASED, 3.8)])], now=NOW)
    receipt = store.ingest([macro(rows=[(AUGUST, RELEASED, 3.7)])], now=REFETCHED)
    assert counts(receipt) == (0, 1, 0, 0)
    assert values(store, end=date(2023, 10, 1)) == [(RELEASED, 3.8, False)]
    assert values(store, end=date(2024, 2, 19)) == [(RELEASED, 3.8, False)]
    assert values(store, end=date(2024, 2, 20)) == [(RELEASED, 3.8, False), (date(2024, 2, 20), 3.7, False)]
    again = store.ingest([macro(rows=[(AUGUST, RELEASED, 3.7)])], now=REFETCHED + timedelta(days=9))
    assert (again.version, counts(again)) == (receipt.version, (0, 0, 1, 0))


def test_a_value_revised_back_is_a_further_row(store):
    for n, value in enumerate((3.8, 3.7, 3.8)):
        store.ingest([macro(rows=[(AUGUST, RELEASED, value)])], now=REFETCHED + timedelta(days=n))
    assert [value for _, value, _ in values(store)] == [3.8, 3.7, 3.8]


def test_of_several_values_fetched_on_one_day_the_last_counts(store):
    store.ingest([macro(rows=[(AUGUST, RELEASED, 3.8)])], now=NOW)
    for n, value in enumerate((3.7, 3.6)):
        store.ingest([macro(rows=[(AUGUST, RELEASED, value)])], now=REFETCHED + timedelta(hours=n))
    assert values(store) == [(RELEASED, 3.8, False), (date(2024, 2, 20), 3.6, False)]


def test_a_fetch_dated_before_what_is_held_rewrites_no_earlier_day(store):
    store.ingest([macro(rows=[(AUGUST, RELEASED, 3.8)])], now=NOW)
    store.ingest([macro(rows=[(AUGUST, RELEASED, 3.7)])], now=REFETCHED)
    store.ingest([macro(rows=[(AUGUST, RELEASED, 3.6)])], now=REFETCHED - timedelta(days=5))
    assert values(store) == [(RELEASED, 3.8, False), (date(2024, 2, 20), 3.6, False)]


def test_scenario_25_a_vintage_replaces_a_guess_and_is_replaced_by_none(store):
    store.ingest([macro(rows=[(AUGUST, RELEASED, 3.7)])], now=NOW)
    vintage = macro(rows=[(AUGUST, RELEASED, 3.8)], published=True)
    assert counts(store.ingest([vintage], now=REFETCHED)) == (0, 1, 0, 0)
    assert values(store) == [(RELEASED, 3.8, True)]
    store.ingest([macro(rows=[(AUGUST, RELEASED, 3.7)])], now=REFETCHED + timedelta(days=1))
    assert values(store) == [(RELEASED, 3.8, True), (date(2024, 2, 21), 3.7, False)]


def test_a_vintage_of_the_day_of_the_fetch_is_not_replaced_by_a_guess(store):
    store.ingest([macro(rows=[(AUGUST, REFETCHED.date(), 3.8)], published=True)], now=REFETCHED)
    guess = macro(rows=[(AUGUST, RELEASED, 3.7)])
    assert counts(store.ingest([guess], now=REFETCHED)) == (0, 0, 0, 1)
    assert values(store) == [(REFETCHED.date(), 3.8, True)]
    assert counts(store.ingest([guess], now=REFETCHED + timedelta(days=1))) == (0, 1, 0, 0)


def test_a_guessed_day_after_the_first_vintage_gives_way_to_the_vintages(store):
    guessed = macro(rows=[(AUGUST, date(2023, 9, 8), 3.7)])
    vintages = macro(rows=[(AUGUST, RELEASED, 3.8), (AUGUST, date(2024, 1, 5), 3.7)], published=True)
    store.ingest([guessed], now=NOW)
    store.ingest([vintages], now=NOW)
    assert values(store) == [(RELEASED, 3.8, True), (date(2024, 1, 5), 3.7, True)]
    again = store.ingest([guessed, vintages], now=REFETCHED)
    assert counts(again) == (0, 0, 3, 0)


def test_a_guess_before_the_first_vintage_and_one_dated_by_its_fetch_stay(store):
    store.ingest([macro(rows=[(AUGUST, date(2023, 8, 20), 3.9)])], now=NOW)
    store.ingest([macro(rows=[(AUGUST, date(2023, 8, 20), 3.5)])], now=REFETCHED)
    store.ingest([macro(rows=[(AUGUST, RELEASED, 3.8)], published=True)], now=REFETCHED)
    assert values(store) == [
        (date(2023, 8, 20), 3.9, False), (RELEASED, 3.8, True), (date(2024, 2, 20), 3.5, False)
    ]  # fmt: skip


def test_a_revised_vintage_is_counted_and_the_old_one_stays_readable_at_its_version(store):
    old = store.ingest([macro(rows=[(AUGUST, RELEASED, 3.8)], published=True)], now=NOW)
    new = store.ingest([macro(rows=[(AUGUST, RELEASED, 3.81)], published=True)], now=REFETCHED)
    assert (counts(old), counts(new)) == ((1, 0, 0, 0), (0, 1, 0, 0))
    assert values(store) == [(RELEASED, 3.81, True)]
    assert values(store, version=old.version) == [(RELEASED, 3.8, True)]
    with pytest.raises(NoData, match="version is 99"):
        values(store, version=99)


def test_of_a_key_delivered_twice_the_last_row_is_kept_but_a_vintage_first(store):
    twice = [(AUGUST, RELEASED, 3.8), (AUGUST, RELEASED, 3.7)]
    assert counts(store.ingest([macro(rows=twice)], now=NOW)) == (1, 0, 0, 1)
    assert values(store) == [(RELEASED, 3.7, False)]
    mixed = [macro("U", [(AUGUST, RELEASED, 1.0)], published=True), macro("U", [(AUGUST, RELEASED, 2.0)])]
    store.ingest(mixed, now=NOW)
    assert store.find_macro(["U"]).frame["value"].to_list() == [1.0]


def test_several_guesses_of_one_reference_date_are_kept_and_found_unchanged(store):
    rows = [(AUGUST, RELEASED, 3.8), (AUGUST, date(2023, 10, 6), 3.7)]
    assert counts(store.ingest([macro(rows=rows)], now=NOW)) == (2, 0, 0, 0)
    assert counts(store.ingest([macro(rows=rows)], now=REFETCHED)) == (0, 0, 2, 0)
    rows[0] = (AUGUST, RELEASED, 3.9)  # only the last of them is the source's present value
    assert counts(store.ingest([macro(rows=rows)], now=REFETCHED)) == (0, 0, 1, 1)
    assert values(store) == [(RELEASED, 3.8, False), (date(2023, 10, 6), 3.7, False)]


def test_scenario_26_what_was_released_later_is_not_known(store):
    march, april_12 = date(2023, 3, 1), date(2023, 4, 12)
    store.ingest([macro("CPIAUCSL", [(march, april_12, 301.8)])], now=NOW)
    assert store.find_macro(["CPIAUCSL"], end=date(2023, 3, 31)).frame.is_empty()
    assert store.find_macro(["CPIAUCSL"], end=date(2023, 3, 31)).sources == {}
    assert store.find_macro(["CPIAUCSL"], end=april_12).frame.height == 1


FEW = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
KNOWN = pl.col("known_at")
DAYS = [date(2024, 1, 1) + timedelta(days=n) for n in range(8)]
FETCH = st.tuples(
    st.sampled_from(["fred", "files"]),
    st.booleans(),
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 7), st.sampled_from([1.0, 2.0, None])), max_size=4),
)


def _moment(n):
    return datetime(DAYS[n].year, DAYS[n].month, DAYS[n].day, 12, tzinfo=UTC)


def _ingest_daily(store, fetches, until=date.max):
    """One fetch a day of what is known by then; guesses lag by a day."""
    for n, (source, published, rows) in enumerate(fetches):
        dated = [(DAYS[ref], DAYS[known if published else ref + 1], value) for ref, known, value in rows]
        known = [row for row in dated if row[1] <= min(until, DAYS[n])]
        store.ingest([macro(rows=known, source=source, published=published)], now=_moment(n))


@FEW
@given(fetches=st.lists(FETCH, min_size=2, max_size=6), cut=st.integers(0, 6))
def test_a_cut_is_exactly_what_would_be_found_had_later_rows_never_been_stored(tmp_path_factory, fetches, cut):
    whole, short = (Store(tmp_path_factory.mktemp("store")) for _ in range(2))
    _ingest_daily(whole, fetches)
    _ingest_daily(short, fetches, until=DAYS[cut])
    for source in (None, "fred", "files"):
        one, other = (store.find_macro("UNRATE", source=source, end=DAYS[cut]) for store in (whole, short))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                reading, "read_files", lambda *a: [part.filter(KNOWN.le(DAYS[cut])) for part in read_files(*a)]
            )
            third = whole.find_macro("UNRATE", source=source, end=DAYS[cut])
        assert_frame_equal(one.frame, other.frame)
        assert_frame_equal(one.frame, third.frame)
        assert (one.sources, one.fetched_at) == (other.sources, other.fetched_at) == (third.sources, third.fetched_at)
    assert whole.verify() == ()


@FEW
@given(fetches=st.lists(FETCH, min_size=2, max_size=6))
def test_no_refetch_of_guesses_changes_what_was_known_of_a_held_date_before_its_day(tmp_path_factory, fetches):
    store = Store(tmp_path_factory.mktemp("store"))
    for n, (_, _, rows) in enumerate(fetches):
        end = DAYS[n] - timedelta(days=1)
        before = store.find_macro(["UNRATE"], end=end).frame
        dates = store.find_macro(["UNRATE"]).frame["reference_date"].unique()
        store.ingest([macro(rows=[(DAYS[r], min(DAYS[k], DAYS[n]), v) for r, k, v in rows])], now=_moment(n))
        after = store.find_macro(["UNRATE"], end=end).frame
        assert_frame_equal(after.filter(pl.col("reference_date").is_in(dates.implode())), before)


def test_simulated_series_come_only_by_name(store):
    store.ingest([macro("DGS2", [(AUGUST, RELEASED, 9.9)], source="demo", simulated=True)], now=REFETCHED)
    assert (store.find_macro(["DGS2"]).frame.height, store.series(), store.series("demo")) == (0, (), ("DGS2",))
    store.ingest([macro("DGS2", [(AUGUST, RELEASED, 4.9)])], now=NOW)
    real, demo = store.find_macro(["DGS2"]), store.find_macro(["DGS2"], source="demo")
    assert (real.frame["value"].to_list(), real.simulated) == ([4.9], False)
    assert (demo.frame["value"].to_list(), demo.simulated) == ([9.9], True)


def test_a_simulated_series_under_a_real_name_is_refused_by_name(store):
    store.ingest([macro("DGS2", [(AUGUST, RELEASED, 4.9)])], now=NOW)
    receipt = store.ingest([macro("DGS2", [(AUGUST, RELEASED, 9.9)], simulated=True), delivery("IWM")], now=NOW)
    (refused,) = receipt.refused
    assert str(refused.error).startswith("macro of DGS2 is simulated, must be real as stored before from source 'fred'")
    assert receipt.symbols == ("IWM",)


def test_a_delivery_that_contradicts_itself_is_refused_by_name(store):
    mixed = delivery("DGS2")
    rows = macro("DGS2", [(AUGUST, RELEASED, 4.9)]).macro
    wrong = [
        Delivery("DGS2", "fred", False, "as_traded", bars=mixed.bars, macro=rows),
        Delivery("DGS10", "fred", False, "as_traded", bars=mixed.bars.clear(), macro=rows),
        Delivery("DGS2", "fred", False, "as_traded", bars=mixed.bars.clear(), macro=rows.drop("known_at")),
    ]
    receipt = store.ingest(wrong, now=NOW)
    assert [str(one.error) for one in receipt.refused] == [
        "macro of DGS2 comes with bars, must come alone",
        "macro holds ['DGS2'], must hold DGS10 alone",
        "macro has columns ['series', 'reference_date', 'value', 'as_published'], must also have ['known_at']",
    ]
    assert isinstance(receipt.refused[0].error, BadInput)


def test_rows_without_a_day_are_left_out_and_counted(store):
    receipt = store.ingest([macro("DGS2", [(AUGUST, None, 4.9), (AUGUST, RELEASED, 4.9)])], now=NOW)
    assert receipt.warnings == ("DGS2: 1 macro without reference_date or known_at were left out",)
    assert receipt.n_macro_new == 1


# The rest of the store


def test_info_tells_series_and_rows(store):
    store.ingest([delivery("A", source="files"), macro("HY", [(AUGUST, RELEASED, 1.0)], source="files")], now=NOW)
    store.ingest([macro("DGS2", [(AUGUST, RELEASED, 4.9)])], now=REFETCHED)
    files, fred = store.info().sources
    assert (files.n_symbols, files.n_bars, files.n_series, files.n_macro) == (1, 3, 1, 1)
    assert (files.first, files.last) == (date(2024, 1, 2), date(2024, 1, 4))
    assert (fred.source, fred.n_symbols, fred.n_bars, fred.n_series, fred.n_macro) == ("fred", 0, 0, 1, 1)
    assert (fred.first, fred.last, fred.fetched_at, fred.simulated) == (AUGUST, AUGUST, REFETCHED, False)
    assert json.loads(json.dumps(fred.to_dict())) == {
        "source": "fred", "simulated": False, "n_symbols": 0, "n_bars": 0, "n_series": 1, "n_macro": 1,
        "first": "2023-08-01", "last": "2023-08-01", "fetched_at": "2024-02-20T12:00:00+00:00",
    }  # fmt: skip


def test_content_hash_verify_and_vacuum_cover_series(store):
    store.ingest([macro(rows=[(AUGUST, RELEASED, 3.8)])], now=NOW)
    before = store.content_hash()
    store.ingest([macro(rows=[(AUGUST, RELEASED, 3.7)])], now=REFETCHED)
    assert store.content_hash() != before
    later = datetime.now(UTC) + timedelta(days=40)
    assert store.vacuum(now=later) > 0
    assert [value for _, value, _ in values(store)] == [3.8, 3.7]
    (file,) = (store.home / "market").rglob("dataset=macro/source=fred/bucket=0/*.parquet")
    file.write_bytes(file.read_bytes()[:-9])
    assert [problem.rule for problem in store.verify()] == ["damaged_file"]
    for use in (lambda: store.find_macro(["UNRATE"]), store.series):
        with pytest.raises(CorruptStore, match="is damaged"):
            use()


def test_other_tools_read_series_as_plain_delta(store):
    store.ingest([delivery(), macro(rows=[(AUGUST, RELEASED, 3.8)])], now=NOW)
    rows = pl.scan_delta(str(store.home / "market")).filter(dataset="macro")
    names = ["symbol", "reference_date", "known_at", "value", "as_published"]
    assert rows.select(names).collect().rows() == [("UNRATE", AUGUST, RELEASED, 3.8, False)]


@pytest.fixture
def old_store(tmp_path, monkeypatch):
    """A store as it was made before there were macro series."""
    old = {name: kind for name, kind in DELTA_COLUMNS.items() if name not in ("reference_date", "as_published")}
    monkeypatch.setattr("openapex.store.log.DELTA_COLUMNS", old)
    store = Store(tmp_path)
    store.ingest([delivery(actions=((date(2024, 1, 3), "dividend", 0.5),))], now=NOW)
    monkeypatch.undo()
    assert pl.scan_delta(str(store.home / "market")).collect_schema().names() == list(old)
    return store


def test_a_store_made_before_there_were_series_is_read_and_kept_as_it_is(old_store):
    assert (old_store.series(), old_store.find_macro(["DGS2"]).frame.height) == ((), 0)
    old_store.ingest([delivery("SPY")], now=NOW)
    assert "reference_date" not in pl.scan_delta(str(old_store.home / "market")).collect_schema()
    assert old_store.symbols() == ("IWM", "SPY")
    assert old_store.verify() == ()


def test_a_store_made_before_there_were_series_takes_them_at_the_first_ingest(old_store):
    before = old_store.info().version
    old_store.ingest([macro(rows=[(AUGUST, RELEASED, 3.8)]), delivery("SPY")], now=NOW)
    assert values(old_store) == [(RELEASED, 3.8, False)]
    table = pl.scan_delta(str(old_store.home / "market"))
    assert table.collect_schema().names() == list(DELTA_COLUMNS)
    assert table.filter(dataset="macro").select("symbol", "value").collect().rows() == [("UNRATE", 3.8)]
    assert table.filter(dataset="bars").select(pl.len()).collect().item() == 6
    assert old_store.read("IWM", version=before).actions.height == 1
    assert old_store.verify() == ()


def test_threads_that_bring_the_first_series_at_once_lose_nothing(old_store):
    names = [f"S{i}" for i in range(8)]

    def work(mine):
        for name in mine:
            old_store.ingest([macro(name, [(AUGUST, RELEASED, 3.8)])], now=NOW)

    threads = [Thread(target=work, args=(names[i::4],)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert old_store.series() == tuple(names)
    assert old_store.verify() == ()


def test_columns_that_another_process_added_first_are_no_fault(old_store, monkeypatch):
    rival, table_of = Log(old_store.home / "market"), Log._table
    calls = []

    def overtaken(log, version=None):
        table = table_of(log, version)
        if log is not rival and not calls:
            calls.append(1)
            rival.widen(DELTA_COLUMNS)
        return table

    monkeypatch.setattr(Log, "_table", overtaken)
    Log(old_store.home / "market").widen(DELTA_COLUMNS)
    monkeypatch.undo()
    assert pl.scan_delta(str(old_store.home / "market")).collect_schema().names() == list(DELTA_COLUMNS)
    assert old_store.info().version == "store@2"


def test_columns_that_cannot_be_added_name_the_folder(old_store, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("deltalake.table.TableAlterer.add_columns", full)
    with pytest.raises(StoreError, match="market cannot be written"):
        old_store.ingest([macro(rows=[(AUGUST, RELEASED, 3.8)])], now=NOW)
    monkeypatch.undo()
    assert old_store.verify() == ()


@pytest.mark.realdata
def test_every_series_goes_in_and_comes_back_equal_whole_or_cut(shared_data, store):
    frame = pl.read_parquet(shared_data / "macro.parquet").select(
        "series",
        reference_date=pl.col("date").cast(pl.Date),
        known_at=pl.col("date").cast(pl.Date) + pl.duration(days=1),
        value=pl.col("value").cast(pl.Float64),
        as_published=pl.lit(False),
    )
    frame = frame.sort("series", "reference_date")
    parts = frame.partition_by("series", maintain_order=True)
    receipt = store.ingest((replace(macro(rows["series"][0]), macro=rows) for rows in parts), now=NOW)
    assert (receipt.n_macro_new, receipt.version) == (frame.height, "store@1")
    names, end = frame["series"].unique().to_list(), date(2008, 10, 10)
    assert_frame_equal(store.find_macro(names).frame, frame)
    assert_frame_equal(store.find_macro(names, end=end).frame, frame.filter(pl.col("known_at") <= end))
    assert store.verify() == ()
