"""Simple moving average."""

from typing import TypeAlias

from openapex.bars import FloatArray
from openapex.indicators.step import NAN, Indicator, Ring, interpreted, ring, step

SmaState: TypeAlias = tuple[Ring, int, int, float, float, float]
"""Suffix sums, place in the block, 1 once a block is full, first value of the block, its sum, last value before it."""


@step
def sma_start(window: int) -> SmaState:
    """Return the state before the first bar."""
    return ring(window), 0, 0, 0.0, 0.0, 0.0


@step
def sma_step(state: SmaState, x: float, window: int) -> tuple[SmaState, float]:
    """Take one value, return the mean of the last `window`.

    Values come in blocks of `window`.  A window is the head of one block plus the tail of the block before: the head
    is summed as it grows, the tails of a block once when it is full.  Nothing is ever subtracted again, so nothing
    drifts, and both sums are taken about a value of their own block, so equal values give exactly that value.
    """
    tail, at, full, pivot, head, last = state
    if x * 0.0 != 0.0:  # NaN or infinite
        return (tail, 0, 0, 0.0, 0.0, 0.0), NAN
    if at == 0:
        pivot = x
        head = 0.0
    tail[at] = x
    head += x - pivot
    at += 1
    if at < window:
        if full == 0:
            return (tail, at, full, pivot, head, last), NAN
        total = head + (tail[at] + (window - at) * (last - pivot))
        return (tail, at, full, pivot, head, last), pivot + total / window
    total = 0.0
    for i in range(window - 1, -1, -1):
        total += tail[i] - x
        tail[i] = total
    return (tail, 0, 1, pivot, head, x), pivot + head / window


SMA = Indicator(
    name="sma",
    inputs=("close",),
    outputs=("sma",),
    params={"window": 20},
    start=sma_start,
    step=sma_step,
    warm_up=lambda window: window - 1,
    scale=(1,),
)


def sma(values: FloatArray, window: int = 20) -> FloatArray:
    """Return the simple moving average.

    Parameters
    ----------
    values : array of float, shape (n_bars,)
        Any series, oldest first; as a level of price: closes adjusted for splits.
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
    Known at the close of the bar it stands on.  NaN or infinity restarts it, so exactly the windows that cover the
    gap are NaN.  No running sum is carried from block to block: after a spike of 1e16 has left the window, the mean
    of ones is exactly 1 (TA-Lib 0.2).  Three additions per bar.

    References
    ----------
    van Herk, M. (1992), "A fast algorithm for local minimum and maximum filters", for the two-sided blocks.

    Examples
    --------
    >>> import numpy as np
    >>> sma(np.array([1.0, 2.0, 3.0, 4.0]), window=2)
    array([nan, 1.5, 2.5, 3.5])
    """
    return interpreted(SMA, (values,), {"window": window})[0]
