"""The few shapes that every score map is made of: clamped, squashed and piecewise straight, all continuous.

Only ``+ - * /`` and ``sqrt`` are used: IEEE arithmetic rounds these the same way everywhere, so that interpreted and
compiled scores are equal to the last bit (``tanh`` or ``exp`` would depend on the maths library).
"""

import math
from typing import TypeAlias

from openapex.indicators.step import Ring, line_at, ring, step

LagState: TypeAlias = tuple[Ring, int]
"""Buffer of the last `window` values and the place of the oldest."""


@step
def clamp(x: float, low: float, high: float) -> float:
    """Return `x`, held within [`low`, `high`]."""
    if x < low:
        return low
    if x > high:
        return high
    return x


@step
def squash(x: float) -> float:
    """Return ``x / sqrt(1 + x²)``: odd, slope 1 at 0, 0.6 at 3/4, 0.8 at 4/3, ±1 far out."""
    if x > 1e8:
        return 1.0
    if x < -1e8:
        return -1.0
    return x / math.sqrt(1.0 + x * x)


@step
def polyline(x: float, xs: tuple[float, ...], ys: tuple[float, ...]) -> float:
    """Return the height at `x` of straight lines through the knots (`xs`, `ys`), flat outside; `x` must not be NaN."""
    height, slope = line_at(x, xs, ys)
    height += x * slope
    if x <= xs[0]:
        height = ys[0]
    return ys[-1] if x > xs[-1] else height


@step
def in_atr(move: float, atr: float, price: float) -> float:
    """Return a price difference in units of the ATR, 0 where nothing has moved.

    The unit is at least a billionth of `price`: after hundreds of flat bars the ATR decays below the rounding error
    of the averages, and noise must not look like a move.
    """
    unit = atr if atr > 1e-9 * price else 1e-9 * price
    return move * (1.0 / unit) if unit > 0.0 else 0.0  # one division a bar serves every signal


@step
def lag_start(window: int) -> LagState:
    """Return the state before the first value."""
    return ring(window), 0


@step
def lag_step(state: LagState, x: float, window: int) -> tuple[LagState, float]:
    """Take a value, return the one of `window` bars ago (NaN in the first `window` bars)."""
    buffer, at = state
    old = buffer[at]
    buffer[at] = x
    at += 1
    return (buffer, 0 if at == window else at), old


@step
def sma_200_trend(distance: float, slope: float) -> float:
    """Return the trend, −1 to 1: half from the distance to the SMA 200, half from its slope over 20 bars, both in ATR.

    Full marks at 4 ATR of distance and 1 ATR of slope: for an index fund that moves 1 % a day, a close 4 % above an
    average that rose 1 % in a month.
    """
    return 0.5 * clamp(0.25 * distance, -1.0, 1.0) + 0.5 * clamp(slope, -1.0, 1.0)


@step
def side_of(x: float, last: float) -> float:
    """Return 1.0 above zero, −1.0 below, and the `last` side (0.0 at first) within a millionth of zero.

    So a cross is a change of side: touching the line and turning back is none, and neither is rounding noise.
    """
    if x > 1e-6:
        return 1.0
    if x < -1e-6:
        return -1.0
    return last
