"""Volume signal: which way the volume pushed, today and over a month, and spikes at breakouts."""

from collections.abc import Mapping

from openapex.indicators.atr import atr_start, atr_step
from openapex.indicators.ema import ema_start, ema_step
from openapex.indicators.relative_volume import relative_volume_start, relative_volume_step
from openapex.indicators.rolling import rolling_high_start, rolling_high_step, rolling_low_start, rolling_low_step
from openapex.indicators.step import NAN, Indicator, State, step
from openapex.signals.shapes import clamp, in_atr, polyline, squash
from openapex.signals.signal import PriceSignal

INTENSITY_RATIO, INTENSITY = (0.0, 1.0, 2.0, 3.0), (0.0, 0.35, 0.8, 1.0)
SPIKE = 2.0
"""Relative volume from which a day is a spike."""
FLOW = 0.1
"""A mean push of this size earns 0.71 of the flow's points."""
EVENTS = (
    "volume_spike_up",
    "volume_spike_down",
    "breakout_20_on_spike",
    "breakout_55_on_spike",
    "breakdown_20_on_spike",
    "breakdown_55_on_spike",
)


@step
def day_push(high: float, low: float, close: float, change_atr: float) -> float:
    """Return which way a day pushed, −1 to 1: half from its change (full at 1 ATR), half from its close in its range.

    A day without range says nothing by where it closed.
    """
    spread = high - low
    place = clamp((2.0 * close - high - low) / spread, -1.0, 1.0) if spread > 0.0 else 0.0
    return 0.5 * clamp(change_atr, -1.0, 1.0) + 0.5 * place


@step
def volume_score(flow: float, pressure: float, breakout: float) -> float:
    """Return the score: 25 points for a month's flow, 15 for today's pressure, 10 for a breakout on volume."""
    return 50.0 + 25.0 * squash(flow * (1.0 / FLOW)) + 15.0 * pressure + 10.0 * breakout


@step
def breakout_strength(beyond_high: float, beyond_low: float, ratio: float) -> float:
    """Return −1 to 1: how far the close stands beyond the prior extreme (full at half an ATR) times its volume.

    Volume counts from 1× (nothing) to 2× (fully).
    """
    reach = clamp(2.0 * beyond_high, 0.0, 1.0) - clamp(2.0 * beyond_low, 0.0, 1.0)
    return reach * clamp(ratio - 1.0, 0.0, 1.0)


@step
def volume_signal_start() -> State:
    """Return the state before the first bar: last close and extremes, then the states of the steps."""
    averages = (relative_volume_start(20), ema_start(20), ema_start(20), atr_start(14))
    extremes = (rolling_high_start(20), rolling_high_start(55), rolling_low_start(20), rolling_low_start(55))
    return NAN, (NAN, NAN, NAN, NAN), averages, extremes


@step
def extremes_step(state: State, high: float, low: float) -> tuple[State, tuple[float, float, float, float]]:
    """Take a bar, return the highest high and the lowest low of 20 and 55 bars, this one included."""
    high_20_state, high_55_state, low_20_state, low_55_state = state
    high_20_state, high_20 = rolling_high_step(high_20_state, high, 20)
    high_55_state, high_55 = rolling_high_step(high_55_state, high, 55)
    low_20_state, low_20 = rolling_low_step(low_20_state, low, 20)
    low_55_state, low_55 = rolling_low_step(low_55_state, low, 55)
    return (high_20_state, high_55_state, low_20_state, low_55_state), (high_20, high_55, low_20, low_55)


@step
def volume_signal_step(
    state: State, high: float, low: float, close: float, volume: float
) -> tuple[State, tuple[float, ...]]:
    """Take a bar, return score, values and events; an unknown volume leaves the price part of the state alive."""
    last, (high_20, high_55, low_20, low_55), (ratio_state, flow_state, sum_state, atr_state), extremes = state
    atr_state, atr = atr_step(atr_state, high, low, close, 14)
    extremes, latest = extremes_step(extremes, high, low)
    ratio_state, ratio = relative_volume_step(ratio_state, volume, 20)
    score, push, flow = NAN, NAN, NAN
    known = atr + last
    if known == known:
        push = day_push(high, low, close, in_atr(close - last, atr, close))
    flow_state, flow_volume = ema_step(flow_state, push * volume, 20)
    sum_state, mean_volume = ema_step(sum_state, volume if known == known else NAN, 20)
    spike = ratio >= SPIKE
    known = flow_volume + ratio + high_20 + low_20
    if known == known and mean_volume > 0.0:
        flow = flow_volume / mean_volume
        breakout = 0.0
        if not low_20 <= close <= high_20:
            breakout = breakout_strength(in_atr(close - high_20, atr, close), in_atr(low_20 - close, atr, close), ratio)
        score = volume_score(flow, push * polyline(ratio, INTENSITY_RATIO, INTENSITY), breakout)
    return (close, latest, (ratio_state, flow_state, sum_state, atr_state), extremes), (
        score,
        ratio,
        push,
        flow,
        1.0 if spike and close > last else 0.0,
        1.0 if spike and close < last else 0.0,
        1.0 if spike and close > high_20 else 0.0,
        1.0 if spike and close > high_55 else 0.0,
        1.0 if spike and close < low_20 else 0.0,
        1.0 if spike and close < low_55 else 0.0,
    )


def warm_up() -> int:
    """Return the number of leading bars without a score: the first ATR, then 20 bars of volume with a direction."""
    return 33


def volume_reason(values: Mapping[str, float]) -> str:
    """Return the reason in one sentence, e.g. "volume 2.4× its 20-day average, buyers closed the day; …"."""
    ratio, push, flow = values["relative_volume"], values["push"], values["flow"]
    day = "buyers closed the day" if push > 0.1 else "sellers closed the day" if push < -0.1 else "an undecided day"
    strength = "strong " if abs(flow) > FLOW else "mild " if abs(flow) > FLOW / 3 else ""
    side = ("buying" if flow > 0.0 else "selling") if strength else "balance"
    return f"volume {ratio:.1f}× its 20-day average, {day}; a month of {strength}{side}"


VOLUME_SIGNAL = PriceSignal(
    name="volume",
    title="Volume",
    indicator=Indicator(
        name="volume_signal",
        inputs=("high", "low", "close", "volume"),
        outputs=("score", "relative_volume", "push", "flow", *EVENTS),
        params={},
        start=volume_signal_start,
        step=volume_signal_step,
        warm_up=warm_up,
        scale=(0,) * (4 + len(EVENTS)),
    ),
    event_names=EVENTS,
    reason=volume_reason,
    missing="needs 34 bars with a known volume above zero",
)
"""Relative volume (20), its direction, and spikes at breakouts."""
