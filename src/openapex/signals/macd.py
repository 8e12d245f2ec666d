"""MACD signal: MACD(12, 26, 9) in units of the ATR."""

from collections.abc import Mapping

from openapex.indicators.atr import atr_start, atr_step
from openapex.indicators.macd import macd_start, macd_step
from openapex.indicators.step import NAN, Indicator, State, step
from openapex.signals.shapes import in_atr, side_of, squash
from openapex.signals.signal import PriceSignal

LINE_ATR = 0.8
"""A MACD line this many ATR from zero earns 0.71 of its 25 points."""
HISTOGRAM_ATR = 0.2
"""A histogram this many ATR from zero earns 0.71 of its 25 points."""
EVENTS = ("bullish_cross", "bearish_cross", "zero_cross_up", "zero_cross_down")


@step
def macd_score(line_atr: float, histogram_atr: float) -> float:
    """Return the score of a MACD line and a histogram, both in ATR: 25 points each around 50."""
    return 50.0 + 25.0 * squash(line_atr * (1.0 / LINE_ATR)) + 25.0 * squash(histogram_atr * (1.0 / HISTOGRAM_ATR))


@step
def macd_signal_start() -> State:
    """Return the state before the first bar: sides of the histogram and of the line, then the states of the steps."""
    return 0.0, 0.0, macd_start(12, 26, 9), atr_start(14)


@step
def macd_signal_step(state: State, high: float, low: float, close: float) -> tuple[State, tuple[float, ...]]:
    """Take a bar, return score, values and events."""
    last_above_signal, last_above_zero, macd_state, atr_state = state
    macd_state, (macd, signal, histogram) = macd_step(macd_state, close, 12, 26, 9)
    atr_state, atr = atr_step(atr_state, high, low, close, 14)
    score, line_atr, histogram_atr, above_signal, above_zero = NAN, NAN, NAN, 0.0, 0.0
    known = macd + histogram + atr
    if known == known:
        line_atr = in_atr(macd, atr, close)
        histogram_atr = in_atr(histogram, atr, close)
        above_signal = side_of(histogram_atr, last_above_signal)
        above_zero = side_of(line_atr, last_above_zero)
        score = macd_score(line_atr, histogram_atr)
    crossed = above_signal * last_above_signal < 0.0
    crossed_zero = above_zero * last_above_zero < 0.0
    return (above_signal, above_zero, macd_state, atr_state), (
        score,
        macd,
        signal,
        histogram,
        line_atr,
        histogram_atr,
        1.0 if crossed and above_signal > 0.0 else 0.0,
        1.0 if crossed and above_signal < 0.0 else 0.0,
        1.0 if crossed_zero and above_zero > 0.0 else 0.0,
        1.0 if crossed_zero and above_zero < 0.0 else 0.0,
    )


def warm_up() -> int:
    """Return the number of leading bars without a score: the slow EMA, then the signal line."""
    return 33


def macd_reason(values: Mapping[str, float]) -> str:
    """Return the reason in one sentence, e.g. "MACD 0.21 ATR above its signal line and 0.90 ATR above zero"."""
    line, histogram = values["macd_atr"], values["histogram_atr"]
    of_signal = "above" if histogram >= 0.0 else "below"
    of_zero = "above" if line >= 0.0 else "below"
    joint = "and" if of_signal == of_zero else "but"
    return f"MACD {abs(histogram):.2f} ATR {of_signal} its signal line {joint} {abs(line):.2f} ATR {of_zero} zero"


MACD_SIGNAL = PriceSignal(
    name="macd",
    title="MACD",
    indicator=Indicator(
        name="macd_signal",
        inputs=("high", "low", "close"),
        outputs=("score", "macd", "signal", "histogram", "macd_atr", "histogram_atr", *EVENTS),
        params={},
        start=macd_signal_start,
        step=macd_signal_step,
        warm_up=warm_up,
        scale=(0, 1, 1, 1, 0, 0, *(0,) * len(EVENTS)),
    ),
    event_names=EVENTS,
    reason=macd_reason,
    missing="needs 34 bars",
)
"""MACD(12, 26, 9) in units of the ATR(14)."""
