"""MA Cross signal: the SMA 50 against the SMA 200, golden and death cross."""

from collections.abc import Mapping

from openapex.indicators.atr import atr_start, atr_step
from openapex.indicators.sma import sma_start, sma_step
from openapex.indicators.step import NAN, Indicator, State, step
from openapex.signals.shapes import in_atr, lag_start, lag_step, side_of, squash
from openapex.signals.signal import PriceSignal

DISTANCE_ATR, SLOPE_ATR, CLOSE_ATR = 2.0, 0.8, 2.0
"""Sizes, in ATR, that earn 0.71 of the points of the averages' distance, the slow slope and the close's distance."""
EVENTS = ("golden_cross", "death_cross", "close_above_sma_200", "close_below_sma_200")


@step
def ma_cross_score(distance: float, slope: float, close_distance: float) -> float:
    """Return the score: 20 points for SMA 50 over SMA 200, 15 for the slope of SMA 200, 15 for close over SMA 50.

    All three in ATR; `slope` is the change of the SMA 200 over 20 bars.
    """
    points = 20.0 * squash(distance * (1.0 / DISTANCE_ATR)) + 15.0 * squash(slope * (1.0 / SLOPE_ATR))
    return 50.0 + points + 15.0 * squash(close_distance * (1.0 / CLOSE_ATR))


@step
def ma_cross_signal_start() -> State:
    """Return the state before the first bar: sides of SMA 50 and of the close, then the states of the steps."""
    return 0.0, 0.0, sma_start(50), sma_start(200), lag_start(20), atr_start(14)


@step
def ma_cross_signal_step(state: State, high: float, low: float, close: float) -> tuple[State, tuple[float, ...]]:
    """Take a bar, return score, values and events."""
    last_fast, last_price, fast_state, slow_state, lag_state, atr_state = state
    fast_state, sma_50 = sma_step(fast_state, close, 50)
    slow_state, sma_200 = sma_step(slow_state, close, 200)
    lag_state, sma_200_before = lag_step(lag_state, sma_200, 20)
    atr_state, atr = atr_step(atr_state, high, low, close, 14)
    score, distance, slope, close_distance, fast_side, price_side = NAN, NAN, NAN, NAN, 0.0, 0.0
    known = sma_200 + atr
    if known == known and sma_200 > 0.0:
        distance = in_atr(sma_50 - sma_200, atr, close)
        close_distance = in_atr(close - sma_50, atr, close)
        fast_side = side_of(distance, last_fast)
        price_side = side_of(in_atr(close - sma_200, atr, close), last_price)
        if sma_200_before == sma_200_before:
            slope = in_atr(sma_200 - sma_200_before, atr, close)
            score = ma_cross_score(distance, slope, close_distance)
    crossed = fast_side * last_fast < 0.0
    price_crossed = price_side * last_price < 0.0
    return (fast_side, price_side, fast_state, slow_state, lag_state, atr_state), (
        score,
        sma_50,
        sma_200,
        distance,
        slope,
        close_distance,
        1.0 if crossed and fast_side > 0.0 else 0.0,
        1.0 if crossed and fast_side < 0.0 else 0.0,
        1.0 if price_crossed and price_side > 0.0 else 0.0,
        1.0 if price_crossed and price_side < 0.0 else 0.0,
    )


def warm_up() -> int:
    """Return the number of leading bars without a score: the SMA 200 and its value of 20 bars ago."""
    return 219


def ma_cross_reason(values: Mapping[str, float]) -> str:
    """Return the reason in one sentence, e.g. "SMA 50 is 3.1 % above SMA 200, which rises; close above SMA 50"."""
    gap_pct = 100.0 * (values["sma_50"] / values["sma_200"] - 1.0)
    side = "above" if gap_pct >= 0.0 else "below"
    slope = values["slope"]
    turn = "rises" if slope > 0.05 else "falls" if slope < -0.05 else "is flat"
    close_side = "above" if values["close_distance"] >= 0.0 else "below"
    return f"SMA 50 is {abs(gap_pct):.1f} % {side} SMA 200, which {turn}; close {close_side} SMA 50"


MA_CROSS_SIGNAL = PriceSignal(
    name="ma_cross",
    title="MA Cross",
    indicator=Indicator(
        name="ma_cross_signal",
        inputs=("high", "low", "close"),
        outputs=("score", "sma_50", "sma_200", "distance", "slope", "close_distance", *EVENTS),
        params={},
        start=ma_cross_signal_start,
        step=ma_cross_signal_step,
        warm_up=warm_up,
        scale=(0, 1, 1, 0, 0, 0, *(0,) * len(EVENTS)),
    ),
    event_names=EVENTS,
    reason=ma_cross_reason,
    missing="needs 220 bars",
)
"""SMA 50 against SMA 200, in units of the ATR(14)."""
