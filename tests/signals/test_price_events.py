"""Events against the same events found another way (pandas, TA-Lib, a path drawn by hand)."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import talib
from price_paths import bars_of, changed, history, random_bars

from openapex.signals.bollinger import BOLLINGER_SIGNAL
from openapex.signals.fibonacci import FIBONACCI_SIGNAL
from openapex.signals.ma_cross import MA_CROSS_SIGNAL
from openapex.signals.macd import MACD_SIGNAL
from openapex.signals.rsi import RSI_SIGNAL
from openapex.signals.volume import VOLUME_SIGNAL

BARS = random_bars(seed=11, n=3000)


def rows(flags):
    return np.flatnonzero(flags).tolist()


def sign_changes(series):
    """Rows on which a series turns positive, and negative."""
    sign = np.sign(series)
    before = np.concatenate([[np.nan], sign[:-1]])
    return rows((sign > 0) & (before < 0)), rows((sign < 0) & (before > 0))


def test_macd_crosses_are_those_of_talib():
    line, _, hist = talib.MACD(BARS.close, 12, 26, 9)
    events = history(MACD_SIGNAL, BARS).events
    up, down = sign_changes(hist)
    assert (rows(events["bullish_cross"]), rows(events["bearish_cross"])) == (up, down)
    assert len(up) > 50
    up, down = sign_changes(line)
    assert (rows(events["zero_cross_up"]), rows(events["zero_cross_down"])) == (up, down)


def test_rsi_events_are_those_of_talib():
    rsi = pd.Series(talib.RSI(BARS.close, 14))
    last = rsi.shift(1)
    events = history(RSI_SIGNAL, BARS).events
    dip = (last > 42) & rsi.between(35, 42)
    sma = pd.Series(BARS.close).rolling(200).mean()
    atr = pd.Series(talib.ATR(BARS.high, BARS.low, BARS.close, 14))
    trend = ((BARS.close - sma) / atr / 4).clip(-1, 1) / 2 + ((sma - sma.shift(20)) / atr).clip(-1, 1) / 2
    expected = {
        "rsi_oversold": (last >= 30) & (rsi < 30),
        "rsi_oversold_exit": (last < 30) & (rsi >= 30),
        "rsi_overbought": (last <= 70) & (rsi > 70),
        "rsi_overbought_exit": (last > 70) & (rsi <= 70),
        "rsi_dip_zone_entered": dip,
        "rsi_dip_in_uptrend": dip & (trend > 0),
        "rsi_rally_in_downtrend": (last < 58) & rsi.between(58, 65) & (trend < 0),
    }
    assert {name: rows(flags) for name, flags in events.items()} == {k: rows(v) for k, v in expected.items()}
    assert all(flags.any() for flags in events.values())


def test_golden_and_death_crosses_are_those_of_rolling_means():
    close = pd.Series(BARS.close)
    slow = close.rolling(200).mean()
    events = history(MA_CROSS_SIGNAL, BARS).events
    golden, death = sign_changes((close.rolling(50).mean() - slow).to_numpy())
    assert (rows(events["golden_cross"]), rows(events["death_cross"])) == (golden, death)
    assert golden
    above, below = sign_changes((close - slow).to_numpy())
    assert (rows(events["close_above_sma_200"]), rows(events["close_below_sma_200"])) == (above, below)


def test_a_touch_of_the_line_is_no_cross():
    """Below, exactly on, below again: MA Cross sees nothing; on and then above is one golden cross."""
    close = np.concatenate([np.linspace(200.0, 100.0, 260), np.linspace(100.0, 300.0, 260)])
    events = history(MA_CROSS_SIGNAL, bars_of(close)).events
    assert events["golden_cross"].sum() == 1
    assert not history(MA_CROSS_SIGNAL, bars_of(np.full(400, 7.0))).events["golden_cross"].any()


def test_leaving_a_flat_market_is_no_cross():
    """The first side taken is not a change of side."""
    bars = bars_of(np.concatenate([np.full(250, 50.0), 50.0 + np.arange(40.0)]))
    for signal in (MACD_SIGNAL, MA_CROSS_SIGNAL):
        assert not any(flags.any() for flags in history(signal, bars).events.values())


def test_volume_events_are_those_of_pandas():
    """Relative volume and the extremes look at earlier bars only."""
    volume, close = pd.Series(BARS.volume), pd.Series(BARS.close)
    high, low = pd.Series(BARS.high), pd.Series(BARS.low)
    spike = volume / volume.rolling(20).mean().shift(1) >= 2.0
    expected = {
        "volume_spike_up": spike & (close > close.shift(1)),
        "volume_spike_down": spike & (close < close.shift(1)),
    }
    for window in (20, 55):
        expected[f"breakout_{window}_on_spike"] = spike & (close > high.rolling(window).max().shift(1))
        expected[f"breakdown_{window}_on_spike"] = spike & (close < low.rolling(window).min().shift(1))
    events = history(VOLUME_SIGNAL, BARS).events
    assert {name: rows(flags) for name, flags in events.items()} == {k: rows(expected[k]) for k in events}
    assert all(flags.any() for flags in events.values())


def test_a_bar_with_unknown_volume_has_no_volume_score_but_keeps_the_price_extremes():
    volume = BARS.volume.copy()
    volume[1000] = np.nan
    seen = history(VOLUME_SIGNAL, changed(BARS, volume=volume))
    full = history(VOLUME_SIGNAL, BARS)
    assert np.isnan(seen.score[1000:1021]).all()
    np.testing.assert_array_equal(seen.values["push"], full.values["push"])
    later = slice(1021, None)
    for name, flags in full.events.items():
        np.testing.assert_array_equal(seen.events[name][later], flags[later])


def squeezes(close):
    """Bandwidth at its low of 126 bars, in pandas; and closes outside the bands."""
    close = pd.Series(close)
    middle, sigma = close.rolling(20).mean(), close.rolling(20).std(ddof=0)
    bandwidth = 4 * sigma / middle
    lowest = bandwidth.rolling(126).min()
    return rows(bandwidth <= lowest), rows(close > middle + 2 * sigma), rows(close < middle - 2 * sigma)


def test_squeeze_starts_at_the_low_of_the_bandwidth_and_ends_by_a_close_outside_the_bands():
    at_low, above, below = squeezes(BARS.close)
    events = history(BOLLINGER_SIGNAL, BARS).events
    assert set(rows(events["squeeze"])) <= set(at_low)
    assert at_low[0] in rows(events["squeeze"])
    expected = {"squeeze_release_up": above, "squeeze_release_down": below}
    for name, outside in expected.items():
        found = rows(events[name])
        assert found
        assert set(found) <= set(outside)
        for row in found:
            assert any(row - 21 <= low < row for low in at_low)


def test_each_squeeze_is_released_at_most_once():
    events = history(BOLLINGER_SIGNAL, BARS).events
    starts = rows(events["squeeze"])
    ends = rows(events["squeeze_release_up"] | events["squeeze_release_down"])
    for begin, end in zip(starts, [*starts[1:], 10**9], strict=True):
        assert sum(begin < row <= end for row in ends) <= 1


def zigzag(*corners, leg=40):
    parts = [np.linspace(a, b, leg, endpoint=False) for a, b in pairwise(corners)]
    return bars_of(np.concatenate([*parts, [corners[-1]]]))


def test_fibonacci_measures_the_swing_that_was_drawn():
    """Down to 140, up to 200, back to 163, where 61.8 % of the way is given back."""
    bars = zigzag(180.0, 140.0, 200.0, 163.0)
    seen = history(FIBONACCI_SIGNAL, bars)
    last = {name: values[-1] for name, values in seen.values.items()}
    low, high = 140.0 * 0.99, 200.0 * 1.01
    assert (last["swing_low"], last["swing_high"], last["direction"]) == pytest.approx((low, high, 1.0))
    assert last["retracement"] == pytest.approx((high - 163.0) / (high - low))
    assert last["level"] == 0.618
    assert last["level_price"] == pytest.approx(high - 0.618 * (high - low))
    assert rows(seen.events["fib_new_upswing"])


def test_a_correction_inside_the_swing_does_not_turn_the_levels_over():
    seen = history(FIBONACCI_SIGNAL, zigzag(180.0, 140.0, 200.0, 170.0, 188.0, 175.0, 185.0))
    assert seen.values["direction"][-1] == 1.0
    assert seen.values["swing_high"][-1] == pytest.approx(202.0)
    assert rows(seen.events["fib_new_downswing"])[-1] < 80


def test_falling_through_the_start_of_an_upswing_breaks_it():
    bars = zigzag(180.0, 140.0, 200.0, 120.0)
    seen = history(FIBONACCI_SIGNAL, bars)
    (row,) = rows(seen.events["fib_swing_broken_down"])
    assert bars.close[row] < 140.0 * 0.99 <= bars.close[row - 1]
    assert seen.score[row + 3] < 40.0


def test_a_turn_at_the_key_level_is_an_event_and_lifts_the_score():
    fall = zigzag(180.0, 140.0, 200.0, 164.5)
    level = 202.0 - 0.618 * (202.0 - 138.6)
    close = np.append(fall.close, [level + 1.5, level + 2.5])
    low = np.append(fall.low, [level + 0.1, level + 2.0])
    high = np.append(fall.high, [level + 2.0, level + 3.0])
    seen = history(FIBONACCI_SIGNAL, bars_of(close, high, low))
    assert seen.events["fib_618_bounce_up"][-2]
    assert seen.values["reaction"][-2] > 0.5
    assert 0.0 < seen.values["reaction"][-1] < seen.values["reaction"][-2]
    assert seen.score[-2] > 85.0
