"""Average Directional Index with its directional indicators (Wilder)."""

from typing import TypeAlias

from openapex.bars import FloatArray
from openapex.indicators.step import NAN, Indicator, interpreted, step
from openapex.indicators.true_range import true_range_step

DirectionalState: TypeAlias = tuple[float, float, float, int, float, float, float]
"""Last high, low and close, bars seen (up to `window`), smoothed upward and downward movement, smoothed true range."""
AdxState: TypeAlias = tuple[DirectionalState, int, float]
"""Directional indicators, differences seen (up to `window`), their sum or mean."""


@step
def directional_start() -> DirectionalState:
    """Return the state before the first bar."""
    return NAN, NAN, NAN, 0, 0.0, 0.0, 0.0


@step
def directional_step(
    state: DirectionalState, high: float, low: float, close: float, window: int
) -> tuple[DirectionalState, tuple[float, float]]:
    """Take one bar, return (+DI, -DI) in percent; 0 where nothing moved."""
    last_high, last_low, last, seen, plus, minus, spans = state
    last, span = true_range_step(last, high, low, close)
    if span != span:  # first bar or a gap
        return (high, low, last, 0 if last != last else 1, 0.0, 0.0, 0.0), (NAN, NAN)
    rise = high - last_high
    fall = last_low - low
    if seen >= window:
        kept = 1.0 - 1.0 / window
        plus *= kept
        minus *= kept
        spans *= kept
    rise, fall = rise if rise > fall else 0.0, fall if fall > rise else 0.0  # the larger counts, if above 0
    plus += rise if rise > 0.0 else 0.0
    minus += fall if fall > 0.0 else 0.0
    spans += span
    if seen < window:
        return (high, low, close, seen + 1, plus, minus, spans), (NAN, NAN)
    if spans == 0.0:
        return (high, low, close, seen, plus, minus, spans), (0.0, 0.0)
    return (high, low, close, seen, plus, minus, spans), (100.0 * (plus / spans), 100.0 * (minus / spans))


@step
def adx_start(window: int) -> AdxState:
    """Return the state before the first bar."""
    return directional_start(), 0, 0.0


@step
def adx_step(
    state: AdxState, high: float, low: float, close: float, window: int
) -> tuple[AdxState, tuple[float, float, float]]:
    """Take one bar, return (adx, plus_di, minus_di)."""
    directional, seen, mean = state
    directional, (plus, minus) = directional_step(directional, high, low, close, window)
    total = plus + minus
    if total != total:
        return (directional, 0, 0.0), (NAN, plus, minus)
    if seen == window:
        if total > 0.0:  # a market that did not move says nothing new about its trend
            mean += (100.0 * (abs(plus - minus) / total) - mean) * (1.0 / window)
        return (directional, seen, mean), (mean, plus, minus)
    seen += 1
    if total > 0.0:
        mean += 100.0 * (abs(plus - minus) / total)
    if seen < window:
        return (directional, seen, mean), (NAN, plus, minus)
    mean /= window
    return (directional, seen, mean), (mean, plus, minus)


ADX = Indicator(
    name="adx",
    inputs=("high", "low", "close"),
    outputs=("adx", "plus_di", "minus_di"),
    params={"window": 14},
    start=adx_start,
    step=adx_step,
    warm_up=lambda window: 2 * window - 1,
    scale=(0, 0, 0),
    least={"window": 2},
)


def adx(
    high: FloatArray, low: FloatArray, close: FloatArray, window: int = 14
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the Average Directional Index, +DI and -DI.

    Parameters
    ----------
    high, low, close : array of float, shape (n_bars,)
        Prices, oldest first, adjusted for splits.
    window : int, default 14
        Number of bars, at least 2.

    Returns
    -------
    adx : array of float, shape (n_bars,)
        Strength of the trend, 0 to 100, whatever its direction.  The first ``2 * window - 1`` bars are NaN (warm-up).
    plus_di, minus_di : array of float, shape (n_bars,)
        Share of upward and downward movement in the true range, percent.  The first `window` bars are NaN (warm-up).

    Raises
    ------
    BadInput
        If `window` < 2 or the columns differ in length.

    Notes
    -----
    Known at the close of the bar it stands on.  NaN or infinity restarts it.  A market that does not move has +DI and
    -DI of 0 and keeps its ADX (0 when it never moved), as in TA-Lib.

    References
    ----------
    Wilder, J. W. (1978), *New Concepts in Technical Trading Systems*.  Seed as in TA-Lib: sums of ``window - 1``.

    Examples
    --------
    >>> import numpy as np
    >>> close = np.array([10.0, 11.0, 12.0, 11.0, 13.0])
    >>> strength, plus, minus = adx(close + 1, close - 1, close, window=2)
    >>> plus.round(2)
    array([  nan,   nan, 50.  , 21.43, 50.  ])
    >>> strength.round(2)
    array([  nan,   nan,   nan, 57.14, 61.18])
    """
    strength, plus, minus = interpreted(ADX, (high, low, close), {"window": window})
    return strength, plus, minus
