"""Confirmed swings and their Fibonacci levels: worked by hand, from the page, and on real bars."""

import numpy as np
import polars as pl
import pytest
from paths import path

import openapex.indicators as ta


def test_a_high_is_confirmed_by_the_lowest_bar_since_it_once_far_enough_below():
    """ATR(1) is the true range: 1 on every bar but the last two falls of 2; reversal 2 needs 2 points, then 4."""
    high = np.array([10.0, 11.0, 12.0, 13.0, 12.5, 11.0])
    low = high - 1.0
    peaks, troughs, direction, since_high, since_low, confirmed = ta.swings(high, low, high - 0.5, 1, 2.0)
    # bar 2: top 12, bottom 9, true range 1.5 (12 - 10.5): 3 >= 3 confirms the low of bar 0
    assert troughs.tolist()[2:] == [9.0] * 4
    assert np.isnan(troughs[:2]).all()
    assert since_low.tolist()[2:] == [2.0, 3.0, 4.0, 5.0]
    # bar 5: true range 2 (12 - 10), 13 - 10 = 3 < 4: the high of bar 3 is not confirmed yet
    assert np.isnan(peaks).all()
    assert np.isnan(direction).all()
    assert np.isnan(since_high).all()
    assert confirmed.tolist()[1:] == [0.0, 1.0, 0.0, 0.0, 0.0]
    # one bar more, to 8.5 .. 9.5: true range 2 (10.5 - 8.5), 13 - 8.5 = 4.5 >= 4
    high, low = np.r_[high, 9.5], np.r_[low, 8.5]
    peaks, _, direction, since_high, _, _ = ta.swings(high, low, np.r_[high[:-1] - 0.5, 9.0], 1, 2.0)
    assert (peaks[-1], direction[-1], since_high[-1]) == (13.0, 1.0, 3.0)


def test_a_bar_that_extends_the_leg_does_not_end_it():
    high = np.array([10.0, 11.0, 12.0, 13.0, 14.0])
    low = np.array([9.0, 10.0, 11.0, 12.0, 7.0])  # the last bar is the highest and the lowest
    peaks = ta.swings(high, low, (high + low) / 2, 2, 1.0)[0]
    assert np.isnan(peaks[-1])


def test_fibonacci_levels_are_those_of_the_page():
    """Source: the page we implement, swing 140-200: 186, 177, 170, 163, 153."""
    levels = ta.fibonacci_levels(140.0, 200.0, 1)
    assert [round(level) for level in levels[:5]] == [186, 177, 170, 163, 153]
    assert levels[1] == pytest.approx(177.08)
    assert levels[3] == pytest.approx(162.92)
    assert levels[4] == pytest.approx(152.84)
    assert levels[5:] == pytest.approx((216.32, 237.08))


def test_fibonacci_levels_of_a_swing_down_mirror_those_of_a_swing_up():
    up, down = ta.fibonacci_levels(140.0, 200.0, 1), ta.fibonacci_levels(140.0, 200.0, -1)
    assert [a + b for a, b in zip(up, down, strict=True)] == pytest.approx([340.0] * 7)


def test_fibonacci_levels_hang_on_the_confirmed_swing_of_their_bar():
    close = path("waves", 600, 3)
    high, low = close * 1.004, close * 0.996
    peaks, troughs, direction, *_ = ta.swings(high, low, close)
    columns = ta.fibonacci(high, low, close)
    known = np.flatnonzero(~np.isnan(direction))
    assert len(known) > 300
    for i in known:
        wanted = ta.fibonacci_levels(troughs[i], peaks[i], direction[i])
        assert tuple(column[i] for column in columns.values()) == wanted


def assert_never_repaints(bars: tuple[np.ndarray, ...], n_cuts: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    whole = ta.swings(*bars)
    for cut in rng.integers(30, len(bars[0]), n_cuts):
        begin = 0
        for a, b in zip(ta.swings(*(column[begin:cut] for column in bars)), whole, strict=True):
            np.testing.assert_array_equal(a, b[:cut])


def test_swings_never_repaint_on_simulated_bars():
    close = path("waves", 400, 2)
    assert_never_repaints((close * 1.01, close * 0.99, close), 20, 1)


@pytest.mark.realdata
def test_swings_never_repaint_over_300_cuts_of_real_bars(shared_data):
    frame = pl.read_parquet(shared_data / "etf_daily.parquet").filter(pl.col("symbol").is_in(["IWM", "SPY", "QQQ"]))
    for symbol in ("IWM", "SPY", "QQQ"):
        rows = frame.filter(pl.col("symbol") == symbol).sort("date").tail(1500)
        bars = tuple(rows[name].cast(pl.Float64).to_numpy() for name in ("high", "low", "close"))
        confirmed = ta.swings(*bars)[5]
        assert np.nansum(confirmed) > 20
        assert_never_repaints(bars, 100, 7)
