"""Fibonacci signal: where the price stands in the last confirmed swing, and how it reacts at the levels."""

from collections.abc import Mapping

from openapex.indicators.atr import atr_start, atr_step
from openapex.indicators.fibonacci import RETRACEMENTS, Levels, fibonacci_levels
from openapex.indicators.step import NAN, Indicator, State, step
from openapex.indicators.swings import turns_start, turns_step
from openapex.signals.shapes import in_atr, polyline
from openapex.signals.signal import PriceSignal

LEVEL_WEIGHT = (0.4, 0.7, 0.7, 1.0, 0.4)
"""How much a reaction at each of `RETRACEMENTS` counts; 61.8 % is the key level."""
UPSWING_RETRACEMENT = (-0.618, 0.0, 0.236, 0.382, 0.5, 0.618, 0.786, 1.0, 1.2)
UPSWING_SCORE = (60.0, 70.0, 70.0, 76.0, 80.0, 85.0, 66.0, 40.0, 20.0)
REACTION_MEMORY = 0.8
"""A reaction fades by a fifth per bar."""
NEAR_ATR = 0.25
REVERSAL = 3.0
"""A swing point is confirmed when the close has come back this many ATR from it."""
EVENTS = (
    "fib_618_bounce_up",
    "fib_618_bounce_down",
    "fib_swing_broken_up",
    "fib_swing_broken_down",
    "fib_new_upswing",
    "fib_new_downswing",
)


@step
def fibonacci_score(direction: float, retracement: float, reaction: float) -> float:
    """Return the score: the map of an upswing (mirrored for a downswing) and up to 15 points for the reaction.

    `retracement` is the share of the swing that the price has given back: 0 at its end, 1 at its start.
    """
    place = polyline(retracement, UPSWING_RETRACEMENT, UPSWING_SCORE)
    return (place if direction > 0.0 else 100.0 - place) + 15.0 * reaction


@step
def touch_and_turn(touch_atr: float, close_atr: float) -> float:
    """Return 0 to 1: how near the day's extreme came to a level times how far the close turned away, both in ATR.

    A touch within half an ATR counts, a turn of half an ATR counts fully.
    """
    return max(1.0 - 2.0 * abs(touch_atr), 0.0) * min(2.0 * abs(close_atr), 1.0)


@step
def level_reactions(levels: Levels, high: float, low: float, close: float, atr: float) -> tuple[float, float]:
    """Return the strongest turn up and the strongest turn down at any level, 0 to 1 each, weighted by level."""
    up, down, near, per_atr = 0.0, 0.0, 0.5 * atr, in_atr(1.0, atr, close)
    for i in range(len(LEVEL_WEIGHT)):
        level = levels[i]
        is_over = close > level
        reach = (low if is_over else high) - level
        if abs(reach) < near:
            turn = LEVEL_WEIGHT[i] * touch_and_turn(per_atr * reach, per_atr * (close - level))
            up = max(up, turn if is_over else 0.0)
            down = max(down, 0.0 if is_over else turn)
    return up, down


@step
def nearest_level(levels: Levels, close: float) -> tuple[float, float]:
    """Return the ratio and the price of the level nearest to the close."""
    ratio, price, gap = RETRACEMENTS[0], levels[0], abs(close - levels[0])
    for i in range(1, len(RETRACEMENTS)):
        if abs(close - levels[i]) < gap:
            ratio, price, gap = RETRACEMENTS[i], levels[i], abs(close - levels[i])
    return ratio, price


@step
def dominant_swing(
    swing: tuple[float, float, float], high_pivot: float, low_pivot: float, direction: float
) -> tuple[float, float, float]:
    """Return the swing (low, high, direction) to measure, given the pivots confirmed so far.

    It is the last confirmed swing that ended outside the one before; a smaller swing inside it is a correction, and a
    correction must not turn the levels over.
    """
    if direction != direction:
        return NAN, NAN, NAN
    low, high, _ = swing
    ends_outside = high_pivot > high if direction > 0.0 else low_pivot < low
    return (low_pivot, high_pivot, direction) if low != low or ends_outside else swing


@step
def fibonacci_signal_start() -> State:
    """Return the state before the first bar: swing, reactions up and down, last close, then the states of the steps."""
    return (NAN, NAN, NAN), 0.0, 0.0, NAN, turns_start(), atr_start(14)


HIDDEN = ("atr", "high_pivot", "low_pivot")
"""What the step computes on its way and the key statistics need too: ATR(14), the last confirmed high and low."""


@step
def fibonacci_signal_step(state: State, high: float, low: float, close: float) -> tuple[State, tuple[float, ...]]:
    """Take a bar, return score, values and events."""
    last_swing, up, down, last, turns_state, atr_state = state
    atr_state, atr = atr_step(atr_state, high, low, close, 14)
    turns_state, pivots = turns_step(turns_state, high, low, close, atr, REVERSAL)
    swing = dominant_swing(last_swing, pivots[0], pivots[1], pivots[2])
    swing_low, swing_high, direction = swing
    known = direction + atr
    if known != known or not swing_high > swing_low:
        return (swing, 0.0, 0.0, close, turns_state, atr_state), (
            NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, atr, pivots[0], pivots[1], 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        )  # fmt: skip
    levels = fibonacci_levels(swing_low, swing_high, direction)
    turn_up, turn_down = level_reactions(levels, high, low, close, atr)
    up = turn_up if turn_up > REACTION_MEMORY * up else REACTION_MEMORY * up
    down = turn_down if turn_down > REACTION_MEMORY * down else REACTION_MEMORY * down
    ratio, price = nearest_level(levels, close)
    given_back = swing_high - close if direction > 0.0 else close - swing_low
    retracement = given_back / (swing_high - swing_low)
    key, near = levels[3], NEAR_ATR * atr
    return (swing, up, down, close, turns_state, atr_state), (
        fibonacci_score(direction, retracement, up - down),
        ratio,
        price,
        in_atr(close - price, atr, close),
        swing_low,
        swing_high,
        direction,
        retracement,
        up - down,
        atr,
        pivots[0],
        pivots[1],
        1.0 if direction > 0.0 and -near <= low - key <= near <= close - key else 0.0,
        1.0 if direction < 0.0 and -near <= key - high <= near <= key - close else 0.0,
        1.0 if direction < 0.0 and last <= swing_high < close else 0.0,
        1.0 if direction > 0.0 and last >= swing_low > close else 0.0,
        1.0 if direction > 0.0 and swing_high != last_swing[1] else 0.0,
        1.0 if direction < 0.0 and swing_low != last_swing[0] else 0.0,
    )


def warm_up() -> int:
    """Return the least number of leading bars without a score; after it two swing points must be confirmed."""
    return 14


def fibonacci_reason(values: Mapping[str, float]) -> str:
    """Return the reason in one sentence, e.g. "0.3 ATR above 61.8 % (162.92) of the upswing 140.00–200.00"."""
    swing = "upswing" if values["direction"] > 0.0 else "downswing"
    span = f"{values['swing_low']:.2f}–{values['swing_high']:.2f}"
    if values["retracement"] > 1.0:
        return f"close beyond the start of the {swing} {span}: it is broken"
    if values["retracement"] < 0.0:
        return f"close beyond the end of the {swing} {span}: it goes on"
    side = "above" if values["distance_atr"] >= 0.0 else "below"
    reaction = values["reaction"]
    turn = ", after a bounce" if reaction > 0.2 else ", after a rejection" if reaction < -0.2 else ""
    level = f"{100.0 * values['level']:.1f} % ({values['level_price']:.2f})"
    return f"{abs(values['distance_atr']):.1f} ATR {side} {level} of the {swing} {span}{turn}"


FIBONACCI_SIGNAL = PriceSignal(
    name="fibonacci",
    title="Fibonacci",
    indicator=Indicator(
        name="fibonacci_signal",
        inputs=("high", "low", "close"),
        outputs=(
            "score",
            "level",
            "level_price",
            "distance_atr",
            "swing_low",
            "swing_high",
            "direction",
            "retracement",
            "reaction",
            *HIDDEN,
            *EVENTS,
        ),
        params={},
        start=fibonacci_signal_start,
        step=fibonacci_signal_step,
        warm_up=warm_up,
        is_warm_up_fixed=False,
        scale=(0, 0, 1, 0, 1, 1, 0, 0, 0, 1, 1, 1, *(0,) * len(EVENTS)),
    ),
    event_names=EVENTS,
    hidden=HIDDEN,
    reason=fibonacci_reason,
    missing="no swing is confirmed yet",
)
"""Retracement of the last confirmed swing and the reaction at its levels."""
