"""Bollinger signal: %b of the bands (20, 2 σ), read by how tight the bands are and where they go."""

from collections.abc import Mapping

from openapex.indicators.bollinger import bollinger_start, bollinger_step
from openapex.indicators.rolling import rolling_low_start, rolling_low_step
from openapex.indicators.step import NAN, Indicator, State, step
from openapex.signals.shapes import clamp, in_atr, lag_start, lag_step, polyline
from openapex.signals.signal import PriceSignal

RANGE_B, RANGE_SCORE = (-0.2, 0.0, 0.5, 1.0, 1.2), (88.0, 80.0, 50.0, 20.0, 12.0)
UPTREND_B, UPTREND_SCORE = (0.25, 0.5, 1.0, 1.3), (88.0, 82.0, 70.0, 52.0)
BREAK_B, BREAK_SCORE = (-0.2, 0.0, 0.2, 0.8, 1.0, 1.2), (8.0, 20.0, 44.0, 56.0, 80.0, 92.0)
SQUEEZE_MEMORY = 20.0
"""Bars after the bandwidth's low in which a close outside the bands is a release of that squeeze."""
LONG_AGO = 1000.0
EVENTS = ("squeeze", "squeeze_release_up", "squeeze_release_down")


@step
def bollinger_score(percent_b: float, trend: float, tightness: float) -> float:
    """Return the score of a %b, blended from three maps.

    `trend` (−1 to 1) leads from the range map to the trend map, `tightness` (0 to 1) from there to the break map.
    Mirrored: ``score(b, trend, tightness) = 100 − score(1 − b, −trend, tightness)``.
    """
    b = 1.0 - percent_b if trend < 0.0 else percent_b
    along = trend if trend > 0.0 else -trend
    across = polyline(b, RANGE_B, RANGE_SCORE)
    wide = across + along * (polyline(b, UPTREND_B, UPTREND_SCORE) - across)
    if trend < 0.0:
        wide = 100.0 - wide
    if tightness == 0.0:
        return wide
    return wide + tightness * (polyline(percent_b, BREAK_B, BREAK_SCORE) - wide)


@step
def bollinger_signal_start() -> State:
    """Return the state before the first bar: tightness, bars since the bandwidth's low, states of the steps."""
    return 0.0, LONG_AGO, bollinger_start(20, 2.0), lag_start(20), rolling_low_start(126)


@step
def squeeze_tightness(bandwidth: float, lowest: float, last: float) -> float:
    """Return how tight the bands are or just were: 1 at the bandwidth's low of 126 bars, 0 from a quarter above it.

    It fades by a tenth per bar, because the bar that breaks out widens the bands by itself.
    """
    room = 0.25 * lowest if lowest > 4e-9 else 1e-9
    now = clamp(1.0 - (bandwidth - lowest) / room, 0.0, 1.0)
    return now if now > last - 0.1 else last - 0.1


@step
def bollinger_signal_step(state: State, close: float) -> tuple[State, tuple[float, ...]]:
    """Take a bar, return score, values and events."""
    tightness, age, bands_state, lag_state, low_state = state
    last_age = age
    bands_state, (middle, upper, _, percent_b, bandwidth) = bollinger_step(bands_state, close, 20, 2.0)
    lag_state, middle_before = lag_step(lag_state, middle, 20)
    low_state, lowest = rolling_low_step(low_state, bandwidth, 126)
    score, trend = NAN, NAN
    if lowest == lowest:
        trend = clamp(in_atr(middle - middle_before, upper - middle, close) * (1.0 / 1.5), -1.0, 1.0)
        tightness = squeeze_tightness(bandwidth, lowest, tightness)
        score = bollinger_score(percent_b, trend, tightness)
        age = 0.0 if bandwidth <= lowest else age + 1.0
    else:
        tightness, age = 0.0, LONG_AGO
    released = last_age <= SQUEEZE_MEMORY and (percent_b > 1.0 or percent_b < 0.0) and age > 0.0
    squeezed = age == 0.0 and last_age > SQUEEZE_MEMORY
    known_tightness = tightness if score == score else NAN
    return (tightness, LONG_AGO if released else age, bands_state, lag_state, low_state), (
        score,
        percent_b,
        bandwidth,
        trend,
        known_tightness,
        1.0 if squeezed else 0.0,
        1.0 if released and percent_b > 1.0 else 0.0,
        1.0 if released and percent_b < 0.0 else 0.0,
    )


def warm_up() -> int:
    """Return the number of leading bars without a score: the first bandwidth, then its low of 126 bars."""
    return 144


def bollinger_reason(values: Mapping[str, float]) -> str:
    """Return the reason in one sentence, e.g. "%b 0.12 near the lower band, bands 6.1 % wide and in an uptrend"."""
    b, trend = values["percent_b"], values["trend"]
    places = ((0.0, "below the lower band"), (0.2, "near the lower band"), (0.8, "inside the bands"))
    place = next((words for edge, words in places if b < edge), "near the upper band")
    place = "above the upper band" if b > 1.0 else place
    course = "rising" if trend > 1 / 3 else "falling" if trend < -1 / 3 else "sideways"
    tight = "in a squeeze" if values["tightness"] > 0.5 else course
    return f"%b {b:.2f} {place}; bands {tight}, {100.0 * values['bandwidth']:.1f} % wide"


BOLLINGER_SIGNAL = PriceSignal(
    name="bollinger",
    title="Bollinger",
    indicator=Indicator(
        name="bollinger_signal",
        inputs=("close",),
        outputs=("score", "percent_b", "bandwidth", "trend", "tightness", *EVENTS),
        params={},
        start=bollinger_signal_start,
        step=bollinger_signal_step,
        warm_up=warm_up,
        scale=(0,) * (5 + len(EVENTS)),
    ),
    event_names=EVENTS,
    reason=bollinger_reason,
    missing="needs 145 bars",
)
"""Bollinger bands (20, 2 σ): %b, course of the bands, squeeze."""
