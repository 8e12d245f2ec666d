"""Failure scenarios seen in real systems that the store owns (docs/failure-scenarios numbers in the names)."""

import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from made import NOW, bar_rows, closes_of, day, delivery
from polars.testing import assert_frame_equal

from openapex.adjust import adjusted
from openapex.store import Store


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def test_scenario_03_an_empty_answer_overwrites_and_deletes_nothing(store):
    before = store.ingest([delivery(closes=range(1, 301))], now=NOW)
    receipt = store.ingest([delivery(closes=())], now=NOW + timedelta(days=1))
    assert (receipt.n_new, receipt.n_revised, receipt.version) == (0, 0, before.version)
    assert store.read("IWM").bars.height == 300
    assert store.read("IWM").fetched_at == NOW  # still stale, so the reader can be told


def test_scenario_07_the_last_date_twice_keeps_the_later_row_and_counts_one(store):
    once = bar_rows("IWM", [10.0, 11.0])
    again = bar_rows("IWM", [11.0], start=1).with_columns(volume=250.0)
    receipt = store.ingest([delivery(bars=pl.concat([once, again]))], now=NOW)
    assert (receipt.n_new, receipt.n_superseded) == (2, 1)
    assert store.read("IWM").bars["volume"].to_list() == [100.0, 250.0]


def test_scenario_07_rows_that_the_source_superseded_are_counted_too(store):
    assert store.ingest([replace(delivery(), n_superseded=2)], now=NOW).n_superseded == 2


def test_scenario_11_a_split_that_arrives_late_repairs_the_levels_without_rewriting_a_bar(store):
    first = store.ingest([delivery(closes=(100.0, 50.0, 51.0), basis="as_traded")], now=NOW)
    raw = store.read("IWM").bars
    store.ingest([delivery(closes=(), basis="as_traded", actions=((day(1), "split", 2.0),))], now=NOW)
    held = store.read("IWM")
    assert_frame_equal(held.bars, raw)
    assert adjusted(held.bars, held.actions, held.basis).bars["close"].to_list() == [50.0, 50.0, 51.0]
    again = adjusted(held.bars, held.actions, held.basis)
    assert_frame_equal(again.bars, adjusted(held.bars, held.actions, held.basis).bars)  # never applied twice
    assert store.read("IWM", version=first.version).actions.is_empty()


CLOSES = (100.0, 101.0, 99.0, 50.0, 51.0, 50.5, 52.0, 53.0)
EVENTS = ((day(1), "dividend", 0.5), (day(3), "split", 2.0), (day(6), "dividend", 0.3))


def _day_by_day(store, order):
    for n in order:
        events = tuple(event for event in EVENTS if event[0] == day(n))
        store.ingest([delivery(closes=(CLOSES[n],), start=n, basis="as_traded", actions=events)], now=NOW)


def test_scenario_15_day_by_day_through_two_dividends_and_a_split_equals_bulk(tmp_path):
    bulk, daily, shuffled = (Store(tmp_path / name) for name in ("bulk", "daily", "shuffled"))
    bulk.ingest([delivery(closes=CLOSES, basis="as_traded", actions=EVENTS)], now=NOW)
    _day_by_day(daily, range(8))
    _day_by_day(shuffled, (5, 2, 7, 0, 3, 1, 6, 4))
    assert bulk.content_hash() == daily.content_hash() == shuffled.content_hash()
    held = daily.read("IWM")
    result = adjusted(held.bars, held.actions, held.basis).bars
    # By hand: levels halve before the split; two reinvested dividends, 0.5 of 100 and 0.3 of 50.5.
    first, second = 1 - 0.5 / 100.0, 1 - 0.3 / 50.5
    assert result["close"].to_list() == [50.0, 50.5, 49.5, 50.0, 51.0, 50.5, 52.0, 53.0]
    expected = [50 * first * second, *(price * second for price in (50.5, 49.5, 50.0, 51.0, 50.5)), 52.0, 53.0]
    assert result["adj_close"].to_list() == pytest.approx(expected, rel=1e-14)
    assert result["volume"].to_list() == [200.0] * 3 + [100.0] * 5


def test_scenario_15_on_every_day_the_daily_reader_saw_what_a_bulk_reader_as_of_that_day_sees(tmp_path):
    bulk, daily = Store(tmp_path / "bulk"), Store(tmp_path / "daily")
    bulk.ingest([delivery(closes=CLOSES, basis="as_traded", actions=EVENTS)], now=NOW)
    for n in range(8):
        _day_by_day(daily, (n,))
        seen, cut = daily.read("IWM"), bulk.read("IWM", end=day(n))
        assert_frame_equal(
            adjusted(seen.bars, seen.actions, seen.basis).bars, adjusted(cut.bars, cut.actions, cut.basis).bars
        )


CHILD = """
import sys
sys.path.insert(0, {tests!r})
from datetime import UTC, datetime
from made import NOW, day, delivery
from openapex.store import Store
late = datetime(2024, 3, 10, 2, 18, tzinfo=UTC)
store = Store(sys.argv[1])
store.ingest([delivery(actions=((day(1), "dividend", 0.5),), headlines=((late, "News", None),),
                       facts=(("pe", day(0), 1.0, None),))], now=NOW)
held = store.read("IWM", end=day(1))
print(store.content_hash(), held.bars["session"].to_list(), held.headlines.height, held.fetched_at.timestamp())
"""
ZONES = ("UTC", "America/Los_Angeles", "Asia/Tokyo", "Pacific/Kiritimati", "Asia/Kathmandu")


def test_scenario_20_the_store_is_the_same_in_five_time_zones(tmp_path):
    code = CHILD.format(tests=str(Path(__file__).parent))
    children = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / str(i))], env=os.environ | {"TZ": zone}, stdout=subprocess.PIPE
        )
        for i, zone in enumerate(ZONES)
    ]
    answers = {child.communicate()[0] for child in children}
    assert all(child.returncode == 0 for child in children)
    assert len(answers) == 1


ODD = (
    "NA", "NAN", "NULL", "TRUE", "INF", "CON", "PRN", "BRK.B", "BRK-B", "^RUT", "M&M.NS", "0700.HK", "../x", "a/b",
    "C:\\x", "None", "nan", "-", " ", "é", "株", "IWM", "iwm", "x" * 300, "%2e%2e", "'; --",
    "__HIVE_DEFAULT_PARTITION__",
)  # fmt: skip


def test_scenario_23_odd_symbols_come_back_exactly_and_never_touch_a_path(tmp_path):
    store = Store(tmp_path / "home")
    store.ingest([delivery(name, (float(i + 1),)) for i, name in enumerate(ODD)], now=NOW)
    assert store.symbols() == tuple(sorted(ODD))
    for i, name in enumerate(ODD):
        assert closes_of(store.read(name)) == [float(i + 1)]
        assert store.read(name).bars["symbol"].to_list() == [name]
    assert [path.name for path in tmp_path.iterdir()] == ["home"]
    assert not [
        path for path in (tmp_path / "home").rglob("*") if any(name in path.name for name in ("NULL", "株", "CON"))
    ]
    assert store.verify() == ()


@pytest.mark.realdata
@pytest.mark.slow
def test_every_stock_goes_in_at_once_in_few_commits_and_comes_back_equal(shared_data, tmp_path):
    stocks = pl.read_parquet(shared_data / "stocks_daily.parquet").rename({"date": "session"})
    bars = stocks.select(
        pl.col("symbol", "session"), pl.col("open", "high", "low", "close", "adj_close", "volume").cast(float)
    )
    bars = bars.with_columns(provisional=False).sort("symbol", "session")
    parts = bars.partition_by("symbol", as_dict=True)
    store = Store(tmp_path)
    started = datetime.now(UTC)
    receipt = store.ingest((delivery(name, bars=rows) for (name,), rows in parts.items()), now=NOW)
    assert (datetime.now(UTC) - started).total_seconds() < 60
    assert int(receipt.version.removeprefix("store@")) <= 4
    priced = bars.filter(pl.any_horizontal(pl.col("open", "high", "low", "close").is_not_null()))
    assert receipt.n_new == priced.height > 4_300_000
    assert_frame_equal(store.read(store.symbols()).bars, priced)
    assert (
        store.ingest((delivery(name, bars=rows) for (name,), rows in parts.items()), now=NOW).version == receipt.version
    )
    assert store.verify() == ()
