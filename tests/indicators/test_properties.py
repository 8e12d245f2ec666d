"""Laws that hold on any input, found by Hypothesis, with the obvious slow computation as the twin."""

import itertools
import math
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import openapex.indicators as ta
from openapex.errors import BadInput, UnknownName
from openapex.indicators import INDICATORS, RSI, STD, Stream, interpreted

PRICES = arrays(
    np.float64,
    st.integers(1, 60),
    elements=st.one_of(st.floats(0.01, 1e6), st.sampled_from([10.0, 10.25, 100.0])),  # plateaus and ties too
)
WINDOWS = st.integers(1, 12)


def windows(values, window):
    return np.lib.stride_tricks.sliding_window_view(values, window)


@settings(deadline=None)
@given(PRICES, WINDOWS)
def test_mean_and_extremes_are_those_of_the_window(values, window):
    if len(values) < window:
        assert np.isnan(ta.sma(values, window)).all()
        return
    rows = windows(values, window)
    np.testing.assert_allclose(ta.sma(values, window)[window - 1 :], rows.mean(axis=1), rtol=1e-12)
    np.testing.assert_array_equal(ta.rolling_high(values, window)[window - 1 :], rows.max(axis=1))
    np.testing.assert_array_equal(ta.rolling_low(values, window)[window - 1 :], rows.min(axis=1))


@settings(deadline=None)
@given(PRICES, st.integers(2, 12))
def test_std_is_that_of_the_window_and_exactly_0_for_equal_values(values, window):
    found = ta.std(values, window)[window - 1 :]
    if len(found):
        rows = windows(values, window)
        exact = rows.std(axis=1)
        np.testing.assert_allclose(found, exact, rtol=1e-7, atol=1e-12 * values.max())
        assert (found[np.ptp(rows, axis=1) == 0.0] == 0.0).all()


@settings(deadline=None)
@given(PRICES, WINDOWS)
def test_rsi_stays_within_0_and_100_and_mirrors(values, window):
    found = ta.rsi(values, window)[window:]
    assert ((found >= 0.0) & (found <= 100.0)).all()
    np.testing.assert_allclose(found + ta.rsi(-values, window)[window:], 100.0, rtol=1e-12)


@settings(deadline=None)
@given(PRICES, st.integers(2, 8))
def test_bounded_indicators_stay_within_their_bounds(close, window):
    high, low = close * 1.01, close * 0.99
    for output in (*ta.adx(high, low, close, window), *ta.stochastic(high, low, close, window)):
        known = output[~np.isnan(output)]
        assert ((known >= -1e-9) & (known <= 100.0 + 1e-9)).all()
    assert not (ta.atr(high, low, close, window) < 0.0).any()


@settings(deadline=None)
@given(PRICES, st.integers(2, 12), st.floats(0.5, 3.0))
def test_bands_enclose_their_middle_and_percent_b_places_the_close(close, window, width):
    middle, upper, lower, percent_b, _ = (column[window - 1 :] for column in ta.bollinger(close, window, width))
    assert (lower <= middle).all()
    assert (middle <= upper).all()
    reach = (upper - lower) > 1e-6 * middle
    placed = lower + percent_b * (upper - lower)
    np.testing.assert_allclose(placed[reach], close[window - 1 :][reach], rtol=1e-9, atol=1e-12 * close.max())


@settings(deadline=None)
@given(PRICES, st.integers(1, 5), st.floats(0.5, 4.0))
def test_confirmed_pivots_alternate_and_are_prices_that_stood(close, window, reversal):
    high, low = close * 1.02, close * 0.97
    peaks, troughs, direction, since_high, since_low, confirmed = ta.swings(high, low, close, window, reversal)
    for i in np.flatnonzero(~np.isnan(peaks)):
        assert high[i - int(since_high[i])] == peaks[i]
    for i in np.flatnonzero(~np.isnan(troughs)):
        assert low[i - int(since_low[i])] == troughs[i]
    turns = direction[(confirmed == 1.0) & ~np.isnan(direction)]
    assert (np.abs(turns) == 1.0).all()
    assert (turns[1:] == -turns[:-1]).all()


@pytest.mark.parametrize("indicator", INDICATORS, ids=str)
@pytest.mark.parametrize("value", [0, -3, 2.5, True, float("nan"), "14"])
def test_a_window_that_breaks_its_rule_is_named(indicator, value):
    for name in indicator.params:
        bad = -1.0 if value == 2.5 and isinstance(indicator.params[name], float) else value
        if bad is True and isinstance(indicator.params[name], float):
            continue
        with pytest.raises(BadInput, match=f"{name} is .*, must be"):
            interpreted(indicator, [np.ones(5)] * len(indicator.inputs), {name: bad})


def test_the_least_window_is_named():
    with pytest.raises(BadInput, match="window is 1, must be a whole number of at least 2"):
        ta.realised_volatility(np.ones(5), window=1)


def test_a_misspelt_parameter_is_answered_with_the_nearest():
    with pytest.raises(UnknownName, match="Did you mean 'window'"):
        Stream(RSI, windw=3)


def test_columns_that_differ_in_length_are_refused():
    with pytest.raises(BadInput, match="must be"):
        ta.atr(np.ones(5), np.ones(4), np.ones(5))


def test_std_of_two_far_apart_levels_keeps_its_digits():
    close = np.r_[np.full(10, 1e8), 1e8 + np.tile([0.25, 0.5], 20)]
    assert interpreted(STD, [close], {"window": 20})[0][-1] == 0.125


@settings(deadline=None)
@given(arrays(np.float64, st.integers(4, 40), elements=st.floats(1.0, 1e4)), st.integers(2, 12))
def test_realised_volatility_is_the_yearly_sample_deviation_of_log_returns(prices, window):
    found = ta.realised_volatility(prices, window)
    returns = [math.log(b / a) for a, b in itertools.pairwise(prices.tolist())]
    for end in range(window, len(prices)):
        wanted = statistics.stdev(returns[end - window : end]) * math.sqrt(252.0) * 100.0
        assert found[end] == pytest.approx(wanted, rel=1e-9, abs=1e-9)
