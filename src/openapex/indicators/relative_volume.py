"""Volume against its own average."""

from typing import TypeAlias

from openapex.bars import FloatArray
from openapex.indicators.sma import SmaState, sma_start, sma_step
from openapex.indicators.step import NAN, Indicator, interpreted, step

RelativeVolumeState: TypeAlias = tuple[SmaState, float]
"""Mean volume, and its value on the bar before."""


@step
def relative_volume_start(window: int) -> RelativeVolumeState:
    """Return the state before the first bar."""
    return sma_start(window), NAN


@step
def relative_volume_step(state: RelativeVolumeState, volume: float, window: int) -> tuple[RelativeVolumeState, float]:
    """Take one volume, return it as a multiple of the mean of the `window` bars before."""
    smooth, usual = state
    smooth, mean = sma_step(smooth, volume, window)
    if volume * 0.0 == 0.0 and usual > 0.0:
        return (smooth, mean), volume / usual
    return (smooth, mean), NAN


RELATIVE_VOLUME = Indicator(
    name="relative_volume",
    inputs=("volume",),
    outputs=("relative_volume",),
    params={"window": 20},
    start=relative_volume_start,
    step=relative_volume_step,
    warm_up=lambda window: window,
    scale=(0,),
)


def relative_volume(volume: FloatArray, window: int = 20) -> FloatArray:
    """Return volume as a multiple of the mean volume of the `window` bars before it.

    Parameters
    ----------
    volume : array of float, shape (n_bars,)
        Shares, oldest first, adjusted for splits.
    window : int, default 20
        Number of earlier bars, at least 1; today is not among them, or a spike would dilute itself.

    Returns
    -------
    array of float, shape (n_bars,)
        A multiple: 1 is usual, 2 is twice as much.  The first `window` bars are NaN (warm-up), and so is a bar after
        `window` bars without any trade.

    Raises
    ------
    BadInput
        If `window` < 1.

    Notes
    -----
    Known at the close of the bar it stands on.  NaN or infinity restarts it: NaN there and for `window` bars.

    References
    ----------
    StockCharts ChartSchool, "Relative Volume (RVOL)".

    Examples
    --------
    >>> import numpy as np
    >>> relative_volume(np.array([100.0, 300.0, 400.0, 175.0]), window=2)
    array([nan, nan, 2. , 0.5])
    """
    return interpreted(RELATIVE_VOLUME, (volume,), {"window": window})[0]
