"""Yahoo's prices: as they were traded, by exchange day, checked against Yahoo's own adjusted closes."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yahoo_server import (
    Fault,
    Listing,
    YahooServer,
    source,
    stamp,
    yahoo_fixture,  # noqa: F401  (the fixture `yahoo`)
)

from openapex.bars import BAR_SCHEMA
from openapex.errors import AdjustmentMismatch, ApexError, BadPayload
from openapex.sources.source import ACTION_SCHEMA, Delivery, Failure
from openapex.sources.yahoo_chart import as_traded_bars, parsed_chart, shortest_decimals

SESSIONS = [day for n in range(80) if (day := date(2024, 9, 3) + timedelta(days=n)).weekday() < 5]
SPLIT_AT, DIVIDEND_AT, SECOND_DIVIDEND_AT = 30, 12, 45
EVENING = (2, 0)


def settled(day: date) -> datetime:
    """Return a moment when the session is over and settled: 02:00 UTC of the next day."""
    return datetime(day.year, day.month, day.day, *EVENING, tzinfo=UTC) + timedelta(days=1)


NOW = settled(SESSIONS[-1])


def walk(symbol: str = "AAPL", split: tuple[float, float] = (4, 1)) -> Listing:
    """A listing in cents, with a split between two dividends."""
    rng = np.random.default_rng(3)
    closes = np.round(480 * np.exp(np.cumsum(rng.normal(0, 0.01, len(SESSIONS)))), 2)
    bars = []
    for at, (day, close) in enumerate(zip(SESSIONS, closes.tolist(), strict=True)):
        ratio = split[0] / split[1] if at >= SPLIT_AT else 1.0
        levels = [round(x / ratio, 2) for x in (close - 1.11, close + 2.07, close - 2.53, close)]
        bars.append((day, *levels, 1_000_000 + 1000 * at))
    dividends = {SESSIONS[DIVIDEND_AT]: 3.28, SESSIONS[SECOND_DIVIDEND_AT]: 0.87}
    return Listing(symbol, bars, {SESSIONS[SPLIT_AT]: split}, dividends)  # type: ignore[arg-type]


def delivered(yahoo: YahooServer, now: datetime = NOW, symbol: str = "AAPL", **span: date | None) -> Delivery:
    """Fetch one symbol that must come."""
    (answer,) = source(yahoo, now).fetch([symbol], **span)
    assert isinstance(answer, Delivery), answer
    return answer


def failed(yahoo: YahooServer, now: datetime = NOW, symbol: str = "AAPL") -> ApexError:
    """Fetch one symbol that must fail."""
    (answer,) = source(yahoo, now).fetch([symbol])
    assert isinstance(answer, Failure)
    return answer.error


def raw(listing: Listing) -> pl.DataFrame:
    """Return a listing's bars as they were traded."""
    names = ["session", "open", "high", "low", "close", "volume"]
    return pl.DataFrame(listing.bars, schema=names, orient="row").cast({"volume": pl.Float64})


def edited(listing: Listing, edit: Any) -> Listing:
    """Return the listing with its chart's result changed in place by `edit`."""
    return replace(listing, edit=edit)


def test_bars_are_as_traded_and_actions_as_paid(yahoo: YahooServer) -> None:
    listing = walk()
    yahoo.list_(listing)
    answer = delivered(yahoo)
    assert (answer.basis, answer.simulated, answer.source) == ("as_traded", False, "yahoo")
    assert answer.bars.schema == BAR_SCHEMA
    assert answer.bars.select(raw(listing).columns).equals(raw(listing))
    assert answer.bars["adj_close"].null_count() == len(SESSIONS)
    assert not answer.bars["provisional"].any()
    assert answer.actions.schema == ACTION_SCHEMA
    assert answer.actions.drop("symbol").rows() == [
        (SESSIONS[DIVIDEND_AT], "dividend", 3.28),
        (SESSIONS[SPLIT_AT], "split", 4.0),
        (SESSIONS[SECOND_DIVIDEND_AT], "dividend", 0.87),
    ]
    assert answer.warnings == ()


def test_the_request_is_pinned_and_runs_until_now_whatever_end_is(yahoo: YahooServer) -> None:
    yahoo.list_(walk())
    answer = delivered(yahoo, start=SESSIONS[5], end=SESSIONS[8])
    assert answer.bars["session"].to_list() == SESSIONS[5:9]
    assert answer.bars["close"].to_list() == raw(walk())["close"].to_list()[5:9], "the later split is undone"
    (request,) = yahoo.log
    midnight = datetime.combine(SESSIONS[5] - timedelta(days=1), datetime.min.time(), UTC)
    assert request.params == {
        "period1": str(int(midnight.timestamp())),
        "period2": str(int(NOW.timestamp()) + 1),
        "interval": "1d",
        "includePrePost": "false",
        "events": "div,splits,capitalGains",
    }


@pytest.mark.parametrize("split", [(4, 1), (3, 2), (20, 1), (1, 8), (7, 1)])
def test_scenario_15_day_by_day_equals_bulk_through_two_dividends_and_a_split(
    yahoo: YahooServer, split: tuple[float, float]
) -> None:
    listing = walk(split=split)
    yahoo.list_(listing)
    bulk = delivered(yahoo)
    daily = [delivered(yahoo, settled(day), start=day, end=day) for day in SESSIONS]
    prices = ["session", "open", "high", "low", "close"]
    assert pl.concat([answer.bars for answer in daily]).select(prices).equals(bulk.bars.select(prices))
    assert pl.concat([answer.actions for answer in daily]).equals(bulk.actions)
    if split[0] > split[1]:
        assert pl.concat([answer.bars for answer in daily]).equals(bulk.bars)


def test_scenario_06_rows_without_prices_are_no_bars_and_are_reported(yahoo: YahooServer) -> None:
    def blank(result: dict[str, Any]) -> None:
        quote = result["indicators"]["quote"][0]
        for row in (7, len(SESSIONS) - 1):
            for name in ("open", "high", "low", "close", "volume"):
                quote[name][row] = None
            result["indicators"]["adjclose"][0]["adjclose"][row] = None

    yahoo.list_(edited(walk(), blank))
    answer = delivered(yahoo)
    assert answer.bars["session"].to_list() == [*SESSIONS[:7], *SESSIONS[8:-1]]
    assert f"2 rows without any price ({SESSIONS[7]}, {SESSIONS[-1]})" in answer.warnings[0]


def test_scenario_06_a_dividend_without_a_bar_is_an_action_not_a_bar(yahoo: YahooServer) -> None:
    listing = walk()
    ex_date = SESSIONS[-1] + timedelta(days=3)
    listing.dividends[ex_date] = 1.5
    yahoo.list_(listing)
    answer = delivered(yahoo, settled(ex_date))
    assert answer.bars["session"].to_list() == SESSIONS
    assert answer.actions.rows()[-1] == ("AAPL", ex_date, "dividend", 1.5)


def test_an_unknown_volume_stays_unknown(yahoo: YahooServer) -> None:
    yahoo.list_(edited(walk(), lambda result: result["indicators"]["quote"][0]["volume"].__setitem__(3, None)))
    assert delivered(yahoo).bars["volume"].to_list()[3] is None


def test_without_a_volume_column_volume_is_unknown(yahoo: YahooServer) -> None:
    yahoo.list_(edited(walk(), lambda result: result["indicators"]["quote"][0].pop("volume") and None))
    assert delivered(yahoo).bars["volume"].null_count() == len(SESSIONS)


def test_scenario_07_the_later_row_of_a_repeated_last_date_is_kept_and_counted(yahoo: YahooServer) -> None:
    def repeat_last(result: dict[str, Any]) -> None:
        result["timestamp"].append(stamp(SESSIONS[-1], "16:00") + 1)
        for name, column in result["indicators"]["quote"][0].items():
            column.append(7_654_321 if name == "volume" else column[-1])
        adjusted = result["indicators"]["adjclose"][0]["adjclose"]
        adjusted.append(adjusted[-1])

    yahoo.list_(edited(walk(), repeat_last))
    answer = delivered(yahoo)
    assert answer.n_superseded == 1
    assert answer.bars["session"].to_list() == SESSIONS
    assert answer.bars["volume"].to_list()[-1] == 7_654_321


def test_scenario_08_equal_rows_of_different_days_are_all_kept(yahoo: YahooServer) -> None:
    yahoo.list_(Listing("VWEAX", [(day, 5.4, 5.4, 5.4, 5.4, 0) for day in SESSIONS], kind="MUTUALFUND"))
    answer = delivered(yahoo, symbol="VWEAX")
    assert (answer.bars.height, answer.n_superseded) == (len(SESSIONS), 0)


@pytest.mark.parametrize(
    ("hour", "provisional"), [(15, True), (21, True), (23, True), (25, False)], ids=["11 ET", "17", "19", "21"]
)
def test_scenario_09_todays_bar_is_provisional_until_settled(yahoo: YahooServer, hour: int, provisional: bool) -> None:
    day = date(2024, 10, 10)
    yahoo.list_(walk())
    answer = delivered(yahoo, datetime(2024, 10, 10, tzinfo=UTC) + timedelta(hours=hour))
    assert answer.bars["session"].to_list()[-1] == day
    assert answer.bars["provisional"].to_list()[-1] is provisional
    assert not answer.bars["provisional"][:-1].any()


def test_scenario_09_outside_new_york_the_close_that_yahoo_states_decides(yahoo: YahooServer) -> None:
    listing = Listing(
        "7203.T", [(SESSIONS[0], 1.0, 1.0, 1.0, 1.0, 1)], currency="JPY", zone="Asia/Tokyo", opens="09:00",
        closes="15:30",
    )  # fmt: skip
    yahoo.list_(listing)
    noon, night = (datetime(2024, 9, 3, hour, tzinfo=UTC) for hour in (3, 14))
    assert delivered(yahoo, noon, "7203.T").bars["provisional"].to_list() == [True]
    late = delivered(yahoo, night, "7203.T")
    assert late.bars["provisional"].to_list() == [False]
    assert late.bars["session"].to_list() == [SESSIONS[0]]
    assert "JPY, not USD" in late.warnings[0]


@pytest.mark.parametrize("clock", ["08:15", "18:30"])
def test_scenario_10_a_quote_outside_regular_hours_is_not_a_bar(yahoo: YahooServer, clock: str) -> None:
    def add_odd_row(result: dict[str, Any]) -> None:
        result["timestamp"].append(stamp(SESSIONS[-1], clock))
        for column in result["indicators"]["quote"][0].values():
            column.append(1.0)
        result["indicators"]["adjclose"][0]["adjclose"].append(1.0)

    yahoo.list_(edited(walk(), add_odd_row))
    answer = delivered(yahoo, datetime.fromtimestamp(stamp(SESSIONS[-1], "19:00"), UTC))
    assert answer.n_superseded == 0
    assert answer.bars["close"].to_list()[-1] == walk().bars[-1][4]


def test_scenario_10_the_evening_price_of_a_mutual_fund_is_its_bar(yahoo: YahooServer) -> None:
    fund = Listing("VWEAX", [(day, 5.4, 5.4, 5.4, 5.4, 0) for day in SESSIONS], kind="MUTUALFUND")
    yahoo.list_(edited(fund, lambda result: result["timestamp"].__setitem__(-1, stamp(SESSIONS[-1], "18:45"))))
    answer = delivered(yahoo, datetime.fromtimestamp(stamp(SESSIONS[-1], "19:00"), UTC), "VWEAX")
    assert answer.bars["session"].to_list() == SESSIONS
    assert answer.bars["provisional"].to_list()[-1] is True


def test_scenario_13_a_raw_series_under_the_adjusted_name_is_an_error(yahoo: YahooServer) -> None:
    def give_raw(result: dict[str, Any]) -> None:
        result["indicators"]["adjclose"][0]["adjclose"] = list(result["indicators"]["quote"][0]["close"])

    yahoo.list_(edited(walk(), give_raw))
    error = failed(yahoo)
    assert isinstance(error, AdjustmentMismatch)
    assert str(error).startswith("AAPL: Yahoo's adjusted close ignores all 2 dividends")


def test_scenario_13_one_dividend_that_is_not_followed_is_a_warning_that_names_it(yahoo: YahooServer) -> None:
    def forget_the_first(result: dict[str, Any]) -> None:
        closes = result["indicators"]["quote"][0]["close"]
        adjusted = result["indicators"]["adjclose"][0]["adjclose"]
        factor = adjusted[DIVIDEND_AT] / closes[DIVIDEND_AT]
        adjusted[:DIVIDEND_AT] = [close * factor for close in closes[:DIVIDEND_AT]]

    yahoo.list_(edited(walk(), forget_the_first))
    (warning,) = delivered(yahoo).warnings
    assert "contradicts its own prices and actions" in warning
    assert str(SESSIONS[DIVIDEND_AT]) in warning


def test_scenario_13_the_newest_ex_date_may_still_be_missing(yahoo: YahooServer) -> None:
    listing = Listing("AAPL", walk().bars[:20], dividends={SESSIONS[19]: 3.0})

    def give_raw(result: dict[str, Any]) -> None:
        result["indicators"]["adjclose"][0]["adjclose"] = list(result["indicators"]["quote"][0]["close"])

    yahoo.list_(edited(listing, give_raw))
    assert delivered(yahoo).warnings == ()


@pytest.mark.parametrize("bad", [-5.29, float("inf")])
def test_scenario_17_an_impossible_adjusted_close_is_flagged(yahoo: YahooServer, bad: float) -> None:
    yahoo.list_(edited(walk(), lambda result: result["indicators"]["adjclose"][0]["adjclose"].__setitem__(3, bad)))
    answer = delivered(yahoo)
    assert answer.warnings == (f"Yahoo's adjusted close is not a positive number on {SESSIONS[3]}; not used",)
    assert answer.bars.height == len(SESSIONS)


def test_scenario_17_a_dividend_100_times_too_large_is_flagged_and_kept(yahoo: YahooServer) -> None:
    listing = walk()
    listing.dividends = {SESSIONS[5]: 0.9, SESSIONS[20]: 0.9, SESSIONS[40]: 90.0, SESSIONS[50]: 0.9}
    yahoo.list_(listing)
    answer = delivered(yahoo)
    assert any(f"dividend of 90 on {SESSIONS[40]}" in text and "100 times" in text for text in answer.warnings)
    assert 90.0 in answer.actions["value"].to_list()


def test_scenario_17_a_large_dividend_that_the_price_followed_is_not_flagged(yahoo: YahooServer) -> None:
    listing = walk()
    listing.bars = [
        (day, *(round(p * 0.7, 2) if at >= 40 else p for p in prices), volume)
        for at, (day, *prices, volume) in enumerate(listing.bars)
    ]  # type: ignore[misc]
    listing.dividends = {SESSIONS[5]: 0.9, SESSIONS[20]: 0.9, SESSIONS[40]: 36.0, SESSIONS[50]: 0.9}
    yahoo.list_(listing)
    assert delivered(yahoo).warnings == ()


def test_scenario_17_the_same_dividend_twice_within_a_week_is_flagged_and_kept(yahoo: YahooServer) -> None:
    listing = walk()
    listing.dividends = {SESSIONS[40]: 0.9, SESSIONS[43]: 0.9}
    yahoo.list_(listing)
    answer = delivered(yahoo)
    assert any("perhaps the same one twice" in text for text in answer.warnings)
    assert answer.actions.filter(pl.col("kind") == "dividend").height == 2


def test_scenario_17_a_capital_gain_is_counted_once(yahoo: YahooServer) -> None:
    day = SESSIONS[SECOND_DIVIDEND_AT]
    apart, doubled = walk("APART"), walk("TWICE")
    apart.kind = doubled.kind = "MUTUALFUND"
    apart.gains = {day: 2.0}
    apart.dividends = {day: 0.9}
    doubled.gains = {day: 2.0}
    doubled.dividends = {day: 2.9}

    def follow_both(result: dict[str, Any]) -> None:
        closes = result["indicators"]["quote"][0]["close"]
        at = SECOND_DIVIDEND_AT
        factor = 1 - 2.9 / closes[at - 1]
        result["indicators"]["adjclose"][0]["adjclose"] = [c * factor if i < at else c for i, c in enumerate(closes)]

    yahoo.list_(edited(apart, follow_both), edited(doubled, follow_both))
    for symbol, n_warnings in (("APART", 0), ("TWICE", 1)):
        answer = delivered(yahoo, symbol=symbol)
        assert answer.actions.filter(pl.col("kind") == "dividend").rows() == [(symbol, day, "dividend", 2.9)]
        assert len(answer.warnings) == n_warnings


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda result: result["meta"].update(dataGranularity="1mo"), "granularity is '1mo', must be '1d'"),
        (lambda result: result["meta"].update(symbol="MSFT"), "answered for 'MSFT'"),
        (lambda result: result["meta"].update(exchangeTimezoneName="Mars/Base"), "'Mars/Base'"),
        (lambda result: result["indicators"]["quote"][0]["close"].pop(), "close has 57 rows, must be 58"),
        (lambda result: result["indicators"]["quote"][0].pop("open"), "another shape"),
        (lambda result: result["indicators"]["quote"][0]["open"].__setitem__(0, "n/a"), "another shape"),
        (lambda result: result["timestamp"].__setitem__(0, None), "another shape"),
    ],
)
def test_a_chart_of_another_shape_is_a_bad_payload(yahoo: YahooServer, edit: Any, words: str) -> None:
    def change(result: dict[str, Any]) -> None:
        edit(result)

    yahoo.list_(edited(walk(), change))
    error = failed(yahoo)
    assert isinstance(error, BadPayload)
    assert words in str(error)


@pytest.fixture
def local_zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Run in another time zone of the machine."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    "local_zone",
    ["UTC", "America/Los_Angeles", "Asia/Tokyo", "Pacific/Kiritimati", "Asia/Kathmandu"],
    indirect=True,
)
def test_scenario_20_the_machines_time_zone_changes_nothing(yahoo: YahooServer, local_zone: str) -> None:
    yahoo.list_(walk())
    assert delivered(yahoo).bars.select(raw(walk()).columns).equals(raw(walk()))


def test_scenario_19_odd_midnights_give_the_right_session(yahoo: YahooServer) -> None:
    for symbol, zone, day in (
        ("X.TA", "Asia/Tel_Aviv", date(2002, 10, 7)),
        ("X.SA", "America/Sao_Paulo", date(2004, 11, 2)),
        ("X.NZ", "Pacific/Auckland", date(2024, 9, 30)),
    ):
        yahoo.list_(Listing(symbol, [(day, 1.0, 1.0, 1.0, 1.0, 1)], zone=zone, opens="00:00", closes="17:00"))
        assert delivered(yahoo, symbol=symbol).bars["session"].to_list() == [day]


@settings(deadline=None, max_examples=200)
@given(
    cents=st.lists(st.integers(100, 99_999), min_size=1, max_size=8),
    ratio=st.sampled_from([2.0, 3.0, 1.5, 4.0, 7.0, 10.0, 20.0, 0.1, 0.125, 0.04]),
)
def test_undoing_a_split_gives_back_every_price_in_cents(cents: list[int], ratio: float) -> None:
    truth = np.array(cents) / 100
    wire = (truth / ratio).astype(np.float32).astype(np.float64)
    assert shortest_decimals(wire * ratio).tolist() == truth.tolist()


@given(st.floats(1e-4, 1e7))
def test_a_price_never_moves_by_more_than_single_precision(price: float) -> None:
    assert abs(float(shortest_decimals(np.array([price]))[0]) - price) <= 2.0**-23 * price


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("file", "symbol", "n_bars", "actions"),
    [
        (
            "chart-AAPL-2020-08-31-to-2020-11-07.json", "AAPL", 49,
            [(date(2020, 8, 31), "split", 4.0), (date(2020, 11, 6), "dividend", 0.205)],
        ),
        ("chart-QQQ-2020-01-01-to-2020-01-03.json", "QQQ", 1, []),
    ],
)  # fmt: skip
def test_real_charts_are_read(
    yahoo: YahooServer, shared_data: Path, file: str, symbol: str, n_bars: int, actions: list[Any]
) -> None:
    sample = json.loads((shared_data / "wire_samples" / file).read_text())["response"]["bodyJson"]
    yahoo.faults = lambda request: Fault(200, json.dumps(sample))
    answer = delivered(yahoo, datetime(2025, 2, 20, 12, tzinfo=UTC), symbol)
    assert answer.bars.height == n_bars
    assert answer.actions.drop("symbol").rows() == actions
    assert answer.warnings == ()


@pytest.mark.realdata
def test_a_real_bar_equals_another_vendors(yahoo: YahooServer, shared_data: Path) -> None:
    sample = json.loads((shared_data / "wire_samples" / "chart-QQQ-2020-01-01-to-2020-01-03.json").read_text())
    yahoo.faults = lambda request: Fault(200, json.dumps(sample["response"]["bodyJson"]))
    ours = delivered(yahoo, datetime(2025, 2, 20, 12, tzinfo=UTC), "QQQ").bars.row(0, named=True)
    table = pl.scan_parquet(shared_data / "etf_daily.parquet").filter(symbol="QQQ")
    theirs = table.filter(pl.col("date").cast(pl.Date) == date(2020, 1, 2)).collect().row(0, named=True)
    assert ours["session"] == date(2020, 1, 2)
    assert [ours[name] for name in ("open", "high", "low", "close", "volume")] == pytest.approx(
        [theirs[name] for name in ("open", "high", "low", "close", "volume")], rel=1e-4
    )


@pytest.mark.realdata
def test_a_real_chart_before_a_split_comes_out_as_traded(shared_data: Path) -> None:
    """AAPL's 4:1 split of 2020-08-31 taken back from a chart as Yahoo would have sent it on that day."""
    file = shared_data / "wire_samples" / "chart-AAPL-2020-08-31-to-2020-11-07.json"
    payload = json.loads(file.read_text())["response"]["bodyJson"]
    result = payload["chart"]["result"][0]
    result["timestamp"][0] = stamp(date(2020, 8, 28))
    frame = as_traded_bars(parsed_chart("AAPL", payload), "AAPL", None, None)
    assert frame["close"].to_list()[:2] == [516.16, 134.18]
    assert frame["volume"].to_list()[0] == pytest.approx(result["indicators"]["quote"][0]["volume"][0] / 4)


@pytest.mark.realdata
def test_a_real_minute_chart_is_refused(yahoo: YahooServer, shared_data: Path) -> None:
    file = shared_data / "wire_samples" / "chart-AAPL-2025-02-01-to-2025-02-02-includePrePost-false-interval-1m.json"
    body = json.dumps(json.loads(file.read_text())["response"]["bodyJson"])
    yahoo.faults = lambda request: Fault(200, body)
    assert "granularity is '1m'" in str(failed(yahoo))
