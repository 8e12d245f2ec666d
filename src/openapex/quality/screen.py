"""A first look at every bar: where one of the rules could decide anything.  Nearly all bars need no second.

It is a step, so it runs over a universe like an indicator.  It may mark too much, never too little.
"""

from math import exp

from openapex.indicators.rolling import rolling_high_start, rolling_high_step
from openapex.indicators.sma import sma_start, sma_step
from openapex.indicators.step import NAN, Indicator, State, step
from openapex.quality.breaks import LN_SUSPECT
from openapex.quality.habit import LEAST, LN_TINY, WINDOW
from openapex.quality.rows import ROUNDING

INFINITE = float("inf")
REFUSED, JUMP, SILENT, THIN, BAD_VOLUME, BAD_ADJUSTED = 1, 2, 4, 8, 16, 32
"""Bits of a mark: a rule of `openapex.quality.rows` refuses the bar; its close may have left the scale of the last; its
volume of zero contradicts the price, may be far below the usual, is impossible; its adjusted close is impossible."""
RISE = exp(LN_SUSPECT) * (1 - 1e-9)
"""A close this many times the last one may be suspicious; a hair less, so that none is missed."""
TINY = exp(LN_TINY) * (1 - 1e-6)
"""A volume whose usual level is this many times as high may be tiny; the highest of a window is at least its median."""
MEAN = 0.5 * TINY * LEAST / WINDOW
"""Half of `LEAST` or more known volumes stand above their median, so the mean of a whole window is this high."""


@step
def screen_start() -> State:
    """Return the state before the first bar: the last close, the highest and the mean volume before, their states."""
    return NAN, 0.0, NAN, rolling_high_start(WINDOW), sma_start(WINDOW)


@step
def is_refused(opening: float, high: float, low: float, close: float) -> bool:
    """Tell whether no bar can have these prices, or one is missing."""
    ceiling, floor = high * (1.0 + ROUNDING), low * (1.0 - ROUNDING)
    is_whole = (opening + high + low + close) * 0.0 == 0.0 and min(opening, high, low, close) > 0.0
    return not (is_whole and max(opening, close) <= ceiling and min(opening, close) >= floor and high >= floor)


@step
def screen_step(
    state: State, opening: float, high: float, low: float, close: float, adjusted: float, volume: float
) -> tuple[State, float]:
    """Take a bar, return its mark: the sum of its bits."""
    last, highest, mean, high_state, mean_state = state
    known = volume if 0.0 < volume < INFINITE else 0.0
    high_state, of_window = rolling_high_step(high_state, known, WINDOW)
    mean_state, mean_after = sma_step(mean_state, known, WINDOW)
    ratio = close / last if last > 0.0 else 1.0
    mark = 1.0 if is_refused(opening, high, low, close) else 0.0
    mark += 2.0 if ratio > RISE or ratio * RISE < 1.0 else 0.0
    mark += 4.0 if volume == 0.0 and (high > low or ratio != 1.0) else 0.0
    mark += 8.0 if volume > 0.0 and TINY * volume < highest and not volume * MEAN >= mean else 0.0
    mark += 16.0 if volume < 0.0 or volume == INFINITE else 0.0
    mark += 32.0 if adjusted <= 0.0 or adjusted == INFINITE else 0.0
    highest = of_window if of_window == of_window else max(highest, known)
    return (close, highest, mean_after, high_state, mean_state), mark


SCREEN = Indicator(
    name="screen",
    inputs=("open", "high", "low", "close", "adj_close", "volume"),
    outputs=("mark",),
    params={},
    start=screen_start,
    step=screen_step,
    warm_up=lambda: 0,
    scale=(0,),
)
