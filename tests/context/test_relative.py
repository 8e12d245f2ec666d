"""Relative strength against hand computation and pandas, and the laws it must obey."""

import math
from datetime import date

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.context.pairs import NAN, bars_of, walk, weekdays

from openapex.bars import Bars
from openapex.context.relative import ratios, relative_returns, relative_strength
from openapex.errors import BadInput

LONG = weekdays(900)
A, B = walk("AAA", LONG, 1), walk("BBB", LONG, 2)


def test_relative_return_is_the_difference_of_the_two_total_returns():
    days = weekdays(3)
    a, b = bars_of("A", days, [10.0, 11.0, 12.1]), bars_of("B", days, [20.0, 20.0, 25.0])
    sessions, moved = relative_returns(a, b, window=1)
    assert sessions.tolist() == days.tolist()
    np.testing.assert_allclose(moved, [NAN, 10.0, 10.0 - 25.0], atol=1e-12)
    np.testing.assert_allclose(relative_returns(a, b, window=2)[1], [NAN, NAN, 21.0 - 25.0], atol=1e-12)


def test_only_sessions_with_both_total_return_prices_count():
    days = weekdays(6)
    a = bars_of("A", days[[0, 1, 2, 4, 5]], [10.0, 11.0, NAN, 13.0, 14.0])
    b = bars_of("B", days[[1, 2, 3, 4, 5]], [20.0, 21.0, 22.0, 23.0, NAN])
    sessions, ratio = ratios(a, b)
    assert sessions.tolist() == days[[1, 4]].tolist()
    np.testing.assert_allclose(ratio, [100.0, 100.0 * (13 / 11) / (23 / 20)])
    assert relative_strength(a, b).n_sessions == 2
    assert relative_strength(a, b).session == days[4].item()


@pytest.mark.parametrize("bad", [0.0, -1.0, math.inf, NAN])
def test_a_price_that_is_none_is_no_common_session(bad):
    days = weekdays(3)
    a = bars_of("A", days, [10.0, bad, 12.0], [10.0, 11.0, 12.0])
    assert relative_returns(a, bars_of("B", days, [5.0, 5.0, 5.0]), window=1)[1].tolist()[1:] == [pytest.approx(20.0)]


def test_ratio_is_of_total_returns_and_price_ratio_of_closes():
    days = weekdays(2)
    a = bars_of("A", days, [9.0, 12.0], close=[10.0, 12.0])
    b = bars_of("B", days, [40.0, 40.0], close=[50.0, 48.0])
    stands = relative_strength(a, b)
    assert (stands.symbol, stands.benchmark) == ("A", "B")
    assert stands.ratio == pytest.approx(100 * 12 / 9, abs=1e-12)
    assert stands.price_ratio == 0.25
    assert relative_strength(a.until(days[0].item()), b).ratio == 100.0


def test_slope_is_the_growth_of_the_ratio_in_percent_a_session():
    days = weekdays(40)
    a, b = bars_of("A", days, 50.0 * np.exp(0.003 * np.arange(40))), bars_of("B", days, np.full(40, 7.0))
    assert relative_strength(a, b).slope_pct == pytest.approx(0.3, abs=1e-12)
    assert relative_strength(b, b).slope_pct == 0.0
    assert relative_strength(a.until(days[19].item()), b).slope_pct == pytest.approx(0.3, abs=1e-12)
    assert math.isnan(relative_strength(a.until(days[18].item()), b).slope_pct)


def test_high_low_and_ratio_percentile_are_unknown_before_252_common_sessions():
    days = weekdays(252)
    rising, flat = bars_of("A", days, np.linspace(10, 20, 252)), bars_of("B", days, np.full(252, 10.0))
    before, on = relative_strength(rising.until(days[250].item()), flat), relative_strength(rising, flat)
    assert (before.is_high_252, before.is_low_252) == (None, None)
    assert math.isnan(before.ratio_percentile)
    assert (on.is_high_252, on.is_low_252) == (True, False)
    assert on.ratio_percentile == pytest.approx(100 * 251.5 / 252)
    falling = relative_strength(flat, rising)
    assert (falling.is_high_252, falling.is_low_252) == (False, True)
    assert falling.ratio_percentile == pytest.approx(100 * 0.5 / 252)


def test_what_happened_253_sessions_ago_does_not_hide_a_high():
    days = weekdays(253)
    prices = np.r_[99.0, np.linspace(10, 20, 252)]
    stands = relative_strength(bars_of("A", days, prices), bars_of("B", days, np.full(253, 10.0)))
    assert stands.is_high_252 is True


def test_a_ratio_that_never_moved_is_high_low_and_in_the_middle():
    days = weekdays(300)
    still = bars_of("A", days, np.full(300, 10.0))
    stands = relative_strength(still, still)
    assert (stands.is_high_252, stands.is_low_252, stands.ratio_percentile) == (True, True, 50.0)
    assert (stands.relative_20_pct, stands.relative_20_percentile, stands.slope_pct) == (0.0, 50.0, 0.0)
    assert math.isnan(stands.z_score)


def test_rounding_is_no_movement():
    thrice = bars_of("C", LONG, 3.0 * A.adj_close)
    stands = relative_strength(thrice, A)
    assert stands.relative_20_pct == pytest.approx(0.0, abs=1e-10)
    assert math.isnan(stands.z_score)


def test_every_number_is_what_pandas_finds_on_that_day():
    a, b = pd.Series(A.adj_close), pd.Series(B.adj_close)
    ratio = 100 * (a / a[0]) / (b / b[0])
    moved = 100 * (a / a.shift(20) - b / b.shift(20))
    z = (moved - moved.rolling(756, min_periods=252).mean()) / moved.rolling(756, min_periods=252).std()
    rank = moved.expanding().apply(lambda x: 100 * (np.nansum(x < x[-1]) + 0.5) / np.sum(~np.isnan(x)), raw=True)
    for row in (10, 20, 270, 271, 400, 775, 776, 899):
        stands = relative_strength(A.until(LONG[row].item()), B)
        assert stands.ratio == pytest.approx(ratio[row], rel=1e-12)
        assert stands.relative_20_pct == pytest.approx(moved[row], rel=1e-12, nan_ok=True)
        assert stands.z_score == pytest.approx(z[row], rel=1e-9, nan_ok=True)
        expected = rank[row] if row >= 271 else NAN
        assert stands.relative_20_percentile == pytest.approx(expected, rel=1e-12, nan_ok=True)
        recent = ratio[max(row - 251, 0) : row + 1]
        rank_252 = 100 * ((recent < ratio[row]).sum() + 0.5) / 252 if row >= 251 else NAN
        assert stands.ratio_percentile == pytest.approx(rank_252, rel=1e-12, nan_ok=True)
        assert stands.is_high_252 == (None if row < 251 else ratio[row] == recent.max())


def test_without_a_common_session_everything_is_unknown():
    days = weekdays(10)
    a, b = bars_of("A", days[:5], np.ones(5)), bars_of("B", days[5:], np.ones(5))
    for one, other in ((a, b), (a, a.until(date(2000, 1, 1))), (a.until(date(2000, 1, 1)), a)):
        stands = relative_strength(one, other)
        assert (stands.session, stands.n_sessions, stands.is_high_252, stands.is_low_252) == (None, 0, None, None)
        assert math.isnan(stands.ratio)
        assert math.isnan(stands.relative_20_pct)
        assert [len(part) for part in relative_returns(one, other)] == [0, 0]


def test_several_symbols_or_no_window_are_refused():
    both = Bars.from_frame(pl.concat([A.frame(), B.frame()]))
    with pytest.raises(BadInput, match="bars hold 2 symbols, must be one"):
        relative_strength(A, both)
    with pytest.raises(BadInput, match="window is 0, must be at least 1"):
        relative_returns(A, B, 0)


@settings(deadline=None, max_examples=30)
@given(seeds=st.tuples(st.integers(0, 99), st.integers(0, 99)), cut=st.integers(1, 399), window=st.integers(1, 30))
def test_the_past_never_changes_whatever_the_future_holds(seeds, cut, window):
    days = LONG[:400]
    a, b = walk("A", days, seeds[0]), walk("B", days, seeds[1])
    day = days[cut - 1].item()
    poison = np.r_[a.adj_close[:cut], np.resize([1e9, NAN, 1e-9, math.inf], 400 - cut)]
    early = relative_returns(a.until(day), b.until(day), window)[1]
    for later in (a, bars_of("A", days, poison)):
        np.testing.assert_array_equal(relative_returns(later, b, window)[1][:cut], early)
        np.testing.assert_array_equal(ratios(later, b)[1][:cut], ratios(a.until(day), b.until(day))[1])


@settings(deadline=None, max_examples=20)
@given(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3))
def test_the_unit_of_a_price_changes_nothing(c, d):
    plain = relative_strength(A, B)
    scaled = relative_strength(bars_of("AAA", LONG, c * A.adj_close), bars_of("BBB", LONG, d * B.adj_close))
    for name in ("ratio", "relative_20_pct", "relative_20_percentile", "z_score", "slope_pct", "ratio_percentile"):
        assert getattr(scaled, name) == pytest.approx(getattr(plain, name), rel=1e-8), name
    assert (scaled.is_high_252, scaled.is_low_252) == (plain.is_high_252, plain.is_low_252)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 999), st.integers(0, 999), st.integers(1, 400))
def test_swapping_the_pair_mirrors_it(seed, other, n):
    a, b = walk("A", LONG[:n], seed), walk("B", LONG[:n], other)
    np.testing.assert_array_equal(relative_returns(a, b)[1], -relative_returns(b, a)[1])
    one, two = relative_strength(a, b), relative_strength(b, a)
    assert one.ratio * two.ratio == pytest.approx(1e4, rel=1e-12)
    assert one.slope_pct == pytest.approx(-two.slope_pct, abs=1e-11, nan_ok=True)
    assert one.relative_20_percentile == pytest.approx(100 - two.relative_20_percentile, nan_ok=True)
    if seed != other:
        assert one.z_score == pytest.approx(-two.z_score, abs=1e-9, nan_ok=True)


def test_inputs_are_untouched():
    before = A.adj_close.copy()
    relative_strength(A, B)
    np.testing.assert_array_equal(A.adj_close, before)
