"""Fibonacci retracements and extensions of the last confirmed swing."""

from typing import TypeAlias

from openapex.bars import FloatArray
from openapex.indicators.step import Indicator, interpreted, step
from openapex.indicators.swings import SwingsState, swings_start, swings_step

Levels: TypeAlias = tuple[float, float, float, float, float, float, float]

RETRACEMENTS = (0.236, 0.382, 0.5, 0.618, 0.786)
"""Shares of the swing that a pull-back gives back."""
EXTENSIONS = (1.272, 1.618)
"""Multiples of the swing, measured from its start."""
LEVEL_NAMES = (
    "retracement_236",
    "retracement_382",
    "retracement_500",
    "retracement_618",
    "retracement_786",
    "extension_1272",
    "extension_1618",
)


@step
def fibonacci_levels(low: float, high: float, direction: float) -> Levels:
    """Return the five retracements and two extensions of one swing.

    Parameters
    ----------
    low, high : float
        Prices at the ends of the swing.
    direction : float
        1 for a swing up (retracements lie below the high, extensions above it), -1 for one down.

    Returns
    -------
    tuple of 7 floats
        Prices, in the order of `RETRACEMENTS` and `EXTENSIONS`; NaN where an argument is NaN.

    References
    ----------
    Murphy, J. J. (1999), *Technical Analysis of the Financial Markets*, "Percentage retracements" (0.5 is Dow's, not
    Fibonacci's).

    Examples
    --------
    >>> [round(level, 2) for level in fibonacci_levels(140.0, 200.0, 1)]
    [185.84, 177.08, 170.0, 162.92, 152.84, 216.32, 237.08]
    >>> [round(level, 2) for level in fibonacci_levels(140.0, 200.0, -1)]
    [154.16, 162.92, 170.0, 177.08, 187.16, 123.68, 102.92]
    """
    size = (high - low) * direction
    end = high if direction > 0 else low
    begin = low if direction > 0 else high
    return (
        end - 0.236 * size,
        end - 0.382 * size,
        end - 0.5 * size,
        end - 0.618 * size,
        end - 0.786 * size,
        begin + 1.272 * size,
        begin + 1.618 * size,
    )


@step
def fibonacci_start(window: int, reversal: float) -> SwingsState:
    """Return the state before the first bar."""
    return swings_start(window, reversal)


@step
def fibonacci_step(
    state: SwingsState, high: float, low: float, close: float, window: int, reversal: float
) -> tuple[SwingsState, Levels]:
    """Take one bar, return the levels of the last confirmed swing."""
    state, swing = swings_step(state, high, low, close, window, reversal)
    return state, fibonacci_levels(swing[1], swing[0], swing[2])


FIBONACCI = Indicator(
    name="fibonacci",
    inputs=("high", "low", "close"),
    outputs=LEVEL_NAMES,
    params={"window": 14, "reversal": 3.0},
    start=fibonacci_start,
    step=fibonacci_step,
    warm_up=lambda window, reversal: window,
    scale=(1, 1, 1, 1, 1, 1, 1),
    is_warm_up_fixed=False,
)


def fibonacci(
    high: FloatArray, low: FloatArray, close: FloatArray, window: int = 14, reversal: float = 3.0
) -> dict[str, FloatArray]:
    """Return the Fibonacci levels of the last confirmed swing on every bar.

    Parameters
    ----------
    high, low, close : array of float, shape (n_bars,)
        Prices, oldest first, adjusted for splits.
    window : int, default 14
        Bars of the ATR that scales the swings, at least 1.
    reversal : float, default 3.0
        Move that confirms a pivot, as a multiple of the ATR, more than 0.

    Returns
    -------
    dict of str to array of float, shape (n_bars,)
        Prices by level name (`LEVEL_NAMES`); NaN until a high and a low are confirmed (warm-up, `window` bars
        or more).

    Raises
    ------
    BadInput
        If `window` < 1, `reversal` is not above 0, or the columns differ in length.

    Notes
    -----
    Known at the close of the bar it stands on; see `openapex.indicators.swings.swings` for when a swing is confirmed.

    References
    ----------
    As `fibonacci_levels`.

    Examples
    --------
    >>> import numpy as np
    >>> close = np.array([10.0, 11.0, 12.0, 13.0, 11.0, 10.0])
    >>> fibonacci(close, close, close, window=2, reversal=1.5)["retracement_618"]
    array([ nan, nan, nan, nan, nan, 11.146])
    """
    columns = interpreted(FIBONACCI, (high, low, close), {"window": window, "reversal": reversal})
    return dict(zip(LEVEL_NAMES, columns, strict=True))
