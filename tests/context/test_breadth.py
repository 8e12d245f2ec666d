"""Breadth by hand: the pair's states, changes of leadership, published series, and sets of stocks."""

import math
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.context.pairs import NAN, bars_of, walk, weekdays

from openapex.bars import Bars
from openapex.context.breadth import Breadth, Counts, breadth, leadership_changes
from openapex.context.macro import Macro
from openapex.context.universe import Universe, universe_breadth
from openapex.errors import BadInput

LONG = weekdays(700)
SMALL, LARGE = walk("IWM", LONG, 31), walk("QQQ", LONG, 32)
NOTHING = Macro.nothing()
DAY = LONG[-1].item()


def on(small: Bars | None, large: Bars | None, sessions=LONG, **more) -> Breadth:
    return breadth(small, large, more.pop("macro", NOTHING), sessions, **more)


# --- the pair ---------------------------------------------------------------------------------------------------------


def test_the_pair_is_measured_in_its_own_trailing_sigmas():
    small, large = pd.Series(SMALL.adj_close), pd.Series(LARGE.adj_close)
    lead = 100 * (small / small.shift(20) - large / large.shift(20))
    sigma = lead.rolling(756, min_periods=252).std().iloc[-1]
    found = on(SMALL, LARGE)
    assert (found.small, found.large, found.session) == ("IWM", "QQQ", DAY)
    assert found.relative_20_pct == pytest.approx(lead.iloc[-1], rel=1e-12)
    assert found.threshold_pct == pytest.approx(sigma, rel=1e-11)
    assert found.relative_20_sigmas == pytest.approx(lead.iloc[-1] / sigma, rel=1e-11)
    assert found.is_dramatic == bool((lead.abs() < abs(lead.iloc[-1])).sum() + 0.5 >= 0.95 * lead.notna().sum())


def small_moves(*moves: float) -> tuple[Bars, Bars]:
    """Return a pair whose large one stands still while the small one trembles, then moves by `moves` (percent)."""
    trembling = 1.0 + 0.01 * np.random.default_rng(7).normal(size=400)
    steps = trembling[-1] * np.cumprod(1.0 + np.array(moves) / 100.0)
    days = weekdays(400 + len(moves))
    return bars_of("S", days, np.r_[trembling, steps]), bars_of("L", days, np.ones(len(days)))


@pytest.mark.parametrize(("move", "state"), [(10.0, "BROAD"), (-10.0, "NARROW")])
def test_a_lead_confirms_a_state_that_outlives_it_for_20_sessions(move, state):
    pair = small_moves(move, *[0.0] * 60)
    jump = pair[0].sessions[400].item()
    after = [on(*pair, sessions=pair[0].sessions[: 401 + n]) for n in range(61)]
    assert (after[0].state, after[0].is_dramatic) == (state, True)
    assert np.sign(after[0].relative_20_sigmas) == np.sign(move)
    assert all(found.state == state and found.last_confirmed <= found.session for found in after[:39])
    assert after[0].last_confirmed == after[0].session
    assert after[19].last_confirmed == after[19].session  # the 20th session still holds the jump
    last_confirmed = after[20].last_confirmed
    assert last_confirmed < after[20].session
    n_held = sum(found.state == state for found in after)
    assert after[n_held].state == "MIXED"
    assert after[n_held].last_confirmed is None
    assert after[n_held].state_since == after[n_held].session
    assert after[n_held].state_since == np.busday_offset(last_confirmed, 20).item()
    assert after[0].state_since <= jump


def test_swapping_the_pair_mirrors_it():
    one, two = on(SMALL, LARGE), on(LARGE, SMALL)
    assert one.relative_20_pct == -two.relative_20_pct
    np.testing.assert_array_equal(one.states.codes >= 0, two.states.codes >= 0)
    np.testing.assert_array_equal(one.states.is_("BROAD"), two.states.is_("NARROW"))
    assert one.is_dramatic == two.is_dramatic


def test_states_stand_on_the_sessions_asked_for_and_grow_too_old():
    sessions = np.arange(LONG[-20], LONG[-1] + np.timedelta64(12, "D"))
    found = on(SMALL, LARGE, sessions)
    assert found.states.sessions.tolist() == sessions.tolist()
    age = (sessions - LONG[-1]).astype(int)
    assert (found.states.codes[age <= 7] >= 0).all()
    assert (found.states.codes[age > 7] == -1).all()
    assert (found.state, found.session, found.leadership_change) == (None, None, None)
    assert math.isnan(found.relative_20_pct)
    fresh = on(SMALL, LARGE, sessions[age <= 7])
    assert fresh.session == DAY
    assert fresh.state == fresh.states.last is not None


def test_what_the_pair_did_after_the_last_session_does_not_count():
    cut = on(SMALL.until(LONG[500].item()), LARGE.until(LONG[500].item()), LONG[:501])
    assert repr(on(SMALL, LARGE, LONG[:501])) == repr(cut)


@pytest.mark.parametrize(("small", "large"), [(None, LARGE), (SMALL, None), (None, None)])
def test_without_the_pair_its_numbers_are_unknown(small, large):
    found = on(small, large)
    assert (found.state, found.session, found.is_dramatic, found.leadership_change) == (None, None, None, None)
    assert math.isnan(found.relative_20_pct)
    assert math.isnan(found.threshold_pct)
    assert (found.states.codes == -1).all()
    assert not found.leadership.any()
    assert len(found.leadership) == len(LONG)


def test_without_sessions_nothing_is_known():
    found = on(SMALL, LARGE, LONG[:0])
    assert (found.small, found.session, found.state, len(found.states.codes)) == ("IWM", None, None, 0)


def test_several_symbols_are_refused():
    both = Bars.from_frame(pl.concat([SMALL.frame(), LARGE.frame()]))
    with pytest.raises(BadInput, match="bars hold 2 symbols, must be one"):
        on(both, LARGE)


def test_warm_up_is_unknown():
    early = on(SMALL, LARGE, LONG[:271])
    assert early.state is None
    assert early.is_dramatic is None
    assert math.isnan(early.relative_20_sigmas)
    assert not math.isnan(early.relative_20_pct)
    assert on(SMALL, LARGE, LONG[:272]).state is not None  # 20 sessions for a return, 252 of those


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 99), st.integers(1, 700))
def test_the_past_never_changes_whatever_the_future_holds(seed, cut):
    small, large = walk("IWM", LONG, seed), walk("QQQ", LONG, seed + 1)
    poison = np.r_[small.adj_close[:cut], np.resize([1e9, NAN, 1e-9], 700 - cut)]
    day = LONG[cut - 1].item()
    early = on(small.until(day), large.until(day), LONG[:cut])
    for later in (small, bars_of("IWM", LONG, poison)):
        full = on(later, large)
        np.testing.assert_array_equal(full.states.codes[:cut], early.states.codes)
        np.testing.assert_array_equal(full.leadership[:cut], early.leadership)
        assert repr(on(later, large, LONG[:cut])) == repr(early)


@settings(deadline=None, max_examples=10)
@given(st.sampled_from([0.125, 2.0, 1024.0]))
def test_the_unit_of_a_price_changes_nothing(c):
    assert repr(on(bars_of("IWM", LONG, c * SMALL.adj_close), LARGE)) == repr(on(SMALL, LARGE))


# --- changes of leadership --------------------------------------------------------------------------------------------

N, M, B, U = 0, 1, 2, -1


@pytest.mark.parametrize(
    ("codes", "changes"),
    [
        ([N] * 20 + [B, B, B], [20]),
        ([N] * 19 + [B, B], []),
        ([N] * 25 + [M] * 40 + [B], [65]),
        ([N] * 10 + [M] + [N] * 10 + [B], []),
        ([N] * 20 + [M] + [N] * 3 + [B], [24]),
        ([N] * 20 + [B] + [N] * 3 + [B], [20]),
        ([N] * 20 + [B] + [N] * 20 + [B], [20, 41]),
        ([N] * 20 + [U] + [B], []),
        ([N] * 10 + [U] + [N] * 19 + [B], []),
        ([B, M, B], []),
        ([], []),
    ],
)
def test_leadership_changes_on_the_first_broad_session_after_a_long_narrow_run(codes, changes):
    assert np.flatnonzero(leadership_changes(np.array(codes, dtype=np.int8))).tolist() == changes


def leadership_pair() -> tuple[Bars, Bars, date]:
    small, large = small_moves(-10.0, *[0.0] * 19, 12.0, *[0.0] * 5)
    return small, large, small.sessions[420].item()


def test_the_first_broad_session_is_a_change_of_leadership():
    small, large, day = leadership_pair()
    found = on(small, large, small.sessions)
    assert found.states.is_("NARROW")[400:420].all()
    assert small.sessions[found.leadership].tolist() == [day]
    assert (found.last_leadership_change, found.leadership_change) == (day, False)
    today = on(small, large, small.sessions[:421])
    assert (today.leadership_change, today.last_leadership_change, today.state) == (True, day, "BROAD")
    before = on(small, large, small.sessions[:420])
    assert (before.leadership_change, before.last_leadership_change) == (False, None)


def test_a_change_on_a_day_that_is_no_session_stands_on_the_next():
    small, large, day = leadership_pair()
    without = small.sessions[small.sessions != np.datetime64(day)]
    found = on(small, large, without)
    assert without[found.leadership].tolist() == [small.sessions[421].item()]
    later = on(small, large, small.sessions[421:])
    assert not later.leadership.any()
    assert later.last_leadership_change == day


# --- published series -------------------------------------------------------------------------------------------------


def published(**values: float | tuple[float, date]) -> Macro:
    rows = [(name, *(value if isinstance(value, tuple) else (value, DAY))) for name, value in values.items()]
    frame = pl.DataFrame(
        {
            "series": [name for name, _, _ in rows],
            "reference_date": [day for *_, day in rows],
            "known_at": [day for *_, day in rows],
            "value": [value for _, value, _ in rows],
        }
    )
    return Macro(frame)


def test_published_shares_and_counts_are_used_without_stocks():
    macro = published(S5TH=61.0, MMTH=44.0, ADV=1200.0, DECL=800.0, MAHN=50.0, MALN=7.0)
    found = on(None, None, macro=macro)
    assert (found.share_above_200_pct, found.universe, found.n_stocks) == (61.0, "S&P 500 stocks", None)
    assert math.isnan(found.share_above_50_pct)
    assert (found.advancers, found.decliners, found.advance_decline_pct) == (1200, 800, 20.0)
    assert (found.new_highs, found.new_lows) == (50, 7)


def test_the_first_fresh_share_counts():
    old = DAY - timedelta(days=8)
    assert on(None, None, macro=published(S5TH=(61.0, old), MMTH=44.0)).universe == "US stocks"
    assert on(None, None, macro=published(S5TH=(61.0, old), MMTH=44.0)).share_above_200_pct == 44.0
    assert on(None, None, macro=published(S5TH=(61.0, DAY - timedelta(days=7)), MMTH=44.0)).share_above_200_pct == 61.0
    assert on(None, None, macro=published(S5TH=(61.0, old))).universe is None


def test_advancers_and_decliners_of_two_days_are_not_mixed():
    found = on(None, None, macro=published(ADV=1200.0, DECL=(800.0, DAY - timedelta(days=1))))
    assert (found.advancers, found.decliners, found.universe) == (None, None, None)
    assert math.isnan(found.advance_decline_pct)


def test_new_highs_and_lows_of_two_days_are_not_mixed():
    found = on(None, None, macro=published(MAHN=50.0, MALN=(7.0, DAY - timedelta(days=3))))
    assert (found.new_highs, found.new_lows) == (None, None)


@pytest.mark.parametrize(
    ("up", "down", "highs", "lows"),
    [("ADV", "DECL", "advancers", "decliners"), ("MAHN", "MALN", "new_highs", "new_lows")],
)
@pytest.mark.parametrize(("age", "is_known"), [(1, True), (7, True), (8, False)])
def test_two_counts_are_of_the_newest_day_that_both_have(up, down, highs, lows, age, is_known):
    before = DAY - timedelta(days=age)
    both = published(**{up: (3.0, before), down: (1.0, before)})
    macro = Macro(pl.concat([published(**{down: 99.0}).frame, both.frame]))
    found = on(None, None, macro=macro)
    assert (getattr(found, highs), getattr(found, lows)) == ((3, 1) if is_known else (None, None))


def test_no_issue_that_moved_leaves_the_balance_unknown():
    found = on(None, None, macro=published(ADV=0.0, DECL=0.0))
    assert (found.advancers, found.decliners, found.universe) == (0, 0, "NYSE issues")
    assert math.isnan(found.advance_decline_pct)


def test_a_value_published_later_is_not_seen():
    assert on(None, None, LONG[:-1], macro=published(S5TH=61.0, MAHN=3.0, MALN=1.0)).universe is None
    assert on(None, None, LONG[:-1], macro=published(MAHN=3.0, MALN=1.0)).new_highs is None


def test_every_set_is_counted_on_its_own():
    stored = Universe(DAY, 55.0, 52.0, 300, 100, 450, "stored symbols")
    macro = published(S5TH=61.0, MMTH=44.0, ADV=1200.0, DECL=800.0, MAHN=50.0, MALN=7.0)
    sp, us, nyse, own = on(None, None, macro=macro, universe=stored).counts
    assert (repr(sp), repr(us)) == tuple(
        repr(Counts(name, share_above_200_pct=share)) for name, share in (("S&P 500 stocks", 61.0), ("US stocks", 44.0))
    )
    assert (nyse.universe, nyse.advancers, nyse.decliners, nyse.advance_decline_pct) == ("NYSE issues", 1200, 800, 20.0)
    assert (nyse.new_highs, nyse.new_lows, nyse.n_stocks) == (50, 7, None)
    assert own == Counts("stored symbols", 450, 55.0, 52.0, 300, 100, 50.0)
    assert on(None, None).counts == ()
    assert on(None, None).told is None


def test_stored_stocks_go_before_published_series():
    stored = Universe(DAY, 55.0, NAN, 300, 100, 450, "stored symbols")
    found = on(None, None, macro=published(S5TH=61.0, ADV=1.0, DECL=1.0, MAHN=50.0, MALN=2.0), universe=stored)
    assert (found.share_above_50_pct, found.universe, found.n_stocks) == (55.0, "stored symbols", 450)
    assert math.isnan(found.share_above_200_pct)
    assert (found.advancers, found.decliners, found.advance_decline_pct) == (300, 100, 50.0)
    assert found.new_highs == 50


# --- a set of stocks --------------------------------------------------------------------------------------------------


def stocks(**closes: list[float | None]) -> pl.DataFrame:
    """Return a frame of stocks whose last close is on `DAY`."""
    parts = [
        pl.DataFrame(
            {"symbol": name, "session": LONG[len(LONG) - len(close) :], "close": pl.Series(close, dtype=float)}
        )
        for name, close in closes.items()
    ]
    return pl.concat(parts)


RISING = [float(i) for i in range(1, 201)]


def test_a_share_counts_the_stocks_above_their_own_mean():
    frame = stocks(UP=RISING, DOWN=RISING[::-1], YOUNG=RISING[:50], BABY=RISING[:49])
    assert universe_breadth(frame, DAY, "four", least=1) == Universe(DAY, 100 * 2 / 3, 50.0, 3, 1, 4, "four")


def test_a_price_that_never_moved_is_neither_above_nor_up():
    found = universe_breadth(stocks(A=[0.1] * 200, B=[0.7] * 200, C=[33.33] * 200), DAY, least=1)
    assert found == Universe(DAY, 0.0, 0.0, 0, 0, 3, "stored symbols")


def test_the_mean_includes_today():
    assert universe_breadth(stocks(A=[10.0] * 49 + [10.1]), DAY, least=1).share_above_50_pct == 100.0
    assert universe_breadth(stocks(A=[1e9] + [10.0] * 49 + [10.1]), DAY, least=1).share_above_50_pct == 100.0
    assert universe_breadth(stocks(A=[12.0] + [10.0] * 48 + [10.03]), DAY, least=1).share_above_50_pct == 0.0


def test_the_mean_reaches_back_200_closes_and_no_further():
    long = [30.0] + [10.0] * 198 + [10.05]  # mean 10.10, without the first 10.00
    assert universe_breadth(stocks(A=long), DAY, least=1).share_above_200_pct == 0.0
    assert universe_breadth(stocks(A=[30.0, *long[1:-1], 10.0, 10.05]), DAY, least=1).share_above_200_pct == 100.0


def test_only_stocks_with_a_close_on_the_session_count():
    frame = stocks(A=RISING, GONE=[*RISING, None], NOT=[*RISING, NAN])
    found = universe_breadth(frame, DAY, least=1)
    assert (found.n_stocks, found.advancers) == (1, 1)


def test_a_missing_close_is_no_bar():
    found = universe_breadth(stocks(A=[*RISING[:49], None, 50.0], B=[5.0, None, 4.0]), DAY, least=1)
    assert (found.share_above_50_pct, found.advancers, found.decliners) == (100.0, 1, 1)


def test_the_first_bar_neither_advanced_nor_declined():
    found = universe_breadth(stocks(A=[5.0], B=[7.0]), DAY, least=1)
    assert (found.advancers, found.decliners, found.n_stocks) == (0, 0, 2)
    assert math.isnan(found.share_above_50_pct)


def test_fewer_than_100_stocks_are_no_universe():
    many = {f"S{i:03d}": [1.0, 2.0] for i in range(100)}
    found = universe_breadth(stocks(**many), DAY)
    assert (found.n_stocks, found.advancers) == (100, 100)
    assert math.isnan(found.share_above_50_pct)
    many.pop("S000")
    assert universe_breadth(stocks(**many), DAY) is None
    assert universe_breadth(stocks(A=[1.0]).clear(), DAY) is None
    assert universe_breadth(stocks(A=[1.0]).clear(), DAY, least=0) is None


def test_later_rows_other_orders_and_lazy_frames_change_nothing():
    rng = np.random.default_rng(3)
    frame = stocks(**{f"S{i}": np.exp(np.cumsum(rng.normal(0, 0.02, 150 + i))).tolist() for i in range(120)})
    day = LONG[-9].item()
    until = frame.filter(pl.col("session") <= day)
    expected = universe_breadth(until, day)
    assert expected.n_stocks == 120
    shuffled = frame.sample(fraction=1.0, shuffle=True, seed=1).with_columns(pl.col("close").cast(pl.Float64))
    for other in (frame, shuffled, frame.lazy(), shuffled.lazy()):
        assert universe_breadth(other, day) == expected
    prices = until.to_pandas().pivot(index="session", columns="symbol", values="close")  # no gaps: one row a session
    assert expected.share_above_50_pct == pytest.approx(
        100 * (prices.iloc[-1] > prices.iloc[-50:].mean())[prices.count() >= 50].mean()
    )
    old = prices.columns[prices.count() >= 200]
    expected_200 = 100 * (prices[old].iloc[-1] > prices[old].iloc[-200:].mean()).mean() if len(old) >= 100 else NAN
    assert expected.share_above_200_pct == pytest.approx(expected_200, nan_ok=True)
    assert expected.advancers == int((prices.iloc[-1] > prices.iloc[-2]).sum())


# --- real data --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(shared_data: Path) -> dict[str, Bars]:
    rows = pl.scan_parquet(shared_data / "etf_daily.parquet").filter(pl.col("symbol").is_in(["IWM", "QQQ"])).collect()
    bars = Bars.from_frame(rows.rename({"date": "session"}).with_columns(provisional=pl.lit(False)))
    return {name: bars.one(name) for name in bars.symbols}


def real_breadth(real: dict[str, Bars], day: date) -> Breadth:
    small, large = (real[name].until(day) for name in ("IWM", "QQQ"))
    return breadth(small, large, NOTHING, small.sessions)


@pytest.mark.realdata
def test_mid_2023_was_narrow_although_small_caps_led_for_four_weeks(real):
    found = real_breadth(real, date(2023, 6, 30))
    assert (found.state, found.is_dramatic, found.last_confirmed) == ("NARROW", False, date(2023, 6, 23))
    assert found.relative_20_pct == pytest.approx(1.8, abs=0.05)


@pytest.mark.realdata
def test_july_2024_was_a_dramatic_broadening(real):
    found = real_breadth(real, date(2024, 7, 17))
    assert (found.state, found.is_dramatic, found.last_confirmed) == ("BROAD", True, date(2024, 7, 17))
    assert found.relative_20_pct == pytest.approx(11.42, abs=0.05)
    assert found.last_leadership_change == date(2024, 7, 16)


@pytest.mark.realdata
def test_breadth_of_real_stocks_is_pandas_breadth(shared_data):
    day = date(2023, 6, 30)
    rows = pl.scan_parquet(shared_data / "stocks_daily.parquet").rename({"date": "session"})
    frame = rows.select("symbol", "session", "close").filter(pl.col("session") > day - timedelta(days=300)).collect()
    found = universe_breadth(frame, day)
    stored = frame.to_pandas().dropna(subset="close").sort_values(["symbol", "session"]).astype({"close": float})
    by_symbol = stored.groupby("symbol")["close"]
    stored["before"] = by_symbol.shift(1)
    for window in (50, 200):
        stored[f"mean_{window}"] = by_symbol.rolling(window).mean().reset_index(level=0, drop=True)
    today = stored[pd.to_datetime(stored["session"]) == pd.Timestamp(day)]
    for window, share in ((50, found.share_above_50_pct), (200, found.share_above_200_pct)):
        known = today.dropna(subset=f"mean_{window}")
        assert share == pytest.approx(100 * (known["close"] > known[f"mean_{window}"]).mean(), abs=1e-9)
    assert found.advancers == (today["close"] > today["before"]).sum()
    assert found.decliners == (today["close"] < today["before"]).sum()
    assert found.n_stocks == len(today)
