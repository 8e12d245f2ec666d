"""RSI signal: Wilder's RSI(14), read by the trend it happens in."""

from collections.abc import Mapping

from openapex.indicators.atr import atr_start, atr_step
from openapex.indicators.rsi import rsi_start, rsi_step
from openapex.indicators.sma import sma_start, sma_step
from openapex.indicators.step import NAN, Indicator, State, step
from openapex.signals.shapes import in_atr, lag_start, lag_step, polyline, sma_200_trend
from openapex.signals.signal import PriceSignal

RANGE_RSI = (0.0, 20.0, 30.0, 50.0, 70.0, 80.0, 100.0)
RANGE_SCORE = (85.0, 80.0, 70.0, 50.0, 30.0, 20.0, 15.0)
UPTREND_RSI = (0.0, 20.0, 30.0, 35.0, 42.0, 50.0, 60.0, 70.0, 80.0, 100.0)
UPTREND_SCORE = (85.0, 85.0, 88.0, 92.0, 92.0, 84.0, 74.0, 50.0, 42.0, 32.0)
EVENTS = (
    "rsi_oversold",
    "rsi_oversold_exit",
    "rsi_overbought",
    "rsi_overbought_exit",
    "rsi_dip_zone_entered",
    "rsi_dip_in_uptrend",
    "rsi_rally_in_downtrend",
)


@step
def rsi_score(rsi: float, trend: float) -> float:
    """Return the score of an RSI in a `trend` of −1 (down) to 1 (up): a blend of the range map and the trend map.

    A downtrend is the mirror image of an uptrend: ``score(rsi, trend) = 100 − score(100 − rsi, −trend)``.
    """
    own = 100.0 - rsi if trend < 0.0 else rsi
    across = polyline(own, RANGE_RSI, RANGE_SCORE)
    score = across + abs(trend) * (polyline(own, UPTREND_RSI, UPTREND_SCORE) - across)
    return 100.0 - score if trend < 0.0 else score


@step
def rsi_signal_start() -> State:
    """Return the state before the first bar: last RSI, then the states of the steps."""
    return NAN, rsi_start(14), atr_start(14), sma_start(200), lag_start(20)


@step
def rsi_signal_step(state: State, high: float, low: float, close: float) -> tuple[State, tuple[float, ...]]:
    """Take a bar, return score, values and events."""
    last, rsi_state, atr_state, sma_state, lag_state = state
    rsi_state, rsi = rsi_step(rsi_state, close, 14)
    atr_state, atr = atr_step(atr_state, high, low, close, 14)
    sma_state, sma_200 = sma_step(sma_state, close, 200)
    lag_state, sma_200_before = lag_step(lag_state, sma_200, 20)
    state = (rsi, rsi_state, atr_state, sma_state, lag_state)
    score, distance_pct, trend = NAN, NAN, NAN
    known = rsi + atr + sma_200_before + sma_200
    if known == known and sma_200 > 0.0:
        distance_pct = 100.0 * (close - sma_200) / sma_200
        slope = in_atr(sma_200 - sma_200_before, atr, close)
        trend = sma_200_trend(in_atr(close - sma_200, atr, close), slope)
        score = rsi_score(rsi, trend)
    dip = last > 42.0 and 35.0 <= rsi <= 42.0
    return state, (
        score,
        rsi,
        distance_pct,
        trend,
        1.0 if last >= 30.0 and rsi < 30.0 else 0.0,
        1.0 if last < 30.0 and rsi >= 30.0 else 0.0,
        1.0 if last <= 70.0 and rsi > 70.0 else 0.0,
        1.0 if last > 70.0 and rsi <= 70.0 else 0.0,
        1.0 if dip else 0.0,
        1.0 if dip and trend > 0.0 else 0.0,
        1.0 if last < 58.0 and 58.0 <= rsi <= 65.0 and trend < 0.0 else 0.0,
    )


def warm_up() -> int:
    """Return the number of leading bars without a score: the SMA 200 and its value of 20 bars ago."""
    return 219


def trend_words(trend: float) -> str:
    """Return the trend in words: beyond a third it is one."""
    if trend > 1 / 3:
        return "in an uptrend"
    return "in a downtrend" if trend < -1 / 3 else "in no clear trend"


def zone_words(rsi: float, trend: float) -> str:
    """Return the zone of an RSI in words."""
    if 35.0 <= rsi <= 42.0:
        return "in the dip zone 35–42"
    if 58.0 <= rsi <= 65.0 and trend < 0.0:
        return "in the rally zone 58–65"
    for edge, words in ((30.0, "oversold"), (35.0, "near oversold"), (58.0, "mid-range"), (70.0, "firm")):
        if rsi < edge:
            return words
    return "overbought"


def rsi_reason(values: Mapping[str, float]) -> str:
    """Return the reason in one sentence, e.g. "RSI 38.4 in the dip zone 35–42 in an uptrend, close 4 % above …"."""
    distance = values["distance_pct"]
    side = "above" if distance >= 0.0 else "below"
    zone = zone_words(values["rsi"], values["trend"])
    return f"RSI {values['rsi']:.1f} {zone} {trend_words(values['trend'])}, close {abs(distance):.1f} % {side} SMA 200"


RSI_SIGNAL = PriceSignal(
    name="rsi",
    title="RSI",
    indicator=Indicator(
        name="rsi_signal",
        inputs=("high", "low", "close"),
        outputs=("score", "rsi", "distance_pct", "trend", *EVENTS),
        params={},
        start=rsi_signal_start,
        step=rsi_signal_step,
        warm_up=warm_up,
        scale=(0,) * (4 + len(EVENTS)),
    ),
    event_names=EVENTS,
    reason=rsi_reason,
    missing="needs 220 bars: the trend decides what an RSI means",
)
"""RSI(14) and the trend (SMA 200) it happens in."""
