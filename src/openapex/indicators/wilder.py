"""Wilder's smoothing: an exponential mean with weight ``1 / window``."""

from typing import TypeAlias

from openapex.bars import FloatArray
from openapex.indicators.step import NAN, Indicator, interpreted, step

WilderState: TypeAlias = tuple[int, float]
"""Values seen (up to `window`), and their sum; from then on the mean."""


@step
def wilder_start(window: int) -> WilderState:
    """Return the state before the first bar."""
    return 0, 0.0


@step
def wilder_step(state: WilderState, x: float, window: int) -> tuple[WilderState, float]:
    """Take one value, return the exponential mean with weight ``1 / window``."""
    seen, mean = state
    if x * 0.0 != 0.0:  # NaN or infinite
        return (0, 0.0), NAN
    if seen == window:
        mean += (x - mean) * (1.0 / window)
        return (seen, mean), mean
    seen += 1
    mean += x
    if seen < window:
        return (seen, mean), NAN
    mean /= window
    return (seen, mean), mean


WILDER = Indicator(
    name="wilder",
    inputs=("close",),
    outputs=("wilder",),
    params={"window": 14},
    start=wilder_start,
    step=wilder_step,
    warm_up=lambda window: window - 1,
    scale=(1,),
)


def wilder(values: FloatArray, window: int = 14) -> FloatArray:
    """Return Wilder's smoothed mean, seeded with the plain mean of the first `window` values.

    Parameters
    ----------
    values : array of float, shape (n_bars,)
        Any series, oldest first.
    window : int, default 14
        Number of bars, at least 1; the weight of the newest is ``1 / window``.

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
    Known at the close of the bar it stands on.  NaN or infinity restarts it: NaN there and for ``window - 1`` bars.
    The seed matters: without it an RSI is 17.6 points off Wilder's on bar 14 and 4.5 on bar 30.

    References
    ----------
    Wilder, J. W. (1978), *New Concepts in Technical Trading Systems*.

    Examples
    --------
    >>> import numpy as np
    >>> wilder(np.array([1.0, 3.0, 4.0, 2.0]), window=2)
    array([nan, 2. , 3. , 2.5])
    """
    return interpreted(WILDER, (values,), {"window": window})[0]
