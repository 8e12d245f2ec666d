"""Corporate actions on read: golden values from published examples, laws over the whole input space, bad actions."""

import json
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from openapex.adjust import ACTION_SCHEMA, adjusted
from openapex.bars import BAR_SCHEMA
from openapex.errors import UnknownName, UnreadableData

START = date(2003, 2, 13)


def bars(closes, sessions=None, symbol="MSFT", volume=100.0, adj_close=None):
    sessions = sessions or [START + timedelta(days=i) for i in range(len(closes))]
    columns = {"symbol": symbol, "session": sessions, "adj_close": adj_close, "volume": volume, "provisional": False}
    columns |= dict.fromkeys(("open", "high", "low", "close"), closes)
    return pl.DataFrame(columns, schema_overrides=BAR_SCHEMA).select(list(BAR_SCHEMA))


def actions(*rows, symbol="MSFT"):
    return pl.DataFrame([(symbol, *row) for row in rows], schema=ACTION_SCHEMA, orient="row")


def column(frame, name):
    return frame[name].to_list()


YAHOO_DAYS = [date(2003, 2, 13), date(2003, 2, 14), date(2003, 2, 18), date(2003, 2, 19)]
YAHOO_CLOSES = [46.99, 48.30, 24.96, 24.53]
YAHOO_ACTIONS = ((date(2003, 2, 18), "split", 2.0), (date(2003, 2, 19), "dividend", 0.08))


def test_adjusted_close_equals_the_worked_example_that_yahoo_publishes():
    # Yahoo Help, "What is the adjusted close?": MSFT, 2-for-1 on 2003-02-18 and 8 cents ex 2003-02-19.
    result, warnings = adjusted(bars(YAHOO_CLOSES, YAHOO_DAYS), actions(*YAHOO_ACTIONS), "as_traded")
    assert [round(price, 2) for price in column(result, "adj_close")] == [23.42, 24.07, 24.88, 24.53]
    assert warnings == ()


def test_levels_are_split_adjusted_only_and_volume_goes_the_other_way():
    result, _ = adjusted(bars(YAHOO_CLOSES, YAHOO_DAYS), actions(*YAHOO_ACTIONS), "as_traded")
    for name in ("open", "high", "low", "close"):
        assert column(result, name) == [23.495, 24.15, 24.96, 24.53]
    assert column(result, "volume") == [200.0, 200.0, 100.0, 100.0]


@pytest.mark.realdata
def test_adjusted_close_equals_what_yahoo_answered_for_apple_up_to_later_dividends(shared_data: Path):
    # AAPL, 2020-08-31 (the day of its 4-for-1) to 2020-11-06 (ex 20.5 cents), as answered in 2025.
    sample = shared_data / "wire_samples" / "chart-AAPL-2020-08-31-to-2020-11-07.json"
    (answer,) = json.loads(sample.read_text("utf-8"))["response"]["bodyJson"]["chart"]["result"]
    (paid,) = answer["events"]["dividends"].values()
    (split,) = answer["events"]["splits"].values()
    events = actions(
        (_day(paid["date"]), "dividend", paid["amount"]),
        (_day(split["date"]), "split", split["numerator"] / split["denominator"]),
        symbol="AAPL",
    )
    closes = answer["indicators"]["quote"][0]["close"]
    expected = np.array(answer["indicators"]["adjclose"][0]["adjclose"])
    held = bars(closes, [_day(stamp) for stamp in answer["timestamp"]], "AAPL")
    result = adjusted(held, events, "as_traded").bars["adj_close"].to_numpy()
    later = expected[-1] / closes[-1]  # dividends after the span, which nobody could know in it
    assert len(expected) == 49
    np.testing.assert_allclose(result * later, expected, rtol=2e-6)


def _day(stamp):
    return datetime.fromtimestamp(stamp, UTC).date()


def test_split_adjusted_prices_pass_unchanged_and_unknown_stays_unknown():
    given_bars = bars([10.0, 11.0], adj_close=[None, 11.0])
    result, warnings = adjusted(given_bars, actions((START + timedelta(days=1), "split", 2.0)), "split_adjusted")
    assert_frame_equal(result, given_bars)
    assert warnings == ()


def test_an_action_after_the_last_bar_does_not_matter():
    held = bars([10.0, 11.0])
    later = START + timedelta(days=2)
    result, warnings = adjusted(held, actions((later, "split", 2.0), (later, "dividend", 99.0)), "as_traded")
    assert column(result, "close") == column(result, "adj_close") == [10.0, 11.0]
    assert warnings == ()


def test_an_action_on_or_before_the_first_bar_does_not_matter():
    result, warnings = adjusted(
        bars([10.0, 11.0]), actions((START, "split", 2.0), (START - timedelta(days=9), "dividend", 99.0)), "as_traded"
    )
    assert column(result, "adj_close") == [10.0, 11.0]
    assert warnings == ()


def test_an_ex_date_without_a_bar_acts_before_the_next_bar():
    days = [date(2024, 1, 5), date(2024, 1, 8)]
    result, _ = adjusted(bars([100.0, 50.0], days), actions((date(2024, 1, 6), "split", 2.0)), "as_traded")
    assert column(result, "close") == [50.0, 50.0]


def test_split_and_dividend_on_one_day_give_the_holder_what_was_paid_per_new_share():
    # One old share at 100 becomes two at 49.5 and two dividends of 0.5: nothing was won or lost.
    day = START + timedelta(days=1)
    result, _ = adjusted(bars([100.0, 49.5]), actions((day, "dividend", 0.5), (day, "split", 2.0)), "as_traded")
    assert column(result, "adj_close") == pytest.approx([49.5, 49.5], rel=1e-15)


def test_two_payments_between_two_bars_are_added():
    # 100 before, 97 after 1 + 2 were paid while the market was shut: a return of nil.
    days = [date(2024, 1, 5), date(2024, 1, 10)]
    paid = actions((date(2024, 1, 8), "dividend", 1.0), (date(2024, 1, 9), "dividend", 2.0))
    result, _ = adjusted(bars([100.0, 97.0], days), paid, "as_traded")
    assert column(result, "adj_close") == pytest.approx([97.0, 97.0], rel=1e-15)


def test_an_unknown_close_before_the_ex_date_falls_back_on_the_last_known_one():
    # 100, unknown on the day of a 2-for-1, then 49.5 ex 0.5: measured against 50.
    paid = actions((START + timedelta(days=1), "split", 2.0), (START + timedelta(days=2), "dividend", 0.5))
    result, _ = adjusted(bars([100.0, None, 49.5]), paid, "as_traded")
    assert column(result, "adj_close") == [49.5, None, 49.5]
    assert column(result, "close") == [50.0, None, 49.5]


@pytest.mark.parametrize(
    ("kind", "value", "rule"),
    [
        ("split", 0.0, "above 0"), ("split", -2.0, "above 0"), ("split", float("nan"), "above 0"),
        ("split", float("inf"), "above 0"), ("split", None, "above 0"), ("dividend", -0.1, "at least 0"),
        ("dividend", float("inf"), "at least 0"), ("dividend", 10.0, "below the close before it (10)"),
        ("dividend", 1000.0, "below the close before it (10)"), ("spin_off", 1.0, "split, dividend"),
    ],
)  # fmt: skip
def test_an_action_that_cannot_be_true_is_left_out_and_named(kind, value, rule):
    result, warnings = adjusted(bars([10.0, 11.0]), actions((START + timedelta(days=1), kind, value)), "as_traded")
    assert column(result, "close") == column(result, "adj_close") == [10.0, 11.0]
    (warning,) = warnings
    assert warning.startswith("MSFT 2003-02-14")
    assert rule in warning


def test_a_dividend_without_any_price_before_it_is_left_out_and_named():
    paid = actions((START + timedelta(days=1), "dividend", 1.0))
    result, warnings = adjusted(bars([None, 11.0]), paid, "as_traded")
    assert column(result, "adj_close") == [None, 11.0]
    assert len(warnings) == 1


def test_actions_without_symbol_or_session_are_left_out_and_counted():
    _, warnings = adjusted(bars([1.0, 2.0]), actions((None, "split", 2.0)), "as_traded")
    assert warnings == ("1 actions without symbol or session were left out",)


def test_symbols_do_not_mix():
    both = pl.concat([bars([10.0, 5.0], symbol="B"), bars([10.0, 5.0], symbol="A")])
    split = actions((START + timedelta(days=1), "split", 2.0), symbol="B")
    result, _ = adjusted(both, split, "as_traded")
    assert list(zip(column(result, "symbol"), column(result, "close"), strict=True)) == [
        ("A", 10.0), ("A", 5.0), ("B", 5.0), ("B", 5.0),
    ]  # fmt: skip


def test_bad_basis_and_bad_frames_are_named():
    with pytest.raises(UnknownName, match="basis is 'raw', must be one of: as_traded, split_adjusted"):
        adjusted(bars([1.0]), actions(), "raw")  # type: ignore[arg-type]
    with pytest.raises(UnreadableData, match="must also have"):
        adjusted(bars([1.0]).drop("close"), actions(), "as_traded")
    with pytest.raises(UnreadableData, match="must also have"):
        adjusted(bars([1.0]), actions().drop("kind"), "as_traded")
    with pytest.raises(UnreadableData, match="session is null"):
        adjusted(bars([1.0], [None]), actions(), "as_traded")


def test_no_bars_and_no_actions_are_fine():
    empty = pl.DataFrame(schema=BAR_SCHEMA)
    assert adjusted(empty, actions((START, "split", 2.0)), "as_traded").bars.schema == BAR_SCHEMA
    assert column(adjusted(bars([3.0]), actions(), "as_traded").bars, "adj_close") == [3.0]


PRICE = st.floats(1.0, 1000.0)
EVENT = st.tuples(st.integers(-2, 14), st.sampled_from(["split", "dividend"]), st.floats(0.01, 0.9))
HISTORY = st.lists(PRICE | st.none(), min_size=1, max_size=12)


def _actions_of(events):
    return actions(*((START + timedelta(days=day), kind, value) for day, kind, value in events))


@given(HISTORY, st.lists(EVENT, max_size=6), st.integers(0, 12))
def test_returns_of_the_past_never_change_when_later_bars_arrive(closes, events, cut):
    whole, _ = adjusted(bars(closes), _actions_of(events), "as_traded")
    part, _ = adjusted(bars(closes)[:cut], _actions_of(events), "as_traded")
    for name in ("close", "adj_close"):
        full, early = whole[name][: part.height].to_numpy(), part[name].to_numpy()
        known = np.isfinite(full)
        assert (known == np.isfinite(early)).all()
        ratio = full[known] / early[known]  # one constant: the actions that came after the cut
        np.testing.assert_allclose(ratio, ratio[:1].repeat(len(ratio)), rtol=1e-9)


@given(HISTORY, st.lists(EVENT, max_size=6))
def test_a_buyer_who_reinvests_earns_the_adjusted_return(closes, events):
    # An independent slow twin: hold one share, count shares through splits, buy more with each dividend at the price
    # that is left after it was paid (P - D), and compare wealth.
    prices = [price if price is not None else 50.0 for price in closes]
    result, _ = adjusted(bars(prices), _actions_of(events), "as_traded")
    shares = 1.0
    adj = column(result, "adj_close")
    for i in range(1, len(prices)):
        today = [event for event in events if event[0] == i]
        ratio = float(np.prod([value for _, kind, value in today if kind == "split"]))
        cash = sum(value for _, kind, value in today if kind == "dividend") * ratio
        before = prices[i - 1]
        shares *= ratio * (before / (before - cash) if cash < before else 1.0)
        assert adj[i] / adj[0] == pytest.approx(shares * prices[i] / prices[0], rel=1e-9)


@given(HISTORY, st.lists(EVENT, max_size=6), st.randoms(use_true_random=False))
def test_order_of_rows_and_actions_cannot_matter(closes, events, chance):
    shuffled = chance.sample(events, len(events))
    one = adjusted(bars(closes), _actions_of(events), "as_traded")
    two = adjusted(bars(closes).reverse(), _actions_of(shuffled), "as_traded")
    assert_frame_equal(one.bars, two.bars, rel_tol=1e-12)


def test_input_is_untouched():
    held, split = bars([10.0, 5.0]), actions((START + timedelta(days=1), "split", 2.0))
    before = held.clone()
    adjusted(held, split, "as_traded")
    assert_frame_equal(held, before)


def test_thirty_years_with_a_hundred_actions_take_milliseconds():
    days = [START + timedelta(days=i) for i in range(8000)]
    paid = actions(*((day, "dividend", 0.1) for day in days[50::80]))
    held = bars([50.0] * 8000, days)
    took = []
    for _ in range(7):
        start = time.perf_counter()
        adjusted(held, paid, "as_traded")
        took.append(time.perf_counter() - start)
    assert min(took) < 0.02  # 2 ms where it was written; the bar leaves room for a busy machine
