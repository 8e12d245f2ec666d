"""The tail run equals the full run where it writes, for indicators, signals and an indicator fed by others."""

import numpy as np
import pytest
from paths import bar_columns, path

from openapex.errors import BadInput
from openapex.indicators import ATR, MACD, SMA, SWINGS, Indicator
from openapex.indicators.compiled import compiled_tail, compiled_together
from openapex.indicators.percent_rank import percent_rank
from openapex.indicators.step import step
from openapex.signals import SIGNALS
from openapex.signals.signal import PriceSignal

LENGTHS = (300, 1, 0, 700, 4, 5, 260)
OFFSETS = np.cumsum([0, *LENGTHS])
SIGNAL_JOBS = [(signal.indicator, {}) for signal in SIGNALS.values() if isinstance(signal, PriceSignal)]


def universe(shape: str, *, has_gaps: bool = False) -> dict[str, np.ndarray]:
    parts = [bar_columns(path(shape, n, seed), seed) for seed, n in enumerate(LENGTHS) if n]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    if has_gaps:
        rng = np.random.default_rng(5)
        for name in ("high", "close", "volume"):
            columns[name][rng.integers(0, OFFSETS[-1], 6)] = rng.choice([np.nan, np.inf, 0.0])
    return columns


def assert_equal_where_written(jobs, columns, keep):
    full = compiled_together(jobs, columns, OFFSETS)
    for (indicator, _), tail, outputs in zip(jobs, compiled_tail(jobs, columns, OFFSETS, keep), full, strict=True):
        np.testing.assert_array_equal(tail.history, outputs[0], err_msg=indicator.name)
        for symbol, n_bars in enumerate(LENGTHS):
            n_known = min(n_bars, keep)
            end = OFFSETS[symbol + 1]
            wanted = np.full((keep, len(outputs)), np.nan)
            wanted[keep - n_known :] = np.array([values[end - n_known : end] for values in outputs]).T
            np.testing.assert_array_equal(tail.last[symbol], wanted, err_msg=indicator.name)


@pytest.mark.parametrize("has_gaps", [False, True])
@pytest.mark.parametrize("shape", ["walk", "ticks", "pennies"])
def test_six_signals_have_the_values_of_the_full_run(shape, has_gaps):
    assert_equal_where_written(SIGNAL_JOBS, universe(shape, has_gaps=has_gaps), keep=5)


@pytest.mark.parametrize("keep", [1, 5, 1000])
def test_indicators_with_parameters_have_the_values_of_the_full_run(keep):
    jobs = [(SMA, {"window": 3}), (ATR, {}), (MACD, {"slow": 15}), (SWINGS, {"reversal": 1.5})]
    assert_equal_where_written(jobs, universe("jumps"), keep)


@step
def double_step(state: float, x: float, factor: float) -> tuple[float, tuple[float, float]]:
    return x, (factor * x, state)


DOUBLE = Indicator(
    "double", ("sma",), ("double", "before"), {"factor": 2.0}, lambda factor: 0.0, double_step, int, (1, 1)
)


@pytest.mark.parametrize("with_history", [("double",), ("sma", "double"), ()])
def test_an_indicator_may_take_the_first_output_of_an_earlier_one(with_history):
    columns = universe("walk")
    sma, double = compiled_tail([(SMA, {}), (DOUBLE, {})], columns, OFFSETS, 2, with_history=with_history)
    mean = compiled_together([(SMA, {})], columns, OFFSETS)[0][0]
    assert (sma.history is None) == ("sma" not in with_history)
    if double.history is not None:
        np.testing.assert_array_equal(double.history, 2.0 * mean)
    np.testing.assert_array_equal(double.last[0], [[2.0 * mean[298], mean[297]], [2.0 * mean[299], mean[298]]])


@pytest.mark.parametrize("has_gaps", [False, True])
def test_the_last_value_is_ranked_among_those_before(has_gaps):
    columns = universe("ticks", has_gaps=has_gaps)
    made = compiled_tail(
        [(SMA, {"window": 3}), (ATR, {})], columns, OFFSETS, 1, with_history=["sma"], with_rank=["sma"]
    )
    assert made[1].rank is None
    for own, first, end in zip(made[0].rank, OFFSETS, OFFSETS[1:], strict=False):
        history = made[0].history[first:end]
        is_known = len(history) and not np.isnan(history[-1])
        np.testing.assert_array_equal(own, percent_rank(history[~np.isnan(history)]) if is_known else np.nan)


def test_without_history_none_is_made():
    (tail,) = compiled_tail([(SMA, {})], universe("walk"), OFFSETS, 1, with_history=False)
    assert tail.history is None
    assert tail.last.shape == (len(LENGTHS), 1, 1)


def test_bad_arguments_are_refused():
    columns = universe("walk")
    with pytest.raises(BadInput, match="keep is 0, must be at least 1"):
        compiled_tail([(SMA, {})], columns, OFFSETS, 0)
    with pytest.raises(BadInput, match="must be indicators of different names"):
        compiled_tail([(SMA, {}), (SMA, {"window": 5})], columns, OFFSETS, 1)
    with pytest.raises(BadInput, match=r"with_history is .'rsi'., must be names of the jobs"):
        compiled_tail([(SMA, {})], columns, OFFSETS, 1, with_history=("rsi",))
