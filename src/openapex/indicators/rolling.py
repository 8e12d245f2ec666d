"""Highest and lowest value over a window."""

from typing import TypeAlias

from openapex.bars import FloatArray
from openapex.indicators.step import NAN, Indicator, Ring, interpreted, ring, step

RollingState: TypeAlias = tuple[Ring, int, int, float]
"""Suffix extremes, place in the block, 1 once a block is full, extreme of the block so far."""


@step
def rolling_high_start(window: int) -> RollingState:
    """Return the state before the first bar."""
    return ring(window), 0, 0, NAN


@step
def rolling_low_start(window: int) -> RollingState:
    """Return the state before the first bar."""
    return ring(window), 0, 0, NAN


@step
def rolling_high_step(state: RollingState, x: float, window: int) -> tuple[RollingState, float]:
    """Take one value, return the highest of the last `window`.

    A window is the head of one block of `window` values and the tail of the block before; the highest of each tail is
    found once, when its block is full.  Two comparisons a bar whatever the window or the data.
    """
    tail, at, full, head = state
    if x * 0.0 != 0.0:  # NaN or infinite
        return (tail, 0, 0, NAN), NAN
    if at == 0:  # noqa: SIM114 - two branches, since only this one is the same for all symbols of a group
        head = x
    elif x > head:
        head = x
    tail[at] = x
    at += 1
    if at < window:
        if full == 0:
            return (tail, at, full, head), NAN
        older = tail[at]
        return (tail, at, full, head), older if older > head else head
    best = x
    for i in range(window - 2, -1, -1):
        if tail[i] > best:
            best = tail[i]
        tail[i] = best
    return (tail, 0, 1, head), head


@step
def rolling_low_step(state: RollingState, x: float, window: int) -> tuple[RollingState, float]:
    """Take one value, return the lowest of the last `window`; the mirror image of `rolling_high_step`."""
    tail, at, full, head = state
    if x * 0.0 != 0.0:  # NaN or infinite
        return (tail, 0, 0, NAN), NAN
    if at == 0:  # noqa: SIM114 - as above
        head = x
    elif x < head:
        head = x
    tail[at] = x
    at += 1
    if at < window:
        if full == 0:
            return (tail, at, full, head), NAN
        older = tail[at]
        return (tail, at, full, head), older if older < head else head
    best = x
    for i in range(window - 2, -1, -1):
        if tail[i] < best:
            best = tail[i]
        tail[i] = best
    return (tail, 0, 1, head), head


ROLLING_HIGH = Indicator(
    name="rolling_high",
    inputs=("high",),
    outputs=("rolling_high",),
    params={"window": 20},
    start=rolling_high_start,
    step=rolling_high_step,
    warm_up=lambda window: window - 1,
    scale=(1,),
)

ROLLING_LOW = Indicator(
    name="rolling_low",
    inputs=("low",),
    outputs=("rolling_low",),
    params={"window": 20},
    start=rolling_low_start,
    step=rolling_low_step,
    warm_up=lambda window: window - 1,
    scale=(1,),
)


def rolling_high(values: FloatArray, window: int = 20) -> FloatArray:
    """Return the highest of the last `window` values, today's included.

    Parameters
    ----------
    values : array of float, shape (n_bars,)
        Any series, oldest first; as a breakout level: highs adjusted for splits.
    window : int, default 20
        Number of bars, at least 1.

    Returns
    -------
    array of float, shape (n_bars,)
        In the unit of `values`.  The first ``window - 1`` bars are NaN (warm-up).

    Raises
    ------
    BadInput
        If `window` < 1.

    Notes
    -----
    Known at the close of the bar it stands on; "above the highest of the last 20" compares with the value on the bar
    before.  NaN or infinity restarts it, so exactly the windows that cover the gap are NaN.

    References
    ----------
    van Herk, M. (1992), "A fast algorithm for local minimum and maximum filters".

    Examples
    --------
    >>> import numpy as np
    >>> rolling_high(np.array([1.0, 5.0, 2.0, 3.0]), window=2)
    array([nan,  5.,  5.,  3.])
    """
    return interpreted(ROLLING_HIGH, (values,), {"window": window})[0]


def rolling_low(values: FloatArray, window: int = 20) -> FloatArray:
    """Return the lowest of the last `window` values, today's included.

    Parameters
    ----------
    values : array of float, shape (n_bars,)
        Any series, oldest first; as a breakdown level: lows adjusted for splits.
    window : int, default 20
        Number of bars, at least 1.

    Returns
    -------
    array of float, shape (n_bars,)
        In the unit of `values`.  The first ``window - 1`` bars are NaN (warm-up).

    Raises
    ------
    BadInput
        If `window` < 1.

    Notes
    -----
    As `rolling_high`.

    References
    ----------
    As `rolling_high`.

    Examples
    --------
    >>> import numpy as np
    >>> rolling_low(np.array([1.0, 5.0, 2.0, 3.0]), window=2)
    array([nan,  1.,  2.,  2.])
    """
    return interpreted(ROLLING_LOW, (values,), {"window": window})[0]
