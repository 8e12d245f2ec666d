"""From Yahoo's wire through the store to adjusted prices: the whole way back to what Yahoo itself states."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from yahoo_server import (
    Fault,
    Listing,
    YahooServer,
    source,
    yahoo_fixture,  # noqa: F401  (the fixture `yahoo`)
)

from openapex.adjust import adjusted
from openapex.sources.source import Delivery
from openapex.store import Store

DAYS = [day for n in range(30) if (day := date(2024, 9, 3) + timedelta(days=n)).weekday() < 5]


def settled(day: date) -> datetime:
    """Return a moment when the session is over and settled."""
    return datetime(day.year, day.month, day.day, 2, tzinfo=UTC) + timedelta(days=1)


def listing() -> Listing:
    """A listing in cents with a 3:1 split between two dividends."""
    rng = np.random.default_rng(11)
    closes = np.round(300 + np.cumsum(rng.normal(0, 3, len(DAYS))), 2).tolist()
    bars = []
    for at, (day, close) in enumerate(zip(DAYS, closes, strict=True)):
        price = close if at < 10 else round(close / 3, 2)
        bars.append((day, price, round(price + 1.01, 2), round(price - 0.97, 2), price, 300_000 + at))
    return Listing("NVDX", bars, {DAYS[10]: (3, 1)}, {DAYS[4]: 1.37, DAYS[15]: 0.61})


def test_scenario_15_refreshing_every_day_stores_the_same_as_one_bulk_fetch(yahoo: YahooServer, tmp_path: Path) -> None:
    yahoo.list_(listing())
    bulk, daily = Store(tmp_path / "bulk"), Store(tmp_path / "daily")
    now = settled(DAYS[-1])
    bulk.ingest(source(yahoo, now).fetch(["NVDX"]), now=now)
    n_revised = 0
    for day in DAYS:
        begin = day - timedelta(days=10)
        receipt = daily.ingest(source(yahoo, settled(day)).fetch(["NVDX"], start=begin), now=settled(day))
        n_revised += receipt.n_revised
    assert bulk.content_hash() == daily.content_hash()
    assert n_revised == 0, "no bar changes when a split comes after it"


def test_a_bar_fetched_at_eleven_is_replaced_after_the_close(yahoo: YahooServer, tmp_path: Path) -> None:
    held = listing()
    yahoo.list_(held)
    store = Store(tmp_path)
    for now in (datetime.combine(DAYS[5], datetime.min.time(), UTC) + timedelta(hours=15), settled(DAYS[5])):
        store.ingest(source(yahoo, now).fetch(["NVDX"], start=DAYS[5]), now=now)
    assert store.read("NVDX").bars["provisional"].to_list() == [False]


def test_adjusting_what_is_delivered_gives_yahoos_own_adjusted_closes(yahoo: YahooServer) -> None:
    yahoo.list_(listing())
    (answer,) = source(yahoo, settled(DAYS[-1])).fetch(["NVDX"])
    assert isinstance(answer, Delivery)
    stated = listing().chart(0, int(settled(DAYS[-1]).timestamp()))["chart"]["result"][0]["indicators"]
    ours = adjusted(answer.bars, answer.actions, answer.basis).bars
    assert ours["close"].to_list() == pytest.approx(stated["quote"][0]["close"], rel=2e-7)
    assert ours["volume"].to_list() == pytest.approx(stated["quote"][0]["volume"], rel=1e-9)
    assert ours["adj_close"].to_list() == pytest.approx(stated["adjclose"][0]["adjclose"], rel=1e-6)


@pytest.mark.realdata
def test_adjusting_the_real_apple_chart_gives_yahoos_own_adjusted_closes(yahoo: YahooServer, shared_data: Path) -> None:
    """Yahoo's adjusted closes were delivered in 2025, so they are compared relative to the last bar."""
    file = shared_data / "wire_samples" / "chart-AAPL-2020-08-31-to-2020-11-07.json"
    sample = json.loads(file.read_text())["response"]["bodyJson"]
    yahoo.faults = lambda request: Fault(200, json.dumps(sample))
    (answer,) = source(yahoo, datetime(2025, 2, 20, tzinfo=UTC)).fetch(["AAPL"])
    assert isinstance(answer, Delivery)
    ours = adjusted(answer.bars, answer.actions, answer.basis).bars["adj_close"]
    stated = pl.Series(sample["chart"]["result"][0]["indicators"]["adjclose"][0]["adjclose"])
    assert (ours / ours[-1]).to_list() == pytest.approx((stated / stated[-1]).to_list(), rel=1e-5)
