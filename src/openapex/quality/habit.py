"""What is usual for a symbol: movement, range and volume of the bars *before* each bar."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from openapex.bars import BoolArray, FloatArray

WINDOW = 63
LEAST = 20
"""Bars of habit: a quarter of a year, and no judgement before 20 are known."""

LN_TINY = float(np.log(100.0))
N_SPREADS = 6.0
"""Volume is out of proportion below 1/100 of its usual level and 6 robust spreads of it."""


@dataclass(frozen=True, slots=True)
class Habit:
    """Medians over the `WINDOW` bars before each bar, shape (n_bars,); NaN until `LEAST` are known."""

    move: FloatArray
    span: FloatArray
    volume: FloatArray


def trailing(values: FloatArray, quantile: float = 0.5) -> FloatArray:
    """Return the quantile of the `WINDOW` known values before each bar; NaN is unknown."""
    series = pl.Series(values, nan_to_null=True)
    rolled = series.rolling_quantile(quantile, interpolation="linear", window_size=WINDOW, min_samples=LEAST)
    before = np.full(len(values), np.nan)
    before[1:] = rolled.to_numpy()[:-1]
    return before


def habit(high: FloatArray, low: FloatArray, close: FloatArray, volume: FloatArray) -> Habit:
    """Return what was usual before each bar: absolute log move, log range of the day, volume."""
    return Habit(move=trailing(np.abs(log_moves(close))), span=trailing(np.log(high / low)), volume=trailing(volume))


def log_moves(close: FloatArray) -> FloatArray:
    """Return the log return from the bar before; NaN on the first."""
    moves = np.full(len(close), np.nan)
    moves[1:] = np.log(close[1:] / close[:-1])
    return moves


def tiny_volumes(volume: FloatArray, usual: FloatArray) -> BoolArray:
    """Return where volume is far below the habit of the bars before: never on a half day, which has a quarter."""
    with np.errstate(divide="ignore", invalid="ignore"):
        shortfall = np.log(usual) - np.log(volume)
    suspects = shortfall > LN_TINY
    if not suspects.any():
        return suspects
    logs = np.log(np.where(volume > 0, volume, np.nan))
    spread = (trailing(logs, 0.75) - trailing(logs, 0.25)) / 1.349
    return suspects & (shortfall > N_SPREADS * spread)
