"""Confirmed swing highs and lows: a zig-zag measured in ATR that never repaints."""

from typing import TypeAlias

from openapex.bars import FloatArray
from openapex.indicators.atr import AtrState, atr_start, atr_step
from openapex.indicators.step import NAN, Indicator, interpreted, step

Pair: TypeAlias = tuple[float, float, float, float]
"""A high and the bars since it, a low and the bars since it."""
TurnsState: TypeAlias = tuple[float, Pair, Pair]
"""The leg that runs (1.0 up, -1.0 down, 0.0 not known yet); the extremes that may become pivots; the last pivots."""
SwingsState: TypeAlias = tuple[AtrState, TurnsState]
SwingsValue: TypeAlias = tuple[float, float, float, float, float, float]


@step
def turns_start() -> TurnsState:
    """Return the state before the first bar, without that of the ATR."""
    nothing = (NAN, 0.0, NAN, 0.0)
    return 0.0, nothing, nothing


@step
def swings_start(window: int, reversal: float) -> SwingsState:
    """Return the state before the first bar."""
    return atr_start(window), turns_start()


@step
def _extremes(extremes: Pair, leg: float, high: float, low: float) -> tuple[Pair, float]:
    """Return the extremes with this bar, and the side on which the bar may end the leg (1 above, -1 below, 0 none).

    In a rising leg the low is the lowest since the high; a bar that extends the leg cannot end it, because whether its
    low came after its high is not known.  A falling leg is the mirror image.
    """
    top, top_age, bottom, bottom_age = extremes
    higher, lower = not high <= top, not low >= bottom  # true where nothing stood yet (NaN)
    rises, falls = (leg == 1.0) & higher, (leg == -1.0) & lower
    top, top_age = (high, 0.0) if higher else (top, top_age + 1.0)
    bottom, bottom_age = (low, 0.0) if lower else (bottom, bottom_age + 1.0)
    side = (1.0 if higher else -1.0) if higher != lower else 0.0
    if rises:
        bottom, bottom_age, side = NAN, 0.0, 0.0
    if falls:
        top, top_age, side = NAN, 0.0, 0.0
    return (top, top_age, bottom, bottom_age), side


@step
def swings_step(
    state: SwingsState, high: float, low: float, close: float, window: int, reversal: float
) -> tuple[SwingsState, SwingsValue]:
    """Take one bar, return (high_pivot, low_pivot, direction, bars_since_high, bars_since_low, just_confirmed)."""
    range_state, turns = state
    range_state, reach = atr_step(range_state, high, low, close, window)
    turns, value = turns_step(turns, high, low, close, reach, reversal)
    return (range_state, turns), value


@step
def turns_step(
    state: TurnsState, high: float, low: float, close: float, reach: float, reversal: float
) -> tuple[TurnsState, SwingsValue]:
    """Take one bar and its ATR (`reach`), return what `swings_step` does."""
    leg, extremes, pivots = state
    if (high + low + close) * 0.0 != 0.0:  # NaN or infinite: no swing spans a gap
        nothing = (NAN, 0.0, NAN, 0.0)
        return (0.0, nothing, nothing), (NAN, NAN, NAN, NAN, NAN, NAN)
    extremes, side = _extremes(extremes, leg, high, low)
    top, top_age, bottom, bottom_age = extremes
    peak, peak_age, trough, trough_age = pivots
    peak_age += 1.0
    trough_age += 1.0
    confirmed = reach * 0.0
    reach *= reversal
    if (side != 0.0) & (0.0 < reach <= top - bottom):  # one rare branch is cheaper than two
        confirmed = 1.0
        leg = side
        if side == 1.0:
            trough, trough_age, bottom = bottom, bottom_age, NAN
        else:
            peak, peak_age, top = top, top_age, NAN
    both = (peak + trough) * 0.0  # NaN until a high and a low are confirmed
    return (
        (leg, (top, top_age, bottom, bottom_age), (peak, peak_age, trough, trough_age)),
        (peak, trough, both - leg, peak_age + peak * 0.0, trough_age + trough * 0.0, confirmed),
    )


SWINGS = Indicator(
    name="swings",
    inputs=("high", "low", "close"),
    outputs=("high_pivot", "low_pivot", "direction", "bars_since_high", "bars_since_low", "just_confirmed"),
    params={"window": 14, "reversal": 3.0},
    start=swings_start,
    step=swings_step,
    warm_up=lambda window, reversal: window,
    scale=(1, 1, 0, 0, 0, 0),
    is_warm_up_fixed=False,
)


def swings(
    high: FloatArray, low: FloatArray, close: FloatArray, window: int = 14, reversal: float = 3.0
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return the last confirmed swing high and swing low on every bar.

    A high is confirmed by the bar that is the lowest since it and lies at least `reversal` times the ATR below it; a
    low is the mirror image.  Highs and lows alternate.  What is confirmed stays: later bars can add pivots, never move
    one.

    Parameters
    ----------
    high, low, close : array of float, shape (n_bars,)
        Prices, oldest first, adjusted for splits.
    window : int, default 14
        Bars of the ATR, at least 1.
    reversal : float, default 3.0
        Move that confirms a pivot, as a multiple of the ATR on the confirming bar, more than 0.

    Returns
    -------
    high_pivot, low_pivot : array of float, shape (n_bars,)
        Prices of the last confirmed high and low; NaN until there is one (never before bar `window`).
    direction : array of float, shape (n_bars,)
        1 if the last confirmed leg is up (a low, then a high), -1 if it is down; NaN until both pivots are known.
    bars_since_high, bars_since_low : array of float, shape (n_bars,)
        Bars from the pivot's own bar to this one.
    just_confirmed : array of float, shape (n_bars,)
        1 on the bar that confirms a pivot, else 0; the first `window` bars are NaN (warm-up).

    Raises
    ------
    BadInput
        If `window` < 1, `reversal` is not above 0, or the columns differ in length.

    Notes
    -----
    Known at the close of the bar it stands on, which is some bars after the pivot's own: a zig-zag drawn on the
    pivot's bar looks ahead.  NaN or infinity forgets every pivot: no swing spans a gap.  A bar that both extends a leg
    and turns back does not end the leg, since its order of prices is not known.

    References
    ----------
    Zig-zag as in Merrill, A. A. (1977), *Filtered Waves*; the filter in ATR instead of percent is ours.

    Examples
    --------
    >>> import numpy as np
    >>> close = np.array([10.0, 11.0, 12.0, 13.0, 11.0, 10.0, 11.0, 13.0, 14.0])
    >>> highs, lows, direction, *_ = swings(close, close, close, window=2, reversal=1.5)
    >>> highs
    array([nan, nan, nan, nan, nan, 13., 13., 13., 13.])
    >>> lows
    array([nan, nan, 10., 10., 10., 10., 10., 10., 10.])
    >>> direction
    array([nan, nan, nan, nan, nan,  1.,  1., -1., -1.])
    """
    columns = interpreted(SWINGS, (high, low, close), {"window": window, "reversal": reversal})
    return columns[0], columns[1], columns[2], columns[3], columns[4], columns[5]
