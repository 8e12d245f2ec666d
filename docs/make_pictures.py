"""Draw the score maps of docs/signals.md from the code itself: ``python docs/make_pictures.py`` writes docs/pictures.

A test compares the committed pictures with what this makes, so a map cannot change without its picture.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from openapex.indicators.fibonacci import RETRACEMENTS
from openapex.signals.bands import panels
from openapex.signals.bollinger import bollinger_score
from openapex.signals.fibonacci import fibonacci_score
from openapex.signals.ma_cross import ma_cross_score
from openapex.signals.macd import macd_score
from openapex.signals.rsi import rsi_score
from openapex.signals.sentiment import HALF_LIFE_DAYS, MAX_AGE_DAYS, sentiment_score
from openapex.signals.shapes import polyline
from openapex.signals.volume import INTENSITY, INTENSITY_RATIO, volume_score

FOLDER = Path(__file__).parent / "pictures"
WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 640, 320, 48, 16, 176, 44
COLOURS = ("#1b7837", "#555555", "#b2182b", "#2166ac")
STEPS = 200


@dataclass(frozen=True, slots=True)
class Picture:
    """Curves of a score over one number.

    Parameters
    ----------
    name, axis : str
        File name without ending; label of the x axis.
    low, high : float
        Ends of the x axis.
    ticks : tuple of float
        Where the x axis is labelled and a thin line drawn.
    curves : tuple of (label, function)
        What to draw, at most four.
    """

    name: str
    axis: str
    low: float
    high: float
    ticks: tuple[float, ...]
    curves: tuple[tuple[str, Callable[[float], float]], ...]


def volume_day(push: float, flow: float, ratio: float) -> float:
    """Return the volume score of a day with this push at this relative volume, without a breakout."""
    return volume_score(flow, push * polyline(ratio, INTENSITY_RATIO, INTENSITY), 0.0)


def headlines_after(n: int, tone: float, days: float) -> float:
    """Return the sentiment score of `n` headlines of one tone, some days after they were published."""
    weight = np.array(n * 0.5 ** (days / HALF_LIFE_DAYS))
    return float(sentiment_score(tone * weight, weight))


def band(name: str) -> Callable[[float], float]:
    """Return the published band of a stock's fact."""
    found = next(band for band in panels()["stock"].bands() if band.field == name)
    return lambda x: float(found.score(np.array([x]))[0])


PICTURES = (
    Picture(
        "rsi",
        "RSI(14)",
        0.0,
        100.0,
        (0.0, 30.0, 35.0, 42.0, 50.0, 58.0, 65.0, 70.0, 100.0),
        (
            ("uptrend (+1)", lambda x: rsi_score(x, 1.0)),
            ("no trend (0)", lambda x: rsi_score(x, 0.0)),
            ("downtrend (−1)", lambda x: rsi_score(x, -1.0)),
        ),
    ),
    Picture(
        "macd",
        "histogram, in ATR",
        -1.0,
        1.0,
        (-1.0, -0.5, 0.0, 0.5, 1.0),
        (
            ("line +1 ATR", partial(macd_score, 1.0)),
            ("line at zero", partial(macd_score, 0.0)),
            ("line −1 ATR", partial(macd_score, -1.0)),
        ),
    ),
    Picture(
        "bollinger",
        "%b",
        -0.5,
        1.5,
        (-0.5, 0.0, 0.5, 1.0, 1.5),
        (
            ("bands rise", lambda x: bollinger_score(x, 1.0, 0.0)),
            ("bands sideways", lambda x: bollinger_score(x, 0.0, 0.0)),
            ("bands fall", lambda x: bollinger_score(x, -1.0, 0.0)),
            ("squeeze", lambda x: bollinger_score(x, 0.0, 1.0)),
        ),
    ),
    Picture(
        "volume",
        "relative volume",
        0.0,
        4.0,
        (0.0, 1.0, 2.0, 3.0, 4.0),
        (
            ("up day, buying", partial(volume_day, 1.0, 0.1)),
            ("up day", partial(volume_day, 1.0, 0.0)),
            ("down day", partial(volume_day, -1.0, 0.0)),
            ("down day, selling", partial(volume_day, -1.0, -0.1)),
        ),
    ),
    Picture(
        "ma_cross",
        "SMA 50 − SMA 200, in ATR",
        -8.0,
        8.0,
        (-8.0, -4.0, -2.0, 0.0, 2.0, 4.0, 8.0),
        (
            ("slope, close +1 ATR", lambda x: ma_cross_score(x, 1.0, 1.0)),
            ("slope, close at 0", lambda x: ma_cross_score(x, 0.0, 0.0)),
            ("slope, close −1 ATR", lambda x: ma_cross_score(x, -1.0, -1.0)),
        ),
    ),
    Picture(
        "fibonacci",
        "share of the swing given back",
        -0.8,
        1.4,
        (-0.618, 0.0, *RETRACEMENTS, 1.0, 1.2),
        (
            ("upswing, turn up", lambda x: fibonacci_score(1.0, x, 1.0)),
            ("upswing", lambda x: fibonacci_score(1.0, x, 0.0)),
            ("downswing", lambda x: fibonacci_score(-1.0, x, 0.0)),
            ("downswing, turn up", lambda x: fibonacci_score(-1.0, x, 1.0)),
        ),
    ),
    Picture(
        "sentiment",
        "days since the headlines were published",
        0.0,
        MAX_AGE_DAYS,
        (0.0, 3.0, 6.0, 9.0, 14.0),
        (
            ("3 good headlines", partial(headlines_after, 3, 1.0)),
            ("1 good headline", partial(headlines_after, 1, 1.0)),
            ("1 bad headline", partial(headlines_after, 1, -1.0)),
            ("1 mildly good", partial(headlines_after, 1, 0.5)),
        ),
    ),
    Picture(
        "fundamentals",
        "P/E, or growth, net margin and return on equity in %",
        0.5,
        50.0,
        (0.5, 8.0, 12.0, 20.0, 30.0, 50.0),
        (
            ("P/E", band("trailing_pe")),
            ("revenue growth", band("revenue_growth_pct")),
            ("net margin", band("profit_margin_pct")),
            ("return on equity", band("return_on_equity_pct")),
        ),
    ),
)


def svg(picture: Picture) -> str:
    """Return the picture as SVG text."""
    wide, tall = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def across(x: float) -> float:
        return LEFT + wide * (x - picture.low) / (picture.high - picture.low)

    def down(score: float) -> float:
        return TOP + tall * (1.0 - score / 100.0)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"',
        ' font-family="sans-serif" font-size="11">',
        f"<title>Score over {picture.axis}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
    ]
    for score in (0, 35, 50, 75, 100):
        y = down(score)
        parts.append(f'<path d="M{LEFT} {y:.1f}h{wide}" stroke="#dddddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{score}</text>')
    for tick in picture.ticks:
        x = across(tick)
        parts.append(f'<path d="M{x:.1f} {TOP}v{tall}" stroke="#eeeeee"/>')
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - 28}" text-anchor="middle" font-size="9">{tick:g}</text>')
    parts.append(f'<text x="{LEFT + wide / 2:.1f}" y="{HEIGHT - 10}" text-anchor="middle">{picture.axis}</text>')
    for i, (label, curve) in enumerate(picture.curves):
        xs = [picture.low + (picture.high - picture.low) * k / STEPS for k in range(STEPS + 1)]
        points = " ".join(f"{across(x):.1f},{down(curve(x)):.1f}" for x in xs)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{COLOURS[i]}" stroke-width="2"/>')
        y = TOP + 14 + 18 * i
        parts.append(f'<path d="M{WIDTH - RIGHT + 12} {y - 4}h18" stroke="{COLOURS[i]}" stroke-width="2"/>')
        parts.append(f'<text x="{WIDTH - RIGHT + 36}" y="{y}">{label}</text>')
    return "\n".join([*parts, "</svg>", ""])


def main() -> None:
    """Write every picture."""
    FOLDER.mkdir(exist_ok=True)
    for picture in PICTURES:
        (FOLDER / f"{picture.name}.svg").write_text(svg(picture), encoding="utf-8")


if __name__ == "__main__":
    main()
