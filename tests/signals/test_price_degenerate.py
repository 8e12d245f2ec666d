"""Failure scenario 27: odd markets give defined values, and the documented ones."""

import numpy as np
import pytest
from price_paths import SCENARIO_27, bars_of, history

from openapex.signals.bollinger import BOLLINGER_SIGNAL
from openapex.signals.fibonacci import FIBONACCI_SIGNAL
from openapex.signals.ma_cross import MA_CROSS_SIGNAL
from openapex.signals.macd import MACD_SIGNAL
from openapex.signals.rsi import RSI_SIGNAL
from openapex.signals.signal import SignalInputs
from openapex.signals.volume import VOLUME_SIGNAL

PRICE_SIGNALS = [RSI_SIGNAL, MACD_SIGNAL, BOLLINGER_SIGNAL, VOLUME_SIGNAL, MA_CROSS_SIGNAL, FIBONACCI_SIGNAL]


@pytest.mark.parametrize("path", SCENARIO_27)
@pytest.mark.parametrize("signal", PRICE_SIGNALS, ids=lambda s: s.name)
def test_scenario_27_odd_markets_give_a_defined_score_or_an_explicit_no_data(signal, path):
    inputs = SignalInputs(SCENARIO_27[path])
    seen = signal.history(inputs)
    known = seen.score[~np.isnan(seen.score)]
    assert ((known >= 0.0) & (known <= 100.0)).all()
    assert not any(np.isinf(values).any() for values in seen.values.values())
    opinion = signal.opinion(inputs, seen)
    no_data = {("fibonacci", "flat"), ("fibonacci", "only_up"), ("fibonacci", "only_down"), ("volume", "zero_volume")}
    no_data |= {("fibonacci", "alternating"), ("fibonacci", "single_gap")}
    assert np.isnan(opinion.score) == ((signal.name, path) in no_data)
    assert opinion.reason == signal.missing if np.isnan(opinion.score) else opinion.reason != signal.missing


FLAT = [(s, 50.0) for s in (RSI_SIGNAL, MACD_SIGNAL, BOLLINGER_SIGNAL, VOLUME_SIGNAL, MA_CROSS_SIGNAL)]


@pytest.mark.parametrize(("signal", "expected"), FLAT, ids=lambda x: getattr(x, "name", ""))
def test_scenario_27_a_market_that_did_not_move_leans_nowhere(signal, expected):
    seen = history(signal, SCENARIO_27["flat"])
    assert seen.score[-1] == expected
    assert not any(flags.any() for name, flags in seen.events.items() if name != "squeeze")


def test_scenario_27_rsi_is_50_flat_100_up_0_down():
    values = {path: history(RSI_SIGNAL, SCENARIO_27[path]).values["rsi"][-1] for path in SCENARIO_27}
    assert (values["flat"], values["only_up"], values["only_down"]) == (50.0, 100.0, 0.0)


def test_scenario_27_trend_followers_lean_with_a_straight_line():
    for signal in (MACD_SIGNAL, MA_CROSS_SIGNAL):
        assert history(signal, SCENARIO_27["only_up"]).score[-1] > 60.0
        assert history(signal, SCENARIO_27["only_down"]).score[-1] < 40.0


@pytest.mark.parametrize("signal", PRICE_SIGNALS, ids=lambda s: s.name)
def test_noise_after_hundreds_of_flat_bars_is_no_move(signal):
    """The ATR decays below the rounding error of the averages; no cross may come of that."""
    bars = bars_of(*[np.concatenate([np.linspace(10.1, 17.3, 300), np.full(1200, 17.3)])] * 3)
    seen = history(signal, bars)
    assert not any(flags[900:].any() for flags in seen.events.values())
    assert np.ptp(seen.score[1300:]) < 1e-6 or np.isnan(seen.score[1300:]).all()


@pytest.mark.parametrize("signal", PRICE_SIGNALS, ids=lambda s: s.name)
def test_prices_of_zero_crash_nothing(signal):
    """Dirty data that quality would have set aside: no division by the price may fail."""
    close = np.concatenate([np.zeros(300), np.linspace(0.0, 5.0, 100), np.zeros(300)])
    inputs = SignalInputs(bars_of(close, volume=np.zeros(700)))
    seen = signal.history(inputs)
    for at in range(0, 700, 50):
        assert signal.opinion(inputs, seen, at).reason


@pytest.mark.parametrize("n_bars", [0, 1, 9])
@pytest.mark.parametrize("signal", PRICE_SIGNALS, ids=lambda s: s.name)
def test_scenario_34_a_handful_of_bars_is_no_data(signal, n_bars):
    inputs = SignalInputs(bars_of(np.linspace(10.0, 11.0, n_bars)))
    opinion = signal.opinion(inputs, signal.history(inputs))
    assert np.isnan(opinion.score)
    assert opinion.reason == signal.missing
