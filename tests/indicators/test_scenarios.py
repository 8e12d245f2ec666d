"""Failure scenarios 27 to 34 as far as they concern indicators; the gap (28) and TA-Lib (29) have their own files."""

import numpy as np
import pytest
from paths import bar_columns, inputs, path

import openapex.indicators as ta
from openapex.indicators import INDICATORS, Stream, interpreted
from openapex.indicators.compiled import compiled, compiled_together

N = 120
DEGENERATE = {
    "flat": np.full(N, 50.0),
    "up": 50.0 + np.arange(N),
    "down": 250.0 - np.arange(N),
    "alternating": 50.0 + np.arange(N) % 2,
    "gap": np.where(np.arange(N) < 60, 50.0, 100.0),
}


@pytest.mark.parametrize("indicator", INDICATORS, ids=str)
@pytest.mark.parametrize("shape", DEGENERATE)
@pytest.mark.parametrize("volume", [0.0, 1000.0])
def test_scenario_27_degenerate_bars_give_finite_values_or_no_data(indicator, shape, volume):
    close = DEGENERATE[shape]
    bars = dict.fromkeys(("open", "high", "low", "close", "adj_close"), close) | {"volume": np.full(N, volume)}
    warm_up = indicator.warm_up(*indicator.params.values())
    for name, output in zip(
        indicator.outputs, interpreted(indicator, [bars[f] for f in indicator.inputs]), strict=True
    ):
        assert not np.isinf(output).any(), name
        has_data = indicator.is_warm_up_fixed and (name != "relative_volume" or volume > 0.0)
        assert np.isnan(output[warm_up:]).any() != has_data or not indicator.is_warm_up_fixed, name


def test_scenario_27_rsi_is_50_flat_100_up_0_down():
    assert (ta.rsi(DEGENERATE["flat"])[14:] == 50.0).all()
    assert (ta.rsi(DEGENERATE["up"])[14:] == 100.0).all()
    assert (ta.rsi(DEGENERATE["down"])[14:] == 0.0).all()


def test_scenario_27_bollinger_of_a_flat_market_has_no_width_and_the_close_in_its_middle():
    middle, upper, lower, percent_b, bandwidth = (column[19:] for column in ta.bollinger(DEGENERATE["flat"]))
    assert (middle == 50.0).all()
    assert (upper == lower).all()
    assert (percent_b == 0.5).all()
    assert (bandwidth == 0.0).all()


def test_scenario_27_a_flat_market_has_no_trend_no_range_and_no_swing():
    flat = DEGENERATE["flat"]
    assert all((column[27:] == 0.0).all() for column in ta.adx(flat, flat, flat))
    assert (ta.atr(flat, flat, flat)[14:] == 0.0).all()
    assert all((column[17:] == 50.0).all() for column in ta.stochastic(flat, flat, flat))
    assert np.isnan(ta.swings(flat, flat, flat)[0]).all()


def test_scenario_27_a_day_after_no_trade_at_all_has_no_relative_volume():
    volume = np.r_[np.zeros(20), 100.0, 100.0]
    assert np.isnan(ta.relative_volume(volume)[20])
    assert ta.relative_volume(volume)[21] == 100.0 / 5.0


WINDOWED = {"sma", "std", "bollinger", "rolling_high", "rolling_low", "relative_volume", "true_range", "stochastic"} | {
    "realised_volatility"
}
RECURSIVE = {"ema": 330, "wilder": 330, "rsi": 330, "atr": 330, "macd": 330, "adx": 420}
"""Bars after which what came before them weighs less than 1e-9: (1 - 1/14) ** 280."""


@pytest.mark.parametrize("indicator", INDICATORS, ids=str)
def test_scenario_30_the_last_bars_alone_give_the_same_value(indicator):
    columns = inputs(indicator, 1500)
    k = indicator.warm_up(*indicator.params.values()) + 1
    if indicator.name in RECURSIVE:
        k = RECURSIVE[indicator.name]
    elif indicator.name not in WINDOWED:
        k = 700  # swings: until both pivots have been confirmed anew; obv: only its changes mean something
    whole, part = interpreted(indicator, columns), interpreted(indicator, [column[-k:] for column in columns])
    for name, a, b in zip(indicator.outputs, whole, part, strict=True):
        delta = abs(a[-1] - b[-1]) if name != "obv" else abs((a[-1] - a[-2]) - (b[-1] - b[-2]))
        print(f"{indicator.name:20s} {name:16s} last {k:4d} bars: |delta| {delta:.1e}")
        assert delta <= (1e-9 if indicator.name in RECURSIVE else 1e-11) * max(1.0, abs(a[-1]))


@pytest.mark.parametrize("indicator", INDICATORS, ids=str)
def test_scenario_31_200_000_bars_whose_second_half_is_10_000_times_smaller(indicator):
    close = path("waves", 200_000, 5)
    close[100_000:] *= 1e-4
    bars = bar_columns(close, 5)
    columns = [bars[name] for name in indicator.inputs]
    batch = compiled(indicator, columns, np.array([0, 200_000]))
    stream = Stream(indicator)
    streamed = np.array([stream.update(*row) for row in zip(*(c.tolist() for c in columns), strict=True)])
    for a, b in zip(batch, streamed.reshape(200_000, -1).T, strict=True):
        np.testing.assert_array_equal(a, b)
    if indicator.name in WINDOWED:  # nothing of the large half is left in the small one
        fresh = interpreted(indicator, [column[100_000:103_000] for column in columns])
        for a, b in zip(batch, fresh, strict=True):
            known = ~np.isnan(b)
            np.testing.assert_allclose(a[100_000:103_000][known][40:], b[known][40:], rtol=1e-9)


def test_scenario_32_a_mean_of_ones_is_exactly_1_once_a_spike_has_left():
    for at in range(20, 60):
        values = np.ones(120)
        values[at] = 1e16
        assert (ta.sma(values, 20)[at + 20 :] == 1.0).all()
        assert (ta.bollinger(values, 20)[0][at + 20 :] == 1.0).all()
        assert (ta.std(values, 20)[at + 20 :] == 0.0).all()


@pytest.mark.parametrize("level", [0.1, 1.0 / 3.0, 19.9, 9.54e8, 1e-7])
def test_scenario_32_equal_rows_have_exactly_no_deviation_and_exactly_their_mean(level):
    values = np.r_[np.linspace(level / 2, level * 3, 33), np.full(60, level)]
    for window in (2, 7, 20):
        assert (ta.std(values, window)[33 + window :] == 0.0).all()
        assert (ta.sma(values, window)[33 + window :] == level).all()
    assert (ta.realised_volatility(values, 20)[-20:] == 0.0).all()


def test_scenario_32_a_large_volume_does_not_blur_the_small_ones_after_it():
    volume = np.r_[np.full(30, 9.54e8), np.arange(1.0, 41.0)]
    assert ta.sma(volume, 20)[-1] == np.mean(np.arange(21.0, 41.0))


@pytest.mark.parametrize("unit", [2.0**31, 2.0**53, 2.0**61])
def test_scenario_33_sums_of_volume_do_not_wrap(unit):
    volume = np.array([unit, unit + 2.0**20, unit * 3, unit * 2] * 10)
    close = np.arange(40.0) + 1.0
    balance = ta.obv(close, volume)
    assert (np.diff(balance) > 0.0).all()
    assert (balance >= np.maximum.accumulate(volume)).all()
    assert (ta.sma(volume, 4)[3:] * 4 >= volume[3:]).all()
    assert np.isfinite(ta.relative_volume(volume)[20:]).all()


def test_scenario_34_short_histories_change_nothing_for_the_others():
    lengths = [300, 9, 1, 0, 300, 400]
    edges = np.r_[0, np.cumsum(lengths)]
    bars = bar_columns(path("walk", int(edges[-1]), 2), 2)
    jobs = [(indicator, {}) for indicator in INDICATORS]
    whole = compiled_together(jobs, bars, edges)
    long = np.repeat(np.array(lengths) > 9, lengths)
    without = compiled_together(jobs, {k: v[long] for k, v in bars.items()}, np.r_[0, 300, 600, 1000])
    for indicator, a, b in zip(INDICATORS, whole, without, strict=True):
        for x, y in zip(a, b, strict=True):
            assert x[long].tobytes() == y.tobytes(), indicator.name
        if indicator.warm_up(*indicator.params.values()) >= 14:
            assert np.isnan(a[0][~long]).all(), indicator.name
