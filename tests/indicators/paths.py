"""Seeded columns of a bar for the tests of indicators."""

import numpy as np

from openapex.bars import FloatArray
from openapex.indicators import Indicator

SHAPES = ("walk", "trend", "waves", "jumps", "ticks", "pennies", "dear")


def path(shape: str, n_bars: int, seed: int) -> FloatArray:
    """Return closes of a shape: each stresses another part of an indicator."""
    rng = np.random.default_rng([seed, SHAPES.index(shape)])
    noise = rng.normal(0.0, 0.015, n_bars)
    if shape == "trend":
        noise += 0.004
    if shape == "waves":
        noise = np.diff(0.1 * np.sin(np.arange(n_bars + 1) / 9.0)) + noise / 5.0
    if shape == "jumps":
        noise[rng.integers(0, n_bars, 1 + n_bars // 60)] += rng.choice([-0.4, 0.4])
    level = {"pennies": 0.003, "dear": 650_000.0}.get(shape, 80.0)
    close = level * np.exp(np.cumsum(noise))
    return np.round(close * 4.0) / 4.0 if shape == "ticks" else close


def bar_columns(close: FloatArray, seed: int = 0) -> dict[str, FloatArray]:
    """Return all fields of bars around the closes; high and low enclose open and close."""
    rng = np.random.default_rng([seed, 99])
    n = len(close)
    open_ = np.r_[close[:1], close[:-1]] * np.exp(rng.normal(0.0, 0.003, n))
    high = np.maximum(open_, close) * np.exp(np.abs(rng.normal(0.0, 0.006, n)))
    low = np.minimum(open_, close) * np.exp(-np.abs(rng.normal(0.0, 0.006, n)))
    volume = np.floor(rng.lognormal(14.0, 0.6, n))
    return {"open": open_, "high": high, "low": low, "close": close, "adj_close": close * 0.9, "volume": volume}


def inputs(indicator: Indicator, n_bars: int = 260, seed: int = 7, shape: str = "walk") -> list[FloatArray]:
    columns = bar_columns(path(shape, n_bars, seed), seed)
    return [columns[name].copy() for name in indicator.inputs]
